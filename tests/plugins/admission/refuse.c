/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse -- test plugin: refuses every create.
 * Thread: any. Contract: pintle/admission.h. */
#include <pintle/admission.h>

static pin_open_fn refuse_open;
static pin_close_fn refuse_close;
static pin_admission_validate_fn refuse_validate;

static const struct pin_option refuse_options[] = {
	{ "reason", PIN_OPT_STRING, PIN_OPTF_REQUIRED, NULL, "told to the "
	    "client", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match refuse_match[] = {
	{ "*", "*/*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops refuse_ops = {
	.size = sizeof(refuse_ops),
	.match = refuse_match,
	.validate = refuse_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "refuse", .version = "1.0",
	.summary = "refuses every create, for tests",
	.options = refuse_options, .ops = &refuse_ops,
	.open = refuse_open, .close = refuse_close,
};

static int
refuse_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)env;
	(void)err;
	*self = (void *)(uintptr_t)pin_conf_string(conf, "reason");
	return (PIN_OK);
}

static void
refuse_close(void *self)
{
	(void)self;
}

static int
refuse_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	(void)req;
	(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN, "%s",
	    (const char *)self);
	return (PIN_REFUSE);
}
