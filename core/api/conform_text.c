/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform_text.c -- what the walk says: strict reports and type errors, with
 * the words and the paths of Go's decoder.
 * Only run when something is wrong. Contract: conform.h. */
#include "conform_int.h"

#include <stdio.h>
#include <string.h>

#include "lib/selector/text.h"

#define AT_MAX		(PIN_CONFORM_DEPTH_MAX * 2 + 4)
#define TEXT_MAX_BYTES	((size_t)64 << 10)	/* of one report */
#define GO_TYPE_MAX	160

/* ---- paths ---------------------------------------------------------- */

/* Collects the way from the root, outermost first. */
static uint32_t
unroll(const struct pin__at *at, const struct pin__at *way[AT_MAX])
{
	const struct pin__at *a;
	uint32_t n = 0, k;

	for (a = at; a != NULL && n < AT_MAX; a = a->up)
		n++;
	for (a = at, k = n; k > 0; a = a->up)
		way[--k] = a;
	return (n);
}

static void
put_path(struct pin_out *out, const struct pin__at *at)
{
	const struct pin__at *way[AT_MAX];
	uint32_t k, n = unroll(at, way);

	for (k = 0; k < n; k++) {
		if (way[k]->name == NULL) {
			pin_out_printf(out, "[%u]", way[k]->index);
			continue;
		}
		if (k > 0)
			pin_out_char(out, '.');
		pin_out_put(out, way[k]->name, way[k]->len);
	}
}

void
pin__strict_report(struct pin__conform *c, const char *what,
    const struct pin__at *up, struct pin_str name)
{
	struct pin_strict *s = c->strict;
	struct pin_out path, text;
	struct pin_str p;
	uint32_t k;

	if (s == NULL)
		return;
	if (s->n >= PIN_STRICT_MAX) {
		s->more++;
		return;
	}
	pin_out_init(&path, c->arena, TEXT_MAX_BYTES);
	put_path(&path, up);
	if (up != NULL)
		pin_out_char(&path, '.');
	pin_out_str(&path, name);
	p.p = path.p;
	p.len = path.len;
	pin_out_init(&text, s->arena != NULL ? s->arena : c->arena,
	    TEXT_MAX_BYTES * 4);
	pin_out_printf(&text, "%s field ", what);
	pin__go_quote(&text, p);
	if (path.failed != PIN_OK || text.failed != PIN_OK) {
		s->more++;
		return;
	}
	p.p = text.p;
	p.len = text.len;
	for (k = 0; k < s->n; k++)
		if (pin_str_eq(s->text[k], p))
			return;
	s->text[s->n++] = p;
}

/* ---- type errors ---------------------------------------------------- */

static const char *const go_scalar[PIN_F__COUNT] = {
	[PIN_F_BOOL] = "bool",
	[PIN_F_INT32] = "int32",
	[PIN_F_INT64] = "int64",
	[PIN_F_DOUBLE] = "float64",
	[PIN_F_STRING] = "string",
	[PIN_F_BYTES] = "[]uint8",
	[PIN_F_TIME] = "v1.Time",
	[PIN_F_MICROTIME] = "v1.MicroTime",
	[PIN_F_DURATION] = "v1.Duration",
	[PIN_F_QUANTITY] = "resource.Quantity",
	[PIN_F_INTORSTRING] = "intstr.IntOrString",
	[PIN_F_RAW] = "runtime.RawExtension",
	[PIN_F_FIELDS] = "v1.FieldsV1",
	[PIN_F_JSON] = "v1.JSON",
	[PIN_F_STRINGS] = "v1.ExtraValue",
};

/* "core.v1.PodSpec" is v1.PodSpec in Go. */
static const char *
go_struct(struct pin_type t)
{
	const char *name = pin_schema_str(t.schema, t.row->name);
	const char *dot = strchr(name, '.');

	return (dot != NULL ? dot + 1 : name);
}

/* What Go calls the value: "number 1.5" where a number does not fit. */
static void
value_name(const struct pin__conform *c, pin_node i, const char *type,
    char out[128])
{
	const struct pin__node *n = &c->in->nodes[i];
	static const char *const name[] = { "null", "null", "bool", "bool",
	    "number", "string", "array", "object" };

	if (PIN__TYPE(n) == PIN_NUMBER && (strncmp(type, "int", 3) == 0 ||
	    strncmp(type, "uint", 4) == 0 || strncmp(type, "float", 5) == 0) &&
	    strchr(type, '.') == NULL)
		snprintf(out, 128, "number %.*s", n->len < 100 ? (int)n->len :
		    100, c->out->text + n->off);
	else
		snprintf(out, 128, "%s", name[PIN__TYPE(n)]);
}

/* The inlined struct of t that member name is from, or none. */
static int
inlined_of(struct pin_type t, const struct pin__at *at, struct pin_type *out)
{
	const struct pin_pb_row *pb = t.schema->pbs + t.row->pb0;
	uint32_t k;

	for (k = 0; k < t.row->npb; k++) {
		if (pb[k].inlined == PIN_NONE)
			continue;
		*out = pin_schema_type(t.schema, pb[k].inlined);
		if (pin_type_field(*out, at->name, at->len) != NULL)
			return (1);
	}
	return (0);
}

/* Go names the structs that an inlined member comes from. */
static void
put_inlined(struct pin_out *out, const struct pin__at *at)
{
	struct pin_type t = { at->schema, at->owner };
	uint32_t depth;

	for (depth = 0; depth < PIN_CONFORM_DEPTH_MAX &&
	    inlined_of(t, at, &t); depth++) {
		pin_out_cstr(out, pin_schema_str(t.schema, t.row->bare));
		pin_out_char(out, '.');
	}
}

pin_node
pin__type_error_as(struct pin__conform *c, const struct pin__at *at,
    pin_node i, const char *go_type)
{
	const struct pin__at *way[AT_MAX], *last = NULL;
	uint32_t k, n = unroll(at, way);
	struct pin_out field;
	char value[128];

	if (c->soft != PIN_OK || c->hard != PIN_OK)
		return (0);
	c->soft = PIN_EINVAL;
	value_name(c, i, go_type, value);
	pin_out_init(&field, c->arena, TEXT_MAX_BYTES);
	for (k = 0; k < n; k++) {
		if (way[k]->owner == NULL)
			continue;
		if (last != NULL)
			pin_out_char(&field, '.');
		put_inlined(&field, way[k]);
		pin_out_put(&field, way[k]->name, way[k]->len);
		last = way[k];
	}
	if (last == NULL)
		(void)pin_err_set(c->err, PIN_EINVAL, "json: cannot unmarshal "
		    "%s into Go value of type %s", value, go_type);
	else
		(void)pin_err_set(c->err, PIN_EINVAL, "json: cannot unmarshal "
		    "%s into Go struct field %s.%.*s of type %s", value,
		    pin_schema_str(last->schema, last->owner->bare),
		    (int)field.len, field.p != NULL ? field.p : "", go_type);
	return (0);
}

pin_node
pin__type_error(struct pin__conform *c, const struct pin__at *at,
    struct pin_type t, const struct pin_field_row *f, int shape, pin_node i)
{
	char text[GO_TYPE_MAX];
	const char *elem;

	if (f == NULL)
		return (pin__type_error_as(c, at, i, go_struct(t)));
	elem = f->kind == PIN_F_OBJECT ? go_struct(pin_field_type(t, f)) :
	    go_scalar[f->kind];
	if (shape == PIN_SHAPE_MAP && f->kind == PIN_F_QUANTITY)
		snprintf(text, sizeof(text), "v1.ResourceList");
	else
		snprintf(text, sizeof(text), "%s%s", shape == PIN_SHAPE_LIST ?
		    "[]" : shape == PIN_SHAPE_MAP ? "map[string]" : "", elem);
	return (pin__type_error_as(c, at, i, text));
}
