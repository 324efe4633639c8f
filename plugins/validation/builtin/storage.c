/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storage.c -- claims, volumes and classes.
 * Front threads. Contract: upstream's core and storage validation. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

/* A size that is asked for. */
static void
storage_request(struct v *v, pin_node spec)
{
	pin_node amount = pin_obj_at(v->o, spec, "resources", "requests",
	    "storage", NULL);
	size_t back = v_in(v, "resources");

	(void)v_key(v, PIN_STR("storage"));
	if (amount == 0)
		v_required(v, NULL, NULL);
	else if (quantity_sign(pin_obj_str(v->o, amount)) <= 0)
		v_bad_str(v, NULL, pin_obj_str(v->o, amount), "must be greater"
		    " than zero");
	v_out(v, back);
}

/* At the path of the spec. */
void
check_pvc_spec(struct v *v, pin_node spec)
{
	storage_request(v, spec);
}
