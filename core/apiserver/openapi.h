/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi.h -- /openapi/v2 and /openapi/v3 from the resource table.
 * Documents are made when first asked for and kept.
 * Front loop; a document is shared by all fronts.
 * Contract: OpenAPI 2.0 and 3.0 with Kubernetes' x- extensions (KEP-2896). */
#ifndef PINTLE_OPENAPI_H
#define PINTLE_OPENAPI_H

#include "core/apiserver/apiserver.h"

/* STEP_DONE when the path is below /openapi, else STEP_NEXT. */
int	openapi_dispatch(struct request *);

#endif
