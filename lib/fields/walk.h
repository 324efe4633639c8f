/* SPDX-License-Identifier: BSD-2-Clause
 *
 * walk.h -- what comparing (compare.c) and creating (create.c) share: types
 * of members, identities of list items, paths that are left out.
 * Pure; private to lib/fields. */
#ifndef PIN_FIELDS_WALK_H
#define PIN_FIELDS_WALK_H

#include "lib/fields/fields.h"
#include "lib/fields/set.h"

struct pin__fwalk {
	struct pin__fmem		*m;
	const struct pin_fields_schema	*schema;
	const struct pin_str		*reset;
	uint32_t			 nreset;
	struct pin_err			*err;
};

/* One step of the path being walked; the root has up NULL. */
struct pin__fstep {
	const struct pin__fstep	*up;
	struct pin_str		 name;	/* of a field, else none */
	int			 depth;
};

/* A list item and what identifies it. */
struct pin__fitem {
	struct pin__fpe	pe;
	pin_node	n;
	uint32_t	pos;
};

/* How a value of this type is walked: SCALAR, MAP or LIST. */
int	pin__fwalk_shape(const struct pin_fields_type *,
	    const struct pin_obj *, pin_node);
void	pin__fwalk_member(const struct pin__fwalk *,
	    const struct pin_fields_type *, struct pin_str name,
	    struct pin_fields_type *);
void	pin__fwalk_element(const struct pin__fwalk *,
	    const struct pin_fields_type *, struct pin_fields_type *);
/* Is this path (its last step given apart) left out of all sets? */
int	pin__fwalk_reset(const struct pin__fwalk *, const struct pin__fstep *,
	    struct pin_str name);
/* Items of a list sorted by identity, then place; text in the arena. */
int	pin__fwalk_items(const struct pin__fwalk *,
	    const struct pin_fields_type *, const struct pin_obj *,
	    pin_node list, struct pin__fitem **, uint32_t *n);
/* Nobody owns these: apiVersion, kind, metadata.name, ... */
int	pin__fwalk_stripped(const struct pin__fstep *, struct pin_str name);

/* What changed between two objects; members of no set twice. */
struct pin__fdiff {
	struct pin__fset	*changed;	/* added or modified */
	struct pin__fset	*removed;
};

int	pin__fields_compare(struct pin__fwalk *,
	    const struct pin_fields_type *, const struct pin_obj *old,
	    const struct pin_obj *new, struct pin__fdiff *);
/* Writes the whole set of a first owner below `out`, a node of new. */
int	pin__fields_create(struct pin__fwalk *,
	    const struct pin_fields_type *, const struct pin_obj *old,
	    struct pin_obj *new, pin_node out);

/* ---- for apply --------------------------------------------------------- */

/* All paths config sets. */
int	pin__fields_of(struct pin__fwalk *, const struct pin_fields_type *,
	    const struct pin_obj *, struct pin__fset **);
/* Every member of config must be of the type: PIN_EINTERNAL names the first
 * that is not (".spec.x: field not declared in schema"). */
int	pin__fields_fit(struct pin__fwalk *, const struct pin_fields_type *,
	    const struct pin_obj *config);
/* Puts config over the object, in place. */
int	pin__fields_merge(struct pin__fwalk *, const struct pin_fields_type *,
	    struct pin_obj *, const struct pin_obj *config);
/* Removes the paths of the set from the object, in place. */
int	pin__fields_drop(struct pin__fwalk *, const struct pin_fields_type *,
	    struct pin_obj *, const struct pin__fset *);
/* Named fields of structures above members become members too. */
struct pin__fset *pin__fields_named(struct pin__fwalk *,
	    const struct pin_fields_type *, const struct pin__fset *);

#endif
