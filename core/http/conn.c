/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conn.c -- the life of a connection: handshake, one request after another,
 * the end. One exchange at a time; the next head is looked at when the answer
 * is out.
 * Threads: the front's loop.
 * Contract: server_int.h, exchange.h; RFC 9112. */
#include "server_int.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

const struct exchange_ops conn_ops = {
	.read_body = body_read,
	.reply = out_reply,
	.start = out_start,
	.send = out_send,
	.credit = out_credit,
	.flush = out_flush,
	.finish = out_finish,
};

#define COUNT(c, field, n) __atomic_store_n(&(c)->front->count.field, \
	(c)->front->count.field + (uint64_t)(n), __ATOMIC_RELAXED)

static void settle(struct conn *);

/* ---- in and out of our own frames ----------------------------------- */

/* A connection that dies under a callback keeps its memory until the last
 * frame of ours that knows it has returned, and until its handler is done. */
void
conn_enter(struct conn *c)
{
	PIN_VALID(c, CONN_MAGIC);
	c->busy++;
}

void
conn_leave(struct conn *c)
{
	PIN_ASSERT(c->busy > 0);
	if (c->busy == 1)
		settle(c);
	if (--c->busy == 0 && c->state == ST_DEAD && c->x.ops == NULL &&
	    (c->flags & F_IN_RUN) == 0)
		conn_unlink(c);
}

static void
shaking_over(struct conn *c)
{
	if (c->flags & F_SHAKING) {
		c->flags &= ~(uint32_t)F_SHAKING;
		(void)__atomic_sub_fetch(&c->front->srv->nshaking, 1,
		    __ATOMIC_RELAXED);
		(void)__atomic_sub_fetch(&c->front->srv->shaking[c->source],
		    1, __ATOMIC_RELAXED);
	}
}

static void
in_release(struct conn *c)
{
	if (c->in == NULL)
		return;
	if (c->in_cap == HTTP_IN_FIRST)
		front_buf_put(c->front, c->in);
	else
		free(c->in);
	c->in = NULL;
	c->in_len = c->in_off = c->in_cap = 0;
}

/* The socket goes; the exchange, if the handler has one, stays until it is
 * finished. Call between conn_enter and conn_leave. */
void
conn_die(struct conn *c)
{
	if (c->state == ST_DEAD)
		return;
	PIN_ASSERT(c->busy > 0);
	c->state = ST_DEAD;
	c->flags |= F_LOST;
	front_disarm(c);
	shaking_over(c);
	out_drop(c);
	/* Certificate strings in creds point into the TLS connection. */
	if (c->tls != NULL && c->x.ops == NULL)
		tls_close(&c->tls);
	if (c->sock != NULL)
		pin_sock_close(&c->sock);
	if (c->x.ops == NULL) {
		body_reset(c);
		in_release(c);
	}
}

static void
tell_gone(struct conn *c)
{
	if (c->x.ops == NULL || (c->flags & F_GONE_TOLD))
		return;
	c->flags |= F_GONE_TOLD;
	if (c->flags & F_BODY_WANTED)
		body_fail(c, PIN_ECLOSED);
	else if (c->x.handler->gone != NULL)
		c->x.handler->gone(&c->x);
}

/* The peer is gone. Nothing can be sent; the handler hears of it. */
void
conn_lost(struct conn *c)
{
	conn_enter(c);
	conn_die(c);
	tell_gone(c);
	conn_leave(c);
}

static void linger(struct conn *);

/* ---- reading -------------------------------------------------------- */

int64_t
conn_read(struct conn *c, char *p, size_t len)
{
	uint32_t want = 0;
	int64_t n;

	if (c->tls != NULL)
		n = tls_read(c->tls, p, len, &want);
	else
		n = pin_sock_recv(c->sock, p, len);
	if (n > 0)
		COUNT(c, bytes_in, n);
	return (n);
}

void
conn_want(struct conn *c)
{
	uint32_t want = 0;

	if (c->state == ST_DEAD)
		return;
	if ((c->flags & (F_EOF | F_PAUSED)) == 0)
		want |= PIN_SOCK_READ;
	if (c->flags & F_BLOCKED)
		want |= PIN_SOCK_WRITE;
	pin_sock_want(c->sock, want);
}

/* More room in the read buffer, which may move: only while nobody holds
 * strings into it. */
static int
in_grow(struct conn *c, size_t need)
{
	size_t cap = c->in_cap != 0 ? c->in_cap : HTTP_IN_FIRST;
	char *p;

	while (cap < need)
		cap *= 2;
	if (c->in == NULL && cap == HTTP_IN_FIRST) {
		c->in = front_buf_get(c->front);
		c->in_cap = cap;
		return (PIN_OK);
	}
	if (cap == c->in_cap)
		return (PIN_OK);
	p = malloc(cap);
	if (p == NULL)
		return (PIN_ENOMEM);
	if (c->in != NULL)
		memcpy(p, c->in, c->in_len);
	if (c->in != NULL && c->in_cap == HTTP_IN_FIRST)
		front_buf_put(c->front, c->in);
	else
		free(c->in);
	c->in = p;
	c->in_cap = cap;
	return (PIN_OK);
}

/* Reads once into the buffer. 1: bytes came, 0: none now, -1: it is over. */
static int
in_fill(struct conn *c)
{
	int64_t n;

	if (in_grow(c, c->in_len + 1) != PIN_OK) {
		conn_die(c);
		return (-1);
	}
	n = conn_read(c, c->in + c->in_len, c->in_cap - c->in_len);
	if (n > 0) {
		c->in_len += (size_t)n;
		return (1);
	}
	if (n == PIN_EAGAIN) {
		if (c->in_len == 0)
			in_release(c);
		return (0);
	}
	c->flags |= n == 0 ? F_EOF : F_EOF | F_LOST;
	return (-1);
}

/* ---- one request ---------------------------------------------------- */

static void
exchange_begin(struct conn *c)
{
	struct front *f = c->front;
	struct exchange *x = &c->x;

	x->handler = &f->srv->handler;
	x->loop = f->loop;
	x->front = f->index;
	x->begun_ns = pin_host_now(f->srv->host);
	x->id = f->next_id++;
	x->data = NULL;
	x->ops = &conn_ops;
	c->state = ST_ACTIVE;
	c->flags &= F_EOF | F_IN_RUN | F_BLOCKED | F_STOPPING;
	if (x->head.flags & HTTP_HEAD_CLOSE || c->flags & F_STOPPING)
		c->flags |= F_CLOSE;
	if ((x->head.flags & EXCHANGE_HAS_BODY) == 0)
		c->flags |= F_BODY_DONE;
	memset(&c->body, 0, sizeof(c->body));
	if ((x->head.flags & HTTP_HEAD_CHUNKED) == 0)
		c->body.left = x->head.body_len;
	front_disarm(c);
	COUNT(c, requests, 1);
	if (x->head.flags & HTTP_HEAD_ASTERISK) {
		x->ops->reply(x, 200, NULL, 0, NULL, 0);
		return;
	}
	x->handler->begin(x->handler->arg, x);
}

static void
arena_put(struct conn *c)
{
	struct front *f = c->front;

	if (c->x.arena == NULL)
		return;
	pin_arena_reset(c->x.arena);
	if (f->narenas < HTTP_POOL_MAX) {
		f->arenas[f->narenas++] = c->x.arena;
		c->x.arena = NULL;
	} else
		pin_arena_free(&c->x.arena);
}

static struct pin_arena *
arena_get(struct front *f)
{
	if (f->narenas > 0)
		return (f->arenas[--f->narenas]);
	return (pin_arena_new(HTTP_ARENA_MAX));
}

/* Puts the headers where they live as long as the exchange. */
static int
headers_keep(struct conn *c, uint32_t n)
{
	struct http_header *h = c->headers;

	if (n > HTTP_HEADERS_INLINE)
		h = pin_arena_alloc(c->x.arena, n * sizeof(*h));
	if (h == NULL)
		return (PIN_ENOMEM);
	memcpy(h, c->front->headers, n * sizeof(*h));
	c->x.head.headers = h;
	return (PIN_OK);
}

/* A whole head lies in the buffer: 1 when an exchange has begun. */
static int
head_done(struct conn *c, size_t len)
{
	struct front *f = c->front;
	struct exchange_head *h = &c->x.head;
	const char *why = NULL;
	int status;

	h->creds = c->creds;
	status = http_head_parse(c->in, len, h, f->headers,
	    f->srv->limits.headers_max, &why);
	if (status != 0) {
		out_refuse(c, status, why);
		return (0);
	}
	/* Chunked bodies are decoded in what is free behind the head, so that
	 * must be there before anybody holds strings into the buffer. */
	if ((h->flags & HTTP_HEAD_CHUNKED) &&
	    c->in_cap - len < HTTP_IN_FIRST / 2) {
		if (in_grow(c, len + HTTP_IN_FIRST) != PIN_OK) {
			out_refuse(c, 503, NULL);
			return (0);
		}
		(void)http_head_parse(c->in, len, h, f->headers,
		    f->srv->limits.headers_max, &why);
	}
	if (c->tls == NULL)
		h->flags |= EXCHANGE_LOCAL;
	c->in_off = c->head_len = len;
	memset(&c->scan, 0, sizeof(c->scan));
	c->x.arena = arena_get(f);
	if (headers_keep(c, h->nheaders) != PIN_OK) {
		arena_put(c);
		out_refuse(c, 503, NULL);
		return (0);
	}
	exchange_begin(c);
	return (1);
}

/* Looks for a head in what is buffered. 1: an exchange has begun (and may be
 * over already), 0: more bytes are needed, -1: refused. */
static int
head_try(struct conn *c)
{
	int64_t n;

	if (c->in_len == 0)
		return (0);
	n = http_head_scan(&c->scan, c->in, c->in_len,
	    c->front->srv->limits.head_bytes_max);
	if (n < 0) {
		out_refuse(c, (int)-n, NULL);
		return (-1);
	}
	if (n == 0)
		return (0);
	return (head_done(c, (size_t)n) ? 1 : -1);
}

/* Looks for a head; reads at most once, for the socket tells again when it has
 * more and bytes that TLS holds are asked for. */
static void
head_input(struct conn *c, int readable)
{
	int rc;

	for (;;) {
		rc = head_try(c);
		if (rc != 0)
			return;		/* settle goes on */
		if (c->flags & F_EOF) {
			/* In the middle of a head or after an answer: like
			 * Go, without a word. */
			linger(c);
			return;
		}
		if (!readable && (c->tls == NULL ||
		    tls_pending(c->tls) == 0))
			break;
		readable = 0;
		rc = in_fill(c);
		if (c->state == ST_DEAD)
			return;
		if (rc == 0)
			break;
	}
	if (c->in_len > 0 && c->dl != DL_HEAD)
		front_arm(c, DL_HEAD);
	else if (c->in_len == 0 && c->dl != DL_IDLE)
		front_arm(c, DL_IDLE);
}

/* ---- after the answer ----------------------------------------------- */

static void
linger(struct conn *c)
{
	out_drop(c);
	if (c->tls != NULL) {
		tls_shutdown(c->tls);
		tls_close(&c->tls);
	}
	if (c->flags & F_EOF) {
		conn_die(c);
		return;
	}
	pin_sock_shutdown(c->sock);
	in_release(c);
	c->state = ST_LINGER;
	c->flags &= ~(uint32_t)(F_PAUSED | F_BLOCKED);
	front_arm(c, DL_LINGER);
	conn_want(c);
}

static void
linger_input(struct conn *c)
{
	int64_t n;

	while ((n = pin_sock_recv(c->sock, c->front->scratch,
	    sizeof(c->front->scratch))) > 0) {
		c->lingered += (uint32_t)n;
		if (c->lingered > HTTP_LINGER_MAX)
			break;
	}
	if (n != PIN_EAGAIN)
		conn_die(c);
}

/* The answer is out and the body is gone: what follows is the next head. */
static void
next_request(struct conn *c)
{
	size_t rest = c->in_len - c->in_off;

	c->state = ST_HEAD;
	c->flags &= F_EOF | F_IN_RUN | F_STOPPING;
	c->flags |= F_NEXT;
	if (rest > 0)
		memmove(c->in, c->in + c->in_off, rest);
	c->in_len = rest;
	c->in_off = 0;
	memset(&c->scan, 0, sizeof(c->scan));
	if (rest == 0)
		in_release(c);
	front_disarm(c);
	conn_want(c);
}

static void
drain_input(struct conn *c)
{
	int rc = body_drop(c);

	if (rc < 0)
		linger(c);
	else if (rc > 0) {
		body_reset(c);
		next_request(c);
	} else if (c->dl == DL_NONE)
		front_arm(c, DL_BODY);
}

/* The handler is done: nothing of the exchange is needed any more but the
 * bytes still queued. */
void
conn_answered(struct conn *c)
{
	PIN_ASSERT(c->x.ops != NULL);
	c->x.ops = NULL;
	c->x.data = NULL;
	arena_put(c);
	if (c->state == ST_DEAD) {
		if (c->tls != NULL)
			tls_close(&c->tls);
		body_reset(c);
		in_release(c);
		return;
	}
	c->state = ST_ANSWERED;
}

/* Sends what is queued and moves on when it is out. */
static void
answered_go(struct conn *c)
{
	int rc = out_pump(c);

	if (rc == PIN_EAGAIN || c->state != ST_ANSWERED)
		return;
	if (rc != PIN_OK) {
		conn_die(c);
		return;
	}
	if ((c->x.head.flags & HTTP_HEAD_CONTINUE) &&
	    (c->flags & (F_BODY_DONE | F_CONTINUED)) == 0)
		c->flags |= F_CLOSE;	/* will it send the body? who knows */
	if (c->flags & (F_CLOSE | F_BODY_BAD | F_STOPPING)) {
		body_reset(c);
		linger(c);
		return;
	}
	if (c->flags & F_BODY_DONE) {
		body_reset(c);
		next_request(c);
		return;
	}
	c->state = ST_DRAIN;
	c->flags &= ~(uint32_t)F_PAUSED;
	conn_want(c);
	drain_input(c);
}

/* ---- while the handler works ---------------------------------------- */

/* Bytes of the next request, or the end: kept, up to what fits behind the
 * head; then reading pauses. */
static void
active_input(struct conn *c)
{
	int64_t n;

	if (c->flags & F_BODY_WANTED) {
		body_input(c);
		return;
	}
	if ((c->flags & F_BODY_DONE) == 0 || c->in_len == c->in_cap) {
		c->flags |= F_PAUSED;
		conn_want(c);
		return;
	}
	n = conn_read(c, c->in + c->in_len, c->in_cap - c->in_len);
	if (n > 0) {
		c->in_len += (size_t)n;
		return;
	}
	if (n == PIN_EAGAIN)
		return;
	c->flags |= F_EOF;
	if (n < 0) {
		conn_lost(c);
		return;
	}
	/* Half closed: an answer may still go out, a stream ends. */
	conn_want(c);
	if (c->flags & F_STARTED)
		tell_gone(c);
}

/* ---- events --------------------------------------------------------- */

static void
input(struct conn *c)
{
	switch (c->state) {
	case ST_HEAD:
		head_input(c, 1);
		break;
	case ST_ACTIVE:
		active_input(c);
		break;
	case ST_DRAIN:
		drain_input(c);
		break;
	case ST_LINGER:
		linger_input(c);
		break;
	case ST_ANSWERED:
		c->flags |= F_PAUSED;	/* first the answer */
		conn_want(c);
		break;
	default:
		break;
	}
}

/* Goes on until nothing changes without an event from outside. Runs when the
 * last frame of ours is about to return, so that a handler which answers at
 * once is never deeper than one. */
static void
settle(struct conn *c)
{
	uint32_t turns = 0;

	for (;;) {
		if (c->state == ST_ANSWERED) {
			answered_go(c);
			if (c->state == ST_ANSWERED)
				break;
		} else if (c->state == ST_HEAD && (c->flags & F_NEXT)) {
			if (++turns > HTTP_REQUESTS_TURN) {
				front_run_later(c);
				break;
			}
			c->flags &= ~(uint32_t)F_NEXT;
			head_input(c, 0);
		} else
			break;
	}
	if (c->state == ST_ACTIVE && (c->flags & F_NO_CREDIT) &&
	    c->out.bytes <= HTTP_QUEUE_MAX / 2)
		front_run_later(c);
}

static void
established(struct conn *c)
{
	struct pin_credentials *cr = &c->creds;

	if (c->tls != NULL)
		tls_peer(c->tls, cr);
	c->state = ST_HEAD;
	front_arm(c, DL_IDLE);
}

static void
handshake(struct conn *c)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t want = PIN_SOCK_READ;
	int rc = tls_handshake(c->tls, &want, &err);

	if (rc == PIN_EAGAIN) {
		pin_sock_want(c->sock, want);
		return;
	}
	shaking_over(c);
	if (rc != PIN_OK) {
		COUNT(c, handshake_failures, 1);
		pin_log(c->front->srv->host, PIN_LOG_DEBUG,
		    "TLS from %s: %s", c->peer_ip, err.text);
		linger(c);
		return;
	}
	COUNT(c, handshakes, 1);
	established(c);
	conn_want(c);
	if (tls_pending(c->tls) > 0)
		head_input(c, 0);
}

void
conn_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	struct conn *c = arg;

	(void)sock;
	conn_enter(c);
	c->turn_bytes = 0;
	if (c->state == ST_HANDSHAKE)
		handshake(c);
	else {
		if ((events & PIN_SOCK_WRITE) && (c->flags & F_BLOCKED)) {
			c->flags &= ~(uint32_t)F_BLOCKED;
			if (c->state == ST_ACTIVE)
				out_flush(&c->x);
			conn_want(c);
		}
		if ((events & PIN_SOCK_READ) && c->state != ST_DEAD)
			input(c);
	}
	conn_leave(c);
}

/* From the run list: what could not be done under a caller. */
void
conn_run(struct conn *c)
{
	conn_enter(c);
	c->turn_bytes = 0;
	if (c->state == ST_DEAD || (c->flags & F_LOST)) {
		conn_die(c);
		tell_gone(c);
	} else {
		if ((c->flags & (F_STARTED | F_EOF)) == (F_STARTED | F_EOF))
			tell_gone(c);
		if (c->state == ST_ACTIVE && (c->flags & F_BODY_WANTED))
			body_input(c);
		if (c->state == ST_ACTIVE && (c->flags & F_NO_CREDIT) &&
		    c->out.bytes <= HTTP_QUEUE_MAX / 2) {
			c->flags &= ~(uint32_t)F_NO_CREDIT;
			if (c->x.handler->credit != NULL)
				c->x.handler->credit(&c->x);
		}
	}
	conn_leave(c);
}

void
conn_expired(struct conn *c)
{
	conn_enter(c);
	switch (c->state) {
	case ST_HANDSHAKE:
		COUNT(c, handshake_failures, 1);
		conn_die(c);
		break;
	case ST_HEAD:
		/* Go closes without a word; a word helps and harms not, once
		 * a part of a head was there. */
		if (c->in_len > 0)
			out_refuse(c, 408, NULL);
		else
			linger(c);
		break;
	case ST_ACTIVE:
		if (c->flags & F_BODY_WANTED)
			body_fail(c, PIN_ETIMEOUT);
		else
			conn_lost(c);		/* a slow reader */
		break;
	default:
		conn_die(c);
		break;
	}
	conn_leave(c);
}

/* ---- start and stop ------------------------------------------------- */

static void
creds_init(struct conn *c)
{
	struct pin_credentials *cr = &c->creds;
	struct pin_addr a;
	uint32_t uid, pid;

	cr->size = sizeof(*cr);
	memset(&a, 0, sizeof(a));
	if (c->tls_of == NULL) {
		if (pin_sock_cred(c->sock, &uid, &pid) == PIN_OK) {
			cr->has_peer = 1;
			cr->peer_uid = uid;
		}
		return;
	}
	pin_sock_peer(c->sock, &a);
	if (a.family == 4 || a.family == 6)
		(void)inet_ntop(a.family == 4 ? AF_INET : AF_INET6, a.ip,
		    c->peer_ip, sizeof(c->peer_ip));
	cr->peer_ip = pin_str(c->peer_ip);
	cr->peer_port = a.port;
}

void
conn_start(struct conn *c)
{
	struct front *f = c->front;
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	PIN_ASSERT_LOOP(f->loop);
	c->next = f->conns;
	if (c->next != NULL)
		c->next->prev = c;
	f->conns = c;
	f->nconns++;
	conn_enter(c);
	rc = pin_sock_attach(c->sock, f->loop, conn_ready, c, &err);
	if (rc == PIN_OK && c->tls_of != NULL)
		rc = tls_accept(c->tls_of, c->sock, &c->tls, &err);
	if (rc != PIN_OK || f->stopping) {
		if (rc != PIN_OK)
			pin_log(f->srv->host, PIN_LOG_WARN,
			    "connection refused: %s", err.text);
		conn_die(c);
	} else {
		creds_init(c);
		if (c->tls != NULL) {
			c->state = ST_HANDSHAKE;
			front_arm(c, DL_HANDSHAKE);
		} else
			established(c);
		pin_sock_want(c->sock, PIN_SOCK_READ);
	}
	conn_leave(c);
}

void
conn_stop(struct conn *c, int now)
{
	conn_enter(c);
	c->flags |= F_STOPPING | F_CLOSE;
	if (now)
		conn_die(c);
	switch (c->state) {
	case ST_HANDSHAKE:
	case ST_DRAIN:
		conn_die(c);
		break;
	case ST_HEAD:
		linger(c);
		break;
	default:
		break;
	}
	/* Told even when its socket stays: it should answer soon. */
	if (c->x.ops != NULL)
		tell_gone(c);
	conn_leave(c);
}
