/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compare.c -- which fields an update added, changed and removed.
 *
 *	absent -> value	  the path, and every path below it, is added
 *	value -> absent	  removed, the same way
 *	leaf, not equal	  modified; leaves are scalars, atomic lists and
 *			  maps, and what is empty or null on both sides
 *
 * Pure. Nodes of the sets are made when something is put below them. */
#include <string.h>

#include "lib/fields/walk.h"
#include "lib/json/dup.h"
#include "lib/patch/tree.h"

#define HASH_FROM	48	/* members from which keys are hashed */

struct cmp {
	struct pin__fwalk	*w;
	const struct pin_obj	*l, *r;
	struct pin__fset	*root[2];
};

enum { CHANGED, REMOVED };

struct step {
	struct pin__fstep	 s;
	struct step		*up;
	const struct pin__fpe	*pe;
	struct pin__fset	*at[2];		/* its nodes, once made */
};

static int compare(struct cmp *, struct step *, pin_node, pin_node,
    const struct pin_fields_type *);

static struct pin__fset *
node_of(struct cmp *c, struct step *s, int which)
{
	struct pin__fset *up;
	struct pin__fpe pe;

	if (s->at[which] != NULL)
		return (s->at[which]);
	if (s->up == NULL) {
		s->at[which] = c->root[which] = pin__fset_new(c->w->m);
		return (s->at[which]);
	}
	up = node_of(c, s->up, which);
	if (up == NULL || pin__fpe_keep(c->w->m, s->pe, &pe) != PIN_OK)
		return (NULL);
	s->at[which] = pin__fset_at(c->w->m, up, &pe);
	return (s->at[which]);
}

static void
note(struct cmp *c, struct step *s, int which)
{
	struct pin__fset *n;

	if (s->up == NULL)
		return;		/* nobody owns the object itself */
	n = node_of(c, s, which);
	if (n != NULL)
		n->member = 1;
}

static void
leaf(struct cmp *c, struct step *s, pin_node l, pin_node r)
{
	if (r == 0)
		note(c, s, REMOVED);
	else if (l == 0 || !pin_obj_equal(c->l, l, c->r, r))
		note(c, s, CHANGED);
}

/* ---- maps ------------------------------------------------------------- */

static int
member(struct cmp *c, struct step *up, struct pin_str name, pin_node l,
    pin_node r, const struct pin_fields_type *t)
{
	struct pin__fpe pe = { .text = name, .kind = PIN__PE_FIELD };
	struct step s = { .s = { &up->s, name, up->s.depth + 1 }, .up = up,
	    .pe = &pe };
	struct pin_fields_type mt;

	if (pin__fwalk_reset(c->w, &up->s, name))
		return (PIN_OK);
	pin__fwalk_member(c->w, t, name, &mt);
	return (compare(c, &s, l, r, &mt));
}

/* Members of `a` in order and their partners in `b`: mostly the one after
 * the last, then a search, by hash where there are many. */
struct pairs {
	const struct pin_obj	*a, *b;
	pin_node		 an, bn, guess;
	struct pin__keys	 keys;
	int			 hashed;
};

static int
pairs_init(struct pairs *p, const struct pin_obj *a, pin_node an,
    const struct pin_obj *b, pin_node bn)
{
	memset(p, 0, sizeof(*p));
	p->a = a;
	p->b = b;
	p->an = an;
	p->bn = bn;
	p->guess = bn != 0 ? pin_obj_first(b, bn) : 0;
	if (pin_obj_count(b, bn) < HASH_FROM)
		return (PIN_OK);
	p->hashed = 1;
	return (pin__keys_init(&p->keys, b, bn));
}

static pin_node
partner(struct pairs *p, struct pin_str key)
{
	pin_node n = p->guess;

	if (n == 0 || !pin_str_eq(pin_obj_key(p->b, n), key))
		n = p->hashed ? pin__keys_get(&p->keys, key) :
		    pin_obj_getn(p->b, p->bn, key.p, key.len);
	if (n != 0)
		p->guess = pin_obj_next(p->b, n);
	return (n);
}

static int
one_way(struct cmp *c, struct step *s, pin_node l, pin_node r, int removed,
    const struct pin_fields_type *t)
{
	struct pairs p;
	struct pin_str key;
	pin_node n, other;
	int rc;

	rc = removed ? pairs_init(&p, c->l, l, c->r, r) :
	    pairs_init(&p, c->r, r, c->l, l);
	for (n = p.an != 0 ? pin_obj_first(p.a, p.an) : 0; n != 0 &&
	    rc == PIN_OK; n = pin_obj_next(p.a, n)) {
		key = pin_obj_key(p.a, n);
		other = partner(&p, key);
		if (!removed)
			rc = member(c, s, key, other, n, t);
		else if (other == 0)
			rc = member(c, s, key, n, 0, t);
	}
	if (p.hashed)
		pin__keys_fini(&p.keys);
	return (rc);
}

static int
do_map(struct cmp *c, struct step *s, pin_node l, pin_node r,
    const struct pin_fields_type *t, int *in_leaf)
{
	pin_node lm = pin_obj_type(c->l, l) == PIN_OBJECT ? l : 0;
	pin_node rm = pin_obj_type(c->r, r) == PIN_OBJECT ? r : 0;
	int rc;

	if (t->relation == PIN_FT_ATOMIC || s->s.depth >=
	    PIN_FIELDS_DEPTH_MAX || (pin_obj_count(c->l, lm) == 0 &&
	    pin_obj_count(c->r, rm) == 0)) {
		leaf(c, s, l, r);
		*in_leaf = 1;
		return (PIN_OK);
	}
	rc = one_way(c, s, lm, rm, 0, t);
	if (rc == PIN_OK && lm != 0)
		rc = one_way(c, s, lm, rm, 1, t);
	return (rc);
}

/* ---- lists ------------------------------------------------------------ */

static int
item(struct cmp *c, struct step *up, const struct pin__fpe *pe, pin_node l,
    pin_node r, const struct pin_fields_type *t)
{
	struct step s = { .s = { &up->s, PIN_STR_NONE, up->s.depth + 1 },
	    .up = up, .pe = pe };

	return (compare(c, &s, l, r, t));
}

static void
note_item(struct cmp *c, struct step *up, const struct pin__fpe *pe,
    int which)
{
	struct step s = { .s = { &up->s, PIN_STR_NONE, up->s.depth + 1 },
	    .up = up, .pe = pe };

	note(c, &s, which);
}

static int
runs_equal(struct cmp *c, const struct pin__fitem *l, uint32_t nl,
    const struct pin__fitem *r, uint32_t nr)
{
	uint32_t i;

	for (i = 0; nl == nr && i < nl; i++)
		if (!pin_obj_equal(c->l, l[i].n, c->r, r[i].n))
			return (0);
	return (nl == nr);
}

/* All items of one identity. Twice the same counts as one atomic thing. */
static int
run(struct cmp *c, struct step *s, const struct pin__fitem *l, uint32_t nl,
    const struct pin__fitem *r, uint32_t nr, const struct pin_fields_type *t)
{
	const struct pin__fpe *pe = nl > 0 ? &l->pe : &r->pe;
	int rc = PIN_OK;

	if (nl <= 1 && nr <= 1)
		return (item(c, s, pe, nl > 0 ? l->n : 0, nr > 0 ? r->n : 0,
		    t));
	if (nl >= 2 && nr >= 2) {
		if (!runs_equal(c, l, nl, r, nr))
			note_item(c, s, pe, CHANGED);
	} else if (nl >= 2) {
		if (nr > 0)
			rc = item(c, s, pe, 0, r->n, t);
		note_item(c, s, pe, REMOVED);
	} else {
		if (nl > 0)
			rc = item(c, s, pe, l->n, 0, t);
		note_item(c, s, pe, CHANGED);
	}
	return (rc);
}

static uint32_t
run_len(const struct pin__fitem *v, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n && pin__fpe_cmp(&v[0].pe, &v[i].pe) == 0; i++)
		;
	return (n == 0 ? 0 : i);
}

static int
items(struct cmp *c, struct step *s, pin_node l, pin_node r,
    const struct pin_fields_type *t)
{
	struct pin__fitem *lv, *rv;
	struct pin_fields_type et;
	uint32_t nl, nr, a, b;
	int rc, d;

	rc = pin__fwalk_items(c->w, t, c->l, l, &lv, &nl);
	if (rc == PIN_OK)
		rc = pin__fwalk_items(c->w, t, c->r, r, &rv, &nr);
	if (rc != PIN_OK)
		return (rc);
	pin__fwalk_element(c->w, t, &et);
	while (rc == PIN_OK && (nl > 0 || nr > 0)) {
		d = nl == 0 ? 1 : nr == 0 ? -1 :
		    pin__fpe_cmp(&lv->pe, &rv->pe);
		a = d <= 0 ? run_len(lv, nl) : 0;
		b = d >= 0 ? run_len(rv, nr) : 0;
		rc = run(c, s, lv, a, rv, b, &et);
		lv += a;
		nl -= a;
		rv += b;
		nr -= b;
	}
	return (rc);
}

static int
do_list(struct cmp *c, struct step *s, pin_node l, pin_node r,
    const struct pin_fields_type *t, int *in_leaf)
{
	pin_node ll = pin_obj_type(c->l, l) == PIN_ARRAY ? l : 0;
	pin_node rl = pin_obj_type(c->r, r) == PIN_ARRAY ? r : 0;

	if ((t->relation != PIN_FT_SET && t->relation != PIN_FT_KEYED) ||
	    s->s.depth >= PIN_FIELDS_DEPTH_MAX ||
	    (pin_obj_count(c->l, ll) == 0 && pin_obj_count(c->r, rl) == 0)) {
		leaf(c, s, l, r);
		*in_leaf = 1;
		return (PIN_OK);
	}
	if (ll != 0 && rl != 0 && pin_obj_equal(c->l, ll, c->r, rl))
		return (PIN_OK);
	return (items(c, s, ll, rl, t));
}

/* ---- values ----------------------------------------------------------- */

static int
walk_as(struct cmp *c, struct step *s, pin_node l, pin_node r,
    const struct pin_fields_type *t, int shape, int *in_leaf)
{
	switch (shape) {
	case PIN_FT_MAP:
		return (do_map(c, s, l, r, t, in_leaf));
	case PIN_FT_LIST:
		return (do_list(c, s, l, r, t, in_leaf));
	default:
		leaf(c, s, l, r);
		*in_leaf = 1;
		return (PIN_OK);
	}
}

static int
compare(struct cmp *c, struct step *s, pin_node l, pin_node r,
    const struct pin_fields_type *t)
{
	int sl = pin__fwalk_shape(t, c->l, l), other = 0, in_leaf = 0, rc;
	int sr = pin__fwalk_shape(t, c->r, r);

	if (r == 0)
		rc = walk_as(c, s, l, r, t, sl, &in_leaf);
	else if (l == 0 || sl == sr)
		rc = walk_as(c, s, l, r, t, sr, &in_leaf);
	else {
		rc = walk_as(c, s, l, r, t, sl, &other);
		if (rc == PIN_OK)
			rc = walk_as(c, s, l, r, t, sr, &in_leaf);
	}
	if (rc == PIN_OK && !in_leaf && l == 0)
		note(c, s, CHANGED);
	else if (rc == PIN_OK && !in_leaf && r == 0)
		note(c, s, REMOVED);
	return (rc);
}

int
pin__fields_compare(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *old, const struct pin_obj *new,
    struct pin__fdiff *diff)
{
	struct cmp c = { .w = w, .l = old, .r = new };
	struct step root = { .up = NULL };
	int rc;

	rc = compare(&c, &root, pin_obj_root(old), pin_obj_root(new), t);
	if (rc == PIN_OK && w->m->failed)
		rc = pin_err_set(w->err, PIN_ENOMEM,
		    "managedFields: no memory");
	diff->changed = c.root[CHANGED];
	diff->removed = c.root[REMOVED];
	return (rc);
}
