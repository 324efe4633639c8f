/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_linux.c -- what images ask of Linux beyond POSIX.
 * Keeps no state. Any thread.
 * Contract: image_int.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/image/image_int.h"

#include <sys/xattr.h>

#include <errno.h>
#include <unistd.h>

int
image__os_sync(int fd)
{
	return (syncfs(fd) == 0 ? 0 : errno);
}

int
image__os_xattr(int fd, const char *name, const void *p, size_t len)
{
	return (fsetxattr(fd, name, p, len, 0) == 0 ? 0 : errno);
}
