/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim -- a witness between a program and its kernel: every write, size
 * change, sync, creation, rename and unlink below one directory goes into a
 * journal, together with marks of what was promised meanwhile. From it
 * crashdisk.h builds every disk a power cut could have left.
 * Linux only: the program's own symbols stand before libc's, for libraries
 * too. Any thread. Contract: the journal's order is the kernel's order. */
#ifndef PIN_TESTS_SHIM_H
#define PIN_TESTS_SHIM_H

#include <stddef.h>
#include <stdint.h>

enum {
	SH_INIT,	/* was there: name a, data; file 0: a directory */
	SH_CREATE,	/* name a */
	SH_WRITE,	/* data at */
	SH_DWRITE,	/* the same, durable at once (O_DSYNC) */
	SH_SIZE,	/* at: the new size */
	SH_SYNC,
	SH_RENAME,	/* a to b */
	SH_UNLINK,	/* a */
	SH_MKDIR,	/* a */
	SH_DIRSYNC,	/* a */
	SH_MARK,	/* the test's: file and at are its own */
};

struct sh_op {
	int		 type;
	uint32_t	 file;
	uint64_t	 at;
	size_t		 len;
	uint8_t		*data;
	char		*a, *b;		/* paths below the root; "" is it */
};

void	 shim_start(const char *root);	/* an existing directory */
void	 shim_stop(void);
void	 shim_mark(uint32_t what, uint64_t value);
/* The journal so far; the caller frees it after shim_stop. */
struct sh_op *shim_take(size_t *n);
void	 shim_free(struct sh_op *, size_t n);

/* From now on the n-th call (1: the next) that writes or syncs below the
 * root fails with errnum and does nothing; n 0: none. sticky: all after it. */
void	 shim_fail(unsigned n, int errnum, int sticky);
/* The n-th call takes so long; until then the others succeed. */
void	 shim_late(unsigned ms);
/* The disk is full: what makes a file larger fails with ENOSPC. */
void	 shim_full(int on);
unsigned shim_calls(void);		/* that could fail, since start */

#endif
