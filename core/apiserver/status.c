/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c -- metav1.Status: what a client is told when something is wrong
 * (apimachinery: api/errors).
 * Front loop. Contract: reason, code, message and details as the reference
 * server gives them; tests/golden has its answers. */
#include "core/apiserver/apiserver.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/patch/patch.h"

#define STATUS_MAX	(256u << 10)

/* "pods", "deployments.apps". */
static void
put_resource(struct pin_out *o, const struct request *r)
{
	pin_out_str(o, r->info.resource);
	if (r->info.group.len > 0) {
		pin_out_char(o, '.');
		pin_out_str(o, r->info.group);
	}
}

static void
member(struct pin_out *o, const char *key, struct pin_str value)
{
	if (value.len == 0)
		return;
	if (o->p[o->len - 1] != '{')
		pin_out_char(o, ',');
	pin_out_printf(o, "\"%s\":", key);
	pin_json_quote(o, value);
}

static void
put_causes(struct pin_out *o, const struct pin_causes *causes)
{
	static const char *const reasons[] = {
	    [PIN_CAUSE_NONE] = "",
#define X(sym, reason, text)	[PIN_CAUSE_##sym] = reason,
	    PIN_CAUSE_MAP(X)
#undef X
	};
	const struct pin_cause *c;
	uint32_t i, n = causes != NULL ? pin_causes_at(causes, 0) == NULL ?
	    0 : pin_cause_count(causes) : 0;

	if (n == 0)
		return;
	if (o->p[o->len - 1] != '{')
		pin_out_char(o, ',');
	pin_out_cstr(o, "\"causes\":[");
	for (i = 0; i < n && (c = pin_causes_at(causes, i)) != NULL; i++) {
		pin_out_cstr(o, i > 0 ? ",{" : "{");
		member(o, "reason", pin_str(reasons[c->type]));
		member(o, "message", c->message);
		member(o, "field", c->field);
		pin_out_char(o, '}');
	}
	pin_out_char(o, ']');
}

/* What controllers look for before they give up on a namespace. */
static void
put_terminating(struct pin_out *o, struct pin_str ns)
{
	if (o->p[o->len - 1] != '{')
		pin_out_char(o, ',');
	pin_out_cstr(o, "\"causes\":[{\"reason\":\"NamespaceTerminating\","
	    "\"message\":\"namespace ");
	pin_out_str(o, ns);
	pin_out_cstr(o, " is being terminated\",\"field\":"
	    "\"metadata.namespace\"}]");
}

/* 'namespaces "x" not found', from a plugin that looked for another object:
 * the details are that object's. */
static int
put_other(struct pin_out *o, struct pin_str message)
{
	static const char tail[] = "\" not found";
	const char *open = message.len > 0 ? memchr(message.p, '"',
	    message.len) : NULL, *dot;
	struct pin_str kind, name;

	if (open == NULL || open - message.p < 2 || open[-1] != ' ' ||
	    message.len < sizeof(tail) || memcmp(message.p + message.len -
	    (sizeof(tail) - 1), tail, sizeof(tail) - 1) != 0)
		return (0);
	kind = (struct pin_str){ message.p, (size_t)(open - 1 - message.p) };
	name = (struct pin_str){ open + 1, message.len - kind.len - 2 -
	    (sizeof(tail) - 1) };
	if (memchr(kind.p, ' ', kind.len) != NULL)
		return (0);
	member(o, "name", name);
	dot = memchr(kind.p, '.', kind.len);
	if (dot != NULL) {
		member(o, "group", (struct pin_str){ dot + 1,
		    kind.len - (size_t)(dot + 1 - kind.p) });
		kind.len = (size_t)(dot - kind.p);
	}
	member(o, "kind", kind);
	return (1);
}

/* Sentences about no object. */
static int
is_anonymous(int code, struct pin_str message)
{
	return ((code == PIN_ENOTFOUND && pin_str_is(message, "the server "
	    "could not find the requested resource")) ||
	    (code == PIN_EINVALID &&
	    pin_str_is(message, PIN_JSON_PATCH_REJECTED)));
}

/* Which details a code carries: upstream's constructors differ. */
static void
put_details(struct pin_out *o, struct request *r, int code,
    struct pin_str message, const struct pin_causes *causes)
{
	struct pin_str kind = r->info.resource;

	if (code == PIN_EINVAL || code == PIN_EUNAUTH || code == PIN_EGONE ||
	    code == PIN_ELIMIT || code == PIN_ETOOBIG)
		return;
	if (code == PIN_EMEDIA || code == PIN_EACCEPT) {
		/* Upstream has two sentences for each; one has details. */
		if (message.len > 3 && message.p[3] == ':')
			pin_out_cstr(o, ",\"details\":{}");
		return;
	}
	if (is_anonymous(code, message)) {
		pin_out_cstr(o, ",\"details\":{}");
		return;
	}
	if (code == PIN_EFUTURE) {
		pin_out_cstr(o, ",\"details\":{\"causes\":[{\"reason\":"
		    "\"ResourceVersionTooLarge\",\"message\":\"Too large "
		    "resource version\"}],\"retryAfterSeconds\":1}");
		return;
	}
	pin_out_cstr(o, ",\"details\":{");
	if (r->res != NULL && code == PIN_EINVALID && causes == NULL)
		kind = pin_str(res_str(r, r->res->kind));
	if (code == PIN_ENOTFOUND && put_other(o, message)) {
		pin_out_char(o, '}');
		return;
	}
	if (r->res != NULL && code != PIN_EMETHOD) {
		member(o, "name", r->info.name);
		member(o, "group", r->info.group);
		member(o, "kind", kind);
	}
	put_causes(o, causes);
	if (code == PIN_ETERMINATING)
		put_terminating(o, r->info.namespace);
	if (code == PIN_EBUSY)
		pin_out_printf(o, "%s\"retryAfterSeconds\":1",
		    o->p[o->len - 1] != '{' ? "," : "");
	pin_out_char(o, '}');
}

struct pin_str
status_body(struct request *r, int code, struct pin_str message,
    const struct pin_causes *causes)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, STATUS_MAX);
	pin_out_cstr(&o, "{\"kind\":\"Status\",\"apiVersion\":\"v1\","
	    "\"metadata\":{");
	member(&o, "continue", r->refusal.go_on);
	pin_out_cstr(&o, "},\"status\":\"Failure\",\"message\":");
	pin_json_quote(&o, message);
	if (!r->bare) {
		pin_out_printf(&o, ",\"reason\":\"%s\"",
		    pin_err_reason(code));
		put_details(&o, r, code, message, causes);
	}
	pin_out_printf(&o, ",\"code\":%d}\n", pin_err_http(code));
	if (o.failed != PIN_OK)
		return (PIN_STR("{\"kind\":\"Status\",\"apiVersion\":\"v1\","
		    "\"metadata\":{},\"status\":\"Failure\",\"reason\":"
		    "\"InternalError\",\"code\":500}\n"));
	return ((struct pin_str){ o.p, o.len });
}

/* The sentence upstream builds around a name, by code. */
static struct pin_str
sentence(struct request *r)
{
	struct pin_str text = pin_str(r->err.text), name = r->info.name;
	struct pin_out o;

	pin_out_init(&o, r->arena, STATUS_MAX);
	switch (r->err.code) {
	case PIN_ENOTFOUND:
	case PIN_EEXISTS:
		if (text.len > 0 || r->res == NULL)
			return (text);
		put_resource(&o, r);
		pin_out_cstr(&o, " \"");
		pin_out_str(&o, name);
		pin_out_cstr(&o, r->err.code == PIN_ENOTFOUND ?
		    "\" not found" : "\" already exists");
		break;
	case PIN_ECONFLICT:
		pin_out_cstr(&o, "Operation cannot be fulfilled on ");
		put_resource(&o, r);
		pin_out_cstr(&o, " \"");
		pin_out_str(&o, name);
		pin_out_cstr(&o, "\": ");
		pin_out_str(&o, text.len > 0 ? text : PIN_STR("the object has "
		    "been modified; please apply your changes to the latest "
		    "version and try again"));
		break;
	case PIN_EFUTURE:
		pin_out_cstr(&o, "Timeout: ");
		pin_out_str(&o, text);
		break;
	default:
		return (text.len > 0 ? text :
		    pin_str(pin_err_text(r->err.code)));
	}
	if (o.failed != PIN_OK)
		return (text);
	return ((struct pin_str){ o.p, o.len });
}

struct pin_str
request_quoted(struct request *r, struct pin_str s)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, 64u << 10);
	pin_cause_quote(&o, s);
	return ((struct pin_str){ o.p, o.len });
}

int
request_refuse(struct request *r, const char *kind, int type,
    const char *field, struct pin_str value, const char *detail)
{
	struct refusal *f = &r->refusal;

	if (f->causes == NULL) {
		f->causes = pin_causes_new(r->arena);
		f->group = kind != NULL ? PIN_STR("meta.k8s.io") :
		    r->info.group;
		f->kind = kind != NULL ? pin_str(kind) :
		    pin_str(res_str(r, r->res->kind));
		f->name = kind != NULL ? PIN_STR("") : r->info.name;
	}
	if (f->causes == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	pin_cause_add(f->causes, type, field, value, "%s", detail);
	return (pin_err_set(&r->err, PIN_EINVALID, "%s: %s", field, detail));
}

int
request_bare(struct request *r, const char *fmt, ...)
{
	char text[PIN_ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->bare = 1;
	return (pin_err_set(&r->err, PIN_EINTERNAL, "%s", text));
}

int
reply_error(struct request *r)
{
	struct pin_str body;

	if (r->err.code == PIN_OK)
		pin_err_set(&r->err, PIN_EINTERNAL, "unknown error");
	if (r->err.code == PIN_EINVALID && r->refusal.causes != NULL)
		return (reply_causes(r, r->refusal.group, r->refusal.kind,
		    r->refusal.name, r->refusal.causes));
	body = status_body(r, r->err.code, sentence(r), NULL);
	return (reply_bytes(r, pin_err_http(r->err.code), "application/json",
	    body));
}

/* 'Pod "x" is invalid: a', or '...: [a, b]'. */
int
reply_causes(struct request *r, struct pin_str group, struct pin_str kind,
    struct pin_str name, const struct pin_causes *causes)
{
	uint32_t i, n = pin_cause_count(causes);
	const struct pin_cause *c;
	struct pin_out o;

	pin_out_init(&o, r->arena, STATUS_MAX);
	pin_out_str(&o, kind);
	if (group.len > 0) {
		pin_out_char(&o, '.');
		pin_out_str(&o, group);
	}
	pin_out_cstr(&o, " \"");
	pin_out_str(&o, name);
	pin_out_cstr(&o, n == 1 ? "\" is invalid: " : "\" is invalid: [");
	for (i = 0; i < n && (c = pin_causes_at(causes, i)) != NULL; i++) {
		if (i > 0)
			pin_out_cstr(&o, ", ");
		if (c->field.len > 0) {
			pin_out_str(&o, c->field);
			pin_out_cstr(&o, ": ");
		}
		pin_out_str(&o, c->message);
	}
	if (n != 1)
		pin_out_char(&o, ']');
	r->info.name = name;
	r->info.group = group;
	r->info.resource = kind;	/* so the details say it */
	return (reply_bytes(r, 422, "application/json", status_body(r,
	    PIN_EINVALID, (struct pin_str){ o.p, o.len }, causes)));
}

int
reply_success(struct request *r, struct pin_str uid)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, STATUS_MAX);
	pin_out_cstr(&o, "{\"kind\":\"Status\",\"apiVersion\":\"v1\","
	    "\"metadata\":{},\"status\":\"Success\",\"details\":{");
	member(&o, "name", r->info.name);
	member(&o, "group", r->info.group);
	member(&o, "kind", r->info.resource);
	member(&o, "uid", uid);
	pin_out_cstr(&o, "}}\n");
	return (reply_bytes(r, 200, "application/json",
	    (struct pin_str){ o.p, o.len }));
}
