/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scheduler.c -- see scheduler.h: a loop on which two informers feed the
 * pure scheduler, and its decisions are told to the API server. After a start
 * everything comes from the informers; nothing is kept elsewhere.
 * Contract: scheduler.h. */
#include "core/scheduler/role_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/client/recorder.h"

/* ---- deciding ---------------------------------------------------------- */

static void
sleep_until_due(struct scheduler *sc, uint64_t now)
{
	uint64_t due = sched_due(sc->sched), ms;

	if (due == 0)
		return;
	ms = due <= now ? 0 : (due - now + 999999) / 1000000;
	pin_timer_start(&sc->timer, ms);
}

/* Loop hook, after events and answers were taken in. */
static void
scheduler_turn(void *arg)
{
	struct scheduler *sc = arg;
	struct sched_decision d;
	uint64_t now, until;
	int more = 0;

	if (sc->stopping || sc->synced < 2 || sc->set == NULL)
		return;
	pin_timer_stop(&sc->timer);
	now = pin_host_now(sc->host);
	until = now + SCHED_TURN_NS;
	while (sc->binds < SCHED_BINDS_MAX && now < until) {
		more = sched_next(sc->sched, now, &d);
		if (!more)
			break;
		if (d.what == SCHED_BIND)
			tell_binding(sc, &d);
		else
			tell_failure(sc, &d);
		now = pin_host_now(sc->host);
	}
	if (sc->binds >= SCHED_BINDS_MAX)
		return;			/* an answer brings us back */
	if (more && !sc->again) {
		sc->again = 1;
		pin_loop_post(sc->loop, &sc->turn_msg);
	} else if (!more)
		sleep_until_due(sc, now);
}

static void
turn_again(struct pin_msg *msg)
{
	struct scheduler *sc = (struct scheduler *)(void *)((char *)msg -
	    offsetof(struct scheduler, turn_msg));

	sc->again = 0;			/* the hook follows */
}

static void
timer_tick(struct pin_timer *t)
{
	scheduler_turn((char *)t - offsetof(struct scheduler, timer));
}

/* ---- what happens ------------------------------------------------------ */

static const struct cache_entry *
entry_of(const struct informer_user *u, const struct informer_event *ev)
{
	char key[CACHE_KEY_MAX];
	size_t len = cache_key(key, ev->namespace, ev->name);

	return (cache_get(informer_cache(u->informer),
	    (struct pin_str){ key, len }));
}

static void
node_event(struct informer_user *u, const struct informer_event *ev)
{
	struct scheduler *sc = u->arg;
	uint64_t now = pin_host_now(sc->host);
	const struct cache_entry *e;

	if (ev->type == INFORMER_DELETED) {
		sched_node_remove(sc->sched, ev->name, now);
		return;
	}
	e = entry_of(u, ev);
	if (e != NULL)
		sched_node_put(sc->sched, ev->object, e->buf, 0, e->buf->len,
		    now);
}

static void
pod_event(struct informer_user *u, const struct informer_event *ev)
{
	struct scheduler *sc = u->arg;
	uint64_t now = pin_host_now(sc->host);
	const struct cache_entry *e;

	if (ev->type == INFORMER_DELETED) {
		sched_pod_remove(sc->sched, ev->namespace, ev->name, now);
		return;
	}
	e = entry_of(u, ev);
	if (e != NULL)
		sched_pod_put(sc->sched, ev->object, e->buf, 0, e->buf->len,
		    now);
}

static void
on_synced(struct informer_user *u)
{
	struct scheduler *sc = u->arg;

	sc->synced++;
}

/* ---- policies ---------------------------------------------------------- */

static int64_t
weight_of(const struct pin_stage *st)
{
	const struct pin_option *o;

	for (o = st->plugin->options; o != NULL && o->name != NULL; o++)
		if (o->type == PIN_OPT_INT && strcmp(o->name, "weight") == 0)
			return (pin_conf_int(st->conf, "weight"));
	return (1);
}

static void
policies_set(struct scheduler *sc, PIN_OWN struct pin_set **set)
{
	const struct pin_chain *ch = pin_set_chain(*set,
	    PIN_SECTION_SCHEDULER);
	struct sched_policy policy[SCHED_POLICIES_MAX];
	const struct pin_stage *st;
	uint32_t i, n = 0;

	for (i = 0; i < ch->n; i++) {
		st = ch->stage[i];
		if (st->mode != PIN_MODE_ENFORCE || st->isolate != NULL) {
			pin_log(sc->host, PIN_LOG_WARN, "scheduler: %s does "
			    "not decide (mode or isolation): left out",
			    st->name);
			continue;
		}
		if (n == SCHED_POLICIES_MAX) {
			pin_log(sc->host, PIN_LOG_ERROR, "scheduler: more "
			    "than %d plugins: %s and what follows does not "
			    "take part", SCHED_POLICIES_MAX, st->name);
			break;
		}
		policy[n++] = (struct sched_policy){ .name = st->name,
		    .ops = st->ops, .self = st->self,
		    .weight = weight_of(st) };
	}
	sched_policies(sc->sched, policy, n, pin_host_now(sc->host));
	pin_set_put(&sc->set);
	sc->set = *set;
	*set = NULL;
}

struct swap_msg {
	struct pin_msg	 msg;
	struct scheduler *sc;
	struct pin_set	*set;
};

static void
swap_on_loop(struct pin_msg *msg)
{
	struct swap_msg *s = (struct swap_msg *)(void *)msg;

	if (!s->sc->stopping)
		policies_set(s->sc, &s->set);
	pin_set_put(&s->set);
	free(s);
}

void
scheduler_reload(struct scheduler *sc)
{
	struct swap_msg *s;

	if (sc == NULL)
		return;
	s = pin_xcalloc(1, sizeof(*s));
	s->msg.fn = swap_on_loop;
	s->sc = sc;
	s->set = pin_set_get(sc->plugins);
	pin_loop_post(sc->loop, &s->msg);
}

/* ---- life -------------------------------------------------------------- */

static const struct pin_str no_groups[1];
static const struct client_identity scheduler_identity = {
	.name = { "system:kube-scheduler", 21 }, .groups = no_groups
};

static void
scheduler_begin(struct scheduler *sc)
{
	uint64_t seed;

	pin_host_random(sc->host, &seed, sizeof(seed));
	sc->sched = sched_new(seed);
	sc->informers = informers_new(sc->client);
	sc->recorder = recorder_new(sc->client);
	pin_timer_init(&sc->timer, sc->loop, timer_tick);
	sc->turn_msg.fn = turn_again;
	pin_loop_hook(sc->loop, scheduler_turn, sc);
	sc->nodes = (struct informer_user){ .event = node_event,
	    .synced = on_synced, .arg = sc };
	sc->pods = (struct informer_user){ .event = pod_event,
	    .synced = on_synced, .arg = sc };
	informer_open(sc->informers, "", "v1", "nodes", &sc->nodes);
	informer_open(sc->informers, "", "v1", "pods", &sc->pods);
}

int
scheduler_open(struct pin_host *host, struct pin_plugins *plugins,
    struct transport *(*transport)(void *arg, struct pin_loop *), void *arg,
    PIN_OWN struct scheduler **out, struct pin_err *err)
{
	struct scheduler *sc = pin_xcalloc(1, sizeof(*sc));
	struct transport *t;
	int rc;

	sc->host = host;
	sc->plugins = plugins;
	PIN_ASSERT(pthread_mutex_init(&sc->lock, NULL) == 0);
	PIN_ASSERT(pthread_cond_init(&sc->ended, NULL) == 0);
	*out = sc;
	rc = pin_loop_open(host, "scheduler", &sc->loop, err);
	if (rc == PIN_OK) {
		t = transport(arg, sc->loop);
		sc->client = client_new(sc->loop, &scheduler_identity, &t);
		scheduler_begin(sc);
		scheduler_reload(sc);
		rc = pin_loop_start(sc->loop, err);
	}
	if (rc != PIN_OK)
		scheduler_close(out);
	return (rc);
}

static void
on_gone(void *arg)
{
	struct scheduler *sc = arg;

	(void)pthread_mutex_lock(&sc->lock);
	sc->gone = 1;
	(void)pthread_cond_signal(&sc->ended);
	(void)pthread_mutex_unlock(&sc->lock);
}

static void
stop_on_loop(struct pin_msg *msg)
{
	struct scheduler *sc = (struct scheduler *)(void *)((char *)msg -
	    offsetof(struct scheduler, stop));

	sc->stopping = 1;
	pin_timer_stop(&sc->timer);
	client_close(&sc->client, on_gone, sc);	/* ends every call */
	informer_close(&sc->nodes);
	informer_close(&sc->pods);
	recorder_free(&sc->recorder);
	informers_free(&sc->informers);
	sched_free(&sc->sched);
	pin_set_put(&sc->set);
}

/* 0: the API server has not let go of everything in time. */
static int
wait_gone(struct scheduler *sc)
{
	struct timespec until;
	int rc = 0, gone;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SCHED_CLOSE_MAX_S;
	(void)pthread_mutex_lock(&sc->lock);
	while (!sc->gone && rc == 0)
		rc = pthread_cond_timedwait(&sc->ended, &sc->lock, &until);
	gone = (int)sc->gone;
	(void)pthread_mutex_unlock(&sc->lock);
	return (gone);
}

void
scheduler_close(PIN_OWN struct scheduler **scp)
{
	struct scheduler *sc = *scp;

	*scp = NULL;
	if (sc == NULL)
		return;
	if (sc->client != NULL) {
		sc->stop.fn = stop_on_loop;
		pin_loop_post(sc->loop, &sc->stop);
		if (!wait_gone(sc)) {
			/* Its answer would find a loop that is no more. */
			pin_log(sc->host, PIN_LOG_ERROR, "scheduler: a "
			    "request is still under way: not closed");
			return;
		}
	}
	if (sc->loop != NULL)
		pin_loop_close(&sc->loop);
	(void)pthread_cond_destroy(&sc->ended);
	(void)pthread_mutex_destroy(&sc->lock);
	free(sc);
}
