/* SPDX-License-Identifier: BSD-2-Clause
 *
 * child.c -- `pintle plugin-host KIND FILE`: the process an isolated plugin
 * lives in. The main thread is a loop that hears the calls' socket and runs
 * them with the very machinery the server uses, so that PIN_LATER and blocking
 * plugins work here as there; the plugin's reads, from any thread, wait for the
 * server's answer on a socket of their own.
 * Ends when the calls' socket does, and by SIGALRM when a call takes longer
 * than its server would wait. Contract: wire.h. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/cli.h"
#include "core/host/real.h"
#include "core/isolate/wire.h"
#include "core/loader/call_int.h"
#include "core/loader/loader_int.h"
#include "core/loader/stage.h"

#define ARENA_MAX	(64u << 20)
#define END_SECS	2	/* from the server's end to ours, at most */

struct child {
	struct pin_host	*host;
	struct pin_loop	*loop;
	struct pin_calls *calls;
	struct pin_module *module;
	struct pin_conf	*conf;
	struct pin_stage stage;
	struct pin_sock	*sock;		/* the same as wire: readiness */
	struct pin__wire wire;		/* calls: the loop's */
	struct pin__wire ask;		/* reads */
	pthread_mutex_t	 asking;	/* one read at a time */
	int		 rc;
	int		 pad;
	struct pin_err	 err;
};

/* One call, on the loop. */
struct job {
	struct child	*ch;
	struct pin_arena *arena;
	struct pin_call	*call;
	struct pin_admission_request req;
	struct pin_user	 user;
	struct pin_patch *patch;
	uint64_t	 op, deadline_ns;
	char		*payload;
};

static int
child_send(struct child *ch, uint32_t type, struct pin_out *o)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc = pin__frame_send(ch->host, &ch->wire, type, o, 0, &err);

	pin_out_fini(o);
	return (rc);
}

/* ---- reads ------------------------------------------------------- */

static int
value_take(const char *p, size_t len, struct pin_buf **out,
    uint64_t *revision, struct pin_err *err)
{
	struct pin__in in = { p, len, 0, 0, 0 };
	struct pin_str text, bytes;
	int rc;

	rc = (int)(int64_t)pin__get_u64(&in);
	text = pin__get_str(&in);
	*revision = pin__get_u64(&in);
	bytes = pin__get_str(&in);
	if (in.bad || (rc == PIN_OK && bytes.p == NULL))
		return (pin_err_set(err, PIN_ECORRUPT, "damaged value"));
	if (rc != PIN_OK)
		return (pin_err_set(err, rc, PIN_SFMT, PIN_SARG(text)));
	*out = pin_buf_copy(bytes.p, bytes.len);
	return (*out != NULL ? PIN_OK : pin_err_set(err, PIN_ENOMEM,
	    "no memory"));
}

static int
child_read(void *arg, const char *group, const char *resource,
    struct pin_str ns, struct pin_str name, struct pin_buf **out,
    uint64_t *revision, struct pin_err *err)
{
	struct pin_err lost = PIN_ERR_INIT;
	struct child *ch = arg;
	struct pin_out o;
	uint32_t type;
	char *value = NULL;
	size_t len;
	int rc;

	pin_out_init(&o, NULL, PIN_FRAME_MAX);
	pin__put_str(&o, pin_str(group));
	pin__put_str(&o, pin_str(resource));
	pin__put_str(&o, ns);
	pin__put_str(&o, name);
	(void)pthread_mutex_lock(&ch->asking);
	rc = pin__frame_send(ch->host, &ch->ask, PIN_FRAME_READ, &o, 0,
	    &lost);
	if (rc == PIN_OK)
		rc = pin__frame_recv(ch->host, &ch->ask, &type, &value, &len,
		    0, &lost);
	(void)pthread_mutex_unlock(&ch->asking);
	pin_out_fini(&o);
	if (rc != PIN_OK || type != PIN_FRAME_VALUE)
		_exit(PIN_EXIT_FAILED);	/* the server is gone */
	rc = value_take(value, len, out, revision, err);
	free(value);
	return (rc);
}

static int
child_view(void *arg, const char *group, const char *resource,
    pin_view_changed_fn *changed, void *changed_arg, void **view,
    struct pin_err *err)
{
	(void)arg;
	(void)changed;
	(void)changed_arg;
	(void)view;
	return (pin_err_set(err, PIN_EUNAVAIL, "a view of %s%s%s: a plugin "
	    "with isolation = \"process\" can read, but open no view",
	    group, group[0] != '\0' ? "/" : "", resource));
}

/* ---- calls ------------------------------------------------------- */

static void
lines_put(struct pin_out *o, const struct pin_call_line *line, uint32_t n)
{
	pin__put_u64(o, n);
	for (uint32_t i = 0; i < n; i++)
		pin__put_str(o, line[i].text);
}

static void
job_answer(struct job *j, int verdict)
{
	const struct pin_err *err = pin_call_error(j->call);
	const struct pin_call_line *line;
	struct pin_out o, patch;
	uint32_t n;

	pin_out_init(&o, NULL, PIN_FRAME_MAX);
	pin_out_init(&patch, NULL, PIN_FRAME_MAX);
	pin_patch_pack(j->patch, &patch);
	pin__put_u64(&o, (uint64_t)(int64_t)verdict);
	pin__put_u64(&o, (uint64_t)(int64_t)(verdict != 0 ? err->code : 0));
	pin__put_str(&o, pin_str(verdict != 0 ? err->text : ""));
	pin__put_str(&o, pin_patch_count(j->patch) == 0 ? PIN_STR_NONE :
	    (struct pin_str){ patch.p, patch.len });
	n = pin_call_notes(j->call, &line);
	lines_put(&o, line, n);
	n = pin_call_warnings(j->call, &line);
	lines_put(&o, line, n);
	pin_out_fini(&patch);
	if (child_send(j->ch, PIN_FRAME_ANSWER, &o) != PIN_OK)
		_exit(PIN_EXIT_FAILED);
}

static void
job_free(void *arg)
{
	struct job *j = arg;

	pin_arena_free(&j->arena);
	free(j->payload);
	free(j);
}

static void
job_end(struct job *j, int verdict)
{
	(void)alarm(0);
	job_answer(j, verdict);
	if (pin_call_end(&j->call) == 0)
		job_free(j);
}

static void
job_resume(void *arg, int verdict, const struct pin_err *err)
{
	(void)err;
	job_end(arg, verdict);
}

static void
job_run(struct job *j)
{
	struct pin_call_owner owner = { j->arena, job_resume, job_free, j };
	int rc;

	j->call = pin_call_new(j->ch->calls, &owner);
	rc = j->op == PIN__OP_MUTATE ? pin_stage_mutate(&j->ch->stage,
	    j->call, j->deadline_ns, &j->req, j->patch) :
	    pin_stage_validate(&j->ch->stage, j->call, j->deadline_ns,
	    &j->req);
	if (rc != PIN_LATER)
		job_end(j, rc);
}

/* Takes payload. An error: the server talks nonsense, the child ends. */
static int
job_start(struct child *ch, char *payload, size_t len, struct pin_err *err)
{
	struct pin__in in = { payload, len, 0, 0, 0 };
	struct job *j = pin_xcalloc(1, sizeof(*j));
	uint64_t left;
	int rc;

	j->ch = ch;
	j->payload = payload;
	j->arena = pin_arena_new(ARENA_MAX);
	j->op = pin__get_u64(&in);
	left = pin__get_u64(&in);
	j->deadline_ns = pin_host_now(ch->host) + left;
	rc = pin__get_request(&in, j->arena, &j->req, &j->user, err);
	j->patch = pin_patch_new(j->arena);
	if (rc == PIN_OK && (j->patch == NULL || (j->op == PIN__OP_MUTATE ?
	    !pin_stage_has_mutate(&ch->stage) :
	    !pin_stage_has_validate(&ch->stage))))
		rc = pin_err_set(err, PIN_ECORRUPT, "unknown call");
	if (rc != PIN_OK) {
		job_free(j);
		return (rc);
	}
	/* The server kills us long before, if it lives. */
	(void)alarm((unsigned int)(left / 1000000000 % 86400) + 1 + END_SECS);
	job_run(j);
	return (PIN_OK);
}

/* ---- start ------------------------------------------------------- */

static const struct pin_env_services *services;

static int
stage_make(struct child *ch, const char *file, uint32_t kind,
    struct pin__in *in, struct pin_err *err)
{
	struct pin_str plugin, name, data, text;
	struct pin_stage *st = &ch->stage;
	struct pin_report r = { 0 };
	int rc;

	plugin = pin__get_str(in);
	name = pin__get_str(in);
	data = pin__get_str(in);
	st->deadline_ns = pin__get_u64(in);
	text = pin__get_str(in);
	if (in->bad || plugin.p == NULL || name.p == NULL)
		return (pin_err_set(err, PIN_ECORRUPT, "damaged opening"));
	rc = pin_module_open(ch->host, NULL, file, kind, plugin.p,
	    &ch->module, err);
	if (rc != PIN_OK)
		return (rc);
	st->magic = PIN_STAGE_MAGIC;
	st->section = PIN_SECTION_ADMISSION;
	st->name = pin_xstrdup(name.p);
	st->plugin = pin_module_plugin(ch->module);
	st->ops = st->plugin->ops;
	st->budget_ns = UINT64_MAX;	/* nobody waits on this loop */
	st->env = pin__env_new(ch->host, "isolated", name.p, data.p,
	    &services);
	ch->conf = pin_conf_parse(text.p, st->plugin->options, &r);
	if (ch->conf == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "%s", r.line[0].text));
	return (pin__plugin_open(st->plugin, st->env, ch->conf, &st->self,
	    err));
}

static int
child_open(struct child *ch, const struct pin_args *a)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin__in in = { 0 };
	struct pin_out o;
	char *payload;
	uint32_t type, kind = pin_kind_find(a->word[0]);
	int rc;

	rc = pin__frame_recv(ch->host, &ch->wire, &type, &payload, &in.len,
	    0, &err);
	if (rc != PIN_OK)
		return (rc);
	in.p = payload;
	rc = kind != PIN_KIND_ADMISSION ? pin_err_set(&err, PIN_EINVAL,
	    "only admission plugins run here") : type != PIN_FRAME_OPEN ?
	    pin_err_set(&err, PIN_ECORRUPT, "damaged opening") :
	    pin__confine(&err);
	if (rc == PIN_OK)
		rc = stage_make(ch, a->word[1], kind, &in, &err);
	free(payload);
	pin_out_init(&o, NULL, PIN_FRAME_MAX);
	pin__put_u64(&o, (uint64_t)(int64_t)rc);
	pin__put_str(&o, pin_str(err.text));
	if (child_send(ch, PIN_FRAME_OPENED, &o) != PIN_OK)
		return (PIN_ECLOSED);
	return (rc);
}

/* Frames that are there; the server sends the next call when it has the answer
 * to the last, so this is one, or the end. */
static void
child_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	struct child *ch = arg;
	uint32_t type;
	char *payload;
	size_t len;

	(void)sock;
	(void)events;
	do {
		ch->rc = pin__frame_recv(ch->host, &ch->wire, &type, &payload,
		    &len, 0, &ch->err);
		if (ch->rc == PIN_OK && type == PIN_FRAME_CALL)
			ch->rc = job_start(ch, payload, len, &ch->err);
		else if (ch->rc == PIN_OK) {
			free(payload);
			ch->rc = pin_err_set(&ch->err, PIN_ECORRUPT,
			    "an unexpected frame of type %u", type);
		}
	} while (ch->rc == PIN_OK && ch->wire.at < ch->wire.len);
	if (ch->rc == PIN_OK)
		return;
	(void)alarm(END_SECS);		/* the plugin may never end */
	pin_sock_close(&ch->sock);
	pin_loop_stop(ch->loop);
}

/* On this thread, until the server is gone. */
static int
child_loop(struct child *ch)
{
	ch->sock = pin_sock_wrap(PIN_WIRE_FD);
	ch->rc = pin_sock_attach(ch->sock, ch->loop, child_ready, ch,
	    &ch->err);
	if (ch->rc != PIN_OK)
		return (ch->rc);
	pin_sock_want(ch->sock, PIN_SOCK_READ);
	pin_loop_run(ch->loop);
	return (ch->rc == PIN_ECLOSED ? PIN_OK : ch->rc);
}

int
pin_verb_plugin_host(const struct pin_args *a)
{
	static struct child ch;
	static struct pin_env_services sv = { .arg = &ch,
	    .read = child_read, .view_open = child_view };
	struct pin_err err = PIN_ERR_INIT;
	struct stat st;

	for (int fd = PIN_WIRE_FD; fd <= PIN_ASK_FD; fd++)
		if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
			(void)fprintf(stderr, "pintle plugin-host: started by "
			    "a server only: descriptor %d is no socket\n", fd);
			return (PIN_EXIT_USAGE);
		}
	pin__limits_set();
	services = &sv;
	ch.host = a->host;
	ch.wire.fd = PIN_WIRE_FD;
	ch.ask.fd = PIN_ASK_FD;
	PIN_ASSERT(pthread_mutex_init(&ch.asking, NULL) == 0);
	if (pin_loop_open(a->host, "plugin", &ch.loop, &err) != PIN_OK) {
		(void)fprintf(stderr, "pintle plugin-host: %s\n", err.text);
		return (PIN_EXIT_FAILED);
	}
	ch.calls = pin_calls_new(ch.loop);
	if (child_open(&ch, a) != PIN_OK)
		return (PIN_EXIT_FAILED);
	if (child_loop(&ch) != PIN_OK) {
		(void)fprintf(stderr, "pintle plugin-host: %s\n",
		    ch.err.text);
		return (PIN_EXIT_FAILED);
	}
	pin_loop_close(&ch.loop);
	if (pin_calls_out(ch.calls) == 0)
		pin__plugin_close(ch.stage.plugin, ch.stage.self);
	return (PIN_EXIT_OK);
}
