/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_file.c -- reading a plugin's file so that what was checked is what is
 * used: everything goes through one descriptor, into memory.
 * Any thread. Contract: loader_int.h. */
#include "core/loader/loader_int.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int
stat_check(const char *file, int owned, const struct stat *st,
    struct pin_err *err)
{
	if (!S_ISREG(st->st_mode))
		return (pin_err_set(err, PIN_ECONFIG,
		    "%s: not a regular file", file));
	if (owned && st->st_uid != 0 && st->st_uid != geteuid())
		return (pin_err_set(err, PIN_ECONFIG, "%s: belongs to user "
		    "%lu; a plugin must belong to root or to user %lu, who "
		    "loads it", file, (unsigned long)st->st_uid,
		    (unsigned long)geteuid()));
	if (owned && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return (pin_err_set(err, PIN_ECONFIG, "%s: mode %03o lets %s "
		    "write it; a plugin must be writable by its owner only",
		    file, (unsigned)st->st_mode & 0777,
		    (st->st_mode & S_IWOTH) != 0 ? "everybody" : "its group"));
	if (st->st_size > (off_t)PIN_MODULE_BYTES_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "%s: %lld bytes, at most "
		    "%u are loaded", file, (long long)st->st_size,
		    PIN_MODULE_BYTES_MAX));
	return (PIN_OK);
}

/* Reads len bytes; a file that shrank meanwhile is an error. */
static int
read_all(int fd, const char *file, unsigned char *p, size_t len,
    struct pin_err *err)
{
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		n = read(fd, p + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return (pin_err_os(err, PIN_EIO, errno, "%s", file));
		if (n == 0)
			return (pin_err_set(err, PIN_EIO,
			    "%s: became shorter while it was read", file));
		at += (size_t)n;
	}
	return (PIN_OK);
}

int
pin__file_read(const char *file, int owned, unsigned char **out, size_t *len,
    struct pin_err *err)
{
	unsigned char *p = NULL;
	struct stat st;
	int fd, rc;

	*out = NULL;
	/* Not blocking: the name may be a FIFO's. */
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return (pin_err_os(err, errno == ENOENT ? PIN_ENOTFOUND :
		    PIN_EIO, errno, "%s", file));
	rc = fstat(fd, &st) == 0 ? stat_check(file, owned, &st, err) :
	    pin_err_os(err, PIN_EIO, errno, "%s", file);
	if (rc != PIN_OK)
		goto out;
	*len = (size_t)st.st_size;
	p = malloc(*len + 1);
	rc = p != NULL ? read_all(fd, file, p, *len, err) :
	    pin_err_set(err, PIN_ENOMEM, "%s: no memory", file);
	if (rc != PIN_OK)
		goto out;
	*out = p;
	p = NULL;
out:
	free(p);
	(void)close(fd);
	return (rc);
}

int
pin__dir_make(const char *path, struct pin_err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return (PIN_OK);
	return (pin_err_os(err, PIN_EIO, errno, "%s", path));
}
