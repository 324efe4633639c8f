/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tls_int.h -- what the files of core/tls share, and the one place where the
 * versions of mbedTLS differ (2.28 is tested; 3.x compiles).
 * Not for others: mbedTLS names stay in this folder.
 * Contract: tls.h. */
#ifndef PINTLE_TLS_INT_H
#define PINTLE_TLS_INT_H

/* 3.x hides struct members behind MBEDTLS_PRIVATE() unless told so. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <mbedtls/version.h>

#include <mbedtls/asn1.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include <pintle/arena.h>
#include <pintle/err.h>
#include <pintle/host.h>

#include "tls.h"

#define TLS_THREADS_MAX		64	/* threads that use TLS at once */
#define TLS_READAHEAD		4096	/* bytes one recv(2) may bring */
#define TLS_FILE_MAX		(1u << 20)	/* PEM files */
#define TLS_ORGS_MAX		64	/* O values of one subject */
#define TLS_NAME_MAX		256	/* bytes of one CN, O or DNS name */
#define TLS_CERT_MAX		16384	/* DER bytes we write */
#define TLS_SANS_MAX		64

/* ---- versions ------------------------------------------------------- */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define tls__pk_parse(pk, p, len, rng, arg) \
	mbedtls_pk_parse_key((pk), (p), (len), NULL, 0, (rng), (arg))
#define tls__sha256(p, len, out)	mbedtls_sha256((p), (len), (out), 0)
#define tls__pk_sign(pk, hash, sig, max, len, rng, arg) \
	mbedtls_pk_sign((pk), MBEDTLS_MD_SHA256, (hash), 32, (sig), (max), \
	    (len), (rng), (arg))
#define tls__pk_check(pub, prv, rng, arg) \
	mbedtls_pk_check_pair((pub), (prv), (rng), (arg))
#else
#define tls__pk_parse(pk, p, len, rng, arg) \
	mbedtls_pk_parse_key((pk), (p), (len), NULL, 0)
#define tls__sha256(p, len, out)	mbedtls_sha256_ret((p), (len), (out), 0)
#define tls__pk_sign(pk, hash, sig, max, len, rng, arg) \
	mbedtls_pk_sign((pk), MBEDTLS_MD_SHA256, (hash), 32, (sig), (len), \
	    (rng), (arg))
#define tls__pk_check(pub, prv, rng, arg) \
	mbedtls_pk_check_pair((pub), (prv))
#endif

/* 3.x clients are told of tickets, which are of no use to us. */
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
#define tls__is_ticket(r) \
	((r) == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
#else
#define tls__is_ticket(r)	0
#endif

/* ---- shared between files ------------------------------------------- */

/* One thread's own copy of everything mbedTLS may write to behind our back
 * (2.28 caches tables inside keys), so that no handshake needs a lock. */
struct tls__ctx {
	uint32_t		 magic;
	uint32_t		 refs;		/* atomic: owner and conns */
	uint32_t		 gen;
	int			 asks_cert;
	mbedtls_ctr_drbg_context rng;
	mbedtls_ssl_config	 conf;
	mbedtls_x509_crt	 cert;
	mbedtls_x509_crt	 ca;
	/* The CAs once more, without keys: their names go into the request
	 * for a certificate, and mbedTLS's own look at the chain, which runs
	 * in the handshake and would cost a signature check each time, ends
	 * at once. The look that counts is tls__verify_client's. */
	mbedtls_x509_crt	 ca_names;
	struct tls__known	*known;		/* chains found good */
	mbedtls_ecp_group	 warm;		/* P-256 with its table */
	mbedtls_pk_context	 key;
	struct pin_host		*host;
	uint8_t			 ahead[TLS_READAHEAD];
};

/* PEM text as read; never changes; one reference a holder. */
struct tls__pem {
	char	*cert;
	char	*key;
	char	*ca;
	size_t	 cert_len, key_len, ca_len;	/* with the final NUL */
};

/* What a server and a client have in common. */
struct tls__side {
	struct pin_host	*host;
	char		*cert_path, *key_path, *ca_path;
	int		 server;
	uint32_t	 gen;			/* atomic */
	struct tls__pem	*pem;			/* under lock */
	void		*lock;			/* pthread_mutex_t */
	struct tls__ctx	*slots[TLS_THREADS_MAX]; /* own thread only */
};

int	tls__init(struct pin_err *);		/* once a process */
int	tls__thread(void);			/* index or -1: too many */
int	tls__rng_open(mbedtls_ctr_drbg_context *, struct pin_host *,
	    struct pin_err *);
/* Sets err to "what: the library's words". */
int	tls__err(struct pin_err *, int code, int mbed, const char *what);

int	tls__side_open(struct tls__side *, struct pin_host *, int server,
	    const char *cert, const char *key, const char *ca,
	    struct pin_err *);
int	tls__side_reload(struct tls__side *, struct pin_err *);
void	tls__side_close(struct tls__side *);
/* One reference on this thread's context, made when missing or outdated. */
int	tls__ctx_get(struct tls__side *, PIN_OWN struct tls__ctx **,
	    struct pin_err *);
void	tls__ctx_put(PIN_OWN struct tls__ctx **);
const int *tls__suites(void);
/* Which ChaCha20 there is; also what links chacha.c from an archive. */
const char *tls__chacha(void);

/* A chain that was verified before: its leaf and when the first certificate
 * in it expires. */
#define TLS_KNOWN_MAX		1024	/* a front, 40 bytes each */
struct tls__known {
	uint8_t	 leaf[32];		/* SHA-256 */
	int64_t	 until_s;
};

extern const mbedtls_x509_crt_profile tls__profile;
/* Chain, times, and nothing of the handshake's own verdict. */
int	tls__verify_client(struct tls__ctx *, mbedtls_x509_crt *,
	    uint32_t *bad, struct pin_err *);
int64_t	tls__crt_end(const mbedtls_x509_crt *);
/* Gives a peer's key the table of the base point that each new key would
 * otherwise compute for one verification. */
void	tls__warm(struct tls__ctx *, mbedtls_x509_crt *);
void	tls__cool(mbedtls_x509_crt *);		/* and takes it away */

/* Checks of our own on a verified peer certificate. */
int	tls__check_usage(const mbedtls_x509_crt *, int server_side,
	    struct pin_err *);
int	tls__check_name(const mbedtls_x509_crt *, const char *name,
	    struct pin_err *);
/* 4 or 16 and the bytes; 0: not an address. */
size_t	tls__ip_parse(const char *, uint8_t ip[16]);
/* The value (inside the OCTET STRING) of an extension; 0 when present. */
int	tls__find_ext(const mbedtls_x509_crt *, const char *oid,
	    size_t oid_len, const uint8_t **p, size_t *len);

#endif
