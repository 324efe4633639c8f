/* SPDX-License-Identifier: BSD-2-Clause
 *
 * namespace.h -- what the files of the namespace controller share.
 * Controller loop. Contract: upstream's namespace-controller. */
#ifndef NAMESPACE_H
#define NAMESPACE_H

#include "../common/meta.h"

#define REMAIN_MAX	64	/* resources and finalizers that are named */

enum { NAMESPACES, ANYTHING };

struct remain {			/* what is still there */
	char		 text[320];	/* sorted by this */
	int64_t		 n;
};

struct leaving {
	struct pin_reconcile *rc;
	struct pin_plan	*plan;
	const struct pin_obj *ns;
	struct pin_str	 name;
	const struct pin_resource *res;	/* all the server has */
	uint32_t	 nres;
	uint32_t	 failures;	/* resources that would not go */
	struct remain	 left[REMAIN_MAX], held[REMAIN_MAX], bad[REMAIN_MAX];
	uint32_t	 nleft, nheld, nbad;
	int64_t		 grace_s;	/* of the pods that remain */
	int64_t		 total;
};

/* n more of that; sorted by its text. */
void	remain_add(struct remain *, uint32_t *count, const char *text,
	    int64_t n);

/* status.c: the namespace with its phase and conditions; written if they
 * are others than it has. */
void	namespace_status(struct leaving *);

#endif
