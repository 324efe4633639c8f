/* SPDX-License-Identifier: BSD-2-Clause
 *
 * collect.c -- what becomes of an object with owners: nothing while one of
 * them is there; else it is deleted. That an owner is gone is believed only
 * when the server, asked for it by name, does not have it with that uid.
 * Contract: gc.h; upstream's attemptToDeleteItem. */
#include "gc.h"

#include <stdio.h>
#include <string.h>

#define UNKNOWN_KIND_MS	30000	/* until its owners are looked for again */
#define DISCOVERY_MS	100	/* until the resources are known again */

enum { SOLID, GONE, WAITING, ASKED, UNKNOWN };

struct item {
	struct gc	*g;
	struct pin_reconcile *rc;
	struct pin_plan	*plan;
	struct node	*node;
	struct pin_target t;
	const struct pin_obj *o;
	uint32_t	 n, count[UNKNOWN + 1];
	struct pin_str	 uid[REFS_MAX];
	int		 is[REFS_MAX];
};

const struct pin_resource *
resource_of(struct pin_reconcile *rc, struct pin_str api_version,
    struct pin_str kind)
{
	const struct pin_resource *r;
	struct pin_str group = PIN_STR_NONE;
	uint32_t n, i;
	size_t k;

	for (k = 0; k < api_version.len; k++)
		if (api_version.p[k] == '/')
			group = (struct pin_str){ api_version.p, k };
	r = pin_resources(rc, &n);
	for (i = 0; r != NULL && i < n; i++)
		if (pin_str_is(kind, r[i].kind) && (group.len == 0 ?
		    r[i].group[0] == '\0' : pin_str_is(group, r[i].group)))
			return (&r[i]);
	return (NULL);
}

static int
is_waiting(const struct pin_obj *o)
{
	return (meta_deleted(o) && has_finalizer(o, FOREGROUND));
}

/* ---- an owner that is elsewhere --------------------------------------- */

struct elsewhere {
	struct pin_str	uid, ns;
	int		found;
};

static int
is_there(void *arg, const struct pin_obj *o)
{
	struct elsewhere *e = arg;

	e->found = pin_str_eq(meta_get(o, "uid"), e->uid) &&
	    !pin_str_eq(meta_get(o, "namespace"), e->ns);
	return (e->found);
}

static void
tell_elsewhere(struct item *it, pin_node ref, const struct pin_resource *r,
    struct pin_str uid)
{
	struct owner *ow = graph_owner(it->g, uid);
	struct elsewhere e = { .uid = uid, .ns = it->t.namespace };
	struct pin_target t = { .group = r->group, .version = r->version,
	    .resource = r->resource };
	const struct pin_obj *o = it->o;

	if (!r->namespaced || ow == NULL || ow->nowhere)
		return;
	pin_cache_any_list(it->rc, &t, is_there, &e);
	if (!e.found) {
		ow->nowhere = 1;	/* do not look for each of many */
		return;
	}
	pin_plan_event(it->plan, o, "Warning", "OwnerRefInvalidNamespace",
	    "ownerRef [" PIN_SFMT "/" PIN_SFMT ", namespace: " PIN_SFMT
	    ", name: " PIN_SFMT ", uid: " PIN_SFMT "] does not exist in "
	    "namespace \"" PIN_SFMT "\"",
	    PIN_SARG(pin_obj_str(o, pin_obj_get(o, ref, "apiVersion"))),
	    PIN_SARG(pin_obj_str(o, pin_obj_get(o, ref, "kind"))),
	    PIN_SARG(e.ns), PIN_SARG(pin_obj_str(o, pin_obj_get(o, ref,
	    "name"))), PIN_SARG(uid), PIN_SARG(e.ns));
}

/* ---- what the references say ------------------------------------------ */

static int
classify(struct item *it, pin_node ref)
{
	const struct pin_obj *o = it->o, *owner;
	struct pin_str uid = pin_obj_str(o, pin_obj_get(o, ref, "uid"));
	const struct pin_resource *r = resource_of(it->rc, pin_obj_str(o,
	    pin_obj_get(o, ref, "apiVersion")), pin_obj_str(o, pin_obj_get(o,
	    ref, "kind")));
	struct pin_target t;

	/* A kind the server does not have cannot be asked for; an object of
	 * no namespace whose owner has one is a mistake: keep both. */
	if (r == NULL)
		return (UNKNOWN);
	if (r->namespaced && it->t.namespace.len == 0)
		return (SOLID);
	t = (struct pin_target){ .group = r->group, .version = r->version,
	    .resource = r->resource, .name = pin_obj_str(o, pin_obj_get(o,
	    ref, "name")) };
	if (r->namespaced)
		t.namespace = it->t.namespace;
	if (!pin_live_result(it->rc, &t, &owner)) {
		owner = pin_cache_any(it->rc, &t);
		if (owner != NULL && pin_str_eq(meta_get(owner, "uid"), uid))
			return (is_waiting(owner) ? WAITING : SOLID);
		pin_plan_live(it->plan, &t);
		return (ASKED);
	}
	if (owner == NULL || !pin_str_eq(meta_get(owner, "uid"), uid)) {
		tell_elsewhere(it, ref, r, uid);
		return (GONE);
	}
	return (is_waiting(owner) ? WAITING : SOLID);
}

static void
classify_all(struct item *it)
{
	pin_node ref = pin_obj_at(it->o, pin_obj_root(it->o), "metadata",
	    "ownerReferences", NULL);

	it->n = 0;
	memset(it->count, 0, sizeof(it->count));
	ref = pin_obj_first(it->o, ref);
	for (; ref != 0 && it->n < REFS_MAX; ref = pin_obj_next(it->o, ref)) {
		it->uid[it->n] = pin_obj_str(it->o, pin_obj_get(it->o, ref,
		    "uid"));
		it->is[it->n] = classify(it, ref);
		it->count[it->is[it->n++]]++;
	}
	if (ref != 0)
		it->count[SOLID]++;	/* too many to look at: keep it */
}

/* ---- what follows ------------------------------------------------------ */

static int
has_no_use(void *arg, struct pin_str uid)
{
	const struct item *it = arg;
	uint32_t i;

	for (i = 0; i < it->n; i++)
		if (pin_str_eq(it->uid[i], uid))
			return (it->is[i] == GONE || it->is[i] == WAITING);
	return (0);
}

static void
delete_item(struct item *it, const char *propagation)
{
	struct pin_target t = it->t;

	t.uid = meta_get(it->o, "uid");
	t.version_seen = meta_get(it->o, "resourceVersion");
	pin_plan_delete(it->plan, &t, propagation);
}

/* Its dependents go first. If one of them waits in its turn, that may be a
 * circle: nothing in it shall block. */
static void
delete_in_turn(struct item *it, const struct owner *me)
{
	const struct edge *e;

	for (e = me->edges; e != NULL; e = e->peer_next)
		if (e->node->waiting)
			break;
	if (e != NULL) {
		unblock_owners(it->rc, it->plan, &it->t, it->o);
		pin_plan_requeue(it->plan, 0);
		return;			/* deleted when that is done */
	}
	delete_item(it, "Foreground");
}

static int
is_unblocked(const struct pin_obj *o)
{
	pin_node n = pin_obj_at(o, pin_obj_root(o), "metadata",
	    "ownerReferences", NULL);

	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "blockOwnerDeletion")))
			return (0);
	return (1);
}

static void
decide(struct item *it)
{
	const struct owner *me = graph_owner(it->g, node_uid(it->node));

	if (it->count[UNKNOWN] > 0)
		pin_plan_requeue(it->plan, UNKNOWN_KIND_MS);
	if (it->count[SOLID] + it->count[UNKNOWN] > 0) {
		if (it->count[GONE] + it->count[WAITING] > 0)
			drop_owners(it->rc, it->plan, &it->t, it->o,
			    has_no_use, it);
	} else if (it->count[WAITING] > 0 && me != NULL &&
	    !is_unblocked(it->o)) {
		delete_in_turn(it, me);
	} else if (it->count[WAITING] > 0 && me != NULL) {
		delete_item(it, "Foreground");
	} else if (has_finalizer(it->o, ORPHAN)) {
		delete_item(it, "Orphan");
	} else {
		delete_item(it, has_finalizer(it->o, FOREGROUND) ?
		    "Foreground" : "Background");
	}
}

static int
blocked(const struct gc *g, struct pin_str uid)
{
	const struct owner *ow = graph_owner(g, uid);
	const struct edge *e;

	for (e = ow != NULL ? ow->edges : NULL; e != NULL; e = e->peer_next)
		if (e->blocking)
			return (1);
	return (0);
}

int
collect(struct gc *g, struct pin_reconcile *rc, struct node *n,
    struct pin_plan *plan, struct pin_err *err)
{
	const struct kind *k = &g->kinds[n->kind];
	const struct pin_resource *r = resource_of(rc, pin_str(
	    k->api_version), pin_str(k->kind));
	const struct pin_obj *live;
	struct item *it;
	uint32_t nres;

	it = pin_arena_zalloc(pin_reconcile_arena(rc), sizeof(*it));
	if (it == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	if (r == NULL) {
		pin_plan_requeue(plan, pin_resources(rc, &nres) != NULL ?
		    UNKNOWN_KIND_MS : DISCOVERY_MS);
		return (PIN_OK);
	}
	it->g = g;
	it->rc = rc;
	it->plan = plan;
	it->node = n;
	it->t = (struct pin_target){ .group = r->group, .version = r->version,
	    .resource = r->resource, .namespace = node_namespace(n),
	    .name = node_name(n) };
	it->o = pin_cache_any(rc, &it->t);
	if (it->o == NULL || !pin_str_eq(meta_get(it->o, "uid"), node_uid(n)))
		return (PIN_OK);	/* its end is about to be told */
	if (meta_deleted(it->o)) {
		if (has_finalizer(it->o, ORPHAN))
			orphan(g, rc, plan, &it->t, it->o);
		else if (has_finalizer(it->o, FOREGROUND) &&
		    !blocked(g, node_uid(n)))
			release(rc, plan, &it->t, it->o, FOREGROUND);
		return (PIN_OK);
	}
	if (pin_live_result(rc, &it->t, &live)) {
		if (live == NULL || !pin_str_eq(meta_get(live, "uid"),
		    node_uid(n)) || meta_deleted(live))
			return (PIN_OK);
		it->o = live;
	}
	classify_all(it);
	if (it->count[ASKED] > 0)
		pin_plan_live(plan, &it->t);
	else if (it->count[GONE] + it->count[WAITING] +
	    it->count[UNKNOWN] > 0)
		decide(it);
	return (PIN_OK);
}
