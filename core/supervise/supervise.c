/* SPDX-License-Identifier: BSD-2-Clause
 *
 * supervise.c -- see supervise.h.
 * Contract: supervise.h. */
#include "core/supervise/supervise.h"

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
	sigset_t	 set;
};

/* What signals asked for, and a pipe that ends the wait for them: POSIX's
 * sigtimedwait is not everywhere. */
static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
static volatile sig_atomic_t asked_end, asked_reload;
static int wake[2] = { -1, -1 };

static void
on_signal(int sig)
{
	int e = errno;

	if (sig == SIGHUP)
		asked_reload = 1;
	else if (sig != SIGCHLD)
		asked_end = 1;
	(void)!write(wake[1], "", 1);	/* full: it will wake all the same */
	errno = e;
}

static void
signals_set(void (*fn)(int))
{
	struct sigaction sa = { .sa_handler = fn };
	size_t i;

	(void)sigfillset(&sa.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &sa, NULL);
}

static int
signals_open(struct all *a)
{
	size_t i;

	if (pipe(wake) != 0) {
		fprintf(stderr, "pintle: pipe: %s\n", strerror(errno));
		return (-1);
	}
	(void)sigemptyset(&a->set);
	for (i = 0; i < 2; i++) {
		(void)fcntl(wake[i], F_SETFD, FD_CLOEXEC);
		(void)fcntl(wake[i], F_SETFL, O_NONBLOCK);
	}
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&a->set, signals[i]);
	signals_set(on_signal);
	return (0);
}

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
	sigset_t old;

	fflush(NULL);
	(void)sigprocmask(SIG_BLOCK, &a->set, &old);
	o->pid = fork();
	if (o->pid == 0) {
		supervise__os_tie(self);
		signals_set(SIG_DFL);
		(void)close(wake[0]);
		(void)close(wake[1]);
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		exit(o->what->run(o->what->arg));
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
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
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0 &&
	    WEXITSTATUS(status) != SUPERVISE_AGAIN && o->starts == 1) {
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

/* Until a signal came, or so long. */
static void
wait_signal(long long ms)
{
	struct pollfd p = { wake[0], POLLIN, 0 };
	char buf[64];

	(void)poll(&p, 1, (int)ms);
	while (read(wake[0], buf, sizeof(buf)) > 0)
		;
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
			wait_signal(until - now_ms());
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
	int i;

	for (i = 0; i < n && i < SUPERVISE_MAX; i++)
		a.one[i].what = &what[i];
	if (signals_open(&a) != 0)
		return (1);
	while (!a.ending && !asked_end) {
		wait_signal(due(&a));
		for (i = 0; asked_reload && i < n; i++)
			if (a.one[i].pid != 0)
				(void)kill(a.one[i].pid, SIGHUP);
		asked_reload = 0;
		reap(&a);
	}
	stop(&a);
	return (a.code);
}
