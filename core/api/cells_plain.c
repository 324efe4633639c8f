/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_plain.c -- cells that know nothing of the kind they are in: a value
 * at a path, an age, a map, a list, a selector, containers.
 * Pure; any thread.
 * Contract: cells.h; what each prints: rules.def. */
#include "cells.h"

#include <string.h>

#include "lib/timefmt/timefmt.h"

/* The value as it is; scalars only, as columns of anything else have a kind
 * of their own. */
static void
put_value(struct pin__cell *c, pin_node n)
{
	if (pin_obj_type(c->obj, n) == PIN_STRING)
		pin__cell_quote(c, pin_obj_str(c->obj, n));
	else
		pin_obj_write(c->obj, n, c->out);
}

void
pin__cell_path(struct pin__cell *c)
{
	pin_node n = pin__cell_at(c, c->arg);
	const char *type;

	if (n != 0) {
		put_value(c, n);
		return;
	}
	type = pin_schema_str(c->schema, c->col->type);
	if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
		pin_out_char(c->out, '0');
	else if (strcmp(type, "boolean") == 0)
		pin_out_cstr(c->out, "false");
	else
		pin_out_cstr(c->out, "\"\"");
}

void
pin__cell_none_path(struct pin__cell *c)
{
	pin__cell_or(c, pin__cell_text(c, c->arg), "<none>");
}

/* Values that are numbers elsewhere are text here. */
void
pin__cell_unset_path(struct pin__cell *c)
{
	pin_node n = pin__cell_at(c, c->arg);

	if (n == 0)
		pin__cell_word(c, "<unset>");
	else
		pin__cell_quote(c, pin_obj_str(c->obj, n));
}

void
pin__cell_unknown_path(struct pin__cell *c)
{
	pin__cell_or(c, pin__cell_text(c, c->arg), "<unknown>");
}

void
pin__cell_age(struct pin__cell *c)
{
	const char *path = *c->arg != '\0' ? c->arg :
	    "metadata.creationTimestamp";

	pin_out_char(c->out, '"');
	pin__cell_since(c, pin__cell_time(c, pin__cell_at(c, path)));
	pin_out_char(c->out, '"');
}

void
pin__cell_age_or_none(struct pin__cell *c)
{
	if (pin__cell_at(c, c->arg) == 0)
		pin__cell_word(c, "<none>");
	else
		pin__cell_age(c);
}

void
pin__cell_labels(struct pin__cell *c)
{
	struct pin__sorted s;
	uint32_t i;

	pin__sorted_map(c, &s, pin__cell_at(c, c->arg));
	pin_out_char(c->out, '"');
	for (i = 0; i < s.n; i++) {
		if (i != 0)
			pin_out_char(c->out, ',');
		pin__cell_put(c, s.items[i].key);
		pin_out_char(c->out, '=');
		pin__cell_node(c, s.items[i].node);
	}
	if (s.n == 0)
		pin__cell_raw(c, "<none>");
	pin_out_char(c->out, '"');
	pin__sorted_fini(&s);
}

void
pin__cell_selector(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	if (!pin__cell_query(c, pin__cell_at(c, c->arg)))
		pin__cell_raw(c, "<none>");
	pin_out_char(c->out, '"');
}

void
pin__cell_selector_text(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	(void)pin__cell_query(c, pin__cell_at(c, c->arg));
	pin_out_char(c->out, '"');
}

void
pin__cell_count(struct pin__cell *c)
{
	pin_out_u64(c->out, pin_obj_count(c->obj, pin__cell_at(c, c->arg)));
}

static void
put_joined(struct pin__cell *c, pin_node list, const char *member)
{
	pin_node n;
	bool first = true;

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!first)
			pin_out_char(c->out, ',');
		first = false;
		pin__cell_node(c, member == NULL ? n :
		    pin_obj_get(c->obj, n, member));
	}
}

void
pin__cell_join(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	put_joined(c, pin__cell_at(c, c->arg), NULL);
	pin_out_char(c->out, '"');
}

void
pin__cell_join_or_none(struct pin__cell *c)
{
	if (pin_obj_count(c->obj, pin__cell_at(c, c->arg)) == 0)
		pin__cell_word(c, "<none>");
	else
		pin__cell_join(c);
}

void
pin__cell_containers(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	put_joined(c, pin__cell_from(c, pin__cell_at(c, c->arg),
	    "containers"), "name");
	pin_out_char(c->out, '"');
}

void
pin__cell_images(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	put_joined(c, pin__cell_from(c, pin__cell_at(c, c->arg),
	    "containers"), "image");
	pin_out_char(c->out, '"');
}

void
pin__cell_bool(struct pin__cell *c)
{
	pin_out_cstr(c->out,
	    pin__cell_true(c, c->root, c->arg) ? "true" : "false");
}

void
pin__cell_bool_text(struct pin__cell *c)
{
	pin_node n = pin__cell_at(c, c->arg);

	pin__cell_word(c, n == 0 ? "<unset>" :
	    pin_obj_true(c->obj, n) ? "True" : "False");
}

void
pin__cell_number(struct pin__cell *c)
{
	pin__cell_num(c, pin__cell_int(c, c->root, c->arg));
}

void
pin__cell_number_or_none(struct pin__cell *c)
{
	int64_t v;

	if (pin_obj_i64(c->obj, pin__cell_at(c, c->arg), &v))
		pin__cell_num(c, v);
	else
		pin__cell_word(c, "<none>");
}

void
pin__cell_or_na(struct pin__cell *c)
{
	pin_node n = pin__cell_at(c, c->arg);

	if (n == 0)
		pin__cell_word(c, "N/A");
	else
		pin__cell_quote(c, pin_obj_str(c->obj, n));
}

void
pin__cell_phase(struct pin__cell *c)
{
	if (pin__cell_at(c, "metadata.deletionTimestamp") != 0)
		pin__cell_word(c, "Terminating");
	else
		pin__cell_quote(c, pin__cell_text(c, c->arg));
}

void
pin__cell_quantity(struct pin__cell *c)
{
	pin__cell_or(c, pin__cell_text(c, c->arg), "0");
}

/* Length of the blank that s starts with, 0: none. Unicode's White_Space. */
static size_t
blank_len(const unsigned char *s, size_t len)
{
	if (len >= 1 && (s[0] == ' ' || (s[0] >= '\t' && s[0] <= '\r')))
		return (1);
	if (len >= 2 && s[0] == 0xc2 && (s[1] == 0x85 || s[1] == 0xa0))
		return (2);
	if (len < 3)
		return (0);
	if ((s[0] == 0xe1 && s[1] == 0x9a && s[2] == 0x80) ||
	    (s[0] == 0xe2 && s[1] == 0x80 && (s[2] <= 0x8a ||
	    s[2] == 0xa8 || s[2] == 0xa9 || s[2] == 0xaf)) ||
	    (s[0] == 0xe2 && s[1] == 0x81 && s[2] == 0x9f) ||
	    (s[0] == 0xe3 && s[1] == 0x80 && s[2] == 0x80))
		return (3);
	return (0);
}

void
pin__cell_trimmed(struct pin__cell *c)
{
	struct pin_str s = pin__cell_text(c, c->arg);
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n, back;

	while ((n = blank_len(p, s.len)) != 0) {
		p += n;
		s.len -= n;
	}
	do {
		for (back = 1; back <= 3; back++) {
			if (back <= s.len &&
			    blank_len(p + s.len - back, back) == back)
				break;
		}
		if (back <= 3)
			s.len -= back;
	} while (back <= 3);
	s.p = (const char *)p;
	pin__cell_quote(c, s);
}
