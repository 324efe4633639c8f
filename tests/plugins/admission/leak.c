/* SPDX-License-Identifier: BSD-2-Clause
 *
 * leak -- test plugin: forgets `bytes` of memory at every call, touched so
 * that they count.
 * Thread: any. Contract: pintle/admission.h. */
#include <pintle/admission.h>

#include <stdlib.h>
#include <string.h>

struct leak {
	size_t	 bytes;
	void	*last;		/* keeps only the newest: the rest is lost */
};

static pin_open_fn leak_open;
static pin_close_fn leak_close;
static pin_admission_validate_fn leak_validate;

static const struct pin_option leak_options[] = {
	{ "bytes", PIN_OPT_SIZE, 0, "1Mi", "lost at each call", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match leak_match[] = {
	{ "*", "*/*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops leak_ops = {
	.size = sizeof(leak_ops),
	.match = leak_match,
	.validate = leak_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "leak", .version = "1.0",
	.summary = "loses memory at every call, for tests",
	.options = leak_options, .ops = &leak_ops,
	.open = leak_open, .close = leak_close,
};

static int
leak_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct leak *l = pin_xcalloc(1, sizeof(*l));

	(void)env;
	(void)err;
	l->bytes = (size_t)pin_conf_int(conf, "bytes");
	*self = l;
	return (PIN_OK);
}

static void
leak_close(void *self)
{
	free(self);
}

static int
leak_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	struct leak *l = self;

	(void)req;
	l->last = malloc(l->bytes);
	if (l->last == NULL)
		return (pin_err_set(pin_call_err(call), PIN_ENOMEM,
		    "leak: nothing left to lose"));
	memset(l->last, 1, l->bytes);
	return (PIN_ADMIT);
}
