/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loop_mt -- loops of the real host talking to one another, best run under
 * the thread sanitizer: order, no lost wake-ups, stop and close.
 * Not timing: nothing here depends on how fast the machine is.
 * Contract: pintle/host.h, the part about loops. */
#include <pintle/host.h>

#include <stdatomic.h>

#include "core/host/real.h"
#include "tap.h"

#define LOOPS		4
#define CREDITS		64		/* messages of one sender in flight */
#define DEADLINE_MS	60000

static struct pin_host *host;

/* ---- four loops, a million messages --------------------------------- */

struct node;

struct parcel {
	struct pin_msg	 msg;		/* first */
	struct node	*from;
	struct node	*to;
	uint64_t	 seq;
	int		 back;		/* on its way home */
};

struct node {
	struct pin_loop	*loop;
	struct pin_msg	 kick;
	struct parcel	 parcels[LOOPS][CREDITS];
	uint64_t	 sent[LOOPS];	/* this node's thread only */
	uint64_t	 seen[LOOPS];
	uint64_t	 misordered;
	uint64_t	 hooks;
	uint64_t	 quota;
	_Atomic uint64_t done;		/* came home */
};

static struct node nodes[LOOPS];

static uint32_t
index_of(const struct node *n)
{
	return ((uint32_t)(n - nodes));
}

static void
send_parcel(struct parcel *p)
{
	uint32_t to = index_of(p->to);

	if (p->from->sent[to] == p->from->quota)
		return;
	p->seq = ++p->from->sent[to];
	p->back = 0;
	pin_loop_post(p->to->loop, &p->msg);
}

static void
on_parcel(struct pin_msg *m)
{
	struct parcel *p = (struct parcel *)(void *)m;
	struct node *at = p->back ? p->from : p->to;
	uint32_t from = index_of(p->from);

	PIN_ASSERT_LOOP(at->loop);
	if (p->back) {
		atomic_fetch_add(&at->done, 1);
		send_parcel(p);
		return;
	}
	if (p->seq != ++at->seen[from])
		at->misordered++;
	p->back = 1;
	pin_loop_post(p->from->loop, &p->msg);
}

static void
on_kick(struct pin_msg *m)
{
	struct node *n = (struct node *)(void *)((char *)m -
	    offsetof(struct node, kick));
	uint32_t to, i;

	for (to = 0; to < LOOPS; to++)
		for (i = 0; i < CREDITS; i++)
			send_parcel(&n->parcels[to][i]);
}

static void
on_hook(void *arg)
{
	struct node *n = arg;

	PIN_ASSERT_LOOP(n->loop);
	n->hooks++;
}

static uint64_t
done_all(void)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < LOOPS; i++)
		sum += atomic_load(&nodes[i].done);
	return (sum);
}

static void
open_nodes(uint64_t quota)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t i, to, k;
	char name[8];

	memset(nodes, 0, sizeof(nodes));
	for (i = 0; i < LOOPS; i++) {
		snprintf(name, sizeof(name), "loop%u", (unsigned int)i);
		if (pin_loop_open(host, name, &nodes[i].loop, &err) != PIN_OK)
			BAIL("%s", err.text);
		pin_loop_hook(nodes[i].loop, on_hook, &nodes[i]);
		nodes[i].quota = quota;
		nodes[i].kick.fn = on_kick;
		for (to = 0; to < LOOPS; to++) {
			for (k = 0; k < CREDITS; k++) {
				nodes[i].parcels[to][k].msg.fn = on_parcel;
				nodes[i].parcels[to][k].from = &nodes[i];
				nodes[i].parcels[to][k].to = &nodes[to];
			}
		}
	}
	for (i = 0; i < LOOPS; i++)
		if (pin_loop_start(nodes[i].loop, &err) != PIN_OK)
			BAIL("%s", err.text);
}

static void
test_million(void)
{
	const uint64_t quota = 1000000 / (LOOPS * LOOPS);
	uint64_t misordered = 0, hooks = 0, wrong = 0;
	uint32_t i, k;

	open_nodes(quota);
	for (i = 0; i < LOOPS; i++)
		pin_loop_post(nodes[i].loop, &nodes[i].kick);
	WAIT(done_all() == quota * LOOPS * LOOPS, DEADLINE_MS);
	for (i = 0; i < LOOPS; i++)
		pin_loop_close(&nodes[i].loop);
	for (i = 0; i < LOOPS; i++) {
		misordered += nodes[i].misordered;
		hooks += nodes[i].hooks > 0;
		for (k = 0; k < LOOPS; k++)
			wrong += nodes[i].seen[k] != quota;
	}
	OK(misordered == 0, "messages of one sender arrive in order");
	OK(wrong == 0, "a million messages arrive once each");
	OK(hooks == LOOPS, "every loop ran its hook on its own thread");
}

/* ---- one message at a time: each hop finds its loop asleep ----------- */

/* Or just about to sleep: one of the two stays busy for a while of changing
 * length after it has passed the ball on, so that the answer meets every
 * moment of its falling asleep. */
#define SPIN_NS		150000

struct ball {
	struct pin_msg	 msg;
	uint32_t	 at;		/* 0 or 1 */
	unsigned int	 dice;
	_Atomic uint64_t hops;
	uint64_t	 max;
};

static void
on_ball(struct pin_msg *m)
{
	struct ball *b = (struct ball *)(void *)m;
	uint64_t spin, until;

	PIN_ASSERT_LOOP(nodes[b->at].loop);
	if (atomic_fetch_add(&b->hops, 1) + 1 >= b->max)
		return;
	spin = b->at == 0 ? (uint64_t)rand_r(&b->dice) % SPIN_NS : 0;
	until = pin_host_now(host) + spin;
	b->at = !b->at;
	pin_loop_post(nodes[b->at].loop, &b->msg);	/* b is gone now */
	while (pin_host_now(host) < until)
		;
}

static int
ball_lands(struct ball *b)
{
	return (atomic_load(&b->hops) == b->max);
}

static void
test_wakeups(void)
{
	struct ball b = { .msg = { NULL, on_ball }, .max = 40000 };
	uint32_t i;

	open_nodes(0);
	pin_loop_post(nodes[0].loop, &b.msg);
	WAIT(ball_lands(&b), DEADLINE_MS);
	for (i = 0; i < LOOPS; i++)
		pin_loop_close(&nodes[i].loop);
	OK(ball_lands(&b),
	    "a message handed to and fro by sleeping loops is never stuck");
}

/* ---- stop and close ------------------------------------------------- */

struct last {
	struct pin_msg	 msg;
	int		 ran;
};

static void
on_last(struct pin_msg *m)
{
	((struct last *)(void *)m)->ran++;
}

static void
on_stop_then_post(struct pin_msg *m)
{
	struct last *more = (struct last *)(void *)m + 1;

	((struct last *)(void *)m)->ran++;
	pin_loop_stop(nodes[0].loop);
	pin_loop_post(nodes[0].loop, &more->msg);
}

static void
test_close(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct last msgs[3];
	struct pin_loop *l;
	int round, bad = 0;

	for (round = 0; round < 300; round++) {
		memset(msgs, 0, sizeof(msgs));
		msgs[0].msg.fn = on_stop_then_post;
		msgs[1].msg.fn = msgs[2].msg.fn = on_last;
		if (pin_loop_open(host, "brief", &nodes[0].loop, &err) != 0 ||
		    pin_loop_start(nodes[0].loop, &err) != PIN_OK)
			BAIL("%s", err.text);
		l = nodes[0].loop;
		pin_loop_post(l, &msgs[2].msg);
		pin_loop_post(l, &msgs[0].msg);
		pin_loop_close(&l);
		if (l != NULL || msgs[0].ran != 1 || msgs[1].ran != 1 ||
		    msgs[2].ran != 1)
			bad++;
	}
	OK(bad == 0, "close waits until every queued message has run");
}

/* ---- work pool ------------------------------------------------------ */

struct job {
	struct pin_work	 work;		/* first */
	int		 value;
	int		 on_pool;
};

static _Atomic int jobs_done;

static void
job_fn(struct pin_work *w)
{
	struct job *j = (struct job *)(void *)w;

	j->on_pool = !pin_loop_here(w->loop);
	j->value++;
}

static void
job_done(struct pin_work *w)
{
	struct job *j = (struct job *)(void *)w;

	PIN_ASSERT_LOOP(w->loop);
	if (j->value == 1 && j->on_pool)
		atomic_fetch_add(&jobs_done, 1);
}

struct jobs {
	struct pin_msg	 msg;
	struct job	 job[200];
};

static void
on_jobs(struct pin_msg *m)
{
	struct jobs *all = (struct jobs *)(void *)m;
	size_t i;

	for (i = 0; i < PIN_LEN(all->job); i++)
		pin_work_start(&all->job[i].work);
}

static void
test_work(void)
{
	static struct jobs all;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_loop *l = NULL;
	size_t i;

	if (pin_loop_open(host, "worker", &l, &err) != PIN_OK ||
	    pin_loop_start(l, &err) != PIN_OK)
		BAIL("%s", err.text);
	for (i = 0; i < PIN_LEN(all.job); i++) {
		all.job[i].work.loop = l;
		all.job[i].work.fn = job_fn;
		all.job[i].work.done = job_done;
	}
	all.msg.fn = on_jobs;
	pin_loop_post(l, &all.msg);
	pin_loop_close(&l);		/* waits for what is in flight */
	OK(atomic_load(&jobs_done) == (int)PIN_LEN(all.job),
	    "blocking work runs on the pool, done on the loop, before close");
}

/* ---- a socket accepted on one loop and served on another ------------- */

#define CALLS	20

struct call {
	struct pin_msg	 msg;		/* first: from loop 0 to loop 1 */
	struct pin_sock	*served;
	struct pin_sock	*client;	/* loop 2's */
	int		 ok;
};

static struct call calls[CALLS];
static uint32_t accepts;
static _Atomic int answered;
static struct pin_sock *listener;
static struct pin_addr where;

static void
on_serve(void *arg, struct pin_sock *s, uint32_t events)
{
	struct call *c = arg;
	char buf[16];
	int64_t n;

	(void)events;
	PIN_ASSERT_LOOP(nodes[1].loop);
	n = pin_sock_recv(s, buf, sizeof(buf));
	if (n > 0 && pin_sock_send(s, buf, (size_t)n) == n)
		return;
	if (n != PIN_EAGAIN)
		pin_sock_close(&c->served);
}

static void
on_handed(struct pin_msg *m)
{
	struct call *c = (struct call *)(void *)m;
	struct pin_err err = PIN_ERR_INIT;

	if (pin_sock_attach(c->served, nodes[1].loop, on_serve, c, &err) != 0)
		BAIL("%s", err.text);
	pin_sock_want(c->served, PIN_SOCK_READ);
}

static void
on_accept(void *arg, struct pin_sock *s)
{
	struct call *c = &calls[accepts++];

	(void)arg;
	PIN_ASSERT_LOOP(nodes[0].loop);
	c->served = s;
	c->msg.fn = on_handed;
	pin_loop_post(nodes[1].loop, &c->msg);
}

static void
on_client(void *arg, struct pin_sock *s, uint32_t events)
{
	struct call *c = arg;
	char buf[16];

	PIN_ASSERT_LOOP(nodes[2].loop);
	if ((events & PIN_SOCK_WRITE) != 0) {
		c->ok = pin_sock_send(s, "question", 8) == 8;
		pin_sock_want(s, PIN_SOCK_READ);
		return;
	}
	c->ok = c->ok && pin_sock_recv(s, buf, sizeof(buf)) == 8 &&
	    memcmp(buf, "question", 8) == 0;
	pin_sock_close(&c->client);
	atomic_fetch_add(&answered, 1);
}

static void
on_listen(struct pin_msg *m)
{
	struct pin_err err = PIN_ERR_INIT;

	if (pin_addr_parse("127.0.0.1:0", &where, &err) != PIN_OK ||
	    pin_sock_listen(nodes[0].loop, &where, on_accept, NULL, &listener,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_sock_local(listener, &where);
	m->fn = NULL;
	nodes[2].kick.fn(&nodes[2].kick);
}

static void
on_connect(struct pin_msg *m)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t i;

	if (!pin_loop_here(nodes[2].loop)) {
		pin_loop_post(nodes[2].loop, m);
		return;
	}
	for (i = 0; i < CALLS; i++)
		if (pin_sock_connect(nodes[2].loop, &where, on_client,
		    &calls[i], &calls[i].client, &err) != PIN_OK)
			BAIL("%s", err.text);
}

static int
all_answered(void)
{
	return (atomic_load(&answered) == CALLS);
}

static void
test_handover(void)
{
	uint32_t i;
	int good = 0;

	open_nodes(0);
	nodes[0].kick.fn = on_listen;
	nodes[2].kick.fn = on_connect;
	pin_loop_post(nodes[0].loop, &nodes[0].kick);
	WAIT(all_answered(), DEADLINE_MS);
	for (i = LOOPS; i-- > 0;)
		pin_loop_stop(nodes[i].loop);
	/* The listener outlives its loop's last turn, not its loop. */
	for (i = LOOPS; i-- > 1;)
		pin_loop_close(&nodes[i].loop);
	pin_loop_close(&nodes[0].loop);
	pin_sock_close(&listener);
	for (i = 0; i < CALLS; i++) {
		good += calls[i].ok;
		pin_sock_close(&calls[i].served);
	}
	OK(good == CALLS, "sockets accepted on one loop are served on another");
}

int
main(void)
{
	host = pin_host_real();
	test_handover();
	test_million();
	test_wakeups();
	test_close();
	test_work();
	return (tap_done());
}
