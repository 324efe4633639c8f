/* SPDX-License-Identifier: BSD-2-Clause
 *
 * affinity.c -- where a pod may go: node and pod affinity, spreading,
 * tolerations.
 * Front threads. Contract: upstream's core validateAffinity,
 * validateTopologySpreadConstraints and ValidateTolerations. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

static const char required_member[] =
    "requiredDuringSchedulingIgnoredDuringExecution";
static const char preferred_member[] =
    "preferredDuringSchedulingIgnoredDuringExecution";

/* ---- nodes ------------------------------------------------------------- */

static void
node_expression(struct v *v, pin_node e, int lax)
{
	struct pin_str op = v_str(v, e, "operator");
	uint32_t values = v_count(v, e, "values"), i;
	size_t back, item;
	pin_node n;

	if (v_word(op, "In NotIn")) {
		if (values == 0)
			v_required(v, "values", "must be specified when "
			    "`operator` is 'In' or 'NotIn'");
	} else if (v_word(op, "Exists DoesNotExist")) {
		if (values > 0)
			v_forbidden(v, "values", "may not be specified when "
			    "`operator` is 'Exists' or 'DoesNotExist'");
	} else if (v_word(op, "Gt Lt")) {
		if (values != 1)
			v_required(v, "values", "must be specified single "
			    "value when `operator` is 'Lt' or 'Gt'");
	} else {
		v_bad_str(v, "operator", op, "not a valid selector operator");
	}
	if (lax)
		return;
	back = v_in(v, "values");
	V_EACH(v, v_get(v, e, "values"), n, i) {
		item = v_item(v, i);
		v_format(v, NULL, pin_obj_str(v->o, n), "label-value");
		v_out(v, item);
	}
	v_out(v, back);
}

static void
node_field(struct v *v, pin_node e)
{
	struct pin_str key = v_str(v, e, "key"), op = v_str(v, e, "operator");
	size_t back, item;
	pin_node n;
	uint32_t i;

	if (!v_word(op, "In NotIn"))
		v_bad_str(v, "operator", op, "not a valid selector operator");
	else if (v_count(v, e, "values") != 1)
		v_required(v, "values", "must be only one value when "
		    "`operator` is 'In' or 'NotIn' for node field selector");
	if (!pin_str_is(key, "metadata.name")) {
		v_bad_str(v, "key", key, "not a valid field selector key");
		return;
	}
	back = v_in(v, "values");
	V_EACH(v, v_get(v, e, "values"), n, i) {
		item = v_item(v, i);
		v_format(v, NULL, pin_obj_str(v->o, n), "dns1123-subdomain");
		v_out(v, item);
	}
	v_out(v, back);
}

static void
node_term(struct v *v, pin_node term, int lax)
{
	size_t back = v_in(v, "matchExpressions"), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, term, "matchExpressions"), n, i) {
		item = v_item(v, i);
		node_expression(v, n, lax);
		v_out(v, item);
	}
	v_out(v, back);
	back = v_in(v, "matchFields");
	V_EACH(v, v_get(v, term, "matchFields"), n, i) {
		item = v_item(v, i);
		node_field(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

/* At the path of the selector. */
void
check_node_selector(struct v *v, pin_node selector, int lax)
{
	size_t back, item;
	pin_node n;
	uint32_t i;

	if (v_count(v, selector, "nodeSelectorTerms") == 0) {
		v_required(v, "nodeSelectorTerms", "must have at least one "
		    "node selector term");
		return;
	}
	back = v_in(v, "nodeSelectorTerms");
	V_EACH(v, v_get(v, selector, "nodeSelectorTerms"), n, i) {
		item = v_item(v, i);
		node_term(v, n, lax);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
weight(struct v *v, pin_node n)
{
	int64_t w = v_int(v, n, "weight", 0);

	if (w < 1 || w > 100)
		v_bad_int(v, "weight", w, "must be in the range 1-100");
}

static void
node_affinity(struct v *v, pin_node a)
{
	size_t back = v_in(v, "nodeAffinity"), here, item;
	pin_node n;
	uint32_t i;

	if (v_has(v, a, required_member)) {
		here = v_in(v, required_member);
		check_node_selector(v, v_get(v, a, required_member), 0);
		v_out(v, here);
	}
	here = v_in(v, preferred_member);
	V_EACH(v, v_get(v, a, preferred_member), n, i) {
		item = v_item(v, i);
		weight(v, n);
		(void)v_in(v, "preference");
		node_term(v, v_get(v, n, "preference"), 1);
		v_out(v, item);
	}
	v_out(v, here);
	v_out(v, back);
}

/* ---- pods -------------------------------------------------------------- */

static int
selects_key(const struct v *v, pin_node selector, struct pin_str key)
{
	pin_node n;
	uint32_t i;

	n = v_get(v, selector, "matchLabels");
	if (pin_obj_getn(v->o, n, key.p, key.len) != 0)
		return (1);
	V_EACH(v, v_get(v, selector, "matchExpressions"), n, i)
		if (pin_str_eq(v_str(v, n, "key"), key))
			return (1);
	return (0);
}

static void
match_keys(struct v *v, pin_node term, const char *member, int format)
{
	size_t back = v_in(v, member), item;
	pin_node n;
	uint32_t i;

	if (v_count(v, term, member) > 0 && !v_has(v, term, "labelSelector"))
		v_forbidden(v, NULL, "must not be specified when "
		    "labelSelector is not set");
	else if (format)
		V_EACH(v, v_get(v, term, member), n, i) {
			item = v_item(v, i);
			v_format(v, NULL, pin_obj_str(v->o, n),
			    "qualified-name");
			v_out(v, item);
		}
	v_out(v, back);
}

static void
both_keys(struct v *v, pin_node term)
{
	size_t back = v_in(v, "matchLabelKeys"), item;
	struct v_set other = { 0 };
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, term, "mismatchLabelKeys"), n, i)
		(void)v_set_add(&other, pin_obj_str(v->o, n), n);
	V_EACH(v, v_get(v, term, "matchLabelKeys"), n, i) {
		if (!v_set_get(&other, pin_obj_str(v->o, n), NULL))
			continue;
		item = v_item(v, i);
		v_bad_str(v, NULL, pin_obj_str(v->o, n), "exists in both "
		    "matchLabelKeys and mismatchLabelKeys");
		v_out(v, item);
	}
	v_set_free(&other);
	v_out(v, back);
}

static void
pod_term(struct v *v, pin_node term)
{
	pin_node n;
	uint32_t i;

	v_selector(v, "labelSelector", v_get(v, term, "labelSelector"));
	v_selector(v, "namespaceSelector", v_get(v, term,
	    "namespaceSelector"));
	V_EACH(v, v_get(v, term, "namespaces"), n, i)
		v_format(v, "namespace", pin_obj_str(v->o, n),
		    "dns1123-label");
	match_keys(v, term, "matchLabelKeys", 1);
	match_keys(v, term, "mismatchLabelKeys", 1);
	both_keys(v, term);
	if (v_str(v, term, "topologyKey").len == 0)
		v_required(v, "topologyKey", "can not be empty");
}

static void
pod_affinity(struct v *v, pin_node affinity, const char *member)
{
	pin_node a = v_get(v, affinity, member), n;
	size_t back = v_in(v, member), here, item;
	uint32_t i;

	here = v_in(v, required_member);
	V_EACH(v, v_get(v, a, required_member), n, i) {
		item = v_item(v, i);
		pod_term(v, n);
		v_out(v, item);
	}
	v_out(v, here);
	here = v_in(v, preferred_member);
	V_EACH(v, v_get(v, a, preferred_member), n, i) {
		item = v_item(v, i);
		weight(v, n);
		(void)v_in(v, "podAffinityTerm");
		pod_term(v, v_get(v, n, "podAffinityTerm"));
		v_out(v, item);
	}
	v_out(v, here);
	v_out(v, back);
}

/* At the path of the pod spec. */
void
check_affinity(struct v *v, pin_node spec)
{
	pin_node a = v_get(v, spec, "affinity");
	size_t back = v_in(v, "affinity");

	if (v_has(v, a, "nodeAffinity"))
		node_affinity(v, v_get(v, a, "nodeAffinity"));
	if (v_has(v, a, "podAffinity"))
		pod_affinity(v, a, "podAffinity");
	if (v_has(v, a, "podAntiAffinity"))
		pod_affinity(v, a, "podAntiAffinity");
	v_out(v, back);
}

/* ---- spreading --------------------------------------------------------- */

static void
spread_repeats(struct v *v, pin_node constraint)
{
	pin_node n;

	for (n = pin_obj_next(v->o, constraint); n != 0;
	    n = pin_obj_next(v->o, n)) {
		struct pin_out o;

		if (!pin_str_eq(v_str(v, n, "topologyKey"), v_str(v,
		    constraint, "topologyKey")) || !pin_str_eq(v_str(v, n,
		    "whenUnsatisfiable"), v_str(v, constraint,
		    "whenUnsatisfiable")))
			continue;
		pin_out_init(&o, NULL, 4096);
		pin_out_printf(&o, "{" PIN_SFMT ", " PIN_SFMT "}",
		    PIN_SARG(v_str(v, n, "topologyKey")),
		    PIN_SARG(v_str(v, n, "whenUnsatisfiable")));
		v_duplicate(v, "{topologyKey, whenUnsatisfiable}",
		    (struct pin_str){ o.p, o.len });
		pin_out_fini(&o);
		return;
	}
}

static void
spread(struct v *v, pin_node c)
{
	struct pin_str when = v_str(v, c, "whenUnsatisfiable");
	pin_node min = v_get(v, c, "minDomains"), n, selector;
	int64_t value = v_int(v, c, "maxSkew", 0);
	size_t back, item;
	uint32_t i;

	if (value <= 0)
		v_bad_int(v, "maxSkew", value, "must be greater than zero");
	spread_repeats(v, c);
	if (pin_obj_i64(v->o, min, &value)) {
		if (value <= 0)
			v_bad_int(v, "minDomains", value, "must be greater "
			    "than zero");
		if (!pin_str_is(when, "DoNotSchedule"))
			v_bad_int(v, "minDomains", value, "can only use "
			    "minDomains if whenUnsatisfiable=DoNotSchedule, "
			    "not " PIN_SFMT, PIN_SARG(when));
	}
	match_keys(v, c, "matchLabelKeys", 0);
	selector = v_get(v, c, "labelSelector");
	if (v->old == NULL) {
		back = v_in(v, "matchLabelKeys");
		V_EACH(v, v_get(v, c, "matchLabelKeys"), n, i) {
			if (!selects_key(v, selector, pin_obj_str(v->o, n)))
				continue;
			item = v_item(v, i);
			v_bad_str(v, NULL, pin_obj_str(v->o, n), "exists in "
			    "both matchLabelKeys and labelSelector");
			v_out(v, item);
		}
		v_out(v, back);
	}
	v_selector(v, "labelSelector", selector);
}

#define SPREAD_MAX	256	/* compared with each other */

void
check_spread(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "topologySpreadConstraints"), item;
	pin_node n;
	uint32_t i;

	if (v_count(v, spec, "topologySpreadConstraints") > SPREAD_MAX)
		v_forbidden(v, NULL, "no more than %d", SPREAD_MAX);
	else
		V_EACH(v, v_get(v, spec, "topologySpreadConstraints"), n, i) {
			item = v_item(v, i);
			spread(v, n);
			v_out(v, item);
		}
	v_out(v, back);
}

/* ---- tolerations ------------------------------------------------------- */

static void
toleration(struct v *v, pin_node t)
{
	struct pin_str op = v_str(v, t, "operator"),
	    value = v_str(v, t, "value"), effect = v_str(v, t, "effect");

	if (v_str(v, t, "key").len == 0 && !pin_str_is(op, "Exists"))
		v_bad_str(v, "operator", op, "operator must be Exists when "
		    "`key` is empty, which means \"match all values and all "
		    "keys\"");
	if (v_has(v, t, "tolerationSeconds") &&
	    !pin_str_is(effect, "NoExecute"))
		v_bad_str(v, "effect", effect, "effect must be 'NoExecute' "
		    "when `tolerationSeconds` is set");
	if (pin_str_is(op, "Exists")) {
		if (value.len > 0)
			v_bad_str(v, "operator", value, "value must be empty "
			    "when `operator` is 'Exists'");
	} else if (op.len == 0 || pin_str_is(op, "Equal")) {
		v_format(v, "operator", value, "label-value");
	}
}

/* At the path of the list's owner. */
void
check_tolerations(struct v *v, pin_node list)
{
	size_t back = v_in(v, "tolerations"), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		toleration(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- topologies of storage classes ------------------------------------- */

static void
topology_values(struct v *v, pin_node e)
{
	size_t back = v_in(v, "values"), item;
	struct v_set seen = { 0 };
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, e, "values"), n, i) {
		if (!v_set_add(&seen, pin_obj_str(v->o, n), n))
			continue;
		item = v_item(v, i);
		v_duplicate(v, NULL, pin_obj_str(v->o, n));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

static void
topology_term(struct v *v, pin_node term)
{
	size_t back = v_in(v, "matchLabelExpressions"), item;
	struct v_set seen = { 0 };
	pin_node e;
	uint32_t i;

	V_EACH(v, v_get(v, term, "matchLabelExpressions"), e, i) {
		item = v_item(v, i);
		topology_values(v, e);
		if (v_set_add(&seen, v_str(v, e, "key"), e))
			v_duplicate(v, "key", v_str(v, e, "key"));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

/* At the path of the list. Two equal terms are one too many. */
void
check_topology_terms(struct v *v, pin_node list)
{
	pin_node n, m;
	uint32_t i;
	size_t item;

	if (pin_obj_count(v->o, list) > SPREAD_MAX) {
		v_forbidden(v, NULL, "no more than %d", SPREAD_MAX);
		return;
	}
	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		topology_term(v, n);
		for (m = pin_obj_first(v->o, list); m != n;
		    m = pin_obj_next(v->o, m))
			if (pin_obj_equal(v->o, m, v->o, n))
				break;
		if (m != n)
			v_duplicate(v, "matchLabelExpressions", PIN_STR(""));
		v_out(v, item);
	}
}
