/* SPDX-License-Identifier: BSD-2-Clause
 *
 * taint-nodes-by-condition -- admission plugin: a new node is not ready until
 * the node lifecycle has looked at it.
 * Stateless. Front threads.
 * Contract: pintle/admission.h; upstream's TaintNodesByCondition. */
#include <pintle/admission.h>

#define TAINT	"{\"key\":\"node.kubernetes.io/not-ready\","		\
	"\"effect\":\"NoSchedule\"}"

static pin_admission_mutate_fn taint_mutate;

static const struct pin_admission_match taint_match[] = {
	{ "", "nodes", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops taint_ops = {
	.size = sizeof(taint_ops),
	.match = taint_match,
	.mutate = taint_mutate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "taint-nodes-by-condition", .version = "1.0",
	.summary = "taints new nodes as not ready",
	.ops = &taint_ops,
};

static int
taint_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	const struct pin_obj *o = q->object;
	pin_node list = pin_obj_at(o, pin_obj_root(o), "spec", "taints",
	    NULL), n;

	(void)self;
	(void)call;
	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "key")),
		    "node.kubernetes.io/not-ready") &&
		    pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "effect")),
		    "NoSchedule"))
			return (PIN_ADMIT);
	if (list == 0)
		(void)pin_patch_set(patch, "/spec/taints", PIN_STR("[]"));
	(void)pin_patch_set(patch, "/spec/taints/-", PIN_STR(TAINT));
	return (PIN_ADMIT);
}
