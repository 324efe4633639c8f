/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selector -- label and field selectors from any text.
 * Input: one letter (l: labels, f: fields, o: a LabelSelector object), text.
 * Must hold: what parses prints, what prints parses, and prints the same;
 * both ways of matching agree; nothing nobody's. */
#include <stdlib.h>
#include <string.h>

#include "lib/selector/selector.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct pin_label labels[] = {
	{ { "a", 1 }, { "b", 1 } }, { { "x", 1 }, { "5", 1 } },
	{ { "in", 2 }, { "", 0 } }, { { "e.f/g", 5 }, { "-3", 2 } },
};

static void
must(int cond)
{
	if (!cond)
		abort();
}

static struct pin_obj *
label_obj(void)
{
	static const char text[] =
	    "{\"a\":\"b\",\"x\":\"5\",\"in\":\"\",\"e.f/g\":\"-3\"}";
	struct pin_obj *o = NULL;

	must(pin_obj_parse(NULL, text, sizeof(text) - 1, &o, NULL) ==
	    PIN_OK);
	return (o);
}

static void
print(const struct pin_selector *s, struct pin_out *out)
{
	pin_out_init(out, NULL, 4u << 20);
	pin_selector_write(s, out);
	must(!out->failed);
}

static void
check(struct pin_selector *s, int from_text)
{
	struct pin_obj *o = label_obj();
	struct pin_selector *again = NULL;
	struct pin_out one, two;
	struct pin_str v;
	uint32_t i;
	int hit;

	hit = pin_selector_match(s, o, pin_obj_root(o));
	must(hit == pin_selector_match_list(s, labels, PIN_LEN(labels)));
	must(!pin_selector_everything(s) || hit);
	must(!pin_selector_nothing(s) || !hit);
	print(s, &one);
	if (!pin_selector_nothing(s)) {
		v = (struct pin_str){ one.p != NULL ? one.p : "", one.len };
		must(pin_selector_parse(NULL, v, &again, NULL) == PIN_OK);
		must(pin_selector_count(again) == pin_selector_count(s));
		must(hit == pin_selector_match(again, o, pin_obj_root(o)));
		print(again, &two);
		/* An object may name a value twice; it prints so, once. */
		must(!from_text || (one.len == two.len && (one.len == 0 ||
		    memcmp(one.p, two.p, one.len) == 0)));
		pin_out_fini(&two);
		pin_selector_free(&again);
	}
	for (i = 0; i < pin_selector_count(s); i++)
		(void)pin_selector_exact(s, pin_selector_req(s, i)->key, &v);
	pin_out_fini(&one);
	pin_obj_free(&o);
}

static struct pin_str
field(const void *ctx, struct pin_str name)
{
	(void)ctx;
	return (pin_str_is(name, "a") ? PIN_STR("b") : PIN_STR(""));
}

static void
check_field(struct pin_field_selector *s)
{
	struct pin_field_selector *again = NULL;
	struct pin_out out;
	struct pin_str v;

	pin_out_init(&out, NULL, 4u << 20);
	pin_field_selector_write(s, &out);
	must(!out.failed);
	v = (struct pin_str){ out.p != NULL ? out.p : "", out.len };
	must(pin_field_selector_parse(NULL, v, &again, NULL) == PIN_OK);
	must(pin_field_selector_count(again) == pin_field_selector_count(s));
	must(pin_field_selector_match(s, field, NULL) ==
	    pin_field_selector_match(again, field, NULL));
	pin_field_selector_free(&again);
	pin_out_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pin_field_selector *f = NULL;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_selector *s = NULL;
	struct pin_obj *o = NULL;
	struct pin_str text;

	if (len < 1)
		return (0);
	text = (struct pin_str){ (const char *)data + 1, len - 1 };
	if (data[0] == 'f') {
		if (pin_field_selector_parse(NULL, text, &f, &err) == PIN_OK)
			check_field(f);
		pin_field_selector_free(&f);
		return (0);
	}
	if (data[0] != 'o')
		(void)pin_selector_parse(NULL, text, &s, &err);
	else if (pin_obj_parse(NULL, text.p, text.len, &o, NULL) == PIN_OK)
		(void)pin_selector_from_obj(NULL, o, pin_obj_root(o), &s,
		    &err);
	if (s != NULL)
		check(s, data[0] != 'o');
	pin_selector_free(&s);
	pin_obj_free(&o);
	return (0);
}
