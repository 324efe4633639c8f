/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_path.c -- resources as OpenAPI paths and operations.
 * One thread a writer.
 * Contract: openapi_int.h; operation ids, parameters and x-kubernetes-action
 * as upstream publishes them. */
#include "core/apiserver/openapi_int.h"

#include <stdio.h>
#include <string.h>

/* ---- parameters ------------------------------------------------------ */

/* Every parameter there is, by name. An operation has a set of them; what all
 * operations of a path have is said once, of the path. */
#define QUERY_MAP(X)							\
	X(ALLOW_BOOKMARKS, "allowWatchBookmarks", BOOL)			\
	X(COMMAND, "command", STR)					\
	X(CONTAINER, "container", STR)					\
	X(CONTINUE, "continue", STR)					\
	X(DRY_RUN, "dryRun", STR)					\
	X(MANAGER, "fieldManager", STR)					\
	X(FIELDS, "fieldSelector", STR)					\
	X(VALIDATION, "fieldValidation", STR)				\
	X(FOLLOW, "follow", BOOL)					\
	X(FORCE, "force", BOOL)						\
	X(GRACE, "gracePeriodSeconds", INT)				\
	X(UNSAFE, "ignoreStoreReadErrorWithClusterBreakingPotential", BOOL) \
	X(INSECURE, "insecureSkipTLSVerifyBackend", BOOL)		\
	X(LABELS, "labelSelector", STR)					\
	X(LIMIT, "limit", INT)						\
	X(LIMIT_BYTES, "limitBytes", INT)				\
	X(NAME, "name", PATH)						\
	X(NAMESPACE, "namespace", PATH)					\
	X(ORPHAN, "orphanDependents", BOOL)				\
	X(REST, "path", PATH)						\
	X(PATH, "path", STR)						\
	X(PORTS, "ports", INT)						\
	X(PRETTY, "pretty", STR)					\
	X(PREVIOUS, "previous", BOOL)					\
	X(PROPAGATION, "propagationPolicy", STR)			\
	X(VERSION, "resourceVersion", STR)				\
	X(VERSION_MATCH, "resourceVersionMatch", STR)			\
	X(INITIAL, "sendInitialEvents", BOOL)				\
	X(SINCE, "sinceSeconds", INT)					\
	X(STDERR, "stderr", BOOL)					\
	X(STDIN, "stdin", BOOL)						\
	X(STDOUT, "stdout", BOOL)					\
	X(STREAM, "stream", STR)					\
	X(TAIL, "tailLines", INT)					\
	X(TIMEOUT, "timeoutSeconds", INT)				\
	X(TIMESTAMPS, "timestamps", BOOL)				\
	X(TTY, "tty", BOOL)						\
	X(WATCH, "watch", BOOL)

enum { Q_STR, Q_INT, Q_BOOL, Q_PATH };
enum {
#define X(sym, name, type) P_##sym,
	QUERY_MAP(X)
#undef X
	P__COUNT
};
#define BIT(sym)	(UINT64_C(1) << P_##sym)

static const struct {
	const char	*name;
	int		 type;
} params[P__COUNT] = {
#define X(sym, text, t) [P_##sym] = { text, Q_##t },
	QUERY_MAP(X)
#undef X
};

#define LIST_PARAMS	(BIT(ALLOW_BOOKMARKS) | BIT(CONTINUE) | BIT(FIELDS) | \
    BIT(LABELS) | BIT(LIMIT) | BIT(VERSION) | BIT(VERSION_MATCH) |	\
    BIT(INITIAL) | BIT(TIMEOUT) | BIT(WATCH))
#define WRITE_PARAMS	(BIT(DRY_RUN) | BIT(MANAGER) | BIT(VALIDATION))
#define DELETE_PARAMS	(BIT(DRY_RUN) | BIT(GRACE) | BIT(UNSAFE) |	\
    BIT(ORPHAN) | BIT(PROPAGATION))
#define COLLECTION_PARAMS (DELETE_PARAMS | BIT(CONTINUE) | BIT(FIELDS) | \
    BIT(LABELS) | BIT(LIMIT) | BIT(VERSION) | BIT(VERSION_MATCH) |	\
    BIT(INITIAL) | BIT(TIMEOUT))
#define LOG_PARAMS	(BIT(CONTAINER) | BIT(FOLLOW) | BIT(INSECURE) |	\
    BIT(LIMIT_BYTES) | BIT(PREVIOUS) | BIT(SINCE) | BIT(STREAM) |	\
    BIT(TAIL) | BIT(TIMESTAMPS))
#define EXEC_PARAMS	(BIT(COMMAND) | BIT(CONTAINER) | BIT(STDERR) |	\
    BIT(STDIN) | BIT(STDOUT) | BIT(TTY))

static void
put_params(struct openapi *a, uint64_t set, int n)
{
	static const char *const types[] = { "string", "integer", "boolean",
	    "string" };
	uint32_t i;
	int path;

	for (i = 0; i < P__COUNT; i++) {
		if ((set & UINT64_C(1) << i) == 0)
			continue;
		path = params[i].type == Q_PATH;
		pin_out_printf(&a->o, "%s{\"in\":\"%s\",\"name\":\"%s\"%s,"
		    "%s\"type\":\"%s\",\"uniqueItems\":true}%s",
		    n++ > 0 ? "," : "", path ? "path" : "query",
		    params[i].name, path ? ",\"required\":true" : "",
		    a->version == 2 ? "" : "\"schema\":{",
		    types[params[i].type], a->version == 2 ? "" : "}");
	}
}

/* ---- operations ------------------------------------------------------- */

enum { BODY_NONE, BODY_SELF, BODY_PATCH, BODY_OPTIONS };
enum { ANSWER_SELF, ANSWER_LIST, ANSWER_STATUS, ANSWER_EVENT, ANSWER_TEXT };

struct op {
	const char	*method, *verb, *action;
	uint64_t	 params;
	uint32_t	 bit;		/* the verb that has it; 0: always */
	uint8_t		 body, answer, media, codes;
};
#define CODE_CREATED	1
#define CODE_ACCEPTED	2

enum { OP_GET, OP_LIST, OP_POST, OP_PUT, OP_PATCH, OP_DELETE, OP_COLLECTION,
    OP_WATCH, OP_WATCHLIST, OP_LOG, OP__COUNT };

static const struct op ops[OP__COUNT] = {
	[OP_GET] = { "get", "read", "get", 0, PIN_VERB_GET, BODY_NONE,
	    ANSWER_SELF, OA_MEDIA_API, 0 },
	[OP_LIST] = { "get", "list", "list", LIST_PARAMS, PIN_VERB_LIST,
	    BODY_NONE, ANSWER_LIST, OA_MEDIA_STREAM, 0 },
	[OP_POST] = { "post", "create", "post", WRITE_PARAMS, PIN_VERB_CREATE,
	    BODY_SELF, ANSWER_SELF, OA_MEDIA_API, CODE_CREATED |
	    CODE_ACCEPTED },
	[OP_PUT] = { "put", "replace", "put", WRITE_PARAMS, PIN_VERB_UPDATE,
	    BODY_SELF, ANSWER_SELF, OA_MEDIA_API, CODE_CREATED },
	[OP_PATCH] = { "patch", "patch", "patch", WRITE_PARAMS | BIT(FORCE),
	    PIN_VERB_PATCH, BODY_PATCH, ANSWER_SELF, OA_MEDIA_API,
	    CODE_CREATED },
	[OP_DELETE] = { "delete", "delete", "delete", DELETE_PARAMS,
	    PIN_VERB_DELETE, BODY_OPTIONS, ANSWER_STATUS, OA_MEDIA_API,
	    CODE_ACCEPTED },
	[OP_COLLECTION] = { "delete", "delete", "deletecollection",
	    COLLECTION_PARAMS, PIN_VERB_DELETECOLLECTION, BODY_OPTIONS,
	    ANSWER_STATUS, OA_MEDIA_API, 0 },
	[OP_WATCH] = { "get", "watch", "watch", LIST_PARAMS, PIN_VERB_WATCH,
	    BODY_NONE, ANSWER_EVENT, OA_MEDIA_STREAM, 0 },
	[OP_WATCHLIST] = { "get", "watch", "watchlist", LIST_PARAMS,
	    PIN_VERB_WATCH, BODY_NONE, ANSWER_EVENT, OA_MEDIA_STREAM, 0 },
	[OP_LOG] = { "get", "read", "get", LOG_PARAMS, PIN_VERB_GET,
	    BODY_NONE, ANSWER_TEXT, OA_MEDIA_LOG, 0 },
};

#define CONNECT(method, verb)						\
	{ method, verb, "connect", 0, 0, BODY_NONE, ANSWER_TEXT,	\
	    OA_MEDIA_ANY, 0 }
static const struct op connects[] = {
	CONNECT("delete", "connectDelete"), CONNECT("get", "connectGet"),
	CONNECT("head", "connectHead"), CONNECT("options", "connectOptions"),
	CONNECT("patch", "connectPatch"), CONNECT("post", "connectPost"),
	CONNECT("put", "connectPut"),
};

/* Subresources that are streams: their parameters, and whether they take
 * every method and a path below them or only GET and POST. */
static const struct stream {
	const char	*name;
	uint64_t	 params;
	int		 proxy;
} streams[] = {
	{ "attach", EXEC_PARAMS & ~BIT(COMMAND), 0 },
	{ "exec", EXEC_PARAMS, 0 },
	{ "portforward", BIT(PORTS), 0 },
	{ "proxy", BIT(PATH), 1 },
};

/* What one path serves. */
struct target {
	const struct pin_gv_row *gv;
	const struct pin_res_row *res;
	const struct pin_sub_row *sub;	/* NULL: the resource */
	int		 all;		/* across namespaces */
	int		 named;
	int		 watch;		/* below /watch */
	int		 rest;		/* a path follows: {path} */
};

static const char *
str(const struct openapi *a, uint32_t off)
{
	return (pin_schema_str(a->sc, off));
}

static int
is_list_op(const struct op *op)
{
	return (op == &ops[OP_WATCHLIST]);
}

/* verb Group Version [Collection] [Namespaced] Kind [Sub] [List]
 * [ForAllNamespaces] [WithPath] */
static void
put_id(struct openapi *a, const struct target *t, const struct op *op)
{
	int connect = op->media == OA_MEDIA_ANY;

	pin_out_printf(&a->o, "\"operationId\":\"%.*s", connect ? 7 :
	    (int)strlen(op->verb), op->verb);
	openapi_camel(a, str(a, t->gv->group), 1);
	openapi_camel(a, str(a, t->gv->version), 1);
	if (connect)
		pin_out_cstr(&a->o, op->verb + 7);
	if (op == &ops[OP_COLLECTION])
		pin_out_cstr(&a->o, "Collection");
	if ((t->res->flags & PIN_RF_NAMESPACED) != 0 && !t->all)
		pin_out_cstr(&a->o, "Namespaced");
	pin_out_cstr(&a->o, str(a, t->res->kind));
	if (t->sub != NULL)
		openapi_camel(a, str(a, t->sub->name), 1);
	pin_out_printf(&a->o, "%s%s%s\"", is_list_op(op) ? "List" : "",
	    t->all ? "ForAllNamespaces" : "", t->rest ? "WithPath" : "");
}

static uint32_t
self_type(const struct target *t)
{
	return (t->sub != NULL && t->sub->type != PIN_NONE ? t->sub->type :
	    t->res->type);
}

/* Kinds whose DELETE answers with the object. */
static int
deletes_with_object(const struct openapi *a, const struct target *t)
{
	static const char *const which[][2] = {
		{ "", "persistentvolumeclaims" }, { "", "persistentvolumes" },
		{ "", "pods" }, { "", "podtemplates" },
		{ "", "resourcequotas" }, { "", "serviceaccounts" },
		{ "", "services" }, { "resource.k8s.io", "deviceclasses" },
		{ "resource.k8s.io", "resourceclaims" },
		{ "resource.k8s.io", "resourceclaimtemplates" },
		{ "resource.k8s.io", "resourceslices" },
		{ "storage.k8s.io", "csidrivers" },
		{ "storage.k8s.io", "csinodes" },
		{ "storage.k8s.io", "storageclasses" },
		{ "storage.k8s.io", "volumeattachments" },
		{ "storage.k8s.io", "volumeattributesclasses" },
	};
	size_t i;

	for (i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		if (strcmp(which[i][0], str(a, t->gv->group)) == 0 &&
		    strcmp(which[i][1], str(a, t->res->plural)) == 0)
			return (1);
	return (0);
}

static uint32_t
answer_type(struct openapi *a, const struct target *t, const struct op *op)
{
	switch (op->answer) {
	case ANSWER_LIST:
		return (t->res->list_type);
	case ANSWER_STATUS:
		if (op == &ops[OP_DELETE] && deletes_with_object(a, t))
			return (t->res->type);
		return (openapi_type(a, "meta.v1.Status"));
	case ANSWER_EVENT:
		return (openapi_type(a, "meta.v1.WatchEvent"));
	case ANSWER_TEXT:
		return (PIN_NONE);
	default:
		return (self_type(t));
	}
}

static void
put_body(struct openapi *a, const struct target *t, const struct op *op)
{
	int patch = op->body == BODY_PATCH;
	uint32_t type = op->body == BODY_OPTIONS ?
	    openapi_type(a, "meta.v1.DeleteOptions") : self_type(t);

	pin_out_cstr(&a->o, a->version == 2 ? "{\"in\":\"body\",\"name\":"
	    "\"body\"," : ",\"requestBody\":{");
	if (op->body != BODY_OPTIONS)
		pin_out_cstr(&a->o, "\"required\":true,");
	openapi_content(a, patch ? OA_MEDIA_PATCH : OA_MEDIA_ANY, type,
	    patch ? OA_PATCH : OA__COUNT);
	pin_out_char(&a->o, '}');
}

/* Of a stream its options, else the kind that is served. */
static void
put_kind(struct openapi *a, const struct target *t)
{
	const char *gv, *slash;

	pin_out_cstr(&a->o, ",\"x-kubernetes-group-version-kind\":");
	if (t->sub == NULL) {
		pin_out_printf(&a->o, "{\"group\":\"%s\",\"kind\":\"%s\","
		    "\"version\":\"%s\"}", str(a, t->gv->group),
		    str(a, t->res->kind), str(a, t->gv->version));
		return;
	}
	gv = str(a, t->sub->gv);
	slash = strchr(gv, '/');
	pin_out_printf(&a->o, "{\"group\":\"%.*s\",\"kind\":\"%s\","
	    "\"version\":\"%s\"}", slash != NULL ? (int)(slash - gv) : 0, gv,
	    str(a, t->sub->kind), slash != NULL ? slash + 1 : gv);
}

/* shared: parameters that are said of the path. */
static void
put_op(struct openapi *a, const struct target *t, const struct op *op,
    uint64_t shared)
{
	uint32_t type = answer_type(a, t, op);
	uint64_t own = op->params & ~shared;
	struct pin_out *o = &a->o;
	int body2 = a->version == 2 && op->body != BODY_NONE;

	pin_out_printf(o, "\"%s\":{", op->method);
	if (a->version == 2) {
		pin_out_cstr(o, "\"consumes\":");
		openapi_media(a, op->body == BODY_PATCH ? OA_MEDIA_PATCH :
		    OA_MEDIA_ANY);
		pin_out_cstr(o, ",\"produces\":");
		openapi_media(a, op->media);
		pin_out_cstr(o, ",\"schemes\":[\"https\"],");
	}
	put_id(a, t, op);
	if (own != 0 || body2) {
		pin_out_cstr(o, ",\"parameters\":[");
		if (body2)
			put_body(a, t, op);
		put_params(a, own, body2);
		pin_out_char(o, ']');
	}
	if (a->version == 3 && op->body != BODY_NONE)
		put_body(a, t, op);
	pin_out_cstr(o, ",\"responses\":{");
	openapi_response(a, "200", "OK", op->media, type, OA__COUNT);
	if ((op->codes & CODE_CREATED) != 0)
		openapi_response(a, "201", "Created", op->media, type,
		    OA__COUNT);
	if ((op->codes & CODE_ACCEPTED) != 0)
		openapi_response(a, "202", "Accepted", op->media, type,
		    OA__COUNT);
	pin_out_cstr(o, "\"401\":{\"description\":\"Unauthorized\"}},");
	openapi_tag(a, t->gv, 1);
	pin_out_printf(o, ",\"x-kubernetes-action\":\"%s\"", op->action);
	put_kind(a, t);
	pin_out_char(o, '}');
}

/* ---- paths ------------------------------------------------------------ */

static void
put_path_name(struct openapi *a, const struct target *t)
{
	const char *group = str(a, t->gv->group);
	int ns = (t->res->flags & PIN_RF_NAMESPACED) != 0 && !t->all;
	struct pin_out *o = &a->o;

	pin_out_printf(o, "%s\"/%s%s%s/%s/%s%s%s%s", a->npaths++ > 0 ? "," :
	    "", *group ? "apis" : "api", *group ? "/" : "", group,
	    str(a, t->gv->version), t->watch ? "watch/" : "", ns ?
	    "namespaces/{namespace}/" : "", str(a, t->res->plural), t->named ?
	    "/{name}" : "");
	if (t->sub != NULL)
		pin_out_printf(o, "/%s", str(a, t->sub->name));
	pin_out_printf(o, "%s\":{", t->rest ? "/{path}" : "");
}

/* The operations of which that are among verbs, and the path's parameters:
 * those that lie in it, more, and what all operations have. */
static void
put_path(struct openapi *a, const struct target *t, const struct op *which,
    const int *order, int nops, uint64_t more)
{
	uint32_t verbs = t->sub != NULL ? t->sub->verbs : t->res->verbs;
	int ns = (t->res->flags & PIN_RF_NAMESPACED) != 0 && !t->all, i, n = 0;
	uint64_t shared = ~UINT64_C(0);
	const struct op *op;

	for (i = 0; i < nops; i++) {
		op = &which[order[i]];
		if (op->bit == 0 || (verbs & op->bit) != 0) {
			shared &= op->params;
			n++;
		}
	}
	if (n == 0)
		return;
	put_path_name(a, t);
	for (i = 0; i < nops; i++) {
		op = &which[order[i]];
		if (op->bit == 0 || (verbs & op->bit) != 0) {
			put_op(a, t, op, shared);
			pin_out_char(&a->o, ',');
		}
	}
	shared |= more | (t->named ? BIT(NAME) : 0) | (ns ? BIT(NAMESPACE) : 0);
	pin_out_cstr(&a->o, "\"parameters\":[");
	put_params(a, shared, 0);
	pin_out_cstr(&a->o, "]}");
}

static const struct stream *
stream_of(const struct openapi *a, const struct pin_sub_row *sub)
{
	size_t i;

	for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		if (strcmp(streams[i].name, str(a, sub->name)) == 0)
			return (&streams[i]);
	return (NULL);
}

static void
put_sub(struct openapi *a, struct target *t)
{
	static const int typed[] = { OP_GET, OP_PUT, OP_PATCH, OP_POST };
	static const int log[] = { OP_LOG };
	static const int every[] = { 0, 1, 2, 3, 4, 5, 6 }, two[] = { 1, 5 };
	const struct stream *s = stream_of(a, t->sub);

	if (s == NULL && strcmp(str(a, t->sub->name), "log") == 0) {
		put_path(a, t, ops, log, 1, BIT(PRETTY));
	} else if (s == NULL) {
		put_path(a, t, ops, typed, 4, BIT(PRETTY));
	} else if (!s->proxy) {
		put_path(a, t, connects, two, 2, s->params);
	} else {
		put_path(a, t, connects, every, 7, s->params);
		t->rest = 1;
		put_path(a, t, connects, every, 7, s->params | BIT(REST));
		t->rest = 0;
	}
}

/* The resource's own paths, in the place that t says, then without a
 * namespace. */
static void
put_resource(struct openapi *a, struct target *t)
{
	static const int many[] = { OP_LIST, OP_POST, OP_COLLECTION },
	    one[] = { OP_GET, OP_PUT, OP_PATCH, OP_DELETE },
	    all[] = { OP_LIST }, watch1[] = { OP_WATCH },
	    watch[] = { OP_WATCHLIST };
	int k;

	put_path(a, t, ops, many, 3, BIT(PRETTY));
	t->named = 1;
	put_path(a, t, ops, one, 4, BIT(PRETTY));
	t->watch = 1;
	put_path(a, t, ops, watch1, 1, BIT(PRETTY));
	t->named = 0;
	put_path(a, t, ops, watch, 1, BIT(PRETTY));
	if ((t->res->flags & PIN_RF_NAMESPACED) != 0) {
		t->all = 1;
		put_path(a, t, ops, watch, 1, BIT(PRETTY));
		t->watch = 0;
		put_path(a, t, ops, all, 1, BIT(PRETTY));
		t->all = 0;
	}
	t->watch = 0;
	t->named = 1;
	for (k = 0; k < (int)t->res->nsubs; k++) {
		t->sub = &a->sc->subs[t->res->sub0 + (uint32_t)k];
		put_sub(a, t);
	}
	t->sub = NULL;
	t->named = 0;
}

void
openapi_paths(struct openapi *a, const struct pin_gv_row *gv)
{
	struct target t = { .gv = gv };
	uint32_t i;

	openapi_root(a, OA_ROOT_GV, gv);
	for (i = 0; i < gv->nres; i++) {
		t.res = &a->sc->resources[gv->res0 + i];
		put_resource(a, &t);
	}
}
