/* SPDX-License-Identifier: BSD-2-Clause
 *
 * client.c -- calls from start to done: the queue before the transport,
 * deadlines, retries, bodies put together, streams cut into lines.
 * Client's loop. Contract: client.h. */
#include "core/client/client_int.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT_MAGIC	0x636c6e74u
#define NS_PER_MS	UINT64_C(1000000)

enum { CALL_IDLE, CALL_QUEUED, CALL_RUNNING, CALL_BACKOFF, CALL_FAILING };

struct call_list {
	struct client_call *head, *tail;
	uint32_t	 n;
};

struct client {
	uint32_t	 magic;
	uint32_t	 streams;	/* running ones, not in nrunning */
	struct pin_loop	*loop;
	struct pin_host	*host;
	const struct client_identity *who;
	struct transport *transport;
	struct call_list queue, running, resting;
	struct client_call *current;	/* in a callback; NULL: it is gone */
	struct client_counters count;
	void		(*gone)(void *);
	void		*gone_arg;
};

static void	call_timer(struct pin_timer *);

/* ---- lists ---------------------------------------------------------- */

static struct call_list *
list_of(struct client_call *call)
{
	struct client *c = call->client;

	switch (call->state) {
	case CALL_QUEUED:
		return (&c->queue);
	case CALL_RUNNING:
		return (&c->running);
	default:
		return (&c->resting);
	}
}

static void
call_link(struct client_call *call, uint32_t state)
{
	struct call_list *l;

	call->state = state;
	l = list_of(call);
	call->next = NULL;
	call->prev = l->tail;
	if (l->tail != NULL)
		l->tail->next = call;
	else
		l->head = call;
	l->tail = call;
	l->n++;
	if (state == CALL_RUNNING && (call->flags & CLIENT_STREAM) != 0)
		call->client->streams++;
}

static void
call_unlink(struct client_call *call)
{
	struct call_list *l = list_of(call);

	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		l->head = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	else
		l->tail = call->prev;
	l->n--;
	if (call->state == CALL_RUNNING && (call->flags & CLIENT_STREAM) != 0)
		call->client->streams--;
	call->state = CALL_IDLE;
}

/* ---- running -------------------------------------------------------- */

static uint64_t
jitter(struct client *c, uint64_t ms)
{
	uint64_t x;

	pin_host_random(c->host, &x, sizeof(x));
	return (ms / 2 + x % (ms / 2 + 1));
}

static uint64_t
ms_left(struct client_call *call)
{
	uint64_t now = pin_host_now(call->client->host);

	return (call->deadline_ns > now ? (call->deadline_ns - now) /
	    NS_PER_MS + 1 : 0);
}

static void
answer_reset(struct client_call *call)
{
	pin_buf_put(&call->answer.buf);
	pin_out_fini(&call->part);
	pin_out_init(&call->part, NULL, CLIENT_BODY_MAX);
	call->answer = (struct client_answer){ .retry_after = -1 };
}

static void
call_run(struct client_call *call)
{
	struct client *c = call->client;

	answer_reset(call);
	call->got = 0;
	call_link(call, CALL_RUNNING);
	pin_timer_start(&call->timer, ms_left(call));
	c->transport->ops->start(c->transport, call);
}

static void
queue_run(struct client *c)
{
	struct client_call *call;

	while ((call = c->queue.head) != NULL &&
	    c->running.n - c->streams < CLIENT_INFLIGHT_MAX) {
		call_unlink(call);
		call_run(call);
	}
}

/* The end of it: the call is the caller's again. */
static void
call_done(struct client_call *call, int rc)
{
	struct client *c = call->client, *was = c;
	struct client_answer a = call->answer;
	struct pin_out part = call->part;

	call_unlink(call);
	pin_timer_stop(&call->timer);
	call->client = NULL;
	call->answer.buf = NULL;
	pin_out_init(&call->part, NULL, CLIENT_BODY_MAX);
	if (c->current == call)
		c->current = NULL;
	if (rc == PIN_OK && part.len > 0) {
		a.buf = pin_buf_copy(part.p, part.len);
		a.len = part.len;
		if (a.buf == NULL)
			rc = PIN_ENOMEM;
	}
	pin_out_fini(&part);
	a.rc = rc;
	c->count.failed += rc != PIN_OK;
	call->done(call, &a);
	pin_buf_put(&a.buf);
	queue_run(was);
}

static void
call_fail_soon(struct client_call *call, int rc)
{
	call->failing = rc;
	call_link(call, CALL_FAILING);
	pin_timer_start(&call->timer, 0);
}

void
client_start(struct client *c, struct client_call *call)
{
	uint64_t ms = call->timeout_ms > 0 ? call->timeout_ms :
	    CLIENT_TIMEOUT_MS;

	PIN_VALID(c, CLIENT_MAGIC);
	PIN_ASSERT_LOOP(c->loop);
	PIN_ASSERT(call->client == NULL);
	call->client = c;
	call->retries = 0;
	call->carrier = NULL;
	if (call->who == NULL)
		call->who = c->who;
	memset(&call->answer, 0, sizeof(call->answer));
	pin_out_init(&call->part, NULL, CLIENT_BODY_MAX);
	pin_timer_init(&call->timer, c->loop, call_timer);
	call->deadline_ns = pin_host_now(c->host) + ms * NS_PER_MS;
	c->count.calls++;
	if (c->gone != NULL) {
		call_fail_soon(call, PIN_ECANCELED);
	} else if ((call->flags & CLIENT_STREAM) != 0) {
		if (c->streams >= CLIENT_STREAMS_MAX)
			call_fail_soon(call, PIN_EBUSY);
		else
			call_run(call);
	} else if (c->running.n - c->streams < CLIENT_INFLIGHT_MAX) {
		call_run(call);
	} else if (c->queue.n < CLIENT_QUEUE_MAX) {
		call_link(call, CALL_QUEUED);
		pin_timer_start(&call->timer, ms);
	} else {
		c->count.refused++;
		call_fail_soon(call, PIN_EBUSY);
	}
}

int
client_active(const struct client_call *call)
{
	return (call->client != NULL);
}

void
client_cancel(struct client_call *call)
{
	struct client *c = call->client;

	if (c == NULL)
		return;
	PIN_VALID(c, CLIENT_MAGIC);
	PIN_ASSERT_LOOP(c->loop);
	if (call->state == CALL_RUNNING)
		c->transport->ops->cancel(c->transport, call);
	call_unlink(call);
	pin_timer_stop(&call->timer);
	answer_reset(call);
	call->client = NULL;
	if (c->current == call)
		c->current = NULL;
	queue_run(c);
}

static void
call_timer(struct pin_timer *t)
{
	struct client_call *call = (struct client_call *)(void *)((char *)t -
	    offsetof(struct client_call, timer));
	struct client *c = call->client;

	switch (call->state) {
	case CALL_BACKOFF:
		call_unlink(call);
		call_run(call);
		return;
	case CALL_FAILING:
		call_done(call, call->failing);
		return;
	case CALL_RUNNING:
		if ((call->flags & CLIENT_STREAM) != 0 && call->got) {
			call->got = 0;
			pin_timer_start(t, call->timeout_ms > 0 ?
			    call->timeout_ms : CLIENT_TIMEOUT_MS);
			return;
		}
		c->transport->ops->cancel(c->transport, call);
		break;
	default:
		break;
	}
	call_done(call, PIN_ETIMEOUT);
}

/* ---- the transport's side ------------------------------------------- */

void
client__head(struct client_call *call, int status, int retry_after)
{
	call->answer.status = status;
	call->answer.retry_after = retry_after;
	call->got = 1;
}

/* A line that came in several pieces, whole at last. 0: the call is gone. */
static int
part_line(struct client_call *call, struct pin_buf *b, size_t off, size_t len)
{
	struct client *c = call->client;
	struct pin_buf *whole;

	pin_out_put(&call->part, b->data + off, len);
	if (call->part.failed != PIN_OK)
		return (1);		/* said at the end */
	whole = pin_buf_copy(call->part.p, call->part.len);
	call->part.len = 0;
	if (whole == NULL) {
		call->part.failed = PIN_ENOMEM;
		return (1);
	}
	call->line(call, whole, 0, whole->len);
	pin_buf_put(&whole);
	return (c->current == call);
}

static int
stream_data(struct client_call *call, struct pin_buf *b, size_t off,
    size_t len)
{
	struct client *c = call->client;
	const char *p, *nl;
	size_t n;
	int alive = 1;

	c->current = call;
	while (alive && len > 0) {
		p = (const char *)b->data + off;
		nl = memchr(p, '\n', len);
		if (nl == NULL) {
			if (call->part.len + len > CLIENT_LINE_MAX)
				call->part.failed = PIN_ELIMIT;
			pin_out_put(&call->part, p, len);
			break;
		}
		n = (size_t)(nl - p);
		c->count.lines++;
		if (call->part.len > 0) {
			alive = part_line(call, b, off, n);
		} else if (n > 0) {
			call->line(call, b, off, n);
			alive = c->current == call;
		}
		off += n + 1;
		len -= n + 1;
	}
	c->current = NULL;
	return (alive);
}

int
client__data(struct client_call *call, struct pin_buf *b, size_t off,
    size_t len)
{
	struct client_answer *a = &call->answer;

	PIN_ASSERT(call->state == CALL_RUNNING);
	call->got = 1;
	if ((call->flags & CLIENT_STREAM) != 0 && a->status == 200)
		return (stream_data(call, b, off, len));
	if (a->buf == NULL && call->part.len == 0) {
		a->buf = pin_buf_get(b);	/* often all there is */
		a->off = off;
		a->len = len;
		return (1);
	}
	if (a->buf != NULL) {
		pin_out_put(&call->part, a->buf->data + a->off, a->len);
		pin_buf_put(&a->buf);
		a->off = 0;
	}
	pin_out_put(&call->part, b->data + off, len);
	return (1);
}

/* Milliseconds to wait before the call is tried again; 0: it is not. */
static uint64_t
retry_in(struct client_call *call, int rc)
{
	struct client_answer *a = &call->answer;
	uint64_t ms;

	if (call->retries >= CLIENT_RETRIES_MAX ||
	    (call->flags & CLIENT_STREAM) != 0)
		return (0);
	if (rc == PIN_OK) {
		if ((a->status != 429 && a->status != 503) ||
		    a->retry_after < 0)
			return (0);
		ms = (uint64_t)a->retry_after * 1000;
		ms += jitter(call->client, ms > 0 ? ms / 2 :
		    CLIENT_BACKOFF_MS);
	} else {
		if (!pin_str_is(call->method, "GET") || rc == PIN_ELIMIT)
			return (0);
		ms = (uint64_t)CLIENT_BACKOFF_MS << call->retries;
		if (ms > CLIENT_BACKOFF_MAX_MS)
			ms = CLIENT_BACKOFF_MAX_MS;
		ms = jitter(call->client, ms);
	}
	return (ms < ms_left(call) ? ms + (ms == 0) : 0);
}

void
client__end(struct client_call *call, int rc)
{
	struct client *c = call->client;
	uint64_t ms;

	PIN_ASSERT(call->state == CALL_RUNNING);
	if (rc == PIN_OK && call->part.failed != PIN_OK)
		rc = call->part.failed;
	ms = retry_in(call, rc);
	if (ms == 0 || c->gone != NULL) {
		if ((call->flags & CLIENT_STREAM) != 0 &&
		    call->answer.status == 200)
			call->part.len = 0;	/* half a line is none */
		call_done(call, rc);
		return;
	}
	c->count.retried++;
	call->retries++;
	call_unlink(call);
	call_link(call, CALL_BACKOFF);
	pin_timer_start(&call->timer, ms);
	queue_run(c);
}

/* ---- life ----------------------------------------------------------- */

struct client *
client_new(struct pin_loop *loop, const struct client_identity *who,
    PIN_OWN struct transport **tp)
{
	struct client *c = pin_xcalloc(1, sizeof(*c));

	c->magic = CLIENT_MAGIC;
	c->loop = loop;
	c->host = pin_loop_host(loop);
	c->who = who;
	c->transport = *tp;
	*tp = NULL;
	return (c);
}

struct pin_loop *
client_loop(const struct client *c)
{
	return (c->loop);
}

const struct client_counters *
client_count(const struct client *c)
{
	return (&c->count);
}

static void
client_gone(void *arg)
{
	struct client *c = arg;
	void (*gone)(void *) = c->gone;
	void *gone_arg = c->gone_arg;

	c->magic = 0;
	free(c);
	gone(gone_arg);
}

void
client_close(PIN_OWN struct client **cp, void (*gone)(void *), void *arg)
{
	struct client *c = *cp;
	struct client_call *call;

	*cp = NULL;
	PIN_VALID(c, CLIENT_MAGIC);
	PIN_ASSERT(gone != NULL && c->gone == NULL);
	c->gone = gone;
	c->gone_arg = arg;
	while ((call = c->queue.head) != NULL ||
	    (call = c->resting.head) != NULL ||
	    (call = c->running.head) != NULL) {
		if (call->state == CALL_RUNNING)
			c->transport->ops->cancel(c->transport, call);
		call_done(call, PIN_ECANCELED);
	}
	c->transport->ops->close(c->transport, client_gone, c);
}
