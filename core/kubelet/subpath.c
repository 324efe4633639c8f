/* SPDX-License-Identifier: BSD-2-Clause
 *
 * subpath.c -- see subpath.h. The kernel resolves the path once; the result
 * must be in the volume, and is then walked to from the volume's root, one
 * component at a time and without a link. Where it can be, the descriptor
 * found is bound to a place that only the agent can reach, for as long as the
 * container is being started.
 * Work pool. Contract: subpath.h. */
#include "core/kubelet/subpath.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIR_FLAGS	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define TRIES_MAX	256		/* components that are missing */

static int
outside(const char *sub, struct pin_err *err)
{
	return (pin_err_set(err, PIN_EIO, "subPath \"%s\" is not within its "
	    "volume", sub));
}

/* The part of `full` behind `root`; NULL: it is somewhere else. */
static const char *
behind(const char *root, const char *full)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		return (full + 1);
	if (strncmp(root, full, n) != 0 || (full[n] != '\0' && full[n] !=
	    '/'))
		return (NULL);
	return (full[n] == '/' ? full + n + 1 : full + n);
}

/* From the directory `root` along rel, in which there are no links; any: the
 * last one need not be a directory. */
static int
walk(const char *root, const char *rel, int any)
{
	int fd = open(root, DIR_FLAGS), next;
	char name[256];
	size_t n;

	while (fd >= 0 && *rel != '\0') {
		n = strcspn(rel, "/");
		if (n >= sizeof(name)) {
			close(fd);
			errno = ENAMETOOLONG;
			return (-1);
		}
		memcpy(name, rel, n);
		name[n] = '\0';
		rel += n + (rel[n] == '/');
		next = *rel == '\0' && any ? subpath_os_open(fd, name) :
		    openat(fd, name, DIR_FLAGS);
		close(fd);
		fd = next;
	}
	return (fd);
}

/* Makes the first component that is missing, as open as the volume is. */
static int
make_one(const char *root, const char *sub, struct pin_err *err)
{
	char path[KUBELET_PATH_MAX], full[KUBELET_PATH_MAX], *slash;
	char name[256] = "";
	const char *rel;
	struct stat st;
	int fd, made = -1, rc = PIN_OK;

	snprintf(path, sizeof(path), "%s/%s", root, sub);
	while (realpath(path, full) == NULL) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || slash == NULL || strlen(path) <=
		    strlen(root))
			return (pin_err_os(err, PIN_EIO, errno, "subPath "
			    "\"%s\"", sub));
		if (slash[1] != '\0')
			str_copy(name, sizeof(name), pin_str(slash + 1));
		*slash = '\0';
	}
	rel = behind(root, full);
	if (rel == NULL)
		return (outside(sub, err));
	fd = walk(root, rel, 0);
	if (fd >= 0 && stat(root, &st) == 0 && mkdirat(fd, name, 0755) == 0)
		made = openat(fd, name, DIR_FLAGS);
	else if (fd < 0 || errno != EEXIST)
		rc = pin_err_os(err, PIN_EIO, errno, "subPath \"%s\"", sub);
	if (made >= 0) {
		if (fchown(made, (uid_t)-1, st.st_gid) == 0)
			(void)fchmod(made, st.st_mode & 07777);
		close(made);
	}
	if (fd >= 0)
		close(fd);
	return (rc);
}

/* *full is where it is, without links; the result a descriptor of it. */
static int
find(const char *base, const char *sub, char full[KUBELET_PATH_MAX],
    struct pin_err *err)
{
	char root[KUBELET_PATH_MAX], path[KUBELET_PATH_MAX];
	const char *rel;
	int i, fd;

	if (realpath(base, root) == NULL)
		return (pin_err_os(err, PIN_EIO, errno, "%s", base));
	if (snprintf(path, sizeof(path), "%s/%s", root, sub) >=
	    (int)sizeof(path))
		return (pin_err_set(err, PIN_EINVALID, "subPath is too long"));
	for (i = 0; realpath(path, full) == NULL; i++) {
		if (errno != ENOENT || i == TRIES_MAX)
			return (pin_err_os(err, PIN_EIO, errno, "subPath "
			    "\"%s\"", sub));
		if (make_one(root, sub, err) != PIN_OK)
			return (PIN_EIO);
	}
	rel = behind(root, full);
	if (rel == NULL)
		return (outside(sub, err));
	fd = walk(root, rel, 1);
	if (fd < 0)
		return (pin_err_os(err, PIN_EIO, errno, "subPath \"%s\"",
		    sub));
	return (fd);
}

static void
place(const struct kubelet *k, const char *at, char out[KUBELET_PATH_MAX])
{
	snprintf(out, KUBELET_PATH_MAX, "%s/run/subpath/%s", k->data, at);
}

/* An empty file or directory to bind to. */
static int
make_place(const char *path, int fd, struct pin_err *err)
{
	char dir[KUBELET_PATH_MAX];
	struct stat st;
	int made;

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return (pin_err_os(err, PIN_EIO, errno, "%s", dir));
	if (fstat(fd, &st) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	made = S_ISDIR(st.st_mode) ? mkdir(path, 0700) : open(path, O_WRONLY |
	    O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (made < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	if (!S_ISDIR(st.st_mode))
		close(made);
	return (PIN_OK);
}

int
subpath_hold(const struct kubelet *k, const char *base, const char *sub,
    const char *at, char out[KUBELET_PATH_MAX], struct pin_err *err)
{
	char full[KUBELET_PATH_MAX];
	int fd = find(base, sub, full, err), rc;

	if (fd < 0)
		return (fd);
	subpath_drop(k, at);
	place(k, at, out);
	rc = make_place(out, fd, err);
	if (rc == PIN_OK) {
		rc = subpath_os_bind(fd, out);
		if (rc < 0)
			rc = pin_err_os(err, PIN_EIO, errno, "subPath \"%s\"",
			    sub);
		if (rc != 0)
			subpath_drop(k, at);
		if (rc == 1)
			str_copy(out, KUBELET_PATH_MAX, pin_str(full));
	}
	close(fd);
	return (rc < 0 ? rc : PIN_OK);
}

/* Never what is in it: while something is bound there both fail. */
void
subpath_drop(const struct kubelet *k, const char *at)
{
	char path[KUBELET_PATH_MAX];

	place(k, at, path);
	subpath_os_unbind(path);
	if (rmdir(path) != 0)
		(void)unlink(path);
}

void
subpath_drop_all(const struct kubelet *k)
{
	char path[KUBELET_PATH_MAX];
	struct dirent *e;
	DIR *d;

	place(k, "", path);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") !=
		    0)
			subpath_drop(k, e->d_name);
	if (d != NULL)
		closedir(d);
}
