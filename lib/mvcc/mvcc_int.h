/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mvcc_int.h -- the parts of struct pin_mvcc, for lib/mvcc's own files:
 * index.c (keys in order), ring.c (recent events), lease.c (times to live).
 * Threads: as mvcc.h says for each caller.
 * Contract: mvcc.h. */
#ifndef PIN_LIB_MVCC_INT_H
#define PIN_LIB_MVCC_INT_H

#include "lib/mvcc/mvcc.h"

#define MVCC_MAGIC		0x6d766363u	/* "mvcc" */
#define INDEX_HEIGHT_MAX	12	/* 4^12 keys before it gets slower */
#define LEASE_RETRY_NS		UINT64_C(5000000000)

/* 24 bytes; version and length share a word (40 + 24 bits). */
struct ver {
	uint64_t	pos;
	uint64_t	create_rev;	/* 0: a deletion */
	uint64_t	verlen;
};
#define VER_LEN(v)	((uint32_t)((v)->verlen & 0xffffffu))
#define VER_VERSION(v)	((v)->verlen >> 24)
#define VER_MAKE(version, len)	((uint64_t)(version) << 24 | (len))
#define VER_DEAD(v)	((v)->create_rev == 0)

/* One key: header, versions, links, bytes; one allocation while it has one
 * version, two afterwards. */
struct mkey {
	uint16_t	len;
	uint8_t		height;
	uint8_t		pad;
	uint32_t	nvers;
	uint32_t	cap;		/* 0: u.one */
	uint32_t	lease;		/* place in the heap + 1; 0: none */
	union {
		struct ver	 one;
		struct ver	*many;
	} u;
	struct mkey	*next[];	/* height links, then the bytes */
};
#define MKEY_P(k)	((const char *)&(k)->next[(k)->height])
#define MKEY_STR(k)	((struct pin_str){ MKEY_P(k), (k)->len })
#define MKEY_VERS(k)	((k)->cap == 0 ? &(k)->u.one : (k)->u.many)
#define MKEY_LAST(k)	(&MKEY_VERS(k)[(k)->nvers - 1])

struct index {
	struct mkey	*head[INDEX_HEIGHT_MAX];
	struct mkey	**tail[INDEX_HEIGHT_MAX]; /* during load only */
	uint64_t	 seed;
	uint64_t	 keys;		/* in the list, dead ones too */
	uint64_t	 alive, versions;
};

typedef struct mkey **index_path[INDEX_HEIGHT_MAX];

void	 pin__index_init(struct index *, uint64_t seed);
void	 pin__index_fini(struct index *);
/* The first key >= (after: >) s; path, if not NULL, gets the links before. */
struct mkey *pin__index_seek(const struct index *, struct pin_str s,
	    int after, index_path path);
struct mkey *pin__index_get(const struct index *, struct pin_str);
struct mkey *pin__index_add(struct index *, struct pin_str);
/* Puts a key behind all others; for loading in order. */
void	 pin__index_append(struct index *, struct mkey *);
struct mkey *pin__mkey_new(const struct index *, struct pin_str);
void	 pin__mkey_free(struct mkey *);
void	 pin__index_remove(struct index *, struct mkey *);
void	 pin__mkey_push(struct index *, struct mkey *, const struct ver *);
/* Newest version at or before a revision, or NULL. */
const struct ver *pin__mkey_at(const struct mkey *, uint64_t rev);
/* Drops the n oldest versions. */
void	 pin__mkey_drop(struct index *, struct mkey *, uint32_t n);

/* Events by position; slot i of the window is ev[(first + i) % cap]. */
struct ring {
	struct pin_mvcc_row *ev;	/* each owns its key and value */
	uint64_t	 cap, first, n;
	uint64_t	 dirty;		/* the newest so many lack the engine */
	size_t		 bytes, dirty_bytes;
	size_t		 budget;
};
#define RING_AT(r, i)	(&(r)->ev[((r)->first + (i)) & ((r)->cap - 1)])

void	 pin__ring_init(struct ring *, size_t budget);
void	 pin__ring_fini(struct ring *);
/* Takes a copy of the key and a reference to the value. */
const struct pin_mvcc_row *pin__ring_push(struct ring *,
	    const struct pin_mvcc_row *);
/* Index of the first event at or after pos; n when there is none. */
uint64_t pin__ring_seek(const struct ring *, uint64_t pos);
const struct pin_mvcc_row *pin__ring_find(const struct ring *, uint64_t pos);
void	 pin__ring_evict(struct ring *);
size_t	 pin__row_bytes(const struct pin_mvcc_row *);

struct lease {
	uint64_t	 due_ns;
	struct mkey	*key;
};

struct leases {
	struct lease	*heap;
	uint32_t	 n, cap;
};

/* ttl 0 removes. */
void	 pin__lease_set(struct leases *, struct mkey *, uint64_t due_ns);
void	 pin__lease_clear(struct leases *, struct mkey *);
void	 pin__lease_fini(struct leases *);

/* What eval found out about one operation. */
struct step {
	struct mkey	*key;		/* NULL: new */
	struct pin_mvcc_row row;	/* key and value borrowed */
};

struct pin_mvcc {
	uint32_t	 magic;
	uint32_t	 nsteps;
	struct pin_engine engine;
	struct pin_mvcc_meta meta;
	struct index	 index;
	struct ring	 ring;
	struct leases	 leases;
	uint64_t	 now_ns;

	/* the command being done */
	uint64_t	 compact_to;	/* 0: none */
	struct step	 steps[PIN_TXN_OPS_MAX];
	struct pin_event events[PIN_TXN_OPS_MAX];

	/* what the engine is to forget, and where pruning is */
	uint64_t	*dels;
	size_t		 ndels, dels_cap;
	uint64_t	 meta_dirty;	/* entries since the last flush */
	uint64_t	 pruned;	/* everything up to here is done */
	uint64_t	 pruning;	/* 0: no pass under way */
	uint32_t	 prune_len;	/* key the pass has reached */
	uint32_t	 flushing;
	char		 prune_key[PIN_KEY_MAX];
};

#endif
