/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-unschedulable -- scheduler plugin: nothing goes to a cordoned node but
 * what tolerates its taint node.kubernetes.io/unschedulable.
 * Stateless. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodeUnschedulable. */
#include <pintle/scheduler.h>

#include "common/toleration.h"

static pin_sched_filter_fn unschedulable_filter;

static const struct pin_scheduler_ops unschedulable_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.filter = unschedulable_filter,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "node-unschedulable", .version = "1.0",
	.summary = "no cordoned node",
	.ops = &unschedulable_ops,
};

static int
unschedulable_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	static const struct taint cordoned = {
	    .key = { "node.kubernetes.io/unschedulable", 32 },
	    .effect = { "NoSchedule", 10 } };
	const int64_t *col = pin_snap_column(snap, PIN_COL_UNSCHEDULABLE);
	int known = 0;			/* the pod was asked */
	uint32_t i;

	(void)self;
	for (i = 0; i < nodes->n; i++) {
		if (col[i] == 0 || !pin_bits_get(nodes, i))
			continue;
		if (!known && pod_tolerates(pod->obj, &cordoned,
		    PIN_STR_NONE))
			return (PIN_OK);
		known = 1;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, PIN_NEVER,
		    "node(s) were unschedulable");
	}
	return (PIN_OK);
}
