/* SPDX-License-Identifier: BSD-2-Clause
 *
 * index.c -- hash tables over values and keys, open addressing, at most
 * half full. Small ones are searched without a table.
 * Pure.
 * The seed is an address, so that a client cannot choose colliding keys
 * before it knows this process. */
#include <stdlib.h>
#include <string.h>

#include "lib/patch/tree.h"
#include "lib/selector/text.h"

#define INDEX_LINEAR	16	/* entries found by looking at them all */
#define SLOT_GONE	UINT32_MAX

static uint64_t
hash(const void *p, size_t len)
{
	static const char anchor;
	uint64_t h = (uint64_t)(uintptr_t)&anchor ^ len, w;
	const char *s = p;

	for (; len > 0; s += 8) {
		w = 0;
		memcpy(&w, s, len < 8 ? len : 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		len -= len < 8 ? len : 8;
	}
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (h ^ h >> 32);
}

/* 1: an integer, 2: a floating point number. */
static int
number(struct pin__vref r, int64_t *i, double *d)
{
	if (pin__go_i64(pin_obj_str(r.o, r.n), i))
		return (1);
	*d = 0;
	(void)pin_obj_f64(r.o, r.n, d);
	return (2);
}

static int
number_eq(struct pin__vref a, struct pin__vref b)
{
	int64_t ia, ib;
	double da, db;
	int ka = number(a, &ia, &da), kb = number(b, &ib, &db);

	if (ka != kb)
		return (0);
	return (ka == 1 ? ia == ib : !(da < db) && !(da > db));
}

int
pin__value_eq(struct pin__vref a, struct pin__vref b)
{
	int ta = pin_obj_type(a.o, a.n), tb = pin_obj_type(b.o, b.n);

	if (ta == PIN_ABSENT)
		ta = PIN_NULL;
	if (tb == PIN_ABSENT)
		tb = PIN_NULL;
	if (ta != tb || ta >= PIN_ARRAY)
		return (0);
	if (ta == PIN_STRING)
		return (pin_str_eq(pin_obj_str(a.o, a.n),
		    pin_obj_str(b.o, b.n)));
	return (ta != PIN_NUMBER || number_eq(a, b));
}

static uint64_t
value_hash(struct pin__vref r)
{
	struct pin_str s;
	int64_t i;
	double d;

	switch (pin_obj_type(r.o, r.n)) {
	case PIN_STRING:
		s = pin_obj_str(r.o, r.n);
		return (hash(s.p, s.len));
	case PIN_NUMBER:
		if (number(r, &i, &d) == 1)
			return (hash(&i, sizeof(i)));
		return (hash(&d, sizeof(d)));
	default:
		return (7);
	}
}

/* ---- values ----------------------------------------------------------- */

void
pin__vindex_init(struct pin__vindex *x)
{
	memset(x, 0, sizeof(*x));
}

void
pin__vindex_fini(struct pin__vindex *x)
{
	free(x->v);
	free(x->slot);
	memset(x, 0, sizeof(*x));
}

/* The slot where an equal value is or would be. */
static uint32_t
vslot(const struct pin__vindex *x, struct pin__vref r)
{
	uint32_t i = (uint32_t)value_hash(r) & x->mask;

	while (x->slot[i] != 0 && !pin__value_eq(x->v[x->slot[i] - 1], r))
		i = (i + 1) & x->mask;
	return (i);
}

static void
vrehash(struct pin__vindex *x, uint32_t size)
{
	uint32_t *old = x->slot, i, s;

	x->slot = calloc(size, sizeof(*x->slot));
	if (x->slot == NULL) {
		x->slot = old;
		x->failed = 1;
		return;
	}
	free(old);
	x->mask = size - 1;
	for (i = 0; i < x->n; i++) {
		/* Containers equal nothing and need no slot. */
		if (pin_obj_type(x->v[i].o, x->v[i].n) >= PIN_ARRAY)
			continue;
		s = vslot(x, x->v[i]);
		if (x->slot[s] == 0)
			x->slot[s] = i + 1;
	}
}

void
pin__vindex_add(struct pin__vindex *x, struct pin__vref r)
{
	struct pin__vref *v;
	uint32_t cap, s;

	if (x->n == x->cap) {
		cap = x->cap == 0 ? INDEX_LINEAR : x->cap * 2;
		v = realloc(x->v, cap * sizeof(*v));
		if (v == NULL) {
			x->failed = 1;
			return;
		}
		x->v = v;
		x->cap = cap;
		if (cap > INDEX_LINEAR)
			vrehash(x, cap * 2);
	}
	x->v[x->n++] = r;
	if (x->slot == NULL || x->failed ||
	    pin_obj_type(r.o, r.n) >= PIN_ARRAY)
		return;
	s = vslot(x, r);
	if (x->slot[s] == 0)
		x->slot[s] = x->n;
}

int64_t
pin__vindex_find(const struct pin__vindex *x, struct pin__vref r)
{
	uint32_t i;

	if (pin_obj_type(r.o, r.n) >= PIN_ARRAY)
		return (-1);
	if (x->slot != NULL)
		return ((int64_t)x->slot[vslot(x, r)] - 1);
	for (i = 0; i < x->n; i++)
		if (pin__value_eq(x->v[i], r))
			return (i);
	return (-1);
}

/* ---- keys ------------------------------------------------------------- */

static uint32_t
kslot(const struct pin__kindex *x, const struct pin_obj *o,
    struct pin_str key)
{
	uint32_t i = (uint32_t)hash(key.p, key.len) & x->mask;

	while (x->slot[i] != 0 && (x->slot[i] == SLOT_GONE ||
	    !pin_str_eq(pin_obj_key(o, x->slot[i]), key)))
		i = (i + 1) & x->mask;
	return (i);
}

static void
kbuild(struct pin__kindex *x, const struct pin_obj *o, pin_node parent)
{
	uint32_t size = 64;
	pin_node c;

	while (size < pin_obj_count(o, parent) * 4)
		size *= 2;
	free(x->slot);
	x->slot = calloc(size, sizeof(*x->slot));
	if (x->slot == NULL) {
		x->failed = 1;
		return;
	}
	x->mask = size - 1;
	x->used = 0;
	for (c = pin_obj_first(o, parent); c != 0; c = pin_obj_next(o, c)) {
		x->slot[kslot(x, o, pin_obj_key(o, c))] = c;
		x->used++;
	}
}

void
pin__kindex_init(struct pin__kindex *x, const struct pin_obj *o,
    pin_node parent)
{
	memset(x, 0, sizeof(*x));
	if (pin_obj_count(o, parent) > INDEX_LINEAR)
		kbuild(x, o, parent);
}

pin_node
pin__kindex_get(const struct pin__kindex *x, const struct pin_obj *o,
    pin_node parent, struct pin_str key)
{
	if (x->slot == NULL)
		return (pin_obj_getn(o, parent, key.p, key.len));
	return (x->slot[kslot(x, o, key)]);
}

void
pin__kindex_add(struct pin__kindex *x, const struct pin_obj *o,
    pin_node parent, pin_node n)
{
	if (x->slot == NULL) {
		if (pin_obj_count(o, parent) > INDEX_LINEAR && !x->failed)
			kbuild(x, o, parent);
		return;
	}
	if (++x->used > x->mask / 2) {
		kbuild(x, o, parent);
		return;
	}
	x->slot[kslot(x, o, pin_obj_key(o, n))] = n;
}

void
pin__kindex_del(struct pin__kindex *x, const struct pin_obj *o, pin_node n)
{
	uint32_t s;

	if (x->slot == NULL)
		return;
	s = kslot(x, o, pin_obj_key(o, n));
	if (x->slot[s] != 0)
		x->slot[s] = SLOT_GONE;
}

void
pin__kindex_fini(struct pin__kindex *x)
{
	free(x->slot);
	x->slot = NULL;
}
