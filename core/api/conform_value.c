/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform_value.c -- scalars: their forms in JSON, and the canonical one.
 * A value that is canonical already costs its node. Contract: conform.h,
 * and PIN_F_... in table.h. */
#include "conform_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/quantity/quantity.h"
#include "lib/timefmt/timefmt.h"

#define DOUBLE_TEXT_MAX	32

pin_node
pin__text_node(struct pin__conform *c, int type, const char *p, size_t len)
{
	uint32_t off;

	if (!pin__obj_text_add(c->out, p, len, &off))
		return (0);
	return (pin__obj_node_add(c->out, type, off, (uint32_t)len));
}

int
pin__node_zero(const struct pin_obj *o, pin_node i)
{
	const struct pin__node *n = &o->nodes[i];

	switch (PIN__TYPE(n)) {
	case PIN_TRUE:
		return (0);
	case PIN_NUMBER:
		return (n->len == 1 && o->text[n->off] == '0');
	case PIN_STRING:
	case PIN_ARRAY:
	case PIN_OBJECT:
		return (n->len == 0);
	default:
		return (1);
	}
}

int
pin__value_zero(const struct pin_obj *o, const struct pin_field_row *f,
    pin_node i)
{
	if (f->shape == PIN_SHAPE_ONE && (f->kind == PIN_F_RAW ||
	    f->kind == PIN_F_FIELDS || f->kind == PIN_F_JSON))
		return (PIN__TYPE(&o->nodes[i]) == PIN_NULL);
	return (pin__node_zero(o, i));
}

/* The node as it is. */
static inline pin_node
same(struct pin__conform *c, const struct pin__node *n)
{
	return (pin__obj_node_add(c->out, (int)PIN__TYPE(n), n->off, n->len));
}

static inline struct pin_str
text_of(const struct pin__conform *c, const struct pin__node *n)
{
	struct pin_str s = { c->out->text + n->off, n->len };

	return (s);
}

/* The canonical text, which mostly is what came. */
static pin_node
canonical(struct pin__conform *c, const struct pin__node *n, int type,
    const char *p, size_t len)
{
	if (n->len == len && (int)PIN__TYPE(n) == type &&
	    memcmp(c->out->text + n->off, p, len) == 0)
		return (same(c, n));
	return (pin__text_node(c, type, p, len));
}

/* Go stops at these. */
static pin_node
refuse(struct pin__conform *c, int rc)
{
	c->soft = PIN_OK;
	return (pin__conform_fail(c, rc));
}

static pin_node
type_refuse(struct pin__conform *c, const struct pin__at *at, pin_node i,
    const char *go_type)
{
	c->soft = PIN_OK;
	(void)pin__type_error_as(c, at, i, go_type);
	return (pin__conform_fail(c, c->soft));
}

/* ---- numbers -------------------------------------------------------- */

static pin_node
conform_int(struct pin__conform *c, int kind, pin_node i,
    const struct pin__node *n, const struct pin__at *at)
{
	const char *go = kind == PIN_F_INT64 ? "int64" : "int32";
	int64_t v;

	if (PIN__TYPE(n) != PIN_NUMBER || !pin_obj_i64(c->in, i, &v) ||
	    (kind != PIN_F_INT64 && (v > INT32_MAX || v < INT32_MIN)))
		return (kind == PIN_F_INTORSTRING ?
		    type_refuse(c, at, i, go) :
		    pin__type_error_as(c, at, i, go));
	if (v == 0)
		return (canonical(c, n, PIN_NUMBER, "0", 1));
	return (same(c, n));
}

/* Go's form: the shortest text that reads back the same, plain between 1e-6
 * and 1e21. */
static size_t
double_text(double d, char out[DOUBLE_TEXT_MAX])
{
	char digits[DOUBLE_TEXT_MAX], *e;
	int prec, exp, len;
	double mag = fabs(d);

	for (prec = 0; prec < 17; prec++) {
		snprintf(digits, sizeof(digits), "%.*e", prec, d);
		if (strtod(digits, NULL) == d)
			break;
	}
	e = strchr(digits, 'e');
	if (e == NULL)
		return (0);
	exp = (int)strtol(e + 1, NULL, 10);
	if (mag > 0 && (mag < 1e-6 || mag >= 1e21)) {
		*e = '\0';
		len = snprintf(out, DOUBLE_TEXT_MAX, "%se%c%02d", digits,
		    exp < 0 ? '-' : '+', abs(exp));
		/* Go writes e-9 and not e-09. */
		if (exp < 0 && exp > -10) {
			out[len - 2] = out[len - 1];
			len--;
		}
		return ((size_t)len);
	}
	prec = prec > exp ? prec - exp : 0;
	return ((size_t)snprintf(out, DOUBLE_TEXT_MAX, "%.*f", prec, d));
}

static pin_node
conform_double(struct pin__conform *c, pin_node i, const struct pin__node *n,
    const struct pin__at *at)
{
	char text[DOUBLE_TEXT_MAX];
	double d;

	if (PIN__TYPE(n) != PIN_NUMBER || !pin_obj_f64(c->in, i, &d))
		return (pin__type_error_as(c, at, i, "float64"));
	return (canonical(c, n, PIN_NUMBER, text, double_text(d, text)));
}

static pin_node
conform_quantity(struct pin__conform *c, const struct pin__node *n)
{
	static const char *const word[] = { "", "", "false", "true", "", "",
	    "[]", "{}" };
	char text[PIN_QUANTITY_TEXT_MAX];
	struct pin_str s = text_of(c, n);
	struct pin_quantity q;
	int rc;

	if (PIN__TYPE(n) != PIN_STRING && PIN__TYPE(n) != PIN_NUMBER)
		s = pin_str(word[PIN__TYPE(n)]);
	rc = pin_quantity_parse(s, &q, c->err);
	if (rc == PIN_OK)
		rc = pin_quantity_format(&q, text);
	if (rc != PIN_OK) {
		if (rc == PIN_ELIMIT)
			(void)pin_err_set(c->err, rc, "the quantity " PIN_SFMT
			    " has too many digits", PIN_SARG(s));
		return (refuse(c, PIN_EINVAL));
	}
	return (canonical(c, n, PIN_STRING, text, strlen(text)));
}

/* ---- strings with a form -------------------------------------------- */

static pin_node
conform_time(struct pin__conform *c, int kind, pin_node i,
    const struct pin__node *n, const struct pin__at *at)
{
	char text[PIN_TIME_TEXT_MAX > PIN_DURATION_TEXT_MAX ?
	    PIN_TIME_TEXT_MAX : PIN_DURATION_TEXT_MAX];
	struct pin_str s = text_of(c, n);
	size_t len = 0;
	int64_t v;
	int rc;

	if (PIN__TYPE(n) != PIN_STRING)
		return (type_refuse(c, at, i, "string"));
	if (kind == PIN_F_TIME) {
		rc = pin_time_parse(s, &v, c->err);
		if (rc == PIN_OK && v == PIN_TIME_ZERO)
			return (0);
		if (rc == PIN_OK)
			len = pin_time_format(v, text);
	} else if (kind == PIN_F_MICROTIME) {
		rc = pin_microtime_parse(s, &v, c->err);
		if (rc == PIN_OK && v == PIN_TIME_ZERO * 1000000)
			return (0);
		if (rc == PIN_OK)
			len = pin_microtime_format(v, text);
	} else {
		rc = pin_duration_parse(s, &v, c->err);
		if (rc == PIN_OK)
			len = pin_duration_format(v, text);
	}
	if (rc != PIN_OK)
		return (refuse(c, rc));
	return (canonical(c, n, PIN_STRING, text, len));
}

static const char base64_set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

void
pin__base64_put(char *to, struct pin_str s)
{
	const unsigned char *in = (const unsigned char *)s.p;
	uint32_t v;
	size_t k;

	for (k = 0; k + 2 < s.len; k += 3) {
		v = (uint32_t)in[k] << 16 | (uint32_t)in[k + 1] << 8 |
		    in[k + 2];
		*to++ = base64_set[v >> 18];
		*to++ = base64_set[v >> 12 & 63];
		*to++ = base64_set[v >> 6 & 63];
		*to++ = base64_set[v & 63];
	}
	if (k == s.len)
		return;
	v = (uint32_t)in[k] << 16;
	if (k + 1 < s.len)
		v |= (uint32_t)in[k + 1] << 8;
	*to++ = base64_set[v >> 18];
	*to++ = base64_set[v >> 12 & 63];
	*to++ = k + 1 < s.len ? base64_set[v >> 6 & 63] : '=';
	*to++ = '=';
}

static int
base64_value(unsigned char ch)
{
	if (ch >= 'A' && ch <= 'Z')
		return (ch - 'A');
	if (ch >= 'a' && ch <= 'z')
		return (ch - 'a' + 26);
	if (ch >= '0' && ch <= '9')
		return (ch - '0' + 52);
	return (ch == '+' ? 62 : ch == '/' ? 63 : -1);
}

/* Standard base64 with padding, as Go reads it: line ends do not count, the
 * bits behind the last byte may be anything. Writes the canonical form to
 * out and gives its length; -1 and *bad where it is wrong. */
static int64_t
base64_clean(struct pin_str s, char *out, size_t *bad)
{
	size_t k, n = 0, pad = 0;
	unsigned char ch;
	int last = 0;

	for (k = 0; k < s.len; k++) {
		ch = (unsigned char)s.p[k];
		if (ch == '\n' || ch == '\r')
			continue;
		*bad = k;
		if (ch == '=') {
			if (n % 4 < 2)
				return (-1);
			pad++;
		} else if (pad != 0 || (last = base64_value(ch)) < 0)
			return (-1);
		out[n++] = (char)ch;
		if (pad != 0 && n % 4 == 0)
			break;
	}
	for (k++; k < s.len; k++)
		if (s.p[k] != '\n' && s.p[k] != '\r') {
			*bad = k;
			return (-1);
		}
	*bad = pad != 0 ? s.len : s.len - n % 4;
	if (n % 4 != 0)
		return (-1);
	if (pad != 0)
		out[n - pad - 1] = base64_set[last & (pad == 1 ? 0x3c : 0x30)];
	return ((int64_t)n);
}

/* Go takes an array of numbers for bytes too. */
static pin_node
number_bytes(struct pin__conform *c, const struct pin__node *n,
    const struct pin__at *at)
{
	struct pin__at in = { .up = at };
	size_t len = ((size_t)n->len + 2) / 3 * 4;
	char *p = pin_arena_alloc(c->arena, n->len + len + 1);
	struct pin_str bytes = { p, 0 };
	int64_t v;
	pin_node m;

	if (p == NULL)
		return (pin__conform_fail(c, PIN_ENOMEM));
	for (m = n->off; m != 0; m = pin_obj_next(c->in, m)) {
		v = 0;
		if (pin_obj_type(c->in, m) != PIN_NULL &&
		    (!pin_obj_i64(c->in, m, &v) || v < 0 || v > 255))
			return (pin__type_error_as(c, &in, m, "uint8"));
		p[bytes.len++] = (char)v;
		in.index++;
	}
	pin__base64_put(p + bytes.len, bytes);
	return (pin__text_node(c, PIN_STRING, p + bytes.len, len));
}

static pin_node
conform_bytes(struct pin__conform *c, pin_node i, const struct pin__node *n,
    const struct pin__at *at)
{
	size_t bad = 0;
	int64_t len;
	char *p;

	if (PIN__TYPE(n) == PIN_ARRAY)
		return (number_bytes(c, n, at));
	if (PIN__TYPE(n) != PIN_STRING)
		return (pin__type_error_as(c, at, i, "[]uint8"));
	p = pin_arena_alloc(c->arena, (size_t)n->len + 1);
	if (p == NULL)
		return (pin__conform_fail(c, PIN_ENOMEM));
	len = base64_clean(text_of(c, n), p, &bad);
	if (len < 0) {
		if (c->soft == PIN_OK)
			c->soft = pin_err_set(c->err, PIN_EINVAL, "illegal "
			    "base64 data at input byte %zu", bad);
		return (0);
	}
	return (canonical(c, n, PIN_STRING, p, (size_t)len));
}

static pin_node
conform_strings(struct pin__conform *c, pin_node i, const struct pin__node *n,
    const struct pin__at *at)
{
	struct pin__at in = { .up = at };
	struct pin__node e;
	pin_node o, v, m;

	if (PIN__TYPE(n) != PIN_ARRAY)
		return (pin__type_error_as(c, at, i, "v1.ExtraValue"));
	o = pin__obj_node_add(c->out, PIN_ARRAY, 0, 0);
	for (m = n->off; m != 0 && o != 0; m = e.next & PIN__UP ? 0 : e.next) {
		e = c->in->nodes[m];
		if (PIN__TYPE(&e) != PIN_STRING && PIN__TYPE(&e) != PIN_NULL)
			return (pin__type_error_as(c, &in, m, "string"));
		v = PIN__TYPE(&e) == PIN_STRING ? same(c, &e) :
		    pin__obj_node_add(c->out, PIN_STRING, 0, 0);
		if (v == 0)
			return (0);
		pin__obj_link_last(c->out, o, v);
		in.index++;
	}
	return (o);
}

/* The tree at i as it is: the texts are shared, so only nodes are new. */
static pin_node
copy_tree(struct pin__conform *c, pin_node top)
{
	pin_node i = top, cur = 0, root = 0, v;
	struct pin__node n;

	for (;;) {
		n = c->in->nodes[i];
		v = same(c, &n);
		if (v == 0)
			return (0);
		c->out->nodes[v].koff = n.koff;
		c->out->nodes[v].kt = n.kt;
		if (PIN__IS_TREE(&n))
			c->out->nodes[v].off = c->out->nodes[v].len = 0;
		if (root == 0)
			root = v;
		else
			pin__obj_link_last(c->out, cur, v);
		if (PIN__IS_TREE(&n) && n.off != 0) {
			cur = v;
			i = n.off;
			continue;
		}
		while (i != top && (c->in->nodes[i].next & PIN__UP)) {
			i = c->in->nodes[i].next & ~PIN__UP;
			if (i != top)
				cur = c->out->nodes[cur].next & ~PIN__UP;
		}
		if (i == top)
			return (root);
		i = c->in->nodes[i].next;
	}
}

/* ---- all ------------------------------------------------------------ */

pin_node
pin__conform_scalar(struct pin__conform *c, const struct pin_field_row *f,
    pin_node i, const struct pin__at *at)
{
	const struct pin__node n = c->in->nodes[i];
	uint32_t type = PIN__TYPE(&n);

	if (type == PIN_NULL)
		return (0);
	switch (f->kind) {
	case PIN_F_STRING:
		if (type == PIN_STRING)
			return (same(c, &n));
		return (pin__type_error_as(c, at, i, "string"));
	case PIN_F_BOOL:
		if (type == PIN_TRUE || type == PIN_FALSE)
			return (same(c, &n));
		return (pin__type_error_as(c, at, i, "bool"));
	case PIN_F_INTORSTRING:
		if (type == PIN_STRING)
			return (same(c, &n));
		return (conform_int(c, f->kind, i, &n, at));
	case PIN_F_INT32:
	case PIN_F_INT64:
		return (conform_int(c, f->kind, i, &n, at));
	case PIN_F_DOUBLE:
		return (conform_double(c, i, &n, at));
	case PIN_F_BYTES:
		return (conform_bytes(c, i, &n, at));
	case PIN_F_TIME:
	case PIN_F_MICROTIME:
	case PIN_F_DURATION:
		return (conform_time(c, f->kind, i, &n, at));
	case PIN_F_QUANTITY:
		return (conform_quantity(c, &n));
	case PIN_F_STRINGS:
		return (conform_strings(c, i, &n, at));
	default:			/* RAW, FIELDS, JSON: as it is */
		return (copy_tree(c, i));
	}
}
