/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller.h -- how the world follows the spec: one plugin a controller.
 * It never blocks and has no side effects: reconcile looks at cached objects,
 * all of one moment, and appends what shall be done to a plan. The host runs
 * plans pipelined and calls a key again only when its own writes are visible
 * in the cache, which replaces expectations everywhere.
 * Thread: the controller loop; one call at a time a controller.
 * Contract: level-triggered: for any subset, order or repetition of events
 * the end state is the same; the same objects give the same plan; a crash
 * between two writes of a plan is healed by the next reconcile; what is as it
 * should be gives an empty plan. tests/kinds/controller.c tries all four on
 * every plugin of this kind. */
#ifndef PINTLE_CONTROLLER_H
#define PINTLE_CONTROLLER_H

#include <pintle/object.h>
#include <pintle/plugin.h>

#define PIN_CONTROLLER_ABI	PIN_ABI(1, 1) /* history:
					       * docs/abi/controller.md */

#define PIN_WATCHES_MAX		8	/* resources one controller looks at */
#define PIN_PLAN_WRITES_MAX	500	/* of one reconcile; the rest waits for
					 * the next (upstream's burst) */
#define PIN_PLAN_EVENTS_MAX	1000
#define PIN_PLAN_LIVE_MAX	1024
#define PIN_LIST_MAX		500	/* objects of a collection read live */

struct pin_reconcile;	/* the moment: cached objects, clock, arena */
struct pin_plan;
struct pin_keys;
struct pin_target;

/* ---- what it looks at ------------------------------------------------ */

/* Which keys an event of this object concerns. object is the new state, or
 * the last one for a deletion; before is NULL for a creation. States between
 * two events may have been skipped, so ask `before` for the keys that no
 * longer match. The caches may be read. */
typedef void pin_controller_map_fn(void *self, struct pin_reconcile *,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out);

PIN_API void	 pin_keys_add(struct pin_keys *, struct pin_str namespace,
    struct pin_str name);
/* The controlling owner of that kind, if it has one. */
PIN_API void	 pin_keys_add_owner(struct pin_keys *, const struct pin_obj *,
    const char *kind);

/* Rows end with resource NULL. map NULL: the object is its own key.
 * Group, version and resource "*": everything that can be listed, watched
 * and deleted, beside Events; `map` is required. Of what no other row in the
 * process names, only apiVersion, kind and what identifies, owns and holds
 * an object in metadata is kept (pin_cache_any), and such is `before`. */
struct pin_controller_watch {
	const char	*group, *version, *resource;
	pin_controller_map_fn *map;
};

/* ---- reading: index is the row in `watches` ------------------------- */

/* Nothing moves while reconcile runs; but rows are watched apart, so one may
 * be some revisions ahead of another.
 * NULL: there is none. Objects carry metadata.resourceVersion, live until
 * reconcile returns and must not be changed: copy to change. */
PIN_API const struct pin_obj *pin_cache_get(struct pin_reconcile *,
    uint32_t index, struct pin_str namespace, struct pin_str name);
typedef int pin_cache_each_fn(void *arg, const struct pin_obj *);
/* namespace none: all. Stops when fn returns nonzero. Keys ascending. */
PIN_API void	 pin_cache_list(struct pin_reconcile *, uint32_t index,
    struct pin_str namespace, pin_cache_each_fn *, void *arg);

enum { PIN_CAN_CREATE = 1, PIN_CAN_DELETE = 2, PIN_CAN_DELETE_ALL = 4,
    PIN_CAN_GET = 8, PIN_CAN_LIST = 16, PIN_CAN_PATCH = 32,
    PIN_CAN_UPDATE = 64, PIN_CAN_WATCH = 128 };

/* One resource the server has, in the version it prefers. */
struct pin_resource {
	uint32_t	 size, verbs;
	uint32_t	 namespaced, pad;
	const char	*group, *version, *resource, *kind;
};

/* All of them; for controllers with a row "*". NULL: not known right now
 * (a definition has just changed): come back. */
PIN_API const struct pin_resource *pin_resources(struct pin_reconcile *,
    uint32_t *n);
/* What the caches of a row "*" hold of an object, by group, version,
 * resource, namespace and name. */
PIN_API const struct pin_obj *pin_cache_any(struct pin_reconcile *,
    const struct pin_target *);
/* The same of all objects of a resource. */
PIN_API void	 pin_cache_any_list(struct pin_reconcile *,
    const struct pin_target *, pin_cache_each_fn *, void *arg);
/* In a map: is this event a deletion? */
PIN_API int	 pin_map_deleted(const struct pin_reconcile *);
/* Those whose controlling owner has this uid. Keys ascending. */
PIN_API void	 pin_cache_owned(struct pin_reconcile *, uint32_t index,
    struct pin_str namespace, struct pin_str owner_uid, pin_cache_each_fn *,
    void *arg);
PIN_API struct pin_arena *pin_reconcile_arena(struct pin_reconcile *);
PIN_API struct pin_host *pin_reconcile_host(struct pin_reconcile *);
PIN_API int64_t	 pin_reconcile_now(struct pin_reconcile *);	/* UNIX, s */

/* ---- the plan: all arguments are copied ------------------------------ */

struct pin_target {
	const char	*group, *version, *resource, *subresource;
	struct pin_str	 namespace, name;
	struct pin_str	 uid;		/* precondition; none: any */
	struct pin_str	 version_seen;	/* resourceVersion; none: any */
};

enum { PIN_PATCH_TYPE_MERGE = 1, PIN_PATCH_TYPE_JSON = 2,
    PIN_PATCH_TYPE_STRATEGIC = 3 };

/* In a namespace that is going away a creation is refused, and that is no
 * failure: the rest of the plan is dropped without a word. */
PIN_API void	 pin_plan_create(struct pin_plan *, const struct pin_target *,
    const struct pin_obj *);
/* The whole object, with the resourceVersion it was read at. */
PIN_API void	 pin_plan_update(struct pin_plan *, const struct pin_target *,
    const struct pin_obj *);
PIN_API void	 pin_plan_patch(struct pin_plan *, const struct pin_target *,
    int type, struct pin_str json);
/* propagation: "Background", "Foreground", "Orphan" or NULL. */
PIN_API void	 pin_plan_delete(struct pin_plan *, const struct pin_target *,
    const char *propagation);
/* Everything of a resource in a namespace; the name is not looked at. A
 * refusal does not end the plan: the reconcile that follows the live reads of
 * this plan asks for it. */
PIN_API void	 pin_plan_delete_all(struct pin_plan *,
    const struct pin_target *, const char *propagation);
/* 1: it was tried just now; *refusal is the server's Status, or NULL. */
PIN_API int	 pin_delete_all_result(struct pin_reconcile *,
    const struct pin_target *, const struct pin_obj **refusal);
/* Did the plan before this one, of the same key, end because the server
 * refused a write to this resource ("pods")? 0: no; else which one, and
 * *status is what the server said. */
PIN_API int	 pin_refused(struct pin_reconcile *, const char *resource,
    const struct pin_obj **status);
enum { PIN_REFUSED_CREATE = 1, PIN_REFUSED_UPDATE = 2, PIN_REFUSED_PATCH = 3,
    PIN_REFUSED_DELETE = 4 };
/* An Event about `about`, written once the write noted before it has been
 * done (at once when there is none). Equal ones within ten minutes are counted
 * up; an object gets 25, then one in five minutes. */
PIN_API void	 pin_plan_event(struct pin_plan *, const struct pin_obj *about,
    const char *type, const char *reason, const char *fmt, ...)
    PIN_PRINTF(5, 6);
/* Come back to this key, even if nothing happens. */
PIN_API void	 pin_plan_requeue(struct pin_plan *, uint64_t after_ms);
/* Read this object live, after the writes and before the next reconcile of
 * the key, which follows at once and finds it by pin_live_result: a NULL
 * object means it is not there. Without a name: the List of the first
 * PIN_LIST_MAX there are. */
PIN_API void	 pin_plan_live(struct pin_plan *, const struct pin_target *);
PIN_API int	 pin_live_result(struct pin_reconcile *,
    const struct pin_target *, const struct pin_obj **out);
				/* 1: it was read; 0: ask first */

/* ---- the table -------------------------------------------------------- */

/* The writes of a plan run in order, but those next to one another with the
 * same verb, resource and subresource and different names run together. The
 * first that fails (beside AlreadyExists of a create and NotFound of a delete)
 * ends it and the key comes back with back-off (5 ms, doubling to 1000 s). The
 * key is not called again before the caches of its rows hold what the plan
 * wrote. PIN_OK, or an error: nothing of the plan runs, back-off. */
typedef int pin_controller_reconcile_fn(void *self, struct pin_reconcile *,
    struct pin_str namespace, struct pin_str name, struct pin_plan *,
    struct pin_err *);

struct pin_controller_ops {
	uint32_t		 size;
	uint32_t		 workers;	/* keys in flight; 0: 16 */
	const struct pin_controller_watch *watches;	/* required */
	pin_controller_reconcile_fn *reconcile;		/* required */
	/* Who its writes and Events come from, and the service account in
	 * kube-system it acts as: "replicaset-controller". NULL: the
	 * plugin's name and "-controller". */
	const char		*component;
};

#endif
