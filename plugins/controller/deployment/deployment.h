/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deployment.h -- what the files of the deployment controller share.
 * Controller loop. Contract: upstream's deployment-controller; the proportion
 * rules are util/deployment_util's. */
#ifndef DEPLOYMENT_H
#define DEPLOYMENT_H

#include "../common/meta.h"

#define SETS_MAX	256	/* ReplicaSets of one Deployment */
#define HASH_LABEL	"pod-template-hash"
#define REVISION	"deployment.kubernetes.io/revision"
#define DESIRED		"deployment.kubernetes.io/desired-replicas"
#define MAX_REPLICAS	"deployment.kubernetes.io/max-replicas"

enum { DEPLOYMENTS, SETS, PODS };

struct set {
	const struct pin_obj *o;
	int64_t		 replicas;	/* spec, as it shall be */
	int64_t		 was;		/* spec, as it is */
	int64_t		 actual, ready, available;	/* status */
	int64_t		 revision;
};

struct deploy {
	struct pin_reconcile *rc;
	struct pin_plan	*plan;
	const struct pin_obj *d;
	pin_node	 spec;
	struct set	 old[SETS_MAX];	/* other templates, oldest first */
	uint32_t	 nold;
	uint32_t	 have_new;
	struct set	 cur;		/* of the current template */
	int64_t		 replicas, surge, unavailable;
	int64_t		 max_revision;	/* of the old ones */
	int		 recreate, paused;
	char		 hash[16];
};

/* template.c */
void	template_hash(const struct pin_obj *d, int64_t collisions,
	    char out[16]);
/* Are they equal, the hash label aside? */
int	template_equal(const struct pin_obj *d, const struct pin_obj *set);
struct pin_obj *template_set(struct deploy *, int64_t replicas);

/* rollout.c: decides replicas of all sets. */
void	rollout(struct deploy *);

/* status.c */
void	deployment_status(struct deploy *);

#endif
