/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sched.h -- the scheduler without a world: Node and Pod events and the time
 * go in, decisions come out. It keeps the snapshot, the queues and what is
 * assumed; binding, Events and conditions are its owner's work.
 * Pure; one thread. Same events, times and seed: same decisions.
 * Contract: docs/scheduler.md. */
#ifndef PINTLE_SCHED_H
#define PINTLE_SCHED_H

#include <pintle/scheduler.h>

#define SCHED_NAME		"default-scheduler"
#define SCHED_POLICIES_MAX	64
#define SCHED_PODS_MAX		(1u << 20)	/* more are left alone */
#define SCHED_RESOURCES_MAX	1024	/* names of extended resources */
#define SCHED_POD_RESOURCES_MAX	64	/* of them, in one pod or node */
#define SCHED_REASONS_MAX	64	/* different ones, in one cycle */
#define SCHED_REASON_MAX	256	/* bytes of one */
#define SCHED_MESSAGE_MAX	1024	/* as an Event's may be */
#define SCHED_ARENA_MAX		((size_t)64 << 20)	/* one cycle */

#define SCHED_MS		UINT64_C(1000000)	/* times are in ns */
#define SCHED_BACKOFF_NS	(1000 * SCHED_MS)	/* doubles with each */
#define SCHED_BACKOFF_MAX_NS	(10000 * SCHED_MS)	/* attempt */
#define SCHED_PARKED_NS		(300000 * SCHED_MS)	/* then tried again */

struct sched;

/* In the order they are asked; a reference to the plugins is the caller's. */
struct sched_policy {
	const char	*name;
	const struct pin_scheduler_ops *ops;
	void		*self;
	int64_t		 weight;
};

struct sched	*sched_new(uint64_t seed);
void		 sched_free(PIN_OWN struct sched **);
/* Replaces the policies; whatever waits is tried again. */
void		 sched_policies(struct sched *, const struct sched_policy *,
		    uint32_t n, uint64_t now);

/* What happened. The object is borrowed; of buf, which holds its text at
 * off, a reference is taken when it is needed later. */
void		 sched_node_put(struct sched *, const struct pin_obj *,
		    struct pin_buf *, size_t off, size_t len, uint64_t now);
void		 sched_node_remove(struct sched *, struct pin_str name,
		    uint64_t now);
void		 sched_pod_put(struct sched *, const struct pin_obj *,
		    struct pin_buf *, size_t off, size_t len, uint64_t now);
void		 sched_pod_remove(struct sched *, struct pin_str ns,
		    struct pin_str name, uint64_t now);

enum {
	SCHED_BIND = 1,		/* the pod is assumed on `node`: bind it, then
				 * say sched_bound */
	SCHED_UNFIT = 2,	/* no node; it waits for something to change */
	SCHED_ERROR = 3,	/* a policy failed; it is tried again */
};

struct sched_decision {
	int		 what;
	uint32_t	 attempts;	/* this one included */
	struct pin_str	 ns, name, uid;	/* until the next event */
	struct pin_str	 node;
	const struct pin_obj *pod;	/* until the next decision; NULL when
					 * a binding is sent again */
	char		 message[SCHED_MESSAGE_MAX];
};

/* 1: one decision; 0: nothing to do before sched_due. */
int		 sched_next(struct sched *, uint64_t now,
		    struct sched_decision *);
/* When sched_next has something to do without an event; 0: never. */
uint64_t	 sched_due(const struct sched *);

/* How a binding ended. */
enum {
	SCHED_BOUND = 1,
	SCHED_REFUSED = 2,	/* the server said no: forget and try again */
	SCHED_UNKNOWN = 3,	/* no answer: the same binding again, later */
};
void		 sched_bound(struct sched *, struct pin_str ns,
		    struct pin_str name, struct pin_str uid, int how,
		    uint64_t now);

struct sched_counters {
	uint64_t	decisions, bound, unfit, errors, refused, unknown;
	uint32_t	active, backoff, parked, gated, assumed, nodes, pods;
	uint32_t	too_many;	/* pods beyond SCHED_PODS_MAX */
};
const struct sched_counters *sched_count(const struct sched *);
const struct pin_snapshot *sched_snapshot(const struct sched *);

#endif
