/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process -- runtime plugin: a container is a group of ordinary processes
 * below a shim (`pintle shim`). The image `host` is the host's own file
 * system; any other must be a directory below the option `images`.
 * Threads: shims.h. Contract: pintle/runtime.h. */
#include "process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/shim/shim.h"

static pin_open_fn process_open;
static pin_close_fn process_close;
static pin_runtime_attach_fn process_attach;
static pin_runtime_image_fn process_image;
static pin_runtime_start_fn process_start;
static pin_runtime_kill_fn process_kill;
static pin_runtime_remove_fn process_remove;
static pin_runtime_list_fn process_list;

static const struct pin_runtime_ops process_ops = {
	.size = sizeof(process_ops),
	.attach = process_attach,
	.image = process_image,
	.start = process_start,
	.kill = process_kill,
	.remove = process_remove,
	.list = process_list,
};

static const struct pin_option process_options[] = {
	{ "shim", PIN_OPT_PATH, PIN_OPTF_EXISTS, NULL,
	    "program that stands above a container; default: this one", 0,
	    0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(RUNTIME),
	.flags = PIN_PLUGIN_BLOCKING | PIN_PLUGIN_RESIDENT,
	.name = "process", .version = "1.0",
	.summary = "containers are ordinary processes of the node",
	.ops = &process_ops, .options = process_options,
	.open = process_open, .close = process_close,
};

static int
process_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct process *p = pin_xcalloc(1, sizeof(*p));
	char root[SHIMS_PATH_MAX - 512];
	int n, rc = PIN_OK;

	p->env = env;
	n = snprintf(root, sizeof(root), "%s/run", pin_env_data(env));
	if (n < 0 || n + 16 > (int)sizeof(root))
		rc = pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    pin_env_data(env));
	if (rc == PIN_OK)
		rc = pin_path_mkdir(pin_env_host(env), root, err);
	if (rc == PIN_OK) {
		memcpy(root + n, "/process", 9);
		rc = pin_path_mkdir(pin_env_host(env), root, err);
	}
	if (rc == PIN_OK) {
		rc = shims_open(&p->shims, env, root, pin_conf_string(conf,
		    "shim"), err);
		if (rc != PIN_OK)
			shims_close(&p->shims);
	}
	if (rc != PIN_OK) {
		free(p);
		return (rc);
	}
	*self = p;
	return (PIN_OK);
}

static void
process_close(void *self)
{
	struct process *p = self;

	shims_close(&p->shims);
	free(p);
}

static int
process_attach(void *self, const struct pin_runtime_sink *sink,
    struct pin_err *err)
{
	struct process *p = self;

	return (shims_attach(&p->shims, sink, err));
}

static int
process_image(void *self, const char *image, const char *pull,
    char *resolved, size_t size, struct pin_err *err)
{
	(void)self;
	(void)pull;
	if (strcmp(image, "host") != 0)
		return (pin_err_set(err, PIN_ENOTFOUND, "image \"%s\": the "
		    "runtime process knows the image \"host\" only", image));
	snprintf(resolved, size, "host");
	return (PIN_OK);
}

static int
process_start(void *self, const struct pin_container *c, struct pin_err *err)
{
	struct process *p = self;
	struct pin_out spec;
	int rc;

	rc = process_refuse(c, err);
	if (rc != PIN_OK)
		return (rc);
	if (shims_alive(&p->shims, c->id))
		return (pin_err_set(err, PIN_EEXISTS, "container %s runs",
		    c->id));
	rc = process_remove(self, c->id, err);	/* what was left */
	if (rc == PIN_OK)
		rc = shims_make(&p->shims, c->id, err);
	if (rc != PIN_OK)
		return (rc);
	pin_out_init(&spec, NULL, SHIM_SPEC_MAX);
	process_spec(c, &spec);
	rc = shims_run(&p->shims, c->id, &spec, err);
	pin_out_fini(&spec);
	if (rc != PIN_OK)
		(void)process_remove(self, c->id, NULL);
	return (rc);
}

static int
process_kill(void *self, const char *id, int sig, struct pin_err *err)
{
	struct process *p = self;

	return (shims_signal(&p->shims, id, sig, err));
}

static int
process_remove(void *self, const char *id, struct pin_err *err)
{
	struct process *p = self;
	int rc = shims_forget(&p->shims, id, err);

	return (rc == PIN_OK ? shims_erase(&p->shims, id, err) : rc);
}

static int
process_list(void *self, int (*emit)(void *, const struct
    pin_container_state *), void *arg, struct pin_err *err)
{
	struct process *p = self;

	(void)err;
	return (shims_list(&p->shims, emit, arg));
}
