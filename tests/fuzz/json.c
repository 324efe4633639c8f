/* SPDX-License-Identifier: BSD-2-Clause
 *
 * json -- fuzz target: what is read can be written, read again, compared,
 * copied, packed and mapped, and stays the same.
 * One thread. Contract: pintle/object.h. */
#include <pintle/object.h>

#include <string.h>

#include "lib/json/dup.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MEMORY	((size_t)256 << 20)

static int
stop(void *arg, pin_node n)
{
	(void)arg;
	(void)n;
	return (0);
}

/* Two trees of one value must be equal from both sides. */
static void
same(const struct pin_obj *a, pin_node x, const struct pin_obj *b, pin_node y)
{
	PIN_ASSERT(pin_obj_equal(a, x, b, y));
	PIN_ASSERT(pin_obj_equal(b, y, a, x));
}

static void
check(struct pin_arena *a, struct pin_obj *o)
{
	struct pin_obj *again, *copy, *mapped;
	struct pin_out out, twice, pack;
	pin_node r = pin_obj_root(o), n;

	pin_out_init(&out, a, MEMORY);
	pin_obj_write(o, r, &out);
	PIN_ASSERT(out.failed == PIN_OK);
	PIN_ASSERT(pin_obj_parse(a, out.p, out.len, &again, NULL) == PIN_OK);
	same(o, r, again, pin_obj_root(again));
	pin_out_init(&twice, a, MEMORY);
	pin_obj_write(again, pin_obj_root(again), &twice);
	PIN_ASSERT(pin_str_eq((struct pin_str){ out.p, out.len },
	    (struct pin_str){ twice.p, twice.len }));
	pin_out_init(&pack, a, MEMORY);
	PIN_ASSERT(pin_obj_pack(o, &pack) == PIN_OK);
	PIN_ASSERT(pin_obj_map(a, pack.p, pack.len, &mapped, NULL) == PIN_OK);
	same(o, r, mapped, r);
	copy = pin_obj_new(NULL);
	PIN_ASSERT(copy != NULL);
	n = pin_obj_set_node(copy, 1, PIN_STR("k"), o, r);
	same(copy, n, o, r);
	n = pin_obj_set_node(copy, 1, PIN_STR("l"), copy, n);
	same(copy, n, o, r);
	PIN_ASSERT(pin_obj_unset(copy, 1, "k") == 1);
	PIN_ASSERT(pin__obj_dups(o, r, stop, NULL) == PIN_OK);
	pin_obj_free(&copy);
}

/* The bytes as a packed object: whatever is mapped can be walked. */
static void
check_map(struct pin_arena *a, const uint8_t *p, size_t len)
{
	struct pin_obj *o;
	struct pin_out out;
	void *aligned = pin_arena_alloc(a, len);

	if (aligned == NULL)
		return;
	memcpy(aligned, p, len);
	if (pin_obj_map(a, aligned, len, &o, NULL) != PIN_OK)
		return;
	pin_out_init(&out, a, MEMORY);
	pin_obj_write(o, pin_obj_root(o), &out);
	PIN_ASSERT(pin_obj_equal(o, 1, o, 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct pin_arena *a = pin_arena_new(MEMORY);
	struct pin_err e = PIN_ERR_INIT;
	struct pin_patch *patch;
	struct pin_obj *o;
	int rc;

	rc = pin_obj_parse(a, (const char *)p, len, &o, &e);
	if (rc == PIN_OK) {
		check(a, o);
	} else {
		PIN_ASSERT(o == NULL && e.code == rc && e.text[0] != '\0');
		check_map(a, p, len);
		patch = pin_patch_new(a);
		if (pin_patch_unpack(patch, (struct pin_str){
		    (const char *)p, len }, &e) == PIN_OK) {
			o = pin_obj_new(a);
			(void)pin_patch_apply(patch, o, &e);
		}
	}
	pin_arena_free(&a);
	return (0);
}
