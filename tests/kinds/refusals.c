/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refusals.c -- every single-field change that the reference server was asked
 * about (tests/golden/refusals.tsv, refused-updates.tsv): rows and the plugin
 * validation/builtin refuse and accept what it does, with its words. What
 * differs is counted per group and must not grow.
 * Contract: pintle/validation.h. VERBOSE=1 prints each difference. */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/validation.h>

#include "core/api/conform.h"
#include "slurp.h"
#include "tap.h"

#define COLUMNS		7
#define GROUPS_MAX	256
#define ARENA_MAX	((size_t)64 << 20)
#define LONG_LEN	5000

struct row {
	char	*member, *change, *file, *path, *field, *reason, *text;
};

/* How many of a group's rows came out as the reference said. */
struct score {
	char	 name[64];
	int	 accepted, accepted_ok;		/* and so did we */
	int	 refused, refused_ok, field_ok, text_ok, twice;
};

static struct score scores[GROUPS_MAX];
static int nscores;
static const struct pin_validation_ops *ops;
static int verbose;

/* ---- the golden object ------------------------------------------------- */

static struct {
	char		 name[256];
	struct pin_obj	*doc;
	const struct pin_res_row *res;
	char		 group[128], version[32], resource[64];
} file;

/* /api/v1/namespaces/golden/pods, /apis/GROUP/VERSION/... */
static void
route(const char *path)
{
	const char *p = path + (strncmp(path, "/apis/", 6) == 0 ? 6 : 5),
	    *last = strrchr(path, '/') + 1;

	file.group[0] = '\0';
	if (path[4] == 's')
		snprintf(file.group, sizeof(file.group), "%.*s",
		    (int)strcspn(p, "/"), p);
	if (path[4] == 's')
		p += strcspn(p, "/") + 1;
	snprintf(file.version, sizeof(file.version), "%.*s",
	    (int)strcspn(p, "/"), p);
	snprintf(file.resource, sizeof(file.resource), "%s", last);
	file.res = pin_res_find(pin_schema_builtin(), file.group,
	    file.version, file.resource);
}

static int
load(const char *name)
{
	char path[512], where[256];

	if (strcmp(name, file.name) == 0)
		return (file.res != NULL);
	pin_obj_free(&file.doc);
	snprintf(file.name, sizeof(file.name), "%s", name);
	snprintf(path, sizeof(path), "tests/golden/kinds/%s", name);
	file.doc = slurp_json(path);
	snprintf(where, sizeof(where), PIN_SFMT, PIN_SARG(pin_obj_str(
	    file.doc, pin_obj_at(file.doc, pin_obj_root(file.doc), "request",
	    "path", NULL))));
	route(where);
	return (file.res != NULL);
}

/* ---- changing one member ----------------------------------------------- */

/* The member at path, and its parent. */
static pin_node
walk(struct pin_obj *o, const char *path, pin_node *parent)
{
	pin_node n = pin_obj_root(o);
	size_t len;
	long i;

	while (*path != '\0') {
		*parent = n;
		if (*path == '[') {
			i = strtol(path + 1, NULL, 10);
			for (n = pin_obj_first(o, n); n != 0 && i > 0; i--)
				n = pin_obj_next(o, n);
			path += strcspn(path, "]") + 1;
		} else {
			path += *path == '.';
			len = strcspn(path, ".[");
			n = pin_obj_getn(o, n, path, len);
			path += len;
		}
	}
	return (n);
}

static const char *
other_value(struct pin_obj *o, pin_node n, struct pin_type t,
    const char *member, char *buf, size_t size)
{
	const struct pin_field_row *f = pin_type_field(t, member,
	    strcspn(member, "["));
	struct pin_str s = pin_obj_str(o, n);
	struct pin_out w;
	const char *word;
	uint32_t i;

	if (pin_obj_type(o, n) == PIN_TRUE || pin_obj_type(o, n) == PIN_FALSE)
		return (pin_obj_true(o, n) ? "false" : "true");
	if (pin_obj_type(o, n) == PIN_NUMBER) {
		snprintf(buf, size, "%lld", strtoll(s.p, NULL, 10) + 1);
		return (buf);
	}
	pin_out_init(&w, NULL, size);
	snprintf(buf, size, PIN_SFMT "2", PIN_SARG(s));
	for (i = 0; f != NULL && f->enums != 0 &&
	    i < pin_schema_nwords(t.schema, f->enums); i++) {
		word = pin_schema_str(t.schema, pin_schema_word(t.schema,
		    f->enums, i));
		if (word[0] != '\0' && !pin_str_is(s, word)) {
			snprintf(buf, size, "%s", word);
			break;
		}
	}
	pin_json_quote(&w, pin_str(buf));
	snprintf(buf, size, "%.*s", (int)w.len, w.p);
	pin_out_fini(&w);
	return (buf);
}

static const char *
new_value(const struct row *r, struct pin_obj *o, pin_node n, char *buf,
    size_t size)
{
	const char *dot = strrchr(r->member, '.');
	char name[256];
	struct pin_type t;

	if (strcmp(r->change, "empty") == 0)
		return (pin_obj_type(o, n) == PIN_ARRAY ? "[]" : "\"\"");
	if (strcmp(r->change, "bogus") == 0)
		return ("\"Bogus_!\"");
	if (strcmp(r->change, "negative") == 0)
		return (pin_obj_type(o, n) == PIN_NUMBER ? "-1" : "\"-1\"");
	if (strcmp(r->change, "zero") == 0)
		return ("0");
	if (strcmp(r->change, "big") == 0)
		return ("2000000000");
	if (strcmp(r->change, "long") == 0) {
		buf[0] = '"';
		memset(buf + 1, 'x', LONG_LEN);
		memcpy(buf + 1 + LONG_LEN, "\"", 2);
		return (buf);
	}
	snprintf(name, sizeof(name), "%.*s", (int)(dot - r->member),
	    r->member);
	return (pin_type_find(pin_schema_builtin(), name, &t) ?
	    other_value(o, n, t, dot + 1, buf, size) : NULL);
}

static int
change(const struct row *r, struct pin_obj *o)
{
	static char buf[LONG_LEN + 64];
	struct pin_obj *value;
	pin_node parent = 0, n = walk(o, r->path, &parent);
	const char *text;

	if (n == 0)
		return (0);
	if (strcmp(r->change, "absent") == 0) {
		pin_obj_remove(o, parent, n);
		return (1);
	}
	text = new_value(r, o, n, buf, sizeof(buf));
	if (text == NULL || pin_obj_parse(NULL, text, strlen(text), &value,
	    NULL) != PIN_OK)
		return (0);
	pin_obj_replace(o, parent, n, value, pin_obj_root(value));
	pin_obj_free(&value);
	return (1);
}

/* ---- what the server does between decoding and validation -------------- */

/* Values that the recordings hide, as good as any. */
static char *
unmask(const char *json)
{
	static const char *const masks[][2] = {	/* as JSON escapes them */
	    { "\"\\u003cport\\u003e\"", "30007" },
	    { "\\u003cuid\\u003e", "6f1c7b2a-3e0f-4c54-9a3b-0d8f3c1e2a77" },
	    { "\\u003ctime\\u003e", "2026-01-02T03:04:05Z" },
	    { "\\u003cmicrotime\\u003e", "2026-01-02T03:04:05.000006Z" },
	    { "\\u003cip\\u003e", "10.96.0.77" },
	    { "\\u003crand\\u003e", "abcde" } };
	char *out = malloc(strlen(json) * 2 + 1), *w = out;
	size_t i, len;

	while (*json != '\0') {
		for (i = 0; i < PIN_LEN(masks); i++) {
			len = strlen(masks[i][0]);
			if (strncmp(json, masks[i][0], len) == 0)
				break;
		}
		if (i == PIN_LEN(masks)) {
			*w++ = *json++;
			continue;
		}
		json += len;
		w = stpcpy(w, masks[i][1]);
	}
	*w = '\0';
	return (out);
}

static struct pin_obj *
part(struct pin_arena *a, const char *which)
{
	pin_node n = pin_obj_at(file.doc, pin_obj_root(file.doc), which,
	    "body", NULL);
	struct pin_obj *o;
	struct pin_out w;
	char *text;

	pin_out_init(&w, NULL, ARENA_MAX);
	pin_obj_write(file.doc, n, &w);
	pin_out_char(&w, '\0');
	text = unmask(w.p);
	if (pin_obj_parse(a, text, strlen(text), &o, NULL) != PIN_OK)
		BAIL("%s: %s", file.name, which);
	free(text);
	pin_out_fini(&w);
	return (o);
}

static void
prepare(struct pin_obj *o)
{
	pin_node root = pin_obj_root(o), spec = pin_obj_get(o, root, "spec"),
	    ips;
	struct pin_str ip;

	pin_obj_set_str(o, pin_obj_get(o, root, "metadata"), "namespace",
	    PIN_STR("golden"));
	if (strcmp(file.resource, "pods") == 0 && pin_obj_str(o,
	    pin_obj_get(o, spec, "serviceAccountName")).len == 0)
		pin_obj_set_str(o, spec, "serviceAccountName",
		    PIN_STR("default"));
	if (strcmp(file.resource, "services") != 0)
		return;
	if (pin_str_is(pin_obj_str(o, pin_obj_get(o, spec, "type")),
	    "LoadBalancer") && pin_str_is(pin_obj_str(o, pin_obj_get(o, spec,
	    "externalTrafficPolicy")), "Local") && pin_str_is(pin_obj_str(o,
	    pin_obj_get(o, spec, "healthCheckNodePort")), "0") |
	    (pin_obj_get(o, spec, "healthCheckNodePort") == 0))
		pin_obj_set_i64(o, spec, "healthCheckNodePort", 30999);
	ip = pin_obj_str(o, pin_obj_get(o, spec, "clusterIP"));
	if (ip.len == 0 || pin_obj_get(o, spec, "clusterIPs") != 0)
		return;
	ips = pin_obj_set_new(o, spec, "clusterIPs", PIN_ARRAY);
	pin_obj_add_str(o, ips, ip);
}

static struct pin_obj *
conformed(struct pin_arena *a, struct pin_obj *o)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *out;

	if (pin_conform(a, pin_schema_type(pin_schema_builtin(),
	    file.res->type), o, pin_obj_root(o), PIN_CONFORM_DEFAULT, &out,
	    NULL, &err) != PIN_OK) {
		tap_diag("%s: %s", file.name, err.text);
		return (NULL);
	}
	return (out);
}

static void
check(struct pin_obj *o, struct pin_obj *old, struct pin_causes *causes)
{
	pin_node meta = pin_obj_get(o, pin_obj_root(o), "metadata");
	struct pin_user user = { .size = sizeof(user) };
	struct pin_admission_request q = { .size = sizeof(q),
	    .operation = old != NULL ? PIN_OP_UPDATE : PIN_OP_CREATE,
	    .group = pin_str(file.group), .version = pin_str(file.version),
	    .resource = pin_str(file.resource), .user = &user, .object = o,
	    .old_object = old };

	q.kind = pin_str(pin_schema_str(pin_schema_builtin(),
	    file.res->kind));
	q.name = pin_obj_str(o, pin_obj_get(o, meta, "name"));
	q.namespace = pin_obj_str(o, pin_obj_get(o, meta, "namespace"));
	pin_conform_check(pin_schema_type(pin_schema_builtin(),
	    file.res->type), o, old, causes);
	ops->check(NULL, &q, causes);
}

/* ---- one row ----------------------------------------------------------- */

static const char *
reason_of(uint32_t type)
{
	static const char *const reasons[] = { "",
#define X(sym, reason, text)	reason,
	    PIN_CAUSE_MAP(X)
#undef X
	};

	return (reasons[type]);
}

/* Upstream's message as the recording shows it: newlines written, long runs
 * of x named. */
static void
as_recorded(struct pin_str s, char *out, size_t size)
{
	size_t n = 0, i, run;

	for (i = 0; i < s.len && n + 16 < size; i++) {
		for (run = 0; i + run < s.len && s.p[i + run] == 'x' &&
		    run < LONG_LEN; run++)
			;
		if (run == LONG_LEN) {
			n += (size_t)snprintf(out + n, size - n, "<5000 x>");
			i += run - 1;
		} else if (s.p[i] == '\n') {
			out[n++] = '\\';
			out[n++] = 'n';
		} else
			out[n++] = s.p[i];
	}
	out[n] = '\0';
}

/* Refused updates of pods are recorded with a diff of Go structs, which we do
 * not draw; the recordings end after 400 characters. */
static int
same_text(const char *got, const char *want, int update)
{
	const char *diff = strstr(want, "\\n@@");

	/* A value printed as a Go struct, with Go's names: the words count. */
	if (strncmp(want, "Invalid value: {", 16) == 0 &&
	    strncmp(got, "Invalid value: {", 16) == 0 && (strlen(want) >=
	    380 || (strstr(want, "}: ") != NULL && strstr(got, "}: ") != NULL
	    && strcmp(strstr(want, "}: "), strstr(got, "}: ")) == 0)))
		return (1);
	if (update && diff != NULL)
		return (strncmp(got, want, (size_t)(diff - want)) == 0);
	if (update && strlen(want) >= 380)
		return (strncmp(got, want, 380) == 0);
	return (strcmp(got, want) == 0);
}

static void
judge(struct score *s, const struct row *r, const struct pin_causes *causes,
    int update)
{
	char want[1024], got[2048], first[300] = "";
	const struct pin_cause *c;
	int field = 0, text = 0;
	uint32_t i, k;

	for (i = 0; (c = pin_causes_at(causes, i)) != NULL; i++)
		for (k = 0; k < i; k++) {
			const struct pin_cause *d = pin_causes_at(causes, k);

			if (!pin_str_eq(c->field, d->field) ||
			    !pin_str_eq(c->message, d->message))
				continue;
			s->twice++;
			if (verbose)
				tap_diag("TWICE %s %s %s " PIN_SFMT ": %.100s",
				    r->member, r->change, r->file,
				    PIN_SARG(c->field), c->message.p);
		}

	snprintf(want, sizeof(want), "%s%s", update ? "" : r->path, r->field);
	for (i = 0; (c = pin_causes_at(causes, i)) != NULL; i++) {
		as_recorded(c->message, got, sizeof(got));
		if (first[0] == '\0' || pin_str_is(c->field, want))
			snprintf(first, sizeof(first), PIN_SFMT ": %.200s",
			    PIN_SARG(c->field), got);
		if (!pin_str_is(c->field, want) ||
		    strcmp(reason_of(c->type), r->reason) != 0)
			continue;
		field = 1;
		text |= same_text(got, r->text, update);
	}
	if (strcmp(r->reason, "-") == 0) {
		s->accepted++;
		s->accepted_ok += i == 0;
		if (i > 0 && verbose)
			tap_diag("EXTRA %s %s %s %s -> %s", r->member,
			    r->change, r->file, r->path, first);
		return;
	}
	s->refused++;
	s->refused_ok += i > 0;
	s->field_ok += field;
	s->text_ok += text;
	if (verbose && !text)
		tap_diag("%s %s %s %s | %s | %.120s -> %s", i == 0 ? "MISSING"
		    : field ? "TEXT" : "FIELD", r->member, r->change, r->file,
		    want, r->text, first);
}

static struct score *
score_of(const char *resource, int update)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), "%s%s", resource, update ? " (updates)" :
	    "");
	for (i = 0; i < nscores; i++)
		if (strcmp(scores[i].name, name) == 0)
			return (&scores[i]);
	if (nscores == GROUPS_MAX)
		BAIL("more than %d groups", GROUPS_MAX);
	snprintf(scores[nscores].name, sizeof(scores[0].name), "%s", name);
	return (&scores[nscores++]);
}

static void
one(const struct row *r, int update)
{
	struct pin_arena *a;
	struct pin_causes *causes;
	struct pin_obj *o, *old = NULL;

	if (!load(r->file)) {
		tap_diag("no resource for %s", r->file);
		return;
	}
	a = pin_arena_new(ARENA_MAX);
	causes = pin_causes_new(a);
	if (update)
		old = conformed(a, part(a, "response"));
	o = part(a, update ? "response" : "request");
	if (!change(r, o)) {
		tap_diag("cannot change %s %s %s", r->file, r->path,
		    r->change);
		pin_arena_free(&a);
		return;
	}
	o = conformed(a, o);
	if (o == NULL) {
		tap_diag("not conformed: %s %s %s", r->file, r->path,
		    r->change);
		pin_arena_free(&a);
		return;
	}
	prepare(o);
	check(o, old, causes);
	judge(score_of(file.resource, update), r, causes, update);
	pin_arena_free(&a);
}

/* ---- the files --------------------------------------------------------- */

static void
replay(const char *path, int update)
{
	size_t len;
	char *text = slurp_text(path, &len), *line = text, *next, **col;
	struct row r;
	int i;

	for (; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		col = &r.member;
		for (i = 0; i < COLUMNS; i++) {
			(&r.member)[i] = line;
			line += strcspn(line, "\t");
			if (*line != '\0' && i < COLUMNS - 1)
				*line++ = '\0';
		}
		(void)col;
		one(&r, update);
	}
	free(text);
}

/* What was reached: less than this is something lost. */
#define ACCEPTED_FLOOR	2870
#define REFUSED_FLOOR	3310
#define FIELD_FLOOR	3280
#define TEXT_FLOOR	3270

static struct score
report(void)
{
	struct score all = { .name = "all" };
	const struct score *s;
	int i;

	tap_diag("%-46s %13s %13s %6s %6s %6s", "kind", "accepted",
	    "refused", "field", "text", "twice");
	for (i = 0; i <= nscores; i++) {
		s = i < nscores ? &scores[i] : &all;
		if (s->accepted + s->refused > 0)
			tap_diag("%-46s %6d/%-6d %6d/%-6d %6d %6d %6d",
			    s->name, s->accepted_ok, s->accepted,
			    s->refused_ok, s->refused, s->field_ok,
			    s->text_ok, s->twice);
		all.twice += i < nscores ? s->twice : 0;
		all.accepted += scores[i % GROUPS_MAX].accepted * (i < nscores);
		all.accepted_ok += scores[i % GROUPS_MAX].accepted_ok *
		    (i < nscores);
		all.refused += scores[i % GROUPS_MAX].refused * (i < nscores);
		all.refused_ok += scores[i % GROUPS_MAX].refused_ok *
		    (i < nscores);
		all.field_ok += scores[i % GROUPS_MAX].field_ok * (i < nscores);
		all.text_ok += scores[i % GROUPS_MAX].text_ok * (i < nscores);
	}
	return (all);
}

int
main(void)
{
	const struct pin_plugin *p;
	struct score all;
	char path[4096];
	void *so;

	verbose = getenv("VERBOSE") != NULL;
	tap_deadline(300);
	snprintf(path, sizeof(path), "%s/plugins/validation/builtin.so",
	    tap_build());
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		BAIL("%s", dlerror());
	p = dlsym(so, "pin_plugin");
	ops = p->ops;
	replay("tests/golden/refusals.tsv", 0);
	replay("tests/golden/refused-updates.tsv", 1);
	all = report();
	OK(nscores > 10, "the recordings were read");
	OK(all.accepted_ok >= ACCEPTED_FLOOR, "what the reference accepts "
	    "is accepted: %d of %d", all.accepted_ok, all.accepted);
	OK(all.refused_ok >= REFUSED_FLOOR, "what it refuses is refused: "
	    "%d of %d", all.refused_ok, all.refused);
	OK(all.field_ok >= FIELD_FLOOR, "at its field: %d", all.field_ok);
	OK(all.text_ok >= TEXT_FLOOR, "in its words: %d", all.text_ok);
	OK(all.twice == 0, "nothing is said twice: %d", all.twice);
	return (tap_done());
}
