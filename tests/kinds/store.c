/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.c -- the contract of the kind `store`, against every plugin of it:
 * data model, limits, history, compaction, times to live, restart, order
 * under concurrency.
 * Not about power cuts (tests/crash) nor speed (tests/bench).
 * Contract: pintle/store.h; reliability invariants S1-S12. */
#include <inttypes.h>
#include <stdio.h>

#include "core/host/real.h"
#include "storeenv.h"
#include "tap.h"

struct combo {
	const char	*store, *cons;
	int		 lasts;		/* over a restart */
};

static const struct combo combos[] = {
	{ "memory", NULL, 0 },
	{ "memory", "solo", 1 },
	{ "lmdb", "solo", 1 },
};

static const struct combo *now;
static char dir[4096];
static int dirs;
static struct se se;

static void
open_with(const char *opts)
{
	struct pin_err err = PIN_ERR_INIT;

	if (se_open(&se, pin_host_real(), now->store, now->cons, dir, opts,
	    &err) != PIN_OK || se_start(&se, &err) != PIN_OK)
		BAIL("%s+%s: %s", now->store, now->cons, err.text);
}

/* A store of its own. */
static void
fresh(const char *opts)
{
	struct pin_err err = PIN_ERR_INIT;

	snprintf(dir, sizeof(dir), "%s/%d", tap_tmp(), dirs++);
	if (pin_path_mkdir(pin_host_real(), dir, &err) != PIN_OK)
		BAIL("%s", err.text);
	open_with(opts);
}

static void
reopen(const char *opts)
{
	se_close(&se);
	open_with(opts);
}

static const char *
name(void)
{
	static char buf[64];

	snprintf(buf, sizeof(buf), "%s+%s", now->store,
	    now->cons != NULL ? now->cons : "none");
	return (buf);
}

static int
is_get(const char *key, uint64_t at, const char *want)
{
	char *s = se_get(&se, key, at, NULL, NULL);
	int same = want == NULL ? s == NULL : s != NULL &&
	    strcmp(s, want) == 0;

	if (!same)
		tap_diag("%s at %" PRIu64 ": %s", key, at, s ? s : "(none)");
	free(s);
	return (same);
}

static int
is_range(const char *start, const char *end, uint64_t at, const char *want)
{
	char *s = se_range(&se, start, end, at, 0, NULL, NULL);
	int same = s != NULL && strcmp(s, want) == 0;

	if (!same)
		tap_diag("[%s,%s) at %" PRIu64 ": %s", start, end, at,
		    s ? s : "(error)");
	free(s);
	return (same);
}

static int
is_history(uint64_t first, uint64_t last, const char *prefix,
    const char *want)
{
	char *s = se_history(&se, first, last, prefix, NULL);
	int same = s != NULL && strcmp(s, want) == 0;

	if (!same)
		tap_diag("history %" PRIu64 "..%" PRIu64 ": %s", first, last,
		    s ? s : "(error)");
	free(s);
	return (same);
}

static int
get_rc(const char *key, uint64_t at)
{
	int rc;

	free(se_get(&se, key, at, NULL, &rc));
	return (rc);
}

static int
history_rc(uint64_t first, uint64_t last)
{
	int rc;

	free(se_history(&se, first, last, "", &rc));
	return (rc);
}

static void
kv_of(const char *key, struct pin_kv *kv)
{
	memset(kv, 0, sizeof(*kv));
	free(se_get(&se, key, 0, kv, NULL));
}

/* ---- data model -------------------------------------------------------- */

static void
test_model(void)
{
	struct pin_store_status st;
	struct pin_kv kv;

	fresh(NULL);
	CASE("%s: a new store is empty, at revision 0", name()) {
		se_status(&se, &st);
		CHECK_UINT(st.revision, 0);
		CHECK_UINT(st.keys, 0);
		CHECK_UINT(st.compacted, 0);
		CHECK(now->cons == NULL || st.cluster_id != 0);
		CHECK(is_range("", "", 0, ""));
		CHECK_INT(get_rc("a", 0), PIN_ENOTFOUND);
	}
	CASE("%s: the first write is revision 1", name()) {
		CHECK_INT(se_put(&se, "a", "1"), 1);
		kv_of("a", &kv);
		CHECK_UINT(kv.create_rev, 1);
		CHECK_UINT(kv.mod_rev, 1);
		CHECK_UINT(kv.version, 1);
		CHECK(is_get("a", 0, "1"));
	}
	CASE("%s: an update keeps create_rev and counts versions", name()) {
		CHECK_INT(se_put(&se, "a", "2"), 2);
		kv_of("a", &kv);
		CHECK_UINT(kv.create_rev, 1);
		CHECK_UINT(kv.mod_rev, 2);
		CHECK_UINT(kv.version, 2);
	}
	CASE("%s: writing the same bytes is a write", name())
		CHECK_INT(se_put(&se, "a", "2"), 3);
	CASE("%s: a deletion takes a revision, and the key is gone", name()) {
		CHECK_INT(se_del(&se, "a"), 4);
		CHECK_INT(get_rc("a", 0), PIN_ENOTFOUND);
		CHECK(is_range("", "", 0, ""));
	}
	CASE("%s: a key written after its deletion begins anew", name()) {
		CHECK_INT(se_put(&se, "a", "3"), 5);
		kv_of("a", &kv);
		CHECK_UINT(kv.create_rev, 5);
		CHECK_UINT(kv.version, 1);
	}
	CASE("%s: deleting an absent key takes no revision", name()) {
		CHECK_INT(se_del(&se, "nothing"), 5);
		CHECK_UINT(se_revision(&se), 5);
		CHECK(is_history(6, 100, "", ""));
	}
	CASE("%s: an empty value is a value", name()) {
		CHECK_INT(se_put(&se, "empty", ""), 6);
		CHECK(is_get("empty", 0, ""));
		CHECK_INT(se_del(&se, "empty"), 7);
	}
	CASE("%s: every old revision is still readable", name()) {
		CHECK(is_get("a", 1, "1"));
		CHECK(is_get("a", 2, "2"));
		CHECK(is_get("a", 3, "2"));
		CHECK_INT(get_rc("a", 4), PIN_ENOTFOUND);
		CHECK(is_get("a", 6, "3"));
		CHECK_INT(get_rc("empty", 5), PIN_ENOTFOUND);
	}
	CASE("%s: a revision not yet there is PIN_EFUTURE", name()) {
		CHECK_INT(get_rc("a", 8), PIN_EFUTURE);
		int rc;
		free(se_range(&se, "", "", 8, 0, NULL, &rc));
		CHECK_INT(rc, PIN_EFUTURE);
	}
	se_close(&se);
}

/* ---- transactions ------------------------------------------------------- */

static void
test_compare(void)
{
	struct pin_txn_result res;
	struct se_txn t;

	fresh(NULL);
	CASE("%s: compare with 0 creates, and only creates", name()) {
		CHECK_INT(se_cas(&se, "k", "1", 0), 1);
		CHECK_INT(se_cas(&se, "k", "2", 0), PIN_ECONFLICT);
		CHECK(is_get("k", 0, "1"));
	}
	CASE("%s: a failed compare takes no revision", name()) {
		CHECK_UINT(se_revision(&se), 1);
		CHECK(is_history(1, 9, "", "1:k=1"));
	}
	CASE("%s: compare and swap on the right revision", name())
		CHECK_INT(se_cas(&se, "k", "2", 1), 2);
	CASE("%s: a stale one conflicts, and says what is there", name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 1);
		se_put_op(&t, "k", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		CHECK_UINT(res.failed, 0);
		CHECK_UINT(res.actual, 2);
		CHECK_UINT(res.revision, 2);
	}
	CASE("%s: the result names the compare that failed", name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "k", 2);
		se_cmp(&t, "other", 7);
		se_put_op(&t, "k", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		CHECK_UINT(res.failed, 1);
		CHECK_UINT(res.actual, 0);
	}
	CASE("%s: existence can be compared", name()) {
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
	CASE("%s: compares see deletions", name()) {
		CHECK_INT(se_del(&se, "k"), 4);
		CHECK_INT(se_cas(&se, "k", "5", 3), PIN_ECONFLICT);
		CHECK_INT(se_cas(&se, "k", "5", 0), 5);
	}
	CASE("%s: compare and delete", name()) {
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
	CASE("%s: a transaction of nothing changes nothing", name()) {
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

	fresh(NULL);
	CASE("%s: one transaction is one revision", name()) {
		t.ncmps = t.nops = 0;
		se_put_op(&t, "a", "1");
		se_put_op(&t, "b", "2");
		se_put_op(&t, "c", "3");
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 1);
		kv_of("a", &a);
		kv_of("b", &b);
		CHECK_UINT(a.mod_rev, 1);
		CHECK_UINT(b.mod_rev, 1);
		CHECK(is_range("", "", 0, "a=1,b=2,c=3"));
	}
	CASE("%s: puts and deletions mix; absent ones do nothing", name()) {
		t.ncmps = t.nops = 0;
		se_del_op(&t, "a");
		se_del_op(&t, "zz");
		se_put_op(&t, "d", "4");
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 2);
		CHECK(is_range("", "", 0, "b=2,c=3,d=4"));
		CHECK(is_history(2, 2, "", "2:-a(1@1),2:d=4"));
	}
	CASE("%s: a refused transaction does none of it", name()) {
		t.ncmps = t.nops = 0;
		se_cmp(&t, "b", 9);
		se_put_op(&t, "b", "x");
		se_del_op(&t, "c");
		CHECK_INT(se_run(&se, &t, &res), PIN_ECONFLICT);
		CHECK(is_range("", "", 0, "b=2,c=3,d=4"));
	}
	CASE("%s: the largest transaction is one revision", name()) {
		t.ncmps = t.nops = 0;
		for (int i = 0; i < PIN_TXN_OPS_MAX; i++) {
			snprintf(key, sizeof(key), "m%03d", i);
			se_put_op(&t, pin_xstrdup(key), "v");
		}
		CHECK_INT(se_run(&se, &t, &res), PIN_OK);
		CHECK_UINT(res.revision, 3);
		CHECK(is_get("m127", 0, "v"));
		CHECK_INT(get_rc("m000", 2), PIN_ENOTFOUND);
		for (uint32_t i = 0; i < t.nops; i++)
			free((char *)(uintptr_t)t.ops[i].key.p);
	}
	se_close(&se);
}

/* ---- limits -------------------------------------------------------------- */

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
	char *key = pin_xmalloc(PIN_KEY_MAX + 2), *big, *got;
	struct pin_buf *v = pin_buf_copy("v", 1);
	struct pin_buf *huge = pin_buf_new(PIN_VALUE_MAX + 1);
	struct pin_buf *full = pin_buf_new(PIN_VALUE_MAX);

	memset(key, 'k', PIN_KEY_MAX + 1);
	key[PIN_KEY_MAX + 1] = '\0';
	fresh(NULL);
	ops[0] = (struct pin_op){ .type = PIN_PUT, .key = PIN_STR("k"),
	    .value = v };
	CASE("%s: an empty key is refused", name()) {
		ops[0].key.len = 0;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
	}
	CASE("%s: a key above the limit is refused", name()) {
		ops[0].key = (struct pin_str){ key, PIN_KEY_MAX + 1 };
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: a put without value, a deletion with one", name()) {
		ops[0].key = PIN_STR("k");
		ops[0].value = NULL;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
		ops[0].type = PIN_DELETE;
		ops[0].value = v;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
		ops[0].type = 3;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
	}
	CASE("%s: a value above the limit is refused", name()) {
		ops[0].type = PIN_PUT;
		ops[0].value = huge;
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: a key twice in a transaction is refused", name()) {
		ops[0].value = v;
		ops[1] = ops[0];
		t.nops = 2;
		CHECK_INT(txn_rc(&t), PIN_EINVAL);
	}
	CASE("%s: too many operations are refused", name()) {
		t.nops = PIN_TXN_OPS_MAX + 1;
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: a transaction above a batch is refused", name()) {
		static const char *const keys[] = { "1", "2", "3" };

		for (int i = 0; i < 3; i++) {
			ops[i] = ops[0];
			ops[i].key = pin_str(keys[i]);
			ops[i].value = full;
		}
		t.nops = 3;
		CHECK_INT(txn_rc(&t), PIN_ETOOBIG);
	}
	CASE("%s: none of them left a trace", name())
		CHECK_UINT(se_revision(&se), 0);
	CASE("%s: the longest key and the largest value work", name()) {
		key[PIN_KEY_MAX] = '\0';
		CHECK_INT(se_put(&se, key, "long"), 1);
		CHECK(is_get(key, 0, "long"));
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
	CASE("%s: keys are bytes, ordered as bytes", name()) {
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
	pin_buf_put(&v);
	pin_buf_put(&huge);
	pin_buf_put(&full);
}

/* ---- ranges ---------------------------------------------------------------- */

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

	fresh(NULL);
	se_put(&se, "b", "1");
	se_put(&se, "d", "2");
	se_put(&se, "a", "3");
	se_put(&se, "c", "4");
	CASE("%s: keys ascend; start is in, end is not", name()) {
		CHECK(is_range("a", "d", 0, "a=3,b=1,c=4"));
		CHECK(is_range("b", "d\x01", 0, "b=1,c=4,d=2"));
		CHECK(is_range("bb", "c", 0, ""));
		CHECK(is_range("d", "a", 0, ""));
	}
	CASE("%s: without an end it goes to the last key", name())
		CHECK(is_range("c", "", 0, "c=4,d=2"));
	CASE("%s: a limit stops, and says how much remains", name()) {
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
	CASE("%s: emit can stop", name()) {
		n = 0;
		CHECK_INT(se.ops->range(se.store.self, &q, stop_at_two, &n,
		    &res, NULL), PIN_OK);
		CHECK_INT(n, 2);
		CHECK_UINT(res.more, 1);
	}
	CASE("%s: keys without values", name()) {
		n = 0;
		q.flags = PIN_RANGE_KEYS_ONLY;
		CHECK_INT(se.ops->range(se.store.self, &q, keys_only, &n,
		    &res, NULL), PIN_OK);
		CHECK_INT(n, 4);
		q.flags = 0;
	}
	CASE("%s: a byte limit stops after at least one", name()) {
		n = 0;
		q.bytes_max = 1;
		CHECK_INT(se.ops->range(se.store.self, &q, keys_only, &n,
		    &res, NULL), PIN_OK);
		CHECK_UINT(res.emitted, 1);
		CHECK_UINT(res.more, 1);
	}
	CASE("%s: a range as of an old revision", name()) {
		se_put(&se, "b", "5");
		se_del(&se, "c");
		CHECK(is_range("a", "z", 1, "b=1"));
		CHECK(is_range("a", "z", 4, "a=3,b=1,c=4,d=2"));
		CHECK(is_range("a", "z", 5, "a=3,b=5,c=4,d=2"));
		CHECK(is_range("a", "z", 0, "a=3,b=5,d=2"));
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

	fresh("store.ring=1Mi");
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "p%04d", i);
		se_put(&se, key, "old");
	}
	all = se_range(&se, "p", "q", 0, 0, &res, NULL);
	CASE("%s: more keys than one chunk", name()) {
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
	CASE("%s: pages at one revision make one list", name()) {
		CHECK_INT(pages, 11);
		CHECK_MEM(out.p, out.len, all, strlen(all));
	}
	pin_out_fini(&out);
	free(all);
	se_close(&se);
}

/* ---- history and the sink ---------------------------------------------------- */

static void
test_history(void)
{
	fresh(NULL);
	se_put(&se, "/a/1", "x");
	se_put(&se, "/b/1", "y");
	se_put(&se, "/a/1", "z");
	se_del(&se, "/a/1");
	se_put(&se, "/a/2", "w");
	CASE("%s: history tells every change in order", name())
		CHECK(is_history(1, 100, "", "1:/a/1=x,2:/b/1=y,"
		    "3:/a/1=z(x@1),4:-/a/1(z@3),5:/a/2=w"));
	CASE("%s: history of a prefix, of a span", name()) {
		CHECK(is_history(1, 100, "/b/", "2:/b/1=y"));
		CHECK(is_history(2, 3, "", "2:/b/1=y,3:/a/1=z(x@1)"));
		CHECK(is_history(5, 5, "/a/", "5:/a/2=w"));
	}
	CASE("%s: history from the next revision is empty", name()) {
		CHECK(is_history(6, 100, "", ""));
		CHECK(is_history(3, 2, "", ""));
		CHECK_INT(history_rc(0, 5), PIN_EINVAL);
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
	fresh(NULL);
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
	CASE("%s: the sink hears of everything before done", name()) {
		CHECK_MEM(h.text.p, h.text.len,
		    "1:a*;2:a^;3:-a^;3:b*;", strlen("1:a*;2:a^;3:-a^;3:b*;"));
		CHECK_INT(h.bad, 0);
		CHECK_INT(h.calls, 3);
	}
	CASE("%s: the sink hears of a compaction", name()) {
		CHECK_INT(se_compact(&se, 2), PIN_OK);
		CHECK_INT(h.calls, 4);
	}
	se_close(&se);
	pin_out_fini(&h.text);
}

/* ---- compaction ---------------------------------------------------------------- */

static void
test_compaction(void)
{
	struct pin_store_status st;

	fresh(NULL);
	se_put(&se, "a", "1");		/* 1 */
	se_put(&se, "b", "1");
	se_put(&se, "a", "2");		/* 3 */
	se_put(&se, "gone", "x");
	se_del(&se, "gone");		/* 5 */
	se_put(&se, "c", "1");
	se_del(&se, "b");		/* 7 */
	se_put(&se, "a", "3");		/* 8 */
	CASE("%s: compaction takes no revision", name()) {
		CHECK_INT(se_compact(&se, 7), PIN_OK);
		se_status(&se, &st);
		CHECK_UINT(st.revision, 8);
		CHECK_UINT(st.compacted, 7);
	}
	CASE("%s: below it nothing can be read", name()) {
		int rc;

		CHECK_INT(get_rc("a", 6), PIN_EGONE);
		free(se_range(&se, "", "", 6, 0, NULL, &rc));
		CHECK_INT(rc, PIN_EGONE);
		CHECK_INT(history_rc(6, 9), PIN_EGONE);
	}
	CASE("%s: at it everything is as it was", name()) {
		CHECK(is_range("", "", 7, "a=2,c=1"));
		CHECK(is_range("", "", 0, "a=3,c=1"));
	}
	CASE("%s: a deletion at the compacted revision is told", name())
		CHECK(is_history(7, 7, "", "7:-b(1@2)") ||
		    is_history(7, 7, "", "7:-b"));
	CASE("%s: the same again is PIN_EGONE, ahead PIN_EFUTURE", name()) {
		CHECK_INT(se_compact(&se, 7), PIN_EGONE);
		CHECK_INT(se_compact(&se, 3), PIN_EGONE);
		CHECK_INT(se_compact(&se, 9), PIN_EFUTURE);
		CHECK_UINT(se_revision(&se), 8);
	}
	CASE("%s: what is superseded goes, what is needed stays", name()) {
		/* a@3, b's deletion @7, c@6, a@8 */
		WAIT((se_status(&se, &st), st.history == 4), 5000);
		CHECK_UINT(st.keys, 2);
		CHECK(is_range("", "", 7, "a=2,c=1"));
		CHECK(is_history(8, 9, "", "8:a=3(2@3)"));
	}
	CASE("%s: a deletion at the compacted revision still is", name())
		CHECK(is_history(7, 9, "", "7:-b,8:a=3(2@3)") ||
		    is_history(7, 9, "", "7:-b(1@2),8:a=3(2@3)"));
	CASE("%s: the next compaction takes the deletion too", name()) {
		CHECK_INT(se_compact(&se, 8), PIN_OK);
		WAIT((se_status(&se, &st), st.history == 2), 5000);
		CHECK(is_range("", "", 0, "a=3,c=1"));
	}
	CASE("%s: a compacted key can come back", name()) {
		struct pin_kv kv;

		CHECK_INT(se_cas(&se, "b", "4", 0), 9);
		kv_of("b", &kv);
		CHECK_UINT(kv.create_rev, 9);
		CHECK_UINT(kv.version, 1);
	}
	if (now->lasts) {
		reopen(NULL);
		CASE("%s: compaction outlives a restart", name()) {
			se_status(&se, &st);
			CHECK_UINT(st.compacted, 8);
			CHECK_UINT(st.revision, 9);
			CHECK_INT(get_rc("a", 7), PIN_EGONE);
			CHECK(is_range("", "", 0, "a=3,b=4,c=1"));
			WAIT((se_status(&se, &st), st.history == 3), 5000);
		}
	}
	se_close(&se);
}

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

	fresh(NULL);
	for (int i = 0; i < 600; i++) {
		snprintf(key, sizeof(key), "k%03d", i);
		se_put(&se, key, "old");
	}
	CASE("%s: a list under way survives a compaction", name()) {
		CHECK_INT(se.ops->range(se.store.self, &q, slow_reader, &sl,
		    &res, NULL), PIN_OK);
		CHECK_INT(sl.compacted, PIN_OK);
		CHECK_UINT(res.revision, 600);
		CHECK_INT(sl.n, 600);
	}
	se_close(&se);
}

/* ---- times to live --------------------------------------------------------------- */

static void
test_ttl(void)
{
	uint64_t begin, end;

	fresh(NULL);
	begin = tap_now_ms();
	CHECK_INT(se_put_ttl(&se, "short", "x", 1), 1);
	CHECK_INT(se_put_ttl(&se, "kept", "x", 1), 2);
	CHECK_INT(se_put_ttl(&se, "longer", "x", 1), 3);
	CHECK_INT(se_put(&se, "kept", "y"), 4);
	CHECK_INT(se_put_ttl(&se, "longer", "x", 600), 5);
	CASE("%s: a key goes after its time, not before", name()) {
		WAIT(get_rc("short", 0) == PIN_ENOTFOUND, 5000);
		end = tap_now_ms();
		CHECK(end - begin >= 1000);
		CHECK(end - begin < 3000);
	}
	CASE("%s: its end is a deletion with a revision", name())
		CHECK(is_history(6, 9, "", "6:-short(x@1)"));
	CASE("%s: a write without time, or with a longer one", name()) {
		CHECK(is_get("kept", 0, "y"));
		CHECK(is_get("longer", 0, "x"));
	}
	if (now->lasts) {
		CHECK_INT(se_put_ttl(&se, "later", "x", 1), 7);
		reopen(NULL);
		CASE("%s: times to live outlive a restart", name()) {
			CHECK(is_get("later", 0, "x"));
			WAIT(get_rc("later", 0) == PIN_ENOTFOUND, 5000);
			CHECK(is_get("longer", 0, "x"));
		}
	}
	se_close(&se);
}

int
main(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_file *f = NULL;
	char path[4096];

	tap_deadline(240);
	for (size_t i = 0; i < PIN_LEN(combos); i++) {
		now = &combos[i];
		snprintf(path, sizeof(path), "%s/plugins/store/%s.so",
		    tap_build(), now->store);
		if (pin_file_open(pin_host_real(), path, PIN_FILE_READ, &f,
		    &err) != PIN_OK) {
			OK(0, "%s is there", path);
			continue;
		}
		pin_file_close(&f);
		test_model();
		test_compare();
		test_multi();
		test_limits();
		test_range();
		test_pages();
		test_history();
		test_sink();
		test_compaction();
		test_compact_reader();
		test_ttl();
	}
	return (tap_done());
}
