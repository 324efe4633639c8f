/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wrong-kind -- test plugin: an auth plugin in the wrong folder.
 * Never opened; only its descriptor is read.
 * Contract: pintle/admission.h, deliberately broken. */
#include <pintle/admission.h>

static pin_admission_validate_fn broken_validate;

static const struct pin_admission_match broken_match[] = {
	{ "*", "*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops broken_ops = {
	.size = sizeof(broken_ops),
	.match = broken_match,
	.validate = broken_validate,
};

static int
broken_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)env;
	(void)conf;
	(void)self;
	return (pin_err_set(err, PIN_EINTERNAL, "wrong-kind was opened"));
}

static void
broken_close(void *self)
{
	(void)self;
}

const struct pin_plugin pin_plugin = {
	.magic = PIN_PLUGIN_MAGIC, .size = sizeof(struct pin_plugin),
	.host_abi = PIN_HOST_ABI, .kind = PIN_KIND_AUTH,
	.kind_abi = PIN_AUTH_ABI,
	.name = "wrong-kind", .version = "1.0",
	.summary = "an auth plugin in the wrong folder",
	.ops = &broken_ops,
	.open = broken_open, .close = broken_close,
};

static int
broken_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	(void)self;
	(void)call;
	(void)req;
	return (PIN_ADMIT);
}
