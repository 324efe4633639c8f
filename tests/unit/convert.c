/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert -- events and autoscalers in their two forms, as the reference
 * shows them, and back again as it takes them.
 * The files in data/convert come from data/convert/make.py. */
#include "core/api/conform.h"

#include <string.h>

#include "slurp.h"
#include "tap.h"

#define DATA	"tests/unit/data/convert/"

static struct pin_arena *arena;

static const struct pin_res_row *
resource(const char *group, const char *version, const char *plural)
{
	const struct pin_res_row *r = pin_res_find(pin_schema_builtin(), group,
	    version, plural);

	if (r == NULL)
		BAIL("no %s/%s %s", group, version, plural);
	return (r);
}

static const char *
canonical(const struct pin_res_row *r, const struct pin_obj *o)
{
	struct pin_out w;

	pin_out_init(&w, arena, 1 << 24);
	pin_conform_write(pin_schema_type(pin_schema_builtin(), r->type), o,
	    &w);
	return (w.failed == PIN_OK ? pin_arena_strndup(arena, w.p, w.len) :
	    "(failed)");
}

/* Member name of a file as a conformed object. */
static struct pin_obj *
form(const struct pin_obj *file, const char *name,
    const struct pin_res_row *r)
{
	pin_node n = pin_obj_get(file, pin_obj_root(file), name);
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *out;

	if (n == 0)
		return (NULL);
	if (pin_conform(arena, pin_schema_type(pin_schema_builtin(), r->type),
	    file, n, 0, &out, NULL, &err) != PIN_OK)
		BAIL("%s: %s", name, err.text);
	return (out);
}

static const char *
convert(const struct pin_res_row *from, const struct pin_res_row *to,
    const struct pin_obj *in)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *out;

	if (pin_convert(arena, pin_schema_builtin(), from, to, in, &out,
	    &err) != PIN_OK)
		return (pin_arena_printf(arena, NULL, "(%s)", err.text));
	return (canonical(to, out));
}

static void
test_file(const char *name, const struct pin_res_row *stored,
    const struct pin_res_row *other)
{
	struct pin_obj *file, *a, *b, *back;
	char path[128];

	(void)snprintf(path, sizeof(path), DATA "%s.json", name);
	file = slurp_json(path);
	a = form(file, "stored", stored);
	b = form(file, "other", other);
	back = form(file, "back", stored);
	CASE("%s in its other form", name)
		CHECK_STR(convert(stored, other, a), canonical(other, b));
	if (back != NULL)
		CASE("%s back again", name)
			CHECK_STR(convert(other, stored, b),
			    canonical(stored, back));
	pin_obj_free(&file);
	pin_arena_reset(arena);
}

static struct pin_obj *
parse(const char *text)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;

	if (pin_obj_parse(arena, text, strlen(text), &o, &err) != PIN_OK)
		BAIL("%s: %s", text, err.text);
	return (o);
}

/* Annotations are anybody's: what does not fit is as if it were not there. */
static void
test_notes(const struct pin_res_row *v1, const struct pin_res_row *v2)
{
	static const char def[] = "\"metrics\":[{\"type\":\"Resource\","
	    "\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
	    "\"Utilization\",\"averageUtilization\":80}}}]";
	static const char *const bad[] = {
		"", "{", "5", "{}", "[{\\\"type\\\":5}]",
		("[{\\\"type\\\":\\\"Pods\\\",\\\"pods\\\":"
		"{\\\"targetAverageValue\\\":\\\"many\\\"}}]"),
	};
	const char *got;
	size_t i;

	for (i = 0; i < PIN_LEN(bad); i++)
		CASE("a note of no use: %s", bad[i]) {
			got = convert(v1, v2, parse(pin_arena_printf(arena,
			    NULL, "{\"metadata\":{\"annotations\":{"
			    "\"autoscaling.alpha.kubernetes.io/metrics\":"
			    "\"%s\",\"autoscaling.alpha.kubernetes.io/"
			    "behavior\":\"%s\"}}}", bad[i], bad[i])));
			CHECK(strstr(got, def) != NULL);
			CHECK(strstr(got, "annotations") == NULL);
			CHECK(strstr(got, "behavior") == NULL);
			if (strstr(got, def) == NULL)
				tap_diag("%s", got);
		}
	CASE("names of the behavior in any case") {
		got = convert(v1, v2, parse("{\"metadata\":{\"annotations\":{"
		    "\"autoscaling.alpha.kubernetes.io/behavior\":\"{"
		    "\\\"scaleup\\\":{\\\"SELECTPOLICY\\\":\\\"Min\\\","
		    "\\\"policies\\\":[{\\\"value\\\":3}]}}\"}}}"));
		CHECK(strstr(got, "\"behavior\":{\"scaleUp\":{"
		    "\"selectPolicy\":\"Min\",\"policies\":[{\"type\":\"\","
		    "\"value\":3,\"periodSeconds\":0}]}}") != NULL);
	}
}

int
main(void)
{
	static const char *const hpas[] = { "hpa-empty", "hpa-cpu",
	    "hpa-object", "hpa-all", "hpa-behavior" };
	static const char *const events[] = { "event-old", "event-new" };
	const struct pin_res_row *v1, *v2, *core, *new;
	struct pin_err err;
	struct pin_obj *out;
	size_t i;

	arena = pin_arena_new(64 << 20);
	v1 = resource("autoscaling", "v1", "horizontalpodautoscalers");
	v2 = resource("autoscaling", "v2", "horizontalpodautoscalers");
	core = resource("", "v1", "events");
	new = resource("events.k8s.io", "v1", "events");
	for (i = 0; i < PIN_LEN(hpas); i++)
		test_file(hpas[i], v2, v1);
	for (i = 0; i < PIN_LEN(events); i++)
		test_file(events[i], core, new);
	test_notes(v1, v2);
	CASE("what is not another form is refused") {
		CHECK_INT(pin_convert(arena, pin_schema_builtin(), v1, core,
		    parse("{}"), &out, &err), PIN_EINVAL);
		CHECK_STR(err.text, "horizontalpodautoscalers.v1 is not "
		    "another form of events.v1");
		CHECK(out == NULL);
	}
	pin_arena_free(&arena);
	return (tap_done());
}
