/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exec.c -- plans being carried out. Writes that stand together and have the
 * same verb and resource form a run; a run is sent with a window that starts
 * at one for creations and opens by one with each success, so that a quota or
 * a refusing admission plugin is asked once and not five hundred times. The
 * next run begins when the last answer is in. Then live reads; then the key
 * waits for the cache (gates).
 * Controller loop. Contract: pintle/controller.h, controller_int.h. */
#include "core/controller/controller_int.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_MS	UINT64_C(1000000)

struct running {
	struct controller *c;
	struct key	*key;
	struct pin_plan	*plan;
	struct plan_write *lead;	/* first of the run */
	struct plan_write *at;		/* next to be sent */
	struct plan_live *live_at;
	struct gate	*gates;
	struct live_result *refusal;	/* the first, for the next reconcile */
	uint32_t	 inflight, window;
	uint32_t	 failed;
	uint32_t	 dropped;	/* its namespace is going away */
};

static void	run_go(struct running *);

/* ---- gates ---------------------------------------------------------- */

static void
gate_add(struct running *run, struct informer *inf, uint32_t kind,
    struct pin_str key, uint64_t revision)
{
	struct gate *g;

	if (kind == GATE_REVISION) {
		for (g = run->gates; g != NULL; g = g->next)
			if (g->kind == kind && g->inf == inf) {
				if (g->revision < revision)
					g->revision = revision;
				return;
			}
		key.len = 0;
	}
	g = pin_xcalloc(1, sizeof(*g) + key.len);
	g->inf = inf;
	g->kind = kind;
	g->revision = revision;
	g->key_len = (uint32_t)key.len;
	if (key.len > 0)
		memcpy(g->key, key.p, key.len);
	g->next = run->gates;
	run->gates = g;
}

static int
gate_met(const struct gate *g)
{
	struct cache_entry *e;

	if (g->kind == GATE_REVISION)
		return (informer_revision(g->inf) >= g->revision);
	e = cache_get(informer_cache(g->inf), (struct pin_str){ g->key,
	    g->key_len });
	if (g->kind == GATE_PRESENT)
		return (e != NULL);
	return (e == NULL || e->revision != g->revision);
}

static struct informer *
write_informer(const struct plan_write *w)
{
	char group[128], version[64], resource[128];
	const struct running *run = w->run;

	if (w->group.len >= sizeof(group) || w->version.len >=
	    sizeof(version) || w->resource.len >= sizeof(resource))
		return (NULL);
	memcpy(group, w->group.len > 0 ? w->group.p : "", w->group.len);
	group[w->group.len] = '\0';
	memcpy(version, w->version.p, w->version.len);
	version[w->version.len] = '\0';
	memcpy(resource, w->resource.p, w->resource.len);
	resource[w->resource.len] = '\0';
	return (informer_find(run->c->m->informers, group, version,
	    resource));
}

static struct cache_entry *
write_entry(const struct plan_write *w, const struct informer *inf)
{
	char text[CACHE_KEY_MAX];
	size_t n = cache_key(text, w->namespace, w->name);

	return (n > 0 && w->name.len > 0 ? cache_get(informer_cache(inf),
	    (struct pin_str){ text, n }) : NULL);
}

/* metadata.resourceVersion; 0: it has none. */
static uint64_t
answer_revision(const struct client_answer *a)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	struct pin_str s;
	uint64_t n = 0;
	size_t i;

	if (a->buf == NULL || pin_obj_parse(NULL, (const char *)a->buf->data +
	    a->off, a->len, &o, &err) != PIN_OK)
		return (0);
	s = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "resourceVersion", NULL));
	for (i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	pin_obj_free(&o);
	return (n);
}

/* What the cache must show before the key may be looked at again. */
static void
write_gate(struct plan_write *w, const struct client_answer *a)
{
	struct informer *inf = write_informer(w);
	char text[CACHE_KEY_MAX];
	struct pin_str key = { text, cache_key(text, w->namespace,
	    w->name) };
	uint64_t revision;

	if (inf == NULL)
		return;
	revision = a->status < 300 ? answer_revision(a) : 0;
	if (revision > 0)
		gate_add(w->run, inf, GATE_REVISION, key, revision);
	else if (w->verb == WRITE_DELETE && w->seen > 0)
		gate_add(w->run, inf, GATE_CHANGED, key, w->seen);
	else if (w->verb == WRITE_CREATE && a->status == 409 && key.len > 0)
		gate_add(w->run, inf, GATE_PRESENT, key, 0);
}

static void
gates_drop(struct gate **gp)
{
	struct gate *g;

	while ((g = *gp) != NULL) {
		*gp = g->next;
		free(g);
	}
}

/* 1: nothing is waited for any more. */
static int
key_gates(struct key *k)
{
	struct gate **at = &k->gates, *g;

	while ((g = *at) != NULL) {
		if (!gate_met(g)) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		free(g);
	}
	return (k->gates == NULL);
}

void
exec_gates(struct controller *c)
{
	uint64_t now = pin_host_now(c->m->host);
	struct key **at = &c->gated, *k;

	while ((k = *at) != NULL) {
		if (!key_gates(k) && now < k->gate_until_ns) {
			at = &k->gated_next;
			continue;
		}
		if (k->gates != NULL && k->gates->kind != GATE_PRESENT)
			pin_log(c->m->host, PIN_LOG_WARN, "%s: the cache does "
			    "not show what was written for " PIN_SFMT "/"
			    PIN_SFMT, c->name, PIN_SARG(key_namespace(k)),
			    PIN_SARG(key_name(k)));
		gates_drop(&k->gates);
		*at = k->gated_next;
		k->gated = 0;
		c->inflight--;
		queue_settle(&c->queue, k);
	}
}

/* ---- the end -------------------------------------------------------- */

static void
key_gate(struct running *run, struct key *k)
{
	struct controller *c = run->c;
	struct gate *g;
	uint64_t ms = GATE_PRESENT_MS;

	k->gates = run->gates;
	run->gates = NULL;
	if (c->m->stopping)
		gates_drop(&k->gates);
	if (key_gates(k)) {
		c->inflight--;
		return;
	}
	for (g = k->gates; g != NULL; g = g->next)
		if (g->kind != GATE_PRESENT)
			ms = GATE_MAX_MS;
	k->gate_until_ns = pin_host_now(c->m->host) + ms * NS_PER_MS;
	k->gated = 1;
	k->gated_next = c->gated;
	c->gated = k;
}

static void
run_finish(struct running *run)
{
	struct controller *c = run->c;
	struct pin_plan *p = run->plan;
	struct pin_arena *arena = p->arena;
	struct key *k = run->key;
	int failed = (int)run->failed;

	if (failed || run->dropped)
		live_free(&k->live);
	else if (p->requeue)
		queue_after(&c->queue, k, p->requeue_ms);
	if (run->refusal != NULL)
		k->live = run->refusal;
	if ((p->truncated || p->nlives > 0) && !run->dropped)
		k->dirty = 1;
	key_gate(run, k);
	c->plans--;
	manager_arena_back(c->m, &arena);	/* and run is gone */
	queue_done(&c->queue, k, failed);
	manager_kick(c->m);
}

static void
run_failed(struct running *run, const char *verb, struct pin_str path,
    const struct client_answer *a)
{
	struct controller *c = run->c;
	size_t n = a->buf != NULL && a->len < 300 ? a->len : a->buf != NULL ?
	    300 : 0;
	int conflict = a->rc == PIN_OK && a->status == 409;

	run->failed = 1;
	atomic_fetch_add(conflict ? &c->conflicts : &c->errors, 1);
	if (c->m->stopping)
		return;
	if (a->rc != PIN_OK)
		pin_log(c->m->host, PIN_LOG_WARN, "%s: %s " PIN_SFMT ": %s",
		    c->name, verb, PIN_SARG(path), pin_err_text(a->rc));
	else
		pin_log(c->m->host, conflict ? PIN_LOG_DEBUG : PIN_LOG_WARN,
		    "%s: %s " PIN_SFMT ": %d: %.*s", c->name, verb,
		    PIN_SARG(path), (int)a->status, (int)n, n > 0 ?
		    (const char *)a->buf->data + a->off : "");
}

/* ---- live reads ----------------------------------------------------- */

static struct live_result *
live_new(struct pin_str path, uint32_t verb, const struct client_answer *a)
{
	struct live_result *res;

	res = pin_xcalloc(1, sizeof(*res) + path.len + 1);
	memcpy(res->path, path.p, path.len);
	res->verb = verb;
	if (a != NULL && a->buf != NULL) {
		res->buf = pin_buf_get(a->buf);
		res->off = a->off;
		res->len = a->len;
	}
	return (res);
}

/* For the next reconcile; a NULL: nothing but that it was done. */
static void
live_keep(struct running *run, struct pin_str path, uint32_t verb,
    const struct client_answer *a)
{
	struct live_result *res = live_new(path, verb, a);

	res->next = run->key->live;
	run->key->live = res;
}

static void
live_done(struct client_call *call, const struct client_answer *a)
{
	struct plan_live *l = call->arg;
	struct running *run = l->run;

	run->inflight--;
	if (a->rc == PIN_OK && (a->status == 200 || a->status == 404)) {
		live_keep(run, l->path, 0, a->status == 200 ? a : NULL);
	} else {
		run_failed(run, "GET", l->path, a);
	}
	run_go(run);
}

static void
live_send(struct running *run)
{
	struct plan_live *l;

	for (; (l = run->live_at) != NULL; run->live_at = l->next) {
		l->run = run;
		l->call = (struct client_call){ .method = PIN_STR("GET"),
		    .target = l->path, .who = &run->c->who,
		    .timeout_ms = WRITE_TIMEOUT_MS, .done = live_done,
		    .arg = l };
		run->inflight++;
		client_start(run->c->m->client, &l->call);
	}
}

/* ---- writes --------------------------------------------------------- */

static const char *const write_methods[] = { "", "POST", "PUT", "PATCH",
    "DELETE", "DELETE" };

static void
run_events(struct running *run, uint32_t after)
{
	struct controller *c = run->c;
	struct plan_event *e;

	for (e = run->plan->events; e != NULL; e = e->next)
		if (e->after == after)
			recorder_say(c->m->recorder, &c->who, c->component,
			    &e->says);
}

/* Heap; NULL: the answer is none. */
static struct pin_obj *
answer_status(const struct client_answer *a)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;

	if (a->buf != NULL)
		(void)pin_obj_parse(NULL, (const char *)a->buf->data + a->off,
		    a->len, &o, &err);
	return (o);
}

/* Status 409 is said for two things; only one of them is fine. */
static int
is_exists(const struct client_answer *a)
{
	struct pin_obj *o = answer_status(a);
	int yes;

	if (o == NULL)
		return (0);
	yes = pin_str_is(pin_obj_str(o, pin_obj_get(o, pin_obj_root(o),
	    "reason")), "AlreadyExists");
	pin_obj_free(&o);
	return (yes);
}

/* Nothing can be made any more in a namespace that is going away. */
static int
is_terminating(const struct client_answer *a)
{
	struct pin_obj *o = answer_status(a);
	pin_node n;
	int yes = 0;

	if (o == NULL)
		return (0);
	for (n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "details",
	    "causes", NULL)); n != 0; n = pin_obj_next(o, n))
		yes |= pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "reason")),
		    "NamespaceTerminating");
	pin_obj_free(&o);
	return (yes);
}

static void
write_refused(struct plan_write *w, const struct client_answer *a)
{
	struct running *run = w->run;

	if (w->verb == WRITE_CREATE && a->rc == PIN_OK && a->status == 403 &&
	    is_terminating(a)) {
		run->dropped = 1;
		run->at = NULL;
		return;
	}
	if (a->rc == PIN_OK && run->refusal == NULL)
		run->refusal = live_new(w->resource, LIVE_REFUSED + w->verb,
		    a);
	run_failed(run, write_methods[w->verb], w->path, a);
}

static void
write_done(struct client_call *call, const struct client_answer *a)
{
	struct plan_write *w = call->arg;
	struct running *run = w->run;
	int ok = a->rc == PIN_OK && a->status >= 200 && a->status < 300;

	run->inflight--;
	w->pending = 0;
	atomic_fetch_add(&run->c->writes, 1);
	if (w->verb == WRITE_DELETE_ALL && a->rc == PIN_OK) {
		/* Whoever asked for it sees for himself what remains. */
		live_keep(run, w->path, w->verb, ok ? NULL : a);
		if (!ok)
			pin_log(run->c->m->host, PIN_LOG_DEBUG, "%s: DELETE "
			    PIN_SFMT ": %d", run->c->name, PIN_SARG(w->path),
			    (int)a->status);
	} else if (ok || (a->rc == PIN_OK && ((w->verb == WRITE_DELETE &&
	    a->status == 404) || (w->verb == WRITE_CREATE &&
	    a->status == 409 && is_exists(a))))) {
		write_gate(w, a);
		if (ok)
			run_events(run, w->index);
		if (run->window < PLAN_INFLIGHT_MAX)
			run->window++;
	} else {
		write_refused(w, a);
	}
	run_go(run);
}

static void
write_send(struct running *run, struct plan_write *w)
{
	struct informer *inf;
	struct cache_entry *e;

	w->run = run;
	w->pending = 1;
	if (w->verb == WRITE_DELETE) {
		inf = write_informer(w);
		e = inf != NULL ? write_entry(w, inf) : NULL;
		w->seen = e != NULL ? e->revision : 0;
	}
	w->call = (struct client_call){
	    .method = pin_str(write_methods[w->verb]), .target = w->path,
	    .type = w->type, .body = w->body, .who = &run->c->who,
	    .timeout_ms = WRITE_TIMEOUT_MS, .done = write_done, .arg = w };
	run->inflight++;
	client_start(run->c->m->client, &w->call);
}

/* May w go out while others of the run are at the server? */
static int
run_fits(const struct running *run, const struct plan_write *w)
{
	const struct plan_write *l = run->lead;

	if (run->inflight >= run->window || l->verb != w->verb)
		return (0);
	if (w->verb == WRITE_DELETE_ALL)
		return (1);
	if (!pin_str_eq(l->resource, w->resource) ||
	    !pin_str_eq(l->group, w->group) ||
	    !pin_str_eq(l->subresource, w->subresource))
		return (0);
	for (; l != w; l = l->next)
		if (l->pending && w->name.len > 0 &&
		    pin_str_eq(l->name, w->name) &&
		    pin_str_eq(l->namespace, w->namespace))
			return (0);
	return (1);
}

static void
run_go(struct running *run)
{
	struct plan_write *w;

	while (!run->failed && (w = run->at) != NULL) {
		if (run->inflight == 0 && (run->lead == NULL ||
		    !run_fits(run, w))) {
			run->lead = w;
			run->window = w->verb == WRITE_CREATE ? 1 :
			    PLAN_INFLIGHT_MAX;
		}
		if (!run_fits(run, w))
			break;
		run->at = w->next;
		write_send(run, w);
	}
	if (run->inflight > 0)
		return;
	if (!run->failed && !run->dropped && run->live_at != NULL) {
		live_send(run);
		return;
	}
	run_finish(run);
}

void
exec_start(struct controller *c, struct key *k, PIN_OWN struct pin_plan **pp)
{
	struct pin_plan *p = *pp;
	struct running *run = pin_arena_zalloc(p->arena, sizeof(*run));
	struct pin_arena *arena = p->arena;

	*pp = NULL;
	c->inflight++;
	if (run == NULL) {		/* the plan filled it: try again */
		c->inflight--;
		manager_arena_back(c->m, &arena);
		queue_done(&c->queue, k, 1);
		return;
	}
	c->plans++;
	run->c = c;
	run->key = k;
	run->plan = p;
	run->at = p->writes;
	run->live_at = p->lives;
	run_events(run, NO_WRITE);
	run_go(run);
}
