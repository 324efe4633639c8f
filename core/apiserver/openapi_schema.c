/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_schema.c -- types as OpenAPI schemas.
 * Contract: openapi.h; x-kubernetes-list-type, -map-keys, -patch-strategy,
 * -patch-merge-key, -group-version-kind as upstream publishes them. */
#include "core/apiserver/openapi_int.h"

#include <string.h>

#define META	"io.k8s.apimachinery.pkg.apis.meta.v1."

static const struct {
	const char	*name;
	const char	*v2, *v3;
} specials[OA__COUNT] = {
	[OA_QUANTITY] = { "io.k8s.apimachinery.pkg.api.resource.Quantity",
	    "{\"type\":\"string\"}",
	    "{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}" },
	[OA_INTORSTRING] = {
	    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
	    "{\"format\":\"int-or-string\",\"type\":\"string\"}",
	    "{\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},"
	    "{\"type\":\"string\"}]}" },
	[OA_TIME] = { META "Time",
	    "{\"format\":\"date-time\",\"type\":\"string\"}",
	    "{\"format\":\"date-time\",\"type\":\"string\"}" },
	[OA_MICROTIME] = { META "MicroTime",
	    "{\"format\":\"date-time\",\"type\":\"string\"}",
	    "{\"format\":\"date-time\",\"type\":\"string\"}" },
	[OA_DURATION] = { META "Duration", "{\"type\":\"string\"}",
	    "{\"type\":\"string\"}" },
	[OA_RAW] = { "io.k8s.apimachinery.pkg.runtime.RawExtension",
	    "{\"type\":\"object\"}", "{\"type\":\"object\"}" },
	[OA_FIELDS] = { META "FieldsV1", "{\"type\":\"object\"}",
	    "{\"type\":\"object\"}" },
	[OA_JSON] = { "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."
	    "v1.JSON", "{}", "{}" },
	[OA_PATCH] = { META "Patch", "{\"type\":\"object\"}",
	    "{\"type\":\"object\"}" },
};

static const char *
ref_head(const struct openapi *a)
{
	return (a->version == 2 ? "#/definitions/" : "#/components/schemas/");
}

static void
put_name(struct openapi *a, uint32_t type)
{
	const struct pin_type_row *t = &a->sc->types[type];

	pin_out_printf(&a->o, "%s.%s", pin_schema_str(a->sc,
	    a->sc->gvs[t->gv].package), pin_schema_str(a->sc, t->bare));
}

uint32_t
openapi_type(const struct openapi *a, const char *name)
{
	struct pin_type t;

	if (!pin_type_find(a->sc, name, &t))
		return (PIN_NONE);
	return ((uint32_t)(t.row - a->sc->types));
}

void
openapi_need(struct openapi *a, uint32_t type)
{
	if (type == PIN_NONE || a->need[type])
		return;
	a->need[type] = 1;
	a->queue[a->nqueue++] = type;
}

void
openapi_ref(struct openapi *a, uint32_t type)
{
	openapi_need(a, type);
	pin_out_printf(&a->o, "{\"$ref\":\"%s", ref_head(a));
	put_name(a, type);
	pin_out_cstr(&a->o, "\"}");
}

void
openapi_special_ref(struct openapi *a, uint32_t special)
{
	a->special |= 1u << special;
	pin_out_printf(&a->o, "{\"$ref\":\"%s%s\"}", ref_head(a),
	    specials[special].name);
}

static const struct {
	uint8_t		kind;
	const char	*text;	/* members; NULL: a special or a type */
	uint32_t	special;
} kinds[PIN_F__COUNT] = {
	[PIN_F_BOOL] = { 0, "\"type\":\"boolean\"", 0 },
	[PIN_F_INT32] = { 0, "\"format\":\"int32\",\"type\":\"integer\"", 0 },
	[PIN_F_INT64] = { 0, "\"format\":\"int64\",\"type\":\"integer\"", 0 },
	[PIN_F_DOUBLE] = { 0, "\"format\":\"double\",\"type\":\"number\"", 0 },
	[PIN_F_STRING] = { 0, "\"type\":\"string\"", 0 },
	[PIN_F_BYTES] = { 0, "\"format\":\"byte\",\"type\":\"string\"", 0 },
	[PIN_F_TIME] = { 0, NULL, OA_TIME },
	[PIN_F_MICROTIME] = { 0, NULL, OA_MICROTIME },
	[PIN_F_DURATION] = { 0, NULL, OA_DURATION },
	[PIN_F_QUANTITY] = { 0, NULL, OA_QUANTITY },
	[PIN_F_INTORSTRING] = { 0, NULL, OA_INTORSTRING },
	[PIN_F_RAW] = { 0, NULL, OA_RAW },
	[PIN_F_FIELDS] = { 0, NULL, OA_FIELDS },
	[PIN_F_JSON] = { 0, NULL, OA_JSON },
	[PIN_F_STRINGS] = { 0, "\"items\":{\"type\":\"string\"},\"type\":"
	    "\"array\"", 0 },
};

static void
put_ref(struct openapi *a, const struct pin_field_row *f)
{
	if (f->kind == PIN_F_OBJECT)
		openapi_ref(a, f->ref & ~PIN_REF_BUILTIN);
	else
		openapi_special_ref(a, kinds[f->kind].special);
}

/* The members of a value's schema, without braces. As an element of a list
 * or a map v3 says what its zero is. */
static void
put_value(struct openapi *a, const struct pin_field_row *f, int element)
{
	if (kinds[f->kind].text != NULL) {
		if (element && a->version == 3 && f->kind == PIN_F_STRING)
			pin_out_cstr(&a->o, "\"default\":\"\",");
		pin_out_cstr(&a->o, kinds[f->kind].text);
		return;
	}
	if (a->version == 2) {
		put_ref(a, f);		/* the caller strips the braces */
		return;
	}
	pin_out_cstr(&a->o, "\"allOf\":[");
	put_ref(a, f);
	pin_out_char(&a->o, ']');
	if (f->kind == PIN_F_OBJECT && (element || f->presence == PIN_P_OMIT ||
	    f->presence == PIN_P_ALWAYS || f->presence == PIN_P_OMITZERO))
		pin_out_cstr(&a->o, ",\"default\":{}");
}

/* A v2 reference is a whole object; with siblings it loses its braces. */
static void
put_members(struct openapi *a, const struct pin_field_row *f, int element)
{
	size_t at = a->o.len;

	put_value(a, f, element);
	if (a->o.failed == PIN_OK && a->o.p[at] == '{') {
		memmove(a->o.p + at, a->o.p + at + 1, a->o.len - at - 1);
		a->o.len -= 2;
	}
}

static void
put_shape(struct openapi *a, const struct pin_field_row *f)
{
	const char *member = f->shape == PIN_SHAPE_LIST ? "items" :
	    "additionalProperties";

	if (f->shape == PIN_SHAPE_ONE) {
		put_members(a, f, 0);
		return;
	}
	pin_out_printf(&a->o, "\"%s\":{", member);
	put_members(a, f, 1);
	pin_out_printf(&a->o, "},\"type\":\"%s\"", f->shape == PIN_SHAPE_LIST ?
	    "array" : "object");
}

static void
put_extensions(struct openapi *a, const struct pin_field_row *f)
{
	static const char *const types[] = { [PIN_LIST_ATOMIC] = "atomic",
	    [PIN_LIST_SET] = "set", [PIN_LIST_MAP] = "map" };
	uint32_t i, n = pin_schema_nwords(a->sc, f->keys);
	struct pin_out *o = &a->o;

	if (f->shape == PIN_SHAPE_LIST && (f->flags & PIN_FF_LISTED) != 0) {
		if (f->list == PIN_LIST_MAP) {
			pin_out_cstr(o, ",\"x-kubernetes-list-map-keys\":[");
			for (i = 0; i < n; i++)
				pin_out_printf(o, "%s\"%s\"", i > 0 ? "," : "",
				    pin_schema_str(a->sc,
				    pin_schema_word(a->sc, f->keys, i)));
			pin_out_char(o, ']');
		}
		pin_out_printf(o, ",\"x-kubernetes-list-type\":\"%s\"",
		    types[f->list]);
	}
	if (f->shape != PIN_SHAPE_LIST && (f->flags & PIN_FF_ATOMIC) != 0)
		pin_out_cstr(o, ",\"x-kubernetes-map-type\":\"atomic\"");
	if (f->patch_key != 0)
		pin_out_printf(o, ",\"x-kubernetes-patch-merge-key\":\"%s\"",
		    pin_schema_str(a->sc, f->patch_key));
	n = f->flags & (PIN_FF_PATCH_MERGE | PIN_FF_PATCH_RETAIN |
	    PIN_FF_PATCH_REPLACE);
	if (n != 0)
		pin_out_printf(o, ",\"x-kubernetes-patch-strategy\":\"%s\"",
		    n == (PIN_FF_PATCH_MERGE | PIN_FF_PATCH_RETAIN) ?
		    "merge,retainKeys" : n == PIN_FF_PATCH_MERGE ? "merge" :
		    n == PIN_FF_PATCH_RETAIN ? "retainKeys" : "replace");
}

static void
put_kinds(struct openapi *a, uint32_t type)
{
	const struct pin_type_row *t = &a->sc->types[type];
	const struct pin_gv_row *gv = &a->sc->gvs[t->gv];
	const char *bare = pin_schema_str(a->sc, t->bare), *group;
	size_t n = strlen(bare);
	uint32_t i;

	/* Options are registered with every group version. */
	if (n > 7 && strcmp(bare + n - 7, "Options") == 0) {
		pin_out_cstr(&a->o, ",\"x-kubernetes-group-version-kind\":"
		    "[{\"group\":\"\",");
		pin_out_printf(&a->o, "\"kind\":\"%s\",\"version\":\"v1\"}",
		    bare);
		for (i = 0; i < a->sc->ngvs; i++) {
			gv = &a->sc->gvs[i];
			group = pin_schema_str(a->sc, gv->group);
			if (gv->nres > 0 && *group != '\0')
				pin_out_printf(&a->o, ",{\"group\":\"%s\","
				    "\"kind\":\"%s\",\"version\":\"%s\"}",
				    group, bare, pin_schema_str(a->sc,
				    gv->version));
		}
		pin_out_char(&a->o, ']');
		return;
	}
	group = pin_schema_str(a->sc, gv->group);
	pin_out_printf(&a->o, ",\"x-kubernetes-group-version-kind\":"
	    "[{\"group\":\"%s\",\"kind\":\"%s\",\"version\":\"%s\"}]",
	    strcmp(group, "meta") == 0 ? "" : group, bare,
	    pin_schema_str(a->sc, gv->version));
}

static void
put_type(struct openapi *a, uint32_t type)
{
	const struct pin_type_row *t = &a->sc->types[type];
	const struct pin_field_row *f = &a->sc->fields[t->field0];
	uint32_t i, n = 0;
	struct pin_out *o = &a->o;

	pin_out_char(o, '"');
	put_name(a, type);
	pin_out_cstr(o, "\":{\"properties\":{");
	for (i = 0; i < t->nfields; i++) {
		pin_out_printf(o, "%s\"%s\":{", n++ > 0 ? "," : "",
		    pin_schema_str(a->sc, f[i].name));
		put_shape(a, &f[i]);
		put_extensions(a, &f[i]);
		pin_out_char(o, '}');
	}
	pin_out_char(o, '}');
	for (i = 0, n = 0; i < t->nfields; i++)
		if ((f[i].flags & PIN_FF_REQUIRED) != 0)
			pin_out_printf(o, "%s\"%s\"", n++ > 0 ? "," :
			    ",\"required\":[", pin_schema_str(a->sc,
			    f[i].name));
	pin_out_printf(o, "%s,\"type\":\"object\"", n > 0 ? "]" : "");
	if ((t->flags & PIN_TF_ATOMIC) != 0)
		pin_out_cstr(o, ",\"x-kubernetes-map-type\":\"atomic\"");
	if ((t->flags & PIN_TF_TOP) != 0)
		put_kinds(a, type);
	pin_out_char(o, '}');
}

void
openapi_schemas(struct openapi *a)
{
	uint32_t i, n = 0;

	while (a->nqueue > 0) {
		if (n++ > 0)
			pin_out_char(&a->o, ',');
		put_type(a, a->queue[--a->nqueue]);
	}
	for (i = 0; i < OA__COUNT; i++)
		if ((a->special & 1u << i) != 0)
			pin_out_printf(&a->o, "%s\"%s\":%s", n++ > 0 ? "," :
			    "", specials[i].name, a->version == 2 ?
			    specials[i].v2 : specials[i].v3);
}
