/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apply.c -- server-side apply: config is put over the object, what its
 * manager gave up is taken out, and nobody else's fields change unasked.
 * Pure. */
#include <stdlib.h>
#include <string.h>

#include "lib/fields/manage.h"
#include "lib/patch/tree.h"
#include "lib/selector/text.h"

struct apply {
	struct pin__mf_job			*j;
	struct pin_fields_conflicts	*c;
	uint32_t			 cap;
	struct pin_str			 manager;	/* as printed */
	char				 path[1024];
	size_t				 len;
};

static struct pin_str
printed(struct pin__mf_job *j, const struct pin__mf_entry *e)
{
	struct pin_out out;

	pin_out_init(&out, j->m.arena, PIN_ERR_TEXT_MAX);
	pin__go_quote(&out, e->manager);
	if (e->sub.len > 0) {
		pin_out_cstr(&out, " with subresource ");
		pin__go_quote(&out, e->sub);
	}
	if (!e->applied) {
		pin_out_cstr(&out, " using ");
		pin_out_str(&out, e->version);
	}
	return ((struct pin_str){ out.p, out.len });
}

static size_t
path_add(struct apply *a, const struct pin__fpe *pe)
{
	struct pin_out out;
	size_t was = a->len;

	pin_out_init(&out, a->j->m.arena, sizeof(a->path));
	pin__fpe_say(&out, pe);
	if (was + out.len <= sizeof(a->path)) {
		memcpy(a->path + was, out.p, out.len);
		a->len += out.len;
	}
	return (was);
}

static void
conflict(struct apply *a)
{
	struct pin_fields_conflict *v;
	uint32_t cap;

	if (a->c->n == a->cap) {
		cap = a->cap == 0 ? 16 : a->cap * 2;
		v = pin_arena_grow(a->j->m.arena, a->c->v, a->cap *
		    sizeof(*v), cap * sizeof(*v));
		if (v == NULL) {
			a->j->m.failed = 1;
			return;
		}
		a->c->v = v;
		a->cap = cap;
	}
	v = &a->c->v[a->c->n++];
	v->manager = a->manager;
	v->field = pin_arena_str(a->j->m.arena,
	    (struct pin_str){ a->path, a->len });
}

/* Members of a level first, then what is below, as the reference lists. */
static void
conflicts_of(struct apply *a, const struct pin__fset *s)
{
	const struct pin__fset *c;
	size_t was;

	for (c = s->child; c != NULL; c = c->next)
		if (c->member) {
			was = path_add(a, &c->pe);
			conflict(a);
			a->len = was;
		}
	for (c = s->child; c != NULL; c = c->next)
		if (c->child != NULL) {
			was = path_add(a, &c->pe);
			conflicts_of(a, c);
			a->len = was;
		}
}

static int
conflict_text(struct apply *a)
{
	struct pin_out out;
	uint32_t i;
	int rc;

	pin_out_init(&out, a->j->m.arena, 1u << 20);
	if (a->c->n == 1)
		pin_out_printf(&out, "Apply failed with 1 conflict: conflict "
		    "with " PIN_SFMT ": " PIN_SFMT, PIN_SARG(a->c->v->manager),
		    PIN_SARG(a->c->v->field));
	else
		pin_out_printf(&out, "Apply failed with %u conflicts: ",
		    a->c->n);
	for (i = 0; a->c->n > 1 && i < a->c->n; i++) {
		if (i > 0)
			pin_out_char(&out, '\n');
		if (i == 0 || !pin_str_eq(a->c->v[i].manager,
		    a->c->v[i - 1].manager)) {
			pin_out_printf(&out, "conflicts with " PIN_SFMT
			    ":\n", PIN_SARG(a->c->v[i].manager));
		}
		pin_out_printf(&out, "- " PIN_SFMT,
		    PIN_SARG(a->c->v[i].field));
	}
	rc = pin_err_set(a->j->err, PIN_ECONFLICT, "%.*s", (int)out.len,
	    out.p);
	return (rc);
}

static int
age_cmp_name(const void *a, const void *b)
{
	const struct pin__mf_entry *l = *(struct pin__mf_entry *const *)a;
	const struct pin__mf_entry *r = *(struct pin__mf_entry *const *)b;
	int c = pin_str_cmp(l->manager, r->manager);

	if (c == 0)
		c = pin_str_cmp(l->version, r->version);
	return (c != 0 ? c : pin_str_cmp(l->sub, r->sub));
}

/* What others own of what would change. */
static int
find_conflicts(struct pin__mf_job *j, const struct pin__fdiff *d,
    const struct pin__mf_entry *self, struct pin_fields_conflicts *out)
{
	struct apply a = { .j = j, .c = out };
	struct pin__fset *s;
	struct pin__mf_entry **v;
	uint32_t i;

	v = pin_arena_alloc(j->m.arena, (j->l.n + 1) * sizeof(v[0]));
	if (v == NULL)
		return (pin__mf_no_memory(j));
	for (i = 0; i < j->l.n; i++)
		v[i] = &j->l.e[i];
	if (j->l.n > 1)
		qsort(v, j->l.n, sizeof(v[0]), age_cmp_name);
	for (i = 0; i < j->l.n; i++) {
		if (v[i] == self || v[i]->gone)
			continue;
		if (pin__mf_parse_set(j, v[i]) != PIN_OK)
			return (PIN_EINTERNAL);
		s = pin__fset_meet(&j->m, v[i]->set, d->changed);
		if (pin__fset_empty(s))
			continue;
		a.manager = printed(j, v[i]);
		conflicts_of(&a, s);
	}
	if (j->m.failed)
		return (pin__mf_no_memory(j));
	return (out->n > 0 ? conflict_text(&a) : PIN_OK);
}

/* All that anybody owns, `self` with its new set. */
static struct pin__fset *
all_owned(struct pin__mf_job *j)
{
	struct pin__fset *all = NULL;
	uint32_t i;

	for (i = 0; i < j->l.n; i++)
		if (!j->l.e[i].gone &&
		    pin__mf_parse_set(j, &j->l.e[i]) == PIN_OK)
			all = pin__fset_union(&j->m, all, j->l.e[i].set);
	return (all);
}

static int
set_of(struct pin__mf_job *j, const struct pin_obj *o, struct pin__fset **out)
{
	struct pin__fwalk w = j->w;

	w.nreset = 0;	/* everything counts here */
	return (pin__fields_of(&w, &j->op->root, o, out));
}

/* Takes out of the merged object what this manager applied last time,
 * applies no more, and nobody else owns. */
static int
prune(struct pin__mf_job *j, struct pin_obj *merged,
    const struct pin__fset *last)
{
	const struct pin_fields_type *t = &j->op->root;
	struct pin__fset *m, *p, *owned, *lastn, *out;
	struct pin_obj *pruned;
	int rc;

	if (pin__fset_empty(last))
		return (PIN_OK);
	pruned = pin_obj_copy(j->m.arena, merged);
	if (pruned == NULL)
		return (pin__mf_no_memory(j));
	lastn = pin__fields_named(&j->w, t, last);
	rc = pin__fields_drop(&j->w, t, pruned, lastn);
	if (rc == PIN_OK)
		rc = set_of(j, merged, &m);
	if (rc == PIN_OK)
		rc = set_of(j, pruned, &p);
	if (rc != PIN_OK)
		return (rc);
	m = pin__fields_named(&j->w, t, m);
	/* Back comes what anybody owns ... */
	owned = pin__fields_named(&j->w, t, all_owned(j));
	out = pin__fset_minus(&j->m, m, pin__fset_union(&j->m,
	    pin__fields_named(&j->w, t, p), owned));
	pruned = pin_obj_copy(j->m.arena, merged);
	if (pruned == NULL || j->m.failed)
		return (pin__mf_no_memory(j));
	rc = pin__fields_drop(&j->w, t, pruned, out);
	if (rc == PIN_OK)
		rc = set_of(j, pruned, &p);
	if (rc != PIN_OK)
		return (rc);
	/* ... and what was not this manager's to begin with. */
	out = pin__fset_meet(&j->m, pin__fset_minus(&j->m, m,
	    pin__fields_named(&j->w, t, p)), lastn);
	if (j->m.failed)
		return (pin__mf_no_memory(j));
	return (pin__fields_drop(&j->w, t, merged, out));
}

/* Objects from before anybody applied belong to "before-first-apply". */
static int
adopt(struct pin__mf_job *j, const struct pin_obj *live)
{
	struct pin__fdiff d = { NULL, NULL };
	struct pin__mf_entry *e;
	int rc;

	rc = pin__fields_compare(&j->w, &j->op->root, j->op->empty, live, &d);
	if (rc != PIN_OK || d.changed == NULL)
		return (rc);
	pin__mf_strip(d.changed);
	if (pin__fset_empty(d.changed))
		return (PIN_OK);
	e = pin__mf_add(j);
	if (e == NULL)
		return (pin__mf_no_memory(j));
	pin__mf_name_self(j, e);
	e->manager = PIN_STR("before-first-apply");
	e->set = d.changed;
	return (PIN_OK);
}

/* This manager's entry with its new set; *last gets the old one. */
static int
apply_self(struct pin__mf_job *j, const struct pin_obj *config,
    struct pin__mf_entry **out, struct pin__fset **last)
{
	struct pin__mf_entry self, *e;
	struct pin__fset *set;
	int rc;

	*last = NULL;
	pin__mf_name_self(j, &self);
	self.applied = 1;
	e = pin__mf_find(j, &self);
	if (e != NULL) {
		rc = pin__mf_parse_set(j, e);
		if (rc != PIN_OK)
			return (rc);
		*last = e->set;
		self.time = e->time;
	} else {
		self.time = PIN_STR("");
		if ((e = pin__mf_add(j)) == NULL)
			return (pin__mf_no_memory(j));
	}
	rc = pin__fields_of(&j->w, &j->op->root, config, &set);
	if (rc != PIN_OK)
		return (rc);
	*e = self;
	e->set = set;
	*out = e;
	return (PIN_OK);
}

static int
check_config(struct pin__mf_job *j, const struct pin_obj *config)
{
	pin_node root = pin_obj_root(config);
	struct pin_str v = pin_obj_str(config, pin_obj_get(config, root,
	    "apiVersion")), kind;
	int rc;

	if (!pin_str_eq(v, j->op->api_version))
		return (pin_err_set(j->err, PIN_EINVAL, "Incorrect version "
		    "specified in apply patch. Specified patch version: "
		    PIN_SFMT ", expected: " PIN_SFMT, PIN_SARG(v),
		    PIN_SARG(j->op->api_version)));
	if (pin__mf_managed_of(config) != 0)
		return (pin_err_set(j->err, PIN_EINVAL,
		    "metadata.managedFields must be nil"));
	rc = pin__fields_fit(&j->w, &j->op->root, config);
	if (rc != PIN_EINTERNAL || j->err == NULL)
		return (rc);
	kind = pin_obj_str(config, pin_obj_get(config, root, "kind"));
	return (pin_err_wrap(j->err, "failed to create typed patch object ("
	    PIN_SFMT "/" PIN_SFMT "; %s" PIN_SFMT ", Kind=" PIN_SFMT ")",
	    PIN_SARG(pin_obj_str(config, pin_obj_at(config, root, "metadata",
	    "namespace", NULL))), PIN_SARG(pin_obj_str(config, pin_obj_at(
	    config, root, "metadata", "name", NULL))),
	    memchr(v.p, '/', v.len) != NULL ? "" : "/", PIN_SARG(v),
	    PIN_SARG(kind)));
}

static int
do_apply(struct pin__mf_job *j, int force, const struct pin_obj *live,
    const struct pin_obj *config, struct pin_obj *out,
    struct pin_fields_conflicts *conflicts)
{
	struct pin__fdiff d = { NULL, NULL };
	struct pin__fset *last, *mine;
	struct pin__mf_entry *self = NULL;
	int rc;

	rc = pin__fields_merge(&j->w, &j->op->root, out, config);
	if (rc == PIN_OK)
		rc = apply_self(j, config, &self, &last);
	if (rc == PIN_OK)
		rc = prune(j, out, last);
	if (rc == PIN_OK)
		rc = pin__fields_compare(&j->w, &j->op->root, live, out, &d);
	if (rc == PIN_OK && !force)
		rc = find_conflicts(j, &d, self, conflicts);
	if (rc != PIN_OK)
		return (rc);
	/* The others lose what changed; this one keeps what it applied. */
	mine = self->set;
	rc = pin__mf_release(j, &d);
	if (rc != PIN_OK)
		return (rc);
	pin__mf_strip(mine);
	self->set = mine;
	self->gone = pin__fset_empty(mine);
	if (!pin_obj_equal(live, pin_obj_root(live), out, pin_obj_root(out)))
		self->time = j->op->now;
	return (pin__mf_write_list(j, out));
}

int
pin_fields_apply(struct pin_arena *arena, const struct pin_fields_op *op,
    int force, const struct pin_obj *live, const struct pin_obj *config,
    struct pin_obj **outp, struct pin_fields_conflicts *conflicts,
    struct pin_err *err)
{
	struct pin__mf_job j = { .m = { arena, 0 }, .op = op, .err = err };
	struct pin_obj *out, *bare;
	int rc;

	*outp = NULL;
	memset(conflicts, 0, sizeof(*conflicts));
	j.w = (struct pin__fwalk){ .m = &j.m, .schema = op->schema,
	    .reset = op->reset, .nreset = op->nreset, .err = err };
	rc = check_config(&j, config);
	if (rc == PIN_OK)
		rc = pin__mf_read_list(&j, live, pin__mf_managed_of(live), 0);
	if (rc != PIN_OK)
		return (rc);
	/* Both without managedFields, which nobody owns. */
	bare = pin_obj_copy(arena, live);
	if (bare != NULL)
		pin__mf_forget(bare);
	out = bare != NULL ? pin_obj_copy(arena, bare) : NULL;
	if (out == NULL)
		return (pin__mf_no_memory(&j));
	if (j.l.n == 0 && pin_obj_str(live, pin_obj_at(live,
	    pin_obj_root(live), "metadata", "uid", NULL)).len > 0)
		rc = adopt(&j, bare);
	if (rc == PIN_OK)
		rc = do_apply(&j, force, bare, config, out, conflicts);
	if (rc == PIN_OK)
		*outp = out;
	return (rc);
}
