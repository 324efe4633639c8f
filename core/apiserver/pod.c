/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pod.c -- pods: QoS class, phase, graceful deletion, binding, eviction.
 * Front loop. Contract: upstream's registry/core/pod strategy. */
#include "core/apiserver/strategy.h"

#include "core/apiserver/meta.h"
#include "core/apiserver/verbs.h"
#include "lib/quantity/quantity.h"

static const char *const qos_resources[] = { "cpu", "memory" };

static int
quantity_zero(struct pin_str s)
{
	struct pin_quantity q;

	return (s.len == 0 || pin_quantity_parse(s, &q, NULL) != PIN_OK ||
	    pin_quantity_sign(&q) == 0);
}

static int
quantity_differ(struct pin_str a, struct pin_str b)
{
	struct pin_quantity x, y;

	return (pin_quantity_parse(a, &x, NULL) != PIN_OK ||
	    pin_quantity_parse(b, &y, NULL) != PIN_OK ||
	    pin_quantity_cmp(&x, &y) != 0);
}

/* Guaranteed: every container has cpu and memory limits, equal to requests.
 * BestEffort: none has any. Burstable: the rest. */
static const char *
pod_qos(const struct pin_obj *o)
{
	static const char *const lists[] = { "containers", "initContainers" };
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"), c, req, lim;
	int any = 0, guaranteed = 1;
	struct pin_str rq, lm;
	size_t i, k;

	for (k = 0; k < PIN_LEN(lists); k++)
		for (c = pin_obj_first(o, pin_obj_get(o, spec, lists[k]));
		    c != 0; c = pin_obj_next(o, c)) {
			req = pin_obj_at(o, c, "resources", "requests", NULL);
			lim = pin_obj_at(o, c, "resources", "limits", NULL);
			for (i = 0; i < PIN_LEN(qos_resources); i++) {
				rq = pin_obj_str(o, pin_obj_get(o, req,
				    qos_resources[i]));
				lm = pin_obj_str(o, pin_obj_get(o, lim,
				    qos_resources[i]));
				any |= !quantity_zero(rq) ||
				    !quantity_zero(lm);
				if (quantity_zero(lm) || (rq.len > 0 &&
				    quantity_differ(rq, lm)))
					guaranteed = 0;
			}
		}
	return (!any ? "BestEffort" : guaranteed ? "Guaranteed" :
	    "Burstable");
}

/* Held back until somebody takes the gates away. */
static void
gated(struct request *r, pin_node status)
{
	struct pin_obj *o = r->obj;
	pin_node c;
	char now[40];

	meta_now(r, 0, now);
	c = pin_obj_add_new(o, pin_obj_set_new(o, status, "conditions",
	    PIN_ARRAY), PIN_OBJECT);
	pin_obj_set_str(o, c, "type", PIN_STR("PodScheduled"));
	pin_obj_set_str(o, c, "status", PIN_STR("False"));
	pin_obj_set_new(o, c, "lastProbeTime", PIN_NULL);
	pin_obj_set_str(o, c, "lastTransitionTime", pin_str(now));
	pin_obj_set_str(o, c, "reason", PIN_STR("SchedulingGated"));
	pin_obj_set_str(o, c, "message", PIN_STR("Scheduling is blocked due to"
	    " non-empty scheduling gates"));
}

int
pod_create(struct request *r)
{
	pin_node root = pin_obj_root(r->obj), status;

	status = pin_obj_set_new(r->obj, root, "status", PIN_OBJECT);
	pin_obj_set_str(r->obj, status, "phase", PIN_STR("Pending"));
	if (pin_obj_count(r->obj, pin_obj_at(r->obj, root, "spec",
	    "schedulingGates", NULL)) > 0)
		gated(r, status);
	pin_obj_set_str(r->obj, status, "qosClass", pin_str(pod_qos(r->obj)));
	return (PIN_OK);
}

/* The status keeps its QoS class, which never changes. */
int
pod_update(struct request *r)
{
	pin_node st = pin_obj_get(r->obj, pin_obj_root(r->obj), "status");
	struct pin_str qos = pin_obj_str(r->old, pin_obj_at(r->old,
	    pin_obj_root(r->old), "status", "qosClass", NULL));

	if (pin_str_is(r->info.subresource, "status") && qos.len > 0) {
		if (st == 0)
			st = pin_obj_set_new(r->obj, pin_obj_root(r->obj),
			    "status", PIN_OBJECT);
		pin_obj_set_str(r->obj, st, "qosClass", qos);
	}
	return (PIN_OK);
}

int
pod_delete(struct request *r, const struct pin_obj *options, int *gone)
{
	struct pin_obj *o = r->obj;
	pin_node root = pin_obj_root(o), meta = meta_node(o);
	struct pin_str phase = pin_obj_str(o, pin_obj_at(o, root, "status",
	    "phase", NULL));
	int64_t grace = 30, old_grace, gen = 0;
	char when[40];

	pin_obj_i64(o, pin_obj_at(o, root, "spec",
	    "terminationGracePeriodSeconds", NULL), &grace);
	pin_obj_i64(options, pin_obj_get(options, pin_obj_root(options),
	    "gracePeriodSeconds"), &grace);
	if (grace < 0)
		grace = 1;		/* as upstream's newer kubelets */
	if (pin_obj_str(o, pin_obj_at(o, root, "spec", "nodeName",
	    NULL)).len == 0 || pin_str_is(phase, "Failed") ||
	    pin_str_is(phase, "Succeeded"))
		grace = 0;
	*gone = grace == 0;
	if (pin_obj_i64(o, pin_obj_get(o, meta, "deletionGracePeriodSeconds"),
	    &old_grace)) {
		/* Already on its way: only sooner, never later. */
		if (grace >= old_grace && old_grace != 0)
			return (PIN_OK);
	}
	meta_now(r, grace, when);
	pin_obj_set_str(o, meta, "deletionTimestamp", pin_str(when));
	pin_obj_set_i64(o, meta, "deletionGracePeriodSeconds", grace);
	if (pin_obj_i64(o, pin_obj_get(o, meta, "generation"), &gen))
		pin_obj_set_i64(o, meta, "generation", gen + 1);
	return (PIN_OK);
}

/* ---- pods/binding --------------------------------------------------- */

static void
set_scheduled(struct request *r, pin_node status)
{
	struct pin_obj *o = r->obj;
	pin_node list = pin_obj_get(o, status, "conditions"), c;
	char now[40];

	if (pin_obj_type(o, list) != PIN_ARRAY)
		list = pin_obj_set_new(o, status, "conditions", PIN_ARRAY);
	for (c = pin_obj_first(o, list); c != 0; c = pin_obj_next(o, c))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, c, "type")),
		    "PodScheduled")) {
			pin_obj_remove(o, list, c);
			break;
		}
	meta_now(r, 0, now);
	c = pin_obj_add_new(o, list, PIN_OBJECT);
	pin_obj_set_str(o, c, "type", PIN_STR("PodScheduled"));
	pin_obj_set_str(o, c, "status", PIN_STR("True"));
	pin_obj_set_new(o, c, "lastProbeTime", PIN_NULL);
	pin_obj_set_str(o, c, "lastTransitionTime", pin_str(now));
}

static int
binding_answer(struct request *r)
{
	return (reply_bytes(r, 201, "application/json", PIN_STR(
	    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
	    "\"status\":\"Success\",\"code\":201}\n")));
}

int
binding_apply(struct request *r)
{
	pin_node sent = pin_obj_root(r->sent), root, status;
	struct pin_str node, bound, uid;

	node = pin_obj_str(r->sent, pin_obj_at(r->sent, sent, "target", "name",
	    NULL));
	if (node.len == 0) {
		(void)request_bare(r, "target.name: Required value");
		return (reply_error(r));
	}
	r->obj = pin_obj_copy(r->arena, r->old);
	if (r->obj == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	root = pin_obj_root(r->obj);
	uid = meta_str(r->sent, "uid");
	if (uid.len > 0 && !pin_str_eq(uid, meta_str(r->old, "uid")))
		return (reply_err(r, PIN_ECONFLICT, "Precondition failed: UID "
		    "in precondition: " PIN_SFMT ", UID in object meta: "
		    PIN_SFMT, PIN_SARG(uid),
		    PIN_SARG(meta_str(r->old, "uid"))));
	if (meta_str(r->old, "deletionTimestamp").len > 0)
		return (reply_err(r, PIN_ECONFLICT, "pod " PIN_SFMT " is being"
		    " deleted, cannot be assigned to a host",
		    PIN_SARG(r->info.name)));
	bound = pin_obj_str(r->old, pin_obj_at(r->old, pin_obj_root(r->old),
	    "spec", "nodeName", NULL));
	if (bound.len > 0) {
		r->info.resource = PIN_STR("pods/binding");
		return (reply_err(r, PIN_ECONFLICT, "pod " PIN_SFMT " is "
		    "already assigned to node \"" PIN_SFMT "\"",
		    PIN_SARG(r->info.name), PIN_SARG(bound)));
	}
	pin_obj_set_str(r->obj, pin_obj_get(r->obj, root, "spec"), "nodeName",
	    node);
	status = pin_obj_get(r->obj, root, "status");
	if (status == 0)
		status = pin_obj_set_new(r->obj, root, "status", PIN_OBJECT);
	set_scheduled(r, status);
	r->operation = PIN_OP_UPDATE;
	r->retry_step = r->step - 1;	/* from the load */
	r->answer = binding_answer;
	return (STEP_NEXT);
}
