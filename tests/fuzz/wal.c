/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wal.c -- fuzz target: a log with arbitrary damage, and arbitrary bytes as a
 * batch of transactions. What is read back is a beginning of what was
 * written, or PIN_ECORRUPT; what decodes encodes to the same bytes.
 * The log lies on a simulated disk. Input: first byte even: a batch follows;
 * odd: places and bytes to overwrite.
 * Contract: core/wal/wal.h, lib/mvcc/mvcc.h. */
#include <stdlib.h>
#include <string.h>

#include "core/host/sim.h"
#include "core/wal/wal_int.h"
#include "lib/mvcc/mvcc.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int ok)
{
	if (!ok)
		abort();
}

/* ---- batches ----------------------------------------------------- */

static void
fuzz_batch(const uint8_t *p, size_t len)
{
	struct pin_mvcc_reader *r = calloc(1, sizeof(*r));
	struct pin_err err = PIN_ERR_INIT;
	const uint8_t *begin;
	uint8_t *again;
	size_t n;
	int rc;

	must(r != NULL);
	rc = pin_mvcc_reader_init(r, p, len, &err);
	while (rc == PIN_OK) {
		begin = r->p;
		rc = pin_mvcc_reader_next(r, &err);
		if (rc != PIN_OK)
			break;
		n = pin_mvcc_size(&r->cmd);
		must(n == (size_t)(r->p - begin));
		again = malloc(n);
		must(again != NULL &&
		    pin_mvcc_encode(again, &r->cmd) == again + n);
		free(again);
	}
	must(rc == PIN_ENOTFOUND || err.text[0] != '\0');
	pin_mvcc_reader_fini(r);
	free(r);
}

/* ---- logs -------------------------------------------------------- */

static uint64_t replayed;

static int
take(void *arg, struct pin_wal_record *r, struct pin_err *err)
{
	(void)arg;
	(void)err;
	must(r->index == replayed + 1);
	must(r->bytes->len == 20 + r->index * 7 % 90);
	for (size_t i = 0; i < r->bytes->len; i++)
		must(r->bytes->data[i] == (uint8_t)(r->index + i));
	replayed++;
	pin_buf_put(&r->bytes);
	return (PIN_OK);
}

static int
open_log(struct pin_host *h, struct pin_wal **w, struct pin_err *err)
{
	struct pin_wal_conf conf = { .segment_bytes = PIN_WAL_SEGMENT_MIN };
	int rc;

	replayed = 0;
	rc = pin_wal_open(h, "/log", &conf, w, err);
	if (rc == PIN_OK)
		rc = pin_wal_replay(*w, 0, take, NULL, err);
	return (rc);
}

static void
write_groups(struct pin_wal *w, uint32_t groups)
{
	struct pin_wal_record r[3];

	for (uint32_t g = 0; g < groups; g++) {
		uint32_t n = 1 + g % 3;

		for (uint32_t i = 0; i < n; i++) {
			r[i].index = w->last + 1 + i;
			r[i].term = 1;
			r[i].bytes = pin_buf_new(20 + r[i].index * 7 % 90);
			for (size_t k = 0; k < r[i].bytes->len; k++)
				r[i].bytes->data[k] =
				    (uint8_t)(r[i].index + k);
		}
		must(pin_wal_write(w, r, n, NULL) == PIN_OK);
		for (uint32_t i = 0; i < n; i++)
			pin_buf_put(&r[i].bytes);
	}
}

/* Four bytes each: place (2), how many (1), what with (1). */
static void
damage(struct pin_host *h, const uint8_t *p, size_t len)
{
	struct pin_file *f = NULL;
	uint8_t bytes[256];
	struct pin_iov iov = { bytes, 0 };

	must(pin_file_open(h, "/log/0000000000000001.wal", PIN_FILE_READ |
	    PIN_FILE_WRITE, &f, NULL) == PIN_OK);
	for (; len >= 4; p += 4, len -= 4) {
		uint64_t at = ((uint64_t)p[0] << 8 | p[1]) % 6000;

		iov.len = p[2] % 64 + 1u;
		memset(bytes, p[3], sizeof(bytes));
		if (p[3] == 1)		/* or from elsewhere in the file */
			must(pin_file_read(f, bytes, iov.len, at + p[2] * 8u,
			    NULL) >= 0);
		must(pin_file_write(f, &iov, 1, at, NULL) == PIN_OK);
	}
	pin_file_close(&f);
}

static void
fuzz_log(const uint8_t *p, size_t len)
{
	struct pin_sim_opts o = { .seed = 1 };
	struct pin_sim *sim = pin_sim_new(&o);
	struct pin_host *h = pin_sim_host(sim, 0);
	struct pin_err err = PIN_ERR_INIT;
	struct pin_wal *w = NULL;
	uint64_t last;
	int rc;

	must(open_log(h, &w, &err) == PIN_OK);
	write_groups(w, 12);
	last = w->last;
	w->dead = 1;			/* as killed: no mark */
	pin_wal_close(&w);
	damage(h, p, len);
	rc = open_log(h, &w, &err);
	must(rc == PIN_OK || err.text[0] != '\0');
	if (rc == PIN_OK) {
		must(replayed <= last);
		last = replayed;
		write_groups(w, 4);	/* it can go on, and end again */
		pin_wal_close(&w);
		must(open_log(h, &w, &err) == PIN_OK);
		must(replayed == last + 7);
	} else if (w != NULL)
		w->dead = 1;
	pin_wal_close(&w);
	pin_sim_free(&sim);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	if (len == 0)
		return (0);
	if ((p[0] & 1) == 0)
		fuzz_batch(p + 1, len - 1);
	else
		fuzz_log(p + 1, len - 1);
	return (0);
}
