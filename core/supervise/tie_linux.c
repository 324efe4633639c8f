/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tie_linux.c -- dies with its parent.
 * Contract: supervise.h. */
#include "core/supervise/supervise.h"

#include <sys/prctl.h>

#include <signal.h>
#include <unistd.h>

void
supervise__os_tie(long parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if ((long)getppid() != parent)
		_exit(1);
}
