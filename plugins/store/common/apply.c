/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apply.c -- committed entries become state: apply, tell the sink, answer.
 * Takes no decision of its own: what lib/mvcc says is what happened.
 * Threads: state (or start, before there are loops). An error is fatal: a
 * member that skipped an entry would differ for ever.
 * Contract: visible to reads, then `committed`, then `done`. */
#include "plugins/store/common/store.h"

#include <stdlib.h>
#include <string.h>

void
store_req_free(struct req *r)
{
	struct pin_op *ops = (struct pin_op *)(uintptr_t)r->cmd.ops;

	for (uint32_t i = 0; i < r->cmd.nops; i++)
		pin_buf_put(&ops[i].value);
	free(r);
}

void
store_req_done(struct store *s, struct req *r)
{
	if (r->counted) {
		atomic_fetch_sub(&s->queued, 1);
		atomic_fetch_sub(&s->queued_bytes, r->bytes);
	}
	r->result.size = sizeof(r->result);
	if (r->done != NULL)
		r->done(r->arg, &r->result);
	store_req_free(r);
}

/* The events of one command join those of the entry; `before` goes over,
 * `value` and `key` are the ring's, which keeps them until it is evicted. */
static void
collect(struct store *s, const struct pin_mvcc_result *r)
{
	struct pin_event *from = (struct pin_event *)(uintptr_t)r->events;

	if (s->nevents + r->nevents > s->events_cap) {
		s->events_cap = (s->nevents + r->nevents) * 2;
		s->events = pin_xrealloc(s->events,
		    s->events_cap * sizeof(*s->events));
	}
	for (uint32_t i = 0; i < r->nevents; i++) {
		s->events[s->nevents++] = from[i];
		from[i].before = NULL;
	}
}

/* PIN_OK: *r says what came of it. */
static int
apply_cmd(struct store *s, const struct pin_mvcc_cmd *cmd,
    struct pin_mvcc_result *r, struct pin_err *err)
{
	int rc = pin_mvcc_eval(s->m, cmd, r, err);

	if (rc != PIN_OK)
		return (rc);
	if (r->rc != PIN_OK || (r->nevents == 0 &&
	    cmd->kind != PIN_MVCC_COMPACT))
		return (PIN_OK);
	store_lock(s);
	pin_mvcc_commit(s->m);
	store_unlock(s);
	collect(s, r);
	return (PIN_OK);
}

static void
entry_begin(struct store *s)
{
	PIN_ASSERT(s->nevents == 0);
	pin_mvcc_tick(s->m, pin_host_now(s->host));
}

/* The entry is whole: tell the sink. */
static void
entry_end(struct store *s, uint64_t index, uint64_t term, int compacted)
{
	store_lock(s);
	pin_mvcc_applied(s->m, index, term);
	store_unlock(s);
	if ((s->nevents != 0 || compacted) && !s->replaying)
		s->sink.committed(s->sink.arg, s->events, s->nevents,
		    pin_mvcc_meta(s->m)->revision);
	for (uint32_t i = 0; i < s->nevents; i++)
		pin_buf_put(&s->events[i].before);
	s->nevents = 0;
}

static void
evict(struct store *s)
{
	store_lock(s);
	(void)pin_mvcc_evict(s->m);
	store_unlock(s);
}

static int
in_order(struct store *s, uint64_t index)
{
	struct pin_err err = PIN_ERR_INIT;
	uint64_t want = pin_mvcc_meta(s->m)->applied + 1;

	if (index == want)
		return (1);
	(void)pin_err_set(&err, PIN_ECORRUPT,
	    "the consensus hands over entry %llu, expected was %llu",
	    (unsigned long long)index, (unsigned long long)want);
	store_fatal(s, &err);
	return (0);
}

static void
refusal(struct req *r, struct pin_err *err)
{
	struct pin_txn_result *t = &r->result;

	t->err = err;
	if (t->rc == PIN_ECONFLICT)
		(void)pin_err_set(err, t->rc, "key " PIN_SFMT
		    " is at revision %llu, expected was %llu",
		    PIN_SARG(r->cmd.cmps[t->failed].key),
		    (unsigned long long)t->actual,
		    (unsigned long long)r->cmd.cmps[t->failed].revision);
	else if (t->rc == PIN_EGONE)
		(void)pin_err_set(err, t->rc, "compacted already");
	else
		(void)pin_err_set(err, t->rc,
		    "revision %llu is not there yet, the newest is %llu",
		    (unsigned long long)r->cmd.revision,
		    (unsigned long long)t->revision);
}

static void
answer_all(struct store *s, struct batch *b)
{
	struct pin_err err = PIN_ERR_INIT;
	struct req *r, *next;

	for (r = b->head; r != NULL; r = next) {
		next = r->next;
		r->result.err = NULL;
		if (r->result.rc != PIN_OK)
			refusal(r, &err);
		store_req_done(s, r);
	}
	free(b);
}

static void
answer_failed(struct store *s, struct batch *b, struct pin_err *err)
{
	struct req *r, *next;

	for (r = b->head; r != NULL; r = next) {
		next = r->next;
		memset(&r->result, 0, sizeof(r->result));
		r->result.rc = PIN_EIO;
		r->result.err = err;
		store_req_done(s, r);
	}
	free(b);
	for (uint32_t i = 0; i < s->nevents; i++)
		pin_buf_put(&s->events[i].before);
	s->nevents = 0;
}

/* Our own batch: what is in memory is what is in the entry. */
void
store_apply_batch(struct store *s, uint64_t index, uint64_t term,
    struct batch *b)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_mvcc_result res;
	int rc = PIN_OK, compacted = 0;

	entry_begin(s);
	if (!in_order(s, index)) {
		answer_failed(s, b, &err);
		return;
	}
	for (struct req *r = b->head; r != NULL && rc == PIN_OK; r = r->next) {
		rc = apply_cmd(s, &r->cmd, &res, &err);
		if (rc != PIN_OK)
			break;
		r->result.rc = res.rc;
		r->result.revision = res.revision;
		r->result.failed = res.failed;
		r->result.actual = res.actual;
		compacted |= r->cmd.kind == PIN_MVCC_COMPACT &&
		    res.rc == PIN_OK;
	}
	if (rc != PIN_OK) {
		store_fatal(s, &err);
		answer_failed(s, b, &err);
		return;
	}
	entry_end(s, index, term, compacted);
	answer_all(s, b);
	evict(s);
}

/* Somebody else's, or one from before a restart. */
void
store_apply_bytes(struct store *s, const struct pin_entry *e)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_mvcc_result res;
	int rc, compacted = 0;

	entry_begin(s);
	if (!in_order(s, e->index))
		return;
	rc = pin_mvcc_reader_init(s->reader, e->bytes->data, e->bytes->len,
	    &err);
	while (rc == PIN_OK) {
		rc = pin_mvcc_reader_next(s->reader, &err);
		if (rc == PIN_OK)
			rc = apply_cmd(s, &s->reader->cmd, &res, &err);
		if (rc == PIN_OK)
			compacted |= res.rc == PIN_OK &&
			    s->reader->cmd.kind == PIN_MVCC_COMPACT;
	}
	pin_mvcc_reader_fini(s->reader);
	if (rc != PIN_ENOTFOUND) {	/* that is the end of it */
		(void)pin_err_wrap(&err, "entry %llu",
		    (unsigned long long)e->index);
		store_fatal(s, &err);
		for (uint32_t i = 0; i < s->nevents; i++)
			pin_buf_put(&s->events[i].before);
		s->nevents = 0;
		return;
	}
	entry_end(s, e->index, e->term, compacted);
	evict(s);
}
