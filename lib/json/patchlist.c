/* SPDX-License-Identifier: BSD-2-Clause
 *
 * patchlist.c -- the list of changes a plugin asks for: checked when it is
 * made, applied by the host when the call ends.
 * Lives in the arena of the call, one thread at a time.
 * Contract: pintle/object.h; pointers are RFC 6901. */
#include "json_int.h"

#include <string.h>

#define PATCH_MAGIC	0x70507463u
#define PATCH_OPS_MAX	65536u
#define PATCH_SEGS_MAX	128u

enum { OP_SET = 1, OP_REMOVE = 2 };

struct op {
	struct op	*next;
	uint32_t	 kind;
	uint32_t	 n;		/* segments */
	struct pin_str	*seg;		/* decoded */
	struct pin_str	 pointer;	/* as it came */
	struct pin_obj	*value;		/* OP_SET */
};

/* A change that could not be noted must not be lost silently: `failed` is
 * kept and refuses the whole list. */
struct pin_patch {
	uint32_t		 magic;
	uint32_t		 n;
	struct pin_arena	*arena;
	struct op		*first, **end;
	int			 failed;
};

struct pin_patch *
pin_patch_new(struct pin_arena *a)
{
	struct pin_patch *p;

	PIN_ASSERT(a != NULL);
	p = pin_arena_zalloc(a, sizeof(*p));
	if (p == NULL)
		return (NULL);
	p->magic = PATCH_MAGIC;
	p->arena = a;
	p->end = &p->first;
	return (p);
}

static int
fail(struct pin_patch *p, int code)
{
	if (p->failed == PIN_OK)
		p->failed = code;
	return (code);
}

/* Decodes one segment in place: ~1 is a slash, ~0 a tilde. */
static int
decode(char *p, struct pin_str *seg)
{
	char *w = p, *start = p;

	for (; *p != '\0' && *p != '/'; p++) {
		if (*p == '~') {
			p++;
			if (*p != '0' && *p != '1')
				return (0);
			*w++ = *p == '0' ? '~' : '/';
		} else
			*w++ = *p;
	}
	seg->p = start;
	seg->len = (size_t)(w - start);
	return (1);
}

/* Splits the pointer of op into segments. */
static int
split(struct pin_patch *p, struct op *op, const char *pointer)
{
	char *copy, *s, *next;
	uint32_t n = 0;

	for (s = strchr(pointer, '/'); s != NULL; s = strchr(s + 1, '/'))
		n++;
	if ((*pointer != '\0' && *pointer != '/'))
		return (PIN_EINVAL);
	if (n > PATCH_SEGS_MAX)
		return (PIN_ELIMIT);
	op->pointer = pin_arena_str(p->arena, pin_str(pointer));
	copy = pin_arena_strndup(p->arena, pointer, strlen(pointer));
	op->seg = pin_arena_alloc(p->arena, (n + 1) * sizeof(*op->seg));
	if (op->pointer.p == NULL || copy == NULL || op->seg == NULL)
		return (PIN_ENOMEM);
	for (s = copy; *s == '/'; s = next) {
		next = s + 1 + strcspn(s + 1, "/");
		if (!decode(s + 1, &op->seg[op->n]))
			return (PIN_EINVAL);
		op->n++;
	}
	PIN_ASSERT(op->n == n);
	return (PIN_OK);
}

/* A new change at the end of the list, its value still missing. */
static int
add(struct pin_patch *p, uint32_t kind, const char *pointer, struct op **out)
{
	struct op *op;
	int rc;

	PIN_VALID(p, PATCH_MAGIC);
	if (p->n == PATCH_OPS_MAX)
		return (PIN_ELIMIT);
	op = pin_arena_zalloc(p->arena, sizeof(*op));
	if (op == NULL)
		return (PIN_ENOMEM);
	op->kind = kind;
	rc = split(p, op, pointer);
	if (rc == PIN_OK && kind == OP_REMOVE && op->n == 0)
		rc = PIN_EINVAL;
	*out = op;
	return (rc);
}

static int
link_op(struct pin_patch *p, struct op *op)
{
	*p->end = op;
	p->end = &op->next;
	p->n++;
	return (PIN_OK);
}

int
pin_patch_set(struct pin_patch *p, const char *pointer, struct pin_str json)
{
	struct op *op;
	int rc;

	rc = add(p, OP_SET, pointer, &op);
	if (rc == PIN_OK)
		rc = pin_obj_parse(p->arena, json.p, json.len, &op->value,
		    NULL);
	return (rc == PIN_OK ? link_op(p, op) : fail(p, rc));
}

int
pin_patch_set_str(struct pin_patch *p, const char *pointer, struct pin_str s)
{
	struct pin_out out;

	PIN_VALID(p, PATCH_MAGIC);
	pin_out_init(&out, p->arena, PIN_OBJ_TEXT_MAX);
	pin_json_quote(&out, s);
	if (out.failed != PIN_OK)
		return (fail(p, out.failed));
	return (pin_patch_set(p, pointer,
	    (struct pin_str){ out.p, out.len }));
}

int
pin_patch_remove(struct pin_patch *p, const char *pointer)
{
	struct op *op;
	int rc;

	rc = add(p, OP_REMOVE, pointer, &op);
	return (rc == PIN_OK ? link_op(p, op) : fail(p, rc));
}

uint32_t
pin_patch_count(const struct pin_patch *p)
{
	PIN_VALID(p, PATCH_MAGIC);
	return (p->n);
}

/* ---- applying ------------------------------------------------------- */

/* The element a segment names; 0 when it names none that is there. */
static pin_node
element(const struct pin_obj *o, pin_node array, struct pin_str seg)
{
	uint32_t i = 0;
	pin_node n;
	size_t k;

	if (seg.len == 0 || seg.len > 9 || (seg.len > 1 && seg.p[0] == '0'))
		return (0);
	for (k = 0; k < seg.len; k++) {
		if (seg.p[k] < '0' || seg.p[k] > '9')
			return (0);
		i = i * 10 + (uint32_t)(seg.p[k] - '0');
	}
	for (n = pin_obj_first(o, array); n != 0 && i != 0; i--)
		n = pin_obj_next(o, n);
	return (n);
}

static pin_node
child(const struct pin_obj *o, pin_node n, struct pin_str seg)
{
	if (pin_obj_type(o, n) == PIN_ARRAY)
		return (element(o, n, seg));
	return (pin_obj_getn(o, n, seg.p, seg.len));
}

static int
misses(const struct op *op, uint32_t i, struct pin_err *err)
{
	return (pin_err_set(err, PIN_EINVALID, "patch \"" PIN_SFMT "\": "
	    "nothing to set at segment " "%u, \"" PIN_SFMT "\"",
	    PIN_SARG(op->pointer), i + 1, PIN_SARG(op->seg[i])));
}

/* Puts `from` under the last segment of op in the container n. */
static pin_node
set_last(struct pin_obj *o, pin_node n, struct pin_str seg,
    const struct pin_obj *from, pin_node value)
{
	pin_node old;

	if (pin_obj_type(o, n) == PIN_OBJECT)
		return (pin_obj_set_node(o, n, seg, from, value));
	if (pin_obj_type(o, n) != PIN_ARRAY)
		return (0);
	if (pin_str_is(seg, "-"))
		return (pin_obj_add_node(o, n, from, value));
	old = element(o, n, seg);
	return (old != 0 ? pin_obj_replace(o, n, old, from, value) : 0);
}

static int
apply_set(struct pin_obj *o, const struct op *op, const struct pin_obj *empty,
    struct pin_err *err)
{
	pin_node n = pin_obj_root(o), next, value = pin_obj_root(op->value);
	uint32_t i;

	if (op->n == 0) {
		(void)pin_obj_replace(o, 0, n, op->value, value);
		return (PIN_OK);
	}
	for (i = 0; i + 1 < op->n; i++) {
		next = child(o, n, op->seg[i]);
		if (next == 0 || pin_obj_type(o, next) == PIN_NULL)
			next = set_last(o, n, op->seg[i], empty,
			    pin_obj_root(empty));
		if (next == 0)
			return (misses(op, i, err));
		n = next;
	}
	if (set_last(o, n, op->seg[i], op->value, value) == 0)
		return (misses(op, i, err));
	return (PIN_OK);
}

/* What is not there is removed already. */
static void
apply_remove(struct pin_obj *o, const struct op *op)
{
	pin_node n = pin_obj_root(o), next;
	uint32_t i;

	for (i = 0; i + 1 < op->n && n != 0; i++)
		n = child(o, n, op->seg[i]);
	while (n != 0 && (next = child(o, n, op->seg[i])) != 0) {
		pin_obj_remove(o, n, next);
		if (pin_obj_type(o, n) == PIN_ARRAY)
			return;
	}
}

int
pin_patch_apply(const struct pin_patch *p, struct pin_obj *o,
    struct pin_err *err)
{
	const struct pin_obj *empty;
	const struct op *op;
	int rc = PIN_OK;

	PIN_VALID(p, PATCH_MAGIC);
	if (p->failed != PIN_OK)
		return (pin_err_set(err, p->failed, "a change could not be "
		    "noted: %s", pin_err_text(p->failed)));
	empty = pin_obj_new(p->arena);
	if (empty == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "no memory to patch"));
	for (op = p->first; op != NULL && rc == PIN_OK; op = op->next) {
		if (op->kind == OP_SET)
			rc = apply_set(o, op, empty, err);
		else
			apply_remove(o, op);
		if (pin_obj_failed(o) != PIN_OK)
			rc = pin_err_set(err, pin_obj_failed(o),
			    "patch \"" PIN_SFMT "\": %s",
			    PIN_SARG(op->pointer),
			    pin_err_text(pin_obj_failed(o)));
	}
	return (rc);
}

/* ---- another process ------------------------------------------------ */

/* A change as bytes: kind, two lengths, pointer with its NUL, JSON. */
void
pin_patch_pack(const struct pin_patch *p, struct pin_out *out)
{
	const struct op *op;
	uint32_t head[3];
	size_t at, len;

	PIN_VALID(p, PATCH_MAGIC);
	if (p->failed != PIN_OK && out->failed == PIN_OK)
		out->failed = p->failed;
	for (op = p->first; op != NULL; op = op->next) {
		head[0] = op->kind;
		head[1] = (uint32_t)op->pointer.len + 1;
		head[2] = 0;
		at = out->len;
		pin_out_put(out, head, sizeof(head));
		pin_out_put(out, op->pointer.p, op->pointer.len + 1);
		len = out->len;
		if (op->value != NULL)
			pin_obj_write(op->value, pin_obj_root(op->value), out);
		if (out->failed != PIN_OK)
			return;
		head[2] = (uint32_t)(out->len - len);
		memcpy(out->p + at, head, sizeof(head));
	}
}

int
pin_patch_unpack(struct pin_patch *p, struct pin_str bytes,
    struct pin_err *err)
{
	struct pin_str json;
	uint32_t head[3];
	const char *ptr;
	int rc;

	PIN_VALID(p, PATCH_MAGIC);
	while (bytes.len != 0) {
		if (bytes.len < sizeof(head))
			break;
		memcpy(head, bytes.p, sizeof(head));
		ptr = bytes.p + sizeof(head);
		bytes.len -= sizeof(head);
		if (head[1] == 0 || head[1] > bytes.len ||
		    head[2] > bytes.len - head[1] ||
		    memchr(ptr, '\0', head[1]) != ptr + head[1] - 1)
			break;
		json.p = ptr + head[1];
		json.len = head[2];
		if (head[0] == OP_SET)
			rc = pin_patch_set(p, ptr, json);
		else if (head[0] == OP_REMOVE && head[2] == 0)
			rc = pin_patch_remove(p, ptr);
		else
			break;
		if (rc != PIN_OK)
			return (pin_err_set(err, rc, "packed patch: change %u "
			    "is refused: %s", p->n + 1, pin_err_text(rc)));
		bytes.p = json.p + json.len;
		bytes.len -= (size_t)head[1] + head[2];
	}
	if (bytes.len != 0)
		return (fail(p, pin_err_set(err, PIN_ECORRUPT,
		    "packed patch: damaged after change %u", p->n)));
	return (PIN_OK);
}
