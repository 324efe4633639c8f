/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tls_records -- records a peer may send and ours does not: empty ones, and a
 * request to negotiate anew while a record of ours waits for room.
 * The peer is mbedTLS itself, on the other end of a socket pair.
 * Contract: core/tls/tls.h; RFC 5246 6.2.1 (empty fragments), 7.2.2. */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ssl.h>

#include "core/host/real.h"
#include "core/tls/tls.h"
#include "tap.h"

#define TURNS	4000
#define STREAM	(1u << 20)

static struct tls_server *server;
static char		 cert_path[300];
static struct tls_conn	*conn;		/* the server's end */
static struct pin_sock	*sock;
static int		 fd;		/* the peer's */
static int		 server_fd;	/* sock's */
static mbedtls_ssl_context ssl;
static mbedtls_ssl_config conf;
static mbedtls_ctr_drbg_context rng;
static uint8_t		 heard[STREAM];
static size_t		 nheard;

static int
entropy(void *arg, unsigned char *p, size_t len)
{
	pin_host_random(arg, p, len);
	return (0);
}

static int
peer_send(void *arg, const unsigned char *p, size_t len)
{
	ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

	(void)arg;
	return (n >= 0 ? (int)n : errno == EAGAIN ?
	    MBEDTLS_ERR_SSL_WANT_WRITE : -1);
}

static int
peer_recv(void *arg, unsigned char *p, size_t len)
{
	ssize_t n = recv(fd, p, len, 0);

	(void)arg;
	return (n >= 0 ? (int)n : errno == EAGAIN ?
	    MBEDTLS_ERR_SSL_WANT_READ : -1);
}

static void
server_make(void)
{
	static const char *const names[] = { "localhost", NULL };
	static const struct tls_cert_spec spec = { .flags = TLS_CERT_SERVER,
	    .days = 40, .cn = "records", .dns = names };
	struct pin_host *host = pin_host_real();
	struct pin_err err = PIN_ERR_INIT;
	char *cert, *key, kpath[300];

	if (tls_cert_make(host, &spec, NULL, NULL, &cert, &key, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	(void)snprintf(cert_path, sizeof(cert_path), "%s/s.crt", tap_tmp());
	(void)snprintf(kpath, sizeof(kpath), "%s/s.key", tap_tmp());
	if (pin_path_replace(host, cert_path, cert, strlen(cert), 0, &err) !=
	    PIN_OK || pin_path_replace(host, kpath, key, strlen(key), 0,
	    &err) != PIN_OK || tls_server_open(host, cert_path, kpath, NULL,
	    &server, &err) != PIN_OK)
		BAIL("%s", err.text);
	free(cert);
	free(key);
}

/* A connection of both, shaken; the server's side has little room. */
static void
room(int bytes)
{
	(void)setsockopt(server_fd, SOL_SOCKET, SO_SNDBUF, &bytes,
	    sizeof(bytes));
}

static void
begin(void)
{
	struct pin_err err = PIN_ERR_INIT;
	int pair[2], rc = PIN_EAGAIN, r = 1, i;
	uint32_t want;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		BAIL("socketpair");
	for (i = 0; i < 2; i++)
		(void)fcntl(pair[i], F_SETFL, O_NONBLOCK);
	server_fd = pair[0];
	fd = pair[1];
	room(4096);
	sock = pin_sock_wrap(server_fd);
	nheard = 0;
	if (tls_accept(server, sock, &conn, &err) != PIN_OK)
		BAIL("%s", err.text);
	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_config_init(&conf);
	mbedtls_ctr_drbg_init(&rng);
	if (mbedtls_ctr_drbg_seed(&rng, entropy, pin_host_real(), NULL, 0) !=
	    0 || mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		BAIL("mbedTLS");
	mbedtls_ssl_conf_rng(&conf, mbedtls_ctr_drbg_random, &rng);
	mbedtls_ssl_conf_authmode(&conf, MBEDTLS_SSL_VERIFY_NONE);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(&conf,
	    MBEDTLS_SSL_RENEGOTIATION_ENABLED);
	mbedtls_ssl_conf_renegotiation_enforced(&conf,
	    MBEDTLS_SSL_RENEGOTIATION_NOT_ENFORCED);
#endif
	if (mbedtls_ssl_setup(&ssl, &conf) != 0)
		BAIL("mbedTLS");
	mbedtls_ssl_set_bio(&ssl, NULL, peer_send, peer_recv, NULL);
	for (i = 0; i < TURNS && (r != 0 || rc != PIN_OK); i++) {
		r = mbedtls_ssl_handshake(&ssl);
		rc = tls_handshake(conn, &want, &err);
	}
	if (r != 0 || rc != PIN_OK)
		BAIL("handshake: -0x%04x, %d %s", (unsigned int)-r, rc,
		    err.text);
}

static void
end(void)
{
	tls_close(&conn);
	pin_sock_close(&sock);
	mbedtls_ssl_free(&ssl);
	mbedtls_ssl_config_free(&conf);
	mbedtls_ctr_drbg_free(&rng);
	(void)close(fd);
}

/* What the peer can read now; returns mbedTLS's last word. */
static int
hear(size_t max)
{
	int r = 1;

	while (r > 0 && max > 0 && nheard < sizeof(heard)) {
		r = mbedtls_ssl_read(&ssl, heard + nheard, sizeof(heard) -
		    nheard < max ? sizeof(heard) - nheard : max);
		if (r > 0) {
			nheard += (size_t)r;
			max -= (size_t)r < max ? (size_t)r : max;
		}
	}
	return (r);
}

static uint8_t
byte_at(size_t i)
{
	return ((uint8_t)(i * 7 + i / 251));
}

/* Writes until the socket is full: a record lies in the buffer. */
static size_t
fill(void)
{
	static uint8_t piece[TLS_RECORD_MAX];
	size_t sent = 0;
	uint32_t want;
	int64_t n;

	for (;;) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = byte_at(sent + i);
		n = tls_write(conn, piece, sizeof(piece), &want);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	CHECK_INT((int)n, PIN_EAGAIN);
	return (sent);
}

static void
test_empty(void)
{
	uint8_t buf[64];
	uint32_t want;
	int64_t n = PIN_EAGAIN;

	CASE("empty records are no end of the stream") {
		begin();
		for (int i = 0; i < 2; i++)
			CHECK_INT(mbedtls_ssl_write(&ssl, buf, 0), 0);
		CHECK_INT(mbedtls_ssl_write(&ssl, (const uint8_t *)"hello",
		    5), 5);
		for (int i = 0; i < 10 && n == PIN_EAGAIN; i++)
			n = tls_read(conn, buf, sizeof(buf), &want);
		CHECK_INT((int)n, 5);
		(void)mbedtls_ssl_close_notify(&ssl);
		CHECK_INT((int)tls_read(conn, buf, sizeof(buf), &want), 0);
		end();
	}
	CASE("an endless row of them ends the connection") {
		begin();
		for (int i = 0; i < 64; i++)
			(void)mbedtls_ssl_write(&ssl, buf, 0);
		n = tls_read(conn, buf, sizeof(buf), &want);
		CHECK_INT((int)n, PIN_ECLOSED);
		end();
	}
	CASE("the end of a client's bytes ends its requests") {
		begin();
		(void)shutdown(fd, SHUT_WR);
		CHECK_INT((int)tls_read(conn, buf, sizeof(buf), &want), 0);
		end();
	}
	CASE("a reset is no such end") {
		begin();
		CHECK_INT((int)tls_write(conn, buf, sizeof(buf), &want),
		    (int)sizeof(buf));
		(void)close(fd);	/* with bytes unread */
		CHECK_INT((int)tls_read(conn, buf, sizeof(buf), &want),
		    PIN_ECLOSED);
		end();
	}
}

/* Both ends are ours. */
static void
test_cut(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct tls_client *client = NULL;
	struct tls_conn *cli = NULL, *srv = NULL;
	struct pin_sock *a, *b;
	int pair[2], r = 1, rc = 1, i;
	uint32_t want;
	char buf[8];

	CASE("to a client an end without close_notify is a cut") {
		CHECK_INT(tls_client_open(pin_host_real(), cert_path, NULL,
		    NULL, &client, &err), PIN_OK);
		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		for (i = 0; i < 2; i++)
			(void)fcntl(pair[i], F_SETFL, O_NONBLOCK);
		a = pin_sock_wrap(pair[0]);
		b = pin_sock_wrap(pair[1]);
		CHECK_INT(tls_connect(client, a, "localhost", &cli, &err),
		    PIN_OK);
		CHECK_INT(tls_accept(server, b, &srv, &err), PIN_OK);
		for (i = 0; i < TURNS && (r != 0 || rc != 0); i++) {
			r = tls_handshake(cli, &want, &err);
			rc = tls_handshake(srv, &want, &err);
		}
		CHECK_INT(r, PIN_OK);
		CHECK_INT(rc, PIN_OK);
		pin_sock_shutdown(b);
		CHECK_INT((int)tls_read(cli, buf, sizeof(buf), &want),
		    PIN_ECLOSED);
		tls_close(&cli);
		tls_close(&srv);
		pin_sock_close(&a);
		pin_sock_close(&b);
		tls_client_close(&client);
	}
}

#if defined(MBEDTLS_SSL_RENEGOTIATION)
/* The refusal of a renegotiation finds the record buffer taken and empties
 * it: what waited is out then, and must not be sent again. */
static void
test_anew(void)
{
	uint8_t buf[64];
	uint32_t want;
	size_t sent, bad = 0;
	int rc = PIN_EAGAIN, r = 0;

	CASE("a request to negotiate anew under a record that waits") {
		begin();
		sent = fill();
		OK(sent >= TLS_RECORD_MAX, "%zu bytes are on their way",
		    sent);
		(void)hear(1);
		room(256 << 10);	/* for all of the record */
		(void)mbedtls_ssl_renegotiate(&ssl);
		CHECK_INT((int)tls_read(conn, buf, sizeof(buf), &want),
		    PIN_EAGAIN);
		for (int i = 0; i < TURNS && rc == PIN_EAGAIN; i++) {
			rc = tls_flush(conn, &want);
			(void)hear(SIZE_MAX);
		}
		CHECK_INT(rc, PIN_OK);
		for (int i = 0; i < TURNS && r == 0; i++) {
			tls_shutdown(conn);
			r = hear(SIZE_MAX);
		}
		CHECK_UINT(nheard, sent);
		for (size_t i = 0; i < nheard; i++)
			bad += heard[i] != byte_at(i);
		OK(bad == 0, "%zu bytes were never written", bad);
		end();
	}
}
#endif

int
main(void)
{
	tap_deadline(60);
	server_make();
	test_empty();
	test_cut();
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	test_anew();
#endif
	tls_server_close(&server);
	return (tap_done());
}
