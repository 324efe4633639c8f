/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootstrap.c -- see bootstrap.h: how an object is put; what is put stands in
 * bootstrap_*.c.
 * Contract: bootstrap.h. */
#include "core/apiserver/bootstrap.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/bootstrap_int.h"
#include "core/apiserver/meta.h"
#include "lib/patch/patch.h"
#include "lib/timefmt/timefmt.h"

#define BOOTSTRAP_ARENA	(16u << 20)

struct bootstrap {
	struct apiserver *srv;
	struct pin_arena *arena;
	pthread_mutex_t	 lock;
	pthread_cond_t	 done;
	uint32_t	 waiting;
	int32_t		 rc;
	struct pin_err	 err;
	char		 now[PIN_TIME_TEXT_MAX];
};

static void
put_done(void *arg, const struct pin_txn_result *res)
{
	struct bootstrap *b = arg;

	pthread_mutex_lock(&b->lock);
	/* Somebody made it first: fine. */
	if (res->rc != PIN_OK && res->rc != PIN_ECONFLICT && b->rc == PIN_OK)
		b->rc = pin_err_set(&b->err, res->rc, "%s", res->err != NULL ?
		    res->err->text : pin_err_text(res->rc));
	if (--b->waiting == 0)
		pthread_cond_signal(&b->done);
	pthread_mutex_unlock(&b->lock);
}

static int
submit(struct bootstrap *b, struct pin_str key, struct pin_buf *value,
    uint64_t revision, struct pin_err *err)
{
	struct pin_cmp cmp = { .type = PIN_CMP_MOD, .key = key,
	    .revision = revision };
	struct pin_op op = { .type = PIN_PUT, .key = key, .value = value };
	struct pin_txn txn = { .size = sizeof(txn), .cmps = &cmp, .ncmps = 1,
	    .ops = &op, .nops = 1 };
	int rc;

	pthread_mutex_lock(&b->lock);
	b->waiting++;
	pthread_mutex_unlock(&b->lock);
	rc = b->srv->store->txn(b->srv->store_self, &txn, put_done, b, err);
	if (rc != PIN_OK) {
		pthread_mutex_lock(&b->lock);
		b->waiting--;
		pthread_mutex_unlock(&b->lock);
	}
	return (rc);
}

static void
stamp(struct bootstrap *b, const struct pin_res_row *res, struct pin_obj *o)
{
	pin_node meta = meta_ensure(o);
	char uid[37];

	meta_uuid(b->srv->host, uid);
	pin_obj_set_str(o, meta, "uid", pin_str(uid));
	pin_obj_set_str(o, meta, "creationTimestamp", pin_str(b->now));
	if ((res->flags & PIN_RF_GENERATION) != 0)
		pin_obj_set_i64(o, meta, "generation", 1);
}

/* The stored object of a key, or NULL. */
static struct pin_buf *
stored(struct bootstrap *b, struct pin_str key, uint64_t *revision)
{
	struct pin_buf *old = NULL;
	struct pin_kv kv;

	if (b->srv->store->get(b->srv->store_self, key, 0, &old, &kv, NULL) !=
	    PIN_OK)
		return (NULL);
	*revision = kv.mod_rev;
	return (old);
}

/* Defaulted, checked for form and stored when the key still has revision. */
static int
put_object(struct bootstrap *b, const struct pin_res_row *res,
    struct pin_str key, struct pin_obj *raw, uint64_t revision,
    struct pin_err *err)
{
	const struct pin_schema *sc = b->srv->schema;
	struct pin_buf *value;
	struct pin_obj *obj;
	struct pin_out o;
	int rc;

	rc = pin_conform(b->arena, pin_schema_type(sc, res->type), raw,
	    pin_obj_root(raw), PIN_CONFORM_DEFAULT, &obj, NULL, err);
	if (rc != PIN_OK)
		return (rc);
	if (revision == 0)
		stamp(b, res, obj);
	pin_out_init(&o, b->arena, PIN_VALUE_MAX);
	pin_conform_write(pin_schema_type(sc, res->type), obj, &o);
	value = o.failed == PIN_OK ? pin_buf_copy(o.p, o.len) : NULL;
	if (value == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	rc = submit(b, key, value, revision, err);
	pin_buf_put(&value);
	return (rc);
}

/* Members of want's map that are not in now's. */
static void
add_members(struct pin_obj *now, const struct pin_obj *want, const char *map)
{
	pin_node from, to, n;
	struct pin_str key;

	from = pin_obj_get(want, meta_node(want), map);
	to = pin_obj_get(now, meta_node(now), map);
	if (from != 0 && pin_obj_type(now, to) != PIN_OBJECT)
		to = pin_obj_set_new(now, meta_ensure(now), map, PIN_OBJECT);
	for (n = pin_obj_first(want, from); n != 0;
	    n = pin_obj_next(want, n)) {
		key = pin_obj_key(want, n);
		if (pin_obj_getn(now, to, key.p, key.len) == 0)
			pin_obj_set_node(now, to, key, want, n);
	}
}

/* Elements of want's list that are not in now's. */
static void
add_elements(struct pin_obj *now, const struct pin_obj *want, const char *key)
{
	pin_node root = pin_obj_root(now), from, to, n, m;

	from = pin_obj_get(want, pin_obj_root(want), key);
	to = pin_obj_get(now, root, key);
	if (pin_obj_count(want, from) > 0 && pin_obj_type(now, to) !=
	    PIN_ARRAY)
		to = pin_obj_set_new(now, root, key, PIN_ARRAY);
	for (n = pin_obj_first(want, from); n != 0;
	    n = pin_obj_next(want, n)) {
		for (m = pin_obj_first(now, to); m != 0;
		    m = pin_obj_next(now, m))
			if (pin_obj_equal(now, m, want, n))
				break;
		if (m == 0)
			pin_obj_add_node(now, to, want, n);
	}
}

/* Upstream's reconciliation of roles and bindings: what is missing comes
 * back, what was added stays, unless the object says not to. */
static int
repair(struct pin_obj *now, const struct pin_obj *want, struct pin_err *err)
{
	struct pin_str yes = pin_obj_str(now, pin_obj_at(now, meta_node(now),
	    "annotations", "rbac.authorization.kubernetes.io/autoupdate",
	    NULL));

	if (pin_str_is(yes, "false"))
		return (PIN_OK);
	add_members(now, want, "labels");
	add_members(now, want, "annotations");
	add_elements(now, want, "subjects");
	/* The rules of an aggregated role are its controller's. */
	if (pin_obj_get(now, pin_obj_root(now), "aggregationRule") == 0)
		add_elements(now, want, "rules");
	return (pin_obj_failed(now) ? pin_err_set(err, PIN_ENOMEM,
	    "out of memory") : PIN_OK);
}

enum { KEEP, MERGE, REPAIR };

/* What is stored, with `want` merged in; written when that changes it. */
static int
merge_object(struct bootstrap *b, const struct pin_res_row *res,
    struct pin_str key, struct pin_buf *old, uint64_t revision,
    struct pin_obj *want, int how, struct pin_err *err)
{
	struct pin_obj *now, *was;
	int rc;

	rc = pin_obj_parse(b->arena, (const char *)old->data, old->len, &now,
	    err);
	if (rc != PIN_OK)
		return (rc);
	was = pin_obj_copy(b->arena, now);
	if (was == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	rc = how == REPAIR ? repair(now, want, err) :
	    pin_merge_patch(now, want, err);
	if (rc != PIN_OK || pin_obj_equal(now, pin_obj_root(now), was,
	    pin_obj_root(was)))
		return (rc);
	return (put_object(b, res, key, now, revision, err));
}

static int
put_or_merge(struct bootstrap *b, const char *group, const char *version,
    const char *resource, struct pin_str json, int how, struct pin_err *err)
{
	const struct pin_schema *sc = b->srv->schema;
	const struct pin_res_row *res = pin_res_find(sc, group, version,
	    resource);
	struct pin_obj *raw;
	struct pin_buf *old;
	struct pin_str key;
	uint64_t revision = 0;
	char gv[128];
	int rc;

	PIN_ASSERT(res != NULL);
	rc = pin_obj_parse(b->arena, json.p, json.len, &raw, err);
	if (rc != PIN_OK)
		return (pin_err_wrap(err, "built-in %s", resource));
	key = store_key(b->arena, sc, res, meta_str(raw, "namespace"),
	    meta_str(raw, "name"));
	snprintf(gv, sizeof(gv), "%s%s%s", group, *group ? "/" : "", version);
	pin_obj_set_str(raw, pin_obj_root(raw), "apiVersion", pin_str(gv));
	pin_obj_set_str(raw, pin_obj_root(raw), "kind",
	    pin_str(pin_schema_str(sc, res->kind)));
	old = stored(b, key, &revision);
	if (old == NULL)
		rc = put_object(b, res, key, raw, 0, err);
	else if (how != KEEP)
		rc = merge_object(b, res, key, old, revision, raw, how, err);
	pin_buf_put(&old);
	return (rc == PIN_OK ? rc : pin_err_wrap(err, "built-in %s",
	    resource));
}

int
bootstrap_put(struct bootstrap *b, const char *group, const char *version,
    const char *resource, struct pin_str json, struct pin_err *err)
{
	return (put_or_merge(b, group, version, resource, json, KEEP, err));
}

int
bootstrap_merge(struct bootstrap *b, const char *group, const char *version,
    const char *resource, struct pin_str json, struct pin_err *err)
{
	return (put_or_merge(b, group, version, resource, json, MERGE, err));
}

static int
bootstrap_wait(struct bootstrap *b, struct pin_err *err)
{
	int rc;

	pthread_mutex_lock(&b->lock);
	while (b->waiting > 0)
		pthread_cond_wait(&b->done, &b->lock);
	rc = b->rc;
	if (rc != PIN_OK && err != NULL)
		*err = b->err;
	pthread_mutex_unlock(&b->lock);
	return (rc);
}

int
bootstrap_repair(struct bootstrap *b, const char *group, const char *version,
    const char *resource, struct pin_str json, struct pin_err *err)
{
	return (put_or_merge(b, group, version, resource, json, REPAIR, err));
}

const char *
bootstrap_now(const struct bootstrap *b)
{
	return (b->now);
}

static int
run_list(struct apiserver *srv, bootstrap_fn *const *list, uint32_t n,
    struct pin_err *err)
{
	struct bootstrap b = { .srv = srv };
	uint32_t i;
	int rc = PIN_OK, end;

	b.arena = pin_arena_new(BOOTSTRAP_ARENA);
	if (b.arena == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	pthread_mutex_init(&b.lock, NULL);
	pthread_cond_init(&b.done, NULL);
	pin_time_format(pin_host_wall(srv->host) / 1000000000, b.now);
	for (i = 0; i < n && rc == PIN_OK; i++)
		rc = list[i](&b, srv, err);
	end = bootstrap_wait(&b, rc == PIN_OK ? err : NULL);
	pthread_cond_destroy(&b.done);
	pthread_mutex_destroy(&b.lock);
	pin_arena_free(&b.arena);
	if (rc == PIN_OK)
		rc = end;
	return (rc == PIN_OK ? rc : pin_err_wrap(err, "first objects"));
}

int
bootstrap_run(struct apiserver *srv, struct pin_err *err)
{
	return (run_list(srv, bootstraps, nbootstraps, err));
}

int
bootstrap_listening(struct apiserver *srv, struct pin_err *err)
{
	return (run_list(srv, bootstraps_late, nbootstraps_late, err));
}
