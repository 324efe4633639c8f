/* SPDX-License-Identifier: BSD-2-Clause
 *
 * collection.c -- DELETECOLLECTION: the names that match at one revision (a
 * page of them, with a limit), then each of them as a DELETE of its own.
 * Front loop. Contract: what somebody else deleted meanwhile, or changed so
 * that it is selected no more, is passed over; the answer is the list of what
 * was deleted or marked. */
#include "core/apiserver/list.h"

#include <string.h>

#include "core/apiserver/render.h"
#include "core/apiserver/verbs.h"

#define COLLECTION_MAX	100000	/* objects of one request */

struct collection {
	struct filter	 filter;
	struct render_list out;
	struct pin_out	 items;
	struct pin_arena *scratch;
	struct pin_str	*ns, *name;
	uint32_t	 n, cap, at;
	struct pin_str	 last;		/* key of the newest name */
	int32_t		 rc;
	struct request	*r;
	struct pin_str	 list_ns;	/* the request's own */
};

static int collection_next(struct request *);
static int collection_done(struct request *);

static const struct step each_steps[] = {
	{ "next",	collection_next },
	{ "prepare",	delete_prepare },
	{ "admit",	write_admit },
	{ "commit",	delete_commit },
	{ "done",	collection_done },
	{ NULL, NULL }
};

static void
collection_free(void *arg)
{
	struct collection *c = arg;

	pin_arena_free(&c->scratch);
}

static int
collect(void *arg, const struct pin_kv *kv)
{
	struct collection *c = arg;
	struct pin_str ns, name;
	uint32_t cap;

	pin_arena_reset(c->scratch);
	if (!filter_match(&c->filter, c->r, kv->key, kv->value, c->scratch,
	    &c->rc))
		return (c->rc != PIN_OK);
	if (key_resource(c->r->srv, kv->key, &ns, &name) == NULL)
		return (0);
	if (c->n == COLLECTION_MAX) {
		c->rc = pin_err_set(&c->r->err, PIN_ELIMIT, "more than %u "
		    "objects match", COLLECTION_MAX);
		return (1);
	}
	if (c->n == c->cap) {
		cap = c->cap == 0 ? 64 : c->cap * 2;
		c->ns = pin_arena_grow(c->r->arena, c->ns, c->cap *
		    sizeof(*c->ns), cap * sizeof(*c->ns));
		c->name = pin_arena_grow(c->r->arena, c->name, c->cap *
		    sizeof(*c->name), cap * sizeof(*c->name));
		if (c->ns == NULL || c->name == NULL) {
			c->rc = pin_err_set(&c->r->err, PIN_ENOMEM,
			    "out of memory");
			return (1);
		}
		c->cap = cap;
	}
	c->ns[c->n] = pin_arena_str(c->r->arena, ns);
	c->name[c->n++] = pin_arena_str(c->r->arena, name);
	c->last = pin_arena_str(c->r->arena, kv->key);
	return (c->r->opt.limit > 0 && c->n >= (uint64_t)c->r->opt.limit);
}

/* Where a next page begins: right behind the last key. */
static struct pin_str
behind(struct request *r, struct pin_str key)
{
	char *p = pin_arena_alloc(r->arena, key.len + 1);

	if (p == NULL)
		return (key);
	memcpy(p, key.p, key.len);
	p[key.len] = '\0';
	return ((struct pin_str){ p, key.len + 1 });
}

/* How many more there are, where that says something. */
static int64_t
count_rest(struct collection *c, const struct pin_range *q)
{
	struct pin_range rest = { .size = sizeof(rest), .end = q->end,
	    .at = c->out.revision, .limit = 1,
	    .flags = PIN_RANGE_KEYS_ONLY | PIN_RANGE_COUNT };
	struct pin_range_result res = { .size = sizeof(res) };
	struct request *r = c->r;

	rest.start = behind(r, c->last);
	if (c->filter.selects || r->srv->store->range(r->srv->store_self,
	    &rest, count_nothing, NULL, &res, &r->err) != PIN_OK)
		return (-1);
	return ((int64_t)(res.emitted + res.remaining));
}

/* The names, into c. */
static int
collect_all(struct collection *c, struct pin_range *q)
{
	struct pin_range_result res = { .size = sizeof(res) };
	struct request *r = c->r;
	int rc;

	q->at = c->out.revision;
	rc = r->srv->store->range(r->srv->store_self, q, collect, c, &res,
	    &r->err);
	if (rc == PIN_EGONE)
		return (list_gone_by(r, q->start, q->end));
	if (rc != PIN_OK || c->rc != PIN_OK)
		return (rc != PIN_OK ? rc : c->rc);
	c->out.revision = res.revision;
	c->out.remaining = -1;
	if (res.more && c->n > 0) {
		c->out.remaining = count_rest(c, q);
		c->out.continue_token = continue_encode(r->srv, r->arena,
		    res.revision, behind(r, c->last), q->end);
	}
	return (PIN_OK);
}

int
collection_run(struct request *r)
{
	struct collection *c = pin_arena_zalloc(r->arena, sizeof(*c));
	struct pin_range q = { .size = sizeof(q) };
	const struct pin_res_row *stored =
	    &r->srv->schema->resources[r->res->store];
	char *end;
	int rc;

	if (c == NULL || (c->scratch = pin_arena_new(RENDER_MAX)) == NULL ||
	    pin_arena_cleanup(r->arena, collection_free, c) != PIN_OK)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	c->r = r;
	c->list_ns = r->info.namespace;
	if (query_check(r, "ListOptions") != PIN_OK ||
	    filter_open(&c->filter, r) != PIN_OK)
		return (reply_error(r));
	q.start = store_key(r->arena, r->srv->schema, stored,
	    r->info.namespace, PIN_STR_NONE);
	end = pin_arena_strndup(r->arena, q.start.p, q.start.len);
	if (end == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	end[q.start.len - 1]++;
	q.end = (struct pin_str){ end, q.start.len };
	rc = list_from(r, q.start, &q.start, &c->out.revision);
	if (rc == PIN_OK)
		rc = list_version(r, &c->out.revision);
	if (rc == PIN_EAGAIN)
		return (revision_wait(r));
	if (rc != PIN_OK || collect_all(c, &q) != PIN_OK)
		return (reply_error(r));
	r->verb = c;
	pin_out_init(&c->items, r->arena, RENDER_MAX);
	delete_warn(r);
	return (request_steps(r, each_steps));
}

static int
collection_answer(struct request *r)
{
	struct collection *c = r->verb;
	struct pin_out all;

	r->info.namespace = c->list_ns;
	pin_out_init(&all, r->arena, RENDER_MAX);
	render_list_head(r, &c->out, &all);
	pin_out_put(&all, c->items.p, c->items.len);
	render_list_tail(r, &all);
	return (reply_out(r, 200, &all));
}

/* It may have changed since its name was taken. */
static int
still_selected(struct collection *c)
{
	pin_arena_reset(c->scratch);
	return (filter_match(&c->filter, c->r, c->r->key, c->r->old_bytes,
	    c->scratch, &c->rc));
}

static int
collection_next(struct request *r)
{
	struct collection *c = r->verb;

	for (; c->at < c->n; c->at++) {
		r->info.namespace = c->ns[c->at];
		r->info.name = c->name[c->at];
		if (object_load(r) == PIN_OK) {
			if (!still_selected(c))
				continue;
			c->at++;
			return (STEP_NEXT);
		}
		if (r->err.code != PIN_ENOTFOUND)
			return (reply_error(r));
		r->err.code = PIN_OK;
	}
	return (collection_answer(r));
}

static int
collection_done(struct request *r)
{
	struct collection *c = r->verb;

	if (r->committed && r->result.rc == PIN_ECONFLICT) {
		c->at--;		/* it changed: look again */
		r->err.code = PIN_OK;
	} else if (r->committed && r->result.rc != PIN_OK) {
		return (reply_error(r));
	} else {
		(void)render_list_item(r, &c->out, r->old_bytes, r->old_rev,
		    &c->items);		/* as it was */
	}
	pin_buf_put(&r->new_bytes);
	r->committed = 0;
	return (request_steps(r, each_steps));
}
