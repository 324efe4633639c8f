/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proto.c -- Kubernetes' protobuf to an object, driven by the same rows as
 * JSON. The object begins with a copy of the bytes, so that a string costs
 * two offsets.
 * Recursion is bounded by PIN_CONFORM_DEPTH_MAX. Contract: conform.h, and
 * the protobuf forms in table.h. */
#include "proto_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An envelope: "k8s\0", then runtime.Unknown. */
#define MAGIC		"k8s"
#define MAGIC_LEN	((size_t)4)
#define UNKNOWN_TYPE	1u	/* TypeMeta {1 apiVersion, 2 kind} */
#define UNKNOWN_RAW	2u

/* ---- wire ----------------------------------------------------------- */

static int
fail_at(struct pin__proto *c, const unsigned char *p, const char *what)
{
	if (c->rc == PIN_OK)
		c->rc = pin_err_set(c->err, PIN_EINVAL, "protobuf: byte %zu, "
		    "%s%s%s: %s", (size_t)(p - c->start), c->type,
		    *c->field != '\0' ? "." : "", c->field, what);
	return (0);
}

int
pin__proto_fail(struct pin__proto *c, const struct pin__wire *w,
    const char *what)
{
	return (fail_at(c, w->p, what));
}

static int
varint(struct pin__proto *c, struct pin__wire *w, uint64_t *out)
{
	const unsigned char *p = w->p;
	unsigned int shift = 0;
	uint64_t v = 0;

	for (; p < w->end && shift < 64; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if ((*p++ & 0x80) == 0) {
			w->p = p;
			*out = v;
			return (1);
		}
	}
	return (fail_at(c, w->p, p == w->end ?
	    "a number goes past the end" : "a number of more than 64 bits"));
}

/* The bytes of a value of length type. */
static int
piece(struct pin__proto *c, struct pin__wire *w, struct pin__wire *out)
{
	const unsigned char *at = w->p;
	uint64_t len;

	if (!varint(c, w, &len))
		return (0);
	if (len > (uint64_t)(w->end - w->p))
		return (fail_at(c, at, "a value goes past the end"));
	out->p = w->p;
	out->end = w->p + len;
	w->p = out->end;
	return (1);
}

/* The next field; 0 at the end or after an error. */
static int
next(struct pin__proto *c, struct pin__wire *w)
{
	uint64_t tag;

	if (c->rc != PIN_OK || w->p == w->end)
		return (0);
	w->at = w->p;
	if (!varint(c, w, &tag))
		return (0);
	w->number = (uint32_t)(tag >> 3);
	w->wire = (uint32_t)(tag & 7);
	if (tag >> 3 == 0 || tag >> 32 != 0)
		return (fail_at(c, w->at, "a field number out of range"));
	if (w->wire > 5 || w->wire == PIN__WIRE_END)
		return (fail_at(c, w->at, "a wire type that there is not"));
	return (1);
}

static int
want(struct pin__proto *c, const struct pin__wire *w, uint32_t wire)
{
	static const char *const name[] = { "a number", "8 bytes",
	    "a length", "", "", "4 bytes" };
	char text[96];

	if (w->wire == wire)
		return (1);
	(void)snprintf(text, sizeof(text), "wire type %" PRIu32 " where %s "
	    "(%" PRIu32 ") is wanted", w->wire, name[wire], wire);
	return (fail_at(c, w->at, text));
}

/* A group holds fields up to its end; groups nest. */
static int
skip_group(struct pin__proto *c, struct pin__wire *w)
{
	struct pin__wire in;
	uint32_t depth = 1;
	uint64_t v, tag;

	while (depth > 0) {
		if (w->p == w->end)
			return (fail_at(c, w->at, "a group without its end"));
		if (!varint(c, w, &tag))
			return (0);
		switch (tag & 7) {
		case PIN__WIRE_VARINT:
			if (!varint(c, w, &v))
				return (0);
			break;
		case PIN__WIRE_LEN:
			if (!piece(c, w, &in))
				return (0);
			break;
		case PIN__WIRE_64:
		case PIN__WIRE_32:
			v = (tag & 7) == PIN__WIRE_64 ? 8 : 4;
			if ((uint64_t)(w->end - w->p) < v)
				return (fail_at(c, w->p,
				    "a value goes past the end"));
			w->p += v;
			break;
		case PIN__WIRE_GROUP:
			depth++;
			break;
		case PIN__WIRE_END:
			depth--;
			break;
		default:
			return (fail_at(c, w->p,
			    "a wire type that there is not"));
		}
	}
	return (1);
}

static int
skip(struct pin__proto *c, struct pin__wire *w)
{
	struct pin__wire in;
	size_t len = w->wire == PIN__WIRE_64 ? 8 : 4;
	uint64_t v;

	switch (w->wire) {
	case PIN__WIRE_VARINT:
		return (varint(c, w, &v));
	case PIN__WIRE_LEN:
		return (piece(c, w, &in));
	case PIN__WIRE_GROUP:
		return (skip_group(c, w));
	default:
		if ((size_t)(w->end - w->p) < len)
			return (fail_at(c, w->at,
			    "a value goes past the end"));
		w->p += len;
		return (1);
	}
}

int
pin__proto_next(struct pin__proto *c, struct pin__wire *w)
{
	return (next(c, w));
}

int
pin__proto_skip(struct pin__proto *c, struct pin__wire *w)
{
	return (skip(c, w));
}

int
pin__proto_int(struct pin__proto *c, struct pin__wire *w, int64_t *v)
{
	uint64_t u;

	if (!want(c, w, PIN__WIRE_VARINT) || !varint(c, w, &u))
		return (0);
	*v = (int64_t)u;
	return (1);
}

int
pin__proto_piece(struct pin__proto *c, struct pin__wire *w,
    struct pin__wire *out)
{
	return (want(c, w, PIN__WIRE_LEN) && piece(c, w, out));
}

int
pin__proto_fixed64(struct pin__proto *c, struct pin__wire *w, uint64_t *v)
{
	unsigned int i;

	if (!want(c, w, PIN__WIRE_64))
		return (0);
	if (w->end - w->p < 8)
		return (fail_at(c, w->at, "a value goes past the end"));
	for (*v = 0, i = 0; i < 8; i++)
		*v |= (uint64_t)w->p[i] << (8 * i);
	w->p += 8;
	return (1);
}

/* ---- members -------------------------------------------------------- */

/* The member f of o; 0. The last one is looked at first, for lists. */
static pin_node
member(const struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f)
{
	return (pin_obj_getn(c->o, o, pin_schema_str(t.schema, f->name),
	    f->name_len));
}

/* Hangs n under the name of f; names are kept once a field. */
static void
hang(struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, pin_node n)
{
	uint32_t *koff = &c->names[f - t.schema->fields], off;
	struct pin__node *p;

	if (n == 0 || o == 0)
		return;
	if (*koff == 0) {
		if (!pin__obj_text_add(c->o, pin_schema_str(t.schema,
		    f->name), f->name_len, &off))
			return;
		*koff = off;
	}
	p = &c->o->nodes[n];
	p->koff = *koff;
	p->kt = (uint32_t)f->name_len << PIN__KT_SHIFT | PIN__KT_KEYED |
	    PIN__TYPE(p);
	pin__obj_link_last(c->o, o, n);
}

/* The last of equal members counts. */
static void
set(struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, pin_node n)
{
	pin_node old = n != 0 ? member(c, t, o, f) : 0;

	if (old != 0)
		pin__take(c->o, old, n);
	else
		hang(c, t, o, f, n);
}

/* The list or map that member f is, made when it is new. */
static pin_node
tree(struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, int type)
{
	pin_node n = member(c, t, o, f);

	if (n != 0)
		return (n);
	n = pin__obj_node_add(c->o, type, 0, 0);
	hang(c, t, o, f, n);
	return (n);
}

static void message(struct pin__proto *, struct pin_type, pin_node,
    struct pin__wire);

/* A struct of its own: old is the value so far, which it is merged into. */
static pin_node
object(struct pin__proto *c, struct pin_type t, pin_node old,
    struct pin__wire *w)
{
	struct pin__wire in;

	if (!pin__proto_piece(c, w, &in))
		return (0);
	if (old == 0)
		old = pin__obj_node_add(c->o, PIN_OBJECT, 0, 0);
	if (old != 0)
		message(c, t, old, in);
	return (old);
}

static pin_node
value(struct pin__proto *c, struct pin_type t, const struct pin_field_row *f,
    struct pin__wire *w)
{
	if (f->kind == PIN_F_OBJECT)
		return (object(c, pin_field_type(t, f), 0, w));
	return (pin__proto_scalar(c, f->kind, w));
}

/* ---- lists and maps ------------------------------------------------- */

static void
list(struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, struct pin__wire *w)
{
	int number = f->kind == PIN_F_INT32 || f->kind == PIN_F_INT64 ||
	    f->kind == PIN_F_BOOL;
	pin_node all = tree(c, t, o, f, PIN_ARRAY), n;
	struct pin__wire in;

	if (all == 0)
		return;
	if (number && w->wire == PIN__WIRE_LEN) {	/* packed */
		if (!pin__proto_piece(c, w, &in))
			return;
		in.at = in.p;
		in.wire = PIN__WIRE_VARINT;
		while (in.p < in.end) {
			n = value(c, t, f, &in);
			if (n == 0)
				return;
			pin__obj_link_last(c->o, all, n);
		}
		return;
	}
	n = value(c, t, f, w);
	if (n != 0)
		pin__obj_link_last(c->o, all, n);
}

/* What a map's value is that was not sent. */
static pin_node
no_value(struct pin__proto *c, const struct pin_field_row *f)
{
	switch (f->kind) {
	case PIN_F_OBJECT:
		return (pin__obj_node_add(c->o, PIN_OBJECT, 0, 0));
	case PIN_F_STRINGS:
		return (pin__obj_node_add(c->o, PIN_ARRAY, 0, 0));
	case PIN_F_STRING:
	case PIN_F_BYTES:
		return (pin__obj_node_add(c->o, PIN_STRING, 0, 0));
	default:
		return (pin__obj_node_add(c->o, PIN_NULL, 0, 0));
	}
}

static void
map(struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, struct pin__wire *w)
{
	pin_node all = tree(c, t, o, f, PIN_OBJECT), n = 0;
	struct pin__wire in, key = { NULL, NULL, NULL, 0, 0 };
	struct pin__node *p;

	if (all == 0 || !pin__proto_piece(c, w, &in))
		return;
	while (next(c, &in)) {
		if (in.number == 1) {
			if (!pin__proto_piece(c, &in, &key))
				return;
		} else if (in.number == 2)
			n = value(c, t, f, &in);
		else if (!skip(c, &in))
			return;
	}
	if (c->rc != PIN_OK)
		return;
	if (n == 0)
		n = no_value(c, f);
	if (n == 0)
		return;
	/* Equal keys: conform keeps the last, as Go does. */
	p = &c->o->nodes[n];
	p->koff = key.p != NULL ? pin__proto_off(c, key.p) : 0;
	p->kt = (uint32_t)(key.end - key.p) << PIN__KT_SHIFT |
	    PIN__KT_KEYED | PIN__TYPE(p);
	pin__obj_link_last(c->o, all, n);
}

/* ---- messages ------------------------------------------------------- */

static void
field(struct pin__proto *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, struct pin__wire *w)
{
	const char *type = c->type, *name = c->field;
	pin_node old;

	c->type = pin_schema_str(t.schema, t.row->name);
	c->field = pin_schema_str(t.schema, f->name);
	if (f->shape == PIN_SHAPE_LIST)
		list(c, t, o, f, w);
	else if (f->shape == PIN_SHAPE_MAP)
		map(c, t, o, f, w);
	else if (f->kind == PIN_F_OBJECT) {
		old = member(c, t, o, f);
		if (old != 0 && pin_obj_type(c->o, old) != PIN_OBJECT)
			(void)fail_at(c, w->at, "a second value");
		else if (old != 0)
			(void)object(c, pin_field_type(t, f), old, w);
		else
			hang(c, t, o, f, object(c, pin_field_type(t, f), 0,
			    w));
	} else
		set(c, t, o, f, pin__proto_scalar(c, f->kind, w));
	c->type = type;
	c->field = name;
}

/* A type that has two forms in JSON becomes the one that is set. */
static void
either(struct pin__proto *c, struct pin_type t, pin_node o)
{
	pin_node schema = pin_obj_get(c->o, o, "schema"), many = 0, m;
	pin_node allows = pin_obj_get(c->o, o, "allows");

	for (m = pin_obj_first(c->o, o); m != 0; m = pin_obj_next(c->o, m))
		if (pin_obj_type(c->o, m) == PIN_ARRAY)
			many = m;
	if (many != 0 && pin_obj_count(c->o, many) != 0)
		pin__take(c->o, o, many);
	else if (schema != 0)
		pin__take(c->o, o, schema);
	else {
		c->o->nodes[o].off = c->o->nodes[o].len = 0;
		c->o->nodes[o].kt = (c->o->nodes[o].kt & ~PIN__KT_TYPE) |
		    ((t.row->flags & PIN_TF_OR_BOOL) == 0 ? PIN_NULL :
		    pin_obj_true(c->o, allows) ? PIN_TRUE : PIN_FALSE);
	}
}

/* Reads a message into the object o; an inlined struct's fields are o's. */
static void
message(struct pin__proto *c, struct pin_type t, pin_node o,
    struct pin__wire w)
{
	const struct pin_pb_row *pb;
	struct pin__wire in;

	if (++c->depth > PIN_CONFORM_DEPTH_MAX) {
		(void)fail_at(c, w.p, "too many levels of messages");
		return;
	}
	while (next(c, &w)) {
		pb = pin_type_pb(t, w.number);
		if (pb == NULL) {
			if (!skip(c, &w))
				break;
		} else if (pb->field != PIN_NONE)
			field(c, t, o, &t.schema->fields[pb->field], &w);
		else if (pin__proto_piece(c, &w, &in))
			message(c, pin_schema_type(t.schema, pb->inlined), o,
			    in);
	}
	c->depth--;
	if (c->rc == PIN_OK && (t.row->flags & (PIN_TF_OR_BOOL |
	    PIN_TF_OR_ARRAY | PIN_TF_OR_STRINGS)) != 0)
		either(c, t, o);
}

/* ---- the envelope --------------------------------------------------- */

static struct pin_str
str_of(struct pin__wire w)
{
	struct pin_str s = { (const char *)w.p, (size_t)(w.end - w.p) };

	return (s);
}

struct envelope {
	struct pin_str		api_version, kind;
	struct pin__wire	raw;
};

static int
open_envelope(struct pin__proto *c, struct pin__wire w, struct envelope *e)
{
	struct pin__wire in, s;

	memset(e, 0, sizeof(*e));
	e->raw.p = e->raw.end = w.end;
	while (next(c, &w)) {
		if (w.number == UNKNOWN_RAW) {
			if (!pin__proto_piece(c, &w, &e->raw))
				return (0);
		} else if (w.number != UNKNOWN_TYPE) {
			if (!skip(c, &w))
				return (0);
		} else if (pin__proto_piece(c, &w, &in)) {
			while (next(c, &in)) {
				if (in.number > 2) {
					(void)skip(c, &in);
					continue;
				}
				if (!pin__proto_piece(c, &in, &s))
					return (0);
				if (in.number == 1)
					e->api_version = str_of(s);
				else
					e->kind = str_of(s);
			}
		}
	}
	return (c->rc == PIN_OK);
}

/* Text and kind of the envelope become members. */
static void
put_type(struct pin__proto *c, const char *name, struct pin_str s)
{
	if (s.len != 0)
		(void)pin_obj_set_str(c->o, pin_obj_root(c->o), name, s);
}

static int
decode(struct pin__proto *c, const struct envelope *e, struct pin_type t,
    struct pin_str bytes)
{
	pin_node root;

	c->names = pin_arena_zalloc(c->arena,
	    t.schema->nfields * sizeof(*c->names));
	c->o = pin__obj_new(c->arena, bytes.len + 1024, bytes.len / 8 + 64);
	if (c->o == NULL || c->names == NULL)
		return (pin_err_set(c->err, PIN_ENOMEM,
		    "no memory for %zu bytes of protobuf", bytes.len));
	memcpy(c->o->text, bytes.p, bytes.len);
	c->o->text_len = (uint32_t)bytes.len;
	root = pin__obj_node_add(c->o, PIN_OBJECT, 0, 0);
	put_type(c, "apiVersion", e->api_version);
	put_type(c, "kind", e->kind);
	c->type = pin_schema_str(t.schema, t.row->name);
	message(c, t, root, e->raw);
	if (c->rc == PIN_OK && c->o->failed != PIN_OK)
		return (pin_err_set(c->err, c->o->failed,
		    "no memory for %zu bytes of protobuf", bytes.len));
	return (c->rc);
}

int
pin_proto_decode(struct pin_arena *a, struct pin_str bytes,
    pin_proto_find_fn *find, void *arg, struct pin_obj **out,
    struct pin_err *err)
{
	struct pin__proto c;
	struct pin__wire w;
	struct envelope e;
	struct pin_type t;
	struct pin_err mine;
	int rc;

	*out = NULL;
	memset(&c, 0, sizeof(c));
	c.arena = a;
	c.err = err != NULL ? err : &mine;
	c.type = "runtime.Unknown";
	c.field = "";
	c.start = (const unsigned char *)bytes.p;
	if (bytes.len > PIN_OBJ_TEXT_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "protobuf of %zu bytes, "
		    "%u are allowed", bytes.len, PIN_OBJ_TEXT_MAX));
	if (bytes.len < MAGIC_LEN || memcmp(bytes.p, MAGIC, MAGIC_LEN) != 0)
		return (pin_err_set(err, PIN_EINVAL, "protobuf: byte 0: the "
		    "object does not begin with \"k8s\\0\""));
	w.p = w.at = c.start + MAGIC_LEN;
	w.end = c.start + bytes.len;
	w.number = w.wire = 0;
	if (!open_envelope(&c, w, &e))
		return (c.rc);
	rc = find(arg, e.api_version, e.kind, &t, c.err);
	if (rc != PIN_OK)
		return (rc);
	rc = decode(&c, &e, t, bytes);
	if (rc == PIN_OK)
		*out = c.o;
	return (rc);
}
