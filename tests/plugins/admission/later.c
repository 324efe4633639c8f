/* SPDX-License-Identifier: BSD-2-Clause
 *
 * later -- test plugin: says PIN_LATER and answers from a thread of its own,
 * after `time`, or, when `hold` names a file, as soon as that file is there
 * (and makes hold.held to say that it waits).
 * Thread: any. Contract: pintle/admission.h, pintle/call.h. */
#include <pintle/admission.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX	64

struct later {
	pthread_t	 thread;
	pthread_mutex_t	 lock;
	pthread_cond_t	 ready;
	int64_t		 ms;
	const char	*hold;
	uint32_t	 stop;
	uint32_t	 first, n;	/* a ring: none may starve */
	struct pin_call	*queue[QUEUE_MAX];
};

static pin_open_fn later_open;
static pin_close_fn later_close;
static pin_admission_validate_fn later_validate;

static const struct pin_option later_options[] = {
	{ "time", PIN_OPT_DURATION, 0, "1ms", "how long", 0, 60000 },
	{ "hold", PIN_OPT_PATH, 0, NULL, "answer when this exists", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match later_match[] = {
	{ "*", "*/*", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops later_ops = {
	.size = sizeof(later_ops),
	.match = later_match,
	.validate = later_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "later", .version = "1.0",
	.summary = "answers later from its own thread, for tests",
	.options = later_options, .ops = &later_ops,
	.open = later_open, .close = later_close,
};

static void
nap(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static void
answer(struct later *l, struct pin_call *call)
{
	char held[PATH_MAX];

	if (l->hold != NULL) {
		(void)snprintf(held, sizeof(held), "%s.held", l->hold);
		(void)close(open(held, O_CREAT | O_WRONLY, 0600));
	}
	while (l->hold != NULL && access(l->hold, F_OK) != 0)
		nap(1);
	nap(l->ms);
	pin_call_note(call, "answered later");
	pin_call_done(call, PIN_ADMIT);
}

static void *
later_run(void *arg)
{
	struct later *l = arg;
	struct pin_call *call;

	(void)pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		if (l->n == 0) {
			(void)pthread_cond_wait(&l->ready, &l->lock);
			continue;
		}
		call = l->queue[l->first];
		l->first = (l->first + 1) % QUEUE_MAX;
		l->n--;
		(void)pthread_mutex_unlock(&l->lock);
		answer(l, call);
		(void)pthread_mutex_lock(&l->lock);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return (NULL);
}

static int
later_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct later *l = pin_xcalloc(1, sizeof(*l));
	int rc;

	(void)env;
	l->ms = pin_conf_int(conf, "time");
	l->hold = pin_conf_string(conf, "hold");
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->ready, NULL);
	rc = pthread_create(&l->thread, NULL, later_run, l);
	if (rc != 0) {
		free(l);
		return (pin_err_os(err, PIN_EINTERNAL, rc, "thread"));
	}
	*self = l;
	return (PIN_OK);
}

static void
later_close(void *self)
{
	struct later *l = self;

	(void)pthread_mutex_lock(&l->lock);
	l->stop = 1;
	(void)pthread_cond_signal(&l->ready);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(l->thread, NULL);
	(void)pthread_cond_destroy(&l->ready);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static int
later_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *req)
{
	struct later *l = self;
	int rc = PIN_LATER;

	(void)req;
	(void)pthread_mutex_lock(&l->lock);
	if (l->n == QUEUE_MAX)
		rc = PIN_EBUSY;
	else
		l->queue[(l->first + l->n++) % QUEUE_MAX] = call;
	(void)pthread_cond_signal(&l->ready);
	(void)pthread_mutex_unlock(&l->lock);
	return (rc);
}
