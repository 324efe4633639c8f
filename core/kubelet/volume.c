/* SPDX-License-Identifier: BSD-2-Clause
 *
 * volume.c -- a pod's volumes as directories below DATA/pods/UID/volumes:
 * emptyDir, configMap, secret, downwardAPI, projected; hostPath is where it
 * is. Looked at again every KUBELET_REFRESH_MS, so that changes and fresh
 * tokens appear; what is written goes into place as one (payload.h).
 * Work pool. Contract: Kubernetes' volumes (docs/node.md "Volumes"). What is
 * missing and not optional is PIN_ENOTFOUND. */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/image/image.h"
#include "core/kubelet/empty.h"
#include "core/kubelet/payload.h"
#include "core/kubelet/source.h"

#define TOKEN_S		3607
#define TOKEN_OLD_S	86400
#define TOKEN_MAX	((size_t)65536)

/* ---- directories ------------------------------------------------------- */

int
dirs_make(const char *path, uint32_t mode, struct pin_err *err)
{
	char buf[KUBELET_PATH_MAX], *p;
	struct stat st;
	int n = snprintf(buf, sizeof(buf), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(buf))
		return (pin_err_set(err, PIN_ELIMIT, "path is too long"));
	for (p = buf + 1; ; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(buf, mode) != 0 && errno != EEXIST)
			return (pin_err_os(err, PIN_EIO, errno, "%s", buf));
		*p = c;
		if (c == '\0')
			break;
	}
	if (stat(buf, &st) == 0 && !S_ISDIR(st.st_mode))
		return (pin_err_set(err, PIN_EEXISTS, "%s is no directory",
		    buf));
	return (PIN_OK);
}

int
tree_remove(const char *path, struct pin_err *err)
{
	char dir[KUBELET_PATH_MAX], *slash;
	int n = snprintf(dir, sizeof(dir), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(dir))
		return (pin_err_set(err, PIN_ELIMIT, "path is too long"));
	empty_release(dir);
	slash = strrchr(dir, '/');
	*slash = '\0';
	return (image_tree_remove(dir, slash + 1, err));
}

/* ---- what is put in ------------------------------------------------------ */

static uint32_t
mode_of(const struct kpod *pod, pin_node at, const char *key, uint32_t other)
{
	int64_t v;

	return (pin_obj_i64(pod->obj, pin_obj_get(pod->obj, at, key), &v) ?
	    (uint32_t)v : other);
}

static int
put_source(struct kpod *pod, int secret, pin_node at, const char *name_key,
    struct payload *p, uint32_t mode, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, at, name_key)),
	    key, path, v;
	int optional = pin_obj_true(o, pin_obj_get(o, at, "optional")), rc;
	pin_node it = pin_obj_first(o, pin_obj_get(o, at, "items"));
	struct source s;
	uint32_t i;

	rc = source_get(pod, secret, name, &s, err);
	if (rc == PIN_ENOTFOUND && optional)
		return (PIN_OK);
	if (rc != PIN_OK)
		return (rc);
	if (it == 0)
		for (i = 0; i < source_count(&s) && rc == PIN_OK; i++) {
			source_at(&s, i, &key, &v);
			rc = payload_add(p, key, v.p, v.len, mode, err);
		}
	for (; it != 0 && rc == PIN_OK; it = pin_obj_next(o, it)) {
		key = pin_obj_str(o, pin_obj_get(o, it, "key"));
		path = pin_obj_str(o, pin_obj_get(o, it, "path"));
		if (source_find(&s, key, &v))
			rc = payload_add(p, path, v.p, v.len, mode_of(pod,
			    it, "mode", mode), err);
		else if (!optional)
			rc = pin_err_set(err, PIN_ENOTFOUND, "references "
			    "non-existent %s key: " PIN_SFMT, secret ?
			    "secret" : "config", PIN_SARG(key));
	}
	source_fini(&s);
	return (rc);
}

static int
put_downward(struct kpod *pod, pin_node at, struct payload *p, uint32_t mode,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node it = pin_obj_first(o, pin_obj_get(o, at, "items")), ref;
	struct pin_out out;
	int rc = PIN_OK;

	for (; it != 0 && rc == PIN_OK; it = pin_obj_next(o, it)) {
		pin_out_init(&out, NULL, KUBELET_TEXT_MAX);
		ref = pin_obj_get(o, it, "fieldRef");
		if (ref != 0)
			rc = field_value(pod, ref, &out, err);
		else
			rc = resource_value(pod, pin_obj_get(o, it,
			    "resourceFieldRef"), NULL, &out, err);
		if (rc == PIN_OK)
			rc = payload_add(p, pin_obj_str(o, pin_obj_get(o, it,
			    "path")), out.p, out.len, mode_of(pod, it, "mode",
			    mode), err);
		pin_out_fini(&out);
	}
	return (rc);
}

/* The token that is there, as long as it is young: heap, or NULL. As upstream:
 * a fifth of its life is left, and it is not older than a day. */
static char *
old_token(struct kpod *pod, const char *dir, struct pin_str rel)
{
	char path[KUBELET_PATH_MAX + PAYLOAD_PATH_MAX], *text, *dot, *end,
	    *claims = NULL;
	int64_t now = pin_host_wall(pod->k->host) / 1000000000, iat = 0,
	    expires = 0;
	struct pin_obj *o = NULL;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/..data/" PIN_SFMT, dir,
	    PIN_SARG(rel));
	f = fopen(path, "r");
	if (f == NULL)
		return (NULL);
	text = pin_xmalloc(TOKEN_MAX);
	n = fread(text, 1, TOKEN_MAX - 1, f);
	fclose(f);
	text[n] = '\0';
	dot = strchr(text, '.');
	end = dot != NULL ? strchr(dot + 1, '.') : NULL;
	if (end != NULL)
		claims = base64_decode((struct pin_str){ dot + 1, (size_t)(
		    end - dot - 1) }, &n);
	if (claims != NULL && pin_obj_parse(NULL, claims, n, &o, NULL) ==
	    PIN_OK) {
		(void)pin_obj_i64(o, pin_obj_get(o, pin_obj_root(o), "iat"),
		    &iat);
		(void)pin_obj_i64(o, pin_obj_get(o, pin_obj_root(o), "exp"),
		    &expires);
	}
	pin_obj_free(&o);
	free(claims);
	if (now >= iat && now - iat < TOKEN_OLD_S && now < iat + (expires -
	    iat) / 5 * 4)
		return (text);
	free(text);
	return (NULL);
}

static int
new_token(struct kpod *pod, pin_node at, char **out, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str sa = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "spec", "serviceAccountName", NULL)), aud = pin_obj_str(o,
	    pin_obj_get(o, at, "audience")), tok;
	int64_t seconds = TOKEN_S;
	struct pin_obj *res = NULL;
	struct api_answer a;
	struct pin_out body;
	char target[512];
	int rc;

	if (sa.len == 0)
		sa = (struct pin_str){ "default", 7 };
	(void)pin_obj_i64(o, pin_obj_get(o, at, "expirationSeconds"),
	    &seconds);
	snprintf(target, sizeof(target), "/api/v1/namespaces/%s/"
	    "serviceaccounts/" PIN_SFMT "/token", pod->ns, PIN_SARG(sa));
	pin_out_init(&body, NULL, KUBELET_TEXT_MAX);
	pin_out_printf(&body, "{\"apiVersion\":\"authentication.k8s.io/v1\","
	    "\"kind\":\"TokenRequest\",\"spec\":{\"audiences\":[");
	if (aud.len > 0)
		pin_json_quote(&body, aud);
	pin_out_printf(&body, "],\"expirationSeconds\":%lld,"
	    "\"boundObjectRef\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
	    "\"name\":\"%s\",\"uid\":\"%s\"}}}", (long long)seconds,
	    pod->name, pod->uid);
	rc = api_ask(pod->k, "POST", target, API_JSON, (struct pin_str){
	    body.p, body.len }, &a, err);
	if (rc == PIN_OK)
		rc = api_error(&a, err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(NULL, a.body.p, a.body.len, &res, err);
	if (rc == PIN_OK) {
		tok = pin_obj_str(res, pin_obj_at(res, pin_obj_root(res),
		    "status", "token", NULL));
		*out = pin_xstrndup(tok.p != NULL ? tok.p : "", tok.len);
	}
	pin_obj_free(&res);
	pin_out_fini(&body);
	api_answer_fini(&a);
	return (rc);
}

static int
put_token(struct kpod *pod, pin_node at, struct payload *p, const char *dir,
    uint32_t mode, struct pin_err *err)
{
	struct pin_str rel = pin_obj_str(pod->obj, pin_obj_get(pod->obj, at,
	    "path"));
	char *token = old_token(pod, dir, rel);
	int rc = PIN_OK;

	if (token == NULL)
		rc = new_token(pod, at, &token, err);
	if (rc == PIN_OK)
		rc = payload_add(p, rel, token, strlen(token), mode, err);
	free(token);
	return (rc);
}

static int
put_projected(struct kpod *pod, pin_node at, struct payload *p,
    const char *dir, uint32_t mode, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node s = pin_obj_first(o, pin_obj_get(o, at, "sources")), k;
	int rc = PIN_OK;

	for (; s != 0 && rc == PIN_OK; s = pin_obj_next(o, s)) {
		if ((k = pin_obj_get(o, s, "configMap")) != 0)
			rc = put_source(pod, 0, k, "name", p, mode, err);
		else if ((k = pin_obj_get(o, s, "secret")) != 0)
			rc = put_source(pod, 1, k, "name", p, mode, err);
		else if ((k = pin_obj_get(o, s, "downwardAPI")) != 0)
			rc = put_downward(pod, k, p, mode, err);
		else if ((k = pin_obj_get(o, s, "serviceAccountToken")) != 0)
			rc = put_token(pod, k, p, dir, mode, err);
		else
			rc = pin_err_set(err, PIN_EINVALID, "projected "
			    "source " PIN_SFMT " is not supported",
			    PIN_SARG(pin_obj_key(o, pin_obj_first(o, s))));
	}
	return (rc);
}

static int
host_path(struct kpod *pod, pin_node at, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str type = pin_obj_str(o, pin_obj_get(o, at, "type"));
	char path[KUBELET_PATH_MAX];
	struct stat st;
	FILE *f;
	int there;

	str_copy(path, sizeof(path), pin_obj_str(o, pin_obj_get(o, at,
	    "path")));
	there = stat(path, &st) == 0;
	if (pin_str_is(type, "DirectoryOrCreate") && !there)
		return (dirs_make(path, 0755, err));
	if (pin_str_is(type, "FileOrCreate") && !there) {
		f = fopen(path, "a");
		if (f == NULL)
			return (pin_err_os(err, PIN_EIO, errno, "%s", path));
		fclose(f);
		return (PIN_OK);
	}
	if (type.len == 0 && !there)
		return (dirs_make(path, 0755, err));
	if ((!there) || (pin_str_is(type, "Directory") &&
	    !S_ISDIR(st.st_mode)) || (pin_str_is(type, "File") &&
	    !S_ISREG(st.st_mode)) || (pin_str_is(type, "Socket") &&
	    !S_ISSOCK(st.st_mode)) || (pin_str_is(type, "CharDevice") &&
	    !S_ISCHR(st.st_mode)) || (pin_str_is(type, "BlockDevice") &&
	    !S_ISBLK(st.st_mode)))
		return (pin_err_set(err, PIN_ENOTFOUND, "hostPath type check "
		    "failed: %s is not a " PIN_SFMT, path, PIN_SARG(type)));
	return (PIN_OK);
}

/* ---- volumes ------------------------------------------------------ */

static pin_node
volume(const struct kpod *pod, struct pin_str name)
{
	const struct pin_obj *o = pod->obj;
	pin_node v = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "volumes", NULL));

	while (v != 0 && !pin_str_eq(pin_obj_str(o, pin_obj_get(o, v,
	    "name")), name))
		v = pin_obj_next(o, v);
	return (v);
}

int
volume_path(const struct kpod *pod, struct pin_str name,
    char out[KUBELET_PATH_MAX])
{
	pin_node v = volume(pod, name), hp;
	char rest[160];

	if (v == 0)
		return (-1);
	hp = pin_obj_get(pod->obj, v, "hostPath");
	if (hp != 0) {
		str_copy(out, KUBELET_PATH_MAX, pin_obj_str(pod->obj,
		    pin_obj_get(pod->obj, hp, "path")));
		return (0);
	}
	snprintf(rest, sizeof(rest), "volumes/" PIN_SFMT, PIN_SARG(name));
	pod_path(pod, out, rest);
	return (0);
}

/* Who shares what this node writes for the pod; -1: nobody is named. */
static int64_t
fs_group(const struct kpod *pod)
{
	const struct pin_obj *o = pod->obj;
	int64_t gid = -1;

	(void)pin_obj_i64(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "securityContext", "fsGroup", NULL), &gid);
	return (geteuid() == 0 ? gid : -1);
}

/* What the agent writes itself; PIN_ENOTFOUND also for another type. */
static int
collect(struct kpod *pod, pin_node v, struct payload *p, const char *dir,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node k;

	if ((k = pin_obj_get(o, v, "configMap")) != 0)
		return (put_source(pod, 0, k, "name", p, mode_of(pod, k,
		    "defaultMode", 0644), err));
	if ((k = pin_obj_get(o, v, "secret")) != 0)
		return (put_source(pod, 1, k, "secretName", p, mode_of(pod, k,
		    "defaultMode", 0644), err));
	if ((k = pin_obj_get(o, v, "downwardAPI")) != 0)
		return (put_downward(pod, k, p, mode_of(pod, k,
		    "defaultMode", 0644), err));
	k = pin_obj_get(o, v, "projected");
	return (put_projected(pod, k, p, dir, mode_of(pod, k, "defaultMode",
	    0644), err));
}

int
volume_written(const struct kpod *pod, struct pin_str name)
{
	pin_node v = volume(pod, name);

	return (v != 0 && pin_obj_get(pod->obj, v, "emptyDir") == 0 &&
	    pin_obj_get(pod->obj, v, "hostPath") == 0);
}

static int
volume_make(struct kpod *pod, pin_node v, uint64_t *wrote,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, v, "name"));
	struct payload p = { NULL, 0, 0 };
	char dir[KUBELET_PATH_MAX];
	uint64_t hash;
	pin_node k;
	int rc;

	if ((k = pin_obj_get(o, v, "hostPath")) != 0)
		return (host_path(pod, k, err));
	(void)volume_path(pod, name, dir);
	if (!volume_written(pod, name))
		return (empty_make(pod, v, dir, fs_group(pod), err));
	rc = collect(pod, v, &p, dir, err);
	hash = payload_hash(&p);
	if (rc == PIN_OK && hash != *wrote) {
		rc = dirs_make(dir, 0755, err);
		if (rc == PIN_OK)
			rc = payload_write(&p, dir, fs_group(pod), err);
		if (rc == PIN_OK)
			*wrote = hash;
	}
	payload_fini(&p);
	return (rc);
}

int
volumes_make(struct kpod *pod, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node v = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "volumes", NULL));
	uint64_t *wrote;
	int rc = PIN_OK;

	if (pod->wrote == NULL)
		pod->wrote = pin_xcalloc(pin_obj_count(o, pin_obj_at(o,
		    pin_obj_root(o), "spec", "volumes", NULL)) + 1,
		    sizeof(*pod->wrote));
	wrote = pod->wrote;
	for (; v != 0 && rc == PIN_OK; v = pin_obj_next(o, v)) {
		rc = volume_make(pod, v, wrote++, err);
		if (rc != PIN_OK)
			(void)pin_err_wrap(err, "MountVolume.SetUp failed for "
			    "volume \"" PIN_SFMT "\"", PIN_SARG(pin_obj_str(o,
			    pin_obj_get(o, v, "name"))));
	}
	return (rc);
}
