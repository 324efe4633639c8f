/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watch.c -- the thread that sees shims end: each holds a FIFO open whose
 * reader we are, so an adopted shim's end is seen like a child's.
 * Contract: pintle/runtime.h, `exited` of the sink. */
#include "shims.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
one_ended(struct shims *p, struct shim_one *one)
{
	close(one->life);
	one->life = -1;
	if (one->shim > 0)
		(void)waitpid(one->shim, NULL, 0);
	one->shim = 0;
	shims_ending(p, one->state.id, &one->state);
	if (p->ended_fn != NULL)
		p->ended_fn(p->arg, &one->state);
	pthread_cond_broadcast(&p->ended);
}

static struct shim_one *
find(struct shims *p, int fd)
{
	struct shim_one *one = p->all;

	while (one != NULL && one->life != fd)
		one = one->next;
	return (one);
}

/* Descriptors are looked up anew: one may have been removed meanwhile. */
static void
look(struct shims *p, const struct pollfd *pf, uint32_t n)
{
	struct pin_container_state state;
	struct shim_one *one;
	uint32_t i;

	for (i = 1; i < n; i++) {
		if ((pf[i].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0)
			continue;
		pthread_mutex_lock(&p->lock);
		one = find(p, pf[i].fd);
		if (one == NULL) {
			pthread_mutex_unlock(&p->lock);
			continue;
		}
		one_ended(p, one);
		state = one->state;
		pthread_mutex_unlock(&p->lock);
		if (p->sink.exited != NULL)
			p->sink.exited(p->sink.arg, &state);
	}
}

static void *
run(void *arg)
{
	struct shims *p = arg;
	struct pollfd *pf = NULL;
	struct shim_one *one;
	char junk[64];
	uint32_t n, room = 0;

	for (;;) {
		n = 1;
		pthread_mutex_lock(&p->lock);
		if (room < p->n + 1) {
			room = p->n + 64;
			pf = pin_xrealloc(pf, room * sizeof(*pf));
		}
		pf[0] = (struct pollfd){ p->wake[0], POLLIN, 0 };
		for (one = p->all; one != NULL; one = one->next)
			if (one->life >= 0)
				pf[n++] = (struct pollfd){ one->life, 0, 0 };
		if (p->stopping)
			n = 0;
		pthread_mutex_unlock(&p->lock);
		if (n == 0)
			break;
		if (poll(pf, n, -1) <= 0)
			continue;
		if (pf[0].revents != 0)
			(void)!read(p->wake[0], junk, sizeof(junk));
		look(p, pf, n);
	}
	free(pf);
	return (NULL);
}

void
shims_watch_wake(struct shims *p)
{
	(void)!write(p->wake[1], "", 1);
}

int
shims_watch_start(struct shims *p, struct pin_err *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rc;

	if (shims_pipe(p->wake) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "pipe"));
	(void)fcntl(p->wake[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(p->wake[1], F_SETFL, O_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, (size_t)256 << 10);
	rc = pthread_create(&p->thread, &attr, run, p);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->threaded = rc == 0;
	return (rc == 0 ? PIN_OK : pin_err_os(err, PIN_EIO, rc, "thread"));
}

void
shims_watch_stop(struct shims *p)
{
	if (!p->threaded)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = 1;
	pthread_mutex_unlock(&p->lock);
	shims_watch_wake(p);
	pthread_join(p->thread, NULL);
	close(p->wake[0]);
	close(p->wake[1]);
	p->threaded = 0;
}
