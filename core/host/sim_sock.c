/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim_sock.c -- the simulated network: connections that delay, split, hold
 * back and reset by seed, between machines and within one.
 * Threads: one.
 * Contract: pintle/host.h and core/host/sim.h. */
#include "core/host/sim_int.h"

#include <stdlib.h>
#include <string.h>

/* Each end keeps what is on its way to it, in order, with the time of its
 * arrival (PIN__NEVER while the link is down). An end that was closed leaves
 * peer NULL at the other; a listener keeps what nobody has accepted yet. */
#define WINDOW		65536		/* bytes on the way to one end */
#define LOCAL_NS_MIN	5000
#define LOCAL_NS_MAX	60000
#define NET_NS_MIN	50000
#define NET_NS_MAX	800000

static struct pin__sim_sock *
sim_sock(struct pin_sock *s)
{
	return ((struct pin__sim_sock *)(void *)s);
}

static int
is_off(const struct pin__sim_sock *k)
{
	return (k->boot != k->host->boot);
}

void
pin_sim_addr(uint32_t machine, uint16_t port, struct pin_addr *a)
{
	PIN_ASSERT(machine < PIN_SIM_MACHINES_MAX);
	memset(a, 0, sizeof(*a));
	a->family = 4;
	a->port = port;
	a->ip[0] = 10;
	a->ip[3] = (uint8_t)(machine + 1);
}

/* ---- life ----------------------------------------------------------- */

static struct pin__sim_sock *
sock_new(struct pin__sim_host *m)
{
	struct pin_sim *s = m->sim;
	struct pin__sim_sock *k = pin_xcalloc(1, sizeof(*k));

	k->base.magic = PIN__SOCK_MAGIC;
	k->base.host = &m->base;
	k->host = m;
	k->boot = m->boot;
	k->id = s->next_sock++;
	k->rx_last = &k->rx;
	k->next = s->socks;
	k->pprev = &s->socks;
	if (k->next != NULL)
		k->next->pprev = &k->next;
	s->socks = k;
	return (k);
}

static void
link_loop(struct pin__sim_sock *k, struct pin_loop *base)
{
	struct pin__sim_loop *l = (struct pin__sim_loop *)(void *)base;

	k->base.loop = base;
	k->loop_next = l->socks;
	k->loop_pprev = &l->socks;
	if (k->loop_next != NULL)
		k->loop_next->loop_pprev = &k->loop_next;
	l->socks = k;
}

void
pin__sim_sock_unlink_loop(struct pin__sim_sock *k)
{
	if (k->base.loop == NULL)
		return;
	*k->loop_pprev = k->loop_next;
	if (k->loop_next != NULL)
		k->loop_next->loop_pprev = k->loop_pprev;
	k->base.loop = NULL;
	k->base.want = 0;
}

static void
drop_rx(struct pin__sim_sock *k)
{
	struct pin__chunk *c;

	while ((c = k->rx) != NULL) {
		k->rx = c->next;
		free(c);
	}
	k->rx_last = &k->rx;
	k->rx_bytes = 0;
}

static void
reset(struct pin__sim_sock *k)
{
	k->reset = 1;
	k->connect_at = 0;
	drop_rx(k);
	if (k->peer != NULL)
		k->peer->peer = NULL;
	k->peer = NULL;
}

/* When something sent now from one machine to another arrives. */
static uint64_t
arrival(struct pin_sim *s, uint32_t from, uint32_t to)
{
	if (s->down[from][to])
		return (PIN__NEVER);
	return (pin__sim_time(s) + (from == to ?
	    pin__rng_range(&s->order, LOCAL_NS_MIN, LOCAL_NS_MAX) :
	    pin__rng_range(&s->order, NET_NS_MIN, NET_NS_MAX)));
}

/* In order behind what is on its way already. */
static uint64_t
arrive_after(struct pin__sim_sock *to, uint32_t from)
{
	uint64_t at = arrival(to->host->sim, from, to->host->id);

	if (at < to->last_arrival)
		at = to->last_arrival;
	to->last_arrival = at;
	return (at);
}

static void
send_eof(struct pin__sim_sock *k)
{
	if (k->peer != NULL && !k->sent_eof)
		k->peer->eof_at = arrive_after(k->peer, k->host->id);
	k->sent_eof = 1;
}

void
pin__sim_sock_free(struct pin__sim_sock *k)
{
	struct pin__sim_sock *b;

	pin__sim_sock_unlink_loop(k);
	if (k->peer != NULL) {
		k->peer->peer = NULL;
		k->peer = NULL;
	}
	for (b = k->backlog; b != NULL; b = b->backlog_next)
		if (b->peer != NULL)
			reset(b->peer);
	drop_rx(k);
	*k->pprev = k->next;
	if (k->next != NULL)
		k->next->pprev = k->pprev;
	k->base.magic = 0;
	free(k);
}

void
pin__sim_sock_close(struct pin_sock *base)
{
	struct pin__sim_sock *k = sim_sock(base), *b;

	if (!is_off(k)) {
		pin__sim_trace(k->host->sim, 'c', k->id, k->rx_bytes);
		if (k->rx_bytes > 0 && k->peer != NULL)
			reset(k->peer);		/* unread bytes, as TCP */
		else
			send_eof(k);
	}
	while ((b = k->backlog) != NULL) {
		k->backlog = b->backlog_next;
		if (b->peer != NULL)
			reset(b->peer);
		pin__sim_sock_free(b);
	}
	pin__sim_sock_free(k);
}

/* The machine is gone, its own ends are dead. A killed process is noticed at
 * once; a machine without power only when something is sent to it. */
void
pin__sim_sock_crash(struct pin__sim_sock *k, int power)
{
	struct pin__sim_sock *peer = k->peer;

	k->backlog = NULL;	/* those crash by themselves */
	if (peer != NULL && !power)
		reset(peer);
	reset(k);
}

/* ---- readiness ------------------------------------------------------ */

static int
readable_at(const struct pin__sim_sock *k, uint64_t *at)
{
	*at = PIN__NEVER;
	if (k->base.accept != NULL) {
		if (k->backlog != NULL)
			*at = 0;
	} else if (k->reset)
		*at = 0;
	else if (k->rx != NULL)
		*at = k->rx->arrive_at;
	else if (k->eof_at != 0)
		*at = k->eof_at;
	return (*at != PIN__NEVER);
}

/* An end whose peer has gone takes bytes until it hears of it. */
static int
writable(const struct pin__sim_sock *k)
{
	if (k->base.accept != NULL)
		return (0);
	if (k->reset)
		return (1);
	return (k->connected && (k->peer == NULL ||
	    k->peer->rx_bytes < WINDOW));
}

uint32_t
pin__sim_sock_events(struct pin__sim_sock *k)
{
	uint64_t at, now = k->host->sim->now;
	uint32_t ev = 0;

	if ((k->base.want & PIN_SOCK_READ) != 0 && readable_at(k, &at) &&
	    at <= now)
		ev |= PIN_SOCK_READ;
	if ((k->base.want & PIN_SOCK_WRITE) != 0 && writable(k))
		ev |= PIN_SOCK_WRITE;
	return (ev);
}

uint64_t
pin__sim_sock_next(struct pin__sim_sock *k)
{
	uint64_t at = PIN__NEVER;

	if ((k->base.want & PIN_SOCK_WRITE) != 0 && writable(k))
		return (0);
	if ((k->base.want & PIN_SOCK_READ) != 0)
		(void)readable_at(k, &at);
	return (at);
}

void
pin__sim_sock_deliver(struct pin__sim_sock *k, uint32_t events)
{
	struct pin__sim_sock *c;

	if (k->base.accept == NULL) {
		k->base.ready(k->base.arg, &k->base, events);
		return;
	}
	c = k->backlog;
	k->backlog = c->backlog_next;
	c->backlog_next = NULL;
	k->base.accept(k->base.arg, &c->base);
}

/* ---- listening and connecting --------------------------------------- */

static int
is_loopback(const struct pin_addr *a)
{
	static const uint8_t six[16] = { [15] = 1 };

	return (a->family == 1 || (a->family == 4 && a->ip[0] == 127) ||
	    (a->family == 6 && memcmp(a->ip, six, 16) == 0));
}

static int
is_any(const struct pin_addr *a)
{
	static const uint8_t zero[16];

	return (a->family != 1 && memcmp(a->ip, zero, 16) == 0);
}

/* The machine an address is of; PIN_SIM_MACHINES_MAX: of none. */
static uint32_t
machine_of(const struct pin_addr *a, uint32_t here)
{
	if (is_loopback(a) || is_any(a))
		return (here);
	if (a->family == 4 && a->ip[0] == 10 && a->ip[1] == 0 &&
	    a->ip[2] == 0 && a->ip[3] >= 1 && a->ip[3] <=
	    PIN_SIM_MACHINES_MAX)
		return (a->ip[3] - 1u);
	return (PIN_SIM_MACHINES_MAX);
}

static int
same_place(const struct pin_addr *listening, const struct pin_addr *a)
{
	if (listening->family == 1 || a->family == 1)
		return (listening->family == a->family &&
		    strcmp(listening->path, a->path) == 0);
	return (listening->port == a->port && (is_any(listening) ||
	    (listening->family == a->family &&
	    memcmp(listening->ip, a->ip, 16) == 0)));
}

static struct pin__sim_sock *
find_listener(struct pin_sim *s, uint32_t machine, const struct pin_addr *a)
{
	struct pin__sim_sock *k;

	for (k = s->socks; k != NULL; k = k->next)
		if (k->base.accept != NULL && k->host->id == machine &&
		    !is_off(k) && same_place(&k->local, a))
			return (k);
	return (NULL);
}

int
pin__sim_sock_listen(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_accept_fn *accept, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(l->host);
	struct pin__sim_sock *k;
	char text[160];

	pin_addr_print(a, text, sizeof(text));
	if (((struct pin__sim_loop *)(void *)l)->dead)
		return (pin_err_set(err, PIN_EIO, "%s: the machine is off",
		    text));
	if (machine_of(a, m->id) != m->id)
		return (pin_err_set(err, PIN_EIO, "%s: bind: not an address "
		    "of this machine", text));
	if ((a->family == 1 || a->port != 0) &&
	    find_listener(m->sim, m->id, a) != NULL)
		return (pin_err_set(err, PIN_ELOCKED, "%s: bind: in use",
		    text));
	k = sock_new(m);
	k->local = *a;
	if (a->family != 1 && a->port == 0)
		k->local.port = m->next_port++;
	k->base.accept = accept;
	k->base.arg = arg;
	link_loop(k, l);
	k->base.want = PIN_SOCK_READ;
	*out = &k->base;
	return (PIN_OK);
}

int
pin__sim_sock_connect(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_ready_fn *ready, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(l->host);
	uint32_t to = machine_of(a, m->id);
	struct pin__sim_sock *k;
	char text[160];

	pin_addr_print(a, text, sizeof(text));
	if (((struct pin__sim_loop *)(void *)l)->dead)
		return (pin_err_set(err, PIN_EIO, "%s: the machine is off",
		    text));
	if (to == PIN_SIM_MACHINES_MAX || (a->family == 1 &&
	    find_listener(m->sim, to, a) == NULL))
		return (pin_err_set(err, PIN_EUNAVAIL,
		    "%s: connect: nobody is there", text));
	k = sock_new(m);
	k->remote = *a;
	pin_sim_addr(m->id, m->next_port++, &k->local);
	if (is_loopback(a) && a->family == 4)
		memcpy(k->local.ip, a->ip, 4);
	if (a->family == 1)
		memset(&k->local, 0, sizeof(k->local));
	k->reply_from = to;
	k->connect_at = arrival(m->sim, m->id, to);
	if (m->sim->down[to][m->id])
		k->connect_at = PIN__NEVER;
	k->base.ready = ready;
	k->base.arg = arg;
	link_loop(k, l);
	k->base.want = PIN_SOCK_WRITE;
	*out = &k->base;
	return (PIN_OK);
}

/* The connection has reached its listener, or finds none. */
static void
establish(struct pin__sim_sock *k)
{
	struct pin_sim *s = k->host->sim;
	struct pin__sim_sock *l, *c, **p;

	k->connect_at = 0;
	l = find_listener(s, k->reply_from, &k->remote);
	pin__sim_trace(s, 'C', k->id, l != NULL);
	if (l == NULL) {
		k->reset = 1;
		return;
	}
	c = sock_new(l->host);
	c->local = k->remote;
	c->remote = k->local;
	c->remote.family = k->remote.family == 1 ? 1 : k->local.family;
	c->reply_from = k->host->id;
	c->peer = k;
	k->peer = c;
	c->connected = k->connected = 1;
	for (p = &l->backlog; *p != NULL;)
		p = &(*p)->backlog_next;
	*p = c;
}

void
pin__sim_net(struct pin_sim *s)
{
	struct pin__sim_sock *k;

	for (k = s->socks; k != NULL; k = k->next) {
		if (k->connect_at == 0 || k->connect_at > s->now)
			continue;
		if (s->down[k->host->id][k->reply_from] ||
		    s->down[k->reply_from][k->host->id])
			k->connect_at = PIN__NEVER;
		else
			establish(k);
	}
}

uint64_t
pin__sim_net_next(struct pin_sim *s)
{
	struct pin__sim_sock *k;
	uint64_t at = PIN__NEVER;

	for (k = s->socks; k != NULL; k = k->next)
		if (k->connect_at != 0 && k->connect_at < at)
			at = k->connect_at;
	return (at);
}

void
pin_sim_link(struct pin_sim *s, uint32_t from, uint32_t to, int up)
{
	struct pin__sim_sock *k;
	struct pin__chunk *c;

	PIN_ASSERT(from < PIN_SIM_MACHINES_MAX && to < PIN_SIM_MACHINES_MAX);
	pin__sim_trace(s, 'N', (uint64_t)from << 8 | to, (uint64_t)up);
	s->down[from][to] = !up;
	if (!up)
		return;
	for (k = s->socks; k != NULL; k = k->next) {
		if (k->connect_at == PIN__NEVER &&
		    !s->down[k->host->id][k->reply_from] &&
		    !s->down[k->reply_from][k->host->id])
			k->connect_at = arrival(s, k->host->id, k->reply_from);
		if (k->host->id != to || k->reply_from != from ||
		    k->last_arrival != PIN__NEVER)
			continue;
		k->last_arrival = 0;
		for (c = k->rx; c != NULL; c = c->next)
			if (c->arrive_at == PIN__NEVER)
				c->arrive_at = arrive_after(k, from);
		if (k->eof_at == PIN__NEVER)
			k->eof_at = arrive_after(k, from);
	}
}

/* ---- data ----------------------------------------------------------- */

int
pin__sim_sock_attach(struct pin_sock *base, struct pin_loop *l,
    pin_sock_ready_fn *ready, void *arg, struct pin_err *err)
{
	if (is_off(sim_sock(base)))
		return (pin_err_set(err, PIN_EIO,
		    "socket: the machine is off"));
	link_loop(sim_sock(base), l);
	base->ready = ready;
	base->arg = arg;
	base->want = 0;
	return (PIN_OK);
}

void
pin__sim_sock_want(struct pin_sock *base, uint32_t events)
{
	base->want = events;
}

int64_t
pin__sim_sock_recv(struct pin_sock *base, void *p, size_t len)
{
	struct pin__sim_sock *k = sim_sock(base);
	struct pin_sim *s = k->host->sim;
	uint64_t now = pin__sim_time(s);
	struct pin__chunk *c = k->rx;
	size_t n;

	if (k->reset)
		return (PIN_ECLOSED);
	if (c == NULL)
		return (k->eof_at != 0 && k->eof_at <= now ? 0 : PIN_EAGAIN);
	if (c->arrive_at > now)
		return (PIN_EAGAIN);
	n = c->len - c->off < len ? c->len - c->off : len;
	if (n > 1 && pin__rng_below(&s->order, 8) == 0)
		n = (size_t)pin__rng_range(&s->order, 1, n);
	memcpy(p, c->bytes + c->off, n);
	c->off += (uint32_t)n;
	k->rx_bytes -= n;
	if (c->off == c->len) {
		k->rx = c->next;
		if (k->rx == NULL)
			k->rx_last = &k->rx;
		free(c);
	}
	pin__sim_trace(s, 'i', k->id, n);
	return ((int64_t)n);
}

int64_t
pin__sim_sock_send(struct pin_sock *base, const void *p, size_t len)
{
	struct pin__sim_sock *k = sim_sock(base);
	struct pin_sim *s = k->host->sim;
	struct pin__chunk *c;
	uint64_t room;

	if (k->reset || k->sent_eof)
		return (PIN_ECLOSED);
	if (!k->connected)
		return (PIN_EAGAIN);
	if (k->peer == NULL) {
		/* The other end has gone: the first bytes vanish, and what
		 * comes back for them is a reset. */
		if (k->eof_at == 0 || k->eof_at <= pin__sim_time(s))
			k->reset = 1;
		return ((int64_t)len);
	}
	if (s->opts.sock_reset_ppm != 0 &&
	    pin__rng_below(&s->faults, 1000000) < s->opts.sock_reset_ppm) {
		pin__sim_trace(s, 'R', k->id, 0);
		reset(k->peer);
		reset(k);
		return (PIN_ECLOSED);
	}
	room = WINDOW - k->peer->rx_bytes;
	if (room == 0)
		return (PIN_EAGAIN);
	if (len == 0)
		return (0);
	if (len > room)
		len = (size_t)room;
	if (len > 1 && pin__rng_below(&s->order, 8) == 0)
		len = (size_t)pin__rng_range(&s->order, 1, len);
	c = pin_xmalloc(sizeof(*c) + len);
	c->next = NULL;
	c->len = (uint32_t)len;
	c->off = 0;
	c->arrive_at = arrive_after(k->peer, k->host->id);
	memcpy(c->bytes, p, len);
	*k->peer->rx_last = c;
	k->peer->rx_last = &c->next;
	k->peer->rx_bytes += len;
	pin__sim_trace(s, 'O', k->id, len);
	return ((int64_t)len);
}

void
pin__sim_sock_shutdown(struct pin_sock *base)
{
	send_eof(sim_sock(base));
}

void
pin__sim_sock_peer(struct pin_sock *base, struct pin_addr *a)
{
	*a = sim_sock(base)->remote;
}

void
pin__sim_sock_local(struct pin_sock *base, struct pin_addr *a)
{
	*a = sim_sock(base)->local;
}

int
pin__sim_sock_cred(struct pin_sock *base, uint32_t *uid, uint32_t *pid)
{
	struct pin__sim_sock *k = sim_sock(base);

	if (k->remote.family != 1 && k->local.family != 1)
		return (PIN_EINVAL);
	*uid = 0;
	*pid = k->host->id + 1;
	return (PIN_OK);
}
