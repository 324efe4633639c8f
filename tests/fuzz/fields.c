/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fields -- managedFields of any write to any object, with any list before.
 * Input: the old object in JSON, a newline, the new one.
 * Must hold: the new list is well-formed; writing the same object again
 * changes nothing; applying never leaves a malformed list behind. */
#include <stdlib.h>
#include <string.h>

#include "lib/fields/fields.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int cond)
{
	if (!cond)
		abort();
}

static const struct pin_fields_key keys[] = {
	{ { "k", 1 }, { "\"d\"", 3 } }, { { "n", 1 }, { NULL, 0 } },
};

static const struct pin_fields_type named[] = {
	{ 1, PIN_FT_STRUCT, PIN_FT_GRANULAR, 0, NULL },		/* sub */
	{ 2, PIN_FT_LIST, PIN_FT_SET, 0, NULL },		/* set */
	{ 3, PIN_FT_LIST, PIN_FT_KEYED, 2, keys },		/* list */
	{ 4, PIN_FT_MAP, PIN_FT_GRANULAR, 0, NULL },		/* map */
	{ 5, PIN_FT_STRUCT, PIN_FT_ATOMIC, 0, NULL },		/* atom */
	{ 6, PIN_FT_SCALAR, PIN_FT_GRANULAR, 0, NULL },		/* one */
	{ 7, PIN_FT_ANY, PIN_FT_ATOMIC, 0, NULL },		/* raw */
	{ 1, PIN_FT_STRUCT, PIN_FT_GRANULAR, 0, NULL },		/* metadata */
};

static int
field(const void *ctx, const struct pin_fields_type *t, const char *name,
    size_t len, struct pin_fields_type *out)
{
	static const char *const names[] = { "sub", "set", "list", "map",
	    "atom", "one", "raw", "metadata" };
	size_t i;

	(void)ctx;
	(void)t;
	for (i = 0; i < PIN_LEN(names); i++)
		if (strlen(names[i]) == len &&
		    memcmp(names[i], name, len) == 0) {
			*out = named[i];
			return (1);
		}
	return (0);
}

static void
element(const void *ctx, const struct pin_fields_type *t,
    struct pin_fields_type *out)
{
	(void)ctx;
	if (t->id == 3)
		*out = named[0];
	else if (t->id == 2)
		*out = named[5];
	else
		memset(out, 0, sizeof(*out));
}

static pin_node
managed(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "managedFields",
	    NULL));
}

/* Applying the same again changes nothing. */
static void
apply(struct pin_arena *a, struct pin_fields_op *op, struct pin_obj *live,
    struct pin_obj *config)
{
	struct pin_fields_conflicts c;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *one, *two;
	pin_node root = pin_obj_root(config);

	op->empty = pin_obj_new(a);
	(void)pin_obj_set_str(config, root, "apiVersion", op->api_version);
	if (pin_obj_type(config, pin_obj_get(config, root, "metadata")) ==
	    PIN_OBJECT)
		(void)pin_obj_unset(config, pin_obj_get(config, root,
		    "metadata"), "managedFields");
	if (pin_fields_apply(a, op, 0, live, config, &one, &c, &err) ==
	    PIN_ECONFLICT)
		must(c.n > 0);
	if (pin_fields_apply(a, op, 1, live, config, &one, &c, &err) !=
	    PIN_OK)
		return;
	must(pin_fields_check(a, live, managed(live), &err) != PIN_OK ||
	    pin_fields_check(a, one, managed(one), &err) == PIN_OK);
	must(pin_fields_apply(a, op, 1, one, config, &two, &c, &err) ==
	    PIN_OK || err.code == PIN_EINVAL || err.code == PIN_ENOMEM);
}

static int
has_uid(const struct pin_obj *o)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "uid", NULL)).len > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct pin_fields_schema schema = { .field = field,
	    .element = element };
	static const struct pin_str reset[] = { { "sub.map", 7 },
	    { "status", 6 } };
	struct pin_fields_op op = { .schema = &schema, .root = named[0],
	    .manager = { "m", 1 }, .api_version = { "v1", 2 },
	    .now = { "2026-01-01T00:00:00Z", 20 }, .reset = reset,
	    .nreset = 2 };
	struct pin_arena *a = pin_arena_new(64u << 20);
	struct pin_obj *old = NULL, *new = NULL, *again;
	int was, is;
	const uint8_t *nl = len > 0 ? memchr(data, '\n', len) : NULL;
	struct pin_err err = PIN_ERR_INIT;

	if (nl != NULL && pin_obj_parse(a, (const char *)data,
	    (size_t)(nl - data), &old, NULL) == PIN_OK && pin_obj_parse(a,
	    (const char *)nl + 1, len - (size_t)(nl - data) - 1, &new,
	    NULL) == PIN_OK && pin_obj_type(old, pin_obj_root(old)) ==
	    PIN_OBJECT && pin_obj_type(new, pin_obj_root(new)) ==
	    PIN_OBJECT && pin_fields_update(a, &op, old, new, &err) ==
	    PIN_OK) {
		/* What is stored is trusted: it went through here once. */
		if (pin_fields_check(a, old, managed(old), &err) != PIN_OK)
			goto out;
		must(pin_fields_check(a, new, managed(new), &err) == PIN_OK);
		was = has_uid(old);
		is = has_uid(new);
		again = pin_obj_copy(a, new);
		must(again != NULL);
		apply(a, &op, old, pin_obj_copy(a, new));
		must(pin_fields_update(a, &op, new, again, &err) == PIN_OK);
		/* An object does not get or lose its uid in a write; one
		 * without is a new one each time, so if it fitted no set at
		 * first its list may come now. */
		must(was != is || (managed(new) == 0 && (!was ||
		    managed(again) == 0)) ||
		    pin_fields_keep_times(new, again));
	}
out:
	pin_arena_free(&a);
	return (0);
}
