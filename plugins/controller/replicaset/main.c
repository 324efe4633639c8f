/* SPDX-License-Identifier: BSD-2-Clause
 *
 * replicaset -- controller: as many pods of a template as asked for.
 * Stateless. Controller loop. Names of new pods come from the set's uid and
 * the names that are taken, so a repeated plan makes the same pods.
 * Contract: pintle/controller.h; upstream's replicaset-controller: adoption,
 * release, which pods go first, status. */
#include <stdio.h>
#include <string.h>

#include <pintle/labels.h>

#include "replicaset.h"

static pin_controller_reconcile_fn rs_reconcile;
static pin_controller_map_fn rs_map_pod;

static const struct pin_controller_watch rs_watches[] = {
	[SETS] = { "apps", "v1", "replicasets", NULL },
	[PODS] = { "", "v1", "pods", rs_map_pod },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops rs_ops = {
	.size = sizeof(rs_ops),
	.watches = rs_watches,
	.reconcile = rs_reconcile,
	.component = "replicaset-controller",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "replicaset", .version = "1.0",
	.summary = "keeps the number of pods a ReplicaSet asks for",
	.ops = &rs_ops,
};

static void
rs_map_pod(void *self, struct pin_reconcile *rc, const struct pin_obj *object,
    const struct pin_obj *before, struct pin_keys *out)
{
	(void)self;
	meta_map_owned(rc, object, before, "ReplicaSet", SETS, out);
}

/* ---- whose pods ------------------------------------------------------- */

static int
matches(struct rs *s, const struct pin_obj *pod)
{
	return (pin_labels_match(pin_reconcile_arena(s->rc), s->set,
	    s->selector, pod, meta_labels(pod)) == 1);
}

static void
keep(struct rs *s, const struct pin_obj *pod)
{
	uint32_t cap;

	if (s->n == s->cap) {
		cap = s->cap == 0 ? 32 : s->cap * 2;
		s->pods = pin_arena_grow(pin_reconcile_arena(s->rc), s->pods,
		    s->cap * sizeof(*s->pods), cap * sizeof(*s->pods));
		if (s->pods == NULL) {
			s->rc_code = PIN_ENOMEM;
			return;
		}
		s->cap = cap;
	}
	s->pods[s->n++] = pod;
}

static int
owned(void *arg, const struct pin_obj *pod)
{
	struct rs *s = arg;

	if (!pod_active(pod)) {
		s->terminating += meta_deleted(pod) && !pod_ended(pod) &&
		    matches(s, pod);
		return (0);
	}
	if (matches(s, pod))
		keep(s, pod);
	else if (!meta_deleted(s->set))
		plan_release(s->rc, s->plan, meta_target(pod, "", "v1",
		    "pods"), s->set);
	return (s->rc_code != PIN_OK);
}

static int
may(struct rs *s)
{
	if (!s->asked)
		s->may = may_adopt(s->rc, s->plan, meta_target(s->set,
		    "apps", "v1", "replicasets"));
	s->asked = 1;
	return (s->may);
}

static int
orphan(void *arg, const struct pin_obj *pod)
{
	struct rs *s = arg;

	if (meta_controller(pod).len == 0 && pod_active(pod) &&
	    matches(s, pod) && may(s)) {
		plan_adopt(s->rc, s->plan, meta_target(pod, "", "v1", "pods"),
		    s->set, "apps/v1", "ReplicaSet");
		keep(s, pod);
	}
	return (s->rc_code != PIN_OK);
}

/* ---- more, or fewer --------------------------------------------------- */

static int
taken(struct rs *s, const char *name)
{
	struct pin_str ns = meta_get(s->set, "namespace");

	return (pin_cache_get(s->rc, PODS, ns, pin_str(name)) != NULL);
}

static struct pin_obj *
new_pod(struct rs *s, const char *name)
{
	struct pin_arena *arena = pin_reconcile_arena(s->rc);
	const struct pin_obj *set = s->set;
	struct pin_obj *o = pin_obj_new(arena);
	pin_node t = pin_obj_at(set, pin_obj_root(set), "spec", "template",
	    NULL), meta, from, n;
	static const char *const copied[] = { "labels", "annotations",
	    "finalizers" };
	size_t i;

	if (o == NULL)
		return (NULL);
	meta = pin_obj_set_new(o, pin_obj_root(o), "metadata", PIN_OBJECT);
	pin_obj_set_str(o, meta, "name", pin_str(name));
	/* As if the server had made the name: others read it there. */
	pin_obj_set_str(o, meta, "generateName", (struct pin_str){ name,
	    strlen(name) - 5 });
	from = pin_obj_get(set, t, "metadata");
	for (i = 0; i < PIN_LEN(copied); i++)
		if ((n = pin_obj_get(set, from, copied[i])) != 0)
			pin_obj_set_node(o, meta, pin_str(copied[i]), set, n);
	meta_own(o, set, "apps/v1", "ReplicaSet");
	if ((n = pin_obj_get(set, t, "spec")) != 0)
		pin_obj_set_node(o, pin_obj_root(o), PIN_STR("spec"), set, n);
	return (o);
}

static uint64_t
version(const struct pin_obj *o)
{
	struct pin_str s = meta_get(o, "resourceVersion");
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	return (n << 16);
}

static void
grow(struct rs *s, int64_t missing)
{
	struct pin_str base = meta_get(s->set, "name"),
	    uid = meta_get(s->set, "uid");
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "pods", .namespace = meta_get(s->set, "namespace") };
	char name[256], tail[6];
	struct pin_obj *pod;
	uint64_t salt;
	int64_t made;

	if (base.len > 247)
		base.len = 247;
	/* Other names than before: whoever waits for a deleted pod to be gone
	 * looks for its name. */
	for (made = 0, salt = version(s->set); made < missing &&
	    made < PIN_PLAN_WRITES_MAX; salt++) {
		meta_suffix(uid, salt, tail);
		snprintf(name, sizeof(name), PIN_SFMT "-%s", PIN_SARG(base),
		    tail);
		if (taken(s, name))
			continue;
		pod = new_pod(s, name);
		if (pod == NULL) {
			s->rc_code = PIN_ENOMEM;
			return;
		}
		t.name = pin_arena_str(pin_reconcile_arena(s->rc),
		    pin_str(name));
		pin_plan_create(s->plan, &t, pod);
		pin_plan_event(s->plan, s->set, "Normal", "SuccessfulCreate",
		    "Created pod: %s", name);
		made++;
	}
}

static void
shrink(struct rs *s, int64_t surplus)
{
	struct pin_target t;
	int64_t i;

	if (surplus < s->n)
		victims_first(s);
	for (i = 0; i < surplus && i < PIN_PLAN_WRITES_MAX; i++) {
		t = meta_target(s->pods[i], "", "v1", "pods");
		pin_plan_delete(s->plan, &t, NULL);
		pin_plan_event(s->plan, s->set, "Normal", "SuccessfulDelete",
		    "Deleted pod: " PIN_SFMT, PIN_SARG(t.name));
	}
}

/* ---- all of it ---------------------------------------------------------- */

/* What the server refused the last time. */
static void
look_back(struct rs *s)
{
	const struct pin_obj *status;

	s->refused = pin_refused(s->rc, "pods", &status);
	if (s->refused != PIN_REFUSED_CREATE &&
	    s->refused != PIN_REFUSED_DELETE) {
		s->refused = 0;
		return;
	}
	s->refusal = pin_obj_str(status, pin_obj_get(status,
	    pin_obj_root(status), "message"));
	if (s->refused == PIN_REFUSED_CREATE)
		pin_plan_event(s->plan, s->set, "Warning", "FailedCreate",
		    "Error creating: " PIN_SFMT, PIN_SARG(s->refusal));
	else
		pin_plan_event(s->plan, s->set, "Warning", "FailedDelete",
		    "Error deleting: " PIN_SFMT, PIN_SARG(s->refusal));
}

static int
rs_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct rs s = { .rc = rc, .plan = plan };
	int64_t now = pin_reconcile_now(rc);

	(void)self;
	s.set = pin_cache_get(rc, SETS, ns, name);
	if (s.set == NULL)
		return (PIN_OK);
	s.selector = pin_obj_at(s.set, pin_obj_root(s.set), "spec",
	    "selector", NULL);
	pin_cache_owned(rc, PODS, ns, meta_get(s.set, "uid"), owned, &s);
	if (!meta_deleted(s.set))
		pin_cache_list(rc, PODS, ns, orphan, &s);
	s.want = spec_int(s.set, "replicas", 1);
	look_back(&s);
	replicaset_status(&s);	/* a refused pod ends the plan */
	if (!meta_deleted(s.set)) {
		if (s.n < s.want)
			grow(&s, s.want - s.n);
		else if (s.n > s.want)
			shrink(&s, s.n - s.want);
	}
	if (s.rc_code != PIN_OK)
		return (pin_err_set(err, s.rc_code, "out of memory"));
	if (s.again_s > now)
		pin_plan_requeue(plan, (uint64_t)(s.again_s - now) * 1000);
	return (PIN_OK);
}
