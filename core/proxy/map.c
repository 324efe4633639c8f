/* SPDX-License-Identifier: BSD-2-Clause
 *
 * map.c -- see map.h: a sorted array of records. Ten thousand of them move
 * 80 KB at an insertion, which is less than parsing the object took.
 * Thread: the table's. Contract: map.h. */
#include "core/proxy/map.h"

#include <stdlib.h>
#include <string.h>

void
proxy_key_init(struct proxy_key *k)
{
	k->len = 0;
}

int
proxy_key_add(struct proxy_key *k, struct pin_str part)
{
	if (part.len + 1 > sizeof(k->text) - k->len ||
	    (part.len > 0 && memchr(part.p, '\0', part.len) != NULL))
		return (0);
	if (part.len > 0)
		memcpy(k->text + k->len, part.p, part.len);
	k->len += (uint32_t)part.len;
	k->text[k->len++] = '\0';
	return (1);
}

static int
key_cmp(const struct proxy_record *r, const struct proxy_key *k)
{
	uint32_t n = r->key_len < k->len ? r->key_len : k->len;
	int c = memcmp(r->key, k->text, n);

	if (c != 0)
		return (c);
	return (r->key_len < k->len ? -1 : r->key_len > k->len);
}

uint32_t
proxy_map_seek(const struct proxy_map *m, const struct proxy_key *k)
{
	uint32_t lo = 0, hi = m->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (key_cmp(m->record[mid], k) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo);
}

static int
is_at(const struct proxy_map *m, uint32_t at, const struct proxy_key *k)
{
	return (at < m->n && key_cmp(m->record[at], k) == 0);
}

static struct proxy_record *
record_new(const struct proxy_key *k, const void *data, uint32_t len)
{
	size_t room = ((size_t)len + 7) / 8 * 8;
	struct proxy_record *r;

	r = pin_xmalloc(sizeof(*r) + room + k->len);
	r->key_len = k->len;
	r->len = len;
	r->key = (char *)r->data + room;
	memcpy(r->data, data, len);
	memcpy(r->key, k->text, k->len);
	return (r);
}

int
proxy_map_put(struct proxy_map *m, const struct proxy_key *k,
    const void *data, uint32_t len)
{
	uint32_t at = proxy_map_seek(m, k);
	struct proxy_record *r;

	if (is_at(m, at, k)) {
		r = m->record[at];
		if (r->len == len && memcmp(r->data, data, len) == 0)
			return (0);
		free(r);
		m->record[at] = record_new(k, data, len);
		return (1);
	}
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 64 : m->cap * 2;
		m->record = pin_xrealloc(m->record,
		    m->cap * sizeof(*m->record));
	}
	memmove(&m->record[at + 1], &m->record[at],
	    (m->n - at) * sizeof(*m->record));
	m->record[at] = record_new(k, data, len);
	m->n++;
	return (1);
}

int
proxy_map_remove(struct proxy_map *m, const struct proxy_key *k)
{
	uint32_t at = proxy_map_seek(m, k);

	if (!is_at(m, at, k))
		return (0);
	free(m->record[at]);
	m->n--;
	memmove(&m->record[at], &m->record[at + 1],
	    (m->n - at) * sizeof(*m->record));
	return (1);
}

void
proxy_map_fini(struct proxy_map *m)
{
	uint32_t i;

	for (i = 0; i < m->n; i++)
		free(m->record[i]);
	free(m->record);
	memset(m, 0, sizeof(*m));
}
