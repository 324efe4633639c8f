/* SPDX-License-Identifier: BSD-2-Clause
 *
 * event.c -- Events of pods and of the node, told in order from the work
 * pool. What was told before is counted up, not told again.
 * Any thread. Contract: core/v1 Event; best effort: past KUBELET_EVENTS_MAX
 * waiting they are dropped. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"
#include "lib/timefmt/timefmt.h"

#define TOLD_MAX	256		/* remembered, to be counted up */
#define TOLD_S		600		/* as upstream: ten minutes on, anew */

struct kevent {
	struct kevent	*next;
	char		 ns[64], name[256], uid[64], path[128];
	char		 kind[8], reason[64], text[1024];
	int		 warning;
	int64_t		 at_s;
};

/* ---- what was told before ------------------------------------------------ */

struct ktold {
	uint64_t	 key;		/* of all that makes it the same */
	uint32_t	 count, pad;
	int64_t		 at_s;
	char		 name[280];
};

static uint64_t
mix(uint64_t h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	while (*s++ != '\0');
	return (h);
}

static uint64_t
key_of(const struct kevent *e)
{
	uint64_t h = UINT64_C(14695981039346656037);

	h = mix(mix(mix(h, e->ns), e->name), e->uid);
	return (mix(mix(mix(h, e->path), e->reason), e->text));
}

/* A place for it: the one it has, else a free one or the oldest; count 0. */
static struct ktold *
told(struct kubelet *k, const struct kevent *e)
{
	uint64_t key = key_of(e);
	struct ktold *t, *old = NULL;
	uint32_t i;

	if (k->told == NULL)
		k->told = pin_xcalloc(TOLD_MAX, sizeof(*k->told));
	for (i = 0; i < TOLD_MAX; i++) {
		t = &k->told[i];
		if (t->key == key && t->count > 0 && e->at_s - t->at_s <
		    TOLD_S)
			return (t);
		if (old == NULL || t->at_s < old->at_s)
			old = t;
	}
	*old = (struct ktold){ .key = key };
	return (old);
}

static void
compose(struct kubelet *k, const struct kevent *e, const char *name,
    struct pin_out *o)
{
	char when[PIN_TIME_TEXT_MAX];

	pin_time_format(e->at_s, when);
	pin_out_printf(o, "{\"apiVersion\":\"v1\",\"kind\":\"Event\","
	    "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"},"
	    "\"involvedObject\":{\"kind\":\"%s\",\"name\":\"%s\",\"uid\":"
	    "\"%s\",\"apiVersion\":\"v1\"", name, e->ns, e->kind, e->name,
	    e->uid);
	if (strcmp(e->kind, "Pod") == 0)
		pin_out_printf(o, ",\"namespace\":\"%s\"", e->ns);
	if (e->path[0] != '\0')
		pin_out_printf(o, ",\"fieldPath\":\"%s\"", e->path);
	pin_out_printf(o, "},\"reason\":\"%s\",\"message\":", e->reason);
	pin_json_quote(o, (struct pin_str){ e->text, strlen(e->text) });
	pin_out_printf(o, ",\"source\":{\"component\":\"kubelet\",\"host\":"
	    "\"%s\"},\"firstTimestamp\":\"%s\",\"lastTimestamp\":\"%s\","
	    "\"count\":1,\"type\":\"%s\",\"reportingComponent\":\"kubelet\","
	    "\"reportingInstance\":\"%s\"}", k->node, when, when,
	    e->warning ? "Warning" : "Normal", k->node);
}

static int
send(struct kubelet *k, const char *method, const char *target,
    const char *type, struct pin_out *o)
{
	struct pin_err err = PIN_ERR_INIT;
	struct api_answer a;
	int rc;

	rc = api_ask(k, method, target, type, (struct pin_str){ o->p,
	    o->len }, &a, &err);
	if (rc == PIN_OK)
		rc = api_error(&a, &err);
	if (rc != PIN_OK && rc != PIN_ENOTFOUND)
		pin_log(k->host, PIN_LOG_DEBUG, "event: %s", err.text);
	api_answer_fini(&a);
	return (rc);
}

/* 1: the one that is there says so now. */
static int
tell_again(struct kubelet *k, const struct kevent *e, struct ktold *t)
{
	char target[640], when[PIN_TIME_TEXT_MAX];
	struct pin_out o;
	int rc;

	pin_time_format(e->at_s, when);
	snprintf(target, sizeof(target), "/api/v1/namespaces/%s/events/%s",
	    e->ns, t->name);
	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	pin_out_printf(&o, "{\"count\":%u,\"lastTimestamp\":\"%s\"}",
	    t->count + 1, when);
	rc = send(k, "PATCH", target, API_STRATEGIC, &o);
	pin_out_fini(&o);
	if (rc == PIN_OK)
		t->count++;
	else if (rc == PIN_ENOTFOUND)
		t->count = 0;
	return (rc != PIN_ENOTFOUND);
}

static void
tell(struct kubelet *k, const struct kevent *e)
{
	struct ktold *t = told(k, e);
	char target[512];
	struct pin_out o;
	uint64_t rnd;

	if (t->count > 0 && tell_again(k, e, t)) {
		t->at_s = e->at_s;
		return;
	}
	pin_host_random(k->host, &rnd, sizeof(rnd));
	snprintf(t->name, sizeof(t->name), "%s.%016llx", e->name,
	    (unsigned long long)rnd);
	snprintf(target, sizeof(target), "/api/v1/namespaces/%s/events",
	    e->ns);
	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	compose(k, e, t->name, &o);
	t->count = send(k, "POST", target, API_JSON, &o) == PIN_OK;
	t->at_s = e->at_s;
	pin_out_fini(&o);
}

static struct kevent *
pop(struct kubelet *k)
{
	struct kevent *e;

	pthread_mutex_lock(&k->lock);
	e = k->events;
	if (e != NULL) {
		k->events = e->next;
		k->nevents--;
		if (k->events == NULL)
			k->events_tail = &k->events;
	} else
		k->events_busy = 0;
	pthread_mutex_unlock(&k->lock);
	return (e);
}

static void
drain(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, event_work));
	struct kevent *e;

	while ((e = pop(k)) != NULL) {
		if (!atomic_load(&k->stopping))
			tell(k, e);
		free(e);
	}
}

static void
drained(struct pin_work *w)
{
	(void)w;
}

static void
drain_start(struct pin_msg *msg)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)msg -
	    offsetof(struct kubelet, event_msg));

	k->event_work.loop = k->loop;
	k->event_work.fn = drain;
	k->event_work.done = drained;
	pin_work_start(&k->event_work);
}

static void
push(struct kubelet *k, struct kevent *e)
{
	int post = 0;

	e->at_s = pin_host_wall(k->host) / 1000000000;
	pthread_mutex_lock(&k->lock);
	if (k->nevents >= KUBELET_EVENTS_MAX) {
		pthread_mutex_unlock(&k->lock);
		free(e);
		return;
	}
	*k->events_tail = e;
	k->events_tail = &e->next;
	k->nevents++;
	if (!k->events_busy)
		post = (int)(k->events_busy = 1);
	pthread_mutex_unlock(&k->lock);
	if (post) {
		k->event_msg.fn = drain_start;
		pin_loop_post(k->loop, &k->event_msg);
	}
}

void
event_pod(struct kpod *pod, const char *container, int warning,
    const char *reason, const char *fmt, ...)
{
	struct kevent *e = pin_xcalloc(1, sizeof(*e));
	const char *list = "containers";
	va_list ap;
	uint32_t i;

	snprintf(e->ns, sizeof(e->ns), "%s", pod->ns);
	snprintf(e->name, sizeof(e->name), "%s", pod->name);
	snprintf(e->uid, sizeof(e->uid), "%s", pod->uid);
	snprintf(e->kind, sizeof(e->kind), "Pod");
	for (i = 0; container != NULL && i < pod->n; i++)
		if (pod->c[i].init && strcmp(pod->c[i].name, container) == 0)
			list = "initContainers";
	if (container != NULL)
		snprintf(e->path, sizeof(e->path), "spec.%s{%s}", list,
		    container);
	e->warning = warning;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	push(pod->k, e);
}

void
event_node(struct kubelet *k, int warning, const char *reason,
    const char *fmt, ...)
{
	struct kevent *e = pin_xcalloc(1, sizeof(*e));
	va_list ap;

	snprintf(e->ns, sizeof(e->ns), "default");
	snprintf(e->name, sizeof(e->name), "%s", k->node);
	snprintf(e->uid, sizeof(e->uid), "%s", k->node);
	snprintf(e->kind, sizeof(e->kind), "Node");
	e->warning = warning;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	push(k, e);
}

void
event_drain(struct kubelet *k)
{
	struct kevent *e;

	while ((e = pop(k)) != NULL)
		free(e);
	free(k->told);
	k->told = NULL;
}
