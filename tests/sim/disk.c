/* SPDX-License-Identifier: BSD-2-Clause
 *
 * disk -- the simulated disk: what was synced survives every power cut, what
 * was not is lost, kept or torn by seed, and careless programs are caught.
 * SIM_SEED=N in the environment moves all seeds.
 * Contract: core/host/sim.h. */
#include <pintle/host.h>

#include "core/host/sim.h"
#include "tap.h"

#define SEEDS		300
#define SECTOR		512
#define SECTORS		32

static struct pin_err err;
static uint64_t seed_base;

static void
must(int rc)
{
	if (rc != PIN_OK)
		BAIL("%s", err.text);
}

static struct pin_sim *
sim_new(uint64_t seed, struct pin_host **h)
{
	struct pin_sim_opts o = { .seed = seed_base + seed };
	struct pin_sim *s = pin_sim_new(&o);

	*h = pin_sim_host(s, 0);
	return (s);
}

static struct pin_file *
must_open(struct pin_host *h, const char *path)
{
	struct pin_file *f = NULL;

	if (pin_file_open(h, path, PIN_FILE_READ | PIN_FILE_WRITE |
	    PIN_FILE_CREATE, &f, &err) != PIN_OK)
		BAIL("%s", err.text);
	return (f);
}

static void
put(struct pin_file *f, int byte, uint64_t at, size_t len)
{
	static char buf[SECTORS * SECTOR];
	struct pin_iov iov = { buf, len };

	memset(buf, byte, len);
	must(pin_file_write(f, &iov, 1, at, &err));
}

/* ---- contents ------------------------------------------------------- */

enum { LOST, KEPT, TORN, WRONG, OUTCOMES };

static int
outcome(const char *s)
{
	uint32_t i = 0;

	while (i < SECTOR && s[i] == 'B')
		i++;
	if (i == SECTOR)
		return (KEPT);
	if (i == 0 && s[0] == 'A')
		return (memchr(s, 'B', SECTOR) == NULL ? LOST : WRONG);
	for (; i < SECTOR; i++)
		if (s[i] != 'A')
			return (WRONG);
	return (TORN);
}

static void
test_sectors(void)
{
	static char buf[SECTORS * SECTOR];
	uint64_t count[OUTCOMES] = { 0 }, touched = 0, all[2] = { 0 };
	struct pin_host *h;
	struct pin_sim *s;
	struct pin_file *f;
	uint64_t seed, here[OUTCOMES];
	uint32_t i;
	int o;

	for (seed = 0; seed < SEEDS; seed++) {
		s = sim_new(seed, &h);
		f = must_open(h, "/f");
		put(f, 'A', 0, sizeof(buf));
		must(pin_file_sync(f, &err));
		must(pin_path_sync(h, "/", &err));
		put(f, 'B', 8 * SECTOR, 16 * SECTOR);
		pin_sim_power_cut(s, 0);
		pin_file_close(&f);
		f = must_open(h, "/f");
		touched += pin_file_read(f, buf, sizeof(buf), 0, &err) !=
		    sizeof(buf);
		memset(here, 0, sizeof(here));
		for (i = 0; i < SECTORS; i++) {
			o = outcome(buf + i * SECTOR);
			if (i >= 8 && i < 24)
				here[o]++;
			else
				touched += o != LOST;
		}
		for (o = 0; o < OUTCOMES; o++)
			count[o] += here[o];
		all[0] += here[LOST] == 16;
		all[1] += here[KEPT] == 16;
		pin_file_close(&f);
		pin_sim_free(&s);
	}
	OK(touched == 0, "synced sectors survive every cut");
	OK(count[WRONG] == 0, "an unsynced sector is old, new or torn once");
	OK(count[LOST] > 0 && count[KEPT] > 0 && count[TORN] > 0,
	    "unsynced sectors are lost, kept and torn");
	OK(all[0] > 0 && all[1] > 0 && all[0] + all[1] < SEEDS,
	    "all, none and a part of them");
}

static void
test_growth(void)
{
	static char buf[8 * SECTOR];
	uint64_t seed, sizes[3] = { 0 }, bad = 0, after = 0;
	struct pin_host *h;
	struct pin_sim *s;
	struct pin_file *f;
	int64_t n, i;

	for (seed = 0; seed < SEEDS; seed++) {
		s = sim_new(seed, &h);
		f = must_open(h, "/f");
		put(f, 'A', 0, 2 * SECTOR);
		must(pin_file_sync(f, &err));
		must(pin_path_sync(h, "/", &err));
		put(f, 'B', 2 * SECTOR, 4 * SECTOR);
		pin_sim_power_cut(s, 0);
		pin_file_close(&f);
		f = must_open(h, "/f");
		n = pin_file_read(f, buf, sizeof(buf), 0, &err);
		bad += pin_file_size(f, &err) != n;
		bad += n < 2 * SECTOR || n > 6 * SECTOR;
		for (i = 0; i < n; i++)
			bad += i < 2 * SECTOR ? buf[i] != 'A' :
			    buf[i] != 'B' && buf[i] != 0;
		sizes[n == 2 * SECTOR ? 0 : n == 6 * SECTOR ? 1 : 2]++;
		put(f, 'C', 0, 8 * SECTOR);
		must(pin_file_sync(f, &err));
		pin_sim_power_cut(s, 0);
		pin_file_close(&f);
		f = must_open(h, "/f");
		n = pin_file_read(f, buf, sizeof(buf), 0, &err);
		after += n != 8 * SECTOR || buf[0] != 'C' || buf[n - 1] != 'C';
		pin_file_close(&f);
		pin_sim_free(&s);
	}
	OK(bad == 0, "a grown file is old bytes, then new ones or zeros");
	OK(sizes[0] > 0 && sizes[1] > 0 && sizes[2] > 0,
	    "its size is the old one, the new one or between");
	OK(after == 0, "what is written and synced after a cut survives one");
}

/* ---- names ---------------------------------------------------------- */

static int
exists(struct pin_host *h, const char *path)
{
	struct pin_file *f = NULL;
	int rc = pin_file_open(h, path, PIN_FILE_READ, &f, &err);

	if (rc != PIN_ENOTFOUND)
		must(rc);
	pin_file_close(&f);
	return (rc == PIN_OK);
}

static void
test_names(void)
{
	uint64_t seed, there[2] = { 0 }, lost = 0, back[2] = { 0 };
	uint64_t both = 0, none = 0, moved[2] = { 0 };
	struct pin_host *h;
	struct pin_sim *s;
	struct pin_file *f;
	int a, b;

	for (seed = 0; seed < SEEDS; seed++) {
		s = sim_new(seed, &h);
		must(pin_path_mkdir(h, "/d", &err));
		must(pin_path_sync(h, "/", &err));
		f = must_open(h, "/d/a");
		put(f, 'A', 0, 100);
		must(pin_file_sync(f, &err));
		pin_file_close(&f);
		if (seed % 3 == 0) {
			pin_sim_power_cut(s, 0);
			there[exists(h, "/d/a")]++;
			pin_sim_free(&s);
			continue;
		}
		must(pin_path_sync(h, "/d", &err));
		if (seed % 3 == 1) {
			must(pin_path_rename(h, "/d/a", "/d/b", &err));
			pin_sim_power_cut(s, 0);
			a = exists(h, "/d/a");
			b = exists(h, "/d/b");
			both += a && b;
			none += !a && !b;
			moved[b]++;
		} else {
			must(pin_path_unlink(h, "/d/a", &err));
			pin_sim_power_cut(s, 0);
			back[exists(h, "/d/a")]++;
			f = must_open(h, "/d/c");
			must(pin_path_sync(h, "/d", &err));
			pin_file_close(&f);
			pin_sim_power_cut(s, 0);
			lost += !exists(h, "/d/c");
		}
		pin_sim_free(&s);
	}
	OK(there[0] > 0 && there[1] > 0,
	    "a file that is synced, but not its directory, may be gone");
	OK(lost == 0, "a name whose directory was synced survives");
	OK(both == 0 && none == 0 && moved[0] > 0 && moved[1] > 0,
	    "a rename has happened or has not");
	OK(back[0] > 0 && back[1] > 0, "an unsynced unlink may be undone");
}

/* ---- replace, cut at every call ------------------------------------- */

static int
careless_replace(struct pin_host *h, const char *path, const char *text)
{
	struct pin_iov iov = { text, strlen(text) };
	struct pin_file *f = NULL;
	int rc;

	rc = pin_file_open(h, "/d/t", PIN_FILE_WRITE | PIN_FILE_CREATE |
	    PIN_FILE_TRUNC, &f, &err);
	if (rc != PIN_OK)
		return (rc);
	rc = pin_file_write(f, &iov, 1, 0, &err);
	pin_file_close(&f);
	if (rc == PIN_OK)
		rc = pin_path_rename(h, "/d/t", path, &err);
	return (rc != PIN_OK ? rc : pin_path_sync(h, "/d", &err));
}

/* 0: old, 1: new, -1: neither. */
static int
which(struct pin_host *h)
{
	char *text = NULL;
	int r = -1;

	if (pin_path_slurp(h, "/d/f", 100, &text, NULL, &err) == PIN_OK)
		r = strcmp(text, "old") == 0 ? 0 : strcmp(text, "newer") == 0 ?
		    1 : -1;
	free(text);
	return (r);
}

static void
sweep(int careful, uint64_t *damaged, uint64_t *undone, uint64_t seen[2])
{
	struct pin_host *h;
	struct pin_sim *s;
	uint64_t seed, n;
	int rc, w;

	for (seed = 0; seed < SEEDS / 4; seed++) {
		for (n = 1;; n++) {
			s = sim_new(seed * 100 + n, &h);
			must(pin_path_mkdir(h, "/d", &err));
			must(pin_path_sync(h, "/", &err));
			must(pin_path_replace(h, "/d/f", "old", 3, 0,
			    &err));
			must(pin_sim_fault(s, 0, PIN_SIM_IO,
			    PIN_SIM_POWER, n, 0));
			rc = careful ? pin_path_replace(h, "/d/f", "newer", 5,
			    0, &err) : careless_replace(h, "/d/f", "newer");
			if (rc == PIN_OK)
				pin_sim_power_cut(s, 0);
			*damaged += pin_sim_crashes(s, 0) != 1;
			pin_sim_fault_clear(s, 0);
			w = which(h);
			*damaged += w < 0;
			*undone += rc == PIN_OK && w != 1;
			if (w >= 0)
				seen[w]++;
			pin_sim_free(&s);
			if (rc == PIN_OK)
				break;
		}
	}
}

static void
test_replace(void)
{
	uint64_t damaged = 0, undone = 0, seen[2] = { 0 };

	sweep(1, &damaged, &undone, seen);
	OK(damaged == 0, "replace, cut at every call, leaves old or new");
	OK(undone == 0, "replace that returned is there after a cut");
	OK(seen[0] > 0 && seen[1] > 0, "both were seen");
	damaged = undone = 0;
	sweep(0, &damaged, &undone, seen);
	OK(damaged > 0, "a replace that does not sync is caught");
}

/* ---- faults --------------------------------------------------------- */

static void
test_faults(void)
{
	struct pin_iov iov = { "0123456789", 10 };
	struct pin_host *h;
	struct pin_file *f, *g = NULL;
	struct pin_sim *s = sim_new(7, &h);
	uint64_t calls;

	CASE("the nth call fails, once or for ever, and says where") {
		f = must_open(h, "/f");
		CHECK_INT(pin_sim_fault(s, 0, PIN_SIM_WRITE, PIN_SIM_EIO, 2,
		    0), PIN_OK);
		CHECK_INT(pin_file_write(f, &iov, 1, 0, &err), PIN_OK);
		CHECK_INT(pin_file_write(f, &iov, 1, 0, &err), PIN_EIO);
		CHECK(strncmp(err.text, "/f: write: ", 11) == 0);
		CHECK_INT(pin_file_write(f, &iov, 1, 0, &err), PIN_OK);
		CHECK_INT(pin_sim_fault(s, 0, PIN_SIM_WRITE, PIN_SIM_ENOSPC, 1,
		    1), PIN_OK);
		CHECK_INT(pin_file_write(f, &iov, 1, 0, &err), PIN_ENOSPACE);
		CHECK_INT(pin_file_reserve(f, 100, &err), PIN_ENOSPACE);
		pin_sim_fault_clear(s, 0);
		calls = pin_sim_io_count(s, 0);
		CHECK_INT(pin_file_write(f, &iov, 1, 0, &err), PIN_OK);
		CHECK_UINT(pin_sim_io_count(s, 0), calls + 1);
		CHECK_INT(pin_sim_fault(s, 0, PIN_SIM_READ, PIN_SIM_EIO, 1, 0),
		    PIN_OK);
		CHECK_INT(pin_file_read(f, &(char){ 0 }, 1, 0, &err), PIN_EIO);
		pin_file_close(&f);
	}
	CASE("after a failed sync the file stays failed") {
		f = must_open(h, "/f");
		CHECK_INT(pin_sim_fault(s, 0, PIN_SIM_SYNC, PIN_SIM_EIO, 1, 0),
		    PIN_OK);
		CHECK_INT(pin_file_sync(f, &err), PIN_EIO);
		CHECK_INT(pin_file_sync(f, &err), PIN_EIO);
		pin_file_close(&f);
	}
	CASE("a disk has an end, and unlinked files give room back") {
		pin_sim_disk_limit(s, 0, 4096);
		f = must_open(h, "/big");
		CHECK_INT(pin_file_reserve(f, 8192, &err), PIN_ENOSPACE);
		CHECK_INT(pin_file_reserve(f, 2048, &err), PIN_OK);
		CHECK_INT(pin_file_size(f, &err), 2048);
		g = must_open(h, "/more");
		CHECK_INT(pin_file_reserve(g, 2048, &err), PIN_ENOSPACE);
		pin_file_close(&f);
		CHECK_INT(pin_path_unlink(h, "/big", &err), PIN_OK);
		CHECK_INT(pin_file_reserve(g, 2048, &err), PIN_OK);
		pin_file_close(&g);
	}
	pin_sim_free(&s);
}

/* A failed or lying sync, seen only after a cut. */
static void
test_bad_syncs(void)
{
	static const uint32_t how[] = { PIN_SIM_EIO, PIN_SIM_LIE };
	uint64_t seed, gone[2] = { 0 }, odd = 0, n;
	struct pin_host *h;
	struct pin_file *f;
	struct pin_sim *s;
	char c;
	int k;

	for (k = 0; k < 2; k++) {
		for (seed = 0; seed < SEEDS / 4; seed++) {
			s = sim_new(seed, &h);
			f = must_open(h, "/f");
			must(pin_path_sync(h, "/", &err));
			put(f, 'A', 0, SECTOR);
			must(pin_sim_fault(s, 0, PIN_SIM_SYNC, how[k], 1, 0));
			odd += pin_file_sync(f, &err) != (k == 0 ? PIN_EIO :
			    PIN_OK);
			odd += pin_file_read(f, &c, 1, 0, &err) != 1 ||
			    c != 'A';
			pin_file_close(&f);
			if (k == 0) {	/* clean now: a good sync is no help */
				f = must_open(h, "/f");
				must(pin_file_sync(f, &err));
				pin_file_close(&f);
			}
			pin_sim_power_cut(s, 0);
			f = must_open(h, "/f");
			n = (uint64_t)pin_file_read(f, &c, 1, 0, &err);
			gone[k] += n != 1 || c != 'A';
			pin_file_close(&f);
			pin_sim_free(&s);
		}
	}
	OK(odd == 0, "until then the OS shows what was written");
	OK(gone[0] > 0 && gone[0] < SEEDS / 4,
	    "a failed sync marks pages clean: they may never reach the disk");
	OK(gone[1] > 0, "a sync that lies is caught by a cut");
}

int
main(void)
{
	const char *env = getenv("SIM_SEED");

	seed_base = env != NULL ? strtoull(env, NULL, 10) : 1;
	tap_diag("SIM_SEED=%llu", (unsigned long long)seed_base);
	test_sectors();
	test_growth();
	test_names();
	test_replace();
	test_faults();
	test_bad_syncs();
	return (tap_done());
}
