/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.h -- descriptors. How many may be open: the server and the node agent
 * take all they may have; what they start gets what they were started with
 * (select knows of 1024, and some close every number up to the limit).
 * files_write: any thread, blocks. files_raise: main thread, before there are
 * others; files_restore: any, in the child of a fork too. Contract: below. */
#ifndef PINTLE_FILES_H
#define PINTLE_FILES_H

#include <pintle/abi.h>

#define FILES_ENV	"PINTLE_FILES"	/* what it was, for our own verbs */

/* The soft limit becomes the hard one. */
PIN_API void	 files_raise(void);
/* In a program that was started by one that had raised it: back, as
 * FILES_ENV says, which goes. */
PIN_API void	 files_inherit(void);
/* Calls nothing but the kernel. Nothing where nothing was raised. */
PIN_API void	 files_restore(void);
/* All of it. 0, or -1 with errno. */
PIN_API int	 files_write(int fd, const void *, size_t len);

#endif
