/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watch.h -- watchers of one front: groups that evaluate selectors once, and
 * cursors into the front's ring. A watcher is LIVE (fed by its group as
 * events come) or CATCHING (reads the ring, or before it the store, at its
 * own pace until it is at the head). It never owns a queue.
 * Thread: the front loop.
 * Contract: reliability invariants W1-W11; KEP-3157 (initial events),
 * KEP-956 (bookmarks). */
#ifndef PINTLE_WATCH_H
#define PINTLE_WATCH_H

#include "core/apiserver/list.h"
#include "core/watch/ring.h"

#define WATCH_RING_SLOTS	8192		/* events kept a front */
#define WATCH_BUCKETS		128		/* resources, hashed */
#define WATCH_PIECE		(128u << 10)	/* initial state, at once */
#define WATCH_BURST		256		/* ring events a turn */
#define WATCH_FLUSH		32		/* watchers sent to at once */
#define WATCH_TICK_MS		1000
#define WATCH_BOOKMARK_MS	60000
#define WATCH_LAST_MS		2000	/* before the end, a bookmark */
#define REVISION_WAIT_MS	3000		/* then 504, as upstream */

struct watcher;

/* Equal resource, namespace, selectors and form. */
struct group {
	struct group	*next;		/* in its bucket */
	struct watcher	*members;	/* LIVE ones */
	uint32_t	 nmembers, nusers;
	const struct pin_res_row *res;	/* as asked for */
	struct pin_arena *arena;	/* what lies below, and the key */
	struct pin_str	 key;		/* canonical text of all of it */
	struct pin_str	 namespace, name;
	struct filter	 filter;
	struct output	 out;
	/* The newest event, rendered: shared by all members. */
	uint64_t	 event;		/* its id; 0: none */
	int32_t		 type;		/* EVENT_..., -1: not selected */
	uint32_t	 pad;
	struct pin_buf	*line;		/* a reference */
};

enum { WATCH_INITIAL = 1, WATCH_HISTORY = 2, WATCH_RING = 3, WATCH_LIVE = 4 };

struct watcher {
	uint32_t	 magic;
	uint32_t	 state;
	struct request	*r;
	struct watch_front *wf;
	struct group	*group;
	struct watcher	*next, *prev;	/* in members, or in catching */
	struct watcher	*all_next, *all_prev;
	struct watcher	*dirty_next, *dirty_prev;
	uint32_t	 dirty, sent_any;
	uint32_t	 broken;	/* an event could not be made */
	uint32_t	 forgotten;	/* history begins in the middle */
	uint32_t	 in_ring, pad2;	/* since is of an event of the ring */
	uint64_t	 since;		/* delivered (in_ring: begun) */
	uint64_t	 seq;		/* WATCH_RING: next to look at */
	uint64_t	 deadline_ns, bookmark_ns;
	uint32_t	 initial_bookmark, pad;
	struct pin_str	 start, end;	/* WATCH_INITIAL: keys to read */
	uint64_t	 list_rev;
	char		 last[PIN_KEY_MAX];
};

struct watch_front {
	struct front	*front;
	struct ring	 ring;
	uint64_t	 revision;	/* of the newest batch */
	struct group	*bucket[WATCH_BUCKETS];
	struct watcher	*catching;
	struct watcher	*all;
	/* Something waits to be sent, the longest first. */
	struct watcher	*dirty, *dirty_last;
	struct pin_msg	 flush;
	uint32_t	 flushing;	/* flush is posted */
	uint32_t	 pad;
	/* Lines of one event, rendered in the stored form. */
	uint64_t	 lines_of;	/* its id; 0: none */
	struct pin_buf	*lines[EVENT__COUNT];
	struct request	*waiting;	/* for a revision */
	struct pin_timer tick;
	struct pin_arena *scratch;
	uint32_t	 nwatchers, nwaiting;
};

/* role: made before the fronts start, at the store's revision. */
void	watch_front_open(struct front *, uint64_t revision,
	    uint64_t ring_bytes);
void	watch_front_close(struct front *);
/* A batch has come (message of the store's thread). */
void	watch_batch(struct pin_msg *);
/* The store's thread: makes events and hands them to every front. */
void	watch_publish(void *srv, const struct pin_event *, uint32_t n,
	    uint64_t revision);

/* Keeps the tick running while someone waits for it. */
void	watch_wake(struct watch_front *);

/* group.c */
struct group *group_open(struct watch_front *, struct request *);
void	group_leave(struct watch_front *, struct group **);
/* What e is to this group: a type, or -1. Cached for the newest event. */
int	group_type(struct watch_front *, struct group *, struct request *any,
	    struct ring_event *);
/* The line of e for members; borrowed until the next event. */
struct pin_buf *group_line(struct watch_front *, struct group *,
	    struct request *any, struct ring_event *, int type);
uint32_t group_bucket(const struct pin_res_row *stored);

/* watcher.c */
void	watcher_event(struct watcher *, struct ring_event *, int type);
/* 0: the watcher and its request are gone. */
int	watcher_pump(struct watcher *);
/* Is the next event a new revision that there is no room for? A revision is
 * never split (W4). */
int	watcher_full(struct watcher *, const struct ring_event *);
void	watcher_lag(struct watcher *, uint64_t seq);
/* 0: it was broken, and is gone. */
int	watcher_flush(struct watcher *);
void	watcher_tick(struct watcher *, uint64_t now_ns);
void	watcher_end(struct watcher *, int ok);
void	watcher_dirty(struct watcher *);
void	watcher_clean(struct watcher *);

#endif
