/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ring.h -- committed events on their way to watchers: made once on the
 * store's thread, shared by reference with every front, kept by each front
 * in a ring that is the watch history in memory.
 * Threads: events are immutable; a ring belongs to its front.
 * Contract: events of one revision stay together; revisions never decrease;
 * everything after `floor` is in the ring. */
#ifndef PINTLE_RING_H
#define PINTLE_RING_H

#include <pintle/store.h>

#include "core/api/table.h"

enum { EVENT_ADDED = 0, EVENT_MODIFIED = 1, EVENT_DELETED = 2,
    EVENT__COUNT = 3 };

extern const char *const event_names[EVENT__COUNT];

struct ring_event {
	_Atomic(uint32_t) refs;
	uint32_t	 type;		/* EVENT_..., without selectors */
	uint64_t	 revision;
	uint64_t	 id;		/* unique in the process, from 1 */
	const struct pin_res_row *res;	/* stored form's; never NULL */
	struct pin_str	 namespace, name;	/* in key */
	struct pin_buf	*value;		/* NULL: deleted */
	struct pin_buf	*before;	/* NULL: created */
	uint32_t	 key_len, pad;
	char		 key[];
};

struct apiserver;

/* One reference, or NULL when the key is nobody's. */
struct ring_event *ring_event_new(const struct apiserver *,
	    const struct pin_event *);
struct ring_event *ring_event_get(struct ring_event *);
void	ring_event_put(struct ring_event *);
/* The bytes an event of this type carries: before for DELETED. */
struct pin_buf *ring_event_object(const struct ring_event *, uint32_t type);
/* {"type":"...","object":...}\n in the stored form, the caller's. NULL: no
 * memory. */
struct pin_buf *ring_event_line(const struct ring_event *, uint32_t type);

struct ring {
	struct ring_event **slot;
	uint32_t	 size;		/* slots, a power of two */
	uint32_t	 pad;
	uint64_t	 head;		/* sequence of the next event */
	uint64_t	 tail;		/* of the oldest kept */
	uint64_t	 floor;		/* revisions above are all kept */
	uint64_t	 bytes, bytes_max;
};

void	ring_init(struct ring *, uint32_t size, uint64_t bytes_max,
	    uint64_t revision);
void	ring_fini(struct ring *);
/* Takes the reference. Evicts the oldest revisions when over a limit. */
void	ring_push(struct ring *, PIN_OWN struct ring_event *);
static inline struct ring_event *
ring_at(const struct ring *g, uint64_t seq)
{
	return (g->slot[seq & (g->size - 1)]);
}
/* Sequence of the first event after `revision` (head when there is none). */
uint64_t ring_find(const struct ring *, uint64_t revision);

#endif
