/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootstrap.h -- the objects every cluster has: made on first start, put
 * back when they are missing.
 * Thread: the control thread, before the listeners open.
 * Contract: upstream's post-start hooks; what a user changed stays. */
#ifndef PINTLE_BOOTSTRAP_H
#define PINTLE_BOOTSTRAP_H

#include "core/apiserver/apiserver.h"

int	bootstrap_run(struct apiserver *, struct pin_err *);
/* What names the address and port the server was bound to. */
int	bootstrap_listening(struct apiserver *, struct pin_err *);

/* One object, as JSON without server-owned metadata: defaulted, given uid
 * and times, and stored unless its key is there. Queued: bootstrap_wait ends
 * all of them. */
struct bootstrap;
int	bootstrap_put(struct bootstrap *, const char *group,
	    const char *version, const char *resource, struct pin_str json,
	    struct pin_err *);
/* The same, but merged (RFC 7386) into what is there already. */
int	bootstrap_merge(struct bootstrap *, const char *group,
	    const char *version, const char *resource, struct pin_str json,
	    struct pin_err *);
/* The same, but labels, annotations, rules and subjects that are missing come
 * back: roles and bindings, unless they are annotated otherwise. */
int	bootstrap_repair(struct bootstrap *, const char *group,
	    const char *version, const char *resource, struct pin_str json,
	    struct pin_err *);
const char *bootstrap_now(const struct bootstrap *);	/* the start's time */

#endif
