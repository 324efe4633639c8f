/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform.c -- the walk: structs, lists and maps. Members are read in the
 * order they came in, so that reports are in that order, and linked in
 * canonical order when all are known.
 * Recursion is bounded by PIN_CONFORM_DEPTH_MAX. Contract: conform.h. */
#include "conform_int.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json/dup.h"

static pin_node conform_struct(struct pin__conform *, struct pin_type,
    pin_node, const struct pin__at *);

pin_node
pin__conform_fail(struct pin__conform *c, int code)
{
	if (c->hard == PIN_OK)
		c->hard = code;
	return (0);
}

int
pin__slots_push(struct pin__conform *c, uint32_t n, uint32_t *base)
{
	uint32_t cap = c->cap;
	uint32_t *p;

	if (n > cap - c->nslots) {
		while (cap - c->nslots < n && cap < UINT32_MAX / 4)
			cap *= 2;
		p = cap - c->nslots < n ? NULL : pin_arena_alloc(c->arena,
		    cap * sizeof(*p));
		if (p == NULL)
			return ((int)pin__conform_fail(c, PIN_ENOMEM));
		memcpy(p, c->slots, c->nslots * sizeof(*p));
		c->slots = p;
		c->cap = cap;
	}
	*base = c->nslots;
	memset(c->slots + c->nslots, 0, n * sizeof(*c->slots));
	c->nslots += n;
	return (1);
}

static inline void
set_key(struct pin_obj *o, pin_node n, uint32_t koff, uint32_t len)
{
	struct pin__node *p = &o->nodes[n];

	p->koff = koff;
	p->kt = len << PIN__KT_SHIFT | PIN__KT_KEYED | PIN__TYPE(p);
}

/* ---- one value ------------------------------------------------------ */

static pin_node
zero_text(struct pin__conform *c, int kind)
{
	switch (kind) {
	case PIN_F_BOOL:
		return (pin__obj_node_add(c->out, PIN_FALSE, 0, 0));
	case PIN_F_INT32:
	case PIN_F_INT64:
	case PIN_F_DOUBLE:
	case PIN_F_INTORSTRING:
		return (pin__text_node(c, PIN_NUMBER, "0", 1));
	case PIN_F_STRING:
		return (pin__obj_node_add(c->out, PIN_STRING, 0, 0));
	case PIN_F_QUANTITY:
		return (pin__text_node(c, PIN_STRING, "0", 1));
	case PIN_F_DURATION:
		return (pin__text_node(c, PIN_STRING, "0s", 2));
	default:
		return (pin__obj_node_add(c->out, PIN_NULL, 0, 0));
	}
}

pin_node
pin__conform_zero(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f)
{
	if (f->presence == PIN_P_NULL || f->shape != PIN_SHAPE_ONE)
		return (pin__obj_node_add(c->out, PIN_NULL, 0, 0));
	if (f->kind == PIN_F_OBJECT)
		return (conform_struct(c, pin_field_type(t, f), 0, NULL));
	return (zero_text(c, f->kind));
}

static void sort_trees(struct pin__conform *, pin_node first);

/* A scalar; JSON in a custom resource is written by name at every level. */
static pin_node
scalar(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, pin_node i, const struct pin__at *at)
{
	pin_node first = c->out->n, v = pin__conform_scalar(c, f, i, at);

	if (v != 0 && PIN__IS_TREE(&c->out->nodes[v]) &&
	    f->kind != PIN_F_STRINGS && t.schema != pin_schema_builtin())
		sort_trees(c, first);
	return (v);
}

/* The value of a list's element or a map's member. */
static pin_node
conform_elem(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, pin_node i, const struct pin__at *at)
{
	uint32_t type = PIN__TYPE(&c->in->nodes[i]);
	pin_node v;

	if (f->kind == PIN_F_OBJECT) {
		if (type == PIN_NULL)
			i = 0;
		return (conform_struct(c, pin_field_type(t, f), i, at));
	}
	if (f->kind == PIN_F_BYTES && type == PIN_NULL)
		return (pin__obj_node_add(c->out, PIN_STRING, 0, 0));
	v = scalar(c, t, f, i, at);
	return (v != 0 ? v : zero_text(c, f->kind));
}

/* ---- lists and maps ------------------------------------------------- */

/* [] or {}: does it stay what it is? Mostly it is as if it had not come. */
static int
is_kept(struct pin__conform *c, const struct pin_field_row *f)
{
	if (f->presence == PIN_P_KEEP)
		return (1);
	if ((c->flags & PIN_CONFORM_EMPTY) == 0 || (f->presence !=
	    PIN_P_ALWAYS && f->presence != PIN_P_NULL))
		return (0);
	c->empty++;
	return (1);
}

static pin_node
conform_list(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, pin_node i, const struct pin__at *up)
{
	struct pin__at at = { .up = up };
	pin_node o, v, m = c->in->nodes[i].off;
	uint32_t next;

	if (m == 0 && !is_kept(c, f))
		return (0);
	o = pin__obj_node_add(c->out, PIN_ARRAY, 0, 0);
	for (; m != 0 && c->hard == PIN_OK; at.index++) {
		v = conform_elem(c, t, f, m, &at);
		if (v == 0 || o == 0)
			return (0);
		pin__obj_link_last(c->out, o, v);
		next = c->in->nodes[m].next;
		m = next & PIN__UP ? 0 : next;
	}
	return (o);
}

struct sorted {
	struct pin_str	key;
	uint32_t	order;
	pin_node	node;
};

static int
sorted_cmp(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int d = pin_str_cmp(x->key, y->key);

	return (d != 0 ? d : x->order < y->order ? -1 : 1);
}

/* Links the nodes in slots[base..] into o by key; of equal keys the last. */
static void
link_sorted(struct pin__conform *c, pin_node o, uint32_t base, uint32_t n)
{
	struct sorted *s;
	uint32_t k;

	s = pin_arena_alloc(c->arena, n * sizeof(*s));
	if (s == NULL) {
		(void)pin__conform_fail(c, PIN_ENOMEM);
		return;
	}
	for (k = 0; k < n; k++) {
		s[k].node = c->slots[base + k];
		s[k].key = pin__obj_keystr(c->out, &c->out->nodes[s[k].node]);
		s[k].order = k;
	}
	qsort(s, n, sizeof(*s), sorted_cmp);
	for (k = 0; k < n; k++)
		if (k + 1 == n || !pin_str_eq(s[k].key, s[k + 1].key))
			pin__obj_link_last(c->out, o, s[k].node);
}

static int
ascending(const struct pin__conform *c, pin_node i)
{
	const struct pin__node *nodes = c->in->nodes;
	struct pin_str prev, key;
	pin_node m = nodes[i].off;

	if (m == 0)
		return (1);
	prev = pin__obj_keystr(c->in, &nodes[m]);
	while (!(nodes[m].next & PIN__UP)) {
		m = nodes[m].next;
		key = pin__obj_keystr(c->in, &nodes[m]);
		if (pin_str_cmp(prev, key) >= 0)
			return (0);
		prev = key;
	}
	return (1);
}

struct dup_arg {
	struct pin__conform	*c;
	const struct pin__at	*at;
};

static int
report_dup(void *arg, pin_node m)
{
	struct dup_arg *d = arg;

	pin__strict_report(d->c, "duplicate", d->at, pin_obj_key(d->c->in, m));
	return (0);
}

static pin_node
conform_map(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, pin_node i, const struct pin__at *up)
{
	struct pin__at at = { .up = up };
	struct dup_arg dup = { c, up };
	pin_node o, v, m = c->in->nodes[i].off;
	uint32_t n = c->in->nodes[i].len, base = 0, k = 0;
	int sorted = ascending(c, i);
	struct pin__node in;

	if (m == 0 && !is_kept(c, f))
		return (0);
	if (!sorted && c->strict != NULL && pin__obj_dups(c->in, i,
	    report_dup, &dup) != PIN_OK)
		return (pin__conform_fail(c, PIN_ENOMEM));
	o = pin__obj_node_add(c->out, PIN_OBJECT, 0, 0);
	if (!sorted && !pin__slots_push(c, n, &base))
		return (0);
	for (; m != 0 && c->hard == PIN_OK; k++) {
		in = c->in->nodes[m];
		at.len = PIN__KLEN(&in);
		at.name = c->out->text + in.koff;
		v = conform_elem(c, t, f, m, &at);
		if (v == 0 || o == 0)
			return (0);
		set_key(c->out, v, in.koff, PIN__KLEN(&in));
		if (sorted)
			pin__obj_link_last(c->out, o, v);
		else
			c->slots[base + k] = v;
		m = in.next & PIN__UP ? 0 : in.next;
	}
	if (!sorted && c->hard == PIN_OK) {
		link_sorted(c, o, base, n);
		c->nslots = base;
	}
	return (o);
}

pin_node
pin__conform_field(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, pin_node i, const struct pin__at *at)
{
	uint32_t type = PIN__TYPE(&c->in->nodes[i]);
	pin_node v;

	if (type == PIN_NULL && (f->flags & PIN_FF_NULLABLE) != 0)
		return (pin__obj_node_add(c->out, PIN_NULL, 0, 0));
	switch (f->shape) {
	case PIN_SHAPE_LIST:
		if (type == PIN_ARRAY)
			return (conform_list(c, t, f, i, at));
		break;
	case PIN_SHAPE_MAP:
		if (type == PIN_OBJECT)
			return (conform_map(c, t, f, i, at));
		break;
	default:
		if (f->kind == PIN_F_OBJECT) {
			v = type == PIN_NULL ? 0 : conform_struct(c,
			    pin_field_type(t, f), i, at);
			return (v != 0 && PIN__TYPE(&c->out->nodes[v]) ==
			    PIN_NULL ? 0 : v);
		}
		v = scalar(c, t, f, i, at);
		if (v != 0 && (f->presence == PIN_P_OMIT ||
		    f->presence == PIN_P_OMITZERO) &&
		    pin__value_zero(c->out, f, v))
			return (0);
		return (v);
	}
	if (type == PIN_NULL)
		return (0);
	return (pin__type_error(c, at, t, f, f->shape, i));
}

/* ---- a member that came more than once ------------------------------ */

/* Go decodes the second over the first: structs and maps become one, null
 * forgets a pointer or map. Gives an input node (of c->out) with the members
 * of all of them. */
static pin_node
concat(struct pin__conform *c, const struct pin_field_row *f, pin_node i,
    struct pin_str key)
{
	int pointer = f->shape == PIN_SHAPE_MAP || f->presence == PIN_P_KEEP ||
	    f->presence == PIN_P_NULL;
	pin_node m, k, v, all = pin__obj_node_add(c->out, PIN_OBJECT, 0, 0);

	for (m = pin_obj_first(c->in, i); m != 0; m = pin_obj_next(c->in, m)) {
		if (!pin_str_eq(pin_obj_key(c->in, m), key))
			continue;
		if (pin_obj_type(c->in, m) == PIN_NULL && pointer)
			all = pin__obj_node_add(c->out, PIN_NULL, 0, 0);
		else if (pin_obj_type(c->out, all) == PIN_NULL)
			all = pin__obj_node_add(c->out, PIN_OBJECT, 0, 0);
		for (k = pin_obj_type(c->in, m) == PIN_OBJECT ?
		    pin_obj_first(c->in, m) : 0; k != 0;
		    k = pin_obj_next(c->in, k)) {
			v = pin__obj_clone(c->out, c->in, k);
			if (v == 0 || all == 0)
				return (pin__conform_fail(c, c->out->failed));
			pin__obj_link_last(c->out, all, v);
		}
	}
	return (all);
}

static pin_node
conform_again(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, pin_node i, const struct pin__at *at)
{
	struct pin_str key = { at->name, at->len };
	struct pin_strict *strict = c->strict;
	const struct pin_obj *in = c->in;
	pin_node all = concat(c, f, i, key), v = 0;

	if (all == 0)
		return (0);
	c->strict = NULL;
	c->in = c->out;
	v = pin__conform_field(c, t, f, all, at);
	c->in = in;
	c->strict = strict;
	return (v);
}

/* A member whose slot is taken: nothing changes when null says nothing, the
 * last scalar or list counts, trees are put together afterwards. */
static int
again(struct pin__conform *c, const struct pin__at *up,
    const struct pin_field_row *f, const struct pin__node *in)
{
	struct pin_str key = pin__obj_keystr(c->out, in);

	pin__strict_report(c, "duplicate", up, key);
	if (PIN__TYPE(in) == PIN_NULL && f->shape == PIN_SHAPE_ONE &&
	    f->presence != PIN_P_KEEP && f->presence != PIN_P_NULL)
		return (0);
	return (1);
}

/* ---- structs -------------------------------------------------------- */

static inline int
is_merged(const struct pin_field_row *f)
{
	return (f->shape == PIN_SHAPE_MAP || (f->shape == PIN_SHAPE_ONE &&
	    f->kind == PIN_F_OBJECT));
}

/* Field pos came more than once and its values are to become one. twice is
 * the base of as many slots as there are fields, one is not zero. */
static void
mark_twice(struct pin__conform *c, struct pin_type t, uint32_t pos,
    uint32_t *twice)
{
	if (*twice == 0 && !pin__slots_push(c, t.row->nfields + 1, twice))
		return;
	c->slots[*twice + pos] = 1;
}

static void
put_together(struct pin__conform *c, struct pin_type t, pin_node i,
    uint32_t base, uint32_t twice, const struct pin__at *up)
{
	struct pin__at at = { up, t.row, t.schema, NULL, 0, 0 };
	const struct pin_field_row *f = pin_type_at(t, 0);
	uint32_t pos, koff;
	pin_node v;

	for (pos = 0; pos < t.row->nfields; pos++, f++) {
		if (c->slots[twice + pos] == 0 || c->hard != PIN_OK)
			continue;
		at.name = pin_schema_str(t.schema, f->name);
		at.len = f->name_len;
		v = conform_again(c, t, f, i, &at);
		if (v != 0 && pin__obj_text_add(c->out, at.name, at.len,
		    &koff))
			set_key(c->out, v, koff, at.len);
		c->slots[base + pos] = v == 0 ||
		    (f->flags & PIN_FF_GATED) != 0 ? PIN__SLOT_SEEN : v;
	}
}

/* A member without a field. */
static void
read_unknown(struct pin__conform *c, struct pin_type t, pin_node m,
    pin_node o, const struct pin__at *up)
{
	pin_node v, first = c->out->n;

	if ((t.row->flags & PIN_TF_OPEN) == 0) {
		pin__strict_report(c, "unknown", up,
		    pin__obj_keystr(c->out, &c->in->nodes[m]));
		return;
	}
	v = pin__obj_clone(c->out, c->in, m);
	if (v == 0)
		return;
	sort_trees(c, first);
	pin__obj_link_last(c->out, o, v);
}

/* Reads the members of i into slots[base..]; those of an open type that it
 * does not know are linked to o at once. */
static void
read_members(struct pin__conform *c, struct pin_type t, pin_node i,
    pin_node o, uint32_t base, const struct pin__at *up)
{
	struct pin__at at = { up, t.row, t.schema, NULL, 0, 0 };
	const struct pin_field_row *f;
	struct pin__node in;
	uint32_t pos, twice = 0;
	pin_node m, v;

	for (m = c->in->nodes[i].off; m != 0 && c->hard == PIN_OK;
	    m = in.next & PIN__UP ? 0 : in.next) {
		in = c->in->nodes[m];
		at.name = c->out->text + in.koff;
		at.len = PIN__KLEN(&in);
		f = pin__field_find(t, at.name, at.len);
		if (f == NULL) {
			read_unknown(c, t, m, o, up);
			continue;
		}
		pos = pin_field_pos(t, f);
		if (c->slots[base + pos] != 0) {
			if (!again(c, up, f, &in))
				continue;
			if (is_merged(f))
				mark_twice(c, t, pos, &twice);
		}
		v = pin__conform_field(c, t, f, m, &at);
		if (v != 0)
			set_key(c->out, v, in.koff, PIN__KLEN(&in));
		c->slots[base + pos] = v == 0 ||
		    (f->flags & PIN_FF_GATED) != 0 ? PIN__SLOT_SEEN : v;
	}
	if (twice != 0 && c->hard == PIN_OK)
		put_together(c, t, i, base, twice, up);
}

/* A member that did not come but must be there. */
static pin_node
fill_in(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f)
{
	uint32_t koff;
	pin_node v;

	v = pin__conform_zero(c, t, f);
	if (v == 0 || !pin__obj_text_add(c->out, pin_schema_str(t.schema,
	    f->name), f->name_len, &koff))
		return (0);
	set_key(c->out, v, koff, f->name_len);
	return (v);
}

/* Members of an open type (a custom resource) stand in order of their
 * names, known and unknown alike. */
static void
sort_members(struct pin__conform *c, pin_node o)
{
	struct pin__node *p = &c->out->nodes[o];
	uint32_t n = p->len, base, k = 0;
	pin_node m;

	if (!pin__slots_push(c, n, &base))
		return;
	for (m = p->off; m != 0; m = pin_obj_next(c->out, m))
		c->slots[base + k++] = m;
	p->off = p->len = 0;
	link_sorted(c, o, base, n);
	c->nslots = base;
}

/* The same for every object among the nodes from first on. */
static void
sort_trees(struct pin__conform *c, pin_node first)
{
	pin_node i;

	for (i = first; i < c->out->n && c->hard == PIN_OK; i++)
		if (PIN__TYPE(&c->out->nodes[i]) == PIN_OBJECT &&
		    c->out->nodes[i].len > 1)
			sort_members(c, i);
}

static pin_node
link_members(struct pin__conform *c, struct pin_type t, pin_node o,
    uint32_t base)
{
	const struct pin_field_row *f = pin_type_at(t, 0);
	const unsigned char *facts = pin__facts_of(t, c->facts);
	uint32_t pos;
	pin_node v;

	for (pos = 0; pos < t.row->nfields; pos++) {
		v = c->slots[base + pos];
		if (v == 0 || v == PIN__SLOT_SEEN) {
			if ((pin__fact(facts, f, pos) & PIN__FILL) == 0)
				continue;
			v = fill_in(c, t, &f[pos]);
		}
		if (v != 0)
			pin__obj_link_last(c->out, o, v);
	}
	if ((t.row->flags & PIN_TF_OPEN) != 0 && c->out->nodes[o].len > 1)
		sort_members(c, o);
	return (o);
}

/* Types that have two forms in JSON: a schema, or a bool, or a list. Of
 * anything else upstream makes null, or says what it wants. */
static pin_node
conform_either(struct pin__conform *c, struct pin_type t, pin_node i,
    const struct pin__at *at)
{
	const struct pin_field_row *schema = pin_type_field(t, "schema", 6);
	uint32_t type = PIN__TYPE(&c->in->nodes[i]);
	int or_bool = (t.row->flags & PIN_TF_OR_BOOL) != 0;
	struct pin_strict *strict = c->strict;
	const struct pin_field_row *f;
	int soft = c->soft;
	pin_node v = 0;

	PIN_ASSERT(schema != NULL);
	c->strict = NULL;		/* upstream does not look there */
	c->soft = PIN_OK;		/* and stops at an error there */
	if (type == PIN_OBJECT)
		v = conform_struct(c, pin_field_type(t, schema), i, at);
	else if (or_bool && (type == PIN_TRUE || type == PIN_FALSE))
		v = pin__obj_node_add(c->out, (int)type, 0, 0);
	else if (or_bool && i != 0)
		v = pin__conform_fail(c, pin_err_set(c->err, PIN_EINVAL,
		    "boolean or JSON schema expected"));
	else if (or_bool)
		v = pin__obj_node_add(c->out, PIN_FALSE, 0, 0);
	else if (type == PIN_ARRAY) {
		f = pin_type_at(t, 0);
		v = conform_list(c, t, f->shape == PIN_SHAPE_LIST ? f :
		    pin_type_at(t, 1), i, at);
	}
	c->strict = strict;
	if (c->soft != PIN_OK)
		return (pin__conform_fail(c, c->soft));
	c->soft = soft;
	if (v == 0 && c->hard == PIN_OK)
		v = pin__obj_node_add(c->out, PIN_NULL, 0, 0);
	return (v);
}

#define EITHER	(PIN_TF_OR_BOOL | PIN_TF_OR_ARRAY | PIN_TF_OR_STRINGS)

/* i is 0 for a struct that did not come but must be there. */
static pin_node
conform_struct(struct pin__conform *c, struct pin_type t, pin_node i,
    const struct pin__at *at)
{
	uint32_t base;
	pin_node o;

	if (++c->depth > PIN_CONFORM_DEPTH_MAX) {
		(void)pin_err_set(c->err, PIN_EINVAL, "more than %d levels of "
		    "objects in %s", PIN_CONFORM_DEPTH_MAX,
		    pin_schema_str(t.schema, t.row->bare));
		return (pin__conform_fail(c, PIN_EINVAL));
	}
	if ((t.row->flags & EITHER) != 0) {
		o = conform_either(c, t, i, at);
		c->depth--;
		return (o);
	}
	if (i != 0 && PIN__TYPE(&c->in->nodes[i]) != PIN_OBJECT) {
		c->depth--;
		return (pin__type_error(c, at, t, NULL, 0, i));
	}
	o = pin__obj_node_add(c->out, PIN_OBJECT, 0, 0);
	if (o == 0 || !pin__slots_push(c, t.row->nfields, &base))
		return (pin__conform_fail(c, PIN_ENOMEM));
	if (i != 0)
		read_members(c, t, i, o, base, at);
	if (c->hard == PIN_OK)
		o = link_members(c, t, o, base);
	c->nslots = base;
	c->depth--;
	return (o);
}

/* ---- entry ---------------------------------------------------------- */

/* apiVersion stands before kind in an object of its own. */
static void
type_first(struct pin__conform *c, pin_node o)
{
	pin_node kind = pin_obj_get(c->out, o, "kind");
	pin_node version = pin_obj_get(c->out, o, "apiVersion");
	struct pin__node *nodes = c->out->nodes, was;

	if ((c->flags & PIN_CONFORM_NOTYPE) != 0) {
		pin_obj_remove(c->out, o, kind);
		pin_obj_remove(c->out, o, version);
		return;
	}
	if (kind == 0 || version == 0 || nodes[kind].next != version)
		return;
	/* The nodes stay where they are; what they hold changes places. */
	was = nodes[kind];
	nodes[kind].off = nodes[version].off;
	nodes[kind].len = nodes[version].len;
	nodes[kind].koff = nodes[version].koff;
	nodes[kind].kt = nodes[version].kt;
	nodes[version].off = was.off;
	nodes[version].len = was.len;
	nodes[version].koff = was.koff;
	nodes[version].kt = was.kt;
}

static int
conform_finish(struct pin__conform *c, struct pin_type t, pin_node root,
    struct pin_obj **out)
{
	if (c->hard == PIN_OK && c->soft == PIN_OK && root != 0) {
		/* pin_obj_root is node 1, the first that was made. */
		PIN_ASSERT(root == 1);
		if ((c->flags & PIN_CONFORM_DEFAULT) != 0)
			(void)pin__defaults(c, t, root);
	}
	if (c->out->failed != PIN_OK)
		return (pin_err_set(c->err, c->out->failed,
		    "no memory for an object of %u bytes", c->out->text_len));
	if (c->hard == PIN_ENOMEM)
		return (pin_err_set(c->err, PIN_ENOMEM, "no memory for an "
		    "object of %u bytes", c->out->text_len));
	if (c->hard != PIN_OK)
		return (c->hard);
	if (c->soft != PIN_OK)
		return (c->soft);
	type_first(c, root);
	*out = c->out;
	return (PIN_OK);
}

int
pin_conform(struct pin_arena *a, struct pin_type t, const struct pin_obj *in,
    pin_node from, uint32_t flags, struct pin_obj **out,
    struct pin_strict *strict, struct pin_err *err)
{
	struct pin__conform c;
	struct pin_err mine;
	pin_node root;

	*out = NULL;
	PIN_VALID(in, PIN__OBJ_MAGIC);
	PIN_ASSERT(from < in->n);
	if (in->failed != PIN_OK)
		return (pin_err_set(err, in->failed, "a failed object"));
	memset(&c, 0, offsetof(struct pin__conform, first));
	c.arena = a;
	c.in = in;
	c.strict = strict;
	c.err = err != NULL ? err : &mine;
	c.facts = pin__facts_get();
	c.flags = flags;
	c.slots = c.first;
	c.cap = PIN__SLOTS_FIRST;
	if ((size_t)in->text_len + 1024 > PIN__TEXT_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "an object of %u bytes",
		    in->text_len));
	c.out = pin__obj_new(a, (size_t)in->text_len + 1024,
	    (size_t)in->n + in->n / 2 + 64);
	if (c.out == NULL)
		return (pin_err_set(err, PIN_ENOMEM,
		    "no memory for an object of %u bytes", in->text_len));
	if (in->text_len != 0)
		memcpy(c.out->text, in->text, in->text_len);
	c.out->text_len = in->text_len;
	if (from != 0 && PIN__TYPE(&in->nodes[from]) == PIN_NULL)
		from = 0;		/* as Go: null changes nothing */
	root = conform_struct(&c, t, from, NULL);
	if (strict != NULL)
		strict->empty += c.empty;
	return (conform_finish(&c, t, root, out));
}
