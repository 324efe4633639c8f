/* SPDX-License-Identifier: BSD-2-Clause
 *
 * client.c -- calls and streams through both transports, against one handler:
 * in process, and HTTP/1.1 over a UNIX socket.
 * The handler runs on two fronts, the client on a loop of its own.
 * Contract: core/client/client.h. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/client.h"
#include "core/host/real.h"
#include "core/http/server.h"
#include "tap.h"

#define DEADLINE_MS	10000
#define BIG		(3u << 20)

static struct pin_host *host;
static struct pin_loop *fronts[2], *loop;
static struct http_server *srv;
static struct pin_addr sock;
static struct client *client;
static atomic_int begun, gone, busy_left, closed;

/* ---- the server ----------------------------------------------------- */

static void
answer(struct exchange *ex, int status, const char *text, const char *retry)
{
	struct http_header h[2] = { { PIN_STR("Content-Type"),
	    PIN_STR("application/json") }, { PIN_STR("Retry-After"),
	    pin_str(retry) } };
	struct pin_buf *b = pin_buf_copy(text, strlen(text));

	ex->data = NULL;
	ex->ops->reply(ex, status, h, retry != NULL ? 2 : 1, &b, 1);
}

static void
came(struct exchange *ex, int rc, struct pin_str body)
{
	char text[256];

	snprintf(text, sizeof(text), "%d " PIN_SFMT " " PIN_SFMT " "
	    PIN_SFMT, rc, PIN_SARG(ex->head.method),
	    PIN_SARG(exchange_header(ex, "content-type")), PIN_SARG(body));
	answer(ex, 201, text, NULL);
}

/* 3 MiB in pieces, as fast as there is credit. */
static void
pour(struct exchange *ex)
{
	size_t *at = ex->data;
	struct pin_buf *b;

	while (*at < BIG) {
		b = pin_buf_new(64 << 10);
		memset(b->data, 'x', b->len);
		*at += b->len;
		int64_t left = ex->ops->send(ex, b, 0, b->len);
		pin_buf_put(&b);
		ex->ops->flush(ex);
		if (left <= 0 && *at < BIG)
			return;
	}
	ex->data = NULL;
	ex->ops->finish(ex, 1);
}

static void
send_text(struct exchange *ex, const char *s)
{
	struct pin_buf *b = pin_buf_copy(s, strlen(s));

	ex->ops->send(ex, b, 0, b->len);
	pin_buf_put(&b);
	ex->ops->flush(ex);
}

static void
begin(void *arg, struct exchange *ex)
{
	struct pin_str p = ex->head.path;

	(void)arg;
	atomic_fetch_add(&begun, 1);
	ex->data = NULL;
	if (pin_str_is(p, "/ok")) {
		answer(ex, 200, "{\"a\":1}", NULL);
	} else if (pin_str_is(p, "/echo")) {
		ex->ops->read_body(ex, 1 << 20, came);
	} else if (pin_str_is(p, "/busy")) {
		if (atomic_fetch_sub(&busy_left, 1) > 0)
			answer(ex, 429, "busy", "0");
		else
			answer(ex, 200, "at last", NULL);
	} else if (pin_str_is(p, "/flat")) {
		answer(ex, 429, "no", NULL);
	} else if (pin_str_is(p, "/never")) {
		ex->data = ex;
	} else if (pin_str_is(p, "/big")) {
		ex->data = pin_arena_zalloc(ex->arena, sizeof(size_t));
		ex->ops->start(ex, 200, NULL, 0);
		pour(ex);
	} else if (pin_str_is(p, "/lines")) {
		ex->ops->start(ex, 200, NULL, 0);
		send_text(ex, "one\ntwo\nth");
		send_text(ex, "r");
		send_text(ex, "ee\n\nfour\nhalf");
		ex->ops->finish(ex, 1);
	} else if (pin_str_is(p, "/broken")) {
		ex->ops->start(ex, 200, NULL, 0);
		send_text(ex, "one\n");
		ex->ops->finish(ex, 0);
	} else if (pin_str_is(p, "/watch")) {
		ex->ops->start(ex, 200, NULL, 0);
		send_text(ex, "first\n");
		ex->data = ex;
	} else {
		answer(ex, 404, "none", NULL);
	}
}

static void
on_credit(struct exchange *ex)
{
	if (ex->data != NULL && pin_str_is(ex->head.path, "/big"))
		pour(ex);
}

static void
on_gone(struct exchange *ex)
{
	if (ex->data == NULL)
		return;
	atomic_fetch_add(&gone, 1);
	ex->data = NULL;
	if (pin_str_is(ex->head.path, "/never"))
		answer(ex, 500, "gone", NULL);
	else
		ex->ops->finish(ex, 0);
}

static const struct exchange_handler handler = { .begin = begin,
    .credit = on_credit, .gone = on_gone };

/* ---- the client ----------------------------------------------------- */

struct job {
	struct pin_msg	 msg;
	struct client_call call;
	const char	*method, *target, *body;
	uint32_t	 flags;
	uint64_t	 timeout_ms;
	int		 cancel_at_line;
	atomic_int	 done, lines;
	int		 rc, status;
	size_t		 len;
	char		 text[256];
};

static void
job_done(struct client_call *call, const struct client_answer *a)
{
	struct job *j = call->arg;

	j->rc = a->rc;
	j->status = a->status;
	j->len = a->len;
	if ((call->flags & CLIENT_STREAM) == 0 || a->status != 200)
		snprintf(j->text, sizeof(j->text), "%.*s", a->len < 200 ?
		    (int)a->len : 200, a->buf != NULL ? (const char *)
		    a->buf->data + a->off : "");
	atomic_store(&j->done, 1);
}

static void
job_line(struct client_call *call, struct pin_buf *b, size_t off, size_t len)
{
	struct job *j = call->arg;
	size_t n = strlen(j->text);

	snprintf(j->text + n, sizeof(j->text) - n, "%.*s|", (int)len,
	    (const char *)b->data + off);
	atomic_fetch_add(&j->lines, 1);
	if (j->cancel_at_line == atomic_load(&j->lines)) {
		client_cancel(call);
		atomic_store(&j->done, 2);
	}
}

static void
job_start(struct pin_msg *msg)
{
	struct job *j = (struct job *)(void *)msg;

	j->call = (struct client_call){ .flags = j->flags,
	    .method = pin_str(j->method), .target = pin_str(j->target),
	    .body = pin_str(j->body), .type = PIN_STR("text/x"),
	    .timeout_ms = j->timeout_ms, .done = job_done, .line = job_line,
	    .arg = j };
	client_start(client, &j->call);
}

static void
post(struct job *j)
{
	j->msg.fn = job_start;
	pin_loop_post(loop, &j->msg);
}

static void
run(struct job *j)
{
	post(j);
	WAIT(atomic_load(&j->done), DEADLINE_MS);
}

static void
on_closed(void *arg)
{
	(void)arg;
	atomic_store(&closed, 1);
}

static void
do_close(struct pin_msg *msg)
{
	(void)msg;
	client_close(&client, on_closed, NULL);
}

static void
open_client(int remote)
{
	static const struct client_identity who = { .name = { "me", 2 } };
	struct transport_remote_opts o = { .addr = sock, .agent = "t" };
	struct pin_err err = PIN_ERR_INIT;
	struct transport *t;

	if (pin_loop_open(host, "client", &loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	o.loop = loop;
	t = remote ? transport_remote(&o) : transport_local(loop, &handler,
	    fronts, 2, "t");
	client = client_new(loop, &who, &t);
	if (pin_loop_start(loop, &err) != PIN_OK)
		BAIL("%s", err.text);
}

static void
close_client(void)
{
	static struct pin_msg msg;

	msg.fn = do_close;
	atomic_store(&closed, 0);
	pin_loop_post(loop, &msg);
	WAIT(atomic_load(&closed), DEADLINE_MS);
	pin_loop_close(&loop);
}

/* ---- what must hold ------------------------------------------------- */

static void
check_calls(const char *way)
{
	CASE("%s: an answer", way) {
		struct job j = { .method = "GET", .target = "/ok?x=1" };

		run(&j);
		CHECK_INT(j.rc, PIN_OK);
		CHECK_INT(j.status, 200);
		CHECK_STR(j.text, "{\"a\":1}");
	}
	CASE("%s: a body goes there and back", way) {
		struct job j = { .method = "POST", .target = "/echo",
		    .body = "hello" };

		run(&j);
		CHECK_INT(j.status, 201);
		CHECK_STR(j.text, "0 POST text/x hello");
	}
	CASE("%s: a large answer in pieces is whole", way) {
		struct job j = { .method = "GET", .target = "/big" };

		run(&j);
		CHECK_INT(j.rc, PIN_OK);
		CHECK_UINT(j.len, BIG);
	}
	CASE("%s: 429 with Retry-After is tried again", way) {
		struct job j = { .method = "POST", .target = "/busy" };

		atomic_store(&busy_left, 2);
		run(&j);
		CHECK_INT(j.status, 200);
		CHECK_STR(j.text, "at last");
	}
	CASE("%s: but not for ever", way) {
		struct job j = { .method = "GET", .target = "/busy" };

		atomic_store(&busy_left, 1000);
		run(&j);
		CHECK_INT(j.status, 429);
		CHECK_INT(1000 - atomic_load(&busy_left),
		    CLIENT_RETRIES_MAX + 1);
	}
	CASE("%s: and not without it", way) {
		struct job j = { .method = "GET", .target = "/flat" };
		int before = atomic_load(&begun);

		run(&j);
		CHECK_INT(j.status, 429);
		CHECK_INT(atomic_load(&begun) - before, 1);
	}
	CASE("%s: a deadline is kept, and the server told", way) {
		struct job j = { .method = "POST", .target = "/never",
		    .timeout_ms = 50 };
		int before = atomic_load(&gone);

		run(&j);
		CHECK_INT(j.rc, PIN_ETIMEOUT);
		if (way[0] == 'i')	/* HTTP tells when it next writes */
			WAIT(atomic_load(&gone) > before, DEADLINE_MS);
	}
}

static void
check_streams(const char *way)
{
	CASE("%s: a stream is cut into lines, half a line is none", way) {
		struct job j = { .method = "GET", .target = "/lines",
		    .flags = CLIENT_STREAM };

		run(&j);
		CHECK_INT(j.rc, PIN_OK);
		CHECK_STR(j.text, "one|two|three|four|");
	}
	CASE("%s: a broken stream says so", way) {
		struct job j = { .method = "GET", .target = "/broken",
		    .flags = CLIENT_STREAM };

		run(&j);
		CHECK_STR(j.text, "one|");
		CHECK_INT(j.rc, PIN_ECLOSED);
	}
	CASE("%s: a refused stream has a body", way) {
		struct job j = { .method = "GET", .target = "/nothing",
		    .flags = CLIENT_STREAM };

		run(&j);
		CHECK_INT(j.status, 404);
		CHECK_STR(j.text, "none");
	}
	CASE("%s: a silent stream times out", way) {
		struct job j = { .method = "GET", .target = "/watch",
		    .flags = CLIENT_STREAM, .timeout_ms = 50 };

		run(&j);
		CHECK_INT(j.rc, PIN_ETIMEOUT);
		CHECK_STR(j.text, "first|");
	}
	CASE("%s: cancelled within a line nothing comes any more", way) {
		struct job j = { .method = "GET", .target = "/lines",
		    .flags = CLIENT_STREAM, .cancel_at_line = 2 };
		struct job after = { .method = "GET", .target = "/ok" };

		run(&j);
		CHECK_INT(atomic_load(&j.done), 2);
		run(&after);
		CHECK_STR(j.text, "one|two|");
	}
}

#define MANY	2000

static void
check_many(const char *way)
{
	struct job *j = calloc(MANY, sizeof(*j));
	uint64_t begin_ms = tap_now_ms();
	int i, good = 0;

	for (i = 0; i < MANY; i++) {
		j[i].method = "GET";
		j[i].target = "/ok";
		post(&j[i]);
	}
	CASE("%s: %d at once are all answered", way, MANY) {
		for (i = 0; i < MANY; i++)
			WAIT(atomic_load(&j[i].done), DEADLINE_MS);
		for (i = 0; i < MANY; i++)
			good += j[i].rc == PIN_OK && j[i].status == 200;
		CHECK_INT(good, MANY);
	}
	tap_diag("%s: %d calls in %d ms", way, MANY,
	    (int)(tap_now_ms() - begin_ms));
	free(j);
}

static void
check_close(const char *way)
{
	static struct job j[2];
	int i;

	memset(j, 0, sizeof(j));
	j[0] = (struct job){ .method = "GET", .target = "/watch",
	    .flags = CLIENT_STREAM };
	j[1] = (struct job){ .method = "GET", .target = "/never" };
	post(&j[0]);
	post(&j[1]);
	CASE("%s: closing ends what is under way", way) {
		int before = atomic_load(&gone);

		WAIT(atomic_load(&j[0].lines) == 1, DEADLINE_MS);
		close_client();
		for (i = 0; i < 2; i++)
			CHECK_INT(j[i].rc, PIN_ECANCELED);
		if (way[0] == 'i')
			WAIT(atomic_load(&gone) == before + 2, DEADLINE_MS);
	}
}

static void
open_server(void)
{
	struct http_server_opts o = { .fronts = fronts, .nfronts = 2,
	    .handler = &handler };
	struct pin_err err = PIN_ERR_INIT;
	char path[256];
	int i;

	host = pin_host_real();
	o.host = host;
	snprintf(path, sizeof(path), "unix:%s/s", tap_tmp());
	if (pin_addr_parse(path, &sock, &err) != PIN_OK)
		BAIL("%s", err.text);
	for (i = 0; i < 2; i++)
		if (pin_loop_open(host, "front", &fronts[i], &err) != PIN_OK ||
		    pin_loop_start(fronts[i], &err) != PIN_OK)
			BAIL("%s", err.text);
	if (http_server_open(&o, &srv, &err) != PIN_OK ||
	    http_server_listen(srv, &sock, NULL, &sock, &err) != PIN_OK)
		BAIL("%s", err.text);
}

int
main(void)
{
	static const char *const ways[] = { "in process", "unix socket" };
	int i;

	open_server();
	for (i = 0; i < 2; i++) {
		open_client(i);
		check_calls(ways[i]);
		check_streams(ways[i]);
		check_many(ways[i]);
		check_close(ways[i]);
	}
	http_server_close(&srv, 1000);
	for (i = 0; i < 2; i++)
		pin_loop_close(&fronts[i]);
	return (tap_done());
}
