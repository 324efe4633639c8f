/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nodeselector.h -- does a pod want a node: spec.nodeSelector and the required
 * terms of its node affinity.
 * Pure. Contract: upstream's nodeaffinity, labels.Requirement. */
#ifndef SCHEDULER_NODESELECTOR_H
#define SCHEDULER_NODESELECTOR_H

#include <pintle/scheduler.h>

/* Does it care? */
int	pod_wants_nodes(const struct pin_obj *pod);
/* `node`: its brief. */
int	pod_wants_node(const struct pin_obj *pod, const struct pin_obj *node,
	    struct pin_str name);
/* An empty term matches nothing. */
int	node_term_matches(const struct pin_obj *, pin_node term,
	    const struct pin_obj *node, struct pin_str name);

#endif
