/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment.c -- the log's files: made complete under another name, synced,
 * renamed, and the directory synced, before anything relies on them.
 * Reads no records. Threads: as wal.h.
 * Contract: at every moment the directory holds a log without gaps. */
#include "core/wal/wal_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/move.h"

static const uint8_t seg_magic[8] = "PINWAL\0";

uint32_t
pin__le32(const uint8_t *p)
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24);
}

uint64_t
pin__le64(const uint8_t *p)
{
	return (pin__le32(p) | (uint64_t)pin__le32(p + 4) << 32);
}

void
pin__put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void
pin__put_le64(uint8_t *p, uint64_t v)
{
	pin__put_le32(p, (uint32_t)v);
	pin__put_le32(p + 4, (uint32_t)(v >> 32));
}

int
pin__seg_path(const struct pin_wal *w, uint64_t number, const char *suffix,
    char *buf, size_t size, struct pin_err *err)
{
	int n = snprintf(buf, size, "%s/%016" PRIx64 ".%s", w->dir, number,
	    suffix);

	if (n < 0 || (size_t)n >= size)
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    w->dir));
	return (PIN_OK);
}

/* ---- the directory ----------------------------------------------- */

struct listing {
	struct pin_wal	*w;
	struct pin_err	*err;
	int		 rc;
};

static int
list_name(void *arg, const char *name)
{
	struct listing *l = arg;
	struct pin_wal *w = l->w;
	char path[4096];
	uint64_t number;
	int end = 0;

	if (sscanf(name, "%16" SCNx64 ".%n", &number, &end) != 1 || end != 17)
		return (0);
	if (strcmp(name + end, "wal") == 0) {
		if (w->nsegs == PIN_WAL_SEGMENTS_MAX) {
			l->rc = pin_err_set(l->err, PIN_ELIMIT,
			    "%s: more than %d segments", w->dir,
			    PIN_WAL_SEGMENTS_MAX);
			return (1);
		}
		w->segs[w->nsegs++].number = number;
	} else if (strcmp(name + end, "spare") == 0 &&
	    w->nspares < PIN_WAL_SPARES_MAX) {
		w->spares[w->nspares++] = number;
	} else if (strcmp(name + end, "spare") == 0 ||
	    strcmp(name + end, "tmp") == 0) {
		/* Left by a crash; nothing relied on it. */
		if (pin__seg_path(w, number, name + end, path, sizeof(path),
		    NULL) == PIN_OK)
			(void)pin_path_unlink(w->host, path, NULL);
	}
	return (0);
}

static int
seg_cmp(const void *a, const void *b)
{
	const struct seg *x = a, *y = b;

	return (x->number < y->number ? -1 : x->number > y->number);
}

/* Reads and checks one segment's first block. */
static int
seg_head(struct pin_wal *w, struct seg *s, struct pin_err *err)
{
	uint8_t h[SEG_HEAD], crc[4];
	struct pin_file *f = NULL;
	char path[4096];
	int64_t n;
	int rc;

	rc = pin__seg_path(w, s->number, "wal", path, sizeof(path), err);
	if (rc == PIN_OK)
		rc = pin_file_open(w->host, path, PIN_FILE_READ, &f, err);
	if (rc != PIN_OK)
		return (rc);
	n = pin_file_read(f, h, sizeof(h), 0, err);
	if (n >= 0) {
		int64_t size = pin_file_size(f, err);

		s->size = size > 0 ? (uint64_t)size : 0;
	}
	pin_file_close(&f);
	if (n < 0)
		return ((int)n);
	memcpy(crc, h + 12, 4);
	memset(h + 12, 0, 4);
	if (n != SEG_HEAD || memcmp(h, seg_magic, 8) != 0 ||
	    pin_crc32c(0, h, SEG_HEAD) != pin__le32(crc))
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s: the first block is damaged", path));
	if (h[9] > WAL_FORMAT)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s: format %u wants a reader of format %u or newer, this"
		    " one is %u", path, h[8], h[9], WAL_FORMAT));
	if (pin__le64(h + 16) != s->number)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s: is segment %016" PRIx64 " by its contents", path,
		    pin__le64(h + 16)));
	if (w->cluster_id == 0)
		w->cluster_id = pin__le64(h + 40);
	if (pin__le64(h + 40) != w->cluster_id)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s: belongs to cluster %016" PRIx64 ", the others to %016"
		    PRIx64, path, pin__le64(h + 40), w->cluster_id));
	s->first = pin__le64(h + 24);
	s->prev_end = pin__le64(h + 32);
	s->salt = pin__le64(h + 48);
	return (PIN_OK);
}

int
pin__seg_list(struct pin_wal *w, struct pin_err *err)
{
	struct listing l = { w, err, PIN_OK };
	int rc;

	rc = pin_path_list(w->host, w->dir, list_name, &l, err);
	if (rc == PIN_OK)
		rc = l.rc;
	if (rc != PIN_OK)
		return (rc);
	qsort(w->segs, w->nsegs, sizeof(*w->segs), seg_cmp);
	for (uint32_t i = 0; i < w->nsegs; i++) {
		if (i > 0 && w->segs[i].number != w->segs[i - 1].number + 1)
			return (pin_err_set(err, PIN_ECORRUPT,
			    "%s: segment %016" PRIx64 " is missing", w->dir,
			    w->segs[i - 1].number + 1));
		rc = seg_head(w, &w->segs[i], err);
		if (rc != PIN_OK)
			return (rc);
	}
	return (PIN_OK);
}

int
pin__seg_open(struct pin_wal *w, const struct seg *s, struct pin_file **out,
    struct pin_err *err)
{
	char path[4096];
	int rc;

	rc = pin__seg_path(w, s->number, "wal", path, sizeof(path), err);
	if (rc != PIN_OK)
		return (rc);
	return (pin_file_open(w->host, path, PIN_FILE_READ | PIN_FILE_WRITE,
	    out, err));
}

/* ---- making one -------------------------------------------------- */

static int
write_head(struct pin_wal *w, struct pin_file *f, const struct seg *s,
    struct pin_err *err)
{
	uint8_t block[SEG_DATA];
	struct pin_iov iov = { block, sizeof(block) };

	memset(block, 0, sizeof(block));
	memcpy(block, seg_magic, 8);
	block[8] = WAL_FORMAT;
	block[9] = WAL_FORMAT;		/* lowest reader */
	pin__put_le64(block + 16, s->number);
	pin__put_le64(block + 24, s->first);
	pin__put_le64(block + 32, s->prev_end);
	pin__put_le64(block + 40, w->cluster_id);
	pin__put_le64(block + 48, s->salt);
	pin__put_le32(block + 12, pin_crc32c(0, block, SEG_HEAD));
	return (pin_file_write(f, &iov, 1, 0, err));
}

/* A spare's name lasts since it became one, so writing to it is safe. */
static int
open_blank(struct pin_wal *w, uint64_t number, char *path, size_t size,
    struct pin_file **f, struct pin_err *err)
{
	int rc;

	if (w->nspares != 0) {
		rc = pin__seg_path(w, w->spares[w->nspares - 1], "spare",
		    path, size, err);
		if (rc == PIN_OK)
			rc = pin_file_open(w->host, path, PIN_FILE_READ |
			    PIN_FILE_WRITE, f, err);
		if (rc == PIN_EBUSY)
			return (rc);
		w->nspares--;
		if (rc == PIN_OK)
			return (PIN_OK);
	}
	rc = pin__seg_path(w, number, "tmp", path, size, err);
	if (rc != PIN_OK)
		return (rc);
	return (pin_file_open(w->host, path, PIN_FILE_READ | PIN_FILE_WRITE |
	    PIN_FILE_CREATE | PIN_FILE_TRUNC | PIN_FILE_PRIVATE, f, err));
}

/* Others may have taken every descriptor: as with a full disk, nothing was
 * written, and there will be some again. */
static int
no_files(int rc, struct pin_err *err)
{
	if (rc == PIN_EBUSY && err != NULL)
		err->code = PIN_ENOSPACE;
	return (rc == PIN_EBUSY ? PIN_ENOSPACE : rc);
}

int
pin__seg_add(struct pin_wal *w, uint64_t number, uint64_t first,
    uint64_t prev_end, uint64_t size, struct pin_err *err)
{
	struct seg s = { .number = number, .first = first,
	    .prev_end = prev_end, .size = size };
	char from[4096], to[4096];
	struct pin_file *f = NULL;
	int rc;

	if (w->nsegs == PIN_WAL_SEGMENTS_MAX)
		return (pin_err_set(err, PIN_ENOSPACE,
		    "%s: %d segments are in use", w->dir,
		    PIN_WAL_SEGMENTS_MAX));
	pin_host_random(w->host, &s.salt, sizeof(s.salt));
	rc = pin__seg_path(w, number, "wal", to, sizeof(to), err);
	if (rc == PIN_OK)
		rc = open_blank(w, number, from, sizeof(from), &f, err);
	if (rc != PIN_OK)
		return (no_files(rc, err));
	rc = pin_file_reserve(f, size, err);
	if (rc == PIN_OK)
		rc = write_head(w, f, &s, err);
	if (rc != PIN_OK)
		goto drop;
	rc = pin_file_sync(f, err);
	w->syncs++;
	if (rc == PIN_OK)
		rc = pin_path_move(w->host, from, to, err);
	if (rc == PIN_EBUSY)
		goto drop;
	if (rc != PIN_OK) {
		w->dead = 1;		/* who knows what is there now */
		pin_file_close(&f);
		return (rc == PIN_ENOSPACE ? PIN_EIO : rc);
	}
	if (w->file != NULL)
		pin_file_close(&w->file);
	w->file = f;
	w->segs[w->nsegs++] = s;
	w->end = SEG_DATA;
	w->must_roll = 0;
	w->rolls++;
	return (PIN_OK);
drop:
	pin_file_close(&f);
	(void)pin_path_unlink(w->host, from, NULL);
	return (no_files(rc, err));
}

int
pin__seg_drop(struct pin_wal *w, struct pin_err *err)
{
	uint64_t number = w->segs[0].number;
	char from[4096], to[4096];
	int rc;

	PIN_ASSERT(w->nsegs > 1);
	rc = pin__seg_path(w, number, "wal", from, sizeof(from), err);
	if (rc == PIN_OK)
		rc = pin__seg_path(w, number, "spare", to, sizeof(to), err);
	if (rc != PIN_OK)
		return (rc);
	/* Gone from the oldest on, or the log would have a gap. */
	rc = pin_path_move(w->host, from, to, err);
	if (rc != PIN_OK)
		return (rc);
	if (w->nspares < PIN_WAL_SPARES_MAX &&
	    w->segs[0].size <= w->segment_bytes)
		w->spares[w->nspares++] = number;
	else
		(void)pin_path_unlink(w->host, to, NULL);
	w->nsegs--;
	memmove(w->segs, w->segs + 1, w->nsegs * sizeof(*w->segs));
	return (PIN_OK);
}
