/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arena_int.h -- for the host: an arena that a plugin's thread and its owner
 * allocate from at once, because the owner no longer waits for the plugin.
 * Thread: the owner's. Contract: below; <pintle/arena.h>. */
#ifndef PIN_LIB_ARENA_INT_H
#define PIN_LIB_ARENA_INT_H

#include <pintle/arena.h>

/* Before another thread can hold it, and after it cannot any more. They nest;
 * a shared arena is neither reset nor freed. */
PIN_API void	 pin__arena_share(struct pin_arena *);
PIN_API void	 pin__arena_unshare(struct pin_arena *);

#endif
