/* SPDX-License-Identifier: BSD-2-Clause
 *
 * https_mt -- the server's TLS over real sockets: bytes that are no
 * ClientHello, handshakes that never come, openssl as a client.
 * Clients are blocking sockets of the main thread, and programs.
 * Contract: core/http/server.h, core/tls/tls.h. */
#include <sys/socket.h>

#include <unistd.h>

#include "httpd.h"
#include "tap.h"
#include "wire.h"

#define NEXT	"GET /3k HTTP/1.1\r\nHost: x\r\n\r\n"

static struct httpd	 d;

static uint32_t
count(const uint32_t *n)
{
	return (__atomic_load_n(n, __ATOMIC_RELAXED));
}

static const char *
openssl(const char *input, const char *more)
{
	static char out[65536];
	char cmd[1024];

	(void)snprintf(cmd, sizeof(cmd), "(printf '%s') | timeout "
	    "20 openssl s_client -connect 127.0.0.1:%u -CAfile %s "
	    "-verify_return_error -servername localhost %s 2>&1", input,
	    d.mutual.port, d.ca, more);
	(void)sh_run(cmd, out, sizeof(out));
	return (out);
}

#define REQ	"GET /who HTTP/1.1\\r\\nHost: x\\r\\n" \
	"Connection: close\\r\\n\\r\\n"

static void
test_junk(void)
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
	uint64_t t0;
	size_t i;
	int fd;

	for (i = 0; i < PIN_LEN(junk); i++)
		CASE("for a ClientHello %s: closed", junk[i].name) {
			fd = wire_dial(&d.mutual);
			wire_say(fd, junk[i].bytes, junk[i].len);
			(void)shutdown(fd, SHUT_WR);
			CHECK(wire_all(fd));
			CHECK(wire_len < 64);
			(void)close(fd);
		}
	CASE("a handshake that never comes is cut after its time") {
		t0 = tap_now_ms();
		fd = wire_dial(&d.mutual);
		wire_say(fd, "\x16\x03\x01", 3);
		CHECK(wire_all(fd));
		CHECK(tap_now_ms() - t0 >= 1400);
		CHECK(tap_now_ms() - t0 < 8000);
		(void)close(fd);
	}
	CASE("plain HTTP is told so") {
		fd = wire_dial(&d.mutual);
		wire_text(fd, NEXT);
		CHECK(wire_all(fd));
		CHECK(strstr(wire_got, "HTTP/1.0 400 Bad Request\r\n\r\n"
		    "Client sent an HTTP request to an HTTPS server.\n") !=
		    NULL);
		(void)close(fd);
	}
}

static void
test_openssl(void)
{
	char more[700];
	int fd, pid;

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
		CHECK(strstr(openssl(REQ, "-ign_eof -tls1_1 -cipher "
		    "ALL@SECLEVEL=0"), "HTTP/1.1 200") == NULL);
		CHECK(strstr(openssl(REQ, "-ign_eof -tls1_2 -cipher "
		    "AES128-SHA256"), "HTTP/1.1 200") == NULL);
	}
	CASE("a slow reader over TLS is cut") {
		uint32_t gone = count(&d.gone);

		(void)snprintf(more, sizeof(more), "printf 'GET /fill "
		    "HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | timeout 20 "
		    "openssl s_client -quiet -connect 127.0.0.1:%u 2>/dev/null",
		    d.server_only.port);
		fd = sh_start(more, &pid);
		WAIT(count(&d.gone) > gone, WIRE_MS);
		(void)sh_wait(fd, pid);
	}
}

/* What a thousand clients do at once after a restart, in small. */
static void
test_many(void)
{
	struct http_counters a, b;
	int fd[64], i;

	CASE("many handshakes that go nowhere hold nobody up") {
		http_server_counters(d.srv, &a);
		for (i = 0; i < 64; i++) {
			fd[i] = wire_dial(&d.mutual);
			wire_say(fd[i], "\x16", 1);
		}
		CHECK(strstr(openssl(REQ, "-ign_eof"), "HTTP/1.1 200") !=
		    NULL);
		for (i = 0; i < 64; i++) {
			CHECK(wire_all(fd[i]));
			(void)close(fd[i]);
		}
		http_server_counters(d.srv, &b);
		CHECK_UINT(b.handshake_failures - a.handshake_failures, 64);
		CHECK_UINT(b.handshakes - a.handshakes, 1);
	}
}

static void
test_flood(void)
{
	struct http_limits l = { .handshakes_max = 8, .handshake_ms = 20000 };
	struct http_counters n;
	int fd[8], i;

	httpd_open(&d, 2, &l);
	CASE("one address has half of all handshakes at most") {
		for (i = 0; i < 8; i++)
			fd[i] = wire_dial(&d.mutual);
		WAIT((http_server_counters(d.srv, &n), n.refused == 4),
		    WIRE_MS);
		CHECK_UINT(n.open, 4);
		(void)close(fd[0]);
		WAIT((http_server_counters(d.srv, &n), n.open == 3), WIRE_MS);
		CHECK(strstr(openssl(REQ, "-ign_eof"), "HTTP/1.1 200") !=
		    NULL);
		for (i = 1; i < 8; i++)
			(void)close(fd[i]);
	}
	httpd_close(&d, 1000);
}

int
main(void)
{
	struct http_limits l = { .handshake_ms = 1500, .idle_ms = 1500,
	    .write_ms = 700 };

	tap_deadline(120);
	httpd_open(&d, 2, &l);
	test_junk();
	test_openssl();
	test_many();
	httpd_close(&d, 1000);
	test_flood();
	return (tap_done());
}
