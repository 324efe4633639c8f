/* SPDX-License-Identifier: BSD-2-Clause
 *
 * schedkit -- scheduler plugins and the pure scheduler, for tests: nodes and
 * pods from a line of JSON, a clock that is set by hand.
 * Main thread. Contract: a helper that fails at what is not being tested ends
 * the test. */
#ifndef PIN_TESTS_SCHEDKIT_H
#define PIN_TESTS_SCHEDKIT_H

#include "core/scheduler/sched.h"

#define KIT_S	UINT64_C(1000000000)

struct kit_policy {
	void		*handle;
	const struct pin_plugin *plugin;
	struct pin_env	*env;
	struct pin_conf	*conf;
	void		*self;
};

/* plugins/scheduler/NAME.so with its default options. */
void	kit_policy_open(struct kit_policy *, const char *name);
void	kit_policy_close(struct kit_policy *);
int64_t	kit_weight(const struct kit_policy *);

struct kit {
	struct sched	*s;
	uint64_t	 now;
	uint32_t	 n;
	struct kit_policy policy[16];
	struct sched_decision d;
};

/* "node-resources-fit taint-toleration"; time begins at 1000 s. */
void	kit_open(struct kit *, uint64_t seed, const char *policies);
void	kit_policies(struct kit *, const char *policies);	/* instead */
void	kit_close(struct kit *);

/* Each text holds the members of that object: "\"cpu\":\"4\"". */
void	kit_node(struct kit *, const char *name, const char *alloc,
	    const char *labels, const char *spec);
void	kit_pod(struct kit *, const char *name, const char *spec,
	    const char *status);
void	kit_pod_json(struct kit *, const char *json);
/* A pod with one container that requests this. */
void	kit_want(struct kit *, const char *name, const char *requests);
void	kit_gone(struct kit *, const char *pod);
/* The next decision, as text: "a -> n1", "a: message", "" for none. Bound at
 * once unless held. */
const char *kit_next(struct kit *);
const char *kit_next_held(struct kit *);
void	kit_bound(struct kit *, const char *pod, int how);

#endif
