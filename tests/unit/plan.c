/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plan.c -- what a plan turns into, and how plans are carried out: windows,
 * waiting for the cache, back-off, live reads, Events, closing.
 * The server is tests/lib/fakeapi; controllers are the test plugin `counter`
 * and one of this file. Contract: pintle/controller.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/real.h"
#include "fakeapi.h"
#include "tap.h"

#define DEADLINE_MS	20000

/* ---- the plan as requests ------------------------------------------- */

static struct pin_arena *arena;

static struct pin_obj *
obj(const char *json)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;

	if (pin_obj_parse(arena, json, strlen(json), &o, &err) != PIN_OK)
		BAIL("%s", err.text);
	return (o);
}

static const char *
text(struct pin_str s)
{
	return (pin_arena_strndup(arena, s.p, s.len));
}

static void
check_requests(void)
{
	struct pin_target t = { .group = "apps", .version = "v1",
	    .resource = "deployments", .namespace = PIN_STR("d"),
	    .name = PIN_STR("web") };
	struct plan_write *w;
	struct pin_plan *p;
	int i;

	arena = pin_arena_new((size_t)64 << 20);
	p = plan_new(arena);
	CASE("paths and bodies") {
		pin_plan_create(p, &t, obj("{\"a\":1}"));
		t.subresource = "status";
		pin_plan_update(p, &t, obj("{\"b\":2}"));
		t.subresource = NULL;
		w = p->writes;
		CHECK_STR(text(w->path),
		    "/apis/apps/v1/namespaces/d/deployments");
		CHECK_STR(text(w->next->path),
		    "/apis/apps/v1/namespaces/d/deployments/web/status");
		CHECK_STR(text(w->next->body), "{\"b\":2}");
	}
	CASE("preconditions are in the request") {
		t.uid = PIN_STR("u1");
		t.version_seen = PIN_STR("7");
		p = plan_new(arena);
		pin_plan_patch(p, &t, PIN_PATCH_TYPE_MERGE,
		    PIN_STR("{\"spec\":{\"x\":1}}"));
		pin_plan_patch(p, &t, PIN_PATCH_TYPE_JSON,
		    PIN_STR("[{\"op\":\"remove\",\"path\":\"/a\"}]"));
		pin_plan_delete(p, &t, "Background");
		w = p->writes;
		CHECK_STR(text(w->body), "{\"spec\":{\"x\":1},\"metadata\":{"
		    "\"uid\":\"u1\",\"resourceVersion\":\"7\"}}");
		CHECK_STR(text(w->next->body), "[{\"op\":\"test\",\"path\":"
		    "\"/metadata/uid\",\"value\":\"u1\"},{\"op\":\"test\","
		    "\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"},"
		    "{\"op\":\"remove\",\"path\":\"/a\"}]");
		CHECK_STR(text(w->next->next->body), "{\"apiVersion\":\"v1\","
		    "\"kind\":\"DeleteOptions\",\"preconditions\":{\"uid\":"
		    "\"u1\",\"resourceVersion\":\"7\"},"
		    "\"propagationPolicy\":\"Background\"}");
	}
	CASE("a name that is none fails the plan") {
		p = plan_new(arena);
		t.name = PIN_STR("a/b");
		pin_plan_delete(p, &t, NULL);
		CHECK_INT(p->failed, PIN_EINVAL);
	}
	CASE("too many writes: the rest waits, nothing after it") {
		p = plan_new(arena);
		t.name = PIN_STR("web");
		for (i = 0; i < PIN_PLAN_WRITES_MAX + 3; i++)
			pin_plan_create(p, &t, obj("{}"));
		pin_plan_delete(p, &t, NULL);
		CHECK_UINT(p->nwrites, PIN_PLAN_WRITES_MAX);
		CHECK(p->truncated);
	}
	pin_arena_free(&arena);
}

/* ---- a controller of our own: secrets, by their names --------------- */

static atomic_int calls, lives, live_found, fails, after, told, makes;

static int
probe(void *self, struct pin_reconcile *r, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	const struct pin_obj *s = pin_cache_get(r, 0, ns, name), *o;
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "configmaps", .namespace = ns,
	    .name = PIN_STR("p") };

	(void)self;
	atomic_fetch_add(&calls, 1);
	if (pin_str_is(name, "live")) {
		if (!pin_live_result(r, &t, &o)) {
			pin_plan_live(plan, &t);
			return (PIN_OK);
		}
		atomic_store(&live_found, o != NULL);
		atomic_fetch_add(&lives, 1);
	} else if (pin_str_is(name, "fail")) {
		if (atomic_fetch_add(&fails, 1) < 3)
			return (pin_err_set(err, PIN_EINVAL, "not yet"));
	} else if (pin_str_is(name, "make")) {
		t.name = PIN_STR("made");
		if (pin_refused(r, "pods", &o) == 0 && pin_refused(r,
		    "configmaps", &o) == PIN_REFUSED_CREATE)
			atomic_fetch_add(&told, pin_str_is(pin_obj_str(o,
			    pin_obj_get(o, pin_obj_root(o), "message")),
			    "no") ? 1 : 100);
		atomic_fetch_add(&makes, 1);
		pin_plan_create(plan, &t, s);
		pin_plan_event(plan, s, "Normal", "Made", "made");
	} else if (pin_str_is(name, "after")) {
		if (atomic_fetch_add(&after, 1) < 3)
			pin_plan_requeue(plan, 10);
	} else if (pin_str_prefix(name, "event") && s != NULL) {
		pin_plan_event(plan, s, "Normal", "Same", "the same");
	}
	return (PIN_OK);
}

static const struct pin_controller_watch probe_watches[] = {
	{ "", "v1", "secrets", NULL }, { NULL, NULL, NULL, NULL } };
static const struct pin_controller_ops probe_ops = { .size =
    sizeof(probe_ops), .watches = probe_watches, .reconcile = probe,
    .component = "probe" };

/* ---- the manager ---------------------------------------------------- */

static struct pin_loop *loop;
static struct manager *m;
static struct pin_module *module;
static atomic_int closed;

static void
w_put(void *json)
{
	fakeapi_put("", "configmaps", json);
}

static void
w_secret(void *json)
{
	fakeapi_put("", "secrets", json);
}

static void
w_delete(void *name)
{
	fakeapi_delete("", "configmaps", "d", name);
}

static void
w_forget(void *arg)
{
	(void)arg;
	fake.log[0] = '\0';
	atomic_store(&fake.writes, 0);
	atomic_store(&fake.most, 0);
}

/* Its cache is far behind; and after 500 writes the plan goes on at once. */
static void
w_lag(void *arg)
{
	uint32_t i;

	(void)arg;
	w_forget(NULL);
	for (i = 0; i < fake.nwatches; i++)
		fake.watch[i].sent = fake.w.revision;
	fake.lag = 100;
	fakeapi_put("", "configmaps", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"ConfigMap\",\"metadata\":{\"name\":\"slow\",\"namespace\":"
	    "\"d\",\"labels\":{\"counter\":\"600\"}}}");
}

static void
w_no_lag(void *arg)
{
	(void)arg;
	fakeapi_catch_up();
}

static void
w_refuse(void *arg)
{
	(void)arg;
	w_forget(NULL);
	fake.refuse = 3;
	fake.status = 403;
	fakeapi_put("", "configmaps", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"ConfigMap\",\"metadata\":{\"name\":\"q\",\"namespace\":\"d\","
	    "\"labels\":{\"counter\":\"50\"}}}");
}

struct count {
	const char	*what;
	int		 n;
};

static void
w_refuse_make(void *refusal)
{
	w_forget(NULL);
	fake.refuse = 2;
	fake.status = 403;
	fake.refusal = refusal;
	fakeapi_put("", "secrets", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"Secret\",\"metadata\":{\"name\":\"make\",\"namespace\":"
	    "\"d\"}}");
}

static void
w_refuse_no_more(void *arg)
{
	(void)arg;
	fake.refuse = 0;
	fake.refusal = NULL;
}

static void
w_count(void *arg)
{
	struct count *c = arg;
	const char *p = fake.log;

	for (; (p = strstr(p, c->what)) != NULL; p++)
		c->n++;
}

static int
logged(const char *what)
{
	struct count c = { .what = what };

	fakeapi_do(w_count, &c);
	return (c.n);
}

/* Is there an Event that says this? */
static void
w_event(void *arg)
{
	struct count *c = arg;
	struct world_table *t = world_table(&fake.w, "", "events");
	struct cache_entry *e;

	for (e = t->cache.head[0]; e != NULL; e = cache_next(e))
		c->n += strstr(cache_bytes(e).p, c->what) != NULL;
}

static int
has_event(const char *what)
{
	struct count c = { .what = what };

	fakeapi_do(w_event, &c);
	return (c.n);
}

static void
on_closed(void *arg)
{
	(void)arg;
	atomic_store(&closed, 1);
}

static void
m_close(struct pin_msg *msg)
{
	(void)msg;
	manager_close(m, on_closed, NULL);
}

static void
manager_start(void)
{
	static const struct client_identity who = { .name = { "me", 2 } };
	struct pin_err err = PIN_ERR_INIT;
	struct transport *t;
	struct client *client;
	char file[512];

	fakeapi_open();
	snprintf(file, sizeof(file), "%s/tests/plugins/controller/counter.so",
	    tap_build());
	if (pin_module_open(fake.host, NULL, file, PIN_KIND_CONTROLLER,
	    "counter", &module, &err) != PIN_OK ||
	    pin_loop_open(fake.host, "controllers", &loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	t = fakeapi_transport(loop);
	client = client_new(loop, &who, &t);
	m = manager_new(loop, &client);
	if (manager_add(m, "counter", pin_module_plugin(module)->ops, NULL,
	    &err) != PIN_OK || manager_add(m, "probe", &probe_ops, NULL,
	    &err) != PIN_OK || pin_loop_start(loop, &err) != PIN_OK)
		BAIL("%s", err.text);
}

static void
manager_end(void)
{
	static struct pin_msg msg;

	msg.fn = m_close;
	pin_loop_post(loop, &msg);
	WAIT(atomic_load(&closed), DEADLINE_MS);
	pin_loop_close(&loop);
	manager_free(&m);
	pin_module_put(&module);
	fakeapi_close();
}

static int
quiet(void)
{
	return (atomic_load(&fake.inflight) == 0);
}

#define P(n, more) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"," \
    "\"metadata\":{\"name\":\"p\",\"namespace\":\"d\",\"labels\":{" \
    "\"counter\":\"" n "\"" more "}}}"
#define S(n, v) "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{" \
    "\"name\":\"" n "\",\"namespace\":\"d\",\"labels\":{\"v\":\"" v "\"}}}"

struct ask {
	const char	*name, *what;
	int		 yes;
};

static void
w_ask(void *arg)
{
	struct world_table *t = world_table(&fake.w, "", "configmaps");
	struct ask *a = arg;
	struct cache_entry *e = cache_get(&t->cache, pin_str(a->name));
	char want[64];

	snprintf(want, sizeof(want), "\"counter-has\":\"%s\"", a->what);
	a->yes = e != NULL && strstr((const char *)e->buf->data, want) !=
	    NULL;
}

/* Does ConfigMap `name` say that it has n? */
static int
has(const char *name, const char *n)
{
	struct ask a = { .name = name, .what = n };

	fakeapi_do(w_ask, &a);
	return (a.yes);
}

static void
check_writes(void)
{
	CASE("700 children: each made once, in windows, as one service "
	    "account") {
		fakeapi_do(w_put, P("700", ""));
		WAIT(has("d/p", "700"), DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
		CHECK_INT(logged("POST /api/v1/namespaces/d/configmaps\n"),
		    700);
		CHECK(atomic_load(&fake.most) > 8);
		CHECK(atomic_load(&fake.most) <= PLAN_INFLIGHT_MAX +
		    EVENT_BURST + 1);
		CHECK_STR(fake.user, "system:serviceaccount:kube-system:"
		    "counter-controller");
	}
	CASE("25 Events about one object, not 700; from the tenth on one") {
		CHECK_INT(logged("POST /api/v1/namespaces/d/events"),
		    EVENT_SIMILAR_MAX);
		CHECK(has_event("(combined from similar events): Created"));
		CHECK(!has_event("Created p-699"));
	}
	CASE("a stable world is not written to") {
		fakeapi_do(w_forget, NULL);
		int before = atomic_load(&calls);

		fakeapi_do(w_put, P("700", ",\"poke\":\"1\""));
		fakeapi_do(w_secret, S("other", "1"));
		WAIT(atomic_load(&calls) > before, DEADLINE_MS);
		CHECK_INT(atomic_load(&fake.writes), 0);
	}
	CASE("one that is deleted comes back, fewer go") {
		fakeapi_do(w_delete, "p-3");
		WAIT(logged("POST /api/v1/namespaces/d/configmaps\n") == 1,
		    DEADLINE_MS);
		fakeapi_do(w_put, P("10", ""));
		WAIT(has("d/p", "10"), DEADLINE_MS);
		CHECK_INT(logged("DELETE "), 690);
	}
	CASE("a key waits for a cache that lags behind its writes") {
		fakeapi_do(w_lag, NULL);
		WAIT(logged("PATCH /api/v1/namespaces/d/configmaps") >= 1,
		    DEADLINE_MS);	/* its status */
		CHECK_INT(logged("POST /api/v1/namespaces/d/configmaps\n"),
		    600);
		fakeapi_do(w_no_lag, NULL);
		/* Its last status is nobody's refusal below. */
		WAIT(has("d/slow", "600"), DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
	}
	CASE("a refusal is met once, not fifty times, and healed") {
		fakeapi_do(w_refuse, NULL);
		WAIT(logged("POST /api/v1/namespaces/d/configmaps\n") == 53,
		    DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
		CHECK_INT(logged("POST /api/v1/namespaces/d/configmaps\n"),
		    53);
	}
}

static void
check_others(void)
{
	CASE("an error brings the key back, with back-off") {
		fakeapi_do(w_secret, S("fail", "1"));
		WAIT(atomic_load(&fails) == 4, DEADLINE_MS);
	}
	CASE("requeue-after comes back, and stops when it is not asked") {
		fakeapi_do(w_secret, S("after", "1"));
		WAIT(atomic_load(&after) == 4, DEADLINE_MS);
	}
	CASE("in a namespace that is going away nothing is made, or tried "
	    "again") {
		fakeapi_do(w_refuse_make, "{\"kind\":\"Status\",\"message\":"
		    "\"no\",\"code\":403,\"details\":{\"causes\":[{"
		    "\"reason\":\"NamespaceTerminating\"}]}}");
		WAIT(logged("POST ") == 1, DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
		CHECK_INT(atomic_load(&told), 0);
		fakeapi_do(w_secret, S("after", "2"));	/* time passes */
		WAIT(atomic_load(&after) == 5, DEADLINE_MS);
		CHECK_INT(atomic_load(&makes), 1);
	}
	CASE("a refusal is told at the next call, and forgotten with success") {
		fakeapi_do(w_refuse_make, "{\"kind\":\"Status\",\"message\":"
		    "\"no\",\"code\":403}");
		fakeapi_do(w_secret, S("make", "2"));
		WAIT(logged("POST /api/v1/namespaces/d/configmaps\n") == 3,
		    DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
		CHECK_INT(atomic_load(&told), 2);
		fakeapi_do(w_refuse_no_more, NULL);
		fakeapi_do(w_secret, S("make", "3"));
		WAIT(atomic_load(&makes) >= 5, DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
		CHECK_INT(atomic_load(&told), 2);
	}
	CASE("a live read is there at the next call, and then forgotten") {
		fakeapi_do(w_secret, S("live", "1"));
		WAIT(atomic_load(&lives) == 1, DEADLINE_MS);
		CHECK_INT(atomic_load(&live_found), 1);
		fakeapi_do(w_secret, S("live", "2"));
		WAIT(atomic_load(&lives) == 2, DEADLINE_MS);
		CHECK_INT(atomic_load(&fake.reads), 2);
	}
	CASE("equal Events are one that counts") {
		fakeapi_do(w_forget, NULL);
		fakeapi_do(w_secret, S("event", "1"));
		WAIT(logged("POST ") == 1, DEADLINE_MS);
		WAIT(quiet(), DEADLINE_MS);
		fakeapi_do(w_secret, S("event", "2"));
		WAIT(logged("PATCH ") == 1, DEADLINE_MS);
		fakeapi_do(w_secret, S("event", "3"));
		WAIT(logged("PATCH ") == 2, DEADLINE_MS);
		CHECK_INT(logged("POST "), 1);
	}
}

int
main(void)
{
	check_requests();
	manager_start();
	check_writes();
	check_others();
	CASE("it closes")
		manager_end();
	return (tap_done());
}
