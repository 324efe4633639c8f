/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cgroup_bsd.c -- a BSD has none.
 * Any thread. Contract: cgroup.h. */
#include "cgroup.h"

#include <string.h>

void
cgroups_open(struct cgroups *g, const char *data)
{
	(void)data;
	memset(g, 0, sizeof(*g));
}

void
cgroups_limit(const struct cgroups *g, const char *id,
    struct cgroup_limits *l)
{
	(void)g;
	(void)id;
	l->set = l->n = 0;
}

int
cgroups_oom(const struct cgroups *g, const struct pin_container_state *state)
{
	(void)g;
	(void)state;
	return (0);
}

void
cgroups_remove(const struct cgroups *g, const char *id)
{
	(void)g;
	(void)id;
}
