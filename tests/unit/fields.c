/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fields -- replays recorded writes: the object before, the object after and
 * the managedFields the reference server gave it (tests/unit/data/fields,
 * see the README there); and what no server answer shows.
 * With a file as argument only that file is replayed. */
#include "lib/fields/fields.h"
#include "lib/patch/tree.h"
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

/* ---- apply ------------------------------------------------------------- */

static int
defaulted(struct pin_str key)
{
	return (pin_str_is(key, "terminationMessagePath") ||
	    pin_str_is(key, "terminationMessagePolicy") ||
	    pin_str_is(key, "imagePullPolicy") ||
	    pin_str_is(key, "protocol") || pin_str_is(key, "replicas"));
}

/* What the server fills in after, or what decoding drops. */
static void
settle(struct pin_obj *o)
{
	static const char *const meta[] = { "managedFields", "namespace",
	    "resourceVersion", "generation", "uid", "creationTimestamp" };
	pin_node m = pin_obj_get(o, pin_obj_root(o), "metadata");
	size_t i;

	for (i = 0; i < PIN_LEN(meta); i++)
		(void)pin_obj_unset(o, m, meta[i]);
	pin__tree_prune(o, pin_obj_root(o));
	for (m = pin_obj_root(o); m != 0; m = pin__tree_next(o,
	    pin_obj_root(o), m)) {
		pin_node c;

		for (c = pin_obj_type(o, m) == PIN_OBJECT ?
		    pin_obj_first(o, m) : 0; c != 0; c = pin_obj_next(o, c))
			if ((pin_obj_type(o, c) >= PIN_ARRAY &&
			    pin_obj_count(o, c) == 0) ||
			    defaulted(pin_obj_key(o, c)))
				pin_obj_remove(o, m, c);
	}
}

static void
check_causes(const struct pin_obj *o, pin_node c,
    const struct pin_fields_conflicts *got)
{
	pin_node n, causes = pin_obj_get(o, c, "causes");
	struct pin_str want;
	char text[256];
	uint32_t i, found;

	CHECK_INT(got->n, pin_obj_count(o, causes));
	/* The reference lists managers in no order. */
	for (n = pin_obj_first(o, causes); n != 0; n = pin_obj_next(o, n)) {
		want = pin_obj_str(o, pin_obj_next(o, pin_obj_first(o, n)));
		found = 0;
		for (i = 0; i < got->n; i++) {
			snprintf(text, sizeof(text), "conflict with "
			    PIN_SFMT, PIN_SARG(got->v[i].manager));
			found += pin_str_eq(got->v[i].field, want) &&
			    pin_str_is(pin_obj_str(o, pin_obj_first(o, n)),
			    text);
		}
		CHECK_INT(found, 1);
	}
}

static void
apply_case(const struct pin_obj *o, pin_node c)
{
	struct pin_arena *a = pin_arena_new(64u << 20);
	struct pin_obj *live = sub(a, o, pin_obj_get(o, c, "live")), *out;
	struct pin_obj *config = sub(a, o, pin_obj_get(o, c, "config"));
	struct pin_obj *want;
	struct pin_str reset[PIN_FIELDS_RESET_MAX], e;
	struct pin_fields_conflicts conflicts;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_fields_op op;
	int64_t code = 0;
	int rc;

	fill_op(o, c, &op, reset);
	op.empty = sub(a, o, pin_obj_get(o, c, "empty"));
	e = pin_obj_str(o, pin_obj_get(o, c, "error"));
	(void)pin_obj_i64(o, pin_obj_get(o, c, "code"), &code);
	CASE("apply: " PIN_SFMT, PIN_SARG(pin_obj_str(o, pin_obj_get(o, c,
	    "name")))) {
		rc = pin_fields_apply(a, &op, pin_obj_true(o, pin_obj_get(o,
		    c, "force")), live, config, &out, &conflicts, &err);
		CHECK_INT(rc == PIN_OK ? 0 : pin_err_http(rc), code);
		if (rc == PIN_ECONFLICT)
			check_causes(o, c, &conflicts);
		if (rc != PIN_OK) {
			CHECK_MEM(err.text, strlen(err.text), e.p, e.len);
			continue;
		}
		CHECK_STR(show(a, out, managed(out)), show(a, o,
		    pin_obj_get(o, c, "want")));
		if (pin_obj_true(o, pin_obj_get(o, c, "created")) ||
		    pin_obj_get(o, c, "result") == 0)
			continue;	/* defaults come after */
		want = sub(a, o, pin_obj_get(o, c, "result"));
		settle(out);
		settle(want);
		if (!CHECK(pin_obj_equal(out, pin_obj_root(out), want,
		    pin_obj_root(want)))) {
			tap_diag("got  %s", show(a, out, pin_obj_root(out)));
			tap_diag("want %s", show(a, want,
			    pin_obj_root(want)));
		}
	}
	pin_arena_free(&a);
}

static void
replay_file(const char *path)
{
	struct pin_obj *o = slurp_json(path);
	pin_node c;

	for (c = pin_obj_first(o, pin_obj_root(o)); c != 0;
	    c = pin_obj_next(o, c)) {
		if (pin_obj_get(o, c, "config") != 0)
			apply_case(o, c);
		else
			replay(o, c);
	}
	pin_obj_free(&o);
}

/* ---- by hand ----------------------------------------------------------- */

static const char before[] = "{\"metadata\":{\"name\":\"x\",\"uid\":\"1\","
    "\"managedFields\":[{\"manager\":\"a\",\"operation\":\"Update\","
    "\"apiVersion\":\"v1\",\"time\":\"2025-01-01T00:00:00Z\",\"fieldsType\":"
    "\"FieldsV1\",\"fieldsV1\":{\"f:data\":{\".\":{},\"f:k\":{}}}},"
    "{\"manager\":"
    "\"b\",\"operation\":\"Update\",\"apiVersion\":\"v0\",\"time\":"
    "\"2025-01-01T00:00:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":"
    "{\"f:data\":{\"f:l\":{}}}}]},\"data\":{\"k\":\"1\",\"l\":\"2\"}}";

static struct pin_obj *
parse(struct pin_arena *a, const char *text)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;

	if (pin_obj_parse(a, text, strlen(text), &o, &err) != PIN_OK)
		BAIL("%s: %s", text, err.text);
	return (o);
}

static struct pin_fields_op
an_op(const char *kind)
{
	struct pin_fields_op op = { .schema = &schema,
	    .manager = PIN_STR("m"), .api_version = PIN_STR("v1"),
	    .now = PIN_STR("2026-01-01T00:00:00Z") };

	root_type(pin_str(kind), &op.root);
	return (op);
}

static int
only_v1(const void *ctx, struct pin_str version)
{
	(void)ctx;
	return (pin_str_is(version, "v1"));
}

static void
versions_and_times(void)
{
	struct pin_arena *a = pin_arena_new(1u << 20);
	struct pin_obj *old = parse(a, before), *new = parse(a, before);
	struct pin_fields_op op = an_op("ConfigMap");
	struct pin_err err = PIN_ERR_INIT;

	CASE("entries of a version nobody serves are dropped") {
		op.served = only_v1;
		CHECK_INT(pin_fields_update(a, &op, old, new, &err), PIN_OK);
		CHECK_INT(pin_obj_count(new, managed(new)), 1);
	}
	CASE("lists that differ in times only are the old one") {
		new = parse(a, before);
		(void)pin_obj_set_str(new, pin_obj_first(new, managed(new)),
		    "time", PIN_STR("2026-02-02T00:00:00Z"));
		CHECK(pin_fields_keep_times(old, new));
		CHECK(pin_obj_equal(old, managed(old), new, managed(new)));
		(void)pin_obj_set_str(new, pin_obj_first(new, managed(new)),
		    "manager", PIN_STR("z"));
		CHECK(!pin_fields_keep_times(old, new));
	}
	pin_arena_free(&a);
}

static void
malformed(void)
{
	static const struct {
		const char	*list;
		const char	*text;
	} t[] = {
		{ "[{}]", "operation must be `Apply` or `Update`" },
		{ "[{\"operation\":\"Update\"}]",
		    "apiVersion must not be empty" },
		{ "[{\"operation\":\"Apply\",\"apiVersion\":\"v1\"}]",
		    "missing fieldsType in managed fields entry 0" },
		{ "[{\"operation\":\"Apply\",\"apiVersion\":\"v1\","
		    "\"fieldsType\":\"X\"}]", "invalid fieldsType \"X\" in "
		    "managed fields entry 0" },
		{ "[{\"operation\":\"Apply\",\"apiVersion\":\"v1\","
		    "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"x\":{}}}]",
		    "key must be 2 characters long:" },
		{ "[{\"operation\":\"Apply\",\"apiVersion\":\"v1\","
		    "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"fx\":{}}}]",
		    "missing colon: fx" },
	};
	size_t i;

	for (i = 0; i < PIN_LEN(t); i++) {
		struct pin_arena *a = pin_arena_new(1u << 20);
		struct pin_obj *o = parse(a, t[i].list);
		struct pin_err err = PIN_ERR_INIT;

		CASE("refused: %s", t[i].text) {
			CHECK_INT(pin_fields_check(a, o, pin_obj_root(o),
			    &err), PIN_EINVAL);
			CHECK_STR(err.text, t[i].text);
		}
		pin_arena_free(&a);
	}
}

/* A list told apart by keys may hold the same item twice: from then on it
 * is owned as one thing. */
static void
duplicates(void)
{
	static const char one[] = "{\"metadata\":{\"uid\":\"1\","
	    "\"managedFields\":[{\"manager\":\"a\",\"operation\":\"Update\","
	    "\"apiVersion\":\"v1\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":"
	    "{\"f:spec\":{\"f:volumes\":{\"k:{\\\"name\\\":\\\"v\\\"}\":"
	    "{\".\":{},\"f:emptyDir\":{},\"f:name\":{}}}}}}]},\"spec\":"
	    "{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}";
	static const char two[] = "{\"metadata\":{\"uid\":\"1\"},\"spec\":"
	    "{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"v\","
	    "\"hostPath\":{\"path\":\"/\"}}]}}";
	struct pin_arena *a = pin_arena_new(1u << 20);
	struct pin_obj *old = parse(a, one), *new = parse(a, two);
	struct pin_fields_op op = an_op("Pod");
	struct pin_err err = PIN_ERR_INIT;

	CASE("an item that is there twice is one thing of the second owner") {
		CHECK_INT(pin_fields_update(a, &op, old, new, &err), PIN_OK);
		CHECK_STR(show(a, new, managed(new)), "[{\"manager\":\"m\","
		    "\"operation\":\"Update\",\"apiVersion\":\"v1\","
		    "\"time\":\"2026-01-01T00:00:00Z\",\"fieldsType\":"
		    "\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:volumes\":"
		    "{\"k:{\\\"name\\\":\\\"v\\\"}\":{}}}}}]");
	}
	CASE("a null where keys are needed: the object goes on untracked") {
		new = parse(a, "{\"metadata\":{\"uid\":\"1\"},\"spec\":"
		    "{\"volumes\":[null]}}");
		CHECK_INT(pin_fields_update(a, &op, old, new, &err), PIN_OK);
		CHECK_INT(managed(new), 0);
	}
	pin_arena_free(&a);
}

/* Every amount of memory too small is PIN_ENOMEM, nothing else. */
static void
memory(void)
{
	struct pin_fields_op op = an_op("ConfigMap");
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *old, *new;
	struct pin_arena *a, *b;
	size_t size;
	int rc = PIN_ENOMEM;

	CASE("too little memory is an error, whatever the amount") {
		b = pin_arena_new(64u << 20);
		old = parse(b, before);
		for (size = 0; size < 65536 && rc != PIN_OK; size += 64) {
			a = pin_arena_new(size);
			if (a == NULL)
				continue;
			new = parse(b, before);
			(void)pin_obj_set_str(new, pin_obj_get(new,
			    pin_obj_root(new), "data"), "k", PIN_STR("9"));
			rc = pin_fields_update(a, &op, old, new, &err);
			if (rc != PIN_OK)
				CHECK_INT(rc, PIN_ENOMEM);
			pin_arena_free(&a);
		}
		CHECK_INT(rc, PIN_OK);
		pin_arena_free(&b);
	}
}

int
main(int argc, char **argv)
{
	types = slurp_json(DATA "schema.json");
	replay_file(argc > 1 ? argv[1] : DATA "server.json");
	if (argc == 1) {
		replay_file(DATA "apply.json");
		versions_and_times();
		malformed();
		duplicates();
		memory();
	}
	pin_obj_free(&types);
	return (tap_done());
}
