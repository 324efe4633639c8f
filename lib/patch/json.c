/* SPDX-License-Identifier: BSD-2-Clause
 *
 * json.c -- JSON Patch, RFC 6902, with the habits of the library that the
 * reference server uses: a path needs a slash but not at its start, negative
 * indices count from the end, `replace` of a missing member adds it, `copy`
 * of a missing member adds null, `test` of a missing member against null
 * holds.
 * Pure; operations move nodes, they copy only what the patch brings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/patch/patch.h"
#include "lib/patch/tree.h"
#include "lib/selector/text.h"

struct job {
	struct pin_obj		*o;
	const struct pin_obj	*p;
	pin_node		 op;
	char			*buf;	/* a decoded path segment */
	size_t			 cap;
	uint64_t		 copied;
	struct pin_err		*err;
};

/* Where a path ends: a container and a member or index in it. */
struct place {
	pin_node	con;
	struct pin_str	key;
};

#define NO_PATH	"%s operation does not apply: doc is missing %s: "

static int
refuse(struct job *j, const char *what, struct pin_str path, const char *why)
{
	return (pin_err_set(j->err, PIN_EINVALID, "error in %s for path: '"
	    PIN_SFMT "': %s", what, PIN_SARG(path), why));
}

static int
no_memory(struct job *j)
{
	int rc = pin_obj_failed(j->o) != PIN_OK ? pin_obj_failed(j->o) :
	    PIN_ENOMEM;

	return (pin_err_set(j->err, rc, "JSON patch: %s",
	    pin_err_text(rc)));
}

/* "~1" is "/" and "~0" is "~", from left to right. */
static int
decode(struct job *j, struct pin_str seg, struct pin_str *key)
{
	size_t i, n = 0;
	char *p;

	*key = seg;
	if (seg.len == 0 || memchr(seg.p, '~', seg.len) == NULL)
		return (PIN_OK);
	if (seg.len > j->cap) {
		p = realloc(j->buf, seg.len);
		if (p == NULL)
			return (no_memory(j));
		j->buf = p;
		j->cap = seg.len;
	}
	for (i = 0; i < seg.len; i++) {
		j->buf[n] = seg.p[i];
		if (seg.p[i] == '~' && i + 1 < seg.len &&
		    (seg.p[i + 1] == '0' || seg.p[i + 1] == '1'))
			j->buf[n] = seg.p[++i] == '1' ? '/' : '~';
		n++;
	}
	*key = (struct pin_str){ j->buf, n };
	return (PIN_OK);
}

/* ---- array indices ---------------------------------------------------- */

/* Says why a key is no index: strconv.Atoi's words. */
static void
bad_index(struct pin_str key, char *why, size_t size)
{
	struct pin_out q;
	size_t i = key.len > 0 && (key.p[0] == '-' || key.p[0] == '+');
	const char *what = "value out of range";

	if (i == key.len)
		what = "invalid syntax";
	for (; i < key.len; i++)
		if (key.p[i] < '0' || key.p[i] > '9')
			what = "invalid syntax";
	pin_out_init(&q, NULL, size);
	pin_out_cstr(&q, "strconv.Atoi: parsing ");
	pin__go_quote(&q, key);
	pin_out_printf(&q, ": %s", what);
	if (q.len >= size)
		q.len = size - 1;
	memcpy(why, q.p, q.len);
	why[q.len] = '\0';
	pin_out_fini(&q);
}

/* The index `key` means in a list of len; -1 with *why set when none. */
static int64_t
list_index(struct pin_str key, uint32_t len, char *why, size_t size)
{
	int64_t i, at;
	struct pin_out out;

	if (!pin__go_i64(key, &i)) {
		bad_index(key, why, size);
		return (-1);
	}
	at = i < 0 ? i + (int64_t)len : i;
	if (at >= 0 && at < (int64_t)len)
		return (at);
	pin_out_init(&out, NULL, size);
	pin_out_cstr(&out, "Unable to access invalid index: ");
	pin_out_i64(&out, i);
	pin_out_cstr(&out, ": invalid index referenced");
	pin_out_char(&out, '\0');
	memcpy(why, out.p, out.len);
	pin_out_fini(&out);
	return (-1);
}

static pin_node
nth(const struct pin_obj *o, pin_node list, int64_t i)
{
	uint32_t len = pin_obj_count(o, list);
	pin_node n = pin_obj_first(o, list);

	if (i > len / 2) {
		for (i = len - i; i > 0; i--)
			n = o->nodes[n].prev;
		return (n);
	}
	for (; i > 0; i--)
		n = pin_obj_next(o, n);
	return (n);
}

/* ---- places ----------------------------------------------------------- */

/* What the key names now; null members count as missing. *why is set when
 * the key cannot be looked up at all. */
static pin_node
place_get(struct job *j, const struct place *at, char *why, size_t size)
{
	int64_t i;
	pin_node n;

	why[0] = '\0';
	if (pin_obj_type(j->o, at->con) == PIN_OBJECT)
		n = pin_obj_getn(j->o, at->con, at->key.p, at->key.len);
	else {
		i = list_index(at->key, pin_obj_count(j->o, at->con), why,
		    size);
		n = i < 0 ? 0 : nth(j->o, at->con, i);
	}
	return (n);
}

/* at->con is 0 when the path leads nowhere. */
static int
find(struct job *j, struct pin_str path, struct place *at)
{
	const char *p, *end = path.p + path.len, *slash;
	struct pin_str seg;
	char why[128];

	at->con = 0;
	p = path.len > 0 ? memchr(path.p, '/', path.len) : NULL;
	if (p == NULL)
		return (PIN_OK);
	at->con = pin_obj_root(j->o);
	for (p++;; p = slash + 1) {
		slash = p < end ? memchr(p, '/', (size_t)(end - p)) : NULL;
		seg.p = p;
		seg.len = (size_t)((slash != NULL ? slash : end) - p);
		if (decode(j, seg, &at->key) != PIN_OK)
			return (PIN_ENOMEM);
		if (slash == NULL)
			return (PIN_OK);
		at->con = place_get(j, at, why, sizeof(why));
		if (pin_obj_type(j->o, at->con) < PIN_ARRAY) {
			at->con = 0;
			return (PIN_OK);
		}
	}
}

static int
put_member(struct job *j, const struct place *at, pin_node n)
{
	pin_node old = pin_obj_getn(j->o, at->con, at->key.p, at->key.len);

	if (old != 0) {
		pin__tree_become(j->o, old, n);
		return (PIN_OK);
	}
	return (pin__tree_put(j->o, at->con, at->key, n) ? PIN_OK :
	    no_memory(j));
}

/* Links a detached node into a list before position i. */
static void
link_at(struct pin_obj *o, pin_node list, pin_node n, int64_t i)
{
	pin_node before, first = pin_obj_first(o, list), prev;

	if (i == pin_obj_count(o, list)) {
		pin__obj_link_last(o, list, n);
		return;
	}
	before = nth(o, list, i);
	prev = o->nodes[before].prev;
	o->nodes[n].prev = prev;
	o->nodes[n].next = before;
	o->nodes[before].prev = n;
	if (before == first)
		o->nodes[list].off = n;
	else
		o->nodes[prev].next = n;
	o->nodes[list].len++;
}

/* Adds a detached node. */
static int
place_add(struct job *j, const struct place *at, pin_node n, char *why,
    size_t size)
{
	uint32_t len = pin_obj_count(j->o, at->con);
	char inner[128];
	int64_t i;

	why[0] = '\0';
	if (n == 0)
		return (no_memory(j));
	if (pin_obj_type(j->o, at->con) == PIN_OBJECT)
		return (put_member(j, at, n));
	if (pin_str_is(at->key, "-"))
		i = len;
	else
		i = list_index(at->key, len + 1, why, size);
	if (i < 0) {
		if (strncmp(why, "strconv", 7) == 0) {
			memcpy(inner, why, sizeof(inner));
			inner[sizeof(inner) - 1] = '\0';
			snprintf(why, size, "value was not a proper array "
			    "index: '" PIN_SFMT "': %s", PIN_SARG(at->key),
			    inner);
		}
		return (PIN_EINVALID);
	}
	j->o->nodes[n].kt = PIN__TYPE(&j->o->nodes[n]);
	link_at(j->o, at->con, n, i);
	return (PIN_OK);
}

/* Detaches what the key names; 0 with *why set when there is nothing. */
static pin_node
place_take(struct job *j, const struct place *at, char *why, size_t size)
{
	pin_node n;

	n = place_get(j, at, why, size);
	if (n == 0 && why[0] == '\0')
		snprintf(why, size, "Unable to remove nonexistent key: "
		    PIN_SFMT ": missing value", PIN_SARG(at->key));
	if (n != 0)
		pin_obj_remove(j->o, at->con, n);
	return (n);
}

/* ---- operations ------------------------------------------------------- */

/* A detached copy of the operation's value; null when it has none. */
static pin_node
value(struct job *j)
{
	pin_node v = pin_obj_get(j->p, j->op, "value");

	if (v == 0)
		return (pin__obj_node_add(j->o, PIN_NULL, 0, 0));
	return (pin__obj_clone(j->o, j->p, v));
}

/* The member "path" or "from". */
static int
pointer(struct job *j, const char *op, const char *name, struct pin_str *s)
{
	pin_node n = pin_obj_get(j->p, j->op, name);
	const char *inner = "";

	if (pin_obj_type(j->p, n) == PIN_STRING) {
		*s = pin_obj_str(j->p, n);
		return (PIN_OK);
	}
	if (strcmp(name, "from") == 0)
		inner = "operation, missing from field: ";
	else if (strcmp(op, "replace") == 0 || strcmp(op, "move") == 0 ||
	    strcmp(op, "test") == 0)
		inner = "operation missing path field: ";
	return (pin_err_set(j->err, PIN_EINVALID,
	    "%s operation failed to decode %s: %smissing value", op, name,
	    inner));
}

static int
missing(struct job *j, const char *op, const char *what, struct pin_str path,
    int quoted)
{
	return (pin_err_set(j->err, PIN_EINVALID, NO_PATH "%s" PIN_SFMT
	    "%s: missing value", op, what, quoted ? "\"" : "",
	    PIN_SARG(path), quoted ? "\"" : ""));
}

static int
op_add(struct job *j)
{
	struct pin_str path;
	struct place at;
	char why[256];
	int rc;

	rc = pointer(j, "add", "path", &path);
	if (rc == PIN_OK)
		rc = find(j, path, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "add", "path", path, 1));
	rc = place_add(j, &at, value(j), why, sizeof(why));
	return (why[0] != '\0' ? refuse(j, "add", path, why) : rc);
}

static int
op_remove(struct job *j)
{
	struct pin_str path;
	struct place at;
	char why[256];
	int rc;

	rc = pointer(j, "remove", "path", &path);
	if (rc == PIN_OK)
		rc = find(j, path, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "remove", "path", path, 1));
	if (place_take(j, &at, why, sizeof(why)) == 0)
		return (refuse(j, "remove", path, why));
	return (PIN_OK);
}

static int
replace_root(struct job *j)
{
	pin_node v = value(j);

	if (v == 0)
		return (no_memory(j));
	if (pin_obj_type(j->o, v) < PIN_ARRAY)
		return (pin_err_set(j->err, PIN_EINVALID, "replace operation "
		    "value must be object or array: %%!w(<nil>)"));
	pin__tree_become(j->o, pin_obj_root(j->o), v);
	return (PIN_OK);
}

static int
op_replace(struct job *j)
{
	struct pin_str path;
	struct place at;
	pin_node n, v;
	char why[256];
	int rc;

	rc = pointer(j, "replace", "path", &path);
	if (rc == PIN_OK && path.len == 0)
		return (replace_root(j));
	if (rc == PIN_OK)
		rc = find(j, path, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "replace", "path", path, 0));
	n = place_get(j, &at, why, sizeof(why));
	if (why[0] != '\0')
		return (missing(j, "replace", "key", path, 0));
	v = value(j);
	if (v == 0)
		return (no_memory(j));
	if (n == 0)
		return (put_member(j, &at, v));
	pin__tree_become(j->o, n, v);
	return (PIN_OK);
}

static int
op_move(struct job *j)
{
	struct pin_str from, path;
	struct place at;
	char why[256];
	pin_node n;
	int rc;

	rc = pointer(j, "move", "from", &from);
	if (rc == PIN_OK)
		rc = find(j, from, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "move", "from path", from, 0));
	n = place_take(j, &at, why, sizeof(why));
	if (n == 0)
		return (refuse(j, "move", at.key, why));
	rc = pointer(j, "move", "path", &path);
	if (rc == PIN_OK)
		rc = find(j, path, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "move", "destination path", path, 0));
	rc = place_add(j, &at, n, why, sizeof(why));
	return (why[0] != '\0' ? refuse(j, "move", path, why) : rc);
}

static int
op_test(struct job *j)
{
	struct pin_str path;
	struct place at = { .con = 0 };
	pin_node n, v;
	char why[256];
	int rc, null;

	rc = pointer(j, "test", "path", &path);
	if (rc == PIN_OK && path.len > 0)
		rc = find(j, path, &at);
	if (rc != PIN_OK)
		return (rc);
	if (path.len > 0 && at.con == 0)
		return (pin_err_set(j->err, PIN_EINVALID, "test operation "
		    "does not apply: is missing path: " PIN_SFMT
		    ": missing value", PIN_SARG(path)));
	why[0] = '\0';
	n = path.len == 0 ? pin_obj_root(j->o) :
	    place_get(j, &at, why, sizeof(why));
	if (why[0] != '\0')
		return (refuse(j, "test", path, why));
	v = pin_obj_get(j->p, j->op, "value");
	null = pin_obj_type(j->p, v) <= PIN_NULL;
	if (pin_obj_type(j->o, n) <= PIN_NULL ? null :
	    !null && pin_obj_equal(j->o, n, j->p, v))
		return (PIN_OK);
	return (pin_err_set(j->err, PIN_EINVALID, "testing value " PIN_SFMT
	    " failed: test failed", PIN_SARG(path)));
}

/* Counts what a copy adds, in bytes of JSON. */
static int
count_copy(struct job *j, pin_node n)
{
	struct pin_out out;
	int rc = PIN_OK;

	if (n == 0)
		return (PIN_OK);
	pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
	pin_obj_write(j->o, n, &out);
	if (out.failed != PIN_OK)
		rc = no_memory(j);
	j->copied += out.len;
	pin_out_fini(&out);
	if (rc == PIN_OK && j->copied > PIN_PATCH_COPY_MAX)
		rc = pin_err_set(j->err, PIN_EINVALID, "Unable to complete "
		    "the copy, the accumulated size increase of copy is %llu, "
		    "exceeding the limit %u", (unsigned long long)j->copied,
		    PIN_PATCH_COPY_MAX);
	return (rc);
}

static int
op_copy(struct job *j)
{
	struct pin_str from, path;
	struct place at;
	char why[256];
	pin_node n;
	int rc;

	rc = pointer(j, "copy", "from", &from);
	if (rc == PIN_OK)
		rc = find(j, from, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "copy", "from path", from, 0));
	n = place_get(j, &at, why, sizeof(why));
	if (why[0] != '\0')
		return (pin_err_set(j->err, PIN_EINVALID, "error in copy for "
		    "from: '" PIN_SFMT "': %s", PIN_SARG(from), why));
	rc = pointer(j, "copy", "path", &path);
	if (rc == PIN_OK)
		rc = find(j, path, &at);
	if (rc != PIN_OK)
		return (rc);
	if (at.con == 0)
		return (missing(j, "copy", "destination path", path, 0));
	rc = count_copy(j, n);
	if (rc != PIN_OK)
		return (rc);
	n = n != 0 ? pin__obj_clone(j->o, j->o, n) :
	    pin__obj_node_add(j->o, PIN_NULL, 0, 0);
	rc = place_add(j, &at, n, why, sizeof(why));
	if (why[0] == '\0')
		return (rc);
	return (pin_err_set(j->err, PIN_EINVALID,
	    "error while adding value during copy: %s", why));
}

static int
one(struct job *j)
{
	static const struct {
		const char	*name;
		int		(*fn)(struct job *);
	} ops[] = {
		{ "add", op_add }, { "remove", op_remove },
		{ "replace", op_replace }, { "move", op_move },
		{ "test", op_test }, { "copy", op_copy },
	};
	pin_node n = pin_obj_get(j->p, j->op, "op");
	struct pin_str name = pin_obj_str(j->p, n);
	size_t i;

	for (i = 0; i < PIN_LEN(ops); i++)
		if (pin_str_is(name, ops[i].name))
			return (ops[i].fn(j));
	if (pin_obj_type(j->p, n) != PIN_STRING)
		name = PIN_STR("unknown");
	return (pin_err_set(j->err, PIN_EINVALID, "Unexpected kind: "
	    PIN_SFMT, PIN_SARG(name)));
}

/* Is it a list of objects whose members have the right types? */
static int
check(const struct pin_obj *p, struct pin_err *err)
{
	static const char *const names[] = { "op", "path", "from" };
	static const char head[] = "error decoding patch: json: cannot "
	    "unmarshal";
	pin_node root = pin_obj_root(p), op, n;
	int t = pin_obj_type(p, root);
	size_t i;

	if (t != PIN_NULL && t != PIN_ARRAY)
		return (pin_err_set(err, PIN_EINVAL, "%s %s into Go value of "
		    "type []handlers.jsonPatchOp", head, pin__go_kind(t)));
	for (op = pin_obj_first(p, root); op != 0; op = pin_obj_next(p, op)) {
		t = pin_obj_type(p, op);
		if (t == PIN_NULL)
			continue;
		if (t != PIN_OBJECT)
			return (pin_err_set(err, PIN_EINVAL, "%s %s into Go "
			    "value of type handlers.jsonPatchOp", head,
			    pin__go_kind(t)));
		for (i = 0; i < PIN_LEN(names); i++) {
			n = pin_obj_get(p, op, names[i]);
			t = pin_obj_type(p, n);
			if (t > PIN_NULL && t != PIN_STRING)
				return (pin_err_set(err, PIN_EINVAL, "%s %s "
				    "into Go struct field jsonPatchOp.%s of "
				    "type string", head, pin__go_kind(t),
				    names[i]));
		}
	}
	if (pin_obj_count(p, root) > PIN_PATCH_OPS_MAX)
		return (pin_err_set(err, PIN_ETOOBIG, "Request entity too "
		    "large: The allowed maximum operations in a JSON patch is "
		    "%d, got %u", PIN_PATCH_OPS_MAX,
		    pin_obj_count(p, root)));
	return (PIN_OK);
}

int
pin_json_patch(struct pin_obj *doc, const struct pin_obj *patch,
    struct pin_err *err)
{
	struct job j = { .o = doc, .err = err };
	const struct pin_obj *p;
	struct pin_obj *own;
	int rc;

	rc = check(patch, err);
	if (rc == PIN_OK)
		rc = pin__dup_clean(patch, &p, &own, err);
	if (rc != PIN_OK)
		return (rc);
	j.p = p;
	for (j.op = pin_obj_first(p, pin_obj_root(p)); j.op != 0 &&
	    rc == PIN_OK; j.op = pin_obj_next(p, j.op))
		rc = one(&j);
	if (rc == PIN_OK && pin_obj_failed(doc) != PIN_OK)
		rc = no_memory(&j);
	free(j.buf);
	pin_obj_free(&own);
	return (rc);
}
