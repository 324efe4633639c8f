/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tree.h -- what patching needs of struct pin_obj beyond pintle/object.h:
 * walking without a stack, moving nodes, and lookups that stay fast on maps
 * and lists of any size.
 * Pure; private to lib/patch. One thread, as struct pin_obj.
 * A detached node hangs nowhere; it is put with pin__tree_put or _order. */
#ifndef PIN_PATCH_TREE_H
#define PIN_PATCH_TREE_H

#include "lib/json/json_int.h"

/* The next node below `top` in document order, 0 at the end. `n` may just
 * have been removed, then its children are skipped. */
pin_node pin__tree_next(const struct pin_obj *, pin_node top, pin_node n);
pin_node pin__tree_skip(const struct pin_obj *, pin_node top, pin_node n);
pin_node pin__tree_parent(const struct pin_obj *, pin_node);
/* `n` takes value and type of `from`, a detached node that dies. */
void	pin__tree_become(struct pin_obj *, pin_node n, pin_node from);
/* Appends a detached node as member `key`, which must not be there. */
int	pin__tree_put(struct pin_obj *, pin_node parent, struct pin_str key,
	    pin_node);
/* The container's children become exactly these, in this order. */
void	pin__tree_order(struct pin_obj *, pin_node parent, const pin_node *,
	    uint32_t n);
void	pin__tree_clear(struct pin_obj *, pin_node parent);
/* Removes members that are null, at every depth, lists too. */
void	pin__tree_prune(struct pin_obj *, pin_node top);

/* Positions of values by equality: strings, numbers, booleans and null as
 * Go compares interface values; containers equal nothing. */
struct pin__vref {
	const struct pin_obj	*o;
	pin_node		 n;
};

struct pin__vindex {
	struct pin__vref	*v;
	uint32_t		*slot;		/* position + 1 */
	uint32_t		 n, cap, mask;
	int			 failed;
};

void	pin__vindex_init(struct pin__vindex *);
/* Position is the number of adds before. */
void	pin__vindex_add(struct pin__vindex *, struct pin__vref);
/* The first position with an equal value, or -1. */
int64_t	pin__vindex_find(const struct pin__vindex *, struct pin__vref);
void	pin__vindex_fini(struct pin__vindex *);
int	pin__value_eq(struct pin__vref, struct pin__vref);

/* Members of one object by key; small objects are searched as they are. */
struct pin__kindex {
	pin_node	*slot;
	uint32_t	 used, mask;
	int		 failed;
};

void	pin__kindex_init(struct pin__kindex *, const struct pin_obj *,
	    pin_node parent);
pin_node pin__kindex_get(const struct pin__kindex *, const struct pin_obj *,
	    pin_node parent, struct pin_str key);
/* A member that was put since. */
void	pin__kindex_add(struct pin__kindex *, const struct pin_obj *,
	    pin_node parent, pin_node);
/* Call before the member is removed. */
void	pin__kindex_del(struct pin__kindex *, const struct pin_obj *,
	    pin_node);
void	pin__kindex_fini(struct pin__kindex *);

/* Of equal keys in one object only the last may count: *out is `patch`
 * itself when there are none, else a copy in *own without them. */
int	pin__dup_clean(const struct pin_obj *patch,
	    const struct pin_obj **out, struct pin_obj **own,
	    struct pin_err *);
/* "string", "number", "bool", "array", "object", "null": as Go says. */
const char *pin__go_kind(int type);

#endif
