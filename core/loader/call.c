/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call.c -- one call into a plugin, from its begin to its answer.
 *
 *	IDLE -> RUN -> IDLE			answered at once
 *	IDLE -> RUN -> LATER -> IDLE		pin_call_done, by message
 *	               LATER -> GIVEN_UP -> (free)   deadline or cancel, then
 *					the late answer, which is dropped
 *
 * A call that was given up keeps its memory to itself until the plugin has
 * answered, so a late answer cannot meet another request. The request itself
 * may go on with a new call (pin_call_renew); its arena is shared with the
 * plugin until the answer, and released after the last of them.
 * Threads: call_int.h. Contract: call.h, <pintle/call.h>. */
#include "core/loader/call_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/loader/loader_int.h"
#include "lib/base/arena_int.h"

#define CALL_MAGIC	0x63616c6cu
#define CALLS_MAGIC	0x63616c73u
#define LOG_EVERY_NS	UINT64_C(10000000000)	/* per stage */

struct pin_calls {
	uint32_t	 magic;
	atomic_uint	 out;		/* taken and not given back */
	uint32_t	 nidle;
	uint32_t	 pad;
	struct pin_loop	*loop;
	struct pin_host	*host;
	struct pin_call	*idle;
};

/* ---- pool -------------------------------------------------------- */

struct pin_calls *
pin_calls_new(struct pin_loop *loop)
{
	struct pin_calls *cs = pin_xcalloc(1, sizeof(*cs));

	cs->magic = CALLS_MAGIC;
	cs->loop = loop;
	cs->host = pin_loop_host(loop);
	return (cs);
}

void
pin_calls_free(struct pin_calls **csp)
{
	struct pin_calls *cs = *csp;
	struct pin_call *c;

	PIN_VALID(cs, CALLS_MAGIC);
	PIN_ASSERT(atomic_load(&cs->out) == 0);
	*csp = NULL;
	while ((c = cs->idle) != NULL) {
		cs->idle = c->next;
		free(c);
	}
	cs->magic = 0;
	free(cs);
}

uint32_t
pin_calls_out(const struct pin_calls *cs)
{
	PIN_VALID(cs, CALLS_MAGIC);
	return (atomic_load(&cs->out));
}

static void	call_on_done(struct pin_msg *);
static void	call_on_work(struct pin_work *);
static void	call_on_worked(struct pin_work *);
static void	call_on_deadline(struct pin_timer *);

static void
call_recycle(struct pin_call *c)
{
	struct pin_calls *cs = c->pool;

	PIN_ASSERT(c->older == NULL && c->newer == NULL);
	PIN_ASSERT(atomic_fetch_sub(&cs->out, 1) > 0);
	if (cs->nidle == PIN_CALLS_IDLE_MAX) {
		c->magic = 0;
		free(c);
		return;
	}
	cs->nidle++;
	c->next = cs->idle;
	cs->idle = c;
}

struct pin_call *
pin_call_new(struct pin_calls *cs, const struct pin_call_owner *owner)
{
	struct pin_call *c = cs->idle;

	PIN_VALID(cs, CALLS_MAGIC);
	PIN_ASSERT_LOOP(cs->loop);
	if (c != NULL) {
		cs->idle = c->next;
		cs->nidle--;
	} else {
		c = pin_xcalloc(1, sizeof(*c));
		c->magic = CALL_MAGIC;
		c->pool = cs;
		c->msg.fn = call_on_done;
		c->work.fn = call_on_work;
		c->work.done = call_on_worked;
		c->work.loop = cs->loop;
		pin_timer_init(&c->timer, cs->loop, call_on_deadline);
	}
	(void)atomic_fetch_add(&cs->out, 1);
	c->owner = *owner;
	c->state = CALL_IDLE;
	c->ended = 0;
	c->stage = NULL;
	c->older = c->newer = NULL;
	c->warn.n = c->note.n = c->ndecisions = 0;
	c->last.code = PIN_OK;
	c->last.text[0] = '\0';
	return (c);
}

/* Out of its request's list, whose newest says whether the request is over.
 * Returns whether others are left. */
static int
call_leave(struct pin_call *c)
{
	struct pin_call *older = c->older, *newer = c->newer;

	if (older != NULL)
		older->newer = newer;
	if (newer != NULL)
		newer->older = older;
	else if (older != NULL)
		older->ended = 1;
	c->older = c->newer = NULL;
	call_recycle(c);
	return (older != NULL || newer != NULL);
}

int
pin_call_end(struct pin_call **cp)
{
	struct pin_call *c = *cp;

	PIN_VALID(c, CALL_MAGIC);
	PIN_ASSERT_LOOP(c->pool->loop);
	PIN_ASSERT(c->state == CALL_IDLE || c->state == CALL_GIVEN_UP);
	PIN_ASSERT(c->newer == NULL);
	*cp = NULL;
	if (c->state == CALL_GIVEN_UP) {
		c->ended = 1;
		return (1);
	}
	return (call_leave(c));
}

int
pin_call_renew(struct pin_call **cp)
{
	struct pin_call *c = *cp, *n;

	PIN_VALID(c, CALL_MAGIC);
	if (c->state != CALL_GIVEN_UP)
		return (0);
	n = pin_call_new(c->pool, &c->owner);
	n->older = c;
	c->newer = n;
	n->warn = c->warn;
	n->note = c->note;
	n->last = c->last;
	n->ndecisions = c->ndecisions;
	memcpy(n->decision, c->decision, c->ndecisions *
	    sizeof(c->decision[0]));
	*cp = n;
	return (1);
}

int
pin_call_pending(const struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	return (c->state == CALL_LATER);
}

/* ---- what the plugin sees: any thread ---------------------------- */

struct pin_err *
pin_call_err(struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	return (&c->err);
}

struct pin_arena *
pin_call_arena(struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	return (c->owner.arena);
}

uint64_t
pin_call_deadline(const struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	return (c->deadline_ns);
}

int
pin_call_cancelled(const struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	return (atomic_load(&c->cancelled) != 0);
}

void
pin_call_done(struct pin_call *c, int verdict)
{
	PIN_VALID(c, CALL_MAGIC);
	if (atomic_exchange(&c->done, 1) != 0) {
		pin_log(c->pool->host, PIN_LOG_ERROR,
		    "plugin %s answered one call twice", c->stage->name);
		return;
	}
	c->verdict = verdict;
	pin_loop_post(c->pool->loop, &c->msg);
}

static void
line_add(struct pin_call *c, struct pin__lines *l, const char *text)
{
	struct pin_str s;

	if (l->n == PIN_CALL_LINES_MAX)
		return;
	s.len = strlen(text);
	s.p = pin_arena_strndup(c->owner.arena, text, s.len);
	if (s.p == NULL)
		return;
	l->line[l->n].stage = c->stage;
	l->line[l->n++].text = s;
}

void
pin_call_note(struct pin_call *c, const char *fmt, ...)
{
	char text[PIN_CALL_LINE_BYTES];
	va_list ap;

	PIN_VALID(c, CALL_MAGIC);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line_add(c, &c->cur_note, text);
}

void
pin_call_warn(struct pin_call *c, const char *fmt, ...)
{
	char text[PIN_CALL_LINE_BYTES];
	va_list ap;

	PIN_VALID(c, CALL_MAGIC);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line_add(c, &c->cur_warn, text);
}

/* ---- the verdict ------------------------------------------------- */

/* The largest verdict a kind has, and from which one on it refuses. */
static const struct verdicts {
	int	max, refuse;
} verdicts[PIN_SECTION__COUNT] = {
	[PIN_SECTION_AUTHENTICATION] = { PIN_AUTHN_NO, PIN_AUTHN_NO },
	[PIN_SECTION_AUTHORIZATION] = { PIN_AUTHZ_DENY, PIN_AUTHZ_DENY },
	[PIN_SECTION_ADMISSION] = { PIN_REFUSE, PIN_REFUSE },
};

static int
verdict_check(struct pin_call *c, int verdict)
{
	const struct verdicts *v = &verdicts[c->stage->section];

	if (verdict > v->max)
		return (pin_err_set(&c->err, PIN_EINTERNAL, "plugin %s "
		    "answered %d, which is no verdict of its kind",
		    c->stage->name, verdict));
	if (verdict < 0 && c->err.text[0] == '\0')
		(void)pin_err_set(&c->err, verdict, "plugin %s: %s",
		    c->stage->name, pin_err_text(verdict));
	if (verdict == v->refuse && v->max == PIN_REFUSE &&
	    c->err.code == PIN_OK)
		(void)pin_err_set(&c->err, PIN_EFORBIDDEN,
		    "refused by %s", c->stage->name);
	return (verdict);
}

static void
count(struct pin_call *c, int verdict)
{
	struct pin_stage *st = c->stage;

	atomic_fetch_add(&st->calls, 1);
	if (verdict < 0)
		atomic_fetch_add(&st->errors, 1);
	else if (verdict > 0 && verdict == verdicts[st->section].refuse)
		atomic_fetch_add(&st->refusals, 1);
}

/* A stage that only watches: what it said is told, not done. */
static int
mode_apply(struct pin_call *c, int verdict, const char *why,
    struct pin__lines *warn, struct pin__lines *note)
{
	const struct pin_stage *st = c->stage;
	int refused = verdict > 0 && verdict == verdicts[st->section].refuse;
	char text[PIN_CALL_LINE_BYTES];

	if (st->mode == PIN_MODE_ENFORCE)
		return (verdict);
	if (verdict == 0 || st->mode == PIN_MODE_SHADOW)
		return (0);
	(void)snprintf(text, sizeof(text), "%.63s %s: %.160s", st->name,
	    verdict < 0 ? "failed" : refused ? "would refuse" :
	    "would accept", why);
	line_add(c, st->mode == PIN_MODE_WARN && verdict != 0 &&
	    (refused || verdict < 0) ? warn : note, text);
	return (0);
}

static void
lines_keep(struct pin__lines *to, const struct pin__lines *from)
{
	for (uint32_t i = 0; i < from->n && to->n < PIN_CALL_LINES_MAX; i++)
		to->line[to->n++] = from->line[i];
}

static void
decide(struct pin_call *c, int verdict, int counted, uint64_t ns)
{
	struct pin_decision *d;

	if (c->ndecisions == PIN_DECISIONS_MAX)
		return;
	d = &c->decision[c->ndecisions++];
	d->stage = c->stage;
	d->ns = ns;
	d->verdict = verdict;
	d->counted = counted;
}

/* The answer is here and counts: what it comes to. */
static int
finish(struct pin_call *c, int verdict, uint64_t ns)
{
	int counted;

	verdict = verdict_check(c, verdict);
	count(c, verdict);
	counted = mode_apply(c, verdict, c->err.text, &c->cur_warn,
	    &c->cur_note);
	if (c->stage->mode != PIN_MODE_SHADOW) {
		lines_keep(&c->warn, &c->cur_warn);
		lines_keep(&c->note, &c->cur_note);
	}
	decide(c, verdict, counted, ns);
	if (counted != 0)
		c->last = c->err;
	if (c->args.user != NULL)
		*c->args.user = c->user;
	c->state = CALL_IDLE;
	return (counted);
}

/* At most one line a stage in LOG_EVERY_NS: a slow plugin is slow often. */
static void
budget_check(struct pin_call *c, uint64_t now, uint64_t ns)
{
	struct pin_stage *st = c->stage;
	uint64_t last;

	if (ns <= st->budget_ns)
		return;
	atomic_fetch_add(&st->slow, 1);
	last = atomic_load(&st->logged_ns);
	if ((last != 0 && now - last < LOG_EVERY_NS) ||
	    !atomic_compare_exchange_strong(&st->logged_ns, &last, now))
		return;
	pin_log(c->pool->host, PIN_LOG_WARN, "%s %s took %" PRIu64 " us of "
	    "its front thread, its budget is %" PRIu64 " us: it should say "
	    "PIN_LATER, or carry the flag PIN_PLUGIN_BLOCKING",
	    pin_section(st->section)->name, st->name, ns / 1000,
	    st->budget_ns / 1000);
}

/* ---- later ------------------------------------------------------- */

static void
later_begin(struct pin_call *c, uint64_t now)
{
	uint64_t left = c->deadline_ns > now ? c->deadline_ns - now : 0;

	c->state = CALL_LATER;
	if (c->stage->set != NULL)
		c->set = pin_set_ref(c->stage->set);
	pin_timer_start(&c->timer, (left + 999999) / 1000000);
}

/* The owed answer is here; nothing of the plugin's touches c any more. */
static void
later_end(struct pin_call *c, int verdict)
{
	struct pin_set *set = c->set;
	struct pin_call_owner owner = c->owner;
	uint64_t now = pin_host_now(c->pool->host);

	c->set = NULL;
	pin__arena_unshare(owner.arena);
	if (c->state == CALL_GIVEN_UP) {
		c->state = CALL_IDLE;
		if ((c->ended || c->newer != NULL) && !call_leave(c))
			owner.release(owner.arg);
		pin_set_put(&set);
		return;
	}
	PIN_ASSERT(c->state == CALL_LATER);
	pin_timer_stop(&c->timer);
	pin_set_put(&set);		/* the request has its own */
	if (verdict == PIN_LATER)
		verdict = PIN_EINTERNAL;
	verdict = finish(c, verdict, now - c->started_ns);
	owner.resume(owner.arg, verdict, &c->last);
}

static void
call_on_done(struct pin_msg *msg)
{
	struct pin_call *c = (struct pin_call *)(void *)((char *)msg -
	    offsetof(struct pin_call, msg));

	PIN_VALID(c, CALL_MAGIC);
	c->done_seen = 1;
	if (!c->working)
		later_end(c, c->verdict);
}

static void
call_on_work(struct pin_work *w)
{
	struct pin_call *c = (struct pin_call *)(void *)((char *)w -
	    offsetof(struct pin_call, work));
	int verdict = c->thunk(c);

	if (verdict != PIN_LATER)
		pin_call_done(c, verdict);
}

static void
call_on_worked(struct pin_work *w)
{
	struct pin_call *c = (struct pin_call *)(void *)((char *)w -
	    offsetof(struct pin_call, work));

	c->working = 0;
	if (c->done_seen)
		later_end(c, c->verdict);
}

static void
call_on_deadline(struct pin_timer *t)
{
	struct pin_call *c = (struct pin_call *)(void *)((char *)t -
	    offsetof(struct pin_call, timer));
	uint64_t ns = pin_host_now(c->pool->host) - c->started_ns;
	int counted;

	PIN_ASSERT(c->state == CALL_LATER);
	if (atomic_load(&c->done))
		return;			/* its message is on the way */
	c->state = CALL_GIVEN_UP;
	atomic_store(&c->cancelled, 1);
	atomic_fetch_add(&c->stage->timeouts, 1);
	count(c, PIN_ETIMEOUT);
	/* err and lines are still the callee's. */
	(void)pin_err_set(&c->last, PIN_ETIMEOUT, "plugin %s did not answer "
	    "within %" PRIu64 " ms", c->stage->name, ns / 1000000);
	pin_log(c->pool->host, PIN_LOG_WARN, "%s %s did not answer within "
	    "%" PRIu64 " ms", pin_section(c->stage->section)->name,
	    c->stage->name, ns / 1000000);
	counted = mode_apply(c, PIN_ETIMEOUT, c->last.text, &c->warn,
	    &c->note);
	decide(c, PIN_ETIMEOUT, counted, ns);
	c->owner.resume(c->owner.arg, counted, &c->last);
}

void
pin_call_cancel(struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	PIN_ASSERT_LOOP(c->pool->loop);
	if (c->state != CALL_LATER)
		return;
	c->state = CALL_GIVEN_UP;
	atomic_store(&c->cancelled, 1);
	pin_timer_stop(&c->timer);
}

/* ---- run --------------------------------------------------------- */

static void
call_begin(struct pin_call *c, struct pin_stage *st, uint64_t deadline_ns,
    pin__thunk_fn *thunk, uint64_t now)
{
	PIN_VALID(c, CALL_MAGIC);
	PIN_VALID(st, PIN_STAGE_MAGIC);
	PIN_ASSERT_LOOP(c->pool->loop);
	PIN_ASSERT(c->state == CALL_IDLE);
	c->stage = st;
	c->thunk = thunk;
	c->started_ns = now;
	c->deadline_ns = now + st->deadline_ns;
	if (deadline_ns != 0 && deadline_ns < c->deadline_ns)
		c->deadline_ns = deadline_ns;
	atomic_store(&c->done, 0);
	atomic_store(&c->cancelled, 0);
	c->done_seen = c->working = 0;
	c->cur_warn.n = c->cur_note.n = 0;
	c->err.code = PIN_OK;
	c->err.os_errno = 0;
	c->err.text[0] = '\0';
}

static int
run_isolated(struct pin_call *c, uint32_t op, uint64_t now)
{
	int rc;

	later_begin(c, now);
	rc = pin__isolate_call(c->stage->isolate, c, op, &c->err);
	if (rc == PIN_OK)
		return (PIN_LATER);
	pin_timer_stop(&c->timer);
	pin_set_put(&c->set);
	pin__arena_unshare(c->owner.arena);
	return (finish(c, rc, 0));
}

int
pin__call_run(struct pin_call *c, struct pin_stage *st, uint64_t deadline_ns,
    pin__thunk_fn *thunk, uint32_t op)
{
	uint64_t now = pin_host_now(c->pool->host), end;
	int rc;

	call_begin(c, st, deadline_ns, thunk, now);
	if (c->deadline_ns <= now)
		return (finish(c, pin_err_set(&c->err, PIN_ETIMEOUT, "the "
		    "request's time was over before plugin %s", st->name),
		    0));
	pin__arena_share(c->owner.arena);
	if (st->isolate != NULL)
		return (run_isolated(c, op, now));
	if ((st->plugin->flags & PIN_PLUGIN_BLOCKING) != 0) {
		later_begin(c, now);
		c->working = 1;
		pin_work_start(&c->work);
		return (PIN_LATER);
	}
	c->state = CALL_RUN;
	rc = thunk(c);
	end = pin_host_now(c->pool->host);
	budget_check(c, end, end - now);
	/* One that calls done and answers too is heard by its done. */
	if (rc == PIN_LATER || atomic_load(&c->done)) {
		later_begin(c, now);
		return (PIN_LATER);
	}
	pin__arena_unshare(c->owner.arena);
	return (finish(c, rc, end - now));
}

/* ---- what the calls left ----------------------------------------- */

uint32_t
pin_call_warnings(const struct pin_call *c, const struct pin_call_line **out)
{
	PIN_VALID(c, CALL_MAGIC);
	*out = c->warn.line;
	return (c->warn.n);
}

uint32_t
pin_call_notes(const struct pin_call *c, const struct pin_call_line **out)
{
	PIN_VALID(c, CALL_MAGIC);
	*out = c->note.line;
	return (c->note.n);
}

uint32_t
pin_call_decisions(const struct pin_call *c, const struct pin_decision **out)
{
	PIN_VALID(c, CALL_MAGIC);
	*out = c->decision;
	return (c->ndecisions);
}

const struct pin_err *
pin_call_error(const struct pin_call *c)
{
	PIN_VALID(c, CALL_MAGIC);
	return (&c->last);
}
