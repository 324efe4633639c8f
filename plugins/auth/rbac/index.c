/* SPDX-License-Identifier: BSD-2-Clause
 *
 * index.c -- the hashes: roles by name, bindings by name, and the bindings
 * of a subject. What a role gathers by labels (aggregationRule) is found
 * when the first reader after a change asks.
 * Threads: writers under the write lock. Contract: rbac.h. */
#include <stdlib.h>
#include <string.h>

#include "plugins/auth/rbac/rbac.h"

/* ---- hash ----------------------------------------------------------- */

static uint32_t
mix(uint32_t h, struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT32_C(16777619);
	return ((h ^ 0xff) * UINT32_C(16777619));
}

uint32_t
rbac_hash(uint32_t kind, struct pin_str scope, struct pin_str name)
{
	return (mix(mix(UINT32_C(2166136261) ^ kind, scope), name));
}

struct entry *
rbac_find(const struct table *t, uint32_t kind, struct pin_str scope,
    struct pin_str name)
{
	uint32_t h = rbac_hash(kind, scope, name);
	struct entry *e;

	if (t->nslots == 0)
		return (NULL);
	for (e = t->slot[h & (t->nslots - 1)]; e != NULL; e = e->next)
		if (e->hash == h && e->kind == kind &&
		    pin_str_eq(e->name, name) && pin_str_eq(e->scope, scope))
			return (e);
	return (NULL);
}

static void
grow(struct table *t)
{
	uint32_t n = t->nslots == 0 ? 64 : 2 * t->nslots, i;
	struct entry **slot = pin_xcalloc(n, sizeof(*slot)), *e, *next;

	for (i = 0; i < t->nslots; i++)
		for (e = t->slot[i]; e != NULL; e = next) {
			next = e->next;
			e->next = slot[e->hash & (n - 1)];
			slot[e->hash & (n - 1)] = e;
		}
	free(t->slot);
	t->slot = slot;
	t->nslots = n;
}

void
rbac_insert(struct table *t, struct entry *e)
{
	struct entry **at;

	if (t->n >= t->nslots)
		grow(t);
	e->hash = rbac_hash(e->kind, e->scope, e->name);
	at = &t->slot[e->hash & (t->nslots - 1)];
	e->next = *at;
	*at = e;
	t->n++;
}

void
rbac_remove(struct table *t, struct entry *e)
{
	struct entry **at = &t->slot[e->hash & (t->nslots - 1)];

	while (*at != e) {
		PIN_ASSERT(*at != NULL);
		at = &(*at)->next;
	}
	*at = e->next;
	t->n--;
}

/* ---- roles ---------------------------------------------------------- */

void
rbac_role_put(struct rbac *rb, uint32_t kind, struct pin_str scope,
    struct pin_str name, struct role *role)
{
	struct entry *old = rbac_find(&rb->roles, kind, scope, name);

	if (old != NULL) {
		rbac_remove(&rb->roles, old);
		rbac_role_free((struct role *)old);
	}
	if (role != NULL)
		rbac_insert(&rb->roles, &role->e);
	/* Before any reader: members may point to what was freed. */
	if (kind == ROLE_CLUSTER)
		atomic_store(&rb->stale, 1);
}

static int
wanted(const struct role *by, const struct role *r)
{
	uint32_t i;

	for (i = 0; i < by->nselectors; i++)
		if (pin_selector_match_list(by->selectors[i], r->labels,
		    r->nlabels))
			return (1);
	return (0);
}

static int
is_member(struct role *const *list, uint32_t n, const struct role *r)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (list[i] == r)
			return (1);
	return (0);
}

/* All that `by` selects, and what those select in turn. */
static void
gather(struct rbac *rb, struct role *by)
{
	struct role **list = NULL, *r;
	const struct role *from = by;
	uint32_t n = 0, done = 0, i;
	struct entry *e;

	for (;;) {
		for (i = 0; i < rb->roles.nslots && from->nselectors > 0; i++)
			for (e = rb->roles.slot[i]; e != NULL; e = e->next) {
				r = (struct role *)e;
				if (e->kind != ROLE_CLUSTER || r == by ||
				    n == RBAC_AGGREGATE_MAX ||
				    !wanted(from, r) || is_member(list, n, r))
					continue;
				list = pin_xrealloc(list, (n + 1) *
				    sizeof(*list));
				list[n++] = r;
			}
		if (done == n)
			break;
		from = list[done++];
	}
	free(by->members);
	by->members = list;
	by->nmembers = n;
}

void
rbac_aggregate(struct rbac *rb)
{
	struct entry *e;
	uint32_t i;

	atomic_store(&rb->stale, 0);
	for (i = 0; i < rb->roles.nslots; i++)
		for (e = rb->roles.slot[i]; e != NULL; e = e->next)
			if (((struct role *)e)->nselectors > 0)
				gather(rb, (struct role *)e);
}

/* ---- bindings ------------------------------------------------------- */

static int
holder_key(const struct subject *s, uint32_t *kind, struct pin_str *name)
{
	*kind = s->kind == SUBJECT_GROUP ? SUBJECT_GROUP : SUBJECT_USER;
	*name = s->kind == SUBJECT_ACCOUNT ? s->user : s->name;
	return (s->kind != SUBJECT_OTHER);
}

static struct holder *
holder_new(uint32_t kind, struct pin_str scope, struct pin_str name)
{
	struct holder *h = pin_xcalloc(1, sizeof(*h) + scope.len + name.len);
	char *p = (char *)(h + 1);

	h->e.kind = kind;
	if (scope.len > 0)
		memcpy(p, scope.p, scope.len);
	h->e.scope = (struct pin_str){ p, scope.len };
	if (name.len > 0)
		memcpy(p + scope.len, name.p, name.len);
	h->e.name = (struct pin_str){ p + scope.len, name.len };
	return (h);
}

static void
hold(struct rbac *rb, const struct binding *b, uint32_t i)
{
	struct pin_str name;
	struct holder *h;
	uint32_t kind;

	if (!holder_key(&b->subjects[i], &kind, &name))
		return;
	h = (struct holder *)rbac_find(&rb->holders, kind, b->e.scope, name);
	if (h == NULL) {
		h = holder_new(kind, b->e.scope, name);
		rbac_insert(&rb->holders, &h->e);
	}
	if (h->n == h->cap) {
		h->cap = h->cap == 0 ? 1 : 2 * h->cap;
		h->uses = pin_xrealloc(h->uses, h->cap * sizeof(*h->uses));
	}
	h->uses[h->n++] = (struct use){ .binding = b, .subject = i };
}

static void
unhold(struct rbac *rb, const struct binding *b, uint32_t i)
{
	struct pin_str name;
	struct holder *h;
	uint32_t kind, k;

	if (!holder_key(&b->subjects[i], &kind, &name))
		return;
	h = (struct holder *)rbac_find(&rb->holders, kind, b->e.scope, name);
	PIN_ASSERT(h != NULL);
	for (k = 0; h->uses[k].binding != b || h->uses[k].subject != i; k++)
		PIN_ASSERT(k + 1 < h->n);
	h->uses[k] = h->uses[--h->n];
	if (h->n > 0)
		return;
	rbac_remove(&rb->holders, &h->e);
	free(h->uses);
	free(h);
}

void
rbac_binding_put(struct rbac *rb, struct pin_str scope, struct pin_str name,
    struct binding *b)
{
	struct entry *old = rbac_find(&rb->bindings, 0, scope, name);
	struct binding *was = (struct binding *)old;
	uint32_t i;

	if (was != NULL) {
		for (i = 0; i < was->nsubjects; i++)
			unhold(rb, was, i);
		rbac_remove(&rb->bindings, old);
		free(was);
	}
	if (b == NULL)
		return;
	rbac_insert(&rb->bindings, &b->e);
	for (i = 0; i < b->nsubjects; i++)
		hold(rb, b, i);
}

/* ---- the end -------------------------------------------------------- */

void
rbac_fini(struct rbac *rb)
{
	struct entry *e, *next;
	uint32_t i;

	for (i = 0; i < rb->bindings.nslots; i++)
		while ((e = rb->bindings.slot[i]) != NULL)
			rbac_binding_put(rb, e->scope, e->name, NULL);
	PIN_ASSERT(rb->holders.n == 0);
	for (i = 0; i < rb->roles.nslots; i++)
		for (e = rb->roles.slot[i]; e != NULL; e = next) {
			next = e->next;
			rbac_role_free((struct role *)e);
		}
	free(rb->roles.slot);
	free(rb->bindings.slot);
	free(rb->holders.slot);
}
