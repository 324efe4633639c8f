/* SPDX-License-Identifier: BSD-2-Clause
 *
 * parse.c -- the tree of a YAML document to struct pin_obj: scalars
 * resolved, aliases and merges expanded within a budget, keys made strings,
 * equal keys reduced to the last one.
 * One thread at a time; no recursion. Contract: yaml.h. */
#include "yaml_int.h"
#include "lib/json/dup.h"
#include "lib/json/json_int.h"

#include <stdlib.h>
#include <string.h>

/* go-yaml's budget: how much of all decoding may come from aliases. */
#define ALIAS_FREE		100
#define DECODE_FREE		1000
#define RATIO_LOW_COUNT		400000.0
#define RATIO_HIGH_COUNT	4000000.0
#define STRICT_MAX		100	/* equal keys that are reported */

#define LINE_BARE		0x80000000u	/* the key was no string */

enum { F_MAP, F_SEQ, F_MERGE, F_MERGE_SEQ };

/* A container being read. F_MERGE is a map whose members go to the object
 * of the frame below. */
struct frame {
	uint32_t	kind;
	uint32_t	next;		/* child to read */
	uint32_t	alias;		/* alias node that led here, or 0 */
	pin_node	obj;
};

struct decoder {
	struct ydoc	 d;
	struct frame	*frames;
	uint32_t	 n, cap;
	uint64_t	 decodes, alias_decodes;
	uint32_t	 alias_depth;
	struct pin_out	*strict;
	uint32_t	 n_strict;
	uint32_t	*lines;		/* LINE | BARE of values; when strict */
	uint32_t	 lines_cap;
};

static int
fail(struct decoder *x, const char *what)
{
	return (pin_err_set(x->d.err, PIN_EINVAL, "yaml: %s", what));
}

static int
no_memory(struct decoder *x)
{
	int rc = x->d.o->failed == PIN_ELIMIT ? PIN_ELIMIT : PIN_ENOMEM;

	return (pin_err_set(x->d.err, rc, "YAML text: %s",
	    pin_err_text(rc)));
}

static int
count(struct decoder *x)
{
	double n, share;

	x->decodes++;
	x->alias_decodes += x->alias_depth > 0;
	if (x->alias_decodes <= ALIAS_FREE || x->decodes <= DECODE_FREE)
		return (PIN_OK);
	n = (double)x->decodes;
	if (n <= RATIO_LOW_COUNT)
		share = 0.99;
	else if (n >= RATIO_HIGH_COUNT)
		share = 0.10;
	else
		share = 0.99 - 0.89 * ((n - RATIO_LOW_COUNT) /
		    (RATIO_HIGH_COUNT - RATIO_LOW_COUNT));
	if ((double)x->alias_decodes / n > share)
		return (fail(x, "document contains excessive aliasing"));
	return (PIN_OK);
}

/* ---- scalars -------------------------------------------------------- */

static struct pin_str
text_of(const struct decoder *x, const struct ynode *y)
{
	return ((struct pin_str){ x->d.o->text + y->off, y->len });
}

static int
base64_value(int c)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != 0 ? strchr(set, c) : NULL;

	return (at != NULL ? (int)(at - set) : -1);
}

/* Strings of an object are UTF-8: a U+FFFD for each byte that is not. */
static int
make_utf8(struct decoder *x, struct ynode *y)
{
	const char *p = x->d.o->text + y->voff, *end = p + y->vlen;
	struct pin_obj *o = x->d.o;
	size_t n;
	char *w;

	while (p < end && (n = pin__utf8_len(p, end)) != 0)
		p += n;
	if (p == end)
		return (PIN_OK);
	if (!pin__obj_text_room(o, (size_t)y->vlen * 3))
		return (no_memory(x));
	p = o->text + y->voff;
	end = p + y->vlen;
	y->voff = o->text_len;
	for (w = o->text + o->text_len; p < end; p += n != 0 ? n : 1) {
		n = pin__utf8_len(p, end);
		memcpy(w, n != 0 ? p : "\xef\xbf\xbd", n != 0 ? n : 3);
		w += n != 0 ? n : 3;
	}
	y->vlen = (uint32_t)(w - (o->text + o->text_len));
	o->text_len += y->vlen;
	return (PIN_OK);
}

/* !!binary: base64, decoded where it lies (never longer). */
static int
decode_binary(struct decoder *x, struct ynode *y)
{
	char *p = x->d.o->text + y->off, *w = p;
	uint32_t i, bits = 0, n = 0, pad = 0;
	int v;

	for (i = 0; i < y->len; i++) {
		if (p[i] == '\n' || p[i] == '\r')
			continue;
		v = base64_value((unsigned char)p[i]);
		if (p[i] == '=')
			pad++;
		if ((v < 0 && p[i] != '=') || (v >= 0 && pad != 0))
			return (fail(x, "!!binary value contains invalid "
			    "base64 data"));
		bits = bits << 6 | (uint32_t)(v < 0 ? 0 : v);
		if (++n % 4 != 0)
			continue;
		*w++ = (char)(bits >> 16);
		if (pad < 2)
			*w++ = (char)(bits >> 8);
		if (pad < 1)
			*w++ = (char)bits;
		bits = 0;
	}
	if (n % 4 != 0 || pad > 2)
		return (fail(x, "!!binary value contains invalid base64 "
		    "data"));
	y->voff = y->off;
	y->vlen = (uint32_t)(w - p);
	return (make_utf8(x, y));
}

static int
mismatch(struct decoder *x, const struct ynode *y, int is)
{
	static const char *const names[] = { [TAG_STR] = "str",
		[TAG_BOOL] = "bool", [TAG_INT] = "int", [TAG_FLOAT] = "float",
		[TAG_NULL] = "null", [TAG_TIME] = "timestamp",
		[TAG_BINARY] = "binary", [TAG_MERGE] = "merge" };

	return (pin_err_set(x->d.err, PIN_EINVAL, "yaml: cannot decode !!%s "
	    "`" PIN_SFMT "` as a !!%s", names[is], PIN_SARG(text_of(x, y)),
	    names[y->tag]));
}

/* Resolves a scalar once, however often aliases lead to it. */
static int
resolve(struct decoder *x, struct ynode *y, struct yscalar *s)
{
	int tag = y->tag == TAG_NONE && !y->plain ? TAG_STR : y->tag;

	if (!pin__yaml_resolve(tag, text_of(x, y), s))
		return (mismatch(x, y, s->tag));
	if (y->type != 0)
		return (PIN_OK);
	y->voff = y->off;
	y->vlen = y->len;
	if (y->tag == TAG_BINARY && decode_binary(x, y) != PIN_OK)
		return (PIN_EINVAL);
	if (s->type == PIN_NUMBER && s->finite) {
		if (!pin__obj_text_add(x->d.o, s->json, s->len, &y->voff))
			return (no_memory(x));
		y->vlen = (uint32_t)s->len;
	}
	y->type = (uint8_t)s->type;
	return (PIN_OK);
}

/* ---- keys and values ------------------------------------------------ */

/* The target of an alias that may be expanded once more, else y. */
static int
follow(struct decoder *x, uint32_t *y, uint32_t *alias)
{
	struct ynode *n = &x->d.nodes[*y];
	int rc;

	*alias = 0;
	rc = count(x);
	if (rc != PIN_OK || n->kind != Y_ALIAS)
		return (rc);
	if (n->busy)
		return (pin_err_set(x->d.err, PIN_EINVAL, "yaml: anchor '"
		    PIN_SFMT "' value contains itself",
		    PIN_SARG(text_of(x, n))));
	n->busy = 1;
	x->alias_depth++;
	*alias = *y;
	*y = n->alias;
	return (count(x));
}

static void
unfollow(struct decoder *x, uint32_t alias)
{
	if (alias == 0)
		return;
	x->d.nodes[alias].busy = 0;
	x->alias_depth--;
}

static int
push(struct decoder *x, uint32_t kind, uint32_t first, uint32_t alias,
    pin_node obj)
{
	struct frame *f;
	uint32_t cap;

	if (x->n >= PIN_YAML_DEPTH_MAX)
		return (pin_err_set(x->d.err, PIN_ELIMIT,
		    "yaml: exceeded max depth of %d", PIN_YAML_DEPTH_MAX));
	if (x->n == x->cap) {
		cap = x->cap != 0 ? x->cap * 2 : 32;
		f = realloc(x->frames, cap * sizeof(*f));
		if (f == NULL)
			return (no_memory(x));
		x->frames = f;
		x->cap = cap;
	}
	x->frames[x->n++] = (struct frame){ kind, first, alias, obj };
	return (PIN_OK);
}

/* The key as JSON has it: a string. */
static int
read_key(struct decoder *x, uint32_t y, uint32_t *off, uint32_t *len,
    uint32_t *bare)
{
	struct ynode *n;
	struct yscalar s;
	uint32_t alias;
	char buf[64];
	size_t w;
	int rc;

	rc = follow(x, &y, &alias);
	if (rc != PIN_OK)
		return (rc);
	n = &x->d.nodes[y];
	if (n->kind != Y_SCALAR)
		return (fail(x, n->kind == Y_MAP ? "invalid map key: a "
		    "mapping" : "invalid map key: a sequence"));
	rc = resolve(x, n, &s);
	if (rc != PIN_OK)
		return (rc);
	unfollow(x, alias);
	*off = n->voff;
	*len = n->vlen;
	*bare = s.type != PIN_STRING ? LINE_BARE : 0;
	if (s.type == PIN_NULL || s.wide)
		return (pin_err_set(x->d.err, PIN_EINVAL, "unsupported map "
		    "key of type: %s, key: " PIN_SFMT, s.wide ? "uint64" :
		    "%!s(<nil>)", PIN_SARG(s.wide ? text_of(x, n) :
		    PIN_STR("<nil>"))));
	if (s.type == PIN_TRUE || s.type == PIN_FALSE)
		w = (size_t)(s.type == PIN_TRUE ?
		    (memcpy(buf, "true", 4), 4) : (memcpy(buf, "false", 5), 5));
	else if (s.tag == TAG_FLOAT)
		w = pin__yaml_float(s.value, 32, 'g', buf);
	else
		return (PIN_OK);
	*len = (uint32_t)w;
	return (pin__obj_text_add(x->d.o, buf, w, off) ? PIN_OK :
	    no_memory(x));
}

static int
note_line(struct decoder *x, pin_node n, uint32_t line)
{
	uint32_t cap, *p;

	if (x->strict == NULL)
		return (PIN_OK);
	if (n >= x->lines_cap) {
		cap = n * 2;
		p = realloc(x->lines, cap * sizeof(*p));
		if (p == NULL)
			return (no_memory(x));
		x->lines = p;
		x->lines_cap = cap;
	}
	x->lines[n] = line;
	return (PIN_OK);
}

/* Reads the value y into a new node under parent (0: the root). A key is
 * given by its place in the text; `keyed` is 0 under arrays. */
static int
read_value(struct decoder *x, uint32_t y, pin_node parent, uint32_t koff,
    uint32_t klen, uint32_t keyed)
{
	uint32_t alias, line = x->d.nodes[y].line | (keyed & LINE_BARE);
	struct yscalar s;
	struct ynode *n;
	pin_node node;
	int rc, type;

	rc = follow(x, &y, &alias);
	if (rc != PIN_OK)
		return (rc);
	n = &x->d.nodes[y];
	type = n->kind == Y_MAP ? PIN_OBJECT : PIN_ARRAY;
	if (n->kind == Y_SCALAR) {
		rc = resolve(x, n, &s);
		if (rc != PIN_OK)
			return (rc);
		if (s.type == PIN_NUMBER && !s.finite)
			return (pin_err_set(x->d.err, PIN_EINVAL,
			    "json: unsupported value: %s", s.value != s.value ?
			    "NaN" : s.value < 0 ? "-Inf" : "+Inf"));
		type = s.type;
	}
	node = pin__obj_node_add(x->d.o, type, 0, 0);
	if (node == 0)
		return (no_memory(x));
	if (type == PIN_STRING || type == PIN_NUMBER) {
		x->d.o->nodes[node].off = n->voff;
		x->d.o->nodes[node].len = n->vlen;
	}
	if (keyed) {
		x->d.o->nodes[node].koff = koff;
		x->d.o->nodes[node].kt |= klen << PIN__KT_SHIFT |
		    PIN__KT_KEYED;
	}
	if (parent != 0 && !pin__obj_link_last(x->d.o, parent, node))
		return (no_memory(x));
	rc = note_line(x, node, line);
	if (rc != PIN_OK)
		return (rc);
	if (n->kind == Y_SCALAR) {
		unfollow(x, alias);
		return (PIN_OK);
	}
	return (push(x, n->kind == Y_MAP ? F_MAP : F_SEQ, n->off, alias,
	    node));
}

/* ---- merges --------------------------------------------------------- */

static int
is_merge(const struct decoder *x, const struct ynode *y)
{
	return (y->kind == Y_SCALAR && (y->plain || y->tag == TAG_MERGE) &&
	    pin_str_is(text_of(x, y), "<<"));
}

static int
merge_one(struct decoder *x, uint32_t y, pin_node obj)
{
	struct ynode *n = &x->d.nodes[y];
	uint32_t alias;
	int rc;

	if (n->kind == Y_ALIAS)
		n = &x->d.nodes[n->alias];
	if (n->kind != Y_MAP)
		return (fail(x, "map merge requires map or sequence of maps "
		    "as the value"));
	rc = follow(x, &y, &alias);
	if (rc != PIN_OK)
		return (rc);
	return (push(x, F_MERGE, n->off, alias, obj));
}

static int
merge(struct decoder *x, uint32_t y, pin_node obj)
{
	const struct ynode *n = &x->d.nodes[y];

	if (n->kind == Y_SEQ)
		return (push(x, F_MERGE_SEQ, n->last, 0, obj));
	return (merge_one(x, y, obj));
}

/* ---- equal keys ----------------------------------------------------- */

static void
report(struct decoder *x, pin_node n)
{
	if (x->strict == NULL || x->n_strict++ >= STRICT_MAX)
		return;
	if (x->n_strict == 1)
		pin_out_cstr(x->strict, "yaml: unmarshal errors:");
	pin_out_printf(x->strict, "\n  line %lu: key ",
	    (unsigned long)(x->lines[n] & ~LINE_BARE) + 1);
	if (x->lines[n] & LINE_BARE)
		pin_out_str(x->strict, pin_obj_key(x->d.o, n));
	else
		pin_json_quote(x->strict, pin_obj_key(x->d.o, n));
	pin_out_cstr(x->strict, " already set in map");
}

static int
found(void *arg, pin_node member)
{
	(void)arg;
	(void)member;
	return (1);
}

/* Of equal keys only the last stays. */
static int
dedup(struct decoder *x, pin_node obj)
{
	struct pin_obj *o = x->d.o;
	struct pin__keys keys;
	pin_node n, next;
	int rc;

	rc = pin__obj_dups(o, obj, found, NULL);
	if (rc == 1)
		rc = pin__keys_init(&keys, o, obj);
	else if (rc == PIN_OK)
		return (PIN_OK);
	if (rc != PIN_OK)
		return (no_memory(x));
	for (n = pin_obj_first(o, obj); n != 0; n = next) {
		next = pin_obj_next(o, n);
		if (pin__keys_first(&keys, pin_obj_key(o, n)) != n)
			report(x, n);
		if (pin__keys_get(&keys, pin_obj_key(o, n)) != n)
			pin_obj_remove(o, obj, n);
	}
	pin__keys_fini(&keys);
	return (PIN_OK);
}

/* ---- the walk ------------------------------------------------------- */

static int
step_map(struct decoder *x, struct frame *f)
{
	uint32_t key = f->next, value = x->d.nodes[key].next;
	uint32_t koff = 0, klen = 0, bare = 0;
	pin_node obj = f->obj;
	int rc;

	PIN_ASSERT(value != 0);
	f->next = x->d.nodes[value].next;
	if (is_merge(x, &x->d.nodes[key]))
		return (merge(x, value, obj));
	rc = read_key(x, key, &koff, &klen, &bare);
	if (rc != PIN_OK)
		return (rc);
	return (read_value(x, value, obj, koff, klen, 1 | bare));
}

static int
step(struct decoder *x)
{
	struct frame *f = &x->frames[x->n - 1];
	uint32_t y = f->next;

	if (y == 0) {
		x->n--;
		unfollow(x, f->alias);
		return (f->kind == F_MAP ? dedup(x, f->obj) : PIN_OK);
	}
	switch (f->kind) {
	case F_SEQ:
		f->next = x->d.nodes[y].next;
		return (read_value(x, y, f->obj, 0, 0, 0));
	case F_MERGE_SEQ:
		f->next = x->d.nodes[y].prev;
		return (merge_one(x, y, f->obj));
	default:
		return (step_map(x, f));
	}
}

static int
decode(struct decoder *x)
{
	int rc;

	if (x->d.root == 0)
		return (pin__obj_node_add(x->d.o, PIN_NULL, 0, 0) != 0 ?
		    PIN_OK : no_memory(x));
	rc = count(x);			/* the document itself */
	if (rc == PIN_OK)
		rc = read_value(x, x->d.root, 0, 0, 0, 0);
	while (rc == PIN_OK && x->n != 0)
		rc = step(x);
	return (rc);
}

int
pin_yaml_parse_strict(struct pin_arena *a, const char *text, size_t len,
    struct pin_out *strict, struct pin_obj **out, struct pin_err *err)
{
	struct decoder x;
	int rc;

	*out = NULL;
	memset(&x, 0, sizeof(x));
	x.d.err = err;
	x.strict = strict;
	if (len > PIN_OBJ_TEXT_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "YAML text of %zu bytes, "
		    "%u are allowed", len, PIN_OBJ_TEXT_MAX));
	x.d.o = pin__obj_new(a, len, len / 16 + 8);
	if (x.d.o == NULL)
		return (pin_err_set(err, PIN_ENOMEM,
		    "no memory for a YAML text of %zu bytes", len));
	rc = pin__yaml_load(&x.d, text, len);
	if (rc == PIN_OK)
		rc = decode(&x);
	pin__yaml_unload(&x.d);
	free(x.frames);
	free(x.lines);
	if (rc != PIN_OK)
		pin_obj_free(&x.d.o);
	*out = x.d.o;
	return (rc);
}

int
pin_yaml_parse(struct pin_arena *a, const char *text, size_t len,
    struct pin_obj **out, struct pin_err *err)
{
	return (pin_yaml_parse_strict(a, text, len, NULL, out, err));
}
