/* SPDX-License-Identifier: BSD-2-Clause
 *
 * client_int.h -- between the client and its transports.
 * Client's loop. Contract: a transport answers a started call with head,
 * any data, end; or with end alone when there was no answer. Never from
 * within start or cancel, and nothing after cancel. */
#ifndef PINTLE_CLIENT_INT_H
#define PINTLE_CLIENT_INT_H

#include "core/client/client.h"

struct transport_ops {
	void	(*start)(struct transport *, struct client_call *);
	void	(*cancel)(struct transport *, struct client_call *);
	/* gone(arg) comes when nothing is under way, perhaps at once; the
	 * transport is freed by then. */
	void	(*close)(struct transport *, void (*gone)(void *),
		    void *arg);
};

struct transport {
	const struct transport_ops *ops;
};

void	client__head(struct client_call *, int status, int retry_after);
/* 0: the call is gone. buf is borrowed. */
int	client__data(struct client_call *, struct pin_buf *, size_t off,
	    size_t len);
void	client__end(struct client_call *, int rc);

#endif
