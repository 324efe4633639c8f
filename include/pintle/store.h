/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.h -- the API server's state: keys, values, revisions, over opaque
 * bytes. etcd's semantics: one revision per transaction that changes
 * something, compare on the modification revision, history until compaction.
 * Threads: txn, get, range, history, compact, status from any thread;
 * get, range and history are synchronous, read memory (RAM or a map) and
 * never wait for a write. Callbacks run serially on the store's own thread
 * and must only queue.
 * Contract: etcd's data model; reliability invariants S1-S12. A read sees
 * every transaction whose `done` ran before the read began (S2). */
#ifndef PINTLE_STORE_H
#define PINTLE_STORE_H

#include <pintle/consensus.h>

#define PIN_STORE_ABI		PIN_ABI(1, 0)	/* history: docs/abi/store.md */

#define PIN_KEY_MAX		1024		/* bytes; LMDB keys are hashed
						 * or refused above its limit */
#define PIN_VALUE_MAX		(3u << 20)	/* bytes of one value */
#define PIN_TXN_OPS_MAX		128
#define PIN_STORE_QUEUE_MAX	4096		/* transactions waiting */

/* ---- writing ----------------------------------------------------- */

enum {
	PIN_CMP_MOD = 1,	/* mod revision == revision; 0: absent */
	PIN_CMP_EXISTS = 2,
};

struct pin_cmp {
	uint32_t	 type;
	uint32_t	 pad;
	uint64_t	 revision;
	struct pin_str	 key;
};

enum {
	PIN_PUT = 1,
	PIN_DELETE = 2,		/* of an absent key: changes nothing */
};

struct pin_op {
	uint32_t	 type;
	uint32_t	 ttl_s;		/* PUT: gone after so long; 0: never */
	struct pin_str	 key;
	struct pin_buf	*value;		/* PUT; borrowed, the store takes its
					 * own reference */
};

/* Borrowed until txn returns; keys are copied. */
struct pin_txn {
	uint32_t	 size;
	uint32_t	 ncmps, nops;
	uint32_t	 pad;
	const struct pin_cmp *cmps;
	const struct pin_op *ops;
};

struct pin_txn_result {
	uint32_t	 size;
	int32_t		 rc;		/* PIN_OK, PIN_ECONFLICT, ... */
	uint64_t	 revision;	/* of this transaction; of the store
					 * when nothing changed or a compare
					 * failed */
	uint32_t	 failed;	/* ECONFLICT: which compare */
	uint32_t	 pad;
	uint64_t	 actual;	/* ECONFLICT: that key's mod revision */
	struct pin_err	*err;		/* text when rc is not OK; borrowed */
};

/* On the store's thread, once per accepted transaction, after everything it
 * did is durable and visible to reads, and after `committed` told of it. */
typedef void pin_store_done_fn(void *arg, const struct pin_txn_result *);

/* PIN_OK: done will be called. PIN_EBUSY (queue full), PIN_ENOSPACE,
 * PIN_ETOOBIG, PIN_EINVAL (no key, or one key twice), PIN_ECLOSED: it will
 * not. done may be NULL. */
typedef int pin_store_txn_fn(void *self, const struct pin_txn *,
    pin_store_done_fn *, void *arg, struct pin_err *);

/* ---- reading ----------------------------------------------------- */

struct pin_kv {
	struct pin_str	 key;		/* valid until emit returns */
	struct pin_buf	*value;		/* borrowed; NULL when keys only */
	uint64_t	 create_rev, mod_rev;
	uint64_t	 version;	/* writes since creation, from 1 */
};

/* Newest value when at is 0, else as of that revision. PIN_ENOTFOUND;
 * PIN_EGONE: compacted; PIN_EFUTURE. *out is a reference of the caller's. */
typedef int pin_store_get_fn(void *self, struct pin_str key, uint64_t at,
    PIN_OWN struct pin_buf **out, struct pin_kv *kv, struct pin_err *);

enum { PIN_RANGE_KEYS_ONLY = 1, PIN_RANGE_COUNT = 2 };

struct pin_range {
	uint32_t	 size;
	uint32_t	 flags;
	struct pin_str	 start;		/* first key */
	struct pin_str	 end;		/* first key not wanted; none: to the
					 * last key */
	uint64_t	 at;		/* revision; 0: newest, see result */
	uint64_t	 limit;		/* keys to emit; 0: all */
	uint64_t	 bytes_max;	/* stop after so many; 0: no stop */
};

struct pin_range_result {
	uint32_t	 size;
	uint32_t	 more;		/* keys remain */
	uint64_t	 revision;	/* the revision that was read */
	uint64_t	 emitted;
	uint64_t	 remaining;	/* keys after the last one emitted, when
					 * PIN_RANGE_COUNT or cheap; else 0 */
};

/* Keys ascending. emit returns 0 to go on, anything else to stop after this
 * one. A long list is several calls at one `at`, each starting after the
 * last key: no read transaction or lock outlives a call. */
typedef int pin_store_emit_fn(void *arg, const struct pin_kv *);
typedef int pin_store_range_fn(void *self, const struct pin_range *,
    pin_store_emit_fn *, void *arg, struct pin_range_result *,
    struct pin_err *);

/* ---- being told -------------------------------------------------- */

struct pin_event {
	uint64_t	 revision;
	uint64_t	 create_rev;	/* == revision: created; 0: deleted */
	struct pin_str	 key;		/* borrowed; copy to keep */
	struct pin_buf	*value;		/* NULL: deleted; borrowed */
	struct pin_buf	*before;	/* borrowed; NULL: was absent, or, in
					 * history at the compacted revision
					 * itself, is forgotten */
	uint64_t	 before_rev;	/* mod revision of before; 0: absent */
};

/* All events of consecutive revisions (a revision is never split), on the
 * store's thread, before the `done` of their transactions. Called with n = 0
 * when the revision moved without an event (compaction). */
typedef void pin_store_committed_fn(void *arg, const struct pin_event *,
    uint32_t n, uint64_t revision);

/* Events with first <= revision <= last in order, from history. PIN_EGONE
 * when `first` is below the compacted revision. Stops early when emit returns
 * nonzero. */
typedef int pin_store_history_fn(void *self, uint64_t first, uint64_t last,
    struct pin_str key_prefix, int (*emit)(void *, const struct pin_event *),
    void *arg, struct pin_err *);

/* ---- life -------------------------------------------------------- */

struct pin_store_sink {
	uint32_t	 size;
	uint32_t	 pad;
	pin_store_committed_fn *committed;
	void		(*fatal)(void *arg, const struct pin_err *);
	void		*arg;
};

struct pin_store_status {
	uint32_t	 size;
	uint32_t	 read_only;	/* 1: no space; writes are refused */
	uint64_t	 revision, compacted;
	uint64_t	 keys, history;	/* live keys; versions kept */
	uint64_t	 applied;	/* consensus index in memory */
	uint64_t	 durable;	/* consensus index in the engine */
	uint64_t	 bytes;		/* engine's file */
	uint64_t	 ring_bytes;
	uint64_t	 cluster_id;
	uint64_t	 hash;		/* running content hash at `revision` */
	struct pin_consensus_status consensus;
};

/* Recovers, then calls back. The sink hears of nothing before it returns. */
typedef int pin_store_start_fn(void *self, const struct pin_store_sink *,
    struct pin_err *);
/* Refuses new work, finishes what is queued, brings the engine up to date. */
typedef void pin_store_stop_fn(void *self);
/* Forgets history below revision; what is at it, deletions too, stays. Takes
 * no revision. done as of a transaction. PIN_EGONE: already; PIN_EFUTURE. */
typedef int pin_store_compact_fn(void *self, uint64_t revision,
    pin_store_done_fn *, void *arg, struct pin_err *);
typedef void pin_store_status_fn(void *self, struct pin_store_status *);

struct pin_store_ops {
	uint32_t		 size;
	uint32_t		 pad;
	pin_store_start_fn	*start;
	pin_store_stop_fn	*stop;
	pin_store_txn_fn	*txn;
	pin_store_get_fn	*get;
	pin_store_range_fn	*range;
	pin_store_history_fn	*history;
	pin_store_compact_fn	*compact;
	pin_store_status_fn	*status;
};

/* The consensus configured beside this store; NULL when there is none. Only
 * a store's pin_env has one. */
PIN_API const struct pin_consensus *pin_env_consensus(struct pin_env *);

#endif
