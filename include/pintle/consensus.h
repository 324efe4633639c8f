/* SPDX-License-Identifier: BSD-2-Clause
 *
 * consensus.h -- in which order every replica applies opaque batches. It
 * knows nothing of keys or revisions; the store above is a pure function of
 * the batches it is handed.
 * Threads: propose and trim from any thread; callbacks run serially on one
 * thread of the plugin's own and must only queue.
 * Contract: a batch is `committed` only when it is durable on enough members
 * (solo: fdatasync has returned); indexes grow by one, without gaps. Raft's
 * words (Ongaro, 2014) are used as he uses them. */
#ifndef PINTLE_CONSENSUS_H
#define PINTLE_CONSENSUS_H

#include <pintle/arena.h>
#include <pintle/plugin.h>

/* History: docs/abi/consensus.md. */
#define PIN_CONSENSUS_ABI	PIN_ABI(1, 0)

#define PIN_BATCH_MAX		(8u << 20)	/* bytes of one batch */
#define PIN_INFLIGHT_MAX	64		/* batches proposed, not done */

struct pin_entry {
	uint64_t	 index;		/* first is 1 */
	uint64_t	 term;
	struct pin_buf	*bytes;		/* the callee's reference from here */
	void		*cookie;	/* of the local propose, else NULL */
};

/* What a store hands to start. */
struct pin_consensus_sink {
	uint32_t	 size;
	uint32_t	 pad;
	/* n entries in index order; the callee owns their bytes. */
	void		(*committed)(void *arg, struct pin_entry *, uint32_t n);
	/* The proposal will never be committed (PIN_EUNAVAIL, PIN_ENOSPACE:
	 * nothing was kept) or nobody knows (PIN_EIO, PIN_ETIMEOUT). */
	void		(*dropped)(void *arg, void *cookie, int rc,
			    const struct pin_err *);
	/* The plugin cannot go on (a failed sync): the process must stop. */
	void		(*fatal)(void *arg, const struct pin_err *);
	void		*arg;
};

struct pin_consensus_status {
	uint32_t	 size;
	uint32_t	 is_leader;
	uint64_t	 term;
	uint64_t	 committed;	/* index */
	uint64_t	 first, last;	/* indexes in the log */
	uint64_t	 log_bytes;
	uint64_t	 syncs;		/* fdatasyncs since start */
	uint64_t	 cluster_id;
};

/* Hands every entry after `applied` to sink->committed, in order, before it
 * returns (cookies NULL), then goes live. The log must reach back to
 * applied + 1, else PIN_ECORRUPT. applied == 0 with an empty log: new. */
typedef int pin_consensus_start_fn(void *self, uint64_t applied,
    const struct pin_consensus_sink *, struct pin_err *);
/* No callback after it returns; what was proposed and not committed is
 * dropped with PIN_ECLOSED first. */
typedef void pin_consensus_stop_fn(void *self);
/* Takes the reference in *bytes on PIN_OK only. PIN_EBUSY: PIN_INFLIGHT_MAX;
 * PIN_EUNAVAIL: not the leader; PIN_ENOSPACE: the last write found no room. */
typedef int pin_consensus_propose_fn(void *self, struct pin_buf **bytes,
    void *cookie, struct pin_err *);
/* Everything up to index is durable in the store: the log may forget it. */
typedef void pin_consensus_trim_fn(void *self, uint64_t index);
typedef void pin_consensus_status_fn(void *self,
    struct pin_consensus_status *);

struct pin_consensus_ops {
	uint32_t		 size;
	uint32_t		 pad;
	pin_consensus_start_fn	*start;
	pin_consensus_stop_fn	*stop;
	pin_consensus_propose_fn *propose;
	pin_consensus_trim_fn	*trim;
	pin_consensus_status_fn	*status;
};

/* A loaded consensus, as a store's pin_env hands it over. */
struct pin_consensus {
	const struct pin_consensus_ops *ops;
	void		*self;
};

#endif
