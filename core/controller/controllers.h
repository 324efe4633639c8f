/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controllers.h -- the role controller-manager: the plugins of section
 * `controllers` on a loop of their own, speaking with an API server through
 * a transport.
 * Thread: the control thread; not the controllers' loop.
 * Contract: docs/controllers.md. */
#ifndef PINTLE_CONTROLLERS_H
#define PINTLE_CONTROLLERS_H

#include "core/client/client.h"
#include "core/loader/loader.h"

struct controllers;

/* transport makes the transport, on the new loop's behalf. plugins has a
 * started set and outlives the role. */
int	controllers_open(struct pin_host *, struct pin_plugins *plugins,
	    struct transport *(*transport)(void *arg, struct pin_loop *),
	    void *arg, PIN_OWN struct controllers **, struct pin_err *);
/* The set that is current now replaces the running controllers. */
void	controllers_reload(struct controllers *);
/* Ends what is under way and waits for it. */
void	controllers_close(PIN_OWN struct controllers **);	/* NULL ok */


#endif
