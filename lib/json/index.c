/* SPDX-License-Identifier: BSD-2-Clause
 *
 * index.c -- finds members of wide objects without searching them: one hash
 * table per pin_obj over (container, key) of all objects of PIN__WIDE members
 * and more. Kept up by the parser and by every change.
 * Const lookups only read. Contract: json_int.h. */
#include "json_int.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_FIRST	256u

/* node 0 with a container: taken out again. */
struct pin__member_slot {
	uint32_t	parent;		/* 0: free */
	pin_node	node;		/* the last of its name */
};

static struct pin__member_slot *
find(const struct pin_obj *o, pin_node parent, struct pin_str key)
{
	uint64_t h = pin__json_hash(o->index_seed +
	    parent * UINT64_C(0x9e3779b97f4a7c15), key);
	uint32_t mask = o->index_cap - 1, i = (uint32_t)h & mask;
	struct pin__member_slot *s;

	for (;; i = (i + 1) & mask) {
		s = &o->index[i];
		if (s->parent == 0 || (s->parent == parent && s->node != 0 &&
		    pin_str_eq(pin__obj_keystr(o, &o->nodes[s->node]), key)))
			return (s);
	}
}

pin_node
pin__member_get(const struct pin_obj *o, pin_node parent, struct pin_str key)
{
	return (find(o, parent, key)->node);
}

/* A table of twice the size, without what was taken out. */
static int
grow(struct pin_obj *o)
{
	uint32_t cap = o->index_cap != 0 ? o->index_cap * 2 : INDEX_FIRST, i;
	uint32_t old_cap = o->index_cap;
	struct pin__member_slot *old = o->index, *s;
	size_t size = cap * sizeof(*s);

	s = o->arena != NULL ? pin_arena_alloc(o->arena, size) : malloc(size);
	if (s == NULL) {
		if (o->failed == PIN_OK)
			o->failed = PIN_ENOMEM;
		return (0);
	}
	memset(s, 0, size);
	if (old == NULL)
		o->index_seed = pin__json_hash((uintptr_t)s,
		    PIN_STR("index")) ^ (uintptr_t)o;
	o->index = s;
	o->index_cap = cap;
	o->index_used = 0;
	for (i = 0; i < old_cap; i++) {
		if (old[i].node == 0)
			continue;
		*find(o, old[i].parent, pin__obj_keystr(o,
		    &o->nodes[old[i].node])) = old[i];
		o->index_used++;
	}
	if (o->arena == NULL)
		free(old);
	return (1);
}

/* A new last member of an indexed container. */
int
pin__member_add(struct pin_obj *o, pin_node parent, pin_node n)
{
	struct pin__member_slot *s;

	if (o->index_used >= o->index_cap / 2 && !grow(o))
		return (0);
	s = find(o, parent, pin__obj_keystr(o, &o->nodes[n]));
	if (s->parent == 0) {
		s->parent = parent;
		o->index_used++;
	} else
		o->nodes[parent].kt |= PIN__KT_DOUBLE;
	s->node = n;
	return (1);
}

int
pin__member_build(struct pin_obj *o, pin_node parent)
{
	pin_node n;

	PIN_ASSERT(PIN__TYPE(&o->nodes[parent]) == PIN_OBJECT);
	if (o->nodes[parent].kt & (PIN__KT_INDEXED | PIN__KT_DOUBLE))
		return (1);
	for (n = o->nodes[parent].off; n != 0; n = pin_obj_next(o, n)) {
		if (!pin__member_add(o, parent, n))
			return (0);
	}
	o->nodes[parent].kt |= PIN__KT_INDEXED;
	return (1);
}

static void
take_out(struct pin_obj *o, pin_node parent, pin_node n)
{
	struct pin__member_slot *s = find(o, parent, pin__obj_keystr(o,
	    &o->nodes[n]));

	if (s->parent != 0 && s->node == n)
		s->node = 0;
}

/* The container is searched from now on. */
void
pin__member_drop(struct pin_obj *o, pin_node parent)
{
	pin_node n;

	for (n = o->nodes[parent].off; n != 0; n = pin_obj_next(o, n))
		take_out(o, parent, n);
	o->nodes[parent].kt &= ~PIN__KT_INDEXED;
}

/* Before member n is unlinked. Where names are double the one that would
 * come to light is not known: such a container loses its index. */
void
pin__member_remove(struct pin_obj *o, pin_node parent, pin_node n)
{
	if (!(o->nodes[parent].kt & PIN__KT_DOUBLE))
		take_out(o, parent, n);
	else if (find(o, parent, pin__obj_keystr(o, &o->nodes[n]))->node == n)
		pin__member_drop(o, parent);
}

int
pin__member_copy(struct pin_obj *to, const struct pin_obj *from)
{
	size_t size = from->index_cap * sizeof(*from->index);

	if (from->index == NULL)
		return (1);
	to->index = to->arena != NULL ? pin_arena_alloc(to->arena, size) :
	    malloc(size);
	if (to->index == NULL)
		return (0);
	memcpy(to->index, from->index, size);
	to->index_cap = from->index_cap;
	to->index_used = from->index_used;
	to->index_seed = from->index_seed;
	return (1);
}
