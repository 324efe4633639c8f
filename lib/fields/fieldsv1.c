/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fieldsv1.c -- FieldsV1, the wire form of a set of field paths:
 *
 *	{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},...}}}}
 *
 * "." says that the path itself is a member; a path without anything below
 * is one anyway. f: field, k: keys of a list item, v: the item, i: index.
 * Pure. */
#include <stdlib.h>
#include <string.h>

#include "lib/fields/fields.h"
#include "lib/fields/set.h"
#include "lib/patch/tree.h"
#include "lib/selector/text.h"

static const char kinds[] = "fkvi";

/* ---- elements --------------------------------------------------------- */

void
pin__fval_of(const struct pin_obj *o, pin_node n, struct pin__fval *v)
{
	v->text = pin_obj_str(o, n);
	v->i = 0;
	v->d = 0;
	v->is_float = 0;
	switch (pin_obj_type(o, n)) {
	case PIN_NUMBER:
		v->rank = PIN__FV_NUMBER;
		v->is_float = !pin__go_i64(v->text, &v->i);
		if (v->is_float)
			(void)pin_obj_f64(o, n, &v->d);
		break;
	case PIN_STRING:
		v->rank = PIN__FV_STRING;
		break;
	case PIN_TRUE:
	case PIN_FALSE:
		v->rank = PIN__FV_BOOL;
		v->i = pin_obj_true(o, n);
		break;
	case PIN_NULL:
	case PIN_ABSENT:
		v->rank = PIN__FV_NULL;
		break;
	default:
		v->rank = PIN__FV_OTHER;
		break;
	}
}

static int
keep_str(struct pin__fmem *m, struct pin_str *s)
{
	if (s->len == 0)
		return (1);
	*s = pin_arena_str(m->arena, *s);
	if (s->p == NULL)
		m->failed = 1;
	return (!m->failed);
}

int
pin__fpe_keep(struct pin__fmem *m, const struct pin__fpe *from,
    struct pin__fpe *to)
{
	const struct pin__fval *val = from->val;	/* to may be from */
	uint32_t i;

	*to = *from;
	if (!keep_str(m, &to->text))
		return (PIN_ENOMEM);
	if (to->n == 0)
		return (PIN_OK);
	to->val = pin_arena_alloc(m->arena, to->n * sizeof(*to->val));
	if (to->val == NULL) {
		m->failed = 1;
		return (PIN_ENOMEM);
	}
	memcpy(to->val, val, to->n * sizeof(*to->val));
	for (i = 0; i < to->n; i++)
		if (!keep_str(m, &to->val[i].name) ||
		    !keep_str(m, &to->val[i].text))
			return (PIN_ENOMEM);
	return (PIN_OK);
}

static int
fval_name_cmp(const void *a, const void *b)
{
	const struct pin__fval *l = a, *r = b;

	return (pin_str_cmp(l->name, r->name));
}

/* The JSON behind "k:" or "v:". Strings stay in an arena of its object. */
static int
read_json(struct pin__fmem *m, struct pin__fpe *pe, struct pin_err *err)
{
	struct pin_obj *o;
	pin_node root, c;
	uint32_t i = 0;
	int rc;

	rc = pin_obj_parse(m->arena, pe->text.p, pe->text.len, &o, err);
	if (rc != PIN_OK)
		return (rc);
	root = pin_obj_root(o);
	if (pe->kind == PIN__PE_KEY && pin_obj_type(o, root) != PIN_OBJECT)
		return (pin_err_set(err, PIN_EINVAL,
		    "k:" PIN_SFMT ": not an object", PIN_SARG(pe->text)));
	pe->n = pe->kind == PIN__PE_KEY ? pin_obj_count(o, root) : 1;
	if (pe->n == 0)
		return (PIN_OK);
	pe->val = pin_arena_zalloc(m->arena, pe->n * sizeof(*pe->val));
	if (pe->val == NULL) {
		m->failed = 1;
		return (pin_err_set(err, PIN_ENOMEM, "no memory"));
	}
	if (pe->kind == PIN__PE_VALUE) {
		pin__fval_of(o, root, pe->val);
		return (PIN_OK);
	}
	for (c = pin_obj_first(o, root); c != 0; c = pin_obj_next(o, c)) {
		pin__fval_of(o, c, &pe->val[i]);
		pe->val[i++].name = pin_obj_key(o, c);
	}
	if (pe->n > 1)
		qsort(pe->val, pe->n, sizeof(*pe->val), fval_name_cmp);
	return (PIN_OK);
}

int
pin__fpe_read(struct pin__fmem *m, struct pin_str key, struct pin__fpe *pe,
    struct pin_err *err)
{
	const char *k;

	if (key.len < 2)
		return (pin_err_set(err, PIN_EINVAL,
		    "key must be 2 characters long:"));
	if (key.p[1] != ':')
		return (pin_err_set(err, PIN_EINVAL, "missing colon: "
		    PIN_SFMT, PIN_SARG(key)));
	k = key.p[0] != '\0' ? strchr(kinds, key.p[0]) : NULL;
	if (k == NULL)
		return (1);
	memset(pe, 0, sizeof(*pe));
	pe->kind = (int32_t)(k - kinds);
	pe->text = (struct pin_str){ key.p + 2, key.len - 2 };
	if (pe->kind == PIN__PE_FIELD)
		return (PIN_OK);
	if (pe->kind != PIN__PE_INDEX)
		return (read_json(m, pe, err));
	pe->n = 1;
	pe->val = pin_arena_zalloc(m->arena, sizeof(*pe->val));
	if (pe->val == NULL) {
		m->failed = 1;
		return (pin_err_set(err, PIN_ENOMEM, "no memory"));
	}
	if (!pin__go_i64(pe->text, &pe->val->i))
		return (pin_err_set(err, PIN_EINVAL, "i:" PIN_SFMT
		    ": not an index", PIN_SARG(pe->text)));
	return (PIN_OK);
}

/* ---- reading ---------------------------------------------------------- */

static int
read_level(struct pin__fmem *m, const struct pin_obj *o, pin_node n,
    struct pin__fset *s, int depth, struct pin_err *err)
{
	struct pin__fset *child;
	struct pin__fpe pe;
	pin_node c;
	int rc, any = 0;

	if (depth > PIN_FIELDS_DEPTH_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "FieldsV1: deeper than "
		    "%d", PIN_FIELDS_DEPTH_MAX));
	if (pin_obj_type(o, n) != PIN_OBJECT && pin_obj_type(o, n) !=
	    PIN_NULL)
		return (pin_err_set(err, PIN_EINVAL,
		    "FieldsV1: not an object"));
	for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c)) {
		if (pin_str_is(pin_obj_key(o, c), ".")) {
			s->member = 1;
			continue;
		}
		rc = pin__fpe_read(m, pin_obj_key(o, c), &pe, err);
		if (rc == 1)
			continue;	/* of a later version: dropped */
		if (rc != PIN_OK)
			return (rc);
		child = pin__fset_at(m, s, &pe);
		if (child == NULL)
			return (pin_err_set(err, PIN_ENOMEM, "no memory"));
		rc = read_level(m, o, c, child, depth + 1, err);
		if (rc != PIN_OK)
			return (rc);
		any = 1;
	}
	if (!any && depth > 0)
		s->member = 1;
	return (PIN_OK);
}

int
pin__fset_read(struct pin__fmem *m, const struct pin_obj *o, pin_node n,
    struct pin__fset **out, struct pin_err *err)
{
	*out = pin__fset_new(m);
	if (*out == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "no memory"));
	if (n == 0)
		return (PIN_OK);
	return (read_level(m, o, n, *out, 0, err));
}

/* ---- writing ---------------------------------------------------------- */

pin_node
pin__fields_put(struct pin_obj *o, pin_node parent, char kind,
    struct pin_str text)
{
	struct pin_str key;
	uint32_t off = 0, from = 0;
	pin_node n;
	int own;

	/* The text may move when room is made, if it is the object's own. */
	own = text.p >= o->text && text.p < o->text + o->text_len;
	if (own)
		from = (uint32_t)(text.p - o->text);
	if (!pin__obj_text_room(o, text.len + 2))
		return (0);
	if (own)
		text.p = o->text + from;
	off = o->text_len;
	o->text[off] = kind;
	o->text[off + 1] = ':';
	memcpy(o->text + off + 2, text.p, text.len);
	o->text_len += (uint32_t)text.len + 2;
	n = pin__obj_node_add(o, PIN_OBJECT, 0, 0);
	key = (struct pin_str){ o->text + off, text.len + 2 };
	return (pin__tree_put(o, parent, key, n) ? n : 0);
}

pin_node
pin__fields_dot(struct pin_obj *o, pin_node parent)
{
	pin_node n = pin__obj_node_add(o, PIN_OBJECT, 0, 0);

	return (pin__tree_put(o, parent, PIN_STR("."), n) ? n : 0);
}

pin_node
pin__fpe_put(struct pin_obj *o, pin_node parent, const struct pin__fpe *pe)
{
	return (pin__fields_put(o, parent, kinds[pe->kind], pe->text));
}

int
pin__fset_write(struct pin_obj *o, pin_node parent,
    const struct pin__fset *s)
{
	const struct pin__fset *c;
	pin_node n;

	for (c = s->child; c != NULL; c = c->next) {
		n = pin__fpe_put(o, parent, &c->pe);
		if (n == 0)
			return (PIN_ENOMEM);
		if (c->child == NULL)
			continue;
		if (c->member && pin__fields_dot(o, n) == 0)
			return (PIN_ENOMEM);
		if (pin__fset_write(o, n, c) != PIN_OK)
			return (PIN_ENOMEM);
	}
	return (PIN_OK);
}

/* ---- touching --------------------------------------------------------- */

int
pin__fset_touches(const struct pin__fset *s, const struct pin_obj *o,
    pin_node n)
{
	const struct pin__fset *c;
	struct pin_str key;
	pin_node k;

	if (s == NULL)
		return (0);
	for (c = s->child; c != NULL; c = c->next) {
		/* The same text: both are canonical. */
		for (k = pin_obj_first(o, n); k != 0; k = pin_obj_next(o, k)) {
			key = pin_obj_key(o, k);
			if (key.len == c->pe.text.len + 2 &&
			    key.p[0] == kinds[c->pe.kind] &&
			    memcmp(key.p + 2, c->pe.text.p,
			    c->pe.text.len) == 0)
				break;
		}
		if (k == 0)
			continue;
		if (c->member && (pin_obj_count(o, k) == 0 ||
		    pin_obj_get(o, k, ".") != 0))
			return (1);
		if (pin__fset_touches(c, o, k))
			return (1);
	}
	return (0);
}
