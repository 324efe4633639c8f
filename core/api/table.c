/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table.c -- find rows in a schema: by name, by number, by kind.
 * Only look-ups; nothing here knows what a field means.
 * Immutable data, no locks, any thread; no allocation.
 * Contract: table.h. */

#include "core/api/table.h"

#include <string.h>

#include "core/api/table_int.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

const struct pin_schema *
pin_schema_builtin(void)
{
	return (&pin__api_schema);
}

bool
pin_schema_has_word(const struct pin_schema *s, uint32_t w, const char *text,
    size_t len)
{
	const char *p;
	uint32_t i;

	for (i = 0; i < s->words[w]; i++) {
		p = pin_schema_str(s, pin_schema_word(s, w, i));
		if (strncmp(p, text, len) == 0 && p[len] == '\0')
			return (true);
	}
	return (false);
}

bool
pin_type_find(const struct pin_schema *s, const char *name,
    struct pin_type *out)
{
	uint32_t lo = 0, hi = s->ntypes, mid;
	const struct pin_type_row *row;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		row = &s->types[s->names[mid]];
		c = strcmp(pin_schema_str(s, row->name), name);
		if (c == 0) {
			out->schema = s;
			out->row = row;
			return (true);
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (false);
}

const struct pin_field_row *
pin_type_field(struct pin_type t, const char *name, size_t len)
{
	const struct pin_schema *s = t.schema;
	const struct pin_field_row *f;
	uint32_t h, pos;

	for (h = pin_name_hash(name, len);; h++) {
		pos = s->hashes[t.row->hash0 + (h & t.row->hash_mask)];
		if (pos == 0)
			return (NULL);
		f = &s->fields[t.row->field0 + pos - 1];
		if (f->name_len == len &&
		    memcmp(s->strings + f->name, name, len) == 0)
			return (f);
	}
}

struct pin_type
pin_schema_type(const struct pin_schema *s, uint32_t ref)
{
	struct pin_type t;

	if ((ref & PIN_REF_BUILTIN) != 0) {
		s = &pin__api_schema;
		ref &= ~PIN_REF_BUILTIN;
	}
	t.schema = s;
	t.row = &s->types[ref];
	return (t);
}

struct pin_type
pin_field_type(struct pin_type owner, const struct pin_field_row *f)
{
	return (pin_schema_type(owner.schema, f->ref));
}

const struct pin_pb_row *
pin_type_pb(struct pin_type t, uint32_t number)
{
	const struct pin_pb_row *p = t.schema->pbs + t.row->pb0;
	uint32_t lo = 0, hi = t.row->npb, mid;

	/* Numbers are nearly always 1, 2, 3, ... */
	if (number - 1 < hi && p[number - 1].number == number)
		return (&p[number - 1]);
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (p[mid].number == number)
			return (&p[mid]);
		if (p[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (NULL);
}

const struct pin_gv_row *
pin_gv_find(const struct pin_schema *s, const char *group, const char *version)
{
	uint32_t i;

	for (i = 0; i < s->ngvs; i++)
		if (strcmp(pin_schema_str(s, s->gvs[i].group), group) == 0 &&
		    strcmp(pin_schema_str(s, s->gvs[i].version), version) == 0)
			return (&s->gvs[i]);
	return (NULL);
}

const struct pin_res_row *
pin_res_find(const struct pin_schema *s, const char *group,
    const char *version, const char *plural)
{
	const struct pin_gv_row *g = pin_gv_find(s, group, version);
	uint32_t i;

	for (i = 0; g != NULL && i < g->nres; i++)
		if (strcmp(pin_schema_str(s, s->resources[g->res0 + i].plural),
		    plural) == 0)
			return (&s->resources[g->res0 + i]);
	return (NULL);
}

const struct pin_res_row *
pin_res_by_kind(const struct pin_schema *s, const char *group,
    const char *version, const char *kind)
{
	const struct pin_gv_row *g = pin_gv_find(s, group, version);
	uint32_t i;

	for (i = 0; g != NULL && i < g->nres; i++)
		if (strcmp(pin_schema_str(s, s->resources[g->res0 + i].kind),
		    kind) == 0)
			return (&s->resources[g->res0 + i]);
	return (NULL);
}

const struct pin_sub_row *
pin_res_sub(const struct pin_schema *s, const struct pin_res_row *r,
    const char *name)
{
	uint32_t i;

	for (i = 0; i < r->nsubs; i++)
		if (strcmp(pin_schema_str(s, s->subs[r->sub0 + i].name),
		    name) == 0)
			return (&s->subs[r->sub0 + i]);
	return (NULL);
}

const char *
pin_verb_name(uint32_t bit)
{
	switch (bit) {
#define X(sym, n, text) case 1u << (n): return (text);
	PIN_VERB_MAP(X)
#undef X
	default:
		return (NULL);
	}
}

const char *
pin_rule_name(uint32_t id)
{
	static const char *const name[] = { "",
#define PIN_RULE(sym, text)	text,
#include "core/api/rules.def"
	};

	return (id < COUNT(name) ? name[id] : NULL);
}

const char *
pin_cell_name(uint32_t id)
{
	static const char *const name[] = { "",
#define PIN_CELL(sym, text)	text,
#include "core/api/rules.def"
	};

	return (id < COUNT(name) ? name[id] : NULL);
}

const char *
pin_prepare_name(uint32_t id)
{
	static const char *const name[] = { "",
#define PIN_PREPARE(sym, text)	text,
#include "core/api/rules.def"
	};

	return (id < COUNT(name) ? name[id] : NULL);
}

const char *
pin_format_name(uint32_t id)
{
	static const char *const name[] = { "",
#define PIN_FORMAT(sym, text)	text,
#include "core/api/rules.def"
	};

	return (id < COUNT(name) ? name[id] : NULL);
}
