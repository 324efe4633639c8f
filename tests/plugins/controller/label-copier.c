/* SPDX-License-Identifier: BSD-2-Clause
 *
 * label-copier -- test plugin: every ConfigMap carries the label `team` of its
 * namespace. The smallest controller that looks at two resources.
 * Thread: the controller loop. Contract: pintle/controller.h. */
#include <pintle/controller.h>

static pin_controller_map_fn copier_map_namespace;
static pin_controller_reconcile_fn copier_reconcile;

enum { CONFIGMAPS, NAMESPACES };

static const struct pin_controller_watch copier_watches[] = {
	[CONFIGMAPS] = { "", "v1", "configmaps", NULL },
	[NAMESPACES] = { "", "v1", "namespaces", copier_map_namespace },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops copier_ops = {
	.size = sizeof(copier_ops),
	.watches = copier_watches,
	.reconcile = copier_reconcile,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "label-copier", .version = "1.0",
	.summary = "ConfigMaps get their namespace's team label, for tests",
	.ops = &copier_ops,
};

static struct pin_str
team(const struct pin_obj *o)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "labels", "team", NULL)));
}

static struct pin_str
meta(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata", key,
	    NULL)));
}

static int
add_key(void *arg, const struct pin_obj *o)
{
	pin_keys_add(arg, meta(o, "namespace"), meta(o, "name"));
	return (0);
}

/* Everything in it, if its label has changed. */
static void
copier_map_namespace(void *self, struct pin_reconcile *r,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	if (before != NULL && pin_str_eq(team(object), team(before)))
		return;
	pin_cache_list(r, CONFIGMAPS, meta(object, "name"), add_key, out);
}

static int
copier_reconcile(void *self, struct pin_reconcile *r, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	const struct pin_obj *cm = pin_cache_get(r, CONFIGMAPS, ns, name);
	const struct pin_obj *space = pin_cache_get(r, NAMESPACES,
	    PIN_STR_NONE, ns);
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "configmaps", .namespace = ns, .name = name };
	struct pin_str want;
	struct pin_out o;

	(void)self;
	(void)err;
	if (cm == NULL || space == NULL ||
	    pin_str_eq(team(cm), team(space)))
		return (PIN_OK);
	want = team(space);
	pin_out_init(&o, pin_reconcile_arena(r), 4096);
	pin_out_cstr(&o, "{\"metadata\":{\"labels\":{\"team\":");
	if (want.len > 0)
		pin_json_quote(&o, want);
	else
		pin_out_cstr(&o, "null");
	pin_out_cstr(&o, "}}}");
	t.uid = meta(cm, "uid");
	pin_plan_patch(plan, &t, PIN_PATCH_TYPE_MERGE, (struct pin_str){ o.p,
	    o.len });
	return (PIN_OK);
}
