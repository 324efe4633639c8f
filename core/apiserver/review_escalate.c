/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review_escalate.c -- nobody grants what he does not hold: a role is written
 * and a role is bound only by who has all of its rules, may "escalate" roles
 * or may "bind" this one.
 * Front loop. Contract: upstream's rbac registry (policybased storage), its
 * order of checks and its words. */
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/chain.h"
#include "core/apiserver/meta.h"
#include "core/apiserver/verbs.h"

#define RBAC_GROUP	"rbac.authorization.k8s.io"
#define OWN_MAX		16384		/* rules of one user */
#define TUPLES_MAX	(1u << 18)	/* group x resource x verb x name */
#define MISSING_MAX	2048		/* of them told */
#define MESSAGE_MAX	(256u << 10)

/* One atom of what is granted: of a resource, or a path. */
struct tuple {
	struct pin_str	 group, resource, name, path;
	const struct pin_str *verb;	/* the verbs that are missing */
	uint32_t	 nverbs, named;
};

struct grant {
	struct request	*r;
	struct pin_rule	*own;
	uint32_t	 nown, cap;
	uint32_t	 tuples, nmissing;
	struct tuple	*missing;
	int		 failed;
};

/* ---- rules ---------------------------------------------------------- */

static const struct pin_str *
copy_list(struct request *r, const struct pin_str *from, uint32_t n)
{
	struct pin_str *to;
	uint32_t i;

	to = n > 0 ? pin_arena_alloc(r->arena, n * sizeof(*to)) : NULL;
	for (i = 0; i < n && to != NULL; i++)
		to[i] = pin_arena_str(r->arena, from[i]);
	return (to);
}

/* Rules lie in a plugin's memory only while it speaks. */
static void
own_rule(void *arg, const struct pin_rule *rule)
{
	struct grant *g = arg;
	struct pin_arena *a = g->r->arena;
	struct pin_rule *to;
	uint32_t cap;

	if (g->nown == g->cap) {
		cap = g->cap == 0 ? 64 : 2 * g->cap;
		to = cap <= OWN_MAX ? pin_arena_grow(a, g->own, g->cap *
		    sizeof(*to), cap * sizeof(*to)) : NULL;
		if (to == NULL) {
			g->failed = 1;
			return;
		}
		g->own = to;
		g->cap = cap;
	}
	to = &g->own[g->nown++];
	*to = *rule;
	to->verbs = copy_list(g->r, rule->verbs, rule->nverbs);
	to->groups = copy_list(g->r, rule->groups, rule->ngroups);
	to->resources = copy_list(g->r, rule->resources, rule->nresources);
	to->names = copy_list(g->r, rule->names, rule->nnames);
	to->paths = copy_list(g->r, rule->paths, rule->npaths);
	g->failed |= pin_arena_full(a);
}

static const struct pin_str *
read_list(struct request *r, const struct pin_obj *o, pin_node rule,
    const char *key, uint32_t *n)
{
	pin_node list = pin_obj_get(o, rule, key), m;
	uint32_t i = 0;
	struct pin_str *to;

	*n = pin_obj_count(o, list);
	to = *n > 0 ? pin_arena_alloc(r->arena, *n * sizeof(*to)) : NULL;
	if (to == NULL) {
		*n = 0;
		return (NULL);
	}
	for (m = pin_obj_first(o, list); m != 0; m = pin_obj_next(o, m))
		to[i++] = pin_arena_str(r->arena, pin_obj_str(o, m));
	return (to);
}

/* ---- cover ---------------------------------------------------------- */

static int
has(const struct pin_str *list, uint32_t n, struct pin_str s)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (pin_str_eq(list[i], s))
			return (1);
	return (0);
}

static int
has_or_all(const struct pin_str *list, uint32_t n, struct pin_str s)
{
	return (has(list, n, PIN_STR("*")) || has(list, n, s));
}

static int
resource_covered(const struct pin_rule *own, struct pin_str want)
{
	const char *slash;
	struct pin_str s, sub;
	uint32_t i;

	if (has_or_all(own->resources, own->nresources, want))
		return (1);
	slash = want.len > 0 ? memchr(want.p, '/', want.len) : NULL;
	if (slash == NULL)
		return (0);
	sub = (struct pin_str){ slash, want.len - (size_t)(slash - want.p) };
	for (i = 0; i < own->nresources; i++) {
		s = own->resources[i];
		if (s.len == sub.len + 1 && s.p[0] == '*' &&
		    memcmp(s.p + 1, sub.p, sub.len) == 0)
			return (1);
	}
	return (0);
}

static int
path_covered(const struct pin_rule *own, struct pin_str want)
{
	struct pin_str s;
	uint32_t i;

	for (i = 0; i < own->npaths; i++) {
		s = own->paths[i];
		if (pin_str_eq(s, want))
			return (1);
		if (s.len == 0 || s.p[s.len - 1] != '*')
			continue;
		while (s.len > 0 && s.p[s.len - 1] == '*')
			s.len--;
		if (want.len >= s.len && memcmp(want.p, s.p, s.len) == 0)
			return (1);
	}
	return (0);
}

static int
covered(const struct grant *g, const struct tuple *t, struct pin_str verb)
{
	const struct pin_rule *own;
	uint32_t i;

	for (i = 0; i < g->nown; i++) {
		own = &g->own[i];
		if (!has_or_all(own->verbs, own->nverbs, verb))
			continue;
		if (t->path.p != NULL) {
			if (own->nnames == 0 && path_covered(own, t->path))
				return (1);
		} else if (has_or_all(own->groups, own->ngroups, t->group) &&
		    resource_covered(own, t->resource) && (own->nnames == 0 ||
		    (t->named && has(own->names, own->nnames, t->name)))) {
			return (1);
		}
	}
	return (0);
}

/* Which of the verbs does nobody give? Told together, but for paths, whose
 * verbs are told one by one. */
static void
check_tuple(struct grant *g, const struct tuple *t,
    const struct pin_str *verbs, uint32_t n)
{
	struct pin_str *missing = NULL;
	uint32_t i, k = 0;

	for (i = 0; i < n; i++) {
		if (++g->tuples > TUPLES_MAX) {
			g->failed = 1;
			return;
		}
		if (covered(g, t, verbs[i]))
			continue;
		if (missing == NULL || t->path.p != NULL) {
			missing = pin_arena_alloc(g->r->arena, n *
			    sizeof(*missing));
			if (missing == NULL || g->nmissing == MISSING_MAX) {
				g->failed = 1;
				return;
			}
			k = 0;
			g->missing[g->nmissing] = *t;
			g->missing[g->nmissing++].verb = missing;
		}
		missing[k++] = verbs[i];
		g->missing[g->nmissing - 1].nverbs = k;
	}
}

static void
check_rule(struct grant *g, const struct pin_rule *rule)
{
	struct tuple t;
	uint32_t i, k, m;

	for (i = 0; i < rule->ngroups && !g->failed; i++)
		for (k = 0; k < rule->nresources && !g->failed; k++) {
			memset(&t, 0, sizeof(t));
			t.group = rule->groups[i];
			t.resource = rule->resources[k];
			t.named = rule->nnames > 0;
			for (m = 0; m < (t.named ? rule->nnames : 1); m++) {
				if (t.named)
					t.name = rule->names[m];
				check_tuple(g, &t, rule->verbs, rule->nverbs);
			}
		}
	for (i = 0; i < rule->npaths && !g->failed; i++) {
		memset(&t, 0, sizeof(t));
		t.path = rule->paths[i];
		if (t.path.p == NULL)
			t.path.p = "";
		check_tuple(g, &t, rule->verbs, rule->nverbs);
	}
}

/* All rules of a stored or written role. */
static void
check_rules(struct grant *g, const struct pin_obj *role)
{
	struct request *r = g->r;
	struct pin_rule rule;
	pin_node list, n;

	list = pin_obj_get(role, pin_obj_root(role), "rules");
	for (n = pin_obj_first(role, list); n != 0 && !g->failed;
	    n = pin_obj_next(role, n)) {
		memset(&rule, 0, sizeof(rule));
		rule.verbs = read_list(r, role, n, "verbs", &rule.nverbs);
		rule.groups = read_list(r, role, n, "apiGroups",
		    &rule.ngroups);
		rule.resources = read_list(r, role, n, "resources",
		    &rule.nresources);
		rule.names = read_list(r, role, n, "resourceNames",
		    &rule.nnames);
		rule.paths = read_list(r, role, n, "nonResourceURLs",
		    &rule.npaths);
		check_rule(g, &rule);
	}
	g->failed |= pin_arena_full(r->arena);
}

/* ---- what is said --------------------------------------------------- */

static int
same_place(const struct tuple *a, const struct tuple *b)
{
	return (a->path.p == NULL && b->path.p == NULL &&
	    a->named == b->named && pin_str_eq(a->group, b->group) &&
	    pin_str_eq(a->resource, b->resource) &&
	    pin_str_eq(a->name, b->name));
}

static void
put_list(struct pin_out *o, const char *before, const struct pin_str *s,
    uint32_t n)
{
	uint32_t i;

	pin_out_cstr(o, before);
	for (i = 0; i < n; i++) {
		pin_out_char(o, i == 0 ? '[' : ' ');
		pin_json_quote(o, s[i]);
	}
	pin_out_char(o, ']');
}

/* {APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]} of tuple i and
 * of those after it that speak of the same. */
static struct pin_str
describe(struct grant *g, uint32_t i)
{
	const struct tuple *t = &g->missing[i];
	struct pin_out o;
	uint32_t k, v;

	pin_out_init(&o, g->r->arena, MESSAGE_MAX);
	if (t->path.p != NULL) {
		put_list(&o, "{NonResourceURLs:", &t->path, 1);
	} else {
		put_list(&o, "{APIGroups:", &t->group, 1);
		put_list(&o, ", Resources:", &t->resource, 1);
		if (t->named)
			put_list(&o, ", ResourceNames:", &t->name, 1);
	}
	pin_out_cstr(&o, ", Verbs:[");
	for (k = i; k < g->nmissing; k++) {
		if (k != i && !same_place(t, &g->missing[k]))
			continue;
		for (v = 0; v < g->missing[k].nverbs; v++) {
			if (k != i || v > 0)
				pin_out_char(&o, ' ');
			pin_json_quote(&o, g->missing[k].verb[v]);
		}
	}
	pin_out_cstr(&o, "]}");
	g->failed |= o.failed != PIN_OK;
	return ((struct pin_str){ o.p, o.len });
}

static int
by_text(const void *a, const void *b)
{
	return (pin_str_cmp(*(const struct pin_str *)a,
	    *(const struct pin_str *)b));
}

static uint32_t
describe_all(struct grant *g, struct pin_str *lines)
{
	uint32_t i, k, n = 0;

	for (i = 0; i < g->nmissing && !g->failed; i++) {
		for (k = 0; k < i; k++)
			if (same_place(&g->missing[k], &g->missing[i]))
				break;
		if (k == i)
			lines[n++] = describe(g, i);
	}
	qsort(lines, n, sizeof(*lines), by_text);
	return (n);
}

static int
forbid(struct request *r, struct pin_str why)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, MESSAGE_MAX);
	pin_out_str(&o, r->info.resource);
	pin_out_cstr(&o, "." RBAC_GROUP " ");
	pin_json_quote(&o, r->info.name);
	pin_out_cstr(&o, " is forbidden: ");
	pin_out_str(&o, why);
	if (o.failed != PIN_OK)
		return (reply_err(r, PIN_EFORBIDDEN, "forbidden"));
	return (reply_bytes(r, 403, "application/json", status_body(r,
	    PIN_EFORBIDDEN, (struct pin_str){ o.p, o.len }, NULL)));
}

static int
forbid_missing(struct grant *g)
{
	struct request *r = g->r;
	struct pin_str *lines;
	struct pin_out o;
	uint32_t i, n;

	lines = pin_arena_alloc(r->arena, g->nmissing * sizeof(*lines));
	if (lines == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	n = describe_all(g, lines);
	pin_out_init(&o, r->arena, MESSAGE_MAX);
	pin_out_cstr(&o, "user ");
	pin_json_quote(&o, r->user.name);
	put_list(&o, r->user.ngroups > 0 ? " (groups=" : " (groups=[",
	    r->user.groups, r->user.ngroups);
	pin_out_cstr(&o, ") is attempting to grant RBAC permissions not "
	    "currently held:");
	for (i = 0; i < n; i++) {
		pin_out_char(&o, '\n');
		if (i == 0 || !pin_str_eq(lines[i], lines[i - 1]))
			pin_out_str(&o, lines[i]);
	}
	if (o.failed != PIN_OK || g->failed)
		return (forbid(r, PIN_STR("too many permissions not currently "
		    "held")));
	return (forbid(r, (struct pin_str){ o.p, o.len }));
}

/* ---- the checks ----------------------------------------------------- */

static int
grant_init(struct grant *g, struct request *r)
{
	memset(g, 0, sizeof(*g));
	g->r = r;
	g->missing = pin_arena_alloc(r->arena, MISSING_MAX *
	    sizeof(*g->missing));
	if (g->missing == NULL)
		return (PIN_ENOMEM);
	(void)chain_rules(r, r->info.namespace, own_rule, g);
	return (g->failed ? PIN_ENOMEM : PIN_OK);
}

/* STEP_NEXT when r's user holds every rule of the role. */
static int
confirm(struct grant *g, const struct pin_obj *role)
{
	check_rules(g, role);
	if (g->nmissing > 0)
		return (forbid_missing(g));
	if (g->failed)
		return (forbid(g->r, PIN_STR("the role has too many rules to "
		    "be checked")));
	return (STEP_NEXT);
}

static int
aggregates(const struct pin_obj *role)
{
	return (role != NULL && pin_obj_count(role, pin_obj_at(role,
	    pin_obj_root(role), "aggregationRule", "clusterRoleSelectors",
	    NULL)) > 0);
}

static int
confirm_aggregation(struct grant *g)
{
	static const struct pin_str all = { "*", 1 };
	static const struct pin_rule full[] = {
		{ .verbs = &all, .groups = &all, .resources = &all,
		    .nverbs = 1, .ngroups = 1, .nresources = 1 },
		{ .verbs = &all, .paths = &all, .nverbs = 1, .npaths = 1 },
	};
	struct request *r = g->r;

	if (!aggregates(r->obj) && (r->operation != PIN_OP_UPDATE ||
	    !aggregates(r->old)))
		return (STEP_NEXT);
	check_rule(g, &full[0]);
	check_rule(g, &full[1]);
	return (g->nmissing == 0 && !g->failed ? STEP_NEXT : forbid(r,
	    PIN_STR("must have cluster-admin privileges to use the "
	    "aggregationRule")));
}

/* Does the update change nothing but what the garbage collector does? */
static int
only_collected(struct request *r)
{
	static const char *const metas[] = { "ownerReferences", "finalizers",
	    "managedFields", "resourceVersion" };
	struct pin_obj *a, *b;
	size_t i;

	if (r->operation != PIN_OP_UPDATE || r->old == NULL)
		return (0);
	a = pin_obj_copy(r->arena, r->obj);
	b = pin_obj_copy(r->arena, r->old);
	if (a == NULL || b == NULL)
		return (0);
	for (i = 0; i < PIN_LEN(metas); i++) {
		pin_obj_unset(a, meta_node(a), metas[i]);
		pin_obj_unset(b, meta_node(b), metas[i]);
	}
	return (pin_obj_equal(a, pin_obj_root(a), b, pin_obj_root(b)));
}

static int
role_answer(struct request *r, int allowed, int denied, struct pin_str reason)
{
	struct grant g;
	int rc;

	(void)denied;
	(void)reason;
	if (allowed || only_collected(r))
		return (STEP_NEXT);
	if (grant_init(&g, r) != PIN_OK)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	rc = confirm(&g, r->obj);
	return (rc == STEP_NEXT ? confirm_aggregation(&g) : rc);
}

static struct pin_str
role_ref(const struct request *r, const char *key)
{
	return (pin_obj_str(r->obj, pin_obj_at(r->obj, pin_obj_root(r->obj),
	    "roleRef", key, NULL)));
}

static int
binding_answer(struct request *r, int allowed, int denied,
    struct pin_str reason)
{
	const struct pin_env_services *s = &r->srv->services;
	int cluster = pin_str_is(role_ref(r, "kind"), "ClusterRole"), rc;
	struct pin_str name = role_ref(r, "name");
	struct pin_buf *buf = NULL;
	struct pin_obj *role;
	struct grant g;

	(void)denied;
	(void)reason;
	if (allowed)
		return (STEP_NEXT);
	rc = s->read(s->arg, RBAC_GROUP, cluster ? "clusterroles" : "roles",
	    cluster ? PIN_STR_NONE : r->info.namespace, name, &buf, NULL,
	    &r->err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(r->arena, (const char *)buf->data,
		    buf->len, &role, &r->err);
	pin_buf_put(&buf);
	if (rc == PIN_ENOTFOUND)	/* said of the binding, as upstream */
		return (reply_err(r, PIN_ENOTFOUND, PIN_SFMT "." RBAC_GROUP
		    " \"" PIN_SFMT "\" not found", PIN_SARG(r->info.resource),
		    PIN_SARG(name)));
	if (rc != PIN_OK)
		return (reply_error(r));
	if (grant_init(&g, r) != PIN_OK)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	return (confirm(&g, role));
}

static int
check_binding(struct request *r, struct pin_attributes *a)
{
	struct pin_str kind = role_ref(r, "kind");
	int cluster = pin_str_is(kind, "ClusterRole");

	if (only_collected(r))
		return (STEP_NEXT);
	if (!cluster && !pin_str_is(kind, "Role"))
		return (STEP_NEXT);	/* validation refuses it */
	a->verb = PIN_STR("bind");
	a->group = role_ref(r, "apiGroup");
	a->resource = pin_str(cluster ? "clusterroles" : "roles");
	a->name = role_ref(r, "name");
	return (chain_ask(r, &r->user, a, binding_answer));
}

int
escalate_run(struct request *r)
{
	struct pin_attributes a = { .size = sizeof(a), .is_resource = 1,
	    .verb = PIN_STR("escalate"), .group = r->info.group,
	    .version = PIN_STR("*"), .resource = r->info.resource,
	    .namespace = r->info.namespace, .name = r->info.name };
	uint32_t i;

	if (r->sub != NULL || !pin_str_is(r->info.group, RBAC_GROUP))
		return (STEP_NEXT);
	for (i = 0; i < r->user.ngroups; i++)
		if (pin_str_is(r->user.groups[i], "system:masters"))
			return (STEP_NEXT);
	if (pin_str_is(r->info.resource, "roles") ||
	    pin_str_is(r->info.resource, "clusterroles")) {
		if (r->info.verb_bit == PIN_VERB_CREATE)
			a.name = PIN_STR_NONE;	/* the path has none */
		return (chain_ask(r, &r->user, &a, role_answer));
	}
	return (check_binding(r, &a));
}
