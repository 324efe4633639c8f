/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ring.c -- the recent events with their bytes: what reads find before the
 * engine has it, and where watches start.
 * Never drops an event the engine lacks, whatever the budget says.
 * Threads: one changes, under the exclusive lock. Contract: mvcc_int.h. */
#include "lib/mvcc/mvcc_int.h"

#include <stdlib.h>
#include <string.h>

#define RING_CAP_MIN	64

void
pin__ring_init(struct ring *r, size_t budget)
{
	memset(r, 0, sizeof(*r));
	r->budget = budget;
	r->cap = RING_CAP_MIN;
	r->ev = pin_xcalloc(r->cap, sizeof(*r->ev));
}

static void
row_fini(struct pin_mvcc_row *row)
{
	free((char *)(uintptr_t)row->key.p);
	pin_buf_put(&row->value);
	memset(row, 0, sizeof(*row));
}

void
pin__ring_fini(struct ring *r)
{
	for (uint64_t i = 0; i < r->n; i++)
		row_fini(RING_AT(r, i));
	free(r->ev);
	memset(r, 0, sizeof(*r));
}

/* What an event costs: its bytes, its slot and three heap headers. */
size_t
pin__row_bytes(const struct pin_mvcc_row *row)
{
	return (sizeof(*row) + row->key.len + row->len + 64);
}

static void
resize(struct ring *r, uint64_t cap)
{
	struct pin_mvcc_row *ev = pin_xcalloc(cap, sizeof(*ev));

	PIN_ASSERT(r->n <= cap);
	for (uint64_t i = 0; i < r->n; i++)
		ev[i] = *RING_AT(r, i);
	free(r->ev);
	r->ev = ev;
	r->cap = cap;
	r->first = 0;
}

const struct pin_mvcc_row *
pin__ring_push(struct ring *r, const struct pin_mvcc_row *row)
{
	struct pin_mvcc_row *ev;
	char *key;

	PIN_ASSERT(r->n == 0 || RING_AT(r, r->n - 1)->pos < row->pos);
	if (r->n == r->cap)
		resize(r, r->cap * 2);
	key = pin_xmalloc(row->key.len + 1);
	memcpy(key, row->key.p, row->key.len);
	key[row->key.len] = '\0';
	ev = RING_AT(r, r->n);
	*ev = *row;
	ev->key.p = key;
	if (ev->value != NULL)
		pin_buf_get(ev->value);
	r->n++;
	r->dirty++;
	r->bytes += pin__row_bytes(ev);
	r->dirty_bytes += pin__row_bytes(ev);
	return (ev);
}

uint64_t
pin__ring_seek(const struct ring *r, uint64_t pos)
{
	uint64_t lo = 0, hi = r->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (RING_AT(r, mid)->pos < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo);
}

const struct pin_mvcc_row *
pin__ring_find(const struct ring *r, uint64_t pos)
{
	uint64_t i;

	if (r->n == 0 || pos < RING_AT(r, 0)->pos)
		return (NULL);
	i = pin__ring_seek(r, pos);
	return (i < r->n && RING_AT(r, i)->pos == pos ? RING_AT(r, i) : NULL);
}

/* Whole revisions go, so that the ring never begins inside one. */
void
pin__ring_evict(struct ring *r)
{
	uint64_t rev;

	while (r->bytes > r->budget && r->n > r->dirty) {
		rev = PIN_MVCC_REV(RING_AT(r, 0)->pos);
		while (r->n > r->dirty &&
		    PIN_MVCC_REV(RING_AT(r, 0)->pos) == rev) {
			r->bytes -= pin__row_bytes(RING_AT(r, 0));
			row_fini(RING_AT(r, 0));
			r->first = (r->first + 1) & (r->cap - 1);
			r->n--;
		}
	}
	if (r->cap > RING_CAP_MIN && r->n < r->cap / 8)
		resize(r, r->cap / 4);
}
