/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handshake -- full handshakes a second and a core, server-only and mutual,
 * through tls_accept and tls_connect over loopback sockets, both ends on one
 * loop; the server's own share is timed apart. Also bytes a connection.
 * Floors: 400 and 220 a second (server's share).
 * One loop. Contract: docs/http.md. */
#include <malloc.h>
#include <time.h>

#include "core/host/real.h"
#include "core/tls/tls.h"
#include "httpd.h"
#include "tap.h"

#define KEEP_MAX	200

struct pair {
	struct tls_conn	*a, *b;		/* server's end, client's */
	struct pin_sock	*sa, *sb;
};

static struct pin_loop	*loop;
static struct pin_sock	*listener;
static struct tls_server *server;
static struct tls_client *client;
static struct pin_addr	 at;
static struct pair	 cur, kept[KEEP_MAX];
static int		 nkept, keep;
static double		 server_s, total_s;
static int		 done, failed;
static uint64_t		 until_ms;

static double
now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

static void next(void);

static void
pair_close(struct pair *p)
{
	tls_close(&p->a);
	tls_close(&p->b);
	pin_sock_close(&p->sa);
	pin_sock_close(&p->sb);
}

static void
both_done(void)
{
	done++;
	if (keep && nkept < KEEP_MAX)
		kept[nkept++] = cur;
	else
		pair_close(&cur);
	memset(&cur, 0, sizeof(cur));
	if (keep ? nkept < KEEP_MAX : tap_now_ms() < until_ms)
		next();
	else
		pin_loop_stop(loop);
}

static void
ready(void *arg, struct pin_sock *s, uint32_t events)
{
	struct pin_err err = PIN_ERR_INIT;
	struct tls_conn *t = arg == &cur.a ? cur.a : cur.b;
	static int a_done, b_done;
	uint32_t want = 0;
	double t0 = now_s();
	int rc;

	(void)events;
	if (t == NULL)
		return;
	rc = tls_handshake(t, &want, &err);
	if (t == cur.a)
		server_s += now_s() - t0;
	if (rc == PIN_EAGAIN) {
		pin_sock_want(s, want);
		return;
	}
	if (rc != PIN_OK) {
		tap_diag("%s", err.text);
		failed = 1;
		pin_loop_stop(loop);
		return;
	}
	pin_sock_want(s, 0);
	if (t == cur.a)
		a_done = 1;
	else
		b_done = 1;
	if (a_done && b_done) {
		a_done = b_done = 0;
		both_done();
	}
}

static void
accepted(void *arg, struct pin_sock *s)
{
	struct pin_err err = PIN_ERR_INIT;
	double t0 = now_s();

	(void)arg;
	cur.sa = s;
	if (pin_sock_attach(s, loop, ready, &cur.a, &err) != PIN_OK ||
	    tls_accept(server, s, &cur.a, &err) != PIN_OK)
		BAIL("%s", err.text);
	server_s += now_s() - t0;
	pin_sock_want(s, PIN_SOCK_READ);
}

static void
next(void)
{
	struct pin_err err = PIN_ERR_INIT;

	if (pin_sock_connect(loop, &at, ready, &cur.b, &cur.sb, &err) !=
	    PIN_OK || tls_connect(client, cur.sb, "localhost", &cur.b, &err)
	    != PIN_OK)
		BAIL("%s", err.text);
}

static void
on_go(struct pin_msg *m)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_addr any;

	(void)m;
	if (pin_addr_parse("127.0.0.1:0", &any, &err) != PIN_OK ||
	    pin_sock_listen(loop, &any, accepted, NULL, &listener, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	pin_sock_local(listener, &at);
	next();
}

static void
run(struct httpd *d, int mutual, int keeping)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_msg go = { NULL, on_go };
	double t0;

	keep = keeping;
	done = nkept = 0;
	server_s = 0;
	if (tls_server_open(d->host, d->cert, d->key, mutual ? d->ca : NULL,
	    &server, &err) != PIN_OK || tls_client_open(d->host, d->ca,
	    mutual ? d->client_cert : NULL, mutual ? d->client_key : NULL,
	    &client, &err) != PIN_OK || pin_loop_open(d->host, "bench", &loop,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	until_ms = tap_now_ms() + 3000;
	pin_loop_post(loop, &go);
	t0 = now_s();
	pin_loop_run(loop);
	total_s = now_s() - t0;
}

static void
run_end(void)
{
	while (nkept > 0)
		pair_close(&kept[--nkept]);
	if (listener != NULL)
		pin_sock_close(&listener);
	pin_loop_close(&loop);
	tls_server_close(&server);
	tls_client_close(&client);
}

int
main(void)
{
	struct httpd d;
	struct mallinfo2 m0, m1;
	int floor[2] = { 400, 220 }, i;

	httpd_open(&d, 1, NULL);
	for (i = 0; i < 2; i++) {
		run(&d, i, 0);
		printf("# %s: %.0f/s both ends, server alone %.0f/s "
		    "(%.2f ms); floor %d\n", i ? "mutual" : "server-only",
		    done / total_s, done / server_s, server_s / done * 1e3,
		    floor[i]);
		OK(!failed && done / server_s >= floor[i],
		    "%s handshakes: at least %d a second",
		    i ? "mutual" : "server-only", floor[i]);
		run_end();
	}
	run(&d, 1, 0);
	run_end();
	m0 = mallinfo2();
	run(&d, 1, 1);
	m1 = mallinfo2();
	printf("# %zu bytes of heap a mutual connection (both ends)\n",
	    (m1.uordblks - m0.uordblks) / KEEP_MAX);
	run_end();
	httpd_close(&d, 100);
	return (tap_done());
}
