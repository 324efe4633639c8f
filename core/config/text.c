/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.c -- the text of a configuration before libconfig sees it: files named
 * by @include are put in their place (relative to the file that names them),
 * a comma before ')' or ']' is dropped, so that every stage of a chain is one
 * line that can go or move, and each line's origin is remembered.
 * Loading thread. Contract: config_int.h, docs/configuration.md. */
#include "core/config/config_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE, STRING, COMMENT };

struct scan {
	struct pin__text *t;
	struct pin_report *r;
	int		 state;		/* at the start of a line */
	uint32_t	 depth;
	size_t		 comma;		/* offset + 1 of one that may be last */
	size_t		 last;		/* offset behind the last token */
};

static void
text_put(struct pin__text *t, const char *p, size_t len)
{
	if (t->len + len + 1 > t->cap) {
		t->cap = 2 * (t->len + len + 1);
		t->p = pin_xrealloc(t->p, t->cap);
	}
	memcpy(t->p + t->len, p, len);
	t->len += len;
	t->p[t->len] = '\0';
}

static void
line_note(struct pin__text *t, uint32_t file, uint32_t line)
{
	if ((t->nlines & (t->nlines - 1)) == 0)
		t->lines = pin_xrealloc(t->lines, (t->nlines == 0 ? 1 :
		    2 * (size_t)t->nlines) * sizeof(*t->lines));
	t->lines[t->nlines].file = file;
	t->lines[t->nlines++].line = line;
}

/* A ')' or ']' at `at`: goes where a comma before it was, or else right behind
 * the last token. So the comma is gone, and libconfig, which must look at the
 * token after a string, gives the string the line it is on. */
static void
close_move(struct scan *s, size_t at)
{
	char *p = s->t->p;
	size_t to = s->comma != 0 ? s->comma - 1 : s->last;

	if (to < at && (s->comma != 0 || p[to] == ' ' || p[to] == '\t')) {
		p[to] = p[at];
		p[at] = ' ';
	}
}

/* One character of code. Returns how many it took. */
static size_t
scan_code(struct scan *s, const char *p, size_t at)
{
	if (*p == '"')
		s->state = STRING;
	if (*p == '#' || (p[0] == '/' && p[1] == '/'))
		return (strcspn(p, "\n"));
	if (p[0] == '/' && p[1] == '*') {
		s->state = COMMENT;
		return (2);
	}
	if (strchr(" \t\r\n\f", *p) != NULL)
		return (1);
	if (*p == ')' || *p == ']')
		close_move(s, at);
	s->comma = *p == ',' ? at + 1 : 0;
	s->last = at + 1;
	return (1);
}

/* The line that was just put at `from`. */
static void
scan_line(struct scan *s, size_t from)
{
	struct pin__text *t = s->t;
	size_t at = from;

	while (at < t->len) {
		const char *p = t->p + at;

		if (s->state == CODE) {
			at += scan_code(s, p, at);
			continue;
		}
		if (s->state == STRING && *p == '"') {
			s->state = CODE;
			s->last = at + 1;
		}
		else if (s->state == STRING && *p == '\\')
			at++;
		else if (s->state == COMMENT && p[0] == '*' && p[1] == '/') {
			s->state = CODE;
			at++;
		}
		at++;
	}
}

/* NAME of a line `@include "NAME"`; heap, or NULL when it is another line. */
static char *
include_of(const char *line, size_t len)
{
	static const char word[] = "@include";
	const char *end = line + len, *close;

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if ((size_t)(end - line) < sizeof(word) ||
	    strncmp(line, word, sizeof(word) - 1) != 0)
		return (NULL);
	line += sizeof(word) - 1;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if (line == end || *line != '"')
		return (NULL);
	close = memchr(line + 1, '"', (size_t)(end - line - 1));
	return (close == NULL ? NULL : pin_xstrndup(line + 1,
	    (size_t)(close - line - 1)));
}

static char *
file_slurp(const char *path, const char *where, struct pin_report *r)
{
	char *p = pin_xmalloc(PIN_CONFIG_BYTES_MAX + 1);
	FILE *f = fopen(path, "r");
	size_t len = 0;
	int bad = f == NULL;

	if (!bad) {
		len = fread(p, 1, PIN_CONFIG_BYTES_MAX + 1, f);
		bad = ferror(f);
	}
	if (bad)
		(void)pin_report_error(r, where, "%s: %s", path,
		    strerror(errno));
	else if (len > PIN_CONFIG_BYTES_MAX)
		(void)pin_report_error(r, where, "%s: more than %u bytes",
		    path, PIN_CONFIG_BYTES_MAX);
	else if (memchr(p, '\0', len) != NULL)
		(void)pin_report_error(r, where, "%s: holds a NUL byte: not a "
		    "text file", path);
	else {
		p[len] = '\0';
		(void)fclose(f);
		return (p);
	}
	if (f != NULL)
		(void)fclose(f);
	free(p);
	return (NULL);
}

static int	text_add(struct scan *, const char *path, const char *where);

static int
include_add(struct scan *s, const char *name, uint32_t file, uint32_t line)
{
	char where[PIN_ERR_TEXT_MAX], *dir, *path;
	int rc;

	(void)snprintf(where, sizeof(where), "%s:%u", s->t->files[file],
	    line);
	dir = pin__conf_dir(s->t->files[file]);
	path = pin__conf_join(dir, name);
	if (s->depth == PIN_CONFIG_DEPTH_MAX)
		rc = pin_report_error(s->r, where, "@include \"%s\": more "
		    "than %u files deep; does a file include itself?", name,
		    PIN_CONFIG_DEPTH_MAX);
	else {
		s->depth++;
		rc = text_add(s, path, where);
		s->depth--;
	}
	free(dir);
	free(path);
	return (rc);
}

static int
line_add(struct scan *s, const char *p, size_t len, uint32_t file,
    uint32_t line)
{
	struct pin__text *t = s->t;
	size_t from = t->len;
	char *name;
	int rc;

	name = s->state == CODE ? include_of(p, len) : NULL;
	if (name != NULL) {
		rc = include_add(s, name, file, line);
		free(name);
		return (rc);
	}
	if (t->len + len > PIN_CONFIG_BYTES_MAX)
		return (pin_report_error(s->r, t->files[0], "more than %u "
		    "bytes with everything it includes",
		    PIN_CONFIG_BYTES_MAX));
	line_note(t, file, line);
	text_put(t, p, len);
	text_put(t, " \n", 2);	/* room for close_move */
	scan_line(s, from);
	return (PIN_OK);
}

/* A file's lines; recursion is bounded by PIN_CONFIG_DEPTH_MAX. */
static int
text_add(struct scan *s, const char *path, const char *where)
{
	struct pin__text *t = s->t;
	uint32_t file = t->nfiles, line = 0;
	char *all, *p;
	size_t len;
	int rc = PIN_OK;

	if (file == PIN_CONFIG_FILES_MAX)
		return (pin_report_error(s->r, where, "more than %u files are "
		    "included", PIN_CONFIG_FILES_MAX));
	all = file_slurp(path, where, s->r);
	if (all == NULL)
		return (PIN_ECONFIG);
	t->files[t->nfiles++] = pin_xstrdup(path);
	for (p = all; rc == PIN_OK && *p != '\0'; p += len) {
		len = strcspn(p, "\n");
		rc = line_add(s, p, len, file, ++line);
		len += p[len] == '\n';
	}
	free(all);
	return (rc);
}

int
pin__text_read(struct pin__text *t, const char *path, struct pin_report *r)
{
	struct scan s = { t, r, CODE, 0, 0, 0 };

	memset(t, 0, sizeof(*t));
	text_put(t, "", 0);
	return (text_add(&s, path, NULL));
}

void
pin__text_fini(struct pin__text *t)
{
	for (uint32_t i = 0; i < t->nfiles; i++)
		free(t->files[i]);
	free(t->lines);
	free(t->p);
	memset(t, 0, sizeof(*t));
}

const char *
pin__text_file(const struct pin__text *t, uint32_t line)
{
	if (line == 0 || line > t->nlines)
		return (t->files[0]);
	return (t->files[t->lines[line - 1].file]);
}

void
pin__text_where(const struct pin__text *t, uint32_t line, char *buf,
    size_t size)
{
	uint32_t n = line;

	if (line > 0 && line <= t->nlines)
		n = t->lines[line - 1].line;
	(void)snprintf(buf, size, "%s:%u", pin__text_file(t, line), n);
}
