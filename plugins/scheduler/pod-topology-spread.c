/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pod-topology-spread -- scheduler plugin: of the pods a constraint of
 * spec.topologySpreadConstraints selects, no domain has more than maxSkew
 * above the least; those that say DoNotSchedule.
 * Stateless. Scheduler loop.
 * Contract: pintle/scheduler.h; KEP-895; upstream's PodTopologySpread, its
 * filter. */
#include "common/domains.h"
#include "common/nodeselector.h"
#include "common/toleration.h"

#define CONSTRAINTS_MAX	64	/* of one pod; more: the pod is refused */

static pin_sched_filter_fn spread_filter;

static const char *const spread_claims[] = {
	"spec.topologySpreadConstraints", NULL
};

static const struct pin_scheduler_ops spread_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.claims = spread_claims,
	.filter = spread_filter,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "pod-topology-spread", .version = "1.0",
	.summary = "pods evenly over zones, hosts, any node label",
	.ops = &spread_ops,
};

struct constraint {
	pin_node	 as;
	struct pin_str	 key;
	int64_t		 skew, domains_min;
	int		 affinity, taints;	/* which nodes count */
	int64_t		 self;		/* does it select the pod itself? */
	int64_t		 least;
	struct domains	 has;
};

struct spread {
	const struct pin_snapshot *snap;
	const struct pin_obj *pod;
	struct constraint c[CONSTRAINTS_MAX];
	uint32_t	 n;
	const struct constraint *counting;
	int64_t		 found;
};

/* ---- what it asks for -------------------------------------------- */

static int
policy(const struct pin_obj *pod, pin_node c, const char *key, int fallback)
{
	struct pin_str s = pin_obj_str(pod, pin_obj_get(pod, c, key));

	return (s.len == 0 ? fallback : pin_str_is(s, "Honor"));
}

static int
read_constraints(struct spread *s)
{
	const struct pin_obj *pod = s->pod;
	pin_node n = pin_obj_first(pod, pin_obj_at(pod, pin_obj_root(pod),
	    "spec", "topologySpreadConstraints", NULL));
	struct constraint *c;

	for (; n != 0; n = pin_obj_next(pod, n)) {
		if (!pin_str_is(pin_obj_str(pod, pin_obj_get(pod, n,
		    "whenUnsatisfiable")), "DoNotSchedule"))
			continue;
		if (s->n == CONSTRAINTS_MAX)
			return (PIN_ELIMIT);
		c = &s->c[s->n++];
		*c = (struct constraint){ .as = n, .skew = 1,
		    .domains_min = 1, .key = pin_obj_str(pod,
		    pin_obj_get(pod, n, "topologyKey")),
		    .affinity = policy(pod, n, "nodeAffinityPolicy", 1),
		    .taints = policy(pod, n, "nodeTaintsPolicy", 0) };
		(void)pin_obj_i64(pod, pin_obj_get(pod, n, "maxSkew"),
		    &c->skew);
		(void)pin_obj_i64(pod, pin_obj_get(pod, n, "minDomains"),
		    &c->domains_min);
		c->self = term_selects(pin_snap_arena(s->snap), pod, n, pod);
		domains_init(&c->has, s->snap);
	}
	return (PIN_OK);
}

/* ---- who is where ------------------------------------------------ */

static int
count_pod(void *arg, const struct pin_obj *other)
{
	struct spread *s = arg;

	s->found += pin_obj_at(other, pin_obj_root(other), "metadata",
	    "deletionTimestamp", NULL) == 0 &&
	    pin_str_eq(pod_namespace(other), pod_namespace(s->pod)) &&
	    term_selects(pin_snap_arena(s->snap), s->pod, s->counting->as,
	    other);
	return (PIN_OK);
}

static int
tolerated(const struct pin_obj *pod, const struct pin_obj *node)
{
	pin_node t = pin_obj_first(node, pin_obj_at(node, pin_obj_root(node),
	    "spec", "taints", NULL));
	struct taint taint;

	for (; t != 0; t = pin_obj_next(node, t)) {
		taint = taint_of(node, t);
		if (!pin_str_is(taint.effect, "PreferNoSchedule") &&
		    !pod_tolerates(pod, &taint, PIN_STR_NONE))
			return (0);
	}
	return (1);
}

/* Only nodes that have all of the labels count. */
static int
has_all(const struct spread *s, uint32_t node)
{
	struct pin_str value;
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (!node_domain(s->snap, node, s->c[i].key, &value))
			return (0);
	return (1);
}

static int
count_node(struct spread *s, struct constraint *c, uint32_t node)
{
	const struct pin_obj *brief = pin_snap_brief(s->snap, node);
	struct pin_str value;
	int64_t *n;
	int rc;

	if ((c->affinity && !pod_wants_node(s->pod, brief,
	    pin_snap_name(s->snap, node))) || (c->taints &&
	    !tolerated(s->pod, brief)))
		return (PIN_OK);
	(void)node_domain(s->snap, node, c->key, &value);
	s->counting = c;
	s->found = 0;
	rc = pin_snap_pods(s->snap, node, PIN_PODS_ALL, count_pod, s);
	if (rc != PIN_OK)
		return (rc);
	n = domains_add(&c->has, c->key, value);
	if (n == NULL)
		return (PIN_ENOMEM);
	*n += s->found;
	return (PIN_OK);
}

static int
count_all(struct spread *s)
{
	uint32_t i, k, n = pin_snap_count(s->snap);
	struct constraint *c;
	int rc = PIN_OK, first;

	for (i = 0; i < n && rc == PIN_OK; i++)
		for (k = 0; has_all(s, i) && k < s->n && rc == PIN_OK; k++)
			rc = count_node(s, &s->c[k], i);
	for (k = 0; k < s->n; k++) {
		c = &s->c[k];
		for (first = 1, i = 0; i < c->has.nslots; i++)
			if (c->has.slot[i].used && (first ||
			    c->has.slot[i].n < c->least)) {
				c->least = c->has.slot[i].n;
				first = 0;
			}
		if (c->has.n < c->domains_min)
			c->least = 0;
	}
	return (rc);
}

/* ---- a node ------------------------------------------------------ */

static int
spread_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	struct spread s = { .snap = snap, .pod = pod->obj };
	const struct constraint *c;
	struct pin_str value;
	uint32_t i, k;
	int rc, there;

	(void)self;
	rc = read_constraints(&s);
	if (rc == PIN_OK && s.n > 0)
		rc = count_all(&s);
	if (rc != PIN_OK || s.n == 0)
		return (rc);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		for (there = 1, k = 0; k < s.n; k++) {
			c = &s.c[k];
			there = node_domain(snap, i, c->key, &value);
			if (!there || domains_get(&c->has, c->key, value) +
			    c->self - c->least > c->skew)
				break;
		}
		if (k == s.n)
			continue;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, there ? PIN_NOFIT : PIN_NEVER, there ?
		    "node(s) didn't match pod topology spread constraints" :
		    "node(s) didn't match pod topology spread constraints "
		    "(missing required label)");
	}
	return (PIN_OK);
}
