/* SPDX-License-Identifier: BSD-2-Clause
 *
 * walk.c -- paths inside a root, and taking trees away. Links are resolved
 * here and not by the kernel: an absolute one begins at the root, ".." at the
 * root stays there, so nothing leads out. Every step opens one component
 * with O_NOFOLLOW.
 * Keeps no state. Any thread.
 * Contract: image_int.h. */
#include "core/image/image_int.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DIR_FLAGS	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define COMPONENT_MAX	255

int
image__clean(const char *path, char out[IMAGE_PATH_MAX], struct pin_err *err)
{
	size_t n, len = 0;

	for (const char *p = path; *p != '\0'; p += n) {
		if (*p == '/') {
			n = 1;
			continue;
		}
		n = strcspn(p, "/");
		if (n == 1 && p[0] == '.')
			continue;
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return (pin_err_set(err, PIN_EINVALID,
			    "path \"%.300s\" has \"..\"", path));
		if (n > COMPONENT_MAX || len + n + 2 > IMAGE_PATH_MAX)
			return (pin_err_set(err, PIN_ELIMIT,
			    "path \"%.300s...\" is too long", path));
		if (len > 0)
			out[len++] = '/';
		memcpy(out + len, p, n);
		len += n;
	}
	out[len] = '\0';
	return (PIN_OK);
}

/* ---- walks ------------------------------------------------------------- */

struct walk {
	int		 root, fd, links, make;
	size_t		 len;
	const char	*path;			/* for messages */
	char		 at[IMAGE_PATH_MAX];	/* where fd is: no links */
	char		 rest[IMAGE_PATH_MAX];	/* still to go */
};

static int
walk_os(const struct walk *w, const char *name, struct pin_err *err)
{
	int e = errno;

	return (pin_err_os(err, e == ENOENT ? PIN_ENOTFOUND : e == ELOOP ||
	    e == ENOTDIR ? PIN_EINVALID : PIN_EIO, e, "path \"%.300s\" at "
	    "\"%s\"", w->path, name));
}

static int
enter(struct walk *w, const char *name, struct pin_err *err)
{
	int fd = openat(w->fd, name, DIR_FLAGS);

	if (fd < 0)
		return (walk_os(w, name, err));
	close(w->fd);
	w->fd = fd;
	return (PIN_OK);
}

/* Back to the root and down the first len bytes of `at`. */
static int
rewalk(struct walk *w, size_t len, struct pin_err *err)
{
	char name[COMPONENT_MAX + 1];
	size_t n;
	int rc;

	rc = enter(w, ".", err);		/* a descriptor to replace */
	if (rc != PIN_OK)
		return (rc);
	close(w->fd);
	w->fd = openat(w->root, ".", DIR_FLAGS);
	if (w->fd < 0)
		return (walk_os(w, ".", err));
	for (size_t i = 0; i < len && rc == PIN_OK; i += n) {
		n = strcspn(w->at + i, "/");
		if (n == 0) {
			n = 1;
			continue;
		}
		if (i + n > len)
			n = len - i;
		memcpy(name, w->at + i, n);
		name[n] = '\0';
		rc = enter(w, name, err);
	}
	w->len = len;
	w->at[len] = '\0';
	return (rc);
}

static int
step_up(struct walk *w, struct pin_err *err)
{
	size_t len = w->len;

	while (len > 0 && w->at[len - 1] != '/')
		len--;
	return (rewalk(w, len > 0 ? len - 1 : 0, err));
}

/* Puts the link's target before what is still to go. */
static int
step_link(struct walk *w, const char *name, struct pin_err *err)
{
	char to[IMAGE_PATH_MAX];
	ssize_t n = readlinkat(w->fd, name, to, sizeof(to) - 1);
	size_t rest = strlen(w->rest);

	if (n < 0)
		return (walk_os(w, name, err));
	if (++w->links > IMAGE_LINKS_MAX)
		return (pin_err_set(err, PIN_EINVALID, "path \"%.300s\": more "
		    "than %d symbolic links", w->path, IMAGE_LINKS_MAX));
	if ((size_t)n + 1 + rest + 1 > sizeof(w->rest))
		return (pin_err_set(err, PIN_ELIMIT, "path \"%.300s\": too "
		    "long behind \"%s\"", w->path, name));
	memmove(w->rest + n + 1, w->rest, rest + 1);
	memcpy(w->rest, to, (size_t)n);
	w->rest[n] = '/';
	return (n > 0 && to[0] == '/' ? rewalk(w, 0, err) : PIN_OK);
}

static int
step_down(struct walk *w, const char *name, struct pin_err *err)
{
	size_t n = strlen(name);
	struct stat st;
	int made = 0, rc;

	if (w->len + n + 2 > sizeof(w->at))
		return (pin_err_set(err, PIN_ELIMIT,
		    "path \"%.300s\" is too long", w->path));
	if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT || !w->make || (mkdirat(w->fd, name,
		    0755) != 0 && errno != EEXIST))
			return (walk_os(w, name, err));
		made = 1;
	} else if (S_ISLNK(st.st_mode))
		return (step_link(w, name, err));
	rc = enter(w, name, err);
	if (rc != PIN_OK)
		return (rc);
	if (made)			/* whatever our umask is */
		(void)fchmod(w->fd, 0755);
	if (w->len > 0)
		w->at[w->len++] = '/';
	memcpy(w->at + w->len, name, n + 1);
	w->len += n;
	return (PIN_OK);
}

/* Goes along w->rest. */
static int
walk_all(struct walk *w, struct pin_err *err)
{
	char name[COMPONENT_MAX + 1];
	size_t n;
	int rc = PIN_OK;

	while (rc == PIN_OK && w->rest[0] != '\0') {
		n = strcspn(w->rest, "/");
		if (n > COMPONENT_MAX)
			return (pin_err_set(err, PIN_ELIMIT, "path \"%.300s\""
			    ": a name is too long", w->path));
		memcpy(name, w->rest, n);
		name[n] = '\0';
		n += w->rest[n] == '/';
		memmove(w->rest, w->rest + n, strlen(w->rest + n) + 1);
		if (name[0] == '\0' || strcmp(name, ".") == 0)
			continue;
		rc = strcmp(name, "..") == 0 ? step_up(w, err) :
		    step_down(w, name, err);
	}
	return (rc);
}

static int
walk_start(struct walk *w, int root, const char *path, size_t len, int make,
    struct pin_err *err)
{
	PIN_ASSERT(len < sizeof(w->rest));
	w->root = root;
	w->make = make;
	w->links = 0;
	w->len = 0;
	w->path = path;
	w->at[0] = '\0';
	memcpy(w->rest, path, len);
	w->rest[len] = '\0';
	w->fd = openat(root, ".", DIR_FLAGS);
	if (w->fd < 0)
		return (walk_os(w, ".", err));
	return (PIN_OK);
}

int
image__walk(int root, const char *path, int make, int *dir, const char **base,
    struct pin_err *err)
{
	const char *slash = strrchr(path, '/');
	struct walk w;
	int rc;

	*dir = -1;
	*base = slash != NULL ? slash + 1 : path;
	PIN_ASSERT(**base != '\0');
	rc = walk_start(&w, root, path, slash != NULL ?
	    (size_t)(slash - path) : 0, make, err);
	if (rc == PIN_OK)
		rc = walk_all(&w, err);
	if (rc == PIN_OK)
		*dir = w.fd;
	else if (w.fd >= 0)
		close(w.fd);
	return (rc);
}

/* The last component may be a link: then its target is walked to. */
static int
open_last(struct walk *w, char name[COMPONENT_MAX + 1], int *fd,
    struct pin_err *err)
{
	struct stat st;
	char *slash;
	int rc;

	for (;;) {
		if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return (walk_os(w, name, err));
		if (!S_ISLNK(st.st_mode))
			break;
		w->rest[0] = '\0';
		rc = step_link(w, name, err);
		if (rc != PIN_OK)
			return (rc);
		w->rest[strlen(w->rest) - 1] = '\0';	/* its own '/' */
		slash = strrchr(w->rest, '/');
		if (strlen(slash != NULL ? slash + 1 : w->rest) >
		    COMPONENT_MAX)
			return (pin_err_set(err, PIN_ELIMIT, "path \"%.300s\""
			    ": a name is too long", w->path));
		snprintf(name, COMPONENT_MAX + 1, "%s", slash != NULL ?
		    slash + 1 : w->rest);
		if (slash != NULL)
			slash[1] = '\0';
		else
			w->rest[0] = '\0';
		rc = walk_all(w, err);
		if (rc != PIN_OK)
			return (rc);
	}
	if (!S_ISREG(st.st_mode))
		return (pin_err_set(err, PIN_EINVALID,
		    "path \"%.300s\" is no file", w->path));
	*fd = openat(w->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK);
	return (*fd >= 0 ? PIN_OK : walk_os(w, name, err));
}

int
image__open(const char *root, const char *path, int *fd, struct pin_err *err)
{
	const char *slash = strrchr(path, '/');
	char name[COMPONENT_MAX + 1];
	int dir, rc;
	struct walk w;

	*fd = -1;
	dir = open(root, DIR_FLAGS);
	if (dir < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", root));
	snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : path);
	rc = walk_start(&w, dir, path, slash != NULL ?
	    (size_t)(slash - path) : 0, 0, err);
	if (rc == PIN_OK)
		rc = walk_all(&w, err);
	if (rc == PIN_OK)
		rc = open_last(&w, name, fd, err);
	if (w.fd >= 0)
		close(w.fd);
	close(dir);
	return (rc);
}

/* ---- taking away ------------------------------------------------------- */

/* 1: it was a directory with something in it. */
static int
unlink_one(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return (0);
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return (0);
	return (errno == ENOTEMPTY || errno == EEXIST ? 1 : -1);
}

/* Moves a directory to the trash, under a name that is free there. */
static int
to_trash(int dir, const char *name, int trash, uint64_t *number)
{
	char to[24];

	/* As its owner without root, it must be ours to write. */
	if (fchmodat(dir, name, 0700, 0) != 0)
		return (-1);
	do
		snprintf(to, sizeof(to), "%llu",
		    (unsigned long long)++*number);
	while (faccessat(trash, to, F_OK, 0) == 0);
	return (renameat(dir, name, trash, to));
}

/* *fd is the directory's, and goes with it: dirfd is not everywhere. */
static DIR *
dir_of(int dir, const char *name, int *fd)
{
	DIR *d;

	*fd = openat(dir, name, DIR_FLAGS);
	if (*fd < 0)
		return (NULL);
	d = fdopendir(*fd);
	if (d == NULL)
		close(*fd);
	return (d);
}

static int
is_dot(const char *name)
{
	return (name[0] == '.' && (name[1] == '\0' ||
	    (name[1] == '.' && name[2] == '\0')));
}

/* Takes everything out of `name` in dir; subdirectories that are not empty
 * go to the trash, so no depth needs a stack. -1, or how many it saw. */
static int
drain(int dir, const char *name, int trash, uint64_t *number)
{
	int fd, seen = 0, rc = 0;
	DIR *d = dir_of(dir, name, &fd);
	struct dirent *e;

	if (d == NULL)
		return (-1);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (is_dot(e->d_name))
			continue;
		seen = 1;
		rc = unlink_one(fd, e->d_name);
		if (rc == 1)
			rc = to_trash(fd, e->d_name, trash, number);
	}
	closedir(d);
	return (rc != 0 ? -1 : seen);
}

/* One pass over the trash. -1, or whether there was something. */
static int
empty_once(int trash, uint64_t *number)
{
	int fd, seen = 0, rc = 0;
	DIR *d = dir_of(trash, ".", &fd);
	struct dirent *e;

	if (d == NULL)
		return (-1);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (is_dot(e->d_name))
			continue;
		seen = 1;
		rc = unlink_one(trash, e->d_name);
		if (rc == 1) {
			rc = fchmodat(trash, e->d_name, 0700, 0);
			if (rc == 0 && drain(trash, e->d_name, trash,
			    number) < 0)
				rc = -1;
		}
	}
	closedir(d);
	return (rc != 0 ? -1 : seen);
}

int
image__empty(int trash, struct pin_err *err)
{
	uint64_t number = 0;
	int rc;

	while ((rc = empty_once(trash, &number)) == 1)
		;
	if (rc < 0)
		return (pin_err_os(err, PIN_EIO, errno, "removing files"));
	return (PIN_OK);
}

int
image__remove_at(int dir, const char *name, int trash, struct pin_err *err)
{
	uint64_t number = 0;
	int rc = unlink_one(dir, name);

	if (rc == 1)
		rc = to_trash(dir, name, trash, &number);
	if (rc != 0)
		return (pin_err_os(err, PIN_EIO, errno, "removing \"%s\"",
		    name));
	return (number > 0 ? image__empty(trash, err) : PIN_OK);
}

int
image__remove_all(int dir, int trash, struct pin_err *err)
{
	uint64_t number = 0;
	int rc;

	while ((rc = drain(dir, ".", trash, &number)) == 1)
		;
	if (rc < 0)
		return (pin_err_os(err, PIN_EIO, errno, "removing files"));
	return (number > 0 ? image__empty(trash, err) : PIN_OK);
}

int
image_tree_remove(const char *in, const char *name, struct pin_err *err)
{
	int dir = open(in, DIR_FLAGS), trash = -1, rc;
	char own[COMPONENT_MAX + sizeof(IMAGE_TRASH)];

	if (dir < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", in));
	snprintf(own, sizeof(own), IMAGE_TRASH "%s", name);
	if (faccessat(dir, name, F_OK, 0) != 0 &&
	    faccessat(dir, own, F_OK, 0) != 0) {
		close(dir);
		return (PIN_OK);
	}
	if (mkdirat(dir, own, 0700) == 0 || errno == EEXIST)
		trash = openat(dir, own, DIR_FLAGS);
	if (trash < 0)
		rc = pin_err_os(err, PIN_EIO, errno, "%s/%s", in, own);
	else {
		rc = image__remove_at(dir, name, trash, err);
		if (rc == PIN_OK)	/* what an earlier one left, too */
			rc = image__empty(trash, err);
		close(trash);
		if (rc == PIN_OK)
			(void)unlinkat(dir, own, AT_REMOVEDIR);
	}
	close(dir);
	return (rc);
}
