/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim_linux.c -- see shim.h. Linked into a test, these functions are found
 * before libc's, by liblmdb.so as well.
 * Names that end in "-lock" are not watched: LMDB's lock file is memory.
 * Contract: shim.h. */
#define _GNU_SOURCE
#include "shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SHOW	__attribute__((visibility("default")))
#define FDS	1024
#define NAMES	1024

#define REAL(ret, name, args)						\
	static ret (*real_##name) args;					\
	static ret (*get_##name(void)) args				\
	{								\
		if (real_##name == NULL)				\
			*(void **)&real_##name = dlsym(RTLD_NEXT, #name); \
		return (real_##name);					\
	}

REAL(int, open, (const char *, int, ...))
REAL(int, close, (int))
REAL(ssize_t, pwrite, (int, const void *, size_t, off_t))
REAL(ssize_t, pwritev, (int, const struct iovec *, int, off_t))
REAL(ssize_t, write, (int, const void *, size_t))
REAL(ssize_t, writev, (int, const struct iovec *, int))
REAL(int, ftruncate, (int, off_t))
REAL(int, fallocate, (int, int, off_t, off_t))
REAL(int, fsync, (int))
REAL(int, fdatasync, (int))
REAL(int, rename, (const char *, const char *))
REAL(int, unlink, (const char *))
REAL(int, mkdir, (const char *, mode_t))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int watching;
static char root[4096];
static size_t root_len;
static struct sh_op *ops;
static size_t nops, cap;
static struct { uint32_t file; int dsync; char *dir; } fds[FDS];
static struct { char *path; uint32_t file; } names[NAMES];
static size_t nnames;
static uint32_t files;
static unsigned fail_at, calls;
static int fail_errno, fail_sticky, holding, is_full;
static long fail_late;			/* ms */

/* The path below the root, or NULL. */
static const char *
below(const char *path)
{
	size_t n = strlen(path);

	if (!watching || strncmp(path, root, root_len) != 0 ||
	    (path[root_len] != '/' && path[root_len] != '\0'))
		return (NULL);
	if (n > 5 && strcmp(path + n - 5, "-lock") == 0)
		return (NULL);
	return (path[root_len] == '/' ? path + root_len + 1 : "");
}

static struct sh_op *
add(int type, uint32_t file)
{
	if (nops == cap) {
		cap = cap == 0 ? 4096 : cap * 2;
		ops = realloc(ops, cap * sizeof(*ops));
		if (ops == NULL)
			abort();
	}
	memset(&ops[nops], 0, sizeof(ops[0]));
	ops[nops].type = type;
	ops[nops].file = file;
	return (&ops[nops++]);
}

/* 1: this call is to fail. */
static int
fails(void)
{
	struct timespec ts = { fail_late / 1000,
	    fail_late % 1000 * 1000000L };
	int e = fail_errno;	/* shim_fail may end it meanwhile */

	calls++;
	if (fail_at == 0 || calls < fail_at || holding ||
	    (calls > fail_at && !fail_sticky))
		return (0);
	if (calls == fail_at && fail_late != 0) {
		holding = 1;
		pthread_mutex_unlock(&lock);
		(void)nanosleep(&ts, NULL);
		pthread_mutex_lock(&lock);
		holding = 0;
	}
	errno = e;
	return (1);
}

/* The disk is full: does this make the file larger? */
static int
too_large(int fd, uint64_t end)
{
	struct stat st;

	if (!is_full || fstat(fd, &st) != 0 || (uint64_t)st.st_size >= end)
		return (0);
	errno = ENOSPC;
	return (1);
}

static size_t
iov_bytes(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return (len);
}

static size_t
name_find(const char *path)
{
	size_t i;

	for (i = 0; i < nnames && strcmp(names[i].path, path) != 0; i++)
		;
	return (i);
}

static void
name_set(const char *path, uint32_t file)
{
	size_t i = name_find(path);

	if (i == nnames) {
		if (nnames == NAMES)
			abort();
		names[nnames++].path = strdup(path);
	}
	names[i].file = file;
}

static void
name_drop(const char *path)
{
	size_t i = name_find(path);

	if (i == nnames)
		return;
	free(names[i].path);
	names[i] = names[--nnames];
}

/* A file that was there before the journal began. */
static uint32_t
adopt(const char *path, const char *name)
{
	struct stat st;
	struct sh_op *op;
	uint32_t file = ++files;
	int fd = get_open()(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) != 0)
		abort();
	op = add(SH_INIT, file);
	op->a = strdup(name);
	op->len = (size_t)st.st_size;
	op->data = malloc(op->len + 1);
	if (pread(fd, op->data, op->len, 0) != (ssize_t)op->len)
		abort();
	(void)get_close()(fd);
	name_set(name, file);
	return (file);
}

static int
opened(const char *path, const char *name, int flags, mode_t mode)
{
	struct sh_op *op;
	struct stat st;
	int there = stat(path, &st) == 0, fd;
	uint32_t file = 0;
	size_t i;

	if (there && S_ISREG(st.st_mode)) {
		i = name_find(name);
		file = i < nnames ? names[i].file : adopt(path, name);
	}
	fd = get_open()(path, flags, mode);
	if (fd < 0 || fd >= FDS)
		return (fd);
	if (there && S_ISDIR(st.st_mode)) {
		fds[fd].dir = strdup(name);
		return (fd);
	}
	if (!there) {
		file = ++files;
		op = add(SH_CREATE, file);
		op->a = strdup(name);
		name_set(name, file);
	} else if ((flags & O_TRUNC) != 0)
		add(SH_SIZE, file);
	fds[fd].file = file;
	fds[fd].dsync = (flags & (O_DSYNC | O_SYNC)) != 0;
	return (fd);
}

SHOW int	open(const char *, int, ...);
SHOW int
open(const char *path, int flags, ...)
{
	const char *name;
	mode_t mode = 0;
	va_list ap;
	int fd;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	pthread_mutex_lock(&lock);
	name = below(path);
	fd = name != NULL ? opened(path, name, flags, mode) :
	    get_open()(path, flags, mode);
	pthread_mutex_unlock(&lock);
	return (fd);
}

SHOW int	open64(const char *, int, ...);
SHOW int
open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return (open(path, flags, mode));
}

SHOW int
close(int fd)
{
	int rc;

	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FDS) {
		free(fds[fd].dir);
		memset(&fds[fd], 0, sizeof(fds[fd]));
	}
	rc = get_close()(fd);
	pthread_mutex_unlock(&lock);
	return (rc);
}

static uint32_t
file_of(int fd)
{
	return (watching && fd >= 0 && fd < FDS ? fds[fd].file : 0);
}

static void
wrote(int fd, const struct iovec *iov, int n, size_t done, uint64_t at)
{
	struct sh_op *op = add(fds[fd].dsync ? SH_DWRITE : SH_WRITE,
	    fds[fd].file);
	size_t have = 0, k;

	op->at = at;
	op->len = done;
	op->data = malloc(done + 1);
	for (int i = 0; i < n && have < done; i++) {
		k = iov[i].iov_len < done - have ? iov[i].iov_len :
		    done - have;
		memcpy(op->data + have, iov[i].iov_base, k);
		have += k;
	}
}

SHOW ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	ssize_t done;

	pthread_mutex_lock(&lock);
	if (file_of(fd) != 0 && (fails() || too_large(fd, (uint64_t)at +
	    iov_bytes(iov, n)))) {
		pthread_mutex_unlock(&lock);
		return (-1);
	}
	done = get_pwritev()(fd, iov, n, at);
	if (done > 0 && file_of(fd) != 0)
		wrote(fd, iov, n, (size_t)done, (uint64_t)at);
	pthread_mutex_unlock(&lock);
	return (done);
}

SHOW ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };
	ssize_t done;

	pthread_mutex_lock(&lock);
	if (file_of(fd) != 0 && (fails() || too_large(fd, (uint64_t)at +
	    len))) {
		pthread_mutex_unlock(&lock);
		return (-1);
	}
	done = get_pwrite()(fd, p, len, at);
	if (done > 0 && file_of(fd) != 0)
		wrote(fd, &iov, 1, (size_t)done, (uint64_t)at);
	pthread_mutex_unlock(&lock);
	return (done);
}

SHOW ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	ssize_t done;
	off_t at;

	if (file_of(fd) == 0)
		return (get_writev()(fd, iov, n));
	pthread_mutex_lock(&lock);
	at = lseek(fd, 0, SEEK_CUR);
	if (fails() || too_large(fd, (uint64_t)at + iov_bytes(iov, n))) {
		pthread_mutex_unlock(&lock);
		return (-1);
	}
	done = get_writev()(fd, iov, n);
	if (done > 0)
		wrote(fd, iov, n, (size_t)done, (uint64_t)at);
	pthread_mutex_unlock(&lock);
	return (done);
}

SHOW ssize_t
write(int fd, const void *p, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };

	if (file_of(fd) == 0)
		return (get_write()(fd, p, len));
	return (writev(fd, &iov, 1));
}

static void
sized(int fd, uint64_t size)
{
	add(SH_SIZE, fds[fd].file)->at = size;
}

SHOW int
ftruncate(int fd, off_t size)
{
	int rc;

	pthread_mutex_lock(&lock);
	if (file_of(fd) != 0 && fails()) {
		pthread_mutex_unlock(&lock);
		return (-1);
	}
	rc = get_ftruncate()(fd, size);
	if (rc == 0 && file_of(fd) != 0)
		sized(fd, (uint64_t)size);
	pthread_mutex_unlock(&lock);
	return (rc);
}

SHOW int
fallocate(int fd, int mode, off_t at, off_t len)
{
	struct stat st;
	int rc;

	pthread_mutex_lock(&lock);
	if (file_of(fd) != 0 && (fails() || too_large(fd, (uint64_t)(at +
	    len)))) {
		pthread_mutex_unlock(&lock);
		return (-1);
	}
	if (fstat(fd, &st) != 0)
		st.st_size = 0;
	rc = get_fallocate()(fd, mode, at, len);
	if (rc == 0 && file_of(fd) != 0 && st.st_size < at + len)
		sized(fd, (uint64_t)(at + len));
	pthread_mutex_unlock(&lock);
	return (rc);
}

static int
synced(int fd, int (*real)(int))
{
	int rc;

	pthread_mutex_lock(&lock);
	if (file_of(fd) != 0 && fails()) {
		pthread_mutex_unlock(&lock);
		return (-1);
	}
	rc = real(fd);
	if (rc == 0 && file_of(fd) != 0)
		add(SH_SYNC, fds[fd].file);
	else if (rc == 0 && watching && fd < FDS && fds[fd].dir != NULL)
		add(SH_DIRSYNC, 0)->a = strdup(fds[fd].dir);
	pthread_mutex_unlock(&lock);
	return (rc);
}

SHOW int
fsync(int fd)
{
	return (synced(fd, get_fsync()));
}

SHOW int
fdatasync(int fd)
{
	return (synced(fd, get_fdatasync()));
}

SHOW int
rename(const char *from, const char *to)
{
	const char *a, *b;
	struct sh_op *op;
	size_t i;
	int rc;

	pthread_mutex_lock(&lock);
	a = below(from);
	b = below(to);
	rc = get_rename()(from, to);
	if (rc == 0 && a != NULL && b != NULL) {
		op = add(SH_RENAME, 0);
		op->a = strdup(a);
		op->b = strdup(b);
		i = name_find(a);
		if (i < nnames) {
			uint32_t file = names[i].file;

			name_drop(a);
			name_set(b, file);
		}
	}
	pthread_mutex_unlock(&lock);
	return (rc);
}

SHOW int
unlink(const char *path)
{
	const char *a;
	int rc;

	pthread_mutex_lock(&lock);
	a = below(path);
	rc = get_unlink()(path);
	if (rc == 0 && a != NULL) {
		add(SH_UNLINK, 0)->a = strdup(a);
		name_drop(a);
	}
	pthread_mutex_unlock(&lock);
	return (rc);
}

SHOW int
mkdir(const char *path, mode_t mode)
{
	const char *a;
	int rc;

	pthread_mutex_lock(&lock);
	a = below(path);
	rc = get_mkdir()(path, mode);
	if (rc == 0 && a != NULL)
		add(SH_MKDIR, 0)->a = strdup(a);
	pthread_mutex_unlock(&lock);
	return (rc);
}

/* ---- the test's side --------------------------------------------- */

/* What is there already, two levels deep. */
static void
adopt_all(const char *dir)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] == '.' || stat(path, &st) != 0 ||
		    below(path) == NULL)
			continue;
		if (S_ISREG(st.st_mode)) {
			(void)adopt(path, below(path));
			continue;
		}
		add(SH_INIT, 0)->a = strdup(below(path));
		adopt_all(path);
	}
	if (d != NULL)
		closedir(d);
}

void
shim_start(const char *dir)
{
	pthread_mutex_lock(&lock);
	snprintf(root, sizeof(root), "%s", dir);
	root_len = strlen(root);
	while (nnames != 0)
		free(names[--nnames].path);
	memset(fds, 0, sizeof(fds));
	files = 0;
	calls = fail_at = 0;
	watching = 1;
	adopt_all(dir);
	pthread_mutex_unlock(&lock);
}

void
shim_stop(void)
{
	pthread_mutex_lock(&lock);
	watching = 0;
	fail_at = 0;
	pthread_mutex_unlock(&lock);
}

void
shim_mark(uint32_t what, uint64_t value)
{
	pthread_mutex_lock(&lock);
	if (watching)
		add(SH_MARK, what)->at = value;
	pthread_mutex_unlock(&lock);
}

void
shim_fail(unsigned n, int errnum, int sticky)
{
	pthread_mutex_lock(&lock);
	fail_at = n != 0 ? calls + n : 0;
	fail_errno = errnum;
	fail_sticky = sticky;
	pthread_mutex_unlock(&lock);
}

void
shim_full(int on)
{
	pthread_mutex_lock(&lock);
	is_full = on;
	pthread_mutex_unlock(&lock);
}

void
shim_late(unsigned ms)
{
	pthread_mutex_lock(&lock);
	fail_late = (long)ms;
	pthread_mutex_unlock(&lock);
}

unsigned
shim_calls(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = calls;
	pthread_mutex_unlock(&lock);
	return (n);
}

struct sh_op *
shim_take(size_t *n)
{
	struct sh_op *taken = ops;

	*n = nops;
	ops = NULL;
	nops = cap = 0;
	return (taken);
}

void
shim_free(struct sh_op *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].data);
		free(list[i].a);
		free(list[i].b);
	}
	free(list);
}
