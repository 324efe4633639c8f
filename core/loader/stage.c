/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.c -- one function per callback of auth, admission and validation;
 * nobody else calls through an ops table of theirs.
 * Thread: the call's loop; a thunk runs on a work thread for a BLOCKING
 * plugin. Contract: stage.h. */
#include "core/loader/stage.h"

#include <inttypes.h>
#include <string.h>

#include "core/loader/call_int.h"
#include "core/loader/loader_int.h"

/* ---- auth -------------------------------------------------------- */

static int
thunk_authenticate(struct pin_call *c)
{
	const struct pin_auth_ops *ops = c->stage->ops;

	return (ops->authenticate(c->stage->self, c, c->args.a,
	    c->args.out));
}

int
pin_stage_authenticate(struct pin_stage *st, struct pin_call *c,
    uint64_t deadline_ns, const struct pin_credentials *creds,
    struct pin_user *out)
{
	c->user = *out;			/* a late answer must not meet out */
	c->args = (struct pin__args){ .a = creds, .out = &c->user,
	    .user = out };
	return (pin__call_run(c, st, deadline_ns, thunk_authenticate,
	    PIN__OP_LOCAL));
}

static int
thunk_authorize(struct pin_call *c)
{
	const struct pin_auth_ops *ops = c->stage->ops;

	return (ops->authorize(c->stage->self, c, c->args.a, c->args.b));
}

int
pin_stage_authorize(struct pin_stage *st, struct pin_call *c,
    uint64_t deadline_ns, const struct pin_user *user,
    const struct pin_attributes *attributes)
{
	c->user = *user;
	c->attr = *attributes;
	c->args = (struct pin__args){ .a = &c->user, .b = &c->attr };
	return (pin__call_run(c, st, deadline_ns, thunk_authorize,
	    PIN__OP_LOCAL));
}

static int
thunk_rules(struct pin_call *c)
{
	const struct pin_auth_ops *ops = c->stage->ops;

	return (ops->rules(c->stage->self, c, c->args.a, c->args.ns,
	    c->args.emit, c->args.emit_arg));
}

int
pin_stage_rules(struct pin_stage *st, struct pin_call *c,
    uint64_t deadline_ns, const struct pin_user *user, struct pin_str ns,
    pin_auth_rule_fn *emit, void *arg)
{
	const struct pin_auth_ops *ops = st->ops;
	int rc;

	if (!PIN_HAS(ops, rules) ||
	    (st->plugin->flags & PIN_PLUGIN_BLOCKING) != 0)
		return (PIN_ENOTFOUND);
	c->user = *user;
	c->args = (struct pin__args){ .a = &c->user, .ns = ns, .emit = emit,
	    .emit_arg = arg };
	rc = pin__call_run(c, st, deadline_ns, thunk_rules, PIN__OP_LOCAL);
	if (rc != PIN_LATER)
		return (rc);
	pin_call_cancel(c);		/* nobody waits for rules */
	return (PIN_ETIMEOUT);
}

/* ---- admission --------------------------------------------------- */

/* "pods", "pods/status", "*" (any, no subresource), "* / status" without the
 * blanks, "pods / *", "* / *". */
static int
resource_matches(const char *rule, struct pin_str resource,
    struct pin_str subresource)
{
	const char *slash = strchr(rule, '/');
	struct pin_str want = { rule, slash != NULL ?
	    (size_t)(slash - rule) : strlen(rule) };

	if (!pin_str_is(want, "*") && !pin_str_eq(want, resource))
		return (0);
	if (slash == NULL)
		return (subresource.len == 0);
	return (strcmp(slash + 1, "*") == 0 ||
	    pin_str_is(subresource, slash + 1));
}

static const struct pin_admission_match *
stage_match(const struct pin_stage *st)
{
	const struct pin_admission_ops *a = st->ops;
	const struct pin_validation_ops *v = st->ops;

	return (st->plugin->kind == PIN_KIND_ADMISSION ? a->match : v->match);
}

int
pin_stage_matches(const struct pin_stage *st,
    const struct pin_admission_request *req)
{
	const struct pin_admission_match *m;

	for (m = stage_match(st); m->resource != NULL; m++)
		if ((m->operations & req->operation) != 0 &&
		    (strcmp(m->group, "*") == 0 ||
		    pin_str_is(req->group, m->group)) &&
		    resource_matches(m->resource, req->resource,
		    req->subresource))
			return (1);
	return (0);
}

int
pin_stage_has_mutate(const struct pin_stage *st)
{
	const struct pin_admission_ops *ops = st->ops;

	return (PIN_HAS(ops, mutate));
}

int
pin_stage_has_validate(const struct pin_stage *st)
{
	const struct pin_admission_ops *ops = st->ops;

	return (PIN_HAS(ops, validate));
}

static int
thunk_mutate(struct pin_call *c)
{
	const struct pin_admission_ops *ops = c->stage->ops;

	return (ops->mutate(c->stage->self, c, c->args.a, c->args.out));
}

int
pin_stage_mutate(struct pin_stage *st, struct pin_call *c,
    uint64_t deadline_ns, const struct pin_admission_request *req,
    struct pin_patch *patch)
{
	PIN_ASSERT(pin_stage_has_mutate(st));
	if (st->mode != PIN_MODE_ENFORCE)	/* what it changes is dropped */
		patch = pin_patch_new(c->owner.arena);
	if (patch == NULL)
		return (pin_err_set(&c->last, PIN_ENOMEM, "plugin %s: %s",
		    st->name, pin_err_text(PIN_ENOMEM)));
	c->req = *req;
	c->args = (struct pin__args){ .a = &c->req, .out = patch };
	return (pin__call_run(c, st, deadline_ns, thunk_mutate,
	    PIN__OP_MUTATE));
}

static int
thunk_validate(struct pin_call *c)
{
	const struct pin_admission_ops *ops = c->stage->ops;

	return (ops->validate(c->stage->self, c, c->args.a));
}

int
pin_stage_validate(struct pin_stage *st, struct pin_call *c,
    uint64_t deadline_ns, const struct pin_admission_request *req)
{
	PIN_ASSERT(pin_stage_has_validate(st));
	c->req = *req;
	c->args = (struct pin__args){ .a = &c->req };
	return (pin__call_run(c, st, deadline_ns, thunk_validate,
	    PIN__OP_VALIDATE));
}

/* ---- validation -------------------------------------------------- */

void
pin_stage_check(struct pin_stage *st, struct pin_host *host,
    const struct pin_admission_request *req, struct pin_causes *causes)
{
	const struct pin_validation_ops *ops = st->ops;
	uint64_t start = pin_host_now(host), ns;

	ops->check(st->self, req, causes);
	ns = pin_host_now(host) - start;
	atomic_fetch_add(&st->calls, 1);
	if (ns > st->budget_ns)
		atomic_fetch_add(&st->slow, 1);
}
