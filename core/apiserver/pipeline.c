/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pipeline.c -- the way of a request, as tables of steps: first the steps
 * all share, then those of its verb.
 * Thread: the front loop of the exchange.
 * Contract: upstream's order (route, authentication, flow control,
 * authorization, decode, admission, validation, store); a step that answers
 * is the last thing that touches the request. */
#include "core/apiserver/apiserver.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/chain.h"
#include "core/apiserver/flow.h"
#include "core/apiserver/strategy.h"
#include "core/apiserver/verbs.h"

#define REQUEST_MAGIC	0x72657131u	/* "req1" */

static int step_route(struct request *);
static int step_dispatch(struct request *);

static const struct step common_steps[] = {
	{ "route",		step_route },
	{ "authenticate",	chain_authenticate },
	{ "impersonate",	chain_impersonate },
	{ "flow",		flow_enter },
	{ "authorize",		chain_authorize },
	{ "dispatch",		step_dispatch },
	{ NULL, NULL }
};

void
request_run(struct request *r)
{
	const struct step *s;
	int rc;

	for (;;) {
		PIN_VALID(r, REQUEST_MAGIC);
		s = &r->steps[r->step];
		PIN_ASSERT(s->run != NULL);
		rc = s->run(r);
		if (rc != STEP_NEXT)
			return;		/* DONE: r is gone */
		r->step++;
	}
}

void
request_resume(struct request *r)
{
	PIN_ASSERT_LOOP(r->front->loop);
	r->step++;
	request_run(r);
}

/* The caller returns STEP_NEXT, which steps onto steps[0]. */
int
request_steps(struct request *r, const struct step *steps)
{
	r->steps = steps;
	r->step = UINT32_MAX;
	return (STEP_NEXT);
}

void
request_warn(struct request *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	uint32_t i;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (i = 0; i < r->nwarnings; i++)
		if (pin_str_is(r->warnings[i], text))
			return;
	if (r->nwarnings < REQUEST_WARNINGS_MAX)
		r->warnings[r->nwarnings++] = pin_arena_str(r->arena,
		    pin_str(text));
}

/* ---- shared steps --------------------------------------------------- */

static int
step_route(struct request *r)
{
	if (request_route(r) != PIN_OK || request_query(r, &r->err) != PIN_OK)
		return (reply_error(r));
	return (STEP_NEXT);
}

/* A kind that is in no namespace, as if it were. A Namespace is in itself. */
static int
misplaced(const struct request *r)
{
	return ((r->res->flags & (PIN_RF_NAMESPACED | PIN_RF_REVIEW)) == 0 &&
	    r->info.namespace.len > 0 && !(r->info.group.len == 0 &&
	    pin_str_is(r->info.resource, "namespaces")));
}

static int
step_dispatch(struct request *r)
{
	const struct step *steps;
	uint32_t allowed;

	if (!r->info.is_resource)
		return (endpoint_dispatch(r));
	if (r->res == NULL || (r->info.subresource.len > 0 && r->sub == NULL) ||
	    misplaced(r)) {
		if (!endpoint_group_exists(r))
			return (reply_bytes(r, 404, "text/plain; charset=utf-8",
			    PIN_STR("404 page not found\n")));
		return (reply_err(r, PIN_ENOTFOUND,
		    "the server could not find the requested resource"));
	}
	allowed = r->sub != NULL ? r->sub->verbs : r->res->verbs;
	steps = verb_steps(r);
	if ((allowed & r->info.verb_bit) == 0 || steps == NULL)
		return (reply_err(r, PIN_EMETHOD, "the server does not allow "
		    "this method on the requested resource"));
	if ((r->res->flags & PIN_RF_NAMESPACED) != 0 &&
	    r->info.namespace.len == 0 && (r->info.verb_bit &
	    (PIN_VERB_LIST | PIN_VERB_WATCH)) == 0 &&
	    (r->res->flags & PIN_RF_REVIEW) == 0)
		return (reply_err(r, PIN_EMETHOD, "the server does not allow "
		    "this method on the requested resource"));
	request_deprecated(r);
	return (request_steps(r, steps));
}

/* ---- the exchange's side -------------------------------------------- */

static void
request_begin(void *arg, struct exchange *ex)
{
	struct apiserver *srv = arg;
	struct request *r;
	char uid[40];
	uint64_t seq;

	r = pin_arena_zalloc(ex->arena, sizeof(*r));
	PIN_ASSERT(r != NULL);		/* an arena holds at least a request */
	r->magic = REQUEST_MAGIC;
	r->ex = ex;
	r->srv = srv;
	r->front = &srv->fronts[ex->front];
	r->arena = ex->arena;
	r->steps = common_steps;
	r->set = pin_set_get(srv->plugins);
	ex->data = r;
	/* A plugin that answers too late may still read these. */
	ex->head.path = pin_arena_str(r->arena, ex->head.path);
	if (ex->head.query.p != NULL)
		ex->head.query = pin_arena_str(r->arena, ex->head.query);
	seq = ++srv->request_seq;
	snprintf(uid, sizeof(uid), "%.23s-%012" PRIx64, srv->instance,
	    seq & 0xffffffffffffu);
	r->uid = pin_arena_str(r->arena, pin_str(uid));
	r->front->counters.requests++;
	request_run(r);
}

static void
request_credit(struct exchange *ex)
{
	struct request *r = ex->data;

	if (r != NULL)
		verb_credit(r);
}

static void
request_gone(struct exchange *ex)
{
	struct request *r = ex->data;

	if (r == NULL)
		return;
	r->gone = 1;
	verb_gone(r);
}

struct exchange_handler
apiserver_exchange_handler(struct apiserver *srv)
{
	return ((struct exchange_handler){ .begin = request_begin,
	    .credit = request_credit, .gone = request_gone, .arg = srv });
}

void
request_end(struct request *r)
{
	flow_leave(r);
	strategy_release(r);
	if (chain_end(r))
		r->ex->arena = NULL;	/* chain_release frees it */
	pin_set_put(&r->set);
	pin_buf_put(&r->old_bytes);
	pin_buf_put(&r->new_bytes);
	r->ex->data = NULL;
	r->magic = 0;
}
