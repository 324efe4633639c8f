/* SPDX-License-Identifier: BSD-2-Clause
 *
 * recorder.h -- Events as users read them with kubectl describe. Nothing waits
 * for an Event: what does not get through is dropped and counted.
 * The client's loop. Contract: core/v1 Event; upstream's limits: equal ones
 * within ten minutes are counted up in the object there is, the tenth that
 * differs in nothing but its message begins one for all that follow, an object
 * gets 25 and then one in five minutes. */
#ifndef PINTLE_RECORDER_H
#define PINTLE_RECORDER_H

#include "core/client/client.h"

#define EVENT_KNOWN_MAX		4096	/* remembered for counting up */
#define EVENT_INFLIGHT_MAX	1024	/* more are dropped and counted */
#define EVENT_SAME_S		600
#define EVENT_SIMILAR_MAX	10	/* messages; then they are combined */
#define EVENT_BURST		25	/* of one object and component */
#define EVENT_REFILL_S		300

struct recorder;

/* About whom, and what. */
struct recorder_event {
	struct pin_str	 api_version, kind, namespace, name, uid, revision;
	struct pin_str	 type, reason, message;
};

struct recorder *recorder_new(struct client *);
void	recorder_free(PIN_OWN struct recorder **);	/* nothing under way */
void	recorder_say(struct recorder *, const struct client_identity *,
	    const char *component, const struct recorder_event *);

struct recorder_counters {
	uint64_t	said, counted, dropped, failed;
	uint32_t	inflight, pad;
};
const struct recorder_counters *recorder_count(const struct recorder *);

#endif
