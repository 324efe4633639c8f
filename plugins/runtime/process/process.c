/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process -- runtime plugin: a container is a group of ordinary processes
 * below a shim (`pintle shim`). The image `host` is the node's own file
 * system; of any other, imported, the root becomes the container's.
 * Threads: shims.h. Contract: pintle/runtime.h. */
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/shim/shim.h"

#define ARENA_MAX	((size_t)16 << 20)	/* of one start */

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

static void
process_ended(void *arg, struct pin_container_state *state)
{
	const struct process *p = arg;

	if (cgroups_oom(&p->cgroups, state))
		state->oom_killed = 1;
}

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
		cgroups_open(&p->cgroups, pin_env_data(env));
		p->shims.ended_fn = process_ended;
		p->shims.arg = p;
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
is_host(const char *image)
{
	return (strcmp(image, "host") == 0);
}

static int
process_image(void *self, const char *image, const char *pull,
    char *resolved, size_t size, struct pin_err *err)
{
	struct process *p = self;
	struct image_info info;
	int rc;

	(void)pull;			/* there is nowhere to pull from */
	if (is_host(image)) {
		snprintf(resolved, size, "host");
		return (PIN_OK);
	}
	rc = image_find(pin_env_host(p->env), pin_env_data(p->env), image,
	    &info, err);
	if (rc != PIN_OK)
		return (rc);
	snprintf(resolved, size, "%s", info.resolved);
	image_info_fini(&info);
	return (PIN_OK);
}

/* ---- start ------------------------------------------------------------- */

/* A list that is `first`, unless some of it is there, then a, then b. */
static int
join(struct process_start *s, const char *first, const char *const *a,
    const char *const *b, const char *const **out, struct pin_err *err)
{
	const char *const *both[2] = { a, b }, *const *p;
	size_t len = first != NULL ? strcspn(first, "=") + 1 : 0;
	uint32_t n = 1, found = 0;
	const char **v;

	for (int i = 0; i < 2; i++)
		for (p = both[i]; p != NULL && *p != NULL; p++, n++)
			found |= len > 0 && strncmp(*p, first, len) == 0;
	*out = v = pin_arena_zalloc(s->arena, (n + 1) * sizeof(*v));
	if (v == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	if (first != NULL && !found)
		*v++ = first;
	for (int i = 0; i < 2; i++)
		for (p = both[i]; p != NULL && *p != NULL; p++)
			*v++ = *p;
	return (PIN_OK);
}

static int
prepare_host(struct process_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	int rc = join(s, NULL, c->command, c->args, &s->argv, err);

	if (rc == PIN_OK && s->argv[0] == NULL)
		rc = pin_err_set(err, PIN_EINVAL, "image \"%s\" has no entry "
		    "point: command or args are needed", c->image);
	return (rc == PIN_OK ? join(s, PROCESS_PATH, c->env, NULL, &s->env,
	    err) : rc);
}

static int
prepare_image(struct process_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	int rc = image_find(pin_env_host(s->p->env), pin_env_data(s->p->env),
	    c->image, &s->image, err);

	s->imaged = rc == PIN_OK;
	if (rc == PIN_OK)
		rc = image_user(&s->image, c->uid, c->gid, &s->user, err);
	if (rc == PIN_OK)
		rc = image_argv(s->arena, &s->image, c->command, c->args,
		    &s->argv, err);
	return (rc == PIN_OK ? image_env(s->arena, &s->image, c->env, &s->env,
	    err) : rc);
}

static void
name(char *list, size_t size, const char *field)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s%s", n > 0 ? ", " : "", field);
}

static int
asks_seccomp(const struct pin_container *c)
{
	pin_node v;

	if (c->pod == NULL)
		return (0);
	v = pin_obj_at(c->pod, c->spec, "securityContext", "seccompProfile",
	    "type", NULL);
	if (v == 0)
		v = pin_obj_at(c->pod, pin_obj_root(c->pod), "spec",
		    "securityContext", "seccompProfile", "type", NULL);
	return (pin_str_is(pin_obj_str(c->pod, v), "RuntimeDefault"));
}

/* Only root has what may be dropped. */
static int
asks_drop(const struct process_start *s)
{
	const struct pin_container *c = s->c;
	int64_t uid = s->imaged ? (int64_t)s->user.uid : c->uid;

	return (c->pod != NULL && s->root && uid <= 0 &&
	    pin_obj_count(c->pod, pin_obj_at(c->pod, c->spec,
	    "securityContext", "capabilities", "drop", NULL)) > 0);
}

/* What charts ask everywhere, and nobody enforces here: the pod runs, and is
 * told. */
static void
warn(const struct process_start *s)
{
	const struct pin_runtime_sink *sink = &s->p->shims.sink;
	const struct pin_container *c = s->c;
	char list[256] = "", text[512];

	if (c->memory > 0 && !(s->limits.set & CGROUP_MEMORY))
		name(list, sizeof(list), "resources.limits.memory");
	if (c->cpu_milli > 0 && !(s->limits.set & CGROUP_CPU))
		name(list, sizeof(list), "resources.limits.cpu");
	if (asks_drop(s))
		name(list, sizeof(list), "securityContext.capabilities.drop");
	if (asks_seccomp(c))
		name(list, sizeof(list), "securityContext.seccompProfile");
	if (list[0] == '\0' || sink->warned == NULL)
		return;
	snprintf(text, sizeof(text), "container %s: %s: the runtime process "
	    "does not enforce it here%s", c->name, list, s->root ? "" :
	    s->p->cgroups.kind != CGROUP_NONE ? " (the node agent is not "
	    "root)" : " (the node agent is not root, and no cgroup v2 is "
	    "delegated to it)");
	sink->warned(sink->arg, c->id, text);
}

static void
limit(struct process_start *s)
{
	s->limits.memory = s->c->memory;
	s->limits.cpu_milli = s->c->cpu_milli;
	if (s->c->memory > 0 || s->c->cpu_milli > 0)
		cgroups_limit(&s->p->cgroups, s->c->id, &s->limits);
	warn(s);
}

static int
start_run(struct process_start *s, struct pin_err *err)
{
	struct shims *shims = &s->p->shims;
	char dir[SHIMS_PATH_MAX];
	struct pin_out spec;
	int rc = PIN_OK;

	if (s->imaged && shims_path(shims, dir, s->c->id, NULL) == PIN_OK) {
		rc = runtime_image_hold(shims, s->c->id, &s->image, err);
		if (rc == PIN_OK)
			rc = process_os_root(s->image.root, dir, err);
	}
	if (rc != PIN_OK)
		return (rc);
	limit(s);
	pin_out_init(&spec, NULL, SHIM_SPEC_MAX);
	process_spec(s, &spec);
	rc = shims_run(shims, s->c->id, &spec, err);
	pin_out_fini(&spec);
	return (rc);
}

static int
process_start(void *self, const struct pin_container *c, struct pin_err *err)
{
	struct process_start s = { .p = self, .c = c,
	    .root = geteuid() == 0 };
	int rc;

	s.arena = pin_arena_new(ARENA_MAX);
	if (s.arena == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	rc = is_host(c->image) ? prepare_host(&s, err) :
	    prepare_image(&s, err);
	if (rc == PIN_OK)
		rc = process_refuse(&s, err);
	if (rc == PIN_OK && shims_alive(&s.p->shims, c->id))
		rc = pin_err_set(err, PIN_EEXISTS, "container %s runs",
		    c->id);
	else if (rc == PIN_OK) {
		rc = process_remove(self, c->id, err);	/* what was left */
		if (rc == PIN_OK)
			rc = shims_make(&s.p->shims, c->id, err);
		if (rc == PIN_OK)
			rc = start_run(&s, err);
		if (rc != PIN_OK)
			(void)process_remove(self, c->id, NULL);
	}
	if (s.imaged)
		image_info_fini(&s.image);
	pin_arena_free(&s.arena);
	return (rc);
}

/* ---- kill, remove, list ------------------------------------------------ */

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

	if (rc != PIN_OK)
		return (rc);
	cgroups_remove(&p->cgroups, id);
	runtime_image_release(&p->shims, id);
	return (shims_erase(&p->shims, id, err));
}

static int
process_list(void *self, int (*emit)(void *, const struct
    pin_container_state *), void *arg, struct pin_err *err)
{
	struct process *p = self;

	(void)err;
	return (shims_list(&p->shims, emit, arg));
}
