/* SPDX-License-Identifier: BSD-2-Clause
 *
 * server.h -- an API server as a whole.
 * Thread: one control thread. Contract: core/apiserver/README.md. */
#ifndef PINTLE_APISERVER_SERVER_H
#define PINTLE_APISERVER_SERVER_H

#include "core/apiserver/apiserver.h"

/* Strings are borrowed for the server's life. */
struct apiserver_opts {
	struct pin_host	*host;
	struct pin_loop	*loop;		/* control: timers, plugin sets */
	const char	*exe, *plugins;	/* paths */
	const char	*data, *config;
	const char	*listen;	/* NULL: as the configuration says */
	const char	*node;
	int		 controllers;	/* their plugins are opened as well */
};

/* On an error *out may hold what was opened: close it all the same. */
int	apiserver_open(const struct apiserver_opts *, struct apiserver **out,
	    struct pin_err *);
void	apiserver_close(struct apiserver **);

#endif
