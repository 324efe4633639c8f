/* SPDX-License-Identifier: BSD-2-Clause
 *
 * root_linux.c -- the root of a container that has an image: an overlay over
 * the image in a mount namespace of its own, with the node's /proc and /sys
 * and a /dev of the harmless nodes. Without root the namespace belongs to a
 * user namespace in which the container's user is the agent's.
 * In the container's first process, whose directory is DIR: it dies with the
 * namespace, so nothing is left mounted. Contract: shim.h. */
#define _GNU_SOURCE
#include "core/shim/shim.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OVERLAY	"lowerdir=lower,upperdir=upper,workdir=work"

static const char *const nodes[] = {
	"null", "zero", "full", "random", "urandom", "tty",
};
#define NODES	(sizeof(nodes) / sizeof(nodes[0]))

struct outside {		/* what is seen from outside only */
	int	proc, sys, node[NODES];
};

static int
fail(char *why, size_t len, const char *what)
{
	snprintf(why, len, "%s: %s", what, strerror(errno));
	return (-1);
}

static int
put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return (-1);
	n = write(fd, text, strlen(text));
	close(fd);
	return (n == (ssize_t)strlen(text) ? 0 : -1);
}

/* One user and one group: whoever the container is, outside it is us. */
static int
map_ids(const struct shim_spec *s, uid_t uid, gid_t gid)
{
	char text[64];

	if (put_text("/proc/self/setgroups", "deny") != 0)
		return (-1);
	snprintf(text, sizeof(text), "%lld %ld 1",
	    (long long)(s->uid >= 0 ? s->uid : 0), (long)uid);
	if (put_text("/proc/self/uid_map", text) != 0)
		return (-1);
	snprintf(text, sizeof(text), "%lld %ld 1",
	    (long long)(s->gid >= 0 ? s->gid : 0), (long)gid);
	return (put_text("/proc/self/gid_map", text));
}

int
shim__os_enter(const struct shim_spec *s, char *why, size_t len)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid == 0 && unshare(CLONE_NEWNS) != 0)
		return (fail(why, len, "mount namespace"));
	if (uid != 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
	    map_ids(s, uid, gid) != 0))
		return (fail(why, len, "user namespace"));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return (fail(why, len, uid == 0 ? "mount namespace" :
		    "mounts in a user namespace"));
	return (0);
}

/* In the new namespace: a mount of another cannot be bound. */
static int
look_around(struct outside *o)
{
	char path[32];

	o->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	o->sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < NODES; i++) {
		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		o->node[i] = open(path, O_PATH | O_CLOEXEC);
	}
	return (o->proc < 0 ? -1 : 0);
}

/* Paths are short and relative: cwd is DIR. */
static int
overlay(const struct shim_spec *s, int root, char *why, size_t len)
{
	struct stat st;

	if (stat(s->image, &st) != 0)
		return (fail(why, len, s->image));
	if (symlink(s->image, "lower") != 0 || mkdir("work", 0700) != 0 ||
	    mkdir("root", 0700) != 0 || mkdir("upper", 0700) != 0 ||
	    chmod("upper", st.st_mode & 07777) != 0)
		return (fail(why, len, "making the container's root"));
	if (root && chown("upper", st.st_uid, st.st_gid) != 0)
		return (fail(why, len, "making the container's root"));
	/* nodev: an image may bring nodes of the machine's disks. */
	if (mount("overlay", "root", "overlay", MS_NODEV, root ? OVERLAY :
	    "userxattr," OVERLAY) != 0)
		return (fail(why, len, "overlay over the image"));
	if (chdir("root") != 0 || chroot(".") != 0 || chdir("/") != 0)
		return (fail(why, len, "chroot"));
	return (0);
}

/* A directory outside is reached by standing in it. */
static int
bring(int fd, const char *at, char *why, size_t len)
{
	if (fd < 0)
		return (0);
	if (mkdir(at, 0755) != 0 && errno != EEXIST)
		return (fail(why, len, at));
	if (fchdir(fd) != 0 || mount(".", at, NULL, MS_BIND | MS_REC, NULL) !=
	    0 || chdir("/") != 0)
		return (fail(why, len, at));
	close(fd);
	return (0);
}

static int
devices(const struct outside *o, char *why, size_t len)
{
	char path[32], from[64];
	int fd;

	if ((mkdir("/dev", 0755) != 0 && errno != EEXIST) || mount("pintle",
	    "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") != 0)
		return (fail(why, len, "/dev"));
	for (size_t i = 0; i < NODES; i++) {
		if (o->node[i] < 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
		snprintf(from, sizeof(from), "/proc/self/fd/%d", o->node[i]);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || mount(from, path, NULL, MS_BIND, NULL) != 0)
			return (fail(why, len, path));
		close(fd);
		close(o->node[i]);
	}
	if (symlink("/proc/self/fd", "/dev/fd") != 0 ||
	    symlink("fd/0", "/dev/stdin") != 0 ||
	    symlink("fd/1", "/dev/stdout") != 0 ||
	    symlink("fd/2", "/dev/stderr") != 0 ||
	    mkdir("/dev/shm", 01777) != 0 || mount("pintle", "/dev/shm",
	    "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777") != 0)
		return (fail(why, len, "/dev"));
	return (0);
}

int
shim__os_root(const struct shim_spec *s, int root, char *why, size_t len)
{
	struct outside o;

	if (look_around(&o) != 0)
		return (fail(why, len, "/proc"));
	if (overlay(s, root, why, len) != 0 ||
	    bring(o.proc, "/proc", why, len) != 0 ||
	    bring(o.sys, "/sys", why, len) != 0)
		return (-1);
	return (devices(&o, why, len));
}
