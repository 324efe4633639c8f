/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_linux.c -- os.h on Linux.
 * Keeps no state.
 * Any thread.
 * Contract: core/os.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/os.h"

#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

void
pin_os_thread_name(const char *name)
{
	char cut[16];			/* the kernel's limit */

	snprintf(cut, sizeof(cut), "%s", name);
	(void)pthread_setname_np(pthread_self(), cut);
}

long
pin_os_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (n > 0 ? n : 1);
}

int
pin_os_random(void *buf, size_t len)
{
	uint8_t *p = buf;
	ssize_t n;

	while (len > 0) {
		n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return (-errno);
		p += n;
		len -= (size_t)n;
	}
	return (0);
}

ssize_t
pin_os_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	ssize_t done = pwritev(fd, iov, n, at);

	return (done < 0 ? -errno : done);
}

int
pin_os_fallocate(int fd, off_t size)
{
	int rc;

	do
		rc = fallocate(fd, 0, 0, size);
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return (0);
	return (errno == ENOSYS ? -EOPNOTSUPP : -errno);
}

int
pin_os_lock(int fd)
{
	int rc;

	do
		rc = flock(fd, LOCK_EX | LOCK_NB);
	while (rc != 0 && errno == EINTR);
	return (rc == 0 ? 0 : -errno);
}

int
pin_os_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return (fd < 0 ? -errno : fd);
}

int
pin_os_dgram(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return (fd < 0 ? -errno : fd);
}

int
pin_os_accept(int fd, void *sockaddr, size_t *len)
{
	socklen_t n = (socklen_t)*len;
	int c;

	do
		c = accept4(fd, sockaddr, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (c < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (c < 0)
		return (-errno);
	*len = n;
	return (c);
}

int
pin_os_peercred(int fd, uint32_t *uid, uint32_t *pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return (-errno);
	*uid = cred.uid;
	*pid = (uint32_t)cred.pid;
	return (0);
}
