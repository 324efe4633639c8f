/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check.c -- what the rows demand of a finished object: values that must be
 * there, enums, limits, formats, values that must not change.
 * Recursion is bounded by PIN_CONFORM_DEPTH_MAX. Contract: conform.h. */
#include "check_int.h"
#include "conform_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/selector/text.h"

#define FIELD_MAX	1024	/* of a path; what is longer is cut */
#define VALUE_MAX	((size_t)32 << 10)
#define ENUM_TEXT_MAX	1900

struct check {
	const struct pin_obj	*o;
	const struct pin_obj	*old;
	struct pin_causes	*causes;
	pin_node		 at;	/* the value whose format is checked */
	uint32_t		 len;
	uint32_t		 depth;
	char			 path[FIELD_MAX];
};

static void check_struct(struct check *, struct pin_type, pin_node, pin_node);

/* ---- paths and values ----------------------------------------------- */

/* Appends and gives the length to go back to. */
static uint32_t
enter(struct check *c, const char *before, const char *p, size_t len,
    const char *after)
{
	uint32_t back = c->len;
	size_t room = sizeof(c->path) - c->len;
	int n;

	n = snprintf(c->path + c->len, room, "%s%.*s%s", c->len != 0 ||
	    *before != '.' ? before : "", len < FIELD_MAX ? (int)len :
	    FIELD_MAX, p, after);
	if (n > 0)
		c->len += (size_t)n < room ? (uint32_t)n :
		    (uint32_t)room - 1;
	return (back);
}

static uint32_t
enter_index(struct check *c, uint32_t i)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%" PRIu32, i);
	return (enter(c, "[", text, strlen(text), "]"));
}

static void
leave(struct check *c, uint32_t back)
{
	c->len = back;
	c->path[back] = '\0';
}

/* The value as upstream prints it, in out. */
static struct pin_str
value_text(const struct check *c, pin_node n, struct pin_out *out)
{
	struct pin_str s;

	pin_out_init(out, NULL, VALUE_MAX);
	if (pin_obj_type(c->o, n) == PIN_STRING)
		pin__go_quote(out, pin_obj_str(c->o, n));
	else
		pin_obj_write(c->o, n, out);
	s.p = out->failed == PIN_OK ? out->p : NULL;
	s.len = out->len;
	return (s);
}

static void
complain(struct check *c, int type, pin_node n, const char *detail)
{
	struct pin_out out;
	struct pin_str v = value_text(c, n, &out);

	pin_cause_add(c->causes, type, c->path, v, "%s", detail);
	pin_out_fini(&out);
}

static void
required(struct check *c, struct pin_type t, const struct pin_field_row *f)
{
	pin_cause_add(c->causes, PIN_CAUSE_REQUIRED, c->path, PIN_STR_NONE,
	    "%s", pin_schema_str(t.schema, f->must_text));
}

/* ---- one value ------------------------------------------------------ */

static void
check_enum(struct check *c, struct pin_type t, const struct pin_field_row *f,
    pin_node n)
{
	uint32_t i, count = pin_schema_nwords(t.schema, f->enums);
	struct pin_str s = pin_obj_str(c->o, n);
	char text[ENUM_TEXT_MAX];
	size_t len;

	if (pin_obj_type(c->o, n) != PIN_STRING ||
	    pin_schema_has_word(t.schema, f->enums, s.len != 0 ? s.p : "",
	    s.len))
		return;
	len = (size_t)snprintf(text, sizeof(text), "supported values: ");
	for (i = 0; i < count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s\"%s\"", i > 0 ? ", " : "", pin_schema_str(t.schema,
		    pin_schema_word(t.schema, f->enums, i)));
	complain(c, PIN_CAUSE_NOTSUPPORTED, n, text);
}

static void
check_number(struct check *c, const struct pin_check_row *k, pin_node n)
{
	int min = (k->flags & PIN_CK_MIN) != 0;
	int max = (k->flags & PIN_CK_MAX) != 0;
	char text[128];
	int64_t v;

	if (!pin_obj_i64(c->o, n, &v) || !((min && v < k->min) ||
	    (max && v > k->max)))
		return;
	if (min && max)
		(void)snprintf(text, sizeof(text), "must be between %" PRId64
		    " and %" PRId64 ", inclusive", k->min, k->max);
	else
		(void)snprintf(text, sizeof(text), "must be %s than or equal "
		    "to %" PRId64, min ? "greater" : "less",
		    min ? k->min : k->max);
	complain(c, PIN_CAUSE_INVALID, n, text);
}

static void
check_length(struct check *c, const struct pin_check_row *k, pin_node n)
{
	struct pin_str s = pin_obj_str(c->o, n);
	char text[64];

	if ((k->flags & PIN_CK_MAXLEN) != 0 && s.len > k->maxlen)
		pin_cause_add(c->causes, PIN_CAUSE_TOOLONG, c->path,
		    PIN_STR_NONE, "may not be more than %" PRIu32 " byte%s",
		    k->maxlen, k->maxlen == 1 ? "" : "s");
	if ((k->flags & PIN_CK_MINLEN) != 0 && s.len < k->minlen) {
		(void)snprintf(text, sizeof(text), "must be at least %" PRIu32
		    " characters", k->minlen);
		complain(c, PIN_CAUSE_INVALID, n, text);
	}
}

static void
format_says(void *arg, int type, const char *detail)
{
	struct check *c = arg;

	complain(c, type, c->at, detail);
}

/* A scalar that is there; absent ones never come here. */
static void
check_scalar(struct check *c, struct pin_type t,
    const struct pin_field_row *f, pin_node n)
{
	const struct pin_check_row *k;

	if ((f->flags & PIN_FF_LOOSE) != 0)
		return;
	if ((f->flags & PIN_FF_BLANK) != 0 &&
	    pin_obj_type(c->o, n) == PIN_STRING &&
	    pin_obj_str(c->o, n).len == 0)
		return;
	if (f->enums != 0)
		check_enum(c, t, f, n);
	if (f->check == PIN_NONE)
		return;
	k = &t.schema->checks[f->check];
	if (pin_obj_type(c->o, n) == PIN_NUMBER) {
		check_number(c, k, n);
	} else if (pin_obj_type(c->o, n) == PIN_STRING) {
		check_length(c, k, n);
		c->at = n;
		if (k->format != 0)
			pin__format_check(k->format, pin_obj_str(c->o, n),
			    format_says, c);
	}
}

/* ---- lists, maps, members ------------------------------------------- */

static void
check_items(struct check *c, const struct pin_check_row *k, pin_node n)
{
	uint32_t count = pin_obj_count(c->o, n);
	char text[16];
	struct pin_str s = { text, 0 };

	s.len = (size_t)snprintf(text, sizeof(text), "%" PRIu32, count);
	if ((k->flags & PIN_CK_MAXITEMS) != 0 && count > k->maxitems)
		pin_cause_add(c->causes, PIN_CAUSE_TOOMANY, c->path, s,
		    "must have at most %" PRIu32 " item%s", k->maxitems,
		    k->maxitems == 1 ? "" : "s");
	if ((k->flags & PIN_CK_MINITEMS) != 0 && count < k->minitems)
		pin_cause_add(c->causes, PIN_CAUSE_INVALID, c->path, s,
		    "must have at least %" PRIu32 " item%s", k->minitems,
		    k->minitems == 1 ? "" : "s");
}

static void
check_many(struct check *c, struct pin_type t, const struct pin_field_row *f,
    pin_node n)
{
	uint32_t i, back;
	struct pin_str key;
	pin_node m;

	if (f->check != PIN_NONE)
		check_items(c, &t.schema->checks[f->check], n);
	if (f->kind != PIN_F_OBJECT && f->check == PIN_NONE && f->enums == 0)
		return;
	for (m = pin_obj_first(c->o, n), i = 0; m != 0;
	    m = pin_obj_next(c->o, m), i++) {
		key = pin_obj_key(c->o, m);
		back = f->shape == PIN_SHAPE_LIST ? enter_index(c, i) :
		    enter(c, "[", key.len != 0 ? key.p : "", key.len, "]");
		if (f->kind == PIN_F_OBJECT)
			check_struct(c, pin_field_type(t, f), m, 0);
		else
			check_scalar(c, t, f, m);
		leave(c, back);
	}
}

static int
is_empty(const struct check *c, const struct pin_field_row *f, pin_node n)
{
	if (n == 0 || pin_obj_type(c->o, n) == PIN_NULL)
		return (1);
	if (f->presence == PIN_P_NULL)
		return (0);
	return ((f->kind != PIN_F_OBJECT || f->shape != PIN_SHAPE_ONE) &&
	    pin__value_zero(c->o, f, n));
}

static void
check_member(struct check *c, struct pin_type t,
    const struct pin_field_row *f, pin_node n, pin_node old)
{
	if ((f->flags & PIN_FF_MUST) != 0 && is_empty(c, f, n)) {
		required(c, t, f);
		return;
	}
	if (old != 0 && (f->flags & PIN_FF_IMMUTABLE) != 0 &&
	    !pin_obj_equal(c->o, n, c->old, old)) {
		complain(c, PIN_CAUSE_INVALID, n, "field is immutable");
		return;
	}
	if (n == 0 || pin_obj_type(c->o, n) == PIN_NULL)
		return;
	if (f->shape != PIN_SHAPE_ONE)
		check_many(c, t, f, n);
	else if (f->kind == PIN_F_OBJECT)
		check_struct(c, pin_field_type(t, f), n, old);
	else
		check_scalar(c, t, f, n);
}

/* ---- structs -------------------------------------------------------- */

static void
check_struct(struct check *c, struct pin_type t, pin_node o, pin_node old)
{
	const struct pin_field_row *f = pin_type_at(t, 0);
	pin_node m = pin_obj_first(c->o, o), n, was;
	struct pin_str key;
	uint32_t i, back;

	if (pin_obj_type(c->o, o) != PIN_OBJECT ||
	    ++c->depth > PIN_CONFORM_DEPTH_MAX)
		return;
	for (i = 0; i < t.row->nfields; i++, f++) {
		/* Mostly the members stand in the order of the rows. */
		key = pin_obj_key(c->o, m);
		n = m;
		if (m != 0 && key.len == f->name_len && memcmp(key.p,
		    pin_schema_str(t.schema, f->name), key.len) == 0)
			m = pin_obj_next(c->o, m);
		else
			n = pin_obj_getn(c->o, o, pin_schema_str(t.schema,
			    f->name), f->name_len);
		was = old != 0 ? pin_obj_getn(c->old, old, pin_schema_str(
		    t.schema, f->name), f->name_len) : 0;
		if (n == 0 && was == 0 && (f->flags & PIN_FF_MUST) == 0)
			continue;
		back = enter(c, ".", pin_schema_str(t.schema, f->name),
		    f->name_len, "");
		check_member(c, t, f, n, was);
		leave(c, back);
	}
	c->depth--;
}

void
pin_conform_check(struct pin_type t, const struct pin_obj *o,
    const struct pin_obj *old, struct pin_causes *causes)
{
	struct check c;

	c.o = o;
	c.old = old;
	c.causes = causes;
	c.len = c.depth = 0;
	c.path[0] = '\0';
	check_struct(&c, t, pin_obj_root(o), old != NULL ?
	    pin_obj_root(old) : 0);
}
