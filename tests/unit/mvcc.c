/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mvcc.c -- lib/mvcc beside a model too simple to be wrong: a list of events.
 * Random transactions, compactions, flushes, failed flushes and restarts;
 * after each, reads at random revisions must agree.
 * Contract: lib/mvcc/mvcc.h. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/mvcc/mvcc_int.h"
#include "tap.h"

#define KEYS	24
#define EVENTS	6000

/* ---- an engine of one array -------------------------------------- */

struct row {
	struct pin_mvcc_row r;
	char		 key[16];
};

static struct {
	struct row	 rows[EVENTS];
	uint32_t	 n;
	struct pin_mvcc_meta meta;
	int		 refuse;	/* the next write finds no space */
} disk;

static int
eng_meta(void *self, struct pin_mvcc_meta *m, struct pin_err *err)
{
	(void)self;
	(void)err;
	if (disk.meta.applied == 0)
		return (PIN_ENOTFOUND);
	*m = disk.meta;
	return (PIN_OK);
}

static int
eng_load(void *self, pin_engine_row_fn *fn, void *arg, struct pin_err *err)
{
	(void)self;
	(void)err;
	for (uint32_t i = 0; i < disk.n; i++)
		if (fn(arg, &disk.rows[i].r) != 0)
			break;
	return (PIN_OK);
}

static int
eng_get(void *self, const uint64_t *pos, uint32_t n, struct pin_buf **out,
    struct pin_err *err)
{
	(void)self;
	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < disk.n && out[k] == NULL; i++)
			if (disk.rows[i].r.pos == pos[k])
				out[k] = pin_buf_get(disk.rows[i].r.value);
	for (uint32_t k = 0; k < n; k++)
		if (out[k] == NULL)
			return (pin_err_set(err, PIN_ENOTFOUND, "none"));
	return (PIN_OK);
}

static int
eng_write(void *self, const struct pin_engine_batch *b, struct pin_err *err)
{
	uint32_t k = 0;

	(void)self;
	if (disk.refuse)
		return (pin_err_set(err, PIN_ENOSPACE, "full"));
	for (uint32_t i = 0; i < b->nrows; i++) {
		struct row *r = &disk.rows[disk.n++];

		PIN_ASSERT(disk.n <= EVENTS);
		r->r = b->rows[i];
		memcpy(r->key, b->rows[i].key.p, b->rows[i].key.len);
		r->r.key.p = r->key;
		if (r->r.value != NULL)
			pin_buf_get(r->r.value);
	}
	for (uint32_t i = 0; i < disk.n; i++) {
		uint32_t d = 0;

		while (d < b->ndels && b->dels[d] != disk.rows[i].r.pos)
			d++;
		if (d < b->ndels) {
			pin_buf_put(&disk.rows[i].r.value);
			continue;
		}
		disk.rows[k] = disk.rows[i];
		disk.rows[k].r.key.p = disk.rows[k].key;
		k++;
	}
	disk.n = k;
	disk.meta = *b->meta;
	return (PIN_OK);
}

static const struct pin_engine_ops eng_ops = {
	.meta = eng_meta, .load = eng_load, .get = eng_get,
	.write = eng_write,
};
static const struct pin_engine engine = { &eng_ops, NULL };

static void
disk_clear(void)
{
	for (uint32_t i = 0; i < disk.n; i++)
		pin_buf_put(&disk.rows[i].r.value);
	memset(&disk, 0, sizeof(disk));
}

/* ---- the model --------------------------------------------------- */

struct event {
	uint64_t	 rev;
	int		 key, dead;
	uint32_t	 value;
};

/* Entries of the log since the beginning: what a restart applies again. */
struct entry {
	struct pin_buf	*bytes;
};

static struct event events[EVENTS];
static struct entry entries[EVENTS];
static uint32_t nevents, nentries;
static uint64_t rev, compacted;
static struct pin_mvcc *m;
static uint32_t x = 1;

static uint32_t
rnd(uint32_t below)
{
	x = x * 1664525u + 1013904223u;
	return ((uint32_t)((uint64_t)(x >> 4) * below >> 28));
}

static void
key_name(int key, char out[16])
{
	/* Some are prefixes of others. */
	snprintf(out, 16, "%.*s%d", 1 + key % 5, "kkkkk", key % 12);
}

static const struct event *
model_at(int key, uint64_t at)
{
	for (uint32_t i = nevents; i-- > 0;)
		if (events[i].key == key && events[i].rev <= at)
			return (events[i].dead ? NULL : &events[i]);
	return (NULL);
}

/* ---- what is done to both ---------------------------------------- */

static int
apply(const struct pin_mvcc_cmd *cmd, struct pin_mvcc_result *res)
{
	if (pin_mvcc_eval(m, cmd, res, NULL) != PIN_OK)
		return (0);
	if (res->rc == PIN_OK)
		pin_mvcc_commit(m);
	return (1);
}

static int
apply_bytes(struct pin_buf *b)
{
	static struct pin_mvcc_reader r;
	struct pin_mvcc_result res;
	int rc;

	if (pin_mvcc_reader_init(&r, b->data, b->len, NULL) != PIN_OK)
		return (0);
	while ((rc = pin_mvcc_reader_next(&r, NULL)) == PIN_OK)
		if (!apply(&r.cmd, &res))
			return (0);
	pin_mvcc_reader_fini(&r);
	pin_mvcc_applied(m, pin_mvcc_meta(m)->applied + 1, 1);
	(void)pin_mvcc_evict(m);
	return (rc == PIN_ENOTFOUND);
}

static int
log_and_apply(const struct pin_mvcc_cmd *cmd)
{
	size_t n = PIN_MVCC_BATCH_HEAD + pin_mvcc_size(cmd);
	struct pin_buf *b = pin_buf_new(n);

	(void)pin_mvcc_encode(pin_mvcc_encode_head(b->data, 1), cmd);
	entries[nentries++].bytes = b;
	return (apply_bytes(b));
}

static int
do_txn(void)
{
	struct pin_op ops[4];
	struct pin_cmp cmp = { .type = PIN_CMP_MOD };
	struct pin_mvcc_cmd cmd = { .kind = PIN_MVCC_TXN, .ops = ops,
	    .cmps = &cmp };
	char names[5][16];
	const struct event *e;
	int key, first = (int)rnd(KEYS), n = 1 + (int)rnd(4), ok, will = 1;
	uint32_t value = rnd(1u << 20), at = nevents;

	if (rnd(3) == 0) {		/* a compare, right or wrong */
		key = (int)rnd(KEYS);
		key_name(key, names[4]);
		cmp.key = pin_str(names[4]);
		e = model_at(key, rev);
		cmp.revision = (e != NULL ? e->rev : 0) + (rnd(3) == 0);
		will = cmp.revision == (e != NULL ? e->rev : 0);
		cmd.ncmps = 1;
	}
	for (int i = 0; i < n; i++) {
		key = (first + i * 5) % KEYS;
		key_name(key, names[i]);
		memset(&ops[i], 0, sizeof(ops[i]));
		ops[i].key = pin_str(names[i]);
		ops[i].type = rnd(4) == 0 ? PIN_DELETE : PIN_PUT;
		if (ops[i].type == PIN_PUT) {
			ops[i].value = pin_buf_new(4 + rnd(3000));
			memset(ops[i].value->data, 'v', ops[i].value->len);
			memcpy(ops[i].value->data, &value, 4);
		}
		if (will && (ops[i].type == PIN_PUT ||
		    model_at(key, rev) != NULL))
			events[nevents++] = (struct event){ rev + 1, key,
			    ops[i].type == PIN_DELETE, value };
	}
	cmd.nops = (uint32_t)n;
	rev += nevents != at;
	ok = log_and_apply(&cmd);
	for (int i = 0; i < n; i++)
		pin_buf_put(&ops[i].value);
	return (ok);
}

static int
do_compact(void)
{
	struct pin_mvcc_cmd cmd = { .kind = PIN_MVCC_COMPACT };

	cmd.revision = rnd((uint32_t)rev + 2);
	if (cmd.revision > compacted && cmd.revision <= rev)
		compacted = cmd.revision;
	return (log_and_apply(&cmd));
}

static int
do_flush(void)
{
	struct pin_mvcc_flush f;
	int rc;

	pin_mvcc_flush_begin(m, &f);
	disk.refuse = rnd(4) == 0;
	if (rnd(2) == 0)		/* pruning goes on meanwhile */
		(void)pin_mvcc_prune(m, pin_mvcc_meta(m)->compacted, 5);
	rc = eng_write(NULL, &f.batch, NULL);
	pin_mvcc_flush_done(m, &f, rc == PIN_OK);
	disk.refuse = 0;
	return (1);
}

/* The process dies: the engine has what it has, the log has everything. */
static int
do_restart(void)
{
	uint64_t hash = pin_mvcc_meta(m)->hash;
	int ok;

	pin_mvcc_free(&m);
	m = pin_mvcc_new(&engine, 20000, rnd(1000));
	ok = pin_mvcc_load(m, NULL) == PIN_OK;
	for (uint64_t i = pin_mvcc_meta(m)->applied; ok && i < nentries; i++)
		ok = apply_bytes(entries[i].bytes);
	return (ok && pin_mvcc_meta(m)->hash == hash &&
	    pin_mvcc_meta(m)->revision == rev);
}

/* ---- looking ----------------------------------------------------- */

static int
value_is(struct pin_mvcc_row *row, const struct event *e)
{
	struct pin_buf *b = row->value;
	uint32_t got;
	int ok;

	if (b == NULL && eng_get(NULL, &row->pos, 1, &b, NULL) != PIN_OK)
		return (0);
	memcpy(&got, b->data, 4);
	ok = got == e->value && PIN_MVCC_REV(row->pos) == e->rev &&
	    b->len == row->len;
	pin_buf_put(&b);
	return (ok);
}

static int
look(uint64_t at)
{
	static struct pin_mvcc_chunk c;
	struct pin_mvcc_row row;
	const struct event *e;
	uint32_t alive = 0;
	char name[16];
	int ok = 1, rc;

	if (pin_mvcc_admit(m, &at, NULL) != PIN_OK)
		return (0);
	for (int key = 0; key < KEYS; key++) {
		key_name(key, name);
		e = model_at(key, at);
		alive += e != NULL;
		rc = pin_mvcc_find(m, pin_str(name), at, &row);
		ok &= (rc == PIN_OK) == (e != NULL);
		if (rc == PIN_OK && e != NULL)
			ok &= value_is(&row, e);
	}
	pin_mvcc_range(m, PIN_STR(""), 0, PIN_STR(""), at, 1000, SIZE_MAX, 0,
	    &c);
	ok &= c.done && c.n == alive;
	for (uint32_t i = 1; i < c.n; i++)
		ok &= pin_str_cmp(c.rows[i - 1].key, c.rows[i].key) < 0;
	return (ok);
}

/* Every event above the compacted revision, and deletions at it, are kept in
 * ring or engine. */
static int
look_history(void)
{
	uint64_t last = compacted > 0 ? compacted : 1, first;
	uint32_t n = 0, want = 0;

	first = pin_mvcc_ring_first(m);
	for (uint32_t i = 0; i < nevents; i++)
		want += events[i].rev >= last;
	for (uint32_t i = 0; i < disk.n; i++)
		n += PIN_MVCC_REV(disk.rows[i].r.pos) >= last &&
		    disk.rows[i].r.pos < first;
	for (uint64_t i = 0; i < m->ring.n; i++)
		n += PIN_MVCC_REV(RING_AT(&m->ring, i)->pos) >= last;
	return (n == want);
}

static void
test_model(uint32_t seed, int steps)
{
	int ok = 1, looked = 1, kept = 1, same = 1, k;

	x = seed;
	disk_clear();
	nevents = nentries = 0;
	rev = compacted = 0;
	m = pin_mvcc_new(&engine, 20000, seed);
	for (int i = 0; i < steps && nevents < EVENTS - 8; i++) {
		k = (int)rnd(40);
		if (k == 0)
			ok &= do_compact();
		else if (k < 4)
			ok &= do_flush();
		else if (k == 4)
			same &= do_restart();
		else if (k < 10)
			(void)pin_mvcc_prune(m, compacted, 1 + rnd(8));
		else
			ok &= do_txn();
		ok &= pin_mvcc_meta(m)->revision == rev &&
		    pin_mvcc_meta(m)->compacted == compacted;
		if (rev != 0 && i % 3 == 0)
			looked &= look(compacted + rnd((uint32_t)(rev -
			    compacted + 1)));
		kept &= look_history();
	}
	CASE("seed %u: %" PRIu64 " revisions, %u entries agree with the model",
	    seed, rev, nentries) {
		CHECK(ok);		/* revisions */
		CHECK(looked);		/* reads */
		CHECK(kept);		/* history */
		CHECK(same);		/* restarts, content hash */
	}
	while (pin_mvcc_prune(m, compacted, 100))
		;
	pin_mvcc_free(&m);
	for (uint32_t i = 0; i < nentries; i++)
		pin_buf_put(&entries[i].bytes);
	disk_clear();
}

static void
test_hash64(void)
{
	CASE("xxh64 gives the published numbers") {
		CHECK_UINT(pin_hash64("", 0, 0), 0xef46db3751d8e999);
		CHECK_UINT(pin_hash64("a", 1, 0), 0xd24ec4f1a98c6e5b);
		CHECK_UINT(pin_hash64("abc", 3, 0), 0x44bc2cf5ad770999);
		CHECK_UINT(pin_hash64("Nobody inspects the spammish "
		    "repetition", 39, 0), 0xfbcea83c8a378bf1);
	}
}

static void
test_lease(void)
{
	struct leases l = { 0 };
	struct index ix;
	struct mkey *k[200];
	uint64_t last = 0;
	int bad = 0, n = 0;
	char name[16];

	pin__index_init(&ix, 1);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		k[i] = pin__index_add(&ix, pin_str(name));
		pin__lease_set(&l, k[i], 1 + rnd(1000));
	}
	for (int i = 0; i < 200; i += 3)
		pin__lease_set(&l, k[i], 1 + rnd(1000));
	for (int i = 0; i < 200; i += 4)
		pin__lease_clear(&l, k[i]);
	for (; l.n != 0; n++) {
		bad += l.heap[0].due_ns < last;
		last = l.heap[0].due_ns;
		pin__lease_clear(&l, l.heap[0].key);
	}
	CASE("leases come out in order, moved and cleared ones too") {
		CHECK_INT(bad, 0);
		CHECK_INT(n, 150);
	}
	pin__lease_fini(&l);
	pin__index_fini(&ix);
}

/* The promise of the index: 150 bytes a key and the key, at most. */
static void
test_index(void)
{
	struct index ix;
	char name[64];
	size_t bytes = 0;
	struct mkey *k;
	int bad = 0, n = 0;

	pin__index_init(&ix, 99);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "/registry/pods/%03d/%08d",
		    i % 100, i * 7919 % 100000);
		k = pin__index_add(&ix, pin_str(name));
		bytes += sizeof(*k) + k->height * sizeof(k->next[0]) + 16;
	}
	for (k = ix.head[0]; k != NULL; k = k->next[0], n++)
		bad += k->next[0] != NULL && pin_str_cmp(MKEY_STR(k),
		    MKEY_STR(k->next[0])) >= 0;
	CASE("100,000 keys in order, %zu bytes each beside the key",
	    bytes / 100000) {
		CHECK_INT(bad, 0);
		CHECK_INT(n, 100000);
		CHECK(bytes / 100000 <= 150);
	}
	for (int i = 0; i < 100000; i += 2) {
		snprintf(name, sizeof(name), "/registry/pods/%03d/%08d",
		    i % 100, i * 7919 % 100000);
		pin__index_remove(&ix, pin__index_get(&ix, pin_str(name)));
	}
	CASE("half of them removed") {
		CHECK_UINT(ix.keys, 50000);
		CHECK(pin__index_get(&ix, PIN_STR("/registry/pods/000/"
		    "00000000")) == NULL);
	}
	pin__index_fini(&ix);
}

int
main(void)
{
	test_hash64();
	test_lease();
	test_index();
	for (uint32_t seed = 1; seed <= 20 * tap_scale(); seed++)
		test_model(seed, 1500);
	return (tap_done());
}
