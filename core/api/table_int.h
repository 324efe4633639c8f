/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table_int.h -- the handle that tools/apigen writes, for table.c alone.
 * Nobody else names it: readers go through pin_schema_builtin().
 * Constant data, any thread.
 * Contract: table.h. */

#ifndef PIN_CORE_API_TABLE_INT_H
#define PIN_CORE_API_TABLE_INT_H

#include "table.h"

extern const struct pin_schema pin__api_schema;

#endif
