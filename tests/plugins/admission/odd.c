/* SPDX-License-Identifier: BSD-2-Clause
 *
 * odd -- test plugin: breaks the rules of a call: answers a number that is no
 * verdict, or calls pin_call_done and answers as well, or calls it twice.
 * Thread: any. Contract: pintle/call.h, deliberately broken. */
#include <pintle/admission.h>

#include <stdlib.h>

struct odd {
	int64_t	 verdict;
	int64_t	 dones;
};

static pin_open_fn odd_open;
static pin_close_fn odd_close;
static pin_admission_validate_fn odd_validate;

static const struct pin_option odd_options[] = {
	{ "verdict", PIN_OPT_INT, 0, "0", "what it answers", 0, 0 },
	{ "dones", PIN_OPT_INT, 0, "0", "how often it calls done", 0, 2 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match odd_match[] = {
	{ "*", "*/*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops odd_ops = {
	.size = sizeof(odd_ops),
	.match = odd_match,
	.validate = odd_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "odd", .version = "1.0",
	.summary = "breaks the rules of a call, for tests",
	.options = odd_options, .ops = &odd_ops,
	.open = odd_open, .close = odd_close,
};

static int
odd_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct odd *o = pin_xcalloc(1, sizeof(*o));

	(void)env;
	(void)err;
	o->verdict = pin_conf_int(conf, "verdict");
	o->dones = pin_conf_int(conf, "dones");
	*self = o;
	return (PIN_OK);
}

static void
odd_close(void *self)
{
	free(self);
}

static int
odd_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	struct odd *o = self;

	(void)req;
	for (int64_t i = 0; i < o->dones; i++)
		pin_call_done(call, PIN_REFUSE);
	return ((int)o->verdict);
}
