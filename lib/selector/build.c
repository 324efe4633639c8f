/* SPDX-License-Identifier: BSD-2-Clause
 *
 * build.c -- requirements are gathered, checked, sorted by key and laid out
 * in one block: header, requirements, values, bytes.
 * Pure. */
#include <stdlib.h>
#include <string.h>

#include "lib/selector/build.h"
#include "lib/selector/text.h"

#define CHECK_TEXT_MAX	4096	/* of one refusal */

static const char key_words[] = "must consist of alphanumeric characters, "
    "'-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation "
    "is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
static const char value_words[] = "a valid label must be an empty string or "
    "consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
static const char domain_words[] = "a lowercase RFC 1123 subdomain must "
    "consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex "
    "used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

static int
lower(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

static int
alnum(char c)
{
	return (lower(c) || (c >= 'A' && c <= 'Z'));
}

/* [A-Za-z0-9] at both ends, -_. between; not empty. */
static int
name_ok(struct pin_str s)
{
	size_t i;

	if (s.len == 0 || !alnum(s.p[0]) || !alnum(s.p[s.len - 1]))
		return (0);
	for (i = 1; i < s.len; i++)
		if (!alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' &&
		    s.p[i] != '.')
			return (0);
	return (1);
}

static int
domain_ok(struct pin_str s)
{
	size_t i;
	char prev = '.';

	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '.' || s.p[i] == '-') {
			if (prev == '.' || (s.p[i] == '.' && prev == '-'))
				return (0);
		} else if (!lower(s.p[i]))
			return (0);
		prev = s.p[i];
	}
	return (s.len > 0 && lower(prev));
}

/* Writes "; " between messages: `*n` counts them. */
static void
say(struct pin_out *out, int *n, const char *part, const char *words)
{
	if ((*n)++ > 0)
		pin_out_cstr(out, "; ");
	pin_out_cstr(out, part);
	pin_out_cstr(out, words);
}

int
pin_label_key_check(struct pin_str key, struct pin_out *out)
{
	struct pin_str name = key, prefix;
	const char *slash;
	int n = 0;

	slash = key.len > 0 ? memchr(key.p, '/', key.len) : NULL;
	if (slash != NULL) {
		prefix = (struct pin_str){ key.p, (size_t)(slash - key.p) };
		name = (struct pin_str){ slash + 1,
		    key.len - prefix.len - 1 };
		if (name.len > 0 && memchr(name.p, '/', name.len) != NULL) {
			say(out, &n, "a valid label key ", key_words);
			pin_out_cstr(out, " with an optional DNS subdomain "
			    "prefix and '/' (e.g. 'example.com/MyName')");
			return (0);
		}
		if (prefix.len == 0)
			say(out, &n, "prefix part ", "must be non-empty");
		else if (prefix.len > 253)
			say(out, &n, "prefix part ",
			    "must be no more than 253 bytes");
		if (prefix.len > 0 && !domain_ok(prefix))
			say(out, &n, "prefix part ", domain_words);
	}
	if (name.len == 0)
		say(out, &n, "name part ", "must be non-empty");
	else if (name.len > 63)
		say(out, &n, "name part ", "must be no more than 63 bytes");
	if (!name_ok(name))
		say(out, &n, "name part ", key_words);
	return (n == 0);
}

int
pin_label_value_check(struct pin_str value, struct pin_out *out)
{
	int n = 0;

	if (value.len > 63)
		say(out, &n, "", "must be no more than 63 bytes");
	if (value.len > 0 && !name_ok(value))
		say(out, &n, "", value_words);
	return (n == 0);
}

static int
grow(void *arrp, uint32_t *cap, uint32_t n, size_t size)
{
	void **arr = arrp, *p;
	uint32_t want;

	if (n < *cap)
		return (PIN_OK);
	want = *cap == 0 ? 8 : *cap * 2;
	p = realloc(*arr, want * size);
	if (p == NULL)
		return (PIN_ENOMEM);
	*arr = p;
	*cap = want;
	return (PIN_OK);
}

int
pin__sel_row(struct pin__sel_build *b, struct pin_str key, int op)
{
	if (grow(&b->row, &b->caprow, b->nrow, sizeof(*b->row)) != PIN_OK)
		return (PIN_ENOMEM);
	b->row[b->nrow] = (struct pin__sel_row){ .key = key, .op = op,
	    .first = b->nval, .pos = b->nrow };
	b->nrow++;
	return (PIN_OK);
}

int
pin__sel_value(struct pin__sel_build *b, struct pin_str v)
{
	PIN_ASSERT(b->nrow > 0);
	if (grow(&b->val, &b->capval, b->nval, sizeof(*b->val)) != PIN_OK)
		return (PIN_ENOMEM);
	b->val[b->nval++] = v;
	b->row[b->nrow - 1].nvalues++;
	return (PIN_OK);
}

static int
str_cmp(const void *a, const void *b)
{
	const struct pin_str *l = a, *r = b;

	return (pin_str_cmp(*l, *r));
}

void
pin__sel_unique(struct pin__sel_build *b)
{
	struct pin__sel_row *r = &b->row[b->nrow - 1];
	struct pin_str *v = b->val + r->first;
	uint32_t i, n = 0;

	if (r->nvalues < 2)
		return;
	qsort(v, r->nvalues, sizeof(*v), str_cmp);
	for (i = 0; i < r->nvalues; i++)
		if (n == 0 || !pin_str_eq(v[n - 1], v[i]))
			v[n++] = v[i];
	r->nvalues = n;
	b->nval = r->first + n;
}

/* ---- the rules for one requirement ----------------------------------- */

struct refusal {
	struct pin_out	out;
	int		n;
};

static void
refuse_head(struct refusal *r)
{
	if (r->n++ > 0)
		pin_out_cstr(&r->out, ", ");
}

static void
refuse_values(struct refusal *r, const struct pin_str *v, uint32_t n,
    const char *words)
{
	uint32_t i;

	refuse_head(r);
	pin_out_cstr(&r->out, "values: Invalid value: ");
	if (n == 0)
		pin_out_cstr(&r->out, "null");
	for (i = 0; i < n; i++) {
		pin_out_char(&r->out, i == 0 ? '[' : ',');
		pin_json_quote(&r->out, v[i]);
	}
	pin_out_printf(&r->out, "%s: %s", n == 0 ? "" : "]", words);
}

static void
check_numbers(struct refusal *r, const struct pin_str *v, uint32_t n)
{
	uint32_t i;
	int64_t num;

	for (i = 0; i < n; i++) {
		if (pin__go_i64(v[i], &num))
			continue;
		refuse_head(r);
		pin_out_printf(&r->out, "values[%u]: Invalid value: ", i);
		pin__go_quote(&r->out, v[i]);
		pin_out_cstr(&r->out, ": for 'Gt', 'Lt' operators, "
		    "the value must be an integer");
	}
}

static void
check_count(struct refusal *r, const struct pin__sel_row *row,
    const struct pin_str *v)
{
	const char *words = NULL;

	switch (row->op) {
	case PIN_SEL_IN:
	case PIN_SEL_NOTIN:
		if (row->nvalues == 0)
			words = "for 'in', 'notin' operators, "
			    "values set can't be empty";
		break;
	case PIN_SEL_EQ:
	case PIN_SEL_EQEQ:
	case PIN_SEL_NE:
		if (row->nvalues != 1)
			words = "exact-match compatibility requires one "
			    "single value";
		break;
	case PIN_SEL_EXISTS:
	case PIN_SEL_NOTEXISTS:
		if (row->nvalues != 0)
			words = "values set must be empty for exists and "
			    "does not exist";
		break;
	default:
		if (row->nvalues != 1)
			words = "for 'Gt', 'Lt' operators, exactly one value "
			    "is required";
		break;
	}
	if (words != NULL)
		refuse_values(r, v, row->nvalues, words);
	if (row->op == PIN_SEL_GT || row->op == PIN_SEL_LT)
		check_numbers(r, v, row->nvalues);
}

static void
check_text(struct refusal *r, struct pin_str key, struct pin_str bad,
    int64_t index)
{
	struct pin_out words;
	int ok;

	pin_out_init(&words, NULL, CHECK_TEXT_MAX);
	ok = index < 0 ? pin_label_key_check(bad, &words) :
	    pin_label_value_check(bad, &words);
	if (!ok) {
		refuse_head(r);
		if (index < 0)
			pin_out_cstr(&r->out, "key: Invalid value: ");
		else {
			pin_out_printf(&r->out, "values[%lld][",
			    (long long)index);
			pin_out_str(&r->out, key);
			pin_out_cstr(&r->out, "]: Invalid value: ");
		}
		pin__go_quote(&r->out, bad);
		pin_out_cstr(&r->out, ": ");
		pin_out_put(&r->out, words.p, words.len);
	}
	pin_out_fini(&words);
}

int
pin__sel_check(const struct pin__sel_build *b, struct pin_err *err)
{
	const struct pin__sel_row *row = &b->row[b->nrow - 1];
	const struct pin_str *v = b->val + row->first;
	struct refusal r = { .n = 0 };
	int rc = PIN_OK;
	uint32_t i;

	pin_out_init(&r.out, NULL, CHECK_TEXT_MAX);
	check_text(&r, row->key, row->key, -1);
	check_count(&r, row, v);
	for (i = 0; i < row->nvalues; i++)
		check_text(&r, row->key, v[i], (int64_t)i);
	if (r.n == 1)
		rc = pin_err_set(err, PIN_EINVAL, "%.*s", (int)r.out.len,
		    r.out.p);
	else if (r.n > 1)
		rc = pin_err_set(err, PIN_EINVAL, "[%.*s]", (int)r.out.len,
		    r.out.p);
	pin_out_fini(&r.out);
	return (rc);
}

/* ---- one block ------------------------------------------------------- */

static int
row_cmp(const void *a, const void *b)
{
	const struct pin__sel_row *l = a, *r = b;
	int c;

	c = pin_str_cmp(l->key, r->key);
	if (c != 0)
		return (c);
	return (l->pos < r->pos ? -1 : 1);
}

static struct pin_str
put(char **bytes, struct pin_str s)
{
	struct pin_str at = { *bytes, s.len };

	if (s.len > 0)
		memcpy(*bytes, s.p, s.len);
	*bytes += s.len;
	return (at);
}

static void
lay_out(struct pin_selector *s, const struct pin__sel_build *b)
{
	struct pin_str *val = (struct pin_str *)(s->req + b->nrow);
	char *bytes = (char *)(val + b->nval);
	const struct pin__sel_row *row;
	struct pin_sel_req *q;
	uint32_t i, j;

	for (i = 0; i < b->nrow; i++) {
		row = &b->row[i];
		q = &s->req[i];
		*q = (struct pin_sel_req){ .op = row->op, .values = val,
		    .nvalues = row->nvalues, .key = put(&bytes, row->key) };
		for (j = 0; j < row->nvalues; j++)
			*val++ = put(&bytes, b->val[row->first + j]);
		if (row->op == PIN_SEL_GT || row->op == PIN_SEL_LT)
			(void)pin__go_i64(q->values[0], &q->number);
	}
}

int
pin__sel_finish(struct pin__sel_build *b, struct pin_arena *arena,
    int nothing, struct pin_selector **out, struct pin_err *err)
{
	struct pin_selector *s;
	size_t size;
	uint32_t i;

	size = sizeof(*s) + b->nrow * sizeof(*s->req) +
	    b->nval * sizeof(struct pin_str);
	for (i = 0; i < b->nrow; i++)
		size += b->row[i].key.len;
	for (i = 0; i < b->nval; i++)
		size += b->val[i].len;
	s = arena != NULL ? pin_arena_alloc(arena, size) : malloc(size);
	if (s == NULL)
		return (pin_err_set(err, PIN_ENOMEM,
		    "selector: no memory for %zu bytes", size));
	*s = (struct pin_selector){ .magic = SELECTOR_MAGIC,
	    .nreq = b->nrow, .nothing = nothing, .heap = arena == NULL };
	s->req = (struct pin_sel_req *)(s + 1);
	if (b->nrow > 1)
		qsort(b->row, b->nrow, sizeof(*b->row), row_cmp);
	lay_out(s, b);
	*out = s;
	return (PIN_OK);
}

void
pin__sel_fini(struct pin__sel_build *b)
{
	free(b->row);
	free(b->val);
	*b = (struct pin__sel_build){ .row = NULL };
}
