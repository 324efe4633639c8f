/* SPDX-License-Identifier: BSD-2-Clause
 *
 * real_loop.c -- loops of the real host: messages, timers and hooks around
 * libuv, which waits. No libuv type leaves this folder.
 * Threads: post and stop from any; the rest is the loop's own.
 * Contract: pintle/host.h. */
#include "core/host/real_int.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/os.h"

/* One turn: messages (at most PIN_LOOP_MSGS_TURN), timers, hooks; then libuv
 * waits for sockets, the wake handle or the one uv timer, and runs what came.
 * What messages post runs in the next turn: one that goes on by posting
 * itself lets sockets in between.
 *
 * The queue is a stack that posters push to by compare-and-swap and the loop
 * takes as a whole and turns round: FIFO per sender, no lock, and whatever a
 * poster writes before posting is seen by fn. Sleep is agreed on as Dekker
 * did: the loop sets `sleeping`, then looks at the queue; a poster pushes,
 * then looks at `sleeping`; both orders are total (seq_cst), so one of them
 * sees the other. Only the poster that turns `sleeping` to 0 pays for the
 * system call. */

static struct pin__real_loop *
real(struct pin_loop *l)
{
	return ((struct pin__real_loop *)(void *)l);
}

static void
wake_up(struct pin__real_loop *l)
{
	if (atomic_load(&l->sleeping) != 0 &&
	    atomic_exchange(&l->sleeping, 0) != 0)
		(void)uv_async_send(&l->wake);
}

void
pin__real_post(struct pin_loop *base, struct pin_msg *m)
{
	struct pin__real_loop *l = real(base);
	struct pin_msg *top;

	/* Announced, because m may make the loop end before wake_up has. */
	atomic_fetch_add_explicit(&l->posters, 1, memory_order_relaxed);
	top = atomic_load_explicit(&l->posted, memory_order_relaxed);
	do
		m->next = top;
	while (!atomic_compare_exchange_weak(&l->posted, &top, m));
	wake_up(l);
	atomic_fetch_sub_explicit(&l->posters, 1, memory_order_release);
}

/* Takes what was posted, oldest first. */
static struct pin_msg *
take_posted(struct pin__real_loop *l)
{
	struct pin_msg *m, *next, *list = NULL;

	if (atomic_load_explicit(&l->posted, memory_order_relaxed) == NULL)
		return (NULL);
	m = atomic_exchange(&l->posted, NULL);
	for (; m != NULL; m = next) {
		next = m->next;
		m->next = list;
		list = m;
	}
	return (list);
}

/* Runs what is there now, at most *budget messages. */
static void
run_messages(struct pin__real_loop *l, uint32_t *budget)
{
	struct pin_msg *m;

	if (l->batch == NULL)
		l->batch = take_posted(l);
	while (*budget > 0 && (m = l->batch) != NULL) {
		l->batch = m->next;
		m->next = NULL;
		(*budget)--;
		m->fn(m);
	}
}

static int
queue_empty(struct pin__real_loop *l)
{
	return (l->batch == NULL && atomic_load(&l->posted) == NULL);
}

/* Everything but sockets; once it is to stop, until nothing is left. Returns
 * 1 when there is nothing left to run now. */
static int
turn(struct pin__real_loop *l)
{
	uint32_t budget = PIN_LOOP_MSGS_TURN;

	pin__real_awake(l);
	do {
		run_messages(l, &budget);
		pin__wheel_run(&l->base.wheel,
		    l->base.host->ops->now(l->base.host));
		pin__loop_hooks(&l->base);
	} while (budget > 0 && !queue_empty(l) && atomic_load(&l->stop) != 0);
	return (queue_empty(l));
}

static void
on_wake(uv_async_t *h)
{
	pin__real_awake(h->data);
}

/* Stopping the uv loop makes this uv_run return without waiting, whether
 * its timers run before or after it polls (that changed in 1.45). */
static void
on_timer(uv_timer_t *h)
{
	struct pin__real_loop *l = h->data;

	pin__real_awake(l);
	l->armed_ns = PIN__NEVER;
	uv_stop(&l->uv);
}

/* Moving the uv timer later is left to its going off: a deadline that every
 * request pushes on costs one spurious wake a period, not one call each. */
static void
arm_timer(struct pin__real_loop *l)
{
	uint64_t next = pin__wheel_next(&l->base.wheel), now, ms;

	if (next == PIN__NEVER || l->armed_ns <= next)
		return;
	now = l->base.host->ops->now(l->base.host);
	ms = next <= now ? 0 : (next - now - 1) / PIN__MS + 1;
	uv_update_time(&l->uv);
	(void)uv_timer_start(&l->timer, on_timer, ms, 0);
	l->armed_ns = next;
}

/* Waits, unless something came in the meantime. */
static void
wait_events(struct pin__real_loop *l, int idle)
{
	pin__real_sock_flush(l);
	if (idle) {
		arm_timer(l);
		atomic_store(&l->sleeping, 1);
		if (atomic_load(&l->posted) != NULL ||
		    atomic_load(&l->stop) != 0) {
			pin__real_awake(l);
			idle = 0;
		}
	}
	(void)uv_run(&l->uv, idle ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	pin__real_awake(l);
}

static void
real_loop_run(struct pin_loop *base)
{
	struct pin__real_loop *l = real(base);
	struct pin_loop *outer = pin__loop_current;
	uint32_t last = 0;
	int idle;

	pin__loop_current = base;
	atomic_store(&base->state, PIN__LOOP_RUNNING);
	for (;;) {
		idle = turn(l);
		if (atomic_load(&l->stop) != 0 && l->works == 0 &&
		    (idle || ++last > PIN_LOOP_STOP_TURNS))
			break;
		wait_events(l, idle && (atomic_load(&l->stop) == 0 ||
		    l->works > 0));
	}
	if (!queue_empty(l))
		pin_log(base->host, PIN_LOG_WARN, "loop %s: stopped with "
		    "messages that repost one another", base->name);
	atomic_store(&base->state, PIN__LOOP_DONE);
	pin__loop_current = outer;
}

static void
real_loop_stop(struct pin_loop *base)
{
	struct pin__real_loop *l = real(base);

	atomic_fetch_add_explicit(&l->posters, 1, memory_order_relaxed);
	atomic_store(&l->stop, 1);
	wake_up(l);
	atomic_fetch_sub_explicit(&l->posters, 1, memory_order_release);
}

static int
real_loop_open(struct pin_host *h, struct pin_loop **out, struct pin_err *err)
{
	struct pin__real_loop *l;
	int rc;

	(void)h;
	l = pin_xcalloc(1, sizeof(*l));
	l->armed_ns = PIN__NEVER;
	rc = uv_loop_init(&l->uv);
	if (rc != 0) {
		free(l);
		return (pin_err_set(err, PIN_EIO, "event loop: %s",
		    uv_strerror(rc)));
	}
	rc = uv_async_init(&l->uv, &l->wake, on_wake);
	if (rc != 0) {
		(void)uv_loop_close(&l->uv);
		free(l);
		return (pin_err_set(err, PIN_EIO, "wake handle: %s",
		    uv_strerror(rc)));
	}
	(void)uv_timer_init(&l->uv, &l->timer);
	l->wake.data = l->timer.data = l;
	*out = &l->base;
	return (PIN_OK);
}

static void *
loop_thread(void *arg)
{
	struct pin__real_loop *l = arg;

	pin_os_thread_name(l->base.name);
	real_loop_run(&l->base);
	return (NULL);
}

int
pin__real_thread(pthread_t *thread, size_t stack, void *(*fn)(void *),
    void *arg, struct pin_err *err)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	/* Signals are for the main thread, which waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_attr_init(&attr);
	if (rc == 0) {
		(void)pthread_attr_setstacksize(&attr, stack);
		if (thread == NULL)
			(void)pthread_attr_setdetachstate(&attr,
			    PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&id, &attr, fn, arg);
		(void)pthread_attr_destroy(&attr);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return (pin_err_os(err, PIN_EUNAVAIL, rc, "new thread"));
	if (thread != NULL)
		*thread = id;
	return (PIN_OK);
}

static int
real_loop_start(struct pin_loop *base, struct pin_err *err)
{
	struct pin__real_loop *l = real(base);
	int rc;

	/* From here on the loop is not ours any more. */
	atomic_store(&base->state, PIN__LOOP_RUNNING);
	rc = pin__real_thread(&l->thread, PIN_LOOP_STACK, loop_thread, l, err);
	if (rc == PIN_OK)
		l->has_thread = 1;
	else
		atomic_store(&base->state, PIN__LOOP_NEW);
	return (rc);
}

static void
close_handle(uv_handle_t *h, void *arg)
{
	struct pin__real_loop *l = arg;

	if (h == (uv_handle_t *)&l->wake || h == (uv_handle_t *)&l->timer)
		uv_close(h, NULL);
	else if (!uv_is_closing(h))
		pin__real_sock_orphan(h);
}

static void
real_loop_close(struct pin_loop *base)
{
	struct pin__real_loop *l = real(base);
	uint32_t i;

	if (l->has_thread) {
		real_loop_stop(base);
		(void)pthread_join(l->thread, NULL);
	}
	PIN_ASSERT(atomic_load(&base->state) != PIN__LOOP_RUNNING);
	/* What came after the loop had ended runs here. */
	pin__loop_current = base;
	for (i = 0; i < PIN_LOOP_STOP_TURNS; i++) {
		while (atomic_load_explicit(&l->posters,
		    memory_order_acquire) != 0)
			(void)sched_yield();
		if (queue_empty(l))
			break;
		(void)turn(l);
	}
	if (l->nsocks != 0)
		pin_log(base->host, PIN_LOG_WARN, "loop %s: closed with %u "
		    "sockets open", base->name, (unsigned int)l->nsocks);
	uv_walk(&l->uv, close_handle, l);
	while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0)
		;
	i = (uint32_t)uv_loop_close(&l->uv);
	PIN_ASSERT(i == 0);
	pin__loop_current = NULL;
	base->magic = 0;
	free(l);
}

static uint64_t
real_now(struct pin_host *h)
{
	struct timespec ts;

	(void)h;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * PIN__SEC + (uint64_t)ts.tv_nsec);
}

static int64_t
real_wall(struct pin_host *h)
{
	struct timespec ts;

	(void)h;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * (int64_t)PIN__SEC + ts.tv_nsec);
}

static void
real_random(struct pin_host *h, void *buf, size_t len)
{
	(void)h;
	PIN_ASSERT(pin_os_random(buf, len) == 0);
}

static void
real_log_line(struct pin_host *h, const char *line, size_t len)
{
	ssize_t n;

	(void)h;
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
}

static const struct pin__host_ops real_ops = {
	.now = real_now, .wall = real_wall, .random = real_random,
	.log_line = real_log_line,
	.loop_open = real_loop_open, .loop_start = real_loop_start,
	.loop_run = real_loop_run, .loop_stop = real_loop_stop,
	.loop_close = real_loop_close, .loop_post = pin__real_post,
	.work_start = pin__real_work_start,
	.file_open = pin__real_file_open, .file_close = pin__real_file_close,
	.file_read = pin__real_file_read, .file_write = pin__real_file_write,
	.file_sync = pin__real_file_sync,
	.file_truncate = pin__real_file_truncate,
	.file_reserve = pin__real_file_reserve,
	.file_size = pin__real_file_size, .file_lock = pin__real_file_lock,
	.path_rename = pin__real_path_rename,
	.path_unlink = pin__real_path_unlink,
	.path_mkdir = pin__real_path_mkdir, .path_sync = pin__real_path_sync,
	.path_list = pin__real_path_list, .path_move = pin__real_path_move,
	.sock_listen = pin__real_sock_listen,
	.sock_connect = pin__real_sock_connect,
	.sock_attach = pin__real_sock_attach, .sock_want = pin__real_sock_want,
	.sock_recv = pin__real_sock_recv, .sock_send = pin__real_sock_send,
	.sock_shutdown = pin__real_sock_shutdown,
	.sock_close = pin__real_sock_close, .sock_peer = pin__real_sock_peer,
	.sock_local = pin__real_sock_local, .sock_cred = pin__real_sock_cred,
	.dgram_open = pin__real_dgram_open,
	.dgram_recv = pin__real_dgram_recv,
	.dgram_send = pin__real_dgram_send,
};

static struct pin_host real_host = {
	.magic = PIN__HOST_MAGIC, .log_level = PIN_LOG_INFO, .ops = &real_ops,
};

struct pin_host *
pin_host_real(void)
{
	static _Atomic int asked;

	/* A peer that went away is an error of send, not the end of us. */
	if (atomic_exchange(&asked, 1) == 0)
		(void)signal(SIGPIPE, SIG_IGN);
	return (&real_host);
}
