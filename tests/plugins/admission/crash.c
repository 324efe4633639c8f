/* SPDX-License-Identifier: BSD-2-Clause
 *
 * crash -- test plugin: does what the annotation pintle.test/crash says:
 * "segv", "abort", "exit", "spin" (for ever), "write" (closes every
 * descriptor first). Anything else is admitted.
 * Thread: any. Contract: pintle/admission.h, broken on demand. */
#include <pintle/admission.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_uint turns;

static pin_admission_validate_fn crash_validate;

static const struct pin_admission_match crash_match[] = {
	{ "*", "*/*", PIN_OP_CREATE | PIN_OP_UPDATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops crash_ops = {
	.size = sizeof(crash_ops),
	.match = crash_match,
	.validate = crash_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "crash", .version = "1.0",
	.summary = "crashes when an object asks for it, for tests",
	.ops = &crash_ops,
};

static int
crash_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	volatile int *volatile nowhere = NULL;
	struct pin_str how;

	(void)self;
	(void)call;
	how = pin_obj_str(req->object, pin_obj_at(req->object,
	    pin_obj_root(req->object), "metadata", "annotations",
	    "pintle.test/crash", NULL));
	if (pin_str_is(how, "segv"))
		*nowhere = 1;
	if (pin_str_is(how, "abort"))
		abort();
	if (pin_str_is(how, "exit"))
		_exit(0);
	while (pin_str_is(how, "spin"))
		atomic_fetch_add(&turns, 1);
	if (pin_str_is(how, "write"))
		for (int fd = 0; fd < 1024; fd++)
			(void)close(fd);
	return (PIN_ADMIT);
}
