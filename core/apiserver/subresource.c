/* SPDX-License-Identifier: BSD-2-Clause
 *
 * subresource.c -- scale and eviction: objects that are views of another.
 * Front loop. Contract: autoscaling/v1 Scale; policy/v1 Eviction, which is a
 * delete that PodDisruptionBudgets may hold back. */
#include "core/apiserver/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/chain.h"
#include "core/apiserver/managed.h"
#include "core/apiserver/meta.h"
#include "core/apiserver/render.h"
#include "lib/patch/patch.h"
#include "lib/selector/selector.h"
#include "lib/timefmt/timefmt.h"

/* ---- scale ---------------------------------------------------------- */

static struct pin_obj *
scale_of(struct request *r, const struct pin_obj *o, uint64_t revision)
{
	static const char *const kept[] = { "name", "namespace", "uid",
	    "creationTimestamp" };
	struct pin_obj *s = pin_obj_new(r->arena);
	pin_node root, meta, spec, from = pin_obj_root(o), n;
	struct pin_selector *sel;
	struct pin_out text;
	int64_t want = 0, have = 0;
	char rev[24];
	size_t i;

	if (s == NULL)
		return (NULL);
	root = pin_obj_root(s);
	pin_obj_set_str(s, root, "kind", PIN_STR("Scale"));
	pin_obj_set_str(s, root, "apiVersion", PIN_STR("autoscaling/v1"));
	meta = pin_obj_set_new(s, root, "metadata", PIN_OBJECT);
	for (i = 0; i < PIN_LEN(kept); i++)
		if ((n = pin_obj_get(o, meta_node(o), kept[i])) != 0)
			pin_obj_set_node(s, meta, pin_str(kept[i]), o, n);
	snprintf(rev, sizeof(rev), "%" PRIu64, revision);
	pin_obj_set_str(s, meta, "resourceVersion", pin_str(rev));
	spec = pin_obj_set_new(s, root, "spec", PIN_OBJECT);
	pin_obj_i64(o, pin_obj_at(o, from, "spec", "replicas", NULL), &want);
	if (want != 0)
		pin_obj_set_i64(s, spec, "replicas", want);
	spec = pin_obj_set_new(s, root, "status", PIN_OBJECT);
	pin_obj_i64(o, pin_obj_at(o, from, "status", "replicas", NULL), &have);
	pin_obj_set_i64(s, spec, "replicas", have);
	n = pin_obj_at(o, from, "spec", "selector", NULL);
	if ((pin_obj_get(o, n, "matchLabels") != 0 || pin_obj_get(o, n,
	    "matchExpressions") != 0 ? pin_selector_from_obj :
	    pin_selector_from_map)(r->arena, o, n, &sel, NULL) == PIN_OK) {
		pin_out_init(&text, r->arena, 1u << 16);
		pin_selector_write(sel, &text);
		if (text.len > 0)
			pin_obj_set_str(s, spec, "selector",
			    (struct pin_str){ text.p, text.len });
	}
	return (s);
}

static void
put_column(struct pin_out *o, const char *name, const char *type)
{
	pin_out_printf(o, "%s{\"name\":\"%s\",\"type\":\"%s\",\"format\":"
	    "\"\",\"description\":\"\",\"priority\":0}",
	    o->p[o->len - 1] == '[' ? "" : ",", name, type);
}

static void
put_scale_meta(struct request *r, const struct pin_obj *s, struct pin_out *o)
{
	pin_out_printf(o, "{\"kind\":\"PartialObjectMetadata\","
	    "\"apiVersion\":\"meta.k8s.io/%s\",\"metadata\":",
	    r->out.beta ? "v1beta1" : "v1");
	pin_obj_write(s, meta_node(s), o);
	pin_out_char(o, '}');
}

static void
put_scale_row(struct request *r, const struct pin_obj *s, struct pin_out *o)
{
	pin_node root = pin_obj_root(s);
	int64_t want = 0, have = 0, born;
	char age[PIN_AGE_TEXT_MAX] = "<unknown>";

	pin_obj_i64(s, pin_obj_at(s, root, "spec", "replicas", NULL), &want);
	pin_obj_i64(s, pin_obj_at(s, root, "status", "replicas", NULL), &have);
	if (pin_time_parse(meta_str(s, "creationTimestamp"), &born, NULL) ==
	    PIN_OK)
		pin_age_format(pin_host_wall(r->srv->host) / 1000000000 - born,
		    age);
	pin_out_cstr(o, "{\"cells\":[");
	pin_json_quote(o, meta_str(s, "name"));
	pin_out_printf(o, ",%" PRId64 ",%" PRId64 ",\"%s\"],\"object\":",
	    want, have, age);
	if (r->out.include == 2)
		pin_obj_write(s, root, o);
	else if (r->out.include == 1)
		pin_out_cstr(o, "null");
	else
		put_scale_meta(r, s, o);
	pin_out_char(o, '}');
}

/* Upstream's table of kinds it has no printer for, with a scale's columns. */
static int
scale_reply(struct request *r, const struct pin_obj *s)
{
	struct pin_out o;

	if (s == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	pin_out_init(&o, r->arena, 1u << 20);
	if (r->out.form == OUT_META) {
		put_scale_meta(r, s, &o);
		return (reply_out(r, 200, &o));
	}
	if (r->out.form != OUT_TABLE)
		return (reply_obj(r, 200, s));
	pin_out_printf(&o, "{\"kind\":\"Table\",\"apiVersion\":\""
	    "meta.k8s.io/%s\",\"metadata\":{\"resourceVersion\":\""
	    PIN_SFMT "\"},\"columnDefinitions\":[", r->out.beta ? "v1beta1" :
	    "v1", PIN_SARG(meta_str(s, "resourceVersion")));
	put_column(&o, "Name", "string");
	put_column(&o, "Desired", "integer");
	put_column(&o, "Available", "integer");
	put_column(&o, "Age", "string");
	pin_out_cstr(&o, "],\"rows\":[");
	put_scale_row(r, s, &o);
	pin_out_cstr(&o, "]}\n");
	return (reply_out(r, 200, &o));
}

int
scale_get(struct request *r)
{
	struct pin_obj *s;

	if (negotiate(r, 1) != PIN_OK || object_load(r) != PIN_OK)
		return (reply_error(r));
	s = scale_of(r, r->old, r->old_rev);
	return (scale_reply(r, s));
}

static int
scale_answer(struct request *r)
{
	struct pin_obj *s = scale_of(r, r->obj, r->result.revision);

	return (s != NULL ? reply_obj(r, 200, s) :
	    reply_err(r, PIN_ENOMEM, "out of memory"));
}

/* What is applied to a scale is applied to its object. */
static int
scale_config(struct request *r, struct pin_obj **out)
{
	struct pin_obj *config, *o = pin_obj_new(r->arena);
	pin_node root, meta, n;
	struct pin_out gv;
	const char *group;
	int rc;

	rc = pin_yaml_parse(r->arena, r->body.p, r->body.len, &config,
	    &r->err);
	if (rc != PIN_OK)
		return (pin_err_wrap(&r->err, "error decoding YAML"));
	rc = managed_kind(r, config);
	if (rc == PIN_OK && pin_obj_get(config, meta_node(config), "name") !=
	    0)
		rc = meta_named(r, config);
	if (rc != PIN_OK)
		return (rc);
	if (o == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	group = res_group(r->srv, r->res);
	pin_out_init(&gv, r->arena, 512);
	pin_out_printf(&gv, "%s%s%s", group, *group ? "/" : "",
	    res_version(r->srv, r->res));
	root = pin_obj_root(o);
	pin_obj_set_str(o, root, "apiVersion", (struct pin_str){ gv.p,
	    gv.len });
	pin_obj_set_str(o, root, "kind", pin_str(res_str(r, r->res->kind)));
	meta = pin_obj_set_new(o, root, "metadata", PIN_OBJECT);
	n = pin_obj_get(config, meta_node(config), "resourceVersion");
	if (n != 0)
		pin_obj_set_node(o, meta, PIN_STR("resourceVersion"), config,
		    n);
	n = pin_obj_at(config, pin_obj_root(config), "spec", "replicas", NULL);
	if (n != 0)
		pin_obj_set_node(o, pin_obj_set_new(o, root, "spec",
		    PIN_OBJECT), PIN_STR("replicas"), config, n);
	*out = o;
	return (PIN_OK);
}

/* The Scale that the client wants, into r->sent. */
int
scale_patch(struct request *r)
{
	struct pin_type type = pin_schema_type(r->srv->schema, r->sub->type);
	struct pin_obj *doc, *patch;
	int rc, done = STEP_DONE;

	if (r->err.code != PIN_OK || negotiate(r, 0) != PIN_OK)
		return (reply_error(r));
	if (r->patch_kind == PATCH_APPLY) {
		rc = scale_config(r, &patch);
		if (rc == PIN_OK)
			rc = managed_apply(r, patch, &doc, &done);
		if (rc == PIN_ECONFLICT)
			return (done);
		r->type = request_type(r);
		if (rc == PIN_OK)
			rc = pin_conform(r->arena, r->type, doc, pin_obj_root(
			    doc), PIN_CONFORM_DEFAULT, &r->sent, NULL,
			    &r->err);
		return (rc == PIN_OK ? STEP_NEXT : reply_error(r));
	}
	doc = scale_of(r, r->old, r->old_rev);
	if (doc == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	rc = pin_patch_parse(r->arena, (int)r->patch_kind, r->body, &patch,
	    &r->err);
	if (rc == PIN_OK)
		rc = r->patch_kind == PIN_PATCH_JSON ?
		    pin_json_patch(doc, patch, &r->err) :
		    pin_merge_patch(doc, patch, &r->err);
	if (rc != PIN_OK)
		return (reply_error(r));
	if (body_patched(r, doc) != PIN_OK || pin_conform(r->arena, type, doc,
	    pin_obj_root(doc), PIN_CONFORM_DEFAULT, &r->sent, NULL, &r->err) !=
	    PIN_OK)
		return (write_refuse(r, doc));
	return (STEP_NEXT);
}

static int
scale_negative(struct request *r, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	r->info.group = PIN_STR("autoscaling");
	request_refuse(r, NULL, PIN_CAUSE_INVALID, "spec.replicas",
	    pin_arena_str(r->arena, pin_str(text)),
	    "must be greater than or equal to 0");
	r->refusal.kind = PIN_STR("Scale");
	return (reply_error(r));
}

/* r->sent: the scaled object as if the client had sent it whole. */
int
scale_apply(struct request *r)
{
	static const char *const named[] = { "name", "namespace", "uid",
	    "resourceVersion" };
	struct pin_obj *scale = r->sent;
	struct pin_str v;
	int64_t n = 0;
	size_t i;

	pin_obj_i64(scale, pin_obj_at(scale, pin_obj_root(scale), "spec",
	    "replicas", NULL), &n);
	if (n < 0)
		return (scale_negative(r, n));
	r->answer = scale_answer;
	if (r->applied)
		return (STEP_NEXT);
	r->sent = pin_obj_copy(r->arena, r->old);
	if (r->sent == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	pin_obj_set_i64(r->sent, pin_obj_get(r->sent, pin_obj_root(r->sent),
	    "spec"), "replicas", n);
	for (i = 0; i < PIN_LEN(named); i++) {
		v = meta_str(scale, named[i]);
		if (v.len > 0)
			pin_obj_set_str(r->sent, meta_node(r->sent), named[i],
			    v);
		else if (i == 0)	/* the name is asked for */
			pin_obj_unset(r->sent, meta_node(r->sent), named[i]);
	}
	return (STEP_NEXT);
}

/* ---- eviction ------------------------------------------------------- */

struct budget_search {
	struct request	*r;
	uint32_t	 found, blocked;
	struct pin_str	 name;
	struct pin_arena *scratch;
};

/* Does this budget select the pod, and does it allow a disruption? */
static int
budget_look(void *arg, const struct pin_kv *kv)
{
	struct budget_search *s = arg;
	struct pin_obj *b;
	struct pin_selector *sel;
	int64_t allowed = 0;
	pin_node root;

	if (pin_obj_parse(s->r->arena, (const char *)kv->value->data,
	    kv->value->len, &b, NULL) != PIN_OK)
		return (0);
	root = pin_obj_root(b);
	if (pin_selector_from_obj(s->r->arena, b, pin_obj_at(b, root, "spec",
	    "selector", NULL), &sel, NULL) != PIN_OK ||
	    !pin_selector_match(sel, s->r->old, pin_obj_at(s->r->old,
	    pin_obj_root(s->r->old), "metadata", "labels", NULL)))
		return (0);
	s->found++;
	pin_obj_i64(b, pin_obj_at(b, root, "status", "disruptionsAllowed",
	    NULL), &allowed);
	if (allowed <= 0) {
		s->blocked = 1;
		s->name = pin_arena_str(s->r->arena, meta_str(b, "name"));
	}
	return (0);
}

static int
eviction_answer(struct request *r)
{
	return (reply_bytes(r, 201, "application/json", PIN_STR(
	    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
	    "\"status\":\"Success\",\"code\":201}\n")));
}

static int
budgets_allow(struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	const struct pin_res_row *pdb = pin_res_find(sc, "policy", "v1",
	    "poddisruptionbudgets");
	struct budget_search s = { .r = r };
	struct pin_range q = { .size = sizeof(q) };
	struct pin_range_result res = { .size = sizeof(res) };
	char *end;

	q.start = store_key(r->arena, sc, pdb, r->info.namespace,
	    PIN_STR_NONE);
	end = pin_arena_strndup(r->arena, q.start.p, q.start.len);
	if (end == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	end[q.start.len - 1]++;
	q.end = (struct pin_str){ end, q.start.len };
	if (r->srv->store->range(r->srv->store_self, &q, budget_look, &s, &res,
	    &r->err) != PIN_OK)
		return (r->err.code);
	if (s.found > 1)
		return (pin_err_set(&r->err, PIN_EINTERNAL, "This pod has more"
		    " than one PodDisruptionBudget, which the eviction "
		    "subresource does not support."));
	if (s.blocked)
		return (pin_err_set(&r->err, PIN_EBUSY, "Cannot evict pod as "
		    "it would violate the pod's disruption budget."));
	return (PIN_OK);
}

int
eviction_apply(struct request *r)
{
	pin_node n = pin_obj_get(r->sent, pin_obj_root(r->sent),
	    "deleteOptions");

	r->options = pin_obj_new(r->arena);
	if (r->options == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	if (n != 0) {
		pin_node root = pin_obj_root(r->options), m;

		for (m = pin_obj_first(r->sent, n); m != 0;
		    m = pin_obj_next(r->sent, m))
			pin_obj_set_node(r->options, root,
			    pin_obj_key(r->sent, m), r->sent, m);
	}
	body_options_take(r);
	if (query_check(r, "DeleteOptions") != PIN_OK ||
	    budgets_allow(r) != PIN_OK)
		return (reply_error(r));
	r->answer = eviction_answer;
	return (delete_prepare(r));
}
