/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c -- a ReplicaSet's counts, and why it cannot have its pods.
 * Contract: upstream's calculateStatus. */
#include <pintle/labels.h>

#include "replicaset.h"

#define FAILURE		"ReplicaFailure"

static void
count(struct rs *s)
{
	pin_node want = pin_obj_at(s->set, pin_obj_root(s->set), "spec",
	    "template", "metadata", "labels", NULL);
	int64_t min = spec_int(s->set, "minReadySeconds", 0),
	    now = pin_reconcile_now(s->rc);
	uint32_t i;

	for (i = 0; i < s->n; i++) {
		s->ready += pod_ready(s->pods[i]);
		s->available += pod_available(s->pods[i], min, now,
		    &s->again_s);
		s->labeled += pin_obj_count(s->set, want) == 0 ||
		    pin_labels_match_map(s->set, want, s->pods[i],
		    meta_labels(s->pods[i]));
	}
}

/* A count that is zero is absent, but for replicas. */
static void
put(struct pin_obj *o, const char *key, int64_t v)
{
	if (v != 0)
		pin_obj_set_i64(o, pin_obj_root(o), key, v);
	else
		pin_obj_set_new(o, pin_obj_root(o), key, PIN_NULL);
}

static void
put_failure(struct rs *s, struct pin_obj *o, pin_node list)
{
	pin_node c = pin_obj_add_new(o, list, PIN_OBJECT);
	char now[32];

	meta_time(pin_reconcile_now(s->rc), now);
	pin_obj_set_str(o, c, "type", PIN_STR(FAILURE));
	pin_obj_set_str(o, c, "status", PIN_STR("True"));
	pin_obj_set_str(o, c, "lastTransitionTime", pin_str(now));
	pin_obj_set_str(o, c, "reason", s->n < s->want ?
	    PIN_STR("FailedCreate") : PIN_STR("FailedDelete"));
	pin_obj_set_str(o, c, "message", s->refusal);
}

/* It says so from the first refusal until there are as many pods as wanted:
 * between, we only know that nobody has told us yet. */
static void
put_conditions(struct rs *s, struct pin_obj *o)
{
	pin_node was = pin_obj_at(s->set, pin_obj_root(s->set), "status",
	    "conditions", NULL), list, n;
	int failing = !meta_deleted(s->set) && s->n != s->want, said = 0;

	list = pin_obj_set_new(o, pin_obj_root(o), "conditions", PIN_ARRAY);
	for (n = pin_obj_first(s->set, was); n != 0;
	    n = pin_obj_next(s->set, n)) {
		if (pin_str_is(pin_obj_str(s->set, pin_obj_get(s->set, n,
		    "type")), FAILURE)) {
			if (!failing)
				continue;
			said = 1;
		}
		pin_obj_add_node(o, list, s->set, n);
	}
	if (failing && !said && s->refused)
		put_failure(s, o, list);
	if (pin_obj_count(o, list) == 0)
		pin_obj_set_new(o, pin_obj_root(o), "conditions", PIN_NULL);
}

void
replicaset_status(struct rs *s)
{
	struct pin_obj *o = pin_obj_new(pin_reconcile_arena(s->rc));
	int64_t gen = 0;

	if (o == NULL)
		return;
	count(s);
	pin_obj_i64(s->set, pin_obj_at(s->set, pin_obj_root(s->set),
	    "metadata", "generation", NULL), &gen);
	pin_obj_set_i64(o, pin_obj_root(o), "replicas", s->n);
	put(o, "fullyLabeledReplicas", s->labeled);
	put(o, "readyReplicas", s->ready);
	put(o, "availableReplicas", s->available);
	pin_obj_set_i64(o, pin_obj_root(o), "terminatingReplicas",
	    s->terminating);
	put(o, "observedGeneration", gen);
	put_conditions(s, o);
	plan_status(s->rc, s->plan, s->set, meta_target(s->set, "apps", "v1",
	    "replicasets"), o);
}
