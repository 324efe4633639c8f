/* SPDX-License-Identifier: BSD-2-Clause
 *
 * object -- reading, changing, comparing, packing objects; paths; patches.
 * One thread. Contract: pintle/object.h. */
#include <pintle/object.h>

#include "lib/json/dup.h"
#include "tap.h"

static struct pin_obj *
parse(struct pin_arena *a, const char *s)
{
	struct pin_err e = PIN_ERR_INIT;
	struct pin_obj *o;

	if (pin_obj_parse(a, s, strlen(s), &o, &e) != PIN_OK)
		BAIL("%s: %s", s, e.text);
	return (o);
}

/* What o is as JSON; the string lives until the next call. */
static const char *
json(const struct pin_obj *o)
{
	static char buf[1 << 16];
	struct pin_out out;

	pin_out_init(&out, NULL, sizeof(buf) - 1);
	pin_obj_write(o, pin_obj_root(o), &out);
	if (out.failed != PIN_OK) {
		snprintf(buf, sizeof(buf), "failed: %d", out.failed);
	} else {
		memcpy(buf, out.p, out.len);
		buf[out.len] = '\0';
	}
	pin_out_fini(&out);
	return (buf);
}

static void
test_read(void)
{
	struct pin_obj *o = parse(NULL, "{\"s\":\"x\",\"n\":-12,\"f\":1.5e2,"
	    "\"t\":true,\"a\":[1,2,3],\"o\":{\"p\":{\"q\":null}},\"d\":1,"
	    "\"d\":2,\"max\":9223372036854775807,"
	    "\"over\":9223372036854775808,\"min\":-9223372036854775808}");
	pin_node r = pin_obj_root(o), n;
	int64_t i = 0;
	double d = 0;

	CASE("getters answer what is there, and absent for all else") {
		CHECK_INT(pin_obj_type(o, r), PIN_OBJECT);
		CHECK(pin_str_is(pin_obj_str(o, pin_obj_get(o, r, "s")), "x"));
		CHECK(pin_obj_i64(o, pin_obj_get(o, r, "n"), &i) && i == -12);
		CHECK(!pin_obj_i64(o, pin_obj_get(o, r, "f"), &i));
		CHECK(pin_obj_f64(o, pin_obj_get(o, r, "f"), &d) && d == 150);
		CHECK(pin_obj_true(o, pin_obj_get(o, r, "t")));
		CHECK(!pin_obj_true(o, pin_obj_get(o, r, "s")));
		CHECK(pin_obj_i64(o, pin_obj_get(o, r, "d"), &i) && i == 2);
		CHECK_UINT(pin_obj_count(o, pin_obj_get(o, r, "a")), 3);
		CHECK_INT(pin_obj_type(o, pin_obj_at(o, r, "o", "p", "q",
		    NULL)), PIN_NULL);
		CHECK_UINT(pin_obj_at(o, r, "o", "x", "q", NULL), 0);
		CHECK_UINT(pin_obj_get(o, 0, "s"), 0);
		CHECK_UINT(pin_obj_get(o, pin_obj_get(o, r, "a"), "s"), 0);
		CHECK_UINT(pin_obj_first(o, 0), 0);
		CHECK_UINT(pin_obj_next(o, r), 0);
		CHECK_INT(pin_obj_type(o, 0), PIN_ABSENT);
		CHECK(pin_obj_str(o, r).p == NULL);
	}
	CASE("integers end where int64 ends") {
		CHECK(pin_obj_i64(o, pin_obj_get(o, r, "max"), &i) &&
		    i == INT64_MAX);
		CHECK(pin_obj_i64(o, pin_obj_get(o, r, "min"), &i) &&
		    i == INT64_MIN);
		CHECK(!pin_obj_i64(o, pin_obj_get(o, r, "over"), &i));
	}
	CASE("children come in order with their keys") {
		n = pin_obj_first(o, r);
		CHECK(pin_str_is(pin_obj_key(o, n), "s"));
		n = pin_obj_next(o, n);
		CHECK(pin_str_is(pin_obj_key(o, n), "n"));
	}
	pin_obj_free(&o);
}

static void
test_set(struct pin_arena *a)
{
	struct pin_obj *o = pin_obj_new(a);
	pin_node r = pin_obj_root(o), n, arr;

	CASE("members are set, replaced in their place, and removed") {
		pin_obj_set_str(o, r, "a", PIN_STR("x<y"));
		pin_obj_set_i64(o, r, "b", INT64_MIN);
		pin_obj_set_bool(o, r, "c", 1);
		n = pin_obj_set_new(o, r, "d", PIN_OBJECT);
		pin_obj_set_json(o, n, PIN_STR("e"), PIN_STR("[1,{}]"));
		pin_obj_set_bool(o, r, "a", 0);
		CHECK_STR(json(o), "{\"a\":false,\"b\":-9223372036854775808,"
		    "\"c\":true,\"d\":{\"e\":[1,{}]}}");
		CHECK_INT(pin_obj_unset(o, r, "b"), 1);
		CHECK_INT(pin_obj_unset(o, r, "b"), 0);
		CHECK_INT(pin_obj_unset(o, r, "d"), 1);
		CHECK_STR(json(o), "{\"a\":false,\"c\":true}");
		pin_obj_set_new(o, r, "z", PIN_NULL);
		CHECK_STR(json(o), "{\"a\":false,\"c\":true,\"z\":null}");
		pin_obj_remove(o, r, pin_obj_first(o, r));
		CHECK_STR(json(o), "{\"c\":true,\"z\":null}");
		CHECK_UINT(pin_obj_count(o, r), 2);
	}
	CASE("elements are added, inserted, replaced, and removed") {
		arr = pin_obj_set_new(o, r, "l", PIN_ARRAY);
		pin_obj_add_str(o, arr, PIN_STR("b"));
		n = pin_obj_add_new(o, arr, PIN_OBJECT);
		pin_obj_set_i64(o, n, "k", 1);
		pin_obj_insert_node(o, arr, pin_obj_first(o, arr), o, n);
		pin_obj_add_node(o, arr, o, pin_obj_first(o, arr));
		CHECK_STR(json(o), "{\"c\":true,\"z\":null,\"l\":[{\"k\":1},"
		    "\"b\",{\"k\":1},{\"k\":1}]}");
		pin_obj_replace(o, arr, n, o, pin_obj_get(o, r, "c"));
		pin_obj_remove(o, arr, pin_obj_first(o, arr));
		CHECK_STR(json(o), "{\"c\":true,\"z\":null,\"l\":[\"b\","
		    "true,{\"k\":1}]}");
		pin_obj_insert_node(o, arr, 0, o, n);
		CHECK_UINT(pin_obj_count(o, arr), 4);
	}
	CASE("an object can be put into itself") {
		pin_obj_set_node(o, r, PIN_STR("self"), o, r);
		pin_obj_set_node(o, pin_obj_get(o, r, "self"),
		    pin_obj_key(o, pin_obj_get(o, r, "z")), o, r);
		CHECK_STR(json(o), "{\"c\":true,\"z\":null,\"l\":[\"b\",true,"
		    "{\"k\":1},true],\"self\":{\"c\":true,\"z\":{\"c\":true,"
		    "\"z\":null,\"l\":[\"b\",true,{\"k\":1},true],\"self\":"
		    "{\"c\":true,\"z\":null,\"l\":[\"b\",true,{\"k\":1},true]}"
		    "},\"l\":[\"b\",true,{\"k\":1},true]}}");
	}
	CASE("a bad JSON value fails the object, which is then not written") {
		CHECK_UINT(pin_obj_set_json(o, r, PIN_STR("x"), PIN_STR("{")),
		    0);
		CHECK(pin_obj_failed(o) != PIN_OK);
		CHECK_STR(json(o), "failed: -1");
		CHECK_UINT(pin_obj_set_bool(o, r, "y", 1), 0);
	}
	pin_obj_free(&o);
}

static void
test_copy(struct pin_arena *a)
{
	struct pin_obj *o = parse(a, "{\"a\":[1,{}],\"b\":{\"c\":1}}"), *p;
	pin_node r = pin_obj_root(o);
	char key[16];
	int i;

	CASE("a copy is equal and goes its own way") {
		p = pin_obj_copy(a, o);
		CHECK(pin_obj_equal(o, r, p, pin_obj_root(p)));
		for (i = 0; i < 200; i++) {
			snprintf(key, sizeof(key), "m%d", i);
			pin_obj_set_str(p, 1, key, pin_str(key));
		}
		CHECK(!pin_obj_equal(o, r, p, pin_obj_root(p)));
		CHECK_UINT(pin_obj_count(p, 1), 202);
		CHECK(pin_str_is(pin_obj_str(p, pin_obj_get(p, 1, "m137")),
		    "m137"));
		pin_obj_free(&p);
	}
	pin_obj_free(&o);
}

static void
test_no_memory(void)
{
	struct pin_arena *a;
	struct pin_obj *o;
	pin_node n;
	size_t c;
	char key[16];
	int i, done = 0;

	CASE("with every ceiling changes work or the object is failed") {
		for (c = 0; !done; c += 64) {
			a = pin_arena_new(c);
			o = pin_obj_new(a);
			for (i = 0; o != NULL && i < 100; i++) {
				snprintf(key, sizeof(key), "key%d", i);
				n = pin_obj_set_new(o, 1, key, PIN_ARRAY);
				pin_obj_add_str(o, n, pin_str(key));
				pin_obj_add_node(o, n, o, n);
			}
			done = o != NULL && pin_obj_failed(o) == PIN_OK;
			if (o != NULL && !done)
				CHECK_INT(pin_obj_failed(o), PIN_ENOMEM);
			pin_arena_free(&a);
			CHECK(c < 1000000);
		}
	}
}

static const struct {
	const char	*a, *b;
	int		 equal;
} pairs[] = {
	{ "1", "1", 1 }, { "1", "1.0", 0 }, { "\"1\"", "1", 0 },
	{ "[]", "{}", 0 }, { "[1,2]", "[2,1]", 0 }, { "[[1],2]", "[[1],2]", 1 },
	{ "{\"a\":1,\"b\":[1,{\"c\":2}]}", "{\"b\":[1,{\"c\":2}],\"a\":1}", 1 },
	{ "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", 0 },
	{ "{\"a\":{\"x\":1,\"y\":2},\"b\":{}}",
	    "{\"b\":{},\"a\":{\"y\":2,\"x\":1}}", 1 },
	{ "{\"a\":{\"x\":1,\"y\":2},\"b\":{}}",
	    "{\"b\":{},\"a\":{\"y\":2,\"x\":2}}", 0 },
	{ "{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}", 0 },
	{ "{\"a\":1,\"b\":0,\"a\":2}", "{\"a\":1,\"a\":2,\"b\":0}", 1 },
	{ "{\"a\":1,\"b\":0,\"a\":1}", "{\"a\":1,\"b\":0,\"b\":0}", 0 },
	{ "{\"a\":1}", "{\"a\":1,\"b\":1}", 0 },
	{ "{\"a\":null}", "{}", 0 }, { "{\"\":1}", "{\"\":1}", 1 },
	{ "[{\"a\":1,\"b\":[{\"c\":1,\"d\":2},{\"e\":3}]},5]",
	    "[{\"b\":[{\"d\":2,\"c\":1},{\"e\":3}],\"a\":1},5]", 1 },
	{ "{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,"
	    "\"9\":{\"x\":1,\"y\":2},\"10\":[]}",
	    "{\"10\":[],\"9\":{\"y\":2,\"x\":1},\"8\":8,\"7\":7,\"6\":6,"
	    "\"5\":5,\"4\":4,\"3\":3,\"2\":2,\"1\":1}", 1 },
};

static void
test_equal(void)
{
	struct pin_obj *a, *b;
	size_t i;

	CASE("equality looks through the order of members, and only that") {
		for (i = 0; i < PIN_LEN(pairs); i++) {
			a = parse(NULL, pairs[i].a);
			b = parse(NULL, pairs[i].b);
			CHECK_INT(pin_obj_equal(a, 1, b, 1), pairs[i].equal);
			CHECK_INT(pin_obj_equal(b, 1, a, 1), pairs[i].equal);
			CHECK(pin_obj_equal(a, 1, a, 1));
			CHECK(!pin_obj_equal(a, 1, b, 0));
			pin_obj_free(&a);
			pin_obj_free(&b);
		}
	}
}

static int
note(void *arg, pin_node n)
{
	pin_node *list = arg;

	list[++list[0]] = n;
	return (0);
}

static void
test_dups(void)
{
	struct pin_obj *o = parse(NULL, "{\"a\":1,\"b\":1,\"a\":2,\"a\":3,"
	    "\"b\":2,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"c\":2}");
	pin_node list[8] = { 0 };
	struct pin__keys k;

	CASE("every double key is reported once, in order") {
		CHECK_INT(pin__obj_dups(o, 1, note, list), PIN_OK);
		CHECK_UINT(list[0], 3);
		CHECK(pin_str_is(pin_obj_key(o, list[1]), "a"));
		CHECK(pin_str_is(pin_obj_str(o, list[1]), "2"));
		CHECK(pin_str_is(pin_obj_key(o, list[2]), "b"));
		CHECK(pin_str_is(pin_obj_key(o, list[3]), "c"));
	}
	CASE("a key table answers the last, and takes from the first") {
		CHECK_INT(pin__keys_init(&k, o, 1), PIN_OK);
		CHECK_UINT(pin__keys_get(&k, PIN_STR("a")),
		    pin_obj_get(o, 1, "a"));
		CHECK_UINT(pin__keys_get(&k, PIN_STR("x")), 0);
		CHECK(pin_str_is(pin_obj_str(o, pin__keys_take(&k,
		    PIN_STR("a"))), "1"));
		CHECK(pin_str_is(pin_obj_str(o, pin__keys_take(&k,
		    PIN_STR("a"))), "2"));
		CHECK(pin__keys_take(&k, PIN_STR("a")) != 0);
		CHECK_UINT(pin__keys_take(&k, PIN_STR("a")), 0);
		pin__keys_fini(&k);
	}
	pin_obj_free(&o);
}

/* A member as a plain search finds it. */
static pin_node
search(const struct pin_obj *o, pin_node parent, const char *key)
{
	pin_node n, found = 0;

	for (n = pin_obj_first(o, parent); n != 0; n = pin_obj_next(o, n)) {
		if (pin_str_is(pin_obj_key(o, n), key))
			found = n;
	}
	return (found);
}

/* Changes of all kinds at objects around the width where the index begins;
 * after each, lookups must answer what a search finds. */
static void
churn(struct pin_obj *o, unsigned int seed, int steps)
{
	char key[16];
	pin_node r = pin_obj_root(o), n;
	unsigned int x = seed;
	int i, k;

	for (i = 0; i < steps; i++) {
		x = x * 1103515245u + 12345u;
		snprintf(key, sizeof(key), "k%u", (x >> 8) % 150);
		switch (x >> 24 & 7) {
		case 0:
			n = search(o, r, key);
			CHECK_INT(pin_obj_unset(o, r, key), n != 0);
			break;
		case 1:
			n = search(o, r, key);
			if (n != 0)
				pin_obj_remove(o, r, n);
			break;
		case 2:
			if (pin_obj_count(o, r) < 200 && i % 7 == 0) {
				n = pin_obj_set_node(o, r, pin_str(key), o, r);
				CHECK(pin_obj_get(o, n, key) ==
				    search(o, n, key));
			}
			break;
		default:
			pin_obj_set_str(o, r, key, pin_str(key));
			break;
		}
		CHECK(pin_obj_get(o, r, key) == search(o, r, key));
	}
	for (k = 0; k < 150; k++) {
		snprintf(key, sizeof(key), "k%d", k);
		CHECK(pin_obj_get(o, r, key) == search(o, r, key));
	}
}

static void
test_index(void)
{
	struct pin_arena *a = pin_arena_new((size_t)1 << 30);
	struct pin_obj *o, *c;
	struct pin_out out;
	unsigned int seed;
	char key[16];
	int i;

	CASE("lookups in wide objects answer what a search finds") {
		for (seed = 1; seed < 20; seed++) {
			o = pin_obj_new(seed % 2 ? a : NULL);
			churn(o, seed, 400);
			c = pin_obj_copy(seed % 3 ? a : NULL, o);
			CHECK(pin_obj_equal(o, 1, c, 1));
			churn(c, seed + 100, 200);
			churn(o, seed + 200, 200);
			pin_obj_free(&c);
			pin_obj_free(&o);
			pin_arena_reset(a);
		}
	}
	CASE("also when they were read, with double names, and packed") {
		pin_out_init(&out, a, 1 << 20);
		pin_out_char(&out, '{');
		for (i = 0; i < 200; i++)
			pin_out_printf(&out, "\"k%d\":%d,", i % 120, i);
		pin_out_cstr(&out, "\"z\":0}");
		CHECK_INT(pin_obj_parse(a, out.p, out.len, &o, NULL), PIN_OK);
		for (i = 0; i < 125; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			CHECK(pin_obj_get(o, 1, key) == search(o, 1, key));
		}
		pin_out_init(&out, a, 1 << 20);
		CHECK_INT(pin_obj_pack(o, &out), PIN_OK);
		CHECK_INT(pin_obj_map(a, out.p, out.len, &c, NULL), PIN_OK);
		CHECK_UINT(pin_obj_get(c, 1, "k7"), pin_obj_get(o, 1, "k7"));
		churn(o, 77, 500);
	}
	pin_arena_free(&a);
}

static void
test_wide(void)
{
	enum { N = 200000 };
	struct pin_obj *o = pin_obj_new(NULL);
	uint64_t t0 = tap_now_ms();
	char key[16];
	int i, k = 0;

	CASE("filling, reading and emptying a wide object is linear") {
		for (i = 0; i < N; i++) {
			snprintf(key, sizeof(key), "key%d", i);
			pin_obj_set_i64(o, 1, key, i);
		}
		CHECK_UINT(pin_obj_count(o, 1), N);
		for (i = 0; i < N; i++) {
			snprintf(key, sizeof(key), "key%d", i);
			k += pin_obj_get(o, 1, key) != 0;
			k += pin_obj_unset(o, 1, key);
		}
		CHECK_INT(k, 2 * N);
		CHECK_UINT(pin_obj_count(o, 1), 0);
		CHECK(tap_now_ms() - t0 < 20000);
	}
	pin_obj_free(&o);
}

static void
test_path(void)
{
	static const char *const bad[] = { "", ".a", "a.", "a..b", "a[", "a[]",
		"a]", "a[b]c", "a.[b]", "[x].[y]",
		"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q" };
	struct pin_obj *o = parse(NULL, "{\"metadata\":{\"labels\":{\"a.b/c\":"
	    "\"v\"}},\"spec\":{\"l\":[{\"n\":1},{\"n\":2}]}}");
	struct pin_path p;
	struct pin_err e;
	char big[400];
	size_t i;

	CASE("paths are compiled once and walked") {
		CHECK_INT(pin_path_compile("metadata.labels[a.b/c]", &p, &e),
		    PIN_OK);
		CHECK_UINT(p.n, 3);
		CHECK(pin_str_is(pin_obj_str(o, pin_path_get(o, 1, &p)), "v"));
		CHECK_INT(pin_path_compile("spec.l[1].n", &p, &e), PIN_OK);
		CHECK(pin_str_is(pin_obj_str(o, pin_path_get(o, 1, &p)), "2"));
		CHECK_INT(pin_path_compile("spec.l[2].n", &p, &e), PIN_OK);
		CHECK_UINT(pin_path_get(o, 1, &p), 0);
		CHECK_UINT(pin_path_get(o, 0, &p), 0);
	}
	CASE("a path that is none is refused with the place") {
		for (i = 0; i < PIN_LEN(bad); i++)
			CHECK(pin_path_compile(bad[i], &p, &e) != PIN_OK);
		(void)pin_path_compile("a..b", &p, &e);
		CHECK_STR(e.text, "path \"a..b\": empty or open segment at "
		    "byte 2");
		memset(big, 'a', sizeof(big));
		big[sizeof(big) - 1] = '\0';
		CHECK_INT(pin_path_compile(big, &p, &e), PIN_ELIMIT);
	}
	pin_obj_free(&o);
}

/* Every container counts the children it has. */
static void
check_counts(const struct pin_obj *o, pin_node n)
{
	uint32_t count = 0;
	pin_node c;

	for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c)) {
		count++;
		check_counts(o, c);	/* depth 4 here */
	}
	CHECK_UINT(pin_obj_count(o, n), count);
}

static void
test_pack(void)
{
	struct pin_arena *a = pin_arena_new(1 << 20);
	struct pin_obj *o = parse(a, "{\"a\":[1,\"x\",{\"b\":null}],\"c\":{},"
	    "\"a\":-1.5}"), *m;
	struct pin_err e;
	struct pin_out out;
	size_t i, loaded = 0;
	unsigned int bit;

	pin_obj_unset(o, 1, "c");
	pin_out_init(&out, a, 1 << 16);
	CASE("a packed object is the same object, node by node") {
		CHECK_INT(pin_obj_pack(o, &out), PIN_OK);
		CHECK_INT(pin_obj_map(a, out.p, out.len, &m, &e), PIN_OK);
		CHECK(pin_obj_equal(o, 1, m, 1));
		CHECK_UINT(pin_obj_get(m, 1, "a"), pin_obj_get(o, 1, "a"));
		CHECK_STR(json(m), "{\"a\":[1,\"x\",{\"b\":null}],"
		    "\"a\":-1.5}");
	}
	CASE("damage is refused, or leaves an object that can be walked") {
		for (i = 0; i < out.len; i++) {
			for (bit = 0; bit < 8; bit++) {
				out.p[i] = (char)(out.p[i] ^ 1 << bit);
				if (pin_obj_map(NULL, out.p, out.len, &m,
				    &e) == PIN_OK) {
					(void)json(m);
					check_counts(m, 1);
					loaded++;
					pin_obj_free(&m);
				}
				out.p[i] = (char)(out.p[i] ^ 1 << bit);
			}
			CHECK(pin_obj_map(NULL, out.p, i, &m, &e) != PIN_OK);
		}
		CHECK(loaded > 0);
		CHECK(pin_obj_map(NULL, out.p + 1, out.len - 1, &m, &e) !=
		    PIN_OK);
	}
	pin_arena_free(&a);
}

static void
test_patch(void)
{
	struct pin_arena *a = pin_arena_new(1 << 20);
	struct pin_patch *p = pin_patch_new(a), *q = pin_patch_new(a);
	struct pin_err e = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	struct pin_out out;
	static const char in[] = "{\"l\":[1,2,3],\"x\":{\"y\":1},\"n\":null}";
	static const char want[] = "{\"l\":[1,{\"k\":\"v\"},\"<end>\"],"
	    "\"x\":{\"new\":{\"er\":[]}},\"n\":{\"z\":true},\"a/b\":{\"~\":0}}";

	CHECK_INT(pin_patch_set(p, "/l/1", PIN_STR("{\"k\":\"v\"}")), PIN_OK);
	CHECK_INT(pin_patch_remove(p, "/l/2"), PIN_OK);
	CHECK_INT(pin_patch_set_str(p, "/l/-", PIN_STR("<end>")), PIN_OK);
	CHECK_INT(pin_patch_set(p, "/x/new/er", PIN_STR("[]")), PIN_OK);
	CHECK_INT(pin_patch_remove(p, "/x/y"), PIN_OK);
	CHECK_INT(pin_patch_remove(p, "/not/there"), PIN_OK);
	CHECK_INT(pin_patch_set(p, "/n/z", PIN_STR("true")), PIN_OK);
	CHECK_INT(pin_patch_set(p, "/a~1b/~0", PIN_STR("0")), PIN_OK);
	CASE("changes are applied in order, and survive packing") {
		CHECK_UINT(pin_patch_count(p), 8);
		o = parse(a, in);
		CHECK_INT(pin_patch_apply(p, o, &e), PIN_OK);
		CHECK_STR(json(o), "{\"l\":[1,{\"k\":\"v\"},"
		    "\"\\u003cend\\u003e\"],\"x\":{\"new\":{\"er\":[]}},"
		    "\"n\":{\"z\":true},\"a/b\":{\"~\":0}}");
		CHECK(pin_obj_equal(o, 1, parse(a, want), 1));
		pin_out_init(&out, a, 1 << 16);
		pin_patch_pack(p, &out);
		CHECK_INT(pin_patch_unpack(q, (struct pin_str){ out.p,
		    out.len }, &e), PIN_OK);
		o = parse(a, in);
		CHECK_INT(pin_patch_apply(q, o, &e), PIN_OK);
		CHECK(pin_obj_equal(o, 1, parse(a, want), 1));
	}
	CASE("the root can be replaced") {
		q = pin_patch_new(a);
		CHECK_INT(pin_patch_set(q, "", PIN_STR("{\"r\":1}")), PIN_OK);
		CHECK_INT(pin_patch_set(q, "/s", PIN_STR("2")), PIN_OK);
		CHECK_INT(pin_patch_apply(q, o, &e), PIN_OK);
		CHECK_STR(json(o), "{\"r\":1,\"s\":2}");
	}
	CASE("a change that cannot be made is named") {
		q = pin_patch_new(a);
		CHECK_INT(pin_patch_set(q, "/l/7", PIN_STR("1")), PIN_OK);
		o = parse(a, in);
		CHECK_INT(pin_patch_apply(q, o, &e), PIN_EINVALID);
		CHECK_STR(e.text, "patch \"/l/7\": nothing to set at segment "
		    "2, \"7\"");
	}
	CASE("a change that could not be noted refuses the whole list") {
		CHECK(pin_patch_set(q, "/a", PIN_STR("{")) == PIN_EINVAL);
		CHECK_INT(pin_patch_apply(q, o, &e), PIN_EINVAL);
		q = pin_patch_new(a);
		CHECK(pin_patch_set(q, "a", PIN_STR("1")) == PIN_EINVAL);
		q = pin_patch_new(a);
		CHECK(pin_patch_set(q, "/~2", PIN_STR("1")) == PIN_EINVAL);
		q = pin_patch_new(a);
		CHECK(pin_patch_remove(q, "") == PIN_EINVAL);
		q = pin_patch_new(a);
		CHECK(pin_patch_unpack(q, PIN_STR("damaged bytes"), &e) !=
		    PIN_OK);
		CHECK(pin_patch_apply(q, o, &e) != PIN_OK);
	}
	pin_arena_free(&a);
}

int
main(void)
{
	struct pin_arena *a = pin_arena_new(1 << 20);

	test_read();
	test_set(NULL);
	test_set(a);
	test_copy(NULL);
	test_copy(a);
	pin_arena_free(&a);
	test_no_memory();
	test_equal();
	test_dups();
	test_index();
	test_wide();
	test_path();
	test_pack();
	test_patch();
	return (tap_done());
}
