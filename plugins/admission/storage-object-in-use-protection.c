/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storage-object-in-use-protection -- admission plugin: new volumes, claims
 * and attributes classes get the finalizer that keeps them while in use.
 * Stateless. Front threads. Its other half, who takes the finalizer away, is
 * a controller. Contract: pintle/admission.h; upstream's of this name. */
#include <stdio.h>

#include <pintle/admission.h>

static pin_open_fn protection_open;
static pin_close_fn protection_close;
static pin_admission_mutate_fn protection_mutate;

static const struct pin_admission_match protection_match[] = {
	{ "", "persistentvolumeclaims", PIN_OP_CREATE, 0 },
	{ "", "persistentvolumes", PIN_OP_CREATE, 0 },
	{ "storage.k8s.io", "volumeattributesclasses", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops protection_ops = {
	.size = sizeof(protection_ops),
	.match = protection_match,
	.mutate = protection_mutate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "storage-object-in-use-protection", .version = "1.0",
	.summary = "keeps volumes and claims until nobody uses them",
	.ops = &protection_ops,
	.open = protection_open, .close = protection_close,
};

static const struct {
	const char	*resource, *finalizer;
} kept[] = {
	{ "persistentvolumeclaims", "kubernetes.io/pvc-protection" },
	{ "persistentvolumes", "kubernetes.io/pv-protection" },
	{ "volumeattributesclasses", "kubernetes.io/vac-protection" },
};

static int
protection_open(struct pin_env *env, const struct pin_conf *conf,
    void **self, struct pin_err *err)
{
	(void)env;
	(void)conf;
	(void)err;
	*self = NULL;
	return (PIN_OK);
}

static void
protection_close(void *self)
{
	(void)self;
}

static int
protection_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	const struct pin_obj *o = q->object;
	pin_node list = pin_obj_at(o, pin_obj_root(o), "metadata",
	    "finalizers", NULL), n;
	const char *mine = NULL;
	char json[64];
	size_t i, len;

	(void)self;
	(void)call;
	for (i = 0; i < PIN_LEN(kept); i++)
		if (pin_str_is(q->resource, kept[i].resource))
			mine = kept[i].finalizer;
	if (mine == NULL)
		return (PIN_ADMIT);
	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, n), mine))
			return (PIN_ADMIT);
	if (list == 0)
		(void)pin_patch_set(patch, "/metadata/finalizers",
		    PIN_STR("[]"));
	len = (size_t)snprintf(json, sizeof(json), "\"%s\"", mine);
	(void)pin_patch_set(patch, "/metadata/finalizers/-",
	    (struct pin_str){ json, len });
	return (PIN_ADMIT);
}
