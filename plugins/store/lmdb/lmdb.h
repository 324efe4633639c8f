/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lmdb.h -- the engine behind store/lmdb: three tables in one file.
 * Threads: get and scan from any (each call its own short read transaction),
 * write from one. Contract: struct pin_engine_ops.
 *
 *	ver	position -> lineage and key, appended; all a start reads
 *	val	position -> value, appended; deletions have none
 *	meta	"state" -> struct pin_mvcc_meta, in the transaction of the rows
 *
 * Positions are 8 bytes, big-endian, so that bytes order as numbers do. Every
 * record begins with a checksum, its format and the lowest format a reader
 * must know, because LMDB itself notices no bit that flips. */
#ifndef PIN_STORE_LMDB_H
#define PIN_STORE_LMDB_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "plugins/store/common/store.h"

#define LMDB_MAGIC		0x6c6d6462u
#define LMDB_FORMAT		1
#define LMDB_READERS_MAX	512
#define LMDB_POOL_MAX		64	/* read transactions kept */
#define LMDB_MAP_MIN		((size_t)1 << 30)

struct lmdb {
	uint32_t	 magic;
	struct pin_host	*host;
	char		*dir, *path;
	struct pin_file	*lock;
	MDB_env		*env;
	MDB_dbi		 ver, val, meta;
	atomic_uint_least64_t applied;	/* durable */
	atomic_uint_least64_t bytes;	/* in use, free pages not counted */
	pthread_mutex_t	 pool_lock;
	MDB_txn		*pool[LMDB_POOL_MAX];
	uint32_t	 pooled;
};

extern const struct pin_engine_ops lmdb_ops;

/* Creates or opens DIR/data.mdb. */
int	 lmdb_engine_open(struct lmdb *, size_t map, struct pin_err *);
void	 lmdb_engine_close(void *);
int	 lmdb_fail(const struct lmdb *, int mdb_rc, const char *what,
	    struct pin_err *);
/* A commit failed: what is in the page cache may never reach the disk, though
 * the kernel takes it for clean. The next open makes the file anew. */
void	 lmdb_distrust(const struct lmdb *);
void	 lmdb_measure(struct lmdb *, MDB_txn *);

#endif
