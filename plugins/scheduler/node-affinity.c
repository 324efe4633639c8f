/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-affinity -- scheduler plugin: nodes that match spec.nodeSelector and
 * the required terms of the pod's node affinity; of those, rather what its
 * preferred terms like.
 * Stateless but for its weight. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodeAffinity, labels.Requirement. */
#include "common/nodeselector.h"

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

/* ---- filter ------------------------------------------------------------ */

static int
affinity_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	uint32_t i;

	(void)self;
	if (!pod_wants_nodes(pod->obj))
		return (PIN_OK);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		if (pod_wants_node(pod->obj, pin_snap_brief(snap, i),
		    pin_snap_name(snap, i)))
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
			    node_term_matches(o, pin_obj_get(o, t,
			    "preference"), node, pin_snap_name(snap, i)))
				sum += weight;
		out[i] = sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
	}
	pin_score_normalize(nodes, out, 0);
	return (PIN_OK);
}
