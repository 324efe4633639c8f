/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-resources-least-allocated -- scheduler plugin: rather the node of
 * which the largest share stays free, cpu and memory counted alike. A
 * container without a request counts as 100m and 200Mi.
 * Stateless but for its weights. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodeResourcesFit with the
 * strategy LeastAllocated. */
#include <pintle/scheduler.h>

#include <stdlib.h>

static pin_open_fn least_open;
static pin_close_fn least_close;
static pin_sched_score_fn least_score;

struct least {
	int64_t		 cpu, memory;	/* weights */
};

static const struct pin_scheduler_ops least_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.score = least_score,
};

static const struct pin_option least_options[] = {
	{ .name = "weight", .type = PIN_OPT_INT, .fallback = "1",
	    .help = "of its score among all", .min = 0, .max = 100 },
	{ .name = "cpu", .type = PIN_OPT_INT, .fallback = "1",
	    .help = "weight of cpu within the score", .min = 0, .max = 100 },
	{ .name = "memory", .type = PIN_OPT_INT, .fallback = "1",
	    .help = "weight of memory within the score", .min = 0,
	    .max = 100 },
	{ .name = NULL },
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "node-resources-least-allocated", .version = "1.0",
	.summary = "rather the node with the largest free share",
	.options = least_options, .ops = &least_ops,
	.open = least_open, .close = least_close,
};

static int
least_open(struct pin_env *env, const struct pin_conf *conf,
    PIN_OWN void **self, struct pin_err *err)
{
	struct least *l;

	(void)env;
	(void)err;
	l = pin_xcalloc(1, sizeof(*l));
	l->cpu = pin_conf_int(conf, "cpu");
	l->memory = pin_conf_int(conf, "memory");
	*self = l;
	return (PIN_OK);
}

static void
least_close(PIN_OWN void *self)
{
	free(self);
}

/* floor((alloc - used) * 100 / alloc) of positive numbers below 2^46: the
 * quotient of doubles rounds to the next integer only when it is that far
 * away from it, so cutting it is exact, and several fit into one register. */
#define EXACT_MAX	((int64_t)1 << 46)

static int64_t
share_free(int64_t alloc, int64_t used)
{
	if (alloc <= 0 || used > alloc)
		return (0);
	if (alloc < EXACT_MAX && used >= 0)
		return ((int64_t)((double)((alloc - used) * PIN_SCORE_MAX) /
		    (double)alloc));
	return ((alloc - used) / (alloc / PIN_SCORE_MAX + 1));
}

static int
least_score(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, const struct pin_bits *nodes,
    int32_t *out)
{
	const int64_t *acpu = pin_snap_column(snap, PIN_COL_ALLOC_CPU),
	    *ucpu = pin_snap_column(snap, PIN_COL_NONZERO_CPU),
	    *amem = pin_snap_column(snap, PIN_COL_ALLOC_MEMORY),
	    *umem = pin_snap_column(snap, PIN_COL_NONZERO_MEMORY);
	const struct least *l = self;
	int64_t sum, weights;
	uint32_t i;

	for (i = 0; i < nodes->n; i++) {
		if (!pin_bits_get(nodes, i))
			continue;
		weights = (acpu[i] != 0 ? l->cpu : 0) +
		    (amem[i] != 0 ? l->memory : 0);
		sum = share_free(acpu[i], ucpu[i] + pod->nonzero_cpu) *
		    l->cpu + share_free(amem[i], umem[i] +
		    pod->nonzero_memory) * l->memory;
		out[i] = weights == 0 ? 0 : (int32_t)(sum / weights);
	}
	return (PIN_OK);
}
