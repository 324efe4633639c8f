/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call.h -- the host's side of struct pin_call: one request's calls into
 * plugins, one after another, on one loop. Answers come at once or by
 * `resume`; a deadline answers for a plugin that does not.
 * Thread: the loop's, but for what <pintle/call.h> gives to plugins.
 * Contract: below. */
#ifndef PIN_CORE_CALL_H
#define PIN_CORE_CALL_H

#include <pintle/host.h>

#include "core/loader/loader.h"

#define PIN_CALL_LINES_MAX	8	/* warnings, and notes, a request */
#define PIN_CALL_LINE_BYTES	256
#define PIN_DECISIONS_MAX	64	/* of one request */
#define PIN_CALLS_IDLE_MAX	256	/* kept by a pool for later */

/* The calls of one loop: memory is reused, not given back. */
struct pin_calls;
struct pin_call;

PIN_API struct pin_calls *pin_calls_new(struct pin_loop *);
/* Not while a call is out; the loop has stopped or this is its thread. */
PIN_API void	 pin_calls_free(PIN_OWN struct pin_calls **);
PIN_API uint32_t pin_calls_out(const struct pin_calls *);

/* verdict: what the plugin said (after its mode), or an error with err.
 * Runs on the loop, never from within the function that said PIN_LATER. */
typedef void pin_call_resume_fn(void *arg, int verdict,
    const struct pin_err *err);
/* A call that was given up is over: what it was lent may go now. */
typedef void pin_call_release_fn(void *arg);

struct pin_call_owner {
	struct pin_arena *arena;	/* results live there */
	pin_call_resume_fn *resume;
	pin_call_release_fn *release;
	void		*arg;
};

/* One per request. Then any number of pin_stage_... (stage.h), each after
 * the last has answered. */
PIN_API struct pin_call *pin_call_new(struct pin_calls *,
    const struct pin_call_owner *);
/* The request is over. When a plugin still owes its answer (the deadline
 * passed, or PIN_ECANCELED) this returns 1: the arena and every input stay
 * as they are until `release` runs. 0: all is free, release does not run. */
PIN_API int	 pin_call_end(PIN_OWN struct pin_call **);
/* After `resume`: when the call was given up, a new one takes its place, with
 * what the request's calls have left behind, and 1 comes back: whoever was
 * given up still reads what it was lent, so that must not be changed. */
PIN_API int	 pin_call_renew(struct pin_call **);
/* The client left: `resume` does not run any more for the call in flight.
 * pin_call_end is next. */
PIN_API void	 pin_call_cancel(struct pin_call *);
PIN_API int	 pin_call_pending(const struct pin_call *);

/* ---- what the calls left behind ---------------------------------- */

struct pin_call_line {
	const struct pin_stage *stage;
	struct pin_str	 text;		/* in the arena */
};

struct pin_decision {
	const struct pin_stage *stage;	/* alive while the set is held */
	uint64_t	 ns;
	int32_t		 verdict;	/* as the plugin said it */
	int32_t		 counted;	/* what it came to, after its mode */
};

PIN_API uint32_t pin_call_warnings(const struct pin_call *,
    const struct pin_call_line **);
PIN_API uint32_t pin_call_notes(const struct pin_call *,
    const struct pin_call_line **);
PIN_API uint32_t pin_call_decisions(const struct pin_call *,
    const struct pin_decision **);
/* The text of the last error or refusal that counted. */
PIN_API const struct pin_err *pin_call_error(const struct pin_call *);

#endif
