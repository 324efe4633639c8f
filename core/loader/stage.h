/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.h -- calling a plugin of each kind: the only place where an ops table
 * of auth, admission or validation is called. Blocking plugins go through
 * the work pool, isolated ones to their process, modes are applied; the
 * caller sees one thing.
 * Thread: the call's loop. Contract: each returns a verdict of the kind, a
 * named error (text in pin_call_error), or PIN_LATER: then `resume` comes. */
#ifndef PIN_CORE_STAGE_H
#define PIN_CORE_STAGE_H

#include "core/loader/call.h"

/* deadline_ns: the request's, in the host's time; 0: none. The stage's own
 * `deadline` shortens it. Inputs stay put until the answer (call.h). */

PIN_API int	 pin_stage_authenticate(struct pin_stage *, struct pin_call *,
    uint64_t deadline_ns, const struct pin_credentials *, struct pin_user *);
PIN_API int	 pin_stage_authorize(struct pin_stage *, struct pin_call *,
    uint64_t deadline_ns, const struct pin_user *,
    const struct pin_attributes *);
/* PIN_ENOTFOUND: it has none. emit runs where the plugin does: for a BLOCKING
 * one that is a work thread. */
PIN_API int	 pin_stage_rules(struct pin_stage *, struct pin_call *,
    uint64_t deadline_ns, const struct pin_user *, struct pin_str ns,
    pin_auth_rule_fn *emit, void *arg);

/* Does the request reach this admission or validation plugin? */
PIN_API int	 pin_stage_matches(const struct pin_stage *,
    const struct pin_admission_request *);
PIN_API int	 pin_stage_has_mutate(const struct pin_stage *);
PIN_API int	 pin_stage_has_validate(const struct pin_stage *);
/* In a mode other than enforce the patch stays empty. */
PIN_API int	 pin_stage_mutate(struct pin_stage *, struct pin_call *,
    uint64_t deadline_ns, const struct pin_admission_request *,
    struct pin_patch *);
PIN_API int	 pin_stage_validate(struct pin_stage *, struct pin_call *,
    uint64_t deadline_ns, const struct pin_admission_request *);

/* Validation is pure and answers at once; in a mode other than enforce the
 * caller hands in causes it then throws away. */
PIN_API void	 pin_stage_check(struct pin_stage *, struct pin_host *,
    const struct pin_admission_request *, struct pin_causes *);

#endif
