/* SPDX-License-Identifier: BSD-2-Clause
 *
 * parent.c -- the server's side of an isolated plugin: one thread a plugin
 * owns the child, sends it one call after another and answers its reads. A
 * child that dies, talks nonsense or overruns a deadline fails the call it had
 * and is started again, each time in a row after a longer pause; calls that
 * come in the pause fail at once, by name.
 * Threads: `run` is its own; the rest the control thread, but for
 * pin__isolate_call (front loops). Contract: call_int.h, loader_int.h. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/isolate/wire.h"
#include "core/loader/call_int.h"
#include "core/loader/loader_int.h"

#define ISOLATE_MAGIC	0x69736f6cu
#define QUEUE_MAX	256		/* calls waiting for one child */
#define START_NS	UINT64_C(10000000000)	/* open must end by then */
#define STOP_MS		1000		/* for the plugin's close */
#define PAUSE_MIN_NS	UINT64_C(50000000)	/* doubled at each crash */
#define PAUSE_MAX_NS	UINT64_C(30000000000)
#define HEALTHY_NS	UINT64_C(60000000000)	/* forgets earlier crashes */

struct pin_isolate {
	uint32_t	 magic;
	uint32_t	 stop;
	struct pin_stage *stage;
	struct pin_host	*host;
	char		*exe;
	const char	*file;		/* the module's copy */
	pthread_t	 thread;
	pthread_mutex_t	 lock;		/* stop and the queue */
	pthread_cond_t	 wake;
	struct pin_call	*first, **last;
	uint32_t	 n;

	/* The thread's own. */
	struct pin__wire wire;		/* calls; fd -1: no child */
	struct pin__wire ask;		/* the plugin's reads */
	uint32_t	 crashes;	/* in a row */
	long		 pid;
	uint64_t	 started_ns, again_ns;
};

/* ---- the child --------------------------------------------------- */

static void
tell(struct pin_isolate *is, int level, const char *reason, const char *fmt,
    ...) PIN_PRINTF(4, 5);

static void
tell(struct pin_isolate *is, int level, const char *reason, const char *fmt,
    ...)
{
	const struct pin_env_services *sv = *is->stage->env->services;
	char text[PIN_ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pin_env_log(is->stage->env, level, "%s", text);
	if (sv != NULL && sv->event != NULL)
		sv->event(sv->arg, pin_section(is->stage->section)->name,
		    is->stage->name, reason, text);
}

/* Closes the child; how: what became of it. */
static void
child_end(struct pin_isolate *is, int grace_ms, char *how, size_t size)
{
	if (is->wire.fd < 0)
		return;
	(void)close(is->wire.fd);
	(void)close(is->ask.fd);
	is->wire.fd = is->ask.fd = -1;
	pin__reap(is->pid, grace_ms, how, size);
}

/* It failed us: out with it, and when may the next one come? */
static void
child_crashed(struct pin_isolate *is, const char *why)
{
	uint64_t now = pin_host_now(is->host), pause;
	char how[64] = "";

	child_end(is, 0, how, sizeof(how));
	if (now - is->started_ns > HEALTHY_NS)
		is->crashes = 0;
	pause = PAUSE_MIN_NS << (is->crashes < 16 ? is->crashes : 16);
	if (pause > PAUSE_MAX_NS)
		pause = PAUSE_MAX_NS;
	is->crashes++;
	is->again_ns = now + pause;
	tell(is, PIN_LOG_ERROR, "PluginCrashed", "its process failed: %s (%s);"
	    " started again in %llu ms", why, how,
	    (unsigned long long)(pause / 1000000));
}

static void
open_payload(struct pin_isolate *is, struct pin_out *o)
{
	struct pin_stage *st = is->stage;
	struct pin_out text;

	pin_out_init(o, NULL, PIN_FRAME_MAX);
	pin_out_init(&text, NULL, PIN_FRAME_MAX);
	pin_conf_text(st->conf, &text);
	pin__put_str(o, pin_str(st->plugin->name));
	pin__put_str(o, pin_str(st->name));
	pin__put_str(o, pin_str(st->env->data));
	pin__put_u64(o, st->deadline_ns);
	pin__put_str(o, (struct pin_str){ text.p, text.len });
	pin_out_fini(&text);
}

/* Until the plugin's open has said what it says. */
static int	frame_next(struct pin_isolate *, uint32_t want, char **payload,
		    struct pin__in *, uint64_t deadline_ns, struct pin_err *);

static int
child_open(struct pin_isolate *is, struct pin_err *err)
{
	uint64_t deadline = pin_host_now(is->host) + START_NS;
	struct pin__in in;
	struct pin_out o;
	struct pin_str text;
	char *payload = NULL;
	int rc;

	open_payload(is, &o);
	rc = pin__frame_send(is->host, &is->wire, PIN_FRAME_OPEN, &o, deadline,
	    err);
	pin_out_fini(&o);
	if (rc == PIN_OK)
		rc = frame_next(is, PIN_FRAME_OPENED, &payload, &in, deadline,
		    err);
	if (rc != PIN_OK)
		return (rc);
	rc = (int)(int64_t)pin__get_u64(&in);
	text = pin__get_str(&in);
	if (in.bad || rc > 0)
		rc = PIN_ECORRUPT;
	if (rc != PIN_OK)
		(void)pin_err_set(err, rc, PIN_SFMT, PIN_SARG(text));
	free(payload);
	return (rc);
}

static int
child_start(struct pin_isolate *is, struct pin_err *err)
{
	char how[64];
	int fd[2], rc;

	rc = pin__spawn(is->exe, pin_kind(is->stage->plugin->kind)->word,
	    is->file, &is->pid, fd, err);
	if (rc != PIN_OK)
		return (rc);
	is->wire.fd = fd[0];
	is->ask.fd = fd[1];
	is->wire.at = is->wire.len = is->ask.at = is->ask.len = 0;
	is->started_ns = pin_host_now(is->host);
	rc = child_open(is, err);
	if (rc == PIN_ECLOSED || rc == PIN_ETIMEOUT) {
		child_end(is, 0, how, sizeof(how));
		return (pin_err_set(err, PIN_EUNAVAIL, "its process did not "
		    "start: %s", how));
	}
	if (rc != PIN_OK)
		child_end(is, 0, how, sizeof(how));
	return (rc);
}

/* ---- talking ----------------------------------------------------- */

/* The child asks for an object. */
static int
read_serve(struct pin_isolate *is, struct pin__in *in, uint64_t deadline_ns,
    struct pin_err *err)
{
	struct pin_err found = PIN_ERR_INIT;
	struct pin_str group, resource, ns, name;
	struct pin_buf *buf = NULL;
	struct pin_out o;
	uint64_t rev = 0;
	int rc;

	group = pin__get_str(in);
	resource = pin__get_str(in);
	ns = pin__get_str(in);
	name = pin__get_str(in);
	if (in->bad || group.p == NULL || resource.p == NULL)
		return (pin_err_set(err, PIN_ECORRUPT, "damaged read"));
	rc = pin_read(is->stage->env, group.p, resource.p, ns, name, &buf,
	    &rev, &found);
	pin_out_init(&o, NULL, PIN_FRAME_MAX);
	pin__put_u64(&o, (uint64_t)(int64_t)rc);
	pin__put_str(&o, pin_str(found.text));
	pin__put_u64(&o, rev);
	pin__put_str(&o, buf == NULL ? PIN_STR_NONE : (struct pin_str){
	    (const char *)buf->data, buf->len });
	pin_buf_put(&buf);
	rc = pin__frame_send(is->host, &is->ask, PIN_FRAME_VALUE, &o,
	    deadline_ns, err);
	pin_out_fini(&o);
	return (rc);
}

/* One read of the plugin's, answered. */
static int
read_next(struct pin_isolate *is, uint64_t deadline_ns, struct pin_err *err)
{
	struct pin__in in = { 0 };
	char *payload;
	uint32_t type;
	int rc;

	rc = pin__frame_recv(is->host, &is->ask, &type, &payload, &in.len,
	    deadline_ns, err);
	if (rc != PIN_OK)
		return (rc);
	in.p = payload;
	rc = type == PIN_FRAME_READ ? read_serve(is, &in, deadline_ns, err) :
	    pin_err_set(err, PIN_ECORRUPT, "an unexpected frame of type %u",
	    type);
	free(payload);
	return (rc);
}

/* Serves reads until a frame of type `want` is there. */
static int
frame_next(struct pin_isolate *is, uint32_t want, char **payload,
    struct pin__in *in, uint64_t deadline_ns, struct pin_err *err)
{
	uint32_t type;
	int rc;

	*payload = NULL;
	memset(in, 0, sizeof(*in));
	do {
		rc = pin__wire_wait(is->host, &is->wire, &is->ask,
		    deadline_ns, err);
		if (rc == 1 && (rc = read_next(is, deadline_ns, err)) ==
		    PIN_OK)
			rc = 1;
	} while (rc == 1);
	if (rc == PIN_OK)
		rc = pin__frame_recv(is->host, &is->wire, &type, payload,
		    &in->len, deadline_ns, err);
	if (rc != PIN_OK)
		return (rc);
	in->p = *payload;
	if (type == want)
		return (PIN_OK);
	free(*payload);
	*payload = NULL;
	return (pin_err_set(err, PIN_ECORRUPT, "an unexpected frame of type "
	    "%u", type));
}

static void
lines_take(struct pin_call *c, struct pin__in *in,
    void (*take)(struct pin_call *, const char *, ...))
{
	uint64_t n = pin__get_u64(in);
	struct pin_str s;

	for (uint64_t i = 0; i < n && i < PIN_CALL_LINES_MAX; i++) {
		s = pin__get_str(in);
		if (!in->bad && s.p != NULL)
			take(c, PIN_SFMT, PIN_SARG(s));
	}
}

/* The answer's fields into the call. Returns the verdict. */
static int
answer_take(struct pin_call *c, struct pin__in *in, struct pin_err *err)
{
	int verdict = (int)(int64_t)pin__get_u64(in), rc = PIN_OK;
	int code = (int)(int64_t)pin__get_u64(in);
	struct pin_str text = pin__get_str(in), patch;

	if (code != PIN_OK)
		(void)pin_err_set(&c->err, code, PIN_SFMT, PIN_SARG(text));
	patch = pin__get_str(in);
	if (!in->bad && patch.p != NULL && c->args.out != NULL)
		rc = pin_patch_unpack(c->args.out, patch, &c->err);
	lines_take(c, in, pin_call_note);
	lines_take(c, in, pin_call_warn);
	if (in->bad || verdict >= PIN_LATER)
		return (pin_err_set(err, PIN_ECORRUPT, "damaged answer"));
	return (rc != PIN_OK ? rc : verdict);
}

/* One call over the wire. err is set when the child is to blame. */
static int
child_call(struct pin_isolate *is, struct pin_call *c, struct pin_err *err)
{
	uint64_t now = pin_host_now(is->host);
	struct pin__in in;
	struct pin_out o;
	char *payload = NULL;
	int rc;

	pin_out_init(&o, NULL, PIN_FRAME_MAX);
	pin__put_u64(&o, c->op);
	pin__put_u64(&o, c->deadline_ns > now ? c->deadline_ns - now : 0);
	rc = pin__put_request(&o, c->args.a);
	if (rc != PIN_OK) {		/* the child never heard of it */
		pin_out_fini(&o);
		return (pin_err_set(&c->err, PIN_ETOOBIG, "the object is too "
		    "large for the isolated plugin %s", is->stage->name));
	}
	rc = pin__frame_send(is->host, &is->wire, PIN_FRAME_CALL, &o,
	    c->deadline_ns, err);
	pin_out_fini(&o);
	if (rc == PIN_OK)
		rc = frame_next(is, PIN_FRAME_ANSWER, &payload, &in,
		    c->deadline_ns, err);
	if (rc != PIN_OK)
		return (rc);
	rc = answer_take(c, &in, err);
	free(payload);
	return (rc);
}

static int
call_serve(struct pin_isolate *is, struct pin_call *c)
{
	struct pin_err err = PIN_ERR_INIT;
	uint64_t now = pin_host_now(is->host);
	int verdict;

	if (c->deadline_ns <= now)
		return (PIN_ETIMEOUT);
	if (is->wire.fd < 0)
		return (pin_err_set(&c->err, PIN_EINTERNAL, "plugin %s is "
		    "being started again after a crash", is->stage->name));
	verdict = child_call(is, c, &err);
	if (err.code == PIN_OK)
		return (verdict);
	child_crashed(is, err.text);
	if (err.code == PIN_ETIMEOUT)
		return (PIN_ETIMEOUT);
	return (pin_err_set(&c->err, PIN_EINTERNAL, "the process of plugin "
	    "%s crashed during this call", is->stage->name));
}

/* ---- the thread -------------------------------------------------- */

/* A new child when its time has come. */
static void
child_keep(struct pin_isolate *is)
{
	struct pin_err err = PIN_ERR_INIT;

	if (is->wire.fd >= 0 || pin_host_now(is->host) < is->again_ns)
		return;
	if (child_start(is, &err) == PIN_OK)
		tell(is, PIN_LOG_INFO, "PluginStarted",
		    "its process runs again");
	else
		child_crashed(is, err.text);
}

/* The next call, or NULL after stop, or because a child is to be started. */
static struct pin_call *
call_wait(struct pin_isolate *is)
{
	struct pin_call *c;
	struct timespec ts;
	uint64_t now, left;

	while (!is->stop && is->first == NULL) {
		if (is->wire.fd >= 0) {
			(void)pthread_cond_wait(&is->wake, &is->lock);
			continue;
		}
		now = pin_host_now(is->host);
		if (now >= is->again_ns)
			return (NULL);
		left = is->again_ns - now;
		(void)clock_gettime(CLOCK_REALTIME, &ts);
		left += (uint64_t)ts.tv_nsec;
		ts.tv_sec += (time_t)(left / 1000000000);
		ts.tv_nsec = (long)(left % 1000000000);
		(void)pthread_cond_timedwait(&is->wake, &is->lock, &ts);
	}
	c = is->first;
	if (c == NULL)
		return (NULL);
	is->first = c->next;
	if (is->first == NULL)
		is->last = &is->first;
	is->n--;
	return (c);
}

static void *
run(void *arg)
{
	struct pin_isolate *is = arg;
	struct pin_call *c;
	int stop;

	for (;;) {
		(void)pthread_mutex_lock(&is->lock);
		c = call_wait(is);
		stop = is->stop && c == NULL;
		(void)pthread_mutex_unlock(&is->lock);
		if (stop)
			return (NULL);
		child_keep(is);
		if (c != NULL)
			pin_call_done(c, call_serve(is, c));
	}
}

int
pin__isolate_call(struct pin_isolate *is, struct pin_call *c, uint32_t op,
    struct pin_err *err)
{
	int rc = PIN_OK;

	PIN_VALID(is, ISOLATE_MAGIC);
	c->op = op;
	c->next = NULL;
	(void)pthread_mutex_lock(&is->lock);
	if (is->n == QUEUE_MAX)
		rc = pin_err_set(err, PIN_EBUSY, "plugin %s: %u calls wait "
		    "for its process", is->stage->name, QUEUE_MAX);
	else {
		*is->last = c;
		is->last = &c->next;
		is->n++;
		(void)pthread_cond_signal(&is->wake);
	}
	(void)pthread_mutex_unlock(&is->lock);
	return (rc);
}

/* ---- life -------------------------------------------------------- */

static void
isolate_free(struct pin_isolate *is)
{
	char how[64];

	child_end(is, STOP_MS, how, sizeof(how));
	(void)pthread_cond_destroy(&is->wake);
	(void)pthread_mutex_destroy(&is->lock);
	free(is->exe);
	is->magic = 0;
	free(is);
}

int
pin__isolate_open(const struct pin__maker *mk, struct pin_stage *st,
    struct pin_err *err)
{
	struct pin_isolate *is = pin_xcalloc(1, sizeof(*is));
	int rc;

	PIN_ASSERT(st->plugin->kind == PIN_KIND_ADMISSION && mk->exe != NULL);
	is->magic = ISOLATE_MAGIC;
	is->stage = st;
	is->host = mk->host;
	is->exe = pin_xstrdup(mk->exe);
	is->file = pin_module_path(st->module);
	is->wire.fd = is->ask.fd = -1;
	is->last = &is->first;
	PIN_ASSERT(pthread_mutex_init(&is->lock, NULL) == 0);
	PIN_ASSERT(pthread_cond_init(&is->wake, NULL) == 0);
	rc = child_start(is, err);	/* its open may refuse: say so now */
	if (rc == PIN_OK) {
		rc = pthread_create(&is->thread, NULL, run, is);
		if (rc != 0)
			rc = pin_err_os(err, PIN_EINTERNAL, rc, "thread");
	}
	if (rc != PIN_OK) {
		isolate_free(is);
		return (rc);
	}
	st->isolate = is;
	return (PIN_OK);
}

void
pin__isolate_close(struct pin_isolate **isp)
{
	struct pin_isolate *is = *isp;

	PIN_VALID(is, ISOLATE_MAGIC);
	*isp = NULL;
	(void)pthread_mutex_lock(&is->lock);
	is->stop = 1;
	(void)pthread_cond_signal(&is->wake);
	(void)pthread_mutex_unlock(&is->lock);
	(void)pthread_join(is->thread, NULL);
	PIN_ASSERT(is->first == NULL);
	isolate_free(is);
}
