/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-affinity -- scheduler plugin: nodes that match spec.nodeSelector and
 * the required terms of the pod's node affinity; of those, rather what its
 * preferred terms like.
 * Stateless but for its weight. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodeAffinity, labels.Requirement. */
#include <pintle/scheduler.h>

static pin_sched_filter_fn affinity_filter;
static pin_sched_score_fn affinity_score;

static const char *const affinity_claims[] = {
	"spec.nodeSelector", "spec.affinity.nodeAffinity", NULL
};

static const struct pin_scheduler_ops affinity_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.claims = affinity_claims,
	.filter = affinity_filter,
	.score = affinity_score,
};

static const struct pin_option affinity_options[] = {
	{ .name = "weight", .type = PIN_OPT_INT, .fallback = "2",
	    .help = "of its score among all; 0: only filter", .min = 0,
	    .max = 100 },
	{ .name = NULL },
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "node-affinity", .version = "1.0",
	.summary = "nodes that the pod's node selector and affinity want",
	.options = affinity_options, .ops = &affinity_ops,
};

/* ---- requirements ------------------------------------------------------ */

static int
one_of(const struct pin_obj *o, pin_node values, struct pin_str s)
{
	pin_node v;

	for (v = pin_obj_first(o, values); v != 0; v = pin_obj_next(o, v))
		if (pin_str_eq(pin_obj_str(o, v), s))
			return (1);
	return (0);
}

/* A decimal int64, as strconv.ParseInt reads it. */
static int
number(struct pin_str s, int64_t *out)
{
	size_t i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+');
	int minus = s.len > 0 && s.p[0] == '-', digit;
	int64_t n = 0;

	if (i == s.len)
		return (0);
	for (; i < s.len; i++) {
		digit = s.p[i] - '0';
		if (digit < 0 || digit > 9 || n < (INT64_MIN + digit) / 10)
			return (0);
		n = n * 10 - digit;	/* negative: has the wider range */
	}
	if (!minus && n == INT64_MIN)
		return (0);
	*out = minus ? n : -n;
	return (1);
}

static int
compares(const struct pin_obj *o, pin_node values, struct pin_str label,
    int greater)
{
	int64_t have, want;

	if (pin_obj_count(o, values) != 1 || !number(label, &have) ||
	    !number(pin_obj_str(o, pin_obj_first(o, values)), &want))
		return (0);
	return (greater ? have > want : have < want);
}

/* -1: not a legal requirement, so that its whole term matches nothing. */
static int
label_meets(const struct pin_obj *o, pin_node req, const struct pin_obj *node,
    pin_node labels)
{
	struct pin_str key = pin_obj_str(o, pin_obj_get(o, req, "key")),
	    op = pin_obj_str(o, pin_obj_get(o, req, "operator")), value;
	pin_node values = pin_obj_get(o, req, "values"),
	    label = pin_obj_getn(node, labels, key.p, key.len);

	value = pin_obj_str(node, label);
	if (pin_str_is(op, "In"))
		return (label != 0 && one_of(o, values, value));
	if (pin_str_is(op, "NotIn"))
		return (label == 0 || !one_of(o, values, value));
	if (pin_str_is(op, "Exists"))
		return (label != 0);
	if (pin_str_is(op, "DoesNotExist"))
		return (label == 0);
	if (pin_str_is(op, "Gt") || pin_str_is(op, "Lt"))
		return (label != 0 && compares(o, values, value,
		    pin_str_is(op, "Gt")));
	return (-1);
}

static int
field_meets(const struct pin_obj *o, pin_node req, struct pin_str name)
{
	struct pin_str op = pin_obj_str(o, pin_obj_get(o, req, "operator"));
	pin_node values = pin_obj_get(o, req, "values");
	int same;

	if (pin_obj_count(o, values) != 1 || !pin_str_is(pin_obj_str(o,
	    pin_obj_get(o, req, "key")), "metadata.name"))
		return (0);
	same = one_of(o, values, name);
	return (pin_str_is(op, "In") ? same : pin_str_is(op, "NotIn") &&
	    !same);
}

/* An empty term matches nothing. */
static int
term_matches(const struct pin_obj *o, pin_node term,
    const struct pin_obj *node, struct pin_str name)
{
	pin_node labels = pin_obj_at(node, pin_obj_root(node), "metadata",
	    "labels", NULL), r;
	int any = 0;

	for (r = pin_obj_first(o, pin_obj_get(o, term, "matchExpressions"));
	    r != 0; r = pin_obj_next(o, r), any = 1)
		if (label_meets(o, r, node, labels) <= 0)
			return (0);
	for (r = pin_obj_first(o, pin_obj_get(o, term, "matchFields"));
	    r != 0; r = pin_obj_next(o, r), any = 1)
		if (!field_meets(o, r, name))
			return (0);
	return (any);
}

/* ---- filter ------------------------------------------------------------ */

static int
selector_matches(const struct pin_obj *o, pin_node selector,
    const struct pin_obj *node)
{
	pin_node labels = pin_obj_at(node, pin_obj_root(node), "metadata",
	    "labels", NULL), n, label;
	struct pin_str key;

	for (n = pin_obj_first(o, selector); n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		label = pin_obj_getn(node, labels, key.p, key.len);
		if (label == 0 || !pin_str_eq(pin_obj_str(node, label),
		    pin_obj_str(o, n)))
			return (0);
	}
	return (1);
}

static int
terms_match(const struct pin_obj *o, pin_node terms,
    const struct pin_obj *node, struct pin_str name)
{
	pin_node t;

	for (t = pin_obj_first(o, terms); t != 0; t = pin_obj_next(o, t))
		if (term_matches(o, t, node, name))
			return (1);
	return (0);
}

static int
affinity_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	const struct pin_obj *o = pod->obj, *node;
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"),
	    selector = pin_obj_get(o, spec, "nodeSelector"),
	    required = pin_obj_at(o, spec, "affinity", "nodeAffinity",
	    "requiredDuringSchedulingIgnoredDuringExecution", NULL),
	    terms = pin_obj_get(o, required, "nodeSelectorTerms");
	int has_terms = pin_obj_type(o, required) == PIN_OBJECT;
	uint32_t i;

	(void)self;
	if (pin_obj_count(o, selector) == 0 && !has_terms)
		return (PIN_OK);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		node = pin_snap_brief(snap, i);
		if (selector_matches(o, selector, node) && (!has_terms ||
		    terms_match(o, terms, node, pin_snap_name(snap, i))))
			continue;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, PIN_NEVER, "node(s) didn't match "
		    "Pod's node affinity/selector");
	}
	return (PIN_OK);
}

/* ---- score ------------------------------------------------------------- */

static int
affinity_score(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, const struct pin_bits *nodes,
    int32_t *out)
{
	const struct pin_obj *o = pod->obj, *node;
	pin_node first = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
	    "spec", "affinity", "nodeAffinity",
	    "preferredDuringSchedulingIgnoredDuringExecution", NULL)), t;
	int64_t weight, sum;
	uint32_t i;

	(void)self;
	if (first == 0)
		return (PIN_OK);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		node = pin_snap_brief(snap, i);
		sum = 0;
		for (t = first; t != 0; t = pin_obj_next(o, t))
			if (pin_obj_i64(o, pin_obj_get(o, t, "weight"),
			    &weight) && weight > 0 && weight <= 100 &&
			    term_matches(o, pin_obj_get(o, t, "preference"),
			    node, pin_snap_name(snap, i)))
				sum += weight;
		out[i] = sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
	}
	pin_score_normalize(nodes, out, 0);
	return (PIN_OK);
}
