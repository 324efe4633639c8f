/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storeenv.c -- see storeenv.h. Plugins are opened from the build folder by
 * their one symbol, without the loader, so that a store can be opened a
 * thousand times a minute.
 * Threads and contract: storeenv.h. */
#include "storeenv.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_int.h"
#include "core/loader/loader_int.h"
#include "tap.h"

static void
set_options(struct pin_conf *conf, const char *kind, const char *opts)
{
	struct pin_report rep = { 0 };
	size_t n = strlen(kind);
	char word[256], *eq;

	while (opts != NULL && *opts != '\0') {
		size_t len = strcspn(opts, " ");

		if (len >= sizeof(word))
			BAIL("option too long: %s", opts);
		memcpy(word, opts, len);
		word[len] = '\0';
		opts += len + (opts[len] == ' ');
		if (strncmp(word, kind, n) != 0 || word[n] != '.')
			continue;
		eq = strchr(word, '=');
		if (eq == NULL)
			BAIL("option without =: %s", word);
		*eq = '\0';
		const struct pin_option *o = pin__option_find(conf->options,
		    word + n + 1);
		if (o == NULL)		/* of another plugin of the kind */
			continue;
		struct pin__value *v = &conf->value[o - conf->options];
		if (pin__value_parse(v, o, eq + 1, NULL, "test", &rep) != 0)
			BAIL("option %s=%s", word, eq + 1);
		v->given = 1;
	}
	if (pin__conf_finish(conf, NULL, &rep) != PIN_OK)
		BAIL("options of %s", kind);
	pin_report_fini(&rep);
}

static void
plugin_load(struct se *se, struct se_plugin *p, const char *kind,
    const char *name, const char *opts)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/plugins/%s/%s.so", tap_build(),
	    kind, name);
	p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (p->handle == NULL)
		BAIL("%s", dlerror());
	p->plugin = dlsym(p->handle, "pin_plugin");
	if (p->plugin == NULL)
		BAIL("%s: no pin_plugin", path);
	p->env = pin__env_new(se->host, kind, name, se->data, NULL);
	p->conf = pin__conf_new(p->plugin->options, "test");
	set_options(p->conf, kind, opts);
}

static void
plugin_unload(struct se_plugin *p)
{
	if (p->self != NULL)
		p->plugin->close(p->self);
	if (p->conf != NULL)
		pin_conf_free(&p->conf);
	if (p->env != NULL)
		pin__env_free(&p->env);
	if (p->handle != NULL)
		dlclose(p->handle);
	memset(p, 0, sizeof(*p));
}

int
se_open(struct se *se, struct pin_host *host, const char *store,
    const char *cons, const char *data, const char *opts,
    struct pin_err *err)
{
	int rc = PIN_OK;

	memset(se, 0, sizeof(*se));
	se->host = host;
	se->data = data;
	if (cons != NULL) {
		plugin_load(se, &se->cons, "consensus", cons, opts);
		rc = se->cons.plugin->open(se->cons.env, se->cons.conf,
		    &se->cons.self, err);
		se->cops = se->cons.plugin->ops;
	}
	if (rc == PIN_OK && store != NULL) {
		plugin_load(se, &se->store, "store", store, opts);
		if (cons != NULL) {
			se->store.env->own.ops = se->cops;
			se->store.env->own.self = se->cons.self;
			se->store.env->consensus = &se->store.env->own;
		}
		rc = se->store.plugin->open(se->store.env, se->store.conf,
		    &se->store.self, err);
		se->ops = se->store.plugin->ops;
	}
	if (rc != PIN_OK)
		se_close(se);
	return (rc);
}

static void
se_committed(void *arg, const struct pin_event *ev, uint32_t n, uint64_t rev)
{
	struct se *se = arg;

	if (se->committed != NULL)
		se->committed(se->committed_arg, ev, n, rev);
}

static void
se_fatal(void *arg, const struct pin_err *err)
{
	struct se *se = arg;

	se->fatal_err = *err;
	atomic_fetch_add(&se->fatal, 1);
}

int
se_start(struct se *se, struct pin_err *err)
{
	struct pin_store_sink sink = { .size = sizeof(sink),
	    .committed = se_committed, .fatal = se_fatal, .arg = se };
	int rc = se->ops->start(se->store.self, &sink, err);

	se->started = rc == PIN_OK;
	return (rc);
}

void
se_stop(struct se *se)
{
	if (se->started)
		se->ops->stop(se->store.self);
	se->started = 0;
}

void
se_close(struct se *se)
{
	se_stop(se);
	plugin_unload(&se->store);
	plugin_unload(&se->cons);
}

/* ---- transactions ------------------------------------------------ */

struct waiter {
	pthread_mutex_t	 lock;
	pthread_cond_t	 cond;
	int		 done;
	struct pin_txn_result result;
};

static void
on_done(void *arg, const struct pin_txn_result *r)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->result = *r;
	w->result.err = NULL;
	w->done = 1;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void
wait_done(struct waiter *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void
se_cmp(struct se_txn *t, const char *key, uint64_t mod_rev)
{
	struct pin_cmp *c = &t->cmps[t->ncmps++];

	memset(c, 0, sizeof(*c));
	c->type = PIN_CMP_MOD;
	c->revision = mod_rev;
	c->key = pin_str(key);
}

void
se_put_op(struct se_txn *t, const char *key, const char *value)
{
	struct pin_op *o = &t->ops[t->nops++];

	memset(o, 0, sizeof(*o));
	o->type = PIN_PUT;
	o->key = pin_str(key);
	o->value = pin_buf_copy(value, strlen(value));
}

void
se_del_op(struct se_txn *t, const char *key)
{
	struct pin_op *o = &t->ops[t->nops++];

	memset(o, 0, sizeof(*o));
	o->type = PIN_DELETE;
	o->key = pin_str(key);
}

int
se_run(struct se *se, struct se_txn *t, struct pin_txn_result *res)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER };
	struct pin_txn txn = { .size = sizeof(txn), .ncmps = t->ncmps,
	    .nops = t->nops, .cmps = t->cmps, .ops = t->ops };
	int rc;

	rc = se->ops->txn(se->store.self, &txn, on_done, &w, NULL);
	if (rc == PIN_OK) {
		wait_done(&w);
		rc = w.result.rc;
	}
	for (uint32_t i = 0; i < t->nops; i++)
		pin_buf_put(&t->ops[i].value);
	if (res != NULL)
		*res = w.result;
	return (rc);
}

static int64_t
run_for_rev(struct se *se, struct se_txn *t)
{
	struct pin_txn_result res;
	int rc = se_run(se, t, &res);

	return (rc == PIN_OK ? (int64_t)res.revision : rc);
}

int64_t
se_put(struct se *se, const char *key, const char *value)
{
	struct se_txn t;

	t.ncmps = t.nops = 0;
	se_put_op(&t, key, value);
	return (run_for_rev(se, &t));
}

int64_t
se_put_ttl(struct se *se, const char *key, const char *value, uint32_t ttl_s)
{
	struct se_txn t;

	t.ncmps = t.nops = 0;
	se_put_op(&t, key, value);
	t.ops[0].ttl_s = ttl_s;
	return (run_for_rev(se, &t));
}

void
se_fill(char *p, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (char)(x >> 24);
	}
}

int64_t
se_put_len(struct se *se, const char *key, size_t len, uint32_t seed)
{
	struct se_txn t;
	struct pin_op *o = &t.ops[0];

	t.ncmps = 0;
	t.nops = 1;
	memset(o, 0, sizeof(*o));
	o->type = PIN_PUT;
	o->key = pin_str(key);
	o->value = pin_buf_new(len);
	se_fill((char *)o->value->data, len, seed);
	return (run_for_rev(se, &t));
}

int64_t
se_cas(struct se *se, const char *key, const char *value, uint64_t mod_rev)
{
	struct se_txn t;

	t.ncmps = t.nops = 0;
	se_cmp(&t, key, mod_rev);
	se_put_op(&t, key, value);
	return (run_for_rev(se, &t));
}

int64_t
se_del(struct se *se, const char *key)
{
	struct se_txn t;

	t.ncmps = t.nops = 0;
	se_del_op(&t, key);
	return (run_for_rev(se, &t));
}

int
se_compact(struct se *se, uint64_t revision)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER };
	int rc;

	rc = se->ops->compact(se->store.self, revision, on_done, &w, NULL);
	if (rc != PIN_OK)
		return (rc);
	wait_done(&w);
	return (w.result.rc);
}

/* ---- reading ----------------------------------------------------- */

char *
se_get(struct se *se, const char *key, uint64_t at, struct pin_kv *kv,
    int *rcp)
{
	struct pin_buf *b = NULL;
	struct pin_kv own;
	char *s = NULL;
	int rc;

	rc = se->ops->get(se->store.self, pin_str(key), at, &b,
	    kv != NULL ? kv : &own, NULL);
	if (rc == PIN_OK)
		s = pin_xstrndup((const char *)b->data, b->len);
	pin_buf_put(&b);
	if (rcp != NULL)
		*rcp = rc;
	return (s);
}

static int
range_emit(void *arg, const struct pin_kv *kv)
{
	struct pin_out *out = arg;

	if (out->len != 0)
		pin_out_char(out, ',');
	pin_out_str(out, kv->key);
	if (kv->value != NULL)
		pin_out_printf(out, "=%.*s", (int)kv->value->len,
		    (const char *)kv->value->data);
	return (0);
}

static char *
finish(struct pin_out *out, int rc, int *rcp)
{
	char *s = rc == PIN_OK ? pin_xstrndup(out->len != 0 ? out->p : "",
	    out->len) : NULL;

	pin_out_fini(out);
	if (rcp != NULL)
		*rcp = rc;
	return (s);
}

char *
se_range(struct se *se, const char *start, const char *end, uint64_t at,
    uint64_t limit, struct pin_range_result *res, int *rcp)
{
	struct pin_range q = { .size = sizeof(q), .start = pin_str(start),
	    .end = pin_str(end), .at = at, .limit = limit,
	    .flags = PIN_RANGE_COUNT };
	struct pin_range_result own;
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, 64u << 20);
	rc = se->ops->range(se->store.self, &q, range_emit, &out,
	    res != NULL ? res : &own, NULL);
	return (finish(&out, rc, rcp));
}

static int
history_emit(void *arg, const struct pin_event *e)
{
	struct pin_out *out = arg;

	if (out->len != 0)
		pin_out_char(out, ',');
	pin_out_printf(out, "%" PRIu64 ":%s" PIN_SFMT, e->revision,
	    e->value == NULL ? "-" : "", PIN_SARG(e->key));
	if (e->value != NULL)
		pin_out_printf(out, "=%.*s", (int)e->value->len,
		    (const char *)e->value->data);
	if (e->before != NULL)
		pin_out_printf(out, "(%.*s@%" PRIu64 ")",
		    (int)e->before->len, (const char *)e->before->data,
		    e->before_rev);
	return (0);
}

char *
se_history(struct se *se, uint64_t first, uint64_t last, const char *prefix,
    int *rcp)
{
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, 64u << 20);
	rc = se->ops->history(se->store.self, first, last, pin_str(prefix),
	    history_emit, &out, NULL);
	return (finish(&out, rc, rcp));
}

void
se_status(struct se *se, struct pin_store_status *st)
{
	memset(st, 0, sizeof(*st));
	st->size = sizeof(*st);
	se->ops->status(se->store.self, st);
}

uint64_t
se_revision(struct se *se)
{
	struct pin_store_status st;

	se_status(se, &st);
	return (st.revision);
}
