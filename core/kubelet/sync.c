/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sync.c -- one look at one pod: what the API wants, what runs, and the next
 * step from one to the other. Called until nothing is left to do; between
 * two looks it waits for news, an end or a time.
 * Work pool, one at a time a pod. Contract: Kubernetes' pod life cycle
 * (docs/node.md, "Pods"). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdatomic.h>

#include "core/kubelet/kubelet_int.h"
#include "lib/timefmt/timefmt.h"

#define NS	INT64_C(1000000000)
#define NEVER_PULL	"ErrImageNeverPull"
#define GRACE_MIN_S	2		/* as upstream: SIGTERM shall be seen */

static uint64_t
now(const struct kpod *pod)
{
	return (pin_host_now(pod->k->host));
}

/* Look again in ms at the latest. */
static void
again(struct kpod *pod, uint64_t ms)
{
	if (ms == 0)
		ms = 1;
	if (pod->next_ms == 0 || ms < pod->next_ms)
		pod->next_ms = ms;
}

static void
again_at(struct kpod *pod, uint64_t at)
{
	uint64_t t = now(pod);

	again(pod, at > t ? (at - t) / MS_NS + 1 : 1);
}

void
pod_path(const struct kpod *pod, char out[KUBELET_PATH_MAX],
    const char *rest)
{
	snprintf(out, KUBELET_PATH_MAX, "%s/pods/%s%s%s", pod->k->data,
	    pod->uid, rest[0] != '\0' ? "/" : "", rest);
}

void
pod_fini(struct kpod *pod)
{
	pin_buf_put(&pod->pending);
	pin_obj_free(&pod->obj);
	free(pod->status);
	free(pod->wrote);
	free(pod->ports);
	free(pod->runs);
	free(pod->c);
}

static pin_node
member(const struct kpod *pod, const char *a, const char *b)
{
	return (pin_obj_at(pod->obj, pin_obj_root(pod->obj), a, b, NULL));
}

/* ---- taking news -------------------------------------------------- */

/* A watch line holds {"type":...,"object":POD}: the object is cut out. */
static int
take(struct kpod *pod)
{
	struct pin_buf *buf;
	struct pin_obj *line = NULL, *o;
	size_t off, len;
	int gone;

	pthread_mutex_lock(&pod->k->lock);
	buf = pod->pending;
	pod->pending = NULL;
	off = pod->pending_off;
	len = pod->pending_len;
	gone = (int)pod->gone;
	pthread_mutex_unlock(&pod->k->lock);
	if (buf == NULL)
		return (gone);
	if (pin_obj_parse(NULL, (const char *)buf->data + off, len, &line,
	    NULL) == PIN_OK && (o = pin_obj_new(NULL)) != NULL) {
		struct pin_out out;
		struct pin_obj *parsed = NULL;

		pin_obj_free(&o);
		pin_out_init(&out, NULL, KUBELET_TEXT_MAX);
		pin_obj_write(line, pin_obj_get(line, pin_obj_root(line),
		    "object"), &out);
		if (out.failed == PIN_OK && pin_obj_parse(NULL, out.p,
		    out.len, &parsed, NULL) == PIN_OK) {
			pin_obj_free(&pod->obj);
			pod->obj = parsed;
		}
		pin_out_fini(&out);
	}
	pin_obj_free(&line);
	pin_buf_put(&buf);
	return (gone);
}

static void
fill(struct kpod *pod, const char *list, int init, uint32_t *n)
{
	pin_node c = pin_obj_first(pod->obj, member(pod, "spec", list));
	struct kcontainer *kc;

	for (; c != 0 && *n < KUBELET_CONTAINERS_MAX;
	    c = pin_obj_next(pod->obj, c)) {
		kc = &pod->c[(*n)++];
		kc->spec = c;
		kc->init = (uint32_t)init;
		kc->sidecar = (uint32_t)(init && pin_str_is(pin_obj_str(
		    pod->obj, pin_obj_get(pod->obj, c, "restartPolicy")),
		    "Always"));
		str_copy(kc->name, sizeof(kc->name), pin_obj_str(pod->obj,
		    pin_obj_get(pod->obj, c, "name")));
	}
}

/* ---- what runs ---------------------------------------------------- */

static int
choose_runtime(struct kpod *pod, struct pin_err *err)
{
	struct pin_str class = pin_obj_str(pod->obj, member(pod, "spec",
	    "runtimeClassName")), handler;
	struct kubelet *k = pod->k;
	struct pin_obj *o;
	uint32_t i = 0;
	int rc;

	if (class.len > 0) {
		rc = api_get(k, &o, err, "/apis/node.k8s.io/v1/runtimeclasses/"
		    PIN_SFMT, PIN_SARG(class));
		if (rc != PIN_OK)
			return (rc);
		handler = pin_obj_str(o, pin_obj_get(o, pin_obj_root(o),
		    "handler"));
		while (i < k->nrt && !pin_str_is(handler, k->rt[i].name))
			i++;
		if (i == k->nrt)
			rc = pin_err_set(err, PIN_EINVALID, "spec."
			    "runtimeClassName " PIN_SFMT ": no runtime \""
			    PIN_SFMT "\" on this node", PIN_SARG(class),
			    PIN_SARG(handler));
		pin_obj_free(&o);
		if (rc != PIN_OK)
			i = 0;
	} else
		rc = PIN_OK;
	pod->rt = k->rt[i].ops;
	pod->rt_self = k->rt[i].self;
	pod->rt_name = k->rt[i].name;
	return (rc);
}

static void
pod_fail(struct kpod *pod, const char *reason, const char *message)
{
	snprintf(pod->failed, sizeof(pod->failed), "%s", reason);
	snprintf(pod->failed_message, sizeof(pod->failed_message), "%s",
	    message);
}

static int
meet(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t n = 0;
	int rc;

	if (!pod->known) {
		pod->c = pin_xcalloc(KUBELET_CONTAINERS_MAX,
		    sizeof(*pod->c));
		rc = choose_runtime(pod, &err);
		if (rc != PIN_OK && rc != PIN_EINVALID && rc !=
		    PIN_ENOTFOUND) {
			free(pod->c);
			pod->c = NULL;
			return (rc);
		}
		if (rc != PIN_OK)
			pod_fail(pod, "Unsupported", err.text);
		pod->known = 1;
		fill(pod, "initContainers", 1, &n);
		fill(pod, "containers", 0, &n);
		pod->n = n;
		pod_look(pod);
		pod_remember(pod);
		pod->net.size = sizeof(pod->net);
		if (pod->start_s == 0)
			pod->start_s = pin_host_wall(pod->k->host) / NS;
		return (PIN_OK);
	}
	/* The nodes are those of the newest object. */
	fill(pod, "initContainers", 1, &n);
	fill(pod, "containers", 0, &n);
	pod_look(pod);
	return (PIN_OK);
}

/* ---- running ------------------------------------------------------ */

static int
setup_network(struct kpod *pod, struct pin_err *err)
{
	struct pin_ip ips[KUBELET_IPS_MAX];
	struct pin_pod_net n = { .size = sizeof(n), .uid = pod->uid,
	    .namespace = pod->ns, .name = pod->name, .node_ips = ips };
	struct kubelet *k = pod->k;
	uint32_t i;

	if (pod->networked)
		return (PIN_OK);
	n.host_network = (uint32_t)pin_obj_true(pod->obj, member(pod, "spec",
	    "hostNetwork"));
	for (i = 0; i < k->nips; i++) {
		ips[i].family = k->ips[i].family;
		memcpy(ips[i].ip, k->ips[i].ip, sizeof(ips[i].ip));
	}
	n.nnode_ips = k->nips;
	if (k->net->setup(k->net_self, &n, &pod->net, err) != PIN_OK)
		return (err->code);
	pod->networked = 1;
	return (PIN_OK);
}

/* Ready to start its first container? */
static int
prepare(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;
	char dir[KUBELET_PATH_MAX];
	uint64_t t = now(pod);

	pod_path(pod, dir, "");
	if (setup_network(pod, &err) != PIN_OK) {
		event_pod(pod, NULL, 1, "FailedCreatePodSandBox", "%s",
		    err.text);
		again(pod, KUBELET_RETRY_MS);
		return (0);
	}
	if (t < pod->refresh_at) {	/* refused a moment ago, or in order */
		again_at(pod, pod->refresh_at);
		return ((int)pod->mounted);
	}
	if (dirs_make(dir, 0755, &err) != PIN_OK ||
	    volumes_make(pod, &err) != PIN_OK) {
		event_pod(pod, NULL, 1, "FailedMount", "%s", err.text);
		if (err.code == PIN_EINVALID)
			pod_fail(pod, "Unsupported", err.text);
		pod->mount_ms = pod->mount_ms == 0 ? KUBELET_MOUNT_MS :
		    pod->mount_ms < KUBELET_MOUNT_MAX_MS / 2 ?
		    pod->mount_ms * 2 : KUBELET_MOUNT_MAX_MS;
		pod->refresh_at = t + pod->mount_ms * MS_NS;
		again_at(pod, pod->refresh_at);
		return ((int)pod->mounted);
	}
	pod->mounted = 1;
	pod->mount_ms = 0;
	pod->refresh_at = t + KUBELET_REFRESH_MS * MS_NS;
	return (1);
}

/* May a container that ended run again? */
static int
restarts(const struct kpod *pod, const struct kcontainer *c)
{
	struct pin_str own = pin_obj_str(pod->obj, pin_obj_get(pod->obj,
	    c->spec, "restartPolicy")), p = own.len > 0 ? own : pin_obj_str(
	    pod->obj, member(pod, "spec", "restartPolicy"));

	if (pod->failed[0] != '\0')
		return (0);
	if (c->init && !c->sidecar && c->now.exit_code == 0)
		return (0);
	if (pin_str_is(p, "Never"))
		return (0);
	if (pin_str_is(p, "OnFailure") || (c->init && !c->sidecar))
		return (c->now.exit_code != 0);
	return (1);
}

int
container_final(const struct kpod *pod, const struct kcontainer *c)
{
	return (c->state == KC_EXITED && !restarts(pod, c));
}

static void
wait_for(struct kcontainer *c, const char *reason, const char *text)
{
	snprintf(c->waiting, sizeof(c->waiting), "%s", reason);
	snprintf(c->message, sizeof(c->message), "%s", text);
}

/* The first restart comes at once, the next after 10 s, doubled up to 5 min,
 * counted from the end; ten minutes of quiet forget it all. */
static int
backed_off(struct kpod *pod, struct kcontainer *c)
{
	int64_t since = pin_host_wall(pod->k->host) - c->now.finished_ns;
	uint64_t ms = since > 0 ? (uint64_t)(since / 1000000) : 0;
	char text[512];

	if (c->now.finished_ns - c->now.started_ns >
	    (int64_t)(2 * KUBELET_BACKOFF_MAX_MS * MS_NS))
		c->backoff_ms = 0;
	if (ms >= c->backoff_ms)
		return (1);
	snprintf(text, sizeof(text), "back-off %s restarting failed "
	    "container=%s pod=%s_%s(%s)", c->backoff_ms == 10000 ? "10s" :
	    c->backoff_ms == 20000 ? "20s" : c->backoff_ms == 40000 ? "40s" :
	    c->backoff_ms == 80000 ? "1m20s" : c->backoff_ms == 160000 ?
	    "2m40s" : "5m0s", c->name, pod->name, pod->ns, pod->uid);
	if (strcmp(c->waiting, "CrashLoopBackOff") != 0)
		event_pod(pod, c->name, 1, "BackOff", "Back-off restarting "
		    "failed container %s in pod %s_%s(%s)", c->name,
		    pod->name, pod->ns, pod->uid);
	wait_for(c, "CrashLoopBackOff", text);
	again(pod, c->backoff_ms - ms + 1);
	return (0);
}

static void
set_last(struct kcontainer *c)
{
	if (c->state != KC_EXITED)
		return;
	c->has_last = 1;
	c->last = c->now;
	snprintf(c->last_reason, sizeof(c->last_reason), "%s", c->reason);
}

/* 0: not usable now. */
static int
image(struct kpod *pod, struct kcontainer *c)
{
	struct pin_str name = pin_obj_str(pod->obj, pin_obj_get(pod->obj,
	    c->spec, "image")), pull = pin_obj_str(pod->obj,
	    pin_obj_get(pod->obj, c->spec, "imagePullPolicy"));
	struct pin_err err = PIN_ERR_INIT;
	char img[512], policy[32], text[512];

	str_copy(img, sizeof(img), name);
	str_copy(policy, sizeof(policy), pull);
	if (now(pod) < c->image_at) {
		snprintf(text, sizeof(text), "Back-off pulling image \"%s\"",
		    img);
		wait_for(c, "ImagePullBackOff", text);
		again_at(pod, c->image_at);
		return (0);
	}
	if (pod->rt->image(pod->rt_self, img, policy, c->image_id,
	    sizeof(c->image_id), &err) == PIN_OK) {
		c->image_ms = 0;
		return (1);
	}
	if (strcmp(policy, "Never") == 0) {	/* nothing to back off from */
		snprintf(text, sizeof(text), "Container image \"%s\" is not "
		    "present with pull policy of Never", img);
		if (strcmp(c->waiting, NEVER_PULL) != 0)
			event_pod(pod, c->name, 1, NEVER_PULL, "%s", text);
		wait_for(c, NEVER_PULL, text);
		again(pod, KUBELET_BACKOFF_MS);
		return (0);
	}
	if (c->image_ms == 0)
		event_pod(pod, c->name, 1, "Failed", "Failed to pull image "
		    "\"%s\": %s", img, err.text);
	event_pod(pod, c->name, 1, "Failed", "Error: ErrImagePull");
	c->image_ms = c->image_ms == 0 ? KUBELET_BACKOFF_MS : c->image_ms * 2;
	if (c->image_ms > KUBELET_BACKOFF_MAX_MS)
		c->image_ms = KUBELET_BACKOFF_MAX_MS;
	c->image_at = now(pod) + c->image_ms * MS_NS;
	wait_for(c, "ErrImagePull", err.text);
	again(pod, 1000);		/* to say ImagePullBackOff */
	return (0);
}

static void
started(struct kpod *pod, struct kcontainer *c)
{
	event_pod(pod, c->name, 0, "Created", "Container created");
	event_pod(pod, c->name, 0, "Started", "Container started");
	c->state = KC_RUNNING;
	c->termed = 0;
	c->waiting[0] = c->message[0] = c->reason[0] = '\0';
	pod_look(pod);
}

/* It could not be run at all: as if it had ended at once. */
static void
not_started(struct kpod *pod, struct kcontainer *c, const struct pin_err *e)
{
	event_pod(pod, c->name, 1, "Failed", "Error: %s", e->text);
	c->state = KC_EXITED;
	c->now = (struct pin_container_state){ .size = sizeof(c->now),
	    .exit_code = 128 };
	c->now.started_ns = c->now.finished_ns = pin_host_wall(pod->k->host);
	snprintf(c->reason, sizeof(c->reason), "StartError");
	snprintf(c->message, sizeof(c->message), "%s", e->text);
	snprintf(c->now.id, sizeof(c->now.id), "%s", c->id);
}

static void
start(struct kpod *pod, struct kcontainer *c)
{
	struct pin_err err = PIN_ERR_INIT;
	char old[128], log[KUBELET_PATH_MAX], set_aside[KUBELET_PATH_MAX + 2];
	int rc;

	if (c->state == KC_EXITED && !backed_off(pod, c))
		return;
	if (!image(pod, c))
		return;
	set_last(c);
	if (c->tried) {
		if (c->attempt > 0) {
			container_id(pod, c, c->attempt - 1, old);
			(void)pod->rt->remove(pod->rt_self, old, NULL);
		}
		if (c->attempt > 0) {
			container_log(pod, c->name, c->attempt - 1, log);
			(void)pin_path_unlink(pod->k->host, log, NULL);
			(void)snprintf(set_aside, sizeof(set_aside), "%s.1",
			    log);
			(void)pin_path_unlink(pod->k->host, set_aside, NULL);
			message_path(pod, c, c->attempt - 1, log);
			(void)pin_path_unlink(pod->k->host, log, NULL);
		}
		c->attempt++;
		c->backoff_ms = c->backoff_ms == 0 ? KUBELET_BACKOFF_MS :
		    c->backoff_ms * 2;
		if (c->backoff_ms > KUBELET_BACKOFF_MAX_MS)
			c->backoff_ms = KUBELET_BACKOFF_MAX_MS;
	}
	rc = container_start(pod, c, &err);
	if (rc == PIN_OK) {
		c->tried = 1;
		started(pod, c);
		return;
	}
	if (rc == PIN_EINVALID) {
		pod_fail(pod, "Unsupported", err.text);
		event_pod(pod, c->name, 1, "Failed", "Error: %s", err.text);
	} else if (rc == PIN_ENOTFOUND) {	/* a ConfigMap, a Secret */
		if (strcmp(c->message, err.text) != 0)
			event_pod(pod, c->name, 1, "Failed", "Error: %s",
			    err.text);
		if (c->tried)
			c->attempt--;
		wait_for(c, "CreateContainerConfigError", err.text);
		again(pod, KUBELET_RETRY_MS);
	} else {
		c->tried = 1;
		not_started(pod, c, &err);
		if (restarts(pod, c))
			again(pod, 1);
	}
}

static void
run_one(struct kpod *pod, struct kcontainer *c)
{
	if (c->state == KC_RUNNING || container_final(pod, c))
		return;
	start(pod, c);
}

/* 1: all init containers have done their part. */
static int
run_inits(struct kpod *pod)
{
	struct kcontainer *c;
	uint32_t i;

	for (i = 0; i < pod->n && pod->c[i].init; i++) {
		c = &pod->c[i];
		run_one(pod, c);
		if (c->sidecar && c->state == KC_RUNNING)
			continue;
		if (c->state != KC_EXITED || c->sidecar ||
		    c->now.exit_code != 0)
			return (0);
	}
	return (1);
}

static void
kill_all(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;
	uint32_t i;

	for (i = 0; i < pod->n; i++)
		if (pod->c[i].state == KC_RUNNING)
			(void)pod->rt->kill(pod->rt_self, pod->c[i].id,
			    SIGKILL, &err);
	pod->killed = 1;
}

static void
term(struct kpod *pod, struct kcontainer *c)
{
	struct pin_err err = PIN_ERR_INIT;

	if (c->termed)
		return;
	c->termed = 1;
	(void)pod->rt->kill(pod->rt_self, c->id, SIGTERM, &err);
}

/* SIGTERM for what runs; for sidecars, the last one first, when those that
 * they serve have ended. */
static void
end_gently(struct kpod *pod)
{
	uint32_t i, others = 0;

	for (i = 0; i < pod->n; i++)
		if (pod->c[i].state == KC_RUNNING && !pod->c[i].sidecar) {
			others++;
			term(pod, &pod->c[i]);
		}
	for (i = pod->n; others == 0 && i-- > 0;)
		if (pod->c[i].state == KC_RUNNING) {
			term(pod, &pod->c[i]);
			return;
		}
}

static uint32_t
running(const struct kpod *pod)
{
	uint32_t i, n = 0;

	for (i = 0; i < pod->n; i++)
		n += pod->c[i].state == KC_RUNNING;
	return (n);
}

/* Another step towards the end; SIGKILL for what still runs at kill_at. */
static void
end(struct kpod *pod)
{
	pod->killing = 1;
	if (now(pod) >= pod->kill_at) {
		kill_all(pod);
		again(pod, KUBELET_RETRY_MS);
		return;
	}
	end_gently(pod);
	again_at(pod, pod->kill_at);
}

/* In ns. */
static uint64_t
grace(struct kpod *pod, int gone)
{
	int64_t s = 30;

	if (!pin_obj_i64(pod->obj, member(pod, "metadata",
	    "deletionGracePeriodSeconds"), &s) && gone)
		(void)pin_obj_i64(pod->obj, member(pod, "spec",
		    "terminationGracePeriodSeconds"), &s);
	return ((s > GRACE_MIN_S ? (uint64_t)s : GRACE_MIN_S) *
	    UINT64_C(1000000000));
}

/* Is everything that counts over? Then the rest is ended too. */
static int
check_finished(struct kpod *pod)
{
	uint32_t i, open = 0, init_failed = 0;

	for (i = 0; i < pod->n; i++) {
		struct kcontainer *c = &pod->c[i];

		if (c->init && !c->sidecar && container_final(pod, c) &&
		    c->now.exit_code != 0)
			init_failed = 1;
		if (!c->init && !container_final(pod, c))
			open++;
	}
	if (pod->failed[0] == '\0' && open > 0 && !init_failed)
		return (0);
	if (running(pod) > 0) {
		if (pod->kill_at == 0)
			pod->kill_at = now(pod) + grace(pod, 1);
		end(pod);
	} else {
		pod->finished = 1;
		pod_leave(pod);
	}
	return (1);
}

/* May it be here at all? */
static void
admit(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;
	char reason[64] = "", text[sizeof(err.text) + 32];

	pod->admitted = 1;
	if (pod_refuse(pod, &err) != PIN_OK) {
		pod_fail(pod, "Unsupported", err.text);
		event_pod(pod, NULL, 1, "Unsupported", "%s", err.text);
	} else if (pod_admit(pod, reason, &err) != PIN_OK) {
		snprintf(text, sizeof(text), "Pod was rejected: %s",
		    err.text);
		pod_fail(pod, reason, text);
		event_pod(pod, NULL, 1, reason, "%s", err.text);
	} else
		pod_warn(pod);
}

/* activeDeadlineSeconds, counted from status.startTime. */
static void
check_deadline(struct kpod *pod)
{
	static const char text[] = "Pod was active on the node longer than "
	    "the specified deadline";
	int64_t s, left;

	if (!pin_obj_i64(pod->obj, member(pod, "spec",
	    "activeDeadlineSeconds"), &s) || pod->failed[0] != '\0')
		return;
	left = pod->start_s + s - pin_host_wall(pod->k->host) / NS;
	if (left > 0) {
		again(pod, (uint64_t)(left < 86400 ? left : 86400) * 1000);
		return;
	}
	pod_fail(pod, "DeadlineExceeded", text);
	event_pod(pod, NULL, 0, "DeadlineExceeded", "%s", text);
}

static void
run(struct kpod *pod)
{
	uint32_t i;

	if (pod->finished)
		return;
	if (!pod->admitted && pod->failed[0] == '\0')
		admit(pod);
	check_deadline(pod);
	if (check_finished(pod) || !prepare(pod))
		return;
	if (run_inits(pod))
		for (i = 0; i < pod->n && pod->failed[0] == '\0'; i++)
			if (!pod->c[i].init)
				run_one(pod, &pod->c[i]);
	(void)check_finished(pod);
	if (!pod->finished)
		again_at(pod, pod->refresh_at);
}

/* ---- ending ------------------------------------------------------- */

static void
say_killing(struct kpod *pod)
{
	uint32_t i;

	for (i = 0; i < pod->n; i++)
		if (pod->c[i].state == KC_RUNNING)
			event_pod(pod, pod->c[i].name, 0, "Killing",
			    "Stopping container %s", pod->c[i].name);
}

static void
sweep(struct kpod *pod)
{
	struct pin_pod_net n = { .size = sizeof(n), .uid = pod->uid,
	    .namespace = pod->ns, .name = pod->name };
	struct pin_err err = PIN_ERR_INIT;
	char path[KUBELET_PATH_MAX], id[128];
	uint32_t i;
	int rc = PIN_OK;

	for (i = 0; i < pod->n && rc == PIN_OK; i++) {
		struct kcontainer *c = &pod->c[i];

		if (!c->tried)
			continue;
		if (c->attempt > 0) {
			container_id(pod, c, c->attempt - 1, id);
			(void)pod->rt->remove(pod->rt_self, id, &err);
		}
		container_id(pod, c, c->attempt, id);
		rc = pod->rt->remove(pod->rt_self, id, &err);
	}
	if (rc == PIN_OK)
		rc = pod->k->net->teardown(pod->k->net_self, &n, &err);
	pod_path(pod, path, "");
	if (rc == PIN_OK)
		rc = tree_remove(path, &err);
	if (rc != PIN_OK) {
		pin_log(pod->k->host, PIN_LOG_WARN, "pod %s/%s: %s", pod->ns,
		    pod->name, err.text);
		again(pod, KUBELET_RETRY_MS);
		return;
	}
	pod->networked = pod->mounted = 0;
	pod->removed = 1;
}

static void
forget(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;
	struct api_answer a;
	char target[512], body[256];
	int n;

	snprintf(target, sizeof(target), "/api/v1/namespaces/%s/pods/%s",
	    pod->ns, pod->name);
	n = snprintf(body, sizeof(body), "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"DeleteOptions\",\"gracePeriodSeconds\":0,\"preconditions\":{"
	    "\"uid\":\"%s\"}}", pod->uid);
	if (api_ask(pod->k, "DELETE", target, API_JSON, (struct pin_str){
	    body, (size_t)n }, &a, &err) != PIN_OK || (a.status != 200 &&
	    a.status != 202 && a.status != 404 && a.status != 409)) {
		pin_log(pod->k->host, PIN_LOG_WARN, "pod %s/%s: DELETE: %s "
		    "(status %d)", pod->ns, pod->name, err.text, a.status);
		again(pod, KUBELET_RETRY_MS);
	}
	api_answer_fini(&a);
}

static void
terminate(struct kpod *pod, int gone)
{
	uint64_t at = now(pod) + grace(pod, gone);

	pod_leave(pod);
	if (pod->kill_at == 0 || at < pod->kill_at)
		pod->kill_at = at;	/* a shorter grace counts */
	if (running(pod) > 0) {
		if (!pod->killing)
			say_killing(pod);
		end(pod);
		return;
	}
	pod->finished = 1;
	if (!gone)
		status_write(pod);
	if (!pod->removed)
		sweep(pod);
	if (pod->removed && !gone)
		forget(pod);
}

void
pod_sync(struct kpod *pod)
{
	int gone = take(pod), deleted;

	pod->next_ms = 0;
	if (pod->obj == NULL) {
		pod->removed = 1;
		return;
	}
	if (meet(pod) != PIN_OK) {
		again(pod, KUBELET_RETRY_MS);
		return;
	}
	deleted = pin_obj_get(pod->obj, pin_obj_get(pod->obj,
	    pin_obj_root(pod->obj), "metadata"), "deletionTimestamp") != 0;
	if (gone || deleted) {
		terminate(pod, gone);
		if (!gone && !pod->removed)
			status_write(pod);
	} else {
		run(pod);
		status_write(pod);
	}
}
