/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cache.h -- objects of one resource as bytes, in key order, and by the uid
 * of their controlling owner. A skip list: lookups and changes cost the
 * logarithm, walking in order nothing.
 * Knows nothing of servers. Thread: its owner's.
 * Contract: a key is "NAMESPACE/NAME", or "NAME" for cluster scope. An entry
 * holds a reference to bytes, which others may share. */
#ifndef PINTLE_CLIENT_CACHE_H
#define PINTLE_CLIENT_CACHE_H

#include <pintle/arena.h>

#define CACHE_KEY_MAX		512	/* namespace 63, '/', name 253 */
#define CACHE_HEIGHT_MAX	16

struct cache_owner;

struct cache_entry {
	struct pin_buf	*buf;		/* a reference */
	uint64_t	 revision;
	uint32_t	 generation;	/* of the list that last named it */
	uint16_t	 key_len, ns_len;
	uint16_t	 height;
	uint16_t	 pad[3];
	struct cache_owner *owner;	/* NULL: none */
	struct cache_entry *own_next, *own_prev;
	char		*key;		/* after the links */
	struct cache_entry *next[];	/* height of them */
};

struct cache {
	struct cache_entry *head[CACHE_HEIGHT_MAX];
	struct cache_owner **owners;	/* hashed by uid */
	uint32_t	 nowners, owner_slots;
	uint64_t	 n, bytes;
};

void	cache_init(struct cache *);
void	cache_fini(struct cache *);
/* "ns/name" into out; 0 when it is too long. */
size_t	cache_key(char out[CACHE_KEY_MAX], struct pin_str ns,
	    struct pin_str name);
struct cache_entry *cache_get(const struct cache *, struct pin_str key);
/* The first whose key is not below. */
struct cache_entry *cache_seek(const struct cache *, struct pin_str key);
static inline struct cache_entry *
cache_next(const struct cache_entry *e)
{
	return (e->next[0]);
}
static inline struct pin_str
cache_namespace(const struct cache_entry *e)
{
	return ((struct pin_str){ e->key, e->ns_len });
}
static inline struct pin_str
cache_name(const struct cache_entry *e)
{
	size_t at = e->ns_len > 0 ? e->ns_len + 1u : 0;

	return ((struct pin_str){ e->key + at, e->key_len - at });
}
static inline struct pin_str
cache_bytes(const struct cache_entry *e)
{
	return ((struct pin_str){ (const char *)e->buf->data, e->buf->len });
}

/* Adds or replaces; takes a reference of its own. owner: uid or none. */
struct cache_entry *cache_put(struct cache *, struct pin_str ns,
	    struct pin_str name, uint64_t revision, struct pin_buf *,
	    struct pin_str owner);
void	cache_remove(struct cache *, struct cache_entry *);
/* Entries of an owner, linked by own_next, in no order. */
struct cache_entry *cache_owned(const struct cache *, struct pin_str uid,
	    uint32_t *n);

#endif
