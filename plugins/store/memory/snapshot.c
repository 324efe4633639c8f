/* SPDX-License-Identifier: BSD-2-Clause
 *
 * snapshot.c -- every row in one file, so that the log behind it can go and a
 * start is short. Made whole under another name, synced, renamed.
 * Written when as much has changed as there is (and SNAP option's bytes at
 * least): the log stays in proportion to the data, and a byte that is stored is
 * written twice.
 * Thread: `apply`, or the one that starts. Contract: memory.h; format 1:
 *
 *	 0	"PINSNAP\0"
 *	 8	format, lowest reader, 0, 0, crc32c of bytes 16..79
 *	16	cluster id, applied, term, revision, compacted, hash
 *	64	rows, bytes of the file
 *	80	rows: crc32c of what follows of it, length of the key, position,
 *		create revision, version, position before, ttl, length of the
 *		value; key; value. All little-endian. */
#include "plugins/store/memory/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/move.h"
#include "core/limits.h"
#include "core/wal/wal.h"

#define SNAP_FORMAT	1
#define HEAD		80u
#define ROW		48u

static const char magic[8] = "PINSNAP";

static void
put(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t
get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0; )
		v = v << 8 | p[i];
	return (v);
}

static int
path_of(const struct memory *m, const char *suffix, char path[PIN_PATH_MAX],
    struct pin_err *err)
{
	int n = snprintf(path, PIN_PATH_MAX, "%s/" SNAP_FILE "%s", m->dir,
	    suffix);

	return (n > 0 && n < PIN_PATH_MAX ? PIN_OK : pin_err_set(err,
	    PIN_ELIMIT, "%s: path too long", m->dir));
}

/* ---- a buffered file ---------------------------------------------- */

struct stream {
	struct pin_file	*f;
	uint8_t		*buf;
	size_t		 len, at;	/* at: reading */
	uint64_t	 off;		/* of the buffer's begin or end */
	int		 rc;
	struct pin_err	*err;
};

static void
stream_flush(struct stream *s)
{
	struct pin_iov iov = { s->buf, s->len };

	if (s->rc == PIN_OK && s->len > 0)
		s->rc = pin_file_write(s->f, &iov, 1, s->off, s->err);
	s->off += s->len;
	s->len = 0;
}

static void
stream_put(struct stream *s, const void *p, size_t len)
{
	size_t n;

	while (len > 0) {
		n = SNAP_BUFFER - s->len < len ? SNAP_BUFFER - s->len : len;
		memcpy(s->buf + s->len, p, n);
		s->len += n;
		p = (const uint8_t *)p + n;
		len -= n;
		if (s->len == SNAP_BUFFER)
			stream_flush(s);
	}
}

/* 1: all of it is there. */
static int
stream_get(struct stream *s, void *p, size_t len)
{
	int64_t got;
	size_t n;

	while (len > 0) {
		if (s->at == s->len) {
			got = pin_file_read(s->f, s->buf, SNAP_BUFFER, s->off,
			    s->err);
			if (got <= 0) {
				s->rc = (int)got;
				return (0);
			}
			s->off += (uint64_t)got;
			s->len = (size_t)got;
			s->at = 0;
		}
		n = s->len - s->at < len ? s->len - s->at : len;
		memcpy(p, s->buf + s->at, n);
		s->at += n;
		p = (uint8_t *)p + n;
		len -= n;
	}
	return (1);
}

/* ---- writing ------------------------------------------------------ */

static void
head_put(const struct memory *m, uint64_t size, uint8_t h[HEAD])
{
	const struct pin_mvcc_meta *t = &m->meta;
	const uint64_t v[] = { t->cluster_id, t->applied, t->term, t->revision,
	    t->compacted, t->hash, m->n - m->holes, size };

	memset(h, 0, HEAD);
	memcpy(h, magic, sizeof(magic));
	h[8] = h[9] = SNAP_FORMAT;
	for (size_t i = 0; i < PIN_LEN(v); i++)
		put(h + 16 + 8 * i, v[i], 8);
	put(h + 12, pin_crc32c(0, h + 16, HEAD - 16), 4);
}

static void
row_put(struct stream *s, const struct pin_mvcc_row *r)
{
	uint8_t b[ROW];
	uint32_t crc;

	put(b + 4, r->key.len, 4);
	put(b + 8, r->pos, 8);
	put(b + 16, r->create_rev, 8);
	put(b + 24, r->version, 8);
	put(b + 32, r->before_pos, 8);
	put(b + 40, r->ttl_s, 4);
	put(b + 44, r->len, 4);
	crc = pin_crc32c(0, b + 4, ROW - 4);
	crc = pin_crc32c(crc, r->key.p, r->key.len);
	if (r->value != NULL)
		crc = pin_crc32c(crc, r->value->data, r->len);
	put(b, crc, 4);
	stream_put(s, b, ROW);
	stream_put(s, r->key.p, r->key.len);
	if (r->value != NULL)
		stream_put(s, r->value->data, r->len);
}

static uint64_t
file_size(const struct memory *m)
{
	uint64_t size = HEAD;

	for (size_t i = 0; i < m->n; i++)
		if (m->slots[i].row != NULL)
			size += ROW + m->slots[i].row->key.len +
			    m->slots[i].row->len;
	return (size);
}

static int
rows_write(const struct memory *m, struct pin_file *f, struct pin_err *err)
{
	struct stream s = { .f = f, .buf = pin_xmalloc(SNAP_BUFFER),
	    .err = err };
	uint64_t size = file_size(m);
	uint8_t h[HEAD];

	head_put(m, size, h);
	stream_put(&s, h, HEAD);
	for (size_t i = 0; i < m->n && s.rc == PIN_OK; i++)
		if (m->slots[i].row != NULL)
			row_put(&s, m->slots[i].row);
	stream_flush(&s);
	free(s.buf);
	PIN_ASSERT(s.rc != PIN_OK || s.off == size);
	return (s.rc);
}

static int
snap_write(struct memory *m, struct pin_err *err)
{
	struct pin_host *host = pin_env_host(m->env);
	char to[PIN_PATH_MAX], tmp[PIN_PATH_MAX];
	struct pin_file *f = NULL;
	int rc;

	rc = path_of(m, "", to, err);
	if (rc == PIN_OK)
		rc = path_of(m, ".tmp", tmp, err);
	if (rc != PIN_OK)
		return (rc);
	rc = pin_file_open(host, tmp, PIN_FILE_WRITE | PIN_FILE_CREATE |
	    PIN_FILE_TRUNC | PIN_FILE_PRIVATE, &f, err);
	if (rc == PIN_OK)
		rc = rows_write(m, f, err);
	if (rc == PIN_OK)
		rc = pin_file_sync(f, err);
	if (f != NULL)
		pin_file_close(&f);
	if (rc == PIN_OK)
		rc = pin_path_move(host, tmp, to, err);
	if (rc != PIN_OK)
		(void)pin_path_unlink(host, tmp, NULL);
	return (rc);
}

int
pin__snap_look(struct memory *m, struct pin_err *err)
{
	int rc;

	if (m->dir == NULL || m->since < m->snap_bytes || m->since < m->bytes)
		return (PIN_OK);
	rc = snap_write(m, err);
	if (rc == PIN_OK) {
		m->stable = m->meta.applied;
		m->since = 0;
		m->snap_failed = 0;
	} else if (rc == PIN_ENOSPACE || rc == PIN_EBUSY) {
		/* After as much again; until then the log is what there is. */
		m->since = 0;
		if (!m->snap_failed)
			pin_env_log(m->env, PIN_LOG_WARN, "no room for a "
			    "snapshot, the log grows: %s", err->text);
		m->snap_failed = 1;
		rc = PIN_OK;
	}
	return (rc);
}

/* ---- reading ------------------------------------------------------ */

/* The next row into the heap. 1: it is whole. */
static int
row_get(struct memory *m, struct stream *s, uint64_t *size)
{
	struct pin_mvcc_row r = { 0 };
	uint8_t b[ROW], key[PIN_KEY_MAX];
	uint32_t crc;
	int ok;

	if (!stream_get(s, b, ROW))
		return (0);
	r.key.p = (const char *)key;
	r.key.len = (size_t)get(b + 4, 4);
	r.pos = get(b + 8, 8);
	r.create_rev = get(b + 16, 8);
	r.version = get(b + 24, 8);
	r.before_pos = get(b + 32, 8);
	r.ttl_s = (uint32_t)get(b + 40, 4);
	r.len = (uint32_t)get(b + 44, 4);
	if (r.key.len == 0 || r.key.len > PIN_KEY_MAX ||
	    r.len > PIN_VALUE_MAX || (r.create_rev == 0 && r.len != 0) ||
	    (m->n > 0 && m->slots[m->n - 1].pos >= r.pos) ||
	    !stream_get(s, key, r.key.len))
		return (0);
	if (r.create_rev != 0) {
		r.value = pin_buf_new(r.len);
		if (r.value == NULL) {
			s->rc = pin_err_set(s->err, PIN_ENOMEM, "no memory");
			return (0);
		}
	}
	ok = r.value == NULL || stream_get(s, r.value->data, r.len);
	crc = pin_crc32c(0, b + 4, ROW - 4);
	crc = pin_crc32c(crc, key, r.key.len);
	if (ok && r.value != NULL)
		crc = pin_crc32c(crc, r.value->data, r.len);
	ok = ok && crc == get(b, 4);
	if (ok)
		memory_row_add(m, &r);
	pin_buf_put(&r.value);
	*size += ROW + r.key.len + r.len;
	return (ok);
}

static int
head_get(struct memory *m, struct stream *s, uint64_t *rows, uint64_t *size)
{
	struct pin_mvcc_meta *t = &m->meta;
	uint64_t *const v[] = { &t->cluster_id, &t->applied, &t->term,
	    &t->revision, &t->compacted, &t->hash, rows, size };
	uint8_t h[HEAD];

	if (!stream_get(s, h, HEAD) || memcmp(h, magic, sizeof(magic)) != 0 ||
	    pin_crc32c(0, h + 16, HEAD - 16) != get(h + 12, 4))
		return (0);
	if (h[9] > SNAP_FORMAT) {
		s->rc = pin_err_set(s->err, PIN_ECORRUPT, SNAP_FILE ": format "
		    "%u wants a reader of format %u or newer, this one is %u",
		    h[8], h[9], SNAP_FORMAT);
		return (0);
	}
	for (size_t i = 0; i < PIN_LEN(v); i++)
		*v[i] = get(h + 16 + 8 * i, 8);
	return (1);
}

int
pin__snap_load(struct memory *m, struct pin_err *err)
{
	struct stream s = { .err = err };
	uint64_t rows = 0, size = 0, have = HEAD;
	char path[PIN_PATH_MAX];
	int rc;

	rc = path_of(m, "", path, err);
	if (rc == PIN_OK)
		rc = pin_file_open(pin_env_host(m->env), path, PIN_FILE_READ,
		    &s.f, err);
	if (rc != PIN_OK)
		return (rc == PIN_ENOTFOUND ? PIN_OK : rc);
	s.buf = pin_xmalloc(SNAP_BUFFER);
	rc = head_get(m, &s, &rows, &size) ? PIN_OK : PIN_ECORRUPT;
	for (uint64_t i = 0; i < rows && rc == PIN_OK; i++)
		if (!row_get(m, &s, &have))
			rc = PIN_ECORRUPT;
	if (rc == PIN_OK && (have != size || pin_file_size(s.f, NULL) !=
	    (int64_t)size))
		rc = PIN_ECORRUPT;
	if (rc != PIN_OK)
		rc = s.rc != PIN_OK ? s.rc : pin_err_set(err, PIN_ECORRUPT,
		    "%s: damaged after %zu of %" PRIu64 " versions", path,
		    m->n, rows);
	pin_file_close(&s.f);
	free(s.buf);
	m->stable = m->meta.applied;
	return (rc);
}
