/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bridge.c -- rows of the API table turned into the few facts that strategic
 * merge and managedFields ask for.
 * Immutable once made; any thread.
 * A type id is an index into types[]; what is no structure (a map, a string)
 * is known by the field that holds it, with VALUE_OF set. */
#include <stdlib.h>
#include <string.h>

#include "core/api/bridge.h"

#define BRIDGE_MAGIC	0xb51d6e01u
#define VALUE_OF	0x40000000u

struct pin_bridge {
	uint32_t			 magic;
	const struct pin_schema		*s;
	struct pin_merge_schema		 merge;
	struct pin_fields_schema	 fields;
	/* keys[key0[f]..] of a list told apart by keys, for field f */
	struct pin_fields_key		*keys;
	uint32_t			*key0;
};

static struct pin_str
text(const struct pin_schema *s, uint32_t off)
{
	return (pin_str(pin_schema_str(s, off)));
}

static struct pin_type
type_at(const struct pin_schema *s, uint32_t id)
{
	struct pin_type t = { s, &s->types[id] };

	return (t);
}

static uint32_t
type_index(const struct pin_schema *s, struct pin_type t)
{
	PIN_ASSERT(t.schema == s);
	return ((uint32_t)(t.row - s->types));
}

static uint32_t
ref_of(const struct pin_schema *s, uint32_t owner,
    const struct pin_field_row *f)
{
	return (type_index(s, pin_field_type(type_at(s, owner), f)));
}

/* ---- strategic merge --------------------------------------------------- */

static int
merge_lookup(const void *ctx, uint32_t type, const char *name, size_t len,
    struct pin_merge_field *out)
{
	const struct pin_bridge *b = ctx;
	const struct pin_field_row *f;

	if (type & VALUE_OF)
		return (0);
	f = pin_type_field(type_at(b->s, type), name, len);
	if (f == NULL)
		return (0);
	out->type = f->kind == PIN_F_OBJECT && f->shape != PIN_SHAPE_MAP ?
	    ref_of(b->s, type, f) :
	    VALUE_OF | (uint32_t)(f - b->s->fields);
	out->flags = (f->shape == PIN_SHAPE_LIST ? PIN_MERGE_LIST : 0) |
	    (f->flags & PIN_FF_PATCH_MERGE ? PIN_MERGE_MERGE : 0) |
	    (f->flags & PIN_FF_PATCH_REPLACE ? PIN_MERGE_REPLACE : 0) |
	    (f->flags & PIN_FF_PATCH_RETAIN ? PIN_MERGE_RETAINKEYS : 0);
	out->key = text(b->s, f->patch_key);
	return (1);
}

/* Go's kinds, as they stand in messages. */
static const char *
merge_name(const void *ctx, uint32_t type, int *is_struct)
{
	static const char *const kind[PIN_F__COUNT] = {
		[PIN_F_BOOL] = "bool", [PIN_F_INT32] = "int32",
		[PIN_F_INT64] = "int64", [PIN_F_DOUBLE] = "float64",
		[PIN_F_STRING] = "string", [PIN_F_BYTES] = "slice",
		[PIN_F_TIME] = "Time", [PIN_F_MICROTIME] = "MicroTime",
		[PIN_F_DURATION] = "Duration",
		[PIN_F_QUANTITY] = "Quantity",
		[PIN_F_INTORSTRING] = "IntOrString",
		[PIN_F_RAW] = "RawExtension", [PIN_F_FIELDS] = "FieldsV1",
		[PIN_F_JSON] = "JSON", [PIN_F_STRINGS] = "slice",
	};
	const struct pin_bridge *b = ctx;
	const struct pin_field_row *f;

	*is_struct = 1;
	if (!(type & VALUE_OF))
		return (pin_schema_str(b->s, b->s->types[type].bare));
	f = &b->s->fields[type & ~VALUE_OF];
	*is_struct = f->shape != PIN_SHAPE_MAP && kind[f->kind] != NULL &&
	    kind[f->kind][0] < 'a';
	return (f->shape == PIN_SHAPE_MAP ? "map" : kind[f->kind]);
}

/* ---- managedFields ----------------------------------------------------- */

/* A value that is neither list nor map of its field. */
static void
plain_type(const struct pin_bridge *b, const struct pin_field_row *f,
    struct pin_fields_type *out)
{
	uint32_t flags, id;

	out->relation = PIN_FT_ATOMIC;
	switch (f->kind) {
	case PIN_F_OBJECT:
		id = f->ref & ~PIN_REF_BUILTIN;
		flags = b->s->types[id].flags;
		out->id = id;
		out->kind = PIN_FT_STRUCT;
		if (flags & (PIN_TF_OR_BOOL | PIN_TF_OR_ARRAY |
		    PIN_TF_OR_STRINGS))
			out->kind = PIN_FT_ANY;
		else if (!(f->flags & PIN_FF_ATOMIC) &&
		    (!(flags & PIN_TF_ATOMIC) || (f->flags &
		    PIN_FF_GRANULAR)))
			out->relation = PIN_FT_GRANULAR;
		break;
	case PIN_F_RAW:
	case PIN_F_FIELDS:
	case PIN_F_JSON:
		out->kind = PIN_FT_ANY;
		break;
	case PIN_F_STRINGS:
		out->kind = PIN_FT_LIST;
		break;
	default:
		out->kind = PIN_FT_SCALAR;
		out->relation = PIN_FT_GRANULAR;
		break;
	}
}

static int
fields_field(const void *ctx, const struct pin_fields_type *t,
    const char *name, size_t len, struct pin_fields_type *out)
{
	const struct pin_bridge *b = ctx;
	const struct pin_field_row *f;
	uint32_t id;

	f = pin_type_field(type_at(b->s, t->id), name, len);
	if (f == NULL)
		return (0);
	id = (uint32_t)(f - b->s->fields);
	*out = (struct pin_fields_type){ .id = id };
	if (f->shape == PIN_SHAPE_ONE)
		plain_type(b, f, out);
	else if (f->shape == PIN_SHAPE_MAP) {
		out->kind = PIN_FT_MAP;
		out->relation = f->flags & PIN_FF_ATOMIC ? PIN_FT_ATOMIC :
		    PIN_FT_GRANULAR;
	} else {
		out->kind = PIN_FT_LIST;
		out->relation = f->list == PIN_LIST_SET ? PIN_FT_SET :
		    f->list == PIN_LIST_MAP ? PIN_FT_KEYED : PIN_FT_ATOMIC;
		if (f->list == PIN_LIST_MAP) {
			out->keys = b->keys + b->key0[id];
			out->nkeys = (uint16_t)pin_schema_nwords(b->s,
			    f->keys);
		}
	}
	return (1);
}

static void
fields_element(const void *ctx, const struct pin_fields_type *t,
    struct pin_fields_type *out)
{
	const struct pin_bridge *b = ctx;
	struct pin_field_row f;

	*out = (struct pin_fields_type){ .id = t->id };
	if (t->kind == PIN_FT_ANY)
		return;
	f = b->s->fields[t->id];
	f.flags &= ~(uint32_t)PIN_FF_ATOMIC;	/* that was the container */
	plain_type(b, &f, out);
}

/* ---- making ------------------------------------------------------------ */

static int
key_cmp(const void *a, const void *b)
{
	const struct pin_fields_key *l = a, *r = b;

	return (pin_str_cmp(l->name, r->name));
}

static uint32_t
add_keys(struct pin_bridge *b, const struct pin_field_row *f, uint32_t at)
{
	uint32_t n = pin_schema_nwords(b->s, f->keys), i;
	const struct pin_field_row *k;
	struct pin_type t = type_at(b->s, f->ref & ~PIN_REF_BUILTIN);
	struct pin_fields_key *key;

	for (i = 0; i < n; i++) {
		key = &b->keys[at + i];
		key->name = text(b->s, pin_schema_word(b->s, f->keys, i));
		key->dflt = PIN_STR("");
		k = f->kind != PIN_F_OBJECT ? NULL : pin_type_field(t,
		    key->name.p, key->name.len);
		if (k != NULL && k->dflt != 0 && k->when == PIN_NONE)
			key->dflt = text(b->s, k->dflt);
	}
	if (n > 1)
		qsort(b->keys + at, n, sizeof(*b->keys), key_cmp);
	return (n);
}

struct pin_bridge *
pin_bridge_new(const struct pin_schema *s)
{
	struct pin_bridge *b = pin_xcalloc(1, sizeof(*b));
	uint32_t i, n = 0;

	b->magic = BRIDGE_MAGIC;
	b->s = s;
	b->merge = (struct pin_merge_schema){ .ctx = b,
	    .lookup = merge_lookup, .name = merge_name };
	b->fields = (struct pin_fields_schema){ .ctx = b,
	    .field = fields_field, .element = fields_element };
	b->key0 = pin_xcalloc(s->nfields + 1, sizeof(*b->key0));
	for (i = 0; i < s->nfields; i++)
		if (s->fields[i].list == PIN_LIST_MAP)
			n += pin_schema_nwords(s, s->fields[i].keys);
	b->keys = pin_xcalloc(n + 1, sizeof(*b->keys));
	for (i = 0, n = 0; i < s->nfields; i++) {
		b->key0[i] = n;
		if (s->fields[i].list == PIN_LIST_MAP)
			n += add_keys(b, &s->fields[i], n);
	}
	return (b);
}

void
pin_bridge_free(struct pin_bridge **bp)
{
	struct pin_bridge *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	PIN_VALID(b, BRIDGE_MAGIC);
	b->magic = 0;
	free(b->keys);
	free(b->key0);
	free(b);
}

const struct pin_merge_schema *
pin_bridge_merge(const struct pin_bridge *b)
{
	PIN_VALID(b, BRIDGE_MAGIC);
	return (&b->merge);
}

const struct pin_fields_schema *
pin_bridge_fields(const struct pin_bridge *b)
{
	PIN_VALID(b, BRIDGE_MAGIC);
	return (&b->fields);
}

uint32_t
pin_bridge_type(const struct pin_bridge *b, uint32_t ref)
{
	PIN_VALID(b, BRIDGE_MAGIC);
	return (type_index(b->s, pin_schema_type(b->s, ref)));
}

void
pin_bridge_root(const struct pin_bridge *b, uint32_t ref,
    struct pin_fields_type *out)
{
	*out = (struct pin_fields_type){ .id = pin_bridge_type(b, ref),
	    .kind = PIN_FT_STRUCT, .relation = PIN_FT_GRANULAR };
}

