/* SPDX-License-Identifier: BSD-2-Clause
 *
 * discovery.h -- what there is: /api, /apis and below, /openapi/v2 and v3,
 * made once from the resource table and served as shared bytes.
 * Threads: open and close on the control thread; dispatch on fronts.
 * Contract: aggregated discovery (KEP-3352), OpenAPI v3 (KEP-2896). */
#ifndef PINTLE_DISCOVERY_H
#define PINTLE_DISCOVERY_H

#include "core/apiserver/apiserver.h"

int	discovery_open(struct apiserver *, struct pin_err *);
void	discovery_close(struct apiserver *);
/* A document as it is served, aggregated or not; 0: there is none. */
int	discovery_doc(const struct apiserver *, const char *path,
	    int aggregated, struct pin_out *);
/* STEP_DONE when the path is one of discovery's, else STEP_NEXT. */
int	discovery_dispatch(struct request *);

#endif
