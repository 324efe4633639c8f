/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse.c -- what a pod may ask that a plain process cannot have, by name.
 * Work pool. Contract: pintle/runtime.h, start: PIN_EINVALID. */
#include "process.h"

#include <string.h>
#include <unistd.h>

/* On the node's own files: nothing can be mounted without root, nobody else
 * be, and nothing is read-only for one container. */
static const char *const own_files[] = { "hostAliases", "dnsConfig", NULL };

static int
refuse_host(const struct process_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	uint32_t i;

	if (c->read_only_root)
		return (pin_err_set(err, PIN_EINVALID, "securityContext."
		    "readOnlyRootFilesystem: image host is the node's own"));
	for (i = 0; c->pod != NULL && own_files[i] != NULL; i++)
		if (pin_obj_count(c->pod, pin_obj_at(c->pod, pin_obj_root(
		    c->pod), "spec", own_files[i], NULL)) > 0)
			return (pin_err_set(err, PIN_EINVALID, "spec.%s: "
			    "image host has the node's own files",
			    own_files[i]));
	if (s->root)
		return (PIN_OK);
	if ((c->uid >= 0 && c->uid != (int64_t)getuid()) ||
	    (c->gid >= 0 && c->gid != (int64_t)getgid()))
		return (pin_err_set(err, PIN_EINVALID, "securityContext."
		    "runAsUser: the node agent is not root"));
	for (i = 0; i < c->nmounts; i++)
		if (!c->mounts[i].own_files &&
		    strcmp(c->mounts[i].target, PROCESS_TOKEN_DIR) != 0)
			return (pin_err_set(err, PIN_EINVALID, "mount at %s: "
			    "the node agent is not root and cannot mount",
			    c->mounts[i].target));
	return (PIN_OK);
}

static int
adds_capabilities(const struct pin_container *c)
{
	return (c->pod != NULL && pin_obj_count(c->pod, pin_obj_at(c->pod,
	    c->spec, "securityContext", "capabilities", "add", NULL)) > 0);
}

int
process_refuse(const struct process_start *s, struct pin_err *err)
{
	const struct pin_container *c = s->c;
	int rc = s->imaged ? process_os_can_enter(s->root, err) :
	    refuse_host(s, err);

	if (rc == PIN_OK && !s->root && c->privileged)
		rc = pin_err_set(err, PIN_EINVALID, "securityContext."
		    "privileged: the node agent is not root");
	if (rc == PIN_OK && !s->root && adds_capabilities(c))
		rc = pin_err_set(err, PIN_EINVALID, "securityContext."
		    "capabilities.add: the node agent is not root");
	if (rc == PIN_OK)
		rc = runtime_refuse(c, "process", err);
	if (rc == PIN_OK)
		rc = runtime_refuse_root(c, s->imaged ? s->user.uid :
		    c->uid >= 0 ? c->uid : (int64_t)geteuid(), err);
	return (rc);
}
