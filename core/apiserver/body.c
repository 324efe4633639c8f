/* SPDX-License-Identifier: BSD-2-Clause
 *
 * body.c -- reading a body and making an object of it.
 * Front loop. Contract: a body is read only after authorization; unknown
 * fields are an error, a warning or nothing, as fieldValidation says
 * (KEP-2885). */
#include "core/apiserver/verbs.h"

#include <string.h>

#include "core/apiserver/managed.h"
#include "lib/patch/patch.h"

#define BODY_QUOTE_MAX	30	/* bytes of a bad body that an error shows */

static void
body_came(struct exchange *ex, int rc, struct pin_str body)
{
	struct request *r = ex->data;

	if (r == NULL)
		return;
	r->body = body;
	if (rc != PIN_OK)
		pin_err_set(&r->err, rc, rc == PIN_ETOOBIG ? "Request entity "
		    "too large: limit is %llu" : "the body could not be read",
		    (unsigned long long)r->srv->limits.body_max);
	request_resume(r);
}

int
request_body(struct request *r)
{
	if ((r->ex->head.flags & EXCHANGE_HAS_BODY) == 0)
		return (STEP_NEXT);
	r->ex->ops->read_body(r->ex, r->srv->limits.body_max, body_came);
	return (STEP_WAIT);
}

/* ---- strict decoding ------------------------------------------------ */

enum { VALIDATE_IGNORE, VALIDATE_WARN, VALIDATE_STRICT };

static int
validation_mode(struct request *r)
{
	struct pin_str v = r->opt.field_validation;

	if (v.len == 0 || pin_str_is(v, "Warn"))
		return (VALIDATE_WARN);
	if (pin_str_is(v, "Strict"))
		return (VALIDATE_STRICT);
	if (pin_str_is(v, "Ignore"))
		return (VALIDATE_IGNORE);
	return (query_check(r, "CreateOptions"));
}

/* What decoding found, told as the client wishes. */
int
body_strict(struct request *r, const struct pin_strict *st)
{
	int mode = validation_mode(r);
	struct pin_out o;
	uint32_t i;

	if (mode < 0)
		return (mode);
	if (st->n == 0 || mode == VALIDATE_IGNORE)
		return (PIN_OK);
	if (mode == VALIDATE_WARN) {
		for (i = 0; i < st->n; i++)
			request_warn(r, PIN_SFMT, PIN_SARG(st->text[i]));
		return (PIN_OK);
	}
	pin_out_init(&o, r->arena, 64u << 10);
	for (i = 0; i < st->n; i++) {
		if (i > 0)
			pin_out_cstr(&o, ", ");
		pin_out_str(&o, st->text[i]);
	}
	return (pin_err_set(&r->err, PIN_EINVAL, "strict decoding error: "
	    PIN_SFMT, PIN_SARG(((struct pin_str){ o.p, o.len }))));
}

/* ---- kinds ---------------------------------------------------------- */

struct pin_str
body_kind(struct request *r, const char **kind)
{
	const char *group;
	struct pin_out o;

	if (r->sub != NULL && r->sub->type != PIN_NONE) {
		*kind = res_str(r, r->sub->kind);
		return (pin_str(res_str(r, r->sub->gv)));
	}
	*kind = res_str(r, r->res->kind);
	group = res_group(r->srv, r->res);
	pin_out_init(&o, r->arena, 512);
	pin_out_printf(&o, "%s%s%s", group, *group ? "/" : "",
	    res_version(r->srv, r->res));
	return ((struct pin_str){ o.p, o.len });
}

/* "core" and "apps": what upstream calls the kinds of a group inside. */
static struct pin_str
inner_group(struct pin_str gv)
{
	const char *slash = memchr(gv.p, '/', gv.len), *dot;

	if (slash == NULL || pin_str_is(gv, "events.k8s.io/v1"))
		return (PIN_STR("core"));
	gv.len = (size_t)(slash - gv.p);
	dot = memchr(gv.p, '.', gv.len);
	if (dot != NULL)
		gv.len = (size_t)(dot - gv.p);
	return (gv);
}

struct pin_str
version_part(struct pin_str gv)
{
	const char *slash = gv.len > 0 ? memchr(gv.p, '/', gv.len) : NULL;

	return (slash == NULL ? gv : (struct pin_str){ slash + 1,
	    (size_t)(gv.p + gv.len - slash - 1) });
}

/* Why an object of this kind cannot be had as one of `gv` and `want`. */
static int
kind_reason(struct request *r, struct pin_str kind, struct pin_str version,
    struct pin_str gv, const char *want)
{
	struct pin_str v = version_part(version);

	if (!kind_known(r, version, kind))
		return (pin_err_set(&r->err, PIN_EINVAL, "no kind \"" PIN_SFMT
		    "\" is registered for version \"" PIN_SFMT "\" in scheme"
		    " \"pkg/runtime/scheme.go:111\"", PIN_SARG(kind),
		    PIN_SARG(version)));
	return (pin_err_set(&r->err, PIN_EINVAL, "converting (" PIN_SFMT "."
	    PIN_SFMT ") to (" PIN_SFMT ".%s): unknown conversion",
	    PIN_SARG(v), PIN_SARG(kind), PIN_SARG(inner_group(gv)), want));
}

static int
check_kind(struct request *r, struct pin_obj *obj, struct pin_str gv,
    const char *want)
{
	pin_node root = pin_obj_root(obj);
	struct pin_str kind, version;

	kind = pin_obj_str(obj, pin_obj_get(obj, root, "kind"));
	version = pin_obj_str(obj, pin_obj_get(obj, root, "apiVersion"));
	if (kind.len == 0) {
		kind = pin_str(want);
		pin_obj_set_str(obj, root, "kind", kind);
	}
	if (version.len == 0) {
		version = gv;
		pin_obj_set_str(obj, root, "apiVersion", gv);
	}
	if (!kind_known(r, version, kind) || !pin_str_is(kind, want)) {
		(void)kind_reason(r, kind, version, gv, want);
		return (pin_err_wrap(&r->err, PIN_SFMT " in version \"" PIN_SFMT
		    "\"" BODY_NOT_A "%s", PIN_SARG(kind),
		    PIN_SARG(version_part(version)), want));
	}
	if (!pin_str_eq(version, gv))
		return (pin_err_set(&r->err, PIN_EINVAL, "the API version in "
		    "the data (" PIN_SFMT ") does not match the expected API "
		    "version (" PIN_SFMT ")", PIN_SARG(version),
		    PIN_SARG(gv)));
	return (PIN_OK);
}

static const char *const type_members[] = { "kind", "apiVersion" };

/* A strategic merge has no say in what an object is. */
static int
keep_kind(struct pin_obj *doc, struct pin_str gv, const char *want)
{
	struct pin_str now[PIN_LEN(type_members)] = { pin_str(want), gv };
	pin_node root = pin_obj_root(doc), n;
	size_t i;
	int type;

	for (i = 0; i < PIN_LEN(type_members); i++) {
		n = pin_obj_get(doc, root, type_members[i]);
		type = pin_obj_type(doc, n);
		if (n == 0 || type == PIN_STRING || type == PIN_NULL)
			pin_obj_set_str(doc, root, type_members[i], now[i]);
	}
	return (PIN_OK);
}

int
body_patched(struct request *r, struct pin_obj *doc)
{
	static const char *const types[] = { [PIN_FALSE] = "bool",
	    [PIN_TRUE] = "bool", [PIN_NUMBER] = "number",
	    [PIN_ARRAY] = "array", [PIN_OBJECT] = "object" };
	struct pin_str kind, version, gv;
	pin_node root = pin_obj_root(doc);
	const char *want;
	size_t i;
	int type;

	gv = body_kind(r, &want);
	if (pin_obj_type(doc, root) != PIN_OBJECT)
		return (PIN_OK);	/* pin_conform says it */
	if (r->patch_kind == PIN_PATCH_STRATEGIC)
		return (keep_kind(doc, gv, want));
	for (i = 0; i < PIN_LEN(type_members); i++) {
		type = pin_obj_type(doc, pin_obj_get(doc, root,
		    type_members[i]));
		if (type >= 0 && (size_t)type < PIN_LEN(types) &&
		    types[type] != NULL)
			return (pin_err_set(&r->err, PIN_EINVAL, "couldn't get "
			    "version/kind; json parse error: json: cannot "
			    "unmarshal %s into Go struct field .%s of type "
			    "string", types[type], type_members[i]));
	}
	kind = pin_obj_str(doc, pin_obj_get(doc, root, "kind"));
	version = pin_obj_str(doc, pin_obj_get(doc, root, "apiVersion"));
	/* Without a version it is read as something that has no members. */
	if (version.len == 0)
		pin_obj_unset(doc, root, "metadata");
	if (version.len == 0)
		pin_obj_set_str(doc, root, "apiVersion", version = gv);
	if (kind.len == 0)
		pin_obj_set_str(doc, root, "kind", kind = pin_str(want));
	if (kind_known(r, version, kind) && pin_str_is(kind, want) &&
	    pin_str_eq(version, gv))
		return (PIN_OK);
	return (kind_reason(r, kind, version, gv, want));
}

/* The first bytes of a body: text if it looks like JSON, else in hex. */
static struct pin_str
body_shown(struct request *r)
{
	size_t i, n = r->body.len < BODY_QUOTE_MAX ? r->body.len :
	    BODY_QUOTE_MAX;
	struct pin_out o;

	if (n == 0)
		return (PIN_STR("<empty>"));
	pin_out_init(&o, r->arena, 4 * BODY_QUOTE_MAX);
	if (r->body.p[0] == '{')
		pin_out_put(&o, r->body.p, n);
	else
		for (i = 0; i < n; i++)
			pin_out_printf(&o, "%02x", (unsigned char)
			    r->body.p[i]);
	if (n < r->body.len)
		pin_out_cstr(&o, " ...");
	return ((struct pin_str){ o.p, o.len });
}

static int
decode_error(struct request *r, const char *kind)
{
	char text[PIN_ERR_TEXT_MAX];
	int proto;

	if (r->err.code != PIN_EINVAL && r->err.code != PIN_ELIMIT)
		return (reply_error(r));
	memcpy(text, r->err.text, sizeof(text));
	if (strstr(text, BODY_NOT_A) != NULL)
		return (reply_err(r, PIN_EINVAL, "%s", text));
	proto = strncmp(text, "protobuf: ", 10) == 0;
	if (proto && strncmp(text, "protobuf: byte 0:", 17) != 0 &&
	    strstr(text, "runtime.Unknown") == NULL)
		return (reply_err(r, PIN_EINVAL, "%s in version \"" PIN_SFMT
		    "\"" BODY_NOT_A "%s: %s", kind, PIN_SARG(pin_str(
		    res_version(r->srv, r->res))), kind, text));
	return (reply_err(r, PIN_EINVAL, "the object provided is unrecognized "
	    "(must be of type %s): %s%s (" PIN_SFMT ")", kind, proto ||
	    strncmp(text, "yaml: ", 6) == 0 ? "" : "couldn't get version/kind"
	    "; json parse error: ", text, PIN_SARG(body_shown(r))));
}

/* JSON null is an empty object; what else is no object is refused. */
static int
body_shape(struct request *r, struct pin_obj **raw)
{
	const char *type;

	switch (pin_obj_type(*raw, pin_obj_root(*raw))) {
	case PIN_OBJECT:
		return (PIN_OK);
	case PIN_NULL:
		*raw = pin_obj_new(r->arena);
		return (*raw != NULL ? PIN_OK : pin_err_set(&r->err,
		    PIN_ENOMEM, "out of memory"));
	case PIN_ARRAY:
		type = "array";
		break;
	case PIN_STRING:
		type = "string";
		break;
	case PIN_TRUE:
	case PIN_FALSE:
		type = "bool";
		break;
	default:
		type = "number";
	}
	return (pin_err_set(&r->err, PIN_EINVAL, "json: cannot unmarshal %s "
	    "into Go value of type struct { APIVersion string \"json:\\\""
	    "apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty"
	    "\\\"\" }", type));
}

struct pin_type
request_type(const struct request *r)
{
	return (pin_schema_type(r->srv->schema, r->res->type));
}

int
body_object(struct request *r)
{
	struct pin_strict *st = pin_arena_zalloc(r->arena, sizeof(*st));
	struct pin_obj *raw;
	struct pin_type type;
	struct pin_str gv;
	const char *kind;

	r->retry_step = r->step;
	if (r->err.code != PIN_OK || negotiate(r, (r->res->flags &
	    PIN_RF_REVIEW) == 0) != PIN_OK || body_known(r) != PIN_OK ||
	    query_check(r, r->info.verb_bit == PIN_VERB_CREATE ?
	    "CreateOptions" : "UpdateOptions") != PIN_OK)
		return (reply_error(r));
	if (st == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	st->arena = r->arena;
	gv = body_kind(r, &kind);
	if (body_decode(r, &raw, st) != PIN_OK ||
	    body_shape(r, &raw) != PIN_OK)
		return (decode_error(r, kind));
	type = r->sub != NULL && r->sub->type != PIN_NONE ?
	    pin_schema_type(r->srv->schema, r->sub->type) : request_type(r);
	r->type = request_type(r);
	if (check_kind(r, raw, gv, kind) != PIN_OK)
		return (reply_error(r));
	if (pin_conform(r->arena, type, raw, pin_obj_root(raw),
	    PIN_CONFORM_DEFAULT | PIN_CONFORM_EMPTY, &r->sent, st, &r->err) !=
	    PIN_OK) {
		pin_err_wrap(&r->err, "%s in version \"" PIN_SFMT "\" cannot be"
		    " handled as a %s", kind,
		    PIN_SARG(pin_str(res_version(r->srv, r->res))), kind);
		return (reply_error(r));
	}
	r->changed = st->empty > 0;
	managed_reset(r, raw);
	if (body_strict(r, st) != PIN_OK) {
		if (strncmp(r->err.text, "strict ", 7) == 0)
			pin_err_wrap(&r->err, "%s in version \"" PIN_SFMT
			    "\" cannot be handled as a %s", kind,
			    PIN_SARG(pin_str(res_version(r->srv, r->res))),
			    kind);
		return (reply_error(r));
	}
	return (STEP_NEXT);
}

/* A body's options are all there are: those of the query do not count. */
void
body_options_take(struct request *r)
{
	const struct pin_obj *o = r->options;
	pin_node root = pin_obj_root(o), n;
	struct pin_str v;

	n = pin_obj_get(o, root, "orphanDependents");
	r->opt.orphan = n == 0 ? -1 : pin_obj_true(o, n);
	n = pin_obj_get(o, root, "propagationPolicy");
	v = pin_obj_str(o, n);
	r->opt.propagation = n == 0 ? PIN_STR_NONE : v.len > 0 ? v :
	    PIN_STR("");
	r->opt.dry_run = r->opt.dry_run_bad = 0;
	r->opt.dry_run_all = PIN_STR_NONE;
	r->opt.grace_s = -1;
	for (n = pin_obj_first(o, pin_obj_get(o, root, "dryRun")); n != 0;
	    n = pin_obj_next(o, n)) {
		v = pin_obj_str(o, n);
		query_dry_run(r, v);
	}
}

/* Something else that is sent along is no order to delete. */
static int
options_kind(struct request *r, const struct pin_obj *raw)
{
	pin_node root = pin_obj_root(raw), n = pin_obj_get(raw, root, "kind");
	struct pin_str kind = pin_obj_str(raw, n);

	if (pin_obj_type(raw, n) != PIN_STRING || kind.len == 0 ||
	    pin_str_is(kind, "DeleteOptions"))
		return (PIN_OK);
	return (pin_err_set(&r->err, PIN_EINVAL, "no kind \"" PIN_SFMT "\" is "
	    "registered for version \"" PIN_SFMT "\" in scheme "
	    "\"pkg/runtime/scheme.go:111\"", PIN_SARG(kind), PIN_SARG(
	    pin_obj_str(raw, pin_obj_get(raw, root, "apiVersion")))));
}

/* DeleteOptions: from the body, or from the query when there is none. */
int
body_options(struct request *r)
{
	struct pin_type type;
	struct pin_obj *raw;

	if (r->err.code != PIN_OK)
		return (reply_error(r));
	(void)negotiate(r, 1);
	r->options = pin_obj_new(r->arena);
	if (r->options == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	if (r->body.len == 0 && r->opt.bad_grace.len > 0)
		return (reply_err(r, PIN_EINVAL, PIN_SFMT,
		    PIN_SARG(r->opt.bad_grace)));
	if (r->body.len == 0)
		return (query_check(r, "DeleteOptions") == PIN_OK ? STEP_NEXT :
		    reply_error(r));
	if (body_known(r) != PIN_OK)
		return (reply_error(r));
	if (body_decode(r, &raw, NULL) != PIN_OK)
		return (decode_error(r, "DeleteOptions"));
	if (!pin_type_find(r->srv->schema, "meta.v1.DeleteOptions", &type))
		return (reply_err(r, PIN_EINTERNAL, "no DeleteOptions"));
	if (options_kind(r, raw) != PIN_OK)
		return (reply_error(r));
	if (pin_conform(r->arena, type, raw, pin_obj_root(raw), 0, &r->options,
	    NULL, &r->err) != PIN_OK)
		return (reply_error(r));
	body_options_take(r);
	return (query_check(r, "DeleteOptions") == PIN_OK ? STEP_NEXT :
	    reply_error(r));
}

static const struct {
	const char	*media;
	uint32_t	 kind;
} patches[] = {
	{ "application/json-patch+json",		PIN_PATCH_JSON },
	{ "application/merge-patch+json",		PIN_PATCH_MERGE },
	{ "application/strategic-merge-patch+json",	PIN_PATCH_STRATEGIC },
	{ "application/apply-patch+yaml",		PATCH_APPLY },
};

int
body_patch(struct request *r)
{
	struct pin_str type = exchange_header(r->ex, "Content-Type");
	const char *semi = type.len > 0 ? memchr(type.p, ';', type.len) : NULL;
	size_t i;

	if (semi != NULL)
		type.len = (size_t)(semi - type.p);
	while (type.len > 0 && type.p[type.len - 1] == ' ')
		type.len--;
	for (i = 0; i < PIN_LEN(patches); i++)
		if (pin_str_is(type, patches[i].media))
			r->patch_kind = patches[i].kind;
	if (r->patch_kind == 0)
		return (reply_err(r, PIN_EMEDIA,
		    "415: Unsupported Media Type"));
	return (query_check(r, "PatchOptions") == PIN_OK ? STEP_NEXT :
	    reply_error(r));
}
