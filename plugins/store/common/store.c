/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.c -- life of a store: recover from engine and log, go live, stop.
 * Knows neither engine nor consensus by name.
 * Threads: open, start, stop and close on the caller's; locks for the rest.
 * Contract: pintle/store.h. */
#include "plugins/store/common/store.h"

#include <stdlib.h>
#include <string.h>

static pin_store_start_fn	store_start;
static pin_store_stop_fn	store_stop;
static pin_store_status_fn	store_status;

const struct pin_store_ops store_ops = {
	.size = sizeof(store_ops),
	.start = store_start, .stop = store_stop,
	.txn = store_txn, .get = store_get, .range = store_range,
	.history = store_history, .compact = store_compact,
	.status = store_status,
};

/* ---- locks ------------------------------------------------------- */

void
store_lock(struct store *s)
{
	atomic_store(&s->writer_waits, 1);
	pthread_mutex_lock(&s->gate);
	pthread_rwlock_wrlock(&s->lock);
}

void
store_unlock(struct store *s)
{
	pthread_rwlock_unlock(&s->lock);
	atomic_store(&s->writer_waits, 0);
	pthread_mutex_unlock(&s->gate);
}

void
store_rdlock(struct store *s)
{
	if (atomic_load(&s->writer_waits)) {
		pthread_mutex_lock(&s->gate);
		pthread_mutex_unlock(&s->gate);
	}
	pthread_rwlock_rdlock(&s->lock);
}

void
store_rdunlock(struct store *s)
{
	pthread_rwlock_unlock(&s->lock);
}

/* ---- open and close ---------------------------------------------- */

int
store_new(struct pin_env *env, const struct pin_conf *conf,
    const struct store_engine *kind, void **self, struct pin_err *err)
{
	struct store *s;

	if (kind->needs_consensus && pin_env_consensus(env) == NULL)
		return (pin_err_set(err, PIN_ECONFIG,
		    "store %s needs a consensus (solo is the one for a single"
		    " member)", pin_env_name(env)));
	s = pin_xcalloc(1, sizeof(*s));
	s->magic = STORE_MAGIC;
	s->env = env;
	s->conf = conf;
	s->host = pin_env_host(env);
	s->kind = kind;
	s->cons = pin_env_consensus(env);
	s->ring_bytes = (size_t)pin_conf_int(conf, "ring");
	s->waiting_tail = &s->waiting;
	s->lease_due = UINT64_MAX;
	pthread_rwlock_init(&s->lock, NULL);
	pthread_mutex_init(&s->gate, NULL);
	pthread_mutex_init(&s->pin_lock, NULL);
	atomic_store(&s->closed, PIN_ECLOSED);
	*self = s;
	return (PIN_OK);
}

void
store_free(void *self)
{
	struct store *s = self;

	PIN_VALID(s, STORE_MAGIC);
	PIN_ASSERT(!s->started);
	pin_mvcc_free(&s->m);
	if (s->engine.ops != NULL)
		s->engine.ops->close(s->engine.self);
	pthread_rwlock_destroy(&s->lock);
	pthread_mutex_destroy(&s->gate);
	pthread_mutex_destroy(&s->pin_lock);
	free(s->events);
	free(s->reader);
	s->magic = 0;
	free(s);
}

/* State is what it was; nothing more is applied, answered well or written. */
void
store_fatal(struct store *s, const struct pin_err *err)
{
	if (s->dead)
		return;
	s->dead = 1;
	if (s->replaying) {
		if (s->replay_rc == PIN_OK && s->replay_err != NULL)
			*s->replay_err = *err;
		s->replay_rc = err->code != PIN_OK ? err->code : PIN_EIO;
		return;
	}
	atomic_store(&s->closed, PIN_EIO);
	pin_env_log(s->env, PIN_LOG_ERROR, "the store stops: %s", err->text);
	if (s->sink.fatal != NULL)
		s->sink.fatal(s->sink.arg, err);
}

/* ---- start ------------------------------------------------------- */

static int
check_cluster(struct store *s, uint64_t id, struct pin_err *err)
{
	uint64_t mine = pin_mvcc_meta(s->m)->cluster_id;

	if (mine == 0 || mine == id) {
		pin_mvcc_set_cluster(s->m, id);
		return (PIN_OK);
	}
	return (pin_err_set(err, PIN_ECORRUPT,
	    "the store belongs to cluster %016llx, the log to %016llx",
	    (unsigned long long)mine, (unsigned long long)id));
}

/* The log behind the engine's last entry, through the usual way. */
static int
replay(struct store *s, struct pin_err *err)
{
	struct pin_consensus_sink sink = { .size = sizeof(sink),
	    .committed = store_committed, .dropped = store_dropped,
	    .fatal = store_consensus_fatal, .arg = s };
	struct pin_consensus_status st;
	int rc;

	if (s->cons == NULL)
		return (PIN_OK);
	s->reader = pin_xcalloc(1, sizeof(*s->reader));
	s->replaying = 1;
	s->replay_err = err;
	s->replay_rc = PIN_OK;
	rc = s->cons->ops->start(s->cons->self,
	    pin_mvcc_meta(s->m)->applied, &sink, err);
	if (rc != PIN_OK)
		return (rc);
	if (s->replay_rc == PIN_OK) {
		memset(&st, 0, sizeof(st));
		st.size = sizeof(st);
		s->cons->ops->status(s->cons->self, &st);
		s->replay_rc = check_cluster(s, st.cluster_id, err);
	}
	s->replaying = 0;
	s->replay_err = NULL;
	if (s->replay_rc != PIN_OK)
		s->cons->ops->stop(s->cons->self);
	return (s->replay_rc);
}

static int
start_loops(struct store *s, struct pin_err *err)
{
	int rc;

	rc = pin_loop_open(s->host, "apply", &s->apply, err);
	if (rc == PIN_OK)
		rc = pin_loop_open(s->host, "state", &s->state, err);
	/* Now, because a stop may find no descriptors for it. */
	if (rc == PIN_OK)
		rc = pin_loop_open(s->host, "stop", &s->stop_wait, err);
	if (rc != PIN_OK)
		return (rc);
	pin_timer_init(&s->flush_timer, s->state, store_flush_timer);
	pin_timer_init(&s->lease_timer, s->state, store_lease_timer);
	pin_loop_hook(s->state, store_hook, s);
	rc = pin_loop_start(s->apply, err);
	if (rc == PIN_OK)
		rc = pin_loop_start(s->state, err);
	return (rc);
}

static int
store_start(void *self, const struct pin_store_sink *sink,
    struct pin_err *err)
{
	struct store *s = self;
	uint64_t seed;
	int rc;

	PIN_VALID(s, STORE_MAGIC);
	PIN_ASSERT(!s->started && s->m == NULL);
	s->sink = *sink;
	rc = s->kind->open(s, &s->engine, err);
	if (rc != PIN_OK)
		return (rc);
	pin_host_random(s->host, &seed, sizeof(seed));
	s->m = pin_mvcc_new(&s->engine, s->ring_bytes, seed);
	pin_mvcc_tick(s->m, pin_host_now(s->host));
	rc = pin_mvcc_load(s->m, err);
	if (rc != PIN_OK)
		goto out;
	atomic_store(&s->durable, pin_mvcc_meta(s->m)->applied);
	atomic_store(&s->engine_bytes, s->engine.ops->bytes(s->engine.self));
	rc = replay(s, err);
	if (rc != PIN_OK)
		goto out;
	rc = start_loops(s, err);
	if (rc != PIN_OK) {
		if (s->cons != NULL)
			s->cons->ops->stop(s->cons->self);
		goto out;
	}
	s->started = 1;
	atomic_store(&s->closed, PIN_OK);
	return (PIN_OK);
out:
	pin_loop_close(&s->state);
	pin_loop_close(&s->apply);
	pin_loop_close(&s->stop_wait);
	pin_mvcc_free(&s->m);
	s->engine.ops->close(s->engine.self);
	s->engine.ops = NULL;
	return (rc);
}

/* ---- stop -------------------------------------------------------- */

int
store_idle(struct store *s)
{
	if (s->flush != NULL)
		return (0);
	if (s->dead)
		return (s->inflight == 0);
	return (s->waiting == NULL && s->inflight == 0 &&
	    (atomic_load(&s->engine_full) || !pin_mvcc_flush_wanted(s->m)));
}

static void
stop_arrived(struct pin_msg *m)
{
	struct store *s = (struct store *)(void *)((char *)m -
	    offsetof(struct store, stop_msg));

	s->stopping = s->stop_wait;	/* the hook looks if all is done */
}

/* The calling thread runs a loop of its own until state says that nothing
 * is under way: that waits in the simulator too. */
static void
store_stop(void *self)
{
	struct store *s = self;

	PIN_VALID(s, STORE_MAGIC);
	if (!s->started)
		return;
	atomic_store(&s->closed, PIN_ECLOSED);
	s->stop_msg.fn = stop_arrived;
	pin_loop_post(s->state, &s->stop_msg);
	pin_loop_run(s->stop_wait);
	if (s->cons != NULL)
		s->cons->ops->stop(s->cons->self);
	pin_loop_close(&s->state);
	s->stopping = NULL;
	pin_loop_close(&s->stop_wait);
	pin_loop_close(&s->apply);
	s->started = 0;
}

static void
store_status(void *self, struct pin_store_status *st)
{
	struct pin_mvcc_counts c;
	const struct pin_mvcc_meta *meta;
	struct store *s = self;

	PIN_VALID(s, STORE_MAGIC);
	if (s->m == NULL)
		return;
	store_rdlock(s);
	meta = pin_mvcc_meta(s->m);
	pin_mvcc_counts(s->m, &c);
	st->revision = meta->revision;
	st->compacted = meta->compacted;
	st->applied = meta->applied;
	st->cluster_id = meta->cluster_id;
	st->hash = meta->hash;
	store_rdunlock(s);
	st->keys = c.keys;
	st->history = c.versions;
	st->ring_bytes = c.ring_bytes;
	st->durable = atomic_load(&s->durable);
	st->bytes = atomic_load(&s->engine_bytes);
	st->read_only = atomic_load(&s->no_space) ||
	    atomic_load(&s->engine_full) ||
	    (s->quota != 0 && st->bytes >= s->quota);
	memset(&st->consensus, 0, sizeof(st->consensus));
	st->consensus.size = sizeof(st->consensus);
	if (s->cons != NULL)
		s->cons->ops->status(s->cons->self, &st->consensus);
}
