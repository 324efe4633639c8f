/* SPDX-License-Identifier: BSD-2-Clause
 *
 * none -- test plugin: a consensus that orders nothing, to stand in the
 * configuration of a test that never writes.
 * Thread: any. Contract: pintle/consensus.h. */
#include <pintle/consensus.h>

static pin_open_fn none_open;
static pin_close_fn none_close;
static pin_consensus_start_fn none_start;
static pin_consensus_stop_fn none_stop;
static pin_consensus_propose_fn none_propose;
static pin_consensus_trim_fn none_trim;
static pin_consensus_status_fn none_status;

static const struct pin_consensus_ops none_ops = {
	.size = sizeof(none_ops),
	.start = none_start, .stop = none_stop, .propose = none_propose,
	.trim = none_trim, .status = none_status,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONSENSUS),
	.name = "none", .version = "1.0",
	.summary = "orders nothing, for tests",
	.ops = &none_ops,
	.open = none_open, .close = none_close,
};

static int
none_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)conf;
	(void)err;
	*self = env;
	return (PIN_OK);
}

static void
none_close(void *self)
{
	(void)self;
}

static int
none_start(void *self, uint64_t applied,
    const struct pin_consensus_sink *sink, struct pin_err *err)
{
	(void)self;
	(void)applied;
	(void)sink;
	return (pin_err_set(err, PIN_EUNAVAIL, "none orders nothing"));
}

static void
none_stop(void *self)
{
	(void)self;
}

static int
none_propose(void *self, struct pin_buf **bytes, void *cookie,
    struct pin_err *err)
{
	(void)self;
	(void)bytes;
	(void)cookie;
	return (pin_err_set(err, PIN_EUNAVAIL, "none orders nothing"));
}

static void
none_trim(void *self, uint64_t index)
{
	(void)self;
	(void)index;
}

static void
none_status(void *self, struct pin_consensus_status *status)
{
	(void)self;
	status->is_leader = 0;
}
