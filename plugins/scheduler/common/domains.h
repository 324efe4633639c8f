/* SPDX-License-Identifier: BSD-2-Clause
 *
 * domains.h -- numbers by topology domain (a node label and its value), and
 * whom a pod's terms select.
 * Lives in the arena of one cycle. Contract: upstream's podtopologyspread and
 * interpodaffinity. */
#ifndef SCHEDULER_DOMAINS_H
#define SCHEDULER_DOMAINS_H

#include <pintle/scheduler.h>

struct domains {
	struct pin_arena *arena;
	struct domain {
		struct pin_str	 key, value;
		int64_t		 n;
		uint32_t	 used, pad;
	}		*slot;
	uint32_t	 nslots, n;
};

void	domains_init(struct domains *, const struct pin_snapshot *);
/* The number of a domain, 0 at first. NULL: no memory. */
int64_t	*domains_add(struct domains *, struct pin_str key,
	    struct pin_str value);
/* Of one that may not be there: 0. */
int64_t	domains_get(const struct domains *, struct pin_str key,
	    struct pin_str value);

/* 1: the node has the label. */
int	node_domain(const struct pin_snapshot *, uint32_t node,
	    struct pin_str key, struct pin_str *value);

pin_node pod_labels(const struct pin_obj *);
struct pin_str	pod_namespace(const struct pin_obj *);
/* labelSelector of `term`, which is pod's, with its matchLabelKeys and
 * mismatchLabelKeys, selects `other` by its labels. */
int	term_selects(struct pin_arena *, const struct pin_obj *pod,
	    pin_node term, const struct pin_obj *other);

#endif
