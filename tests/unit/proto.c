/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proto -- protobuf to objects: the reference's own bytes become what it
 * sends as JSON; damaged bytes are refused with the place and the field.
 * The pairs in data/proto come from data/proto/make.py. */
#include "core/api/conform.h"

#include <stdlib.h>
#include <string.h>

#include "slurp.h"
#include "tap.h"

#define DATA	"tests/unit/data/proto/"

static struct pin_arena *arena;

/* The type of apiVersion and kind among those that are served. */
static int
find(void *arg, struct pin_str av, struct pin_str kind, struct pin_type *out,
    struct pin_err *err)
{
	char group[64] = "", version[32], name[96];
	const char *slash = av.len != 0 ? memchr(av.p, '/', av.len) : NULL;
	size_t skip = slash != NULL ? (size_t)(slash - av.p) + 1 : 0;
	const struct pin_res_row *r;

	(void)arg;
	if (slash != NULL)
		(void)snprintf(group, sizeof(group), "%.*s", (int)skip - 1,
		    av.p);
	(void)snprintf(version, sizeof(version), "%.*s", (int)(av.len - skip),
	    av.len != 0 ? av.p + skip : "");
	(void)snprintf(name, sizeof(name), PIN_SFMT, PIN_SARG(kind));
	r = pin_res_by_kind(pin_schema_builtin(), group, version, name);
	if (r == NULL)
		return (pin_err_set(err, PIN_ENOTFOUND, "no kind %s", name));
	*out = pin_schema_type(pin_schema_builtin(), r->type);
	return (PIN_OK);
}

static const char *
canonical(const struct pin_obj *o, uint32_t flags)
{
	struct pin_err err = PIN_ERR_INIT;
	pin_node root = pin_obj_root(o);
	struct pin_obj *out;
	struct pin_type t;
	struct pin_out w;

	if (find(NULL, pin_obj_str(o, pin_obj_get(o, root, "apiVersion")),
	    pin_obj_str(o, pin_obj_get(o, root, "kind")), &t, &err) != PIN_OK ||
	    pin_conform(arena, t, o, root, flags, &out, NULL, &err) != PIN_OK)
		return (pin_arena_printf(arena, NULL, "(%s)", err.text));
	pin_out_init(&w, arena, 1 << 24);
	pin_conform_write(t, out, &w);
	return (pin_arena_strndup(arena, w.p, w.len));
}

/* ---- the reference's ------------------------------------------------ */

static const char *const names[] = {
	"certificatesigningrequest", "configmap", "controllerrevision",
	"cronjob", "customresourcedefinition", "deployment", "event",
	"horizontalpodautoscaler", "lease", "limitrange", "networkpolicy",
	"persistentvolume", "pod", "resourceslice", "secret", "service",
	"statefulset",
};

static void
test_pairs(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *json, *o;
	char path[128], *p;
	size_t i, len;

	for (i = 0; i < PIN_LEN(names); i++)
		CASE("%s is what the reference says it is", names[i]) {
			(void)snprintf(path, sizeof(path), DATA "%s.pb",
			    names[i]);
			p = slurp_text(path, &len);
			CHECK_INT(pin_proto_decode(arena, (struct pin_str){ p,
			    len }, find, NULL, &o, &err), PIN_OK);
			free(p);
			if (o == NULL) {
				tap_diag("%s", err.text);
				continue;
			}
			(void)snprintf(path, sizeof(path), DATA "%s.json",
			    names[i]);
			json = slurp_json(path);
			CHECK_STR(canonical(o, PIN_CONFORM_DEFAULT),
			    canonical(json, PIN_CONFORM_DEFAULT));
			pin_obj_free(&json);
			pin_arena_reset(arena);
		}
}

/* Cut anywhere, and with any byte changed: an answer, never a crash. */
static void
test_damage(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;
	size_t len, i, refused = 0, bad = 0;
	char *p = slurp_text(DATA "pod.pb", &len), *copy;

	for (i = 0; i < len; i++) {
		copy = pin_xmalloc(i + 1);
		memcpy(copy, p, i);
		if (pin_proto_decode(arena, (struct pin_str){ copy, i }, find,
		    NULL, &o, &err) != PIN_OK) {
			refused++;
			bad += err.text[0] == '\0' || o != NULL;
		}
		free(copy);
		pin_arena_reset(arena);
	}
	OK(refused >= len - 8, "a pod cut at %zu of %zu bytes is refused",
	    refused, len);
	for (i = 0; i < len; i++) {
		p[i] ^= (char)(1 << (i % 8));
		if (pin_proto_decode(arena, (struct pin_str){ p, len }, find,
		    NULL, &o, &err) != PIN_OK)
			bad += err.text[0] == '\0' || o != NULL;
		else
			(void)canonical(o, PIN_CONFORM_DEFAULT);
		p[i] ^= (char)(1 << (i % 8));
		pin_arena_reset(arena);
	}
	OK(bad == 0, "every refusal has a text");
	free(p);
}

/* ---- by hand -------------------------------------------------------- */

struct hand {
	const char	*what;
	const char	*hex;		/* the message, of kind */
	const char	*kind;
	const char	*out;		/* a piece of it, or the error */
};

static const struct hand hands[] = {
	/* ConfigMap: 1 metadata {1 name}, 2 data {1 key, 2 value} */
	{ "members and a map", "0a030a0178 12060a01611201 62", "ConfigMap",
	    "\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"b\"}" },
	{ "the last of equal keys", "1206 0a01611201 62 1206 0a01611201 63",
	    "ConfigMap", "\"data\":{\"a\":\"c\"}" },
	{ "a value without its key", "1203 120162", "ConfigMap",
	    "\"data\":{\"\":\"b\"}" },
	{ "structs that come twice are one", "0a030a0178 0a032a0175",
	    "ConfigMap", "{\"name\":\"x\",\"uid\":\"u\"}" },
	{ "the last of two scalars", "2000 2001", "ConfigMap",
	    "\"immutable\":true" },
	{ "unknown fields of every type are skipped",
	    "78 7f fa0703 616263 79 0102030405060708 7d 01020304 "
	    "7b 0b 0c 2201 78 7c 0a030a0178", "ConfigMap", "\"name\":\"x\"" },
	{ "bytes are base64", "1a08 0a0161 1203 000102", "ConfigMap",
	    "\"binaryData\":{\"a\":\"AAEC\"}" },
	{ "an empty time is null", "0a05 0a0178 4200", "ConfigMap",
	    "\"metadata\":{\"name\":\"x\"}" },
	{ "a time of zero seconds", "0a04 4202 0800", "ConfigMap",
	    "\"creationTimestamp\":\"1970-01-01T00:00:00Z\"" },
	/* Service: 2 spec {1 ports {3 port, 4 targetPort}} */
	{ "int or string: int", "1208 0a06 1850 22021051", "Service",
	    "\"port\":80,\"targetPort\":81" },
	{ "int or string: string", "120b 0a09 1850 2205 0801 1a0161",
	    "Service", "\"targetPort\":\"a\"" },
	/* Pod: 2 spec {14 securityContext {4 supplementalGroups}} */
	{ "numbers one by one", "1206 7204 20012002", "Pod",
	    "\"supplementalGroups\":[1,2]" },
	{ "numbers packed", "1206 7204 22020102", "Pod",
	    "\"supplementalGroups\":[1,2]" },
	{ "a negative number", "120b 20ffffffffffffffffff01", "Pod",
	    "\"terminationGracePeriodSeconds\":-1" },
	/* ControllerRevision: 2 data {1 raw}, 3 revision */
	{ "embedded JSON is kept", "1209 0a07 7b2262223a317d 1805",
	    "ControllerRevision", "\"data\":{\"b\":1},\"revision\":5" },
	{ "embedded JSON is checked", "1203 0a01 7b", "ControllerRevision",
	    "protobuf: byte 42, apps.v1.ControllerRevision.data: embedded "
	    "JSON: unexpected end of JSON input" },
	/* refusals */
	{ "a value past the end", "0a050a0178", "ConfigMap",
	    "protobuf: byte 25, core.v1.ConfigMap.metadata: a value goes "
	    "past the end" },
	{ "a number where a length is wanted", "0800", "ConfigMap",
	    "protobuf: byte 24, core.v1.ConfigMap.metadata: wire type 0 where "
	    "a length (2) is wanted" },
	{ "a length where a number is wanted", "220161", "ConfigMap",
	    "core.v1.ConfigMap.immutable: wire type 2 where a number (0) is "
	    "wanted" },
	{ "field number 0", "0000", "ConfigMap",
	    "a field number out of range" },
	{ "wire type 7", "7f", "ConfigMap", "a wire type that there is not" },
	{ "a group's end alone", "7c", "ConfigMap",
	    "a wire type that there is not" },
	{ "a group without end", "7b", "ConfigMap", "a group without its end" },
	{ "a number too long", "20ffffffffffffffffffff01", "ConfigMap",
	    "a number of more than 64 bits" },
	{ "a time no one can write", "0a0e 420c 08ffffffffffffffff7f 1000",
	    "ConfigMap", "meta.v1.ObjectMeta.creationTimestamp: a time out of "
	    "range" },
};

static size_t
unhex(const char *hex, unsigned char *out)
{
	unsigned int v;
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		if (sscanf(hex, "%2x", &v) != 1)
			BAIL("bad hex %s", hex);
		out[n++] = (unsigned char)v;
		hex++;
	}
	return (n);
}

/* The envelope of a message; the length of it all. */
static size_t
wrap(const char *av, const char *kind, const unsigned char *msg, size_t len,
    unsigned char *out)
{
	size_t n = 4, a = strlen(av), k = strlen(kind);

	memcpy(out, "k8s", 4);
	out[n++] = 0x0a;
	out[n++] = (unsigned char)(a + k + 4);
	out[n++] = 0x0a;
	out[n++] = (unsigned char)a;
	memcpy(out + n, av, a);
	n += a;
	out[n++] = 0x12;
	out[n++] = (unsigned char)k;
	memcpy(out + n, kind, k);
	n += k;
	out[n++] = 0x12;
	out[n++] = (unsigned char)(len & 0x7f) | 0x80;
	out[n++] = (unsigned char)(len >> 7);
	memcpy(out + n, msg, len);
	return (n + len);
}

static const char *
decode(const char *kind, const unsigned char *msg, size_t len)
{
	struct pin_err err = PIN_ERR_INIT;
	unsigned char buf[4096];
	struct pin_str s = { (const char *)buf, 0 };
	struct pin_obj *o;

	s.len = wrap(strcmp(kind, "ControllerRevision") == 0 ? "apps/v1" :
	    "v1", kind, msg, len, buf);
	if (pin_proto_decode(arena, s, find, NULL, &o, &err) != PIN_OK)
		return (pin_arena_printf(arena, NULL, "%s", err.text));
	return (canonical(o, 0));
}

static void
test_hands(void)
{
	unsigned char msg[512];
	const char *got;
	size_t i;

	for (i = 0; i < PIN_LEN(hands); i++)
		CASE("%s", hands[i].what) {
			got = decode(hands[i].kind, msg, unhex(hands[i].hex,
			    msg));
			if (!CHECK(strstr(got, hands[i].out) != NULL))
				tap_diag("%s", got);
		}
}

static int
find_schema(void *arg, struct pin_str av, struct pin_str kind,
    struct pin_type *out, struct pin_err *err)
{
	(void)arg;
	(void)av;
	(void)kind;
	if (!pin_type_find(pin_schema_builtin(),
	    "apiextensions.v1.JSONSchemaProps", out))
		return (pin_err_set(err, PIN_ENOTFOUND, "no type"));
	return (PIN_OK);
}

/* JSONSchemaProps.not (28) in itself, so many times. */
static int
nested(unsigned int depth, struct pin_err *err)
{
	unsigned char msg[2048], all[4096];
	struct pin_str s = { (const char *)all, 0 };
	size_t n = sizeof(msg), len = 0;
	struct pin_obj *o;

	for (; depth > 0; depth--) {
		if (len > 127)
			msg[--n] = (unsigned char)(len >> 7);
		msg[--n] = (unsigned char)((len & 0x7f) |
		    (len > 127 ? 0x80 : 0));
		msg[--n] = 0x01;
		msg[--n] = 0xe2;
		len = sizeof(msg) - n;
	}
	s.len = wrap("v1", "x", msg + n, len, all);
	return (pin_proto_decode(arena, s, find_schema, NULL, &o, err));
}

static void
test_limits(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;

	CASE("depth is bounded") {
		CHECK_INT(nested(100, &err), PIN_OK);
		CHECK_INT(nested(200, &err), PIN_EINVAL);
		CHECK(strstr(err.text, "too many levels") != NULL);
	}
	CASE("what is not protobuf is said to be so") {
		CHECK_INT(pin_proto_decode(arena, PIN_STR("{}"), find, NULL,
		    &o, &err), PIN_EINVAL);
		CHECK(strstr(err.text, "k8s\\0") != NULL);
	}
	CASE("a kind that there is not") {
		unsigned char all[64];
		struct pin_str s = { (const char *)all, 0 };

		s.len = wrap("v1", "Nope", all, 0, all);
		CHECK_INT(pin_proto_decode(arena, s, find, NULL, &o, &err),
		    PIN_ENOTFOUND);
		CHECK_STR(err.text, "no kind Nope");
	}
}

int
main(void)
{
	arena = pin_arena_new(64 << 20);
	test_pairs();
	test_damage();
	test_hands();
	test_limits();
	pin_arena_free(&arena);
	return (tap_done());
}
