/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flush.c -- the engine follows: in batches of 4 MiB or a second under load,
 * after a minute otherwise; and old versions go, a few keys at a time.
 * Threads: state decides, apply writes. At most one batch is under way.
 * Contract: a failed write is tried again for want of space only; anything
 * else is fatal, like a failed sync of the log. */
#include "plugins/store/common/store.h"

#include <stdlib.h>
#include <string.h>

static void
flush_settle(struct store *s, struct flush *fl)
{
	uint64_t applied = fl->f.meta.applied;
	int ok = fl->rc == PIN_OK;

	store_lock(s);
	pin_mvcc_flush_done(s->m, &fl->f, ok);
	store_unlock(s);
	atomic_store(&s->engine_bytes, s->engine.ops->bytes(s->engine.self));
	if (!ok)
		return;
	atomic_store(&s->durable, applied);
	if (s->cons != NULL)
		s->cons->ops->trim(s->cons->self,
		    s->engine.ops->stable(s->engine.self));
}

static void
flush_arrived(struct pin_msg *m)
{
	struct flush *fl = (struct flush *)(void *)m;
	struct store *s = fl->f.owner;

	s->flush = NULL;
	flush_settle(s, fl);
	if (fl->rc == PIN_OK) {
		if (atomic_exchange(&s->engine_full, 0))
			pin_env_log(s->env, PIN_LOG_WARN,
			    "there is room again for the store");
	} else if (fl->rc == PIN_ENOSPACE) {
		if (!atomic_exchange(&s->engine_full, 1))
			pin_env_log(s->env, PIN_LOG_ERROR,
			    "writes are refused: %s", fl->err.text);
		pin_timer_start(&s->flush_timer, STORE_RETRY_MS);
	} else
		store_fatal(s, &fl->err);
	free(fl);
}

/* On the apply loop: write, and go home. */
static void
flush_run(struct pin_msg *m)
{
	struct flush *fl = (struct flush *)(void *)m;
	struct store *s = fl->f.owner;

	fl->rc = s->engine.ops->write(s->engine.self, &fl->f.batch, &fl->err);
	fl->msg.fn = flush_arrived;
	pin_loop_post(s->state, &fl->msg);
}

static struct flush *
flush_new(struct store *s)
{
	struct flush *fl = pin_xcalloc(1, sizeof(*fl));

	fl->msg.fn = flush_run;
	store_lock(s);
	pin_mvcc_flush_begin(s->m, &fl->f);
	store_unlock(s);
	fl->f.owner = s;
	s->dirty_since = 0;
	return (fl);
}

static void
flush_start(struct store *s)
{
	s->flush = flush_new(s);
	pin_loop_post(s->apply, &s->flush->msg);
}

/* Now, soon, or later? */
static uint64_t
flush_wait_ms(struct store *s)
{
	struct pin_mvcc_counts c;
	uint64_t age, limit;

	pin_mvcc_counts(s->m, &c);
	if (c.dirty_bytes >= STORE_FLUSH_BYTES || pin_mvcc_ring_full(s->m) ||
	    c.dirty_bytes >= s->ring_bytes / 2 || s->stopping != NULL ||
	    c.deletes >= STORE_PRUNE_DELS)
		return (0);
	age = (pin_host_now(s->host) - s->dirty_since) / 1000000;
	limit = c.dirty_bytes >= STORE_FLUSH_LOAD_BYTES ?
	    STORE_FLUSH_LOAD_MS : STORE_FLUSH_IDLE_MS;
	return (age >= limit ? 0 : limit - age);
}

void
store_flush_look(struct store *s)
{
	uint64_t wait;

	if (s->flush != NULL || s->dead || !pin_mvcc_flush_wanted(s->m) ||
	    (atomic_load(&s->engine_full) && s->flush_timer.due_ns != 0))
		return;
	if (s->dirty_since == 0)
		s->dirty_since = pin_host_now(s->host);
	wait = flush_wait_ms(s);
	if (wait == 0) {
		pin_timer_stop(&s->flush_timer);
		flush_start(s);
	} else if (s->flush_timer.due_ns == 0 ||
	    s->flush_timer.due_ns > pin_host_now(s->host) +
	    (wait + 1) * 1000000)
		pin_timer_start(&s->flush_timer, wait);
}

/* The hook, which runs after every timer, does the rest. */
void
store_flush_timer(struct pin_timer *t)
{
	struct store *s = (struct store *)(void *)((char *)t -
	    offsetof(struct store, flush_timer));

	if (atomic_load(&s->engine_full) && s->flush == NULL && !s->dead &&
	    pin_mvcc_flush_wanted(s->m))
		flush_start(s);
}

/* While the log is replayed there are no loops; memory is bounded still: on a
 * full disk by what the ring held when these entries were acknowledged. */
int
store_flush_now(struct store *s, struct pin_err *err)
{
	struct pin_mvcc_counts c;
	struct flush *fl;
	int rc;

	pin_mvcc_counts(s->m, &c);
	if (atomic_load(&s->engine_full) || (c.dirty_bytes <
	    STORE_FLUSH_BYTES && !pin_mvcc_ring_full(s->m)))
		return (PIN_OK);
	fl = flush_new(s);
	rc = s->engine.ops->write(s->engine.self, &fl->f.batch, err);
	store_lock(s);
	pin_mvcc_flush_done(s->m, &fl->f, rc == PIN_OK);
	store_unlock(s);
	free(fl);
	if (rc != PIN_ENOSPACE)
		return (rc);
	/* It can be read; and the first flush tries again. */
	atomic_store(&s->engine_full, 1);
	pin_env_log(s->env, PIN_LOG_ERROR, "writes are refused: %s",
	    err != NULL ? err->text : "no space");
	return (PIN_OK);
}

/* ---- forgetting -------------------------------------------------- */

static void
prune_again(struct pin_msg *m)
{
	struct store *s = (struct store *)(void *)((char *)m -
	    offsetof(struct store, again));

	s->again_posted = 0;		/* the hook does it */
}

/* One step, when there is something and nobody needs it. Then again, behind
 * whatever came meanwhile. */
void
store_prune_look(struct store *s)
{
	uint64_t limit = pin_mvcc_meta(s->m)->compacted;
	uint64_t oldest = store_pin_min(s);
	struct pin_mvcc_counts c;
	int more;

	if (oldest < limit)
		limit = oldest;
	if (s->dead || s->again_posted || s->stopping != NULL ||
	    !pin_mvcc_prune_wanted(s->m, limit))
		return;
	pin_mvcc_counts(s->m, &c);
	if (c.deletes >= STORE_PRUNE_DELS)
		return;			/* the engine first; then the hook */
	store_lock(s);
	more = pin_mvcc_prune(s->m, limit, STORE_PRUNE_KEYS);
	store_unlock(s);
	if (more) {
		s->again_posted = 1;
		s->again.fn = prune_again;
		pin_loop_post(s->state, &s->again);
	}
}
