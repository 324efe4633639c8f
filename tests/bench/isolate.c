/* SPDX-License-Identifier: BSD-2-Clause
 *
 * isolate -- benchmark: what one call into an admission plugin costs, in this
 * process and in one of its own. `isolate [CALLS]`; needs build/tests/plugins.
 * One call at a time, from a loop, as a front asks.
 * Contract: one line a measurement, the best of five. */
#include <stdlib.h>
#include <time.h>

#include "loaded.h"

#define ROUNDS	5

struct asker {
	struct pin_msg	 msg;
	struct pin_stage *stage;
	struct pin_arena *arena;
	struct pin_call	*call;
	struct pin_obj	*obj;
	struct pin_admission_request in;
	int		 left, failed;
	atomic_int	 over;
};

static void	ask(struct asker *);

static void
again(struct pin_msg *msg)
{
	ask((struct asker *)(void *)msg);
}

/* An answer that came at once is followed up by a message, so that both
 * kinds of call cost the same besides. */
static void
answered(struct asker *a, int verdict)
{
	a->failed += verdict != PIN_ADMIT;
	(void)pin_call_end(&a->call);
	pin_arena_free(&a->arena);
	if (--a->left == 0)
		atomic_store(&a->over, 1);
	else
		pin_loop_post(loaded_front[0], &a->msg);
}

static void
resumed(void *arg, int verdict, const struct pin_err *err)
{
	(void)err;
	answered(arg, verdict);
}

static void
released(void *arg)
{
	(void)arg;
}

static void
ask(struct asker *a)
{
	static const char pod[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
	    "\"metadata\":{\"name\":\"p\",\"namespace\":\"default\"},\"spec\":"
	    "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";
	struct pin_call_owner owner = { NULL, resumed, released, a };
	int verdict;

	a->arena = owner.arena = pin_arena_new(1 << 20);
	a->call = pin_call_new(loaded_calls[0], &owner);
	if (pin_obj_parse(a->arena, pod, sizeof(pod) - 1, &a->obj, NULL) !=
	    PIN_OK)
		BAIL("the pod does not parse");
	a->in = (struct pin_admission_request){ .size = sizeof(a->in),
	    .operation = PIN_OP_CREATE, .version = PIN_STR("v1"),
	    .kind = PIN_STR("Pod"), .resource = PIN_STR("pods"),
	    .namespace = PIN_STR("default"), .name = PIN_STR("p"),
	    .object = a->obj };
	verdict = pin_stage_mutate(a->stage, a->call, UINT64_MAX, &a->in,
	    pin_patch_new(a->arena));
	if (verdict != PIN_LATER)
		answered(a, verdict);
}

static void
measure(const char *what, const char *conf, int calls)
{
	struct pin_plugins *ps = loaded_open(conf);
	struct pin_set *set = pin_set_get(ps);
	uint64_t t, best = UINT64_MAX;
	struct timespec nap = { 0, 200000 };
	struct asker a = { .msg.fn = again };

	a.stage = pin_set_chain(set, PIN_SECTION_ADMISSION)->stage[0];
	for (int i = 0; i < ROUNDS; i++) {
		a.left = calls;
		atomic_store(&a.over, 0);
		t = pin_host_now(loaded_host);
		pin_loop_post(loaded_front[0], &a.msg);
		while (!atomic_load(&a.over))
			(void)nanosleep(&nap, NULL);
		t = pin_host_now(loaded_host) - t;
		if (t < best)
			best = t;
	}
	printf("%-32s %8.2f us a call%s\n", what, (double)best / 1000 / calls,
	    a.failed != 0 ? ", SOME FAILED" : "");
	pin_set_put(&set);
	pin_plugins_close(&ps);
}

int
main(int argc, char **argv)
{
	int calls = argc > 1 ? atoi(argv[1]) : 5000;

	if (calls < 1) {
		fprintf(stderr, "usage: isolate [CALLS]\n");
		return (2);
	}
	loaded_init();
	measure("in this process", "admission = ( \"label\" );", calls);
	measure("in a process of its own", "admission = ( { plugin = "
	    "\"label\"; isolation = \"process\"; } );", calls);
	loaded_fini();
	return (0);
}
