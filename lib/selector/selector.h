/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selector.h -- label selectors (query string and LabelSelector object) and
 * field selectors, compiled once into one block, matched many times.
 * Pure; a compiled selector is immutable, any thread may match with it.
 * Contract: accepts, refuses and prints what apimachinery's labels and
 * fields packages do, with their words; every refusal is PIN_EINVAL. */
#ifndef PIN_SELECTOR_H
#define PIN_SELECTOR_H

#include <pintle/object.h>

#define PIN_SELECTOR_TEXT_MAX	(1u << 20)

struct pin_selector;

enum {
	PIN_SEL_IN = 1,
	PIN_SEL_NOTIN = 2,
	PIN_SEL_EQ = 3,			/* a=b */
	PIN_SEL_EQEQ = 4,		/* a==b: the same, printed so */
	PIN_SEL_NE = 5,
	PIN_SEL_EXISTS = 6,
	PIN_SEL_NOTEXISTS = 7,
	PIN_SEL_GT = 8,
	PIN_SEL_LT = 9,
};

/* One requirement, as compiled; values are sorted and unique when they come
 * from a string. */
struct pin_sel_req {
	struct pin_str		 key;
	const struct pin_str	*values;
	uint32_t		 nvalues;
	int32_t			 op;
	int64_t			 number;	/* PIN_SEL_GT and PIN_SEL_LT */
};

struct pin_label {
	struct pin_str	key;
	struct pin_str	value;
};

/* In arena, or in the heap when arena is NULL. */
int	pin_selector_parse(struct pin_arena *, struct pin_str text,
	    PIN_OWN struct pin_selector **out, struct pin_err *);
/* A LabelSelector node: absent or null selects nothing, {} everything. */
PIN_API int pin_selector_from_obj(struct pin_arena *,
	    const struct pin_obj *, pin_node,
	    PIN_OWN struct pin_selector **out, struct pin_err *);
/* A map of labels, all of which must be there (spec.selector of a Service
 * or a ReplicationController); absent, null and {} select everything. */
int	pin_selector_from_map(struct pin_arena *, const struct pin_obj *,
	    pin_node, PIN_OWN struct pin_selector **out, struct pin_err *);
PIN_API void pin_selector_free(PIN_OWN struct pin_selector **);

/* labels: the metadata.labels node, may be absent. */
PIN_API int pin_selector_match(const struct pin_selector *,
	    const struct pin_obj *, pin_node labels);
PIN_API int pin_selector_match_list(const struct pin_selector *,
	    const struct pin_label *, size_t n);
int	pin_selector_everything(const struct pin_selector *);
int	pin_selector_nothing(const struct pin_selector *);
uint32_t pin_selector_count(const struct pin_selector *);
const struct pin_sel_req *pin_selector_req(const struct pin_selector *,
	    uint32_t i);
/* 1 and *value when the label must equal one value: what an index needs. */
int	pin_selector_exact(const struct pin_selector *, struct pin_str key,
	    struct pin_str *value);
/* Canonical text: sorted by key, parses to the same selector. Two selectors
 * with equal text select the same. Nothing prints as "" too. */
void	pin_selector_write(const struct pin_selector *, struct pin_out *);

/* The words of apimachinery's IsLabelKey and IsLabelValue, joined by "; ",
 * into `out`; 1 when legal and nothing was written. */
int	pin_label_key_check(struct pin_str, struct pin_out *);
int	pin_label_value_check(struct pin_str, struct pin_out *);

/* ---- field selectors ------------------------------------------------- */

struct pin_field_selector;

struct pin_field_term {
	struct pin_str	field;
	struct pin_str	value;		/* escapes taken out */
	int32_t		op;		/* PIN_SEL_EQ or PIN_SEL_NE */
	int32_t		pad;
};

int	pin_field_selector_parse(struct pin_arena *, struct pin_str text,
	    PIN_OWN struct pin_field_selector **out, struct pin_err *);
void	pin_field_selector_free(PIN_OWN struct pin_field_selector **);
uint32_t pin_field_selector_count(const struct pin_field_selector *);
const struct pin_field_term *pin_field_selector_term(
	    const struct pin_field_selector *, uint32_t i);
/* PIN_EINVAL "field label not supported: X" unless every field is one of
 * `supported`; where upstream has other words for a kind, the caller calls
 * this with err NULL and writes its own. */
int	pin_field_selector_check(const struct pin_field_selector *,
	    const struct pin_str *supported, size_t n, struct pin_err *);

/* The value of one field of what is being matched; none is "". */
typedef struct pin_str pin_field_get_fn(const void *ctx,
	    struct pin_str field);
int	pin_field_selector_match(const struct pin_field_selector *,
	    pin_field_get_fn *, const void *ctx);
int	pin_field_selector_exact(const struct pin_field_selector *,
	    struct pin_str field, struct pin_str *value);
void	pin_field_selector_write(const struct pin_field_selector *,
	    struct pin_out *);

#endif
