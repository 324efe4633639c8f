/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cache.c -- verified tokens by SHA-256 of their text: sets of a few slots,
 * the oldest of a set goes first. Tokens themselves are not kept.
 * Any thread, under one read-write lock held for a look.
 * Contract: account.h. */
#include <stdlib.h>
#include <string.h>

#include "plugins/auth/serviceaccount/account.h"

struct slot {
	uint8_t		 hash[32];
	struct claims	*claims;	/* one reference; NULL: empty */
	uint64_t	 age;
};

struct cache {
	pthread_rwlock_t lock;
	struct slot	*slots;
	uint32_t	 nsets;		/* a power of two, or 0 */
	uint64_t	 clock;
};

struct cache *
cache_new(uint32_t entries)
{
	struct cache *c = pin_xcalloc(1, sizeof(*c));

	pthread_rwlock_init(&c->lock, NULL);
	if (entries == 0)
		return (c);
	for (c->nsets = 1; c->nsets * ACCOUNT_WAYS < entries; c->nsets *= 2)
		;
	c->slots = pin_xcalloc(c->nsets * ACCOUNT_WAYS, sizeof(*c->slots));
	return (c);
}

void
cache_free(struct cache *c)
{
	uint32_t i;

	for (i = 0; i < c->nsets * ACCOUNT_WAYS; i++)
		claims_put(c->slots[i].claims);
	free(c->slots);
	pthread_rwlock_destroy(&c->lock);
	free(c);
}

static struct slot *
set_of(struct cache *c, const uint8_t hash[32])
{
	uint32_t h;

	memcpy(&h, hash, sizeof(h));
	return (&c->slots[(h & (c->nsets - 1)) * ACCOUNT_WAYS]);
}

static struct slot *
find(struct cache *c, const uint8_t hash[32])
{
	struct slot *set = set_of(c, hash);
	uint32_t i;

	for (i = 0; i < ACCOUNT_WAYS; i++)
		if (set[i].claims != NULL && memcmp(set[i].hash, hash, 32) ==
		    0)
			return (&set[i]);
	return (NULL);
}

struct claims *
cache_get(struct cache *c, const uint8_t hash[32])
{
	struct claims *claims = NULL;
	struct slot *s;

	if (c->nsets == 0)
		return (NULL);
	pthread_rwlock_rdlock(&c->lock);
	s = find(c, hash);
	if (s != NULL) {
		claims = s->claims;
		atomic_fetch_add(&claims->refs, 1);
	}
	pthread_rwlock_unlock(&c->lock);
	return (claims);
}

void
cache_put(struct cache *c, const uint8_t hash[32], struct claims *claims)
{
	struct slot *set, *s;
	uint32_t i;

	if (c->nsets == 0)
		return;
	atomic_fetch_add(&claims->refs, 1);
	pthread_rwlock_wrlock(&c->lock);
	set = set_of(c, hash);
	s = find(c, hash);
	for (i = 0; i < ACCOUNT_WAYS && s == NULL; i++)
		if (set[i].claims == NULL)
			s = &set[i];
	if (s == NULL)
		for (s = set, i = 1; i < ACCOUNT_WAYS; i++)
			if (set[i].age < s->age)
				s = &set[i];
	claims_put(s->claims);
	s->claims = claims;
	s->age = ++c->clock;
	memcpy(s->hash, hash, 32);
	pthread_rwlock_unlock(&c->lock);
}

void
cache_drop(struct cache *c, const uint8_t hash[32])
{
	struct slot *s;

	if (c->nsets == 0)
		return;
	pthread_rwlock_wrlock(&c->lock);
	s = find(c, hash);
	if (s != NULL) {
		claims_put(s->claims);
		s->claims = NULL;
	}
	pthread_rwlock_unlock(&c->lock);
}
