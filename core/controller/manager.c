/* SPDX-License-Identifier: BSD-2-Clause
 *
 * manager.c -- all controllers of a process on one loop: events become keys,
 * keys become reconciles, reconciles become plans. Reconciling happens when
 * the loop has nothing else to do, so a burst of events costs one reconcile
 * a key.
 * Leadership: alone (one process); a second one needs a Lease and an epoch
 * on every write.
 * Controller loop. Contract: controller_int.h. */
#include "core/controller/controller_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANAGER_MAGIC	0x6d616e67u

/* ---- arenas of plans ------------------------------------------------ */

struct pin_arena *
manager_arena(struct manager *m)
{
	if (m->npool > 0)
		return (m->pool[--m->npool]);
	return (pin_arena_new(PLAN_ARENA_MAX));
}

void
manager_arena_back(struct manager *m, PIN_OWN struct pin_arena **ap)
{
	struct pin_arena *a = *ap;

	*ap = NULL;
	if (m->npool == PLAN_POOL_MAX) {
		pin_arena_free(&a);
		return;
	}
	pin_arena_reset(a);
	m->pool[m->npool++] = a;
}

/* ---- from events to keys -------------------------------------------- */

static void
keys_to_queue(void *arg, struct pin_str ns, struct pin_str name)
{
	struct controller *c = arg;

	queue_add(&c->queue, ns, name);
}

static void
rec_caches(struct pin_reconcile *r, const struct controller *c)
{
	uint32_t i;

	r->ncaches = c->nrows;
	r->resource = NULL;
	r->nresources = 0;
	r->any = NULL;
	for (i = 0; i < c->nrows; i++) {
		r->cache[i] = c->row[i].user.informer != NULL ?
		    informer_cache(c->row[i].user.informer) : NULL;
		if (c->row[i].wild)
			resources_fill(c->m->resources, r);
	}
}

void
row_event(struct informer_user *u, const struct informer_event *ev)
{
	struct controller_row *row = u->arg;
	struct controller *c = row->c;
	struct pin_reconcile *r = &c->m->map_rec;
	struct pin_keys keys = { .add = keys_to_queue, .arg = c };
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *before = NULL;

	if (c->closed)
		return;
	if (c->ops->watches[row->index].map == NULL) {
		queue_add(&c->queue, ev->namespace, ev->name);
		return;
	}
	reconcile_begin(r, NULL);
	rec_caches(r, c);
	r->deleted = ev->type == INFORMER_DELETED;
	if (ev->before.len > 0)
		(void)pin_obj_parse(r->arena, ev->before.p, ev->before.len,
		    &before, &err);
	keys.arena = r->arena;
	c->ops->watches[row->index].map(c->self, r, ev->object, before,
	    &keys);
}

void
row_is_synced(struct controller_row *row)
{
	if (row->synced)
		return;
	row->synced = 1;
	row->c->nsynced++;
	manager_kick(row->c->m);
}

static void
row_synced(struct informer_user *u)
{
	row_is_synced(u->arg);
}

/* ---- from keys to plans --------------------------------------------- */

static void
reconcile_key(struct controller *c, struct key *k)
{
	struct manager *m = c->m;
	struct pin_arena *arena = manager_arena(m);
	struct pin_plan *p = arena != NULL ? plan_new(arena) : NULL;
	struct live_result *live = k->live;
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	PIN_ASSERT(p != NULL);
	k->live = NULL;
	reconcile_begin(&m->rec, live);
	rec_caches(&m->rec, c);
	atomic_fetch_add(&c->reconciles, 1);
	rc = c->ops->reconcile(c->self, &m->rec, key_namespace(k),
	    key_name(k), p, &err);
	if (rc == PIN_OK && m->rec.failed != PIN_OK)
		rc = pin_err_set(&err, m->rec.failed, "an object in the "
		    "cache could not be read");
	if (rc == PIN_OK && p->failed != PIN_OK)
		rc = pin_err_set(&err, p->failed, "%s", p->err.text);
	live_free(&live);
	if (rc == PIN_OK && !plan_empty(p)) {
		exec_start(c, k, &p);
		return;
	}
	if (rc != PIN_OK) {
		atomic_fetch_add(&c->errors, 1);
		pin_log(m->host, PIN_LOG_WARN, "%s: " PIN_SFMT "%s" PIN_SFMT
		    ": %s", c->name, PIN_SARG(key_namespace(k)),
		    k->ns_len > 0 ? "/" : "", PIN_SARG(key_name(k)),
		    err.text[0] != '\0' ? err.text : pin_err_text(rc));
	} else if (p->requeue) {
		queue_after(&c->queue, k, p->requeue_ms);
	}
	manager_arena_back(m, &arena);
	queue_done(&c->queue, k, rc != PIN_OK);
}

static int
may_run(const struct controller *c)
{
	return (c->nsynced == c->nrows && c->inflight < c->workers &&
	    c->queue.nready > 0 && !c->closed);
}

static void	swap_run(struct manager *);

void
manager_turn(void *arg)
{
	struct manager *m = arg;
	uint64_t end = pin_host_now(m->host) + TURN_NS;
	struct controller *c;
	int gated = 0, more = 1;

	if (m->stopping)
		return;
	for (c = m->first; c != NULL; c = c->next) {
		exec_gates(c);
		gated |= c->gated != NULL;
	}
	if (m->resources != NULL)
		resources_look(m->resources);
	if (gated && m->gate_timer.due_ns == 0)
		pin_timer_start(&m->gate_timer, 1000);
	if (m->swap) {
		swap_run(m);
		return;
	}
	while (more) {
		more = 0;
		for (c = m->first; c != NULL; c = c->next)
			if (may_run(c)) {
				reconcile_key(c, queue_pop(&c->queue));
				more |= may_run(c);
			}
		if (more && pin_host_now(m->host) >= end) {
			manager_kick(m);	/* others first */
			break;
		}
	}
}

static void
turn_again(struct pin_msg *msg)
{
	struct manager *m = (struct manager *)(void *)((char *)msg -
	    offsetof(struct manager, turn_msg));

	m->again = 0;			/* the hook comes after this */
}

void
manager_kick(struct manager *m)
{
	if (m->again || m->stopping)
		return;
	m->again = 1;
	pin_loop_post(m->loop, &m->turn_msg);
}

static void
queue_kick(struct queue *q)
{
	struct controller *c = (struct controller *)(void *)((char *)q -
	    offsetof(struct controller, queue));

	manager_kick(c->m);
}

static void
gate_tick(struct pin_timer *t)
{
	struct manager *m = (struct manager *)(void *)((char *)t -
	    offsetof(struct manager, gate_timer));

	manager_kick(m);
}

/* ---- controllers ---------------------------------------------------- */

static int
count_rows(const struct pin_controller_ops *ops, uint32_t *n)
{
	for (*n = 0; ops->watches[*n].resource != NULL; (*n)++)
		if (*n == PIN_WATCHES_MAX)
			return (0);
	return (*n > 0);
}

static void
controller_identity(struct controller *c)
{
	static const struct pin_str groups[] = {
	    { "system:serviceaccounts", 22 },
	    { "system:serviceaccounts:kube-system", 34 } };

	if (PIN_HAS(c->ops, component))
		snprintf(c->component, sizeof(c->component), "%s",
		    c->ops->component);
	else
		snprintf(c->component, sizeof(c->component), "%s-controller",
		    c->name);
	snprintf(c->user, sizeof(c->user),
	    "system:serviceaccount:kube-system:%s", c->component);
	c->who = (struct client_identity){ .name = pin_str(c->user),
	    .groups = groups, .ngroups = PIN_LEN(groups) };
}

int
manager_add(struct manager *m, const char *name,
    const struct pin_controller_ops *ops, void *self, struct pin_err *err)
{
	struct controller *c;
	uint32_t n, i;

	if (!count_rows(ops, &n))
		return (pin_err_set(err, PIN_ECONFIG, "controller %s watches "
		    "nothing, or more than %d resources", name,
		    PIN_WATCHES_MAX));
	c = pin_xcalloc(1, sizeof(*c));
	c->m = m;
	c->name = name;
	c->ops = ops;
	c->self = self;
	c->nrows = n;
	c->workers = ops->workers == 0 ? QUEUE_WORKERS :
	    ops->workers < QUEUE_WORKERS_MAX ? ops->workers :
	    QUEUE_WORKERS_MAX;
	controller_identity(c);
	queue_init(&c->queue, m->loop);
	c->queue.kick = queue_kick;
	c->next = m->first;
	m->first = c;
	for (i = 0; i < n; i++) {
		c->row[i].c = c;
		c->row[i].index = i;
		if (strcmp(ops->watches[i].resource, "*") == 0) {
			if (m->resources == NULL)
				m->resources = resources_new(m);
			resources_row(m->resources, &c->row[i]);
			continue;
		}
		c->row[i].user = (struct informer_user){ .event = row_event,
		    .synced = row_synced, .arg = &c->row[i] };
		informer_open(m->informers, ops->watches[i].group,
		    ops->watches[i].version, ops->watches[i].resource,
		    &c->row[i].user);
	}
	return (PIN_OK);
}

static void
controller_free(struct controller *c)
{
	uint32_t i;

	PIN_ASSERT(c->plans == 0);
	for (i = 0; i < c->nrows; i++)
		if (c->row[i].wild)
			resources_row_close(&c->row[i]);
		else
			informer_close(&c->row[i].user);
	queue_fini(&c->queue);
	free(c);
}

/* ---- another set ---------------------------------------------------- */

static void
set_open(struct manager *m, struct pin_set *set)
{
	const struct pin_chain *ch = pin_set_chain(set,
	    PIN_SECTION_CONTROLLERS);
	struct pin_err err = PIN_ERR_INIT;
	uint32_t i;

	/* The first of the list is the first in turn. */
	for (i = ch->n; i-- > 0;)
		if (manager_add(m, ch->stage[i]->name, ch->stage[i]->ops,
		    ch->stage[i]->self, &err) != PIN_OK)
			pin_log(m->host, PIN_LOG_ERROR, "%s", err.text);
}

/* The old ones reconcile no more; when their plans have ended, the new ones
 * open (informers both use go on) and the old ones close. */
static void
swap_run(struct manager *m)
{
	struct controller *c, *old = m->first;

	for (c = old; c != NULL; c = c->next) {
		c->closed = 1;
		if (c->plans > 0)
			return;		/* its end kicks us */
	}
	m->swap = 0;
	m->first = NULL;
	if (m->next_set != NULL)
		set_open(m, m->next_set);
	while ((c = old) != NULL) {
		old = c->next;
		controller_free(c);
	}
	pin_set_put(&m->set);
	m->set = m->next_set;
	m->next_set = NULL;
	manager_kick(m);
}

void
manager_swap(struct manager *m, PIN_OWN struct pin_set **set)
{
	PIN_VALID(m, MANAGER_MAGIC);
	PIN_ASSERT_LOOP(m->loop);
	if (m->next_set != NULL)
		pin_set_put(&m->next_set);
	m->next_set = *set;
	*set = NULL;
	m->swap = 1;
	manager_kick(m);
}

/* ---- life ----------------------------------------------------------- */

struct manager *
manager_new(struct pin_loop *loop, PIN_OWN struct client **client)
{
	struct manager *m = pin_xcalloc(1, sizeof(*m));

	m->magic = MANAGER_MAGIC;
	m->loop = loop;
	m->host = pin_loop_host(loop);
	m->client = *client;
	*client = NULL;
	m->informers = informers_new(m->client);
	m->recorder = recorder_new(m->client);
	reconcile_init(&m->rec, m->host);
	reconcile_init(&m->map_rec, m->host);
	m->turn_msg.fn = turn_again;
	pin_timer_init(&m->gate_timer, loop, gate_tick);
	pin_loop_hook(loop, manager_turn, m);
	return (m);
}

/* m itself stays with its loop, whose hook and message name it. */
void
manager_close(struct manager *m, void (*gone)(void *), void *arg)
{
	struct controller *c;

	PIN_VALID(m, MANAGER_MAGIC);
	m->stopping = 1;
	pin_timer_stop(&m->gate_timer);
	resources_free(&m->resources);
	client_close(&m->client, gone, arg);	/* ends all plans */
	while ((c = m->first) != NULL) {
		m->first = c->next;
		controller_free(c);
	}
	recorder_free(&m->recorder);
	informers_free(&m->informers);
	pin_set_put(&m->set);
	pin_set_put(&m->next_set);
	reconcile_fini(&m->rec);
	reconcile_fini(&m->map_rec);
	while (m->npool > 0)
		pin_arena_free(&m->pool[--m->npool]);
}

void
manager_free(PIN_OWN struct manager **mp)
{
	struct manager *m = *mp;

	*mp = NULL;
	m->magic = 0;
	free(m);
}
