/* SPDX-License-Identifier: BSD-2-Clause
 *
 * parse.c -- request heads and chunked bodies. Whatever two implementations
 * could read in two ways is refused: a bare LF, folded lines, a space before
 * the colon, two lengths, a length beside a transfer coding.
 * Pure; any thread.
 * Contract: parse.h. */
#include "parse.h"

#include <string.h>

#include "limits.h"

/* Character classes: 1 token, 2 field value, 4 target. */
enum { C_TOKEN = 1, C_VALUE = 2, C_TARGET = 4 };

static const uint8_t chars[256] = {
	[0x09] = C_VALUE, [0x20] = C_VALUE,
#define V(c)	[c] = C_VALUE | C_TARGET
#define T(c)	[c] = C_TOKEN | C_VALUE | C_TARGET
	T('!'), V('"'), [0x23] = C_TOKEN | C_VALUE, T('$'), T('%'), T('&'),
	T('\''), V('('), V(')'), T('*'), T('+'), V(','), T('-'), T('.'),
	V('/'), T('0'), T('1'), T('2'), T('3'), T('4'), T('5'), T('6'),
	T('7'), T('8'), T('9'), V(':'), V(';'), V('<'), V('='), V('>'),
	V('?'), V('@'), T('A'), T('B'), T('C'), T('D'), T('E'), T('F'),
	T('G'), T('H'), T('I'), T('J'), T('K'), T('L'), T('M'), T('N'),
	T('O'), T('P'), T('Q'), T('R'), T('S'), T('T'), T('U'), T('V'),
	T('W'), T('X'), T('Y'), T('Z'), V('['), V('\\'), V(']'), T('^'),
	T('_'), T('`'), T('a'), T('b'), T('c'), T('d'), T('e'), T('f'),
	T('g'), T('h'), T('i'), T('j'), T('k'), T('l'), T('m'), T('n'),
	T('o'), T('p'), T('q'), T('r'), T('s'), T('t'), T('u'), T('v'),
	T('w'), T('x'), T('y'), T('z'), V('{'), T('|'), V('}'), T('~'),
#undef V
#undef T
};

static int
is(unsigned char c, uint8_t class)
{
	/* obs-text: legal in values, and Go takes it in targets. */
	if (c >= 0x80)
		return ((class & (C_VALUE | C_TARGET)) != 0);
	return ((chars[c] & class) != 0);
}

static int
all(const char *p, size_t len, uint8_t class)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is((unsigned char)p[i], class))
			return (0);
	return (1);
}

static int
lower(int c)
{
	return (c >= 'A' && c <= 'Z' ? c + 32 : c);
}

int
http_name_is(struct pin_str s, const char *name)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (name[i] == '\0' || lower((unsigned char)s.p[i]) != name[i])
			return (0);
	return (name[i] == '\0');
}

static struct pin_str
trim(const char *p, size_t len)
{
	while (len > 0 && (p[0] == ' ' || p[0] == '\t')) {
		p++;
		len--;
	}
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return ((struct pin_str){ p, len });
}

int
http_list_has(struct pin_str list, const char *token)
{
	const char *p = list.p, *end = p + list.len, *c;

	while (p < end) {
		c = memchr(p, ',', (size_t)(end - p));
		if (c == NULL)
			c = end;
		if (http_name_is(trim(p, (size_t)(c - p)), token))
			return (1);
		p = c < end ? c + 1 : end;
	}
	return (0);
}

/* ---- where the head ends -------------------------------------------- */

int64_t
http_head_scan(struct http_scan *s, const char *p, size_t len, size_t max)
{
	size_t end = len < max ? len : max, i;
	const char *nl;

	while (s->pos < end) {
		nl = memchr(p + s->pos, '\n', end - s->pos);
		if (nl == NULL) {
			s->pos = end;
			break;
		}
		i = (size_t)(nl - p);
		if (i == 0 || p[i - 1] != '\r')
			return (-400);
		s->pos = i + 1;
		if (i - 1 == s->line)		/* an empty line */
			return (s->line == 0 ? -400 : (int64_t)s->pos);
		s->line = s->pos;
	}
	if (end == max)
		return (s->line == 0 ? -414 : -431);
	return (0);
}

/* ---- the request line ----------------------------------------------- */

static int
bad(const char **why, const char *text, int status)
{
	*why = text;
	return (status);
}

/* "/path?query", "http://host/path?query" or, for OPTIONS, "*". */
static int
target_parse(struct exchange_head *h, const char **why)
{
	const char *p = h->target.p, *end = p + h->target.len, *q;

	if (h->target.len == 1 && *p == '*') {
		if (!pin_str_is(h->method, "OPTIONS"))
			return (bad(why, "malformed request target", 400));
		h->flags |= HTTP_HEAD_ASTERISK;
		h->path = h->target;
		return (0);
	}
	if (*p != '/') {
		struct pin_str scheme = { p, 7 };
		size_t skip = 7;

		if (h->target.len > 8 && http_name_is((struct pin_str){ p, 8 },
		    "https://"))
			skip = 8;
		else if (h->target.len <= 7 || !http_name_is(scheme,
		    "http://"))
			return (bad(why, "malformed request target", 400));
		p += skip;
		if (p == end || *p == '/' || *p == '?')
			return (bad(why, "malformed request target", 400));
		while (p < end && *p != '/' && *p != '?') {
			if (*p == '@')		/* no user in front */
				return (bad(why, "malformed request target",
				    400));
			p++;
		}
	}
	q = memchr(p, '?', (size_t)(end - p));
	h->path = (struct pin_str){ p, (size_t)((q != NULL ? q : end) - p) };
	if (h->path.len == 0)
		h->path = PIN_STR("/");
	if (q != NULL)
		h->query = (struct pin_str){ q + 1, (size_t)(end - q - 1) };
	return (0);
}

static int
version_parse(struct exchange_head *h, const char *p, size_t len,
    const char **why)
{
	if (len != 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' ||
	    p[5] > '9' || p[6] != '.' || p[7] < '0' || p[7] > '9')
		return (bad(why, "malformed HTTP version", 400));
	if (p[5] != '1' || p[7] > '1')
		return (bad(why, "unsupported protocol version", 505));
	if (p[7] == '0')
		h->flags |= EXCHANGE_HTTP10;
	return (0);
}

/* len without CR LF. Exactly one space between the three parts. */
static int
line_parse(struct exchange_head *h, const char *p, size_t len,
    const char **why)
{
	const char *a = memchr(p, ' ', len), *b;
	int rc;

	if (a == NULL)
		return (bad(why, "malformed request line", 400));
	h->method = (struct pin_str){ p, (size_t)(a - p) };
	b = memchr(a + 1, ' ', len - h->method.len - 1);
	if (b == NULL || h->method.len == 0 ||
	    h->method.len > HTTP_METHOD_MAX ||
	    !all(p, h->method.len, C_TOKEN))
		return (bad(why, "malformed request line", 400));
	h->target = (struct pin_str){ a + 1, (size_t)(b - a - 1) };
	if (h->target.len == 0 || !all(h->target.p, h->target.len, C_TARGET))
		return (bad(why, "malformed request target", 400));
	rc = version_parse(h, b + 1, len - (size_t)(b + 1 - p), why);
	if (rc != 0)
		return (rc);
	if (pin_str_is(h->method, "HEAD"))
		h->flags |= HTTP_HEAD_IS_HEAD;
	return (target_parse(h, why));
}

/* ---- fields --------------------------------------------------------- */

struct seen {
	uint32_t	host, length, coding, auth;
};

static int
length_parse(struct exchange_head *h, struct pin_str v, const char **why)
{
	uint64_t n = 0;
	size_t i;

	if (v.len == 0 || v.len > 18)
		return (bad(why, "bad Content-Length", 400));
	for (i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return (bad(why, "bad Content-Length", 400));
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	h->body_len = n;
	return (0);
}

/* "Bearer TOKEN", as kube-apiserver reads it: the second word. */
static struct pin_str
bearer_of(struct pin_str v)
{
	const char *sp = v.len > 0 ? memchr(v.p, ' ', v.len) : NULL, *end;
	size_t len;

	if (sp == NULL || !http_name_is((struct pin_str){ v.p,
	    (size_t)(sp - v.p) }, "bearer"))
		return (PIN_STR_NONE);
	len = v.len - (size_t)(sp + 1 - v.p);
	end = len > 0 ? memchr(sp + 1, ' ', len) : NULL;
	if (end != NULL)
		len = (size_t)(end - sp - 1);
	return (len > 0 ? (struct pin_str){ sp + 1, len } : PIN_STR_NONE);
}

/* host, or host:port, or [v6]:port. */
static int
host_ok(struct pin_str v)
{
	size_t i;

	for (i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '/' || c == '\\' ||
		    c == '?' || c == '#' || c == '@' || c == ',' || c == '"')
			return (0);
	}
	return (1);
}

/* The fields that framing and the connection depend on. */
static int
field_known(struct exchange_head *h, struct seen *s,
    const struct http_header *f, const char **why)
{
	struct pin_str v = f->value;

	switch (f->name.len) {
	case 4:
		if (!http_name_is(f->name, "host"))
			return (0);
		if (s->host++ > 0)
			return (bad(why, "too many Host headers", 400));
		return (host_ok(v) ? 0 : bad(why, "malformed Host header",
		    400));
	case 6:
		if (!http_name_is(f->name, "expect"))
			return (0);
		if (!http_name_is(v, "100-continue"))
			return (bad(why, "unknown Expect", 417));
		if ((h->flags & EXCHANGE_HTTP10) == 0)
			h->flags |= HTTP_HEAD_CONTINUE;
		return (0);
	case 10:
		if (!http_name_is(f->name, "connection"))
			return (0);
		if (http_list_has(v, "close"))
			h->flags |= HTTP_HEAD_CLOSE;
		if (http_list_has(v, "keep-alive"))
			h->flags |= HTTP_HEAD_KEEP;
		return (0);
	case 13:
		if (http_name_is(f->name, "authorization") && s->auth++ == 0)
			h->creds.bearer = bearer_of(v);
		return (0);
	case 14:
		if (!http_name_is(f->name, "content-length"))
			return (0);
		if (s->length++ > 0)
			return (bad(why, "more than one Content-Length", 400));
		return (length_parse(h, v, why));
	case 17:
		if (!http_name_is(f->name, "transfer-encoding"))
			return (0);
		if (s->coding++ > 0)
			return (bad(why, "more than one Transfer-Encoding",
			    400));
		if (!http_name_is(v, "chunked"))
			return (bad(why, "Unsupported transfer encoding",
			    501));
		h->flags |= HTTP_HEAD_CHUNKED;
		return (0);
	default:
		return (0);
	}
}

static int
field_parse(const char *p, size_t len, struct http_header *f,
    const char **why)
{
	const char *colon = memchr(p, ':', len);

	if (colon == NULL)
		return (bad(why, "malformed header line", 400));
	f->name = (struct pin_str){ p, (size_t)(colon - p) };
	/* Also catches a folded line and a space before the colon. */
	if (f->name.len == 0 || !all(p, f->name.len, C_TOKEN))
		return (bad(why, "invalid header name", 400));
	f->value = trim(colon + 1, len - f->name.len - 1);
	if (!all(f->value.p, f->value.len, C_VALUE))
		return (bad(why, "invalid header value", 400));
	return (0);
}

static int
head_judge(struct exchange_head *h, const struct seen *s, const char **why)
{
	int old = (h->flags & EXCHANGE_HTTP10) != 0;

	if (s->host == 0 && !old)
		return (bad(why, "missing required Host header", 400));
	if (s->coding > 0 && s->length > 0)
		return (bad(why, "Content-Length with Transfer-Encoding",
		    400));
	if (s->coding > 0 && old)
		return (bad(why, "Transfer-Encoding in HTTP/1.0", 400));
	if (s->coding > 0)
		h->body_len = UINT64_MAX;
	if (h->body_len > 0)
		h->flags |= EXCHANGE_HAS_BODY;
	else
		h->flags &= ~(uint32_t)HTTP_HEAD_CONTINUE;
	if (old && (h->flags & HTTP_HEAD_KEEP) == 0)
		h->flags |= HTTP_HEAD_CLOSE;
	return (0);
}

int
http_head_parse(const char *p, size_t len, struct exchange_head *h,
    struct http_header *headers, uint32_t max, const char **why)
{
	const char *end = p + len - 2, *nl;	/* without the empty line */
	struct seen seen = { 0, 0, 0, 0 };
	uint32_t n = 0;
	int rc;

	h->flags = 0;
	h->body_len = 0;
	h->query = PIN_STR_NONE;
	h->creds.bearer = PIN_STR_NONE;
	h->headers = headers;
	h->nheaders = 0;
	nl = memchr(p, '\n', (size_t)(end - p));
	if (nl == NULL || nl == p)
		return (bad(why, "malformed request line", 400));
	rc = line_parse(h, p, (size_t)(nl - p) - 1, why);
	for (p = nl + 1; rc == 0 && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL || nl == p)
			return (bad(why, "malformed header line", 400));
		if (n == max)
			return (bad(why, "too many headers", 431));
		rc = field_parse(p, (size_t)(nl - p) - 1, &headers[n], why);
		if (rc == 0)
			rc = field_known(h, &seen, &headers[n], why);
		n++;
	}
	h->nheaders = n;
	return (rc != 0 ? rc : head_judge(h, &seen, why));
}

/* ---- the chunked coding --------------------------------------------- */

enum {
	CH_SIZE = 0,		/* first digit */
	CH_SIZE_MORE,
	CH_EXT,
	CH_SIZE_LF,
	CH_DATA,
	CH_DATA_CR,
	CH_DATA_LF,
	CH_LINE,		/* first byte of a trailer line */
	CH_NAME,
	CH_VALUE,
	CH_VALUE_LF,
	CH_END_LF,
	CH_END,
	CH_BAD,
};

static int
hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c |= 0x20;
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

static int
chunk_size(struct http_chunked *c, unsigned char b)
{
	int d = hex(b);

	if (++c->line > HTTP_CHUNK_LINE_MAX)
		return (CH_BAD);
	if (d >= 0) {
		if (c->left >> 56 != 0)		/* would overflow */
			return (CH_BAD);
		c->left = c->left << 4 | (uint64_t)d;
		return (CH_SIZE_MORE);
	}
	if (c->state == CH_SIZE)
		return (CH_BAD);
	if (b == '\r')
		return (CH_SIZE_LF);
	return (b == ';' ? CH_EXT : CH_BAD);
}

static int
chunk_ext(struct http_chunked *c, unsigned char b)
{
	if (++c->line > HTTP_CHUNK_LINE_MAX ||
	    ++c->ext > HTTP_CHUNK_EXT_TOTAL)
		return (CH_BAD);
	if (b == '\r')
		return (CH_SIZE_LF);
	return (is(b, C_VALUE) ? CH_EXT : CH_BAD);
}

/* Trailers are checked like any field and dropped. */
static int
chunk_trailer(struct http_chunked *c, unsigned char b)
{
	if (++c->trailer > HTTP_TRAILER_MAX)
		return (CH_BAD);
	switch (c->state) {
	case CH_LINE:
		if (b == '\r')
			return (CH_END_LF);
		return (is(b, C_TOKEN) ? CH_NAME : CH_BAD);
	case CH_NAME:
		if (b == ':')
			return (CH_VALUE);
		return (is(b, C_TOKEN) ? CH_NAME : CH_BAD);
	case CH_VALUE:
		if (b == '\r')
			return (CH_VALUE_LF);
		return (is(b, C_VALUE) ? CH_VALUE : CH_BAD);
	default:
		return (b == '\n' ? CH_LINE : CH_BAD);
	}
}

static int
chunk_byte(struct http_chunked *c, unsigned char b)
{
	switch (c->state) {
	case CH_SIZE:
	case CH_SIZE_MORE:
		return (chunk_size(c, b));
	case CH_EXT:
		return (chunk_ext(c, b));
	case CH_SIZE_LF:
		c->line = 0;
		if (b != '\n')
			return (CH_BAD);
		return (c->left > 0 ? CH_DATA : CH_LINE);
	case CH_DATA_CR:
		return (b == '\r' ? CH_DATA_LF : CH_BAD);
	case CH_DATA_LF:
		return (b == '\n' ? CH_SIZE : CH_BAD);
	case CH_END_LF:
		return (b == '\n' ? CH_END : CH_BAD);
	case CH_LINE:
	case CH_NAME:
	case CH_VALUE:
	case CH_VALUE_LF:
		return (chunk_trailer(c, b));
	default:
		return (CH_BAD);
	}
}

int
http_chunked_next(struct http_chunked *c, const char *p, size_t len,
    size_t *used, const char **data, size_t *data_len)
{
	size_t i = 0, n;

	*data_len = 0;
	*used = 0;
	while (c->state != CH_END && c->state != CH_BAD && i < len) {
		if (c->state == CH_DATA) {
			n = len - i;
			if (n > c->left)
				n = (size_t)c->left;
			c->left -= n;
			if (c->left == 0)
				c->state = CH_DATA_CR;
			*data = p + i;
			*data_len = n;
			*used = i + n;
			return (HTTP_CHUNK_DATA);
		}
		c->state = (uint32_t)chunk_byte(c, (unsigned char)p[i++]);
	}
	*used = i;
	if (c->state == CH_BAD)
		return (HTTP_CHUNK_BAD);
	return (c->state == CH_END ? HTTP_CHUNK_END : HTTP_CHUNK_MORE);
}
