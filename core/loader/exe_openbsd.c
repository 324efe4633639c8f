/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exe_openbsd.c -- where the running program lies: as the shell found it.
 * Any thread. Contract: loader.h. */
#include "core/loader/loader_int.h"

int
pin_exe_path(const char *argv0, char **out, struct pin_err *err)
{
	return (pin__exe_search(argv0, out, err));
}
