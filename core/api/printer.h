/* SPDX-License-Identifier: BSD-2-Clause
 *
 * printer.h -- Table output: the columns of a resource and the cells of one
 * object, from the rows of core/api/table.h.
 * Pure; any thread. Contract: apimachinery meta/v1 Table; cells as the
 * reference server prints them (tests/golden). */
#ifndef PINTLE_PRINTER_H
#define PINTLE_PRINTER_H

#include <pintle/object.h>

#include "table.h"

/* [{"name":"Name","type":"string","format":"name","description":"",
 * "priority":0},...]. A resource without columns has Name and Created At. */
void	pin_table_columns(const struct pin_schema *,
	    const struct pin_res_row *, struct pin_out *);
/* ["web-1","1/1",...]. now_s: UNIX time, for ages. */
void	pin_table_cells(const struct pin_schema *, const struct pin_res_row *,
	    const struct pin_obj *, int64_t now_s, struct pin_out *);
/* [{"type":"Completed",...}] of an object that is done, with `before` ahead
 * of it; nothing at all of one that is not. */
void	pin_table_conditions(const struct pin_schema *,
	    const struct pin_res_row *, const struct pin_obj *,
	    const char *before, struct pin_out *);

#endif
