/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strategic.c -- strategic merge of maps: "$patch", "$retainKeys", then
 * lists with "$setElementOrder/", then everything else.
 * Pure. Recursion is bounded by PIN_PATCH_DEPTH_MAX. */
#include <string.h>

#include "lib/patch/smp.h"
#include "lib/selector/text.h"

#define DELETE_LIST	"$deleteFromPrimitiveList"
#define ELEMENT_ORDER	"$setElementOrder"

int
pin__smp_no_memory(struct pin__smp *m)
{
	int rc = pin_obj_failed(m->o) != PIN_OK ? pin_obj_failed(m->o) :
	    PIN_ENOMEM;

	return (pin_err_set(m->err, rc, "strategic merge patch: %s",
	    pin_err_text(rc)));
}

static const char *
go_type(struct pin__vref r)
{
	int64_t i;

	switch (pin_obj_type(r.o, r.n)) {
	case PIN_OBJECT:
		return ("map[string]interface {}");
	case PIN_ARRAY:
		return ("[]interface {}");
	case PIN_STRING:
		return ("string");
	case PIN_NUMBER:
		return (pin__go_i64(pin_obj_str(r.o, r.n), &i) ? "int64" :
		    "float64");
	case PIN_TRUE:
	case PIN_FALSE:
		return ("bool");
	default:
		return ("%!s(<nil>)");
	}
}

int
pin__smp_bad_type(struct pin__smp *m, const char *want, struct pin__vref got)
{
	return (pin_err_set(m->err, PIN_EINTERNAL,
	    "expected a %s, but received a %s", want, go_type(got)));
}

int
pin__smp_no_key(struct pin__smp *m, struct pin__vref map, struct pin_str key)
{
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, PIN__SMP_TEXT_MAX);
	pin__go_value(&out, map.o, map.n);
	rc = pin_err_set(m->err, PIN_EINTERNAL, "map: %.*s does not contain "
	    "declared merge key: " PIN_SFMT, (int)out.len, out.p,
	    PIN_SARG(key));
	pin_out_fini(&out);
	return (rc);
}

int
pin__smp_bad_directive(struct pin__smp *m, pin_node map)
{
	struct pin__vref d = { m->p, pin_obj_get(m->p, map, "$patch") };
	struct pin_out out;
	int rc, t = pin_obj_type(d.o, d.n);

	pin_out_init(&out, NULL, PIN__SMP_TEXT_MAX);
	pin_out_cstr(&out, "unknown patch type: ");
	if (t == PIN_NULL)
		pin_out_cstr(&out, "%!s(<nil>)");
	else if (t == PIN_NUMBER || t == PIN_TRUE || t == PIN_FALSE) {
		pin_out_printf(&out, "%%!s(%s=", go_type(d));
		pin__go_value(&out, d.o, d.n);
		pin_out_char(&out, ')');
	} else
		pin__go_value(&out, d.o, d.n);
	pin_out_cstr(&out, " in map: ");
	pin__go_value(&out, m->p, map);
	rc = pin_err_set(m->err, PIN_EINTERNAL, "%.*s", (int)out.len, out.p);
	pin_out_fini(&out);
	return (rc);
}

int
pin__smp_field(struct pin__smp *m, uint32_t type, struct pin_str name,
    int list, struct pin_merge_field *f)
{
	const char *what;
	struct pin_out q;
	int is_struct, rc;

	memset(f, 0, sizeof(*f));
	if (m->schema->lookup(m->schema->ctx, type, name.p, name.len, f)) {
		if (!list || (f->flags & PIN_MERGE_LIST))
			return (PIN_OK);
		return (pin_err_set(m->err, PIN_EINTERNAL,
		    "expected slice or array type, but got: struct"));
	}
	what = m->schema->name(m->schema->ctx, type, &is_struct);
	if (!is_struct)
		return (pin_err_set(m->err, PIN_EINTERNAL, "merging an object "
		    "in json but data type is not struct, instead is: %s",
		    what));
	pin_out_init(&q, NULL, PIN__SMP_TEXT_MAX);
	pin__go_quote(&q, name);
	rc = pin_err_set(m->err, PIN_EINTERNAL, "unable to find api field in "
	    "struct %s for the json field %.*s", what, (int)q.len, q.p);
	pin_out_fini(&q);
	return (rc);
}

/* Removes maps with "$patch" below top. */
static void
strip(struct pin_obj *o, pin_node top)
{
	pin_node n, c;

	for (n = top; n != 0; n = pin__tree_next(o, top, n)) {
		if (pin_obj_type(o, n) < PIN_ARRAY)
			continue;
		for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c))
			if (pin_obj_get(o, c, "$patch") != 0)
				pin_obj_remove(o, n, c);
	}
}

pin_node
pin__smp_take(struct pin__smp *m, pin_node src, int prune, int *drop)
{
	pin_node n = pin__obj_clone(m->o, m->p, src);

	*drop = 0;
	if (n == 0)
		return (0);
	if (prune)
		pin__tree_prune(m->o, n);
	*drop = pin_obj_get(m->o, n, "$patch") != 0;
	strip(m->o, n);
	return (n);
}

/* ---- directives of a whole map ---------------------------------------- */

static int
whole_map(struct pin__smp *m, pin_node dst, pin_node src)
{
	pin_node d = pin_obj_get(m->p, src, "$patch"), n;
	struct pin_str what = pin_obj_str(m->p, d);

	if (pin_obj_type(m->p, d) != PIN_STRING ||
	    (!pin_str_is(what, "replace") && !pin_str_is(what, "delete")))
		return (pin__smp_bad_directive(m, src));
	n = pin_str_is(what, "delete") ?
	    pin__obj_node_add(m->o, PIN_OBJECT, 0, 0) :
	    pin__obj_clone(m->o, m->p, src);
	if (n == 0)
		return (pin__smp_no_memory(m));
	(void)pin_obj_unset(m->o, n, "$patch");
	pin__tree_become(m->o, dst, n);
	return (PIN_OK);
}

static int
in_list(const struct pin__vindex *x, struct pin_str key)
{
	uint32_t i;

	/* Keys are no nodes, so this cannot use the table of values. */
	for (i = 0; i < x->n; i++)
		if (pin_obj_type(x->v[i].o, x->v[i].n) == PIN_STRING &&
		    pin_str_eq(pin_obj_str(x->v[i].o, x->v[i].n), key))
			return (1);
	return (0);
}

static int
retain_checked(struct pin__smp *m, pin_node dst, pin_node src,
    const struct pin__vindex *x)
{
	struct pin_str key;
	pin_node c;

	for (c = pin_obj_first(m->p, src); c != 0;
	    c = pin_obj_next(m->p, c)) {
		key = pin_obj_key(m->p, c);
		if (pin_str_is(key, "$retainKeys") ||
		    pin_obj_type(m->p, c) == PIN_NULL ||
		    pin_str_prefix(key, DELETE_LIST) ||
		    pin_str_prefix(key, ELEMENT_ORDER))
			continue;
		if (!in_list(x, key))
			return (pin_err_set(m->err, PIN_EINVAL,
			    "invalid patch format of retainKeys"));
	}
	for (c = pin_obj_first(m->o, dst); c != 0; c = pin_obj_next(m->o, c))
		if (!in_list(x, pin_obj_key(m->o, c)))
			pin_obj_remove(m->o, dst, c);
	return (PIN_OK);
}

/* "$retainKeys" lists every field that may stay. */
static int
retain(struct pin__smp *m, pin_node dst, pin_node src)
{
	pin_node list = pin_obj_get(m->p, src, "$retainKeys"), c;
	struct pin__vindex x;
	int rc;

	if (list == 0)
		return (PIN_OK);
	if (pin_obj_type(m->p, list) != PIN_ARRAY)
		return (pin_err_set(m->err, PIN_EINVAL,
		    "invalid patch format of retainKeys"));
	pin__vindex_init(&x);
	for (c = pin_obj_first(m->p, list); c != 0;
	    c = pin_obj_next(m->p, c)) {
		struct pin__vref r = { m->p, c };

		if (pin__vindex_find(&x, r) < 0)
			pin__vindex_add(&x, r);
		if (x.n > PIN_PATCH_OPS_MAX)
			break;
	}
	if (x.failed)
		rc = pin__smp_no_memory(m);
	else if (x.n > PIN_PATCH_OPS_MAX)
		rc = pin_err_set(m->err, PIN_ELIMIT, "$retainKeys: more than "
		    "%d fields", PIN_PATCH_OPS_MAX);
	else
		rc = retain_checked(m, dst, src, &x);
	pin__vindex_fini(&x);
	return (rc);
}

/* ---- members ---------------------------------------------------------- */

struct map {
	pin_node		dst, src;
	uint32_t		type;
	int			depth;
	int			ordered;	/* "$setElementOrder" seen */
	struct pin__kindex	dx, sx;
};

/* The list name behind "$prefix/"; refuses "$prefix" without it. */
static int
list_name(struct pin__smp *m, struct pin_str key, const char *prefix,
    const char *words, struct pin_str *name)
{
	size_t len = strlen(prefix);

	if (key.len <= len || key.p[len] != '/')
		return (pin_err_set(m->err, PIN_EINVAL,
		    "invalid patch format of %s", words));
	name->p = key.p + len + 1;
	name->len = key.len - len - 1;
	return (PIN_OK);
}

static int
order_list(struct pin__smp *m, struct map *w, pin_node order)
{
	struct pin_str name;
	struct pin_merge_field f;
	pin_node dst, src;
	int rc, was;

	if (pin_obj_type(m->p, order) != PIN_ARRAY)
		return (pin__smp_bad_type(m, "[]interface {}",
		    (struct pin__vref){ m->p, order }));
	rc = list_name(m, pin_obj_key(m->p, order), ELEMENT_ORDER,
	    "setElementOrder list", &name);
	if (rc != PIN_OK)
		return (rc);
	dst = pin__kindex_get(&w->dx, m->o, w->dst, name);
	src = pin__kindex_get(&w->sx, m->p, w->src, name);
	if (dst != 0 && pin_obj_type(m->o, dst) != PIN_ARRAY)
		return (pin__smp_bad_type(m, "[]interface {}",
		    (struct pin__vref){ m->o, dst }));
	if (src != 0 && pin_obj_type(m->p, src) != PIN_ARRAY)
		return (pin__smp_bad_type(m, "[]interface {}",
		    (struct pin__vref){ m->p, src }));
	rc = pin__smp_field(m, w->type, name, 1, &f);
	if (rc != PIN_OK)
		return (rc);
	was = dst != 0;
	if (!was && src != 0) {
		dst = pin__obj_node_add(m->o, PIN_ARRAY, 0, 0);
		if (!pin__tree_put(m->o, w->dst, name, dst))
			return (pin__smp_no_memory(m));
		pin__kindex_add(&w->dx, m->o, w->dst, dst);
	}
	return (pin__smp_ordered(m, dst, was, src, order, &f, w->depth));
}

static int
order_lists(struct pin__smp *m, struct map *w)
{
	pin_node c;
	int rc = PIN_OK;

	for (c = pin_obj_first(m->p, w->src); c != 0 && rc == PIN_OK;
	    c = pin_obj_next(m->p, c)) {
		if (!pin_str_prefix(pin_obj_key(m->p, c), ELEMENT_ORDER))
			continue;
		w->ordered = 1;
		rc = order_list(m, w, c);
	}
	return (rc);
}

/* Was this list merged together with its "$setElementOrder/"? */
static int
done_before(struct pin__smp *m, const struct map *w, struct pin_str key)
{
	struct pin_out full;
	pin_node n;

	if (!w->ordered)
		return (0);
	pin_out_init(&full, NULL, sizeof(ELEMENT_ORDER) + key.len);
	pin_out_cstr(&full, ELEMENT_ORDER "/");
	pin_out_str(&full, key);
	n = full.failed ? 0 : pin__kindex_get(&w->sx, m->p, w->src,
	    (struct pin_str){ full.p, full.len });
	pin_out_fini(&full);
	return (n != 0);
}

static void
remove_member(struct pin__smp *m, struct map *w, pin_node n)
{
	pin__kindex_del(&w->dx, m->o, n);
	pin_obj_remove(m->o, w->dst, n);
}

/* The member becomes the patch's value, directives and nulls taken out. */
static int
assign(struct pin__smp *m, struct map *w, struct pin_str key, pin_node dst,
    pin_node src)
{
	pin_node n;
	int drop;

	n = pin__smp_take(m, src, 1, &drop);
	if (n == 0)
		return (pin__smp_no_memory(m));
	if (drop) {
		if (dst != 0)
			remove_member(m, w, dst);
		return (PIN_OK);
	}
	if (dst != 0) {
		pin__tree_become(m->o, dst, n);
		return (PIN_OK);
	}
	if (!pin__tree_put(m->o, w->dst, key, n))
		return (pin__smp_no_memory(m));
	pin__kindex_add(&w->dx, m->o, w->dst, n);
	return (w->dx.failed ? pin__smp_no_memory(m) : PIN_OK);
}

static int
replace(struct pin__smp *m, pin_node dst, pin_node src)
{
	pin_node n = pin__obj_clone(m->o, m->p, src);

	if (n == 0)
		return (pin__smp_no_memory(m));
	pin__tree_become(m->o, dst, n);
	return (PIN_OK);
}

static int
member(struct pin__smp *m, struct map *w, pin_node src)
{
	struct pin_str key = pin_obj_key(m->p, src);
	struct pin_merge_field f;
	int rc, is_delete, ts = pin_obj_type(m->p, src), td;
	pin_node dst;

	is_delete = pin_str_prefix(key, DELETE_LIST);
	if (is_delete && (rc = list_name(m, key, DELETE_LIST,
	    "primitive list", &key)) != PIN_OK)
		return (rc);
	dst = pin__kindex_get(&w->dx, m->o, w->dst, key);
	td = pin_obj_type(m->o, dst);
	if (ts == PIN_NULL) {
		if (dst != 0)
			remove_member(m, w, dst);
		return (PIN_OK);
	}
	if (dst == 0 || ts != td || ts < PIN_ARRAY)
		return (is_delete && (dst == 0 || ts != td) ? PIN_OK :
		    assign(m, w, key, dst, src));
	rc = pin__smp_field(m, w->type, key, ts == PIN_ARRAY, &f);
	if (rc != PIN_OK)
		return (rc);
	if (ts == PIN_OBJECT)
		return (f.flags & PIN_MERGE_REPLACE ?
		    replace(m, dst, src) :
		    pin__smp_map(m, dst, src, f.type, w->depth + 1));
	if (!(f.flags & PIN_MERGE_MERGE) && !is_delete)
		return (replace(m, dst, src));
	return (pin__smp_list(m, dst, src, &f, is_delete, w->depth + 1));
}

int
pin__smp_map(struct pin__smp *m, pin_node dst, pin_node src, uint32_t type,
    int depth)
{
	struct map w = { .dst = dst, .src = src, .type = type,
	    .depth = depth };
	struct pin_str key;
	pin_node c;
	int rc;

	if (depth > PIN_PATCH_DEPTH_MAX)
		return (pin_err_set(m->err, PIN_ELIMIT, "strategic merge "
		    "patch: nested deeper than %d", PIN_PATCH_DEPTH_MAX));
	if (pin_obj_get(m->p, src, "$patch") != 0)
		return (whole_map(m, dst, src));
	rc = retain(m, dst, src);
	if (rc != PIN_OK)
		return (rc);
	pin__kindex_init(&w.dx, m->o, dst);
	pin__kindex_init(&w.sx, m->p, src);
	if (w.dx.failed || w.sx.failed)
		rc = pin__smp_no_memory(m);
	if (rc == PIN_OK)
		rc = order_lists(m, &w);
	for (c = pin_obj_first(m->p, src); c != 0 && rc == PIN_OK;
	    c = pin_obj_next(m->p, c)) {
		key = pin_obj_key(m->p, c);
		if (pin_str_is(key, "$retainKeys") ||
		    pin_str_prefix(key, ELEMENT_ORDER) ||
		    done_before(m, &w, key))
			continue;
		rc = member(m, &w, c);
	}
	pin__kindex_fini(&w.dx);
	pin__kindex_fini(&w.sx);
	return (rc);
}

int
pin_strategic_patch(struct pin_obj *doc, const struct pin_obj *patch,
    const struct pin_merge_schema *schema, uint32_t type,
    struct pin_err *err)
{
	struct pin__smp m = { .o = doc, .schema = schema, .err = err };
	int t = pin_obj_type(patch, pin_obj_root(patch)), rc;
	struct pin_obj *own;

	if (t == PIN_NULL)
		return (PIN_OK);
	if (t != PIN_OBJECT)
		return (pin_err_set(err, PIN_EINVAL, "json: cannot unmarshal "
		    "%s into Go value of type map[string]interface {}",
		    pin__go_kind(t)));
	if (pin_obj_type(doc, pin_obj_root(doc)) != PIN_OBJECT)
		return (pin_err_set(err, PIN_EINVAL,
		    "invalid JSON document"));
	rc = pin__dup_clean(patch, &m.p, &own, err);
	if (rc != PIN_OK)
		return (rc);
	rc = pin__smp_map(&m, pin_obj_root(doc), pin_obj_root(m.p), type, 0);
	if (rc == PIN_OK && pin_obj_failed(doc) != PIN_OK)
		rc = pin__smp_no_memory(&m);
	pin_obj_free(&own);
	return (rc);
}
