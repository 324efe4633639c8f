/* SPDX-License-Identifier: BSD-2-Clause
 *
 * confine_openbsd.c -- an isolated plugin may read files, run its code and
 * talk over what it has; no sockets, no exec, no fork.
 * The child's main thread, before the plugin is loaded. Contract: wire.h. */
#include "core/isolate/wire.h"

#include <errno.h>
#include <unistd.h>

int
pin__confine(struct pin_err *err)
{
	if (pledge("stdio rpath prot_exec", NULL) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "pledge"));
	return (PIN_OK);
}
