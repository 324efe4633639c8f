/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timefmt_int.h -- what the files of lib/timefmt share.
 * Pure, any thread. Contract: timefmt.h. */
#ifndef PINTLE_TIMEFMT_INT_H
#define PINTLE_TIMEFMT_INT_H

#include "timefmt.h"

#define QUOTE_MAX	256	/* a quoted text in a message, cut behind */

/* s in double quotes as Go's time package writes it in its messages. */
void	 pin__time_quote(struct pin_str s, char *out, size_t size);

#endif
