/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node-resources-fit -- scheduler plugin: what runs on a node requests no
 * more than it has, extended resources and the number of pods included.
 * Stateless. Scheduler loop.
 * Contract: pintle/scheduler.h; upstream's NodeResourcesFit (its filter;
 * the score is node-resources-least-allocated). */
#include <pintle/scheduler.h>

#include <stdio.h>

static pin_sched_filter_fn fit_filter;

static const char *const fit_claims[] = {
	"spec.containers.resources.requests", NULL
};

static const struct pin_scheduler_ops fit_ops = {
	.size = sizeof(struct pin_scheduler_ops),
	.claims = fit_claims,
	.filter = fit_filter,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(SCHEDULER),
	.name = "node-resources-fit", .version = "1.0",
	.summary = "a node with room for what the pod requests",
	.ops = &fit_ops,
};

/* A request above all the node has: no eviction will ever help. */
static void
lacks(struct pin_reasons *why, uint32_t i, const char *text, int64_t want,
    int64_t alloc)
{
	pin_reason_add(why, i, want > alloc ? PIN_NEVER : PIN_NOFIT, text);
}

static int
extended(const struct pin_snapshot *snap, const struct pin_sched_pod *pod,
    uint32_t i, struct pin_reasons *why)
{
	int64_t alloc, used, want;
	char text[256];
	uint32_t k;
	int bad = 0;

	for (k = 0; k < pod->nextended; k++) {
		want = pod->extended_count[k];
		pin_snap_extended(snap, i, pod->extended[k], &alloc, &used);
		if (want == 0 || want <= alloc - used)
			continue;
		snprintf(text, sizeof(text), "Insufficient " PIN_SFMT,
		    PIN_SARG(pod->extended[k]));
		lacks(why, i, text, want, alloc);
		bad = 1;
	}
	return (bad);
}

/* The columns of one resource, and what the pod wants of it. */
struct resource {
	const int64_t	*alloc, *used;
	int64_t		 want;
	const char	*text;
};

static int
fits(const struct resource r[4], uint32_t i)
{
	uint32_t k;
	int ok = 1;

	for (k = 0; k < 4; k++)
		ok &= r[k].want == 0 ||
		    r[k].want <= r[k].alloc[i] - r[k].used[i];
	return (ok);
}

static int
fit_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
#define ROW(R, w, t) { pin_snap_column(snap, PIN_COL_ALLOC_##R),	\
	    pin_snap_column(snap, PIN_COL_USED_##R), (w), (t) }
	const struct resource r[4] = {
	    ROW(PODS, 1, "Too many pods"),
	    ROW(CPU, pod->cpu, "Insufficient cpu"),
	    ROW(MEMORY, pod->memory, "Insufficient memory"),
	    ROW(STORAGE, pod->storage, "Insufficient ephemeral-storage"),
	};
#undef ROW
	uint32_t i, k;
	int bad;

	(void)self;
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		bad = !fits(r, i);
		for (k = 0; bad && k < 4; k++)
			if (r[k].want > 0 && r[k].want > r[k].alloc[i] -
			    r[k].used[i])
				lacks(why, i, r[k].text, k == 0 ? 0 :
				    r[k].want, r[k].alloc[i]);
		if (pod->nextended > 0)
			bad |= extended(snap, pod, i, why);
		if (bad)
			pin_bits_clear(nodes, i);
	}
	return (PIN_OK);
}
