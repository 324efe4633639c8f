/* SPDX-License-Identifier: BSD-2-Clause
 *
 * consensus.c -- the contract of the kind `consensus`, against every plugin
 * of it that can run alone.
 * Contract: pintle/consensus.h. */
#include <inttypes.h>
#include <stdio.h>

#include "core/host/real.h"
#include "storeenv.h"
#include "tap.h"

#define SEEN_MAX	20000

static const char *const plugins[] = { "solo" };
static const char *now;
static char dir[4096];
static int dirs;
static struct se se;

static struct {
	pthread_mutex_t	 lock;
	uint64_t	 last;		/* index */
	uint64_t	 term;
	int		 n, bad, replayed, dropped, fatal, drop_rc;
	uint64_t	 sum;		/* of the payloads */
	void		*cookies[SEEN_MAX];
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
on_committed(void *arg, struct pin_entry *e, uint32_t n)
{
	(void)arg;
	pthread_mutex_lock(&seen.lock);
	for (uint32_t i = 0; i < n; i++) {
		seen.bad += e[i].index != seen.last + 1 ||
		    e[i].term < seen.term;
		seen.last = e[i].index;
		seen.term = e[i].term;
		seen.sum = seen.sum * 31 + e[i].bytes->data[0] +
		    e[i].bytes->len;
		if (e[i].cookie == NULL)
			seen.replayed++;
		if (seen.n < SEEN_MAX)
			seen.cookies[seen.n++] = e[i].cookie;
		pin_buf_put(&e[i].bytes);
	}
	pthread_mutex_unlock(&seen.lock);
}

static void
on_dropped(void *arg, void *cookie, int rc, const struct pin_err *err)
{
	(void)arg;
	(void)cookie;
	(void)err;
	pthread_mutex_lock(&seen.lock);
	seen.dropped++;
	seen.drop_rc = rc;
	pthread_mutex_unlock(&seen.lock);
}

static void
on_fatal(void *arg, const struct pin_err *err)
{
	(void)arg;
	(void)err;
	seen.fatal++;
}

static void
forget(uint64_t applied)
{
	seen.last = applied;
	seen.n = seen.bad = seen.replayed = seen.dropped = 0;
	seen.term = seen.sum = 0;
}

static int
start(uint64_t applied, struct pin_err *err)
{
	struct pin_consensus_sink sink = { .size = sizeof(sink),
	    .committed = on_committed, .dropped = on_dropped,
	    .fatal = on_fatal };

	forget(applied);
	return (se.cops->start(se.cons.self, applied, &sink, err));
}

static void
open_again(void)
{
	struct pin_err err = PIN_ERR_INIT;

	if (se_open(&se, pin_host_real(), NULL, now, dir,
	    "consensus.segment=64Ki", &err) != PIN_OK)
		BAIL("%s: %s", now, err.text);
}

static void
close_it(void)
{
	se.cops->stop(se.cons.self);
	se_close(&se);
}

static int
propose(uint8_t byte, size_t len, void *cookie)
{
	struct pin_buf *b = pin_buf_new(len);
	int rc;

	memset(b->data, byte, len);
	rc = se.cops->propose(se.cons.self, &b, cookie, NULL);
	if (rc != PIN_OK && b == NULL)
		seen.bad++;		/* it must stay ours */
	pin_buf_put(&b);
	return (rc);
}

static int
have(int n)
{
	int ok;

	pthread_mutex_lock(&seen.lock);
	ok = seen.n >= n;
	pthread_mutex_unlock(&seen.lock);
	return (ok);
}

static int
wait_for(int n)
{
	WAIT(have(n), 10000);
	return (have(n));
}

static void
status(struct pin_consensus_status *st)
{
	memset(st, 0, sizeof(*st));
	st->size = sizeof(*st);
	se.cops->status(se.cons.self, st);
}

static void
test_order(void)
{
	struct pin_consensus_status st;
	int cookies[300], rc, ordered = 1;
	uint64_t sum;

	open_again();
	CASE("%s: a new one starts empty and leads", now) {
		CHECK_INT(start(0, NULL), PIN_OK);
		status(&st);
		CHECK_UINT(st.last, 0);
		CHECK_UINT(st.is_leader, 1);
		CHECK(st.cluster_id != 0);
	}
	for (int i = 0; i < 300; i++) {
		do
			rc = propose((uint8_t)(i + 1), 10 + (size_t)i % 50,
			    &cookies[i]);
		while (rc == PIN_EBUSY && (tap_nap(), 1));
		if (rc != PIN_OK)
			ordered = 0;
	}
	CASE("%s: what is proposed is committed, in order, once", now) {
		CHECK(wait_for(300));
		for (int i = 0; i < 300; i++)
			ordered &= seen.cookies[i] == &cookies[i];
		CHECK(ordered);
		CHECK_INT(seen.bad, 0);
		CHECK_UINT(seen.last, 300);
		CHECK_INT(seen.n, 300);
	}
	CASE("%s: many proposals share a sync", now) {
		status(&st);
		CHECK_UINT(st.committed, 300);
		CHECK_UINT(st.last, 300);
		CHECK(st.syncs < 300);
	}
	sum = seen.sum;
	close_it();
	open_again();
	CASE("%s: a restart hands over everything again", now) {
		CHECK_INT(start(0, NULL), PIN_OK);
		CHECK_INT(seen.n, 300);
		CHECK_INT(seen.replayed, 300);
		CHECK_INT(seen.bad, 0);
		CHECK(seen.sum == sum);
	}
	CASE("%s: and goes on behind it", now) {
		CHECK_INT(propose(1, 1, &cookies[0]), PIN_OK);
		CHECK(wait_for(301));
		CHECK_UINT(seen.last, 301);
	}
	close_it();
	open_again();
	CASE("%s: a restart hands over what is after `applied` only", now) {
		CHECK_INT(start(290, NULL), PIN_OK);
		CHECK_INT(seen.n, 11);
		CHECK_UINT(seen.last, 301);
		CHECK_INT(seen.bad, 0);
	}
	close_it();
}

static void
test_trim(void)
{
	struct pin_consensus_status st;
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	open_again();
	CHECK_INT(start(301, NULL), PIN_OK);
	for (int i = 0; i < 60; i++)
		while ((rc = propose(7, 5000, &dir)) == PIN_EBUSY)
			tap_nap();
	CASE("%s: the log forgets what the store has", now) {
		CHECK(wait_for(60));
		se.cops->trim(se.cons.self, 355);
		WAIT((status(&st), st.first > 301), 5000);
		CHECK(st.first <= 356);
		CHECK_UINT(st.last, 361);
	}
	close_it();
	open_again();
	CASE("%s: what was forgotten cannot be asked for", now) {
		CHECK_INT(start(10, &err), PIN_ECORRUPT);
		CHECK(err.text[0] != '\0');
	}
	CASE("%s: an index ahead of the log is refused", now)
		CHECK_INT(start(362, &err), PIN_ECORRUPT);
	CASE("%s: what is there is handed over", now) {
		CHECK_INT(start(355, NULL), PIN_OK);
		CHECK_INT(seen.n, 6);
		CHECK_INT(seen.bad, 0);
	}
	close_it();
}

static void
test_bounds(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct se other, mine;
	int busy = 0, sent = 0, rc;

	open_again();
	CHECK_INT(start(361, NULL), PIN_OK);
	CASE("%s: only so many are under way", now) {
		for (int i = 0; i < 200000 && busy == 0; i++) {
			rc = propose(9, 4096, &busy);
			sent += rc == PIN_OK;
			busy += rc == PIN_EBUSY;
		}
		CHECK_INT(busy, 1);
		CHECK(wait_for(sent));
	}
	CASE("%s: a batch above the limit is refused", now)
		CHECK_INT(propose(9, PIN_BATCH_MAX + 1, NULL), PIN_ETOOBIG);
	CASE("%s: the largest batch is taken, and read again", now) {
		CHECK_INT(propose(9, PIN_BATCH_MAX, &busy), PIN_OK);
		CHECK(wait_for(sent + 1));
	}
	CASE("%s: a second process is refused", now) {
		mine = se;
		CHECK_INT(se_open(&other, pin_host_real(), NULL, now, dir,
		    NULL, &err), PIN_OK);
		struct pin_consensus_sink sink = { .size = sizeof(sink),
		    .committed = on_committed };
		CHECK_INT(other.cops->start(other.cons.self, 0, &sink, &err),
		    PIN_ELOCKED);
		se_close(&other);
		se = mine;
	}
	CASE("%s: stopped, it takes nothing", now) {
		se.cops->stop(se.cons.self);
		CHECK_INT(propose(1, 1, NULL), PIN_ECLOSED);
	}
	se_close(&se);
	open_again();
	CASE("%s: the largest batch is there after a restart", now) {
		CHECK_INT(start(361, NULL), PIN_OK);
		CHECK_INT(seen.n, sent + 1);
		CHECK_INT(seen.bad, 0);
		CHECK_INT(seen.fatal, 0);
	}
	close_it();
}

int
main(void)
{
	tap_deadline(120);
	for (size_t i = 0; i < PIN_LEN(plugins); i++) {
		now = plugins[i];
		snprintf(dir, sizeof(dir), "%s/%d", tap_tmp(), dirs++);
		if (pin_path_mkdir(pin_host_real(), dir, NULL) != PIN_OK)
			BAIL("mkdir %s", dir);
		test_order();
		test_trim();
		test_bounds();
	}
	return (tap_done());
}
