/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi.h -- /openapi/v2 and /openapi/v3 from the resource table.
 * Documents are made when they are asked for.
 * Threads: open and close on the control thread; dispatch on fronts.
 * Contract: OpenAPI 2.0 and 3.0 with Kubernetes' x- extensions (KEP-2896). */
#ifndef PINTLE_OPENAPI_H
#define PINTLE_OPENAPI_H

#include "core/apiserver/apiserver.h"

struct openapi_docs;

struct openapi_docs *openapi_open(const struct pin_schema *);
void	openapi_close(PIN_OWN struct openapi_docs **);
/* STEP_DONE when the path is below /openapi, else STEP_NEXT. Any front. */
int	openapi_dispatch(struct request *, struct openapi_docs *);

#endif
