/* SPDX-License-Identifier: BSD-2-Clause
 *
 * abi.c -- byte strings, assertions, and small allocations that abort.
 * Keeps no state. Any thread.
 * Contract: pintle/abi.h. */
#include <pintle/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
pin_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
	fflush(stderr);
	abort();
}

struct pin_str
pin_str(const char *cstr)
{
	struct pin_str s = PIN_STR_NONE;

	if (cstr != NULL) {
		s.p = cstr;
		s.len = strlen(cstr);
	}
	return (s);
}

int
pin_str_eq(struct pin_str a, struct pin_str b)
{
	return (a.len == b.len &&
	    (a.len == 0 || memcmp(a.p, b.p, a.len) == 0));
}

int
pin_str_is(struct pin_str s, const char *cstr)
{
	return (pin_str_eq(s, pin_str(cstr)));
}

int
pin_str_cmp(struct pin_str a, struct pin_str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n != 0 ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return (c);
	return ((a.len > b.len) - (a.len < b.len));
}

int
pin_str_prefix(struct pin_str s, const char *cstr)
{
	struct pin_str pre = pin_str(cstr);

	return (s.len >= pre.len &&
	    (pre.len == 0 || memcmp(s.p, pre.p, pre.len) == 0));
}

static void *
check(void *p, size_t size)
{
	if (PIN_UNLIKELY(p == NULL)) {
		fprintf(stderr, "out of memory (%zu bytes)\n", size);
		fflush(stderr);
		abort();
	}
	return (p);
}

void *
pin_xmalloc(size_t size)
{
	return (check(malloc(size != 0 ? size : 1), size));
}

void *
pin_xcalloc(size_t n, size_t size)
{
	if (n == 0 || size == 0)
		n = size = 1;
	return (check(calloc(n, size), size));
}

void *
pin_xrealloc(void *p, size_t size)
{
	return (check(realloc(p, size != 0 ? size : 1), size));
}

char *
pin_xstrdup(const char *s)
{
	return (pin_xstrndup(s, strlen(s)));
}

char *
pin_xstrndup(const char *s, size_t len)
{
	char *p;

	PIN_ASSERT(len < SIZE_MAX);
	p = pin_xmalloc(len + 1);
	if (len != 0)
		memcpy(p, s, len);
	p[len] = '\0';
	return (p);
}
