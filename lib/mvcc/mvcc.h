/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mvcc.h -- keys, versions and revisions: what every store plugin is made of.
 * Pure: no I/O of its own (values come through struct pin_engine), no clock
 * (pin_mvcc_tick), no threads and no locks.
 * Threads: functions marked [W] want the caller's exclusive lock, [R] a shared
 * one, [S] run on the one writing thread without a lock. Contract: the state
 * after an entry depends on the state before it and the entry, nothing else. */
#ifndef PIN_LIB_MVCC_H
#define PIN_LIB_MVCC_H

#include <pintle/store.h>

/* A version's place: revision and number within its transaction. Positions
 * grow by writing order and are the engine's keys. */
#define PIN_MVCC_SUB_BITS	8
#define PIN_MVCC_POS(rev, sub)	((uint64_t)(rev) << PIN_MVCC_SUB_BITS | (sub))
#define PIN_MVCC_REV(pos)	((pos) >> PIN_MVCC_SUB_BITS)
#define PIN_MVCC_REV_MAX	((UINT64_C(1) << 56) - 1)
#define PIN_MVCC_CMDS_MAX	65536u	/* transactions of one batch */
#define PIN_MVCC_TTL_MAX	(10u * 365 * 86400)	/* seconds */

/* One version of one key. */
struct pin_mvcc_row {
	uint64_t	 pos;
	uint64_t	 create_rev;	/* 0: a deletion */
	uint64_t	 version;	/* 0: a deletion */
	uint64_t	 before_pos;	/* the version it replaced; 0: absent */
	uint32_t	 ttl_s;
	uint32_t	 len;		/* of the value */
	struct pin_str	 key;
	struct pin_buf	*value;		/* NULL: a deletion, or not asked for */
};

/* Written together with the rows it describes, always. */
struct pin_mvcc_meta {
	uint64_t	 cluster_id;
	uint64_t	 applied, term;	/* of the consensus */
	uint64_t	 revision, compacted;
	uint64_t	 hash;		/* running, over every event so far */
};

/* ---- what a store plugin brings: a place for rows ---------------- */

struct pin_engine_batch {
	const struct pin_mvcc_row *rows;	/* ascending, all newer */
	uint32_t	 nrows;
	uint32_t	 ndels;
	const uint64_t	*dels;		/* removed after rows were added */
	const struct pin_mvcc_meta *meta;
};

typedef int pin_engine_row_fn(void *arg, const struct pin_mvcc_row *);

/* get and scan run on any thread, several at once, also beside write. */
struct pin_engine_ops {
	int	(*meta)(void *, struct pin_mvcc_meta *, struct pin_err *);
				/* PIN_ENOTFOUND: nothing was ever written */
	/* Every row, without values, ascending; at start only. */
	int	(*load)(void *, pin_engine_row_fn *, void *arg,
		    struct pin_err *);
	/* n values by position, all of one snapshot; out[i] may be set
	 * already, then it is left alone. A missing one is PIN_ENOTFOUND;
	 * what was gotten stays in out. A damaged one is PIN_ECORRUPT. */
	int	(*get)(void *, const uint64_t *pos, uint32_t n,
		    struct pin_buf **out, struct pin_err *);
	/* Rows with values, from <= position < to, whose key begins with
	 * prefix, until fn returns nonzero. fn may keep references, and must
	 * not call the engine. */
	int	(*scan)(void *, uint64_t from, uint64_t to,
		    struct pin_str prefix, pin_engine_row_fn *, void *arg,
		    struct pin_err *);
	/* All or nothing; durable on return as far as `stable` then says.
	 * PIN_ENOSPACE may be tried again, another error must not. */
	int	(*write)(void *, const struct pin_engine_batch *,
		    struct pin_err *);
	uint64_t (*stable)(void *);	/* index the log may forget */
	uint64_t (*bytes)(void *);	/* stored, for status and quota */
	void	(*close)(void *);
};

struct pin_engine {
	const struct pin_engine_ops *ops;
	void		*self;
};

/* ---- commands, and batches of them ------------------------------- */

enum {
	PIN_MVCC_TXN = 1,
	PIN_MVCC_COMPACT = 2,
};

struct pin_mvcc_cmd {
	uint32_t	 kind;
	uint32_t	 ncmps, nops;
	uint32_t	 pad;
	const struct pin_cmp *cmps;
	const struct pin_op *ops;
	uint64_t	 revision;	/* COMPACT */
};

/* Is this a transaction a store may take? Named errors for what is not. */
PIN_API int	 pin_mvcc_check(const struct pin_txn *, struct pin_err *);
/* Bytes of the command in a batch. */
PIN_API size_t	 pin_mvcc_size(const struct pin_mvcc_cmd *);
#define PIN_MVCC_BATCH_HEAD	8u
/* Writes head and commands; the buffer has exactly HEAD + the sizes. */
PIN_API uint8_t	*pin_mvcc_encode_head(uint8_t *, uint32_t ncmds);
PIN_API uint8_t	*pin_mvcc_encode(uint8_t *, const struct pin_mvcc_cmd *);

/* Reads a batch, command by command. Keys point into the batch; values are
 * copied and belong to the reader. */
struct pin_mvcc_reader {
	const uint8_t	*p, *end;
	uint32_t	 left;		/* commands */
	uint32_t	 pad;
	struct pin_mvcc_cmd cmd;
	struct pin_cmp	 cmps[PIN_TXN_OPS_MAX];
	struct pin_op	 ops[PIN_TXN_OPS_MAX];
};

PIN_API int	 pin_mvcc_reader_init(struct pin_mvcc_reader *, const void *,
    size_t, struct pin_err *);
/* PIN_OK: ->cmd is the next one; PIN_ENOTFOUND: that was all; or
 * PIN_ECORRUPT. Gives up what the last call read. */
PIN_API int	 pin_mvcc_reader_next(struct pin_mvcc_reader *,
    struct pin_err *);
PIN_API void	 pin_mvcc_reader_fini(struct pin_mvcc_reader *);

/* ---- the state --------------------------------------------------- */

struct pin_mvcc;

/* ring_bytes: the ring's budget. seed: of the index' shape, any number. */
PIN_API struct pin_mvcc *pin_mvcc_new(const struct pin_engine *,
    size_t ring_bytes, uint64_t seed);
PIN_API void	 pin_mvcc_free(PIN_OWN struct pin_mvcc **);
/* Fills the state from the engine's rows. */
PIN_API int	 pin_mvcc_load(struct pin_mvcc *, struct pin_err *);
/* The time, for leases; nanoseconds, monotonic. */
PIN_API void	 pin_mvcc_tick(struct pin_mvcc *, uint64_t now_ns);
PIN_API const struct pin_mvcc_meta *pin_mvcc_meta(const struct pin_mvcc *);
				/* [R] or [S] */
PIN_API void	 pin_mvcc_set_cluster(struct pin_mvcc *, uint64_t id);

struct pin_mvcc_counts {
	uint64_t	 keys, versions;
	uint64_t	 ring_bytes, ring_events;
	uint64_t	 dirty_bytes, dirty_events;	/* engine lacks them */
	uint64_t	 deletes;	/* nor yet removed from it */
};
PIN_API void	 pin_mvcc_counts(const struct pin_mvcc *,
    struct pin_mvcc_counts *);	/* [R] or [S] */

/* ---- applying ---------------------------------------------------- */

struct pin_mvcc_result {
	int32_t		 rc;		/* OK, ECONFLICT, EGONE, EFUTURE */
	uint32_t	 failed;	/* compare */
	uint64_t	 revision, actual;
	uint32_t	 nevents;
	uint32_t	 pad;
	const struct pin_event *events;	/* until the next eval; before is a
					 * reference, dropped then too */
};

/* [S] What would the command do? Fetches old values, changes nothing. An
 * error is the engine's and fatal; refusals are in the result. */
PIN_API int	 pin_mvcc_eval(struct pin_mvcc *, const struct pin_mvcc_cmd *,
    struct pin_mvcc_result *, struct pin_err *);
/* [W] Does what the last eval found. */
PIN_API void	 pin_mvcc_commit(struct pin_mvcc *);
/* [W] The entry these commands came in is done. */
PIN_API void	 pin_mvcc_applied(struct pin_mvcc *, uint64_t index,
    uint64_t term);
/* [W] Drops old events beyond the budget that the engine has. Returns 1 when
 * it is over budget still: writers must wait for the engine. */
PIN_API int	 pin_mvcc_evict(struct pin_mvcc *);
PIN_API int	 pin_mvcc_ring_full(const struct pin_mvcc *);	/* [S] */

/* ---- bringing the engine up to date ------------------------------ */

struct pin_mvcc_flush {
	struct pin_engine_batch batch;
	struct pin_mvcc_meta meta;
	struct pin_mvcc_row *rows;
	uint64_t	*dels;
	size_t		 bytes;
	void		*owner;		/* the caller's */
};

/* [W] Everything the engine lacks. Valid until flush_done; values and keys
 * are the ring's, which keeps them that long. */
PIN_API void	 pin_mvcc_flush_begin(struct pin_mvcc *,
    PIN_OWN struct pin_mvcc_flush *);
/* [S] Is there any such thing? */
PIN_API int	 pin_mvcc_flush_wanted(const struct pin_mvcc *);
/* [W] ok: the engine has it. Else the same will be offered again. */
PIN_API void	 pin_mvcc_flush_done(struct pin_mvcc *,
    struct pin_mvcc_flush *, int ok);

/* [W] One bounded step of forgetting versions superseded at or before
 * `limit` (at most the compacted revision; lower while somebody reads
 * there). Returns 1 while there is more to do. */
PIN_API int	 pin_mvcc_prune(struct pin_mvcc *, uint64_t limit,
    uint32_t keys_max);
PIN_API int	 pin_mvcc_prune_wanted(const struct pin_mvcc *, uint64_t limit);

/* ---- reading ----------------------------------------------------- */

/* [R] PIN_OK, PIN_EGONE or PIN_EFUTURE; *at becomes the revision read. */
PIN_API int	 pin_mvcc_admit(const struct pin_mvcc *, uint64_t *at,
    struct pin_err *);
/* [R] Looks up the version at an admitted revision. row->value is a new
 * reference when the ring has it, else NULL: ask the engine for row->pos.
 * row->key is not set. PIN_ENOTFOUND. */
PIN_API int	 pin_mvcc_find(const struct pin_mvcc *, struct pin_str key,
    uint64_t at, struct pin_mvcc_row *);

/* A piece of a range or of history, copied out under the lock. */
#define PIN_MVCC_CHUNK_ROWS	256
#define PIN_MVCC_CHUNK_KEYS	(32u << 10)	/* bytes of keys */
struct pin_mvcc_chunk {
	uint32_t	 n;
	uint32_t	 done;		/* 1: nothing after these */
	size_t		 keys_len;
	struct pin_mvcc_row rows[PIN_MVCC_CHUNK_ROWS];
	char		 keys[PIN_MVCC_CHUNK_KEYS];
};

/* [R] Keys start <= key < end alive at `at`; after != 0: start < key. At
 * most max rows and about bytes of values. values: take the ring's. */
PIN_API void	 pin_mvcc_range(const struct pin_mvcc *, struct pin_str start,
    int after, struct pin_str end, uint64_t at, uint32_t max, size_t bytes,
    int values, struct pin_mvcc_chunk *);
/* [R] Keys alive in the range, looking at most `max` keys of the index; the
 * last one looked at goes to last (PIN_KEY_MAX bytes), *done says if all. */
PIN_API uint64_t pin_mvcc_count(const struct pin_mvcc *, struct pin_str start,
    int after, struct pin_str end, uint64_t at, uint32_t max, char *last,
    size_t *last_len, int *done);
/* [R] May a key that begins with prefix have a version at `from` or later?
 * Looks at most at `max` keys behind `start`, as pin_mvcc_count. */
PIN_API int	 pin_mvcc_changed(const struct pin_mvcc *, struct pin_str start,
    int after, struct pin_str prefix, uint64_t from, uint32_t max, char *last,
    size_t *last_len, int *done);
PIN_API int	 pin_mvcc_begins(struct pin_str, struct pin_str prefix);
/* [R] The oldest position the ring holds; everything newer is there too. */
PIN_API uint64_t pin_mvcc_ring_first(const struct pin_mvcc *);
/* [R] Events of the ring with from <= position < to whose key begins with
 * prefix. next: where to go on. row.value: a reference or NULL. */
PIN_API void	 pin_mvcc_events(const struct pin_mvcc *, uint64_t from,
    uint64_t to, struct pin_str prefix, struct pin_mvcc_chunk *,
    uint64_t *next);
/* [R] The ring's value at that position, a new reference, or NULL. */
PIN_API struct pin_buf *pin_mvcc_ring_get(const struct pin_mvcc *,
    uint64_t pos);
PIN_API void	 pin_mvcc_chunk_fini(struct pin_mvcc_chunk *);

/* [S] Keys whose time to live is over: at most max, each with the revision
 * that must still be its newest. They are offered again after a while. */
struct pin_mvcc_due {
	struct pin_str	 key;		/* until the next change */
	uint64_t	 mod_rev;
};
PIN_API uint32_t pin_mvcc_due(struct pin_mvcc *, struct pin_mvcc_due *,
    uint32_t max);
/* [S] When is the next one due? UINT64_MAX: none is. */
PIN_API uint64_t pin_mvcc_due_next(const struct pin_mvcc *);

/* XXH64 (Collet), little-endian reading on every machine. */
PIN_API uint64_t pin_hash64(const void *, size_t, uint64_t seed);

#endif
