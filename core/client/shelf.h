/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shelf.h -- equal bytes kept once in a process: controllers, scheduler and
 * agent each hold the same objects, as different users with informers of
 * their own.
 * Threads: any.
 * Contract: what nobody refers to any more goes a little later, as other
 * things come and go. */
#ifndef PINTLE_CLIENT_SHELF_H
#define PINTLE_CLIENT_SHELF_H

#include <pintle/arena.h>

/* The shelf is there while somebody uses it. */
void	shelf_open(void);
void	shelf_close(void);

/* A reference, the caller's, to bytes equal to these. NULL: no memory. */
struct pin_buf *shelf_put(const void *p, size_t len);
/* Something taken from here was let go: looks for what may leave. */
void	shelf_tidy(void);
/* Things on the shelf. */
uint64_t shelf_count(void);

#endif
