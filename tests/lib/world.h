/* SPDX-License-Identifier: BSD-2-Clause
 *
 * world -- an API server's objects in small, for tests of controllers: what
 * was written, revisions, preconditions, finalizers, patches. No watch: a
 * controller's view of it is moved along by hand, so a test decides what it
 * gets to see.
 * One thread. Contract: below; a failed fixture ends the test (tap_bail). */
#ifndef PIN_TESTS_WORLD_H
#define PIN_TESTS_WORLD_H

#include "core/api/bridge.h"
#include "core/controller/controller_int.h"

#define WORLD_TABLES_MAX	16

struct world_table {
	char		 group[64], resource[64];
	struct cache	 cache;
};

struct world {
	struct world_table table[WORLD_TABLES_MAX];
	uint32_t	 ntables;
	uint32_t	 uids;
	uint64_t	 revision;
	uint64_t	 writes;	/* that changed something */
	struct pin_bridge *bridge;
	struct pin_arena *arena;	/* one write */
	char		 time[40];	/* creationTimestamp of new objects */
};

void	world_init(struct world *);
void	world_fini(struct world *);
struct world_table *world_table(struct world *, const char *group,
	    const char *resource);

/* HTTP status: 200, 201, 404, 409, 422. */
int	world_create(struct world *, struct world_table *, struct pin_str ns,
	    struct pin_str name, struct pin_str json);
int	world_update(struct world *, struct world_table *, struct pin_str ns,
	    struct pin_str name, struct pin_str sub, struct pin_str json);
int	world_patch(struct world *, struct world_table *, struct pin_str ns,
	    struct pin_str name, struct pin_str media, struct pin_str json);
int	world_delete(struct world *, struct world_table *, struct pin_str ns,
	    struct pin_str name, struct pin_str options);
int	world_write(struct world *, const struct plan_write *);
/* GET of a path: an object, or a collection. 200, 404. */
int	world_read(struct world *, struct pin_str path, struct pin_out *);

/* Everything there is, as text to compare: without uids, revisions, times,
 * and random suffixes of names. Heap. */
char	*world_dump(struct world *);
/* s with random name suffixes ("-x7k2p") as "-*****", in place. */
void	world_blur(char *s);

#endif
