/* SPDX-License-Identifier: BSD-2-Clause
 *
 * payload.c -- see payload.h. Containers see these volumes read-only; still
 * nothing here follows a link that was not made by this file.
 * Work pool. Contract: payload.h. */
#include "core/kubelet/payload.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"
#include "core/image/image.h"

#define DIR_FLAGS	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define DATA		"..data"
#define DATA_NEW	"..data_tmp"
#define NAME_SIZE	64

/* ---- collecting -------------------------------------------------------- */

/* Below the volume, and none of the names kept for the layout. */
static int
may_be(struct pin_str s)
{
	size_t i = 0, n;

	if (s.len == 0 || s.len > PAYLOAD_PATH_MAX || s.p[0] == '/' ||
	    memchr(s.p, '\0', s.len) != NULL ||
	    (s.len >= 2 && s.p[0] == '.' && s.p[1] == '.'))
		return (0);
	for (; i <= s.len; i += n + 1) {
		for (n = 0; i + n < s.len && s.p[i + n] != '/'; n++)
			;
		if (n == 0 || n > 255 || (n == 1 && s.p[i] == '.') ||
		    (n == 2 && s.p[i] == '.' && s.p[i + 1] == '.'))
			return (0);
	}
	return (1);
}

static struct payload_file *
slot(struct payload *p, struct pin_str path)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (pin_str_is(path, p->file[i].path)) {
			free(p->file[i].path);
			free(p->file[i].data);
			return (&p->file[i]);
		}
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->file = pin_xrealloc(p->file, p->cap * sizeof(*p->file));
	}
	return (&p->file[p->n++]);
}

int
payload_add(struct payload *p, struct pin_str path, const void *data,
    size_t len, uint32_t mode, struct pin_err *err)
{
	struct payload_file *f;

	if (!may_be(path))
		return (pin_err_set(err, PIN_EINVALID, "file name \"" PIN_SFMT
		    "\"", PIN_SARG(path)));
	if (p->n >= PAYLOAD_FILES_MAX)
		return (pin_err_set(err, PIN_EINVALID, "more than %d files",
		    PAYLOAD_FILES_MAX));
	f = slot(p, path);
	f->path = pin_xstrndup(path.p, path.len);
	f->data = pin_xmalloc(len + 1);
	if (len > 0)
		memcpy(f->data, data, len);
	f->len = len;
	f->mode = mode;
	return (PIN_OK);
}

static uint64_t
mix(uint64_t h, const void *p, size_t len)
{
	const unsigned char *c = p;

	while (len-- > 0)
		h = (h ^ *c++) * UINT64_C(1099511628211);
	return (h);
}

uint64_t
payload_hash(const struct payload *p)
{
	uint64_t h = UINT64_C(14695981039346656037);
	uint32_t i;

	for (i = 0; i < p->n; i++) {
		const struct payload_file *f = &p->file[i];

		h = mix(h, f->path, strlen(f->path) + 1);
		h = mix(h, &f->mode, sizeof(f->mode));
		h = mix(h, &f->len, sizeof(f->len));
		h = mix(h, f->data, f->len);
	}
	return (h != 0 ? h : 1);	/* 0: nothing was written yet */
}

void
payload_fini(struct payload *p)
{
	uint32_t i;

	for (i = 0; i < p->n; i++) {
		memset(p->file[i].data, 0, p->file[i].len);
		free(p->file[i].path);
		free(p->file[i].data);
	}
	free(p->file);
	memset(p, 0, sizeof(*p));
}

/* ---- writing ------------------------------------------------------------- */

/* The directory a file of `path` goes into, made on the way. */
static int
enter(int dir, const char *path, int64_t gid, const char **base)
{
	char name[256];
	const char *slash;
	int fd = openat(dir, ".", DIR_FLAGS), next;

	for (; fd >= 0 && (slash = strchr(path, '/')) != NULL;
	    path = slash + 1) {
		snprintf(name, sizeof(name), "%.*s", (int)(slash - path),
		    path);
		next = -1;
		if (mkdirat(fd, name, 0755) == 0 || errno == EEXIST)
			next = openat(fd, name, DIR_FLAGS);
		if (next >= 0 && gid >= 0 && fchown(next, (uid_t)-1,
		    (gid_t)gid) != 0) {
			close(next);
			next = -1;
		}
		if (next >= 0)
			(void)fchmod(next, gid >= 0 ? 02755 : 0755);
		close(fd);
		fd = next;
	}
	*base = path;
	return (fd);
}

static int
write_file(int dir, const struct payload_file *f, int64_t gid,
    struct pin_err *err)
{
	uint32_t mode = f->mode & 0777;
	int at, fd = -1, bad;
	const char *base;

	if (gid >= 0)
		mode |= 0440;		/* as upstream: the group reads */
	at = enter(dir, f->path, gid, &base);
	if (at >= 0)
		fd = openat(at, base, O_WRONLY | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
	bad = fd < 0 || files_write(fd, f->data, f->len) != 0 || (gid >= 0 &&
	    fchown(fd, (uid_t)-1, (gid_t)gid) != 0) || fchmod(fd,
	    (mode_t)mode) != 0;
	if (bad)
		(void)pin_err_os(err, PIN_EIO, errno, "%s", f->path);
	if (fd >= 0 && close(fd) != 0 && !bad)
		bad = pin_err_os(err, PIN_EIO, errno, "%s", f->path) != 0;
	if (at >= 0)
		close(at);
	return (bad ? PIN_EIO : PIN_OK);
}

/* A directory that is new, under a time as its name. */
static int
begin(int vol, int64_t gid, char name[NAME_SIZE])
{
	struct timespec t;
	struct tm tm;
	size_t n;
	int i, fd;

	clock_gettime(CLOCK_REALTIME, &t);
	if (gmtime_r(&t.tv_sec, &tm) == NULL)
		return (-1);
	n = strftime(name, NAME_SIZE - 16, "..%Y_%m_%d_%H_%M_%S", &tm);
	for (i = 0; i < 100; i++) {
		snprintf(name + n, NAME_SIZE - n, ".%09lu",
		    ((unsigned long)t.tv_nsec + (unsigned long)i) %
		    1000000000ul);
		if (mkdirat(vol, name, 0755) == 0)
			break;
		if (errno != EEXIST)
			return (-1);
	}
	fd = openat(vol, name, DIR_FLAGS);
	if (fd >= 0 && gid >= 0 && fchown(fd, (uid_t)-1, (gid_t)gid) != 0) {
		close(fd);
		return (-1);
	}
	if (fd >= 0)
		(void)fchmod(fd, gid >= 0 ? 02755 : 0755);
	return (fd);
}

static size_t
first_len(const char *path)
{
	return (strcspn(path, "/"));
}

static int
is_wanted(const struct payload *p, const char *name)
{
	size_t n = strlen(name);
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (first_len(p->file[i].path) == n && memcmp(
		    p->file[i].path, name, n) == 0)
			return (1);
	return (0);
}

static int
is_link(int vol, const char *name)
{
	struct stat st;

	return (fstatat(vol, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode));
}

/* What an earlier state left: directories of other times, names that nobody
 * wants any more, and, of an older agent, files in place of links. */
static void
clear(const struct payload *p, const char *dir, int vol, const char *keep)
{
	int fd = openat(vol, ".", DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (d == NULL && fd >= 0)
		close(fd);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") ==
		    0 || strcmp(e->d_name, DATA) == 0 ||
		    strcmp(e->d_name, keep) == 0)
			continue;
		if (strncmp(e->d_name, "..", 2) != 0 && is_wanted(p,
		    e->d_name) && is_link(vol, e->d_name))
			continue;
		if (unlinkat(vol, e->d_name, 0) != 0)
			(void)image_tree_remove(dir, e->d_name, NULL);
	}
	if (d != NULL)
		closedir(d);
}

static int
link_names(const struct payload *p, const char *dir, int vol,
    struct pin_err *err)
{
	char name[256], to[300];
	uint32_t i;

	for (i = 0; i < p->n; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)first_len(
		    p->file[i].path), p->file[i].path);
		snprintf(to, sizeof(to), DATA "/%s", name);
		if (symlinkat(to, vol, name) != 0 && errno != EEXIST)
			return (pin_err_os(err, PIN_EIO, errno, "%s/%s", dir,
			    name));
	}
	return (PIN_OK);
}

/* From here on readers see the new ones. */
static int
turn(int vol, const char *name, const char *dir, struct pin_err *err)
{
	(void)unlinkat(vol, DATA_NEW, 0);
	if (symlinkat(name, vol, DATA_NEW) != 0 || renameat(vol, DATA_NEW,
	    vol, DATA) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s/" DATA, dir));
	return (PIN_OK);
}

int
payload_write(const struct payload *p, const char *dir, int64_t gid,
    struct pin_err *err)
{
	char name[NAME_SIZE] = "";
	int vol = open(dir, DIR_FLAGS), at = -1, rc = PIN_OK;
	uint32_t i;

	if (vol < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", dir));
	at = begin(vol, gid, name);
	if (at < 0)
		rc = pin_err_os(err, PIN_EIO, errno, "%s/%s", dir, name);
	for (i = 0; i < p->n && rc == PIN_OK; i++)
		rc = write_file(at, &p->file[i], gid, err);
	if (rc == PIN_OK)
		rc = turn(vol, name, dir, err);
	if (rc == PIN_OK) {
		clear(p, dir, vol, name);
		rc = link_names(p, dir, vol, err);
	} else if (name[0] != '\0')
		(void)image_tree_remove(dir, name, NULL);
	if (at >= 0)
		close(at);
	close(vol);
	return (rc);
}
