/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pretty -- JSON with indents, whole and in pieces that end anywhere.
 * One thread. Contract: core/apiserver/pretty.h. */
#include "core/apiserver/pretty.h"

#include <string.h>

#include "tap.h"

static const struct {
	const char	*in, *out;
} cases[] = {
	{ "{}\n", "{}" },
	{ "[]", "[]" },
	{ "{\"a\":1,\"b\":[]}", "{\n  \"a\": 1,\n  \"b\": []\n}" },
	{ "[1,{\"a\":{}}]", "[\n  1,\n  {\n    \"a\": {}\n  }\n]" },
	{ "{\"a\":\"x, y: [\\\"{\\\\\"}",
	    "{\n  \"a\": \"x, y: [\\\"{\\\\\"\n}" },
	{ "{ \"a\" : null }", "{\n  \"a\": null\n}" },
	{ "\"\"", "\"\"" },
};

static int
makes(const char *in, const char *want, size_t piece)
{
	struct pretty s = { 0, 0, 0, 0 };
	size_t n = strlen(in), i, k;
	struct pin_out o;
	int same;

	pin_out_init(&o, NULL, 1u << 16);
	for (i = 0; i < n; i += k) {
		k = n - i < piece ? n - i : piece;
		pretty_put(&s, &o, in + i, k);
	}
	same = o.len == strlen(want) && memcmp(o.p, want, o.len) == 0;
	pin_out_fini(&o);
	return (same);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < PIN_LEN(cases); i++) {
		OK(makes(cases[i].in, cases[i].out, 1u << 16),
		    "text %zu is indented as Go does it", i);
		OK(makes(cases[i].in, cases[i].out, 1),
		    "... and byte by byte");
	}
	return (tap_done());
}
