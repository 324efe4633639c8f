/* SPDX-License-Identifier: BSD-2-Clause
 *
 * obj.c -- the memory of struct pin_obj and everything that only reads it.
 * Const objects are read by many threads at once.
 * Contract: pintle/object.h. */
#include "json_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST	((size_t)128)
#define NODES_FIRST	((size_t)16)
#define NUMBER_MAX	((size_t)1024)	/* longer ones have no double */

/* ---- memory --------------------------------------------------------- */

struct pin_obj *
pin__obj_new(struct pin_arena *a, size_t text_cap, size_t nodes_cap)
{
	struct pin_obj *o;

	PIN_ASSERT(text_cap <= PIN__TEXT_MAX && nodes_cap < PIN__NODES_MAX);
	if (nodes_cap < 2)
		nodes_cap = 2;
	if (text_cap == 0)
		text_cap = 1;
	o = a != NULL ? pin_arena_alloc(a, sizeof(*o)) : malloc(sizeof(*o));
	if (o == NULL)
		return (NULL);
	memset(o, 0, sizeof(*o));
	o->magic = PIN__OBJ_MAGIC;
	o->arena = a;
	if (a != NULL) {
		o->text = pin_arena_alloc(a, text_cap);
		o->nodes = pin_arena_alloc(a, nodes_cap * sizeof(*o->nodes));
	} else {
		o->text = malloc(text_cap);
		o->nodes = malloc(nodes_cap * sizeof(*o->nodes));
	}
	if (o->text == NULL || o->nodes == NULL) {
		pin_obj_free(&o);
		return (NULL);
	}
	memset(&o->nodes[0], 0, sizeof(o->nodes[0]));
	o->text_cap = (uint32_t)text_cap;
	o->cap = (uint32_t)nodes_cap;
	o->n = 1;
	return (o);
}

void
pin_obj_free(struct pin_obj **op)
{
	struct pin_obj *o;

	if (op == NULL || (o = *op) == NULL)
		return;
	*op = NULL;
	PIN_VALID(o, PIN__OBJ_MAGIC);
	if (o->arena != NULL)
		return;
	if (!o->readonly) {
		free(o->text);
		free(o->nodes);
		free(o->index);
	}
	o->magic = 0;
	free(o);
}

static int
fail(struct pin_obj *o, int code)
{
	if (o->failed == PIN_OK)
		o->failed = code;
	return (0);
}

static void *
regrow(struct pin_obj *o, void *old, size_t old_len, size_t new_len)
{
	if (o->arena != NULL)
		return (pin_arena_grow(o->arena, old, old_len, new_len));
	return (realloc(old, new_len));
}

int
pin__obj_text_room(struct pin_obj *o, size_t len)
{
	size_t cap = o->text_cap, want = (size_t)o->text_len + len;
	char *p;

	if (o->failed != PIN_OK)
		return (0);
	PIN_ASSERT(!o->readonly);
	if (want <= cap)
		return (1);
	if (len > PIN__TEXT_MAX || want > PIN__TEXT_MAX)
		return (fail(o, PIN_ELIMIT));
	cap = cap * 2 > TEXT_FIRST ? cap * 2 : TEXT_FIRST;
	if (cap < want)
		cap = want;
	if (cap > PIN__TEXT_MAX)
		cap = PIN__TEXT_MAX;
	p = regrow(o, o->text, o->text_cap, cap);
	if (p == NULL)
		return (fail(o, PIN_ENOMEM));
	o->text = p;
	o->text_cap = (uint32_t)cap;
	return (1);
}

int
pin__obj_node_room(struct pin_obj *o)
{
	size_t cap = o->cap;
	struct pin__node *p;

	if (o->failed != PIN_OK)
		return (0);
	PIN_ASSERT(!o->readonly);
	if (o->n < cap)
		return (1);
	if (cap >= PIN__NODES_MAX / 2)
		return (fail(o, PIN_ELIMIT));
	cap = cap * 2 > NODES_FIRST ? cap * 2 : NODES_FIRST;
	p = regrow(o, o->nodes, o->cap * sizeof(*p), cap * sizeof(*p));
	if (p == NULL)
		return (fail(o, PIN_ENOMEM));
	o->nodes = p;
	o->cap = (uint32_t)cap;
	return (1);
}

/* A guess at the number of nodes is kept when it was a good one: what is
 * left serves the defaults that decoding is followed by. */
void
pin__obj_trim(struct pin_obj *o)
{
	size_t cap = o->n + o->n / 4 + 8;
	struct pin__node *p;

	if (cap >= o->cap)
		return;
	p = regrow(o, o->nodes, o->cap * sizeof(*p), cap * sizeof(*p));
	if (p == NULL)
		return;
	o->nodes = p;
	o->cap = (uint32_t)cap;
}

int
pin__obj_text_add(struct pin_obj *o, const char *p, size_t len, uint32_t *off)
{
	uintptr_t at = (uintptr_t)p, text = (uintptr_t)o->text;

	if (o->failed != PIN_OK)
		return (0);
	if (len == 0) {
		*off = 0;
		return (1);
	}
	if (at >= text && at - text < o->text_len &&
	    len <= o->text_len - (at - text)) {
		*off = (uint32_t)(at - text);
		return (1);
	}
	if (!pin__obj_text_room(o, len))
		return (0);
	memcpy(o->text + o->text_len, p, len);
	*off = o->text_len;
	o->text_len += (uint32_t)len;
	return (1);
}

pin_node
pin__obj_node_add(struct pin_obj *o, int type, uint32_t off, uint32_t len)
{
	struct pin__node *n;

	if (!pin__obj_node_room(o))
		return (0);
	n = &o->nodes[o->n];
	n->off = off;
	n->len = len;
	n->next = PIN__UP;
	n->prev = 0;
	n->koff = 0;
	n->kt = (uint32_t)type;
	return (o->n++);
}

struct pin_obj *
pin_obj_new(struct pin_arena *a)
{
	struct pin_obj *o = pin__obj_new(a, TEXT_FIRST, NODES_FIRST);

	if (o != NULL)
		(void)pin__obj_node_add(o, PIN_OBJECT, 0, 0);
	return (o);
}

struct pin_obj *
pin_obj_copy(struct pin_arena *a, const struct pin_obj *o)
{
	struct pin_obj *c;

	PIN_VALID(o, PIN__OBJ_MAGIC);
	c = pin__obj_new(a, o->text_len, (size_t)o->n + o->n / 4);
	if (c == NULL)
		return (NULL);
	if (o->text_len != 0)
		memcpy(c->text, o->text, o->text_len);
	memcpy(c->nodes, o->nodes, o->n * sizeof(*o->nodes));
	c->text_len = o->text_len;
	c->n = o->n;
	c->failed = o->failed;
	if (!pin__member_copy(c, o))
		pin_obj_free(&c);
	return (c);
}

int
pin_obj_failed(const struct pin_obj *o)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	return (o->failed);
}

/* ---- reading -------------------------------------------------------- */

static inline const struct pin__node *
node(const struct pin_obj *o, pin_node n)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_ASSERT(n < o->n);
	return (&o->nodes[n]);
}

pin_node
pin_obj_root(const struct pin_obj *o)
{
	PIN_VALID(o, PIN__OBJ_MAGIC);
	return (o->n > 1 ? 1 : 0);
}

int
pin_obj_type(const struct pin_obj *o, pin_node n)
{
	return ((int)PIN__TYPE(node(o, n)));
}

pin_node
pin_obj_getn(const struct pin_obj *o, pin_node n, const char *key, size_t len)
{
	const struct pin__node *p = node(o, n), *c;
	pin_node first, i;

	if (PIN__TYPE(p) != PIN_OBJECT || p->off == 0)
		return (0);
	if ((p->kt & PIN__KT_INDEXED) && o->index != NULL)
		return (pin__member_get(o, n, (struct pin_str){ key, len }));
	/* From the last to the first: the last of equal keys counts. */
	first = p->off;
	i = o->nodes[first].prev;
	for (;; i = c->prev) {
		c = &o->nodes[i];
		if (PIN__KLEN(c) == len && (len == 0 ||
		    memcmp(o->text + c->koff, key, len) == 0))
			return (i);
		if (i == first)
			return (0);
	}
}

pin_node
pin_obj_get(const struct pin_obj *o, pin_node n, const char *key)
{
	return (pin_obj_getn(o, n, key, strlen(key)));
}

pin_node
pin_obj_at(const struct pin_obj *o, pin_node n, ...)
{
	const char *key;
	va_list ap;

	va_start(ap, n);
	while (n != 0 && (key = va_arg(ap, const char *)) != NULL)
		n = pin_obj_get(o, n, key);
	va_end(ap);
	return (n);
}

pin_node
pin_obj_first(const struct pin_obj *o, pin_node n)
{
	const struct pin__node *p = node(o, n);

	return (PIN__IS_TREE(p) ? p->off : 0);
}

pin_node
pin_obj_next(const struct pin_obj *o, pin_node n)
{
	uint32_t next = node(o, n)->next;

	return (next & PIN__UP ? 0 : next);
}

uint32_t
pin_obj_count(const struct pin_obj *o, pin_node n)
{
	const struct pin__node *p = node(o, n);

	return (PIN__IS_TREE(p) ? p->len : 0);
}

struct pin_str
pin_obj_key(const struct pin_obj *o, pin_node n)
{
	const struct pin__node *p = node(o, n);

	if (n == 0)
		return (PIN_STR_NONE);
	return (pin__obj_keystr(o, p));
}

struct pin_str
pin_obj_str(const struct pin_obj *o, pin_node n)
{
	const struct pin__node *p = node(o, n);
	struct pin_str s = PIN_STR_NONE;

	if (PIN__TYPE(p) == PIN_STRING || PIN__TYPE(p) == PIN_NUMBER) {
		s.p = o->text + p->off;
		s.len = p->len;
	}
	return (s);
}

int
pin_obj_i64(const struct pin_obj *o, pin_node n, int64_t *out)
{
	const struct pin__node *p = node(o, n);
	uint64_t v = 0, max = INT64_MAX;
	const char *s, *end;
	int neg;

	if (PIN__TYPE(p) != PIN_NUMBER)
		return (0);
	s = o->text + p->off;
	end = s + p->len;
	neg = *s == '-';
	s += neg;
	max += (uint64_t)neg;
	for (; s < end; s++) {
		unsigned int d = (unsigned int)(*s - '0');

		if (d > 9 || v > (max - d) / 10)
			return (0);
		v = v * 10 + d;
	}
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return (1);
}

int
pin_obj_f64(const struct pin_obj *o, pin_node n, double *out)
{
	const struct pin__node *p = node(o, n);
	char buf[NUMBER_MAX + 1], *end;
	double d;

	if (PIN__TYPE(p) != PIN_NUMBER || p->len > NUMBER_MAX)
		return (0);
	memcpy(buf, o->text + p->off, p->len);
	buf[p->len] = '\0';
	d = strtod(buf, &end);
	if (end != buf + p->len || d > 1.7976931348623157e308 ||
	    d < -1.7976931348623157e308)
		return (0);
	*out = d;
	return (1);
}

int
pin_obj_true(const struct pin_obj *o, pin_node n)
{
	return (PIN__TYPE(node(o, n)) == PIN_TRUE);
}
