/* SPDX-License-Identifier: BSD-2-Clause
 *
 * replicaset.h -- what the files of the replicaset controller share.
 * Controller loop. Contract: upstream's replicaset-controller. */
#ifndef REPLICASET_H
#define REPLICASET_H

#include "../common/meta.h"

enum { SETS, PODS };		/* rows */

/* One reconcile. */
struct rs {
	struct pin_reconcile *rc;
	struct pin_plan	*plan;
	const struct pin_obj *set;
	const struct pin_obj **pods;	/* its active ones */
	uint32_t	 n, cap;
	pin_node	 selector;
	int64_t		 want;		/* as many as this */
	int64_t		 again_s;	/* when the next becomes available */
	int64_t		 ready, available, labeled;
	int64_t		 terminating;
	int32_t		 rc_code;
	int		 asked, may;	/* adopt */
	/* Why the last plan ended: a PIN_REFUSED_..., and what was said. */
	int		 refused;
	struct pin_str	 refusal;
};

/* victims.c: those that go first are first. */
void	victims_first(struct rs *);

/* status.c */
void	replicaset_status(struct rs *);

#endif
