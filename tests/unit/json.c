/* SPDX-License-Identifier: BSD-2-Clause
 *
 * json -- parsing and writing JSON text: grammar, Go's messages, limits,
 * what happens without memory.
 * One thread. Contract: pintle/object.h. */
#include <pintle/object.h>

#include "lib/json/dup.h"
#include "lib/json/json_int.h"
#include "tap.h"

static const struct {
	const char	*in;
	const char	*out;		/* written again, or the message */
} texts[] = {
	{ "null", "null" }, { " true ", "true" }, { "\t\r\nfalse", "false" },
	{ "0", "0" }, { "-0", "-0" }, { "1.50e+3", "1.50e+3" },
	{ "123456789012345678901234567890", "123456789012345678901234567890" },
	{ "\"\"", "\"\"" }, { "[]", "[]" }, { "{ }", "{}" },
	{ "[ 1 , [ ] , { } ]", "[1,[],{}]" },
	{ "{\"a\" : 1 , \"b\":[true,null]}", "{\"a\":1,\"b\":[true,null]}" },
	{ "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}" },
	{ "{\"\":{\"\":\"\"}}", "{\"\":{\"\":\"\"}}" },
	{ "\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"", "\"\\b\\f\\n\\r\\t\\\"\\\\/\"" },
	{ "\"\\u0041\\u00e9\\u65e5\"", "\"A\xc3\xa9\xe6\x97\xa5\"" },
	{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
	{ "\"\\ud800\\u0041\"", "\"\xef\xbf\xbd" "A\"" },
	{ "\"\\ud800\\ud800\\udc00\"", "\"\xef\xbf\xbd\xf0\x90\x80\x80\"" },
	{ "\"\\udc00\"", "\"\xef\xbf\xbd\"" },
	{ "\"\\u0000\\u001f\\u007f\"", "\"\\u0000\\u001f\x7f\"" },
	{ "\"<>&\\u2028\\u2029\"", "\"\\u003c\\u003e\\u0026\\u2028\\u2029\"" },
	{ "\"a\xff" "b\"", "\"a\xef\xbf\xbd" "b\"" },
	{ "\"\xed\xa0\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "\"\xc0\x80\xf5\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "{\"k\xff\":[\"\xc3\"],\"z\":1}",
	    "{\"k\xef\xbf\xbd\":[\"\xef\xbf\xbd\"],\"z\":1}" },
	{ "", "unexpected end of JSON input" },
	{ "  ", "unexpected end of JSON input" },
	{ "{\"a\":1", "unexpected end of JSON input" },
	{ "[1,", "unexpected end of JSON input" },
	{ "\"abc", "unexpected end of JSON input" },
	{ "{", "unexpected end of JSON input" },
	{ "{\"a\"", "unexpected end of JSON input" },
	{ "{\"a\":1,}", "invalid character '}' looking for beginning of "
	    "object key string" },
	{ "{1:2}", "invalid character '1' looking for beginning of object "
	    "key string" },
	{ "{\"a\"}", "invalid character '}' after object key" },
	{ "{\"a\":1 2}", "invalid character '2' after object key:value pair" },
	{ "[1 2]", "invalid character '2' after array element" },
	{ "[1,]", "invalid character ']' looking for beginning of value" },
	{ "]", "invalid character ']' looking for beginning of value" },
	{ "{} x", "invalid character 'x' after top-level value" },
	{ "01", "invalid character '1' after top-level value" },
	{ "-", "invalid character ' ' in numeric literal" },
	{ "-x", "invalid character 'x' in numeric literal" },
	{ "1.", "invalid character ' ' after decimal point in numeric "
	    "literal" },
	{ "1.e", "invalid character 'e' after decimal point in numeric "
	    "literal" },
	{ "1e", "invalid character ' ' in exponent of numeric literal" },
	{ "1e+]", "invalid character ']' in exponent of numeric literal" },
	{ "+1", "invalid character '+' looking for beginning of value" },
	{ "tru", "invalid character ' ' in literal true (expecting 'e')" },
	{ "nul1", "invalid character '1' in literal null (expecting 'l')" },
	{ "f", "invalid character ' ' in literal false (expecting 'a')" },
	{ "\"\x01\"", "invalid character '\\x01' in string literal" },
	{ "\"a\nb\"", "invalid character '\\n' in string literal" },
	{ "\"\\x\"", "invalid character 'x' in string escape code" },
	{ "\"\\", "invalid character ' ' in string escape code" },
	{ "\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character "
	    "escape" },
	{ "'", "invalid character '\\'' looking for beginning of value" },
	{ "\\", "invalid character '\\\\' looking for beginning of value" },
	{ "\xc3\xa9", "invalid character '\xc3\x83' looking for beginning of "
	    "value" },
	{ "\x80", "invalid character '\\u0080' looking for beginning of "
	    "value" },
	{ "\x7f", "invalid character '\\x7f' looking for beginning of value" },
};

static void
check_text(struct pin_arena *a, const char *in, const char *want)
{
	struct pin_err e = PIN_ERR_INIT;
	struct pin_obj *o;
	struct pin_out out;
	size_t len = strlen(in);
	char *copy = malloc(len + 1);

	/* Without its NUL, so that a read behind the end is seen. */
	memcpy(copy, in, len);
	copy = realloc(copy, len != 0 ? len : 1);
	if (pin_obj_parse(a, copy, len, &o, &e) == PIN_OK) {
		pin_out_init(&out, NULL, 1 << 20);
		pin_obj_write(o, pin_obj_root(o), &out);
		CHECK_MEM(out.p, out.len, want, strlen(want));
		pin_out_fini(&out);
	} else {
		CHECK_INT(e.code, PIN_EINVAL);
		CHECK_STR(e.text, want);
		CHECK(o == NULL);
	}
	pin_obj_free(&o);
	free(copy);
}

static void
test_texts(void)
{
	struct pin_arena *a = pin_arena_new(1 << 20);
	struct pin_err e;
	struct pin_obj *o;
	size_t i;

	CASE("texts are read and written, or refused in Go's words") {
		for (i = 0; i < PIN_LEN(texts); i++) {
			check_text(a, texts[i].in, texts[i].out);
			check_text(NULL, texts[i].in, texts[i].out);
		}
	}
	CASE("a NUL in the text is a character like others") {
		CHECK_INT(pin_obj_parse(a, "1\0", 2, &o, &e), PIN_EINVAL);
		CHECK_STR(e.text,
		    "invalid character '\\x00' after top-level value");
		CHECK_INT(pin_obj_parse(a, "\"\0\"", 3, &o, &e), PIN_EINVAL);
		CHECK_STR(e.text,
		    "invalid character '\\x00' in string literal");
	}
	pin_arena_free(&a);
}

/* depth times `open`, then `middle`, then depth times `close`. */
static char *
nested(size_t depth, const char *open, const char *middle, const char *close,
    size_t *len)
{
	size_t lo = strlen(open), lc = strlen(close), i;
	char *p = malloc(depth * (lo + lc) + strlen(middle) + 1), *w = p;

	for (i = 0; i < depth; i++, w += lo)
		memcpy(w, open, lo);
	memcpy(w, middle, strlen(middle));
	w += strlen(middle);
	for (i = 0; i < depth; i++, w += lc)
		memcpy(w, close, lc);
	*len = (size_t)(w - p);
	return (p);
}

static void
test_depth(void)
{
	struct pin_obj *o, *p;
	struct pin_out out;
	struct pin_err e;
	size_t len;
	char *s;

	CASE("ten thousand levels are read, written, compared, copied") {
		s = nested(PIN_OBJ_DEPTH_MAX / 2, "{\"a\":[", "1", "]}", &len);
		CHECK_INT(pin_obj_parse(NULL, s, len, &o, &e), PIN_OK);
		pin_out_init(&out, NULL, len);
		pin_obj_write(o, 1, &out);
		CHECK_MEM(out.p, out.len, s, len);
		p = pin_obj_new(NULL);
		CHECK(pin_obj_set_node(p, 1, PIN_STR("x"), o, 1) != 0);
		CHECK(pin_obj_equal(p, pin_obj_get(p, 1, "x"), o, 1));
		pin_out_fini(&out);
		pin_obj_free(&p);
		pin_obj_free(&o);
		free(s);
	}
	CASE("what counts is depth, not the number of containers") {
		s = malloc(3 * 2 * PIN_OBJ_DEPTH_MAX + 2);
		for (len = 0; len < 2 * PIN_OBJ_DEPTH_MAX; len++)
			memcpy(s + 1 + 3 * len, "[],", 3);
		len *= 3;
		s[0] = '[';
		s[len] = ']';
		CHECK_INT(pin_obj_parse(NULL, s, len + 1, &o, &e), PIN_OK);
		CHECK_UINT(pin_obj_count(o, 1), 2 * PIN_OBJ_DEPTH_MAX);
		pin_obj_free(&o);
		free(s);
	}
	CASE("one more is refused") {
		s = nested(PIN_OBJ_DEPTH_MAX + 1, "[", "", "]", &len);
		CHECK_INT(pin_obj_parse(NULL, s, len, &o, &e), PIN_ELIMIT);
		CHECK_STR(e.text, "invalid character '[' exceeded max depth");
		CHECK_INT(pin_obj_parse(NULL, s + 1, len - 2, &o, &e),
		    PIN_OK);
		pin_obj_free(&o);
		free(s);
	}
}

static void
test_size(void)
{
	struct pin_obj *o;
	struct pin_err e;
	char *s = malloc((size_t)PIN_OBJ_TEXT_MAX + 1);

	CASE("a text of the greatest size is read, a longer one refused") {
		memset(s, ' ', (size_t)PIN_OBJ_TEXT_MAX + 1);
		s[PIN_OBJ_TEXT_MAX - 1] = '1';
		CHECK_INT(pin_obj_parse(NULL, s, PIN_OBJ_TEXT_MAX, &o, &e),
		    PIN_OK);
		pin_obj_free(&o);
		CHECK_INT(pin_obj_parse(NULL, s, (size_t)PIN_OBJ_TEXT_MAX + 1,
		    &o, &e), PIN_ELIMIT);
	}
	free(s);
}

static void
test_no_memory(void)
{
	static const char text[] = "{\"a\":[1,2,{\"b\\n\":\"c\xff\"}],"
	    "\"d\":\"\xff\xff\xff\",\"e\":[[],[],[],[],[],[],[],[],[]]}";
	struct pin_arena *a;
	struct pin_obj *o;
	struct pin_err e;
	size_t n;
	int rc;

	CASE("with every ceiling it reads or says that memory is short") {
		for (n = 0; ; n += 8) {
			a = pin_arena_new(n);
			rc = pin_obj_parse(a, text, sizeof(text) - 1, &o, &e);
			CHECK((rc == PIN_OK) == (o != NULL));
			if (rc != PIN_OK)
				CHECK_INT(rc, PIN_ENOMEM);
			pin_arena_free(&a);
			if (rc == PIN_OK)
				break;
			CHECK(n < 100000);
		}
		CHECK(n > 0);
	}
}

static int
collect(void *arg, pin_node n)
{
	uint32_t *count = arg;

	(void)n;
	count[0]++;
	return (0);
}

static void
test_wide(void)
{
	enum { N = 300000 };
	struct pin_obj *o, *r;
	struct pin_err e;
	struct pin_out out, text;
	uint64_t t0 = tap_now_ms();
	uint32_t dups = 0;
	pin_node n;
	int i;

	pin_out_init(&text, NULL, N * 24);
	pin_out_char(&text, '{');
	for (i = 0; i < N; i++)
		pin_out_printf(&text, "\"k%d\":%d,", i, i);
	pin_out_cstr(&text, "\"k7\":8,\"k7\":9}");
	CASE("wide objects are compared and searched for doubles in a blink") {
		CHECK_INT(pin_obj_parse(NULL, text.p, text.len, &o, &e),
		    PIN_OK);
		CHECK_INT(pin__obj_dups(o, 1, collect, &dups), PIN_OK);
		CHECK_UINT(dups, 1);
		/* The same members from last to first. */
		r = pin_obj_new(NULL);
		pin_out_init(&out, NULL, 64 << 20);
		pin_out_char(&out, '{');
		n = pin_obj_first(o, 1);
		for (n = o->nodes[n].prev; ; n = o->nodes[n].prev) {
			pin_json_quote(&out, pin_obj_key(o, n));
			pin_out_char(&out, ':');
			pin_out_str(&out, pin_obj_str(o, n));
			if (n == pin_obj_first(o, 1))
				break;
			pin_out_char(&out, ',');
		}
		pin_out_char(&out, '}');
		pin_obj_free(&r);
		CHECK_INT(pin_obj_parse(NULL, out.p, out.len, &r, &e), PIN_OK);
		/* k7 comes thrice and its values in another order. */
		CHECK(!pin_obj_equal(o, 1, r, 1));
		CHECK_INT(pin_obj_unset(o, 1, "k7"), 1);
		CHECK_INT(pin_obj_unset(r, 1, "k7"), 1);
		CHECK_INT(pin_obj_unset(r, 1, "k7"), 0);
		CHECK(pin_obj_equal(o, 1, r, 1));
		CHECK(pin_obj_set_i64(r, 1, "k9", 10) != 0);
		CHECK(!pin_obj_equal(o, 1, r, 1));
		pin_out_fini(&out);
		pin_obj_free(&r);
		pin_obj_free(&o);
		CHECK(tap_now_ms() - t0 < 20000);
	}
	pin_out_fini(&text);
}

int
main(void)
{
	test_texts();
	test_depth();
	test_size();
	test_no_memory();
	test_wide();
	return (tap_done());
}
