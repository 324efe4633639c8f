/* SPDX-License-Identifier: BSD-2-Clause
 *
 * write.c -- struct pin_obj to block-style YAML through libyaml's emitter,
 * with the key order and the quoting of go-yaml v2.
 * One thread at a time; no recursion. Contract: yaml.h. */
#include "yaml_int.h"
#include "lib/json/json_int.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct item {
	struct pin_str	key;
	pin_node	node;
};

/* A container being written: its children in the order they come. */
struct level {
	struct item	*items;
	uint32_t	 n, i;
	int		 map;
};

struct writer {
	const struct pin_obj	*o;
	yaml_emitter_t		 em;
	struct pin_out		*out;
	struct level		*levels;
	uint32_t		 n, cap;
	struct pin_arena	*tmp;	/* repaired strings */
};

static int
write_out(void *arg, unsigned char *bytes, size_t len)
{
	struct pin_out *out = arg;

	pin_out_put(out, bytes, len);
	return (out->failed == PIN_OK);
}

static int
failed(struct writer *w, int code)
{
	if (w->out->failed == PIN_OK)
		w->out->failed = code;
	return (0);
}

static int
emit(struct writer *w, yaml_event_t *ev, int ok)
{
	if (!ok || !yaml_emitter_emit(&w->em, ev))
		return (failed(w, PIN_ENOMEM));
	return (1);
}

/* ---- key order ------------------------------------------------------ */

static int
is_digit(uint32_t c)
{
	return (c >= '0' && c <= '9');
}

/* What Go's unicode.IsLetter says, coarse outside ASCII: blocks of
 * punctuation and signs are left out, all else counts. */
static int
is_letter(uint32_t c)
{
	static const struct {
		uint32_t	lo, hi;
	} none[] = {
		{ 0x80, 0xa9 }, { 0xab, 0xb4 }, { 0xb6, 0xb9 }, { 0xbb, 0xbf },
		{ 0xd7, 0xd7 }, { 0xf7, 0xf7 }, { 0x300, 0x36f },
		{ 0x2000, 0x2070 }, { 0x20a0, 0x20ff }, { 0x2190, 0x2bff },
		{ 0x3000, 0x3004 }, { 0x3008, 0x3020 }, { 0xe000, 0xf8ff },
		{ 0xfe00, 0xfe6f }, { 0xfeff, 0xff20 }, { 0xfff0, 0xffff },
		{ 0x1f000, 0x1fbff },
	};
	size_t i;

	if (c < 0x80)
		return ((c | 32) - 'a' < 26);
	for (i = 0; i < PIN_LEN(none); i++) {
		if (c >= none[i].lo && c <= none[i].hi)
			return (0);
	}
	return (1);
}

/* The character that byte i of s belongs to. */
static uint32_t
rune_at(struct pin_str s, size_t i)
{
	const unsigned char *p;
	size_t n, k;
	uint32_t c;

	while (i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80)
		i--;
	p = (const unsigned char *)s.p + i;
	n = pin__utf8_len(s.p + i, s.p + s.len);
	if (n < 2)
		return (p[0]);
	c = p[0] & (0xffu >> (n + 1));
	for (k = 1; k < n; k++)
		c = c << 6 | (p[k] & 0x3f);
	return (c);
}

static uint64_t
digits_at(struct pin_str s, size_t i, uint64_t v, size_t *end)
{
	for (; i < s.len && is_digit((unsigned char)s.p[i]); i++)
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	*end = i;
	return (v);
}

/* Natural order at the first byte where two keys differ: letters behind
 * everything else, runs of digits by value. */
static int
cmp_at(struct pin_str a, struct pin_str b, size_t i)
{
	uint32_t x = rune_at(a, i), y = rune_at(b, i);
	uint64_t an = 0, bn = 0;
	size_t ai, bi, j;

	if (is_letter(x) && is_letter(y))
		return (x < y ? -1 : 1);
	if (is_letter(x) || is_letter(y))
		return (is_letter(y) ? -1 : 1);
	if (x == '0' || y == '0') {
		for (j = i; j-- > 0 && is_digit((unsigned char)a.p[j]);) {
			if (a.p[j] != '0') {
				an = bn = 1;
				break;
			}
		}
	}
	an = digits_at(a, i, an, &ai);
	bn = digits_at(b, i, bn, &bi);
	if (an != bn)
		return (an < bn ? -1 : 1);
	if (ai != bi)
		return (ai < bi ? -1 : 1);
	return (x < y ? -1 : 1);
}

static int
cmp_items(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	size_t n = a->key.len < b->key.len ? a->key.len : b->key.len, i;

	for (i = 0; i < n; i++) {
		if (a->key.p[i] != b->key.p[i])
			return (cmp_at(a->key, b->key, i));
	}
	if (a->key.len != b->key.len)
		return (a->key.len < b->key.len ? -1 : 1);
	return (a->node < b->node ? -1 : a->node > b->node);
}

/* ---- events --------------------------------------------------------- */

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? -- a number to others. */
static int
is_base60(struct pin_str s)
{
	size_t i = 0, groups = 0;

	if (i < s.len && (s.p[i] == '+' || s.p[i] == '-'))
		i++;
	if (i == s.len || !is_digit((unsigned char)s.p[i]))
		return (0);
	while (i < s.len && (is_digit((unsigned char)s.p[i]) ||
	    s.p[i] == '_'))
		i++;
	for (; i < s.len && s.p[i] == ':'; groups++) {
		i++;
		if (i + 1 < s.len && s.p[i] <= '5' &&
		    is_digit((unsigned char)s.p[i]) &&
		    is_digit((unsigned char)s.p[i + 1]))
			i++;
		if (i == s.len || !is_digit((unsigned char)s.p[i]))
			return (0);
		i++;
	}
	if (i < s.len && s.p[i] == '.') {
		for (i++; i < s.len && (is_digit((unsigned char)s.p[i]) ||
		    s.p[i] == '_'); i++)
			;
	}
	return (groups != 0 && i == s.len);
}

/* s with U+FFFD for what is no UTF-8; s itself when all of it is. */
static struct pin_str
repair(struct writer *w, struct pin_str s)
{
	const char *p = s.p, *end = s.p + s.len;
	struct pin_out out;
	size_t n;

	while (p < end && (n = pin__utf8_len(p, end)) != 0)
		p += n;
	if (p == end)
		return (s);
	pin_out_init(&out, w->tmp, (size_t)PIN_OBJ_TEXT_MAX * 3);
	for (p = s.p; p < end; p += n != 0 ? n : 1) {
		n = pin__utf8_len(p, end);
		pin_out_put(&out, n != 0 ? p : "\xef\xbf\xbd", n != 0 ? n : 3);
	}
	if (out.failed != PIN_OK)
		failed(w, out.failed);
	return ((struct pin_str){ out.p, out.len });
}

static int
emit_scalar(struct writer *w, struct pin_str s, yaml_scalar_style_t style)
{
	yaml_event_t ev;

	return (emit(w, &ev, yaml_scalar_event_initialize(&ev, NULL, NULL,
	    (const yaml_char_t *)(s.len != 0 ? s.p : ""), (int)s.len, 1, 1,
	    style)));
}

static int
emit_string(struct writer *w, struct pin_str s)
{
	yaml_scalar_style_t style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	struct yscalar v;

	s = repair(w, s);
	if (w->out->failed != PIN_OK)
		return (0);
	if (s.len != 0 && memchr(s.p, '\n', s.len) != NULL) {
		style = YAML_LITERAL_SCALAR_STYLE;
	} else {
		(void)pin__yaml_resolve(TAG_NONE, s, &v);
		if (v.tag == TAG_STR && !pin__yaml_timestamp(s) &&
		    !is_base60(s))
			style = YAML_PLAIN_SCALAR_STYLE;
	}
	return (emit_scalar(w, s, style));
}

/* Numbers take the way through YAML that the reference sends them. */
static int
emit_number(struct writer *w, struct pin_str s)
{
	struct yscalar v;
	char buf[64];

	(void)pin__yaml_resolve(TAG_NONE, s, &v);
	if (v.type == PIN_NUMBER && v.tag == TAG_FLOAT)
		s = (struct pin_str){ buf, pin__yaml_float(v.value, 64, 'g',
		    buf) };
	else if (v.type == PIN_NUMBER)
		s = (struct pin_str){ v.json, v.len };
	return (emit_scalar(w, s, YAML_PLAIN_SCALAR_STYLE));
}

/* ---- the walk ------------------------------------------------------- */

static int
open_level(struct writer *w, pin_node n, int map)
{
	struct level *l;
	yaml_event_t ev;
	uint32_t cap, i = 0;
	pin_node c;

	if (w->n >= PIN_YAML_DEPTH_MAX)
		return (failed(w, PIN_ELIMIT));
	if (w->n == w->cap) {
		cap = w->cap != 0 ? w->cap * 2 : 32;
		l = realloc(w->levels, cap * sizeof(*l));
		if (l == NULL)
			return (failed(w, PIN_ENOMEM));
		w->levels = l;
		w->cap = cap;
	}
	l = &w->levels[w->n];
	memset(l, 0, sizeof(*l));
	l->map = map;
	l->n = pin_obj_count(w->o, n);
	l->items = malloc((l->n + 1) * sizeof(*l->items));
	if (l->items == NULL)
		return (failed(w, PIN_ENOMEM));
	w->n++;
	for (c = pin_obj_first(w->o, n); c != 0; c = pin_obj_next(w->o, c))
		l->items[i++] = (struct item){ pin_obj_key(w->o, c), c };
	PIN_ASSERT(i == l->n);
	if (map)
		qsort(l->items, l->n, sizeof(*l->items), cmp_items);
	if (map)
		return (emit(w, &ev, yaml_mapping_start_event_initialize(&ev,
		    NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)));
	return (emit(w, &ev, yaml_sequence_start_event_initialize(&ev, NULL,
	    NULL, 1, YAML_BLOCK_SEQUENCE_STYLE)));
}

static int
close_level(struct writer *w)
{
	struct level *l = &w->levels[--w->n];
	yaml_event_t ev;

	free(l->items);
	return (emit(w, &ev, l->map ? yaml_mapping_end_event_initialize(&ev) :
	    yaml_sequence_end_event_initialize(&ev)));
}

static int
emit_value(struct writer *w, pin_node n)
{
	switch (pin_obj_type(w->o, n)) {
	case PIN_OBJECT:
		return (open_level(w, n, 1));
	case PIN_ARRAY:
		return (open_level(w, n, 0));
	case PIN_STRING:
		return (emit_string(w, pin_obj_str(w->o, n)));
	case PIN_NUMBER:
		return (emit_number(w, pin_obj_str(w->o, n)));
	case PIN_TRUE:
		return (emit_scalar(w, PIN_STR("true"),
		    YAML_PLAIN_SCALAR_STYLE));
	case PIN_FALSE:
		return (emit_scalar(w, PIN_STR("false"),
		    YAML_PLAIN_SCALAR_STYLE));
	default:
		return (emit_scalar(w, PIN_STR("null"),
		    YAML_PLAIN_SCALAR_STYLE));
	}
}

static int
step(struct writer *w)
{
	struct level *l = &w->levels[w->n - 1];
	struct item *it;

	if (l->i == l->n)
		return (close_level(w));
	it = &l->items[l->i++];
	if (l->map) {
		/* Of equal keys the last one counts. */
		if (l->i < l->n && pin_str_eq(it->key, it[1].key))
			return (1);
		if (!emit_string(w, it->key))
			return (0);
	}
	return (emit_value(w, it->node));
}

static int
write_document(struct writer *w, pin_node n)
{
	yaml_event_t ev;

	if (!emit(w, &ev, yaml_stream_start_event_initialize(&ev,
	    YAML_UTF8_ENCODING)) ||
	    !emit(w, &ev, yaml_document_start_event_initialize(&ev, NULL,
	    NULL, NULL, 1)) || !emit_value(w, n))
		return (0);
	while (w->n != 0) {
		if (!step(w))
			return (0);
	}
	w->em.open_ended = 0;
	if (!emit(w, &ev, yaml_document_end_event_initialize(&ev, 1)))
		return (0);
	w->em.open_ended = 0;
	return (emit(w, &ev, yaml_stream_end_event_initialize(&ev)));
}

void
pin_yaml_write(const struct pin_obj *o, pin_node n, struct pin_out *out)
{
	struct writer w;

	memset(&w, 0, sizeof(w));
	w.o = o;
	w.out = out;
	if (pin_obj_failed(o) != PIN_OK) {
		failed(&w, pin_obj_failed(o));
		return;
	}
	if (!yaml_emitter_initialize(&w.em)) {
		failed(&w, PIN_ENOMEM);
		return;
	}
	w.tmp = pin_arena_new(SIZE_MAX / 2);
	yaml_emitter_set_output(&w.em, write_out, out);
	yaml_emitter_set_unicode(&w.em, 1);
	(void)write_document(&w, n);
	while (w.n != 0)
		free(w.levels[--w.n].items);
	free(w.levels);
	yaml_emitter_delete(&w.em);
	pin_arena_free(&w.tmp);
}
