/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform_int.h -- shared by the files behind conform.h.  They look behind
 * struct pin_obj (lib/json/json_int.h) for speed: the new object begins with a
 * copy of the old one's text, so that a string or key costs two offsets.
 * One thread at a time. Contract: conform.h. */
#ifndef PIN_CORE_API_CONFORM_INT_H
#define PIN_CORE_API_CONFORM_INT_H

#include "conform.h"
#include "lib/json/json_int.h"

/* Structs within structs; only a schema within schemas goes deep. */
#define PIN_CONFORM_DEPTH_MAX	128
/* Members waiting for their place, of all structs one is within. */
#define PIN__SLOTS_FIRST	384
/* A slot of a member that came but has no place in the result. */
#define PIN__SLOT_SEEN		0xffffffffu

/* Where a value is: a member of a struct (owner), of a map, an element. */
struct pin__at {
	const struct pin__at		*up;
	const struct pin_type_row	*owner;	/* NULL: not a struct's member */
	const struct pin_schema		*schema;
	const char			*name;	/* NULL: an element */
	uint32_t			 len;
	uint32_t			 index;
};

struct pin__conform {
	struct pin_arena	*arena;
	const struct pin_obj	*in;	/* the input's, or out's own nodes */
	struct pin_obj		*out;
	struct pin_strict	*strict;
	struct pin_err		*err;
	uint32_t		 flags;
	uint32_t		 depth;
	int			 soft;	/* the first error that let it go on */
	int			 hard;	/* the error that ended it */
	uint32_t		*slots;
	uint32_t		 nslots;
	uint32_t		 cap;
	uint32_t		 first[PIN__SLOTS_FIRST];
};

/* ---- conform.c ------------------------------------------------------ */

/* The value of node i (of c->in) in field f of t, loose; 0: absent. */
pin_node pin__conform_field(struct pin__conform *, struct pin_type t,
	    const struct pin_field_row *f, pin_node i,
	    const struct pin__at *at);
/* What a member without a value has, when it must be there. */
pin_node pin__conform_zero(struct pin__conform *, struct pin_type,
	    const struct pin_field_row *);
/* Room for n more slots, cleared; the first one's index. */
int	 pin__slots_push(struct pin__conform *, uint32_t n, uint32_t *base);
/* Stops the walk. Returns 0. */
pin_node pin__conform_fail(struct pin__conform *, int code);

/* ---- conform_value.c ------------------------------------------------ */

/* A scalar, null too; 0: no value (null) or an error. */
pin_node pin__conform_scalar(struct pin__conform *,
	    const struct pin_field_row *, pin_node i, const struct pin__at *);
/* A node with bytes of its own. */
pin_node pin__text_node(struct pin__conform *, int type, const char *,
	    size_t len);
/* s in base64, (s.len + 2) / 3 * 4 bytes at to. */
void	 pin__base64_put(char *to, struct pin_str s);
/* false, 0, "", null, an empty tree. */
int	 pin__node_zero(const struct pin_obj *, pin_node);
/* The same of field f, where {} may be a value. */
int	 pin__value_zero(const struct pin_obj *, const struct pin_field_row *,
	    pin_node);

/* ---- conform_text.c ------------------------------------------------- */

void	 pin__strict_report(struct pin__conform *, const char *what,
	    const struct pin__at *up, struct pin_str name);
/* Keeps going: the first of these counts. Returns 0. */
pin_node pin__type_error(struct pin__conform *, const struct pin__at *,
	    struct pin_type, const struct pin_field_row *, int shape,
	    pin_node);
pin_node pin__type_error_as(struct pin__conform *, const struct pin__at *,
	    pin_node, const char *go_type);

/* ---- defaults.c ----------------------------------------------------- */

int	 pin__defaults(struct pin__conform *, struct pin_type, pin_node);
/* Hangs the loose node n into o at the place field f has. */
void	 pin__put_field(struct pin__conform *, struct pin_type, pin_node o,
	    const struct pin_field_row *f, pin_node n);

/* Gives the member `to` the value of the loose node n. */
void	 pin__take(struct pin_obj *, pin_node to, pin_node n);
/* Hangs a loose node that has its key into parent, before 0 (the end) or a
 * child. */
void	 pin__link_before(struct pin_obj *, pin_node parent, pin_node before,
	    pin_node n);
/* The same at the end, with a key. */
void	 pin__link_key(struct pin_obj *, pin_node parent, struct pin_str key,
	    pin_node n);

/* ---- defaults_rules.c ----------------------------------------------- */

/* o: the object; f: the field a field's rule is on, else NULL. */
void	 pin__rule_run(struct pin__conform *, uint32_t rule, struct pin_type,
	    pin_node o, const struct pin_field_row *f);

#endif
