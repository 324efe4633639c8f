/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apigen -- turn api/NAME.schema into const tables (build/gen/api_tables.c).
 * Runs on the build machine: C11 and libc, no part of the project linked.
 * Every mistake in a schema is reported as FILE:LINE; then exit 1.
 * usage: apigen OUTDIR FILE.schema...     Format: api/README.md */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apigen.h"

struct tables t;

static const char	*path;		/* of the file being read */
static int		line;
static int		errors;
static int		cur_type, cur_res;	/* open blocks, -1: none */

static const char *const rule_names[] = { "",
#define PIN_RULE(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const format_names[] = { "",
#define PIN_FORMAT(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const name_names[] = { "",
#define PIN_NAME(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const cell_names[] = { "",
#define PIN_CELL(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const prepare_names[] = { "",
#define PIN_PREPARE(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const convert_names[] = { "",
#define PIN_CONVERT(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const kind_names[] = {
	"bool", "int32", "int64", "double", "string", "bytes", "time",
	"microtime", "duration", "quantity", "intorstring", "raw", "fields",
	"json", "strings"
};

void
apigen_complain(const char *file, int at, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, at);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (++errors >= ERRORS_MAX) {
		fprintf(stderr, "apigen: %d mistakes, giving up\n", errors);
		exit(1);
	}
}

#define complain(...)	apigen_complain(path, line, __VA_ARGS__)

void
apigen_die(const char *what)
{
	fprintf(stderr, "apigen: %s: %s\n", what, strerror(errno));
	exit(1);
}

void *
apigen_grow(void *v, uint32_t *cap, uint32_t n, size_t size)
{
	if (n < *cap)
		return (v);
	*cap = *cap != 0 ? *cap * 2 : 64;
	v = realloc(v, *cap * size);
	if (v == NULL)
		apigen_die("memory");
	memset((char *)v + n * size, 0, (*cap - n) * size);
	return (v);
}

static char *
copy(const char *s)
{
	char *p;

	p = malloc(strlen(s) + 1);
	if (p == NULL)
		apigen_die("memory");
	return (strcpy(p, s));
}

static void *
zero(void *p, size_t n)
{
	return (memset(p, 0, n));
}

/* Offset of a string in the blob, each text once. */
uint32_t
apigen_intern(const char *s)
{
	uint32_t i, off;

	for (i = 0; i < t.strtab.n; i++)
		if (strcmp(t.strings.v + t.strtab.v[i], s) == 0)
			return (t.strtab.v[i]);
	off = t.strings.n;
	do {
		*PUSH(t.strings) = *s;
	} while (*s++ != '\0');
	*PUSH(t.strtab) = off;
	return (off);
}

/* A list of words from texts; equal lists share. */
static uint32_t
intern_words(char **w, uint32_t n)
{
	uint32_t i, off;

	if (n == 0)
		return (0);
	off = t.words.n;
	*PUSH(t.words) = n;
	for (i = 0; i < n; i++)
		*PUSH(t.words) = apigen_intern(w[i]);
	return (off);
}

static uint32_t
split_words(char *text, char sep)
{
	char *w[WORDS_MAX], *p;
	uint32_t n;

	for (n = 0; text != NULL && n < WORDS_MAX; text = p) {
		p = strchr(text, sep);
		if (p != NULL)
			*p++ = '\0';
		if (*text == '\0' && sep == ',')
			complain("an empty word in a list");
		w[n++] = text;
	}
	return (intern_words(w, n));
}

static uint32_t
find_name(const char *const *tab, size_t n, const char *name)
{
	uint32_t i;

	for (i = 1; i < n; i++)
		if (strcmp(tab[i], name) == 0)
			return (i);
	return (0);
}

/*
 * One line into words: blanks separate, 'single quotes' keep blanks, # at the
 * start of a word ends the line.
 */
static int
tokenize(char *s, char **w)
{
	int n;

	for (n = 0;;) {
		while (isspace((unsigned char)*s))
			s++;
		if (*s == '\0' || *s == '#')
			return (n);
		if (n == WORDS_MAX) {
			complain("more than %d words", WORDS_MAX);
			return (n);
		}
		if (*s == '\'') {
			w[n++] = ++s;
			s = strchr(s, '\'');
			if (s == NULL) {
				complain("quote is not closed");
				return (n);
			}
			*s++ = '\0';
			continue;
		}
		w[n++] = s;
		while (*s != '\0' && !isspace((unsigned char)*s))
			s++;
		if (*s != '\0')
			*s++ = '\0';
	}
}

static int
parse_int(const char *s, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0') {
		complain("\"%s\" is not a number", s);
		return (-1);
	}
	return (0);
}

/* The value of KEY=VALUE when word is of that key. */
static char *
attr_value(char *word, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0 || word[n] != '=')
		return (NULL);
	return (word + n + 1);
}

static void
add_rule(uint32_t *at, const char *name)
{
	uint32_t id, old, off, i, n;

	id = find_name(rule_names, COUNT(rule_names), name);
	if (id == 0)
		complain("unknown rule \"%s\"", name);
	n = *at != 0 ? t.words.v[*at] : 0;
	off = t.words.n;
	*PUSH(t.words) = n + 1;
	for (i = 1; i <= n; i++) {
		old = t.words.v[*at + i];
		*PUSH(t.words) = old;
	}
	*PUSH(t.words) = id;
	*at = off;
}

static struct pin_check_row *
check_of(struct pin_field_row *f)
{
	if (f->check == PIN_NONE) {
		f->check = t.checks.n;
		zero(PUSH(t.checks), sizeof(struct pin_check_row));
	}
	return (&t.checks.v[f->check]);
}

/* min=, max= and the like; 1 when word was one of them. */
static int
limit_attr(struct pin_field_row *f, char *word)
{
	static const char *const key[] = {
		"min", "max", "minlen", "maxlen", "minitems", "maxitems"
	};
	struct pin_check_row *c;
	int64_t v;
	char *p;
	unsigned int i;

	for (i = 0; i < COUNT(key); i++) {
		p = attr_value(word, key[i]);
		if (p == NULL)
			continue;
		if (parse_int(p, &v) != 0)
			return (1);
		if (i > 1 && (v < 0 || v > INT32_MAX))
			complain("%s is out of range", word);
		c = check_of(f);
		if ((c->flags & 1u << i) != 0)
			complain("%s is given twice", key[i]);
		c->flags |= 1u << i;
		switch (i) {
		case 0: c->min = v; break;
		case 1: c->max = v; break;
		case 2: c->minlen = (uint32_t)v; break;
		case 3: c->maxlen = (uint32_t)v; break;
		case 4: c->minitems = (uint32_t)v; break;
		default: c->maxitems = (uint32_t)v; break;
		}
		return (1);
	}
	return (0);
}

static void
list_attr(struct pin_field_row *f, char *v)
{
	if (f->shape != PIN_SHAPE_LIST && f->kind != PIN_F_BYTES)
		complain("list= on what is no list");
	f->flags |= PIN_FF_LISTED;
	if (strcmp(v, "atomic") == 0) {
		f->list = PIN_LIST_ATOMIC;
	} else if (strcmp(v, "set") == 0) {
		f->list = PIN_LIST_SET;
	} else if (strncmp(v, "map:", 4) == 0) {
		f->list = PIN_LIST_MAP;
		f->keys = split_words(v + 4, ',');
	} else
		complain("unknown list type \"%s\"", v);
}

static void
patch_attr(struct pin_field_row *f, char *v)
{
	char *p;

	for (; v != NULL; v = p) {
		p = strchr(v, ',');
		if (p != NULL)
			*p++ = '\0';
		if (strcmp(v, "merge") == 0)
			f->flags |= PIN_FF_PATCH_MERGE;
		else if (strncmp(v, "merge:", 6) == 0) {
			f->flags |= PIN_FF_PATCH_MERGE;
			f->patch_key = apigen_intern(v + 6);
		} else if (strcmp(v, "replace") == 0)
			f->flags |= PIN_FF_PATCH_REPLACE;
		else if (strcmp(v, "retain") == 0)
			f->flags |= PIN_FF_PATCH_RETAIN;
		else
			complain("unknown patch strategy \"%s\"", v);
	}
}

/* when=SIBLING, when=!SIBLING, when=SIBLING:A|B */
static void
when_attr(struct pin_field_row *f, char *v)
{
	struct pin_when_row *w;
	char *p;

	f->when = t.whens.n;
	w = zero(PUSH(t.whens), sizeof(*w));
	w->op = PIN_WHEN_PRESENT;
	if (*v == '!') {
		w->op = PIN_WHEN_ABSENT;
		v++;
	}
	p = strchr(v, ':');
	if (p != NULL) {
		if (w->op == PIN_WHEN_ABSENT)
			complain("when=!NAME takes no values");
		w->op = PIN_WHEN_IN;
		*p++ = '\0';
		w->values = split_words(p, '|');
	}
	t.whens.v[f->when].field = apigen_intern(v);
}

static int
flag_attr(struct pin_field_row *f, const char *word)
{
	static const struct { const char *word; uint32_t flag; } tab[] = {
		{ "req", PIN_FF_REQUIRED }, { "must", PIN_FF_MUST },
		{ "atomic", PIN_FF_ATOMIC }, { "immutable", PIN_FF_IMMUTABLE },
		{ "granular", PIN_FF_GRANULAR }, { "plain", PIN_FF_PLAIN },
	};
	unsigned int i;

	for (i = 0; i < COUNT(tab); i++)
		if (strcmp(word, tab[i].word) == 0) {
			if ((f->flags & tab[i].flag) != 0)
				complain("%s is given twice", word);
			f->flags |= tab[i].flag;
			return (1);
		}
	return (0);
}

static void
field_attr(struct pin_field_row *f, char *word)
{
	char *v;

	if (flag_attr(f, word) || limit_attr(f, word))
		return;
	if ((v = attr_value(word, "list")) != NULL)
		list_attr(f, v);
	else if ((v = attr_value(word, "patch")) != NULL)
		patch_attr(f, v);
	else if ((v = attr_value(word, "default")) != NULL)
		f->dflt = apigen_intern(v);
	else if ((v = attr_value(word, "else")) != NULL)
		f->dflt_else = apigen_intern(v);
	else if ((v = attr_value(word, "from")) != NULL)
		f->dflt_from = apigen_intern(v);
	else if ((v = attr_value(word, "when")) != NULL)
		when_attr(f, v);
	else if ((v = attr_value(word, "enum")) != NULL)
		f->enums = split_words(v, '|');
	else if ((v = attr_value(word, "rule")) != NULL)
		add_rule(&f->rules, v);
	else if ((v = attr_value(word, "gate")) != NULL)
		f->flags |= PIN_FF_GATED;
	else if ((v = attr_value(word, "format")) != NULL) {
		check_of(f)->format =
		    find_name(format_names, COUNT(format_names), v);
		if (check_of(f)->format == 0)
			complain("unknown format \"%s\"", v);
	} else
		complain("unknown attribute \"%s\"", word);
}

/* "core.v1.Pod" of a type word: a bare one is of this file's version. */
static char *
qualify(const char *word)
{
	char buf[LINE_BYTES_MAX];

	if (strchr(word, '.') != NULL)
		return (copy(word));
	snprintf(buf, sizeof(buf), "%s.%s",
	    t.strings.v + t.gvs.v[t.gvs.n - 1].prefix, word);
	return (copy(buf));
}

static void
type_word(struct member *m, char *w)
{
	unsigned int i;

	if (strncmp(w, "[]", 2) == 0) {
		m->row.shape = PIN_SHAPE_LIST;
		w += 2;
	} else if (strncmp(w, "map:", 4) == 0) {
		m->row.shape = PIN_SHAPE_MAP;
		w += 4;
	}
	for (i = 0; i < COUNT(kind_names); i++)
		if (strcmp(w, kind_names[i]) == 0) {
			m->row.kind = (uint8_t)i;
			if (i == PIN_F_STRINGS &&
			    m->row.shape != PIN_SHAPE_MAP)
				complain("strings only as map:strings");
			return;
		}
	m->row.kind = PIN_F_OBJECT;
	m->ref = qualify(w);
}

static void
number_word(struct member *m, const char *w)
{
	int64_t v;

	if (strcmp(w, "-") == 0 || parse_int(w, &v) != 0)
		return;
	if (v < 1 || v > 536870911)
		complain("protobuf number %s is out of range", w);
	m->row.number = (uint32_t)v;
}

static void
member_line(char **w, int n)
{
	static const char *const presence[] = {
		"omit", "keep", "always", "null", "omitzero"
	};
	struct member *m;
	unsigned int i;
	int k;

	if (n < 3 || (n < 4 && strcmp(w[0], "+") != 0)) {
		complain("want NAME NUMBER TYPE PRESENCE [ATTRIBUTE...] or + NUMBER TYPE");
		return;
	}
	m = zero(PUSH(t.members), sizeof(*m));
	t.types.v[cur_type].nmembers++;
	m->line = line;
	m->row.when = m->row.check = m->row.ref = PIN_NONE;
	number_word(m, w[1]);
	type_word(m, w[2]);
	if (strcmp(w[0], "+") == 0) {
		m->inlined = 1;
		if (n > 3 || m->ref == NULL || m->row.shape != PIN_SHAPE_ONE)
			complain("+ takes a NUMBER and a struct type");
		return;
	}
	m->row.name = apigen_intern(w[0]);
	m->row.name_len = (uint16_t)strlen(w[0]);
	for (i = 0; i < COUNT(presence); i++)
		if (strcmp(w[3], presence[i]) == 0)
			break;
	if (i == COUNT(presence))
		complain("unknown presence \"%s\"", w[3]);
	m->row.presence = (uint8_t)i;
	for (k = 4; k < n; k++)
		field_attr(&m->row, w[k]);
	if (m->row.dflt_else != 0 && m->row.when == PIN_NONE)
		complain("else= without when=");
}

static void
type_line(char **w, int n)
{
	struct type *ty;
	char *v;
	int k;

	if (n < 2) {
		complain("want type NAME [ATTRIBUTE...]");
		return;
	}
	cur_type = (int)t.types.n;
	ty = zero(PUSH(t.types), sizeof(*ty));
	ty->name = qualify(w[1]);
	ty->path = path;
	ty->line = line;
	ty->member0 = t.members.n;
	ty->row.name = apigen_intern(ty->name);
	ty->row.bare = ty->row.name + (uint32_t)(strlen(ty->name) - strlen(w[1]));
	ty->row.gv = t.gvs.n - 1;
	for (k = 2; k < n; k++) {
		if (strcmp(w[k], "atomic") == 0)
			ty->row.flags |= PIN_TF_ATOMIC;
		else if (strcmp(w[k], "form=orbool") == 0)
			ty->row.flags |= PIN_TF_OR_BOOL;
		else if (strcmp(w[k], "form=orarray") == 0)
			ty->row.flags |= PIN_TF_OR_ARRAY;
		else if (strcmp(w[k], "form=orstrings") == 0)
			ty->row.flags |= PIN_TF_OR_STRINGS;
		else if ((v = attr_value(w[k], "rule")) != NULL)
			add_rule(&ty->row.rules, v);
		else
			complain("unknown attribute \"%s\"", w[k]);
	}
}

static uint32_t
verb_words(char **w, int n)
{
	static const char *const verb[] = {
#define X(sym, bit, text) text,
		PIN_VERB_MAP(X)
#undef X
	};
	uint32_t bits = 0;
	unsigned int i;

	for (; n > 0; n--, w++) {
		for (i = 0; i < COUNT(verb); i++)
			if (strcmp(*w, verb[i]) == 0)
				break;
		if (i == COUNT(verb))
			complain("unknown verb \"%s\"", *w);
		else
			bits |= 1u << i;
	}
	if (bits == 0)
		complain("no verb");
	return (bits);
}

static uint32_t
flag_words(char **w, int n)
{
	static const struct { const char *word; uint32_t flag; } tab[] = {
		{ "status", PIN_RF_STATUS },
		{ "generation", PIN_RF_GENERATION }, { "grace", PIN_RF_GRACE },
		{ "review", PIN_RF_REVIEW }, { "computed", PIN_RF_COMPUTED },
		{ "unconditional", PIN_RF_UNCOND }, { "upsert", PIN_RF_UPSERT },
		{ "keepstatus", PIN_RF_KEEPSTATUS }, { "ttl", PIN_RF_TTL },
	};
	uint32_t bits = 0;
	unsigned int i;

	for (; n > 0; n--, w++) {
		for (i = 0; i < COUNT(tab); i++)
			if (strcmp(*w, tab[i].word) == 0)
				break;
		if (i == COUNT(tab))
			complain("unknown flag \"%s\"", *w);
		else
			bits |= tab[i].flag;
	}
	return (bits);
}

/* sub NAME GROUP/VERSION KIND VERB... */
static void
sub_line(struct res *r, char **w, int n)
{
	struct sub *s;
	char *p;

	if (n < 5) {
		complain("want sub NAME GROUP/VERSION KIND VERB...");
		return;
	}
	s = zero(PUSH(t.subs), sizeof(*s));
	r->row.nsubs++;
	s->path = path;
	s->line = line;
	s->row.name = apigen_intern(w[1]);
	s->row.gv = apigen_intern(w[2]);
	s->row.kind = apigen_intern(w[3]);
	s->kind = copy(w[3]);
	s->group = copy(w[2]);
	p = strchr(s->group, '/');
	s->version = p != NULL ? p + 1 : s->group;
	if (p != NULL)
		*p = '\0';
	else
		s->group = copy("");
	s->row.verbs = verb_words(w + 4, n - 4);
}

/* column NAME TYPE FORMAT PRIORITY SOURCE */
static void
column_line(struct res *r, char **w, int n)
{
	struct pin_col_row *c;
	int64_t prio;
	char *p;

	if (n != 6) {
		complain("want column NAME TYPE FORMAT PRIORITY SOURCE");
		return;
	}
	c = zero(PUSH(t.columns), sizeof(*c));
	r->row.ncols++;
	c->name = apigen_intern(strcmp(w[1], "-") == 0 ? "" : w[1]);
	c->type = apigen_intern(w[2]);
	c->format = apigen_intern(strcmp(w[3], "-") == 0 ? "" : w[3]);
	if (parse_int(w[4], &prio) == 0)
		c->priority = (uint32_t)prio;
	if (w[5][0] == '.') {
		c->cell = PIN_CELL_PATH;
		c->arg = apigen_intern(w[5] + 1);
		return;
	}
	p = strchr(w[5], ':');
	if (p != NULL)
		*p++ = '\0';
	c->arg = p != NULL ? apigen_intern(p) : 0;
	c->cell = find_name(cell_names, COUNT(cell_names), w[5]);
	if (c->cell == 0)
		complain("unknown cell \"%s\"", w[5]);
}

static void
scope_word(struct res *r, const char *w)
{
	if (strcmp(w, "namespaced") == 0)
		r->row.flags |= PIN_RF_NAMESPACED;
	else if (strcmp(w, "cluster") != 0)
		complain("scope is namespaced or cluster");
}

/* Lines of one value inside a resource; 1 when it was one. */
static int
resource_value(struct res *r, const char *key, char *v)
{
	if (strcmp(key, "singular") == 0)
		r->row.singular = apigen_intern(v);
	else if (strcmp(key, "scope") == 0)
		scope_word(r, v);
	else if (strcmp(key, "list") == 0)
		r->list = copy(v);
	else if (strcmp(key, "key") == 0)
		r->row.key = apigen_intern(v);
	else if (strcmp(key, "store") == 0)
		r->store = copy(v);
	else if (strcmp(key, "name") == 0) {
		r->row.name_rule = find_name(name_names, COUNT(name_names), v);
		if (r->row.name_rule == 0)
			complain("unknown name rule \"%s\"", v);
	} else if (strcmp(key, "convert") == 0) {
		r->row.convert =
		    find_name(convert_names, COUNT(convert_names), v);
		if (r->row.convert == 0)
			complain("unknown conversion \"%s\"", v);
	} else
		return (0);
	return (1);
}

static void
prepare_words(uint32_t *at, char **w, int n)
{
	uint32_t id;

	*at = t.words.n;
	*PUSH(t.words) = (uint32_t)n;
	for (; n > 0; n--, w++) {
		id = find_name(prepare_names, COUNT(prepare_names), *w);
		if (id == 0)
			complain("unknown preparation \"%s\"", *w);
		*PUSH(t.words) = id;
	}
}

static void
resource_member(char **w, int n)
{
	struct res *r = &t.resources.v[cur_res];

	if (strcmp(w[0], "sub") == 0)
		sub_line(r, w, n);
	else if (strcmp(w[0], "column") == 0)
		column_line(r, w, n);
	else if (n < 2)
		complain("\"%s\" has no value", w[0]);
	else if (strcmp(w[0], "verbs") == 0)
		r->row.verbs = verb_words(w + 1, n - 1);
	else if (strcmp(w[0], "flags") == 0)
		r->row.flags |= flag_words(w + 1, n - 1);
	else if (strcmp(w[0], "prepare") == 0)
		prepare_words(&r->row.prepares, w + 1, n - 1);
	else if (strcmp(w[0], "short") == 0)
		r->row.shorts = intern_words(w + 1, (uint32_t)n - 1);
	else if (strcmp(w[0], "category") == 0)
		r->row.categories = intern_words(w + 1, (uint32_t)n - 1);
	else if (strcmp(w[0], "select") == 0)
		r->row.selects = intern_words(w + 1, (uint32_t)n - 1);
	else if (n > 2)
		complain("\"%s\" takes one value", w[0]);
	else if (!resource_value(r, w[0], w[1]))
		complain("unknown resource line \"%s\"", w[0]);
}

static void
resource_line(char **w, int n)
{
	struct res *r;

	if (n != 3) {
		complain("want resource PLURAL KIND");
		return;
	}
	cur_res = (int)t.resources.n;
	r = zero(PUSH(t.resources), sizeof(*r));
	r->path = path;
	r->line = line;
	r->kind = copy(w[2]);
	r->row.gv = t.gvs.n - 1;
	r->row.plural = apigen_intern(w[1]);
	r->row.kind = apigen_intern(w[2]);
	r->row.sub0 = t.subs.n;
	r->row.col0 = t.columns.n;
}

/* version GROUP VERSION PACKAGE [order=N] [rank=N]; shared PACKAGE */
static void
version_line(char **w, int n, int shared)
{
	struct pin_gv_row *g;
	char buf[LINE_BYTES_MAX], *v, *dot;
	int64_t x;
	int k, first = shared ? 1 : 3;

	if (n <= first) {
		complain("want version GROUP VERSION PACKAGE or shared PACKAGE");
		return;
	}
	g = zero(PUSH(t.gvs), sizeof(*g));
	g->package = apigen_intern(w[first]);
	strcpy(buf, w[first]);
	for (dot = buf + strlen(buf), k = 0; dot > buf; dot--)
		if (*dot == '.' && ++k == 2)
			break;
	g->prefix = apigen_intern(*dot == '.' ? dot + 1 : dot);
	g->group = apigen_intern(shared || strcmp(w[1], "-") == 0 ? "" : w[1]);
	g->version = apigen_intern(shared ? "" : w[2]);
	for (k = first + 1; k < n; k++) {
		if ((v = attr_value(w[k], "order")) != NULL) {
			if (parse_int(v, &x) == 0)
				g->order = (uint32_t)x;
		} else if ((v = attr_value(w[k], "rank")) != NULL) {
			if (parse_int(v, &x) == 0)
				g->rank = (uint32_t)x;
		} else
			complain("unknown attribute \"%s\"", w[k]);
	}
}

static void
schema_line(char *text)
{
	char *w[WORDS_MAX];
	int n, block = text[0] == '\t' || text[0] == ' ';

	n = tokenize(text, w);
	if (n == 0)
		return;
	if (block) {
		if (cur_type >= 0)
			member_line(w, n);
		else if (cur_res >= 0)
			resource_member(w, n);
		else
			complain("an indented line outside type and resource");
		return;
	}
	cur_type = cur_res = -1;
	if (strcmp(w[0], "version") == 0)
		version_line(w, n, 0);
	else if (strcmp(w[0], "shared") == 0)
		version_line(w, n, 1);
	else if (t.gvs.n == 0)
		complain("a file starts with version or shared");
	else if (strcmp(w[0], "type") == 0)
		type_line(w, n);
	else if (strcmp(w[0], "resource") == 0)
		resource_line(w, n);
	else
		complain("unknown line \"%s\"", w[0]);
}

static void
read_schema(const char *name)
{
	char buf[LINE_BYTES_MAX];
	uint32_t had = t.gvs.n;
	FILE *f;

	f = fopen(name, "r");
	if (f == NULL)
		apigen_die(name);
	path = name;
	cur_type = cur_res = -1;
	for (line = 1; fgets(buf, sizeof(buf), f) != NULL; line++) {
		if (strchr(buf, '\n') == NULL && strlen(buf) == sizeof(buf) - 1)
			complain("line is longer than %d", LINE_BYTES_MAX - 2);
		schema_line(buf);
	}
	if (ferror(f))
		apigen_die(name);
	fclose(f);
	if (t.gvs.n != had + 1)
		complain("want exactly one version or shared line");
}

int
main(int argc, char **argv)
{
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: apigen OUTDIR FILE.schema...\n");
		return (2);
	}
	(void)apigen_intern("");
	*PUSH(t.words) = 0;
	for (i = 2; i < argc; i++)
		read_schema(argv[i]);
	if (errors == 0)
		apigen_link();
	if (errors == 0)
		apigen_write(argv[1]);
	return (errors != 0);
}
