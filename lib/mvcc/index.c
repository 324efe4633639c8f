/* SPDX-License-Identifier: BSD-2-Clause
 *
 * index.c -- the keys in order, each with its versions: a skip list whose
 * heights come from a seeded hash of the key, so that nobody who chooses
 * keys can choose their heights.
 * Holds no values. Threads: one changes, under the exclusive lock.
 * Contract: mvcc_int.h. About 70 bytes a key and the key. */
#include "lib/mvcc/mvcc_int.h"

#include <stdlib.h>
#include <string.h>

void
pin__index_init(struct index *ix, uint64_t seed)
{
	memset(ix, 0, sizeof(*ix));
	ix->seed = seed;
	for (int i = 0; i < INDEX_HEIGHT_MAX; i++)
		ix->tail[i] = &ix->head[i];
}

void
pin__mkey_free(struct mkey *k)
{
	if (k->cap != 0)
		free(k->u.many);
	free(k);
}

void
pin__index_fini(struct index *ix)
{
	struct mkey *k = ix->head[0], *next;

	for (; k != NULL; k = next) {
		next = k->next[0];
		pin__mkey_free(k);
	}
	memset(ix, 0, sizeof(*ix));
}

static int
mkey_cmp(const struct mkey *k, struct pin_str s)
{
	size_t n = k->len < s.len ? k->len : s.len;
	int c = n == 0 ? 0 : memcmp(MKEY_P(k), s.p, n);

	if (c != 0)
		return (c);
	return (k->len < s.len ? -1 : k->len > s.len);
}

struct mkey *
pin__index_seek(const struct index *ix, struct pin_str s, int after,
    index_path path)
{
	struct mkey *const *links = ix->head, *k, *same = NULL;
	int bound = after ? 1 : 0;

	for (int h = INDEX_HEIGHT_MAX - 1; h >= 0; h--) {
		/* The key that stopped us one level up stops us here too. */
		while ((k = links[h]) != NULL && k != same &&
		    mkey_cmp(k, s) < bound)
			links = k->next;
		same = k;
		if (path != NULL)
			path[h] = (struct mkey **)&links[h];
	}
	return (links[0]);
}

struct mkey *
pin__index_get(const struct index *ix, struct pin_str s)
{
	struct mkey *k = pin__index_seek(ix, s, 0, NULL);

	return (k != NULL && mkey_cmp(k, s) == 0 ? k : NULL);
}

/* One in four keys is a level higher. */
static int
height_of(const struct index *ix, struct pin_str s)
{
	uint64_t h = pin_hash64(s.p, s.len, ix->seed);
	int n = 1;

	for (; n < INDEX_HEIGHT_MAX && (h & 3) == 0; h >>= 2)
		n++;
	return (n);
}

struct mkey *
pin__mkey_new(const struct index *ix, struct pin_str s)
{
	int h = height_of(ix, s);
	struct mkey *k;

	PIN_ASSERT(s.len <= PIN_KEY_MAX);
	k = pin_xmalloc(sizeof(*k) + (size_t)h * sizeof(k->next[0]) + s.len);
	memset(k, 0, sizeof(*k) + (size_t)h * sizeof(k->next[0]));
	k->len = (uint16_t)s.len;
	k->height = (uint8_t)h;
	if (s.len != 0)
		memcpy(&k->next[h], s.p, s.len);
	return (k);
}

struct mkey *
pin__index_add(struct index *ix, struct pin_str s)
{
	index_path path;
	struct mkey *k = pin__index_seek(ix, s, 0, path);

	if (k != NULL && mkey_cmp(k, s) == 0)
		return (k);
	k = pin__mkey_new(ix, s);
	for (int h = 0; h < k->height; h++) {
		k->next[h] = *path[h];
		*path[h] = k;
	}
	ix->keys++;
	return (k);
}

void
pin__index_append(struct index *ix, struct mkey *k)
{
	for (int h = 0; h < k->height; h++) {
		PIN_ASSERT(*ix->tail[h] == NULL);
		*ix->tail[h] = k;
		ix->tail[h] = &k->next[h];
	}
	ix->keys++;
}

void
pin__index_remove(struct index *ix, struct mkey *k)
{
	index_path path;

	PIN_ASSERT(k->nvers == 0 && k->lease == 0);
	PIN_ASSERT(pin__index_seek(ix, MKEY_STR(k), 0, path) == k);
	for (int h = 0; h < k->height; h++) {
		PIN_ASSERT(*path[h] == k);
		*path[h] = k->next[h];
	}
	ix->keys--;
	pin__mkey_free(k);
}

void
pin__mkey_push(struct index *ix, struct mkey *k, const struct ver *v)
{
	struct ver *many;
	uint32_t cap;

	PIN_ASSERT(k->nvers == 0 || MKEY_LAST(k)->pos < v->pos);
	if (k->nvers != 0 && !VER_DEAD(MKEY_LAST(k)))
		ix->alive--;
	if (!VER_DEAD(v))
		ix->alive++;
	ix->versions++;
	if (k->cap == 0 && k->nvers == 0) {
		k->u.one = *v;
		k->nvers = 1;
		return;
	}
	if (k->nvers >= k->cap) {
		cap = k->cap == 0 ? 4 : k->cap < 1024 ? k->cap * 2 :
		    k->cap + k->cap / 2;
		many = pin_xmalloc(cap * sizeof(*many));
		memcpy(many, MKEY_VERS(k), k->nvers * sizeof(*many));
		if (k->cap != 0)
			free(k->u.many);
		k->u.many = many;
		k->cap = cap;
	}
	k->u.many[k->nvers++] = *v;
}

const struct ver *
pin__mkey_at(const struct mkey *k, uint64_t rev)
{
	const struct ver *v = MKEY_VERS(k);
	uint32_t lo = 0, hi = k->nvers, mid;

	if (hi != 0 && PIN_MVCC_REV(v[hi - 1].pos) <= rev)
		return (&v[hi - 1]);
	while (lo < hi) {		/* first version after rev */
		mid = lo + (hi - lo) / 2;
		if (PIN_MVCC_REV(v[mid].pos) <= rev)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo == 0 ? NULL : &v[lo - 1]);
}

void
pin__mkey_drop(struct index *ix, struct mkey *k, uint32_t n)
{
	struct ver *many, one;

	PIN_ASSERT(n <= k->nvers);
	if (n == k->nvers)
		PIN_ASSERT(n == 0 || VER_DEAD(MKEY_LAST(k)));
	ix->versions -= n;
	k->nvers -= n;
	if (k->cap == 0 || n == 0)
		return;
	many = k->u.many;
	if (k->nvers > 1) {
		memmove(many, many + n, k->nvers * sizeof(*many));
		if (k->nvers < k->cap / 4) {
			k->cap = k->cap / 2;
			k->u.many = pin_xrealloc(many, k->cap * sizeof(*many));
		}
		return;
	}
	if (k->nvers == 1) {
		one = many[n];
		k->u.one = one;
	}
	k->cap = 0;
	free(many);
}
