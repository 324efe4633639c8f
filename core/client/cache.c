/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cache.c -- see cache.h. Heights come from a hash of the key, so that the
 * shape depends on the keys and not on their order.
 * Contract: cache.h. */
#include "core/client/cache.h"

#include <stdlib.h>
#include <string.h>

#define OWNER_SLOTS	64	/* at first; doubles */

struct cache_owner {
	struct cache_owner *next;	/* in its slot */
	struct cache_entry *first;
	uint64_t	 hash;
	uint32_t	 n;
	uint32_t	 uid_len;
	char		 uid[];
};

static uint64_t
hash_of(struct pin_str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	return (h * UINT64_C(0x9e3779b97f4a7c15));
}

void
cache_init(struct cache *c)
{
	memset(c, 0, sizeof(*c));
	c->owner_slots = OWNER_SLOTS;
	c->owners = pin_xcalloc(OWNER_SLOTS, sizeof(struct cache_owner *));
}

static void
entry_free(struct cache_entry *e)
{
	pin_buf_put(&e->buf);
	free(e);
}

void
cache_fini(struct cache *c)
{
	struct cache_entry *e, *next;
	struct cache_owner *o, *onext;
	uint32_t i;

	for (e = c->head[0]; e != NULL; e = next) {
		next = e->next[0];
		entry_free(e);
	}
	for (i = 0; i < c->owner_slots; i++)
		for (o = c->owners[i]; o != NULL; o = onext) {
			onext = o->next;
			free(o);
		}
	free(c->owners);
	memset(c, 0, sizeof(*c));
}

size_t
cache_key(char out[CACHE_KEY_MAX], struct pin_str ns, struct pin_str name)
{
	size_t n = 0;

	if (ns.len + name.len + 1 > CACHE_KEY_MAX)
		return (0);
	if (ns.len > 0) {
		memcpy(out, ns.p, ns.len);
		out[ns.len] = '/';
		n = ns.len + 1;
	}
	if (name.len > 0)
		memcpy(out + n, name.p, name.len);
	return (n + name.len);
}

/* ---- order ---------------------------------------------------------- */

static int
entry_cmp(const struct cache_entry *e, struct pin_str key)
{
	return (pin_str_cmp((struct pin_str){ e->key, e->key_len }, key));
}

/* path[h]: the links to change at height h to put something before the
 * result, which is the first entry not below key. */
static struct cache_entry *
seek(const struct cache *c, struct pin_str key, struct cache_entry ***path)
{
	struct cache_entry *const *links = c->head;
	struct cache_entry *e;
	int h;

	for (h = CACHE_HEIGHT_MAX - 1; h >= 0; h--) {
		while ((e = links[h]) != NULL && entry_cmp(e, key) < 0)
			links = e->next;
		if (path != NULL)
			path[h] = (struct cache_entry **)(uintptr_t)&links[h];
	}
	return (links[0]);
}

struct cache_entry *
cache_seek(const struct cache *c, struct pin_str key)
{
	return (seek(c, key, NULL));
}

struct cache_entry *
cache_get(const struct cache *c, struct pin_str key)
{
	struct cache_entry *e = seek(c, key, NULL);

	return (e != NULL && entry_cmp(e, key) == 0 ? e : NULL);
}

static struct cache_entry *
entry_new(struct cache *c, struct pin_str ns, struct pin_str key)
{
	struct cache_entry **path[CACHE_HEIGHT_MAX], *e;
	uint64_t h = hash_of(key);
	uint16_t height = 1;
	int i;

	while (height < CACHE_HEIGHT_MAX && (h & 3) == 0) {
		height++;
		h >>= 2;
	}
	e = pin_xcalloc(1, sizeof(*e) + height * sizeof(e->next[0]) +
	    key.len + 1);
	e->height = height;
	e->key = (char *)&e->next[height];
	memcpy(e->key, key.p, key.len);
	e->key_len = (uint16_t)key.len;
	e->ns_len = (uint16_t)ns.len;
	(void)seek(c, key, path);
	for (i = 0; i < height; i++) {
		e->next[i] = *path[i];
		*path[i] = e;
	}
	c->n++;
	return (e);
}

/* ---- owners --------------------------------------------------------- */

static struct cache_owner *
owner_find(const struct cache *c, struct pin_str uid, uint64_t hash)
{
	struct cache_owner *o;

	for (o = c->owners[hash & (c->owner_slots - 1)]; o != NULL;
	    o = o->next)
		if (o->hash == hash && pin_str_eq(uid, (struct pin_str){
		    o->uid, o->uid_len }))
			return (o);
	return (NULL);
}

static void
owners_grow(struct cache *c)
{
	uint32_t n = c->owner_slots * 2, i;
	struct cache_owner **to = pin_xcalloc(n, sizeof(*to)), *o, *next;

	for (i = 0; i < c->owner_slots; i++)
		for (o = c->owners[i]; o != NULL; o = next) {
			next = o->next;
			o->next = to[o->hash & (n - 1)];
			to[o->hash & (n - 1)] = o;
		}
	free(c->owners);
	c->owners = to;
	c->owner_slots = n;
}

static void
owner_leave(struct cache *c, struct cache_entry *e)
{
	struct cache_owner *o = e->owner, **at;

	if (o == NULL)
		return;
	if (e->own_prev != NULL)
		e->own_prev->own_next = e->own_next;
	else
		o->first = e->own_next;
	if (e->own_next != NULL)
		e->own_next->own_prev = e->own_prev;
	e->own_next = e->own_prev = NULL;
	e->owner = NULL;
	if (--o->n > 0)
		return;
	at = &c->owners[o->hash & (c->owner_slots - 1)];
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	c->nowners--;
	free(o);
}

static void
owner_join(struct cache *c, struct cache_entry *e, struct pin_str uid)
{
	uint64_t hash = hash_of(uid);
	struct cache_owner *o = owner_find(c, uid, hash), **slot;

	if (o == NULL) {
		if (c->nowners >= c->owner_slots)
			owners_grow(c);
		o = pin_xcalloc(1, sizeof(*o) + uid.len);
		o->hash = hash;
		o->uid_len = (uint32_t)uid.len;
		memcpy(o->uid, uid.p, uid.len);
		slot = &c->owners[hash & (c->owner_slots - 1)];
		o->next = *slot;
		*slot = o;
		c->nowners++;
	}
	e->owner = o;
	e->own_prev = NULL;
	e->own_next = o->first;
	if (o->first != NULL)
		o->first->own_prev = e;
	o->first = e;
	o->n++;
}

struct cache_entry *
cache_owned(const struct cache *c, struct pin_str uid, uint32_t *n)
{
	struct cache_owner *o = owner_find(c, uid, hash_of(uid));

	if (n != NULL)
		*n = o != NULL ? o->n : 0;
	return (o != NULL ? o->first : NULL);
}

/* ---- changes -------------------------------------------------------- */

struct cache_entry *
cache_put(struct cache *c, struct pin_str ns, struct pin_str name,
    uint64_t revision, struct pin_buf *buf, struct pin_str owner)
{
	char text[CACHE_KEY_MAX];
	struct pin_str key = { text, cache_key(text, ns, name) };
	struct cache_entry *e;

	if (key.len == 0)
		return (NULL);
	e = cache_get(c, key);
	if (e == NULL)
		e = entry_new(c, ns, key);
	c->bytes += buf->len - (e->buf != NULL ? e->buf->len : 0);
	(void)pin_buf_get(buf);
	pin_buf_put(&e->buf);
	e->buf = buf;
	e->revision = revision;
	if (e->owner == NULL || !pin_str_eq(owner, (struct pin_str){
	    e->owner->uid, e->owner->uid_len })) {
		owner_leave(c, e);
		if (owner.len > 0)
			owner_join(c, e, owner);
	}
	return (e);
}

void
cache_remove(struct cache *c, struct cache_entry *e)
{
	struct cache_entry **path[CACHE_HEIGHT_MAX];
	int i;

	PIN_ASSERT(seek(c, (struct pin_str){ e->key, e->key_len }, path) ==
	    e);
	for (i = 0; i < e->height; i++)
		if (*path[i] == e)
			*path[i] = e->next[i];
	owner_leave(c, e);
	c->n--;
	c->bytes -= e->buf->len;
	entry_free(e);
}
