/* SPDX-License-Identifier: BSD-2-Clause
 *
 * equal.c -- structural equality, members in any order, in linear time.
 * No recursion. Many threads may compare the same objects.
 * Contract: pintle/object.h. */
#include "json_int.h"
#include "dup.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_SCAN_MAX	8	/* up to here a list is faster than a hash */

/* Walks a; `b` is always the partner of `a`. Children of arrays, and of
 * objects whose keys come in the same order, are partners by position. Other
 * objects get the partners of all their children written to mate[] at once. */
struct walk {
	const struct pin_obj	*ao, *bo;
	uint32_t		*mate;	/* by node of ao; 0: by position */
};

static int
same_key(const struct walk *w, pin_node a, pin_node b)
{
	return (pin_str_eq(pin__obj_keystr(w->ao, &w->ao->nodes[a]),
	    pin__obj_keystr(w->bo, &w->bo->nodes[b])));
}

static int
need_mates(struct walk *w)
{
	if (w->mate == NULL)
		w->mate = calloc(w->ao->n, sizeof(*w->mate));
	return (w->mate != NULL);
}

/* The n-th member of a name belongs to the n-th of that name. */
static int
pair_few(struct walk *w, pin_node a, pin_node b)
{
	pin_node i, j, left[PAIR_SCAN_MAX];
	uint32_t n = 0, k;

	for (j = pin_obj_first(w->bo, b); j != 0; j = pin_obj_next(w->bo, j)) {
		PIN_ASSERT(n < PAIR_SCAN_MAX);
		left[n++] = j;
	}
	for (i = pin_obj_first(w->ao, a); i != 0; i = pin_obj_next(w->ao, i)) {
		for (k = 0; k < n; k++) {
			if (left[k] != 0 && same_key(w, i, left[k]))
				break;
		}
		if (k == n)
			return (0);
		w->mate[i] = left[k];
		left[k] = 0;
	}
	return (1);
}

static int
pair_many(struct walk *w, pin_node a, pin_node b)
{
	struct pin__keys keys;
	pin_node i, j;
	int ok = 1;

	if (pin__keys_init(&keys, w->bo, b) != PIN_OK)
		return (0);
	for (i = pin_obj_first(w->ao, a); i != 0 && ok;
	    i = pin_obj_next(w->ao, i)) {
		j = pin__keys_take(&keys, pin_obj_key(w->ao, i));
		w->mate[i] = j;
		ok = j != 0;
	}
	pin__keys_fini(&keys);
	return (ok);
}

/* Finds the partners of the children of two objects of as many members. */
static int
pair(struct walk *w, pin_node a, pin_node b)
{
	pin_node i = pin_obj_first(w->ao, a), j = pin_obj_first(w->bo, b);

	while (i != 0 && same_key(w, i, j)) {
		i = pin_obj_next(w->ao, i);
		j = pin_obj_next(w->bo, j);
	}
	if (i == 0)
		return (1);
	if (!need_mates(w))
		return (0);
	if (pin_obj_count(w->bo, b) <= PAIR_SCAN_MAX)
		return (pair_few(w, a, b));
	return (pair_many(w, a, b));
}

/* Compares two nodes but not their children. */
static int
same_node(struct walk *w, pin_node a, pin_node b)
{
	const struct pin__node *x = &w->ao->nodes[a], *y = &w->bo->nodes[b];
	uint32_t type = PIN__TYPE(x);

	if (type != PIN__TYPE(y))
		return (0);
	if (type == PIN_STRING || type == PIN_NUMBER)
		return (x->len == y->len && (x->len == 0 ||
		    memcmp(w->ao->text + x->off, w->bo->text + y->off,
		    x->len) == 0));
	if (type == PIN_ARRAY || type == PIN_OBJECT) {
		if (x->len != y->len)
			return (0);
		return (type == PIN_ARRAY || x->len == 0 || pair(w, a, b));
	}
	return (1);
}

/* The parent of any node. A container is left once, from one child, so all
 * these steps together are at most one for each node. */
static pin_node
parent_of(const struct pin_obj *o, pin_node n)
{
	while (!(o->nodes[n].next & PIN__UP))
		n = o->nodes[n].next;
	return (o->nodes[n].next & ~PIN__UP);
}

static int
walk(struct walk *w, pin_node a, pin_node b)
{
	pin_node top = a;

	for (;;) {
		if (!same_node(w, a, b))
			return (0);
		if (pin_obj_first(w->ao, a) != 0) {
			a = pin_obj_first(w->ao, a);
			b = pin_obj_first(w->bo, b);
		} else {
			while (a != top && (w->ao->nodes[a].next & PIN__UP)) {
				a = w->ao->nodes[a].next & ~PIN__UP;
				b = parent_of(w->bo, b);
			}
			if (a == top)
				return (1);
			a = w->ao->nodes[a].next;
			b = pin_obj_next(w->bo, b);
		}
		if (w->mate != NULL && w->mate[a] != 0)
			b = w->mate[a];
	}
}

int
pin_obj_equal(const struct pin_obj *ao, pin_node a, const struct pin_obj *bo,
    pin_node b)
{
	struct walk w = { ao, bo, NULL };
	int equal;

	PIN_VALID(ao, PIN__OBJ_MAGIC);
	PIN_VALID(bo, PIN__OBJ_MAGIC);
	PIN_ASSERT(a < ao->n && b < bo->n);
	if (ao == bo && a == b)
		return (1);
	if (a == 0 || b == 0)
		return (a == b);
	equal = walk(&w, a, b);
	free(w.mate);
	return (equal);
}
