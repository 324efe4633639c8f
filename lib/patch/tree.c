/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tree.c -- moving and walking nodes of struct pin_obj.
 * Pure.
 * Nothing here recurses: a parent is found behind its last child. */
#include "lib/patch/tree.h"

pin_node
pin__tree_skip(const struct pin_obj *o, pin_node top, pin_node n)
{
	uint32_t next;

	while (n != top) {
		next = o->nodes[n].next;
		if (!(next & PIN__UP))
			return (next);
		n = next & ~PIN__UP;
		PIN_ASSERT(n != 0);
	}
	return (0);
}

pin_node
pin__tree_next(const struct pin_obj *o, pin_node top, pin_node n)
{
	pin_node c = pin_obj_first(o, n);

	return (c != 0 ? c : pin__tree_skip(o, top, n));
}

pin_node
pin__tree_parent(const struct pin_obj *o, pin_node n)
{
	while (!(o->nodes[n].next & PIN__UP))
		n = o->nodes[n].next;
	return (o->nodes[n].next & ~PIN__UP);
}

void
pin__tree_become(struct pin_obj *o, pin_node n, pin_node from)
{
	struct pin__node *d = &o->nodes[n], *s = &o->nodes[from];

	PIN_ASSERT(n != from && from != 0);
	d->off = s->off;
	d->len = s->len;
	d->kt = (d->kt & ~PIN__KT_TYPE) | PIN__TYPE(s);
	if (PIN__IS_TREE(d) && d->off != 0)
		o->nodes[o->nodes[d->off].prev].next = PIN__UP | n;
}

int
pin__tree_put(struct pin_obj *o, pin_node parent, struct pin_str key,
    pin_node n)
{
	uint32_t off;

	if (n == 0 || !pin__obj_text_add(o, key.p, key.len, &off))
		return (0);
	o->nodes[n].koff = off;
	o->nodes[n].kt = (uint32_t)key.len << PIN__KT_SHIFT |
	    PIN__KT_KEYED | PIN__TYPE(&o->nodes[n]);
	pin__obj_link_last(o, parent, n);
	return (1);
}

void
pin__tree_order(struct pin_obj *o, pin_node parent, const pin_node *v,
    uint32_t n)
{
	struct pin__node *p = &o->nodes[parent];
	uint32_t i;

	PIN_ASSERT(PIN__IS_TREE(p));
	p->off = n > 0 ? v[0] : 0;
	p->len = n;
	for (i = 0; i < n; i++) {
		o->nodes[v[i]].prev = i > 0 ? v[i - 1] : v[n - 1];
		o->nodes[v[i]].next = i + 1 < n ? v[i + 1] :
		    PIN__UP | parent;
	}
}

void
pin__tree_clear(struct pin_obj *o, pin_node parent)
{
	pin__tree_order(o, parent, NULL, 0);
}

void
pin__tree_prune(struct pin_obj *o, pin_node top)
{
	pin_node n, c;

	for (n = top; n != 0; n = pin__tree_next(o, top, n)) {
		if (pin_obj_type(o, n) != PIN_OBJECT)
			continue;
		for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c))
			if (pin_obj_type(o, c) == PIN_NULL)
				pin_obj_remove(o, n, c);
	}
}

const char *
pin__go_kind(int type)
{
	static const char *const kind[] = {
		[PIN_NULL] = "null", [PIN_FALSE] = "bool",
		[PIN_TRUE] = "bool", [PIN_NUMBER] = "number",
		[PIN_STRING] = "string", [PIN_ARRAY] = "array",
		[PIN_OBJECT] = "object",
	};

	PIN_ASSERT(type > PIN_ABSENT && type <= PIN_OBJECT);
	return (kind[type]);
}
