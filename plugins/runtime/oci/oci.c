/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oci -- runtime plugin: a container of an imported image, made by an OCI
 * runtime (crun, runc, ocijail) and watched by a shim (`pintle shim`), which
 * is its parent once the runtime has gone.
 *
 *	DATA/run/oci/ID/	the shim's files, config.json, overlay
 *	DATA/run/oci.state/	what the runtime itself keeps
 *
 * Threads: shims.h. Contract: pintle/runtime.h. */
#include "oci.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/shim/shim.h"

#define ARENA_MAX	((size_t)16 << 20)	/* of one start */

static pin_open_fn oci_open;
static pin_close_fn oci_close;
static pin_runtime_attach_fn oci_attach;
static pin_runtime_image_fn oci_image;
static pin_runtime_start_fn oci_start;
static pin_runtime_kill_fn oci_kill;
static pin_runtime_remove_fn oci_remove;
static pin_runtime_list_fn oci_list;

static const struct pin_runtime_ops oci_ops = {
	.size = sizeof(oci_ops),
	.attach = oci_attach,
	.image = oci_image,
	.start = oci_start,
	.kill = oci_kill,
	.remove = oci_remove,
	.list = oci_list,
};

static const struct pin_option oci_options[] = {
	{ "program", PIN_OPT_STRING, 0, NULL, "the OCI runtime, a name or a "
	    "path; default: the first of crun, runc, ocijail in PATH", 0, 0 },
	{ "seccomp-default", PIN_OPT_BOOL, 0, "true", "the profile "
	    "RuntimeDefault also for pods that name none", 0, 0 },
	{ "shim", PIN_OPT_PATH, PIN_OPTF_EXISTS, NULL,
	    "program that stands above a container; default: this one", 0,
	    0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(RUNTIME),
	.flags = PIN_PLUGIN_BLOCKING | PIN_PLUGIN_RESIDENT,
	.name = "oci", .version = "1.0",
	.summary = "containers of imported images, by crun, runc or ocijail",
	.ops = &oci_ops, .options = oci_options,
	.open = oci_open, .close = oci_close,
};

/* ---- open, close ------------------------------------------------------- */

/* A filter is made by libseccomp, which a runtime may be built without. */
static void
look_at(const struct oci *o, struct oci_program *p, uint32_t kind)
{
	const char *argv[] = { p->path, "--version", NULL };

	p->kind = kind;
	if (p->path != NULL)
		p->seccomp = oci_says(o, argv, kind == OCI_CRUN ?
		    "+SECCOMP" : "libseccomp");
}

static int
programs_find(struct oci *o, const char *given, struct pin_err *err)
{
	static const char *const names[] = { "crun", "runc", "ocijail" };

	if (given != NULL)
		o->program.path = oci_find(given);
	for (size_t i = 0; given == NULL && i < PIN_LEN(names) &&
	    o->program.path == NULL; i++)
		o->program.path = oci_find(names[i]);
	if (o->program.path == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "no %s in PATH",
		    given != NULL ? given : "crun, runc or ocijail"));
	look_at(o, &o->program, oci_kind(o->program.path));
	/* crun does not do v1 beside v2; runc does. */
	if (o->cgroups.kind == CGROUP_HYBRID && o->program.kind == OCI_CRUN)
		o->runc.path = oci_find("runc");
	look_at(o, &o->runc, OCI_RUNC);
	return (PIN_OK);
}

static void oci_ended(void *arg, struct pin_container_state *);

static int
oci_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct oci *o = pin_xcalloc(1, sizeof(*o));
	char root[OCI_PATH_MAX - 512], state[OCI_PATH_MAX - 512];
	const char *data = pin_env_data(env);
	int n, rc = PIN_OK;

	o->env = env;
	o->data = data;
	o->seccomp_default = pin_conf_bool(conf, "seccomp-default");
	cgroups_open(&o->cgroups, data);
	n = snprintf(root, sizeof(root), "%s/run", data);
	(void)snprintf(state, sizeof(state), "%s/run/oci.state", data);
	if (geteuid() != 0)
		rc = pin_err_set(err, PIN_ECONFIG, "the runtime oci takes "
		    "root; without, there is the runtime process");
	else if (n < 0 || n + 16 > (int)sizeof(root))
		rc = pin_err_set(err, PIN_ELIMIT, "%s: path too long", data);
	if (rc == PIN_OK)
		rc = programs_find(o, pin_conf_string(conf, "program"), err);
	if (rc == PIN_OK)
		rc = pin_path_mkdir(pin_env_host(env), root, err);
	if (rc == PIN_OK) {
		memcpy(root + n, "/oci", 5);
		rc = pin_path_mkdir(pin_env_host(env), root, err);
	}
	if (rc == PIN_OK)
		rc = pin_path_mkdir(pin_env_host(env), state, err);
	if (rc == PIN_OK) {
		o->state = pin_xstrdup(state);
		o->devices = (uint32_t)oci_os_devices(o->cgroups.kind,
		    o->program.kind);
		o->shims.ended_fn = oci_ended;
		o->shims.arg = o;
		rc = shims_open(&o->shims, env, root, pin_conf_string(conf,
		    "shim"), err);
		if (rc != PIN_OK)
			shims_close(&o->shims);
	}
	if (rc != PIN_OK) {
		free(o->program.path);
		free(o->runc.path);
		free(o->state);
		free(o);
		return (rc);
	}
	pin_env_log(env, PIN_LOG_INFO, "containers by %s%s%s%s",
	    o->program.path, o->runc.path != NULL ? ", with limits by " : "",
	    o->runc.path != NULL ? o->runc.path : "",
	    o->program.seccomp ? "" : ", without seccomp");
	*self = o;
	return (PIN_OK);
}

static void
oci_close(void *self)
{
	struct oci *o = self;

	shims_close(&o->shims);
	free(o->program.path);
	free(o->runc.path);
	free(o->state);
	free(o);
}

static int
oci_attach(void *self, const struct pin_runtime_sink *sink,
    struct pin_err *err)
{
	struct oci *o = self;

	return (shims_attach(&o->shims, sink, err));
}

/* ---- images ------------------------------------------------------------ */

static int
oci_image(void *self, const char *image, const char *pull, char *resolved,
    size_t size, struct pin_err *err)
{
	struct oci *o = self;
	struct image_info info;
	int rc;

	(void)pull;			/* there is nowhere to pull from */
	if (strcmp(image, "host") == 0)
		return (pin_err_set(err, PIN_ENOTFOUND, "image \"host\" is "
		    "for the runtime process only"));
	rc = image_find(pin_env_host(o->env), o->data, image, &info, err);
	if (rc != PIN_OK)
		return (rc);
	snprintf(resolved, size, "%s", info.resolved);
	image_info_fini(&info);
	return (PIN_OK);
}

/* ---- start ------------------------------------------------------------- */

static int
env_make(struct oci_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	const char **v;
	uint32_t n = 0;

	while (c->env != NULL && c->env[n] != NULL)
		n++;
	v = pin_arena_zalloc(s->arena, (n + 2) * sizeof(*v));
	if (v == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	v[0] = pin_arena_printf(s->arena, NULL, "HOSTNAME=%s",
	    c->hostname != NULL ? c->hostname : "");
	for (uint32_t i = 0; i < n; i++)
		v[i + 1] = c->env[i];
	return (image_env(s->arena, &s->image, v, &s->env, err));
}

static void
program_pick(struct oci_start *s)
{
	const struct oci *o = s->o;
	int wants = s->c->memory > 0 || s->c->cpu_milli > 0;

	s->program = wants && o->runc.path != NULL ? &o->runc : &o->program;
	s->limits = wants && o->cgroups.kind != CGROUP_NONE &&
	    (o->cgroups.kind != CGROUP_HYBRID || s->program->kind == OCI_RUNC);
	s->devices = s->program == &o->program ? (int)o->devices :
	    oci_os_devices(o->cgroups.kind, s->program->kind);
}

static int
refuse(const struct oci_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	int rc = PIN_OK;

	if ((c->memory > 0 || c->cpu_milli > 0) && !s->limits)
		rc = pin_err_set(err, PIN_EINVALID, "resources.limits.%s: "
		    "%s cannot set it with the cgroups of this node",
		    c->memory > 0 ? "memory" : "cpu", s->program->path);
	if (rc == PIN_OK && oci_os_seccomp(s) == OCI_SECCOMP_ASKED &&
	    !s->program->seccomp)
		rc = pin_err_set(err, PIN_EINVALID, "securityContext."
		    "seccompProfile.type: RuntimeDefault: %s is built without "
		    "seccomp", s->program->path);
	if (rc == PIN_OK)
		rc = runtime_refuse(c, "oci", err);
	return (rc == PIN_OK ? runtime_refuse_root(c, s->user.uid, err) : rc);
}

static int
start_prepare(struct oci_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	int rc;

	if (c->pod != NULL) {
		s->pod_sec = pin_obj_at(c->pod, pin_obj_root(c->pod), "spec",
		    "securityContext", NULL);
		s->sec = pin_obj_get(c->pod, c->spec, "securityContext");
	}
	program_pick(s);
	rc = image_find(pin_env_host(s->o->env), s->o->data, c->image,
	    &s->image, err);
	if (rc == PIN_OK)
		rc = image_user(&s->image, c->uid, c->gid, &s->user, err);
	if (rc == PIN_OK)
		rc = refuse(s, err);
	if (rc == PIN_OK)
		rc = image_argv(s->arena, &s->image, c->command, c->args,
		    &s->argv, err);
	return (rc == PIN_OK ? env_make(s, err) : rc);
}

static void
record(struct pin_out *out, char what, const char *value)
{
	pin_out_char(out, what);
	pin_out_put(out, value, strlen(value) + 1);
}

static void
spec_make(const struct oci_start *s, const char *dir, struct pin_out *out)
{
	const char *path = getenv("PATH");
	char text[OCI_PATH_MAX];

	record(out, 'a', s->program->path);
	record(out, 'a', "--root");
	record(out, 'a', s->o->state);
	record(out, 'a', "--log");
	snprintf(text, sizeof(text), "%s/runtime.log", dir);
	record(out, 'a', text);
	record(out, 'a', "run");
	record(out, 'a', "--detach");
	record(out, 'a', "--pid-file");
	snprintf(text, sizeof(text), "%s/init", dir);
	record(out, 'a', text);
	record(out, 'a', "--bundle");
	record(out, 'a', dir);
	record(out, 'a', s->c->id);
	record(out, 'p', text);
	snprintf(text, sizeof(text), "PATH=%s", path != NULL ? path :
	    "/usr/sbin:/usr/bin:/sbin:/bin");
	record(out, 'e', text);
	record(out, 'l', s->c->log);
	record(out, 'd', dir);
	if (s->o->cgroups.kind == CGROUP_HYBRID &&
	    s->program->kind == OCI_CRUN) {
		record(out, 'm', CGROUP_DIR "/unified");
		record(out, 't', CGROUP_DIR);
	}
}

/* The group is there before the program: whether it takes the limits, and
 * whether there is swap to be kept from, shows in it; that all end when one
 * does is said on v2 only. */
static int
limit(struct oci_start *s, struct pin_err *err)
{
	struct cgroup_limits l = { .memory = s->c->memory,
	    .cpu_milli = s->c->cpu_milli };
	const char *what;

	if (!s->limits)
		return (PIN_OK);
	cgroups_limit(&s->o->cgroups, s->c->id, &l);
	s->no_swap = (l.set & CGROUP_NO_SWAP) != 0;
	what = l.memory > 0 && !(l.set & CGROUP_MEMORY) ? "memory" :
	    l.cpu_milli > 0 && !(l.set & CGROUP_CPU) ? "cpu" : NULL;
	return (what == NULL ? PIN_OK : pin_err_set(err, PIN_EINVALID,
	    "resources.limits.%s: the cgroups of this node do not take it (no "
	    "controller of that name, or not handed down)", what));
}

static int
start_run(struct oci_start *s, const char *dir, struct pin_err *err)
{
	char path[OCI_PATH_MAX], text[OCI_OUTPUT_MAX / 2];
	const char *id = s->c->id;
	struct pin_out spec;
	int rc;

	rc = runtime_note(&s->o->shims, id, "program", s->program->path, err);
	if (rc == PIN_OK)
		rc = runtime_image_hold(&s->o->shims, id, &s->image, err);
	if (rc == PIN_OK)
		rc = oci_os_mount(s->image.root, dir, (int)
		    s->c->read_only_root, err);
	if (rc == PIN_OK)
		rc = limit(s, err);
	if (rc == PIN_OK)
		rc = oci_bundle(s, dir, err);
	if (rc != PIN_OK)
		return (rc);
	pin_out_init(&spec, NULL, SHIM_SPEC_MAX);
	spec_make(s, dir, &spec);
	rc = shims_run(&s->o->shims, id, &spec, err);
	pin_out_fini(&spec);
	if (rc == PIN_OK)
		return (rc);
	snprintf(path, sizeof(path), "%s/runtime.log", dir);
	if (oci_log_text(path, text, sizeof(text)))
		rc = pin_err_set(err, PIN_EIO, "failed to create container: "
		    "%s", text);
	return (rc);
}

static int
oci_start(void *self, const struct pin_container *c, struct pin_err *err)
{
	struct oci_start s = { .o = self, .c = c };
	char dir[OCI_PATH_MAX];
	int rc;

	s.arena = pin_arena_new(ARENA_MAX);
	rc = s.arena != NULL ? start_prepare(&s, err) : pin_err_set(err,
	    PIN_ENOMEM, "out of memory");
	if (rc == PIN_OK && shims_alive(&s.o->shims, c->id))
		rc = pin_err_set(err, PIN_EEXISTS, "container %s runs",
		    c->id);
	else if (rc == PIN_OK) {
		rc = oci_remove(self, c->id, err);	/* what was left */
		if (rc == PIN_OK)
			rc = shims_make(&s.o->shims, c->id, err);
		if (rc == PIN_OK && shims_path(&s.o->shims, dir, c->id,
		    NULL) == PIN_OK)
			rc = start_run(&s, dir, err);
		if (rc != PIN_OK)
			(void)oci_remove(self, c->id, NULL);
	}
	image_info_fini(&s.image);
	if (s.arena != NULL)
		pin_arena_free(&s.arena);
	return (rc);
}

/* ---- kill, end, remove ------------------------------------------------- */

static int
oci_kill(void *self, const char *id, int sig, struct pin_err *err)
{
	struct oci *o = self;

	return (shims_signal(&o->shims, id, sig, err));
}

static void
oci_ended(void *arg, struct pin_container_state *state)
{
	const struct oci *o = arg;

	if (cgroups_oom(&o->cgroups, state))
		state->oom_killed = 1;
}

/* The runtime's record of it and its cgroups. */
static void
runtime_delete(struct oci *o, const char *id)
{
	char program[OCI_PATH_MAX], path[OCI_PATH_MAX];
	const char *argv[] = { program, "--root", o->state, "delete",
	    "--force", id, NULL };
	struct pin_err err = PIN_ERR_INIT;

	if (!shims_text(&o->shims, id, "program", program, sizeof(program)))
		return;
	if (snprintf(path, sizeof(path), "%s/%s", o->state, id) <
	    (int)sizeof(path) && access(path, F_OK) == 0 &&
	    oci_run(o, argv, &err) != PIN_OK)
		pin_env_log(o->env, PIN_LOG_WARN, "%s: %s", id, err.text);
	cgroups_remove(&o->cgroups, id);
	(void)image_tree_remove(o->state, id, NULL);
}

static int
oci_remove(void *self, const char *id, struct pin_err *err)
{
	struct oci *o = self;
	int rc = shims_forget(&o->shims, id, err);
	char dir[OCI_PATH_MAX];

	if (rc != PIN_OK)
		return (rc);
	if (shims_path(&o->shims, dir, id, NULL) == PIN_OK &&
	    access(dir, F_OK) == 0) {
		runtime_delete(o, id);
		oci_os_unmount(dir);
		runtime_image_release(&o->shims, id);
	}
	return (shims_erase(&o->shims, id, err));
}

static int
oci_list(void *self, int (*emit)(void *, const struct pin_container_state *),
    void *arg, struct pin_err *err)
{
	struct oci *o = self;

	(void)err;
	return (shims_list(&o->shims, emit, arg));
}
