/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ctlkit -- see ctlkit.h.
 * Contract: ctlkit.h. */
#include "ctlkit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/real.h"
#include "tap.h"

#define TEXT_MAX	((size_t)64 << 20)
#define ROUNDS_MAX	200

static struct world_table *
table(struct ctl *c, const char *resource)
{
	char text[128], *slash;

	snprintf(text, sizeof(text), "%s", resource);
	slash = strchr(text, '/');
	if (slash == NULL)
		return (world_table(&c->w, "", text));
	*slash = '\0';
	return (world_table(&c->w, text, slash + 1));
}

void
ctl_open(struct ctl *c, const char *plugin)
{
	static const struct pin_env_services *services;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_report rep = { 0 };
	const struct pin_plugin *p;
	char file[512];
	uint32_t i;

	memset(c, 0, sizeof(*c));
	snprintf(file, sizeof(file), "%s/plugins/controller/%s.so",
	    tap_build(), plugin);
	if (pin_module_open(pin_host_real(), NULL, file, PIN_KIND_CONTROLLER,
	    plugin, &c->module, &err) != PIN_OK)
		BAIL("%s", err.text);
	p = pin_module_plugin(c->module);
	c->ops = p->ops;
	c->sim = pin_sim_new(&(struct pin_sim_opts){ .seed = 1 });
	c->env = pin__env_new(pin_sim_host(c->sim, 0), "controllers", plugin,
	    "/data", &services);
	c->conf = pin_conf_parse("", p->options, &rep);
	if (c->conf == NULL || pin__plugin_open(p, c->env, c->conf, &c->self,
	    &err) != PIN_OK)
		BAIL("%s does not open: %s", plugin, err.text);
	world_init(&c->w);
	reconcile_init(&c->rec, pin_sim_host(c->sim, 0));
	for (i = 0; c->ops->watches[i].resource != NULL; i++)
		c->rec.cache[i] = &world_table(&c->w,
		    c->ops->watches[i].group,
		    c->ops->watches[i].resource)->cache;
	c->rec.ncaches = i;
	c->plans = pin_arena_new(TEXT_MAX);
}

void
ctl_close(struct ctl *c)
{
	pin__plugin_close(pin_module_plugin(c->module), c->self);
	live_free(&c->live);
	free(c->text);
	reconcile_fini(&c->rec);
	world_fini(&c->w);
	pin_arena_free(&c->plans);
	pin_conf_free(&c->conf);
	pin__env_free(&c->env);
	pin_sim_free(&c->sim);
	pin_module_put(&c->module);
}

/* ---- the world ------------------------------------------------------- */

void
ctl_put(struct ctl *c, const char *resource, const char *fmt, ...)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;
	struct pin_str ns, name;
	char *json;
	size_t n;
	va_list ap;

	json = pin_xmalloc(1 << 20);
	va_start(ap, fmt);
	n = (size_t)vsnprintf(json, 1 << 20, fmt, ap);
	va_end(ap);
	if (pin_obj_parse(NULL, json, n, &o, &err) != PIN_OK)
		BAIL("%s: %s in %s", resource, err.text, json);
	ns = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "namespace", NULL));
	name = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "name", NULL));
	if (world_create(&c->w, table(c, resource), ns, name,
	    (struct pin_str){ json, n }) == 409 && world_patch(&c->w,
	    table(c, resource), ns, name,
	    PIN_STR("application/merge-patch+json"),
	    (struct pin_str){ json, n }) != 200)
		BAIL("%s: %s", resource, json);
	pin_obj_free(&o);
	free(json);
}

void
ctl_delete(struct ctl *c, const char *resource, const char *ns,
    const char *name)
{
	(void)world_delete(&c->w, table(c, resource), pin_str(ns),
	    pin_str(name), PIN_STR_NONE);
}

char *
ctl_get(struct ctl *c, const char *resource, const char *ns,
    const char *name)
{
	char key[CACHE_KEY_MAX];
	struct cache_entry *e = cache_get(&table(c, resource)->cache,
	    (struct pin_str){ key, cache_key(key, pin_str(ns),
	    pin_str(name)) });
	struct pin_str s = e != NULL ? cache_bytes(e) : PIN_STR_NONE;

	return (e != NULL ? pin_xstrndup(s.p, s.len) : NULL);
}

/* ---- plans ------------------------------------------------------------ */

void
ctl_refused(struct ctl *c, int verb, const char *resource,
    const char *status)
{
	struct live_result *l = pin_xcalloc(1, sizeof(*l) + strlen(resource) +
	    1);

	memcpy(l->path, resource, strlen(resource));
	l->verb = LIVE_REFUSED + (uint32_t)verb;
	l->buf = pin_buf_copy(status, strlen(status));
	l->len = strlen(status);
	l->next = c->live;
	c->live = l;
}

static char *
text_of(const struct pin_plan *p)
{
	static const char *const verbs[] = { "", "create", "update", "patch",
	    "delete", "delete-all" };
	const struct plan_write *w;
	const struct plan_event *e;
	struct pin_out o;
	char *s;

	pin_out_init(&o, NULL, TEXT_MAX);
	for (w = p->writes; w != NULL; w = w->next)
		pin_out_printf(&o, "%s " PIN_SFMT " " PIN_SFMT "\n",
		    verbs[w->verb], PIN_SARG(w->path), PIN_SARG(w->body));
	for (e = p->events; e != NULL; e = e->next)
		pin_out_printf(&o, "event " PIN_SFMT " " PIN_SFMT " " PIN_SFMT
		    "\n", PIN_SARG(e->says.type), PIN_SARG(e->says.reason),
		    PIN_SARG(e->says.message));
	pin_out_char(&o, '\0');
	s = pin_xstrdup(o.p);
	pin_out_fini(&o);
	return (s);
}

static void
live_read(struct ctl *c, struct pin_str path)
{
	struct live_result *l = pin_xcalloc(1, sizeof(*l) + path.len + 1);
	struct pin_out o;

	memcpy(l->path, path.p, path.len);
	pin_out_init(&o, NULL, TEXT_MAX);
	if (world_read(&c->w, path, &o) == 200) {
		l->buf = pin_buf_copy(o.p, o.len);
		l->len = o.len;
	}
	pin_out_fini(&o);
	l->next = c->live;
	c->live = l;
}

static struct pin_plan *
plan(struct ctl *c, const char *ns, const char *name)
{
	struct pin_err err = PIN_ERR_INIT;
	const struct plan_live *l;
	struct pin_plan *p;
	int rc;

	pin_arena_reset(c->plans);
	p = plan_new(c->plans);
	reconcile_begin(&c->rec, c->live);
	if (c->now != 0)
		c->rec.now = c->now;
	rc = c->ops->reconcile(c->self, &c->rec, pin_str(ns), pin_str(name),
	    p, &err);
	live_free(&c->live);
	if (rc != PIN_OK || p->failed != PIN_OK || c->rec.failed != PIN_OK)
		BAIL("%s/%s: %s%s", ns, name, err.text, p->err.text);
	free(c->text);
	c->text = text_of(p);
	c->requeue_ms = p->requeue ? p->requeue_ms + 1 : 0;
	for (l = p->lives; l != NULL; l = l->next)
		live_read(c, l->path);
	return (p);
}

const char *
ctl_plan(struct ctl *c, const char *ns, const char *name)
{
	(void)plan(c, ns, name);
	return (c->text);
}

static int
carry_out(struct ctl *c, const struct pin_plan *p)
{
	const struct plan_write *w;
	int status;

	for (w = p->writes; w != NULL; w = w->next) {
		status = world_write(&c->w, w);
		if (status >= 300)
			BAIL("%d: " PIN_SFMT "\n%s", status,
			    PIN_SARG(w->path), c->text);
	}
	return (p->nwrites > 0 || p->nlives > 0);
}

const char *
ctl_do(struct ctl *c, const char *ns, const char *name)
{
	(void)carry_out(c, plan(c, ns, name));
	return (c->text);
}

int
ctl_settle(struct ctl *c, const char *ns, const char *name)
{
	int n = 0;

	while (carry_out(c, plan(c, ns, name)))
		if (++n == ROUNDS_MAX)
			BAIL("%s/%s never settles: %s", ns, name, c->text);
	return (n);
}

/* ---- maps --------------------------------------------------------------- */

static void
key_add(void *arg, struct pin_str ns, struct pin_str name)
{
	struct ctl *c = arg;

	if (c->nkeys < PIN_LEN(c->key))
		snprintf(c->key[c->nkeys++], sizeof(c->key[0]), PIN_SFMT "/"
		    PIN_SFMT, PIN_SARG(ns), PIN_SARG(name));
}

void
ctl_map(struct ctl *c, uint32_t row, const char *json, const char *before)
{
	struct pin_keys keys = { .add = key_add, .arg = c };
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o, *b = NULL;

	c->nkeys = 0;
	reconcile_begin(&c->rec, NULL);
	keys.arena = c->rec.arena;
	if (pin_obj_parse(c->rec.arena, json, strlen(json), &o, &err) !=
	    PIN_OK || (before != NULL && pin_obj_parse(c->rec.arena, before,
	    strlen(before), &b, &err) != PIN_OK))
		BAIL("%s", err.text);
	c->ops->watches[row].map(c->self, &c->rec, o, b, &keys);
}

int
ctl_count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return (n);
}
