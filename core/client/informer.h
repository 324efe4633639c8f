/* SPDX-License-Identifier: BSD-2-Clause
 *
 * informer.h -- a live copy of one resource: a watch that begins with what
 * there is (sendInitialEvents), goes on with what happens, resumes where it
 * broke off and starts again after 410 Gone. One informer serves everybody
 * in the process who looks at that resource.
 * Thread: the client's loop.
 * Contract: what a consumer hears is, key by key, in the server's order and
 * never goes back in time, unless the server itself did (it was restored from
 * a backup); states in between may be skipped (a deletion and a creation may
 * be heard as one modification). The cache holds what was last told. */
#ifndef PINTLE_INFORMER_H
#define PINTLE_INFORMER_H

#include <pintle/object.h>

#include "core/client/cache.h"
#include "core/client/client.h"

#define INFORMER_RETRY_MS	50	/* after an error; doubles, jittered */
#define INFORMER_RETRY_MAX_MS	30000
#define INFORMER_SILENCE_MS	180000	/* bookmarks come every minute */
#define INFORMER_WATCH_S	600	/* asked for; half of it random */

struct informers;			/* all of one process */
struct informer;

enum { INFORMER_ADDED = 0, INFORMER_MODIFIED = 1, INFORMER_DELETED = 2 };

struct informer_event {
	uint32_t	 type;
	uint32_t	 pad;
	uint64_t	 revision;
	struct pin_str	 namespace, name;
	const struct pin_obj *object;	/* the last state, for a deletion */
	struct pin_str	 before;	/* bytes; none for a creation */
};

struct informer_user {
	/* Everything borrowed until it returns; the cache is already as it is
	 * after the event. Must not open or close informers. */
	void		(*event)(struct informer_user *,
			    const struct informer_event *);
	/* The first whole state is there; later never again. */
	void		(*synced)(struct informer_user *);
	void		*arg;
	/* The informer's. */
	struct informer	*informer;
	struct informer_user *next;
};

struct informers *informers_new(struct client *);
/* Nobody uses any of them any more. */
void	informers_free(PIN_OWN struct informers **);

/* What is there already is told before this returns. */
void	informer_open(struct informers *, const char *group,
	    const char *version, const char *resource,
	    struct informer_user *);
/* The same for one who needs only what identifies, owns and holds an object:
 * unless others look at the resource, nothing else is kept. */
void	informer_open_meta(struct informers *, const char *group,
	    const char *version, const char *resource,
	    struct informer_user *);
void	informer_close(struct informer_user *);

/* NULL: nobody looks at that resource. */
struct informer *informer_find(struct informers *, const char *group,
	    const char *version, const char *resource);
const struct cache *informer_cache(const struct informer *);
int	informer_synced(const struct informer *);
/* Everything up to here has been told. */
uint64_t informer_revision(const struct informer *);

struct informer_counters {
	uint64_t	events, lists, watches, errors, bookmarks, stale;
};
const struct informer_counters *informer_count(const struct informer *);

#endif
