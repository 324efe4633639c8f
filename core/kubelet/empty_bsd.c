/* SPDX-License-Identifier: BSD-2-Clause
 *
 * empty_bsd.c -- nothing in memory here yet.
 * Any thread. Contract: empty.h. */
#include "core/kubelet/empty.h"

#include <errno.h>

int
empty_os_memory(void)
{
	return (0);
}

int
empty_os_mount(const char *dir, int64_t size, uint32_t mode, int64_t gid)
{
	(void)dir;
	(void)size;
	(void)mode;
	(void)gid;
	errno = ENOTSUP;
	return (-1);
}
