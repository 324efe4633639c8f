/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rbac -- auth plugin: a request is allowed when a role that is bound to the
 * user or to one of its groups has a rule for it. Never denies.
 * Front threads, under a read lock held for one decision.
 * Contract: pintle/auth.h; rbac.authorization.k8s.io/v1, upstream's words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/view.h>

#include "plugins/auth/rbac/rbac.h"

#define MISSING_MAX	8	/* roles that are not there, in one reason */
#define COMBINED_MAX	512	/* "resource/subresource" */

static pin_open_fn rbac_open;
static pin_close_fn rbac_close;
static pin_auth_authorize_fn rbac_authorize;
static pin_auth_rules_fn rbac_rules;

static const struct pin_auth_ops rbac_ops = {
	.size = sizeof(rbac_ops),
	.authorize = rbac_authorize,
	.rules = rbac_rules,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "rbac", .version = "1.0",
	.summary = "roles and bindings decide who may do what",
	.ops = &rbac_ops,
	.open = rbac_open, .close = rbac_close,
};

/* ---- views ---------------------------------------------------------- */

static void
role_changed(struct rbac *rb, const struct pin_view_event *ev, uint32_t kind)
{
	struct pin_err err = PIN_ERR_INIT;
	struct role *role = NULL;

	if (ev->object != NULL) {
		role = rbac_role(ev, kind, &err);
		if (role == NULL)
			pin_env_log(rb->env, PIN_LOG_ERROR, "role " PIN_SFMT
			    ": %s", PIN_SARG(ev->name), err.text);
	}
	pthread_rwlock_wrlock(&rb->lock);
	rbac_role_put(rb, kind, ev->namespace, ev->name, role);
	pthread_rwlock_unlock(&rb->lock);
}

static void
local_role(void *arg, const struct pin_view_event *ev)
{
	role_changed(arg, ev, ROLE_LOCAL);
}

static void
cluster_role(void *arg, const struct pin_view_event *ev)
{
	role_changed(arg, ev, ROLE_CLUSTER);
}

static void
binding_changed(void *arg, const struct pin_view_event *ev)
{
	struct pin_err err = PIN_ERR_INIT;
	struct binding *b = NULL;
	struct rbac *rb = arg;

	if (ev->object != NULL) {
		b = rbac_binding(ev, &err);
		if (b == NULL)
			pin_env_log(rb->env, PIN_LOG_ERROR, "binding " PIN_SFMT
			    ": %s", PIN_SARG(ev->name), err.text);
	}
	pthread_rwlock_wrlock(&rb->lock);
	rbac_binding_put(rb, ev->namespace, ev->name, b);
	pthread_rwlock_unlock(&rb->lock);
}

static const struct {
	const char		*resource;
	pin_view_changed_fn	*changed;
} watched[] = {
	{ "clusterroles",		cluster_role },
	{ "roles",			local_role },
	{ "clusterrolebindings",	binding_changed },
	{ "rolebindings",		binding_changed },
};

static int
rbac_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct rbac *rb = pin_xcalloc(1, sizeof(*rb));
	size_t i;
	int rc = PIN_OK;

	(void)conf;
	rb->env = env;
	pthread_rwlock_init(&rb->lock, NULL);
	for (i = 0; i < PIN_LEN(watched) && rc == PIN_OK; i++)
		rc = pin_view_open(env, "rbac.authorization.k8s.io",
		    watched[i].resource, watched[i].changed, rb, &rb->views[i],
		    err);
	if (rc != PIN_OK) {
		rbac_close(rb);
		return (rc);
	}
	*self = rb;
	return (PIN_OK);
}

static void
rbac_close(void *self)
{
	struct rbac *rb = self;
	size_t i;

	for (i = 0; i < PIN_LEN(watched); i++)
		if (rb->views[i] != NULL)
			pin_view_close(&rb->views[i]);
	rbac_fini(rb);
	pthread_rwlock_destroy(&rb->lock);
	free(rb);
}

static void
read_lock(struct rbac *rb)
{
	pthread_rwlock_rdlock(&rb->lock);
	while (atomic_load_explicit(&rb->stale, memory_order_relaxed)) {
		pthread_rwlock_unlock(&rb->lock);
		pthread_rwlock_wrlock(&rb->lock);
		if (atomic_load(&rb->stale))
			rbac_aggregate(rb);
		pthread_rwlock_unlock(&rb->lock);
		pthread_rwlock_rdlock(&rb->lock);
	}
}

/* ---- from a user to its rules --------------------------------------- */

/* Visits each rule of a user; 1 ends the walk. rule NULL: the binding's role
 * is not there. */
typedef int visit_fn(void *arg, const struct use *, const struct pin_rule *);

static int
visit_role(const struct role *role, const struct use *u, visit_fn *visit,
    void *arg)
{
	uint32_t i;

	for (i = 0; i < role->nrules; i++)
		if (visit(arg, u, &role->rules[i]))
			return (1);
	return (0);
}

static int
visit_use(struct rbac *rb, const struct use *u, visit_fn *visit, void *arg)
{
	const struct binding *b = u->binding;
	const struct role *role = NULL;
	uint32_t i;

	if (b->role_kind != ROLE_OTHER)
		role = (const struct role *)rbac_find(&rb->roles,
		    b->role_kind, b->role_kind == ROLE_LOCAL ? b->e.scope :
		    PIN_STR_NONE, b->role_name);
	if (role == NULL)
		return (visit(arg, u, NULL));
	if (visit_role(role, u, visit, arg))
		return (1);
	for (i = 0; i < role->nmembers; i++)
		if (visit_role(role->members[i], u, visit, arg))
			return (1);
	return (0);
}

static int
subject_applies(const struct subject *s, const struct pin_user *user)
{
	uint32_t i;

	if (s->kind == SUBJECT_USER)
		return (pin_str_eq(s->name, user->name));
	if (s->kind == SUBJECT_ACCOUNT)
		return (pin_str_eq(s->user, user->name));
	for (i = 0; i < user->ngroups && s->kind == SUBJECT_GROUP; i++)
		if (pin_str_eq(s->name, user->groups[i]))
			return (1);
	return (0);
}

/* A binding counts once, for the first subject that applies. */
static int
first_subject(const struct use *u, const struct pin_user *user)
{
	uint32_t i;

	for (i = 0; i < u->subject; i++)
		if (subject_applies(&u->binding->subjects[i], user))
			return (0);
	return (1);
}

static int
visit_holder(struct rbac *rb, const struct entry *e,
    const struct pin_user *user, visit_fn *visit, void *arg)
{
	const struct holder *h = (const struct holder *)e;
	uint32_t i;

	for (i = 0; h != NULL && i < h->n; i++)
		if (first_subject(&h->uses[i], user) &&
		    visit_use(rb, &h->uses[i], visit, arg))
			return (1);
	return (0);
}

static int
visit_scope(struct rbac *rb, const struct pin_user *user,
    struct pin_str scope, visit_fn *visit, void *arg)
{
	uint32_t i;

	if (visit_holder(rb, rbac_find(&rb->holders, SUBJECT_USER, scope,
	    user->name), user, visit, arg))
		return (1);
	for (i = 0; i < user->ngroups; i++)
		if (visit_holder(rb, rbac_find(&rb->holders, SUBJECT_GROUP,
		    scope, user->groups[i]), user, visit, arg))
			return (1);
	return (0);
}

static int
visit_rules(struct rbac *rb, const struct pin_user *user, struct pin_str ns,
    visit_fn *visit, void *arg)
{
	if (visit_scope(rb, user, PIN_STR_NONE, visit, arg))
		return (1);
	return (ns.len > 0 && visit_scope(rb, user, ns, visit, arg));
}

/* ---- decisions ------------------------------------------------------ */

struct question {
	struct pin_call	*call;
	const struct pin_attributes *a;
	struct pin_str	 combined;
	const struct binding *missing[MISSING_MAX];
	uint32_t	 nmissing;
};

static void
note_allowed(struct pin_call *call, const struct use *u)
{
	const struct binding *b = u->binding;
	const struct subject *s = &b->subjects[u->subject];
	int local = b->e.scope.len > 0, account = s->kind == SUBJECT_ACCOUNT;

	pin_call_note(call, "RBAC: allowed by %sRoleBinding \"" PIN_SFMT "%s"
	    PIN_SFMT "\" of " PIN_SFMT " \"" PIN_SFMT "\" to %s \"" PIN_SFMT
	    "%s" PIN_SFMT "\"", local ? "" : "Cluster", PIN_SARG(b->e.name),
	    local ? "/" : "", PIN_SARG(b->e.scope), PIN_SARG(b->role_word),
	    PIN_SARG(b->role_name), account ? "ServiceAccount" : s->kind ==
	    SUBJECT_GROUP ? "Group" : "User", PIN_SARG(s->name),
	    account ? "/" : "", PIN_SARG(account ? s->namespace :
	    PIN_STR_NONE));
}

static int
question_visit(void *arg, const struct use *u, const struct pin_rule *rule)
{
	struct question *q = arg;

	if (rule == NULL) {
		if (q->nmissing < MISSING_MAX)
			q->missing[q->nmissing++] = u->binding;
		return (0);
	}
	if (!rbac_rule_allows(rule, q->a, q->combined))
		return (0);
	note_allowed(q->call, u);
	return (1);
}

static int
told_before(const struct question *q, uint32_t i)
{
	uint32_t k;

	for (k = 0; k < i; k++)
		if (q->missing[k]->role_kind == q->missing[i]->role_kind &&
		    pin_str_eq(q->missing[k]->role_name,
		    q->missing[i]->role_name))
			return (1);
	return (0);
}

/* Bindings of the user that lead nowhere: said when nothing else allowed. */
static void
note_missing(struct pin_call *call, const struct question *q)
{
	const struct binding *b;
	struct pin_out o;
	uint32_t i, n = 0;

	if (q->nmissing == 0)
		return;
	pin_out_init(&o, pin_call_arena(call), PIN_ERR_TEXT_MAX);
	for (i = 0; i < q->nmissing; i++) {
		if (told_before(q, i))
			continue;
		b = q->missing[i];
		if (n++ > 0)
			pin_out_cstr(&o, ", ");
		if (b->role_kind == ROLE_OTHER)
			pin_out_printf(&o, "unsupported role reference kind: "
			    "\"" PIN_SFMT "\"", PIN_SARG(b->role_word));
		else
			pin_out_printf(&o, "%srole.rbac.authorization.k8s.io "
			    "\"" PIN_SFMT "\" not found", b->role_kind ==
			    ROLE_CLUSTER ? "cluster" : "",
			    PIN_SARG(b->role_name));
	}
	if (o.failed == PIN_OK)
		pin_call_note(call, "RBAC: %s" PIN_SFMT "%s", n > 1 ? "[" : "",
		    PIN_SARG(((struct pin_str){ o.p, o.len })), n > 1 ? "]" :
		    "");
}

static int
rbac_authorize(void *self, struct pin_call *call, const struct pin_user *user,
    const struct pin_attributes *a)
{
	struct question q = { .call = call, .a = a, .combined = a->resource };
	struct rbac *rb = self;
	char combined[COMBINED_MAX];
	int n, yes;

	if (a->subresource.len > 0) {
		n = snprintf(combined, sizeof(combined), PIN_SFMT "/" PIN_SFMT,
		    PIN_SARG(a->resource), PIN_SARG(a->subresource));
		if (n < 0 || (size_t)n >= sizeof(combined))
			return (PIN_AUTHZ_ABSTAIN);	/* no such resource */
		q.combined = (struct pin_str){ combined, (size_t)n };
	}
	read_lock(rb);
	yes = visit_rules(rb, user, a->namespace, question_visit, &q);
	if (!yes)
		note_missing(call, &q);
	pthread_rwlock_unlock(&rb->lock);
	return (yes ? PIN_AUTHZ_ALLOW : PIN_AUTHZ_ABSTAIN);
}

/* ---- all rules of a user -------------------------------------------- */

struct listing {
	pin_auth_rule_fn *emit;
	void		*arg;
	struct question	 q;
};

static int
listing_visit(void *arg, const struct use *u, const struct pin_rule *rule)
{
	struct listing *l = arg;

	if (rule == NULL)
		return (question_visit(&l->q, u, NULL));
	l->emit(l->arg, rule);
	return (0);
}

static int
rbac_rules(void *self, struct pin_call *call, const struct pin_user *user,
    struct pin_str namespace, pin_auth_rule_fn *emit, void *arg)
{
	struct listing l = { .emit = emit, .arg = arg };
	struct rbac *rb = self;
	int missing;

	read_lock(rb);
	(void)visit_rules(rb, user, namespace, listing_visit, &l);
	note_missing(call, &l.q);
	missing = l.q.nmissing > 0;
	pthread_rwlock_unlock(&rb->lock);
	return (missing ? pin_err_set(pin_call_err(call), PIN_ENOTFOUND,
	    "a role that is bound is not there") : PIN_OK);
}
