/* SPDX-License-Identifier: BSD-2-Clause
 *
 * walk.c -- types of members, identities of list items.
 * Pure. */
#include <stdlib.h>
#include <string.h>

#include "lib/fields/walk.h"
#include "lib/patch/tree.h"

#define KEYS_MAX	8	/* of one associative list */

int
pin__fwalk_shape(const struct pin_fields_type *t, const struct pin_obj *o,
    pin_node n)
{
	if (t->kind == PIN_FT_STRUCT)
		return (PIN_FT_MAP);
	if (t->kind != PIN_FT_ANY)
		return (t->kind);
	switch (pin_obj_type(o, n)) {
	case PIN_ARRAY:
		return (PIN_FT_LIST);
	case PIN_OBJECT:
	case PIN_NULL:
	case PIN_ABSENT:
		return (PIN_FT_MAP);
	default:
		return (PIN_FT_SCALAR);
	}
}

void
pin__fwalk_member(const struct pin__fwalk *w, const struct pin_fields_type *t,
    struct pin_str name, struct pin_fields_type *out)
{
	static const struct pin_fields_type any = { 0, PIN_FT_ANY,
	    PIN_FT_GRANULAR, 0, NULL };

	if (t->kind == PIN_FT_MAP)
		w->schema->element(w->schema->ctx, t, out);
	else if (t->kind != PIN_FT_STRUCT || !w->schema->field(
	    w->schema->ctx, t, name.p, name.len, out))
		*out = any;
}

void
pin__fwalk_element(const struct pin__fwalk *w,
    const struct pin_fields_type *t, struct pin_fields_type *out)
{
	w->schema->element(w->schema->ctx, t, out);
}

/* Does the path end in `name` below `up`, with exactly these segments? */
static int
path_is(struct pin_str path, const struct pin__fstep *up, struct pin_str name)
{
	for (;;) {
		if (name.len == 0 || path.len < name.len ||
		    memcmp(path.p + path.len - name.len, name.p,
		    name.len) != 0)
			return (0);
		path.len -= name.len;
		if (path.len == 0)
			return (up->up == NULL);
		if (path.p[path.len - 1] != '.' || up->up == NULL)
			return (0);
		path.len--;
		name = up->name;
		up = up->up;
	}
}

int
pin__fwalk_reset(const struct pin__fwalk *w, const struct pin__fstep *up,
    struct pin_str name)
{
	uint32_t i;

	for (i = 0; i < w->nreset; i++)
		if (path_is(w->reset[i], up, name))
			return (1);
	return (0);
}

int
pin__fwalk_stripped(const struct pin__fstep *up, struct pin_str name)
{
	static const char *const meta[] = { "name", "namespace",
	    "creationTimestamp", "selfLink", "uid", "clusterName",
	    "generation", "managedFields", "resourceVersion" };
	size_t i;

	if (up->up == NULL)
		return (pin_str_is(name, "apiVersion") ||
		    pin_str_is(name, "kind") || pin_str_is(name, "metadata"));
	if (up->up->up != NULL || !pin_str_is(up->name, "metadata"))
		return (0);
	for (i = 0; i < PIN_LEN(meta); i++)
		if (pin_str_is(name, meta[i]))
			return (1);
	return (0);
}

/* ---- list items ------------------------------------------------------- */

static int
bad_item(const struct pin__fwalk *w, uint32_t pos, const char *what)
{
	return (pin_err_set(w->err, PIN_EINVAL, "element %u: %s", pos, what));
}

static int
no_memory(const struct pin__fwalk *w)
{
	w->m->failed = 1;
	return (pin_err_set(w->err, PIN_ENOMEM, "managedFields: no memory"));
}

static void
put_value(struct pin_out *out, const struct pin_obj *o, pin_node n)
{
	switch (pin_obj_type(o, n)) {
	case PIN_STRING:
		pin_json_quote(out, pin_obj_str(o, n));
		break;
	case PIN_NUMBER:
		pin_out_str(out, pin_obj_str(o, n));
		break;
	default:
		pin_obj_write(o, n, out);
		break;
	}
}

/* The default of a key is JSON; it is parsed where it is needed. */
static int
default_value(const struct pin__fwalk *w, const struct pin_fields_key *k,
    struct pin__fval *v)
{
	struct pin_obj *o;
	int rc;

	rc = pin_obj_parse(w->m->arena, k->dflt.p, k->dflt.len, &o, w->err);
	if (rc == PIN_OK)
		pin__fval_of(o, pin_obj_root(o), v);
	return (rc);
}

static int
keyed_item(const struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, struct pin__fitem *it, struct pin_out *out)
{
	const struct pin_fields_key *k;
	struct pin__fval val[KEYS_MAX];
	uint32_t i, n = 0;
	pin_node c;

	if (pin_obj_type(o, it->n) == PIN_NULL)
		return (bad_item(w, it->pos, "associative list with keys may "
		    "not have a null element"));
	if (pin_obj_type(o, it->n) != PIN_OBJECT)
		return (bad_item(w, it->pos, "associative list with keys may "
		    "not have non-map elements"));
	for (i = 0; i < t->nkeys && n < KEYS_MAX; i++) {
		k = &t->keys[i];
		c = pin_obj_getn(o, it->n, k->name.p, k->name.len);
		if (c == 0 && k->dflt.len == 0)
			continue;
		pin_out_char(out, n == 0 ? '{' : ',');
		pin_json_quote(out, k->name);
		pin_out_char(out, ':');
		if (c != 0) {
			put_value(out, o, c);
			pin__fval_of(o, c, &val[n]);
		} else {
			pin_out_str(out, k->dflt);
			if (default_value(w, k, &val[n]) != PIN_OK)
				return (w->err != NULL ? w->err->code :
				    PIN_EINVAL);
		}
		val[n++].name = k->name;
	}
	if (n == 0)
		return (bad_item(w, it->pos, "associative list with keys has "
		    "an element that omits all key fields"));
	pin_out_char(out, '}');
	it->pe.n = n;
	it->pe.val = pin_arena_alloc(w->m->arena, n * sizeof(*it->pe.val));
	if (it->pe.val == NULL)
		return (no_memory(w));
	memcpy(it->pe.val, val, n * sizeof(*it->pe.val));
	return (PIN_OK);
}

static int
set_item(const struct pin__fwalk *w, const struct pin_obj *o,
    struct pin__fitem *it, struct pin_out *out)
{
	switch (pin_obj_type(o, it->n)) {
	case PIN_OBJECT:
		return (bad_item(w, it->pos, "associative list without keys "
		    "has an element that's a map type"));
	case PIN_ARRAY:
		return (bad_item(w, it->pos, "not supported: associative list "
		    "with lists as elements"));
	case PIN_NULL:
		return (bad_item(w, it->pos, "associative list without keys "
		    "has an element that's an explicit null"));
	default:
		break;
	}
	put_value(out, o, it->n);
	it->pe.n = 1;
	it->pe.val = pin_arena_zalloc(w->m->arena, sizeof(*it->pe.val));
	if (it->pe.val == NULL)
		return (no_memory(w));
	pin__fval_of(o, it->n, it->pe.val);
	return (PIN_OK);
}

static int
item_cmp(const void *a, const void *b)
{
	const struct pin__fitem *l = a, *r = b;
	int c = pin__fpe_cmp(&l->pe, &r->pe);

	return (c != 0 ? c : l->pos < r->pos ? -1 : 1);
}

static void
sort_items(struct pin__fitem *v, uint32_t n)
{
	struct pin__fitem t;
	uint32_t i, j;

	if (n > 16) {
		qsort(v, n, sizeof(*v), item_cmp);
		return;
	}
	for (i = 1; i < n; i++)
		for (j = i; j > 0 && item_cmp(&v[j], &v[j - 1]) < 0; j--) {
			t = v[j];
			v[j] = v[j - 1];
			v[j - 1] = t;
		}
}

int
pin__fwalk_items(const struct pin__fwalk *w, const struct pin_fields_type *t,
    const struct pin_obj *o, pin_node list, struct pin__fitem **items,
    uint32_t *count)
{
	uint32_t n = pin_obj_count(o, list), i = 0;
	struct pin__fitem *v;
	struct pin_out out;
	size_t from;
	pin_node c;
	int rc = PIN_OK;

	PIN_ASSERT(t->nkeys <= KEYS_MAX);
	*items = NULL;
	*count = n;
	if (n == 0)
		return (PIN_OK);
	v = pin_arena_zalloc(w->m->arena, n * sizeof(*v));
	if (v == NULL)
		return (no_memory(w));
	pin_out_init(&out, w->m->arena, PIN_OBJ_TEXT_MAX);
	for (c = pin_obj_first(o, list); c != 0 && rc == PIN_OK;
	    c = pin_obj_next(o, c), i++) {
		v[i].n = c;
		v[i].pos = i;
		v[i].pe.kind = t->relation == PIN_FT_KEYED ? PIN__PE_KEY :
		    PIN__PE_VALUE;
		from = out.len;
		rc = t->relation == PIN_FT_KEYED ?
		    keyed_item(w, t, o, &v[i], &out) :
		    set_item(w, o, &v[i], &out);
		if (rc == PIN_OK && out.failed)
			rc = no_memory(w);
		v[i].pe.text.len = out.len - from;
	}
	if (rc != PIN_OK)
		return (rc);
	/* All texts lie in one string, which has stopped moving. */
	for (i = 0, from = 0; i < n; i++) {
		v[i].pe.text.p = out.p + from;
		from += v[i].pe.text.len;
	}
	sort_items(v, n);
	*items = v;
	return (PIN_OK);
}
