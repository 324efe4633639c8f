/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile.c -- a stored role or binding becomes one block of memory: the
 * same code runs twice, first to measure, then to fill.
 * Pure but for the heap. Contract: rbac.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/auth/rbac/rbac.h"

struct block {
	char	*p;			/* NULL: only measure */
	size_t	 len;
	const struct pin_obj *o;
};

static void *
take(struct block *b, size_t n)
{
	size_t at = b->len;

	b->len += (n + 7) & ~(size_t)7;
	return (b->p != NULL ? b->p + at : NULL);
}

static struct pin_str
put_text(struct block *b, struct pin_str s)
{
	char *p = take(b, s.len);

	if (p != NULL && s.len > 0)
		memcpy(p, s.p, s.len);
	return ((struct pin_str){ p, s.len });
}

static struct pin_str
put_member(struct block *b, pin_node parent, const char *key)
{
	return (put_text(b, pin_obj_str(b->o, pin_obj_get(b->o, parent,
	    key))));
}

static void
put_list(struct block *b, pin_node parent, const char *key,
    const struct pin_str **out, uint32_t *n)
{
	pin_node list = pin_obj_get(b->o, parent, key), m;
	struct pin_str *to, s;
	uint32_t i = 0;

	*n = pin_obj_count(b->o, list);
	to = take(b, *n * sizeof(*to));
	for (m = pin_obj_first(b->o, list); m != 0; m = pin_obj_next(b->o, m)) {
		s = put_text(b, pin_obj_str(b->o, m));
		if (to != NULL)
			to[i++] = s;
	}
	*out = to;
}

static void
put_entry(struct block *b, struct entry *e, uint32_t kind,
    const struct pin_view_event *ev)
{
	e->kind = kind;
	e->scope = put_text(b, ev->namespace);
	e->name = put_text(b, ev->name);
}

/* ---- roles ---------------------------------------------------------- */

static void
put_rules(struct block *b, struct role *role, pin_node list)
{
	struct pin_rule *rules, r;
	uint32_t i = 0;
	pin_node n;

	role->nrules = pin_obj_count(b->o, list);
	rules = take(b, role->nrules * sizeof(*rules));
	for (n = pin_obj_first(b->o, list); n != 0; n = pin_obj_next(b->o, n)) {
		memset(&r, 0, sizeof(r));
		r.size = sizeof(r);
		put_list(b, n, "verbs", &r.verbs, &r.nverbs);
		put_list(b, n, "apiGroups", &r.groups, &r.ngroups);
		put_list(b, n, "resources", &r.resources, &r.nresources);
		put_list(b, n, "resourceNames", &r.names, &r.nnames);
		put_list(b, n, "nonResourceURLs", &r.paths, &r.npaths);
		if (rules != NULL)
			rules[i++] = r;
	}
	role->rules = rules;
}

static void
put_labels(struct block *b, struct role *role, pin_node map)
{
	struct pin_label *labels, l;
	uint32_t i = 0;
	pin_node n;

	role->nlabels = pin_obj_count(b->o, map);
	labels = take(b, role->nlabels * sizeof(*labels));
	for (n = pin_obj_first(b->o, map); n != 0; n = pin_obj_next(b->o, n)) {
		l.key = put_text(b, pin_obj_key(b->o, n));
		l.value = put_text(b, pin_obj_str(b->o, n));
		if (labels != NULL)
			labels[i++] = l;
	}
	role->labels = labels;
}

static int
put_selectors(struct block *b, struct role *role, pin_node list,
    struct pin_err *err)
{
	uint32_t n = pin_obj_count(b->o, list);
	struct pin_selector **to = take(b, n * sizeof(*to));
	pin_node m;
	int rc;

	role->selectors = to;
	if (to == NULL)
		return (PIN_OK);
	for (m = pin_obj_first(b->o, list); m != 0; m = pin_obj_next(b->o, m)) {
		rc = pin_selector_from_obj(NULL, b->o, m,
		    &to[role->nselectors], err);
		if (rc != PIN_OK)
			return (rc);
		role->nselectors++;
	}
	return (PIN_OK);
}

static int
fill_role(struct block *b, const struct pin_view_event *ev, uint32_t kind,
    struct role *scratch, struct pin_err *err)
{
	pin_node root = pin_obj_root(b->o);
	struct role *role = take(b, sizeof(*role));

	if (role == NULL)
		role = scratch;
	memset(role, 0, sizeof(*role));
	put_entry(b, &role->e, kind, ev);
	put_rules(b, role, pin_obj_get(b->o, root, "rules"));
	if (kind != ROLE_CLUSTER)
		return (PIN_OK);
	put_labels(b, role, pin_obj_at(b->o, root, "metadata", "labels",
	    NULL));
	return (put_selectors(b, role, pin_obj_at(b->o, root,
	    "aggregationRule", "clusterRoleSelectors", NULL), err));
}

struct role *
rbac_role(const struct pin_view_event *ev, uint32_t kind, struct pin_err *err)
{
	struct block b = { NULL, 0, NULL };
	struct role scratch;
	struct pin_obj *o;
	int rc;

	if (pin_obj_parse(NULL, (const char *)ev->object->data,
	    ev->object->len, &o, err) != PIN_OK)
		return (NULL);
	b.o = o;
	(void)fill_role(&b, ev, kind, &scratch, err);
	b.p = malloc(b.len);
	b.len = 0;
	rc = b.p != NULL ? fill_role(&b, ev, kind, &scratch, err) :
	    pin_err_set(err, PIN_ENOMEM, "out of memory");
	pin_obj_free(&o);
	if (rc == PIN_OK)
		return ((struct role *)(void *)b.p);
	if (b.p != NULL)
		rbac_role_free((struct role *)(void *)b.p);
	return (NULL);
}

void
rbac_role_free(struct role *role)
{
	uint32_t i;

	if (role == NULL)
		return;
	for (i = 0; i < role->nselectors; i++)
		pin_selector_free(&role->selectors[i]);
	free(role->members);
	free(role);
}

/* ---- bindings ------------------------------------------------------- */

static const struct {
	const char	*word;
	uint32_t	 kind;
} subject_words[] = {
	{ "User",		SUBJECT_USER },
	{ "Group",		SUBJECT_GROUP },
	{ "ServiceAccount",	SUBJECT_ACCOUNT },
};

/* An account without a namespace is one of the binding's own. */
static void
put_account(struct block *b, struct subject *s, struct pin_str scope)
{
	char text[RBAC_USER_MAX];
	int n;

	if (s->namespace.len == 0)
		s->namespace = scope;
	n = b->p == NULL ? snprintf(NULL, 0, "system:serviceaccount:%*s:%*s",
	    (int)s->namespace.len, "", (int)s->name.len, "") :
	    snprintf(text, sizeof(text), "system:serviceaccount:" PIN_SFMT ":"
	    PIN_SFMT, PIN_SARG(s->namespace), PIN_SARG(s->name));
	if (s->namespace.len == 0 || n < 0 || (size_t)n >= sizeof(text))
		s->kind = SUBJECT_OTHER;
	else
		s->user = put_text(b, (struct pin_str){ text, (size_t)n });
}

static void
put_subjects(struct block *b, struct binding *to, pin_node list)
{
	struct subject *all, s;
	uint32_t i = 0, k;
	struct pin_str kind;
	pin_node n;

	to->nsubjects = pin_obj_count(b->o, list);
	all = take(b, to->nsubjects * sizeof(*all));
	for (n = pin_obj_first(b->o, list); n != 0; n = pin_obj_next(b->o, n)) {
		memset(&s, 0, sizeof(s));
		s.kind = SUBJECT_OTHER;
		kind = pin_obj_str(b->o, pin_obj_get(b->o, n, "kind"));
		for (k = 0; k < PIN_LEN(subject_words); k++)
			if (pin_str_is(kind, subject_words[k].word))
				s.kind = subject_words[k].kind;
		s.name = put_member(b, n, "name");
		s.namespace = put_member(b, n, "namespace");
		if (s.kind == SUBJECT_ACCOUNT)
			put_account(b, &s, to->e.scope);
		if (all != NULL)
			all[i++] = s;
	}
	to->subjects = all;
}

static void
fill_binding(struct block *b, const struct pin_view_event *ev,
    struct binding *scratch)
{
	pin_node root = pin_obj_root(b->o), ref;
	struct binding *to = take(b, sizeof(*to));
	struct pin_str kind;

	if (to == NULL)
		to = scratch;
	memset(to, 0, sizeof(*to));
	put_entry(b, &to->e, 0, ev);
	ref = pin_obj_get(b->o, root, "roleRef");
	kind = pin_obj_str(b->o, pin_obj_get(b->o, ref, "kind"));
	to->role_kind = pin_str_is(kind, "ClusterRole") ? ROLE_CLUSTER :
	    pin_str_is(kind, "Role") ? ROLE_LOCAL : ROLE_OTHER;
	to->role_word = put_text(b, kind);
	to->role_name = put_member(b, ref, "name");
	put_subjects(b, to, pin_obj_get(b->o, root, "subjects"));
}

struct binding *
rbac_binding(const struct pin_view_event *ev, struct pin_err *err)
{
	struct block b = { NULL, 0, NULL };
	struct binding scratch;
	struct pin_obj *o;

	if (pin_obj_parse(NULL, (const char *)ev->object->data,
	    ev->object->len, &o, err) != PIN_OK)
		return (NULL);
	b.o = o;
	fill_binding(&b, ev, &scratch);
	b.p = malloc(b.len);
	b.len = 0;
	if (b.p != NULL)
		fill_binding(&b, ev, &scratch);
	else
		(void)pin_err_set(err, PIN_ENOMEM, "out of memory");
	pin_obj_free(&o);
	return ((struct binding *)(void *)b.p);
}
