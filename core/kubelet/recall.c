/* SPDX-License-Identifier: BSD-2-Clause
 *
 * recall.c -- what a pod is already: its containers that the runtime has,
 * and what an earlier agent wrote into its status.
 * Work pool, one at a time a pod. Contract: kubelet_int.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"
#include "lib/timefmt/timefmt.h"

#define NS	INT64_C(1000000000)

static pin_node
member(const struct kpod *pod, const char *a, const char *b)
{
	return (pin_obj_at(pod->obj, pin_obj_root(pod->obj), a, b, NULL));
}

static struct kcontainer *
by_name(struct kpod *pod, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < pod->n; i++)
		if (strlen(pod->c[i].name) == len &&
		    memcmp(pod->c[i].name, name, len) == 0)
			return (&pod->c[i]);
	return (NULL);
}

/* "UID-NAME-ATTEMPT" */
static int
runs_one(void *arg, const struct pin_container_state *s)
{
	struct kpod *pod = arg;
	size_t n = strlen(pod->uid);
	const char *cut = strrchr(s->id, '-');
	struct kcontainer *c;
	uint32_t attempt;

	if (strncmp(s->id, pod->uid, n) != 0 || s->id[n] != '-' ||
	    cut <= s->id + n)
		return (PIN_OK);
	c = by_name(pod, s->id + n + 1, (size_t)(cut - s->id) - n - 1);
	if (c == NULL)
		return (PIN_OK);
	attempt = (uint32_t)strtoul(cut + 1, NULL, 10);
	if (c->tried && attempt < c->attempt)
		return (PIN_OK);
	c->tried = 1;
	c->attempt = attempt;
	c->state = s->running ? KC_RUNNING : KC_EXITED;
	c->now = *s;
	snprintf(c->id, sizeof(c->id), "%s", s->id);
	if (s->running)
		c->waiting[0] = c->message[0] = '\0';
	return (PIN_OK);
}

void
pod_say_runs(struct kpod *pod, const struct kcontainer *starting)
{
	struct pin_out o;
	char *was, *text;
	uint32_t i;

	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	pin_out_char(&o, '/');
	for (i = 0; i < pod->n; i++)
		if (pod->c[i].state == KC_RUNNING || &pod->c[i] == starting)
			pin_out_printf(&o, "%s/", pod->c[i].name);
	pin_out_char(&o, '\0');
	text = pin_xstrdup(o.p);
	pin_out_fini(&o);
	pthread_mutex_lock(&pod->k->lock);
	was = pod->runs;
	pod->runs = text;
	pthread_mutex_unlock(&pod->k->lock);
	free(was);
}

int
pod_runs(struct kpod *pod, const char *name)
{
	char key[80];
	int yes;

	snprintf(key, sizeof(key), "/%s/", name);
	pthread_mutex_lock(&pod->k->lock);
	yes = pod->runs == NULL || strstr(pod->runs, key) != NULL;
	pthread_mutex_unlock(&pod->k->lock);
	return (yes);
}

void
pod_look(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;

	(void)pod->rt->list(pod->rt_self, runs_one, pod, &err);
	pod_say_runs(pod, NULL);
}

/* What an earlier agent wrote: restarts, last ends, times. */
static void
remember_container(struct kpod *pod, pin_node st)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str s = pin_obj_str(o, pin_obj_get(o, st, "name"));
	struct kcontainer *c = by_name(pod, s.p, s.len);
	pin_node last;
	int64_t v;

	if (c == NULL)
		return;
	if (pin_obj_i64(o, pin_obj_get(o, st, "restartCount"), &v) && v >= 0 &&
	    !c->tried && pin_obj_get(o, st, "containerID") != 0) {
		c->attempt = (uint32_t)v;
		c->tried = 1;
		c->state = KC_EXITED;	/* gone with the node's memory */
		c->now.size = sizeof(c->now);
		c->now.exit_code = 137;
		snprintf(c->reason, sizeof(c->reason),
		    "ContainerStatusUnknown");
		container_id(pod, c, c->attempt, c->now.id);
		last = pin_obj_at(o, st, "state", "terminated", NULL);
	} else
		last = pin_obj_at(o, st, "lastState", "terminated", NULL);
	str_copy(c->image_id, sizeof(c->image_id), pin_obj_str(o,
	    pin_obj_get(o, st, "imageID")));
	if (last == 0)
		return;
	if (c->state == KC_EXITED && c->reason[0] != '\0') {
		if (pin_obj_i64(o, pin_obj_get(o, last, "exitCode"), &v))
			c->now.exit_code = (int32_t)v;
		str_copy(c->reason, sizeof(c->reason), pin_obj_str(o,
		    pin_obj_get(o, last, "reason")));
		if (pin_time_parse(pin_obj_str(o, pin_obj_get(o, last,
		    "startedAt")), &v, NULL) == PIN_OK)
			c->now.started_ns = v * NS;
		if (pin_time_parse(pin_obj_str(o, pin_obj_get(o, last,
		    "finishedAt")), &v, NULL) == PIN_OK)
			c->now.finished_ns = v * NS;
		return;
	}
	c->has_last = 1;
	if (pin_obj_i64(o, pin_obj_get(o, last, "exitCode"), &v))
		c->last.exit_code = (int32_t)v;
	str_copy(c->last_reason, sizeof(c->last_reason), pin_obj_str(o,
	    pin_obj_get(o, last, "reason")));
	if (pin_time_parse(pin_obj_str(o, pin_obj_get(o, last, "startedAt")),
	    &v, NULL) == PIN_OK)
		c->last.started_ns = v * NS;
	if (pin_time_parse(pin_obj_str(o, pin_obj_get(o, last,
	    "finishedAt")), &v, NULL) == PIN_OK)
		c->last.finished_ns = v * NS;
	if (c->attempt > 0)
		container_id(pod, c, c->attempt - 1, c->last.id);
}

static const char *const cond_names[KCOND__COUNT] = {
	"PodReadyToStartContainers", "Initialized", "Ready",
	"ContainersReady", "PodScheduled",
};

void
pod_remember(struct kpod *pod)
{
	static const char *const lists[] = { "initContainerStatuses",
	    "containerStatuses" };
	const struct pin_obj *o = pod->obj;
	struct pin_str s;
	pin_node st;
	int64_t v;
	size_t i;

	for (i = 0; i < PIN_LEN(lists); i++)
		for (st = pin_obj_first(o, member(pod, "status", lists[i]));
		    st != 0; st = pin_obj_next(o, st))
			remember_container(pod, st);
	if (pin_time_parse(pin_obj_str(o, member(pod, "status",
	    "startTime")), &v, NULL) == PIN_OK)
		pod->start_s = v;
	for (st = pin_obj_first(o, member(pod, "status", "conditions"));
	    st != 0; st = pin_obj_next(o, st)) {
		s = pin_obj_str(o, pin_obj_get(o, st, "type"));
		for (i = 0; i < KCOND__COUNT; i++)
			if (pin_str_is(s, cond_names[i]) && pin_time_parse(
			    pin_obj_str(o, pin_obj_get(o, st,
			    "lastTransitionTime")), &v, NULL) == PIN_OK) {
				pod->cond[i].since_s = v;
				pod->cond[i].status = pin_str_is(pin_obj_str(
				    o, pin_obj_get(o, st, "status")), "True");
			}
	}
	s = pin_obj_str(o, member(pod, "status", "phase"));
	if (pin_str_is(s, "Failed") || pin_str_is(s, "Succeeded")) {
		pod->finished = 1;
		s = pin_obj_str(o, member(pod, "status", "reason"));
		str_copy(pod->failed, sizeof(pod->failed), s);
		str_copy(pod->failed_message, sizeof(pod->failed_message),
		    pin_obj_str(o, member(pod, "status", "message")));
	}
}
