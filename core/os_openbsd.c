/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_openbsd.c -- the part of os.h that is OpenBSD's own.
 * Keeps no state.
 * Any thread.
 * Contract: core/os.h. */
#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <pthread.h>
#include <pthread_np.h>

#include "core/os.h"

void
pin_os_thread_name(const char *name)
{
	pthread_set_name_np(pthread_self(), name);
}

int
pin_os_fallocate(int fd, off_t size)
{
	(void)fd;
	(void)size;
	return (-EOPNOTSUPP);
}

int
pin_os_peercred(int fd, uint32_t *uid, uint32_t *pid)
{
	struct sockpeercred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return (-errno);
	*uid = cred.uid;
	*pid = (uint32_t)cred.pid;
	return (0);
}
