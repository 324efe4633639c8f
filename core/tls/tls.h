/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tls.h -- all TLS, X.509 and crypto behind one opaque door: no mbedTLS type
 * leaves core/tls. TLS 1.2+, ECDHE + AEAD, x25519 first, P-256 keys, no
 * renegotiation, no tickets where client certificates are asked for.
 * Threads: a tls_server is shared by the fronts and immutable but for
 * tls_server_reload; a tls_conn belongs to its loop. */
#ifndef PINTLE_TLS_H
#define PINTLE_TLS_H

#include <pintle/auth.h>

struct tls_server;
struct tls_client;
struct tls_conn;

/* PEM files. client_ca NULL: no client certificate is asked for; else it is
 * asked for and optional, verified when given (chain, time, EKU clientAuth). */
int	tls_server_open(struct pin_host *, const char *cert, const char *key,
	    const char *client_ca, PIN_OWN struct tls_server **,
	    struct pin_err *);
/* Reads the same files again; new connections use what they hold now. On an
 * error the old ones stay. Any thread, one at a time. */
int	tls_server_reload(struct tls_server *, struct pin_err *);
/* No connection may be opened any more; open ones go on. */
void	tls_server_close(PIN_OWN struct tls_server **);
/* ca PEM file; cert and key may be NULL. The name is always verified. */
int	tls_client_open(struct pin_host *, const char *ca, const char *cert,
	    const char *key, PIN_OWN struct tls_client **, struct pin_err *);
void	tls_client_close(PIN_OWN struct tls_client **);

int	tls_accept(struct tls_server *, struct pin_sock *,
	    PIN_OWN struct tls_conn **, struct pin_err *);
int	tls_connect(struct tls_client *, struct pin_sock *, const char *name,
	    PIN_OWN struct tls_conn **, struct pin_err *);
void	tls_close(PIN_OWN struct tls_conn **);	/* not the socket */
/* PIN_OK when done, PIN_EAGAIN (*want: PIN_SOCK_...), or an error. */
int	tls_handshake(struct tls_conn *, uint32_t *want, struct pin_err *);
/* Bytes, 0 at end of stream, PIN_EAGAIN, or an error. To a client an end that
 * the server did not announce (close_notify) is an error. */
int64_t	tls_read(struct tls_conn *, void *, size_t, uint32_t *want);
/* At most TLS_RECORD_MAX bytes, one record, one send(2). A count means taken:
 * what the socket refused lies encrypted in the record buffer, and tls_write
 * says PIN_EAGAIN until tls_flush (or it) has put that out. */
#define TLS_RECORD_MAX	16384
int64_t	tls_write(struct tls_conn *, const void *, size_t, uint32_t *want);
int	tls_flush(struct tls_conn *, uint32_t *want);
/* Bytes here and unread: do not wait for the socket, read again. */
size_t	tls_pending(const struct tls_conn *);
void	tls_shutdown(struct tls_conn *);	/* close_notify, best effort */
/* After the handshake: the verified peer certificate, if any. Strings live
 * as long as the connection. */
void	tls_peer(struct tls_conn *, struct pin_credentials *);
const char *tls_suite(const struct tls_conn *);

/* ---- keys and certificates (PKI on first start) --------------------- */

enum { TLS_CERT_CA = 1, TLS_CERT_SERVER = 2, TLS_CERT_CLIENT = 4 };

struct tls_cert_spec {
	uint32_t	 flags;
	uint32_t	 days;
	const char	*cn;
	const char	*const *orgs;	/* NULL-terminated; may be NULL */
	const char	*const *dns;	/* NULL-terminated; may be NULL */
	const char	*const *ips;	/* text; NULL-terminated; may be NULL */
};

/* Makes a P-256 key and a certificate signed by (ca_cert, ca_key), or by
 * itself when those are NULL: key identifiers, basic constraints, key usage
 * and extended key usage set, random 128-bit serial. PEM, NUL-terminated,
 * heap. */
int	tls_cert_make(struct pin_host *, const struct tls_cert_spec *,
	    const char *ca_cert, const char *ca_key, PIN_OWN char **cert,
	    PIN_OWN char **key, struct pin_err *);
/* Does the certificate carry all these names and more than 30 days? */
int	tls_cert_covers(const char *cert_pem, const struct tls_cert_spec *,
	    int64_t now_s);
int	tls_key_make(struct pin_host *, PIN_OWN char **pem,
	    PIN_OWN char **public_pem, struct pin_err *);

/* ---- the rest of crypto --------------------------------------------- */

PIN_API void	tls_sha256(const void *, size_t, uint8_t out[32]);
PIN_API int	tls_equal(const void *, const void *, size_t);	/* constant
								 * time */
PIN_API void	tls_wipe(void *, size_t);

/* ES256 (RFC 7518 3.4): raw r||s signatures, for service account tokens. */
struct tls_key;
PIN_API int	tls_key_load(const char *pem, PIN_OWN struct tls_key **,
	    struct pin_err *);		/* private or public, P-256; RSA public
					 * and private for RS256 too */
PIN_API void	tls_key_free(PIN_OWN struct tls_key **);
PIN_API const char *tls_key_alg(const struct tls_key *);	/* "ES256",
								 * "RS256" */
int	tls_key_sign(struct tls_key *, const void *, size_t,
	    uint8_t *sig, size_t *sig_len, struct pin_err *);
PIN_API int	tls_key_verify(struct tls_key *, const void *, size_t,
	    const uint8_t *sig, size_t sig_len);
/* JWK members of the public key (kty, crv, x, y / n, e), for the JWKS
 * document, and kid = base64url(sha256(DER SubjectPublicKeyInfo)). */
int	tls_key_jwk(struct tls_key *, struct pin_out *, struct pin_err *);
PIN_API int	tls_key_id(struct tls_key *, char *kid, size_t len);

#endif
