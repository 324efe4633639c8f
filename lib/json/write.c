/* SPDX-License-Identifier: BSD-2-Clause
 *
 * write.c -- struct pin_obj to compact JSON, as Go's encoding/json writes
 * it: no spaces, members in their order, HTML-safe escapes.
 * Pure, no recursion. Contract: pintle/object.h. */
#include "json_int.h"
#include "scan.h"

#include <string.h>

static const char hex[] = "0123456789abcdef";
static const char special[] = "\"\\\b\f\n\r\t";
static const char letter[] = "\"\\bfnrt";

/* Writes the escape of the byte at p to out and returns the byte behind what
 * it stands for. Well-formed UTF-8 passes as it is, but U+2028 and U+2029
 * end a line in JavaScript. */
static const char *
put_escape(struct pin_out *out, const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;
	char esc[6] = { '\\', 'u', '0', '0', 0, 0 };
	const char *at;
	size_t n;

	if (c >= 0x80) {
		n = pin__utf8_len(p, end);
		if (n == 0) {
			pin_out_put(out, "\\ufffd", 6);
			return (p + 1);
		}
		if (n == 3 && c == 0xe2 && (unsigned char)p[1] == 0x80 &&
		    ((unsigned char)p[2] & 0xfe) == 0xa8) {
			pin_out_put(out, p[2] & 1 ? "\\u2029" : "\\u2028", 6);
			return (p + 3);
		}
		pin_out_put(out, p, n);
		return (p + n);
	}
	at = memchr(special, c, sizeof(special) - 1);
	if (at != NULL) {
		esc[1] = letter[at - special];
		pin_out_put(out, esc, 2);
		return (p + 1);
	}
	esc[4] = hex[c >> 4];
	esc[5] = hex[c & 15];
	pin_out_put(out, esc, 6);
	return (p + 1);
}

/* `"` p `"` and, for a key, `:`. */
static inline void
put_run(struct pin_out *out, const char *p, size_t len, size_t colon)
{
	char *w = pin_out_room(out, len + 2 + colon);

	if (w == NULL)
		return;
	*w++ = '"';
	memcpy(w, p, len);
	w[len] = '"';
	if (colon)
		w[len + 1] = ':';
}

static void
put_string(struct pin_out *out, const char *p, size_t len)
{
	const char *end = p + len, *q = pin__scan_plain(p, end);

	if (PIN_LIKELY(q == end)) {
		put_run(out, p, len, 0);
		return;
	}
	pin_out_char(out, '"');
	while (p < end && out->failed == PIN_OK) {
		pin_out_put(out, p, (size_t)(q - p));
		p = q < end ? put_escape(out, q, end) : q;
		q = pin__scan_plain(p, end);
	}
	pin_out_char(out, '"');
}

static inline void
put_key(struct pin_out *out, const char *p, size_t len)
{
	if (PIN_LIKELY(pin__scan_plain(p, p + len) == p + len)) {
		put_run(out, p, len, 1);
		return;
	}
	put_string(out, p, len);
	pin_out_char(out, ':');
}

void
pin_json_quote(struct pin_out *out, struct pin_str s)
{
	put_string(out, s.len != 0 ? s.p : "", s.len);
}

static void
put_scalar(struct pin_out *out, const struct pin_obj *o,
    const struct pin__node *n)
{
	switch (PIN__TYPE(n)) {
	case PIN_STRING:
		put_string(out, o->text + n->off, n->len);
		break;
	case PIN_NUMBER:
		pin_out_put(out, o->text + n->off, n->len);
		break;
	case PIN_TRUE:
		pin_out_put(out, "true", 4);
		break;
	case PIN_FALSE:
		pin_out_put(out, "false", 5);
		break;
	default:
		pin_out_put(out, "null", 4);
		break;
	}
}

void
pin_obj_write(const struct pin_obj *o, pin_node top, struct pin_out *out)
{
	const struct pin__node *n;
	pin_node i = top;
	uint32_t type;

	PIN_VALID(o, PIN__OBJ_MAGIC);
	PIN_ASSERT(top < o->n);
	if (o->failed != PIN_OK) {
		out->failed = out->failed != PIN_OK ? out->failed : o->failed;
		return;
	}
	while (out->failed == PIN_OK) {
		n = &o->nodes[i];
		if ((n->kt & PIN__KT_KEYED) && i != top)
			put_key(out, o->text + n->koff, PIN__KLEN(n));
		if (PIN__IS_TREE(n)) {
			type = PIN__TYPE(n);
			pin_out_char(out, type == PIN_OBJECT ? '{' : '[');
			if (n->off != 0) {
				i = n->off;
				continue;
			}
			pin_out_char(out, type == PIN_OBJECT ? '}' : ']');
		} else
			put_scalar(out, o, n);
		while (i != top && (o->nodes[i].next & PIN__UP)) {
			i = o->nodes[i].next & ~PIN__UP;
			pin_out_char(out, PIN__TYPE(&o->nodes[i]) ==
			    PIN_OBJECT ? '}' : ']');
		}
		if (i == top)
			return;
		i = o->nodes[i].next;
		pin_out_char(out, ',');
	}
}
