/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_text.c -- what cells are written with: paths, escaped text, ages,
 * sorted maps, label selectors.
 * Pure; any thread. Memory only for maps of many members.
 * Contract: cells.h. */
#include "cells.h"

#include <stdlib.h>
#include <string.h>

#include "lib/timefmt/timefmt.h"

pin_node
pin__cell_from(const struct pin__cell *c, pin_node n, const char *path)
{
	const char *dot;

	if (*path == '.')
		path++;
	while (*path != '\0' && n != 0) {
		dot = strchr(path, '.');
		if (dot == NULL)
			dot = path + strlen(path);
		n = pin_obj_getn(c->obj, n, path, (size_t)(dot - path));
		path = *dot == '.' ? dot + 1 : dot;
	}
	return (pin_obj_type(c->obj, n) <= PIN_NULL ? 0 : n);
}

pin_node
pin__cell_at(const struct pin__cell *c, const char *path)
{
	return (pin__cell_from(c, c->root, path));
}

struct pin_str
pin__cell_text(const struct pin__cell *c, const char *path)
{
	return (pin_obj_str(c->obj, pin__cell_from(c, c->root, path)));
}

struct pin_str
pin__cell_member(const struct pin__cell *c, pin_node n, const char *key)
{
	return (pin_obj_str(c->obj, pin_obj_get(c->obj, n, key)));
}

int64_t
pin__cell_int(const struct pin__cell *c, pin_node n, const char *path)
{
	int64_t v;

	if (!pin_obj_i64(c->obj, pin__cell_from(c, n, path), &v))
		return (0);
	return (v);
}

bool
pin__cell_true(const struct pin__cell *c, pin_node n, const char *path)
{
	return (pin_obj_true(c->obj, pin__cell_from(c, n, path)) != 0);
}

bool
pin__str_is(struct pin_str s, const char *word)
{
	size_t len = strlen(word);

	return (s.len == len && memcmp(s.p, word, len) == 0);
}

int
pin__str_cmp(struct pin_str a, struct pin_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int d = len == 0 ? 0 : memcmp(a.p, b.p, len);

	if (d != 0)
		return (d);
	return (a.len < b.len ? -1 : a.len > b.len);
}

/* Most text needs no escape and is copied; the rest goes through the one
 * writer of strings, whose quotes are then taken off. */
void
pin__cell_put(struct pin__cell *c, struct pin_str s)
{
	struct pin_out *o = c->out;
	size_t i, start;

	for (i = 0; i < s.len; i++) {
		unsigned char b = (unsigned char)s.p[i];

		if (b < 0x20 || b >= 0x7f || b == '"' || b == '\\' ||
		    b == '<' || b == '>' || b == '&')
			break;
	}
	if (i == s.len) {
		pin_out_str(o, s);
		return;
	}
	start = o->len;
	pin_json_quote(o, s);
	if (o->failed != PIN_OK)
		return;
	memmove(o->p + start, o->p + start + 1, o->len - start - 2);
	o->len -= 2;
}

/* Words of ours, whose only escapes are those of "<none>" and its like. */
void
pin__cell_raw(struct pin__cell *c, const char *word)
{
	pin__cell_put(c, (struct pin_str){ word, strlen(word) });
}

void
pin__cell_num(struct pin__cell *c, int64_t n)
{
	pin_out_i64(c->out, n);
}

void
pin__cell_node(struct pin__cell *c, pin_node n)
{
	pin__cell_put(c, pin_obj_str(c->obj, n));
}

/* ASCII only: kinds and resources are. */
void
pin__cell_lower(struct pin__cell *c, struct pin_str s)
{
	char *p;
	size_t i, start = c->out->len;

	pin__cell_put(c, s);
	if (c->out->failed != PIN_OK)
		return;
	p = c->out->p;
	for (i = start; i < c->out->len; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	}
}

void
pin__cell_quote(struct pin__cell *c, struct pin_str s)
{
	pin_out_char(c->out, '"');
	pin__cell_put(c, s);
	pin_out_char(c->out, '"');
}

void
pin__cell_word(struct pin__cell *c, const char *word)
{
	pin__cell_quote(c, (struct pin_str){ word, strlen(word) });
}

void
pin__cell_or(struct pin__cell *c, struct pin_str s, const char *word)
{
	if (s.len == 0)
		pin__cell_word(c, word);
	else
		pin__cell_quote(c, s);
}

int64_t
pin__cell_time(const struct pin__cell *c, pin_node n)
{
	struct pin_str s = pin_obj_str(c->obj, n);
	struct pin_err err;
	int64_t t;

	if (s.len == 0 || pin_time_parse(s, &t, &err) != PIN_OK)
		return (PIN_TIME_ZERO);
	return (t);
}

void
pin__cell_span(struct pin__cell *c, int64_t sec)
{
	char text[PIN_AGE_TEXT_MAX];
	size_t len = pin_age_format(sec, text);

	pin__cell_put(c, (struct pin_str){ text, len });
}

void
pin__cell_since(struct pin__cell *c, int64_t time_s)
{
	if (time_s == PIN_TIME_ZERO)
		pin__cell_raw(c, "<unknown>");
	else
		pin__cell_span(c, c->now_s - time_s);
}

/* ---- sorted members -------------------------------------------------- */

void
pin__sorted_init(struct pin__cell *c, struct pin__sorted *s, uint32_t max)
{
	s->n = 0;
	s->items = s->few;
	if (max <= PIN_CELL_SORT_FEW)
		return;
	s->items = calloc(max, sizeof(*s->items));
	if (s->items == NULL)
		c->out->failed = PIN_ENOMEM;
}

void
pin__sorted_add(struct pin__sorted *s, struct pin_str key, pin_node node)
{
	if (s->items == NULL)
		return;
	s->items[s->n].key = key;
	s->items[s->n].node = node;
	s->n++;
}

static int
pair_cmp(const void *a, const void *b)
{
	const struct pin__pair *x = a, *y = b;
	int d = pin__str_cmp(x->key, y->key);

	if (d != 0)
		return (d);
	return (x->node < y->node ? -1 : x->node > y->node);
}

void
pin__sorted_sort(struct pin__sorted *s)
{
	if (s->n > 1)
		qsort(s->items, s->n, sizeof(*s->items), pair_cmp);
}

void
pin__sorted_map(struct pin__cell *c, struct pin__sorted *s, pin_node map)
{
	pin_node m;

	pin__sorted_init(c, s, pin_obj_type(c->obj, map) == PIN_OBJECT ?
	    pin_obj_count(c->obj, map) : 0);
	if (pin_obj_type(c->obj, map) != PIN_OBJECT)
		return;
	for (m = pin_obj_first(c->obj, map); m != 0;
	    m = pin_obj_next(c->obj, m))
		pin__sorted_add(s, pin_obj_key(c->obj, m), m);
	pin__sorted_sort(s);
}

void
pin__sorted_fini(struct pin__sorted *s)
{
	if (s->items != s->few)
		free(s->items);
	s->items = NULL;
	s->n = 0;
}

/* ---- label selectors ------------------------------------------------- */

/* "a,b" of an array, sorted. */
static void
put_values(struct pin__cell *c, pin_node values)
{
	struct pin__sorted s;
	pin_node v;
	uint32_t i;

	pin__sorted_init(c, &s, pin_obj_count(c->obj, values));
	for (v = pin_obj_first(c->obj, values); v != 0;
	    v = pin_obj_next(c->obj, v))
		pin__sorted_add(&s, pin_obj_str(c->obj, v), v);
	pin__sorted_sort(&s);
	for (i = 0; i < s.n; i++) {
		if (i != 0)
			pin_out_char(c->out, ',');
		pin__cell_put(c, s.items[i].key);
	}
	pin__sorted_fini(&s);
}

static void
put_requirement(struct pin__cell *c, struct pin_str key, pin_node n)
{
	struct pin_str op;

	if (pin_obj_type(c->obj, n) != PIN_OBJECT) {
		pin__cell_put(c, key);
		pin_out_char(c->out, '=');
		pin__cell_node(c, n);
		return;
	}
	op = pin__cell_member(c, n, "operator");
	if (pin__str_is(op, "DoesNotExist"))
		pin_out_char(c->out, '!');
	pin__cell_put(c, key);
	if (pin__str_is(op, "In"))
		pin_out_cstr(c->out, " in (");
	else if (pin__str_is(op, "NotIn"))
		pin_out_cstr(c->out, " notin (");
	else
		return;
	put_values(c, pin_obj_get(c->obj, n, "values"));
	pin_out_char(c->out, ')');
}

bool
pin__cell_query(struct pin__cell *c, pin_node selector)
{
	struct pin__sorted s;
	pin_node labels, exprs, n;
	uint32_t i;

	labels = pin__cell_from(c, selector, "matchLabels");
	exprs = pin__cell_from(c, selector, "matchExpressions");
	pin__sorted_init(c, &s, pin_obj_count(c->obj, labels) +
	    pin_obj_count(c->obj, exprs));
	for (n = pin_obj_first(c->obj, labels); n != 0;
	    n = pin_obj_next(c->obj, n))
		pin__sorted_add(&s, pin_obj_key(c->obj, n), n);
	for (n = pin_obj_first(c->obj, exprs); n != 0;
	    n = pin_obj_next(c->obj, n))
		pin__sorted_add(&s, pin__cell_member(c, n, "key"), n);
	pin__sorted_sort(&s);
	for (i = 0; i < s.n; i++) {
		if (i != 0)
			pin_out_char(c->out, ',');
		put_requirement(c, s.items[i].key, s.items[i].node);
	}
	i = s.n;
	pin__sorted_fini(&s);
	return (i != 0);
}
