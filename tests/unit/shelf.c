/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shelf.c -- equal bytes are one buffer, and leave when nobody has them.
 * Contract: core/client/shelf.h. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/client/shelf.h"
#include "tap.h"

#define MANY	5000
#define ROUNDS	20

static struct pin_buf *
put(const char *s)
{
	return (shelf_put(s, strlen(s)));
}

static void
tidy_all(void)
{
	int i;

	for (i = 0; i < 4 * MANY; i++)
		shelf_tidy();
}

/* Two who take and leave the same things never see others' bytes. */
static void *
worker(void *arg)
{
	struct pin_buf *b[16];
	unsigned long *bad = arg;
	char text[32];
	int i, k;

	for (i = 0; i < ROUNDS * 100; i++) {
		for (k = 0; k < 16; k++) {
			snprintf(text, sizeof(text), "shared %d", i + k);
			b[k] = put(text);
			*bad += b[k]->len != strlen(text) ||
			    memcmp(b[k]->data, text, b[k]->len) != 0;
		}
		for (k = 0; k < 16; k++)
			pin_buf_put(&b[k]);
		shelf_tidy();
	}
	return (NULL);
}

int
main(void)
{
	static struct pin_buf *many[MANY];
	unsigned long bad[2] = { 0, 0 };
	struct pin_buf *a, *b, *c;
	char text[32];
	pthread_t t[2];
	int i;

	shelf_open();
	CASE("equal bytes are one buffer, others are not") {
		a = put("a");
		b = put("a");
		c = put("b");
		CHECK(a == b && a != c);
		CHECK_UINT(shelf_count(), 2);
		pin_buf_put(&a);
		tidy_all();
		CHECK_UINT(shelf_count(), 2);
		CHECK(c->len == 1 && c->data[0] == 'b');
	}
	CASE("what nobody has leaves") {
		pin_buf_put(&b);
		tidy_all();
		CHECK_UINT(shelf_count(), 1);
		pin_buf_put(&c);
		tidy_all();
		CHECK_UINT(shelf_count(), 0);
	}
	CASE("it grows, and finds everything again") {
		for (i = 0; i < MANY; i++) {
			snprintf(text, sizeof(text), "thing %d", i);
			many[i] = put(text);
		}
		CHECK_UINT(shelf_count(), MANY);
		for (i = 0; i < MANY; i++) {
			snprintf(text, sizeof(text), "thing %d", i);
			a = put(text);
			bad[0] += a != many[i];
			pin_buf_put(&a);
		}
		CHECK_UINT(bad[0], 0);
	}
	CASE("putting other things is enough to empty it") {
		for (i = 0; i < MANY; i++)
			pin_buf_put(&many[i]);
		for (i = 0; i < 4 * MANY; i++) {
			a = put("x");
			pin_buf_put(&a);
		}
		CHECK(shelf_count() <= 1);
	}
	CASE("two threads") {
		for (i = 0; i < 2; i++)
			(void)pthread_create(&t[i], NULL, worker, &bad[i]);
		for (i = 0; i < 2; i++)
			(void)pthread_join(t[i], NULL);
		CHECK_UINT(bad[0] + bad[1], 0);
	}
	shelf_close();
	return (tap_done());
}
