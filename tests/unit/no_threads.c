/* SPDX-License-Identifier: BSD-2-Clause
 *
 * no_threads -- work for the pool of a process that may make no more threads:
 * it is done all the same, late or in the way, and not the end of the process.
 * One thread, in a child process of a user with a limit of none.
 * Contract: pintle/host.h (pin_work_start). */
#include <sys/resource.h>
#include <sys/wait.h>

#include <pthread.h>
#include <unistd.h>

#include "core/host/real.h"
#include "tap.h"

#define WORKS	3
#define NOBODY	65534

static struct pin_loop	*loop;
static struct pin_work	 work[WORKS];
static int		 ran, ended;

static void
on_work(struct pin_work *w)
{
	(void)w;
	ran++;
}

static void
on_done(struct pin_work *w)
{
	(void)w;
	if (++ended == WORKS)
		pin_loop_stop(loop);
}

static void
on_start(struct pin_msg *m)
{
	(void)m;
	for (int i = 0; i < WORKS; i++) {
		work[i].fn = on_work;
		work[i].done = on_done;
		work[i].loop = loop;
		pin_work_start(&work[i]);
	}
}

static void *
nothing(void *arg)
{
	return (arg);
}

/* 0: all was done; 1: not; 2: threads can be made here still. */
static int
child(void)
{
	struct pin_msg start = { .fn = on_start };
	struct rlimit none = { 1, 1 };
	struct pin_err err = PIN_ERR_INIT;
	pthread_t t;

	if (setrlimit(RLIMIT_NPROC, &none) != 0 ||
	    (geteuid() == 0 && setuid(NOBODY) != 0))
		return (2);
	if (pthread_create(&t, NULL, nothing, NULL) == 0)
		return (2);
	if (pin_loop_open(pin_host_real(), "works", &loop, &err) != PIN_OK)
		return (1);
	pin_loop_post(loop, &start);
	pin_loop_run(loop);
	pin_loop_close(&loop);
	return (ran == WORKS && ended == WORKS ? 0 : 1);
}

int
main(void)
{
	int st = 0;
	pid_t pid;

	tap_deadline(30);
	pid = fork();
	if (pid == 0)
		_exit(child());
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		BAIL("fork");
	if (WIFEXITED(st) && WEXITSTATUS(st) == 2)
		SKIP("threads", "this system makes threads past its limit");
	else
		OK(WIFEXITED(st) && WEXITSTATUS(st) == 0,
		    "work is done without a thread (status %x)",
		    (unsigned int)st);
	return (tap_done());
}
