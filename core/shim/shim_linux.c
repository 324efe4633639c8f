/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim_linux.c -- subreaper, parent's death, and a mount namespace of its
 * own in which volumes lie at their targets; of an image, root_linux.c makes
 * the root first. Else a target that does not exist is made without touching
 * the host: the directory it is missing in is mirrored on a tmpfs (each entry
 * bound), the target added, and the mirror put over the directory. For "/"
 * the mirror becomes the root.
 * Contract: shim.h. Namespace and mounts die with their last process. */
#define _GNU_SOURCE
#include "core/shim/shim.h"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
shim__os_reaper(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void
shim__os_tie(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(127);
}

int
shim__os_no_new_privs(void)
{
	return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int
shim__os_groups(const struct shim_spec *s)
{
	return (setgroups(s->ngroups, s->groups));
}

void
shim__os_signal_rest(int sig)
{
	char path[64], buf[4096], *p = buf, *end;
	ssize_t n;
	long pid;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
	    (long)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return;
	buf[n] = '\0';
	for (; (pid = strtol(p, &end, 10)) > 1 && end != p; p = end)
		(void)kill((pid_t)pid, sig);
}

/* ---- mounts ----------------------------------------------------------- */

struct place {
	char	path[PATH_MAX];		/* deepest directory that exists */
	char	rest[PATH_MAX];		/* what is missing below it */
};

static int
fail(char *why, size_t len, const char *what, const char *path)
{
	int e = errno;

	snprintf(why, len, "%s %s: %s", what, path, strerror(e));
	return (-1);
}

/* Where target is, symbolic links resolved, and what of it is missing. */
static int
locate(const char *target, struct place *pl)
{
	char buf[PATH_MAX], *cut;
	size_t n = strlen(target);

	if (n >= sizeof(buf) || target[0] != '/') {
		errno = EINVAL;
		return (-1);
	}
	memcpy(buf, target, n + 1);
	while (realpath(buf[0] != '\0' ? buf : "/", pl->path) == NULL) {
		if (errno != ENOENT)
			return (-1);
		cut = strrchr(buf, '/');
		if (cut == NULL)
			return (-1);
		*cut = '\0';
	}
	snprintf(pl->rest, sizeof(pl->rest), "%s", target + strlen(buf));
	return (0);
}

static int
mirror_entry(const char *from, const char *to)
{
	char link[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	if (lstat(from, &st) != 0)
		return (errno == ENOENT ? 0 : -1);
	if (S_ISLNK(st.st_mode)) {
		n = readlink(from, link, sizeof(link) - 1);
		if (n < 0)
			return (-1);
		link[n] = '\0';
		return (symlink(link, to));
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(to, 0755) != 0)
			return (-1);
	} else {
		fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return (-1);
		close(fd);
	}
	return (mount(from, to, NULL, MS_BIND | MS_REC, NULL));
}

static int
mirror(const char *dir, const char *stage)
{
	char from[PATH_MAX + 256], to[PATH_MAX + 256];
	uint32_t n = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;
	int rc = 0;

	if (stat(dir, &st) != 0 || mount("pintle", stage, "tmpfs", 0,
	    "mode=755") != 0)
		return (-1);
	(void)chmod(stage, st.st_mode & 07777);
	(void)!chown(stage, st.st_uid, st.st_gid);
	d = opendir(dir);
	if (d == NULL)
		return (-1);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (++n > SHIM_ENTRIES_MAX) {
			errno = E2BIG;
			rc = -1;
			break;
		}
		snprintf(from, sizeof(from), "%s/%s", strcmp(dir, "/") == 0 ?
		    "" : dir, e->d_name);
		snprintf(to, sizeof(to), "%s/%s", stage, e->d_name);
		rc = mirror_entry(from, to);
	}
	n = (uint32_t)errno;
	closedir(d);
	errno = (int)n;
	return (rc);
}

/* Makes path below stage: directories, the last a file when file. */
static int
make_target(const char *stage, const char *rest, int file)
{
	char path[PATH_MAX * 2], *p;
	int fd;

	snprintf(path, sizeof(path), "%s%s", stage, rest);
	for (p = path + strlen(stage) + 1; ; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		if (*p == '\0' && file) {
			fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
			if (fd >= 0)
				close(fd);
			return (fd < 0 ? -1 : 0);
		}
		if (*p == '\0')
			return (mkdir(path, 0755));
		*p = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return (-1);
		*p = '/';
	}
}

static int
add_target(const struct place *pl, const char *stage, int file)
{
	if (mirror(pl->path, stage) != 0 || make_target(stage, pl->rest,
	    file) != 0)
		return (-1);
	if (strcmp(pl->path, "/") != 0)
		return (mount(stage, pl->path, NULL, MS_BIND | MS_REC, NULL));
	return (chroot(stage) != 0 || chdir("/") != 0 ? -1 : 0);
}

/* Read-only, and otherwise as it is: in a user namespace the flags of what
 * was bound are locked. */
static int
close_mount(const char *path)
{
	unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
	struct statvfs vfs;

	if (statvfs(path, &vfs) != 0)
		return (-1);
	flags |= (vfs.f_flag & ST_NOSUID) != 0 ? MS_NOSUID : 0;
	flags |= (vfs.f_flag & ST_NODEV) != 0 ? MS_NODEV : 0;
	flags |= (vfs.f_flag & ST_NOEXEC) != 0 ? MS_NOEXEC : 0;
	return (mount(NULL, path, NULL, flags, NULL));
}

/* stage: where the missing is mirrored; NULL: it is made where it is. */
static int
bind_one(const struct shim_mount *m, int source, const char *stage,
    char *why, size_t len)
{
	struct place pl;
	struct stat st;
	char from[64];

	/* By descriptor: a mount made before may hide the path. */
	snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	if (fstat(source, &st) != 0)
		return (fail(why, len, "volume", m->source));
	if (locate(m->target, &pl) != 0)
		return (fail(why, len, "mount at", m->target));
	if (pl.rest[0] != '\0' && (stage == NULL ? make_target(pl.path,
	    pl.rest, !S_ISDIR(st.st_mode)) : add_target(&pl, stage,
	    !S_ISDIR(st.st_mode))) != 0)
		return (fail(why, len, "cannot make mount point", m->target));
	if (locate(m->target, &pl) != 0 || pl.rest[0] != '\0')
		return (fail(why, len, "mount at", m->target));
	if (mount(from, pl.path, NULL, MS_BIND | MS_REC, NULL) != 0)
		return (fail(why, len, "mount at", m->target));
	if (m->read_only && close_mount(pl.path) != 0)
		return (fail(why, len, "read-only mount at", m->target));
	return (0);
}

static int
own_mounts(const struct shim_spec *s, char *why, size_t len)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return (fail(why, len, "mount namespace for",
		    s->mounts[0].target));
	return (0);
}

/* As OCI runtimes do: a working directory that is missing is made. What is
 * wrong with it is said when it is entered. */
static int
finish_root(const struct shim_spec *s, char *why, size_t len)
{
	struct place pl;

	if (s->workdir != NULL && locate(s->workdir, &pl) == 0 &&
	    pl.rest[0] != '\0')
		(void)make_target(pl.path, pl.rest, 0);
	if (s->read_only && close_mount("/") != 0)
		return (fail(why, len, "read-only root of", s->image));
	return (0);
}

int
shim__os_mounts(const struct shim_spec *s, const char *dir, char *why,
    size_t len)
{
	char stage[PATH_MAX], *at = s->image == NULL ? stage : NULL;
	int fds[SHIM_MOUNTS_MAX], root = geteuid() == 0;
	uint32_t i;

	/* Sources are opened outside, but in the new namespace. */
	if (s->image != NULL ? shim__os_enter(s, why, len) != 0 :
	    own_mounts(s, why, len) != 0)
		return (-1);
	for (i = 0; i < s->nmounts; i++) {
		fds[i] = open(s->mounts[i].source, O_PATH | O_CLOEXEC);
		if (fds[i] < 0)
			return (fail(why, len, "volume",
			    s->mounts[i].source));
	}
	if (s->image != NULL && shim__os_root(s, root, why, len) != 0)
		return (-1);
	snprintf(stage, sizeof(stage), "%s/stage", dir);
	for (i = 0; i < s->nmounts; i++) {
		if (at != NULL && mkdir(stage, 0700) != 0 && errno != EEXIST)
			return (fail(why, len, "mkdir", stage));
		if (bind_one(&s->mounts[i], fds[i], at, why, len) != 0)
			return (-1);
	}
	for (i = 0; i < s->nmounts; i++)
		close(fds[i]);
	return (s->image != NULL ? finish_root(s, why, len) : 0);
}
