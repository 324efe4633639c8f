/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gc.h -- what the files of the garbage collector share: the graph of who
 * owns whom, and what is told of an object's references.
 * Controller loop. Contract: upstream's generic-garbage-collector. */
#ifndef GC_H
#define GC_H

#include "../common/meta.h"

#define GC_MAGIC	0x67636763u
#define ORPHAN		"orphan"
#define FOREGROUND	"foregroundDeletion"
#define REFS_MAX	64	/* owners of one object that are looked at */

/* A node is an object that has owners, or that waits for its dependents:
 * everything else is not remembered. An owner is a uid that somebody names.
 *
 *	node --edge--> owner		node->edges, by next
 *	owner --edge--> its dependents	owner->edges, by peer_next
 */
struct edge {
	struct edge	*next, *peer_next, **peer_at;
	struct node	*node;
	struct owner	*owner;
	uint32_t	 blocking;	/* blockOwnerDeletion */
	uint32_t	 pad;
};

struct owner {
	struct owner	*hash_next;
	struct edge	*edges;
	uint32_t	 nowhere;	/* not in another namespace either */
	uint32_t	 len;
	char		 uid[];
};

struct node {
	struct node	*hash_next;
	struct edge	*edges;
	uint32_t	 kind;		/* in gc->kinds */
	uint32_t	 waiting;	/* deleted in the foreground */
	uint32_t	 uid_len, ns_len, name_len, pad;
	char		 text[];	/* uid, namespace, name */
};

struct kind {
	char		*api_version, *kind;
};

struct gc {
	uint32_t	 magic;
	uint32_t	 nnodes, node_slots, nowners, owner_slots;
	uint32_t	 nkinds, kinds_room, pad;
	struct node	**nodes;	/* by uid */
	struct owner	**owners;
	struct kind	*kinds;
};

static inline struct pin_str
node_uid(const struct node *n)
{
	return ((struct pin_str){ n->text, n->uid_len });
}
static inline struct pin_str
node_namespace(const struct node *n)
{
	return ((struct pin_str){ n->text + n->uid_len, n->ns_len });
}
static inline struct pin_str
node_name(const struct node *n)
{
	return ((struct pin_str){ n->text + n->uid_len + n->ns_len,
	    n->name_len });
}

/* ---- graph.c -------------------------------------------------------- */

void	graph_init(struct gc *);
void	graph_fini(struct gc *);
struct node *graph_node(const struct gc *, struct pin_str uid);
struct owner *graph_owner(const struct gc *, struct pin_str uid);
/* As the object is now; NULL: nothing to remember of it. *changed: other
 * owners than before. */
struct node *graph_put(struct gc *, const struct pin_obj *, int *changed);
void	graph_remove(struct gc *, struct pin_str uid);
int	has_finalizer(const struct pin_obj *, const char *name);

/* ---- collect.c ------------------------------------------------------ */

/* 0: the server has no such kind (now); else its row. */
const struct pin_resource *resource_of(struct pin_reconcile *,
	    struct pin_str api_version, struct pin_str kind);
int	collect(struct gc *, struct pin_reconcile *, struct node *,
	    struct pin_plan *, struct pin_err *);

/* ---- release.c: what waits for its dependents ------------------------ */

/* Of the deleted object `o`: takes `finalizer` out. */
void	release(struct pin_reconcile *, struct pin_plan *,
	    const struct pin_target *, const struct pin_obj *o,
	    const char *finalizer);
/* Those owners whose uid `drop` says yes to go out of o. */
void	drop_owners(struct pin_reconcile *, struct pin_plan *,
	    const struct pin_target *, const struct pin_obj *o,
	    int (*drop)(void *arg, struct pin_str uid), void *arg);
void	unblock_owners(struct pin_reconcile *, struct pin_plan *,
	    const struct pin_target *, const struct pin_obj *o);
void	orphan(struct gc *, struct pin_reconcile *, struct pin_plan *,
	    const struct pin_target *, const struct pin_obj *o);

#endif
