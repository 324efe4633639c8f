/* SPDX-License-Identifier: BSD-2-Clause
 *
 * reconcile.c -- what a controller sees: cached bytes, parsed when asked for
 * into the arena of this one reconcile.
 * Changes nothing. Controller loop. Contract: pintle/controller.h. */
#include "core/controller/controller_int.h"

#include <stdlib.h>
#include <string.h>

#define RECONCILE_MAGIC	0x72656363u

void
reconcile_init(struct pin_reconcile *r, struct pin_host *host)
{
	memset(r, 0, sizeof(*r));
	r->magic = RECONCILE_MAGIC;
	r->host = host;
	r->arena = pin_arena_new(RECONCILE_ARENA_MAX);
	PIN_ASSERT(r->arena != NULL);
}

void
reconcile_fini(struct pin_reconcile *r)
{
	pin_arena_free(&r->arena);
	r->magic = 0;
}

void
reconcile_begin(struct pin_reconcile *r, const struct live_result *live)
{
	PIN_VALID(r, RECONCILE_MAGIC);
	pin_arena_reset(r->arena);
	r->live = live;
	r->failed = PIN_OK;
	r->now = pin_host_wall(r->host) / INT64_C(1000000000);
}

void
live_free(PIN_OWN struct live_result **lp)
{
	struct live_result *l = *lp, *next;

	*lp = NULL;
	for (; l != NULL; l = next) {
		next = l->next;
		pin_buf_put(&l->buf);
		free(l);
	}
}

static const struct pin_obj *
parse(struct pin_reconcile *r, struct pin_str bytes)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	int rc = pin_obj_parse(r->arena, bytes.p, bytes.len, &o, &err);

	if (rc == PIN_OK)
		return (o);
	r->failed = rc;
	return (NULL);
}

static const struct cache *
cache_of(struct pin_reconcile *r, uint32_t index)
{
	PIN_VALID(r, RECONCILE_MAGIC);
	PIN_ASSERT(index < r->ncaches);
	return (r->cache[index]);	/* NULL: not opened yet */
}

const struct pin_obj *
pin_cache_get(struct pin_reconcile *r, uint32_t index,
    struct pin_str namespace, struct pin_str name)
{
	const struct cache *c = cache_of(r, index);
	char text[CACHE_KEY_MAX];
	struct pin_str key = { text, cache_key(text, namespace, name) };
	struct cache_entry *e;

	if (c == NULL || key.len == 0)
		return (NULL);
	e = cache_get(c, key);
	return (e != NULL ? parse(r, cache_bytes(e)) : NULL);
}

void
pin_cache_list(struct pin_reconcile *r, uint32_t index,
    struct pin_str namespace, pin_cache_each_fn *fn, void *arg)
{
	const struct cache *c = cache_of(r, index);
	char text[CACHE_KEY_MAX];
	struct pin_str from = { text, cache_key(text, namespace,
	    PIN_STR_NONE) };
	const struct pin_obj *o;
	struct cache_entry *e;

	if (c == NULL)
		return;
	e = namespace.len > 0 ? cache_seek(c, from) : c->head[0];
	for (; e != NULL; e = cache_next(e)) {
		if (namespace.len > 0 && !pin_str_eq(cache_namespace(e),
		    namespace))
			break;
		o = parse(r, cache_bytes(e));
		if (o == NULL || fn(arg, o) != 0)
			break;
	}
}

static int
by_key(const void *a, const void *b)
{
	const struct cache_entry *x = *(struct cache_entry *const *)a;
	const struct cache_entry *y = *(struct cache_entry *const *)b;

	return (pin_str_cmp((struct pin_str){ x->key, x->key_len },
	    (struct pin_str){ y->key, y->key_len }));
}

void
pin_cache_owned(struct pin_reconcile *r, uint32_t index,
    struct pin_str namespace, struct pin_str uid, pin_cache_each_fn *fn,
    void *arg)
{
	const struct cache *c = cache_of(r, index);
	const struct pin_obj *o;
	struct cache_entry *e, **all;
	uint32_t n, k = 0, i;

	if (c == NULL || uid.len == 0)
		return;
	e = cache_owned(c, uid, &n);
	all = pin_arena_alloc(r->arena, (n + 1) * sizeof(struct cache_entry *));
	if (all == NULL) {
		r->failed = PIN_ENOMEM;
		return;
	}
	for (; e != NULL; e = e->own_next)
		if (namespace.len == 0 || pin_str_eq(cache_namespace(e),
		    namespace))
			all[k++] = e;
	qsort(all, k, sizeof(struct cache_entry *), by_key);
	for (i = 0; i < k; i++) {
		o = parse(r, cache_bytes(all[i]));
		if (o == NULL || fn(arg, o) != 0)
			break;
	}
}

struct pin_arena *
pin_reconcile_arena(struct pin_reconcile *r)
{
	return (r->arena);
}

struct pin_host *
pin_reconcile_host(struct pin_reconcile *r)
{
	return (r->host);
}

int64_t
pin_reconcile_now(struct pin_reconcile *r)
{
	return (r->now);
}

static int
live_find(struct pin_reconcile *r, struct pin_str path, uint32_t verb,
    const struct pin_obj **out)
{
	const struct live_result *l;

	*out = NULL;
	for (l = r->live; l != NULL; l = l->next) {
		if (l->verb != verb || !pin_str_is(path, l->path))
			continue;
		if (l->buf != NULL)
			*out = parse(r, (struct pin_str){
			    (const char *)l->buf->data + l->off, l->len });
		return (1);
	}
	return (0);
}

int
pin_live_result(struct pin_reconcile *r, const struct pin_target *t,
    const struct pin_obj **out)
{
	return (live_find(r, live_path(r->arena, t), 0, out));
}

int
pin_delete_all_result(struct pin_reconcile *r, const struct pin_target *t,
    const struct pin_obj **out)
{
	return (live_find(r, target_path(r->arena, t, 0), WRITE_DELETE_ALL,
	    out));
}

int
pin_refused(struct pin_reconcile *r, const char *resource,
    const struct pin_obj **status)
{
	uint32_t verb;

	for (verb = WRITE_CREATE; verb <= WRITE_DELETE; verb++)
		if (live_find(r, pin_str(resource), LIVE_REFUSED + verb,
		    status) && *status != NULL)
			return ((int)verb);
	return (0);
}

/* ---- everything there is -------------------------------------------- */

const struct pin_resource *
pin_resources(struct pin_reconcile *r, uint32_t *n)
{
	PIN_VALID(r, RECONCILE_MAGIC);
	*n = r->nresources;
	return (r->resource);
}

int
pin_map_deleted(const struct pin_reconcile *r)
{
	return ((int)r->deleted);
}

void
pin_cache_any_list(struct pin_reconcile *r, const struct pin_target *t,
    pin_cache_each_fn *fn, void *arg)
{
	const struct cache *c = r->any != NULL ? r->any(r->any_arg, t) : NULL;
	const struct pin_obj *o;
	struct cache_entry *e;

	for (e = c != NULL ? c->head[0] : NULL; e != NULL; e = cache_next(e)) {
		o = parse(r, cache_bytes(e));
		if (o == NULL || fn(arg, o) != 0)
			break;
	}
}

const struct pin_obj *
pin_cache_any(struct pin_reconcile *r, const struct pin_target *t)
{
	const struct cache *c = r->any != NULL ? r->any(r->any_arg, t) : NULL;
	char text[CACHE_KEY_MAX];
	struct pin_str key = { text, cache_key(text, t->namespace, t->name) };
	struct cache_entry *e;

	if (c == NULL || key.len == 0)
		return (NULL);
	e = cache_get(c, key);
	return (e != NULL ? parse(r, cache_bytes(e)) : NULL);
}

/* ---- keys ----------------------------------------------------------- */

void
pin_keys_add(struct pin_keys *k, struct pin_str namespace,
    struct pin_str name)
{
	if (name.len > 0 && namespace.len + name.len < CACHE_KEY_MAX)
		k->add(k->arg, namespace, name);
}

void
pin_keys_add_owner(struct pin_keys *k, const struct pin_obj *o,
    const char *kind)
{
	pin_node root = pin_obj_root(o), n;
	struct pin_str ns = pin_obj_str(o, pin_obj_at(o, root, "metadata",
	    "namespace", NULL));

	n = pin_obj_at(o, root, "metadata", "ownerReferences", NULL);
	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "controller")) &&
		    pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "kind")),
		    kind))
			pin_keys_add(k, ns, pin_obj_str(o, pin_obj_get(o, n,
			    "name")));
}
