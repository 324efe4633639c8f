/* SPDX-License-Identifier: BSD-2-Clause
 *
 * queue.c -- the keys of one controller: each is known once, wherever it
 * waits. A key is
 *
 *	ready	in the list, to be reconciled
 *	running	in a reconcile, or its plan is being carried out
 *	gated	waits until the cache has what it wrote
 *	due	in the heap: back-off, or it asked to be called again
 *
 * and `dirty` when something happened since its last reconcile began.
 * Controller loop. Contract: a key is never in two hands at once. */
#include "core/controller/controller_int.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_SLOTS	64	/* at first; doubles */
#define NS_PER_MS	UINT64_C(1000000)

static uint64_t
key_hash(struct pin_str ns, struct pin_str name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < ns.len; i++)
		h = (h ^ (uint8_t)ns.p[i]) * UINT64_C(0x100000001b3);
	h = (h ^ '/') * UINT64_C(0x100000001b3);
	for (i = 0; i < name.len; i++)
		h = (h ^ (uint8_t)name.p[i]) * UINT64_C(0x100000001b3);
	return (h ^ h >> 29);
}

/* ---- the heap ------------------------------------------------------- */

static void
heap_set(struct queue *q, uint32_t at, struct key *k)
{
	q->heap[at] = k;
	k->heap_at = at;
}

static void
heap_up(struct queue *q, uint32_t at)
{
	struct key *k = q->heap[at];

	while (at > 0 && q->heap[(at - 1) / 2]->due_ns > k->due_ns) {
		heap_set(q, at, q->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(q, at, k);
}

static void
heap_down(struct queue *q, uint32_t at)
{
	struct key *k = q->heap[at];
	uint32_t c;

	while ((c = 2 * at + 1) < q->nheap) {
		if (c + 1 < q->nheap && q->heap[c + 1]->due_ns <
		    q->heap[c]->due_ns)
			c++;
		if (q->heap[c]->due_ns >= k->due_ns)
			break;
		heap_set(q, at, q->heap[c]);
		at = c;
	}
	heap_set(q, at, k);
}

static void
heap_timer(struct queue *q)
{
	uint64_t now;

	if (q->nheap == 0) {
		pin_timer_stop(&q->timer);
		return;
	}
	now = pin_host_now(q->host);
	pin_timer_start(&q->timer, q->heap[0]->due_ns > now ?
	    (q->heap[0]->due_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0);
}

static void
heap_remove(struct queue *q, struct key *k)
{
	uint32_t at = k->heap_at;

	if (k->due_ns == 0)
		return;
	k->due_ns = 0;
	q->nheap--;
	if (at == q->nheap)
		return;
	heap_set(q, at, q->heap[q->nheap]);
	heap_up(q, at);
	heap_down(q, q->heap[at]->heap_at);
}

static void
heap_put(struct queue *q, struct key *k, uint64_t due_ns)
{
	heap_remove(q, k);
	if (q->nheap == q->heap_room) {
		q->heap_room = q->heap_room > 0 ? q->heap_room * 2 : 64;
		q->heap = pin_xrealloc(q->heap, q->heap_room *
		    sizeof(struct key *));
	}
	k->due_ns = due_ns;
	heap_set(q, q->nheap++, k);
	heap_up(q, k->heap_at);
	heap_timer(q);
}

/* ---- the table ------------------------------------------------------ */

static void
slots_grow(struct queue *q)
{
	uint32_t n = q->nslots * 2, i;
	struct key **to = pin_xcalloc(n, sizeof(*to)), *k, *next;

	for (i = 0; i < q->nslots; i++)
		for (k = q->slots[i]; k != NULL; k = next) {
			next = k->hash_next;
			k->hash_next = to[k->hash & (n - 1)];
			to[k->hash & (n - 1)] = k;
		}
	free(q->slots);
	q->slots = to;
	q->nslots = n;
}

static struct key *
key_find(struct queue *q, struct pin_str ns, struct pin_str name)
{
	uint64_t hash = key_hash(ns, name);
	struct key *k;

	for (k = q->slots[hash & (q->nslots - 1)]; k != NULL;
	    k = k->hash_next)
		if (k->hash == hash && pin_str_eq(key_namespace(k), ns) &&
		    pin_str_eq(key_name(k), name))
			return (k);
	if (q->nkeys >= q->nslots)
		slots_grow(q);
	k = pin_xcalloc(1, sizeof(*k) + ns.len + name.len);
	k->hash = hash;
	k->ns_len = (uint32_t)ns.len;
	k->name_len = (uint32_t)name.len;
	if (ns.len > 0)
		memcpy(k->text, ns.p, ns.len);
	memcpy(k->text + ns.len, name.p, name.len);
	k->hash_next = q->slots[hash & (q->nslots - 1)];
	q->slots[hash & (q->nslots - 1)] = k;
	q->nkeys++;
	return (k);
}

static void
key_free(struct queue *q, struct key *k)
{
	struct key **at = &q->slots[k->hash & (q->nslots - 1)];
	struct gate *g;

	while (*at != k)
		at = &(*at)->hash_next;
	*at = k->hash_next;
	q->nkeys--;
	while ((g = k->gates) != NULL) {
		k->gates = g->next;
		free(g);
	}
	live_free(&k->live);
	free(k);
}

/* ---- moving --------------------------------------------------------- */

static void
ready_put(struct queue *q, struct key *k)
{
	if (k->ready)
		return;
	k->ready = 1;
	k->next = NULL;
	k->prev = q->tail;
	if (q->tail != NULL)
		q->tail->next = k;
	else
		q->head = k;
	q->tail = k;
	q->nready++;
	q->kick(q);
}

void
queue_settle(struct queue *q, struct key *k)
{
	if (k->running || k->gated || k->ready)
		return;
	if (k->failures > 0 && k->due_ns > 0)
		return;			/* the heap has it */
	if (k->dirty)
		ready_put(q, k);
	else if (k->due_ns == 0)
		key_free(q, k);
}

void
queue_add(struct queue *q, struct pin_str ns, struct pin_str name)
{
	struct key *k = key_find(q, ns, name);
	uint64_t soon;

	k->dirty = 1;
	/* What made it fail may be gone; but do not let a storm of events
	 * (its own, too) undo the back-off. */
	if (k->failures > 0 && k->due_ns > 0) {
		soon = pin_host_now(q->host) + QUEUE_NUDGE_MS * NS_PER_MS;
		if (k->due_ns > soon)
			heap_put(q, k, soon);
		return;
	}
	queue_settle(q, k);
}

struct key *
queue_pop(struct queue *q)
{
	struct key *k = q->head;

	if (k == NULL)
		return (NULL);
	q->head = k->next;
	if (k->next != NULL)
		k->next->prev = NULL;
	else
		q->tail = NULL;
	q->nready--;
	k->ready = 0;
	k->dirty = 0;
	k->running = 1;
	heap_remove(q, k);
	return (k);
}

void
queue_after(struct queue *q, struct key *k, uint64_t ms)
{
	heap_put(q, k, pin_host_now(q->host) + ms * NS_PER_MS);
}

void
queue_done(struct queue *q, struct key *k, int retry)
{
	uint64_t ms = QUEUE_BACKOFF_MAX_MS;

	PIN_ASSERT(k->running);
	k->running = 0;
	if (retry) {
		if (k->failures < 18)
			ms = (uint64_t)QUEUE_BACKOFF_MS << k->failures;
		if (ms > QUEUE_BACKOFF_MAX_MS)
			ms = QUEUE_BACKOFF_MAX_MS;
		k->failures++;
		k->dirty = 1;
		queue_after(q, k, ms);
	} else {
		k->failures = 0;
	}
	queue_settle(q, k);
}

static void
queue_timer(struct pin_timer *t)
{
	struct queue *q = (struct queue *)(void *)((char *)t -
	    offsetof(struct queue, timer));
	uint64_t now = pin_host_now(q->host);
	struct key *k;

	while (q->nheap > 0 && (k = q->heap[0])->due_ns <= now) {
		heap_remove(q, k);
		k->dirty = 1;
		queue_settle(q, k);
	}
	heap_timer(q);
}

void
queue_init(struct queue *q, struct pin_loop *loop)
{
	memset(q, 0, sizeof(*q));
	q->host = pin_loop_host(loop);
	q->nslots = QUEUE_SLOTS;
	q->slots = pin_xcalloc(QUEUE_SLOTS, sizeof(struct key *));
	pin_timer_init(&q->timer, loop, queue_timer);
}

void
queue_fini(struct queue *q)
{
	uint32_t i;

	pin_timer_stop(&q->timer);
	for (i = 0; i < q->nslots; i++)
		while (q->slots[i] != NULL)
			key_free(q, q->slots[i]);
	free(q->slots);
	free(q->heap);
	memset(q, 0, sizeof(*q));
}
