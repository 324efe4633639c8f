/* SPDX-License-Identifier: BSD-2-Clause
 *
 * move.h -- a file gets its name for good, or keeps the one it has.
 * Any thread; blocks.
 * Contract: pintle/host.h, and: whatever must be opened is open before
 * anything is changed. */
#ifndef PIN_HOST_MOVE_H
#define PIN_HOST_MOVE_H

#include <pintle/host.h>

/* Renames and syncs the directory of `to`. PIN_EBUSY: the process or the
 * system is out of descriptors; nothing was done. */
PIN_API int	 pin_path_move(struct pin_host *, const char *from,
    const char *to, struct pin_err *);

#endif
