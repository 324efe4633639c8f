/* SPDX-License-Identifier: BSD-2-Clause
 *
 * words.c -- names of statuses, lookups in a head, escapes of targets.
 * Pure; any thread.
 * Contract: parse.h, exchange.h. */
#include "parse.h"

#include <pintle/arena.h>
#include <pintle/err.h>

#include <string.h>

static const struct {
	int		 status;
	const char	*text;
} statuses[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 101, "Switching Protocols" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Requested Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Entity" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *
http_status_text(int status)
{
	size_t i;

	for (i = 0; i < PIN_LEN(statuses); i++)
		if (statuses[i].status == status)
			return (statuses[i].text);
	return ("Unknown");
}

struct pin_str
exchange_header_at(const struct exchange *x, const char *name, uint32_t k)
{
	const struct exchange_head *h = &x->head;
	char low[64];
	uint32_t i;
	size_t n;

	for (n = 0; name[n] != '\0'; n++) {
		PIN_ASSERT(n + 1 < sizeof(low));
		low[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ?
		    name[n] + 32 : name[n]);
	}
	low[n] = '\0';
	for (i = 0; i < h->nheaders; i++)
		if (h->headers[i].name.len == n &&
		    http_name_is(h->headers[i].name, low) && k-- == 0)
			return (h->headers[i].value);
	return (PIN_STR_NONE);
}

struct pin_str
exchange_header(const struct exchange *x, const char *name)
{
	return (exchange_header_at(x, name, 0));
}

/* ---- targets -------------------------------------------------------- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c = (char)(c | 0x20);
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

int
http_unescape(struct pin_arena *a, struct pin_str in, int plus,
    struct pin_str *out)
{
	size_t i, n = 0;
	char *p;

	*out = in;
	if (in.len == 0 || (memchr(in.p, '%', in.len) == NULL &&
	    (!plus || memchr(in.p, '+', in.len) == NULL)))
		return (PIN_OK);
	p = pin_arena_alloc(a, in.len);
	if (p == NULL)
		return (PIN_ENOMEM);
	for (i = 0; i < in.len; i++) {
		if (in.p[i] == '%') {
			if (in.len - i < 3 || hex(in.p[i + 1]) < 0 ||
			    hex(in.p[i + 2]) < 0)
				return (PIN_EINVAL);
			p[n++] = (char)(hex(in.p[i + 1]) << 4 |
			    hex(in.p[i + 2]));
			i += 2;
		} else
			p[n++] = plus && in.p[i] == '+' ? ' ' : in.p[i];
	}
	*out = (struct pin_str){ p, n };
	return (PIN_OK);
}

int
http_query_next(struct pin_str *rest, struct pin_str *key,
    struct pin_str *value, int *bad)
{
	const char *amp, *eq;
	struct pin_str pair;

	while (rest->len > 0) {
		amp = memchr(rest->p, '&', rest->len);
		pair.p = rest->p;
		pair.len = amp != NULL ? (size_t)(amp - rest->p) : rest->len;
		rest->len -= pair.len + (amp != NULL);
		rest->p += pair.len + (amp != NULL);
		if (pair.len == 0)
			continue;
		if (memchr(pair.p, ';', pair.len) != NULL) {
			*bad = 1;
			continue;
		}
		eq = memchr(pair.p, '=', pair.len);
		*key = (struct pin_str){ pair.p, eq != NULL ?
		    (size_t)(eq - pair.p) : pair.len };
		*value = eq != NULL ? (struct pin_str){ eq + 1,
		    pair.len - key->len - 1 } : (struct pin_str){ pair.p +
		    pair.len, 0 };
		return (1);
	}
	return (0);
}
