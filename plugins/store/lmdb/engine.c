/* SPDX-License-Identifier: BSD-2-Clause
 *
 * engine.c -- rows in and out of LMDB: lmdb.h has the tables.
 * No read transaction outlives a call. Threads and contract: lmdb.h. */
#include "plugins/store/lmdb/lmdb.h"

#include <sys/statvfs.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every record: checksum of the rest (4), format, lowest reader, 0, 0. */
#define REC_HEAD	8u
/* Fewer bytes than this left: a failed commit is the disk's being full. */
#define LMDB_ROOM_MIN	(4u << 20)
#define META_SIZE	(REC_HEAD + 6 * 8)
#define VER_FIXED	(REC_HEAD + 8 + 8 + 8 + 4 + 4)

static void
put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void
put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t
get32(const uint8_t *p)
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24);
}

static uint64_t
get64(const uint8_t *p)
{
	return (get32(p) | (uint64_t)get32(p + 4) << 32);
}

static void
key_of(uint8_t k[8], uint64_t pos)
{
	for (int i = 0; i < 8; i++)
		k[i] = (uint8_t)(pos >> (56 - 8 * i));
}

static uint64_t
pos_of(const MDB_val *k)
{
	const uint8_t *p = k->mv_data;
	uint64_t pos = 0;

	for (size_t i = 0; i < 8 && i < k->mv_size; i++)
		pos = pos << 8 | p[i];
	return (pos);
}

static void
seal(uint8_t *rec, size_t len, uint64_t pos)
{
	rec[4] = LMDB_FORMAT;
	rec[5] = LMDB_FORMAT;
	rec[6] = rec[7] = 0;
	put32(rec, (uint32_t)pin_hash64(rec + 4, len - 4, pos));
}

static int
sealed(const struct lmdb *l, const MDB_val *v, size_t min, uint64_t pos,
    const char *what, struct pin_err *err)
{
	const uint8_t *rec = v->mv_data;

	if (v->mv_size >= min && (uint32_t)pin_hash64(rec + 4,
	    v->mv_size - 4, pos) == get32(rec)) {
		if (rec[5] <= LMDB_FORMAT)
			return (PIN_OK);
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s: format %u wants a reader of format %u or newer, this"
		    " one is %u", l->path, rec[4], rec[5], LMDB_FORMAT));
	}
	return (pin_err_set(err, PIN_ECORRUPT,
	    "%s: the %s of revision %llu is damaged", l->path, what,
	    (unsigned long long)PIN_MVCC_REV(pos)));
}

/* ---- read transactions ------------------------------------------- */

static int
read_begin(struct lmdb *l, MDB_txn **out, struct pin_err *err)
{
	MDB_txn *txn = NULL;
	int rc;

	pthread_mutex_lock(&l->pool_lock);
	if (l->pooled != 0)
		txn = l->pool[--l->pooled];
	pthread_mutex_unlock(&l->pool_lock);
	rc = txn != NULL ? mdb_txn_renew(txn) :
	    mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
	if (rc == 0) {
		*out = txn;
		return (PIN_OK);
	}
	if (txn != NULL)
		mdb_txn_abort(txn);
	return (lmdb_fail(l, rc, "read", err));
}

static void
read_end(struct lmdb *l, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	pthread_mutex_lock(&l->pool_lock);
	if (l->pooled < LMDB_POOL_MAX) {
		l->pool[l->pooled++] = txn;
		txn = NULL;
	}
	pthread_mutex_unlock(&l->pool_lock);
	if (txn != NULL)
		mdb_txn_abort(txn);
}

/* ---- reading ----------------------------------------------------- */

static int
value_get(struct lmdb *l, MDB_txn *txn, uint64_t pos, struct pin_buf **out,
    struct pin_err *err)
{
	uint8_t kb[8];
	MDB_val k = { sizeof(kb), kb }, v;
	int rc;

	key_of(kb, pos);
	rc = mdb_get(txn, l->val, &k, &v);
	if (rc == MDB_NOTFOUND)
		return (pin_err_set(err, PIN_ENOTFOUND, "no such version"));
	if (rc != 0)
		return (lmdb_fail(l, rc, "read", err));
	rc = sealed(l, &v, REC_HEAD, pos, "value", err);
	if (rc != PIN_OK)
		return (rc);
	*out = pin_buf_copy((uint8_t *)v.mv_data + REC_HEAD,
	    v.mv_size - REC_HEAD);
	return (*out != NULL ? PIN_OK : pin_err_set(err, PIN_ENOMEM,
	    "a value of %zu bytes", v.mv_size));
}

static int
lmdb_get(void *self, const uint64_t *pos, uint32_t n, struct pin_buf **out,
    struct pin_err *err)
{
	struct lmdb *l = self;
	MDB_txn *txn;
	int rc;

	PIN_VALID(l, LMDB_MAGIC);
	rc = read_begin(l, &txn, err);
	if (rc != PIN_OK)
		return (rc);
	for (uint32_t i = 0; i < n && rc == PIN_OK; i++)
		if (out[i] == NULL)
			rc = value_get(l, txn, pos[i], &out[i], err);
	read_end(l, txn);
	return (rc);
}

static int
row_decode(const struct lmdb *l, const MDB_val *k, const MDB_val *v,
    struct pin_mvcc_row *row, struct pin_err *err)
{
	const uint8_t *p = v->mv_data;
	int rc;

	memset(row, 0, sizeof(*row));
	row->pos = pos_of(k);
	rc = sealed(l, v, VER_FIXED, row->pos, "entry", err);
	if (rc != PIN_OK)
		return (rc);
	row->create_rev = get64(p + 8);
	row->version = get64(p + 16);
	row->before_pos = get64(p + 24);
	row->ttl_s = get32(p + 32);
	row->len = get32(p + 36);
	row->key = (struct pin_str){ (const char *)p + VER_FIXED,
	    v->mv_size - VER_FIXED };
	return (PIN_OK);
}

/* Walks ver from a position; with values or without. prefix: only keys that
 * begin so; the others' values are not looked at. */
static int
walk(struct lmdb *l, uint64_t from, uint64_t to, struct pin_str prefix,
    int values, pin_engine_row_fn *fn, void *arg, struct pin_err *err)
{
	MDB_cursor *cur = NULL;
	struct pin_mvcc_row row;
	MDB_txn *txn;
	uint8_t kb[8];
	MDB_val k = { sizeof(kb), kb }, v;
	int rc, mrc, stop = 0, wanted;

	rc = read_begin(l, &txn, err);
	if (rc != PIN_OK)
		return (rc);
	key_of(kb, from);
	mrc = mdb_cursor_open(txn, l->ver, &cur);
	if (mrc == 0)
		mrc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	while (mrc == 0 && rc == PIN_OK && !stop && pos_of(&k) < to) {
		rc = row_decode(l, &k, &v, &row, err);
		wanted = rc == PIN_OK && pin_mvcc_begins(row.key, prefix);
		if (wanted && values && row.create_rev != 0)
			rc = value_get(l, txn, row.pos, &row.value, err);
		if (wanted && rc == PIN_OK)
			stop = fn(arg, &row);
		pin_buf_put(&row.value);
		if (!stop)
			mrc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	if (cur != NULL)
		mdb_cursor_close(cur);
	read_end(l, txn);
	if (rc == PIN_ENOTFOUND)
		rc = pin_err_set(err, PIN_ECORRUPT,
		    "%s: a value of revision %llu is missing", l->path,
		    (unsigned long long)PIN_MVCC_REV(row.pos));
	if (rc == PIN_OK && mrc != 0 && mrc != MDB_NOTFOUND)
		rc = lmdb_fail(l, mrc, "read", err);
	return (rc);
}

static int
lmdb_load(void *self, pin_engine_row_fn *fn, void *arg, struct pin_err *err)
{
	return (walk(self, 0, UINT64_MAX, PIN_STR_NONE, 0, fn, arg, err));
}

static int
lmdb_scan(void *self, uint64_t from, uint64_t to, struct pin_str prefix,
    pin_engine_row_fn *fn, void *arg, struct pin_err *err)
{
	return (walk(self, from, to, prefix, 1, fn, arg, err));
}

static int
lmdb_meta(void *self, struct pin_mvcc_meta *m, struct pin_err *err)
{
	struct lmdb *l = self;
	MDB_val k = { 5, (void *)(uintptr_t)"state" }, v;
	const uint8_t *p;
	MDB_txn *txn;
	int rc, mrc;

	PIN_VALID(l, LMDB_MAGIC);
	rc = read_begin(l, &txn, err);
	if (rc != PIN_OK)
		return (rc);
	mrc = mdb_get(txn, l->meta, &k, &v);
	if (mrc == MDB_NOTFOUND)
		rc = PIN_ENOTFOUND;
	else if (mrc != 0)
		rc = lmdb_fail(l, mrc, "read", err);
	else
		rc = sealed(l, &v, META_SIZE, 0, "state", err);
	if (rc == PIN_OK) {
		p = v.mv_data;
		m->cluster_id = get64(p + 8);
		m->applied = get64(p + 16);
		m->term = get64(p + 24);
		m->revision = get64(p + 32);
		m->compacted = get64(p + 40);
		m->hash = get64(p + 48);
		atomic_store(&l->applied, m->applied);
	}
	read_end(l, txn);
	return (rc);
}

/* ---- writing ----------------------------------------------------- */

static int
write_row(struct lmdb *l, MDB_txn *txn, const struct pin_mvcc_row *r)
{
	uint8_t kb[8], *p;
	MDB_val k = { sizeof(kb), kb }, v = { VER_FIXED + r->key.len, NULL };
	int rc;

	key_of(kb, r->pos);
	rc = mdb_put(txn, l->ver, &k, &v, MDB_APPEND | MDB_RESERVE);
	if (rc != 0)
		return (rc);
	p = v.mv_data;
	put64(p + 8, r->create_rev);
	put64(p + 16, r->version);
	put64(p + 24, r->before_pos);
	put32(p + 32, r->ttl_s);
	put32(p + 36, r->len);
	memcpy(p + VER_FIXED, r->key.p, r->key.len);
	seal(p, v.mv_size, r->pos);
	if (r->value == NULL)
		return (0);
	v.mv_size = REC_HEAD + r->value->len;
	v.mv_data = NULL;
	rc = mdb_put(txn, l->val, &k, &v, MDB_APPEND | MDB_RESERVE);
	if (rc != 0)
		return (rc);
	p = v.mv_data;
	memcpy(p + REC_HEAD, r->value->data, r->value->len);
	seal(p, v.mv_size, r->pos);
	return (0);
}

static int
remove_row(struct lmdb *l, MDB_txn *txn, uint64_t pos)
{
	uint8_t kb[8];
	MDB_val k = { sizeof(kb), kb };
	int rc;

	key_of(kb, pos);
	rc = mdb_del(txn, l->ver, &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return (rc);
	rc = mdb_del(txn, l->val, &k, NULL);
	return (rc == MDB_NOTFOUND ? 0 : rc);
}

static int
write_meta(struct lmdb *l, MDB_txn *txn, const struct pin_mvcc_meta *m)
{
	uint8_t rec[META_SIZE];
	MDB_val k = { 5, (void *)(uintptr_t)"state" };
	MDB_val v = { sizeof(rec), rec };

	put64(rec + 8, m->cluster_id);
	put64(rec + 16, m->applied);
	put64(rec + 24, m->term);
	put64(rec + 32, m->revision);
	put64(rec + 40, m->compacted);
	put64(rec + 48, m->hash);
	seal(rec, sizeof(rec), 0);
	return (mdb_put(txn, l->meta, &k, &v, 0));
}

/* Pages in use: all up to the last but those on the free list, which table
 * 0 holds as arrays that begin with their length. */
void
lmdb_measure(struct lmdb *l, MDB_txn *txn)
{
	MDB_cursor *cur;
	MDB_envinfo info;
	MDB_stat st;
	MDB_val k, v;
	size_t n, unused = 0;

	if (mdb_env_info(l->env, &info) != 0 || mdb_env_stat(l->env, &st) != 0)
		return;
	if (mdb_cursor_open(txn, 0, &cur) == 0) {
		while (mdb_cursor_get(cur, &k, &v, MDB_NEXT) == 0)
			if (v.mv_size >= sizeof(n)) {
				memcpy(&n, v.mv_data, sizeof(n));
				unused += n;
			}
		mdb_cursor_close(cur);
	}
	n = info.me_last_pgno + 1;
	atomic_store(&l->bytes, (uint64_t)(n > unused ? n - unused : 0) *
	    st.ms_psize);
}

static int
no_room(const struct lmdb *l)
{
	struct statvfs v;

	return (statvfs(l->path, &v) == 0 &&
	    (uint64_t)v.f_bavail * v.f_frsize < LMDB_ROOM_MIN);
}

static int
commit_failed(struct lmdb *l, int rc, struct pin_err *err)
{
	MDB_txn *txn;

	/* When its meta page was being written LMDB is lost: nothing can be
	 * read either, and trying again is no use. */
	if (mdb_txn_begin(l->env, NULL, 0, &txn) != 0) {
		lmdb_distrust(l);
		return (pin_err_set(err, PIN_EIO,
		    "%s: commit: %s: the file must be opened anew", l->path,
		    mdb_strerror(rc)));
	}
	mdb_txn_abort(txn);
	/* A write that the disk cut short is EIO to LMDB. It was to pages
	 * that nothing refers to, and the next one writes them again; a copy
	 * of the file would need the room that is not there. */
	if (rc == EIO && no_room(l))
		rc = ENOSPC;
	if (rc == EIO)
		lmdb_distrust(l);
	return (lmdb_fail(l, rc, "commit", err));
}

static int
lmdb_write(void *self, const struct pin_engine_batch *b, struct pin_err *err)
{
	struct lmdb *l = self;
	MDB_txn *txn;
	int rc;

	PIN_VALID(l, LMDB_MAGIC);
	rc = mdb_txn_begin(l->env, NULL, 0, &txn);
	if (rc != 0)
		return (lmdb_fail(l, rc, "write", err));
	for (uint32_t i = 0; i < b->nrows && rc == 0; i++)
		rc = write_row(l, txn, &b->rows[i]);
	for (uint32_t i = 0; i < b->ndels && rc == 0; i++)
		rc = remove_row(l, txn, b->dels[i]);
	if (rc == 0)
		rc = write_meta(l, txn, b->meta);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return (lmdb_fail(l, rc, "write", err));
	}
	rc = mdb_txn_commit(txn);
	if (rc != 0)
		return (commit_failed(l, rc, err));
	atomic_store(&l->applied, b->meta->applied);
	if (read_begin(l, &txn, NULL) == PIN_OK) {
		lmdb_measure(l, txn);
		read_end(l, txn);
	}
	return (PIN_OK);
}

static uint64_t
lmdb_stable(void *self)
{
	struct lmdb *l = self;

	PIN_VALID(l, LMDB_MAGIC);
	return (atomic_load(&l->applied));
}

static uint64_t
lmdb_bytes(void *self)
{
	struct lmdb *l = self;

	PIN_VALID(l, LMDB_MAGIC);
	return (atomic_load(&l->bytes));
}

const struct pin_engine_ops lmdb_ops = {
	.meta = lmdb_meta, .load = lmdb_load, .get = lmdb_get,
	.scan = lmdb_scan, .write = lmdb_write, .stable = lmdb_stable,
	.bytes = lmdb_bytes, .close = lmdb_engine_close,
};
