/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kubeconfig.c -- where the API server is and who we are: a context of a
 * kubeconfig. What it carries inline goes to files below DATA/run/kubelet,
 * mode 0600.
 * Start-up. Contract: client-go's clientcmd v1, the parts named here; a
 * credential of another sort (exec, auth-provider) is refused by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/source.h"
#include "lib/yaml/yaml.h"

#define FILE_MAX	((size_t)1 << 20)

/* The member of the list whose name is given; its `what`. */
static pin_node
named(const struct pin_obj *o, const char *list, const char *what,
    struct pin_str name)
{
	pin_node n = pin_obj_first(o, pin_obj_get(o, pin_obj_root(o), list));

	for (; n != 0; n = pin_obj_next(o, n))
		if (pin_str_eq(pin_obj_str(o, pin_obj_get(o, n, "name")),
		    name))
			return (pin_obj_get(o, n, what));
	return (0);
}

/* A file named, or data put into one. */
static int
material(struct pin_host *host, const char *data, const struct pin_obj *o,
    pin_node at, const char *key, const char *file, char *out,
    struct pin_err *err)
{
	char inl[64], *text;
	struct pin_str s = pin_obj_str(o, pin_obj_get(o, at, key));
	size_t len;
	int rc;

	if (s.len > 0) {
		str_copy(out, KUBELET_PATH_MAX, s);
		return (PIN_OK);
	}
	snprintf(inl, sizeof(inl), "%s-data", key);
	s = pin_obj_str(o, pin_obj_get(o, at, inl));
	if (s.len == 0)
		return (pin_err_set(err, PIN_ECONFIG, "neither %s nor %s",
		    key, inl));
	text = base64_decode(s, &len);
	if (text == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "%s is not base64",
		    inl));
	snprintf(out, KUBELET_PATH_MAX, "%s/run/kubelet/%s", data, file);
	rc = pin_path_replace(host, out, text, len, PIN_FILE_PRIVATE, err);
	memset(text, 0, len);
	free(text);
	return (rc);
}

static int
read_context(struct pin_host *host, const char *data,
    const struct pin_obj *o, const char *context, struct kubeconfig *kc,
    struct pin_err *err)
{
	struct pin_str name = context != NULL ? pin_str(context) :
	    pin_obj_str(o, pin_obj_get(o, pin_obj_root(o),
	    "current-context"));
	pin_node ctx = named(o, "contexts", "context", name);
	pin_node cluster = named(o, "clusters", "cluster", pin_obj_str(o,
	    pin_obj_get(o, ctx, "cluster")));
	pin_node user = named(o, "users", "user", pin_obj_str(o,
	    pin_obj_get(o, ctx, "user")));
	char cert[64], key[64];
	int rc;

	if (ctx == 0 && context != NULL)
		return (pin_err_set(err, PIN_ENOTFOUND, "no context %s",
		    context));
	if (ctx == 0 || cluster == 0 || user == 0)
		return (pin_err_set(err, PIN_ECONFIG, "%s names no context "
		    "with a cluster and a user", context != NULL ? context :
		    "current-context"));
	snprintf(cert, sizeof(cert), "%s.crt", context != NULL ? context :
	    "client");
	snprintf(key, sizeof(key), "%s.key", context != NULL ? context :
	    "client");
	str_copy(kc->server, sizeof(kc->server), pin_obj_str(o,
	    pin_obj_get(o, cluster, "server")));
	rc = material(host, data, o, cluster, "certificate-authority",
	    "ca.crt", kc->ca, err);
	if (rc == PIN_OK)
		rc = material(host, data, o, user, "client-certificate",
		    cert, kc->cert, err);
	if (rc == PIN_OK)
		rc = material(host, data, o, user, "client-key",
		    key, kc->key, err);
	return (rc);
}

int
kubeconfig_load(struct pin_host *host, const char *data, const char *path,
    const char *context, struct kubeconfig *kc, struct pin_err *err)
{
	struct pin_obj *o = NULL;
	char *text, dir[KUBELET_PATH_MAX];
	size_t len;
	int rc;

	rc = pin_path_slurp(host, path, FILE_MAX, &text, &len, err);
	if (rc != PIN_OK)
		return (rc);
	snprintf(dir, sizeof(dir), "%s/run", data);
	rc = pin_path_mkdir(host, dir, err);
	snprintf(dir, sizeof(dir), "%s/run/kubelet", data);
	if (rc == PIN_OK)
		rc = pin_path_mkdir(host, dir, err);
	if (rc == PIN_OK)
		rc = pin_yaml_parse(NULL, text, len, &o, err);
	if (rc == PIN_OK)
		rc = read_context(host, data, o, context, kc, err);
	if (rc != PIN_OK && err->code != PIN_OK)
		(void)pin_err_wrap(err, "%s", path);
	pin_obj_free(&o);
	memset(text, 0, len);
	free(text);
	return (rc);
}
