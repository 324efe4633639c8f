/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exe_linux.c -- where the running program lies: /proc/self/exe.
 * Any thread. Contract: loader.h. */
#include "core/loader/loader_int.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

int
pin_exe_path(const char *argv0, char **out, struct pin_err *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	if (n > 0 && (size_t)n < sizeof(path)) {
		*out = pin_xstrndup(path, (size_t)n);
		return (PIN_OK);
	}
	return (pin__exe_search(argv0, out, err));	/* no /proc */
}
