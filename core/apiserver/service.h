/* SPDX-License-Identifier: BSD-2-Clause
 *
 * service.h -- addresses and node ports of Services: allocated with the
 * Service, given back with it.
 * Threads: reserve and release on fronts, changes on the store's; a mutex of
 * its own. Contract: upstream's registry/core/service allocation. */
#ifndef PINTLE_SERVICE_H
#define PINTLE_SERVICE_H

#include "core/apiserver/apiserver.h"

struct service_alloc;

/* After the store: what exists is marked. */
int	service_open(struct apiserver *, struct pin_err *);
void	service_close(struct apiserver *);

/* strategy.c's hooks. */
int	service_create(struct request *);
int	service_update(struct request *);
void	service_release(struct request *);

#endif
