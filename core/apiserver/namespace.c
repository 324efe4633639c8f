/* SPDX-License-Identifier: BSD-2-Clause
 *
 * namespace.c -- namespaces: the kubernetes finalizer, phases, finalize.
 * Front loop. Contract: upstream's registry/core/namespace. */
#include "core/apiserver/strategy.h"

#include "core/apiserver/meta.h"
#include "core/apiserver/verbs.h"

int
namespace_create(struct request *r)
{
	pin_node root = pin_obj_root(r->obj), spec, status, list, n;

	spec = pin_obj_get(r->obj, root, "spec");
	if (pin_obj_type(r->obj, spec) != PIN_OBJECT)
		spec = pin_obj_set_new(r->obj, root, "spec", PIN_OBJECT);
	list = pin_obj_get(r->obj, spec, "finalizers");
	if (pin_obj_type(r->obj, list) != PIN_ARRAY)
		list = pin_obj_set_new(r->obj, spec, "finalizers", PIN_ARRAY);
	for (n = pin_obj_first(r->obj, list); n != 0;
	    n = pin_obj_next(r->obj, n))
		if (pin_str_is(pin_obj_str(r->obj, n), "kubernetes"))
			break;
	if (n == 0)
		pin_obj_add_str(r->obj, list, PIN_STR("kubernetes"));
	status = pin_obj_set_new(r->obj, root, "status", PIN_OBJECT);
	pin_obj_set_str(r->obj, status, "phase", PIN_STR("Active"));
	return (PIN_OK);
}

/* Only finalize may change spec.finalizers. */
int
namespace_update(struct request *r)
{
	pin_node old = pin_obj_get(r->old, pin_obj_root(r->old), "spec");

	if (pin_str_is(r->info.subresource, "finalize"))
		return (PIN_OK);
	if (old != 0)
		pin_obj_set_node(r->obj, pin_obj_root(r->obj),
		    PIN_STR("spec"), r->old, old);
	return (PIN_OK);
}

int
namespace_delete(struct request *r, const struct pin_obj *options, int *gone)
{
	struct pin_obj *o = r->obj;
	pin_node root = pin_obj_root(o), status;
	char now[40];

	(void)options;
	*gone = pin_obj_count(o, pin_obj_at(o, root, "spec", "finalizers",
	    NULL)) == 0;
	if (meta_str(o, "deletionTimestamp").len == 0) {
		meta_now(r, 0, now);
		pin_obj_set_str(o, meta_node(o), "deletionTimestamp",
		    pin_str(now));
	}
	status = pin_obj_get(o, root, "status");
	if (status == 0)
		status = pin_obj_set_new(o, root, "status", PIN_OBJECT);
	pin_obj_set_str(o, status, "phase", PIN_STR("Terminating"));
	return (PIN_OK);
}

/* PUT namespaces/NAME/finalize: the namespace with a new list of
 * spec.finalizers, as if the client had sent it whole. */
int
finalize_apply(struct request *r)
{
	static const char *const named[] = { "name", "uid",
	    "resourceVersion" };
	struct pin_obj *sent = r->sent;
	pin_node spec, list, n;
	size_t i;

	r->sent = pin_obj_copy(r->arena, r->old);
	if (r->sent == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	for (i = 0; i < PIN_LEN(named); i++) {
		n = pin_obj_get(sent, meta_node(sent), named[i]);
		if (n != 0)
			pin_obj_set_node(r->sent, meta_node(r->sent),
			    pin_str(named[i]), sent, n);
		else if (i == 0)	/* the name is asked for */
			pin_obj_unset(r->sent, meta_node(r->sent), named[i]);
	}
	list = pin_obj_at(sent, pin_obj_root(sent), "spec", "finalizers",
	    NULL);
	spec = pin_obj_get(r->sent, pin_obj_root(r->sent), "spec");
	if (spec == 0)
		spec = pin_obj_set_new(r->sent, pin_obj_root(r->sent), "spec",
		    PIN_OBJECT);
	pin_obj_unset(r->sent, spec, "finalizers");
	if (list != 0)
		pin_obj_set_node(r->sent, spec, PIN_STR("finalizers"), sent,
		    list);
	return (STEP_NEXT);
}
