/* SPDX-License-Identifier: BSD-2-Clause
 *
 * start.c -- from a container in a pod to what a runtime starts: its id, its
 * log, command with variables put in, environment, mounts, user.
 * Work pool. Contract: pintle/runtime.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"
#include "core/kubelet/subpath.h"

void
container_id(const struct kpod *pod, const struct kcontainer *c,
    uint32_t attempt, char out[128])
{
	snprintf(out, 128, "%s-%s-%u", pod->uid, c->name, attempt);
}

/* NAME/ATTEMPT.log, as the CRI lays them out. */
void
container_log(const struct kpod *pod, const char *container,
    uint32_t attempt, char out[KUBELET_PATH_MAX])
{
	char rest[128];

	snprintf(rest, sizeof(rest), "%s/%u.log", container, attempt);
	pod_path(pod, out, rest);
}

static char **
words(const struct kpod *pod, pin_node list, char *const *env)
{
	uint32_t n = pin_obj_count(pod->obj, list), i = 0;
	pin_node w;
	char **out;

	if (n == 0)
		return (NULL);
	out = pin_xcalloc(n + 1, sizeof(*out));
	for (w = pin_obj_first(pod->obj, list); w != 0 && i < n;
	    w = pin_obj_next(pod->obj, w))
		out[i++] = env_expand(env, pin_obj_str(pod->obj, w));
	return (out);
}

#define OWN_MOUNTS	3		/* hosts, resolv.conf, last words */

struct mounts {
	uint32_t	 n;
	struct pin_mount m[PIN_MOUNTS_MAX];
	char		*text[PIN_MOUNTS_MAX * 2];
	uint32_t	 ntext, nheld;
};

static char *
keep(struct mounts *m, const char *s)
{
	char *p = pin_xstrdup(s);

	m->text[m->ntext++] = p;
	return (p);
}

/* No component is "..": what the API refuses, an expression may still make. */
static int
safe_subpath(const char *s)
{
	size_t n;

	if (s[0] == '/')
		return (0);
	for (; *s != '\0'; s += n + (s[n] == '/')) {
		n = strcspn(s, "/");
		if (n == 2 && s[0] == '.' && s[1] == '.')
			return (0);
	}
	return (1);
}

static char *
sub_of(struct kpod *pod, pin_node v, char *const *env)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str sub = pin_obj_str(o, pin_obj_get(o, v, "subPath")),
	    expr = pin_obj_str(o, pin_obj_get(o, v, "subPathExpr"));

	return (expr.len > 0 ? env_expand(env, expr) : pin_xstrndup(sub.p !=
	    NULL ? sub.p : "", sub.len));
}

static void
held_name(const struct kcontainer *c, uint32_t i, char out[160])
{
	snprintf(out, 160, "%s-%u", c->id, i);
}

static void
mounts_fini(struct kpod *pod, const struct kcontainer *c, struct mounts *m)
{
	char at[160];

	while (m->nheld > 0) {
		held_name(c, --m->nheld, at);
		subpath_drop(pod->k, at);
	}
	while (m->ntext > 0)
		free(m->text[--m->ntext]);
	free(m);
}

/* PIN_ENOTFOUND, as what is missing: it may be put right, and is tried
 * again. */
static int
sub_path(struct kpod *pod, const struct kcontainer *c, struct mounts *m,
    const char *sub, char path[KUBELET_PATH_MAX], struct pin_err *err)
{
	char at[160], volume[KUBELET_PATH_MAX];
	int rc;

	if (sub[0] == '\0')
		return (PIN_OK);
	if (strstr(sub, "$(") != NULL)	/* what has no value stays */
		return (pin_err_set(err, PIN_ENOTFOUND, "subPathExpr: missing "
		    "value in \"%s\"", sub));
	if (!safe_subpath(sub))
		return (pin_err_set(err, PIN_ENOTFOUND, "subPath \"%s\" "
		    "leaves its volume", sub));
	snprintf(volume, sizeof(volume), "%s", path);
	held_name(c, m->nheld++, at);
	rc = subpath_hold(pod->k, volume, sub, at, path, err);
	if (rc != PIN_OK)
		err->code = PIN_ENOTFOUND;
	return (rc != PIN_OK ? PIN_ENOTFOUND : PIN_OK);
}

static int
mount_one(struct kpod *pod, const struct kcontainer *c, pin_node v,
    char *const *env, struct mounts *m, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, v, "name"));
	char path[KUBELET_PATH_MAX], target[KUBELET_PATH_MAX], *sub;
	struct pin_mount *mt = &m->m[m->n];
	int rc;

	if (m->n == PIN_MOUNTS_MAX - OWN_MOUNTS)
		return (pin_err_set(err, PIN_EINVALID, "more than %d "
		    "volumeMounts", PIN_MOUNTS_MAX - OWN_MOUNTS));
	rc = volume_path(pod, name, path);
	if (rc < 0)
		return (pin_err_set(err, PIN_EINVALID, "volume \"" PIN_SFMT
		    "\" is not there", PIN_SARG(name)));
	sub = sub_of(pod, v, env);
	rc = sub_path(pod, c, m, sub, path, err);
	free(sub);
	if (rc != PIN_OK)
		return (rc);
	str_copy(target, sizeof(target), pin_obj_str(o, pin_obj_get(o, v,
	    "mountPath")));
	mt->source = keep(m, path);
	mt->target = keep(m, target);
	mt->read_only = (uint32_t)(volume_written(pod, name) ||
	    pin_obj_true(o, pin_obj_get(o, v, "readOnly")));
	m->n++;
	return (PIN_OK);
}

/* Unless the pod mounts something there itself. */
static void
mount_own(struct mounts *m, const char *source, const char *target)
{
	struct pin_mount *mt = &m->m[m->n];
	uint32_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->m[i].target, target) == 0)
			return;
	mt->source = keep(m, source);
	mt->target = keep(m, target);
	mt->own_files = 1;
	m->n++;
}

static int
mounts_make(struct kpod *pod, struct kcontainer *c, char *const *env,
    struct mounts *m, struct pin_err *err)
{
	pin_node v = pin_obj_first(pod->obj, pin_obj_get(pod->obj, c->spec,
	    "volumeMounts"));
	char path[KUBELET_PATH_MAX], resolv[KUBELET_PATH_MAX];
	int rc = PIN_OK;

	for (; v != 0 && rc == PIN_OK; v = pin_obj_next(pod->obj, v))
		rc = mount_one(pod, c, v, env, m, err);
	if (rc == PIN_OK)
		rc = etc_make(pod, path, resolv, err);
	if (rc != PIN_OK)
		return (rc);
	mount_own(m, path, "/etc/hosts");
	mount_own(m, resolv, "/etc/resolv.conf");
	rc = message_make(pod, c, path, err);
	if (rc != PIN_OK)
		return (rc);
	str_copy(resolv, sizeof(resolv), pin_obj_str(pod->obj, pin_obj_get(
	    pod->obj, c->spec, "terminationMessagePath")));
	if (resolv[0] == '/')
		mount_own(m, path, resolv);
	return (PIN_OK);
}

/* The container's word, else the pod's. */
static pin_node
security(struct kpod *pod, struct kcontainer *c, const char *what)
{
	pin_node n = pin_obj_at(pod->obj, c->spec, "securityContext", what,
	    NULL);

	if (n != 0)
		return (n);
	return (pin_obj_at(pod->obj, pin_obj_root(pod->obj), "spec",
	    "securityContext", what, NULL));
}

/* Who an image is when the pod does not say, only the runtime knows. */
static int
user(struct kpod *pod, struct kcontainer *c, struct pin_container *pc,
    struct pin_err *err)
{
	pc->uid = pc->gid = -1;
	(void)pin_obj_i64(pod->obj, security(pod, c, "runAsUser"), &pc->uid);
	(void)pin_obj_i64(pod->obj, security(pod, c, "runAsGroup"),
	    &pc->gid);
	if (pin_obj_true(pod->obj, security(pod, c, "runAsNonRoot")) &&
	    pc->uid == 0)
		return (pin_err_set(err, PIN_ENOTFOUND, "container has "
		    "runAsNonRoot and runAsUser is 0"));
	pc->privileged = (uint32_t)pin_obj_true(pod->obj, pin_obj_at(pod->obj,
	    c->spec, "securityContext", "privileged", NULL));
	pc->read_only_root = (uint32_t)pin_obj_true(pod->obj, pin_obj_at(
	    pod->obj, c->spec, "securityContext", "readOnlyRootFilesystem",
	    NULL));
	return (PIN_OK);
}

static void
words_free(char **w)
{
	env_free(&w);
}

int
container_start(struct kpod *pod, struct kcontainer *c, struct pin_err *err)
{
	struct pin_container pc = { .size = sizeof(pc), .host_network = 1 };
	char log[KUBELET_PATH_MAX], dir[KUBELET_PATH_MAX], img[512], wd[1024];
	char **env = NULL, **cmd = NULL, **args = NULL, hn[KUBELET_NAME_MAX];
	struct mounts *m = pin_xcalloc(1, sizeof(*m));
	struct pin_str s;
	int rc;

	container_id(pod, c, c->attempt, c->id);
	pod_path(pod, dir, c->name);
	rc = dirs_make(dir, 0755, err);
	if (rc == PIN_OK)
		rc = env_make(pod, c, &env, err);
	if (rc == PIN_OK)
		rc = mounts_make(pod, c, env, m, err);
	if (rc == PIN_OK)
		rc = user(pod, c, &pc, err);
	if (rc == PIN_OK)
		rc = etc_hostname(pod, hn, err);
	if (rc != PIN_OK)
		goto out;
	cmd = words(pod, pin_obj_get(pod->obj, c->spec, "command"), env);
	args = words(pod, pin_obj_get(pod->obj, c->spec, "args"), env);
	container_log(pod, c->name, c->attempt, log);
	str_copy(img, sizeof(img), pin_obj_str(pod->obj, pin_obj_get(
	    pod->obj, c->spec, "image")));
	s = pin_obj_str(pod->obj, pin_obj_get(pod->obj, c->spec,
	    "workingDir"));
	str_copy(wd, sizeof(wd), s);
	pc.attempt = c->attempt;
	pc.id = c->id;
	pc.pod_uid = pod->uid;
	pc.pod_namespace = pod->ns;
	pc.pod_name = pod->name;
	pc.name = c->name;
	pc.image = img;
	pc.dir = dir;
	pc.log = log;
	pc.command = (const char *const *)cmd;
	pc.args = (const char *const *)args;
	pc.env = (const char *const *)env;
	pc.workdir = s.len > 0 ? wd : NULL;
	pc.hostname = hn;
	pc.mounts = m->m;
	pc.nmounts = m->n;
	pc.netns = pod->net.netns[0] != '\0' ? pod->net.netns : NULL;
	pc.host_network = pc.netns == NULL;
	pc.cpu_milli = container_limit(pod, c, "cpu", 1);
	pc.memory = container_limit(pod, c, "memory", 0);
	pc.pod = pod->obj;
	pc.spec = c->spec;
	/* Before its log is there to be followed. */
	pod_say_runs(pod, c);
	rc = pod->rt->start(pod->rt_self, &pc, err);
out:
	words_free(cmd);
	words_free(args);
	env_free(&env);
	mounts_fini(pod, c, m);
	return (rc);
}
