/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scan.c -- reads the log back: hands out what is after an index, and finds
 * where the last group that was written whole ends.
 * Changes no file. Threads: as wal.h.
 * Contract: never takes damage for an end, nor an end for damage (wal_int.h
 * says how they differ). */
#include "core/wal/wal_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW		(256u << 10)

uint32_t
pin__rec_pcrc(const void *payload, size_t len, uint64_t salt)
{
	uint8_t s[8];

	pin__put_le64(s, salt);
	return (pin_crc32c(pin_crc32c(0, s, 8), payload, len));
}

static uint32_t
head_crc(const uint8_t *head, uint64_t salt)
{
	return (pin__rec_pcrc(head + 4, REC_HEAD - 4, salt));
}

void
pin__rec_encode(uint8_t h[REC_HEAD], const struct rec *r, const void *payload,
    uint64_t salt)
{
	pin__put_le32(h + 4, r->len);
	pin__put_le64(h + 8, r->index);
	pin__put_le64(h + 16, r->term);
	pin__put_le64(h + 24, r->synced);
	h[32] = r->type;
	h[33] = WAL_FORMAT;
	h[34] = WAL_FORMAT;		/* lowest reader */
	h[35] = 0;
	pin__put_le32(h + 36, pin__rec_pcrc(payload, r->len, salt));
	pin__put_le32(h, head_crc(h, salt));
}

int
pin__rec_decode(const uint8_t h[REC_HEAD], struct rec *r, uint64_t salt)
{
	/* Cheap first: the search looks at every multiple of 8. */
	if (h[33] == 0 || h[35] != 0 || pin__le32(h + 4) > PIN_WAL_RECORD_MAX)
		return (0);
	if (head_crc(h, salt) != pin__le32(h))
		return (0);
	r->len = pin__le32(h + 4);
	r->index = pin__le64(h + 8);
	r->term = pin__le64(h + 16);
	r->synced = pin__le64(h + 24);
	r->type = h[32];
	r->format = h[33];
	r->lowest = h[34];
	r->pcrc = pin__le32(h + 36);
	return (1);
}

/* A piece of the file in memory. */
struct window {
	struct pin_file	*file;
	uint64_t	 base;
	size_t		 len;
	uint8_t		 buf[WINDOW];
};

/* n bytes (a head's worth) at an offset; NULL past the end or on error. */
static const uint8_t *
look(struct window *v, uint64_t at, size_t n, int *rc, struct pin_err *err)
{
	int64_t got;

	if (at < v->base || at + n > v->base + v->len) {
		got = pin_file_read(v->file, v->buf, sizeof(v->buf), at, err);
		if (got < 0) {
			*rc = (int)got;
			return (NULL);
		}
		v->base = at;
		v->len = (size_t)got;
	}
	return (at + n <= v->base + v->len ? v->buf + (at - v->base) : NULL);
}

struct scan {
	struct pin_wal	*w;
	const struct seg *s;
	struct window	*v;
	uint64_t	 at;
	uint64_t	 bound;		/* where it must end; 0: unknown */
	uint64_t	 after;
	pin_wal_record_fn *fn;
	void		*arg;
};

static int
damaged(const struct scan *c, const char *what, struct pin_err *err)
{
	return (pin_err_set(err, PIN_ECORRUPT,
	    "%s/%016" PRIx64 ".wal: %s at byte %" PRIu64 ": record %" PRIu64
	    " was written and synced, and is damaged now", c->w->dir,
	    c->s->number, what, c->at, c->w->last + 1));
}

/* Behind a record that does not check in the last segment: is there one that
 * knew it as durable? Any whole head at all means leftovers. */
static int
look_behind(struct scan *c, struct pin_err *err)
{
	uint64_t expected = c->w->last + 1;
	const uint8_t *h;
	struct rec r;
	int rc = PIN_OK;

	for (uint64_t at = c->at; at + REC_HEAD <= c->s->size;
	    at += REC_ALIGN) {
		h = look(c->v, at, REC_HEAD, &rc, err);
		if (h == NULL)
			return (rc);
		if (!pin__rec_decode(h, &r, c->s->salt))
			continue;
		c->w->must_roll = 1;
		if (r.synced >= expected)
			return (damaged(c, "a bad record", err));
	}
	return (PIN_OK);
}

static int
known(const struct scan *c, const struct rec *r, struct pin_err *err)
{
	if (r->lowest > WAL_FORMAT || (r->type != REC_ENTRY &&
	    r->type != REC_MARK))
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s/%016" PRIx64 ".wal: record %" PRIu64 " has type %u,"
		    " format %u, for readers from %u on; this one knows types"
		    " 1 and 2, format %u: written by a newer version?",
		    c->w->dir, c->s->number, r->index, r->type, r->format,
		    r->lowest, WAL_FORMAT));
	return (PIN_OK);
}

/* Reads the payload; PIN_ENOTFOUND when it does not check. */
static int
payload(const struct scan *c, const struct rec *r, struct pin_buf **out,
    struct pin_err *err)
{
	struct pin_buf *b = pin_buf_new(r->len);
	int64_t n;

	if (b == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "a record of %u bytes",
		    r->len));
	n = pin_file_read(c->v->file, b->data, r->len, c->at + REC_HEAD, err);
	if (n == (int64_t)r->len &&
	    pin__rec_pcrc(b->data, r->len, c->s->salt) == r->pcrc) {
		*out = b;
		return (PIN_OK);
	}
	pin_buf_put(&b);
	return (n < 0 ? (int)n : PIN_ENOTFOUND);
}

/* PIN_OK: went on by one record; PIN_ENOTFOUND: no whole record here. */
static int
scan_one(struct scan *c, struct pin_err *err)
{
	struct pin_wal_record out;
	struct pin_wal *w = c->w;
	const uint8_t *h;
	struct rec r;
	int rc = PIN_ENOTFOUND;

	h = look(c->v, c->at, REC_HEAD, &rc, err);
	if (h == NULL)
		return (rc);
	if (!pin__rec_decode(h, &r, c->s->salt) ||
	    c->at + REC_SIZE(r.len) > c->s->size)
		return (PIN_ENOTFOUND);
	rc = known(c, &r, err);
	if (rc != PIN_OK)
		return (rc);
	if (r.index != w->last + (r.type == REC_ENTRY))
		return (PIN_ENOTFOUND);
	if (r.type == REC_ENTRY && r.index > c->after) {
		out.index = r.index;
		out.term = r.term;
		rc = payload(c, &r, &out.bytes, err);
		if (rc == PIN_OK)
			rc = c->fn(c->arg, &out, err);
		if (rc != PIN_OK)
			return (rc);
	}
	w->last = r.index;
	w->term = r.term;
	c->at += REC_SIZE(r.len);
	return (PIN_OK);
}

static int
scan_segment(struct scan *c, struct pin_err *err)
{
	int rc = PIN_OK;

	c->at = SEG_DATA;
	c->v->len = 0;
	while (rc == PIN_OK && (c->bound == 0 || c->at < c->bound))
		rc = scan_one(c, err);
	if (rc != PIN_OK && rc != PIN_ENOTFOUND)
		return (rc);
	if (c->bound != 0)
		return (rc == PIN_OK && c->at == c->bound ? PIN_OK :
		    damaged(c, "a bad record before the segment's end", err));
	rc = look_behind(c, err);
	c->w->end = c->at;
	return (rc);
}

static int
scan_all(struct scan *c, struct pin_err *err)
{
	struct pin_wal *w = c->w;
	struct pin_file *f = NULL;
	int rc = PIN_OK;

	for (uint32_t i = 0; i < w->nsegs && rc == PIN_OK; i++) {
		int is_last = i + 1 == w->nsegs;

		c->s = &w->segs[i];
		c->bound = is_last ? 0 : w->segs[i + 1].prev_end;
		if (c->s->first != w->last + 1)
			return (pin_err_set(err, PIN_ECORRUPT,
			    "%s/%016" PRIx64 ".wal: begins with record %"
			    PRIu64 ", expected was %" PRIu64, w->dir,
			    c->s->number, c->s->first, w->last + 1));
		if (!is_last && w->segs[i + 1].first <= c->after + 1) {
			w->last = w->segs[i + 1].first - 1;
			continue;
		}
		if (is_last)
			c->v->file = w->file;
		else {
			rc = pin__seg_open(w, c->s, &f, err);
			c->v->file = f;
		}
		if (rc == PIN_OK)
			rc = scan_segment(c, err);
		pin_file_close(&f);
	}
	return (rc);
}

int
pin__scan_tail(struct pin_wal *w, uint64_t *from, uint64_t *to,
    struct pin_err *err)
{
	const struct seg *s = &w->segs[w->nsegs - 1];
	struct window *v = pin_xcalloc(1, sizeof(*v));
	uint64_t last = s->first - 1, synced = UINT64_MAX;
	const uint8_t *h;
	struct rec r;
	int rc = PIN_OK;

	v->file = w->file;
	*from = *to = SEG_DATA;
	while ((h = look(v, *to, REC_HEAD, &rc, err)) != NULL &&
	    pin__rec_decode(h, &r, s->salt) &&
	    *to + REC_SIZE(r.len) <= s->size &&
	    r.index == last + (r.type != REC_MARK)) {
		if (r.synced != synced)
			*from = *to;	/* a group begins */
		synced = r.synced;
		last = r.index;
		*to += REC_SIZE(r.len);
	}
	free(v);
	return (rc);
}

int
pin_wal_replay(struct pin_wal *w, uint64_t after, pin_wal_record_fn *fn,
    void *arg, struct pin_err *err)
{
	struct scan c = { .w = w, .after = after, .fn = fn, .arg = arg };
	int rc;

	PIN_VALID(w, WAL_MAGIC);
	PIN_ASSERT(!w->replayed);
	if (w->segs[0].first > after + 1)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%s: the log begins with record %" PRIu64 ", but record %"
		    PRIu64 " is needed", w->dir, w->segs[0].first, after + 1));
	w->last = w->segs[0].first - 1;
	c.v = pin_xmalloc(sizeof(*c.v));
	c.v->len = 0;
	c.v->base = 0;
	rc = scan_all(&c, err);
	free(c.v);
	if (rc == PIN_OK && w->last < after)
		rc = pin_err_set(err, PIN_ECORRUPT,
		    "%s: the log ends with record %" PRIu64 ", but record %"
		    PRIu64 " was durable", w->dir, w->last, after);
	w->replayed = rc == PIN_OK;
	return (rc);
}
