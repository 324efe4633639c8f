/* SPDX-License-Identifier: BSD-2-Clause
 *
 * authenv.c -- see authenv.h.
 * Threads and contract: authenv.h. */
#include "authenv.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_int.h"
#include "core/host/real.h"
#include "core/loader/call.h"
#include "core/loader/stage.h"
#include "core/tls/tls.h"
#include "tap.h"

/* ---- the cluster ---------------------------------------------------- */

struct thing {
	struct thing	*next;
	char		*group, *resource, *ns, *name;
	struct pin_buf	*value;
	uint64_t	 revision;
};

struct ae_view {
	struct ae_view	*next;
	char		 group[128], resource[128];
	pin_view_changed_fn *changed;
	void		*arg;
};

static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER;
static struct thing *things;
static struct ae_view *views;
static uint64_t revision;

static void
tell(const struct ae_view *v, const struct thing *t, struct pin_buf *before)
{
	struct pin_view_event ev = { .size = sizeof(ev), .object = t->value,
	    .before = before, .revision = t->revision };

	ev.namespace = pin_str(t->ns);
	ev.name = pin_str(t->name);
	if (strcmp(v->group, t->group) == 0 &&
	    strcmp(v->resource, t->resource) == 0)
		v->changed(v->arg, &ev);
}

static struct thing **
find(const char *group, const char *resource, struct pin_str ns,
    struct pin_str name)
{
	struct thing **at;

	for (at = &things; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->group, group) == 0 &&
		    strcmp((*at)->resource, resource) == 0 &&
		    pin_str_is(ns, (*at)->ns) && pin_str_is(name,
		    (*at)->name))
			break;
	return (at);
}

static void
thing_free(struct thing *t)
{
	pin_buf_put(&t->value);
	free(t->group);
	free(t->resource);
	free(t->ns);
	free(t->name);
	free(t);
}

void
ae_put(const char *group, const char *resource, const char *ns,
    const char *name, const char *json)
{
	struct thing **at, *t;
	struct pin_buf *before;
	struct ae_view *v;

	pthread_mutex_lock(&world);
	at = find(group, resource, pin_str(ns), pin_str(name));
	t = *at;
	if (t == NULL && json == NULL)
		BAIL("no %s %s to delete", resource, name);
	if (t == NULL) {
		t = pin_xcalloc(1, sizeof(*t));
		t->group = pin_xstrdup(group);
		t->resource = pin_xstrdup(resource);
		t->ns = pin_xstrdup(ns);
		t->name = pin_xstrdup(name);
		*at = t;
	}
	before = t->value;
	t->value = json != NULL ? pin_buf_copy(json, strlen(json)) : NULL;
	t->revision = ++revision;
	for (v = views; v != NULL; v = v->next)
		tell(v, t, before);
	pin_buf_put(&before);
	if (json == NULL) {
		*at = t->next;
		thing_free(t);
	}
	pthread_mutex_unlock(&world);
}

void
ae_clear(void)
{
	struct thing *t;

	while ((t = things) != NULL) {
		things = t->next;
		thing_free(t);
	}
}

int
ae_views(void)
{
	struct ae_view *v;
	int n = 0;

	for (v = views; v != NULL; v = v->next)
		n++;
	return (n);
}

static int
world_read(void *arg, const char *group, const char *resource,
    struct pin_str ns, struct pin_str name, struct pin_buf **out,
    uint64_t *rev, struct pin_err *err)
{
	struct thing *t;

	(void)arg;
	pthread_mutex_lock(&world);
	t = *find(group, resource, ns.len > 0 ? ns : PIN_STR(""), name);
	if (t != NULL) {
		*out = pin_buf_get(t->value);
		if (rev != NULL)
			*rev = t->revision;
	}
	pthread_mutex_unlock(&world);
	return (t != NULL ? PIN_OK : pin_err_set(err, PIN_ENOTFOUND, "none"));
}

static int
world_view_open(void *arg, const char *group, const char *resource,
    pin_view_changed_fn *changed, void *changed_arg, void **out,
    struct pin_err *err)
{
	struct ae_view *v = pin_xcalloc(1, sizeof(*v));
	struct thing *t;

	(void)arg;
	(void)err;
	snprintf(v->group, sizeof(v->group), "%s", group);
	snprintf(v->resource, sizeof(v->resource), "%s", resource);
	v->changed = changed;
	v->arg = changed_arg;
	pthread_mutex_lock(&world);
	for (t = things; t != NULL; t = t->next)
		tell(v, t, NULL);
	v->next = views;
	views = v;
	pthread_mutex_unlock(&world);
	*out = v;
	return (PIN_OK);
}

static void
world_view_close(void *arg, void *view)
{
	struct ae_view **at;

	(void)arg;
	pthread_mutex_lock(&world);
	for (at = &views; *at != view; at = &(*at)->next)
		;
	*at = (*at)->next;
	pthread_mutex_unlock(&world);
	free(view);
}

static int
world_view_synced(void *arg, const void *view)
{
	(void)arg;
	(void)view;
	return (1);
}

static const struct pin_env_services world_services = {
	.read = world_read, .view_open = world_view_open,
	.view_close = world_view_close, .view_synced = world_view_synced };
static const struct pin_env_services *services = &world_services;

void
ae_blind(int yes)
{
	services = yes ? NULL : &world_services;
}

/* ---- the plugin ----------------------------------------------------- */

static void
set_options(struct pin_conf *conf, const char *opts)
{
	struct pin_report rep = { 0 };
	const struct pin_option *o;
	struct pin__value *v;
	char word[512], *eq;
	size_t len;

	for (; opts != NULL && *opts != '\0'; opts += len +
	    (opts[len] == ' ')) {
		len = strcspn(opts, " ");
		snprintf(word, sizeof(word), "%.*s", (int)len, opts);
		eq = strchr(word, '=');
		if (eq == NULL)
			BAIL("option without =: %s", word);
		*eq = '\0';
		o = pin__option_find(conf->options, word);
		if (o == NULL)
			BAIL("no option %s", word);
		v = &conf->value[o - conf->options];
		if (pin__value_parse(v, o, eq + 1, NULL, "test", &rep) != 0)
			BAIL("option %s=%s", word, eq + 1);
		v->given = 1;
	}
	if (pin__conf_finish(conf, NULL, &rep) != PIN_OK)
		BAIL("options");
	pin_report_fini(&rep);
}

int
ae_open(struct ae *ae, const char *name, const char *opts, const char *data,
    struct pin_err *err)
{
	char path[4096];
	int rc;

	memset(ae, 0, sizeof(*ae));
	snprintf(path, sizeof(path), "%s/plugins/auth/%s.so", tap_build(),
	    name);
	ae->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (ae->handle == NULL)
		BAIL("%s", dlerror());
	ae->plugin = dlsym(ae->handle, "pin_plugin");
	if (ae->plugin == NULL)
		BAIL("%s: no pin_plugin", path);
	ae->env = pin__env_new(pin_host_real(), "auth", name, data, &services);
	ae->conf = pin__conf_new(ae->plugin->options, "test");
	set_options(ae->conf, opts);
	rc = pin__plugin_open(ae->plugin, ae->env, ae->conf, &ae->self, err);
	ae->stage.magic = PIN_STAGE_MAGIC;
	ae->stage.section = ((const struct pin_auth_ops *)ae->plugin->ops)->
	    authenticate != NULL ? PIN_SECTION_AUTHENTICATION :
	    PIN_SECTION_AUTHORIZATION;
	ae->stage.mode = PIN_MODE_ENFORCE;
	ae->stage.name = name;
	ae->stage.plugin = ae->plugin;
	ae->stage.ops = ae->plugin->ops;
	ae->stage.self = ae->self;
	ae->stage.deadline_ns = UINT64_C(10000000000);
	ae->stage.budget_ns = UINT64_MAX;
	if (rc != PIN_OK)
		ae_close(ae);
	return (rc);
}

void
ae_close(struct ae *ae)
{
	if (ae->self != NULL)
		pin__plugin_close(ae->plugin, ae->self);
	pin_conf_free(&ae->conf);
	pin__env_free(&ae->env);
	dlclose(ae->handle);
	memset(ae, 0, sizeof(*ae));
}

/* ---- loops ---------------------------------------------------------- */

static struct {
	struct pin_loop	*loop;
	struct pin_calls *calls;
	struct pin_arena *arena;
} fronts[AE_LOOPS];

struct job {
	struct pin_msg	 msg;
	void		(*fn)(void *arg, int loop);
	void		*arg;
	int		 loop;
	int		*left;
	pthread_mutex_t	*lock;
	pthread_cond_t	*done;
};

static void
job_run(struct pin_msg *msg)
{
	struct job *j = (struct job *)(void *)msg;

	j->fn(j->arg, j->loop);
	pthread_mutex_lock(j->lock);
	if (--*j->left == 0)
		pthread_cond_signal(j->done);
	pthread_mutex_unlock(j->lock);
}

static void
run_on(int first, int n, void (*fn)(void *, int), void *arg)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t done = PTHREAD_COND_INITIALIZER;
	struct job jobs[AE_LOOPS];
	int left = n, i;

	for (i = 0; i < n; i++) {
		jobs[i] = (struct job){ .msg.fn = job_run, .fn = fn,
		    .arg = arg, .loop = first + i, .left = &left,
		    .lock = &lock, .done = &done };
		pin_loop_post(fronts[first + i].loop, &jobs[i].msg);
	}
	pthread_mutex_lock(&lock);
	while (left > 0)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
}

void
ae_all(void (*fn)(void *arg, int loop), void *arg)
{
	run_on(0, AE_LOOPS, fn, arg);
}

void
ae_one(void (*fn)(void *arg, int loop), void *arg)
{
	run_on(0, 1, fn, arg);
}

void
ae_init(void)
{
	struct pin_err err = PIN_ERR_INIT;
	int i;

	for (i = 0; i < AE_LOOPS; i++) {
		fronts[i].arena = pin_arena_new(8u << 20);
		if (pin_loop_open(pin_host_real(), "front", &fronts[i].loop,
		    &err) != PIN_OK)
			BAIL("%s", err.text);
		fronts[i].calls = pin_calls_new(fronts[i].loop);
		if (pin_loop_start(fronts[i].loop, &err) != PIN_OK)
			BAIL("%s", err.text);
	}
}

void
ae_fini(void)
{
	int i;

	for (i = 0; i < AE_LOOPS; i++) {
		pin_loop_stop(fronts[i].loop);
		pin_loop_close(&fronts[i].loop);
		pin_calls_free(&fronts[i].calls);
		pin_arena_free(&fronts[i].arena);
	}
	ae_clear();
}

/* ---- questions ------------------------------------------------------ */

static void
on_resume(void *arg, int verdict, const struct pin_err *err)
{
	(void)arg;
	(void)verdict;
	(void)err;
	BAIL("an auth plugin here answers at once");
}

static void
on_release(void *arg)
{
	(void)arg;
}

static struct pin_call *
call_open(int loop)
{
	struct pin_call_owner owner = { .arena = fronts[loop].arena,
	    .resume = on_resume, .release = on_release };

	return (pin_call_new(fronts[loop].calls, &owner));
}

static void
call_close(int loop, struct pin_call *call, struct ae_answer *a)
{
	const struct pin_call_line *line;
	uint32_t n = pin_call_notes(call, &line);

	if (a != NULL) {
		snprintf(a->err, sizeof(a->err), "%s",
		    pin_call_error(call)->text);
		if (n > 0 && a->text[0] == '\0')
			snprintf(a->text, sizeof(a->text), PIN_SFMT,
			    PIN_SARG(line[n - 1].text));
	}
	if (pin_call_end(&call))
		BAIL("a call is still out");
	pin_arena_reset(fronts[loop].arena);
}

static void
print_user(const struct pin_user *u, struct ae_answer *a)
{
	struct pin_out o;
	uint32_t i;

	pin_out_init(&o, NULL, AE_TEXT_MAX - 1);
	pin_out_printf(&o, PIN_SFMT "/" PIN_SFMT " [", PIN_SARG(u->name),
	    PIN_SARG(u->uid));
	for (i = 0; i < u->ngroups; i++)
		pin_out_printf(&o, "%s" PIN_SFMT, i > 0 ? " " : "",
		    PIN_SARG(u->groups[i]));
	pin_out_cstr(&o, "] {");
	for (i = 0; i < u->nextra; i++)
		pin_out_printf(&o, "%s" PIN_SFMT "=" PIN_SFMT, i > 0 ? " " :
		    "", PIN_SARG(u->extra[i].key),
		    PIN_SARG(u->extra[i].value));
	pin_out_cstr(&o, "} <");
	for (i = 0; i < u->naudiences; i++)
		pin_out_printf(&o, "%s" PIN_SFMT, i > 0 ? " " : "",
		    PIN_SARG(u->audiences[i]));
	pin_out_char(&o, '>');
	snprintf(a->text, sizeof(a->text), "%.*s", (int)o.len, o.p);
	pin_out_fini(&o);
}

int
ae_who_here(struct ae *ae, int loop, const struct pin_credentials *creds,
    struct ae_answer *a)
{
	struct pin_call *call = call_open(loop);
	struct pin_user u = { .size = sizeof(u) };
	int v;

	v = pin_stage_authenticate(&ae->stage, call, 0, creds, &u);
	if (a != NULL) {
		a->verdict = v;
		a->text[0] = '\0';
		if (v == PIN_AUTHN_YES)
			print_user(&u, a);
	}
	call_close(loop, call, a);
	return (v);
}

int
ae_may_here(struct ae *ae, int loop, const struct pin_user *u,
    const struct pin_attributes *at, struct ae_answer *a)
{
	struct pin_call *call = call_open(loop);
	int v = pin_stage_authorize(&ae->stage, call, 0, u, at);

	if (a != NULL) {
		a->verdict = v;
		a->text[0] = '\0';
	}
	call_close(loop, call, a);
	return (v);
}

struct question {
	struct ae	*ae;
	const struct pin_credentials *creds;
	const struct pin_user *user;
	const struct pin_attributes *at;
	struct pin_str	 ns;
	struct ae_answer *a;
};

static void
who_on_loop(void *arg, int loop)
{
	struct question *q = arg;

	(void)ae_who_here(q->ae, loop, q->creds, q->a);
}

void
ae_who(struct ae *ae, int loop, const struct pin_credentials *creds,
    struct ae_answer *a)
{
	struct question q = { .ae = ae, .creds = creds, .a = a };

	run_on(loop, 1, who_on_loop, &q);
}

void
ae_bearer(struct ae *ae, int loop, const char *token, struct ae_answer *a)
{
	struct pin_credentials c = { .size = sizeof(c),
	    .bearer = pin_str(token) };

	ae_who(ae, loop, &c, a);
}

void
ae_user(const char *text, struct pin_user *u, struct pin_str groups[16],
    char *copy, size_t size)
{
	char *p, *save = NULL;

	memset(u, 0, sizeof(*u));
	u->size = sizeof(*u);
	u->groups = groups;
	snprintf(copy, size, "%s", text);
	p = strtok_r(copy, ",", &save);
	u->name = pin_str(p != NULL ? p : "");
	while (u->ngroups < 16 && (p = strtok_r(NULL, ",", &save)) != NULL)
		groups[u->ngroups++] = pin_str(p);
}

static struct pin_str
word(char **save)
{
	char *p = strtok_r(NULL, " ", save);

	return (p == NULL || strcmp(p, "-") == 0 ? PIN_STR_NONE : pin_str(p));
}

void
ae_attributes(const char *text, struct pin_attributes *at, char *copy,
    size_t size)
{
	char *save = NULL, *p, *slash;

	memset(at, 0, sizeof(*at));
	at->size = sizeof(*at);
	snprintf(copy, size, "%s", text);
	at->verb = pin_str(strtok_r(copy, " ", &save));
	p = strtok_r(NULL, " ", &save);
	if (p == NULL || *p == '/') {
		at->path = pin_str(p);
		return;
	}
	at->is_resource = 1;
	slash = strchr(p, '/');
	if (slash == NULL)
		BAIL("%s: no group", text);
	*slash = '\0';
	at->group = strcmp(p, "-") == 0 ? PIN_STR("") : pin_str(p);
	p = slash + 1;
	slash = strchr(p, '/');
	if (slash != NULL) {
		*slash = '\0';
		at->subresource = pin_str(slash + 1);
	}
	at->resource = pin_str(p);
	at->namespace = word(&save);
	at->name = word(&save);
}

static void
may_on_loop(void *arg, int loop)
{
	struct question *q = arg;

	(void)ae_may_here(q->ae, loop, q->user, q->at, q->a);
}

void
ae_may(struct ae *ae, int loop, const char *user, const char *what,
    struct ae_answer *a)
{
	char copy[512], copy2[512];
	struct pin_str groups[16];
	struct pin_attributes at;
	struct pin_user u;
	struct question q = { .ae = ae, .user = &u, .at = &at, .a = a };

	ae_user(user, &u, groups, copy, sizeof(copy));
	ae_attributes(what, &at, copy2, sizeof(copy2));
	run_on(loop, 1, may_on_loop, &q);
}

static void
put_words(struct pin_out *o, const char *head, const struct pin_str *s,
    uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		pin_out_printf(o, "%s" PIN_SFMT, i == 0 ? head : ",",
		    PIN_SARG(s[i]));
}

static void
print_rule(void *arg, const struct pin_rule *r)
{
	struct pin_out *o = arg;

	put_words(o, "", r->verbs, r->nverbs);
	put_words(o, " groups ", r->groups, r->ngroups);
	put_words(o, " resources ", r->resources, r->nresources);
	put_words(o, " names ", r->names, r->nnames);
	put_words(o, " paths ", r->paths, r->npaths);
	pin_out_char(o, '\n');
}

static void
rules_on_loop(void *arg, int loop)
{
	struct question *q = arg;
	struct pin_call *call = call_open(loop);
	struct pin_out o;

	pin_out_init(&o, NULL, AE_TEXT_MAX - 1);
	q->a->verdict = pin_stage_rules(&q->ae->stage, call, 0, q->user,
	    q->ns, print_rule, &o);
	snprintf(q->a->text, sizeof(q->a->text), "%.*s", (int)o.len,
	    o.len > 0 ? o.p : "");
	pin_out_fini(&o);
	call_close(loop, call, q->a);
}

void
ae_rules(struct ae *ae, int loop, const char *user, const char *ns,
    struct ae_answer *a)
{
	char copy[512];
	struct pin_str groups[16];
	struct pin_user u;
	struct question q = { .ae = ae, .user = &u, .ns = pin_str(ns),
	    .a = a };

	ae_user(user, &u, groups, copy, sizeof(copy));
	run_on(loop, 1, rules_on_loop, &q);
}

/* ---- tokens --------------------------------------------------------- */

struct tls_key *
ae_key(const char *file, const char **path)
{
	static char where[4096];
	struct pin_err err = PIN_ERR_INIT;
	struct tls_key *key;
	char *pem, *pub;

	snprintf(where, sizeof(where), "%s/%s", tap_tmp(), file);
	if (tls_key_make(pin_host_real(), &pem, &pub, &err) != PIN_OK ||
	    tls_key_load(pem, &key, &err) != PIN_OK ||
	    pin_path_replace(pin_host_real(), where, pub, strlen(pub), 0,
	    &err) != PIN_OK)
		BAIL("key: %s", err.text);
	free(pem);
	free(pub);
	*path = where;
	return (key);
}

static void
put_base64url(struct pin_out *o, const void *bytes, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *s = bytes;
	size_t i, k, left;
	uint32_t v;

	for (i = 0; i < n; i += 3) {
		left = n - i < 3 ? n - i : 3;
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (k < left ? s[i + k] : 0);
		for (k = 0; k <= left; k++)
			pin_out_char(o, set[v >> (18 - 6 * k) & 63]);
	}
}

char *
ae_token(struct tls_key *key, const char *head, const char *claims)
{
	struct pin_err err = PIN_ERR_INIT;
	char kid[64], own[160], *text;
	uint8_t sig[1024];
	size_t len = sizeof(sig);
	struct pin_out o;

	if (tls_key_id(key, kid, sizeof(kid)) != PIN_OK)
		BAIL("key id");
	snprintf(own, sizeof(own), "{\"alg\":\"%s\",\"kid\":\"%s\"}",
	    tls_key_alg(key), kid);
	if (head == NULL)
		head = own;
	pin_out_init(&o, NULL, 1u << 20);
	put_base64url(&o, head, strlen(head));
	pin_out_char(&o, '.');
	put_base64url(&o, claims, strlen(claims));
	if (tls_key_sign(key, o.p, o.len, sig, &len, &err) != PIN_OK)
		BAIL("sign: %s", err.text);
	pin_out_char(&o, '.');
	put_base64url(&o, sig, len);
	text = pin_xstrndup(o.p, o.len);
	pin_out_fini(&o);
	return (text);
}
