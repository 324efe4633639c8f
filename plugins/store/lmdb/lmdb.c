/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lmdb -- store plugin: values live once, in LMDB's map; the index and the
 * recent changes are in memory; the consensus' log makes writes durable and
 * LMDB follows in synced batches.
 * This file: the plugin, and the file's life. Threads: as pintle/store.h.
 * Contract: pintle/store.h. Never MDB_NOSYNC, never MDB_WRITEMAP. */
#include "plugins/store/lmdb/lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISTRUST	"/sync-failed"	/* in dir */

static pin_open_fn lmdb_open;

static const struct pin_option lmdb_options[] = {
	{ "dir", PIN_OPT_STRING, 0, "store",
	    "directory of the file, in the data directory", 0, 0 },
	{ "ring", PIN_OPT_SIZE, 0, "16Mi",
	    "bytes of recent changes kept in memory", 1 << 20, 1 << 30 },
	{ "quota", PIN_OPT_SIZE, 0, "8Gi",
	    "bytes in use above which only deletions are taken", 1 << 20,
	    INT64_MAX },
	{ "map", PIN_OPT_SIZE, 0, "64Gi",
	    "address space reserved for the file (1Gi on 32 bits)", 1 << 24,
	    INT64_MAX },
	{ NULL, 0, 0, NULL, NULL, 0, 0 },
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(STORE),
	.name = "lmdb", .version = "1.0",
	.summary = "keys and values in an LMDB file",
	.options = lmdb_options, .ops = &store_ops,
	.open = lmdb_open, .close = store_free,
};

int
lmdb_fail(const struct lmdb *l, int rc, const char *what, struct pin_err *err)
{
	int code = PIN_EIO;

	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_INVALID:
	case MDB_PAGE_NOTFOUND:
	case MDB_VERSION_MISMATCH:
		code = PIN_ECORRUPT;
		break;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		code = PIN_ENOSPACE;
		break;
	case ENOMEM:
		code = PIN_ENOMEM;
		break;
	case MDB_READERS_FULL:
		code = PIN_EBUSY;
		break;
	default:
		break;
	}
	return (pin_err_set(err, code, "%s: %s: %s", l->path, what,
	    mdb_strerror(rc)));
}

/* ---- the file ---------------------------------------------------- */

static int
join(char *buf, size_t size, const char *a, const char *b,
    struct pin_err *err)
{
	int n = snprintf(buf, size, "%s%s", a, b);

	if (n < 0 || (size_t)n >= size)
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long", a));
	return (PIN_OK);
}

/* The address space is only reserved; where there is less, take less. */
static int
env_open(MDB_env **out, const char *path, size_t map, unsigned int flags)
{
	MDB_env *env = NULL;
	int rc;

	for (;;) {
		rc = mdb_env_create(&env);
		if (rc != 0)
			return (rc);
		(void)mdb_env_set_maxdbs(env, 4);
		(void)mdb_env_set_maxreaders(env, LMDB_READERS_MAX);
		rc = mdb_env_set_mapsize(env, map);
		if (rc == 0)
			rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS |
			    flags, 0600);
		if (rc == 0) {
			*out = env;
			return (0);
		}
		mdb_env_close(env);
		if ((rc != ENOMEM && rc != EINVAL) || map <= LMDB_MAP_MIN)
			return (rc);
		map /= 2;
	}
}

static int
open_tables(struct lmdb *l, MDB_env *env, unsigned int flags)
{
	MDB_txn *txn;
	int rc;

	rc = mdb_txn_begin(env, NULL, flags != 0 ? 0 : MDB_RDONLY, &txn);
	if (rc != 0)
		return (rc);
	rc = mdb_dbi_open(txn, "ver", flags, &l->ver);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "val", flags, &l->val);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", flags, &l->meta);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return (rc);
	}
	return (mdb_txn_commit(txn));
}

/* LMDB's own first write is not safe against a power cut (a torn one is "not
 * an LMDB file" for ever), so the file is made whole under another name. */
static int
create_file(struct lmdb *l, struct pin_err *err)
{
	char path[4096], lock[4096];
	MDB_env *env = NULL;
	int rc, mrc;

	rc = join(path, sizeof(path), l->path, ".new", err);
	if (rc == PIN_OK)
		rc = join(lock, sizeof(lock), path, "-lock", err);
	if (rc != PIN_OK)
		return (rc);
	(void)pin_path_unlink(l->host, path, NULL);
	(void)pin_path_unlink(l->host, lock, NULL);
	mrc = env_open(&env, path, LMDB_MAP_MIN / 64, 0);
	if (mrc == 0)
		mrc = open_tables(l, env, MDB_CREATE);
	if (mrc == 0)
		mrc = mdb_env_sync(env, 1);
	if (env != NULL)
		mdb_env_close(env);
	(void)pin_path_unlink(l->host, lock, NULL);
	if (mrc != 0)
		return (lmdb_fail(l, mrc, "create", err));
	rc = pin_path_rename(l->host, path, l->path, err);
	if (rc == PIN_OK)
		rc = pin_path_sync(l->host, l->dir, err);
	return (rc);
}

static int
make_dir(struct lmdb *l, struct pin_err *err)
{
	const char *slash = strrchr(l->dir, '/');
	char *parent, path[4096];
	int rc;

	rc = pin_path_mkdir(l->host, l->dir, err);
	if (rc != PIN_OK)
		return (rc);
	parent = slash == NULL ? pin_xstrdup(".") :
	    pin_xstrndup(l->dir, (size_t)(slash - l->dir));
	rc = pin_path_sync(l->host, parent[0] != '\0' ? parent : "/", err);
	free(parent);
	if (rc == PIN_OK)
		rc = join(path, sizeof(path), l->dir, "/lock", err);
	if (rc == PIN_OK)
		rc = pin_file_open(l->host, path, PIN_FILE_READ |
		    PIN_FILE_WRITE | PIN_FILE_CREATE | PIN_FILE_PRIVATE,
		    &l->lock, err);
	if (rc == PIN_OK)
		rc = pin_file_lock(l->lock, err);
	return (rc);
}

static int
exists(const struct lmdb *l, const char *path)
{
	struct pin_file *f = NULL;
	int rc = pin_file_open(l->host, path, PIN_FILE_READ, &f, NULL);

	pin_file_close(&f);
	return (rc != PIN_ENOTFOUND);
}

/* Not synced: while the page cache lives that is of no matter, and after it
 * what the disk has is the truth. */
void
lmdb_distrust(const struct lmdb *l)
{
	struct pin_file *f = NULL;
	char path[4096];

	if (join(path, sizeof(path), l->dir, DISTRUST, NULL) == PIN_OK)
		(void)pin_file_open(l->host, path, PIN_FILE_WRITE |
		    PIN_FILE_CREATE | PIN_FILE_PRIVATE, &f, NULL);
	pin_file_close(&f);
}

/* All pages into a new file, synced, in the old one's place. */
static int
copy_over(struct lmdb *l, const char *path, struct pin_err *err)
{
	struct pin_file *f = NULL;
	int rc, mrc;

	(void)pin_path_unlink(l->host, path, NULL);
	mrc = mdb_env_copy(l->env, path);
	if (mrc != 0)
		return (lmdb_fail(l, mrc, "a sync failed earlier; copy", err));
	rc = pin_file_open(l->host, path, PIN_FILE_READ | PIN_FILE_WRITE, &f,
	    err);
	if (rc == PIN_OK)
		rc = pin_file_sync(f, err);
	pin_file_close(&f);
	mdb_env_close(l->env);
	l->env = NULL;
	if (rc == PIN_OK)
		rc = pin_path_rename(l->host, path, l->path, err);
	if (rc == PIN_OK)
		rc = pin_path_sync(l->host, l->dir, err);
	return (rc);
}

static int
remake(struct lmdb *l, size_t map, struct pin_err *err)
{
	char path[4096], sign[4096];
	int rc, mrc;

	rc = join(path, sizeof(path), l->path, ".new", err);
	if (rc == PIN_OK)
		rc = join(sign, sizeof(sign), l->dir, DISTRUST, err);
	if (rc != PIN_OK || !exists(l, sign))
		return (rc);
	rc = copy_over(l, path, err);
	if (rc == PIN_OK)
		rc = pin_path_unlink(l->host, sign, err);
	if (rc != PIN_OK)
		return (rc);
	mrc = env_open(&l->env, l->path, map, 0);
	if (mrc == 0)
		mrc = open_tables(l, l->env, 0);
	return (mrc == 0 ? PIN_OK : lmdb_fail(l, mrc, "open", err));
}

int
lmdb_engine_open(struct lmdb *l, size_t map, struct pin_err *err)
{
	MDB_txn *txn;
	int rc, mrc, dead;

	rc = make_dir(l, err);
	if (rc == PIN_OK && !exists(l, l->path))
		rc = create_file(l, err);
	if (rc != PIN_OK)
		return (rc);
	mrc = env_open(&l->env, l->path, map, 0);
	if (mrc == 0)
		mrc = mdb_reader_check(l->env, &dead);
	if (mrc == 0)
		mrc = open_tables(l, l->env, 0);
	if (mrc != 0)
		return (lmdb_fail(l, mrc, "open", err));
	rc = remake(l, map, err);
	if (rc != PIN_OK)
		return (rc);
	mrc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
	if (mrc != 0)
		return (lmdb_fail(l, mrc, "read", err));
	lmdb_measure(l, txn);
	mdb_txn_abort(txn);
	return (PIN_OK);
}

void
lmdb_engine_close(void *self)
{
	struct lmdb *l = self;

	PIN_VALID(l, LMDB_MAGIC);
	while (l->pooled != 0)
		mdb_txn_abort(l->pool[--l->pooled]);
	if (l->env != NULL)
		mdb_env_close(l->env);
	pin_file_close(&l->lock);
	pthread_mutex_destroy(&l->pool_lock);
	free(l->dir);
	free(l->path);
	l->magic = 0;
	free(l);
}

/* ---- the plugin -------------------------------------------------- */

static int
engine_open(struct store *s, struct pin_engine *e, struct pin_err *err)
{
	const char *data = pin_env_data(s->env);
	int64_t map = pin_conf_int(s->conf, "map");
	struct lmdb *l;
	char path[4096];
	int n, rc;

	n = snprintf(path, sizeof(path), "%s/%s", data != NULL ? data : ".",
	    pin_conf_string(s->conf, "dir"));
	if (n < 0 || (size_t)n + sizeof("/data.mdb.new-lock") > sizeof(path))
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    data));
	l = pin_xcalloc(1, sizeof(*l));
	l->magic = LMDB_MAGIC;
	l->host = s->host;
	l->dir = pin_xstrdup(path);
	memcpy(path + n, "/data.mdb", sizeof("/data.mdb"));
	l->path = pin_xstrdup(path);
	pthread_mutex_init(&l->pool_lock, NULL);
	if (sizeof(size_t) < 8 && map > (int64_t)LMDB_MAP_MIN)
		map = (int64_t)LMDB_MAP_MIN;
	s->quota = (uint64_t)pin_conf_int(s->conf, "quota");
	if (s->quota > (uint64_t)map / 8 * 7)
		s->quota = (uint64_t)map / 8 * 7;
	rc = lmdb_engine_open(l, (size_t)map, err);
	if (rc != PIN_OK) {
		lmdb_engine_close(l);
		return (rc);
	}
	e->ops = &lmdb_ops;
	e->self = l;
	return (PIN_OK);
}

static int
lmdb_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	static const struct store_engine engine = { engine_open, 1 };
	const char *dir = pin_conf_string(conf, "dir");

	if (dir[0] == '\0' || strchr(dir, '/') != NULL || dir[0] == '.')
		return (pin_err_set(err, PIN_ECONFIG,
		    "%s: dir \"%s\" is not a plain name",
		    pin_conf_where(conf, "dir"), dir));
	return (store_new(env, conf, &engine, self, err));
}
