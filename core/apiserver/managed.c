/* SPDX-License-Identifier: BSD-2-Clause
 *
 * managed.c -- the resource table as lib/fields wants to see it, and who the
 * manager of a request is.
 * Front loop. Contract: managed.h. */
#include "core/apiserver/managed.h"

#include <stdio.h>
#include <string.h>

#include "core/apiserver/meta.h"
#include "lib/fields/fields.h"

#define MANAGER_MAX	128	/* bytes of a manager's name, as upstream */

/* A pin_fields_type's id: a struct's index, or a field's with a mark. */
#define ID_FIELD	0x80000000u

static void
type_struct(const struct pin_schema *sc, uint32_t type, uint32_t atomic,
    struct pin_fields_type *out)
{
	*out = (struct pin_fields_type){ .id = type, .kind = PIN_FT_STRUCT };
	if (atomic || (sc->types[type].flags & PIN_TF_ATOMIC) != 0)
		out->relation = PIN_FT_ATOMIC;
}

/* What one value of the field is, its shape left aside. */
static void
type_value(const struct pin_schema *sc, const struct pin_field_row *f,
    uint32_t atomic, struct pin_fields_type *out)
{
	memset(out, 0, sizeof(*out));
	switch (f->kind) {
	case PIN_F_OBJECT:
		type_struct(sc, f->ref & ~PIN_REF_BUILTIN, atomic, out);
		break;
	case PIN_F_STRINGS:
		out->kind = PIN_FT_LIST;
		out->relation = PIN_FT_ATOMIC;
		break;
	case PIN_F_RAW:
	case PIN_F_JSON:
	case PIN_F_FIELDS:
		break;			/* ANY */
	default:
		out->kind = PIN_FT_SCALAR;
		break;
	}
}

/* List keys as lib/fields wants them, made once and kept: there are some
 * sixty in the whole API. */
#define KEYS_MAX	4

static uint16_t
list_keys(struct request *r, const struct pin_schema *sc,
    const struct pin_field_row *f, const struct pin_fields_key **out)
{
	uint32_t n = pin_schema_nwords(sc, f->keys), i, k;
	struct pin_fields_key *keys, tmp;
	const struct pin_field_row *m;
	struct pin_type elem;

	if (n > KEYS_MAX)
		n = KEYS_MAX;
	keys = pin_arena_zalloc(r->arena, n * sizeof(*keys));
	if (keys == NULL)
		return (0);
	elem = pin_schema_type(sc, f->ref);
	for (i = 0; i < n; i++) {
		keys[i].name = pin_str(pin_schema_str(sc,
		    pin_schema_word(sc, f->keys, i)));
		m = pin_type_field(elem, keys[i].name.p, keys[i].name.len);
		if (m != NULL && m->dflt != 0)
			keys[i].dflt = pin_str(pin_schema_str(sc, m->dflt));
		for (k = i; k > 0 && pin_str_cmp(keys[k].name,
		    keys[k - 1].name) < 0; k--) {
			tmp = keys[k];
			keys[k] = keys[k - 1];
			keys[k - 1] = tmp;
		}
	}
	*out = keys;
	return ((uint16_t)n);
}

static void
type_field(struct request *r, uint32_t index, struct pin_fields_type *out)
{
	const struct pin_schema *sc = r->srv->schema;
	const struct pin_field_row *f = &sc->fields[index];
	uint32_t atomic = f->flags & PIN_FF_ATOMIC;

	if (f->shape == PIN_SHAPE_ONE) {
		type_value(sc, f, atomic, out);
		return;
	}
	memset(out, 0, sizeof(*out));
	out->id = ID_FIELD | index;
	if (f->shape == PIN_SHAPE_MAP) {
		out->kind = PIN_FT_MAP;
		out->relation = atomic ? PIN_FT_ATOMIC : PIN_FT_GRANULAR;
		return;
	}
	out->kind = PIN_FT_LIST;
	out->relation = f->list == PIN_LIST_SET ? PIN_FT_SET : f->list ==
	    PIN_LIST_MAP ? PIN_FT_KEYED : PIN_FT_ATOMIC;
	if (out->relation == PIN_FT_KEYED)
		out->nkeys = list_keys(r, sc, f, &out->keys);
}

static int
schema_field(const void *ctx, const struct pin_fields_type *t,
    const char *name, size_t len, struct pin_fields_type *out)
{
	struct request *r = (struct request *)(uintptr_t)ctx;
	const struct pin_schema *sc = r->srv->schema;
	const struct pin_field_row *f = pin_type_field(pin_schema_type(sc,
	    t->id), name, len);

	if (f == NULL)
		return (0);
	type_field(r, (uint32_t)(f - sc->fields), out);
	return (1);
}

static void
schema_element(const void *ctx, const struct pin_fields_type *t,
    struct pin_fields_type *out)
{
	struct request *r = (struct request *)(uintptr_t)ctx;
	const struct pin_schema *sc = r->srv->schema;

	if ((t->id & ID_FIELD) == 0)
		memset(out, 0, sizeof(*out));
	else
		type_value(sc, &sc->fields[t->id & ~ID_FIELD], 0, out);
}

/* fieldManager, else the User-Agent up to its first '/'. */
static struct pin_str
manager_of(struct request *r)
{
	struct pin_str s = r->opt.field_manager;
	const char *slash;

	if (s.len == 0) {
		s = exchange_header(r->ex, "User-Agent");
		slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
		if (slash != NULL)
			s.len = (size_t)(slash - s.p);
	}
	if (s.len > MANAGER_MAX)
		s.len = MANAGER_MAX;
	return (s);
}

/* What the type writes when nothing is set: members that are always there
 * are nobody's. */
static struct pin_obj *
empty_object(struct request *r)
{
	struct pin_obj *none = pin_obj_new(r->arena), *out = NULL;

	if (none == NULL) {
		pin_err_set(&r->err, PIN_ENOMEM, "out of memory");
		return (NULL);
	}
	if (pin_conform(r->arena, r->type, none, pin_obj_root(none), 0, &out,
	    NULL, &r->err) != PIN_OK)
		return (NULL);
	return (out);
}

int
managed_update(struct request *r)
{
	struct pin_fields_schema schema = { .ctx = r, .field = schema_field,
	    .element = schema_element };
	static const struct pin_str spec = { "spec", 4 },
	    status = { "status", 6 };
	struct pin_fields_op op = { .schema = &schema,
	    .manager = manager_of(r), .subresource = r->info.subresource };
	const char *group = res_group(r->srv, r->res);
	struct pin_obj *old = r->old;
	char now[40], gv[128];

	snprintf(gv, sizeof(gv), "%s%s%s", group, *group ? "/" : "",
	    res_version(r->srv, r->res));
	meta_now(r, 0, now);
	op.api_version = pin_str(gv);
	op.now = pin_str(now);
	type_struct(r->srv->schema, r->res->type, 0, &op.root);
	if ((r->res->flags & PIN_RF_STATUS) != 0) {
		op.reset = pin_str_is(r->info.subresource, "status") ? &spec :
		    &status;
		op.nreset = 1;
	}
	if (r->operation == PIN_OP_CREATE || old == NULL) {
		old = empty_object(r);
		if (old == NULL)
			return (r->err.code);
	}
	return (pin_fields_update(r->arena, &op, old, r->obj, &r->err));
}
