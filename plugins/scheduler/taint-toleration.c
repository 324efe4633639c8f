/* SPDX-License-Identifier: BSD-2-Clause
 *
 * taint-toleration -- scheduler plugin: no node with a taint (NoSchedule,
 * NoExecute) that the pod does not tolerate; of the others, rather one with
 * fewer such taints of effect PreferNoSchedule.
 * Stateless but for its weight. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's TaintToleration. */
#include <pintle/scheduler.h>

#include "common/toleration.h"

static pin_sched_filter_fn taint_filter;
static pin_sched_score_fn taint_score;

static const struct pin_scheduler_ops taint_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.filter = taint_filter,
	.score = taint_score,
};

static const struct pin_option taint_options[] = {
	{ .name = "weight", .type = PIN_OPT_INT, .fallback = "3",
	    .help = "of its score among all; 0: only filter", .min = 0,
	    .max = 100 },
	{ .name = NULL },
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "taint-toleration", .version = "1.0",
	.summary = "no node with a taint the pod does not tolerate",
	.options = taint_options, .ops = &taint_ops,
};

/* Taints of the node that the pod does not tolerate. */
static int32_t
untolerated(const struct pin_obj *node, const struct pin_obj *pod, int soft)
{
	struct pin_str only = soft ? PIN_STR("PreferNoSchedule") :
	    PIN_STR_NONE;
	pin_node t = pin_obj_first(node, pin_obj_at(node, pin_obj_root(node),
	    "spec", "taints", NULL));
	struct taint taint;
	int32_t n = 0;
	int counts;

	for (; t != 0; t = pin_obj_next(node, t)) {
		taint = taint_of(node, t);
		counts = soft ? pin_str_eq(taint.effect, only) :
		    pin_str_is(taint.effect, "NoSchedule") ||
		    pin_str_is(taint.effect, "NoExecute");
		n += counts && !pod_tolerates(pod, &taint, only);
	}
	return (n);
}

static int
taint_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	const int64_t *taints = pin_snap_column(snap, PIN_COL_TAINTS);
	uint32_t i;

	(void)self;
	for (i = 0; i < nodes->n; i++) {
		if (taints[i] == 0 || !pin_bits_get(nodes, i) ||
		    untolerated(pin_snap_brief(snap, i), pod->obj, 0) == 0)
			continue;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, PIN_NEVER,
		    "node(s) had untolerated taint(s)");
	}
	return (PIN_OK);
}

static int
taint_score(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, const struct pin_bits *nodes,
    int32_t *out)
{
	const int64_t *taints = pin_snap_column(snap, PIN_COL_TAINTS_SOFT);
	int32_t any = 0;
	uint32_t i;

	(void)self;
	for (i = 0; i < nodes->n; i++)
		if (taints[i] > 0 && pin_bits_get(nodes, i)) {
			out[i] = untolerated(pin_snap_brief(snap, i),
			    pod->obj, 1);
			any |= out[i];
		}
	if (any == 0)			/* as it mostly is */
		return (PIN_OK);
	pin_score_normalize(nodes, out, 1);
	return (PIN_OK);
}
