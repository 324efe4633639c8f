/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pod.c -- pods: what may be set when they are made, and the little of them
 * that may change afterwards.
 * Front threads. Contract: upstream's core ValidatePodCreate,
 * ValidatePodUpdate, ValidatePodEphemeralContainersUpdate. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

static const char fixed_text[] =
    "pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
    "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
    "be set to 1 if it was previously negative)";

/* ---- create ------------------------------------------------------------ */

static void
tokens_without_account(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "volumes"), item, at, src;
	pin_node vol, n;
	uint32_t i, k;

	V_EACH(v, v_get(v, spec, "volumes"), vol, i) {
		item = v_item(v, i);
		at = v_in(v, "projected.sources");
		V_EACH(v, v_get(v, v_get(v, vol, "projected"), "sources"), n,
		    k) {
			src = v_item(v, k);
			if (v_has(v, n, "serviceAccountToken"))
				v_forbidden(v, "serviceAccountToken", "must "
				    "not be specified when serviceAccountName "
				    "is not set");
			v_out(v, src);
		}
		v_out(v, at);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
pod_new(struct v *v, pin_node spec)
{
	if (v_count(v, spec, "ephemeralContainers") > 0)
		v_forbidden(v, "ephemeralContainers", "cannot be set on "
		    "create");
	if (v_str(v, spec, "nodeName").len > 0 &&
	    v_count(v, spec, "schedulingGates") > 0)
		v_forbidden(v, "nodeName", "cannot be set until all "
		    "schedulingGates have been cleared");
}

/* ---- update: lists that only grow or shrink ---------------------------- */

#define TOLERATIONS_MAX	512	/* compared with each other */

static void
tolerations_grow(struct v *v, pin_node spec, pin_node was)
{
	pin_node list = v_get(v, spec, "tolerations"), n, m;

	if (pin_obj_count(v->o, list) > TOLERATIONS_MAX) {
		v_forbidden(v, "tolerations", "no more than %d",
		    TOLERATIONS_MAX);
		return;
	}
	for (m = pin_obj_first(v->old, pin_obj_get(v->old, was,
	    "tolerations")); m != 0; m = pin_obj_next(v->old, m)) {
		for (n = pin_obj_first(v->o, list); n != 0;
		    n = pin_obj_next(v->o, n))
			if (v_same_but(v, n, m, "tolerationSeconds"))
				break;
		if (n != 0)
			continue;
		v_forbidden(v, "tolerations", "existing toleration can not be "
		    "modified except its tolerationSeconds");
		return;
	}
}

static void
gates_shrink(struct v *v, pin_node spec, pin_node was)
{
	size_t back = v_in(v, "schedulingGates"), item;
	struct v_set old = { 0 };
	pin_node n;
	uint32_t i;

	for (n = pin_obj_first(v->old, pin_obj_get(v->old, was,
	    "schedulingGates")); n != 0; n = pin_obj_next(v->old, n))
		(void)v_set_add(&old, pin_obj_str(v->old, pin_obj_get(v->old,
		    n, "name")), n);
	V_EACH(v, v_get(v, spec, "schedulingGates"), n, i) {
		struct pin_str name = v_str(v, n, "name");

		if (v_set_get(&old, name, NULL))
			continue;
		item = v_item(v, i);
		v_forbidden(v, "name", "only deletion is allowed, but found "
		    "new scheduling gate '" PIN_SFMT "'", PIN_SARG(name));
		v_out(v, item);
	}
	v_set_free(&old);
	v_out(v, back);
}

/* A deadline may be set and come nearer. 0: stop here. */
static int
deadline(struct v *v, pin_node spec, pin_node was)
{
	static const char member[] = "activeDeadlineSeconds";
	int64_t now, before;
	int set = pin_obj_i64(v->o, v_get(v, spec, member), &now),
	    had = pin_obj_i64(v->old, pin_obj_get(v->old, was, member),
	    &before);

	if (had && !set)
		v_bad_node(v, member, 0, "must not update from a positive "
		    "integer to nil value");
	if (!set)
		return (1);
	if (now < 0 || now > INT32_MAX)
		return (0);		/* its row has said so */
	if (had && before < now) {
		v_bad_int(v, member, now, "must be less than or equal to "
		    "previous value");
		return (0);
	}
	return (1);
}

/* ---- update: gated pods ------------------------------------------------ */

static void
selector_grows(struct v *v, pin_node spec, pin_node was)
{
	pin_node now = v_get(v, spec, "nodeSelector"), m, n;
	struct pin_str k;

	for (m = pin_obj_first(v->old, pin_obj_get(v->old, was,
	    "nodeSelector")); m != 0; m = pin_obj_next(v->old, m)) {
		k = pin_obj_key(v->old, m);
		n = pin_obj_getn(v->o, now, k.p, k.len);
		if (n != 0 && v_same(v, n, m))
			continue;
		v_bad_node(v, "nodeSelector", now, "only additions to "
		    "spec.nodeSelector are allowed (no mutations or "
		    "deletions)");
		return;
	}
}

/* The old list is where the new one begins. */
static int
begins_with(const struct v *v, pin_node now, pin_node was)
{
	pin_node n = pin_obj_first(v->o, now), m;

	for (m = pin_obj_first(v->old, was); m != 0;
	    m = pin_obj_next(v->old, m), n = pin_obj_next(v->o, n))
		if (n == 0 || !v_same(v, n, m))
			return (0);
	return (1);
}

static void
put_requirements(struct v *v, struct pin_out *o, pin_node list)
{
	static const char *const keys[][2] = { { "key", "Key" },
	    { "operator", "Operator" }, { "values", "Values" } };
	pin_node n;
	uint32_t i;
	size_t k;

	if (pin_obj_count(v->o, list) == 0) {
		pin_out_cstr(o, "null");
		return;
	}
	pin_out_char(o, '[');
	V_EACH(v, list, n, i) {
		pin_out_cstr(o, i > 0 ? ",{" : "{");
		for (k = 0; k < PIN_LEN(keys); k++) {
			pin_node m = v_get(v, n, keys[k][0]);

			pin_out_printf(o, "%s\"%s\":", k > 0 ? "," : "",
			    keys[k][1]);
			if (m == 0)
				pin_out_cstr(o, "null");
			else
				pin_obj_write(v->o, m, o);
		}
		pin_out_char(o, '}');
	}
	pin_out_char(o, ']');
}

static void
term_grows(struct v *v, pin_node now, pin_node was)
{
	static const char ex[] = "matchExpressions", fi[] = "matchFields";
	pin_node oe = pin_obj_get(v->old, was, ex),
	    of = pin_obj_get(v->old, was, fi);
	struct pin_out o;
	int empty = pin_obj_count(v->old, oe) + pin_obj_count(v->old, of) ==
	    0;

	if (empty ? v_count(v, now, ex) + v_count(v, now, fi) == 0 :
	    begins_with(v, v_get(v, now, ex), oe) &&
	    begins_with(v, v_get(v, now, fi), of))
		return;
	pin_out_init(&o, NULL, V_VALUE_MAX);
	pin_out_cstr(&o, "{\"MatchExpressions\":");
	put_requirements(v, &o, v_get(v, now, ex));
	pin_out_cstr(&o, ",\"MatchFields\":");
	put_requirements(v, &o, v_get(v, now, fi));
	pin_out_char(&o, '}');
	v_bad_text(v, NULL, (struct pin_str){ o.p, o.len }, "only additions "
	    "are allowed (no mutations or deletions)");
	pin_out_fini(&o);
}

static void
affinity_grows(struct v *v, pin_node spec, pin_node was)
{
	static const char required[] =
	    "requiredDuringSchedulingIgnoredDuringExecution";
	pin_node now = pin_obj_at(v->o, spec, "affinity", "nodeAffinity",
	    required, "nodeSelectorTerms", NULL), n, m,
	    old = pin_obj_at(v->old, was, "affinity", "nodeAffinity", required,
	    "nodeSelectorTerms", NULL);
	size_t back, item;
	uint32_t i;

	if (pin_obj_count(v->old, old) == 0)
		return;
	back = v_in(v, "affinity.nodeAffinity");
	(void)v_in(v, required);
	(void)v_in(v, "nodeSelectorTerms");
	if (pin_obj_count(v->o, now) != pin_obj_count(v->old, old)) {
		v_bad_node(v, NULL, now, "no additions/deletions to non-empty "
		    "NodeSelectorTerms list are allowed");
		v_out(v, back);
		return;
	}
	m = pin_obj_first(v->old, old);
	V_EACH(v, now, n, i) {
		item = v_item(v, i);
		term_grows(v, n, m);
		v_out(v, item);
		m = pin_obj_next(v->old, m);
	}
	v_out(v, back);
}

/* ---- update: all the rest stays ---------------------------------------- */

static int
containers_same(struct v *v, pin_node spec, pin_node was, const char *member)
{
	pin_node n = pin_obj_first(v->o, v_get(v, spec, member)),
	    m = pin_obj_first(v->old, pin_obj_get(v->old, was, member));

	for (; n != 0 && m != 0; n = pin_obj_next(v->o, n),
	    m = pin_obj_next(v->old, m))
		if (!v_same_but(v, n, m, "image"))
			return (0);
	return (1);
}

static int
affinity_same(struct v *v, pin_node spec, pin_node was, int gated)
{
	pin_node now = v_get(v, spec, "affinity"),
	    old = pin_obj_get(v->old, was, "affinity");

	if (!gated)
		return (v_same(v, now, old));
	return (v_same_but(v, now, old, "nodeAffinity"));
}

static int
grace_same(struct v *v, pin_node spec, pin_node was)
{
	static const char member[] = "terminationGracePeriodSeconds";
	int64_t old = 0;

	(void)pin_obj_i64(v->old, pin_obj_get(v->old, was, member), &old);
	return (v_kept(v, spec, was, member) ||
	    (old < 0 && v_int(v, spec, member, 0) == 1));
}

static int
spec_same(struct v *v, pin_node spec, pin_node was, int gated)
{
	static const char special[] = "containers initContainers "
	    "activeDeadlineSeconds schedulingGates tolerations affinity "
	    "terminationGracePeriodSeconds ephemeralContainers";
	static const char special_gated[] = "containers initContainers "
	    "activeDeadlineSeconds schedulingGates tolerations affinity "
	    "terminationGracePeriodSeconds ephemeralContainers nodeSelector";

	if (!v_same_but(v, spec, was, gated ? special_gated : special))
		return (0);
	return (containers_same(v, spec, was, "containers") &&
	    containers_same(v, spec, was, "initContainers") &&
	    affinity_same(v, spec, was, gated) && grace_same(v, spec, was));
}

static int
counts_same(struct v *v, pin_node spec, pin_node was, const char *member)
{
	if (v_count(v, spec, member) == pin_obj_count(v->old,
	    pin_obj_get(v->old, was, member)))
		return (1);
	v_forbidden(v, member, "pod updates may not add or remove containers");
	return (0);
}

static void
pod_changed(struct v *v, pin_node spec)
{
	pin_node was = pin_obj_get(v->old, pin_obj_root(v->old), "spec");
	int gated = pin_obj_count(v->old, pin_obj_get(v->old, was,
	    "schedulingGates")) > 0;

	if (!counts_same(v, spec, was, "containers") ||
	    !counts_same(v, spec, was, "initContainers") ||
	    !deadline(v, spec, was))
		return;
	tolerations_grow(v, spec, was);
	gates_shrink(v, spec, was);
	if (gated) {
		selector_grows(v, spec, was);
		affinity_grows(v, spec, was);
	}
	if (!spec_same(v, spec, was, gated))
		v_forbidden(v, NULL, "%s", fixed_text);
}

/* ---- ephemeral containers ---------------------------------------------- */

static void
debug_changed(struct v *v, pin_node spec)
{
	static const char member[] = "ephemeralContainers";
	pin_node was = pin_obj_get(v->old, pin_obj_root(v->old), "spec"), m, n;
	struct v_set now = { 0 };
	struct pin_str name;
	uint32_t i;

	V_EACH(v, v_get(v, spec, member), n, i)
		(void)v_set_add(&now, v_str(v, n, "name"), n);
	for (m = pin_obj_first(v->old, pin_obj_get(v->old, was, member));
	    m != 0; m = pin_obj_next(v->old, m)) {
		name = pin_obj_str(v->old, pin_obj_get(v->old, m, "name"));
		n = 0;
		if (!v_set_get(&now, name, &n))
			v_forbidden(v, member, "existing ephemeral containers "
			    "\"" PIN_SFMT "\" may not be removed\n",
			    PIN_SARG(name));
		else if (n != 0 && !v_same(v, n, m))
			v_forbidden(v, member, "existing ephemeral containers "
			    "\"" PIN_SFMT "\" may not be changed\n",
			    PIN_SARG(name));
	}
	v_set_free(&now);
}

/* ---- the whole --------------------------------------------------------- */

void
check_pod(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec");
	size_t back = v_in(v, "spec");

	check_pod_spec(v, spec, POD_ALONE, 0);
	if (v_str(v, spec, "serviceAccountName").len == 0)
		tokens_without_account(v, spec);
	if (v->old == NULL)
		pod_new(v, spec);
	else if (pin_str_is(v->q->subresource, "ephemeralcontainers"))
		debug_changed(v, spec);
	else if (v->q->subresource.len == 0)
		pod_changed(v, spec);
	v_out(v, back);
}
