/* SPDX-License-Identifier: BSD-2-Clause
 *
 * discovery -- every document of discovery against the reference's recorded
 * one, the order of members, groups and resources included.
 * Reads tests/golden/discovery; one thread, no server.
 * Contract: core/apiserver/discovery.h. */
#include "core/apiserver/discovery.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "slurp.h"
#include "tap.h"

#define FOLDER	"tests/golden/discovery"

static struct apiserver *srv;

static char *
text_of(const struct pin_obj *o, pin_node n)
{
	struct pin_out out;

	pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
	pin_obj_write(o, n, &out);
	pin_out_char(&out, '\0');
	if (out.failed != PIN_OK)
		BAIL("no memory");
	return (out.p);
}

static char *
copy_of(struct pin_str s)
{
	char *p = calloc(1, s.len + 1);

	if (p == NULL)
		BAIL("no memory");
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return (p);
}

/* Both texts from shortly before they part. */
static void
show_difference(const char *got, const char *want)
{
	size_t i = 0;

	while (got[i] != '\0' && got[i] == want[i])
		i++;
	i = i < 100 ? 0 : i - 100;
	tap_diag("got  %.300s", got + i);
	tap_diag("want %.300s", want + i);
}

/* The document of a file, when it is one of discovery's. */
static int
document(const struct pin_obj *rec, struct pin_out *out)
{
	pin_node body = pin_obj_at(rec, pin_obj_root(rec), "response", "body",
	    NULL);
	char *path = copy_of(pin_obj_str(rec, pin_obj_at(rec,
	    pin_obj_root(rec), "request", "path", NULL)));
	int found;

	found = discovery_doc(srv, path, pin_str_is(pin_obj_str(rec,
	    pin_obj_get(rec, body, "kind")), "APIGroupDiscoveryList"), out);
	free(path);
	return (found);
}

static void
replay(const char *file, int *n)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *rec, *got = NULL;
	struct pin_out out;
	char path[512], *g, *w;

	snprintf(path, sizeof(path), FOLDER "/%s", file);
	rec = slurp_json(path);
	pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
	if (strcmp(file, "root.json") == 0 || !document(rec, &out)) {
		pin_obj_free(&rec);
		return;
	}
	(*n)++;
	CASE("%s is the reference's", file) {
		if (!CHECK(pin_obj_parse(NULL, out.p, out.len, &got, &err) ==
		    PIN_OK))
			continue;
		g = text_of(got, pin_obj_root(got));
		w = text_of(rec, pin_obj_at(rec, pin_obj_root(rec),
		    "response", "body", NULL));
		if (!CHECK(strcmp(g, w) == 0))
			show_difference(g, w);
		CHECK(out.p[out.len - 1] == '\n');
		free(g);
		free(w);
		pin_obj_free(&got);
	}
	pin_out_fini(&out);
	pin_obj_free(&rec);
}

static int
name_cmp(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static void
test_golden(void)
{
	char *names[256];
	struct dirent *e;
	size_t i, n = 0;
	int replayed = 0;
	DIR *d = opendir(FOLDER);

	if (d == NULL)
		BAIL("cannot open " FOLDER);
	while ((e = readdir(d)) != NULL && n < 256)
		if (strstr(e->d_name, ".json") != NULL)
			names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof(names[0]), name_cmp);
	for (i = 0; i < n; i++) {
		replay(names[i], &replayed);
		free(names[i]);
	}
	OK(replayed >= 46, "%d documents were compared", replayed);
}

/* Is text among the strings of a list? */
static bool
has(const struct pin_obj *o, pin_node list, struct pin_str text)
{
	pin_node n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n)) {
		struct pin_str s = pin_obj_str(o, n);

		if (s.len == text.len && memcmp(s.p, text.p, s.len) == 0)
			return (true);
	}
	return (false);
}

/* Of the paths at the root, health checks and what a Go server tells of
 * itself are not ours. */
static bool
is_theirs(struct pin_str s)
{
	return (pin_str_prefix(s, "/healthz/") ||
	    pin_str_prefix(s, "/livez/") || pin_str_prefix(s, "/readyz/") ||
	    pin_str_is(s, "/metrics/slis"));
}

static void
test_root(void)
{
	struct pin_obj *rec = slurp_json(FOLDER "/root.json"), *got = NULL;
	struct pin_err err = PIN_ERR_INIT;
	pin_node want, have, n;
	struct pin_str last = PIN_STR_NONE, s;
	struct pin_out out;

	pin_out_init(&out, NULL, PIN_OBJ_TEXT_MAX);
	CASE("the root lists every path the reference lists, in order") {
		if (!CHECK(discovery_doc(srv, "/", 0, &out) &&
		    pin_obj_parse(NULL, out.p, out.len, &got, &err) == PIN_OK))
			continue;
		want = pin_obj_at(rec, pin_obj_root(rec), "response", "body",
		    "paths", NULL);
		have = pin_obj_get(got, pin_obj_root(got), "paths");
		for (n = pin_obj_first(rec, want); n != 0;
		    n = pin_obj_next(rec, n)) {
			s = pin_obj_str(rec, n);
			if (!is_theirs(s) && !CHECK(has(got, have, s)))
				tap_diag(PIN_SFMT " is missing", PIN_SARG(s));
		}
		for (n = pin_obj_first(got, have); n != 0;
		    n = pin_obj_next(got, n)) {
			s = pin_obj_str(got, n);
			if (!CHECK(last.len == 0 || memcmp(last.p, s.p,
			    last.len < s.len ? last.len : s.len) <= 0))
				tap_diag(PIN_SFMT " is out of order",
				    PIN_SARG(s));
			last = s;
		}
	}
	pin_out_fini(&out);
	pin_obj_free(&got);
	pin_obj_free(&rec);
}

int
main(void)
{
	struct pin_err err = PIN_ERR_INIT;

	srv = calloc(1, sizeof(*srv));
	if (srv == NULL)
		BAIL("no memory");
	srv->schema = pin_schema_builtin();
	snprintf(srv->advertise, sizeof(srv->advertise), "192.0.2.1");
	srv->bound.port = 44903;	/* as it was recorded */
	if (discovery_open(srv, &err) != PIN_OK)
		BAIL("%s", err.text);
	test_golden();
	test_root();
	discovery_close(srv);
	free(srv);
	return (tap_done());
}
