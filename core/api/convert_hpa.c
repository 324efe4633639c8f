/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_hpa.c -- HorizontalPodAutoscaler in autoscaling/v1 and v2. What v1
 * cannot say stands in annotations, as JSON with v1's old names.
 * Tables name the members; both directions read them.
 * Contract: upstream's annotations, byte for byte. */
#include "convert_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NOTE		"autoscaling.alpha.kubernetes.io/"
#define NOTE_METRICS	NOTE "metrics"
#define NOTE_CURRENT	NOTE "current-metrics"
#define NOTE_CONDITIONS	NOTE "conditions"
#define NOTE_BEHAVIOR	NOTE "behavior"
#define TEXT_MAX_BYTES	((size_t)16 << 20)

static const char *const notes[] = {
	NOTE_METRICS, NOTE_CURRENT, NOTE_CONDITIONS, NOTE_BEHAVIOR,
	NOTE "scale-down-tolerance", NOTE "scale-up-tolerance",
};

/* ---- metrics -------------------------------------------------------- */

enum { OPTIONAL, STRING, QUANTITY };	/* a value that is not there */

struct move {
	const char	*v1;
	const char	*outer;		/* v2: outer.inner, or outer */
	const char	*inner;
	int		 kind;
};

#define MOVES_MAX	6

struct source {
	const char	*member;	/* of a metric, in v1's order */
	struct move	 spec[MOVES_MAX];
	struct move	 status[MOVES_MAX];
};

static const struct source sources[] = {
	{ "object", {
	    { "target", "describedObject", NULL, OPTIONAL },
	    { "metricName", "metric", "name", STRING },
	    { "targetValue", "target", "value", QUANTITY },
	    { "selector", "metric", "selector", OPTIONAL },
	    { "averageValue", "target", "averageValue", OPTIONAL } }, {
	    { "target", "describedObject", NULL, OPTIONAL },
	    { "metricName", "metric", "name", STRING },
	    { "currentValue", "current", "value", QUANTITY },
	    { "selector", "metric", "selector", OPTIONAL },
	    { "averageValue", "current", "averageValue", OPTIONAL } } },
	{ "pods", {
	    { "metricName", "metric", "name", STRING },
	    { "targetAverageValue", "target", "averageValue", QUANTITY },
	    { "selector", "metric", "selector", OPTIONAL } }, {
	    { "metricName", "metric", "name", STRING },
	    { "currentAverageValue", "current", "averageValue", QUANTITY },
	    { "selector", "metric", "selector", OPTIONAL } } },
	{ "resource", {
	    { "name", "name", NULL, STRING },
	    { "targetAverageUtilization", "target", "averageUtilization",
	      OPTIONAL },
	    { "targetAverageValue", "target", "averageValue", OPTIONAL } }, {
	    { "name", "name", NULL, STRING },
	    { "currentAverageUtilization", "current", "averageUtilization",
	      OPTIONAL },
	    { "currentAverageValue", "current", "averageValue", QUANTITY } } },
	{ "containerResource", {
	    { "name", "name", NULL, STRING },
	    { "targetAverageUtilization", "target", "averageUtilization",
	      OPTIONAL },
	    { "targetAverageValue", "target", "averageValue", OPTIONAL },
	    { "container", "container", NULL, STRING } }, {
	    { "name", "name", NULL, STRING },
	    { "currentAverageUtilization", "current", "averageUtilization",
	      OPTIONAL },
	    { "currentAverageValue", "current", "averageValue", QUANTITY },
	    { "container", "container", NULL, STRING } } },
	{ "external", {
	    { "metricName", "metric", "name", STRING },
	    { "metricSelector", "metric", "selector", OPTIONAL },
	    { "targetValue", "target", "value", OPTIONAL },
	    { "targetAverageValue", "target", "averageValue", OPTIONAL } }, {
	    { "metricName", "metric", "name", STRING },
	    { "metricSelector", "metric", "selector", OPTIONAL },
	    { "currentValue", "current", "value", QUANTITY },
	    { "currentAverageValue", "current", "averageValue", OPTIONAL } } },
};

static pin_node
get(const struct pin_obj *o, pin_node n, const char *name)
{
	n = pin_obj_get(o, n, name);
	return (n != 0 && pin_obj_type(o, n) != PIN_NULL ? n : 0);
}

/* The object member of o, made when it is not there. */
static pin_node
tree(struct pin_obj *o, pin_node n, const char *name)
{
	pin_node m = get(o, n, name);

	return (m != 0 && pin_obj_type(o, m) == PIN_OBJECT ? m :
	    pin_obj_set_new(o, n, name, PIN_OBJECT));
}

/* Puts a value, or what stands for none, under name. */
static void
put(struct pin_obj *o, pin_node to, const char *name,
    const struct pin_obj *from, pin_node n, int kind)
{
	if (n != 0)
		(void)pin_obj_set_node(o, to, pin_str(name), from, n);
	else if (kind != OPTIONAL)
		(void)pin_obj_set_str(o, to, name, kind == QUANTITY ?
		    PIN_STR("0") : PIN_STR(""));
}

static void
source_to_v1(struct pin_obj *o, pin_node to, const struct move *m,
    const struct pin_obj *from, pin_node n)
{
	pin_node v;
	size_t i;

	for (i = 0; i < MOVES_MAX && m[i].v1 != NULL; i++) {
		v = get(from, n, m[i].outer);
		if (m[i].inner != NULL)
			v = get(from, v, m[i].inner);
		put(o, to, m[i].v1, from, v, m[i].kind);
	}
}

static void
source_to_v2(struct pin_obj *o, pin_node to, const struct move *m,
    const struct pin_obj *from, pin_node n)
{
	pin_node v;
	size_t i;

	for (i = 0; i < MOVES_MAX && m[i].v1 != NULL; i++) {
		v = get(from, n, m[i].v1);
		if (m[i].inner != NULL)
			put(o, tree(o, to, m[i].outer), m[i].inner, from, v,
			    m[i].kind);
		else
			put(o, to, m[i].outer, from, v, m[i].kind);
	}
}

/* v1 does not say what a target is; its values do. */
static void
put_target_type(struct pin_obj *o, pin_node source, const char *member)
{
	pin_node target = tree(o, source, "target");
	const char *type = "AverageValue";

	if (strcmp(member, "object") == 0) {
		if (get(o, target, "averageValue") == 0)
			type = "Value";
	} else if (strcmp(member, "external") == 0) {
		if (get(o, target, "value") != 0)
			type = "Value";
	} else if (get(o, target, "averageUtilization") != 0)
		type = "Utilization";
	(void)pin_obj_set_str(o, target, "type", pin_str(type));
}

/* One metric (or its status) from one form to the other, appended to list. */
static void
convert_metric(struct pin_obj *o, pin_node list, int status, int to_v2,
    const struct pin_obj *from, pin_node n)
{
	pin_node to = pin_obj_add_new(o, list, PIN_OBJECT), v, s;
	const struct move *m;
	size_t i;

	put(o, to, "type", from, get(from, n, "type"), STRING);
	for (i = 0; i < PIN_LEN(sources); i++) {
		v = get(from, n, sources[i].member);
		if (v == 0)
			continue;
		s = pin_obj_set_new(o, to, sources[i].member, PIN_OBJECT);
		m = status ? sources[i].status : sources[i].spec;
		if (!to_v2) {
			source_to_v1(o, s, m, from, v);
			continue;
		}
		source_to_v2(o, s, m, from, v);
		if (!status)
			put_target_type(o, s, sources[i].member);
	}
}

/* ---- notes ---------------------------------------------------------- */

/* Copies metadata without the notes; gives the annotations, made. */
static pin_node
put_metadata(struct pin__convert *c)
{
	pin_node root = pin_obj_root(c->o), meta, all;
	size_t i;

	pin__convert_move(c, root, "metadata", c->in,
	    get(c->in, pin_obj_root(c->in), "metadata"));
	meta = tree(c->o, root, "metadata");
	all = tree(c->o, meta, "annotations");
	for (i = 0; i < PIN_LEN(notes); i++)
		(void)pin_obj_unset(c->o, all, notes[i]);
	return (all);
}

static void
put_note(struct pin__convert *c, pin_node all, const char *name,
    const struct pin_obj *from, pin_node n)
{
	struct pin_out w;

	pin_out_init(&w, c->arena, TEXT_MAX_BYTES);
	pin_obj_write(from, n, &w);
	if (w.failed == PIN_OK)
		(void)pin_obj_set_str(c->o, all, name,
		    (struct pin_str){ w.p, w.len });
}

/* What a note of the input holds; NULL when there is none or it is no JSON,
 * which upstream does not mind either. */
static struct pin_obj *
get_note(struct pin__convert *c, const char *name)
{
	pin_node n = pin_obj_at(c->in, pin_obj_root(c->in), "metadata",
	    "annotations", name, NULL);
	struct pin_str s = pin_obj_str(c->in, n);
	struct pin_obj *o = NULL;

	if (s.len == 0 || pin_obj_parse(c->arena, s.p, s.len, &o, NULL) !=
	    PIN_OK)
		return (NULL);
	return (o);
}

/* Is the object {name: value} good as (part of) type? A note that is not is
 * as if it were not there. */
static struct pin_obj *
only_good(struct pin__convert *c, const char *type, struct pin_obj *o)
{
	struct pin_obj *out;
	struct pin_type t;

	if (o == NULL || !pin_type_find(c->schema, type, &t) ||
	    pin_conform(c->arena, t, o, pin_obj_root(o), 0, &out, NULL,
	    NULL) != PIN_OK)
		return (NULL);
	return (out);
}

/* ---- v2 to v1 ------------------------------------------------------- */

/* The processor's utilization of a metric, or of its status; 0. */
static pin_node
cpu_of(const struct pin_obj *o, pin_node metric, const char *what)
{
	pin_node r = get(o, metric, "resource");

	if (!pin_str_is(pin_obj_str(o, get(o, metric, "type")), "Resource") ||
	    !pin_str_is(pin_obj_str(o, get(o, r, "name")), "cpu"))
		return (0);
	return (get(o, get(o, r, what), "averageUtilization"));
}

static void
metrics_to_v1(struct pin__convert *c, pin_node notes_node, pin_node to)
{
	struct pin_obj *o = pin_obj_new(c->arena);
	pin_node root = pin_obj_root(c->in), m, cpu, list;
	int found = 0;

	if (o == NULL)
		return;
	list = pin_obj_set_new(o, pin_obj_root(o), "l", PIN_ARRAY);
	for (m = pin_obj_first(c->in, pin_obj_at(c->in, root, "spec",
	    "metrics", NULL)); m != 0; m = pin_obj_next(c->in, m)) {
		cpu = cpu_of(c->in, m, "target");
		if (cpu == 0) {
			convert_metric(o, list, 0, 0, c->in, m);
			continue;
		}
		if (!found)
			pin__convert_move(c, to,
			    "targetCPUUtilizationPercentage", c->in, cpu);
		found = 1;
	}
	if (pin_obj_count(o, list) != 0)
		put_note(c, notes_node, NOTE_METRICS, o, list);
}

static void
statuses_to_v1(struct pin__convert *c, pin_node notes_node, pin_node to)
{
	struct pin_obj *o = pin_obj_new(c->arena);
	pin_node root = pin_obj_root(c->in), m, list;

	if (o == NULL)
		return;
	list = pin_obj_set_new(o, pin_obj_root(o), "l", PIN_ARRAY);
	for (m = pin_obj_first(c->in, pin_obj_at(c->in, root, "status",
	    "currentMetrics", NULL)); m != 0; m = pin_obj_next(c->in, m)) {
		convert_metric(o, list, 1, 0, c->in, m);
		pin__convert_move(c, to, "currentCPUUtilizationPercentage",
		    c->in, cpu_of(c->in, m, "current"));
	}
	if (pin_obj_count(o, list) != 0)
		put_note(c, notes_node, NOTE_CURRENT, o, list);
}

/* ---- behavior: names with a capital, everything written -------------- */

static const char *const side_names[] = { "ScaleUp", "ScaleDown" };
static const char *const rule_names[] = {
	"StabilizationWindowSeconds", "SelectPolicy", "Policies", "Tolerance",
};
static const char *const policy_names[] = { "Type", "Value",
	"PeriodSeconds" };

#define NAME_MAX_BYTES	40

static const char *
lower_first(const char *name, char out[NAME_MAX_BYTES])
{
	(void)snprintf(out, NAME_MAX_BYTES, "%s", name);
	out[0] = (char)(out[0] - 'A' + 'a');
	return (out);
}

/* Copies the named members of n, which have no capital, with one. */
static void
capitalize(struct pin_obj *o, pin_node to, const char *const *names, size_t k,
    const struct pin_obj *from, pin_node n)
{
	char low[NAME_MAX_BYTES];
	pin_node v;
	size_t i;

	for (i = 0; i < k; i++) {
		v = get(from, n, lower_first(names[i], low));
		if (v != 0)
			(void)pin_obj_set_node(o, to, pin_str(names[i]), from,
			    v);
		else
			(void)pin_obj_set_new(o, to, names[i], PIN_NULL);
	}
}

static void
behavior_to_v1(struct pin__convert *c, pin_node notes_node)
{
	struct pin_obj *o = pin_obj_new(c->arena);
	pin_node b = pin_obj_at(c->in, pin_obj_root(c->in), "spec",
	    "behavior", NULL), side, to, list, p;
	char low[NAME_MAX_BYTES];
	size_t i;

	if (o == NULL || b == 0)
		return;
	for (i = 0; i < PIN_LEN(side_names); i++) {
		side = get(c->in, b, lower_first(side_names[i], low));
		to = pin_obj_set_new(o, pin_obj_root(o), side_names[i],
		    side != 0 ? PIN_OBJECT : PIN_NULL);
		if (side == 0)
			continue;
		capitalize(o, to, rule_names, PIN_LEN(rule_names), c->in,
		    side);
		if (get(c->in, side, "policies") == 0)
			continue;
		list = pin_obj_set_new(o, to, "Policies", PIN_ARRAY);
		for (p = pin_obj_first(c->in, get(c->in, side, "policies"));
		    p != 0; p = pin_obj_next(c->in, p))
			capitalize(o, pin_obj_add_new(o, list, PIN_OBJECT),
			    policy_names, PIN_LEN(policy_names), c->in, p);
	}
	put_note(c, notes_node, NOTE_BEHAVIOR, o, pin_obj_root(o));
}

static void
hpa_to_v1(struct pin__convert *c)
{
	static const char *const spec[] = { "scaleTargetRef", "minReplicas",
	    "maxReplicas" };
	static const char *const status[] = { "observedGeneration",
	    "lastScaleTime", "currentReplicas", "desiredReplicas" };
	pin_node root = pin_obj_root(c->o), all = put_metadata(c), from, to;
	size_t i;

	from = get(c->in, pin_obj_root(c->in), "spec");
	to = tree(c->o, root, "spec");
	for (i = 0; i < PIN_LEN(spec); i++)
		pin__convert_move(c, to, spec[i], c->in,
		    get(c->in, from, spec[i]));
	metrics_to_v1(c, all, to);
	behavior_to_v1(c, all);
	from = get(c->in, pin_obj_root(c->in), "status");
	to = tree(c->o, root, "status");
	for (i = 0; i < PIN_LEN(status); i++)
		pin__convert_move(c, to, status[i], c->in,
		    get(c->in, from, status[i]));
	statuses_to_v1(c, all, to);
	from = get(c->in, from, "conditions");
	if (pin_obj_count(c->in, from) != 0)
		put_note(c, all, NOTE_CONDITIONS, c->in, from);
}

/* ---- v1 to v2 ------------------------------------------------------- */

/* The metrics of a note as {name: [...]} in v2's form; NULL. */
static struct pin_obj *
note_metrics(struct pin__convert *c, const char *note, const char *name,
    int status)
{
	struct pin_obj *from = get_note(c, note), *o;
	pin_node list, m;

	if (from == NULL || pin_obj_type(from, pin_obj_root(from)) !=
	    PIN_ARRAY || (o = pin_obj_new(c->arena)) == NULL)
		return (NULL);
	list = pin_obj_set_new(o, pin_obj_root(o), name, PIN_ARRAY);
	for (m = pin_obj_first(from, pin_obj_root(from)); m != 0;
	    m = pin_obj_next(from, m))
		convert_metric(o, list, status, 1, from, m);
	return (only_good(c, status ?
	    "autoscaling.v2.HorizontalPodAutoscalerStatus" :
	    "autoscaling.v2.HorizontalPodAutoscalerSpec", o));
}

/* A metric of the processor; value is a number of the input, or 80. */
static void
add_cpu(struct pin__convert *c, pin_node list, const char *what, pin_node v)
{
	pin_node m = pin_obj_add_new(c->o, list, PIN_OBJECT), r;

	(void)pin_obj_set_str(c->o, m, "type", PIN_STR("Resource"));
	r = pin_obj_set_new(c->o, m, "resource", PIN_OBJECT);
	(void)pin_obj_set_str(c->o, r, "name", PIN_STR("cpu"));
	r = pin_obj_set_new(c->o, r, what, PIN_OBJECT);
	if (strcmp(what, "target") == 0)
		(void)pin_obj_set_str(c->o, r, "type",
		    PIN_STR("Utilization"));
	if (v != 0)
		pin__convert_move(c, r, "averageUtilization", c->in, v);
	else
		(void)pin_obj_set_i64(c->o, r, "averageUtilization", 80);
}

static void
metrics_to_v2(struct pin__convert *c, pin_node to, pin_node cpu)
{
	struct pin_obj *o = note_metrics(c, NOTE_METRICS, "metrics", 0);
	pin_node list = pin_obj_set_new(c->o, to, "metrics", PIN_ARRAY), m;

	for (m = o != NULL ? pin_obj_first(o, get(o, pin_obj_root(o),
	    "metrics")) : 0; m != 0; m = pin_obj_next(o, m))
		(void)pin_obj_add_node(c->o, list, o, m);
	if (cpu != 0 || pin_obj_count(c->o, list) == 0)
		add_cpu(c, list, "target", cpu);
}

static void
statuses_to_v2(struct pin__convert *c, pin_node to, pin_node cpu)
{
	struct pin_obj *o = note_metrics(c, NOTE_CURRENT, "currentMetrics", 1);

	if (o != NULL)
		pin__convert_move(c, to, "currentMetrics", o,
		    get(o, pin_obj_root(o), "currentMetrics"));
	else if (cpu != 0)
		add_cpu(c, pin_obj_set_new(c->o, to, "currentMetrics",
		    PIN_ARRAY), "current", cpu);
}

/* A member whatever its case, as encoding/json finds it. */
static pin_node
get_any_case(const struct pin_obj *o, pin_node n, const char *name)
{
	pin_node m, found = 0;
	struct pin_str key;

	if (pin_obj_type(o, n) != PIN_OBJECT)
		return (0);
	for (m = pin_obj_first(o, n); m != 0; m = pin_obj_next(o, m)) {
		key = pin_obj_key(o, m);
		if (key.len == strlen(name) &&
		    strncasecmp(key.p, name, key.len) == 0)
			found = m;
	}
	return (found);
}

static void
uncapitalize(struct pin_obj *o, pin_node to, const char *const *names,
    size_t k, const struct pin_obj *from, pin_node n)
{
	char low[NAME_MAX_BYTES];
	pin_node v;
	size_t i;

	for (i = 0; i < k; i++) {
		v = get_any_case(from, n, names[i]);
		if (v != 0)
			(void)pin_obj_set_node(o, to, pin_str(lower_first(
			    names[i], low)), from, v);
	}
}

static void
behavior_to_v2(struct pin__convert *c, pin_node spec)
{
	struct pin_obj *from = get_note(c, NOTE_BEHAVIOR), *o;
	pin_node side, to, list, p;
	char low[NAME_MAX_BYTES];
	size_t i;

	if (from == NULL || (o = pin_obj_new(c->arena)) == NULL)
		return;
	for (i = 0; i < PIN_LEN(side_names); i++) {
		side = get_any_case(from, pin_obj_root(from), side_names[i]);
		if (pin_obj_type(from, side) != PIN_OBJECT)
			continue;
		to = pin_obj_set_new(o, pin_obj_root(o),
		    lower_first(side_names[i], low), PIN_OBJECT);
		uncapitalize(o, to, rule_names, PIN_LEN(rule_names), from,
		    side);
		side = get_any_case(from, side, "Policies");
		if (pin_obj_type(from, side) != PIN_ARRAY)
			continue;
		list = pin_obj_set_new(o, to, "policies", PIN_ARRAY);
		for (p = pin_obj_first(from, side); p != 0;
		    p = pin_obj_next(from, p))
			uncapitalize(o, pin_obj_add_new(o, list, PIN_OBJECT),
			    policy_names, PIN_LEN(policy_names), from, p);
	}
	o = only_good(c, "autoscaling.v2.HorizontalPodAutoscalerBehavior", o);
	if (o != NULL && pin_obj_count(o, pin_obj_root(o)) != 0)
		pin__convert_move(c, spec, "behavior", o, pin_obj_root(o));
}

static void
conditions_to_v2(struct pin__convert *c, pin_node to)
{
	struct pin_obj *from = get_note(c, NOTE_CONDITIONS), *o;

	if (from == NULL || (o = pin_obj_new(c->arena)) == NULL)
		return;
	(void)pin_obj_set_node(o, pin_obj_root(o), PIN_STR("conditions"),
	    from, pin_obj_root(from));
	o = only_good(c, "autoscaling.v2.HorizontalPodAutoscalerStatus", o);
	if (o != NULL)
		pin__convert_move(c, to, "conditions", o,
		    get(o, pin_obj_root(o), "conditions"));
}

static void
hpa_to_v2(struct pin__convert *c)
{
	pin_node root = pin_obj_root(c->o), from, to, cpu;

	(void)put_metadata(c);
	from = get(c->in, pin_obj_root(c->in), "spec");
	pin__convert_move(c, root, "spec", c->in, from);
	to = tree(c->o, root, "spec");
	cpu = get(c->in, from, "targetCPUUtilizationPercentage");
	(void)pin_obj_unset(c->o, to, "targetCPUUtilizationPercentage");
	metrics_to_v2(c, to, cpu);
	behavior_to_v2(c, to);
	from = get(c->in, pin_obj_root(c->in), "status");
	pin__convert_move(c, root, "status", c->in, from);
	to = tree(c->o, root, "status");
	cpu = get(c->in, from, "currentCPUUtilizationPercentage");
	(void)pin_obj_unset(c->o, to, "currentCPUUtilizationPercentage");
	statuses_to_v2(c, to, cpu);
	conditions_to_v2(c, to);
}

void
pin__convert_hpa(struct pin__convert *c)
{
	if (c->stored)
		hpa_to_v2(c);
	else
		hpa_to_v1(c);
}
