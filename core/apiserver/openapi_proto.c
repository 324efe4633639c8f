/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_proto.c -- an OpenAPI v2 document in protobuf, which is the only
 * form that older kubectls ask for.
 * One thread a call.
 * Contract: message openapi.v2.Document of gnostic's OpenAPIv2.proto; the
 * table holds the messages that our documents consist of. */
#include "core/apiserver/openapi_int.h"

#include <pintle/err.h>

#include <string.h>

/* What a JSON value becomes. WRAP fields stand in a message of one field,
 * whose number is `wrap`. */
enum { AS_TEXT, AS_BOOL, AS_TEXTS, AS_ANY, AS_ANYS, AS_ONE, AS_EACH,
    AS_PARAMS };

enum { M_NONE, M_DOCUMENT, M_INFO, M_PATHS, M_PATH, M_OPERATION, M_RESPONSES,
    M_RESPONSE, M_DEFINITIONS, M_SCHEMA, M_SECURITIES, M_KEY, M_REQUIREMENT,
    M_TEXTS, M_BODY, M_QUERY, M_IN_PATH, M__COUNT };

struct field {
	const char	*key;
	uint32_t	 number;
	uint8_t		 as, sub, wrap;
};

static const struct field f_document[] = {
	{ "swagger", 1, AS_TEXT, 0, 0 }, { "info", 2, AS_ONE, M_INFO, 0 },
	{ "paths", 8, AS_ONE, M_PATHS, 0 },
	{ "definitions", 9, AS_ONE, M_DEFINITIONS, 0 },
	{ "security", 12, AS_EACH, M_REQUIREMENT, 0 },
	{ "securityDefinitions", 13, AS_ONE, M_SECURITIES, 0 }, { 0 } };
static const struct field f_info[] = {
	{ "title", 1, AS_TEXT, 0, 0 }, { "version", 2, AS_TEXT, 0, 0 }, { 0 } };
static const struct field f_path[] = {
	{ "get", 2, AS_ONE, M_OPERATION, 0 },
	{ "put", 3, AS_ONE, M_OPERATION, 0 },
	{ "post", 4, AS_ONE, M_OPERATION, 0 },
	{ "delete", 5, AS_ONE, M_OPERATION, 0 },
	{ "options", 6, AS_ONE, M_OPERATION, 0 },
	{ "head", 7, AS_ONE, M_OPERATION, 0 },
	{ "patch", 8, AS_ONE, M_OPERATION, 0 },
	{ "parameters", 9, AS_PARAMS, 0, 0 }, { 0 } };
static const struct field f_operation[] = {
	{ "tags", 1, AS_TEXTS, 0, 0 }, { "operationId", 5, AS_TEXT, 0, 0 },
	{ "produces", 6, AS_TEXTS, 0, 0 }, { "consumes", 7, AS_TEXTS, 0, 0 },
	{ "parameters", 8, AS_PARAMS, 0, 0 },
	{ "responses", 9, AS_ONE, M_RESPONSES, 0 },
	{ "schemes", 10, AS_TEXTS, 0, 0 }, { 0 } };
static const struct field f_response[] = {
	{ "description", 1, AS_TEXT, 0, 0 },
	{ "schema", 2, AS_ONE, M_SCHEMA, 1 }, { 0 } };
static const struct field f_schema[] = {
	{ "$ref", 1, AS_TEXT, 0, 0 }, { "format", 2, AS_TEXT, 0, 0 },
	{ "description", 4, AS_TEXT, 0, 0 }, { "default", 5, AS_ANY, 0, 0 },
	{ "required", 19, AS_TEXTS, 0, 0 }, { "enum", 20, AS_ANYS, 0, 0 },
	{ "additionalProperties", 21, AS_ONE, M_SCHEMA, 1 },
	{ "type", 22, AS_TEXT, 0, 1 }, { "items", 23, AS_ONE, M_SCHEMA, 1 },
	{ "properties", 25, AS_ONE, M_DEFINITIONS, 0 }, { 0 } };
static const struct field f_key[] = {
	{ "type", 1, AS_TEXT, 0, 0 }, { "name", 2, AS_TEXT, 0, 0 },
	{ "in", 3, AS_TEXT, 0, 0 }, { 0 } };
static const struct field f_body[] = {
	{ "name", 2, AS_TEXT, 0, 0 }, { "in", 3, AS_TEXT, 0, 0 },
	{ "required", 4, AS_BOOL, 0, 0 },
	{ "schema", 5, AS_ONE, M_SCHEMA, 0 }, { 0 } };
static const struct field f_query[] = {
	{ "required", 1, AS_BOOL, 0, 0 }, { "in", 2, AS_TEXT, 0, 0 },
	{ "name", 4, AS_TEXT, 0, 0 }, { "type", 6, AS_TEXT, 0, 0 },
	{ "uniqueItems", 20, AS_BOOL, 0, 0 }, { 0 } };
static const struct field f_in_path[] = {
	{ "required", 1, AS_BOOL, 0, 0 }, { "in", 2, AS_TEXT, 0, 0 },
	{ "name", 4, AS_TEXT, 0, 0 }, { "type", 5, AS_TEXT, 0, 0 },
	{ "uniqueItems", 19, AS_BOOL, 0, 0 }, { 0 } };

/* A message has fields, or it is a map: entries {1 name, 2 value} in field
 * `entry`, the value a message `sub` (in field `wrap` of another, unless 0). */
static const struct message {
	const struct field *fields;
	uint32_t	 entry;
	uint8_t		 sub, wrap;
	uint16_t	 extension;	/* number of x-... members, 0: none */
} messages[M__COUNT] = {
	[M_DOCUMENT] = { f_document, 0, 0, 0, 16 },
	[M_INFO] = { f_info, 0, 0, 0, 7 },
	[M_PATHS] = { NULL, 2, M_PATH, 0, 0 },
	[M_PATH] = { f_path, 0, 0, 0, 10 },
	[M_OPERATION] = { f_operation, 0, 0, 0, 13 },
	[M_RESPONSES] = { NULL, 1, M_RESPONSE, 1, 0 },
	[M_RESPONSE] = { f_response, 0, 0, 0, 5 },
	[M_DEFINITIONS] = { NULL, 1, M_SCHEMA, 0, 0 },
	[M_SCHEMA] = { f_schema, 0, 0, 0, 31 },
	[M_SECURITIES] = { NULL, 1, M_KEY, 2, 0 },
	[M_KEY] = { f_key, 0, 0, 0, 5 },
	[M_REQUIREMENT] = { NULL, 1, M_TEXTS, 0, 0 },
	[M_TEXTS] = { NULL, 0, 0, 0, 0 },
	[M_BODY] = { f_body, 0, 0, 0, 6 },
	[M_QUERY] = { f_query, 0, 0, 0, 23 },
	[M_IN_PATH] = { f_in_path, 0, 0, 0, 22 },
};

struct encoder {
	const struct pin_obj	*doc;
	struct pin_out		*out;
	struct pin_err		*err;
	uint32_t		 depth;
	int32_t			 rc;
};

static void	put_message(struct encoder *, uint32_t message, pin_node);

/* ---- the wire --------------------------------------------------------- */

static size_t
varint(uint64_t v, unsigned char out[10])
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (unsigned char)v;
	return (n);
}

static void
put_tag(struct encoder *e, uint32_t number, uint32_t wire)
{
	unsigned char b[10];

	pin_out_put(e->out, b, varint((uint64_t)number << 3 | wire, b));
}

static void
put_bytes(struct encoder *e, uint32_t number, struct pin_str s)
{
	unsigned char b[10];

	put_tag(e, number, 2);
	pin_out_put(e->out, b, varint(s.len, b));
	pin_out_str(e->out, s);
}

/* A field whose length is known at its end: one byte is kept for it, and what
 * was written moves when it needs more. */
static size_t
field_open(struct encoder *e, uint32_t number)
{
	put_tag(e, number, 2);
	pin_out_char(e->out, 0);
	return (e->out->len);
}

static void
field_close(struct encoder *e, size_t start)
{
	struct pin_out *o = e->out;
	unsigned char b[10];
	size_t len, n;

	if (o->failed != PIN_OK)
		return;
	len = o->len - start;
	n = varint(len, b);
	if (n > 1 && pin_out_room(o, n - 1) == NULL)
		return;
	memmove(o->p + start + n - 1, o->p + start, len);
	memcpy(o->p + start - 1, b, n);
}

/* ---- values ----------------------------------------------------------- */

/* Any is {2 yaml}, and JSON is YAML. */
static void
put_any(struct encoder *e, uint32_t number, pin_node n)
{
	size_t any = field_open(e, number), text = field_open(e, 2);

	pin_obj_write(e->doc, n, e->out);
	pin_out_char(e->out, '\n');
	field_close(e, text);
	field_close(e, any);
}

static void
put_extension(struct encoder *e, uint32_t number, pin_node n)
{
	size_t named = field_open(e, number);

	put_bytes(e, 1, pin_obj_key(e->doc, n));
	put_any(e, 2, n);
	field_close(e, named);
}

/* ParametersItem {1 Parameter {1 body | 2 {3 query | 4 path}}} */
static void
put_param(struct encoder *e, uint32_t number, pin_node n)
{
	struct pin_str in = pin_obj_str(e->doc, pin_obj_get(e->doc, n, "in"));
	size_t item = field_open(e, number), param = field_open(e, 1), a, b;

	if (pin_str_is(in, "body")) {
		a = field_open(e, 1);
		put_message(e, M_BODY, n);
	} else {
		a = field_open(e, 2);
		b = field_open(e, pin_str_is(in, "path") ? 4 : 3);
		put_message(e, pin_str_is(in, "path") ? M_IN_PATH : M_QUERY, n);
		field_close(e, b);
	}
	field_close(e, a);
	field_close(e, param);
	field_close(e, item);
}

static void
put_one(struct encoder *e, const struct field *f, pin_node n)
{
	size_t at = field_open(e, f->number), in = 0;

	if (f->wrap != 0 && f->as == AS_ONE)
		in = field_open(e, f->wrap);
	if (f->as == AS_TEXT)
		put_bytes(e, f->wrap, pin_obj_str(e->doc, n));
	else
		put_message(e, f->sub, n);
	if (in != 0)
		field_close(e, in);
	field_close(e, at);
}

static void
put_field(struct encoder *e, const struct field *f, pin_node n)
{
	pin_node i;

	switch (f->as) {
	case AS_TEXT:
		if (f->wrap == 0)
			put_bytes(e, f->number, pin_obj_str(e->doc, n));
		else
			put_one(e, f, n);
		return;
	case AS_BOOL:
		if (pin_obj_true(e->doc, n)) {
			put_tag(e, f->number, 0);
			pin_out_char(e->out, 1);
		}
		return;
	case AS_ANY:
		put_any(e, f->number, n);
		return;
	case AS_ONE:
		put_one(e, f, n);
		return;
	}
	for (i = pin_obj_first(e->doc, n); i != 0;
	    i = pin_obj_next(e->doc, i)) {
		if (f->as == AS_TEXTS)
			put_bytes(e, f->number, pin_obj_str(e->doc, i));
		else if (f->as == AS_ANYS)
			put_any(e, f->number, i);
		else if (f->as == AS_PARAMS)
			put_param(e, f->number, i);
		else
			put_one(e, f, i);
	}
}

/* ---- messages --------------------------------------------------------- */

static void
put_map(struct encoder *e, const struct message *m, pin_node map)
{
	size_t entry, value, in;
	pin_node n;

	for (n = pin_obj_first(e->doc, map); n != 0; n = pin_obj_next(e->doc,
	    n)) {
		entry = field_open(e, m->entry);
		put_bytes(e, 1, pin_obj_key(e->doc, n));
		value = field_open(e, 2);
		in = m->wrap != 0 ? field_open(e, m->wrap) : 0;
		put_message(e, m->sub, n);
		if (in != 0)
			field_close(e, in);
		field_close(e, value);
		field_close(e, entry);
	}
}

static void
put_members(struct encoder *e, const struct message *m, pin_node obj)
{
	const struct field *f;
	struct pin_str key;
	pin_node n;

	for (n = pin_obj_first(e->doc, obj); n != 0; n = pin_obj_next(e->doc,
	    n)) {
		key = pin_obj_key(e->doc, n);
		for (f = m->fields; f->key != NULL; f++)
			if (pin_str_is(key, f->key))
				break;
		if (f->key != NULL)
			put_field(e, f, n);
		else if (m->extension != 0 && pin_str_prefix(key, "x-"))
			put_extension(e, m->extension, n);
		else
			e->rc = pin_err_set(e->err, PIN_EINTERNAL,
			    "OpenAPI v2 in protobuf: there is no member "
			    PIN_SFMT, PIN_SARG(key));
	}
}

static void
put_message(struct encoder *e, uint32_t message, pin_node n)
{
	const struct message *m = &messages[message];
	pin_node i;

	if (e->rc != PIN_OK)
		return;
	if (++e->depth > OPENAPI_PROTO_DEPTH_MAX)
		e->rc = pin_err_set(e->err, PIN_EINTERNAL,
		    "OpenAPI v2 in protobuf: schemas nest too deep");
	else if (m->entry != 0)
		put_map(e, m, n);
	else if (m->fields != NULL)
		put_members(e, m, n);
	else
		for (i = pin_obj_first(e->doc, n); i != 0; i = pin_obj_next(
		    e->doc, i))
			put_bytes(e, 1, pin_obj_str(e->doc, i));
	e->depth--;
}

int
openapi_proto(struct pin_str json, struct pin_out *out, struct pin_err *err)
{
	struct encoder e = { .out = out, .err = err };
	struct pin_obj *doc = NULL;
	int rc;

	rc = pin_obj_parse(NULL, json.p, json.len, &doc, err);
	if (rc != PIN_OK)
		return (rc);
	e.doc = doc;
	put_message(&e, M_DOCUMENT, pin_obj_root(doc));
	pin_obj_free(&doc);
	if (e.rc == PIN_OK && out->failed != PIN_OK)
		e.rc = pin_err_set(err, out->failed,
		    "OpenAPI v2 in protobuf: out of memory");
	return (e.rc);
}
