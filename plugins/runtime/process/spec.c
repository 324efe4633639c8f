/* SPDX-License-Identifier: BSD-2-Clause
 *
 * spec.c -- one container as its shim is told.
 * Work pool. Contract: core/shim/shim.h, DIR/spec. */
#include "process.h"

#include <string.h>
#include <unistd.h>

static void
record(struct pin_out *o, char what, const char *value)
{
	pin_out_char(o, what);
	pin_out_put(o, value, strlen(value) + 1);
}

static void
record_i64(struct pin_out *o, char what, int64_t v)
{
	pin_out_printf(o, "%c%lld", what, (long long)v);
	pin_out_char(o, '\0');
}

static void
groups(struct pin_out *o, const struct pin_container *c)
{
	pin_node list = pin_obj_at(c->pod, pin_obj_root(c->pod), "spec",
	    "securityContext", NULL), g;
	int64_t id;

	g = pin_obj_get(c->pod, list, "fsGroup");
	if (pin_obj_i64(c->pod, g, &id))
		record_i64(o, 'G', id);
	list = pin_obj_get(c->pod, list, "supplementalGroups");
	for (g = pin_obj_first(c->pod, list); g != 0;
	    g = pin_obj_next(c->pod, g))
		if (pin_obj_i64(c->pod, g, &id))
			record_i64(o, 'G', id);
}

void
process_spec(const struct pin_container *c, struct pin_out *o)
{
	const char *const *p;

	for (p = c->command; p != NULL && *p != NULL; p++)
		record(o, 'a', *p);
	for (p = c->args; p != NULL && *p != NULL; p++)
		record(o, 'a', *p);
	for (p = c->env; p != NULL && *p != NULL; p++)
		record(o, 'e', *p);
	record(o, 'l', c->log);
	record(o, 'd', c->workdir != NULL ? c->workdir : "/");
	if (c->uid >= 0)
		record_i64(o, 'u', c->uid);
	if (c->gid >= 0)
		record_i64(o, 'g', c->gid);
	if (c->pod != NULL)
		groups(o, c);
	for (uint32_t i = 0; i < c->nmounts && geteuid() == 0; i++) {
		record(o, 'm', c->mounts[i].source);
		record(o, 't', c->mounts[i].target);
		if (c->mounts[i].read_only)
			record(o, 'r', "");
	}
}
