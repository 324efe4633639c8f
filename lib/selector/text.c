/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.c -- Go's %q and %v, as far as messages on the wire need them.
 * Pure.
 * Map members print sorted by key, as fmt does; each key is shown once,
 * with its last value, as a decoded Go map would hold it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/selector/text.h"

#define GO_EXP_MAX	6	/* from here on %v prints an exponent */
#define GO_SORT_MAX	256	/* members of one map that are sorted */

/* The length of the well-formed UTF-8 sequence at s, or 0. */
static size_t
utf8_len(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (s[0] < 0x80) {
		*cp = s[0];
		return (1);
	}
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
		return (0);
	c = s[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return (0);
	*cp = c;
	return (len);
}

/* Not exact for unassigned code points: Go carries tables for those. */
static int
printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad)
		return (0);
	if ((c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
	    (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff)
		return (0);
	return (!(c >= 0xe000 && c <= 0xf8ff) && (c & 0xfffe) != 0xfffe);
}

static void
quote_special(struct pin_out *out, uint32_t c)
{
	static const char from[] = "\a\b\f\n\r\t\v\"\\";
	static const char to[] = "abfnrtv\"\\";
	const char *p;

	if (c != 0 && c < 0x80 && (p = strchr(from, (int)c)) != NULL) {
		pin_out_char(out, '\\');
		pin_out_char(out, to[p - from]);
	} else if (c < 0x20 || c == 0x7f)
		pin_out_printf(out, "\\x%02x", (unsigned)c);
	else if (c < 0x10000)
		pin_out_printf(out, "\\u%04x", (unsigned)c);
	else
		pin_out_printf(out, "\\U%08x", (unsigned)c);
}

void
pin__go_quote(struct pin_out *out, struct pin_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i, len;
	uint32_t c;

	pin_out_char(out, '"');
	for (i = 0; i < s.len; i += len) {
		len = utf8_len(p + i, s.len - i, &c);
		if (len == 0) {
			pin_out_printf(out, "\\x%02x", p[i]);
			len = 1;
		} else if (c == '"' || c == '\\' || !printable(c))
			quote_special(out, c);
		else
			pin_out_put(out, s.p + i, len);
	}
	pin_out_char(out, '"');
}

int
pin__go_i64(struct pin_str s, int64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;
	int neg = 0;

	if (s.len > 0 && (s.p[0] == '-' || s.p[0] == '+')) {
		neg = s.p[0] == '-';
		i = 1;
	}
	if (i == s.len)
		return (0);
	for (; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		if (v > (UINT64_MAX - 9) / 10)
			return (0);
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v > (uint64_t)INT64_MAX + (uint64_t)neg)
		return (0);
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return (1);
}

/* Go's %v of a float64: the shortest digits that read back the same, an
 * exponent of at least two digits below 1e-4 and from 1e+06. */
static void
go_float(struct pin_out *out, double d)
{
	char buf[40], digits[24];
	int prec, exp, n, i;
	char *e;

	for (prec = 1; prec <= 17; prec++) {
		snprintf(buf, sizeof(buf), "%.*e", prec - 1, d);
		if (strtod(buf, NULL) == d)
			break;
	}
	e = strchr(buf, 'e');
	if (e == NULL) {
		pin_out_cstr(out, d < 0 ? "-Inf" : "+Inf");
		return;
	}
	exp = atoi(e + 1);
	if (exp < -4 || exp >= GO_EXP_MAX) {
		pin_out_cstr(out, buf);
		return;
	}
	if (buf[0] == '-')
		pin_out_char(out, '-');
	for (n = 0, i = 0; buf + i < e && n < 23; i++)
		if (buf[i] >= '0' && buf[i] <= '9')
			digits[n++] = buf[i];
	if (exp < 0) {
		pin_out_cstr(out, "0.");
		for (i = -1; i > exp; i--)
			pin_out_char(out, '0');
	}
	for (i = 0; i < n || i <= exp; i++) {
		if (exp >= 0 && i == exp + 1)
			pin_out_char(out, '.');
		pin_out_char(out, i < n ? digits[i] : '0');
	}
}

void
pin__go_number(struct pin_out *out, struct pin_str text)
{
	char buf[512];
	int64_t i;

	if (pin__go_i64(text, &i) && text.p[0] != '+') {
		pin_out_i64(out, i);
		return;
	}
	if (text.len >= sizeof(buf)) {
		pin_out_str(out, text);
		return;
	}
	memcpy(buf, text.p, text.len);
	buf[text.len] = '\0';
	go_float(out, strtod(buf, NULL));
}

static void go_value(struct pin_out *, const struct pin_obj *, pin_node, int);

struct member {
	struct pin_str	key;
	pin_node	node;
	uint32_t	pos;
};

static int
member_cmp(const void *a, const void *b)
{
	const struct member *l = a, *r = b;
	int c;

	c = pin_str_cmp(l->key, r->key);
	if (c != 0)
		return (c);
	return (l->pos < r->pos ? -1 : 1);
}

static void
go_map(struct pin_out *out, const struct pin_obj *o, pin_node n, int depth)
{
	struct member *m;
	uint32_t count = 0, i;
	pin_node c;
	int first = 1;

	pin_out_cstr(out, "map[");
	m = pin_xcalloc(GO_SORT_MAX, sizeof(*m));
	for (c = pin_obj_first(o, n); c != 0 && count < GO_SORT_MAX;
	    c = pin_obj_next(o, c), count++) {
		m[count].key = pin_obj_key(o, c);
		m[count].node = c;
		m[count].pos = count;
	}
	qsort(m, count, sizeof(*m), member_cmp);
	for (i = 0; i < count && !out->failed; i++) {
		if (i + 1 < count && pin_str_eq(m[i].key, m[i + 1].key))
			continue;
		if (!first)
			pin_out_char(out, ' ');
		first = 0;
		pin_out_str(out, m[i].key);
		pin_out_char(out, ':');
		go_value(out, o, m[i].node, depth);
	}
	free(m);
	pin_out_char(out, ']');
}

static void
go_value(struct pin_out *out, const struct pin_obj *o, pin_node n, int depth)
{
	pin_node c;

	if (depth >= PIN__GO_DEPTH_MAX) {
		pin_out_cstr(out, "...");
		return;
	}
	switch (pin_obj_type(o, n)) {
	case PIN_TRUE:
		pin_out_cstr(out, "true");
		break;
	case PIN_FALSE:
		pin_out_cstr(out, "false");
		break;
	case PIN_NUMBER:
		pin__go_number(out, pin_obj_str(o, n));
		break;
	case PIN_STRING:
		pin_out_str(out, pin_obj_str(o, n));
		break;
	case PIN_ARRAY:
		pin_out_char(out, '[');
		for (c = pin_obj_first(o, n); c != 0 && !out->failed;
		    c = pin_obj_next(o, c)) {
			if (c != pin_obj_first(o, n))
				pin_out_char(out, ' ');
			go_value(out, o, c, depth + 1);
		}
		pin_out_char(out, ']');
		break;
	case PIN_OBJECT:
		go_map(out, o, n, depth + 1);
		break;
	default:
		pin_out_cstr(out, "<nil>");
		break;
	}
}

void
pin__go_value(struct pin_out *out, const struct pin_obj *o, pin_node n)
{
	go_value(out, o, n, 0);
}
