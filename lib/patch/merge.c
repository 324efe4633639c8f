/* SPDX-License-Identifier: BSD-2-Clause
 *
 * merge.c -- merge patch, RFC 7386.
 * Pure; keeps its own stack, one entry per level of the patch. */
#include <stdlib.h>

#include "lib/patch/patch.h"
#include "lib/patch/tree.h"

struct frame {
	struct pin__kindex	ix;
	pin_node		dst;
	pin_node		cur;	/* next member of the patch */
};

struct merge {
	struct pin_obj		*o;
	const struct pin_obj	*p;
	struct frame		*f;
	uint32_t		 n, cap;
};

static int
push(struct merge *m, pin_node dst, pin_node src)
{
	struct frame *f;
	uint32_t cap;

	if (m->n == m->cap) {
		cap = m->cap == 0 ? 16 : m->cap * 2;
		f = realloc(m->f, cap * sizeof(*f));
		if (f == NULL)
			return (PIN_ENOMEM);
		m->f = f;
		m->cap = cap;
	}
	f = &m->f[m->n++];
	f->dst = dst;
	f->cur = pin_obj_first(m->p, src);
	pin__kindex_init(&f->ix, m->o, dst);
	return (f->ix.failed ? PIN_ENOMEM : PIN_OK);
}

/* A copy without null members: what is new takes the patch at its word. */
static pin_node
pruned(struct merge *m, pin_node src)
{
	pin_node n = pin__obj_clone(m->o, m->p, src);

	if (n != 0)
		pin__tree_prune(m->o, n);
	return (n);
}

static int
member(struct merge *m, struct frame *f, pin_node src)
{
	struct pin_str key = pin_obj_key(m->p, src);
	pin_node t = pin__kindex_get(&f->ix, m->o, f->dst, key), n;
	int type = pin_obj_type(m->p, src);

	if (type == PIN_NULL) {
		if (t != 0) {
			pin__kindex_del(&f->ix, m->o, t);
			pin_obj_remove(m->o, f->dst, t);
		}
		return (PIN_OK);
	}
	if (pin_obj_type(m->o, t) == PIN_OBJECT && type == PIN_OBJECT)
		return (push(m, t, src));
	/* A list over an object keeps its nulls, as in the reference. */
	n = pin_obj_type(m->o, t) == PIN_OBJECT ?
	    pin__obj_clone(m->o, m->p, src) : pruned(m, src);
	if (n == 0)
		return (PIN_ENOMEM);
	if (t != 0) {
		pin__tree_become(m->o, t, n);
		return (PIN_OK);
	}
	if (!pin__tree_put(m->o, f->dst, key, n))
		return (PIN_ENOMEM);
	pin__kindex_add(&f->ix, m->o, f->dst, n);
	return (f->ix.failed ? PIN_ENOMEM : PIN_OK);
}

static int
run(struct merge *m)
{
	struct frame *f;
	pin_node src;
	int rc;

	rc = push(m, pin_obj_root(m->o), pin_obj_root(m->p));
	while (rc == PIN_OK && m->n > 0) {
		f = &m->f[m->n - 1];
		src = f->cur;
		if (src == 0) {
			pin__kindex_fini(&f->ix);
			m->n--;
			continue;
		}
		f->cur = pin_obj_next(m->p, src);
		rc = member(m, f, src);
	}
	while (m->n > 0)
		pin__kindex_fini(&m->f[--m->n].ix);
	free(m->f);
	return (rc);
}

int
pin_merge_patch(struct pin_obj *doc, const struct pin_obj *patch,
    struct pin_err *err)
{
	struct merge m = { .o = doc };
	int t = pin_obj_type(patch, pin_obj_root(patch));
	struct pin_obj *own;
	int rc;

	if (t == PIN_NULL)
		return (pin_err_set(err, PIN_EINVAL, "Invalid JSON Patch"));
	if (t != PIN_OBJECT)
		return (pin_err_set(err, PIN_EINVAL, "error decoding patch: "
		    "json: cannot unmarshal %s into Go value of type "
		    "map[string]interface {}", pin__go_kind(t)));
	if (pin_obj_type(doc, pin_obj_root(doc)) != PIN_OBJECT)
		return (pin_err_set(err, PIN_EINVAL,
		    "Invalid JSON Document"));
	rc = pin__dup_clean(patch, &m.p, &own, err);
	if (rc != PIN_OK)
		return (rc);
	rc = run(&m);
	pin_obj_free(&own);
	if (rc == PIN_OK)
		rc = pin_obj_failed(doc);
	else if (pin_obj_failed(doc) != PIN_OK)
		rc = pin_obj_failed(doc);
	if (rc != PIN_OK)
		return (pin_err_set(err, rc, "merge patch: %s",
		    pin_err_text(rc)));
	return (PIN_OK);
}
