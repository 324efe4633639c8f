/* SPDX-License-Identifier: BSD-2-Clause
 *
 * http -- fuzz target: request head and chunked body.
 * Properties: cutting the input anywhere changes nothing; every string lies
 * in the head and holds no line end; what was parsed, written canonically, is
 * parsed to the same again.
 * Pure. Contract: core/http/parse.h. */
#include <stdlib.h>
#include <string.h>

#include "core/http/limits.h"
#include "core/http/parse.h"

#define HEADERS	128
#define HEAD_MAX	4096	/* small, so that limits are met */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct parsed {
	int64_t		 scan;
	int		 status;
	struct exchange_head head;
	struct http_header headers[HEADERS];
};

#define MUST(x)	do { if (!(x)) abort(); } while (0)

static void
parse(const char *p, size_t len, size_t step, struct parsed *o)
{
	struct http_scan s = { 0, 0 };
	const char *why = NULL;
	size_t have = 0;

	memset(o, 0, sizeof(*o));
	while (o->scan == 0 && have < len) {
		have = len - have < step ? len : have + step;
		o->scan = http_head_scan(&s, p, have, HEAD_MAX);
	}
	if (o->scan > 0) {
		o->status = http_head_parse(p, (size_t)o->scan, &o->head,
		    o->headers, HEADERS, &why);
		MUST(o->status == 0 || why != NULL);
	}
}

static int
same(struct pin_str a, struct pin_str b)
{
	return (a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) ==
	    0));
}

static void
inside(struct pin_str s, const char *p, size_t len)
{
	size_t i;

	if (s.len == 0)
		return;
	if (!(s.len == 1 && s.p[0] == '/'))	/* the path that was none */
		MUST(s.p >= p && s.p + s.len <= p + len);
	for (i = 0; i < s.len; i++)
		MUST(s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0');
}

static void
check_head(const char *p, const struct parsed *o)
{
	const struct exchange_head *h = &o->head;
	size_t len = (size_t)o->scan;
	uint32_t i;

	MUST(h->method.len > 0 && h->path.len > 0);
	MUST(h->path.p[0] == '/' || h->flags & HTTP_HEAD_ASTERISK);
	MUST(((h->flags & EXCHANGE_HAS_BODY) != 0) == (h->body_len > 0));
	MUST(((h->flags & HTTP_HEAD_CHUNKED) != 0) ==
	    (h->body_len == UINT64_MAX));
	inside(h->method, p, len);
	inside(h->target, p, len);
	inside(h->path, p, len);
	inside(h->query, p, len);
	inside(h->creds.bearer, p, len);
	for (i = 0; i < h->nheaders; i++) {
		MUST(h->headers[i].name.len > 0);
		inside(h->headers[i].name, p, len);
		inside(h->headers[i].value, p, len);
	}
}

static size_t
put(char *to, size_t n, struct pin_str s)
{
	if (s.len > 0)
		memcpy(to + n, s.p, s.len);
	return (n + s.len);
}

static void
check_again(const struct parsed *o)
{
	static struct parsed b;
	static char text[HEAD_MAX * 2];
	const struct exchange_head *h = &o->head;
	size_t n = 0;
	uint32_t i;

	n = put(text, n, h->method);
	n = put(text, n, PIN_STR(" "));
	n = put(text, n, h->target);
	n = put(text, n, h->flags & EXCHANGE_HTTP10 ?
	    PIN_STR(" HTTP/1.0\r\n") : PIN_STR(" HTTP/1.1\r\n"));
	for (i = 0; i < h->nheaders; i++) {
		n = put(text, n, h->headers[i].name);
		n = put(text, n, PIN_STR(": "));
		n = put(text, n, h->headers[i].value);
		n = put(text, n, PIN_STR("\r\n"));
	}
	n = put(text, n, PIN_STR("\r\n"));
	if (n >= HEAD_MAX)
		return;
	parse(text, n, n, &b);
	MUST(b.scan == (int64_t)n && b.status == 0);
	MUST(b.head.flags == h->flags && b.head.body_len == h->body_len);
	MUST(same(b.head.path, h->path) && same(b.head.query, h->query));
	MUST(same(b.head.creds.bearer, h->creds.bearer));
	MUST(b.head.nheaders == h->nheaders);
	for (i = 0; i < h->nheaders; i++)
		MUST(same(b.head.headers[i].name, h->headers[i].name) &&
		    same(b.head.headers[i].value, h->headers[i].value));
}

/* ---- chunks ---------------------------------------------------------- */

struct dechunked {
	int	 r;
	size_t	 end, len;
	uint64_t sum;
};

static void
dechunk(const char *p, size_t len, size_t step, struct dechunked *o)
{
	struct http_chunked c;
	size_t at = 0, have, used, n, i;
	const char *data;

	memset(&c, 0, sizeof(c));
	memset(o, 0, sizeof(*o));
	while (at < len && o->r == HTTP_CHUNK_MORE) {
		have = len - at < step ? len : at + step;
		do {
			o->r = http_chunked_next(&c, p + at, have - at, &used,
			    &data, &n);
			MUST(used <= have - at && n <= used);
			for (i = 0; i < n; i++)
				o->sum = o->sum * 31 + (uint8_t)data[i];
			o->len += n;
			at += used;
		} while (o->r == HTTP_CHUNK_DATA);
		MUST(o->r != HTTP_CHUNK_MORE || at == have);
	}
	o->end = at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 1000 };
	static struct parsed a, b;
	struct dechunked da, db;
	const char *p = (const char *)in;
	size_t i, off;

	if (len == 0)
		return (0);
	parse(p, len, len, &a);
	if (a.scan > 0 && a.status == 0) {
		check_head(p, &a);
		check_again(&a);
	}
	off = a.scan > 0 ? (size_t)a.scan : 0;
	dechunk(p + off, len - off, len, &da);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		parse(p, len, steps[i], &b);
		MUST(b.scan == a.scan && b.status == a.status);
		MUST(b.head.flags == a.head.flags &&
		    b.head.nheaders == a.head.nheaders);
		dechunk(p + off, len - off, steps[i], &db);
		MUST(db.r == da.r && db.end == da.end && db.len == da.len &&
		    db.sum == da.sum);
	}
	return (0);
}
