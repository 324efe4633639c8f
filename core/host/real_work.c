/* SPDX-License-Identifier: BSD-2-Clause
 *
 * real_work.c -- the pool for what blocks: few threads, made when needed and
 * gone when idle, so that a quiet node pays for none.
 * Threads: start on the work's loop; fn on a pool thread; done on the loop.
 * Contract: pintle/host.h. */
#include "core/host/real_int.h"

#include <time.h>

#include "core/os.h"

/* Work in flight is linked by its message: into this queue first, into the
 * loop's when fn has returned. Owners bound the number. */
static struct {
	pthread_mutex_t	 lock;
	pthread_cond_t	 more;
	int		 ready;		/* `more` is initialised */
	struct pin_msg	*first;
	struct pin_msg	**last;
	uint32_t	 threads;
	uint32_t	 idle;
	uint32_t	 queued;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .last = &pool.first };

static struct pin_work *
msg_work(struct pin_msg *m)
{
	return ((struct pin_work *)(void *)((char *)m -
	    offsetof(struct pin_work, msg)));
}

/* On the loop: fn has returned on its thread. */
static void
work_done(struct pin_msg *m)
{
	struct pin_work *w = msg_work(m);

	((struct pin__real_loop *)(void *)w->loop)->works--;
	w->done(w);
}

static void
queue_add(struct pin_work *w)
{
	w->msg.next = NULL;
	*pool.last = &w->msg;
	pool.last = &w->msg.next;
	pool.queued++;
}

static struct pin_work *
queue_take(void)
{
	struct pin_msg *m = pool.first;

	if (m == NULL)
		return (NULL);
	pool.first = m->next;
	if (pool.first == NULL)
		pool.last = &pool.first;
	pool.queued--;
	return (msg_work(m));
}

static void
work_run(struct pin_work *w)
{
	w->fn(w);
	w->msg.fn = work_done;
	pin__real_post(w->loop, &w->msg);
}

/* The next work, or NULL when there was none for PIN_WORK_IDLE_MS. */
static struct pin_work *
pool_take(void)
{
	struct timespec until;
	int rc = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PIN_WORK_IDLE_MS / 1000;
	pool.idle++;
	while (pool.first == NULL && rc == 0)
		rc = pthread_cond_timedwait(&pool.more, &pool.lock, &until);
	pool.idle--;
	return (queue_take());
}

static void *
pool_thread(void *arg)
{
	struct pin_work *w;

	(void)arg;
	pin_os_thread_name("pin-work");
	pthread_mutex_lock(&pool.lock);
	while ((w = pool_take()) != NULL) {
		pthread_mutex_unlock(&pool.lock);
		work_run(w);
		pthread_mutex_lock(&pool.lock);
	}
	pool.threads--;
	pthread_mutex_unlock(&pool.lock);
	return (NULL);
}

static void
pool_init(void)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&pool.more, &attr);
	(void)pthread_condattr_destroy(&attr);
	pool.ready = 1;
}

/* The system gives no thread and there is none: what is queued is done here,
 * in the loop's way. Slow is better than never, or than the end of us. */
static void
run_here(struct pin_loop *l, const char *why)
{
	struct pin_work *w;

	pin_log(l->host, PIN_LOG_WARN, "work pool: %s; loop %s does its work "
	    "itself", why, l->name);
	for (;;) {
		pthread_mutex_lock(&pool.lock);
		w = queue_take();
		pthread_mutex_unlock(&pool.lock);
		if (w == NULL)
			break;
		work_run(w);
	}
}

void
pin__real_work_start(struct pin_work *w)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_loop *l = w->loop;
	int here = 0;

	((struct pin__real_loop *)(void *)l)->works++;
	pthread_mutex_lock(&pool.lock);
	if (!pool.ready)
		pool_init();
	queue_add(w);
	if (pool.queued > pool.idle && pool.threads < PIN_WORK_THREADS_MAX) {
		if (pin__real_thread(NULL, PIN_WORK_STACK, pool_thread, NULL,
		    &err) == PIN_OK)
			pool.threads++;
		else
			here = pool.threads == 0;
	}
	pthread_cond_signal(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	if (here)
		run_here(l, err.text);
}
