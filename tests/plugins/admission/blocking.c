/* SPDX-License-Identifier: BSD-2-Clause
 *
 * blocking -- test plugin: blocks for `time`, and says that it does.
 * Thread: any. Contract: pintle/admission.h, with PIN_PLUGIN_BLOCKING. */
#include <pintle/admission.h>

#include <stdlib.h>
#include <time.h>

static pin_open_fn blocking_open;
static pin_close_fn blocking_close;
static pin_admission_validate_fn blocking_validate;

static const struct pin_option blocking_options[] = {
	{ "time", PIN_OPT_DURATION, 0, "30ms", "how long", 0, 60000 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match blocking_match[] = {
	{ "*", "*/*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops blocking_ops = {
	.size = sizeof(blocking_ops),
	.match = blocking_match,
	.validate = blocking_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION), .flags = PIN_PLUGIN_BLOCKING,
	.name = "blocking", .version = "1.0",
	.summary = "blocks and says so, for tests",
	.options = blocking_options, .ops = &blocking_ops,
	.open = blocking_open, .close = blocking_close,
};

static int
blocking_open(struct pin_env *env, const struct pin_conf *conf, void **self,
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
blocking_close(void *self)
{
	free(self);
}

static int
blocking_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	int64_t ms = *(int64_t *)self;
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)call;
	(void)req;
	(void)nanosleep(&ts, NULL);
	return (PIN_ADMIT);
}
