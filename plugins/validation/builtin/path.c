/* SPDX-License-Identifier: BSD-2-Clause
 *
 * path.c -- where in the object a check is, and what it says when something
 * is wrong there (apimachinery: field.Path, field.Error).
 * Front threads. Contract: builtin.h. */
#include "plugins/validation/builtin/builtin.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_MAX	1900

/* ---- the path -------------------------------------------------------- */

static size_t
descend(struct v *v, const char *before, struct pin_str s, const char *after)
{
	size_t back = v->len, room = sizeof(v->path) - v->len;
	int n;

	n = snprintf(v->path + v->len, room, "%s" PIN_SFMT "%s", before,
	    PIN_SARG(s), after);
	if (n > 0)
		v->len += (size_t)n < room ? (size_t)n : room - 1;
	return (back);
}

size_t
v_in(struct v *v, const char *member)
{
	return (descend(v, v->len > 0 ? "." : "", pin_str(member), ""));
}

size_t
v_item(struct v *v, uint32_t index)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, index);
	return (descend(v, "[", pin_str(text), "]"));
}

size_t
v_key(struct v *v, struct pin_str key)
{
	if (key.len > V_PATH_MAX)
		key.len = V_PATH_MAX;
	return (descend(v, "[", key, "]"));
}

void
v_out(struct v *v, size_t back)
{
	PIN_ASSERT(back <= v->len);
	v->len = back;
	v->path[back] = '\0';
}

/* ---- printed values --------------------------------------------------- */

static struct pin_str
printed(struct v *v)
{
	if (v->out.failed != PIN_OK)
		return (PIN_STR_NONE);
	return ((struct pin_str){ v->out.p, v->out.len });
}

static void
fresh(struct v *v)
{
	pin_out_fini(&v->out);
	pin_out_init(&v->out, NULL, V_VALUE_MAX);
}

static struct pin_str
quoted(struct v *v, struct pin_str s)
{
	fresh(v);
	pin_cause_quote(&v->out, s);
	return (printed(v));
}

/* ---- complaints -------------------------------------------------------- */

static void
say(struct v *v, int type, const char *member, struct pin_str value,
    const char *detail)
{
	size_t back = v->len;

	if (member != NULL)
		(void)v_in(v, member);
	if (detail != NULL && detail[0] != '\0')
		pin_cause_add(v->causes, type, v->path, value, "%s", detail);
	else
		pin_cause_add(v->causes, type, v->path, value, NULL);
	v_out(v, back);
}

#define DETAIL(fmt, text)						\
	do {								\
		va_list ap;						\
									\
		va_start(ap, fmt);					\
		vsnprintf(text, sizeof(text), fmt, ap);			\
		va_end(ap);						\
	} while (0)

void
v_required(struct v *v, const char *member, const char *detail)
{
	say(v, PIN_CAUSE_REQUIRED, member, PIN_STR_NONE, detail);
}

void
v_forbidden(struct v *v, const char *member, const char *fmt, ...)
{
	char text[DETAIL_MAX];

	DETAIL(fmt, text);
	say(v, PIN_CAUSE_FORBIDDEN, member, PIN_STR_NONE, text);
}

void
v_toolong(struct v *v, const char *member, uint32_t max)
{
	char text[64];

	snprintf(text, sizeof(text), "may not be more than %" PRIu32
	    " bytes", max);
	say(v, PIN_CAUSE_TOOLONG, member, PIN_STR_NONE, text);
}

void
v_duplicate(struct v *v, const char *member, struct pin_str s)
{
	say(v, PIN_CAUSE_DUPLICATE, member, quoted(v, s), NULL);
}

void
v_unsupported(struct v *v, const char *member, struct pin_str s,
    const char *words)
{
	char text[DETAIL_MAX];
	size_t n = 0, len;
	const char *sep = "supported values: ";

	text[0] = '\0';
	for (; *words != '\0'; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"%.*s\"",
		    sep, (int)len, words);
		PIN_ASSERT(n < sizeof(text));
		sep = ", ";
	}
	say(v, PIN_CAUSE_NOTSUPPORTED, member, quoted(v, s), text);
}

void
v_notfound(struct v *v, const char *member, struct pin_str s, const char *fmt,
    ...)
{
	char text[DETAIL_MAX];

	DETAIL(fmt, text);
	say(v, PIN_CAUSE_NOTFOUND, member, quoted(v, s), text);
}

void
v_bad_str(struct v *v, const char *member, struct pin_str s, const char *fmt,
    ...)
{
	char text[DETAIL_MAX];

	DETAIL(fmt, text);
	say(v, PIN_CAUSE_INVALID, member, quoted(v, s), text);
}

void
v_bad_int(struct v *v, const char *member, int64_t n, const char *fmt, ...)
{
	char text[DETAIL_MAX], value[24];

	DETAIL(fmt, text);
	snprintf(value, sizeof(value), "%" PRId64, n);
	say(v, PIN_CAUSE_INVALID, member, pin_str(value), text);
}

void
v_bad_text(struct v *v, const char *member, struct pin_str value,
    const char *fmt, ...)
{
	char text[DETAIL_MAX];

	DETAIL(fmt, text);
	say(v, PIN_CAUSE_INVALID, member, value, text);
}

void
v_bad_node(struct v *v, const char *member, pin_node n, const char *fmt, ...)
{
	char text[DETAIL_MAX];

	DETAIL(fmt, text);
	fresh(v);
	if (pin_obj_type(v->o, n) == PIN_STRING)
		pin_cause_quote(&v->out, pin_obj_str(v->o, n));
	else if (n == 0)
		pin_out_cstr(&v->out, "null");
	else
		pin_obj_write(v->o, n, &v->out);
	say(v, PIN_CAUSE_INVALID, member, printed(v), text);
}

void
v_immutable(struct v *v, const char *member, pin_node n)
{
	v_bad_node(v, member, n, "field is immutable");
}

/* ---- values ------------------------------------------------------------ */

int
v_has(const struct v *v, pin_node n, const char *key)
{
	return (pin_obj_type(v->o, pin_obj_get(v->o, n, key)) > PIN_NULL);
}

int64_t
v_int(const struct v *v, pin_node n, const char *key, int64_t def)
{
	int64_t value;

	return (pin_obj_i64(v->o, pin_obj_get(v->o, n, key), &value) ? value :
	    def);
}

int
v_true(const struct v *v, pin_node n, const char *key)
{
	return (pin_obj_true(v->o, pin_obj_get(v->o, n, key)));
}

int
v_is(const struct v *v, pin_node n, const char *key, const char *value)
{
	return (pin_str_is(v_str(v, n, key), value));
}

int
v_word(struct pin_str s, const char *words)
{
	size_t len;

	for (; *words != '\0'; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		if (len > 0 && len == s.len && memcmp(words, s.p, len) == 0)
			return (1);
	}
	return (0);
}

static int
is_empty(const struct pin_obj *o, pin_node n)
{
	int type = pin_obj_type(o, n);

	return (type == PIN_ABSENT || type == PIN_NULL ||
	    ((type == PIN_OBJECT || type == PIN_ARRAY) &&
	    pin_obj_count(o, n) == 0));
}

int
v_same(const struct v *v, pin_node now, pin_node was)
{
	if (is_empty(v->o, now) || is_empty(v->old, was))
		return (is_empty(v->o, now) && is_empty(v->old, was));
	return (pin_obj_equal(v->o, now, v->old, was));
}

int
v_kept(const struct v *v, pin_node now, pin_node was, const char *key)
{
	return (v_same(v, pin_obj_get(v->o, now, key),
	    pin_obj_get(v->old, was, key)));
}

int
v_same_but(const struct v *v, pin_node now, pin_node was, const char *words)
{
	struct pin_str k;
	pin_node n;

	for (n = pin_obj_first(v->o, now); n != 0;
	    n = pin_obj_next(v->o, n)) {
		k = pin_obj_key(v->o, n);
		if (!v_word(k, words) && !v_same(v, n, pin_obj_getn(v->old,
		    was, k.p, k.len)))
			return (0);
	}
	for (n = pin_obj_first(v->old, was); n != 0;
	    n = pin_obj_next(v->old, n)) {
		k = pin_obj_key(v->old, n);
		if (!v_word(k, words) && !v_same(v, pin_obj_getn(v->o, now,
		    k.p, k.len), n))
			return (0);
	}
	return (1);
}

uint32_t
v_count(const struct v *v, pin_node n, const char *key)
{
	return (pin_obj_count(v->o, pin_obj_get(v->o, n, key)));
}
