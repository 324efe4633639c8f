/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c -- a Deployment's counts and conditions.
 * Contract: deployment.h; reasons and sentences as upstream writes them. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "deployment.h"

#define TEXT_MAX	1500
#define PROGRESSING	"Progressing"

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

/* Type and reason as they are: it is left alone, as upstream does it, unless
 * it is told `anew`. */
static void
put_condition(struct deploy *d, struct pin_obj *o, pin_node list,
    const char *type, const char *status, const char *reason,
    const char *message, int anew)
{
	pin_node was = condition(d->d, type), c, n;
	int same_status;
	char now[32];

	same_status = pin_str_is(pin_obj_str(d->d, pin_obj_get(d->d, was,
	    "status")), status);
	if (!anew && same_status && pin_str_is(pin_obj_str(d->d,
	    pin_obj_get(d->d, was, "reason")), reason)) {
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

static int64_t
sum(const struct deploy *d, size_t field)
{
	int64_t n = 0, v;
	uint32_t i;

	for (i = 0; i <= d->nold; i++) {
		memcpy(&v, (const char *)(i < d->nold ? &d->old[i] : &d->cur) +
		    field, sizeof(v));
		n += v;
	}
	return (n);
}

#define SUM(d, field)	sum((d), offsetof(struct set, field))

/* More of the new, fewer of the old, more ready, more available. */
static int
is_progress(const struct deploy *d)
{
	return (d->cur.actual > status_int(d->d, "updatedReplicas") ||
	    SUM(d, actual) - d->cur.actual < status_int(d->d, "replicas") -
	    status_int(d->d, "updatedReplicas") ||
	    SUM(d, ready) > status_int(d->d, "readyReplicas") ||
	    SUM(d, available) > status_int(d->d, "availableReplicas"));
}

static int
is_complete(const struct deploy *d)
{
	return (d->cur.actual == d->replicas && SUM(d, actual) ==
	    d->replicas && SUM(d, available) == d->replicas);
}

/* When the deadline passes, in UNIX seconds; 0: it does not. */
static int64_t
deadline(const struct deploy *d, pin_node cond)
{
	int64_t s = spec_int(d->d, "progressDeadlineSeconds", NO_DEADLINE);
	struct pin_str reason = pin_obj_str(d->d, pin_obj_get(d->d, cond,
	    "reason"));

	if (s == NO_DEADLINE || cond == 0 || pin_str_is(reason,
	    "NewReplicaSetAvailable") || pin_str_is(reason,
	    "ProgressDeadlineExceeded"))
		return (0);
	return (meta_seconds(pin_obj_str(d->d, pin_obj_get(d->d, cond,
	    "lastUpdateTime"))) + s);
}

static void
put_verdict(struct deploy *d, struct pin_obj *o, pin_node list, pin_node was)
{
	int64_t end = deadline(d, was), now = pin_reconcile_now(d->rc);
	char text[TEXT_MAX];
	struct pin_str name = d->have_new ? meta_get(d->cur.o, "name") :
	    meta_get(d->d, "name");
	const char *what = d->have_new ? "ReplicaSet" : "Deployment";

	if (is_complete(d)) {
		snprintf(text, sizeof(text), "%s \"" PIN_SFMT "\" has "
		    "successfully progressed.", what, PIN_SARG(name));
		put_condition(d, o, list, PROGRESSING, "True",
		    "NewReplicaSetAvailable", text, 0);
	} else if (is_progress(d)) {
		snprintf(text, sizeof(text), "%s \"" PIN_SFMT "\" is "
		    "progressing.", what, PIN_SARG(name));
		put_condition(d, o, list, PROGRESSING, "True",
		    "ReplicaSetUpdated", text, 1);
	} else if (end > 0 && end < now) {
		snprintf(text, sizeof(text), "%s \"" PIN_SFMT "\" has timed "
		    "out progressing.", what, PIN_SARG(name));
		put_condition(d, o, list, PROGRESSING, "False",
		    "ProgressDeadlineExceeded", text, 0);
	} else {
		if (was != 0)
			pin_obj_add_node(o, list, d->d, was);
		if (end > 0)
			pin_plan_requeue(d->plan, (uint64_t)(end - now + 1) *
			    1000);
	}
}

/* What has happened; 0: nothing has, the counts say how it goes on. */
static int
put_progress(struct deploy *d, struct pin_obj *o, pin_node list)
{
	pin_node was = condition(d->d, PROGRESSING);
	struct pin_str reason = pin_obj_str(d->d, pin_obj_get(d->d, was,
	    "reason"));
	char text[TEXT_MAX];

	if (spec_int(d->d, "progressDeadlineSeconds", NO_DEADLINE) ==
	    NO_DEADLINE)
		return (1);
	if (d->refusal.len > 0) {
		snprintf(text, sizeof(text), CREATE_TEXT,
		    PIN_SARG(meta_get(d->d, "name")), d->hash,
		    PIN_SARG(d->refusal));
		put_condition(d, o, list, PROGRESSING, "False", CREATE_ERROR,
		    text, 0);
	} else if (d->paused && !pin_str_is(reason, "DeploymentPaused") &&
	    !pin_str_is(reason, "ProgressDeadlineExceeded")) {
		put_condition(d, o, list, PROGRESSING, "Unknown",
		    "DeploymentPaused", "Deployment is paused", 0);
	} else if (!d->paused && pin_str_is(reason, "DeploymentPaused")) {
		put_condition(d, o, list, PROGRESSING, "Unknown",
		    "DeploymentResumed", "Deployment is resumed", 0);
	} else if (d->paused || d->scaling || meta_deleted(d->d) ||
	    (pin_str_is(reason, "NewReplicaSetAvailable") && d->have_new &&
	    SUM(d, actual) == d->cur.actual)) {
		if (was != 0)
			pin_obj_add_node(o, list, d->d, was);
	} else if (!d->have_new && (!d->recreate || d->cur.replicas > 0)) {
		snprintf(text, sizeof(text), "Created new replica set \""
		    PIN_SFMT "-%s\"", PIN_SARG(meta_get(d->d, "name")),
		    d->hash);
		put_condition(d, o, list, PROGRESSING, "True",
		    "NewReplicaSetCreated", text, 0);
	} else if (was == 0 && d->have_new && !is_complete(d) &&
	    !is_progress(d)) {
		snprintf(text, sizeof(text), "Found new replica set \""
		    PIN_SFMT "\"", PIN_SARG(meta_get(d->cur.o, "name")));
		put_condition(d, o, list, PROGRESSING, "True",
		    "FoundNewReplicaSet", text, 0);
	} else {
		return (0);
	}
	return (1);
}

/* A set that cannot make its pods speaks for the Deployment. */
static void
put_failure(struct deploy *d, struct pin_obj *o, pin_node list)
{
	const struct pin_obj *set = d->have_new ? d->cur.o : NULL;
	pin_node n = set != NULL ? condition(set, "ReplicaFailure") : 0, c, t;
	static const char *const same[] = { "type", "status", "reason",
	    "message" };
	uint32_t i;

	for (i = 0; n == 0 && i < d->nold; i++) {
		set = d->old[i].o;
		n = condition(set, "ReplicaFailure");
	}
	if (n == 0)
		return;
	c = pin_obj_add_new(o, list, PIN_OBJECT);
	for (i = 0; i < PIN_LEN(same); i++)
		pin_obj_set_str(o, c, same[i], pin_obj_str(set, pin_obj_get(
		    set, n, same[i])));
	t = pin_obj_get(set, n, "lastTransitionTime");
	pin_obj_set_node(o, c, PIN_STR("lastTransitionTime"), set, t);
	pin_obj_set_node(o, c, PIN_STR("lastUpdateTime"), set, t);
}

static void
put_counts(struct deploy *d, struct pin_obj *o)
{
	int64_t gen = 0, without = SUM(d, was) - SUM(d, available);

	pin_obj_i64(d->d, pin_obj_at(d->d, pin_obj_root(d->d), "metadata",
	    "generation", NULL), &gen);
	put(o, "observedGeneration", gen);
	put(o, "replicas", SUM(d, actual));
	put(o, "updatedReplicas", d->cur.actual);
	put(o, "readyReplicas", SUM(d, ready));
	put(o, "availableReplicas", SUM(d, available));
	put(o, "unavailableReplicas", without > 0 ? without : 0);
	pin_obj_set_i64(o, pin_obj_root(o), "terminatingReplicas",
	    SUM(d, terminating));
	if (d->collisions > 0)
		put(o, "collisionCount", d->collisions);
}

static pin_node
of_type(const struct pin_obj *o, pin_node list, struct pin_str type)
{
	pin_node n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_eq(pin_obj_str(o, pin_obj_get(o, n, "type")),
		    type))
			return (n);
	return (0);
}

static int
is_ours(struct pin_str type)
{
	return (pin_str_is(type, "Available") || pin_str_is(type,
	    PROGRESSING) || pin_str_is(type, "ReplicaFailure"));
}

/* Conditions that have changed come last, others' stay where they are. */
static void
put_in_order(struct deploy *d, struct pin_obj *o, const struct pin_obj *f,
    pin_node fresh)
{
	pin_node was = pin_obj_at(d->d, pin_obj_root(d->d), "status",
	    "conditions", NULL), list, n, same;
	struct pin_str type;

	list = pin_obj_set_new(o, pin_obj_root(o), "conditions", PIN_ARRAY);
	for (n = pin_obj_first(d->d, was); n != 0; n = pin_obj_next(d->d, n)) {
		type = pin_obj_str(d->d, pin_obj_get(d->d, n, "type"));
		same = of_type(f, fresh, type);
		if (same == 0 ? !is_ours(type) : pin_obj_equal(f, same, d->d,
		    n))
			pin_obj_add_node(o, list, d->d, n);
	}
	for (n = pin_obj_first(f, fresh); n != 0; n = pin_obj_next(f, n))
		if (of_type(o, list, pin_obj_str(f, pin_obj_get(f, n,
		    "type"))) == 0)
			pin_obj_add_node(o, list, f, n);
}

void
deployment_status(struct deploy *d)
{
	struct pin_obj *o = pin_obj_new(pin_reconcile_arena(d->rc));
	int64_t revision = sync_revision(d);
	struct pin_obj *copy, *fresh;
	pin_node list;
	int said;

	if (o == NULL)
		return;
	put_counts(d, o);
	fresh = pin_obj_new(pin_reconcile_arena(d->rc));
	if (fresh == NULL)
		return;
	list = pin_obj_set_new(fresh, pin_obj_root(fresh), "conditions",
	    PIN_ARRAY);
	said = put_progress(d, fresh, list);
	if (SUM(d, available) >= d->replicas - d->unavailable)
		put_condition(d, fresh, list, "Available", "True",
		    "MinimumReplicasAvailable",
		    "Deployment has minimum availability.", 0);
	else
		put_condition(d, fresh, list, "Available", "False",
		    "MinimumReplicasUnavailable",
		    "Deployment does not have minimum availability.", 0);
	if (!said)
		put_verdict(d, fresh, list, condition(d->d, PROGRESSING));
	put_failure(d, fresh, list);
	put_in_order(d, o, fresh, list);
	/* The revision goes with the status, as upstream sends it. */
	if (revision > 0 && d->refusal.len == 0 && !meta_deleted(d->d) &&
	    annotation_int(d->d, REVISION) != revision) {
		copy = pin_obj_copy(pin_reconcile_arena(d->rc), d->d);
		if (copy == NULL)
			return;
		meta_annotate(copy, REVISION, revision);
		plan_status_anyway(d->rc, d->plan, copy, meta_target(d->d,
		    "apps", "v1", "deployments"), o);
		return;
	}
	plan_status(d->rc, d->plan, d->d, meta_target(d->d, "apps", "v1",
	    "deployments"), o);
}
