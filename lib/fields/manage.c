/* SPDX-License-Identifier: BSD-2-Clause
 *
 * manage.c -- the entries of metadata.managedFields: reading, moving
 * ownership after a change, capping, sorting, writing.
 * Pure.
 * Entries a change does not touch are never parsed: their bytes are copied. */
#include <stdlib.h>
#include <string.h>

#include "lib/fields/manage.h"
#include "lib/patch/tree.h"

#define ENTRIES_MAX	10000	/* of one object */

int
pin__mf_no_memory(struct pin__mf_job *j)
{
	return (pin_err_set(j->err, PIN_ENOMEM, "managedFields: no memory"));
}

/* ---- reading ---------------------------------------------------------- */

struct pin__mf_entry *
pin__mf_add(struct pin__mf_job *j)
{
	struct pin__mf_entry *e;
	uint32_t cap;

	if (j->l.n == j->l.cap) {
		cap = j->l.cap == 0 ? 8 : j->l.cap * 2;
		e = pin_arena_grow(j->m.arena, j->l.e,
		    j->l.cap * sizeof(*e), cap * sizeof(*e));
		if (e == NULL)
			return (NULL);
		j->l.e = e;
		j->l.cap = cap;
	}
	e = &j->l.e[j->l.n++];
	memset(e, 0, sizeof(*e));
	return (e);
}

static int
same_manager(const struct pin__mf_entry *a, const struct pin__mf_entry *b)
{
	return (a->applied == b->applied && pin_str_eq(a->sub, b->sub) &&
	    pin_str_eq(a->manager, b->manager) &&
	    (a->applied || pin_str_eq(a->version, b->version)));
}

struct pin__mf_entry *
pin__mf_find(struct pin__mf_job *j, const struct pin__mf_entry *like)
{
	uint32_t i;

	for (i = 0; i < j->l.n; i++)
		if (!j->l.e[i].gone && same_manager(&j->l.e[i], like))
			return (&j->l.e[i]);
	return (NULL);
}

static int
read_entry(const struct pin_obj *o, pin_node n, uint32_t pos,
    struct pin__mf_entry *e, struct pin_err *err)
{
	struct pin_str op = pin_obj_str(o, pin_obj_get(o, n, "operation"));
	struct pin_str ft = pin_obj_str(o, pin_obj_get(o, n, "fieldsType"));

	memset(e, 0, sizeof(*e));
	e->src = o;
	e->node = n;
	e->applied = pin_str_is(op, "Apply");
	if (!e->applied && !pin_str_is(op, "Update"))
		return (pin_err_set(err, PIN_EINVAL,
		    "operation must be `Apply` or `Update`"));
	e->version = pin_obj_str(o, pin_obj_get(o, n, "apiVersion"));
	if (e->version.len == 0)
		return (pin_err_set(err, PIN_EINVAL,
		    "apiVersion must not be empty"));
	if (ft.len == 0)
		return (pin_err_set(err, PIN_EINVAL, "missing fieldsType in "
		    "managed fields entry %u", pos));
	if (!pin_str_is(ft, "FieldsV1"))
		return (pin_err_set(err, PIN_EINVAL, "invalid fieldsType "
		    "\"" PIN_SFMT "\" in managed fields entry %u",
		    PIN_SARG(ft), pos));
	e->manager = pin_obj_str(o, pin_obj_get(o, n, "manager"));
	e->time = pin_obj_str(o, pin_obj_get(o, n, "time"));
	e->sub = pin_obj_str(o, pin_obj_get(o, n, "subresource"));
	e->fields = pin_obj_get(o, n, "fieldsV1");
	return (PIN_OK);
}

int
pin__mf_parse_set(struct pin__mf_job *j, struct pin__mf_entry *e)
{
	if (e->set != NULL)
		return (PIN_OK);
	return (pin__fset_read(&j->m, e->src, e->fields, &e->set, j->err));
}

/* All entries of a list. `parse`: FieldsV1 too, for what a client wrote. */
int
pin__mf_read_list(struct pin__mf_job *j, const struct pin_obj *o,
    pin_node managed, int parse)
{
	struct pin__mf_entry e, *to;
	uint32_t pos = 0;
	pin_node n;
	int rc;

	j->l.n = 0;
	for (n = pin_obj_first(o, managed); n != 0; n = pin_obj_next(o, n)) {
		rc = read_entry(o, n, pos++, &e, j->err);
		if (rc == PIN_OK && parse)
			rc = pin__mf_parse_set(j, &e);
		if (rc != PIN_OK)
			return (rc);
		if (pos > ENTRIES_MAX)
			return (pin_err_set(j->err, PIN_ELIMIT,
			    "managedFields: more than %d entries",
			    ENTRIES_MAX));
		e.fresh = parse;
		to = pin__mf_find(j, &e);
		if (to == NULL && (to = pin__mf_add(j)) == NULL)
			return (pin__mf_no_memory(j));
		*to = e;
	}
	return (PIN_OK);
}

pin_node
pin__mf_managed_of(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "managedFields",
	    NULL));
}

void
pin__mf_forget(struct pin_obj *o)
{
	pin_node meta = pin_obj_get(o, pin_obj_root(o), "metadata");

	if (pin_obj_type(o, meta) == PIN_OBJECT)
		(void)pin_obj_unset(o, meta, "managedFields");
}

/* Does the client ask for an empty list: [] or one empty entry? */
static int
is_reset(const struct pin_obj *o, pin_node n)
{
	pin_node e, c;
	int t;

	if (pin_obj_type(o, n) != PIN_ARRAY)
		return (0);
	if (pin_obj_count(o, n) != 1)
		return (pin_obj_count(o, n) == 0);
	e = pin_obj_first(o, n);
	for (c = pin_obj_first(o, e); c != 0; c = pin_obj_next(o, c)) {
		t = pin_obj_type(o, c);
		if (t != PIN_NULL && !(t == PIN_STRING &&
		    pin_obj_str(o, c).len == 0))
			return (0);
	}
	return (1);
}

/* The entries to start from: the client's where it sent a good list. */
static int
start_list(struct pin__mf_job *j, const struct pin_obj *old,
    const struct pin_obj *new)
{
	pin_node was = pin__mf_managed_of(old), is = pin__mf_managed_of(new);
	struct pin_obj *copy;
	int rc;

	if (j->op->subresource.len == 0 && is != 0 &&
	    !(was != 0 && pin_obj_equal(old, was, new, is))) {
		if (is_reset(new, is))
			return (PIN_OK);
		/* Its strings must survive changes to new. */
		copy = pin_obj_copy(j->m.arena, new);
		if (copy == NULL)
			return (pin__mf_no_memory(j));
		rc = pin__mf_read_list(j, copy, pin__mf_managed_of(copy), 1);
		if (rc == PIN_ENOMEM || (rc == PIN_OK && j->l.n > 0))
			return (rc);
	}
	rc = pin__mf_read_list(j, old, was, 0);
	if (rc != PIN_OK && rc != PIN_ENOMEM) {
		j->l.n = 0;
		rc = PIN_OK;
	}
	return (rc);
}

/* ---- ownership -------------------------------------------------------- */

int
pin__mf_release(struct pin__mf_job *j, const struct pin__fdiff *d)
{
	struct pin__mf_entry *e;
	uint32_t i;
	int rc;

	for (i = 0; i < j->l.n; i++) {
		e = &j->l.e[i];
		if (j->op->served != NULL && !j->op->served(
		    j->op->served_ctx, e->version)) {
			e->gone = 1;
			continue;
		}
		if (e->set == NULL &&
		    !pin__fset_touches(d->changed, e->src, e->fields) &&
		    !pin__fset_touches(d->removed, e->src, e->fields)) {
			e->gone = pin_obj_count(e->src, e->fields) == 0;
			continue;
		}
		rc = pin__mf_parse_set(j, e);
		if (rc != PIN_OK)
			return (rc);
		e->set = pin__fset_minus(&j->m, e->set, d->changed);
		e->set = pin__fset_minus(&j->m, e->set, d->removed);
		e->fresh = 1;
		e->gone = pin__fset_empty(e->set);
	}
	return (j->m.failed ? pin__mf_no_memory(j) : PIN_OK);
}

/* Takes the fields nobody owns out of a set made by comparing. */
void
pin__mf_strip(struct pin__fset *s)
{
	struct pin__fstep root = { NULL, PIN_STR_NONE, 0 };
	struct pin__fstep meta = { &root, PIN_STR("metadata"), 1 };
	struct pin__fset **at, *c, **bt, *d;

	s->last = NULL;
	for (at = &s->child; (c = *at) != NULL;) {
		if (pin__fwalk_stripped(&root, c->pe.text))
			c->member = 0;
		c->last = NULL;
		for (bt = &c->child; pin_str_is(c->pe.text, "metadata") &&
		    (d = *bt) != NULL;) {
			if (pin__fwalk_stripped(&meta, d->pe.text))
				d->member = 0;
			if (pin__fset_empty(d)) {
				*bt = d->next;
				continue;
			}
			c->last = d;
			bt = &d->next;
		}
		if (c->last == NULL)
			for (d = c->child; d != NULL; d = d->next)
				c->last = d;
		if (pin__fset_empty(c)) {
			*at = c->next;
			continue;
		}
		s->last = c;
		at = &c->next;
	}
}

void
pin__mf_name_self(const struct pin__mf_job *j, struct pin__mf_entry *e)
{
	memset(e, 0, sizeof(*e));
	e->manager = j->op->manager.len > 0 ? j->op->manager :
	    PIN_STR("unknown");
	e->version = j->op->api_version;
	e->sub = j->op->subresource;
	e->time = j->op->now;
	e->fresh = 1;
}

/* What changed now belongs to this manager. */
static int
claim(struct pin__mf_job *j, struct pin__fset *changed)
{
	struct pin__mf_entry self, *e;
	int rc;

	if (changed == NULL)
		return (PIN_OK);
	pin__mf_strip(changed);
	if (pin__fset_empty(changed))
		return (PIN_OK);
	pin__mf_name_self(j, &self);
	e = pin__mf_find(j, &self);
	if (e != NULL) {
		rc = pin__mf_parse_set(j, e);
		if (rc != PIN_OK)
			return (rc);
		changed = pin__fset_union(&j->m, changed, e->set);
	} else if ((e = pin__mf_add(j)) == NULL)
		return (pin__mf_no_memory(j));
	*e = self;
	e->set = changed;
	return (j->m.failed ? pin__mf_no_memory(j) : PIN_OK);
}

/* ---- cap -------------------------------------------------------------- */

static int
age_cmp(const void *a, const void *b)
{
	const struct pin__mf_entry *l = *(struct pin__mf_entry *const *)a;
	const struct pin__mf_entry *r = *(struct pin__mf_entry *const *)b;
	int c = pin_str_cmp(l->time, r->time);

	if (c == 0)
		c = pin_str_cmp(l->manager, r->manager);
	if (c == 0)
		c = pin_str_cmp(l->version, r->version);
	return (c != 0 ? c : pin_str_cmp(l->sub, r->sub));
}

/* Moves e into the bucket of its version; `first` is an older one of it. */
static int
into_bucket(struct pin__mf_job *j, struct pin__mf_entry *first,
    struct pin__mf_entry *e)
{
	struct pin__mf_entry like = { .manager = PIN_STR("ancient-changes"),
	    .version = e->version }, *b;

	if (pin__mf_parse_set(j, e) != PIN_OK ||
	    pin__mf_parse_set(j, first) != PIN_OK)
		return (PIN_EINVAL);
	b = pin__mf_find(j, &like);
	if (b == NULL) {
		b = first;
		b->manager = like.manager;
		b->sub = PIN_STR("");
	}
	if (pin__mf_parse_set(j, b) != PIN_OK)
		return (PIN_EINVAL);
	b->set = pin__fset_union(&j->m, e->set, b->set);
	b->time = e->time;
	b->fresh = 1;
	e->gone = 1;
	return (j->m.failed ? pin__mf_no_memory(j) : PIN_OK);
}

static struct pin__mf_entry *
first_of(struct pin__mf_entry **v, uint32_t n, struct pin_str version)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!v[i]->gone && pin_str_eq(v[i]->version, version))
			return (v[i]);
	return (NULL);
}

static int
cap(struct pin__mf_job *j)
{
	struct pin__mf_entry **v, *first;
	uint32_t i, n = 0, left;
	int rc = PIN_OK;

	if (j->l.n <= PIN_FIELDS_UPDATERS_MAX)
		return (PIN_OK);
	v = pin_arena_alloc(j->m.arena, j->l.n * sizeof(v[0]));
	if (v == NULL)
		return (pin__mf_no_memory(j));
	for (i = 0; i < j->l.n; i++)
		if (!j->l.e[i].gone && !j->l.e[i].applied)
			v[n++] = &j->l.e[i];
	if (n <= PIN_FIELDS_UPDATERS_MAX)
		return (PIN_OK);
	qsort(v, n, sizeof(v[0]), age_cmp);
	for (i = 0, left = n; i < n && left > PIN_FIELDS_UPDATERS_MAX &&
	    rc == PIN_OK; i++) {
		first = first_of(v, i, v[i]->version);
		if (first == NULL)
			continue;
		rc = into_bucket(j, first, v[i]);
		left--;
	}
	return (rc);
}

/* ---- writing ---------------------------------------------------------- */

static int
list_cmp(const void *a, const void *b)
{
	const struct pin__mf_entry *l = *(struct pin__mf_entry *const *)a;
	const struct pin__mf_entry *r = *(struct pin__mf_entry *const *)b;

	if (l->applied != r->applied)
		return (l->applied ? -1 : 1);	/* "Apply" < "Update" */
	return (age_cmp(a, b));
}

static int
put_str(struct pin_obj *o, pin_node n, struct pin_str key, struct pin_str v)
{
	uint32_t off;

	if (v.len == 0)
		return (1);
	if (!pin__obj_text_add(o, v.p, v.len, &off))
		return (0);
	return (pin__tree_put(o, n, key, pin__obj_node_add(o, PIN_STRING,
	    off, (uint32_t)v.len)));
}

/* An entry's node with `fields` as its FieldsV1, hanging nowhere yet. */
static pin_node
entry_node(struct pin_obj *o, const struct pin__mf_entry *e, pin_node fields)
{
	pin_node n = pin__obj_node_add(o, PIN_OBJECT, 0, 0);

	if (n == 0 || !put_str(o, n, PIN_STR("manager"), e->manager) ||
	    !put_str(o, n, PIN_STR("operation"), e->applied ?
	    PIN_STR("Apply") : PIN_STR("Update")) ||
	    !put_str(o, n, PIN_STR("apiVersion"), e->version) ||
	    !put_str(o, n, PIN_STR("time"), e->time) ||
	    !put_str(o, n, PIN_STR("fieldsType"), PIN_STR("FieldsV1")) ||
	    !pin__tree_put(o, n, PIN_STR("fieldsV1"), fields) ||
	    !put_str(o, n, PIN_STR("subresource"), e->sub))
		return (0);
	return (n);
}

static pin_node
write_entry(struct pin__mf_job *j, struct pin_obj *o, struct pin__mf_entry *e)
{
	pin_node fields;

	if (!e->fresh)
		return (pin__obj_clone(o, e->src, e->node));
	fields = pin__obj_node_add(o, PIN_OBJECT, 0, 0);
	if (fields == 0 || pin__mf_parse_set(j, e) != PIN_OK ||
	    pin__fset_write(o, fields, e->set) != PIN_OK)
		return (0);
	return (entry_node(o, e, fields));
}

static pin_node
metadata_of(struct pin_obj *o)
{
	pin_node meta = pin_obj_get(o, pin_obj_root(o), "metadata");

	if (pin_obj_type(o, meta) == PIN_OBJECT)
		return (meta);
	return (pin_obj_set_new(o, pin_obj_root(o), "metadata", PIN_OBJECT));
}

int
pin__mf_write_list(struct pin__mf_job *j, struct pin_obj *o)
{
	struct pin__mf_entry **v;
	pin_node list, n, meta;
	uint32_t i, count = 0;

	v = pin_arena_alloc(j->m.arena, (j->l.n + 1) * sizeof(v[0]));
	if (v == NULL)
		return (pin__mf_no_memory(j));
	for (i = 0; i < j->l.n; i++)
		if (!j->l.e[i].gone)
			v[count++] = &j->l.e[i];
	if (count == 0)
		return (PIN_OK);
	if (count > 1)
		qsort(v, count, sizeof(v[0]), list_cmp);
	meta = metadata_of(o);
	list = pin__obj_node_add(o, PIN_ARRAY, 0, 0);
	if (meta == 0 || list == 0)
		return (pin__mf_no_memory(j));
	for (i = 0; i < count; i++) {
		n = write_entry(j, o, v[i]);
		if (n == 0)
			return (pin__mf_no_memory(j));
		pin__obj_link_last(o, list, n);
	}
	return (pin__tree_put(o, meta, PIN_STR("managedFields"), list) ?
	    PIN_OK : pin__mf_no_memory(j));
}

/* ---- the operations --------------------------------------------------- */

static int
first_owner(struct pin__mf_job *j, const struct pin_obj *old,
    struct pin_obj *new)
{
	struct pin__mf_entry self;
	pin_node fields, list, e, meta;
	int rc;

	fields = pin__obj_node_add(new, PIN_OBJECT, 0, 0);
	if (fields == 0)
		return (pin__mf_no_memory(j));
	rc = pin__fields_create(&j->w, &j->op->root, old, new, fields);
	if (rc != PIN_OK || pin_obj_count(new, fields) == 0)
		return (rc);
	pin__mf_name_self(j, &self);
	meta = metadata_of(new);
	e = entry_node(new, &self, fields);
	list = pin__obj_node_add(new, PIN_ARRAY, 0, 0);
	if (meta == 0 || e == 0 || list == 0)
		return (pin__mf_no_memory(j));
	pin__obj_link_last(new, list, e);
	return (pin__tree_put(new, meta, PIN_STR("managedFields"), list) ?
	    PIN_OK : pin__mf_no_memory(j));
}

static int
change(struct pin__mf_job *j, const struct pin_obj *old, struct pin_obj *new)
{
	struct pin__fdiff d = { NULL, NULL };
	int rc;

	rc = pin__fields_compare(&j->w, &j->op->root, old, new, &d);
	if (rc == PIN_OK)
		rc = pin__mf_release(j, &d);
	if (rc == PIN_OK)
		rc = claim(j, d.changed);
	if (rc == PIN_OK)
		rc = cap(j);
	if (rc == PIN_OK)
		rc = pin__mf_write_list(j, new);
	return (rc);
}

int
pin_fields_update(struct pin_arena *arena, const struct pin_fields_op *op,
    const struct pin_obj *old, struct pin_obj *new, struct pin_err *err)
{
	struct pin__mf_job j = { .m = { arena, 0 }, .op = op, .err = err };
	int rc, created;

	PIN_ASSERT(op->nreset <= PIN_FIELDS_RESET_MAX);
	PIN_ASSERT(pin_obj_type(new, pin_obj_root(new)) == PIN_OBJECT);
	j.w = (struct pin__fwalk){ .m = &j.m, .schema = op->schema,
	    .reset = op->reset, .nreset = op->nreset, .err = err };
	created = pin_obj_str(old, pin_obj_at(old, pin_obj_root(old),
	    "metadata", "uid", NULL)).len == 0;
	rc = start_list(&j, old, new);
	if (rc != PIN_OK)
		return (rc);
	pin__mf_forget(new);
	/* An object nobody tracks stays so until somebody applies. */
	if (j.l.n == 0 && !created)
		return (PIN_OK);
	rc = j.l.n == 0 ? first_owner(&j, old, new) : change(&j, old, new);
	/* An object that fits no set (a null in a list told apart by keys)
	 * goes on without the list, as in the reference. */
	if (rc != PIN_OK && rc != PIN_ENOMEM) {
		pin__mf_forget(new);
		rc = PIN_OK;
	}
	return (rc);
}

static int
same_but_time(const struct pin_obj *a, pin_node x, const struct pin_obj *b,
    pin_node y)
{
	static const char *const names[] = { "manager", "operation",
	    "apiVersion", "fieldsType", "fieldsV1", "subresource" };
	pin_node l, r;
	size_t i;

	for (i = 0; i < PIN_LEN(names); i++) {
		l = pin_obj_get(a, x, names[i]);
		r = pin_obj_get(b, y, names[i]);
		if ((l == 0) != (r == 0) ||
		    (l != 0 && !pin_obj_equal(a, l, b, r)))
			return (0);
	}
	return (1);
}

int
pin_fields_keep_times(const struct pin_obj *old, struct pin_obj *new)
{
	pin_node a = pin__mf_managed_of(old), b = pin__mf_managed_of(new), x, y;

	if (pin_obj_count(old, a) != pin_obj_count(new, b))
		return (0);
	x = pin_obj_first(old, a);
	y = pin_obj_first(new, b);
	for (; x != 0; x = pin_obj_next(old, x), y = pin_obj_next(new, y))
		if (!same_but_time(old, x, new, y))
			return (0);
	if (a != 0 && b != 0 && !pin_obj_equal(old, a, new, b))
		(void)pin_obj_replace(new, pin_obj_get(new,
		    pin_obj_root(new), "metadata"), b, old, a);
	return (1);
}

int
pin_fields_check(struct pin_arena *arena, const struct pin_obj *o,
    pin_node managed, struct pin_err *err)
{
	struct pin__mf_job j = { .m = { arena, 0 }, .err = err };

	return (pin__mf_read_list(&j, o, managed, 1));
}
