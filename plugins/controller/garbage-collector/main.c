/* SPDX-License-Identifier: BSD-2-Clause
 *
 * garbage-collector -- controller: what has lost all its owners is deleted;
 * what is deleted with its dependents waits for them, or lets them go.
 * State: the graph of owners and dependents, made from events alone, so a new
 * instance has it as soon as it has heard of everything. Keys are uids.
 * Controller loop.
 * Contract: pintle/controller.h; upstream's generic-garbage-collector. */
#include "gc.h"

#include <stdlib.h>

#include <pintle/host.h>

static pin_open_fn gc_open;
static pin_close_fn gc_close;
static pin_controller_reconcile_fn gc_reconcile;
static pin_controller_map_fn gc_map;

static const struct pin_controller_watch gc_watches[] = {
	{ "*", "*", "*", gc_map },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops gc_ops = {
	.size = sizeof(gc_ops),
	.workers = 64,
	.watches = gc_watches,
	.reconcile = gc_reconcile,
	.component = "generic-garbage-collector",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "garbage-collector", .version = "1.0",
	.summary = "deletes what has lost its owners",
	.ops = &gc_ops,
	.open = gc_open, .close = gc_close,
};

static int
gc_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct gc *g = pin_xcalloc(1, sizeof(*g));

	(void)env;
	(void)conf;
	(void)err;
	g->magic = GC_MAGIC;
	graph_init(g);
	*self = g;
	return (PIN_OK);
}

static void
gc_close(void *self)
{
	struct gc *g = self;

	PIN_VALID(g, GC_MAGIC);
	graph_fini(g);
	g->magic = 0;
	free(g);
}

/* ---- events ------------------------------------------------------------ */

static void
add_dependents(const struct gc *g, struct pin_str uid, struct pin_keys *out)
{
	const struct owner *ow = graph_owner(g, uid);
	const struct edge *e;

	for (e = ow != NULL ? ow->edges : NULL; e != NULL; e = e->peer_next)
		pin_keys_add(out, PIN_STR_NONE, node_uid(e->node));
}

/* Those owners of a node that wait for their dependents. */
static void
add_waiting(const struct gc *g, const struct node *n, struct pin_keys *out)
{
	const struct node *owner;
	const struct edge *e;

	for (e = n != NULL ? n->edges : NULL; e != NULL; e = e->next) {
		owner = graph_node(g, (struct pin_str){ e->owner->uid,
		    e->owner->len });
		if (owner != NULL && owner->waiting)
			pin_keys_add(out, PIN_STR_NONE, node_uid(owner));
	}
}

static void
gone(struct gc *g, struct pin_str uid, struct pin_keys *out)
{
	add_waiting(g, graph_node(g, uid), out);
	graph_remove(g, uid);
	add_dependents(g, uid, out);
}

static void
gc_map(void *self, struct pin_reconcile *rc, const struct pin_obj *object,
    const struct pin_obj *before, struct pin_keys *out)
{
	struct gc *g = self;
	struct pin_str uid = meta_get(object, "uid"), was = PIN_STR_NONE;
	struct node *n;
	int changed;

	PIN_VALID(g, GC_MAGIC);
	if (before != NULL)
		was = meta_get(before, "uid");
	if (was.len > 0 && !pin_str_eq(was, uid))
		gone(g, was, out);	/* deleted and made again unseen */
	if (uid.len == 0)
		return;
	if (pin_map_deleted(rc)) {
		gone(g, uid, out);
		return;
	}
	add_waiting(g, graph_node(g, uid), out);	/* of its old owners */
	n = graph_put(g, object, &changed);
	if (n == NULL)
		return;
	if (changed || meta_deleted(object)) {
		pin_keys_add(out, PIN_STR_NONE, uid);
		add_waiting(g, n, out);
	}
	if (n->waiting)
		add_dependents(g, uid, out);
}

static int
gc_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str uid, struct pin_plan *plan, struct pin_err *err)
{
	struct gc *g = self;
	struct node *n = graph_node(g, uid);

	(void)ns;
	PIN_VALID(g, GC_MAGIC);
	return (n != NULL ? collect(g, rc, n, plan, err) : PIN_OK);
}
