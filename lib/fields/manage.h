/* SPDX-License-Identifier: BSD-2-Clause
 *
 * manage.h -- the entries of managedFields while one operation works on
 * them, shared by update (manage.c) and apply (apply.c).
 * Pure; private to lib/fields. Everything lives in the operation's arena. */
#ifndef PIN_FIELDS_MANAGE_H
#define PIN_FIELDS_MANAGE_H

#include "lib/fields/walk.h"

struct pin__mf_entry {
	struct pin_str		 manager, version, time, sub;
	const struct pin_obj	*src;	/* where it came from, or NULL */
	pin_node		 node;	/* the whole entry there */
	pin_node		 fields;
	struct pin__fset	*set;	/* once parsed */
	int			 applied;
	int			 fresh;	/* differs from src's */
	int			 gone;
};

struct pin__mf_list {
	struct pin__mf_entry	*e;
	uint32_t	 n, cap;
};

struct pin__mf_job {
	struct pin__fmem		 m;
	const struct pin_fields_op	*op;
	struct pin__fwalk		 w;
	struct pin__mf_list			 l;
	struct pin_err			*err;
};

int	pin__mf_no_memory(struct pin__mf_job *);
/* A new entry, zeroed; older pointers to entries die. */
struct pin__mf_entry *pin__mf_add(struct pin__mf_job *);
struct pin__mf_entry *pin__mf_find(struct pin__mf_job *,
	    const struct pin__mf_entry *like);
int	pin__mf_parse_set(struct pin__mf_job *, struct pin__mf_entry *);
int	pin__mf_read_list(struct pin__mf_job *, const struct pin_obj *,
	    pin_node managed, int parse);
pin_node pin__mf_managed_of(const struct pin_obj *);
/* The object without its list. */
void	pin__mf_forget(struct pin_obj *);
/* Takes what changed from every entry. */
int	pin__mf_release(struct pin__mf_job *, const struct pin__fdiff *);
/* Takes out what nobody owns. */
void	pin__mf_strip(struct pin__fset *);
void	pin__mf_name_self(const struct pin__mf_job *, struct pin__mf_entry *);
int	pin__mf_write_list(struct pin__mf_job *, struct pin_obj *);

#endif
