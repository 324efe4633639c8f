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

/* The image's groups of the user, then the pod's. */
static void
groups(const struct process_start *s, struct pin_out *o)
{
	const struct pin_obj *pod = s->c->pod;
	pin_node sec, g;
	int64_t id;

	for (uint32_t i = 0; i < s->user.ngroups; i++)
		record_i64(o, 'G', s->user.groups[i]);
	if (pod == NULL)
		return;
	sec = pin_obj_at(pod, pin_obj_root(pod), "spec", "securityContext",
	    NULL);
	if (pin_obj_i64(pod, pin_obj_get(pod, sec, "fsGroup"), &id))
		record_i64(o, 'G', id);
	g = pin_obj_first(pod, pin_obj_get(pod, sec, "supplementalGroups"));
	for (; g != 0; g = pin_obj_next(pod, g))
		if (pin_obj_i64(pod, g, &id))
			record_i64(o, 'G', id);
}

static void
user(const struct process_start *s, struct pin_out *o)
{
	int64_t uid = s->imaged ? (int64_t)s->user.uid : s->c->uid;
	int64_t gid = s->imaged ? (int64_t)s->user.gid : s->c->gid;

	if (uid >= 0)
		record_i64(o, 'u', uid);
	if (gid >= 0)
		record_i64(o, 'g', gid);
	groups(s, o);
}

static void
mount(struct pin_out *o, const char *source, const char *target,
    int read_only)
{
	record(o, 'm', source);
	record(o, 't', target);
	if (read_only)
		record(o, 'r', "");
}

static void
workdir(const struct process_start *s, struct pin_out *o)
{
	const struct pin_obj *config = s->image.config;
	struct pin_str dir = { NULL, 0 };

	if (s->imaged)
		dir = pin_obj_str(config, pin_obj_get(config, s->image.run,
		    "WorkingDir"));
	if (s->c->workdir != NULL && s->c->workdir[0] != '\0')
		dir = pin_str(s->c->workdir);
	if (dir.len == 0 || dir.p[0] != '/')
		dir = PIN_STR("/");
	pin_out_char(o, 'd');
	pin_out_put(o, dir.p, dir.len);
	pin_out_char(o, '\0');
}

void
process_spec(const struct process_start *s, struct pin_out *o)
{
	const struct pin_container *c = s->c;
	const char *const *p;
	uint32_t i = 0;
	pin_node esc = c->pod == NULL ? 0 : pin_obj_at(c->pod, c->spec,
	    "securityContext", "allowPrivilegeEscalation", NULL);

	for (p = s->argv; *p != NULL; p++)
		record(o, 'a', *p);
	for (p = s->env; *p != NULL; p++)
		record(o, 'e', *p);
	record(o, 'l', c->log);
	for (i = 0; i < s->limits.n; i++)
		record(o, 'c', s->limits.join[i]);
	workdir(s, o);
	user(s, o);
	if (esc != 0 && pin_obj_type(c->pod, esc) == PIN_FALSE)
		record(o, 'n', "");
	if (s->imaged) {
		record(o, 'i', s->image.root);
		if (c->read_only_root)
			record(o, 'o', "");
	}
	for (i = 0; i < c->nmounts && (s->root || s->imaged); i++)
		if (!c->mounts[i].own_files || (s->imaged &&
		    process_os_mounts()))
			mount(o, c->mounts[i].source, c->mounts[i].target,
			    (int)c->mounts[i].read_only);
}
