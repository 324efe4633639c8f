/* SPDX-License-Identifier: BSD-2-Clause
 *
 * object.h -- the one representation of a Kubernetes object: text bytes plus
 * an append-only array of nodes linked by 32-bit offsets. Relocatable by
 * memcpy, so an isolated plugin sees the same buffer. Numbers keep their
 * text; strings are kept decoded.
 * An object belongs to one thread at a time; a const object may be read by
 * many. Plugins read objects and change them through struct pin_patch only.
 * Contract: RFC 8259, with Go's encoding/json limits and messages. */
#ifndef PINTLE_OBJECT_H
#define PINTLE_OBJECT_H

#include <pintle/arena.h>
#include <pintle/err.h>

struct pin_obj;

/* A node is an index; 0 is "absent". Every getter takes an absent node and
 * answers absent, so lookups chain without checks. A node stays valid for
 * the object's life; a pin_str from a non-const object until its next
 * mutation. */
typedef uint32_t pin_node;

enum {
	PIN_ABSENT = 0,
	PIN_NULL = 1,
	PIN_FALSE = 2,
	PIN_TRUE = 3,
	PIN_NUMBER = 4,
	PIN_STRING = 5,
	PIN_ARRAY = 6,
	PIN_OBJECT = 7,
};

#define PIN_OBJ_DEPTH_MAX	10000	/* as apimachinery's JSON decoder */
#define PIN_OBJ_TEXT_MAX	(64u << 20)
#define PIN_PATH_SEGS_MAX	16

/* ---- reading -------------------------------------------------------- */

/* Parses JSON text (copied) into arena, or the heap when arena is NULL.
 * Errors: PIN_EINVAL with Go's message and nothing else, since clients see
 * it ("invalid character 'x' looking for beginning of value"), PIN_ELIMIT
 * (depth, size), PIN_ENOMEM. Duplicate keys are kept in order; getters
 * answer the last. What is no UTF-8 becomes U+FFFD. */
PIN_API int	 pin_obj_parse(struct pin_arena *, const char *text,
    size_t len, PIN_OWN struct pin_obj **out, struct pin_err *);
/* An object whose root is an empty JSON object. NULL: no memory. */
PIN_API struct pin_obj *pin_obj_new(struct pin_arena *);
/* Heap objects only; one made in an arena dies with it. */
PIN_API void	 pin_obj_free(PIN_OWN struct pin_obj **);
PIN_API struct pin_obj *pin_obj_copy(struct pin_arena *,
    const struct pin_obj *);

PIN_API pin_node pin_obj_root(const struct pin_obj *);
PIN_API int	 pin_obj_type(const struct pin_obj *, pin_node);
/* Member `key` of an object node; 0 when absent or not an object. */
PIN_API pin_node pin_obj_get(const struct pin_obj *, pin_node,
    const char *key);
PIN_API pin_node pin_obj_getn(const struct pin_obj *, pin_node,
    const char *key, size_t len);
/* Several keys deep: pin_obj_at(o, root, "spec", "nodeName", NULL). */
PIN_API pin_node pin_obj_at(const struct pin_obj *, pin_node, ...);
/* Children of an array or object in order. */
PIN_API pin_node pin_obj_first(const struct pin_obj *, pin_node);
PIN_API pin_node pin_obj_next(const struct pin_obj *, pin_node);
PIN_API uint32_t pin_obj_count(const struct pin_obj *, pin_node);
PIN_API struct pin_str pin_obj_key(const struct pin_obj *, pin_node member);
/* Decoded bytes of a string or the text of a number; none otherwise. */
PIN_API struct pin_str pin_obj_str(const struct pin_obj *, pin_node);
/* 1 and *out set when the node is an integer that fits; else 0. */
PIN_API int	 pin_obj_i64(const struct pin_obj *, pin_node, int64_t *out);
PIN_API int	 pin_obj_f64(const struct pin_obj *, pin_node, double *out);
PIN_API int	 pin_obj_true(const struct pin_obj *, pin_node);
/* Structural equality; object members in any order, numbers by text. */
PIN_API int	 pin_obj_equal(const struct pin_obj *, pin_node,
    const struct pin_obj *, pin_node);

/* A path compiled once: "spec.nodeName", "metadata.labels[a.b/c]". */
struct pin_path {
	uint32_t	n;
	uint32_t	pad;
	struct pin_str	seg[PIN_PATH_SEGS_MAX];	/* point into `text` */
	char		text[256];
};

PIN_API int	 pin_path_compile(const char *path, struct pin_path *,
    struct pin_err *);
PIN_API pin_node pin_path_get(const struct pin_obj *, pin_node from,
    const struct pin_path *);

/* ---- writing (core and pure libraries; plugins use pin_patch) ------- */

/* Appended strings and nodes cost memory until the object dies. All return
 * the new node, or 0 when out of memory or past PIN_OBJ_TEXT_MAX; the object
 * is then `failed` and pin_obj_write refuses it. `parent` is an object. An
 * existing member keeps its place. */
PIN_API pin_node pin_obj_set_str(struct pin_obj *, pin_node parent,
    const char *key, struct pin_str);
PIN_API pin_node pin_obj_set_i64(struct pin_obj *, pin_node parent,
    const char *key, int64_t);
PIN_API pin_node pin_obj_set_bool(struct pin_obj *, pin_node parent,
    const char *key, int);
/* type: PIN_NULL, PIN_OBJECT or PIN_ARRAY, empty. */
PIN_API pin_node pin_obj_set_new(struct pin_obj *, pin_node parent,
    const char *key, int type);
/* A deep copy of (from, node), which may be the same object. */
PIN_API pin_node pin_obj_set_node(struct pin_obj *, pin_node parent,
    struct pin_str key, const struct pin_obj *from, pin_node);
/* JSON text, parsed and put under key. A text that is none fails the object,
 * so that the loss cannot go unnoticed. */
PIN_API pin_node pin_obj_set_json(struct pin_obj *, pin_node parent,
    struct pin_str key, struct pin_str json);
/* The same at the end of an array. */
PIN_API pin_node pin_obj_add_str(struct pin_obj *, pin_node array,
    struct pin_str);
PIN_API pin_node pin_obj_add_new(struct pin_obj *, pin_node array, int type);
PIN_API pin_node pin_obj_add_node(struct pin_obj *, pin_node array,
    const struct pin_obj *from, pin_node);
/* Inserts before `before` (0: at the end). */
PIN_API pin_node pin_obj_insert_node(struct pin_obj *, pin_node array,
    pin_node before, const struct pin_obj *from, pin_node);
/* Replaces the value of `node`, its key and place kept. */
PIN_API pin_node pin_obj_replace(struct pin_obj *, pin_node parent,
    pin_node node, const struct pin_obj *from, pin_node);
PIN_API void	 pin_obj_remove(struct pin_obj *, pin_node parent,
    pin_node child);
PIN_API int	 pin_obj_unset(struct pin_obj *, pin_node parent,
    const char *key);			/* 1 when it was there */
PIN_API int	 pin_obj_failed(const struct pin_obj *);

/* Compact JSON of a node, Go's escapes (HTML-safe: <, >, &, U+2028/9
 * escaped as encoding/json does). */
PIN_API void	 pin_obj_write(const struct pin_obj *, pin_node,
    struct pin_out *);
/* A JSON string with quotes and escapes. */
PIN_API void	 pin_json_quote(struct pin_out *, struct pin_str);

/* Bytes that pin_obj_map turns back into the same object, node numbers
 * unchanged; the mapped object is read-only and borrows the bytes. */
PIN_API int	 pin_obj_pack(const struct pin_obj *, struct pin_out *);
PIN_API int	 pin_obj_map(struct pin_arena *, const void *bytes,
    size_t len, PIN_OWN struct pin_obj **out, struct pin_err *);

/* ---- changing, for plugins ------------------------------------------ */

/* A list of changes that the host applies when the call ends. Paths are
 * RFC 6901 pointers; `json` is a JSON value. Later changes see earlier
 * ones. Setting creates missing parent objects (null counts as missing),
 * replaces an element of an array, and appends with "-". Removing what is
 * not there changes nothing. A change that is refused when it is noted
 * (bad pointer, bad JSON, no memory) refuses the whole list. */
struct pin_patch;

PIN_API int	 pin_patch_set(struct pin_patch *, const char *pointer,
    struct pin_str json);
PIN_API int	 pin_patch_set_str(struct pin_patch *, const char *pointer,
    struct pin_str value);
PIN_API int	 pin_patch_remove(struct pin_patch *, const char *pointer);
PIN_API uint32_t pin_patch_count(const struct pin_patch *);

/* Host side: the builder lives in arena; apply changes obj in place. */
PIN_API struct pin_patch *pin_patch_new(struct pin_arena *);
PIN_API int	 pin_patch_apply(const struct pin_patch *, struct pin_obj *,
    struct pin_err *);
/* Serialised form, for isolated plugins. */
PIN_API void	 pin_patch_pack(const struct pin_patch *, struct pin_out *);
PIN_API int	 pin_patch_unpack(struct pin_patch *, struct pin_str,
    struct pin_err *);

#endif
