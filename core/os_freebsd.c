/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_freebsd.c -- the part of os.h that is FreeBSD's own.
 * Keeps no state.
 * Any thread.
 * Contract: core/os.h. */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/ucred.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pthread_np.h>
#include <string.h>

#include "core/os.h"

#ifndef SOL_LOCAL
#define SOL_LOCAL	0
#endif

void
pin_os_thread_name(const char *name)
{
	pthread_set_name_np(pthread_self(), name);
}

/* ZFS has no such thing and says EINVAL. */
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
	struct xucred cred;
	socklen_t len = sizeof(cred);

	memset(&cred, 0, sizeof(cred));
	if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &cred, &len) != 0)
		return (-errno);
	if (cred.cr_version != XUCRED_VERSION)
		return (-EINVAL);
	*uid = cred.cr_uid;
	*pid = (uint32_t)cred.cr_pid;
	return (0);
}
