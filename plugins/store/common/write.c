/* SPDX-License-Identifier: BSD-2-Clause
 *
 * write.c -- from a caller's transaction to a batch in the consensus: copy,
 * queue, close a batch when the one before it is on its way.
 * Applies nothing. Threads: txn and compact any; the hook is state's.
 * Contract: pintle/store.h. */
#include "plugins/store/common/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- any thread -------------------------------------------------- */

static void
req_arrived(struct pin_msg *m)
{
	struct req *r = (struct req *)(void *)m;
	struct store *s = r->store;

	r->next = NULL;
	*s->waiting_tail = r;
	s->waiting_tail = &r->next;
}

/* Room for compares, operations and their keys behind the request. */
static struct req *
req_new(struct store *s, const struct pin_txn *t)
{
	size_t cmps = t->ncmps * sizeof(struct pin_cmp);
	size_t ops = t->nops * sizeof(struct pin_op), keys = 0;
	struct pin_cmp *c;
	struct pin_op *o;
	struct req *r;
	char *p;

	for (uint32_t i = 0; i < t->ncmps; i++)
		keys += t->cmps[i].key.len;
	for (uint32_t i = 0; i < t->nops; i++)
		keys += t->ops[i].key.len;
	r = malloc(sizeof(*r) + cmps + ops + keys);
	if (r == NULL)
		return (NULL);
	memset(r, 0, sizeof(*r));
	c = (struct pin_cmp *)(void *)(r + 1);
	o = (struct pin_op *)(void *)((char *)c + cmps);
	p = (char *)o + ops;
	for (uint32_t i = 0; i < t->ncmps; i++) {
		c[i] = t->cmps[i];
		c[i].key.p = memcpy(p, t->cmps[i].key.p, c[i].key.len);
		p += c[i].key.len;
	}
	for (uint32_t i = 0; i < t->nops; i++) {
		o[i] = t->ops[i];
		o[i].key.p = memcpy(p, t->ops[i].key.p, o[i].key.len);
		p += o[i].key.len;
		if (o[i].value != NULL)
			pin_buf_get(o[i].value);
	}
	r->msg.fn = req_arrived;
	r->store = s;
	r->cmd.kind = PIN_MVCC_TXN;
	r->cmd.ncmps = t->ncmps;
	r->cmd.nops = t->nops;
	r->cmd.cmps = c;
	r->cmd.ops = o;
	r->bytes = pin_mvcc_size(&r->cmd);
	return (r);
}

/* A place in the queue, or PIN_EBUSY. */
static int
enter(struct store *s, struct pin_err *err)
{
	int rc = atomic_load(&s->closed);

	if (rc != PIN_OK)
		return (pin_err_set(err, rc, rc == PIN_ECLOSED ?
		    "the store is stopped" : "the store failed"));
	if (atomic_fetch_add(&s->queued, 1) < PIN_STORE_QUEUE_MAX)
		return (PIN_OK);
	atomic_fetch_sub(&s->queued, 1);
	return (pin_err_set(err, PIN_EBUSY,
	    "%d transactions are waiting to be stored", PIN_STORE_QUEUE_MAX));
}

/* Deletions go on above the quota: they are the way back. */
static int
room(struct store *s, const struct pin_txn *t, struct pin_err *err)
{
	uint64_t bytes = atomic_load(&s->engine_bytes);

	if (atomic_load(&s->engine_full))
		return (pin_err_set(err, PIN_ENOSPACE,
		    "no space left for the store"));
	if (s->quota == 0 || bytes < s->quota)
		return (PIN_OK);
	for (uint32_t i = 0; i < t->nops; i++)
		if (t->ops[i].type == PIN_PUT)
			return (pin_err_set(err, PIN_ENOSPACE,
			    "the store holds %llu bytes, its quota is %llu",
			    (unsigned long long)bytes,
			    (unsigned long long)s->quota));
	return (PIN_OK);
}

int
store_txn(void *self, const struct pin_txn *t, pin_store_done_fn *done,
    void *arg, struct pin_err *err)
{
	struct store *s = self;
	struct req *r;
	int rc;

	PIN_VALID(s, STORE_MAGIC);
	rc = pin_mvcc_check(t, err);
	if (rc == PIN_OK)
		rc = room(s, t, err);
	if (rc == PIN_OK)
		rc = enter(s, err);
	if (rc != PIN_OK)
		return (rc);
	r = req_new(s, t);
	if (r == NULL) {
		atomic_fetch_sub(&s->queued, 1);
		return (pin_err_set(err, PIN_ENOMEM,
		    "a transaction of %u operations", t->nops));
	}
	if (atomic_fetch_add(&s->queued_bytes, r->bytes) >=
	    STORE_QUEUE_BYTES) {
		atomic_fetch_sub(&s->queued_bytes, r->bytes);
		atomic_fetch_sub(&s->queued, 1);
		store_req_free(r);
		return (pin_err_set(err, PIN_EBUSY,
		    "%u bytes are waiting to be stored", STORE_QUEUE_BYTES));
	}
	r->counted = 1;
	r->done = done;
	r->arg = arg;
	pin_loop_post(s->state, &r->msg);
	return (PIN_OK);
}

int
store_compact(void *self, uint64_t revision, pin_store_done_fn *done,
    void *arg, struct pin_err *err)
{
	struct store *s = self;
	struct req *r;
	int rc;

	PIN_VALID(s, STORE_MAGIC);
	rc = enter(s, err);
	if (rc != PIN_OK)
		return (rc);
	r = pin_xcalloc(1, sizeof(*r));
	r->msg.fn = req_arrived;
	r->store = s;
	r->cmd.kind = PIN_MVCC_COMPACT;
	r->cmd.revision = revision;
	r->bytes = pin_mvcc_size(&r->cmd);
	atomic_fetch_add(&s->queued_bytes, r->bytes);
	r->counted = 1;
	r->done = done;
	r->arg = arg;
	pin_loop_post(s->state, &r->msg);
	return (PIN_OK);
}

/* ---- state: batches ---------------------------------------------- */

static struct batch *
batch_take(struct store *s)
{
	struct batch *b = pin_xcalloc(1, sizeof(*b));
	struct req *r;

	b->tail = &b->head;
	b->bytes = PIN_MVCC_BATCH_HEAD;
	while ((r = s->waiting) != NULL && b->n < PIN_MVCC_CMDS_MAX &&
	    (b->n == 0 || b->bytes + r->bytes <= STORE_BATCH_BYTES)) {
		s->waiting = r->next;
		if (s->waiting == NULL)
			s->waiting_tail = &s->waiting;
		r->next = NULL;
		*b->tail = r;
		b->tail = &r->next;
		b->bytes += r->bytes;
		b->n++;
	}
	return (b);
}

/* Back to the front of the queue: it will be tried again. */
static void
batch_return(struct store *s, struct batch *b)
{
	if (s->waiting == NULL)
		s->waiting_tail = b->tail;
	*b->tail = s->waiting;
	s->waiting = b->head;
	free(b);
}

static void
batch_fail(struct store *s, struct batch *b, int rc, const struct pin_err *err)
{
	struct pin_err copy = err != NULL ? *err : (struct pin_err)PIN_ERR_INIT;
	struct req *r, *next;

	copy.code = rc;
	for (r = b->head; r != NULL; r = next) {
		next = r->next;
		r->result.rc = rc;
		r->result.revision = pin_mvcc_meta(s->m)->revision;
		r->result.err = &copy;
		store_req_done(s, r);
	}
	free(b);
}

static struct pin_buf *
batch_encode(const struct batch *b)
{
	struct pin_buf *buf = pin_buf_new(b->bytes);
	uint8_t *p;

	if (buf == NULL)
		return (NULL);
	p = pin_mvcc_encode_head(buf->data, b->n);
	for (const struct req *r = b->head; r != NULL; r = r->next)
		p = pin_mvcc_encode(p, &r->cmd);
	PIN_ASSERT(p == buf->data + b->bytes);
	return (buf);
}

/* Returns 0 when the consensus takes no more for now. */
static int
batch_propose(struct store *s, struct batch *b)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_buf *buf;
	int rc;

	if (s->cons == NULL) {
		store_apply_batch(s, pin_mvcc_meta(s->m)->applied + 1, 1, b);
		return (1);
	}
	buf = batch_encode(b);
	rc = buf == NULL ? pin_err_set(&err, PIN_ENOMEM,
	    "a batch of %zu bytes", b->bytes) :
	    s->cons->ops->propose(s->cons->self, &buf, b, &err);
	if (rc == PIN_OK) {
		s->inflight++;
		return (1);
	}
	pin_buf_put(&buf);
	if (rc == PIN_EBUSY && s->inflight != 0) {
		batch_return(s, b);
		return (0);
	}
	atomic_store(&s->no_space, rc == PIN_ENOSPACE);
	batch_fail(s, b, rc, &err);
	return (1);
}

static void
drop_waiting(struct store *s, int rc, const char *why)
{
	struct pin_err err = PIN_ERR_INIT;

	(void)pin_err_set(&err, rc, "%s", why);
	while (s->waiting != NULL)
		batch_fail(s, batch_take(s), rc, &err);
}

/* Before state sleeps: close batches, and see to the rest. */
void
store_hook(void *arg)
{
	struct store *s = arg;

	if (s->dead)
		drop_waiting(s, PIN_EIO, "the store failed");
	/* The engine makes no room in the ring until it gets some itself. */
	if (atomic_load(&s->engine_full) && pin_mvcc_ring_full(s->m))
		drop_waiting(s, PIN_ENOSPACE, "no space left for the store");
	while (s->waiting != NULL && s->inflight < STORE_INFLIGHT_MAX &&
	    !pin_mvcc_ring_full(s->m))
		if (!batch_propose(s, batch_take(s)))
			break;
	store_prune_look(s);
	store_flush_look(s);
	store_lease_arm(s);
	if (s->stopping != NULL && store_idle(s))
		pin_loop_stop(s->stopping);
}

/* ---- from the consensus: its thread, queue only ------------------ */

struct commit_msg {
	struct pin_msg	 msg;
	struct store	*store;
	uint32_t	 n;
	struct pin_entry entries[];
};

static void
entry_apply(struct store *s, struct pin_entry *e)
{
	struct batch *b = e->cookie;

	if (b != NULL) {
		PIN_ASSERT(s->inflight != 0);
		s->inflight--;
	}
	if (s->dead && b != NULL)
		batch_fail(s, b, PIN_EIO, NULL);
	else if (s->dead)
		;
	else if (b != NULL)
		store_apply_batch(s, e->index, e->term, b);
	else
		store_apply_bytes(s, e);
	pin_buf_put(&e->bytes);
}

static void
commit_arrived(struct pin_msg *m)
{
	struct commit_msg *c = (struct commit_msg *)(void *)m;
	struct store *s = c->store;

	atomic_store(&s->no_space, 0);
	for (uint32_t i = 0; i < c->n; i++)
		entry_apply(s, &c->entries[i]);
	free(c);
}

void
store_committed(void *arg, struct pin_entry *entries, uint32_t n)
{
	struct store *s = arg;
	struct commit_msg *c;

	PIN_VALID(s, STORE_MAGIC);
	if (s->replaying) {
		for (uint32_t i = 0; i < n; i++) {
			entry_apply(s, &entries[i]);
			if (!s->dead && s->replay_rc == PIN_OK)
				s->replay_rc = store_flush_now(s,
				    s->replay_err);
			if (s->replay_rc != PIN_OK)
				s->dead = 1;
		}
		return;
	}
	c = pin_xmalloc(sizeof(*c) + n * sizeof(c->entries[0]));
	c->msg.fn = commit_arrived;
	c->store = s;
	c->n = n;
	memcpy(c->entries, entries, n * sizeof(c->entries[0]));
	pin_loop_post(s->state, &c->msg);
}

struct drop_msg {
	struct pin_msg	 msg;
	struct store	*store;
	struct batch	*batch;
	struct pin_err	 err;
	int		 rc;
	int		 fatal;
};

static void
drop_arrived(struct pin_msg *m)
{
	struct drop_msg *d = (struct drop_msg *)(void *)m;
	struct store *s = d->store;

	if (d->batch != NULL) {
		PIN_ASSERT(s->inflight != 0);
		s->inflight--;
		if (d->rc == PIN_ENOSPACE)
			atomic_store(&s->no_space, 1);
		batch_fail(s, d->batch, d->rc, &d->err);
	}
	if (d->fatal)
		store_fatal(s, &d->err);
	free(d);
}

static struct drop_msg *
drop_new(struct store *s, int rc, const struct pin_err *err)
{
	struct drop_msg *d = pin_xcalloc(1, sizeof(*d));

	d->msg.fn = drop_arrived;
	d->store = s;
	d->rc = rc;
	if (err != NULL)
		d->err = *err;
	return (d);
}

void
store_dropped(void *arg, void *cookie, int rc, const struct pin_err *err)
{
	struct store *s = arg;
	struct drop_msg *d = drop_new(s, rc, err);

	d->batch = cookie;
	pin_loop_post(s->state, &d->msg);
}

void
store_consensus_fatal(void *arg, const struct pin_err *err)
{
	struct store *s = arg;
	struct drop_msg *d = drop_new(s, PIN_EIO, err);

	d->fatal = 1;
	pin_loop_post(s->state, &d->msg);
}

/* ---- state: times to live ---------------------------------------- */

static int
may_propose(struct store *s)
{
	struct pin_consensus_status st;

	if (s->cons == NULL)
		return (1);
	memset(&st, 0, sizeof(st));
	st.size = sizeof(st);
	s->cons->ops->status(s->cons->self, &st);
	return (st.is_leader);
}

/* "If it is still what it was, delete it": an ordinary transaction, so
 * that every member sees the key go at the same revision. */
static void
expire(struct store *s, const struct pin_mvcc_due *d)
{
	struct pin_cmp cmp = { .type = PIN_CMP_MOD, .revision = d->mod_rev,
	    .key = d->key };
	struct pin_op op = { .type = PIN_DELETE, .key = d->key };
	struct pin_txn t = { .size = sizeof(t), .ncmps = 1, .nops = 1,
	    .cmps = &cmp, .ops = &op };
	struct req *r = req_new(s, &t);

	if (r != NULL)			/* else it is due again later */
		req_arrived(&r->msg);
}

void
store_lease_timer(struct pin_timer *t)
{
	struct store *s = (struct store *)(void *)((char *)t -
	    offsetof(struct store, lease_timer));
	struct pin_mvcc_due due[STORE_LEASES_BATCH];
	uint32_t n;

	if (s->dead || s->stopping != NULL)
		return;
	if (!may_propose(s)) {		/* the leader does; look again */
		pin_timer_start(&s->lease_timer, STORE_LEASE_LOOK_MS);
		return;
	}
	s->lease_due = UINT64_MAX;	/* the hook sets it anew */
	pin_mvcc_tick(s->m, pin_host_now(s->host));
	n = pin_mvcc_due(s->m, due, STORE_LEASES_BATCH);
	for (uint32_t i = 0; i < n; i++)
		expire(s, &due[i]);
}

void
store_lease_arm(struct store *s)
{
	uint64_t due = pin_mvcc_due_next(s->m), now;

	if (due == s->lease_due || s->dead || s->stopping != NULL)
		return;
	s->lease_due = due;
	if (due == UINT64_MAX) {
		pin_timer_stop(&s->lease_timer);
		return;
	}
	now = pin_host_now(s->host);
	/* Rounded up: never early. */
	pin_timer_start(&s->lease_timer, due <= now ? 0 :
	    (due - now) / 1000000 + 1);
}
