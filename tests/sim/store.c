/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.c -- store/memory on consensus/solo in the simulated host: seeds
 * times power cuts, kills, full disks and clean stops. After each the store
 * is opened again: every acknowledged write is there at its revision, no
 * write twice, none that was refused for want of space.
 * usage: store [FIRST-SEED [COUNT]]. A failing seed is printed.
 * Contract: S1, S2, S8; the same seed does the same. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/sim.h"
#include "storeenv.h"
#include "tap.h"

#define SEEDS		1000u
#define OPS_MAX		3000
#define LIVES		6
#define OPTS		"store.ring=1Mi store.snapshot=8Ki " \
	"consensus.segment=64Ki"
#define FOLLOW_MS	61000		/* the engine has followed by then */

enum { WAITING = 1, ACKED, REFUSED, UNKNOWN };

/* One write; its value is its number, so that history names it. */
struct op {
	char		 key[8];
	int		 state, deletes;
	uint64_t	 rev;		/* ACKED */
	int		 found;		/* times in this history */
};

struct run {
	struct pin_sim	*sim;
	struct pin_host	*host;
	struct se	*se;
	struct op	 ops[OPS_MAX];
	int		 n, under_way, target, done;
	uint64_t	 acked_max, compacted, compact_asked;
	int		 bad;
	char		 why[256];
};

static struct run *r;
static int trimmed;		/* the log's beginning is gone */
static unsigned trims;		/* seeds that ended so */

static void
wrong(const char *what, uint64_t a, uint64_t b)
{
	if (r->bad++ == 0)
		snprintf(r->why, sizeof(r->why), "%s: %" PRIu64 ", %" PRIu64,
		    what, a, b);
}

/* ---- the client -------------------------------------------------- */

static void submit_some(void);

static void
on_done(void *arg, const struct pin_txn_result *res)
{
	struct op *o = arg;

	r->under_way--;
	r->done++;
	if (res->rc == PIN_OK) {
		o->state = ACKED;
		o->rev = res->revision;
		if (!o->deletes && res->revision <= r->acked_max)
			wrong("revision went back", res->revision,
			    r->acked_max);
		if (res->revision > r->acked_max)
			r->acked_max = res->revision;
	} else
		o->state = res->rc == PIN_ECONFLICT ||
		    res->rc == PIN_ENOSPACE ? REFUSED : UNKNOWN;
	submit_some();
}

static void
on_compacted(void *arg, const struct pin_txn_result *res)
{
	if (res->rc == PIN_OK && (uintptr_t)arg > r->compacted)
		r->compacted = (uintptr_t)arg;
}

static int
submit(void)
{
	struct op *o = &r->ops[r->n];
	char value[64 + 3000];
	struct pin_op op = { .type = PIN_PUT };
	struct pin_cmp cmp = { .type = PIN_CMP_MOD };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };
	size_t pad = pin_sim_rand(r->sim, 8) == 0 ?
	    pin_sim_rand(r->sim, 3000) : 0;
	int rc, n;

	memset(o, 0, sizeof(*o));
	snprintf(o->key, sizeof(o->key), "k%02" PRIu64,
	    pin_sim_rand(r->sim, 20));
	op.key = cmp.key = pin_str(o->key);
	if (pin_sim_rand(r->sim, 6) == 0) {
		op.type = PIN_DELETE;
		o->deletes = 1;
	} else {
		n = snprintf(value, 64, "%d;", r->n);
		memset(value + n, 'x', pad);
		op.value = pin_buf_copy(value, (size_t)n + pad);
	}
	if (pin_sim_rand(r->sim, 4) == 0) {
		struct pin_kv kv = { 0 };

		free(se_get(r->se, o->key, 0, &kv, NULL));
		cmp.revision = kv.mod_rev;
		t.ncmps = 1;
		t.cmps = &cmp;
	}
	o->state = WAITING;
	rc = r->se->ops->txn(r->se->store.self, &t, on_done, o, NULL);
	pin_buf_put(&op.value);
	if (rc != PIN_OK) {
		o->state = REFUSED;
		return (0);
	}
	r->n++;
	r->under_way++;
	return (1);
}

static void
submit_some(void)
{
	int window = 1 + (int)pin_sim_rand(r->sim, 8);

	while (r->under_way < window && r->done + r->under_way < r->target &&
	    r->n < OPS_MAX && submit())
		;
	if (pin_sim_rand(r->sim, 60) == 0 && r->acked_max > 20) {
		r->compact_asked = r->acked_max - pin_sim_rand(r->sim, 20);
		if (r->compact_asked > r->compacted)
			(void)r->se->ops->compact(r->se->store.self,
			    r->compact_asked, on_compacted,
			    (void *)(uintptr_t)r->compact_asked, NULL);
	}
}

/* ---- looking after a crash --------------------------------------- */

static int
on_event(void *arg, const struct pin_event *e)
{
	uint64_t *last = arg;
	struct op *o;
	int id;

	if (e->revision != *last + 1)
		wrong("history has a gap", *last, e->revision);
	*last = e->revision;
	if (e->value == NULL)
		return (0);
	id = atoi((const char *)e->value->data);
	if (id < 0 || id >= r->n) {
		wrong("a value nobody wrote", (uint64_t)id, e->revision);
		return (1);
	}
	o = &r->ops[id];
	if (!pin_str_is(e->key, o->key))
		wrong("a value under another key", (uint64_t)id, 0);
	if (o->found++ != 0)
		wrong("a write twice", (uint64_t)id, e->revision);
	if (o->state == ACKED && o->rev != e->revision)
		wrong("a write at another revision", o->rev, e->revision);
	if (o->state == REFUSED)
		wrong("a refused write", (uint64_t)id, e->revision);
	if (o->state != ACKED) {	/* its outcome is known now */
		o->state = ACKED;
		o->rev = e->revision;
	}
	return (0);
}

static void
look(void)
{
	struct pin_store_status st;
	uint64_t last;

	se_status(r->se, &st);
	if (st.revision < r->acked_max)
		wrong("acknowledged and lost", r->acked_max, st.revision);
	if (st.compacted < r->compacted)
		wrong("compaction undone", r->compacted, st.compacted);
	r->compacted = st.compacted;
	r->acked_max = st.revision;
	trimmed = st.consensus.first > 1;
	for (int i = 0; i < r->n; i++) {
		r->ops[i].found = 0;
		if (r->ops[i].state == WAITING)
			r->ops[i].state = UNKNOWN;
	}
	last = st.compacted;
	if (r->se->ops->history(r->se->store.self, st.compacted + 1,
	    OPS_MAX * 2, PIN_STR(""), on_event, &last, NULL) != PIN_OK)
		wrong("no history", 0, 0);
	if (last != st.revision)
		wrong("history ends early", last, st.revision);
	for (int i = 0; i < r->n; i++) {
		struct op *o = &r->ops[i];

		if (o->state == ACKED && !o->deletes &&
		    o->rev > st.compacted && !o->found)
			wrong("acknowledged and not in history",
			    (uint64_t)i, o->rev);
		if (o->state == UNKNOWN && !o->found)
			o->state = REFUSED;	/* it may not come later */
	}
}

/* ---- one life, and how it ends ----------------------------------- */

static int
reached(void *arg)
{
	(void)arg;
	return (r->done >= r->target);
}

static int
cut(void *arg)
{
	return (atomic_load(&r->se->fatal) != 0 ||
	    pin_sim_crashes(r->sim, 0) != *(uint32_t *)arg);
}

static int
crashed(void *arg)
{
	return (reached(arg) || cut(arg));
}

static void
life_begin(void)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	/* What a crash left behind belongs to nobody; the process that runs
	 * a seed ends soon. */
	r->se = pin_xcalloc(1, sizeof(*r->se));
	rc = se_open(r->se, r->host, "memory", "solo", "/data", OPTS, &err);
	if (rc == PIN_OK)
		rc = se_start(r->se, &err);
	if (rc == PIN_OK)
		return;
	wrong("does not start", (uint64_t)-rc, 0);
	snprintf(r->why, sizeof(r->why), "does not start: %.200s", err.text);
}

/* A full disk: refused writes leave nothing, and it recovers by itself. */
static void
life_full(void)
{
	int before = r->n;

	pin_sim_disk_limit(r->sim, 0, 1);
	r->target += 60;
	submit_some();
	(void)pin_sim_run(r->sim, reached, NULL, 20000);
	if (pin_sim_rand(r->sim, 2) == 0)
		return;			/* crash while it is full */
	pin_sim_disk_limit(r->sim, 0, 0);
	(void)pin_sim_run(r->sim, NULL, NULL, 2000);
	r->target = r->done + r->under_way + 10;
	before = r->n;
	submit_some();
	(void)pin_sim_run(r->sim, reached, NULL, 20000);
	if (r->n > before && r->n < OPS_MAX && r->ops[r->n - 1].state ==
	    REFUSED && r->ops[before].state == REFUSED)
		wrong("still refused with room", (uint64_t)before, 0);
}

static void
life(int lie)
{
	uint32_t crashes = pin_sim_crashes(r->sim, 0);
	uint64_t end = pin_sim_rand(r->sim, lie ? 1 : 6);

	r->under_way = 0;
	r->done = 0;
	r->target = 5 + (int)pin_sim_rand(r->sim, 150);
	if (lie)
		(void)pin_sim_fault(r->sim, 0, PIN_SIM_SYNC, PIN_SIM_LIE, 1,
		    1);
	else if (end == 1)		/* in the middle of some call */
		(void)pin_sim_fault(r->sim, 0, PIN_SIM_IO, PIN_SIM_POWER,
		    1 + pin_sim_rand(r->sim, 80), 0);
	else if (end == 5)		/* and the process ends, as it must */
		(void)pin_sim_fault(r->sim, 0, PIN_SIM_SYNC, PIN_SIM_EIO,
		    1 + pin_sim_rand(r->sim, 20), 0);
	submit_some();
	(void)pin_sim_run(r->sim, crashed, &crashes, 60000);
	/* Snapshots are made when it is quiet; sometimes cut short. */
	if (pin_sim_rand(r->sim, 2) == 0)
		(void)pin_sim_run(r->sim, cut, &crashes, FOLLOW_MS);
	if (end == 2 && !r->bad)
		life_full();
	if (end == 3) {
		r->target = 0;
		se_close(r->se);
	} else if (pin_sim_crashes(r->sim, 0) == crashes) {
		if (end >= 4)
			pin_sim_kill(r->sim, 0);
		else
			pin_sim_power_cut(r->sim, 0);
	}
	pin_sim_fault_clear(r->sim, 0);
	pin_sim_disk_limit(r->sim, 0, 0);
}

static int
run_seed(uint64_t seed, int lie, uint64_t *trace)
{
	struct pin_sim_opts o = { .seed = seed };
	int lives;

	r = pin_xcalloc(1, sizeof(*r));
	r->sim = pin_sim_new(&o);
	r->host = pin_sim_host(r->sim, 0);
	lives = 2 + (int)pin_sim_rand(r->sim, LIVES - 1);
	if (pin_path_mkdir(r->host, "/data", NULL) != PIN_OK ||
	    pin_path_sync(r->host, "/", NULL) != PIN_OK)
		wrong("mkdir", 0, 0);
	for (int i = 0; i < lives && !r->bad; i++) {
		life_begin();
		if (!r->bad)
			look();
		if (!r->bad)
			life(lie);
	}
	if (!r->bad) {
		life_begin();
		if (!r->bad)
			look();
	}
	*trace = pin_sim_trace_hash(r->sim);
	if (getenv("SIM_VERBOSE") != NULL)
		printf("# seed %" PRIu64 ": %d writes, revision %" PRIu64
		    ", %u crashes, %d lives\n", seed, r->n, r->acked_max,
		    pin_sim_crashes(r->sim, 0), lives);
	if (r->bad && !lie)
		printf("# seed %" PRIu64 ": %s\n", seed, r->why);
	return (r->bad);
}

/* Seeds run in a process of their own, a handful at a time. */
static unsigned
run_seeds(uint64_t first, unsigned n, int lie)
{
	unsigned bad = 0, behind = 0;
	uint64_t trace;
	int st;
	pid_t pid;

	for (unsigned i = 0; i < n; i += 10) {
		fflush(stdout);
		pid = fork();
		if (pid < 0)
			BAIL("fork");
		if (pid == 0) {
			bad = behind = 0;
			for (unsigned k = i; k < i + 10 && k < n; k++)
				{
				bad += run_seed(first + k, lie, &trace) != 0;
				behind += trimmed != 0;
			}
			fflush(stdout);
			_exit((int)(bad << 4 | behind));
		}
		if (waitpid(pid, &st, 0) != pid)
			BAIL("waitpid");
		if (!WIFEXITED(st))
			printf("# seeds from %" PRIu64 " ended by signal\n",
			    first + i);
		bad += WIFEXITED(st) ? (unsigned)WEXITSTATUS(st) >> 4 : 10;
		trims += WIFEXITED(st) ? WEXITSTATUS(st) & 15 : 0;
	}
	return (bad);
}

/* The trace of a seed, from a process of its own. */
static uint64_t
trace_of(uint64_t seed)
{
	uint64_t trace = 0;
	int fd[2], st;
	pid_t pid;

	if (pipe(fd) != 0 || (pid = fork()) < 0)
		BAIL("fork");
	if (pid == 0) {
		(void)run_seed(seed, 0, &trace);
		_exit(write(fd[1], &trace, sizeof(trace)) != sizeof(trace));
	}
	if (read(fd[0], &trace, sizeof(trace)) != sizeof(trace))
		BAIL("seed %" PRIu64 " left no trace", seed);
	(void)waitpid(pid, &st, 0);
	close(fd[0]);
	close(fd[1]);
	return (trace);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) :
	    argc > 1 ? 1 : SEEDS * (unsigned)tap_scale();
	unsigned bad;

	tap_deadline(120 * (unsigned)tap_scale());
	bad = run_seeds(first, n, 0);
	OK(bad == 0, "%u seeds from %" PRIu64 " on, %u bad", n, first, bad);
	OK(argc > 1 || trims > n / 10, "%u of them with a log that begins "
	    "behind a snapshot", trims);
	if (argc > 1)
		return (tap_done());
	OK(trace_of(7) == trace_of(7), "the same seed does the same");
	bad = run_seeds(1, 20, 1);
	OK(bad != 0, "control: a disk that lies about syncs shows in %u of 20"
	    " seeds", bad);
	return (tap_done());
}
