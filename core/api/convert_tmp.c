/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_tmp.c -- until core/api/convert.c is here: says so.
 * Contract: conform.h. */
#include "core/api/conform.h"

int
pin_convert(struct pin_arena *a, const struct pin_schema *s,
    const struct pin_res_row *f, const struct pin_res_row *t,
    const struct pin_obj *in, struct pin_obj **out, struct pin_err *e)
{
	(void)a;
	(void)s;
	(void)f;
	(void)t;
	(void)in;
	(void)out;
	return (pin_err_set(e, PIN_EINTERNAL, "not converted yet"));
}
