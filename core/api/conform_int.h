/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform_int.h -- shared by the files behind conform.h.  They look behind
 * struct pin_obj (lib/json/json_int.h) for speed: the new object begins with a
 * copy of the old one's text, so that a string or key costs two offsets.
 * One thread at a time. Contract: conform.h. */
#ifndef PIN_CORE_API_CONFORM_INT_H
#define PIN_CORE_API_CONFORM_INT_H

#include "conform.h"

#include <string.h>

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
	const struct pin_type_row	*owner;	/* NULL: not a struct's
						 * member */
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
	const struct pin__facts	*facts;
	uint32_t		 flags;
	uint32_t		 depth;
	uint32_t		 empty;	/* kept by PIN_CONFORM_EMPTY */
	uint32_t		 pad;
	int			 soft;	/* the first error that let it go on */
	int			 hard;	/* the error that ended it */
	uint32_t		*slots;
	uint32_t		 nslots;
	uint32_t		 cap;
	uint32_t		 first[PIN__SLOTS_FIRST];
};

/* ---- look-ups ------------------------------------------------------- */

/* What a field's row says, in a byte: rows are a cache line each. */
#define PIN__FILL	1u	/* must be there: ALWAYS or NULL */
#define PIN__DEFAULT	2u	/* has a literal default, or from= */
#define PIN__RULES	4u	/* has named rules */
#define PIN__WHEN	8u	/* its default has a condition */
/* A type: defaults or rules of its own, or of a struct in it. */
#define PIN__OWN	1u
#define PIN__BELOW	2u

/* For the built-in schema: by type and by field. */
struct pin__facts {
	unsigned char	*type;
	unsigned char	*field;
};

const struct pin__facts *pin__facts_get(void);
unsigned char	 pin__field_facts(const struct pin_field_row *);

/* The facts of the fields of t, NULL when they are not kept. */
static inline const unsigned char *
pin__facts_of(struct pin_type t, const struct pin__facts *facts)
{
	return (t.schema == pin_schema_builtin() ? facts->field +
	    t.row->field0 : NULL);
}

static inline unsigned char
pin__fact(const unsigned char *facts, const struct pin_field_row *f,
    uint32_t k)
{
	return (facts != NULL ? facts[k] : pin__field_facts(&f[k]));
}

/* Equality of a name with len bytes at a; both have exactly len bytes. */
static inline int
pin__name_eq(const char *a, const char *b, size_t len)
{
	uint64_t x, y, v, w;
	uint32_t p, q, r, s;

	if (len >= 8) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		memcpy(&v, a + len - 8, 8);
		memcpy(&w, b + len - 8, 8);
		if (((x ^ y) | (v ^ w)) != 0)
			return (0);
		return (len <= 16 || memcmp(a + 8, b + 8, len - 16) == 0);
	}
	if (len >= 4) {
		memcpy(&p, a, 4);
		memcpy(&q, b, 4);
		memcpy(&r, a + len - 4, 4);
		memcpy(&s, b + len - 4, 4);
		return (((p ^ q) | (r ^ s)) == 0);
	}
	for (; len > 0; len--)
		if (a[len - 1] != b[len - 1])
			return (0);
	return (1);
}

/* pin_type_field, in the caller. */
static inline const struct pin_field_row *
pin__field_find(struct pin_type t, const char *name, size_t len)
{
	const struct pin_schema *s = t.schema;
	const struct pin_field_row *f;
	uint32_t h, pos;

	for (h = pin_name_hash(name, len);; h++) {
		pos = s->hashes[t.row->hash0 + (h & t.row->hash_mask)];
		if (pos == 0)
			return (NULL);
		f = &s->fields[t.row->field0 + pos - 1];
		if (f->name_len == len &&
		    pin__name_eq(s->strings + f->name, name, len))
			return (f);
	}
}

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
