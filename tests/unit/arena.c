/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arena -- arenas, shared bytes and the growing output.
 * One thread. Contract: pintle/arena.h. */
#include <pintle/arena.h>
#include <pintle/err.h>

#include "tap.h"

static int order[4], n_order;

static void
note(void *arg)
{
	order[n_order++] = *(int *)arg;
}

static void
test_alloc(void)
{
	struct pin_arena *a = pin_arena_new(1 << 20);
	char *p, *q;
	size_t i, len;

	CASE("memory is aligned, apart, and counted") {
		p = pin_arena_alloc(a, 1);
		q = pin_arena_alloc(a, 33);
		CHECK_UINT((uintptr_t)p % 16, 0);
		CHECK_UINT((uintptr_t)q % 16, 0);
		CHECK(q >= p + 16 || p >= q + 48);
		CHECK_UINT(pin_arena_used(a), 16 + 48);
		CHECK(pin_arena_alloc(a, 0) != NULL);
	}
	CASE("the newest allocation grows where it is, others are copied") {
		p = pin_arena_alloc(a, 10);
		memcpy(p, "0123456789", 10);
		q = pin_arena_grow(a, p, 10, 100);
		CHECK(q == p);
		CHECK(pin_arena_alloc(a, 16) != NULL);
		q = pin_arena_grow(a, p, 100, 200);
		CHECK(q != NULL && q != p);
		CHECK(q != NULL && memcmp(q, "0123456789", 10) == 0);
		q = pin_arena_grow(a, q, 200, 100000);
		CHECK(q != NULL && memcmp(q, "0123456789", 10) == 0);
	}
	CASE("strings are copied with a NUL") {
		p = pin_arena_printf(a, &len, "%s-%d", "x", 12);
		CHECK_STR(p, "x-12");
		CHECK_UINT(len, 4);
		CHECK_STR(pin_arena_strndup(a, "abcdef", 3), "abc");
		CHECK_UINT(pin_arena_str(a, PIN_STR("hello")).len, 5);
	}
	CASE("a reset empties it and keeps it usable") {
		pin_arena_reset(a);
		CHECK_UINT(pin_arena_used(a), 0);
		p = pin_arena_zalloc(a, 5000);
		for (i = 0; p != NULL && i < 5000 && p[i] == 0; i++)
			;
		CHECK_UINT(i, 5000);
	}
	pin_arena_free(&a);
	OK(a == NULL, "a freed arena leaves no pointer behind");
}

static void
test_ceiling(void)
{
	struct pin_arena *a;
	size_t n;

	CASE("past its ceiling an arena is full and stays full") {
		a = pin_arena_new(40000);
		for (n = 0; pin_arena_alloc(a, 1000) != NULL; n++)
			CHECK(n < 40);
		CHECK(n >= 30);
		CHECK(pin_arena_full(a));
		CHECK(pin_arena_alloc(a, 1) == NULL);
		CHECK(pin_arena_strndup(a, "x", 1) == NULL);
		pin_arena_reset(a);
		CHECK(!pin_arena_full(a));
		CHECK(pin_arena_alloc(a, 1000) != NULL);
		pin_arena_free(&a);
	}
	CASE("absurd sizes fail, and no ceiling is too small to be asked") {
		a = pin_arena_new(SIZE_MAX);
		CHECK(pin_arena_alloc(a, SIZE_MAX - 5) == NULL);
		pin_arena_free(&a);
		for (n = 0; n < 200; n++) {
			a = pin_arena_new(n);
			(void)pin_arena_alloc(a, 64);
			(void)pin_arena_grow(a, NULL, 0, 10);
			pin_arena_free(&a);
		}
		a = pin_arena_new(0);
		CHECK(pin_arena_alloc(a, 1) == NULL);
		pin_arena_free(&a);
	}
}

static void
test_cleanup(void)
{
	static int one = 1, two = 2;
	struct pin_arena *a = pin_arena_new(1 << 16);

	CASE("cleanups run once, newest first") {
		CHECK_INT(pin_arena_cleanup(a, note, &one), PIN_OK);
		CHECK_INT(pin_arena_cleanup(a, note, &two), PIN_OK);
		pin_arena_reset(a);
		CHECK_INT(n_order, 2);
		CHECK_INT(order[0], 2);
		CHECK_INT(order[1], 1);
		pin_arena_free(&a);
		CHECK_INT(n_order, 2);
		a = pin_arena_new(0);
		CHECK_INT(pin_arena_cleanup(a, note, &one), PIN_ENOMEM);
		pin_arena_free(&a);
	}
}

static void
test_buf(void)
{
	struct pin_buf *b = pin_buf_copy("abc", 3), *c;

	CASE("shared bytes live as long as somebody holds them") {
		CHECK_UINT(b->len, 3);
		c = pin_buf_get(b);
		CHECK(c == b);
		pin_buf_put(&b);
		CHECK(b == NULL);
		CHECK_MEM(c->data, c->len, "abc", 3);
		pin_buf_put(&c);
		pin_buf_put(&c);
		CHECK(pin_buf_new(SIZE_MAX) == NULL);
	}
}

static void
fill(struct pin_out *o)
{
	pin_out_cstr(o, "n=");
	pin_out_u64(o, UINT64_MAX);
	pin_out_char(o, ' ');
	pin_out_i64(o, INT64_MIN);
	pin_out_str(o, PIN_STR(" x "));
	pin_out_printf(o, "%s %0600d|", "p", 7);
	pin_out_put(o, NULL, 0);
}

static void
test_out(void)
{
	struct pin_arena *a;
	struct pin_out o;
	size_t n, want = 0;

	CASE("numbers, bytes and formats arrive whole, in heap and arena") {
		pin_out_init(&o, NULL, 1 << 16);
		fill(&o);
		want = o.len;
		CHECK_INT(o.failed, PIN_OK);
		CHECK_UINT(want, 2 + 20 + 1 + 20 + 3 + 2 + 600 + 1);
		CHECK_MEM(o.p, 46, "n=18446744073709551615 "
		    "-9223372036854775808 x ", 46);
		CHECK(o.p[want - 1] == '|');
		pin_out_fini(&o);
	}
	CASE("at its ceiling it fails once and for all, and never writes on") {
		for (n = 0; n < want; n++) {
			pin_out_init(&o, NULL, n);
			fill(&o);
			CHECK_INT(o.failed, PIN_ELIMIT);
			CHECK(o.len <= n);
			pin_out_char(&o, 'x');
			CHECK(pin_out_room(&o, 1) == NULL);
			pin_out_fini(&o);
		}
	}
	CASE("with every ceiling of the arena it succeeds or fails cleanly") {
		for (n = 0; ; n += 8) {
			a = pin_arena_new(n);
			pin_out_init(&o, a, 1 << 16);
			fill(&o);
			if (o.failed == PIN_OK)
				CHECK_UINT(o.len, want);
			else
				CHECK_INT(o.failed, PIN_ENOMEM);
			pin_arena_free(&a);
			if (o.failed == PIN_OK)
				break;
			CHECK(n < 100000);
		}
	}
}

int
main(void)
{
	test_alloc();
	test_ceiling();
	test_cleanup();
	test_buf();
	test_out();
	return (tap_done());
}
