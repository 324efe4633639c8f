/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serviceaccount -- controller: every namespace has a service account
 * "default".
 * Stateless. Controller loop.
 * Contract: pintle/controller.h; upstream's serviceaccount-controller. */
#include "common/meta.h"

static pin_controller_reconcile_fn account_reconcile;
static pin_controller_map_fn account_map;

enum { NAMESPACES, ACCOUNTS };

static const struct pin_controller_watch account_watches[] = {
	[NAMESPACES] = { "", "v1", "namespaces", NULL },
	[ACCOUNTS] = { "", "v1", "serviceaccounts", account_map },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops account_ops = {
	.size = sizeof(account_ops),
	.watches = account_watches,
	.reconcile = account_reconcile,
	.component = "service-account-controller",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "serviceaccount", .version = "1.0",
	.summary = "a service account \"default\" in every namespace",
	.ops = &account_ops,
};

static void
account_map(void *self, struct pin_reconcile *rc, const struct pin_obj *object,
    const struct pin_obj *before, struct pin_keys *out)
{
	(void)self;
	(void)rc;
	(void)before;
	if (pin_str_is(meta_get(object, "name"), "default"))
		pin_keys_add(out, PIN_STR_NONE, meta_get(object, "namespace"));
}

static int
account_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	const struct pin_obj *space = pin_cache_get(rc, NAMESPACES, ns, name);
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "serviceaccounts", .namespace = name,
	    .name = PIN_STR("default") };
	struct pin_obj *o;

	(void)self;
	if (space == NULL || meta_deleted(space) ||
	    pin_cache_get(rc, ACCOUNTS, name, t.name) != NULL)
		return (PIN_OK);
	o = pin_obj_new(pin_reconcile_arena(rc));
	if (o == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	pin_obj_set_str(o, pin_obj_set_new(o, pin_obj_root(o), "metadata",
	    PIN_OBJECT), "name", t.name);
	pin_plan_create(plan, &t, o);
	return (PIN_OK);
}
