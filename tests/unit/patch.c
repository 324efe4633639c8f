/* SPDX-License-Identifier: BSD-2-Clause
 *
 * patch -- replays recorded patches of all three types against what the
 * reference's libraries made of them (tests/unit/data/patch, see the README
 * there), and checks limits by hand.
 * With a file as argument only that file is replayed. */
#include "lib/patch/patch.h"
#include "slurp.h"
#include "tap.h"

#define DATA	"tests/unit/data/patch/"

static struct pin_obj *types;		/* schema.json */

/* A type is the node of its description. */
static int
type_lookup(const void *ctx, uint32_t type, const char *name, size_t len,
    struct pin_merge_field *out)
{
	const struct pin_obj *o = ctx;
	struct pin_str s;
	int64_t flags = 0;
	pin_node f;

	f = pin_obj_getn(o, pin_obj_get(o, type, "fields"), name, len);
	if (f == 0)
		return (0);
	(void)pin_obj_i64(o, pin_obj_get(o, f, "flags"), &flags);
	s = pin_obj_str(o, pin_obj_get(o, f, "type"));
	out->type = pin_obj_getn(o, pin_obj_get(o, pin_obj_root(o), "types"),
	    s.p, s.len);
	out->flags = (uint32_t)flags;
	out->key = pin_obj_str(o, pin_obj_get(o, f, "key"));
	return (1);
}

static const char *
type_name(const void *ctx, uint32_t type, int *is_struct)
{
	static char name[128];
	const struct pin_obj *o = ctx;

	*is_struct = pin_obj_true(o, pin_obj_get(o, type, "struct"));
	snprintf(name, sizeof(name), PIN_SFMT,
	    PIN_SARG(pin_obj_str(o, pin_obj_get(o, type, "name"))));
	return (name);
}

static uint32_t
root_type(struct pin_str name)
{
	pin_node root = pin_obj_root(types);
	struct pin_str id;

	id = pin_obj_str(types, pin_obj_getn(types, pin_obj_get(types, root,
	    "roots"), name.p, name.len));
	return (pin_obj_getn(types, pin_obj_get(types, root, "types"), id.p,
	    id.len));
}

static struct pin_obj *
sub(const struct pin_obj *o, pin_node n)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *out = NULL;
	struct pin_out text;

	pin_out_init(&text, NULL, PIN_OBJ_TEXT_MAX);
	pin_obj_write(o, n, &text);
	if (pin_obj_parse(NULL, text.p, text.len, &out, &err) != PIN_OK)
		BAIL("case: %s", err.text);
	pin_out_fini(&text);
	return (out);
}

static const char *
show(const struct pin_obj *o, pin_node n)
{
	static char text[2][8192];
	static int turn;
	struct pin_out out;

	turn ^= 1;
	pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
	pin_obj_write(o, n, &out);
	snprintf(text[turn], sizeof(text[0]), "%.*s", (int)out.len, out.p);
	pin_out_fini(&out);
	return (text[turn]);
}

static int
apply(struct pin_obj *doc, const struct pin_obj *patch, const char *op,
    uint32_t type, struct pin_err *err)
{
	struct pin_merge_schema schema = { .ctx = types,
	    .lookup = type_lookup, .name = type_name };

	if (strcmp(op, "json") == 0)
		return (pin_json_patch(doc, patch, err));
	if (strcmp(op, "merge") == 0)
		return (pin_merge_patch(doc, patch, err));
	return (pin_strategic_patch(doc, patch, &schema, type, err));
}

static int
status(int rc)
{
	return (rc == PIN_OK ? 0 : pin_err_http(rc));
}

static void
check_error(const struct pin_obj *o, pin_node c, int rc,
    const struct pin_err *err)
{
	pin_node e = pin_obj_get(o, c, "error");
	char want[2048];
	int64_t code = 0;

	snprintf(want, sizeof(want), PIN_SFMT, PIN_SARG(pin_obj_str(o, e)));
	(void)pin_obj_i64(o, pin_obj_get(o, c, "code"), &code);
	CHECK_INT(status(rc), code);
	if (e != 0 && strncmp(want, "panic", 5) != 0)
		CHECK_STR(err->text, want);
}

static void
replay(const struct pin_obj *o, pin_node c)
{
	struct pin_str op = pin_obj_str(o, pin_obj_get(o, c, "op"));
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, c, "name"));
	struct pin_obj *doc = sub(o, pin_obj_get(o, c, "doc"));
	struct pin_obj *patch = sub(o, pin_obj_get(o, c, "patch"));
	pin_node want = pin_obj_get(o, c, "result");
	struct pin_err err = PIN_ERR_INIT;
	char opname[16];
	int rc;

	snprintf(opname, sizeof(opname), PIN_SFMT, PIN_SARG(op));
	CASE("%s: " PIN_SFMT, opname, PIN_SARG(name)) {
		rc = apply(doc, patch, opname, root_type(pin_obj_str(o,
		    pin_obj_get(o, c, "type"))), &err);
		check_error(o, c, rc, &err);
		if (rc == PIN_OK && !CHECK(pin_obj_equal(doc,
		    pin_obj_root(doc), o, want))) {
			tap_diag("got  %s", show(doc, pin_obj_root(doc)));
			tap_diag("want %s", show(o, want));
		}
	}
	pin_obj_free(&doc);
	pin_obj_free(&patch);
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

/* ---- by hand ----------------------------------------------------------- */

static struct pin_obj *
parse(const char *text)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;

	if (pin_obj_parse(NULL, text, strlen(text), &o, &err) != PIN_OK)
		BAIL("%s: %s", text, err.text);
	return (o);
}

static int
try_json(const char *doc, const char *patch, struct pin_err *err)
{
	struct pin_obj *d = parse(doc), *p = parse(patch);
	int rc = pin_json_patch(d, p, err);

	pin_obj_free(&d);
	pin_obj_free(&p);
	return (rc);
}

static void
ops_limit(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_out out;
	int i, n;

	CASE("10000 operations are taken, one more is 413") {
		for (n = PIN_PATCH_OPS_MAX; n <= PIN_PATCH_OPS_MAX + 1; n++) {
			pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
			for (i = 0; i < n; i++)
				pin_out_cstr(&out, i == 0 ? "[{\"op\":\"test\","
				    "\"path\":\"/a\",\"value\":1}" :
				    ",{\"op\":\"test\",\"path\":\"/a\","
				    "\"value\":1}");
			pin_out_cstr(&out, "]");
			pin_out_char(&out, '\0');
			CHECK_INT(try_json("{\"a\":1}", out.p, &err),
			    n > PIN_PATCH_OPS_MAX ? PIN_ETOOBIG : PIN_OK);
			pin_out_fini(&out);
		}
		CHECK_STR(err.text, "Request entity too large: The allowed "
		    "maximum operations in a JSON patch is 10000, got 10001");
	}
}

static void
copy_limit(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_out out, doc;
	int i;

	CASE("copies may not add more than 3 MiB") {
		pin_out_init(&doc, NULL, PIN_OBJ_TEXT_MAX);
		pin_out_cstr(&doc, "{\"a\":[],\"b\":\"");
		memset(pin_out_room(&doc, 1u << 20), 'x', 1u << 20);
		pin_out_cstr(&doc, "\"}");
		pin_out_char(&doc, '\0');
		pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
		for (i = 0; i < 3; i++)
			pin_out_printf(&out, "%c{\"op\":\"copy\",\"from\":"
			    "\"/b\",\"path\":\"/a/-\"}", i == 0 ? '[' : ',');
		pin_out_cstr(&out, "]");
		pin_out_char(&out, '\0');
		CHECK_INT(try_json(doc.p, out.p, &err), PIN_EINVALID);
		CHECK_STR(err.text, "Unable to complete the copy, the "
		    "accumulated size increase of copy is 3145734, exceeding "
		    "the limit 3145728");
		pin_out_fini(&out);
		pin_out_fini(&doc);
	}
}

static void
shapes(void)
{
	static const struct {
		const char	*patch;
		int		 rc;
		const char	*text;
	} t[] = {
		{ "{}", PIN_EINVAL, "error decoding patch: json: cannot "
		    "unmarshal object into Go value of type "
		    "[]handlers.jsonPatchOp" },
		{ "[1]", PIN_EINVAL, "error decoding patch: json: cannot "
		    "unmarshal number into Go value of type "
		    "handlers.jsonPatchOp" },
		{ "[{\"op\":1}]", PIN_EINVAL, "error decoding patch: json: "
		    "cannot unmarshal number into Go struct field "
		    "jsonPatchOp.op of type string" },
		{ "null", PIN_OK, "" },
		{ "[]", PIN_OK, "" },
		{ "[null]", PIN_EINVALID, "Unexpected kind: unknown" },
	};
	size_t i;

	for (i = 0; i < PIN_LEN(t); i++) {
		struct pin_err err = PIN_ERR_INIT;

		CASE("the JSON Patch %s", t[i].patch) {
			CHECK_INT(try_json("{}", t[i].patch, &err), t[i].rc);
			CHECK_STR(err.text, t[i].text);
		}
	}
}

static void
note(void *ctx, struct pin_str text)
{
	pin_out_str(ctx, text);
	pin_out_char(ctx, ';');
}

static void
strict(void)
{
	struct pin_obj *p = parse("{\"a\":1,\"b\":[{\"c\":1,\"c\":2}],"
	    "\"a\":2,\"d\":{\"e\":{\"f\":1,\"f\":1}}}");
	struct pin_obj *j = parse("[{\"op\":\"test\",\"foo\":1},"
	    "{\"op\":\"test\",\"op\":\"add\"}]");
	struct pin_out out;

	CASE("equal keys and unknown members are warned about") {
		pin_out_init(&out, NULL, 4096);
		pin_patch_strict(PIN_PATCH_MERGE, p, note, &out);
		pin_out_char(&out, '\0');
		CHECK_STR(out.p, "duplicate field \"a\";duplicate field "
		    "\"b[0].c\";duplicate field \"d.e.f\";");
		pin_out_fini(&out);
		pin_out_init(&out, NULL, 4096);
		pin_patch_strict(PIN_PATCH_JSON, j, note, &out);
		pin_out_char(&out, '\0');
		CHECK_STR(out.p, "json patch duplicate field \"[1].op\";"
		    "json patch unknown field \"[0].foo\";");
		pin_out_fini(&out);
	}
	pin_obj_free(&p);
	pin_obj_free(&j);
}

/* {"a":{"a":...}} */
static struct pin_obj *
deep(int n)
{
	struct pin_obj *o;
	struct pin_out out;
	int i;

	pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
	for (i = 0; i < n; i++)
		pin_out_cstr(&out, "{\"sub\":");
	pin_out_cstr(&out, "{}");
	for (i = 0; i < n; i++)
		pin_out_char(&out, '}');
	pin_out_char(&out, '\0');
	o = parse(out.p);
	pin_out_fini(&out);
	return (o);
}

static void
depth(void)
{
	struct pin_obj *d = deep(PIN_OBJ_DEPTH_MAX - 2);
	struct pin_obj *p = deep(PIN_OBJ_DEPTH_MAX - 2);
	struct pin_err err = PIN_ERR_INIT;

	CASE("depth needs no stack: merge patch at any, strategic refuses") {
		CHECK_INT(pin_merge_patch(d, p, &err), PIN_OK);
		CHECK_INT(apply(d, p, "smp", root_type(PIN_STR("Item")),
		    &err), PIN_ELIMIT);
		CHECK_STR(err.text,
		    "strategic merge patch: nested deeper than 256");
	}
	pin_obj_free(&d);
	pin_obj_free(&p);
}

/* Wide maps and long lists must not cost their square. */
static void
wide(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *d, *p;
	struct pin_out out;
	uint64_t t;
	int i;

	CASE("100000 members and 50000 list items merge in linear time") {
		pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
		pin_out_cstr(&out, "{\"x\":0");
		for (i = 0; i < 100000; i++)
			pin_out_printf(&out, ",\"k%d\":%d", i, i);
		pin_out_cstr(&out, ",\"mlist\":[{\"name\":\"x\"}");
		for (i = 0; i < 50000; i++)
			pin_out_printf(&out, ",{\"name\":\"n%d\"}", i);
		pin_out_cstr(&out, "],\"mstrs\":[\"x\"");
		for (i = 0; i < 50000; i++)
			pin_out_printf(&out, ",\"s%d\"", i);
		pin_out_cstr(&out, "]}");
		pin_out_char(&out, '\0');
		d = parse(out.p);
		p = parse(out.p);
		t = tap_now_ms();
		CHECK_INT(pin_merge_patch(d, p, &err), PIN_OK);
		CHECK_INT(apply(d, p, "smp", root_type(PIN_STR("Item")),
		    &err), PIN_OK);
		CHECK(pin_obj_equal(d, pin_obj_root(d), p, pin_obj_root(p)));
		CHECK(tap_now_ms() - t < 5000);
		pin_obj_free(&d);
		pin_obj_free(&p);
		pin_out_fini(&out);
	}
}

int
main(int argc, char **argv)
{
	types = slurp_json(DATA "schema.json");
	if (argc > 1) {
		replay_file(argv[1]);
		return (tap_done());
	}
	replay_file(DATA "json.json");
	replay_file(DATA "merge.json");
	replay_file(DATA "strategic.json");
	shapes();
	strict();
	ops_limit();
	copy_limit();
	depth();
	wide();
	pin_obj_free(&types);
	return (tap_done());
}
