/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_int.h -- between the conversions of core/api/convert*.c.
 * One thread at a time.
 * Contract: conform.h. */
#ifndef PIN_CORE_API_CONVERT_INT_H
#define PIN_CORE_API_CONVERT_INT_H

#include "conform.h"

struct pin__convert {
	struct pin_arena		*arena;
	const struct pin_schema		*schema;
	const struct pin_obj		*in;
	struct pin_obj			*o;	/* becomes the other form */
	int				 stored; /* to the stored form */
};

/* A member of a tree of `in` (or another object) under a new name. */
void	 pin__convert_move(struct pin__convert *, pin_node to,
	    const char *name, const struct pin_obj *from, pin_node);

void	 pin__convert_event(struct pin__convert *);
void	 pin__convert_hpa(struct pin__convert *);

#endif
