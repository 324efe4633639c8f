/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c -- a pod's status as the API shows it, written when it changed.
 * Work pool. Contract: core/v1 PodStatus as kubelet 1.35 fills it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/addrs.h"
#include "core/kubelet/kubelet_int.h"
#include "lib/timefmt/timefmt.h"

#define NS	INT64_C(1000000000)

static void
time_at(struct pin_out *o, int64_t s)
{
	char text[PIN_TIME_TEXT_MAX];

	pin_time_format(s, text);
	pin_out_printf(o, "\"%s\"", text);
}

static void
quoted(struct pin_out *o, const char *s)
{
	pin_json_quote(o, (struct pin_str){ s, strlen(s) });
}

/* ---- phase ------------------------------------------------------------ */

static const char *
phase(const struct kpod *pod)
{
	uint32_t i, open = 0, failed = 0, waits = 0;

	if (pod->failed[0] != '\0')
		return ("Failed");
	for (i = 0; i < pod->n; i++) {
		const struct kcontainer *c = &pod->c[i];

		if (c->init && !c->sidecar) {
			if (c->state == KC_EXITED && c->now.exit_code == 0)
				continue;
			if (container_final(pod, c))
				return ("Failed");
			return (pod->killing && pod->finished ? "Failed" :
			    "Pending");
		}
		if (c->init) {
			waits += c->state == KC_NONE;
			continue;
		}
		if (c->state == KC_EXITED && (container_final(pod, c) ||
		    (pod->killing && pod->finished)))
			failed += c->now.exit_code != 0;
		else {
			open++;
			waits += c->state == KC_NONE;
		}
	}
	if (open == 0)
		return (failed > 0 ? "Failed" : "Succeeded");
	if (pod->killing && pod->finished)
		return ("Failed");
	return (waits > 0 ? "Pending" : "Running");
}

/* It is final when nothing runs any more, no sidecar either. */
const char *
pod_phase(const struct kpod *pod)
{
	const char *p = phase(pod);
	uint32_t i, begun = 0, runs = 0;

	for (i = 0; i < pod->n; i++) {
		begun += !pod->c[i].init && pod->c[i].tried;
		runs += pod->c[i].state == KC_RUNNING;
	}
	if (runs == 0 || p[0] == 'P' || p[0] == 'R')
		return (p);
	return (begun > 0 ? "Running" : "Pending");
}

/* ---- containers --------------------------------------------------------- */

/* message: why it could not even start, or NULL: what it left to say. */
static void
terminated(struct pin_out *o, const struct kpod *pod,
    const struct kcontainer *c, uint32_t attempt,
    const struct pin_container_state *s, const char *reason,
    const char *message)
{
	char left[KUBELET_MESSAGE_MAX];
	struct pin_str m = { left, 0 };

	pin_out_printf(o, "\"terminated\":{\"exitCode\":%d", s->exit_code);
	if (s->signal != 0 && reason[0] == '\0')
		pin_out_printf(o, ",\"signal\":%d", s->signal);
	pin_out_cstr(o, ",\"reason\":");
	quoted(o, reason[0] != '\0' ? reason : s->oom_killed ? "OOMKilled" :
	    s->exit_code == 0 ? "Completed" : "Error");
	if (message != NULL)
		m = pin_str(message);
	else
		m.len = message_read(pod, c, attempt, s->exit_code != 0,
		    left);
	if (m.len > 0) {
		pin_out_cstr(o, ",\"message\":");
		pin_json_quote(o, m);
	}
	pin_out_cstr(o, ",\"startedAt\":");
	time_at(o, s->started_ns / NS);
	pin_out_cstr(o, ",\"finishedAt\":");
	time_at(o, s->finished_ns / NS);
	if (s->id[0] != '\0')
		pin_out_printf(o, ",\"containerID\":\"%s://%s\"",
		    pod->rt_name, s->id);
	pin_out_char(o, '}');
}

static int
inits_done(const struct kpod *pod)
{
	uint32_t i;

	for (i = 0; i < pod->n && pod->c[i].init; i++) {
		const struct kcontainer *c = &pod->c[i];

		if (c->sidecar ? !c->tried : c->state != KC_EXITED ||
		    c->now.exit_code != 0)
			return (0);
	}
	return (1);
}

static int
backing_off(const struct kcontainer *c)
{
	return (c->state == KC_EXITED && c->waiting[0] != '\0');
}

static void
state(struct pin_out *o, const struct kpod *pod, const struct kcontainer *c)
{
	pin_out_cstr(o, "\"state\":{");
	if (c->state == KC_RUNNING) {
		pin_out_cstr(o, "\"running\":{\"startedAt\":");
		time_at(o, c->now.started_ns / NS);
		pin_out_char(o, '}');
	} else if (c->state == KC_EXITED && !backing_off(c)) {
		terminated(o, pod, c, c->attempt, &c->now, c->reason,
		    strcmp(c->reason, "StartError") == 0 ? c->message : NULL);
	} else {
		pin_out_cstr(o, "\"waiting\":{\"reason\":");
		quoted(o, c->waiting[0] != '\0' ? c->waiting : !c->init &&
		    !inits_done(pod) ? "PodInitializing" : c->init &&
		    c != pod->c ? "PodInitializing" : "ContainerCreating");
		if (c->waiting[0] != '\0' && c->message[0] != '\0') {
			pin_out_cstr(o, ",\"message\":");
			quoted(o, c->message);
		}
		pin_out_char(o, '}');
	}
	pin_out_cstr(o, "},\"lastState\":{");
	if (backing_off(c))
		terminated(o, pod, c, c->attempt, &c->now, c->reason, NULL);
	else if (c->has_last && c->attempt > 0)
		terminated(o, pod, c, c->attempt - 1, &c->last,
		    c->last_reason, NULL);
	pin_out_char(o, '}');
}

static int
is_ready(const struct kpod *pod, const struct kcontainer *c)
{
	if (c->init && !c->sidecar)
		return (c->state == KC_EXITED && c->now.exit_code == 0);
	return (c->state == KC_RUNNING && !(pod->killing && pod->killed));
}

static void
container(struct pin_out *o, const struct kpod *pod,
    const struct kcontainer *c)
{
	struct pin_str image = pin_obj_str(pod->obj, pin_obj_get(pod->obj,
	    c->spec, "image"));

	pin_out_cstr(o, "{\"name\":");
	quoted(o, c->name);
	pin_out_char(o, ',');
	state(o, pod, c);
	pin_out_printf(o, ",\"ready\":%s,\"restartCount\":%u,\"image\":",
	    is_ready(pod, c) ? "true" : "false", c->attempt);
	pin_json_quote(o, image);
	pin_out_cstr(o, ",\"imageID\":");
	quoted(o, c->tried ? c->image_id : "");
	if (c->tried)
		pin_out_printf(o, ",\"containerID\":\"%s://%s\"",
		    pod->rt_name, c->id);
	pin_out_printf(o, ",\"started\":%s}", c->state == KC_RUNNING ?
	    "true" : "false");
}

static void
containers(struct pin_out *o, const struct kpod *pod, int init)
{
	uint32_t i;
	int first = 1;

	for (i = 0; i < pod->n; i++) {
		if ((int)pod->c[i].init != init)
			continue;
		if (first)
			pin_out_printf(o, ",\"%s\":[", init ?
			    "initContainerStatuses" : "containerStatuses");
		else
			pin_out_char(o, ',');
		first = 0;
		container(o, pod, &pod->c[i]);
	}
	if (!first)
		pin_out_char(o, ']');
}

/* ---- conditions --------------------------------------------------- */

static void
set(struct kpod *pod, int which, int value, const char *reason,
    const char *message)
{
	struct kcond *c = &pod->cond[which];

	if (c->status != value) {
		c->status = value;
		c->since_s = pin_host_wall(pod->k->host) / NS;
	}
	snprintf(c->reason, sizeof(c->reason), "%s", value ? "" : reason);
	snprintf(c->message, sizeof(c->message), "%s", value ? "" : message);
}

static void
unready(const struct kpod *pod, int init, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "containers with %s status: [",
	    init ? "incomplete" : "unready");
	uint32_t i;
	int first = 1, k;

	for (i = 0; i < pod->n && n < size; i++) {
		if ((int)pod->c[i].init != init || is_ready(pod, &pod->c[i]))
			continue;
		k = snprintf(out + n, size - n, "%s%s", first ? "" : " ",
		    pod->c[i].name);
		n += k > 0 ? (size_t)k : 0;
		first = 0;
	}
	if (n < size)
		snprintf(out + n, size - n, "]");
}

static void
judge(struct kpod *pod)
{
	const char *phase = pod_phase(pod);
	int final = phase[0] == 'S' || phase[0] == 'F', ready = !final, k;
	char text[256];
	uint32_t i;

	for (i = 0; i < pod->n; i++)
		if ((!pod->c[i].init || pod->c[i].sidecar) &&
		    !is_ready(pod, &pod->c[i]))
			ready = 0;
	set(pod, KCOND_SCHEDULED, 1, "", "");
	set(pod, KCOND_SANDBOX, pod->networked && !final, "", "");
	if (final && phase[0] == 'S') {
		set(pod, KCOND_INIT, 1, "PodCompleted", "");
		snprintf(pod->cond[KCOND_INIT].reason, 48, "PodCompleted");
		for (k = KCOND_READY; k <= KCOND_CONTAINERS; k++)
			set(pod, k, 0, "PodCompleted", "");
		return;
	}
	unready(pod, 1, text, sizeof(text));
	set(pod, KCOND_INIT, inits_done(pod), "ContainersNotInitialized",
	    text);
	unready(pod, 0, text, sizeof(text));
	for (k = KCOND_READY; k <= KCOND_CONTAINERS; k++)
		set(pod, k, ready, final ? "PodFailed" :
		    "ContainersNotReady", final ? "" : text);
}

static void
conditions(struct pin_out *o, const struct kpod *pod, int64_t generation)
{
	static const char *const names[KCOND__COUNT] = {
		"PodReadyToStartContainers", "Initialized", "Ready",
		"ContainersReady", "PodScheduled" };
	int i;

	pin_out_cstr(o, ",\"conditions\":[");
	for (i = 0; i < KCOND__COUNT; i++) {
		const struct kcond *c = &pod->cond[i];

		pin_out_printf(o, "%s{\"type\":\"%s\",\"status\":\"%s\","
		    "\"lastProbeTime\":null,\"lastTransitionTime\":", i > 0 ?
		    "," : "", names[i], c->status > 0 ? "True" : "False");
		time_at(o, c->since_s);
		pin_out_cstr(o, ",\"reason\":");
		if (c->reason[0] != '\0')
			quoted(o, c->reason);
		else
			pin_out_cstr(o, "null");
		pin_out_cstr(o, ",\"message\":");
		if (c->message[0] != '\0')
			quoted(o, c->message);
		else
			pin_out_cstr(o, "null");
		if (generation > 0)
			pin_out_printf(o, ",\"observedGeneration\":%lld",
			    (long long)generation);
		pin_out_char(o, '}');
	}
	pin_out_char(o, ']');
}

/* ---- the whole ---------------------------------------------------- */

static void
addresses(struct pin_out *o, const struct kpod *pod)
{
	char text[64];
	uint32_t i;

	if (pod->k->nips > 0) {
		pin_addr_ip(&pod->k->ips[0], text);
		pin_out_printf(o, ",\"hostIP\":\"%s\",\"hostIPs\":[{\"ip\":"
		    "\"%s\"}]", text, text);
	}
	if (!pod->networked)
		return;
	for (i = 0; i < pod->net.nips; i++) {
		pod_ip(pod, i, text);
		if (i == 0)
			pin_out_printf(o, ",\"podIP\":\"%s\",\"podIPs\":[",
			    text);
		pin_out_printf(o, "%s{\"ip\":\"%s\"}", i > 0 ? "," : "",
		    text);
	}
	if (pod->net.nips > 0)
		pin_out_char(o, ']');
}

static void
compose(struct kpod *pod, struct pin_out *o)
{
	int64_t generation = 0;
	uint32_t i;

	(void)pin_obj_i64(pod->obj, pin_obj_at(pod->obj,
	    pin_obj_root(pod->obj), "metadata", "generation", NULL),
	    &generation);
	judge(pod);
	pin_out_printf(o, "{\"metadata\":{\"uid\":\"%s\"},\"status\":{"
	    "\"phase\":\"%s\"", pod->uid, pod_phase(pod));
	if (generation > 0)
		pin_out_printf(o, ",\"observedGeneration\":%lld",
		    (long long)generation);
	conditions(o, pod, generation);
	if (pod->failed[0] != '\0') {
		pin_out_cstr(o, ",\"reason\":");
		quoted(o, pod->failed);
		pin_out_cstr(o, ",\"message\":");
		quoted(o, pod->failed_message);
	}
	addresses(o, pod);
	pin_out_cstr(o, ",\"startTime\":");
	time_at(o, pod->start_s);
	/* One that was turned away has none: clients show the reason then. */
	for (i = 0; i < pod->n && pod->failed[0] != '\0'; i++)
		if (pod->c[i].tried)
			break;
	if (pod->failed[0] == '\0' || i < pod->n) {
		containers(o, pod, 1);
		containers(o, pod, 0);
	}
	pin_out_cstr(o, "}}");
	pin_out_char(o, '\0');
}

void
status_write(struct kpod *pod)
{
	struct pin_err err = PIN_ERR_INIT;
	struct api_answer a;
	struct pin_out o;
	char target[512];
	int rc;

	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	compose(pod, &o);
	if (o.failed != PIN_OK || (pod->status != NULL && strcmp(pod->status,
	    o.p) == 0)) {
		pin_out_fini(&o);
		return;
	}
	snprintf(target, sizeof(target), "/api/v1/namespaces/%s/pods/%s/"
	    "status", pod->ns, pod->name);
	rc = api_ask(pod->k, "PATCH", target, API_STRATEGIC,
	    (struct pin_str){ o.p, o.len - 1 }, &a, &err);
	if (rc == PIN_OK)
		rc = api_error(&a, &err);
	if (rc == PIN_OK) {
		free(pod->status);
		pod->status = pin_xstrdup(o.p);
	} else if (rc != PIN_ENOTFOUND && rc != PIN_ECONFLICT) {
		pin_log(pod->k->host, PIN_LOG_WARN, "pod %s/%s: status: %s",
		    pod->ns, pod->name, err.text);
		if (pod->next_ms == 0 || pod->next_ms > KUBELET_RETRY_MS)
			pod->next_ms = KUBELET_RETRY_MS;
	}
	api_answer_fini(&a);
	pin_out_fini(&o);
}
