/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process -- runtime plugin: a container is a group of ordinary processes
 * below a shim (`pintle shim`). The image `host` is the host's own file
 * system; any other must be a directory below the option `images`.
 * Threads: process.h. Contract: pintle/runtime.h. */
#include "process.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/loader/loader.h"

static pin_open_fn process_open;
static pin_close_fn process_close;
static pin_runtime_attach_fn process_attach;
static pin_runtime_image_fn process_image;
static pin_runtime_start_fn process_run;
static pin_runtime_kill_fn process_kill;
static pin_runtime_remove_fn process_remove;
static pin_runtime_list_fn process_list;

static const struct pin_runtime_ops process_ops = {
	.size = sizeof(process_ops),
	.attach = process_attach,
	.image = process_image,
	.start = process_run,
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
	const char *shim = pin_conf_string(conf, "shim");
	struct pin_host *host = pin_env_host(env);
	struct process *p = pin_xcalloc(1, sizeof(*p));
	size_t n = strlen(pin_env_data(env)) + 16;
	int rc = PIN_OK;

	p->env = env;
	p->root = pin_xmalloc(n);
	snprintf(p->root, n, "%s/run", pin_env_data(env));
	rc = pin_path_mkdir(host, p->root, err);
	snprintf(p->root, n, "%s/run/process", pin_env_data(env));
	if (rc == PIN_OK)
		rc = pin_path_mkdir(host, p->root, err);
	if (rc == PIN_OK && shim != NULL)
		p->shim = pin_xstrdup(shim);
	else if (rc == PIN_OK)
		rc = pin_exe_path(NULL, &p->shim, err);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->ended, NULL);
	if (rc == PIN_OK)
		rc = process_watch_start(p, err);
	if (rc != PIN_OK) {
		process_close(p);
		return (rc);
	}
	*self = p;
	return (PIN_OK);
}

static void
process_close(void *self)
{
	struct process *p = self;
	struct process_one *one;

	process_watch_stop(p);
	while ((one = p->all) != NULL) {
		p->all = one->next;
		if (one->life >= 0)
			close(one->life);
		free(one);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->ended);
	free(p->root);
	free(p->shim);
	free(p);
}

static void
link_one(struct process *p, struct process_one *one)
{
	pthread_mutex_lock(&p->lock);
	one->next = p->all;
	p->all = one;
	p->n++;
	pthread_mutex_unlock(&p->lock);
}

/* What an earlier agent started: its directories are still there. */
static int
adopt(void *arg, const char *id)
{
	struct process *p = arg;
	struct process_one *one;

	if (strlen(id) >= sizeof(one->state.id) || p->n == PROCESS_MAX)
		return (0);
	one = pin_xcalloc(1, sizeof(*one));
	one->state.size = sizeof(one->state);
	snprintf(one->state.id, sizeof(one->state.id), "%s", id);
	one->life = process_open_life(p, id);
	if (one->life < 0) {		/* half made, half erased */
		(void)process_erase(p, id, NULL);
		free(one);
		return (0);
	}
	if (process_alive(p, id)) {
		process_begun(p, id, &one->state);
	} else {
		close(one->life);
		one->life = -1;
		process_ending(p, id, &one->state);
	}
	link_one(p, one);
	if (!one->state.running && p->sink.exited != NULL)
		p->sink.exited(p->sink.arg, &one->state);
	return (0);
}

static int
process_attach(void *self, const struct pin_runtime_sink *sink,
    struct pin_err *err)
{
	struct process *p = self;
	int rc;

	p->sink = *sink;
	rc = pin_path_list(pin_env_host(p->env), p->root, adopt, p, err);
	process_watch_wake(p);
	return (rc);
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

/* ---- what a plain process cannot give --------------------------------- */

static const char *const pod_refusals[] = {
	"hostUsers", "shareProcessNamespace", NULL
};

static int
refuse(const struct pin_container *c, struct pin_err *err)
{
	pin_node sec, spec;
	uint32_t i;

	if ((c->command == NULL || c->command[0] == NULL) &&
	    (c->args == NULL || c->args[0] == NULL))
		return (pin_err_set(err, PIN_EINVAL, "image \"%s\" has no "
		    "entry point: command or args are needed", c->image));
	if (geteuid() != 0 && c->privileged)
		return (pin_err_set(err, PIN_EINVAL, "securityContext."
		    "privileged: the node agent is not root"));
	if (geteuid() != 0 && ((c->uid >= 0 && c->uid != (int64_t)getuid()) ||
	    (c->gid >= 0 && c->gid != (int64_t)getgid())))
		return (pin_err_set(err, PIN_EINVAL, "securityContext."
		    "runAsUser: the node agent is not root"));
	if (c->read_only_root)
		return (pin_err_set(err, PIN_EINVAL, "securityContext."
		    "readOnlyRootFilesystem: image host is the node's own"));
	for (i = 0; i < c->nmounts && geteuid() != 0; i++)
		if (strcmp(c->mounts[i].target, PROCESS_TOKEN_DIR) != 0)
			return (pin_err_set(err, PIN_EINVALID, "mount at %s: "
			    "the node agent is not root and cannot mount",
			    c->mounts[i].target));
	if (c->pod == NULL)
		return (PIN_OK);
	spec = pin_obj_get(c->pod, pin_obj_root(c->pod), "spec");
	for (i = 0; pod_refusals[i] != NULL; i++)
		if (pin_obj_true(c->pod, pin_obj_get(c->pod, spec,
		    pod_refusals[i])))
			return (pin_err_set(err, PIN_EINVAL, "spec.%s: not "
			    "with the runtime process", pod_refusals[i]));
	sec = pin_obj_get(c->pod, c->spec, "securityContext");
	if (pin_obj_count(c->pod, pin_obj_at(c->pod, sec, "capabilities",
	    "add", NULL)) > 0 && geteuid() != 0)
		return (pin_err_set(err, PIN_EINVAL, "securityContext."
		    "capabilities.add: the node agent is not root"));
	return (PIN_OK);
}

static struct process_one *
find_one(struct process *p, const char *id)
{
	struct process_one *one = p->all;

	while (one != NULL && strcmp(one->state.id, id) != 0)
		one = one->next;
	return (one);
}

/* Under lock; NULL: nothing. */
static void
unlink_one(struct process *p, struct process_one *one)
{
	struct process_one **at = &p->all;

	while (*at != NULL && *at != one)
		at = &(*at)->next;
	if (one == NULL || *at == NULL)
		return;
	*at = one->next;
	p->n--;
	free(one);
}

static int
process_run(void *self, const struct pin_container *c, struct pin_err *err)
{
	struct process *p = self;
	struct process_one *one, *old;
	int rc;

	rc = refuse(c, err);
	if (rc != PIN_OK)
		return (rc);
	if (strlen(c->id) >= sizeof(one->state.id))
		return (pin_err_set(err, PIN_ELIMIT, "container id %s is too "
		    "long", c->id));
	if (p->n >= PROCESS_MAX)
		return (pin_err_set(err, PIN_EBUSY, "%u containers run",
		    p->n));
	one = pin_xcalloc(1, sizeof(*one));
	one->state.size = sizeof(one->state);
	snprintf(one->state.id, sizeof(one->state.id), "%s", c->id);
	rc = process_start(p, c, one, err);
	if (rc != PIN_OK) {
		free(one);
		return (rc);
	}
	pthread_mutex_lock(&p->lock);
	old = find_one(p, c->id);	/* it has ended, or start refused */
	if (old != NULL && old->life < 0)
		unlink_one(p, old);
	pthread_mutex_unlock(&p->lock);
	link_one(p, one);
	process_watch_wake(p);
	return (PIN_OK);
}

static int
process_kill(void *self, const char *id, int sig, struct pin_err *err)
{
	return (process_signal(self, id, sig, err));
}

static int
process_remove(void *self, const char *id, struct pin_err *err)
{
	struct process *p = self;
	struct process_one *one;
	struct timespec until;

	(void)process_signal(p, id, SIGKILL, err);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PROCESS_END_MS / 1000;
	pthread_mutex_lock(&p->lock);
	while ((one = find_one(p, id)) != NULL && one->life >= 0)
		if (pthread_cond_timedwait(&p->ended, &p->lock, &until) != 0)
			break;
	if (one != NULL && one->life >= 0) {
		pthread_mutex_unlock(&p->lock);
		return (pin_err_set(err, PIN_ETIMEOUT, "container %s does "
		    "not end", id));
	}
	unlink_one(p, one);
	pthread_mutex_unlock(&p->lock);
	return (process_erase(p, id, err));
}

static int
process_list(void *self, int (*emit)(void *, const struct
    pin_container_state *), void *arg, struct pin_err *err)
{
	struct process *p = self;
	struct process_one *one;
	int rc = PIN_OK;

	(void)err;
	pthread_mutex_lock(&p->lock);
	for (one = p->all; one != NULL && rc == PIN_OK; one = one->next)
		rc = emit(arg, &one->state);
	pthread_mutex_unlock(&p->lock);
	return (rc);
}
