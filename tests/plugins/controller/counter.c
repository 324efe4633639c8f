/* SPDX-License-Identifier: BSD-2-Clause
 *
 * counter -- test plugin: a ConfigMap labelled counter=N owns N ConfigMaps
 * NAME-0 to NAME-(N-1), each with a copy of its data, and says in an
 * annotation how many there are. What ReplicaSets do, in small: creations,
 * deletions, owners, Events, a status that follows.
 * Thread: the controller loop. Contract: pintle/controller.h. */
#include <pintle/controller.h>

#include <stdlib.h>
#include <string.h>

#define COUNTER_MAX	100000

static pin_controller_map_fn counter_map;
static pin_controller_reconcile_fn counter_reconcile;

static const struct pin_controller_watch counter_watches[] = {
	{ "", "v1", "configmaps", counter_map },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops counter_ops = {
	.size = sizeof(counter_ops),
	.watches = counter_watches,
	.reconcile = counter_reconcile,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "counter", .version = "1.0",
	.summary = "ConfigMaps that own N others, for tests",
	.ops = &counter_ops,
};

/* One reconcile. */
struct count {
	struct pin_reconcile *r;
	struct pin_plan	*plan;
	const struct pin_obj *parent;
	struct pin_str	 ns, name, uid;
	uint32_t	 want, have;
	uint8_t		*there;		/* want of them */
};

static pin_node
meta(const struct pin_obj *o, const char *key)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", key, NULL));
}

static struct pin_str
label(const struct pin_obj *o)
{
	return (pin_obj_str(o, pin_obj_get(o, meta(o, "labels"), "counter")));
}

static void
counter_map(void *self, struct pin_reconcile *r, const struct pin_obj *object,
    const struct pin_obj *before, struct pin_keys *out)
{
	(void)self;
	(void)r;
	if (label(object).len > 0 || (before != NULL &&
	    label(before).len > 0))
		pin_keys_add(out, pin_obj_str(object, meta(object,
		    "namespace")), pin_obj_str(object, meta(object, "name")));
	pin_keys_add_owner(out, object, "ConfigMap");
	if (before != NULL)
		pin_keys_add_owner(out, before, "ConfigMap");
}

static int
number(struct pin_str s, uint32_t *out)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || n > COUNTER_MAX)
			return (0);
		n = n * 10 + (uint32_t)(s.p[i] - '0');
	}
	*out = n;
	return (s.len > 0);
}

static struct pin_target
target(const struct count *c, struct pin_str name)
{
	return ((struct pin_target){ .group = "", .version = "v1",
	    .resource = "configmaps", .namespace = c->ns, .name = name });
}

/* A child: is it one that shall be? */
static int
see_child(void *arg, const struct pin_obj *o)
{
	struct count *c = arg;
	struct pin_str name = pin_obj_str(o, meta(o, "name"));
	struct pin_target t = target(c, name);
	uint32_t i = UINT32_MAX;

	if (meta(o, "deletionTimestamp") != 0)
		return (0);
	if (name.len > c->name.len + 1 && number((struct pin_str){ name.p +
	    c->name.len + 1, name.len - c->name.len - 1 }, &i) &&
	    i < c->want) {
		c->there[i] = 1;
		c->have++;
		return (0);
	}
	t.uid = pin_obj_str(o, meta(o, "uid"));
	pin_plan_delete(c->plan, &t, "Background");
	return (0);
}

static void
create_child(struct count *c, uint32_t i)
{
	struct pin_arena *a = pin_reconcile_arena(c->r);
	struct pin_obj *o = pin_obj_new(a);
	pin_node root = pin_obj_root(o), m, refs, ref;
	struct pin_target t = target(c, PIN_STR_NONE);
	size_t len;
	char *name = pin_arena_printf(a, &len, PIN_SFMT "-%u",
	    PIN_SARG(c->name), (unsigned int)i);

	pin_obj_set_str(o, root, "apiVersion", PIN_STR("v1"));
	pin_obj_set_str(o, root, "kind", PIN_STR("ConfigMap"));
	m = pin_obj_set_new(o, root, "metadata", PIN_OBJECT);
	pin_obj_set_str(o, m, "name", (struct pin_str){ name, len });
	pin_obj_set_str(o, m, "namespace", c->ns);
	refs = pin_obj_set_new(o, m, "ownerReferences", PIN_ARRAY);
	ref = pin_obj_add_new(o, refs, PIN_OBJECT);
	pin_obj_set_str(o, ref, "apiVersion", PIN_STR("v1"));
	pin_obj_set_str(o, ref, "kind", PIN_STR("ConfigMap"));
	pin_obj_set_str(o, ref, "name", c->name);
	pin_obj_set_str(o, ref, "uid", c->uid);
	pin_obj_set_bool(o, ref, "controller", 1);
	pin_obj_set_node(o, root, PIN_STR("data"), c->parent,
	    pin_obj_get(c->parent, pin_obj_root(c->parent), "data"));
	t.name = (struct pin_str){ name, len };
	pin_plan_create(c->plan, &t, o);
	pin_plan_event(c->plan, c->parent, "Normal", "SuccessfulCreate",
	    "Created %s", name);
}

static void
say_status(struct count *c)
{
	struct pin_str said = pin_obj_str(c->parent, pin_obj_get(c->parent,
	    meta(c->parent, "annotations"), "counter-has"));
	struct pin_target t = target(c, c->name);
	struct pin_out o;
	uint32_t n;

	if (number(said, &n) && n == c->have)
		return;
	pin_out_init(&o, pin_reconcile_arena(c->r), 256);
	pin_out_printf(&o, "{\"metadata\":{\"annotations\":{\"counter-has\":"
	    "\"%u\"}}}", (unsigned int)c->have);
	t.uid = c->uid;
	pin_plan_patch(c->plan, &t, PIN_PATCH_TYPE_MERGE, (struct pin_str){
	    o.p, o.len });
}

static int
counter_reconcile(void *self, struct pin_reconcile *r, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct count c = { .r = r, .plan = plan, .ns = ns, .name = name };
	uint32_t i;

	(void)self;
	c.parent = pin_cache_get(r, 0, ns, name);
	if (c.parent == NULL || meta(c.parent, "deletionTimestamp") != 0 ||
	    label(c.parent).len == 0)
		return (PIN_OK);
	if (!number(label(c.parent), &c.want) || c.want > COUNTER_MAX) {
		pin_plan_event(plan, c.parent, "Warning", "BadCount",
		    "counter=" PIN_SFMT " is no number up to %d",
		    PIN_SARG(label(c.parent)), COUNTER_MAX);
		return (PIN_OK);
	}
	c.uid = pin_obj_str(c.parent, meta(c.parent, "uid"));
	c.there = pin_arena_zalloc(pin_reconcile_arena(r), c.want + 1);
	if (c.there == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	pin_cache_owned(r, 0, ns, c.uid, see_child, &c);
	for (i = 0; i < c.want; i++)
		if (!c.there[i])
			create_child(&c, i);
	say_status(&c);
	return (PIN_OK);
}
