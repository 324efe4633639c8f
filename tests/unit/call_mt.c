/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call_mt -- a request goes on after a plugin was given up: the next plugins
 * are asked, its arena is written from two threads, and what the plugin was
 * lent lives until its late answer. For TSan.
 * Uses the test plugins. Contract: core/loader/call.h. */
#include "loaded.h"

#define TRIES		50
#define RESULTS_MAX	4000	/* of the owner, after the plugin was left */

/* One request through every stage in turn, as the API server goes. */
struct walk {
	struct req	 q;
	struct pin_set	*set;
	uint32_t	 at, made, gave_up, notes;
	int		 verdict[4];
	atomic_int	 owed;
};

static void	walk_go(struct walk *);

static void
walk_end(struct walk *w)
{
	const struct pin_call_line *line;
	int owed;

	w->notes = pin_call_notes(w->q.call, &line);
	owed = pin_call_end(&w->q.call);
	if (!owed)
		pin_arena_free(&w->q.arena);
	atomic_store(&w->owed, owed ? 2 : 1);
}

/* Some results, and then the next plugin. */
static void
walk_on(struct pin_msg *msg)
{
	struct walk *w = (struct walk *)(void *)msg;
	char *p;

	for (int i = 0; i < 10; i++) {
		p = pin_arena_alloc(w->q.arena, 16);
		if (p != NULL)
			*p = 2;
	}
	w->made += 10;
	if (w->made % RESULTS_MAX != 0)
		pin_loop_post(loaded_front[0], &w->q.msg);
	else
		walk_go(w);
}

static void
walk_resume(void *arg, int verdict, const struct pin_err *err)
{
	struct walk *w = arg;

	(void)err;
	w->verdict[w->at++] = verdict;
	if (pin_call_renew(&w->q.call))
		w->gave_up++;
	w->q.msg.fn = walk_on;
	pin_loop_post(loaded_front[0], &w->q.msg);
}

static void
walk_go(struct walk *w)
{
	const struct pin_chain *c = pin_set_chain(w->set,
	    PIN_SECTION_ADMISSION);

	while (w->at < c->n) {
		w->q.stage = c->stage[w->at];
		w->verdict[w->at] = req_call(&w->q);
		if (w->verdict[w->at] == PIN_LATER)
			return;
		w->at++;
	}
	walk_end(w);
}

static void
walk_begin(struct pin_msg *msg)
{
	struct walk *w = (struct walk *)(void *)msg;

	req_begin(&w->q, walk_resume, w);
	walk_go(w);
}

static void
walk_start(struct walk *w, struct pin_plugins *ps)
{
	memset(w, 0, sizeof(*w));
	w->set = pin_set_get(ps);
	w->q.msg.fn = walk_begin;
	w->q.calls = loaded_calls[0];
	pin_loop_post(loaded_front[0], &w->q.msg);
	WAIT(atomic_load(&w->owed), 20000);
	pin_set_put(&w->set);
}

static void
walk_settle(struct walk *w)
{
	if (atomic_load(&w->owed) == 2)
		WAIT(atomic_load(&w->q.released), 20000);
	WAIT(pin_calls_out(loaded_calls[0]) == 0, 20000);
}

int
main(void)
{
	struct pin_plugins *ps;
	struct walk w;

	tap_deadline(120);
	loaded_init();
	ps = loaded_open("admission = ( { plugin = \"blocking\"; "
	    "deadline = \"20ms\"; time = \"25ms\"; results = 4000; "
	    "mode = \"audit\"; }, { plugin = \"blocking\"; name = \"two\"; "
	    "deadline = \"20ms\"; time = \"40ms\"; results = 4000; "
	    "mode = \"warn\"; }, { plugin = \"later\"; time = \"1ms\"; }, "
	    "{ plugin = \"refuse\"; reason = \"r\"; } );");
	CASE("a request goes on when two plugins were given up") {
		/* A busy machine may look at the deadline when the answer is
		 * there, and then it counts. */
		for (int i = 0; i < TRIES; i++) {
			walk_start(&w, ps);
			if (w.gave_up == 2)
				break;
			walk_settle(&w);
		}
		CHECK_INT(w.verdict[0], PIN_ADMIT);
		CHECK_INT(w.verdict[1], PIN_ADMIT);
		CHECK_INT(w.verdict[2], PIN_ADMIT);
		CHECK_INT(w.verdict[3], PIN_REFUSE);
		CHECK_UINT(w.gave_up, 2);
		CHECK_UINT(w.made, 3 * RESULTS_MAX);
		CHECK_UINT(w.notes, 2);	/* the first, "later" */
	}
	CASE("its memory goes once both have answered, and once")
		walk_settle(&w);
	pin_plugins_close(&ps);
	loaded_fini();
	return (tap_done());
}
