/* SPDX-License-Identifier: BSD-2-Clause
 *
 * read.c -- get, range and history: places from the index under the shared
 * lock, values from the ring or, without any lock, from the engine.
 * Changes nothing. Threads: any, several at once.
 * Contract: one call reads one revision; no lock and no read transaction
 * lives while `emit` runs. A long read holds a pin: what it may still need
 * is not pruned. */
#include "plugins/store/common/store.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES	(1u << 20)	/* of values in memory at once */
#define COUNT_KEYS	4096		/* under one lock */

/* ---- pins -------------------------------------------------------- */

/* Under the shared lock, so that pruning sees it before it goes on. */
static int
pin_take(struct store *s, uint64_t rev, uint32_t *slot, struct pin_err *err)
{
	int rc = PIN_OK;
	uint32_t i;

	pthread_mutex_lock(&s->pin_lock);
	for (i = 0; i < STORE_READERS_MAX && s->pins[i] != 0; i++)
		;
	if (i == STORE_READERS_MAX)
		rc = pin_err_set(err, PIN_EBUSY, "%d ranges are being read",
		    STORE_READERS_MAX);
	else {
		s->pins[i] = rev != 0 ? rev : 1;
		if (s->npins < i + 1)
			s->npins = i + 1;
		*slot = i;
	}
	pthread_mutex_unlock(&s->pin_lock);
	return (rc);
}

static void
pin_drop(struct store *s, uint32_t slot)
{
	pthread_mutex_lock(&s->pin_lock);
	s->pins[slot] = 0;
	while (s->npins != 0 && s->pins[s->npins - 1] == 0)
		s->npins--;
	pthread_mutex_unlock(&s->pin_lock);
}

uint64_t
store_pin_min(struct store *s)
{
	uint64_t min = UINT64_MAX;

	pthread_mutex_lock(&s->pin_lock);
	for (uint32_t i = 0; i < s->npins; i++)
		if (s->pins[i] != 0 && s->pins[i] < min)
			min = s->pins[i];
	pthread_mutex_unlock(&s->pin_lock);
	return (min);
}

static int
read_begin(struct store *s, uint64_t *at, uint32_t *slot, struct pin_err *err)
{
	int rc;

	store_rdlock(s);
	rc = pin_mvcc_admit(s->m, at, err);
	if (rc == PIN_OK)
		rc = pin_take(s, *at, slot, err);
	store_rdunlock(s);
	return (rc);
}

/* ---- get --------------------------------------------------------- */

static int
not_found(struct pin_str key, struct pin_err *err)
{
	return (pin_err_set(err, PIN_ENOTFOUND, "no key " PIN_SFMT,
	    PIN_SARG(key)));
}

/* One try: PIN_ENOTFOUND from the engine means that the version was pruned
 * between the two looks. */
static int
get_try(struct store *s, struct pin_str key, uint64_t at,
    struct pin_mvcc_row *row, int *again, struct pin_err *err)
{
	int rc;

	*again = 0;
	store_rdlock(s);
	rc = pin_mvcc_admit(s->m, &at, err);
	if (rc == PIN_OK) {
		rc = pin_mvcc_find(s->m, key, at, row);
		if (rc == PIN_ENOTFOUND)
			(void)not_found(key, err);
	}
	store_rdunlock(s);
	if (rc != PIN_OK || row->value != NULL)
		return (rc);
	rc = s->engine.ops->get(s->engine.self, &row->pos, 1, &row->value,
	    err);
	*again = rc == PIN_ENOTFOUND;
	return (rc);
}

int
store_get(void *self, struct pin_str key, uint64_t at, struct pin_buf **out,
    struct pin_kv *kv, struct pin_err *err)
{
	struct store *s = self;
	struct pin_mvcc_row row = { 0 };
	int rc, again = 1;

	PIN_VALID(s, STORE_MAGIC);
	*out = NULL;
	for (int i = 0; again && i < STORE_GET_RETRIES; i++)
		rc = get_try(s, key, at, &row, &again, err);
	if (again)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "the value of " PIN_SFMT " is missing", PIN_SARG(key)));
	if (rc != PIN_OK)
		return (rc);
	*out = row.value;
	if (kv != NULL) {
		kv->key = key;
		kv->value = row.value;
		kv->create_rev = row.create_rev;
		kv->mod_rev = PIN_MVCC_REV(row.pos);
		kv->version = row.version;
	}
	return (PIN_OK);
}

/* ---- range ------------------------------------------------------- */

struct range {
	struct store	*s;
	const struct pin_range *q;
	struct pin_range_result *res;
	struct pin_mvcc_chunk *c;
	uint64_t	 pos[PIN_MVCC_CHUNK_ROWS];
	struct pin_buf	*bufs[PIN_MVCC_CHUNK_ROWS];
	char		 last[PIN_KEY_MAX];	/* key emitted last */
	size_t		 last_len;
	int		 after;		/* last is set */
	uint64_t	 bytes;
};

/* The values the ring did not have, in one engine call. */
static int
fill_values(struct range *r, struct pin_err *err)
{
	struct pin_mvcc_chunk *c = r->c;
	uint32_t n = 0;
	int rc;

	for (uint32_t i = 0; i < c->n; i++)
		if (c->rows[i].value == NULL)
			r->pos[n++] = c->rows[i].pos;
	if (n == 0)
		return (PIN_OK);
	memset(r->bufs, 0, n * sizeof(r->bufs[0]));
	rc = r->s->engine.ops->get(r->s->engine.self, r->pos, n, r->bufs,
	    err);
	if (rc == PIN_ENOTFOUND)
		rc = pin_err_set(err, PIN_ECORRUPT,
		    "a value is missing from the engine");
	for (uint32_t i = 0, k = 0; i < c->n; i++)
		if (c->rows[i].value == NULL)
			c->rows[i].value = r->bufs[k++];
	return (rc);
}

/* Hands out the chunk. Returns 1 when that was all. */
static int
emit_chunk(struct range *r, pin_store_emit_fn *emit, void *arg)
{
	const struct pin_range *q = r->q;
	const struct pin_mvcc_row *row;
	struct pin_kv kv;
	int stop = 0;
	uint32_t i;

	for (i = 0; i < r->c->n && !stop; i++) {
		row = &r->c->rows[i];
		kv.key = row->key;
		kv.value = row->value;
		kv.create_rev = row->create_rev;
		kv.mod_rev = PIN_MVCC_REV(row->pos);
		kv.version = row->version;
		r->last_len = row->key.len;
		memcpy(r->last, row->key.p, row->key.len);
		r->after = 1;
		r->res->emitted++;
		r->bytes += row->len;
		stop = emit(arg, &kv) != 0 ||
		    (q->limit != 0 && r->res->emitted == q->limit) ||
		    (q->bytes_max != 0 && r->bytes >= q->bytes_max);
	}
	r->res->more = i < r->c->n || !r->c->done;
	return (stop || r->c->done);
}

static struct pin_str
range_from(const struct range *r)
{
	return (r->after ? (struct pin_str){ r->last, r->last_len } :
	    r->q->start);
}

static void
next_chunk(struct range *r)
{
	const struct pin_range *q = r->q;
	int values = (q->flags & PIN_RANGE_KEYS_ONLY) == 0;
	uint64_t max = PIN_MVCC_CHUNK_ROWS;

	/* One more than wanted, to know whether keys remain. */
	if (q->limit != 0 && q->limit - r->res->emitted < max)
		max = q->limit - r->res->emitted;
	store_rdlock(r->s);
	pin_mvcc_range(r->s->m, range_from(r), r->after, q->end,
	    r->res->revision, (uint32_t)max, values ? CHUNK_BYTES : SIZE_MAX,
	    values, r->c);
	store_rdunlock(r->s);
}

static void
count_rest(struct range *r)
{
	char last[PIN_KEY_MAX];
	struct pin_str from = range_from(r);
	int after = r->after, done = 0;
	size_t len = 0;

	while (!done) {
		store_rdlock(r->s);
		r->res->remaining += pin_mvcc_count(r->s->m, from, after,
		    r->q->end, r->res->revision, COUNT_KEYS, last, &len,
		    &done);
		store_rdunlock(r->s);
		from = (struct pin_str){ last, len };
		after = 1;
	}
}

int
store_range(void *self, const struct pin_range *q, pin_store_emit_fn *emit,
    void *arg, struct pin_range_result *res, struct pin_err *err)
{
	struct store *s = self;
	struct range *r;
	uint32_t slot;
	int rc, done = 0;

	PIN_VALID(s, STORE_MAGIC);
	memset(res, 0, sizeof(*res));
	res->size = sizeof(*res);
	res->revision = q->at;
	rc = read_begin(s, &res->revision, &slot, err);
	if (rc != PIN_OK)
		return (rc);
	r = malloc(sizeof(*r) + sizeof(*r->c));
	if (r == NULL) {
		pin_drop(s, slot);
		return (pin_err_set(err, PIN_ENOMEM, "a range"));
	}
	r->s = s;
	r->q = q;
	r->res = res;
	r->c = (struct pin_mvcc_chunk *)(void *)(r + 1);
	r->after = 0;
	r->bytes = 0;
	while (rc == PIN_OK && !done) {
		next_chunk(r);
		if ((q->flags & PIN_RANGE_KEYS_ONLY) == 0)
			rc = fill_values(r, err);
		if (rc == PIN_OK)
			done = emit_chunk(r, emit, arg);
		pin_mvcc_chunk_fini(r->c);
	}
	if (rc == PIN_OK && res->more && (q->flags & PIN_RANGE_COUNT) != 0)
		count_rest(r);
	free(r);
	pin_drop(s, slot);
	return (rc);
}

/* ---- history ----------------------------------------------------- */

struct history {
	struct store	*s;
	struct pin_str	 prefix;
	struct pin_mvcc_chunk *c;
	size_t		 bytes;
	uint64_t	 next, to;
	int		 (*emit)(void *, const struct pin_event *);
	void		*arg;
};

/* One row of the engine's into the chunk. Nonzero: full. */
static int
history_row(void *arg, const struct pin_mvcc_row *row)
{
	struct history *h = arg;
	struct pin_mvcc_chunk *c = h->c;
	struct pin_mvcc_row *out;

	h->next = row->pos + 1;
	out = &c->rows[c->n++];
	*out = *row;
	memcpy(c->keys + c->keys_len, row->key.p, row->key.len);
	out->key.p = c->keys + c->keys_len;
	c->keys_len += row->key.len;
	if (out->value != NULL)
		pin_buf_get(out->value);
	h->bytes += row->len;
	return (c->n == PIN_MVCC_CHUNK_ROWS || h->bytes >= CHUNK_BYTES ||
	    sizeof(c->keys) - c->keys_len < PIN_KEY_MAX);
}

/* What was there before; only at the compacted revision it may be gone. */
static int
history_before(struct history *h, uint64_t pos, struct pin_buf **out,
    struct pin_err *err)
{
	int rc;

	*out = NULL;
	if (pos == 0)
		return (PIN_OK);
	store_rdlock(h->s);
	*out = pin_mvcc_ring_get(h->s->m, pos);
	store_rdunlock(h->s);
	if (*out != NULL)
		return (PIN_OK);
	rc = h->s->engine.ops->get(h->s->engine.self, &pos, 1, out, err);
	return (rc == PIN_ENOTFOUND ? PIN_OK : rc);
}

static int
history_emit(struct history *h, int *stop, struct pin_err *err)
{
	const struct pin_mvcc_row *row;
	struct pin_event e;
	int rc;

	for (uint32_t i = 0; i < h->c->n && !*stop; i++) {
		row = &h->c->rows[i];
		memset(&e, 0, sizeof(e));
		rc = history_before(h, row->before_pos, &e.before, err);
		if (rc != PIN_OK)
			return (rc);
		e.revision = PIN_MVCC_REV(row->pos);
		e.create_rev = row->create_rev;
		e.key = row->key;
		e.value = row->value;
		e.before_rev = PIN_MVCC_REV(row->before_pos);
		*stop = h->emit(h->arg, &e) != 0;
		pin_buf_put(&e.before);
	}
	return (PIN_OK);
}

/* Has anything with that prefix happened since? The index knows, and many
 * who resume a watch ask for what has long been quiet. */
static int
history_quiet(struct history *h, uint64_t from)
{
	struct pin_str at = h->prefix;
	char last[PIN_KEY_MAX];
	int after = 0, done = 0, changed = 0;
	size_t len = 0;

	while (!done && !changed) {
		store_rdlock(h->s);
		changed = pin_mvcc_changed(h->s->m, at, after, h->prefix,
		    from, COUNT_KEYS, last, &len, &done);
		store_rdunlock(h->s);
		at = (struct pin_str){ last, len };
		after = 1;
	}
	return (!changed);
}

/* Fills the chunk from the ring where it has everything, else from the
 * engine, up to where the ring begins. */
static int
history_chunk(struct history *h, int *done, struct pin_err *err)
{
	uint64_t from = h->next, first, to;
	int rc;

	h->c->n = 0;
	h->c->keys_len = 0;
	h->bytes = 0;
	store_rdlock(h->s);
	first = pin_mvcc_ring_first(h->s->m);
	if (from >= first)
		pin_mvcc_events(h->s->m, from, h->to, h->prefix, h->c,
		    &h->next);
	store_rdunlock(h->s);
	if (from >= first) {
		*done = h->c->done;
		return (PIN_OK);
	}
	to = first < h->to ? first : h->to;
	rc = history_quiet(h, from) ? PIN_OK : h->s->engine.ops->scan(
	    h->s->engine.self, from, to, h->prefix, history_row, h, err);
	if (h->c->n != PIN_MVCC_CHUNK_ROWS && h->bytes < CHUNK_BYTES &&
	    sizeof(h->c->keys) - h->c->keys_len >= PIN_KEY_MAX)
		h->next = to;		/* the scan came to its end */
	*done = h->next >= h->to;
	return (rc);
}

int
store_history(void *self, uint64_t first, uint64_t last,
    struct pin_str prefix, int (*emit)(void *, const struct pin_event *),
    void *arg, struct pin_err *err)
{
	struct store *s = self;
	struct history h = { .s = s, .prefix = prefix, .emit = emit,
	    .arg = arg };
	uint64_t at = first;
	int rc = PIN_OK, done = 0, stop = 0;
	uint32_t slot;

	PIN_VALID(s, STORE_MAGIC);
	if (first == 0 || last > PIN_MVCC_REV_MAX - 1)
		return (pin_err_set(err, PIN_EINVAL,
		    "history from revision %llu to %llu",
		    (unsigned long long)first, (unsigned long long)last));
	store_rdlock(s);
	if (first > pin_mvcc_meta(s->m)->revision)
		done = 1;		/* nothing yet */
	store_rdunlock(s);
	if (done || first > last)
		return (PIN_OK);
	rc = read_begin(s, &at, &slot, err);
	if (rc != PIN_OK)
		return (rc);
	h.next = PIN_MVCC_POS(first, 0);
	h.to = PIN_MVCC_POS(last + 1, 0);
	h.c = pin_xmalloc(sizeof(*h.c));
	while (rc == PIN_OK && !done && !stop) {
		rc = history_chunk(&h, &done, err);
		if (rc == PIN_OK)
			rc = history_emit(&h, &stop, err);
		pin_mvcc_chunk_fini(h.c);
	}
	free(h.c);
	pin_drop(s, slot);
	return (rc);
}
