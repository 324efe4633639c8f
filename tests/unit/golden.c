/* SPDX-License-Identifier: BSD-2-Clause
 *
 * golden -- replays what the reference server answered (tests/golden): each
 * object it created must come out of conform as it came back, but for what
 * later steps set; each refusal must be ours, or none; none must be invented.
 * Contract: tests/golden/README.md; the exceptions below each have a reason. */
#include "core/api/conform.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "slurp.h"
#include "tap.h"

#define KINDS		"tests/golden/kinds/"
#define PATH_MAX_TEXT	512
#define LONG		5000

static struct pin_arena *arena;

/* ---- what later steps set ------------------------------------------- */

struct later {
	const char	*kind;		/* "*": any */
	const char	*path;		/* prefix of a path that may differ */
	const char	*why;
	uint32_t	 used;
};

static struct later laters[] = {
	{ "*", "metadata.uid", "given on create", 0 },
	{ "*", "metadata.resourceVersion", "given on create", 0 },
	{ "*", "metadata.creationTimestamp", "given on create", 0 },
	{ "*", "metadata.generation", "given on create", 0 },
	{ "*", "metadata.namespace", "of the request's path", 0 },
	{ "*", "metadata.managedFields", "field management", 0 },
	{ "*", "metadata.finalizers", "storage protection (admission)", 0 },
	{ "*", "status", "reset on create, or computed", 0 },
	{ "DaemonSet", "metadata.annotations", "prepared: generation", 0 },
	{ "SelfSubjectRulesReview", "spec.namespace", "not stored", 0 },
	{ "HorizontalPodAutoscaler", "spec.targetCPUUtilizationPercentage",
	    "v1 reads back the metrics that v2 defaults", 0 },
	{ "Job", "spec.template.metadata.labels", "prepared: uid", 0 },
	{ "Job", "spec.selector", "prepared: uid", 0 },
	{ "Job", "metadata.labels", "copied from the prepared template", 0 },
	{ "CertificateSigningRequest", "spec", "of the requesting user", 0 },
	{ "Namespace", "spec.finalizers", "prepared", 0 },
	{ "Node", "spec.taints", "admission", 0 },
	{ "PersistentVolumeClaim", "spec.dataSourceRef", "prepared", 0 },
	{ "Pod", "spec.priority", "admission", 0 },
	{ "Pod", "spec.preemptionPolicy", "admission", 0 },
	{ "Pod", "spec.serviceAccount", "admission", 0 },
	{ "Pod", "spec.containers[0].volumeMounts", "admission", 0 },
	{ "Pod", "spec.volumes", "admission", 0 },
	{ "Pod", "spec.tolerations", "admission", 0 },
	{ "Service", "spec.clusterIP", "allocated", 0 },
	{ "Service", "spec.ipFamil", "allocated", 0 },
};

static int
is_later(const char *kind, const char *path)
{
	size_t i;

	for (i = 0; i < PIN_LEN(laters); i++) {
		struct later *l = &laters[i];

		if ((strcmp(l->kind, "*") == 0 || strcmp(l->kind, kind) == 0) &&
		    strncmp(path, l->path, strlen(l->path)) == 0) {
			l->used++;
			return (1);
		}
	}
	return (0);
}

/* ---- comparing ------------------------------------------------------ */

struct diff {
	const struct pin_obj	*got, *want;
	const char		*kind;
	uint32_t		 n;
	size_t			 len;
	char			 path[PATH_MAX_TEXT];
};

static void
differ(struct diff *d, const char *what)
{
	if (is_later(d->kind, d->path))
		return;
	d->n++;
	tap_diag("%s %s: %s", d->kind, d->path, what);
}

static void diff_value(struct diff *, pin_node, pin_node);

static void
diff_member(struct diff *d, struct pin_str key, uint32_t i, pin_node got,
    pin_node want)
{
	size_t back = d->len, room = sizeof(d->path) - d->len;
	int n;

	if (key.p != NULL)
		n = snprintf(d->path + back, room, "%s%.*s", back > 0 ? "." :
		    "", PIN_SARG(key));
	else
		n = snprintf(d->path + back, room, "[%u]", i);
	d->len += n > 0 && (size_t)n < room ? (size_t)n : 0;
	if (got == 0)
		differ(d, "is missing");
	else if (want == 0)
		differ(d, "should not be there");
	else
		diff_value(d, got, want);
	d->path[back] = '\0';
	d->len = back;
}

/* Members that both have stand in the same order; apiVersion and kind of the
 * object itself do not count. */
static void
diff_object(struct diff *d, pin_node got, pin_node want)
{
	pin_node g, w, at = 0;
	struct pin_str key;
	int any = 0;

	for (w = pin_obj_first(d->want, want); w != 0;
	    w = pin_obj_next(d->want, w)) {
		key = pin_obj_key(d->want, w);
		g = pin_obj_getn(d->got, got, key.p, key.len);
		diff_member(d, key, 0, g, w);
		if (g == 0 || (d->len == 0 && (pin_str_is(key, "kind") ||
		    pin_str_is(key, "apiVersion"))))
			continue;
		while (at != 0 && at != g)
			at = pin_obj_next(d->got, at);
		if (at == 0 && any)
			differ(d, "members in another order");
		at = g;
		any = 1;
	}
	for (g = pin_obj_first(d->got, got); g != 0;
	    g = pin_obj_next(d->got, g)) {
		key = pin_obj_key(d->got, g);
		if (pin_obj_getn(d->want, want, key.p, key.len) == 0)
			diff_member(d, key, 0, g, 0);
	}
}

static void
diff_value(struct diff *d, pin_node got, pin_node want)
{
	pin_node g, w;
	uint32_t i = 0;

	if (pin_obj_type(d->got, got) != pin_obj_type(d->want, want)) {
		differ(d, "another type");
		return;
	}
	switch (pin_obj_type(d->got, got)) {
	case PIN_OBJECT:
		diff_object(d, got, want);
		break;
	case PIN_ARRAY:
		if (pin_obj_count(d->got, got) != pin_obj_count(d->want,
		    want)) {
			differ(d, "another number of items");
			break;
		}
		w = pin_obj_first(d->want, want);
		for (g = pin_obj_first(d->got, got); g != 0;
		    g = pin_obj_next(d->got, g)) {
			diff_member(d, PIN_STR_NONE, i++, g, w);
			w = pin_obj_next(d->want, w);
		}
		break;
	default:
		if (!pin_str_eq(pin_obj_str(d->got, got),
		    pin_obj_str(d->want, want)))
			differ(d, "another value");
	}
}

/* ---- kinds ---------------------------------------------------------- */

static const char *
text(struct pin_str s)
{
	return (pin_arena_strndup(arena, s.p != NULL ? s.p : "", s.len));
}

static const char *
member_text(const struct pin_obj *o, pin_node n, const char *name)
{
	return (text(pin_obj_str(o, pin_obj_get(o, n, name))));
}

/* The type of what the server answered with. */
static struct pin_type
type_of(const struct pin_obj *o, pin_node body)
{
	const char *av = member_text(o, body, "apiVersion");
	const char *slash = strchr(av, '/');
	const struct pin_res_row *r;
	char group[128] = "";

	if (slash != NULL)
		(void)snprintf(group, sizeof(group), "%.*s",
		    (int)(slash - av), av);
	r = pin_res_by_kind(pin_schema_builtin(), group,
	    slash != NULL ? slash + 1 : av, member_text(o, body, "kind"));
	if (r == NULL)
		BAIL("no resource for %s", av);
	return (pin_schema_type(pin_schema_builtin(), r->type));
}

static int
conform(struct pin_type t, const struct pin_obj *in, pin_node n,
    struct pin_obj **out, struct pin_err *err)
{
	return (pin_conform(arena, t, in, n, PIN_CONFORM_DEFAULT, out, NULL,
	    err));
}

static struct pin_str
canonical(struct pin_type t, const struct pin_obj *o)
{
	struct pin_out w;

	pin_out_init(&w, arena, 1 << 24);
	pin_conform_write(t, o, &w);
	if (w.failed != PIN_OK)
		BAIL("no canonical text");
	return ((struct pin_str){ w.p, w.len });
}

static void
one_kind(const char *name, const struct pin_obj *o, pin_node sent,
    pin_node body)
{
	struct pin_type t = type_of(o, body);
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *got, *again;
	struct pin_causes *causes = pin_causes_new(arena);
	struct diff d;

	CASE("%s", name) {
		CHECK_INT(conform(t, o, sent, &got, &err), PIN_OK);
		if (got == NULL) {
			tap_diag("%s", err.text);
			continue;
		}
		memset(&d, 0, sizeof(d));
		d.got = got;
		d.want = o;
		d.kind = member_text(o, body, "kind");
		diff_value(&d, pin_obj_root(got), body);
		CHECK_INT(d.n, 0);
		CHECK_INT(conform(t, got, pin_obj_root(got), &again, &err),
		    PIN_OK);
		CHECK(again != NULL && pin_str_eq(canonical(t, got),
		    canonical(t, again)));
		pin_conform_check(t, got, NULL, causes);
		CHECK_INT(pin_cause_count(causes), 0);
		if (pin_cause_count(causes) > 0)
			tap_diag("%s: %s",
			    text(pin_causes_at(causes, 0)->field),
			    text(pin_causes_at(causes, 0)->message));
	}
}

static int
by_name(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static void
test_kinds(void)
{
	static char *names[512];
	DIR *dir = opendir(KINDS);
	struct dirent *e;
	struct pin_obj *o;
	size_t n = 0, i;
	char path[PATH_MAX_TEXT];
	int64_t status;

	if (dir == NULL)
		BAIL("no %s", KINDS);
	while ((e = readdir(dir)) != NULL && n < PIN_LEN(names))
		if (strstr(e->d_name, ".json") != NULL)
			names[n++] = pin_xstrdup(e->d_name);
	closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), KINDS "%s", names[i]);
		o = slurp_json(path);
		if (pin_obj_i64(o, pin_obj_at(o, pin_obj_root(o), "response",
		    "status", NULL), &status) && status / 100 == 2)
			one_kind(names[i], o, pin_obj_at(o, pin_obj_root(o),
			    "request", "body", NULL), pin_obj_at(o,
			    pin_obj_root(o), "response", "body", NULL));
		pin_obj_free(&o);
		free(names[i]);
		pin_arena_reset(arena);
	}
	OK(n > 100, "%zu files in " KINDS, n);
	for (i = 0, n = 0; i < PIN_LEN(laters); i++)
		if (laters[i].used == 0) {
			tap_diag("unused: %s %s", laters[i].kind,
			    laters[i].path);
			n++;
		}
	OK(n == 0, "every exception is needed");
}

/* ---- refusals ------------------------------------------------------- */

/* The value at a path like "spec.ports[0].name", and what holds it. */
static pin_node
walk(const struct pin_obj *o, pin_node n, const char *path, pin_node *parent,
    char name[128])
{
	size_t len;
	long i;

	name[0] = '\0';
	*parent = 0;
	while (*path != '\0') {
		*parent = n;
		if (*path == '[') {
			i = strtol(path + 1, NULL, 10);
			path = strchr(path, ']') + 1;
			for (n = pin_obj_first(o, n); i > 0 && n != 0; i--)
				n = pin_obj_next(o, n);
			continue;
		}
		path += *path == '.';
		len = strcspn(path, ".[");
		(void)snprintf(name, 128, "%.*s", (int)len, path);
		n = pin_obj_getn(o, n, path, len);
		path += len;
	}
	return (n);
}

/* Does to o what refusals.tsv says; 0 when it cannot be done. */
static int
change(struct pin_obj *o, const char *path, const char *how)
{
	static char big[LONG + 3];
	char name[128], json[LONG + 3];
	pin_node parent, n = walk(o, pin_obj_root(o), path, &parent, name);
	struct pin_obj *value;
	struct pin_err err;

	if (n == 0)
		return (0);
	if (strcmp(how, "absent") == 0) {
		pin_obj_remove(o, parent, n);
		return (1);
	}
	memset(big, 'x', sizeof(big));
	big[0] = big[LONG + 1] = '"';
	big[LONG + 2] = '\0';
	(void)snprintf(json, sizeof(json), "%s",
	    strcmp(how, "bogus") == 0 ? "\"Bogus_!\"" :
	    strcmp(how, "long") == 0 ? big :
	    strcmp(how, "negative") == 0 ? "-1" :
	    strcmp(how, "zero") == 0 ? "0" :
	    strcmp(how, "big") == 0 ? "2000000000" :
	    pin_obj_type(o, n) == PIN_ARRAY ? "[]" :
	    pin_obj_type(o, n) == PIN_OBJECT ? "{}" : "\"\"");
	if (pin_obj_parse(arena, json, strlen(json), &value, &err) != PIN_OK)
		BAIL("%s", err.text);
	return (pin_obj_replace(o, parent, n, value, 1) != 0);
}

/* A message with the long value written as it is recorded. */
static const char *
shorten(struct pin_str s)
{
	char *p = pin_arena_strndup(arena, s.p, s.len), *x;
	size_t n;

	for (x = p; (x = strchr(x, 'x')) != NULL; x += n) {
		n = strspn(x, "x");
		if (n != LONG)
			continue;
		memcpy(x, "<5000 x>", 8);
		memmove(x + 8, x + n, strlen(x + n) + 1);
		n = 8;
	}
	return (p);
}

struct refusal {
	/* type, change, file, path, adds, reason, text */
	char	*col[7];
};

struct tally {
	uint32_t	same, left, accepted, invented, other, odd, skipped;
};

static const char *
reason_of(uint32_t type)
{
	static const char *const reason[] = { "",
#define X(sym, r, t) r,
	    PIN_CAUSE_MAP(X)
#undef X
	};

	return (reason[type]);
}

/* Is k among the n refusals recorded for one change? */
static int
is_recorded(const struct pin_cause *k, const struct refusal *r, size_t n)
{
	char field[PATH_MAX_TEXT];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(field, sizeof(field), "%s%s", r[i].col[3],
		    r[i].col[4]);
		if (pin_str_is(k->field, field) &&
		    strcmp(shorten(k->message), r[i].col[6]) == 0 &&
		    strcmp(reason_of(k->type), r[i].col[5]) == 0)
			return (1);
	}
	return (0);
}

static void
judge(const struct refusal *r, size_t n, const struct pin_causes *causes,
    struct tally *t)
{
	int accepted = strcmp(r->col[5], "-") == 0;
	const struct pin_cause *k;
	uint32_t i;

	if (pin_cause_count(causes) == 0) {
		t->accepted += accepted;
		t->left += !accepted;
		return;
	}
	for (i = 0; (k = pin_causes_at(causes, i)) != NULL; i++) {
		if (is_recorded(k, r, n)) {
			t->same++;
			continue;
		}
		t->invented += accepted;
		t->other += !accepted;
		tap_diag("%s %s: %s: %s", r->col[0], r->col[1],
		    text(k->field), shorten(k->message));
		if (!accepted)
			tap_diag("   recorded: %s%s: %s", r->col[3],
			    r->col[4], r->col[6]);
	}
}

static void
one_refusal(const struct refusal *r, size_t n, const struct pin_obj *o,
    struct tally *t)
{
	pin_node root = pin_obj_root(o);
	pin_node sent = pin_obj_at(o, root, "request", "body", NULL);
	struct pin_causes *causes = pin_causes_new(arena);
	struct pin_type type = type_of(o, pin_obj_at(o, root, "response",
	    "body", NULL));
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *copy = pin_obj_new(arena), *out;

	(void)pin_obj_replace(copy, 0, 1, o, sent);
	if (!change(copy, r->col[3], r->col[1])) {
		t->skipped++;
		return;
	}
	if (conform(type, copy, pin_obj_root(copy), &out, &err) != PIN_OK) {
		t->odd++;
		tap_diag("%s %s: %s", r->col[0], r->col[1], err.text);
		return;
	}
	pin_conform_check(type, out, NULL, causes);
	judge(r, n, causes, t);
}

#define SAME_MAX	64	/* refusals of one change */

/* Cuts a line at its tabs; where the next one begins. */
static char *
split(char *line, struct refusal *r)
{
	char *next = line + strcspn(line, "\n");
	size_t i;

	if (*next != '\0')
		*next++ = '\0';
	for (i = 0; i < 7; i++) {
		r->col[i] = line;
		line += strcspn(line, "\t");
		if (*line != '\0')
			*line++ = '\0';
	}
	return (next);
}

static int
same_change(const struct refusal *a, const struct refusal *b)
{
	size_t i;

	for (i = 0; i < 4; i++)
		if (strcmp(a->col[i], b->col[i]) != 0)
			return (0);
	return (1);
}

static void
replay(char *all, struct tally *t)
{
	struct refusal r[SAME_MAX + 1];
	char last[PATH_MAX_TEXT] = "", path[PATH_MAX_TEXT];
	struct pin_obj *o = NULL;
	size_t n;

	all = split(all, &r[0]);
	for (;;) {
		for (n = 1; *all != '\0' && n < SAME_MAX; n++) {
			all = split(all, &r[n]);
			if (!same_change(&r[0], &r[n]))
				break;
		}
		if (strcmp(last, r[0].col[2]) != 0) {
			pin_obj_free(&o);
			(void)snprintf(last, sizeof(last), "%s", r[0].col[2]);
			(void)snprintf(path, sizeof(path), KINDS "%s", last);
			o = slurp_json(path);
		}
		one_refusal(r, n, o, t);
		pin_arena_reset(arena);
		if (*all == '\0')
			break;
		r[0] = r[n];
	}
	pin_obj_free(&o);
}

static void
test_refusals(void)
{
	struct tally t = { 0 };
	size_t len;
	char *all = slurp_text("tests/golden/refusals.tsv", &len);

	replay(all, &t);
	free(all);
	tap_diag("%u refused alike, %u accepted alike, %u left to others, "
	    "%u skipped", t.same, t.accepted, t.left, t.skipped);
	OK(t.same > 1000 && t.accepted > 2500, "refusals are replayed");
	OK(t.invented == 0, "nothing is refused that the reference accepts");
	OK(t.other == 0, "what is refused is refused in the same words");
	OK(t.odd == 0, "everything that could be sent can be decoded");
}

int
main(void)
{
	arena = pin_arena_new(256 << 20);
	test_kinds();
	test_refusals();
	pin_arena_free(&arena);
	return (tap_done());
}
