/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchcheck.c -- each watch and list against the truth: what a watch was
 * shown must be the beginning of what it was owed, in order and whole.
 * One thread.
 * Contract: watchcheck.h, W1-W11, A1. */
#include "watchcheck_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct due {				/* one event that is owed */
	uint32_t	 ver, shown;	/* shown: whose content it carries */
	char		 type;
};

/* One watch being followed. */
struct follow {
	struct wc	*c;
	struct wc_stream *s;
	uint32_t	 next;		/* version to look at */
	uint64_t	 last;		/* revision of the newest event */
	uint64_t	 mark;		/* of the newest bookmark */
	uint64_t	 group;		/* revision of what is in due */
	struct due	 due[WC_GROUP_MAX];
	uint32_t	 ndue, taken;	/* left, and gone from this group */
	uint32_t	 last_key;
};

void
wc_bad(struct wc *c, const char *which, uint32_t line, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (c->bad)
		return;
	c->bad = 1;
	n = snprintf(c->res->why, sizeof(c->res->why), "%s line %u: ", which,
	    line);
	va_start(ap, fmt);
	vsnprintf(c->res->why + n, sizeof(c->res->why) - (size_t)n, fmt, ap);
	va_end(ap);
}

const char *
wc_word(const struct wc *c, uint32_t w)
{
	return (w < c->nwords ? c->words[w] : "-");
}

/* ---- what is owed ----------------------------------------------------- */

static char
due_type(const struct follow *f, uint32_t ver)
{
	const struct wc *c = f->c;
	int was = wc_selected(c, &f->s->select, c->ver[ver].prev);
	int now = wc_selected(c, &f->s->select, ver);

	return (now ? was ? 'M' : 'A' : was ? 'D' : 0);
}

/* The next revision that owes anything, into due. 0: none. */
static int
due_fill(struct follow *f)
{
	const struct wc *c = f->c;
	uint64_t rev;
	char type;

	while (f->ndue == 0 && f->next < c->nver) {
		rev = c->ver[f->next].rev;
		f->group = rev;
		f->taken = 0;
		for (; f->next < c->nver && c->ver[f->next].rev == rev;
		    f->next++) {
			type = due_type(f, f->next);
			if (type == 0 || f->ndue == WC_GROUP_MAX)
				continue;
			f->due[f->ndue++] = (struct due){ f->next, type == 'D' ?
			    c->ver[f->next].prev : f->next, type };
		}
	}
	return (f->ndue > 0);
}

static void
due_start(struct follow *f, uint64_t since)
{
	const struct wc *c = f->c;
	uint32_t lo = 0, hi = c->nver, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (c->ver[mid].rev <= since)
			lo = mid + 1;
		else
			hi = mid;
	}
	f->next = lo;
	f->ndue = 0;
	f->last = f->mark = since;
	f->last_key = WC_NONE;
}

/* An event that was not owed now: which promise is that? */
static void
event_blame(struct follow *f, const struct wc_record *r)
{
	struct wc *c = f->c;
	const char *key = wc_word(c, r->key);
	uint32_t v = wc_at(c, r->key, r->rev);
	char type = v == WC_NONE ? 0 : due_type(f, v);

	if (type == 0)
		wc_bad(c, "W7", r->line, "%s at revision %" PRIu64 " is not "
		    "what watch %u selects", key, r->rev, f->s->id);
	else if (r->rev <= f->mark && f->mark > f->last)
		wc_bad(c, "W6", r->line, "%s at revision %" PRIu64 " after "
		    "bookmark %" PRIu64, key, r->rev, f->mark);
	else if (r->rev == f->last && r->key == f->last_key)
		wc_bad(c, "W2", r->line, "%s at revision %" PRIu64 " comes "
		    "twice", key, r->rev);
	else if (r->rev <= f->last)
		wc_bad(c, "W1", r->line, "%s at revision %" PRIu64 " after %"
		    PRIu64, key, r->rev, f->last);
	else
		wc_bad(c, f->taken > 0 ? "W4" : "W3", r->line, "%s at "
		    "revision %" PRIu64 " came, %s at %" PRIu64 " did not "
		    "(watch %u)", key, r->rev, wc_word(c,
		    c->ver[f->due[0].ver].key), f->group, f->s->id);
}

static void
event_check(struct follow *f, const struct wc_record *r)
{
	struct wc *c = f->c;
	const struct wc_version *v;
	uint32_t i = 0;

	if (due_fill(f) && f->group == r->rev)
		for (i = 0; i < f->ndue; i++)
			if (c->ver[f->due[i].ver].key == r->key)
				break;
	if (f->ndue == 0 || f->group != r->rev || i == f->ndue) {
		event_blame(f, r);
		return;
	}
	v = &c->ver[f->due[i].shown];
	if (f->due[i].type != r->type)
		wc_bad(c, "W8", r->line, "%s at revision %" PRIu64 " is %c and"
		    " not %c for watch %u", wc_word(c, r->key), r->rev,
		    f->due[i].type, r->type, f->s->id);
	else if (v->label != r->label || v->value != r->value)
		wc_bad(c, r->type == 'D' ? "W7" : "W8", r->line, "%s at "
		    "revision %" PRIu64 " shows %s and not %s", wc_word(c,
		    r->key), r->rev, wc_word(c, r->value), wc_word(c,
		    v->value));
	f->due[i] = f->due[--f->ndue];
	f->taken++;
	f->last = r->rev;
	f->last_key = r->key;
}

/* Everything up to rev must have come. */
static void
none_due(struct follow *f, uint64_t rev, uint32_t line, const char *which)
{
	struct wc *c = f->c;

	if (due_fill(f) && f->group <= rev)
		wc_bad(c, f->taken > 0 ? "W4" : which, line, "%s at revision %"
		    PRIu64 " did not come by %" PRIu64 " (watch %u)",
		    wc_word(c, c->ver[f->due[0].ver].key), f->group, rev,
		    f->s->id);
}

static void
bookmark_check(struct follow *f, const struct wc_record *r)
{
	struct wc *c = f->c;

	if (r->base != 0)
		wc_bad(c, "W10", r->line, "a second end of the initial "
		    "events, or one nobody asked for");
	else if ((f->s->flags & WC_BOOKMARKS) == 0)
		wc_bad(c, "W6", r->line, "nobody asked for bookmarks");
	else if (r->rev < f->last || r->rev < f->mark)
		wc_bad(c, "W6", r->line, "bookmark %" PRIu64 " after %" PRIu64,
		    r->rev, f->last > f->mark ? f->last : f->mark);
	else
		none_due(f, r->rev, r->line, "W6");
	f->mark = r->rev;
}

static void
error_check(struct follow *f, const struct wc_record *r)
{
	struct wc *c = f->c;

	if (r->rev != 410)
		wc_bad(c, "W9", r->line, "watch %u got %" PRIu64, f->s->id,
		    r->rev);
	else if ((f->s->flags & WC_YOUNG) != 0 && f->last == f->s->since &&
	    (f->s->flags & WC_SLOW) == 0)
		wc_bad(c, "W5", r->line, "watch %u could not resume from "
		    "revision %" PRIu64, f->s->id, f->s->since);
}

/* Its records from the i-th on, once it is clear where it began. */
static void
follow_run(struct follow *f, uint32_t i)
{
	struct wc *c = f->c;
	const struct wc_record *r;

	for (; i < f->s->n && !c->bad; i++) {
		r = &c->rec[f->s->at[i]];
		switch (r->kind) {
		case 'E':
			event_check(f, r);
			break;
		case 'B':
			bookmark_check(f, r);
			break;
		case 'X':
			error_check(f, r);
			break;
		case 'F':
			none_due(f, r->rev, r->line, "W3");
			break;
		case 'C':
			/* In order: no revision may be half told. */
			if (r->type == 'e' && f->ndue > 0 && f->taken > 0)
				none_due(f, f->group, r->line, "W4");
			break;
		case 'T':
			if (c->delay_max != 0 && (f->s->flags & WC_SLOW) == 0
			    && r->rev > c->delay_max)
				wc_bad(c, "W11", r->line, "watch %u waited %"
				    PRIu64 " ms", f->s->id, r->rev);
			break;
		default:
			break;
		}
	}
}

/* ---- where a watch without a revision began --------------------------- */

/* Are the first n records the selected state as of rev? why != NULL: says
 * what is wrong. */
static int
state_is(struct wc *c, const struct wc_stream *s, uint32_t n, uint64_t rev,
    const char *which)
{
	const struct wc_record *r;
	uint32_t i, k = 0, v;

	for (i = 0; i < c->nkeys; i++) {
		v = wc_as_of(c, c->key_order[i], rev);
		if (!wc_selected(c, &s->select, v))
			continue;
		r = k < n ? &c->rec[s->at[k]] : NULL;
		if (r != NULL && r->key == c->ver[v].key && r->rev ==
		    c->ver[v].rev && r->value == c->ver[v].value &&
		    r->label == c->ver[v].label) {
			k++;
			continue;
		}
		if (which != NULL)
			wc_bad(c, which, r != NULL ? r->line : s->line,
			    "as of revision %" PRIu64 " comes %s of revision %"
			    PRIu64 ", not %s", rev, wc_word(c, c->ver[v].key),
			    c->ver[v].rev, r != NULL ? wc_word(c, r->key) :
			    "the end");
		return (0);
	}
	if (k < n && which != NULL)
		wc_bad(c, which, c->rec[s->at[k]].line, "%s does not belong "
		    "to revision %" PRIu64, wc_word(c, c->rec[s->at[k]].key),
		    rev);
	return (k == n);
}

/* Records at the beginning that can be initial events. */
static uint32_t
initial_run(struct wc *c, const struct wc_stream *s)
{
	const struct wc_record *r, *p;
	uint32_t n;

	for (n = 0; n < s->n; n++) {
		r = &c->rec[s->at[n]];
		p = n > 0 ? &c->rec[s->at[n - 1]] : NULL;
		if (r->kind != 'E' || r->type != 'A' || (p != NULL &&
		    strcmp(wc_word(c, p->key), wc_word(c, r->key)) >= 0))
			break;
	}
	return (n);
}

/* sendInitialEvents: the state as of the bookmark, and that bookmark. */
static void
initial_check(struct follow *f)
{
	struct wc *c = f->c;
	uint32_t n = initial_run(c, f->s);
	const struct wc_record *r = n < f->s->n ? &c->rec[f->s->at[n]] : NULL;

	if (r == NULL || r->kind == 'C' || (r->kind == 'X' && r->rev == 410))
		return;			/* torn off before it had begun */
	if (r->kind != 'B' || r->base != 1) {
		wc_bad(c, "W10", r->line, "the initial events of watch %u do "
		    "not end with their bookmark", f->s->id);
		return;
	}
	if (r->rev < f->s->floor || (f->s->since != WC_UNSET && r->rev <
	    f->s->since)) {
		wc_bad(c, "A1", r->line, "the state of revision %" PRIu64
		    " though %" PRIu64 " was known before", r->rev,
		    f->s->floor);
		return;
	}
	if (!state_is(c, f->s, n, r->rev, "W10"))
		return;
	due_start(f, r->rev);
	follow_run(f, n + 1);
}

/* The old way: nothing says where the initial events end, so some revision
 * must explain it all. */
static void
legacy_check(struct follow *f)
{
	struct wc *c = f->c;
	struct watchcheck_result *res = c->res, mine = *res;
	uint32_t n = initial_run(c, f->s), i, k;
	uint64_t rev = f->s->floor;

	if (f->s->n == 0 || (n < f->s->n && c->rec[f->s->at[n]].kind == 'C' &&
	    c->rec[f->s->at[n]].type == 'c'))
		return;			/* torn off before it had begun */
	for (i = 0; i <= c->nver; i++) {
		if (i > 0)
			rev = c->ver[i - 1].rev;
		if (rev < f->s->floor || (i > 1 && rev == c->ver[i - 2].rev))
			continue;
		for (k = 0; k <= n; k++) {
			if (!state_is(c, f->s, k, rev, NULL))
				continue;
			c->bad = 0;
			due_start(f, rev);
			follow_run(f, k);
			if (!c->bad)
				return;
			c->bad = 0;
		}
	}
	*res = mine;
	wc_bad(c, "W10", f->s->line, "no revision from %" PRIu64 " on explains "
	    "what watch %u was shown", f->s->floor, f->s->id);
}

static void
watch_check(struct follow *f)
{
	struct wc *c = f->c;
	uint32_t i;
	int cut = 0;

	if (f->s->flags & WC_INITIAL)
		initial_check(f);
	else if (f->s->since == WC_UNSET)
		legacy_check(f);
	else {
		due_start(f, f->s->since);
		follow_run(f, 0);
	}
	for (i = 0; i < f->s->n; i++)
		cut |= c->rec[f->s->at[i]].kind == 'X' ||
		    c->rec[f->s->at[i]].kind == 'C';
	if ((f->s->flags & WC_SLOW) != 0 && !cut)
		wc_bad(c, "W11", f->s->line, "slow watch %u was not cut",
		    f->s->id);
}

static void
list_check(struct wc *c, const struct wc_stream *s)
{
	if (s->exact != WC_UNSET && s->rev != s->exact)
		wc_bad(c, "A3", s->line, "revision %" PRIu64 " was asked for, %"
		    PRIu64 " came", s->exact, s->rev);
	else if (s->exact == WC_UNSET && s->rev < s->floor)
		wc_bad(c, "A1", s->line, "the list of revision %" PRIu64
		    " though %" PRIu64 " was known before", s->rev, s->floor);
	else
		(void)state_is(c, s, s->n, s->rev, "A3");
}

void
wc_fini(struct wc *c)
{
	uint32_t i;

	for (i = 0; i < c->nwatches; i++)
		free(c->watches[i].at);
	for (i = 0; i < c->nlists; i++)
		free(c->lists[i].at);
	for (i = 0; i < c->nwords; i++)
		free(c->words[i]);
	free(c->watches);
	free(c->lists);
	free(c->words);
	free(c->hash);
	free(c->rec);
	free(c->keys);
	free(c->ver);
	free(c->by_key);
	free(c->key_order);
}

int
watchcheck(const char *text, size_t len, struct watchcheck_result *res)
{
	struct wc c = { .res = res };
	struct follow f = { .c = &c };
	uint32_t i;

	memset(res, 0, sizeof(*res));
	wc_read(&c, text, len);
	if (!c.bad)
		wc_truth(&c);
	for (i = 0; i < c.nwatches && !c.bad; i++) {
		f.s = &c.watches[i];
		watch_check(&f);
	}
	for (i = 0; i < c.nlists && !c.bad; i++)
		list_check(&c, &c.lists[i]);
	wc_fini(&c);
	return (c.bad ? -1 : 0);
}
