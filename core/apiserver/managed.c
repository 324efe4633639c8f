/* SPDX-License-Identifier: BSD-2-Clause
 *
 * managed.c -- who the manager of a request is, and what lib/fields makes of
 * its write or of its applied configuration.
 * Front loop. Contract: managed.h. */
#include "core/apiserver/managed.h"

#include <stdio.h>
#include <string.h>

#include "core/apiserver/meta.h"
#include "core/api/bridge.h"

#define MANAGER_MAX	128	/* bytes of a manager's name, as upstream */

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

/* What a strategy resets is nobody's: of the kinds with a status the other
 * half; who asks for a certificate is set by the server. */
static const struct {
	const char	*resource, *sub;	/* NULL: any */
	uint32_t	 n;
	struct pin_str	 path[2];
} resettings[] = {
#define CSR	"certificatesigningrequests"
	{ CSR, "status", 2, { { "spec", 4 }, { "status.conditions", 17 } } },
	{ CSR, "approval", 2, { { "spec", 4 },
	    { "status.certificate", 18 } } },
	{ CSR, NULL, 2, { { "spec", 4 }, { "status", 6 } } },
#undef CSR
	{ NULL, "status", 1, { { "spec", 4 } } },
	{ NULL, NULL, 1, { { "status", 6 } } },
};

static uint32_t
resets(struct request *r, const struct pin_str **out)
{
	size_t i;

	if ((r->res->flags & PIN_RF_STATUS) == 0)
		return (0);
	for (i = 0; resettings[i].resource != NULL || resettings[i].sub !=
	    NULL; i++)
		if ((resettings[i].resource == NULL || pin_str_is(
		    r->info.resource, resettings[i].resource)) &&
		    (resettings[i].sub == NULL || pin_str_is(
		    r->info.subresource, resettings[i].sub)))
			break;
	*out = resettings[i].path;
	return (resettings[i].n);
}

static void
fields_op(struct request *r, struct pin_fields_op *op)
{
	const char *group = res_group(r->srv, r->res);
	const struct pin_str *reset = NULL;
	size_t n = strlen(group) + 32;
	char *now = pin_arena_alloc(r->arena, 40),
	    *gv = pin_arena_alloc(r->arena, n);

	memset(op, 0, sizeof(*op));
	if (now == NULL || gv == NULL)
		return;			/* the next allocation says so */
	snprintf(gv, n, "%s%s%s", group, *group ? "/" : "",
	    res_version(r->srv, r->res));
	meta_now(r, 0, now);
	op->schema = pin_bridge_fields(r->srv->bridge);
	pin_bridge_root(r->srv->bridge, r->res->type, &op->root);
	op->manager = manager_of(r);
	op->api_version = pin_str(gv);
	op->subresource = r->info.subresource;
	/* An entry of scale has no time, as the reference writes it. */
	op->now = pin_str_is(op->subresource, "scale") ? PIN_STR("") :
	    pin_str(now);
	op->nreset = resets(r, &reset);
	op->reset = reset;
}

/* A shared object is what comes of its stored form: members that only that
 * one defaults are the writer's too. */
static int
as_stored(struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	const struct pin_res_row *stored = &sc->resources[r->res->store];
	struct pin_obj *o;
	int rc;

	if (stored == r->res)
		return (PIN_OK);
	rc = pin_convert(r->arena, sc, r->res, stored, r->obj, &o, &r->err);
	return (rc != PIN_OK ? rc : pin_convert(r->arena, sc, stored, r->res,
	    o, &r->obj, &r->err));
}

int
managed_update(struct request *r)
{
	struct pin_obj *old = r->old;
	struct pin_fields_op op;
	int rc;

	if (r->applied)
		return (PIN_OK);	/* managed_apply has done it */
	if (as_stored(r) != PIN_OK)
		return (r->err.code);
	fields_op(r, &op);
	if (r->operation == PIN_OP_CREATE || old == NULL) {
		old = empty_object(r);
		if (old == NULL)
			return (r->err.code);
	}
	rc = pin_fields_update(r->arena, &op, old, r->obj, &r->err);
	return (rc);
}

int
managed_review(struct request *r)
{
	struct pin_fields_op op;
	struct pin_obj *empty;

	if (r->sub != NULL)
		r->type = pin_schema_type(r->srv->schema, r->sub->type);
	fields_op(r, &op);
	if (r->sub != NULL) {
		pin_bridge_root(r->srv->bridge, r->sub->type, &op.root);
		op.api_version = pin_str(res_str(r, r->sub->gv));
	}
	op.nreset = 0;
	empty = empty_object(r);
	return (empty == NULL ? r->err.code : pin_fields_update(r->arena, &op,
	    empty, r->sent, &r->err));
}

void
managed_reset(struct request *r, const struct pin_obj *raw)
{
	pin_node list = pin_obj_at(raw, pin_obj_root(raw), "metadata",
	    "managedFields", NULL);

	if (pin_obj_type(raw, list) == PIN_ARRAY && r->sub == NULL &&
	    pin_obj_count(raw, list) == 0 && (r->info.verb_bit &
	    (PIN_VERB_UPDATE | PIN_VERB_PATCH)) != 0)
		pin_obj_set_new(r->sent, meta_ensure(r->sent),
		    "managedFields", PIN_ARRAY);
}

static struct pin_str
conflict_text(struct request *r, struct pin_str manager)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, 64u << 10);
	pin_out_cstr(&o, "conflict with ");
	pin_out_str(&o, manager);
	return ((struct pin_str){ o.p, o.len });
}

/* The causes of a conflict: FieldManagerConflict is no field.ErrorType, so
 * the Status is written here. */
static int
conflict(struct request *r, const struct pin_fields_conflicts *c)
{
	struct pin_out o;
	uint32_t i;

	pin_out_init(&o, r->arena, 256u << 10);
	pin_out_cstr(&o, "{\"kind\":\"Status\",\"apiVersion\":\"v1\","
	    "\"metadata\":{},\"status\":\"Failure\",\"message\":");
	pin_json_quote(&o, pin_str(r->err.text));
	pin_out_cstr(&o, ",\"reason\":\"Conflict\",\"details\":{"
	    "\"causes\":[");
	for (i = 0; i < c->n; i++) {
		pin_out_cstr(&o, i > 0 ? ",{" : "{");
		pin_out_cstr(&o, "\"reason\":\"FieldManagerConflict\","
		    "\"message\":");
		pin_json_quote(&o, conflict_text(r, c->v[i].manager));
		pin_out_cstr(&o, ",\"field\":");
		pin_json_quote(&o, c->v[i].field);
		pin_out_char(&o, '}');
	}
	pin_out_cstr(&o, "]},\"code\":409}\n");
	return (reply_bytes(r, 409, "application/json", (struct pin_str){ o.p,
	    o.len }));
}

static struct pin_str
text_of(const struct pin_obj *o, const char *key)
{
	pin_node n = pin_obj_get(o, pin_obj_root(o), key);

	return (pin_obj_type(o, n) == PIN_STRING ? pin_obj_str(o, n) :
	    PIN_STR(""));
}

int
managed_kind(struct request *r, const struct pin_obj *config)
{
	static const char *const types[] = { [PIN_FALSE] = "bool",
	    [PIN_TRUE] = "bool", [PIN_NUMBER] = "number",
	    [PIN_STRING] = "string", [PIN_ARRAY] = "array",
	    [PIN_OBJECT] = NULL };
	int type = pin_obj_type(config, pin_obj_root(config));
	struct pin_str gv, v, kind;
	const char *want;

	if (type >= 0 && (size_t)type < PIN_LEN(types) && types[type] != NULL)
		return (pin_err_set(&r->err, PIN_EINVAL, "error decoding YAML:"
		    " error unmarshaling JSON: while decoding JSON: json: "
		    "cannot unmarshal %s into Go value of type map[string]"
		    "interface {}", types[type]));
	gv = body_kind(r, &want);
	v = text_of(config, "apiVersion");
	kind = text_of(config, "kind");
	if (pin_str_eq(v, gv) && pin_str_is(kind, want))
		return (PIN_OK);
	return (pin_err_set(&r->err, PIN_EINVAL, "invalid object type: %s"
	    PIN_SFMT ", Kind=" PIN_SFMT, v.len > 0 && memchr(v.p, '/',
	    v.len) != NULL ? "" : "/", PIN_SARG(v), PIN_SARG(kind)));
}

int
managed_apply(struct request *r, const struct pin_obj *config,
    struct pin_obj **out, int *done)
{
	struct pin_fields_conflicts conflicts = { NULL, 0, 0 };
	struct pin_fields_op op;
	struct pin_obj *empty;
	int rc;

	fields_op(r, &op);
	empty = empty_object(r);
	if (empty == NULL)
		return (r->err.code);
	op.empty = empty;
	rc = pin_fields_apply(r->arena, &op, r->opt.force == 1, r->old != NULL ?
	    r->old : empty, config, out, &conflicts, &r->err);
	if (rc == PIN_ECONFLICT)
		*done = conflict(r, &conflicts);
	r->applied = rc == PIN_OK;
	return (rc);
}
