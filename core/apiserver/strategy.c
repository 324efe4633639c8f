/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strategy.c -- see strategy.h: the table, and what all kinds share.
 * Front loop. Contract: strategy.h. */
#include "core/apiserver/strategy.h"

#include <string.h>

#include "core/apiserver/meta.h"
#include "core/apiserver/service.h"
#include "core/api/bridge.h"

#define RETURNED(g, res)						\
	{ .group = g, .resource = res, .returns_object = 1 }

/* What no word of a row says: allocations, and how an object ends. */
const struct strategy strategies[] = {
	{ .group = "", .resource = "pods", .delete = pod_delete,
	    .returns_object = 1 },
	{ .group = "", .resource = "namespaces", .delete = namespace_delete,
	    .returns_object = 1 },
	{ .group = "", .resource = "services", .create = service_create,
	    .update = service_update, .release = service_release,
	    .returns_object = 1 },
	{ .group = "", .resource = "persistentvolumes", .returns_object = 1 },
	{ .group = "", .resource = "persistentvolumeclaims",
	    .returns_object = 1 },
	{ .group = "", .resource = "podtemplates", .returns_object = 1 },
	{ .group = "", .resource = "resourcequotas", .returns_object = 1 },
	{ .group = "", .resource = "serviceaccounts", .returns_object = 1 },
	RETURNED("resource.k8s.io", "deviceclasses"),
	RETURNED("resource.k8s.io", "devicetaintrules"),
	RETURNED("resource.k8s.io", "resourceclaims"),
	RETURNED("resource.k8s.io", "resourceclaimtemplates"),
	RETURNED("resource.k8s.io", "resourceslices"),
	RETURNED("storage.k8s.io", "csidrivers"),
	RETURNED("storage.k8s.io", "csinodes"),
	RETURNED("storage.k8s.io", "storageclasses"),
	RETURNED("storage.k8s.io", "volumeattachments"),
	RETURNED("storage.k8s.io", "volumeattributesclasses"),
};
const uint32_t nstrategies = PIN_LEN(strategies);

static const struct strategy plain;

const struct strategy *
strategy_of(struct request *r)
{
	uint32_t i;

	/* Not info.resource: an answer may have put a kind's name there. */
	for (i = 0; i < nstrategies; i++)
		if (strcmp(res_str(r, r->res->plural),
		    strategies[i].resource) == 0 &&
		    pin_str_is(r->info.group, strategies[i].group))
			return (&strategies[i]);
	return (&plain);
}

/* ---- status, and subresources that are part of an object ------------- */

static int
has_rule(struct pin_type t, uint32_t rule)
{
	uint32_t i;

	for (i = 0; i < pin_schema_nwords(t.schema, t.row->rules); i++)
		if (pin_schema_word(t.schema, t.row->rules, i) == rule)
			return (1);
	return (0);
}

/* An empty status as its type has it: members that are always there. */
static int
reset_status(struct request *r)
{
	pin_node root = pin_obj_root(r->obj);
	const struct pin_field_row *f;
	struct pin_obj *empty, *status;

	pin_obj_unset(r->obj, root, "status");
	f = pin_type_field(r->type, "status", 6);
	if (f == NULL || f->kind != PIN_F_OBJECT ||
	    f->presence != PIN_P_ALWAYS)
		return (PIN_OK);
	empty = pin_obj_new(r->arena);
	if (empty == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	if (pin_conform(r->arena, pin_field_type(r->type, f), empty,
	    pin_obj_root(empty), PIN_CONFORM_DEFAULT, &status, NULL,
	    &r->err) != PIN_OK)
		return (r->err.code);
	pin_obj_set_node(r->obj, root, PIN_STR("status"), status,
	    pin_obj_root(status));
	if (!has_rule(r->type, PIN_RULE_CRD_STORED))
		return (PIN_OK);
	return (pin_conform(r->arena, r->type, r->obj, root,
	    PIN_CONFORM_DEFAULT, &r->obj, NULL, &r->err));
}

static void
put_member(struct pin_obj *to, pin_node parent, const struct pin_obj *from,
    pin_node owner, const char *key)
{
	pin_node n = pin_obj_get(from, owner, key);

	if (n == 0)
		pin_obj_unset(to, parent, key);
	else
		pin_obj_set_node(to, parent, pin_str(key), from, n);
}

/* The old pod with the new metadata. */
static struct pin_obj *
old_pod(struct request *r)
{
	struct pin_obj *o = pin_obj_copy(r->arena, r->old);

	if (o != NULL)
		put_member(o, pin_obj_root(o), r->obj, pin_obj_root(r->obj),
		    "metadata");
	return (o);
}

static struct pin_obj *
scope_debug(struct request *r)
{
	struct pin_obj *o = old_pod(r);

	if (o != NULL)
		put_member(o, pin_obj_get(o, pin_obj_root(o), "spec"), r->obj,
		    pin_obj_get(r->obj, pin_obj_root(r->obj), "spec"),
		    "ephemeralContainers");
	return (o);
}

/* Containers take over resources and resizePolicy. */
static struct pin_obj *
scope_resize(struct request *r)
{
	static const char *const lists[] = { "containers", "initContainers" };
	static const char *const part[] = { "resources", "resizePolicy" };
	struct pin_obj *now = r->obj, *o = old_pod(r);
	pin_node to, from;
	size_t i, k;

	for (i = 0; i < PIN_LEN(lists) && o != NULL; i++) {
		to = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
		    lists[i], NULL));
		from = pin_obj_first(now, pin_obj_at(now, pin_obj_root(now),
		    "spec", lists[i], NULL));
		for (; to != 0 && from != 0; to = pin_obj_next(o, to),
		    from = pin_obj_next(now, from))
			for (k = 0; k < PIN_LEN(part); k++)
				put_member(o, to, now, from, part[k]);
	}
	return (o);
}

/* Metadata that a write of these kinds' status leaves as it is; of the others
 * all may change with it. */
static const struct {
	const char	*group, *resource, *member;	/* NULL: all of it */
} status_keeps[] = {
	{ "", "pods", "ownerReferences" },
	{ "apps", "deployments", "labels" },
	{ "storage.k8s.io", "volumeattachments", NULL },
	{ "networking.k8s.io", "servicecidrs", NULL },
	{ "resource.k8s.io", "resourceclaims", NULL },
	{ "flowcontrol.apiserver.k8s.io", "flowschemas", NULL },
	{ "flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations",
	    NULL },
	{ "admissionregistration.k8s.io", "validatingadmissionpolicies",
	    NULL },
	{ "apiextensions.k8s.io", "customresourcedefinitions", NULL },
	{ "apiregistration.k8s.io", "apiservices", NULL },
};
static const char *const users_meta[] = { "labels", "annotations",
    "finalizers", "ownerReferences" };

static void
keep_meta(struct request *r)
{
	pin_node to = meta_node(r->obj), from = meta_node(r->old);
	const char *member;
	size_t i, k;

	for (i = 0; i < PIN_LEN(status_keeps); i++) {
		if (!pin_str_is(r->info.resource, status_keeps[i].resource) ||
		    !pin_str_is(r->info.group, status_keeps[i].group))
			continue;
		member = status_keeps[i].member;
		if (member != NULL)
			put_member(r->obj, to, r->old, from, member);
		for (k = 0; member == NULL && k < PIN_LEN(users_meta); k++)
			put_member(r->obj, to, r->old, from, users_meta[k]);
	}
}

static int
scope_update(struct request *r)
{
	struct pin_str sub = r->info.subresource;
	struct pin_obj *o = r->obj;

	if (pin_str_is(sub, "status") || pin_str_is(sub, "approval")) {
		meta_keep(r, "status", 1);
		keep_meta(r);
	} else if (pin_str_is(sub, "ephemeralcontainers")) {
		o = scope_debug(r);
	} else if (pin_str_is(sub, "resize")) {
		o = scope_resize(r);
	} else if ((r->res->flags & PIN_RF_STATUS) != 0) {
		meta_keep(r, "status", 0);
	}
	if (o == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	r->obj = o;
	return (PIN_OK);
}

int
strategy_scope(struct request *r)
{
	int rc = PIN_OK;

	if (r->operation != PIN_OP_CREATE)
		rc = scope_update(r);
	else if ((r->res->flags & (PIN_RF_STATUS | PIN_RF_KEEPSTATUS)) ==
	    PIN_RF_STATUS)
		rc = reset_status(r);
	return (rc == PIN_OK ? prepare_run(r, 1) : rc);
}

int
strategy_prepare(struct request *r)
{
	const struct strategy *st = strategy_of(r);
	int (*fn)(struct request *) = r->operation == PIN_OP_CREATE ?
	    st->create : st->update;
	int rc = prepare_run(r, 0);

	return (rc == PIN_OK && fn != NULL ? fn(r) : rc);
}

void
strategy_release(struct request *r)
{
	const struct strategy *st;

	if (r->res == NULL || r->alloc == NULL)
		return;
	st = strategy_of(r);
	if (st->release != NULL)
		st->release(r);
	r->alloc = NULL;
}

int
strategy_may_vanish(struct request *r)
{
	pin_node spec = pin_obj_get(r->obj, pin_obj_root(r->obj), "spec");
	int64_t grace = 0;

	if (pin_str_is(r->info.resource, "namespaces") &&
	    r->info.group.len == 0)
		return (pin_obj_count(r->obj, pin_obj_get(r->obj, spec,
		    "finalizers")) == 0);
	if ((r->res->flags & PIN_RF_GRACE) != 0)
		return (pin_obj_i64(r->obj, pin_obj_get(r->obj,
		    meta_node(r->obj), "deletionGracePeriodSeconds"),
		    &grace) && grace == 0);
	return (1);
}

int
strategy_strategic(struct request *r, struct pin_obj *doc,
    struct pin_obj *patch)
{
	const struct pin_bridge *b = r->srv->bridge;

	return (pin_strategic_patch(doc, patch, pin_bridge_merge(b),
	    pin_bridge_type(b, r->res->type), &r->err));
}
