/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strict.c -- reading a patch body: refusals of what is not a patch at all,
 * warnings about what a strict decoder would refuse, and equal keys.
 * Pure. */
#include <stdlib.h>
#include <string.h>

#include "lib/patch/patch.h"
#include "lib/patch/tree.h"

#define PATH_SEGS_MAX	64	/* of a warning; deeper places are not named */
#define WARN_TEXT_MAX	4096
#define WARN_MAX	100	/* per patch, as the reference */

struct entry {
	struct pin_str	key;
	pin_node	n;
	uint32_t	pos;
};

static int
entry_cmp(const void *a, const void *b)
{
	const struct entry *l = a, *r = b;
	int c;

	c = pin_str_cmp(l->key, r->key);
	if (c != 0)
		return (c);
	return (l->pos < r->pos ? -1 : 1);
}

/* Members of an object sorted by key, then by place; NULL: no memory. */
static struct entry *
sorted(const struct pin_obj *o, pin_node n, struct entry *room, uint32_t cap)
{
	uint32_t count = pin_obj_count(o, n), i = 0;
	struct entry *e = room;
	pin_node c;

	if (count > cap && (e = malloc(count * sizeof(*e))) == NULL)
		return (NULL);
	for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c), i++)
		e[i] = (struct entry){ pin_obj_key(o, c), c, i };
	qsort(e, count, sizeof(*e), entry_cmp);
	return (e);
}

/* Calls fn for every member an equal later one overrides; it may remove
 * what it is given. Returns their number or -1: no memory. */
static int
each_dup(const struct pin_obj *o, void (*fn)(void *, pin_node parent,
    pin_node), void *ctx)
{
	struct entry room[32], *e;
	pin_node top = pin_obj_root(o), n;
	uint32_t i, count;
	int found = 0;

	for (n = top; n != 0; n = pin__tree_next(o, top, n)) {
		count = pin_obj_count(o, n);
		if (pin_obj_type(o, n) != PIN_OBJECT || count < 2)
			continue;
		e = sorted(o, n, room, PIN_LEN(room));
		if (e == NULL)
			return (-1);
		for (i = 0; i + 1 < count; i++) {
			if (!pin_str_eq(e[i].key, e[i + 1].key))
				continue;
			found++;
			if (fn != NULL)
				fn(ctx, n, e[i].n);
		}
		if (e != room)
			free(e);
	}
	return (found);
}

static void
drop(void *ctx, pin_node parent, pin_node n)
{
	pin_obj_remove(ctx, parent, n);
}

int
pin__dup_clean(const struct pin_obj *patch, const struct pin_obj **out,
    struct pin_obj **own, struct pin_err *err)
{
	int n;

	*own = NULL;
	*out = patch;
	n = each_dup(patch, NULL, NULL);
	if (n == 0)
		return (PIN_OK);
	if (n < 0 || (*own = pin_obj_copy(NULL, patch)) == NULL ||
	    each_dup(*own, drop, *own) < 0) {
		pin_obj_free(own);
		return (pin_err_set(err, PIN_ENOMEM, "patch: no memory"));
	}
	*out = *own;
	return (PIN_OK);
}

/* ---- warnings --------------------------------------------------------- */

struct warner {
	const struct pin_obj	*o;
	const char		*head;
	pin_patch_warn_fn	*fn;
	void			*ctx;
	int			 n;
};

static void
put_path(struct pin_out *out, const struct pin_obj *o, pin_node n)
{
	pin_node seg[PATH_SEGS_MAX], c, up;
	uint32_t depth = 0, i, idx;

	for (; n != pin_obj_root(o) && depth < PATH_SEGS_MAX;
	    n = pin__tree_parent(o, n))
		seg[depth++] = n;
	for (i = depth; i-- > 0;) {
		up = pin__tree_parent(o, seg[i]);
		if (pin_obj_type(o, up) == PIN_ARRAY) {
			idx = 0;
			for (c = pin_obj_first(o, up); c != seg[i];
			    c = pin_obj_next(o, c))
				idx++;
			pin_out_printf(out, "[%u]", idx);
			continue;
		}
		if (i + 1 < depth)
			pin_out_char(out, '.');
		pin_out_str(out, pin_obj_key(o, seg[i]));
	}
}

static void
warn(struct warner *w, const char *what, pin_node n)
{
	struct pin_out out;

	if (w->n++ >= WARN_MAX)
		return;
	pin_out_init(&out, NULL, WARN_TEXT_MAX);
	pin_out_printf(&out, "%s%s field \"", w->head, what);
	put_path(&out, w->o, n);
	pin_out_char(&out, '"');
	w->fn(w->ctx, (struct pin_str){ out.p, out.len });
	pin_out_fini(&out);
}

static void
warn_dup(void *ctx, pin_node parent, pin_node n)
{
	(void)parent;
	warn(ctx, "duplicate", n);
}

static int
op_field(struct pin_str key)
{
	return (pin_str_is(key, "op") || pin_str_is(key, "path") ||
	    pin_str_is(key, "from") || pin_str_is(key, "value"));
}

void
pin_patch_strict(int kind, const struct pin_obj *patch,
    pin_patch_warn_fn *fn, void *ctx)
{
	struct warner w = { .o = patch, .fn = fn, .ctx = ctx,
	    .head = kind == PIN_PATCH_JSON ? "json patch " : "" };
	pin_node op, f;

	(void)each_dup(patch, warn_dup, &w);
	if (kind != PIN_PATCH_JSON)
		return;
	for (op = pin_obj_first(patch, pin_obj_root(patch)); op != 0;
	    op = pin_obj_next(patch, op))
		for (f = pin_obj_first(patch, op); f != 0;
		    f = pin_obj_next(patch, f))
			if (!op_field(pin_obj_key(patch, f)))
				warn(&w, "unknown", f);
}

int
pin_patch_parse(struct pin_arena *arena, int kind, struct pin_str text,
    struct pin_obj **out, struct pin_err *err)
{
	int rc;

	rc = pin_obj_parse(arena, text.p, text.len, out, err);
	if (rc == PIN_EINVAL && err != NULL && kind != PIN_PATCH_STRATEGIC)
		return (pin_err_wrap(err, "error decoding patch"));
	return (rc);
}
