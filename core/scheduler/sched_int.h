/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sched_int.h -- what the pure files share: the snapshot, pods and their
 * queues, one cycle.
 * Contract: sched.h. */
#ifndef PINTLE_SCHED_INT_H
#define PINTLE_SCHED_INT_H

#include "core/scheduler/sched.h"

#define NO_SLOT		UINT32_MAX

/* ---- amounts (request.c) ----------------------------------------------- */

struct amount {
	uint32_t	 id;		/* of the resource's name */
	uint32_t	 pad;
	int64_t		 value;
};

struct amounts {
	int64_t		 cpu, memory, storage;
	int64_t		 nonzero_cpu, nonzero_memory;
	uint32_t	 n;
	uint32_t	 overflow;	/* more resources than there is room */
	struct amount	*ext;		/* heap, or on the stack */
};

struct names {				/* of extended resources */
	uint32_t	 n, room;
	struct pin_str	*name;
};

/* Heap; the same name has the same id. UINT32_MAX: no more room. */
uint32_t names_id(struct names *, struct pin_str, int add);
void	names_fini(struct names *);

/* What a pod asks for, as upstream adds it up. ext is the caller's buffer
 * of SCHED_POD_RESOURCES_MAX. */
void	request_of(struct names *, const struct pin_obj *pod,
	    struct amounts *);
/* A ResourceList into amounts; pods gets the count of pods. */
void	request_list(struct names *, const struct pin_obj *, pin_node list,
	    struct amounts *, int64_t *pods);
void	amounts_copy(struct amounts *to, const struct amounts *from);
int	amounts_equal(const struct amounts *, const struct amounts *);

/* ---- what a pod says to others (brief.c) ------------------------------- */

struct spod;
/* 1: it says something else than before. */
int	brief_put(struct spod *, const struct pin_obj *pod);
/* Does it care which pods are where: affinity, spreading? */
int	brief_is_social(const struct pin_obj *pod);

/* ---- pods -------------------------------------------------------------- */

enum {
	POD_IDLE = 0,		/* known, none of our business */
	POD_ACTIVE = 1,		/* waits for its turn */
	POD_BACKOFF = 2,	/* and that not before due_ns */
	POD_PARKED = 3,		/* until something changes */
	POD_GATED = 4,		/* until its gates are gone */
	POD_ASSUMED = 5,	/* on its node, being bound */
	POD_REBIND = 6,		/* the same, the answer is missing: in the
				 * back-off heap */
	POD_PLACED = 7,		/* as the server says */
};

struct spod {
	struct spod	*hash_next;
	struct spod	*on_next, *on_prev;	/* of its node */
	struct snode	*node;		/* NULL: none */
	struct spod	*next, *prev;	/* parked */
	uint64_t	 hash;
	uint64_t	 spec_hash;
	uint64_t	 order;
	uint64_t	 tried_ns, due_ns;
	uint32_t	 state;
	uint32_t	 heap_at;
	uint32_t	 attempts;
	int32_t		 priority;
	uint32_t	 never;		/* parked: room will not help */
	uint32_t	 gates;
	uint32_t	 social;	/* wakes when pods come to nodes, too */
	uint32_t	 says;		/* PIN_PODS_... */
	char		*brief;		/* JSON; NULL: says nothing */
	size_t		 brief_len;
	const struct pin_obj *seen;	/* brief, parsed in cycle seen_at */
	uint64_t	 seen_at;
	struct amounts	 req;
	struct pin_buf	*buf;		/* of a pending pod */
	size_t		 off, len;
	char		*uid;
	uint32_t	 ns_len, name_len;
	char		 key[];		/* namespace, name */
};

struct heap {
	struct spod	**at;
	uint32_t	 n, room;
	int		(*before)(const struct spod *, const struct spod *);
};

/* ---- nodes (snapshot.c) ------------------------------------------------ */

struct snode {
	struct snode	*hash_next;
	uint64_t	 hash;
	uint32_t	 slot;		/* NO_SLOT: pods name it, it is not */
	uint32_t	 npods;
	struct spod	*pods;
	uint32_t	 nports, nanti, nterms;	/* pods with such */
	int32_t		 min_priority;	/* of its pods */
	uint32_t	 name_len;
	struct amounts	 used;
	struct amounts	 alloc;
	uint64_t	 text_hash;	/* of brief */
	struct pin_obj	*brief;
	struct pin_obj	*whole;		/* NULL: nobody asked */
	struct pin_buf	*buf;
	size_t		 off, len;
	char		 name[];
};

struct pin_snapshot {
	uint32_t	 magic;
	uint32_t	 n, room;
	uint32_t	 nslots;	/* of the hash */
	uint32_t	 nnodes;	/* in it */
	uint32_t	 pad;
	int64_t		*col[PIN_COL__COUNT];
	struct snode	**at;		/* by slot */
	struct snode	**hash;
	struct names	 names;
	struct pin_obj	*empty;		/* for what cannot be parsed */
	struct pin_arena *arena;	/* of one cycle */
	uint64_t	 cycle;		/* arena was emptied so often */
};

uint64_t sched_hash(uint64_t, struct pin_str);
#define SCHED_HASH	UINT64_C(0xcbf29ce484222325)

void	snap_init(struct pin_snapshot *);
void	snap_fini(struct pin_snapshot *);
struct snode *snap_find(const struct pin_snapshot *, struct pin_str name,
	    uint64_t hash);
/* Added when it is not there, without a slot. */
struct snode *snap_node_get(struct pin_snapshot *, struct pin_str name);
/* 1: something changed that a pod may have waited for. */
int	snap_node_put(struct pin_snapshot *, const struct pin_obj *,
	    struct pin_buf *, size_t off, size_t len);
int	snap_node_remove(struct pin_snapshot *, struct pin_str name);
void	snap_attach(struct pin_snapshot *, struct snode *, struct spod *);
/* brief_put, on its node or not. */
int	snap_says(struct pin_snapshot *, struct spod *, const struct pin_obj *);
void	snap_detach(struct pin_snapshot *, struct spod *);

/* ---- queues (queue.c) -------------------------------------------------- */

void	heap_push(struct heap *, struct spod *);
void	heap_remove(struct heap *, struct spod *);
int	active_before(const struct spod *, const struct spod *);
int	backoff_before(const struct spod *, const struct spod *);

/* ---- all of it --------------------------------------------------------- */

struct pin_reasons {
	uint32_t	 n, last;
	uint32_t	 lost;		/* nodes whose reason had no room */
	uint32_t	 pad;
	struct pin_bits	*never;
	struct {
		uint32_t count, pad;
		char	 text[SCHED_REASON_MAX];
	} row[SCHED_REASONS_MAX];
};

struct sched {
	uint32_t	 magic;
	uint32_t	 npolicy;
	struct sched_policy policy[SCHED_POLICIES_MAX];
	struct pin_snapshot snap;
	struct spod	**pods;		/* hashed */
	uint32_t	 npods, nslots;
	struct heap	 active, backoff;
	struct spod	*parked, *parked_last;	/* the longest first */
	uint64_t	 order;
	uint64_t	 random;
	struct sched_counters count;

	/* One cycle. */
	struct pin_arena *arena;
	struct pin_bits	 nodes, before, never;
	int64_t		*total;
	int32_t		*score;
	uint32_t	 room;		/* nodes in these */
	uint32_t	 pad;
	struct pin_reasons reasons;
};

/* pods.c */
struct spod *pod_find(const struct sched *, struct pin_str ns,
	    struct pin_str name);
void	pod_unqueue(struct sched *, struct spod *);
void	pod_activate(struct sched *, struct spod *);
/* With back-off, counted from its last attempt. */
void	pod_retry(struct sched *, struct spod *, uint64_t now);
void	pod_park(struct sched *, struct spod *, int never);
/* What is parked moves on. ROOM: only pods left a node; COMPANY: only pods
 * came to one, or changed there. */
enum { MOVE_ALL = 0, MOVE_ROOM = 1, MOVE_COMPANY = 2 };
void	sched_move(struct sched *, int why, uint64_t now);
static inline struct pin_str
pod_ns(const struct spod *p)
{
	return ((struct pin_str){ p->key, p->ns_len });
}
static inline struct pin_str
pod_name(const struct spod *p)
{
	return ((struct pin_str){ p->key + p->ns_len, p->name_len });
}

/* claims.c: the first hard constraint of the pod that nobody claims, or
 * NULL. */
const char *claims_missing(const struct sched *, const struct pin_obj *pod);

#endif
