/* SPDX-License-Identifier: BSD-2-Clause
 *
 * confine_linux.c -- an isolated plugin cannot gain rights by exec, nor be
 * read or traced by another process of its user.
 * The child's main thread, before the plugin is loaded. Contract: wire.h. */
#include "core/isolate/wire.h"

#include <sys/prctl.h>

#include <errno.h>

int
pin__confine(struct pin_err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "no_new_privs"));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "dumpable"));
	return (PIN_OK);
}
