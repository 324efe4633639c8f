/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wal.c -- the write-ahead log: what comes back after which damage. Files are
 * changed behind its back the way a power cut or a rotting disk would.
 * Sweeps over crashes are in tests/crash.
 * Contract: core/wal/wal.h. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/host/sim.h"
#include "core/wal/wal_int.h"
#include "fewfiles.h"
#include "tap.h"

static char dir[4096];
static int dirs;
static struct pin_wal *w;
static struct pin_host *host;
static struct pin_err err;

struct got {
	uint64_t	 n, last;
	int		 bad;
};

static void
body(struct pin_buf *b, uint64_t index)
{
	for (size_t i = 0; i < b->len; i++)
		b->data[i] = (uint8_t)(index * 31 + i);
}

static int
take(void *arg, struct pin_wal_record *r, struct pin_err *e)
{
	struct got *g = arg;

	(void)e;
	g->n++;
	g->bad += g->last != 0 && r->index != g->last + 1;
	g->last = r->index;
	for (size_t i = 0; i < r->bytes->len; i++)
		g->bad += r->bytes->data[i] != (uint8_t)(r->index * 31 + i);
	pin_buf_put(&r->bytes);
	return (PIN_OK);
}

static int
open_wal(uint64_t after, struct got *g)
{
	struct pin_wal_conf conf = { .segment_bytes = 64 << 10 };
	int rc;

	memset(g, 0, sizeof(*g));
	err = (struct pin_err)PIN_ERR_INIT;
	rc = pin_wal_open(host, dir, &conf, &w, &err);
	if (rc == PIN_OK)
		rc = pin_wal_replay(w, after, take, g, &err);
	if (rc != PIN_OK && w != NULL) {
		w->dead = 1;		/* no mark */
		pin_wal_close(&w);
	}
	return (rc);
}

static void
fresh(void)
{
	struct got g;

	snprintf(dir, sizeof(dir), "%s/%d", tap_tmp(), dirs++);
	if (open_wal(0, &g) != PIN_OK)
		BAIL("%s", err.text);
}

/* As if the process had been killed: no mark. */
static void
kill_wal(void)
{
	w->dead = 1;
	pin_wal_close(&w);
}

static int
put(uint32_t n, size_t len)
{
	struct pin_wal_record r[PIN_WAL_GROUP_MAX] = { { 0, 0, NULL } };
	int rc;

	for (uint32_t i = 0; i < n; i++) {
		r[i].index = w->last + 1 + i;
		r[i].term = 3;
		r[i].bytes = pin_buf_new(len);
		body(r[i].bytes, r[i].index);
	}
	rc = pin_wal_write(w, r, n, &err);
	for (uint32_t i = 0; i < n; i++)
		pin_buf_put(&r[i].bytes);
	return (rc);
}

static void
seg_path(uint64_t number, char *path, size_t size)
{
	snprintf(path, size, "%s/%016" PRIx64 ".wal", dir, number);
}

/* Flips a bit of the file. */
static void
damage(uint64_t number, uint64_t at)
{
	struct pin_file *f = NULL;
	char path[4200];
	uint8_t b;
	struct pin_iov iov = { &b, 1 };

	seg_path(number, path, sizeof(path));
	if (pin_file_open(pin_host_real(), path, PIN_FILE_READ |
	    PIN_FILE_WRITE, &f, &err) != PIN_OK ||
	    pin_file_read(f, &b, 1, at, &err) != 1)
		BAIL("%s", err.text);
	b ^= 4;
	if (pin_file_write(f, &iov, 1, at, &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_file_close(&f);
}

static void
test_crc(void)
{
	uint8_t b[32] = { 0 };

	CASE("crc32c gives the published numbers") {
		CHECK_UINT(pin_crc32c(0, b, 32), 0x8a9136aa);
		memset(b, 0xff, 32);
		CHECK_UINT(pin_crc32c(0, b, 32), 0x62a8ab43);
		CHECK_UINT(pin_crc32c(0, "123456789", 9), 0xe3069283);
		CHECK_UINT(pin_crc32c(pin_crc32c(0, "1234", 4), "56789", 5),
		    0xe3069283);
	}
}

static void
test_plain(void)
{
	struct pin_wal_info info;
	struct got g;
	uint64_t id;

	fresh();
	pin_wal_info(w, &info);
	id = info.cluster_id;
	CASE("a new log is empty and has an id") {
		CHECK_UINT(info.last, 0);
		CHECK_UINT(info.first, 1);
		CHECK(id != 0);
	}
	for (int i = 0; i < 50; i++)
		CHECK_INT(put(1 + (uint32_t)i % 5, 1000 + (size_t)i), PIN_OK);
	pin_wal_info(w, &info);
	CASE("it goes on into further segments") {
		CHECK_UINT(info.last, 150);
		CHECK_UINT(info.segments, 3);
		CHECK_UINT(info.term, 3);
	}
	kill_wal();
	CASE("everything comes back, in order") {
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.n, 150);
		CHECK_INT(g.bad, 0);
		pin_wal_info(w, &info);
		CHECK_UINT(info.cluster_id, id);
	}
	CASE("and after it more can be written") {
		CHECK_INT(put(1, 10), PIN_OK);
		pin_wal_close(&w);
		CHECK_INT(open_wal(149, &g), PIN_OK);
		CHECK_UINT(g.n, 2);
		CHECK_UINT(g.last, 151);
		CHECK_INT(g.bad, 0);
	}
	CASE("closed and opened many times") {
		for (int i = 0; i < 20; i++) {
			pin_wal_close(&w);
			CHECK_INT(open_wal(0, &g), PIN_OK);
			CHECK_UINT(g.last, 151 + (uint64_t)i);
			CHECK_INT(put(1, 1), PIN_OK);
		}
	}
	CASE("empty records, and one larger than a segment") {
		CHECK_INT(put(1, 0), PIN_OK);
		CHECK_INT(put(1, 200000), PIN_OK);
		CHECK_INT(put(1, 5), PIN_OK);
		pin_wal_close(&w);
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.last, 174);
		CHECK_INT(g.bad, 0);
	}
	pin_wal_close(&w);
	CASE("a second opener is refused") {
		struct pin_wal *other = NULL;
		struct pin_wal_conf conf = { .segment_bytes = 1 << 16 };

		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_INT(pin_wal_open(pin_host_real(), dir, &conf, &other,
		    &err), PIN_ELOCKED);
		CHECK(other == NULL);
		pin_wal_close(&w);
	}
}

/* Each byte of the last record in turn: it is gone, what was before stays. */
static void
test_torn(void)
{
	uint64_t before, end;
	struct got g;
	int bad = 0;

	fresh();
	CHECK_INT(put(3, 100), PIN_OK);
	before = w->end;
	CHECK_INT(put(1, 30), PIN_OK);
	end = w->end;
	kill_wal();
	CASE("a bit of the last record flips: it was torn") {
		for (uint64_t at = before; at < end; at++) {
			int pad = at >= before + REC_HEAD + 30;

			damage(1, at);
			bad += open_wal(0, &g) != PIN_OK || g.bad != 0 ||
			    g.last != (pad ? 4u : 3u);
			if (w != NULL)
				kill_wal();
			damage(1, at);
		}
		CHECK_INT(bad, 0);
	}
	CASE("undamaged, it is there") {
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.last, 4);
	}
	kill_wal();
	damage(1, before + 50);
	CASE("after a torn end another record takes the index") {
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_INT(put(1, 77), PIN_OK);
		CHECK_UINT(w->last, 4);
		CHECK_INT(put(1, 78), PIN_OK);
		kill_wal();
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.last, 5);
		CHECK_INT(g.bad, 0);
	}
	kill_wal();
}

/* A group of which the first record was lost and the others arrived. */
static void
test_torn_group(void)
{
	struct got g;
	uint64_t at;

	fresh();
	CHECK_INT(put(1, 100), PIN_OK);
	at = w->end;
	CHECK_INT(put(4, 100), PIN_OK);
	kill_wal();
	damage(1, at + REC_HEAD + 3);
	CASE("what came behind the hole of a torn group is not taken") {
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.last, 1);
	}
	CASE("nor does it come back behind a record of the same size") {
		CHECK_INT(put(1, 100), PIN_OK);
		CHECK_UINT(w->nsegs, 2);
		kill_wal();
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.last, 2);
		CHECK_INT(g.bad, 0);
	}
	kill_wal();
}

static void
test_corrupt(void)
{
	struct got g;
	uint64_t at, end;

	fresh();
	CHECK_INT(put(2, 100), PIN_OK);
	at = w->end;
	CHECK_INT(put(1, 100), PIN_OK);
	CHECK_INT(put(1, 100), PIN_OK);
	kill_wal();
	damage(1, at + REC_HEAD + 5);
	CASE("damage that a later group knew as durable is no torn end") {
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
		CHECK(strstr(err.text, "0000000000000001.wal") != NULL);
		CHECK(strstr(err.text, "record 3") != NULL);
	}
	damage(1, at + REC_HEAD + 5);
	damage(1, at + 9);
	CASE("nor is damage of its head")
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
	damage(1, at + 9);
	CASE("what the store has already need not be whole") {
		damage(1, at + REC_HEAD + 5);
		CHECK_INT(open_wal(3, &g), PIN_OK);
		CHECK_UINT(g.n, 1);
		damage(1, at + REC_HEAD + 5);
	}
	end = w->end;
	pin_wal_close(&w);
	damage(1, end - 20);
	CASE("after a clean close no damage is an end") {
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
		damage(1, end - 20);
		CHECK_INT(open_wal(0, &g), PIN_OK);
	}
	for (int i = 0; i < 5; i++)
		CHECK_INT(put(1, 30000), PIN_OK);
	kill_wal();
	damage(1, 30000);
	CASE("damage in a segment that has a successor") {
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
		damage(1, 30000);
	}
	damage(2, 20);
	CASE("a damaged first block is named") {
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
		CHECK(strstr(err.text, "first block") != NULL);
		damage(2, 20);
	}
	CASE("a missing segment is named") {
		char path[4200], away[4300];

		seg_path(2, path, sizeof(path));
		snprintf(away, sizeof(away), "%s.x", path);
		CHECK_INT(pin_path_rename(pin_host_real(), path, away, NULL),
		    PIN_OK);
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
		CHECK(strstr(err.text, "0000000000000002 is missing") != NULL);
		CHECK_INT(pin_path_rename(pin_host_real(), away, path, NULL),
		    PIN_OK);
		CHECK_INT(open_wal(0, &g), PIN_OK);
		CHECK_UINT(g.last, 9);
	}
	kill_wal();
}

/* A record some newer version wrote: known by its checksum to be whole. */
static void
test_newer(void)
{
	struct rec r = { .index = 2, .term = 3, .synced = 1, .type = 9 };
	uint8_t h[REC_HEAD];
	struct pin_iov iov = { h, sizeof(h) };
	struct got g;

	fresh();
	CHECK_INT(put(1, 10), PIN_OK);
	pin__rec_encode(h, &r, NULL, w->segs[0].salt);
	CHECK_INT(pin_file_write(w->file, &iov, 1, w->end, &err), PIN_OK);
	kill_wal();
	CASE("an unknown type stops the member, and says so") {
		CHECK_INT(open_wal(0, &g), PIN_ECORRUPT);
		CHECK(strstr(err.text, "type 9") != NULL);
		CHECK(strstr(err.text, "newer version") != NULL);
	}
}

static void
test_recycle(void)
{
	struct pin_wal_info info;
	struct got g;

	fresh();
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 10; i++)
			CHECK_INT(put(3, 3000), PIN_OK);
		CHECK_INT(pin_wal_trim(w, w->last, &err), PIN_OK);
	}
	pin_wal_info(w, &info);
	CASE("trimmed, the log stays small; files are used again") {
		CHECK_UINT(info.last, 600);
		CHECK_UINT(info.segments, 1);
		CHECK(info.spares >= 1 && info.spares <= 2);
	}
	kill_wal();
	CASE("nothing of a file's earlier life comes back") {
		CHECK_INT(open_wal(600, &g), PIN_OK);
		CHECK_UINT(g.n, 0);
		CHECK_UINT(w->last, 600);
		CHECK_INT(put(2, 5000), PIN_OK);
		kill_wal();
		CHECK_INT(open_wal(600, &g), PIN_OK);
		CHECK_UINT(g.n, 2);
		CHECK_INT(g.bad, 0);
	}
	kill_wal();
	CASE("what was trimmed cannot be asked for") {
		CHECK_INT(open_wal(3, &g), PIN_ECORRUPT);
		CHECK(strstr(err.text, "record 4 is needed") != NULL);
	}
	CASE("a log shorter than the store is refused") {
		CHECK_INT(open_wal(700, &g), PIN_ECORRUPT);
		CHECK(strstr(err.text, "700 was durable") != NULL);
	}
}

/* A write that stops in the middle, as on a full disk: what got there is no
 * part of the log, now or behind a later record. */
static void
test_half_written(void)
{
	struct pin_sim_opts o = { .seed = 3 };
	struct pin_sim *sim = pin_sim_new(&o);
	struct got g;
	int half = 0, bad = 0, back = 0;

	for (int round = 0; round < 20; round++) {
		host = pin_sim_host(sim, 0);
		snprintf(dir, sizeof(dir), "/log%d", round);
		if (open_wal(0, &g) != PIN_OK)
			BAIL("%s", err.text);
		CHECK_INT(put(2, 100), PIN_OK);
		CHECK_INT(pin_sim_fault(sim, 0, PIN_SIM_WRITE, PIN_SIM_SHORT,
		    1, 0), PIN_OK);
		half += put(15, 100) != PIN_OK;
		if (round % 2 == 0) {
			bad += put(1, 100) != PIN_OK;
			kill_wal();
			bad += open_wal(0, &g) != PIN_OK || g.bad != 0;
			back += g.last != 3;
		} else {
			kill_wal();
			bad += open_wal(0, &g) != PIN_OK || g.bad != 0;
			back += g.last != 2;
		}
		kill_wal();
	}
	CASE("half a group that was refused never comes back") {
		CHECK_INT(half, 20);
		CHECK_INT(bad, 0);
		CHECK_INT(back, 0);
	}
	host = pin_host_real();
	pin_sim_free(&sim);
}

/* Clients may take every descriptor when the log needs its next file. */
static void
test_no_files(int left, int spare)
{
	struct got g;
	uint64_t last, first;
	int rc = PIN_OK;

	fresh();
	for (int i = 0; spare && i < 10; i++)
		CHECK_INT(put(3, 3000), PIN_OK);
	if (spare)
		CHECK_INT(pin_wal_trim(w, w->last, &err), PIN_OK);
	last = w->last;
	first = w->segs[0].first;
	files_left(left);
	for (int i = 0; rc == PIN_OK && i < 20; i++)
		rc = put(3, 3000);
	CASE("%d descriptors left%s: refused, not the end of the log", left,
	    spare ? " and a file at hand" : "") {
		CHECK_INT(rc, PIN_ENOSPACE);
		CHECK(strstr(err.text, "open files") != NULL);
		CHECK(w->last > last);
		last = w->last;
		CHECK_INT(pin_wal_probe(w, &err), PIN_ENOSPACE);
		CHECK_INT(put(1, 10), PIN_OK);
	}
	files_left(-1);
	CASE("... and goes on when there are some again") {
		CHECK_INT(pin_wal_probe(w, &err), PIN_OK);
		CHECK_INT(put(3, 3000), PIN_OK);
		kill_wal();
		CHECK_INT(open_wal(first - 1, &g), PIN_OK);
		CHECK_UINT(g.last, last + 4);
		CHECK_INT(g.bad, 0);
	}
	CASE("... and what cannot be trimmed now is trimmed later") {
		files_left(0);
		CHECK_INT(pin_wal_trim(w, w->last, &err), PIN_OK);
		CHECK(w->nsegs > 1);
		files_left(-1);
		CHECK_INT(pin_wal_trim(w, w->last, &err), PIN_OK);
		CHECK_UINT(w->nsegs, 1);
	}
	kill_wal();
}

int
main(void)
{
	host = pin_host_real();
	for (int left = 0; left < 2; left++)
		for (int spare = 0; spare < 2; spare++)
			test_no_files(left, spare);
	test_crc();
	test_plain();
	test_torn();
	test_torn_group();
	test_corrupt();
	test_newer();
	test_recycle();
	test_half_written();
	return (tap_done());
}
