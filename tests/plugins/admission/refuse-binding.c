/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse-binding -- test plugin: no pod is bound to a node.
 * Thread: any. Contract: pintle/admission.h. */
#include <pintle/admission.h>

static pin_admission_validate_fn refuse_validate;

static const struct pin_admission_match refuse_match[] = {
	{ "", "pods/binding", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops refuse_ops = {
	.size = sizeof(refuse_ops),
	.match = refuse_match,
	.validate = refuse_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "refuse-binding", .version = "1.0",
	.summary = "refuses every binding, for tests",
	.ops = &refuse_ops,
};

static int
refuse_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	(void)self;
	(void)req;
	(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
	    "no binding today");
	return (PIN_REFUSE);
}
