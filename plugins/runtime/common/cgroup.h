/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cgroup.h -- the cgroups of a node's containers: what there are, limits, and
 * what was killed for memory.
 * Threads: work pool; any for different containers.
 * Contract: a group is /NAME/ID in each hierarchy, NAME the data directory's,
 * so that two nodes of one machine do not meet. Without root it is BASE/NAME/
 * ID of v2, BASE the group above the agent's own if that is delegated. */
#ifndef RUNTIME_CGROUP_H
#define RUNTIME_CGROUP_H

#include <pintle/runtime.h>

#include <stdint.h>

#define CGROUP_DIR		"/sys/fs/cgroup"
#define CGROUP_PATH_MAX		512
#define CGROUP_PERIOD		100000	/* of cpu, microseconds, as upstream */
#define CGROUP_REMOVE_TRIES	100	/* 10 ms apart: what was killed dies */

enum {					/* how they lie on this node */
	CGROUP_NONE = 0,
	CGROUP_V1 = 1,
	CGROUP_V2 = 2,
	CGROUP_HYBRID = 3,		/* v1, and v2 below /unified */
};

struct cgroups {
	uint32_t	 kind;		/* CGROUP_NONE: none that it may use */
	char		 name[32];	/* "/pintle-01234567" */
	char		 base[CGROUP_PATH_MAX / 2];	/* of v2 */
};

#define CGROUP_MEMORY	1u
#define CGROUP_CPU	2u
#define CGROUP_NO_SWAP	4u	/* the limit of memory is one of both */

struct cgroup_limits {
	int64_t		 memory, cpu_milli;	/* asked for; 0: none */
	uint32_t	 set;			/* those that hold */
	uint32_t	 n;
	/* A process that writes 0 into each is in the group. */
	char		 join[2][CGROUP_PATH_MAX];
};

void	cgroups_open(struct cgroups *, const char *data);
/* Makes the group of id with what can be limited. */
void	cgroups_limit(const struct cgroups *, const char *id,
	    struct cgroup_limits *);
/* 1: it failed, and the kernel has killed something in the group for memory;
 * on v1 that may be a child of the first process, which ended by itself. */
int	cgroups_oom(const struct cgroups *, const struct pin_container_state *);
/* Its groups, and the common ones after the last. */
void	cgroups_remove(const struct cgroups *, const char *id);
/* quota of a period, and weight, as OCI runtimes are told and as v1 takes */
int64_t	cgroups_quota(int64_t cpu_milli);
int64_t	cgroups_shares(int64_t cpu_milli);

#endif
