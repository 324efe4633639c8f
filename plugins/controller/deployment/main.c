/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deployment -- controller: a ReplicaSet for each template, and the pods moved
 * from the old ones to the new.
 * Stateless. Controller loop.
 * Contract: pintle/controller.h; upstream's deployment-controller: adoption,
 * hash labels, revisions, proportional scaling, history. */
#include <stdio.h>
#include <stdlib.h>

#include <pintle/labels.h>

#include "deployment.h"

static pin_open_fn deploy_open;
static pin_close_fn deploy_close;
static pin_controller_reconcile_fn deploy_reconcile;
static pin_controller_map_fn deploy_map_set;

static const struct pin_controller_watch deploy_watches[] = {
	[DEPLOYMENTS] = { "apps", "v1", "deployments", NULL },
	[SETS] = { "apps", "v1", "replicasets", deploy_map_set },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops deploy_ops = {
	.size = sizeof(deploy_ops),
	.watches = deploy_watches,
	.reconcile = deploy_reconcile,
	.component = "deployment-controller",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "deployment", .version = "1.0",
	.summary = "rolls templates out as ReplicaSets",
	.ops = &deploy_ops,
	.open = deploy_open, .close = deploy_close,
};

static int
deploy_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)env;
	(void)conf;
	(void)self;
	(void)err;
	return (PIN_OK);
}

static void
deploy_close(void *self)
{
	(void)self;
}

static void
deploy_map_set(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	(void)rc;
	pin_keys_add_owner(out, object, "Deployment");
	if (before != NULL)
		pin_keys_add_owner(out, before, "Deployment");
}

/* ---- what there is ----------------------------------------------------- */

static int64_t
revision_of(const struct pin_obj *o)
{
	struct pin_str s = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "annotations", REVISION, NULL));
	int64_t v = 0;
	size_t i;

	for (i = 0; i < s.len && i < 18 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (s.p[i] - '0');
	return (v);
}

static int
take_set(void *arg, const struct pin_obj *o)
{
	struct deploy *d = arg;
	struct set s = { .o = o, .was = spec_int(o, "replicas", 1),
	    .actual = status_int(o, "replicas"),
	    .ready = status_int(o, "readyReplicas"),
	    .available = status_int(o, "availableReplicas"),
	    .revision = revision_of(o) };

	s.replicas = s.was;
	if (meta_deleted(o))
		return (0);
	if (template_equal(d->d, o) && (!d->have_new ||
	    pin_str_cmp(meta_get(o, "creationTimestamp"), meta_get(d->cur.o,
	    "creationTimestamp")) < 0)) {
		if (d->have_new && d->nold < SETS_MAX)
			d->old[d->nold++] = d->cur;
		d->cur = s;
		d->have_new = 1;
	} else if (d->nold < SETS_MAX) {
		d->old[d->nold++] = s;
	}
	return (0);
}

static int
oldest(const void *a, const void *b)
{
	const struct set *x = a, *y = b;
	int c = pin_str_cmp(meta_get(x->o, "creationTimestamp"),
	    meta_get(y->o, "creationTimestamp"));

	return (c != 0 ? c : pin_str_cmp(meta_get(x->o, "name"),
	    meta_get(y->o, "name")));
}

/* An int, or a percentage of replicas. */
static int64_t
portion(const struct pin_obj *o, pin_node n, int64_t of, int up)
{
	struct pin_str s;
	int64_t v = 0;
	size_t i;

	if (pin_obj_type(o, n) == PIN_NUMBER) {
		pin_obj_i64(o, n, &v);
		return (v);
	}
	s = pin_obj_str(o, n);
	for (i = 0; i < s.len && i < 9 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (s.p[i] - '0');
	return (up ? (v * of + 99) / 100 : v * of / 100);
}

static void
read_spec(struct deploy *d)
{
	pin_node st = pin_obj_get(d->d, d->spec, "strategy"), ru;
	int64_t collisions = status_int(d->d, "collisionCount");

	d->replicas = spec_int(d->d, "replicas", 1);
	d->paused = pin_obj_true(d->d, pin_obj_get(d->d, d->spec, "paused"));
	d->recreate = pin_str_is(pin_obj_str(d->d, pin_obj_get(d->d, st,
	    "type")), "Recreate");
	ru = pin_obj_get(d->d, st, "rollingUpdate");
	if (!d->recreate) {
		d->surge = portion(d->d, pin_obj_get(d->d, ru, "maxSurge"),
		    d->replicas, 1);
		d->unavailable = portion(d->d, pin_obj_get(d->d, ru,
		    "maxUnavailable"), d->replicas, 0);
		if (d->surge == 0 && d->unavailable == 0)
			d->unavailable = 1;
		if (d->unavailable > d->replicas)
			d->unavailable = d->replicas;
	}
	template_hash(d->d, collisions, d->hash);
}

/* ---- what shall be ------------------------------------------------------ */

static void
scaled(struct deploy *d, struct pin_str name, int64_t from, int64_t to)
{
	pin_plan_event(d->plan, d->d, "Normal", "ScalingReplicaSet",
	    "Scaled %s replica set " PIN_SFMT " from %lld to %lld", to > from ?
	    "up" : "down", PIN_SARG(name), (long long)from, (long long)to);
}

/* replicas and the annotations that remember what they were made for. */
static void
write_set(struct deploy *d, struct set *s, int64_t revision)
{
	struct pin_target t = meta_target(s->o, "apps", "v1", "replicasets");
	struct pin_obj *o = pin_obj_copy(pin_reconcile_arena(d->rc), s->o);

	if (o == NULL)
		return;
	meta_annotate(o, DESIRED, d->replicas);
	meta_annotate(o, MAX_REPLICAS, d->replicas + d->surge);
	meta_annotate(o, REVISION, revision);
	pin_obj_set_i64(o, pin_obj_get(o, pin_obj_root(o), "spec"),
	    "replicas", s->replicas);
	pin_plan_update(d->plan, &t, o);
	if (s->replicas != s->was)
		scaled(d, t.name, s->was, s->replicas);
}

static int
annotation_is(const struct pin_obj *o, const char *key, int64_t want)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)want);
	return (pin_str_is(pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "annotations", key, NULL)), text));
}

static int
write_new(struct deploy *d, struct pin_err *err)
{
	struct pin_target t = { .group = "apps", .version = "v1",
	    .resource = "replicasets", .namespace = meta_get(d->d,
	    "namespace") };
	struct pin_obj *o;
	int64_t revision = d->cur.revision;

	if (!d->have_new) {
		if (d->paused)
			return (PIN_OK);
		o = template_set(d, d->cur.replicas);
		if (o == NULL)
			return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
		t.name = meta_get(o, "name");
		pin_plan_create(d->plan, &t, o);
		if (d->cur.replicas > 0)
			scaled(d, t.name, 0, d->cur.replicas);
		return (PIN_OK);
	}
	/* Rolled back to: it becomes the newest revision again. */
	if (revision <= d->max_revision)
		revision = d->max_revision + 1;
	if (d->cur.replicas != d->cur.was || !annotation_is(d->cur.o, DESIRED,
	    d->replicas) || revision != d->cur.revision)
		write_set(d, &d->cur, revision);
	return (PIN_OK);
}

static void
write_old(struct deploy *d)
{
	int64_t limit = spec_int(d->d, "revisionHistoryLimit", 10),
	    idle = 0;
	struct pin_target t;
	uint32_t i;

	for (i = 0; i < d->nold; i++) {
		if (d->old[i].replicas != d->old[i].was ||
		    (d->old[i].was > 0 && !annotation_is(d->old[i].o, DESIRED,
		    d->replicas)))
			write_set(d, &d->old[i], d->old[i].revision);
		idle += d->old[i].was == 0 && d->old[i].actual == 0;
	}
	for (i = 0; i < d->nold && idle > limit; i++) {
		if (d->old[i].was != 0 || d->old[i].actual != 0)
			continue;
		t = meta_target(d->old[i].o, "apps", "v1", "replicasets");
		pin_plan_delete(d->plan, &t, "Background");
		idle--;
	}
}

/* The Deployment carries the revision of its newest set. 1: it is written,
 * and the status has to wait for the next time. */
static int
write_revision(struct deploy *d)
{
	struct pin_target t = meta_target(d->d, "apps", "v1", "deployments");
	int64_t revision = d->have_new && d->cur.revision > d->max_revision ?
	    d->cur.revision : d->max_revision + 1;
	struct pin_obj *o;

	if (annotation_is(d->d, REVISION, revision))
		return (0);
	o = pin_obj_copy(pin_reconcile_arena(d->rc), d->d);
	if (o == NULL)
		return (0);
	meta_annotate(o, REVISION, revision);
	pin_plan_update(d->plan, &t, o);
	return (1);
}

static int
deploy_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct deploy *d = pin_arena_zalloc(pin_reconcile_arena(rc),
	    sizeof(*d));
	uint32_t i;
	int res = PIN_OK, written = 0;

	(void)self;
	if (d == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	d->rc = rc;
	d->plan = plan;
	d->d = pin_cache_get(rc, DEPLOYMENTS, ns, name);
	if (d->d == NULL)
		return (PIN_OK);
	d->spec = pin_obj_get(d->d, pin_obj_root(d->d), "spec");
	read_spec(d);
	pin_cache_owned(rc, SETS, ns, meta_get(d->d, "uid"), take_set, d);
	qsort(d->old, d->nold, sizeof(d->old[0]), oldest);
	for (i = 0; i < d->nold; i++)
		if (d->old[i].revision > d->max_revision)
			d->max_revision = d->old[i].revision;
	if (!meta_deleted(d->d)) {
		rollout(d);
		res = write_new(d, err);
		if (res == PIN_OK) {
			write_old(d);
			written = write_revision(d);
		}
	}
	if (!written)
		deployment_status(d);
	return (res);
}
