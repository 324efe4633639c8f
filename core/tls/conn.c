/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conn.c -- servers, clients and their connections: handshake, records, the
 * peer's certificate.
 * Threads: a connection belongs to its loop.
 * Contract: tls.h. */
#include "tls_int.h"

#include <stdlib.h>
#include <string.h>

#define SERVER_MAGIC	0x54737276u
#define CLIENT_MAGIC	0x54636c69u
#define CONN_MAGIC	0x54636f6eu

struct tls_server {
	uint32_t	 magic;
	uint32_t	 pad;
	struct tls__side side;
};

struct tls_client {
	uint32_t	 magic;
	uint32_t	 pad;
	struct tls__side side;
};

/* A record that the socket did not take at once stays in mbedTLS's own
 * buffer; `held` is its length until it is out. Bytes received ahead of what
 * mbedTLS asked for are in the thread's buffer during one call and move to
 * `own` when they outlive it. */
struct tls_conn {
	uint32_t		 magic;
	uint32_t		 flags;
	mbedtls_ssl_context	 ssl;
	struct tls__ctx		*ctx;
	struct pin_sock		*sock;
	size_t			 held;
	size_t			 record_max;	/* what the peer takes */
	const uint8_t		*ahead;
	size_t			 ahead_len;
	uint8_t			*own;
	char			*name;		/* client: who it must be */
	struct pin_str		*orgs;
	uint32_t		 norgs;
	uint8_t			 first[5];	/* the peer's first bytes */
	uint8_t			 nfirst;
	struct pin_str		 cn;
	struct pin_str		 der;
};

enum {
	CONN_CLIENT = 1,
	CONN_DONE = 2,		/* handshake over and peer accepted */
	CONN_BROKEN = 4,
	CONN_RST = 8,		/* the socket said PIN_ECLOSED */
	CONN_FIN = 16,		/* the socket's bytes are over */
};

/* ---- servers and clients -------------------------------------------- */

int
tls_server_open(struct pin_host *host, const char *cert, const char *key,
    const char *client_ca, struct tls_server **out, struct pin_err *err)
{
	struct tls_server *s = pin_xcalloc(1, sizeof(*s));
	int rc;

	s->magic = SERVER_MAGIC;
	rc = tls__side_open(&s->side, host, 1, cert, key, client_ca, err);
	if (rc != PIN_OK)
		tls_server_close(&s);
	*out = s;
	return (rc);
}

int
tls_server_reload(struct tls_server *s, struct pin_err *err)
{
	PIN_VALID(s, SERVER_MAGIC);
	return (tls__side_reload(&s->side, err));
}

void
tls_server_close(struct tls_server **sp)
{
	struct tls_server *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	PIN_VALID(s, SERVER_MAGIC);
	tls__side_close(&s->side);
	s->magic = 0;
	free(s);
}

int
tls_client_open(struct pin_host *host, const char *ca, const char *cert,
    const char *key, struct tls_client **out, struct pin_err *err)
{
	struct tls_client *c = pin_xcalloc(1, sizeof(*c));
	int rc;

	c->magic = CLIENT_MAGIC;
	rc = tls__side_open(&c->side, host, 0, cert, key, ca, err);
	if (rc != PIN_OK)
		tls_client_close(&c);
	*out = c;
	return (rc);
}

void
tls_client_close(struct tls_client **cp)
{
	struct tls_client *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	PIN_VALID(c, CLIENT_MAGIC);
	tls__side_close(&c->side);
	c->magic = 0;
	free(c);
}

/* ---- socket --------------------------------------------------------- */

static int
bio_send(void *arg, const unsigned char *p, size_t len)
{
	struct tls_conn *t = arg;
	int64_t n = pin_sock_send(t->sock, p, len);

	if (n > 0)
		return ((int)n);
	if (n == PIN_EAGAIN)
		return (MBEDTLS_ERR_SSL_WANT_WRITE);
	t->flags |= CONN_RST;
	return (MBEDTLS_ERR_SSL_CONN_EOF);
}

static size_t
ahead_take(struct tls_conn *t, unsigned char *p, size_t len)
{
	if (len > t->ahead_len)
		len = t->ahead_len;
	memcpy(p, t->ahead, len);
	t->ahead += len;
	t->ahead_len -= len;
	if (t->ahead_len == 0 && t->own != NULL) {
		free(t->own);
		t->own = NULL;
	}
	return (len);
}

/* mbedTLS asks for the five bytes of a record's head and then for the rest:
 * two system calls a record, were it not for reading ahead. */
static int
bio_recv(void *arg, unsigned char *p, size_t len)
{
	struct tls_conn *t = arg;
	int64_t n;
	size_t k;

	if (t->ahead_len == 0) {
		if (len >= TLS_READAHEAD)
			n = pin_sock_recv(t->sock, p, len);
		else
			n = pin_sock_recv(t->sock, t->ctx->ahead,
			    TLS_READAHEAD);
		if (n == 0) {
			t->flags |= CONN_FIN;
			return (MBEDTLS_ERR_SSL_CONN_EOF);
		}
		if (n == PIN_EAGAIN)
			return (MBEDTLS_ERR_SSL_WANT_READ);
		if (n < 0) {
			t->flags |= CONN_RST;
			return (MBEDTLS_ERR_SSL_CONN_EOF);
		}
		if (len >= TLS_READAHEAD)
			return ((int)n);
		t->ahead = t->ctx->ahead;
		t->ahead_len = (size_t)n;
	}
	k = ahead_take(t, p, len);
	if (t->nfirst < sizeof(t->first)) {
		size_t f = sizeof(t->first) - t->nfirst;

		f = k < f ? k : f;
		memcpy(t->first + t->nfirst, p, f);
		t->nfirst = (uint8_t)(t->nfirst + f);
	}
	return ((int)k);
}

/* Called after each call into mbedTLS that may have read. */
static void
ahead_keep(struct tls_conn *t)
{
	uint8_t *own;

	if (t->ahead_len == 0 || t->own != NULL)
		return;
	own = pin_xmalloc(t->ahead_len);
	memcpy(own, t->ahead, t->ahead_len);
	t->own = own;
	t->ahead = own;
}

/* ---- opening -------------------------------------------------------- */

static int
conn_new(struct tls__side *side, struct pin_sock *sock, uint32_t flags,
    const char *name, struct tls_conn **out, struct pin_err *err)
{
	struct tls_conn *t = pin_xcalloc(1, sizeof(*t));
	uint8_t ip[16];
	int r, rc;

	t->magic = CONN_MAGIC;
	t->flags = flags;
	t->sock = sock;
	mbedtls_ssl_init(&t->ssl);
	rc = tls__ctx_get(side, &t->ctx, err);
	if (rc != PIN_OK)
		goto out;
	r = mbedtls_ssl_setup(&t->ssl, &t->ctx->conf);
	/* An address never goes into SNI; tls__check_name looks at it. */
	if (r == 0 && name != NULL)
		r = mbedtls_ssl_set_hostname(&t->ssl,
		    tls__ip_parse(name, ip) != 0 ? NULL : name);
	if (r != 0) {
		rc = tls__err(err, PIN_ENOMEM, r, "TLS connection");
		goto out;
	}
	if (name != NULL)
		t->name = pin_xstrdup(name);
	mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
out:
	if (rc != PIN_OK)
		tls_close(&t);
	*out = t;
	return (rc);
}

int
tls_accept(struct tls_server *s, struct pin_sock *sock, struct tls_conn **out,
    struct pin_err *err)
{
	PIN_VALID(s, SERVER_MAGIC);
	return (conn_new(&s->side, sock, 0, NULL, out, err));
}

int
tls_connect(struct tls_client *c, struct pin_sock *sock, const char *name,
    struct tls_conn **out, struct pin_err *err)
{
	PIN_VALID(c, CLIENT_MAGIC);
	PIN_ASSERT(name != NULL && name[0] != '\0');
	return (conn_new(&c->side, sock, CONN_CLIENT, name, out, err));
}

void
tls_close(struct tls_conn **tp)
{
	struct tls_conn *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	PIN_VALID(t, CONN_MAGIC);
	mbedtls_ssl_free(&t->ssl);
	tls__ctx_put(&t->ctx);
	free(t->own);
	free(t->name);
	free(t->orgs);
	t->magic = 0;
	free(t);
}

/* ---- who is there --------------------------------------------------- */

/* Text types whose bytes are ASCII or UTF-8; the wide ones are not names we
 * would want to match with anything. No control bytes, NUL above all. */
static int
name_value(const mbedtls_x509_buf *v, struct pin_str *out)
{
	size_t i;

	if (v->tag != MBEDTLS_ASN1_UTF8_STRING &&
	    v->tag != MBEDTLS_ASN1_PRINTABLE_STRING &&
	    v->tag != MBEDTLS_ASN1_IA5_STRING)
		return (0);
	if (v->len > TLS_NAME_MAX)
		return (0);
	for (i = 0; i < v->len; i++)
		if (v->p[i] < 0x20 || v->p[i] == 0x7f)
			return (0);
	out->p = (const char *)v->p;
	out->len = v->len;
	return (1);
}

/* The subject's CN and O values point into the certificate, which lives as
 * long as the session. Two CNs are refused: implementations differ in which
 * of them they believe. */
static int
peer_names(struct tls_conn *t, const mbedtls_x509_crt *crt,
    struct pin_err *err)
{
	struct pin_str orgs[TLS_ORGS_MAX], v;
	const mbedtls_x509_name *n;
	uint32_t k = 0;

	for (n = &crt->subject; n != NULL; n = n->next) {
		int cn = MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &n->oid) == 0;
		int o = MBEDTLS_OID_CMP(MBEDTLS_OID_AT_ORGANIZATION,
		    &n->oid) == 0;

		if (!cn && !o)
			continue;
		if (!name_value(&n->val, &v))
			return (pin_err_set(err, PIN_EUNAUTH,
			    "certificate with an unreadable subject"));
		if (cn && t->cn.p != NULL)
			return (pin_err_set(err, PIN_EUNAUTH,
			    "certificate with two common names"));
		if (cn)
			t->cn = v;
		else if (k == TLS_ORGS_MAX)
			return (pin_err_set(err, PIN_EUNAUTH,
			    "certificate with more than %d organizations",
			    TLS_ORGS_MAX));
		else
			orgs[k++] = v;
	}
	if (k > 0) {
		t->orgs = pin_xmalloc(k * sizeof(orgs[0]));
		memcpy(t->orgs, orgs, k * sizeof(orgs[0]));
	}
	t->norgs = k;
	t->der.p = (const char *)crt->raw.p;
	t->der.len = crt->raw.len;
	return (PIN_OK);
}

static unsigned char
alert_of(uint32_t bad)
{
	if (bad & MBEDTLS_X509_BADCERT_EXPIRED)
		return (MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED);
	if (bad & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		return (MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA);
	if (bad & MBEDTLS_X509_BADCERT_REVOKED)
		return (MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED);
	return (MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
}

static int
peer_bad(uint32_t bad, struct pin_err *err)
{
	char why[256];
	size_t n;

	why[0] = '\0';
	(void)mbedtls_x509_crt_verify_info(why, sizeof(why), "", bad);
	for (n = 0; why[n] != '\0'; n++)
		if (why[n] == '\n')
			why[n] = why[n + 1] == '\0' ? '\0' : ' ';
	return (pin_err_set(err, PIN_EUNAUTH, "peer certificate: %s", why));
}

static int
peer_verify(struct tls_conn *t, mbedtls_x509_crt *crt, uint32_t *bad,
    struct pin_err *err)
{
	int rc;

	if (t->flags & CONN_CLIENT) {
		*bad = mbedtls_ssl_get_verify_result(&t->ssl);
		rc = *bad != 0 ? peer_bad(*bad, err) : PIN_OK;
	} else {
		rc = tls__verify_client(t->ctx, crt, bad, err);
		if (rc != PIN_OK && (*bad & MBEDTLS_X509_BADCERT_OTHER) == 0)
			rc = peer_bad(*bad, err);
	}
	if (rc == PIN_OK)
		rc = tls__check_usage(crt, (t->flags & CONN_CLIENT) != 0, err);
	if (rc == PIN_OK)
		rc = t->flags & CONN_CLIENT ?
		    tls__check_name(crt, t->name, err) :
		    peer_names(t, crt, err);
	return (rc);
}

/* Only ever called with the handshake over: before that mbedTLS reports a
 * verify result of "fine" for a chain it has not seen. */
static int
peer_accept(struct tls_conn *t, struct pin_err *err)
{
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&t->ssl);
	uint32_t bad = 0;
	int rc;

	if (crt == NULL) {
		if ((t->flags & CONN_CLIENT) == 0)
			return (PIN_OK);
		return (pin_err_set(err, PIN_EUNAUTH,
		    "the server sent no certificate"));
	}
	/* A server without a client CA never asked, so this is not trust. */
	if ((t->flags & CONN_CLIENT) == 0 && !t->ctx->asks_cert)
		return (PIN_OK);
	rc = peer_verify(t, (mbedtls_x509_crt *)(uintptr_t)crt, &bad, err);
	tls__cool((mbedtls_x509_crt *)(uintptr_t)crt);
	if (rc != PIN_OK)
		(void)mbedtls_ssl_send_alert_message(&t->ssl,
		    MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert_of(bad));
	return (rc);
}

/* A client that speaks plain HTTP to us deserves a word, as from Go. */
static int
first_is_http(const struct tls_conn *t)
{
	static const char methods[][6] = { "GET /", "HEAD ", "POST ",
	    "PUT /", "OPTIO", "DELET", "PATCH" };
	size_t i;

	for (i = 0; i < PIN_LEN(methods) && t->nfirst == 5; i++)
		if (memcmp(t->first, methods[i], 5) == 0)
			return (1);
	return (0);
}

static int
handshake_failed(struct tls_conn *t, int r, struct pin_err *err)
{
	static const char plain[] = "HTTP/1.0 400 Bad Request\r\n\r\n"
	    "Client sent an HTTP request to an HTTPS server.\n";

	t->flags |= CONN_BROKEN;
	if ((t->flags & CONN_CLIENT) == 0 && first_is_http(t)) {
		(void)pin_sock_send(t->sock, plain, sizeof(plain) - 1);
		return (pin_err_set(err, PIN_EINVAL,
		    "plain HTTP on a TLS port"));
	}
	if (r == MBEDTLS_ERR_SSL_CONN_EOF)
		return (pin_err_set(err, PIN_ECLOSED,
		    "closed during the handshake"));
	return (tls__err(err, PIN_EINVAL, r, "TLS handshake"));
}

static int
want_of(int r, uint32_t *want)
{
	if (r == MBEDTLS_ERR_SSL_WANT_READ) {
		*want = PIN_SOCK_READ;
		return (1);
	}
	if (r == MBEDTLS_ERR_SSL_WANT_WRITE) {
		*want = PIN_SOCK_WRITE;
		return (1);
	}
	return (0);
}

int
tls_handshake(struct tls_conn *t, uint32_t *want, struct pin_err *err)
{
	int r, rc;

	PIN_VALID(t, CONN_MAGIC);
	if (t->flags & CONN_DONE)
		return (PIN_OK);
	if (t->flags & CONN_BROKEN)
		return (pin_err_set(err, PIN_ECLOSED, "broken"));
	r = mbedtls_ssl_handshake(&t->ssl);
	ahead_keep(t);
	if (want_of(r, want))
		return (PIN_EAGAIN);
	if (r != 0)
		return (handshake_failed(t, r, err));
	rc = peer_accept(t, err);
	t->flags |= rc == PIN_OK ? CONN_DONE : CONN_BROKEN;
	r = mbedtls_ssl_get_max_out_record_payload(&t->ssl);
	t->record_max = r > 0 && r < TLS_RECORD_MAX ? (size_t)r :
	    TLS_RECORD_MAX;
	return (rc);
}

/* ---- bytes ---------------------------------------------------------- */

/* mbedTLS says 0 when nothing follows, and of an empty record, which is not
 * the end; a fifth of those in a row is an error of its own. */
static int
record_read(struct tls_conn *t, void *p, size_t len)
{
	int r;

	do
		r = mbedtls_ssl_read(&t->ssl, p, len);
	while (tls__is_ticket(r) ||
	    (r == 0 && (t->flags & (CONN_FIN | CONN_RST)) == 0));
	ahead_keep(t);
	return (r);
}

/* An end without close_notify: the stream may be cut. A client says so; a
 * request says itself how long it is, and who sent it may want an answer. */
static int
is_end(const struct tls_conn *t, int r)
{
	if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return (1);
	return ((r == 0 || r == MBEDTLS_ERR_SSL_CONN_EOF) &&
	    (t->flags & (CONN_CLIENT | CONN_RST)) == 0);
}

int64_t
tls_read(struct tls_conn *t, void *p, size_t len, uint32_t *want)
{
	int r;

	PIN_VALID(t, CONN_MAGIC);
	PIN_ASSERT(t->flags & CONN_DONE);
	if (t->flags & CONN_BROKEN)
		return (PIN_ECLOSED);
	if (len == 0)
		return (PIN_EAGAIN);
	r = record_read(t, p, len);
	if (r > 0)
		return (r);
	if (want_of(r, want))
		return (PIN_EAGAIN);
	if (is_end(t, r))
		return (0);
	t->flags |= CONN_BROKEN;
	return (PIN_ECLOSED);
}

/* mbedTLS wants the same call again until its record is out; it looks at the
 * length only. Unless the record went out behind our back, before an alert
 * (a refused renegotiation is one): the same call would then make a record of
 * what lies behind `none`. */
static int
out_held(struct tls_conn *t, uint32_t *want)
{
	static const unsigned char none[1];
	int r;

	if (t->ssl.out_left == 0) {
		t->held = 0;
		return (PIN_OK);
	}
	r = mbedtls_ssl_write(&t->ssl, none, t->held != 0 ? t->held : 1);
	if (want_of(r, want))
		return (PIN_EAGAIN);
	if (r < 0) {
		t->flags |= CONN_BROKEN;
		return (PIN_ECLOSED);
	}
	t->held = 0;
	return (PIN_OK);
}

int
tls_flush(struct tls_conn *t, uint32_t *want)
{
	PIN_VALID(t, CONN_MAGIC);
	if (t->flags & CONN_BROKEN)
		return (PIN_ECLOSED);
	return (out_held(t, want));
}

int64_t
tls_write(struct tls_conn *t, const void *p, size_t len, uint32_t *want)
{
	int r, rc;

	PIN_VALID(t, CONN_MAGIC);
	PIN_ASSERT(t->flags & CONN_DONE);
	if (t->flags & CONN_BROKEN)
		return (PIN_ECLOSED);
	rc = out_held(t, want);
	if (rc != PIN_OK || len == 0)
		return (rc);
	if (len > t->record_max)
		len = t->record_max;
	r = mbedtls_ssl_write(&t->ssl, p, len);
	if (r > 0)
		return (r);
	if (r == MBEDTLS_ERR_SSL_WANT_WRITE) {
		t->held = len;		/* encrypted, in the record buffer */
		return ((int64_t)len);
	}
	t->flags |= CONN_BROKEN;
	return (PIN_ECLOSED);
}

size_t
tls_pending(const struct tls_conn *t)
{
	PIN_VALID(t, CONN_MAGIC);
	return (mbedtls_ssl_get_bytes_avail(&t->ssl) + t->ahead_len);
}

void
tls_shutdown(struct tls_conn *t)
{
	PIN_VALID(t, CONN_MAGIC);
	if ((t->flags & (CONN_DONE | CONN_BROKEN)) == CONN_DONE &&
	    t->ssl.out_left == 0)
		(void)mbedtls_ssl_close_notify(&t->ssl);
}

void
tls_peer(struct tls_conn *t, struct pin_credentials *c)
{
	PIN_VALID(t, CONN_MAGIC);
	if ((t->flags & CONN_DONE) == 0 || t->der.p == NULL)
		return;
	c->has_cert = 1;
	c->cert_cn = t->cn;
	c->cert_orgs = t->orgs;
	c->ncert_orgs = t->norgs;
	c->cert_der = t->der;
}

const char *
tls_suite(const struct tls_conn *t)
{
	PIN_VALID(t, CONN_MAGIC);
	return (mbedtls_ssl_get_ciphersuite(&t->ssl));
}
