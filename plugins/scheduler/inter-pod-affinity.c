/* SPDX-License-Identifier: BSD-2-Clause
 *
 * inter-pod-affinity -- scheduler plugin: near the pods that the required
 * terms of spec.affinity.podAffinity select, far from those of
 * podAntiAffinity; and far from pods that do not want this one. Near is the
 * same value of the node label that the term names. Of the nodes that are left,
 * rather what preferred terms like, its own and those of pods that are there.
 * Stateless but for its weight. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's InterPodAffinity.
 * Namespaces are not known here: a term with a namespaceSelector is not
 * claimed (such a pod waits), and one of a pod that is there already means
 * all namespaces. */
#include "common/domains.h"

#define REQUIRED	"requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED	"preferredDuringSchedulingIgnoredDuringExecution"
#define HARD_WEIGHT	1	/* of a term another pod requires */

static pin_sched_filter_fn affinity_filter;
static pin_sched_score_fn affinity_score;

static const char *const affinity_claims[] = {
	"spec.affinity.podAffinity", "spec.affinity.podAntiAffinity", NULL
};

static const struct pin_scheduler_ops affinity_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.claims = affinity_claims,
	.filter = affinity_filter,
	.score = affinity_score,
};

static const struct pin_option affinity_options[] = {
	{ .name = "weight", .type = PIN_OPT_INT, .fallback = "2",
	    .help = "of its score among all; 0: only filter", .min = 0,
	    .max = 100 },
	{ .name = NULL },
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "inter-pod-affinity", .version = "1.0",
	.summary = "near the pods it needs, far from those it avoids",
	.options = affinity_options, .ops = &affinity_ops,
};

/* One pod's question. */
struct ask {
	const struct pin_snapshot *snap;
	const struct pin_obj *pod;
	pin_node	 near, far;		/* its terms */
	uint32_t	 node;			/* being looked at */
	struct domains	 has_near, has_far, unwanted;
	struct domains	 liked;			/* of the score */
};

static pin_node
terms_of(const struct pin_obj *pod, const char *which, const char *how)
{
	return (pin_obj_at(pod, pin_obj_root(pod), "spec", "affinity", which,
	    how, NULL));
}

static pin_node
terms(const struct pin_obj *pod, const char *which)
{
	return (terms_of(pod, which, REQUIRED));
}

/* ---- whom a term selects ----------------------------------------- */

static int
in_namespace(const struct pin_obj *pod, pin_node term, struct pin_str ns)
{
	pin_node list = pin_obj_get(pod, term, "namespaces"), n,
	    all = pin_obj_get(pod, term, "namespaceSelector");

	if (pin_obj_type(pod, all) == PIN_OBJECT)
		return (1);
	if (pin_obj_count(pod, list) == 0)
		return (pin_str_eq(pod_namespace(pod), ns));
	for (n = pin_obj_first(pod, list); n != 0; n = pin_obj_next(pod, n))
		if (pin_str_eq(pin_obj_str(pod, n), ns))
			return (1);
	return (0);
}

static int
selects(const struct ask *a, const struct pin_obj *pod, pin_node term,
    const struct pin_obj *other)
{
	return (in_namespace(pod, term, pod_namespace(other)) &&
	    term_selects(pin_snap_arena(a->snap), pod, term, other));
}

static int
all_select(const struct ask *a, const struct pin_obj *other)
{
	pin_node t = pin_obj_first(a->pod, a->near);

	for (; t != 0; t = pin_obj_next(a->pod, t))
		if (!selects(a, a->pod, t, other))
			return (0);
	return (pin_obj_count(a->pod, a->near) > 0);
}

/* ---- counting ---------------------------------------------------- */

static int
count(struct ask *a, struct domains *d, const struct pin_obj *pod,
    pin_node term, int64_t weight)
{
	struct pin_str key = pin_obj_str(pod, pin_obj_get(pod, term,
	    "topologyKey")), value;
	int64_t *n;

	if (!node_domain(a->snap, a->node, key, &value))
		return (PIN_OK);
	n = domains_add(d, key, value);
	if (n == NULL)
		return (PIN_ENOMEM);
	*n += weight;
	return (PIN_OK);
}

/* A pod that is there: does it want this one? */
static int
count_unwanted(void *arg, const struct pin_obj *other)
{
	struct ask *a = arg;
	pin_node t = pin_obj_first(other, terms(other, "podAntiAffinity"));
	int rc = PIN_OK;

	for (; t != 0 && rc == PIN_OK; t = pin_obj_next(other, t))
		if (selects(a, other, t, a->pod))
			rc = count(a, &a->unwanted, other, t, 1);
	return (rc);
}

/* Does this one want it near, or far? */
static int
count_wanted(void *arg, const struct pin_obj *other)
{
	struct ask *a = arg;
	pin_node t;
	int rc = PIN_OK;

	if (all_select(a, other))
		for (t = pin_obj_first(a->pod, a->near); t != 0 &&
		    rc == PIN_OK; t = pin_obj_next(a->pod, t))
			rc = count(a, &a->has_near, a->pod, t, 1);
	for (t = pin_obj_first(a->pod, a->far); t != 0 && rc == PIN_OK;
	    t = pin_obj_next(a->pod, t))
		if (selects(a, a->pod, t, other))
			rc = count(a, &a->has_far, a->pod, t, 1);
	return (rc);
}

static int
count_all(struct ask *a)
{
	const int64_t *anti = pin_snap_column(a->snap, PIN_COL_PODS_ANTI);
	int cares = pin_obj_count(a->pod, a->near) > 0 ||
	    pin_obj_count(a->pod, a->far) > 0, rc = PIN_OK;
	uint32_t n = pin_snap_count(a->snap);

	for (a->node = 0; a->node < n && rc == PIN_OK; a->node++) {
		if (anti[a->node] > 0)
			rc = pin_snap_pods(a->snap, a->node, PIN_PODS_ANTI,
			    count_unwanted, a);
		if (cares && rc == PIN_OK)
			rc = pin_snap_pods(a->snap, a->node, PIN_PODS_ALL,
			    count_wanted, a);
	}
	return (rc);
}

/* ---- a node ------------------------------------------------------ */

static int
near_enough(const struct ask *a, uint32_t i)
{
	pin_node t = pin_obj_first(a->pod, a->near);
	struct pin_str key, value;
	int there = 1;

	for (; t != 0; t = pin_obj_next(a->pod, t)) {
		key = pin_obj_str(a->pod, pin_obj_get(a->pod, t,
		    "topologyKey"));
		if (!node_domain(a->snap, i, key, &value))
			return (0);
		there &= domains_get(&a->has_near, key, value) > 0;
	}
	/* The first of a group that wants to be together is near itself. */
	return (there || (a->has_near.n == 0 && all_select(a, a->pod)));
}

static int
far_enough(const struct ask *a, uint32_t i)
{
	pin_node t = pin_obj_first(a->pod, a->far);
	struct pin_str key, value;

	for (; t != 0; t = pin_obj_next(a->pod, t)) {
		key = pin_obj_str(a->pod, pin_obj_get(a->pod, t,
		    "topologyKey"));
		if (node_domain(a->snap, i, key, &value) &&
		    domains_get(&a->has_far, key, value) > 0)
			return (0);
	}
	return (1);
}

static int
is_unwanted(const struct ask *a, uint32_t i)
{
	const struct pin_obj *o = pin_snap_brief(a->snap, i);
	pin_node n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "labels", NULL));

	for (; a->unwanted.n > 0 && n != 0; n = pin_obj_next(o, n))
		if (domains_get(&a->unwanted, pin_obj_key(o, n),
		    pin_obj_str(o, n)) > 0)
			return (1);
	return (0);
}

static int
affinity_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	struct ask a = { .snap = snap, .pod = pod->obj,
	    .near = terms(pod->obj, "podAffinity"),
	    .far = terms(pod->obj, "podAntiAffinity") };
	const char *text;
	uint32_t i;
	int rc;

	(void)self;
	domains_init(&a.has_near, snap);
	domains_init(&a.has_far, snap);
	domains_init(&a.unwanted, snap);
	rc = count_all(&a);
	if (rc != PIN_OK)
		return (rc);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		if (!near_enough(&a, i))
			text = "node(s) didn't match pod affinity rules";
		else if (!far_enough(&a, i))
			text = "node(s) didn't match pod anti-affinity rules";
		else if (is_unwanted(&a, i))
			text = "node(s) didn't satisfy existing pods "
			    "anti-affinity rules";
		else
			continue;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, near_enough(&a, i) ? PIN_NOFIT :
		    PIN_NEVER, text);
	}
	return (PIN_OK);
}

/* ---- score -------------------------------------------------------- */

/* Preferred terms of `pod` that select `other`, in favour or against. */
static int
like(struct ask *a, const struct pin_obj *pod, const struct pin_obj *other,
    const char *which, int sign)
{
	pin_node t = pin_obj_first(pod, terms_of(pod, which, PREFERRED)),
	    term;
	int64_t weight;
	int rc = PIN_OK;

	for (; t != 0 && rc == PIN_OK; t = pin_obj_next(pod, t)) {
		term = pin_obj_get(pod, t, "podAffinityTerm");
		if (pin_obj_i64(pod, pin_obj_get(pod, t, "weight"),
		    &weight) && weight > 0 && weight <= 100 && selects(a, pod,
		    term, other))
			rc = count(a, &a->liked, pod, term, sign * weight);
	}
	return (rc);
}

/* What this pod thinks of one that is there, and that one of it. */
static int
like_each_other(void *arg, const struct pin_obj *other)
{
	struct ask *a = arg;
	pin_node t;
	int rc;

	rc = like(a, a->pod, other, "podAffinity", 1);
	if (rc == PIN_OK)
		rc = like(a, a->pod, other, "podAntiAffinity", -1);
	if (rc == PIN_OK)
		rc = like(a, other, a->pod, "podAffinity", 1);
	if (rc == PIN_OK)
		rc = like(a, other, a->pod, "podAntiAffinity", -1);
	for (t = pin_obj_first(other, terms(other, "podAffinity")); t != 0 &&
	    rc == PIN_OK; t = pin_obj_next(other, t))
		if (selects(a, other, t, a->pod))
			rc = count(a, &a->liked, other, t, HARD_WEIGHT);
	return (rc);
}

static int
like_all(struct ask *a)
{
	const int64_t *terms_at = pin_snap_column(a->snap,
	    PIN_COL_PODS_AFFINITY);
	int cares = pin_obj_count(a->pod, terms_of(a->pod, "podAffinity",
	    PREFERRED)) > 0 || pin_obj_count(a->pod, terms_of(a->pod,
	    "podAntiAffinity", PREFERRED)) > 0, rc = PIN_OK;
	uint32_t n = pin_snap_count(a->snap);

	for (a->node = 0; a->node < n && rc == PIN_OK; a->node++)
		if (cares || terms_at[a->node] > 0)
			rc = pin_snap_pods(a->snap, a->node, cares ?
			    PIN_PODS_ALL : PIN_PODS_AFFINITY, like_each_other,
			    a);
	return (rc);
}

static int64_t
liking(const struct ask *a, uint32_t i)
{
	const struct pin_obj *o = pin_snap_brief(a->snap, i);
	pin_node n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "labels", NULL));
	int64_t sum = 0;

	for (; n != 0; n = pin_obj_next(o, n))
		sum += domains_get(&a->liked, pin_obj_key(o, n),
		    pin_obj_str(o, n));
	return (sum);
}

/* The least liked of the nodes gets 0, the most PIN_SCORE_MAX. */
static int
affinity_score(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, const struct pin_bits *nodes,
    int32_t *out)
{
	struct ask a = { .snap = snap, .pod = pod->obj };
	int64_t least = INT64_MAX, most = INT64_MIN, v;
	uint32_t i;
	int rc;

	(void)self;
	domains_init(&a.liked, snap);
	rc = like_all(&a);
	if (rc != PIN_OK || a.liked.n == 0)
		return (rc);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		v = liking(&a, i);
		least = v < least ? v : least;
		most = v > most ? v : most;
	}
	for (i = pin_bits_next(nodes, 0); i < nodes->n && most > least;
	    i = pin_bits_next(nodes, i + 1))
		out[i] = (int32_t)((liking(&a, i) - least) * PIN_SCORE_MAX /
		    (most - least));
	return (PIN_OK);
}
