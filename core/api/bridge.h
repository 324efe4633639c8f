/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bridge.h -- the API table as lib/patch and lib/fields want to see types:
 * strategic merge and managedFields over any pin_schema.
 * Immutable once made; any thread.
 * Contract: patch.h and fields.h; types are indexes into schema->types. */
#ifndef PIN_CORE_API_BRIDGE_H
#define PIN_CORE_API_BRIDGE_H

#include "core/api/table.h"
#include "lib/fields/fields.h"
#include "lib/patch/patch.h"

struct pin_bridge;

/* The schema must outlive the bridge. Small: aborts without memory. */
struct pin_bridge *pin_bridge_new(const struct pin_schema *);
void	pin_bridge_free(PIN_OWN struct pin_bridge **);

const struct pin_merge_schema *pin_bridge_merge(const struct pin_bridge *);
const struct pin_fields_schema *pin_bridge_fields(const struct pin_bridge *);
/* The type of a resource or subresource row, for pin_strategic_patch and
 * for pin_fields_op.root. */
uint32_t pin_bridge_type(const struct pin_bridge *, uint32_t ref);
void	pin_bridge_root(const struct pin_bridge *, uint32_t ref,
	    struct pin_fields_type *);

#endif
