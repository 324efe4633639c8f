/* SPDX-License-Identifier: BSD-2-Clause
 *
 * label.c -- label selectors from text and from objects.
 * Pure.
 * One token of lookahead; "in" and "notin" are words only where an operator
 * may stand, else plain identifiers. A zero byte ends the text, as in the
 * reference. */
#include <stdlib.h>
#include <string.h>

#include "lib/selector/build.h"
#include "lib/selector/text.h"

enum tok {
	TOK_END, TOK_CLOSE, TOK_COMMA, TOK_NOT, TOK_EQEQ, TOK_EQ, TOK_GT,
	TOK_ID, TOK_IN, TOK_LT, TOK_NE, TOK_NOTIN, TOK_OPEN,
};

struct parser {
	struct pin_str		 text;
	size_t			 pos;
	enum tok		 tok;	/* the next token */
	struct pin_str		 lit;
	struct pin__sel_build	 b;
	struct pin_err		*err;
};

static int
is_space(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static int
is_special(char c)
{
	return (c == '=' || c == '!' || c == '(' || c == ')' || c == ',' ||
	    c == '>' || c == '<');
}

static void
lex_special(struct parser *p)
{
	const char *s = p->text.p + p->pos;
	size_t left = p->text.len - p->pos;
	int eq = left > 1 && s[1] == '=';

	p->lit = (struct pin_str){ s, 1 };
	switch (s[0]) {
	case '=':
		p->tok = eq ? TOK_EQEQ : TOK_EQ;
		p->lit.len += (size_t)eq;
		break;
	case '!':
		p->tok = eq ? TOK_NE : TOK_NOT;
		p->lit.len += (size_t)eq;
		break;
	case '(':
		p->tok = TOK_OPEN;
		break;
	case ')':
		p->tok = TOK_CLOSE;
		break;
	case ',':
		p->tok = TOK_COMMA;
		break;
	default:
		p->tok = s[0] == '>' ? TOK_GT : TOK_LT;
		break;
	}
	p->pos += p->lit.len;
}

/* Reads the next token into tok and lit; past the end it stays TOK_END. */
static void
lex(struct parser *p)
{
	const char *s = p->text.p;
	size_t from;

	while (p->pos < p->text.len && is_space(s[p->pos]))
		p->pos++;
	from = p->pos;
	p->lit = PIN_STR("");
	p->tok = TOK_END;
	if (from >= p->text.len || s[from] == '\0') {
		p->pos = p->text.len;
		return;
	}
	if (is_special(s[from])) {
		lex_special(p);
		return;
	}
	while (p->pos < p->text.len && s[p->pos] != '\0' &&
	    !is_space(s[p->pos]) && !is_special(s[p->pos]))
		p->pos++;
	p->lit = (struct pin_str){ s + from, p->pos - from };
	if (p->pos < p->text.len && s[p->pos] == '\0')
		p->pos++;
	if (pin_str_is(p->lit, "in"))
		p->tok = TOK_IN;
	else if (pin_str_is(p->lit, "notin"))
		p->tok = TOK_NOTIN;
	else
		p->tok = TOK_ID;
}

/* The token where no operator may stand. */
static enum tok
value_tok(const struct parser *p)
{
	return (p->tok == TOK_IN || p->tok == TOK_NOTIN ? TOK_ID : p->tok);
}

static int
expected(struct parser *p, struct pin_str found, const char *what)
{
	return (pin_err_set(p->err, PIN_EINVAL, "found '" PIN_SFMT "'%s",
	    PIN_SARG(found), what));
}

static int
no_memory(struct parser *p)
{
	return (pin_err_set(p->err, PIN_ENOMEM, "selector: no memory"));
}

static int
operator(struct parser *p, int *op)
{
	static const int ops[] = {
		[TOK_IN] = PIN_SEL_IN, [TOK_NOTIN] = PIN_SEL_NOTIN,
		[TOK_EQ] = PIN_SEL_EQ, [TOK_EQEQ] = PIN_SEL_EQEQ,
		[TOK_NE] = PIN_SEL_NE, [TOK_GT] = PIN_SEL_GT,
		[TOK_LT] = PIN_SEL_LT, [TOK_OPEN] = 0,
	};

	*op = ops[p->tok];
	if (*op == 0)
		return (expected(p, p->lit,
		    ", expected: in, notin, =, ==, !=, gt, lt"));
	lex(p);
	return (PIN_OK);
}

static int
add(struct parser *p, struct pin_str v)
{
	return (pin__sel_value(&p->b, v) == PIN_OK ? PIN_OK : no_memory(p));
}

/* The inside of ( ), up to and with the closing one. */
static int
identifiers(struct parser *p)
{
	struct pin_str lit;
	int rc = PIN_OK, any = 0;
	enum tok t;

	while (rc == PIN_OK) {
		t = value_tok(p);
		lit = p->lit;
		lex(p);
		if (t == TOK_ID) {
			rc = add(p, lit);
			any = 1;
			if (rc == PIN_OK && value_tok(p) == TOK_CLOSE)
				break;
			if (rc == PIN_OK && value_tok(p) != TOK_COMMA)
				rc = expected(p, p->lit,
				    ", expected: ',' or ')'");
		} else if (t == TOK_COMMA) {
			if (!any || value_tok(p) == TOK_CLOSE ||
			    value_tok(p) == TOK_COMMA)
				rc = add(p, PIN_STR(""));
			any = 1;
			if (rc == PIN_OK && value_tok(p) == TOK_CLOSE)
				break;
		} else
			rc = expected(p, lit, ", expected: ',', or identifier");
	}
	if (rc == PIN_OK)
		lex(p);
	return (rc);
}

static int
values(struct parser *p)
{
	int rc;

	if (p->tok != TOK_OPEN)
		return (expected(p, p->lit, " expected: '('"));
	lex(p);
	switch (value_tok(p)) {
	case TOK_ID:
	case TOK_COMMA:
		rc = identifiers(p);
		pin__sel_unique(&p->b);
		return (rc);
	case TOK_CLOSE:
		lex(p);
		return (add(p, PIN_STR("")));
	default:
		return (expected(p, p->lit,
		    ", expected: ',', ')' or identifier"));
	}
}

static int
exact_value(struct parser *p)
{
	struct pin_str lit = p->lit;
	enum tok t = value_tok(p);

	if (t == TOK_END || t == TOK_COMMA)
		return (add(p, PIN_STR("")));
	lex(p);
	if (t != TOK_ID)
		return (expected(p, lit, ", expected: identifier"));
	return (add(p, lit));
}

static int
key_check(struct parser *p, struct pin_str key)
{
	struct pin_out words, quoted;
	int rc = PIN_OK;

	pin_out_init(&words, NULL, 4096);
	pin_out_init(&quoted, NULL, 4096);
	if (!pin_label_key_check(key, &words)) {
		pin__go_quote(&quoted, key);
		rc = pin_err_set(p->err, PIN_EINVAL,
		    "<nil>: Invalid value: %.*s: %.*s", (int)quoted.len,
		    quoted.p, (int)words.len, words.p);
	}
	pin_out_fini(&quoted);
	pin_out_fini(&words);
	return (rc);
}

static int
requirement(struct parser *p)
{
	struct pin_str key;
	int rc, op = 0, not;

	not = p->tok == TOK_NOT;
	if (not)
		lex(p);
	if (value_tok(p) != TOK_ID)
		return (expected(p, p->lit, ", expected: identifier"));
	key = p->lit;
	rc = key_check(p, key);
	if (rc != PIN_OK)
		return (rc);
	lex(p);
	if (not)
		op = PIN_SEL_NOTEXISTS;
	else if (p->tok == TOK_END || p->tok == TOK_COMMA)
		op = PIN_SEL_EXISTS;
	else if ((rc = operator(p, &op)) != PIN_OK)
		return (rc);
	if (pin__sel_row(&p->b, key, op) != PIN_OK)
		return (no_memory(p));
	if (op == PIN_SEL_IN || op == PIN_SEL_NOTIN)
		rc = values(p);
	else if (op != PIN_SEL_EXISTS && op != PIN_SEL_NOTEXISTS)
		rc = exact_value(p);
	if (rc == PIN_OK)
		rc = pin__sel_check(&p->b, p->err);
	return (rc);
}

static int
parse(struct parser *p)
{
	int rc;

	lex(p);
	for (;;) {
		if (value_tok(p) == TOK_END)
			return (PIN_OK);
		if (value_tok(p) != TOK_ID && p->tok != TOK_NOT)
			return (expected(p, p->lit, ", expected: !, "
			    "identifier, or 'end of string'"));
		rc = requirement(p);
		if (rc != PIN_OK) {
			if (p->err != NULL && rc != PIN_ENOMEM)
				(void)pin_err_wrap(p->err,
				    "unable to parse requirement");
			return (rc);
		}
		if (p->tok == TOK_END)
			return (PIN_OK);
		if (p->tok != TOK_COMMA)
			return (expected(p, p->lit,
			    ", expected: ',' or 'end of string'"));
		lex(p);
		if (value_tok(p) != TOK_ID && p->tok != TOK_NOT)
			return (expected(p, p->lit,
			    ", expected: identifier after ','"));
	}
}

static int
too_long(size_t len, struct pin_err *err)
{
	return (pin_err_set(err, PIN_ELIMIT,
	    "selector: %zu bytes, at most %u are read", len,
	    PIN_SELECTOR_TEXT_MAX));
}

int
pin_selector_parse(struct pin_arena *arena, struct pin_str text,
    struct pin_selector **out, struct pin_err *err)
{
	struct parser p = { .text = text, .err = err };
	int rc;

	*out = NULL;
	if (text.len > PIN_SELECTOR_TEXT_MAX)
		return (too_long(text.len, err));
	rc = parse(&p);
	if (rc == PIN_OK)
		rc = pin__sel_finish(&p.b, arena, 0, out, err);
	pin__sel_fini(&p.b);
	return (rc);
}

/* ---- from objects ---------------------------------------------------- */

static int
from_labels(struct pin__sel_build *b, const struct pin_obj *o, pin_node map,
    int check, struct pin_err *err)
{
	pin_node c;
	int rc = PIN_OK;

	for (c = pin_obj_first(o, map); c != 0 && rc == PIN_OK;
	    c = pin_obj_next(o, c)) {
		rc = pin__sel_row(b, pin_obj_key(o, c), PIN_SEL_EQ);
		if (rc == PIN_OK)
			rc = pin__sel_value(b, pin_obj_str(o, c));
		if (rc != PIN_OK)
			return (pin_err_set(err, rc, "selector: no memory"));
		if (check)
			rc = pin__sel_check(b, err);
	}
	return (rc);
}

static int
from_expression(struct pin__sel_build *b, const struct pin_obj *o,
    pin_node e, struct pin_err *err)
{
	static const char *const names[] = {
		[PIN_SEL_IN] = "In", [PIN_SEL_NOTIN] = "NotIn",
		[PIN_SEL_EXISTS] = "Exists",
		[PIN_SEL_NOTEXISTS] = "DoesNotExist",
	};
	struct pin_str op = pin_obj_str(o, pin_obj_get(o, e, "operator"));
	struct pin_out quoted;
	size_t i;
	pin_node v;
	int rc;

	for (i = 1; i < PIN_LEN(names); i++)
		if (names[i] != NULL && pin_str_is(op, names[i]))
			break;
	if (i == PIN_LEN(names)) {
		pin_out_init(&quoted, NULL, 4096);
		pin__go_quote(&quoted, op);
		rc = pin_err_set(err, PIN_EINVAL, "%.*s is not a valid label "
		    "selector operator", (int)quoted.len, quoted.p);
		pin_out_fini(&quoted);
		return (rc);
	}
	rc = pin__sel_row(b, pin_obj_str(o, pin_obj_get(o, e, "key")),
	    (int)i);
	for (v = pin_obj_first(o, pin_obj_get(o, e, "values"));
	    v != 0 && rc == PIN_OK; v = pin_obj_next(o, v))
		rc = pin__sel_value(b, pin_obj_str(o, v));
	if (rc != PIN_OK)
		return (pin_err_set(err, rc, "selector: no memory"));
	return (pin__sel_check(b, err));
}

int
pin_selector_from_obj(struct pin_arena *arena, const struct pin_obj *o,
    pin_node n, struct pin_selector **out, struct pin_err *err)
{
	struct pin__sel_build b = { .row = NULL };
	int rc, nothing, t = pin_obj_type(o, n);
	pin_node e;

	*out = NULL;
	nothing = t == PIN_ABSENT || t == PIN_NULL;
	if (!nothing && t != PIN_OBJECT)
		return (pin_err_set(err, PIN_EINVAL,
		    "label selector: not an object"));
	rc = from_labels(&b, o, pin_obj_get(o, n, "matchLabels"), 1, err);
	for (e = pin_obj_first(o, pin_obj_get(o, n, "matchExpressions"));
	    e != 0 && rc == PIN_OK; e = pin_obj_next(o, e))
		rc = from_expression(&b, o, e, err);
	if (rc == PIN_OK)
		rc = pin__sel_finish(&b, arena, nothing, out, err);
	pin__sel_fini(&b);
	return (rc);
}

int
pin_selector_from_map(struct pin_arena *arena, const struct pin_obj *o,
    pin_node n, struct pin_selector **out, struct pin_err *err)
{
	struct pin__sel_build b = { .row = NULL };
	int rc;

	*out = NULL;
	rc = from_labels(&b, o, n, 0, err);
	if (rc == PIN_OK)
		rc = pin__sel_finish(&b, arena, 0, out, err);
	pin__sel_fini(&b);
	return (rc);
}

void
pin_selector_free(struct pin_selector **sp)
{
	struct pin_selector *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	PIN_VALID(s, SELECTOR_MAGIC);
	s->magic = 0;
	if (s->heap)
		free(s);
}
