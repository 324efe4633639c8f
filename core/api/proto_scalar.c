/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proto_scalar.c -- scalars of protobuf, and the messages that are scalars
 * in JSON: times, quantities, int-or-string, embedded JSON.
 * What conform makes canonical anyway is left as it is. Contract: table.h. */
#include "proto_int.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/timefmt/timefmt.h"

/* 0001-01-01 to 9999-12-31, what JSON's times can say. */
#define SEC_MIN		PIN_TIME_ZERO
#define SEC_MAX		INT64_C(253402300799)

static pin_node
plain(struct pin__proto *c, int type)
{
	return (pin__obj_node_add(c->o, type, 0, 0));
}

static pin_node
text_node(struct pin__proto *c, int type, const char *p, size_t len)
{
	uint32_t off;

	if (!pin__obj_text_add(c->o, p, len, &off))
		return (0);
	return (pin__obj_node_add(c->o, type, off, (uint32_t)len));
}

static pin_node
number(struct pin__proto *c, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, v);

	return (text_node(c, PIN_NUMBER, text, (size_t)n));
}

/* A string that is where the input has it. */
static pin_node
string(struct pin__proto *c, struct pin__wire in)
{
	return (pin__obj_node_add(c->o, PIN_STRING, in.p != NULL ?
	    pin__proto_off(c, in.p) : 0, (uint32_t)(in.end - in.p)));
}

static pin_node
int32_or_64(struct pin__proto *c, int kind, struct pin__wire *w)
{
	int64_t v;

	if (!pin__proto_int(c, w, &v))
		return (0);
	if (kind == PIN_F_INT32)
		v = (int32_t)(uint32_t)(uint64_t)v;
	return (number(c, v));
}

static pin_node
real(struct pin__proto *c, struct pin__wire *w)
{
	char text[40];
	uint64_t bits;
	double d;
	int n;

	if (!pin__proto_fixed64(c, w, &bits))
		return (0);
	memcpy(&d, &bits, sizeof(d));
	if (!isfinite(d))
		return ((pin_node)pin__proto_fail(c, w,
		    "a number that JSON has no word for"));
	n = snprintf(text, sizeof(text), "%.17g", d);
	return (text_node(c, PIN_NUMBER, text, (size_t)n));
}

static pin_node
bytes(struct pin__proto *c, struct pin__wire *w)
{
	struct pin__wire in;
	struct pin_str s;
	uint32_t off;
	size_t len;

	if (!pin__proto_piece(c, w, &in))
		return (0);
	s.p = (const char *)in.p;
	s.len = (size_t)(in.end - in.p);
	len = (s.len + 2) / 3 * 4;
	if (!pin__obj_text_room(c->o, len))
		return (0);
	off = c->o->text_len;
	pin__base64_put(c->o->text + off, s);
	c->o->text_len += (uint32_t)len;
	return (pin__obj_node_add(c->o, PIN_STRING, off, (uint32_t)len));
}

/* ---- messages of numbers -------------------------------------------- */

/* Reads {1 int64, 2 int32}; whether there was anything. */
static int
two_ints(struct pin__proto *c, struct pin__wire *w, int64_t v[2], int *any)
{
	struct pin__wire in;

	v[0] = v[1] = 0;
	if (!pin__proto_piece(c, w, &in))
		return (0);
	*any = in.p != in.end;
	while (pin__proto_next(c, &in))
		if (in.number <= 2) {
			if (!pin__proto_int(c, &in, &v[in.number - 1]))
				return (0);
		} else if (!pin__proto_skip(c, &in))
			return (0);
	return (c->rc == PIN_OK);
}

static pin_node
moment(struct pin__proto *c, int kind, struct pin__wire *w)
{
	char text[PIN_TIME_TEXT_MAX];
	int64_t v[2];
	size_t len;
	int any;

	if (!two_ints(c, w, v, &any))
		return (0);
	if (!any)
		return (plain(c, PIN_NULL));
	if (v[0] < SEC_MIN || v[0] > SEC_MAX || v[1] < 0 || v[1] > 999999999)
		return ((pin_node)pin__proto_fail(c, w,
		    "a time out of range"));
	len = kind == PIN_F_TIME ? pin_time_format(v[0], text) :
	    pin_microtime_format(v[0] * 1000000 + v[1] / 1000, text);
	return (text_node(c, PIN_STRING, text, len));
}

static pin_node
duration(struct pin__proto *c, struct pin__wire *w)
{
	char text[PIN_DURATION_TEXT_MAX];
	int64_t v[2];
	int any;

	if (!two_ints(c, w, v, &any))
		return (0);
	return (text_node(c, PIN_STRING, text,
	    pin_duration_format(v[0], text)));
}

/* ---- messages of text ----------------------------------------------- */

/* The last field 1 of a message, which is bytes; none: p is NULL. */
static int
first_piece(struct pin__proto *c, struct pin__wire *w, struct pin__wire *out)
{
	struct pin__wire in;

	out->p = out->end = NULL;
	if (!pin__proto_piece(c, w, &in))
		return (0);
	while (pin__proto_next(c, &in))
		if (in.number == 1) {
			if (!pin__proto_piece(c, &in, out))
				return (0);
		} else if (!pin__proto_skip(c, &in))
			return (0);
	return (c->rc == PIN_OK);
}

static pin_node
quantity(struct pin__proto *c, struct pin__wire *w)
{
	struct pin__wire in;

	if (!first_piece(c, w, &in))
		return (0);
	if (in.p == NULL)
		return (text_node(c, PIN_STRING, "0", 1));
	return (string(c, in));
}

static pin_node
json(struct pin__proto *c, struct pin__wire *w)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin__wire in;
	char text[160];
	pin_node n = 0;

	if (!first_piece(c, w, &in))
		return (0);
	if (in.p == in.end)
		return (plain(c, PIN_NULL));
	if (pin__obj_parse_into(c->o, (const char *)in.p,
	    (size_t)(in.end - in.p), &n, NULL, &err) != PIN_OK) {
		(void)snprintf(text, sizeof(text), "embedded JSON: %.120s",
		    err.text);
		return ((pin_node)pin__proto_fail(c, &in, text));
	}
	return (n);
}

static pin_node
int_or_string(struct pin__proto *c, struct pin__wire *w)
{
	struct pin__wire in, s = { NULL, NULL, NULL, 0, 0 };
	int64_t type = 0, v = 0;

	if (!pin__proto_piece(c, w, &in))
		return (0);
	while (pin__proto_next(c, &in)) {
		if (in.number == 1 || in.number == 2) {
			if (!pin__proto_int(c, &in, in.number == 1 ? &type :
			    &v))
				return (0);
		} else if (in.number == 3) {
			if (!pin__proto_piece(c, &in, &s))
				return (0);
		} else if (!pin__proto_skip(c, &in))
			return (0);
	}
	if (c->rc != PIN_OK)
		return (0);
	if (type != 0 && type != 1)
		return ((pin_node)pin__proto_fail(c, w,
		    "neither a number nor a string"));
	return (type == 1 ? string(c, s) :
	    number(c, (int32_t)(uint32_t)(uint64_t)v));
}

static pin_node
strings(struct pin__proto *c, struct pin__wire *w)
{
	struct pin__wire in, s;
	pin_node all, n;

	if (!pin__proto_piece(c, w, &in))
		return (0);
	all = plain(c, PIN_ARRAY);
	while (pin__proto_next(c, &in)) {
		if (in.number != 1) {
			if (!pin__proto_skip(c, &in))
				return (0);
			continue;
		}
		if (!pin__proto_piece(c, &in, &s))
			return (0);
		n = string(c, s);
		if (n == 0 || all == 0)
			return (0);
		pin__obj_link_last(c->o, all, n);
	}
	return (c->rc == PIN_OK ? all : 0);
}

pin_node
pin__proto_scalar(struct pin__proto *c, int kind, struct pin__wire *w)
{
	struct pin__wire in;
	int64_t v;

	switch (kind) {
	case PIN_F_BOOL:
		return (pin__proto_int(c, w, &v) ? plain(c, v != 0 ?
		    PIN_TRUE : PIN_FALSE) : 0);
	case PIN_F_INT32:
	case PIN_F_INT64:
		return (int32_or_64(c, kind, w));
	case PIN_F_DOUBLE:
		return (real(c, w));
	case PIN_F_STRING:
		return (pin__proto_piece(c, w, &in) ? string(c, in) : 0);
	case PIN_F_BYTES:
		return (bytes(c, w));
	case PIN_F_TIME:
	case PIN_F_MICROTIME:
		return (moment(c, kind, w));
	case PIN_F_DURATION:
		return (duration(c, w));
	case PIN_F_QUANTITY:
		return (quantity(c, w));
	case PIN_F_INTORSTRING:
		return (int_or_string(c, w));
	case PIN_F_STRINGS:
		return (strings(c, w));
	default:
		return (json(c, w));
	}
}
