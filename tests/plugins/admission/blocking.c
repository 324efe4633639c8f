/* SPDX-License-Identifier: BSD-2-Clause
 *
 * blocking -- test plugin: blocks for `time`, and says that it does; then
 * allocates `results` times in the call's arena.
 * Thread: any. Contract: pintle/admission.h, with PIN_PLUGIN_BLOCKING. */
#include <pintle/admission.h>
#include <pintle/arena.h>

#include <stdlib.h>
#include <time.h>

static pin_open_fn blocking_open;
static pin_close_fn blocking_close;
static pin_admission_validate_fn blocking_validate;

static const struct pin_option blocking_options[] = {
	{ "time", PIN_OPT_DURATION, 0, "30ms", "how long", 0, 60000 },
	{ "results", PIN_OPT_INT, 0, "0", "how many", 0, 1000000 },
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

struct blocking {
	int64_t		 ms, results;
};

static int
blocking_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct blocking *b = pin_xmalloc(sizeof(*b));

	(void)env;
	(void)err;
	b->ms = pin_conf_int(conf, "time");
	b->results = pin_conf_int(conf, "results");
	*self = b;
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
	const struct blocking *b = self;
	struct timespec ts = { b->ms / 1000, b->ms % 1000 * 1000000 };
	char *p;

	(void)req;
	(void)nanosleep(&ts, NULL);
	for (int64_t i = 0; i < b->results; i++) {
		p = pin_arena_alloc(pin_call_arena(call), 16);
		if (p != NULL)
			*p = 1;
	}
	pin_call_note(call, "blocked");
	return (PIN_ADMIT);
}
