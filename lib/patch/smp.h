/* SPDX-License-Identifier: BSD-2-Clause
 *
 * smp.h -- what the two halves of strategic merge share: maps (strategic.c)
 * and lists (list.c).
 * Pure; private to lib/patch. */
#ifndef PIN_PATCH_SMP_H
#define PIN_PATCH_SMP_H

#include "lib/patch/patch.h"
#include "lib/patch/tree.h"

struct pin__smp {
	struct pin_obj			*o;	/* the document */
	const struct pin_obj		*p;	/* the patch, no equal keys */
	const struct pin_merge_schema	*schema;
	struct pin_err			*err;
};

/* Nodes of one side; a growing slice that behaves like Go's, because the
 * order of results depends on what shares memory with what. */
struct pin__list {
	pin_node	*v;
	uint32_t	 n, cap;
	int		 borrowed;	/* v belongs to another list */
};

/* Merges patch member map `src` into document map `dst` of `type`. */
int	pin__smp_map(struct pin__smp *, pin_node dst, pin_node src,
	    uint32_t type, int depth);
/* Merges or deletes: `dst` and `src` are lists. */
int	pin__smp_list(struct pin__smp *, pin_node dst, pin_node src,
	    const struct pin_merge_field *, int is_delete, int depth);
/* The same under "$setElementOrder/": dst (a list) and src may be 0, not
 * both; a missing dst is made by the caller first, as an empty list, and
 * then `was` is 0. */
int	pin__smp_ordered(struct pin__smp *, pin_node dst, int was,
	    pin_node src, pin_node order, const struct pin_merge_field *,
	    int depth);

/* The field of a list or of a map; refuses what has none. */
int	pin__smp_field(struct pin__smp *, uint32_t type, struct pin_str name,
	    int list, struct pin_merge_field *);
/* A detached copy without maps that hold "$patch"; with prune without null
 * members too. *drop is set when the value itself holds "$patch". */
pin_node pin__smp_take(struct pin__smp *, pin_node src, int prune,
	    int *drop);
int	pin__smp_bad_type(struct pin__smp *, const char *want,
	    struct pin__vref);
int	pin__smp_no_memory(struct pin__smp *);
/* Refuses with a text that holds a value printed as Go prints it. */
int	pin__smp_no_key(struct pin__smp *, struct pin__vref map,
	    struct pin_str key);
int	pin__smp_bad_directive(struct pin__smp *, pin_node map);

#define PIN__SMP_TEXT_MAX	4096

#endif
