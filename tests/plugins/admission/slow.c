/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slow -- test plugin: holds its front thread for `time`.
 * Thread: any. Contract: pintle/admission.h, its "must not block" broken. */
#include <pintle/admission.h>

#include <stdlib.h>
#include <time.h>

static pin_open_fn slow_open;
static pin_close_fn slow_close;
static pin_admission_validate_fn slow_validate;

static const struct pin_option slow_options[] = {
	{ "time", PIN_OPT_DURATION, 0, "30ms", "how long", 0, 60000 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match slow_match[] = {
	{ "*", "*/*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops slow_ops = {
	.size = sizeof(slow_ops),
	.match = slow_match,
	.validate = slow_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "slow", .version = "1.0",
	.summary = "blocks where it must not, for tests",
	.options = slow_options, .ops = &slow_ops,
	.open = slow_open, .close = slow_close,
};

static int
slow_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	int64_t *ms = pin_xmalloc(sizeof(*ms));

	(void)env;
	(void)err;
	*ms = pin_conf_int(conf, "time");
	*self = ms;
	return (PIN_OK);
}

static void
slow_close(void *self)
{
	free(self);
}

static int
slow_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	int64_t ms = *(int64_t *)self;
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)call;
	(void)req;
	(void)nanosleep(&ts, NULL);
	return (PIN_ADMIT);
}
