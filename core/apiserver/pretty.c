/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pretty.c -- see pretty.h.
 * One thread at a time. Contract: pretty.h; a level that opened without end
 * costs no more than PRETTY_DEPTH spaces a line. */
#include "core/apiserver/pretty.h"

#define PRETTY_DEPTH	64	/* deeper levels are not indented further */

static void
line(struct pretty *s, struct pin_out *o)
{
	uint32_t i;

	pin_out_char(o, '\n');
	for (i = 0; i < s->depth && i < PRETTY_DEPTH; i++)
		pin_out_cstr(o, "  ");
}

static void
string_byte(struct pretty *s, char c)
{
	if (s->escaped)
		s->escaped = 0;
	else if (c == '\\')
		s->escaped = 1;
	else if (c == '"')
		s->in_string = 0;
}

static void
close_level(struct pretty *s, struct pin_out *o, char c)
{
	s->depth -= s->depth > 0;
	if (!s->opened)
		line(s, o);
	s->opened = 0;
	pin_out_char(o, c);
}

static void
byte(struct pretty *s, struct pin_out *o, char c)
{
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return;
	if (c == '}' || c == ']') {
		close_level(s, o, c);
		return;
	}
	if (s->opened)
		line(s, o);
	s->opened = c == '{' || c == '[';
	s->depth += s->opened;
	s->in_string = c == '"';
	pin_out_char(o, c);
	if (c == ',')
		line(s, o);
	else if (c == ':')
		pin_out_char(o, ' ');
}

void
pretty_put(struct pretty *s, struct pin_out *o, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!s->in_string) {
			byte(s, o, p[i]);
			continue;
		}
		pin_out_char(o, p[i]);
		string_byte(s, p[i]);
	}
}
