/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watch -- a real server under writes, lists and many watches with every
 * option; slow readers, old revisions, compaction, a SIGKILL in the middle.
 * Everything that was answered is written down, and judged at the end.
 * usage: watch [SEED [SECONDS]]; SCALE=n runs n times as long.
 * Thread: one loop. Contract: tests/lib/watchcheck.h, W1-W11. */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "apiclient.h"
#include "stall.h"
#include "tap.h"
#include "upserver.h"
#include "watchcheck.h"

#include <pintle/object.h>

#define WRITERS		6
#define LISTERS		2
#define WATCHERS	80
#define SLOW		3
#define KEYS		48
#define COMPACT_MS	2000
#define TICK_MS		20
#define QUIET_MS	1500		/* without an event: all have come */
#define DELAY_MAX_MS	2000		/* times what the machine stood still */
#define PAD		1400		/* bytes of each object besides */
#define ACKS		65536		/* newest writes whose time is kept */
#define LABELS		4		/* '-', x, y, z */
#define FLOOD		(48u << 10)	/* bytes of what slow readers watch */
#define LIST_MS		25		/* between two lists of one lister */

struct key {
	char		 ns[8], name[16];
	uint64_t	 rev;		/* 0: does not exist */
	uint32_t	 busy, unknown;
};

struct writer {
	struct api_conn	 c;
	struct key	*k;
	char		 op;		/* 'G': what is there? */
	char		 label[4], value[24];
	uint64_t	 base, floor;
};

struct watcher {
	struct api_conn	 c;
	uint32_t	 id, open, ended;	/* ended: its X is written */
	uint32_t	 slow, woken, select, flags, scope;
	uint64_t	 seen, seen_ms;	/* newest revision, and when it came */
	uint64_t	 open_ms;	/* when it was asked for */
	uint64_t	 live_from;	/* delays count from here */
	uint64_t	 delay_ms, hang_ms, again_ms;
};

struct lister {
	struct api_conn	 c;
	uint64_t	 exact, floor, rev, next_ms;
	uint32_t	 select, scope, pages, nitems;
	char		*text;		/* its items, until the last page */
	size_t		 len, cap;
};

static const struct {
	const char *query, *word;
} selects[] = {
	{ "", "*" },
	{ "&labelSelector=lbl%3Dx", "l=x" },
	{ "&labelSelector=lbl%21%3Dx", "l!=x" },
	{ "&labelSelector=lbl", "l" },
	{ "&labelSelector=%21lbl", "!l" },
	{ "&labelSelector=lbl%20in%20%28x%2Cy%29", "l@x,y" },
	{ "&fieldSelector=metadata.name%3Dkey-3", "n=key-3" },
	{ "&fieldSelector=metadata.name%3Dkey-30", "n=key-30" },
};
#define SELECTS	(sizeof(selects) / sizeof(selects[0]))

static const char *const namespaces[] = { "aa", "bb", "cc" };
static const char *const labels[LABELS] = { "-", "x", "y", "z" };
static const char *const flag_words[] = { "-", "i", "b", "ib", "y", "iy",
    "yb", "iyb", "s" };

static struct upserver srv;
static struct api_client api;
static struct key keys[KEYS];
static struct writer writers[WRITERS];
static struct lister listers[LISTERS];
static struct watcher watchers[WATCHERS + SLOW];
static struct api_conn flooder;
static struct pin_timer tick;
static char *history;
static size_t history_len, history_cap;
static uint64_t seed, known, start_ms, run_ms, last_event_ms;
/* An event may overtake its answer: then this is one of ACKS revisions ago. */
static struct { uint64_t rev, ms; } acks[ACKS];
static uint32_t watch_ids, values, kills, killing, quitting, final_lists;
static uint64_t errors;

static uint32_t
roll(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 33) % n);
}

static void
more(char **p, size_t *len, size_t *cap, const char *fmt, va_list ap)
{
	int n;

	if (*cap - *len < 512) {
		*cap = *cap == 0 ? 1u << 20 : *cap * 2;
		*p = realloc(*p, *cap);
		if (*p == NULL)
			BAIL("out of memory");
	}
	n = vsnprintf(*p + *len, 512, fmt, ap);
	*len += (size_t)(n < 512 ? n : 511);
}

static void
note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	more(&history, &history_len, &history_cap, fmt, ap);
	va_end(ap);
}

static void
learn(uint64_t rev)
{
	if (rev > known)
		known = rev;
}

static uint64_t
number(const char *p, size_t len, const char *name)
{
	char text[24];

	return (api_field(p, len, name, text, sizeof(text)) ?
	    strtoull(text, NULL, 10) : 0);
}

/* ---- writers ---------------------------------------------------------- */

static void	write_next(struct writer *);

static void
write_ask(struct writer *w)
{
	static char pad[PAD + 1];
	char path[128], body[PAD + 512], label[32], rv[64] = "";
	const char *method = w->op == 'C' ? "POST" : w->op == 'U' ? "PUT" :
	    w->op == 'P' ? "PATCH" : w->op == 'D' ? "DELETE" : "GET";

	memset(pad, 'p', PAD);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/configmaps%s%s",
	    w->k->ns, w->op == 'C' ? "" : "/", w->op == 'C' ? "" : w->k->name);
	if (w->op == 'D' || w->op == 'G') {
		api_ask(&w->c, method, path, NULL, NULL);
		return;
	}
	if (w->op == 'U')
		snprintf(rv, sizeof(rv), "\"resourceVersion\":\"%" PRIu64
		    "\",", w->base);
	if (strcmp(w->label, "-") == 0)
		snprintf(label, sizeof(label), "%s", w->op == 'P' ? "null" :
		    "\"\"");
	else
		snprintf(label, sizeof(label), "\"%s\"", w->label);
	snprintf(body, sizeof(body), "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"ConfigMap\",\"metadata\":{%s\"name\":\"%s\",\"labels\":{%s%s%s"
	    "}},\"data\":{\"val\":\"%s\",\"zpad\":\"%s\"}}", rv, w->k->name,
	    w->op != 'P' && *w->label == '-' ? "" : "\"lbl\":",
	    w->op != 'P' && *w->label == '-' ? "" : label, "", w->value, pad);
	api_ask(&w->c, method, path, w->op == 'P' ?
	    "application/merge-patch+json" : "application/json", body);
}

static void
write_next(struct writer *w)
{
	struct key *k = &keys[roll(KEYS)];
	uint32_t r = roll(100);

	if (quitting || killing) {
		w->k = NULL;
		return;
	}
	/* Mostly one writer an object; sometimes two, and one of them loses. */
	if (k->busy && roll(10) != 0)
		k = &keys[roll(KEYS)];
	w->k = k;
	k->busy++;
	w->op = k->unknown ? 'G' : k->rev == 0 ? 'C' : r < 40 ? 'U' : r < 82 ?
	    'P' : 'D';
	w->base = w->op == 'U' ? k->rev : 0;
	w->floor = known;
	snprintf(w->label, sizeof(w->label), "%s", labels[roll(LABELS)]);
	snprintf(w->value, sizeof(w->value), "v%u", ++values);
	write_ask(w);
}

static void
write_known(struct writer *w, uint64_t rev)
{
	w->k->unknown = 0;
	if (rev == 0)
		w->k->rev = 0;
	else if (rev > w->k->rev)
		w->k->rev = rev;
}

static void
write_done(struct api_conn *c, int status, const char *body, size_t len)
{
	struct writer *w = c->arg;
	struct key *k = w->k;
	uint64_t rev = number(body, len, "resourceVersion");

	k->busy--;
	if (w->op == 'G' && status != 0) {
		write_known(w, status == 200 ? rev : 0);
	} else if (status == 200 || status == 201) {
		if (w->op == 'D')
			rev = 0;
		else {
			acks[rev % ACKS].rev = rev;
			acks[rev % ACKS].ms = tap_now_ms();
		}
		note("W %c %s/%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s\n",
		    w->op, k->ns, k->name, rev, w->base, w->floor,
		    w->op == 'D' ? "-" : w->label, w->op == 'D' ? "-" :
		    w->value);
		write_known(w, rev);
		learn(rev);
	} else if (status == 404 || status == 409) {
		k->unknown = 1;		/* another one was first */
	} else if (w->op != 'G') {
		note("M %c %s/%s %s %s\n", w->op, k->ns, k->name,
		    w->op == 'D' ? "-" : w->label, w->op == 'D' ? "-" :
		    w->value);
		k->unknown = 1;
		if (status != 0 && errors++ < 3)
			tap_diag("%c %s: %d %.300s", w->op, k->name, status,
			    body);
	}
	write_next(w);
}

/* What only slow readers watch: more than any socket takes. It is not written
 * down; all that counts is that they are cut. */
static void
flood_next(void)
{
	static char body[FLOOD + 128];
	static uint32_t n;
	int at;

	if (killing || kills != 0)
		return;
	at = snprintf(body, sizeof(body), "{\"stringData\":{\"n\":\"%u\","
	    "\"pad\":\"", ++n);
	memset(body + at, 'f', FLOOD);
	memcpy(body + at + FLOOD, "\"}}", 4);
	api_ask(&flooder, "PATCH", "/api/v1/namespaces/cc/secrets/flood",
	    "application/merge-patch+json", body);
}

static void
flood_done(struct api_conn *c, int status, const char *body, size_t len)
{
	(void)c;
	(void)len;
	if (status != 200 && status != 0 && errors++ < 3)
		tap_diag("flood: %d %.300s", status, body);
	if (status == 200)
		flood_next();
}

/* ---- watchers --------------------------------------------------------- */

static void
watch_seen(struct watcher *w, uint64_t rev)
{
	w->seen = rev;
	w->seen_ms = tap_now_ms();
	learn(rev);
}

static void
watch_event(struct watcher *w, const char *p, size_t len, char type)
{
	char ns[16] = "-", name[32] = "-", label[8] = "-", value[24] = "-";
	uint64_t rev = number(p, len, "resourceVersion"), now = tap_now_ms();
	uint64_t acked = acks[rev % ACKS].rev == rev ?
	    acks[rev % ACKS].ms : 0;

	api_field(p, len, "namespace", ns, sizeof(ns));
	api_field(p, len, "name", name, sizeof(name));
	api_field(p, len, "lbl", label, sizeof(label));
	api_field(p, len, "val", value, sizeof(value));
	if (strcmp(value, "-") == 0)
		return;			/* the server's own */
	note("E %u %c %s/%s %" PRIu64 " %s %s\n", w->id, type, ns, name, rev,
	    label, value);
	last_event_ms = now;
	if (rev > w->live_from && acked != 0 && now > acked + w->delay_ms)
		w->delay_ms = now - acked;
	watch_seen(w, rev);
}

/*
 * An answer that took so long that what was young when it was asked for may
 * have been compacted since says nothing: the load of the machine did it.
 */
static void
watch_refused(struct watcher *w, uint64_t code)
{
	if (code == 410 && (w->flags & 4) != 0 &&
	    tap_now_ms() - w->open_ms > COMPACT_MS / 2)
		note("C %u late\n", w->id);
	else
		note("X %u %" PRIu64 "\n", w->id, code);
	w->ended = 1;
	w->seen = 0;
}

static void
watch_line(struct api_conn *c, const char *p, size_t len)
{
	struct watcher *w = c->arg;
	char type[16] = "";
	uint64_t rev;

	api_field(p, len, "type", type, sizeof(type));
	if (strcmp(type, "BOOKMARK") == 0) {
		rev = number(p, len, "resourceVersion");
		note("B %u %" PRIu64 " %d\n", w->id, rev, strstr(p,
		    "initial-events-end\":\"true\"") != NULL);
		watch_seen(w, rev);
	} else if (strcmp(type, "ERROR") == 0) {
		watch_refused(w, number(p, len, "code"));
	} else if (!w->slow)
		watch_event(w, p, len, *type);
	else if (kills == 0 && !w->woken)
		api_pause(c, 1);
}

static void
watch_over(struct watcher *w, const char *how)
{
	if (w->open && !w->ended)
		note("C %u %s\n", w->id, how);
	if (w->open)
		note("T %u %" PRIu64 "\n", w->id, w->delay_ms);
	w->open = 0;
	w->again_ms = tap_now_ms() + roll(300);
}

static void
watch_done(struct api_conn *c, int status, const char *body, size_t len)
{
	struct watcher *w = c->arg;

	(void)len;
	if (status != 200 && status != 0) {
		watch_refused(w, (uint64_t)status);
		if (status != 410 && errors++ < 3)
			tap_diag("watch: %d %.300s", status, body);
	}
	watch_over(w, status == 0 ? "cut" : "end");
}

/* What to ask for: where from, and with which flags. 0: from nowhere. */
static uint64_t
watch_since(struct watcher *w, uint64_t now)
{
	uint32_t r = roll(100);

	w->flags = roll(2) && !w->slow ? 2 : 0;
	if (w->slow)
		return (known);
	if (w->seen != 0 && r < 60) {		/* on from there */
		w->flags |= now - w->seen_ms < COMPACT_MS / 2 ? 4 : 0;
		return (w->seen);
	}
	w->select = roll(SELECTS);
	w->scope = roll(3);
	if (r < 72) {
		w->flags |= 4;
		return (known);
	}
	if (r < 80)				/* old: history, or 410 */
		return (1 + roll((uint32_t)known));
	if (r < 90) {
		w->flags = 3;
		return (0);
	}
	return (0);
}

static void
watch_open(struct watcher *w, uint64_t now)
{
	uint64_t since = watch_since(w, now);
	uint32_t flags = w->flags, scoped = w->scope < 2;
	char path[400], from[32] = "", word[24] = "-";

	if (since != 0) {
		snprintf(from, sizeof(from), "&resourceVersion=%" PRIu64,
		    since);
		snprintf(word, sizeof(word), "%" PRIu64, since);
	}
	snprintf(path, sizeof(path), "/api/v1/%s%s%s%s?watch=true%s%s%s%s"
	    "&timeoutSeconds=%u", scoped ? "namespaces/" : "", scoped ?
	    namespaces[w->scope] : "", scoped ? "/" : "", w->slow ?
	    "namespaces/cc/secrets" : "configmaps", from,
	    selects[w->select].query, flags & 2 ?
	    "&allowWatchBookmarks=true" : "", flags & 1 ?
	    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan" : "",
	    w->slow ? 600 : 1 + roll(5));
	w->id = ++watch_ids;
	w->open = 1;
	w->ended = 0;
	w->delay_ms = 0;
	w->open_ms = now;
	w->live_from = since == known ? known : known + 1000;
	w->hang_ms = w->slow || roll(2) != 0 ? UINT64_MAX : now + roll(3000);
	w->seen = since;
	if (since == known)
		w->seen_ms = now;
	else if ((flags & 4) == 0)
		w->seen_ms = 0;
	note("O %u %s %s %s %s %" PRIu64 "\n", w->id, word, w->slow ? "cc" :
	    scoped ? namespaces[w->scope] : "*", selects[w->select].word,
	    w->slow ? "s" : flag_words[flags], since == 0 ? known : 0);
	api_ask(&w->c, "GET", path, NULL, NULL);
}

/* ---- lists ------------------------------------------------------------ */

static void
list_add(struct lister *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	more(&l->text, &l->len, &l->cap, fmt, ap);
	va_end(ap);
}

static void
list_ask(struct lister *l, const char *token)
{
	char path[600], exact[80] = "";

	if (token == NULL && l->exact != 0)
		snprintf(exact, sizeof(exact), "&resourceVersion=%" PRIu64
		    "&resourceVersionMatch=Exact", l->exact);
	snprintf(path, sizeof(path), "/api/v1/%s%s%sconfigmaps?limit=%u%s%s"
	    "%s%s", l->scope < 2 ? "namespaces/" : "", l->scope < 2 ?
	    namespaces[l->scope] : "", l->scope < 2 ? "/" : "", l->pages,
	    selects[l->select].query, exact, token != NULL ? "&continue=" :
	    "", token != NULL ? token : "");
	api_ask(&l->c, "GET", path, NULL, NULL);
}

static void
list_next(struct lister *l)
{
	if (!quitting && tap_now_ms() < l->next_ms)
		return;			/* the tick comes back to it */
	l->next_ms = tap_now_ms() + LIST_MS;
	if (killing || (quitting && final_lists == 0))
		return;
	if (quitting)
		final_lists--;
	l->select = quitting ? 0 : roll(SELECTS);
	l->scope = quitting ? 2 : roll(3);
	l->exact = !quitting && roll(3) == 0 && known > 60 ? known - roll(50) :
	    0;
	l->pages = roll(2) ? 0 : 1 + roll(20);
	l->floor = known;
	l->len = 0;
	list_ask(l, NULL);
}

static struct pin_str
text_at(const struct pin_obj *o, pin_node item, const char *a, const char *b,
    const char *c)
{
	struct pin_str s = pin_obj_str(o, pin_obj_at(o, item, a, b, c, NULL));

	return (s.len > 0 ? s : PIN_STR("-"));
}

static void
list_items(struct lister *l, const struct pin_obj *o)
{
	pin_node items = pin_obj_get(o, pin_obj_root(o), "items"), it;
	struct pin_str name;

	for (it = pin_obj_first(o, items); pin_obj_type(o, it) != PIN_ABSENT;
	    it = pin_obj_next(o, it)) {
		name = text_at(o, it, "metadata", "name", NULL);
		if (pin_str_is(text_at(o, it, "data", "val", NULL), "-"))
			continue;
		list_add(l, "I " PIN_SFMT "/" PIN_SFMT " " PIN_SFMT " " PIN_SFMT
		    " " PIN_SFMT "\n", PIN_SARG(text_at(o, it, "metadata",
		    "namespace", NULL)), PIN_SARG(name), PIN_SARG(text_at(o,
		    it, "metadata", "resourceVersion", NULL)), PIN_SARG(
		    text_at(o, it, "metadata", "labels", "lbl")),
		    PIN_SARG(text_at(o, it, "data", "val", NULL)));
	}
}

static void
list_done(struct api_conn *c, int status, const char *body, size_t len)
{
	struct lister *l = c->arg;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	struct pin_str token;
	char text[512], exact[24] = "-";

	if (status != 200) {
		/* Only what is old may be gone; a server may die. */
		if (status != 0 && status != 410 && errors++ < 3)
			tap_diag("list: %d %.300s", status, body);
		list_next(l);
		return;
	}
	if (pin_obj_parse(NULL, body, len, &o, &err) != PIN_OK)
		BAIL("a list is no JSON: %s", err.text);
	list_items(l, o);
	l->rev = strtoull(text_at(o, pin_obj_root(o), "metadata",
	    "resourceVersion", NULL).p, NULL, 10);
	token = text_at(o, pin_obj_root(o), "metadata", "continue", NULL);
	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(token));
	pin_obj_free(&o);
	if (strcmp(text, "-") != 0) {
		list_ask(l, text);
		return;
	}
	if (l->exact != 0)
		snprintf(exact, sizeof(exact), "%" PRIu64, l->exact);
	note("L %s %s %s %" PRIu64 " %" PRIu64 "\n", exact, l->scope < 2 ?
	    namespaces[l->scope] : "*", selects[l->select].word, l->floor,
	    l->rev);
	for (char *p = l->text, *nl; l->len > 0 && p < l->text + l->len;
	    p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(l->text + l->len - p));
		note("%.*s\n", (int)(nl - p), p);
	}
	if (l->exact == 0)
		learn(l->rev);
	list_next(l);
}

/* ---- the run ---------------------------------------------------------- */

static void
start_all(void)
{
	uint32_t i;

	for (i = 0; i < WRITERS; i++)
		if (!writers[i].c.busy)
			write_next(&writers[i]);
	for (i = 0; i < LISTERS; i++)
		if (!listers[i].c.busy)
			list_next(&listers[i]);
}

/* SIGKILL at half the time; what was under way is lost, or not. */
static void
kill_server(void)
{
	kills++;
	killing = 1;
	upserver_kill(&srv);
	upserver_start(&srv);
}

/* Slow readers get their turn again: all that is left for them is 410. */
static void
slow_release(void)
{
	uint32_t i;

	for (i = WATCHERS; i < WATCHERS + SLOW; i++)
		if (watchers[i].open && watchers[i].c.paused) {
			watchers[i].woken = 1;
			api_pause(&watchers[i].c, 0);
		}
}

static void
watchers_tick(uint64_t now)
{
	struct watcher *w;
	uint32_t i;

	for (i = 0; i < WATCHERS + SLOW; i++) {
		w = &watchers[i];
		if (w->open && now >= w->hang_ms) {
			api_hang_up(&w->c);
			watch_over(w, "cut");
		} else if (!w->open && !quitting && !killing &&
		    now >= w->again_ms && !(w->slow && w->id != 0))
			watch_open(w, now);
	}
}

/* 1: nothing is under way, and all events have come. */
static int
settled(uint64_t now)
{
	uint32_t i;

	for (i = 0; i < WRITERS; i++)
		if (writers[i].c.busy)
			return (0);
	for (i = 0; i < LISTERS; i++)
		if (listers[i].c.busy)
			return (0);
	for (i = WATCHERS; i < WATCHERS + SLOW; i++)
		if (watchers[i].open)
			return (0);
	return (now > last_event_ms + QUIET_MS);
}

static void
on_tick(struct pin_timer *t)
{
	uint64_t now = tap_now_ms(), at = now - start_ms;
	uint32_t i;

	if (killing && upserver_ready(&srv))
		killing = 0;
	if (!killing && !quitting)
		start_all();
	if (!killing && kills == 0 && at > run_ms / 2) {
		slow_release();
		for (i = WATCHERS; i < WATCHERS + SLOW; i++)
			if (watchers[i].open)
				break;
		/* Not before they were told. */
		if (i == WATCHERS + SLOW || at > run_ms)
			kill_server();
	}
	if (!quitting && !killing && at > run_ms) {
		quitting = 1;
		final_lists = LISTERS;
		last_event_ms = now;
		start_all();
	}
	watchers_tick(now);
	if (quitting && (settled(now) || at > run_ms + 30000)) {
		pin_loop_stop(api.loop);
		return;
	}
	pin_timer_start(t, TICK_MS);
}

static void
go(struct pin_msg *m)
{
	(void)m;
	pin_timer_init(&tick, api.loop, on_tick);
	pin_timer_start(&tick, TICK_MS);
	start_ms = last_event_ms = tap_now_ms();
	start_all();
	flood_next();
}

static void
fixture(void)
{
	uint32_t i;
	char cmd[600];

	upserver_make(&srv, "compaction-interval = \"2s\"; watch-history = "
	    "\"1Mi\"; front-threads = 2;");
	upserver_start(&srv);
	while (!upserver_ready(&srv))
		tap_nap();
	for (i = 0; i < 4; i++) {
		snprintf(cmd, sizeof(cmd), "curl -sSf -A tests --cacert %s -H "
		    "'Authorization: Bearer %s' -H 'Content-Type: "
		    "application/json' -d '{\"apiVersion\":\"v1\",\"kind\":"
		    "\"%s\",\"metadata\":{\"name\":\"%s\"}}' %s/api/v1/"
		    "namespaces%s", srv.ca, srv.token, i < 3 ? "Namespace" :
		    "Secret", i < 3 ? namespaces[i] : "flood", srv.url,
		    i < 3 ? "" : "/cc/secrets");
		if (tap_sh(cmd, cmd, sizeof(cmd)) != 0)
			BAIL("%s", cmd);
		known = number(cmd, strlen(cmd), "resourceVersion");
	}
	api_client_open(&api, srv.url, srv.ca, srv.token);
	for (i = 0; i < KEYS; i++) {
		snprintf(keys[i].ns, sizeof(keys[i].ns), "%s",
		    namespaces[i & 1]);
		snprintf(keys[i].name, sizeof(keys[i].name), "key-%u", i);
	}
	for (i = 0; i < WRITERS; i++)
		writers[i].c = (struct api_conn){ .api = &api,
		    .arg = &writers[i], .done = write_done };
	for (i = 0; i < LISTERS; i++)
		listers[i].c = (struct api_conn){ .api = &api,
		    .arg = &listers[i], .done = list_done };
	for (i = 0; i < WATCHERS + SLOW; i++) {
		watchers[i].c = (struct api_conn){ .api = &api,
		    .arg = &watchers[i], .done = watch_done,
		    .line = watch_line };
		watchers[i].slow = i >= WATCHERS;
		watchers[i].scope = i >= WATCHERS ? 2 : 0;
	}
	flooder = (struct api_conn){ .api = &api, .done = flood_done };
	stall_start();
}

static void
judge(uint64_t first_seed)
{
	struct watchcheck_result res;
	char path[300];
	FILE *f;
	int rc = watchcheck(history, history_len, &res);

	tap_diag("seed %" PRIu64 ": %" PRIu64 " writes, %" PRIu64 " events, %"
	    PRIu64 " watches, %" PRIu64 " bookmarks, %" PRIu64 " errors, %"
	    PRIu64 " lists, %" PRIu64 " versions", first_seed, res.writes,
	    res.events, res.watches, res.bookmarks, res.gone, res.lists,
	    res.versions);
	if (!OK(rc == 0, "no promise was broken")) {
		snprintf(path, sizeof(path), "%s/history-%" PRIu64,
		    getenv("KEEP") != NULL ? getenv("KEEP") : "/tmp",
		    first_seed);
		tap_diag("%s (the history: %s)", res.why, path);
		f = fopen(path, "w");
		if (f != NULL) {
			(void)fwrite(history, 1, history_len, f);
			fclose(f);
		}
		upserver_diag(&srv);
	}
	OK(res.writes > 500 && res.events > 5000 && res.gone >= SLOW,
	    "there was something to judge: writes, events, 410s");
	OK(kills == 1, "the server was killed in the middle");
	OK(errors == 0, "nothing else was refused");
}

int
main(int argc, char **argv)
{
	struct pin_msg msg = { NULL, go };
	uint64_t first;
	uint32_t i;

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : tap_now_ms() ^
	    (uint64_t)getpid() << 20;
	first = seed;
	run_ms = (argc > 2 ? strtoull(argv[2], NULL, 10) : 14) * 1000 *
	    tap_scale();
	tap_deadline((unsigned int)(run_ms / 1000 + 120));
	tap_diag("seed %" PRIu64, first);
	signal(SIGPIPE, SIG_IGN);
	fixture();
	pin_loop_post(api.loop, &msg);
	pin_loop_run(api.loop);
	for (i = 0; i < WATCHERS + SLOW; i++) {
		if (watchers[i].open && !watchers[i].ended) {
			note("F %u %" PRIu64 "\n", watchers[i].id, known);
			note("T %u %" PRIu64 "\n", watchers[i].id,
			    watchers[i].delay_ms);
		}
		api_conn_fini(&watchers[i].c);
	}
	for (i = 0; i < WRITERS; i++)
		api_conn_fini(&writers[i].c);
	for (i = 0; i < LISTERS; i++)
		api_conn_fini(&listers[i].c);
	api_conn_fini(&flooder);
	note("P %u\n", DELAY_MAX_MS * stall_stop());
	judge(first);
	OK(upserver_stop(&srv) == 0, "the server stops cleanly");
	api_client_close(&api);
	return (tap_done());
}
