/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ctlkit -- one controller plugin over a world (world.h) it sees all of: puts
 * objects, asks for one key's plan, carries it out.
 * One thread. A failed fixture ends the test. */
#ifndef PIN_TESTS_CTLKIT_H
#define PIN_TESTS_CTLKIT_H

#include "core/host/sim.h"
#include "core/loader/loader_int.h"
#include "world.h"

struct ctl {
	struct pin_sim	*sim;
	struct pin_module *module;
	const struct pin_controller_ops *ops;
	struct pin_env	*env;
	struct pin_conf	*conf;
	void		*self;
	struct world	 w;
	struct pin_reconcile rec;
	struct pin_arena *plans;
	struct live_result *live;	/* for the next ctl_plan */
	int64_t		 now;		/* UNIX, s */
	uint64_t	 requeue_ms;	/* the last plan's; 0: none */
	char		*text;		/* the last plan */
	uint32_t	 nkeys;		/* ctl_map's */
	char		 key[16][128];
};

void	ctl_open(struct ctl *, const char *plugin);
void	ctl_close(struct ctl *);
/* "apps/replicasets": made, or merged into what is there. */
void	ctl_put(struct ctl *, const char *resource, const char *fmt, ...)
	    PIN_PRINTF(3, 4);
void	ctl_delete(struct ctl *, const char *resource, const char *ns,
	    const char *name);
/* The plan before this one was refused: PIN_REFUSED_... */
void	ctl_refused(struct ctl *, int verb, const char *resource,
	    const char *status);
/* One line a write, "VERB PATH BODY", then "event TYPE REASON MESSAGE". Lives
 * until the next one. */
const char *ctl_plan(struct ctl *, const char *ns, const char *name);
/* And carries it out. */
const char *ctl_do(struct ctl *, const char *ns, const char *name);
/* Until it plans no more writes; the number of plans that had some. */
int	ctl_settle(struct ctl *, const char *ns, const char *name);
/* Which keys a change of this object concerns: key[0..nkeys), "ns/name". */
void	ctl_map(struct ctl *, uint32_t row, const char *json,
	    const char *before);
/* How often is it in there? */
int	ctl_count(const char *text, const char *what);
/* An object as JSON. Heap; NULL: not there. */
char	*ctl_get(struct ctl *, const char *resource, const char *ns,
	    const char *name);

#endif
