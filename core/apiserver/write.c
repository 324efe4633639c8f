/* SPDX-License-Identifier: BSD-2-Clause
 *
 * write.c -- the steps of create, update and patch between the decoded body
 * and the answer.
 * Front loop. Contract: verbs.h; a lost race starts again at `retry_step`
 * unless the client named a resourceVersion; a write that leaves the object
 * equal stores nothing. */
#include "core/apiserver/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/chain.h"
#include "core/apiserver/managed.h"
#include "core/apiserver/meta.h"
#include "core/apiserver/render.h"
#include "core/apiserver/strategy.h"
#include "core/apiserver/warn.h"
#include "lib/fields/fields.h"
#include "lib/patch/patch.h"

#define GENERATE_TRIES	8	/* names tried for one generateName */

/* ---- load ----------------------------------------------------------- */

/* PIN_OK, PIN_ENOTFOUND, or an error; all in r->err. */
int
object_load(struct request *r)
{
	struct pin_kv kv;
	int rc;

	if (r->old_bytes != NULL)
		pin_buf_put(&r->old_bytes);
	r->type = request_type(r);
	r->key = store_key(r->arena, r->srv->schema, r->res,
	    r->info.namespace, r->info.name);
	if (r->key.p == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	if (r->key.len > PIN_KEY_MAX)
		return (pin_err_set(&r->err, PIN_ENOTFOUND, "%s", ""));
	rc = r->srv->store->get(r->srv->store_self, r->key, 0, &r->old_bytes,
	    &kv, &r->err);
	if (rc == PIN_ENOTFOUND)
		return (pin_err_set(&r->err, PIN_ENOTFOUND, "%s", ""));
	if (rc != PIN_OK)
		return (rc);
	r->old_rev = kv.mod_rev;
	return (render_parse(r, r->arena, r->old_bytes, &r->old));
}

int
write_load(struct request *r)
{
	if (r->err.code != PIN_OK)
		return (reply_error(r));
	if (r->patch_kind != 0)
		r->retry_step = r->step;
	if (object_load(r) == PIN_OK)
		return (STEP_NEXT);
	/* What is applied is made when it is missing. */
	if (r->patch_kind != PATCH_APPLY || r->err.code != PIN_ENOTFOUND ||
	    r->sub != NULL)
		return (reply_error(r));
	r->err.code = PIN_OK;
	r->old = NULL;
	return (STEP_NEXT);
}

int
write_load_maybe(struct request *r)
{
	int rc = object_load(r);

	if (rc == PIN_ENOTFOUND && r->sub == NULL &&
	    (r->res->flags & PIN_RF_UPSERT) != 0) {
		r->err.code = PIN_OK;
		r->old = NULL;
		return (STEP_NEXT);
	}
	return (rc == PIN_OK ? STEP_NEXT : reply_error(r));
}

/* ---- create, update, patch: make r->obj ------------------------------ */

int
write_create(struct request *r)
{
	r->operation = PIN_OP_CREATE;
	r->obj = r->sent;
	r->type = request_type(r);
	if (meta_namespace(r, r->obj) != PIN_OK)
		return (reply_error(r));
	if (r->info.name.len == 0)
		r->info.name = meta_str(r->obj, "name");
	return (strategy_scope(r) == PIN_OK ? STEP_NEXT : reply_error(r));
}

int
write_update(struct request *r)
{
	if (meta_named(r, r->sent) != PIN_OK || (r->old == NULL &&
	    meta_unborn(r, r->sent) != PIN_OK))
		return (reply_error(r));
	if (r->old == NULL)
		return (write_create(r));
	r->operation = PIN_OP_UPDATE;
	r->obj = r->sent;
	if (meta_update(r) != PIN_OK)
		return (reply_error(r));
	return (strategy_scope(r) == PIN_OK ? STEP_NEXT : reply_error(r));
}

static void
strict_add(void *ctx, struct pin_str text)
{
	struct pin_strict *st = ctx;

	if (st->n < PIN_STRICT_MAX)
		st->text[st->n++] = pin_arena_str(st->arena, text);
	else
		st->more++;
}

static int
apply_patch(struct request *r, struct pin_obj *doc, struct pin_obj *patch)
{
	switch (r->patch_kind) {
	case PIN_PATCH_JSON:
		return (pin_json_patch(doc, patch, &r->err));
	case PIN_PATCH_MERGE:
		return (pin_merge_patch(doc, patch, &r->err));
	default:
		return (strategy_strategic(r, doc, patch));
	}
}

/* metadata as upstream orders it: the revision, which came last, after uid. */
static void
put_meta(const struct pin_obj *o, pin_node meta, struct pin_out *out)
{
	pin_node rev = pin_obj_get(o, meta, "resourceVersion"), n;
	char before = '{';
	struct pin_str key;

	for (n = pin_obj_first(o, meta); n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		if (n == rev)
			continue;
		pin_out_char(out, before);
		before = ',';
		pin_json_quote(out, key);
		pin_out_char(out, ':');
		pin_obj_write(o, n, out);
		if (rev == 0 || !pin_str_is(key, "uid"))
			continue;
		pin_out_cstr(out, ",\"resourceVersion\":");
		pin_obj_write(o, rev, out);
	}
	pin_out_cstr(out, before == '{' ? "{}" : "}");
}

struct shown {
	struct pin_str	key;
	pin_node	n;
};

static int
shown_cmp(const void *a, const void *b)
{
	return (pin_str_cmp(((const struct shown *)a)->key,
	    ((const struct shown *)b)->key));
}

/* A patched object as upstream shows it: its members by name. */
static void
put_patched(struct request *r, const struct pin_obj *o, struct pin_out *out)
{
	pin_node root = pin_obj_root(o), n;
	uint32_t count = pin_obj_count(o, root), i = 0;
	struct shown *m = pin_arena_alloc(r->arena, (count + 1) * sizeof(*m));

	if (m == NULL || pin_obj_type(o, root) != PIN_OBJECT) {
		pin_obj_write(o, root, out);
		return;
	}
	for (n = pin_obj_first(o, root); n != 0; n = pin_obj_next(o, n))
		m[i++] = (struct shown){ pin_obj_key(o, n), n };
	qsort(m, count, sizeof(*m), shown_cmp);
	pin_out_char(out, '{');
	for (i = 0; i < count; i++) {
		if (i > 0)
			pin_out_char(out, ',');
		pin_json_quote(out, m[i].key);
		pin_out_char(out, ':');
		if (pin_str_is(m[i].key, "metadata") &&
		    pin_obj_type(o, m[i].n) == PIN_OBJECT)
			put_meta(o, m[i].n, out);
		else
			pin_obj_write(o, m[i].n, out);
	}
	pin_out_char(out, '}');
}

/* What a patch makes is no object of the kind: 422 with the whole of it. */
int
write_refuse(struct request *r, const struct pin_obj *doc)
{
	char text[PIN_ERR_TEXT_MAX];
	struct pin_out whole, o;

	if (r->err.code != PIN_EINVAL)
		return (reply_error(r));
	memcpy(text, r->err.text, sizeof(text));
	pin_out_init(&whole, r->arena, PIN_VALUE_MAX);
	put_patched(r, doc, &whole);
	pin_out_init(&o, r->arena, 2 * PIN_VALUE_MAX);
	pin_cause_quote(&o, (struct pin_str){ whole.p, whole.len });
	request_refuse(r, "", PIN_CAUSE_INVALID, "patch",
	    (struct pin_str){ o.p, o.len }, text);
	r->refusal.group = PIN_STR("");
	return (reply_error(r));
}

static int
patch_failed(struct request *r, int rc)
{
	if (r->patch_kind == PIN_PATCH_JSON && rc == PIN_EINVALID)
		return (reply_err(r, PIN_EINVALID, PIN_JSON_PATCH_REJECTED));
	if (rc == PIN_EINTERNAL)
		r->bare = 1;
	return (reply_error(r));
}

/* What is patched is the object that was read. */
static void
put_version(struct request *r, struct pin_obj *doc)
{
	char rev[24];

	snprintf(rev, sizeof(rev), "%llu", (unsigned long long)r->old_rev);
	pin_obj_set_str(doc, meta_ensure(doc), "resourceVersion",
	    pin_str(rev));
}

/* Server-side apply: the configuration is YAML, and a manager must be named. */
static int
write_apply(struct request *r)
{
	struct pin_strict *st = pin_arena_zalloc(r->arena, sizeof(*st));
	struct pin_obj *config, *doc;
	int done = STEP_DONE, rc;

	if (st == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	st->arena = r->arena;
	rc = pin_yaml_parse(r->arena, r->body.p, r->body.len, &config,
	    &r->err);
	if (rc != PIN_OK) {
		pin_err_wrap(&r->err, "error decoding YAML");
		return (reply_error(r));
	}
	rc = managed_kind(r, config);
	if (rc == PIN_OK)
		rc = managed_apply(r, config, &doc, &done);
	if (rc == PIN_ECONFLICT)
		return (done);
	if (rc == PIN_OK && r->old != NULL &&
	    meta_str(doc, "resourceVersion").len == 0)
		put_version(r, doc);
	if (rc != PIN_OK || pin_conform(r->arena, r->type, doc,
	    pin_obj_root(doc), PIN_CONFORM_DEFAULT, &r->sent, st, &r->err) !=
	    PIN_OK || body_strict(r, st) != PIN_OK)
		return (reply_error(r));
	return (STEP_NEXT);
}

int
write_patch(struct request *r)
{
	struct pin_strict *st = pin_arena_zalloc(r->arena, sizeof(*st));
	struct pin_obj *doc, *patch;
	int rc;

	if (negotiate(r, 1) != PIN_OK)
		return (reply_error(r));
	if (r->patch_kind == PATCH_APPLY)
		return (write_apply(r));
	doc = pin_obj_copy(r->arena, r->old);
	if (st == NULL || doc == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	st->arena = r->arena;
	put_version(r, doc);
	rc = pin_patch_parse(r->arena, (int)r->patch_kind, r->body, &patch,
	    &r->err);
	if (rc != PIN_OK)
		return (reply_error(r));
	pin_patch_strict((int)r->patch_kind, patch, strict_add, st);
	rc = apply_patch(r, doc, patch);
	if (rc != PIN_OK)
		return (patch_failed(r, rc));
	if (body_patched(r, doc) != PIN_OK || pin_conform(r->arena, r->type,
	    doc, pin_obj_root(doc), PIN_CONFORM_DEFAULT | PIN_CONFORM_EMPTY,
	    &r->sent, st, &r->err) != PIN_OK || body_strict(r, st) != PIN_OK)
		return (write_refuse(r, doc));
	r->changed = st->empty > 0;
	managed_reset(r, doc);
	return (STEP_NEXT);
}

/* ---- fields, admission, finish --------------------------------------- */

int
write_fields(struct request *r)
{
	if (managed_update(r) != PIN_OK)
		return (reply_error(r));
	return (STEP_NEXT);
}

/* One stage's changes: the next one sees them. */
int
write_mutated(struct request *r, const struct pin_patch *patch)
{
	if (pin_patch_count(patch) == 0)
		return (PIN_OK);
	if (pin_patch_apply(patch, r->obj, &r->err) != PIN_OK)
		return (pin_err_wrap(&r->err, "admission"));
	r->changed = 1;
	return (PIN_OK);
}

/* What admission has changed is defaulted and normalised again, once for all
 * stages together. */
static int
conform_again(struct request *r)
{
	if (!r->changed)
		return (PIN_OK);
	r->changed = 0;
	return (pin_conform(r->arena, r->type, r->obj, pin_obj_root(r->obj),
	    PIN_CONFORM_DEFAULT, &r->obj, NULL, &r->err));
}

int
write_mutate(struct request *r)
{
	return (chain_mutate(r));
}

/* Are the members equal, managedFields aside? One level of recursion, into
 * metadata. */
static int
same_but_fields(const struct pin_obj *a, pin_node an, const struct pin_obj *b,
    pin_node bn)
{
	uint32_t na = 0, nb = 0;
	struct pin_str key;
	pin_node n, m;

	for (n = pin_obj_first(a, an); n != 0; n = pin_obj_next(a, n)) {
		key = pin_obj_key(a, n);
		if (pin_str_is(key, "managedFields"))
			continue;
		na++;
		m = pin_obj_getn(b, bn, key.p, key.len);
		if (pin_str_is(key, "metadata") ? !same_but_fields(a, n, b, m) :
		    !pin_obj_equal(a, n, b, m))
			return (0);
	}
	for (n = pin_obj_first(b, bn); n != 0; n = pin_obj_next(b, n))
		nb += !pin_str_is(pin_obj_key(b, n), "managedFields");
	return (na == nb);
}

/* A write that only moves times in managedFields is none. */
static void
keep_times(struct request *r)
{
	pin_node root, meta, list, was;

	if (r->operation != PIN_OP_UPDATE || r->old == NULL)
		return;
	root = pin_obj_root(r->obj);
	meta = meta_node(r->obj);
	list = pin_obj_get(r->obj, meta, "managedFields");
	was = pin_obj_get(r->old, meta_node(r->old), "managedFields");
	if (list == 0 || was == 0 || pin_obj_equal(r->obj, list, r->old, was))
		return;
	if (same_but_fields(r->obj, root, r->old, pin_obj_root(r->old)))
		(void)pin_fields_keep_times(r->old, r->obj);
}

static int
write_bytes(struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	const struct pin_res_row *stored = &sc->resources[r->res->store];
	struct pin_obj *obj = r->obj;
	struct pin_out o;

	keep_times(r);
	if (stored != r->res && pin_convert(r->arena, sc, r->res, stored, obj,
	    &obj, &r->err) != PIN_OK)
		return (r->err.code);
	pin_out_init(&o, r->arena, PIN_VALUE_MAX);
	pin_conform_write(pin_schema_type(sc, stored->type), obj, &o);
	if (o.failed != PIN_OK)
		return (pin_err_set(&r->err, o.failed == PIN_ELIMIT ?
		    PIN_ETOOBIG : PIN_ENOMEM, "the object is too large: limit "
		    "is %u", PIN_VALUE_MAX));
	r->new_bytes = pin_buf_copy(o.p, o.len);
	if (r->new_bytes == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	return (PIN_OK);
}

int
write_finish(struct request *r)
{
	int rc = conform_again(r);

	r->finish_step = r->step;
	if (rc == PIN_OK && r->operation == PIN_OP_CREATE)
		rc = meta_create(r);
	if (rc == PIN_OK)
		rc = strategy_prepare(r);
	if (rc == PIN_OK && r->operation == PIN_OP_UPDATE)
		meta_generation(r);
	return (rc == PIN_OK ? STEP_NEXT : reply_error(r));
}

int
write_validate(struct request *r)
{
	struct pin_causes *causes = pin_causes_new(r->arena);

	if (causes == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	strategy_names(r, causes);
	pin_conform_check(r->type, r->obj, r->operation == PIN_OP_UPDATE ?
	    r->old : NULL, causes);
	chain_validation(r, causes);
	pin_causes_order(causes, r->type);
	if (pin_cause_count(causes) > 0)
		return (reply_causes(r, r->info.group, pin_str(res_str(r,
		    r->res->kind)), r->info.name, causes));
	warn_object(r);
	return (STEP_NEXT);
}

int
write_admit(struct request *r)
{
	return (chain_admit(r));
}

/* ---- commit ---------------------------------------------------------- */

static int
unchanged(struct request *r)
{
	return (r->operation == PIN_OP_UPDATE && r->old_bytes != NULL &&
	    r->old_bytes->len == r->new_bytes->len &&
	    memcmp(r->old_bytes->data, r->new_bytes->data,
	    r->new_bytes->len) == 0);
}

/* The last finalizer of a deleted object is gone: so is the object. */
static int
finally_deleted(struct request *r)
{
	return (r->operation == PIN_OP_UPDATE &&
	    meta_str(r->obj, "deletionTimestamp").len > 0 &&
	    pin_obj_count(r->obj, pin_obj_get(r->obj, meta_node(r->obj),
	    "finalizers")) == 0 && strategy_may_vanish(r));
}

int
write_commit(struct request *r)
{
	struct pin_cmp cmp = { .type = PIN_CMP_MOD };
	struct pin_op op = { .type = PIN_PUT };

	if (write_bytes(r) != PIN_OK)
		return (reply_error(r));
	r->result.revision = r->old_rev;
	if (r->opt.dry_run || unchanged(r))
		return (STEP_NEXT);
	r->key = store_key(r->arena, r->srv->schema, r->res,
	    r->info.namespace, r->info.name);
	if (r->key.p == NULL || r->key.len > PIN_KEY_MAX)
		return (reply_err(r, PIN_EINVAL, "the name is too long"));
	cmp.key = op.key = r->key;
	cmp.revision = r->operation == PIN_OP_CREATE ? 0 : r->old_rev;
	op.value = r->new_bytes;
	op.ttl_s = (r->res->flags & PIN_RF_TTL) != 0 ?
	    (uint32_t)(r->srv->limits.event_ttl_ms / 1000) : 0;
	if (finally_deleted(r)) {
		op.type = PIN_DELETE;
		op.value = NULL;
	}
	r->committed = 1;
	return (commit_submit(r, &cmp, 1, &op, 1));
}

static int
write_again(struct request *r, uint32_t step)
{
	pin_buf_put(&r->new_bytes);
	strategy_release(r);
	r->err.code = PIN_OK;
	r->committed = 0;
	r->retries++;
	r->front->counters.retries++;
	r->step = step - 1;		/* STEP_NEXT adds one */
	return (STEP_NEXT);
}

static int
write_lost(struct request *r)
{
	if (r->operation == PIN_OP_CREATE) {
		if (r->generated && r->retries < GENERATE_TRIES) {
			pin_obj_unset(r->obj, meta_node(r->obj), "name");
			r->info.name = PIN_STR_NONE;
			return (write_again(r, r->finish_step));
		}
		return (reply_err(r, PIN_EEXISTS, "%s", ""));
	}
	if (r->want_rev == 0 || r->patch_kind != 0)
		if (r->retries < REQUEST_RETRIES_MAX)
			return (write_again(r, r->retry_step));
	return (reply_err(r, PIN_ECONFLICT, "%s", ""));
}

int
write_answer(struct request *r)
{
	struct pin_buf *b = r->new_bytes;
	int status = r->operation == PIN_OP_CREATE ? 201 : 200;

	if (r->committed && r->result.rc == PIN_ECONFLICT)
		return (write_lost(r));
	if (r->committed && r->result.rc != PIN_OK)
		return (reply_error(r));
	if (r->committed)
		r->alloc = NULL;	/* it is the object's now */
	if (r->answer != NULL)		/* a subresource with a body of its
					 * own */
		return (r->answer(r));
	return (reply_object(r, status, b, r->result.revision));
}
