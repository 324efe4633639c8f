/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wal.c -- opening the log and writing groups: one gathered write and one
 * fdatasync each.
 * Threads: as wal.h. Contract: a failed sync is never tried again (the pages
 * count as clean afterwards): the log is dead and its owner must stop. */
#include "core/wal/wal_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_CHUNK	((size_t)64 << 10)

static int
wal_lock(struct pin_wal *w, struct pin_err *err)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/lock", w->dir), rc;

	if (n < 0 || (size_t)n >= sizeof(path))
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    w->dir));
	rc = pin_file_open(w->host, path, PIN_FILE_READ | PIN_FILE_WRITE |
	    PIN_FILE_CREATE | PIN_FILE_PRIVATE, &w->lock, err);
	if (rc == PIN_OK)
		rc = pin_file_lock(w->lock, err);
	return (rc);
}

/* The directory's own entry in its parent must last too. */
static int
make_dir(struct pin_wal *w, struct pin_err *err)
{
	const char *slash = strrchr(w->dir, '/');
	char *parent;
	int rc;

	rc = pin_path_mkdir(w->host, w->dir, err);
	if (rc != PIN_OK)
		return (rc);
	parent = slash == NULL ? pin_xstrdup(".") : slash == w->dir ?
	    pin_xstrdup("/") : pin_xstrndup(w->dir, (size_t)(slash - w->dir));
	rc = pin_path_sync(w->host, parent, err);
	free(parent);
	return (rc);
}

/* A process that was killed, and not the machine, left records that are
 * readable and not durable: nobody may see them before they are. A sync alone
 * would lie if it was one that failed which ended the process, for the pages
 * are clean since; so the last group, the only one that no record behind it
 * knows as durable, is written again first. */
static int
tail_settle(struct pin_wal *w, struct pin_err *err)
{
	uint64_t from, to;
	struct pin_iov iov;
	uint8_t *buf;
	int64_t n;
	int rc;

	rc = pin__scan_tail(w, &from, &to, err);
	if (rc != PIN_OK)
		return (rc);
	buf = pin_xmalloc(TAIL_CHUNK);
	for (; rc == PIN_OK && from < to; from += (uint64_t)n) {
		n = pin_file_read(w->file, buf, to - from < TAIL_CHUNK ?
		    (size_t)(to - from) : TAIL_CHUNK, from, err);
		if (n <= 0) {
			rc = n < 0 ? (int)n : pin_err_set(err, PIN_ECORRUPT,
			    "%s: the last segment became shorter", w->dir);
			break;
		}
		iov = (struct pin_iov){ buf, (size_t)n };
		rc = pin_file_write(w->file, &iov, 1, from, err);
	}
	free(buf);
	if (rc == PIN_OK)
		rc = pin_file_sync(w->file, err);
	return (rc);
}

static int
wal_begin(struct pin_wal *w, const struct pin_wal_conf *conf,
    struct pin_err *err)
{
	int rc;

	rc = make_dir(w, err);
	if (rc == PIN_OK)
		rc = wal_lock(w, err);
	if (rc == PIN_OK)
		rc = pin__seg_list(w, err);
	if (rc != PIN_OK)
		return (rc);
	if (w->nsegs == 0) {
		w->cluster_id = conf->cluster_id;
		while (w->cluster_id == 0)
			pin_host_random(w->host, &w->cluster_id,
			    sizeof(w->cluster_id));
		return (pin__seg_add(w, 1, conf->start + 1, 0,
		    w->segment_bytes, err));
	}
	rc = pin__seg_open(w, &w->segs[w->nsegs - 1], &w->file, err);
	if (rc == PIN_OK)
		rc = tail_settle(w, err);
	if (rc == PIN_OK)
		rc = pin_path_sync(w->host, w->dir, err);
	return (rc);
}

int
pin_wal_open(struct pin_host *host, const char *dir,
    const struct pin_wal_conf *conf, struct pin_wal **out,
    struct pin_err *err)
{
	struct pin_wal *w = pin_xcalloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	w->magic = WAL_MAGIC;
	w->host = host;
	w->dir = pin_xstrdup(dir);
	w->segs = pin_xcalloc(PIN_WAL_SEGMENTS_MAX, sizeof(*w->segs));
	w->segment_bytes = conf->segment_bytes < PIN_WAL_SEGMENT_MIN ?
	    PIN_WAL_SEGMENT_MIN : conf->segment_bytes;
	rc = wal_begin(w, conf, err);
	if (rc != PIN_OK) {
		w->dead = 1;		/* close writes nothing */
		pin_wal_close(&w);
		return (rc);
	}
	*out = w;
	return (PIN_OK);
}

/* Syncs; `what` was written and counts from here on. */
static int
group_sync(struct pin_wal *w, struct pin_err *err)
{
	int rc;

	w->syncs++;
#ifdef BUG_ACK_BEFORE_SYNC
	(void)err;
	rc = PIN_OK;
#else
	rc = pin_file_sync(w->file, err);
#endif
	if (rc == PIN_OK)
		return (PIN_OK);
	w->dead = 1;
	return (PIN_EIO);
}

static int
write_group(struct pin_wal *w, const struct pin_wal_record *recs, uint32_t n,
    uint64_t bytes, struct pin_err *err)
{
	static const uint8_t zeros[REC_ALIGN];
	uint8_t heads[PIN_WAL_GROUP_MAX][REC_HEAD];
	struct pin_iov iov[PIN_WAL_GROUP_MAX * 3];
	uint64_t salt = w->segs[w->nsegs - 1].salt;
	uint32_t k = 0;
	int rc;

	for (uint32_t i = 0; i < n; i++) {
		size_t len = recs[i].bytes->len;
		struct rec r = { .index = recs[i].index, .term = recs[i].term,
		    .synced = w->last, .len = (uint32_t)len,
		    .type = REC_ENTRY };

		PIN_ASSERT(recs[i].index == w->last + 1 + i);
		pin__rec_encode(heads[i], &r, recs[i].bytes->data, salt);
		iov[k++] = (struct pin_iov){ heads[i], REC_HEAD };
		iov[k++] = (struct pin_iov){ recs[i].bytes->data, len };
		iov[k++] = (struct pin_iov){ zeros,
		    (size_t)(REC_SIZE(len) - REC_HEAD - len) };
	}
	rc = pin_file_write(w->file, iov, k, w->end, err);
	if (rc != PIN_OK)
		return (rc);
	rc = group_sync(w, err);
	if (rc != PIN_OK)
		return (rc);
	w->end += bytes;
	w->last = recs[n - 1].index;
	w->term = recs[n - 1].term;
	return (PIN_OK);
}

/* What a failed write left must not be taken for records later: cut it off,
 * and go on in another segment, which says where this one ends. */
static int
cut_off(struct pin_wal *w, struct pin_err *err)
{
	int rc;

	w->must_roll = 1;
	rc = pin_file_truncate(w->file, w->end, err);
	if (rc == PIN_OK)
		rc = group_sync(w, err);
	if (rc != PIN_OK)
		w->dead = 1;
	return (rc == PIN_OK ? PIN_OK : PIN_EIO);
}

static int
roll(struct pin_wal *w, uint64_t bytes, struct pin_err *err)
{
	uint64_t size = SEG_DATA + bytes;

	if (size < w->segment_bytes)
		size = w->segment_bytes;
	return (pin__seg_add(w, w->segs[w->nsegs - 1].number + 1,
	    w->last + 1, w->end, size, err));
}

int
pin_wal_write(struct pin_wal *w, const struct pin_wal_record *recs,
    uint32_t n, struct pin_err *err)
{
	struct pin_err ignored = PIN_ERR_INIT;
	uint64_t bytes = 0;
	int rc = PIN_OK;

	PIN_VALID(w, WAL_MAGIC);
	PIN_ASSERT(w->replayed && n != 0 && n <= PIN_WAL_GROUP_MAX);
	if (w->dead)
		return (pin_err_set(err, PIN_EIO,
		    "%s: a sync of the log failed earlier", w->dir));
	for (uint32_t i = 0; i < n; i++) {
		if (recs[i].bytes->len > PIN_WAL_RECORD_MAX)
			return (pin_err_set(err, PIN_ETOOBIG,
			    "record of %zu bytes", recs[i].bytes->len));
		bytes += REC_SIZE(recs[i].bytes->len);
	}
	if (w->must_roll || w->end + bytes > w->segs[w->nsegs - 1].size)
		rc = roll(w, bytes, err);
	if (rc != PIN_OK)
		return (rc);
	rc = write_group(w, recs, n, bytes, err);
	if (rc == PIN_OK || w->dead)
		return (rc);
	if (cut_off(w, &ignored) != PIN_OK)
		return (pin_err_wrap(err, "%s", ignored.text), PIN_EIO);
	return (rc);
}

int
pin_wal_probe(struct pin_wal *w, struct pin_err *err)
{
	PIN_VALID(w, WAL_MAGIC);
	if (w->dead)
		return (PIN_EIO);
	return (roll(w, 0, err));
}

int
pin_wal_trim(struct pin_wal *w, uint64_t index, struct pin_err *err)
{
	int rc = PIN_OK;

	PIN_VALID(w, WAL_MAGIC);
	if (w->dead)
		return (PIN_OK);
	while (rc == PIN_OK && w->nsegs > 1 && w->segs[1].first <= index + 1)
		rc = pin__seg_drop(w, err);
	if (rc == PIN_EBUSY)
		return (PIN_OK);	/* no descriptors: another time */
	if (rc != PIN_OK)
		w->dead = 1;
	return (rc);
}

void
pin_wal_info(const struct pin_wal *w, struct pin_wal_info *i)
{
	PIN_VALID(w, WAL_MAGIC);
	memset(i, 0, sizeof(*i));
	i->first = w->segs[0].first;
	i->last = w->last;
	i->term = w->term;
	i->cluster_id = w->cluster_id;
	for (uint32_t k = 0; k < w->nsegs; k++)
		i->bytes += w->segs[k].size;
	i->syncs = w->syncs;
	i->rolls = w->rolls;
	i->segments = w->nsegs;
	i->spares = w->nspares;
}

static void
write_mark(struct pin_wal *w)
{
	struct rec r = { .index = w->last, .term = w->term,
	    .synced = w->last, .type = REC_MARK };
	uint8_t head[REC_HEAD];
	struct pin_iov iov = { head, sizeof(head) };

	if (w->dead || !w->replayed || w->must_roll ||
	    w->end + REC_HEAD > w->segs[w->nsegs - 1].size)
		return;
	pin__rec_encode(head, &r, NULL, w->segs[w->nsegs - 1].salt);
	if (pin_file_write(w->file, &iov, 1, w->end, NULL) == PIN_OK)
		(void)pin_file_sync(w->file, NULL);
}

void
pin_wal_close(struct pin_wal **wp)
{
	struct pin_wal *w = *wp;

	if (w == NULL)
		return;
	PIN_VALID(w, WAL_MAGIC);
	write_mark(w);
	pin_file_close(&w->file);
	pin_file_close(&w->lock);
	free(w->segs);
	free(w->dir);
	w->magic = 0;
	free(w);
	*wp = NULL;
}
