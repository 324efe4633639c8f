/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_bsd.c -- the part of os.h that is the same on FreeBSD, NetBSD and
 * OpenBSD. What differs is in os_freebsd.c, os_netbsd.c and os_openbsd.c.
 * Any thread.
 * Contract: core/os.h. */
#include <sys/types.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/os.h"

long
pin_os_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (n > 0 ? n : 1);
}

int
pin_os_random(void *buf, size_t len)
{
	arc4random_buf(buf, len);
	return (0);
}

ssize_t
pin_os_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	ssize_t done = pwritev(fd, iov, n, at);

	return (done < 0 ? -errno : done);
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

	do {
#if defined(__NetBSD__)
		c = paccept(fd, sockaddr, &n, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
		c = accept4(fd, sockaddr, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
#endif
	} while (c < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (c < 0)
		return (-errno);
	*len = n;
	return (c);
}
