/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call_int.h -- the inside of struct pin_call, for stage.c and core/isolate.
 * Thread: `done`, `cancelled` and what the callee writes before its done are
 * other threads'; the rest is the loop's. Contract: call.h. */
#ifndef PIN_CORE_CALL_INT_H
#define PIN_CORE_CALL_INT_H

#include <pintle/admission.h>

#include "core/loader/call.h"

enum {
	CALL_IDLE = 0,		/* between two plugins */
	CALL_RUN = 1,		/* inside a callback */
	CALL_LATER = 2,		/* an answer is owed, `resume` waits for it */
	CALL_GIVEN_UP = 3,	/* an answer is owed, nobody waits for it */
};

struct pin__lines {
	uint32_t	 n;
	uint32_t	 pad;
	struct pin_call_line line[PIN_CALL_LINES_MAX];
};

/* The arguments of the callback, kept until the answer. */
struct pin__args {
	const void	*a, *b;
	void		*out;		/* the call's own user, or the patch */
	struct pin_user	*user;		/* where an accepted user goes */
	struct pin_str	 ns;
	pin_auth_rule_fn *emit;
	void		*emit_arg;
};

typedef int pin__thunk_fn(struct pin_call *);

struct pin_call {
	uint32_t	 magic;
	uint32_t	 state;
	struct pin_calls *pool;
	struct pin_call	*next;		/* idle in the pool, or queued */
	/* Of one request: this one, and those given up before it. */
	struct pin_call	*older, *newer;
	struct pin_call_owner owner;
	uint32_t	 ended;		/* by its owner, while given up */
	uint32_t	 working;	/* the work pool has it */
	uint32_t	 op;		/* PIN__OP_..., for an isolate */
	uint32_t	 pad2;

	struct pin_stage *stage;
	struct pin_set	*set;		/* held while an answer is owed */
	pin__thunk_fn	*thunk;
	struct pin__args args;
	/* Its own, for when it was given up the request goes on. */
	struct pin_admission_request req;
	struct pin_attributes attr;
	struct pin_user	 user;
	uint64_t	 started_ns, deadline_ns;

	atomic_uint	 done;		/* pin_call_done was called */
	atomic_uint	 cancelled;
	uint32_t	 done_seen;	/* its message has run */
	int32_t		 verdict;
	struct pin_msg	 msg;
	struct pin_work	 work;
	struct pin_timer timer;

	struct pin_err	 err;		/* the callee's */
	struct pin__lines cur_warn, cur_note; /* the callee's */
	struct pin_err	 last;
	struct pin__lines warn, note;
	uint32_t	 ndecisions;
	uint32_t	 pad;
	struct pin_decision decision[PIN_DECISIONS_MAX];
};

/* Runs thunk for stage: at once, on the work pool, or in its process (op:
 * PIN__OP_...). Returns what pin_stage_... returns. */
int	pin__call_run(struct pin_call *, struct pin_stage *,
	    uint64_t deadline_ns, pin__thunk_fn *, uint32_t op);

/* ---- core/isolate: what may run elsewhere ------------------------ */

enum { PIN__OP_LOCAL = 0, PIN__OP_MUTATE = 1, PIN__OP_VALIDATE = 2 };

/* Queues the call; its pin_call_done comes from the isolate's thread. An
 * error: it will not come. */
int	pin__isolate_call(struct pin_isolate *, struct pin_call *,
	    uint32_t op, struct pin_err *);

#endif
