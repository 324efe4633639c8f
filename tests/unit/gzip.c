/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gzip -- who asks for gzip, and that what goes in comes out again, however
 * it is cut; streams at once are limited.
 * Contract: core/apiserver/gzip.h. */
#include "core/apiserver/gzip.h"

#include <pintle/err.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "tap.h"

#define ROUNDS	40
#define TEXT	(300u << 10)

static char text[TEXT], packed[2 * TEXT], again[TEXT + 1];

static void
test_accepted(void)
{
	static const struct {
		const char	*header;
		int		 want;
	} rows[] = {
		{ "", 0 }, { "gzip", 1 }, { "deflate, gzip", 1 },
		{ " gzip ,br", 1 }, { "br,\tgzip", 1 }, { "gzip;q=1", 0 },
		{ "gzip;q=0", 0 }, { "x-gzip", 0 }, { "*", 0 },
		{ "identity", 0 }, { ",,gzip", 1 }, { "gzipp", 0 },
	};
	size_t i;

	CASE("gzip by its bare name, as upstream reads the header") {
		for (i = 0; i < PIN_LEN(rows); i++)
			if (!CHECK_INT(gzip_accepted(pin_str(rows[i].header)),
			    rows[i].want))
				tap_diag("'%s'", rows[i].header);
		CHECK_INT(gzip_accepted(PIN_STR_NONE), 0);
	}
}

/* Text with some sense, or none. */
static void
fill(unsigned int seed)
{
	unsigned int x = seed * 2654435761u + 1, i;

	for (i = 0; i < TEXT; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = seed % 2 == 0 ? (char)(x >> 24) :
		    "abcdef{}\",:"[(x >> 28) % 11];
	}
}

static size_t
unpack(size_t len)
{
	z_stream z;
	size_t n;

	memset(&z, 0, sizeof(z));
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		BAIL("no inflate");
	z.next_in = (Bytef *)packed;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)again;
	z.avail_out = sizeof(again);
	CHECK_INT(inflate(&z, Z_FINISH), Z_STREAM_END);
	n = sizeof(again) - z.avail_out;
	(void)inflateEnd(&z);
	return (n);
}

static void
round_trip(unsigned int seed)
{
	struct pin_arena *a = pin_arena_new(1u << 20);
	uint32_t open = 0;
	struct gzip *g = gzip_new(a, &open);
	size_t at = 0, len = 0, n;
	struct pin_buf *b;
	int last;

	fill(seed);
	srand(seed);
	CHECK_INT(open, 1);
	do {
		n = (size_t)rand() % (seed % 3 == 0 ? TEXT : 20000);
		n = n < TEXT - at ? n : TEXT - at;
		last = at + n == TEXT;
		b = gzip_put(g, (struct pin_str){ text + at, n }, last);
		if (b == NULL || len + b->len > sizeof(packed))
			BAIL("seed %u: no bytes", seed);
		memcpy(packed + len, b->data, b->len);
		len += b->len;
		at += n;
		pin_buf_put(&b);
	} while (!last);
	if (!CHECK(unpack(len) == TEXT && memcmp(again, text, TEXT) == 0))
		tap_diag("seed %u", seed);
	pin_arena_free(&a);
	CHECK_INT(open, 0);
}

static void
test_streams(void)
{
	struct pin_arena *a = pin_arena_new(1u << 20);
	uint32_t open = 0, i;

	CASE("what comes out is what went in, however it is cut")
		for (i = 0; i < ROUNDS; i++)
			round_trip(i);
	CASE("there are not more streams than the limit, until some end") {
		for (i = 0; i < GZIP_OPEN_MAX; i++)
			CHECK(gzip_new(a, &open) != NULL);
		CHECK(gzip_new(a, &open) == NULL);
		CHECK_INT(open, GZIP_OPEN_MAX);
		pin_arena_free(&a);
		CHECK_INT(open, 0);
		a = pin_arena_new(1u << 20);
		CHECK(gzip_new(a, &open) != NULL);
	}
	pin_arena_free(&a);
}

int
main(void)
{
	test_accepted();
	test_streams();
	return (tap_done());
}
