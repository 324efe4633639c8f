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

const char	*apigen_path;		/* of the file being read */
int		apigen_line;
static int		errors;
static int		cur_type;		/* open block, -1: none */
int		apigen_res;		/* the same, of resources */

static const char *const rule_names[] = { "",
#define PIN_RULE(sym, name)	name,
#include "core/api/rules.def"
};
static const char *const format_names[] = { "",
#define PIN_FORMAT(sym, name)	name,
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

char *
apigen_copy(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p;

	p = malloc(n);
	if (p == NULL)
		apigen_die("memory");
	return (memcpy(p, s, n));
}

void *
apigen_zero(void *p, size_t n)
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
uint32_t
apigen_words(char **w, uint32_t n)
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
	return (apigen_words(w, n));
}

uint32_t
apigen_find(const char *const *tab, size_t n, const char *name)
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

int
apigen_int(const char *s, int64_t *out)
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

	id = apigen_find(rule_names, COUNT(rule_names), name);
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
		apigen_zero(PUSH(t.checks), sizeof(struct pin_check_row));
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
		if (apigen_int(p, &v) != 0)
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
	w = apigen_zero(PUSH(t.whens), sizeof(*w));
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
		{ "pub", PIN_FF_PUBLISHED },
		{ "blank", PIN_FF_BLANK }, { "loose", PIN_FF_LOOSE },
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
	else if ((v = attr_value(word, "must")) != NULL) {
		f->flags |= PIN_FF_MUST;
		f->must_text = apigen_intern(v);
	}
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
		    apigen_find(format_names, COUNT(format_names), v);
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
		return (apigen_copy(word));
	snprintf(buf, sizeof(buf), "%s.%s",
	    t.strings.v + t.gvs.v[t.gvs.n - 1].prefix, word);
	return (apigen_copy(buf));
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

	if (strcmp(w, "-") == 0 || apigen_int(w, &v) != 0)
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
		complain("want NAME NUMBER TYPE PRESENCE [ATTRIBUTE...] or "
		    "+ NUMBER TYPE");
		return;
	}
	m = apigen_zero(PUSH(t.members), sizeof(*m));
	t.types.v[cur_type].nmembers++;
	m->line = apigen_line;
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
	ty = apigen_zero(PUSH(t.types), sizeof(*ty));
	ty->name = qualify(w[1]);
	ty->path = apigen_path;
	ty->line = apigen_line;
	ty->member0 = t.members.n;
	ty->row.name = apigen_intern(ty->name);
	ty->row.bare = ty->row.name +
	    (uint32_t)(strlen(ty->name) - strlen(w[1]));
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
		else if ((v = attr_value(w[k], "union")) != NULL)
			ty->row.unions = split_words(v, ',');
		else
			complain("unknown attribute \"%s\"", w[k]);
	}
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
		complain("want version GROUP VERSION PACKAGE or "
		    "shared PACKAGE");
		return;
	}
	g = apigen_zero(PUSH(t.gvs), sizeof(*g));
	g->package = apigen_intern(w[first]);
	snprintf(buf, sizeof(buf), "%s", w[first]);
	for (dot = buf + strlen(buf), k = 0; dot > buf; dot--)
		if (*dot == '.' && ++k == 2)
			break;
	g->prefix = apigen_intern(*dot == '.' ? dot + 1 : dot);
	g->group = apigen_intern(shared || strcmp(w[1], "-") == 0 ? "" : w[1]);
	g->version = apigen_intern(shared ? "" : w[2]);
	for (k = first + 1; k < n; k++) {
		if ((v = attr_value(w[k], "order")) != NULL) {
			if (apigen_int(v, &x) == 0)
				g->order = (uint32_t)x;
		} else if ((v = attr_value(w[k], "rank")) != NULL) {
			if (apigen_int(v, &x) == 0)
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
		else if (apigen_res >= 0)
			apigen_resource_member(w, n);
		else
			complain("an indented line outside type and resource");
		return;
	}
	cur_type = apigen_res = -1;
	if (strcmp(w[0], "version") == 0)
		version_line(w, n, 0);
	else if (strcmp(w[0], "shared") == 0)
		version_line(w, n, 1);
	else if (t.gvs.n == 0)
		complain("a file starts with version or shared");
	else if (strcmp(w[0], "type") == 0)
		type_line(w, n);
	else if (strcmp(w[0], "resource") == 0)
		apigen_resource(w, n);
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
	apigen_path = name;
	cur_type = apigen_res = -1;
	for (apigen_line = 1; fgets(buf, sizeof(buf), f) != NULL;
	    apigen_line++) {
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
