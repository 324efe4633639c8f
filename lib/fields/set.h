/* SPDX-License-Identifier: BSD-2-Clause
 *
 * set.h -- a set of field paths as a tree of sorted children. A node is
 * `member` when its own path is in the set.
 * Pure; private to lib/fields. Lives in an arena; operations share nodes.
 * Contract: no node without a member in or below it, but the root. */
#ifndef PIN_FIELDS_SET_H
#define PIN_FIELDS_SET_H

#include <pintle/object.h>

/* What a key or value in a path element is: an order over all values. */
struct pin__fval {
	struct pin_str	name;		/* of a key */
	struct pin_str	text;		/* string */
	int64_t		i;
	double		d;
	int32_t		rank;		/* PIN__FV_* */
	int32_t		is_float;
};

enum {
	PIN__FV_NUMBER, PIN__FV_STRING, PIN__FV_BOOL, PIN__FV_OTHER,
	PIN__FV_NULL,
};

enum { PIN__PE_FIELD, PIN__PE_KEY, PIN__PE_VALUE, PIN__PE_INDEX };

/* text is what stands in FieldsV1 behind "f:", "k:", "v:" or "i:". */
struct pin__fpe {
	struct pin_str		 text;
	struct pin__fval	*val;	/* KEY: n of them; VALUE, INDEX: one */
	uint32_t		 n;
	int32_t			 kind;
};

struct pin__fset {
	struct pin__fpe		 pe;
	struct pin__fset	*child;		/* sorted */
	struct pin__fset	*last;
	struct pin__fset	*next;
	int32_t			 member;
	int32_t			 pad;
};

/* Memory of one operation; `failed` is sticky. */
struct pin__fmem {
	struct pin_arena	*arena;
	int			 failed;
};

struct pin__fset *pin__fset_new(struct pin__fmem *);
int	pin__fpe_cmp(const struct pin__fpe *, const struct pin__fpe *);
/* The child with this element, made when it is missing. The element's text
 * and values must live as long as the arena. NULL: no memory. */
struct pin__fset *pin__fset_at(struct pin__fmem *, struct pin__fset *,
	    const struct pin__fpe *);
struct pin__fset *pin__fset_find(const struct pin__fset *,
	    const struct pin__fpe *);
int	pin__fset_empty(const struct pin__fset *);
/* NULL stands for an empty set, in and out. */
struct pin__fset *pin__fset_union(struct pin__fmem *,
	    const struct pin__fset *, const struct pin__fset *);
struct pin__fset *pin__fset_minus(struct pin__fmem *,
	    const struct pin__fset *, const struct pin__fset *);
struct pin__fset *pin__fset_meet(struct pin__fmem *,
	    const struct pin__fset *, const struct pin__fset *);

/* FieldsV1: reading from a node (text is borrowed from the object), writing
 * as members of an object node. PIN_EINVAL: malformed. */
int	pin__fset_read(struct pin__fmem *, const struct pin_obj *, pin_node,
	    struct pin__fset **, struct pin_err *);
int	pin__fset_write(struct pin_obj *, pin_node,
	    const struct pin__fset *);
/* Could `set` share a member with the FieldsV1 node? Cheap, by text. */
int	pin__fset_touches(const struct pin__fset *, const struct pin_obj *,
	    pin_node);
/* One element of FieldsV1. PIN_ENOMEM, PIN_EINVAL, 1: unknown kind. */
int	pin__fpe_read(struct pin__fmem *, struct pin_str key,
	    struct pin__fpe *, struct pin_err *);
/* An item's value into *v; text borrowed. */
void	pin__fval_of(const struct pin_obj *, pin_node, struct pin__fval *);
int	pin__fval_cmp(const struct pin__fval *, const struct pin__fval *);
/* Deep copy of an element into the arena. */
int	pin__fpe_keep(struct pin__fmem *, const struct pin__fpe *,
	    struct pin__fpe *);
/* New member "K:text" of an object node, K of the kind; 0: no memory. The
 * text may lie in the object itself. */
pin_node pin__fpe_put(struct pin_obj *, pin_node, const struct pin__fpe *);
pin_node pin__fields_put(struct pin_obj *, pin_node, char kind,
	    struct pin_str text);
pin_node pin__fields_dot(struct pin_obj *, pin_node);

/* As a path prints it: .name, [key="x"], [="x"], [3]. */
void	pin__fpe_say(struct pin_out *, const struct pin__fpe *);

#endif
