/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit.c -- changes to struct pin_obj. Nothing is ever given back: what is
 * replaced or removed stays behind in text and nodes until the object dies.
 * One thread at a time. Contract: pintle/object.h. */
#include "json_int.h"

#include <stdio.h>
#include <string.h>

/* ---- links ---------------------------------------------------------- */

int
pin__obj_link_last(struct pin_obj *o, pin_node parent, pin_node n)
{
	struct pin__node *nodes = o->nodes, *p = &nodes[parent];
	pin_node last;

	if (p->off == 0) {
		p->off = n;
		nodes[n].prev = n;
	} else {
		last = nodes[p->off].prev;
		nodes[last].next = n;
		nodes[n].prev = last;
		nodes[p->off].prev = n;
	}
	nodes[n].next = PIN__UP | parent;
	p->len++;
	if (p->kt & PIN__KT_INDEXED)
		return (pin__member_add(o, parent, n));
	if (p->len == PIN__WIDE && PIN__TYPE(p) == PIN_OBJECT)
		return (pin__member_build(o, parent));
	return (1);
}

static void
link_before(struct pin_obj *o, pin_node parent, pin_node before, pin_node n)
{
	struct pin__node *nodes = o->nodes, *p = &nodes[parent];

	nodes[n].prev = nodes[before].prev;
	nodes[n].next = before;
	nodes[before].prev = n;
	if (p->off == before)
		p->off = n;		/* its prev is the last already */
	else
		nodes[nodes[n].prev].next = n;
	p->len++;
}

/* The links of n itself stay, see json_int.h. */
static void
unlink_node(struct pin_obj *o, pin_node parent, pin_node n)
{
	struct pin__node *nodes = o->nodes, *p = &nodes[parent];
	pin_node prev = nodes[n].prev;
	uint32_t next = nodes[n].next;

	PIN_ASSERT(p->len > 0);
	if (p->kt & PIN__KT_INDEXED)
		pin__member_remove(o, parent, n);
	p->len--;
	if (p->off == n) {
		p->off = next & PIN__UP ? 0 : next;
		if (p->off != 0)
			nodes[p->off].prev = prev;
		return;
	}
	nodes[prev].next = next;
	if (next & PIN__UP)
		nodes[p->off].prev = prev;
	else
		nodes[next].prev = prev;
}

/* Gives `to` the value of the loose node `from`. 0 without memory. */
static int
take_value(struct pin_obj *o, pin_node to, pin_node from)
{
	struct pin__node *t = &o->nodes[to], *f = &o->nodes[from];
	uint32_t wide = f->kt & PIN__KT_INDEXED;

	if (t->kt & PIN__KT_INDEXED)
		pin__member_drop(o, to);
	t->off = f->off;
	t->len = f->len;
	t->kt = (t->kt & ~(PIN__KT_TYPE | PIN__KT_DOUBLE)) | PIN__TYPE(f);
	if (PIN__IS_TREE(t) && t->off != 0)
		o->nodes[o->nodes[t->off].prev].next = PIN__UP | to;
	return (!wide || pin__member_build(o, to));
}

/* ---- copies --------------------------------------------------------- */

static pin_node
clone_one(struct pin_obj *to, const struct pin_obj *from, pin_node n)
{
	struct pin__node s = from->nodes[n];	/* to may be from and move */
	uint32_t off = 0, koff = 0;
	pin_node c;

	if (PIN__TYPE(&s) == PIN_STRING || PIN__TYPE(&s) == PIN_NUMBER) {
		if (!pin__obj_text_add(to, from->text + s.off, s.len, &off))
			return (0);
	}
	if (!pin__obj_text_add(to, from->text + s.koff, PIN__KLEN(&s), &koff))
		return (0);
	c = pin__obj_node_add(to, 0, off, PIN__IS_TREE(&s) ? 0 : s.len);
	if (c != 0) {
		to->nodes[c].kt = s.kt & ~(PIN__KT_INDEXED |
		    PIN__KT_DOUBLE);
		to->nodes[c].koff = koff;
	}
	return (c);
}

pin_node
pin__obj_clone(struct pin_obj *to, const struct pin_obj *from, pin_node top)
{
	pin_node i = top, root, cur, c;

	root = cur = clone_one(to, from, top);
	if (root == 0)
		return (0);
	for (;;) {
		if (PIN__IS_TREE(&from->nodes[i]) && from->nodes[i].off != 0) {
			i = from->nodes[i].off;
		} else {
			while (i != top && (from->nodes[i].next & PIN__UP)) {
				i = from->nodes[i].next & ~PIN__UP;
				cur = to->nodes[cur].next & ~PIN__UP;
			}
			if (i == top)
				return (root);
			i = from->nodes[i].next;
			cur = to->nodes[cur].next & ~PIN__UP;
		}
		c = clone_one(to, from, i);
		if (c == 0)
			return (0);
		if (!pin__obj_link_last(to, cur, c))
			return (0);
		cur = c;
	}
}

/* ---- members -------------------------------------------------------- */

static void
check_parent(const struct pin_obj *o, pin_node parent, int type)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_ASSERT(!o->readonly);
	PIN_ASSERT(parent < o->n);
	PIN_ASSERT(parent == 0 || o->failed != PIN_OK ||
	    (int)PIN__TYPE(&o->nodes[parent]) == type);
}

/* Hangs the loose node n under key, or gives its value to the member that
 * is there. Returns the member; 0 when n is 0 or there is no memory. */
static pin_node
put_member(struct pin_obj *o, pin_node parent, struct pin_str key, pin_node n)
{
	uint32_t koff;
	pin_node old;

	check_parent(o, parent, PIN_OBJECT);
	if (n == 0 || parent == 0 || o->failed != PIN_OK)
		return (0);
	old = pin_obj_getn(o, parent, key.p, key.len);
	if (old != 0)
		return (take_value(o, old, n) ? old : 0);
	if (key.len > PIN__KEY_MAX) {
		o->failed = PIN_ELIMIT;
		return (0);
	}
	if (!pin__obj_text_add(o, key.p, key.len, &koff))
		return (0);
	o->nodes[n].koff = koff;
	o->nodes[n].kt = (uint32_t)key.len << PIN__KT_SHIFT |
	    PIN__KT_KEYED | PIN__TYPE(&o->nodes[n]);
	return (pin__obj_link_last(o, parent, n) ? n : 0);
}

static pin_node
new_str(struct pin_obj *o, struct pin_str s, int type)
{
	uint32_t off;

	PIN_VALID(o, PIN__OBJ_MAGIC);
	if (s.len > PIN_OBJ_TEXT_MAX) {
		o->failed = o->failed != PIN_OK ? o->failed : PIN_ELIMIT;
		return (0);
	}
	if (!pin__obj_text_add(o, s.p, s.len, &off))
		return (0);
	return (pin__obj_node_add(o, type, off, (uint32_t)s.len));
}

static pin_node
new_plain(struct pin_obj *o, int type)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_ASSERT(type == PIN_NULL || type == PIN_FALSE ||
	    type == PIN_TRUE || type == PIN_ARRAY || type == PIN_OBJECT);
	return (pin__obj_node_add(o, type, 0, 0));
}

pin_node
pin_obj_set_str(struct pin_obj *o, pin_node parent, const char *key,
    struct pin_str s)
{
	return (put_member(o, parent, pin_str(key),
	    new_str(o, s, PIN_STRING)));
}

pin_node
pin_obj_set_i64(struct pin_obj *o, pin_node parent, const char *key,
    int64_t v)
{
	char buf[32];
	struct pin_str s = { buf, 0 };

	s.len = (size_t)snprintf(buf, sizeof(buf), "%lld", (long long)v);
	return (put_member(o, parent, pin_str(key),
	    new_str(o, s, PIN_NUMBER)));
}

pin_node
pin_obj_set_bool(struct pin_obj *o, pin_node parent, const char *key, int v)
{
	return (put_member(o, parent, pin_str(key),
	    new_plain(o, v ? PIN_TRUE : PIN_FALSE)));
}

pin_node
pin_obj_set_new(struct pin_obj *o, pin_node parent, const char *key, int type)
{
	return (put_member(o, parent, pin_str(key), new_plain(o, type)));
}

static pin_node
clone(struct pin_obj *o, const struct pin_obj *from, pin_node n)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_VALID(from, PIN__OBJ_MAGIC);
	PIN_ASSERT(n < from->n);
	if (from->failed != PIN_OK && o->failed == PIN_OK)
		o->failed = from->failed;
	if (n == 0 || o->failed != PIN_OK)
		return (0);
	return (pin__obj_clone(o, from, n));
}

/* A key that lies in the object's own text, found again after the text has
 * moved. */
static struct pin_str
rebase(const struct pin_obj *o, const char *old_text, uint32_t old_len,
    struct pin_str key)
{
	uintptr_t at = (uintptr_t)key.p - (uintptr_t)old_text;

	if (key.len != 0 && at < old_len)
		key.p = o->text + at;
	return (key);
}

pin_node
pin_obj_set_node(struct pin_obj *o, pin_node parent, struct pin_str key,
    const struct pin_obj *from, pin_node n)
{
	const char *text = o->text;
	uint32_t len = o->text_len;

	n = clone(o, from, n);
	return (put_member(o, parent, rebase(o, text, len, key), n));
}

pin_node
pin_obj_set_json(struct pin_obj *o, pin_node parent, struct pin_str key,
    struct pin_str json)
{
	const char *text = o->text;
	uint32_t len = o->text_len;
	pin_node n;
	int rc;

	PIN_VALID(o, PIN__OBJ_MAGIC);
	rc = pin__obj_parse_into(o, json.p, json.len, &n, NULL, NULL);
	if (rc != PIN_OK && o->failed == PIN_OK)
		o->failed = rc;
	return (put_member(o, parent, rebase(o, text, len, key), n));
}

/* ---- elements ------------------------------------------------------- */

static pin_node
put_element(struct pin_obj *o, pin_node array, pin_node before, pin_node n)
{
	check_parent(o, array, PIN_ARRAY);
	if (n == 0 || array == 0 || o->failed != PIN_OK)
		return (0);
	PIN_ASSERT(before < o->n);
	o->nodes[n].koff = 0;
	o->nodes[n].kt = PIN__TYPE(&o->nodes[n]);
	if (before != 0)
		link_before(o, array, before, n);
	else
		(void)pin__obj_link_last(o, array, n);
	return (n);
}

pin_node
pin_obj_add_str(struct pin_obj *o, pin_node array, struct pin_str s)
{
	return (put_element(o, array, 0, new_str(o, s, PIN_STRING)));
}

pin_node
pin_obj_add_new(struct pin_obj *o, pin_node array, int type)
{
	return (put_element(o, array, 0, new_plain(o, type)));
}

pin_node
pin_obj_add_node(struct pin_obj *o, pin_node array,
    const struct pin_obj *from, pin_node n)
{
	return (put_element(o, array, 0, clone(o, from, n)));
}

pin_node
pin_obj_insert_node(struct pin_obj *o, pin_node array, pin_node before,
    const struct pin_obj *from, pin_node n)
{
	return (put_element(o, array, before, clone(o, from, n)));
}

/* ---- both ----------------------------------------------------------- */

pin_node
pin_obj_replace(struct pin_obj *o, pin_node parent, pin_node node,
    const struct pin_obj *from, pin_node n)
{
	pin_node c;

	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_ASSERT(!o->readonly);
	PIN_ASSERT(parent < o->n && node < o->n);
	if (node == 0)
		return (0);
	c = clone(o, from, n);
	if (c == 0)
		return (0);
	return (take_value(o, node, c) ? node : 0);
}

void
pin_obj_remove(struct pin_obj *o, pin_node parent, pin_node child)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_ASSERT(!o->readonly);
	PIN_ASSERT(parent < o->n && child < o->n);
	if (parent == 0 || child == 0)
		return;
	PIN_ASSERT(PIN__IS_TREE(&o->nodes[parent]));
	unlink_node(o, parent, child);
}

/* Takes every member of that name: an earlier one must not come to light. */
int
pin_obj_unset(struct pin_obj *o, pin_node parent, const char *key)
{
	struct pin_str k = pin_str(key);
	pin_node i, first, prev;
	int found = 0;

	check_parent(o, parent, PIN_OBJECT);
	if ((o->nodes[parent].kt & (PIN__KT_INDEXED | PIN__KT_DOUBLE)) ==
	    PIN__KT_INDEXED) {
		i = pin_obj_getn(o, parent, k.p, k.len);
		if (i != 0)
			unlink_node(o, parent, i);
		return (i != 0);
	}
	first = pin_obj_first(o, parent);
	i = first != 0 ? o->nodes[first].prev : 0;
	while (i != 0) {
		prev = i != first ? o->nodes[i].prev : 0;
		if (pin_str_eq(pin_obj_key(o, i), k)) {
			unlink_node(o, parent, i);
			found = 1;
		}
		i = prev;
	}
	return (found);
}
