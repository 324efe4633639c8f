/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exe_netbsd.c -- where the running program lies: sysctl knows.
 * Any thread. Contract: loader.h. */
#include "core/loader/loader_int.h"

#include <sys/param.h>
#include <sys/sysctl.h>

#include <limits.h>

int
pin_exe_path(const char *argv0, char **out, struct pin_err *err)
{
	int mib[] = { CTL_KERN, KERN_PROC_ARGS, -1, KERN_PROC_PATHNAME };
	char path[PATH_MAX];
	size_t len = sizeof(path);

	if (sysctl(mib, 4, path, &len, NULL, 0) == 0 && len > 1) {
		*out = pin_xstrdup(path);
		return (PIN_OK);
	}
	return (pin__exe_search(argv0, out, err));
}
