/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rbac.c -- roles and their bindings.
 * Front threads. Contract: upstream's rbac validation. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

static void
policy_rule(struct v *v, pin_node r, int namespaced)
{
	pin_node urls = v_get(v, r, "nonResourceURLs");

	if (v_count(v, r, "verbs") == 0)
		v_required(v, "verbs", "verbs must contain at least one "
		    "value");
	if (pin_obj_count(v->o, urls) > 0) {
		if (namespaced)
			v_bad_node(v, "nonResourceURLs", urls, "namespaced "
			    "rules cannot apply to non-resource URLs");
		if (v_count(v, r, "apiGroups") + v_count(v, r, "resources") +
		    v_count(v, r, "resourceNames") > 0)
			v_bad_node(v, "nonResourceURLs", urls, "rules cannot "
			    "apply to both regular resources and non-resource "
			    "URLs");
		return;
	}
	if (v_count(v, r, "apiGroups") == 0)
		v_required(v, "apiGroups", "resource rules must supply at "
		    "least one api group");
	if (v_count(v, r, "resources") == 0)
		v_required(v, "resources", "resource rules must supply at "
		    "least one resource");
}

static void
rules(struct v *v, int namespaced)
{
	size_t back = v_in(v, "rules"), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, pin_obj_root(v->o), "rules"), n, i) {
		item = v_item(v, i);
		policy_rule(v, n, namespaced);
		v_out(v, item);
	}
	v_out(v, back);
}

void
check_role(struct v *v)
{
	rules(v, 1);
}

void
check_clusterrole(struct v *v)
{
	pin_node root = pin_obj_root(v->o), list, n;
	size_t back, item;
	uint32_t i;

	rules(v, 0);
	if (!v_has(v, root, "aggregationRule"))
		return;
	list = v_get(v, v_get(v, root, "aggregationRule"),
	    "clusterRoleSelectors");
	back = v_in(v, "aggregationRule");
	if (pin_obj_count(v->o, list) == 0)
		v_required(v, "clusterRoleSelectors", "at least one "
		    "clusterRoleSelector required if aggregationRule is "
		    "non-nil");
	(void)v_in(v, "clusterRoleSelectors");
	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		v_selector(v, NULL, n);
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- bindings ---------------------------------------------------------- */

static void
segment(struct v *v, const char *member, struct pin_str s)
{
	if (v_word(s, ". .."))
		v_bad_str(v, member, s, "may not be '" PIN_SFMT "'",
		    PIN_SARG(s));
	if (s.len > 0 && memchr(s.p, '/', s.len) != NULL)
		v_bad_str(v, member, s, "may not contain '/'");
	if (s.len > 0 && memchr(s.p, '%', s.len) != NULL)
		v_bad_str(v, member, s, "may not contain '%%'");
}

#define RBAC	"rbac.authorization.k8s.io"

static void
subject(struct v *v, pin_node s, int namespaced)
{
	struct pin_str kind = v_str(v, s, "kind"), name = v_str(v, s, "name"),
	    group = v_str(v, s, "apiGroup"), ns = v_str(v, s, "namespace");

	if (name.len == 0)
		v_required(v, "name", NULL);
	if (pin_str_is(kind, "ServiceAccount")) {
		if (name.len > 0)
			v_format(v, "name", name, "dns1123-subdomain");
		if (group.len > 0)
			v_unsupported(v, "apiGroup", group, "");
		if (!namespaced && ns.len == 0)
			v_required(v, "namespace", NULL);
	} else if (v_word(kind, "User Group")) {
		if (!pin_str_is(group, RBAC))
			v_unsupported(v, "apiGroup", group, RBAC);
	} else {
		v_unsupported(v, "kind", kind, "ServiceAccount User Group");
	}
}

static void
put_ref(struct v *v, pin_node ref, struct pin_out *o)
{
	static const char *const names[][2] = { { "apiGroup", "APIGroup" },
	    { "kind", "Kind" }, { "name", "Name" } };
	size_t i;

	for (i = 0; i < PIN_LEN(names); i++) {
		pin_out_printf(o, "%s\"%s\":", i > 0 ? "," : "{",
		    names[i][1]);
		pin_json_quote(o, v_str(v, ref, names[i][0]));
	}
	pin_out_char(o, '}');
}

static void
role_ref(struct v *v, pin_node root, int namespaced)
{
	pin_node ref = v_get(v, root, "roleRef");
	const char *kinds = namespaced ? "Role ClusterRole" : "ClusterRole";
	struct pin_str s;
	struct pin_out o;
	size_t back = v_in(v, "roleRef");

	s = v_str(v, ref, "apiGroup");
	if (!pin_str_is(s, RBAC))
		v_unsupported(v, "apiGroup", s, RBAC);
	s = v_str(v, ref, "kind");
	if (!v_word(s, kinds))
		v_unsupported(v, "kind", s, kinds);
	s = v_str(v, ref, "name");
	if (s.len == 0)
		v_required(v, "name", NULL);
	else
		segment(v, "name", s);
	if (v->old != NULL && !v_kept(v, root, pin_obj_root(v->old),
	    "roleRef")) {
		pin_out_init(&o, NULL, V_VALUE_MAX);
		put_ref(v, ref, &o);
		v_bad_text(v, NULL, (struct pin_str){ o.p, o.len },
		    "cannot change roleRef");
		pin_out_fini(&o);
	}
	v_out(v, back);
}

void
check_binding(struct v *v)
{
	int namespaced = pin_str_is(v->q->resource, "rolebindings");
	pin_node root = pin_obj_root(v->o), n;
	size_t back, item;
	uint32_t i;

	role_ref(v, root, namespaced);
	back = v_in(v, "subjects");
	V_EACH(v, v_get(v, root, "subjects"), n, i) {
		item = v_item(v, i);
		subject(v, n, namespaced);
		v_out(v, item);
	}
	v_out(v, back);
}
