/* SPDX-License-Identifier: BSD-2-Clause
 *
 * match.c -- matching and printing of compiled label selectors.
 * Pure; reads only. */
#include <stdlib.h>

#include "lib/selector/build.h"
#include "lib/selector/text.h"

static int
has_value(const struct pin_sel_req *q, struct pin_str v)
{
	uint32_t i;

	for (i = 0; i < q->nvalues; i++)
		if (pin_str_eq(q->values[i], v))
			return (1);
	return (0);
}

static int
compare(const struct pin_sel_req *q, struct pin_str v)
{
	int64_t n;

	if (!pin__go_i64(v, &n))
		return (0);
	return (q->op == PIN_SEL_GT ? n > q->number : n < q->number);
}

static int
req_match(const struct pin_sel_req *q, int there, struct pin_str v)
{
	switch (q->op) {
	case PIN_SEL_IN:
	case PIN_SEL_EQ:
	case PIN_SEL_EQEQ:
		return (there && has_value(q, v));
	case PIN_SEL_NOTIN:
	case PIN_SEL_NE:
		return (!there || !has_value(q, v));
	case PIN_SEL_EXISTS:
		return (there);
	case PIN_SEL_NOTEXISTS:
		return (!there);
	default:
		return (there && compare(q, v));
	}
}

int
pin_selector_match(const struct pin_selector *s, const struct pin_obj *o,
    pin_node labels)
{
	const struct pin_sel_req *q;
	pin_node n;
	uint32_t i;

	PIN_VALID(s, SELECTOR_MAGIC);
	if (s->nothing)
		return (0);
	for (i = 0; i < s->nreq; i++) {
		q = &s->req[i];
		n = pin_obj_getn(o, labels, q->key.p, q->key.len);
		if (!req_match(q, n != 0, pin_obj_str(o, n)))
			return (0);
	}
	return (1);
}

int
pin_selector_match_list(const struct pin_selector *s,
    const struct pin_label *l, size_t n)
{
	struct pin_str v;
	uint32_t i;
	size_t j;
	int there;

	PIN_VALID(s, SELECTOR_MAGIC);
	if (s->nothing)
		return (0);
	for (i = 0; i < s->nreq; i++) {
		v = PIN_STR_NONE;
		there = 0;
		for (j = 0; j < n && !there; j++)
			if (pin_str_eq(l[j].key, s->req[i].key)) {
				there = 1;
				v = l[j].value;
			}
		if (!req_match(&s->req[i], there, v))
			return (0);
	}
	return (1);
}

int
pin_selector_everything(const struct pin_selector *s)
{
	PIN_VALID(s, SELECTOR_MAGIC);
	return (!s->nothing && s->nreq == 0);
}

int
pin_selector_nothing(const struct pin_selector *s)
{
	PIN_VALID(s, SELECTOR_MAGIC);
	return (s->nothing);
}

uint32_t
pin_selector_count(const struct pin_selector *s)
{
	PIN_VALID(s, SELECTOR_MAGIC);
	return (s->nreq);
}

const struct pin_sel_req *
pin_selector_req(const struct pin_selector *s, uint32_t i)
{
	PIN_VALID(s, SELECTOR_MAGIC);
	PIN_ASSERT(i < s->nreq);
	return (&s->req[i]);
}

int
pin_selector_exact(const struct pin_selector *s, struct pin_str key,
    struct pin_str *value)
{
	const struct pin_sel_req *q;
	uint32_t i;

	PIN_VALID(s, SELECTOR_MAGIC);
	for (i = 0; i < s->nreq; i++) {
		q = &s->req[i];
		if (!pin_str_eq(q->key, key) || q->nvalues != 1 ||
		    (q->op != PIN_SEL_EQ && q->op != PIN_SEL_EQEQ &&
		    q->op != PIN_SEL_IN))
			continue;
		*value = q->values[0];
		return (1);
	}
	return (0);
}

static int
value_cmp(const void *a, const void *b)
{
	const struct pin_str *const *l = a, *const *r = b;

	return (pin_str_cmp(**l, **r));
}

/* Values print sorted; those of an object may not be, so sort pointers. */
static void
write_values(const struct pin_sel_req *q, struct pin_out *out)
{
	const struct pin_str **v;
	uint32_t i;

	if (q->nvalues == 0)
		return;
	v = malloc(q->nvalues * sizeof(*v));
	if (v == NULL) {
		out->failed = PIN_ENOMEM;
		return;
	}
	for (i = 0; i < q->nvalues; i++)
		v[i] = &q->values[i];
	qsort(v, q->nvalues, sizeof(*v), value_cmp);
	for (i = 0; i < q->nvalues; i++) {
		if (i > 0)
			pin_out_char(out, ',');
		pin_out_str(out, *v[i]);
	}
	free(v);
}

void
pin_selector_write(const struct pin_selector *s, struct pin_out *out)
{
	static const char *const words[] = {
		[PIN_SEL_IN] = " in ", [PIN_SEL_NOTIN] = " notin ",
		[PIN_SEL_EQ] = "=", [PIN_SEL_EQEQ] = "==",
		[PIN_SEL_NE] = "!=", [PIN_SEL_EXISTS] = "",
		[PIN_SEL_NOTEXISTS] = "", [PIN_SEL_GT] = ">",
		[PIN_SEL_LT] = "<",
	};
	const struct pin_sel_req *q;
	uint32_t i;
	int set;

	PIN_VALID(s, SELECTOR_MAGIC);
	for (i = 0; i < s->nreq; i++) {
		q = &s->req[i];
		set = q->op == PIN_SEL_IN || q->op == PIN_SEL_NOTIN;
		if (i > 0)
			pin_out_char(out, ',');
		if (q->op == PIN_SEL_NOTEXISTS)
			pin_out_char(out, '!');
		pin_out_str(out, q->key);
		pin_out_cstr(out, words[q->op]);
		if (set)
			pin_out_char(out, '(');
		write_values(q, out);
		if (set)
			pin_out_char(out, ')');
	}
}
