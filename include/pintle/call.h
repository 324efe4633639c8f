/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call.h -- one call into a plugin that may answer now or later.
 * Contract: the callee returns a verdict of its kind (>= 0), a named error
 * (< 0, text in the call's err), or PIN_LATER. After PIN_LATER it calls
 * pin_call_done exactly once, from any thread; every input stays valid until
 * then. A call that was cancelled or ran past its deadline still owes its
 * pin_call_done; the host drops the late answer by generation. */
#ifndef PINTLE_CALL_H
#define PINTLE_CALL_H

#include <pintle/err.h>

struct pin_call;

#define PIN_LATER	0x7fff

/* Where to write the reason of an error or a refusal. Callee's until done. */
PIN_API struct pin_err *pin_call_err(struct pin_call *);
/* Memory that lives as long as the call: what results may point to. */
struct pin_arena;
PIN_API struct pin_arena *pin_call_arena(struct pin_call *);
PIN_API uint64_t pin_call_deadline(const struct pin_call *); /* ns, host's
							      * now */
PIN_API int	 pin_call_cancelled(const struct pin_call *);
PIN_API void	 pin_call_done(struct pin_call *, int verdict);
/* A line for the audit trail and `pintle why`: copied; at most 256 bytes. */
PIN_API void	 pin_call_note(struct pin_call *, const char *fmt, ...)
    PIN_PRINTF(2, 3);
/* A Warning header (299) for the client; at most 8 a request are kept. */
PIN_API void	 pin_call_warn(struct pin_call *, const char *fmt, ...)
    PIN_PRINTF(2, 3);

#endif
