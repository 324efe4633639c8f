/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform -- any JSON becomes the canonical object of its type, or is refused
 * with the words of Go's decoder; and written canonically again.
 * What the reference makes of whole objects: tests/unit/golden.c. */
#include "core/api/conform.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct pin_arena *arena;

struct conform_case {
	const char	*type;
	const char	*in;
	const char	*out;		/* or the error */
	const char	*strict;	/* reports, each followed by ';' */
	uint32_t	 flags;
};

static struct pin_type
type_of(const char *name)
{
	struct pin_type t;

	if (!pin_type_find(pin_schema_builtin(), name, &t))
		BAIL("no type %s", name);
	return (t);
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

static const char *
text_of(const struct pin_out *w)
{
	char *p = pin_arena_strndup(arena, w->p != NULL ? w->p : "", w->len);

	return (p != NULL ? p : "(no memory)");
}

static const char *
plain(const struct pin_obj *o)
{
	struct pin_out w;

	pin_out_init(&w, arena, 1 << 24);
	pin_obj_write(o, pin_obj_root(o), &w);
	return (w.failed == PIN_OK ? text_of(&w) : "(failed)");
}

static const char *
canonical(struct pin_type t, const struct pin_obj *o)
{
	struct pin_out w;

	pin_out_init(&w, arena, 1 << 24);
	pin_conform_write(t, o, &w);
	return (w.failed == PIN_OK ? text_of(&w) : "(failed)");
}

static const char *
reports(const struct pin_strict *s)
{
	struct pin_out w;
	uint32_t i;

	pin_out_init(&w, arena, 1 << 20);
	for (i = 0; i < s->n; i++) {
		pin_out_str(&w, s->text[i]);
		pin_out_char(&w, ';');
	}
	return (text_of(&w));
}

/* The canonical text, or the error's; what strict said in *said. */
static const char *
conform(const char *type, const char *in, uint32_t flags, const char **said)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_type t = type_of(type);
	struct pin_strict *strict = calloc(1, sizeof(*strict));
	struct pin_obj *o = parse(in), *out;
	const char *text;
	int rc;

	strict->arena = arena;
	rc = pin_conform(arena, t, o, pin_obj_root(o), flags, &out, strict,
	    &err);
	if (said != NULL)
		*said = reports(strict);
	free(strict);
	if (rc != PIN_OK) {
		CHECK(out == NULL);
		CHECK_INT(err.code, rc);
		return (pin_arena_printf(arena, NULL, "%s", err.text));
	}
	text = plain(out);
	CHECK_STR(canonical(t, out), text);
	return (text);
}

static const struct conform_case cases[] = {
	/* order, presence, null */
	{ "core.v1.ConfigMap", "{\"data\":{\"b\":\"2\",\"a\":\"1\"},"
	    "\"metadata\":{\"name\":\"x\"},\"kind\":\"ConfigMap\","
	    "\"apiVersion\":\"v1\"}",
	    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
	    "{\"name\":\"x\"},\"data\":{\"a\":\"1\",\"b\":\"2\"}}", "", 0 },
	{ "core.v1.ConfigMap", "{}", "{\"metadata\":{}}", "", 0 },
	{ "core.v1.ConfigMap", "{\"metadata\":null,\"data\":{},"
	    "\"immutable\":false}",
	    "{\"metadata\":{},\"immutable\":false}", "", 0 },
	{ "core.v1.ConfigMap", "{\"metadata\":null,\"data\":{\"a\":null},"
	    "\"immutable\":null}",
	    "{\"metadata\":{},\"data\":{\"a\":\"\"}}", "", 0 },
	{ "apps.v1.Deployment", "{\"spec\":{\"replicas\":0}}",
	    "{\"metadata\":{},\"spec\":{\"replicas\":0,\"selector\":null,"
	    "\"template\":{\"metadata\":{},\"spec\":{\"containers\":null}},"
	    "\"strategy\":{}},\"status\":{}}", "", 0 },
	{ "core.v1.Container", "{\"name\":\"a\",\"command\":[],"
	    "\"stdin\":false,\"securityContext\":{}}",
	    "{\"name\":\"a\",\"resources\":{},\"securityContext\":{}}",
	    "", 0 },
	{ "core.v1.PodSpec", "{\"containers\":[null]}",
	    "{\"containers\":[{\"name\":\"\",\"resources\":{}}]}", "", 0 },
	{ "core.v1.ConfigMap", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}",
	    "{\"metadata\":{}}", "", PIN_CONFORM_NOTYPE },
	/* scalars */
	{ "core.v1.ResourceRequirements", "{\"limits\":{\"cpu\":\"0.50\","
	    "\"memory\":1024,\"x\":\" 1.5Gi\"}}",
	    "{\"limits\":{\"cpu\":\"500m\",\"memory\":\"1024\","
	    "\"x\":\"1536Mi\"}}", "", 0 },
	{ "core.v1.Event", "{\"firstTimestamp\":\"2024-01-02T03:04:05.7+02:00\""
	    ",\"eventTime\":\"2024-01-02T03:04:05.000007Z\"}",
	    "{\"metadata\":{},\"involvedObject\":{},\"source\":{},"
	    "\"firstTimestamp\":\"2024-01-02T01:04:05Z\","
	    "\"lastTimestamp\":null,"
	    "\"eventTime\":\"2024-01-02T03:04:05.000007Z\","
	    "\"reportingComponent\":\"\",\"reportingInstance\":\"\"}", "", 0 },
	{ "core.v1.ConfigMap", "{\"binaryData\":{\"a\":\"YQ==\",\"b\":"
	    "\"YX==\",\"c\":\"Y\\nQ=\\r=\"}}", "{\"metadata\":{},"
	    "\"binaryData\":{\"a\":\"YQ==\",\"b\":\"YQ==\",\"c\":\"YQ==\"}}",
	    "", 0 },
	{ "core.v1.ServicePort", "{\"port\":-0,\"targetPort\":\"http\"}",
	    "{\"port\":0,\"targetPort\":\"http\"}", "", 0 },
	{ "apiextensions.v1.JSONSchemaProps", "{\"maximum\":1.50,"
	    "\"minimum\":1e2,\"multipleOf\":1e-7,\"default\":{\"b\":[1.50],"
	    "\"a\":null}}", "{\"default\":{\"b\":[1.50],\"a\":null},"
	    "\"maximum\":1.5,\"minimum\":100,\"multipleOf\":1e-7}", "", 0 },
	{ "apiextensions.v1.JSONSchemaProps", "{\"items\":[{\"type\":\"a\"}],"
	    "\"additionalProperties\":false,\"additionalItems\":{},"
	    "\"dependencies\":{\"x\":[\"y\"],\"z\":{\"type\":\"b\"}}}",
	    "{\"items\":[{\"type\":\"a\"}],\"additionalProperties\":false,"
	    "\"dependencies\":{\"x\":[\"y\"],\"z\":{\"type\":\"b\"}},"
	    "\"additionalItems\":{}}", "", 0 },
	{ "authentication.v1.UserInfo", "{\"extra\":{\"b\":[],\"a\":[\"x\","
	    "null]}}", "{\"extra\":{\"a\":[\"x\",\"\"],\"b\":[]}}", "", 0 },
	{ "apiextensions.v1.JSONSchemaProps", "{\"items\":[],"
	    "\"additionalItems\":null,\"dependencies\":{\"a\":null,"
	    "\"b\":[],\"c\":5}}", "{\"dependencies\":{\"a\":null,"
	    "\"b\":null,\"c\":null}}", "", 0 },
	{ "apiextensions.v1.JSONSchemaProps", "{\"additionalItems\":5}",
	    "boolean or JSON schema expected", "", 0 },
	{ "core.v1.ConfigMap", "{\"binaryData\":{\"a\":[97,null,255],"
	    "\"b\":[]}}", "{\"metadata\":{},\"binaryData\":{"
	    "\"a\":\"YQD/\",\"b\":\"\"}}", "", 0 },
	{ "core.v1.ConfigMap", "{\"binaryData\":{\"a\":[256]}}",
	    "json: cannot unmarshal number 256 into Go struct field "
	    "ConfigMap.binaryData of type uint8", "", 0 },
	/* strict */
	{ "core.v1.Pod", "{\"spec\":{\"containers\":[{\"foo\":1},"
	    "{\"name\":\"a\",\"name\":\"b\",\"a\\n\":{}}]},\"bar\":null}",
	    "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"\","
	    "\"resources\":{}},{\"name\":\"b\",\"resources\":{}}]},"
	    "\"status\":{}}",
	    "unknown field \"spec.containers[0].foo\";"
	    "duplicate field \"spec.containers[1].name\";"
	    "unknown field \"spec.containers[1].a\\n\";"
	    "unknown field \"bar\";", 0 },
	{ "core.v1.ConfigMap", "{\"data\":{\"b\":\"1\",\"a\":\"2\","
	    "\"b\":\"3\",\"b\":\"4\"}}",
	    "{\"metadata\":{},\"data\":{\"a\":\"2\",\"b\":\"4\"}}",
	    "duplicate field \"data.b\";", 0 },
	{ "core.v1.Pod", "{\"metadata\":{\"name\":\"a\",\"labels\":"
	    "{\"x\":\"1\"}},\"spec\":{},\"metadata\":{\"uid\":\"u\","
	    "\"labels\":{\"y\":\"2\"},\"nope\":1},\"metadata\":null}",
	    "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"labels\":"
	    "{\"x\":\"1\",\"y\":\"2\"}},\"spec\":{\"containers\":null},"
	    "\"status\":{}}",
	    "duplicate field \"metadata\";"
	    "unknown field \"metadata.nope\";", 0 },
	{ "core.v1.ConfigMap", "{\"data\":{\"a\":\"1\"},\"data\":null}",
	    "{\"metadata\":{}}", "duplicate field \"data\";", 0 },
	{ "core.v1.ConfigMap", "{\"data\":{\"a\":\"1\"},\"data\":null,"
	    "\"data\":{\"b\":\"2\"}}", "{\"metadata\":{},\"data\":{"
	    "\"b\":\"2\"}}", "duplicate field \"data\";", 0 },
	/* refusals */
	{ "core.v1.Event", "{\"reason\":5,\"message\":6,\"eventTime\":7,"
	    "\"firstTimestamp\":8}", "json: cannot unmarshal number into Go "
	    "struct field Event.eventTime of type string", "", 0 },
	{ "core.v1.Event", "{\"reason\":5,\"message\":6}",
	    "json: cannot unmarshal number into Go struct field "
	    "Event.reason of type string", "", 0 },
	{ "apps.v1.Deployment", "{\"spec\":{\"replicas\":\"three\"}}",
	    "json: cannot unmarshal string into Go struct field "
	    "DeploymentSpec.spec.replicas of type int32", "", 0 },
	{ "apps.v1.Deployment", "{\"spec\":{\"replicas\":1.5}}",
	    "json: cannot unmarshal number 1.5 into Go struct field "
	    "DeploymentSpec.spec.replicas of type int32", "", 0 },
	{ "core.v1.Pod", "{\"spec\":{\"containers\":{}}}",
	    "json: cannot unmarshal object into Go struct field "
	    "PodSpec.spec.containers of type []v1.Container", "", 0 },
	{ "core.v1.ConfigMap", "{\"data\":[\"a\"]}",
	    "json: cannot unmarshal array into Go struct field "
	    "ConfigMap.data of type map[string]string", "", 0 },
	{ "core.v1.ConfigMap", "{\"data\":{\"a\":1}}",
	    "json: cannot unmarshal number into Go struct field "
	    "ConfigMap.data of type string", "", 0 },
	{ "core.v1.Service", "{\"spec\":{\"ports\":[{\"targetPort\":true}]}}",
	    "json: cannot unmarshal bool into Go struct field "
	    "ServicePort.spec.ports.targetPort of type int32", "", 0 },
	{ "core.v1.Secret", "{\"data\":{\"a\":\"***\"}}",
	    "illegal base64 data at input byte 0", "", 0 },
	{ "core.v1.Pod", "{\"spec\":{\"containers\":[{\"resources\":"
	    "{\"limits\":{\"cpu\":\"abc\"}}}]}}",
	    "quantities must match the regular expression "
	    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'", "", 0 },
	{ "core.v1.Pod", "{\"spec\":5}",
	    "json: cannot unmarshal number into Go struct field "
	    "Pod.spec of type v1.PodSpec", "", 0 },
	{ "core.v1.Pod", "{\"spec\":{\"containers\":[{\"livenessProbe\":"
	    "{\"httpGet\":{\"port\":1.5}}}]}}",
	    "json: cannot unmarshal number 1.5 into Go struct field "
	    "HTTPGetAction.spec.containers.livenessProbe.ProbeHandler."
	    "httpGet.port of type int32", "", 0 },
	/* defaults */
	{ "core.v1.Service", "{\"spec\":{\"ports\":[{\"port\":80}]}}",
	    "{\"metadata\":{},\"spec\":{\"ports\":[{\"protocol\":\"TCP\","
	    "\"port\":80,\"targetPort\":80}],\"type\":\"ClusterIP\","
	    "\"sessionAffinity\":\"None\","
	    "\"internalTrafficPolicy\":\"Cluster\"},"
	    "\"status\":{\"loadBalancer\":{}}}", "", 1 },
	{ "core.v1.Service", "{\"spec\":{\"type\":\"LoadBalancer\","
	    "\"sessionAffinity\":\"ClientIP\"}}",
	    "{\"metadata\":{},\"spec\":{\"type\":\"LoadBalancer\","
	    "\"sessionAffinity\":\"ClientIP\","
	    "\"externalTrafficPolicy\":\"Cluster\","
	    "\"sessionAffinityConfig\":{\"clientIP\":"
	    "{\"timeoutSeconds\":10800}},"
	    "\"allocateLoadBalancerNodePorts\":true,"
	    "\"internalTrafficPolicy\":\"Cluster\"},"
	    "\"status\":{\"loadBalancer\":{}}}", "", 1 },
	{ "apps.v1.DeploymentStrategy", "{}", "{\"type\":\"RollingUpdate\","
	    "\"rollingUpdate\":{\"maxUnavailable\":\"25%\","
	    "\"maxSurge\":\"25%\"}}", "", 1 },
	{ "apps.v1.DeploymentStrategy", "{\"type\":\"Recreate\"}",
	    "{\"type\":\"Recreate\"}", "", 1 },
	{ "apps.v1.StatefulSetUpdateStrategy", "{}",
	    "{\"type\":\"RollingUpdate\",\"rollingUpdate\":"
	    "{\"partition\":0}}", "", 1 },
	{ "apps.v1.StatefulSetUpdateStrategy", "{\"type\":\"RollingUpdate\"}",
	    "{\"type\":\"RollingUpdate\"}", "", 1 },
	{ "core.v1.Secret", "{\"stringData\":{\"b\":\"two\",\"c\":\"\"},"
	    "\"data\":{\"a\":\"YQ==\",\"b\":\"YQ==\"}}",
	    "{\"metadata\":{},\"data\":{\"a\":\"YQ==\",\"b\":\"dHdv\","
	    "\"c\":\"\"},\"type\":\"Opaque\"}", "", 1 },
	{ "core.v1.Volume", "{\"name\":\"v\"}",
	    "{\"name\":\"v\",\"emptyDir\":{}}", "", 1 },
	{ "core.v1.Namespace", "{\"metadata\":{\"name\":\"n\",\"labels\":"
	    "{\"a\":\"b\",\"z\":\"\"}}}", "{\"metadata\":{\"name\":\"n\","
	    "\"labels\":{\"a\":\"b\",\"kubernetes.io/metadata.name\":\"n\","
	    "\"z\":\"\"}},\"spec\":{},\"status\":{\"phase\":\"Active\"}}",
	    "", 1 },
	{ "core.v1.LimitRangeItem", "{\"type\":\"Container\",\"max\":"
	    "{\"cpu\":2,\"memory\":\"1Gi\"},\"min\":{\"cpu\":1},"
	    "\"default\":{\"memory\":\"1Mi\"}}",
	    "{\"type\":\"Container\",\"max\":{\"cpu\":\"2\","
	    "\"memory\":\"1Gi\"},\"min\":{\"cpu\":\"1\"},\"default\":"
	    "{\"cpu\":\"2\",\"memory\":\"1Mi\"},\"defaultRequest\":"
	    "{\"cpu\":\"2\",\"memory\":\"1Mi\"}}", "", 1 },
	{ "core.v1.ResourceRequirements", "{\"limits\":{\"cpu\":\"1n\"}}",
	    "{\"limits\":{\"cpu\":\"1m\"}}", "", 1 },
};

static void
test_cases(void)
{
	const char *said;
	size_t i;

	for (i = 0; i < PIN_LEN(cases); i++)
		CASE("%s %.60s", cases[i].type, cases[i].in) {
			CHECK_STR(conform(cases[i].type, cases[i].in,
			    cases[i].flags, &said), cases[i].out);
			CHECK_STR(said, cases[i].strict);
		}
}

/* What pull policy does image get? */
static const char *
policy(const char *image)
{
	char in[256];
	struct pin_obj *o;
	struct pin_err err;
	struct pin_str s;

	snprintf(in, sizeof(in), "{\"name\":\"a\",\"image\":\"%s\"}", image);
	o = parse(in);
	if (pin_conform(arena, type_of("core.v1.Container"), o,
	    pin_obj_root(o), PIN_CONFORM_DEFAULT, &o, NULL, &err) != PIN_OK)
		return ("(refused)");
	s = pin_obj_str(o, pin_obj_get(o, pin_obj_root(o),
	    "imagePullPolicy"));
	return (pin_arena_strndup(arena, s.p, s.len));
}

#define DIGEST	"@sha256:00000000000000000000000000000000"

static void
test_rules(void)
{
	CASE("the pull policy follows the tag") {
		CHECK_STR(policy("a"), "Always");
		CHECK_STR(policy("a:latest"), "Always");
		CHECK_STR(policy("host:5000/a"), "Always");
		CHECK_STR(policy("host:5000/a:1"), "IfNotPresent");
		CHECK_STR(policy("a" DIGEST), "IfNotPresent");
		CHECK_STR(policy("a:1" DIGEST), "IfNotPresent");
		CHECK_STR(policy("a:latest" DIGEST), "Always");
		CHECK_STR(policy("host.example.com/a-b/c_d__e.f"), "Always");
		CHECK_STR(policy("Host/a"), "Always");
	}
	CASE("what is no name of an image has no tag") {
		CHECK_STR(policy(""), "IfNotPresent");
		CHECK_STR(policy("A"), "IfNotPresent");
		CHECK_STR(policy("a/B"), "IfNotPresent");
		CHECK_STR(policy("a@sha256:00"), "IfNotPresent");
		CHECK_STR(policy("a_"), "IfNotPresent");
		CHECK_STR(policy("a..b"), "IfNotPresent");
		CHECK_STR(policy("a___b"), "IfNotPresent");
		CHECK_STR(policy("a b"), "IfNotPresent");
		CHECK_STR(policy("host:/a"), "IfNotPresent");
	}
	CASE("an alias and its name are one value") {
		const char *text = conform("core.v1.PodSpec",
		    "{\"serviceAccount\":\"x\"}", 1, NULL);

		CHECK(strstr(text, "\"serviceAccountName\":\"x\","
		    "\"serviceAccount\":\"x\"") != NULL);
	}
	CASE("limits become requests, host ports follow") {
		const char *text = conform("core.v1.Pod", "{\"spec\":{"
		    "\"hostNetwork\":true,\"containers\":[{\"ports\":"
		    "[{\"containerPort\":80}],\"resources\":{\"limits\":"
		    "{\"memory\":\"1Gi\",\"cpu\":1}}}]}}", 1, NULL);

		CHECK(strstr(text, "\"requests\":{\"cpu\":\"1\","
		    "\"memory\":\"1Gi\"}") != NULL);
		CHECK(strstr(text, "{\"hostPort\":80,\"containerPort\":80,"
		    "\"protocol\":\"TCP\"}") != NULL);
		CHECK(strstr(text, "\"enableServiceLinks\":true") != NULL);
	}
}

/* The requests a pod of its own resources ends up with. */
static void
test_pod_resources(void)
{
	const char *text;

	CASE("a pod's requests come from its containers, then its limits") {
		text = conform("core.v1.Pod", "{\"spec\":{\"resources\":"
		    "{\"limits\":{\"cpu\":4,\"memory\":\"2Gi\"}},"
		    "\"initContainers\":[{\"resources\":{\"requests\":"
		    "{\"cpu\":1}}},{\"restartPolicy\":\"Always\","
		    "\"resources\":{\"requests\":{\"cpu\":\"200m\"}}},"
		    "{\"resources\":{\"requests\":{\"cpu\":\"900m\"}}}],"
		    "\"containers\":[{\"resources\":{\"requests\":"
		    "{\"cpu\":\"100m\"}}}]}}", 1, NULL);
		if (!CHECK(strstr(text, "\"resources\":{\"limits\":{"
		    "\"cpu\":\"4\",\"memory\":\"2Gi\"},\"requests\":{"
		    "\"cpu\":\"1100m\",\"memory\":\"2Gi\"}}}") != NULL))
			tap_diag("%s", text);
	}
	CASE("huge pages of containers become the pod's") {
		text = conform("core.v1.Pod", "{\"spec\":{\"resources\":"
		    "{\"requests\":{\"cpu\":3}},\"containers\":["
		    "{\"resources\":{\"limits\":{\"hugepages-2Mi\":"
		    "\"4Mi\"}}},{\"resources\":{\"limits\":{"
		    "\"hugepages-2Mi\":\"2Mi\"}}}]}}", 1, NULL);
		if (!CHECK(strstr(text, "\"resources\":{\"limits\":{"
		    "\"hugepages-2Mi\":\"6Mi\"},\"requests\":{"
		    "\"cpu\":\"3\",\"hugepages-2Mi\":\"6Mi\"}}}") != NULL))
			tap_diag("%s", text);
	}
}

/* ---- a schema of somebody's own, as a CustomResourceDefinition makes one */

#define OWN_NAMES	"\0Own\0count\0list\0note\0\"none\"\0"
enum { OWN = 1, COUNT_ = 5, LIST = 11, NOTE = 16, NONE_ = 21 };

static const uint32_t own_words[1];
static struct pin_field_row own_fields[3];
static struct pin_type_row own_types[1];
static uint16_t own_hashes[8];
static const struct pin_schema own_schema = {
	.strings = OWN_NAMES, .words = own_words, .types = own_types,
	.fields = own_fields, .hashes = own_hashes, .ntypes = 1,
	.nfields = 3, .nstrings = sizeof(OWN_NAMES), .nwords = 1,
};

static void
own_field(uint32_t i, uint32_t name, int kind, int shape, uint32_t flags)
{
	struct pin_field_row *f = &own_fields[i];
	const char *text = own_schema.strings + name;
	uint32_t h;

	f->name = name;
	f->name_len = (uint16_t)strlen(text);
	f->kind = (uint8_t)kind;
	f->shape = (uint8_t)shape;
	f->presence = PIN_P_KEEP;
	f->flags = flags;
	f->ref = f->when = f->check = PIN_NONE;
	h = pin_name_hash(text, f->name_len);
	while (own_hashes[h & 7] != 0)
		h++;
	own_hashes[h & 7] = (uint16_t)(i + 1);
}

static void
test_own_schema(void)
{
	struct pin_type t = { &own_schema, own_types };
	struct pin_err err = PIN_ERR_INIT;
	struct pin_strict strict;
	struct pin_obj *o;

	own_types[0].name = own_types[0].bare = OWN;
	own_types[0].nfields = 3;
	own_types[0].hash_mask = 7;
	own_types[0].flags = PIN_TF_OPEN;
	own_field(0, COUNT_, PIN_F_INT64, PIN_SHAPE_ONE, 0);
	own_field(1, LIST, PIN_F_STRING, PIN_SHAPE_LIST, PIN_FF_NULLABLE);
	own_field(2, NOTE, PIN_F_STRING, PIN_SHAPE_ONE, 0);
	own_fields[2].dflt = NONE_;
	memset(&strict, 0, sizeof(strict));
	strict.arena = arena;
	CASE("an open type keeps what it does not know, by name") {
		o = parse("{\"zz\":{\"b\":1,\"a\":[]},\"list\":null,"
		    "\"count\":0,\"aa\":null,\"d\":1}");
		CHECK_INT(pin_conform(arena, t, o, pin_obj_root(o),
		    PIN_CONFORM_DEFAULT, &o, &strict, &err), PIN_OK);
		CHECK_STR(o != NULL ? plain(o) : err.text, "{\"aa\":null,"
		    "\"count\":0,\"d\":1,\"list\":null,\"note\":\"none\","
		    "\"zz\":{\"a\":[],\"b\":1}}");
		CHECK_STR(o != NULL ? canonical(t, o) : "", o != NULL ?
		    plain(o) : "?");
		CHECK_INT(strict.n, 0);
	}
	own_types[0].flags = 0;
	CASE("one that is not open reports it") {
		o = parse("{\"d\":1,\"list\":[]}");
		CHECK_INT(pin_conform(arena, t, o, pin_obj_root(o), 0, &o,
		    &strict, &err), PIN_OK);
		CHECK_STR(o != NULL ? plain(o) : err.text, "{\"list\":[]}");
		CHECK_STR(reports(&strict), "unknown field \"d\";");
	}
}

static void
test_limits(void)
{
	size_t i, n = 0, depth = PIN_STRICT_MAX * 40;
	char *text = malloc(depth * 32);
	struct pin_strict *s = calloc(1, sizeof(*s));
	struct pin_type t = type_of("apiextensions.v1.JSONSchemaProps");
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o, *out;
	struct pin_out w;

	for (i = 0; i < depth; i++, n += 7)
		memcpy(text + n, "{\"not\":", 7);
	memcpy(text + n, "{}", 2);
	memset(text + n + 2, '}', depth);
	text[n + 2 + depth] = '\0';
	CASE("depth is bounded") {
		o = parse(text);
		CHECK_INT(pin_conform(arena, t, o, pin_obj_root(o), 1, &out,
		    NULL, &err), PIN_EINVAL);
		CHECK(strstr(err.text, "levels") != NULL);
	}
	pin_out_init(&w, arena, 1 << 20);
	for (i = 0; i < PIN_STRICT_MAX + 50; i++)
		pin_out_printf(&w, "%s\"x%zu\":1", i > 0 ? "," : "{", i);
	pin_out_char(&w, '}');
	CASE("reports are bounded") {
		o = parse(text_of(&w));
		s->arena = arena;
		CHECK_INT(pin_conform(arena, t, o, pin_obj_root(o), 1, &out,
		    s, &err), PIN_OK);
		CHECK_INT(s->n, PIN_STRICT_MAX);
		CHECK_INT(s->more, 50);
	}
	free(s);
	free(text);
}

/* Members in any order, added late, empty: the same bytes. */
static void
test_write(void)
{
	struct pin_type t = type_of("core.v1.Pod");
	struct pin_obj *a, *b, *out;
	struct pin_err err;
	pin_node meta, m;

	a = parse("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":"
	    "{\"name\":\"p\",\"uid\":\"u\",\"labels\":{\"a\":\"1\","
	    "\"b\":\"<2>\"}},\"spec\":{\"containers\":null},\"status\":"
	    "{\"phase\":\"Pending\"}}");
	b = parse("{\"metadata\":{\"labels\":{\"b\":\"<2>\"},\"name\":\"p\"},"
	    "\"kind\":\"Pod\",\"apiVersion\":\"v1\"}");
	CASE("what is added later is written at its place") {
		CHECK_INT(pin_conform(arena, t, b, pin_obj_root(b), 0, &out,
		    NULL, &err), PIN_OK);
		meta = pin_obj_get(out, pin_obj_root(out), "metadata");
		m = pin_obj_get(out, meta, "labels");
		pin_obj_set_str(out, m, "a", PIN_STR("1"));
		pin_obj_set_str(out, meta, "uid", PIN_STR("u"));
		pin_obj_set_new(out, meta, "annotations", PIN_OBJECT);
		pin_obj_set_new(out, meta, "finalizers", PIN_NULL);
		pin_obj_set_str(out, pin_obj_get(out, pin_obj_root(out),
		    "status"), "phase", PIN_STR("Pending"));
		CHECK_STR(canonical(t, out), plain(a));
	}
}

/* [] where canonical form has null: kept while owners are found. */
static void
test_empty(void)
{
	static const char sent[] = "{\"metadata\":{\"finalizers\":[]},"
	    "\"rules\":[]}";
	struct pin_strict strict = { .arena = arena };
	struct pin_type t = type_of("rbac.v1.Role");
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *in, *out;
	pin_node root;

	if (pin_obj_parse(arena, sent, strlen(sent), &in, &err) != PIN_OK)
		BAIL("%s", err.text);
	root = pin_obj_root(in);
	CASE("an empty list stays for who asks, and is counted") {
		CHECK_INT(pin_conform(arena, t, in, root, PIN_CONFORM_EMPTY,
		    &out, &strict, &err), PIN_OK);
		CHECK_INT(pin_obj_type(out, pin_obj_get(out, pin_obj_root(out),
		    "rules")), PIN_ARRAY);
		CHECK_UINT(strict.empty, 1);
		/* An omitted one never stays. */
		CHECK(pin_obj_at(out, pin_obj_root(out), "metadata",
		    "finalizers", NULL) == 0);
	}
	CASE("and is null for all others") {
		CHECK_INT(pin_conform(arena, t, out, pin_obj_root(out), 0,
		    &out, &strict, &err), PIN_OK);
		CHECK_INT(pin_obj_type(out, pin_obj_get(out, pin_obj_root(out),
		    "rules")), PIN_NULL);
		CHECK_UINT(strict.empty, 1);
	}
}

int
main(void)
{
	arena = pin_arena_new(64 << 20);
	test_cases();
	test_rules();
	test_pod_resources();
	test_own_schema();
	test_limits();
	test_empty();
	test_write();
	pin_arena_free(&arena);
	return (tap_done());
}
