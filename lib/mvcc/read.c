/* SPDX-License-Identifier: BSD-2-Clause
 *
 * read.c -- lookups: a key at a revision, a piece of a range, of history.
 * Copies what it finds, so that the lock is held for microseconds and no
 * value is read under it. Threads: any, under the shared lock.
 * Contract: mvcc.h. */
#include "lib/mvcc/mvcc_int.h"

#include <string.h>

int
pin_mvcc_admit(const struct pin_mvcc *m, uint64_t *at, struct pin_err *err)
{
	if (*at == 0)
		*at = m->meta.revision;
	if (*at > m->meta.revision)
		return (pin_err_set(err, PIN_EFUTURE,
		    "revision %llu is not there yet, the newest is %llu",
		    (unsigned long long)*at,
		    (unsigned long long)m->meta.revision));
	if (*at < m->meta.compacted)
		return (pin_err_set(err, PIN_EGONE,
		    "revision %llu was compacted, the oldest is %llu",
		    (unsigned long long)*at,
		    (unsigned long long)m->meta.compacted));
	return (PIN_OK);
}

struct pin_buf *
pin_mvcc_ring_get(const struct pin_mvcc *m, uint64_t pos)
{
	const struct pin_mvcc_row *row = pin__ring_find(&m->ring, pos);

	return (row != NULL && row->value != NULL ? pin_buf_get(row->value) :
	    NULL);
}

static void
row_of(const struct ver *v, struct pin_mvcc_row *row)
{
	memset(row, 0, sizeof(*row));
	row->pos = v->pos;
	row->create_rev = v->create_rev;
	row->version = VER_VERSION(v);
	row->len = VER_LEN(v);
}

int
pin_mvcc_find(const struct pin_mvcc *m, struct pin_str key, uint64_t at,
    struct pin_mvcc_row *row)
{
	const struct mkey *k = pin__index_get(&m->index, key);
	const struct ver *v = k != NULL ? pin__mkey_at(k, at) : NULL;

	if (v == NULL || VER_DEAD(v))
		return (PIN_ENOTFOUND);
	row_of(v, row);
	row->value = pin_mvcc_ring_get(m, v->pos);
	return (PIN_OK);
}

int
pin_mvcc_begins(struct pin_str s, struct pin_str prefix)
{
	return (s.len >= prefix.len && (prefix.len == 0 ||
	    memcmp(s.p, prefix.p, prefix.len) == 0));
}

static int
before_end(const struct mkey *k, struct pin_str end)
{
	size_t n = k->len < end.len ? k->len : end.len;
	int c;

	if (end.len == 0)		/* no end */
		return (1);
	c = memcmp(MKEY_P(k), end.p, n);
	return (c < 0 || (c == 0 && k->len < end.len));
}

void
pin_mvcc_range(const struct pin_mvcc *m, struct pin_str start, int after,
    struct pin_str end, uint64_t at, uint32_t max, size_t bytes, int values,
    struct pin_mvcc_chunk *c)
{
	struct mkey *k = pin__index_seek(&m->index, start, after, NULL);
	struct pin_mvcc_row *row;
	const struct ver *v;
	size_t sum = 0;

	c->n = 0;
	c->done = 0;
	c->keys_len = 0;
	if (max > PIN_MVCC_CHUNK_ROWS)
		max = PIN_MVCC_CHUNK_ROWS;
	for (; k != NULL && before_end(k, end); k = k->next[0]) {
		v = pin__mkey_at(k, at);
		if (v == NULL || VER_DEAD(v))
			continue;
		if (c->n >= max || sum >= bytes ||
		    sizeof(c->keys) - c->keys_len < k->len)
			return;
		row = &c->rows[c->n++];
		row_of(v, row);
		memcpy(c->keys + c->keys_len, MKEY_P(k), k->len);
		row->key = (struct pin_str){ c->keys + c->keys_len, k->len };
		c->keys_len += k->len;
		if (values)
			row->value = pin_mvcc_ring_get(m, v->pos);
		sum += row->len;
	}
	c->done = 1;
}

/* Where the next look goes on. */
static void
key_copy(const struct mkey *k, char *out, size_t *len)
{
	if (k == NULL)
		return;
	memcpy(out, MKEY_P(k), k->len);
	*len = k->len;
}

uint64_t
pin_mvcc_count(const struct pin_mvcc *m, struct pin_str start, int after,
    struct pin_str end, uint64_t at, uint32_t max, char *last,
    size_t *last_len, int *done)
{
	struct mkey *k = pin__index_seek(&m->index, start, after, NULL);
	const struct mkey *seen = NULL;
	const struct ver *v;
	uint64_t n = 0;

	for (; k != NULL && max != 0 && before_end(k, end); k = k->next[0]) {
		v = pin__mkey_at(k, at);
		n += v != NULL && !VER_DEAD(v);
		seen = k;
		max--;
	}
	*done = k == NULL || !before_end(k, end);
	key_copy(seen, last, last_len);
	return (n);
}

int
pin_mvcc_changed(const struct pin_mvcc *m, struct pin_str start, int after,
    struct pin_str prefix, uint64_t from, uint32_t max, char *last,
    size_t *last_len, int *done)
{
	struct mkey *k = pin__index_seek(&m->index, start, after, NULL);
	const struct mkey *seen = NULL;

	*done = 0;
	for (; k != NULL && pin_mvcc_begins(MKEY_STR(k), prefix);
	    k = k->next[0]) {
		if (MKEY_LAST(k)->pos >= from)
			return (1);
		if (max-- == 0)
			break;
		seen = k;
	}
	*done = k == NULL || !pin_mvcc_begins(MKEY_STR(k), prefix);
	key_copy(seen, last, last_len);
	return (0);
}

uint64_t
pin_mvcc_ring_first(const struct pin_mvcc *m)
{
	return (m->ring.n != 0 ? RING_AT(&m->ring, 0)->pos :
	    PIN_MVCC_POS(m->meta.revision + 1, 0));
}

#define EVENTS_LOOKED_MAX	4096	/* under one lock */

void
pin_mvcc_events(const struct pin_mvcc *m, uint64_t from, uint64_t to,
    struct pin_str prefix, struct pin_mvcc_chunk *c, uint64_t *next)
{
	uint64_t i = pin__ring_seek(&m->ring, from), looked = 0;
	const struct pin_mvcc_row *row;
	struct pin_mvcc_row *out;

	c->n = 0;
	c->done = 0;
	c->keys_len = 0;
	*next = from;
	for (; i < m->ring.n && looked < EVENTS_LOOKED_MAX; i++, looked++) {
		row = RING_AT(&m->ring, i);
		*next = row->pos;
		if (row->pos >= to)
			break;
		if (!pin_mvcc_begins(row->key, prefix)) {
			*next = row->pos + 1;
			continue;
		}
		if (c->n == PIN_MVCC_CHUNK_ROWS ||
		    sizeof(c->keys) - c->keys_len < row->key.len)
			return;
		out = &c->rows[c->n++];
		*out = *row;
		memcpy(c->keys + c->keys_len, row->key.p, row->key.len);
		out->key.p = c->keys + c->keys_len;
		c->keys_len += row->key.len;
		if (out->value != NULL)
			pin_buf_get(out->value);
		*next = row->pos + 1;
	}
	c->done = i >= m->ring.n || *next >= to;
}

void
pin_mvcc_chunk_fini(struct pin_mvcc_chunk *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		pin_buf_put(&c->rows[i].value);
	c->n = 0;
}
