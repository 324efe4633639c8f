/* SPDX-License-Identifier: BSD-2-Clause
 *
 * views.h -- what plugins see of the cluster (pintle/view.h), served from
 * the store of this process.
 * Threads: publish on the store's; the services from any thread.
 * Contract: pintle/view.h. */
#ifndef PINTLE_VIEWS_H
#define PINTLE_VIEWS_H

#include "core/apiserver/apiserver.h"
#include "core/watch/ring.h"

struct view_hub *views_new(struct apiserver *);
void	views_free(PIN_OWN struct view_hub **);
void	views_publish(struct view_hub *, const struct ring_event *);
void	views_services(struct view_hub *, struct pin_env_services *);

#endif
