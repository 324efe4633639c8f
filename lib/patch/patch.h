/* SPDX-License-Identifier: BSD-2-Clause
 *
 * patch.h -- the three patch types of the Kubernetes API on struct pin_obj:
 * JSON Patch (RFC 6902), merge patch (RFC 7386), strategic merge patch.
 * Pure. All change `doc` in place; on an error doc is half changed and only
 * good for pin_obj_free, so patch a copy of what must survive.
 * Contract: the reference server's results, order of list items, messages
 * and status codes, its library's quirks included (see README). */
#ifndef PIN_PATCH_H
#define PIN_PATCH_H

#include <pintle/object.h>

#define PIN_PATCH_OPS_MAX	10000		/* of one JSON Patch */
#define PIN_PATCH_COPY_MAX	(3u << 20)	/* bytes its copies may add */
#define PIN_PATCH_DEPTH_MAX	256		/* of a strategic patch */

enum {
	PIN_PATCH_JSON = 1,
	PIN_PATCH_MERGE = 2,
	PIN_PATCH_STRATEGIC = 3,
};

/* What the client sees (422, reason Invalid) when a JSON Patch operation
 * fails: the reference keeps the cause, our err text, to itself. */
#define PIN_JSON_PATCH_REJECTED						\
	"the server rejected our request due to an error in our request"

/* Parses a patch body. PIN_EINVAL with the text a client gets. */
int	pin_patch_parse(struct pin_arena *, int kind, struct pin_str text,
	    PIN_OWN struct pin_obj **out, struct pin_err *);

/* Warnings of a strict decoder, one call each, in order: `duplicate field
 * "data.a"`, `json patch unknown field "[0].foo"`. */
typedef void pin_patch_warn_fn(void *ctx, struct pin_str text);
void	pin_patch_strict(int kind, const struct pin_obj *patch,
	    pin_patch_warn_fn *, void *ctx);

/* PIN_EINVAL (not a list of operations), PIN_ETOOBIG (too many of them),
 * PIN_EINVALID (one did not apply; text as the library words it). */
int	pin_json_patch(struct pin_obj *doc, const struct pin_obj *patch,
	    struct pin_err *);
int	pin_merge_patch(struct pin_obj *doc, const struct pin_obj *patch,
	    struct pin_err *);

/* ---- strategic merge: what must be known of a type -------------------- */

enum {
	PIN_MERGE_REPLACE = 1,		/* patchStrategy "replace" */
	PIN_MERGE_MERGE = 2,		/* "merge" */
	PIN_MERGE_RETAINKEYS = 4,	/* "retainKeys" */
	PIN_MERGE_LIST = 8,		/* the field is a list */
};

struct pin_merge_field {
	uint32_t	type;		/* the field's, or its elements' */
	uint32_t	flags;
	struct pin_str	key;		/* patchMergeKey, or none */
};

struct pin_merge_schema {
	const void	*ctx;
	/* Fills *out and returns 1 when the structure `type` has the field;
	 * 0 when it has not, or is no structure. */
	int		(*lookup)(const void *ctx, uint32_t type,
			    const char *name, size_t len,
			    struct pin_merge_field *out);
	/* For messages: the structure's name ("PodSpec"), and whether it is
	 * one; else what it is ("map", "string", "interface"). */
	const char	*(*name)(const void *ctx, uint32_t type,
			    int *is_struct);
};

/* PIN_EINVAL 400, PIN_EINVALID 422, PIN_EINTERNAL 500: as the reference
 * answers, whose 500s mean a patch that contradicts the type. */
int	pin_strategic_patch(struct pin_obj *doc, const struct pin_obj *patch,
	    const struct pin_merge_schema *, uint32_t type, struct pin_err *);

#endif
