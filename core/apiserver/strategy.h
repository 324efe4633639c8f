/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strategy.h -- what is special about single kinds when they are written:
 * the rows that no schema can hold.
 * Front loop. Contract: upstream's registry strategies. */
#ifndef PINTLE_STRATEGY_H
#define PINTLE_STRATEGY_H

#include "core/apiserver/apiserver.h"

/* Each may be NULL. prepare works on r->obj; old is r->old on update. */
struct strategy {
	const char	*group, *resource;
	int		(*create)(struct request *);
	int		(*update)(struct request *);
	/* A delete marks instead of removing: changes r->obj (a copy of old);
	 * *gone: remove at once after all. */
	int		(*delete)(struct request *,
			    const struct pin_obj *options, int *gone);
	void		(*release)(struct request *);	/* give back r->alloc */
	void		(*removed)(struct request *);	/* it is gone for
							 * good */
	uint32_t	 returns_object;		/* DELETE answers with
							 * it */
	uint32_t	 pad;
};

extern const struct strategy strategies[];
extern const uint32_t nstrategies;

const struct strategy *strategy_of(struct request *);	/* never NULL */

/* Before the fields are managed. Create: the status is reset. Update: what this
 * (sub)resource must not change comes from the old object. */
int	strategy_scope(struct request *);
int	strategy_prepare(struct request *);
void	strategy_names(struct request *, struct pin_causes *);
void	strategy_release(struct request *);
/* Deleted, and no finalizer left: may it go? */
int	strategy_may_vanish(struct request *);
int	strategy_strategic(struct request *, struct pin_obj *doc,
	    struct pin_obj *patch);

/* prepare.c: the resource's PIN_PREPARE words; early: before the fields are
 * managed. */
int	prepare_run(struct request *, int early);

/* pod.c, namespace.c, service.c ... */
int	pod_create(struct request *);
int	pod_update(struct request *);
int	pod_delete(struct request *, const struct pin_obj *, int *gone);
int	namespace_create(struct request *);
int	namespace_update(struct request *);
int	namespace_delete(struct request *, const struct pin_obj *, int *gone);

#endif
