/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flush.c -- what the engine lacks, and what it may forget. Rows, removals
 * and the meta that describes them go over together or not at all.
 * Threads: the writing one; done and prune under the exclusive lock.
 * Contract: a deletion at the compacted revision stays, or a watch opened
 * there would miss it; a key's oldest versions go first, its deletion last,
 * so that no crash in between brings a deleted key back. */
#include "lib/mvcc/mvcc_int.h"

#include <stdlib.h>
#include <string.h>

int
pin_mvcc_flush_wanted(const struct pin_mvcc *m)
{
	return (m->ring.dirty != 0 || m->ndels != 0 || m->meta_dirty != 0);
}

void
pin_mvcc_flush_begin(struct pin_mvcc *m, struct pin_mvcc_flush *f)
{
	PIN_ASSERT(!m->flushing);
	m->flushing = 1;
	memset(f, 0, sizeof(*f));
	f->rows = pin_xmalloc((m->ring.dirty + 1) * sizeof(*f->rows));
	for (uint64_t i = 0; i < m->ring.dirty; i++)
		f->rows[i] = *RING_AT(&m->ring,
		    m->ring.n - m->ring.dirty + i);
	f->bytes = m->ring.dirty_bytes;
	f->dels = m->dels;
	f->meta = m->meta;
	f->batch.rows = f->rows;
	f->batch.nrows = (uint32_t)m->ring.dirty;
	f->batch.dels = f->dels;
	f->batch.ndels = (uint32_t)m->ndels;
	f->batch.meta = &f->meta;
	m->dels = NULL;
	m->ndels = m->dels_cap = 0;
	m->meta_dirty = 0;
}

static void
dels_push(struct pin_mvcc *m, uint64_t pos)
{
	if (m->ndels == m->dels_cap) {
		m->dels_cap = m->dels_cap == 0 ? 256 : m->dels_cap * 2;
		m->dels = pin_xrealloc(m->dels,
		    m->dels_cap * sizeof(*m->dels));
	}
	m->dels[m->ndels++] = pos;
}

/* The removals of a failed flush come before the newer ones. */
static void
take_back(struct pin_mvcc *m, struct pin_mvcc_flush *f)
{
	uint64_t *newer = m->dels;
	size_t n = m->ndels;

	m->dels = f->dels;
	m->ndels = m->dels_cap = f->batch.ndels;
	f->dels = NULL;
	for (size_t i = 0; i < n; i++)
		dels_push(m, newer[i]);
	free(newer);
	m->meta_dirty++;
}

void
pin_mvcc_flush_done(struct pin_mvcc *m, struct pin_mvcc_flush *f, int ok)
{
	PIN_ASSERT(m->flushing);
	m->flushing = 0;
	if (ok) {
		PIN_ASSERT(m->ring.dirty >= f->batch.nrows);
		m->ring.dirty -= f->batch.nrows;
		m->ring.dirty_bytes -= f->bytes;
		pin__ring_evict(&m->ring);
	} else
		take_back(m, f);
	free(f->rows);
	free(f->dels);
	memset(f, 0, sizeof(*f));
}

int
pin_mvcc_prune_wanted(const struct pin_mvcc *m, uint64_t limit)
{
	return (m->pruning != 0 || limit > m->pruned);
}

/* How many of the key's oldest versions nobody at `limit` or later needs. */
static uint32_t
superseded(const struct mkey *k, uint64_t limit)
{
	const struct ver *v = MKEY_VERS(k);
	uint32_t n = 0;

	while (n + 1 < k->nvers && PIN_MVCC_REV(v[n + 1].pos) <= limit)
		n++;
	if (n < k->nvers && VER_DEAD(&v[n]) && PIN_MVCC_REV(v[n].pos) < limit)
		n++;
	return (n);
}

int
pin_mvcc_prune(struct pin_mvcc *m, uint64_t limit, uint32_t keys_max)
{
	struct pin_str from = { m->prune_key, m->prune_len };
	struct mkey *k, *next;
	uint32_t n, looked = 0;

	if (m->pruning == 0) {
		if (limit <= m->pruned)
			return (0);
		m->pruning = limit;
		from.len = 0;
	}
	k = pin__index_seek(&m->index, from, 0, NULL);
	for (; k != NULL && looked < keys_max; k = next, looked++) {
		next = k->next[0];
		n = superseded(k, m->pruning);
		if (n == 0)
			continue;
		for (uint32_t i = 0; i < n; i++)
			dels_push(m, MKEY_VERS(k)[i].pos);
		looked += n / 8;
		pin__mkey_drop(&m->index, k, n);
		if (k->nvers == 0)
			pin__index_remove(&m->index, k);
	}
	if (k != NULL) {
		m->prune_len = k->len;
		memcpy(m->prune_key, MKEY_P(k), k->len);
		return (1);
	}
	m->pruned = m->pruning;
	m->pruning = 0;
	m->prune_len = 0;
	return (limit > m->pruned);
}
