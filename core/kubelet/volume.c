/* SPDX-License-Identifier: BSD-2-Clause
 *
 * volume.c -- a pod's volumes as directories below DATA/pods/UID/volumes:
 * emptyDir, configMap, secret, downwardAPI, projected; hostPath is where it
 * is. Written again every KUBELET_REFRESH_MS, each file replaced whole, so
 * that changes and fresh tokens appear.
 * Work pool. Contract: Kubernetes' volumes (docs/node.md "Volumes"). What is
 * missing and not optional is PIN_ENOTFOUND. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/kubelet/source.h"

#define DEPTH_MAX	64
#define TOKEN_S		3607

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

static int
remove_below(char *path, size_t len, int depth, struct pin_err *err)
{
	struct dirent *e;
	int rc = PIN_OK;
	DIR *d;
	int n;

	if (unlink(path) == 0 || errno == ENOENT)
		return (PIN_OK);
	if (depth == DEPTH_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "%s: too deep", path));
	d = opendir(path);
	if (d == NULL)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	while (rc == PIN_OK && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		n = snprintf(path + len, KUBELET_PATH_MAX - len, "/%s",
		    e->d_name);
		if (n < 0 || (size_t)n >= KUBELET_PATH_MAX - len)
			rc = pin_err_set(err, PIN_ELIMIT, "path too long");
		else
			rc = remove_below(path, len + (size_t)n, depth + 1,
			    err);
		path[len] = '\0';
	}
	closedir(d);
	if (rc == PIN_OK && rmdir(path) != 0 && errno != ENOENT)
		rc = pin_err_os(err, PIN_EIO, errno, "%s", path);
	return (rc);
}

int
tree_remove(const char *path, struct pin_err *err)
{
	char buf[KUBELET_PATH_MAX];
	int n = snprintf(buf, sizeof(buf), "%s", path);

	if (n < 0 || (size_t)n >= sizeof(buf))
		return (pin_err_set(err, PIN_ELIMIT, "path is too long"));
	return (remove_below(buf, (size_t)n, 0, err));
}

/* ---- files -------------------------------------------------------------- */

/* rel comes from an object: it must stay below dir. */
static int
put_file(const char *dir, struct pin_str rel, const char *p, size_t len,
    uint32_t mode, struct pin_err *err)
{
	char path[KUBELET_PATH_MAX], tmp[KUBELET_PATH_MAX + 8], *slash;
	FILE *f;
	int cut, rc;

	if (rel.len == 0 || rel.p[0] == '/' || rel.len > 1024 ||
	    memchr(rel.p, '\0', rel.len) != NULL)
		return (pin_err_set(err, PIN_EINVALID, "file name \"" PIN_SFMT
		    "\"", PIN_SARG(rel)));
	snprintf(path, sizeof(path), "%s/" PIN_SFMT, dir, PIN_SARG(rel));
	if (strstr(path + strlen(dir), "/../") != NULL)
		return (pin_err_set(err, PIN_EINVALID, "file name \"" PIN_SFMT
		    "\"", PIN_SARG(rel)));
	slash = strrchr(path, '/');
	*slash = '\0';
	rc = dirs_make(path, 0755, err);
	*slash = '/';
	if (rc != PIN_OK)
		return (rc);
	snprintf(tmp, sizeof(tmp), "%s.new~", path);
	f = fopen(tmp, "w");
	if (f == NULL)
		return (pin_err_os(err, PIN_EIO, errno, "%s", tmp));
	cut = len > 0 && fwrite(p, len, 1, f) != 1;
	if (fclose(f) != 0 || cut)
		return (pin_err_os(err, PIN_EIO, errno, "%s", tmp));
	if (chmod(tmp, (mode_t)(mode & 0777)) != 0 || rename(tmp, path) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	return (PIN_OK);
}

static uint32_t
mode_of(const struct kpod *pod, pin_node at, const char *key, uint32_t other)
{
	int64_t v;

	return (pin_obj_i64(pod->obj, pin_obj_get(pod->obj, at, key), &v) ?
	    (uint32_t)v : other);
}

/* ---- what is put in ------------------------------------------------------ */

static int
put_source(struct kpod *pod, int secret, pin_node at, const char *name_key,
    const char *dir, uint32_t mode, struct pin_err *err)
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
			rc = put_file(dir, key, v.p, v.len, mode, err);
		}
	for (; it != 0 && rc == PIN_OK; it = pin_obj_next(o, it)) {
		key = pin_obj_str(o, pin_obj_get(o, it, "key"));
		path = pin_obj_str(o, pin_obj_get(o, it, "path"));
		if (source_find(&s, key, &v))
			rc = put_file(dir, path, v.p, v.len, mode_of(pod, it,
			    "mode", mode), err);
		else if (!optional)
			rc = pin_err_set(err, PIN_ENOTFOUND, "references "
			    "non-existent %s key: " PIN_SFMT, secret ?
			    "secret" : "config", PIN_SARG(key));
	}
	source_fini(&s);
	return (rc);
}

static int
put_downward(struct kpod *pod, pin_node at, const char *dir, uint32_t mode,
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
			rc = put_file(dir, pin_obj_str(o, pin_obj_get(o, it,
			    "path")), out.p, out.len, mode_of(pod, it, "mode",
			    mode), err);
		pin_out_fini(&out);
	}
	return (rc);
}

static int
put_token(struct kpod *pod, pin_node at, const char *dir, uint32_t mode,
    struct pin_err *err)
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
		rc = put_file(dir, pin_obj_str(o, pin_obj_get(o, at, "path")),
		    tok.p, tok.len, mode, err);
	}
	pin_obj_free(&res);
	pin_out_fini(&body);
	api_answer_fini(&a);
	return (rc);
}

static int
put_projected(struct kpod *pod, pin_node at, const char *dir, uint32_t mode,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node s = pin_obj_first(o, pin_obj_get(o, at, "sources")), k;
	int rc = PIN_OK;

	for (; s != 0 && rc == PIN_OK; s = pin_obj_next(o, s)) {
		if ((k = pin_obj_get(o, s, "configMap")) != 0)
			rc = put_source(pod, 0, k, "name", dir, mode, err);
		else if ((k = pin_obj_get(o, s, "secret")) != 0)
			rc = put_source(pod, 1, k, "name", dir, mode, err);
		else if ((k = pin_obj_get(o, s, "downwardAPI")) != 0)
			rc = put_downward(pod, k, dir, mode, err);
		else if ((k = pin_obj_get(o, s, "serviceAccountToken")) != 0)
			rc = put_token(pod, k, dir, mode, err);
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

static int
volume_make(struct kpod *pod, pin_node v, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, v, "name"));
	char dir[KUBELET_PATH_MAX];
	struct stat st;
	pin_node k;
	uint32_t mode;
	int rc = PIN_OK, empty;

	if ((k = pin_obj_get(o, v, "hostPath")) != 0)
		return (host_path(pod, k, err));
	(void)volume_path(pod, name, dir);
	empty = pin_obj_get(o, v, "emptyDir") != 0;
	if (empty && stat(dir, &st) == 0)
		return (PIN_OK);
	rc = dirs_make(dir, 0755, err);
	if (rc != PIN_OK)
		return (rc);
	if (empty) {
		if (chmod(dir, 0777) != 0)
			rc = pin_err_os(err, PIN_EIO, errno, "%s", dir);
		return (rc);
	}
	k = pin_obj_next(o, pin_obj_first(o, v));
	if ((k = pin_obj_get(o, v, "configMap")) != 0) {
		mode = mode_of(pod, k, "defaultMode", 0644);
		rc = put_source(pod, 0, k, "name", dir, mode, err);
	} else if ((k = pin_obj_get(o, v, "secret")) != 0) {
		mode = mode_of(pod, k, "defaultMode", 0644);
		rc = put_source(pod, 1, k, "secretName", dir, mode, err);
	} else if ((k = pin_obj_get(o, v, "downwardAPI")) != 0) {
		mode = mode_of(pod, k, "defaultMode", 0644);
		rc = put_downward(pod, k, dir, mode, err);
	} else if ((k = pin_obj_get(o, v, "projected")) != 0) {
		mode = mode_of(pod, k, "defaultMode", 0644);
		rc = put_projected(pod, k, dir, mode, err);
	}
	return (rc);
}

int
volumes_make(struct kpod *pod, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node v = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "volumes", NULL));
	int rc = PIN_OK;

	for (; v != 0 && rc == PIN_OK; v = pin_obj_next(o, v)) {
		rc = volume_make(pod, v, err);
		if (rc != PIN_OK)
			(void)pin_err_wrap(err, "MountVolume.SetUp failed for "
			    "volume \"" PIN_SFMT "\"", PIN_SARG(pin_obj_str(o,
			    pin_obj_get(o, v, "name"))));
	}
	return (rc);
}
