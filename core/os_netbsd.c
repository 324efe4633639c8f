/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_netbsd.c -- the part of os.h that is NetBSD's own.
 * Keeps no state.
 * Any thread.
 * Contract: core/os.h. */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "core/os.h"

void
pin_os_thread_name(const char *name)
{
	(void)pthread_setname_np(pthread_self(), "%s", (void *)(uintptr_t)name);
}

int
pin_os_fallocate(int fd, off_t size)
{
	int e;

	do
		e = posix_fallocate(fd, 0, size);
	while (e == EINTR);
	return (e == EINVAL || e == ENODEV ? -EOPNOTSUPP : -e);
}

int
pin_os_peercred(int fd, uint32_t *uid, uint32_t *pid)
{
	struct unpcbid cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, 0, LOCAL_PEEREID, &cred, &len) != 0)
		return (-errno);
	*uid = cred.unp_euid;
	*pid = (uint32_t)cred.unp_pid;
	return (0);
}
