/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uri -- fuzz target: escapes and queries.
 * Properties: whatever bytes, escaped and unescaped they are the same; pairs
 * of a query are pieces of it, in order, none lost.
 * Pure. Contract: core/http/parse.h. */
#include <pintle/arena.h>
#include <pintle/err.h>

#include <stdlib.h>
#include <string.h>

#include "core/http/parse.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MUST(x)	do { if (!(x)) abort(); } while (0)

static void
check_escape(struct pin_arena *a, const uint8_t *in, size_t len, int plus)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	struct pin_str s, out;
	char *p = pin_arena_alloc(a, len * 3 + 1);
	size_t i, n = 0;

	MUST(p != NULL);
	for (i = 0; i < len; i++) {
		if (in[i] != '%' && in[i] != '+' && in[i] % 3 != 0) {
			p[n++] = (char)in[i];
			continue;
		}
		p[n++] = '%';
		p[n++] = hex[in[i] >> 4];
		p[n++] = hex[(in[i] & 15) + ((in[i] & 15) > 9 && i % 2 ? 6 :
		    0)];
	}
	s = (struct pin_str){ p, n };
	MUST(http_unescape(a, s, plus, &out) == PIN_OK);
	MUST(out.len == len && (len == 0 || memcmp(out.p, in, len) == 0));
}

static void
check_query(struct pin_str q)
{
	struct pin_str rest = q, k, v;
	const char *last = q.p;
	size_t pairs = 0, max = 1, i;
	int bad = 0;

	for (i = 0; i < q.len; i++)
		max += q.p[i] == '&';
	while (http_query_next(&rest, &k, &v, &bad)) {
		MUST(++pairs <= max);
		MUST(k.p >= last && k.p + k.len <= q.p + q.len);
		MUST(v.p >= k.p + k.len && v.p + v.len <= q.p + q.len);
		MUST(memchr(k.p, '&', k.len) == NULL &&
		    memchr(k.p, '=', k.len) == NULL);
		MUST(v.len == 0 || memchr(v.p, '&', v.len) == NULL);
		last = v.p + v.len;
	}
	MUST(rest.len == 0);
	MUST(bad == 0 || memchr(q.p, ';', q.len) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct pin_arena *a = pin_arena_new(1 << 20);
	struct pin_str s = { (const char *)in, len }, out;
	int rc;

	if (len > 0 && len < 65536) {
		check_escape(a, in, len, 0);
		check_escape(a, in, len, 1);
		rc = http_unescape(a, s, 1, &out);
		MUST(rc == PIN_EINVAL || (rc == PIN_OK && out.len <= len));
		check_query(s);
	}
	pin_arena_free(&a);
	return (0);
}
