/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check -- structural checks and the list of causes: every demand a row can
 * make, the words it is refused in, and the limits of the list.
 * What the reference says of whole objects: tests/unit/golden.c. */
#include "core/api/conform.h"

#include <string.h>

#include "tap.h"

static struct pin_arena *arena;

static const char *
text(struct pin_str s)
{
	return (pin_arena_strndup(arena, s.p != NULL ? s.p : "", s.len));
}

static struct pin_obj *
make(const char *type, const char *json, struct pin_type *t)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o, *out;

	if (!pin_type_find(pin_schema_builtin(), type, t) ||
	    pin_obj_parse(arena, json, strlen(json), &o, &err) != PIN_OK ||
	    pin_conform(arena, *t, o, pin_obj_root(o), PIN_CONFORM_DEFAULT,
	    &out, NULL, &err) != PIN_OK)
		BAIL("%s %s: %s", type, json, err.text);
	return (out);
}

/* All causes, "field: message; ". */
static const char *
check(const char *type, const char *json, const char *old)
{
	struct pin_causes *c = pin_causes_new(arena);
	const struct pin_cause *k;
	struct pin_type t;
	struct pin_obj *o = make(type, json, &t);
	struct pin_out w;
	uint32_t i;

	pin_conform_check(t, o, old != NULL ? make(type, old, &t) : NULL, c);
	pin_out_init(&w, arena, 1 << 20);
	for (i = 0; (k = pin_causes_at(c, i)) != NULL; i++)
		pin_out_printf(&w, "%s%s: %s", i > 0 ? "; " : "",
		    text(k->field), text(k->message));
	return (text((struct pin_str){ w.p, w.len }));
}

static void
test_demands(void)
{
	CASE("what must be there") {
		CHECK_STR(check("core.v1.SecretVolumeSource", "{}", NULL),
		    "secretName: Required value");
		CHECK_STR(check("core.v1.PodSpec", "{\"containers\":[]}",
		    NULL), "containers: Required value");
		CHECK_STR(check("core.v1.PodSpec", "{\"containers\":"
		    "[{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\"}]}",
		    NULL), "containers[1].image: Required value");
	}
	CASE("one of a few words, and an empty one") {
		CHECK_STR(check("core.v1.ContainerPort", "{\"containerPort\":1"
		    ",\"protocol\":\"a\\\"b\"}", NULL),
		    "protocol: Unsupported value: \"a\\\"b\": supported "
		    "values: \"SCTP\", \"TCP\", \"UDP\"");
		CHECK_STR(check("networking.v1.NetworkPolicySpec",
		    "{\"policyTypes\":[\"Ingress\",\"x\"]}", NULL),
		    "policyTypes[1]: Unsupported value: \"x\": supported "
		    "values: \"Ingress\", \"Egress\"");
		CHECK_STR(check("core.v1.SeccompProfile", "{\"type\":\"\"}",
		    NULL), "type: Required value: type is required when "
		    "seccompProfile is set");
		CHECK_STR(check("scheduling.v1.PriorityClass",
		    "{\"preemptionPolicy\":\"\"}", NULL), "");
	}
	CASE("numbers in range") {
		CHECK_STR(check("core.v1.ContainerPort",
		    "{\"containerPort\":70000}", NULL), "containerPort: "
		    "Invalid value: 70000: must be between 1 and 65535, "
		    "inclusive");
		CHECK_STR(check("core.v1.ContainerPort",
		    "{\"containerPort\":0}", NULL),
		    "containerPort: Required value");
		CHECK_STR(check("core.v1.Probe", "{\"timeoutSeconds\":-1}",
		    NULL), "timeoutSeconds: Invalid value: -1: must be "
		    "greater than or equal to 0");
	}
	CASE("lengths") {
		char json[1024];

		(void)snprintf(json, sizeof(json),
		    "{\"interfaceName\":\"%0257d\"}", 0);
		CHECK_STR(check("resource.v1.NetworkDeviceData", json, NULL),
		    "interfaceName: Too long: may not be more than 256 "
		    "bytes");
		CHECK_STR(check("resource.v1.NetworkDeviceData", "{\"ips\":["
		    "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\","
		    "\"\",\"\",\"\",\"\",\"\",\"\"]}", NULL),
		    "ips: Too many: 17: must have at most 16 items");
	}
	CASE("what must not change") {
		CHECK_STR(check("resource.v1.ResourceClaim",
		    "{\"spec\":{\"devices\":{\"config\":null}}}",
		    "{\"spec\":{}}"), "");
		CHECK(strstr(check("resource.v1.ResourceClaim", "{\"spec\":{"
		    "\"devices\":{\"requests\":[{\"name\":\"a\"}]}}}",
		    "{\"spec\":{}}"), "spec: Invalid value: {\"devices\":{"
		    "\"requests\":[{\"name\":\"a\"}]}}: field is immutable")
		    != NULL);
	}
}

struct format_case {
	const char	*type;
	const char	*json;		/* with one %s */
	const char	*value;
	const char	*end;		/* of the causes; "": none */
};

static const struct format_case formats[] = {
	{ "core.v1.Volume", "{\"name\":\"%s\"}", "a-1", "" },
	{ "core.v1.Volume", "{\"name\":\"%s\"}", "a.b",
	    "must not contain dots" },
	{ "core.v1.Volume", "{\"name\":\"%s\"}", "-a", "')" },
	{ "core.v1.ServicePort", "{\"port\":1,\"appProtocol\":\"%s\"}",
	    "a.b/C_d", "" },
	{ "core.v1.ServicePort", "{\"port\":1,\"appProtocol\":\"%s\"}",
	    "a/b/c", "(e.g. 'example.com/MyName')" },
	{ "core.v1.ServicePort", "{\"port\":1,\"appProtocol\":\"%s\"}",
	    "/b", "prefix part must be non-empty" },
	{ "core.v1.ContainerPort", "{\"containerPort\":1,\"name\":\"%s\"}",
	    "http-1", "" },
	{ "core.v1.ContainerPort", "{\"containerPort\":1,\"name\":\"%s\"}",
	    "1", "must contain at least one letter (a-z)" },
	{ "core.v1.ContainerPort", "{\"containerPort\":1,\"name\":\"%s\"}",
	    "a--b", "must not contain consecutive hyphens" },
	{ "core.v1.ContainerPort", "{\"containerPort\":1,\"name\":\"%s\"}",
	    "a-", "must not begin or end with a hyphen" },
	{ "core.v1.HostIP", "{\"ip\":\"%s\"}", "", "" },
	{ "core.v1.HostAlias", "{\"ip\":\"%s\"}", "10.0.0.1", "" },
	{ "core.v1.HostAlias", "{\"ip\":\"%s\"}", "fd00::1", "" },
	{ "core.v1.HostAlias", "{\"ip\":\"%s\"}", "10.0.0.01",
	    "" },
	{ "core.v1.HostAlias", "{\"ip\":\"%s\"}", "::ffff:10.0.0.1",
	    "" },
	{ "core.v1.HostAlias", "{\"ip\":\"%s\"}", "10.0.0",
	    "(e.g. 10.9.8.7 or 2001:db8::ffff)" },
	{ "networking.v1.IPBlock", "{\"cidr\":\"%s\"}", "10.0.0.0/8", "" },
	{ "networking.v1.IPBlock", "{\"cidr\":\"%s\"}", "fd00::/64", "" },
	{ "networking.v1.IPBlock", "{\"cidr\":\"%s\"}", "10.0.0.0/33",
	    "(e.g. 10.9.8.0/24 or 2001:db8::/64)" },
	{ "networking.v1.IPBlock", "{\"cidr\":\"%s\"}", "10.0.0.0",
	    "(e.g. 10.9.8.0/24 or 2001:db8::/64)" },
	{ "core.v1.ConfigMapKeySelector", "{\"key\":\"%s\"}", "a_B-c.d", "" },
	{ "core.v1.ConfigMapKeySelector", "{\"key\":\"%s\"}", "..a",
	    "must not start with '..'" },
	{ "core.v1.ConfigMapKeySelector", "{\"key\":\"%s\"}", "..",
	    "must not be '..'" },
	{ "core.v1.LocalVolumeSource", "{\"path\":\"%s\"}", "/a", "" },
	{ "resource.v1.DeviceRequestAllocationResult",
	    "{\"request\":\"a\",\"driver\":\"A.b\",\"device\":\"d\","
	    "\"pool\":\"%s\"}", "a/b.c", "" },
	{ "resource.v1.DeviceRequestAllocationResult",
	    "{\"request\":\"a\",\"driver\":\"A.b\",\"device\":\"d\","
	    "\"pool\":\"%s\"}", "a//b", "segment 1: must not be empty" },
	{ "resource.v1.DeviceConstraint", "{\"matchAttribute\":\"%s\"}",
	    "example.com/a", "" },
	{ "resource.v1.DeviceConstraint", "{\"matchAttribute\":\"%s\"}",
	    "a", "separated by a slash" },
};

static void
test_formats(void)
{
	char json[256];
	const char *got;
	size_t i, n, m;

	for (i = 0; i < PIN_LEN(formats); i++)
		CASE("%s: \"%s\"", formats[i].type, formats[i].value) {
			n = strcspn(formats[i].json, "%");
			(void)snprintf(json, sizeof(json), "%.*s%s%s", (int)n,
			    formats[i].json, formats[i].value,
			    formats[i].json + n + 2);
			got = check(formats[i].type, json, NULL);
			n = strlen(got);
			m = strlen(formats[i].end);
			if (!CHECK(m == 0 ? n == 0 : n >= m && strcmp(got + n -
			    m, formats[i].end) == 0))
				tap_diag("%s", got);
		}
}

static void
test_list(void)
{
	struct pin_causes *c = pin_causes_new(arena);
	uint32_t i;

	CASE("causes are worded by their kind") {
		pin_cause_add(c, PIN_CAUSE_REQUIRED, "a", PIN_STR("\"x\""),
		    NULL);
		pin_cause_add(c, PIN_CAUSE_DUPLICATE, "b[0]",
		    PIN_STR("\"x\""), NULL);
		pin_cause_add(c, PIN_CAUSE_FORBIDDEN, "c", PIN_STR_NONE,
		    "may not be %d", 5);
		pin_cause_add(c, PIN_CAUSE_TYPEINVALID, "", PIN_STR("5"),
		    "%s", "no");
		CHECK_STR(text(pin_causes_at(c, 0)->message),
		    "Required value");
		CHECK_STR(text(pin_causes_at(c, 1)->message),
		    "Duplicate value: \"x\"");
		CHECK_STR(text(pin_causes_at(c, 1)->field), "b[0]");
		CHECK_STR(text(pin_causes_at(c, 2)->message),
		    "Forbidden: may not be 5");
		CHECK_STR(text(pin_causes_at(c, 3)->message),
		    "Invalid value: 5: no");
		CHECK_INT(pin_causes_at(c, 2)->type, PIN_CAUSE_FORBIDDEN);
		CHECK(pin_causes_at(c, 4) == NULL);
	}
	CASE("the same cause is said once") {
		pin_cause_add(c, PIN_CAUSE_REQUIRED, "a", PIN_STR_NONE,
		    NULL);
		CHECK(pin_causes_at(c, 4) == NULL);
	}
	CASE("no more than so many are kept, all are counted") {
		for (i = 4; i < PIN_CAUSES_MAX + 10; i++) {
			char field[16];

			snprintf(field, sizeof(field), "x%u", i);
			pin_cause_add(c, PIN_CAUSE_REQUIRED, field,
			    PIN_STR_NONE, NULL);
		}
		CHECK_INT(pin_cause_count(c), PIN_CAUSES_MAX + 10);
		CHECK(pin_causes_at(c, PIN_CAUSES_MAX - 1) != NULL);
		CHECK(pin_causes_at(c, PIN_CAUSES_MAX) == NULL);
	}
}

/* In upstream's order: as it looks at members, not as they came. */
static void
test_order(void)
{
	static const char *const fields[] = { "metadata.generateName",
	    "metadata.name", "spec.volumes[1].name", "spec.containers[2].name",
	    "spec.containers[2].image", "spec.containers[2].env[0].name",
	    "spec.containers[2].envFrom[0]",
	    "spec.containers[2].imagePullPolicy",
	    "spec.containers[2].resources.limits[cpu]",
	    "spec.containers[2].resources.limits[memory]",
	    "spec.containers[10].name", "spec.initContainers[0].name",
	    "spec.restartPolicy", "spec.none", "spec.none2" };
	const uint32_t n = PIN_LEN(fields);
	struct pin_causes *c = pin_causes_new(arena);
	const struct pin_cause *k;
	struct pin_type t;
	uint32_t i;

	if (!pin_type_find(pin_schema_builtin(), "core.v1.Pod", &t))
		BAIL("no Pod");
	CASE("causes stand along the members, immutable ones last") {
		pin_cause_add(c, PIN_CAUSE_INVALID, "metadata.aaa",
		    PIN_STR("1"), "field is immutable");
		for (i = 0; i < n; i++)	/* 7 and n - 2 share no divisor */
			pin_cause_add(c, PIN_CAUSE_REQUIRED,
			    fields[i == n - 2 || i == n - 1 ? i :
			    (i * 7) % (n - 2)], PIN_STR_NONE, NULL);
		pin_causes_order(c, t);
		for (i = 0; i < n; i++) {
			k = pin_causes_at(c, i);
			CHECK_STR(text(k->field), fields[i]);
		}
		CHECK_STR(text(pin_causes_at(c, n)->field), "metadata.aaa");
	}
	CASE("paths that are none do no harm") {
		c = pin_causes_new(arena);
		for (i = 0; i < 9; i++)
			pin_cause_add(c, PIN_CAUSE_REQUIRED, (const char
			    *const[]){ "", "[", "spec[", "spec..x", "a.b[0]",
			    "spec.containers[", "]", ".", "spec.containers" }
			    [i], PIN_STR_NONE, NULL);
		pin_causes_order(c, t);
		CHECK_UINT(pin_cause_count(c), 9);
	}
}

int
main(void)
{
	arena = pin_arena_new(64 << 20);
	test_demands();
	test_formats();
	test_list();
	test_order();
	pin_arena_free(&arena);
	return (tap_done());
}
