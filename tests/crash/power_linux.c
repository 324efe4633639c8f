/* SPDX-License-Identifier: BSD-2-Clause
 *
 * power_linux.c -- power cuts: one run of a store is recorded call by call,
 * then cut at every call in many ways, and each disk that leaves is opened
 * again. Every write that was acknowledged before the cut must be there, and
 * nothing that was never asked for; history and compaction included.
 * Controls prove that the sweep sees a missing sync.
 * Contract: S1, S6, S8 of the store's invariants; SCALE=10 is the long form. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/real.h"
#include "crashdisk.h"
#include "shim.h"
#include "storeenv.h"
#include "tap.h"

#define STATES		350u		/* short form */
#define CONTROL_STATES	250u
#define RECOVERIES	40u
#define REVS		4096
#define WINDOW		8
#define OPTS		"store.ring=1Mi store.map=64Mi consensus.segment=64Ki"

enum { MARK_ISSUED = 1, MARK_ACKED, MARK_COMPACT_ASKED, MARK_COMPACTED };

/* What happened at each revision, as the sink was told. */
struct change {
	uint64_t	 rev;
	char		*key;
	struct pin_buf	*value;		/* NULL: deleted */
};

static struct change changes[REVS];
static size_t nchanges;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int under_way;
static uint64_t issued;
static struct se se;
static char home[4096], disk[4096], disk2[4096];

/* ---- recording --------------------------------------------------- */

static void
on_committed(void *arg, const struct pin_event *e, uint32_t n, uint64_t rev)
{
	(void)arg;
	(void)rev;
	for (uint32_t i = 0; i < n; i++) {
		if (nchanges == REVS)
			abort();
		changes[nchanges].rev = e[i].revision;
		changes[nchanges].key = pin_xstrndup(e[i].key.p, e[i].key.len);
		changes[nchanges].value = e[i].value != NULL ?
		    pin_buf_get(e[i].value) : NULL;
		nchanges++;
	}
}

static void
on_done(void *arg, const struct pin_txn_result *r)
{
	(void)arg;
	if (r->rc != PIN_OK)
		abort();
	shim_mark(MARK_ACKED, r->revision);
	pthread_mutex_lock(&lock);
	under_way--;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

/* Every transaction of the run takes exactly one revision. */
static void
submit(struct se_txn *t)
{
	struct pin_txn txn = { .size = sizeof(txn), .nops = t->nops,
	    .ops = t->ops };

	pthread_mutex_lock(&lock);
	while (under_way == WINDOW)
		pthread_cond_wait(&cond, &lock);
	under_way++;
	pthread_mutex_unlock(&lock);
	shim_mark(MARK_ISSUED, ++issued);
	if (se.ops->txn(se.store.self, &txn, on_done, NULL, NULL) != PIN_OK)
		abort();
	for (uint32_t i = 0; i < t->nops; i++)
		pin_buf_put(&t->ops[i].value);
}

static void
settle(void)
{
	pthread_mutex_lock(&lock);
	while (under_way != 0)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
}

static void
put_big(const char *key, size_t len, uint32_t seed)
{
	struct se_txn t = { .nops = 1 };

	t.ops[0].type = PIN_PUT;
	t.ops[0].key = pin_str(key);
	t.ops[0].value = pin_buf_new(len);
	se_fill((char *)t.ops[0].value->data, len, seed);
	submit(&t);
}

static void
put_some(int from, int n, int one_by_one)
{
	char key[3][16], value[64];
	struct se_txn t;

	for (int i = from; i < from + n; i++) {
		t.ncmps = t.nops = 0;
		for (int k = 0; k < (i % 5 == 0 ? 3 : 1); k++) {
			snprintf(key[k], sizeof(key[k]), "k%02d",
			    (i * 7 + k * 11) % 40);
			snprintf(value, sizeof(value), "value %d of %d", k,
			    i);
			se_put_op(&t, key[k], value);
		}
		if (i % 6 == 5) {	/* of a key that is surely there */
			for (uint32_t k = 0; k < t.nops; k++)
				pin_buf_put(&t.ops[k].value);
			t.ncmps = t.nops = 0;
			se_put_op(&t, "back", "x");
			submit(&t);
			t.ncmps = t.nops = 0;
			se_del_op(&t, "back");
		}
		submit(&t);
		if (one_by_one)
			settle();
	}
}

static void
compact(void)
{
	uint64_t rev;

	settle();
	rev = se_revision(&se) - 10;
	shim_mark(MARK_COMPACT_ASKED, rev);
	if (se_compact(&se, rev) != PIN_OK)
		abort();
	shim_mark(MARK_COMPACTED, rev);
}

static void
begin(const char *dir)
{
	struct pin_err err = PIN_ERR_INIT;

	if (se_open(&se, pin_host_real(), "lmdb", "solo", dir, OPTS, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	se.committed = on_committed;
	if (se_start(&se, &err) != PIN_OK)
		BAIL("%s", err.text);
}

/* Creation, single writes, groups, an engine batch, a clean stop, a start,
 * compaction, more engine batches, files used again. */
static void
record(void)
{
	char key[16];

	begin(home);
	put_some(0, 12, 1);
	put_some(12, 30, 0);
	for (int i = 0; i < 18; i++) {
		snprintf(key, sizeof(key), "big%d", i % 6);
		put_big(key, 30000 + (size_t)i * 100, (uint32_t)i);
	}
	settle();
	put_some(42, 10, 1);
	se_close(&se);
	begin(home);
	put_some(52, 20, 0);
	compact();
	for (int i = 18; i < 60; i++) {
		snprintf(key, sizeof(key), "big%d", i % 6);
		put_big(key, 30000 + (size_t)i * 100, (uint32_t)i);
		if (i % 7 == 0)
			put_some(60 + i, 1, 1);
	}
	compact();
	put_some(130, 10, 0);
	settle();
	shim_stop();			/* the cut comes before the stop */
	se_close(&se);
}

/* ---- judging one disk -------------------------------------------- */

struct promise {
	uint64_t	 acked, issued, compacted, asked;
};

enum { GOOD, NOT_OPENED, LOST, WRONG, CRASHED, VERDICTS };
static const char *const verdicts[] = { "good", "not opened",
    "acknowledged writes lost", "wrong contents", "crashed" };

struct walk {
	size_t		 at;		/* in changes */
	int		 bad;
};

static int
same_change(void *arg, const struct pin_event *e)
{
	struct walk *w = arg;
	const struct change *c = &changes[w->at++];

	w->bad += e->revision != c->rev || !pin_str_is(e->key, c->key) ||
	    (e->value == NULL) != (c->value == NULL) ||
	    (e->value != NULL && (e->value->len != c->value->len ||
	    memcmp(e->value->data, c->value->data, c->value->len) != 0));
	return (w->bad);
}

static const struct change *
newest(struct pin_str key, uint64_t rev)
{
	for (size_t i = nchanges; i-- > 0;)
		if (changes[i].rev <= rev && pin_str_is(key, changes[i].key))
			return (&changes[i]);
	return (NULL);
}

struct content_walk {
	uint64_t	 rev, n;
	int		 bad;
};

static int
same_content(void *arg, const struct pin_kv *kv)
{
	struct content_walk *w = arg;
	const struct change *c = newest(kv->key, w->rev);

	w->n++;
	w->bad += c == NULL || c->value == NULL || kv->mod_rev != c->rev ||
	    kv->value->len != c->value->len ||
	    memcmp(kv->value->data, c->value->data, kv->value->len) != 0;
	return (w->bad);
}

static uint64_t
alive_at(uint64_t rev)
{
	uint64_t n = 0;

	for (size_t i = 0; i < nchanges && changes[i].rev <= rev; i++)
		n += newest(pin_str(changes[i].key), rev) == &changes[i] &&
		    changes[i].value != NULL;
	return (n);
}

static int
check_store(const struct promise *p)
{
	struct pin_range q = { .size = sizeof(q) };
	struct content_walk c = { 0 };
	struct pin_range_result res;
	struct pin_store_status st;
	struct walk w = { 0 };
	uint64_t first;

	se_status(&se, &st);
	if (st.revision < p->acked || st.compacted < p->compacted)
		return (LOST);
	if (st.revision > p->issued || st.compacted > p->asked)
		return (WRONG);
	c.rev = st.revision;
	if (se.ops->range(se.store.self, &q, same_content, &c, &res, NULL) !=
	    PIN_OK || c.bad || c.n != alive_at(st.revision))
		return (WRONG);
	first = st.compacted + 1;
	while (w.at < nchanges && changes[w.at].rev < first)
		w.at++;
	if (se.ops->history(se.store.self, first, REVS, PIN_STR(""),
	    same_change, &w, NULL) != PIN_OK || w.bad)
		return (WRONG);
	while (w.at > 0 && w.at < nchanges &&
	    changes[w.at].rev == changes[w.at - 1].rev)
		return (WRONG);		/* half a transaction */
	return ((w.at == 0 ? 0 : changes[w.at - 1].rev) == st.revision ||
	    first > st.revision ? GOOD : WRONG);
}

/* Opens the disk, twice, with a write between. */
static int
judge(const char *dir, const struct promise *p, int twice)
{
	struct pin_err err = PIN_ERR_INIT;
	int v, rc;

	for (int round = 0;; round++) {
		rc = se_open(&se, pin_host_real(), "lmdb", "solo", dir, OPTS,
		    &err);
		if (rc == PIN_OK)
			rc = se_start(&se, &err);
		if (rc != PIN_OK) {
			printf("# %s\n", err.text);
			return (NOT_OPENED);
		}
		v = round == 0 ? check_store(p) :
		    se_get(&se, "after", 0, NULL, &rc) != NULL ? GOOD : LOST;
		if (v != GOOD || !twice || round == 1)
			break;
		if (se_put(&se, "after", "the cut") < 0)
			return (WRONG);
		se_close(&se);
	}
	se_close(&se);
	return (v);
}

static int
judge_apart(const struct promise *p, int twice)
{
	int st = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		BAIL("fork");
	if (pid == 0) {
		alarm(60);
		st = judge(disk, p, twice);
		fflush(stdout);
		_exit(st);
	}
	if (waitpid(pid, &st, 0) != pid)
		BAIL("waitpid");
	return (WIFEXITED(st) && WEXITSTATUS(st) < VERDICTS ? WEXITSTATUS(st) :
	    CRASHED);
}

/* ---- the sweep --------------------------------------------------- */

static void
promised(struct promise *p, const struct sh_op *op)
{
	if (op->type != SH_MARK)
		return;
	if (op->file == MARK_ISSUED)
		p->issued = op->at;
	else if (op->file == MARK_ACKED && op->at > p->acked)
		p->acked = op->at;
	else if (op->file == MARK_COMPACT_ASKED)
		p->asked = op->at;
	else if (op->file == MARK_COMPACTED)
		p->compacted = op->at;
}

static unsigned
sweep(const struct sh_op *ops, size_t n, unsigned want, int flags,
    unsigned *count)
{
	struct crashdisk *cd = crashdisk_new(ops, n, flags);
	struct promise p = { 0 };
	unsigned done = 0, real = 0, shown = 0;
	size_t calls = 0;

	memset(count, 0, VERDICTS * sizeof(*count));
	for (size_t i = 0; i < n; i++)
		calls += ops[i].type != SH_MARK;
	for (size_t i = 0; i < n; i++) {
		promised(&p, &ops[i]);
		if (ops[i].type == SH_MARK)
			continue;
		crashdisk_advance(cd, i);
		real++;
		for (unsigned v = 0; done < (uint64_t)want * real / calls;
		    v++) {
			int verdict;

			crashdisk_make(cd, disk, done + v, (uint32_t)i);
			verdict = judge_apart(&p, done % 8 == 0);
			count[verdict]++;
			if (verdict != GOOD && flags == 0 && shown++ < 5)
				tap_diag("call %zu (%u), variant %u: %s;"
				    " acked %" PRIu64 ", issued %" PRIu64, i,
				    ops[i].type, done + v, verdicts[verdict],
				    p.acked, p.issued);
			done++;
		}
	}
	crashdisk_free(cd);
	return (done);
}

/* ---- cuts during recovery ------------------------------------------- */

#define AGAIN	4		/* writes after the first recovery */
#define CUTS	6		/* of one recovery */

/* In a process of its own: recovers the disk under the shim, writes a little,
 * and judges what cuts in there leave. Returns the worst verdict. */
static int
recover_and_cut(struct promise p, uint32_t seed)
{
	struct promise q;
	struct crashdisk *cd;
	struct pin_store_status st;
	struct sh_op *ops;
	size_t n, at, done, first = 0;
	int v;

	shim_start(disk);
	begin(disk);
	se_status(&se, &st);
	while (nchanges != 0 && changes[nchanges - 1].rev > st.revision)
		nchanges--;		/* never answered, and not there */
	p.acked = p.issued = issued = st.revision;
	p.compacted = p.asked = st.compacted;
	put_some(200 + (int)(seed % 2) * 3, AGAIN, 0);
	settle();
	shim_stop();
	se_close(&se);
	ops = shim_take(&n);
	while (first < n && ops[first].type == SH_INIT)
		first++;		/* what was there before */
	for (unsigned k = 0; k < CUTS; k++) {
		cd = crashdisk_new(ops, n, 0);
		q = p;
		at = first + (seed * 7919 + k * 104729) % (n - first);
		for (done = 0; done <= at; done++)
			promised(&q, &ops[done]);
		crashdisk_advance(cd, at);
		crashdisk_make(cd, disk2, seed + k, (uint32_t)at);
		crashdisk_free(cd);
		v = judge(disk2, &q, 0);
		if (v != GOOD)
			return (v);
	}
	return (GOOD);
}

static void
sweep_recovery(const struct sh_op *ops, size_t n, unsigned want)
{
	struct crashdisk *cd = crashdisk_new(ops, n, 0);
	struct promise p = { 0 };
	unsigned count[VERDICTS] = { 0 }, done = 0;
	int st;
	pid_t pid;

	for (size_t i = 0; i < n; i++) {
		promised(&p, &ops[i]);
		crashdisk_advance(cd, i);
		if (ops[i].type == SH_MARK ||
		    done >= (uint64_t)want * (i + 1) / n)
			continue;
		crashdisk_make(cd, disk, 2 + done, (uint32_t)i);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			alarm(60);
			st = recover_and_cut(p, done);
			fflush(stdout);
			_exit(st);
		}
		if (pid < 0 || waitpid(pid, &st, 0) != pid)
			BAIL("fork");
		count[WIFEXITED(st) && WEXITSTATUS(st) < VERDICTS ?
		    WEXITSTATUS(st) : CRASHED]++;
		done++;
	}
	crashdisk_free(cd);
	OK(count[GOOD] == done, "%u recoveries cut %d times each: %u"
	    " acknowledged lost, %u not opened, %u wrong, %u crashed", done,
	    CUTS, count[LOST], count[NOT_OPENED], count[WRONG],
	    count[CRASHED]);
}

static void
control(const struct sh_op *ops, size_t n, int flags, const char *what)
{
	unsigned count[VERDICTS], done, bad;

	done = sweep(ops, n, CONTROL_STATES, flags, count);
	bad = done - count[GOOD];
	OK(bad > 0, "control: %s turn %u of %u disks bad (%u lost, %u not"
	    " opened, %u wrong, %u crashed)", what, bad, done, count[LOST],
	    count[NOT_OPENED], count[WRONG], count[CRASHED]);
}

int
main(void)
{
	unsigned count[VERDICTS], done;
	const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" :
	    tap_tmp();
	struct sh_op *ops;
	size_t n;

	tap_deadline(120 + 120 * (unsigned)tap_scale());
	snprintf(home, sizeof(home), "%s/home", tap_tmp());
	snprintf(disk, sizeof(disk), "%s/pintle-crash-%ld", shm,
	    (long)getpid());
	snprintf(disk2, sizeof(disk2), "%s-2", disk);
	if (pin_path_mkdir(pin_host_real(), home, NULL) != PIN_OK)
		BAIL("mkdir %s", home);
	shim_start(home);
	record();
	ops = shim_take(&n);
	OK(issued > 150 && n > 500, "recorded %" PRIu64 " transactions, %zu"
	    " calls and marks", issued, n);
	done = sweep(ops, n, STATES * (unsigned)tap_scale(), 0, count);
	OK(done >= STATES && count[GOOD] == done, "%u crash states, %u"
	    " acknowledged lost, %u not opened, %u wrong, %u crashed", done,
	    count[LOST], count[NOT_OPENED], count[WRONG], count[CRASHED]);
	sweep_recovery(ops, n, RECOVERIES * (unsigned)tap_scale());
	control(ops, n, CD_NO_LOG_SYNC, "an acknowledgement before the sync"
	    " would");
	control(ops, n, CD_NO_DIR_SYNC, "directories never synced would");
	control(ops, n, CD_NO_STORE_SYNC, "an engine never synced would");
	shim_free(ops, n);
	crashdisk_clear(disk);
	crashdisk_clear(disk2);
	return (tap_done());
}
