/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pack.c -- which endpoint is in which slice: as few slices written as can
 * be, rather than as few slices as can be. For each set of ports:
 *
 *	1. An endpoint stays where it is; slices lose those that are gone. A
 *	   slice with none left is dropped.
 *	2. New ones fill the slices that are written anyway, the fullest first.
 *	3. The rest goes into the one unchanged slice it fills best; if it
 *	   fits in none, into new ones.
 *
 * Pure. Contract: KEP-752, upstream's reconciler. */
#include <stdlib.h>

#include "endpointslice.h"

/* ---- 1 ----------------------------------------------------------- */

static struct endpoint *
find(struct slices *s, struct pin_str name, struct pin_str uid)
{
	uint32_t lo = 0, hi = s->n, mid;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		c = pin_str_cmp(s->ep[mid].name, name);
		if (c == 0)
			return (pin_str_eq(s->ep[mid].uid, uid) ?
			    &s->ep[mid] : NULL);
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (NULL);
}

static int
serving(const struct pin_obj *o, pin_node endpoint)
{
	return (pin_obj_true(o, pin_obj_at(o, endpoint, "conditions",
	    "serving", NULL)));
}

/* The oldest of the changes that are written now: a pod that is new here, or
 * has become ready or ceased to be. */
static void
changed(struct slices *s, const struct endpoint *e)
{
	struct pin_str t = service_pod_time(e->pod);

	if (t.len > 0 && (s->trigger.len == 0 || pin_str_cmp(t, s->trigger) <
	    0))
		s->trigger = t;
}

static void
keep(struct slices *s, struct slice *sl)
{
	pin_node list = pin_obj_get(sl->o, pin_obj_root(sl->o), "endpoints"),
	    n, ref;
	struct endpoint *e;

	for (n = pin_obj_first(sl->o, list); n != 0;
	    n = pin_obj_next(sl->o, n)) {
		ref = pin_obj_get(sl->o, n, "targetRef");
		e = find(s, pin_obj_str(sl->o, pin_obj_get(sl->o, ref,
		    "name")), pin_obj_str(sl->o, pin_obj_get(sl->o, ref,
		    "uid")));
		if (e == NULL || e->placed || e->ports != sl->ports ||
		    sl->n == SLICE_MAX) {
			sl->changed = 1;
			continue;
		}
		e->placed = 1;
		sl->end[sl->n++] = (uint32_t)(e - s->ep);
		if (!pin_obj_equal(s->made, e->as, sl->o, n)) {
			sl->changed = 1;
			if (serving(s->made, e->as) != serving(sl->o, n))
				changed(s, e);
		}
	}
	sl->drop = sl->n == 0;
}

/* ---- 2 and 3 ----------------------------------------------------- */

static uint32_t
left(const struct slices *s, uint32_t ports)
{
	uint32_t i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->ep[i].ports == ports && !s->ep[i].placed;
	return (n);
}

static void
fill(struct slices *s, struct slice *sl)
{
	uint32_t i;

	for (i = 0; i < s->n && sl->n < SLICE_MAX; i++) {
		if (s->ep[i].placed || s->ep[i].ports != sl->ports)
			continue;
		s->ep[i].placed = 1;
		sl->end[sl->n++] = i;
		sl->changed = 1;
		changed(s, &s->ep[i]);
	}
}

/* The fullest that is written anyway and has room. */
static struct slice *
fullest(struct slices *s, uint32_t ports)
{
	struct slice *best = NULL, *sl;
	uint32_t i;

	for (i = 0; i < s->nslices; i++) {
		sl = s->slice[i];
		if (sl->ports == ports && sl->changed && !sl->drop &&
		    sl->n < SLICE_MAX && (best == NULL || sl->n > best->n))
			best = sl;
	}
	return (best);
}

/* The unchanged one that n more bring closest to full. */
static struct slice *
closest(struct slices *s, uint32_t ports, uint32_t n)
{
	struct slice *best = NULL, *sl;
	uint32_t i;

	for (i = 0; i < s->nslices; i++) {
		sl = s->slice[i];
		if (sl->ports == ports && !sl->changed && !sl->drop &&
		    sl->n + n <= SLICE_MAX && (best == NULL || sl->n >
		    best->n))
			best = sl;
	}
	return (best);
}

struct slice *
slice_add(struct slices *s)
{
	struct slice *sl = pin_arena_zalloc(pin_reconcile_arena(s->rc),
	    sizeof(*sl));

	s->slice = array_more(s->rc, s->slice, s->nslices, &s->slices_cap,
	    sizeof(struct slice *));
	if (sl == NULL || s->slice == NULL) {
		s->rc_code = PIN_ENOMEM;
		return (NULL);
	}
	sl->ports = NO_PORTS;
	s->slice[s->nslices++] = sl;
	return (sl);
}

static int
by_index(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y ? -1 : x > y);
}

/* ---- all of it --------------------------------------------------- */

static void
pack_ports(struct slices *s, uint32_t ports)
{
	struct slice *sl;
	uint32_t n;

	while (left(s, ports) > 0 && (sl = fullest(s, ports)) != NULL)
		fill(s, sl);
	while ((n = left(s, ports)) > 0 && s->rc_code == PIN_OK) {
		sl = n < SLICE_MAX ? closest(s, ports, n) : NULL;
		if (sl == NULL && (sl = slice_add(s)) != NULL)
			sl->ports = ports;
		if (sl != NULL)
			fill(s, sl);
	}
}

void
pack(struct slices *s)
{
	uint32_t i, live = 0;
	struct slice *sl;

	for (i = 0; i < s->nslices; i++)
		if (s->slice[i]->ports != NO_PORTS)
			keep(s, s->slice[i]);
	for (i = 0; i < s->nports && s->rc_code == PIN_OK; i++)
		pack_ports(s, i);
	for (i = 0; i < s->nslices; i++) {
		sl = s->slice[i];
		qsort(sl->end, sl->n, sizeof(sl->end[0]), by_index);
		live += !sl->drop && sl->n > 0;
	}
	/* Somebody may wait for a slice to look at. */
	if (live == 0 && (sl = slice_add(s)) != NULL)
		sl->changed = 1;
}
