/* SPDX-License-Identifier: BSD-2-Clause
 *
 * parse.c -- JSON text to struct pin_obj in one pass over a private copy of
 * the text. Strings stay where they are, decoded in place when they hold
 * escapes; only strings of ill-formed UTF-8 grow and move to the end.
 * Pure, no recursion. Contract: RFC 8259 with the limits and messages of
 * Go's encoding/json, which clients know. */
#include "json_int.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `p` always lies in the copy, whose end is followed by PIN__TEXT_PAD zero
 * bytes, so a scanner meets a byte it stops at without asking for the end. */
struct parser {
	struct pin_obj	*o;
	const char	*p;
	const char	*end;
	const char	*at;		/* where the error is */
	const char	*context;	/* what was expected there */
	char		 expect;	/* letter of a literal, or 0 */
	int		 rc;
	pin_node	 cur;		/* open container */
	pin_node	 last;		/* its newest child */
	uint32_t	 depth;
};

#define IS_SPACE(c)	((c) == ' ' || (c) == '\n' || (c) == '\t' || \
			    (c) == '\r')
#define IS_DIGIT(c)	((unsigned int)((c) - '0') < 10)

static int
syntax(struct parser *ps, const char *at, const char *context)
{
	ps->at = at;
	ps->context = context;
	ps->rc = PIN_EINVAL;
	return (-1);
}

static int
no_memory(struct parser *ps)
{
	ps->at = ps->p;
	ps->rc = ps->o->failed;
	return (-1);
}

static inline const char *
skip_space(const char *p)
{
	if (PIN_LIKELY((unsigned char)*p > ' '))
		return (p);
	while (IS_SPACE(*p))
		p++;
	return (p);
}

/* ---- strings -------------------------------------------------------- */

size_t
pin__utf8_len(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t left = (size_t)(end - s);
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n, i;

	if (left == 0)
		return (0);
	if (p[0] < 0x80)
		return (1);
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (0);
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;		/* no surrogates */
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;		/* up to U+10FFFF */
	if (left < n || p[1] < lo || p[1] > hi)
		return (0);
	for (i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	}
	return (n);
}

static int
hex4(const char *p)
{
	int i, v = 0;

	for (i = 0; i < 4; i++) {
		char c = p[i];

		v <<= 4;
		if (IS_DIGIT(c))
			v |= c - '0';
		else if (c >= 'a' && c <= 'f')
			v |= c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			v |= c - 'A' + 10;
		else
			return (-1);
	}
	return (v);
}

/* Checks the string from its first unusual byte to the closing quote.
 * *escapes and *bad count what decoding will have to change. */
static const char *
check_string(struct parser *ps, const char *p, size_t *escapes, size_t *bad)
{
	size_t n;
	int i;

	for (;; p = pin__scan_string(p)) {
		if (*p == '"')
			return (p);
		if ((unsigned char)*p >= 0x80) {
			n = pin__utf8_len(p, ps->end);
			*bad += n == 0;
			p += n != 0 ? n : 1;
			continue;
		}
		if (*p != '\\') {
			syntax(ps, p, "in string literal");
			return (NULL);
		}
		++*escapes;
		if (*++p == 'u') {
			for (i = 0, p++; i < 4; i++, p++) {
				if (!IS_DIGIT(*p) &&
				    !((*p | 32) >= 'a' && (*p | 32) <= 'f')) {
					syntax(ps, p, "in \\u hexadecimal "
					    "character escape");
					return (NULL);
				}
			}
		} else if (*p != '\0' && strchr("bfnrt\\/\"", *p) != NULL) {
			p++;
		} else {
			syntax(ps, p, "in string escape code");
			return (NULL);
		}
	}
}

static char *
put_utf8(char *w, uint32_t c)
{
	if (c < 0x80) {
		*w++ = (char)c;
	} else if (c < 0x800) {
		*w++ = (char)(0xc0 | c >> 6);
		*w++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*w++ = (char)(0xe0 | c >> 12);
		*w++ = (char)(0x80 | (c >> 6 & 0x3f));
		*w++ = (char)(0x80 | (c & 0x3f));
	} else {
		*w++ = (char)(0xf0 | c >> 18);
		*w++ = (char)(0x80 | (c >> 12 & 0x3f));
		*w++ = (char)(0x80 | (c >> 6 & 0x3f));
		*w++ = (char)(0x80 | (c & 0x3f));
	}
	return (w);
}

/* Decodes the escape at p (the byte after the backslash). A surrogate
 * without its other half becomes U+FFFD and the next escape stands alone. */
static const char *
put_escape(const char *p, char **w)
{
	uint32_t c, d;

	switch (*p) {
	case 'b': c = '\b'; break;
	case 'f': c = '\f'; break;
	case 'n': c = '\n'; break;
	case 'r': c = '\r'; break;
	case 't': c = '\t'; break;
	case 'u':
		c = (uint32_t)hex4(p + 1);
		p += 4;
		if (c < 0xd800 || c > 0xdfff)
			break;
		if (c < 0xdc00 && p[1] == '\\' && p[2] == 'u') {
			d = (uint32_t)hex4(p + 3);
			if (d >= 0xdc00 && d <= 0xdfff) {
				c = 0x10000 + ((c - 0xd800) << 10 |
				    (d - 0xdc00));
				p += 6;
				break;
			}
		}
		c = 0xfffd;
		break;
	default:
		c = (unsigned char)*p;
		break;
	}
	*w = put_utf8(*w, c);
	return (p + 1);
}

/* Writes the checked string [p, q) decoded to w, which may be p: without
 * ill-formed bytes the result is never longer. Returns its end. */
static char *
decode_string(const char *p, const char *q, char *w)
{
	size_t n;

	while (p < q) {
		if (*p == '\\') {
			p = put_escape(p + 1, &w);
			continue;
		}
		n = pin__utf8_len(p, q);
		if (n == 0) {
			w = put_utf8(w, 0xfffd);
			p++;
			continue;
		}
		memmove(w, p, n);
		w += n;
		p += n;
	}
	return (w);
}

/* A string with something in it that has to be looked at; p is that byte,
 * start the first one of the string. Sets off and len, returns the byte
 * behind the closing quote. May move the text. */
static const char *
slow_string(struct parser *ps, const char *start, const char *p,
    uint32_t *off, uint32_t *len)
{
	size_t escapes = 0, bad = 0, need, s, q;
	struct pin_obj *o = ps->o;
	const char *end;

	end = check_string(ps, p, &escapes, &bad);
	if (end == NULL)
		return (NULL);
	s = (size_t)(start - o->text);
	q = (size_t)(end - o->text);
	*off = (uint32_t)s;
	if (escapes == 0 && bad == 0) {
		*len = (uint32_t)(q - s);
		return (end + 1);
	}
	if (bad == 0) {
		*len = (uint32_t)(decode_string(o->text + s, o->text + q,
		    o->text + s) - (o->text + s));
		return (end + 1);
	}
	/* Grows: goes behind everything else, and the text may move. */
	need = q - s + 2 * bad;
	s = (size_t)(ps->end - o->text);
	if (!pin__obj_text_room(o, need)) {
		no_memory(ps);
		return (NULL);
	}
	ps->end = o->text + s;
	s = *off;
	*off = o->text_len;
	*len = (uint32_t)(decode_string(o->text + s, o->text + q,
	    o->text + *off) - (o->text + *off));
	o->text_len += *len;
	return (o->text + q + 1);
}

/* The string whose first byte is p. */
static inline const char *
parse_string(struct parser *ps, const char *p, uint32_t *off, uint32_t *len)
{
	const char *q = pin__scan_string(p);

	if (PIN_UNLIKELY(*q != '"'))
		return (slow_string(ps, p, q, off, len));
	*off = (uint32_t)(p - ps->o->text);
	*len = (uint32_t)(q - p);
	return (q + 1);
}

/* ---- numbers and literals ------------------------------------------- */

/* Returns the byte behind the number at p, or NULL and the error set. */
static inline const char *
parse_number(struct parser *ps, const char *p)
{
	if (*p == '-' && !IS_DIGIT(*++p)) {
		syntax(ps, p, "in numeric literal");
		return (NULL);
	}
	if (*p == '0')
		p++;
	else
		while (IS_DIGIT(*p))
			p++;
	if (*p == '.') {
		if (!IS_DIGIT(*++p)) {
			syntax(ps, p, "after decimal point in numeric "
			    "literal");
			return (NULL);
		}
		while (IS_DIGIT(*p))
			p++;
	}
	if (*p == 'e' || *p == 'E') {
		if (*++p == '+' || *p == '-')
			p++;
		if (!IS_DIGIT(*p)) {
			syntax(ps, p, "in exponent of numeric literal");
			return (NULL);
		}
		while (IS_DIGIT(*p))
			p++;
	}
	return (p);
}

int
pin__json_number(struct pin_str s)
{
	struct parser ps;
	char buf[64], *copy = buf;
	int ok;

	memset(&ps, 0, sizeof(ps));
	if (s.len == 0 || (s.p[0] != '-' && !IS_DIGIT(s.p[0])))
		return (0);
	if (s.len >= sizeof(buf) && (copy = malloc(s.len + 1)) == NULL)
		return (0);
	memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	ok = parse_number(&ps, copy) == copy + s.len;
	if (copy != buf)
		free(copy);
	return (ok);
}

static const char *
parse_word(struct parser *ps, const char *p, const char *word,
    const char *context)
{
	const char *w = word;

	for (; *w != '\0'; w++, p++) {
		if (*p != *w) {
			ps->expect = *w;
			syntax(ps, p, context);
			return (NULL);
		}
	}
	return (p);
}

/* ---- the tree ------------------------------------------------------- */

/* The node of the value at p, hung under the open container. While a
 * container is open its `next` holds its parent. */
static inline struct pin__node *
add_node(struct parser *ps, uint32_t koff, uint32_t kt)
{
	struct pin_obj *o = ps->o;
	struct pin__node *n, *c;
	pin_node id;

	if (PIN_UNLIKELY(o->n == o->cap) && !pin__obj_node_room(o)) {
		no_memory(ps);
		return (NULL);
	}
	id = o->n++;
	n = &o->nodes[id];
	n->prev = ps->last;
	n->koff = koff;
	n->kt = kt;
	n->next = PIN__UP | ps->cur;
	if (ps->last != 0)
		o->nodes[ps->last].next = id;
	if (ps->cur != 0) {
		c = &o->nodes[ps->cur];
		c->len++;
		if (ps->last == 0)
			c->off = id;
	}
	ps->last = id;
	return (n);
}

static int
open_node(struct parser *ps, struct pin__node *n, int type)
{
	if (++ps->depth > PIN_OBJ_DEPTH_MAX) {
		syntax(ps, ps->p, "exceeded max depth");
		ps->rc = PIN_ELIMIT;
		return (-1);
	}
	n->kt |= (uint32_t)type;
	n->off = 0;
	n->len = 0;
	ps->cur = ps->last;
	ps->last = 0;
	return (0);
}

/* Closes the open container: it becomes the newest child of its parent. */
static inline int
close_node(struct parser *ps)
{
	struct pin__node *nodes = ps->o->nodes, *c = &nodes[ps->cur];

	if (c->off != 0)
		nodes[c->off].prev = ps->last;
	ps->last = ps->cur;
	ps->cur = c->next & ~PIN__UP;
	ps->depth--;
	if (PIN_UNLIKELY(c->len >= PIN__WIDE) && PIN__TYPE(c) == PIN_OBJECT &&
	    !pin__member_build(ps->o, ps->last))
		return (no_memory(ps));
	return (0);
}

/* A value that is neither array nor object. */
static inline int
parse_scalar(struct parser *ps, struct pin__node *n)
{
	const char *p = ps->p, *q;
	uint32_t off = 0, len = 0, type;

	if (*p == '"') {
		type = PIN_STRING;
		q = parse_string(ps, p + 1, &off, &len);
	} else if (IS_DIGIT(*p) || *p == '-') {
		type = PIN_NUMBER;
		q = parse_number(ps, p);
		off = (uint32_t)(p - ps->o->text);
		len = q != NULL ? (uint32_t)(q - p) : 0;
	} else if (*p == 't') {
		type = PIN_TRUE;
		q = parse_word(ps, p, "true", "in literal true");
	} else if (*p == 'f') {
		type = PIN_FALSE;
		q = parse_word(ps, p, "false", "in literal false");
	} else if (*p == 'n') {
		type = PIN_NULL;
		q = parse_word(ps, p, "null", "in literal null");
	} else
		return (syntax(ps, p, "looking for beginning of value"));
	if (PIN_UNLIKELY(q == NULL))
		return (-1);
	n->off = off;
	n->len = len;
	n->kt |= type;
	ps->p = q;
	return (0);
}

/* `"key":` with ps->p at the quote, if there is one. */
static inline int
parse_key(struct parser *ps, uint32_t *koff, uint32_t *kt)
{
	const char *p = ps->p;
	uint32_t klen;

	if (PIN_UNLIKELY(*p != '"'))
		return (syntax(ps, p, "looking for beginning of object key "
		    "string"));
	p = parse_string(ps, p + 1, koff, &klen);
	if (PIN_UNLIKELY(p == NULL))
		return (-1);
	if (PIN_UNLIKELY(*p != ':')) {
		p = skip_space(p);
		if (*p != ':')
			return (syntax(ps, p, "after object key"));
	}
	*kt = klen << PIN__KT_SHIFT | PIN__KT_KEYED;
	ps->p = skip_space(p + 1);
	return (0);
}

/* After a value: closes what ends here. 1: another value follows, with its
 * comma read; 0: that was all; -1: error. */
static inline int
parse_after(struct parser *ps)
{
	const char *p = ps->p;
	uint32_t type;

	for (;;) {
		p = skip_space(p);
		ps->p = p;
		if (ps->cur == 0)
			return (p == ps->end ? 0 :
			    syntax(ps, p, "after top-level value"));
		type = PIN__TYPE(&ps->o->nodes[ps->cur]);
		if (*p == ',') {
			ps->p = skip_space(p + 1);
			return (1);
		}
		if (*p != (type == PIN_OBJECT ? '}' : ']'))
			return (syntax(ps, p, type == PIN_OBJECT ?
			    "after object key:value pair" :
			    "after array element"));
		if (PIN_UNLIKELY(close_node(ps) != 0))
			return (-1);
		p++;
	}
}

/* Opens the container at p; 1 when a value follows, 0 when it was empty. */
static inline int
parse_open(struct parser *ps, struct pin__node *n)
{
	int type = *ps->p == '{' ? PIN_OBJECT : PIN_ARRAY;

	if (open_node(ps, n, type) != 0)
		return (-1);
	ps->p = skip_space(ps->p + 1);
	if (*ps->p != (type == PIN_OBJECT ? '}' : ']'))
		return (1);
	ps->p++;
	return (close_node(ps));
}

static int
parse_tree(struct parser *ps)
{
	uint32_t koff, kt;
	struct pin__node *n;
	int more;

	ps->p = skip_space(ps->p);
	for (;;) {
		koff = kt = 0;
		if (ps->cur != 0 &&
		    PIN__TYPE(&ps->o->nodes[ps->cur]) == PIN_OBJECT &&
		    parse_key(ps, &koff, &kt) != 0)
			return (-1);
		n = add_node(ps, koff, kt);
		if (n == NULL)
			return (-1);
		if (*ps->p == '{' || *ps->p == '[') {
			more = parse_open(ps, n);
			if (more > 0)
				continue;
		} else
			more = parse_scalar(ps, n);
		if (more < 0)
			return (-1);
		more = parse_after(ps);
		if (more <= 0)
			return (more);
	}
}

/* ---- messages ------------------------------------------------------- */

/* The byte c as Go quotes a character of that number. */
static void
quote_char(unsigned char c, char out[16])
{
	static const char *const named[] = {
		[7] = "\\a", "\\b", "\\t", "\\n", "\\v", "\\f", "\\r",
	};

	if (c == '\'' || c == '\\')
		snprintf(out, 16, "\\%c", c);
	else if (c >= 7 && c <= 13)
		snprintf(out, 16, "%s", named[c]);
	else if (c < ' ' || c == 0x7f)
		snprintf(out, 16, "\\x%02x", c);
	else if (c < 0x7f)
		snprintf(out, 16, "%c", c);
	else if (c <= 0xa0 || c == 0xad)
		snprintf(out, 16, "\\u%04x", c);
	else
		snprintf(out, 16, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
}

/* At the end of the text Go feeds one space to its state machine and says
 * that the end was unexpected only where the space was not. */
static int
report(struct parser *ps, struct pin_err *err)
{
	char c[16];
	int eof = ps->at == ps->end;

	if (ps->rc == PIN_ENOMEM)
		return (pin_err_set(err, ps->rc, "no memory for a JSON text"));
	if (ps->context == NULL)
		return (pin_err_set(err, ps->rc, "JSON text of more than %u "
		    "bytes", PIN_OBJ_TEXT_MAX));
	if (eof && ps->expect == 0 &&
	    strncmp(ps->context, "in ", 3) != 0 &&
	    strncmp(ps->context, "after decimal", 13) != 0)
		return (pin_err_set(err, ps->rc,
		    "unexpected end of JSON input"));
	if (eof && strcmp(ps->context, "in string literal") == 0)
		return (pin_err_set(err, ps->rc,
		    "unexpected end of JSON input"));
	quote_char(eof ? ' ' : (unsigned char)*ps->at, c);
	if (ps->expect != 0)
		return (pin_err_set(err, ps->rc, "invalid character '%s' %s "
		    "(expecting '%c')", c, ps->context, ps->expect));
	return (pin_err_set(err, ps->rc, "invalid character '%s' %s", c,
	    ps->context));
}

/* ---- entry ---------------------------------------------------------- */

int
pin__obj_parse_into(struct pin_obj *o, const char *text, size_t len,
    pin_node *out, size_t *at, struct pin_err *err)
{
	struct parser ps;
	uint32_t base = o->text_len;
	uintptr_t own = (uintptr_t)text - (uintptr_t)o->text;
	pin_node root = o->n;

	memset(&ps, 0, sizeof(ps));
	ps.o = o;
	*out = 0;
	if (o->failed != PIN_OK ||
	    !pin__obj_text_room(o, len + PIN__TEXT_PAD)) {
		ps.rc = o->failed;
		return (report(&ps, err));
	}
	if (own < base)
		text = o->text + own;	/* its own text, which may have moved */
	if (len != 0)
		memcpy(o->text + base, text, len);
	memset(o->text + base + len, 0, PIN__TEXT_PAD);
	/* The terminator stays: growth goes behind it. */
	o->text_len += (uint32_t)len + PIN__TEXT_PAD;
	ps.p = o->text + base;
	ps.end = ps.p + len;
	if (parse_tree(&ps) != 0) {
		if (at != NULL)
			*at = (size_t)(ps.at - (o->text + base));
		return (report(&ps, err));
	}
	*out = root;
	return (PIN_OK);
}

int
pin_obj_parse(struct pin_arena *a, const char *text, size_t len,
    struct pin_obj **out, struct pin_err *err)
{
	struct pin_obj *o;
	pin_node root;
	int rc;

	*out = NULL;
	if (len > PIN_OBJ_TEXT_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "JSON text of %zu bytes, "
		    "%u are allowed", len, PIN_OBJ_TEXT_MAX));
	o = pin__obj_new(a, len + PIN__TEXT_PAD, len / 12 + 8);
	if (o == NULL)
		return (pin_err_set(err, PIN_ENOMEM,
		    "no memory for a JSON text of %zu bytes", len));
	rc = pin__obj_parse_into(o, text, len, &root, NULL, err);
	if (rc != PIN_OK) {
		pin_obj_free(&o);
		return (rc);
	}
	pin__obj_trim(o);
	*out = o;
	return (PIN_OK);
}
