/* SPDX-License-Identifier: BSD-2-Clause
 *
 * set.c -- sets of field paths: union, difference, intersection; all walk
 * two sorted lists of children side by side.
 * Pure. Depth is that of FieldsV1, bounded when it is read. */
#include <string.h>

#include "lib/fields/set.h"

static void *
take(struct pin__fmem *m, size_t len)
{
	void *p = m->failed ? NULL : pin_arena_zalloc(m->arena, len);

	if (p == NULL)
		m->failed = 1;
	return (p);
}

struct pin__fset *
pin__fset_new(struct pin__fmem *m)
{
	return (take(m, sizeof(struct pin__fset)));
}

/* ---- order ------------------------------------------------------------ */

static int
num_cmp(const struct pin__fval *a, const struct pin__fval *b)
{
	double da, db;

	if (!a->is_float && !b->is_float)
		return (a->i < b->i ? -1 : a->i > b->i);
	da = a->is_float ? a->d : (double)a->i;
	db = b->is_float ? b->d : (double)b->i;
	return (da < db ? -1 : da > db);
}

int
pin__fval_cmp(const struct pin__fval *a, const struct pin__fval *b)
{
	if (a->rank != b->rank)
		return (a->rank < b->rank ? -1 : 1);
	switch (a->rank) {
	case PIN__FV_NUMBER:
		return (num_cmp(a, b));
	case PIN__FV_BOOL:
		return (a->i < b->i ? -1 : a->i > b->i);
	case PIN__FV_NULL:
		return (0);
	default:
		return (pin_str_cmp(a->text, b->text));
	}
}

static int
keys_cmp(const struct pin__fpe *a, const struct pin__fpe *b)
{
	uint32_t i;
	int c;

	for (i = 0; i < a->n && i < b->n; i++) {
		c = pin_str_cmp(a->val[i].name, b->val[i].name);
		if (c == 0)
			c = pin__fval_cmp(&a->val[i], &b->val[i]);
		if (c != 0)
			return (c);
	}
	return (a->n < b->n ? -1 : a->n > b->n);
}

int
pin__fpe_cmp(const struct pin__fpe *a, const struct pin__fpe *b)
{
	if (a->kind != b->kind)
		return (a->kind < b->kind ? -1 : 1);
	switch (a->kind) {
	case PIN__PE_FIELD:
		return (pin_str_cmp(a->text, b->text));
	case PIN__PE_KEY:
		return (keys_cmp(a, b));
	default:
		return (pin__fval_cmp(a->val, b->val));
	}
}

/* ---- one set ---------------------------------------------------------- */

static void
append(struct pin__fset *s, struct pin__fset *c)
{
	c->next = NULL;
	if (s->last == NULL)
		s->child = c;
	else
		s->last->next = c;
	s->last = c;
}

struct pin__fset *
pin__fset_at(struct pin__fmem *m, struct pin__fset *s,
    const struct pin__fpe *pe)
{
	struct pin__fset **at = &s->child, *c;
	int d = 1;

	/* Mostly in order: the last one first. */
	if (s->last != NULL) {
		d = pin__fpe_cmp(&s->last->pe, pe);
		if (d == 0)
			return (s->last);
		if (d > 0)
			while ((d = pin__fpe_cmp(&(*at)->pe, pe)) < 0)
				at = &(*at)->next;
		else
			at = &s->last->next;
		if (d == 0)
			return (*at);
	}
	c = pin__fset_new(m);
	if (c == NULL)
		return (NULL);
	c->pe = *pe;
	c->next = *at;
	*at = c;
	if (c->next == NULL)
		s->last = c;
	return (c);
}

struct pin__fset *
pin__fset_find(const struct pin__fset *s, const struct pin__fpe *pe)
{
	struct pin__fset *c;
	int d;

	for (c = s != NULL ? s->child : NULL; c != NULL; c = c->next) {
		d = pin__fpe_cmp(&c->pe, pe);
		if (d >= 0)
			return (d == 0 ? c : NULL);
	}
	return (NULL);
}

int
pin__fset_empty(const struct pin__fset *s)
{
	return (s == NULL || (!s->member && s->child == NULL));
}

/* ---- two sets --------------------------------------------------------- */

static struct pin__fset *
copy_head(struct pin__fmem *m, const struct pin__fset *s)
{
	struct pin__fset *c = pin__fset_new(m);

	if (c != NULL) {
		c->pe = s->pe;
		c->member = s->member;
	}
	return (c);
}

/* A child list is linked through its nodes, so taking a subtree into
 * another list needs a new head; what is below can be shared. */
static struct pin__fset *
share(struct pin__fmem *m, const struct pin__fset *s)
{
	struct pin__fset *c = copy_head(m, s);

	if (c != NULL) {
		c->child = s->child;
		c->last = s->last;
	}
	return (c);
}

struct pin__fset *
pin__fset_union(struct pin__fmem *m, const struct pin__fset *a,
    const struct pin__fset *b)
{
	const struct pin__fset *x, *y;
	struct pin__fset *out, *c;
	int d;

	if (a == NULL || b == NULL)
		return (a == NULL && b == NULL ? NULL :
		    share(m, a != NULL ? a : b));
	out = copy_head(m, a);
	if (out == NULL)
		return (NULL);
	out->member |= b->member;
	x = a->child;
	y = b->child;
	while (x != NULL || y != NULL) {
		d = x == NULL ? 1 : y == NULL ? -1 :
		    pin__fpe_cmp(&x->pe, &y->pe);
		c = d < 0 ? share(m, x) : d > 0 ? share(m, y) :
		    pin__fset_union(m, x, y);
		if (c == NULL)
			return (NULL);
		append(out, c);
		if (d <= 0)
			x = x->next;
		if (d >= 0)
			y = y->next;
	}
	return (out);
}

struct pin__fset *
pin__fset_minus(struct pin__fmem *m, const struct pin__fset *a,
    const struct pin__fset *b)
{
	const struct pin__fset *x, *y;
	struct pin__fset *out, *c;
	int d;

	if (a == NULL || (out = copy_head(m, a)) == NULL)
		return (NULL);
	if (b == NULL)
		return (share(m, a));
	out->member = a->member && !b->member;
	y = b->child;
	for (x = a->child; x != NULL; x = x->next) {
		d = 1;
		while (y != NULL && (d = pin__fpe_cmp(&y->pe, &x->pe)) < 0)
			y = y->next;
		c = y != NULL && d == 0 ? pin__fset_minus(m, x, y) :
		    share(m, x);
		if (c == NULL)
			return (NULL);
		if (!pin__fset_empty(c))
			append(out, c);
	}
	return (out);
}

struct pin__fset *
pin__fset_meet(struct pin__fmem *m, const struct pin__fset *a,
    const struct pin__fset *b)
{
	const struct pin__fset *x, *y;
	struct pin__fset *out, *c;
	int d;

	if (a == NULL || b == NULL || (out = copy_head(m, a)) == NULL)
		return (NULL);
	out->member = a->member && b->member;
	x = a->child;
	y = b->child;
	while (x != NULL && y != NULL) {
		d = pin__fpe_cmp(&x->pe, &y->pe);
		if (d == 0) {
			c = pin__fset_meet(m, x, y);
			if (c == NULL)
				return (NULL);
			if (!pin__fset_empty(c))
				append(out, c);
		}
		if (d <= 0)
			x = x->next;
		if (d >= 0)
			y = y->next;
	}
	return (out);
}
