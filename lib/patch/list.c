/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list.c -- strategic merge of lists.
 *
 *	order of the result = the patch's items in the order the patch (or
 *	"$setElementOrder/") gives them, and between them the server's own
 *	items, each before the first patch item that stood behind it.
 *
 * Pure. The document's items are merged where they are; only the links of
 * the list are written anew at the end. */
#include <stdlib.h>
#include <string.h>

#include "lib/patch/smp.h"
#include "lib/selector/text.h"

#define SMALL_SORT	20	/* the reference inserts up to here */

enum kind {
	KIND_NONE, KIND_MAP, KIND_LIST, KIND_STRING, KIND_INT, KIND_FLOAT,
	KIND_BOOL, KIND_NULL,
};

static struct pin__vref
doc(const struct pin__smp *m, pin_node n)
{
	struct pin__vref r = { m->o, n };

	return (r);
}

static struct pin__vref
pat(const struct pin__smp *m, pin_node n)
{
	struct pin__vref r = { m->p, n };

	return (r);
}

/* What identifies an item: its merge key, or itself. */
static struct pin__vref
ident(struct pin__vref item, struct pin_str key)
{
	if (key.len > 0)
		item.n = pin_obj_getn(item.o, item.n, key.p, key.len);
	return (item);
}

/* ---- slices ----------------------------------------------------------- */

static void
list_fini(struct pin__list *l)
{
	if (!l->borrowed)
		free(l->v);
	memset(l, 0, sizeof(*l));
}

static int
list_add(struct pin__list *l, pin_node n)
{
	pin_node *v;
	uint32_t cap;

	if (l->n == l->cap) {
		cap = l->cap < 8 ? 16 : l->cap * 2;
		v = malloc(cap * sizeof(*v));
		if (v == NULL)
			return (PIN_ENOMEM);
		if (l->n > 0)
			memcpy(v, l->v, l->n * sizeof(*v));
		if (!l->borrowed)
			free(l->v);
		l->v = v;
		l->cap = cap;
		l->borrowed = 0;
	}
	l->v[l->n++] = n;
	return (PIN_OK);
}

/* Exactly the children of an array: full, so an add makes a new one. */
static int
list_of(struct pin__list *l, const struct pin_obj *o, pin_node array)
{
	pin_node c;

	memset(l, 0, sizeof(*l));
	l->cap = pin_obj_count(o, array);
	if (l->cap == 0)
		return (PIN_OK);
	l->v = malloc(l->cap * sizeof(*l->v));
	if (l->v == NULL)
		return (PIN_ENOMEM);
	for (c = pin_obj_first(o, array); c != 0; c = pin_obj_next(o, c))
		l->v[l->n++] = c;
	return (PIN_OK);
}

/* ---- element types ---------------------------------------------------- */

static enum kind
kind_of(struct pin__vref r)
{
	int64_t i;

	switch (pin_obj_type(r.o, r.n)) {
	case PIN_OBJECT:
		return (KIND_MAP);
	case PIN_ARRAY:
		return (KIND_LIST);
	case PIN_STRING:
		return (KIND_STRING);
	case PIN_NUMBER:
		return (pin__go_i64(pin_obj_str(r.o, r.n), &i) ? KIND_INT :
		    KIND_FLOAT);
	case PIN_NULL:
		return (KIND_NULL);
	default:
		return (KIND_BOOL);
	}
}

static void
print_items(struct pin_out *out, const struct pin_obj *o, const pin_node *v,
    uint32_t n)
{
	uint32_t i;

	pin_out_char(out, '[');
	for (i = 0; i < n && !out->failed; i++) {
		if (i > 0)
			pin_out_char(out, ' ');
		pin__go_value(out, o, v[i]);
	}
	pin_out_char(out, ']');
}

static int
mixed(struct pin__smp *m, const struct pin__list *l,
    const struct pin__list *r)
{
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, PIN__SMP_TEXT_MAX);
	pin_out_char(&out, '[');
	print_items(&out, m->o, l->v, l->n);
	pin_out_char(&out, ' ');
	print_items(&out, m->p, r->v, r->n);
	pin_out_char(&out, ']');
	rc = pin_err_set(m->err, PIN_EINTERNAL,
	    "list element types are not identical: %.*s", (int)out.len,
	    out.p);
	pin_out_fini(&out);
	return (rc);
}

/* All items of both sides must be of one kind. */
static int
element_kind(struct pin__smp *m, const struct pin__list *l,
    const struct pin__list *r, enum kind *kind)
{
	uint32_t i;
	enum kind k;

	*kind = KIND_NONE;
	for (i = 0; i < l->n + r->n; i++) {
		k = kind_of(i < l->n ? doc(m, l->v[i]) :
		    pat(m, r->v[i - l->n]));
		if (*kind == KIND_NONE && k == KIND_LIST)
			return (pin_err_set(m->err, PIN_EINVALID,
			    "lists of lists are not supported"));
		if (*kind == KIND_NONE && k == KIND_NULL)
			return (pin_err_set(m->err, PIN_EINTERNAL,
			    "list element 0 is null"));
		if (*kind != KIND_NONE && k != *kind)
			return (mixed(m, l, r));
		*kind = k;
	}
	if (*kind == KIND_NONE)
		return (pin_err_set(m->err, PIN_EINTERNAL,
		    "no elements in any of the given slices"));
	return (PIN_OK);
}

/* ---- order ------------------------------------------------------------ */

struct spot {
	pin_node	n;
	uint32_t	was;
	int64_t		pos;	/* in the order, -1: not in it */
};

static int
spot_cmp(const void *a, const void *b)
{
	const struct spot *l = a, *r = b;

	if (l->pos != r->pos)
		return (l->pos < r->pos ? -1 : 1);
	return (l->was < r->was ? -1 : 1);
}

/* The comparison is none where an item is not in the order: "less" is then
 * always true, so a short list is sorted exactly as the reference does. */
static void
sort_spots(struct spot *s, uint32_t n)
{
	struct spot t;
	uint32_t i, j;

	if (n > SMALL_SORT) {
		qsort(s, n, sizeof(*s), spot_cmp);
		return;
	}
	for (i = 1; i < n; i++)
		for (j = i; j > 0 && (s[j].pos < 0 || s[j - 1].pos < 0 ||
		    s[j].pos < s[j - 1].pos); j--) {
			t = s[j];
			s[j] = s[j - 1];
			s[j - 1] = t;
		}
}

static int
sort_list(struct pin__smp *m, struct pin__list *l,
    const struct pin__vindex *order, struct pin_str key)
{
	struct spot *s;
	uint32_t i;

	if (l->n < 2)
		return (PIN_OK);
	s = malloc(l->n * sizeof(*s));
	if (s == NULL)
		return (PIN_ENOMEM);
	for (i = 0; i < l->n; i++) {
		s[i].n = l->v[i];
		s[i].was = i;
		s[i].pos = pin__vindex_find(order, ident(doc(m, l->v[i]),
		    key));
	}
	sort_spots(s, l->n);
	for (i = 0; i < l->n; i++)
		l->v[i] = s[i].n;
	free(s);
	return (PIN_OK);
}

/* Weaves the server's items into the patch's. */
static int
weave(struct pin__smp *m, const struct pin__list *own,
    const struct pin__list *patch, const struct pin__vindex *server,
    struct pin_str key, struct pin__list *out)
{
	uint32_t i = 0, j = 0;
	int64_t a, b;
	int rc = PIN_OK;

	while (rc == PIN_OK && (i < own->n || j < patch->n)) {
		if (i == own->n || j == patch->n) {
			rc = list_add(out, i < own->n ? own->v[i++] :
			    patch->v[j++]);
			continue;
		}
		a = pin__vindex_find(server, ident(doc(m, own->v[i]), key));
		b = pin__vindex_find(server, ident(doc(m, patch->v[j]),
		    key));
		rc = list_add(out, a >= 0 && b >= 0 && a < b ? own->v[i++] :
		    patch->v[j++]);
	}
	return (rc);
}

/* Every item of a list of maps must be a map and have the key. */
static int
need_keys(struct pin__smp *m, const struct pin_obj *o, const pin_node *v,
    uint32_t n, struct pin_str key)
{
	struct pin__vref r;
	uint32_t i;

	for (i = 0; i < n; i++) {
		r = (struct pin__vref){ o, v[i] };
		if (pin_obj_type(o, v[i]) != PIN_OBJECT)
			return (pin__smp_bad_type(m,
			    "map[string]interface {}", r));
		if (key.len == 0 || ident(r, key).n == 0)
			return (pin__smp_no_key(m, r, key));
	}
	return (PIN_OK);
}

/* Without a merge key only scalars can be told apart. */
static int
need_scalars(struct pin__smp *m, const struct pin_obj *o, const pin_node *v,
    uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (pin_obj_type(o, v[i]) >= PIN_ARRAY)
			return (pin_err_set(m->err, PIN_EINTERNAL, "element "
			    "%u of a list without merge key is not a scalar",
			    i));
	return (PIN_OK);
}

static void
index_list(struct pin__vindex *x, const struct pin_obj *o,
    const struct pin__list *l, struct pin_str key)
{
	uint32_t i;

	pin__vindex_init(x);
	for (i = 0; i < l->n; i++)
		pin__vindex_add(x, ident((struct pin__vref){ o, l->v[i] },
		    key));
}

/* Which of `merged` the order names, and which it does not. */
static int
part(struct pin__smp *m, const struct pin__list *merged,
    const struct pin__list *order, const struct pin__vindex *ox,
    struct pin_str key, struct pin__list *in, struct pin__list *outside)
{
	uint32_t i, bad;
	int64_t pos;
	int rc;

	for (bad = 0; bad < order->n && (key.len == 0 ||
	    pin_obj_type(m->p, order->v[bad]) == PIN_OBJECT); bad++)
		;
	rc = key.len > 0 ? need_keys(m, m->o, merged->v, merged->n, key) :
	    need_scalars(m, m->p, order->v, order->n);
	if (rc == PIN_OK && key.len == 0)
		rc = need_scalars(m, m->o, merged->v, merged->n);
	if (rc != PIN_OK)
		return (rc);
	for (i = 0; i < merged->n; i++) {
		pos = pin__vindex_find(ox, ident(doc(m, merged->v[i]), key));
		if (bad < order->n && (pos < 0 || pos > (int64_t)bad))
			return (pin_err_set(m->err, PIN_EINTERNAL,
			    "value for key %u is not a map", bad));
		if (list_add(pos < 0 ? outside : in, merged->v[i]) != PIN_OK)
			return (pin__smp_no_memory(m));
	}
	return (PIN_OK);
}

/* Orders `merged`: by `order` (of the patch) what it names, the rest by the
 * server's order. */
static int
arrange(struct pin__smp *m, const struct pin__list *merged,
    const struct pin__list *order, const struct pin__list *server,
    struct pin_str key, enum kind kind, struct pin__list *out)
{
	struct pin__list in = { NULL, 0, 0, 0 }, rest = { NULL, 0, 0, 0 };
	struct pin__vindex ox, sx;
	int rc;

	index_list(&ox, m->p, order, key);
	index_list(&sx, m->o, server, key);
	rc = ox.failed || sx.failed ? pin__smp_no_memory(m) : PIN_OK;
	if (rc == PIN_OK)
		rc = part(m, merged, order, &ox, key, &in, &rest);
	if (rc == PIN_OK && kind == KIND_MAP)
		rc = need_keys(m, m->p, order->v, order->n, key);
	if (rc == PIN_OK && kind == KIND_MAP)
		rc = need_keys(m, m->o, server->v, server->n, key);
	if (rc == PIN_OK && (sort_list(m, &in, &ox, key) != PIN_OK ||
	    sort_list(m, &rest, &sx, key) != PIN_OK ||
	    weave(m, &rest, &in, &sx, key, out) != PIN_OK))
		rc = pin__smp_no_memory(m);
	list_fini(&in);
	list_fini(&rest);
	pin__vindex_fini(&ox);
	pin__vindex_fini(&sx);
	return (rc);
}

/* ---- scalars ---------------------------------------------------------- */

static int
delete_scalars(struct pin__smp *m, const struct pin__list *own,
    const struct pin__list *patch, struct pin__list *out)
{
	struct pin__vindex x;
	uint32_t i;
	int rc = PIN_OK;

	index_list(&x, m->p, patch, PIN_STR(""));
	for (i = 0; i < own->n && rc == PIN_OK; i++)
		if (pin__vindex_find(&x, doc(m, own->v[i])) < 0)
			rc = list_add(out, own->v[i]);
	if (x.failed || rc != PIN_OK)
		rc = pin__smp_no_memory(m);
	pin__vindex_fini(&x);
	return (rc);
}

/* Both sides, each value once. */
static int
join_scalars(struct pin__smp *m, const struct pin__list *own,
    const struct pin__list *patch, struct pin__list *out)
{
	struct pin__vindex x;
	pin_node n;
	uint32_t i;
	int rc = PIN_OK;

	pin__vindex_init(&x);
	for (i = 0; i < own->n + patch->n && rc == PIN_OK; i++) {
		struct pin__vref r = i < own->n ? doc(m, own->v[i]) :
		    pat(m, patch->v[i - own->n]);

		if (pin__vindex_find(&x, r) >= 0)
			continue;
		n = i < own->n ? r.n : pin__obj_clone(m->o, m->p, r.n);
		if (n == 0 || list_add(out, n) != PIN_OK)
			rc = PIN_ENOMEM;
		pin__vindex_add(&x, r);
	}
	if (x.failed || rc != PIN_OK)
		rc = pin__smp_no_memory(m);
	pin__vindex_fini(&x);
	return (rc);
}

/* ---- maps ------------------------------------------------------------- */

/* Removes what `gone` names, in place: the freed end keeps the last item,
 * as a shifted slice does. */
static void
drop_items(struct pin__smp *m, struct pin__list *own,
    const struct pin__vindex *gone, struct pin_str key)
{
	uint32_t i, n = 0;
	pin_node last;

	if (own->n == 0 || gone->n == 0)
		return;
	last = own->v[own->n - 1];
	for (i = 0; i < own->n; i++) {
		struct pin__vref id = ident(doc(m, own->v[i]), key);

		if (id.n == 0 || pin__vindex_find(gone, id) < 0)
			own->v[n++] = own->v[i];
	}
	for (i = n; i < own->n; i++)
		own->v[i] = last;
	own->n = n;
}

/* Does what items with "$patch" say; the others are `plain`. */
static int
special_items(struct pin__smp *m, struct pin__list *own,
    const struct pin__list *patch, struct pin_str key,
    struct pin__list *plain, int *replace)
{
	struct pin__vindex gone;
	struct pin_str what;
	uint32_t i;
	pin_node d;
	int rc = PIN_OK;

	*replace = 0;
	pin__vindex_init(&gone);
	for (i = 0; i < patch->n && rc == PIN_OK; i++) {
		d = pin_obj_get(m->p, patch->v[i], "$patch");
		what = pin_obj_type(m->p, d) == PIN_STRING ?
		    pin_obj_str(m->p, d) : PIN_STR("");
		if (d == 0) {
			if (list_add(plain, patch->v[i]) != PIN_OK)
				rc = pin__smp_no_memory(m);
		} else if (pin_str_is(what, "delete")) {
			struct pin__vref it = pat(m, patch->v[i]);

			if (ident(it, key).n == 0)
				rc = pin__smp_no_key(m, it, key);
			else
				pin__vindex_add(&gone, ident(it, key));
		} else if (pin_str_is(what, "replace"))
			*replace = 1;
		else if (pin_str_is(what, "merge"))
			rc = pin_err_set(m->err, PIN_EINTERNAL, "merging "
			    "lists cannot yet be specified in the patch");
		else
			rc = pin__smp_bad_directive(m, patch->v[i]);
	}
	if (rc == PIN_OK && gone.failed)
		rc = pin__smp_no_memory(m);
	if (rc == PIN_OK)
		drop_items(m, own, &gone, key);
	pin__vindex_fini(&gone);
	return (rc);
}

static int
append_copies(struct pin__smp *m, const struct pin__list *patch,
    struct pin__list *out)
{
	uint32_t i;
	pin_node n;

	for (i = 0; i < patch->n; i++) {
		n = pin__obj_clone(m->o, m->p, patch->v[i]);
		if (n == 0 || list_add(out, n) != PIN_OK)
			return (pin__smp_no_memory(m));
	}
	return (PIN_OK);
}

/* Merges each item into the first of the same key, or appends it. */
static int
join_maps(struct pin__smp *m, struct pin__list *own,
    const struct pin__list *patch, const struct pin_merge_field *f,
    int depth)
{
	struct pin__vindex x;
	struct pin__vref it, id;
	int64_t pos;
	uint32_t i;
	pin_node n;
	int rc = PIN_OK;

	index_list(&x, m->o, own, f->key);
	for (i = 0; i < patch->n && rc == PIN_OK; i++) {
		it = pat(m, patch->v[i]);
		id = ident(it, f->key);
		if (id.n == 0) {
			rc = pin__smp_no_key(m, it, f->key);
			break;
		}
		pos = pin__vindex_find(&x, id);
		if (pos >= 0) {
			rc = pin__smp_map(m, own->v[pos], it.n, f->type,
			    depth);
			continue;
		}
		n = pin__obj_clone(m->o, m->p, it.n);
		if (n == 0 || list_add(own, n) != PIN_OK)
			rc = pin__smp_no_memory(m);
		else
			pin__vindex_add(&x, ident(doc(m, n), f->key));
	}
	if (rc == PIN_OK && x.failed)
		rc = pin__smp_no_memory(m);
	pin__vindex_fini(&x);
	return (rc);
}

/* ---- both ------------------------------------------------------------- */

static int
merge_maps(struct pin__smp *m, struct pin__list *own,
    const struct pin__list *patch, const struct pin_merge_field *f,
    int depth, struct pin__list *out)
{
	struct pin__list fresh = { NULL, 0, 0, 0 }, plain = fresh, before;
	int rc, replaced;

	if (f->key.len == 0)
		return (pin_err_set(m->err, PIN_EINTERNAL,
		    "cannot merge lists without merge key for struct"));
	rc = special_items(m, own, patch, f->key, &plain, &replaced);
	if (rc == PIN_OK && replaced) {
		rc = append_copies(m, &plain, &fresh);
		plain.n = 0;
		own = &fresh;
	}
	/* Shares memory with own until that grows, as a slice would. */
	before = *own;
	before.borrowed = 1;
	if (rc == PIN_OK)
		rc = join_maps(m, own, &plain, f, depth);
	if (rc == PIN_OK)
		rc = arrange(m, own, &plain, &before, f->key, KIND_MAP, out);
	list_fini(&fresh);
	list_fini(&plain);
	return (rc);
}

/* own's memory may be written (shifted, appended to within its room) but
 * stays the caller's; own itself is a copy. */
static int
merge_lists(struct pin__smp *m, const struct pin__list *own_in,
    const struct pin__list *patch, const struct pin_merge_field *f,
    int is_delete, int depth, struct pin__list *out)
{
	struct pin__list own = *own_in;
	struct pin__list both = { NULL, 0, 0, 0 };
	enum kind kind;
	int rc;

	own.borrowed = 1;
	if (own.n == 0 && patch->n == 0)
		return (PIN_OK);
	rc = element_kind(m, &own, patch, &kind);
	if (rc != PIN_OK)
		return (rc);
	if (kind == KIND_MAP)
		rc = merge_maps(m, &own, patch, f, depth, out);
	else if (is_delete)
		rc = delete_scalars(m, &own, patch, out);
	else {
		rc = join_scalars(m, &own, patch, &both);
		if (rc == PIN_OK)
			rc = arrange(m, &both, patch, &own, f->key, kind,
			    out);
	}
	list_fini(&both);
	list_fini(&own);
	return (rc);
}

int
pin__smp_list(struct pin__smp *m, pin_node dst, pin_node src,
    const struct pin_merge_field *f, int is_delete, int depth)
{
	struct pin__list own = { NULL, 0, 0, 0 }, patch = { NULL, 0, 0, 0 };
	struct pin__list out = { NULL, 0, 0, 0 };
	int rc;

	if (list_of(&own, m->o, dst) != PIN_OK ||
	    list_of(&patch, m->p, src) != PIN_OK)
		rc = pin__smp_no_memory(m);
	else
		rc = merge_lists(m, &own, &patch, f, is_delete, depth, &out);
	if (rc == PIN_OK)
		pin__tree_order(m->o, dst, out.v, out.n);
	list_fini(&own);
	list_fini(&patch);
	list_fini(&out);
	return (rc);
}

/* ---- "$setElementOrder/" ---------------------------------------------- */

/* May this item of the patch stand at this place of the order? */
static int
order_step(struct pin__smp *m, pin_node item, pin_node place,
    struct pin_str key, int *same)
{
	int rc;

	if (key.len > 0) {
		rc = need_keys(m, m->p, &item, 1, key);
		if (rc == PIN_OK)
			rc = need_keys(m, m->p, &place, 1, key);
		if (rc != PIN_OK)
			return (rc);
	}
	*same = pin__value_eq(ident(pat(m, item), key),
	    ident(pat(m, place), key));
	return (PIN_OK);
}

/* The patch's items must be in the order's order, deletions aside. */
static int
check_order(struct pin__smp *m, const struct pin__list *patch,
    const struct pin__list *order, struct pin_str key)
{
	struct pin_out out;
	uint32_t i = 0, j = 0;
	pin_node d;
	int rc, same;

	if (patch->n == 0 || order->n == 0)
		return (PIN_OK);
	for (i = 0; key.len > 0 && i < patch->n; i++)
		if (pin_obj_type(m->p, patch->v[i]) != PIN_OBJECT)
			return (pin__smp_bad_type(m,
			    "map[string]interface {}", pat(m, patch->v[i])));
	for (i = 0; i < patch->n && j < order->n;) {
		d = pin_obj_get(m->p, patch->v[i], "$patch");
		if (d != 0) {
			i++;
			continue;
		}
		rc = order_step(m, patch->v[i], order->v[j++], key, &same);
		if (rc != PIN_OK)
			return (rc);
		i += (uint32_t)same;
	}
	while (key.len > 0 && i < patch->n && pin_str_is(pin_obj_str(m->p,
	    pin_obj_get(m->p, patch->v[i], "$patch")), "delete"))
		i++;
	if (i >= patch->n)
		return (PIN_OK);
	pin_out_init(&out, NULL, PIN__SMP_TEXT_MAX);
	pin_out_cstr(&out, "The order in patch list:\n");
	print_items(&out, m->p, patch->v, patch->n);
	pin_out_cstr(&out, "\n doesn't match $setElementOrder list:\n");
	print_items(&out, m->p, order->v, order->n);
	rc = pin_err_set(m->err, PIN_EINTERNAL, "%.*s\n", (int)out.len,
	    out.p);
	pin_out_fini(&out);
	return (rc);
}

/* The merged items, before they are ordered. */
static int
unordered(struct pin__smp *m, const struct pin__list *own, int was,
    const struct pin__list *patch, pin_node src,
    const struct pin_merge_field *f, int depth, struct pin__list *out)
{
	pin_node n = 0, c;
	uint32_t i;
	int drop, rc = PIN_OK;

	if (was && src != 0 && (f->flags & PIN_MERGE_MERGE))
		return (merge_lists(m, own, patch, f, 0, depth + 1, out));
	if (was && src != 0)
		return (append_copies(m, patch, out));
	for (i = 0; was && i < own->n && rc == PIN_OK; i++)
		rc = list_add(out, own->v[i]);
	if (!was) {
		n = pin__smp_take(m, src, 0, &drop);
		if (n == 0)
			rc = PIN_ENOMEM;
	}
	for (c = n != 0 ? pin_obj_first(m->o, n) : 0; c != 0 && rc == PIN_OK;
	    c = pin_obj_next(m->o, c))
		rc = list_add(out, c);
	return (rc == PIN_OK ? PIN_OK : pin__smp_no_memory(m));
}

int
pin__smp_ordered(struct pin__smp *m, pin_node dst, int was, pin_node src,
    pin_node order_node, const struct pin_merge_field *f, int depth)
{
	struct pin__list own = { NULL, 0, 0, 0 }, patch = { NULL, 0, 0, 0 };
	struct pin__list order = { NULL, 0, 0, 0 }, out = own, both = own;
	enum kind kind;
	int rc;

	if ((was && list_of(&own, m->o, dst) != PIN_OK) ||
	    (src != 0 && list_of(&patch, m->p, src) != PIN_OK) ||
	    list_of(&order, m->p, order_node) != PIN_OK)
		rc = pin__smp_no_memory(m);
	else
		rc = check_order(m, &patch, &order, f->key);
	if (rc != PIN_OK || (!was && src == 0))
		goto out;
	rc = unordered(m, &own, was, &patch, src, f, depth, &both);
	if (rc == PIN_OK)
		rc = element_kind(m, &own, &patch, &kind);
	if (rc == PIN_OK)
		rc = arrange(m, &both, &order, &own, f->key, kind, &out);
	if (rc == PIN_OK)
		pin__tree_order(m->o, dst, out.v, out.n);
out:
	list_fini(&own);
	list_fini(&patch);
	list_fini(&order);
	list_fini(&both);
	list_fini(&out);
	return (rc);
}
