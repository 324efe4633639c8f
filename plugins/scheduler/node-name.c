/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-name -- scheduler plugin: a pod that names its node goes nowhere else.
 * Stateless. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodeName. */
#include <pintle/scheduler.h>

static pin_sched_filter_fn node_name_filter;

static const char *const node_name_claims[] = { "spec.nodeName", NULL };

static const struct pin_scheduler_ops node_name_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.claims = node_name_claims,
	.filter = node_name_filter,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "node-name", .version = "1.0",
	.summary = "the node that spec.nodeName names, and no other",
	.ops = &node_name_ops,
};

static int
node_name_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	struct pin_str name = pin_obj_str(pod->obj, pin_obj_at(pod->obj,
	    pin_obj_root(pod->obj), "spec", "nodeName", NULL));
	uint32_t i;

	(void)self;
	if (name.len == 0)
		return (PIN_OK);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		if (pin_str_eq(pin_snap_name(snap, i), name))
			continue;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, PIN_NEVER,
		    "node(s) didn't match the requested node name");
	}
	return (PIN_OK);
}
