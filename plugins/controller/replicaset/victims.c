/* SPDX-License-Identifier: BSD-2-Clause
 *
 * victims.c -- which pods go first when there are too many: what is the
 * smaller loss.
 * Pure. Contract: upstream's ActivePodsWithRanks. Times count by the power of
 * two of their age, so that of about equally old pods not always those of one
 * node go; within one power upstream goes by the uid, we by restarts before. */
#include <stdlib.h>

#include "replicaset.h"

#define NS_PER_S	INT64_C(1000000000)
#define NO_TIME		INT64_MIN	/* goes first */

struct victim {
	const struct pin_obj *pod;
	int64_t		 assigned, phase, ready;	/* smaller goes first */
	int64_t		 cost;
	int64_t		 neighbours;			/* larger goes first */
	int64_t		 ready_age;			/* smaller */
	int64_t		 restarts, sidecars;		/* larger */
	int64_t		 age;				/* smaller */
	struct pin_str	 uid, name;
};

/* ---- what counts -------------------------------------------------------- */

static pin_node
status_at(const struct pin_obj *pod, const char *key)
{
	return (pin_obj_at(pod, pin_obj_root(pod), "status", key, NULL));
}

static struct pin_str
node_of(const struct pin_obj *pod)
{
	return (pin_obj_str(pod, pin_obj_at(pod, pin_obj_root(pod), "spec",
	    "nodeName", NULL)));
}

/* The annotation, if it is an int32 as one writes it; else 0. */
static int64_t
cost_of(const struct pin_obj *pod)
{
	struct pin_str s = pin_obj_str(pod, pin_obj_at(pod, pin_obj_root(pod),
	    "metadata", "annotations", "controller.kubernetes.io/"
	    "pod-deletion-cost", NULL));
	size_t i = s.len > 0 && s.p[0] == '-', digits = i;
	int64_t v = 0;

	for (; i < s.len && i < digits + 10; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		v = v * 10 + (s.p[i] - '0');
	}
	if (i < s.len || i == digits || (s.p[digits] == '0' && s.len > 1))
		return (0);
	if (digits > 0)
		v = -v;
	return (v < INT32_MIN || v > INT32_MAX ? 0 : v);
}

/* The power of two below an age, which is counted in nanoseconds. */
static int64_t
age_of(struct pin_str since, int64_t now)
{
	int64_t at = meta_seconds(since), power = -1;
	uint64_t ns;

	if (at == 0)
		return (NO_TIME);
	if (now <= at)
		return (-1);
	if (now - at > INT64_MAX / NS_PER_S)
		return (63);
	for (ns = (uint64_t)((now - at) * NS_PER_S); ns > 0; ns >>= 1)
		power++;
	return (power);
}

static int64_t
most_restarts(const struct pin_obj *pod, pin_node list)
{
	int64_t most = 0, v = 0;
	pin_node n;

	for (n = pin_obj_first(pod, list); n != 0; n = pin_obj_next(pod, n))
		if (pin_obj_i64(pod, pin_obj_get(pod, n, "restartCount"),
		    &v) && v > most)
			most = v;
	return (most);
}

static int
is_sidecar(const struct pin_obj *pod, struct pin_str name)
{
	pin_node c = pin_obj_first(pod, pin_obj_at(pod, pin_obj_root(pod),
	    "spec", "initContainers", NULL));

	for (; c != 0; c = pin_obj_next(pod, c))
		if (pin_str_eq(pin_obj_str(pod, pin_obj_get(pod, c, "name")),
		    name))
			return (pin_str_is(pin_obj_str(pod, pin_obj_get(pod,
			    c, "restartPolicy")), "Always"));
	return (0);
}

static int64_t
sidecar_restarts(const struct pin_obj *pod)
{
	pin_node n = pin_obj_first(pod, status_at(pod,
	    "initContainerStatuses"));
	int64_t most = 0, v = 0;

	for (; n != 0; n = pin_obj_next(pod, n))
		if (is_sidecar(pod, pin_obj_str(pod, pin_obj_get(pod, n,
		    "name"))) && pin_obj_i64(pod, pin_obj_get(pod, n,
		    "restartCount"), &v) && v > most)
			most = v;
	return (most);
}

static struct pin_str
ready_since(const struct pin_obj *pod)
{
	pin_node n = pin_obj_first(pod, status_at(pod, "conditions"));

	for (; n != 0; n = pin_obj_next(pod, n))
		if (pin_str_is(pin_obj_str(pod, pin_obj_get(pod, n, "type")),
		    "Ready"))
			return (pin_obj_str(pod, pin_obj_get(pod, n,
			    "lastTransitionTime")));
	return (PIN_STR_NONE);
}

static void
weigh(struct victim *v, const struct pin_obj *pod, int64_t now)
{
	struct pin_str phase = pin_obj_str(pod, status_at(pod, "phase"));

	v->pod = pod;
	v->assigned = node_of(pod).len > 0;
	v->phase = pin_str_is(phase, "Running") ? 2 : pin_str_is(phase,
	    "Unknown");
	v->ready = pod_ready(pod);
	v->cost = cost_of(pod);
	v->ready_age = v->ready ? age_of(ready_since(pod), now) : 0;
	v->restarts = most_restarts(pod, status_at(pod, "containerStatuses"));
	v->sidecars = sidecar_restarts(pod);
	v->age = age_of(meta_get(pod, "creationTimestamp"), now);
	v->uid = meta_get(pod, "uid");
	v->name = meta_get(pod, "name");
}

/* ---- who sits where ----------------------------------------------------- */

/* Active pods of all sets of the same controller, by their node. */
struct crowd {
	struct rs	*s;
	struct crowd_node {
		struct pin_str	 name;
		int64_t		 n;
	}		*node;
	uint32_t	 n, cap;
};

static int
crowd_pod(void *arg, const struct pin_obj *pod)
{
	struct crowd *c = arg;
	struct pin_str name = node_of(pod);
	uint32_t i, cap;

	if (!pod_active(pod))
		return (0);
	for (i = 0; i < c->n; i++)
		if (pin_str_eq(c->node[i].name, name))
			break;
	if (i == c->cap) {
		cap = c->cap == 0 ? 16 : c->cap * 2;
		c->node = pin_arena_grow(pin_reconcile_arena(c->s->rc),
		    c->node, c->cap * sizeof(*c->node),
		    cap * sizeof(*c->node));
		if (c->node == NULL) {
			c->s->rc_code = PIN_ENOMEM;
			c->n = c->cap = 0;
			return (1);
		}
		c->cap = cap;
	}
	if (i == c->n)
		c->node[c->n++] = (struct crowd_node){ .name = name };
	c->node[i].n++;
	return (0);
}

static int
crowd_set(void *arg, const struct pin_obj *set)
{
	struct crowd *c = arg;

	pin_cache_owned(c->s->rc, PODS, meta_get(set, "namespace"),
	    meta_get(set, "uid"), crowd_pod, c);
	return (c->s->rc_code != PIN_OK);
}

static int64_t
crowd_on(const struct crowd *c, struct pin_str node)
{
	uint32_t i;

	for (i = 0; i < c->n; i++)
		if (pin_str_eq(c->node[i].name, node))
			return (c->node[i].n);
	return (0);
}

/* ---- the order ----------------------------------------------------------- */

static int
up(int64_t a, int64_t b)
{
	return (a < b ? -1 : a > b);
}

static int
before(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;
	const int verdict[] = {
	    up(x->assigned, y->assigned),
	    up(x->phase, y->phase),
	    up(x->ready, y->ready),
	    up(x->cost, y->cost),
	    up(y->neighbours, x->neighbours),
	    up(x->ready_age, y->ready_age),
	    up(y->restarts, x->restarts),
	    up(y->sidecars, x->sidecars),
	    up(x->age, y->age),
	    pin_str_cmp(x->uid, y->uid),
	};
	size_t i;

	for (i = 0; i < PIN_LEN(verdict); i++)
		if (verdict[i] != 0)
			return (verdict[i]);
	return (pin_str_cmp(x->name, y->name));
}

void
victims_first(struct rs *s)
{
	struct crowd c = { .s = s };
	struct victim *v;
	uint32_t i;

	v = pin_arena_zalloc(pin_reconcile_arena(s->rc), (s->n + 1) *
	    sizeof(*v));
	if (v == NULL) {
		s->rc_code = PIN_ENOMEM;
		return;
	}
	pin_cache_owned(s->rc, SETS, meta_get(s->set, "namespace"),
	    meta_controller(s->set), crowd_set, &c);
	for (i = 0; i < s->n; i++) {
		weigh(&v[i], s->pods[i], pin_reconcile_now(s->rc));
		v[i].neighbours = crowd_on(&c, node_of(s->pods[i]));
	}
	qsort(v, s->n, sizeof(*v), before);
	for (i = 0; i < s->n; i++)
		s->pods[i] = v[i].pod;
}
