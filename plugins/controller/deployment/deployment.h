/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deployment.h -- what the files of the deployment controller share.
 * Controller loop. Contract: upstream's deployment-controller; the proportion
 * rules are util/deployment_util's. */
#ifndef DEPLOYMENT_H
#define DEPLOYMENT_H

#include "../common/meta.h"

#define SETS_MAX	256	/* ReplicaSets of one Deployment */
#define CREATE_ERROR	"ReplicaSetCreateError"
#define CREATE_TEXT	"Failed to create new replica set \"" PIN_SFMT	\
			"-%s\": " PIN_SFMT
#define NO_DEADLINE	INT32_MAX
#define HASH_LABEL	"pod-template-hash"
#define REVISION	"deployment.kubernetes.io/revision"
#define HISTORY		"deployment.kubernetes.io/revision-history"
#define DESIRED		"deployment.kubernetes.io/desired-replicas"
#define MAX_REPLICAS	"deployment.kubernetes.io/max-replicas"

enum { DEPLOYMENTS, SETS, PODS };

struct set {
	const struct pin_obj *o;
	int64_t		 replicas;	/* spec, as it shall be */
	int64_t		 was;		/* spec, as it is */
	int64_t		 actual, ready, available;	/* status */
	int64_t		 terminating;
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
	int		 scaling;	/* spec.replicas was changed */
	int		 pods_left;	/* of old templates, any state */
	int		 asked, may;	/* adopt */
	int		 claimed;	/* sets were adopted or let go */
	/* Why the newest set could not be made the last time; none: it could,
	 * or was not tried. */
	struct pin_str	 refusal;
	int64_t		 collisions;
	char		 hash[16];
};

/* main.c */
struct pin_str	annotation(const struct pin_obj *, const char *key);
int64_t	annotation_int(const struct pin_obj *, const char *key);
				/* -1: there is none */

/* sync.c: writes sets as they shall be. */
int	sync_sets(struct deploy *, struct pin_err *);
/* Of the newest set; 0: leave the Deployment's. */
int64_t	sync_revision(const struct deploy *);

/* template.c */
void	template_hash(const struct pin_obj *d, int64_t collisions,
	    char out[16]);
/* Are they equal, the hash label aside? */
int	template_equal(const struct pin_obj *d, const struct pin_obj *set);
struct pin_obj *template_set(struct deploy *, int64_t replicas);
/* May a set have this annotation of its Deployment? */
int	template_annotation(struct pin_str key);

/* rollout.c: decides replicas of all sets. */
int	rollout_is_scaling(const struct deploy *);
void	rollout(struct deploy *);

/* status.c */
void	deployment_status(struct deploy *);

#endif
