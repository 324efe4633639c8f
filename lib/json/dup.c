/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dup.c -- a hash over the keys of one object node.
 * Heap memory, given back by pin__keys_fini. Contract: dup.h. */
#include "dup.h"
#include "json_int.h"

#include <stdlib.h>
#include <string.h>

#define FEW	8	/* members that are compared pairwise */

/* Members of one name hang on one slot, in document order. `seen` counts
 * what pin__obj_dups met. */
struct pin__keys_slot {
	uint64_t	hash;
	pin_node	head;
	pin_node	tail;
	pin_node	any;	/* the first of the name; 0: a free slot */
	uint32_t	seen;
};

static uint64_t
mix(uint64_t h)
{
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return (h ^ h >> 32);
}

/* The seed makes it useless to prepare colliding keys in advance. */
uint64_t
pin__json_hash(uint64_t seed, struct pin_str s)
{
	uint64_t h = seed ^ s.len, v;
	size_t i = 0;

	for (; s.len - i >= 8; i += 8) {
		memcpy(&v, s.p + i, 8);
		h = mix(h ^ v) + seed;
	}
	if (i < s.len) {
		v = 0;
		memcpy(&v, s.p + i, s.len - i);
		h = mix(h ^ v) + seed;
	}
	return (mix(h));
}

static struct pin__keys_slot *
find(const struct pin__keys *k, struct pin_str key, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & k->mask;
	struct pin__keys_slot *s;

	for (;; i = (i + 1) & k->mask) {
		s = &k->slots[i];
		if (s->any == 0 || (s->hash == hash &&
		    pin_str_eq(pin_obj_key(k->o, s->any), key)))
			return (s);
	}
}

static void
add(struct pin__keys *k, pin_node n)
{
	struct pin_str key = pin_obj_key(k->o, n);
	uint64_t hash = pin__json_hash(k->seed, key);
	struct pin__keys_slot *s = find(k, key, hash);

	if (s->any == 0) {
		s->hash = hash;
		s->any = s->head = n;
	} else
		k->chain[s->tail - k->base] = n;
	s->tail = n;
}

int
pin__keys_init(struct pin__keys *k, const struct pin_obj *o, pin_node object)
{
	pin_node n, lo = UINT32_MAX, hi = 0;
	uint32_t count = 0, size = 16;

	memset(k, 0, sizeof(*k));
	k->o = o;
	if (pin_obj_type(o, object) != PIN_OBJECT)
		object = 0;
	for (n = pin_obj_first(o, object); n != 0; n = pin_obj_next(o, n)) {
		lo = n < lo ? n : lo;
		hi = n > hi ? n : hi;
		count++;
	}
	while (size < count * 2)
		size *= 2;
	k->mask = size - 1;
	k->base = count != 0 ? lo : 0;
	k->slots = calloc(size, sizeof(*k->slots));
	k->chain = calloc((size_t)(hi - k->base) + 1, sizeof(*k->chain));
	if (k->slots == NULL || k->chain == NULL) {
		pin__keys_fini(k);
		return (PIN_ENOMEM);
	}
	k->seed = mix((uint64_t)(uintptr_t)k->slots ^
	    mix((uint64_t)(uintptr_t)k));
	for (n = pin_obj_first(o, object); n != 0; n = pin_obj_next(o, n))
		add(k, n);
	return (PIN_OK);
}

void
pin__keys_fini(struct pin__keys *k)
{
	free(k->slots);
	free(k->chain);
	k->slots = NULL;
	k->chain = NULL;
}

pin_node
pin__keys_get(const struct pin__keys *k, struct pin_str key)
{
	return (find(k, key, pin__json_hash(k->seed, key))->tail);
}

pin_node
pin__keys_first(const struct pin__keys *k, struct pin_str key)
{
	return (find(k, key, pin__json_hash(k->seed, key))->any);
}

pin_node
pin__keys_take(struct pin__keys *k, struct pin_str key)
{
	struct pin__keys_slot *s = find(k, key, pin__json_hash(k->seed, key));
	pin_node n = s->head;

	if (n != 0)
		s->head = n != s->tail ? k->chain[n - k->base] : 0;
	return (n);
}

/* As many members as this are told apart without a hash. */
static int
dups_few(const struct pin_obj *o, pin_node object, pin__dup_fn *fn, void *arg)
{
	pin_node n, m;
	int rc, before;

	for (n = pin_obj_first(o, object); n != 0; n = pin_obj_next(o, n)) {
		before = 0;
		for (m = pin_obj_first(o, object); m != n;
		    m = pin_obj_next(o, m))
			before += pin_str_eq(pin_obj_key(o, m),
			    pin_obj_key(o, n));
		if (before == 1 && (rc = fn(arg, n)) != 0)
			return (rc);
	}
	return (PIN_OK);
}

int
pin__obj_dups(const struct pin_obj *o, pin_node object, pin__dup_fn *fn,
    void *arg)
{
	struct pin__keys_slot *s;
	struct pin__keys k;
	struct pin_str key;
	pin_node n;
	int rc;

	if (pin_obj_type(o, object) != PIN_OBJECT)
		return (PIN_OK);
	if (pin_obj_count(o, object) <= FEW)
		return (dups_few(o, object, fn, arg));
	rc = pin__keys_init(&k, o, object);
	if (rc != PIN_OK)
		return (rc);
	for (n = pin_obj_first(o, object); n != 0 && rc == PIN_OK;
	    n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		s = find(&k, key, pin__json_hash(k.seed, key));
		if (++s->seen == 2)
			rc = fn(arg, n);
	}
	pin__keys_fini(&k);
	return (rc);
}
