/* SPDX-License-Identifier: BSD-2-Clause
 *
 * body.c -- request bodies: collected into one block for the handler, or
 * dropped. Small ones that came with their head are not copied at all.
 * Threads: the front's loop.
 * Contract: exchange.h (read_body). All bodies together stay below
 * body_bytes_total: the rest is told PIN_EBUSY. */
#include "server_int.h"

#include <stdlib.h>
#include <string.h>

#define READS_TURN	64	/* reads before other connections get a turn */

static int
is_chunked(const struct conn *c)
{
	return ((c->x.head.flags & HTTP_HEAD_CHUNKED) != 0);
}

/* ---- the budget ----------------------------------------------------- */

static int
charge(struct conn *c, uint64_t n)
{
	struct http_server *s = c->front->srv;

	if (__atomic_add_fetch(&s->body_bytes, n, __ATOMIC_RELAXED) >
	    s->limits.body_bytes_total) {
		(void)__atomic_sub_fetch(&s->body_bytes, n, __ATOMIC_RELAXED);
		return (PIN_EBUSY);
	}
	c->body.charged += n;
	return (PIN_OK);
}

void
body_reset(struct conn *c)
{
	struct body *b = &c->body;

	free(b->p);
	if (b->charged > 0)
		(void)__atomic_sub_fetch(&c->front->srv->body_bytes,
		    b->charged, __ATOMIC_RELAXED);
	memset(b, 0, sizeof(*b));
}

static int
room(struct conn *c, size_t cap)
{
	struct body *b = &c->body;
	char *p;

	if (cap <= b->cap)
		return (PIN_OK);
	if (charge(c, cap - b->cap) != PIN_OK)
		return (PIN_EBUSY);
	p = realloc(b->p, cap);
	if (p == NULL)
		return (PIN_EBUSY);
	b->p = p;
	b->cap = cap;
	return (PIN_OK);
}

static int
append(struct conn *c, const char *p, size_t len)
{
	struct body *b = &c->body;
	size_t cap = b->cap < 4096 ? 4096 : b->cap;
	int rc;

	if (len > b->max - b->len)
		return (PIN_ETOOBIG);
	while (cap < b->len + len)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	rc = room(c, cap);
	if (rc == PIN_OK) {
		memcpy(b->p + b->len, p, len);
		b->len += len;
	}
	return (rc);
}

/* ---- the end of it -------------------------------------------------- */

static void
done(struct conn *c, int rc, struct pin_str s)
{
	void (*fn)(struct exchange *, int, struct pin_str) = c->body.done;

	c->flags &= ~(uint32_t)F_BODY_WANTED;
	if (rc == PIN_OK)
		c->flags |= F_BODY_DONE;
	else
		c->flags |= F_CLOSE;	/* bytes of it may still come */
	if (c->dl == DL_BODY)
		front_disarm(c);
	c->body.done = NULL;
	fn(&c->x, rc, s);
}

void
body_fail(struct conn *c, int rc)
{
	if (rc == PIN_EINVAL)
		c->flags |= F_BODY_BAD;
	done(c, rc, PIN_STR_NONE);
}

static void
done_ok(struct conn *c)
{
	done(c, PIN_OK, (struct pin_str){ c->body.p, c->body.len });
}

/* ---- bytes ---------------------------------------------------------- */

/* Decodes what is buffered behind the head. PIN_OK: the body is over,
 * PIN_EAGAIN: more is needed. keep = 0: drops the data. */
static int
decode(struct conn *c, int keep)
{
	struct body *b = &c->body;
	const char *data;
	size_t used, len;
	int r, rc;

	do {
		r = http_chunked_next(&b->chunked, c->in + c->in_off,
		    c->in_len - c->in_off, &used, &data, &len);
		c->in_off += used;
		if (r == HTTP_CHUNK_BAD)
			return (PIN_EINVAL);
		if (r == HTTP_CHUNK_DATA && keep) {
			rc = append(c, data, len);
			if (rc != PIN_OK)
				return (rc);
		} else
			b->dropped += len;
	} while (r == HTTP_CHUNK_DATA);
	return (r == HTTP_CHUNK_END ? PIN_OK : PIN_EAGAIN);
}

/* One read, one step. PIN_OK: over, PIN_EAGAIN: nothing to read now, PIN_BUSY
 * never; 1: read on. */
static int
step(struct conn *c, int keep)
{
	struct body *b = &c->body;
	size_t max = HTTP_RECORD;
	char *to = c->front->scratch;
	int64_t n;
	int rc;

	if (is_chunked(c)) {
		rc = decode(c, keep);
		if (rc != PIN_EAGAIN)
			return (rc);
		c->in_len = c->in_off = c->head_len;
		to = c->in + c->in_len;
		max = c->in_cap - c->in_len;
	} else if (keep) {
		to = b->p + b->len;
		max = (size_t)b->left;
	} else if (b->left < max)
		max = (size_t)b->left;
	n = conn_read(c, to, max);
	if (n == 0 || n == PIN_ECLOSED) {
		c->flags |= n == 0 ? F_EOF : F_EOF | F_LOST;
		return (PIN_ECLOSED);
	}
	if (n < 0)
		return ((int)n);
	if (is_chunked(c)) {
		c->in_len += (size_t)n;
		return (1);
	}
	b->left -= (uint64_t)n;
	if (keep)
		b->len += (size_t)n;
	else
		b->dropped += (uint64_t)n;
	return (b->left == 0 ? PIN_OK : 1);
}

/* One byte a minute must not hold a seat: beside the time without any byte
 * there is a least rate. */
static int
too_slow(struct conn *c)
{
	struct body *b = &c->body;
	uint64_t ms = (pin_host_now(c->front->srv->host) - b->begun_ns) /
	    1000000;
	uint64_t grace = c->front->srv->limits.body_ms;

	return (ms > grace && b->len < (ms - grace) * HTTP_BODY_RATE_MIN /
	    1000);
}

void
body_input(struct conn *c)
{
	uint32_t reads = 0;
	int rc;

	do
		rc = step(c, 1);
	while (rc == 1 && ++reads < READS_TURN);
	if (rc == PIN_OK) {
		done_ok(c);
		return;
	}
	if (rc == 1)
		front_run_later(c);
	else if (rc != PIN_EAGAIN) {
		body_fail(c, rc);
		return;
	}
	if (too_slow(c))
		body_fail(c, PIN_ETIMEOUT);
	else if (reads > 0 || c->dl != DL_BODY)
		front_arm(c, DL_BODY);
}

int
body_drop(struct conn *c)
{
	struct body *b = &c->body;
	size_t n = c->in_len - c->in_off;
	int rc;

	if (!is_chunked(c)) {
		if (n > b->left)
			n = (size_t)b->left;
		c->in_off += n;
		b->left -= n;
		if (b->left == 0)
			return (1);
		if (b->left > HTTP_DRAIN_MAX)
			return (-1);
	}
	do
		rc = step(c, 0);
	while (rc == 1 && b->dropped <= HTTP_DRAIN_MAX);
	if (rc == PIN_OK)
		return (1);
	return (rc == PIN_EAGAIN && b->dropped <= HTTP_DRAIN_MAX ? 0 : -1);
}

/* ---- asked for ------------------------------------------------------ */

/* Content-Length: the whole block at once. 1: it is all there. */
static int
begin_sized(struct conn *c, size_t max)
{
	struct body *b = &c->body;
	size_t n = c->in_len - c->in_off;
	int rc;

	if (b->left > max)
		return (PIN_ETOOBIG);
	if (n >= b->left)
		return (1);
	rc = room(c, (size_t)b->left);
	if (rc != PIN_OK)
		return (rc);
	memcpy(b->p, c->in + c->in_off, n);
	b->len = n;
	b->left -= n;
	c->in_off = c->in_len = c->head_len;
	return (PIN_OK);
}

void
body_read(struct exchange *x, size_t max, void (*fn)(struct exchange *, int,
    struct pin_str))
{
	struct conn *c = (struct conn *)(void *)x;
	struct body *b = &c->body;
	int rc = PIN_OK;

	conn_enter(c);
	PIN_ASSERT(c->x.ops != NULL && (c->flags & F_BODY_ASKED) == 0);
	c->flags |= F_BODY_ASKED;
	b->max = max;
	b->done = fn;
	b->begun_ns = pin_host_now(c->front->srv->host);
	if (c->flags & F_LOST) {
		c->flags |= F_GONE_TOLD;
		body_fail(c, PIN_ECLOSED);
	} else if (c->flags & F_BODY_DONE)
		done_ok(c);
	else {
		if (!is_chunked(c))
			rc = begin_sized(c, max);
		if (rc == 1) {
			struct pin_str s = { c->in + c->in_off,
			    (size_t)b->left };

			c->in_off += (size_t)b->left;
			b->left = 0;
			done(c, PIN_OK, s);
		} else if (rc != PIN_OK)
			body_fail(c, rc);
		else {
			c->flags |= F_BODY_WANTED;
			c->flags &= ~(uint32_t)F_PAUSED;
			if ((x->head.flags & HTTP_HEAD_CONTINUE) &&
			    c->in_len == c->in_off)
				out_continue(c);
			conn_want(c);
			body_input(c);
		}
	}
	conn_leave(c);
}
