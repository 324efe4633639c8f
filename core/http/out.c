/* SPDX-License-Identifier: BSD-2-Clause
 *
 * out.c -- answers: heads, whole bodies, chunked streams, their queue and its
 * credit. Everything that waits goes into as few TLS records as it fits, each
 * of them one send(2); large pieces are encrypted where they lie.
 * Threads: the front's loop.
 * Contract: exchange.h. */
#include "server_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define CHUNK_HEAD_MAX	18	/* 16 digits, CR LF */
#define HEAD_MAX	(HTTP_RECORD - 1024)

#define COUNT(c, field, n) __atomic_store_n(&(c)->front->count.field, \
	(c)->front->count.field + (uint64_t)(n), __ATOMIC_RELAXED)

/* ---- the queue ------------------------------------------------------ */

static struct out_item *
push(struct conn *c, struct pin_buf *buf, size_t off, size_t len)
{
	struct out_queue *q = &c->out;
	struct out_item *it, *grown;
	uint32_t i, cap;

	if (q->n == q->cap) {
		cap = q->cap != 0 ? q->cap * 2 : 4;
		grown = pin_xmalloc(cap * sizeof(*grown));
		for (i = 0; i < q->n; i++)
			grown[i] = q->items[(q->first + i) & (q->cap - 1)];
		free(q->items);
		q->items = grown;
		q->cap = cap;
		q->first = 0;
	}
	it = &q->items[(q->first + q->n++) & (q->cap - 1)];
	it->buf = buf;
	it->off = off;
	it->len = len;
	it->is_chunk = it->in_chunk = 0;
	q->bytes += len + HTTP_QUEUE_ITEM_COST;
	return (it);
}

static void
pop(struct out_queue *q)
{
	struct out_item *it = &q->items[q->first];

	pin_buf_put(&it->buf);
	q->bytes -= it->len + HTTP_QUEUE_ITEM_COST;
	q->first = (q->first + 1) & (q->cap - 1);
	q->n--;
}

void
out_drop(struct conn *c)
{
	struct out_queue *q = &c->out;

	while (q->n > 0)
		pop(q);
	free(q->items);
	free(q->hold);
	memset(q, 0, sizeof(*q));
}

/* ---- from the queue to the socket ----------------------------------- */

static size_t
chunk_head(char *p, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	int shift = 60;
	size_t n = 0;

	while (shift > 0 && (len >> shift & 15) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		p[n++] = hex[len >> shift & 15];
	p[n++] = '\r';
	p[n++] = '\n';
	return (n);
}

/* Moves as much of the queue as fits into p. */
static size_t
gather(struct out_queue *q, char *p, size_t max)
{
	struct out_item *it;
	size_t n = 0, k;

	while (q->n > 0) {
		it = &q->items[q->first];
		if (it->is_chunk && !it->in_chunk) {
			if (max - n < CHUNK_HEAD_MAX + 2)
				break;
			n += chunk_head(p + n, it->len);
			it->in_chunk = 1;
		}
		k = it->len < max - n ? it->len : max - n;
		memcpy(p + n, it->buf->data + it->off, k);
		n += k;
		it->off += k;
		it->len -= k;
		q->bytes -= k;
		if (it->len > 0)
			break;
		if (it->is_chunk) {
			if (max - n < 2)
				break;
			p[n++] = '\r';
			p[n++] = '\n';
		}
		pop(q);
	}
	if (q->n == 0 && q->is_final && max - n >= 5) {
		memcpy(p + n, "0\r\n\r\n", 5);
		n += 5;
		q->is_final = 0;
	}
	return (n);
}

static int64_t
conn_write(struct conn *c, const char *p, size_t len)
{
	uint32_t want;
	int64_t n;

	if (c->tls != NULL)
		n = tls_write(c->tls, p, len, &want);
	else
		n = pin_sock_send(c->sock, p, len);
	if (n > 0)
		COUNT(c, bytes_out, n);
	return (n);
}

/* What was taken from the queue and not from us stays here; only plain
 * sockets and peers with small records come to this. */
static int
hold(struct conn *c, const char *p, size_t len)
{
	struct out_queue *q = &c->out;

	PIN_ASSERT(q->hold == NULL);
	q->hold = malloc(len);
	if (q->hold == NULL)
		return (PIN_ECLOSED);
	memcpy(q->hold, p, len);
	q->hold_len = len;
	q->hold_off = 0;
	return (PIN_OK);
}

/* PIN_OK: nothing taken earlier is waiting. */
static int
held_out(struct conn *c)
{
	struct out_queue *q = &c->out;
	uint32_t want;
	int64_t n;

	while (q->hold != NULL) {
		n = conn_write(c, q->hold + q->hold_off,
		    q->hold_len - q->hold_off);
		if (n < 0)
			return ((int)n);
		q->hold_off += (size_t)n;
		if (q->hold_off == q->hold_len) {
			free(q->hold);
			q->hold = NULL;
		}
	}
	return (c->tls != NULL ? tls_flush(c->tls, &want) : PIN_OK);
}

/* The first piece where it lies, when it fills records on its own. 0: not. */
static int64_t
direct(struct conn *c)
{
	struct out_queue *q = &c->out;
	struct out_item *it;
	int64_t n;

	if (q->n == 0)
		return (0);
	it = &q->items[q->first];
	if (it->len < HTTP_RECORD || it->is_chunk != it->in_chunk)
		return (0);
	n = conn_write(c, (const char *)it->buf->data + it->off, HTTP_RECORD);
	if (n > 0) {
		it->off += (size_t)n;
		it->len -= (size_t)n;
		q->bytes -= (uint64_t)n;
		if (it->len == 0 && !it->is_chunk)
			pop(q);
	}
	return (n);
}

/* One record. PIN_OK and *idle when there was nothing. `have` bytes lie in
 * the scratch buffer already. */
static int
one_record(struct conn *c, size_t have, int *idle)
{
	char *p = c->front->scratch;
	int64_t n = have == 0 ? direct(c) : 0;
	size_t len;

	if (n != 0)
		return (n < 0 ? (int)n : PIN_OK);
	len = have + gather(&c->out, p + have, HTTP_RECORD - have);
	*idle = len == 0;
	if (len == 0)
		return (PIN_OK);
	n = conn_write(c, p, len);
	if (n == PIN_EAGAIN)
		n = 0;
	if (n < 0)
		return ((int)n);
	return ((size_t)n < len ? hold(c, p + n, len - (size_t)n) : PIN_OK);
}

static int
pump(struct conn *c, size_t have)
{
	int rc, idle = 0, moved = 0;

	if (c->state == ST_DEAD || (c->flags & F_LOST))
		return (PIN_ECLOSED);
	if (c->flags & F_BLOCKED)
		return (PIN_EAGAIN);
	for (;;) {
		rc = held_out(c);
		if (rc == PIN_OK)
			rc = one_record(c, have, &idle);
		else if (rc == PIN_EAGAIN && have > 0 && hold(c,
		    c->front->scratch, have) != PIN_OK)
			rc = PIN_ECLOSED;	/* an alert is in the way */
		have = 0;
		if (rc == PIN_OK && !idle) {
			moved = 1;
			continue;
		}
		break;
	}
	if (rc == PIN_OK) {
		if (c->dl == DL_WRITE)
			front_disarm(c);
		return (PIN_OK);
	}
	if (rc == PIN_EAGAIN) {
		c->flags |= F_BLOCKED;
		if (moved || c->dl != DL_WRITE)
			front_arm(c, DL_WRITE);
		conn_want(c);
		return (PIN_EAGAIN);
	}
	c->flags |= F_LOST;
	front_run_later(c);
	return (PIN_ECLOSED);
}

int
out_pump(struct conn *c)
{
	return (pump(c, 0));
}

/* ---- heads ---------------------------------------------------------- */

struct head {
	char	*p;
	size_t	 len, max;
	int	 full;
};

static void
put(struct head *h, const char *p, size_t len)
{
	if (len > h->max - h->len) {
		h->full = 1;
		return;
	}
	memcpy(h->p + h->len, p, len);
	h->len += len;
}

#define PUT(h, lit)	put((h), (lit), sizeof(lit) - 1)

static void
put_u64(struct head *h, uint64_t v)
{
	char d[20];
	size_t n = sizeof(d);

	do
		d[--n] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	put(h, d + n, sizeof(d) - n);
}

/* Nothing a handler passes may break out of its line. */
static void
put_clean(struct head *h, struct pin_str s)
{
	size_t at = h->len, i;

	put(h, s.p, s.len);
	for (i = at; i < h->len; i++)
		if ((unsigned char)h->p[i] < 0x20 || h->p[i] == 0x7f)
			h->p[i] = ' ';
}

static void
put_status(struct head *h, int status)
{
	const char *text = http_status_text(status);

	if (status == 200) {
		PUT(h, "HTTP/1.1 200 OK\r\n");
		return;
	}
	PUT(h, "HTTP/1.1 ");
	put_u64(h, (uint64_t)status);
	PUT(h, " ");
	put(h, text, strlen(text));
	PUT(h, "\r\n");
}

static void
put_date(struct front *f, struct head *h)
{
	int64_t s = pin_host_wall(f->srv->host) / 1000000000;
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)s;
	struct tm tm;

	if (s != f->date_s && gmtime_r(&t, &tm) != NULL) {
		f->date_s = s;
		f->date_len = (size_t)snprintf(f->date, sizeof(f->date),
		    "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
		    days + tm.tm_wday * 3, tm.tm_mday,
		    months + tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
	}
	put(h, f->date, f->date_len);
}

/* Writes the head into the front's scratch buffer. total UINT64_MAX: no
 * length. Returns its length. */
static size_t
head_write(struct conn *c, int status, const struct http_header *hs,
    uint32_t n, uint64_t total, int chunked)
{
	struct head h = { c->front->scratch, 0, HEAD_MAX, 0 };
	int old = (c->x.head.flags & EXCHANGE_HTTP10) != 0;
	uint32_t i;

	put_status(&h, status);
	for (i = 0; i < n; i++) {
		put_clean(&h, hs[i].name);
		PUT(&h, ": ");
		put_clean(&h, hs[i].value);
		PUT(&h, "\r\n");
	}
	if (h.full) {
		pin_log(c->front->srv->host, PIN_LOG_ERROR,
		    "answer's headers are longer than %u bytes: left out",
		    HEAD_MAX);
		h.len = 0;
		h.full = 0;
		put_status(&h, status);
	}
	h.max = HTTP_RECORD;
	put_date(c->front, &h);
	if (total != UINT64_MAX) {
		PUT(&h, "Content-Length: ");
		put_u64(&h, total);
		PUT(&h, "\r\n");
	} else if (chunked)
		PUT(&h, "Transfer-Encoding: chunked\r\n");
	if (c->flags & F_CLOSE)
		PUT(&h, "Connection: close\r\n");
	else if (old)
		PUT(&h, "Connection: keep-alive\r\n");
	PUT(&h, "\r\n");
	PIN_ASSERT(!h.full);
	return (h.len);
}

/* The head as a piece of its own, when it cannot go out at once. */
static void
head_queue(struct conn *c, size_t len)
{
	struct pin_buf *b = pin_buf_copy(c->front->scratch, len);

	if (b == NULL)
		c->flags |= F_LOST;
	else
		(void)push(c, b, 0, len);
}

static int
status_has_body(int status)
{
	return (status >= 200 && status != 204 && status != 304);
}

/* A body that is still coming and that nobody will read ends the connection
 * with the answer; say so in the head. An answer before body() was called
 * calls that off. */
static void
judge_close(struct conn *c)
{
	if (c->flags & F_BODY_WANTED) {
		c->flags &= ~(uint32_t)F_BODY_WANTED;
		c->flags |= F_CLOSE;
		if (c->dl == DL_BODY)
			front_disarm(c);
	}
	if ((c->flags & F_BODY_DONE) == 0 && (c->flags & F_BODY_BAD ||
	    ((c->x.head.flags & HTTP_HEAD_CONTINUE) &&
	    (c->flags & F_CONTINUED) == 0) ||
	    ((c->x.head.flags & HTTP_HEAD_CHUNKED) == 0 &&
	    c->body.left > HTTP_DRAIN_MAX + c->in_len - c->in_off)))
		c->flags |= F_CLOSE;
}

/* ---- whole answers -------------------------------------------------- */

void
out_reply(struct exchange *x, int status, const struct http_header *hs,
    uint32_t nhs, struct pin_buf **pieces, uint32_t n)
{
	struct conn *c = (struct conn *)(void *)x;
	uint64_t total = 0;
	size_t len;
	uint32_t i;
	int send;

	conn_enter(c);
	PIN_ASSERT(x->ops != NULL && (c->flags & F_STARTED) == 0);
	judge_close(c);
	for (i = 0; i < n; i++)
		total += pieces[i]->len;
	send = (c->flags & F_LOST) == 0 && status_has_body(status) &&
	    (x->head.flags & HTTP_HEAD_IS_HEAD) == 0;
	len = (c->flags & F_LOST) != 0 ? 0 : head_write(c, status, hs, nhs,
	    status_has_body(status) ? total : UINT64_MAX, 0);
	if (len > 0 && (c->out.n > 0 || (c->flags & F_BLOCKED))) {
		head_queue(c, len);
		len = 0;
	}
	for (i = 0; i < n; i++) {
		if (send && pieces[i]->len > 0)
			(void)push(c, pieces[i], 0, pieces[i]->len);
		else
			pin_buf_put(&pieces[i]);
	}
	conn_answered(c);
	if (len > 0)
		(void)pump(c, len);
	conn_leave(c);
}

void
out_refuse(struct conn *c, int status, const char *why)
{
	struct pin_buf *b;
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "HTTP/1.1 %d %s%s%s\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n%s"
	    "Connection: close\r\n\r\n%d %s%s%s", status,
	    http_status_text(status), why != NULL ? ": " : "",
	    why != NULL ? why : "", status == 503 ? "Retry-After: 1\r\n" : "",
	    status, http_status_text(status), why != NULL ? ": " : "",
	    why != NULL ? why : "");
	COUNT(c, refused, 1);
	c->state = ST_ANSWERED;
	c->flags |= F_CLOSE;
	b = pin_buf_copy(text, (size_t)n);
	if (b == NULL)
		conn_die(c);
	else
		(void)push(c, b, 0, (size_t)n);
}

void
out_continue(struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct pin_buf *b = pin_buf_copy(text, sizeof(text) - 1);

	c->flags |= F_CONTINUED;
	if (b == NULL)
		return;
	(void)push(c, b, 0, b->len);
	(void)pump(c, 0);
}

/* ---- streams -------------------------------------------------------- */

void
out_start(struct exchange *x, int status, const struct http_header *hs,
    uint32_t n)
{
	struct conn *c = (struct conn *)(void *)x;
	size_t len;

	conn_enter(c);
	PIN_ASSERT(x->ops != NULL && (c->flags & F_STARTED) == 0);
	judge_close(c);
	c->flags |= F_STARTED;
	if (!status_has_body(status) ||
	    (x->head.flags & HTTP_HEAD_IS_HEAD))
		c->flags |= F_NO_BODY;
	if (x->head.flags & EXCHANGE_HTTP10)
		c->flags |= F_CLOSE;
	else if (status_has_body(status))
		c->flags |= F_CHUNKED;
	if ((c->flags & F_LOST) == 0) {
		len = head_write(c, status, hs, n, UINT64_MAX,
		    (c->flags & F_CHUNKED) != 0);
		head_queue(c, len);
	}
	if (c->flags & (F_EOF | F_LOST))
		front_run_later(c);	/* a stream to nobody */
	conn_leave(c);
}

static int64_t
credit_of(struct conn *c)
{
	int64_t n;

	if (c->flags & F_LOST)
		return (PIN_ECLOSED);
	n = (int64_t)HTTP_QUEUE_MAX - (int64_t)c->out.bytes;
	if (c->turn_bytes > HTTP_TURN_MAX)
		n = 0;
	if (n <= 0)
		c->flags |= F_NO_CREDIT;
	return (n < 0 ? 0 : n);
}

int64_t
out_credit(struct exchange *x)
{
	struct conn *c = (struct conn *)(void *)x;

	PIN_VALID(c, CONN_MAGIC);
	return (credit_of(c));
}

int64_t
out_send(struct exchange *x, struct pin_buf *buf, size_t off, size_t len)
{
	struct conn *c = (struct conn *)(void *)x;
	struct out_item *it;
	int64_t n;

	conn_enter(c);
	PIN_ASSERT(x->ops != NULL && (c->flags & F_STARTED) != 0);
	PIN_ASSERT(off <= buf->len && len <= buf->len - off);
	if (len > 0 && (c->flags & (F_LOST | F_NO_BODY)) == 0) {
		it = push(c, pin_buf_get(buf), off, len);
		it->is_chunk = (c->flags & F_CHUNKED) != 0;
		c->turn_bytes += len < HTTP_TURN_MAX ? (uint32_t)len :
		    HTTP_TURN_MAX;
		if (c->out.bytes >= HTTP_RECORD &&
		    (c->flags & F_BLOCKED) == 0)
			(void)pump(c, 0);
	}
	n = credit_of(c);
	conn_leave(c);
	return (n);
}

void
out_flush(struct exchange *x)
{
	struct conn *c = (struct conn *)(void *)x;

	conn_enter(c);
	if ((c->flags & (F_LOST | F_BLOCKED)) == 0)
		(void)pump(c, 0);
	conn_leave(c);
}

void
out_finish(struct exchange *x, int ok)
{
	struct conn *c = (struct conn *)(void *)x;

	conn_enter(c);
	PIN_ASSERT(x->ops != NULL);
	judge_close(c);
	if ((c->flags & F_STARTED) == 0)
		ok = 0;			/* gone before there was an answer */
	if (!ok)
		c->flags |= F_CLOSE;
	else if ((c->flags & (F_CHUNKED | F_NO_BODY)) == F_CHUNKED)
		c->out.is_final = 1;
	/* Without chunks an end is all the client sees: make it an ugly one. */
	if (!ok && (c->flags & F_CHUNKED) == 0)
		conn_die(c);
	conn_answered(c);
	conn_leave(c);
}
