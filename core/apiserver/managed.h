/* SPDX-License-Identifier: BSD-2-Clause
 *
 * managed.h -- metadata.managedFields of a write.
 * Front loop. Contract: lib/fields/fields.h. */
#ifndef PINTLE_MANAGED_H
#define PINTLE_MANAGED_H

#include "core/apiserver/apiserver.h"

/* r->obj gets its managedFields: before admission, as upstream. */
int	managed_update(struct request *);

#endif
