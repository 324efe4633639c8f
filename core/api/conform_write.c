/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform_write.c -- canonical JSON of a conformed object, whatever order its
 * members were set in since: one walk that looks each member up once and
 * sorts only where it has to.
 * Recursion is bounded by PIN_CONFORM_DEPTH_MAX. Contract: conform.h. */
#include "conform_int.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_FIRST	192

struct entry {
	const struct pin_field_row	*f;	/* NULL: of a map, or unknown */
	pin_node			 n;
	uint32_t			 rank;
};

struct writer {
	const struct pin_obj	*o;
	struct pin_out		*out;
	struct entry		*e;
	uint32_t		 n, cap, depth;
	struct entry		 first[ENTRIES_FIRST];
};

static void write_object(struct writer *, struct pin_type, pin_node,
    int root);

/* ---- entries -------------------------------------------------------- */

static int
reserve(struct writer *w, uint32_t n)
{
	uint32_t cap = w->cap;
	struct entry *p;

	if (n <= cap - w->n)
		return (1);
	while (cap - w->n < n && cap < UINT32_MAX / 64)
		cap *= 2;
	p = cap - w->n < n ? NULL : malloc(cap * sizeof(*p));
	if (p == NULL) {
		w->out->failed = PIN_ENOMEM;
		return (0);
	}
	memcpy(p, w->e, w->n * sizeof(*p));
	if (w->e != w->first)
		free(w->e);
	w->e = p;
	w->cap = cap;
	return (1);
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->rank != y->rank)
		return (x->rank < y->rank ? -1 : 1);
	return (x->n < y->n ? -1 : x->n > y->n);
}

struct named {
	struct pin_str	key;
	struct entry	e;
};

static int
named_cmp(const void *a, const void *b)
{
	return (pin_str_cmp(((const struct named *)a)->key,
	    ((const struct named *)b)->key));
}

static void
sort_named(struct writer *w, struct entry *e, uint32_t n)
{
	struct named *s = malloc((n != 0 ? n : 1) * sizeof(*s));
	uint32_t k;

	if (s == NULL) {
		w->out->failed = PIN_ENOMEM;
		return;
	}
	for (k = 0; k < n; k++) {
		s[k].e = e[k];
		s[k].key = pin__obj_keystr(w->o, &w->o->nodes[e[k].n]);
	}
	qsort(s, n, sizeof(*s), named_cmp);
	for (k = 0; k < n; k++)
		e[k] = s[k].e;
	free(s);
}

/* ---- text ----------------------------------------------------------- */

/* ["{" or ","] "name": */
static inline void
put_name(struct pin_out *out, char before, const char *p, size_t len)
{
	char *to = pin_out_room(out, len + 4);

	if (to == NULL)
		return;
	to[0] = before;
	to[1] = '"';
	memcpy(to + 2, p, len);
	to[len + 2] = '"';
	to[len + 3] = ':';
}

static void
put_key(struct writer *w, char before, const struct pin__node *n)
{
	pin_out_char(w->out, before);
	pin_json_quote(w->out, pin__obj_keystr(w->o, n));
	pin_out_char(w->out, ':');
}

static void
put_value(struct writer *w, struct pin_type t, const struct pin_field_row *f,
    pin_node i)
{
	const struct pin__node *n = &w->o->nodes[i];
	struct pin_str s = { w->o->text + n->off, n->len };

	switch (PIN__TYPE(n)) {
	case PIN_STRING:
		pin_json_quote(w->out, s);
		break;
	case PIN_NUMBER:
		pin_out_put(w->out, s.p, s.len);
		break;
	case PIN_OBJECT:
		if (f != NULL && f->kind == PIN_F_OBJECT) {
			write_object(w, pin_field_type(t, f), i, 0);
			break;
		}
		/* FALLTHROUGH */
	default:
		pin_obj_write(w->o, i, w->out);
		break;
	}
}

/* ---- lists and maps ------------------------------------------------- */

static void
write_list(struct writer *w, struct pin_type t, const struct pin_field_row *f,
    pin_node i)
{
	char before = '[';
	pin_node m;

	for (m = w->o->nodes[i].off; m != 0 && w->out->failed == PIN_OK;
	    m = w->o->nodes[m].next & PIN__UP ? 0 : w->o->nodes[m].next) {
		pin_out_char(w->out, before);
		put_value(w, t, f, m);
		before = ',';
	}
	if (before == '[')
		pin_out_char(w->out, '[');
	pin_out_char(w->out, ']');
}

static void
write_map(struct writer *w, struct pin_type t, const struct pin_field_row *f,
    pin_node i)
{
	uint32_t base = w->n, k, n = 0;
	struct pin_str key, prev = PIN_STR_NONE;
	const struct pin__node *p;
	int sorted = 1;
	pin_node m;

	if (!reserve(w, w->o->nodes[i].len))
		return;
	for (m = w->o->nodes[i].off; m != 0;
	    m = p->next & PIN__UP ? 0 : p->next) {
		p = &w->o->nodes[m];
		key = pin__obj_keystr(w->o, p);
		if (n > 0 && pin_str_cmp(prev, key) > 0)
			sorted = 0;
		prev = key;
		w->e[base + n++] = (struct entry){ f, m, 0 };
	}
	w->n = base + n;
	if (!sorted)
		sort_named(w, w->e + base, n);
	for (k = 0; k < n && w->out->failed == PIN_OK; k++) {
		m = w->e[base + k].n;
		put_key(w, k == 0 ? '{' : ',', &w->o->nodes[m]);
		put_value(w, t, f, m);
	}
	pin_out_put(w->out, n == 0 ? "{}" : "}", n == 0 ? 2 : 1);
	w->n = base;
}

/* ---- structs -------------------------------------------------------- */

/* A member that the canonical form does not have. */
static int
is_left_out(const struct pin_obj *o, const struct pin_field_row *f,
    pin_node n)
{
	switch (f->presence) {
	case PIN_P_OMIT:
		return (pin__value_zero(o, f, n));
	case PIN_P_KEEP:
	case PIN_P_OMITZERO:
		return (PIN__TYPE(&o->nodes[n]) == PIN_NULL &&
		    (f->flags & PIN_FF_NULLABLE) == 0);
	default:
		return (0);
	}
}

/* Collects the members of i in canonical order; how many there are. */
static uint32_t
collect(struct writer *w, struct pin_type t, pin_node i, int root)
{
	uint32_t base = w->n, n = 0, rank, prev = 0;
	const struct pin__node *p;
	const struct pin_field_row *f;
	int sorted = 1, open = (t.row->flags & PIN_TF_OPEN) != 0;
	pin_node m;

	if (!reserve(w, w->o->nodes[i].len))
		return (0);
	for (m = w->o->nodes[i].off; m != 0;
	    m = p->next & PIN__UP ? 0 : p->next) {
		p = &w->o->nodes[m];
		f = pin__field_find(t, w->o->text + p->koff, PIN__KLEN(p));
		if (f != NULL && is_left_out(w->o, f, m))
			continue;
		rank = f != NULL ? pin_field_pos(t, f) + 2 : UINT32_MAX;
		/* apiVersion, then kind. */
		if (root && f != NULL && rank < 4 && f->name_len == 10)
			rank = 1;
		sorted &= rank >= prev;
		prev = rank;
		w->e[base + n++] = (struct entry){ f, m, rank };
	}
	w->n = base + n;
	if (open)
		sort_named(w, w->e + base, n);
	else if (!sorted)
		qsort(w->e + base, n, sizeof(*w->e), entry_cmp);
	return (n);
}

static void
write_member(struct writer *w, struct pin_type t, struct entry e, char before)
{
	const struct pin__node *p = &w->o->nodes[e.n];

	if (e.f == NULL) {
		put_key(w, before, p);
		pin_obj_write(w->o, e.n, w->out);
		return;
	}
	put_name(w->out, before, pin_schema_str(t.schema, e.f->name),
	    e.f->name_len);
	if (e.f->shape == PIN_SHAPE_LIST && PIN__TYPE(p) == PIN_ARRAY)
		write_list(w, t, e.f, e.n);
	else if (e.f->shape == PIN_SHAPE_MAP && PIN__TYPE(p) == PIN_OBJECT)
		write_map(w, t, e.f, e.n);
	else
		put_value(w, t, e.f, e.n);
}

static void
write_object(struct writer *w, struct pin_type t, pin_node i, int root)
{
	const uint32_t either = PIN_TF_OR_BOOL | PIN_TF_OR_ARRAY |
	    PIN_TF_OR_STRINGS;
	const struct pin_field_row *f;
	uint32_t base = w->n, k, n;

	if ((t.row->flags & either) != 0) {
		f = pin_type_field(t, "schema", 6);
		t = pin_field_type(t, f);
	}
	if (++w->depth > PIN_CONFORM_DEPTH_MAX) {
		w->out->failed = PIN_ELIMIT;
		return;
	}
	n = collect(w, t, i, root);
	for (k = 0; k < n && w->out->failed == PIN_OK; k++)
		write_member(w, t, w->e[base + k], k == 0 ? '{' : ',');
	pin_out_put(w->out, n == 0 ? "{}" : "}", n == 0 ? 2 : 1);
	w->n = base;
	w->depth--;
}

void
pin_conform_write(struct pin_type t, const struct pin_obj *o,
    struct pin_out *out)
{
	struct writer w;

	PIN_VALID(o, PIN__OBJ_MAGIC);
	if (o->failed != PIN_OK) {
		out->failed = out->failed != PIN_OK ? out->failed : o->failed;
		return;
	}
	w.o = o;
	w.out = out;
	w.e = w.first;
	w.n = w.depth = 0;
	w.cap = ENTRIES_FIRST;
	if (pin_obj_type(o, pin_obj_root(o)) != PIN_OBJECT)
		pin_obj_write(o, pin_obj_root(o), out);
	else
		write_object(&w, t, pin_obj_root(o), 1);
	if (w.e != w.first)
		free(w.e);
}
