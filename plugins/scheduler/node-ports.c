/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-ports -- scheduler plugin: a host port of the pod is not another's
 * already, on that node. The same port of two addresses is two; of an address
 * and of all of them it is one.
 * Stateless. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodePorts. */
#include <pintle/scheduler.h>

static pin_sched_filter_fn ports_filter;

static const char *const ports_claims[] = {
	"spec.containers.ports.hostPort", NULL
};

static const struct pin_scheduler_ops ports_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.claims = ports_claims,
	.filter = ports_filter,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "node-ports", .version = "1.0",
	.summary = "a node where the pod's host ports are free",
	.ops = &ports_ops,
};

struct port {
	int64_t		 number;
	struct pin_str	 protocol, ip;
};

typedef int each_fn(const struct port *, const void *arg);

/* Host ports of a list of containers; nonzero from fn ends it. */
static int
each_of(const struct pin_obj *pod, const char *list, int sidecars,
    each_fn *fn, const void *arg)
{
	pin_node c = pin_obj_first(pod, pin_obj_at(pod, pin_obj_root(pod),
	    "spec", list, NULL)), p;
	struct port port;

	for (; c != 0; c = pin_obj_next(pod, c)) {
		if (sidecars && !pin_str_is(pin_obj_str(pod, pin_obj_get(pod,
		    c, "restartPolicy")), "Always"))
			continue;
		p = pin_obj_first(pod, pin_obj_get(pod, c, "ports"));
		for (; p != 0; p = pin_obj_next(pod, p)) {
			port.number = 0;
			(void)pin_obj_i64(pod, pin_obj_get(pod, p,
			    "hostPort"), &port.number);
			port.protocol = pin_obj_str(pod, pin_obj_get(pod, p,
			    "protocol"));
			port.ip = pin_obj_str(pod, pin_obj_get(pod, p,
			    "hostIP"));
			if (port.protocol.len == 0)
				port.protocol = PIN_STR("TCP");
			if (port.number > 0 && fn(&port, arg))
				return (1);
		}
	}
	return (0);
}

static int
each(const struct pin_obj *pod, each_fn *fn, const void *arg)
{
	return (each_of(pod, "containers", 0, fn, arg) || each_of(pod,
	    "initContainers", 1, fn, arg));
}

static int
is_all(struct pin_str ip)
{
	return (ip.len == 0 || pin_str_is(ip, "0.0.0.0"));
}

static int
clashes(const struct port *a, const void *arg)
{
	const struct port *b = arg;

	return (a->number == b->number && pin_str_eq(a->protocol,
	    b->protocol) && (is_all(a->ip) || is_all(b->ip) ||
	    pin_str_eq(a->ip, b->ip)));
}

static int
clashes_with_pod(const struct port *mine, const void *other)
{
	return (each(other, clashes, mine));
}

static int
any(const struct port *port, const void *arg)
{
	(void)port;
	(void)arg;
	return (1);
}

/* 1: one of them has a port of ours. */
static int
pod_clashes(void *mine, const struct pin_obj *other)
{
	return (each(mine, clashes_with_pod, other));
}

static int
ports_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	const int64_t *taken = pin_snap_column(snap, PIN_COL_PODS_PORTS);
	uint32_t i;
	int rc;

	(void)self;
	if (!each(pod->obj, any, NULL))
		return (PIN_OK);
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		if (taken[i] == 0)
			continue;
		rc = pin_snap_pods(snap, i, PIN_PODS_PORTS, pod_clashes,
		    (void *)(uintptr_t)pod->obj);
		if (rc < 0)
			return (rc);
		if (rc == 0)
			continue;
		pin_bits_clear(nodes, i);
		pin_reason_add(why, i, PIN_NOFIT, "node(s) didn't have free "
		    "ports for the requested pod ports");
	}
	return (PIN_OK);
}
