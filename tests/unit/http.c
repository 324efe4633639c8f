/* SPDX-License-Identifier: BSD-2-Clause
 *
 * http -- the request parser alone: heads, chunks, targets, and that cutting
 * the input anywhere changes nothing.
 * One thread, no sockets (http_mt.c has those).
 * Contract: core/http/parse.h. */
#include "core/http/parse.h"

#include <pintle/arena.h>
#include <pintle/err.h>

#include "core/http/limits.h"
#include "tap.h"

#define HEADERS	128

struct parsed {
	int		 status;	/* 0: fine */
	const char	*why;
	size_t		 len;
	struct exchange_head head;
	struct http_header headers[HEADERS];
};

/* Feeds the bytes in pieces of `step` and parses what the scan accepts. */
static void
parse(const char *p, size_t len, size_t step, size_t max, struct parsed *out)
{
	struct http_scan scan = { 0, 0 };
	size_t have = 0;
	int64_t n = 0;

	memset(out, 0, sizeof(*out));
	while (n == 0 && have < len) {
		have = have + step > len ? len : have + step;
		n = http_head_scan(&scan, p, have, max);
	}
	if (n < 0)
		out->status = (int)-n;
	else if (n == 0)
		out->status = -1;		/* incomplete */
	else {
		out->len = (size_t)n;
		out->status = http_head_parse(p, out->len, &out->head,
		    out->headers, HEADERS, &out->why);
	}
}

static const struct {
	const char	*name;
	const char	*text;
	int		 status;
} heads[] = {
	{ "a plain GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0 },
	{ "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0 },
	{ "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0 },
	{ "absolute form",
	    "GET http://h:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n", 0 },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 0 },
	{ "an unknown method", "PURGE / HTTP/1.1\r\nHost: x\r\n\r\n", 0 },
	{ "chunked", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n", 0 },
	{ "Chunked in capitals", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "TRANSFER-ENCODING: CHUNKED\r\n\r\n", 0 },
	{ "bytes above 127 in a value", "GET / HTTP/1.1\r\nHost: x\r\n"
	    "A: \xc3\xa9\r\n\r\n", 0 },
	{ "no Host", "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400 },
	{ "a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400 },
	{ "a Host with a user", "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", 400 },
	{ "an empty line first", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "HTTP/0.9", "GET /\r\n\r\n", 400 },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505 },
	{ "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505 },
	{ "http/1.1 in small letters",
	    "GET / http/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "HTTP/1.10", "GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400 },
	{ "two spaces after the method", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
	    400 },
	{ "a space in the target",
	    "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "a tab for a space", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "a space at the end", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400 },
	{ "no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "a fragment", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "a relative target", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "GET *", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "absolute form with a user",
	    "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "absolute form without a host",
	    "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "a method with a slash", "G/T / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "a method of 33 bytes", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / "
	    "HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
	{ "a bare LF after the request line",
	    "GET / HTTP/1.1\nHost: x\r\n\r\n", 400 },
	{ "a bare LF after a field", "GET / HTTP/1.1\r\nHost: x\n\r\n", 400 },
	{ "a bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400 },
	{ "a bare CR in a value",
	    "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400 },
	{ "a folded line", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
	    400 },
	{ "a folded first line", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400 },
	{ "a space before the colon",
	    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
	    400 },
	{ "a field without a colon", "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
	    400 },
	{ "a field without a name", "GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
	    400 },
	{ "DEL in a value",
	    "GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", 400 },
	{ "a length and a coding", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ "two lengths", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400 },
	{ "two equal lengths", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400 },
	{ "a list of lengths", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 5, 5\r\n\r\n", 400 },
	{ "a length with a sign", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: +5\r\n\r\n", 400 },
	{ "a negative length", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: -1\r\n\r\n", 400 },
	{ "a hexadecimal length", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 0x5\r\n\r\n", 400 },
	{ "an empty length", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length:\r\n\r\n", 400 },
	{ "a length that overflows", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 18446744073709551617\r\n\r\n", 400 },
	{ "two codings", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    400 },
	{ "gzip, chunked", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
	{ "identity", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: identity\r\n\r\n", 501 },
	{ "\"chunked\" in quotes", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: \"chunked\"\r\n\r\n", 501 },
	{ "a vertical tab before chunked", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: \x0b" "chunked\r\n\r\n", 400 },
	{ "a coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n", 400 },
	{ "another Expect", "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417 },
};

static void
test_heads(void)
{
	struct parsed a, b;
	size_t i, step, len;

	for (i = 0; i < PIN_LEN(heads); i++)
		CASE("%s: %d, however it is cut", heads[i].name,
		    heads[i].status != 0 ? heads[i].status : 200) {
			len = strlen(heads[i].text);
			parse(heads[i].text, len, len, 65536, &a);
			CHECK_INT(a.status, heads[i].status);
			for (step = 1; step < len; step++) {
				parse(heads[i].text, len, step, 65536, &b);
				CHECK_INT(b.status, a.status);
				CHECK_UINT(b.len, a.len);
			}
		}
	CASE("NUL is refused in target, name and value") {
		parse("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 28, 28, 65536, &a);
		CHECK_INT(a.status, 400);
		parse("GET / HTTP/1.1\r\nHost: x\r\nA\0: x\r\n\r\n", 34, 34,
		    65536, &a);
		CHECK_INT(a.status, 400);
		parse("GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 33, 33,
		    65536, &a);
		CHECK_INT(a.status, 400);
	}
}

static void
test_fields(void)
{
	static const char text[] =
	    "POST http://h/a/b?c=d&e HTTP/1.1\r\n"
	    "hOST: example\r\n"
	    "Content-Length: \t 17 \t\r\n"
	    "Connection: foo , Close\r\n"
	    "Authorization: bearer abc.def ignored\r\n"
	    "Authorization: Bearer second\r\n"
	    "Expect: 100-Continue\r\n"
	    "X-Empty:\r\n"
	    "X-List: a\r\n"
	    "x-list: b\r\n\r\nBODY";
	struct exchange x;
	struct parsed a;

	parse(text, sizeof(text) - 1, sizeof(text) - 1, 65536, &a);
	memset(&x, 0, sizeof(x));
	x.head = a.head;
	CASE("a head says what it says") {
		CHECK_INT(a.status, 0);
		CHECK_UINT(a.len, sizeof(text) - 5);
		CHECK(pin_str_is(a.head.method, "POST"));
		CHECK(pin_str_is(a.head.target, "http://h/a/b?c=d&e"));
		CHECK(pin_str_is(a.head.path, "/a/b"));
		CHECK(pin_str_is(a.head.query, "c=d&e"));
		CHECK_UINT(a.head.body_len, 17);
		CHECK_UINT(a.head.nheaders, 9);
		CHECK_UINT(a.head.flags, EXCHANGE_HAS_BODY | HTTP_HEAD_CLOSE |
		    HTTP_HEAD_CONTINUE);
		CHECK(pin_str_is(a.head.creds.bearer, "abc.def"));
	}
	CASE("headers are found in any case, the k-th too") {
		CHECK(pin_str_is(exchange_header(&x, "HOST"), "example"));
		CHECK(pin_str_is(exchange_header(&x, "x-empty"), ""));
		CHECK(pin_str_is(exchange_header_at(&x, "X-LIST", 1), "b"));
		CHECK(exchange_header_at(&x, "X-List", 2).p == NULL);
		CHECK(exchange_header(&x, "X-Lis").p == NULL);
	}
}

static void
test_limits(void)
{
	static char big[70000];
	struct parsed a;
	size_t n, i;

	CASE("a head of max bytes is too long, one less is not") {
		n = (size_t)snprintf(big, sizeof(big),
		    "GET / HTTP/1.1\r\nHost: x\r\nA: ");
		memset(big + n, 'a', 65535 - 4 - n);
		memcpy(big + 65535 - 4, "\r\n\r\n", 4);
		parse(big, 65535, 65535, 65536, &a);
		CHECK_INT(a.status, 0);
		memset(big + n, 'a', 65536 - n);
		memcpy(big + 65537 - 4, "\r\n\r\n", 4);
		parse(big, 65537, 65537, 65536, &a);
		CHECK_INT(a.status, 431);
		parse(big, 65537, 1000, 65536, &a);
		CHECK_INT(a.status, 431);
	}
	CASE("a request line without end is 414") {
		memset(big, 'a', sizeof(big));
		parse(big, sizeof(big), 4096, 65536, &a);
		CHECK_INT(a.status, 414);
	}
	CASE("one header too many is 431") {
		n = (size_t)snprintf(big, sizeof(big),
		    "GET / HTTP/1.1\r\nHost: x\r\n");
		for (i = 1; i < HEADERS; i++)
			n += (size_t)snprintf(big + n,
			    sizeof(big) - n, "a: b\r\n");
		(void)snprintf(big + n, sizeof(big) - n, "\r\n");
		parse(big, n + 2, n + 2, 65536, &a);
		CHECK_INT(a.status, 0);
		CHECK_UINT(a.head.nheaders, HEADERS);
		(void)snprintf(big + n, sizeof(big) - n, "a: b\r\n\r\n");
		parse(big, n + 8, n + 8, 65536, &a);
		CHECK_INT(a.status, 431);
	}
}

/* ---- chunks ---------------------------------------------------------- */

/* Decodes in pieces of step; the data goes to out. Returns END (and *used),
 * MORE or BAD. */
static int
dechunk(const char *p, size_t len, size_t step, char *out, size_t *out_len,
    size_t *end)
{
	struct http_chunked c;
	size_t at = 0, have, used, n;
	const char *data;
	int r = HTTP_CHUNK_MORE;

	memset(&c, 0, sizeof(c));
	*out_len = 0;
	while (at < len && (r == HTTP_CHUNK_MORE || r == HTTP_CHUNK_DATA)) {
		have = at + step > len ? len : at + step;
		do {
			r = http_chunked_next(&c, p + at, have - at, &used,
			    &data, &n);
			at += used;
			if (r == HTTP_CHUNK_DATA) {
				memcpy(out + *out_len, data, n);
				*out_len += n;
			}
		} while (r == HTTP_CHUNK_DATA);
	}
	*end = at;
	return (r);
}

static const struct {
	const char	*name;
	const char	*text;
	int		 result;
	const char	*data;
} chunks[] = {
	{ "one chunk", "5\r\nhello\r\n0\r\n\r\n", HTTP_CHUNK_END, "hello" },
	{ "two chunks", "1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n",
	    HTTP_CHUNK_END, "a0123456789" },
	{ "nothing", "0\r\n\r\n", HTTP_CHUNK_END, "" },
	{ "an extension", "1;a=b;c=\"d\"\r\nx\r\n0;z\r\n\r\n",
	    HTTP_CHUNK_END, "x" },
	{ "trailers", "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n",
	    HTTP_CHUNK_END, "x" },
	{ "no size", "\r\nx\r\n", HTTP_CHUNK_BAD, NULL },
	{ "no digit", "g\r\nx\r\n", HTTP_CHUNK_BAD, NULL },
	{ "0x", "0x1\r\nx\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a sign", "+1\r\nx\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a space before", " 1\r\nx\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a space behind", "1 \r\nx\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a size that overflows", "fffffffffffffffff\r\nx", HTTP_CHUNK_BAD,
	    NULL },
	{ "a bare LF", "1\nx\r\n0\r\n\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a bare LF after the data", "1\r\nx\n0\r\n\r\n", HTTP_CHUNK_BAD,
	    NULL },
	{ "data ended by CR and no LF", "1\r\nx\rx0\r\n\r\n", HTTP_CHUNK_BAD,
	    NULL },
	{ "a size ended by CR and no LF", "1\rxx\r\n0\r\n\r\n",
	    HTTP_CHUNK_BAD, NULL },
	{ "an end with CR and no LF", "0\r\n\rx", HTTP_CHUNK_BAD, NULL },
	{ "a trailer with CR and no LF", "0\r\nA: b\rx\r\n", HTTP_CHUNK_BAD,
	    NULL },
	{ "data longer than its size", "1\r\nxy\r\n0\r\n\r\n", HTTP_CHUNK_BAD,
	    NULL },
	{ "a bare CR in an extension", "1;a\rb\r\nx\r\n", HTTP_CHUNK_BAD,
	    NULL },
	{ "a bare LF in an extension", "1;a\nb\r\nx\r\n", HTTP_CHUNK_BAD,
	    NULL },
	{ "a trailer without a colon", "0\r\nA\r\n\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", HTTP_CHUNK_BAD, NULL },
	{ "a trailer with a bare LF", "0\r\nA: b\n\r\n", HTTP_CHUNK_BAD, NULL },
	{ "half a chunk", "5\r\nhel", HTTP_CHUNK_MORE, "hel" },
};

static void
test_chunks(void)
{
	static char big[70000];
	char a[256], b[256];
	size_t i, step, len, an, bn, ae, be, n;
	int r;

	for (i = 0; i < PIN_LEN(chunks); i++)
		CASE("chunked, %s", chunks[i].name) {
			len = strlen(chunks[i].text);
			r = dechunk(chunks[i].text, len, len, a, &an, &ae);
			CHECK_INT(r, chunks[i].result);
			if (chunks[i].data != NULL)
				CHECK_MEM(a, an, chunks[i].data,
				    strlen(chunks[i].data));
			for (step = 1; step < len; step++) {
				CHECK_INT(dechunk(chunks[i].text, len, step, b,
				    &bn, &be), r);
				CHECK_MEM(b, bn, a, an);
				CHECK_UINT(be, ae);
			}
		}
	CASE("what follows the body is not touched") {
		r = dechunk("0\r\n\r\nGET", 8, 8, a, &an, &ae);
		CHECK_INT(r, HTTP_CHUNK_END);
		CHECK_UINT(ae, 5);
	}
	CASE("extensions and trailers are bounded") {
		n = (size_t)snprintf(big, sizeof(big), "1;");
		memset(big + n, 'a', 300);
		CHECK_INT(dechunk(big, n + 300, 50, a, &an, &ae),
		    HTTP_CHUNK_BAD);
		for (n = 0, i = 0; i < 100; i++)
			n += (size_t)snprintf(big + n,
			    sizeof(big) - n, "1;%0200d\r\nx\r\n", 1);
		CHECK_INT(dechunk(big, n, 4096, a, &an, &ae), HTTP_CHUNK_BAD);
		CHECK(an < 22);
		n = (size_t)snprintf(big, sizeof(big), "0\r\nA: ");
		memset(big + n, 'a', 9000);
		CHECK_INT(dechunk(big, n + 9000, 4096, a, &an, &ae),
		    HTTP_CHUNK_BAD);
	}
}

/* ---- targets --------------------------------------------------------- */

static void
test_targets(void)
{
	struct pin_arena *a = pin_arena_new(1 << 20);
	struct pin_str rest, k, v, s;
	int bad = 0;

	CASE("escapes are undone, bad ones refused") {
		CHECK_INT(http_unescape(a, PIN_STR("a%2Fb%2fc+d"), 0, &s), 0);
		CHECK(pin_str_is(s, "a/b/c+d"));
		CHECK_INT(http_unescape(a, PIN_STR("a+%2B"), 1, &s), 0);
		CHECK(pin_str_is(s, "a +"));
		CHECK_INT(http_unescape(a, PIN_STR("plain"), 1, &s), 0);
		CHECK(pin_str_is(s, "plain"));
		CHECK_INT(http_unescape(a, PIN_STR("%"), 0, &s), PIN_EINVAL);
		CHECK_INT(http_unescape(a, PIN_STR("%4"), 0, &s), PIN_EINVAL);
		CHECK_INT(http_unescape(a, PIN_STR("%4g"), 0, &s), PIN_EINVAL);
	}
	CASE("a query falls into pairs") {
		rest = PIN_STR("&a=b&&c&d=&e=f=g;h&i=j");
		CHECK(http_query_next(&rest, &k, &v, &bad) == 1);
		CHECK(pin_str_is(k, "a") && pin_str_is(v, "b"));
		CHECK(http_query_next(&rest, &k, &v, &bad) == 1);
		CHECK(pin_str_is(k, "c") && v.len == 0);
		CHECK(http_query_next(&rest, &k, &v, &bad) == 1);
		CHECK(pin_str_is(k, "d") && v.len == 0 && bad == 0);
		CHECK(http_query_next(&rest, &k, &v, &bad) == 1);
		CHECK(pin_str_is(k, "i") && pin_str_is(v, "j") && bad == 1);
		CHECK(http_query_next(&rest, &k, &v, &bad) == 0);
	}
	pin_arena_free(&a);
}

int
main(void)
{
	test_heads();
	test_fields();
	test_limits();
	test_chunks();
	test_targets();
	return (tap_done());
}
