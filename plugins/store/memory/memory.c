/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory -- store plugin: everything on the heap. With a consensus it lasts:
 * the log is replayed at start, behind a snapshot that lets the log forget;
 * without one nothing lasts. For tests, for clusters that are thrown away.
 * Threads: as pintle/store.h. Contract: pintle/store.h. */
#include "plugins/store/memory/memory.h"

#include <stdlib.h>
#include <string.h>

static pin_open_fn memory_open;

static const struct pin_option memory_options[] = {
	{ "ring", PIN_OPT_SIZE, 0, "16Mi",
	    "bytes of recent changes kept for watches", 1 << 20, 1 << 30 },
	{ "snapshot", PIN_OPT_SIZE, 0, "16Mi",
	    "bytes of changes, at least, from one snapshot to the next",
	    4 << 10, 1 << 30 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 },
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(STORE),
	.name = "memory", .version = "1.0",
	.summary = "keys and values on the heap",
	.options = memory_options, .ops = &store_ops,
	.open = memory_open, .close = store_free,
};

static struct slot *
find(struct memory *m, uint64_t pos)
{
	size_t lo = 0, hi = m->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (m->slots[mid].pos < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (&m->slots[lo]);		/* may be one past the end */
}

static int
memory_meta(void *self, struct pin_mvcc_meta *meta, struct pin_err *err)
{
	struct memory *m = self;

	(void)err;
	PIN_VALID(m, MEMORY_MAGIC);
	if (m->meta.applied == 0)
		return (PIN_ENOTFOUND);
	*meta = m->meta;
	return (PIN_OK);
}

static int
memory_load(void *self, pin_engine_row_fn *fn, void *arg, struct pin_err *err)
{
	struct memory *m = self;
	struct pin_mvcc_row row;

	(void)err;
	PIN_VALID(m, MEMORY_MAGIC);
	for (size_t i = 0; i < m->n; i++) {
		if (m->slots[i].row == NULL)
			continue;
		row = *m->slots[i].row;
		row.value = NULL;
		if (fn(arg, &row) != 0)
			break;
	}
	return (PIN_OK);
}

static int
memory_get(void *self, const uint64_t *pos, uint32_t n, struct pin_buf **out,
    struct pin_err *err)
{
	struct memory *m = self;
	struct slot *sl;
	int rc = PIN_OK;

	PIN_VALID(m, MEMORY_MAGIC);
	pthread_rwlock_rdlock(&m->lock);
	for (uint32_t i = 0; i < n; i++) {
		if (out[i] != NULL)
			continue;
		sl = find(m, pos[i]);
		if (sl == m->slots + m->n || sl->pos != pos[i] ||
		    sl->row == NULL || sl->row->value == NULL)
			rc = PIN_ENOTFOUND;
		else
			out[i] = pin_buf_get(sl->row->value);
	}
	pthread_rwlock_unlock(&m->lock);
	return (rc == PIN_OK ? rc : pin_err_set(err, rc, "no such version"));
}

static int
memory_scan(void *self, uint64_t from, uint64_t to, struct pin_str prefix,
    pin_engine_row_fn *fn, void *arg, struct pin_err *err)
{
	struct memory *m = self;
	struct slot *sl;

	(void)err;
	PIN_VALID(m, MEMORY_MAGIC);
	pthread_rwlock_rdlock(&m->lock);
	for (sl = find(m, from); sl < m->slots + m->n && sl->pos < to; sl++)
		if (sl->row != NULL && pin_mvcc_begins(sl->row->key,
		    prefix) && fn(arg, sl->row) != 0)
			break;
	pthread_rwlock_unlock(&m->lock);
	return (PIN_OK);
}

void
memory_row_add(struct memory *m, const struct pin_mvcc_row *from)
{
	struct pin_mvcc_row *row;

	PIN_ASSERT(m->n == 0 || m->slots[m->n - 1].pos < from->pos);
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 1024 : m->cap + m->cap / 2;
		m->slots = pin_xrealloc(m->slots, m->cap * sizeof(*m->slots));
	}
	row = pin_xmalloc(sizeof(*row) + from->key.len);
	*row = *from;
	memcpy(row + 1, from->key.p, from->key.len);
	row->key.p = (const char *)(row + 1);
	if (row->value != NULL)
		pin_buf_get(row->value);
	m->slots[m->n].pos = row->pos;
	m->slots[m->n++].row = row;
	m->bytes += sizeof(*row) + row->key.len + row->len;
	m->since += sizeof(*row) + row->key.len + row->len;
}

static void
row_remove(struct memory *m, struct slot *sl)
{
	struct pin_mvcc_row *row = sl->row;

	m->bytes -= sizeof(*row) + row->key.len + row->len;
	pin_buf_put(&row->value);
	free(row);
	sl->row = NULL;
	m->holes++;
}

static void
close_holes(struct memory *m)
{
	size_t k = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->slots[i].row != NULL)
			m->slots[k++] = m->slots[i];
	m->n = k;
	m->holes = 0;
}

static int
memory_write(void *self, const struct pin_engine_batch *b,
    struct pin_err *err)
{
	struct memory *m = self;
	struct slot *sl;

	PIN_VALID(m, MEMORY_MAGIC);
	pthread_rwlock_wrlock(&m->lock);
	for (uint32_t i = 0; i < b->nrows; i++)
		memory_row_add(m, &b->rows[i]);
	for (uint32_t i = 0; i < b->ndels; i++) {
		sl = find(m, b->dels[i]);
		if (sl < m->slots + m->n && sl->pos == b->dels[i] &&
		    sl->row != NULL)
			row_remove(m, sl);
	}
	if (m->holes > m->n / 2)
		close_holes(m);
	m->meta = *b->meta;
	pthread_rwlock_unlock(&m->lock);
	/* Only this thread changes rows: others may read meanwhile. */
	return (pin__snap_look(m, err));
}

/* What the snapshot has; the log has the rest. */
static uint64_t
memory_stable(void *self)
{
	struct memory *m = self;

	PIN_VALID(m, MEMORY_MAGIC);
	return (m->stable);
}

static uint64_t
memory_bytes(void *self)
{
	struct memory *m = self;
	uint64_t n;

	PIN_VALID(m, MEMORY_MAGIC);
	pthread_rwlock_rdlock(&m->lock);
	n = m->bytes;
	pthread_rwlock_unlock(&m->lock);
	return (n);
}

static void
memory_close(void *self)
{
	struct memory *m = self;

	PIN_VALID(m, MEMORY_MAGIC);
	for (size_t i = 0; i < m->n; i++)
		if (m->slots[i].row != NULL)
			row_remove(m, &m->slots[i]);
	free(m->slots);
	pthread_rwlock_destroy(&m->lock);
	m->magic = 0;
	free(m);
}

static const struct pin_engine_ops memory_ops = {
	.meta = memory_meta, .load = memory_load, .get = memory_get,
	.scan = memory_scan, .write = memory_write, .stable = memory_stable,
	.bytes = memory_bytes, .close = memory_close,
};

static int
engine_open(struct store *s, struct pin_engine *e, struct pin_err *err)
{
	struct memory *m = pin_xcalloc(1, sizeof(*m));
	int rc = PIN_OK;

	m->magic = MEMORY_MAGIC;
	pthread_rwlock_init(&m->lock, NULL);
	m->env = s->env;
	if (s->cons != NULL)
		m->dir = pin_env_data(s->env);
	m->snap_bytes = (uint64_t)pin_conf_int(s->conf, "snapshot");
	if (m->dir != NULL)
		rc = pin__snap_load(m, err);
	m->since = 0;
	if (rc != PIN_OK) {
		memory_close(m);
		return (rc);
	}
	e->ops = &memory_ops;
	e->self = m;
	return (PIN_OK);
}

static int
memory_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	static const struct store_engine engine = { engine_open, 0 };

	return (store_new(env, conf, &engine, self, err));
}
