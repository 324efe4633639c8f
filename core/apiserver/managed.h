/* SPDX-License-Identifier: BSD-2-Clause
 *
 * managed.h -- metadata.managedFields of a write.
 * Front loop. Contract: lib/fields/fields.h. */
#ifndef PINTLE_MANAGED_H
#define PINTLE_MANAGED_H

#include "core/apiserver/apiserver.h"

/* r->obj gets its managedFields: before admission, as upstream. */
int	managed_update(struct request *);
/* The same for r->sent, a review that is answered with what was asked. */
int	managed_review(struct request *);
/* Is what is applied of the kind that the path names? */
int	managed_kind(struct request *, const struct pin_obj *config);
/* Server-side apply (KEP-555): the new object before defaulting. On
 * PIN_ECONFLICT the answer has been sent and *done is STEP_DONE. */
int	managed_apply(struct request *, const struct pin_obj *config,
	    struct pin_obj **out, int *done);

/* A client that sends [] wants nobody to own anything: canonical form has no
 * empty lists, so r->sent is told. */
void	managed_reset(struct request *, const struct pin_obj *raw);

#endif
