/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cgroup_linux.c -- see cgroup.h: v1, v2 and both at once.
 * Work pool. Contract: cgroup.h; the kernel's admin-guide on cgroups. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cgroup.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define UNIFIED		CGROUP_DIR "/unified"
#define CGROUP2_MAGIC	0x63677270

static int
is_cgroup2(const char *path)
{
	struct statfs fs;

	return (statfs(path, &fs) == 0 &&
	    (unsigned long)fs.f_type == CGROUP2_MAGIC);
}

/* Without root there is what somebody delegated: the agent's own group lies in
 * one whose owner it is, as `Delegate=yes` of systemd and `DelegateSubgroup=`
 * have it. In that one there are no processes, or no controllers go down. */
static int
delegated(char *base, size_t size)
{
	static const char *const files[] = { "", "/cgroup.procs",
	    "/cgroup.subtree_control" };
	char text[CGROUP_PATH_MAX], path[CGROUP_PATH_MAX], *own, *end;
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	own = strstr(text, "0::/");
	end = own != NULL ? strchr(own, '\n') : NULL;
	if (end == NULL)
		return (0);
	*end = '\0';
	*strrchr(own, '/') = '\0';
	if (snprintf(base, size, CGROUP_DIR "%s", own + 3) >= (int)size)
		return (0);
	for (size_t i = 0; i < PIN_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s%s", base, files[i]);
		if (access(path, W_OK) != 0)
			return (0);
	}
	return (1);
}

void
cgroups_open(struct cgroups *g, const char *data)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (const char *p = data; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	snprintf(g->name, sizeof(g->name), "/pintle-%08x",
	    (unsigned)(h >> 32));
	snprintf(g->base, sizeof(g->base), CGROUP_DIR);
	if (is_cgroup2(CGROUP_DIR))
		g->kind = CGROUP_V2;
	else if (is_cgroup2(UNIFIED))
		g->kind = CGROUP_HYBRID;
	else
		g->kind = access(CGROUP_DIR "/devices", F_OK) == 0 ?
		    CGROUP_V1 : CGROUP_NONE;
	if (geteuid() != 0 && (g->kind != CGROUP_V2 || !delegated(g->base,
	    sizeof(g->base))))
		g->kind = CGROUP_NONE;
}

static const char *const v1_groups[] = {
	"memory", "cpu", "cpuacct", "cpu,cpuacct", "cpuset", "devices",
	"freezer", "blkio", "pids", "hugetlb", "perf_event", "net_cls",
	"net_prio", "net_cls,net_prio", "systemd", "unified", "rdma", "misc",
};

int
cgroups_oom(const struct cgroups *g, const struct pin_container_state *state)
{
	char path[CGROUP_PATH_MAX], text[1024], *at;
	ssize_t n;
	int fd;

	if (state->exit_code == 0 || g->kind == CGROUP_NONE)
		return (0);
	if (g->kind == CGROUP_V2)
		snprintf(path, sizeof(path), "%s%s/%s/memory.events", g->base,
		    g->name, state->id);
	else
		snprintf(path, sizeof(path), CGROUP_DIR "/memory%s/%s/"
		    "memory.oom_control", g->name, state->id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "oom_kill ");
	return (at != NULL && strtol(at + 9, NULL, 10) > 0);
}

/* What was killed a moment ago may still be in it. */
static void
group_remove(const char *path)
{
	struct timespec moment = { 0, 10000000 };

	for (int i = 0; i < CGROUP_REMOVE_TRIES && rmdir(path) != 0 &&
	    errno == EBUSY; i++)
		(void)nanosleep(&moment, NULL);
}

/* BASE/NAME/ID; the last one takes their common group away too. */
static void
group_and_top(const struct cgroups *g, const char *base, const char *id)
{
	char path[CGROUP_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s/%s", base, g->name, id) >=
	    (int)sizeof(path))
		return;
	group_remove(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
}

void
cgroups_remove(const struct cgroups *g, const char *id)
{
	char base[64];

	if (g->kind == CGROUP_NONE)
		return;
	group_and_top(g, g->base, id);
	for (size_t i = 0; g->kind != CGROUP_V2 && i < PIN_LEN(v1_groups);
	    i++) {
		snprintf(base, sizeof(base), CGROUP_DIR "/%s", v1_groups[i]);
		group_and_top(g, base, id);
	}
}

/* ---- limits ------------------------------------------------------------ */

int64_t
cgroups_quota(int64_t cpu_milli)
{
	int64_t quota = cpu_milli * CGROUP_PERIOD / 1000;

	return (quota < 1000 ? 1000 : quota);	/* the kernel's least */
}

int64_t
cgroups_shares(int64_t cpu_milli)
{
	int64_t shares = cpu_milli * 1024 / 1000;

	return (shares < 2 ? 2 : shares);
}

/* 1: written; else errno says why not. */
static int
put(const char *dir, const char *file, const char *text)
{
	char path[CGROUP_PATH_MAX + 64];
	size_t len = strlen(text);
	ssize_t n;
	int fd, e;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return (0);
	n = write(fd, text, len);
	e = errno;
	close(fd);
	errno = e;
	return (n == (ssize_t)len);
}

static int
put_number(const char *dir, const char *file, int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	return (put(dir, file, text));
}

/* Hands v2's controllers down. Where a group that is not the machine's own has
 * processes in it the kernel refuses memory, and cpu would make it a threaded
 * one, below which nothing can be. */
static void
hand_down(const char *dir)
{
	if (put(dir, "cgroup.subtree_control", "+memory") || errno != EBUSY)
		(void)put(dir, "cgroup.subtree_control", "+cpu");
}

/* BASE/NAME/ID; 0: it cannot be. */
static int
group_make(const struct cgroups *g, const char *base, const char *id,
    char out[CGROUP_PATH_MAX])
{
	char top[CGROUP_PATH_MAX];

	if (snprintf(top, sizeof(top), "%s%s", base, g->name) >=
	    (int)sizeof(top) || snprintf(out, CGROUP_PATH_MAX, "%s/%s", top,
	    id) >= CGROUP_PATH_MAX)
		return (0);
	if (g->kind == CGROUP_V2)
		hand_down(base);
	if (mkdir(top, 0755) != 0 && errno != EEXIST)
		return (0);
	if (g->kind == CGROUP_V2)
		hand_down(top);
	return (mkdir(out, 0755) == 0 || errno == EEXIST);
}

static void
will_join(struct cgroup_limits *l, const char *dir)
{
	snprintf(l->join[l->n++], CGROUP_PATH_MAX, "%.480s/cgroup.procs",
	    dir);
}

static void
limit_v2(const struct cgroups *g, const char *id, struct cgroup_limits *l)
{
	char dir[CGROUP_PATH_MAX], text[64];

	if (!group_make(g, g->base, id, dir))
		return;
	if (l->memory > 0 && put_number(dir, "memory.max", l->memory)) {
		if (put(dir, "memory.swap.max", "0"))
			l->set |= CGROUP_NO_SWAP;
		(void)put(dir, "memory.oom.group", "1");
		l->set |= CGROUP_MEMORY;
	}
	snprintf(text, sizeof(text), "%lld %d",
	    (long long)cgroups_quota(l->cpu_milli), CGROUP_PERIOD);
	if (l->cpu_milli > 0 && put(dir, "cpu.max", text))
		l->set |= CGROUP_CPU;
	if (l->set != 0)
		will_join(l, dir);
}

static void
limit_v1(const struct cgroups *g, const char *id, struct cgroup_limits *l)
{
	char dir[CGROUP_PATH_MAX];

	if (l->memory > 0 && group_make(g, CGROUP_DIR "/memory", id, dir) &&
	    put_number(dir, "memory.limit_in_bytes", l->memory)) {
		if (put_number(dir, "memory.memsw.limit_in_bytes", l->memory))
			l->set |= CGROUP_NO_SWAP;
		l->set |= CGROUP_MEMORY;
		will_join(l, dir);
	}
	if (l->cpu_milli > 0 && (group_make(g, CGROUP_DIR "/cpu", id, dir) ||
	    group_make(g, CGROUP_DIR "/cpu,cpuacct", id, dir)) &&
	    put_number(dir, "cpu.cfs_period_us", CGROUP_PERIOD) &&
	    put_number(dir, "cpu.cfs_quota_us",
	    cgroups_quota(l->cpu_milli))) {
		(void)put_number(dir, "cpu.shares",
		    cgroups_shares(l->cpu_milli));
		l->set |= CGROUP_CPU;
		will_join(l, dir);
	}
}

void
cgroups_limit(const struct cgroups *g, const char *id,
    struct cgroup_limits *l)
{
	l->set = l->n = 0;
	if (g->kind == CGROUP_V2)
		limit_v2(g, id, l);
	else if (g->kind != CGROUP_NONE)
		limit_v1(g, id, l);
}
