/* SPDX-License-Identifier: BSD-2-Clause
 *
 * patch -- all three patch types, any document, any patch.
 * Input: one letter (j: JSON Patch, m: merge, s: strategic), the document in
 * JSON, a newline, the patch in JSON.
 * Must hold: what comes out is an object that parses back to itself; a merge
 * patch applied again and again comes to rest at once; output is bounded. */
#include <stdlib.h>
#include <string.h>

#include "lib/patch/patch.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define OUT_MAX	(64u << 20)

static void
must(int cond)
{
	if (!cond)
		abort();
}

/* A small structure that holds itself. */
static int
lookup(const void *ctx, uint32_t type, const char *name, size_t len,
    struct pin_merge_field *out)
{
	static const struct {
		const char	*name;
		struct pin_merge_field f;
	} fields[] = {
		{ "name", { 2, 0, { NULL, 0 } } },
		{ "map", { 2, 0, { NULL, 0 } } },
		{ "sub", { 1, PIN_MERGE_RETAINKEYS, { NULL, 0 } } },
		{ "r", { 1, PIN_MERGE_REPLACE, { NULL, 0 } } },
		{ "list", { 1, PIN_MERGE_LIST, { NULL, 0 } } },
		{ "m", { 1, PIN_MERGE_LIST | PIN_MERGE_MERGE,
		    { "name", 4 } } },
		{ "p", { 2, PIN_MERGE_LIST | PIN_MERGE_MERGE, { NULL, 0 } } },
	};
	size_t i;

	(void)ctx;
	for (i = 0; type == 1 && i < PIN_LEN(fields); i++)
		if (strlen(fields[i].name) == len &&
		    memcmp(fields[i].name, name, len) == 0) {
			*out = fields[i].f;
			return (1);
		}
	return (0);
}

static const char *
type_name(const void *ctx, uint32_t type, int *is_struct)
{
	(void)ctx;
	*is_struct = type == 1;
	return (type == 1 ? "Thing" : "map");
}

static int
apply(char kind, struct pin_obj *doc, const struct pin_obj *patch)
{
	static const struct pin_merge_schema schema = { .lookup = lookup,
	    .name = type_name };
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	if (kind == 'j')
		rc = pin_json_patch(doc, patch, &err);
	else if (kind == 'm')
		rc = pin_merge_patch(doc, patch, &err);
	else
		rc = pin_strategic_patch(doc, patch, &schema, 1, &err);
	must(rc == PIN_OK || (err.code == rc && err.text[0] != '\0'));
	return (rc);
}

/* The text of an object that must parse to an equal one. */
static void
check(const struct pin_obj *o)
{
	struct pin_obj *again = NULL;
	struct pin_out out;

	must(pin_obj_failed(o) == PIN_OK);
	pin_out_init(&out, NULL, OUT_MAX);
	pin_obj_write(o, pin_obj_root(o), &out);
	must(!out.failed);
	must(pin_obj_parse(NULL, out.p, out.len, &again, NULL) == PIN_OK);
	must(pin_obj_equal(o, pin_obj_root(o), again, pin_obj_root(again)));
	pin_obj_free(&again);
	pin_out_fini(&out);
}

static void
rest(struct pin_obj *doc, const struct pin_obj *patch)
{
	struct pin_obj *twice;

	/* Once more, for a list that replaced an object kept its nulls. */
	must(apply('m', doc, patch) == PIN_OK);
	twice = pin_obj_copy(NULL, doc);
	must(twice != NULL && apply('m', twice, patch) == PIN_OK);
	must(pin_obj_equal(doc, pin_obj_root(doc), twice,
	    pin_obj_root(twice)));
	pin_obj_free(&twice);
}

static void
warned(void *ctx, struct pin_str text)
{
	*(size_t *)ctx += text.len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pin_obj *doc = NULL, *patch = NULL;
	const uint8_t *nl;
	size_t n = 0;

	if (len < 3 || (nl = memchr(data + 1, '\n', len - 1)) == NULL)
		return (0);
	if (pin_obj_parse(NULL, (const char *)data + 1,
	    (size_t)(nl - data) - 1, &doc, NULL) == PIN_OK &&
	    pin_obj_type(doc, pin_obj_root(doc)) == PIN_OBJECT &&
	    pin_obj_parse(NULL, (const char *)nl + 1,
	    len - (size_t)(nl - data) - 1, &patch, NULL) == PIN_OK) {
		pin_patch_strict(data[0] == 'j' ? PIN_PATCH_JSON :
		    PIN_PATCH_MERGE, patch, warned, &n);
		if (apply((char)data[0], doc, patch) == PIN_OK) {
			check(doc);
			if (data[0] == 'm')
				rest(doc, patch);
		}
	}
	pin_obj_free(&doc);
	pin_obj_free(&patch);
	return (0);
}
