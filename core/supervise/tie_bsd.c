/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tie_bsd.c -- nothing here ties a process to its parent on every BSD: what
 * a killed supervisor leaves must be stopped by hand.
 * Contract: supervise.h. */
#include "core/supervise/supervise.h"

void
supervise__os_tie(long parent)
{
	(void)parent;
}
