/* SPDX-License-Identifier: BSD-2-Clause
 *
 * queue.c -- a binary heap of pods that know their place in it, and the two
 * orders it is used with.
 * Pure. Contract: sched_int.h. */
#include "core/scheduler/sched_int.h"

#include <stdlib.h>

/* The more important first, then who has waited longer. */
int
active_before(const struct spod *a, const struct spod *b)
{
	if (a->priority != b->priority)
		return (a->priority > b->priority);
	return (a->order < b->order);
}

int
backoff_before(const struct spod *a, const struct spod *b)
{
	if (a->due_ns != b->due_ns)
		return (a->due_ns < b->due_ns);
	return (a->order < b->order);
}

static void
put(struct heap *h, uint32_t i, struct spod *p)
{
	h->at[i] = p;
	p->heap_at = i;
}

static void
rise(struct heap *h, uint32_t i, struct spod *p)
{
	uint32_t up;

	while (i > 0) {
		up = (i - 1) / 2;
		if (!h->before(p, h->at[up]))
			break;
		put(h, i, h->at[up]);
		i = up;
	}
	put(h, i, p);
}

static void
sink(struct heap *h, uint32_t i, struct spod *p)
{
	uint32_t down;

	for (;;) {
		down = 2 * i + 1;
		if (down >= h->n)
			break;
		if (down + 1 < h->n && h->before(h->at[down + 1],
		    h->at[down]))
			down++;
		if (!h->before(h->at[down], p))
			break;
		put(h, i, h->at[down]);
		i = down;
	}
	put(h, i, p);
}

void
heap_push(struct heap *h, struct spod *p)
{
	if (h->n == h->room) {
		h->room = h->room == 0 ? 64 : h->room * 2;
		h->at = pin_xrealloc(h->at, h->room * sizeof(*h->at));
	}
	rise(h, h->n++, p);
}

void
heap_remove(struct heap *h, struct spod *p)
{
	uint32_t i = p->heap_at;
	struct spod *last;

	PIN_ASSERT(i < h->n && h->at[i] == p);
	last = h->at[--h->n];
	if (last == p)
		return;
	sink(h, i, last);
	rise(h, last->heap_at, last);
}
