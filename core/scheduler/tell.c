/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tell.c -- what the scheduler says to the API server: bindings, the
 * condition PodScheduled of a pod that fits nowhere, Events.
 * Scheduler's loop. Contract: core/v1 Binding; upstream's words. */
#include "core/scheduler/role_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/recorder.h"
#include "lib/timefmt/timefmt.h"

struct telling {
	struct client_call call;
	struct scheduler *sc;
	struct pin_str	 ns, name, uid, node;	/* behind */
	char		*target, *body;
};

static struct telling *
telling_new(struct scheduler *sc, const struct sched_decision *d,
    const char *sub)
{
	struct telling *t;
	const struct pin_str *from[4] = { &d->ns, &d->name, &d->uid,
	    &d->node };
	struct pin_str *to[4];
	size_t len = 0, i;
	char *p;

	for (i = 0; i < 4; i++)
		len += from[i]->len;
	t = pin_xcalloc(1, sizeof(*t) + len + 1);
	p = (char *)(t + 1);
	to[0] = &t->ns;
	to[1] = &t->name;
	to[2] = &t->uid;
	to[3] = &t->node;
	for (i = 0; i < 4; i++) {
		if (from[i]->len > 0)
			memcpy(p, from[i]->p, from[i]->len);
		*to[i] = (struct pin_str){ p, from[i]->len };
		p += from[i]->len;
	}
	t->sc = sc;
	len = t->ns.len + t->name.len + strlen(sub) + 40;
	t->target = pin_xmalloc(len);
	snprintf(t->target, len, "/api/v1/namespaces/" PIN_SFMT "/pods/"
	    PIN_SFMT "/%s", PIN_SARG(t->ns), PIN_SARG(t->name), sub);
	return (t);
}

static void
telling_free(struct telling *t)
{
	free(t->target);
	free(t->body);
	free(t);
}

static void
telling_start(struct telling *t, const char *method, const char *type,
    struct pin_out *body, void (*done)(struct client_call *,
    const struct client_answer *))
{
	PIN_ASSERT(body->failed == PIN_OK);
	t->body = pin_xstrndup(body->p, body->len);
	t->call = (struct client_call){ .method = pin_str(method),
	    .target = pin_str(t->target), .type = pin_str(type),
	    .body = { t->body, body->len }, .done = done, .arg = t };
	client_start(t->sc->client, &t->call);
}

static const struct client_identity who = {
	.name = { "system:kube-scheduler", 21 },
};

static void
say(struct scheduler *sc, struct pin_str ns, struct pin_str name,
    struct pin_str uid, const char *type, const char *reason,
    const char *message)
{
	struct recorder_event e = { .api_version = PIN_STR("v1"),
	    .kind = PIN_STR("Pod"), .namespace = ns, .name = name,
	    .uid = uid, .type = pin_str(type), .reason = pin_str(reason),
	    .message = pin_str(message) };

	recorder_say(sc->recorder, &who, SCHED_NAME, &e);
}

/* ---- bindings ---------------------------------------------------------- */

/* The message of the Status that refused it. */
static void
refusal(const struct client_answer *a, char *out, size_t size)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	struct pin_str s = PIN_STR_NONE;

	if (a->buf != NULL && pin_obj_parse(NULL, (const char *)a->buf->data
	    + a->off, a->len, &o, &err) == PIN_OK)
		s = pin_obj_str(o, pin_obj_get(o, pin_obj_root(o),
		    "message"));
	snprintf(out, size, "binding rejected: %.*s", s.len > 800 ? 800 :
	    (int)s.len, s.len > 0 ? s.p : "");
	if (s.len == 0)
		snprintf(out, size, "binding rejected: the API server "
		    "answered %d", (int)a->status);
	pin_obj_free(&o);
}

static void
binding_done(struct client_call *call, const struct client_answer *a)
{
	struct telling *t = call->arg;
	struct scheduler *sc = t->sc;
	char text[SCHED_MESSAGE_MAX];
	int how = SCHED_UNKNOWN;

	sc->binds--;
	if (sc->stopping) {
		telling_free(t);
		return;
	}
	if (a->rc == PIN_OK && a->status >= 200 && a->status < 300)
		how = SCHED_BOUND;
	else if (a->rc == PIN_OK && a->status >= 400 && a->status < 500)
		how = SCHED_REFUSED;
	sched_bound(sc->sched, t->ns, t->name, t->uid, how,
	    pin_host_now(sc->host));
	if (how == SCHED_BOUND) {
		snprintf(text, sizeof(text), "Successfully assigned "
		    PIN_SFMT "/" PIN_SFMT " to " PIN_SFMT, PIN_SARG(t->ns),
		    PIN_SARG(t->name), PIN_SARG(t->node));
		say(sc, t->ns, t->name, t->uid, "Normal", "Scheduled", text);
	} else if (how == SCHED_REFUSED && a->status != 404) {
		refusal(a, text, sizeof(text));
		say(sc, t->ns, t->name, t->uid, "Warning",
		    "FailedScheduling", text);
	} else if (how == SCHED_UNKNOWN)
		pin_log(sc->host, PIN_LOG_WARN, "scheduler: binding "
		    PIN_SFMT "/" PIN_SFMT " to " PIN_SFMT ": no answer that "
		    "says whether it happened (%d, status %d): sent again",
		    PIN_SARG(t->ns), PIN_SARG(t->name), PIN_SARG(t->node),
		    (int)a->rc, (int)a->status);
	telling_free(t);
}

void
tell_binding(struct scheduler *sc, const struct sched_decision *d)
{
	struct telling *t = telling_new(sc, d, "binding");
	struct pin_out o;

	pin_out_init(&o, NULL, SCHED_BODY_MAX);
	pin_out_cstr(&o, "{\"apiVersion\":\"v1\",\"kind\":\"Binding\","
	    "\"metadata\":{\"name\":");
	pin_json_quote(&o, t->name);
	pin_out_cstr(&o, ",\"namespace\":");
	pin_json_quote(&o, t->ns);
	pin_out_cstr(&o, ",\"uid\":");
	pin_json_quote(&o, t->uid);
	pin_out_cstr(&o, "},\"target\":{\"kind\":\"Node\",\"name\":");
	pin_json_quote(&o, t->node);
	pin_out_cstr(&o, "}}");
	sc->binds++;
	telling_start(t, "POST", "application/json", &o, binding_done);
	pin_out_fini(&o);
}

/* ---- failures ---------------------------------------------------------- */

static pin_node
condition_of(const struct pin_obj *o)
{
	pin_node n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
	    "status", "conditions", NULL));

	for (; n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "type")),
		    "PodScheduled"))
			return (n);
	return (0);
}

static void
patch_done(struct client_call *call, const struct client_answer *a)
{
	(void)a;			/* the next attempt says it again */
	telling_free(call->arg);
}

static void
condition_body(struct pin_out *o, const struct sched_decision *d,
    const char *reason, int64_t now, int turned)
{
	char when[PIN_TIME_TEXT_MAX];
	int64_t generation;

	pin_out_cstr(o, "{\"metadata\":{\"uid\":");
	pin_json_quote(o, d->uid);
	pin_out_printf(o, "},\"status\":{\"conditions\":[{\"type\":"
	    "\"PodScheduled\",\"status\":\"False\",\"reason\":\"%s\","
	    "\"message\":", reason);
	pin_json_quote(o, pin_str(d->message));
	if (turned) {
		(void)pin_time_format(now, when);
		pin_out_printf(o, ",\"lastTransitionTime\":\"%s\"", when);
	}
	if (pin_obj_i64(d->pod, pin_obj_at(d->pod, pin_obj_root(d->pod),
	    "metadata", "generation", NULL), &generation))
		pin_out_printf(o, ",\"observedGeneration\":%" PRId64,
		    generation);
	pin_out_cstr(o, "}]}}");
}

static void
tell_condition(struct scheduler *sc, const struct sched_decision *d,
    const char *reason)
{
	const struct pin_obj *o = d->pod;
	pin_node c = condition_of(o);
	int turned = !pin_str_is(pin_obj_str(o, pin_obj_get(o, c,
	    "status")), "False");
	struct pin_out body;

	if (!turned && pin_str_is(pin_obj_str(o, pin_obj_get(o, c,
	    "message")), d->message) && pin_str_is(pin_obj_str(o,
	    pin_obj_get(o, c, "reason")), reason))
		return;
	pin_out_init(&body, NULL, SCHED_BODY_MAX);
	condition_body(&body, d, reason, pin_host_wall(sc->host) /
	    INT64_C(1000000000), turned);
	telling_start(telling_new(sc, d, "status"), "PATCH",
	    "application/strategic-merge-patch+json", &body, patch_done);
	pin_out_fini(&body);
}

void
tell_failure(struct scheduler *sc, const struct sched_decision *d)
{
	say(sc, d->ns, d->name, d->uid, "Warning", "FailedScheduling",
	    d->message);
	if (d->pod != NULL)
		tell_condition(sc, d, d->what == SCHED_UNFIT ?
		    "Unschedulable" : "SchedulerError");
	if (d->what == SCHED_ERROR)
		pin_log(sc->host, PIN_LOG_ERROR, "scheduler: " PIN_SFMT "/"
		    PIN_SFMT ": %s", PIN_SARG(d->ns), PIN_SARG(d->name),
		    d->message);
}
