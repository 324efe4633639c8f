/* SPDX-License-Identifier: BSD-2-Clause
 *
 * file -- files and directories of the real host on a folder of the test's
 * own: what is written is read, and errors say what failed where.
 * Not durability: that is the simulator's and the power-cut tests'.
 * Contract: pintle/host.h, the part about files. */
#include <pintle/host.h>

#include <sys/stat.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/host/sim.h"
#include "tap.h"

static struct pin_host *host;
static struct pin_err err;
static char path[600], other[600], dir[512];

static const char *
in_dir(const char *name)
{
	static char buf[4][600];
	static int i;

	i = (i + 1) % 4;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", dir, name);
	return (buf[i]);
}

static void
test_write_read(void)
{
	static struct pin_iov iov[200];
	static char want[70000], got[70001];
	struct pin_file *f = NULL;
	size_t i, at = 0;

	/* More pieces than one system call takes, empty ones between. */
	for (i = 0; i < sizeof(want); i++)
		want[i] = (char)(i * 7 + i / 251);
	for (i = 0; i < PIN_LEN(iov); i++) {
		iov[i].p = want + at;
		iov[i].len = i % 5 == 0 ? 0 : i % 7 == 0 ? 1 : 400;
		if (i == PIN_LEN(iov) - 1 || at + iov[i].len > sizeof(want))
			iov[i].len = sizeof(want) - at;
		at += iov[i].len;
	}
	CASE("gathered pieces are written in order and read back") {
		CHECK_INT(pin_file_open(host, path, PIN_FILE_READ |
		    PIN_FILE_WRITE | PIN_FILE_CREATE | PIN_FILE_EXCL, &f,
		    &err), PIN_OK);
		CHECK_INT(pin_file_write(f, iov, PIN_LEN(iov), 3, &err), 0);
		CHECK_INT(pin_file_sync(f, &err), PIN_OK);
		CHECK_INT(pin_file_size(f, &err), sizeof(want) + 3);
		CHECK_INT(pin_file_read(f, got, sizeof(got), 3, &err),
		    sizeof(want));
		CHECK(memcmp(got, want, sizeof(want)) == 0);
		CHECK_INT(pin_file_read(f, got, 10, 1 << 20, &err), 0);
		CHECK_INT(pin_file_truncate(f, 5, &err), PIN_OK);
		CHECK_INT(pin_file_size(f, &err), 5);
		pin_file_close(&f);
		CHECK(f == NULL);
	}
	CASE("reserve extends with zeros and keeps what was there") {
		CHECK_INT(pin_file_open(host, path, PIN_FILE_READ |
		    PIN_FILE_WRITE, &f, &err), PIN_OK);
		CHECK_INT(pin_file_reserve(f, 60000, &err), PIN_OK);
		CHECK_INT(pin_file_size(f, &err), 60000);
		CHECK_INT(pin_file_read(f, got, sizeof(got), 0, &err), 60000);
		CHECK(got[3] == want[0] && got[4] == want[1]);
		for (i = 5; i < 60000 && got[i] == 0; i++)
			;
		CHECK_INT(i, 60000);
		pin_file_close(&f);
	}
}

static void
test_errors(void)
{
	struct pin_file *f = NULL, *g = NULL;
	struct stat st;

	CASE("errors carry a code, the path and the operation") {
		CHECK_INT(pin_file_open(host, in_dir("none"), PIN_FILE_READ,
		    &f, &err), PIN_ENOTFOUND);
		CHECK(strstr(err.text, "none: open: ") != NULL);
		CHECK(err.os_errno == ENOENT && f == NULL);
		CHECK_INT(pin_file_open(host, path, PIN_FILE_WRITE |
		    PIN_FILE_CREATE | PIN_FILE_EXCL, &f, &err), PIN_EEXISTS);
		CHECK_INT(pin_file_open(host, dir, PIN_FILE_READ, &f, &err),
		    PIN_EIO);
		CHECK_INT(pin_path_unlink(host, in_dir("none"), &err),
		    PIN_ENOTFOUND);
		CHECK(strstr(err.text, "none: unlink: ") != NULL);
		CHECK_INT(pin_path_rename(host, in_dir("none"), other, &err),
		    PIN_ENOTFOUND);
		CHECK_INT(pin_path_sync(host, in_dir("none"), &err),
		    PIN_ENOTFOUND);
		CHECK_INT(pin_path_mkdir(host, path, &err), PIN_EIO);
		CHECK_INT(pin_file_open(host, path, PIN_FILE_READ, &f, &err),
		    0);
		CHECK_INT(pin_file_write(f, &(struct pin_iov){ "x", 1 }, 1, 0,
		    &err), PIN_EIO);
		CHECK(strstr(err.text, ": write: ") != NULL);
		pin_file_close(&f);
	}
	CASE("a full device is PIN_ENOSPACE") {
		if (stat("/dev/full", &st) != 0)
			continue;
		CHECK_INT(pin_file_open(host, "/dev/full", PIN_FILE_WRITE, &f,
		    &err), PIN_OK);
		CHECK_INT(pin_file_write(f, &(struct pin_iov){ "x", 1 }, 1, 0,
		    &err), PIN_ENOSPACE);
		pin_file_close(&f);
	}
	CASE("a lock excludes until it is closed") {
		CHECK_INT(pin_file_open(host, path, PIN_FILE_READ |
		    PIN_FILE_WRITE, &f, &err), PIN_OK);
		CHECK_INT(pin_file_open(host, path, PIN_FILE_READ |
		    PIN_FILE_WRITE, &g, &err), PIN_OK);
		CHECK_INT(pin_file_lock(f, &err), PIN_OK);
		CHECK_INT(pin_file_lock(g, &err), PIN_ELOCKED);
		CHECK(strstr(err.text, path) != NULL);
		pin_file_close(&f);
		CHECK_INT(pin_file_lock(g, &err), PIN_OK);
		pin_file_close(&g);
	}
	CASE("a private file is 0600") {
		CHECK_INT(pin_file_open(host, in_dir("key"), PIN_FILE_WRITE |
		    PIN_FILE_CREATE | PIN_FILE_PRIVATE, &f, &err), PIN_OK);
		pin_file_close(&f);
		CHECK(stat(in_dir("key"), &st) == 0 &&
		    (st.st_mode & 0777) == 0600);
	}
}

static int
count_names(void *arg, const char *name)
{
	(*(int *)arg)++;
	return (strcmp(name, ".") == 0 || strcmp(name, "..") == 0);
}

static int
stop_at_once(void *arg, const char *name)
{
	(void)name;
	(*(int *)arg)++;
	return (1);
}

/* A full disk: what is written at each start and was the same before is no
 * reason not to start. */
static void
test_replace_full(void)
{
	struct pin_sim_opts o = { .seed = 5 };
	struct pin_sim *sim = pin_sim_new(&o);
	struct pin_host *h = pin_sim_host(sim, 0);
	char *text = NULL;
	size_t len;

	CASE("on a full disk a file is replaced by what it holds only") {
		CHECK_INT(pin_path_replace(h, "/a", "one", 3, 0, &err),
		    PIN_OK);
		pin_sim_disk_limit(sim, 0, 1);
		CHECK_INT(pin_path_replace(h, "/a", "two", 3, 0, &err),
		    PIN_ENOSPACE);
		CHECK_INT(pin_path_replace(h, "/a", "one+", 4, 0, &err),
		    PIN_ENOSPACE);
		CHECK_INT(pin_path_replace(h, "/a", "one", 3, 0, &err),
		    PIN_OK);
		CHECK_INT(pin_path_replace(h, "/b", "one", 3, 0, &err),
		    PIN_ENOSPACE);
		CHECK_INT(pin_path_slurp(h, "/a", 100, &text, &len, &err),
		    PIN_OK);
		CHECK(len == 3 && strcmp(text, "one") == 0);
		free(text);
	}
	pin_sim_free(&sim);
}

static void
test_paths(void)
{
	char *text = NULL;
	size_t len;
	int n;

	CASE("replace is whole, repeatable and leaves no other name") {
		CHECK_INT(pin_path_mkdir(host, in_dir("sub"), &err), PIN_OK);
		CHECK_INT(pin_path_mkdir(host, in_dir("sub"), &err), PIN_OK);
		CHECK_INT(pin_path_replace(host, in_dir("sub/a"), "one", 3, 0,
		    &err), PIN_OK);
		/* a leftover of a crash in the middle */
		CHECK_INT(pin_path_replace(host, in_dir("sub/a.tmp"), "torn", 4,
		    0, &err), PIN_OK);
		CHECK_INT(pin_path_replace(host, in_dir("sub/a"), "second", 6,
		    PIN_FILE_PRIVATE, &err), PIN_OK);
		CHECK_INT(pin_path_slurp(host, in_dir("sub/a"), 100, &text,
		    &len, &err), PIN_OK);
		CHECK(len == 6 && strcmp(text, "second") == 0);
		free(text);
		n = 0;
		CHECK_INT(pin_path_list(host, in_dir("sub"), count_names, &n,
		    &err), PIN_OK);
		CHECK_INT(n, 1);
	}
	CASE("listing ends when told") {
		n = 0;
		CHECK_INT(pin_path_list(host, dir, stop_at_once, &n, &err), 0);
		CHECK_INT(n, 1);
	}
	CASE("slurp refuses what is larger than max, takes what is equal") {
		CHECK_INT(pin_path_slurp(host, in_dir("sub/a"), 5, &text, &len,
		    &err), PIN_ELIMIT);
		CHECK(text == NULL);
		CHECK_INT(pin_path_slurp(host, in_dir("sub/a"), 6, &text, &len,
		    &err), PIN_OK);
		CHECK_UINT(len, 6);
		free(text);
	}
}

int
main(void)
{
	host = pin_host_real();
	snprintf(dir, sizeof(dir), "%s", tap_tmp());
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	test_write_read();
	test_errors();
	test_paths();
	test_replace_full();
	return (tap_done());
}
