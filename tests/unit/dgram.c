/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dgram -- datagram sockets of the real host.
 * One loop a case, run on the main thread until the case stops it.
 * Contract: pintle/host.h. */
#include <pintle/host.h>

#include "core/host/real.h"
#include "tap.h"

#define GUARD_MS	20000		/* a case that hangs fails */

static struct pin_host *host;
static struct pin_err err;
static struct pin_loop *loop;
static struct pin_timer guard;
static int hung;

static void
on_guard(struct pin_timer *t)
{
	hung = 1;
	pin_loop_stop(t->loop);
}

static void
begin(void)
{
	hung = 0;
	if (pin_loop_open(host, "test", &loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_timer_init(&guard, loop, on_guard);
	pin_timer_start(&guard, GUARD_MS);
}

static void
run(void)
{
	pin_loop_run(loop);
	CHECK(!hung);
	pin_timer_stop(&guard);
}

static struct pin_addr dgram_from;
static int64_t dgram_got[3];
static int dgrams;

/* Answers each by its length, then an empty one. */
static void
on_dgram(void *arg, struct pin_sock *s, uint32_t events)
{
	char buf[64];
	int64_t n;

	(void)arg;
	CHECK_UINT(events, PIN_SOCK_READ);
	while ((n = pin_dgram_recv(s, buf, sizeof(buf), &dgram_from)) >= 0) {
		CHECK_INT(pin_dgram_send(s, buf, (size_t)n, &dgram_from), n);
		CHECK_INT(pin_dgram_send(s, "", 0, &dgram_from), 0);
	}
	CHECK_INT(n, PIN_EAGAIN);
}

static void
on_answer(void *arg, struct pin_sock *s, uint32_t events)
{
	char buf[4];
	int64_t n;

	(void)arg;
	(void)events;
	do {
		n = pin_dgram_recv(s, buf, sizeof(buf), NULL);
		if (n != PIN_EAGAIN && dgrams < 3)
			dgram_got[dgrams++] = n;
	} while (n >= 0);
	if (dgrams > 1 || n == PIN_ECLOSED)
		pin_loop_stop(loop);
}

static void
test_dgram(void)
{
	struct pin_sock *s = NULL, *c = NULL, *t = NULL;
	struct pin_addr a, mine;

	CASE("datagrams go there and back, also empty ones; what does not fit "
	    "is lost") {
		begin();
		CHECK_INT(pin_addr_parse("127.0.0.1:0", &a, &err), PIN_OK);
		CHECK_INT(pin_dgram_bind(loop, &a, on_dgram, NULL, &s, &err),
		    PIN_OK);
		pin_sock_local(s, &a);
		CHECK_INT(pin_dgram_bind(loop, &a, on_dgram, NULL, &t, &err),
		    PIN_ELOCKED);
		CHECK_INT(pin_dgram_connect(loop, &a, on_answer, NULL, &c,
		    &err), PIN_OK);
		pin_sock_local(c, &mine);
		CHECK_INT(pin_dgram_send(c, "seven..", 7, NULL), 7);
		run();
		CHECK_INT(dgrams, 2);
		CHECK_INT(dgram_got[0], 4);
		CHECK_INT(dgram_got[1], 0);
		CHECK_INT(dgram_from.port, mine.port);
		CHECK_INT(memcmp(dgram_from.ip, mine.ip, 4), 0);
		pin_sock_close(&s);
		pin_sock_close(&c);
		pin_loop_close(&loop);
	}
	CASE("that nobody is there is PIN_ECLOSED") {
		begin();
		dgrams = 0;
		CHECK_INT(pin_dgram_connect(loop, &a, on_answer, NULL, &c,
		    &err), PIN_OK);
		CHECK_INT(pin_dgram_send(c, "?", 1, NULL), 1);
		run();
		CHECK_INT(dgram_got[0], PIN_ECLOSED);
		pin_sock_close(&c);
		pin_loop_close(&loop);
	}
}

int
main(void)
{
	host = pin_host_real();
	test_dgram();
	return (tap_done());
}
