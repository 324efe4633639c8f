/* SPDX-License-Identifier: BSD-2-Clause
 *
 * auth.h -- who is asking (authentication), may they (authorization). One
 * plugin may do either or both; the configuration lists them in two chains.
 * Threads: front threads, several at once; must not block (PIN_LATER, or
 * the flag PIN_PLUGIN_BLOCKING).
 * Contract: apiserver authentication/authorization semantics. */
#ifndef PINTLE_AUTH_H
#define PINTLE_AUTH_H

#include <pintle/view.h>

#define PIN_AUTH_ABI		PIN_ABI(1, 0)	/* history: docs/abi/auth.md */

#define PIN_AUTH_GROUPS_MAX	256
#define PIN_AUTH_EXTRA_MAX	64
#define PIN_AUTH_TOKEN_MAX	16384

struct pin_extra {
	struct pin_str	key;
	struct pin_str	value;		/* a key may come several times */
};

/* An authenticated user. The host adds system:authenticated. */
struct pin_user {
	uint32_t	 size;
	uint32_t	 ngroups;
	struct pin_str	 name;
	struct pin_str	 uid;
	const struct pin_str *groups;
	const struct pin_extra *extra;
	uint32_t	 nextra;
	uint32_t	 pad;
	const struct pin_str *audiences; /* of the token; none: API server's */
	uint32_t	 naudiences;
	uint32_t	 pad2;
};

/* What the transport and the head of the request say. */
struct pin_credentials {
	uint32_t	 size;
	uint32_t	 has_cert;	/* 1: chain verified by the host for
					 * client use, against the client CA */
	struct pin_str	 cert_cn;	/* first CN of the subject */
	const struct pin_str *cert_orgs; /* every O of the subject */
	uint32_t	 ncert_orgs;
	uint32_t	 has_peer;	/* 1: UNIX socket, peer_uid is known */
	uint32_t	 peer_uid;
	uint32_t	 peer_port;
	struct pin_str	 cert_der;	/* the leaf */
	struct pin_str	 bearer;	/* Authorization: Bearer; may be none */
	struct pin_str	 peer_ip;	/* text */
	const struct pin_str *audiences; /* wanted; none: API server's own */
	uint32_t	 naudiences;
	uint32_t	 pad;
};

enum {
	PIN_AUTHN_SKIP = 0,		/* not mine, ask the next */
	PIN_AUTHN_YES = 1,		/* *out is filled */
	PIN_AUTHN_NO = 2,		/* a credential of mine, and bad: 401
					 * unless another says YES */
};

/* out points into the call's arena or into memory that lives as long as
 * self. */
typedef int pin_auth_authenticate_fn(void *self, struct pin_call *,
    const struct pin_credentials *, struct pin_user *out);

/* What is asked. For a path that is no resource, only verb and path. */
struct pin_attributes {
	uint32_t	 size;
	uint32_t	 is_resource;
	struct pin_str	 verb;		/* "get", "list", ... */
	struct pin_str	 group, version, resource, subresource;
	struct pin_str	 namespace, name;
	struct pin_str	 path;
	struct pin_str	 field_selector, label_selector; /* as sent */
};

enum {
	PIN_AUTHZ_ABSTAIN = 0,
	PIN_AUTHZ_ALLOW = 1,
	PIN_AUTHZ_DENY = 2,
};

/* A reason, shown to the client on refusal, goes into pin_call_note. */
typedef int pin_auth_authorize_fn(void *self, struct pin_call *,
    const struct pin_user *, const struct pin_attributes *);

/* One rule a user has, for SelfSubjectRulesReview: resource rules have
 * groups and resources, the others paths. */
struct pin_rule {
	uint32_t	 size;
	uint32_t	 pad;
	const struct pin_str *verbs, *groups, *resources, *names, *paths;
	uint32_t	 nverbs, ngroups, nresources, nnames, npaths, pad2;
};

typedef void pin_auth_rule_fn(void *arg, const struct pin_rule *);
/* Calls emit for each rule; PIN_OK, or an error when the list is not whole. */
typedef int pin_auth_rules_fn(void *self, struct pin_call *,
    const struct pin_user *, struct pin_str namespace,
    pin_auth_rule_fn *emit, void *arg);

struct pin_auth_ops {
	uint32_t		 size;
	uint32_t		 pad;
	pin_auth_authenticate_fn *authenticate;	/* one of these two */
	pin_auth_authorize_fn	*authorize;
	pin_auth_rules_fn	*rules;		/* optional */
};

#endif
