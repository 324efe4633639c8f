/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim_loop.c -- loops of the simulated host: who runs next is drawn, and when
 * nobody can, the clock moves to the next thing that will happen.
 * Threads: one; a callback never runs inside another.
 * Contract: pintle/host.h and core/host/sim.h. */
#include "core/host/sim_int.h"

#include <stdlib.h>
#include <string.h>

/* A step is one message, one round of due timers, one socket event, one round
 * of hooks or one piece of blocking work. During it the world's clock stands
 * still; what it spends (blocking calls, a little for itself) is its `skew`:
 * it sees the clock go on, its loop is busy until then, and what it posts is
 * not seen earlier. So machines wait for their disks side by side. */
#define STEP_NS_MIN	500
#define STEP_NS_MAX	4000

static struct pin__sim_loop *
sim_loop(struct pin_loop *l)
{
	return ((struct pin__sim_loop *)(void *)l);
}

/* ---- one step ------------------------------------------------------- */

static struct pin_loop *
step_begin(struct pin_sim *s, struct pin_loop *l)
{
	struct pin_loop *outer = pin__loop_current;

	PIN_ASSERT(!s->in_callback);
	s->in_callback = 1;
	s->skew = 0;
	s->steps++;
	pin__loop_current = l;
	return (outer);
}

/* Returns when what ran is free again. */
static uint64_t
step_end(struct pin_sim *s, struct pin_loop *outer)
{
	uint64_t until;

	pin__sim_spend(s, STEP_NS_MIN, STEP_NS_MAX);
	until = pin__sim_time(s);
	s->in_callback = 0;
	s->skew = 0;
	pin__loop_current = outer;
	return (until);
}

enum { DO_MAIL = 1, DO_TIMERS = 2, DO_SOCK = 4, DO_HOOKS = 8 };

static int
loop_done(const struct pin__sim_loop *l)
{
	return (l->dead || atomic_load(&l->base.state) == PIN__LOOP_DONE);
}

/* A socket with something to tell; which one, if several, is drawn. */
static struct pin__sim_sock *
pick_sock(struct pin__sim_loop *l, uint32_t *events)
{
	struct pin__sim_sock *k, *found = NULL;
	uint64_t n = 0;
	uint32_t ev;

	for (k = l->socks; k != NULL; k = k->loop_next) {
		ev = pin__sim_sock_events(k);
		if (ev == 0)
			continue;
		if (pin__rng_below(&l->host->sim->order, ++n) == 0) {
			found = k;
			*events = ev;
		}
	}
	return (found);
}

static int
has_sock(const struct pin__sim_loop *l)
{
	struct pin__sim_sock *k;

	for (k = l->socks; k != NULL; k = k->loop_next)
		if (pin__sim_sock_events(k) != 0)
			return (1);
	return (0);
}

static uint32_t
loop_todo(const struct pin__sim_loop *l)
{
	uint64_t now = l->host->sim->now;
	uint32_t todo = 0;

	if (loop_done(l) || !l->started || l->busy_until > now)
		return (0);
	if (l->mail != NULL && l->mail->ready_at <= now)
		todo |= DO_MAIL;
	if (pin__wheel_next(&l->base.wheel) <= now)
		todo |= DO_TIMERS;
	if (has_sock(l))
		todo |= DO_SOCK;
	if (l->hooks_due && (todo & DO_MAIL) == 0)
		todo |= DO_HOOKS;
	return (todo);
}

static void
run_mail(struct pin__sim_loop *l)
{
	struct pin__mail *m = l->mail;
	struct pin_msg *msg = m->msg;

	l->mail = m->next;
	free(m);
	msg->next = NULL;
	msg->fn(msg);
}

static void
loop_step(struct pin__sim_loop *l, uint32_t todo)
{
	struct pin_sim *s = l->host->sim;
	struct pin__sim_sock *k;
	struct pin_loop *outer;
	uint32_t pick, events = 0;

	do
		pick = 1u << pin__rng_below(&s->order, 4);
	while ((todo & pick) == 0);
	k = pick == DO_SOCK ? pick_sock(l, &events) : NULL;
	pin__sim_trace(s, 'L', l->id, pick);
	outer = step_begin(s, &l->base);
	if (pick == DO_HOOKS) {
		l->hooks_due = 0;
		pin__loop_hooks(&l->base);
	} else {
		l->hooks_due = l->base.nhooks > 0;
		if (pick == DO_MAIL)
			run_mail(l);
		else if (pick == DO_TIMERS)
			(void)pin__wheel_run(&l->base.wheel, s->now);
		else
			pin__sim_sock_deliver(k, events);
	}
	l->busy_until = step_end(s, outer);
	if (l->stop && l->mail == NULL && l->works == 0 && !l->hooks_due &&
	    !loop_done(l))
		atomic_store(&l->base.state, PIN__LOOP_DONE);
}

/* ---- blocking work -------------------------------------------------- */

static void
work_done(struct pin_msg *m)
{
	struct pin_work *w = (struct pin_work *)(void *)((char *)m -
	    offsetof(struct pin_work, msg));

	sim_loop(w->loop)->works--;
	w->done(w);
}

void
pin__sim_work_start(struct pin_work *w)
{
	struct pin__sim_loop *l = sim_loop(w->loop);
	struct pin__sim_host *m = l->host;
	struct pin__job *j;

	if (l->dead)
		return;
	j = pin_xcalloc(1, sizeof(*j));
	j->work = w;
	j->ready_at = pin__sim_time(m->sim);
	*m->jobs_last = j;
	m->jobs_last = &j->next;
	l->works++;
}

/* A thread of the machine's pool that is free by now, or -1. */
static int
pool_free(const struct pin__sim_host *m, uint64_t now)
{
	int i;

	for (i = 0; i < PIN_WORK_THREADS_MAX; i++)
		if (m->pool_busy[i] <= now)
			return (i);
	return (-1);
}

static void
job_step(struct pin__sim_host *m, int thread)
{
	struct pin__job *j = m->jobs;
	struct pin_loop *outer;
	struct pin_work *w = j->work;
	uint32_t boot = m->boot;
	uint64_t until;

	m->jobs = j->next;
	if (m->jobs == NULL)
		m->jobs_last = &m->jobs;
	free(j);
	pin__sim_trace(m->sim, 'J', m->id, (uint64_t)thread);
	outer = step_begin(m->sim, NULL);
	w->fn(w);
	if (m->boot == boot) {
		w->msg.fn = work_done;
		pin__sim_loop_post(w->loop, &w->msg);
	}
	until = step_end(m->sim, outer);
	if (m->boot == boot)
		m->pool_busy[thread] = until;
}

/* ---- who is next ---------------------------------------------------- */

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return (a < b ? a : b);
}

/* When this loop could run next; PIN__NEVER: it waits for others. */
static uint64_t
loop_next(const struct pin__sim_loop *l)
{
	uint64_t at = PIN__NEVER;
	struct pin__sim_sock *k;

	if (loop_done(l) || !l->started)
		return (PIN__NEVER);
	if (l->mail != NULL)
		at = l->mail->ready_at;
	at = sooner(at, pin__wheel_next(&l->base.wheel));
	for (k = l->socks; k != NULL; k = k->loop_next)
		at = sooner(at, pin__sim_sock_next(k));
	if (l->hooks_due)
		at = 0;
	return (at == PIN__NEVER || at > l->busy_until ? at : l->busy_until);
}

static uint64_t
job_next(const struct pin__sim_host *m)
{
	uint64_t at = PIN__NEVER;
	int i;

	if (m->jobs == NULL)
		return (PIN__NEVER);
	for (i = 0; i < PIN_WORK_THREADS_MAX; i++)
		at = sooner(at, m->pool_busy[i]);
	return (at > m->jobs->ready_at ? at : m->jobs->ready_at);
}

static uint64_t
next_event(struct pin_sim *s)
{
	uint64_t at = pin__sim_net_next(s);
	struct pin__sim_loop *l;
	uint32_t i;

	for (l = s->loops; l != NULL; l = l->next)
		at = sooner(at, loop_next(l));
	for (i = 0; i < PIN_SIM_MACHINES_MAX; i++)
		if (s->hosts[i] != NULL)
			at = sooner(at, job_next(s->hosts[i]));
	return (at);
}

/* Runs one of those that can run now; 0: nobody can. */
static int
step(struct pin_sim *s)
{
	struct pin__sim_loop *l, *loop = NULL;
	struct pin__sim_host *m, *host = NULL;
	uint32_t i, todo, loop_do = 0;
	uint64_t n = 0;

	pin__sim_net(s);
	for (l = s->loops; l != NULL; l = l->next) {
		todo = loop_todo(l);
		if (todo == 0 || pin__rng_below(&s->order, ++n) != 0)
			continue;
		loop = l;
		loop_do = todo;
	}
	for (i = 0; i < PIN_SIM_MACHINES_MAX; i++) {
		m = s->hosts[i];
		if (m == NULL || job_next(m) > s->now ||
		    pin__rng_below(&s->order, ++n) != 0)
			continue;
		host = m;
	}
	if (host != NULL)
		job_step(host, pool_free(host, s->now));
	else if (loop != NULL)
		loop_step(loop, loop_do);
	return (n != 0);
}

/* A stopped loop with nothing to run ends without another step. */
static void
end_idle(struct pin_sim *s)
{
	struct pin__sim_loop *l;

	for (l = s->loops; l != NULL; l = l->next)
		if (l->started && l->stop && !loop_done(l) &&
		    l->mail == NULL && l->works == 0)
			atomic_store(&l->base.state, PIN__LOOP_DONE);
}

int
pin_sim_run(struct pin_sim *s, int (*until)(void *), void *arg,
    uint64_t max_ms)
{
	uint64_t end, at;

	PIN_VALID(s, PIN__SIM_MAGIC);
	PIN_ASSERT(!s->in_callback);
	if (max_ms > PIN_TIMER_DELAY_MS_MAX)
		max_ms = PIN_TIMER_DELAY_MS_MAX;
	end = s->now + max_ms * PIN__MS;
	for (;;) {
		if (until != NULL && until(arg))
			return (PIN_OK);
		if (step(s))
			continue;
		end_idle(s);
		if (until != NULL && until(arg))
			return (PIN_OK);
		at = next_event(s);
		if (at == PIN__NEVER)
			return (PIN_EAGAIN);
		PIN_ASSERT(at > s->now);
		if (at > end) {
			s->now = end;
			return (PIN_ETIMEOUT);
		}
		s->now = at;
	}
}

/* ---- the host's operations ------------------------------------------ */

int
pin__sim_loop_open(struct pin_host *h, struct pin_loop **out,
    struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	struct pin__sim_loop *l = pin_xcalloc(1, sizeof(*l));

	(void)err;
	l->host = m;
	l->boot = m->boot;
	l->id = m->sim->nloops++;
	*m->sim->loops_last = l;
	m->sim->loops_last = &l->next;
	*out = &l->base;
	return (PIN_OK);
}

int
pin__sim_loop_start(struct pin_loop *base, struct pin_err *err)
{
	struct pin__sim_loop *l = sim_loop(base);

	(void)err;
	if (l->dead)
		return (PIN_OK);
	l->started = 1;
	l->hooks_due = base->nhooks > 0;
	l->busy_until = pin__sim_time(l->host->sim);
	atomic_store(&base->state, PIN__LOOP_RUNNING);
	return (PIN_OK);
}

static int
until_done(void *arg)
{
	return (loop_done(arg));
}

/* Everything else runs with it. A loop that waits for ever is a bug here,
 * not a hang. */
void
pin__sim_loop_run(struct pin_loop *base)
{
	struct pin__sim_loop *l = sim_loop(base);
	int rc;

	(void)pin__sim_loop_start(base, NULL);
	rc = pin_sim_run(l->host->sim, until_done, l, PIN_TIMER_DELAY_MS_MAX);
	PIN_ASSERT(rc == PIN_OK);
}

void
pin__sim_loop_stop(struct pin_loop *base)
{
	sim_loop(base)->stop = 1;
}

void
pin__sim_loop_post(struct pin_loop *base, struct pin_msg *msg)
{
	struct pin__sim_loop *l = sim_loop(base);
	struct pin__mail **p, *m;

	if (l->dead)
		return;
	m = pin_xcalloc(1, sizeof(*m));
	m->msg = msg;
	m->ready_at = pin__sim_time(l->host->sim);
	for (p = &l->mail; *p != NULL && (*p)->ready_at <= m->ready_at;)
		p = &(*p)->next;
	m->next = *p;
	*p = m;
}

/* As the real one: what is queued runs, alone, at once. */
static void
drain(struct pin__sim_loop *l)
{
	struct pin__sim_host *m = l->host;
	struct pin_sim *s = m->sim;
	struct pin_loop *outer;
	uint32_t i = 0, max = PIN_LOOP_STOP_TURNS * PIN_LOOP_MSGS_TURN;
	int thread;

	for (; !l->dead && (l->mail != NULL || l->works > 0); i++) {
		PIN_ASSERT(i < max);
		if (l->mail == NULL) {
			if (job_next(m) > s->now)
				s->now = job_next(m);
			thread = pool_free(m, s->now);
			job_step(m, thread);
			continue;
		}
		outer = step_begin(s, &l->base);
		run_mail(l);
		pin__loop_hooks(&l->base);
		(void)step_end(s, outer);
	}
}

void
pin__sim_loop_close(struct pin_loop *base)
{
	struct pin__sim_loop *l = sim_loop(base), **p;
	struct pin_sim *s = l->host->sim;
	int nested = s->in_callback;
	uint64_t skew = s->skew;

	if (!l->dead) {
		s->in_callback = 0;
		drain(l);
		s->in_callback = nested;
		s->skew = skew;
	}
	for (p = &s->loops; *p != l;)
		p = &(*p)->next;
	*p = l->next;
	if (s->loops_last == &l->next)
		s->loops_last = p;
	pin__sim_loop_free(l);
}

void
pin__sim_loop_free(struct pin__sim_loop *l)
{
	struct pin__mail *m;

	while ((m = l->mail) != NULL) {
		l->mail = m->next;
		free(m);
	}
	while (l->socks != NULL)
		pin__sim_sock_unlink_loop(l->socks);
	l->base.magic = 0;
	free(l);
}

void
pin__sim_loop_crash(struct pin__sim_loop *l)
{
	struct pin__mail *m;

	l->dead = 1;
	atomic_store(&l->base.state, PIN__LOOP_DONE);
	while ((m = l->mail) != NULL) {
		l->mail = m->next;
		free(m);
	}
}
