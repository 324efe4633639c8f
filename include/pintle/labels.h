/* SPDX-License-Identifier: BSD-2-Clause
 *
 * labels.h -- label selectors for plugins: does an object's label map meet a
 * selector that stands in another object?
 * Pure; any thread.
 * Contract: metav1.LabelSelector; apimachinery's labels package. */
#ifndef PINTLE_LABELS_H
#define PINTLE_LABELS_H

#include <pintle/object.h>

/* selector: a LabelSelector node (matchLabels, matchExpressions); absent or
 * null selects nothing, {} everything. labels: a metadata.labels node, may be
 * absent. 1, 0, or an error of the selector. arena: for compiling it. */
PIN_API int	 pin_labels_match(struct pin_arena *, const struct pin_obj *o,
    pin_node selector, const struct pin_obj *with, pin_node labels);
/* selector: a plain map, as a Service's spec.selector; absent or empty
 * selects nothing here. */
PIN_API int	 pin_labels_match_map(const struct pin_obj *o,
    pin_node selector, const struct pin_obj *with, pin_node labels);

#endif
