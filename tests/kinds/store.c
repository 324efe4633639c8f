/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.c -- the contract of the kind `store`, against every plugin of it:
 * data model, limits, history, compaction, times to live, restart, order
 * under concurrency.
 * Not about power cuts (tests/crash) nor speed (tests/bench).
 * Contract: pintle/store.h; reliability invariants S1-S12. */
#include <inttypes.h>
#include <stdio.h>

#include "storekit.h"
#include "tap.h"

/* ---- data model -------------------------------------------------- */

static void
test_model(void)
{
	struct pin_store_status st;
	struct pin_kv kv;

	sk_fresh(NULL);
	CASE("%s: a new store is empty, at revision 0", sk_name()) {
		se_status(&se, &st);
		CHECK_UINT(st.revision, 0);
		CHECK_UINT(st.keys, 0);
		CHECK_UINT(st.compacted, 0);
		CHECK(sk_now->cons == NULL || st.cluster_id != 0);
		CHECK(sk_is_range("", "", 0, ""));
		CHECK_INT(sk_get_rc("a", 0), PIN_ENOTFOUND);
	}
	CASE("%s: the first write is revision 1", sk_name()) {
		CHECK_INT(se_put(&se, "a", "1"), 1);
		sk_kv_of("a", &kv);
		CHECK_UINT(kv.create_rev, 1);
		CHECK_UINT(kv.mod_rev, 1);
		CHECK_UINT(kv.version, 1);
		CHECK(sk_is_get("a", 0, "1"));
	}
	CASE("%s: an update keeps create_rev and counts versions", sk_name()) {
		CHECK_INT(se_put(&se, "a", "2"), 2);
		sk_kv_of("a", &kv);
		CHECK_UINT(kv.create_rev, 1);
		CHECK_UINT(kv.mod_rev, 2);
		CHECK_UINT(kv.version, 2);
	}
	CASE("%s: writing the same bytes is a write", sk_name())
		CHECK_INT(se_put(&se, "a", "2"), 3);
	CASE("%s: a deletion takes a revision", sk_name()) {
		CHECK_INT(se_del(&se, "a"), 4);
		CHECK_INT(sk_get_rc("a", 0), PIN_ENOTFOUND);
		CHECK(sk_is_range("", "", 0, ""));
	}
	CASE("%s: a key written after its deletion begins anew", sk_name()) {
		CHECK_INT(se_put(&se, "a", "3"), 5);
		sk_kv_of("a", &kv);
		CHECK_UINT(kv.create_rev, 5);
		CHECK_UINT(kv.version, 1);
	}
	CASE("%s: deleting an absent key takes no revision", sk_name()) {
		CHECK_INT(se_del(&se, "nothing"), 5);
		CHECK_UINT(se_revision(&se), 5);
		CHECK(sk_is_history(6, 100, "", ""));
	}
	CASE("%s: an empty value is a value", sk_name()) {
		CHECK_INT(se_put(&se, "empty", ""), 6);
		CHECK(sk_is_get("empty", 0, ""));
		CHECK_INT(se_del(&se, "empty"), 7);
	}
	CASE("%s: every old revision is still readable", sk_name()) {
		CHECK(sk_is_get("a", 1, "1"));
		CHECK(sk_is_get("a", 2, "2"));
		CHECK(sk_is_get("a", 3, "2"));
		CHECK_INT(sk_get_rc("a", 4), PIN_ENOTFOUND);
		CHECK(sk_is_get("a", 6, "3"));
		CHECK_INT(sk_get_rc("empty", 5), PIN_ENOTFOUND);
	}
	CASE("%s: a revision not yet there is PIN_EFUTURE", sk_name()) {
		CHECK_INT(sk_get_rc("a", 8), PIN_EFUTURE);
		int rc;
		free(se_range(&se, "", "", 8, 0, NULL, &rc));
		CHECK_INT(rc, PIN_EFUTURE);
	}
	se_close(&se);
}

/* ---- transactions ------------------------------------------------ */

static void
test_compare(void)
{
	struct pin_txn_result res;
	struct se_txn t;

	sk_fresh(NULL);
	CASE("%s: compare with 0 creates, and only creates", sk_name()) {
		CHECK_INT(se_cas(&se, "k", "1", 0), 1);
		CHECK_INT(se_cas(&se, "k", "2", 0), PIN_ECONFLICT);
		CHECK(sk_is_get("k", 0, "1"));
	}
	CASE("%s: a failed compare takes no revision", sk_name()) {
		CHECK_UINT(se_revision(&se), 1);
		CHECK(sk_is_history(1, 9, "", "1:k=1"));
	}
	CASE("%s: compare and swap on the right revision", sk_name())
		CHECK_INT(se_cas(&se, "k", "2", 1), 2);
	CASE("%s: a stale one conflicts, and says what is there", sk_name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 1);
		se_put_op(&t, "k", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		CHECK_UINT(res.failed, 0);
		CHECK_UINT(res.actual, 2);
		CHECK_UINT(res.revision, 2);
	}
	CASE("%s: the result names the compare that failed", sk_name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 2);
		se_cmp(&t, "other", 7);
		se_put_op(&t, "k", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		CHECK_UINT(res.failed, 1);
		CHECK_UINT(res.actual, 0);
	}
	CASE("%s: existence can be compared", sk_name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 0);
		t.cmps[0].type = PIN_CMP_EXISTS;
		se_put_op(&t, "k", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 3);
		t.ncmps = t.nops = 0;
		se_cmp(&t, "no", 0);
		t.cmps[0].type = PIN_CMP_EXISTS;
		se_put_op(&t, "k", "4");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
	}
	CASE("%s: compares see deletions", sk_name()) {
		CHECK_INT(se_del(&se, "k"), 4);
		CHECK_INT(se_cas(&se, "k", "5", 3), PIN_ECONFLICT);
		CHECK_INT(se_cas(&se, "k", "5", 0), 5);
	}
	CASE("%s: compare and delete", sk_name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 4);
		se_del_op(&t, "k");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 5);
		se_del_op(&t, "k");
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 6);
	}
	CASE("%s: a transaction of nothing changes nothing", sk_name()) {
		t.ncmps = t.nops = 0;
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 6);
	}
	se_close(&se);
}

static void
test_multi(void)
{
	struct pin_txn_result res;
	struct pin_kv a, b;
	struct se_txn t;
	char key[32];

	sk_fresh(NULL);
	CASE("%s: one transaction is one revision", sk_name()) {
		t.ncmps = t.nops = 0;
		se_put_op(&t, "a", "1");
		se_put_op(&t, "b", "2");
		se_put_op(&t, "c", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 1);
		sk_kv_of("a", &a);
		sk_kv_of("b", &b);
		CHECK_UINT(a.mod_rev, 1);
		CHECK_UINT(b.mod_rev, 1);
		CHECK(sk_is_range("", "", 0, "a=1,b=2,c=3"));
	}
	CASE("%s: puts and deletions mix; absent ones do nothing", sk_name()) {
		t.ncmps = t.nops = 0;
		se_del_op(&t, "a");
		se_del_op(&t, "zz");
		se_put_op(&t, "d", "4");
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 2);
		CHECK(sk_is_range("", "", 0, "b=2,c=3,d=4"));
		CHECK(sk_is_history(2, 2, "", "2:-a(1@1),2:d=4"));
	}
	CASE("%s: a refused transaction does none of it", sk_name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "b", 9);
		se_put_op(&t, "b", "x");
		se_del_op(&t, "c");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		CHECK(sk_is_range("", "", 0, "b=2,c=3,d=4"));
	}
	CASE("%s: the largest transaction is one revision", sk_name()) {
		t.ncmps = t.nops = 0;
		for (int i = 0; i < PIN_TXN_OPS_MAX; i++) {
			snprintf(key, sizeof(key), "m%03d", i);
			se_put_op(&t, pin_xstrdup(key), "v");
		}
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 3);
		CHECK(sk_is_get("m127", 0, "v"));
		CHECK_INT(sk_get_rc("m000", 2), PIN_ENOTFOUND);
		for (uint32_t i = 0; i < t.nops; i++)
			free((char *)(uintptr_t)t.ops[i].key.p);
	}
	se_close(&se);
}

/* ---- limits ------------------------------------------------------ */

static int
txn_rc(const struct pin_txn *t)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc = se.ops->txn(se.store.self, t, NULL, NULL, &err);

	if (rc != PIN_OK && (err.text[0] == '\0' || err.code != rc))
		CHECK(!"a refusal has a text and the code it returns");
	return (rc);
}

static void
test_limits(void)
{
	struct pin_op ops[PIN_TXN_OPS_MAX + 1] = { { 0 } };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = ops };
	char *key = pin_xmalloc(PIN_KEY_MAX + 2);
	struct pin_buf *v = pin_buf_copy("v", 1);
	struct pin_buf *huge = pin_buf_new(PIN_VALUE_MAX + 1);
	struct pin_buf *full = pin_buf_new(PIN_VALUE_MAX);

	memset(key, 'k', PIN_KEY_MAX + 1);
	key[PIN_KEY_MAX + 1] = '\0';
	sk_fresh(NULL);
	ops[0] = (struct pin_op){ .type = PIN_PUT, .key = PIN_STR("k"),
	    .value = v };
	CASE("%s: an empty key is refused", sk_name()) {
		ops[0].key.len = 0;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
	}
	CASE("%s: a key above the limit is refused", sk_name()) {
		ops[0].key = (struct pin_str){ key, PIN_KEY_MAX + 1 };
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: a put without value, a deletion with one", sk_name()) {
		ops[0].key = PIN_STR("k");
		ops[0].value = NULL;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
		ops[0].type = PIN_DELETE;
		ops[0].value = v;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
		ops[0].type = 3;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
	}
	CASE("%s: a value above the limit is refused", sk_name()) {
		ops[0].type = PIN_PUT;
		ops[0].value = huge;
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: a key twice in a transaction is refused", sk_name()) {
		ops[0].value = v;
		ops[1] = ops[0];
		t.nops = 2;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
	}
	CASE("%s: too many operations are refused", sk_name()) {
		t.nops = PIN_TXN_OPS_MAX + 1;
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: a transaction above a batch is refused", sk_name()) {
		static const char *const keys[] = { "1", "2", "3" };

		for (int i = 0; i < 3; i++) {
			ops[i] = ops[0];
			ops[i].key = pin_str(keys[i]);
			ops[i].value = full;
		}
		t.nops = 3;
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: none of them left a trace", sk_name())
		CHECK_UINT(se_revision(&se), 0);
	se_close(&se);
	free(key);
	pin_buf_put(&v);
	pin_buf_put(&huge);
	pin_buf_put(&full);
}

/* What is just allowed is kept whole. */
static void
test_largest(void)
{
	char *key = pin_xmalloc(PIN_KEY_MAX + 1), *big, *got;

	memset(key, 'k', PIN_KEY_MAX);
	sk_fresh(NULL);
	CASE("%s: the longest key and the largest value work", sk_name()) {
		key[PIN_KEY_MAX] = '\0';
		CHECK_INT(se_put(&se, key, "long"), 1);
		CHECK(sk_is_get(key, 0, "long"));
		CHECK_INT(se_put_len(&se, "big", PIN_VALUE_MAX, 7), 2);
		big = pin_xmalloc(PIN_VALUE_MAX);
		se_fill(big, PIN_VALUE_MAX, 7);
		struct pin_buf *b = NULL;
		CHECK_INT(se.ops->get(se.store.self, PIN_STR("big"), 0, &b,
		    NULL, NULL), PIN_OK);
		CHECK(b != NULL && b->len == PIN_VALUE_MAX &&
		    memcmp(b->data, big, b->len) == 0);
		pin_buf_put(&b);
		free(big);
	}
	CASE("%s: keys are bytes, ordered as bytes", sk_name()) {
		struct pin_txn_result res;
		struct se_txn x;

		x.ncmps = x.nops = 0;
		se_put_op(&x, "p", "1");
		x.ops[0].key = (struct pin_str){ "p\0a", 3 };
		se_put_op(&x, "p\xff", "3");
		se_put_op(&x, "p\x7f", "2");
		CHECK_INT(se_run(&se, &x, &res), PIN_OK);
		got = se_range(&se, "p", "q", 0, 0, NULL, NULL);
		CHECK(got != NULL && memcmp(got, "p\0a=1,p\x7f=2,p\xff=3",
		    15) == 0);
		free(got);
	}
	se_close(&se);
	free(key);
}

/* ---- ranges ------------------------------------------------------ */

static int
stop_at_two(void *arg, const struct pin_kv *kv)
{
	(void)kv;
	return (++*(int *)arg == 2);
}

static int
keys_only(void *arg, const struct pin_kv *kv)
{
	*(int *)arg += kv->value == NULL;
	return (0);
}

static void
test_range(void)
{
	struct pin_range_result res;
	struct pin_range q = { .size = sizeof(q), .start = PIN_STR("a"),
	    .end = PIN_STR("z") };
	char *s;
	int n;

	sk_fresh(NULL);
	se_put(&se, "b", "1");
	se_put(&se, "d", "2");
	se_put(&se, "a", "3");
	se_put(&se, "c", "4");
	CASE("%s: keys ascend; start is in, end is not", sk_name()) {
		CHECK(sk_is_range("a", "d", 0, "a=3,b=1,c=4"));
		CHECK(sk_is_range("b", "d\x01", 0, "b=1,c=4,d=2"));
		CHECK(sk_is_range("bb", "c", 0, ""));
		CHECK(sk_is_range("d", "a", 0, ""));
	}
	CASE("%s: without an end it goes to the last key", sk_name())
		CHECK(sk_is_range("c", "", 0, "c=4,d=2"));
	CASE("%s: a limit stops, and says how much remains", sk_name()) {
		s = se_range(&se, "a", "z", 0, 3, &res, NULL);
		CHECK_STR(s, "a=3,b=1,c=4");
		CHECK_UINT(res.more, 1);
		CHECK_UINT(res.remaining, 1);
		CHECK_UINT(res.emitted, 3);
		CHECK_UINT(res.revision, 4);
		free(s);
		s = se_range(&se, "a", "z", 0, 4, &res, NULL);
		CHECK_UINT(res.more, 0);
		CHECK_UINT(res.remaining, 0);
		free(s);
	}
	CASE("%s: emit can stop", sk_name()) {
		n = 0;
		CHECK_INT(se.ops->range(se.store.self, &q, stop_at_two, &n,
		    &res, NULL), PIN_OK);
		CHECK_INT(n, 2);
		CHECK_UINT(res.more, 1);
	}
	CASE("%s: keys without values", sk_name()) {
		n = 0;
		q.flags = PIN_RANGE_KEYS_ONLY;
		CHECK_INT(se.ops->range(se.store.self, &q, keys_only, &n,
		    &res, NULL), PIN_OK);
		CHECK_INT(n, 4);
		q.flags = 0;
	}
	CASE("%s: a byte limit stops after at least one", sk_name()) {
		n = 0;
		q.bytes_max = 1;
		CHECK_INT(se.ops->range(se.store.self, &q, keys_only, &n,
		    &res, NULL), PIN_OK);
		CHECK_UINT(res.emitted, 1);
		CHECK_UINT(res.more, 1);
	}
	CASE("%s: a range as of an old revision", sk_name()) {
		se_put(&se, "b", "5");
		se_del(&se, "c");
		CHECK(sk_is_range("a", "z", 1, "b=1"));
		CHECK(sk_is_range("a", "z", 4, "a=3,b=1,c=4,d=2"));
		CHECK(sk_is_range("a", "z", 5, "a=3,b=5,c=4,d=2"));
		CHECK(sk_is_range("a", "z", 0, "a=3,b=5,d=2"));
	}
	se_close(&se);
}

/* A list in pages, with writes between them, is one moment's list. */
static void
test_pages(void)
{
	struct pin_range_result res;
	char key[64], from[64] = "p", *all, *page, *at;
	struct pin_out out;
	int pages = 0;

	sk_fresh("store.ring=1Mi");
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "p%04d", i);
		se_put(&se, key, "old");
	}
	all = se_range(&se, "p", "q", 0, 0, &res, NULL);
	CASE("%s: more keys than one chunk", sk_name()) {
		CHECK_UINT(res.emitted, 700);
		CHECK_UINT(res.revision, 700);
	}
	pin_out_init(&out, NULL, 1 << 20);
	do {
		page = se_range(&se, from, "q", 700, 64, &res, NULL);
		at = strrchr(page, ',');
		snprintf(from, sizeof(from), "%.5s\x01",
		    at != NULL ? at + 1 : page);
		pin_out_printf(&out, "%s%s", pages++ ? "," : "", page);
		free(page);
		snprintf(key, sizeof(key), "p%04d", pages * 60);
		se_del(&se, key);
		snprintf(key, sizeof(key), "p%04dx", pages * 61);
		se_put(&se, key, "new");
	} while (res.more);
	CASE("%s: pages at one revision make one list", sk_name()) {
		CHECK_INT(pages, 11);
		CHECK_MEM(out.p, out.len, all, strlen(all));
	}
	pin_out_fini(&out);
	free(all);
	se_close(&se);
}

/* ---- history and the sink ---------------------------------------- */

static void
test_history(void)
{
	sk_fresh(NULL);
	se_put(&se, "/a/1", "x");
	se_put(&se, "/b/1", "y");
	se_put(&se, "/a/1", "z");
	se_del(&se, "/a/1");
	se_put(&se, "/a/2", "w");
	CASE("%s: history tells every change in order", sk_name())
		CHECK(sk_is_history(1, 100, "", "1:/a/1=x,2:/b/1=y,"
		    "3:/a/1=z(x@1),4:-/a/1(z@3),5:/a/2=w"));
	CASE("%s: history of a prefix, of a span", sk_name()) {
		CHECK(sk_is_history(1, 100, "/b/", "2:/b/1=y"));
		CHECK(sk_is_history(2, 3, "", "2:/b/1=y,3:/a/1=z(x@1)"));
		CHECK(sk_is_history(5, 5, "/a/", "5:/a/2=w"));
	}
	CASE("%s: history from the next revision is empty", sk_name()) {
		CHECK(sk_is_history(6, 100, "", ""));
		CHECK(sk_is_history(3, 2, "", ""));
		CHECK_INT(sk_history_rc(0, 5), PIN_EINVAL);
	}
	se_close(&se);
}

struct heard {
	pthread_mutex_t	 lock;
	struct pin_out	 text;
	uint64_t	 last;
	int		 bad, calls;
};

static void
hear(void *arg, const struct pin_event *e, uint32_t n, uint64_t revision)
{
	struct heard *h = arg;
	struct pin_buf *b = NULL;

	pthread_mutex_lock(&h->lock);
	h->calls++;
	for (uint32_t i = 0; i < n; i++, e++) {
		h->bad += e->revision < h->last || e->revision > revision;
		h->last = e->revision;
		pin_out_printf(&h->text, "%" PRIu64 ":%s" PIN_SFMT "%s%s;",
		    e->revision, e->value == NULL ? "-" : "",
		    PIN_SARG(e->key), e->create_rev == e->revision ? "*" : "",
		    e->before != NULL ? "^" : "");
		/* What is told of is what a read finds. */
		if (se.ops->get(se.store.self, e->key, e->revision, &b, NULL,
		    NULL) == PIN_OK)
			h->bad += e->value == NULL || b->len != e->value->len;
		else
			h->bad += e->value != NULL;
		pin_buf_put(&b);
	}
	pthread_mutex_unlock(&h->lock);
}

static void
test_sink(void)
{
	struct heard h = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct se_txn t;

	pin_out_init(&h.text, NULL, 1 << 20);
	sk_fresh(NULL);
	se.committed = hear;
	se.committed_arg = &h;
	se_put(&se, "a", "1");
	se_put(&se, "a", "2");
	t.ncmps = t.nops = 0;
	se_del_op(&t, "a");
	se_put_op(&t, "b", "3");
	se_run(&se, &t, NULL);
	se_cas(&se, "b", "x", 1);
	se_del(&se, "nothing");
	CASE("%s: the sink hears of everything before done", sk_name()) {
		CHECK_MEM(h.text.p, h.text.len,
		    "1:a*;2:a^;3:-a^;3:b*;", strlen("1:a*;2:a^;3:-a^;3:b*;"));
		CHECK_INT(h.bad, 0);
		CHECK_INT(h.calls, 3);
	}
	CASE("%s: the sink hears of a compaction", sk_name()) {
		CHECK_INT(se_compact(&se, 2), PIN_OK);
		CHECK_INT(h.calls, 4);
	}
	se_close(&se);
	pin_out_fini(&h.text);
}

/* ---- compaction -------------------------------------------------- */

static void
compact_again(void)
{
	struct pin_store_status st;

	CASE("%s: the next compaction takes the deletion too", sk_name()) {
		CHECK_INT(se_compact(&se, 8), PIN_OK);
		WAIT((se_status(&se, &st), st.history == 2), 5000);
		CHECK(sk_is_range("", "", 0, "a=3,c=1"));
	}
	CASE("%s: a compacted key can come back", sk_name()) {
		struct pin_kv kv;

		CHECK_INT(se_cas(&se, "b", "4", 0), 9);
		sk_kv_of("b", &kv);
		CHECK_UINT(kv.create_rev, 9);
		CHECK_UINT(kv.version, 1);
	}
	if (sk_now->lasts) {
		sk_reopen(NULL);
		CASE("%s: compaction outlives a restart", sk_name()) {
			se_status(&se, &st);
			CHECK_UINT(st.compacted, 8);
			CHECK_UINT(st.revision, 9);
			CHECK_INT(sk_get_rc("a", 7), PIN_EGONE);
			CHECK(sk_is_range("", "", 0, "a=3,b=4,c=1"));
			WAIT((se_status(&se, &st), st.history == 3), 5000);
		}
	}
}

static void
test_compaction(void)
{
	struct pin_store_status st;

	sk_fresh(NULL);
	se_put(&se, "a", "1");		/* 1 */
	se_put(&se, "b", "1");
	se_put(&se, "a", "2");		/* 3 */
	se_put(&se, "gone", "x");
	se_del(&se, "gone");		/* 5 */
	se_put(&se, "c", "1");
	se_del(&se, "b");		/* 7 */
	se_put(&se, "a", "3");		/* 8 */
	CASE("%s: compaction takes no revision", sk_name()) {
		CHECK_INT(se_compact(&se, 7), PIN_OK);
		se_status(&se, &st);
		CHECK_UINT(st.revision, 8);
		CHECK_UINT(st.compacted, 7);
	}
	CASE("%s: below it nothing can be read", sk_name()) {
		int rc;

		CHECK_INT(sk_get_rc("a", 6), PIN_EGONE);
		free(se_range(&se, "", "", 6, 0, NULL, &rc));
		CHECK_INT(rc, PIN_EGONE);
		CHECK_INT(sk_history_rc(6, 9), PIN_EGONE);
	}
	CASE("%s: at it everything is as it was", sk_name()) {
		CHECK(sk_is_range("", "", 7, "a=2,c=1"));
		CHECK(sk_is_range("", "", 0, "a=3,c=1"));
	}
	CASE("%s: a deletion at the compacted revision is told", sk_name())
		CHECK(sk_is_history(7, 7, "", "7:-b(1@2)") ||
		    sk_is_history(7, 7, "", "7:-b"));
	CASE("%s: the same again is PIN_EGONE, ahead PIN_EFUTURE", sk_name()) {
		CHECK_INT(se_compact(&se, 7), PIN_EGONE);
		CHECK_INT(se_compact(&se, 3), PIN_EGONE);
		CHECK_INT(se_compact(&se, 9), PIN_EFUTURE);
		CHECK_UINT(se_revision(&se), 8);
	}
	CASE("%s: what is superseded goes, what is needed stays", sk_name()) {
		/* a@3, b's deletion @7, c@6, a@8 */
		WAIT((se_status(&se, &st), st.history == 4), 5000);
		CHECK_UINT(st.keys, 2);
		CHECK(sk_is_range("", "", 7, "a=2,c=1"));
		CHECK(sk_is_history(8, 9, "", "8:a=3(2@3)"));
	}
	CASE("%s: a deletion at the compacted revision still is", sk_name())
		CHECK(sk_is_history(7, 9, "", "7:-b,8:a=3(2@3)") ||
		    sk_is_history(7, 9, "", "7:-b(1@2),8:a=3(2@3)"));
	compact_again();
	se_close(&se);
}

int
main(void)
{
	static void (*const tests[])(void) = {
		test_model, test_compare, test_multi, test_limits,
		test_largest, test_range, test_pages, test_history, test_sink,
		test_compaction,
	};

	tap_deadline(120);
	sk_each(tests, PIN_LEN(tests));
	return (tap_done());
}
