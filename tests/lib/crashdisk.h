/* SPDX-License-Identifier: BSD-2-Clause
 *
 * crashdisk -- disks a power cut could have left, from a journal (shim.h):
 * what was synced is there; of the rest any 512-byte sectors, any sizes and
 * any creations, renames and unlinks may be.
 * One thread. Contract: the same journal, place and seed give the same disk. */
#ifndef PIN_TESTS_CRASHDISK_H
#define PIN_TESTS_CRASHDISK_H

#include "shim.h"

struct crashdisk;

/* Which syncs are ignored, as a broken program or disk would: the controls
 * that show that the sweep finds something. */
enum {
	CD_NO_LOG_SYNC = 1,	/* of files named *.wal */
	CD_NO_STORE_SYNC = 2,	/* of files named *.mdb, O_DSYNC too */
	CD_NO_DIR_SYNC = 4,
};

struct crashdisk *crashdisk_new(const struct sh_op *, size_t n, int flags);
void	 crashdisk_free(struct crashdisk *);
/* The power goes after operation i: i never goes down between calls. */
void	 crashdisk_advance(struct crashdisk *, size_t i);
/* Writes such a disk into dir, which is emptied first. Variant 0: nothing
 * that was not synced; 1: everything; others by chance. */
void	 crashdisk_make(struct crashdisk *, const char *dir, unsigned variant,
	    uint32_t seed);
/* rm -r */
void	 crashdisk_clear(const char *dir);

#endif
