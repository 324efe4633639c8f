/* SPDX-License-Identifier: BSD-2-Clause
 *
 * http_mt -- the server over real sockets with two fronts: what it answers to
 * hostile bytes, what happens to the next request, slow and vanishing
 * clients, streams, stopping.
 * Clients are blocking sockets of the main thread.
 * Contract: core/http/server.h, exchange.h. */
#include <sys/resource.h>
#include <sys/socket.h>

#include <unistd.h>

#include "core/http/limits.h"
#include "httpd.h"
#include "tap.h"
#include "wire.h"

#define NEXT	"GET /3k HTTP/1.1\r\nHost: x\r\n\r\n"

static struct httpd	 d;

static int
dial(void)
{
	return (wire_dial(&d.local));
}

static uint32_t
count(const uint32_t *n)
{
	return (__atomic_load_n(n, __ATOMIC_RELAXED));
}

/* ---- hostile bytes and the next request ------------------------------ */

/* What is sent, then NEXT, then the end; and all the answers that come. */
static const struct {
	const char	*name;
	const char	*text;
	const char	*answers;
} smuggling[] = {
	{ "a plain request lets the next one pass",
	    "GET /3k HTTP/1.1\r\nHost: x\r\n\r\n", "200 200" },
	{ "CL.TE", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", "400" },
	{ "TE.CL", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
	    "1\r\nZ\r\n0\r\n\r\n", "400" },
	{ "TE.TE, two codings", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"
	    "0\r\n\r\n", "400" },
	{ "TE.TE, a list", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "501" },
	{ "a coding we do not know", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501" },
	{ "a space before the colon", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400" },
	{ "a folded coding", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "501" },
	{ "a coding behind a bare CR", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
	{ "a coding behind a bare LF", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
	{ "two lengths", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 0\r\nContent-Length: 28\r\n\r\n", "400" },
	{ "a length with a plus", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: +0\r\n\r\n", "400" },
	{ "a length of 2^64", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 18446744073709551616\r\n\r\n", "400" },
	{ "a length above the limit of the body",
	    "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 99999999999\r\n\r\n", "413" },
	{ "a chunk size that overflows", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n",
	    "400" },
	{ "a chunk longer than it says", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n", "400" },
	{ "a chunk line with a bare LF", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\n\n", "400" },
	{ "a body and its next request, length",
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
	    "200 200" },
	{ "a body and its next request, chunked",
	    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n", "200 200" },
	{ "a body nobody reads is skipped, length",
	    "POST /3k HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n"
	    NEXT, "200 200" },
	{ "a body nobody reads is skipped, chunked",
	    "POST /3k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n1d\r\n" NEXT "\r\n0\r\n\r\n", "200 200" },
	{ "an unread chunked body that is broken ends it",
	    "POST /3k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	    "\r\nzz\r\n", "200" },
	{ "a body on GET", "GET /3k HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 29\r\n\r\n" NEXT, "200 200" },
	{ "HTTP/1.0 closes", "GET /3k HTTP/1.0\r\n\r\n", "200" },
	{ "HTTP/1.0 with keep-alive", "GET /3k HTTP/1.0\r\n"
	    "Connection: keep-alive\r\n\r\n", "200 200" },
	{ "HTTP/1.0 with a coding", "POST /echo HTTP/1.0\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
	{ "HTTP/0.9", "GET /3k\r\n", "400" },
	{ "Connection: close", "GET /3k HTTP/1.1\r\nHost: x\r\n"
	    "Connection: close\r\n\r\n", "200" },
	{ "HEAD has no body and the next follows",
	    "HEAD /3k HTTP/1.1\r\nHost: x\r\n\r\n", "200 200" },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "200 200" },
	{ "absolute form", "GET http://x/3k HTTP/1.1\r\nHost: x\r\n\r\n",
	    "200 200" },
	{ "CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "400" },
	{ "an Upgrade nobody takes", "GET /3k HTTP/1.1\r\nHost: x\r\n"
	    "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "200 200" },
	{ "no Host", "GET /3k HTTP/1.1\r\n\r\n", "400" },
	{ "HTTP/2 by prior knowledge",
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505" },
	{ "an Expect we do not know", "POST /echo HTTP/1.1\r\nHost: x\r\n"
	    "Expect: x\r\nContent-Length: 1\r\n\r\na", "417" },
	{ "100-continue nobody waits for", "POST /3k HTTP/1.1\r\nHost: x\r\n"
	    "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", "200" },
	{ "a stream broken off", "GET /broken HTTP/1.1\r\nHost: x\r\n\r\n",
	    "200" },
};

static void
test_smuggling(void)
{
	size_t i, k, len;
	int fd, all;

	for (i = 0; i < PIN_LEN(smuggling); i++)
		CASE("%s: %s", smuggling[i].name, smuggling[i].answers) {
			len = strlen(smuggling[i].text);
			fd = dial();
			wire_say(fd, smuggling[i].text, len);
			wire_text(fd, NEXT);
			(void)shutdown(fd, SHUT_WR);
			all = wire_all(fd);
			CHECK(all);
			CHECK_STR(wire_statuses(), smuggling[i].answers);
			(void)close(fd);
			/* And byte by byte. */
			fd = dial();
			for (k = 0; k < len; k++)
				wire_say(fd, smuggling[i].text + k, 1);
			wire_text(fd, NEXT);
			(void)shutdown(fd, SHUT_WR);
			CHECK(wire_all(fd));
			CHECK_STR(wire_statuses(), smuggling[i].answers);
			(void)close(fd);
		}
}

static void
test_answers(void)
{
	static char big[70000];
	int fd;

	CASE("100-continue is sent when the body is wanted") {
		wire_clear();
		fd = dial();
		wire_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
		CHECK(wire_until(fd, "HTTP/1.1 100 Continue\r\n\r\n"));
		wire_text(fd, "hello");
		CHECK(wire_until(fd, "\r\n\r\nhello"));
		CHECK_STR(wire_statuses(), "100 200");
		(void)close(fd);
	}
	CASE("an answer says whether the connection stays") {
		fd = dial();
		wire_text(fd, "GET /3k HTTP/1.1\r\nHost: x\r\n"
		    "Connection: close\r\n\r\n");
		CHECK(wire_all(fd));
		CHECK(strstr(wire_got, "\r\nConnection: close\r\n") != NULL);
		(void)close(fd);
		fd = dial();
		wire_text(fd, "GET /3k HTTP/1.0\r\n"
		    "Connection: keep-alive\r\n\r\n");
		wire_clear();
		CHECK(wire_until(fd, "\r\nConnection: keep-alive\r\n"));
		(void)close(fd);
	}
	CASE("refusals read as Go's: plain text, close") {
		fd = dial();
		wire_text(fd, "GET / HTTP/1.1\r\n\r\n");
		CHECK(wire_all(fd));
		CHECK_STR(wire_got, "HTTP/1.1 400 Bad Request: missing "
		    "required Host header\r\nContent-Type: text/plain; "
		    "charset=utf-8\r\nConnection: close\r\n\r\n"
		    "400 Bad Request: missing "
		    "required Host header");
		(void)close(fd);
		fd = dial();
		wire_text(fd, "\n");
		CHECK(wire_all(fd));
		CHECK_STR(wire_got, "HTTP/1.1 400 Bad Request\r\nContent-Type: "
		    "text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
		    "400 Bad Request");
		(void)close(fd);
	}
	CASE("a head of 64 KiB + 1 is 431, its line alone 414") {
		memset(big, 'a', sizeof(big));
		memcpy(big, "GET /3k HTTP/1.1\r\nHost: x\r\nA: ", 30);
		fd = dial();
		wire_say(fd, big, 65537);
		CHECK(wire_all(fd));
		CHECK_STR(wire_statuses(), "431");
		(void)close(fd);
		fd = dial();
		memset(big, 'a', 100);
		wire_say(fd, big, 65537);
		CHECK(wire_all(fd));
		CHECK_STR(wire_statuses(), "414");
		(void)close(fd);
	}
}

static void
test_bodies(void)
{
	size_t i;
	int fd;

	CASE("fifty requests in one piece have fifty answers in order") {
		fd = dial();
		for (i = 0; i < 50; i++)
			wire_text(fd, i % 5 == 4 ? "POST /echo HTTP/1.1\r\n"
			    "Host: x\r\nContent-Length: 3\r\n\r\nabc" : NEXT);
		(void)shutdown(fd, SHUT_WR);
		CHECK(wire_all(fd));
		CHECK_UINT(strlen(wire_statuses()), 50 * 4 - 1);
		CHECK(strstr(wire_got, "400 ") == NULL);
		(void)close(fd);
	}
	CASE("3 MiB come back, one byte more is 413") {
		char *body = malloc((3 << 20) + 1), head[128];

		memset(body, 'b', (3 << 20) + 1);
		fd = dial();
		(void)snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n"
		    "Host: x\r\nConnection: close\r\nContent-Length: %d\r\n"
		    "\r\n", 3 << 20);
		wire_text(fd, head);
		wire_say(fd, body, 3 << 20);
		CHECK(wire_all(fd));
		CHECK(wire_len > 3 << 20);
		CHECK_STR(wire_statuses(), "200");
		(void)close(fd);
		fd = dial();
		wire_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n300001\r\n");
		wire_say(fd, body, (3 << 20) + 1);
		CHECK(wire_all(fd));
		CHECK_STR(wire_statuses(), "413");
		(void)close(fd);
		free(body);
	}
	CASE("a peer of the UNIX socket is known by its user") {
		char want[32];

		fd = dial();
		wire_text(fd, "GET /who HTTP/1.1\r\nHost: x\r\n"
		    "Authorization: Bearer tok\r\nConnection: close\r\n\r\n");
		CHECK(wire_all(fd));
		(void)snprintf(want, sizeof(want), "uid=%u bearer=tok",
		    (unsigned int)geteuid());
		CHECK(strstr(wire_got, want) != NULL);
		(void)close(fd);
	}
}

/* ---- slow clients ---------------------------------------------------- */

static void
test_slow(void)
{
	uint64_t t0;
	int fd;

	CASE("a head byte by byte is cut after its time, not after idle's") {
		t0 = tap_now_ms();
		fd = dial();
		wire_clear();
		while (tap_now_ms() - t0 < WIRE_MS &&
		    wire_hear(fd, 20) < 0)
			wire_say(fd, "G", 1);
		CHECK_STR(wire_statuses(), "408");
		CHECK(tap_now_ms() - t0 >= 400);
		(void)close(fd);
	}
	CASE("a silent connection is closed") {
		fd = dial();
		CHECK(wire_all(fd));
		CHECK_UINT(wire_len, 0);
		(void)close(fd);
	}
	CASE("a body that stops is a timeout") {
		fd = dial();
		wire_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 10\r\n\r\nabc");
		CHECK(wire_all(fd));
		CHECK_STR(wire_statuses(), "504");
		CHECK(strstr(wire_got, "TIMEOUT") != NULL);
		(void)close(fd);
	}
	CASE("a body that drips is a timeout too") {
		t0 = tap_now_ms();
		fd = dial();
		wire_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 100000\r\n\r\n");
		wire_clear();
		while (tap_now_ms() - t0 < WIRE_MS && wire_hear(fd, 20) < 0)
			wire_say(fd, "b", 1);
		CHECK_STR(wire_statuses(), "504");
		(void)close(fd);
	}
	CASE("a client that vanishes with half a body is noticed") {
		uint32_t before = count(&d.ended);

		fd = dial();
		wire_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 10\r\n\r\nabc");
		(void)close(fd);
		WAIT(count(&d.ended) > before,
		    WIRE_MS);
	}
}

static void
test_slow_reader(void)
{
	struct http_counters a, b;
	uint64_t t0;
	int fd, fd2;

	CASE("a slow reader of a stream is cut, others are undisturbed") {
		uint32_t gone = count(&d.gone);

		http_server_counters(d.srv, &a);
		fd = dial();
		wire_text(fd, "GET /fill HTTP/1.1\r\nHost: x\r\n\r\n");
		fd2 = dial();
		t0 = 0;
		while (count(&d.gone) == gone &&
		    t0 < 100000) {
			wire_clear();
			wire_text(fd2, NEXT);
			CHECK(wire_until(fd2, "kkk\0"));
			while (wire_len < 3072)
				if (wire_hear(fd2, 1000) <= 0)
					break;
			t0++;
		}
		CHECK(t0 > 1 && t0 < 100000);
		http_server_counters(d.srv, &b);
		CHECK(b.bytes_out - a.bytes_out < t0 * 4096 + (16 << 20));
		(void)close(fd);
		(void)close(fd2);
	}
}

/* ---- streams and handlers that take their time ----------------------- */

static void
test_streams(void)
{
	int fd[32], i;

	CASE("every watcher gets every piece, as chunks") {
		for (i = 0; i < 32; i++) {
			fd[i] = dial();
			wire_text(fd[i], "GET /watch HTTP/1.1\r\nHost: x\r\n"
			    "\r\n");
		}
		WAIT(count(&d.watching) == 32,
		    WIRE_MS);
		httpd_feed(&d, 5, 3);
		for (i = 0; i < 32; i++) {
			wire_clear();
			CHECK(wire_until(fd[i], "\r\n\r\n5\r\neeee\n\r\n"
			    "5\r\neeee\n\r\n5\r\neeee\n\r\n"));
		}
	}
	CASE("watchers that hang up are told to the handler") {
		for (i = 0; i < 32; i++)
			(void)close(fd[i]);
		WAIT(count(&d.watching) == 0,
		    WIRE_MS);
	}
}

static void
test_late(void)
{
	int fd[1], i;

	CASE("a late answer comes, and the next request after it") {
		fd[0] = dial();
		wire_clear();
		wire_text(fd[0], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" NEXT);
		while (strstr(wire_got, "\r\n\r\nlate") == NULL) {
			httpd_release(&d);
			(void)wire_hear(fd[0], 50);
		}
		CHECK(wire_until(fd[0], "kkk"));
		CHECK_STR(wire_statuses(), "200 200");
		(void)close(fd[0]);
	}
	CASE("a body that comes while the handler thinks is skipped") {
		fd[0] = dial();
		wire_clear();
		i = (int)count(&d.begun);
		wire_text(fd[0], "POST /later HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 100000\r\n\r\n");
		WAIT((int)count(&d.begun) > i,
		    WIRE_MS);
		memset(wire_got, 'b', 100000);
		wire_say(fd[0], wire_got, 50000);
		wire_got[0] = '\0';
		(void)wire_hear(fd[0], 50);
		httpd_release(&d);
		CHECK(wire_until(fd[0], "\r\n\r\nlate"));
		memset(wire_got, 'b', 50000);
		wire_say(fd[0], wire_got, 50000);
		wire_clear();
		wire_text(fd[0], NEXT);
		CHECK(wire_until(fd[0], "kkk"));
		CHECK_STR(wire_statuses(), "200");
		(void)close(fd[0]);
	}
	CASE("HTTP/1.0 streams until the end of the connection") {
		fd[0] = dial();
		wire_clear();
		wire_text(fd[0], "GET /watch HTTP/1.0\r\n\r\n");
		WAIT(count(&d.watching) == 1,
		    WIRE_MS);
		httpd_feed(&d, 5, 1);
		CHECK(wire_until(fd[0], "\r\n\r\neeee\n"));
		CHECK(strstr(wire_got, "chunked") == NULL);
		(void)close(fd[0]);
		WAIT(count(&d.watching) == 0,
		    WIRE_MS);
	}
}

/* ---- limits of the process ------------------------------------------- */

static void
test_descriptors(void)
{
	struct http_counters seen;
	struct rlimit old, low;
	int fds[256], n = 0, fd, i;

	CASE("out of descriptors: waits, and goes on when there are some") {
		CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
		low = old;
		/* The server has no other client: it would take or give back
		 * a descriptor in the middle of this. */
		WAIT((http_server_counters(d.srv, &seen), seen.open == 0),
		    WIRE_MS);
		fd = dup(STDERR_FILENO);
		CHECK(fd >= 0);
		low.rlim_cur = (rlim_t)fd + 40;
		CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
		while (n < 256 && (fds[n] = dup(fd)) >= 0)
			n++;
		/* One descriptor for a client, none for the server's end. */
		(void)close(fds[--n]);
		i = dial();
		wire_text(i, NEXT);
		wire_clear();
		CHECK_INT(wire_hear(i, 300), -1);
		CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
		CHECK(wire_until(i, "HTTP/1.1 200 OK"));
		(void)close(i);
		(void)close(fd);
		while (n > 0)
			(void)close(fds[--n]);
	}
}

static void
test_budget(void)
{
	struct http_limits l = { .connections_max = 4, .body_ms = 60000,
	    .body_bytes_total = 1 << 20 };
	int fd[8], i, closed = 0;

	httpd_open(&d, 2, &l);
	CASE("bodies beyond the budget of all are told 429") {
		fd[0] = dial();
		wire_text(fd[0], "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 1000000\r\n\r\nabc");
		WAIT(count(&d.begun) == 1,
		    WIRE_MS);
		fd[1] = dial();
		wire_text(fd[1], "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 100000\r\n\r\nabc");
		CHECK(wire_all(fd[1]));
		CHECK_STR(wire_statuses(), "429");
		(void)close(fd[1]);
		(void)close(fd[0]);
		WAIT(count(&d.ended) == 2,
		    WIRE_MS);
	}
	CASE("the budget is given back") {
		char head[128];
		static char body[1000000];

		fd[0] = dial();
		(void)snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n"
		    "Host: x\r\nConnection: close\r\nContent-Length: %zu\r\n"
		    "\r\n", sizeof(body));
		wire_text(fd[0], head);
		wire_say(fd[0], body, sizeof(body));
		CHECK(wire_all(fd[0]));
		CHECK_STR(wire_statuses(), "200");
		(void)close(fd[0]);
	}
	CASE("connections beyond the limit are closed at once") {
		struct http_counters n;

		WAIT((http_server_counters(d.srv, &n), n.open == 0),
		    WIRE_MS);
		for (i = 0; i < 8; i++)
			fd[i] = dial();
		for (i = 0; i < 8; i++) {
			wire_len = 0;
			closed += wire_hear(fd[i], i < 4 ? 50 : WIRE_MS) == 0;
		}
		CHECK_INT(closed, 4);
		http_server_counters(d.srv, &n);
		CHECK_UINT(n.open, 4);
		CHECK_UINT(n.refused, 4);
		for (i = 0; i < 8; i++)
			(void)close(fd[i]);
	}
	httpd_close(&d, 1000);
}

static void
test_close(void)
{
	int idle = dial(), later = dial(), watch = dial(), fill = dial();
	uint64_t t0;

	wire_text(later, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	wire_text(watch, "GET /watch HTTP/1.1\r\nHost: x\r\n\r\n");
	wire_text(fill, "GET /fill HTTP/1.1\r\nHost: x\r\n\r\n");
	CASE("closing tells handlers, sends their answers, and is quick") {
		WAIT(count(&d.watching) == 1,
		    WIRE_MS);
		WAIT(count(&d.begun) -
		    count(&d.ended) == 3,
		    WIRE_MS);
		t0 = tap_now_ms();
		httpd_close(&d, 500);
		CHECK(tap_now_ms() - t0 < 5000);
		CHECK_UINT(d.begun, d.ended);
		CHECK(wire_all(idle));
		CHECK_UINT(wire_len, 0);
		CHECK(wire_all(later));
		CHECK_STR(wire_statuses(), "503");
		CHECK(wire_all(watch));
		CHECK(strstr(wire_got, "\r\n0\r\n\r\n") != NULL);
		CHECK(wire_all(fill));
	}
	(void)close(idle);
	(void)close(later);
	(void)close(watch);
	(void)close(fill);
}

int
main(void)
{
	struct http_limits l = { .head_ms = 500, .body_ms = 500,
	    .idle_ms = 1500, .write_ms = 700 };

	tap_deadline(120);
	httpd_open(&d, 2, &l);
	test_smuggling();
	test_answers();
	test_bodies();
	test_slow();
	test_slow_reader();
	test_streams();
	test_late();
	test_descriptors();
	test_close();
	test_budget();
	return (tap_done());
}
