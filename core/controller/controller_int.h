/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller_int.h -- what the files of core/controller share: a reconcile
 * and its plan, the queue of keys, plans being carried out, the manager that
 * holds them together.
 * Thread: the controller loop. Contract: pintle/controller.h. */
#ifndef PINTLE_CONTROLLER_INT_H
#define PINTLE_CONTROLLER_INT_H

#include <stdatomic.h>

#include <pintle/controller.h>

#include "core/client/informer.h"
#include "core/client/recorder.h"
#include "core/loader/loader.h"

#define PLAN_ARENA_MAX		((size_t)128 << 20)
#define RECONCILE_ARENA_MAX	((size_t)512 << 20)
#define PLAN_INFLIGHT_MAX	64	/* writes of one plan at once */
#define PLAN_POOL_MAX		32	/* idle arenas kept */
#define QUEUE_WORKERS		16	/* when a plugin says 0 */
#define QUEUE_WORKERS_MAX	1024
#define QUEUE_BACKOFF_MS	5	/* first, as upstream */
#define QUEUE_BACKOFF_MAX_MS	1000000
#define QUEUE_NUDGE_MS		1000	/* an event shortens a back-off to */
#define GATE_MAX_MS		30000	/* a cache that lags longer is not
					 * waited for */
#define GATE_PRESENT_MS		2000	/* somebody else's object */
#define TURN_NS			UINT64_C(5000000)	/* of reconciling */
#define WRITE_TIMEOUT_MS	30000
#define EVENT_MESSAGE_MAX	1024

/* ---- plan.c --------------------------------------------------------- */

enum { WRITE_CREATE = 1, WRITE_UPDATE = 2, WRITE_PATCH = 3,
    WRITE_DELETE = 4, WRITE_DELETE_ALL = 5 };

struct running;

struct plan_write {
	struct plan_write *next;
	struct running	*run;
	uint32_t	 verb, index;
	uint32_t	 pending;	/* at the server */
	uint32_t	 done;		/* and it worked */
	struct pin_str	 group, version, resource, subresource;
	struct pin_str	 namespace, name;
	struct pin_str	 path, type, body;
	uint64_t	 seen;		/* cached revision when it was sent */
	struct client_call call;
};

struct plan_event {
	struct plan_event *next;
	uint32_t	 after;		/* index of a write, or NO_WRITE */
	uint32_t	 pad;
	struct recorder_event says;
};
#define NO_WRITE	UINT32_MAX

struct plan_live {
	struct plan_live *next;
	struct running	*run;
	struct pin_str	 path;
	struct client_call call;
};

struct pin_plan {
	struct pin_arena *arena;
	struct plan_write *writes, **writes_end;
	struct plan_event *events, **events_end;
	struct plan_live *lives, **lives_end;
	uint32_t	 nwrites, nevents, nlives;
	uint32_t	 truncated;	/* more was wanted: come back */
	uint32_t	 requeue;	/* requeue_ms holds */
	int32_t		 failed;	/* PIN_OK, or why it may not run */
	uint64_t	 requeue_ms;
	struct pin_err	 err;
};

/* In an arena; NULL: no memory. */
struct pin_plan *plan_new(struct pin_arena *);
int	plan_empty(const struct pin_plan *);
/* "/api/v1/namespaces/ns/pods/name/status"; name none: the collection. */
struct pin_str	target_path(struct pin_arena *, const struct pin_target *,
	    int with_name);
/* What a live read asks for: an object, or a collection's first page. */
struct pin_str	live_path(struct pin_arena *, const struct pin_target *);

/* ---- reconcile.c ---------------------------------------------------- */

#define LIVE_REFUSED	16

struct live_result {
	struct live_result *next;
	struct pin_buf	*buf;		/* NULL: not there */
	size_t		 off, len;
	uint32_t	 verb;		/* 0: a read; WRITE_DELETE_ALL; or
					 * LIVE_REFUSED + verb, and path is
					 * the resource */
	uint32_t	 pad;
	char		 path[];
};

struct resources;

struct pin_reconcile {
	uint32_t	 magic;
	uint32_t	 ncaches;
	struct pin_arena *arena;
	struct pin_host	*host;
	const struct cache *cache[PIN_WATCHES_MAX];
	const struct live_result *live;
	/* Of a row "*". */
	const struct pin_resource *resource;
	uint32_t	 nresources, pad2;
	const struct cache *(*any)(void *arg, const struct pin_target *);
	void		*any_arg;
	int64_t		 now;		/* UNIX, s */
	int32_t		 failed;	/* an object did not fit */
	uint32_t	 deleted;	/* map_rec: the event is a deletion */
};

void	reconcile_init(struct pin_reconcile *, struct pin_host *);
void	reconcile_fini(struct pin_reconcile *);
/* A fresh moment. */
void	reconcile_begin(struct pin_reconcile *, const struct live_result *);
void	live_free(PIN_OWN struct live_result **);	/* all of them */

struct pin_keys {
	struct pin_arena *arena;
	void		(*add)(void *arg, struct pin_str ns,
			    struct pin_str name);
	void		*arg;
};

/* ---- queue.c -------------------------------------------------------- */

struct controller;

enum { GATE_REVISION = 1, GATE_CHANGED = 2, GATE_PRESENT = 3 };

struct gate {
	struct gate	*next;
	struct informer	*inf;
	uint32_t	 kind;
	uint32_t	 key_len;
	uint64_t	 revision;
	char		 key[];
};

struct key {
	struct key	*hash_next;
	struct key	*next, *prev;	/* ready */
	struct key	*gated_next;
	uint64_t	 hash;
	uint64_t	 due_ns;	/* in the heap; 0: not */
	uint32_t	 heap_at;
	uint32_t	 failures;
	uint32_t	 ready, dirty, running, gated;
	struct gate	*gates;
	uint64_t	 gate_until_ns;
	struct live_result *live;
	uint32_t	 ns_len, name_len;
	char		 text[];	/* namespace, name */
};

struct queue {
	struct key	**slots;
	uint32_t	 nslots, nkeys;
	struct key	*head, *tail;	/* ready */
	uint32_t	 nready;
	uint32_t	 nheap, heap_room;
	struct key	**heap;		/* by due_ns */
	struct pin_host	*host;
	struct pin_timer timer;
	void		(*kick)(struct queue *);	/* something is ready */
};

void	queue_init(struct queue *, struct pin_loop *);
void	queue_fini(struct queue *);
/* Something has happened to it. */
void	queue_add(struct queue *, struct pin_str ns, struct pin_str name);
struct key *queue_pop(struct queue *);	/* NULL: none; it is `running` */
/* Back after its reconcile and its plan. retry: with back-off. */
void	queue_done(struct queue *, struct key *, int retry);
void	queue_after(struct queue *, struct key *, uint64_t ms);
/* Puts it where its fields say; frees it when nothing is left to do. */
void	queue_settle(struct queue *, struct key *);
static inline struct pin_str
key_namespace(const struct key *k)
{
	return ((struct pin_str){ k->text, k->ns_len });
}
static inline struct pin_str
key_name(const struct key *k)
{
	return ((struct pin_str){ k->text + k->ns_len, k->name_len });
}

/* ---- manager.c, exec.c ---------------------------------------------- */

struct controller_any {		/* one resource of a row "*" */
	struct controller_any *next;
	struct informer_user user;
	struct controller_row *row;
	const char	*group, *version, *resource;
	uint32_t	 seen, pad;	/* by the last discovery */
};

struct controller_row {
	struct informer_user user;
	struct controller *c;
	uint32_t	 index, synced;
	uint32_t	 wild;		/* a row "*" */
	uint32_t	 pad;
	uint64_t	 give_up_ns;	/* of waiting for all of them */
	struct controller_any *any;
};

struct controller {
	struct controller *next;
	struct manager	*m;
	const char	*name;
	const struct pin_controller_ops *ops;
	void		*self;
	uint32_t	 nrows, nsynced;
	struct controller_row row[PIN_WATCHES_MAX];
	struct queue	 queue;
	uint32_t	 workers;
	uint32_t	 inflight;	/* keys: plans and gates */
	uint32_t	 plans;		/* being carried out */
	uint32_t	 closed;
	struct key	*gated;
	char		 component[96], user[192];
	struct client_identity who;
	atomic_uint_least64_t reconciles, writes, errors, conflicts;
};

struct manager {
	uint32_t	 magic;
	uint32_t	 stopping;
	struct pin_loop	*loop;
	struct pin_host	*host;
	struct client	*client;
	struct informers *informers;
	struct recorder	*recorder;
	struct resources *resources;	/* NULL: no row "*" yet */
	struct controller *first;
	struct pin_reconcile rec;	/* one reconcile at a time */
	struct pin_reconcile map_rec;	/* and one map */
	struct pin_arena *pool[PLAN_POOL_MAX];
	uint32_t	 npool;
	uint32_t	 again;		/* turn_msg is posted */
	struct pin_msg	 turn_msg;
	struct pin_timer gate_timer;
	struct pin_set	*set, *next_set;	/* running, waiting */
	uint32_t	 swap, pad;		/* next_set waits */
};

/* The manager takes the client. */
struct manager *manager_new(struct pin_loop *, PIN_OWN struct client **);
/* gone(arg): everything under way has ended. The manager is empty by then but
 * must stay until its loop has closed. */
void	manager_close(struct manager *, void (*gone)(void *), void *arg);
void	manager_free(PIN_OWN struct manager **);
/* One more; for tests and manager_swap. PIN_ECONFIG names what is wrong. */
int	manager_add(struct manager *, const char *name,
	    const struct pin_controller_ops *, void *self, struct pin_err *);
/* Takes the reference: its controllers replace those there are, once their
 * plans under way have ended. */
void	manager_swap(struct manager *, PIN_OWN struct pin_set **);
void	manager_turn(void *manager);	/* loop hook */
void	manager_kick(struct manager *);	/* another turn, soon */
struct pin_arena *manager_arena(struct manager *);
void	row_event(struct informer_user *, const struct informer_event *);
void	row_is_synced(struct controller_row *);
void	manager_arena_back(struct manager *, PIN_OWN struct pin_arena **);

/* ---- resources.c ---------------------------------------------------- */

/* What the server has, asked for again when a definition changes and now and
 * then; rows "*" follow it. */
struct resources *resources_new(struct manager *);
void	resources_free(PIN_OWN struct resources **);	/* NULL ok */
void	resources_row(struct resources *, struct controller_row *);
void	resources_row_close(struct controller_row *);
/* Looks whether rows are synced. */
void	resources_look(struct resources *);
void	resources_fill(const struct resources *, struct pin_reconcile *);

/* Takes the plan with its arena; ends in queue_done. */
void	exec_start(struct controller *, struct key *,
	    PIN_OWN struct pin_plan **);
/* Looks again at the keys that wait for the cache. */
void	exec_gates(struct controller *);

#endif
