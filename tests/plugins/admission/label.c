/* SPDX-License-Identifier: BSD-2-Clause
 *
 * label -- test plugin: sets a label on what is created, and refuses objects
 * that ask for it. What the other test plugins do alone, this one does well:
 * options of every type, warnings, notes, reads.
 * Thread: any. Contract: pintle/admission.h. */
#include <pintle/admission.h>
#include <pintle/view.h>

#include <stdlib.h>

struct label {
	struct pin_env	*env;
	const char	*value;
	const char	*read;		/* name of a configmap, or NULL */
};

static pin_open_fn label_open;
static pin_close_fn label_close;
static pin_admission_mutate_fn label_mutate;
static pin_admission_validate_fn label_validate;

static const struct pin_option label_options[] = {
	{ "value", PIN_OPT_STRING, 0, "yes", "of the label", 0, 0 },
	{ "read", PIN_OPT_STRING, 0, NULL, "a configmap to read", 0, 0 },
	{ "count", PIN_OPT_INT, 0, "3", "nothing", 1, 10 },
	{ "wait", PIN_OPT_DURATION, 0, "1s", "nothing", 0, 60000 },
	{ "room", PIN_OPT_SIZE, 0, "4Ki", "nothing", 0, 0 },
	{ "flag", PIN_OPT_BOOL, 0, "false", "nothing", 0, 0 },
	{ "names", PIN_OPT_STRINGS, 0, "a, b", "nothing", 0, 0 },
	{ "path", PIN_OPT_PATH, PIN_OPTF_EXISTS, NULL, "nothing", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match label_match[] = {
	{ "", "pods", PIN_OP_CREATE | PIN_OP_UPDATE, 0 },
	{ "", "configmaps", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops label_ops = {
	.size = sizeof(label_ops),
	.match = label_match,
	.mutate = label_mutate,
	.validate = label_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "label", .version = "1.0",
	.summary = "sets a label, for tests",
	.options = label_options, .ops = &label_ops,
	.open = label_open, .close = label_close,
};

static int
label_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct label *l;

	if (pin_str_is(pin_str(pin_conf_string(conf, "value")), "broken"))
		return (pin_err_set(err, PIN_ECONFIG,
		    "%s: the value 'broken' is refused",
		    pin_conf_where(conf, "value")));
	l = pin_xcalloc(1, sizeof(*l));
	l->env = env;
	l->value = pin_conf_string(conf, "value");
	l->read = pin_conf_string(conf, "read");
	*self = l;
	return (PIN_OK);
}

static void
label_close(void *self)
{
	free(self);
}

static int
label_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *req, struct pin_patch *patch)
{
	struct label *l = self;
	struct pin_buf *buf;
	uint64_t rev;
	int rc;

	if (l->read != NULL) {
		rc = pin_read(l->env, "", "configmaps", req->namespace,
		    pin_str(l->read), &buf, &rev, pin_call_err(call));
		if (rc != PIN_OK)
			return (rc);
		pin_call_note(call, "read %zu bytes at %llu", buf->len,
		    (unsigned long long)rev);
		pin_buf_put(&buf);
	}
	rc = pin_patch_set_str(patch, "/metadata/labels/pintle.test~1label",
	    pin_str(l->value));
	pin_call_warn(call, "labelled %s", l->value);
	return (rc == PIN_OK ? PIN_ADMIT : rc);
}

static int
label_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	struct pin_str want;

	(void)self;
	want = pin_obj_str(req->object, pin_obj_at(req->object,
	    pin_obj_root(req->object), "metadata", "annotations",
	    "pintle.test/refuse", NULL));
	if (want.p == NULL)
		return (PIN_ADMIT);
	(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
	    "label: " PIN_SFMT, PIN_SARG(want));
	return (PIN_REFUSE);
}
