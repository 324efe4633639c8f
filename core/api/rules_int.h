/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rules_int.h -- what the files of named defaulting rules share: members of
 * the new object by name, put where the canonical order has them.
 * One thread at a time.
 * Contract: rules.def. */
#ifndef PIN_CORE_API_RULES_INT_H
#define PIN_CORE_API_RULES_INT_H

#include "conform_int.h"

/* A member, 0 when it is absent or null. */
pin_node pin__rule_get(const struct pin__conform *, pin_node o, const char *);
/* The struct that member is (or its items are). */
struct pin_type pin__rule_type(struct pin_type, const char *name);
/* The member becomes the loose node, which 0 leaves alone. */
void	 pin__rule_put(struct pin__conform *, struct pin_type, pin_node o,
	    const char *name, pin_node);
/* The member, made when there is none. */
pin_node pin__rule_tree(struct pin__conform *, struct pin_type, pin_node o,
	    const char *name, int type);
/* Each member of one map that the other lacks is copied there. */
void	 pin__rule_fill(struct pin__conform *, pin_node from, pin_node to);
void	 pin__rule_map_put(struct pin__conform *, pin_node map,
	    struct pin_str key, pin_node);

/* Is it an image's name? *tag gets its tag, "" when only a digest says which,
 * p NULL when nothing does. */
int	 pin__image_tag(struct pin_str image, struct pin_str *tag);

void	 pin__rule_pod(struct pin__conform *, struct pin_type, pin_node o,
	    const struct pin_field_row *);

#endif
