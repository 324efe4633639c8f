/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apply.c -- what a command does to the state: eval looks, commit acts.
 * The only code that makes revisions. No clock, no random, no I/O but old
 * values by position. Threads: the writing one; commit under the lock.
 * Contract: same state and same command, same result, on every member. */
#include "lib/mvcc/mvcc_int.h"

#include <stdlib.h>
#include <string.h>

struct pin_mvcc *
pin_mvcc_new(const struct pin_engine *e, size_t ring_bytes, uint64_t seed)
{
	struct pin_mvcc *m = pin_xcalloc(1, sizeof(*m));

	m->magic = MVCC_MAGIC;
	m->engine = *e;
	pin__index_init(&m->index, seed);
	pin__ring_init(&m->ring, ring_bytes);
	return (m);
}

static void
drop_events(struct pin_mvcc *m)
{
	for (uint32_t i = 0; i < m->nsteps; i++)
		pin_buf_put(&m->events[i].before);
	m->nsteps = 0;
	m->compact_to = 0;
}

void
pin_mvcc_free(struct pin_mvcc **mp)
{
	struct pin_mvcc *m = *mp;

	if (m == NULL)
		return;
	PIN_VALID(m, MVCC_MAGIC);
	drop_events(m);
	pin__lease_fini(&m->leases);
	pin__ring_fini(&m->ring);
	pin__index_fini(&m->index);
	free(m->dels);
	m->magic = 0;
	free(m);
	*mp = NULL;
}

void
pin_mvcc_tick(struct pin_mvcc *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
}

const struct pin_mvcc_meta *
pin_mvcc_meta(const struct pin_mvcc *m)
{
	return (&m->meta);
}

void
pin_mvcc_set_cluster(struct pin_mvcc *m, uint64_t id)
{
	m->meta.cluster_id = id;
}

void
pin_mvcc_counts(const struct pin_mvcc *m, struct pin_mvcc_counts *c)
{
	c->keys = m->index.alive;
	c->versions = m->index.versions;
	c->ring_bytes = m->ring.bytes;
	c->ring_events = m->ring.n;
	c->dirty_bytes = m->ring.dirty_bytes;
	c->dirty_events = m->ring.dirty;
	c->deletes = m->ndels;
}

static uint64_t
due_at(const struct pin_mvcc *m, uint32_t ttl_s)
{
	return (m->now_ns + (uint64_t)ttl_s * UINT64_C(1000000000));
}

/* ---- looking ----------------------------------------------------- */

/* The newest version when it is not a deletion. */
static const struct ver *
alive(const struct mkey *k)
{
	if (k == NULL || k->nvers == 0 || VER_DEAD(MKEY_LAST(k)))
		return (NULL);
	return (MKEY_LAST(k));
}

static int
compare(const struct pin_mvcc *m, const struct pin_cmp *c, uint64_t *actual)
{
	const struct ver *v = alive(pin__index_get(&m->index, c->key));

	*actual = v != NULL ? PIN_MVCC_REV(v->pos) : 0;
	if (c->type == PIN_CMP_EXISTS)
		return (v != NULL);
	return (*actual == c->revision);
}

static int
fetch(struct pin_mvcc *m, uint64_t pos, struct pin_buf **out,
    struct pin_err *err)
{
	int rc;

	*out = pin_mvcc_ring_get(m, pos);
	if (*out != NULL)
		return (PIN_OK);
	rc = m->engine.ops->get(m->engine.self, &pos, 1, out, err);
	if (rc == PIN_ENOTFOUND)
		rc = pin_err_set(err, PIN_ECORRUPT,
		    "the value of revision %llu is missing",
		    (unsigned long long)PIN_MVCC_REV(pos));
	return (rc);
}

/* One operation; takes a place in steps and events when it does anything. */
static int
eval_op(struct pin_mvcc *m, const struct pin_op *op, struct pin_err *err)
{
	struct step *s = &m->steps[m->nsteps];
	struct pin_event *e = &m->events[m->nsteps];
	const struct ver *v;
	struct mkey *k;

	k = pin__index_get(&m->index, op->key);
	v = alive(k);
	if (op->type == PIN_DELETE && v == NULL)
		return (PIN_OK);
	memset(s, 0, sizeof(*s));
	memset(e, 0, sizeof(*e));
	s->key = k;
	s->row.pos = PIN_MVCC_POS(m->meta.revision + 1, m->nsteps);
	s->row.key = op->key;
	s->row.before_pos = v != NULL ? v->pos : 0;
	if (op->type == PIN_PUT) {
		s->row.create_rev = v != NULL ? v->create_rev :
		    m->meta.revision + 1;
		s->row.version = v != NULL ? VER_VERSION(v) + 1 : 1;
		s->row.ttl_s = op->ttl_s;
		s->row.len = (uint32_t)op->value->len;
		s->row.value = op->value;
	}
	e->revision = m->meta.revision + 1;
	e->create_rev = s->row.create_rev;
	e->value = s->row.value;
	m->nsteps++;			/* from here drop_events frees */
	if (v == NULL)
		return (PIN_OK);
	e->before_rev = PIN_MVCC_REV(v->pos);
	return (fetch(m, v->pos, &e->before, err));
}

static int
eval_compact(struct pin_mvcc *m, uint64_t rev)
{
	if (rev > m->meta.revision)
		return (PIN_EFUTURE);
	if (rev <= m->meta.compacted)
		return (PIN_EGONE);
	m->compact_to = rev;
	return (PIN_OK);
}

int
pin_mvcc_eval(struct pin_mvcc *m, const struct pin_mvcc_cmd *c,
    struct pin_mvcc_result *r, struct pin_err *err)
{
	int rc = PIN_OK;

	PIN_VALID(m, MVCC_MAGIC);
	drop_events(m);
	memset(r, 0, sizeof(*r));
	r->revision = m->meta.revision;
	if (c->kind == PIN_MVCC_COMPACT) {
		r->rc = eval_compact(m, c->revision);
		return (PIN_OK);
	}
	for (uint32_t i = 0; i < c->ncmps; i++) {
		if (compare(m, &c->cmps[i], &r->actual))
			continue;
		r->rc = PIN_ECONFLICT;
		r->failed = i;
		return (PIN_OK);
	}
	r->actual = 0;
	PIN_ASSERT(m->meta.revision < PIN_MVCC_REV_MAX);
	for (uint32_t i = 0; i < c->nops && rc == PIN_OK; i++)
		rc = eval_op(m, &c->ops[i], err);
	if (rc != PIN_OK)
		return (rc);
	r->nevents = m->nsteps;
	r->events = m->events;
	if (m->nsteps != 0)
		r->revision = m->meta.revision + 1;
	return (PIN_OK);
}

/* ---- acting ------------------------------------------------------ */

static void
put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* The content hash runs over position, lineage, key and value. */
static uint64_t
hash_row(uint64_t hash, const struct pin_mvcc_row *r)
{
	uint8_t head[40];

	put64(head, r->pos);
	put64(head + 8, r->create_rev);
	put64(head + 16, r->version);
	put64(head + 24, r->before_pos);
	put64(head + 32, (uint64_t)r->ttl_s << 32 | (uint32_t)r->key.len);
	hash = pin_hash64(head, sizeof(head), hash);
	hash = pin_hash64(r->key.p, r->key.len, hash);
	if (r->value != NULL)
		hash = pin_hash64(r->value->data, r->value->len, hash);
	return (hash);
}

static void
commit_step(struct pin_mvcc *m, struct step *s, struct pin_event *e)
{
	const struct pin_mvcc_row *row;
	struct mkey *k = s->key;
	struct ver v;

	if (k == NULL)
		k = pin__index_add(&m->index, s->row.key);
	v.pos = s->row.pos;
	v.create_rev = s->row.create_rev;
	v.verlen = VER_MAKE(s->row.version, s->row.len);
	pin__mkey_push(&m->index, k, &v);
	row = pin__ring_push(&m->ring, &s->row);
	e->key = row->key;
	m->meta.hash = hash_row(m->meta.hash, row);
	if (row->ttl_s != 0)
		pin__lease_set(&m->leases, k, due_at(m, row->ttl_s));
	else
		pin__lease_clear(&m->leases, k);
}

void
pin_mvcc_commit(struct pin_mvcc *m)
{
	PIN_VALID(m, MVCC_MAGIC);
	if (m->compact_to != 0) {
		PIN_ASSERT(m->compact_to > m->meta.compacted &&
		    m->compact_to <= m->meta.revision);
		m->meta.compacted = m->compact_to;
		m->compact_to = 0;
	}
	if (m->nsteps == 0)
		return;
	for (uint32_t i = 0; i < m->nsteps; i++)
		commit_step(m, &m->steps[i], &m->events[i]);
	m->meta.revision++;
	PIN_ASSERT(PIN_MVCC_REV(m->steps[0].row.pos) == m->meta.revision);
}

void
pin_mvcc_applied(struct pin_mvcc *m, uint64_t index, uint64_t term)
{
	PIN_ASSERT(index == m->meta.applied + 1);
	m->meta.applied = index;
	m->meta.term = term;
	m->meta_dirty++;
}

int
pin_mvcc_evict(struct pin_mvcc *m)
{
	pin__ring_evict(&m->ring);
	return (pin_mvcc_ring_full(m));
}

int
pin_mvcc_ring_full(const struct pin_mvcc *m)
{
	return (m->ring.dirty_bytes >= m->ring.budget);
}

/* ---- leases ------------------------------------------------------ */

uint64_t
pin_mvcc_due_next(const struct pin_mvcc *m)
{
	return (m->leases.n == 0 ? UINT64_MAX : m->leases.heap[0].due_ns);
}

uint32_t
pin_mvcc_due(struct pin_mvcc *m, struct pin_mvcc_due *due, uint32_t max)
{
	uint32_t n = 0;
	struct mkey *k;

	while (n < max && pin_mvcc_due_next(m) <= m->now_ns) {
		k = m->leases.heap[0].key;
		PIN_ASSERT(alive(k) != NULL);
		due[n].key = MKEY_STR(k);
		due[n].mod_rev = PIN_MVCC_REV(MKEY_LAST(k)->pos);
		n++;
		/* Should the proposal be lost, it is due again. */
		pin__lease_set(&m->leases, k, m->now_ns + LEASE_RETRY_NS);
	}
	return (n);
}

/* ---- starting ---------------------------------------------------- */

/* Rows come by position; the index wants them by key. Each becomes a key of
 * its own with one version, its time to live in `lease`; then they are sorted
 * and those of one key are joined. */
struct load {
	struct pin_mvcc	*m;
	struct mkey	**keys;
	size_t		 n, cap;
	uint64_t	 last;
	struct pin_err	*err;
	int		 rc;
};

static int
load_row(void *arg, const struct pin_mvcc_row *row)
{
	struct load *l = arg;
	struct mkey *k;

	if (row->pos <= l->last ||
	    PIN_MVCC_REV(row->pos) > l->m->meta.revision ||
	    row->key.len == 0 || row->key.len > PIN_KEY_MAX) {
		l->rc = pin_err_set(l->err, PIN_ECORRUPT,
		    "row %llu.%u of a store at revision %llu",
		    (unsigned long long)PIN_MVCC_REV(row->pos),
		    (unsigned)(row->pos & 0xff),
		    (unsigned long long)l->m->meta.revision);
		return (1);
	}
	l->last = row->pos;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 1024 : l->cap * 2;
		l->keys = pin_xrealloc(l->keys, l->cap * sizeof(*l->keys));
	}
	k = pin__mkey_new(&l->m->index, row->key);
	k->u.one.pos = row->pos;
	k->u.one.create_rev = row->create_rev;
	k->u.one.verlen = VER_MAKE(row->version, row->len);
	k->lease = row->ttl_s;
	l->keys[l->n++] = k;
	return (0);
}

static int
load_cmp(const void *a, const void *b)
{
	const struct mkey *x = *(struct mkey *const *)a;
	const struct mkey *y = *(struct mkey *const *)b;
	int c = memcmp(MKEY_P(x), MKEY_P(y), x->len < y->len ? x->len :
	    y->len);

	if (c != 0)
		return (c);
	if (x->len != y->len)
		return (x->len < y->len ? -1 : 1);
	return (x->u.one.pos < y->u.one.pos ? -1 :
	    x->u.one.pos > y->u.one.pos);
}

static void
load_index(struct pin_mvcc *m, struct load *l)
{
	struct mkey *k = NULL, *r;
	uint32_t ttl_s;
	struct ver v;

	if (l->n != 0)
		qsort(l->keys, l->n, sizeof(*l->keys), load_cmp);
	for (size_t i = 0; i < l->n; i++) {
		r = l->keys[i];
		v = r->u.one;
		ttl_s = r->lease;
		r->lease = 0;
		if (k == NULL || !pin_str_eq(MKEY_STR(k), MKEY_STR(r))) {
			k = r;
			pin__index_append(&m->index, k);
		} else
			pin__mkey_free(r);
		pin__mkey_push(&m->index, k, &v);
		if (ttl_s != 0)
			pin__lease_set(&m->leases, k, due_at(m, ttl_s));
		else
			pin__lease_clear(&m->leases, k);
	}
	l->n = 0;
}

int
pin_mvcc_load(struct pin_mvcc *m, struct pin_err *err)
{
	struct load l = { .m = m, .err = err, .rc = PIN_OK };
	int rc;

	PIN_VALID(m, MVCC_MAGIC);
	PIN_ASSERT(m->index.keys == 0 && m->meta.applied == 0);
	rc = m->engine.ops->meta(m->engine.self, &m->meta, err);
	if (rc == PIN_ENOTFOUND)
		return (PIN_OK);
	if (rc == PIN_OK)
		rc = m->engine.ops->load(m->engine.self, load_row, &l, err);
	if (rc == PIN_OK)
		rc = l.rc;
	if (rc == PIN_OK)
		load_index(m, &l);
	for (size_t i = 0; i < l.n; i++)
		pin__mkey_free(l.keys[i]);
	free(l.keys);
	return (rc);
}
