/* SPDX-License-Identifier: BSD-2-Clause
 *
 * confine_freebsd.c -- an isolated plugin cannot be traced; where the system
 * has it, it cannot gain rights by exec.
 * The child's main thread, before the plugin is loaded. Contract: wire.h. */
#include "core/isolate/wire.h"

#include <sys/procctl.h>

#include <errno.h>
#include <unistd.h>

int
pin__confine(struct pin_err *err)
{
	int off = PROC_TRACE_CTL_DISABLE;

	if (procctl(P_PID, getpid(), PROC_TRACE_CTL, &off) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "procctl"));
	return (PIN_OK);
}
