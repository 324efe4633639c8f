/* SPDX-License-Identifier: BSD-2-Clause
 *
 * http_mt -- the server over real sockets with two fronts: what it answers to
 * hostile bytes, what happens to the next request, slow and vanishing
 * clients, streams, stopping.
 * Clients are blocking sockets of the main thread.
 * Contract: core/http/server.h, exchange.h. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "core/http/limits.h"
#include "httpd.h"
#include "tap.h"

#define NEXT	"GET /3k HTTP/1.1\r\nHost: x\r\n\r\n"
#define DEADLINE_MS	10000

static struct httpd	 d;
static char		 got[4 << 20];
static size_t		 got_len;

/* ---- a blocking client ---------------------------------------------- */

static int
dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, d.local.path, strlen(d.local.path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		BAIL("connect %s: %s", d.local.path, strerror(errno));
	return (fd);
}

static void
say(int fd, const void *p, size_t len)
{
	const char *at = p;
	ssize_t n;

	while (len > 0 && (n = send(fd, at, len, MSG_NOSIGNAL)) > 0) {
		at += n;
		len -= (size_t)n;
	}
}

static void
say_text(int fd, const char *s)
{
	say(fd, s, strlen(s));
}

/* 1: data (appended to got), 0: the end, -1: nothing within ms. */
static int
hear(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return (-1);
	n = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);
	if (n <= 0)
		return (0);
	got_len += (size_t)n;
	got[got_len] = '\0';
	return (1);
}

/* Everything until the peer closes. 0: it never did. */
static int
hear_all(int fd)
{
	uint64_t end = tap_now_ms() + DEADLINE_MS;
	int r = 1;

	got_len = 0;
	got[0] = '\0';
	while (r > 0 && tap_now_ms() < end)
		r = hear(fd, DEADLINE_MS);
	return (r == 0);
}

static int
hear_until(int fd, const char *text)
{
	uint64_t end = tap_now_ms() + DEADLINE_MS;

	while (strstr(got, text) == NULL)
		if (tap_now_ms() > end || hear(fd, 100) == 0)
			return (0);
	return (1);
}

/* "200 404": the statuses in got. */
static const char *
statuses(void)
{
	static char out[512];
	const char *p = got;
	size_t n = 0;

	out[0] = '\0';
	while ((p = strstr(p, "HTTP/1.")) != NULL && n < 500) {
		if (p[8] != ' ') {
			p += 7;		/* in the text of a refusal */
			continue;
		}
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.3s",
		    n > 0 ? " " : "", p + 9);
		p += 9;
	}
	return (out);
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
			say(fd, smuggling[i].text, len);
			say_text(fd, NEXT);
			(void)shutdown(fd, SHUT_WR);
			all = hear_all(fd);
			CHECK(all);
			CHECK_STR(statuses(), smuggling[i].answers);
			(void)close(fd);
			/* And byte by byte. */
			fd = dial();
			for (k = 0; k < len; k++)
				say(fd, smuggling[i].text + k, 1);
			say_text(fd, NEXT);
			(void)shutdown(fd, SHUT_WR);
			CHECK(hear_all(fd));
			CHECK_STR(statuses(), smuggling[i].answers);
			(void)close(fd);
		}
}

static void
test_answers(void)
{
	static char big[70000];
	size_t i;
	int fd;

	CASE("100-continue is sent when the body is wanted") {
		got_len = 0;
		got[0] = '\0';
		fd = dial();
		say_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
		CHECK(hear_until(fd, "HTTP/1.1 100 Continue\r\n\r\n"));
		say_text(fd, "hello");
		CHECK(hear_until(fd, "\r\n\r\nhello"));
		CHECK_STR(statuses(), "100 200");
		(void)close(fd);
	}
	CASE("refusals read as Go's: plain text, close") {
		fd = dial();
		say_text(fd, "GET / HTTP/1.1\r\n\r\n");
		CHECK(hear_all(fd));
		CHECK_STR(got, "HTTP/1.1 400 Bad Request: missing required "
		    "Host header\r\nContent-Type: text/plain; charset=utf-8"
		    "\r\nConnection: close\r\n\r\n400 Bad Request: missing "
		    "required Host header");
		(void)close(fd);
		fd = dial();
		say_text(fd, "\n");
		CHECK(hear_all(fd));
		CHECK_STR(got, "HTTP/1.1 400 Bad Request\r\nContent-Type: "
		    "text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
		    "400 Bad Request");
		(void)close(fd);
	}
	CASE("a head of 64 KiB + 1 is 431, its line alone 414") {
		memset(big, 'a', sizeof(big));
		memcpy(big, "GET /3k HTTP/1.1\r\nHost: x\r\nA: ", 30);
		fd = dial();
		say(fd, big, 65537);
		CHECK(hear_all(fd));
		CHECK_STR(statuses(), "431");
		(void)close(fd);
		fd = dial();
		memset(big, 'a', 100);
		say(fd, big, 65537);
		CHECK(hear_all(fd));
		CHECK_STR(statuses(), "414");
		(void)close(fd);
	}
	CASE("fifty requests in one piece have fifty answers in order") {
		fd = dial();
		for (i = 0; i < 50; i++)
			say_text(fd, i % 5 == 4 ? "POST /echo HTTP/1.1\r\n"
			    "Host: x\r\nContent-Length: 3\r\n\r\nabc" : NEXT);
		(void)shutdown(fd, SHUT_WR);
		CHECK(hear_all(fd));
		CHECK_UINT(strlen(statuses()), 50 * 4 - 1);
		CHECK(strstr(got, "400 ") == NULL);
		(void)close(fd);
	}
	CASE("3 MiB come back, one byte more is 413") {
		char *body = malloc((3 << 20) + 1), head[128];

		memset(body, 'b', (3 << 20) + 1);
		fd = dial();
		(void)snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n"
		    "Host: x\r\nConnection: close\r\nContent-Length: %d\r\n"
		    "\r\n", 3 << 20);
		say_text(fd, head);
		say(fd, body, 3 << 20);
		CHECK(hear_all(fd));
		CHECK(got_len > 3 << 20);
		CHECK_STR(statuses(), "200");
		(void)close(fd);
		fd = dial();
		say_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n300001\r\n");
		say(fd, body, (3 << 20) + 1);
		CHECK(hear_all(fd));
		CHECK_STR(statuses(), "413");
		(void)close(fd);
		free(body);
	}
	CASE("a peer of the UNIX socket is known by its user") {
		char want[32];

		fd = dial();
		say_text(fd, "GET /who HTTP/1.1\r\nHost: x\r\n"
		    "Authorization: Bearer tok\r\nConnection: close\r\n\r\n");
		CHECK(hear_all(fd));
		(void)snprintf(want, sizeof(want), "uid=%u bearer=tok",
		    (unsigned int)geteuid());
		CHECK(strstr(got, want) != NULL);
		(void)close(fd);
	}
}

/* ---- slow clients ---------------------------------------------------- */

static void
test_slow(void)
{
	struct http_counters a, b;
	uint64_t t0;
	int fd, fd2;

	CASE("a head byte by byte is cut after its time, not after idle's") {
		t0 = tap_now_ms();
		fd = dial();
		got_len = 0;
		got[0] = '\0';
		while (tap_now_ms() - t0 < DEADLINE_MS &&
		    hear(fd, 20) < 0)
			say(fd, "GET / HTTP/1.1\r\nA: bbbbbbbbbbbbbbbbbbbbbbb",
			    1);
		CHECK_STR(statuses(), "408");
		CHECK(tap_now_ms() - t0 >= 400);
		(void)close(fd);
	}
	CASE("a silent connection is closed") {
		fd = dial();
		CHECK(hear_all(fd));
		CHECK_UINT(got_len, 0);
		(void)close(fd);
	}
	CASE("a body that stops is a timeout") {
		fd = dial();
		say_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 10\r\n\r\nabc");
		CHECK(hear_all(fd));
		CHECK_STR(statuses(), "504");
		CHECK(strstr(got, "TIMEOUT") != NULL);
		(void)close(fd);
	}
	CASE("a client that vanishes with half a body is noticed") {
		uint32_t before = __atomic_load_n(&d.ended, __ATOMIC_RELAXED);

		fd = dial();
		say_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 10\r\n\r\nabc");
		(void)close(fd);
		WAIT(__atomic_load_n(&d.ended, __ATOMIC_RELAXED) > before,
		    DEADLINE_MS);
	}
	CASE("a slow reader of a stream is cut, others are undisturbed") {
		uint32_t gone = __atomic_load_n(&d.gone, __ATOMIC_RELAXED);

		http_server_counters(d.srv, &a);
		fd = dial();
		say_text(fd, "GET /fill HTTP/1.1\r\nHost: x\r\n\r\n");
		fd2 = dial();
		t0 = 0;
		while (__atomic_load_n(&d.gone, __ATOMIC_RELAXED) == gone &&
		    t0 < 100000) {
			got_len = 0;
			got[0] = '\0';
			say_text(fd2, NEXT);
			CHECK(hear_until(fd2, "kkk\0"));
			while (got_len < 3072)
				if (hear(fd2, 1000) <= 0)
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
			say_text(fd[i], "GET /watch HTTP/1.1\r\nHost: x\r\n"
			    "\r\n");
		}
		WAIT(__atomic_load_n(&d.watching, __ATOMIC_RELAXED) == 32,
		    DEADLINE_MS);
		httpd_feed(&d, 5, 3);
		for (i = 0; i < 32; i++) {
			got_len = 0;
			got[0] = '\0';
			CHECK(hear_until(fd[i], "\r\n\r\n5\r\neeee\n\r\n"
			    "5\r\neeee\n\r\n5\r\neeee\n\r\n"));
		}
	}
	CASE("watchers that hang up are told to the handler") {
		for (i = 0; i < 32; i++)
			(void)close(fd[i]);
		WAIT(__atomic_load_n(&d.watching, __ATOMIC_RELAXED) == 0,
		    DEADLINE_MS);
	}
	CASE("a late answer comes, and the next request after it") {
		fd[0] = dial();
		got_len = 0;
		got[0] = '\0';
		say_text(fd[0], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" NEXT);
		while (strstr(got, "\r\n\r\nlate") == NULL) {
			httpd_release(&d);
			(void)hear(fd[0], 50);
		}
		CHECK(hear_until(fd[0], "kkk"));
		CHECK_STR(statuses(), "200 200");
		(void)close(fd[0]);
	}
	CASE("a body that comes while the handler thinks is skipped") {
		fd[0] = dial();
		got_len = 0;
		got[0] = '\0';
		i = (int)__atomic_load_n(&d.begun, __ATOMIC_RELAXED);
		say_text(fd[0], "POST /later HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 100000\r\n\r\n");
		WAIT((int)__atomic_load_n(&d.begun, __ATOMIC_RELAXED) > i,
		    DEADLINE_MS);
		memset(got, 'b', 100000);
		say(fd[0], got, 50000);
		got[0] = '\0';
		(void)hear(fd[0], 50);
		httpd_release(&d);
		CHECK(hear_until(fd[0], "\r\n\r\nlate"));
		memset(got, 'b', 50000);
		say(fd[0], got, 50000);
		got_len = 0;
		got[0] = '\0';
		say_text(fd[0], NEXT);
		CHECK(hear_until(fd[0], "kkk"));
		CHECK_STR(statuses(), "200");
		(void)close(fd[0]);
	}
	CASE("HTTP/1.0 streams until the end of the connection") {
		fd[0] = dial();
		got_len = 0;
		got[0] = '\0';
		say_text(fd[0], "GET /watch HTTP/1.0\r\n\r\n");
		WAIT(__atomic_load_n(&d.watching, __ATOMIC_RELAXED) == 1,
		    DEADLINE_MS);
		httpd_feed(&d, 5, 1);
		CHECK(hear_until(fd[0], "\r\n\r\neeee\n"));
		CHECK(strstr(got, "chunked") == NULL);
		(void)close(fd[0]);
		WAIT(__atomic_load_n(&d.watching, __ATOMIC_RELAXED) == 0,
		    DEADLINE_MS);
	}
}

/* ---- TLS ------------------------------------------------------------- */

static int
dial_tcp(const struct pin_addr *to)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons(to->port);
	memcpy(&a.sin_addr, to->ip, 4);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		BAIL("connect: %s", strerror(errno));
	return (fd);
}

static const char *
openssl(const char *input, const char *more)
{
	static char out[65536];
	char cmd[1024];
	size_t n = 0, k;
	FILE *f;

	(void)snprintf(cmd, sizeof(cmd), "(printf '%s') | timeout "
	    "20 openssl s_client -connect 127.0.0.1:%u -CAfile %s "
	    "-verify_return_error -servername localhost %s 2>&1", input,
	    d.mutual.port, d.ca, more);
	f = popen(cmd, "r");
	if (f == NULL)
		BAIL("popen: %s", strerror(errno));
	while ((k = fread(out + n, 1, sizeof(out) - 1 - n, f)) > 0)
		n += k;
	out[n] = '\0';
	(void)pclose(f);
	return (out);
}

#define REQ	"GET /who HTTP/1.1\\r\\nHost: x\\r\\n" \
	"Connection: close\\r\\n\\r\\n"

static void
test_tls(void)
{
	static const struct {
		const char	*name, *bytes;
		size_t		 len;
	} junk[] = {
		{ "zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16 },
		{ "a record of 65535 bytes",
		    "\x16\x03\x01\xff\xff\x01\xff\xff\xff", 9 },
		{ "a handshake message of 16 MB",
		    "\x16\x03\x01\x00\x08\x01\xff\xff\xff\x03\x03\0\0", 13 },
		{ "an empty ClientHello", "\x16\x03\x01\x00\x04\x01\0\0\0", 9 },
		{ "application data first", "\x17\x03\x03\x00\x05hello", 10 },
		{ "an alert", "\x15\x03\x03\x00\x02\x02\x28", 7 },
		{ "SSL 2", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
		    11 },
	};
	char more[700];
	uint64_t t0;
	size_t i;
	int fd;

	for (i = 0; i < PIN_LEN(junk); i++)
		CASE("for a ClientHello %s: closed", junk[i].name) {
			fd = dial_tcp(&d.mutual);
			say(fd, junk[i].bytes, junk[i].len);
			(void)shutdown(fd, SHUT_WR);
			CHECK(hear_all(fd));
			CHECK(got_len < 64);
			(void)close(fd);
		}
	CASE("a handshake that never comes is cut after its time") {
		t0 = tap_now_ms();
		fd = dial_tcp(&d.mutual);
		say(fd, "\x16\x03\x01", 3);
		CHECK(hear_all(fd));
		CHECK(tap_now_ms() - t0 >= 1400);
		CHECK(tap_now_ms() - t0 < 8000);
		(void)close(fd);
	}
	CASE("plain HTTP is told so") {
		fd = dial_tcp(&d.mutual);
		say_text(fd, NEXT);
		CHECK(hear_all(fd));
		CHECK(strstr(got, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent "
		    "an HTTP request to an HTTPS server.\n") != NULL);
		(void)close(fd);
	}
	CASE("openssl as nobody; a client that offers h2 gets http/1.1") {
		const char *s = openssl(REQ, "-ign_eof -alpn h2,http/1.1");

		CHECK(strstr(s, "HTTP/1.1 200 OK") != NULL);
		CHECK(strstr(s, "ALPN protocol: http/1.1") != NULL);
		CHECK(strstr(s, "X25519") != NULL);
		CHECK(strstr(s, "Verify return code: 0") != NULL);
	}
	CASE("openssl as alice") {
		(void)snprintf(more, sizeof(more), "-ign_eof -cert %s "
		    "-key %s", d.client_cert, d.client_key);
		CHECK(strstr(openssl(REQ, more),
		    "cn=alice o=system:masters o=second") != NULL);
	}
	CASE("renegotiation is refused") {
		/* Its input must stay open for the answer to be seen. */
		const char *s = openssl("R\\n'; exec sleep 2; : '", "");

		CHECK(strstr(s, "RENEGOTIATING") != NULL);
		CHECK(strstr(s, "no renegotiation") != NULL);
	}
	CASE("TLS 1.1 and static RSA are refused") {
		CHECK(strstr(openssl(REQ, "-ign_eof -tls1_1 -cipher ALL@SECLEVEL=0"),
		    "HTTP/1.1 200") == NULL);
		CHECK(strstr(openssl(REQ, "-ign_eof -tls1_2 -cipher AES128-SHA256"),
		    "HTTP/1.1 200") == NULL);
	}
	CASE("a slow reader over TLS is cut") {
		uint32_t gone = __atomic_load_n(&d.gone, __ATOMIC_RELAXED);
		FILE *f;

		(void)snprintf(more, sizeof(more), "printf 'GET /fill "
		    "HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | timeout 20 "
		    "openssl s_client -quiet -connect 127.0.0.1:%u 2>/dev/null",
		    d.server_only.port);
		f = popen(more, "r");
		CHECK(f != NULL);
		WAIT(__atomic_load_n(&d.gone, __ATOMIC_RELAXED) > gone,
		    DEADLINE_MS);
		if (f != NULL)
			(void)pclose(f);
	}
}

/* ---- limits of the process ------------------------------------------- */

static void
test_descriptors(void)
{
	struct rlimit old, low;
	int fds[256], n = 0, fd, i;

	CASE("out of descriptors: waits, and goes on when there are some") {
		CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
		low = old;
		fd = dial();
		low.rlim_cur = (rlim_t)fd + 40;
		CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
		while (n < 256 && (fds[n] = dup(fd)) >= 0)
			n++;
		/* One descriptor for a client, none for the server's end. */
		(void)close(fds[--n]);
		i = dial();
		say_text(i, NEXT);
		got_len = 0;
		got[0] = '\0';
		CHECK_INT(hear(i, 300), -1);
		CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
		CHECK(hear_until(i, "HTTP/1.1 200 OK"));
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
		say_text(fd[0], "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 1000000\r\n\r\nabc");
		WAIT(__atomic_load_n(&d.begun, __ATOMIC_RELAXED) == 1,
		    DEADLINE_MS);
		fd[1] = dial();
		say_text(fd[1], "POST /echo HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 100000\r\n\r\nabc");
		CHECK(hear_all(fd[1]));
		CHECK_STR(statuses(), "429");
		(void)close(fd[1]);
		(void)close(fd[0]);
		WAIT(__atomic_load_n(&d.ended, __ATOMIC_RELAXED) == 2,
		    DEADLINE_MS);
	}
	CASE("the budget is given back") {
		char head[128];
		static char body[1000000];

		fd[0] = dial();
		(void)snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n"
		    "Host: x\r\nConnection: close\r\nContent-Length: %zu\r\n"
		    "\r\n", sizeof(body));
		say_text(fd[0], head);
		say(fd[0], body, sizeof(body));
		CHECK(hear_all(fd[0]));
		CHECK_STR(statuses(), "200");
		(void)close(fd[0]);
	}
	CASE("connections beyond the limit are closed at once") {
		struct http_counters n;

		WAIT((http_server_counters(d.srv, &n), n.open == 0),
		    DEADLINE_MS);
		for (i = 0; i < 8; i++)
			fd[i] = dial();
		for (i = 0; i < 8; i++) {
			got_len = 0;
			closed += hear(fd[i], i < 4 ? 50 : DEADLINE_MS) == 0;
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

	say_text(later, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	say_text(watch, "GET /watch HTTP/1.1\r\nHost: x\r\n\r\n");
	say_text(fill, "GET /fill HTTP/1.1\r\nHost: x\r\n\r\n");
	CASE("closing tells handlers, sends their answers, and is quick") {
		WAIT(__atomic_load_n(&d.watching, __ATOMIC_RELAXED) == 1,
		    DEADLINE_MS);
		WAIT(__atomic_load_n(&d.begun, __ATOMIC_RELAXED) -
		    __atomic_load_n(&d.ended, __ATOMIC_RELAXED) == 3,
		    DEADLINE_MS);
		t0 = tap_now_ms();
		httpd_close(&d, 500);
		CHECK(tap_now_ms() - t0 < 5000);
		CHECK_UINT(d.begun, d.ended);
		CHECK(hear_all(idle));
		CHECK_UINT(got_len, 0);
		CHECK(hear_all(later));
		CHECK_STR(statuses(), "503");
		CHECK(hear_all(watch));
		CHECK(strstr(got, "\r\n0\r\n\r\n") != NULL);
		CHECK(hear_all(fill));
	}
	(void)close(idle);
	(void)close(later);
	(void)close(watch);
	(void)close(fill);
}

int
main(void)
{
	struct http_limits l = { .handshake_ms = 1500, .head_ms = 500, .body_ms = 500,
	    .idle_ms = 1500, .write_ms = 700 };

	tap_deadline(120);
	httpd_open(&d, 2, &l);
	test_smuggling();
	test_answers();
	test_slow();
	test_streams();
	test_tls();
	test_descriptors();
	test_close();
	test_budget();
	return (tap_done());
}
