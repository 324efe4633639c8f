/* SPDX-License-Identifier: BSD-2-Clause
 *
 * supervise.c -- see supervise.h.
 * Contract: supervise.h. */
#include "core/supervise/supervise.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct one {
	const struct supervised *what;
	pid_t		 pid;		/* 0: not running */
	int		 starts, out;
	long long	 begun, due;	/* ms */
	long long	 backoff;
};

struct all {
	struct one	 one[SUPERVISE_MAX];
	int		 n;
	int		 ending, code;
	sigset_t	 set, old;
};

static long long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
start(struct all *a, struct one *o)
{
	long self = (long)getpid();

	fflush(NULL);
	o->pid = fork();
	if (o->pid == 0) {
		supervise__os_tie(self);
		(void)sigprocmask(SIG_SETMASK, &a->old, NULL);
		exit(o->what->run(o->what->arg));
	}
	o->begun = now_ms();
	o->starts++;
	if (o->pid < 0) {
		fprintf(stderr, "pintle: %s: fork: %s\n", o->what->name,
		    strerror(errno));
		o->pid = 0;
		o->due = o->begun + SUPERVISE_BACKOFF_MAX_MS;
	}
}

static void
ended(struct all *a, struct one *o, int status)
{
	long long now = now_ms();

	o->pid = 0;
	if (a->ending)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && o->starts == 1) {
		if (o->what->optional) {
			fprintf(stderr, "pintle: no %s: it ended with %d\n",
			    o->what->name, WEXITSTATUS(status));
			o->out = 1;
			return;
		}
		a->ending = 1;
		a->code = WEXITSTATUS(status);
		return;
	}
	if (now - o->begun > SUPERVISE_CALM_MS || o->backoff == 0)
		o->backoff = SUPERVISE_BACKOFF_MS;
	if (WIFSIGNALED(status))
		fprintf(stderr, "pintle: %s was killed by signal %d, again "
		    "in %lld ms\n", o->what->name, WTERMSIG(status),
		    o->backoff);
	else
		fprintf(stderr, "pintle: %s ended with %d, again in %lld "
		    "ms\n", o->what->name, WEXITSTATUS(status), o->backoff);
	o->due = now + o->backoff;
	o->backoff *= 2;
	if (o->backoff > SUPERVISE_BACKOFF_MAX_MS)
		o->backoff = SUPERVISE_BACKOFF_MAX_MS;
}

static void
reap(struct all *a)
{
	int status, i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < a->n; i++)
			if (a->one[i].pid == pid)
				ended(a, &a->one[i], status);
}

/* Starts what is due; how long to wait for the next, in ms. */
static long long
due(struct all *a)
{
	long long now = now_ms(), wait = 3600 * 1000;
	int i;

	for (i = 0; i < a->n; i++) {
		struct one *o = &a->one[i];

		if (o->pid != 0 || o->out)
			continue;
		if (o->due <= now)
			start(a, o);
		else if (o->due - now < wait)
			wait = o->due - now;
	}
	return (wait);
}

static int
wait_signal(struct all *a, long long ms)
{
	struct timespec ts = { (time_t)(ms / 1000), (long)(ms % 1000) *
	    1000000L };

	return (sigtimedwait(&a->set, NULL, &ts));
}

/* Last started, first stopped; each gets its time. */
static void
stop(struct all *a)
{
	long long until;
	int i;

	a->ending = 1;
	for (i = a->n - 1; i >= 0; i--) {
		if (a->one[i].pid == 0)
			continue;
		(void)kill(a->one[i].pid, SIGTERM);
		until = now_ms() + SUPERVISE_GRACE_MS;
		while (a->one[i].pid != 0 && now_ms() < until) {
			(void)wait_signal(a, until - now_ms());
			reap(a);
		}
		if (a->one[i].pid != 0) {
			(void)kill(a->one[i].pid, SIGKILL);
			(void)waitpid(a->one[i].pid, NULL, 0);
			a->one[i].pid = 0;
		}
	}
}

int
supervise(const struct supervised *what, int n)
{
	struct all a = { .n = n };
	int i, sig;

	for (i = 0; i < n && i < SUPERVISE_MAX; i++)
		a.one[i].what = &what[i];
	sigemptyset(&a.set);
	sigaddset(&a.set, SIGTERM);
	sigaddset(&a.set, SIGINT);
	sigaddset(&a.set, SIGHUP);
	sigaddset(&a.set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &a.set, &a.old);
	while (!a.ending) {
		sig = wait_signal(&a, due(&a));
		if (sig == SIGTERM || sig == SIGINT)
			break;
		for (i = 0; sig == SIGHUP && i < n; i++)
			if (a.one[i].pid != 0)
				(void)kill(a.one[i].pid, SIGHUP);
		reap(&a);
	}
	stop(&a);
	return (a.code);
}
