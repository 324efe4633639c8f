/* SPDX-License-Identifier: BSD-2-Clause
 *
 * admit.c -- is there room for a pod? Usually the scheduler has seen to it;
 * who sets spec.nodeName by hand asks nobody else. Counted is what stays: pods
 * that end or have ended leave their room at once, so that the scheduler, who
 * waits for them to be gone, is never contradicted.
 * Work pool. Contract: reasons and sentences as upstream's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"
#include "core/scheduler/sched_int.h"

#define PORTS_MAX	256		/* host ports of one pod */

static const char *const names[KRES__COUNT] = {
	"cpu", "memory", "ephemeral-storage"
};

static void
count_up(struct kpod *pod)
{
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts a = { .ext = ext };
	struct names ns = { 0 };

	request_of(&ns, pod->obj, &a);
	names_fini(&ns);
	pod->uses[KRES_CPU] = a.cpu;
	pod->uses[KRES_MEMORY] = a.memory;
	pod->uses[KRES_STORAGE] = a.storage;
}

static void
add_port(struct kpod *pod, pin_node p)
{
	const struct pin_obj *o = pod->obj;
	struct kport *kp;
	int64_t port = 0;

	if (!pin_obj_i64(o, pin_obj_get(o, p, "hostPort"), &port) ||
	    port <= 0 || pod->nports == PORTS_MAX)
		return;
	pod->ports = pin_xrealloc(pod->ports, (pod->nports + 1) *
	    sizeof(*pod->ports));
	kp = &pod->ports[pod->nports++];
	kp->port = port;
	str_copy(kp->ip, sizeof(kp->ip), pin_obj_str(o, pin_obj_get(o, p,
	    "hostIP")));
	if (strcmp(kp->ip, "0.0.0.0") == 0 || strcmp(kp->ip, "::") == 0)
		kp->ip[0] = '\0';
	str_copy(kp->protocol, sizeof(kp->protocol), pin_obj_str(o,
	    pin_obj_get(o, p, "protocol")));
}

static void
collect_ports(struct kpod *pod)
{
	const struct pin_obj *o = pod->obj;
	uint32_t i;
	pin_node p;

	for (i = 0; i < pod->n; i++)
		for (p = pin_obj_first(o, pin_obj_get(o, pod->c[i].spec,
		    "ports")); p != 0; p = pin_obj_next(o, p))
			if (!pod->c[i].init || pod->c[i].sidecar)
				add_port(pod, p);
}

static int
ports_clash(const struct kpod *a, const struct kpod *b)
{
	uint32_t i, k;

	for (i = 0; i < a->nports; i++)
		for (k = 0; k < b->nports; k++) {
			const struct kport *x = &a->ports[i],
			    *y = &b->ports[k];

			if (x->port == y->port && strcmp(x->protocol,
			    y->protocol) == 0 && (x->ip[0] == '\0' ||
			    y->ip[0] == '\0' || strcmp(x->ip, y->ip) == 0))
				return (1);
		}
	return (0);
}

static int
too_much(const char *what, long long asks, long long used, long long has,
    char reason[64], struct pin_err *err)
{
	snprintf(reason, 64, "OutOf%s", what);
	return (pin_err_set(err, PIN_EINVALID, "Node didn't have enough "
	    "resource: %s, requested: %lld, used: %lld, capacity: %lld", what,
	    asks, used, has));
}

/* With the lock. */
static int
judge(const struct kpod *pod, const int64_t has[KRES__COUNT],
    char reason[64], struct pin_err *err)
{
	int64_t used[KRES__COUNT] = { 0 };
	const struct kpod *p;
	uint32_t pods = 0;
	int i, clash = 0;

	for (p = pod->k->pods; p != NULL; p = p->next) {
		if (p == pod || !p->counted)
			continue;
		pods++;
		for (i = 0; i < KRES__COUNT; i++)
			used[i] += p->uses[i];
		clash |= ports_clash(pod, p);
	}
	if (pods >= KUBELET_PODS_MAX)
		return (too_much("pods", 1, pods, KUBELET_PODS_MAX, reason,
		    err));
	for (i = 0; i < KRES__COUNT; i++)
		if (pod->uses[i] > 0 && pod->uses[i] > has[i] - used[i])
			return (too_much(names[i], pod->uses[i], used[i],
			    has[i], reason, err));
	if (!clash)
		return (PIN_OK);
	snprintf(reason, 64, "NodePorts");
	return (pin_err_set(err, PIN_EINVALID, "Predicate NodePorts failed: "
	    "node(s) didn't have free ports for the requested pod ports"));
}

/* One that was let in before is not asked again. */
static int
is_known(const struct kpod *pod)
{
	uint32_t i;

	for (i = 0; i < pod->n; i++)
		if (pod->c[i].tried)
			return (1);
	return (pin_obj_at(pod->obj, pin_obj_root(pod->obj), "status",
	    "startTime", NULL) != 0);
}

int
pod_admit(struct kpod *pod, char reason[64], struct pin_err *err)
{
	int64_t has[KRES__COUNT];
	int rc = PIN_OK;

	node_has(pod->k, has);
	count_up(pod);
	collect_ports(pod);
	pthread_mutex_lock(&pod->k->lock);
	if (!is_known(pod))
		rc = judge(pod, has, reason, err);
	pod->counted = rc == PIN_OK;
	pthread_mutex_unlock(&pod->k->lock);
	return (rc);
}

void
pod_leave(struct kpod *pod)
{
	pthread_mutex_lock(&pod->k->lock);
	pod->counted = 0;
	pthread_mutex_unlock(&pod->k->lock);
}
