/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse.c -- what a pod may ask that no runtime here can give, by name.
 * Work pool. Contract: pintle/runtime.h, start: PIN_EINVALID. */
#include "pod.h"

#include <string.h>
#include <unistd.h>

struct rule {
	const char	*path;		/* below container or pod spec */
	uint32_t	 type;		/* refused when this; 0: any */
	const char	*value;		/* and a string: this one */
	const char	*why;
};

/* Where there is none, a label has no meaning, as for any runtime. */
#define SELINUX		"securityContext.seLinuxOptions"
#define SELINUX_ON	"/sys/fs/selinux/enforce"

static const struct rule of_container[] = {
	{ "tty", PIN_TRUE, NULL, "there are no terminals" },
	{ "volumeDevices", 0, NULL, "there are no raw block volumes" },
	{ SELINUX, 0, NULL, "labels of SELinux are not set" },
	{ "securityContext.windowsOptions", 0, NULL, "this is no Windows" },
	{ "securityContext.seccompProfile.type", PIN_STRING, "Localhost",
	    "profiles of the node are not loaded" },
	{ "securityContext.appArmorProfile.type", PIN_STRING, "Localhost",
	    "profiles of the node are not loaded" },
};

static const struct rule of_pod[] = {
	{ "shareProcessNamespace", PIN_TRUE, NULL,
	    "each container has its own processes" },
	{ "hostUsers", PIN_FALSE, NULL, "there are no user namespaces" },
	{ SELINUX, 0, NULL, "labels of SELinux are not set" },
	{ "securityContext.windowsOptions", 0, NULL, "this is no Windows" },
	{ "securityContext.seccompProfile.type", PIN_STRING, "Localhost",
	    "profiles of the node are not loaded" },
	{ "securityContext.appArmorProfile.type", PIN_STRING, "Localhost",
	    "profiles of the node are not loaded" },
};

static int
check(const struct pin_obj *o, pin_node at, const struct rule *r, size_t n,
    const char *where, const char *runtime, struct pin_err *err)
{
	struct pin_path path;
	pin_node v;

	for (size_t i = 0; i < n; i++, r++) {
		if (pin_path_compile(r->path, &path, err) != PIN_OK)
			return (PIN_EINTERNAL);
		v = pin_path_get(o, at, &path);
		if (v == 0 || pin_obj_type(o, v) == PIN_NULL ||
		    (strcmp(r->path, SELINUX) == 0 &&
		    access(SELINUX_ON, F_OK) != 0) ||
		    (r->type != 0 && (uint32_t)pin_obj_type(o, v) != r->type) ||
		    (r->value != NULL && !pin_str_is(pin_obj_str(o, v),
		    r->value)))
			continue;
		return (pin_err_set(err, PIN_EINVALID, "%s%s: the runtime %s "
		    "cannot honour it: %s", where, r->path, runtime,
		    r->why));
	}
	return (PIN_OK);
}

/* A limit that is no cpu, memory or ephemeral storage (the agent's). */
static int
check_limits(const struct pin_container *c, const char *runtime,
    struct pin_err *err)
{
	const struct pin_obj *o = c->pod;
	pin_node n = pin_obj_first(o, pin_obj_at(o, c->spec, "resources",
	    "limits", NULL));
	struct pin_str key;

	for (; n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		if (pin_str_is(key, "cpu") || pin_str_is(key, "memory") ||
		    pin_str_is(key, "ephemeral-storage"))
			continue;
		return (pin_err_set(err, PIN_EINVALID, "resources.limits["
		    PIN_SFMT "]: the runtime %s cannot honour it",
		    PIN_SARG(key), runtime));
	}
	return (PIN_OK);
}

int
runtime_refuse(const struct pin_container *c, const char *runtime,
    struct pin_err *err)
{
	const struct pin_obj *o = c->pod;
	int rc;

	if (o == NULL)
		return (PIN_OK);
	rc = check(o, c->spec, of_container, PIN_LEN(of_container), "",
	    runtime, err);
	if (rc == PIN_OK)
		rc = check(o, pin_obj_get(o, pin_obj_root(o), "spec"), of_pod,
		    PIN_LEN(of_pod), "spec.", runtime, err);
	return (rc == PIN_OK ? check_limits(c, runtime, err) : rc);
}

int
runtime_refuse_root(const struct pin_container *c, int64_t uid,
    struct pin_err *err)
{
	const struct pin_obj *o = c->pod;
	pin_node v;

	if (o == NULL || uid != 0)
		return (PIN_OK);
	v = pin_obj_at(o, c->spec, "securityContext", "runAsNonRoot", NULL);
	if (v == 0 || pin_obj_type(o, v) == PIN_NULL)
		v = pin_obj_at(o, pin_obj_root(o), "spec", "securityContext",
		    "runAsNonRoot", NULL);
	if (!pin_obj_true(o, v))
		return (PIN_OK);
	return (pin_err_set(err, PIN_ENOTFOUND, "container has runAsNonRoot "
	    "and image will run as root (pod: \"%s_%s(%s)\", container: "
	    "%s)", c->pod_name, c->pod_namespace, c->pod_uid, c->name));
}
