/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c -- a Deployment's counts and conditions.
 * Contract: deployment.h; reasons and sentences as upstream writes them. */
#include <stdio.h>

#include "deployment.h"

#define TEXT_MAX	512

static void
put(struct pin_obj *o, const char *key, int64_t v)
{
	if (v != 0)
		pin_obj_set_i64(o, pin_obj_root(o), key, v);
	else
		pin_obj_set_new(o, pin_obj_root(o), key, PIN_NULL);
}

static pin_node
condition(const struct pin_obj *o, const char *type)
{
	pin_node n;

	for (n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "status",
	    "conditions", NULL)); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "type")),
		    type))
			return (n);
	return (0);
}

/* Times stay while status and reason do. */
static void
put_condition(struct deploy *d, struct pin_obj *o, pin_node list,
    const char *type, int on, const char *reason, const char *message)
{
	pin_node was = condition(d->d, type), c, n;
	const char *status = on ? "True" : "False";
	int same, same_status;
	char now[32];

	same_status = pin_str_is(pin_obj_str(d->d, pin_obj_get(d->d, was,
	    "status")), status);
	same = same_status && pin_str_is(pin_obj_str(d->d, pin_obj_get(d->d,
	    was, "reason")), reason) && pin_str_is(pin_obj_str(d->d,
	    pin_obj_get(d->d, was, "message")), message);
	if (same) {
		pin_obj_add_node(o, list, d->d, was);
		return;
	}
	meta_time(pin_reconcile_now(d->rc), now);
	c = pin_obj_add_new(o, list, PIN_OBJECT);
	pin_obj_set_str(o, c, "type", pin_str(type));
	pin_obj_set_str(o, c, "status", pin_str(status));
	pin_obj_set_str(o, c, "lastUpdateTime", pin_str(now));
	n = pin_obj_get(d->d, was, "lastTransitionTime");
	if (same_status && n != 0)
		pin_obj_set_node(o, c, PIN_STR("lastTransitionTime"), d->d, n);
	else
		pin_obj_set_str(o, c, "lastTransitionTime", pin_str(now));
	pin_obj_set_str(o, c, "reason", pin_str(reason));
	pin_obj_set_str(o, c, "message", pin_str(message));
}

static void
put_progress(struct deploy *d, struct pin_obj *o, pin_node list,
    int64_t available, int64_t total)
{
	char text[TEXT_MAX];
	struct pin_str name = meta_get(d->d, "name");
	int whole = d->have_new && d->cur.actual == d->replicas &&
	    d->cur.available >= d->replicas && total == d->replicas &&
	    available >= d->replicas;

	if (whole) {
		snprintf(text, sizeof(text), "ReplicaSet \"" PIN_SFMT "-%s\" "
		    "has successfully progressed.", PIN_SARG(name), d->hash);
		put_condition(d, o, list, "Progressing", 1,
		    "NewReplicaSetAvailable", text);
	} else if (!d->have_new) {
		snprintf(text, sizeof(text), "Created new replica set \""
		    PIN_SFMT "-%s\"", PIN_SARG(name), d->hash);
		put_condition(d, o, list, "Progressing", 1,
		    "NewReplicaSetCreated", text);
	} else if (d->paused) {
		put_condition(d, o, list, "Progressing", 1,
		    "DeploymentPaused", "Deployment is paused");
	} else {
		snprintf(text, sizeof(text), "ReplicaSet \"" PIN_SFMT "-%s\" "
		    "is progressing.", PIN_SARG(name), d->hash);
		put_condition(d, o, list, "Progressing", 1,
		    "ReplicaSetUpdated", text);
	}
}

void
deployment_status(struct deploy *d)
{
	struct pin_obj *o = pin_obj_new(pin_reconcile_arena(d->rc));
	int64_t total = d->cur.actual, ready = d->cur.ready,
	    available = d->cur.available, gen = 0;
	pin_node list;
	uint32_t i;

	if (o == NULL)
		return;
	for (i = 0; i < d->nold; i++) {
		total += d->old[i].actual;
		ready += d->old[i].ready;
		available += d->old[i].available;
	}
	pin_obj_i64(d->d, pin_obj_at(d->d, pin_obj_root(d->d), "metadata",
	    "generation", NULL), &gen);
	put(o, "observedGeneration", gen);
	put(o, "replicas", total);
	put(o, "updatedReplicas", d->cur.actual);
	put(o, "readyReplicas", ready);
	put(o, "availableReplicas", available);
	put(o, "unavailableReplicas", d->replicas > available ? d->replicas -
	    available : 0);
	list = pin_obj_set_new(o, pin_obj_root(o), "conditions", PIN_ARRAY);
	if (available >= d->replicas - d->unavailable)
		put_condition(d, o, list, "Available", 1,
		    "MinimumReplicasAvailable",
		    "Deployment has minimum availability.");
	else
		put_condition(d, o, list, "Available", 0,
		    "MinimumReplicasUnavailable",
		    "Deployment does not have minimum availability.");
	put_progress(d, o, list, available, total);
	plan_status(d->rc, d->plan, d->d, meta_target(d->d, "apps", "v1",
	    "deployments"), o);
}
