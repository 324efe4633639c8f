/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_schema.c -- types as OpenAPI schemas.
 * Contract: openapi.h; x-kubernetes-list-type, -map-keys, -patch-strategy,
 * -patch-merge-key, -group-version-kind as upstream publishes them. */
#include "core/apiserver/openapi_int.h"

#include <pintle/err.h>

#include <ctype.h>
#include <string.h>

#define META	"io.k8s.apimachinery.pkg.apis.meta.v1."

/* What /version answers; the required members have a default in v3. */
#define TEXT(name, dflt) "\"" name "\":{" dflt "\"type\":\"string\"}"
#define VERSION_SCHEMA(dflt)						\
    "{\"type\":\"object\",\"required\":[\"major\",\"minor\","		\
    "\"gitVersion\",\"gitCommit\",\"gitTreeState\",\"buildDate\","	\
    "\"goVersion\",\"compiler\",\"platform\"],\"properties\":{"		\
    TEXT("major", dflt) "," TEXT("minor", dflt) ","			\
    TEXT("gitVersion", dflt) "," TEXT("gitCommit", dflt) ","		\
    TEXT("gitTreeState", dflt) "," TEXT("buildDate", dflt) ","		\
    TEXT("goVersion", dflt) "," TEXT("compiler", dflt) ","		\
    TEXT("platform", dflt) "," TEXT("emulationMajor", "") ","		\
    TEXT("emulationMinor", "") ","					\
    TEXT("minCompatibilityMajor", "") ","				\
    TEXT("minCompatibilityMinor", "") "}}"

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
	[OA_VERSION] = { "io.k8s.apimachinery.pkg.version.Info",
	    VERSION_SCHEMA(""), VERSION_SCHEMA("\"default\":\"\",") },
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

/* Enumerations as they are published, where that is not what the row holds:
 * values that upstream's types name though no object may have them or though
 * a plugin refuses the others, and (NULL) values that no type names. */
static const struct {
	const char	*type, *field;
	const char	*values;	/* JSON, without brackets */
} published[] = {
#define ADMISSION "admissionregistration.v1."
#define ACCESS_MODES "\"ReadOnlyMany\",\"ReadWriteMany\",\"ReadWriteOnce\"," \
    "\"ReadWriteOncePod\""
#define SCOPES	"\"BestEffort\",\"CrossNamespacePodAffinity\","		\
    "\"NotBestEffort\",\"NotTerminating\",\"PriorityClass\","		\
    "\"Terminating\",\"VolumeAttributesClass\""
	{ ADMISSION "MutatingWebhook", "sideEffects",
	    "\"None\",\"NoneOnDryRun\",\"Some\",\"Unknown\"" },
	{ ADMISSION "ValidatingWebhook", "sideEffects",
	    "\"None\",\"NoneOnDryRun\",\"Some\",\"Unknown\"" },
	{ ADMISSION "ParamRef", "parameterNotFoundAction", NULL },
	{ ADMISSION "Validation", "reason", NULL },
	{ "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
	    "whenDeleted", NULL },
	{ "apps.v1.StatefulSetSpec", "podManagementPolicy",
	    "\"OrderedReady\",\"Parallel\"" },
	{ "apiextensions.v1.CustomResourceDefinitionSpec", "scope", NULL },
	{ "autoscaling.v2.HPAScalingPolicy", "type", NULL },
	{ "autoscaling.v2.HPAScalingRules", "selectPolicy", NULL },
	{ "autoscaling.v2.MetricSpec", "type", NULL },
	{ "core.v1.Container", "restartPolicy", NULL },
	{ "core.v1.NodeSelectorRequirement", "operator",
	    "\"DoesNotExist\",\"Exists\",\"Gt\",\"In\",\"Lt\",\"NotIn\"" },
	{ "core.v1.PersistentVolumeClaimSpec", "accessModes", ACCESS_MODES },
	{ "core.v1.PersistentVolumeSpec", "accessModes", ACCESS_MODES },
	{ "core.v1.ResourceQuotaSpec", "scopes", SCOPES },
	{ "core.v1.ScopedResourceSelectorRequirement", "scopeName", SCOPES },
	{ "core.v1.Taint", "effect",
	    "\"NoExecute\",\"NoSchedule\",\"PreferNoSchedule\"" },
	{ "core.v1.PersistentVolumeClaimStatus", "allocatedResourceStatuses",
	    "\"ControllerResizeInProgress\",\"ControllerResizeInfeasible\","
	    "\"NodeResizeInProgress\",\"NodeResizeInfeasible\","
	    "\"NodeResizePending\"" },
	{ "core.v1.ServiceSpec", "ipFamilies", "\"\",\"IPv4\",\"IPv6\"" },
	{ "core.v1.ServiceSpec", "trafficDistribution", NULL },
	{ "core.v1.Toleration", "operator",
	    "\"Equal\",\"Exists\",\"Gt\",\"Lt\"" },
	{ "flowcontrol.v1.LimitResponse", "type", NULL },
	{ "flowcontrol.v1.PriorityLevelConfigurationSpec", "type", NULL },
	{ "flowcontrol.v1.Subject", "kind", NULL },
	{ "rbac.v1.RoleRef", "apiGroup", NULL },
	{ "rbac.v1.Subject", "apiGroup", NULL },
	{ "rbac.v1.Subject", "kind", NULL },
	{ "storage.v1.CSIDriverSpec", "fsGroupPolicy", NULL },
	{ "storage.v1.StorageClass", "reclaimPolicy",
	    "\"Delete\",\"Recycle\",\"Retain\"" },
#undef ADMISSION
#undef ACCESS_MODES
#undef SCOPES
};

static void
put_enum(struct openapi *a, const struct pin_type_row *owner,
    const struct pin_field_row *f)
{
	const char *type = pin_schema_str(a->sc, owner->name);
	const char *name = pin_schema_str(a->sc, f->name);
	uint32_t i, n = pin_schema_nwords(a->sc, f->enums);
	struct pin_out *o = &a->o;

	for (i = 0; i < PIN_LEN(published); i++) {
		if (strcmp(type, published[i].type) != 0 ||
		    strcmp(name, published[i].field) != 0)
			continue;
		if (published[i].values != NULL)
			pin_out_printf(o, ",\"enum\":[%s]",
			    published[i].values);
		return;
	}
	if (n == 0)
		return;
	pin_out_cstr(o, ",\"enum\":[");
	for (i = 0; i < n; i++)
		pin_out_printf(o, "%s\"%s\"", i > 0 ? "," : "",
		    pin_schema_str(a->sc, pin_schema_word(a->sc, f->enums,
		    i)));
	pin_out_char(o, ']');
}

#define FORMS	(PIN_TF_OR_BOOL | PIN_TF_OR_ARRAY | PIN_TF_OR_STRINGS)

static int
has_form(const struct openapi *a, const struct pin_field_row *f)
{
	return ((a->sc->types[f->ref & ~PIN_REF_BUILTIN].flags & FORMS) != 0);
}

/* Version 3 says what a value is when it is not given: its published default,
 * else, where Go has no pointer, the zero of its type. Elements of lists and
 * maps are never pointers. */
static void
put_default(struct openapi *a, const struct pin_field_row *f, int element)
{
	const char *zero = NULL;

	if (a->version != 3)
		return;
	switch (f->kind) {
	case PIN_F_BOOL:
		zero = element ? NULL : "false";
		break;
	case PIN_F_INT32:
	case PIN_F_INT64:
		zero = "0";
		break;
	case PIN_F_STRING:
		zero = "\"\"";
		break;
	case PIN_F_OBJECT:
		zero = has_form(a, f) ? NULL : "{}";
		break;
	}
	if (!element && (f->flags & PIN_FF_PUBLISHED) != 0 && f->dflt != 0)
		zero = pin_schema_str(a->sc, f->dflt);
	else if (!element && (f->presence != PIN_P_ALWAYS ||
	    f->shape != PIN_SHAPE_ONE))
		zero = NULL;
	if (zero != NULL)
		pin_out_printf(&a->o, ",\"default\":%s", zero);
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
	if (f->shape == PIN_SHAPE_ONE && f->kind == PIN_F_BYTES &&
	    (f->flags & PIN_FF_LISTED) != 0)
		pin_out_cstr(o, ",\"x-kubernetes-list-type\":\"atomic\"");
	if (f->shape != PIN_SHAPE_LIST && (f->flags & PIN_FF_ATOMIC) != 0)
		pin_out_cstr(o, ",\"x-kubernetes-map-type\":\"atomic\"");
	if (f->shape != PIN_SHAPE_LIST && (f->flags & PIN_FF_GRANULAR) != 0)
		pin_out_cstr(o, ",\"x-kubernetes-map-type\":\"granular\"");
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

/* Begins what follows: `before`, then "description", when there are words. */
static void
put_words(struct openapi *a, const struct pin_type_row *t, const char *member,
    const char *before, const char *after)
{
	const char *text = openapi_words(pin_schema_str(a->sc, t->name),
	    member);

	if (text == NULL)
		return;
	pin_out_printf(&a->o, "%s\"description\":", before);
	pin_json_quote(&a->o, pin_str(text));
	pin_out_cstr(&a->o, after);
}

/* Does anything stand beside a reference? In v3 it must not stand beside it
 * directly. */
static int
has_company(struct openapi *a, const struct pin_type_row *owner,
    const struct pin_field_row *f, int element)
{
	size_t at = a->o.len;
	int has;

	if (!element && f->shape == PIN_SHAPE_ONE)
		put_words(a, owner, pin_schema_str(a->sc, f->name), "", "");
	put_default(a, f, element);
	if (!element)
		put_extensions(a, f);
	has = a->o.len > at;
	a->o.len = at;
	return (has);
}

/* The members of a value's schema, without braces. In v2 those of a
 * reference stand beside it. */
static void
put_value(struct openapi *a, const struct pin_type_row *owner,
    const struct pin_field_row *f, int element)
{
	size_t at = a->o.len;

	if (f->kind == PIN_F_STRINGS && a->version == 3) {
		pin_out_cstr(&a->o, "\"items\":{\"default\":\"\",\"type\":"
		    "\"string\"},\"type\":\"array\"");
		return;
	}
	if (kinds[f->kind].text != NULL) {
		pin_out_cstr(&a->o, kinds[f->kind].text);
		put_enum(a, owner, f);
		put_default(a, f, element);
		return;
	}
	if (a->version == 3 && has_company(a, owner, f, element)) {
		pin_out_cstr(&a->o, "\"allOf\":[");
		put_ref(a, f);
		pin_out_char(&a->o, ']');
		put_default(a, f, element);
		return;
	}
	put_ref(a, f);
	if (a->o.failed == PIN_OK) {	/* without its braces */
		memmove(a->o.p + at, a->o.p + at + 1, a->o.len - at - 1);
		a->o.len -= 2;
	}
}

static void
put_shape(struct openapi *a, const struct pin_type_row *owner,
    const struct pin_field_row *f)
{
	const char *member = f->shape == PIN_SHAPE_LIST ? "items" :
	    "additionalProperties";

	if (f->shape == PIN_SHAPE_ONE) {
		put_value(a, owner, f, 0);
		return;
	}
	pin_out_printf(&a->o, "\"%s\":{", member);
	put_value(a, owner, f, 1);
	pin_out_printf(&a->o, "},\"type\":\"%s\"", f->shape == PIN_SHAPE_LIST ?
	    "array" : "object");
}

/* The kinds that every group version has. */
static int
is_everywhere(const char *bare)
{
	return (strcmp(bare, "DeleteOptions") == 0 ||
	    strcmp(bare, "WatchEvent") == 0);
}

static void
put_kinds(struct openapi *a, const struct pin_type_row *t)
{
	const struct pin_gv_row *gv = &a->sc->gvs[t->gv];
	const char *bare = pin_schema_str(a->sc, t->bare), *group;
	int own = gv->nres > 0, n = 0;
	uint32_t i;

	pin_out_cstr(&a->o, ",\"x-kubernetes-group-version-kind\":[");
	if (own || !is_everywhere(bare)) {
		/* (what all versions share is of version 1 of core) */
		pin_out_printf(&a->o, "{\"group\":\"%s\",\"kind\":\"%s\","
		    "\"version\":\"%s\"}]", own ? pin_schema_str(a->sc,
		    gv->group) : "", bare, own ? pin_schema_str(a->sc,
		    gv->version) : "v1");
		return;
	}
	for (i = 0; i < a->sc->ngvs; i++) {
		gv = &a->sc->gvs[i];
		group = pin_schema_str(a->sc, gv->group);
		if (gv->nres > 0)
			pin_out_printf(&a->o, "%s{\"group\":\"%s\",\"kind\":"
			    "\"%s\",\"version\":\"%s\"}", n++ > 0 ? "," : "",
			    group, bare, pin_schema_str(a->sc, gv->version));
	}
	pin_out_char(&a->o, ']');
}

/* One member names which other one counts. */
static void
put_unions(struct openapi *a, const struct pin_type_row *t)
{
	uint32_t i, n = pin_schema_nwords(a->sc, t->unions);
	const char *name;

	if (n == 0)
		return;
	pin_out_printf(&a->o, ",\"x-kubernetes-unions\":[{\"discriminator\":"
	    "\"%s\",\"fields-to-discriminateBy\":{", pin_schema_str(a->sc,
	    pin_schema_word(a->sc, t->unions, 0)));
	for (i = 1; i < n; i++) {
		name = pin_schema_str(a->sc, pin_schema_word(a->sc, t->unions,
		    i));
		pin_out_printf(&a->o, "%s\"%s\":\"%c%s\"", i > 1 ? "," : "",
		    name, toupper((unsigned char)name[0]), name + 1);
	}
	pin_out_cstr(&a->o, "}}]");
}

static void
put_properties(struct openapi *a, const struct pin_type_row *t)
{
	const struct pin_field_row *f = &a->sc->fields[t->field0];
	struct pin_out *o = &a->o;
	uint32_t i, n = 0;

	for (i = 0; i < t->nfields; i++) {
		pin_out_printf(o, "%s\"%s\":{", n++ > 0 ? "," :
		    ",\"properties\":{", pin_schema_str(a->sc, f[i].name));
		put_words(a, t, pin_schema_str(a->sc, f[i].name), "", ",");
		put_shape(a, t, &f[i]);
		put_extensions(a, &f[i]);
		pin_out_char(o, '}');
	}
	if (n > 0)
		pin_out_char(o, '}');
	for (i = 0, n = 0; i < t->nfields; i++)
		if ((f[i].flags & PIN_FF_REQUIRED) != 0)
			pin_out_printf(o, "%s\"%s\"", n++ > 0 ? "," :
			    ",\"required\":[", pin_schema_str(a->sc,
			    f[i].name));
	if (n > 0)
		pin_out_char(o, ']');
}

/* A type with JSON forms of its own says nothing of them. */
static void
put_type(struct openapi *a, uint32_t type)
{
	const struct pin_type_row *t = &a->sc->types[type];
	struct pin_out *o = &a->o;

	pin_out_char(o, '"');
	put_name(a, type);
	if ((t->flags & FORMS) != 0) {
		pin_out_cstr(o, "\":{}");
		return;
	}
	pin_out_cstr(o, "\":{");
	put_words(a, t, "", "", ",");
	pin_out_cstr(o, "\"type\":\"object\"");
	put_properties(a, t);
	if ((t->flags & PIN_TF_ATOMIC) != 0)
		pin_out_cstr(o, ",\"x-kubernetes-map-type\":\"atomic\"");
	if ((t->flags & PIN_TF_TOP) != 0 ||
	    is_everywhere(pin_schema_str(a->sc, t->bare)))
		put_kinds(a, t);
	put_unions(a, t);
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
