/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fields.h -- metadata.managedFields: who owns which field of an object.
 * Pure: the time is an argument. Everything temporary lives in the caller's
 * arena; the result is written into the new object.
 * Contract: entries, their order and their FieldsV1 are those of the
 * reference (structured-merge-diff as the API server uses it). */
#ifndef PIN_FIELDS_H
#define PIN_FIELDS_H

#include <pintle/object.h>

#define PIN_FIELDS_DEPTH_MAX	128	/* deeper values are leaves */
#define PIN_FIELDS_UPDATERS_MAX	10	/* then the oldest are merged */
#define PIN_FIELDS_RESET_MAX	16	/* reset paths of one resource */

/* ---- what must be known of a type ------------------------------------- */

enum {
	PIN_FT_ANY = 0,		/* unknown: the value decides */
	PIN_FT_SCALAR = 1,
	PIN_FT_STRUCT = 2,
	PIN_FT_MAP = 3,
	PIN_FT_LIST = 4,
};

enum {
	PIN_FT_GRANULAR = 0,	/* members are owned one by one */
	PIN_FT_ATOMIC = 1,	/* owned as a whole: a leaf */
	PIN_FT_SET = 2,		/* list: items are what they are */
	PIN_FT_KEYED = 3,	/* list of objects told apart by keys */
};

struct pin_fields_key {
	struct pin_str	name;
	struct pin_str	dflt;	/* JSON, when the item has no such member */
};

/* A type as the walker sees it; `id` is for the schema's own use. */
struct pin_fields_type {
	uint32_t			 id;
	uint8_t				 kind;		/* PIN_FT_* */
	uint8_t				 relation;	/* PIN_FT_* */
	uint16_t			 nkeys;
	const struct pin_fields_key	*keys;		/* sorted by name */
};

struct pin_fields_schema {
	const void	*ctx;
	/* The member of a struct; 0: unknown, it is treated as ANY. */
	int		(*field)(const void *ctx,
			    const struct pin_fields_type *, const char *name,
			    size_t len, struct pin_fields_type *out);
	/* The element of a list or map. */
	void		(*element)(const void *ctx,
			    const struct pin_fields_type *,
			    struct pin_fields_type *out);
};

/* ---- create, update, patch -------------------------------------------- */

struct pin_fields_op {
	const struct pin_fields_schema	*schema;
	struct pin_fields_type		 root;
	struct pin_str			 manager;	/* "" is "unknown" */
	struct pin_str			 api_version;	/* "apps/v1" */
	struct pin_str			 subresource;	/* "" or "status" */
	struct pin_str			 now;		/* RFC 3339, seconds */
	/* Paths nobody owns in this operation ("status", "spec.x"): what
	 * the resource's strategy resets. */
	const struct pin_str		*reset;
	uint32_t			 nreset;
	/* Is this apiVersion still served? Entries of others are dropped.
	 * NULL: all are. */
	int				(*served)(const void *ctx,
					    struct pin_str api_version);
	const void			*served_ctx;
	/* For apply: the empty object of the type, as written; what existed
	 * before anybody tracked it is told from it. */
	const struct pin_obj		*empty;
};

/* Sets new's metadata.managedFields. On create `old` is the empty object of
 * the type as it would be written (members that are always there), without
 * metadata.uid; else the object as stored. A request that sets
 * managedFields itself (new still holds them) is honoured: [] and [{}]
 * reset, what is well-formed is taken, else the old ones stay. Both objects
 * must be in canonical form, defaulted, before metadata is filled in. */
int	pin_fields_update(struct pin_arena *, const struct pin_fields_op *,
	    const struct pin_obj *old, struct pin_obj *new,
	    struct pin_err *);

/* ---- server-side apply ------------------------------------------------- */

struct pin_fields_conflict {
	struct pin_str	manager;	/* as printed: "a" using v1 */
	struct pin_str	field;		/* .spec.containers[name="x"].image */
};

struct pin_fields_conflicts {
	struct pin_fields_conflict	*v;	/* in the arena */
	uint32_t			 n;
	uint32_t			 pad;
};

/* What `config` applied by op->manager makes of `live`: a new object in the
 * arena with its managedFields; before defaulting. Fields this manager
 * applied last time, nobody else owns and config leaves out are removed
 * (emptied maps and lists are null until the object is decoded again).
 * On create live is the empty object of the type, without metadata.uid.
 * PIN_ECONFLICT: others own what would change and force is 0; the text is
 * the answer's message, *conflicts its causes. PIN_EINVAL: managedFields in
 * config or another apiVersion; PIN_EINTERNAL: config does not fit the
 * type, as the reference answers. */
int	pin_fields_apply(struct pin_arena *, const struct pin_fields_op *,
	    int force, const struct pin_obj *live,
	    const struct pin_obj *config, PIN_OWN struct pin_obj **out,
	    struct pin_fields_conflicts *conflicts, struct pin_err *);

/* When nothing but times differs between the two lists, new gets old's list
 * and 1 is returned: call it when the rest of the objects is equal, so that
 * the write becomes none. */
int	pin_fields_keep_times(const struct pin_obj *old,
	    struct pin_obj *new);

/* PIN_EINVAL with the decoder's words unless the managedFields list is
 * well-formed (operation, apiVersion, fieldsType, FieldsV1). */
int	pin_fields_check(struct pin_arena *, const struct pin_obj *,
	    pin_node managed, struct pin_err *);

#endif
