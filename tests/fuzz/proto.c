/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proto -- fuzz target: any bytes as protobuf, then conform, defaults, the
 * canonical text and the checks of what came out.
 * Contract: no crash; what is canonical stays so when it is conformed again. */
#include "core/api/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct pin_type found;

static int
find(void *arg, struct pin_str av, struct pin_str kind, struct pin_type *out,
    struct pin_err *err)
{
	char name[96];
	const struct pin_res_row *r;

	(void)arg;
	(void)snprintf(name, sizeof(name), PIN_SFMT, PIN_SARG(kind));
	r = pin_res_by_kind(pin_schema_builtin(), "", "v1", name);
	if (r == NULL && av.len != 0)
		r = pin_res_by_kind(pin_schema_builtin(), "apps", "v1",
		    name);
	if (r == NULL)
		return (pin_err_set(err, PIN_ENOTFOUND, "no kind"));
	*out = pin_schema_type(pin_schema_builtin(), r->type);
	found = *out;
	return (PIN_OK);
}

static struct pin_str
text(struct pin_arena *a, const struct pin_obj *o)
{
	struct pin_out w;

	pin_out_init(&w, a, 1 << 24);
	pin_conform_write(found, o, &w);
	if (w.failed != PIN_OK)
		abort();
	return ((struct pin_str){ w.p, w.len });
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct pin_str s = { (const char *)p, len };
	struct pin_arena *a = pin_arena_new(64 << 20);
	struct pin_obj *o, *out, *again;
	struct pin_err err = PIN_ERR_INIT;

	if (a == NULL)
		abort();
	if (pin_proto_decode(a, s, find, NULL, &o, &err) == PIN_OK &&
	    pin_conform(a, found, o, pin_obj_root(o), PIN_CONFORM_DEFAULT,
	    &out, NULL, &err) == PIN_OK) {
		pin_conform_check(found, out, NULL, pin_causes_new(a));
		if (pin_conform(a, found, out, pin_obj_root(out),
		    PIN_CONFORM_DEFAULT, &again, NULL, &err) != PIN_OK ||
		    !pin_str_eq(text(a, out), text(a, again)))
			abort();
	}
	pin_arena_free(&a);
	return (0);
}
