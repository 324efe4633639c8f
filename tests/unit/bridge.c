/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bridge -- the recorded strategic patches and managedFields again, this time
 * with types from the built-in API table: table and bridge know what the
 * reference knows.
 * With an argument: times creating and updating instead. */
#include <time.h>

#include "core/api/bridge.h"
#include "slurp.h"
#include "tap.h"

static const struct pin_schema *api;
static struct pin_bridge *bridge;

static const struct pin_res_row *
resource(struct pin_str kind)
{
	const char *group = "", *version = "v1";
	char name[64];

	if (pin_str_is(kind, "Deployment"))
		group = "apps";
	else if (pin_str_is(kind, "Ingress"))
		group = "networking.k8s.io";
	snprintf(name, sizeof(name), PIN_SFMT, PIN_SARG(kind));
	return (pin_res_by_kind(api, group, version, name));
}

static struct pin_obj *
sub(struct pin_arena *a, const struct pin_obj *o, pin_node n)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *out = NULL;
	struct pin_out text;

	pin_out_init(&text, a, PIN_OBJ_TEXT_MAX);
	pin_obj_write(o, n, &text);
	if (pin_obj_parse(a, text.p, text.len, &out, &err) != PIN_OK)
		BAIL("case: %s", err.text);
	return (out);
}

static const char *
show(struct pin_arena *a, const struct pin_obj *o, pin_node n)
{
	struct pin_out out;

	pin_out_init(&out, a, PIN_OBJ_TEXT_MAX);
	if (n == 0)
		pin_out_cstr(&out, "[]");
	else
		pin_obj_write(o, n, &out);
	pin_out_char(&out, '\0');
	return (out.p);
}

static pin_node
managed(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "managedFields",
	    NULL));
}

static void
patch_case(const struct pin_obj *o, pin_node c, const struct pin_res_row *r)
{
	struct pin_arena *a = pin_arena_new(64u << 20);
	struct pin_obj *doc = sub(a, o, pin_obj_get(o, c, "doc"));
	struct pin_obj *patch = sub(a, o, pin_obj_get(o, c, "patch"));
	struct pin_str e = pin_obj_str(o, pin_obj_get(o, c, "error"));
	struct pin_err err = PIN_ERR_INIT;
	int64_t code = 0;
	int rc;

	(void)pin_obj_i64(o, pin_obj_get(o, c, "code"), &code);
	CASE("patch: " PIN_SFMT, PIN_SARG(pin_obj_str(o, pin_obj_get(o, c,
	    "name")))) {
		rc = pin_strategic_patch(doc, patch, pin_bridge_merge(bridge),
		    pin_bridge_type(bridge, r->type), &err);
		CHECK_INT(rc == PIN_OK ? 0 : pin_err_http(rc), code);
		if (rc != PIN_OK)
			CHECK_MEM(err.text, strlen(err.text), e.p, e.len);
		else
			CHECK(pin_obj_equal(doc, pin_obj_root(doc), o,
			    pin_obj_get(o, c, "result")));
	}
	pin_arena_free(&a);
}

static void
fill_op(const struct pin_obj *o, pin_node c, struct pin_fields_op *op,
    struct pin_str *reset)
{
	const struct pin_res_row *r;
	pin_node n;

	memset(op, 0, sizeof(*op));
	op->schema = pin_bridge_fields(bridge);
	r = resource(pin_obj_str(o, pin_obj_get(o, c, "kind")));
	pin_bridge_root(bridge, r->type, &op->root);
	op->manager = pin_obj_str(o, pin_obj_get(o, c, "manager"));
	op->api_version = pin_obj_str(o, pin_obj_get(o, c, "apiVersion"));
	op->subresource = pin_obj_str(o, pin_obj_get(o, c, "subresource"));
	op->now = pin_obj_str(o, pin_obj_get(o, c, "now"));
	op->reset = reset;
	for (n = pin_obj_first(o, pin_obj_get(o, c, "reset")); n != 0;
	    n = pin_obj_next(o, n))
		reset[op->nreset++] = pin_obj_str(o, n);
}

static void
fields_case(const struct pin_obj *o, pin_node c)
{
	struct pin_arena *a = pin_arena_new(64u << 20);
	struct pin_obj *old = sub(a, o, pin_obj_get(o, c, "old"));
	struct pin_obj *new = sub(a, o, pin_obj_get(o, c, "new"));
	struct pin_str reset[PIN_FIELDS_RESET_MAX];
	struct pin_err err = PIN_ERR_INIT;
	struct pin_fields_op op;
	const char *got, *want;

	fill_op(o, c, &op, reset);
	CASE("fields: " PIN_SFMT, PIN_SARG(pin_obj_str(o, pin_obj_get(o, c,
	    "name")))) {
		CHECK_INT(pin_fields_update(a, &op, old, new, &err), PIN_OK);
		got = show(a, new, managed(new));
		want = show(a, o, pin_obj_get(o, c, "want"));
		CHECK_STR(got, want);
	}
	pin_arena_free(&a);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec);
}

static void
time_case(const struct pin_obj *o, pin_node c)
{
	struct pin_arena *a = pin_arena_new(64u << 20);
	struct pin_arena *w = pin_arena_new(64u << 20);
	struct pin_obj *old = sub(a, o, pin_obj_get(o, c, "old")), *new;
	struct pin_obj *first = sub(a, o, pin_obj_get(o, c, "new"));
	struct pin_str reset[PIN_FIELDS_RESET_MAX];
	struct pin_err err = PIN_ERR_INIT;
	struct pin_fields_op op;
	uint64_t t, best = UINT64_MAX;
	int i, j;

	fill_op(o, c, &op, reset);
	for (i = 0; i < 20; i++) {
		t = 0;
		for (j = 0; j < 500; j++) {
			new = pin_obj_copy(w, first);
			t -= now_ns();
			(void)pin_fields_update(w, &op, old, new, &err);
			t += now_ns();
			pin_arena_reset(w);
		}
		if (t / 500 < best)
			best = t / 500;
	}
	printf("# %6.2f us  %5zu bytes  %.*s\n", (double)best / 1000,
	    strlen(show(a, first, pin_obj_root(first))), (int)pin_obj_str(o,
	    pin_obj_get(o, c, "name")).len, pin_obj_str(o, pin_obj_get(o, c,
	    "name")).p);
	pin_arena_free(&w);
	pin_arena_free(&a);
}

int
main(int argc, char **argv)
{
	struct pin_obj *p, *f;
	const struct pin_res_row *r;
	pin_node c;

	(void)argv;
	api = pin_schema_builtin();
	bridge = pin_bridge_new(api);
	p = slurp_json("tests/unit/data/patch/strategic.json");
	f = slurp_json("tests/unit/data/fields/server.json");
	for (c = pin_obj_first(f, pin_obj_root(f)); c != 0;
	    c = pin_obj_next(f, c)) {
		if (argc > 1)
			time_case(f, c);
		else
			fields_case(f, c);
	}
	for (c = pin_obj_first(p, pin_obj_root(p)); c != 0 && argc == 1;
	    c = pin_obj_next(p, c)) {
		r = resource(pin_obj_str(p, pin_obj_get(p, c, "type")));
		if (r != NULL)		/* not the made-up type */
			patch_case(p, c, r);
	}
	pin_obj_free(&p);
	pin_obj_free(&f);
	pin_bridge_free(&bridge);
	return (tap_done());
}
