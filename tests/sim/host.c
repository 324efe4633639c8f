/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host -- the simulator tested by itself: the same seed does the same, loops,
 * network, faults. What a disk keeps is tests/sim/disk.c.
 * SIM_SEED=N in the environment moves all seeds.
 * Contract: core/host/sim.h. */
#include <pintle/host.h>

#include "core/host/sim.h"
#include "tap.h"

#define SEEDS		100
#define BYTES		200000

static struct pin_err err;
static uint64_t seed_base;

/* ---- a busy little world --------------------------------------------- */

struct world;

struct hop {
	struct pin_msg	 msg;		/* first */
	struct world	*w;
	uint32_t	 at, left;
};

struct world {
	struct pin_sim	*sim;
	struct pin_loop	*loop[3];
	struct pin_sock	*listener, *client, *server;
	struct pin_timer timer;
	struct pin_work	 work;
	struct hop	 hop[4];
	uint32_t	 ticks, works, hooks, done_hops;
	uint64_t	 sent, got, bad, closed;
	uint64_t	 order;		/* who ran, in what order */
	uint64_t	 last_now;
};

static void
note(struct world *w, uint64_t who)
{
	uint64_t now = pin_sim_now(w->sim);

	w->order = (w->order ^ who ^ now) * 0x100000001b3u;
}

static void
on_hop(struct pin_msg *m)
{
	struct hop *h = (struct hop *)(void *)m;

	PIN_ASSERT_LOOP(h->w->loop[h->at]);
	PIN_ASSERT(!pin_loop_here(h->w->loop[(h->at + 1) % 3]));
	note(h->w, h->at);
	if (--h->left == 0) {
		h->w->done_hops++;
		return;
	}
	h->at = (h->at + 1) % 3;
	pin_loop_post(h->w->loop[h->at], m);
}

static void
on_hook(void *arg)
{
	((struct world *)arg)->hooks++;
}

static void
work_fn(struct pin_work *work)
{
	struct world *w = (struct world *)(void *)((char *)work -
	    offsetof(struct world, work));
	struct pin_host *h = pin_loop_host(work->loop);
	uint64_t before = pin_host_now(h);
	struct pin_file *f = NULL;

	CHECK_INT(pin_file_open(h, "/w", PIN_FILE_WRITE | PIN_FILE_CREATE, &f,
	    &err), PIN_OK);
	CHECK_INT(pin_file_write(f, &(struct pin_iov){ "abc", 3 }, 1, w->works,
	    &err), PIN_OK);
	CHECK_INT(pin_file_sync(f, &err), PIN_OK);
	pin_file_close(&f);
	CHECK(pin_host_now(h) >= before + 80000);	/* it took time */
	w->last_now = pin_host_now(h);
	note(w, 77);
}

static void
work_done(struct pin_work *work)
{
	struct world *w = (struct world *)(void *)((char *)work -
	    offsetof(struct world, work));

	PIN_ASSERT_LOOP(work->loop);
	CHECK(pin_sim_now(w->sim) >= w->last_now);
	if (++w->works < 5)
		pin_work_start(work);
}

static void
on_timer(struct pin_timer *t)
{
	struct world *w = (struct world *)(void *)((char *)t -
	    offsetof(struct world, timer));

	note(w, 99);
	if (w->ticks++ == 0)
		pin_work_start(&w->work);
	if (w->ticks < 20)
		pin_timer_start(t, 3);
}

static void
on_server(void *arg, struct pin_sock *s, uint32_t events)
{
	struct world *w = arg;
	unsigned char buf[3000];
	int64_t n, i;

	CHECK_UINT(events, PIN_SOCK_READ);
	n = pin_sock_recv(s, buf, sizeof(buf));
	for (i = 0; i < n; i++)
		w->bad += buf[i] != (unsigned char)(w->got + (uint64_t)i);
	if (n > 0)
		w->got += (uint64_t)n;
	if (n != PIN_EAGAIN)
		note(w, (uint64_t)n);
	if (n == 0 || n == PIN_ECLOSED) {
		w->closed = n == 0 ? 1 : 2;
		pin_sock_close(&w->server);
	}
}

static void
on_client(void *arg, struct pin_sock *s, uint32_t events)
{
	struct world *w = arg;
	unsigned char buf[5000];
	size_t i, n = sizeof(buf);
	int64_t sent;

	CHECK_UINT(events, PIN_SOCK_WRITE);
	if (n > BYTES - w->sent)
		n = BYTES - w->sent;
	for (i = 0; i < n; i++)
		buf[i] = (unsigned char)(w->sent + i);
	sent = pin_sock_send(s, buf, n);
	if (sent > 0)
		w->sent += (uint64_t)sent;
	if (sent == PIN_ECLOSED || w->sent == BYTES)
		pin_sock_close(&w->client);
}

static void
on_accept(void *arg, struct pin_sock *s)
{
	struct world *w = arg;

	w->server = s;
	CHECK_INT(pin_sock_attach(s, w->loop[1], on_server, w, &err), 0);
	pin_sock_want(s, PIN_SOCK_READ);
}

/* Loops 0 and 2 are of machine 0, loop 1 of machine 1; the client of loop 0
 * talks to the server of loop 1. */
static void
world_open(struct world *w, uint64_t seed, uint32_t reset_ppm)
{
	struct pin_sim_opts o = { .seed = seed_base + seed,
	    .sock_reset_ppm = reset_ppm };
	struct pin_addr a;
	uint32_t i;

	memset(w, 0, sizeof(*w));
	w->sim = pin_sim_new(&o);
	for (i = 0; i < 3; i++) {
		CHECK_INT(pin_loop_open(pin_sim_host(w->sim, i % 2), "l",
		    &w->loop[i], &err), PIN_OK);
		pin_loop_hook(w->loop[i], on_hook, w);
	}
	for (i = 0; i < PIN_LEN(w->hop); i++) {
		w->hop[i].msg.fn = on_hop;
		w->hop[i].w = w;
		w->hop[i].at = i % 3;
		w->hop[i].left = 50;
		pin_loop_post(w->loop[i % 3], &w->hop[i].msg);
	}
	pin_timer_init(&w->timer, w->loop[2], on_timer);
	pin_timer_start(&w->timer, 1);
	w->work.loop = w->loop[2];
	w->work.fn = work_fn;
	w->work.done = work_done;
	pin_sim_addr(1, 6443, &a);
	CHECK_INT(pin_sock_listen(w->loop[1], &a, on_accept, w, &w->listener,
	    &err), PIN_OK);
	CHECK_INT(pin_sock_connect(w->loop[0], &a, on_client, w, &w->client,
	    &err), PIN_OK);
	for (i = 0; i < 3; i++)
		CHECK_INT(pin_loop_start(w->loop[i], &err), PIN_OK);
}

static int
world_over(void *arg)
{
	struct world *w = arg;

	return (w->works == 5 && w->ticks == 20 && w->closed != 0 &&
	    w->done_hops == PIN_LEN(w->hop));
}

static void
test_world(void)
{
	uint64_t seed, hash[2], same = 0, distinct = 0, before = 0;
	struct world w;
	int k;

	CASE("the same seed gives the same trace, another seed another") {
		for (seed = 0; seed < SEEDS; seed++) {
			for (k = 0; k < 2; k++) {
				world_open(&w, seed, 0);
				CHECK_INT(pin_sim_run(w.sim, world_over, &w,
				    10000), PIN_OK);
				CHECK_UINT(w.got, BYTES);
				CHECK_UINT(w.bad, 0);
				CHECK_UINT(w.closed, 1);
				CHECK(w.hooks > 0);
				pin_sim_trace(w.sim, w.order);
				hash[k] = pin_sim_trace_hash(w.sim);
				pin_sim_free(&w.sim);
			}
			same += hash[0] == hash[1];
			distinct += hash[0] != before;
			before = hash[0];
		}
		CHECK_UINT(same, SEEDS);
		CHECK_UINT(distinct, SEEDS);
	}
}

static void
test_resets(void)
{
	uint64_t seed, resets = 0, whole = 0;
	struct world w;

	CASE("resets come by seed, and what arrived before is whole") {
		for (seed = 0; seed < SEEDS; seed++) {
			world_open(&w, seed, 10000);
			CHECK_INT(pin_sim_run(w.sim, world_over, &w, 10000),
			    PIN_OK);
			CHECK_UINT(w.bad, 0);
			resets += w.closed == 2;
			whole += w.closed == 1 && w.got == BYTES;
			pin_sim_free(&w.sim);
		}
		CHECK(resets > 0 && whole > 0);
		CHECK_UINT(resets + whole, SEEDS);
	}
}

static int
got_some(void *arg)
{
	return (((struct world *)arg)->got > BYTES / 4);
}

static int
got_all(void *arg)
{
	return (((struct world *)arg)->closed != 0);
}

static void
test_link(void)
{
	struct world w;
	uint64_t got;

	CASE("a link that is down holds bytes, and lets them go when up") {
		world_open(&w, 1, 0);
		CHECK_INT(pin_sim_run(w.sim, got_some, &w, 10000), PIN_OK);
		pin_sim_link(w.sim, 0, 1, 0);
		CHECK(pin_sim_run(w.sim, got_all, &w, 60000) != PIN_OK);
		got = w.got;
		CHECK(got < BYTES);
		CHECK(pin_sim_run(w.sim, got_all, &w, 60000) != PIN_OK);
		CHECK_UINT(w.got, got);
		pin_sim_link(w.sim, 0, 1, 1);
		CHECK_INT(pin_sim_run(w.sim, got_all, &w, 60000), PIN_OK);
		CHECK_UINT(w.got, BYTES);
		CHECK_UINT(w.bad, 0);
		pin_sim_free(&w.sim);
	}
	CASE("connecting through a link that is down waits for it") {
		world_open(&w, 2, 0);
		pin_sim_link(w.sim, 1, 0, 0);
		CHECK_INT(pin_sim_run(w.sim, got_all, &w, 60000), PIN_EAGAIN);
		CHECK_UINT(w.sent, 0);
		pin_sim_link(w.sim, 1, 0, 1);
		CHECK_INT(pin_sim_run(w.sim, got_all, &w, 60000), PIN_OK);
		CHECK_UINT(w.got, BYTES);
		pin_sim_free(&w.sim);
	}
}

/* ---- crashes of processes -------------------------------------------- */

static void
test_kill(void)
{
	struct pin_loop *l = NULL;
	struct pin_file *f = NULL;
	struct pin_host *h;
	struct world w;
	uint32_t ticks;
	char c;

	CASE("a killed machine stops, its peers are told, it is reborn") {
		world_open(&w, 3, 0);
		CHECK_INT(pin_sim_run(w.sim, got_some, &w, 10000), PIN_OK);
		ticks = w.ticks;
		h = pin_sim_host(w.sim, 0);
		CHECK_INT(pin_file_open(h, "/f", PIN_FILE_WRITE |
		    PIN_FILE_CREATE, &f, &err), PIN_OK);
		CHECK_INT(pin_file_write(f, &(struct pin_iov){ "x", 1 }, 1, 0,
		    &err), PIN_OK);
		CHECK_INT(pin_file_lock(f, &err), PIN_OK);
		pin_sim_kill(w.sim, 0);
		CHECK_UINT(pin_sim_crashes(w.sim, 0), 1);
		CHECK_INT(pin_sim_run(w.sim, got_all, &w, 60000), PIN_OK);
		CHECK_UINT(w.closed, 2);
		CHECK_UINT(w.ticks, ticks);
		CHECK_INT(pin_file_sync(f, &err), PIN_EIO);
		CHECK(strstr(err.text, "machine is off") != NULL);
		pin_file_close(&f);
		pin_sock_close(&w.client);
		pin_loop_close(&w.loop[0]);
		/* Nothing was synced, but the OS lived on. */
		CHECK_INT(pin_file_open(h, "/f", PIN_FILE_READ, &f, &err), 0);
		CHECK_INT(pin_file_lock(f, &err), PIN_OK);
		CHECK_INT(pin_file_read(f, &c, 1, 0, &err), 1);
		CHECK_INT(pin_loop_open(h, "again", &l, &err), PIN_OK);
		pin_loop_stop(l);
		pin_loop_run(l);
		pin_loop_close(&l);
		pin_sim_free(&w.sim);
	}
}

/* ---- power goes in the middle of a callback --------------------------- */

struct writer {
	struct pin_work	 work;		/* first */
	struct pin_timer timer;
	int		 rc, wrote, done, ticks;
};

static void
writer_fn(struct pin_work *w)
{
	struct writer *x = (struct writer *)(void *)w;
	struct pin_host *h = pin_loop_host(w->loop);

	x->rc = pin_path_replace(h, "/x", "text", 4, 0, &err);
	x->wrote++;
}

static void
writer_done(struct pin_work *w)
{
	((struct writer *)(void *)w)->done++;
}

static void
writer_tick(struct pin_timer *t)
{
	struct writer *x = (struct writer *)(void *)((char *)t -
	    offsetof(struct writer, timer));

	if (x->ticks++ == 0)
		pin_work_start(&x->work);
	else		/* here on the loop itself */
		x->rc = pin_path_replace(pin_loop_host(t->loop), "/y", "text",
		    4, 0, &err);
	pin_timer_start(t, 10);
}

static int
writer_dead(void *arg)
{
	return (((struct writer *)arg)->rc != PIN_OK);
}

static void
power_at(uint64_t n, uint64_t *on_work, uint64_t *on_loop)
{
	struct pin_sim_opts o = { .seed = seed_base + n };
	struct pin_sim *sim = pin_sim_new(&o);
	struct pin_host *h = pin_sim_host(sim, 0);
	struct pin_loop *l = NULL;
	struct writer x;
	int ticks;

	memset(&x, 0, sizeof(x));
	CHECK_INT(pin_loop_open(h, "l", &l, &err), PIN_OK);
	x.work.loop = l;
	x.work.fn = writer_fn;
	x.work.done = writer_done;
	pin_timer_init(&x.timer, l, writer_tick);
	pin_timer_start(&x.timer, 10);
	CHECK_INT(pin_loop_start(l, &err), PIN_OK);
	CHECK_INT(pin_sim_fault(sim, 0, PIN_SIM_IO, PIN_SIM_POWER, n, 0), 0);
	CHECK_INT(pin_sim_run(sim, writer_dead, &x, 60000), PIN_OK);
	CHECK_UINT(pin_sim_crashes(sim, 0), 1);
	if (x.done == 0)
		++*on_work;
	else
		++*on_loop;
	ticks = x.ticks;
	x.rc = PIN_OK;
	CHECK_INT(pin_sim_run(sim, writer_dead, &x, 60000), PIN_EAGAIN);
	CHECK_INT(x.ticks, ticks);
	if (n % 2 == 0)
		pin_loop_close(&l);
	pin_sim_free(&sim);
}

static void
test_power(void)
{
	uint64_t n, on_work = 0, on_loop = 0;
	struct world w;

	CASE("power may go in any call, of work or of a loop") {
		for (n = 1; n <= 30; n++)
			power_at(n, &on_work, &on_loop);
		CHECK(on_work >= 3 && on_loop >= 3);
	}
	CASE("a machine without power tells its peers nothing") {
		world_open(&w, 4, 0);
		CHECK_INT(pin_sim_run(w.sim, got_some, &w, 10000), PIN_OK);
		pin_sim_power_cut(w.sim, 0);
		CHECK_INT(pin_sim_run(w.sim, got_all, &w, 60000), PIN_EAGAIN);
		CHECK(w.server != NULL && w.got < BYTES);
		pin_sim_free(&w.sim);
	}
}

/* ---- ends of a run, close, clocks ------------------------------------ */

struct alarm {
	struct pin_timer timer;		/* first */
	struct pin_msg	 msg;
	uint32_t	 rang, posted;
};

static void
on_alarm_msg(struct pin_msg *m)
{
	((struct alarm *)(void *)((char *)m -
	    offsetof(struct alarm, msg)))->posted++;
}

static void
on_alarm(struct pin_timer *t)
{
	struct alarm *a = (struct alarm *)(void *)t;

	if (a->rang++ == 0)
		pin_timer_start(t, 86400000);
	else
		pin_loop_stop(t->loop);
	a->msg.fn = on_alarm_msg;
	pin_loop_post(t->loop, &a->msg);
}

static void
test_ends(void)
{
	struct pin_sim_opts o = { .seed = seed_base };
	struct pin_sim *sim = pin_sim_new(&o);
	struct pin_host *h = pin_sim_host(sim, 0);
	struct pin_loop *l = NULL;
	uint64_t start = pin_sim_now(sim);
	int64_t wall = pin_host_wall(h);
	struct pin_addr at = { .family = 4 };
	struct pin_sock *s = NULL;
	struct alarm a;

	CASE("virtual time: a day is short, deadlines and idleness are told") {
		memset(&a, 0, sizeof(a));
		CHECK_INT(pin_sim_run(sim, NULL, NULL, 1000), PIN_EAGAIN);
		CHECK_INT(pin_loop_open(h, "l", &l, &err), PIN_OK);
		pin_timer_init(&a.timer, l, on_alarm);
		pin_timer_start(&a.timer, 1000);
		CHECK_INT(pin_loop_start(l, &err), PIN_OK);
		CHECK_INT(pin_sim_run(sim, NULL, NULL, 500), PIN_ETIMEOUT);
		CHECK_UINT(a.rang, 0);
		CHECK_INT(pin_sim_run(sim, NULL, NULL, 501), PIN_ETIMEOUT);
		CHECK_UINT(a.rang, 1);
		CHECK_INT(pin_sim_run(sim, NULL, NULL, 2 * 86400000),
		    PIN_EAGAIN);
		CHECK_UINT(a.rang, 2);
		CHECK_UINT(a.posted, 2);
		CHECK(pin_sim_now(sim) - start >= 86401000ull * 1000000);
		CHECK(pin_sim_now(sim) - start < 86402000ull * 1000000);
		CHECK_INT(pin_host_wall(h) - wall, pin_sim_now(sim) - start);
		pin_sim_wall_step(sim, 0, -5000);
		CHECK_INT(pin_host_wall(h) - wall,
		    (int64_t)(pin_sim_now(sim) - start) - 5000);
		CHECK_INT(pin_dgram_bind(l, &at, NULL, NULL, &s, &err),
		    PIN_EUNAVAIL);
		a.posted = 0;
		a.msg.fn = on_alarm_msg;
		pin_loop_post(l, &a.msg);
		pin_loop_close(&l);
		CHECK_UINT(a.posted, 1);
	}
	pin_sim_free(&sim);
}

int
main(void)
{
	const char *env = getenv("SIM_SEED");

	seed_base = env != NULL ? strtoull(env, NULL, 10) : 1;
	tap_diag("SIM_SEED=%llu", (unsigned long long)seed_base);
	test_world();
	test_resets();
	test_link();
	test_kill();
	test_power();
	test_ends();
	return (tap_done());
}
