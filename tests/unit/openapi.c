/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi -- every path and schema of the OpenAPI documents against the
 * reference's, by hash; and version 2 in protobuf.
 * Reads tests/golden/openapi.tsv, which openapi.py there derives; what it
 * leaves out is said there. One thread, no server.
 * Contract: core/apiserver/openapi_int.h. */
#include "core/apiserver/openapi_int.h"

#include <pintle/err.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/tls/tls.h"

#include "slurp.h"
#include "tap.h"

#define EXPECTED	"tests/golden/openapi.tsv"
#define DEPTH_MAX	64
#define LINES_MAX	4096
#define SHOWN_MAX	20

static const struct pin_schema *s;

/* ---- canonical text --------------------------------------------------- */

struct member {
	struct pin_str	 key;
	pin_node	 node;
	struct pin_str	 text;		/* of an element, for sorting */
};

static int
str_cmp(struct pin_str a, struct pin_str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return (d != 0 ? d : a.len < b.len ? -1 : a.len > b.len);
}

static int
member_cmp(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int d = str_cmp(x->key, y->key);

	return (d != 0 ? d : str_cmp(x->text, y->text));
}

static bool
is_set(struct pin_str key)
{
	return (pin_str_is(key, "required") || pin_str_is(key, "enum") ||
	    pin_str_is(key, "x-kubernetes-group-version-kind"));
}

/* What the members of an object are: names of schemas, of responses, those of
 * one response, or the words of the format. */
enum where { WORDS, NAMES, RESPONSES, RESPONSE };

static enum where
where_in(enum where up, struct pin_str key)
{
	if (up == RESPONSES)
		return (RESPONSE);
	if (up == NAMES)
		return (WORDS);
	if (pin_str_is(key, "properties") || pin_str_is(key, "schemas") ||
	    pin_str_is(key, "definitions"))
		return (NAMES);
	return (pin_str_is(key, "responses") ? RESPONSES : WORDS);
}

/* Descriptions are everyone's own, but for those of responses. */
static bool
is_words(const struct pin_obj *o, pin_node c, enum where in)
{
	return (in == WORDS && pin_obj_type(o, c) == PIN_STRING &&
	    pin_str_is(pin_obj_key(o, c), "description"));
}

static void canonical(const struct pin_obj *, pin_node, struct pin_out *,
    int depth, enum where);

/* The children of a node, sorted where their order means nothing. */
static struct member *
children(const struct pin_obj *o, pin_node n, int depth, enum where in,
    uint32_t *len)
{
	bool map = pin_obj_type(o, n) == PIN_OBJECT;
	uint32_t count = pin_obj_count(o, n), i = 0;
	struct member *m = calloc(count + 1, sizeof(*m));
	struct pin_out out;
	pin_node c;

	if (m == NULL)
		BAIL("no memory");
	for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c)) {
		if (map && is_words(o, c, in))
			continue;
		m[i].node = c;
		if (map)
			m[i].key = pin_obj_key(o, c);
		pin_out_init(&out, NULL, OPENAPI_DOC_MAX);
		canonical(o, c, &out, depth + 1, map ? where_in(in,
		    m[i].key) : WORDS);
		m[i++].text = (struct pin_str){ out.p, out.len };
	}
	*len = count = i;
	if (map || is_set(pin_obj_key(o, n)))
		qsort(m, count, sizeof(*m), member_cmp);
	for (i = 1; map && i < count; i++)
		if (str_cmp(m[i].key, m[i - 1].key) == 0)
			BAIL("member " PIN_SFMT " is there twice",
			    PIN_SARG(m[i].key));
	return (m);
}

/* An allOf of one reference: it made room for a description. */
static bool
is_alone(const struct member *m, uint32_t count, const struct pin_obj *o)
{
	return (count == 1 && pin_str_is(m->key, "allOf") &&
	    pin_obj_count(o, m->node) == 1);
}

/* Compact JSON with sorted members, without what is not compared. */
static void
canonical(const struct pin_obj *o, pin_node n, struct pin_out *out, int depth,
    enum where in)
{
	bool map = pin_obj_type(o, n) == PIN_OBJECT;
	struct member *m;
	uint32_t i, count;

	if (depth > DEPTH_MAX)
		BAIL("a document is too deep");
	if (!map && pin_obj_type(o, n) != PIN_ARRAY) {
		pin_obj_write(o, n, out);
		return;
	}
	m = children(o, n, depth, in, &count);
	if (map && is_alone(m, count, o)) {
		pin_out_put(out, m->text.p + 1, m->text.len - 2);
		free((char *)(uintptr_t)m->text.p);
		free(m);
		return;
	}
	pin_out_char(out, map ? '{' : '[');
	for (i = 0; i < count; i++) {
		if (i > 0)
			pin_out_char(out, ',');
		if (map) {
			pin_json_quote(out, m[i].key);
			pin_out_char(out, ':');
		}
		pin_out_str(out, m[i].text);
		free((char *)(uintptr_t)m[i].text.p);
	}
	pin_out_char(out, map ? '}' : ']');
	free(m);
}

static void
digest(struct pin_str text, char out[17])
{
	uint8_t sum[32];
	size_t i;

	tls_sha256(text.p, text.len, sum);
	for (i = 0; i < 8; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* ---- what is expected ------------------------------------------------- */

struct line {
	char		*key;		/* kind, document, name */
	const char	*hash;
	bool		 seen;
};

static struct line lines[LINES_MAX];
static size_t nlines;

static int
line_cmp(const void *a, const void *b)
{
	return (strcmp(((const struct line *)a)->key,
	    ((const struct line *)b)->key));
}

static void
read_expected(void)
{
	size_t len;
	char *text = slurp_text(EXPECTED, &len), *p, *save = NULL, *tab;

	for (p = strtok_r(text, "\n", &save); p != NULL;
	    p = strtok_r(NULL, "\n", &save)) {
		if (*p == '#')
			continue;
		tab = strrchr(p, '\t');
		if (tab == NULL || nlines == LINES_MAX)
			BAIL(EXPECTED ": %s", p);
		*tab = '\0';
		lines[nlines].key = p;
		lines[nlines++].hash = tab + 1;
	}
	qsort(lines, nlines, sizeof(lines[0]), line_cmp);
}

/* Differences of one document, each by name. */
struct tally {
	int	right, wrong;
};

static void
differs(struct tally *t, const char *key, const char *how)
{
	if (t->wrong++ < SHOWN_MAX)
		tap_diag("%s: %s", key, how);
}

static void
compare(struct tally *t, const char *kind, const char *doc, struct pin_str name,
    const struct pin_obj *o, pin_node n)
{
	char key[512], hash[17];
	struct line want = { key, NULL, false }, *found;
	struct pin_out out;

	snprintf(key, sizeof(key), "%s\t%s\t" PIN_SFMT, kind, doc,
	    PIN_SARG(name));
	pin_out_init(&out, NULL, OPENAPI_DOC_MAX);
	canonical(o, n, &out, 0, WORDS);
	digest((struct pin_str){ out.p, out.len }, hash);
	found = bsearch(&want, lines, nlines, sizeof(lines[0]), line_cmp);
	if (found == NULL)
		differs(t, key, "the reference has no such thing");
	else if (strcmp(found->hash, hash) != 0)
		differs(t, key, out.len < 400 ? (pin_out_char(&out, '\0'),
		    out.p) : "is not the reference's");
	else
		t->right++;
	if (found != NULL)
		found->seen = true;
	pin_out_fini(&out);
}

/* Names of schemas, as a sorted list. */
static void
compare_names(struct tally *t, const char *doc, const struct pin_obj *o,
    pin_node schemas)
{
	struct pin_obj *list = pin_obj_new(NULL);
	pin_node a, n;

	a = pin_obj_set_new(list, pin_obj_root(list), "required", PIN_ARRAY);
	for (n = pin_obj_first(o, schemas); n != 0; n = pin_obj_next(o, n))
		(void)pin_obj_add_str(list, a, pin_obj_key(o, n));
	compare(t, "names", doc, PIN_STR("-"), list, a);
	pin_obj_free(&list);
}

static struct pin_obj *
parsed(const struct openapi *a)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;

	if (a->o.failed != PIN_OK || pin_obj_parse(NULL, a->o.p, a->o.len, &o,
	    &err) != PIN_OK)
		BAIL("a document does not parse: %s", err.text);
	return (o);
}

static void
compare_document(struct tally *t, const char *doc, struct pin_obj *o)
{
	bool v2 = strcmp(doc, "v2") == 0;
	pin_node root = pin_obj_root(o), owner, schemas, n;

	for (n = pin_obj_first(o, pin_obj_get(o, root, "paths")); n != 0;
	    n = pin_obj_next(o, n))
		compare(t, "path", doc, pin_obj_key(o, n), o, n);
	owner = v2 ? root : pin_obj_get(o, root, "components");
	schemas = pin_obj_get(o, owner, v2 ? "definitions" : "schemas");
	for (n = pin_obj_first(o, schemas); n != 0; n = pin_obj_next(o, n))
		compare(t, "schema", v2 ? "v2" : "v3", pin_obj_key(o, n), o,
		    n);
	compare_names(t, doc, o, schemas);
	pin_obj_unset(o, root, "paths");
	pin_obj_unset(o, owner, v2 ? "definitions" : "schemas");
	compare(t, "rest", doc, PIN_STR("-"), o, root);
}

static void
test_documents(void)
{
	struct tally t = { 0, 0 };
	struct openapi a;
	struct pin_obj *o;
	char name[160], doc[176];
	uint32_t i;
	size_t k;

	openapi_init(&a, s, 2);
	openapi_v2(&a);
	o = parsed(&a);
	openapi_fini(&a);
	compare_document(&t, "v2", o);
	pin_obj_free(&o);
	OK(t.wrong == 0 && t.right > 900,
	    "version 2 is the reference's in %d of %d pieces", t.right,
	    t.right + t.wrong);
	t = (struct tally){ 0, 0 };
	for (i = 0; openapi_v3(s, i, name, NULL); i++) {
		openapi_init(&a, s, 3);
		(void)openapi_v3(s, i, name, &a);
		o = parsed(&a);
		openapi_fini(&a);
		snprintf(doc, sizeof(doc), "v3/%s", name);
		compare_document(&t, doc, o);
		pin_obj_free(&o);
	}
	OK(t.wrong == 0 && i == 47 && t.right > 1000,
	    "the %u documents of version 3 are in %d of %d pieces", i, t.right,
	    t.right + t.wrong);
	t = (struct tally){ 0, 0 };
	for (k = 0; k < nlines; k++)
		if (!lines[k].seen)
			differs(&t, lines[k].key, "is missing");
	OK(t.wrong == 0, "of the reference's %zu pieces %d are missing",
	    nlines, t.wrong);
}

/* ---- descriptions ------------------------------------------------------- */

static void
test_words(void)
{
	const char *type = "", *member = "", *was_type, *was_member;
	struct pin_type t;
	uint32_t i = 0;
	int d;

	CASE("descriptions stand in order, of types and members there are") {
		for (;; i++) {
			was_type = type;
			was_member = member;
			if (!openapi_words_at(i, &type, &member))
				break;
			d = strcmp(was_type, type);
			CHECK(i == 0 || d < 0 ||
			    (d == 0 && strcmp(was_member, member) < 0));
			if (*type == '\0')
				continue;
			if (!CHECK(pin_type_find(s, type, &t)) ||
			    (*member != '\0' && !CHECK(pin_type_field(t, member,
			    strlen(member)) != NULL)))
				tap_diag("%s %s", type, member);
		}
		CHECK(i > 400);
	}
	CASE("a member has its type's words, or those of any") {
		CHECK_STR(openapi_words("core.v1.PodSpec", "nodeName"),
		    "The node; set by the scheduler, or by who wants none to "
		    "choose.");
		CHECK_STR(openapi_words("core.v1.Pod", "status"), "What is the "
		    "case: written by the system, read by users.");
		CHECK(openapi_words("core.v1.Pod", "none") == NULL);
		CHECK(openapi_words("core.v1.None", "") == NULL);
	}
}

/* ---- protobuf --------------------------------------------------------- */

/* The next field of a message: its number, and its bytes or number; false at
 * the end. Ends the program when the bytes are no message. */
static bool
next_field(struct pin_str *m, uint32_t *number, struct pin_str *bytes)
{
	uint64_t v[2] = { 0, 0 };
	unsigned int shift, i, wire = 0;

	if (m->len == 0)
		return (false);
	for (i = 0; i < 2; i++) {
		for (shift = 0; ; shift += 7) {
			if (m->len == 0 || shift > 63)
				BAIL("protobuf: broken varint");
			v[i] |= (uint64_t)(*m->p & 0x7f) << shift;
			m->len--;
			if ((*m->p++ & 0x80) == 0)
				break;
		}
		if (i == 0)
			wire = v[0] & 7;
	}
	*number = (uint32_t)(v[0] >> 3);
	if (wire != 0 && wire != 2)
		BAIL("protobuf: wire type %u", wire);
	if (wire == 2 && v[1] > m->len)
		BAIL("protobuf: a length past the end");
	*bytes = (struct pin_str){ m->p, wire == 2 ? (size_t)v[1] : 0 };
	m->p += bytes->len;
	m->len -= bytes->len;
	return (true);
}

/* The first field of that number; none: empty. */
static struct pin_str
field(struct pin_str m, uint32_t want)
{
	struct pin_str bytes;
	uint32_t number;

	while (next_field(&m, &number, &bytes))
		if (number == want)
			return (bytes);
	return (PIN_STR_NONE);
}

/* The value (2) of the entry of that name (1) among the fields. */
static struct pin_str
entry(struct pin_str m, uint32_t field_number, const char *name, int *count)
{
	struct pin_str bytes, found = PIN_STR_NONE;
	uint32_t number;

	*count = 0;
	while (next_field(&m, &number, &bytes)) {
		if (number != field_number)
			continue;
		(*count)++;
		if (pin_str_is(field(bytes, 1), name))
			found = field(bytes, 2);
	}
	return (found);
}

#define POD_PATH	"/api/v1/namespaces/{namespace}/pods/{name}"
#define POD_KIND							\
	"[{\"group\":\"\",\"kind\":\"Pod\",\"version\":\"v1\"}]\n"

static void
check_proto(struct pin_str doc, const struct pin_obj *json)
{
	struct pin_str m, op;
	int n;

	CHECK(pin_str_is(field(doc, 1), "2.0"));
	CHECK(pin_str_is(field(field(doc, 2), 1), "Kubernetes"));
	m = entry(field(doc, 8), 2, POD_PATH, &n);
	CHECK_INT(n, pin_obj_count(json, pin_obj_get(json, pin_obj_root(json),
	    "paths")));
	op = field(m, 5);
	CHECK(pin_str_is(field(op, 5), "deleteCoreV1NamespacedPod"));
	/* its first parameter: item, parameter, body, name */
	CHECK(pin_str_is(field(field(field(field(op, 8), 1), 1), 2), "body"));
	m = entry(field(doc, 9), 1, "io.k8s.api.core.v1.Pod", &n);
	CHECK_INT(n, pin_obj_count(json, pin_obj_get(json, pin_obj_root(json),
	    "definitions")));
	CHECK(pin_str_is(field(field(m, 22), 1), "object"));
	CHECK(pin_str_is(field(entry(m, 31, "x-kubernetes-group-version-kind",
	    &n), 2), POD_KIND));
	m = entry(field(m, 25), 1, "spec", &n);
	CHECK_INT(n, 5);
	CHECK(pin_str_is(field(m, 1),
	    "#/definitions/io.k8s.api.core.v1.PodSpec"));
}

static void
test_proto(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_out out;
	struct openapi a;
	struct pin_obj *o;

	openapi_init(&a, s, 2);
	openapi_v2(&a);
	o = parsed(&a);
	pin_out_init(&out, NULL, OPENAPI_DOC_MAX);
	CASE("version 2 in protobuf has what its JSON has") {
		if (CHECK(openapi_proto((struct pin_str){ a.o.p, a.o.len },
		    &out, &err) == PIN_OK))
			check_proto((struct pin_str){ out.p, out.len }, o);
	}
	tap_diag("%zu bytes of JSON, %zu of protobuf", a.o.len, out.len);
	pin_out_fini(&out);
	openapi_fini(&a);
	pin_obj_free(&o);
	CASE("a member that the message lacks is an error that names it") {
		pin_out_init(&out, NULL, OPENAPI_DOC_MAX);
		CHECK_INT(openapi_proto(PIN_STR("{\"swagger\":\"2.0\","
		    "\"info\":{\"titel\":\"x\"}}"), &out, &err),
		    PIN_EINTERNAL);
		CHECK(strstr(err.text, "titel") != NULL);
		pin_out_fini(&out);
	}
}

static void
test_speed(void)
{
	struct timespec t0, t1;
	struct openapi a;
	int i;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	for (i = 0; i < 5; i++) {
		openapi_init(&a, s, 2);
		openapi_v2(&a);
		openapi_fini(&a);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	tap_diag("%.1f ms of CPU to write version 2",
	    ((double)(t1.tv_sec - t0.tv_sec) * 1e3 +
	    (double)(t1.tv_nsec - t0.tv_nsec) / 1e6) / 5);
}

int
main(void)
{
	s = pin_schema_builtin();
	read_expected();
	test_documents();
	test_words();
	test_proto();
	test_speed();
	return (tap_done());
}
