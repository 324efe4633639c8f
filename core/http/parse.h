/* SPDX-License-Identifier: BSD-2-Clause
 *
 * parse.h -- HTTP/1.1 on bytes: where a request head ends, what it says, and
 * the chunked coding. No sockets, no memory, no clock.
 * Pure; any thread.
 * Contract: RFC 9112 and 9110, strict; the result does not depend on how the
 * bytes were cut into pieces. */
#ifndef PINTLE_HTTP_PARSE_H
#define PINTLE_HTTP_PARSE_H

#include "exchange.h"

/* ---- the head ------------------------------------------------------- */

struct http_scan {
	size_t	pos;		/* looked at up to here */
	size_t	line;		/* start of the current line */
};

/* p[0, len) are all bytes so far. > 0: the head ends there; 0: more is
 * needed; < 0: minus the status of the refusal. Start with zeros. */
int64_t	http_head_scan(struct http_scan *, const char *p, size_t len,
	    size_t max);

enum {				/* beside EXCHANGE_... */
	HTTP_HEAD_CLOSE = 256,		/* the connection ends after this */
	HTTP_HEAD_KEEP = 512,		/* "keep-alive" was asked for */
	HTTP_HEAD_CONTINUE = 1024,	/* Expect: 100-continue */
	HTTP_HEAD_CHUNKED = 2048,
	HTTP_HEAD_IS_HEAD = 4096,	/* the method HEAD */
	HTTP_HEAD_ASTERISK = 8192,	/* OPTIONS * */
};

/* A complete head, as http_head_scan found it. Strings point into it. headers
 * has room for max. 0 and *head filled in (creds but for bearer untouched), or
 * the status of the refusal and *why. */
int	http_head_parse(const char *p, size_t len, struct exchange_head *head,
	    struct http_header *headers, uint32_t max, const char **why);

/* ---- the chunked coding --------------------------------------------- */

struct http_chunked {
	uint64_t	left;		/* of the current chunk */
	uint32_t	state;
	uint32_t	line;		/* bytes of the current size line */
	uint32_t	ext;		/* extension bytes so far */
	uint32_t	trailer;	/* trailer bytes so far */
};

enum {
	HTTP_CHUNK_BAD = -1,
	HTTP_CHUNK_MORE = 0,	/* everything used, the body goes on */
	HTTP_CHUNK_DATA = 1,	/* *data of *data_len; call again */
	HTTP_CHUNK_END = 2,	/* the body is over; the rest is not its */
};

/* Start with zeros. *used: bytes of p that are done with. */
int	http_chunked_next(struct http_chunked *, const char *p, size_t len,
	    size_t *used, const char **data, size_t *data_len);

/* ---- words ---------------------------------------------------------- */

int	http_name_is(struct pin_str, const char *lower);	/* any case */
/* Does the comma-separated list contain the token (any case)? */
int	http_list_has(struct pin_str, const char *lower);
const char *http_status_text(int status);

/* ---- targets -------------------------------------------------------- */

/* Undoes %XX (and + when plus); what holds none is returned as it is.
 * PIN_EINVAL: a bad escape. PIN_ENOMEM: the arena is full. */
int	http_unescape(struct pin_arena *, struct pin_str, int plus,
	    struct pin_str *out);
/* Takes the next "key=value" off *rest; both still escaped. 0: no more. As in
 * Go, a pair with a semicolon is an error of the pair: skipped, *bad set. */
int	http_query_next(struct pin_str *rest, struct pin_str *key,
	    struct pin_str *value, int *bad);

#endif
