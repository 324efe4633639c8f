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
/* Server-side apply (KEP-555): the new object before defaulting. On
 * PIN_ECONFLICT the answer has been sent and *done is STEP_DONE. */
int	managed_apply(struct request *, const struct pin_obj *config,
	    struct pin_obj **out, int *done);

#endif
