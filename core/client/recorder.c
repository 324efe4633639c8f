/* SPDX-License-Identifier: BSD-2-Clause
 *
 * recorder.c -- Events: equal ones are counted up in the object that is there
 * already, similar ones combined, an object that talks too much is cut short.
 * The client's loop. Contract: recorder.h. */
#include "core/client/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/object.h>

#include "lib/timefmt/timefmt.h"

#define WAYS		4	/* places of one hash; the oldest goes */
#define SETS		(EVENT_KNOWN_MAX / WAYS)
#define SIMILAR		"(combined from similar events): "
#define WRITE_MS	30000
#define BODY_MAX	((size_t)32 << 10)

struct known {			/* an Event that was written */
	uint64_t	 hash[2];
	int64_t		 first_s, last_s;
	uint32_t	 count, sent;
	uint32_t	 busy;		/* a write is at the server */
	uint32_t	 pad;
	char		*path;		/* of the object */
	char		*text;		/* its latest message, when it is of
					 * several; NULL: it never changes */
};

struct group {			/* Events that differ in their messages */
	uint64_t	 hash[2];
	int64_t		 last_s;
	uint32_t	 n, pad;
	uint64_t	 message[EVENT_SIMILAR_MAX];
};

struct bucket {			/* who talks about what, how often */
	uint64_t	 hash[2];
	int64_t		 last_s;
	int64_t		 used_s;	/* tokens taken, in seconds of refill */
};

struct recorder {
	struct client	*client;
	struct pin_host	*host;
	struct recorder_counters count;
	struct known	 known[EVENT_KNOWN_MAX];
	struct group	 group[EVENT_KNOWN_MAX];
	struct bucket	 bucket[EVENT_KNOWN_MAX];
};

struct sending {
	struct client_call call;
	struct recorder	*rec;
	struct known	*known;
	uint64_t	 hash[2];	/* is it still that one? */
	struct client_identity who;
	char		 user[192];
	struct pin_str	 groups[2];
	char		*target, *body;
};

static void	known_patch(struct recorder *, struct known *,
	    const struct client_identity *);

/* ---- which one ------------------------------------------------------ */

static void
mix(uint64_t h[2], struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		h[0] = (h[0] ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
		h[1] = (h[1] + (uint8_t)s.p[i]) *
		    UINT64_C(0x9e3779b97f4a7c15);
		h[1] ^= h[1] >> 29;
	}
	h[0] = (h[0] ^ 0xff) * UINT64_C(0x100000001b3);
	h[1] = (h[1] + 0x101) * UINT64_C(0x9e3779b97f4a7c15);
}

static void
hash_object(uint64_t h[2], const char *component,
    const struct recorder_event *e)
{
	h[0] = UINT64_C(0xcbf29ce484222325);
	h[1] = 1;
	mix(h, pin_str(component));
	mix(h, e->api_version);
	mix(h, e->kind);
	mix(h, e->namespace);
	mix(h, e->name);
	mix(h, e->uid);
}

static struct known *
known_find(struct recorder *rec, const uint64_t h[2])
{
	struct known *k = &rec->known[h[0] % SETS * WAYS], *old = NULL;
	int i;

	for (i = 0; i < WAYS; i++)
		if (k[i].hash[0] == h[0] && k[i].hash[1] == h[1])
			return (&k[i]);
	for (i = 0; i < WAYS; i++)
		if (!k[i].busy && (old == NULL || k[i].last_s < old->last_s))
			old = &k[i];
	if (old == NULL)
		return (NULL);		/* all at the server */
	free(old->path);
	free(old->text);
	memset(old, 0, sizeof(*old));
	memcpy(old->hash, h, sizeof(old->hash));
	return (old);
}

/* 1: so many of this group that one Event speaks for all of them. */
static int
group_is_full(struct recorder *rec, const uint64_t h[2], uint64_t message,
    int64_t now)
{
	struct group *g = &rec->group[h[0] % SETS * WAYS], *at = g;
	uint32_t k;
	int i;

	for (i = 0; i < WAYS; i++)
		if (g[i].hash[0] == h[0] && g[i].hash[1] == h[1])
			break;
		else if (g[i].last_s < at->last_s)
			at = &g[i];
	if (i < WAYS)
		at = &g[i];
	if (i == WAYS || now - at->last_s > EVENT_SAME_S) {
		*at = (struct group){ .n = 0 };
		memcpy(at->hash, h, sizeof(at->hash));
	}
	at->last_s = now;
	for (k = 0; k < at->n && at->message[k] != message; k++)
		;
	if (k == at->n && at->n < EVENT_SIMILAR_MAX)
		at->message[at->n++] = message;
	return (at->n == EVENT_SIMILAR_MAX);
}

/* 0: this object has had its share. */
static int
bucket_take(struct recorder *rec, const uint64_t h[2], int64_t now)
{
	struct bucket *b = &rec->bucket[h[0] % SETS * WAYS], *at = NULL;
	int64_t used;
	int i;

	for (i = 0; i < WAYS; i++)
		if (b[i].hash[0] == h[0] && b[i].hash[1] == h[1])
			at = &b[i];
	for (i = 0; at == NULL && i < WAYS; i++)
		if (b[i].last_s == 0)
			at = &b[i];
	if (at == NULL)
		for (at = b, i = 1; i < WAYS; i++)
			if (b[i].last_s < at->last_s)
				at = &b[i];
	if (at->hash[0] != h[0] || at->hash[1] != h[1]) {
		*at = (struct bucket){ .last_s = now };
		memcpy(at->hash, h, sizeof(at->hash));
	}
	used = at->used_s - (now - at->last_s);
	if (used < 0)
		used = 0;
	at->last_s = now;
	at->used_s = used;
	if (used + EVENT_REFILL_S > EVENT_BURST * EVENT_REFILL_S)
		return (0);
	at->used_s += EVENT_REFILL_S;
	return (1);
}

/* ---- sending -------------------------------------------------------- */

static void
sent(struct client_call *call, const struct client_answer *a)
{
	struct sending *s = call->arg;
	struct recorder *rec = s->rec;
	struct known *k = s->known;
	int ok = a->rc == PIN_OK && a->status >= 200 && a->status < 300;

	rec->count.inflight--;
	rec->count.failed += !ok;
	if (k->hash[0] == s->hash[0] && k->hash[1] == s->hash[1]) {
		k->busy = 0;
		if (!ok)
			memset(k->hash, 0, sizeof(k->hash)); /* unknown */
		else if (k->count > k->sent)
			known_patch(rec, k, &s->who);
	}
	free(s->target);
	free(s->body);
	free(s);
}

static void
send_one(struct recorder *rec, struct known *k, const char *method,
    const char *type, const char *target, struct pin_out *body,
    const struct client_identity *who)
{
	struct sending *s;
	uint32_t i;

	if (body->failed != PIN_OK ||
	    rec->count.inflight >= EVENT_INFLIGHT_MAX) {
		rec->count.dropped++;
		memset(k->hash, 0, sizeof(k->hash));
		return;
	}
	s = pin_xcalloc(1, sizeof(*s));
	s->rec = rec;
	s->known = k;
	memcpy(s->hash, k->hash, sizeof(s->hash));
	/* The controller may be gone before the Event is written. */
	snprintf(s->user, sizeof(s->user), PIN_SFMT, PIN_SARG(who->name));
	for (i = 0; i < who->ngroups && i < PIN_LEN(s->groups); i++)
		s->groups[i] = who->groups[i];	/* constants */
	s->who = (struct client_identity){ .name = pin_str(s->user),
	    .groups = s->groups, .ngroups = i };
	s->target = pin_xstrdup(target);
	s->body = pin_xstrndup(body->p, body->len);
	s->call = (struct client_call){ .method = pin_str(method),
	    .target = pin_str(s->target), .type = pin_str(type),
	    .body = { s->body, body->len }, .who = &s->who,
	    .timeout_ms = WRITE_MS, .done = sent, .arg = s };
	k->busy = 1;
	k->sent = k->count;
	rec->count.inflight++;
	client_start(rec->client, &s->call);
}

static void
member(struct pin_out *o, const char *name, struct pin_str s)
{
	if (s.len == 0)
		return;
	pin_out_printf(o, ",\"%s\":", name);
	pin_json_quote(o, s);
}

static void
known_patch(struct recorder *rec, struct known *k,
    const struct client_identity *who)
{
	char last[PIN_TIME_TEXT_MAX];
	struct pin_out o;

	(void)pin_time_format(k->last_s, last);
	pin_out_init(&o, NULL, BODY_MAX);
	pin_out_printf(&o, "{\"count\":%" PRIu32 ",\"lastTimestamp\":\"%s\"",
	    k->count, last);
	if (k->text != NULL)
		member(&o, "message", pin_str(k->text));
	pin_out_char(&o, '}');
	send_one(rec, k, "PATCH", "application/merge-patch+json", k->path, &o,
	    who);
	pin_out_fini(&o);
}

static void
event_body(struct pin_out *o, const struct recorder_event *e,
    const char *component, const char *name, struct pin_str ns,
    const struct known *k)
{
	char when[PIN_TIME_TEXT_MAX];

	(void)pin_time_format(k->first_s, when);
	pin_out_cstr(o, "{\"apiVersion\":\"v1\",\"kind\":\"Event\","
	    "\"metadata\":{\"name\":");
	pin_json_quote(o, pin_str(name));
	member(o, "namespace", ns);
	pin_out_cstr(o, "},\"involvedObject\":{\"kind\":");
	pin_json_quote(o, e->kind);
	member(o, "apiVersion", e->api_version);
	member(o, "namespace", e->namespace);
	member(o, "name", e->name);
	member(o, "uid", e->uid);
	member(o, "resourceVersion", e->revision);
	pin_out_cstr(o, "}");
	member(o, "reason", e->reason);
	member(o, "message", k->text != NULL ? pin_str(k->text) :
	    e->message);
	member(o, "type", e->type);
	pin_out_cstr(o, ",\"source\":{\"component\":");
	pin_json_quote(o, pin_str(component));
	pin_out_cstr(o, "}");
	member(o, "reportingComponent", pin_str(component));
	pin_out_printf(o, ",\"firstTimestamp\":\"%s\",\"lastTimestamp\":"
	    "\"%s\",\"count\":%" PRIu32 "}", when, when, k->count);
}

static void
known_create(struct recorder *rec, struct known *k,
    const struct client_identity *who, const char *component,
    const struct recorder_event *e)
{
	struct pin_str ns = e->namespace.len > 0 ? e->namespace :
	    PIN_STR("default");
	char name[300], target[160], path[480];
	struct pin_out o;

	snprintf(name, sizeof(name), "%.*s.%" PRIx64, e->name.len < 230 ?
	    (int)e->name.len : 230, e->name.len > 0 ? e->name.p : "",
	    (uint64_t)pin_host_wall(rec->host));
	snprintf(target, sizeof(target), "/api/v1/namespaces/" PIN_SFMT
	    "/events", PIN_SARG(ns));
	snprintf(path, sizeof(path), "%s/%s", target, name);
	free(k->path);
	k->path = pin_xstrdup(path);
	pin_out_init(&o, NULL, BODY_MAX);
	event_body(&o, e, component, name, ns, k);
	send_one(rec, k, "POST", "application/json", target, &o, who);
	pin_out_fini(&o);
}

/* The Event this one is counted in. NULL: there is no room. */
static struct known *
known_of(struct recorder *rec, const uint64_t object[2],
    const struct recorder_event *e, int64_t now)
{
	uint64_t h[2] = { object[0], object[1] }, m[2];
	struct known *k;
	struct pin_out o;
	int combined;

	mix(h, e->type);
	mix(h, e->reason);
	memcpy(m, h, sizeof(m));
	mix(m, e->message);
	combined = group_is_full(rec, h, m[0], now);
	if (!combined)
		return (known_find(rec, m));
	mix(h, PIN_STR(SIMILAR));
	k = known_find(rec, h);
	if (k == NULL)
		return (NULL);
	pin_out_init(&o, NULL, BODY_MAX);
	pin_out_cstr(&o, SIMILAR);
	pin_out_str(&o, e->message);
	free(k->text);
	k->text = pin_xstrndup(o.p, o.len);
	pin_out_fini(&o);
	return (k);
}

void
recorder_say(struct recorder *rec, const struct client_identity *who,
    const char *component, const struct recorder_event *e)
{
	int64_t now = pin_host_wall(rec->host) / INT64_C(1000000000);
	struct known *k;
	uint64_t h[2];

	rec->count.said++;
	hash_object(h, component, e);
	k = bucket_take(rec, h, now) ? known_of(rec, h, e, now) : NULL;
	if (k == NULL) {
		rec->count.dropped++;
		return;
	}
	if (k->count > 0 && now - k->last_s < EVENT_SAME_S) {
		rec->count.counted++;
		k->count++;
		k->last_s = now;
		if (!k->busy)
			known_patch(rec, k, who);
		return;
	}
	if (k->busy)
		return;
	k->count = 1;
	k->first_s = k->last_s = now;
	known_create(rec, k, who, component, e);
}

/* ---- life ----------------------------------------------------------- */

struct recorder *
recorder_new(struct client *client)
{
	struct recorder *rec = pin_xcalloc(1, sizeof(*rec));

	rec->client = client;
	rec->host = pin_loop_host(client_loop(client));
	return (rec);
}

void
recorder_free(PIN_OWN struct recorder **rp)
{
	struct recorder *rec = *rp;
	uint32_t i;

	*rp = NULL;
	if (rec == NULL)
		return;
	PIN_ASSERT(rec->count.inflight == 0);
	for (i = 0; i < EVENT_KNOWN_MAX; i++) {
		free(rec->known[i].path);
		free(rec->known[i].text);
	}
	free(rec);
}

const struct recorder_counters *
recorder_count(const struct recorder *rec)
{
	return (&rec->count);
}
