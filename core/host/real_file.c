/* SPDX-License-Identifier: BSD-2-Clause
 *
 * real_file.c -- files of the real host: POSIX calls that finish what they
 * began and errors that name path and operation. Caches nothing.
 * Any thread, one thread a file at a time; blocks.
 * Contract: pintle/host.h. */
#include "core/host/real_int.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/os.h"

#define SIZE_TOP	INT64_MAX	/* off_t, where it has 64 bits */

struct real_file {
	struct pin_file	 base;
	int		 fd;
};

static int
fd_of(struct pin_file *f)
{
	return (((struct real_file *)(void *)f)->fd);
}

/* What the caller can act on gets its own code; the rest is PIN_EIO. */
static int
code_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return (PIN_ENOTFOUND);
	case EEXIST:
		return (PIN_EEXISTS);
	case EACCES:
	case EPERM:
		return (PIN_EFORBIDDEN);
	case EMFILE:
	case ENFILE:
		return (PIN_EBUSY);
	default:
		return (PIN_EIO);
	}
}

static int
fail(struct pin_err *err, const char *path, const char *what, int errnum)
{
	return (pin_err_os(err, code_of(errnum), errnum, "%s: %s", path,
	    what));
}

int
pin__real_file_open(struct pin_host *h, const char *path, uint32_t flags,
    struct pin_file **out, struct pin_err *err)
{
	struct real_file *f;
	struct stat st;
	int how, fd, e;

	how = (flags & PIN_FILE_WRITE) == 0 ? O_RDONLY :
	    (flags & PIN_FILE_READ) != 0 ? O_RDWR : O_WRONLY;
	how |= O_CLOEXEC | O_NOCTTY;
	if ((flags & PIN_FILE_CREATE) != 0)
		how |= O_CREAT;
	if ((flags & PIN_FILE_EXCL) != 0)
		how |= O_EXCL;
	if ((flags & PIN_FILE_TRUNC) != 0)
		how |= O_TRUNC;
	do
		fd = open(path, how,
		    (flags & PIN_FILE_PRIVATE) != 0 ? 0600 : 0644);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return (fail(err, path, "open", errno));
	if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		e = S_ISDIR(st.st_mode) ? EISDIR : errno;
		(void)close(fd);
		return (fail(err, path, "open", e));
	}
	f = pin_xcalloc(1, sizeof(*f));
	f->base.magic = PIN__FILE_MAGIC;
	f->base.host = h;
	f->base.path = pin_xstrdup(path);
	f->fd = fd;
	*out = &f->base;
	return (PIN_OK);
}

void
pin__real_file_close(struct pin_file *f)
{
	(void)close(fd_of(f));
	f->magic = 0;
	free(f->path);
	free(f);
}

int64_t
pin__real_file_read(struct pin_file *f, void *p, size_t len, uint64_t at,
    struct pin_err *err)
{
	size_t have = 0;
	ssize_t n;

	if ((uint64_t)len > SIZE_TOP || at > SIZE_TOP - len)
		return (fail(err, f->path, "read", EFBIG));
	while (have < len) {
		n = pread(fd_of(f), (char *)p + have, len - have,
		    (off_t)(at + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return (fail(err, f->path, "read", errno));
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return ((int64_t)have);
}

/* The next pieces, from byte `skip` of iov[*i]; *i moves past empty ones
 * (skip is 0 then: it is always short of the piece's length). */
static int
fill_iov(struct iovec *to, const struct pin_iov *iov, uint32_t n,
    uint32_t *i, size_t skip)
{
	uint32_t at;
	int k = 0;

	for (at = *i; at < n && k < PIN_FILE_IOV_MAX; at++, skip = 0) {
		if (iov[at].len == 0) {
			if (k == 0)
				*i = at + 1;
			continue;
		}
		to[k].iov_base = (void *)((uintptr_t)iov[at].p + skip);
		to[k].iov_len = iov[at].len - skip;
		k++;
	}
	return (k);
}

int
pin__real_file_write(struct pin_file *f, const struct pin_iov *iov,
    uint32_t n, uint64_t at, struct pin_err *err)
{
	struct iovec v[PIN_FILE_IOV_MAX];
	uint32_t i = 0;
	size_t skip = 0;
	ssize_t done;
	int k;

	while (i < n) {
		k = fill_iov(v, iov, n, &i, skip);
		if (k == 0)
			break;
		if (at > SIZE_TOP)
			return (fail(err, f->path, "write", EFBIG));
		done = pin_os_pwritev(fd_of(f), v, k, (off_t)at);
		if (done == -EINTR)
			continue;
		if (done < 0)
			return (fail(err, f->path, "write", (int)-done));
		if (done == 0)
			return (fail(err, f->path, "write", EIO));
		at += (uint64_t)done;
		for (; done > 0 && i < n; i++, skip = 0) {
			if ((size_t)done < iov[i].len - skip) {
				skip += (size_t)done;
				break;
			}
			done -= (ssize_t)(iov[i].len - skip);
		}
	}
	return (PIN_OK);
}

int
pin__real_file_sync(struct pin_file *f, struct pin_err *err)
{
	int rc;

	do
		rc = fdatasync(fd_of(f));
	while (rc != 0 && errno == EINTR);
	return (rc == 0 ? PIN_OK : fail(err, f->path, "sync", errno));
}

int
pin__real_file_truncate(struct pin_file *f, uint64_t size,
    struct pin_err *err)
{
	int rc;

	if (size > SIZE_TOP)
		return (fail(err, f->path, "truncate", EFBIG));
	do
		rc = ftruncate(fd_of(f), (off_t)size);
	while (rc != 0 && errno == EINTR);
	return (rc == 0 ? PIN_OK : fail(err, f->path, "truncate", errno));
}

int64_t
pin__real_file_size(struct pin_file *f, struct pin_err *err)
{
	struct stat st;

	if (fstat(fd_of(f), &st) != 0)
		return (fail(err, f->path, "stat", errno));
	return ((int64_t)st.st_size);
}

/* Blocks first, so that a full disk is told before anything is written;
 * then zeros past the old end: a block that was allocated but never written
 * would cost its first sync a commit of the file's map. */
int
pin__real_file_reserve(struct pin_file *f, uint64_t size, struct pin_err *err)
{
	static const char zeros[PIN_FILE_ZERO_CHUNK];
	struct pin_iov iov = { zeros, 0 };
	int64_t old = pin__real_file_size(f, err);
	uint64_t at;
	int rc;

	if (old < 0)
		return ((int)old);
	if (size == 0)
		return (PIN_OK);
	if (size > SIZE_TOP)
		return (fail(err, f->path, "reserve", EFBIG));
	rc = pin_os_fallocate(fd_of(f), (off_t)size);
	if (rc != 0 && rc != -EOPNOTSUPP)
		return (fail(err, f->path, "reserve", -rc));
	for (at = (uint64_t)old; at < size; at += iov.len) {
		iov.len = size - at < sizeof(zeros) ? (size_t)(size - at) :
		    sizeof(zeros);
		rc = pin__real_file_write(f, &iov, 1, at, err);
		if (rc != PIN_OK)
			return (rc);
	}
	return (PIN_OK);
}

int
pin__real_file_lock(struct pin_file *f, struct pin_err *err)
{
	int rc = pin_os_lock(fd_of(f));

	if (rc == 0)
		return (PIN_OK);
	if (rc == -EWOULDBLOCK)
		return (pin_err_set(err, PIN_ELOCKED,
		    "%s: lock: in use by another process", f->path));
	return (fail(err, f->path, "lock", -rc));
}

int
pin__real_path_rename(struct pin_host *h, const char *from, const char *to,
    struct pin_err *err)
{
	int e;

	(void)h;
	if (rename(from, to) == 0)
		return (PIN_OK);
	e = errno;
	return (pin_err_os(err, code_of(e), e, "%s: rename to %s", from, to));
}

int
pin__real_path_unlink(struct pin_host *h, const char *path,
    struct pin_err *err)
{
	(void)h;
	if (unlink(path) == 0)
		return (PIN_OK);
	return (fail(err, path, "unlink", errno));
}

int
pin__real_path_mkdir(struct pin_host *h, const char *path,
    struct pin_err *err)
{
	struct stat st;
	int e;

	(void)h;
	if (mkdir(path, 0700) == 0)
		return (PIN_OK);
	e = errno;
	if (e == EEXIST && stat(path, &st) == 0)
		e = S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	return (e == 0 ? PIN_OK : fail(err, path, "mkdir", e));
}

static int
dir_open(const char *dir)
{
	int fd;

	do
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return (fd);
}

/* Takes the descriptor. */
static int
dir_sync(int fd, const char *dir, struct pin_err *err)
{
	int rc, e;

	do
		rc = fsync(fd);
	while (rc != 0 && errno == EINTR);
	e = errno;
	(void)close(fd);
	return (rc == 0 ? PIN_OK : fail(err, dir, "sync", e));
}

int
pin__real_path_sync(struct pin_host *h, const char *dir, struct pin_err *err)
{
	int fd = dir_open(dir);

	(void)h;
	if (fd < 0)
		return (fail(err, dir, "open to sync", errno));
	return (dir_sync(fd, dir, err));
}

int
pin__real_path_move(struct pin_host *h, const char *from, const char *to,
    struct pin_err *err)
{
	char dir[PIN_PATH_MAX];
	int fd, rc;

	rc = pin__path_dir(to, dir, sizeof(dir), err);
	if (rc != PIN_OK)
		return (rc);
	fd = dir_open(dir);
	if (fd < 0)
		return (fail(err, dir, "open to sync", errno));
	rc = pin__real_path_rename(h, from, to, err);
	if (rc == PIN_OK)
		return (dir_sync(fd, dir, err));
	(void)close(fd);
	return (rc);
}

int
pin__real_path_list(struct pin_host *h, const char *dir,
    int (*fn)(void *, const char *), void *arg, struct pin_err *err)
{
	struct dirent *e;
	int rc = PIN_OK;
	DIR *d;

	(void)h;
	d = opendir(dir);
	if (d == NULL)
		return (fail(err, dir, "list", errno));
	for (;;) {
		errno = 0;
		e = readdir(d);
		if (e == NULL) {
			if (errno != 0)
				rc = fail(err, dir, "list", errno);
			break;
		}
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (fn(arg, e->d_name) != 0)
			break;
	}
	(void)closedir(d);
	return (rc);
}
