/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gzip.c -- zlib behind two calls: a stream, and what goes through it.
 * One thread a stream. Contract: gzip.h; a stream costs 96 KiB until its
 * request ends. */
#include "core/apiserver/gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define GZIP_WINDOW	(13 + 16)	/* 8 KiB; + 16 is zlib's for gzip */
#define GZIP_MEMORY	7

struct gzip {
	z_stream	 z;
	uint32_t	*open;
};

int
gzip_accepted(struct pin_str s)
{
	const char *p = s.p, *end = p + s.len, *q;

	while (s.len > 0 && p < end) {
		while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
			p++;
		for (q = p; q < end && *q != ','; q++)
			;
		s = (struct pin_str){ p, (size_t)(q - p) };
		while (s.len > 0 && (p[s.len - 1] == ' ' ||
		    p[s.len - 1] == '\t'))
			s.len--;
		if (pin_str_is(s, "gzip"))
			return (1);
		s.len = 1;
		p = q;
	}
	return (0);
}

static void
gzip_end(void *arg)
{
	struct gzip *g = arg;

	(void)deflateEnd(&g->z);
	--*g->open;
}

struct gzip *
gzip_new(struct pin_arena *a, uint32_t *open)
{
	struct gzip *g = *open >= GZIP_OPEN_MAX ? NULL :
	    pin_arena_zalloc(a, sizeof(*g));

	if (g == NULL || deflateInit2(&g->z, Z_BEST_SPEED, Z_DEFLATED,
	    GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return (NULL);
	g->open = open;
	++*open;
	if (pin_arena_cleanup(a, gzip_end, g) != PIN_OK) {
		gzip_end(g);
		return (NULL);
	}
	return (g);
}

struct pin_buf *
gzip_put(struct gzip *g, struct pin_str in, int last)
{
	/* Enough for all of it, and what the stream holds back. */
	size_t room = deflateBound(&g->z, in.len) + GZIP_LEAST;
	struct pin_buf *b;
	char *out;

	if (in.len == 0 && !last)
		return (pin_buf_copy("", 0));
	if (in.len > UINT_MAX || room > UINT_MAX)
		return (NULL);
	out = malloc(room);
	if (out == NULL)
		return (NULL);
	g->z.next_in = (Bytef *)(uintptr_t)in.p;
	g->z.avail_in = (uInt)in.len;
	g->z.next_out = (Bytef *)out;
	g->z.avail_out = (uInt)room;
	b = deflate(&g->z, last ? Z_FINISH : Z_NO_FLUSH) !=
	    (last ? Z_STREAM_END : Z_OK) ? NULL :
	    pin_buf_copy(out, room - g->z.avail_out);
	free(out);
	return (b);
}
