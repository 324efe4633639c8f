/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_int.h -- between the walk that checks an object and the formats of
 * strings.
 * Pure. Contract: conform.h. */
#ifndef PIN_CORE_API_CHECK_INT_H
#define PIN_CORE_API_CHECK_INT_H

#include "conform.h"

/* One sentence about what is wrong; a value may get several. */
typedef void pin__format_say_fn(void *arg, int type, const char *detail);

/* Calls say for everything that is wrong with s as a PIN_FORMAT_.... */
void	pin__format_check(uint32_t format, struct pin_str s,
	    pin__format_say_fn *say, void *arg);

/* Those that are kept, to be put in order. */
struct pin_cause *pin__causes_all(struct pin_causes *, uint32_t *n);

#endif
