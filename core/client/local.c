/* SPDX-License-Identifier: BSD-2-Clause
 *
 * local.c -- the transport within the server's process: an exchange is made
 * here and handed to a front as a message, so it goes through the very same
 * pipeline (authentication, authorization, admission) without TLS and
 * without HTTP being written and parsed.
 *
 *	client loop			front
 *	local_start ---- begin ------>	handler->begin
 *	local_deliver <--- batch -----	reply, start, send + flush, finish
 *		    ---- batch ----->	local_return: credit comes back
 *
 * Bytes cross by reference: a watch event that arrives is the very buf the
 * ring made for all watchers. A batch travels back when it has been used, and
 * the last one takes the exchange with it; so both sides need no locks.
 * Threads: as drawn; which fields are whose is said below.
 * Contract: client_int.h, core/http/exchange.h. */
#include "core/client/client_int.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/exchange.h"
#include "core/http/limits.h"

#define LOCAL_MAGIC	0x6c6f636cu
#define LOCAL_WINDOW	(1 << 20)	/* bytes on their way to the client */
#define LOCAL_PIECES	64		/* of a stream, in one batch */
#define LOCAL_COST	64		/* so that tiny pieces count */
#define LOCAL_HEADERS	3
#define LOCAL_GROUPS_MAX 8	/* of an identity */

struct local_transport {
	struct transport t;
	struct pin_loop	*home;
	const struct exchange_handler *handler;
	struct pin_loop	*fronts[HTTP_FRONTS_MAX];
	uint32_t	 nfronts, turn;
	uint32_t	 live;		/* exchanges the fronts have */
	uint32_t	 pad;
	char		*agent;
	void		(*gone)(void *);
	void		*gone_arg;
};

enum { BATCH_HEAD = 1, BATCH_END = 2 };

struct local_batch {
	struct pin_msg	 msg;
	struct local	*l;
	uint32_t	 flags, n;
	int32_t		 status, retry_after, rc;
	uint32_t	 room;
	int64_t		 cost;
	struct {
		struct pin_buf	*buf;
		size_t		 off, len;
	} piece[];
};

struct local {
	struct exchange	 ex;		/* the front's from begin on */
	uint32_t	 magic;
	uint32_t	 ended;		/* front: finish or reply was called */
	struct local_transport *t;	/* home's */
	struct client_call *call;	/* home's; NULL: cancelled */
	struct pin_loop	*home;
	struct pin_msg	 begin, cancel;
	/* the front's */
	struct local_batch *out;
	int64_t		 queued;
	uint32_t	 starved;	/* was told there is no credit */
	uint32_t	 cut;		/* the client left */
	struct http_header headers[LOCAL_HEADERS];
	struct pin_str	 groups[LOCAL_GROUPS_MAX];
	struct pin_str	 body;
	char		 text[];
};

static _Atomic(uint64_t) local_ids = UINT64_C(1) << 62;

static struct local *
local_of(struct exchange *ex)
{
	struct local *l = (struct local *)(void *)ex;

	PIN_VALID(l, LOCAL_MAGIC);
	return (l);
}

/* ---- the front ------------------------------------------------------ */

static void	local_deliver(struct pin_msg *);

static struct local_batch *
batch_get(struct local *l, uint32_t room)
{
	struct local_batch *b = l->out;

	if (b != NULL && b->n + room <= b->room)
		return (b);
	if (b != NULL) {
		l->out = NULL;
		pin_loop_post(l->home, &b->msg);
	}
	if (room < LOCAL_PIECES && l->queued > 0)
		room = LOCAL_PIECES;
	b = pin_xcalloc(1, sizeof(*b) + room * sizeof(b->piece[0]));
	b->msg.fn = local_deliver;
	b->l = l;
	b->room = room;
	l->out = b;
	return (b);
}

static void
batch_post(struct local *l)
{
	struct local_batch *b = l->out;

	if (b == NULL)
		return;
	l->out = NULL;
	pin_loop_post(l->home, &b->msg);
}

static void
batch_head(struct local_batch *b, int status, const struct http_header *h,
    uint32_t n)
{
	uint32_t i;
	size_t k;

	b->flags |= BATCH_HEAD;
	b->status = status;
	b->retry_after = -1;
	for (i = 0; i < n; i++) {
		if (!pin_str_is(h[i].name, "Retry-After"))
			continue;
		b->retry_after = 0;
		for (k = 0; k < h[i].value.len && k < 6; k++)
			b->retry_after = b->retry_after * 10 +
			    (h[i].value.p[k] - '0');
	}
}

static void
local_read_body(struct exchange *ex, size_t max,
    void (*body)(struct exchange *, int rc, struct pin_str))
{
	struct local *l = local_of(ex);

	if (l->body.len > max)
		body(ex, PIN_ETOOBIG, PIN_STR_NONE);
	else
		body(ex, PIN_OK, l->body);
}

static void
local_reply(struct exchange *ex, int status, const struct http_header *h,
    uint32_t nheaders, struct pin_buf **pieces, uint32_t n)
{
	struct local *l = local_of(ex);
	struct local_batch *b = batch_get(l, n > 0 ? n : 1);
	uint32_t i;

	PIN_ASSERT(!l->ended);
	batch_head(b, status, h, nheaders);
	for (i = 0; i < n; i++) {
		b->piece[b->n].buf = pieces[i];
		b->piece[b->n++].len = pieces[i]->len;
		pieces[i] = NULL;
	}
	b->flags |= BATCH_END;
	l->ended = 1;
	batch_post(l);
}

static void
local_begin_answer(struct exchange *ex, int status,
    const struct http_header *h, uint32_t n)
{
	struct local *l = local_of(ex);

	batch_head(batch_get(l, LOCAL_PIECES), status, h, n);
}

static int64_t
local_credit(struct exchange *ex)
{
	struct local *l = local_of(ex);

	if (l->cut)
		return (PIN_ECLOSED);
	if (l->queued >= LOCAL_WINDOW)
		l->starved = 1;
	return (LOCAL_WINDOW - l->queued);
}

static int64_t
local_send(struct exchange *ex, struct pin_buf *buf, size_t off, size_t len)
{
	struct local *l = local_of(ex);
	struct local_batch *b;

	if (l->cut)
		return (PIN_ECLOSED);
	b = batch_get(l, 1);
	b->piece[b->n].buf = pin_buf_get(buf);
	b->piece[b->n].off = off;
	b->piece[b->n++].len = len;
	b->cost += (int64_t)len + LOCAL_COST;
	l->queued += (int64_t)len + LOCAL_COST;
	return (local_credit(ex));
}

static void
local_flush(struct exchange *ex)
{
	batch_post(local_of(ex));
}

static void
local_finish(struct exchange *ex, int ok)
{
	struct local *l = local_of(ex);
	struct local_batch *b = batch_get(l, 1);

	PIN_ASSERT(!l->ended);
	b->flags |= BATCH_END;
	b->rc = ok ? PIN_OK : PIN_ECLOSED;
	l->ended = 1;
	batch_post(l);
}

static const struct exchange_ops local_ops = {
	.read_body = local_read_body,
	.reply = local_reply,
	.start = local_begin_answer,
	.send = local_send,
	.credit = local_credit,
	.flush = local_flush,
	.finish = local_finish,
};

static void
local_begin(struct pin_msg *msg)
{
	struct local *l = (struct local *)(void *)((char *)msg -
	    offsetof(struct local, begin));

	l->ex.arena = pin_arena_new(HTTP_ARENA_MAX);
	PIN_ASSERT(l->ex.arena != NULL);
	l->ex.begun_ns = pin_host_now(pin_loop_host(l->ex.loop));
	l->ex.handler->begin(l->ex.handler->arg, &l->ex);
}

static void
local_gone(struct pin_msg *msg)
{
	struct local *l = (struct local *)(void *)((char *)msg -
	    offsetof(struct local, cancel));

	l->cut = 1;
	if (!l->ended)
		l->ex.handler->gone(&l->ex);
}

static void
local_return(struct pin_msg *msg)
{
	struct local_batch *b = (struct local_batch *)(void *)msg;
	struct local *l = b->l;

	l->queued -= b->cost;
	if (b->flags & BATCH_END) {
		PIN_ASSERT(l->ended && l->out == NULL);
		pin_arena_free(&l->ex.arena);
		l->magic = 0;
		free(l);
	} else if (l->starved && l->queued < LOCAL_WINDOW && !l->ended &&
	    !l->cut) {
		l->starved = 0;
		l->ex.handler->credit(&l->ex);
	}
	free(b);
}

/* ---- the client ----------------------------------------------------- */

static void
transport_check(struct local_transport *t)
{
	void (*gone)(void *) = t->gone;
	void *arg = t->gone_arg;

	if (gone == NULL || t->live > 0)
		return;
	free(t->agent);
	free(t);
	gone(arg);
}

static void
local_deliver(struct pin_msg *msg)
{
	struct local_batch *b = (struct local_batch *)(void *)msg;
	struct local *l = b->l;
	struct local_transport *t = l->t;
	struct pin_loop *front = l->ex.loop;
	struct client_call *call = l->call;
	int end = b->flags & BATCH_END;
	uint32_t i;

	if (l->call != NULL && (b->flags & BATCH_HEAD))
		client__head(call, b->status, b->retry_after);
	for (i = 0; i < b->n; i++) {
		if (l->call != NULL)
			(void)client__data(call, b->piece[i].buf,
			    b->piece[i].off, b->piece[i].len);
		pin_buf_put(&b->piece[i].buf);
	}
	if (end && l->call != NULL) {
		l->call = NULL;
		call->carrier = NULL;
		client__end(call, b->rc);
	}
	b->msg.fn = local_return;
	pin_loop_post(front, &b->msg);	/* l is not ours after the last */
	if (end) {
		t->live--;
		transport_check(t);
	}
}

static struct pin_str
text_add(char **at, struct pin_str s)
{
	char *p = *at;

	if (s.len > 0)
		memcpy(p, s.p, s.len);
	*at += s.len;
	return ((struct pin_str){ p, s.len });
}

static void
local_head(struct local *l, const struct client_call *call)
{
	struct exchange_head *h = &l->ex.head;
	struct local_transport *t = l->t;
	const char *q;
	char *at = l->text;
	uint32_t n = 0, i;

	h->method = text_add(&at, call->method);
	h->target = text_add(&at, call->target);
	h->path = h->target;
	q = memchr(h->target.p, '?', h->target.len);
	if (q != NULL) {
		h->path.len = (size_t)(q - h->target.p);
		h->query = (struct pin_str){ q + 1,
		    h->target.len - h->path.len - 1 };
	}
	l->headers[n++] = (struct http_header){ PIN_STR("User-Agent"),
	    text_add(&at, pin_str(t->agent)) };
	l->headers[n++] = (struct http_header){ PIN_STR("Accept"),
	    call->accept.len > 0 ? text_add(&at, call->accept) :
	    PIN_STR("application/json") };
	l->body = text_add(&at, call->body);
	if (call->body.len > 0)
		l->headers[n++] = (struct http_header){
		    PIN_STR("Content-Type"), text_add(&at, call->type) };
	h->flags = EXCHANGE_LOCAL | (call->body.len > 0 ? EXCHANGE_HAS_BODY :
	    0);
	h->headers = l->headers;
	h->nheaders = n;
	h->body_len = call->body.len;
	/* Copied: the exchange may outlive a cancelled call. */
	for (i = 0; i < call->who->ngroups; i++)
		l->groups[i] = text_add(&at, call->who->groups[i]);
	h->creds = (struct pin_credentials){ .size = sizeof(h->creds),
	    .has_cert = 1, .cert_cn = text_add(&at, call->who->name),
	    .cert_orgs = l->groups, .ncert_orgs = call->who->ngroups };
}

static size_t
head_bytes(const struct local_transport *t, const struct client_call *call)
{
	size_t n = call->method.len + call->target.len + call->type.len +
	    call->accept.len +
	    call->body.len + call->who->name.len + strlen(t->agent);
	uint32_t i;

	PIN_ASSERT(call->who->ngroups <= LOCAL_GROUPS_MAX);
	for (i = 0; i < call->who->ngroups; i++)
		n += call->who->groups[i].len;
	return (n);
}

static void
local_start(struct transport *tp, struct client_call *call)
{
	struct local_transport *t = (struct local_transport *)(void *)tp;
	struct local *l = pin_xcalloc(1, sizeof(*l) + head_bytes(t, call));

	l->magic = LOCAL_MAGIC;
	l->t = t;
	l->home = t->home;
	l->call = call;
	call->carrier = l;
	l->ex.ops = &local_ops;
	l->ex.handler = t->handler;
	l->ex.front = t->turn++ % t->nfronts;
	l->ex.loop = t->fronts[l->ex.front];
	l->ex.id = atomic_fetch_add(&local_ids, 1);
	local_head(l, call);
	t->live++;
	l->begin.fn = local_begin;
	pin_loop_post(l->ex.loop, &l->begin);
}

static void
local_cancel(struct transport *tp, struct client_call *call)
{
	struct local *l = call->carrier;

	(void)tp;
	if (l == NULL)
		return;
	call->carrier = NULL;
	l->call = NULL;
	l->cancel.fn = local_gone;
	pin_loop_post(l->ex.loop, &l->cancel);
}

static void
local_close(struct transport *tp, void (*gone)(void *), void *arg)
{
	struct local_transport *t = (struct local_transport *)(void *)tp;

	t->gone = gone;
	t->gone_arg = arg;
	transport_check(t);
}

struct transport *
transport_local(struct pin_loop *home, const struct exchange_handler *handler,
    struct pin_loop *const *fronts, uint32_t nfronts, const char *agent)
{
	static const struct transport_ops ops = { .start = local_start,
	    .cancel = local_cancel, .close = local_close };
	struct local_transport *t = pin_xcalloc(1, sizeof(*t));
	uint32_t i;

	PIN_ASSERT(nfronts > 0 && nfronts <= HTTP_FRONTS_MAX);
	t->t.ops = &ops;
	t->home = home;
	t->handler = handler;
	t->nfronts = nfronts;
	for (i = 0; i < nfronts; i++)
		t->fronts[i] = fronts[i];
	t->agent = pin_xstrdup(agent);
	return (&t->t);
}
