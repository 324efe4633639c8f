/* SPDX-License-Identifier: BSD-2-Clause
 *
 * none -- test plugin: a store that keeps nothing, to stand in the
 * configuration of a test that never writes. Insists on a consensus.
 * Thread: any. Contract: pintle/store.h. */
#include <pintle/store.h>

static pin_open_fn none_open;
static pin_close_fn none_close;
static pin_store_start_fn none_start;
static pin_store_stop_fn none_stop;
static pin_store_txn_fn none_txn;
static pin_store_get_fn none_get;
static pin_store_range_fn none_range;
static pin_store_history_fn none_history;
static pin_store_compact_fn none_compact;
static pin_store_status_fn none_status;

static const struct pin_option none_options[] = {
	{ "size", PIN_OPT_SIZE, 0, "1Mi", "of nothing", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_store_ops none_ops = {
	.size = sizeof(none_ops),
	.start = none_start, .stop = none_stop, .txn = none_txn,
	.get = none_get, .range = none_range, .history = none_history,
	.compact = none_compact, .status = none_status,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(STORE),
	.name = "none", .version = "1.0",
	.summary = "keeps nothing, for tests",
	.options = none_options, .ops = &none_ops,
	.open = none_open, .close = none_close,
};

static int
none_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)conf;
	if (pin_env_consensus(env) == NULL)
		return (pin_err_set(err, PIN_ECONFIG,
		    "a consensus is needed beside this store"));
	*self = env;
	return (PIN_OK);
}

static void
none_close(void *self)
{
	(void)self;
}

static int
none_start(void *self, const struct pin_store_sink *sink,
    struct pin_err *err)
{
	(void)self;
	(void)sink;
	return (pin_err_set(err, PIN_EUNAVAIL, "none keeps nothing"));
}

static void
none_stop(void *self)
{
	(void)self;
}

static int
none_txn(void *self, const struct pin_txn *txn, pin_store_done_fn *done,
    void *arg, struct pin_err *err)
{
	(void)self;
	(void)txn;
	(void)done;
	(void)arg;
	return (pin_err_set(err, PIN_EUNAVAIL, "none keeps nothing"));
}

static int
none_get(void *self, struct pin_str key, uint64_t at, struct pin_buf **out,
    struct pin_kv *kv, struct pin_err *err)
{
	(void)self;
	(void)key;
	(void)at;
	(void)kv;
	*out = NULL;
	return (pin_err_set(err, PIN_ENOTFOUND, "none keeps nothing"));
}

static int
none_range(void *self, const struct pin_range *range,
    pin_store_emit_fn *emit, void *arg, struct pin_range_result *result,
    struct pin_err *err)
{
	(void)self;
	(void)range;
	(void)emit;
	(void)arg;
	(void)err;
	result->emitted = 0;
	return (PIN_OK);
}

static int
none_history(void *self, uint64_t first, uint64_t last,
    struct pin_str key_prefix, int (*emit)(void *, const struct pin_event *),
    void *arg, struct pin_err *err)
{
	(void)self;
	(void)first;
	(void)last;
	(void)key_prefix;
	(void)emit;
	(void)arg;
	return (pin_err_set(err, PIN_EGONE, "none keeps nothing"));
}

static int
none_compact(void *self, uint64_t revision, pin_store_done_fn *done,
    void *arg, struct pin_err *err)
{
	(void)self;
	(void)revision;
	(void)done;
	(void)arg;
	return (pin_err_set(err, PIN_EGONE, "none keeps nothing"));
}

static void
none_status(void *self, struct pin_store_status *status)
{
	(void)self;
	status->keys = 0;
}
