/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controllers.c -- see controllers.h: a loop with a client and a manager on
 * it, and the messages that reach them from the control thread.
 * Contract: controllers.h. */
#include "core/controller/controllers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/controller/controller_int.h"

#define CLOSE_MAX_S	10	/* of waiting for the API server to let go */

struct controllers {
	struct pin_host	*host;
	struct pin_plugins *plugins;
	struct pin_loop	*loop;
	struct manager	*m;
	struct pin_msg	 stop;
	pthread_mutex_t	 lock;
	pthread_cond_t	 ended;
	uint32_t	 gone, pad;
};

struct swap_msg {
	struct pin_msg	 msg;
	struct manager	*m;
	struct pin_set	*set;
};

static const struct pin_str no_groups[1];
static const struct client_identity manager_identity = {
    .name = { "system:kube-controller-manager", 30 }, .groups = no_groups };

static void
swap_on_loop(struct pin_msg *msg)
{
	struct swap_msg *s = (struct swap_msg *)(void *)msg;

	manager_swap(s->m, &s->set);
	free(s);
}

void
controllers_reload(struct controllers *cs)
{
	struct swap_msg *s;

	if (cs == NULL)
		return;
	s = pin_xcalloc(1, sizeof(*s));
	s->msg.fn = swap_on_loop;
	s->m = cs->m;
	s->set = pin_set_get(cs->plugins);
	pin_loop_post(cs->loop, &s->msg);
}

int
controllers_open(struct pin_host *host, struct pin_plugins *plugins,
    struct transport *(*transport)(void *arg, struct pin_loop *), void *arg,
    PIN_OWN struct controllers **out, struct pin_err *err)
{
	struct controllers *cs = pin_xcalloc(1, sizeof(*cs));
	struct transport *t;
	struct client *c;
	int rc;

	cs->host = host;
	cs->plugins = plugins;
	PIN_ASSERT(pthread_mutex_init(&cs->lock, NULL) == 0);
	PIN_ASSERT(pthread_cond_init(&cs->ended, NULL) == 0);
	*out = cs;
	rc = pin_loop_open(host, "controllers", &cs->loop, err);
	if (rc == PIN_OK) {
		t = transport(arg, cs->loop);
		c = client_new(cs->loop, &manager_identity, &t);
		cs->m = manager_new(cs->loop, &c);
		controllers_reload(cs);
		rc = pin_loop_start(cs->loop, err);
	}
	if (rc != PIN_OK)
		controllers_close(out);
	return (rc);
}

/* ---- the end -------------------------------------------------------- */

static void
on_gone(void *arg)
{
	struct controllers *cs = arg;

	(void)pthread_mutex_lock(&cs->lock);
	cs->gone = 1;
	(void)pthread_cond_signal(&cs->ended);
	(void)pthread_mutex_unlock(&cs->lock);
}

static void
stop_on_loop(struct pin_msg *msg)
{
	struct controllers *cs = (struct controllers *)(void *)((char *)msg -
	    offsetof(struct controllers, stop));

	manager_close(cs->m, on_gone, cs);
}

/* 0: the API server has not let go of everything in time. */
static int
wait_gone(struct controllers *cs)
{
	struct timespec until;
	int rc = 0, gone;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_MAX_S;
	(void)pthread_mutex_lock(&cs->lock);
	while (!cs->gone && rc == 0)
		rc = pthread_cond_timedwait(&cs->ended, &cs->lock, &until);
	gone = (int)cs->gone;
	(void)pthread_mutex_unlock(&cs->lock);
	return (gone);
}

void
controllers_close(PIN_OWN struct controllers **csp)
{
	struct controllers *cs = *csp;

	*csp = NULL;
	if (cs == NULL)
		return;
	if (cs->m != NULL) {
		cs->stop.fn = stop_on_loop;
		pin_loop_post(cs->loop, &cs->stop);
		if (!wait_gone(cs)) {
			/* Its answer would find a loop that is no more. */
			pin_log(cs->host, PIN_LOG_ERROR, "controllers: a "
			    "request is still under way: not closed");
			return;
		}
	}
	if (cs->loop != NULL)
		pin_loop_close(&cs->loop);
	if (cs->m != NULL)
		manager_free(&cs->m);
	(void)pthread_cond_destroy(&cs->ended);
	(void)pthread_mutex_destroy(&cs->lock);
	free(cs);
}
