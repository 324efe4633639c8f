/* SPDX-License-Identifier: BSD-2-Clause
 *
 * yaml -- fuzz target: what is read as YAML can be written as JSON and as
 * YAML, and means the same when it is read again.
 * One thread. Contract: lib/yaml/yaml.h. */
#include "lib/yaml/yaml.h"

#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MEMORY	((size_t)64 << 20)

/* libyaml quotes some characters that it does not read again (DEL and C1);
 * such a text need not survive. */
static int
awkward(const struct pin_out *o)
{
	size_t i;

	for (i = 0; i < o->len; i++) {
		if (o->p[i] == '\\' || (unsigned char)o->p[i] >= 0x7f)
			return (1);
	}
	return (0);
}

static void
check(struct pin_arena *a, struct pin_obj *o)
{
	struct pin_obj *json, *yaml;
	struct pin_out out, text;
	pin_node r = pin_obj_root(o);
	int rc;

	pin_out_init(&out, a, MEMORY);
	pin_obj_write(o, r, &out);
	if (out.failed != PIN_OK)
		return;			/* grown by aliases */
	if (pin_obj_parse(a, out.p, out.len, &json, NULL) != PIN_OK) {
		PIN_ASSERT(pin_arena_full(a));
		return;
	}
	PIN_ASSERT(pin_obj_equal(o, r, json, pin_obj_root(json)));
	pin_out_init(&text, a, MEMORY);
	pin_yaml_write(o, r, &text);
	if (text.failed != PIN_OK || awkward(&out))
		return;
	rc = pin_yaml_parse(a, text.p, text.len, &yaml, NULL);
	if (rc != PIN_OK) {
		PIN_ASSERT(pin_arena_full(a) || rc == PIN_ENOMEM);
		return;
	}
	PIN_ASSERT(pin_obj_type(yaml, pin_obj_root(yaml)) ==
	    pin_obj_type(o, r));
	PIN_ASSERT(pin_obj_count(yaml, pin_obj_root(yaml)) ==
	    pin_obj_count(o, r));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct pin_arena *a = pin_arena_new(MEMORY);
	struct pin_err e = PIN_ERR_INIT;
	struct pin_out strict;
	struct pin_obj *o;
	int rc;

	pin_out_init(&strict, a, MEMORY);
	rc = pin_yaml_parse_strict(a, (const char *)p, len, &strict, &o, &e);
	if (rc == PIN_OK)
		check(a, o);
	else
		PIN_ASSERT(o == NULL && e.code == rc && e.text[0] != '\0');
	pin_arena_free(&a);
	return (0);
}
