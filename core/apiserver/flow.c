/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flow.c -- see flow.h. A level has a share of the seats and a bounded
 * queue, first come first served. Watches take no seat.
 * Contract: flow.h. */
#include "core/apiserver/flow.h"

#include <string.h>

#include "core/apiserver/verbs.h"

#define FLOW_QUEUE_MAX	128	/* waiting requests of one level and front */

enum { L_EXEMPT, L_NODE_HIGH, L_SYSTEM, L_LEADER, L_WORKLOAD_HIGH,
    L_WORKLOAD_LOW, L_GLOBAL, L_CATCH_ALL, L__COUNT };

static const struct level {
	const char	*name;
	uint32_t	 share;		/* nominal shares, as upstream */
	uint32_t	 exempt;
} levels[L__COUNT] = {
	[L_EXEMPT]	 = { "exempt", 0, 1 },
	[L_NODE_HIGH]	 = { "node-high", 40, 0 },
	[L_SYSTEM]	 = { "system", 30, 0 },
	[L_LEADER]	 = { "leader-election", 10, 0 },
	[L_WORKLOAD_HIGH] = { "workload-high", 40, 0 },
	[L_WORKLOAD_LOW] = { "workload-low", 100, 0 },
	[L_GLOBAL]	 = { "global-default", 20, 0 },
	[L_CATCH_ALL]	 = { "catch-all", 5, 0 },
};
#define SHARES	245

/* First match wins; NULL: any. */
static const struct schema {
	const char	*name;
	uint32_t	 level;
	const char	*group;
	const char	*user_prefix;
	const char	*resource;
} schemas[] = {
	{ "exempt", L_EXEMPT, "system:masters", NULL, NULL },
	{ "system-node-high", L_NODE_HIGH, "system:nodes", NULL, "nodes" },
	{ "system-node-high", L_NODE_HIGH, "system:nodes", NULL, "leases" },
	{ "system-nodes", L_SYSTEM, "system:nodes", NULL, NULL },
	{ "system-leader-election", L_LEADER, NULL,
	    "system:kube-controller-manager", "leases" },
	{ "system-leader-election", L_LEADER, NULL, "system:kube-scheduler",
	    "leases" },
	{ "kube-controller-manager", L_WORKLOAD_HIGH, NULL,
	    "system:kube-controller-manager", NULL },
	{ "kube-scheduler", L_WORKLOAD_HIGH, NULL, "system:kube-scheduler",
	    NULL },
	{ "kube-system-service-accounts", L_WORKLOAD_HIGH,
	    "system:serviceaccounts:kube-system", NULL, NULL },
	{ "service-accounts", L_WORKLOAD_LOW, "system:serviceaccounts", NULL,
	    NULL },
	{ "global-default", L_GLOBAL, "system:authenticated", NULL, NULL },
	{ "global-default", L_GLOBAL, "system:unauthenticated", NULL, NULL },
	{ "catch-all", L_CATCH_ALL, NULL, NULL, NULL },
};

/* One front's side of one level. */
struct flow_queue {
	struct request	*head, **tail;
	uint32_t	 n, running;
};

struct flows {
	struct flow_queue q[L__COUNT];
};

static int
in_group(const struct request *r, const char *group)
{
	uint32_t i;

	for (i = 0; i < r->user.ngroups; i++)
		if (pin_str_is(r->user.groups[i], group))
			return (1);
	return (0);
}

static const struct schema *
classify(const struct request *r)
{
	const struct schema *s;

	for (s = schemas; s < &schemas[PIN_LEN(schemas) - 1]; s++)
		if ((s->group == NULL || in_group(r, s->group)) &&
		    (s->user_prefix == NULL || pin_str_prefix(r->user.name,
		    s->user_prefix)) && (s->resource == NULL ||
		    pin_str_is(r->info.resource, s->resource)))
			break;
	return (s);
}

const char *
flow_level_name(uint32_t level)
{
	return (levels[level].name);
}

const char *
flow_schema_name(const struct request *r)
{
	return (classify(r)->name);
}

static uint32_t
seats(const struct request *r, uint32_t level)
{
	uint32_t total = r->srv->limits.inflight_read +
	    r->srv->limits.inflight_write, n;

	n = total * levels[level].share / SHARES / r->srv->nfronts;
	return (n > 0 ? n : 1);
}

static struct flow_queue *
queue_of(struct request *r, uint32_t level)
{
	struct front *f = r->front;

	if (f->flows == NULL)
		f->flows = pin_xcalloc(1, sizeof(*f->flows));
	if (f->flows->q[level].tail == NULL)
		f->flows->q[level].tail = &f->flows->q[level].head;
	return (&f->flows->q[level]);
}

/* From the loop and not from within flow_leave, which somebody's answer
 * calls. */
static void
flow_go(struct pin_msg *msg)
{
	struct request *r = (struct request *)(void *)((char *)msg -
	    offsetof(struct request, msg));

	request_resume(r);
}

int
flow_enter(struct request *r)
{
	uint32_t level = classify(r)->level;
	struct flow_queue *q;

	if (levels[level].exempt || !r->info.is_resource ||
	    r->info.verb_bit == PIN_VERB_WATCH)
		return (STEP_NEXT);
	q = queue_of(r, level);
	if (q->running < seats(r, level)) {
		q->running++;
		r->flow = level + 1;
		return (STEP_NEXT);
	}
	if (q->n >= FLOW_QUEUE_MAX)
		return (reply_err(r, PIN_EBUSY, "too many requests, please try"
		    " again later"));
	r->next = NULL;
	*q->tail = r;
	q->tail = &r->next;
	q->n++;
	return (STEP_WAIT);
}

void
flow_leave(struct request *r)
{
	struct flow_queue *q;
	struct request *next;
	uint32_t level;

	if (r->flow == 0)
		return;
	level = r->flow - 1;
	r->flow = 0;
	q = queue_of(r, level);
	next = q->head;
	if (next == NULL) {
		q->running--;
		return;
	}
	q->head = next->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->n--;
	next->flow = level + 1;		/* the seat is handed on */
	next->msg.fn = flow_go;
	pin_loop_post(next->front->loop, &next->msg);
}
