/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lease.c -- which key's time is over next: a binary heap, one place a key.
 * Expiry itself is an ordinary transaction somebody proposes; nothing here
 * changes the state. One thread.
 * Contract: a key is never due early; a restart begins its time anew. */
#include "lib/mvcc/mvcc_int.h"

#include <stdlib.h>
#include <string.h>

static void
place(struct leases *l, uint32_t i, struct lease v)
{
	l->heap[i] = v;
	v.key->lease = i + 1;
}

static void
sift(struct leases *l, uint32_t i)
{
	struct lease v = l->heap[i];
	uint32_t child;

	while (i > 0 && l->heap[(i - 1) / 2].due_ns > v.due_ns) {
		place(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((child = 2 * i + 1) < l->n) {
		if (child + 1 < l->n &&
		    l->heap[child + 1].due_ns < l->heap[child].due_ns)
			child++;
		if (l->heap[child].due_ns >= v.due_ns)
			break;
		place(l, i, l->heap[child]);
		i = child;
	}
	place(l, i, v);
}

void
pin__lease_set(struct leases *l, struct mkey *k, uint64_t due_ns)
{
	uint32_t i;

	if (k->lease == 0) {
		if (l->n == l->cap) {
			l->cap = l->cap == 0 ? 64 : l->cap * 2;
			l->heap = pin_xrealloc(l->heap,
			    l->cap * sizeof(*l->heap));
		}
		i = l->n++;
	} else
		i = k->lease - 1;
	l->heap[i].due_ns = due_ns;
	l->heap[i].key = k;
	k->lease = i + 1;
	sift(l, i);
}

void
pin__lease_clear(struct leases *l, struct mkey *k)
{
	uint32_t i;

	if (k->lease == 0)
		return;
	i = k->lease - 1;
	PIN_ASSERT(i < l->n && l->heap[i].key == k);
	k->lease = 0;
	l->n--;
	if (i == l->n)
		return;
	place(l, i, l->heap[l->n]);
	sift(l, i);
}

void
pin__lease_fini(struct leases *l)
{
	free(l->heap);
	memset(l, 0, sizeof(*l));
}
