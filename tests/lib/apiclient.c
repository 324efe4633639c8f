/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apiclient.c -- see apiclient.h.
 * Loop thread.
 * Contract: apiclient.h; callbacks may hang up or ask again. */
#include "apiclient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/real.h"
#include "tap.h"

void
api_client_open(struct api_client *c, const char *url, const char *ca,
    const char *token)
{
	struct pin_err err = PIN_ERR_INIT;

	memset(c, 0, sizeof(*c));
	c->host = pin_host_real();
	c->token = token;
	if (strncmp(url, "https://", 8) != 0 || pin_addr_parse(url + 8, &c->at,
	    &err) != PIN_OK || pin_loop_open(c->host, "client", &c->loop,
	    &err) != PIN_OK || tls_client_open(c->host, ca, NULL, NULL,
	    &c->tls, &err) != PIN_OK)
		BAIL("%s: %s", url, err.text);
}

void
api_client_close(struct api_client *c)
{
	pin_loop_close(&c->loop);
	tls_client_close(&c->tls);
}

void
api_hang_up(struct api_conn *c)
{
	if (c->tls != NULL)
		tls_close(&c->tls);
	if (c->sock != NULL)
		pin_sock_close(&c->sock);
	c->shaken = c->busy = 0;
	c->out_len = c->out_off = 0;
	c->epoch++;
}

void
api_conn_fini(struct api_conn *c)
{
	api_hang_up(c);
	free(c->out);
	free(c->body);
	c->out = c->body = NULL;
	c->out_cap = c->body_cap = 0;
}

static void
append(char **p, size_t *len, size_t *cap, const char *data, size_t n)
{
	while (*len + n + 1 > *cap)
		*cap = *cap == 0 ? 4096 : *cap * 2;
	*p = realloc(*p, *cap);
	if (*p == NULL)
		BAIL("out of memory");
	memcpy(*p + *len, data, n);
	*len += n;
	(*p)[*len] = '\0';
}

static void
lost(struct api_conn *c)
{
	int was_busy = c->busy;

	api_hang_up(c);
	if (was_busy)
		c->done(c, 0, "", 0);
}

/* ---- reading ---------------------------------------------------------- */

/* Whole lines to the owner; the rest waits in body. */
static void
lines(struct api_conn *c)
{
	uint32_t epoch = c->epoch;
	size_t at = 0;
	char *nl;

	while (c->epoch == epoch && (nl = memchr(c->body + at, '\n',
	    c->body_len - at)) != NULL) {
		c->line(c, c->body + at, (size_t)(nl - c->body) - at);
		at = (size_t)(nl - c->body) + 1;
	}
	if (c->epoch != epoch)
		return;
	memmove(c->body, c->body + at, c->body_len - at);
	c->body_len -= at;
}

static void
answered(struct api_conn *c)
{
	c->busy = 0;
	c->in_head = 1;
	c->head_len = 0;
	if (c->body == NULL)
		append(&c->body, &c->body_len, &c->body_cap, "", 0);
	c->body[c->body_len] = '\0';
	c->done(c, c->status, c->body, c->body_len);
}

/* Some of the body. Bytes used, or -1: bad. */
static int64_t
body_take(struct api_conn *c, const char *p, size_t len)
{
	const char *data;
	size_t used, n;
	int rc;

	if (!c->chunked) {
		n = len < c->left ? len : c->left;
		append(&c->body, &c->body_len, &c->body_cap, p, n);
		c->left -= n;
		if (c->left == 0)
			answered(c);
		return ((int64_t)n);
	}
	rc = http_chunked_next(&c->chunks, p, len, &used, &data, &n);
	if (rc == HTTP_CHUNK_BAD)
		return (-1);
	if (rc == HTTP_CHUNK_DATA) {
		append(&c->body, &c->body_len, &c->body_cap, data, n);
		if (c->line != NULL && c->status == 200)
			lines(c);
	} else if (rc == HTTP_CHUNK_END)
		answered(c);
	return ((int64_t)used);
}

/* The value of a header, or NULL. */
static const char *
header(const char *head, const char *name)
{
	const char *p = head;
	size_t n = strlen(name), i;

	while ((p = strstr(p, "\r\n")) != NULL) {
		p += 2;
		for (i = 0; i < n && (p[i] | 32) == name[i]; i++)
			;
		if (i == n && p[n] == ':')
			return (p + n + 1 + strspn(p + n + 1, " "));
	}
	return (NULL);
}

static int64_t
head_take(struct api_conn *c, const char *p, size_t len)
{
	size_t had = c->head_len, n = sizeof(c->head) - 1 - had, used;
	const char *v;
	char *end;

	if (n > len)
		n = len;
	memcpy(c->head + had, p, n);
	c->head_len += n;
	c->head[c->head_len] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL)
		return (c->head_len == sizeof(c->head) - 1 ? -1 : (int64_t)n);
	used = (size_t)(end + 4 - c->head) - had;
	end[2] = '\0';
	if (strncmp(c->head, "HTTP/1.1 ", 9) != 0)
		return (-1);
	c->status = atoi(c->head + 9);
	v = header(c->head, "transfer-encoding");
	c->chunked = v != NULL && strncmp(v, "chunked", 7) == 0;
	v = header(c->head, "content-length");
	c->left = v != NULL ? strtoull(v, NULL, 10) : 0;
	c->in_head = 0;
	c->body_len = 0;
	memset(&c->chunks, 0, sizeof(c->chunks));
	if (!c->chunked && c->left == 0)
		answered(c);
	return ((int64_t)used);
}

static void
take(struct api_conn *c, const char *p, size_t len)
{
	uint32_t epoch = c->epoch;
	int64_t n;

	while (len > 0 && c->epoch == epoch) {
		if (!c->busy)
			break;		/* nobody asked for that */
		n = c->in_head ? head_take(c, p, len) : body_take(c, p, len);
		if (c->epoch != epoch)
			return;
		if (n < 0) {
			lost(c);
			return;
		}
		p += n;
		len -= (size_t)n;
	}
}

/* ---- the socket ------------------------------------------------------- */

static int
write_out(struct api_conn *c, uint32_t *want)
{
	uint32_t w = 0;
	int64_t n;
	size_t k;

	while (c->out_off < c->out_len) {
		k = c->out_len - c->out_off;
		n = tls_write(c->tls, c->out + c->out_off, k < TLS_RECORD_MAX ?
		    k : TLS_RECORD_MAX, &w);
		if (n == PIN_EAGAIN) {
			*want |= w;
			return (PIN_OK);
		}
		if (n < 0)
			return ((int)n);
		c->out_off += (size_t)n;
	}
	n = tls_flush(c->tls, &w);
	if (n == PIN_EAGAIN)
		*want |= w;
	return (n == PIN_EAGAIN ? PIN_OK : (int)n);
}

static void
ready(void *arg, struct pin_sock *s, uint32_t events)
{
	static _Thread_local char buf[API_IN];
	struct api_conn *c = arg;
	struct pin_err err = PIN_ERR_INIT;
	uint32_t want = 0, epoch = c->epoch;
	int64_t n = PIN_OK;

	(void)events;
	if (!c->shaken) {
		n = tls_handshake(c->tls, &want, &err);
		if (n == PIN_EAGAIN) {
			pin_sock_want(s, want);
			return;
		}
		c->shaken = n == PIN_OK;
	}
	if (n == PIN_OK)
		n = write_out(c, &want);
	while (n == PIN_OK && !c->paused) {
		n = tls_read(c->tls, buf, sizeof(buf), &want);
		if (n <= 0)
			break;
		take(c, buf, (size_t)n);
		if (c->epoch != epoch)
			return;
		n = c->busy ? PIN_OK : PIN_EAGAIN;
	}
	if (n != PIN_EAGAIN && !(n == PIN_OK && c->paused)) {
		lost(c);
		return;
	}
	/* What was asked from a callback went into the queue only. */
	if (write_out(c, &want) != PIN_OK) {
		lost(c);
		return;
	}
	if (!c->paused)
		want |= PIN_SOCK_READ;
	pin_sock_want(s, want);
}

void
api_ask(struct api_conn *c, const char *method, const char *path,
    const char *type, const char *body)
{
	struct pin_err err = PIN_ERR_INIT;
	char head[2048];
	int n;

	PIN_ASSERT(!c->busy);
	if (c->sock == NULL && (pin_sock_connect(c->api->loop, &c->api->at,
	    ready, c, &c->sock, &err) != PIN_OK || tls_connect(c->api->tls,
	    c->sock, "kubernetes", &c->tls, &err) != PIN_OK))
		BAIL("%s", err.text);
	n = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: x\r\n"
	    "Authorization: Bearer %s\r\n%s%s%sContent-Length: %zu\r\n\r\n",
	    method, path, c->api->token, type != NULL ? "Content-Type: " : "",
	    type != NULL ? type : "", type != NULL ? "\r\n" : "",
	    body != NULL ? strlen(body) : 0);
	PIN_ASSERT(n > 0 && (size_t)n < sizeof(head));
	c->out_len = c->out_off = 0;
	append(&c->out, &c->out_len, &c->out_cap, head, (size_t)n);
	if (body != NULL)
		append(&c->out, &c->out_len, &c->out_cap, body, strlen(body));
	c->busy = c->in_head = 1;
	c->head_len = 0;
	c->body_len = 0;
	pin_sock_want(c->sock, PIN_SOCK_WRITE | PIN_SOCK_READ);
}

void
api_pause(struct api_conn *c, int paused)
{
	c->paused = paused != 0;
	if (c->sock != NULL)
		pin_sock_want(c->sock, paused ? 0 : PIN_SOCK_READ |
		    PIN_SOCK_WRITE);
}

int
api_field(const char *p, size_t len, const char *name, char *out, size_t size)
{
	const char *end = p + len, *v;
	size_t n = strlen(name), k;

	for (; p + n + 3 < end; p++) {
		if (*p != '"' || memcmp(p + 1, name, n) != 0 || p[n + 1] !=
		    '"' || p[n + 2] != ':')
			continue;
		v = p + n + 3;
		if (*v == '"')
			v++;
		for (k = 0; v + k < end && v[k] != '"' && v[k] != ',' && v[k]
		    != '}' && k + 1 < size; k++)
			out[k] = v[k];
		out[k] = '\0';
		return (1);
	}
	return (0);
}
