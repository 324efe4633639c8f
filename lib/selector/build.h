/* SPDX-License-Identifier: BSD-2-Clause
 *
 * build.h -- how a selector is put together before it becomes one block.
 * Pure; private to lib/selector.
 * Strings in a build point into the source; finish copies them. */
#ifndef PIN_SELECTOR_BUILD_H
#define PIN_SELECTOR_BUILD_H

#include "lib/selector/selector.h"

#define SELECTOR_MAGIC		0x5e1ec701u
#define FIELDSEL_MAGIC		0x5e1ec702u

struct pin_selector {
	uint32_t		 magic;
	uint32_t		 nreq;
	int32_t			 nothing;
	int32_t			 heap;
	struct pin_sel_req	*req;
};

struct pin__sel_row {
	struct pin_str	key;
	uint32_t	first;		/* into val */
	uint32_t	nvalues;
	uint32_t	pos;		/* for a stable sort */
	int32_t		op;
};

struct pin__sel_build {
	struct pin__sel_row	*row;
	struct pin_str		*val;
	uint32_t		 nrow, caprow;
	uint32_t		 nval, capval;
};

/* PIN_OK or PIN_ENOMEM. A value belongs to the newest row. */
int	pin__sel_row(struct pin__sel_build *, struct pin_str key, int op);
int	pin__sel_value(struct pin__sel_build *, struct pin_str);
/* Sorts and drops equal values of the newest row. */
void	pin__sel_unique(struct pin__sel_build *);
/* The newest row against upstream's rules for a requirement. */
int	pin__sel_check(const struct pin__sel_build *, struct pin_err *);
int	pin__sel_finish(struct pin__sel_build *, struct pin_arena *,
	    int nothing, struct pin_selector **, struct pin_err *);
void	pin__sel_fini(struct pin__sel_build *);

#endif
