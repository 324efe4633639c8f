/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apps.c -- workloads: their selector fits their template, their update
 * strategy can go forward.
 * Front threads. Contract: upstream's apps and core validation. */
#include "plugins/validation/builtin/builtin.h"

#include <stdlib.h>
#include <string.h>

static const char *mismatch = "`selector` does not match template `labels`";

static pin_node
spec_of(const struct v *v)
{
	return (v_get(v, pin_obj_root(v->o), "spec"));
}

static pin_node
labels_of(const struct v *v, pin_node template)
{
	return (v_get(v, v_get(v, template, "metadata"), "labels"));
}

/* What a pod made by a controller has: it restarts for ever. */
static void
always_restarts(struct v *v, pin_node template, const char *kind)
{
	pin_node spec = v_get(v, template, "spec");
	struct pin_str policy = v_str(v, spec, "restartPolicy");
	size_t back = v_in(v, "template.spec");

	if (!pin_str_is(policy, "Always"))
		v_unsupported(v, "restartPolicy", policy, "Always");
	if (v_has(v, spec, "activeDeadlineSeconds"))
		v_forbidden(v, "activeDeadlineSeconds",
		    "activeDeadlineSeconds in %s is not Supported", kind);
	v_out(v, back);
}

static void
template(struct v *v, pin_node t, pin_node claims)
{
	size_t back = v_in(v, "template");

	check_pod_template(v, t, claims);
	v_out(v, back);
}

static void
template_mismatch(struct v *v, pin_node t)
{
	size_t back = v_in(v, "template.metadata");

	v_bad_node(v, "labels", labels_of(v, t), "%s", mismatch);
	v_out(v, back);
}

/* Selector and template of what makes pods. */
static void
selects(struct v *v, pin_node spec, const char *kind, const char *illegal,
    pin_node claims)
{
	pin_node selector = v_get(v, spec, "selector"),
	    t = v_get(v, spec, "template");

	if (v_has(v, spec, "selector")) {
		v_selector(v, "selector", selector);
		if (selector_empty(v, selector))
			v_bad_node(v, "selector", selector, "empty selector is"
			    " invalid for %s", kind);
	}
	if (!selector_legal(v, selector)) {
		v_bad_node(v, "selector", selector, "%s", illegal);
		return;
	}
	/* No selector selects nothing, an empty one is not asked. */
	if (!v_has(v, spec, "selector") || (!selector_empty(v, selector) &&
	    !selector_matches(v, selector, labels_of(v, t))))
		template_mismatch(v, t);
	template(v, t, claims);
}

/* ---- ints or percents -------------------------------------------------- */

static int
percent(struct pin_str s, int64_t *out)
{
	size_t i;

	*out = 0;
	if (s.len < 2 || s.p[s.len - 1] != '%')
		return (0);
	for (i = 0; i + 1 < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		if (*out < 1000000)
			*out = *out * 10 + (s.p[i] - '0');
	}
	return (1);
}

/* Its value; complains when it is none. */
static int64_t
amount(struct v *v, pin_node owner, const char *member, int capped)
{
	pin_node n = v_get(v, owner, member);
	struct pin_str s = pin_obj_str(v->o, n);
	int64_t value = 0;

	if (pin_obj_type(v->o, n) != PIN_STRING) {
		(void)pin_obj_i64(v->o, n, &value);
		if (value < 0)
			v_bad_int(v, member, value, "must be greater than or "
			    "equal to 0");
		return (value);
	}
	if (!percent(s, &value))
		v_bad_str(v, member, s, "a valid percent string must be a "
		    "numeric string followed by an ending '%%' (e.g. '1%%',  "
		    "or '93%%', regex used for validation is '[0-9]+%%')");
	else if (capped && value > 100)
		v_bad_str(v, member, s, "must not be greater than 100%%");
	return (value);
}

/* ---- Deployment, ReplicaSet, ReplicationController --------------------- */

static void
deployment_strategy(struct v *v, pin_node spec)
{
	pin_node st = v_get(v, spec, "strategy"),
	    roll = v_get(v, st, "rollingUpdate");
	size_t back = v_in(v, "strategy"), at;

	if (v_is(v, st, "type", "Recreate") && v_has(v, st, "rollingUpdate"))
		v_forbidden(v, "rollingUpdate", "may not be specified when "
		    "strategy `type` is 'Recreate'");
	if (v_is(v, st, "type", "RollingUpdate")) {
		at = v_in(v, "rollingUpdate");
		if (!v_has(v, st, "rollingUpdate"))
			v_required(v, NULL, "this should be defaulted and "
			    "never be nil");
		else if (amount(v, roll, "maxUnavailable", 1) == 0 &&
		    amount(v, roll, "maxSurge", 0) == 0)
			v_bad_node(v, "maxUnavailable", v_get(v, roll,
			    "maxUnavailable"), "may not be 0 when `maxSurge` "
			    "is 0");
		v_out(v, at);
	}
	v_out(v, back);
}

void
check_deployment(struct v *v)
{
	pin_node spec = spec_of(v);
	int64_t ready = v_int(v, spec, "minReadySeconds", 0), limit;
	size_t back = v_in(v, "spec");

	selects(v, spec, "deployment", "invalid label selector", 0);
	always_restarts(v, v_get(v, spec, "template"), "ReplicaSet");
	deployment_strategy(v, spec);
	if (pin_obj_i64(v->o, v_get(v, spec, "progressDeadlineSeconds"),
	    &limit) && limit <= ready)
		v_bad_int(v, "progressDeadlineSeconds", limit, "must be "
		    "greater than minReadySeconds");
	v_out(v, back);
}

void
check_replicaset(struct v *v)
{
	pin_node spec = spec_of(v);
	size_t back = v_in(v, "spec");

	selects(v, spec, "deployment", "invalid label selector", 0);
	always_restarts(v, v_get(v, spec, "template"), "ReplicaSet");
	v_out(v, back);
}

void
check_rc(struct v *v)
{
	pin_node spec = spec_of(v), selector = v_get(v, spec, "selector"),
	    t = v_get(v, spec, "template"), n, have;
	size_t back = v_in(v, "spec");
	struct pin_str key;
	uint32_t i;
	int fits = 1;

	if (pin_obj_count(v->o, selector) == 0)
		v_required(v, "selector", NULL);
	if (!v_has(v, spec, "template")) {
		v_required(v, "template", NULL);
		v_out(v, back);
		return;
	}
	V_EACH(v, selector, n, i) {
		key = pin_obj_key(v->o, n);
		have = pin_obj_getn(v->o, labels_of(v, t), key.p, key.len);
		fits &= have != 0 && pin_str_eq(pin_obj_str(v->o, have),
		    pin_obj_str(v->o, n));
	}
	if (!fits)
		template_mismatch(v, t);
	template(v, t, 0);
	always_restarts(v, t, "ReplicationController");
	v_out(v, back);
}

void
check_podtemplate(struct v *v)
{
	template(v, v_get(v, pin_obj_root(v->o), "template"), 0);
}

/* ---- DaemonSet --------------------------------------------------------- */

static void
daemonset_strategy(struct v *v, pin_node spec)
{
	pin_node st = v_get(v, spec, "updateStrategy"),
	    roll = v_get(v, st, "rollingUpdate");
	size_t back = v_in(v, "updateStrategy");
	int64_t down, surge;

	if (!v_is(v, st, "type", "RollingUpdate")) {
		v_out(v, back);
		return;
	}
	if (!v_has(v, st, "rollingUpdate")) {
		v_required(v, "rollingUpdate", NULL);
		v_out(v, back);
		return;
	}
	(void)v_in(v, "rollingUpdate");
	down = amount(v, roll, "maxUnavailable", 1);
	surge = amount(v, roll, "maxSurge", 1);
	if (down != 0 && surge != 0)
		v_bad_node(v, "maxSurge", v_get(v, roll, "maxSurge"), "may not"
		    " be set when maxUnavailable is non-zero");
	else if (down == 0 && surge == 0)
		v_required(v, "maxUnavailable", "cannot be 0 when maxSurge is "
		    "0");
	v_out(v, back);
}

void
check_daemonset(struct v *v)
{
	pin_node spec = spec_of(v), selector = v_get(v, spec, "selector"),
	    t = v_get(v, spec, "template");
	size_t back = v_in(v, "spec");

	v_selector(v, "selector", selector);
	/* No selector selects nothing, hence not the template. */
	if (selector_legal(v, selector) && (!v_has(v, spec, "selector") ||
	    !selector_matches(v, selector, labels_of(v, t))))
		template_mismatch(v, t);
	if (v_has(v, spec, "selector") && selector_empty(v, selector))
		v_bad_node(v, "selector", selector, "empty selector is invalid"
		    " for daemonset");
	template(v, t, 0);
	always_restarts(v, t, "DaemonSet");
	daemonset_strategy(v, spec);
	v_out(v, back);
}

/* ---- StatefulSet ------------------------------------------------------- */

static void
statefulset_strategy(struct v *v, pin_node spec)
{
	pin_node st = v_get(v, spec, "updateStrategy"),
	    roll = v_get(v, st, "rollingUpdate");
	size_t back = v_in(v, "updateStrategy");
	struct pin_out o;

	if (v_is(v, st, "type", "OnDelete") && v_has(v, st,
	    "rollingUpdate")) {
		pin_out_init(&o, NULL, 256);
		pin_out_printf(&o, "{\"Partition\":%lld,\"MaxUnavailable\":"
		    "null}", (long long)v_int(v, roll, "partition", 0));
		v_bad_text(v, "rollingUpdate", (struct pin_str){ o.p, o.len },
		    "only allowed for updateStrategy 'RollingUpdate'");
		pin_out_fini(&o);
	}
	v_out(v, back);
}

static void
claim_templates(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "volumeClaimTemplates"), item, at;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, spec, "volumeClaimTemplates"), n, i) {
		item = v_item(v, i);
		at = v_in(v, "spec");
		check_pvc_spec(v, v_get(v, n, "spec"));
		v_out(v, at);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
statefulset_fixed(struct v *v, pin_node spec)
{
	static const char may_change[] = "replicas template updateStrategy "
	    "minReadySeconds ordinals revisionHistoryLimit "
	    "persistentVolumeClaimRetentionPolicy";
	pin_node was = pin_obj_get(v->old, pin_obj_root(v->old), "spec");

	if (!v_same_but(v, spec, was, may_change))
		v_forbidden(v, NULL, "updates to statefulset spec for fields "
		    "other than 'replicas', 'ordinals', 'template', "
		    "'updateStrategy', 'revisionHistoryLimit', "
		    "'persistentVolumeClaimRetentionPolicy' and "
		    "'minReadySeconds' are forbidden");
}

void
check_statefulset(struct v *v)
{
	pin_node spec = spec_of(v);
	struct pin_str policy = v_str(v, spec, "podManagementPolicy"),
	    service = v_str(v, spec, "serviceName");
	size_t back = v_in(v, "spec");

	if (policy.len > 0 && !v_word(policy, "OrderedReady Parallel"))
		v_bad_str(v, "podManagementPolicy", policy, "must be "
		    "'OrderedReady' or 'Parallel'");
	statefulset_strategy(v, spec);
	if (v->old == NULL)
		claim_templates(v, spec);
	if (v->old == NULL && service.len > 0)
		v_format(v, "serviceName", service, "dns1123-label");
	selects(v, spec, "statefulset", "", v_get(v, spec,
	    "volumeClaimTemplates"));
	always_restarts(v, v_get(v, spec, "template"), "StatefulSet");
	if (v->old != NULL)
		statefulset_fixed(v, spec);
	v_out(v, back);
}

/* ---- ControllerRevision ------------------------------------------------ */

void
check_controllerrevision(struct v *v)
{
	pin_node root = pin_obj_root(v->o), data = v_get(v, root, "data");

	if (v->old == NULL && pin_obj_type(v->o, data) <= PIN_NULL)
		v_required(v, "data", "data is mandatory");
	else if (v->old == NULL && pin_obj_type(v->o, data) != PIN_OBJECT)
		v_required(v, "data", "data must be a valid JSON object");
	if (v->old != NULL && !v_kept(v, root, pin_obj_root(v->old), "data"))
		v_immutable(v, "data", data);
}
