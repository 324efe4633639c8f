/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pack.c -- struct pin_obj as one run of bytes for another process on the
 * same machine, used there where it lies. The bytes are checked as if an
 * enemy had written them.
 * Pure. Contract: pintle/object.h. */
#include "json_int.h"

#include <stdlib.h>
#include <string.h>

#define PACK_MAGIC	0x31704f50u	/* also tells the byte order */

/* Followed by n nodes and text_len bytes of text. */
struct pack_head {
	uint32_t	magic;
	uint32_t	n;
	uint32_t	text_len;
	uint32_t	node_size;
};

int
pin_obj_pack(const struct pin_obj *o, struct pin_out *out)
{
	struct pack_head h = { PACK_MAGIC, 0, 0, sizeof(struct pin__node) };

	PIN_VALID(o, PIN__OBJ_MAGIC);
	if (o->failed != PIN_OK)
		return (o->failed);
	h.n = o->n;
	h.text_len = o->text_len;
	pin_out_put(out, &h, sizeof(h));
	pin_out_put(out, o->nodes, o->n * sizeof(*o->nodes));
	pin_out_put(out, o->text, o->text_len);
	return (out->failed);
}

static int
in_text(const struct pin_obj *o, uint32_t off, uint32_t len)
{
	return (len <= o->text_len && off <= o->text_len - len);
}

/* Is node i itself sound? Its links are not looked at. */
static int
sound_node(const struct pin_obj *o, pin_node i, int keyed)
{
	const struct pin__node *n = &o->nodes[i];
	struct pin_str s;

	if (PIN__TYPE(n) == PIN_ABSENT || keyed !=
	    ((n->kt & PIN__KT_KEYED) != 0) ||
	    !in_text(o, n->koff, PIN__KLEN(n)))
		return (0);
	if (PIN__TYPE(n) != PIN_STRING && PIN__TYPE(n) != PIN_NUMBER)
		return (1);
	if (!in_text(o, n->off, n->len))
		return (0);
	s = pin_obj_str(o, i);
	return (PIN__TYPE(n) == PIN_STRING || pin__json_number(s));
}

/* Are the children of container i a proper list of nodes that hang nowhere
 * else? Then walking it in document order cannot go astray. */
static int
sound_children(const struct pin_obj *o, pin_node i, uint8_t *seen)
{
	const struct pin__node *p = &o->nodes[i];
	pin_node c = p->off, prev = 0;
	uint32_t count = 0, next;
	int keyed = PIN__TYPE(p) == PIN_OBJECT;

	if (c == 0)
		return (p->len == 0);
	for (;;) {
		if (c == 0 || c >= o->n || (seen[c / 8] & 1u << c % 8) ||
		    !sound_node(o, c, keyed))
			return (0);
		seen[c / 8] |= (uint8_t)(1u << c % 8);
		if (prev != 0 && o->nodes[c].prev != prev)
			return (0);
		count++;
		prev = c;
		next = o->nodes[c].next;
		if (next & PIN__UP)
			break;
		c = next;
	}
	return (next == (PIN__UP | i) && count == p->len &&
	    o->nodes[p->off].prev == prev);
}

static int
sound(const struct pin_obj *o, uint8_t *seen)
{
	pin_node i = 1;

	if (o->nodes[0].kt != 0 || o->nodes[0].off != 0 ||
	    o->nodes[1].next != PIN__UP || !sound_node(o, 1, 0))
		return (0);
	seen[0] = 3;
	for (;;) {
		if (PIN__IS_TREE(&o->nodes[i])) {
			if (!sound_children(o, i, seen))
				return (0);
			if (o->nodes[i].off != 0) {
				i = o->nodes[i].off;
				continue;
			}
		}
		while (i != 1 && (o->nodes[i].next & PIN__UP))
			i = o->nodes[i].next & ~PIN__UP;
		if (i == 1)
			return (1);
		i = o->nodes[i].next;
	}
}

/* Points o into the bytes; 0 when their sizes do not add up. */
static int
borrow(struct pin_obj *o, const void *bytes, size_t len)
{
	struct pack_head h;
	uint64_t want;

	if (len < sizeof(h) || (uintptr_t)bytes % sizeof(uint32_t) != 0)
		return (0);
	memcpy(&h, bytes, sizeof(h));
	want = sizeof(h) + (uint64_t)h.n * sizeof(struct pin__node) +
	    h.text_len;
	if (h.magic != PACK_MAGIC || h.node_size != sizeof(struct pin__node) ||
	    h.n < 2 || h.n > PIN__NODES_MAX || want != len)
		return (0);
	/* Never written through: `readonly` is asserted by every change. */
	o->nodes = (struct pin__node *)(uintptr_t)((const char *)bytes +
	    sizeof(h));
	o->text = (char *)(o->nodes + h.n);
	o->n = o->cap = h.n;
	o->text_len = o->text_cap = h.text_len;
	o->readonly = 1;
	return (1);
}

int
pin_obj_map(struct pin_arena *a, const void *bytes, size_t len,
    struct pin_obj **out, struct pin_err *err)
{
	struct pin_obj *o;
	uint8_t *seen;
	int ok;

	*out = NULL;
	o = a != NULL ? pin_arena_alloc(a, sizeof(*o)) : malloc(sizeof(*o));
	if (o == NULL)
		return (pin_err_set(err, PIN_ENOMEM,
		    "no memory to map an object"));
	memset(o, 0, sizeof(*o));
	o->magic = PIN__OBJ_MAGIC;
	o->arena = a;
	o->readonly = 1;
	if (!borrow(o, bytes, len)) {
		pin_obj_free(&o);
		return (pin_err_set(err, PIN_ECORRUPT, "packed object of %zu "
		    "bytes: bad head, size or alignment", len));
	}
	seen = calloc(1, (size_t)o->n / 8 + 1);
	if (seen == NULL) {
		pin_obj_free(&o);
		return (pin_err_set(err, PIN_ENOMEM,
		    "no memory to check a packed object"));
	}
	ok = sound(o, seen);
	free(seen);
	if (!ok) {
		pin_obj_free(&o);
		return (pin_err_set(err, PIN_ECORRUPT, "packed object of %zu "
		    "bytes: broken tree", len));
	}
	*out = o;
	return (PIN_OK);
}
