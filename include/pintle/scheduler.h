/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scheduler.h -- which node a pod gets: policies over a columnar snapshot.
 * One call looks at all nodes, so a policy is a loop over arrays.
 * Thread: the scheduler loop, one pod after another; pure, must not block.
 * Contract: the scheduling framework's Filter and Score (KEP-624): a filter
 * clears nodes and says why; scores are 0..100 before weights. */
#ifndef PINTLE_SCHEDULER_H
#define PINTLE_SCHEDULER_H

#include <pintle/object.h>
#include <pintle/plugin.h>

#define PIN_SCHEDULER_ABI	PIN_ABI(1, 1) /* history:
					       * docs/abi/scheduler.md */

#define PIN_SCORE_MAX		100
#define PIN_SCHED_NODES_MAX	65536

struct pin_snapshot;	/* nodes and what runs on them, of one moment */
struct pin_reasons;	/* why nodes fell out, for the Event */

/* ---- nodes ------------------------------------------------------------ */

/* One value a node. Quantities: cpu in thousandths, the rest in units. */
enum {
	PIN_COL_ALLOC_CPU = 0,
	PIN_COL_ALLOC_MEMORY = 1,
	PIN_COL_ALLOC_STORAGE = 2,	/* ephemeral-storage */
	PIN_COL_ALLOC_PODS = 3,
	PIN_COL_USED_CPU = 4,		/* sum of requests */
	PIN_COL_USED_MEMORY = 5,
	PIN_COL_USED_STORAGE = 6,
	PIN_COL_USED_PODS = 7,
	PIN_COL_UNSCHEDULABLE = 8,	/* 0 or 1 */
	/* The same, a container without a request counted as 100m and 200Mi:
	 * what scores look at. */
	PIN_COL_NONZERO_CPU = 9,
	PIN_COL_NONZERO_MEMORY = 10,
	PIN_COL_TAINTS = 11,		/* of effect NoSchedule, NoExecute */
	PIN_COL_TAINTS_SOFT = 12,	/* of effect PreferNoSchedule */
	PIN_COL_PODS_PORTS = 13,	/* pods with host ports */
	PIN_COL_PODS_ANTI = 14,		/* pods with required anti-affinity */
	PIN_COL_PODS_AFFINITY = 15,	/* pods with terms about other pods */
	PIN_COL__COUNT = 16,
};

PIN_API uint32_t pin_snap_count(const struct pin_snapshot *);
PIN_API const int64_t *pin_snap_column(const struct pin_snapshot *,
    uint32_t column);
PIN_API struct pin_str pin_snap_name(const struct pin_snapshot *, uint32_t i);
/* metadata.name, metadata.labels and spec of the Node: what most policies
 * read. Nothing else is in it. */
PIN_API const struct pin_obj *pin_snap_brief(const struct pin_snapshot *,
    uint32_t i);
/* The whole Node, parsed when first asked for and kept until it changes. */
PIN_API const struct pin_obj *pin_snap_node(const struct pin_snapshot *,
    uint32_t i);
/* An extended resource ("example.com/gpu"): allocatable and in use. */
PIN_API void	 pin_snap_extended(const struct pin_snapshot *, uint32_t i,
    struct pin_str resource, int64_t *alloc, int64_t *used);

/* The pods on a node, those that are being bound there included, as far as
 * they matter to others: metadata.namespace, name, labels, deletionTimestamp;
 * of spec the ports of containers (and sidecars) that have a hostPort, and
 * affinity.podAffinity and podAntiAffinity. Nothing else is in it. Those with
 * host ports, with required anti-affinity, with any terms about other pods.
 * Stops when fn returns nonzero, and returns that; PIN_OK; PIN_ENOMEM. */
enum { PIN_PODS_ALL = 0, PIN_PODS_PORTS = 1, PIN_PODS_ANTI = 2,
    PIN_PODS_AFFINITY = 4 };
typedef int pin_snap_pod_fn(void *arg, const struct pin_obj *pod);
PIN_API int	 pin_snap_pods(const struct pin_snapshot *, uint32_t i,
    uint32_t which, pin_snap_pod_fn *, void *arg);
/* Memory until the callback returns. */
PIN_API struct pin_arena *pin_snap_arena(const struct pin_snapshot *);

/* A set of nodes, one bit each. */
struct pin_bits {
	uint32_t	 n;		/* nodes */
	uint32_t	 pad;
	uint64_t	*word;		/* (n + 63) / 64 */
};

static inline int
pin_bits_get(const struct pin_bits *b, uint32_t i)
{
	return ((int)(b->word[i / 64] >> (i % 64) & 1));
}

/* The first set bit at or after i; n when there is none. */
static inline uint32_t
pin_bits_next(const struct pin_bits *b, uint32_t i)
{
	uint64_t w;

	for (; i < b->n; i = (i | 63) + 1) {
		w = b->word[i / 64] >> (i % 64);
		if (w == 0)
			continue;
#if defined(__GNUC__)
		return (i + (uint32_t)__builtin_ctzll(w));
#else
		for (; (w & 1) == 0; w >>= 1)
			i++;
		return (i);
#endif
	}
	return (b->n);
}

static inline void
pin_bits_clear(struct pin_bits *b, uint32_t i)
{
	b->word[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* ---- the pod ----------------------------------------------------------- */

struct pin_sched_pod {
	uint32_t	 size;
	uint32_t	 nextended;
	const struct pin_obj *obj;
	int64_t		 cpu, memory, storage;	/* requests, as a column */
	const struct pin_str *extended;		/* names */
	const int64_t	*extended_count;
	int32_t		 priority;
	uint32_t	 pad;
	/* Requests with 100m and 200Mi for containers that have none. */
	int64_t		 nonzero_cpu, nonzero_memory;
};

/* ---- what a policy says ------------------------------------------------ */

enum {
	PIN_NOFIT = 1,		/* removing pods from the node may help */
	PIN_NEVER = 2,		/* not while node and pod stay as they are */
};

/* Counts the node under a reason ("Insufficient cpu"); text is copied. A node
 * may have several; it is PIN_NEVER when one of them is. */
PIN_API void	 pin_reason_add(struct pin_reasons *, uint32_t node, int kind,
    const char *text);

/* Clears the bits of nodes that cannot take the pod and says why. A node
 * whose bit is clear has been refused by another policy: leave it alone.
 * PIN_OK, or an error of the policy's own: the pod is tried again later. */
typedef int pin_sched_filter_fn(void *self, const struct pin_snapshot *,
    const struct pin_sched_pod *, struct pin_bits *nodes,
    struct pin_reasons *);
/* out[i] for every set bit, 0..PIN_SCORE_MAX; out comes as zeros. Only called
 * when more than one node is left. */
typedef int pin_sched_score_fn(void *self, const struct pin_snapshot *,
    const struct pin_sched_pod *, const struct pin_bits *nodes,
    int32_t *out);

/* Stretches raw scores (>= 0) of the set bits so that the largest becomes
 * PIN_SCORE_MAX; reverse: it becomes 0 and 0 becomes PIN_SCORE_MAX. */
PIN_API void	 pin_score_normalize(const struct pin_bits *nodes,
    int32_t *out, int reverse);

/* A policy that scores has an option `weight` (INT); the host multiplies by
 * it. Without the option the weight is 1. */
struct pin_scheduler_ops {
	uint32_t		 size;
	uint32_t		 pad;
	/* Hard constraints this policy honours, ended by NULL: paths such as
	 * "spec.nodeName", "spec.affinity.nodeAffinity". A pod that uses one
	 * no loaded policy claims stays pending, and its Event says which. */
	const char *const	*claims;	/* NULL: none */
	pin_sched_filter_fn	*filter;	/* one of the two */
	pin_sched_score_fn	*score;
};

#endif
