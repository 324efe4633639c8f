/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.h -- the inside of store/memory: rows on the heap (memory.c), and a
 * file of them all, so that the log can forget (snapshot.c).
 * Threads: as lib/mvcc/mvcc.h says of an engine. Contract: there. */
#ifndef PIN_STORE_MEMORY_H
#define PIN_STORE_MEMORY_H

#include "plugins/store/common/store.h"

#define MEMORY_MAGIC		0x6d656d6fu
#define SNAP_FILE		"memory.snap"
#define SNAP_BUFFER		(256u << 10)	/* written, read at once */

/* Rows by position; one that was removed leaves a hole until half of the
 * array are holes. The key of a row lies behind it. */
struct slot {
	uint64_t	 pos;
	struct pin_mvcc_row *row;	/* NULL: a hole */
};

struct memory {
	uint32_t	 magic;
	int		 snap_failed;	/* said so already */
	pthread_rwlock_t lock;
	struct slot	*slots;
	size_t		 n, cap, holes;
	struct pin_mvcc_meta meta;
	uint64_t	 bytes;

	struct pin_env	*env;
	const char	*dir;		/* NULL: no snapshots */
	uint64_t	 snap_bytes;	/* of changes, at least, between two */
	uint64_t	 since;		/* bytes changed since the last */
	uint64_t	 stable;	/* index that one has reached */
};

void	memory_row_add(struct memory *, const struct pin_mvcc_row *);

/* All rows and meta, from the file; nothing when there is none. */
int	pin__snap_load(struct memory *, struct pin_err *);
/* The other way, when it is time. The old one stays until the new one is
 * whole and durable. Without room or a descriptor there is no new one, and
 * the log stays. */
int	pin__snap_look(struct memory *, struct pin_err *);

#endif
