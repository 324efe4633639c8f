/* SPDX-License-Identifier: BSD-2-Clause
 *
 * subpath_bsd.c -- nothing is bound: runtimes are given the path.
 * Any thread. Contract: subpath.h. */
#include "core/kubelet/subpath.h"

#include <fcntl.h>

int
subpath_os_open(int dir, const char *name)
{
	return (openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC));
}

int
subpath_os_bind(int fd, const char *at)
{
	(void)fd;
	(void)at;
	return (1);
}

void
subpath_os_unbind(const char *at)
{
	(void)at;
}
