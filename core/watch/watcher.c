/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watcher.c -- one WATCH from its first byte to its last: initial state from
 * the store, missed events from history and ring, then live events.
 * Front loop. Contract: watch.h; W5 (resumable), W9 (410), W10 (one bookmark
 * ends the initial events), W11 (a slow one is cut, alone). */
#include "core/watch/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/render.h"
#include "core/apiserver/verbs.h"

#define WATCHER_MAGIC	0x77617463u
#define NS_PER_S	UINT64_C(1000000000)

/* GO: on with the next state; STOP: until credit or an event comes; GONE: the
 * watcher and its request are no more. */
enum { PUMP_GONE = -1, PUMP_STOP = 0, PUMP_GO = 1 };

void
watcher_dirty(struct watcher *w)
{
	if (w->dirty)
		return;
	w->dirty = 1;
	w->dirty_next = NULL;
	w->dirty_prev = w->wf->dirty_last;
	if (w->dirty_prev != NULL)
		w->dirty_prev->dirty_next = w;
	else
		w->wf->dirty = w;
	w->wf->dirty_last = w;
}

void
watcher_clean(struct watcher *w)
{
	if (!w->dirty)
		return;
	if (w->dirty_prev != NULL)
		w->dirty_prev->dirty_next = w->dirty_next;
	else
		w->wf->dirty = w->dirty_next;
	if (w->dirty_next != NULL)
		w->dirty_next->dirty_prev = w->dirty_prev;
	else
		w->wf->dirty_last = w->dirty_prev;
	w->dirty = 0;
}

/* ---- lists ---------------------------------------------------------- */

static void
list_link(struct watcher **head, struct watcher *w)
{
	w->prev = NULL;
	w->next = *head;
	if (*head != NULL)
		(*head)->prev = w;
	*head = w;
}

static void
list_unlink(struct watcher **head, struct watcher *w)
{
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		*head = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->next = w->prev = NULL;
}

static struct watcher **
list_of(struct watcher *w)
{
	return (w->state == WATCH_LIVE ? &w->group->members :
	    &w->wf->catching);
}

static void
set_state(struct watcher *w, uint32_t state)
{
	list_unlink(list_of(w), w);
	w->state = state;
	list_link(list_of(w), w);
}

void
watcher_end(struct watcher *w, int ok)
{
	struct watch_front *wf = w->wf;
	struct request *r = w->r;

	PIN_VALID(w, WATCHER_MAGIC);
	list_unlink(list_of(w), w);
	watcher_clean(w);
	if (w->all_prev != NULL)
		w->all_prev->all_next = w->all_next;
	else
		wf->all = w->all_next;
	if (w->all_next != NULL)
		w->all_next->all_prev = w->all_prev;
	group_leave(wf, &w->group);
	wf->nwatchers--;
	w->magic = 0;
	r->verb = NULL;
	reply_finish(r, ok);
}

/* ---- sending -------------------------------------------------------- */

/* NULL: it could not be made. Nothing may follow a gap (W3). */
static void
send_buf(struct watcher *w, struct pin_buf *b)
{
	w->broken |= b == NULL;
	if (w->broken) {
		watcher_dirty(w);
		return;
	}
	w->r->ex->ops->send(w->r->ex, b, 0, b->len);
	w->sent_any = 1;
	w->wf->front->counters.deliveries++;
	watcher_dirty(w);
}

static void
send_out(struct watcher *w, struct pin_out *o)
{
	struct pin_buf *b = o->failed == PIN_OK ? pin_buf_copy(o->p, o->len) :
	    NULL;

	send_buf(w, b);
	pin_buf_put(&b);
}

/* An event made for this watcher alone. */
static void
send_own(struct watcher *w, const char *type, struct pin_buf *bytes,
    uint64_t revision)
{
	struct request *r = w->r;
	struct pin_arena *own = r->arena;
	struct pin_out o;

	pin_arena_reset(w->wf->scratch);
	pin_out_init(&o, w->wf->scratch, RENDER_MAX);
	r->arena = w->wf->scratch;
	if (render_event(r, type, bytes, revision, !w->sent_any, &o) == PIN_OK)
		send_out(w, &o);
	else
		send_buf(w, NULL);
	r->arena = own;
}

void
watcher_event(struct watcher *w, struct ring_event *e, int type)
{
	if (w->r->out.form == OUT_TABLE && !w->sent_any)
		send_own(w, event_names[type],
		    ring_event_object(e, (uint32_t)type), e->revision);
	else
		send_buf(w, group_line(w->wf, w->group, w->r, e, type));
	w->since = e->revision;
}

static void
send_bookmark(struct watcher *w, uint64_t revision, int initial)
{
	struct request *r = w->r;
	const char *group = res_group(r->srv, r->res);
	const char *note = initial ? ",\"annotations\":{"
	    "\"k8s.io/initial-events-end\":\"true\"}" : "";
	struct pin_out o;

	pin_arena_reset(w->wf->scratch);
	pin_out_init(&o, w->wf->scratch, 4096);
	pin_out_cstr(&o, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"");
	if (r->out.form == OUT_TABLE)
		pin_out_printf(&o, "Table\",\"apiVersion\":\"meta.k8s.io/%s\","
		    "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"%s},"
		    "\"columnDefinitions\":null,\"rows\":[{\"cells\":[],"
		    "\"object\":{\"kind\":\"PartialObjectMetadata\","
		    "\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{"
		    "\"resourceVersion\":\"%" PRIu64 "\"%s}}}]}}\n",
		    r->out.beta ? "v1beta1" : "v1", revision, note, revision,
		    note);
	else if (r->out.form != OUT_JSON)
		pin_out_printf(&o, "PartialObjectMetadata\",\"apiVersion\":"
		    "\"meta.k8s.io/%s\",\"metadata\":{\"resourceVersion\":\"%"
		    PRIu64 "\"%s}}}\n", r->out.beta ? "v1beta1" : "v1",
		    revision, note);
	else
		pin_out_printf(&o, "%s\",\"apiVersion\":\"%s%s%s\","
		    "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"%s}}}\n",
		    res_str(r, r->res->kind), group, *group ? "/" : "",
		    res_version(r->srv, r->res), revision, note);
	send_out(w, &o);
}

/* An ERROR event with a Status, and the end: the watcher is gone. */
static int
send_error(struct watcher *w, int code, const char *text)
{
	struct pin_str status = status_body(w->r, code, pin_str(text), NULL);
	struct pin_out o;

	w->broken = 0;
	pin_out_init(&o, w->r->arena, 8192);
	pin_out_cstr(&o, "{\"type\":\"ERROR\",\"object\":");
	pin_out_put(&o, status.p, status.len - 1);	/* its newline */
	pin_out_cstr(&o, "}\n");
	send_out(w, &o);
	w->r->ex->ops->flush(w->r->ex);
	watcher_end(w, 1);
	return (PUMP_GONE);
}

/* ---- catching up ---------------------------------------------------- */

static int
has_credit(struct watcher *w)
{
	return (w->r->ex->ops->credit(w->r->ex) > 0);
}

static int
initial_emit(void *arg, const struct pin_kv *kv)
{
	struct watcher *w = arg;
	int rc;

	memcpy(w->last, kv->key.p, kv->key.len);
	w->start = (struct pin_str){ w->last, kv->key.len };
	pin_arena_reset(w->wf->scratch);
	if (filter_match(&w->group->filter, w->r, kv->key, kv->value,
	    w->wf->scratch, &rc))
		send_own(w, "ADDED", kv->value, kv->mod_rev);
	return (!has_credit(w));
}

static int
pump_initial(struct watcher *w)
{
	struct request *r = w->r;
	struct pin_range q = { .size = sizeof(q), .end = w->end,
	    .at = w->list_rev, .bytes_max = WATCH_PIECE };
	struct pin_range_result res = { .size = sizeof(res) };
	char from[PIN_KEY_MAX];		/* emit writes w->last */
	int rc;

	do {
		if (!has_credit(w))
			return (PUMP_STOP);
		memcpy(from, w->start.p, w->start.len);
		q.start = (struct pin_str){ from, w->start.len };
		q.at = w->list_rev;
		rc = r->srv->store->range(r->srv->store_self, &q, initial_emit,
		    w, &res, &r->err);
		if (rc != PIN_OK)
			return (send_error(w, rc, r->err.text));

		w->list_rev = res.revision;
		if (w->start.p == w->last && w->start.len < PIN_KEY_MAX)
			w->last[w->start.len++] = '\0';
	} while (res.more);
	w->since = w->list_rev;
	if (w->initial_bookmark)
		send_bookmark(w, w->since, 1);
	w->initial_bookmark = 0;
	set_state(w, WATCH_RING);
	w->seq = ring_find(&w->wf->ring, w->since);
	return (PUMP_GO);
}

static int
history_emit(void *arg, const struct pin_event *ev)
{
	struct watcher *w = arg;
	struct ring_event *e;
	int type;

	/* All of one revision, even past the credit (W4). */
	if (ev->revision > w->since && !has_credit(w))
		return (1);
	/* What was there before is forgotten: neither a type nor the last
	 * state can be told. */
	if (ev->before == NULL && ev->before_rev != 0) {
		w->forgotten = 1;
		return (1);
	}
	e = ring_event_new(w->r->srv, ev);
	w->since = ev->revision;
	if (e == NULL)
		return (0);		/* nobody's */
	type = group_type(w->wf, w->group, w->r, e);
	if (type >= 0)
		watcher_event(w, e, type);
	ring_event_put(e);
	return (0);
}

/* Older than the ring, younger than the compaction. */
static int
pump_history(struct watcher *w)
{
	struct request *r = w->r;
	uint64_t upto = w->wf->revision;
	int rc;

	if (!has_credit(w))
		return (PUMP_STOP);
	rc = r->srv->store->history(r->srv->store_self, w->since + 1, upto,
	    w->start, history_emit, w, &r->err);
	if (rc == PIN_EGONE || w->forgotten)
		return (send_error(w, PIN_EGONE, "too old resource version"));
	if (rc != PIN_OK)
		return (send_error(w, rc, r->err.text));
	if (!has_credit(w))
		return (PUMP_STOP);
	if (w->since < upto)
		w->since = upto;
	set_state(w, WATCH_RING);
	w->seq = ring_find(&w->wf->ring, w->since);
	return (PUMP_GO);
}

static int
pump_ring(struct watcher *w)
{
	struct ring *g = &w->wf->ring;
	struct ring_event *e;
	int type;

	if (w->seq < g->tail)
		return (send_error(w, PIN_EGONE, "too old resource version: "
		    "the watcher was too slow"));
	for (; w->seq < g->head; w->seq++) {
		e = ring_at(g, w->seq);
		if (e->revision < w->since || (e->revision == w->since &&
		    !w->in_ring))
			continue;
		if (watcher_full(w, e))
			return (PUMP_STOP);
		w->in_ring = 1;
		type = group_type(w->wf, w->group, w->r, e);
		if (type >= 0)
			watcher_event(w, e, type);
	}
	/* At the head; live once the ring has passed what was delivered. */
	if (w->since <= w->wf->revision) {
		w->in_ring = 1;
		set_state(w, WATCH_LIVE);
	}
	return (PUMP_STOP);
}

int
watcher_pump(struct watcher *w)
{
	int rc = PUMP_GO;

	while (rc == PUMP_GO)
		rc = w->state == WATCH_INITIAL ? pump_initial(w) :
		    w->state == WATCH_HISTORY ? pump_history(w) :
		    w->state == WATCH_RING ? pump_ring(w) : PUMP_STOP;
	if (rc != PUMP_GONE && w->broken)
		rc = send_error(w, PIN_ENOMEM, "an event could not be made");
	return (rc != PUMP_GONE);
}

int
watcher_full(struct watcher *w, const struct ring_event *e)
{
	return (e->revision > w->since && !has_credit(w));
}

/* seq was not delivered for want of credit. */
void
watcher_lag(struct watcher *w, uint64_t seq)
{
	w->seq = seq;
	set_state(w, WATCH_RING);
}

int
watcher_flush(struct watcher *w)
{
	if (w->broken) {
		(void)send_error(w, PIN_ENOMEM, "an event could not be made");
		return (0);
	}
	w->r->ex->ops->flush(w->r->ex);
	return (1);
}

/* Each minute, and one shortly before the end, so that the next watch goes on
 * from there. */
static uint64_t
bookmark_next(const struct watcher *w, uint64_t now)
{
	uint64_t at = now + WATCH_BOOKMARK_MS * UINT64_C(1000000);
	uint64_t last = w->deadline_ns - WATCH_LAST_MS * UINT64_C(1000000);

	return (last > now && last < at ? last : at);
}

void
watcher_tick(struct watcher *w, uint64_t now)
{
	if (now >= w->deadline_ns) {
		watcher_end(w, 1);
		return;
	}
	if (w->r->opt.bookmarks && now >= w->bookmark_ns &&
	    w->state == WATCH_LIVE && has_credit(w)) {
		send_bookmark(w, w->wf->revision, 0);
		w->bookmark_ns = bookmark_next(w, now);
	}
}

/* ---- the request ---------------------------------------------------- */

static int
watch_keys(struct watcher *w)
{
	struct request *r = w->r;
	const struct pin_res_row *stored =
	    &r->srv->schema->resources[r->res->store];
	struct filter *f = &w->group->filter;
	char *end;

	w->start = store_key(r->arena, r->srv->schema, stored,
	    r->info.namespace, f->name);
	if (w->start.p == NULL || w->start.len >= PIN_KEY_MAX)
		return (PIN_ENOMEM);
	end = pin_arena_alloc(r->arena, w->start.len + 1);
	if (end == NULL)
		return (PIN_ENOMEM);
	memcpy(end, w->start.p, w->start.len);
	w->end = (struct pin_str){ end, w->start.len };
	if (f->exact_key)
		end[w->end.len++] = '\0';
	else
		end[w->end.len - 1]++;
	return (PIN_OK);
}

/* Where the stream begins. */
static void
watch_begin(struct watcher *w, uint64_t revision)
{
	struct request_options *o = &w->r->opt;

	w->since = revision;
	if (o->send_initial == 1 || (revision == 0 && o->send_initial < 0)) {
		w->state = WATCH_INITIAL;
		w->initial_bookmark = o->send_initial == 1 && o->bookmarks;
	} else if (revision != 0 && revision < w->wf->ring.floor) {
		w->state = WATCH_HISTORY;
	} else {
		w->state = WATCH_RING;
		if (revision == 0)
			w->since = w->wf->revision;
		w->seq = ring_find(&w->wf->ring, w->since);
	}
}

static uint64_t
watch_timeout_ns(struct request *r)
{
	uint64_t min = r->srv->limits.watch_min_ms * UINT64_C(1000000), x;

	if (r->opt.timeout_s > 0)
		return ((uint64_t)r->opt.timeout_s * NS_PER_S);
	pin_host_random(r->srv->host, &x, sizeof(x));
	return (min + x % (min + 1));
}

static void
watch_link(struct watcher *w)
{
	struct watch_front *wf = w->wf;
	uint64_t now = pin_host_now(w->r->srv->host);

	w->deadline_ns = now + watch_timeout_ns(w->r);
	w->bookmark_ns = bookmark_next(w, now);
	list_link(&wf->catching, w);
	w->all_next = wf->all;
	if (wf->all != NULL)
		wf->all->all_prev = w;
	wf->all = w;
	wf->nwatchers++;
	wf->front->counters.watches++;
	watch_wake(wf);
}

int
watch_run(struct request *r)
{
	struct watch_front *wf = r->front->watch;
	struct watcher *w;
	uint64_t revision;

	if (negotiate(r, 1) != PIN_OK ||
	    query_check(r, "ListOptions") != PIN_OK ||
	    version_parse(r->opt.resource_version, &revision, &r->err) !=
	    PIN_OK)
		return (reply_error(r));
	if (revision > wf->revision)
		return (revision_wait(r));
	w = pin_arena_zalloc(r->arena, sizeof(*w));
	if (w == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	w->magic = WATCHER_MAGIC;
	w->r = r;
	w->wf = wf;
	w->group = group_open(wf, r);
	if (w->group == NULL)
		return (reply_error(r));
	if (watch_keys(w) != PIN_OK) {
		group_leave(wf, &w->group);
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	}
	r->verb = w;
	watch_begin(w, revision);
	reply_start(r, "application/json");
	watch_link(w);
	r->ex->ops->flush(r->ex);	/* the head, before any event */
	if (watcher_pump(w))
		(void)watcher_flush(w);
	return (STEP_WAIT);
}

void
watch_credit(struct request *r)
{
	struct watcher *w = r->verb;

	if (watcher_pump(w))
		(void)watcher_flush(w);
}

void
watch_gone(struct request *r)
{
	watcher_end(r->verb, 0);
}
