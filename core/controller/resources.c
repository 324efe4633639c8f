/* SPDX-License-Identifier: BSD-2-Clause
 *
 * resources.c -- what the server has, and rows "*" that follow it: an informer
 * a resource, shared with whoever looks at it anyway. Discovery is asked at
 * the start, when a CustomResourceDefinition changes, and now and then.
 * Controller loop. Contract: controller_int.h, pintle/controller.h. */
#include "core/controller/controller_int.h"

#include <stdlib.h>
#include <string.h>

#define RESOURCES_MAX		4096
#define RESOURCES_ARENA_MAX	((size_t)64 << 20)
#define RESOURCES_AGAIN_MS	30000	/* for what no definition tells of */
#define RESOURCES_SOON_MS	5	/* so that a burst asks once */
#define RESOURCES_RETRY_MS	500
#define RESOURCES_SYNC_NS	UINT64_C(30000000000)	/* then without */
#define RESOURCES_ACCEPT	"application/json;g=apidiscovery.k8s.io;v=v2;" \
				"as=APIGroupDiscoveryList"

struct resources {
	struct manager	*m;
	struct client_call call;
	struct pin_timer timer;
	struct informer_user defs;	/* CustomResourceDefinitions */
	struct pin_arena *arena, *next_arena;
	struct pin_resource *row, *next_row;
	uint32_t	 n, next_n;
	uint32_t	 known, stale;
	uint32_t	 apis;		/* the second question is under way */
	uint32_t	 asked;
};

static void	resources_ask(struct resources *);

/* ---- the answer ----------------------------------------------------- */

static uint32_t
verbs_of(const struct pin_obj *o, pin_node list)
{
	static const struct { const char *name; uint32_t bit; } verbs[] = {
		{ "create", PIN_CAN_CREATE },
		{ "delete", PIN_CAN_DELETE },
		{ "deletecollection", PIN_CAN_DELETE_ALL },
		{ "get", PIN_CAN_GET }, { "list", PIN_CAN_LIST },
		{ "patch", PIN_CAN_PATCH }, { "update", PIN_CAN_UPDATE },
		{ "watch", PIN_CAN_WATCH },
	};
	uint32_t bits = 0;
	pin_node n;
	size_t i;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		for (i = 0; i < PIN_LEN(verbs); i++)
			if (pin_str_is(pin_obj_str(o, n), verbs[i].name))
				bits |= verbs[i].bit;
	return (bits);
}

static const char *
keep(struct resources *rs, struct pin_str s)
{
	struct pin_str k = pin_arena_str(rs->next_arena, s);

	return (k.p != NULL ? k.p : "");
}

/* A later version of a group brings only what the ones before it lack. */
static int
is_known(const struct resources *rs, struct pin_str group,
    struct pin_str resource)
{
	uint32_t i;

	for (i = rs->next_n; i-- > 0;) {
		if (!pin_str_is(group, rs->next_row[i].group))
			return (0);	/* groups come one after another */
		if (pin_str_is(resource, rs->next_row[i].resource))
			return (1);
	}
	return (0);
}

static void
take_version(struct resources *rs, const struct pin_obj *o,
    struct pin_str group, pin_node version)
{
	struct pin_resource *r;
	struct pin_str name;
	pin_node n;

	n = pin_obj_get(o, version, "resources");
	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n)) {
		name = pin_obj_str(o, pin_obj_get(o, n, "resource"));
		if (rs->next_n == RESOURCES_MAX || name.len == 0 ||
		    is_known(rs, group, name))
			continue;
		r = &rs->next_row[rs->next_n++];
		r->size = sizeof(*r);
		r->group = keep(rs, group);
		r->version = keep(rs, pin_obj_str(o, pin_obj_get(o, version,
		    "version")));
		r->resource = keep(rs, name);
		r->kind = keep(rs, pin_obj_str(o, pin_obj_at(o, n,
		    "responseKind", "kind", NULL)));
		r->namespaced = (uint32_t)pin_str_is(pin_obj_str(o,
		    pin_obj_get(o, n, "scope")), "Namespaced");
		r->verbs = verbs_of(o, pin_obj_get(o, n, "verbs"));
	}
}

/* 0: that was no discovery document. */
static int
take_answer(struct resources *rs, const struct client_answer *a)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	pin_node root, g, v;
	struct pin_str group;
	int good;

	if (a->buf == NULL || pin_obj_parse(NULL, (const char *)a->buf->data +
	    a->off, a->len, &o, &err) != PIN_OK)
		return (0);
	root = pin_obj_root(o);
	good = pin_str_is(pin_obj_str(o, pin_obj_get(o, root, "kind")),
	    "APIGroupDiscoveryList");
	g = pin_obj_get(o, root, "items");
	for (g = pin_obj_first(o, g); good && g != 0; g = pin_obj_next(o, g)) {
		group = pin_obj_str(o, pin_obj_at(o, g, "metadata", "name",
		    NULL));
		v = pin_obj_first(o, pin_obj_get(o, g, "versions"));
		for (; v != 0; v = pin_obj_next(o, v))
			take_version(rs, o, group, v);
	}
	pin_obj_free(&o);
	return (good);
}

/* ---- rows ----------------------------------------------------------- */

/* Events own nothing, nobody owns them, and there are many. */
static int
is_followed(const struct pin_resource *r)
{
	const uint32_t need = PIN_CAN_LIST | PIN_CAN_WATCH |
	    PIN_CAN_DELETE;

	return ((r->verbs & need) == need &&
	    strcmp(r->resource, "events") != 0);
}

static void
row_follow_one(struct resources *rs, struct controller_row *row,
    const struct pin_resource *r)
{
	struct controller_any *a;

	for (a = row->any; a != NULL; a = a->next)
		if (strcmp(a->resource, r->resource) == 0 &&
		    strcmp(a->group, r->group) == 0 &&
		    strcmp(a->version, r->version) == 0) {
			a->seen = 1;
			return;
		}
	a = pin_xcalloc(1, sizeof(*a));
	a->group = pin_xstrdup(r->group);
	a->version = pin_xstrdup(r->version);
	a->resource = pin_xstrdup(r->resource);
	a->seen = 1;
	a->row = row;
	a->user = (struct informer_user){ .event = row_event, .arg = row };
	a->next = row->any;
	row->any = a;
	informer_open_meta(rs->m->informers, a->group, a->version,
	    a->resource, &a->user);
}

static void
any_free(struct controller_any *a)
{
	informer_close(&a->user);
	free((void *)(uintptr_t)a->group);
	free((void *)(uintptr_t)a->version);
	free((void *)(uintptr_t)a->resource);
	free(a);
}

static void
row_follow(struct resources *rs, struct controller_row *row)
{
	struct controller_any **at, *a;
	uint32_t i;

	for (a = row->any; a != NULL; a = a->next)
		a->seen = 0;
	for (i = 0; i < rs->n; i++)
		if (is_followed(&rs->row[i]))
			row_follow_one(rs, row, &rs->row[i]);
	for (at = &row->any; (a = *at) != NULL;) {
		if (a->seen) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		any_free(a);
	}
}

void
resources_row(struct resources *rs, struct controller_row *row)
{
	row->wild = 1;
	row->give_up_ns = pin_host_now(rs->m->host) + RESOURCES_SYNC_NS;
	if (rs->known)
		row_follow(rs, row);
}

void
resources_row_close(struct controller_row *row)
{
	struct controller_any *a;

	while ((a = row->any) != NULL) {
		row->any = a->next;
		any_free(a);
	}
}

static void
row_look(struct resources *rs, struct controller_row *row)
{
	struct controller_any *a;

	if (row->synced || !rs->known)
		return;
	for (a = row->any; a != NULL; a = a->next)
		if (!informer_synced(a->user.informer))
			break;
	if (a == NULL) {
		row_is_synced(row);
	} else if (pin_host_now(rs->m->host) > row->give_up_ns) {
		pin_log(rs->m->host, PIN_LOG_WARN, "%s: goes on without %s",
		    row->c->name, a->resource);
		row_is_synced(row);
	}
}

void
resources_look(struct resources *rs)
{
	struct controller *c;
	uint32_t i;

	for (c = rs->m->first; c != NULL; c = c->next)
		for (i = 0; i < c->nrows; i++)
			if (c->row[i].wild)
				row_look(rs, &c->row[i]);
}

static const struct cache *
any_cache(void *arg, const struct pin_target *t)
{
	const struct resources *rs = arg;
	const struct informer *inf = informer_find(rs->m->informers, t->group,
	    t->version, t->resource);

	return (inf != NULL ? informer_cache(inf) : NULL);
}

void
resources_fill(const struct resources *rs, struct pin_reconcile *r)
{
	r->resource = rs->known && !rs->stale ? rs->row : NULL;
	r->nresources = r->resource != NULL ? rs->n : 0;
	r->any = any_cache;
	r->any_arg = (void *)(uintptr_t)rs;
}

/* ---- asking --------------------------------------------------------- */

static void
on_definition(struct informer_user *u, const struct informer_event *ev)
{
	struct resources *rs = u->arg;

	(void)ev;
	rs->stale = 1;
	rs->asked = 0;			/* what is under way is too old */
	pin_timer_start(&rs->timer, RESOURCES_SOON_MS);
}

static void
take_over(struct resources *rs)
{
	struct controller *c;
	uint32_t i;

	pin_arena_free(&rs->arena);
	rs->arena = rs->next_arena;
	rs->row = rs->next_row;
	rs->n = rs->next_n;
	rs->next_arena = NULL;
	rs->known = 1;
	rs->stale = !rs->asked;
	for (i = 0; i < rs->n && rs->defs.informer == NULL; i++)
		if (strcmp(rs->row[i].resource, "customresourcedefinitions") ==
		    0 && is_followed(&rs->row[i]))
			informer_open_meta(rs->m->informers, rs->row[i].group,
			    rs->row[i].version, rs->row[i].resource,
			    &rs->defs);
	for (c = rs->m->first; c != NULL; c = c->next)
		for (i = 0; i < c->nrows; i++)
			if (c->row[i].wild)
				row_follow(rs, &c->row[i]);
	manager_kick(rs->m);
}

static void
resources_done(struct client_call *call, const struct client_answer *a)
{
	struct resources *rs = call->arg;

	if (a->rc == PIN_ECANCELED)
		return;
	if (a->rc != PIN_OK || a->status != 200 || !take_answer(rs, a)) {
		pin_log(rs->m->host, PIN_LOG_WARN, "controllers: discovery: "
		    "%s, status %d", pin_err_text(a->rc), (int)a->status);
		pin_arena_free(&rs->next_arena);
		pin_timer_start(&rs->timer, RESOURCES_RETRY_MS);
		return;
	}
	if (!rs->apis) {
		rs->apis = 1;
		resources_ask(rs);
		return;
	}
	take_over(rs);
	pin_timer_start(&rs->timer, rs->stale ? RESOURCES_SOON_MS :
	    RESOURCES_AGAIN_MS);
}

static void
resources_ask(struct resources *rs)
{
	rs->call = (struct client_call){ .method = PIN_STR("GET"),
	    .target = rs->apis ? PIN_STR("/apis") : PIN_STR("/api"),
	    .accept = PIN_STR(RESOURCES_ACCEPT),
	    .timeout_ms = WRITE_TIMEOUT_MS, .done = resources_done,
	    .arg = rs };
	client_start(rs->m->client, &rs->call);
}

static void
resources_begin(struct pin_timer *t)
{
	struct resources *rs = (struct resources *)(void *)((char *)t -
	    offsetof(struct resources, timer));

	if (client_active(&rs->call))
		return;			/* its end starts the timer */
	rs->next_arena = pin_arena_new(RESOURCES_ARENA_MAX);
	PIN_ASSERT(rs->next_arena != NULL);
	rs->next_row = pin_arena_zalloc(rs->next_arena, RESOURCES_MAX *
	    sizeof(*rs->next_row));
	PIN_ASSERT(rs->next_row != NULL);
	rs->next_n = 0;
	rs->apis = 0;
	rs->asked = 1;
	resources_ask(rs);
}

struct resources *
resources_new(struct manager *m)
{
	struct resources *rs = pin_xcalloc(1, sizeof(*rs));

	rs->m = m;
	rs->defs = (struct informer_user){ .event = on_definition,
	    .arg = rs };
	pin_timer_init(&rs->timer, client_loop(m->client), resources_begin);
	pin_timer_start(&rs->timer, 0);
	return (rs);
}

void
resources_free(PIN_OWN struct resources **rp)
{
	struct resources *rs = *rp;

	*rp = NULL;
	if (rs == NULL)
		return;
	client_cancel(&rs->call);
	pin_timer_stop(&rs->timer);
	if (rs->defs.informer != NULL)
		informer_close(&rs->defs);
	pin_arena_free(&rs->arena);
	pin_arena_free(&rs->next_arena);
	free(rs);
}
