/* SPDX-License-Identifier: BSD-2-Clause
 *
 * graph.c -- who owns whom, by uid, as the events tell it.
 * Knows nothing of servers. Contract: gc.h. */
#include "gc.h"

#include <stdlib.h>
#include <string.h>

#include <pintle/host.h>

#define SLOTS_FIRST	256

static uint64_t
hash(struct pin_str s)
{
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return (h ^ h >> 31);
}

static struct node **
node_at(const struct gc *g, struct pin_str uid)
{
	struct node **at = &g->nodes[hash(uid) & (g->node_slots - 1)];

	while (*at != NULL && !pin_str_eq(node_uid(*at), uid))
		at = &(*at)->hash_next;
	return (at);
}

static struct owner **
owner_at(const struct gc *g, struct pin_str uid)
{
	struct owner **at = &g->owners[hash(uid) & (g->owner_slots - 1)];

	while (*at != NULL && !pin_str_eq((struct pin_str){ (*at)->uid,
	    (*at)->len }, uid))
		at = &(*at)->hash_next;
	return (at);
}

struct node *
graph_node(const struct gc *g, struct pin_str uid)
{
	return (*node_at(g, uid));
}

struct owner *
graph_owner(const struct gc *g, struct pin_str uid)
{
	return (*owner_at(g, uid));
}

static void
nodes_grow(struct gc *g)
{
	uint32_t n = g->node_slots * 2, i;
	struct node **to = pin_xcalloc(n, sizeof(*to)), *x, *next;

	for (i = 0; i < g->node_slots; i++)
		for (x = g->nodes[i]; x != NULL; x = next) {
			next = x->hash_next;
			x->hash_next = to[hash(node_uid(x)) & (n - 1)];
			to[hash(node_uid(x)) & (n - 1)] = x;
		}
	free(g->nodes);
	g->nodes = to;
	g->node_slots = n;
}

static void
owners_grow(struct gc *g)
{
	uint32_t n = g->owner_slots * 2, i, h;
	struct owner **to = pin_xcalloc(n, sizeof(*to)), *x, *next;

	for (i = 0; i < g->owner_slots; i++)
		for (x = g->owners[i]; x != NULL; x = next) {
			next = x->hash_next;
			h = (uint32_t)hash((struct pin_str){ x->uid,
			    x->len }) & (n - 1);
			x->hash_next = to[h];
			to[h] = x;
		}
	free(g->owners);
	g->owners = to;
	g->owner_slots = n;
}

/* ---- edges ---------------------------------------------------------- */

static void
edge_add(struct gc *g, struct node *n, struct pin_str uid, int blocking)
{
	struct owner **at = owner_at(g, uid), *o = *at;
	struct edge *e = pin_xcalloc(1, sizeof(*e));

	if (o == NULL) {
		o = pin_xcalloc(1, sizeof(*o) + uid.len);
		o->len = (uint32_t)uid.len;
		memcpy(o->uid, uid.p, uid.len);
		*at = o;
		if (++g->nowners > g->owner_slots)
			owners_grow(g);
	}
	e->node = n;
	e->owner = o;
	e->blocking = (uint32_t)blocking;
	e->next = n->edges;
	n->edges = e;
	e->peer_next = o->edges;
	e->peer_at = &o->edges;
	if (o->edges != NULL)
		o->edges->peer_at = &e->peer_next;
	o->edges = e;
}

static void
edges_drop(struct gc *g, struct node *n)
{
	struct owner **at, *o;
	struct edge *e;

	while ((e = n->edges) != NULL) {
		n->edges = e->next;
		*e->peer_at = e->peer_next;
		if (e->peer_next != NULL)
			e->peer_next->peer_at = e->peer_at;
		o = e->owner;
		if (o->edges == NULL) {		/* nobody names it any more */
			at = owner_at(g, (struct pin_str){ o->uid, o->len });
			*at = o->hash_next;
			g->nowners--;
			free(o);
		}
		free(e);
	}
}

/* ---- nodes ---------------------------------------------------------- */

int
has_finalizer(const struct pin_obj *o, const char *name)
{
	pin_node n = pin_obj_at(o, pin_obj_root(o), "metadata", "finalizers",
	    NULL);

	for (n = pin_obj_first(o, n); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, n), name))
			return (1);
	return (0);
}

static pin_node
references(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "ownerReferences",
	    NULL));
}

static uint32_t
kind_of(struct gc *g, const struct pin_obj *o)
{
	pin_node root = pin_obj_root(o);
	struct pin_str v = pin_obj_str(o, pin_obj_get(o, root, "apiVersion")),
	    k = pin_obj_str(o, pin_obj_get(o, root, "kind"));
	uint32_t i;

	for (i = 0; i < g->nkinds; i++)
		if (pin_str_is(v, g->kinds[i].api_version) && pin_str_is(k,
		    g->kinds[i].kind))
			return (i);
	if (g->nkinds == g->kinds_room) {
		g->kinds_room = g->kinds_room > 0 ? g->kinds_room * 2 : 32;
		g->kinds = pin_xrealloc(g->kinds, g->kinds_room *
		    sizeof(*g->kinds));
	}
	g->kinds[g->nkinds] = (struct kind){
	    .api_version = pin_xstrndup(v.len > 0 ? v.p : "", v.len),
	    .kind = pin_xstrndup(k.len > 0 ? k.p : "", k.len) };
	return (g->nkinds++);
}

static int
same_edges(const struct node *n, const struct pin_obj *o)
{
	const struct edge *e;
	uint32_t have = 0;
	pin_node r;

	for (e = n->edges; e != NULL; e = e->next)
		have++;
	if (pin_obj_count(o, references(o)) != have)
		return (0);
	r = pin_obj_first(o, references(o));
	for (; r != 0; r = pin_obj_next(o, r)) {
		for (e = n->edges; e != NULL; e = e->next)
			if (pin_str_eq(pin_obj_str(o, pin_obj_get(o, r,
			    "uid")), (struct pin_str){ e->owner->uid,
			    e->owner->len }) && (uint32_t)pin_obj_true(o,
			    pin_obj_get(o, r, "blockOwnerDeletion")) ==
			    e->blocking)
				break;
		if (e == NULL)
			return (0);
	}
	return (1);
}

static struct node *
node_new(struct gc *g, const struct pin_obj *o)
{
	struct pin_str uid = meta_get(o, "uid"), ns = meta_get(o,
	    "namespace"), name = meta_get(o, "name");
	struct node **at, *n;

	n = pin_xcalloc(1, sizeof(*n) + uid.len + ns.len + name.len);
	n->uid_len = (uint32_t)uid.len;
	n->ns_len = (uint32_t)ns.len;
	n->name_len = (uint32_t)name.len;
	memcpy(n->text, uid.p, uid.len);
	if (ns.len > 0)
		memcpy(n->text + uid.len, ns.p, ns.len);
	memcpy(n->text + uid.len + ns.len, name.p, name.len);
	n->kind = kind_of(g, o);
	at = node_at(g, uid);
	*at = n;
	if (++g->nnodes > g->node_slots)
		nodes_grow(g);
	return (n);
}

struct node *
graph_put(struct gc *g, const struct pin_obj *o, int *changed)
{
	struct pin_str uid = meta_get(o, "uid");
	int waits = meta_deleted(o) && (has_finalizer(o, ORPHAN) ||
	    has_finalizer(o, FOREGROUND));
	struct node *n = graph_node(g, uid);
	pin_node r;

	*changed = 0;
	if (!waits && pin_obj_count(o, references(o)) == 0) {
		*changed = n != NULL;
		graph_remove(g, uid);
		return (NULL);
	}
	if (n == NULL) {
		n = node_new(g, o);
		*changed = 1;
	}
	n->waiting = (uint32_t)(meta_deleted(o) && has_finalizer(o,
	    FOREGROUND));
	if (same_edges(n, o))
		return (n);
	*changed = 1;
	edges_drop(g, n);
	r = pin_obj_first(o, references(o));
	for (; r != 0; r = pin_obj_next(o, r)) {
		uid = pin_obj_str(o, pin_obj_get(o, r, "uid"));
		if (uid.len > 0)
			edge_add(g, n, uid, pin_obj_true(o, pin_obj_get(o, r,
			    "blockOwnerDeletion")));
	}
	return (n);
}

void
graph_remove(struct gc *g, struct pin_str uid)
{
	struct node **at = node_at(g, uid), *n = *at;

	if (n == NULL)
		return;
	*at = n->hash_next;
	g->nnodes--;
	edges_drop(g, n);
	free(n);
}

void
graph_init(struct gc *g)
{
	g->node_slots = g->owner_slots = SLOTS_FIRST;
	g->nodes = pin_xcalloc(SLOTS_FIRST, sizeof(struct node *));
	g->owners = pin_xcalloc(SLOTS_FIRST, sizeof(struct owner *));
}

void
graph_fini(struct gc *g)
{
	uint32_t i;

	for (i = 0; i < g->node_slots; i++)
		while (g->nodes[i] != NULL)
			graph_remove(g, node_uid(g->nodes[i]));
	for (i = 0; i < g->nkinds; i++) {
		free(g->kinds[i].api_version);
		free(g->kinds[i].kind);
	}
	free(g->kinds);
	free(g->nodes);
	free(g->owners);
}
