/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apigen_out -- second half of apigen: link names to rows, check, print C.
 * What is printed has no pointers and needs no relocation.
 * One thread; runs once, on the build machine.
 * Contract: apigen.h; the rows are those of core/api/table.h. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apigen.h"

static const char *
str(uint32_t off)
{
	return (t.strings.v + off);
}

static int
name_cmp(const void *a, const void *b)
{
	return (strcmp(t.types.v[*(const uint32_t *)a].name,
	    t.types.v[*(const uint32_t *)b].name));
}

static void
sort_names(void)
{
	struct type *a, *b;
	uint32_t i;

	for (i = 0; i < t.types.n; i++)
		*PUSH(t.names) = i;
	if (t.names.n == 0)
		return;
	qsort(t.names.v, t.names.n, sizeof(*t.names.v), name_cmp);
	for (i = 1; i < t.names.n; i++) {
		a = &t.types.v[t.names.v[i - 1]];
		b = &t.types.v[t.names.v[i]];
		if (strcmp(a->name, b->name) == 0)
			apigen_complain(b->path, b->line,
			    "type %s is already at %s:%d", b->name, a->path,
			    a->line);
	}
}

static uint32_t
find_type(const char *name)
{
	uint32_t lo = 0, hi = t.names.n, mid;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		c = strcmp(t.types.v[t.names.v[mid]].name, name);
		if (c == 0)
			return (t.names.v[mid]);
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (PIN_NONE);
}

static uint32_t
find_gv_type(const char *group, const char *version, const char *kind)
{
	char buf[LINE_BYTES_MAX];
	uint32_t i;

	for (i = 0; i < t.gvs.n; i++)
		if (strcmp(str(t.gvs.v[i].group), group) == 0 &&
		    strcmp(str(t.gvs.v[i].version), version) == 0) {
			snprintf(buf, sizeof(buf), "%s.%s",
			    str(t.gvs.v[i].prefix), kind);
			return (find_type(buf));
		}
	return (PIN_NONE);
}

static void
resolve_members(void)
{
	struct member *m;
	struct type *ty;
	uint32_t i, k;

	for (i = 0; i < t.types.n; i++) {
		ty = &t.types.v[i];
		for (k = 0; k < ty->nmembers; k++) {
			m = &t.members.v[ty->member0 + k];
			if (m->ref == NULL)
				continue;
			m->row.ref = find_type(m->ref);
			if (m->row.ref == PIN_NONE)
				apigen_complain(ty->path, m->line,
				    "no type \"%s\"", m->ref);
		}
	}
}

/* Members of a type, inlined ones in their place, become field rows. */
static void
flatten(uint32_t type, int depth, const struct type *top)
{
	struct type *ty = &t.types.v[type];
	struct member *m;
	uint32_t k;

	if (depth > INLINE_DEPTH_MAX) {
		apigen_complain(top->path, top->line,
		    "%s inlines deeper than %d (or itself)", top->name,
		    INLINE_DEPTH_MAX);
		return;
	}
	for (k = 0; k < ty->nmembers; k++) {
		m = &t.members.v[ty->member0 + k];
		if (m->row.ref == PIN_NONE && m->ref != NULL)
			continue;
		if (m->inlined)
			flatten(m->row.ref, depth + 1, top);
		else
			*PUSH(t.fields) = m->row;
	}
}

static void
hash_fields(struct type *ty)
{
	struct pin_field_row *f;
	uint32_t i, k, slots, h;

	for (slots = 2; slots < ty->row.nfields * 2; slots *= 2)
		continue;
	ty->row.hash0 = t.hashes.n;
	ty->row.hash_mask = slots - 1;
	for (i = 0; i < slots; i++)
		*PUSH(t.hashes) = 0;
	for (i = 0; i < ty->row.nfields; i++) {
		f = &t.fields.v[ty->row.field0 + i];
		h = pin_name_hash(str(f->name), f->name_len);
		for (;; h++) {
			k = t.hashes.v[ty->row.hash0 + (h & (slots - 1))];
			if (k == 0)
				break;
			if (t.fields.v[ty->row.field0 + k - 1].name ==
			    f->name) {
				apigen_complain(ty->path, ty->line,
				    "%s has two members \"%s\"", ty->name,
				    str(f->name));
				break;
			}
		}
		t.hashes.v[ty->row.hash0 + (h & (slots - 1))] =
		    (uint16_t)(i + 1);
	}
}

static int
has_field(const struct type *ty, const char *name)
{
	uint32_t i;

	for (i = 0; i < ty->row.nfields; i++)
		if (strcmp(str(t.fields.v[ty->row.field0 + i].name), name) == 0)
			return (1);
	return (0);
}

static int
pb_cmp(const void *a, const void *b)
{
	uint32_t x = ((const struct pin_pb_row *)a)->number;
	uint32_t y = ((const struct pin_pb_row *)b)->number;

	return (x < y ? -1 : x > y);
}

/* Position among the flattened rows, for members of the type itself. */
static uint32_t
field_index(const struct type *ty, uint32_t name)
{
	uint32_t i;

	for (i = 0; i < ty->row.nfields; i++)
		if (t.fields.v[ty->row.field0 + i].name == name)
			return (ty->row.field0 + i);
	return (PIN_NONE);
}

static void
number_rows(struct type *ty)
{
	struct pin_pb_row *p;
	struct member *m;
	uint32_t k;

	ty->row.pb0 = t.pbs.n;
	for (k = 0; k < ty->nmembers; k++) {
		m = &t.members.v[ty->member0 + k];
		if (m->row.number == 0)
			continue;
		p = PUSH(t.pbs);
		p->number = m->row.number;
		p->field = m->inlined ? PIN_NONE : field_index(ty, m->row.name);
		p->inlined = m->inlined ? m->row.ref : PIN_NONE;
	}
	ty->row.npb = t.pbs.n - ty->row.pb0;
	if (ty->row.npb == 0)
		return;
	p = &t.pbs.v[ty->row.pb0];
	qsort(p, ty->row.npb, sizeof(*p), pb_cmp);
	for (k = 1; k < ty->row.npb; k++)
		if (p[k - 1].number == p[k].number)
			apigen_complain(ty->path, ty->line,
			    "%s has number %" PRIu32 " twice", ty->name,
			    p[k].number);
}

/* Siblings and keys that a member's attributes name must exist. */
static void
check_names(const struct type *ty)
{
	const struct pin_field_row *f;
	const struct type *to;
	uint32_t i, k;

	for (k = 1; k <= t.words.v[ty->row.unions]; k++)
		if (!has_field(ty, str(t.words.v[ty->row.unions + k])))
			apigen_complain(ty->path, ty->line,
			    "%s: union member %s is no member", ty->name,
			    str(t.words.v[ty->row.unions + k]));
	for (i = 0; i < ty->row.nfields; i++) {
		f = &t.fields.v[ty->row.field0 + i];
		if (f->dflt_from != 0 && !has_field(ty, str(f->dflt_from)))
			apigen_complain(ty->path, ty->line,
			    "%s.%s: from=%s is no sibling", ty->name,
			    str(f->name), str(f->dflt_from));
		if (f->when != PIN_NONE &&
		    !has_field(ty, str(t.whens.v[f->when].field)))
			apigen_complain(ty->path, ty->line,
			    "%s.%s: when=%s is no sibling", ty->name,
			    str(f->name), str(t.whens.v[f->when].field));
		if (f->kind != PIN_F_OBJECT)
			continue;
		to = &t.types.v[f->ref];
		for (k = 1; k <= t.words.v[f->keys]; k++)
			if (!has_field(to, str(t.words.v[f->keys + k])))
				apigen_complain(ty->path, ty->line,
				    "%s.%s: key %s is no member of %s",
				    ty->name, str(f->name),
				    str(t.words.v[f->keys + k]), to->name);
		if (f->patch_key != 0 && !has_field(to, str(f->patch_key)))
			apigen_complain(ty->path, ty->line,
			    "%s.%s: merge key %s is no member of %s",
			    ty->name, str(f->name), str(f->patch_key),
			    to->name);
	}
}

/* Has it apiVersion and kind of its own, by inlining what protobuf's envelope
 * carries? */
static int
is_top(const struct type *ty)
{
	const struct member *m;
	uint32_t k;

	for (k = 0; k < ty->nmembers; k++) {
		m = &t.members.v[ty->member0 + k];
		if (m->inlined && m->row.number == 0)
			return (has_field(ty, "kind") &&
			    has_field(ty, "apiVersion"));
	}
	return (0);
}

static void
link_types(void)
{
	struct type *ty;
	uint32_t i;

	for (i = 0; i < t.types.n; i++) {
		ty = &t.types.v[i];
		ty->row.field0 = t.fields.n;
		flatten(i, 0, ty);
		ty->row.nfields = t.fields.n - ty->row.field0;
		if (ty->row.nfields > UINT16_MAX - 1)
			apigen_complain(ty->path, ty->line, "too many members");
		hash_fields(ty);
		number_rows(ty);
		if (is_top(ty))
			ty->row.flags |= PIN_TF_TOP;
		if ((ty->row.flags & PIN_TF_TOP) != 0 && has_field(ty, "items"))
			ty->row.flags |= PIN_TF_LIST;
	}
	for (i = 0; i < t.types.n; i++)
		check_names(&t.types.v[i]);
}

static int
res_cmp(const void *a, const void *b)
{
	const struct res *x = a, *y = b;

	if (x->row.gv != y->row.gv)
		return (x->row.gv < y->row.gv ? -1 : 1);
	return (strcmp(str(x->row.plural), str(y->row.plural)));
}

/* store GROUP/VERSION PLURAL of another resource, or the resource itself. */
static uint32_t
find_store(struct res *r)
{
	struct pin_gv_row *g;
	char *slash;
	uint32_t i;

	if (r->store == NULL)
		return ((uint32_t)(r - t.resources.v));
	slash = strchr(r->store, '/');
	if (slash != NULL)
		*slash++ = '\0';
	for (i = 0; i < t.resources.n; i++) {
		g = &t.gvs.v[t.resources.v[i].row.gv];
		if (t.resources.v[i].row.plural == r->row.plural &&
		    strcmp(str(g->group), slash != NULL ? r->store : "") == 0 &&
		    strcmp(str(g->version), slash != NULL ? slash :
		    r->store) == 0)
			return (i);
	}
	apigen_complain(r->path, r->line, "store: no such resource");
	return (PIN_NONE);
}

static void
link_resource(struct res *r, uint32_t i)
{
	struct pin_gv_row *g = &t.gvs.v[r->row.gv];
	struct sub *s;
	uint32_t k;

	if (g->nres++ == 0)
		g->res0 = i;
	r->row.type = find_gv_type(str(g->group), str(g->version), r->kind);
	if (r->row.type == PIN_NONE)
		apigen_complain(r->path, r->line, "no type \"%s\"", r->kind);
	r->row.list_type = PIN_NONE;
	if (r->list != NULL) {
		r->row.list_kind = apigen_intern(r->list);
		r->row.list_type = find_gv_type(str(g->group),
		    str(g->version), r->list);
		if (r->row.list_type == PIN_NONE)
			apigen_complain(r->path, r->line, "no type \"%s\"",
			    r->list);
	}
	if ((r->row.verbs & PIN_VERB_LIST) != 0 && r->list == NULL)
		apigen_complain(r->path, r->line, "verb list without a list");
	if (r->row.verbs == 0 || r->row.singular == 0)
		apigen_complain(r->path, r->line, "want verbs and singular");
	if ((r->row.flags & (PIN_RF_REVIEW | PIN_RF_COMPUTED)) == 0 &&
	    (r->row.key == 0 || r->row.name_rule == 0))
		apigen_complain(r->path, r->line, "want key and name");
	if (i > 0 && r[-1].row.gv == r->row.gv &&
	    r[-1].row.plural == r->row.plural)
		apigen_complain(r->path, r->line, "resource given twice");
	r->row.store = find_store(r);
	for (k = 0; k < r->row.nsubs; k++) {
		s = &t.subs.v[r->row.sub0 + k];
		s->row.type = find_gv_type(s->group, s->version, s->kind);
		if (s->row.type == PIN_NONE)
			apigen_complain(s->path, s->line, "no type \"%s\"",
			    s->kind);
	}
}

void
apigen_link(void)
{
	uint32_t i;

	sort_names();
	resolve_members();
	link_types();
	if (t.resources.n == 0)
		return;
	qsort(t.resources.v, t.resources.n, sizeof(*t.resources.v), res_cmp);
	for (i = 0; i < t.resources.n; i++)
		link_resource(&t.resources.v[i], i);
}

static FILE *out;

/* Rows are made of u32 members but for a few; printed as initialisers. */
static void
numbers(const void *row, size_t bytes)
{
	const uint32_t *u = row;
	size_t i;

	fputs("\t{ ", out);
	for (i = 0; i < bytes / sizeof(*u); i++)
		fprintf(out, u[i] == PIN_NONE ? "~0u, " : "%" PRIu32 ", ",
		    u[i]);
	fputs("},\n", out);
}

static void
write_strings(void)
{
	uint32_t i;

	fputs("static const char api_strings[] = {", out);
	for (i = 0; i < t.strings.n; i++)
		fprintf(out, "%s%d,", i % 20 == 0 ? "\n\t" : "",
		    t.strings.v[i]);
	fputs("\n};\n", out);
}

static void
write_u32(const char *name, const uint32_t *v, uint32_t n)
{
	uint32_t i;

	fprintf(out, "static const uint32_t api_%s[] = {", name);
	for (i = 0; i < n; i++)
		fprintf(out, "%s%" PRIu32 ",", i % 16 == 0 ? "\n\t" : "", v[i]);
	fputs(n == 0 ? "0 };\n" : "\n};\n", out);
}

static void
write_hashes(void)
{
	uint32_t i;

	fputs("static const uint16_t api_hashes[] = {", out);
	for (i = 0; i < t.hashes.n; i++)
		fprintf(out, "%s%u,", i % 24 == 0 ? "\n\t" : "",
		    (unsigned int)t.hashes.v[i]);
	fputs("\n};\n", out);
}

static void
write_fields(void)
{
	const struct pin_field_row *f;
	uint32_t i;

	fputs("static const struct pin_field_row api_fields[] = {\n", out);
	for (i = 0; i < t.fields.n; i++) {
		f = &t.fields.v[i];
		fprintf(out, "\t{ %" PRIu32 ", %u, %u, %u, %u, %u, 0, ",
		    f->name, (unsigned int)f->name_len, (unsigned int)f->kind,
		    (unsigned int)f->shape, (unsigned int)f->presence,
		    (unsigned int)f->list);
		fprintf(out, "%" PRIu32 "u, %" PRIu32 ", %" PRIu32 ", %" PRIu32
		    ", %" PRIu32 ", ", f->ref, f->number, f->flags, f->keys,
		    f->patch_key);
		fprintf(out, "%" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32
		    "u, %" PRIu32 ", %" PRIu32 "u, %" PRIu32 ", %" PRIu32
		    " },\n", f->dflt,
		    f->dflt_else, f->dflt_from, f->when, f->enums, f->check,
		    f->rules, f->must_text);
	}
	fputs("};\n", out);
}

static void
write_checks(void)
{
	const struct pin_check_row *c;
	uint32_t i;

	fputs("static const struct pin_check_row api_checks[] = {\n", out);
	for (i = 0; i < t.checks.n; i++) {
		c = &t.checks.v[i];
		fprintf(out, "\t{ %" PRId64 ", %" PRId64 ", %" PRIu32 ", %"
		    PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32
		    " },\n", c->min, c->max, c->minlen, c->maxlen, c->minitems,
		    c->maxitems, c->format, c->flags);
	}
	fputs(t.checks.n == 0 ? "\t{ 0 }\n};\n" : "};\n", out);
}

#define ROWS(name, type, vec, member) do {				\
	uint32_t i_;							\
									\
	fprintf(out, "static const struct %s api_%s[] = {\n", type,	\
	    name);							\
	for (i_ = 0; i_ < (vec).n; i_++)				\
		numbers(&(vec).v[i_] member,				\
		    sizeof((vec).v[i_] member));			\
	fputs((vec).n == 0 ? "\t{ 0 }\n};\n" : "};\n", out);		\
} while (0)

/* The one object with pointers: the handle. */
static void
write_schema(void)
{
	static const char *const array[] = {
		"strings", "words", "types", "names", "fields", "hashes",
		"pbs", "whens", "checks", "gvs", "resources", "subs", "columns"
	};
	unsigned int i;

	fputs("const struct pin_schema pin__api_schema = {\n", out);
	for (i = 0; i < COUNT(array); i++)
		fprintf(out, "\t.%s = api_%s,\n", array[i], array[i]);
	fprintf(out, "\t.ntypes = %" PRIu32 ", .nfields = %" PRIu32
	    ", .ngvs = %" PRIu32 ", .nresources = %" PRIu32
	    ",\n\t.nstrings = %" PRIu32 ", .nwords = %" PRIu32 "\n};\n",
	    t.types.n, t.fields.n, t.gvs.n, t.resources.n, t.strings.n,
	    t.words.n);
}

void
apigen_write(const char *dir)
{
	char path[LINE_BYTES_MAX];
	static const char head[] =
	    "/* Made by tools/apigen from api/; do not edit. */\n"
	    "#include \"core/api/table_int.h\"\n\n";

	snprintf(path, sizeof(path), "%s/api_tables.c", dir);
	out = fopen(path, "w");
	if (out == NULL)
		apigen_die(path);
	fputs(head, out);
	write_strings();
	write_u32("words", t.words.v, t.words.n);
	write_u32("names", t.names.v, t.names.n);
	write_hashes();
	write_fields();
	write_checks();
	ROWS("types", "pin_type_row", t.types, .row);
	ROWS("pbs", "pin_pb_row", t.pbs, );
	ROWS("whens", "pin_when_row", t.whens, );
	ROWS("gvs", "pin_gv_row", t.gvs, );
	ROWS("resources", "pin_res_row", t.resources, .row);
	ROWS("subs", "pin_sub_row", t.subs, .row);
	ROWS("columns", "pin_col_row", t.columns, );
	write_schema();
	if (ferror(out) || fclose(out) != 0)
		apigen_die(path);
}
