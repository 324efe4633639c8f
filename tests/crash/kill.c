/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kill.c -- SIGKILL: a process writes to a store and tells over a pipe what
 * was acknowledged; it is killed at any moment; the next one finds it all.
 * The kernel lives on, so nothing is lost that was written: what is tested is
 * that nothing is half done, and that the next start needs no help.
 * usage: kill [CYCLES]. Contract: S1, S3. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/host/real.h"
#include "storeenv.h"
#include "tap.h"

#define KEYS	16
#define OPTS	"store.ring=1Mi consensus.segment=256Ki"

/* What the child tells: asked for, then acknowledged. */
struct word {
	uint32_t	 key, acked;
	uint64_t	 number, revision;
};

static struct {
	uint64_t	 asked, acked;
} known[KEYS];

static char dir[4096];
static struct se se;
static int out;
static atomic_int under_way;

static void
tell(uint32_t key, uint32_t acked, uint64_t number, uint64_t revision)
{
	struct word w = { key, acked, number, revision };

	if (write(out, &w, sizeof(w)) != (ssize_t)sizeof(w))
		_exit(3);
}

static void
on_done(void *arg, const struct pin_txn_result *r)
{
	struct word *w = arg;

	if (r->rc != PIN_OK)
		_exit(4);
	tell(w->key, 1, w->number, r->revision);
	free(w);
	atomic_fetch_sub(&under_way, 1);
}

static void
write_one(uint64_t number, uint32_t x)
{
	struct pin_op op = { .type = PIN_PUT };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };
	struct word *w = pin_xcalloc(1, sizeof(*w));
	char key[8], value[20000];
	size_t len = x % 5 == 0 ? 15000 : 40;

	w->key = x % KEYS;
	w->number = number;
	snprintf(key, sizeof(key), "k%02u", w->key);
	memset(value, 'v', sizeof(value));
	snprintf(value, 30, "%" PRIu64, number);
	op.key = pin_str(key);
	op.value = pin_buf_copy(value, len);
	tell(w->key, 0, number, 0);
	while (atomic_load(&under_way) >= 16)
		tap_nap();
	atomic_fetch_add(&under_way, 1);
	if (se.ops->txn(se.store.self, &t, on_done, w, NULL) != PIN_OK)
		_exit(5);
	pin_buf_put(&op.value);
}

static void
child(int fd, uint64_t number)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t x = (uint32_t)number * 77 + 5;

	out = fd;
	if (se_open(&se, pin_host_real(), "lmdb", "solo", dir, OPTS, &err) !=
	    PIN_OK || se_start(&se, &err) != PIN_OK) {
		fprintf(stderr, "%s\n", err.text);
		_exit(6);
	}
	tell(KEYS, 0, 0, 0);		/* ready */
	for (;; number++) {
		x = x * 1664525u + 1013904223u;
		write_one(number, x >> 8);
		if (x >> 8 == 0 || number % 97 == 0)
			(void)se_compact(&se, se_revision(&se));
	}
}

static uint64_t numbers, revision_max;

static int
hear(int fd)
{
	struct word w;

	if (read(fd, &w, sizeof(w)) != (ssize_t)sizeof(w))
		return (0);
	if (w.key == KEYS)
		return (1);
	if (w.acked) {
		if (w.number > known[w.key].acked)
			known[w.key].acked = w.number;
		if (w.revision > revision_max)
			revision_max = w.revision;
	} else
		known[w.key].asked = w.number;
	if (w.number > numbers)
		numbers = w.number;
	return (1);
}

/* Lets it write for a while, then kills it. Returns 0 when it did not run. */
static int
one_life(unsigned ms)
{
	int fd[2], st = 0, words = 0;
	uint64_t end;
	pid_t pid;

	if (pipe(fd) != 0)
		BAIL("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		BAIL("fork");
	if (pid == 0) {
		close(fd[0]);
		child(fd[1], numbers + 1);
	}
	close(fd[1]);
	words += hear(fd[0]);		/* ready; its time begins */
	end = tap_now_ms() + ms;
	while (tap_now_ms() < end && hear(fd[0]))
		words++;
	(void)kill(pid, SIGKILL);
	while (hear(fd[0]))
		words++;
	close(fd[0]);
	if (waitpid(pid, &st, 0) != pid)
		BAIL("waitpid");
	if (!WIFSIGNALED(st))
		tap_diag("the writer ended by itself: %x", (unsigned)st);
	return (words > 0 && WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
}

static int
look(void)
{
	struct pin_err err = PIN_ERR_INIT;
	uint64_t number;
	char key[8], *s;
	int bad = 0;

	if (se_open(&se, pin_host_real(), "lmdb", "solo", dir, OPTS, &err) !=
	    PIN_OK || se_start(&se, &err) != PIN_OK) {
		tap_diag("%s", err.text);
		return (1);
	}
	bad += se_revision(&se) < revision_max;
	for (unsigned k = 0; k < KEYS; k++) {
		snprintf(key, sizeof(key), "k%02u", k);
		s = se_get(&se, key, 0, NULL, NULL);
		number = s != NULL ? strtoull(s, NULL, 10) : 0;
		free(s);
		if (number < known[k].acked || number > known[k].asked) {
			tap_diag("%s is %" PRIu64 ", acknowledged %" PRIu64
			    ", asked %" PRIu64, key, number, known[k].acked,
			    known[k].asked);
			bad++;
		}
	}
	se_close(&se);
	return (bad);
}

int
main(int argc, char **argv)
{
	unsigned cycles = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) :
	    tap_scale() == 1 ? 20 : 40 * (unsigned)tap_scale();
	unsigned bad = 0, not_run = 0, ms;

	tap_deadline(60 + cycles);
	snprintf(dir, sizeof(dir), "%s/home", tap_tmp());
	if (pin_path_mkdir(pin_host_real(), dir, NULL) != PIN_OK)
		BAIL("mkdir %s", dir);
	for (unsigned i = 0; i < cycles; i++) {
		ms = (i * 37) % 120;
		not_run += !one_life(ms);
		if (i % 3 != 1)		/* sometimes killed while it replays */
			bad += look() != 0;
	}
	bad += look() != 0;
	OK(not_run == 0, "%u writers ran and were killed", cycles - not_run);
	OK(bad == 0, "%u kills, %" PRIu64 " writes asked for, revision %"
	    PRIu64 ", %u times something was missing", cycles, numbers,
	    revision_max, bad);
	return (tap_done());
}
