/* SPDX-License-Identifier: BSD-2-Clause
 *
 * solo -- consensus plugin for one member: the order is the log's order, and
 * what fdatasync has returned for is committed.
 * Holds no state of the store's. A loop of its own, `log`, writes; whatever
 * was proposed while a sync ran goes into the next group.
 * Contract: pintle/consensus.h. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/consensus.h>

#include "core/wal/wal.h"

#define SOLO_MAGIC	0x736f6c6fu
#define GROUP_BYTES_MAX	(8u << 20)	/* unless it is one batch */
#define PROBE_MS	500		/* is there room again? */

enum { NO_SPACE = 1, NO_FILES = 2 };

struct proposal {
	struct pin_msg	 msg;
	struct solo	*solo;
	struct proposal	*next;
	struct pin_buf	*bytes;
	void		*cookie;
};

struct solo {
	uint32_t	 magic;
	uint32_t	 started;
	struct pin_env	*env;
	struct pin_host	*host;
	struct pin_loop	*log;
	char		*dir;
	uint64_t	 segment_bytes;
	struct pin_consensus_sink sink;
	atomic_uint	 inflight;
	atomic_int	 closed;	/* PIN_OK or what propose answers */
	atomic_int	 no_space;	/* or why */

	/* the log loop's */
	struct pin_wal	*wal;
	struct proposal	*head, **tail;
	struct pin_timer probe;
	int		 dead;

	atomic_uint_least64_t trim_to;
	atomic_int	 trim_posted;
	struct pin_msg	 trim_msg;
	pthread_mutex_t	 lock;		/* of info */
	struct pin_wal_info info;
};

static pin_open_fn		solo_open;
static pin_close_fn		solo_close;
static pin_consensus_start_fn	solo_start;
static pin_consensus_stop_fn	solo_stop;
static pin_consensus_propose_fn	solo_propose;
static pin_consensus_trim_fn	solo_trim;
static pin_consensus_status_fn	solo_status;

static const struct pin_option solo_options[] = {
	{ "dir", PIN_OPT_STRING, 0, "log",
	    "directory of the log, in the data directory", 0, 0 },
	{ "segment", PIN_OPT_SIZE, 0, "8Mi",
	    "bytes of one log file", 64 << 10, 1 << 30 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 },
};

static const struct pin_consensus_ops solo_ops = {
	.size = sizeof(solo_ops),
	.start = solo_start, .stop = solo_stop, .propose = solo_propose,
	.trim = solo_trim, .status = solo_status,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONSENSUS),
	.name = "solo", .version = "1.0",
	.summary = "one member, its log on local disk",
	.options = solo_options, .ops = &solo_ops,
	.open = solo_open, .close = solo_close,
};

static int
solo_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	const char *data = pin_env_data(env), *dir;
	struct solo *s;
	size_t n;

	if (data == NULL)
		data = ".";		/* a check of the configuration */
	dir = pin_conf_string(conf, "dir");
	if (dir[0] == '\0' || strchr(dir, '/') != NULL || dir[0] == '.')
		return (pin_err_set(err, PIN_ECONFIG,
		    "%s: dir \"%s\" is not a plain name",
		    pin_conf_where(conf, "dir"), dir));
	s = pin_xcalloc(1, sizeof(*s));
	s->magic = SOLO_MAGIC;
	s->env = env;
	s->host = pin_env_host(env);
	n = strlen(data) + strlen(dir) + 2;
	s->dir = pin_xmalloc(n);
	(void)snprintf(s->dir, n, "%s/%s", data, dir);
	s->segment_bytes = (uint64_t)pin_conf_int(conf, "segment");
	s->tail = &s->head;
	pthread_mutex_init(&s->lock, NULL);
	atomic_store(&s->closed, PIN_ECLOSED);
	*self = s;
	return (PIN_OK);
}

static void
solo_close(void *self)
{
	struct solo *s = self;

	PIN_VALID(s, SOLO_MAGIC);
	PIN_ASSERT(!s->started);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	s->magic = 0;
	free(s);
}

static void
solo_publish(struct solo *s)
{
	struct pin_wal_info info;

	pin_wal_info(s->wal, &info);
	pthread_mutex_lock(&s->lock);
	s->info = info;
	pthread_mutex_unlock(&s->lock);
}

/* ---- the log loop ------------------------------------------------ */

static void
proposal_end(struct solo *s, struct proposal *p)
{
	pin_buf_put(&p->bytes);
	free(p);
	atomic_fetch_sub(&s->inflight, 1);
}

/* Takes a group off the queue; all of them have PIN_GROUP bytes at most. */
static uint32_t
take_group(struct solo *s, struct proposal **ps)
{
	size_t bytes = 0;
	uint32_t n = 0;

	while (s->head != NULL && n < PIN_WAL_GROUP_MAX &&
	    (n == 0 || bytes + s->head->bytes->len <= GROUP_BYTES_MAX)) {
		ps[n] = s->head;
		bytes += ps[n++]->bytes->len;
		s->head = s->head->next;
		if (s->head == NULL)
			s->tail = &s->head;
	}
	return (n);
}

static void
drop_group(struct solo *s, struct proposal **ps, uint32_t n, int rc,
    const struct pin_err *err)
{
	for (uint32_t i = 0; i < n; i++) {
		s->sink.dropped(s->sink.arg, ps[i]->cookie, rc, err);
		proposal_end(s, ps[i]);
	}
}

static void
group_failed(struct solo *s, struct proposal **ps, uint32_t n, int rc,
    struct pin_err *err)
{
	err->code = rc;
	drop_group(s, ps, n, rc, err);
	if (rc == PIN_ENOSPACE || rc == PIN_ENOMEM) {
		if (!atomic_exchange(&s->no_space, err->os_errno == EMFILE ||
		    err->os_errno == ENFILE ? NO_FILES : NO_SPACE))
			pin_env_log(s->env, PIN_LOG_ERROR,
			    "writes are refused: %s", err->text);
		pin_timer_start(&s->probe, PROBE_MS);
		return;
	}
	s->dead = 1;
	atomic_store(&s->closed, PIN_EIO);
	pin_env_log(s->env, PIN_LOG_ERROR, "the log failed: %s", err->text);
	s->sink.fatal(s->sink.arg, err);
}

static void
write_group(struct solo *s, struct proposal **ps, uint32_t n)
{
	struct pin_wal_record recs[PIN_WAL_GROUP_MAX];
	struct pin_entry ents[PIN_WAL_GROUP_MAX];
	struct pin_err err = PIN_ERR_INIT;
	struct pin_wal_info info;
	int rc;

	pin_wal_info(s->wal, &info);
	for (uint32_t i = 0; i < n; i++) {
		recs[i].index = info.last + 1 + i;
		recs[i].term = 1;
		recs[i].bytes = ps[i]->bytes;
	}
	rc = pin_wal_write(s->wal, recs, n, &err);
	solo_publish(s);
	if (rc != PIN_OK) {
		group_failed(s, ps, n, rc, &err);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		ents[i].index = recs[i].index;
		ents[i].term = recs[i].term;
		ents[i].cookie = ps[i]->cookie;
		ents[i].bytes = ps[i]->bytes;	/* the reference goes over */
		ps[i]->bytes = NULL;
		proposal_end(s, ps[i]);
	}
	s->sink.committed(s->sink.arg, ents, n);
}

/* The queue is drained, the loop would sleep: what came is one group. */
static void
solo_hook(void *arg)
{
	struct proposal *ps[PIN_WAL_GROUP_MAX];
	struct pin_err err = PIN_ERR_INIT;
	struct solo *s = arg;
	uint32_t n;

	while ((n = take_group(s, ps)) != 0) {
		if (s->dead) {
			(void)pin_err_set(&err, PIN_EIO, "the log failed");
			drop_group(s, ps, n, PIN_EIO, &err);
		} else
			write_group(s, ps, n);
	}
}

static void
proposal_arrived(struct pin_msg *m)
{
	struct proposal *p = (struct proposal *)(void *)m;
	struct solo *s = p->solo;

	p->next = NULL;
	*s->tail = p;
	s->tail = &p->next;
}

static void
solo_probe(struct pin_timer *t)
{
	struct solo *s = (struct solo *)(void *)((char *)t -
	    offsetof(struct solo, probe));

	if (s->dead || !atomic_load(&s->no_space))
		return;
	if (pin_wal_probe(s->wal, NULL) != PIN_OK) {
		pin_timer_start(&s->probe, PROBE_MS);
		return;
	}
	solo_publish(s);
	atomic_store(&s->no_space, 0);
	pin_env_log(s->env, PIN_LOG_WARN, "there is room again for the log");
}

static void
trim_arrived(struct pin_msg *m)
{
	struct solo *s = (struct solo *)(void *)((char *)m -
	    offsetof(struct solo, trim_msg));
	struct pin_err err = PIN_ERR_INIT;

	atomic_store(&s->trim_posted, 0);
	if (s->dead)
		return;
	if (pin_wal_trim(s->wal, atomic_load(&s->trim_to), &err) != PIN_OK) {
		s->dead = 1;
		atomic_store(&s->closed, PIN_EIO);
		s->sink.fatal(s->sink.arg, &err);
		return;
	}
	solo_publish(s);
}

/* ---- from outside ------------------------------------------------ */

static int
replayed(void *arg, struct pin_wal_record *r, struct pin_err *err)
{
	struct pin_entry e = { r->index, r->term, r->bytes, NULL };
	struct solo *s = arg;

	(void)err;
	s->sink.committed(s->sink.arg, &e, 1);
	return (PIN_OK);
}

static int
solo_start(void *self, uint64_t applied, const struct pin_consensus_sink *sink,
    struct pin_err *err)
{
	struct solo *s = self;
	struct pin_wal_conf conf = { .segment_bytes = s->segment_bytes };
	int rc;

	PIN_VALID(s, SOLO_MAGIC);
	PIN_ASSERT(!s->started);
	s->sink = *sink;
	rc = pin_wal_open(s->host, s->dir, &conf, &s->wal, err);
	if (rc == PIN_OK)
		solo_publish(s);	/* the cluster id, for the sink */
	if (rc == PIN_OK)
		rc = pin_wal_replay(s->wal, applied, replayed, s, err);
	if (rc == PIN_OK)
		rc = pin_loop_open(s->host, "log", &s->log, err);
	if (rc != PIN_OK)
		goto out;
	pin_loop_hook(s->log, solo_hook, s);
	pin_timer_init(&s->probe, s->log, solo_probe);
	s->trim_msg.fn = trim_arrived;
	rc = pin_loop_start(s->log, err);
	if (rc != PIN_OK)
		goto out;
	solo_publish(s);
	s->started = 1;
	atomic_store(&s->closed, PIN_OK);
out:
	if (rc != PIN_OK) {
		pin_loop_close(&s->log);
		pin_wal_close(&s->wal);
	}
	return (rc);
}

static void
solo_stop(void *self)
{
	struct solo *s = self;

	PIN_VALID(s, SOLO_MAGIC);
	if (!s->started)
		return;
	atomic_store(&s->closed, PIN_ECLOSED);
	pin_loop_close(&s->log);	/* writes what is queued */
	PIN_ASSERT(s->head == NULL);
	pin_wal_close(&s->wal);
	s->started = 0;
}

static int
solo_propose(void *self, struct pin_buf **bytes, void *cookie,
    struct pin_err *err)
{
	struct solo *s = self;
	struct proposal *p;
	int rc = atomic_load(&s->closed), no;

	PIN_VALID(s, SOLO_MAGIC);
	if (rc != PIN_OK)
		return (pin_err_set(err, rc, rc == PIN_ECLOSED ?
		    "the consensus is stopped" : "the log failed"));
	if ((*bytes)->len > PIN_BATCH_MAX)
		return (pin_err_set(err, PIN_ETOOBIG,
		    "batch of %zu bytes, at most %u", (*bytes)->len,
		    PIN_BATCH_MAX));
	no = atomic_load(&s->no_space);
	if (no != 0)
		return (pin_err_set(err, PIN_ENOSPACE,
		    "%s: no %s left for the log", s->dir, no == NO_FILES ?
		    "descriptor" : "space"));
	if (atomic_fetch_add(&s->inflight, 1) >= PIN_INFLIGHT_MAX) {
		atomic_fetch_sub(&s->inflight, 1);
		return (pin_err_set(err, PIN_EBUSY,
		    "%d batches are being written", PIN_INFLIGHT_MAX));
	}
	p = pin_xcalloc(1, sizeof(*p));
	p->msg.fn = proposal_arrived;
	p->solo = s;
	p->bytes = *bytes;
	p->cookie = cookie;
	*bytes = NULL;
	pin_loop_post(s->log, &p->msg);
	return (PIN_OK);
}

static void
solo_trim(void *self, uint64_t index)
{
	struct solo *s = self;
	uint64_t now = atomic_load(&s->trim_to);

	PIN_VALID(s, SOLO_MAGIC);
	while (now < index &&
	    !atomic_compare_exchange_weak(&s->trim_to, &now, index))
		;
	if (now < index && atomic_load(&s->closed) == PIN_OK &&
	    atomic_exchange(&s->trim_posted, 1) == 0)
		pin_loop_post(s->log, &s->trim_msg);
}

static void
solo_status(void *self, struct pin_consensus_status *st)
{
	struct solo *s = self;
	struct pin_wal_info i;

	PIN_VALID(s, SOLO_MAGIC);
	pthread_mutex_lock(&s->lock);
	i = s->info;
	pthread_mutex_unlock(&s->lock);
	st->is_leader = atomic_load(&s->closed) == PIN_OK;
	st->term = i.term;
	st->committed = i.last;
	st->first = i.first;
	st->last = i.last;
	st->log_bytes = i.bytes;
	st->syncs = i.syncs;
	st->cluster_id = i.cluster_id;
}
