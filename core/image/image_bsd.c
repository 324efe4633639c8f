/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_bsd.c -- what images ask of a BSD beyond POSIX. Linux's capabilities
 * of files mean nothing here.
 * Keeps no state. Any thread.
 * Contract: image_int.h. */
#include "core/image/image_int.h"

#include <errno.h>
#include <unistd.h>

int
image__os_sync(int fd)
{
	sync();
	return (fsync(fd) == 0 ? 0 : errno);
}

int
image__os_xattr(int fd, const char *name, const void *p, size_t len)
{
	(void)fd;
	(void)name;
	(void)p;
	(void)len;
	return (ENOTSUP);
}
