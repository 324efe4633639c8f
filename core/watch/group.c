/* SPDX-License-Identifier: BSD-2-Clause
 *
 * group.c -- watchers that ask for the same thing, and what an event is to
 * them: selectors are evaluated and bytes are made once a group.
 * Front loop. Contract: W7: an object that leaves the selection is DELETED,
 * in its last matching state, at the new revision. */
#include "core/watch/watch.h"

#include <string.h>

#include "core/apiserver/render.h"

#define GROUP_ARENA	(4u << 20)

uint32_t
group_bucket(const struct pin_res_row *stored)
{
	return (stored->plural / 4 % WATCH_BUCKETS);
}

static struct pin_str
group_key(struct request *r)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, 1u << 20);
	pin_out_printf(&o, "%u/%u.%u.%u.%u/",
	    (unsigned)(r->res - r->srv->schema->resources), r->out.form,
	    r->out.yaml, r->out.beta, r->out.include);
	pin_out_str(&o, r->info.namespace);
	/* Label keys hold slashes: two requests must not read the same. */
	pin_out_printf(&o, "/%zu/", r->opt.label_selector.len);
	pin_out_str(&o, r->opt.label_selector);
	pin_out_str(&o, r->opt.field_selector);
	return ((struct pin_str){ o.p, o.len });
}

static struct group *
group_new(struct request *r, struct pin_str key)
{
	struct pin_arena *arena = pin_arena_new(GROUP_ARENA), *own = r->arena;
	struct request_options opt = r->opt;
	struct group *g;
	int rc;

	if (arena == NULL)
		return (NULL);
	g = pin_arena_zalloc(arena, sizeof(*g));
	if (g == NULL) {
		pin_arena_free(&arena);
		return (NULL);
	}
	g->arena = arena;
	g->res = r->res;
	g->out = r->out;
	g->key = pin_arena_str(arena, key);
	g->namespace = pin_arena_str(arena, r->info.namespace);
	/* The filter must outlive the request that made it. */
	r->opt.label_selector = pin_arena_str(arena, opt.label_selector);
	r->opt.field_selector = pin_arena_str(arena, opt.field_selector);
	r->arena = arena;
	rc = filter_open(&g->filter, r);
	r->arena = own;
	r->opt = opt;
	if (rc != PIN_OK || pin_arena_full(arena)) {
		pin_arena_free(&arena);
		return (NULL);
	}
	g->name = g->filter.name;
	return (g);
}

struct group *
group_open(struct watch_front *wf, struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	uint32_t b = group_bucket(&sc->resources[r->res->store]);
	struct pin_str key = group_key(r);
	struct group *g;

	if (key.p == NULL) {
		pin_err_set(&r->err, PIN_ENOMEM, "out of memory");
		return (NULL);
	}
	for (g = wf->bucket[b]; g != NULL; g = g->next)
		if (pin_str_eq(g->key, key))
			break;
	if (g == NULL) {
		g = group_new(r, key);
		if (g == NULL)
			return (NULL);
		g->next = wf->bucket[b];
		wf->bucket[b] = g;
	}
	g->nusers++;
	return (g);
}

void
group_leave(struct watch_front *wf, struct group **gp)
{
	struct group *g = *gp, **at;
	const struct pin_schema *sc = wf->front->srv->schema;
	struct pin_arena *arena = g->arena;

	*gp = NULL;
	if (--g->nusers > 0)
		return;
	at = &wf->bucket[group_bucket(&sc->resources[g->res->store])];
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	pin_buf_put(&g->line);
	pin_arena_free(&arena);
}

static int
selected(struct watch_front *wf, struct group *g, struct request *any,
    struct ring_event *e, struct pin_buf *bytes)
{
	struct pin_str key = { e->key, e->key_len };
	int rc;

	if (bytes == NULL)
		return (0);
	if (!g->filter.selects)
		return (1);
	pin_arena_reset(wf->scratch);
	return (filter_match(&g->filter, any, key, bytes, wf->scratch, &rc));
}

int
group_type(struct watch_front *wf, struct group *g, struct request *any,
    struct ring_event *e)
{
	int now, was;

	if (g->event == e->id)
		return (g->type);
	g->event = 0;
	if (e->res != &any->srv->schema->resources[g->res->store] ||
	    (g->namespace.len > 0 && !pin_str_eq(g->namespace, e->namespace)) ||
	    (g->name.len > 0 && !pin_str_eq(g->name, e->name)))
		return (-1);
	pin_buf_put(&g->line);
	now = selected(wf, g, any, e, e->value);
	was = g->filter.selects ? selected(wf, g, any, e, e->before) :
	    e->before != NULL;
	g->type = now ? was ? EVENT_MODIFIED : EVENT_ADDED :
	    was ? EVENT_DELETED : -1;
	if (g->type == EVENT_MODIFIED && e->type == EVENT_ADDED)
		g->type = EVENT_ADDED;
	g->event = e->id;
	return (g->type);
}

/* What plain watchers of all groups get, made once a front and event. It is
 * not kept with the event: the ring would hold every object twice. */
static struct pin_buf *
front_line(struct watch_front *wf, struct ring_event *e, int type)
{
	int i;

	if (wf->lines_of != e->id)
		for (i = 0; i < EVENT__COUNT; i++)
			pin_buf_put(&wf->lines[i]);
	wf->lines_of = e->id;
	if (wf->lines[type] == NULL)
		wf->lines[type] = ring_event_line(e, (uint32_t)type);
	return (wf->lines[type]);
}

struct pin_buf *
group_line(struct watch_front *wf, struct group *g, struct request *any,
    struct ring_event *e, int type)
{
	struct pin_arena *own = any->arena;
	struct pin_out o;

	if (render_is_plain(any))
		return (front_line(wf, e, type));
	if (g->line != NULL && g->event == e->id)
		return (g->line);
	pin_arena_reset(wf->scratch);
	pin_out_init(&o, wf->scratch, RENDER_MAX);
	any->arena = wf->scratch;
	if (render_event(any, event_names[type],
	    ring_event_object(e, (uint32_t)type), e->revision, 0, &o) ==
	    PIN_OK && o.failed == PIN_OK) {
		pin_buf_put(&g->line);
		g->line = pin_buf_copy(o.p, o.len);
	}
	any->arena = own;
	return (g->line);
}
