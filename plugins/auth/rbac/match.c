/* SPDX-License-Identifier: BSD-2-Clause
 *
 * match.c -- does one rule allow one request?
 * Pure. Contract: rbac.authorization.k8s.io/v1 PolicyRule: "*" for verbs,
 * groups, resources and paths; "*" + "/status" for a subresource of anything;
 * a path may end in "*"; no names means every name. */
#include <string.h>

#include "plugins/auth/rbac/rbac.h"

static int
has(const struct pin_str *list, uint32_t n, struct pin_str s)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if ((list[i].len == 1 && list[i].p[0] == '*') ||
		    (list[i].len == s.len && (s.len == 0 ||
		    memcmp(list[i].p, s.p, s.len) == 0)))
			return (1);
	return (0);
}

static int
resource_matches(const struct pin_rule *r, struct pin_str combined,
    struct pin_str sub)
{
	const struct pin_str *s;
	uint32_t i;

	if (has(r->resources, r->nresources, combined))
		return (1);
	if (sub.len == 0)
		return (0);
	for (i = 0; i < r->nresources; i++) {
		s = &r->resources[i];
		if (s->len == sub.len + 2 && s->p[0] == '*' &&
		    s->p[1] == '/' && memcmp(s->p + 2, sub.p, sub.len) == 0)
			return (1);
	}
	return (0);
}

/* Unlike elsewhere a "*" here is a name like any other. */
static int
name_matches(const struct pin_rule *r, struct pin_str name)
{
	uint32_t i;

	if (r->nnames == 0)
		return (1);
	for (i = 0; i < r->nnames; i++)
		if (pin_str_eq(r->names[i], name))
			return (1);
	return (0);
}

static int
path_matches(const struct pin_rule *r, struct pin_str path)
{
	struct pin_str s;
	uint32_t i;

	if (has(r->paths, r->npaths, path))
		return (1);
	for (i = 0; i < r->npaths; i++) {
		s = r->paths[i];
		if (s.len == 0 || s.p[s.len - 1] != '*')
			continue;
		while (s.len > 0 && s.p[s.len - 1] == '*')
			s.len--;
		if (path.len >= s.len && memcmp(path.p, s.p, s.len) == 0)
			return (1);
	}
	return (0);
}

int
rbac_rule_allows(const struct pin_rule *r, const struct pin_attributes *a,
    struct pin_str combined)
{
	if (!has(r->verbs, r->nverbs, a->verb))
		return (0);
	if (!a->is_resource)
		return (path_matches(r, a->path));
	return (has(r->groups, r->ngroups, a->group) &&
	    resource_matches(r, combined, a->subresource) &&
	    name_matches(r, a->name));
}
