/* SPDX-License-Identifier: BSD-2-Clause
 *
 * informer.c -- see informer.h. A list is a watch whose first events are
 * marked with a new generation; the bookmark that ends them sweeps out what
 * was not named, so nobody ever sees an empty or half-filled cache.
 *
 *	LISTING --bookmark--> WATCHING --end--> (resume) WATCHING
 *	   ^---------------------- 410 ------------'
 *
 * Client's loop. Contract: informer.h. */
#include "core/client/informer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/shelf.h"

#define INFORMER_MAGIC	0x696e666fu
#define SCRATCH_MAX	((size_t)256 << 20)
#define LIVED_NS	UINT64_C(1000000000)	/* a watch that was one */

struct informer {
	uint32_t	 magic;
	uint32_t	 listing;	/* initial events are coming */
	struct informer	*next;
	struct informers *all;
	char		*group, *version, *resource;
	struct cache	 cache;
	uint64_t	 revision;
	uint32_t	 generation;
	uint32_t	 synced;
	uint32_t	 retries, again;	/* list anew */
	uint32_t	 by_event;	/* revision is an event's, so others
					 * of it may still have to come */
	uint32_t	 failed;
	uint32_t	 meta;		/* keeps stubs only */
	uint32_t	 pad;
	uint64_t	 begun_ns;
	struct informer_user *users;
	struct client_call call;
	struct pin_timer retry;
	struct informer_counters count;
	char		 target[512];
};

struct informers {
	struct client	*client;
	struct pin_host	*host;
	struct informer	*first;
	struct pin_arena *scratch;	/* one event */
};

static void	informer_start(struct informer *);

/* ---- telling -------------------------------------------------------- */

static void
tell(struct informer *inf, const struct informer_event *ev)
{
	struct informer_user *u;

	inf->count.events++;
	for (u = inf->users; u != NULL; u = u->next)
		u->event(u, ev);
}

static struct pin_str
meta_str(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata", key,
	    NULL)));
}

static int
revision_of(const struct pin_obj *o, uint64_t *out)
{
	struct pin_str s = meta_str(o, "resourceVersion");
	uint64_t n = 0;
	size_t i;

	if (s.len == 0 || s.len > 20)
		return (0);
	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = n;
	return (1);
}

static struct pin_str
owner_uid(const struct pin_obj *o)
{
	pin_node n = pin_obj_at(o, pin_obj_root(o), "metadata",
	    "ownerReferences", NULL);

	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "controller")))
			return (pin_obj_str(o, pin_obj_get(o, n, "uid")));
	return (PIN_STR_NONE);
}

/* An entry goes; its bytes outlive it until everybody was told. */
static void
entry_gone(struct informer *inf, struct cache_entry *e,
    const struct pin_obj *last, uint64_t revision)
{
	struct informer_event ev = { .type = INFORMER_DELETED,
	    .revision = revision, .object = last };
	struct pin_buf *held = pin_buf_get(e->buf);
	char key[CACHE_KEY_MAX];
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;

	ev.before = cache_bytes(e);
	memcpy(key, e->key, e->key_len);
	ev.namespace = (struct pin_str){ key, e->ns_len };
	ev.name = cache_name(e);
	ev.name.p = key + (ev.name.p - e->key);
	if (last == NULL && pin_obj_parse(inf->all->scratch, ev.before.p,
	    ev.before.len, &o, &err) == PIN_OK)
		ev.object = o;
	cache_remove(&inf->cache, e);
	if (ev.object != NULL)
		tell(inf, &ev);
	pin_buf_put(&held);
	shelf_tidy();
}

/* A member, after a comma unless it is the first. */
static void
put_member(struct pin_out *p, const struct pin_obj *o, pin_node n)
{
	if (p->failed != PIN_OK || n == 0)
		return;
	if (p->p[p->len - 1] != '{')
		pin_out_char(p, ',');
	pin_json_quote(p, pin_obj_key(o, n));
	pin_out_char(p, ':');
	pin_obj_write(o, n, p);
}

/* What identifies, owns and holds it. */
static void
put_stub(struct pin_out *p, const struct pin_obj *o)
{
	static const char *const keep[] = { "name", "namespace", "uid",
	    "resourceVersion", "deletionTimestamp", "finalizers",
	    "ownerReferences" };
	pin_node root = pin_obj_root(o), meta = pin_obj_get(o, root,
	    "metadata");
	size_t i;

	pin_out_char(p, '{');
	put_member(p, o, pin_obj_get(o, root, "apiVersion"));
	put_member(p, o, pin_obj_get(o, root, "kind"));
	pin_out_cstr(p, ",\"metadata\":{");
	for (i = 0; i < PIN_LEN(keep); i++)
		put_member(p, o, pin_obj_get(o, meta, keep[i]));
	pin_out_cstr(p, "}}");
}

/* All but metadata.managedFields, a third of a pod that no consumer reads;
 * an update without them leaves the server's in place. */
static void
put_lean(struct pin_out *p, const struct pin_obj *o)
{
	pin_node root = pin_obj_root(o), meta = pin_obj_get(o, root,
	    "metadata"), fields = pin_obj_get(o, meta, "managedFields"), n;

	pin_out_cstr(p, "{\"metadata\":{");
	for (n = pin_obj_first(o, meta); n != 0; n = pin_obj_next(o, n))
		if (n != fields)
			put_member(p, o, n);
	pin_out_char(p, '}');
	for (n = pin_obj_first(o, root); n != 0; n = pin_obj_next(o, n))
		if (n != meta)
			put_member(p, o, n);
	pin_out_char(p, '}');
}

static void
entry_put(struct informer *inf, struct cache_entry *e,
    const struct pin_obj *o, uint64_t revision)
{
	struct informer_event ev = { .revision = revision, .object = o,
	    .namespace = meta_str(o, "namespace"),
	    .name = meta_str(o, "name") };
	struct pin_buf *held = NULL, *kept;
	struct pin_out p;

	pin_out_init(&p, inf->all->scratch, SCRATCH_MAX);
	if (inf->meta)
		put_stub(&p, o);
	else
		put_lean(&p, o);
	kept = p.failed == PIN_OK ? shelf_put(p.p, p.len) : NULL;
	PIN_ASSERT(kept != NULL);
	ev.type = e == NULL ? INFORMER_ADDED : INFORMER_MODIFIED;
	if (e != NULL) {
		held = pin_buf_get(e->buf);
		ev.before = cache_bytes(e);
	}
	e = cache_put(&inf->cache, ev.namespace, ev.name, revision, kept,
	    owner_uid(o));
	if (e != NULL) {
		e->generation = inf->generation;
		tell(inf, &ev);
	}
	pin_buf_put(&kept);
	pin_buf_put(&held);
}

/* The initial events are over: what they did not name is no more. */
static void
sweep(struct informer *inf, uint64_t revision)
{
	struct cache_entry *e, *next;
	struct informer_user *u;

	for (e = inf->cache.head[0]; e != NULL; e = next) {
		next = cache_next(e);
		if (e->generation == inf->generation)
			continue;
		pin_arena_reset(inf->all->scratch);
		entry_gone(inf, e, NULL, revision);
	}
	inf->listing = 0;
	inf->again = 0;
	inf->retries = 0;
	if (inf->synced)
		return;
	inf->synced = 1;
	for (u = inf->users; u != NULL; u = u->next)
		if (u->synced != NULL)
			u->synced(u);
}

/* ---- lines ---------------------------------------------------------- */

static void
informer_fail(struct informer *inf, const char *what)
{
	inf->count.errors++;
	inf->failed = 1;
	pin_log(inf->all->host, PIN_LOG_WARN, "informer %s%s%s: %s",
	    inf->resource, *inf->group ? "." : "", inf->group, what);
}

static void
on_bookmark(struct informer *inf, const struct pin_obj *o, uint64_t revision)
{
	struct pin_str end = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "annotations", "k8s.io/initial-events-end", NULL));

	inf->count.bookmarks++;
	if (revision < inf->revision) {
		inf->count.stale++;
		return;
	}
	inf->revision = revision;
	inf->by_event = 0;
	if (inf->listing && pin_str_is(end, "true"))
		sweep(inf, revision);
}

static void
on_error(struct informer *inf, const struct pin_obj *o)
{
	pin_node root = pin_obj_root(o);
	struct pin_str text = pin_obj_str(o, pin_obj_get(o, root, "message"));
	int64_t code = 0;
	char say[256];

	(void)pin_obj_i64(o, pin_obj_get(o, root, "code"), &code);
	snprintf(say, sizeof(say), "watch: %d: " PIN_SFMT, (int)code,
	    PIN_SARG(text));
	informer_fail(inf, say);
	if (code == 410)
		inf->again = 1;
}

static void
on_object(struct informer *inf, struct pin_str type, const struct pin_obj *o,
    uint64_t revision)
{
	char text[CACHE_KEY_MAX];
	struct pin_str key = { text, cache_key(text,
	    meta_str(o, "namespace"), meta_str(o, "name")) };
	struct cache_entry *e = key.len > 0 ? cache_get(&inf->cache, key) :
	    NULL;

	if (inf->listing) {
		if (e != NULL)
			e->generation = inf->generation;
	} else if (revision < inf->revision) {
		inf->count.stale++;
		return;
	} else {
		inf->revision = revision;
		inf->by_event = 1;
	}
	if (e != NULL && e->revision >= revision) {
		inf->count.stale += e->revision > revision;
	} else if (pin_str_is(type, "DELETED")) {
		if (e != NULL)
			entry_gone(inf, e, o, revision);
	} else {
		entry_put(inf, e, o, revision);
	}
}

/* {"type":"T","object":{...}}: where the object lies. 0: not so written. */
static int
line_split(struct pin_str line, struct pin_str *type, size_t *off)
{
	static const char a[] = "{\"type\":\"", b[] = "\",\"object\":";
	size_t n = sizeof(a) - 1;

	if (line.len < n + sizeof(b) || memcmp(line.p, a, n) != 0)
		return (0);
	type->p = line.p + n;
	while (n < line.len && line.p[n] != '"')
		n++;
	type->len = n - (sizeof(a) - 1);
	if (line.len - n < sizeof(b) + 1 ||
	    memcmp(line.p + n, b, sizeof(b) - 1) != 0 ||
	    line.p[line.len - 1] != '}')
		return (0);
	*off = n + sizeof(b) - 1;
	return (1);
}

static void
informer_line(struct client_call *call, struct pin_buf *buf, size_t off,
    size_t len)
{
	struct informer *inf = call->arg;
	struct pin_str line = { (const char *)buf->data + off, len }, type;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;
	uint64_t revision;
	size_t at;

	PIN_VALID(inf, INFORMER_MAGIC);
	pin_arena_reset(inf->all->scratch);
	if (!line_split(line, &type, &at)) {
		informer_fail(inf, "an event is not written as expected");
	} else if (pin_obj_parse(inf->all->scratch, line.p + at,
	    len - at - 1, &o, &err) != PIN_OK) {
		informer_fail(inf, err.text);
	} else if (pin_str_is(type, "ERROR")) {
		on_error(inf, o);
	} else if (!revision_of(o, &revision)) {
		informer_fail(inf, "an object without a resourceVersion");
	} else if (pin_str_is(type, "BOOKMARK")) {
		on_bookmark(inf, o, revision);
	} else {
		on_object(inf, type, o, revision);
	}
	if (!inf->failed || inf->call.client == NULL)
		return;
	/* The stream is of no use any more. */
	client_cancel(&inf->call);
	inf->call.done(&inf->call, &(struct client_answer){ .status = 200,
	    .rc = PIN_ECLOSED, .retry_after = -1 });
}

/* ---- the watch ------------------------------------------------------ */

static void
informer_later(struct informer *inf, int retry_after)
{
	uint64_t ms, x;

	ms = (uint64_t)INFORMER_RETRY_MS << (inf->retries < 16 ?
	    inf->retries : 16);
	if (ms > INFORMER_RETRY_MAX_MS)
		ms = INFORMER_RETRY_MAX_MS;
	inf->retries++;
	pin_host_random(inf->all->host, &x, sizeof(x));
	ms = ms / 2 + x % (ms / 2 + 1);
	if (retry_after > 0)
		ms += (uint64_t)retry_after * 1000;
	pin_timer_start(&inf->retry, ms);
}

/* Is this the answer to a revision that is not there yet? */
static int
is_future(int status, struct pin_str body)
{
	static const char word[] = "\"ResourceVersionTooLarge\"";
	size_t n = sizeof(word) - 1, i;

	if (status != 504)
		return (0);
	for (i = 0; i + n <= body.len; i++)
		if (memcmp(body.p + i, word, n) == 0)
			return (1);
	return (0);
}

/* The server waited, and is still behind what it told once: it was restored
 * from a backup. What it has now is what there is, whatever its number. */
static void
informer_rewind(struct informer *inf)
{
	struct cache_entry *e;

	inf->again = 1;
	inf->by_event = 0;
	inf->revision = 0;
	for (e = inf->cache.head[0]; e != NULL; e = cache_next(e))
		e->revision = 0;
}

static void
informer_refused(struct informer *inf, const struct client_answer *a)
{
	struct pin_str body = { a->buf != NULL ?
	    (const char *)a->buf->data + a->off : "", a->len };
	char say[320];

	snprintf(say, sizeof(say), "watch refused: %d: %.*s", (int)a->status,
	    body.len < 200 ? (int)body.len : 200, body.p);
	informer_fail(inf, say);
	if (a->status == 410)
		inf->again = 1;
	else if (is_future(a->status, body))
		informer_rewind(inf);
}

static void
informer_done(struct client_call *call, const struct client_answer *a)
{
	struct informer *inf = call->arg;

	PIN_VALID(inf, INFORMER_MAGIC);
	if (a->rc == PIN_ECANCELED)
		return;			/* the client closes */
	if (a->rc == PIN_OK && a->status != 200)
		informer_refused(inf, a);
	/* A watch that has lived ends in peace: go on at once. */
	if (!inf->failed && a->rc == PIN_OK && pin_host_now(inf->all->host) -
	    inf->begun_ns > LIVED_NS) {
		inf->retries = 0;
		informer_start(inf);
	} else {
		informer_later(inf, a->retry_after);
	}
}

static void
informer_retry(struct pin_timer *t)
{
	informer_start((struct informer *)(void *)((char *)t -
	    offsetof(struct informer, retry)));
}

static void
informer_start(struct informer *inf)
{
	struct pin_out o;
	uint64_t x;

	pin_host_random(inf->all->host, &x, sizeof(x));
	inf->listing = !inf->synced || inf->again;
	inf->failed = 0;
	pin_arena_reset(inf->all->scratch);
	pin_out_init(&o, inf->all->scratch, sizeof(inf->target));
	pin_out_printf(&o, "/%s%s%s/%s/%s?watch=1&allowWatchBookmarks=true"
	    "&timeoutSeconds=%u", *inf->group ? "apis/" : "api", inf->group,
	    "", inf->version, inf->resource,
	    INFORMER_WATCH_S / 2 + (unsigned int)(x % (INFORMER_WATCH_S / 2)));
	if (inf->listing) {
		inf->generation++;
		inf->count.lists++;
		pin_out_cstr(&o, "&sendInitialEvents=true"
		    "&resourceVersionMatch=NotOlderThan");
		if (inf->revision > 0)
			pin_out_printf(&o, "&resourceVersion=%" PRIu64,
			    inf->revision);
	} else {
		/* Others of the last revision are asked for again; what is
		 * known already is passed over. */
		inf->count.watches++;
		pin_out_printf(&o, "&resourceVersion=%" PRIu64,
		    inf->revision - (inf->by_event && inf->revision > 1));
	}
	PIN_ASSERT(o.failed == PIN_OK);
	memcpy(inf->target, o.p, o.len);
	inf->begun_ns = pin_host_now(inf->all->host);
	inf->call.flags = CLIENT_STREAM;
	inf->call.method = PIN_STR("GET");
	inf->call.target = (struct pin_str){ inf->target, o.len };
	inf->call.timeout_ms = INFORMER_SILENCE_MS;
	inf->call.done = informer_done;
	inf->call.line = informer_line;
	inf->call.arg = inf;
	client_start(inf->all->client, &inf->call);
}

/* ---- life ----------------------------------------------------------- */

struct informers *
informers_new(struct client *client)
{
	struct informers *all = pin_xcalloc(1, sizeof(*all));

	all->client = client;
	all->host = pin_loop_host(client_loop(client));
	all->scratch = pin_arena_new(SCRATCH_MAX);
	PIN_ASSERT(all->scratch != NULL);
	shelf_open();
	return (all);
}

void
informers_free(PIN_OWN struct informers **ap)
{
	struct informers *all = *ap;

	*ap = NULL;
	PIN_ASSERT(all->first == NULL);
	pin_arena_free(&all->scratch);
	shelf_close();
	free(all);
}

/* The whole one, if there is one. */
struct informer *
informer_find(struct informers *all, const char *group, const char *version,
    const char *resource)
{
	struct informer *inf, *found = NULL;

	for (inf = all->first; inf != NULL; inf = inf->next)
		if (strcmp(inf->resource, resource) == 0 &&
		    strcmp(inf->group, group) == 0 &&
		    strcmp(inf->version, version) == 0 &&
		    (found == NULL || found->meta))
			found = inf;
	return (found);
}

static void
replay(struct informer *inf, struct informer_user *u)
{
	struct informer_event ev = { .type = INFORMER_ADDED };
	struct pin_err err = PIN_ERR_INIT;
	struct cache_entry *e;
	struct pin_obj *o;

	for (e = inf->cache.head[0]; e != NULL; e = cache_next(e)) {
		pin_arena_reset(inf->all->scratch);
		if (pin_obj_parse(inf->all->scratch, cache_bytes(e).p,
		    cache_bytes(e).len, &o, &err) != PIN_OK)
			continue;
		ev.object = o;
		ev.revision = e->revision;
		ev.namespace = cache_namespace(e);
		ev.name = cache_name(e);
		u->event(u, &ev);
	}
	if (inf->synced && u->synced != NULL)
		u->synced(u);
}

static void
open_as(struct informers *all, const char *group, const char *version,
    const char *resource, struct informer_user *u, uint32_t meta)
{
	struct informer *inf = informer_find(all, group, version, resource);

	if (inf == NULL || (inf->meta && !meta)) {
		inf = pin_xcalloc(1, sizeof(*inf));
		inf->magic = INFORMER_MAGIC;
		inf->meta = meta;
		inf->all = all;
		inf->group = pin_xstrdup(group);
		inf->version = pin_xstrdup(version);
		inf->resource = pin_xstrdup(resource);
		cache_init(&inf->cache);
		pin_timer_init(&inf->retry, client_loop(all->client),
		    informer_retry);
		inf->next = all->first;
		all->first = inf;
		informer_start(inf);
	}
	u->informer = inf;
	u->next = inf->users;
	inf->users = u;
	replay(inf, u);
}

void
informer_open(struct informers *all, const char *group, const char *version,
    const char *resource, struct informer_user *u)
{
	open_as(all, group, version, resource, u, 0);
}

void
informer_open_meta(struct informers *all, const char *group,
    const char *version, const char *resource, struct informer_user *u)
{
	open_as(all, group, version, resource, u, 1);
}

void
informer_close(struct informer_user *u)
{
	struct informer *inf = u->informer, **at;
	struct informer_user **ut;

	PIN_VALID(inf, INFORMER_MAGIC);
	for (ut = &inf->users; *ut != u; ut = &(*ut)->next)
		;
	*ut = u->next;
	u->informer = NULL;
	if (inf->users != NULL)
		return;
	for (at = &inf->all->first; *at != inf; at = &(*at)->next)
		;
	*at = inf->next;
	client_cancel(&inf->call);
	pin_timer_stop(&inf->retry);
	cache_fini(&inf->cache);
	free(inf->group);
	free(inf->version);
	free(inf->resource);
	inf->magic = 0;
	free(inf);
}

const struct cache *
informer_cache(const struct informer *inf)
{
	return (&inf->cache);
}

int
informer_synced(const struct informer *inf)
{
	return ((int)inf->synced);
}

uint64_t
informer_revision(const struct informer *inf)
{
	return (inf->revision);
}

const struct informer_counters *
informer_count(const struct informer *inf)
{
	return (&inf->count);
}
