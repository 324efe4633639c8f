/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ring.c -- see ring.h.
 * Contract: ring.h. */
#include "core/watch/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/apiserver.h"

static _Atomic(uint64_t) event_ids;

const char *const event_names[EVENT__COUNT] = { "ADDED", "MODIFIED",
    "DELETED" };

struct ring_event *
ring_event_new(const struct apiserver *srv, const struct pin_event *ev)
{
	const struct pin_res_row *res;
	struct pin_str ns, name;
	struct ring_event *e;

	res = key_resource(srv, ev->key, &ns, &name);
	if (res == NULL || (ev->value == NULL && ev->before == NULL))
		return (NULL);
	e = pin_xcalloc(1, sizeof(*e) + ev->key.len);
	memcpy(e->key, ev->key.p, ev->key.len);
	e->key_len = (uint32_t)ev->key.len;
	atomic_init(&e->refs, 1);
	e->id = atomic_fetch_add(&event_ids, 1) + 1;
	e->type = ev->value == NULL ? EVENT_DELETED :
	    ev->create_rev == ev->revision ? EVENT_ADDED : EVENT_MODIFIED;
	e->revision = ev->revision;
	e->res = res;
	if (ns.len > 0)
		e->namespace = (struct pin_str){ e->key + (ns.p - ev->key.p),
		    ns.len };
	e->name = (struct pin_str){ e->key + (name.p - ev->key.p), name.len };
	if (ev->value != NULL)
		e->value = pin_buf_get(ev->value);
	if (ev->before != NULL)
		e->before = pin_buf_get(ev->before);
	return (e);
}

struct ring_event *
ring_event_get(struct ring_event *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return (e);
}

void
ring_event_put(struct ring_event *e)
{
	if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
		return;
	pin_buf_put(&e->value);
	pin_buf_put(&e->before);
	free(e);
}

struct pin_buf *
ring_event_object(const struct ring_event *e, uint32_t type)
{
	return (type == EVENT_DELETED && e->before != NULL ? e->before :
	    e->value);
}

struct pin_buf *
ring_event_line(const struct ring_event *e, uint32_t type)
{
	struct pin_buf *line;
	struct pin_out o;

	pin_out_init(&o, NULL, SIZE_MAX);
	pin_out_printf(&o, "{\"type\":\"%s\",\"object\":", event_names[type]);
	splice_write(&o, ring_event_object(e, type), e->revision, 0);
	pin_out_cstr(&o, "}\n");
	line = o.failed == PIN_OK ? pin_buf_copy(o.p, o.len) : NULL;
	pin_out_fini(&o);
	return (line);
}

/* ---- the ring ------------------------------------------------------- */

void
ring_init(struct ring *g, uint32_t size, uint64_t bytes_max, uint64_t revision)
{
	PIN_ASSERT(size > 0 && (size & (size - 1)) == 0);
	memset(g, 0, sizeof(*g));
	g->slot = pin_xcalloc(size, sizeof(struct ring_event *));
	g->size = size;
	g->bytes_max = bytes_max;
	g->floor = revision;
}

static uint64_t
event_bytes(const struct ring_event *e)
{
	return (sizeof(*e) + e->key_len + (e->value != NULL ? e->value->len :
	    0) + (e->before != NULL ? e->before->len : 0));
}

/* Drops the oldest revision, whole. */
static void
ring_evict(struct ring *g)
{
	struct ring_event *e = ring_at(g, g->tail);
	uint64_t revision = e->revision;

	while (g->tail < g->head) {
		e = ring_at(g, g->tail);
		if (e->revision != revision)
			break;
		g->bytes -= event_bytes(e);
		g->tail++;
		ring_event_put(e);
	}
	g->floor = revision;
}

void
ring_fini(struct ring *g)
{
	while (g->tail < g->head)
		ring_evict(g);
	free(g->slot);
	g->slot = NULL;
}

void
ring_push(struct ring *g, PIN_OWN struct ring_event *e)
{
	while (g->head - g->tail == g->size ||
	    (g->bytes > g->bytes_max && g->tail < g->head))
		ring_evict(g);
	g->slot[g->head & (g->size - 1)] = e;
	g->head++;
	g->bytes += event_bytes(e);
}

uint64_t
ring_find(const struct ring *g, uint64_t revision)
{
	uint64_t lo = g->tail, hi = g->head, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (ring_at(g, mid)->revision > revision)
			hi = mid;
		else
			lo = mid + 1;
	}
	return (lo);
}
