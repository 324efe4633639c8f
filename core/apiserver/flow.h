/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flow.h -- seats: how many requests of each priority level run at once, and
 * who waits. Front loop; every front has its share.
 * Contract: KEP-1040's levels and flow schemas as upstream ships them. */
#ifndef PINTLE_FLOW_H
#define PINTLE_FLOW_H

#include "core/apiserver/apiserver.h"

int	flow_enter(struct request *);	/* a step */
void	flow_leave(struct request *);
const char *flow_level_name(uint32_t level);
const char *flow_schema_name(const struct request *);

#endif
