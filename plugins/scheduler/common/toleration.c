/* SPDX-License-Identifier: BSD-2-Clause
 *
 * toleration.c -- see toleration.h.
 * Contract: toleration.h. */
#include "toleration.h"

struct taint
taint_of(const struct pin_obj *o, pin_node t)
{
	return ((struct taint){ pin_obj_str(o, pin_obj_get(o, t, "key")),
	    pin_obj_str(o, pin_obj_get(o, t, "value")),
	    pin_obj_str(o, pin_obj_get(o, t, "effect")) });
}

static int
tolerates(const struct pin_obj *o, pin_node t, const struct taint *taint)
{
	struct taint has = taint_of(o, t);
	struct pin_str op = pin_obj_str(o, pin_obj_get(o, t, "operator"));

	if (has.effect.len > 0 && !pin_str_eq(has.effect, taint->effect))
		return (0);
	if (has.key.len > 0 && !pin_str_eq(has.key, taint->key))
		return (0);
	if (op.len == 0 || pin_str_is(op, "Equal"))
		return (pin_str_eq(has.value, taint->value));
	return (pin_str_is(op, "Exists"));
}

int
pod_tolerates(const struct pin_obj *o, const struct taint *taint,
    struct pin_str effect)
{
	pin_node t = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "tolerations", NULL));
	struct pin_str has;

	for (; t != 0; t = pin_obj_next(o, t)) {
		has = pin_obj_str(o, pin_obj_get(o, t, "effect"));
		if (effect.len > 0 && has.len > 0 &&
		    !pin_str_eq(has, effect))
			continue;
		if (tolerates(o, t, taint))
			return (1);
	}
	return (0);
}
