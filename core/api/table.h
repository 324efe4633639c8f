/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table.h -- the API as rows: types, fields, resources, columns, defaults.
 * No parsing, no behaviour: conform, protobuf, patch, discovery read it.
 * Immutable after construction, hence free of locks; any thread.
 * Contract: below; how a schema is written: api/README.md. */

#ifndef PIN_CORE_API_TABLE_H
#define PIN_CORE_API_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A schema is a handful of arrays of fixed-size rows that point at each
 * other by u32 index, and one blob of NUL-terminated strings that rows point
 * into by u32 offset.  tools/apigen.c makes the built-in one from
 * api/NAME.schema; a CustomResourceDefinition becomes the same rows in a heap
 * block.  Offset 0 is the empty string.  PIN_NONE says "no such row".
 *
 *	gv --res0..--> resource --type--> type --field0..--> field --ref--> type
 *	                  |--sub0..--> subresource             |--check--> check
 *	                  `--col0..--> column                  `--when---> when
 *
 * A `words` value is an index into words[]: words[w] is a count n, and
 * words[w + 1 .. w + n] are string offsets (or ids, where a row says so).
 * Index 0 of words[] is the empty list.
 */
#define PIN_NONE	0xffffffffu
/* On pin_field_row.ref and the type members of resources: the index belongs
 * to the built-in schema, not to this one (a CRD's metadata is ObjectMeta). */
#define PIN_REF_BUILTIN	0x80000000u

/* What a value is, where kind says OBJECT see ref. */
enum {
	PIN_F_BOOL,		/* true, false */
	PIN_F_INT32,		/* digits, in range; 1.0 and 1e3 are refused */
	PIN_F_INT64,
	PIN_F_DOUBLE,
	PIN_F_STRING,
	PIN_F_BYTES,		/* string: standard base64 with padding */
	PIN_F_TIME,		/* RFC 3339, written in UTC to the second;
				 * null */
	PIN_F_MICROTIME,	/* RFC 3339, exactly six digits of a second,
				 * read and written; UTC; null */
	PIN_F_DURATION,		/* Go's duration text, "1h2m3s" */
	PIN_F_QUANTITY,		/* string or number; written canonical,
				 * quoted */
	PIN_F_INTORSTRING,	/* int32 or string */
	PIN_F_RAW,		/* runtime.RawExtension: any object, kept as
				 * is */
	PIN_F_FIELDS,		/* FieldsV1: an object, kept as is */
	PIN_F_JSON,		/* any JSON value, kept as is */
	PIN_F_STRINGS,		/* array of strings inside a map (ExtraValue) */
	PIN_F_OBJECT,		/* struct: row of types[] */
	PIN_F__COUNT
};

/*
 * Protobuf forms of the scalars that have one of their own (proto2 messages,
 * numbers are fixed): TIME and MICROTIME {1 seconds int64, 2 nanos int32};
 * DURATION {1 nanoseconds int64}; QUANTITY {1 string}; INTORSTRING {1 type
 * int64 (0 int, 1 string), 2 intVal int32, 3 strVal string}; RAW, FIELDS and
 * JSON {1 raw bytes: JSON text}; STRINGS {1 items, repeated string}.  A list
 * is a repeated field, unpacked; a map a repeated {1 key string, 2 value}.
 */

enum { PIN_SHAPE_ONE, PIN_SHAPE_LIST, PIN_SHAPE_MAP };

/*
 * When the canonical writer writes a member.  "Zero" is false, 0, "", an
 * empty or null array or map; of an object: all members zero.  RAW, JSON and
 * FIELDS are zero only when null or absent: {} is a value.
 */
enum {
	PIN_P_OMIT,	/* absent when zero (Go: value, omitempty) */
	PIN_P_KEEP,	/* absent when null; an explicit zero stays (pointer,
			 * omitempty); {} stays {} */
	PIN_P_ALWAYS,	/* always there: false, 0, "", {} are written; a list,
			 * a map, TIME, MICROTIME, RAW or JSON that is empty is
			 * null; QUANTITY is "0", DURATION "0s", INTORSTRING 0.
			 * An object is created so that its members default */
	PIN_P_NULL,	/* always there: null when absent (pointer without
			 * omitempty); an explicit zero stays */
	PIN_P_OMITZERO	/* absent when null, zero or, an object, all zero */
};

enum { PIN_LIST_UNSET, PIN_LIST_ATOMIC, PIN_LIST_SET, PIN_LIST_MAP };

/* pin_field_row.flags */
#define PIN_FF_REQUIRED		0x0001u	/* OpenAPI `required` (published
					 * only) */
#define PIN_FF_MUST		0x0002u	/* empty is refused: "Required value" */
#define PIN_FF_ATOMIC		0x0004u	/* struct or map merged as a whole */
#define PIN_FF_IMMUTABLE	0x0008u	/* an update must not change it */
#define PIN_FF_GATED		0x0010u	/* behind a feature that is off: a
					 * write drops it without a word */
#define PIN_FF_PATCH_MERGE	0x0020u	/* strategic merge: by patch_key, or as
					 * a set when there is none */
#define PIN_FF_PATCH_REPLACE	0x0040u
#define PIN_FF_PATCH_RETAIN	0x0080u	/* honours $retainKeys */
#define PIN_FF_NULLABLE		0x0100u	/* CRDs: null is a value of its own */
#define PIN_FF_EMBEDDED		0x0200u	/* CRDs: has apiVersion, kind,
					 * metadata */
#define PIN_FF_LISTED		0x0400u	/* list type is stated, so published */
#define PIN_FF_PLAIN		0x1000u	/* the defaults and rules of this struct
					 * itself do not apply here; those of
					 * the structs in it do */
#define PIN_FF_PUBLISHED	0x2000u	/* OpenAPI v3 shows dflt */
#define PIN_FF_LOOSE		0x8000u	/* enum and format are published; a
					 * plugin enforces them, in words of
					 * its own */
#define PIN_FF_BLANK		0x4000u	/* an empty string passes enum and
					 * format: it means something else */
#define PIN_FF_GRANULAR		0x0800u	/* merged by member though its type is
					 * atomic (or said so on a map) */

struct pin_field_row {
	uint32_t	name;		/* string */
	uint16_t	name_len;
	uint8_t		kind;		/* PIN_F_* */
	uint8_t		shape;		/* PIN_SHAPE_* */
	uint8_t		presence;	/* PIN_P_* */
	uint8_t		list;		/* PIN_LIST_* */
	uint16_t	pad;
	uint32_t	ref;		/* types[] when kind is OBJECT */
	uint32_t	number;		/* protobuf, 0: not in protobuf */
	uint32_t	flags;		/* PIN_FF_* */
	uint32_t	keys;		/* words: keys of a LIST_MAP */
	uint32_t	patch_key;	/* string, 0: none */
	uint32_t	dflt;		/* string: JSON, 0: none */
	uint32_t	dflt_else;	/* string: JSON when `when` does not
					 * hold */
	uint32_t	dflt_from;	/* string: that sibling's value,
					 * copied */
	uint32_t	when;		/* whens[]: only then dflt; PIN_NONE */
	uint32_t	enums;		/* words: the only strings allowed */
	uint32_t	check;		/* checks[], PIN_NONE */
	uint32_t	rules;		/* words of PIN_RULE_* ids: named
					 * rules */
	uint32_t	must_text;	/* string: said after "Required value:
					 * "; 0: "Required value" alone */
};

/* pin_type_row.flags */
#define PIN_TF_ATOMIC		0x01u	/* merged as a whole wherever it is */
#define PIN_TF_TOP		0x02u	/* has kind and apiVersion of its own */
#define PIN_TF_LIST		0x04u	/* a list kind: metadata and items */
#define PIN_TF_OR_BOOL		0x08u	/* JSON: bool, or `schema`'s object */
#define PIN_TF_OR_ARRAY		0x10u	/* JSON: object, or array of them */
#define PIN_TF_OR_STRINGS	0x20u	/* JSON: object, or array of strings */
#define PIN_TF_OPEN		0x40u	/* CRDs: unknown members are kept */

/*
 * A struct.  Its fields are fields[field0 .. field0 + nfields), in canonical
 * order, inlined structs already flattened.  `name` is "core.v1.PodSpec";
 * `bare` points at "PodSpec" inside it; OpenAPI's name is the gv's package,
 * a dot and the bare name.
 */
struct pin_type_row {
	uint32_t	name;
	uint32_t	bare;
	uint32_t	gv;
	uint32_t	field0;
	uint32_t	nfields;
	uint32_t	hash0;		/* index into hashes[] */
	uint32_t	hash_mask;	/* slots - 1, a power of two less one */
	uint32_t	pb0;		/* pbs[pb0 .. pb0 + npb), by number */
	uint32_t	npb;
	uint32_t	flags;		/* PIN_TF_* */
	uint32_t	rules;		/* words of PIN_RULE_* ids */
	uint32_t	unions;		/* words: discriminator, then members
					 * (OpenAPI's x-kubernetes-unions) */
};

/*
 * One protobuf number of a struct's own message: either a field, or an
 * inlined struct whose sub-message carries fields that JSON has flattened
 * into this object (decode it into the same object).
 */
struct pin_pb_row {
	uint32_t	number;
	uint32_t	field;		/* fields[], or PIN_NONE */
	uint32_t	inlined;	/* types[], or PIN_NONE */
};

/* "Default only when": op, a sibling's name, values for IN.  PRESENT and
 * ABSENT look at the object as it came, before any of its defaults ("present"
 * is set and not null; of a list or map, not empty); IN compares a string
 * after the unconditional defaults have run. */
enum { PIN_WHEN_PRESENT, PIN_WHEN_ABSENT, PIN_WHEN_IN };

struct pin_when_row {
	uint32_t	field;		/* string: sibling */
	uint32_t	op;
	uint32_t	values;		/* words */
};

/* pin_check_row.flags: which members count. */
#define PIN_CK_MIN	0x01u
#define PIN_CK_MAX	0x02u
#define PIN_CK_MINLEN	0x04u
#define PIN_CK_MAXLEN	0x08u
#define PIN_CK_MINITEMS	0x10u
#define PIN_CK_MAXITEMS	0x20u

/* Limits of a value; of a list or map, format and lengths are of each item.
 * They, and enums, hold for every value that is there: a member of presence
 * ALWAYS is there with its zero value when it was left out. */
struct pin_check_row {
	int64_t		min, max;	/* numbers */
	uint32_t	minlen, maxlen;	/* strings, in bytes */
	uint32_t	minitems, maxitems;
	uint32_t	format;		/* PIN_FORMAT_*, 0: none */
	uint32_t	flags;
};

/* Verbs, as bits. */
#define PIN_VERB_MAP(X)							\
	X(CREATE, 0, "create") X(DELETE, 1, "delete")			\
	X(DELETECOLLECTION, 2, "deletecollection") X(GET, 3, "get")	\
	X(LIST, 4, "list") X(PATCH, 5, "patch") X(UPDATE, 6, "update")	\
	X(WATCH, 7, "watch")
enum {
#define X(sym, bit, text) PIN_VERB_##sym = 1 << (bit),
	PIN_VERB_MAP(X)
#undef X
	PIN_VERB__COUNT = 8
};

/* pin_res_row.flags */
#define PIN_RF_NAMESPACED	0x001u
#define PIN_RF_STATUS		0x002u	/* status: reset on create, untouched by
					 * a main update; its sub touches
					 * nothing else */
#define PIN_RF_GENERATION	0x004u	/* generation 1; + 1 when anything but
					 * metadata and status changes, and with
					 * deletionTimestamp */
#define PIN_RF_GRACE		0x008u	/* deletion may be graceful (pods) */
#define PIN_RF_REVIEW		0x010u	/* create only, computed, never
					 * stored */
#define PIN_RF_COMPUTED		0x020u	/* read only, computed
					 * (componentstatus) */
#define PIN_RF_UNCOND		0x040u	/* update without resourceVersion is
					 * allowed */
#define PIN_RF_UPSERT		0x080u	/* update of an absent name creates */
#define PIN_RF_KEEPSTATUS	0x100u	/* with STATUS: create keeps the
					 * status */
#define PIN_RF_TTL		0x200u	/* stored with a time to live
					 * (events) */
#define PIN_RF_GEN_ALL		0x400u	/* with GENERATION: labels, annotations
					 * and owners count too */
#define PIN_RF_GEN_NOTES	0x800u	/* with GENERATION: annotations too */
#define PIN_RF_GEN_FIXED	0x1000u	/* with GENERATION: no update counts */

struct pin_res_row {
	uint32_t	gv;		/* gvs[] */
	uint32_t	plural, singular, kind, list_kind;	/* strings */
	uint32_t	type;		/* types[] */
	uint32_t	list_type;	/* types[], PIN_NONE */
	uint32_t	flags;		/* PIN_RF_* */
	uint32_t	verbs;		/* PIN_VERB_* */
	uint32_t	shorts;		/* words */
	uint32_t	categories;	/* words */
	uint32_t	prepares;	/* words of PIN_PREPARE_* ids */
	uint32_t	selects;	/* words: field selectors beside
					 * metadata.name and .namespace */
	uint32_t	key;		/* string, "/registry/pods" */
	uint32_t	name_rule;	/* PIN_NAME_* */
	uint32_t	store;		/* resources[]: whose form is stored
					 * (own index, unless converted) */
	uint32_t	convert;	/* PIN_CONVERT_*, 0: not shared */
	uint32_t	hash_version;	/* string: version in discovery's
					 * storageVersionHash, 0: that of the
					 * stored form */
	uint32_t	sub0, nsubs;	/* subs[] */
	uint32_t	col0, ncols;	/* columns[] */
};

struct pin_sub_row {
	uint32_t	name;		/* "scale" */
	uint32_t	gv;		/* string, "autoscaling/v1" */
	uint32_t	kind;		/* string */
	uint32_t	type;		/* types[] */
	uint32_t	verbs;
};

/* A Table column: cell says how to make the text, arg is its argument (for
 * PIN_CELL_PATH and most others a dotted path).  A column without a name is a
 * cell that rows carry though no definition announces it. */
struct pin_col_row {
	uint32_t	name, type, format;	/* strings */
	uint32_t	priority;
	uint32_t	cell;		/* PIN_CELL_* */
	uint32_t	arg;		/* string: path, or argument */
};

struct pin_gv_row {
	uint32_t	group, version;	/* strings; "" is core */
	uint32_t	package;	/* string, "io.k8s.api.apps.v1" */
	uint32_t	prefix;		/* string, "apps.v1" */
	uint32_t	res0, nres;	/* resources[]; none: not served */
	uint32_t	order;		/* position of the group in discovery */
	uint32_t	rank;		/* version's rank in it, 0: preferred */
};

/* Ids of named rules, formats, name rules, cells and conversions; each kind
 * starts at 1, 0 is none.  What each does: core/api/rules.def. */
enum {
	PIN_RULE__NONE,
#define PIN_RULE(sym, name)	PIN_RULE_##sym,
#include "rules.def"
	PIN_RULE__COUNT
};
enum {
	PIN_FORMAT__NONE,
#define PIN_FORMAT(sym, name)	PIN_FORMAT_##sym,
#include "rules.def"
	PIN_FORMAT__COUNT
};
enum {
	PIN_NAME__NONE,
#define PIN_NAME(sym, name)	PIN_NAME_##sym,
#include "rules.def"
	PIN_NAME__COUNT
};
enum {
	PIN_CELL__NONE,
#define PIN_CELL(sym, name)	PIN_CELL_##sym,
#include "rules.def"
	PIN_CELL__COUNT
};
enum {
	PIN_PREPARE__NONE,
#define PIN_PREPARE(sym, name)	PIN_PREPARE_##sym,
#include "rules.def"
	PIN_PREPARE__COUNT
};
enum {
	PIN_CONVERT__NONE,
#define PIN_CONVERT(sym, name)	PIN_CONVERT_##sym,
#include "rules.def"
	PIN_CONVERT__COUNT
};

/*
 * A schema.  Whoever builds one fills this in; readers use the functions
 * below, and may walk the arrays.  gvs[], resources[] and names[] are sorted
 * for the finders: resources by gv, then plural; names[] holds type indexes
 * in strcmp order of the type's name.
 */
struct pin_schema {
	const char			*strings;
	const uint32_t			*words;
	const struct pin_type_row	*types;
	const uint32_t			*names;
	const struct pin_field_row	*fields;
	const uint16_t			*hashes;
	const struct pin_pb_row		*pbs;
	const struct pin_when_row	*whens;
	const struct pin_check_row	*checks;
	const struct pin_gv_row		*gvs;
	const struct pin_res_row	*resources;
	const struct pin_sub_row	*subs;
	const struct pin_col_row	*columns;
	uint32_t			ntypes, nfields, ngvs, nresources;
	uint32_t			nstrings, nwords;	/* sizes, to
								 * check */
};

/* A struct type and the schema whose indexes its rows use. */
struct pin_type {
	const struct pin_schema		*schema;
	const struct pin_type_row	*row;
};

/* The built-in API.  Lives for ever. */
const struct pin_schema *pin_schema_builtin(void);

static inline const char *
pin_schema_str(const struct pin_schema *s, uint32_t off)
{
	return (s->strings + off);
}

/* Number of words at w, and the i-th. */
static inline uint32_t
pin_schema_nwords(const struct pin_schema *s, uint32_t w)
{
	return (s->words[w]);
}

static inline uint32_t
pin_schema_word(const struct pin_schema *s, uint32_t w, uint32_t i)
{
	return (s->words[w + 1 + i]);
}

/* Is the string of len bytes among the strings at w? */
bool	pin_schema_has_word(const struct pin_schema *, uint32_t w,
	    const char *, size_t len);

/*
 * The hash of a member name; hashes[hash0 + (h & hash_mask)] holds a field's
 * position in its type plus 1, 0 is free, collisions go to the next slot.
 * A builder makes at least twice as many slots as fields.
 */
static inline uint32_t
pin_name_hash(const char *name, size_t len)
{
	const unsigned char *p = (const unsigned char *)name;
	uint32_t h;

	if (len == 0)
		return (0);
	h = (uint32_t)len << 24 | (uint32_t)p[0] << 16 |
	    (uint32_t)p[len / 2] << 8 | p[len - 1];
	h ^= (uint32_t)p[len / 3] << 20;
	h *= 0x9e3779b1u;
	return (h >> 15);
}

/* A type by name ("apps.v1.Deployment"); false: there is none. */
bool	pin_type_find(const struct pin_schema *, const char *name,
	    struct pin_type *out);

/* A member of a type by name (need not be terminated), NULL: unknown. */
const struct pin_field_row *pin_type_field(struct pin_type, const char *name,
	    size_t len);

/* The i-th member in canonical order, i < row->nfields. */
static inline const struct pin_field_row *
pin_type_at(struct pin_type t, uint32_t i)
{
	return (t.schema->fields + t.row->field0 + i);
}

/* Its position in canonical order. */
static inline uint32_t
pin_field_pos(struct pin_type t, const struct pin_field_row *f)
{
	return ((uint32_t)(f - t.schema->fields) - t.row->field0);
}

/* The struct a field (or its items, or its map's values) is; f->kind must be
 * PIN_F_OBJECT. */
struct pin_type	pin_field_type(struct pin_type owner,
	    const struct pin_field_row *f);

/* The type behind a type index of a resource or subresource row. */
struct pin_type	pin_schema_type(const struct pin_schema *, uint32_t ref);

/* What a protobuf number of this message is, NULL: unknown, skip it. */
const struct pin_pb_row	*pin_type_pb(struct pin_type, uint32_t number);

/* Group versions: i < schema->ngvs are schema->gvs[i]; this finds one. */
const struct pin_gv_row	*pin_gv_find(const struct pin_schema *,
	    const char *group, const char *version);

/* A resource by its plural, or by its kind; NULL: there is none. */
const struct pin_res_row *pin_res_find(const struct pin_schema *,
	    const char *group, const char *version, const char *plural);
const struct pin_res_row *pin_res_by_kind(const struct pin_schema *,
	    const char *group, const char *version, const char *kind);

/* A subresource by name, NULL: there is none. */
const struct pin_sub_row *pin_res_sub(const struct pin_schema *,
	    const struct pin_res_row *, const char *name);

/* Names of verbs and rules, for discovery and for messages; NULL: no such. */
const char *pin_verb_name(uint32_t bit);
const char *pin_rule_name(uint32_t id);
const char *pin_cell_name(uint32_t id);
const char *pin_format_name(uint32_t id);
const char *pin_prepare_name(uint32_t id);

#endif
