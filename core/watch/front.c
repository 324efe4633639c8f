/* SPDX-License-Identifier: BSD-2-Clause
 *
 * front.c -- a batch of committed events, from the store's thread through
 * the ring of a front to its watchers; and those who wait for a revision.
 * Threads: watch_publish on the store's, the rest on the front.
 * Contract: watch.h. */
#include "core/watch/watch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/render.h"
#include "core/apiserver/verbs.h"
#include "core/apiserver/views.h"

/* ---- the store's thread --------------------------------------------- */

void
watch_publish(void *arg, const struct pin_event *ev, uint32_t n,
    uint64_t revision)
{
	struct apiserver *srv = arg;
	struct ring_batch *b;
	struct ring_event *e;
	uint32_t i, f;

	for (f = 0; f < srv->nfronts; f++) {
		b = pin_xcalloc(1, sizeof(*b) + n * sizeof(b->events[0]));
		b->msg.fn = watch_batch;
		b->front = &srv->fronts[f];
		b->revision = revision;
		srv->fronts[f].batch = b;
	}
	for (i = 0; i < n; i++) {
		e = ring_event_new(srv, &ev[i]);
		if (e == NULL)
			continue;
		views_publish(srv->views, e);
		for (f = 0; f < srv->nfronts; f++) {
			b = srv->fronts[f].batch;
			b->events[b->n++] = ring_event_get(e);
		}
		ring_event_put(e);
	}
	atomic_store(&srv->revision, revision);
	for (f = 0; f < srv->nfronts; f++)
		pin_loop_post(srv->fronts[f].loop, &srv->fronts[f].batch->msg);
}

/* ---- the front ------------------------------------------------------ */

static void	front_flush(struct watch_front *);

/* One event to all groups of its resource. A resource that is stored in
 * another's form (events.k8s.io) shares the bucket of the stored one. */
static void
front_event(struct watch_front *wf, struct ring_event *e, uint64_t seq)
{
	struct group *g;
	struct watcher *w, *next;
	int type;

	for (g = wf->bucket[group_bucket(e->res)]; g != NULL; g = g->next) {
		if (g->members == NULL)
			continue;
		type = group_type(wf, g, g->members->r, e);
		if (type < 0)
			continue;
		for (w = g->members; w != NULL; w = next) {
			next = w->next;
			if (watcher_full(w, e))
				watcher_lag(w, seq);
			else
				watcher_event(w, e, type);
		}
	}
}

/* A few watchers at a time, with the loop's other work in between. A watcher
 * whose turn has not come gets what happens meanwhile in the same record and
 * the same send: the busier the front, the less a delivery costs, and no
 * request waits until a thousand watchers have been served. */
static void
front_flush_some(struct pin_msg *msg)
{
	struct watch_front *wf = (struct watch_front *)(void *)((char *)msg -
	    offsetof(struct watch_front, flush));
	struct watcher *w;
	uint32_t n;

	wf->flushing = 0;
	/* One by one: any of them may take others off the list. */
	for (n = 0; n < WATCH_FLUSH && (w = wf->dirty) != NULL; n++) {
		watcher_clean(w);
		(void)watcher_flush(w);
	}
	front_flush(wf);
}

static void
front_flush(struct watch_front *wf)
{
	if (wf->dirty == NULL || wf->flushing)
		return;
	wf->flushing = 1;
	pin_loop_post(wf->front->loop, &wf->flush);
}

static void
front_catch_up(struct watch_front *wf)
{
	struct watcher *w, *next;

	for (w = wf->catching; w != NULL; w = next) {
		next = w->next;
		(void)watcher_pump(w);
	}
}

/* Those whose revision has come go on; their step runs again. */
static void
front_waiters(struct watch_front *wf, uint64_t now)
{
	struct request *r, *next, *list = wf->waiting;

	wf->waiting = NULL;
	wf->nwaiting = 0;
	for (r = list; r != NULL; r = next) {
		next = r->next;
		if (r->wait_revision <= wf->revision) {
			r->wait_until_ns = 0;
			request_run(r);
		} else if (now >= r->wait_until_ns) {
			r->wait_until_ns = 0;
			reply_err(r, PIN_EFUTURE, "Too large resource version:"
			    " %llu, current: %llu",
			    (unsigned long long)r->wait_revision,
			    (unsigned long long)wf->revision);
		} else {
			r->next = wf->waiting;
			wf->waiting = r;
			wf->nwaiting++;
		}
	}
}

void
watch_batch(struct pin_msg *msg)
{
	struct ring_batch *b = (struct ring_batch *)(void *)msg;
	struct watch_front *wf = b->front->watch;
	uint64_t seq;
	uint32_t i;

	for (i = 0; i < b->n; i++) {
		seq = wf->ring.head;
		ring_push(&wf->ring, b->events[i]);
		front_event(wf, b->events[i], seq);
	}
	if (b->revision > wf->revision)
		wf->revision = b->revision;
	free(b);
	front_catch_up(wf);
	front_flush(wf);
	if (wf->waiting != NULL)
		front_waiters(wf, pin_host_now(wf->front->srv->host));
}

static void
front_tick(struct pin_timer *t)
{
	struct watch_front *wf = (struct watch_front *)(void *)((char *)t -
	    offsetof(struct watch_front, tick));
	uint64_t now = pin_host_now(wf->front->srv->host);
	struct watcher *w, *next;

	for (w = wf->all; w != NULL; w = next) {
		next = w->all_next;
		watcher_tick(w, now);
	}
	front_flush(wf);
	if (wf->waiting != NULL)
		front_waiters(wf, now);
	if (wf->all != NULL || wf->waiting != NULL)
		pin_timer_start(&wf->tick, WATCH_TICK_MS);
}

int
revision_wait(struct request *r)
{
	struct watch_front *wf = r->front->watch;
	struct pin_err err = PIN_ERR_INIT;

	if (version_parse(r->opt.resource_version, &r->wait_revision, &err) !=
	    PIN_OK)
		return (reply_err(r, PIN_EINVALID, "%s", err.text));
	r->wait_until_ns = pin_host_now(r->srv->host) +
	    REVISION_WAIT_MS * UINT64_C(1000000);
	r->next = wf->waiting;
	wf->waiting = r;
	wf->nwaiting++;
	watch_wake(wf);
	return (STEP_WAIT);
}

/* The client of one that waits has left, or the server stops. */
void
revision_gone(struct request *r)
{
	struct watch_front *wf = r->front->watch;
	struct request **at = &wf->waiting;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	wf->nwaiting--;
	r->wait_until_ns = 0;
	reply_finish(r, 0);
}

void
watch_wake(struct watch_front *wf)
{
	if (wf->tick.due_ns == 0)
		pin_timer_start(&wf->tick, WATCH_TICK_MS);
}

void
watch_front_open(struct front *f, uint64_t revision, uint64_t ring_bytes)
{
	struct watch_front *wf = pin_xcalloc(1, sizeof(*wf));

	wf->front = f;
	wf->revision = revision;
	wf->scratch = pin_arena_new(RENDER_MAX);
	PIN_ASSERT(wf->scratch != NULL);
	ring_init(&wf->ring, WATCH_RING_SLOTS, ring_bytes, revision);
	pin_timer_init(&wf->tick, f->loop, front_tick);
	wf->flush.fn = front_flush_some;
	f->watch = wf;
}

void
watch_front_close(struct front *f)
{
	struct watch_front *wf = f->watch;
	int i;

	PIN_ASSERT(wf->all == NULL && wf->waiting == NULL && !wf->flushing);
	for (i = 0; i < EVENT__COUNT; i++)
		pin_buf_put(&wf->lines[i]);
	ring_fini(&wf->ring);
	pin_arena_free(&wf->scratch);
	free(wf);
	f->watch = NULL;
}
