/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pods.c -- the pods bound to this node: a watch that begins with what there
 * is, a table by uid, and one worker a pod at a time on the work pool.
 * Loop, but for pods_exited (any thread). Contract: kubelet_int.h. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"

#define WATCH_S		1800		/* asked for */
#define WATCH_SILENCE_MS 180000		/* bookmarks come every minute */
#define WATCH_RETRY_MS	100
#define WATCH_RETRY_MAX_MS 10000

static void	pod_kick(struct kpod *);

/* ---- workers ----------------------------------------------------------- */

static void
pod_work(struct pin_work *w)
{
	pod_sync((struct kpod *)(void *)((char *)w - offsetof(struct kpod,
	    work)));
}

static void
pod_drop(struct kpod *pod)
{
	struct kpod **at;

	pthread_mutex_lock(&pod->k->lock);
	for (at = &pod->k->pods; *at != pod; at = &(*at)->next)
		;
	*at = pod->next;
	pthread_mutex_unlock(&pod->k->lock);
	pin_timer_stop(&pod->timer);
	pod_fini(pod);
	free(pod);
}

static void
pod_worked(struct pin_work *w)
{
	struct kpod *pod = (struct kpod *)(void *)((char *)w -
	    offsetof(struct kpod, work));

	pod->busy = 0;
	pod->k->nbusy--;
	if (atomic_load(&pod->k->stopping))
		return;
	if (pod->gone && pod->removed)
		pod_drop(pod);
	else if (pod->dirty)
		pod_kick(pod);
	else if (pod->next_ms > 0)
		pin_timer_start(&pod->timer, pod->next_ms);
}

static void
pod_kick(struct kpod *pod)
{
	pod->dirty = 1;
	if (pod->busy || atomic_load(&pod->k->stopping))
		return;
	pin_timer_stop(&pod->timer);
	pod->dirty = 0;
	pod->busy = 1;
	pod->k->nbusy++;
	pod->work.loop = pod->k->loop;
	pod->work.fn = pod_work;
	pod->work.done = pod_worked;
	pin_work_start(&pod->work);
}

static void
pod_timer(struct pin_timer *t)
{
	pod_kick((struct kpod *)(void *)((char *)t - offsetof(struct kpod,
	    timer)));
}

struct kpod *
pods_find(struct kubelet *k, const char *uid, size_t len)
{
	struct kpod *pod = k->pods;

	while (pod != NULL && (strlen(pod->uid) != len || memcmp(pod->uid, uid,
	    len) != 0))
		pod = pod->next;
	return (pod);
}

/* ---- ends of containers ------------------------------------------------- */

struct ended {
	struct pin_msg	 msg;
	struct kubelet	*k;
	char		 id[128];
};

static void
ended_on_loop(struct pin_msg *msg)
{
	struct ended *e = (struct ended *)(void *)msg;
	struct kpod *pod;

	/* An id begins with the uid of its pod. */
	pod = strlen(e->id) > 36 ? pods_find(e->k, e->id, 36) : NULL;
	if (pod != NULL)
		pod_kick(pod);
	free(e);
}

void
pods_exited(void *arg, const struct pin_container_state *s)
{
	struct ended *e = pin_xcalloc(1, sizeof(*e));

	e->k = arg;
	e->msg.fn = ended_on_loop;
	snprintf(e->id, sizeof(e->id), "%s", s->id);
	pin_loop_post(e->k->loop, &e->msg);
}

/* The worker of that pod waits for `start`. */
void
pods_warned(void *arg, const char *id, const char *text)
{
	struct kubelet *k = arg;
	struct kpod *pod;

	pthread_mutex_lock(&k->lock);
	pod = strlen(id) > 36 ? pods_find(k, id, 36) : NULL;
	pthread_mutex_unlock(&k->lock);
	if (pod == NULL || pod->warned)
		return;
	pod->warned = 1;
	event_pod(pod, NULL, 1, "NotEnforced", "%s", text);
}

/* ---- what runs and belongs to nobody ------------------------------------ */

struct found {
	struct kubelet	*k;
	uint32_t	 n;
	char		(*id)[128];
};

static int
found_one(void *arg, const struct pin_container_state *s)
{
	struct found *f = arg;

	f->id = pin_xrealloc(f->id, (f->n + 1) * sizeof(*f->id));
	snprintf(f->id[f->n++], sizeof(*f->id), "%s", s->id);
	return (PIN_OK);
}

static int
is_pod(struct kubelet *k, const char *uid, size_t len)
{
	int rc;

	pthread_mutex_lock(&k->lock);
	rc = len >= 36 && pods_find(k, uid, 36) != NULL;
	pthread_mutex_unlock(&k->lock);
	return (rc);
}

static int
orphan_dir(void *arg, const char *name)
{
	struct kubelet *k = arg;
	char path[KUBELET_PATH_MAX];

	if (is_pod(k, name, strlen(name)))
		return (0);
	snprintf(path, sizeof(path), "%s/pods/%s", k->data, name);
	(void)tree_remove(path, NULL);
	return (0);
}

static void
orphans_run(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, orphan_work));
	struct pin_err err = PIN_ERR_INIT;
	char dir[KUBELET_PATH_MAX];
	struct found f = { .k = k };
	uint32_t r, i;

	for (r = 0; r < k->nrt; r++) {
		f.n = 0;
		(void)k->rt[r].ops->list(k->rt[r].self, found_one, &f, &err);
		for (i = 0; i < f.n; i++) {
			if (is_pod(k, f.id[i], strlen(f.id[i])))
				continue;
			pin_log(k->host, PIN_LOG_INFO, "container %s: its pod "
			    "is gone, removed", f.id[i]);
			if (k->rt[r].ops->remove(k->rt[r].self, f.id[i],
			    &err) != PIN_OK)
				pin_log(k->host, PIN_LOG_WARN, "%s",
				    err.text);
		}
	}
	free(f.id);
	snprintf(dir, sizeof(dir), "%s/pods", k->data);
	(void)pin_path_list(k->host, dir, orphan_dir, k, NULL);
}

static void
orphans_done(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, orphan_work));

	k->orphan_busy = 0;
}

/* ---- the watch ----------------------------------------------------------- */

static struct kpod *
pod_new(struct kubelet *k, struct pin_str uid, struct pin_str ns,
    struct pin_str name)
{
	struct kpod *pod = pin_xcalloc(1, sizeof(*pod));
	int i;

	pod->k = k;
	str_copy(pod->uid, sizeof(pod->uid), uid);
	str_copy(pod->ns, sizeof(pod->ns), ns);
	str_copy(pod->name, sizeof(pod->name), name);
	for (i = 0; i < KCOND__COUNT; i++)
		pod->cond[i].status = -1;
	pin_timer_init(&pod->timer, k->loop, pod_timer);
	pthread_mutex_lock(&k->lock);
	pod->next = k->pods;
	k->pods = pod;
	pthread_mutex_unlock(&k->lock);
	return (pod);
}

static void
pod_news(struct kpod *pod, int deleted, struct pin_buf *buf, size_t off,
    size_t len)
{
	struct kubelet *k = pod->k;

	pthread_mutex_lock(&k->lock);
	pin_buf_put(&pod->pending);
	pod->pending = pin_buf_get(buf);
	pod->pending_off = off;
	pod->pending_len = len;
	if (deleted)
		pod->gone = 1;
	pthread_mutex_unlock(&k->lock);
	pod->generation = k->generation;
	pod_kick(pod);
}

/* The first whole state is there: what was not named is gone. */
static void
watch_synced(struct kubelet *k)
{
	struct kpod *pod;

	for (pod = k->pods; pod != NULL; pod = pod->next)
		if (pod->generation != k->generation && !pod->gone) {
			pthread_mutex_lock(&k->lock);
			pod->gone = 1;
			pthread_mutex_unlock(&k->lock);
			pod_kick(pod);
		}
	k->watch_fails = 0;
	if (!k->synced && !k->orphan_busy) {
		k->synced = 1;
		k->orphan_busy = 1;
		k->orphan_work.loop = k->loop;
		k->orphan_work.fn = orphans_run;
		k->orphan_work.done = orphans_done;
		pin_work_start(&k->orphan_work);
	}
}

static void
watch_line(struct client_call *call, struct pin_buf *buf, size_t off,
    size_t len)
{
	struct kubelet *k = call->arg;
	const char *line = (const char *)buf->data + off;
	struct pin_obj *o = NULL;
	struct pin_str type, uid;
	struct kpod *pod;
	pin_node obj, meta;
	int deleted;

	if (pin_obj_parse(NULL, line, len, &o, NULL) != PIN_OK) {
		pin_log(k->host, PIN_LOG_WARN, "pods: a line of the watch is "
		    "no JSON");
		return;
	}
	type = pin_obj_str(o, pin_obj_get(o, pin_obj_root(o), "type"));
	obj = pin_obj_get(o, pin_obj_root(o), "object");
	meta = pin_obj_get(o, obj, "metadata");
	uid = pin_obj_str(o, pin_obj_get(o, meta, "uid"));
	deleted = pin_str_is(type, "DELETED");
	if (pin_str_is(type, "BOOKMARK")) {
		if (pin_obj_get(o, pin_obj_get(o, meta, "annotations"),
		    "k8s.io/initial-events-end") != 0)
			watch_synced(k);
	} else if (pin_str_is(type, "ERROR")) {
		pin_log(k->host, PIN_LOG_WARN, "pods: " PIN_SFMT,
		    PIN_SARG(pin_obj_str(o, pin_obj_get(o, obj,
		    "message"))));
	} else if (uid.len > 0) {
		pod = pods_find(k, uid.p, uid.len);
		if (pod == NULL && !deleted)
			pod = pod_new(k, uid, pin_obj_str(o, pin_obj_get(o,
			    meta, "namespace")), pin_obj_str(o, pin_obj_get(o,
			    meta, "name")));
		if (pod != NULL)
			pod_news(pod, deleted, buf, off, len);
	}
	pin_obj_free(&o);
}

static void
watch_done(struct client_call *call, const struct client_answer *a)
{
	struct kubelet *k = call->arg;
	uint64_t ms;

	if (atomic_load(&k->stopping))
		return;
	if (a->rc != PIN_OK || a->status != 200) {
		ms = (uint64_t)WATCH_RETRY_MS << (k->watch_fails < 7 ?
		    k->watch_fails : 7);
		if (ms > WATCH_RETRY_MAX_MS)
			ms = WATCH_RETRY_MAX_MS;
		if (k->watch_fails++ % 16 == 0)
			pin_log(k->host, PIN_LOG_WARN, "watch of pods: %s "
			    "(status %d)", pin_err_text(a->rc), a->status);
		pin_timer_start(&k->watch_timer, ms);
	} else
		pin_timer_start(&k->watch_timer, 1);
}

static void
watch_start(struct pin_timer *t)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)t -
	    offsetof(struct kubelet, watch_timer));
	struct client_call *c = &k->watch;

	snprintf(k->watch_target, sizeof(k->watch_target), "/api/v1/pods?"
	    "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&"
	    "resourceVersionMatch=NotOlderThan&timeoutSeconds=%d&"
	    "fieldSelector=spec.nodeName%%3D%s", WATCH_S, k->node);
	memset(c, 0, sizeof(*c));
	c->flags = CLIENT_STREAM;
	c->method = (struct pin_str){ "GET", 3 };
	c->target = (struct pin_str){ k->watch_target,
	    strlen(k->watch_target) };
	c->timeout_ms = WATCH_SILENCE_MS;
	c->done = watch_done;
	c->line = watch_line;
	c->arg = k;
	k->generation++;
	client_start(k->client, c);
}

void
pods_start(struct kubelet *k)
{
	pin_timer_init(&k->watch_timer, k->loop, watch_start);
	pin_timer_start(&k->watch_timer, 0);
}

void
pods_stop(struct kubelet *k)
{
	struct kpod *pod;

	pin_timer_stop(&k->watch_timer);
	for (pod = k->pods; pod != NULL; pod = pod->next)
		pin_timer_stop(&pod->timer);
}
