/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store_mt.c -- the contract of the kind `store` under concurrency: eight
 * writers, three readers, and a history that must be linearizable. Every
 * answer carries a revision, so the order is known; what is checked is that
 * it agrees with real time and that a replay in that order gives the same
 * answers.
 * Contract: pintle/store.h, S2. */
#include <inttypes.h>
#include <stdio.h>

#include "core/host/real.h"
#include "storekit.h"
#include "tap.h"

#define WRITERS		8
#define READERS		3
#define OPS		400
#define KEYS		12
#define ALL		((WRITERS + READERS) * OPS)

enum { OP_PUT, OP_CAS, OP_DEL, OP_GET, OP_RANGE };

struct op {
	uint64_t	 begin, end;	/* ns */
	int		 type, rc, key;
	uint64_t	 expect;	/* CAS: the revision compared with */
	uint64_t	 rev;		/* result's; RANGE: the one read */
	uint64_t	 actual;	/* CAS conflict; GET: mod_rev */
	uint64_t	 seen[KEYS];	/* RANGE: mod_rev of each; 0 none */
	char		 value[24];	/* PUT, CAS; GET: what was read */
};

static struct op *ops;			/* [ALL] */
static atomic_int writers_left;

static uint32_t
rnd(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return (*x >> 8);
}

static uint64_t
ns(void)
{
	return (pin_host_now(pin_host_real()));
}

static void
write_one(struct op *o, uint64_t *seen, uint32_t *x)
{
	struct pin_txn_result res = { 0 };
	struct se_txn t;
	char key[8];

	t.ncmps = t.nops = 0;
	o->key = (int)(rnd(x) % KEYS);
	snprintf(key, sizeof(key), "k%02d", o->key);
	o->type = (int[]){ OP_PUT, OP_CAS, OP_CAS, OP_DEL }[rnd(x) % 4];
	o->expect = seen[o->key];
	if (o->type == OP_CAS)
		se_cmp(&t, key, o->expect);
	if (o->type == OP_DEL)
		se_del_op(&t, key);
	else
		se_put_op(&t, key, o->value);
	o->begin = ns();
	o->rc = se_run(&se, &t, &res);
	o->end = ns();
	o->rev = res.revision;
	o->actual = res.actual;
	if (o->rc == PIN_ECONFLICT)
		seen[o->key] = res.actual;
	else
		seen[o->key] = o->type == OP_DEL ? 0 : res.revision;
}

static void *
writer(void *arg)
{
	struct op *o = arg;
	uint64_t seen[KEYS] = { 0 };
	uint32_t x = (uint32_t)((o - ops) * 7 + 1);

	for (int i = 0; i < OPS; i++, o++) {
		snprintf(o->value, sizeof(o->value), "v%td", o - ops);
		write_one(o, seen, &x);
	}
	atomic_fetch_sub(&writers_left, 1);
	return (NULL);
}

static int
range_seen(void *arg, const struct pin_kv *kv)
{
	struct op *o = arg;

	o->seen[(kv->key.p[1] - '0') * 10 + kv->key.p[2] - '0'] = kv->mod_rev;
	return (0);
}

static void
read_one(struct op *o, uint32_t *x)
{
	struct pin_range q = { .size = sizeof(q), .start = PIN_STR("k"),
	    .end = PIN_STR("l") };
	struct pin_range_result res;
	struct pin_kv kv;
	char key[8], *s;

	o->key = (int)(rnd(x) % KEYS);
	snprintf(key, sizeof(key), "k%02d", o->key);
	o->type = rnd(x) % 4 == 0 ? OP_RANGE : OP_GET;
	o->begin = ns();
	if (o->type == OP_RANGE) {
		o->rc = se.ops->range(se.store.self, &q, range_seen, o, &res,
		    NULL);
		o->end = ns();
		o->rev = res.revision;
		return;
	}
	s = se_get(&se, key, 0, &kv, &o->rc);
	o->end = ns();
	o->actual = s != NULL ? kv.mod_rev : 0;
	snprintf(o->value, sizeof(o->value), "%s", s != NULL ? s : "");
	free(s);
}

static void *
reader(void *arg)
{
	struct op *o = arg;
	uint32_t x = (uint32_t)((o - ops) * 13 + 5);

	for (int i = 0; i < OPS; i++, o++) {
		read_one(o, &x);
		/* Spread over the time the writers need. */
		if (atomic_load(&writers_left) != 0 && i % 8 == 0)
			tap_nap();
	}
	return (NULL);
}

/* ---- the checker ------------------------------------------------- */

static int
by_rev(const void *a, const void *b)
{
	const struct op *x = *(struct op *const *)a;
	const struct op *y = *(struct op *const *)b;

	return (x->rev < y->rev ? -1 : x->rev > y->rev);
}

/* state[r][k]: mod_rev of key k as of revision r, from the writes alone. */
static uint64_t (*state)[KEYS];
static struct op **by;			/* the write of each revision */
static uint64_t revs;

/* Several deletions of one key may have the same revision, all but one of
 * nothing: it is then known only that it was one of them. */
static int
deleted(void *arg, const struct pin_event *e)
{
	struct op *o, *d = NULL;
	int key = (e->key.p[1] - '0') * 10 + e->key.p[2] - '0';

	(void)arg;
	if (e->value != NULL)
		return (0);
	for (int i = 0; i < WRITERS * OPS; i++) {
		o = &ops[i];
		if (o->rc != PIN_OK || o->type != OP_DEL || o->key != key ||
		    o->rev != e->revision)
			continue;
		if (d == NULL) {
			d = pin_xmalloc(sizeof(*d));
			*d = *o;
		}
		d->begin = o->begin < d->begin ? o->begin : d->begin;
		d->end = o->end > d->end ? o->end : d->end;
	}
	by[e->revision] = d;
	return (0);
}

static int
replay_writes(void)
{
	struct op **w = pin_xcalloc(ALL, sizeof(*w));
	uint64_t n = 0;
	int bad = 0;

	for (int i = 0; i < WRITERS * OPS; i++) {
		struct op *o = &ops[i];

		/* A deletion of nothing has the revision of the store. */
		if (o->rc == PIN_OK && o->type != OP_DEL)
			w[n++] = o;
	}
	qsort(w, n, sizeof(*w), by_rev);
	revs = se_revision(&se);
	state = pin_xcalloc(revs + 2, sizeof(*state));
	by = pin_xcalloc(revs + 2, sizeof(*by));
	for (uint64_t i = 0; i < n; i++) {
		bad += by[w[i]->rev] != NULL || w[i]->rev > revs ||
		    w[i]->rev == 0;
		by[w[i]->rev] = w[i];
	}
	/* What no put took was a deletion that did something; history says
	 * of which key. */
	if (se.ops->history(se.store.self, 1, revs, PIN_STR("k"), deleted,
	    NULL, NULL) != PIN_OK)
		bad++;
	for (uint64_t r = 1; r <= revs; r++) {
		memcpy(state[r], state[r - 1], sizeof(*state));
		bad += by[r] == NULL;
		if (by[r] != NULL)
			state[r][by[r]->key] = by[r]->type == OP_DEL ? 0 : r;
	}
	free(w);
	return (bad);
}

/* Revisions must grow as time does: nothing that ended before another began
 * may have a greater revision. */
static int
check_time(void)
{
	uint64_t latest = 0;
	int bad = 0;

	for (uint64_t r = revs; r >= 1; r--) {
		/* earliest end of all later revisions against begin here */
		if (latest != 0 && by[r]->begin > latest)
			bad++;
		if (latest == 0 || by[r]->end < latest)
			latest = by[r]->end;
	}
	return (bad);
}

/* Greatest revision that had surely been answered before t. */
static uint64_t
surely(uint64_t t)
{
	uint64_t max = 0;

	for (uint64_t r = revs; r >= 1 && max == 0; r--)
		if (by[r]->end < t)
			max = r;
	return (max);
}

static int
check_cas(const struct op *o)
{
	if (o->rc == PIN_OK)
		return (state[o->rev - 1][o->key] == o->expect);
	return (o->rc == PIN_ECONFLICT && o->rev >= surely(o->begin) &&
	    o->actual != o->expect && state[o->rev][o->key] == o->actual);
}

/* Some revision between "surely there" and "begun before the end" has it. */
static int
check_get(const struct op *o)
{
	for (uint64_t r = surely(o->begin); r <= revs; r++) {
		if (r != 0 && by[r]->begin > o->end)
			return (0);
		if (state[r][o->key] != o->actual)
			continue;
		return (o->actual == 0 ||
		    strcmp(by[o->actual]->value, o->value) == 0);
	}
	return (0);
}

static int
check_range(const struct op *o)
{
	return (o->rc == PIN_OK && o->rev >= surely(o->begin) &&
	    (o->rev == 0 || by[o->rev]->begin <= o->end) &&
	    memcmp(state[o->rev], o->seen, sizeof(o->seen)) == 0);
}

static void
check_all(void)
{
	int counts[5] = { 0 }, bad[5] = { 0 };

	CASE("%s: %" PRIu64 " revisions, each of one transaction", sk_name(),
	    se_revision(&se))
		CHECK_INT(replay_writes(), 0);
	CASE("%s: revisions grow as time does", sk_name())
		CHECK_INT(check_time(), 0);
	for (int i = 0; i < ALL; i++) {
		struct op *o = &ops[i];

		counts[o->type]++;
		if (o->type == OP_CAS)
			bad[OP_CAS] += !check_cas(o);
		else if (o->type == OP_GET)
			bad[OP_GET] += !check_get(o);
		else if (o->type == OP_RANGE)
			bad[OP_RANGE] += !check_range(o);
		else
			bad[o->type] += o->rc != PIN_OK;
	}
	OK(bad[OP_PUT] + bad[OP_DEL] == 0, "%s: %d puts and %d deletions done",
	    sk_name(), counts[OP_PUT], counts[OP_DEL]);
	OK(bad[OP_CAS] == 0, "%s: %d compare-and-swaps decided rightly",
	    sk_name(), counts[OP_CAS]);
	OK(bad[OP_GET] == 0, "%s: %d gets saw what they had to", sk_name(),
	    counts[OP_GET]);
	OK(bad[OP_RANGE] == 0, "%s: %d ranges saw one revision each",
	    sk_name(), counts[OP_RANGE]);
}

static void
test_linearizable(void)
{
	pthread_t th[WRITERS + READERS];

	sk_fresh("store.ring=1Mi");
	ops = pin_xcalloc(ALL, sizeof(*ops));
	atomic_store(&writers_left, WRITERS);
	for (int i = 0; i < WRITERS + READERS; i++)
		if (pthread_create(&th[i], NULL, i < WRITERS ? writer : reader,
		    &ops[i * OPS]) != 0)
			BAIL("pthread_create");
	for (int i = 0; i < WRITERS + READERS; i++)
		(void)pthread_join(th[i], NULL);
	check_all();
	se_close(&se);
	for (uint64_t r = 1; r <= revs; r++)
		if (by[r] < ops || by[r] >= ops + ALL)
			free(by[r]);
	free(ops);
	free(state);
	free(by);
}

/* ---- a counter, and compaction beside it ------------------------- */

#define COUNTS	150

static void *
counter(void *arg)
{
	char next[32], *s;
	struct pin_kv kv;
	int *conflicts = arg;

	for (int done = 0; done < COUNTS;) {
		s = se_get(&se, "counter", 0, &kv, NULL);
		snprintf(next, sizeof(next), "%d", atoi(s) + 1);
		free(s);
		if (se_cas(&se, "counter", next, kv.mod_rev) > 0)
			done++;
		else
			(*conflicts)++;
	}
	atomic_fetch_sub(&writers_left, 1);
	return (NULL);
}

static void *
compactor(void *arg)
{
	int *bad = arg, rc;
	uint64_t rev;

	while (atomic_load(&writers_left) != 0) {
		rev = se_revision(&se);
		rc = se_compact(&se, rev);
		*bad += rc != PIN_OK && rc != PIN_EGONE;
		free(se_get(&se, "counter", 0, NULL, &rc));
		*bad += rc != PIN_OK;
		tap_nap();
	}
	return (NULL);
}

static void
test_counter(void)
{
	pthread_t th[WRITERS], comp;
	int conflicts[WRITERS] = { 0 }, bad = 0, total = 0;
	char want[32], *s;

	sk_fresh("store.ring=1Mi");
	se_put(&se, "counter", "0");
	atomic_store(&writers_left, WRITERS);
	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&th[i], NULL, counter, &conflicts[i]) != 0)
			BAIL("pthread_create");
	if (pthread_create(&comp, NULL, compactor, &bad) != 0)
		BAIL("pthread_create");
	for (int i = 0; i < WRITERS; i++) {
		(void)pthread_join(th[i], NULL);
		total += conflicts[i];
	}
	(void)pthread_join(comp, NULL);
	snprintf(want, sizeof(want), "%d", WRITERS * COUNTS);
	s = se_get(&se, "counter", 0, NULL, NULL);
	CASE("%s: eight counters lose no step (%d conflicts)", sk_name(),
	    total) {
		CHECK_STR(s, want);
		CHECK_UINT(se_revision(&se), WRITERS * COUNTS + 1);
	}
	OK(bad == 0, "%s: compaction beside them breaks no read", sk_name());
	free(s);
	se_close(&se);
}

int
main(void)
{
	static void (*const tests[])(void) = {
		test_linearizable, test_counter,
	};

	tap_deadline(240);
	sk_each(tests, PIN_LEN(tests));
	return (tap_done());
}
