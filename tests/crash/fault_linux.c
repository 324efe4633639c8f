/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fault_linux.c -- a disk that says no: EIO or ENOSPC at each call in turn,
 * once or from then on. The store may refuse, or stop and say so; it must not
 * lie, lose what it acknowledged, or keep refusing when there is room again.
 * Contract: S1; reliability: a failed sync is never tried again. */
#include <errno.h>
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

#define OPS	40
#define OPTS	"store.ring=1Mi store.map=64Mi consensus.segment=64Ki"

/* A log with much room and a ring that the engine has to follow behind. */
#define OPTS_FULL	"store.map=64Mi consensus.segment=8Mi"
#define OPS_FULL	400

#define LATE_MS	200		/* the ring is full by then */

static char disk[4096];
static unsigned late;
static struct se se;

/* Revision under which each was acknowledged; negative: refused so. */
static int64_t answers[OPS];

static void
key_of(int i, char key[16])
{
	snprintf(key, 16, "key%02d", i);
}

static int
start_with(const char *opts)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	rc = se_open(&se, pin_host_real(), "lmdb", "solo", disk, opts, &err);
	if (rc == PIN_OK)
		rc = se_start(&se, &err);
	if (rc != PIN_OK)
		tap_diag("start: %s", err.text);
	if (rc != PIN_OK && se.ops != NULL)
		se_close(&se);
	return (rc);
}

static int
start(void)
{
	return (start_with(OPTS));
}

/* Values large enough that the engine follows in between. */
static void
work(void)
{
	char key[16];

	for (int i = 0; i < OPS; i++) {
		key_of(i, key);
		answers[i] = se_put_len(&se, key, 30000, (uint32_t)i);
	}
}

static int
wait_fatal(void)
{
	uint64_t end = tap_now_ms() + 5000;

	while (atomic_load(&se.fatal) == 0 && tap_now_ms() < end)
		tap_nap();
	return (atomic_load(&se.fatal) != 0);
}

/* A store that has given up may refuse to read; it may not lie. */
static int
same_as(const char *key, uint32_t seed)
{
	static char want[30000];
	struct pin_buf *b = NULL;
	int ok;

	se_fill(want, sizeof(want), seed);
	if (se.ops->get(se.store.self, pin_str(key), 0, &b, NULL, NULL) !=
	    PIN_OK)
		return (wait_fatal());
	ok = b->len == sizeof(want) && memcmp(b->data, want, b->len) == 0;
	pin_buf_put(&b);
	return (ok);
}

static int
same(int i)
{
	char key[16];

	key_of(i, key);
	return (same_as(key, (uint32_t)i));
}

enum { GOOD, LOST, NOT_OPENED, SILENT, STUCK, CRASHED, VERDICTS };

/* There is room again: soon writes are taken, unless it has given up. */
static int
recovers(void)
{
	uint64_t end = tap_now_ms() + 5000;

	while (atomic_load(&se.fatal) == 0 && se_put(&se, "again", "x") < 0) {
		if (tap_now_ms() > end)
			return (0);
		tap_nap();
	}
	return (1);
}

/* The n-th call fails; 0: none. Says how many calls there were. */
static int
trial(unsigned n, int errnum, int sticky, unsigned *calls)
{
	int fatal = 0, refused = 0, started;

	shim_start(disk);
	shim_fail(n, errnum, sticky);
	shim_late(late);
	memset(answers, 0, sizeof(answers));
	started = start() == PIN_OK;
	if (started) {
		work();
		for (int i = 0; i < OPS; i++)
			refused += answers[i] < 0;
		if (errnum == ENOSPC && sticky) {
			shim_fail(0, 0, 0);
			if (!recovers())
				return (STUCK);
		}
		fatal = errnum == EIO && refused ? wait_fatal() :
		    atomic_load(&se.fatal);
		for (int i = 0; i < OPS; i++)
			if (answers[i] > 0 && !same(i))
				return (LOST);
		se_close(&se);
	}
	*calls = shim_calls();
	shim_stop();
	if (started && refused != 0 && !fatal && errnum == EIO)
		return (SILENT);	/* EIO is never just an answer */
	if (start() != PIN_OK)
		return (NOT_OPENED);
	for (int i = 0; i < OPS; i++)
		if (answers[i] > 0 && !same(i))
			return (LOST);
	se_close(&se);
	return (GOOD);
}

static int
trial_apart(unsigned n, int errnum, int sticky, unsigned *calls)
{
	int fd[2], st = 0;
	pid_t pid;

	*calls = 0;
	crashdisk_clear(disk);
	if (pin_path_mkdir(pin_host_real(), disk, NULL) != PIN_OK ||
	    pipe(fd) != 0)
		BAIL("%s", disk);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		BAIL("fork");
	if (pid == 0) {
		alarm(60);
		st = trial(n, errnum, sticky, calls);
		if (write(fd[1], calls, sizeof(*calls)) < 0)
			st = CRASHED;
		fflush(stdout);
		_exit(st);
	}
	close(fd[1]);
	if (read(fd[0], calls, sizeof(*calls)) < 0)
		*calls = 0;
	close(fd[0]);
	if (waitpid(pid, &st, 0) != pid)
		BAIL("waitpid");
	return (WIFEXITED(st) && WEXITSTATUS(st) < VERDICTS ? WEXITSTATUS(st) :
	    CRASHED);
}

static void
sweep(const char *what, int errnum, int sticky, unsigned calls, unsigned step)
{
	unsigned count[VERDICTS] = { 0 }, n, done = 0, own;

	for (n = 1; n <= calls; n += step, done++) {
		int v = trial_apart(n, errnum, sticky, &own);

		if (v != GOOD && count[v]++ < 3)
			tap_diag("%s at call %u: verdict %d", what, n, v);
	}
	OK(count[LOST] + count[NOT_OPENED] + count[SILENT] + count[STUCK] +
	    count[CRASHED] == 0, "%s at %u of %u calls: %u lost, %u not"
	    " opened, %u silent, %u stuck, %u crashed", what, done, calls,
	    count[LOST], count[NOT_OPENED], count[SILENT], count[STUCK],
	    count[CRASHED]);
}

/* Full when it is killed, full when it starts again: what was acknowledged is
 * read, and with room writes are taken. */
static int
full_trial(void)
{
	char key[16];
	int n = 0, bad = 0;

	shim_start(disk);
	if (start_with(OPTS_FULL) != PIN_OK)
		return (NOT_OPENED);
	if (se_put(&se, "first", "x") < 0)
		return (SILENT);
	shim_full(1);
	for (; n < OPS_FULL; n++) {
		snprintf(key, sizeof(key), "full%03d", n);
		if (se_put_len(&se, key, 30000, (uint32_t)n) < 0)
			break;
	}
	/* With 140 the engine must be asked during the start; a slow machine
	 * may be told before that. */
	tap_diag("%d writes of 30 kB were taken by a full disk", n);
	se_close(&se);
	if (start_with(OPTS_FULL) != PIN_OK)
		return (NOT_OPENED);
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "full%03d", i);
		bad += !same_as(key, (uint32_t)i);
	}
	if (bad != 0)
		return (LOST);
	shim_full(0);
	if (!recovers())
		return (STUCK);
	se_close(&se);
	return (GOOD);
}

static void
test_full(void)
{
	int st = 0;
	pid_t pid;

	crashdisk_clear(disk);
	if (pin_path_mkdir(pin_host_real(), disk, NULL) != PIN_OK)
		BAIL("%s", disk);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		st = full_trial();
		fflush(stdout);
		_exit(st);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		BAIL("fork");
	OK(WIFEXITED(st) && WEXITSTATUS(st) == GOOD, "a start on a full disk "
	    "reads what was acknowledged, and goes on with room (%x)",
	    (unsigned int)st);
}

int
main(void)
{
	const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" :
	    tap_tmp();
	unsigned calls, step = tap_scale() > 1 ? 1 : 7;
	int v;

	tap_deadline(600);
	snprintf(disk, sizeof(disk), "%s/pintle-fault-%ld", shm,
	    (long)getpid());
	test_full();
	v = trial_apart(0, 0, 0, &calls);
	OK(v == GOOD, "without a fault all is well (%u calls)", calls);
	if (calls < 50)
		BAIL("only %u calls", calls);
	sweep("EIO once", EIO, 0, calls, step);
	sweep("EIO from then on", EIO, 1, calls, step);
	sweep("ENOSPC once", ENOSPC, 0, calls, step);
	sweep("ENOSPC until there is room", ENOSPC, 1, calls, step);
	late = LATE_MS;
	sweep("ENOSPC, late, until there is room", ENOSPC, 1, calls, step);
	crashdisk_clear(disk);
	return (tap_done());
}
