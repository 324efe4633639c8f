/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flow.c -- one connection: a client, an endpoint, and bytes both ways. What
 * one side sends goes to the other in the same call, through a buffer that
 * all flows of a worker share; only what the other side did not take is kept,
 * and until it has gone nothing more is read. So an idle flow has no buffer,
 * and a slow one at most one chunk a direction.
 * A worker's loop. Contract: userspace.h. */
#include <stdlib.h>
#include <string.h>

#include "userspace.h"

#define FLOW_MAGIC	0x666c6f77u

struct side {
	struct us_flow	*flow;
	struct pin_sock	*sock;
	uint8_t		*kept;		/* for this side, not yet taken */
	size_t		 kept_off, kept_len, kept_cap;
	uint32_t	 ended;		/* it sends no more */
	uint32_t	 told;		/* that the other one sends no more */
};

struct us_flow {
	uint32_t	 magic;
	uint32_t	 connected;
	struct us_worker *w;
	struct us_flow	*next, **prev;
	struct us_svc	*svc;		/* a reference, until connected */
	struct us_pick	 pick;
	struct side	 client, server;
	struct pin_timer timer;
	uint64_t	 moved_ns;	/* when bytes last did */
	struct pin_msg	 msg;		/* on its way to its worker */
};

static void flow_dial(struct us_flow *);

static uint64_t
now_of(const struct us_flow *f)
{
	return (pin_host_now(f->w->us->host));
}

static void
svc_drop(struct us_flow *f)
{
	struct userspace *us = f->w->us;

	if (f->svc == NULL)
		return;
	(void)pthread_mutex_lock(&us->lock);
	us_svc_put(us, &f->svc);
	(void)pthread_mutex_unlock(&us->lock);
}

static void
kept_drop(struct us_flow *f, struct side *s)
{
	if (s->kept == NULL)
		return;
	atomic_fetch_sub(&f->w->us->buffered, s->kept_cap);
	free(s->kept);
	s->kept = NULL;
	s->kept_off = s->kept_len = s->kept_cap = 0;
}

static void
flow_close(struct us_flow *f)
{
	PIN_VALID(f, FLOW_MAGIC);
	pin_timer_stop(&f->timer);
	svc_drop(f);
	if (f->client.sock != NULL)
		pin_sock_close(&f->client.sock);
	if (f->server.sock != NULL)
		pin_sock_close(&f->server.sock);
	kept_drop(f, &f->client);
	kept_drop(f, &f->server);
	if (f->next != NULL)
		f->next->prev = f->prev;
	*f->prev = f->next;
	atomic_fetch_sub(&f->w->us->flows, 1);
	f->magic = 0;
	free(f);
}

/* ---- bytes ----------------------------------------------------------- */

/* Reads from a side while the other takes all of it. */
static void
wants(struct us_flow *f)
{
	struct side *c = &f->client, *s = &f->server;
	uint32_t wc = 0, ws = 0;

	if (!c->ended && s->kept == NULL)
		wc |= PIN_SOCK_READ;
	if (!s->ended && c->kept == NULL)
		ws |= PIN_SOCK_READ;
	if (c->kept != NULL)
		wc |= PIN_SOCK_WRITE;
	if (s->kept != NULL)
		ws |= PIN_SOCK_WRITE;
	pin_sock_want(c->sock, wc);
	pin_sock_want(s->sock, ws);
}

/* 0: the flow cannot go on. */
static int
keep(struct us_flow *f, struct side *to, const uint8_t *p, size_t len)
{
	to->kept = malloc(len);
	if (to->kept == NULL)
		return (0);
	memcpy(to->kept, p, len);
	to->kept_off = 0;
	to->kept_len = to->kept_cap = len;
	atomic_fetch_add(&f->w->us->buffered, len);
	return (1);
}

/* The other side has said all, and this one has got all: tell it. */
static void
pass_end(struct side *from, struct side *to)
{
	if (from->ended && to->kept == NULL && !to->told) {
		to->told = 1;
		pin_sock_shutdown(to->sock);
	}
}

/* 0: the flow cannot go on. */
static int
flush(struct us_flow *f, struct side *to)
{
	int64_t n;

	while (to->kept_len > 0) {
		n = pin_sock_send(to->sock, to->kept + to->kept_off,
		    to->kept_len);
		if (n == PIN_EAGAIN)
			return (1);
		if (n < 0)
			return (0);
		to->kept_off += (size_t)n;
		to->kept_len -= (size_t)n;
	}
	kept_drop(f, to);
	return (1);
}

/* 0: the flow cannot go on. */
static int
pump(struct us_flow *f, struct side *from, struct side *to)
{
	struct us_worker *w = f->w;
	size_t room = atomic_load_explicit(&w->us->buffered,
	    memory_order_relaxed) > w->us->buffer_max ? US_CHUNK_POOR :
	    US_CHUNK;
	int64_t n, sent;
	int i;

	for (i = 0; i < US_READS_TURN && !from->ended && to->kept == NULL;
	    i++) {
		n = pin_sock_recv(from->sock, w->chunk, room);
		if (n == PIN_EAGAIN)
			return (1);
		if (n < 0)
			return (0);
		if (n == 0) {
			from->ended = 1;
			return (1);
		}
		sent = pin_sock_send(to->sock, w->chunk, (size_t)n);
		if (sent < 0 && sent != PIN_EAGAIN)
			return (0);
		if (sent < 0)
			sent = 0;
		if (sent < n && !keep(f, to, w->chunk + sent,
		    (size_t)(n - sent)))
			return (0);
		if ((size_t)n < room)
			return (1);	/* that was all */
	}
	return (1);
}

static void
side_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	struct side *me = arg;
	struct us_flow *f = me->flow;
	struct side *other = me == &f->client ? &f->server : &f->client;
	uint32_t before = me->ended, full = me->kept != NULL ||
	    other->kept != NULL;

	(void)sock;
	PIN_VALID(f, FLOW_MAGIC);
	f->moved_ns = now_of(f);
	if (((events & PIN_SOCK_WRITE) != 0 && !flush(f, me)) ||
	    ((events & PIN_SOCK_READ) != 0 && !pump(f, me, other))) {
		flow_close(f);
		return;
	}
	pass_end(&f->client, &f->server);
	pass_end(&f->server, &f->client);
	if (f->client.told && f->server.told) {
		flow_close(f);
		return;
	}
	if (me->ended && !before && f->w->us->half_ns < f->w->us->idle_ns)
		pin_timer_start(&f->timer, f->w->us->half_ns / 1000000);
	if (full || me->ended != before || other->kept != NULL)
		wants(f);
}

/* ---- deadlines ------------------------------------------------------- */

static void
flow_tick(struct pin_timer *t)
{
	struct us_flow *f = (struct us_flow *)(void *)((char *)t -
	    offsetof(struct us_flow, timer));
	struct userspace *us = f->w->us;
	uint64_t now = now_of(f), limit;

	PIN_VALID(f, FLOW_MAGIC);
	if (!f->connected) {
		flow_dial(f);		/* another one */
		return;
	}
	limit = f->client.ended || f->server.ended ? us->half_ns :
	    us->idle_ns;
	if (now - f->moved_ns >= limit)
		flow_close(f);
	else
		pin_timer_start(t, (limit - (now - f->moved_ns)) / 1000000 +
		    1);
}

/* ---- connecting ------------------------------------------------------ */

static void
connected(struct us_flow *f)
{
	struct pin_err err = PIN_ERR_INIT;

	f->connected = 1;
	f->moved_ns = now_of(f);
	svc_drop(f);
	if (pin_sock_attach(f->client.sock, f->w->loop, side_ready,
	    &f->client, &err) != PIN_OK) {
		pin_env_log(f->w->us->env, PIN_LOG_WARN, "%s", err.text);
		flow_close(f);
		return;
	}
	pin_timer_start(&f->timer, f->w->us->idle_ns / 1000000);
	wants(f);
}

static void
server_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	struct side *me = arg;
	struct us_flow *f = me->flow;
	int64_t n;

	PIN_VALID(f, FLOW_MAGIC);
	if (f->connected) {
		side_ready(arg, sock, events);
		return;
	}
	/* Nothing to send yet, and yet it tells whether it is connected. */
	n = pin_sock_send(sock, "", 0);
	if (n == 0)
		connected(f);
	else if (n != PIN_EAGAIN)
		flow_dial(f);
}

/* The next endpoint, or the end. */
static void
flow_dial(struct us_flow *f)
{
	struct userspace *us = f->w->us;
	struct pin_endpoint e;
	struct pin_addr to;
	struct pin_err err = PIN_ERR_INIT;
	int found;

	if (f->server.sock != NULL)
		pin_sock_close(&f->server.sock);
	for (;;) {
		(void)pthread_mutex_lock(&us->lock);
		found = us_svc_pick(f->svc, &f->pick, now_of(f), &e);
		(void)pthread_mutex_unlock(&us->lock);
		if (!found)
			break;
		memset(&to, 0, sizeof(to));
		to.family = e.ip.family;
		to.port = e.port;
		memcpy(to.ip, e.ip.ip, sizeof(to.ip));
		if (pin_sock_connect(f->w->loop, &to, server_ready,
		    &f->server, &f->server.sock, &err) == PIN_OK) {
			pin_timer_start(&f->timer, us->connect_ns / 1000000);
			return;
		}
		pin_env_log(us->env, PIN_LOG_DEBUG, "%s/%s:%u: %s",
		    f->svc->namespace, f->svc->name,
		    (unsigned int)f->svc->port, err.text);
	}
	flow_close(f);
}

static void
flow_begin(struct pin_msg *msg)
{
	struct us_flow *f = (struct us_flow *)(void *)((char *)msg -
	    offsetof(struct us_flow, msg));

	PIN_VALID(f, FLOW_MAGIC);
	PIN_ASSERT_LOOP(f->w->loop);
	f->next = f->w->flows;
	if (f->next != NULL)
		f->next->prev = &f->next;
	f->prev = &f->w->flows;
	f->w->flows = f;
	pin_timer_init(&f->timer, f->w->loop, flow_tick);
	flow_dial(f);
}

static void
complain(struct userspace *us)
{
	uint64_t now = pin_host_now(us->host);

	us->refused++;
	if (us->complained_ns != 0 && now - us->complained_ns <
	    US_COMPLAIN_NS)
		return;
	pin_env_log(us->env, PIN_LOG_WARN, "connections-max (%u) reached: "
	    "%u refused so far", us->flows_max, us->refused);
	us->complained_ns = now;
}

void
us_flow_accept(void *arg, PIN_OWN struct pin_sock *sock)
{
	struct us_listener *l = arg;
	struct userspace *us = l->us;
	struct us_flow *f;
	struct pin_addr peer = { 0 };

	if (atomic_fetch_add(&us->flows, 1) >= us->flows_max) {
		atomic_fetch_sub(&us->flows, 1);
		pin_sock_close(&sock);
		complain(us);
		return;
	}
	pin_sock_peer(sock, &peer);
	f = pin_xcalloc(1, sizeof(*f));
	f->magic = FLOW_MAGIC;
	f->w = &us->worker[us->next_worker++ % us->nworkers];
	f->client.flow = f->server.flow = f;
	f->client.sock = sock;
	f->pick.external = (int)l->external;
	f->pick.client.family = peer.family;
	memcpy(f->pick.client.ip, peer.ip, sizeof(peer.ip));
	(void)pthread_mutex_lock(&us->lock);
	f->svc = l->svc;
	f->svc->refs++;
	(void)pthread_mutex_unlock(&us->lock);
	if (f->w == &us->worker[0]) {
		flow_begin(&f->msg);
		return;
	}
	f->msg.fn = flow_begin;
	pin_loop_post(f->w->loop, &f->msg);
}

void
us_flow_stop_all(struct pin_msg *msg)
{
	struct us_worker *w = (struct us_worker *)(void *)((char *)msg -
	    offsetof(struct us_worker, stop));

	while (w->flows != NULL)
		flow_close(w->flows);
}
