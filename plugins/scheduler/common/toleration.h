/* SPDX-License-Identifier: BSD-2-Clause
 *
 * toleration.h -- does a pod tolerate a taint?
 * Pure; any thread.
 * Contract: core/v1 Toleration.ToleratesTaint. */
#ifndef PIN_SCHEDULER_TOLERATION_H
#define PIN_SCHEDULER_TOLERATION_H

#include <pintle/object.h>

struct taint {
	struct pin_str	key, value, effect;
};

/* Any of the pod's tolerations. effect: only tolerations that have this one
 * or none count; none: all do. */
int	pod_tolerates(const struct pin_obj *pod, const struct taint *,
	    struct pin_str effect);
struct taint taint_of(const struct pin_obj *, pin_node);

#endif
