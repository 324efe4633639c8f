/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform.h -- from any JSON to the canonical object of its type: one walk
 * that finds unknown and duplicate fields, checks types, normalises as
 * upstream's typed round trip does, defaults, and puts members into canonical
 * order; and the structural checks of a finished object.
 * Pure; any thread. Contract: core/api/table.h says what each row means,
 * core/api/rules.def what each named rule does. */
#ifndef PINTLE_CONFORM_H
#define PINTLE_CONFORM_H

#include <pintle/validation.h>

#include "table.h"

#define PIN_STRICT_MAX	100	/* reports kept; a last one counts the rest */

/* What fieldValidation reports: 'unknown field "spec.foo"',
 * 'duplicate field "spec.replicas"', in document order. */
struct pin_strict {
	struct pin_arena *arena;
	uint32_t	 n;		/* kept */
	uint32_t	 more;		/* not kept */
	uint32_t	 empty;		/* kept as they came: _EMPTY */
	uint32_t	 pad;
	struct pin_str	 text[PIN_STRICT_MAX];
};

enum {
	PIN_CONFORM_DEFAULT = 1,	/* apply defaults */
	PIN_CONFORM_NOTYPE = 2,		/* leave apiVersion and kind out */
	PIN_CONFORM_EMPTY = 4,		/* [] and {} that canonical form has as
					 * null stay: who sent them owns them;
					 * conform again before writing */
};

/* in is not changed; out is new, in arena, its members in canonical order
 * with apiVersion and kind first as they came. PIN_EINVAL: a wrong type, with
 * the text Go's decoder gives ("json: cannot unmarshal string into Go struct
 * field PodSpec.spec.replicas of type int32"). strict may be NULL. */
int	pin_conform(struct pin_arena *, struct pin_type,
	    const struct pin_obj *in, pin_node from, uint32_t flags,
	    PIN_OWN struct pin_obj **out, struct pin_strict *,
	    struct pin_err *);

/* Canonical JSON text of a conformed object that may since have been added
 * to: members in canonical order whatever order they were set in, apiVersion
 * and kind first, maps sorted by key. Equal objects give equal bytes. */
void	pin_conform_write(struct pin_type, const struct pin_obj *,
	    struct pin_out *);

/* Required fields, enums, limits, formats, immutable fields (when old is not
 * NULL): everything in the rows that a value must meet. field names start at
 * `prefix` ("" for a whole object). Both are conformed objects. */
void	pin_conform_check(struct pin_type, const struct pin_obj *,
	    const struct pin_obj *old, struct pin_causes *);

/* The list of causes, host side: in arena, at most PIN_CAUSES_MAX kept. */
#define PIN_CAUSES_MAX	256
struct pin_cause {
	uint32_t	 type;		/* PIN_CAUSE_... */
	struct pin_str	 field;
	struct pin_str	 message;	/* 'Invalid value: "x": must be ...' */
};
struct pin_causes *pin_causes_new(struct pin_arena *);
const struct pin_cause *pin_causes_at(const struct pin_causes *, uint32_t i);
/* As upstream lists them: along the members of the type. */
void	pin_causes_order(struct pin_causes *, struct pin_type);

/* Protobuf (k8s\0 + runtime.Unknown) to an object with apiVersion and kind.
 * find gives the type for what the envelope names, or fails. Unknown field
 * numbers are skipped as upstream does. PIN_EINVAL names offset and field. */
typedef int pin_proto_find_fn(void *arg, struct pin_str api_version,
    struct pin_str kind, struct pin_type *out, struct pin_err *);
int	pin_proto_decode(struct pin_arena *, struct pin_str bytes,
	    pin_proto_find_fn *, void *arg, PIN_OWN struct pin_obj **out,
	    struct pin_err *);

/* Between the forms of a shared stored object (PIN_CONVERT_...): `in` is of
 * resource `from`, out becomes one of resource `to`. */
int	pin_convert(struct pin_arena *, const struct pin_schema *,
	    const struct pin_res_row *from, const struct pin_res_row *to,
	    const struct pin_obj *in, PIN_OWN struct pin_obj **out,
	    struct pin_err *);

#endif
