/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cause_format.c -- the formats of strings for those who have no rows:
 * validation plugins, names.
 * Pure; any thread. Contract: pintle/validation.h. */
#include "check_int.h"

#include <stdio.h>
#include <string.h>

#include "lib/selector/text.h"

#define SENTENCE_MAX	1900

static const char *const names[PIN_FORMAT__COUNT] = {
#define PIN_FORMAT(sym, name)	[PIN_FORMAT_##sym] = name,
#include "rules.def"
};

struct talk {
	struct pin_causes	*causes;
	const char		*field;
	const char		*before;
	struct pin_str		 value;
	struct pin_out		 quoted;	/* made at the first sentence */
	uint32_t		 n;
};

static void
says(void *arg, int type, const char *detail)
{
	char text[SENTENCE_MAX];
	struct talk *t = arg;

	t->n++;
	if (t->causes == NULL)
		return;
	if (t->quoted.len == 0)
		pin__go_quote(&t->quoted, t->value);
	(void)snprintf(text, sizeof(text), "%s%s", t->before, detail);
	pin_cause_add(t->causes, type, t->field, (struct pin_str){
	    t->quoted.failed == PIN_OK ? t->quoted.p : NULL, t->quoted.len },
	    "%s", text);
}

uint32_t
pin_cause_format(struct pin_causes *causes, const char *format,
    const char *field, struct pin_str value, const char *before)
{
	struct talk t = { causes, field, before != NULL ? before : "", value,
	    { 0 }, 0 };
	uint32_t i;

	for (i = 1; i < PIN_FORMAT__COUNT; i++)
		if (strcmp(names[i], format) == 0)
			break;
	PIN_ASSERT(i < PIN_FORMAT__COUNT);
	pin_out_init(&t.quoted, NULL, (size_t)64 << 10);
	pin__format_check(i, value, says, &t);
	pin_out_fini(&t.quoted);
	return (t.n);
}

void
pin_cause_quote(struct pin_out *out, struct pin_str s)
{
	pin__go_quote(out, s);
}
