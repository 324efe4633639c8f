/* SPDX-License-Identifier: BSD-2-Clause
 *
 * informer.c -- the cache in order and by owner; an informer through lists,
 * broken watches, 410 and servers that tell old news.
 * The server is tests/lib/fakeapi. Contract: core/client/informer.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/informer.h"
#include "fakeapi.h"
#include "tap.h"

#define DEADLINE_MS	10000

/* ---- the cache ------------------------------------------------------ */

static void
put(struct cache *c, const char *ns, const char *name, const char *owner)
{
	struct pin_buf *b = pin_buf_copy("x", 1);

	(void)cache_put(c, pin_str(ns), pin_str(name), 1, b,
	    pin_str(owner));
	pin_buf_put(&b);
}

static void
check_cache(void)
{
	struct cache c;
	struct cache_entry *e;
	char name[32];
	uint32_t n, i, sorted = 1;

	cache_init(&c);
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%u", i * 7919 % 2000);
		put(&c, i % 2 ? "a" : "b", name, i % 3 ? "one" : "two");
	}
	CASE("2000 entries are in order") {
		CHECK_UINT(c.n, 2000);
		for (e = c.head[0]; cache_next(e) != NULL; e = cache_next(e))
			sorted &= strcmp(e->key, cache_next(e)->key) < 0;
		CHECK(sorted);
		e = cache_seek(&c, PIN_STR("b/"));
		CHECK(e != NULL && pin_str_is(cache_namespace(e), "b"));
	}
	CASE("owners know theirs") {
		(void)cache_owned(&c, PIN_STR("one"), &n);
		CHECK_UINT(n, 1333);
		CHECK(cache_owned(&c, PIN_STR("none"), &n) == NULL);
		put(&c, "a", "n1", "three");	/* changes hands or is new */
		e = cache_owned(&c, PIN_STR("three"), &n);
		CHECK(e != NULL && n == 1 && pin_str_is(cache_name(e), "n1"));
	}
	CASE("all of them can go") {
		while ((e = c.head[0]) != NULL)
			cache_remove(&c, e);
		CHECK_UINT(c.n, 0);
		CHECK_UINT(c.bytes, 0);
		CHECK_UINT(c.nowners, 0);
	}
	cache_fini(&c);
}

/* ---- the informer --------------------------------------------------- */

static struct pin_loop *loop;
static struct client *client;
static struct informers *all;
static struct informer_user user;
static char heard[65536];
static atomic_int nheard, synced, closed;
static char had[4096];

static void
on_event(struct informer_user *u, const struct informer_event *ev)
{
	static const char *const what[] = { "+", "~", "-" };
	size_t n = strlen(heard);

	(void)u;
	snprintf(heard + n, sizeof(heard) - n, "%s" PIN_SFMT " ",
	    what[ev->type], PIN_SARG(ev->name));
	atomic_fetch_add(&nheard, 1);
}

static void
on_synced(struct informer_user *u)
{
	(void)u;
	atomic_fetch_add(&synced, 1);
}

static void
on_closed(void *arg)
{
	(void)arg;
	atomic_store(&closed, 1);
}

struct on_loop {
	struct pin_msg	 msg;
	void		(*fn)(void);
	atomic_int	 done;
};

static void
on_loop_run(struct pin_msg *msg)
{
	struct on_loop *o = (struct on_loop *)(void *)msg;

	o->fn();
	atomic_store(&o->done, 1);
}

static void
do_on_loop(void (*fn)(void))
{
	struct on_loop o = { .fn = fn };

	o.msg.fn = on_loop_run;
	pin_loop_post(loop, &o.msg);
	while (!atomic_load(&o.done))
		tap_nap();
}

static void
start(void)
{
	user = (struct informer_user){ .event = on_event,
	    .synced = on_synced };
	informer_open(all, "", "v1", "configmaps", &user);
}

static void
stop(void)
{
	client_close(&client, on_closed, NULL);
	informer_close(&user);
	informers_free(&all);
}

static void
list_cache(void)
{
	const struct cache *c = informer_cache(user.informer);
	struct cache_entry *e;

	had[0] = '\0';
	for (e = c->head[0]; e != NULL; e = cache_next(e))
		snprintf(had + strlen(had), sizeof(had) - strlen(had),
		    PIN_SFMT " ", PIN_SARG(cache_name(e)));
}

static void
get_m(void)
{
	const struct cache_entry *e = cache_get(informer_cache(user.informer),
	    PIN_STR("d/m"));

	snprintf(had, sizeof(had), PIN_SFMT, PIN_SARG(e != NULL ?
	    cache_bytes(e) : PIN_STR_NONE));
}

static uint64_t nerrors;

static void
ask_errors(void)
{
	nerrors = informer_count(user.informer)->errors;
}

static uint64_t
errors(void)
{
	do_on_loop(ask_errors);
	return (nerrors);
}

static void
forget(void)
{
	heard[0] = '\0';
	atomic_store(&nheard, 0);
}

#define CM(n, v) "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":" \
    "{\"name\":\"" n "\",\"namespace\":\"d\"},\"data\":{\"v\":\"" v "\"}}"

static void
w_put(void *json)
{
	fakeapi_put("", "configmaps", json);
}

static void
w_delete(void *name)
{
	fakeapi_delete("", "configmaps", "d", name);
}

static void
w_drop(void *arg)
{
	(void)arg;
	fakeapi_drop_watches();
}

/* What happens while nobody listens. */
static void
w_behind(void *arg)
{
	(void)arg;
	fake.mute = 1;
	fakeapi_delete("", "configmaps", "d", "a");
	fakeapi_put("", "configmaps", CM("b", "9"));
	fakeapi_put("", "configmaps", CM("e", "1"));
	fake.mute = 0;
	fake.expired = 1;
	fakeapi_error(410);
}

/* The server is one that was restored from a backup: it counts from an
 * earlier revision, and what came after that never happened. */
static void
w_restored(void *arg)
{
	(void)arg;
	fake.mute = 1;
	fakeapi_delete("", "configmaps", "d", "g");
	fake.w.revision = 1;
	fakeapi_put("", "configmaps", CM("b", "back"));
	fakeapi_put("", "configmaps", CM("h", "1"));
	fake.mute = 0;
	fakeapi_drop_watches();
}

static void
w_old_news(void *arg)
{
	struct fakeapi_watch *wt = &fake.watch[0];
	static const char old[] = "{\"type\":\"MODIFIED\",\"object\":"
	    "{\"metadata\":{\"name\":\"b\",\"namespace\":\"d\","
	    "\"resourceVersion\":\"3\"}}}\n";
	struct pin_buf *b = pin_buf_copy(old, sizeof(old) - 1);

	(void)arg;
	wt->ex->ops->send(wt->ex, b, 0, b->len);
	wt->ex->ops->flush(wt->ex);
	pin_buf_put(&b);
	fakeapi_put("", "configmaps", CM("f", "1"));
}

static void
w_garbage(void *arg)
{
	struct fakeapi_watch *wt = &fake.watch[0];
	struct pin_buf *b = pin_buf_copy("{\"type\":\"ADDED\",\"object\":{]}\n",
	    30);

	(void)arg;
	wt->ex->ops->send(wt->ex, b, 0, b->len);
	wt->ex->ops->flush(wt->ex);
	pin_buf_put(&b);
}

static void
check_lean(void)
{
	CASE("managedFields are not kept, everything else is") {
		forget();
		fakeapi_do(w_put, "{\"kind\":\"ConfigMap\",\"metadata\":{"
		    "\"name\":\"m\",\"namespace\":\"d\",\"managedFields\":"
		    "[{\"manager\":\"x\"}],\"labels\":{\"a\":\"1\"}},"
		    "\"data\":{\"v\":\"1\"}}");
		WAIT(atomic_load(&nheard) == 1, DEADLINE_MS);
		do_on_loop(get_m);
		CHECK(strstr(had, "managedFields") == NULL);
		CHECK(strstr(had, "\"labels\":{\"a\":\"1\"}") != NULL);
		CHECK(strstr(had, "\"data\":{\"v\":\"1\"}}") != NULL);
		fakeapi_do(w_delete, "m");
		WAIT(atomic_load(&nheard) == 2, DEADLINE_MS);
	}
}

static void
check_restored(void)
{
	CASE("a server that went back in time: its state is taken") {
		forget();
		fakeapi_do(w_restored, NULL);
		WAIT(strstr(heard, "+h ") != NULL && strstr(heard, "-g ") !=
		    NULL, DEADLINE_MS);
		CHECK(strstr(heard, "~b ") != NULL);
		do_on_loop(list_cache);
		CHECK_STR(had, "b d e f h ");
		forget();
		fakeapi_do(w_put, CM("b", "on"));
		WAIT(atomic_load(&nheard) >= 1, DEADLINE_MS);
		CHECK_STR(heard, "~b ");
	}
}

static void
check_informer(void)
{
	static const struct client_identity who = { .name = { "me", 2 } };
	struct pin_err err = PIN_ERR_INIT;
	struct transport *t;

	fakeapi_open();
	fakeapi_do(w_put, CM("a", "1"));
	fakeapi_do(w_put, CM("b", "1"));
	if (pin_loop_open(fake.host, "client", &loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	t = fakeapi_transport(loop);
	client = client_new(loop, &who, &t);
	all = informers_new(client);
	if (pin_loop_start(loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	do_on_loop(start);
	CASE("what there is comes first, then it is synced") {
		WAIT(atomic_load(&synced) == 1, DEADLINE_MS);
		CHECK_STR(heard, "+a +b ");
	}
	CASE("then what happens") {
		forget();
		fakeapi_do(w_put, CM("c", "1"));
		fakeapi_do(w_put, CM("b", "2"));
		fakeapi_do(w_delete, "c");
		WAIT(atomic_load(&nheard) == 3, DEADLINE_MS);
		CHECK_STR(heard, "+c ~b -c ");
	}
	CASE("a watch that ends is resumed, not listed") {
		forget();
		fakeapi_do(w_drop, NULL);
		fakeapi_do(w_put, CM("d", "1"));
		WAIT(atomic_load(&nheard) >= 1, DEADLINE_MS);
		CHECK_STR(heard, "+d ");
		CHECK_INT(atomic_load(&fake.lists), 1);
		CHECK(atomic_load(&fake.watches) >= 1);
	}
	CASE("410: listed again, the difference is told") {
		forget();
		fakeapi_do(w_behind, NULL);
		WAIT(atomic_load(&nheard) == 3, DEADLINE_MS);
		CHECK_STR(heard, "~b +e -a ");
		CHECK_INT(atomic_load(&fake.lists), 2);
		CHECK_INT(atomic_load(&synced), 1);
		do_on_loop(list_cache);
		CHECK_STR(had, "b d e ");
	}
	CASE("old news are no news") {
		forget();
		fakeapi_do(w_old_news, NULL);
		WAIT(atomic_load(&nheard) >= 1, DEADLINE_MS);
		CHECK_STR(heard, "+f ");
	}
	check_lean();
	CASE("garbage ends the watch, and it comes back") {
		forget();
		fake.expired = 0;
		fakeapi_do(w_garbage, NULL);
		WAIT(errors() >= 2, DEADLINE_MS);
		fakeapi_do(w_put, CM("g", "1"));
		WAIT(atomic_load(&nheard) >= 1, DEADLINE_MS);
		CHECK_STR(heard, "+g ");
	}
	check_restored();
	do_on_loop(stop);
	WAIT(atomic_load(&closed), DEADLINE_MS);
	pin_loop_close(&loop);
	fakeapi_close();
}

int
main(void)
{
	check_cache();
	check_informer();
	return (tap_done());
}
