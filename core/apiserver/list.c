/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list.c -- LIST: streamed from one revision in pieces, so that a list of
 * any length costs a send buffer.
 * Front loop. Contract: ListOptions as upstream documents resourceVersion,
 * resourceVersionMatch, limit and continue; nothing outlives a piece but the
 * revision and the last key. */
#include "core/apiserver/list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/gzip.h"
#include "core/apiserver/pretty.h"
#include "core/apiserver/render.h"
#include "core/apiserver/verbs.h"

#define LIST_PIECE	(128u << 10)	/* bytes read from the store at once */
#define LIST_MAGIC	0x6c697374u

struct list {
	uint32_t	 magic;
	uint32_t	 started;
	struct request	*r;
	struct gzip	*gzip;		/* NULL: the client gets it plain */
	struct filter	 filter;
	struct render_list out;
	struct pin_str	 start, end;	/* keys still to read */
	uint64_t	 left;		/* objects still to send; 0: no limit */
	uint64_t	 limit;
	struct pin_arena *scratch;	/* one piece */
	struct pin_out	 piece;
	struct pin_str	 last;		/* key of the newest item */
	struct pretty	 pretty;
	struct pin_out	 rows;		/* struct list_row */
	size_t		 base;		/* of the piece among the items */
	int32_t		 rc;
	uint32_t	 more;
	char		 last_bytes[PIN_KEY_MAX];
};

static void
list_free(void *arg)
{
	struct list *l = arg;

	if (l->scratch != NULL)
		pin_arena_free(&l->scratch);
}

/* ---- which revision, which keys ------------------------------------- */

int
list_from(struct request *r, struct pin_str prefix, struct pin_str *start,
    uint64_t *at)
{
	int rc;

	if (r->opt.continue_token.len == 0)
		return (PIN_OK);
	rc = continue_decode(r->srv, r->arena, r->opt.continue_token, prefix,
	    at, start, &r->err);
	if (rc != PIN_OK || r->opt.resource_version.len == 0 ||
	    pin_str_is(r->opt.resource_version, "0"))
		return (rc);
	return (pin_err_set(&r->err, PIN_EINVAL, "specifying resource version "
	    "is not allowed when using continue"));
}

int
list_version(struct request *r, uint64_t *at)
{
	struct pin_str v = r->opt.resource_version, m = r->opt.version_match;
	uint64_t n = 0;
	int rc;

	rc = version_parse(v, &n, &r->err);
	if (rc != PIN_OK) {
		r->err.code = PIN_EINVAL;
		return (pin_err_wrap(&r->err, "invalid resource version"));
	}
	if (*at != 0)
		return (PIN_OK);	/* by continue */
	if (n > r->srv->revision)
		return (PIN_EAGAIN);
	/* With a limit a bare version means just this one, as it always did. */
	if (pin_str_is(m, "Exact") || (m.len == 0 && r->opt.limit > 0))
		*at = n;
	return (PIN_OK);
}

int
list_gone_by(struct request *r, struct pin_str start, struct pin_str end)
{
	if (r->opt.continue_token.len == 0)
		return (pin_err_set(&r->err, PIN_EGONE, "The resourceVersion "
		    "for the provided list is too old."));
	r->refusal.go_on = continue_encode(r->srv, r->arena, 0, start, end);
	return (pin_err_set(&r->err, PIN_EGONE, "The provided continue "
	    "parameter is too old to display a consistent list result. You can"
	    " start a new list without the continue parameter, or use the "
	    "continue token in this response to retrieve the remainder of the "
	    "results. Continuing with the provided token results in an "
	    "inconsistent list - objects that were created, modified, or "
	    "deleted between the time the first chunk was returned and now may "
	    "show up in the list."));
}

static int
list_keys(struct list *l)
{
	struct request *r = l->r;
	struct pin_str none;		/* one object needs no token */
	uint64_t at;
	char *end;

	l->start = store_key(r->arena, r->srv->schema,
	    &r->srv->schema->resources[r->res->store], r->info.namespace,
	    l->filter.name);
	if (l->start.p == NULL || l->start.len >= PIN_KEY_MAX - 1)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	end = pin_arena_alloc(r->arena, l->start.len + 1);
	if (end == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	memcpy(end, l->start.p, l->start.len);
	l->end = (struct pin_str){ end, l->start.len };
	if (l->filter.exact_key) {
		end[l->end.len++] = '\0';	/* just this key */
	} else {
		end[l->end.len - 1]++;		/* '/' + 1 */
	}
	return (list_from(r, l->start, l->filter.exact_key ? &none : &l->start,
	    l->filter.exact_key ? &at : &l->out.revision));
}

/* ---- the order of a Table ------------------------------------------- */

/* Where an item is among those of the page. */
struct list_row {
	size_t		 at, len;
	int64_t		 precedence;
};

/* A Table of FlowSchemas has them in the order in which they match; a page
 * is a Table of its own. */
static int
is_ordered(const struct request *r)
{
	return (r->out.form == OUT_TABLE && pin_str_is(r->info.resource,
	    "flowschemas") && pin_str_is(r->info.group,
	    "flowcontrol.apiserver.k8s.io"));
}

/* The item just rendered, from `at` on in the piece. */
static int
row_note(struct list *l, struct pin_buf *bytes, size_t at)
{
	struct list_row row = { .precedence = 0 };
	struct pin_obj *o;
	int rc = render_parse(l->r, l->scratch, bytes, &o);

	if (rc != PIN_OK)
		return (rc);
	at += l->out.nitems > 1;	/* a comma */
	row.at = l->base + at;
	row.len = l->piece.len - at;
	(void)pin_obj_i64(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "matchingPrecedence", NULL), &row.precedence);
	pin_out_put(&l->rows, &row, sizeof(row));
	return (l->rows.failed);
}

static int
row_cmp(const void *one, const void *two)
{
	const struct list_row *a = one, *b = two;

	if (a->precedence != b->precedence)
		return (a->precedence < b->precedence ? -1 : 1);
	return (a->at < b->at ? -1 : a->at > b->at);	/* by name */
}

static void
put_ordered(struct list *l, const struct pin_out *items, struct pin_out *all)
{
	struct list_row *row = (struct list_row *)(void *)l->rows.p;
	size_t n = l->rows.len / sizeof(*row), i;

	if (n > 0)
		qsort(row, n, sizeof(*row), row_cmp);
	for (i = 0; i < n; i++) {
		if (i > 0)
			pin_out_char(all, ',');
		pin_out_put(all, items->p + row[i].at, row[i].len);
	}
}

/* ---- pieces --------------------------------------------------------- */

static int
list_emit(void *arg, const struct pin_kv *kv)
{
	struct list *l = arg;
	size_t at;
	int match;

	memcpy(l->last_bytes, kv->key.p, kv->key.len);
	l->last = (struct pin_str){ l->last_bytes, kv->key.len };
	match = filter_match(&l->filter, l->r, kv->key, kv->value, l->scratch,
	    &l->rc);
	if (l->rc != PIN_OK)
		return (1);
	if (!match)
		return (0);
	at = l->piece.len;
	l->rc = render_list_item(l->r, &l->out, kv->value, kv->mod_rev,
	    &l->piece);
	if (l->rc == PIN_OK && is_ordered(l->r))
		l->rc = row_note(l, kv->value, at);
	return (l->rc != PIN_OK || (l->left > 0 && --l->left == 0) ||
	    l->piece.len >= LIST_PIECE);
}

/* The next piece into l->piece. *done: nothing remains (or the limit is
 * reached; then l->more says whether something does). */
static int
list_piece(struct list *l, int *done)
{
	struct request *r = l->r;
	struct pin_range q = { .size = sizeof(q),
	    .end = l->end, .at = l->out.revision, .bytes_max = LIST_PIECE };
	struct pin_range_result res = { .size = sizeof(res) };
	int limited = l->left > 0;
	char from[PIN_KEY_MAX], *next;	/* emit writes last_bytes */
	int rc;

	memcpy(from, l->start.p, l->start.len);
	q.start = (struct pin_str){ from, l->start.len };
	l->rc = PIN_OK;
	rc = r->srv->store->range(r->srv->store_self, &q, list_emit, l, &res,
	    &r->err);
	if (rc == PIN_OK)
		rc = l->rc;
	if (rc != PIN_OK)
		return (rc);
	l->out.revision = res.revision;
	l->more = res.more;
	*done = !res.more || (limited && l->left == 0);
	if (res.more && l->last.len > 0) {
		next = l->last_bytes;	/* the first key after it */
		l->start = (struct pin_str){ next, l->last.len + 1 };
		next[l->last.len] = '\0';
	}
	return (PIN_OK);
}

static int
list_fail(struct list *l, int rc)
{
	struct request *r = l->r;

	if (l->started)
		return (reply_finish(r, 0));
	if (rc == PIN_EGONE)
		(void)list_gone_by(r, l->start, l->end);
	return (reply_error(r));
}

/* A part of the answer as it is sent; indents go on where they were. */
static struct pin_buf *
list_bytes(struct list *l, const struct pin_out *part, int last)
{
	struct pin_str s = { part->p, part->len };
	struct pin_out o;

	if (l->r->opt.pretty) {
		pin_out_init(&o, l->scratch, RENDER_MAX);
		pretty_put(&l->pretty, &o, part->p, part->len);
		if (o.failed != PIN_OK)
			return (NULL);
		s = (struct pin_str){ o.p, o.len };
	}
	return (l->gzip != NULL ? gzip_put(l->gzip, s, last) :
	    pin_buf_copy(s.p, s.len));
}

static int
list_send(struct list *l, const struct pin_out *part, int last)
{
	struct exchange *ex = l->r->ex;
	struct pin_buf *b = list_bytes(l, part, last);
	int ok = b != NULL && (b->len == 0 ||
	    ex->ops->send(ex, b, 0, b->len) >= 0);

	pin_buf_put(&b);
	return (ok);
}

/* Head of the answer, once the first piece is there: it tells the revision,
 * and whether the answer is long enough to be made small. */
static int
list_start(struct list *l, int done)
{
	struct request *r = l->r;
	struct pin_out head;

	pin_out_init(&head, r->arena, RENDER_MAX);
	l->out.remaining = -1;
	render_list_head(r, &l->out, &head);
	if ((!done || l->piece.len > GZIP_LEAST) && reply_gzips(r))
		l->gzip = gzip_new(r->arena, &r->front->gzips);
	reply_start_as(r, "application/json", l->gzip != NULL);
	l->started = 1;
	return (list_send(l, &head, 0));
}

/* Everything goes out as it is read. */
static int
list_stream(struct list *l)
{
	struct request *r = l->r;
	struct exchange *ex = r->ex;
	int done = 0, rc;

	while (!done) {
		if (l->started && ex->ops->credit(ex) <= 0)
			return (STEP_WAIT);	/* list_credit goes on */
		pin_arena_reset(l->scratch);
		pin_out_init(&l->piece, l->scratch, RENDER_MAX);
		rc = list_piece(l, &done);
		if (rc != PIN_OK)
			return (list_fail(l, rc));
		if (done)
			render_list_tail(r, &l->piece);
		if (l->piece.failed != PIN_OK)
			return (list_fail(l, l->piece.failed));
		if ((!l->started && !list_start(l, done)) ||
		    !list_send(l, &l->piece, done))
			done = -1;
		ex->ops->flush(ex);
		if (done < 0)
			return (reply_finish(r, 0));
	}
	return (reply_finish(r, 1));
}

static int64_t
list_remaining(struct list *l)
{
	struct pin_range q = { .size = sizeof(q), .start = l->start,
	    .end = l->end, .at = l->out.revision,
	    .flags = PIN_RANGE_KEYS_ONLY | PIN_RANGE_COUNT, .limit = 1 };
	struct pin_range_result res = { .size = sizeof(res) };
	struct request *r = l->r;

	if (l->filter.selects)
		return (-1);		/* as upstream: not known */
	if (r->srv->store->range(r->srv->store_self, &q, count_nothing, NULL,
	    &res, &r->err) != PIN_OK)
		return (-1);
	return ((int64_t)(res.emitted + res.remaining));
}

/* A page: collected whole, since its continue token stands before it, or for
 * its order. */
static int
list_page(struct list *l)
{
	struct request *r = l->r;
	struct pin_out items, all;
	int done = 0, rc;

	pin_out_init(&items, r->arena, RENDER_MAX);
	pin_out_init(&l->rows, r->arena, RENDER_MAX);
	l->left = l->limit = (uint64_t)r->opt.limit;
	while (!done) {
		pin_arena_reset(l->scratch);
		pin_out_init(&l->piece, l->scratch, RENDER_MAX);
		l->base = items.len;
		rc = list_piece(l, &done);
		if (rc != PIN_OK)
			return (list_fail(l, rc));
		pin_out_put(&items, l->piece.p, l->piece.len);
	}
	l->out.remaining = -1;
	if (l->more) {
		l->out.remaining = list_remaining(l);
		l->out.continue_token = continue_encode(r->srv, r->arena,
		    l->out.revision, l->start, l->end);
	}
	pin_out_init(&all, r->arena, RENDER_MAX);
	render_list_head(r, &l->out, &all);
	if (is_ordered(r))
		put_ordered(l, &items, &all);
	else
		pin_out_put(&all, items.p, items.len);
	render_list_tail(r, &all);
	if (items.failed != PIN_OK || all.failed != PIN_OK)
		return (list_fail(l, pin_err_set(&r->err, PIN_ENOMEM,
		    "the page is too large")));
	return (reply_out(r, 200, &all));
}

static int
list_go(struct list *l)
{
	struct request *r = l->r;
	int rc = list_version(r, &l->out.revision);

	if (rc == PIN_EAGAIN)
		return (revision_wait(r));
	if (rc != PIN_OK)
		return (list_fail(l, rc));
	return (r->opt.limit > 0 || r->out.yaml || is_ordered(r) ?
	    list_page(l) : list_stream(l));
}

int
list_run(struct request *r)
{
	struct list *l = r->verb;
	int rc;

	if (l != NULL)			/* the revision has come */
		return (list_go(l));
	if (negotiate(r, 1) != PIN_OK)
		return (reply_error(r));
	l = pin_arena_zalloc(r->arena, sizeof(*l));
	if (l == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	r->verb = l;
	l->magic = LIST_MAGIC;
	l->r = r;
	l->scratch = pin_arena_new(RENDER_MAX);
	if (l->scratch == NULL ||
	    pin_arena_cleanup(r->arena, list_free, l) != PIN_OK)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	rc = query_check(r, "ListOptions");
	if (rc == PIN_OK)
		rc = filter_open(&l->filter, r);
	if (rc == PIN_OK)
		rc = list_keys(l);
	if (rc != PIN_OK)
		return (list_fail(l, rc));
	return (list_go(l));
}

void
list_credit(struct request *r)
{
	struct list *l = r->verb;

	PIN_VALID(l, LIST_MAGIC);
	if (l->started)
		(void)list_stream(l);
}

void
list_gone(struct request *r)
{
	struct list *l = r->verb;

	PIN_VALID(l, LIST_MAGIC);
	if (l->started)
		(void)reply_finish(r, 0);
}
