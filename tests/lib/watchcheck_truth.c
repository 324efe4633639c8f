/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchcheck_truth.c -- what the store must have held: every version of
 * every object, from acknowledged writes and from whatever was shown; and
 * whether writes alone make sense.
 * One thread.
 * Contract: watchcheck.h, A0-A2. */
#include "watchcheck_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int
ver_order(const void *a, const void *b)
{
	const struct wc_version *x = a, *y = b;

	if (x->rev != y->rev)
		return (x->rev < y->rev ? -1 : 1);
	if (x->key != y->key)
		return (x->key < y->key ? -1 : 1);
	/* What was acknowledged says it, then what is a state. */
	if (x->acked != y->acked)
		return (x->acked ? -1 : 1);
	return (x->deleted - y->deleted);
}

static void
ver_add(struct wc *c, const struct wc_record *r, int deleted, int acked)
{
	struct wc_version *v;

	if (c->nver == c->ver_cap) {
		c->ver_cap = c->ver_cap == 0 ? 1024 : c->ver_cap * 2;
		c->ver = realloc(c->ver, c->ver_cap * sizeof(*c->ver));
		if (c->ver == NULL)
			abort();
	}
	v = &c->ver[c->nver++];
	*v = (struct wc_version){ .rev = r->rev, .key = r->key,
	    .label = r->label, .value = r->value, .line = r->line,
	    .deleted = (uint8_t)deleted, .acked = (uint8_t)acked };
	if (deleted)
		v->label = v->value = WC_NONE;
}

/* Every claim of one (revision, object) becomes one version. */
static void
ver_collect(struct wc *c)
{
	struct wc_version *v, *u;
	struct wc_record *r;
	uint32_t i, n = 0;

	for (i = 0; i < c->nrec; i++) {
		r = &c->rec[i];
		if (r->kind == 'W' && r->type != 'D')
			ver_add(c, r, 0, 1);
		else if (r->kind == 'E' || r->kind == 'I')
			ver_add(c, r, r->kind == 'E' && r->type == 'D', 0);
	}
	if (c->nver > 0)
		qsort(c->ver, c->nver, sizeof(*c->ver), ver_order);
	for (i = 0; i < c->nver && !c->bad; i++) {
		v = &c->ver[i];
		u = n > 0 ? &c->ver[n - 1] : NULL;
		if (u == NULL || u->rev != v->rev || u->key != v->key) {
			c->ver[n++] = *v;
			continue;
		}
		/* DELETED beside a state: it left a selection. */
		if (!v->deleted && (u->label != v->label || u->value !=
		    v->value))
			wc_bad(c, "W8", v->line, "%s at revision %" PRIu64
			    " has two contents: %s (line %u) and %s",
			    wc_word(c, v->key), v->rev, wc_word(c, u->value),
			    u->line, wc_word(c, v->value));
	}
	c->nver = n;
	c->res->versions = n;
}

static const struct wc *sorting;

static int
key_order(const void *a, const void *b)
{
	return (strcmp(sorting->words[*(const uint32_t *)a],
	    sorting->words[*(const uint32_t *)b]));
}

static uint32_t
word_find(const struct wc *c, const char *p, size_t len)
{
	uint32_t i;

	for (i = 0; i < c->nwords; i++)
		if (strlen(c->words[i]) == len &&
		    memcmp(c->words[i], p, len) == 0)
			return (i);
	return (WC_NONE - 1);		/* nobody selects it */
}

static void
keys_make(struct wc *c)
{
	struct wc_key *k;
	const char *slash;
	uint32_t i, at = 0;

	c->keys = calloc((size_t)c->nwords + 1, sizeof(*c->keys));
	c->by_key = calloc((size_t)c->nver + 1, sizeof(*c->by_key));
	c->key_order = calloc((size_t)c->nwords + 1, sizeof(*c->key_order));
	if (c->keys == NULL || c->by_key == NULL || c->key_order == NULL)
		abort();
	for (i = 0; i < c->nver; i++)
		c->keys[c->ver[i].key].n++;
	for (i = 0; i < c->nwords; i++) {
		k = &c->keys[i];
		k->first = at;
		at += k->n;
		if (k->n == 0)
			continue;
		k->n = 0;
		c->key_order[c->nkeys++] = i;
		slash = strchr(c->words[i], '/');
		k->ns = slash == NULL ? WC_NONE - 1 : word_find(c,
		    c->words[i], (size_t)(slash - c->words[i]));
		k->name = slash == NULL ? WC_NONE - 1 : word_find(c,
		    slash + 1, strlen(slash + 1));
	}
	for (i = 0; i < c->nver; i++) {
		k = &c->keys[c->ver[i].key];
		c->ver[i].prev = k->n == 0 ? WC_NONE :
		    c->by_key[k->first + k->n - 1];
		c->by_key[k->first + k->n++] = i;
	}
	sorting = c;
	qsort(c->key_order, c->nkeys, sizeof(uint32_t), key_order);
}

uint32_t
wc_as_of(const struct wc *c, uint32_t key, uint64_t rev)
{
	const struct wc_key *k = &c->keys[key];
	uint32_t lo = 0, hi = k->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (c->ver[c->by_key[k->first + mid]].rev <= rev)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo == 0 ? WC_NONE : c->by_key[k->first + lo - 1]);
}

uint32_t
wc_at(const struct wc *c, uint32_t key, uint64_t rev)
{
	uint32_t v = wc_as_of(c, key, rev);

	return (v != WC_NONE && c->ver[v].rev == rev ? v : WC_NONE);
}

int
wc_selected(const struct wc *c, const struct wc_select *s, uint32_t ver)
{
	const struct wc_version *v;
	const struct wc_key *k;
	uint32_t i;

	if (ver == WC_NONE || c->ver[ver].deleted)
		return (0);
	v = &c->ver[ver];
	k = &c->keys[v->key];
	if ((s->ns != WC_NONE && s->ns != k->ns) ||
	    (s->name != WC_NONE && s->name != k->name))
		return (0);
	switch (s->op) {
	case 'l':
		return (v->label != WC_NONE);
	case 'x':
		return (v->label == WC_NONE);
	case '!':
		return (v->label != s->values[0]);
	case '=':
	case '@':
		for (i = 0; i < s->n; i++)
			if (v->label == s->values[i])
				return (1);
		return (0);
	default:
		return (1);
	}
}

/* ---- writes ---------------------------------------------------------- */

static void
write_check(struct wc *c, const struct wc_record *r)
{
	uint32_t at = wc_at(c, r->key, r->rev), prev = c->ver[at].prev;
	int was = prev != WC_NONE && !c->ver[prev].deleted;

	if (r->rev <= r->floor)
		wc_bad(c, "A1", r->line, "revision %" PRIu64 " though %" PRIu64
		    " was known before", r->rev, r->floor);
	else if (r->type == 'C' && was)
		wc_bad(c, "A2", r->line, "%s was created and existed (line "
		    "%u)", wc_word(c, r->key), c->ver[prev].line);
	else if (r->type != 'C' && !was)
		wc_bad(c, "A2", r->line, "%s was changed and did not exist",
		    wc_word(c, r->key));
	else if (r->type == 'U' && r->base != 0 && c->ver[prev].rev != r->base)
		wc_bad(c, "A2", r->line, "%s: update of revision %" PRIu64
		    " won over %" PRIu64, wc_word(c, r->key), r->base,
		    c->ver[prev].rev);
}

/* Does a write of unknown outcome explain version v? */
static int
maybe_written(const struct wc *c, const struct wc_version *v)
{
	const struct wc_record *r;
	uint32_t i;

	for (i = 0; i < c->nrec; i++) {
		r = &c->rec[i];
		if (r->kind == 'M' && r->key == v->key && r->value == v->value
		    && r->label == v->label && r->type != 'D')
			return (1);
	}
	return (0);
}

struct counts {
	uint32_t	acked, maybe, seen;
};

/* A delete has no revision in its answer: they are counted. */
static void
deletes_check(struct wc *c)
{
	struct counts *n = calloc((size_t)c->nwords + 1, sizeof(*n));
	uint32_t i;

	if (n == NULL)
		abort();
	for (i = 0; i < c->nrec; i++)
		if (c->rec[i].type == 'D' && c->rec[i].kind == 'W')
			n[c->rec[i].key].acked++;
		else if (c->rec[i].type == 'D' && c->rec[i].kind == 'M')
			n[c->rec[i].key].maybe++;
	for (i = 0; i < c->nver; i++)
		n[c->ver[i].key].seen += c->ver[i].deleted;
	for (i = 0; i < c->nwords && !c->bad; i++)
		if (n[i].seen < n[i].acked || n[i].seen > n[i].acked +
		    n[i].maybe)
			wc_bad(c, n[i].seen < n[i].acked ? "W3" : "A0", 0,
			    "%s: %u deletes were seen, %u acknowledged, %u "
			    "unknown", wc_word(c, i), n[i].seen, n[i].acked,
			    n[i].maybe);
	free(n);
}

void
wc_truth(struct wc *c)
{
	const struct wc_version *v;
	uint32_t i;

	ver_collect(c);
	if (c->bad)
		return;
	keys_make(c);
	for (i = 0; i < c->nver && !c->bad; i++) {
		v = &c->ver[i];
		if (v->deleted && (v->prev == WC_NONE ||
		    c->ver[v->prev].deleted))
			wc_bad(c, "W8", v->line, "%s was deleted at revision %"
			    PRIu64 " and did not exist", wc_word(c, v->key),
			    v->rev);
		else if (!v->acked && !v->deleted && !maybe_written(c, v))
			wc_bad(c, "A0", v->line, "%s at revision %" PRIu64
			    " was written by nobody", wc_word(c, v->key),
			    v->rev);
	}
	for (i = 0; i < c->nrec && !c->bad; i++)
		if (c->rec[i].kind == 'W' && c->rec[i].type != 'D')
			write_check(c, &c->rec[i]);
	if (!c->bad)
		deletes_check(c);
}
