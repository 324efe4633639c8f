/* SPDX-License-Identifier: BSD-2-Clause
 *
 * remote.c -- the transport to a server elsewhere: HTTP/1.1 over TLS or a
 * UNIX socket, connections kept and used again, one request at a time on
 * each. A stream has a connection to itself and is read only as fast as its
 * lines are used, so the peer's window is the limit.
 * Client's loop. Contract: client_int.h; answers are held to RFC 9112: what
 * is ambiguous ends the connection. */
#include "core/client/client_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/limits.h"
#include "core/http/parse.h"
#include "core/tls/tls.h"

#define CONN_MAGIC	0x636f6e6eu
#define REMOTE_CONNS_MAX	64	/* for requests; streams come on top */
#define REMOTE_IDLE_MS		60000	/* below the server's 90 s */
#define REMOTE_READS		16	/* before others get a turn */

enum { CONN_CONNECTING, CONN_HANDSHAKE, CONN_SENDING, CONN_HEAD, CONN_BODY,
    CONN_IDLE };
enum { BODY_LENGTH, BODY_CHUNKED, BODY_CLOSE };

struct remote {
	struct transport t;
	struct transport_remote_opts o;
	char		*name, *agent, *bearer, *host_header;
	struct conn	*conns;
	uint32_t	 nconns;	/* without those of streams */
	uint32_t	 pad;
	struct waiting	*head, **tail;	/* calls without a connection */
	struct pin_timer end;
	void		(*gone)(void *);
	void		*gone_arg;
	char		 bytes[HTTP_RECORD];
};

struct waiting {
	struct waiting	*next;
	struct client_call *call;
};

struct conn {
	uint32_t	 magic, state;
	struct conn	*next;
	struct remote	*r;
	struct client_call *call;
	struct pin_sock	*sock;
	struct tls_conn	*tls;
	struct pin_timer timer;		/* idle; or failed at once */
	struct pin_out	 out;		/* the request */
	size_t		 sent;
	struct pin_out	 in;		/* the head so far */
	struct http_chunked chunked;
	uint64_t	 left;
	uint32_t	 body, stream;
	uint32_t	 keep, inside;
	uint32_t	 dead, pad;
};

static void	remote_next(struct remote *);

/* ---- connections ---------------------------------------------------- */

static void
conn_free(struct conn *c)
{
	struct conn **at;

	PIN_VALID(c, CONN_MAGIC);
	if (c->inside) {
		c->dead = 1;		/* its caller frees it */
		return;
	}
	for (at = &c->r->conns; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	c->r->nconns -= !c->stream;
	pin_timer_stop(&c->timer);
	if (c->tls != NULL)
		tls_close(&c->tls);
	if (c->sock != NULL)
		pin_sock_close(&c->sock);
	pin_out_fini(&c->out);
	pin_out_fini(&c->in);
	c->magic = 0;
	free(c);
}

/* The connection is of no use any more; neither is its call. */
static void
conn_fail(struct conn *c, int rc)
{
	struct client_call *call = c->call;
	struct remote *r = c->r;

	c->call = NULL;
	conn_free(c);
	if (call != NULL) {
		call->carrier = NULL;
		client__end(call, rc);
	}
	remote_next(r);
}

static void
conn_timer(struct pin_timer *t)
{
	conn_fail((struct conn *)(void *)((char *)t - offsetof(struct conn,
	    timer)), PIN_ECLOSED);
}

/* The answer is whole. */
static void
conn_done(struct conn *c)
{
	struct client_call *call = c->call;
	struct remote *r = c->r;

	c->call = NULL;
	if (call != NULL)
		call->carrier = NULL;
	if (!c->keep || c->stream || c->dead) {
		conn_free(c);
	} else {
		c->state = CONN_IDLE;
		pin_sock_want(c->sock, PIN_SOCK_READ);
		pin_timer_start(&c->timer, REMOTE_IDLE_MS);
	}
	if (call != NULL)
		client__end(call, PIN_OK);
	remote_next(r);
}

/* ---- the answer ----------------------------------------------------- */

static int
number(struct pin_str s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	if (s.len == 0 || s.len > 19)
		return (0);
	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = n;
	return (n <= max);
}

static struct pin_str
trim(struct pin_str s)
{
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return (s);
}

/* One header line of the head. 0: it makes no sense. */
static int
head_line(struct conn *c, struct pin_str line, int *retry_after, int *lengths)
{
	const char *colon = memchr(line.p, ':', line.len);
	struct pin_str name, value;
	uint64_t n;

	if (colon == NULL)
		return (0);
	name = (struct pin_str){ line.p, (size_t)(colon - line.p) };
	value = trim((struct pin_str){ colon + 1, line.len - name.len - 1 });
	if (http_name_is(name, "content-length")) {
		if (!number(value, UINT64_MAX / 2, &n) || (*lengths)++ > 0)
			return (0);
		c->left = n;
		c->body = BODY_LENGTH;
	} else if (http_name_is(name, "transfer-encoding")) {
		if (!pin_str_is(value, "chunked") || (*lengths)++ > 0)
			return (0);
		c->body = BODY_CHUNKED;
	} else if (http_name_is(name, "connection")) {
		if (http_list_has(value, "close"))
			c->keep = 0;
	} else if (http_name_is(name, "retry-after")) {
		if (number(value, 86400, &n))
			*retry_after = (int)n;
	}
	return (1);
}

/* The head lies in c->in[0, len). 0: broken; else the status. */
static int
head_parse(struct conn *c, size_t len, int *retry_after)
{
	struct pin_str all = { c->in.p, len }, line;
	const char *nl;
	int status = 0, first = 1, lengths = 0;
	uint64_t n;

	c->keep = 1;
	c->body = BODY_CLOSE;
	c->left = 0;
	memset(&c->chunked, 0, sizeof(c->chunked));
	while (all.len > 0 && (nl = memchr(all.p, '\n', all.len)) != NULL) {
		line = (struct pin_str){ all.p, (size_t)(nl - all.p) };
		all.p += line.len + 1;
		all.len -= line.len + 1;
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (first) {
			if (line.len < 12 || memcmp(line.p, "HTTP/1.", 7) !=
			    0 || !number((struct pin_str){ line.p + 9, 3 },
			    999, &n))
				return (0);
			status = (int)n;
			c->keep = line.p[7] == '1';
			first = 0;
		} else if (line.len > 0 && !head_line(c, line, retry_after,
		    &lengths)) {
			return (0);
		}
	}
	if (status == 204 || status == 304 || status < 200) {
		c->body = BODY_LENGTH;
		c->left = 0;
	}
	if (c->body == BODY_CLOSE)
		c->keep = 0;
	return (status);
}

static void
data(struct conn *c, const char *p, size_t len)
{
	struct pin_buf *b;

	if (c->call == NULL || len == 0)
		return;
	b = pin_buf_copy(p, len);
	if (b == NULL) {
		conn_fail(c, PIN_ENOMEM);
		return;
	}
	(void)client__data(c->call, b, 0, len);
	pin_buf_put(&b);
}

/* 1: the body is over; -1: broken; 0: more. */
static int
body_bytes(struct conn *c, const char *p, size_t len)
{
	const char *d;
	size_t used, n;
	int rc;

	if (c->body != BODY_CHUNKED) {
		n = c->body == BODY_LENGTH && c->left < len ?
		    (size_t)c->left : len;
		data(c, p, n);
		c->left -= c->body == BODY_LENGTH ? n : 0;
		if (c->body == BODY_LENGTH && n < len)
			c->keep = 0;	/* what nobody asked for */
		return (c->body == BODY_LENGTH && c->left == 0);
	}
	do {
		rc = http_chunked_next(&c->chunked, p, len, &used, &d, &n);
		if (rc == HTTP_CHUNK_DATA)
			data(c, d, n);
		p += used;
		len -= used;
	} while (rc == HTTP_CHUNK_DATA && c->call != NULL);
	if (rc == HTTP_CHUNK_END && len > 0)
		c->keep = 0;
	return (rc == HTTP_CHUNK_BAD ? -1 : rc == HTTP_CHUNK_END);
}

/* Bytes while a head is awaited. As body_bytes. */
static int
head_bytes(struct conn *c, const char *p, size_t len)
{
	size_t end;
	int status, retry_after = -1;
	const char *q;

	pin_out_put(&c->in, p, len);
	if (c->in.failed != PIN_OK)
		return (-1);
	for (;;) {
		q = NULL;
		for (end = 3; end < c->in.len && q == NULL; end++)
			if (memcmp(c->in.p + end - 3, "\r\n\r\n", 4) == 0)
				q = c->in.p + end;
		if (q == NULL)
			return (0);
		status = head_parse(c, end, &retry_after);
		if (status == 0)
			return (-1);
		if (status >= 200)
			break;
		memmove(c->in.p, c->in.p + end, c->in.len - end);
		c->in.len -= end;	/* 100 Continue */
	}
	c->state = CONN_BODY;
	client__head(c->call, status, retry_after);
	if (c->body == BODY_LENGTH && c->left == 0)
		return (1);
	len = c->in.len - end;
	return (len > 0 ? body_bytes(c, c->in.p + end, len) : 0);
}

static void
conn_read(struct conn *c)
{
	uint32_t want = PIN_SOCK_READ;
	int64_t n;
	int i, rc;

	for (i = 0; i < REMOTE_READS || (c->tls != NULL &&
	    tls_pending(c->tls) > 0); i++) {
		n = c->tls != NULL ? tls_read(c->tls, c->r->bytes,
		    sizeof(c->r->bytes), &want) : pin_sock_recv(c->sock,
		    c->r->bytes, sizeof(c->r->bytes));
		if (n == PIN_EAGAIN) {
			pin_sock_want(c->sock, want);
			return;
		}
		if (n <= 0) {
			if (n == 0 && c->state == CONN_BODY &&
			    c->body == BODY_CLOSE)
				conn_done(c);
			else
				conn_fail(c, PIN_ECLOSED);
			return;
		}
		if (c->state == CONN_IDLE) {
			conn_free(c);	/* nobody asked for anything */
			return;
		}
		c->inside = 1;
		rc = c->state == CONN_HEAD ? head_bytes(c, c->r->bytes,
		    (size_t)n) : body_bytes(c, c->r->bytes, (size_t)n);
		c->inside = 0;
		if (c->dead) {
			c->dead = 0;
			conn_free(c);
			return;
		}
		if (rc < 0) {
			conn_fail(c, PIN_EINVAL);
			return;
		}
		if (rc > 0) {
			conn_done(c);
			return;
		}
	}
	pin_sock_want(c->sock, PIN_SOCK_READ);
}

/* ---- the request ---------------------------------------------------- */

static void
request_write(struct conn *c)
{
	struct client_call *call = c->call;
	struct remote *r = c->r;

	c->out.len = 0;
	c->in.len = 0;
	c->sent = 0;
	pin_out_str(&c->out, call->method);
	pin_out_char(&c->out, ' ');
	pin_out_str(&c->out, call->target);
	pin_out_printf(&c->out, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n"
	    "Accept: " PIN_SFMT "\r\n", r->host_header, r->agent,
	    PIN_SARG(call->accept.len > 0 ? call->accept :
	    PIN_STR("application/json")));
	if (r->bearer != NULL)
		pin_out_printf(&c->out, "Authorization: Bearer %s\r\n",
		    r->bearer);
	if (call->body.len > 0)
		pin_out_printf(&c->out, "Content-Type: " PIN_SFMT "\r\n",
		    PIN_SARG(call->type));
	if (call->body.len > 0 || pin_str_is(call->method, "POST"))
		pin_out_printf(&c->out, "Content-Length: %zu\r\n",
		    call->body.len);
	pin_out_cstr(&c->out, "\r\n");
	pin_out_str(&c->out, call->body);
}

static void
conn_send(struct conn *c)
{
	uint32_t want = PIN_SOCK_WRITE;
	int64_t n = 0;
	size_t len;

	while (c->sent < c->out.len) {
		len = c->out.len - c->sent;
		if (len > TLS_RECORD_MAX)
			len = TLS_RECORD_MAX;
		n = c->tls != NULL ? tls_write(c->tls, c->out.p + c->sent,
		    len, &want) : pin_sock_send(c->sock, c->out.p + c->sent,
		    len);
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	if (n >= 0 && c->tls != NULL)
		n = tls_flush(c->tls, &want);
	if (n == PIN_EAGAIN) {
		pin_sock_want(c->sock, want);
	} else if (n < 0) {
		conn_fail(c, PIN_ECLOSED);
	} else {
		c->state = CONN_HEAD;
		pin_sock_want(c->sock, PIN_SOCK_READ);
	}
}

static void
conn_handshake(struct conn *c)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t want = PIN_SOCK_READ;
	int rc = PIN_OK;

	if (c->tls == NULL && c->r->o.tls != NULL)
		rc = tls_connect(c->r->o.tls, c->sock, c->r->name, &c->tls,
		    &err);
	if (rc == PIN_OK && c->tls != NULL)
		rc = tls_handshake(c->tls, &want, &err);
	if (rc == PIN_EAGAIN) {
		c->state = CONN_HANDSHAKE;
		pin_sock_want(c->sock, want);
	} else if (rc != PIN_OK) {
		pin_log(pin_loop_host(c->r->o.loop), PIN_LOG_WARN,
		    "client: %s", err.text);
		conn_fail(c, rc);
	} else {
		c->state = CONN_SENDING;
		conn_send(c);
	}
}

static void
conn_ready(void *arg, struct pin_sock *s, uint32_t events)
{
	struct conn *c = arg;

	(void)s;
	(void)events;
	PIN_VALID(c, CONN_MAGIC);
	switch (c->state) {
	case CONN_CONNECTING:
	case CONN_HANDSHAKE:
		conn_handshake(c);
		break;
	case CONN_SENDING:
		conn_send(c);
		break;
	default:
		conn_read(c);
	}
}

/* ---- calls ---------------------------------------------------------- */

static void
conn_take(struct conn *c, struct client_call *call)
{
	c->call = call;
	call->carrier = c;
	pin_timer_stop(&c->timer);
	request_write(c);
	if (c->state != CONN_IDLE)
		return;			/* once it is connected */
	c->state = CONN_SENDING;
	pin_sock_want(c->sock, PIN_SOCK_WRITE);
}

static void
conn_open(struct remote *r, struct client_call *call)
{
	struct conn *c = pin_xcalloc(1, sizeof(*c));
	struct pin_err err = PIN_ERR_INIT;

	c->magic = CONN_MAGIC;
	c->r = r;
	c->stream = (call->flags & CLIENT_STREAM) != 0;
	c->next = r->conns;
	r->conns = c;
	r->nconns += !c->stream;
	pin_timer_init(&c->timer, r->o.loop, conn_timer);
	pin_out_init(&c->out, NULL, CLIENT_BODY_MAX);
	pin_out_init(&c->in, NULL, HTTP_HEAD_BYTES_MAX + HTTP_RECORD);
	conn_take(c, call);
	if (c->out.failed != PIN_OK || pin_sock_connect(r->o.loop, &r->o.addr,
	    conn_ready, c, &c->sock, &err) != PIN_OK)
		pin_timer_start(&c->timer, 0);	/* told from the loop */
}

static struct conn *
conn_idle(struct remote *r)
{
	struct conn *c;

	for (c = r->conns; c != NULL; c = c->next)
		if (c->state == CONN_IDLE && c->call == NULL)
			return (c);
	return (NULL);
}

/* A call waits and a connection may be free. */
static void
remote_next(struct remote *r)
{
	struct waiting *w = r->head;
	struct client_call *call;
	struct conn *c;

	if (w == NULL || r->gone != NULL)
		return;
	c = conn_idle(r);
	if (c == NULL && r->nconns >= REMOTE_CONNS_MAX)
		return;
	call = w->call;
	r->head = w->next;
	if (r->head == NULL)
		r->tail = &r->head;
	free(w);
	if (c != NULL)
		conn_take(c, call);
	else
		conn_open(r, call);
}

static void
remote_start(struct transport *t, struct client_call *call)
{
	struct remote *r = (struct remote *)(void *)t;
	int stream = (call->flags & CLIENT_STREAM) != 0;
	struct conn *c = stream ? NULL : conn_idle(r);
	struct waiting *w;

	if (c != NULL) {
		conn_take(c, call);
	} else if (stream || r->nconns < REMOTE_CONNS_MAX) {
		conn_open(r, call);
	} else {
		w = pin_xcalloc(1, sizeof(*w));
		w->call = call;
		*r->tail = w;
		r->tail = &w->next;
	}
}

static void
remote_cancel(struct transport *t, struct client_call *call)
{
	struct remote *r = (struct remote *)(void *)t;
	struct conn *c = call->carrier;
	struct waiting **at, *w;

	if (c != NULL) {
		call->carrier = NULL;
		c->call = NULL;
		conn_free(c);		/* its answer would come anyway */
		remote_next(r);
		return;
	}
	for (at = &r->head; (w = *at) != NULL; at = &w->next)
		if (w->call == call)
			break;
	if (w == NULL)
		return;
	*at = w->next;
	if (w->next == NULL)
		r->tail = at;
	free(w);
}

static void
remote_end(struct pin_timer *t)
{
	struct remote *r = (struct remote *)(void *)((char *)t -
	    offsetof(struct remote, end));
	void (*gone)(void *) = r->gone;
	void *arg = r->gone_arg;

	while (r->conns != NULL)
		conn_free(r->conns);
	PIN_ASSERT(r->head == NULL);
	free(r->name);
	free(r->agent);
	free(r->bearer);
	free(r->host_header);
	free(r);
	gone(arg);
}

static void
remote_close(struct transport *t, void (*gone)(void *), void *arg)
{
	struct remote *r = (struct remote *)(void *)t;

	r->gone = gone;
	r->gone_arg = arg;
	pin_timer_start(&r->end, 0);
}

struct transport *
transport_remote(const struct transport_remote_opts *o)
{
	static const struct transport_ops ops = { .start = remote_start,
	    .cancel = remote_cancel, .close = remote_close };
	struct remote *r = pin_xcalloc(1, sizeof(*r));
	char where[160];

	PIN_ASSERT(o->tls != NULL || o->addr.family == 1);
	r->t.ops = &ops;
	r->o = *o;
	r->tail = &r->head;
	if (o->addr.family == 1)
		snprintf(where, sizeof(where), "localhost");
	else
		pin_addr_print(&o->addr, where, sizeof(where));
	r->host_header = pin_xstrdup(where);
	r->name = o->name != NULL ? pin_xstrdup(o->name) : NULL;
	r->agent = pin_xstrdup(o->agent != NULL ? o->agent : "pintle");
	r->bearer = o->bearer != NULL ? pin_xstrdup(o->bearer) : NULL;
	pin_timer_init(&r->end, o->loop, remote_end);
	return (&r->t);
}
