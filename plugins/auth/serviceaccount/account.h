/* SPDX-License-Identifier: BSD-2-Clause
 *
 * account.h -- auth plugin serviceaccount: what its files share. A token
 * whose signature was verified becomes one immutable, counted block of
 * claims, kept in a bounded cache by the token's hash.
 * Threads: any front; the cache has a lock of its own.
 * Contract: pintle/auth.h; RFC 7515, 7519; KEP-1205, KEP-4193. */
#ifndef PLUGIN_ACCOUNT_H
#define PLUGIN_ACCOUNT_H

#include <pthread.h>
#include <stdatomic.h>

#include <pintle/auth.h>
#include <pintle/object.h>
#include <pintle/view.h>

#define ACCOUNT_AUDIENCES_MAX	32	/* of one token */
#define ACCOUNT_EXTRA_MAX	5
#define ACCOUNT_GROUPS		2
#define ACCOUNT_WAYS		4	/* slots where a token may lie */
#define ACCOUNT_LEEWAY_S	60	/* between clocks; go-jose's default */

/* What a token is bound to. */
enum { BOUND_ACCOUNT, BOUND_POD, BOUND_SECRET, BOUND_NODE, BOUND__COUNT };

struct ref {
	struct pin_str	 name, uid;	/* name none: not bound */
};

struct claims {
	atomic_uint	 refs;
	uint32_t	 naudiences;
	struct pin_str	 namespace, subject, jti;
	struct ref	 ref[BOUND__COUNT];
	const struct pin_str *audiences;
	int64_t		 exp, nbf, iat, warn;	/* 0: not there */
	/* The user, made once. */
	struct pin_str	 user;
	struct pin_str	 groups[ACCOUNT_GROUPS];
	struct pin_extra extra[ACCOUNT_EXTRA_MAX];
	uint32_t	 nextra, pad;
	/* The revision at which each object was last seen alive. */
	_Atomic(uint64_t) seen[BOUND__COUNT];
};

/* ---- jwt.c: pure ------------------------------------------------------ */

struct jwt {
	struct pin_str	 signed_part;	/* head "." body */
	struct pin_obj	*head, *body;
	const uint8_t	*sig;
	size_t		 sig_len;
};

/* Takes a token apart; 0: it is no JWT at all. */
int	jwt_split(struct pin_arena *, struct pin_str token, struct jwt *);
struct pin_str jwt_str(const struct pin_obj *, const char *key);
/* A claims block on the heap with one reference, or NULL with err. */
struct claims *jwt_claims(const struct pin_obj *body, struct pin_err *);
void	claims_put(struct claims *);

/* ---- cache.c ---------------------------------------------------------- */

struct cache;

struct cache *cache_new(uint32_t entries);	/* 0: keeps nothing */
void	cache_free(struct cache *);
/* A reference, or NULL. */
struct claims *cache_get(struct cache *, const uint8_t hash[32]);
void	cache_put(struct cache *, const uint8_t hash[32], struct claims *);
void	cache_drop(struct cache *, const uint8_t hash[32]);

#endif
