/* SPDX-License-Identifier: BSD-2-Clause
 *
 * confine_netbsd.c -- nothing beyond the limits every system sets.
 * The child's main thread, before the plugin is loaded. Contract: wire.h. */
#include "core/isolate/wire.h"

int
pin__confine(struct pin_err *err)
{
	(void)err;
	return (PIN_OK);
}
