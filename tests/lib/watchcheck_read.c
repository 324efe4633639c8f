/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchcheck_read.c -- a history's lines into records, watches and lists.
 * One thread.
 * Contract: watchcheck.h. */
#include "watchcheck_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX	10		/* of a line */

struct word {
	const char	*p;
	size_t		 len;
};

static void *
grow(void *p, uint32_t n, uint32_t *cap, size_t size)
{
	void *q;

	if (n < *cap)
		return (p);
	*cap = *cap == 0 ? 64 : *cap * 2;
	q = realloc(p, *cap * size);
	if (q == NULL)
		abort();
	return (q);
}

static uint32_t
hash_of(const char *p, size_t len)
{
	uint32_t h = 2166136261u;

	while (len-- > 0)
		h = (h ^ (unsigned char)*p++) * 16777619u;
	return (h);
}

static void
rehash(struct wc *c)
{
	uint32_t i, at;

	c->hash_size = c->hash_size == 0 ? 1024 : c->hash_size * 2;
	free(c->hash);
	c->hash = calloc(c->hash_size, sizeof(*c->hash));
	if (c->hash == NULL)
		abort();
	for (i = 0; i < c->nwords; i++) {
		at = hash_of(c->words[i], strlen(c->words[i]));
		while (c->hash[at & (c->hash_size - 1)] != 0)
			at++;
		c->hash[at & (c->hash_size - 1)] = i + 1;
	}
}

static uint32_t
intern(struct wc *c, const char *p, size_t len)
{
	uint32_t at, i;

	if (len == 1 && *p == '-')
		return (WC_NONE);
	if (c->nwords * 2 >= c->hash_size)
		rehash(c);
	at = hash_of(p, len);
	while ((i = c->hash[at & (c->hash_size - 1)]) != 0) {
		if (strlen(c->words[i - 1]) == len &&
		    memcmp(c->words[i - 1], p, len) == 0)
			return (i - 1);
		at++;
	}
	c->words = grow(c->words, c->nwords, &c->words_cap, sizeof(char *));
	c->words[c->nwords] = calloc(1, len + 1);
	if (c->words[c->nwords] == NULL)
		abort();
	memcpy(c->words[c->nwords], p, len);
	c->hash[at & (c->hash_size - 1)] = ++c->nwords;
	return (c->nwords - 1);
}

/* '-' is WC_UNSET. 0: not a number. */
static int
number(struct word w, uint64_t *out)
{
	size_t i;

	*out = WC_UNSET;
	if (w.len == 1 && *w.p == '-')
		return (1);
	*out = 0;
	for (i = 0; i < w.len && i < 19; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return (0);
		*out = *out * 10 + (uint64_t)(w.p[i] - '0');
	}
	return (w.len > 0 && i == w.len);
}

static int
select_read(struct wc *c, struct word ns, struct word w, struct wc_select *s)
{
	const char *p, *comma, *end = w.p + w.len;

	memset(s, 0, sizeof(*s));
	s->name = WC_NONE;
	s->ns = ns.len == 1 && *ns.p == '*' ? WC_NONE :
	    intern(c, ns.p, ns.len);
	s->op = '*';
	if (w.len == 1 && *w.p == '*')
		return (1);
	if (w.len > 2 && memcmp(w.p, "n=", 2) == 0) {
		s->name = intern(c, w.p + 2, w.len - 2);
		return (1);
	}
	if (w.len == 2 && memcmp(w.p, "!l", 2) == 0) {
		s->op = 'x';
		return (1);
	}
	if (w.len == 0 || *w.p != 'l')
		return (0);
	s->op = w.len == 1 ? 'l' : w.p[1];
	p = w.p + 2 + (s->op == '!');
	if (s->op != 'l' && s->op != '=' && s->op != '!' && s->op != '@')
		return (0);
	while (s->op != 'l' && p < end && s->n < 8) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		s->values[s->n++] = intern(c, p, (size_t)(comma - p));
		p = comma + 1;
	}
	return (s->op == 'l' || s->n > 0);
}

static struct wc_stream *
watch_find(struct wc *c, uint64_t id)
{
	uint32_t i;

	/* The newest first: it is almost always one of those. */
	for (i = c->nwatches; i > 0; i--)
		if (c->watches[i - 1].id == id)
			return (&c->watches[i - 1]);
	return (NULL);
}

static void
append(struct wc *c, struct wc_stream *s)
{
	s->at = grow(s->at, s->n, &s->cap, sizeof(*s->at));
	s->at[s->n++] = c->nrec - 1;
}

/* O ID SINCE NS SELECTOR FLAGS FLOOR */
static int
read_open(struct wc *c, const struct word *w, uint32_t line)
{
	struct wc_stream *s;
	uint64_t id;
	size_t i;

	c->watches = grow(c->watches, c->nwatches, &c->watches_cap,
	    sizeof(*c->watches));
	s = &c->watches[c->nwatches];
	memset(s, 0, sizeof(*s));
	if (!number(w[1], &id) || watch_find(c, id) != NULL ||
	    !number(w[2], &s->since) || !select_read(c, w[3], w[4],
	    &s->select) || !number(w[6], &s->floor))
		return (0);
	for (i = 0; i < w[5].len; i++)
		s->flags |= w[5].p[i] == 'i' ? WC_INITIAL : w[5].p[i] == 'b' ?
		    WC_BOOKMARKS : w[5].p[i] == 'y' ? WC_YOUNG :
		    w[5].p[i] == 's' ? WC_SLOW : 0;
	s->id = (uint32_t)id;
	s->line = line;
	s->open = 1;
	c->nwatches++;
	c->res->watches++;
	return (1);
}

/* L EXACT NS SELECTOR FLOOR REV */
static int
read_list(struct wc *c, const struct word *w, uint32_t line)
{
	struct wc_stream *s;

	c->lists = grow(c->lists, c->nlists, &c->lists_cap,
	    sizeof(*c->lists));
	s = &c->lists[c->nlists++];
	memset(s, 0, sizeof(*s));
	s->line = line;
	c->res->lists++;
	return (number(w[1], &s->exact) && select_read(c, w[2], w[3],
	    &s->select) && number(w[4], &s->floor) && number(w[5], &s->rev));
}

/* E ID TYPE KEY REV LABEL VALUE and the others of a watch. */
static int
read_of_watch(struct wc *c, const struct word *w, struct wc_record *r)
{
	struct wc_stream *s;
	uint64_t id, last = 0;
	int at = r->kind == 'E' ? 4 : 2;

	if (!number(w[1], &id) || (s = watch_find(c, id)) == NULL)
		return (0);
	if (!s->open && r->kind != 'T')
		wc_bad(c, "W3", r->line, "watch %u has ended", s->id);
	r->id = s->id;
	r->type = r->kind == 'E' || r->kind == 'C' ? *w[2].p : 0;
	if (r->kind == 'E') {
		r->key = intern(c, w[3].p, w[3].len);
		r->label = intern(c, w[5].p, w[5].len);
		r->value = intern(c, w[6].p, w[6].len);
		c->res->events++;
	}
	if (r->kind == 'B') {
		c->res->bookmarks++;
		if (!number(w[3], &last))
			return (0);
		r->base = last;
	}
	if (r->kind != 'C' && !number(w[at], &r->rev))
		return (0);
	if (r->kind == 'X' || r->kind == 'C' || r->kind == 'F')
		s->open = 0;
	c->res->gone += r->kind == 'X';
	append(c, s);
	return (1);
}

/* W OP KEY REV BASE FLOOR LABEL VALUE; M OP KEY LABEL VALUE; I KEY ... */
static int
read_object(struct wc *c, const struct word *w, struct wc_record *r)
{
	int key = r->kind == 'I' ? 1 : 2, at = r->kind == 'W' ? 6 :
	    r->kind == 'M' ? 3 : 3;

	r->type = r->kind == 'I' ? 0 : *w[1].p;
	r->key = intern(c, w[key].p, w[key].len);
	r->label = intern(c, w[at].p, w[at].len);
	r->value = intern(c, w[at + 1].p, w[at + 1].len);
	if (r->kind == 'I') {
		if (c->nlists == 0)
			return (0);
		append(c, &c->lists[c->nlists - 1]);
		return (number(w[2], &r->rev));
	}
	c->res->writes += r->kind == 'W';
	return (r->kind == 'M' || (number(w[3], &r->rev) && number(w[4],
	    &r->base) && number(w[5], &r->floor)));
}

static int
read_line(struct wc *c, const struct word *w, int n, uint32_t line)
{
	static const char kinds[] = "WMOEBXCFTPLI";
	static const int words[] = { 8, 5, 7, 7, 4, 3, 3, 3, 3, 2, 6, 5 };
	struct wc_record *r;
	const char *k = w[0].len == 1 ? strchr(kinds, *w[0].p) : NULL;

	if (k == NULL || *k == '\0' || n != words[k - kinds])
		return (0);
	if (*k == 'O')
		return (read_open(c, w, line));
	if (*k == 'L')
		return (read_list(c, w, line));
	if (*k == 'P')
		return (number(w[1], &c->delay_max));
	c->rec = grow(c->rec, c->nrec, &c->rec_cap, sizeof(*c->rec));
	r = &c->rec[c->nrec++];
	memset(r, 0, sizeof(*r));
	r->kind = *k;
	r->line = line;
	if (strchr("WMI", *k) != NULL)
		return (read_object(c, w, r));
	return (read_of_watch(c, w, r));
}

void
wc_read(struct wc *c, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *nl, *sp;
	struct word w[WORDS_MAX];
	uint32_t line = 0;
	int n;

	for (; p < end && !c->bad; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		line++;
		if (p == nl || *p == '#')
			continue;
		for (n = 0, sp = p; n < WORDS_MAX && p <= nl; p = sp + 1) {
			sp = memchr(p, ' ', (size_t)(nl - p));
			if (sp == NULL)
				sp = nl;
			w[n++] = (struct word){ p, (size_t)(sp - p) };
		}
		if (!read_line(c, w, n, line))
			wc_bad(c, "line", line, "cannot be read");
	}
}
