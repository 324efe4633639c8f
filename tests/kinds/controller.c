/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller.c -- the contract of the kind `controller`, against every plugin
 * of it: the same objects give the same plan; whatever part of the events it
 * sees, and wherever it is killed, the end state is the same; when nothing is
 * left to do it does nothing.
 * Each plugin brings its story, tests/kinds/controller/NAME.json: a list of
 * {"put": [GROUP/]RESOURCE, "object": {...}} (create, or merge into what is
 * there) and {"delete": [GROUP/]RESOURCE, "namespace":, "name":, "cascade":}.
 * {"gone"|"there": [GROUP/]RESOURCE, ...} says how it must end.
 * One thread, no server: world.h. Contract: pintle/controller.h. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/real.h"
#include "core/host/sim.h"
#include "core/loader/loader_int.h"
#include "tap.h"
#include "world.h"

#define ROUNDS_MAX	10000	/* reconciles of one story; then it loops */
#define RETRIES_MAX	200
#define KEYS_MAX	4096
#define CRASHES_MAX	150

static const struct pin_plugin *plugin;
static const struct pin_controller_ops *ops;
static struct pin_obj *story;

/* One telling of the story. */
struct tale {
	struct pin_sim	*sim;
	struct pin_env	*env;
	struct pin_conf	*conf;
	void		*self;
	struct world	 w;
	struct cache	 view[PIN_WATCHES_MAX];
	struct cache	 any[8];	/* of a row "*": PIN_LEN(resources) */
	struct live_result *live;	/* for the key that asked */
	struct pin_reconcile rec, map_rec;
	struct pin_arena *plans, *scratch;
	uint32_t	 nrows;
	uint32_t	 hide;		/* of 100 events */
	uint64_t	 crash_at;	/* after so many writes; 0: never */
	uint64_t	 writes, reconciles, requeue_ms;
	uint32_t	 crashed, unstable, retries, differs;
	uint32_t	 nkeys;
	char		 key[KEYS_MAX][256];	/* "ns/name" */
};

#define CAN	(PIN_CAN_CREATE | PIN_CAN_DELETE | PIN_CAN_DELETE_ALL | \
		PIN_CAN_GET | PIN_CAN_LIST | PIN_CAN_PATCH | PIN_CAN_UPDATE | \
		PIN_CAN_WATCH)
#define RES(ns, g, v, r, k) { sizeof(struct pin_resource), CAN, (ns), 0, (g), \
		(v), (r), (k) }

/* All the server has. */
static const struct pin_resource resources[] = {
	RES(0, "", "v1", "namespaces", "Namespace"),
	RES(1, "", "v1", "pods", "Pod"),
	RES(1, "", "v1", "configmaps", "ConfigMap"),
	RES(1, "", "v1", "secrets", "Secret"),
	RES(1, "apps", "v1", "replicasets", "ReplicaSet"),
};

/* ---- keys ----------------------------------------------------------- */

static void
key_put(void *arg, struct pin_str ns, struct pin_str name)
{
	struct tale *t = arg;
	char text[256];
	uint32_t i;

	snprintf(text, sizeof(text), PIN_SFMT "/" PIN_SFMT, PIN_SARG(ns),
	    PIN_SARG(name));
	for (i = 0; i < t->nkeys; i++)
		if (strcmp(t->key[i], text) == 0)
			return;
	if (t->nkeys == KEYS_MAX)
		BAIL("more than %d keys", KEYS_MAX);
	snprintf(t->key[t->nkeys++], sizeof(t->key[0]), "%s", text);
}

/* Before all others. */
static void
key_first(struct tale *t, const char *key)
{
	char text[256];
	uint32_t i;

	snprintf(text, sizeof(text), "%s", key);
	for (i = 0; i < t->nkeys; i++)
		if (strcmp(t->key[i], text) == 0)
			break;
	if (i == t->nkeys)
		t->nkeys++;
	memmove(t->key[1], t->key[0], i * sizeof(t->key[0]));
	snprintf(t->key[0], sizeof(t->key[0]), "%s", text);
}

/* ---- what it sees --------------------------------------------------- */

static struct pin_obj *
parse(struct pin_arena *a, struct pin_str s)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;

	if (pin_obj_parse(a, s.p, s.len, &o, &err) != PIN_OK)
		BAIL("%s", err.text);
	return (o);
}

static int
is_any(uint32_t row)
{
	return (strcmp(ops->watches[row].resource, "*") == 0);
}

static const struct cache *
any_cache(void *arg, const struct pin_target *target)
{
	struct tale *t = arg;
	size_t i;

	for (i = 0; i < PIN_LEN(resources); i++)
		if (strcmp(resources[i].group, target->group) == 0 &&
		    strcmp(resources[i].resource, target->resource) == 0)
			return (&t->any[i]);
	return (NULL);
}

static void
tell(struct tale *t, uint32_t row, struct pin_str ns, struct pin_str name,
    struct pin_str now, struct pin_str before)
{
	struct pin_keys keys = { .add = key_put, .arg = t };
	struct pin_obj *o, *b = NULL;

	if (ops->watches[row].map == NULL) {
		key_put(t, ns, name);
		return;
	}
	reconcile_begin(&t->map_rec, NULL);
	o = parse(t->map_rec.arena, now);
	if (before.len > 0)
		b = parse(t->map_rec.arena, before);
	keys.arena = t->map_rec.arena;
	ops->watches[row].map(t->self, &t->map_rec, o, b, &keys);
}

static void
see_put(struct tale *t, uint32_t row, struct cache *view,
    struct cache_entry *real)
{
	struct pin_str key = { real->key, real->key_len };
	struct cache_entry *e = cache_get(view, key);
	struct pin_buf *held = NULL;
	struct pin_str before = PIN_STR_NONE, owner;
	struct pin_obj *o;
	pin_node n;

	if (e != NULL && e->revision == real->revision)
		return;
	if (e != NULL) {
		held = pin_buf_get(e->buf);
		before = cache_bytes(e);
	}
	pin_arena_reset(t->scratch);
	o = parse(t->scratch, cache_bytes(real));
	owner = PIN_STR_NONE;
	n = pin_obj_at(o, pin_obj_root(o), "metadata", "ownerReferences",
	    NULL);
	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "controller")))
			owner = pin_obj_str(o, pin_obj_get(o, n, "uid"));
	(void)cache_put(view, cache_namespace(real), cache_name(real),
	    real->revision, real->buf, owner);
	tell(t, row, cache_namespace(real), cache_name(real),
	    cache_bytes(real), before);
	pin_buf_put(&held);
}

static void
see_gone(struct tale *t, uint32_t row, struct cache *view,
    struct cache_entry *e)
{
	struct pin_buf *held = pin_buf_get(e->buf);
	struct pin_str was = cache_bytes(e), ns, name;
	char key[CACHE_KEY_MAX];

	memcpy(key, e->key, e->key_len);
	ns = (struct pin_str){ key, e->ns_len };
	name = cache_name(e);
	name.p = key + (name.p - e->key);
	cache_remove(view, e);
	t->map_rec.deleted = 1;
	tell(t, row, ns, name, was, was);
	t->map_rec.deleted = 0;
	pin_buf_put(&held);
}

static void
see_table(struct tale *t, uint32_t row, struct cache *view, const char *group,
    const char *resource)
{
	struct world_table *wt = world_table(&t->w, group, resource);
	struct cache_entry *e, *next;

	for (e = view->head[0]; e != NULL; e = next) {
		next = cache_next(e);
		if (cache_get(&wt->cache, (struct pin_str){ e->key,
		    e->key_len }) == NULL)
			see_gone(t, row, view, e);
	}
	for (e = wt->cache.head[0]; e != NULL; e = cache_next(e))
		see_put(t, row, view, e);
}

/* Its view catches up with the world, whatever happened in between. */
static void
see(struct tale *t)
{
	uint32_t i;
	size_t k;

	for (i = 0; i < t->nrows; i++) {
		if (!is_any(i)) {
			see_table(t, i, &t->view[i], ops->watches[i].group,
			    ops->watches[i].resource);
			continue;
		}
		for (k = 0; k < PIN_LEN(resources); k++)
			see_table(t, i, &t->any[k], resources[k].group,
			    resources[k].resource);
	}
}

/* Everything it knows, told again. */
static void
tell_view(struct tale *t, uint32_t row, const struct cache *view)
{
	struct cache_entry *e;

	for (e = view->head[0]; e != NULL; e = cache_next(e))
		tell(t, row, cache_namespace(e), cache_name(e),
		    cache_bytes(e), cache_bytes(e));
}

static void
tell_all(struct tale *t)
{
	uint32_t i;
	size_t k;

	for (i = 0; i < t->nrows; i++) {
		if (!is_any(i))
			tell_view(t, i, &t->view[i]);
		for (k = 0; is_any(i) && k < PIN_LEN(resources); k++)
			tell_view(t, i, &t->any[k]);
	}
}

static void
see_perhaps(struct tale *t)
{
	if (pin_sim_rand(t->sim, 100) >= t->hide)
		see(t);
}

/* ---- what it does --------------------------------------------------- */

static void
instance_open(struct tale *t)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t i;

	if (pin__plugin_open(plugin, t->env, t->conf, &t->self, &err) !=
	    PIN_OK)
		BAIL("%s: open: %s", plugin->name, err.text);
	for (i = 0; i < t->nrows; i++) {
		cache_init(&t->view[i]);
		t->rec.cache[i] = t->map_rec.cache[i] = &t->view[i];
	}
	for (i = 0; i < PIN_LEN(resources); i++)
		cache_init(&t->any[i]);
	t->nkeys = 0;
}

static void
instance_close(struct tale *t)
{
	uint32_t i;

	pin__plugin_close(plugin, t->self);
	t->self = NULL;
	for (i = 0; i < t->nrows; i++)
		cache_fini(&t->view[i]);
	for (i = 0; i < PIN_LEN(resources); i++)
		cache_fini(&t->any[i]);
	live_free(&t->live);
}

static char *
plan_text(const struct pin_plan *p)
{
	const struct plan_write *w;
	const struct plan_event *e;
	struct pin_out o;
	char *s;

	pin_out_init(&o, NULL, (size_t)64 << 20);
	for (w = p->writes; w != NULL; w = w->next)
		pin_out_printf(&o, "%u " PIN_SFMT " " PIN_SFMT "\n",
		    (unsigned int)w->verb, PIN_SARG(w->path),
		    PIN_SARG(w->body));
	for (e = p->events; e != NULL; e = e->next)
		pin_out_printf(&o, "event " PIN_SFMT " " PIN_SFMT "\n",
		    PIN_SARG(e->says.reason), PIN_SARG(e->says.message));
	pin_out_char(&o, '\0');
	s = pin_xstrdup(o.p);
	pin_out_fini(&o);
	world_blur(s);
	return (s);
}

static struct pin_plan *
ask(struct tale *t, struct pin_str ns, struct pin_str name, int *rc)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_plan *p;

	pin_arena_reset(t->plans);
	p = plan_new(t->plans);
	reconcile_begin(&t->rec, t->live);
	*rc = ops->reconcile(t->self, &t->rec, ns, name, p, &err);
	if (*rc == PIN_OK && p->failed != PIN_OK)
		BAIL("%s: %s", plugin->name, p->err.text);
	if (*rc != PIN_OK)
		tap_diag("%s: " PIN_SFMT ": %s", plugin->name,
		    PIN_SARG(name), err.text);
	return (p);
}

/* ---- live reads ----------------------------------------------------- */

static void
live_add(struct tale *t, struct pin_str path, uint32_t verb,
    struct pin_str bytes)
{
	struct live_result *l = pin_xcalloc(1, sizeof(*l) + path.len + 1);

	memcpy(l->path, path.p, path.len);
	l->verb = verb;
	if (bytes.len > 0) {
		l->buf = pin_buf_copy(bytes.p, bytes.len);
		l->len = bytes.len;
	}
	l->next = t->live;
	t->live = l;
}

static void
live_read(struct tale *t, struct pin_str path)
{
	struct pin_out o;

	pin_out_init(&o, NULL, 1 << 24);
	live_add(t, path, 0, world_read(&t->w, path, &o) == 200 ?
	    (struct pin_str){ o.p, o.len } : PIN_STR_NONE);
	pin_out_fini(&o);
}

/* 0: killed in the middle. */
static int
carry_out(struct tale *t, struct pin_plan *p, int *retry)
{
	struct plan_write *w;
	int status;

	*retry = 0;
	for (w = p->writes; w != NULL; w = w->next) {
		status = world_write(&t->w, w);
		t->writes++;
		if (t->crash_at > 0 && t->writes == t->crash_at) {
			t->crashed = 1;
			return (0);
		}
		if (w->verb == WRITE_DELETE_ALL)
			live_add(t, w->path, w->verb, PIN_STR_NONE);
		if (status < 300 || (w->verb == WRITE_CREATE &&
		    status == 409) || (w->verb == WRITE_DELETE &&
		    status == 404))
			continue;
		*retry = 1;		/* with back-off, that is later */
		break;
	}
	return (1);
}

static void
step(struct tale *t, int stable)
{
	char key[256], *slash, *one, *two;
	struct pin_str ns, name;
	struct pin_plan *p;
	const struct plan_live *l;
	int rc, rc2, retry;

	snprintf(key, sizeof(key), "%s", t->key[0]);
	memmove(t->key[0], t->key[1], --t->nkeys * sizeof(t->key[0]));
	slash = strchr(key, '/');
	ns = (struct pin_str){ key, (size_t)(slash - key) };
	name = pin_str(slash + 1);
	p = ask(t, ns, name, &rc);
	one = plan_text(p);
	p = ask(t, ns, name, &rc2);
	two = plan_text(p);
	if (rc != rc2 || strcmp(one, two) != 0) {
		if (!t->differs)
			tap_diag("%s: twice the same key:\n%s---\n%s", key,
			    one, two);
		t->differs++;
	}
	free(one);
	free(two);
	live_free(&t->live);
	t->reconciles++;
	if (p->requeue && (t->requeue_ms == 0 ||
	    p->requeue_ms < t->requeue_ms))
		t->requeue_ms = p->requeue_ms + 1;
	if (stable && p->nwrites > 0) {
		if (!t->unstable)
			tap_diag("%s: still writes " PIN_SFMT " " PIN_SFMT,
			    key, PIN_SARG(p->writes->path),
			    PIN_SARG(p->writes->body));
		t->unstable++;
	}
	if (!carry_out(t, p, &retry)) {
		instance_close(t);	/* and everything it knew */
		instance_open(t);
		see(t);
		return;
	}
	/* Not called again before its writes are seen. */
	if (p->nwrites > 0)
		see(t);
	if (rc == PIN_OK && !retry && p->nlives > 0) {
		for (l = p->lives; l != NULL; l = l->next)
			live_read(t, l->path);
		key_first(t, key);	/* at once, with what was read */
		return;
	}
	live_free(&t->live);
	if ((rc != PIN_OK || retry) && t->retries++ < RETRIES_MAX)
		key_put(t, ns, name);
	else if (p->truncated)
		key_put(t, ns, name);
}

static void
work(struct tale *t, int stable)
{
	uint32_t n;

	for (n = 0; t->nkeys > 0 && n < ROUNDS_MAX; n++)
		step(t, stable);
	if (t->nkeys > 0)
		BAIL("%s never comes to an end", plugin->name);
}

/* ---- the story ------------------------------------------------------ */

static struct world_table *
step_table(struct tale *t, struct pin_str s)
{
	char text[128], *slash;

	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(s));
	slash = strchr(text, '/');
	if (slash == NULL)
		return (world_table(&t->w, "", text));
	*slash = '\0';
	return (world_table(&t->w, text, slash + 1));
}

static struct pin_str
str_at(pin_node n, const char *key)
{
	return (pin_obj_str(story, pin_obj_get(story, n, key)));
}

static void
user_does(struct tale *t, pin_node n)
{
	struct pin_str put = str_at(n, "put");
	char how[64];
	struct world_table *wt;
	struct pin_str ns, name, json;
	struct pin_out o;
	pin_node obj;

	if (put.len == 0 && str_at(n, "delete").len == 0)
		return;			/* is_as_told */
	if (put.len == 0) {
		wt = step_table(t, str_at(n, "delete"));
		snprintf(how, sizeof(how), "{\"propagationPolicy\":\""
		    PIN_SFMT "\"}", PIN_SARG(str_at(n, "cascade")));
		(void)world_delete(&t->w, wt, str_at(n, "namespace"),
		    str_at(n, "name"), pin_str(how));
		return;
	}
	wt = step_table(t, put);
	obj = pin_obj_get(story, n, "object");
	ns = pin_obj_str(story, pin_obj_at(story, obj, "metadata",
	    "namespace", NULL));
	name = pin_obj_str(story, pin_obj_at(story, obj, "metadata", "name",
	    NULL));
	pin_out_init(&o, NULL, 1 << 20);
	pin_obj_write(story, obj, &o);
	json = (struct pin_str){ o.p, o.len };
	if (world_create(&t->w, wt, ns, name, json) == 409)
		(void)world_patch(&t->w, wt, ns, name,
		    PIN_STR("application/merge-patch+json"), json);
	pin_out_fini(&o);
}

/* What plugins find in a node's data directory. */
static void
make_data(struct pin_host *h)
{
	struct pin_err err = PIN_ERR_INIT;

	if (pin_path_mkdir(h, "/data", &err) != PIN_OK ||
	    pin_path_mkdir(h, "/data/pki", &err) != PIN_OK ||
	    pin_path_replace(h, "/data/pki/ca.crt", "CA\n", 3, 0, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
}

static void
tale_open(struct tale *t, uint64_t seed, uint32_t hide, uint64_t crash_at)
{
	static const struct pin_env_services *services;
	struct pin_report rep = { 0 };
	struct pin_host *host;

	memset(t, 0, sizeof(*t));
	t->hide = hide;
	t->crash_at = crash_at;
	t->sim = pin_sim_new(&(struct pin_sim_opts){ .seed = seed });
	host = pin_sim_host(t->sim, 0);
	make_data(host);
	t->env = pin__env_new(host, "controllers", plugin->name, "/data",
	    &services);
	t->conf = pin_conf_parse("", plugin->options, &rep);
	if (t->conf == NULL)
		BAIL("%s: options without defaults", plugin->name);
	world_init(&t->w);
	while (ops->watches[t->nrows].resource != NULL)
		t->nrows++;
	reconcile_init(&t->rec, host);
	reconcile_init(&t->map_rec, host);
	t->rec.ncaches = t->map_rec.ncaches = t->nrows;
	t->rec.resource = t->map_rec.resource = resources;
	t->rec.nresources = t->map_rec.nresources = PIN_LEN(resources);
	t->rec.any = t->map_rec.any = any_cache;
	t->rec.any_arg = t->map_rec.any_arg = t;
	t->plans = pin_arena_new((size_t)64 << 20);
	t->scratch = pin_arena_new((size_t)64 << 20);
	instance_open(t);
}

static void
tale_close(struct tale *t)
{
	instance_close(t);
	reconcile_fini(&t->rec);
	reconcile_fini(&t->map_rec);
	world_fini(&t->w);
	pin_arena_free(&t->plans);
	pin_arena_free(&t->scratch);
	pin_conf_free(&t->conf);
	pin__env_free(&t->env);
	pin_sim_free(&t->sim);
}

/* Time passes until nobody asks to be called again. */
static void
let_time_pass(struct tale *t)
{
	uint64_t ms;
	int i;

	for (i = 0; i < 20 && (ms = t->requeue_ms) > 0; i++) {
		t->requeue_ms = 0;
		pin_sim_wall_step(t->sim, 0, (int64_t)ms * 1000000);
		tell_all(t);
		work(t, 0);
	}
}

/* Everything happened again, and it must not mind. */
static void
repeat_all(struct tale *t)
{
	tell_all(t);
	work(t, 1);
}

/* The end state. Heap. */
static char *
tell_story(struct tale *t, uint64_t seed, uint32_t hide, uint64_t crash_at)
{
	pin_node n;

	tale_open(t, seed, hide, crash_at);
	for (n = pin_obj_first(story, pin_obj_root(story)); n != 0;
	    n = pin_obj_next(story, n)) {
		user_does(t, n);
		see_perhaps(t);
		/* Sometimes it sleeps over what it has heard. */
		if (pin_sim_rand(t->sim, 100) >= hide / 2)
			work(t, 0);
	}
	see(t);
	work(t, 0);
	let_time_pass(t);
	repeat_all(t);
	return (world_dump(&t->w));
}

static void
same(const char *want, char *got, const char *what)
{
	size_t at = 0, line = 0;

	while (want[at] != '\0' && want[at] == got[at])
		if (want[at++] == '\n')
			line = at;
	if (strcmp(want, got) != 0)
		tap_diag("%s: %s: first difference\nwant: %.*s\ngot:  %.*s",
		    plugin->name, what, (int)strcspn(want + line, "\n"),
		    want + line, (int)strcspn(got + line, "\n"), got + line);
	CHECK(strcmp(want, got) == 0);
	free(got);
}

/* "gone" and "there": the end in absolute words. */
static int
is_as_told(struct tale *t)
{
	char key[CACHE_KEY_MAX];
	struct pin_str what;
	struct cache_entry *e;
	int good = 1, there;
	pin_node n;

	n = pin_obj_first(story, pin_obj_root(story));
	for (; n != 0; n = pin_obj_next(story, n)) {
		there = str_at(n, "there").len > 0;
		what = str_at(n, there ? "there" : "gone");
		if (what.len == 0)
			continue;
		e = cache_get(&step_table(t, what)->cache, (struct pin_str){
		    key, cache_key(key, str_at(n, "namespace"), str_at(n,
		    "name")) });
		if ((e != NULL) == there)
			continue;
		tap_diag(PIN_SFMT " is %s", PIN_SARG(str_at(n, "name")),
		    there ? "gone" : "there");
		good = 0;
	}
	return (good);
}

static void
check_plugin(void)
{
	static struct tale t;
	char *want, what[64];
	uint64_t writes, at, seed;
	uint32_t hide;

	want = tell_story(&t, 1, 0, 0);
	writes = t.writes;
	CASE("%s: writes something, and stops", plugin->name) {
		CHECK(writes > 0);
		CHECK_UINT(t.unstable, 0);
	}
	CASE("%s: it ends as it shall", plugin->name)
		CHECK(is_as_told(&t));
	CASE("%s: the same objects give the same plan", plugin->name)
		CHECK_UINT(t.differs, 0);
	tale_close(&t);
	CASE("%s: any part of the events leads to the same end",
	    plugin->name)
		for (seed = 1; seed <= 20 * tap_scale(); seed++)
			for (hide = 0; hide <= 100; hide += 50) {
				snprintf(what, sizeof(what), "seed %" PRIu64
				    ", %u%% hidden", seed, hide);
				same(want, tell_story(&t, seed, hide, 0),
				    what);
				CHECK_UINT(t.unstable + t.differs, 0);
				tale_close(&t);
			}
	CASE("%s: killed between any two writes it gets there",
	    plugin->name)
		for (at = 1; at <= writes && at <= CRASHES_MAX; at++)
			for (hide = 0; hide <= 50; hide += 50) {
				snprintf(what, sizeof(what), "killed after "
				    "write %" PRIu64 ", %u%% hidden", at,
				    hide);
				same(want, tell_story(&t, at, hide, at),
				    what);
				CHECK(hide > 0 || t.crashed);
				CHECK_UINT(t.unstable, 0);
				tale_close(&t);
			}
	free(want);
}

/* ---- all of them ---------------------------------------------------- */

static int
story_load(const char *name)
{
	struct pin_err err = PIN_ERR_INIT;
	char path[512], *text;
	size_t len;

	snprintf(path, sizeof(path), "tests/kinds/controller/%s.json", name);
	if (pin_path_slurp(pin_host_real(), path, 1 << 20, &text, &len,
	    &err) != PIN_OK)
		return (0);
	if (pin_obj_parse(NULL, text, len, &story, &err) != PIN_OK)
		BAIL("%s: %s", path, err.text);
	free(text);
	return (1);
}

static void
check_file(const char *file, const char *name)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_module *m;

	if (pin_module_open(pin_host_real(), NULL, file,
	    PIN_KIND_CONTROLLER, name, &m, &err) != PIN_OK)
		BAIL("%s", err.text);
	plugin = pin_module_plugin(m);
	ops = plugin->ops;
	if (story_load(name)) {
		check_plugin();
		pin_obj_free(&story);
	} else {
		CASE("%s has a story, tests/kinds/controller/%s.json", name,
		    name)
			CHECK(0);
	}
	pin_module_put(&m);
}

static void
check_dir(const char *sub)
{
	char dir[512], file[1024], name[128];
	struct dirent *de;
	size_t n;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/%s", tap_build(), sub);
	if ((d = opendir(dir)) == NULL)
		return;
	while ((de = readdir(d)) != NULL) {
		n = strlen(de->d_name);
		if (n < 4 || n > 100 || strcmp(de->d_name + n - 3, ".so") != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n - 3, de->d_name);
		snprintf(file, sizeof(file), "%s/%s", dir, de->d_name);
		check_file(file, name);
	}
	closedir(d);
}

int
main(void)
{
	tap_deadline(120);
	check_dir("tests/plugins/controller");
	check_dir("plugins/controller");
	return (tap_done());
}
