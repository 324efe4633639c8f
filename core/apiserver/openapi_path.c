/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_path.c -- resources as OpenAPI paths and operations.
 * Contract: openapi.h; operation ids, parameters and x-kubernetes-action as
 * upstream publishes them. */
#include "core/apiserver/openapi_int.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- parameters ------------------------------------------------------ */

enum { Q_STR, Q_INT, Q_BOOL };

struct param {
	const char	*name;
	int		 type;
};

static const struct param list_params[] = {
	{ "allowWatchBookmarks", Q_BOOL }, { "continue", Q_STR },
	{ "fieldSelector", Q_STR }, { "labelSelector", Q_STR },
	{ "limit", Q_INT }, { "resourceVersion", Q_STR },
	{ "resourceVersionMatch", Q_STR }, { "sendInitialEvents", Q_BOOL },
	{ "timeoutSeconds", Q_INT }, { "watch", Q_BOOL }, { NULL, 0 } };
static const struct param write_params[] = {
	{ "dryRun", Q_STR }, { "fieldManager", Q_STR },
	{ "fieldValidation", Q_STR }, { NULL, 0 } };
static const struct param patch_params[] = {
	{ "dryRun", Q_STR }, { "fieldManager", Q_STR },
	{ "fieldValidation", Q_STR }, { "force", Q_BOOL }, { NULL, 0 } };
static const struct param delete_params[] = {
	{ "dryRun", Q_STR }, { "gracePeriodSeconds", Q_INT },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", Q_BOOL },
	{ "orphanDependents", Q_BOOL }, { "propagationPolicy", Q_STR },
	{ NULL, 0 } };
static const struct param collection_params[] = {
	{ "continue", Q_STR }, { "dryRun", Q_STR }, { "fieldSelector", Q_STR },
	{ "gracePeriodSeconds", Q_INT },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", Q_BOOL },
	{ "labelSelector", Q_STR }, { "limit", Q_INT },
	{ "orphanDependents", Q_BOOL }, { "propagationPolicy", Q_STR },
	{ "resourceVersion", Q_STR }, { "resourceVersionMatch", Q_STR },
	{ "sendInitialEvents", Q_BOOL }, { "timeoutSeconds", Q_INT },
	{ NULL, 0 } };
static const struct param no_params[] = { { NULL, 0 } };

static void
put_param(struct openapi *a, const char *in, const char *name, int type)
{
	static const char *const types[] = { "string", "integer", "boolean" };
	int path = strcmp(in, "path") == 0;

	pin_out_printf(&a->o, a->version == 2 ?
	    "{\"in\":\"%s\",\"name\":\"%s\"%s,\"type\":\"%s\","
	    "\"uniqueItems\":true}" :
	    "{\"in\":\"%s\",\"name\":\"%s\"%s,\"schema\":{\"type\":\"%s\","
	    "\"uniqueItems\":true}}", in, name, path ? ",\"required\":true" :
	    "", types[type]);
}

static void
put_params(struct openapi *a, const struct param *p)
{
	int n = 0;

	for (; p->name != NULL; p++) {
		if (n++ > 0)
			pin_out_char(&a->o, ',');
		put_param(a, "query", p->name, p->type);
	}
}

/* ---- operations ------------------------------------------------------- */

enum { OP_GET, OP_LIST, OP_POST, OP_PUT, OP_PATCH, OP_DELETE, OP_COLLECTION,
    OP__COUNT };

static const struct op {
	const char	*method, *verb, *action;
	const struct param *params;
	uint32_t	 bit;
	uint32_t	 created;	/* which codes beside 200: 1 201, 2
					 * 202 */
} ops[OP__COUNT] = {
	[OP_GET] = { "get", "read", "get", no_params, PIN_VERB_GET, 0 },
	[OP_LIST] = { "get", "list", "list", list_params, PIN_VERB_LIST, 0 },
	[OP_POST] = { "post", "create", "post", write_params,
	    PIN_VERB_CREATE, 3 },
	[OP_PUT] = { "put", "replace", "put", write_params, PIN_VERB_UPDATE,
	    1 },
	[OP_PATCH] = { "patch", "patch", "patch", patch_params,
	    PIN_VERB_PATCH, 1 },
	[OP_DELETE] = { "delete", "delete", "delete", delete_params,
	    PIN_VERB_DELETE, 2 },
	[OP_COLLECTION] = { "delete", "delete", "deletecollection",
	    collection_params, PIN_VERB_DELETECOLLECTION, 0 },
};

/* What one path serves. */
struct target {
	const struct pin_gv_row *gv;
	const struct pin_res_row *res;
	const struct pin_sub_row *sub;	/* NULL: the resource */
	int		 all;		/* across namespaces */
};

/* "rbac.authorization.k8s.io" to "RbacAuthorization". */
static void
put_camel(struct openapi *a, const char *s)
{
	size_t n = strlen(s), i;
	int up = 1;

	if (n == 0) {
		pin_out_cstr(&a->o, "Core");
		return;
	}
	if (n > 7 && strcmp(s + n - 7, ".k8s.io") == 0)
		n -= 7;
	for (i = 0; i < n; i++) {
		if (s[i] == '.') {
			up = 1;
			continue;
		}
		pin_out_char(&a->o, up ? (char)toupper((unsigned char)s[i]) :
		    s[i]);
		up = 0;
	}
}

static void
put_id(struct openapi *a, const struct target *t, const struct op *op)
{
	pin_out_printf(&a->o, "\"operationId\":\"%s", op->verb);
	put_camel(a, pin_schema_str(a->sc, t->gv->group));
	put_camel(a, pin_schema_str(a->sc, t->gv->version));
	if (op == &ops[OP_COLLECTION])
		pin_out_cstr(&a->o, "Collection");
	if ((t->res->flags & PIN_RF_NAMESPACED) != 0 && !t->all)
		pin_out_cstr(&a->o, "Namespaced");
	pin_out_cstr(&a->o, pin_schema_str(a->sc, t->res->kind));
	if (t->sub != NULL)
		put_camel(a, pin_schema_str(a->sc, t->sub->name));
	pin_out_printf(&a->o, "%s\"", t->all ? "ForAllNamespaces" : "");
}

static uint32_t
target_type(const struct target *t)
{
	return (t->sub != NULL && t->sub->type != PIN_NONE ? t->sub->type :
	    t->res->type);
}

static uint32_t
answer_type(struct openapi *a, const struct target *t, const struct op *op)
{
	if (op == &ops[OP_LIST] && t->res->list_type != PIN_NONE)
		return (t->res->list_type);
	if (op == &ops[OP_COLLECTION] || op == &ops[OP_DELETE])
		return (openapi_type(a, "meta.v1.Status"));
	return (target_type(t));
}

static void
put_body(struct openapi *a, const struct target *t, const struct op *op)
{
	static const char *const patches[] = {
	    "application/json-patch+json", "application/merge-patch+json",
	    "application/strategic-merge-patch+json" };
	int patch = op == &ops[OP_PATCH], del = op == &ops[OP_DELETE] ||
	    op == &ops[OP_COLLECTION];
	uint32_t type = del ? openapi_type(a, "meta.v1.DeleteOptions") :
	    target_type(t);
	size_t i;

	pin_out_cstr(&a->o, ",\"requestBody\":{\"content\":{");
	for (i = 0; i < (patch ? PIN_LEN(patches) : 1); i++) {
		pin_out_printf(&a->o, "%s\"%s\":{\"schema\":", i > 0 ? "," :
		    "", patch ? patches[i] : "*/*");
		if (patch)
			openapi_special_ref(a, OA_PATCH);
		else
			openapi_ref(a, type);
		pin_out_char(&a->o, '}');
	}
	pin_out_printf(&a->o, "}%s}", del ? "" : ",\"required\":true");
}

static void
put_body2(struct openapi *a, const struct target *t, const struct op *op)
{
	int del = op == &ops[OP_DELETE] || op == &ops[OP_COLLECTION];

	pin_out_printf(&a->o, "{\"in\":\"body\",\"name\":\"body\",%s"
	    "\"schema\":", del ? "" : "\"required\":true,");
	if (op == &ops[OP_PATCH])
		openapi_special_ref(a, OA_PATCH);
	else
		openapi_ref(a, del ? openapi_type(a,
		    "meta.v1.DeleteOptions") : target_type(t));
	pin_out_char(&a->o, '}');
}

static void
put_response(struct openapi *a, const char *code, const char *text,
    uint32_t type, int stream)
{
	static const char *const media[] = { "application/json",
	    "application/yaml", "application/json;stream=watch" };
	size_t i;

	pin_out_printf(&a->o, "\"%s\":{\"description\":\"%s\",", code, text);
	if (a->version == 2) {
		pin_out_cstr(&a->o, "\"schema\":");
		openapi_ref(a, type);
	} else {
		pin_out_cstr(&a->o, "\"content\":{");
		for (i = 0; i < (stream ? 3 : 2); i++) {
			pin_out_printf(&a->o, "%s\"%s\":{\"schema\":",
			    i > 0 ? "," : "", media[i]);
			openapi_ref(a, type);
			pin_out_char(&a->o, '}');
		}
		pin_out_char(&a->o, '}');
	}
	pin_out_cstr(&a->o, "},");
}

static void
put_kind(struct openapi *a, const struct target *t)
{
	const char *gv = t->sub != NULL ? pin_schema_str(a->sc, t->sub->gv) :
	    NULL, *slash = gv != NULL ? strchr(gv, '/') : NULL;

	if (gv == NULL)
		pin_out_printf(&a->o, "{\"group\":\"%s\",\"kind\":\"%s\","
		    "\"version\":\"%s\"}", pin_schema_str(a->sc,
		    t->gv->group), pin_schema_str(a->sc, t->res->kind),
		    pin_schema_str(a->sc, t->gv->version));
	else
		pin_out_printf(&a->o, "{\"group\":\"%.*s\",\"kind\":\"%s\","
		    "\"version\":\"%s\"}", slash != NULL ? (int)(slash - gv) :
		    0, gv, pin_schema_str(a->sc, t->sub->kind), slash != NULL ?
		    slash + 1 : gv);
}

static void
put_op(struct openapi *a, const struct target *t, const struct op *op)
{
	int has_body = op->bit != PIN_VERB_GET && op->bit != PIN_VERB_LIST;
	uint32_t type = answer_type(a, t, op);
	struct pin_out *o = &a->o;

	pin_out_printf(o, "\"%s\":{", op->method);
	if (a->version == 2)
		pin_out_cstr(o, "\"consumes\":[\"*/*\"],\"produces\":["
		    "\"application/json\",\"application/yaml\"],"
		    "\"schemes\":[\"https\"],");
	put_id(a, t, op);
	pin_out_cstr(o, ",\"parameters\":[");
	if (has_body && a->version == 2) {
		put_body2(a, t, op);
		if (op->params[0].name != NULL)
			pin_out_char(o, ',');
	}
	put_params(a, op->params);
	pin_out_char(o, ']');
	if (has_body && a->version == 3)
		put_body(a, t, op);
	pin_out_cstr(o, ",\"responses\":{");
	put_response(a, "200", "OK", type, op == &ops[OP_LIST]);
	if ((op->created & 1) != 0)
		put_response(a, "201", "Created", type, 0);
	if ((op->created & 2) != 0)
		put_response(a, "202", "Accepted", type, 0);
	pin_out_cstr(o, "\"401\":{\"description\":\"Unauthorized\"}},"
	    "\"tags\":[\"");
	pin_out_printf(o, "%s_%s\"],\"x-kubernetes-action\":\"%s\","
	    "\"x-kubernetes-group-version-kind\":", *pin_schema_str(a->sc,
	    t->gv->group) ? pin_schema_str(a->sc, t->gv->group) : "core",
	    pin_schema_str(a->sc, t->gv->version), op->action);
	put_kind(a, t);
	pin_out_char(o, '}');
}

/* ---- paths ------------------------------------------------------------ */

static void
put_path(struct openapi *a, const struct target *t, int named,
    const int *which, int nops, uint32_t verbs, int *n)
{
	const char *group = pin_schema_str(a->sc, t->gv->group);
	int ns = (t->res->flags & PIN_RF_NAMESPACED) != 0 && !t->all, i, k = 0;
	struct pin_out *o = &a->o;

	for (i = 0; i < nops; i++)
		k += (verbs & ops[which[i]].bit) != 0;
	if (k == 0)
		return;
	pin_out_printf(o, "%s\"/%s%s%s/%s/%s%s%s%s%s\":{", (*n)++ > 0 ? "," :
	    "", *group ? "apis" : "api", *group ? "/" : "", group,
	    pin_schema_str(a->sc, t->gv->version), ns ?
	    "namespaces/{namespace}/" : "", pin_schema_str(a->sc,
	    t->res->plural), named ? "/{name}" : "", t->sub != NULL ? "/" : "",
	    t->sub != NULL ? pin_schema_str(a->sc, t->sub->name) : "");
	for (i = 0; i < nops; i++)
		if ((verbs & ops[which[i]].bit) != 0) {
			put_op(a, t, &ops[which[i]]);
			pin_out_char(o, ',');
		}
	pin_out_cstr(o, "\"parameters\":[");
	if (named) {
		put_param(a, "path", "name", Q_STR);
		pin_out_char(o, ',');
	}
	if (ns) {
		put_param(a, "path", "namespace", Q_STR);
		pin_out_char(o, ',');
	}
	put_param(a, "query", "pretty", Q_STR);
	pin_out_cstr(o, "]}");
}

void
openapi_paths(struct openapi *a, const struct pin_gv_row *gv, int *n)
{
	static const int many[] = { OP_LIST, OP_POST, OP_COLLECTION },
	    one[] = { OP_GET, OP_PUT, OP_PATCH, OP_DELETE },
	    subs[] = { OP_GET, OP_PUT, OP_PATCH, OP_POST }, all[] = { OP_LIST };
	struct target t = { .gv = gv };
	uint32_t i, k;

	for (i = 0; i < gv->nres; i++) {
		t.res = &a->sc->resources[gv->res0 + i];
		t.sub = NULL;
		t.all = 0;
		put_path(a, &t, 0, many, 3, t.res->verbs, n);
		put_path(a, &t, 1, one, 4, t.res->verbs, n);
		if ((t.res->flags & PIN_RF_NAMESPACED) != 0) {
			t.all = 1;
			put_path(a, &t, 0, all, 1, t.res->verbs, n);
			t.all = 0;
		}
		for (k = 0; k < t.res->nsubs; k++) {
			t.sub = &a->sc->subs[t.res->sub0 + k];
			/* Streams are no typed operations. */
			if (t.sub->type != PIN_NONE)
				put_path(a, &t, 1, subs, 4, t.sub->verbs, n);
		}
	}
}
