/* SPDX-License-Identifier: BSD-2-Clause
 *
 * out.c -- the growing byte string every encoder writes to.
 * Keeps no state but the caller's struct. One thread at a time.
 * Contract: pintle/arena.h. */
#include <pintle/arena.h>
#include <pintle/err.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_FIRST	((size_t)256)

void
pin_out_init(struct pin_out *o, struct pin_arena *a, size_t max)
{
	memset(o, 0, sizeof(*o));
	o->arena = a;
	o->max = max;
}

void
pin_out_fini(struct pin_out *o)
{
	if (o->arena == NULL)
		free(o->p);
	o->p = NULL;
	o->len = o->cap = 0;
}

/* Makes room for len more bytes. */
static int
grow(struct pin_out *o, size_t len)
{
	size_t want, cap;
	char *p;

	if (o->failed != PIN_OK)
		return (0);
	if (len > o->max - o->len) {
		o->failed = PIN_ELIMIT;
		return (0);
	}
	want = o->len + len;
	cap = o->cap < OUT_FIRST / 2 ? OUT_FIRST : o->cap;
	while (cap < want && cap <= SIZE_MAX / 4)
		cap *= 2;
	if (cap > o->max)
		cap = o->max;
	if (cap < want)
		cap = want;
	if (o->arena != NULL)
		p = pin_arena_grow(o->arena, o->p, o->cap, cap);
	else
		p = realloc(o->p, cap);
	if (p == NULL) {
		o->failed = PIN_ENOMEM;
		return (0);
	}
	o->p = p;
	o->cap = cap;
	return (1);
}

void *
pin_out_room(struct pin_out *o, size_t len)
{
	char *p;

	if (o->failed != PIN_OK || len > o->max - o->len) {
		if (o->failed == PIN_OK)
			o->failed = PIN_ELIMIT;
		return (NULL);
	}
	if (o->p == NULL || o->cap - o->len < len) {
		if (!grow(o, len != 0 ? len : 1))
			return (NULL);
	}
	p = o->p + o->len;
	o->len += len;
	return (p);
}

void
pin_out_put(struct pin_out *o, const void *bytes, size_t len)
{
	void *p;

	if (len == 0)
		return;
	p = pin_out_room(o, len);
	if (p != NULL)
		memcpy(p, bytes, len);
}

void
pin_out_str(struct pin_out *o, struct pin_str s)
{
	pin_out_put(o, s.p, s.len);
}

void
pin_out_cstr(struct pin_out *o, const char *s)
{
	pin_out_put(o, s, strlen(s));
}

void
pin_out_char(struct pin_out *o, char c)
{
	char *p = pin_out_room(o, 1);

	if (p != NULL)
		*p = c;
}

void
pin_out_u64(struct pin_out *o, uint64_t v)
{
	char buf[20];
	size_t i = sizeof(buf);

	do {
		buf[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	pin_out_put(o, buf + i, sizeof(buf) - i);
}

void
pin_out_i64(struct pin_out *o, int64_t v)
{
	if (v < 0) {
		pin_out_char(o, '-');
		pin_out_u64(o, 0 - (uint64_t)v);
	} else
		pin_out_u64(o, (uint64_t)v);
}

void
pin_out_printf(struct pin_out *o, const char *fmt, ...)
{
	char small[256], *p;
	va_list ap, again;
	int n;

	if (o->failed != PIN_OK)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n < 0) {
		o->failed = PIN_ENOMEM;
	} else if ((size_t)n < sizeof(small)) {
		pin_out_put(o, small, (size_t)n);
	} else if ((p = pin_out_room(o, (size_t)n + 1)) != NULL) {
		vsnprintf(p, (size_t)n + 1, fmt, again);
		o->len--;		/* the NUL */
	}
	va_end(again);
	va_end(ap);
}
