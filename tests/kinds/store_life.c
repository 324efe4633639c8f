/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store_life.c -- the contract of the kind `store` over time: readers beside
 * a compaction, times to live, restart, one opener, a full queue, a ring much
 * smaller than the data.
 * Contract: pintle/store.h. */
#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/host/real.h"
#include "fewfiles.h"
#include "storekit.h"
#include "tap.h"

struct slow {
	int	 n, compacted;
	char	 last[16];
};

/* In the middle of a list, everything it reads is superseded and compacted. */
static int
slow_reader(void *arg, const struct pin_kv *kv)
{
	struct slow *sl = arg;
	char key[16];

	if (sl->n == 10) {
		for (int i = 0; i < 600; i++) {
			snprintf(key, sizeof(key), "k%03d", i);
			se_put(&se, key, "new");
		}
		sl->compacted = se_compact(&se, se_revision(&se));
	}
	sl->n += kv->value->len == 3 && memcmp(kv->value->data, "old", 3) == 0;
	return (0);
}

static void
test_compact_reader(void)
{
	struct pin_range q = { .size = sizeof(q), .start = PIN_STR("k") };
	struct pin_range_result res;
	struct slow sl = { 0 };
	char key[16];

	sk_fresh(NULL);
	for (int i = 0; i < 600; i++) {
		snprintf(key, sizeof(key), "k%03d", i);
		se_put(&se, key, "old");
	}
	CASE("%s: a list under way survives a compaction", sk_name()) {
		CHECK_INT(se.ops->range(se.store.self, &q, slow_reader, &sl,
		    &res, NULL), PIN_OK);
		CHECK_INT(sl.compacted, PIN_OK);
		CHECK_UINT(res.revision, 600);
		CHECK_INT(sl.n, 600);
	}
	se_close(&se);
}

/* ---- times to live ----------------------------------------------- */

static void
test_ttl(void)
{
	uint64_t begin, end;

	sk_fresh(NULL);
	begin = tap_now_ms();
	CHECK_INT(se_put_ttl(&se, "short", "x", 1), 1);
	CHECK_INT(se_put_ttl(&se, "kept", "x", 1), 2);
	CHECK_INT(se_put_ttl(&se, "longer", "x", 1), 3);
	CHECK_INT(se_put(&se, "kept", "y"), 4);
	CHECK_INT(se_put_ttl(&se, "longer", "x", 600), 5);
	CASE("%s: a key goes after its time, not before", sk_name()) {
		WAIT(sk_get_rc("short", 0) == PIN_ENOTFOUND, 5000);
		end = tap_now_ms();
		CHECK(end - begin >= 1000);
		CHECK(end - begin < 3000);
	}
	CASE("%s: its end is a deletion with a revision", sk_name())
		CHECK(sk_is_history(6, 9, "", "6:-short(x@1)"));
	CASE("%s: a write without time, or with a longer one", sk_name()) {
		CHECK(sk_is_get("kept", 0, "y"));
		CHECK(sk_is_get("longer", 0, "x"));
	}
	if (sk_now->lasts) {
		CHECK_INT(se_put_ttl(&se, "later", "x", 1), 7);
		sk_reopen(NULL);
		CASE("%s: times to live outlive a restart", sk_name()) {
			CHECK(sk_is_get("later", 0, "x"));
			WAIT(sk_get_rc("later", 0) == PIN_ENOTFOUND, 5000);
			CHECK(sk_is_get("longer", 0, "x"));
		}
	}
	se_close(&se);
}

/* ---- restart ----------------------------------------------------- */

static void
same_after_reopen(const char *what, const char *opts)
{
	struct pin_store_status a, b;
	char *range, *history;
	struct pin_kv kv;

	range = se_range(&se, "", "", 0, 0, NULL, NULL);
	history = se_history(&se, 1, 1000, "", NULL);
	se_status(&se, &a);
	sk_reopen(opts);
	se_status(&se, &b);
	CASE("%s: %s", sk_name(), what) {
		CHECK_UINT(b.revision, a.revision);
		CHECK_UINT(b.hash, a.hash);
		CHECK_UINT(b.keys, a.keys);
		CHECK_UINT(b.history, a.history);
		CHECK_UINT(b.applied, a.applied);
		CHECK_UINT(b.cluster_id, a.cluster_id);
		CHECK(sk_is_range("", "", 0, range));
		CHECK(sk_is_history(1, 1000, "", history));
		sk_kv_of("k05", &kv);
		CHECK_UINT(kv.create_rev, 6);
		CHECK_UINT(kv.mod_rev, 36);
		CHECK_UINT(kv.version, 2);
	}
	free(range);
	free(history);
}

static void
test_restart(void)
{
	char key[16];

	if (!sk_now->lasts)
		return;
	sk_fresh(NULL);
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "k%02d", i % 30);
		se_put(&se, key, "value");
	}
	for (int i = 20; i < 25; i++) {
		snprintf(key, sizeof(key), "k%02d", i);
		se_del(&se, key);
	}
	same_after_reopen("a restart changes nothing", NULL);
	CASE("%s: revisions go on after a restart", sk_name()) {
		CHECK_INT(se_cas(&se, "k05", "new", 36), 66);
		CHECK(sk_is_get("k05", 65, "value"));
		CHECK(sk_is_get("k05", 0, "new"));
		CHECK_INT(se_put(&se, "k05", "value"), 67);
	}
	for (int i = 0; i < 3; i++)
		sk_reopen(NULL);
	CASE("%s: several restarts in a row", sk_name())
		CHECK(sk_is_get("k05", 66, "new"));
	se_close(&se);
}

/* The same transactions in two stores: one content hash, whatever the batches
 * were. */
static void
test_hash(void)
{
	struct pin_store_status a, b, c;
	char key[16];

	for (int round = 0; round < 3; round++) {
		sk_fresh(NULL);
		for (int i = 0; i < 20; i++) {
			snprintf(key, sizeof(key), "k%d", i % 7);
			se_put(&se, key, round == 2 && i == 11 ? "x" : "y");
			if (round == 1)
				se_cas(&se, key, "no", 1000);
		}
		se_del(&se, "k3");
		se_status(&se, round == 0 ? &a : round == 1 ? &b : &c);
		se_close(&se);
	}
	CASE("%s: the content hash is a function of the content", sk_name()) {
		CHECK_UINT(a.hash, b.hash);
		CHECK_UINT(a.revision, b.revision);
		CHECK_UINT(a.revision, c.revision);
		CHECK(a.hash != c.hash);
		CHECK(a.hash != 0);
	}
}

/* ---- one opener, a stopped store --------------------------------- */

static void
test_lock(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct se other;
	int rc;

	if (!sk_now->lasts)
		return;
	sk_fresh(NULL);
	se_put(&se, "a", "1");
	CASE("%s: a second opener is refused by name", sk_name()) {
		CHECK_INT(se_open(&other, pin_host_real(), sk_now->store,
		    sk_now->cons, sk_dir(), NULL, &err), PIN_OK);
		rc = se_start(&other, &err);
		CHECK_INT(rc, PIN_ELOCKED);
		CHECK(strstr(err.text, "lock") != NULL);
		se_close(&other);
	}
	CASE("%s: the first goes on", sk_name()) {
		CHECK_INT(se_put(&se, "a", "2"), 2);
		CHECK(sk_is_get("a", 0, "2"));
	}
	se_close(&se);
}

static void
test_stopped(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_op op = { .type = PIN_DELETE, .key = PIN_STR("a") };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };

	sk_fresh(NULL);
	se_put(&se, "a", "1");
	se_stop(&se);
	CASE("%s: a stopped store takes no transaction", sk_name()) {
		CHECK_INT(se.ops->txn(se.store.self, &t, NULL, NULL, &err),
		    PIN_ECLOSED);
		CHECK(err.text[0] != '\0');
	}
	CASE("%s: a stopped store can still be read", sk_name())
		CHECK(sk_is_get("a", 0, "1"));
	se_close(&se);
}

/* ---- bounds ------------------------------------------------------ */

struct flood {
	atomic_int	 done, failed;
	uint64_t	 last;		/* on the store's thread only */
	int		 disorder;
};

static void
flood_done(void *arg, const struct pin_txn_result *r)
{
	struct flood *f = arg;

	if (r->rc != PIN_OK)
		atomic_fetch_add(&f->failed, 1);
	else if (r->revision <= f->last)
		f->disorder++;
	f->last = r->revision;
	atomic_fetch_add(&f->done, 1);
}

static void
test_queue(void)
{
	struct flood f = { 0 };
	struct pin_buf *v = pin_buf_new(2000);
	struct pin_op op = { .type = PIN_PUT, .value = v };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };
	char key[16];
	int rc, sent = 0, busy = 0;

	memset(v->data, 'q', v->len);
	sk_fresh(NULL);
	for (int i = 0; busy < 100 && i < 2000000; i++) {
		snprintf(key, sizeof(key), "k%d", i % 5000);
		op.key = pin_str(key);
		rc = se.ops->txn(se.store.self, &t, flood_done, &f, NULL);
		sent += rc == PIN_OK;
		busy += rc == PIN_EBUSY;
		if (rc != PIN_OK && rc != PIN_EBUSY)
			break;
	}
	CASE("%s: a full queue refuses, what it took is done", sk_name()) {
		CHECK_INT(busy, 100);
		WAIT(atomic_load(&f.done) == sent, 60000);
		CHECK_INT(atomic_load(&f.failed), 0);
		CHECK_INT(f.disorder, 0);
		CHECK_UINT(se_revision(&se), sent);
	}
	CASE("%s: then it takes again", sk_name())
		CHECK_INT(se_put(&se, "k", "v"), sent + 1);
	se_close(&se);
	pin_buf_put(&v);
}

/* A queue of large values is bounded by bytes long before its number. */
static void
test_queue_bytes(void)
{
	struct flood f = { 0 };
	struct pin_buf *v = pin_buf_new(PIN_VALUE_MAX);
	struct pin_op op = { .type = PIN_PUT, .key = PIN_STR("k"),
	    .value = v };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };
	int rc = PIN_OK, sent = 0;

	memset(v->data, 'q', v->len);
	sk_fresh(NULL);
	while (rc == PIN_OK && sent < 1000) {
		rc = se.ops->txn(se.store.self, &t, flood_done, &f, NULL);
		sent += rc == PIN_OK;
	}
	CASE("%s: a queue of many bytes refuses", sk_name()) {
		CHECK_INT(rc, PIN_EBUSY);
		CHECK(sent >= 20);
		WAIT(atomic_load(&f.done) == sent, 60000);
		CHECK_INT(atomic_load(&f.failed), 0);
		CHECK_INT(se_put(&se, "k", "v"), sent + 1);
	}
	se_close(&se);
	pin_buf_put(&v);
}

static int
check_value(const char *key, size_t len, uint32_t seed)
{
	static char want[30000];
	struct pin_buf *b = NULL;
	int same;

	se_fill(want, len, seed);
	same = se.ops->get(se.store.self, pin_str(key), 0, &b, NULL, NULL) ==
	    PIN_OK && b->len == len && memcmp(b->data, want, len) == 0;
	pin_buf_put(&b);
	return (same);
}

struct seen {
	uint64_t	 next;
	int		 bad;
	size_t		 bytes;
};

static int
see(void *arg, const struct pin_event *e)
{
	struct seen *s = arg;

	s->bad += e->revision != s->next++;
	s->bad += e->value == NULL || e->value->len != 20000 + e->revision - 1;
	s->bytes += e->value != NULL ? e->value->len : 0;
	return (0);
}

static void
test_small_ring(void)
{
	struct pin_store_status st;
	struct seen s = { 1, 0, 0 };
	char key[16];
	int bad = 0;

	sk_fresh("store.ring=1Mi consensus.segment=1Mi");
	for (int i = 0; i < 400; i++) {
		snprintf(key, sizeof(key), "k%03d", i);
		se_put_len(&se, key, 20000 + (size_t)i, (uint32_t)i);
	}
	CASE("%s: 8 MB pass through a ring of 1 MB", sk_name()) {
		WAIT((se_status(&se, &st), st.ring_bytes <= 1200000), 5000);
		for (int i = 0; i < 400; i++) {
			snprintf(key, sizeof(key), "k%03d", i);
			bad += !check_value(key, 20000 + (size_t)i,
			    (uint32_t)i);
		}
		CHECK_INT(bad, 0);
	}
	CASE("%s: history reaches back behind the ring", sk_name()) {
		CHECK_INT(se.ops->history(se.store.self, 1, 400, PIN_STR(""),
		    see, &s, NULL), PIN_OK);
		CHECK_UINT(s.next, 401);
		CHECK_INT(s.bad, 0);
	}
	if (sk_now->lasts) {
		sk_reopen("store.ring=1Mi consensus.segment=1Mi");
		CASE("%s: and after a restart", sk_name()) {
			for (int i = 0; i < 400; i += 7) {
				snprintf(key, sizeof(key), "k%03d", i);
				bad += !check_value(key, 20000 + (size_t)i,
				    (uint32_t)i);
			}
			CHECK_INT(bad, 0);
		}
	}
	if (sk_now->lasts && strcmp(sk_now->store, "memory") != 0) {
		CASE("%s: the log is cut when the engine has it", sk_name()) {
			se_status(&se, &st);
			CHECK(st.consensus.first > 1);
			CHECK(st.consensus.log_bytes <= 8u << 20);
		}
	}
	se_close(&se);
}

static void
test_quota(void)
{
	struct pin_store_status st;
	char key[16];
	int64_t rev = 0;
	int n = 0;

	if (strcmp(sk_now->store, "lmdb") != 0)
		return;
	sk_fresh("store.quota=4Mi store.ring=1Mi");
	for (; n < 2000 && rev >= 0; n++) {
		snprintf(key, sizeof(key), "k%04d", n);
		rev = se_put_len(&se, key, 20000, 1);
	}
	CASE("%s: above the quota puts are refused", sk_name()) {
		CHECK_INT(rev, PIN_ENOSPACE);
		CHECK(n > 150 && n < 500);
		se_status(&se, &st);
		CHECK_UINT(st.read_only, 1);
		CHECK(sk_get_rc("k0000", 0) == PIN_OK);
	}
	CASE("%s: deletion and compaction make room again", sk_name()) {
		for (int i = 0; i < n - 10; i++) {
			snprintf(key, sizeof(key), "k%04d", i);
			CHECK(se_del(&se, key) > 0);
		}
		CHECK_INT(se_compact(&se, se_revision(&se)), PIN_OK);
		WAIT((se_status(&se, &st), st.history < 20), 5000);
		se_stop(&se);
		sk_reopen("store.quota=4Mi store.ring=1Mi");
		CHECK(se_put(&se, "again", "x") > 0);
	}
	se_close(&se);
}

/* One byte of the file, turned. */
static void
damage(const char *path, long at)
{
	FILE *f = fopen(path, "r+");
	int c;

	if (f == NULL || fseek(f, at, SEEK_SET) != 0)
		BAIL("%s", path);
	c = fgetc(f);
	if (c == EOF || fseek(f, at, SEEK_SET) != 0 ||
	    fputc(c ^ 1, f) == EOF || fclose(f) != 0)
		BAIL("%s", path);
}

/* On the heap and lasting: a file of everything lets the log go. */
static void
test_snapshot(void)
{
	static const char opts[] = "store.ring=1Mi store.snapshot=1Mi "
	    "consensus.segment=1Mi";
	static const long places[] = { 0, 20, 90, 20000 };
	struct pin_err err = PIN_ERR_INIT;
	struct pin_store_status st;
	char key[16], path[4096];
	int bad = 0;

	if (!sk_now->lasts || strcmp(sk_now->store, "memory") != 0)
		return;
	sk_fresh(opts);
	for (int i = 0; i < 400; i++) {
		snprintf(key, sizeof(key), "k%03d", i % 100);
		se_put_len(&se, key, 20000, (uint32_t)i);
	}
	CHECK(se_compact(&se, se_revision(&se)) == PIN_OK);
	sk_reopen(opts);
	CASE("%s: a snapshot lets the log forget", sk_name()) {
		se_status(&se, &st);
		CHECK(st.consensus.first > 1);
		CHECK(st.consensus.log_bytes <= 8u << 20);
		CHECK_UINT(st.revision, 400);
		for (int i = 300; i < 400; i++) {
			snprintf(key, sizeof(key), "k%03d", i % 100);
			bad += !check_value(key, 20000, (uint32_t)i);
		}
		CHECK_INT(bad, 0);
	}
	se_close(&se);
	snprintf(path, sizeof(path), "%s/memory.snap", sk_dir());
	CASE("%s: a damaged snapshot is refused by name", sk_name()) {
		for (size_t i = 0; i < PIN_LEN(places); i++) {
			damage(path, places[i]);
			CHECK_INT(se_open(&se, pin_host_real(), "memory",
			    "solo", sk_dir(), opts, &err), PIN_OK);
			CHECK_INT(se_start(&se, &err), PIN_ECORRUPT);
			CHECK(strstr(err.text, "memory.snap: damaged after") !=
			    NULL);
			se_close(&se);
			damage(path, places[i]);
		}
	}
}

/* After a failed sync the engine's file is not trusted, but made anew. */
static void
test_distrust(void)
{
	char path[4096], sign[4096];
	struct stat before, after;
	FILE *f;

	if (strcmp(sk_now->store, "lmdb") != 0)
		return;
	sk_fresh(NULL);
	for (int i = 0; i < 20; i++)
		CHECK(se_put_len(&se, i % 2 == 0 ? "a" : "b", 20000,
		    (uint32_t)i) > 0);
	sk_reopen(NULL);
	snprintf(path, sizeof(path), "%s/store/data.mdb", sk_dir());
	snprintf(sign, sizeof(sign), "%s/store/sync-failed", sk_dir());
	se_close(&se);
	CASE("%s: after a failed sync the file is made anew", sk_name()) {
		CHECK_INT(stat(path, &before), 0);
		f = fopen(sign, "w");
		CHECK(f != NULL && fclose(f) == 0);
		sk_open_with(NULL);
		CHECK_INT(stat(path, &after), 0);
		CHECK(before.st_ino != after.st_ino);
		CHECK(stat(sign, &after) != 0);
		CHECK(check_value("a", 20000, 18));
		CHECK(check_value("b", 20000, 19));
		CHECK(se_put(&se, "c", "x") > 0);
		sk_reopen(NULL);
		CHECK(check_value("b", 20000, 19));
		CHECK(sk_is_get("c", 0, "x"));
	}
	se_close(&se);
}

static int
count_event(void *arg, const struct pin_event *e)
{
	(void)e;
	++*(int *)arg;
	return (0);
}

/* The best of five, in nanoseconds. */
static uint64_t
history_ns(const char *prefix, uint64_t first, int want)
{
	uint64_t best = UINT64_MAX, t;
	int n;

	for (int i = 0; i < 5; i++) {
		n = 0;
		t = pin_host_now(se.host);
		CHECK_INT(se.ops->history(se.store.self, first,
		    se_revision(&se), pin_str(prefix), count_event, &n, NULL),
		    PIN_OK);
		t = pin_host_now(se.host) - t;
		CHECK_INT(n, want);
		best = t < best ? t : best;
	}
	return (best);
}

/* After a restart every watch resumes, and most of them are of what nobody
 * has written to. */
static void
test_quiet_history(void)
{
	uint64_t busy, quiet, first;
	char key[16];
	int bad = 0;

	sk_fresh("store.ring=1Mi");
	bad += se_put(&se, "quiet/a", "x") < 0;
	bad += se_put(&se, "quiet/b", "x") < 0;
	bad += se_del(&se, "quiet/b") < 0;
	first = se_revision(&se) + 1;
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "busy/%d", i % 500);
		bad += se_put_len(&se, key, 3000, (uint32_t)i) < 0;
	}
	CASE("%s: what was quiet costs nothing to resume", sk_name()) {
		CHECK_INT(bad, 0);
		busy = history_ns("busy/", first, 3000);
		quiet = history_ns("quiet/", first, 0);
		tap_diag("%s: %" PRIu64 " us for 3000 events, %" PRIu64
		    " us for none", sk_name(), busy / 1000, quiet / 1000);
		CHECK(quiet * 3 < busy);	/* it was as much */
		(void)history_ns("quiet/", first - 1, 1);
		(void)history_ns("quiet/b", first - 2, 2);
		(void)history_ns("none/", 1, 0);
	}
	CASE("%s: ... and is heard when it ends", sk_name()) {
		bad += se_put(&se, "quiet/c", "x") < 0;
		for (int i = 0; i < 500; i++) {
			snprintf(key, sizeof(key), "busy/%d", i);
			bad += se_put_len(&se, key, 3000, 1) < 0;
		}
		CHECK_INT(bad, 0);
		(void)history_ns("quiet/", first, 1);
	}
	se_close(&se);
}

static void
test_stop_no_files(void)
{
	struct flood f = { 0 };
	struct pin_buf *v = pin_buf_new(20000);
	struct pin_op op = { .type = PIN_PUT, .value = v };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };
	char key[16];
	int n;

	memset(v->data, 'x', v->len);
	files_left(0);
	for (n = 0; n < 1000; n++) {
		snprintf(key, sizeof(key), "q%d", n);
		op.key = pin_str(key);
		if (se.ops->txn(se.store.self, &t, flood_done, &f, NULL) !=
		    PIN_OK)
			break;
	}
	pin_buf_put(&v);
	CASE("%s: a stop needs no descriptor", sk_name()) {
		CHECK(n > 100);
		se_stop(&se);
		CHECK_INT(atomic_load(&f.done), n);
	}
	files_left(-1);
	se_close(&se);
}

/* Clients may hold every descriptor when the log wants its next file, or the
 * heap its snapshot. */
static void
test_no_files(void)
{
	int is_memory = strcmp(sk_now->store, "memory") == 0;
	int64_t rev = 0;
	int n = 0;

	if (!sk_now->lasts)
		return;
	sk_fresh("store.ring=1Mi consensus.segment=1Mi");
	files_left(0);
	for (; n < 400 && rev >= 0; n++)
		rev = se_put_len(&se, "k", 20000, (uint32_t)n);
	CASE("%s: without descriptors writes are refused", sk_name()) {
		CHECK_INT(rev, PIN_ENOSPACE);
		CHECK(n > 10);
		CHECK_INT(atomic_load(&se.fatal), 0);
		CHECK_INT(sk_get_rc("k", 0), PIN_OK);
	}
	files_left(-1);
	CASE("%s: ... and taken when there are some again", sk_name()) {
		WAIT(se_put(&se, "again", "x") > 0, 5000);
		sk_reopen("store.ring=1Mi consensus.segment=1Mi");
		CHECK(check_value("k", 20000, (uint32_t)n - 2));
		CHECK(sk_is_get("again", 0, "x"));
	}
	test_stop_no_files();
	if (!is_memory)
		return;
	sk_fresh("store.ring=1Mi store.snapshot=1Mi consensus.segment=64Mi");
	files_left(0);
	for (n = 0, rev = 0; n < 400 && rev >= 0; n++)
		rev = se_put_len(&se, "k", 20000, (uint32_t)n);
	CASE("%s: a snapshot that cannot be made now is made later",
	    sk_name()) {
		CHECK_INT(rev, 400);
		CHECK_INT(atomic_load(&se.fatal), 0);
		files_left(-1);
		for (n = 0; n < 400; n++)
			rev = se_put_len(&se, "k", 20000, (uint32_t)n);
		CHECK_INT(rev, 800);
	}
	files_left(-1);
	se_close(&se);
}

int
main(void)
{
	static void (*const tests[])(void) = {
		test_compact_reader, test_ttl, test_restart, test_hash,
		test_lock, test_stopped, test_queue, test_queue_bytes,
		test_small_ring, test_quota, test_snapshot,
		test_distrust, test_quiet_history, test_no_files,
	};

	tap_deadline(240);
	sk_each(tests, PIN_LEN(tests));
	return (tap_done());
}
