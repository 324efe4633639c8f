/* SPDX-License-Identifier: BSD-2-Clause
 *
 * yaml -- YAML to objects and back, against answers of the reference.
 * One thread. Contract: lib/yaml/yaml.h. */
#include "lib/yaml/yaml.h"

#include "tap.h"

static const struct {
	const char	*in;
	const char	*out;		/* JSON, or the message */
} texts[] = {
	{ "", "null" }, { "---\n", "null" }, { "# only a comment\n", "null" },
	{ "a: 1\nb: [1,2,{c: d}]\n", "{\"a\":1,\"b\":[1,2,{\"c\":\"d\"}]}" },
	{ "a: yes\nb: 'yes'\nc: ~\nd: 0777\ne: 0x1F\nf: 1_000\ng: 1.5e3\n",
	    "{\"a\":true,\"b\":\"yes\",\"c\":null,\"d\":511,\"e\":31,"
	    "\"f\":1000,\"g\":1500}" },
	{ "a: .5\nb: +1\nc: -0\nd: 0o17\ne: 0b101\nf: 1e400\ng: 08\n",
	    "{\"a\":0.5,\"b\":1,\"c\":0,\"d\":15,\"e\":5,\"f\":\"1e400\","
	    "\"g\":8}" },
	{ "[18446744073709551615, 1e23, 1e-7, 2001-01-01, 12:30]",
	    "[18446744073709551615,1e+23,1e-7,\"2001-01-01\",\"12:30\"]" },
	{ "base: &b {x: 1, z: 2}\nd:\n  <<: *b\n  z: 3\n",
	    "{\"base\":{\"x\":1,\"z\":2},\"d\":{\"x\":1,\"z\":3}}" },
	{ "m: {<<: [{a: 1},{a: 2,b: 3}], c: 1}\n",
	    "{\"m\":{\"b\":3,\"a\":1,\"c\":1}}" },
	{ "l: [&a 1, *a, &a 2, *a]\n", "{\"l\":[1,1,2,2]}" },
	{ "1: a\ntrue: b\n1.5: c\n2e10: d\n",
	    "{\"1\":\"a\",\"true\":\"b\",\"1.5\":\"c\",\"2e+10\":\"d\"}" },
	{ "a: b\na: c\n", "{\"a\":\"c\"}" },
	{ "x: !!binary aGVsbG8=\nz: !!str 5\nw: !!float 3\nv: !foo bar\n",
	    "{\"x\":\"hello\",\"z\":\"5\",\"w\":3,\"v\":\"bar\"}" },
	{ "x: !!binary //8=\n", "{\"x\":\"\xef\xbf\xbd\xef\xbf\xbd\"}" },
	{ "a: |\n  l1\n  l2\nb: >\n  f1\n  f2\nc: \"q\\n\\u00e9\"\n",
	    "{\"a\":\"l1\\nl2\\n\",\"b\":\"f1 f2\\n\","
	    "\"c\":\"q\\n\xc3\xa9\"}" },
	{ "a: 1\n---\nb: 2\n", "{\"a\":1}" },
	{ "{\"json\": [1, 2.50, null, \"x\"]}\n",
	    "{\"json\":[1,2.5,null,\"x\"]}" },
	{ "a: b: c\n",
	    "yaml: mapping values are not allowed in this context" },
	{ "x: 1\na: b: c\n",
	    "yaml: line 2: mapping values are not allowed in this context" },
	{ "a: [1,2\nb: 3\n", "yaml: line 1: did not find expected ',' or "
	    "']'" },
	{ "a: *x\n", "yaml: unknown anchor 'x' referenced" },
	{ "a: &a [*a]\n", "yaml: anchor 'a' value contains itself" },
	{ "<<: 5\n", "yaml: map merge requires map or sequence of maps as "
	    "the value" },
	{ "z: !!int 'x'\n", "yaml: cannot decode !!str `x` as a !!int" },
	{ "z: !!binary '*'\n", "yaml: !!binary value contains invalid base64 "
	    "data" },
	{ "a: .nan\n", "json: unsupported value: NaN" },
	{ "a: \x07\n", "yaml: control characters are not allowed" },
};

static void
test_parse(void)
{
	struct pin_arena *a;
	struct pin_err e;
	struct pin_obj *o;
	struct pin_out out;
	size_t i;
	int rc;

	CASE("texts become what the reference makes of them") {
		for (i = 0; i < PIN_LEN(texts); i++) {
			a = i % 2 ? pin_arena_new(1 << 20) : NULL;
			rc = pin_yaml_parse(a, texts[i].in,
			    strlen(texts[i].in), &o, &e);
			if (rc != PIN_OK) {
				CHECK_STR(e.text, texts[i].out);
				CHECK(o == NULL);
				pin_arena_free(&a);
				continue;
			}
			pin_out_init(&out, NULL, 1 << 20);
			pin_obj_write(o, pin_obj_root(o), &out);
			CHECK_MEM(out.p, out.len, texts[i].out,
			    strlen(texts[i].out));
			pin_out_fini(&out);
			pin_obj_free(&o);
			pin_arena_free(&a);
		}
	}
}

static void
test_nothing(void)
{
	struct pin_obj *o = NULL;
	struct pin_err e;

	CASE("no bytes at no address are null, as no bytes are") {
		CHECK_INT(pin_yaml_parse(NULL, NULL, 0, &o, &e), PIN_OK);
		CHECK_INT(pin_obj_type(o, pin_obj_root(o)), PIN_NULL);
		pin_obj_free(&o);
	}
}

static void
test_strict(void)
{
	static const char text[] = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n1: x\n"
	    "1: y\n";
	struct pin_out strict;
	struct pin_obj *o;
	struct pin_err e;

	CASE("equal keys are told apart for strict readers") {
		pin_out_init(&strict, NULL, 4096);
		CHECK_INT(pin_yaml_parse_strict(NULL, text, sizeof(text) - 1,
		    &strict, &o, &e), PIN_OK);
		pin_out_char(&strict, '\0');
		CHECK_STR(strict.p, "yaml: unmarshal errors:\n"
		    "  line 4: key \"c\" already set in map\n"
		    "  line 5: key \"a\" already set in map\n"
		    "  line 7: key 1 already set in map");
		CHECK_UINT(pin_obj_count(o, 1), 3);
		pin_out_fini(&strict);
		pin_obj_free(&o);
	}
}

static void
test_bomb(void)
{
	struct pin_out text;
	struct pin_obj *o;
	struct pin_err e;
	uint64_t t0 = tap_now_ms();
	int i, j;

	pin_out_init(&text, NULL, 4096);
	pin_out_cstr(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (i = 1; i < 12; i++) {
		pin_out_printf(&text, "a%d: &a%d [", i, i);
		for (j = 0; j < 9; j++)
			pin_out_printf(&text, "*a%d%s", i - 1, j < 8 ? "," :
			    "]\n");
	}
	CASE("a bomb of aliases is refused before it goes off") {
		CHECK_INT(pin_yaml_parse(NULL, text.p, text.len, &o, &e),
		    PIN_EINVAL);
		CHECK_STR(e.text,
		    "yaml: document contains excessive aliasing");
		CHECK(tap_now_ms() - t0 < 10000);
	}
	pin_out_fini(&text);
}

static void
test_limits(void)
{
	size_t n = PIN_YAML_DEPTH_MAX + 10, i;
	char *deep = malloc(n * 2);
	struct pin_arena *a;
	struct pin_obj *o;
	struct pin_err e;
	int rc;

	CASE("more levels than allowed are refused") {
		for (i = 0; i < n; i++)
			memcpy(deep + i * 2, "[\n", 2);
		CHECK_INT(pin_yaml_parse(NULL, deep, n * 2, &o, &e),
		    PIN_ELIMIT);
		CHECK_STR(e.text, "yaml: line 10001: exceeded max depth of "
		    "10000");
		memset(deep, '[', n);
		CHECK_INT(pin_yaml_parse(NULL, deep, n, &o, &e), PIN_ELIMIT);
		CHECK_STR(e.text, "yaml: exceeded max depth of 10000");
	}
	CASE("with every ceiling it reads or says that memory is short") {
		for (i = 0; ; i += 8) {
			a = pin_arena_new(i);
			rc = pin_yaml_parse(a, texts[7].in,
			    strlen(texts[7].in), &o, &e);
			CHECK((rc == PIN_OK) == (o != NULL));
			pin_arena_free(&a);
			if (rc == PIN_OK)
				break;
			CHECK_INT(rc, PIN_ENOMEM);
			CHECK(i < 100000);
		}
	}
	free(deep);
}

static const struct {
	const char	*json;
	const char	*yaml;
} writes[] = {
	{ "null", "null\n" }, { "{}", "{}\n" }, { "[]", "[]\n" },
	{ "{\"b\":[1,{\"x\":null,\"a\":[]}],\"a\":{}}",
	    "a: {}\nb:\n- 1\n- a: []\n  x: null\n" },
	{ "{\"a10\":1,\"a2\":2,\"B\":3,\"_\":4}",
	    "_: 4\nB: 3\na2: 2\na10: 1\n" },
	{ "[\"yes\",\"1\",\"1.5\",\"\",\"~\",\"a: b\",\"- x\",\"#\",\"x\"]",
	    "- \"yes\"\n- \"1\"\n- \"1.5\"\n- \"\"\n- \"~\"\n- 'a: b'\n"
	    "- '- x'\n- '#'\n- x\n" },
	{ "[\"2001-01-01\",\"2026-foo\",\"12:30:45\",\"12:99\",\"<<\"]",
	    "- \"2001-01-01\"\n- 2026-foo\n- \"12:30:45\"\n- 12:99\n- <<\n" },
	{ "{\"k\":\"l1\\nl2\\n\",\"m\":\"x\\ny\"}",
	    "k: |\n  l1\n  l2\nm: |-\n  x\n  y\n" },
	{ "[1e21,1234567.5,1.0,100000,true,-5]",
	    "- 1e+21\n- 1.2345675e+06\n- 1\n- 100000\n- true\n- -5\n" },
	{ "{\"a\":1,\"a\":2}", "a: 2\n" },
};

static void
test_write(void)
{
	struct pin_obj *o, *back;
	struct pin_out out;
	struct pin_err e;
	size_t i, n;

	CASE("objects are written as kubectl writes them") {
		for (i = 0; i < PIN_LEN(writes); i++) {
			CHECK_INT(pin_obj_parse(NULL, writes[i].json,
			    strlen(writes[i].json), &o, &e), PIN_OK);
			pin_out_init(&out, NULL, 1 << 16);
			pin_yaml_write(o, 1, &out);
			CHECK_INT(out.failed, PIN_OK);
			CHECK_MEM(out.p, out.len, writes[i].yaml,
			    strlen(writes[i].yaml));
			CHECK_INT(pin_yaml_parse(NULL, out.p, out.len, &back,
			    &e), PIN_OK);
			pin_obj_free(&back);
			pin_out_fini(&out);
			pin_obj_free(&o);
		}
	}
	CASE("an output that is too small fails and is not written on") {
		CHECK_INT(pin_obj_parse(NULL, writes[3].json,
		    strlen(writes[3].json), &o, &e), PIN_OK);
		for (n = 0; n < strlen(writes[3].yaml); n++) {
			pin_out_init(&out, NULL, n);
			pin_yaml_write(o, 1, &out);
			CHECK_INT(out.failed, PIN_ELIMIT);
			pin_out_fini(&out);
		}
		pin_obj_free(&o);
	}
}

int
main(void)
{
	test_parse();
	test_nothing();
	test_strict();
	test_bomb();
	test_limits();
	test_write();
	return (tap_done());
}
