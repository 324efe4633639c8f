/* SPDX-License-Identifier: BSD-2-Clause
 *
 * release.c -- references and finalizers are taken out of objects, always of
 * the resourceVersion they were read at.
 * Contract: gc.h. */
#include "gc.h"

#define BODY_MAX	((size_t)1 << 20)

/* "metadata": { "LIST": [ what `stays` says yes to ] } */
static void
patch_list(struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_target *target, const struct pin_obj *o,
    const char *list, int (*stays)(void *arg, const struct pin_obj *,
    pin_node), void *arg)
{
	struct pin_target t = *target;
	pin_node n = pin_obj_at(o, pin_obj_root(o), "metadata", list, NULL);
	struct pin_out out;
	int first = 1;

	t.uid = meta_get(o, "uid");
	t.version_seen = meta_get(o, "resourceVersion");
	pin_out_init(&out, pin_reconcile_arena(rc), BODY_MAX);
	pin_out_printf(&out, "{\"metadata\":{\"%s\":[", list);
	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n)) {
		if (!stays(arg, o, n))
			continue;
		if (!first)
			pin_out_char(&out, ',');
		first = 0;
		pin_obj_write(o, n, &out);
	}
	pin_out_cstr(&out, "]}}");
	if (out.failed == PIN_OK)
		pin_plan_patch(plan, &t, PIN_PATCH_TYPE_MERGE,
		    (struct pin_str){ out.p, out.len });
}

static int
other_finalizer(void *arg, const struct pin_obj *o, pin_node n)
{
	return (!pin_str_is(pin_obj_str(o, n), arg));
}

void
release(struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_target *t, const struct pin_obj *o,
    const char *finalizer)
{
	patch_list(rc, plan, t, o, "finalizers", other_finalizer,
	    (void *)(uintptr_t)finalizer);
}

struct dropping {
	int		(*drop)(void *arg, struct pin_str uid);
	void		*arg;
};

static int
keeps_owner(void *arg, const struct pin_obj *o, pin_node n)
{
	struct dropping *d = arg;

	return (!d->drop(d->arg, pin_obj_str(o, pin_obj_get(o, n, "uid"))));
}

void
drop_owners(struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_target *t, const struct pin_obj *o,
    int (*drop)(void *arg, struct pin_str uid), void *arg)
{
	struct dropping d = { drop, arg };

	patch_list(rc, plan, t, o, "ownerReferences", keeps_owner, &d);
}

static int
every(void *arg, const struct pin_obj *o, pin_node n)
{
	(void)arg;
	(void)o;
	return (n != 0);
}

void
unblock_owners(struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_target *t, const struct pin_obj *o)
{
	struct pin_obj *copy = pin_obj_copy(pin_reconcile_arena(rc), o);
	pin_node n;

	if (copy == NULL)
		return;
	n = pin_obj_at(copy, pin_obj_root(copy), "metadata",
	    "ownerReferences", NULL);
	for (n = pin_obj_first(copy, n); n != 0; n = pin_obj_next(copy, n))
		pin_obj_set_bool(copy, n, "blockOwnerDeletion", 0);
	patch_list(rc, plan, t, copy, "ownerReferences", every, NULL);
}

static int
is_uid(void *arg, struct pin_str uid)
{
	return (pin_str_eq(uid, *(const struct pin_str *)arg));
}

/* Out of its dependents with it, then its finalizer. */
void
orphan(struct gc *g, struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_target *t, const struct pin_obj *o)
{
	struct pin_str uid = meta_get(o, "uid");
	const struct owner *ow = graph_owner(g, uid);
	const struct pin_resource *r;
	const struct pin_obj *dep;
	struct pin_target dt;
	const struct edge *e;

	for (e = ow != NULL ? ow->edges : NULL; e != NULL; e = e->peer_next) {
		r = resource_of(rc, pin_str(g->kinds[e->node->kind]
		    .api_version), pin_str(g->kinds[e->node->kind].kind));
		if (r == NULL)
			continue;
		dt = (struct pin_target){ .group = r->group,
		    .version = r->version, .resource = r->resource,
		    .namespace = node_namespace(e->node),
		    .name = node_name(e->node) };
		dep = pin_cache_any(rc, &dt);
		if (dep != NULL && pin_str_eq(meta_get(dep, "uid"),
		    node_uid(e->node)))
			drop_owners(rc, plan, &dt, dep, is_uid, &uid);
	}
	release(rc, plan, t, o, ORPHAN);
}
