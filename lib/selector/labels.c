/* SPDX-License-Identifier: BSD-2-Clause
 *
 * labels.c -- the selector library as plugins see it.
 * Pure; any thread. Contract: pintle/labels.h. */
#include <pintle/labels.h>

#include "lib/selector/selector.h"

int
pin_labels_match(struct pin_arena *arena, const struct pin_obj *o,
    pin_node selector, const struct pin_obj *with, pin_node labels)
{
	struct pin_selector *sel;
	int rc;

	rc = pin_selector_from_obj(arena, o, selector, &sel, NULL);
	return (rc == PIN_OK ? pin_selector_match(sel, with, labels) : rc);
}

int
pin_labels_match_map(const struct pin_obj *o, pin_node selector,
    const struct pin_obj *with, pin_node labels)
{
	struct pin_str key;
	pin_node n, v;

	if (pin_obj_count(o, selector) == 0)
		return (0);
	for (n = pin_obj_first(o, selector); n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		v = pin_obj_getn(with, labels, key.p, key.len);
		if (v == 0 || !pin_str_eq(pin_obj_str(o, n),
		    pin_obj_str(with, v)))
			return (0);
	}
	return (1);
}
