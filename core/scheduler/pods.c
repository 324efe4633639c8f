/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pods.c -- every pod that is or wants to be on a node, and where it waits:
 *
 *	         +--------------- something changed ---------------+
 *	         v                                                 |
 *	new -> ACTIVE --cycle--> ASSUMED --bound--> PLACED      PARKED
 *	         ^  |               |                              ^
 *	         |  +---no node-----|------------------------------+
 *	      BACKOFF <--refused----+--no answer--> REBIND -> ASSUMED
 *
 * Pure. Contract: sched.h; the times are upstream's. */
#include "core/scheduler/sched_int.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX	((size_t)8 << 20)

/* ---- by name ----------------------------------------------------------- */

static uint64_t
key_hash(struct pin_str ns, struct pin_str name)
{
	return (sched_hash(sched_hash(SCHED_HASH, ns), name));
}

struct spod *
pod_find(const struct sched *s, struct pin_str ns, struct pin_str name)
{
	uint64_t h = key_hash(ns, name);
	struct spod *p;

	for (p = s->pods[h % s->nslots]; p != NULL; p = p->hash_next)
		if (p->hash == h && pin_str_eq(pod_ns(p), ns) &&
		    pin_str_eq(pod_name(p), name))
			return (p);
	return (NULL);
}

static void
grow(struct sched *s)
{
	uint32_t i, nslots = s->nslots * 2;
	struct spod **pods = pin_xcalloc(nslots, sizeof(*pods)), *p;

	for (i = 0; i < s->nslots; i++)
		while ((p = s->pods[i]) != NULL) {
			s->pods[i] = p->hash_next;
			p->hash_next = pods[p->hash % nslots];
			pods[p->hash % nslots] = p;
		}
	free(s->pods);
	s->pods = pods;
	s->nslots = nslots;
}

static struct spod *
pod_new(struct sched *s, struct pin_str ns, struct pin_str name,
    struct pin_str uid)
{
	struct spod *p;

	if (s->npods >= SCHED_PODS_MAX) {
		s->count.too_many++;
		return (NULL);
	}
	if (s->npods >= s->nslots)
		grow(s);
	p = pin_xcalloc(1, sizeof(*p) + ns.len + name.len + 1);
	p->hash = key_hash(ns, name);
	p->ns_len = (uint32_t)ns.len;
	p->name_len = (uint32_t)name.len;
	memcpy(p->key, ns.p, ns.len);
	memcpy(p->key + ns.len, name.p, name.len);
	p->uid = pin_xstrndup(uid.p != NULL ? uid.p : "", uid.len);
	p->hash_next = s->pods[p->hash % s->nslots];
	s->pods[p->hash % s->nslots] = p;
	s->npods++;
	return (p);
}

/* ---- queues ------------------------------------------------------------ */

void
pod_unqueue(struct sched *s, struct spod *p)
{
	if (p->state == POD_ACTIVE)
		heap_remove(&s->active, p);
	else if (p->state == POD_BACKOFF || p->state == POD_REBIND)
		heap_remove(&s->backoff, p);
	else if (p->state == POD_PARKED) {
		if (p->prev != NULL)
			p->prev->next = p->next;
		else
			s->parked = p->next;
		if (p->next != NULL)
			p->next->prev = p->prev;
		else
			s->parked_last = p->prev;
		p->next = p->prev = NULL;
		s->count.parked--;
	} else if (p->state == POD_GATED)
		s->count.gated--;
	else if (p->state == POD_ASSUMED)
		s->count.assumed--;
	p->state = POD_IDLE;
}

void
pod_activate(struct sched *s, struct spod *p)
{
	pod_unqueue(s, p);
	p->state = POD_ACTIVE;
	heap_push(&s->active, p);
}

static uint64_t
backoff_ns(const struct spod *p)
{
	uint64_t ns = SCHED_BACKOFF_NS;
	uint32_t i;

	if (p->attempts == 0)
		return (0);
	for (i = 1; i < p->attempts && ns < SCHED_BACKOFF_MAX_NS; i++)
		ns *= 2;
	return (ns < SCHED_BACKOFF_MAX_NS ? ns : SCHED_BACKOFF_MAX_NS);
}

void
pod_retry(struct sched *s, struct spod *p, uint64_t now)
{
	pod_unqueue(s, p);
	p->due_ns = p->tried_ns + backoff_ns(p);
	if (p->due_ns <= now) {
		pod_activate(s, p);
		return;
	}
	p->state = POD_BACKOFF;
	heap_push(&s->backoff, p);
}

void
pod_park(struct sched *s, struct spod *p, int never)
{
	pod_unqueue(s, p);
	p->state = POD_PARKED;
	p->never = (uint32_t)never;
	p->prev = s->parked_last;
	p->next = NULL;
	if (p->prev != NULL)
		p->prev->next = p;
	else
		s->parked = p;
	s->parked_last = p;
	s->count.parked++;
}

void
sched_move(struct sched *s, int why, uint64_t now)
{
	struct spod *p, *next;

	for (p = s->parked; p != NULL; p = next) {
		next = p->next;
		if (why == MOVE_ALL || (why == MOVE_ROOM && !p->never) ||
		    (why != MOVE_ROOM && p->social))
			pod_retry(s, p, now);
	}
}

/* ---- on a node, off it ------------------------------------------------- */

static void
pod_settle_bytes(struct spod *p, struct pin_buf *buf, size_t off, size_t len)
{
	struct pin_buf *old = p->buf;

	p->buf = buf != NULL ? pin_buf_get(buf) : NULL;
	p->off = off;
	p->len = len;
	pin_buf_put(&old);
}

static void
pod_free(struct sched *s, struct spod *p)
{
	struct spod **at = &s->pods[p->hash % s->nslots];

	pod_unqueue(s, p);
	if (p->node != NULL)
		snap_detach(&s->snap, p);
	while (*at != p)
		at = &(*at)->hash_next;
	*at = p->hash_next;
	s->npods--;
	pin_buf_put(&p->buf);
	free(p->req.ext);
	free(p->brief);
	free(p->uid);
	free(p);
}

/* It has left the world, or ended. */
static void
pod_gone(struct sched *s, struct spod *p, uint64_t now)
{
	int room = p->node != NULL;

	pod_free(s, p);
	if (room)
		sched_move(s, MOVE_ROOM, now);
}

/* ---- what a Pod says --------------------------------------------------- */

struct words {
	struct pin_str	 ns, name, uid, node;
	int		 ended, leaving, ours, gated;
	int32_t		 priority;
	uint64_t	 spec_hash;
};

static uint64_t
spec_hash(const struct pin_obj *o, pin_node spec, pin_node labels)
{
	struct pin_out out;
	uint64_t h;

	pin_out_init(&out, NULL, TEXT_MAX);
	pin_obj_write(o, spec, &out);
	if (labels != 0)
		pin_obj_write(o, labels, &out);
	h = sched_hash(SCHED_HASH, (struct pin_str){ out.p, out.len });
	pin_out_fini(&out);
	return (h);
}

static void
words_of(const struct pin_obj *o, struct words *w)
{
	pin_node root = pin_obj_root(o), meta = pin_obj_get(o, root,
	    "metadata"), spec = pin_obj_get(o, root, "spec");
	struct pin_str phase = pin_obj_str(o, pin_obj_at(o, root, "status",
	    "phase", NULL)), by;
	int64_t priority = 0;

	*w = (struct words){ 0 };
	w->ns = pin_obj_str(o, pin_obj_get(o, meta, "namespace"));
	w->name = pin_obj_str(o, pin_obj_get(o, meta, "name"));
	w->uid = pin_obj_str(o, pin_obj_get(o, meta, "uid"));
	w->node = pin_obj_str(o, pin_obj_get(o, spec, "nodeName"));
	w->ended = pin_str_is(phase, "Succeeded") ||
	    pin_str_is(phase, "Failed");
	w->leaving = pin_obj_str(o, pin_obj_get(o, meta,
	    "deletionTimestamp")).len > 0;
	by = pin_obj_str(o, pin_obj_get(o, spec, "schedulerName"));
	w->ours = by.len == 0 || pin_str_is(by, SCHED_NAME);
	w->gated = pin_obj_count(o, pin_obj_get(o, spec, "schedulingGates"))
	    > 0;
	if (pin_obj_i64(o, pin_obj_get(o, spec, "priority"), &priority) &&
	    priority >= INT32_MIN && priority <= INT32_MAX)
		w->priority = (int32_t)priority;
	if (w->node.len == 0)
		w->spec_hash = spec_hash(o, spec, pin_obj_get(o, meta,
		    "labels"));
}

static void
pod_placed(struct sched *s, struct spod *p, const struct pin_obj *o,
    const struct words *w, uint64_t now)
{
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts req = { .ext = ext };
	struct snode *n = snap_node_get(&s->snap, w->node);
	int room = 0, company = p->state != POD_PLACED;

	request_of(&s->snap.names, o, &req);
	pod_unqueue(s, p);
	if (p->node != NULL && (p->node != n || p->priority != w->priority ||
	    !amounts_equal(&req, &p->req))) {
		n->npods++;		/* holds it over the detach */
		snap_detach(&s->snap, p);
		n->npods--;
		room = 1;
	}
	company |= snap_says(&s->snap, p, o);
	p->priority = w->priority;
	if (p->node == NULL) {
		amounts_copy(&p->req, &req);
		snap_attach(&s->snap, n, p);
	}
	p->state = POD_PLACED;
	pod_settle_bytes(p, NULL, 0, 0);
	if (room)
		sched_move(s, MOVE_ROOM, now);
	if (company)
		sched_move(s, MOVE_COMPANY, now);
}

static void
pod_pending(struct sched *s, struct spod *p, const struct pin_obj *o,
    const struct words *w, uint64_t now)
{
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts req = { .ext = ext };
	int same = p->buf != NULL && p->spec_hash == w->spec_hash;

	p->spec_hash = w->spec_hash;
	if (same && p->state != POD_IDLE)
		return;
	pod_unqueue(s, p);
	request_of(&s->snap.names, o, &req);
	amounts_copy(&p->req, &req);
	p->priority = w->priority;
	p->social = (uint32_t)brief_is_social(o);
	if (p->order == 0 || p->gates)
		p->order = ++s->order;
	p->gates = (uint32_t)w->gated;
	if (w->gated) {
		p->state = POD_GATED;
		s->count.gated++;
		return;
	}
	pod_retry(s, p, now);
}

void
sched_pod_put(struct sched *s, const struct pin_obj *o, struct pin_buf *buf,
    size_t off, size_t len, uint64_t now)
{
	struct words w;
	struct spod *p;

	words_of(o, &w);
	p = pod_find(s, w.ns, w.name);
	if (p != NULL && !pin_str_is(w.uid, p->uid)) {
		pod_gone(s, p, now);	/* another one by the same name */
		p = NULL;
	}
	if (w.ended || (w.node.len == 0 && (w.leaving || !w.ours))) {
		if (p != NULL)
			pod_gone(s, p, now);
		return;
	}
	if (p == NULL)
		p = pod_new(s, w.ns, w.name, w.uid);
	if (p == NULL)
		return;
	if (w.node.len > 0) {
		pod_placed(s, p, o, &w, now);
		return;
	}
	if (p->state == POD_ASSUMED || p->state == POD_REBIND) {
		p->spec_hash = w.spec_hash;
		pod_settle_bytes(p, buf, off, len);
		return;			/* the binding decides */
	}
	if (p->node != NULL)
		return;			/* the server never unbinds */
	pod_pending(s, p, o, &w, now);
	pod_settle_bytes(p, buf, off, len);
}

void
sched_pod_remove(struct sched *s, struct pin_str ns, struct pin_str name,
    uint64_t now)
{
	struct spod *p = pod_find(s, ns, name);

	if (p != NULL)
		pod_gone(s, p, now);
}

/* ---- bindings ---------------------------------------------------------- */

void
sched_bound(struct sched *s, struct pin_str ns, struct pin_str name,
    struct pin_str uid, int how, uint64_t now)
{
	struct spod *p = pod_find(s, ns, name);

	if (how == SCHED_BOUND)
		s->count.bound++;
	else if (how == SCHED_REFUSED)
		s->count.refused++;
	else
		s->count.unknown++;
	if (p == NULL || p->state != POD_ASSUMED || !pin_str_is(uid, p->uid))
		return;			/* the server's word came first */
	if (how == SCHED_BOUND)
		return;			/* and will come */
	p->tried_ns = now;
	if (how == SCHED_UNKNOWN) {
		p->due_ns = now + backoff_ns(p);
		pod_unqueue(s, p);
		p->state = POD_REBIND;
		heap_push(&s->backoff, p);
		return;
	}
	snap_detach(&s->snap, p);
	p->order = ++s->order;
	pod_retry(s, p, now);
	sched_move(s, MOVE_ROOM, now);
}

/* ---- nodes ------------------------------------------------------------- */

void
sched_node_put(struct sched *s, const struct pin_obj *o, struct pin_buf *buf,
    size_t off, size_t len, uint64_t now)
{
	if (snap_node_put(&s->snap, o, buf, off, len))
		sched_move(s, MOVE_ALL, now);
}

void
sched_node_remove(struct sched *s, struct pin_str name, uint64_t now)
{
	if (snap_node_remove(&s->snap, name))
		sched_move(s, MOVE_ALL, now);
}

/* ---- life -------------------------------------------------------------- */

#define SCHED_MAGIC	0x73636864u

struct sched *
sched_new(uint64_t seed)
{
	struct sched *s = pin_xcalloc(1, sizeof(*s));

	s->magic = SCHED_MAGIC;
	s->random = seed != 0 ? seed : 1;
	s->nslots = 256;
	s->pods = pin_xcalloc(s->nslots, sizeof(struct spod *));
	s->active.before = active_before;
	s->backoff.before = backoff_before;
	s->arena = pin_arena_new(SCHED_ARENA_MAX);
	PIN_ASSERT(s->arena != NULL);
	snap_init(&s->snap);
	s->snap.arena = s->arena;
	return (s);
}

void
sched_free(PIN_OWN struct sched **sp)
{
	struct sched *s = *sp;
	uint32_t i;

	*sp = NULL;
	if (s == NULL)
		return;
	PIN_VALID(s, SCHED_MAGIC);
	for (i = 0; i < s->nslots; i++)
		while (s->pods[i] != NULL)
			pod_free(s, s->pods[i]);
	snap_fini(&s->snap);
	free(s->pods);
	free(s->active.at);
	free(s->backoff.at);
	free(s->nodes.word);
	free(s->before.word);
	free(s->never.word);
	free(s->total);
	free(s->score);
	pin_arena_free(&s->arena);
	s->magic = 0;
	free(s);
}

void
sched_policies(struct sched *s, const struct sched_policy *policy,
    uint32_t n, uint64_t now)
{
	PIN_VALID(s, SCHED_MAGIC);
	PIN_ASSERT(n <= SCHED_POLICIES_MAX);
	memcpy(s->policy, policy, n * sizeof(*policy));
	s->npolicy = n;
	sched_move(s, MOVE_ALL, now);
}

const struct sched_counters *
sched_count(const struct sched *s)
{
	struct sched_counters *c = (struct sched_counters *)(uintptr_t)
	    &s->count;

	PIN_VALID(s, SCHED_MAGIC);
	c->active = s->active.n;
	c->backoff = s->backoff.n;
	c->nodes = s->snap.n;
	c->pods = s->npods;
	return (c);
}

const struct pin_snapshot *
sched_snapshot(const struct sched *s)
{
	return (&s->snap);
}
