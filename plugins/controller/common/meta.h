/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meta.h -- what all controllers need of an object's metadata.
 * Pure. Contract: pintle/controller.h. */
#ifndef CONTROLLER_META_H
#define CONTROLLER_META_H

#include <pintle/controller.h>

struct pin_str	meta_get(const struct pin_obj *, const char *key);
pin_node	meta_labels(const struct pin_obj *);
int	meta_deleted(const struct pin_obj *);	/* has deletionTimestamp */
/* spec.KEY, or fallback. */
int64_t	spec_int(const struct pin_obj *, const char *key, int64_t fallback);
int64_t	status_int(const struct pin_obj *, const char *key);
/* The uid of the controlling owner; none: there is no such owner. */
struct pin_str	meta_controller(const struct pin_obj *);
struct pin_target meta_target(const struct pin_obj *, const char *group,
	    const char *version, const char *resource);
/* metadata.ownerReferences of `child`: owner, controlling and blocking. */
void	meta_own(struct pin_obj *child, const struct pin_obj *owner,
	    const char *api_version, const char *kind);
/* A suffix from an object's uid and a number: the same for the same. */
void	meta_suffix(struct pin_str uid, uint64_t salt, char out[6]);

/* RFC 3339 of UNIX seconds, and back (0: it is none). */
void	meta_time(int64_t, char out[32]);
int64_t	meta_seconds(struct pin_str);

/* ---- pods ------------------------------------------------------------ */

int	pod_ended(const struct pin_obj *);	/* Succeeded or Failed */
int	pod_active(const struct pin_obj *);	/* not ended, not leaving */
int	pod_ready(const struct pin_obj *);
/* Ready for min_ready_s; else *again_s is when it will be. */
int	pod_available(const struct pin_obj *, int64_t min_ready_s,
	    int64_t now_s, int64_t *again_s);

void	meta_annotate(struct pin_obj *, const char *key, int64_t);

/* ---- whose it is ----------------------------------------------------- */

/* A strategic merge patch that puts owner among child's owners, controlling;
 * or takes it out. `child` names the child by uid. */
void	plan_adopt(struct pin_reconcile *, struct pin_plan *,
	    struct pin_target child, const struct pin_obj *owner,
	    const char *api_version, const char *kind);
void	plan_release(struct pin_reconcile *, struct pin_plan *,
	    struct pin_target child, const struct pin_obj *owner);
/* An object may be adopted only by one that the server, asked just now, has
 * and does not delete. 1: yes. 0: no, or ask first (asked is planned). */
int	may_adopt(struct pin_reconcile *, struct pin_plan *,
	    struct pin_target owner);

/* ---- status ------------------------------------------------------------ */

/* Writes the status subresource with the members of `status` put into what
 * is there (null: taken out), unless they are there already. An update, not
 * a patch: that is what upstream's roles allow controllers. */
void	plan_status(struct pin_reconcile *, struct pin_plan *,
	    const struct pin_obj *object, struct pin_target,
	    const struct pin_obj *status);

/* Also when they are: something else of the object changes with it. */
void	plan_status_anyway(struct pin_reconcile *, struct pin_plan *,
	    const struct pin_obj *object, struct pin_target,
	    const struct pin_obj *status);

/* The map of a row whose objects have a controller of this kind: the keys of
 * the one it has and the one it had; an orphan concerns every object of row
 * index in its namespace whose selector would take it. */
void	meta_map_owned(struct pin_reconcile *, const struct pin_obj *object,
	    const struct pin_obj *before, const char *kind, uint32_t index,
	    struct pin_keys *);

#endif
