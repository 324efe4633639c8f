/* SPDX-License-Identifier: BSD-2-Clause
 *
 * causes.c -- the list of what is wrong with an object, with messages as
 * upstream's field.Error makes them: kind of error, value, detail.
 * One thread at a time. Contract: pintle/validation.h, conform.h. */
#include "check_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAUSES_MAGIC	0x63617573u
#define DETAIL_MAX	2048
#define MESSAGE_MAX	((size_t)64 << 10)

struct pin_causes {
	uint32_t		 magic;
	uint32_t		 n;	/* kept */
	uint32_t		 more;	/* not kept */
	uint32_t		 cap;
	struct pin_arena	*arena;
	struct pin_cause	*at;
};

static const char *const texts[PIN_CAUSE__COUNT] = {
	"",
#define X(sym, reason, text)	text,
	PIN_CAUSE_MAP(X)
#undef X
};

struct pin_causes *
pin_causes_new(struct pin_arena *a)
{
	struct pin_causes *c = pin_arena_zalloc(a, sizeof(*c));

	if (c == NULL)
		return (NULL);
	c->magic = CAUSES_MAGIC;
	c->arena = a;
	return (c);
}

/* A row and a rule may say the same of a member: once is enough. */
static int
is_said(const struct pin_causes *c, int type, struct pin_str field,
    struct pin_str message)
{
	const struct pin_cause *k;
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		k = &c->at[i];
		if (k->type == (uint32_t)type && pin_str_eq(k->field, field) &&
		    pin_str_eq(k->message, message))
			return (1);
	}
	return (0);
}

/* Without memory there is no text, but there is a cause. */
static struct pin_str
text_or(struct pin_str s, const char *instead)
{
	return (s.p != NULL ? s : pin_str(instead));
}

static int
has_value(int type)
{
	return (type != PIN_CAUSE_REQUIRED && type != PIN_CAUSE_FORBIDDEN &&
	    type != PIN_CAUSE_TOOLONG && type != PIN_CAUSE_INTERNAL);
}

static int
make_room(struct pin_causes *c)
{
	uint32_t cap = c->cap != 0 ? c->cap * 2 : 8;
	struct pin_cause *p;

	if (c->n < c->cap)
		return (1);
	if (c->n >= PIN_CAUSES_MAX)
		return (0);
	p = pin_arena_grow(c->arena, c->at, c->cap * sizeof(*p),
	    cap * sizeof(*p));
	if (p == NULL)
		return (0);
	c->at = p;
	c->cap = cap;
	return (1);
}

void
pin_cause_add(struct pin_causes *c, int type, const char *field,
    struct pin_str value, const char *detail, ...)
{
	char text[DETAIL_MAX] = "";
	struct pin_cause *k;
	struct pin_out w;
	va_list ap;

	PIN_VALID(c, CAUSES_MAGIC);
	PIN_ASSERT(type > PIN_CAUSE_NONE && type < PIN_CAUSE__COUNT);
	if (!make_room(c)) {
		c->more++;
		return;
	}
	if (detail != NULL) {
		va_start(ap, detail);
		(void)vsnprintf(text, sizeof(text), detail, ap);
		va_end(ap);
	}
	pin_out_init(&w, c->arena, MESSAGE_MAX);
	pin_out_cstr(&w, texts[type]);
	if (value.p != NULL && has_value(type)) {
		pin_out_cstr(&w, ": ");
		pin_out_str(&w, value);
	}
	if (text[0] != '\0') {
		pin_out_cstr(&w, ": ");
		pin_out_cstr(&w, text);
	}
	if (w.failed == PIN_OK && is_said(c, type, pin_str(field),
	    (struct pin_str){ w.p, w.len }))
		return;
	k = &c->at[c->n++];
	k->type = (uint32_t)type;
	k->field = text_or(pin_arena_str(c->arena, pin_str(field)), "");
	k->message = w.failed == PIN_OK ?
	    (struct pin_str){ w.p, w.len } : pin_str(texts[type]);
}

uint32_t
pin_cause_count(const struct pin_causes *c)
{
	PIN_VALID(c, CAUSES_MAGIC);
	return (c->n + c->more);
}

const struct pin_cause *
pin_causes_at(const struct pin_causes *c, uint32_t i)
{
	PIN_VALID(c, CAUSES_MAGIC);
	return (i < c->n ? &c->at[i] : NULL);
}

struct pin_cause *
pin__causes_all(struct pin_causes *c, uint32_t *n)
{
	PIN_VALID(c, CAUSES_MAGIC);
	*n = c->n;
	return (c->at);
}
