/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scheduler.h -- the role scheduler: the plugins of section `scheduler` on a
 * loop of their own, speaking with an API server through a transport.
 * Thread: the control thread; not the scheduler's loop.
 * Contract: docs/scheduler.md. */
#ifndef PINTLE_CORE_SCHEDULER_H
#define PINTLE_CORE_SCHEDULER_H

#include "core/client/client.h"
#include "core/loader/loader.h"

struct scheduler;

/* transport makes the transport, on the new loop's behalf. plugins has a
 * started set and outlives the role. */
int	scheduler_open(struct pin_host *, struct pin_plugins *plugins,
	    struct transport *(*transport)(void *arg, struct pin_loop *),
	    void *arg, PIN_OWN struct scheduler **, struct pin_err *);
/* The set that is current now decides from the next pod on. */
void	scheduler_reload(struct scheduler *);
/* Ends what is under way and waits for it. */
void	scheduler_close(PIN_OWN struct scheduler **);	/* NULL ok */

#endif
