/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apigen_res -- the part of apigen that reads resource blocks.
 * Names stay names here; apigen_out.c turns them into indexes.
 * One thread; runs once, on the build machine.
 * Contract: apigen.h; the format is api/README.md. */

#include <string.h>

#include "apigen.h"

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
		{ "generation-all", PIN_RF_GENERATION | PIN_RF_GEN_ALL },
		{ "generation-notes", PIN_RF_GENERATION | PIN_RF_GEN_NOTES },
		{ "generation-fixed", PIN_RF_GENERATION | PIN_RF_GEN_FIXED },
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
	s = apigen_zero(PUSH(t.subs), sizeof(*s));
	r->row.nsubs++;
	s->path = apigen_path;
	s->line = apigen_line;
	s->row.name = apigen_intern(w[1]);
	s->row.gv = apigen_intern(w[2]);
	s->row.kind = apigen_intern(w[3]);
	s->kind = apigen_copy(w[3]);
	s->group = apigen_copy(w[2]);
	p = strchr(s->group, '/');
	s->version = p != NULL ? p + 1 : s->group;
	if (p != NULL)
		*p = '\0';
	else
		s->group = apigen_copy("");
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
	c = apigen_zero(PUSH(t.columns), sizeof(*c));
	r->row.ncols++;
	c->name = apigen_intern(strcmp(w[1], "-") == 0 ? "" : w[1]);
	c->type = apigen_intern(w[2]);
	c->format = apigen_intern(strcmp(w[3], "-") == 0 ? "" : w[3]);
	if (apigen_int(w[4], &prio) == 0)
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
	c->cell = apigen_find(cell_names, COUNT(cell_names), w[5]);
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
		r->list = apigen_copy(v);
	else if (strcmp(key, "key") == 0)
		r->row.key = apigen_intern(v);
	else if (strcmp(key, "hash") == 0)
		r->row.hash_version = apigen_intern(v);
	else if (strcmp(key, "store") == 0)
		r->store = apigen_copy(v);
	else if (strcmp(key, "name") == 0) {
		r->row.name_rule =
		    apigen_find(name_names, COUNT(name_names), v);
		if (r->row.name_rule == 0)
			complain("unknown name rule \"%s\"", v);
	} else if (strcmp(key, "convert") == 0) {
		r->row.convert =
		    apigen_find(convert_names, COUNT(convert_names), v);
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
		id = apigen_find(prepare_names, COUNT(prepare_names), *w);
		if (id == 0)
			complain("unknown preparation \"%s\"", *w);
		*PUSH(t.words) = id;
	}
}

void
apigen_resource_member(char **w, int n)
{
	struct res *r = &t.resources.v[apigen_res];

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
		r->row.shorts = apigen_words(w + 1, (uint32_t)n - 1);
	else if (strcmp(w[0], "category") == 0)
		r->row.categories = apigen_words(w + 1, (uint32_t)n - 1);
	else if (strcmp(w[0], "select") == 0)
		r->row.selects = apigen_words(w + 1, (uint32_t)n - 1);
	else if (n > 2)
		complain("\"%s\" takes one value", w[0]);
	else if (!resource_value(r, w[0], w[1]))
		complain("unknown resource line \"%s\"", w[0]);
}

void
apigen_resource(char **w, int n)
{
	struct res *r;

	if (n != 3) {
		complain("want resource PLURAL KIND");
		return;
	}
	apigen_res = (int)t.resources.n;
	r = apigen_zero(PUSH(t.resources), sizeof(*r));
	r->path = apigen_path;
	r->line = apigen_line;
	r->kind = apigen_copy(w[2]);
	r->row.gv = t.gvs.n - 1;
	r->row.plural = apigen_intern(w[1]);
	r->row.kind = apigen_intern(w[2]);
	r->row.sub0 = t.subs.n;
	r->row.col0 = t.columns.n;
}
