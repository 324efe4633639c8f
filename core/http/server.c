/* SPDX-License-Identifier: BSD-2-Clause
 *
 * server.c -- listening, handing sockets out, deadlines, stopping, counters.
 * Threads: open, listen and close from the main thread; everything else on
 * the fronts' loops.
 * Contract: server.h. */
#include "server_int.h"

#include <sys/resource.h>

#include <stdlib.h>
#include <string.h>

#define SERVER_MAGIC	0x48737276u
#define NS_MS		1000000u

struct listener {
	struct listener	*next;
	struct http_server *srv;
	struct pin_sock	*sock;
	struct tls_server *tls;
};

/* Work the main thread asks a front for, and waits until it is done. */
struct ask {
	struct pin_msg	 msg;
	struct http_server *srv;
	const struct pin_addr *addr;
	struct pin_addr	*bound;
	struct tls_server *tls;
	struct pin_err	*err;
	int		 rc;
	int		 done;
};

static const uint64_t front_id_step = (uint64_t)1 << 44;

/* ---- deadlines ------------------------------------------------------ */

uint32_t
front_ms(const struct front *f, uint32_t dl)
{
	const struct http_limits *l = &f->srv->limits;

	switch (dl) {
	case DL_HANDSHAKE:
		return (l->handshake_ms);
	case DL_HEAD:
		return (l->head_ms);
	case DL_BODY:
		return (l->body_ms);
	case DL_IDLE:
		return (l->idle_ms);
	case DL_WRITE:
		return (l->write_ms);
	default:
		return (HTTP_LINGER_MS);
	}
}

void
front_disarm(struct conn *c)
{
	struct dl_queue *q;

	if (c->dl == DL_NONE)
		return;
	q = &c->front->dl[c->dl];
	if (c->dl_prev != NULL)
		c->dl_prev->dl_next = c->dl_next;
	else
		q->head = c->dl_next;
	if (c->dl_next != NULL)
		c->dl_next->dl_prev = c->dl_prev;
	else
		q->tail = c->dl_prev;
	c->dl_next = c->dl_prev = NULL;
	c->dl = DL_NONE;
}

/* The timer runs for the earliest of the queues' heads; when that one is gone
 * by then, it is set again from what is left. */
static void
timer_for(struct front *f, uint64_t due, uint64_t now)
{
	uint64_t ms = due > now ? (due - now + NS_MS - 1) / NS_MS : 0;

	if (ms < HTTP_TICK_MIN_MS)
		ms = HTTP_TICK_MIN_MS;
	if (f->timer.due_ns == 0 || now + ms * NS_MS < f->timer.due_ns)
		pin_timer_start(&f->timer, ms);
}

void
front_arm(struct conn *c, uint32_t dl)
{
	struct front *f = c->front;
	struct dl_queue *q = &f->dl[dl];
	uint64_t now = pin_host_now(f->srv->host);

	front_disarm(c);
	c->dl = dl;
	c->due_ns = now + (uint64_t)front_ms(f, dl) * NS_MS;
	c->dl_prev = q->tail;
	if (q->tail != NULL)
		q->tail->dl_next = c;
	else
		q->head = c;
	q->tail = c;
	if (q->head == c)
		timer_for(f, c->due_ns, now);
}

static void
on_timer(struct pin_timer *t)
{
	struct front *f = (struct front *)(void *)((char *)t -
	    offsetof(struct front, timer));
	uint64_t now = pin_host_now(f->srv->host);
	struct conn *c;
	uint32_t i;

	for (i = 0; i < DL_COUNT; i++)
		while ((c = f->dl[i].head) != NULL && c->due_ns <= now) {
			front_disarm(c);
			conn_expired(c);
		}
	for (i = 0; i < DL_COUNT; i++)
		if ((c = f->dl[i].head) != NULL)
			timer_for(f, c->due_ns, now);
}

/* ---- what a front keeps at hand ------------------------------------- */

char *
front_buf_get(struct front *f)
{
	if (f->nbufs > 0)
		return (f->bufs[--f->nbufs]);
	return (pin_xmalloc(HTTP_IN_FIRST));
}

void
front_buf_put(struct front *f, char *p)
{
	if (f->nbufs < HTTP_POOL_MAX)
		f->bufs[f->nbufs++] = p;
	else
		free(p);
}

static void
on_run(struct pin_msg *m)
{
	struct front *f = (struct front *)(void *)((char *)m -
	    offsetof(struct front, run_msg));
	struct conn *c, *list = f->run_head;

	f->run_head = f->run_tail = NULL;
	f->run_posted = 0;
	while ((c = list) != NULL) {
		list = c->run_next;
		c->run_next = NULL;
		c->flags &= ~(uint32_t)F_IN_RUN;
		conn_run(c);
	}
}

/* conn_run soon, from the loop itself and not from under a caller. */
void
front_run_later(struct conn *c)
{
	struct front *f = c->front;

	if (c->flags & F_IN_RUN)
		return;
	c->flags |= F_IN_RUN;
	c->run_next = NULL;
	if (f->run_tail != NULL)
		f->run_tail->run_next = c;
	else
		f->run_head = c;
	f->run_tail = c;
	if (!f->run_posted) {
		f->run_posted = 1;
		pin_loop_post(f->loop, &f->run_msg);
	}
}

/* ---- accepting ------------------------------------------------------ */

static void
count_refused(struct http_server *s)
{
	struct http_counters *n = &s->fronts[0]->count;

	__atomic_store_n(&n->refused, n->refused + 1, __ATOMIC_RELAXED);
}

static void
on_conn(struct pin_msg *m)
{
	conn_start((struct conn *)(void *)((char *)m -
	    offsetof(struct conn, msg)));
}

static uint32_t
source_of(struct pin_sock *sock)
{
	struct pin_addr a;
	uint32_t h = 2166136261u, i;

	memset(&a, 0, sizeof(a));
	pin_sock_peer(sock, &a);
	/* Of IPv6 the network: hosts have as many addresses as they like. */
	for (i = 0; i < (a.family == 6 ? 8u : 4u); i++)
		h = (h ^ a.ip[i]) * 16777619u;
	return ((h ^ h >> 16) % HTTP_SOURCES);
}

/* May one more begin its handshake? Counts it when so. */
static int
shaking_begin(struct http_server *s, struct conn *c)
{
	uint32_t max = s->limits.handshakes_max;

	c->source = source_of(c->sock);
	if (__atomic_load_n(&s->nshaking, __ATOMIC_RELAXED) >= max ||
	    __atomic_load_n(&s->shaking[c->source], __ATOMIC_RELAXED) >=
	    (max + 1) / 2)
		return (0);
	c->flags |= F_SHAKING;
	(void)__atomic_add_fetch(&s->nshaking, 1, __ATOMIC_RELAXED);
	(void)__atomic_add_fetch(&s->shaking[c->source], 1, __ATOMIC_RELAXED);
	return (1);
}

static void
on_accept(void *arg, struct pin_sock *sock)
{
	struct listener *l = arg;
	struct http_server *s = l->srv;
	struct front *f0 = s->fronts[0], *f;
	struct conn *c = NULL;

	if (__atomic_load_n(&s->nopen, __ATOMIC_RELAXED) <
	    s->limits.connections_max)
		c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->sock = sock;
	if (c == NULL || (l->tls != NULL && !shaking_begin(s, c))) {
		free(c);
		count_refused(s);
		pin_sock_close(&sock);
		return;
	}
	__atomic_store_n(&f0->count.accepted, f0->count.accepted + 1,
	    __ATOMIC_RELAXED);
	f = s->fronts[s->next_front++ % s->nfronts];
	c->magic = CONN_MAGIC;
	c->front = f;
	c->tls_of = l->tls;
	c->dl = DL_NONE;
	c->msg.fn = on_conn;
	(void)__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	(void)__atomic_add_fetch(&s->nopen, 1, __ATOMIC_RELAXED);
	if (f == f0)
		conn_start(c);
	else
		pin_loop_post(f->loop, &c->msg);
}

static void
ask_done(struct ask *a)
{
	struct http_server *s = a->srv;

	(void)pthread_mutex_lock(&s->lock);
	a->done = 1;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
on_listen(struct pin_msg *m)
{
	struct ask *a = (struct ask *)(void *)m;
	struct http_server *s = a->srv;
	struct listener *l = pin_xcalloc(1, sizeof(*l));

	l->srv = s;
	l->tls = a->tls;
	if (s->nlisteners == HTTP_LISTENERS_MAX)
		a->rc = pin_err_set(a->err, PIN_ELIMIT,
		    "more than %u listeners", HTTP_LISTENERS_MAX);
	else
		a->rc = pin_sock_listen(s->fronts[0]->loop, a->addr, on_accept,
		    l, &l->sock, a->err);
	if (a->rc == PIN_OK) {
		if (a->bound != NULL)
			pin_sock_local(l->sock, a->bound);
		l->next = s->listeners;
		s->listeners = l;
		s->nlisteners++;
	} else
		free(l);
	ask_done(a);
}

int
http_server_listen(struct http_server *s, const struct pin_addr *addr,
    struct tls_server *tls, struct pin_addr *bound, struct pin_err *err)
{
	struct ask a = { .msg = { NULL, on_listen }, .srv = s, .addr = addr,
	    .bound = bound, .tls = tls, .err = err };

	PIN_VALID(s, SERVER_MAGIC);
	if (tls == NULL && addr->family != 1)
		return (pin_err_set(err, PIN_EINVAL,
		    "plain HTTP is for UNIX sockets only"));
	PIN_ASSERT(!pin_loop_here(s->fronts[0]->loop));
	pin_loop_post(s->fronts[0]->loop, &a.msg);
	(void)pthread_mutex_lock(&s->lock);
	while (!a.done)
		(void)pthread_cond_wait(&s->wake, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	return (a.rc);
}

/* ---- open ----------------------------------------------------------- */

/* Whoever connects must not take the descriptor the log's next file needs. */
static uint32_t
connections_fit(uint32_t max)
{
	struct rlimit r;
	uint64_t n;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
		return (max);
	n = r.rlim_cur;
	n -= n / 2 < HTTP_FILES_KEPT ? n / 2 : HTTP_FILES_KEPT;
	return (n < max ? (uint32_t)n : max);
}

static void
limits_fill(struct http_limits *l)
{
#define DEFAULT(field, value)	if (l->field == 0) l->field = (value)
	DEFAULT(head_bytes_max, HTTP_HEAD_BYTES_MAX);
	DEFAULT(headers_max, HTTP_HEADERS_MAX);
	DEFAULT(connections_max, HTTP_CONNECTIONS_MAX);
	DEFAULT(handshakes_max, HTTP_HANDSHAKES_MAX);
	DEFAULT(handshake_ms, HTTP_HANDSHAKE_MS);
	DEFAULT(head_ms, HTTP_HEAD_MS);
	DEFAULT(body_ms, HTTP_BODY_MS);
	DEFAULT(idle_ms, HTTP_IDLE_MS);
	DEFAULT(write_ms, HTTP_WRITE_MS);
	DEFAULT(body_bytes_total, HTTP_BODY_BYTES_TOTAL);
#undef DEFAULT
	l->connections_max = connections_fit(l->connections_max);
	if (l->headers_max > PIN_LEN(((struct front *)NULL)->headers))
		l->headers_max = PIN_LEN(((struct front *)NULL)->headers);
}

static void on_stop(struct pin_msg *);

static struct front *
front_new(struct http_server *s, struct pin_loop *loop, uint32_t i)
{
	static uint64_t ids;
	struct front *f = pin_xcalloc(1, sizeof(*f));

	f->loop = loop;
	f->srv = s;
	f->index = i;
	f->next_id = front_id_step * __atomic_add_fetch(&ids, 1,
	    __ATOMIC_RELAXED);
	f->run_msg.fn = on_run;
	f->stop_msg.fn = on_stop;
	pin_timer_init(&f->timer, loop, on_timer);
	return (f);
}

int
http_server_open(const struct http_server_opts *o, struct http_server **out,
    struct pin_err *err)
{
	pthread_condattr_t attr;
	struct http_server *s;
	uint32_t i;

	*out = NULL;
	if (o->nfronts == 0 || o->nfronts > HTTP_FRONTS_MAX)
		return (pin_err_set(err, PIN_EINVAL, "%u fronts, not 1 to %u",
		    o->nfronts, HTTP_FRONTS_MAX));
	PIN_ASSERT(o->handler != NULL && o->handler->begin != NULL);
	s = pin_xcalloc(1, sizeof(*s));
	s->magic = SERVER_MAGIC;
	s->refs = 1;
	s->host = o->host;
	s->handler = *o->handler;
	s->limits = o->limits;
	s->nfronts = o->nfronts;
	limits_fill(&s->limits);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	s->fronts = pin_xcalloc(s->nfronts, sizeof(s->fronts[0]));
	for (i = 0; i < s->nfronts; i++)
		s->fronts[i] = front_new(s, o->fronts[i], i);
	*out = s;
	return (PIN_OK);
}

/* ---- close ---------------------------------------------------------- */

static void
front_free(struct front *f)
{
	while (f->nbufs > 0)
		free(f->bufs[--f->nbufs]);
	while (f->narenas > 0)
		pin_arena_free(&f->arenas[--f->narenas]);
	free(f);
}

/* The last one out: the owner, or an exchange that outlived it. */
void
server_put(struct http_server *s)
{
	uint32_t i;

	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (i = 0; i < s->nfronts; i++)
		front_free(s->fronts[i]);
	free(s->fronts);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	s->magic = 0;
	free(s);
}

void
conn_unlink(struct conn *c)
{
	struct front *f = c->front;
	struct http_server *s = f->srv;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		f->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->magic = 0;
	free(c);
	f->nconns--;
	(void)__atomic_sub_fetch(&s->nopen, 1, __ATOMIC_RELAXED);
	if (f->stopping && f->nconns == 0) {
		(void)pthread_mutex_lock(&s->lock);
		(void)pthread_cond_broadcast(&s->wake);
		(void)pthread_mutex_unlock(&s->lock);
	}
	server_put(s);
}

static void
listeners_close(struct http_server *s)
{
	struct listener *l;

	while ((l = s->listeners) != NULL) {
		s->listeners = l->next;
		pin_sock_close(&l->sock);
		free(l);
	}
	s->nlisteners = 0;
}

/* First time: no more requests; second: no more anything; third: what the
 * second left on the run list has run, so the memory may go. */
static void
on_stop(struct pin_msg *m)
{
	struct front *f = (struct front *)(void *)((char *)m -
	    offsetof(struct front, stop_msg));
	struct http_server *s = f->srv;
	struct conn *c, *next;

	f->stopping++;
	if (f->index == 0)
		listeners_close(s);
	for (c = f->conns; c != NULL; c = next) {
		next = c->next;
		if (f->stopping < 3)
			conn_stop(c, f->stopping > 1);
	}
	if (f->stopping > 1)
		pin_timer_stop(&f->timer);
	(void)pthread_mutex_lock(&s->lock);
	s->waiting--;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
stop_all(struct http_server *s)
{
	uint32_t i;

	(void)pthread_mutex_lock(&s->lock);
	s->waiting = s->nfronts;
	(void)pthread_mutex_unlock(&s->lock);
	/* Front 0 first and alone: afterwards nothing is handed out. */
	for (i = 0; i < s->nfronts; i++) {
		pin_loop_post(s->fronts[i]->loop, &s->fronts[i]->stop_msg);
		(void)pthread_mutex_lock(&s->lock);
		while (s->waiting > s->nfronts - 1 - i)
			(void)pthread_cond_wait(&s->wake, &s->lock);
		(void)pthread_mutex_unlock(&s->lock);
	}
}

void
http_server_close(struct http_server **sp, uint64_t grace_ms)
{
	struct http_server *s = *sp;
	struct timespec until;

	*sp = NULL;
	if (s == NULL)
		return;
	PIN_VALID(s, SERVER_MAGIC);
	stop_all(s);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(grace_ms / 1000);
	until.tv_nsec += (long)(grace_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&s->lock);
	while (__atomic_load_n(&s->nopen, __ATOMIC_ACQUIRE) > 0)
		if (pthread_cond_timedwait(&s->wake, &s->lock, &until) != 0)
			break;
	(void)pthread_mutex_unlock(&s->lock);
	stop_all(s);
	stop_all(s);
	server_put(s);
}

/* ---- counters ------------------------------------------------------- */

void
http_server_counters(const struct http_server *s, struct http_counters *out)
{
	const struct http_counters *n;
	uint32_t i;

	PIN_VALID(s, SERVER_MAGIC);
	memset(out, 0, sizeof(*out));
	for (i = 0; i < s->nfronts; i++) {
		n = &s->fronts[i]->count;
#define ADD(field) out->field += __atomic_load_n(&n->field, __ATOMIC_RELAXED)
		ADD(accepted);
		ADD(handshakes);
		ADD(handshake_failures);
		ADD(requests);
		ADD(bytes_in);
		ADD(bytes_out);
		ADD(refused);
#undef ADD
	}
	out->open = __atomic_load_n(&s->nopen, __ATOMIC_RELAXED);
}
