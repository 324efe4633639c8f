/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fakeapi -- see fakeapi.h.
 * Contract: fakeapi.h. */
#include "fakeapi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/client.h"
#include "core/host/real.h"
#include "tap.h"

struct fakeapi fake;

struct asked {
	char		 group[64], resource[64], ns[128], name[256],
			 sub[64];
};

static void
send_text(struct exchange *ex, const char *s, size_t len)
{
	struct pin_buf *b = pin_buf_copy(s, len);

	ex->ops->send(ex, b, 0, len);
	pin_buf_put(&b);
	ex->ops->flush(ex);
}

static void
say_event(struct fakeapi_watch *wt, const char *type, struct pin_str obj)
{
	struct pin_out o;

	pin_out_init(&o, NULL, 1 << 24);
	pin_out_printf(&o, "{\"type\":\"%s\",\"object\":", type);
	pin_out_str(&o, obj);
	pin_out_cstr(&o, "}\n");
	send_text(wt->ex, o.p, o.len);
	pin_out_fini(&o);
	atomic_fetch_add(&fake.events, 1);
}

static void
say_bookmark(struct fakeapi_watch *wt, int initial)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"metadata\":{\"resourceVersion\":"
	    "\"%" PRIu64 "\"%s}}", fake.w.revision, initial ?
	    ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
	say_event(wt, "BOOKMARK", pin_str(text));
}

/* ---- changes, and who hears of them --------------------------------- */

struct before {
	struct pin_buf	*buf;
	struct pin_str	 bytes;
	uint64_t	 revision;
};

static struct cache_entry *
entry(struct world_table *t, const char *ns, const char *name)
{
	char key[CACHE_KEY_MAX];
	size_t n = cache_key(key, pin_str(ns[0] ? ns : NULL), pin_str(name));

	return (cache_get(&t->cache, (struct pin_str){ key, n }));
}

static void
remember(struct world_table *t, const char *ns, const char *name,
    struct before *b)
{
	struct cache_entry *e = entry(t, ns, name);

	memset(b, 0, sizeof(*b));
	if (e == NULL)
		return;
	b->buf = pin_buf_get(e->buf);
	b->bytes = cache_bytes(e);
	b->revision = e->revision;
}

static struct cache_entry *
next_of(const struct cache *c, uint64_t revision)
{
	struct cache_entry *e, *best = NULL;

	for (e = c->head[0]; e != NULL; e = cache_next(e))
		if (e->revision > revision && (best == NULL ||
		    e->revision < best->revision))
			best = e;
	return (best);
}

static void
lag_tick(struct pin_timer *timer)
{
	struct fakeapi_watch *wt;
	struct cache_entry *e;
	uint32_t i;

	(void)timer;
	for (i = 0; i < fake.nwatches; i++) {
		wt = &fake.watch[i];
		while ((e = next_of(&wt->t->cache, wt->sent)) != NULL) {
			wt->sent = e->revision;
			say_event(wt, "MODIFIED", cache_bytes(e));
		}
	}
}

static void
lag_publish(struct before *b)
{
	pin_buf_put(&b->buf);
	if (fake.lag_timer.due_ns != 0)
		return;
	pin_timer_init(&fake.lag_timer, fake.loop, lag_tick);
	pin_timer_start(&fake.lag_timer, fake.lag);
}

/* What comes from here on is not told before what is still held back. */
void
fakeapi_catch_up(void)
{
	if (fake.lag_timer.due_ns != 0) {
		pin_timer_stop(&fake.lag_timer);
		lag_tick(&fake.lag_timer);
	}
	fake.lag = 0;
}

static void
publish(struct world_table *t, const char *ns, const char *name,
    struct before *b)
{
	struct cache_entry *e = entry(t, ns, name);
	struct pin_out o;
	const char *rv;
	uint32_t i;

	if (fake.lag > 0) {
		lag_publish(b);
		return;
	}
	pin_out_init(&o, NULL, 1 << 24);
	if (e == NULL && b->buf != NULL) {
		/* The last state, at the revision of the deletion. */
		rv = strstr(b->bytes.p, "\"resourceVersion\":\"");
		PIN_ASSERT(rv != NULL);
		rv += 19;
		pin_out_put(&o, b->bytes.p, (size_t)(rv - b->bytes.p));
		pin_out_u64(&o, fake.w.revision);
		rv = memchr(rv, '"', 32);
		pin_out_put(&o, rv, b->bytes.len - (size_t)(rv -
		    b->bytes.p));
	}
	for (i = 0; i < fake.nwatches; i++) {
		if (fake.watch[i].t != t || fake.mute)
			continue;
		if (o.len > 0)
			say_event(&fake.watch[i], "DELETED",
			    (struct pin_str){ o.p, o.len });
		else if (e != NULL && e->revision != b->revision)
			say_event(&fake.watch[i], b->buf == NULL ? "ADDED" :
			    "MODIFIED", cache_bytes(e));
	}
	pin_out_fini(&o);
	pin_buf_put(&b->buf);
}

void
fakeapi_put(const char *group, const char *resource, const char *json)
{
	struct world_table *t = world_table(&fake.w, group, resource);
	struct pin_err err = PIN_ERR_INIT;
	struct pin_str s = pin_str(json), ns, name;
	struct pin_obj *o;
	char nst[128], namet[256];
	struct before b;

	if (pin_obj_parse(NULL, s.p, s.len, &o, &err) != PIN_OK)
		BAIL("%s", err.text);
	ns = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "namespace", NULL));
	name = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "name", NULL));
	snprintf(nst, sizeof(nst), PIN_SFMT, PIN_SARG(ns));
	snprintf(namet, sizeof(namet), PIN_SFMT, PIN_SARG(name));
	remember(t, nst, namet, &b);
	if (world_create(&fake.w, t, ns, name, s) == 409)
		(void)world_patch(&fake.w, t, ns, name,
		    PIN_STR("application/merge-patch+json"), s);
	publish(t, nst, namet, &b);
	pin_obj_free(&o);
}

void
fakeapi_delete(const char *group, const char *resource, const char *ns,
    const char *name)
{
	struct world_table *t = world_table(&fake.w, group, resource);
	struct before b;

	remember(t, ns, name, &b);
	(void)world_delete(&fake.w, t, pin_str(ns[0] ? ns : NULL),
	    pin_str(name), PIN_STR_NONE);
	publish(t, ns, name, &b);
}

/* ---- requests ------------------------------------------------------- */

static int
parse_path(struct pin_str path, struct asked *a)
{
	char text[1024], *part[10], *p, *save = NULL;
	uint32_t n = 0, i;

	memset(a, 0, sizeof(*a));
	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(path));
	for (p = strtok_r(text, "/", &save); p != NULL && n < 10;
	    p = strtok_r(NULL, "/", &save))
		part[n++] = p;
	if (n < 3)
		return (0);
	i = 2;				/* api, v1 */
	if (strcmp(part[0], "apis") == 0) {
		snprintf(a->group, sizeof(a->group), "%s", part[1]);
		i = 3;
	}
	if (n > i + 2 && strcmp(part[i], "namespaces") == 0) {
		snprintf(a->ns, sizeof(a->ns), "%s", part[i + 1]);
		i += 2;
	}
	snprintf(a->resource, sizeof(a->resource), "%s", part[i]);
	if (n > i + 1)
		snprintf(a->name, sizeof(a->name), "%s", part[i + 1]);
	if (n > i + 2)
		snprintf(a->sub, sizeof(a->sub), "%s", part[i + 2]);
	return (1);
}

static void
answer(struct exchange *ex, int status, struct pin_str body)
{
	struct pin_buf *b = pin_buf_copy(body.p, body.len);

	atomic_fetch_sub(&fake.inflight, 1);
	ex->data = NULL;
	ex->ops->reply(ex, status, NULL, 0, &b, 1);
}

static void
answer_status(struct exchange *ex, int status, const char *reason)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"kind\":\"Status\",\"metadata\":{},"
	    "\"code\":%d,\"reason\":\"%s\"}", status, reason);
	answer(ex, status, pin_str(text));
}

static void
watch_begin(struct exchange *ex, struct world_table *t)
{
	struct fakeapi_watch *wt;
	struct cache_entry *e;
	uint64_t since;
	const char *rv;
	char q[512];

	if (fake.nwatches == FAKEAPI_WATCHES)
		BAIL("fakeapi: more than %d watches", FAKEAPI_WATCHES);
	snprintf(q, sizeof(q), PIN_SFMT, PIN_SARG(ex->head.query));
	rv = strstr(q, "&resourceVersion=");
	since = rv != NULL ? strtoull(rv + 17, NULL, 10) : 0;
	if (since > fake.w.revision) {
		atomic_fetch_add(&fake.inflight, 1);	/* answer counts */
		answer(ex, 504, PIN_STR("{\"kind\":\"Status\",\"message\":"
		    "\"Timeout: Too large resource version\",\"details\":{"
		    "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]},"
		    "\"code\":504}"));
		return;
	}
	wt = &fake.watch[fake.nwatches++];
	wt->ex = ex;
	wt->t = t;
	ex->data = wt;
	ex->ops->start(ex, 200, NULL, 0);
	ex->ops->flush(ex);
	if (strstr(q, "sendInitialEvents=true") != NULL) {
		atomic_fetch_add(&fake.lists, 1);
		for (e = t->cache.head[0]; e != NULL; e = cache_next(e))
			say_event(wt, "ADDED", cache_bytes(e));
		say_bookmark(wt, 1);
		return;
	}
	atomic_fetch_add(&fake.watches, 1);
	if (fake.expired) {
		say_event(wt, "ERROR", PIN_STR("{\"kind\":\"Status\","
		    "\"code\":410,\"message\":\"too old\"}"));
		return;
	}
	for (e = t->cache.head[0]; e != NULL; e = cache_next(e))
		if (e->revision > since)
			say_event(wt, "MODIFIED", cache_bytes(e));
	say_bookmark(wt, 0);
}

static void
do_write(struct exchange *ex, struct pin_str body)
{
	struct pin_str m = ex->head.method, ns, name, type;
	struct world_table *t;
	struct cache_entry *e;
	struct pin_obj *o = NULL;
	struct pin_err err = PIN_ERR_INIT;
	struct asked a;
	struct before b;
	int status;

	(void)parse_path(ex->head.path, &a);
	t = world_table(&fake.w, a.group, a.resource);
	if (a.name[0] == '\0' && pin_obj_parse(NULL, body.p, body.len, &o,
	    &err) == PIN_OK) {
		name = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
		    "metadata", "name", NULL));
		snprintf(a.name, sizeof(a.name), PIN_SFMT, PIN_SARG(name));
		pin_obj_free(&o);
	}
	ns = pin_str(a.ns[0] ? a.ns : NULL);
	name = pin_str(a.name);
	type = exchange_header(ex, "content-type");
	remember(t, a.ns, a.name, &b);
	if (pin_str_is(m, "POST"))
		status = world_create(&fake.w, t, ns, name, body);
	else if (pin_str_is(m, "PUT"))
		status = world_update(&fake.w, t, ns, name, pin_str(a.sub),
		    body);
	else if (pin_str_is(m, "PATCH"))
		status = world_patch(&fake.w, t, ns, name, type, body);
	else
		status = world_delete(&fake.w, t, ns, name, body);
	e = entry(t, a.ns, a.name);
	if (status >= 400)
		answer_status(ex, status, status == 409 ? pin_str_is(m,
		    "POST") ? "AlreadyExists" : "Conflict" : "Other");
	else if (e == NULL)
		answer_status(ex, status, "");
	else
		answer(ex, status, cache_bytes(e));
	publish(t, a.ns, a.name, &b);
}

static void
body_came(struct exchange *ex, int rc, struct pin_str body)
{
	PIN_ASSERT(rc == PIN_OK);
	if (fake.refuse > 0) {
		fake.refuse--;
		if (fake.refusal != NULL)
			answer(ex, fake.status, pin_str(fake.refusal));
		else
			answer_status(ex, fake.status, "Forbidden");
		return;
	}
	do_write(ex, body);
}

/* Later, so that what goes together is seen together. */
struct held {
	struct pin_msg	 msg;
	struct exchange	*ex;
};

static void
held_go(struct pin_msg *msg)
{
	struct held *h = (struct held *)(void *)msg;
	struct exchange *ex = h->ex;

	free(h);
	ex->ops->read_body(ex, 1 << 24, body_came);
}

static void
note(struct exchange *ex)
{
	size_t n = strlen(fake.log);
	int in = atomic_fetch_add(&fake.inflight, 1) + 1;

	if (in > atomic_load(&fake.most))
		atomic_store(&fake.most, in);
	snprintf(fake.log + n, sizeof(fake.log) - n, PIN_SFMT " " PIN_SFMT
	    "\n", PIN_SARG(ex->head.method), PIN_SARG(ex->head.path));
	snprintf(fake.user, sizeof(fake.user), PIN_SFMT,
	    PIN_SARG(ex->head.creds.cert_cn));
}

static void
begin(void *arg, struct exchange *ex)
{
	struct world_table *t;
	struct cache_entry *e;
	struct asked a;
	struct held *h;

	(void)arg;
	ex->data = NULL;
	if (!parse_path(ex->head.path, &a))
		BAIL("fakeapi: path " PIN_SFMT, PIN_SARG(ex->head.path));
	t = world_table(&fake.w, a.group, a.resource);
	if (!pin_str_is(ex->head.method, "GET")) {
		atomic_fetch_add(&fake.writes, 1);
		note(ex);
		h = pin_xcalloc(1, sizeof(*h));
		h->msg.fn = held_go;
		h->ex = ex;
		pin_loop_post(fake.loop, &h->msg);
	} else if (a.name[0] == '\0') {
		watch_begin(ex, t);
	} else {
		atomic_fetch_add(&fake.reads, 1);
		note(ex);
		e = entry(t, a.ns, a.name);
		if (e == NULL)
			answer_status(ex, 404, "NotFound");
		else
			answer(ex, 200, cache_bytes(e));
	}
}

static void
watch_end(struct fakeapi_watch *wt, int ok)
{
	struct exchange *ex = wt->ex;

	*wt = fake.watch[--fake.nwatches];
	if (wt->ex != NULL)
		wt->ex->data = wt;
	ex->data = NULL;
	ex->ops->finish(ex, ok);
}

static void
on_gone(struct exchange *ex)
{
	if (ex->data != NULL)
		watch_end(ex->data, 0);
}

static void
on_credit(struct exchange *ex)
{
	(void)ex;
}

void
fakeapi_drop_watches(void)
{
	while (fake.nwatches > 0)
		watch_end(&fake.watch[0], 1);
}

void
fakeapi_error(int code)
{
	char text[128];
	uint32_t i;

	snprintf(text, sizeof(text), "{\"kind\":\"Status\",\"code\":%d,"
	    "\"message\":\"so it is\"}", code);
	for (i = 0; i < fake.nwatches; i++)
		say_event(&fake.watch[i], "ERROR", pin_str(text));
}

/* ---- life ----------------------------------------------------------- */

struct task {
	struct pin_msg	 msg;
	void		(*fn)(void *);
	void		*arg;
	atomic_int	 done;
};

static void
task_run(struct pin_msg *msg)
{
	struct task *t = (struct task *)(void *)msg;

	t->fn(t->arg);
	atomic_store(&t->done, 1);
}

void
fakeapi_do(void (*fn)(void *), void *arg)
{
	struct task t = { .fn = fn, .arg = arg };

	t.msg.fn = task_run;
	pin_loop_post(fake.loop, &t.msg);
	while (!atomic_load(&t.done))
		tap_nap();
}

struct transport *
fakeapi_transport(struct pin_loop *loop)
{
	static const struct exchange_handler handler = { .begin = begin,
	    .credit = on_credit, .gone = on_gone };

	return (transport_local(loop, &handler, &fake.loop, 1, "test"));
}

void
fakeapi_open(void)
{
	struct pin_err err = PIN_ERR_INIT;

	memset(&fake, 0, sizeof(fake));
	fake.host = pin_host_real();
	world_init(&fake.w);
	if (pin_loop_open(fake.host, "fakeapi", &fake.loop, &err) != PIN_OK ||
	    pin_loop_start(fake.loop, &err) != PIN_OK)
		BAIL("%s", err.text);
}

void
fakeapi_close(void)
{
	pin_loop_close(&fake.loop);
	world_fini(&fake.w);
}
