/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stall.c -- see stall.h: the time on the wall of 20 ms on a CPU.
 * A thread of its own. Contract: stall.h. */
#include "stall.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "tap.h"

#define LOOK_MS		20	/* of CPU time, a look */
#define PAUSE_MS	300	/* between two */
#define STALL_MAX	20

static pthread_t thread;
static atomic_int stop;
static unsigned worst;

static uint64_t
cpu_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

static void *
look(void *arg)
{
	uint64_t wall, until;

	while (!atomic_load(&stop)) {
		wall = tap_now_ms();
		until = cpu_ms() + LOOK_MS;
		while (cpu_ms() < until)
			;
		wall = (tap_now_ms() - wall) / LOOK_MS;
		if (wall > worst)
			worst = (unsigned int)wall;
		until = tap_now_ms() + PAUSE_MS;
		while (!atomic_load(&stop) && tap_now_ms() < until)
			tap_nap();
	}
	return (arg);
}

void
stall_start(void)
{
	atomic_store(&stop, 0);
	worst = 1;
	if (pthread_create(&thread, NULL, look, NULL) != 0)
		BAIL("stall: no thread");
}

unsigned
stall_stop(void)
{
	atomic_store(&stop, 1);
	(void)pthread_join(thread, NULL);
	return (worst < STALL_MAX ? worst : STALL_MAX);
}
