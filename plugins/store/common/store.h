/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.h -- the half that store/lmdb and store/memory share: queue, batches,
 * threads and locks around lib/mvcc; the other half is a struct pin_engine.
 * Threads: callers' (txn, get, ...), `state` (all changes of the index),
 * `apply` (the engine), and the consensus' own, whose callbacks only post.
 * Contract: pintle/store.h. */
#ifndef PIN_STORE_COMMON_H
#define PIN_STORE_COMMON_H

#include <pthread.h>
#include <stdatomic.h>

#include <pintle/store.h>

#include "lib/mvcc/mvcc.h"

#define STORE_MAGIC		0x73746f72u	/* "stor" */
#define STORE_INFLIGHT_MAX	2	/* batches proposed: one is being
					 * synced, one is next */
#define STORE_QUEUE_BYTES	(64u << 20)	/* of transactions waiting */
#define STORE_BATCH_BYTES	(1u << 20)	/* a batch is closed here */
#define STORE_FLUSH_BYTES	(4u << 20)	/* the engine follows now, */
#define STORE_FLUSH_LOAD_MS	1000		/* after so long, */
#define STORE_FLUSH_LOAD_BYTES	(256u << 10)	/* when there is so much, */
#define STORE_FLUSH_IDLE_MS	60000		/* or after that anyway */
#define STORE_RETRY_MS		500	/* engine without space */
#define STORE_PRUNE_KEYS	512	/* one step */
#define STORE_PRUNE_DELS	8192	/* one engine batch */
#define STORE_READERS_MAX	256	/* long reads at once */
#define STORE_LEASES_BATCH	128
#define STORE_LEASE_LOOK_MS	1000	/* not the leader: look again */
#define STORE_GET_RETRIES	16	/* a version pruned under a get */

struct store;

/* What a plugin brings. `open` creates or recovers; *e owns what it made. */
struct store_engine {
	int	(*open)(struct store *, struct pin_engine *,
		    struct pin_err *);
	int	needs_consensus;
};

/* One transaction on its way. Keys and compares lie behind it. */
struct req {
	struct pin_msg	 msg;
	struct req	*next;
	struct store	*store;
	pin_store_done_fn *done;	/* NULL: nobody waits (an expiry) */
	void		*arg;
	struct pin_mvcc_cmd cmd;
	size_t		 bytes;		/* encoded */
	int		 counted;	/* against PIN_STORE_QUEUE_MAX */
	struct pin_txn_result result;
};

/* What one consensus entry of ours holds. */
struct batch {
	struct req	*head, **tail;
	uint32_t	 n;
	size_t		 bytes;
};

struct flush {
	struct pin_msg	 msg;
	struct pin_mvcc_flush f;
	struct pin_err	 err;
	int		 rc;
};

struct store {
	uint32_t	 magic;
	uint32_t	 started;
	struct pin_env	*env;
	struct pin_host	*host;
	const struct store_engine *kind;
	const struct pin_conf *conf;
	const struct pin_consensus *cons;	/* NULL: none */
	struct pin_store_sink sink;
	struct pin_loop	*state, *apply;
	struct pin_engine engine;
	size_t		 ring_bytes;
	uint64_t	 quota;		/* engine bytes; 0: none */

	/* The index: one writer (state), many readers. Writers that wait
	 * hold the gate, so that readers cannot starve them. */
	pthread_rwlock_t lock;
	pthread_mutex_t	 gate;
	atomic_int	 writer_waits;
	struct pin_mvcc	*m;

	pthread_mutex_t	 pin_lock;
	uint64_t	 pins[STORE_READERS_MAX];	/* 0: free */
	uint32_t	 npins;

	atomic_uint	 queued;
	atomic_size_t	 queued_bytes;
	atomic_int	 closed;	/* PIN_OK, or what txn answers */
	atomic_int	 no_space;	/* the last batch found none */
	atomic_int	 engine_full;	/* the engine's last write did */
	atomic_uint_least64_t durable;
	atomic_uint_least64_t engine_bytes;

	/* state's */
	struct req	*waiting, **waiting_tail;
	uint32_t	 inflight;	/* batches */
	int		 dead;		/* fatal was called */
	int		 replaying;	/* in start: no loops yet */
	int		 replay_rc;
	struct pin_err	*replay_err;
	struct pin_event *events;	/* of the entry being applied */
	uint32_t	 nevents, events_cap;
	struct pin_mvcc_reader *reader;
	struct flush	*flush;		/* under way */
	uint64_t	 dirty_since;	/* 0: nothing is */
	struct pin_timer flush_timer, lease_timer;
	uint64_t	 lease_due;	/* what the timer is set to */
	struct pin_msg	 again;		/* more pruning */
	int		 again_posted;
	struct pin_msg	 stop_msg;
	struct pin_loop	*stopping;	/* stop() waits on it */
	struct pin_loop	*stop_wait;	/* the same, from the start on */
};

/* store.c */
int	 store_new(struct pin_env *, const struct pin_conf *,
	    const struct store_engine *, void **self, struct pin_err *);
void	 store_free(void *self);
extern const struct pin_store_ops store_ops;
void	 store_lock(struct store *);	/* exclusive */
void	 store_unlock(struct store *);
void	 store_rdlock(struct store *);	/* shared */
void	 store_rdunlock(struct store *);
void	 store_fatal(struct store *, const struct pin_err *);
int	 store_idle(struct store *);	/* state: nothing under way */

/* write.c */
pin_store_txn_fn	store_txn;
pin_store_compact_fn	store_compact;
void	 store_hook(void *arg);
void	 store_committed(void *arg, struct pin_entry *, uint32_t n);
void	 store_dropped(void *arg, void *cookie, int rc,
	    const struct pin_err *);
void	 store_consensus_fatal(void *arg, const struct pin_err *);
void	 store_lease_timer(struct pin_timer *);
void	 store_lease_arm(struct store *);

/* apply.c */
void	 store_apply_batch(struct store *, uint64_t index, uint64_t term,
	    struct batch *);
void	 store_apply_bytes(struct store *, const struct pin_entry *);
void	 store_req_done(struct store *, struct req *);
void	 store_req_free(struct req *);

/* flush.c */
void	 store_flush_look(struct store *);	/* is it time? */
int	 store_flush_now(struct store *, struct pin_err *); /* at start */
void	 store_flush_timer(struct pin_timer *);
void	 store_prune_look(struct store *);

/* read.c */
pin_store_get_fn	store_get;
pin_store_range_fn	store_range;
pin_store_history_fn	store_history;
uint64_t store_pin_min(struct store *);	/* UINT64_MAX: nobody reads */

#endif
