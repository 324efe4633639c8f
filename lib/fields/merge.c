/* SPDX-License-Identifier: BSD-2-Clause
 *
 * merge.c -- what server-side apply does to objects: the set of paths a
 * configuration holds, putting it over an object, taking paths out again.
 * Pure. Recursion is bounded by PIN_FIELDS_DEPTH_MAX: deeper is a leaf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fields/walk.h"
#include "lib/patch/tree.h"
#include "lib/selector/text.h"

static int
no_memory(struct pin__fwalk *w)
{
	w->m->failed = 1;
	return (pin_err_set(w->err, PIN_ENOMEM, "apply: no memory"));
}

static int
is_atomic(const struct pin_fields_type *t, int shape, int depth)
{
	if (depth >= PIN_FIELDS_DEPTH_MAX || shape == PIN_FT_SCALAR)
		return (1);
	return (shape == PIN_FT_LIST ? t->relation != PIN_FT_SET &&
	    t->relation != PIN_FT_KEYED : t->relation == PIN_FT_ATOMIC);
}

/* ---- the paths of an object -------------------------------------------- */

static int fields_of(struct pin__fwalk *, const struct pin_fields_type *,
    const struct pin_obj *, pin_node, const struct pin__fstep *,
    struct pin__fset *);

static int
known_field(const struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_str name)
{
	struct pin_fields_type mt;

	return (t->kind == PIN_FT_STRUCT && w->schema->field(w->schema->ctx,
	    t, name.p, name.len, &mt));
}

static int
paths_of_member(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node n, const struct pin__fstep *up,
    struct pin__fset *s)
{
	struct pin_str name = pin_obj_key(o, n);
	struct pin__fstep step = { up, name, up->depth + 1 };
	struct pin__fpe pe = { .text = name, .kind = PIN__PE_FIELD };
	struct pin_fields_type mt;
	struct pin__fset *c;
	int rc;

	if (pin__fwalk_reset(w, up, name))
		return (PIN_OK);
	pin__fwalk_member(w, t, name, &mt);
	c = pin__fset_at(w->m, s, &pe);
	if (c == NULL)
		return (no_memory(w));
	rc = fields_of(w, &mt, o, n, &step, c);
	if (pin_obj_type(o, n) == PIN_NULL || (pin_obj_type(o, n) ==
	    PIN_OBJECT && pin_obj_count(o, n) == 0) ||
	    !known_field(w, t, name))
		c->member = 1;
	return (rc);
}

static int
paths_of_list(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node list, const struct pin__fstep *up,
    struct pin__fset *s)
{
	struct pin__fstep step = { up, PIN_STR_NONE, up->depth + 1 };
	struct pin_fields_type et;
	struct pin__fitem *v;
	struct pin__fset *c;
	uint32_t n, i;
	int rc, dup;

	rc = pin__fwalk_items(w, t, o, list, &v, &n);
	pin__fwalk_element(w, t, &et);
	for (i = 0; rc == PIN_OK && i < n; i++) {
		c = pin__fset_at(w->m, s, &v[i].pe);
		if (c == NULL)
			return (no_memory(w));
		dup = (i > 0 && pin__fpe_cmp(&v[i].pe, &v[i - 1].pe) == 0) ||
		    (i + 1 < n && pin__fpe_cmp(&v[i].pe, &v[i + 1].pe) == 0);
		c->member = 1;
		if (!dup)
			rc = fields_of(w, &et, o, v[i].n, &step, c);
	}
	return (rc);
}

static int
fields_of(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node n, const struct pin__fstep *step,
    struct pin__fset *s)
{
	int shape = pin__fwalk_shape(t, o, n), rc = PIN_OK;
	pin_node c;

	if (is_atomic(t, shape, step->depth)) {
		s->member = step->up != NULL;
		return (PIN_OK);
	}
	if (shape == PIN_FT_LIST)
		return (pin_obj_type(o, n) == PIN_ARRAY ?
		    paths_of_list(w, t, o, n, step, s) : PIN_OK);
	for (c = pin_obj_type(o, n) == PIN_OBJECT ? pin_obj_first(o, n) : 0;
	    c != 0 && rc == PIN_OK; c = pin_obj_next(o, c))
		rc = paths_of_member(w, t, o, c, step, s);
	return (rc);
}

/* Takes out nodes that no member is in or below. */
static void
compact(struct pin__fset *s)
{
	struct pin__fset **at, *c;

	s->last = NULL;
	for (at = &s->child; (c = *at) != NULL;) {
		compact(c);
		if (pin__fset_empty(c)) {
			*at = c->next;
			continue;
		}
		s->last = c;
		at = &c->next;
	}
}

int
pin__fields_of(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, struct pin__fset **out)
{
	struct pin__fstep root = { NULL, PIN_STR_NONE, 0 };
	int rc;

	*out = pin__fset_new(w->m);
	if (*out == NULL)
		return (no_memory(w));
	rc = fields_of(w, t, o, pin_obj_root(o), &root, *out);
	if (rc == PIN_OK && w->m->failed)
		rc = no_memory(w);
	if (rc == PIN_OK)
		compact(*out);
	return (rc);
}

struct pin__fset *
pin__fields_named(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin__fset *s)
{
	struct pin__fset *out, *c, *last = NULL;
	const struct pin__fset *x;
	struct pin_fields_type ct;

	if (s == NULL || (out = pin__fset_new(w->m)) == NULL)
		return (NULL);
	out->pe = s->pe;
	out->member = s->member;
	for (x = s->child; x != NULL; x = x->next) {
		memset(&ct, 0, sizeof(ct));
		if (x->pe.kind == PIN__PE_FIELD)
			pin__fwalk_member(w, t, x->pe.text, &ct);
		else if (t->kind == PIN_FT_LIST)
			pin__fwalk_element(w, t, &ct);
		c = pin__fields_named(w, &ct, x);
		if (c == NULL)
			return (NULL);
		if (x->pe.kind == PIN__PE_FIELD && x->child != NULL &&
		    known_field(w, t, x->pe.text))
			c->member = 1;
		if (last == NULL)
			out->child = c;
		else
			last->next = c;
		last = out->last = c;
	}
	return (out);
}

/* ---- does it fit the type? --------------------------------------------- */

static int
misfit(struct pin__fwalk *w, const char *path, const char *what)
{
	return (pin_err_set(w->err, PIN_EINTERNAL, "%s: %s", path, what));
}

static int
not_a(struct pin__fwalk *w, const char *path, const char *want,
    const struct pin_obj *o, pin_node n)
{
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, PIN_ERR_TEXT_MAX);
	pin__go_value(&out, o, n);
	rc = pin_err_set(w->err, PIN_EINTERNAL, "%s: expected %s, got &{%.*s}",
	    path, want, (int)out.len, out.p);
	pin_out_fini(&out);
	return (rc);
}

static int fit(struct pin__fwalk *, const struct pin_fields_type *,
    const struct pin_obj *, pin_node, char *path, size_t len, int depth);

#define PATH_MAX_LEN	512	/* of a path in a message; then it is cut */

static void
say_pe(struct pin_out *out, const struct pin__fpe *pe)
{
	uint32_t i;

	if (pe->kind == PIN__PE_FIELD) {
		pin_out_char(out, '.');
		pin_out_str(out, pe->text);
		return;
	}
	pin_out_char(out, '[');
	for (i = 0; i < pe->n; i++) {
		if (i > 0)
			pin_out_char(out, ',');
		if (pe->kind == PIN__PE_KEY)
			pin_out_str(out, pe->val[i].name);
		if (pe->kind != PIN__PE_INDEX)
			pin_out_char(out, '=');
		if (pe->val[i].rank == PIN__FV_STRING)
			pin__go_quote(out, pe->val[i].text);
		else if (pe->val[i].rank == PIN__FV_NUMBER)
			pin__go_number(out, pe->val[i].text);
		else if (pe->val[i].rank == PIN__FV_BOOL)
			pin_out_cstr(out, pe->val[i].i ? "true" : "false");
		else
			pin_out_cstr(out, "null");
	}
	pin_out_char(out, ']');
}

void
pin__fpe_say(struct pin_out *out, const struct pin__fpe *pe)
{
	say_pe(out, pe);
}

/* Appends an element to the path text; returns its new length. */
static size_t
path_add(char *path, size_t len, const struct pin__fpe *pe)
{
	struct pin_out out;

	pin_out_init(&out, NULL, PATH_MAX_LEN);
	say_pe(&out, pe);
	if (len + out.len < PATH_MAX_LEN) {
		memcpy(path + len, out.p, out.len);
		len += out.len;
		path[len] = '\0';
	}
	pin_out_fini(&out);
	return (len);
}

static int
fit_map(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node n, char *path, size_t len, int depth)
{
	struct pin__fpe pe = { .kind = PIN__PE_FIELD };
	struct pin_fields_type mt;
	pin_node c;
	size_t at;
	int rc = PIN_OK;

	for (c = pin_obj_first(o, n); c != 0 && rc == PIN_OK;
	    c = pin_obj_next(o, c)) {
		pe.text = pin_obj_key(o, c);
		at = path_add(path, len, &pe);
		if (t->kind == PIN_FT_STRUCT && !known_field(w, t, pe.text))
			return (misfit(w, path,
			    "field not declared in schema"));
		pin__fwalk_member(w, t, pe.text, &mt);
		rc = fit(w, &mt, o, c, path, at, depth + 1);
		path[len] = '\0';
	}
	return (rc);
}

static int
fit_list(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node n, char *path, size_t len, int depth)
{
	struct pin_fields_type et;
	struct pin__fitem *v;
	char what[PATH_MAX_LEN + 64];
	uint32_t count, i;
	size_t at;
	int rc;

	if (t->relation != PIN_FT_SET && t->relation != PIN_FT_KEYED)
		return (PIN_OK);
	rc = pin__fwalk_items(w, t, o, n, &v, &count);
	if (rc == PIN_EINVAL && w->err != NULL) {
		memcpy(what, w->err->text, sizeof(what) - 1);
		what[sizeof(what) - 1] = '\0';
		return (misfit(w, path, what));
	}
	pin__fwalk_element(w, t, &et);
	for (i = 0; i < count && rc == PIN_OK; i++) {
		at = path_add(path, len, &v[i].pe);
		if (i > 0 && pin__fpe_cmp(&v[i].pe, &v[i - 1].pe) == 0) {
			snprintf(what, sizeof(what),
			    "duplicate entries for key %s", path + len);
			path[len] = '\0';
			return (misfit(w, path, what));
		}
		rc = fit(w, &et, o, v[i].n, path, at, depth + 1);
		path[len] = '\0';
	}
	return (rc);
}

static int
fit(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node n, char *path, size_t len, int depth)
{
	int type = pin_obj_type(o, n), shape = pin__fwalk_shape(t, o, n);

	if (t->kind == PIN_FT_ANY || type == PIN_NULL ||
	    depth >= PIN_FIELDS_DEPTH_MAX)
		return (PIN_OK);
	if (shape == PIN_FT_MAP)
		return (type == PIN_OBJECT ?
		    fit_map(w, t, o, n, path, len, depth) :
		    not_a(w, path, "map", o, n));
	if (shape == PIN_FT_LIST)
		return (type == PIN_ARRAY ?
		    fit_list(w, t, o, n, path, len, depth) :
		    not_a(w, path, "list", o, n));
	return (type < PIN_ARRAY ? PIN_OK : misfit(w, path,
	    type == PIN_ARRAY ? "expected scalar, got a list" :
	    "expected scalar, got a map"));
}

int
pin__fields_fit(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *config)
{
	char path[PATH_MAX_LEN + 1] = "";

	return (fit(w, t, config, pin_obj_root(config), path, 0, 0));
}

/* ---- config over an object --------------------------------------------- */

static int merge(struct pin__fwalk *, const struct pin_fields_type *,
    struct pin_obj *, pin_node, const struct pin_obj *, pin_node, int depth);

static int
put(struct pin__fwalk *w, struct pin_obj *o, pin_node n,
    const struct pin_obj *c, pin_node r)
{
	pin_node copy = pin__obj_clone(o, c, r);

	if (copy == 0)
		return (no_memory(w));
	pin__tree_become(o, n, copy);
	return (PIN_OK);
}

static int
merge_map(struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_obj *o, pin_node l, const struct pin_obj *c, pin_node r,
    int depth)
{
	struct pin_fields_type mt;
	struct pin__kindex ix;
	struct pin_str key;
	pin_node n, m;
	int rc = PIN_OK;

	pin__kindex_init(&ix, o, l);
	for (m = pin_obj_first(c, r); m != 0 && rc == PIN_OK;
	    m = pin_obj_next(c, m)) {
		key = pin_obj_key(c, m);
		n = pin__kindex_get(&ix, o, l, key);
		if (n != 0) {
			pin__fwalk_member(w, t, key, &mt);
			rc = merge(w, &mt, o, n, c, m, depth + 1);
			continue;
		}
		n = pin__obj_clone(o, c, m);
		if (n == 0 || !pin__tree_put(o, l, key, n))
			rc = no_memory(w);
		else
			pin__kindex_add(&ix, o, l, n);
	}
	if (ix.failed)
		rc = no_memory(w);
	pin__kindex_fini(&ix);
	return (rc);
}

/* A list being merged: both sides by place, and where to look them up. */
struct zip {
	struct pin__fitem	*l, *r;		/* sorted by identity */
	struct pin__fitem	**lp, **rp;	/* by place */
	uint32_t		 nl, nr;
	pin_node		*out;
	uint32_t		 n;
	unsigned char		*used;		/* r by place: merged */
};

static struct pin__fitem *
lookup(struct pin__fitem *v, uint32_t n, const struct pin__fpe *pe)
{
	uint32_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (pin__fpe_cmp(&v[mid].pe, pe) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo < n && pin__fpe_cmp(&v[lo].pe, pe) == 0 ? &v[lo] : NULL);
}

static int
zip_init(struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node l, const struct pin_obj *c, pin_node r,
    struct zip *z)
{
	uint32_t i;
	int rc;

	memset(z, 0, sizeof(*z));
	rc = pin__fwalk_items(w, t, o, l, &z->l, &z->nl);
	if (rc == PIN_OK)
		rc = pin__fwalk_items(w, t, c, r, &z->r, &z->nr);
	if (rc != PIN_OK)
		return (rc);
	z->lp = pin_arena_alloc(w->m->arena, (z->nl + 1) * sizeof(z->lp[0]));
	z->rp = pin_arena_alloc(w->m->arena, (z->nr + 1) * sizeof(z->rp[0]));
	z->used = pin_arena_zalloc(w->m->arena, z->nr + 1);
	z->out = pin_arena_alloc(w->m->arena, (z->nl + z->nr + 1) *
	    sizeof(z->out[0]));
	if (z->lp == NULL || z->rp == NULL || z->used == NULL ||
	    z->out == NULL)
		return (no_memory(w));
	/* The object's text moves while it is merged into. */
	for (i = 0; i < z->nl; i++) {
		if (pin__fpe_keep(w->m, &z->l[i].pe, &z->l[i].pe) != PIN_OK)
			return (no_memory(w));
		z->lp[z->l[i].pos] = &z->l[i];
	}
	for (i = 0; i < z->nr; i++)
		z->rp[z->r[i].pos] = &z->r[i];
	return (PIN_OK);
}

/* One item of config, merged with its partner; twice on the left: alone. */
static int
zip_right(struct pin__fwalk *w, const struct pin_fields_type *et,
    struct pin_obj *o, const struct pin_obj *c, struct zip *z, uint32_t ri,
    int depth)
{
	struct pin__fitem *r = z->rp[ri];
	struct pin__fitem *l = lookup(z->l, z->nl, &r->pe);
	pin_node n;
	int rc = PIN_OK;

	z->used[ri] = 1;
	if (l != NULL && l + 1 < z->l + z->nl &&
	    pin__fpe_cmp(&l->pe, &l[1].pe) == 0)
		l = NULL;
	if (l != NULL) {
		n = l->n;
		rc = merge(w, et, o, n, c, r->n, depth + 1);
	} else if ((n = pin__obj_clone(o, c, r->n)) == 0)
		rc = no_memory(w);
	z->out[z->n++] = n;
	return (rc);
}

/* The next place at or after `from` whose item is on the left too. */
static uint32_t
next_shared(const struct zip *z, uint32_t from)
{
	while (from < z->nr && lookup(z->l, z->nl, &z->rp[from]->pe) == NULL)
		from++;
	return (from);
}

/* Config's order leads; items it does not know stay where they were between
 * the shared ones. */
static int
merge_list(struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_obj *o, pin_node l, const struct pin_obj *c, pin_node r,
    int depth)
{
	struct pin_fields_type et;
	struct pin__fitem *in_r;
	uint32_t li = 0, ri = 0, shared;
	struct zip z;
	int rc;

	rc = zip_init(w, t, o, l, c, r, &z);
	pin__fwalk_element(w, t, &et);
	shared = rc == PIN_OK ? next_shared(&z, 0) : 0;
	while (rc == PIN_OK && (li < z.nl || ri < z.nr)) {
		in_r = li < z.nl ? lookup(z.r, z.nr, &z.lp[li]->pe) : NULL;
		if (li < z.nl && ri < z.nr) {
			if (in_r == z.rp[ri]) {
				rc = zip_right(w, &et, o, c, &z, ri, depth);
				li++;
				shared = next_shared(&z, shared + 1);
				ri++;
				continue;
			}
			if (in_r != NULL && shared < z.nr &&
			    in_r != z.rp[shared]) {
				li++;
				continue;
			}
		}
		if (li < z.nl && in_r == NULL) {
			z.out[z.n++] = z.lp[li++]->n;
			continue;
		}
		if (li < z.nl && z.used[in_r->pos])
			li++;
		if (ri < z.nr) {
			rc = zip_right(w, &et, o, c, &z, ri, depth);
			if (shared == ri)
				shared = next_shared(&z, shared + 1);
			ri++;
		}
	}
	if (rc == PIN_OK)
		pin__tree_order(o, l, z.out, z.n);
	return (rc);
}

static int
merge(struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_obj *o, pin_node l, const struct pin_obj *c, pin_node r,
    int depth)
{
	int shape = pin__fwalk_shape(t, c, r);
	int want = shape == PIN_FT_LIST ? PIN_ARRAY : PIN_OBJECT;

	if (is_atomic(t, shape, depth))
		return (put(w, o, l, c, r));
	if (pin_obj_type(c, r) != want)		/* null */
		return (pin_obj_type(o, l) == want && pin_obj_count(o, l) >
		    0 ? PIN_OK : put(w, o, l, c, r));
	if (pin_obj_type(o, l) != want || pin_obj_count(o, l) == 0)
		return (put(w, o, l, c, r));
	if (shape == PIN_FT_LIST)
		return (merge_list(w, t, o, l, c, r, depth));
	return (merge_map(w, t, o, l, c, r, depth));
}

int
pin__fields_merge(struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_obj *o, const struct pin_obj *config)
{
	int rc;

	rc = merge(w, t, o, pin_obj_root(o), config, pin_obj_root(config),
	    0);
	if (rc == PIN_OK && pin_obj_failed(o) != PIN_OK)
		rc = no_memory(w);
	return (rc);
}

/* ---- taking paths out --------------------------------------------------- */

static int
drop(struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_obj *o, pin_node n, const struct pin__fset *s, int depth)
{
	int shape = pin__fwalk_shape(t, o, n), rc = PIN_OK;
	struct pin_fields_type ct;
	struct pin__fitem *v = NULL;
	const struct pin__fset *x;
	pin_node c, null;
	uint32_t count, i;

	if (shape == PIN_FT_SCALAR)
		return (PIN_OK);
	if (is_atomic(t, shape, depth))
		pin__tree_clear(o, n);
	else if (shape == PIN_FT_LIST) {
		rc = pin__fwalk_items(w, t, o, n, &v, &count);
		pin__fwalk_element(w, t, &ct);
		for (i = 0; rc == PIN_OK && i < count; i++) {
			x = pin__fset_find(s, &v[i].pe);
			if (x != NULL && x->member)
				pin_obj_remove(o, n, v[i].n);
			else if (x != NULL)
				rc = drop(w, &ct, o, v[i].n, x, depth + 1);
		}
	} else for (x = s->child; rc == PIN_OK && x != NULL; x = x->next) {
		if (x->pe.kind != PIN__PE_FIELD || (c = pin_obj_getn(o, n,
		    x->pe.text.p, x->pe.text.len)) == 0)
			continue;
		pin__fwalk_member(w, t, x->pe.text, &ct);
		if (x->member)
			pin_obj_remove(o, n, c);
		else
			rc = drop(w, &ct, o, c, x, depth + 1);
	}
	if (rc == PIN_OK && depth > 0 && pin_obj_count(o, n) == 0 &&
	    pin_obj_type(o, n) >= PIN_ARRAY) {
		null = pin__obj_node_add(o, PIN_NULL, 0, 0);
		if (null == 0)
			return (no_memory(w));
		pin__tree_become(o, n, null);
	}
	return (rc);
}

int
pin__fields_drop(struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_obj *o, const struct pin__fset *s)
{
	return (s == NULL ? PIN_OK : drop(w, t, o, pin_obj_root(o), s, 0));
}
