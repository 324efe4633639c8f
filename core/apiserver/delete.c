/* SPDX-License-Identifier: BSD-2-Clause
 *
 * delete.c -- DELETE and DELETECOLLECTION: preconditions, finalizers,
 * propagation, grace.
 * Front loop. Contract: upstream's registry Store.Delete: an object with
 * finalizers is marked and stays; the last finalizer's removal ends it. */
#include "core/apiserver/verbs.h"

#include <string.h>

#include "core/apiserver/chain.h"
#include "core/apiserver/meta.h"
#include "core/apiserver/render.h"
#include "core/apiserver/strategy.h"

enum { PROPAGATE_DEFAULT, PROPAGATE_BACKGROUND, PROPAGATE_FOREGROUND,
    PROPAGATE_ORPHAN };

/* Checked by query_check. */
/* Kinds whose dependents stay unless the client says what becomes of them:
 * what their first version did. */
static const struct {
	const char	*group, *resource;
} keepers[] = { { "batch", "jobs" }, { "", "replicationcontrollers" } };

static int
is_keeper(const struct request *r)
{
	size_t i;

	for (i = 0; i < PIN_LEN(keepers); i++)
		if (pin_str_is(r->info.resource, keepers[i].resource) &&
		    pin_str_is(r->info.group, keepers[i].group))
			return (1);
	return (0);
}

static int
has_finalizer(const struct pin_obj *o, const char *name)
{
	pin_node n;

	for (n = pin_obj_first(o, pin_obj_get(o, meta_node(o), "finalizers"));
	    n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, n), name))
			return (1);
	return (0);
}

void
delete_warn(struct request *r)
{
	if (pin_str_is(r->info.resource, "jobs") && is_keeper(r) &&
	    r->opt.propagation.len == 0 && r->opt.orphan < 0)
		request_warn(r, "child pods are preserved by default when "
		    "jobs are deleted; set propagationPolicy=Background to "
		    "remove them or set propagationPolicy=Orphan to suppress "
		    "this warning");
}

static int
propagation(const struct request *r)
{
	struct pin_str p = r->opt.propagation;
	int orphan = r->opt.orphan;

	if (pin_str_is(p, "Orphan") || (p.len == 0 && orphan == 1))
		return (PROPAGATE_ORPHAN);
	if (pin_str_is(p, "Foreground"))
		return (PROPAGATE_FOREGROUND);
	if (pin_str_is(p, "Background") || (p.len == 0 && orphan == 0))
		return (PROPAGATE_BACKGROUND);
	if (is_keeper(r) && !has_finalizer(r->old, "foregroundDeletion"))
		return (PROPAGATE_ORPHAN);
	return (PROPAGATE_DEFAULT);
}

static void
set_finalizer(struct pin_obj *o, const char *name, int want)
{
	pin_node meta = meta_node(o), list = pin_obj_get(o, meta, "finalizers"),
	    n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, n), name)) {
			if (!want)
				pin_obj_remove(o, list, n);
			return;
		}
	if (!want)
		return;
	if (pin_obj_type(o, list) != PIN_ARRAY)
		list = pin_obj_set_new(o, meta, "finalizers", PIN_ARRAY);
	pin_obj_add_str(o, list, pin_str(name));
}

/* A conflict that names the kind, not the resource. */
#define mismatch(r, ...)						\
	((r)->info.resource = pin_str(res_str(r, (r)->res->kind)),	\
	pin_err_set(&(r)->err, PIN_ECONFLICT, __VA_ARGS__))

static int
preconditions(struct request *r, const struct pin_obj *opt)
{
	pin_node pre = pin_obj_get(opt, pin_obj_root(opt), "preconditions"),
	    id = pin_obj_get(opt, pre, "uid"),
	    version = pin_obj_get(opt, pre, "resourceVersion");
	struct pin_str uid = pin_obj_str(opt, id),
	    rv = pin_obj_str(opt, version), have = meta_str(r->old, "uid");
	uint64_t n;

	/* An empty one is one too: there is no such object. */
	if (id != 0 && !pin_str_eq(uid, have))
		return (mismatch(r, "the UID in the precondition (" PIN_SFMT
		    ") does not match the UID in record (" PIN_SFMT "). The "
		    "object might have been deleted and then recreated",
		    PIN_SARG(uid), PIN_SARG(have)));
	if (version == 0)
		return (PIN_OK);
	if (version_parse(rv, &n, &r->err) != PIN_OK)
		return (r->err.code);
	if (n != r->old_rev)
		return (mismatch(r, "the ResourceVersion in the precondition ("
		    PIN_SFMT ") does not match the ResourceVersion in record "
		    "(%llu). The object might have been modified",
		    PIN_SARG(rv), (unsigned long long)r->old_rev));
	r->want_rev = n;
	return (PIN_OK);
}

/* Marks r->obj for deletion by finalizers; *gone: nothing holds it. */
static void
mark(struct request *r, int *gone)
{
	pin_node meta = meta_node(r->obj);
	char now[40];
	int64_t gen = 0;

	*gone = pin_obj_count(r->obj, pin_obj_get(r->obj, meta,
	    "finalizers")) == 0;
	if (*gone || meta_str(r->obj, "deletionTimestamp").len > 0)
		return;
	meta_now(r, 0, now);
	pin_obj_set_str(r->obj, meta, "deletionTimestamp", pin_str(now));
	pin_obj_set_i64(r->obj, meta, "deletionGracePeriodSeconds", 0);
	if (pin_obj_i64(r->obj, pin_obj_get(r->obj, meta, "generation"),
	    &gen) && gen > 0)
		pin_obj_set_i64(r->obj, meta, "generation", gen + 1);
}

int
delete_plan(struct request *r, const struct pin_obj *options)
{
	const struct strategy *st = strategy_of(r);
	int how, gone = 0, rc, held;

	how = propagation(r);
	rc = preconditions(r, options);
	if (rc != PIN_OK)
		return (rc);
	r->obj = pin_obj_copy(r->arena, r->old);
	if (r->obj == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	if (how != PROPAGATE_DEFAULT) {
		set_finalizer(r->obj, "orphan", how == PROPAGATE_ORPHAN);
		set_finalizer(r->obj, "foregroundDeletion",
		    how == PROPAGATE_FOREGROUND);
	}
	if (st->delete != NULL) {
		rc = st->delete(r, options, &gone);
		if (rc != PIN_OK)
			return (rc);
		held = pin_obj_count(r->obj, pin_obj_get(r->obj,
		    meta_node(r->obj), "finalizers")) > 0;
		if (gone && !held)
			r->vanish = 1;
		return (pin_obj_failed(r->obj) ? PIN_ENOMEM : PIN_OK);
	}
	mark(r, &gone);
	r->vanish = (uint32_t)gone;
	return (PIN_OK);
}

/* Query parameters count where the body says nothing. */
static void
options_fill(struct request *r)
{
	pin_node root = pin_obj_root(r->options), n;

	if (r->opt.grace_s >= 0 && pin_obj_get(r->options, root,
	    "gracePeriodSeconds") == 0)
		pin_obj_set_i64(r->options, root, "gracePeriodSeconds",
		    r->opt.grace_s);
	n = pin_obj_first(r->options, pin_obj_get(r->options, root, "dryRun"));
	if (pin_str_is(pin_obj_str(r->options, n), "All"))
		r->opt.dry_run = 1;
}

int
delete_prepare(struct request *r)
{
	options_fill(r);
	delete_warn(r);
	r->operation = PIN_OP_DELETE;
	r->retry_step = r->step - 1;	/* from the load */
	r->vanish = 0;
	if (delete_plan(r, r->options) != PIN_OK)
		return (reply_error(r));
	return (STEP_NEXT);
}

static int
encode(struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	const struct pin_res_row *stored = &sc->resources[r->res->store];
	struct pin_obj *obj = r->obj;
	struct pin_out o;

	if (stored != r->res && pin_convert(r->arena, sc, r->res, stored, obj,
	    &obj, &r->err) != PIN_OK)
		return (r->err.code);
	pin_out_init(&o, r->arena, PIN_VALUE_MAX);
	pin_conform_write(pin_schema_type(sc, stored->type), obj, &o);
	r->new_bytes = o.failed == PIN_OK ? pin_buf_copy(o.p, o.len) : NULL;
	return (r->new_bytes != NULL ? PIN_OK : pin_err_set(&r->err,
	    PIN_ENOMEM, "out of memory"));
}

int
delete_commit(struct request *r)
{
	struct pin_cmp cmp = { .type = PIN_CMP_MOD, .revision = r->old_rev,
	    .key = r->key };
	struct pin_op op = { .type = PIN_DELETE, .key = r->key };

	if (encode(r) != PIN_OK)
		return (reply_error(r));
	r->result.revision = r->old_rev;
	if (!r->vanish) {
		op.type = PIN_PUT;
		op.value = r->new_bytes;
	}
	if (r->opt.dry_run || (!r->vanish && r->old_bytes->len ==
	    r->new_bytes->len && memcmp(r->old_bytes->data,
	    r->new_bytes->data, r->new_bytes->len) == 0))
		return (STEP_NEXT);
	r->committed = 1;
	return (commit_submit(r, &cmp, 1, &op, 1));
}

int
delete_answer(struct request *r)
{
	const struct strategy *st = strategy_of(r);

	if (r->committed && r->result.rc == PIN_ECONFLICT) {
		if (r->want_rev == 0 && r->retries < REQUEST_RETRIES_MAX) {
			pin_buf_put(&r->new_bytes);
			r->err.code = PIN_OK;
			r->committed = 0;
			r->retries++;
			r->step = r->retry_step - 1;
			return (STEP_NEXT);
		}
		return (reply_err(r, PIN_ECONFLICT, "%s", ""));
	}
	if (r->committed && r->result.rc != PIN_OK)
		return (reply_error(r));
	if (r->vanish && st->removed != NULL && !r->opt.dry_run)
		st->removed(r);
	if (r->answer != NULL)
		return (r->answer(r));
	if (r->vanish && !st->returns_object)
		return (reply_success(r, meta_str(r->old, "uid")));
	return (reply_object(r, 200, r->new_bytes, r->result.revision));
}
