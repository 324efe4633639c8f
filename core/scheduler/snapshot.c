/* SPDX-License-Identifier: BSD-2-Clause
 *
 * snapshot.c -- nodes as columns, and which pods are on them. Nodes that are
 * there have slots 0..n-1; the last one moves into a hole. A node that only
 * pods name is remembered without a slot, so that the order in which nodes
 * and pods are heard of does not matter.
 * Pure. Contract: pintle/scheduler.h. */
#include "core/scheduler/sched_int.h"

#include <stdlib.h>
#include <string.h>

#define SNAP_MAGIC	0x736e6170u
#define TEXT_MAX	((size_t)8 << 20)

uint64_t
sched_hash(uint64_t h, struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
	return ((h ^ 0xff) * UINT64_C(0x100000001b3));
}

void
snap_init(struct pin_snapshot *s)
{
	*s = (struct pin_snapshot){ .magic = SNAP_MAGIC, .nslots = 64 };
	s->hash = pin_xcalloc(s->nslots, sizeof(struct snode *));
	s->empty = pin_obj_new(NULL);
	PIN_ASSERT(s->empty != NULL);
}

static void
node_free(struct snode *n)
{
	pin_obj_free(&n->brief);
	pin_obj_free(&n->whole);
	pin_buf_put(&n->buf);
	free(n->used.ext);
	free(n->alloc.ext);
	free(n);
}

void
snap_fini(struct pin_snapshot *s)
{
	struct snode *n;
	uint32_t i;

	for (i = 0; i < s->nslots; i++)
		while ((n = s->hash[i]) != NULL) {
			s->hash[i] = n->hash_next;
			node_free(n);
		}
	for (i = 0; i < PIN_COL__COUNT; i++)
		free(s->col[i]);
	free(s->at);
	free(s->hash);
	names_fini(&s->names);
	pin_obj_free(&s->empty);
	s->magic = 0;
}

/* ---- by name ----------------------------------------------------------- */

struct snode *
snap_find(const struct pin_snapshot *s, struct pin_str name, uint64_t hash)
{
	struct snode *n;

	for (n = s->hash[hash % s->nslots]; n != NULL; n = n->hash_next)
		if (n->hash == hash && n->name_len == name.len &&
		    memcmp(n->name, name.p, name.len) == 0)
			return (n);
	return (NULL);
}

static void
grow(struct pin_snapshot *s)
{
	uint32_t i, nslots = s->nslots * 2;
	struct snode **hash = pin_xcalloc(nslots, sizeof(*hash)), *n;

	for (i = 0; i < s->nslots; i++)
		while ((n = s->hash[i]) != NULL) {
			s->hash[i] = n->hash_next;
			n->hash_next = hash[n->hash % nslots];
			hash[n->hash % nslots] = n;
		}
	free(s->hash);
	s->hash = hash;
	s->nslots = nslots;
}

struct snode *
snap_node_get(struct pin_snapshot *s, struct pin_str name)
{
	uint64_t h = sched_hash(SCHED_HASH, name);
	struct snode *n = snap_find(s, name, h);

	if (n != NULL)
		return (n);
	if (s->nnodes >= s->nslots)
		grow(s);
	n = pin_xcalloc(1, sizeof(*n) + name.len + 1);
	n->hash = h;
	n->slot = NO_SLOT;
	n->name_len = (uint32_t)name.len;
	n->min_priority = INT32_MAX;
	memcpy(n->name, name.p, name.len);
	n->hash_next = s->hash[h % s->nslots];
	s->hash[h % s->nslots] = n;
	s->nnodes++;
	return (n);
}

/* Neither there nor named by a pod: forgotten. */
static void
node_settle(struct pin_snapshot *s, struct snode *n)
{
	struct snode **at = &s->hash[n->hash % s->nslots];

	if (n->slot != NO_SLOT || n->npods > 0)
		return;
	while (*at != n)
		at = &(*at)->hash_next;
	*at = n->hash_next;
	s->nnodes--;
	node_free(n);
}

/* ---- columns ----------------------------------------------------------- */

static void
columns_grow(struct pin_snapshot *s)
{
	uint32_t i;

	s->room = s->room == 0 ? 64 : s->room * 2;
	s->at = pin_xrealloc(s->at, s->room * sizeof(struct snode *));
	for (i = 0; i < PIN_COL__COUNT; i++)
		s->col[i] = pin_xrealloc(s->col[i], s->room *
		    sizeof(int64_t));
}

static void
columns_used(struct pin_snapshot *s, const struct snode *n)
{
	uint32_t i = n->slot;

	if (i == NO_SLOT)
		return;
	s->col[PIN_COL_USED_CPU][i] = n->used.cpu;
	s->col[PIN_COL_USED_MEMORY][i] = n->used.memory;
	s->col[PIN_COL_USED_STORAGE][i] = n->used.storage;
	s->col[PIN_COL_USED_PODS][i] = n->npods;
	s->col[PIN_COL_NONZERO_CPU][i] = n->used.nonzero_cpu;
	s->col[PIN_COL_NONZERO_MEMORY][i] = n->used.nonzero_memory;
	s->col[PIN_COL_PODS_PORTS][i] = n->nports;
	s->col[PIN_COL_PODS_ANTI][i] = n->nanti;
	s->col[PIN_COL_PODS_AFFINITY][i] = n->nterms;
}

/* ---- nodes that come, change and go ------------------------------------ */

static struct pin_obj *
brief_of(const struct pin_obj *o)
{
	struct pin_obj *b = pin_obj_new(NULL);
	pin_node meta, from = pin_obj_get(o, pin_obj_root(o), "metadata"),
	    root;

	PIN_ASSERT(b != NULL);
	root = pin_obj_root(b);
	meta = pin_obj_set_new(b, root, "metadata", PIN_OBJECT);
	pin_obj_set_str(b, meta, "name", pin_obj_str(o, pin_obj_get(o, from,
	    "name")));
	if (pin_obj_get(o, from, "labels") != 0)
		pin_obj_set_node(b, meta, PIN_STR("labels"), o, pin_obj_get(o,
		    from, "labels"));
	if (pin_obj_get(o, pin_obj_root(o), "spec") != 0)
		pin_obj_set_node(b, root, PIN_STR("spec"), o, pin_obj_get(o,
		    pin_obj_root(o), "spec"));
	return (b);
}

static uint64_t
obj_hash(const struct pin_obj *o)
{
	struct pin_out out;
	uint64_t h;

	pin_out_init(&out, NULL, TEXT_MAX);
	pin_obj_write(o, pin_obj_root(o), &out);
	h = sched_hash(SCHED_HASH, (struct pin_str){ out.p, out.len });
	pin_out_fini(&out);
	return (h);
}

static void
count_taints(const struct pin_obj *o, int64_t *hard, int64_t *soft)
{
	pin_node t = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "taints", NULL));
	struct pin_str effect;

	*hard = *soft = 0;
	for (; t != 0; t = pin_obj_next(o, t)) {
		effect = pin_obj_str(o, pin_obj_get(o, t, "effect"));
		if (pin_str_is(effect, "PreferNoSchedule"))
			++*soft;
		else if (pin_str_is(effect, "NoSchedule") ||
		    pin_str_is(effect, "NoExecute"))
			++*hard;
	}
}

static void
columns_node(struct pin_snapshot *s, const struct snode *n, int64_t pods)
{
	uint32_t i = n->slot;

	s->col[PIN_COL_ALLOC_CPU][i] = n->alloc.cpu;
	s->col[PIN_COL_ALLOC_MEMORY][i] = n->alloc.memory;
	s->col[PIN_COL_ALLOC_STORAGE][i] = n->alloc.storage;
	s->col[PIN_COL_ALLOC_PODS][i] = pods;
	s->col[PIN_COL_UNSCHEDULABLE][i] = pin_obj_true(n->brief,
	    pin_obj_at(n->brief, pin_obj_root(n->brief), "spec",
	    "unschedulable", NULL));
	count_taints(n->brief, &s->col[PIN_COL_TAINTS][i],
	    &s->col[PIN_COL_TAINTS_SOFT][i]);
	columns_used(s, n);
}

int
snap_node_put(struct pin_snapshot *s, const struct pin_obj *o,
    struct pin_buf *buf, size_t off, size_t len)
{
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts alloc = { .ext = ext };
	pin_node root = pin_obj_root(o), list;
	struct snode *n;
	int64_t pods = 0;
	uint64_t h;
	int changed;

	n = snap_node_get(s, pin_obj_str(o, pin_obj_at(o, root, "metadata",
	    "name", NULL)));
	list = pin_obj_at(o, root, "status", "allocatable", NULL);
	if (list == 0)
		list = pin_obj_at(o, root, "status", "capacity", NULL);
	request_list(&s->names, o, list, &alloc, &pods);
	pin_obj_free(&n->brief);
	pin_obj_free(&n->whole);
	n->brief = brief_of(o);
	h = obj_hash(n->brief);
	changed = n->slot == NO_SLOT || h != n->text_hash ||
	    !amounts_equal(&alloc, &n->alloc) ||
	    s->col[PIN_COL_ALLOC_PODS][n->slot] != pods;
	n->text_hash = h;
	amounts_copy(&n->alloc, &alloc);
	pin_buf_put(&n->buf);
	n->buf = pin_buf_get(buf);
	n->off = off;
	n->len = len;
	if (n->slot == NO_SLOT && s->n < PIN_SCHED_NODES_MAX) {
		if (s->n == s->room)
			columns_grow(s);
		n->slot = s->n++;
		s->at[n->slot] = n;
	}
	if (n->slot != NO_SLOT)
		columns_node(s, n, pods);
	return (changed);
}

int
snap_node_remove(struct pin_snapshot *s, struct pin_str name)
{
	struct snode *n = snap_find(s, name, sched_hash(SCHED_HASH, name));
	uint32_t i, hole, last;

	if (n == NULL || n->slot == NO_SLOT)
		return (0);
	hole = n->slot;
	last = --s->n;
	if (hole != last) {
		for (i = 0; i < PIN_COL__COUNT; i++)
			s->col[i][hole] = s->col[i][last];
		s->at[hole] = s->at[last];
		s->at[hole]->slot = hole;
	}
	n->slot = NO_SLOT;
	pin_obj_free(&n->brief);
	pin_obj_free(&n->whole);
	pin_buf_put(&n->buf);
	node_settle(s, n);
	return (1);
}

/* ---- pods on nodes ----------------------------------------------------- */

static void
used_add(struct snode *n, const struct amounts *a, int sign)
{
	struct amounts *u = &n->used;
	uint32_t i, k;

	u->cpu += sign * a->cpu;
	u->memory += sign * a->memory;
	u->storage += sign * a->storage;
	u->nonzero_cpu += sign * a->nonzero_cpu;
	u->nonzero_memory += sign * a->nonzero_memory;
	for (i = 0; i < a->n; i++) {
		for (k = 0; k < u->n && u->ext[k].id != a->ext[i].id; k++)
			;
		if (k == u->n) {
			u->ext = pin_xrealloc(u->ext, (u->n + 1) *
			    sizeof(*u->ext));
			u->ext[u->n++] = (struct amount){
			    .id = a->ext[i].id };
		}
		u->ext[k].value += sign * a->ext[i].value;
	}
}

static void
says_add(struct snode *n, const struct spod *p, int sign)
{
	n->nports += (p->says & PIN_PODS_PORTS) != 0 ? (uint32_t)sign : 0;
	n->nanti += (p->says & PIN_PODS_ANTI) != 0 ? (uint32_t)sign : 0;
	n->nterms += (p->says & PIN_PODS_AFFINITY) != 0 ? (uint32_t)sign : 0;
}

int
snap_says(struct pin_snapshot *s, struct spod *p, const struct pin_obj *pod)
{
	int changed;

	if (p->node != NULL)
		says_add(p->node, p, -1);
	changed = brief_put(p, pod);
	if (p->node != NULL) {
		says_add(p->node, p, 1);
		columns_used(s, p->node);
	}
	return (changed);
}

void
snap_attach(struct pin_snapshot *s, struct snode *n, struct spod *p)
{
	PIN_ASSERT(p->node == NULL);
	p->node = n;
	p->on_prev = NULL;
	p->on_next = n->pods;
	if (n->pods != NULL)
		n->pods->on_prev = p;
	n->pods = p;
	n->npods++;
	if (p->priority < n->min_priority)
		n->min_priority = p->priority;
	used_add(n, &p->req, 1);
	says_add(n, p, 1);
	columns_used(s, n);
}

void
snap_detach(struct pin_snapshot *s, struct spod *p)
{
	struct snode *n = p->node;
	struct spod *q;

	PIN_ASSERT(n != NULL && n->npods > 0);
	if (p->on_prev != NULL)
		p->on_prev->on_next = p->on_next;
	else
		n->pods = p->on_next;
	if (p->on_next != NULL)
		p->on_next->on_prev = p->on_prev;
	p->on_next = p->on_prev = NULL;
	p->node = NULL;
	n->npods--;
	if (p->priority == n->min_priority) {
		n->min_priority = INT32_MAX;
		for (q = n->pods; q != NULL; q = q->on_next)
			if (q->priority < n->min_priority)
				n->min_priority = q->priority;
	}
	used_add(n, &p->req, -1);
	says_add(n, p, -1);
	columns_used(s, n);
	node_settle(s, n);
}

/* ---- for policies ------------------------------------------------------ */

uint32_t
pin_snap_count(const struct pin_snapshot *s)
{
	PIN_VALID(s, SNAP_MAGIC);
	return (s->n);
}

const int64_t *
pin_snap_column(const struct pin_snapshot *s, uint32_t column)
{
	PIN_VALID(s, SNAP_MAGIC);
	PIN_ASSERT(column < PIN_COL__COUNT);
	return (s->col[column]);
}

struct pin_str
pin_snap_name(const struct pin_snapshot *s, uint32_t i)
{
	PIN_VALID(s, SNAP_MAGIC);
	PIN_ASSERT(i < s->n);
	return ((struct pin_str){ s->at[i]->name, s->at[i]->name_len });
}

const struct pin_obj *
pin_snap_brief(const struct pin_snapshot *s, uint32_t i)
{
	PIN_VALID(s, SNAP_MAGIC);
	PIN_ASSERT(i < s->n);
	return (s->at[i]->brief);
}

const struct pin_obj *
pin_snap_node(const struct pin_snapshot *s, uint32_t i)
{
	struct snode *n;

	PIN_VALID(s, SNAP_MAGIC);
	PIN_ASSERT(i < s->n);
	n = s->at[i];
	if (n->whole == NULL && pin_obj_parse(NULL, (const char *)n->buf->data
	    + n->off, n->len, &n->whole, NULL) != PIN_OK)
		return (s->empty);
	return (n->whole);
}

static int64_t
amount_of(const struct amounts *a, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		if (a->ext[i].id == id)
			return (a->ext[i].value);
	return (0);
}

void
pin_snap_extended(const struct pin_snapshot *s, uint32_t i,
    struct pin_str resource, int64_t *alloc, int64_t *used)
{
	struct names *names = (struct names *)(uintptr_t)&s->names;
	uint32_t id = names_id(names, resource, 0);

	PIN_VALID(s, SNAP_MAGIC);
	PIN_ASSERT(i < s->n);
	*alloc = id == UINT32_MAX ? 0 : amount_of(&s->at[i]->alloc, id);
	*used = id == UINT32_MAX ? 0 : amount_of(&s->at[i]->used, id);
}

struct pin_arena *
pin_snap_arena(const struct pin_snapshot *s)
{
	PIN_VALID(s, SNAP_MAGIC);
	return (s->arena);
}

/* Parsed at most once a cycle. */
static const struct pin_obj *
said(const struct pin_snapshot *s, struct spod *p)
{
	struct pin_obj *o = NULL;

	if (p->seen != NULL && p->seen_at == s->cycle)
		return (p->seen);
	if (pin_obj_parse(s->arena, p->brief, p->brief_len, &o, NULL) !=
	    PIN_OK)
		return (NULL);
	p->seen = o;
	p->seen_at = s->cycle;
	return (o);
}

int
pin_snap_pods(const struct pin_snapshot *s, uint32_t i, uint32_t which,
    pin_snap_pod_fn *fn, void *arg)
{
	const struct pin_obj *o;
	struct spod *p;
	int rc = PIN_OK;

	PIN_VALID(s, SNAP_MAGIC);
	PIN_ASSERT(i < s->n);
	for (p = s->at[i]->pods; p != NULL && rc == PIN_OK; p = p->on_next) {
		if (p->brief == NULL || (p->says & which) != which)
			continue;
		o = said(s, p);
		rc = o != NULL ? fn(arg, o) : PIN_ENOMEM;
	}
	return (rc);
}
