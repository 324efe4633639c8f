/* SPDX-License-Identifier: BSD-2-Clause
 *
 * field.c -- field selectors: terms joined by commas, each field=value,
 * field==value or field!=value; in a value \, \= and \\ are escapes.
 * Pure.
 * Terms are sorted as text before they are read, so that equal selectors
 * compile alike and the first refusal is always the same one. */
#include <stdlib.h>
#include <string.h>

#include "lib/selector/build.h"

struct pin_field_selector {
	uint32_t		 magic;
	uint32_t		 n;
	int32_t			 heap;
	int32_t			 pad;
	struct pin_field_term	 term[];
};

struct split {
	struct pin_str	*part;
	uint32_t	 n;
};

static int
part_cmp(const void *a, const void *b)
{
	const struct pin_str *l = a, *r = b;

	return (pin_str_cmp(*l, *r));
}

/* Cuts at commas that no backslash precedes; empty parts are dropped. */
static int
split(struct pin_str text, struct split *s)
{
	size_t i, from = 0, commas = 1;
	int slash = 0;

	for (i = 0; i < text.len; i++)
		commas += text.p[i] == ',';
	s->part = malloc(commas * sizeof(*s->part));
	if (s->part == NULL)
		return (PIN_ENOMEM);
	s->n = 0;
	for (i = 0; i <= text.len; i++) {
		if (i < text.len && slash) {
			slash = 0;
			continue;
		}
		if (i < text.len && text.p[i] == '\\')
			slash = 1;
		if (i < text.len && text.p[i] != ',')
			continue;
		if (i > from)
			s->part[s->n++] = (struct pin_str){ text.p + from,
			    i - from };
		from = i + 1;
	}
	qsort(s->part, s->n, sizeof(*s->part), part_cmp);
	return (PIN_OK);
}

/* How many bytes the character at p has, by its first byte. */
static size_t
char_len(unsigned char c, size_t left)
{
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	return (n < left ? n : left);
}

static int
unescape(struct pin_str raw, char *to, size_t *len, struct pin_err *err)
{
	static const char bad[] = "invalid field selector: ";
	size_t i, n = 0, k;

	for (i = 0; i < raw.len; i++) {
		if (raw.p[i] == ',' || raw.p[i] == '=')
			return (pin_err_set(err, PIN_EINVAL,
			    "%sunescaped character in value: %d", bad,
			    raw.p[i]));
		if (raw.p[i] == '\\') {
			if (++i == raw.len)
				return (pin_err_set(err, PIN_EINVAL,
				    "%sinvalid escape sequence: \\", bad));
			if (strchr("\\,=", raw.p[i]) == NULL ||
			    raw.p[i] == '\0') {
				k = char_len((unsigned char)raw.p[i],
				    raw.len - i);
				return (pin_err_set(err, PIN_EINVAL,
				    "%sinvalid escape sequence: \\%.*s", bad,
				    (int)k, raw.p + i));
			}
		}
		to[n++] = raw.p[i];
	}
	*len = n;
	return (PIN_OK);
}

static int
read_term(struct pin_str text, struct pin_str part, char **bytes,
    struct pin_field_term *t, struct pin_err *err)
{
	size_t i, op = 0;
	struct pin_str raw;
	int rc;

	for (i = 0; i < part.len && op == 0; i++) {
		if (part.p[i] == '=')
			op = i + 1 < part.len && part.p[i + 1] == '=' ? 2 : 1;
		else if (part.p[i] == '!' && i + 1 < part.len &&
		    part.p[i + 1] == '=')
			op = 2;
	}
	if (op == 0)
		return (pin_err_set(err, PIN_EINVAL, "invalid selector: '"
		    PIN_SFMT "'; can't understand '" PIN_SFMT "'",
		    PIN_SARG(text), PIN_SARG(part)));
	i--;
	t->op = part.p[i] == '!' ? PIN_SEL_NE : PIN_SEL_EQ;
	t->field = (struct pin_str){ *bytes, i };
	memcpy(*bytes, part.p, i);
	*bytes += i;
	raw = (struct pin_str){ part.p + i + op, part.len - i - op };
	t->value.p = *bytes;
	rc = unescape(raw, *bytes, &t->value.len, err);
	if (rc == PIN_OK)
		*bytes += t->value.len;
	return (rc);
}

int
pin_field_selector_parse(struct pin_arena *arena, struct pin_str text,
    struct pin_field_selector **out, struct pin_err *err)
{
	struct pin_field_selector *s = NULL;
	struct split sp;
	size_t size;
	char *bytes;
	uint32_t i;
	int rc = PIN_OK;

	*out = NULL;
	if (text.len > PIN_SELECTOR_TEXT_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "field selector: %zu "
		    "bytes, at most %u are read", text.len,
		    PIN_SELECTOR_TEXT_MAX));
	if (split(text, &sp) != PIN_OK)
		return (pin_err_set(err, PIN_ENOMEM,
		    "field selector: no memory"));
	size = sizeof(*s) + sp.n * sizeof(s->term[0]) + text.len;
	s = arena != NULL ? pin_arena_alloc(arena, size) : malloc(size);
	if (s == NULL) {
		free(sp.part);
		return (pin_err_set(err, PIN_ENOMEM,
		    "field selector: no memory"));
	}
	*s = (struct pin_field_selector){ .magic = FIELDSEL_MAGIC,
	    .heap = arena == NULL };
	bytes = (char *)&s->term[sp.n];
	for (i = 0; i < sp.n && rc == PIN_OK; i++) {
		rc = read_term(text, sp.part[i], &bytes, &s->term[s->n], err);
		if (rc == PIN_OK && (s->term[s->n].field.len > 0 ||
		    s->term[s->n].value.len > 0))
			s->n++;
	}
	free(sp.part);
	if (rc != PIN_OK) {
		pin_field_selector_free(&s);
		return (rc);
	}
	*out = s;
	return (PIN_OK);
}

void
pin_field_selector_free(struct pin_field_selector **sp)
{
	struct pin_field_selector *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	PIN_VALID(s, FIELDSEL_MAGIC);
	s->magic = 0;
	if (s->heap)
		free(s);
}

uint32_t
pin_field_selector_count(const struct pin_field_selector *s)
{
	PIN_VALID(s, FIELDSEL_MAGIC);
	return (s->n);
}

const struct pin_field_term *
pin_field_selector_term(const struct pin_field_selector *s, uint32_t i)
{
	PIN_VALID(s, FIELDSEL_MAGIC);
	PIN_ASSERT(i < s->n);
	return (&s->term[i]);
}

int
pin_field_selector_check(const struct pin_field_selector *s,
    const struct pin_str *supported, size_t n, struct pin_err *err)
{
	uint32_t i;
	size_t j;

	PIN_VALID(s, FIELDSEL_MAGIC);
	for (i = 0; i < s->n; i++) {
		for (j = 0; j < n; j++)
			if (pin_str_eq(s->term[i].field, supported[j]))
				break;
		if (j == n)
			return (pin_err_set(err, PIN_EINVAL,
			    "field label not supported: " PIN_SFMT,
			    PIN_SARG(s->term[i].field)));
	}
	return (PIN_OK);
}

int
pin_field_selector_match(const struct pin_field_selector *s,
    pin_field_get_fn *get, const void *ctx)
{
	const struct pin_field_term *t;
	uint32_t i;

	PIN_VALID(s, FIELDSEL_MAGIC);
	for (i = 0; i < s->n; i++) {
		t = &s->term[i];
		if (pin_str_eq(get(ctx, t->field), t->value) !=
		    (t->op == PIN_SEL_EQ))
			return (0);
	}
	return (1);
}

int
pin_field_selector_exact(const struct pin_field_selector *s,
    struct pin_str field, struct pin_str *value)
{
	uint32_t i;

	PIN_VALID(s, FIELDSEL_MAGIC);
	for (i = 0; i < s->n; i++) {
		if (s->term[i].op != PIN_SEL_EQ ||
		    !pin_str_eq(s->term[i].field, field))
			continue;
		*value = s->term[i].value;
		return (1);
	}
	return (0);
}

void
pin_field_selector_write(const struct pin_field_selector *s,
    struct pin_out *out)
{
	const struct pin_field_term *t;
	uint32_t i;
	size_t j;

	PIN_VALID(s, FIELDSEL_MAGIC);
	for (i = 0; i < s->n; i++) {
		t = &s->term[i];
		if (i > 0)
			pin_out_char(out, ',');
		pin_out_str(out, t->field);
		pin_out_cstr(out, t->op == PIN_SEL_EQ ? "=" : "!=");
		for (j = 0; j < t->value.len; j++) {
			if (strchr("\\,=", t->value.p[j]) != NULL &&
			    t->value.p[j] != '\0')
				pin_out_char(out, '\\');
			pin_out_char(out, t->value.p[j]);
		}
	}
}
