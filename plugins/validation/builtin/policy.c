/* SPDX-License-Identifier: BSD-2-Clause
 *
 * policy.c -- how many: PodDisruptionBudgets and HorizontalPodAutoscalers.
 * Front threads. Contract: upstream's policy and autoscaling validation. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

/* ---- PodDisruptionBudget ----------------------------------------------- */

static void
int_or_percent(struct v *v, pin_node spec, const char *member)
{
	pin_node n = v_get(v, spec, member);
	struct pin_str s = pin_obj_str(v->o, n);
	int64_t value = 0;
	size_t i;

	if (!v_has(v, spec, member))
		return;
	if (pin_obj_type(v->o, n) != PIN_STRING) {
		v_nonneg(v, spec, member);
		return;
	}
	for (i = 0; i + 1 < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		if (value < 1000)
			value = value * 10 + (s.p[i] - '0');
	if (s.len < 2 || i + 1 != s.len || s.p[i] != '%')
		v_bad_str(v, member, s, "a valid percent string must be a "
		    "numeric string followed by an ending '%%' (e.g. '1%%',  "
		    "or '93%%', regex used for validation is '[0-9]+%%')");
	else if (value > 100)
		v_bad_str(v, member, s, "must not be greater than 100%%");
}

void
check_pdb(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec");
	size_t back = v_in(v, "spec");

	if (v_has(v, spec, "minAvailable") && v_has(v, spec,
	    "maxUnavailable"))
		v_bad_node(v, NULL, spec, "minAvailable and maxUnavailable "
		    "cannot be both set");
	int_or_percent(v, spec, "minAvailable");
	int_or_percent(v, spec, "maxUnavailable");
	v_selector(v, "selector", v_get(v, spec, "selector"));
	v_out(v, back);
}

/* ---- HorizontalPodAutoscaler ------------------------------------------- */

static void
reference(struct v *v, pin_node ref, const char *member)
{
	static const char *const must[] = { "kind", "name" };
	struct pin_str s = v_str(v, ref, "apiVersion"), group;
	const char *slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
	size_t back = v_in(v, member), i;

	for (i = 0; i < PIN_LEN(must); i++)
		if (v_str(v, ref, must[i]).len == 0)
			v_required(v, must[i], NULL);
	group = (struct pin_str){ s.p, slash != NULL ? (size_t)(slash - s.p) :
	    0 };
	if (pin_str_is(s, "v1") && strcmp(member, "describedObject") == 0)
		;
	else if (slash == NULL && strcmp(member, "describedObject") != 0)
		v_bad_str(v, "apiVersion", s, "apiVersion must specify API "
		    "group");
	else if (slash != NULL && !text_is(group, "dns1123-subdomain"))
		v_format(v, "apiVersion", group, "dns1123-subdomain");
	v_out(v, back);
}

static void
target(struct v *v, pin_node t)
{
	struct pin_str type = v_str(v, t, "type");
	size_t back = v_in(v, "target");
	int64_t n;

	if (type.len == 0)
		v_required(v, "type", "must specify a metric target type");
	if (!v_word(type, "Utilization Value AverageValue"))
		v_bad_str(v, "type", type, "must be either Utilization, Value,"
		    " or AverageValue");
	if (v_has(v, t, "value") && quantity_sign(v_str(v, t, "value")) != 1)
		v_bad_str(v, "value", v_str(v, t, "value"), "must be "
		    "positive");
	if (v_has(v, t, "averageValue") && quantity_sign(v_str(v, t,
	    "averageValue")) != 1)
		v_bad_str(v, "averageValue", v_str(v, t, "averageValue"),
		    "must be positive");
	if (pin_obj_i64(v->o, v_get(v, t, "averageUtilization"), &n) && n < 1)
		v_bad_int(v, "averageUtilization", n, "must be greater than "
		    "0");
	v_out(v, back);
}

static void
metric_name(struct v *v, pin_node src)
{
	struct pin_str s = v_str(v, v_get(v, src, "metric"), "name");
	size_t back = v_in(v, "metric");

	if (s.len > 0 && memchr(s.p, '/', s.len) != NULL)
		v_bad_str(v, "name", s, "may not contain '/'");
	if (s.len > 0 && memchr(s.p, '%', s.len) != NULL)
		v_bad_str(v, "name", s, "may not contain '%%'");
	v_out(v, back);
}

static void
object_source(struct v *v, pin_node src)
{
	pin_node t = v_get(v, src, "target");

	reference(v, v_get(v, src, "describedObject"), "describedObject");
	metric_name(v, src);
	target(v, t);
	if (!v_has(v, t, "value") && !v_has(v, t, "averageValue"))
		v_required(v, "target.averageValue", "must set either a target"
		    " value or averageValue");
}

static void
external_source(struct v *v, pin_node src)
{
	pin_node t = v_get(v, src, "target");
	int value = v_has(v, t, "value"), average = v_has(v, t,
	    "averageValue");

	metric_name(v, src);
	target(v, t);
	if (!value && !average)
		v_required(v, "target.averageValue", "must set either a target"
		    " value for metric or a per-pod target");
	if (value && average)
		v_forbidden(v, "target.value", "may not set both a target "
		    "value for metric and a per-pod target");
}

static void
pods_source(struct v *v, pin_node src)
{
	metric_name(v, src);
	target(v, v_get(v, src, "target"));
	if (!v_has(v, v_get(v, src, "target"), "averageValue"))
		v_required(v, "target.averageValue", "must specify a positive "
		    "target averageValue");
}

static void
resource_source(struct v *v, pin_node src)
{
	pin_node t = v_get(v, src, "target");
	int raw = v_has(v, t, "averageValue"), part = v_has(v, t,
	    "averageUtilization");

	target(v, t);
	if (!raw && !part)
		v_required(v, "target.averageUtilization", "must set either a "
		    "target raw value or a target utilization");
	if (raw && part)
		v_forbidden(v, "target.averageValue", "may not set both a "
		    "target raw value and a target utilization");
}

static void
container_source(struct v *v, pin_node src)
{
	if (v_str(v, src, "name").len > 0)
		v_container_resource(v, "name", v_str(v, src, "name"));
	resource_source(v, src);
}

static const struct {
	const char	*member, *type;
	void		(*check)(struct v *, pin_node);
} sources[] = {
	{ "object", "Object", object_source },
	{ "external", "External", external_source },
	{ "pods", "Pods", pods_source },
	{ "resource", "Resource", resource_source },
	{ "containerResource", "ContainerResource", container_source },
};

static void
metric(struct v *v, pin_node m)
{
	struct pin_str type = v_str(v, m, "type");
	uint32_t found = 0;
	size_t back, i;

	if (type.len == 0)
		v_required(v, "type", "must specify a metric source type");
	for (i = 0; i < PIN_LEN(sources); i++) {
		if (!v_has(v, m, sources[i].member)) {
			if (pin_str_is(type, sources[i].type))
				v_required(v, sources[i].member, "must "
				    "populate information for the given metric"
				    " source");
			continue;
		}
		if (found++ == 0) {
			back = v_in(v, sources[i].member);
			sources[i].check(v, v_get(v, m, sources[i].member));
			v_out(v, back);
		}
	}
	for (i = 0; i < PIN_LEN(sources) && found > 1; i++)
		if (v_has(v, m, sources[i].member) &&
		    !pin_str_is(type, sources[i].type))
			v_forbidden(v, sources[i].member, "must populate the "
			    "given metric source only");
}

static void
scaling_policy(struct v *v, pin_node p)
{
	int64_t value = v_int(v, p, "value", 0),
	    secs = v_int(v, p, "periodSeconds", 0);

	if (value <= 0)
		v_bad_int(v, "value", value, "must be greater than zero");
	if (secs <= 0)
		v_bad_int(v, "periodSeconds", secs, "must be greater than "
		    "zero");
	if (secs > 1800)
		v_bad_int(v, "periodSeconds", secs, "must be less than or "
		    "equal to 1800");
}

static void
scaling(struct v *v, pin_node behavior, const char *member)
{
	pin_node r = v_get(v, behavior, member), n;
	size_t back = v_in(v, member), item;
	int64_t secs;
	uint32_t i;

	if (!v_has(v, behavior, member)) {
		v_out(v, back);
		return;
	}
	if (pin_obj_i64(v->o, v_get(v, r, "stabilizationWindowSeconds"),
	    &secs)) {
		if (secs < 0)
			v_bad_int(v, "stabilizationWindowSeconds", secs,
			    "must be greater than or equal to zero");
		if (secs > 3600)
			v_bad_int(v, "stabilizationWindowSeconds", secs,
			    "must be less than or equal to 3600");
	}
	if (v_count(v, r, "policies") == 0)
		v_required(v, "policies", "must specify at least one Policy");
	(void)v_in(v, "policies");
	V_EACH(v, v_get(v, r, "policies"), n, i) {
		item = v_item(v, i);
		scaling_policy(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

void
check_hpa(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec"), n, b;
	int64_t max = v_int(v, spec, "maxReplicas", 0), min;
	size_t back = v_in(v, "spec"), at, item;
	uint32_t i;

	if (max < 1)
		v_bad_int(v, "maxReplicas", max, "must be greater than 0");
	if (pin_obj_i64(v->o, v_get(v, spec, "minReplicas"), &min) &&
	    max < min)
		v_bad_int(v, "maxReplicas", max, "must be greater than or "
		    "equal to `minReplicas`");
	reference(v, v_get(v, spec, "scaleTargetRef"), "scaleTargetRef");
	at = v_in(v, "metrics");
	V_EACH(v, v_get(v, spec, "metrics"), n, i) {
		item = v_item(v, i);
		metric(v, n);
		v_out(v, item);
	}
	v_out(v, at);
	b = v_get(v, spec, "behavior");
	at = v_in(v, "behavior");
	scaling(v, b, "scaleUp");
	scaling(v, b, "scaleDown");
	v_out(v, at);
	v_out(v, back);
}
