/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wal.h -- a write-ahead log: records with consecutive indexes in segment
 * files that are made before they are needed and used again.
 * Knows nothing of what records mean. Threads: one at a time; calls block.
 * Contract: when pin_wal_write returns PIN_OK the group survives a power cut;
 * what it refuses with PIN_ENOSPACE is not in the log; PIN_EIO is final. */
#ifndef PIN_CORE_WAL_H
#define PIN_CORE_WAL_H

#include <pintle/arena.h>
#include <pintle/host.h>

#define PIN_WAL_RECORD_MAX	(16u << 20)	/* bytes of one */
#define PIN_WAL_GROUP_MAX	64		/* records of one write */
#define PIN_WAL_SEGMENTS_MAX	4096
#define PIN_WAL_SPARES_MAX	2		/* files kept for later */
#define PIN_WAL_SEGMENT_MIN	(64u << 10)

struct pin_wal;

struct pin_wal_conf {
	uint64_t	 segment_bytes;	/* a file; larger for one large group */
	uint64_t	 cluster_id;	/* of a new log; 0: random */
	uint64_t	 start;		/* before a new log's first index */
};

struct pin_wal_record {
	uint64_t	 index;
	uint64_t	 term;
	struct pin_buf	*bytes;
};

struct pin_wal_info {
	uint64_t	 first, last;	/* indexes; first > last: empty */
	uint64_t	 term;		/* of the last */
	uint64_t	 cluster_id;
	uint64_t	 bytes;		/* of all files but spares */
	uint64_t	 syncs, rolls;
	uint32_t	 segments, spares;
};

/* Makes the directory and the first segment when there is none. PIN_ELOCKED:
 * another process has it; PIN_ECORRUPT says which file and where. */
PIN_API int	 pin_wal_open(struct pin_host *, const char *dir,
    const struct pin_wal_conf *, PIN_OWN struct pin_wal **, struct pin_err *);
/* Writes a mark that all was synced, when it can. */
PIN_API void	 pin_wal_close(PIN_OWN struct pin_wal **);

/* Once, before the first write: everything after `after`, in order; fn owns
 * the bytes, and stops the replay by a result that is not PIN_OK. A damaged
 * record is the torn end of the last group when nothing proves that it was
 * durable once; else PIN_ECORRUPT. */
typedef int pin_wal_record_fn(void *arg, struct pin_wal_record *,
    struct pin_err *);
PIN_API int	 pin_wal_replay(struct pin_wal *, uint64_t after,
    pin_wal_record_fn *, void *arg, struct pin_err *);

/* One group: indexes follow the last one. Borrows the bytes. */
PIN_API int	 pin_wal_write(struct pin_wal *, const struct pin_wal_record *,
    uint32_t n, struct pin_err *);
/* Is there room for a segment again? After PIN_ENOSPACE. */
PIN_API int	 pin_wal_probe(struct pin_wal *, struct pin_err *);
/* Records up to index are not needed any more. */
PIN_API int	 pin_wal_trim(struct pin_wal *, uint64_t index,
    struct pin_err *);
PIN_API void	 pin_wal_info(const struct pin_wal *, struct pin_wal_info *);

/* CRC-32C (Castagnoli); crc is 0 or what an earlier piece gave. */
PIN_API uint32_t pin_crc32c(uint32_t crc, const void *, size_t);

#endif
