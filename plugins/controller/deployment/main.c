/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deployment -- controller: a ReplicaSet for each template, and the pods moved
 * from the old ones to the new.
 * Stateless. Controller loop.
 * Contract: pintle/controller.h; upstream's deployment-controller: adoption,
 * hash labels, revisions, proportional scaling, history. */
#include <stdlib.h>

#include <pintle/labels.h>

#include "deployment.h"

static pin_controller_reconcile_fn deploy_reconcile;
static pin_controller_map_fn deploy_map_set, deploy_map_pod;

static const struct pin_controller_watch deploy_watches[] = {
	[DEPLOYMENTS] = { "apps", "v1", "deployments", NULL },
	[SETS] = { "apps", "v1", "replicasets", deploy_map_set },
	[PODS] = { "", "v1", "pods", deploy_map_pod },
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
};

/* ---- which ones ---------------------------------------------------------- */

static void
deploy_map_set(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	meta_map_owned(rc, object, before, "Deployment", DEPLOYMENTS, out);
}

static struct pin_str
owner_name(const struct pin_obj *o, const char *kind)
{
	pin_node n = pin_obj_at(o, pin_obj_root(o), "metadata",
	    "ownerReferences", NULL);

	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "controller")) &&
		    pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "kind")),
		    kind))
			return (pin_obj_str(o, pin_obj_get(o, n, "name")));
	return (PIN_STR_NONE);
}

/* Recreate waits for the last pod of the old template. */
static void
deploy_map_pod(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	struct pin_str name;
	const struct pin_obj *set;

	(void)self;
	(void)before;
	if (!pin_map_deleted(rc) && !pod_ended(object))
		return;
	name = owner_name(object, "ReplicaSet");
	set = name.len > 0 ? pin_cache_get(rc, SETS, meta_get(object,
	    "namespace"), name) : NULL;
	if (set != NULL)
		pin_keys_add_owner(out, set, "Deployment");
}

/* ---- what there is ----------------------------------------------------- */

struct pin_str
annotation(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "annotations", key, NULL)));
}

int64_t
annotation_int(const struct pin_obj *o, const char *key)
{
	struct pin_str s = annotation(o, key);
	int64_t v = 0;
	size_t i;

	for (i = 0; i < s.len && i < 18 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (s.p[i] - '0');
	return (s.len > 0 ? v : -1);
}

static int64_t
revision_of(const struct pin_obj *o)
{
	int64_t v = annotation_int(o, REVISION);

	return (v > 0 ? v : 0);
}

static int
take_set(void *arg, const struct pin_obj *o)
{
	struct deploy *d = arg;
	struct set s = { .o = o, .was = spec_int(o, "replicas", 1),
	    .actual = status_int(o, "replicas"),
	    .ready = status_int(o, "readyReplicas"),
	    .available = status_int(o, "availableReplicas"),
	    .terminating = status_int(o, "terminatingReplicas"),
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
selects(struct deploy *d, const struct pin_obj *set)
{
	return (pin_labels_match(pin_reconcile_arena(d->rc), d->d,
	    pin_obj_get(d->d, d->spec, "selector"), set, meta_labels(set)) ==
	    1);
}

static int
owned(void *arg, const struct pin_obj *set)
{
	struct deploy *d = arg;

	if (selects(d, set))
		return (take_set(d, set));
	if (!meta_deleted(d->d)) {
		plan_release(d->rc, d->plan, meta_target(set, "apps", "v1",
		    "replicasets"), d->d);
		d->claimed = 1;
	}
	return (0);
}

static int
orphan(void *arg, const struct pin_obj *set)
{
	struct deploy *d = arg;

	if (meta_controller(set).len > 0 || meta_deleted(set) ||
	    !selects(d, set))
		return (0);
	if (!d->asked)
		d->may = may_adopt(d->rc, d->plan, meta_target(d->d, "apps",
		    "v1", "deployments"));
	d->asked = 1;
	if (d->may)
		plan_adopt(d->rc, d->plan, meta_target(set, "apps", "v1",
		    "replicasets"), d->d, "apps/v1", "Deployment");
	d->claimed = 1;			/* or soon */
	return (0);
}

/* Those on their way out too: the new template has to wait for them. */
static int
count_pod(void *arg, const struct pin_obj *pod)
{
	struct deploy *d = arg;

	d->pods_left += !pod_ended(pod);
	return (0);
}

static void
count_pods(struct deploy *d)
{
	uint32_t i;

	if (!d->recreate)
		return;
	for (i = 0; i < d->nold; i++)
		pin_cache_owned(d->rc, PODS, meta_get(d->d, "namespace"),
		    meta_get(d->old[i].o, "uid"), count_pod, d);
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

	d->collisions = status_int(d->d, "collisionCount");
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
	template_hash(d->d, d->collisions, d->hash);
}

/* Was the newest set refused? */
static void
look_back(struct deploy *d)
{
	const struct pin_obj *status;

	if (d->have_new || pin_refused(d->rc, "replicasets", &status) !=
	    PIN_REFUSED_CREATE)
		return;
	d->refusal = pin_obj_str(status, pin_obj_get(status,
	    pin_obj_root(status), "message"));
	pin_plan_event(d->plan, d->d, "Warning", CREATE_ERROR, CREATE_TEXT,
	    PIN_SARG(meta_get(d->d, "name")), d->hash, PIN_SARG(d->refusal));
}

static int
deploy_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct deploy *d = pin_arena_zalloc(pin_reconcile_arena(rc),
	    sizeof(*d));
	uint32_t i;
	int res = PIN_OK;

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
	pin_cache_owned(rc, SETS, ns, meta_get(d->d, "uid"), owned, d);
	if (!meta_deleted(d->d))
		pin_cache_list(rc, SETS, ns, orphan, d);
	if (d->claimed)
		return (PIN_OK);	/* then with them */
	qsort(d->old, d->nold, sizeof(d->old[0]), oldest);
	for (i = 0; i < d->nold; i++)
		if (d->old[i].revision > d->max_revision)
			d->max_revision = d->old[i].revision;
	d->scaling = rollout_is_scaling(d);
	if (meta_deleted(d->d)) {
		deployment_status(d);
		return (PIN_OK);
	}
	count_pods(d);
	rollout(d);
	look_back(d);
	if (d->refusal.len > 0)
		deployment_status(d);	/* it may be refused again */
	res = sync_sets(d, err);
	if (d->refusal.len == 0)
		deployment_status(d);
	return (res);
}
