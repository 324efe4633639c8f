/* SPDX-License-Identifier: BSD-2-Clause
 *
 * root-ca-certificate-publisher -- controller: every namespace has the
 * ConfigMap kube-root-ca.crt, by which pods know the API server.
 * Keeps the certificate, read when opened. Controller loop.
 * Contract: pintle/controller.h; upstream's controller of that name. */
#include <stdio.h>
#include <stdlib.h>

#include "common/meta.h"

#define CA_MAX	(1u << 20)
#define DESCRIPTION	"kubernetes.io/description"
#define NAME	"kube-root-ca.crt"

static pin_open_fn ca_open;
static pin_close_fn ca_close;
static pin_controller_reconcile_fn ca_reconcile;
static pin_controller_map_fn ca_map;

enum { NAMESPACES, CONFIGMAPS };

static const struct pin_controller_watch ca_watches[] = {
	[NAMESPACES] = { "", "v1", "namespaces", NULL },
	[CONFIGMAPS] = { "", "v1", "configmaps", ca_map },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops ca_ops = {
	.size = sizeof(ca_ops),
	.watches = ca_watches,
	.reconcile = ca_reconcile,
	.component = "root-ca-cert-publisher",
};

static const struct pin_option ca_options[] = {
	{ "ca", PIN_OPT_PATH, 0, NULL,
	    "PEM certificate; default: DATA/pki/ca.crt", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "root-ca-certificate-publisher", .version = "1.0",
	.summary = "the cluster's certificate in every namespace",
	.options = ca_options,
	.ops = &ca_ops,
	.open = ca_open, .close = ca_close,
};

struct ca {
	char	*pem;
	size_t	 len;
};

static int
ca_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	const char *given = pin_conf_string(conf, "ca");
	struct ca *ca = pin_xcalloc(1, sizeof(*ca));
	char path[4096];
	int rc;

	if (given != NULL)
		snprintf(path, sizeof(path), "%s", given);
	else
		snprintf(path, sizeof(path), "%s/pki/ca.crt",
		    pin_env_data(env));
	rc = pin_path_slurp(pin_env_host(env), path, CA_MAX, &ca->pem,
	    &ca->len, err);
	if (rc != PIN_OK) {
		free(ca);
		return (rc);
	}
	*self = ca;
	return (PIN_OK);
}

static void
ca_close(void *self)
{
	struct ca *ca = self;

	free(ca->pem);
	free(ca);
}

static void
ca_map(void *self, struct pin_reconcile *rc, const struct pin_obj *object,
    const struct pin_obj *before, struct pin_keys *out)
{
	(void)self;
	(void)rc;
	(void)before;
	if (pin_str_is(meta_get(object, "name"), NAME))
		pin_keys_add(out, PIN_STR_NONE, meta_get(object, "namespace"));
}

static int
same(const struct ca *ca, const struct pin_obj *o)
{
	struct pin_str have = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "data", "ca.crt", NULL));

	return (pin_str_eq(have, (struct pin_str){ ca->pem, ca->len }) &&
	    pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "annotations", DESCRIPTION, NULL)).len > 0 && pin_obj_count(o,
	    pin_obj_get(o, pin_obj_root(o), "data")) == 1);
}

static int
ca_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	const struct ca *ca = self;
	const struct pin_obj *space = pin_cache_get(rc, NAMESPACES, ns, name),
	    *have;
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "configmaps", .namespace = name,
	    .name = PIN_STR(NAME) };
	struct pin_obj *o;
	pin_node meta, notes;

	if (space == NULL || meta_deleted(space))
		return (PIN_OK);
	have = pin_cache_get(rc, CONFIGMAPS, name, t.name);
	if (have != NULL && same(ca, have))
		return (PIN_OK);
	o = have != NULL ? pin_obj_copy(pin_reconcile_arena(rc), have) :
	    pin_obj_new(pin_reconcile_arena(rc));
	if (o == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	meta = pin_obj_get(o, pin_obj_root(o), "metadata");
	if (meta == 0) {
		meta = pin_obj_set_new(o, pin_obj_root(o), "metadata",
		    PIN_OBJECT);
		pin_obj_set_str(o, meta, "name", t.name);
	}
	notes = pin_obj_get(o, meta, "annotations");
	if (notes == 0)
		notes = pin_obj_set_new(o, meta, "annotations", PIN_OBJECT);
	pin_obj_set_str(o, notes, DESCRIPTION, PIN_STR("Contains a CA bundle "
	    "that can be used to verify the kube-apiserver when using internal"
	    " endpoints such as the internal service IP or "
	    "kubernetes.default.svc. No other usage is guaranteed across "
	    "distributions of Kubernetes clusters."));
	pin_obj_set_str(o, pin_obj_set_new(o, pin_obj_root(o), "data",
	    PIN_OBJECT), "ca.crt", (struct pin_str){ ca->pem, ca->len });
	if (have != NULL)
		pin_plan_update(plan, &t, o);
	else
		pin_plan_create(plan, &t, o);
	return (PIN_OK);
}
