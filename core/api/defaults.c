/* SPDX-License-Identifier: BSD-2-Clause
 *
 * defaults.c -- fills in what was left out: literal defaults, then the named
 * rules of members and types, one level after the other.
 * Works on the new object in place; skips what has no defaults below it.
 * Contract: the order stated in rules.def. */
#include "conform_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct pin__facts builtin;
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

/* ---- where there is anything to do ---------------------------------- */

unsigned char
pin__field_facts(const struct pin_field_row *f)
{
	unsigned char b = 0;

	if (f->presence == PIN_P_ALWAYS || f->presence == PIN_P_NULL)
		b |= PIN__FILL;
	if (f->dflt != 0 || f->dflt_from != 0)
		b |= PIN__DEFAULT;
	if (f->rules != 0)
		b |= PIN__RULES;
	if (f->when != PIN_NONE)
		b |= PIN__WHEN;
	return (b);
}

static unsigned char
type_facts(const struct pin_schema *s, uint32_t i)
{
	const struct pin_type_row *t = &s->types[i];
	const struct pin_field_row *f = s->fields + t->field0;
	unsigned char b = t->rules != 0 ? PIN__OWN | PIN__BELOW : 0;
	uint32_t k;

	for (k = 0; k < t->nfields; k++, f++) {
		if ((builtin.field[t->field0 + k] & (PIN__DEFAULT |
		    PIN__RULES)) != 0)
			b |= PIN__OWN | PIN__BELOW;
		if (f->kind == PIN_F_OBJECT &&
		    (builtin.type[f->ref] & PIN__BELOW) != 0)
			b |= PIN__BELOW;
	}
	return (b);
}

/* Types hold each other in circles, hence the loop until nothing changes. */
static void
builtin_init(void)
{
	const struct pin_schema *s = pin_schema_builtin();
	unsigned char b;
	int changed = 1;
	uint32_t i;

	builtin.type = pin_xcalloc(s->ntypes, 1);
	builtin.field = pin_xcalloc(s->nfields, 1);
	for (i = 0; i < s->nfields; i++)
		builtin.field[i] = pin__field_facts(&s->fields[i]);
	while (changed) {
		changed = 0;
		for (i = 0; i < s->ntypes; i++) {
			b = type_facts(s, i);
			changed |= b != builtin.type[i];
			builtin.type[i] = b;
		}
	}
}

const struct pin__facts *
pin__facts_get(void)
{
	(void)pthread_once(&builtin_once, builtin_init);
	return (&builtin);
}

static inline unsigned int
has_of(struct pin_type t)
{
	if (t.schema != pin_schema_builtin())
		return (PIN__OWN | PIN__BELOW);
	return (builtin.type[t.row - t.schema->types]);
}

/* ---- values --------------------------------------------------------- */

void
pin__link_before(struct pin_obj *o, pin_node parent, pin_node before,
    pin_node n)
{
	struct pin__node *nodes = o->nodes;

	if (before == 0) {
		pin__obj_link_last(o, parent, n);
		return;
	}
	nodes[n].prev = nodes[before].prev;
	nodes[n].next = before;
	if (nodes[parent].off == before)
		nodes[parent].off = n;
	else
		nodes[nodes[before].prev].next = n;
	nodes[before].prev = n;
	nodes[parent].len++;
}

static int
set_key(struct pin_obj *o, pin_node n, struct pin_str key)
{
	uint32_t koff;

	if (n == 0 || !pin__obj_text_add(o, key.p, key.len, &koff))
		return (0);
	o->nodes[n].koff = koff;
	o->nodes[n].kt = (uint32_t)key.len << PIN__KT_SHIFT |
	    PIN__KT_KEYED | PIN__TYPE(&o->nodes[n]);
	return (1);
}

void
pin__link_key(struct pin_obj *o, pin_node parent, struct pin_str key,
    pin_node n)
{
	if (set_key(o, n, key))
		pin__obj_link_last(o, parent, n);
}

void
pin__put_field(struct pin__conform *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, pin_node n)
{
	const struct pin_str name = { pin_schema_str(t.schema, f->name),
	    f->name_len };
	int open = (t.row->flags & PIN_TF_OPEN) != 0;
	const struct pin__node *nodes;
	pin_node m, before = 0, first;
	struct pin_str key;

	if (!set_key(c->out, n, name))
		return;
	/* Before the first member that stands behind it, seen from the end. */
	nodes = c->out->nodes;
	first = nodes[o].off;
	for (m = first != 0 ? nodes[first].prev : 0; m != 0;
	    m = m != first ? nodes[m].prev : 0) {
		key = pin__obj_keystr(c->out, &nodes[m]);
		if (open ? pin_str_cmp(key, name) < 0 :
		    pin__field_find(t, key.p, key.len) < f)
			break;
		before = m;
	}
	pin__link_before(c->out, o, before, n);
}

/* Gives the member `to` the value of the loose node n. */
void
pin__take(struct pin_obj *o, pin_node to, pin_node n)
{
	struct pin__node *t = &o->nodes[to], *v = &o->nodes[n];

	t->off = v->off;
	t->len = v->len;
	t->kt = (t->kt & ~PIN__KT_TYPE) | PIN__TYPE(v);
	if (PIN__IS_TREE(t) && t->off != 0)
		o->nodes[o->nodes[t->off].prev].next = PIN__UP | to;
}

/* A schema's JSON as a value of f. */
static pin_node
literal(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, const char *json)
{
	size_t len = strlen(json);
	const struct pin_obj *in = c->in;
	struct pin_strict *strict = c->strict;
	pin_node n;
	int rc;

	if (f->shape == PIN_SHAPE_ONE && f->kind != PIN_F_OBJECT) {
		if (*json >= '0' && *json <= '9')
			return (pin__text_node(c, PIN_NUMBER, json, len));
		if (*json == '"' && memchr(json, '\\', len) == NULL)
			return (pin__text_node(c, PIN_STRING, json + 1,
			    len - 2));
		if (*json == 't' || *json == 'f')
			return (pin__obj_node_add(c->out, *json == 't' ?
			    PIN_TRUE : PIN_FALSE, 0, 0));
	}
	rc = pin__obj_parse_into(c->out, json, len, &n, NULL, c->err);
	if (rc != PIN_OK)
		return (pin__conform_fail(c, rc));
	c->in = c->out;
	c->strict = NULL;
	n = pin__conform_field(c, t, f, n, NULL);
	c->in = in;
	c->strict = strict;
	return (n);
}

/* "Set": there, not null, and where a zero says nothing, not zero. */
static int
is_set(const struct pin__conform *c, const struct pin_field_row *f,
    pin_node n)
{
	uint32_t type;

	if (n == 0)
		return (0);
	type = PIN__TYPE(&c->out->nodes[n]);
	if (type == PIN_NULL)
		return ((f->flags & PIN_FF_NULLABLE) != 0);
	if (f->presence == PIN_P_KEEP || f->presence == PIN_P_NULL ||
	    (f->kind == PIN_F_OBJECT && f->shape == PIN_SHAPE_ONE))
		return (1);
	return (!pin__node_zero(c->out, n));
}

/* ---- literal defaults ----------------------------------------------- */

/* PRESENT and ABSENT look at what came (was), IN at what is there now. */
static int
when_holds(struct pin__conform *c, struct pin_type t,
    const struct pin_field_row *f, const uint32_t *now, const uint32_t *was)
{
	const struct pin_when_row *w = &t.schema->whens[f->when];
	const char *name = pin_schema_str(t.schema, w->field);
	const struct pin_field_row *g = pin_type_field(t, name, strlen(name));
	const struct pin__node *n;
	pin_node v;
	int there;

	if (g == NULL)
		return (0);
	if (w->op == PIN_WHEN_IN) {
		v = now[pin_field_pos(t, g)];
		n = &c->out->nodes[v];
		return (v != 0 && PIN__TYPE(n) == PIN_STRING &&
		    pin_schema_has_word(t.schema, w->values,
		    c->out->text + n->off, n->len));
	}
	v = was[pin_field_pos(t, g)];
	there = is_set(c, g, v);
	if (there && g->shape != PIN_SHAPE_ONE)
		there = c->out->nodes[v].len != 0;
	return (there == (w->op == PIN_WHEN_PRESENT));
}

static void
give(struct pin__conform *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, uint32_t base, pin_node n)
{
	uint32_t pos = pin_field_pos(t, f);

	if (n == 0 || (f->presence == PIN_P_OMIT &&
	    pin__node_zero(c->out, n)))
		return;
	if (c->slots[base + pos] != 0) {
		pin__take(c->out, c->slots[base + pos], n);
		return;
	}
	pin__put_field(c, t, o, f, n);
	c->slots[base + pos] = n;
}

static void
give_from(struct pin__conform *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, uint32_t base)
{
	const char *name = pin_schema_str(t.schema, f->dflt_from);
	const struct pin_field_row *g = pin_type_field(t, name, strlen(name));
	pin_node v = g != NULL ? c->slots[base + pin_field_pos(t, g)] : 0;

	if (v != 0 && PIN__TYPE(&c->out->nodes[v]) != PIN_NULL)
		give(c, t, o, f, base, pin__obj_clone(c->out, c->out, v));
}

static void
give_literal(struct pin__conform *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f, uint32_t base, int late)
{
	uint32_t n = t.row->nfields, json = f->dflt;
	int in = f->when != PIN_NONE &&
	    t.schema->whens[f->when].op == PIN_WHEN_IN;

	if (in != late || (f->dflt == 0 && f->dflt_from == 0) ||
	    is_set(c, f, c->slots[base + pin_field_pos(t, f)]))
		return;
	if (f->when != PIN_NONE && !when_holds(c, t, f, c->slots + base,
	    c->slots + base + n))
		json = f->dflt_else;
	else if (f->dflt_from != 0) {
		give_from(c, t, o, f, base);
		return;
	}
	if (json != 0)
		give(c, t, o, f, base, literal(c, t, f,
		    pin_schema_str(t.schema, json)));
}

static void
literals(struct pin__conform *c, struct pin_type t, pin_node o)
{
	const struct pin_field_row *f = pin_type_at(t, 0), *g;
	const unsigned char *facts = pin__facts_of(t, c->facts);
	uint32_t base, k, n = t.row->nfields, late = 0;
	const struct pin__node *p;
	pin_node m;

	if (!pin__slots_push(c, 2 * n, &base))
		return;
	for (m = c->out->nodes[o].off; m != 0;
	    m = p->next & PIN__UP ? 0 : p->next) {
		p = &c->out->nodes[m];
		g = pin__field_find(t, c->out->text + p->koff, PIN__KLEN(p));
		if (g != NULL)
			c->slots[base + pin_field_pos(t, g)] = m;
	}
	memcpy(c->slots + base + n, c->slots + base, n * sizeof(*c->slots));
	for (k = 0; k < n; k++)
		if ((pin__fact(facts, f, k) & PIN__DEFAULT) != 0) {
			give_literal(c, t, o, &f[k], base, 0);
			late |= f[k].when != PIN_NONE;
		}
	for (k = 0; k < n && late; k++)
		if ((pin__fact(facts, f, k) & PIN__WHEN) != 0)
			give_literal(c, t, o, &f[k], base, 1);
	c->nslots = base;
}

/* ---- the walk ------------------------------------------------------- */

static void
rules_of(struct pin__conform *c, struct pin_type t, uint32_t words,
    pin_node o, const struct pin_field_row *f)
{
	uint32_t i, n = pin_schema_nwords(t.schema, words);

	for (i = 0; i < n && c->hard == PIN_OK; i++)
		pin__rule_run(c, pin_schema_word(t.schema, words, i), t, o, f);
}

static void
own(struct pin__conform *c, struct pin_type t, pin_node o)
{
	const struct pin_field_row *f = pin_type_at(t, 0);
	const unsigned char *facts = pin__facts_of(t, c->facts);
	uint32_t k;

	literals(c, t, o);
	for (k = 0; k < t.row->nfields; k++)
		if ((pin__fact(facts, f, k) & PIN__RULES) != 0)
			rules_of(c, t, f[k].rules, o, &f[k]);
	if (t.row->rules != 0)
		rules_of(c, t, t.row->rules, o, NULL);
}

static void defaults_struct(struct pin__conform *, struct pin_type, pin_node,
    int plain);

static void
below(struct pin__conform *c, struct pin_type t, pin_node o)
{
	const struct pin_field_row *f;
	struct pin_type ft;
	pin_node m, k;
	int plain;

	for (m = pin_obj_first(c->out, o); m != 0 && c->hard == PIN_OK;
	    m = pin_obj_next(c->out, m)) {
		struct pin__node *p = &c->out->nodes[m];

		if (!PIN__IS_TREE(p))
			continue;
		f = pin__field_find(t, c->out->text + p->koff, PIN__KLEN(p));
		if (f == NULL || f->kind != PIN_F_OBJECT)
			continue;
		ft = pin_field_type(t, f);
		plain = (f->flags & PIN_FF_PLAIN) != 0;
		if ((has_of(ft) & PIN__BELOW) == 0)
			continue;
		if (f->shape == PIN_SHAPE_ONE) {
			defaults_struct(c, ft, m, plain);
			continue;
		}
		for (k = pin_obj_first(c->out, m); k != 0;
		    k = pin_obj_next(c->out, k))
			defaults_struct(c, ft, k, plain);
	}
}

/* A value of a type with two forms that is an array or a bool has no
 * defaults; as an object it is the type of its member `schema`. */
static void
defaults_struct(struct pin__conform *c, struct pin_type t, pin_node o,
    int plain)
{
	if (PIN__TYPE(&c->out->nodes[o]) != PIN_OBJECT || (t.row->flags &
	    (PIN_TF_OR_BOOL | PIN_TF_OR_ARRAY | PIN_TF_OR_STRINGS)) != 0)
		return;
	if (++c->depth > PIN_CONFORM_DEPTH_MAX) {
		(void)pin_err_set(c->err, PIN_EINVAL, "more than %d levels of "
		    "objects", PIN_CONFORM_DEPTH_MAX);
		(void)pin__conform_fail(c, PIN_EINVAL);
		return;
	}
	if (!plain && (has_of(t) & PIN__OWN) != 0)
		own(c, t, o);
	if (c->hard == PIN_OK)
		below(c, t, o);
	c->depth--;
}

int
pin__defaults(struct pin__conform *c, struct pin_type t, pin_node o)
{
	if ((has_of(t) & PIN__BELOW) != 0)
		defaults_struct(c, t, o, 0);
	return (c->hard);
}
