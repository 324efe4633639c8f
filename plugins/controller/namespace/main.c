/* SPDX-License-Identifier: BSD-2-Clause
 *
 * namespace -- controller: a namespace that is deleted loses all it holds,
 * then its finalizer "kubernetes".
 * Stateless. Controller loop. What is there is read live, resource by
 * resource, since nothing that a cache has not heard of yet may outlive its
 * namespace; an empty answer from all of them is what ends it. Pods go first
 * and the rest waits for them (KEP-5080).
 * Contract: pintle/controller.h; upstream's namespace-controller. */
#include <stdio.h>
#include <string.h>

#include "namespace.h"

#define FINALIZER	"kubernetes"
#define DISCOVERY_MS	100	/* until the resources are known again */
#define REFUSED_MS	5000	/* until what would not go is tried again */
#define HELD_MS		15000	/* upstream's guess for a finalizer */

static pin_controller_reconcile_fn namespace_reconcile;
static pin_controller_map_fn namespace_map;

static const struct pin_controller_watch namespace_watches[] = {
	[NAMESPACES] = { "", "v1", "namespaces", NULL },
	[ANYTHING] = { "*", "*", "*", namespace_map },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops namespace_ops = {
	.size = sizeof(namespace_ops),
	.watches = namespace_watches,
	.reconcile = namespace_reconcile,
	.component = "namespace-controller",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "namespace", .version = "1.0",
	.summary = "empties a deleted namespace and lets it go",
	.ops = &namespace_ops,
};

/* Something stirs in a namespace that is leaving: look what remains. */
static void
namespace_map(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	struct pin_str in = meta_get(object, "namespace");
	const struct pin_obj *ns;

	(void)self;
	(void)before;
	if (in.len == 0)
		return;
	ns = pin_cache_get(rc, NAMESPACES, PIN_STR_NONE, in);
	if (ns != NULL && meta_deleted(ns))
		pin_keys_add(out, PIN_STR_NONE, in);
}

/* ---- what there is --------------------------------------------------- */

/* Can it be emptied at all? */
static int
concerns(const struct pin_resource *r)
{
	const uint32_t need = PIN_CAN_LIST | PIN_CAN_DELETE;

	return (r->namespaced && (r->verbs & need) == need);
}

static int
is_pods(const struct pin_resource *r)
{
	return (r->group[0] == '\0' && strcmp(r->resource, "pods") == 0);
}

static struct pin_target
target(const struct leaving *l, const struct pin_resource *r)
{
	return ((struct pin_target){ .group = r->group, .version = r->version,
	    .resource = r->resource, .namespace = l->name });
}

static int
is_held(const struct leaving *l)
{
	pin_node n = pin_obj_at(l->ns, pin_obj_root(l->ns), "spec",
	    "finalizers", NULL);

	for (n = pin_obj_first(l->ns, n); n != 0; n = pin_obj_next(l->ns, n))
		if (pin_str_is(pin_obj_str(l->ns, n), FINALIZER))
			return (1);
	return (0);
}

/* All resources at once; 0: they are not known. */
static void
ask_all(struct leaving *l)
{
	struct pin_target t;
	uint32_t i;

	for (i = 0; i < l->nres; i++)
		if (concerns(&l->res[i])) {
			t = target(l, &l->res[i]);
			pin_plan_live(l->plan, &t);
		}
}

/* ---- one resource ----------------------------------------------------- */

static int
has_ended(const struct pin_obj *o, pin_node pod)
{
	struct pin_str phase = pin_obj_str(o, pin_obj_at(o, pod, "status",
	    "phase", NULL));

	return (pin_str_is(phase, "Succeeded") || pin_str_is(phase,
	    "Failed"));
}

static void
count_finalizers(struct leaving *l, const struct pin_obj *o, pin_node meta)
{
	pin_node n = pin_obj_get(o, meta, "finalizers");
	char text[256];

	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n)) {
		snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(pin_obj_str(o,
		    n)));
		remain_add(l->held, &l->nheld, text, 1);
	}
}

/* Each by its name: the resource has no deletecollection. */
static void
delete_each(struct leaving *l, const struct pin_resource *r,
    const struct pin_obj *list)
{
	struct pin_target t = target(l, r);
	pin_node n, meta;

	n = pin_obj_get(list, pin_obj_root(list), "items");
	for (n = pin_obj_first(list, n); n != 0; n = pin_obj_next(list, n)) {
		meta = pin_obj_get(list, n, "metadata");
		t.name = pin_obj_str(list, pin_obj_get(list, meta, "name"));
		if (pin_obj_get(list, meta, "deletionTimestamp") == 0)
			pin_plan_delete(l->plan, &t, "Background");
	}
}

static void
note_failure(struct leaving *l, const struct pin_resource *r,
    const struct pin_obj *refusal)
{
	char text[320];

	l->failures++;
	if (refusal != NULL)
		snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(pin_obj_str(
		    refusal, pin_obj_get(refusal, pin_obj_root(refusal),
		    "message"))));
	else
		snprintf(text, sizeof(text), "unexpected items still remain "
		    "in namespace: " PIN_SFMT " for gvr: %s/%s, Resource=%s",
		    PIN_SARG(l->name), r->group, r->version, r->resource);
	remain_add(l->bad, &l->nbad, text, 1);
}

/* 1: something was done, so look again. */
static int
empty_one(struct leaving *l, const struct pin_resource *r,
    const struct pin_obj *list)
{
	struct pin_target t = target(l, r);
	const struct pin_obj *refusal = NULL;
	int64_t n = 0, fresh = 0, held = 0, more = 0, grace;
	pin_node i, meta;
	char text[320];

	i = pin_obj_get(list, pin_obj_root(list), "items");
	for (i = pin_obj_first(list, i); i != 0; i = pin_obj_next(list, i)) {
		n++;
		meta = pin_obj_get(list, i, "metadata");
		fresh += pin_obj_get(list, meta, "deletionTimestamp") == 0;
		held += pin_obj_count(list, pin_obj_get(list, meta,
		    "finalizers")) > 0;
		count_finalizers(l, list, meta);
		if (is_pods(r) && !has_ended(list, i) && pin_obj_i64(list,
		    pin_obj_at(list, i, "spec",
		    "terminationGracePeriodSeconds", NULL), &grace) &&
		    grace > l->grace_s)
			l->grace_s = grace;
	}
	(void)pin_obj_i64(list, pin_obj_at(list, pin_obj_root(list),
	    "metadata", "remainingItemCount", NULL), &more);
	if (n == 0)
		return (0);
	l->total += n + more;
	snprintf(text, sizeof(text), "%s.%s", r->resource, r->group);
	remain_add(l->left, &l->nleft, text, n + more);
	if (pin_delete_all_result(l->rc, &t, &refusal)) {
		if (refusal != NULL || fresh > 0 || (held == 0 &&
		    !is_pods(r)))
			note_failure(l, r, refusal);
		return (0);
	}
	if (fresh == 0)
		return (0);
	if (r->verbs & PIN_CAN_DELETE_ALL)
		pin_plan_delete_all(l->plan, &t, "Background");
	else
		delete_each(l, r, list);
	return (1);
}

/* Pods, or all the others. */
static int
empty(struct leaving *l, int pods)
{
	const struct pin_obj *list;
	struct pin_target t;
	uint32_t i;
	int done = 0;

	for (i = 0; i < l->nres; i++) {
		if (!concerns(&l->res[i]) || is_pods(&l->res[i]) != pods)
			continue;
		t = target(l, &l->res[i]);
		(void)pin_live_result(l->rc, &t, &list);
		if (list != NULL)
			done |= empty_one(l, &l->res[i], list);
	}
	return (done);
}

/* ---- the end ----------------------------------------------------------- */

static void
finalize(struct leaving *l)
{
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "namespaces", .subresource = "finalize",
	    .name = l->name };
	struct pin_obj *o = pin_obj_copy(pin_reconcile_arena(l->rc), l->ns);
	pin_node list, n, next;

	if (o == NULL)
		return;
	list = pin_obj_at(o, pin_obj_root(o), "spec", "finalizers", NULL);
	/* Somebody will see it without its content. */
	if (pin_obj_count(o, list) > 1 || pin_obj_count(o, pin_obj_at(o,
	    pin_obj_root(o), "metadata", "finalizers", NULL)) > 0)
		namespace_status(l);
	for (n = pin_obj_first(o, list); n != 0; n = next) {
		next = pin_obj_next(o, n);
		if (pin_str_is(pin_obj_str(o, n), FINALIZER))
			pin_obj_remove(o, list, n);
	}
	/* Of another resourceVersion by now, if its status was written. */
	pin_obj_unset(o, pin_obj_get(o, pin_obj_root(o), "metadata"),
	    "resourceVersion");
	pin_plan_update(l->plan, &t, o);
}

static void
wait_for_it(struct leaving *l)
{
	int64_t gone_s = pin_reconcile_now(l->rc) - meta_seconds(meta_get(
	    l->ns, "deletionTimestamp"));
	uint64_t ms = HELD_MS;

	namespace_status(l);
	if (l->failures > 0)
		ms = REFUSED_MS;
	else if (l->grace_s > gone_s)
		ms = (uint64_t)(l->grace_s / 2 + 1) * 1000;
	pin_plan_requeue(l->plan, ms);
}

static int
is_answered(const struct leaving *l)
{
	const struct pin_obj *list;
	struct pin_target t;
	uint32_t i;

	for (i = 0; i < l->nres; i++) {
		if (!concerns(&l->res[i]))
			continue;
		t = target(l, &l->res[i]);
		if (!pin_live_result(l->rc, &t, &list))
			return (0);
	}
	return (1);
}

static int
namespace_reconcile(void *self, struct pin_reconcile *rc, struct pin_str in,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct leaving *l;
	int done;

	(void)self;
	l = pin_arena_zalloc(pin_reconcile_arena(rc), sizeof(*l));
	if (l == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	l->rc = rc;
	l->plan = plan;
	l->name = name;
	l->ns = pin_cache_get(rc, NAMESPACES, in, name);
	if (l->ns == NULL || !meta_deleted(l->ns) || !is_held(l))
		return (PIN_OK);
	l->res = pin_resources(rc, &l->nres);
	if (l->res == NULL) {
		pin_plan_requeue(plan, DISCOVERY_MS);
		return (PIN_OK);
	}
	if (!is_answered(l)) {
		ask_all(l);
		return (PIN_OK);
	}
	done = empty(l, 1);
	if (l->total == 0)
		done = empty(l, 0);
	if (done)
		ask_all(l);		/* what remains after that */
	else if (l->total == 0)
		finalize(l);
	else
		wait_for_it(l);
	return (PIN_OK);
}
