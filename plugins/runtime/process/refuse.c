/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse.c -- what a pod may ask that a plain process cannot have, by name.
 * Work pool. Contract: pintle/runtime.h, start: PIN_EINVALID. */
#include "process.h"

#include <string.h>
#include <unistd.h>

static const char *const pod_refusals[] = {
	"hostUsers", "shareProcessNamespace", NULL
};

int
process_refuse(const struct pin_container *c, struct pin_err *err)
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
