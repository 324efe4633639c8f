/* SPDX-License-Identifier: BSD-2-Clause
 *
 * world -- see world.h.
 * Contract: world.h. */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define WORLD_ARENA	((size_t)64 << 20)

void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->revision = 100;
	w->bridge = pin_bridge_new(pin_schema_builtin());
	w->arena = pin_arena_new(WORLD_ARENA);
	snprintf(w->time, sizeof(w->time), "2026-01-01T00:00:00Z");
}

void
world_fini(struct world *w)
{
	uint32_t i;

	for (i = 0; i < w->ntables; i++)
		cache_fini(&w->table[i].cache);
	pin_bridge_free(&w->bridge);
	pin_arena_free(&w->arena);
}

struct world_table *
world_table(struct world *w, const char *group, const char *resource)
{
	struct world_table *t;
	uint32_t i;

	for (i = 0; i < w->ntables; i++)
		if (strcmp(w->table[i].group, group) == 0 &&
		    strcmp(w->table[i].resource, resource) == 0)
			return (&w->table[i]);
	if (w->ntables == WORLD_TABLES_MAX)
		BAIL("world: more than %d resources", WORLD_TABLES_MAX);
	t = &w->table[w->ntables++];
	snprintf(t->group, sizeof(t->group), "%s", group);
	snprintf(t->resource, sizeof(t->resource), "%s", resource);
	cache_init(&t->cache);
	return (t);
}

/* ---- objects -------------------------------------------------------- */

static struct pin_obj *
parse(struct world *w, struct pin_str s)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o;

	if (pin_obj_parse(w->arena, s.p, s.len, &o, &err) != PIN_OK)
		BAIL("world: %s in " PIN_SFMT, err.text, PIN_SARG(s));
	return (o);
}

static pin_node
meta(const struct pin_obj *o)
{
	return (pin_obj_get(o, pin_obj_root(o), "metadata"));
}

static struct pin_str
meta_str(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_get(o, meta(o), key)));
}

static struct cache_entry *
find(struct world_table *t, struct pin_str ns, struct pin_str name)
{
	char key[CACHE_KEY_MAX];
	size_t n = cache_key(key, ns, name);

	return (cache_get(&t->cache, (struct pin_str){ key, n }));
}

static struct pin_str
owner_of(const struct pin_obj *o)
{
	pin_node n = pin_obj_get(o, meta(o), "ownerReferences");

	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "controller")))
			return (pin_obj_str(o, pin_obj_get(o, n, "uid")));
	return (PIN_STR_NONE);
}

static void
put(struct world *w, struct world_table *t, struct pin_obj *o)
{
	char rev[24];
	struct pin_out out;
	struct pin_buf *b;

	snprintf(rev, sizeof(rev), "%" PRIu64, ++w->revision);
	pin_obj_set_str(o, meta(o), "resourceVersion", pin_str(rev));
	pin_out_init(&out, w->arena, WORLD_ARENA);
	pin_obj_write(o, pin_obj_root(o), &out);
	pin_out_char(&out, '\0');	/* strstr is used on it */
	b = pin_buf_copy(out.p, out.len);
	b->len--;
	(void)cache_put(&t->cache, meta_str(o, "namespace"),
	    meta_str(o, "name"), w->revision, b, owner_of(o));
	pin_buf_put(&b);
	w->writes++;
}

static void
drop(struct world *w, struct world_table *t, struct cache_entry *e)
{
	w->revision++;
	w->writes++;
	cache_remove(&t->cache, e);
}

/* ---- verbs ---------------------------------------------------------- */

int
world_create(struct world *w, struct world_table *t, struct pin_str ns,
    struct pin_str name, struct pin_str json)
{
	struct pin_obj *o;
	char uid[32];

	pin_arena_reset(w->arena);
	o = parse(w, json);
	if (meta(o) == 0)
		pin_obj_set_new(o, pin_obj_root(o), "metadata", PIN_OBJECT);
	if (name.len > 0)
		pin_obj_set_str(o, meta(o), "name", name);
	if (ns.len > 0)
		pin_obj_set_str(o, meta(o), "namespace", ns);
	name = meta_str(o, "name");
	if (name.len == 0)
		BAIL("world: a creation in %s without a name (generateName is "
		    "not known here)", t->resource);
	if (find(t, meta_str(o, "namespace"), name) != NULL)
		return (409);
	snprintf(uid, sizeof(uid), "uid-%u", (unsigned int)++w->uids);
	pin_obj_set_str(o, meta(o), "uid", pin_str(uid));
	pin_obj_set_str(o, meta(o), "creationTimestamp", pin_str(w->time));
	if (pin_obj_get(o, pin_obj_root(o), "spec") != 0)
		pin_obj_set_i64(o, meta(o), "generation", 1);
	put(w, t, o);
	return (201);
}

/* By finalizers; a namespace has some in its spec, too. */
static int
is_held(const struct pin_obj *o)
{
	return (pin_obj_count(o, pin_obj_get(o, meta(o), "finalizers")) > 0 ||
	    pin_obj_count(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "finalizers", NULL)) > 0);
}

/* old becomes new, as the server would have it. */
static int
replace(struct world *w, struct world_table *t, struct cache_entry *e,
    struct pin_obj *old, struct pin_obj *new)
{
	static const char *const kept[] = { "name", "namespace", "uid",
	    "creationTimestamp", "deletionTimestamp", "generation",
	    "resourceVersion" };
	pin_node a, b;
	int64_t generation = 0;
	size_t i;

	for (i = 0; i < PIN_LEN(kept); i++) {
		a = pin_obj_get(old, meta(old), kept[i]);
		if (a != 0)
			pin_obj_set_node(new, meta(new), pin_str(kept[i]), old,
			    a);
		else
			pin_obj_unset(new, meta(new), kept[i]);
	}
	if (pin_obj_equal(old, pin_obj_root(old), new, pin_obj_root(new)))
		return (200);		/* nothing changes: nothing written */
	a = pin_obj_get(old, pin_obj_root(old), "spec");
	b = pin_obj_get(new, pin_obj_root(new), "spec");
	if ((a != 0 || b != 0) && !pin_obj_equal(old, a, new, b)) {
		(void)pin_obj_i64(old, pin_obj_get(old, meta(old),
		    "generation"), &generation);
		pin_obj_set_i64(new, meta(new), "generation", generation + 1);
	}
	if (pin_obj_get(new, meta(new), "deletionTimestamp") != 0 &&
	    !is_held(new))
		drop(w, t, e);
	else
		put(w, t, new);
	return (200);
}

static int
stale(const struct pin_obj *old, const struct pin_obj *new)
{
	struct pin_str v = meta_str(new, "resourceVersion");
	struct pin_str u = meta_str(new, "uid");

	return ((v.len > 0 && !pin_str_eq(v, meta_str(old,
	    "resourceVersion"))) || (u.len > 0 && !pin_str_eq(u,
	    meta_str(old, "uid"))));
}

int
world_update(struct world *w, struct world_table *t, struct pin_str ns,
    struct pin_str name, struct pin_str sub, struct pin_str json)
{
	struct cache_entry *e = find(t, ns, name);
	struct pin_obj *old, *new, *to;
	pin_node n;

	if (e == NULL)
		return (404);
	pin_arena_reset(w->arena);
	old = parse(w, cache_bytes(e));
	new = parse(w, json);
	if (stale(old, new))
		return (409);
	if (pin_str_is(sub, "finalize")) {
		to = pin_obj_copy(w->arena, old);
		pin_obj_set_node(to, pin_obj_root(to), PIN_STR("spec"), new,
		    pin_obj_get(new, pin_obj_root(new), "spec"));
		new = to;
	} else if (sub.len > 0) {	/* status, not spec */
		to = pin_obj_copy(w->arena, old);
		n = pin_obj_get(new, pin_obj_root(new), "status");
		if (n != 0)
			pin_obj_set_node(to, pin_obj_root(to),
			    PIN_STR("status"), new, n);
		n = pin_obj_get(new, meta(new), "annotations");
		if (n != 0)		/* may come with it */
			pin_obj_set_node(to, meta(to),
			    PIN_STR("annotations"), new, n);
		new = to;
	} else {
		n = pin_obj_get(old, pin_obj_root(old), "status");
		if (n != 0)
			pin_obj_set_node(new, pin_obj_root(new),
			    PIN_STR("status"), old, n);
	}
	return (replace(w, t, e, old, new));
}

int
world_patch(struct world *w, struct world_table *t, struct pin_str ns,
    struct pin_str name, struct pin_str media, struct pin_str json)
{
	struct cache_entry *e = find(t, ns, name);
	const struct pin_schema *sc = pin_schema_builtin();
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *old, *new, *patch;
	uint32_t i;
	int rc;

	if (e == NULL)
		return (404);
	pin_arena_reset(w->arena);
	old = parse(w, cache_bytes(e));
	new = pin_obj_copy(w->arena, old);
	patch = parse(w, json);
	if (pin_str_prefix(media, "application/json-patch")) {
		rc = pin_json_patch(new, patch, &err);
	} else if (pin_str_prefix(media, "application/merge")) {
		rc = pin_merge_patch(new, patch, &err);
	} else {
		for (i = 0; i < sc->nresources; i++)
			if (strcmp(pin_schema_str(sc,
			    sc->resources[i].plural), t->resource) == 0 &&
			    strcmp(pin_schema_str(sc,
			    sc->gvs[sc->resources[i].gv].group),
			    t->group) == 0)
				break;
		if (i == sc->nresources)
			return (415);
		rc = pin_strategic_patch(new, patch,
		    pin_bridge_merge(w->bridge), pin_bridge_type(w->bridge,
		    sc->resources[i].type), &err);
	}
	if (rc != PIN_OK)
		return (422);
	if (stale(old, new))
		return (409);
	return (replace(w, t, e, old, new));
}

int
world_delete(struct world *w, struct world_table *t, struct pin_str ns,
    struct pin_str name, struct pin_str options)
{
	struct cache_entry *e = find(t, ns, name);
	struct pin_obj *o, *opt;
	struct pin_str uid, how = PIN_STR_NONE;
	const char *finalizer;
	pin_node n;

	if (e == NULL)
		return (404);
	pin_arena_reset(w->arena);
	o = parse(w, cache_bytes(e));
	if (options.len > 0) {
		opt = parse(w, options);
		uid = pin_obj_str(opt, pin_obj_at(opt, pin_obj_root(opt),
		    "preconditions", "uid", NULL));
		if (uid.len > 0 && !pin_str_eq(uid, meta_str(o, "uid")))
			return (409);
		how = pin_obj_str(opt, pin_obj_get(opt, pin_obj_root(opt),
		    "propagationPolicy"));
	}
	finalizer = pin_str_is(how, "Orphan") ? "orphan" :
	    pin_str_is(how, "Foreground") ? "foregroundDeletion" : NULL;
	if (finalizer != NULL && pin_obj_get(o, meta(o),
	    "deletionTimestamp") == 0) {
		n = pin_obj_get(o, meta(o), "finalizers");
		if (n == 0)
			n = pin_obj_set_new(o, meta(o), "finalizers",
			    PIN_ARRAY);
		pin_obj_add_str(o, n, pin_str(finalizer));
	}
	if (!is_held(o)) {
		drop(w, t, e);
	} else if (pin_obj_get(o, meta(o), "deletionTimestamp") == 0) {
		pin_obj_set_str(o, meta(o), "deletionTimestamp",
		    pin_str(w->time));
		put(w, t, o);
	}
	return (200);
}

static int
delete_all(struct world *w, struct world_table *t, struct pin_str ns,
    struct pin_str options)
{
	struct cache_entry *e, *next;
	char name[256];

	for (e = t->cache.head[0]; e != NULL; e = next) {
		next = cache_next(e);
		if (!pin_str_eq(cache_namespace(e), ns))
			continue;
		snprintf(name, sizeof(name), PIN_SFMT,
		    PIN_SARG(cache_name(e)));
		(void)world_delete(w, t, ns, pin_str(name), options);
	}
	return (200);
}

int
world_write(struct world *w, const struct plan_write *pw)
{
	char group[64], resource[64];
	struct world_table *t;

	snprintf(group, sizeof(group), PIN_SFMT, PIN_SARG(pw->group));
	snprintf(resource, sizeof(resource), PIN_SFMT,
	    PIN_SARG(pw->resource));
	t = world_table(w, group, resource);
	if (pw->subresource.len > 0 && !pin_str_is(pw->subresource,
	    "status") && !pin_str_is(pw->subresource, "finalize"))
		BAIL("world: no subresource " PIN_SFMT,
		    PIN_SARG(pw->subresource));
	switch (pw->verb) {
	case WRITE_CREATE:
		return (world_create(w, t, pw->namespace, pw->name,
		    pw->body));
	case WRITE_UPDATE:
		return (world_update(w, t, pw->namespace, pw->name,
		    pw->subresource, pw->body));
	case WRITE_PATCH:
		return (world_patch(w, t, pw->namespace, pw->name, pw->type,
		    pw->body));
	case WRITE_DELETE_ALL:
		return (delete_all(w, t, pw->namespace, pw->body));
	default:
		return (world_delete(w, t, pw->namespace, pw->name,
		    pw->body));
	}
}

/* /api/v1/..., /apis/GROUP/VERSION/...: [namespaces/NS/]RESOURCE[/NAME] */
int
world_read(struct world *w, struct pin_str path, struct pin_out *o)
{
	char text[512], *part[8] = { NULL }, *p, key[CACHE_KEY_MAX];
	const char *group, *ns = "", *comma = "";
	struct world_table *t;
	struct cache_entry *e;
	int n = 0, at;

	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(path));
	text[strcspn(text, "?")] = '\0';
	for (p = text; *p == '/' && n < 8; p += strcspn(p, "/")) {
		*p++ = '\0';
		part[n++] = p;
	}
	if (n < 3)
		BAIL("world: GET %s", text);
	group = strcmp(part[0], "api") == 0 ? "" : part[1];
	at = *group ? 3 : 2;
	if (strcmp(part[at], "namespaces") == 0 && n > at + 2) {
		ns = part[at + 1];
		at += 2;
	}
	t = world_table(w, group, part[at]);
	if (n > at + 1) {
		e = cache_get(&t->cache, (struct pin_str){ key, cache_key(key,
		    pin_str(ns), pin_str(part[at + 1])) });
		if (e != NULL)
			pin_out_str(o, cache_bytes(e));
		return (e != NULL ? 200 : 404);
	}
	pin_out_cstr(o, "{\"items\":[");
	for (e = t->cache.head[0]; e != NULL; e = cache_next(e))
		if (pin_str_is(cache_namespace(e), ns)) {
			pin_out_cstr(o, comma);
			pin_out_str(o, cache_bytes(e));
			comma = ",";
		}
	pin_out_cstr(o, "]}");
	return (200);
}

/* ---- comparing ------------------------------------------------------ */

void
world_blur(char *s)
{
	static const char set[] = "bcdfghjklmnpqrstvwxz2456789";
	int i;

	for (; (s = strchr(s, '-')) != NULL; s++) {
		for (i = 1; i <= 5; i++)
			if (s[i] == '\0' || strchr(set, s[i]) == NULL)
				break;
		if (i == 6 && (s[6] == '"' || s[6] == '/' || s[6] == '\0' ||
		    s[6] == '\n'))
			memset(s + 1, '*', 5);
	}
}

static int
line_cmp(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* What differs from run to run and says nothing. */
static void
strip(char *s, const char *member)
{
	size_t n = strlen(member);
	int text = member[n - 1] == '"';
	char *end;

	while ((s = strstr(s, member)) != NULL) {
		end = text ? strchr(s + n, '"') : s + n + strspn(s + n,
		    "0123456789");
		if (end == NULL)
			return;
		memmove(s + n, end, strlen(end) + 1);
		s += n;
	}
}

/* Members by their names, as the order says nothing. The objects are the
 * tests' own, so their depth is known. */
static void
write_sorted(const struct pin_obj *o, pin_node n, struct pin_out *out)
{
	uint32_t count = pin_obj_count(o, n), i = 0, k;
	int object = pin_obj_type(o, n) == PIN_OBJECT;
	pin_node *all, c;

	if (!object && pin_obj_type(o, n) != PIN_ARRAY) {
		pin_obj_write(o, n, out);
		return;
	}
	all = pin_xcalloc(count + 1, sizeof(*all));
	for (c = pin_obj_first(o, n); c != 0; c = pin_obj_next(o, c)) {
		for (k = i++; object && k > 0 && pin_str_cmp(pin_obj_key(o,
		    all[k - 1]), pin_obj_key(o, c)) > 0; k--)
			all[k] = all[k - 1];
		all[k] = c;
	}
	pin_out_char(out, object ? '{' : '[');
	for (i = 0; i < count; i++) {
		if (i > 0)
			pin_out_char(out, ',');
		if (object) {
			pin_json_quote(out, pin_obj_key(o, all[i]));
			pin_out_char(out, ':');
		}
		write_sorted(o, all[i], out);
	}
	pin_out_char(out, object ? '}' : ']');
	free(all);
}

/* "RESOURCE OBJECT", heap. */
static char *
dump_line(struct world *w, const char *resource, struct pin_str bytes)
{
	struct pin_out out;
	struct pin_obj *o;
	pin_node n;
	char *line;

	pin_arena_reset(w->arena);
	o = parse(w, bytes);
	/* Which change made it write depends on what was skipped, too. */
	n = pin_obj_get(o, meta(o), "annotations");
	if (pin_obj_unset(o, n, "endpoints.kubernetes.io/"
	    "last-change-trigger-time") && pin_obj_count(o, n) == 0)
		pin_obj_unset(o, meta(o), "annotations");
	pin_out_init(&out, w->arena, WORLD_ARENA);
	pin_out_printf(&out, "%s ", resource);
	write_sorted(o, pin_obj_root(o), &out);
	pin_out_char(&out, '\0');
	line = pin_xstrdup(out.p);
	strip(line, "\"uid\":\"");
	strip(line, "\"resourceVersion\":\"");
	/* How often it was changed depends on what was skipped. */
	strip(line, "\"generation\":");
	strip(line, "\"observedGeneration\":");
	world_blur(line);
	return (line);
}

char *
world_dump(struct world *w)
{
	char **line, *all;
	size_t n = 0, max = 0, len = 1, i;
	struct cache_entry *e;
	uint32_t t;

	for (t = 0; t < w->ntables; t++)
		max += w->table[t].cache.n;
	line = pin_xcalloc(max + 1, sizeof(*line));
	for (t = 0; t < w->ntables; t++)
		for (e = w->table[t].cache.head[0]; e != NULL;
		    e = cache_next(e)) {
			line[n] = dump_line(w, w->table[t].resource,
			    cache_bytes(e));
			len += strlen(line[n++]) + 1;
		}
	qsort(line, n, sizeof(*line), line_cmp);
	all = pin_xcalloc(1, len);
	for (i = 0, len = 0; i < n; i++) {
		memcpy(all + len, line[i], strlen(line[i]));
		len += strlen(line[i]);
		all[len++] = '\n';
		free(line[i]);
	}
	free(line);
	return (all);
}
