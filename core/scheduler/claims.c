/* SPDX-License-Identifier: BSD-2-Clause
 *
 * claims.c -- which hard constraints a pod uses, and whether a policy claims
 * them. What nobody honours must not be ignored: the pod waits, and its Event
 * names the field.
 * Pure. Contract: pintle/scheduler.h, `claims`. */
#include "core/scheduler/sched_int.h"

#include <string.h>

typedef int uses_fn(const struct pin_obj *, pin_node spec);

static int
has(const struct pin_obj *o, pin_node n)
{
	return (pin_obj_count(o, n) > 0);
}

static int
uses_selector(const struct pin_obj *o, pin_node spec)
{
	return (has(o, pin_obj_get(o, spec, "nodeSelector")));
}

static int
requires(const struct pin_obj *o, pin_node spec, const char *which)
{
	return (has(o, pin_obj_at(o, spec, "affinity", which,
	    "requiredDuringSchedulingIgnoredDuringExecution", NULL)));
}

static int
uses_node_affinity(const struct pin_obj *o, pin_node spec)
{
	return (requires(o, spec, "nodeAffinity"));
}

static int
uses_pod_affinity(const struct pin_obj *o, pin_node spec)
{
	return (requires(o, spec, "podAffinity"));
}

static int
uses_pod_anti_affinity(const struct pin_obj *o, pin_node spec)
{
	return (requires(o, spec, "podAntiAffinity"));
}

/* Which namespaces it selects, only the server could say. */
static int
uses_namespaces(const struct pin_obj *o, pin_node spec)
{
	static const char *const which[] = { "podAffinity",
	    "podAntiAffinity" };
	pin_node n;
	size_t i;

	for (i = 0; i < PIN_LEN(which); i++) {
		n = pin_obj_first(o, pin_obj_at(o, spec, "affinity", which[i],
		    "requiredDuringSchedulingIgnoredDuringExecution", NULL));
		for (; n != 0; n = pin_obj_next(o, n))
			if (has(o, pin_obj_get(o, n, "namespaceSelector")))
				return (1);
	}
	return (0);
}

static int
uses_spread(const struct pin_obj *o, pin_node spec)
{
	pin_node n = pin_obj_first(o, pin_obj_get(o, spec,
	    "topologySpreadConstraints"));

	for (; n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, n,
		    "whenUnsatisfiable")), "DoNotSchedule"))
			return (1);
	return (0);
}

static int
uses_volume(const struct pin_obj *o, pin_node spec, const char *source)
{
	pin_node n = pin_obj_first(o, pin_obj_get(o, spec, "volumes"));

	for (; n != 0; n = pin_obj_next(o, n))
		if (pin_obj_type(o, pin_obj_get(o, n, source)) == PIN_OBJECT)
			return (1);
	return (0);
}

static int
uses_pvc(const struct pin_obj *o, pin_node spec)
{
	return (uses_volume(o, spec, "persistentVolumeClaim"));
}

static int
uses_ephemeral(const struct pin_obj *o, pin_node spec)
{
	return (uses_volume(o, spec, "ephemeral"));
}

static int
uses_claims(const struct pin_obj *o, pin_node spec)
{
	return (has(o, pin_obj_get(o, spec, "resourceClaims")));
}

/* Those of containers and sidecars. */
static int
uses_host_port(const struct pin_obj *o, pin_node spec)
{
	static const char *const lists[] = { "containers", "initContainers" };
	pin_node c, p;
	int64_t port;
	size_t i;

	for (i = 0; i < PIN_LEN(lists); i++)
		for (c = pin_obj_first(o, pin_obj_get(o, spec, lists[i]));
		    c != 0; c = pin_obj_next(o, c)) {
			if (i == 1 && !pin_str_is(pin_obj_str(o, pin_obj_get(
			    o, c, "restartPolicy")), "Always"))
				continue;
			for (p = pin_obj_first(o, pin_obj_get(o, c,
			    "ports")); p != 0; p = pin_obj_next(o, p))
				if (pin_obj_i64(o, pin_obj_get(o, p,
				    "hostPort"), &port) && port > 0)
					return (1);
		}
	return (0);
}

static int
uses_requests(const struct pin_obj *o, pin_node spec)
{
	static const char *const lists[] = { "containers", "initContainers" };
	pin_node c;
	size_t i;

	for (i = 0; i < PIN_LEN(lists); i++)
		for (c = pin_obj_first(o, pin_obj_get(o, spec, lists[i]));
		    c != 0; c = pin_obj_next(o, c))
			if (has(o, pin_obj_at(o, c, "resources", "requests",
			    NULL)))
				return (1);
	return (has(o, pin_obj_at(o, spec, "resources", "requests", NULL)) ||
	    has(o, pin_obj_get(o, spec, "overhead")));
}

static const struct constraint {
	const char	*path;
	uses_fn		*uses;
} constraints[] = {
	{ "spec.nodeSelector", uses_selector },
	{ "spec.affinity.nodeAffinity", uses_node_affinity },
	{ "spec.affinity.podAffinity", uses_pod_affinity },
	{ "spec.affinity.podAntiAffinity", uses_pod_anti_affinity },
	{ "spec.affinity.podAffinity.namespaceSelector", uses_namespaces },
	{ "spec.topologySpreadConstraints", uses_spread },
	{ "spec.volumes.persistentVolumeClaim", uses_pvc },
	{ "spec.volumes.ephemeral", uses_ephemeral },
	{ "spec.resourceClaims", uses_claims },
	{ "spec.containers.ports.hostPort", uses_host_port },
	{ "spec.containers.resources.requests", uses_requests },
};

static int
claimed(const struct sched *s, const char *path)
{
	const struct pin_scheduler_ops *ops;
	uint32_t i, k;

	for (i = 0; i < s->npolicy; i++) {
		ops = s->policy[i].ops;
		if (!PIN_HAS(ops, claims))
			continue;
		for (k = 0; ops->claims[k] != NULL; k++)
			if (strcmp(ops->claims[k], path) == 0)
				return (1);
	}
	return (0);
}

const char *
claims_missing(const struct sched *s, const struct pin_obj *o)
{
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec");
	size_t i;

	for (i = 0; i < PIN_LEN(constraints); i++)
		if (constraints[i].uses(o, spec) &&
		    !claimed(s, constraints[i].path))
			return (constraints[i].path);
	return (NULL);
}
