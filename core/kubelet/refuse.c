/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse.c -- what a pod asks and this agent cannot honour whatever the
 * runtime, by name, before anything of it runs. A runtime refuses more.
 * Work pool. Contract: nothing is ignored silently; docs/node.md "Refused"
 * lists the rows. */
#include <stdio.h>
#include <string.h>

#include "core/kubelet/empty.h"

static const char *const pod_true[] = {
	"shareProcessNamespace", NULL
};

static const char *const pod_absent[] = {
	"resourceClaims", "ephemeralContainers", "readinessGates",
	"resources", NULL
};

static const char *const container_absent[] = {
	"livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
	"volumeDevices", "resizePolicy_", NULL
};

static const char *const known_volumes[] = {
	"emptyDir", "configMap", "secret", "projected", "downwardAPI",
	"hostPath", NULL
};

static int
refuse_type(const struct pin_obj *o, pin_node v, struct pin_err *err)
{
	pin_node s;
	size_t i;

	for (s = pin_obj_first(o, v); s != 0; s = pin_obj_next(o, s)) {
		if (pin_str_is(pin_obj_key(o, s), "name"))
			continue;
		for (i = 0; known_volumes[i] != NULL; i++)
			if (pin_str_is(pin_obj_key(o, s), known_volumes[i]))
				break;
		if (known_volumes[i] == NULL)
			return (pin_err_set(err, PIN_EINVALID, "volume \""
			    PIN_SFMT "\": this node has no volumes of type "
			    PIN_SFMT, PIN_SARG(pin_obj_str(o, pin_obj_get(o,
			    v, "name"))), PIN_SARG(pin_obj_key(o, s))));
	}
	return (PIN_OK);
}

static int
refuse_volumes(const struct kpod *pod, pin_node spec, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node v = pin_obj_first(o, pin_obj_get(o, spec, "volumes"));
	int rc = PIN_OK;

	for (; v != 0 && rc == PIN_OK; v = pin_obj_next(o, v)) {
		rc = refuse_type(o, v, err);
		if (rc == PIN_OK)
			rc = empty_refuse(pod, v, err);
	}
	return (rc);
}

static int
refuse_container(const struct kpod *pod, const struct kcontainer *c,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str key;
	pin_node n;
	size_t i;

	for (i = 0; container_absent[i] != NULL; i++)
		if (pin_obj_get(o, c->spec, container_absent[i]) != 0)
			return (pin_err_set(err, PIN_EINVALID, "container "
			    "%s: %s is not supported by this node", c->name,
			    container_absent[i]));
	if (pin_obj_true(o, pin_obj_get(o, c->spec, "stdin")) ||
	    pin_obj_true(o, pin_obj_get(o, c->spec, "tty")))
		return (pin_err_set(err, PIN_EINVALID, "container %s: stdin "
		    "and tty are not supported by this node", c->name));
	for (n = pin_obj_first(o, pin_obj_at(o, c->spec, "resources",
	    "limits", NULL)); n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		if (!pin_str_is(key, "cpu") && !pin_str_is(key, "memory") &&
		    !pin_str_is(key, "ephemeral-storage"))
			return (pin_err_set(err, PIN_EINVALID, "container "
			    "%s: this node has no " PIN_SFMT, c->name,
			    PIN_SARG(key)));
	}
	return (PIN_OK);
}

int
pod_refuse(const struct kpod *pod, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"), os;
	uint32_t i;
	int rc;

	if (pin_obj_count(o, pin_obj_get(o, spec, "initContainers")) +
	    pin_obj_count(o, pin_obj_get(o, spec, "containers")) >
	    KUBELET_CONTAINERS_MAX)
		return (pin_err_set(err, PIN_EINVALID, "more than %d "
		    "containers", KUBELET_CONTAINERS_MAX));
	for (i = 0; pod_true[i] != NULL; i++)
		if (pin_obj_true(o, pin_obj_get(o, spec, pod_true[i])))
			return (pin_err_set(err, PIN_EINVALID, "spec.%s is "
			    "not supported by this node", pod_true[i]));
	for (i = 0; pod_absent[i] != NULL; i++)
		if (pin_obj_count(o, pin_obj_get(o, spec, pod_absent[i])) >
		    0)
			return (pin_err_set(err, PIN_EINVALID, "spec.%s is "
			    "not supported by this node", pod_absent[i]));
	os = pin_obj_at(o, spec, "os", "name", NULL);
	if (os != 0 && !pin_str_is(pin_obj_str(o, os), "linux"))
		return (pin_err_set(err, PIN_EINVALID, "spec.os.name "
		    PIN_SFMT " is not this node's", PIN_SARG(pin_obj_str(o,
		    os))));
	rc = refuse_volumes(pod, spec, err);
	for (i = 0; i < pod->n && rc == PIN_OK; i++)
		rc = refuse_container(pod, &pod->c[i], err);
	return (rc);
}

/* What is left undone without anybody being refused, said once. */
void
pod_warn(struct kpod *pod)
{
	const struct pin_obj *o = pod->obj;
	pin_node v = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "volumes", NULL)), e;

	for (; v != 0; v = pin_obj_next(o, v)) {
		e = pin_obj_get(o, v, "emptyDir");
		if (pin_obj_get(o, e, "sizeLimit") != 0 && pin_obj_str(o,
		    pin_obj_get(o, e, "medium")).len == 0)
			event_pod(pod, NULL, 1, "NotEnforced", "volume \""
			    PIN_SFMT "\": emptyDir.sizeLimit: this node keeps "
			    "it on disk, without a limit",
			    PIN_SARG(pin_obj_str(o, pin_obj_get(o, v,
			    "name"))));
	}
}
