/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sync.c -- ReplicaSets are made, scaled, annotated, and forgotten.
 * Contract: deployment.h; upstream's annotations and events. */
#include <stdio.h>

#include "deployment.h"

#define HISTORY_MAX	2000	/* bytes of old revisions */

static void
scaled(struct deploy *d, struct pin_str name, int64_t from, int64_t to)
{
	pin_plan_event(d->plan, d->d, "Normal", "ScalingReplicaSet",
	    "Scaled %s replica set " PIN_SFMT " from %lld to %lld", to > from ?
	    "up" : "down", PIN_SARG(name), (long long)from, (long long)to);
}

int64_t
sync_revision(const struct deploy *d)
{
	if (d->have_new)
		return (d->cur.revision > d->max_revision ? d->cur.revision :
		    d->max_revision + 1);
	return (d->paused || d->scaling ? 0 : d->max_revision + 1);
}

/* "1,3": what this set was before. */
static void
remember(struct pin_obj *o, const struct set *s)
{
	struct pin_str was = annotation(s->o, HISTORY);
	pin_node a = pin_obj_at(o, pin_obj_root(o), "metadata", "annotations",
	    NULL);
	char text[HISTORY_MAX + 32];

	if (s->revision == 0 || was.len > HISTORY_MAX)
		return;
	snprintf(text, sizeof(text), PIN_SFMT "%s%lld", PIN_SARG(was),
	    was.len > 0 ? "," : "", (long long)s->revision);
	pin_obj_set_str(o, a, HISTORY, pin_str(text));
}

/* What the Deployment says about itself, its newest set says too. 1: there
 * was something new. */
static int
copy_annotations(struct deploy *d, struct pin_obj *o)
{
	pin_node meta = pin_obj_get(o, pin_obj_root(o), "metadata"), to, n;
	struct pin_str key;
	int changed = 0;

	to = pin_obj_get(o, meta, "annotations");
	if (to == 0)
		to = pin_obj_set_new(o, meta, "annotations", PIN_OBJECT);
	n = pin_obj_at(d->d, pin_obj_root(d->d), "metadata", "annotations",
	    NULL);
	for (n = pin_obj_first(d->d, n); n != 0; n = pin_obj_next(d->d, n)) {
		key = pin_obj_key(d->d, n);
		if (!template_annotation(key) || pin_obj_equal(d->d, n, o,
		    pin_obj_getn(o, to, key.p, key.len)))
			continue;
		pin_obj_set_node(o, to, key, d->d, n);
		changed = 1;
	}
	return (changed);
}

/* minReadySeconds is the Deployment's. */
static int
copy_ready_seconds(struct deploy *d, struct pin_obj *o)
{
	int64_t want = spec_int(d->d, "minReadySeconds", 0);

	if (spec_int(o, "minReadySeconds", 0) == want)
		return (0);
	pin_obj_set_i64(o, pin_obj_get(o, pin_obj_root(o), "spec"),
	    "minReadySeconds", want);
	return (1);
}

/* Writes a set, if it is not as it shall be. */
static void
write_set(struct deploy *d, struct set *s, int newest)
{
	struct pin_target t = meta_target(s->o, "apps", "v1", "replicasets");
	struct pin_obj *o = pin_obj_copy(pin_reconcile_arena(d->rc), s->o);
	int changed = s->replicas != s->was;
	int64_t revision = sync_revision(d);

	if (o == NULL)
		return;
	if (newest) {
		changed |= copy_annotations(d, o) | copy_ready_seconds(d, o);
		/* Rolled back to: it becomes the newest revision again. */
		if (s->revision < revision) {
			meta_annotate(o, REVISION, revision);
			remember(o, s);
			changed = 1;
		}
	}
	if ((s->replicas > 0 || s->was > 0) &&
	    (annotation_int(s->o, DESIRED) != d->replicas ||
	    annotation_int(s->o, MAX_REPLICAS) != d->replicas + d->surge)) {
		meta_annotate(o, DESIRED, d->replicas);
		meta_annotate(o, MAX_REPLICAS, d->replicas + d->surge);
		changed = 1;
	}
	if (!changed)
		return;
	pin_obj_set_i64(o, pin_obj_get(o, pin_obj_root(o), "spec"),
	    "replicas", s->replicas);
	pin_plan_update(d->plan, &t, o);
	if (s->replicas != s->was)
		scaled(d, t.name, s->was, s->replicas);
}

static int
create_new(struct deploy *d, struct pin_err *err)
{
	struct pin_target t = { .group = "apps", .version = "v1",
	    .resource = "replicasets", .namespace = meta_get(d->d,
	    "namespace") };
	struct pin_obj *o;

	o = template_set(d, d->cur.replicas);
	if (o == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	t.name = meta_get(o, "name");
	/* Somebody else's, or ours with another template and equal hash. */
	if (pin_cache_get(d->rc, SETS, t.namespace, t.name) != NULL) {
		d->collisions++;
		return (PIN_OK);
	}
	pin_plan_create(d->plan, &t, o);
	if (d->cur.replicas > 0)
		scaled(d, t.name, 0, d->cur.replicas);
	return (PIN_OK);
}

/* Does the status say that the rollout has ended? */
static int
is_complete(const struct deploy *d)
{
	int64_t gen = 0;

	(void)pin_obj_i64(d->d, pin_obj_at(d->d, pin_obj_root(d->d),
	    "metadata", "generation", NULL), &gen);
	return (status_int(d->d, "updatedReplicas") == d->replicas &&
	    status_int(d->d, "replicas") == d->replicas &&
	    status_int(d->d, "availableReplicas") == d->replicas &&
	    status_int(d->d, "observedGeneration") >= gen);
}

static int
is_idle(const struct set *s)
{
	return (s->was == 0 && s->replicas == 0 && s->actual == 0);
}

/* Old sets beyond the limit; those of the lowest revision go first. */
static void
forget(struct deploy *d)
{
	int64_t limit = spec_int(d->d, "revisionHistoryLimit", 10), idle = 0;
	uint32_t i, low;
	struct pin_target t;

	for (i = 0; i < d->nold; i++)
		idle += is_idle(&d->old[i]);
	for (; idle > limit; idle--) {
		low = UINT32_MAX;
		for (i = 0; i < d->nold; i++)
			if (is_idle(&d->old[i]) && (low == UINT32_MAX ||
			    d->old[i].revision < d->old[low].revision))
				low = i;
		if (low == UINT32_MAX)
			break;
		t = meta_target(d->old[low].o, "apps", "v1", "replicasets");
		pin_plan_delete(d->plan, &t, "Background");
		d->old[low].actual = -1;	/* no longer idle */
	}
}

int
sync_sets(struct deploy *d, struct pin_err *err)
{
	uint32_t i;
	int rc = PIN_OK;

	if (d->have_new)
		write_set(d, &d->cur, 1);
	else if (!d->paused && !d->scaling && (!d->recreate ||
	    d->cur.replicas == d->replicas))
		rc = create_new(d, err);
	for (i = 0; i < d->nold; i++)
		write_set(d, &d->old[i], 0);
	if (d->paused || (!d->scaling && is_complete(d)))
		forget(d);
	return (rc);
}
