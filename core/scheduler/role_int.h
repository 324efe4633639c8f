/* SPDX-License-Identifier: BSD-2-Clause
 *
 * role_int.h -- what the files of the role share: who is where, and what is
 * said to the API server.
 * Thread: the scheduler's loop. Contract: scheduler.h. */
#ifndef PINTLE_SCHEDULER_ROLE_INT_H
#define PINTLE_SCHEDULER_ROLE_INT_H

#include <pthread.h>

#include "core/client/informer.h"
#include "core/scheduler/sched.h"
#include "core/scheduler/scheduler.h"

#define SCHED_TURN_NS		UINT64_C(5000000)	/* of deciding */
#define SCHED_BINDS_MAX		1024	/* bindings at the server; then the
					 * next pod waits */
#define SCHED_CLOSE_MAX_S	10	/* of waiting for the server */
#define SCHED_BODY_MAX		((size_t)64 << 10)

struct recorder;

struct scheduler {
	struct pin_host	*host;
	struct pin_plugins *plugins;
	struct pin_loop	*loop;
	struct client	*client;
	struct informers *informers;
	struct recorder	*recorder;
	struct informer_user nodes, pods;
	uint32_t	 synced;	/* of the two */
	uint32_t	 stopping;
	struct sched	*sched;
	struct pin_set	*set;		/* whose plugins decide */
	struct pin_timer timer;
	struct pin_msg	 turn_msg;
	uint32_t	 again;		/* turn_msg is posted */
	uint32_t	 binds;		/* at the server */
	struct pin_msg	 stop;
	pthread_mutex_t	 lock;
	pthread_cond_t	 ended;
	uint32_t	 gone, pad;
};

/* tell.c: what follows from a decision. */
void	tell_binding(struct scheduler *, const struct sched_decision *);
void	tell_failure(struct scheduler *, const struct sched_decision *);

#endif
