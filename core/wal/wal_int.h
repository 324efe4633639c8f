/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wal_int.h -- the layout of segments and records, for core/wal's files:
 * segment.c (files), scan.c (reading), wal.c (writing).
 * Threads: as wal.h. Contract: format 1 below; all little-endian. */
#ifndef PIN_CORE_WAL_INT_H
#define PIN_CORE_WAL_INT_H

#include "core/wal/wal.h"

/*
 * A segment NNNNNNNNNNNNNNNN.wal (its number in hex) begins with a block:
 *
 *	 0	"PINWAL\0\0"
 *	 8	format, lowest reader, 0, 0, crc32c of these 64 bytes (as 0)
 *	16	number
 *	24	index of the first record
 *	32	where the segment before it ends; 0: there was none
 *	40	cluster id
 *	48	salt: random, begins every checksum in the file, so that what
 *		an earlier life of the file left behind is never valid
 *	56	0
 *
 * Records follow, each at a multiple of 8:
 *
 *	 0	crc32c of the salt and bytes 4..39
 *	 4	length of the payload
 *	 8	index
 *	16	term
 *	24	the last index that was durable when this was written
 *	32	type, format, lowest reader, 0
 *	36	crc32c of the salt and the payload
 *	40	payload, then zeros to a multiple of 8
 *
 * One group is written and synced before the next begins, and a new segment
 * says where the one before it ends. So a record that does not check is a
 * torn end exactly when it lies in the last segment and no record behind it
 * says that it was durable.
 */
#define WAL_FORMAT	1
#define SEG_HEAD	64u
#define SEG_DATA	4096u		/* first record */
#define REC_HEAD	40u
#define REC_ALIGN	8u
#define REC_SIZE(len)	(((uint64_t)REC_HEAD + (len) + REC_ALIGN - 1) & \
			    ~(uint64_t)(REC_ALIGN - 1))

enum {
	REC_ENTRY = 1,
	REC_MARK = 2,		/* no payload, the index before it again */
};

struct seg {
	uint64_t	 number, first, prev_end, salt;
	uint64_t	 size;		/* of the file */
};

struct rec {
	uint64_t	 index, term, synced;
	uint32_t	 len, pcrc;
	uint8_t		 type, format, lowest;
};

#define WAL_MAGIC	0x7077616cu

struct pin_wal {
	uint32_t	 magic;
	uint32_t	 nsegs;
	struct pin_host	*host;
	char		*dir;
	struct pin_file	*lock;
	struct pin_file	*file;		/* the last segment */
	struct seg	*segs;		/* [PIN_WAL_SEGMENTS_MAX] ascending */
	uint64_t	 segment_bytes;
	uint64_t	 cluster_id;
	uint64_t	 end;		/* where the next group goes */
	uint64_t	 last, term;	/* of the last record */
	uint64_t	 syncs, rolls;
	uint32_t	 replayed;
	uint32_t	 must_roll;	/* leftovers behind end */
	uint32_t	 dead;		/* a sync failed */
	uint32_t	 nspares;
	uint64_t	 spares[PIN_WAL_SPARES_MAX];
};

uint32_t pin__le32(const uint8_t *);
uint64_t pin__le64(const uint8_t *);
void	 pin__put_le32(uint8_t *, uint32_t);
void	 pin__put_le64(uint8_t *, uint64_t);

void	 pin__rec_encode(uint8_t head[REC_HEAD], const struct rec *,
	    const void *payload, uint64_t salt);
/* 1 when the head is whole; says nothing of the payload. */
int	 pin__rec_decode(const uint8_t head[REC_HEAD], struct rec *,
	    uint64_t salt);
uint32_t pin__rec_pcrc(const void *payload, size_t len, uint64_t salt);

/* The last group of the last segment, by its records' heads. */
int	 pin__scan_tail(struct pin_wal *, uint64_t *from, uint64_t *to,
	    struct pin_err *);

#define WAL_NAME_MAX	32
int	 pin__seg_path(const struct pin_wal *, uint64_t number,
	    const char *suffix, char *buf, size_t size, struct pin_err *);
/* Finds segments and spares in the directory, in order, without gaps. */
int	 pin__seg_list(struct pin_wal *, struct pin_err *);
int	 pin__seg_open(struct pin_wal *, const struct seg *,
	    struct pin_file **, struct pin_err *);
/* Makes segment `number` behind the others and opens it as the last. */
int	 pin__seg_add(struct pin_wal *, uint64_t number, uint64_t first,
	    uint64_t prev_end, uint64_t size, struct pin_err *);
/* The oldest segment becomes a spare, or goes. */
int	 pin__seg_drop(struct pin_wal *, struct pin_err *);

#endif
