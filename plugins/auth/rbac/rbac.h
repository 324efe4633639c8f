/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rbac.h -- auth plugin: what its files share. Roles and bindings are kept
 * compiled; a hash of subjects leads from a user to the bindings that name
 * it, so a decision looks at nothing else.
 * Threads: readers on the fronts under a read lock, writers (views) alone.
 * Contract: pintle/auth.h; rbac.authorization.k8s.io/v1. */
#ifndef PLUGIN_RBAC_H
#define PLUGIN_RBAC_H

#include <pthread.h>
#include <stdatomic.h>

#include <pintle/auth.h>

#include "lib/selector/selector.h"

#define RBAC_AGGREGATE_MAX	4096	/* roles one role gathers */
#define RBAC_USER_MAX		640	/* "system:serviceaccount:NS:NAME" */

/* ---- a hash of things with a scope, a kind and a name ----------------- */

struct entry {
	struct entry	*next;
	uint32_t	 hash;
	uint32_t	 kind;
	struct pin_str	 scope;		/* namespace; none: the cluster */
	struct pin_str	 name;
};

struct table {
	struct entry	**slot;
	uint32_t	 nslots, n;
};

uint32_t rbac_hash(uint32_t kind, struct pin_str scope, struct pin_str name);
struct entry *rbac_find(const struct table *, uint32_t kind,
	    struct pin_str scope, struct pin_str name);
void	rbac_insert(struct table *, struct entry *);
void	rbac_remove(struct table *, struct entry *);

/* ---- roles and bindings, each one block of memory --------------------- */

enum { ROLE_LOCAL = 1, ROLE_CLUSTER = 2, ROLE_OTHER = 3 };
enum { SUBJECT_USER = 1, SUBJECT_GROUP = 2, SUBJECT_ACCOUNT = 3,
    SUBJECT_OTHER = 4 };

struct role {
	struct entry	 e;		/* kind: ROLE_... */
	const struct pin_rule *rules;
	uint32_t	 nrules, nlabels;
	const struct pin_label *labels;
	uint32_t	 nselectors;	/* an aggregated role has some */
	uint32_t	 nmembers;
	struct pin_selector **selectors;
	struct role	**members;	/* whose rules are its rules too */
};

struct subject {
	uint32_t	 kind;		/* SUBJECT_... */
	uint32_t	 pad;
	struct pin_str	 name, namespace;
	struct pin_str	 user;		/* of an account: its user name */
};

struct binding {
	struct entry	 e;
	uint32_t	 role_kind;
	uint32_t	 nsubjects;
	struct pin_str	 role_name, role_word;
	const struct subject *subjects;
};

/* Who is named by which bindings of a scope. kind: SUBJECT_USER (accounts
 * too, by user name) or SUBJECT_GROUP. */
struct use {
	const struct binding *binding;
	uint32_t	 subject, pad;	/* index */
};

struct holder {
	struct entry	 e;
	struct use	*uses;
	uint32_t	 n, cap;
};

struct rbac {
	struct pin_env	*env;
	pthread_rwlock_t lock;
	struct table	 roles, bindings, holders;
	struct pin_view	*views[4];
	atomic_int	 stale;		/* members must be found again */
};

/* compile.c: from stored bytes to one heap block, or NULL with err. */
struct role *rbac_role(const struct pin_view_event *, uint32_t kind,
	    struct pin_err *);
void	rbac_role_free(struct role *);
struct binding *rbac_binding(const struct pin_view_event *,
	    struct pin_err *);

/* index.c: under the write lock. */
void	rbac_role_put(struct rbac *, uint32_t kind, struct pin_str scope,
	    struct pin_str name, struct role *);
void	rbac_binding_put(struct rbac *, struct pin_str scope,
	    struct pin_str name, struct binding *);
void	rbac_aggregate(struct rbac *);
void	rbac_fini(struct rbac *);

/* match.c */
int	rbac_rule_allows(const struct pin_rule *,
	    const struct pin_attributes *, struct pin_str combined);

#endif
