/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_pod.c -- the cells of a pod: Ready, Status and Restarts, which are
 * one walk over its containers' states, then gates and addresses.
 * Pure; any thread.
 * Contract: cells.h; Status is what kubectl users read as the pod's state. */
#include "cells.h"

#include <string.h>

#include "lib/timefmt/timefmt.h"

static struct pin__reason
reason_text(const char *prefix, struct pin_str text)
{
	return ((struct pin__reason){ .prefix = prefix, .text = text });
}

static struct pin__reason
reason_num(const char *prefix, int64_t n)
{
	return ((struct pin__reason){ .prefix = prefix, .n = n, .form = 1 });
}

static bool
reason_is(const struct pin__reason *r, const char *word)
{
	return (r->form == 0 && *r->prefix == '\0' &&
	    pin__str_is(r->text, word));
}

static bool
has_condition(const struct pin__cell *c, const char *type)
{
	pin_node n, list = pin__cell_at(c, "status.conditions");

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "type"), type) &&
		    pin__str_is(pin__cell_member(c, n, "status"), "True"))
			return (true);
	}
	return (false);
}

/* The first condition of that type decides. */
static bool
is_initialized(const struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "status.conditions");

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "type"), "Initialized"))
			return (pin__str_is(pin__cell_member(c, n, "status"),
			    "True"));
	}
	return (false);
}

static struct pin__reason
first_reason(const struct pin__cell *c)
{
	pin_node n;
	struct pin_str text = pin__cell_text(c, "status.reason");

	if (text.len == 0)
		text = pin__cell_text(c, "status.phase");
	for (n = pin_obj_first(c->obj, pin__cell_at(c, "status.conditions"));
	    n != 0; n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "type"),
		    "PodScheduled") && pin__str_is(pin__cell_member(c, n,
		    "reason"), "SchedulingGated"))
			text = PIN_STR("SchedulingGated");
	}
	return (reason_text("", text));
}

/* Is the init container of that name a sidecar? Statuses come in the order
 * of the spec, so `hint`, the one at the same place, is nearly always it. */
static bool
is_sidecar(const struct pin__cell *c, struct pin_str name, pin_node hint)
{
	pin_node n = hint;

	if (n == 0 || pin__str_cmp(pin__cell_member(c, n, "name"), name) != 0) {
		n = pin_obj_first(c->obj,
		    pin__cell_at(c, "spec.initContainers"));
		while (n != 0 && pin__str_cmp(pin__cell_member(c, n, "name"),
		    name) != 0)
			n = pin_obj_next(c->obj, n);
	}
	return (pin__str_is(pin__cell_member(c, n, "restartPolicy"),
	    "Always"));
}

/* Counts the restarts of one container. */
static void
add_restarts(const struct pin__cell *c, pin_node status, int64_t *count,
    int64_t *last)
{
	int64_t t;

	*count += pin__cell_int(c, status, "restartCount");
	t = pin__cell_time(c, pin__cell_from(c, status,
	    "lastState.terminated.finishedAt"));
	if (t > *last)
		*last = t;
}

/* How a state that ended reads: its reason, signal or exit code. */
static struct pin__reason
ended(const struct pin__cell *c, pin_node term, const char *const words[3])
{
	struct pin_str text = pin__cell_member(c, term, "reason");
	int64_t signal;

	if (text.len != 0)
		return (reason_text(words[0], text));
	signal = pin__cell_int(c, term, "signal");
	if (signal != 0)
		return (reason_num(words[1], signal));
	return (reason_num(words[2], pin__cell_int(c, term, "exitCode")));
}

/* Why an init container holds the pod back. */
static struct pin__reason
init_reason(const struct pin__cell *c, pin_node state, uint32_t i)
{
	static const char *const words[3] = {
		"Init:", "Init:Signal:", "Init:ExitCode:"
	};
	struct pin__reason r;
	struct pin_str why;
	pin_node term = pin__cell_from(c, state, "terminated");

	if (term != 0)
		return (ended(c, term, words));
	why = pin__cell_member(c, pin__cell_from(c, state, "waiting"),
	    "reason");
	if (why.len != 0 && !pin__str_is(why, "PodInitializing"))
		return (reason_text("Init:", why));
	r = reason_num("Init:", i);
	r.form = 2;
	r.of = pin_obj_count(c->obj, pin__cell_at(c, "spec.initContainers"));
	return (r);
}

/* Goes through the init containers up to the first that is not done; true
 * when there is one. Sidecars' restarts are counted apart. */
static bool
sum_init(struct pin__cell *c, int64_t *sidecar_restarts, int64_t *sidecar_last)
{
	struct pin__pod_sum *sum = &c->pod;
	pin_node n, state, term, spec;
	uint32_t i = 0;
	bool sidecar;

	spec = pin_obj_first(c->obj, pin__cell_at(c, "spec.initContainers"));
	n = pin_obj_first(c->obj,
	    pin__cell_at(c, "status.initContainerStatuses"));
	for (; n != 0; n = pin_obj_next(c->obj, n), i++) {
		add_restarts(c, n, &sum->restarts, &sum->last_restart);
		sidecar = is_sidecar(c, pin__cell_member(c, n, "name"), spec);
		spec = spec == 0 ? 0 : pin_obj_next(c->obj, spec);
		if (sidecar)
			add_restarts(c, n, sidecar_restarts, sidecar_last);
		state = pin__cell_from(c, n, "state");
		term = pin__cell_from(c, state, "terminated");
		if (term != 0 && pin__cell_int(c, term, "exitCode") == 0)
			continue;
		if (sidecar && pin__cell_true(c, n, "started")) {
			if (pin__cell_true(c, n, "ready"))
				sum->ready++;
			continue;
		}
		sum->reason = init_reason(c, state, i);
		return (true);
	}
	return (false);
}

/* One container's word about the pod; true when it runs and is ready. */
static bool
sum_container(struct pin__cell *c, pin_node n, struct pin__reason *error)
{
	static const char *const words[3] = { "", "Signal:", "ExitCode:" };
	struct pin__pod_sum *sum = &c->pod;
	pin_node state, term;
	struct pin_str why;

	add_restarts(c, n, &sum->restarts, &sum->last_restart);
	state = pin__cell_from(c, n, "state");
	why = pin__cell_member(c, pin__cell_from(c, state, "waiting"),
	    "reason");
	term = pin__cell_from(c, state, "terminated");
	if (why.len != 0) {
		sum->reason = reason_text("", why);
	} else if (term != 0) {
		sum->reason = ended(c, term, words);
		if (pin__cell_int(c, term, "exitCode") != 0)
			*error = sum->reason;
	} else if (pin__cell_true(c, n, "ready") &&
	    pin__cell_from(c, state, "running") != 0) {
		sum->ready++;
		return (true);
	}
	return (false);
}

/* The last container is looked at first, so that the first one's word is the
 * one that stays. */
static void
sum_containers(struct pin__cell *c)
{
	struct pin__reason error = { .prefix = "" };
	struct pin__sorted s;
	struct pin__reason *r = &c->pod.reason;
	pin_node n, list = pin__cell_at(c, "status.containerStatuses");
	bool running = false, failed;
	uint32_t i;

	pin__sorted_init(c, &s, pin_obj_count(c->obj, list));
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n))
		pin__sorted_add(&s, PIN_STR_NONE, n);
	for (i = s.n; i > 0; i--) {
		if (sum_container(c, s.items[i - 1].node, &error))
			running = true;
	}
	pin__sorted_fini(&s);
	if (!reason_is(r, "Completed"))
		return;
	failed = error.form != 0 || error.text.len != 0;
	if (running && has_condition(c, "Ready"))
		*r = reason_text("", PIN_STR("Running"));
	else if (failed)
		*r = error;
	else if (running)
		*r = reason_text("", PIN_STR("NotReady"));
}

static const struct pin__pod_sum *
pod_sum(struct pin__cell *c)
{
	struct pin__pod_sum *sum = &c->pod;
	int64_t restarts = 0, last = PIN_TIME_ZERO;
	struct pin_str phase;
	pin_node n;

	if (c->pod_known)
		return (sum);
	c->pod_known = 1;
	sum->last_restart = PIN_TIME_ZERO;
	sum->reason = first_reason(c);
	sum->total = pin_obj_count(c->obj, pin__cell_at(c, "spec.containers"));
	for (n = pin_obj_first(c->obj, pin__cell_at(c,
	    "spec.initContainers")); n != 0; n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "restartPolicy"),
		    "Always"))
			sum->total++;
	}
	if (!sum_init(c, &restarts, &last) || is_initialized(c)) {
		sum->restarts = restarts;
		sum->last_restart = last;
		sum_containers(c);
	}
	if (pin__cell_at(c, "metadata.deletionTimestamp") == 0)
		return (sum);
	phase = pin__cell_text(c, "status.phase");
	if (pin__str_is(pin__cell_text(c, "status.reason"), "NodeLost"))
		sum->reason = reason_text("", PIN_STR("Unknown"));
	else if (!pin__str_is(phase, "Succeeded") &&
	    !pin__str_is(phase, "Failed"))
		sum->reason = reason_text("", PIN_STR("Terminating"));
	return (sum);
}

void
pin__cell_pod_ready(struct pin__cell *c)
{
	const struct pin__pod_sum *sum = pod_sum(c);

	pin_out_char(c->out, '"');
	pin__cell_num(c, sum->ready);
	pin_out_char(c->out, '/');
	pin__cell_num(c, sum->total);
	pin_out_char(c->out, '"');
}

void
pin__cell_pod_status(struct pin__cell *c)
{
	const struct pin__reason *r = &pod_sum(c)->reason;

	pin_out_char(c->out, '"');
	pin__cell_raw(c, r->prefix);
	if (r->form == 0)
		pin__cell_put(c, r->text);
	else
		pin__cell_num(c, r->n);
	if (r->form == 2) {
		pin_out_char(c->out, '/');
		pin__cell_num(c, r->of);
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_pod_restarts(struct pin__cell *c)
{
	const struct pin__pod_sum *sum = pod_sum(c);

	pin_out_char(c->out, '"');
	pin__cell_num(c, sum->restarts);
	if (sum->restarts != 0 && sum->last_restart != PIN_TIME_ZERO) {
		pin_out_cstr(c->out, " (");
		pin__cell_since(c, sum->last_restart);
		pin_out_cstr(c->out, " ago)");
	}
	pin_out_char(c->out, '"');
}

/* The status of the first condition of a type. */
static struct pin_str
condition(const struct pin__cell *c, struct pin_str type)
{
	pin_node n, list = pin__cell_at(c, "status.conditions");

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__str_cmp(pin__cell_member(c, n, "type"), type) == 0)
			return (pin__cell_member(c, n, "status"));
	}
	return (PIN_STR_NONE);
}

void
pin__cell_pod_readiness(struct pin__cell *c)
{
	pin_node n, gates = pin__cell_at(c, "spec.readinessGates");
	int64_t met = 0;

	if (pin_obj_count(c->obj, gates) == 0) {
		pin__cell_word(c, "<none>");
		return;
	}
	for (n = pin_obj_first(c->obj, gates); n != 0;
	    n = pin_obj_next(c->obj, n))
		met += pin__str_is(condition(c,
		    pin__cell_member(c, n, "conditionType")), "True");
	pin_out_char(c->out, '"');
	pin__cell_num(c, met);
	pin_out_char(c->out, '/');
	pin__cell_num(c, pin_obj_count(c->obj, gates));
	pin_out_char(c->out, '"');
}

void
pin__cell_pod_ip(struct pin__cell *c)
{
	pin__cell_or(c, pin__cell_member(c, pin_obj_first(c->obj,
	    pin__cell_at(c, "status.podIPs")), "ip"), "<none>");
}
