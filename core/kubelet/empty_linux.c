/* SPDX-License-Identifier: BSD-2-Clause
 *
 * empty_linux.c -- a tmpfs of the node's, which outlives its agent as
 * containers do.
 * Any thread. Contract: empty.h. */
#include "core/kubelet/empty.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <stdio.h>
#include <unistd.h>

int
empty_os_memory(void)
{
	return (geteuid() == 0);
}

/* A mount has another device than what it is mounted in. */
static int
is_mounted(const char *dir)
{
	char above[KUBELET_PATH_MAX + 8];
	struct stat st, up;

	snprintf(above, sizeof(above), "%s/..", dir);
	return (stat(dir, &st) == 0 && stat(above, &up) == 0 &&
	    st.st_dev != up.st_dev);
}

int
empty_os_mount(const char *dir, int64_t size, uint32_t mode, int64_t gid)
{
	char options[96];
	int n;

	if (is_mounted(dir))
		return (0);
	n = snprintf(options, sizeof(options), "mode=%o", mode);
	if (size > 0)
		n += snprintf(options + n, sizeof(options) - (size_t)n,
		    ",size=%lld", (long long)size);
	if (gid >= 0)
		(void)snprintf(options + n, sizeof(options) - (size_t)n,
		    ",gid=%lld", (long long)gid);
	return (mount("tmpfs", dir, "tmpfs", 0, options));
}
