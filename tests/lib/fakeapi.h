/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fakeapi -- a world (world.h) behind an exchange handler: reads, writes,
 * and watches with initial events and bookmarks; and switches that make it
 * misbehave. For tests of informers and plans, in process.
 * Thread: the handler and the world on `loop`; fakeapi_do runs a function
 * there and waits. Contract: a failed fixture ends the test. */
#ifndef PIN_TESTS_FAKEAPI_H
#define PIN_TESTS_FAKEAPI_H

#include <stdatomic.h>

#include "core/http/exchange.h"
#include "world.h"

#define FAKEAPI_WATCHES	16

struct fakeapi_watch {
	struct exchange	*ex;
	struct world_table *t;
	uint64_t	 sent;		/* with lag */
};

struct fakeapi {
	struct pin_host	*host;
	struct pin_loop	*loop;
	struct world	 w;
	struct fakeapi_watch watch[FAKEAPI_WATCHES];
	uint32_t	 nwatches;
	/* Switches, on the loop. */
	uint32_t	 mute;		/* watches hear nothing */
	uint32_t	 lag;		/* and this many ms later what is there
					 * then, deletions never */
	struct pin_timer lag_timer;
	uint32_t	 refuse;	/* this many writes get `status` */
	int		 status;
	const char	*refusal;	/* their body; NULL: a plain Status */
	uint32_t	 expired;	/* resumed watches get 410 */
	/* Counters. */
	atomic_int	 writes, reads, lists, watches, events, most;
	atomic_int	 inflight;
	uint32_t	 hold;		/* answers wait for the next turn */
	char		 log[65536];	/* "POST /api/v1/...\n" */
	char		 user[128];	/* of the last write */
};

extern struct fakeapi fake;

void	fakeapi_open(void);
void	fakeapi_close(void);
void	fakeapi_do(void (*fn)(void *), void *arg);
/* As a user: on the loop, by fakeapi_do. */
void	fakeapi_put(const char *group, const char *resource,
	    const char *json);
void	fakeapi_delete(const char *group, const char *resource,
	    const char *ns, const char *name);
void	fakeapi_catch_up(void);		/* no lag from now on */
void	fakeapi_drop_watches(void);
void	fakeapi_error(int code);	/* an ERROR event to all */
struct transport *fakeapi_transport(struct pin_loop *);

#endif
