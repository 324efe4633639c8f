/* SPDX-License-Identifier: BSD-2-Clause
 *
 * create.c -- the one set a new object has: everything that differs from the
 * empty object, written straight into the new object's nodes, sorted, in one
 * walk and without building sets.
 * Pure. Keys that already lie in the object's text are copied once, behind
 * their "f:". */
#include <stdlib.h>
#include <string.h>

#include "lib/fields/walk.h"
#include "lib/patch/tree.h"

#define SORT_ROOM	32	/* members sorted without the heap */

struct make {
	struct pin__fwalk	*w;
	const struct pin_obj	*l;	/* the empty object */
	struct pin_obj		*r;
};

static int make_value(struct make *, const struct pin__fstep *, pin_node out,
    pin_node l, pin_node r, const struct pin_fields_type *);

static int
no_memory(struct make *k)
{
	return (pin_err_set(k->w->err, PIN_ENOMEM,
	    "managedFields: no memory"));
}

static int
is_leaf(const struct make *k, const struct pin__fstep *s, pin_node l,
    pin_node r, const struct pin_fields_type *t)
{
	int shape = pin__fwalk_shape(t, k->r, r);
	int want = shape == PIN_FT_LIST ? PIN_ARRAY : PIN_OBJECT;

	if (shape == PIN_FT_SCALAR || s->depth >= PIN_FIELDS_DEPTH_MAX)
		return (1);
	if (shape == PIN_FT_LIST ? t->relation != PIN_FT_SET && t->relation !=
	    PIN_FT_KEYED : t->relation == PIN_FT_ATOMIC)
		return (1);
	if (pin_obj_type(k->r, r) == want && pin_obj_count(k->r, r) > 0)
		return (0);
	return (l == 0 || pin_obj_type(k->l, l) != want ||
	    pin_obj_count(k->l, l) == 0);
}

/* The path `name`: its node is made, filled, and taken away again when
 * nothing in or below it is new. */
static int
make_path(struct make *k, const struct pin__fstep *s, pin_node out,
    const struct pin__fpe *pe, int stripped, pin_node l, pin_node r,
    const struct pin_fields_type *t)
{
	pin_node n;
	int rc;

	if (is_leaf(k, s, l, r, t)) {
		if (stripped || (l != 0 && pin_obj_equal(k->l, l, k->r, r)))
			return (PIN_OK);
		return (pin__fpe_put(k->r, out, pe) != 0 ? PIN_OK :
		    no_memory(k));
	}
	n = pin__fpe_put(k->r, out, pe);
	if (n == 0)
		return (no_memory(k));
	if (l == 0 && !stripped && pin__fields_dot(k->r, n) == 0)
		return (no_memory(k));
	rc = make_value(k, s, n, l, r, t);
	if (rc == PIN_OK && pin_obj_count(k->r, n) == 0)
		pin_obj_remove(k->r, out, n);
	return (rc);
}

/* ---- maps ------------------------------------------------------------- */

struct entry {
	uint32_t	koff, klen;	/* the text may move */
	pin_node	n;
};

static int
entry_less(const char *text, const struct entry *a, const struct entry *b)
{
	uint32_t n = a->klen < b->klen ? a->klen : b->klen;
	int c = n > 0 ? memcmp(text + a->koff, text + b->koff, n) : 0;

	return (c != 0 ? c < 0 : a->klen < b->klen);
}

/* Shell sort: no recursion, no heap, and mostly a handful of members. */
static void
sort_entries(const char *text, struct entry *e, uint32_t n)
{
	struct entry t;
	uint32_t gap, i, j;

	for (gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (i = gap; i < n; i++) {
			t = e[i];
			for (j = i; j >= gap && entry_less(text, &t,
			    &e[j - gap]); j -= gap)
				e[j] = e[j - gap];
			e[j] = t;
		}
}

static int
make_member(struct make *k, const struct pin__fstep *up, pin_node out,
    const struct entry *e, pin_node l, const struct pin_fields_type *t)
{
	struct pin_str name = { k->r->text + e->koff, e->klen };
	struct pin__fstep s = { up, name, up->depth + 1 };
	struct pin__fpe pe = { .text = name, .kind = PIN__PE_FIELD };
	struct pin_fields_type mt;
	pin_node lm = l != 0 ? pin_obj_getn(k->l, l, name.p, name.len) : 0;
	int stripped = pin__fwalk_stripped(up, name);
	char room[64];

	if (pin__fwalk_reset(k->w, up, name))
		return (PIN_OK);
	pin__fwalk_member(k->w, t, name, &mt);
	/* Names of the first levels are asked for again, below. */
	if (up->depth < 3) {
		if (name.len > sizeof(room))
			s.name.len = 0;
		else {
			memcpy(room, name.p, name.len);
			s.name.p = room;
		}
	} else
		s.name.len = 0;
	return (make_path(k, &s, out, &pe, stripped, lm, e->n, &mt));
}

static int
make_map(struct make *k, const struct pin__fstep *s, pin_node out, pin_node l,
    pin_node r, const struct pin_fields_type *t)
{
	struct entry room[SORT_ROOM], *e = room;
	uint32_t n = pin_obj_count(k->r, r), i = 0;
	pin_node c;
	int rc = PIN_OK;

	if (n > SORT_ROOM && (e = malloc(n * sizeof(*e))) == NULL)
		return (no_memory(k));
	for (c = pin_obj_first(k->r, r); c != 0; c = pin_obj_next(k->r, c))
		e[i++] = (struct entry){ k->r->nodes[c].koff,
		    PIN__KLEN(&k->r->nodes[c]), c };
	sort_entries(k->r->text, e, n);
	for (i = 0; i < n && rc == PIN_OK; i++)
		rc = make_member(k, s, out, &e[i], l, t);
	if (e != room)
		free(e);
	return (rc);
}

/* ---- lists ------------------------------------------------------------ */

static int
make_list(struct make *k, const struct pin__fstep *up, pin_node out,
    pin_node r, const struct pin_fields_type *t)
{
	struct pin__fstep s = { up, PIN_STR_NONE, up->depth + 1 };
	struct pin_fields_type et;
	struct pin__fitem *v;
	uint32_t n, i;
	int rc, again;

	rc = pin__fwalk_items(k->w, t, k->r, r, &v, &n);
	if (rc != PIN_OK)
		return (rc);
	pin__fwalk_element(k->w, t, &et);
	for (i = 0; i < n && rc == PIN_OK; i++) {
		/* Twice the same item: one atomic thing. Identities are
		 * compared by text, since the object's own may have moved. */
		again = i + 1 < n && pin_str_eq(v[i].pe.text,
		    v[i + 1].pe.text);
		if (!again) {
			rc = make_path(k, &s, out, &v[i].pe, 0, 0, v[i].n,
			    &et);
			continue;
		}
		while (i + 1 < n && pin_str_eq(v[i].pe.text,
		    v[i + 1].pe.text))
			i++;
		if (pin__fpe_put(k->r, out, &v[i].pe) == 0)
			rc = no_memory(k);
	}
	return (rc);
}

static int
make_value(struct make *k, const struct pin__fstep *s, pin_node out,
    pin_node l, pin_node r, const struct pin_fields_type *t)
{
	if (pin__fwalk_shape(t, k->r, r) == PIN_FT_LIST)
		return (pin_obj_type(k->r, r) == PIN_ARRAY ?
		    make_list(k, s, out, r, t) : PIN_OK);
	return (pin_obj_type(k->r, r) == PIN_OBJECT ?
	    make_map(k, s, out, l, r, t) : PIN_OK);
}

int
pin__fields_create(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *old, struct pin_obj *new, pin_node out)
{
	struct make k = { .w = w, .l = old, .r = new };
	struct pin__fstep root = { NULL, PIN_STR_NONE, 0 };
	int rc;

	rc = make_value(&k, &root, out, pin_obj_root(old), pin_obj_root(new),
	    t);
	if (rc == PIN_OK && pin_obj_failed(new) != PIN_OK)
		rc = no_memory(&k);
	return (rc);
}
