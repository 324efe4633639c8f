/* SPDX-License-Identifier: BSD-2-Clause
 *
 * subpath_linux.c -- a descriptor bound to a path, by root; the mount is the
 * agent's own, a container gets one of its own made of it.
 * Any thread. Contract: subpath.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/kubelet/subpath.h"

#include <sys/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
subpath_os_open(int dir, const char *name)
{
	return (openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

int
subpath_os_bind(int fd, const char *at)
{
	char from[48];

	if (geteuid() != 0)
		return (1);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (mount(from, at, NULL, MS_BIND | MS_REC, NULL) != 0)
		return (errno == EPERM ? 1 : -1);
	/* Else its end would be the end of mounts below it elsewhere. */
	if (mount(NULL, at, NULL, MS_PRIVATE | MS_REC, NULL) != 0)
		return (-1);
	return (0);
}

void
subpath_os_unbind(const char *at)
{
	while (umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}
