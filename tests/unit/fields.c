/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fields -- replays recorded writes: the object before, the object after and
 * the managedFields the reference server gave it (tests/unit/data/fields,
 * see the README there); and what no server answer shows.
 * With a file as argument only that file is replayed. */
#include "lib/fields/fields.h"
#include "lib/fields/set.h"
#include "slurp.h"
#include "tap.h"

#define DATA	"tests/unit/data/fields/"

static struct pin_obj *types;		/* schema.json */
static struct pin_fields_key keys[512];	/* of list types, as met */
static uint32_t nkeys;

static struct pin_str
str_of(pin_node n, const char *key)
{
	return (pin_obj_str(types, pin_obj_get(types, n, key)));
}

static void
describe(pin_node n, struct pin_fields_type *t)
{
	struct pin_str s;
	pin_node k;

	if (pin_obj_type(types, n) == PIN_STRING) {
		s = pin_obj_str(types, n);
		n = pin_obj_getn(types, pin_obj_get(types,
		    pin_obj_root(types), "types"), s.p, s.len);
	}
	memset(t, 0, sizeof(*t));
	t->id = n;
	s = str_of(n, "kind");
	t->kind = pin_str_is(s, "scalar") ? PIN_FT_SCALAR :
	    pin_str_is(s, "struct") ? PIN_FT_STRUCT :
	    pin_str_is(s, "map") ? PIN_FT_MAP :
	    pin_str_is(s, "list") ? PIN_FT_LIST : PIN_FT_ANY;
	s = str_of(n, "rel");
	t->relation = pin_str_is(s, "atomic") ? PIN_FT_ATOMIC :
	    pin_str_is(s, "set") ? PIN_FT_SET :
	    pin_str_is(s, "keyed") ? PIN_FT_KEYED : PIN_FT_GRANULAR;
	if (t->relation != PIN_FT_KEYED)
		return;
	if (nkeys + 8 > PIN_LEN(keys))
		nkeys = 0;	/* a ring: nobody keeps them for long */
	t->keys = &keys[nkeys];
	for (k = pin_obj_first(types, pin_obj_get(types, n, "keys")); k != 0;
	    k = pin_obj_next(types, k)) {
		keys[nkeys].name = pin_obj_str(types, pin_obj_first(types,
		    k));
		keys[nkeys++].dflt = pin_obj_str(types, pin_obj_next(types,
		    pin_obj_first(types, k)));
		t->nkeys++;
	}
}

static int
type_field(const void *ctx, const struct pin_fields_type *t, const char *name,
    size_t len, struct pin_fields_type *out)
{
	pin_node n;

	(void)ctx;
	n = pin_obj_getn(types, pin_obj_get(types, t->id, "fields"), name,
	    len);
	if (n != 0)
		describe(n, out);
	return (n != 0);
}

static void
type_element(const void *ctx, const struct pin_fields_type *t,
    struct pin_fields_type *out)
{
	(void)ctx;
	if (t->kind == PIN_FT_ANY)
		memset(out, 0, sizeof(*out));
	else
		describe(pin_obj_get(types, t->id, "elem"), out);
}

static const struct pin_fields_schema schema = { .field = type_field,
    .element = type_element };

static void
root_type(struct pin_str kind, struct pin_fields_type *t)
{
	describe(pin_obj_getn(types, pin_obj_get(types, pin_obj_root(types),
	    "roots"), kind.p, kind.len), t);
}

static struct pin_obj *
sub(struct pin_arena *a, const struct pin_obj *o, pin_node n)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *out = NULL;
	struct pin_out text;

	pin_out_init(&text, a, PIN_OBJ_TEXT_MAX);
	pin_obj_write(o, n, &text);
	if (pin_obj_parse(a, text.p, text.len, &out, &err) != PIN_OK)
		BAIL("case: %s", err.text);
	return (out);
}

static const char *
show(struct pin_arena *a, const struct pin_obj *o, pin_node n)
{
	struct pin_out out;

	pin_out_init(&out, a, PIN_OBJ_TEXT_MAX);
	if (n == 0)
		pin_out_cstr(&out, "[]");
	else
		pin_obj_write(o, n, &out);
	pin_out_char(&out, '\0');
	return (out.p);
}

static pin_node
managed(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "managedFields",
	    NULL));
}

static void
fill_op(const struct pin_obj *o, pin_node c, struct pin_fields_op *op,
    struct pin_str *reset)
{
	pin_node n;

	memset(op, 0, sizeof(*op));
	op->schema = &schema;
	root_type(pin_obj_str(o, pin_obj_get(o, c, "kind")), &op->root);
	op->manager = pin_obj_str(o, pin_obj_get(o, c, "manager"));
	op->api_version = pin_obj_str(o, pin_obj_get(o, c, "apiVersion"));
	op->subresource = pin_obj_str(o, pin_obj_get(o, c, "subresource"));
	op->now = pin_obj_str(o, pin_obj_get(o, c, "now"));
	op->reset = reset;
	for (n = pin_obj_first(o, pin_obj_get(o, c, "reset")); n != 0;
	    n = pin_obj_next(o, n))
		reset[op->nreset++] = pin_obj_str(o, n);
}

static void
replay(const struct pin_obj *o, pin_node c)
{
	struct pin_arena *a = pin_arena_new(64u << 20);
	struct pin_obj *old = sub(a, o, pin_obj_get(o, c, "old"));
	struct pin_obj *new = sub(a, o, pin_obj_get(o, c, "new"));
	struct pin_str reset[PIN_FIELDS_RESET_MAX];
	struct pin_err err = PIN_ERR_INIT;
	struct pin_fields_op op;
	const char *got, *want;

	fill_op(o, c, &op, reset);
	CASE("server: " PIN_SFMT, PIN_SARG(pin_obj_str(o, pin_obj_get(o, c,
	    "name")))) {
		CHECK_INT(pin_fields_update(a, &op, old, new, &err), PIN_OK);
		got = show(a, new, managed(new));
		want = show(a, o, pin_obj_get(o, c, "want"));
		/* Order counts, of entries and inside FieldsV1. */
		CHECK_STR(got, want);
	}
	pin_arena_free(&a);
}

static void
replay_file(const char *path)
{
	struct pin_obj *o = slurp_json(path);
	pin_node c;

	for (c = pin_obj_first(o, pin_obj_root(o)); c != 0;
	    c = pin_obj_next(o, c))
		replay(o, c);
	pin_obj_free(&o);
}

int
main(int argc, char **argv)
{
	types = slurp_json(DATA "schema.json");
	replay_file(argc > 1 ? argv[1] : DATA "server.json");
	pin_obj_free(&types);
	return (tap_done());
}
