/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ctx.c -- configurations of TLS servers and clients: files, suites, curves,
 * and the copy of them each thread works with.
 * Threads: open, reload and close from one at a time; the rest from any, each
 * on its own slot.
 * Contract: tls_int.h. */
#include "tls_int.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/error.h>
#include <mbedtls/gcm.h>

#define CTX_MAGIC	0x54637478u

static pthread_once_t	 once = PTHREAD_ONCE_INIT;
static pthread_mutex_t	 thread_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t	 thread_key;
static unsigned char	 thread_used[TLS_THREADS_MAX];
static _Thread_local int thread_no;		/* 1 + index; 0: none yet */
static int		 once_rc;

static const int	 suites_chacha[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0
};
static const int	 suites_aes[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0
};
static const int	*suites = suites_chacha;
static const char	*chacha = "";

#if MBEDTLS_VERSION_NUMBER >= 0x03010000
static const uint16_t	 groups[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_NONE
};
#else
/* 2.28 holds certificates' curves against this list as well. */
static const mbedtls_ecp_group_id groups[] = {
	MBEDTLS_ECP_DP_CURVE25519,
	MBEDTLS_ECP_DP_SECP256R1,
	MBEDTLS_ECP_DP_SECP384R1,
	MBEDTLS_ECP_DP_NONE
};
static const int	 sig_hashes[] = {
	MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
	MBEDTLS_MD_NONE
};
#endif

const mbedtls_x509_crt_profile tls__profile = {
	MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) |
	    MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
	    MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
	0xfffffff,			/* any public key algorithm, */
	MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
	    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1) |
	    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1),
	2048,				/* and RSA from this size on */
};

static const char	*alpn_server[] = { "http/1.1", "http/1.0", NULL };
static const char	*alpn_client[] = { "http/1.1", NULL };

/* ---- once a process ------------------------------------------------- */

static void
thread_gone(void *arg)
{
	(void)pthread_mutex_lock(&thread_lock);
	thread_used[(uintptr_t)arg - 1] = 0;
	(void)pthread_mutex_unlock(&thread_lock);
}

static uint64_t
clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

/* Which AEAD is faster here depends on the library's version and on what the
 * CPU has (2.28's GCM is slow even with AES-NI), so both are tried: the best
 * of three times 16 KiB each, well under a millisecond together. */
static void
suites_choose(void)
{
	mbedtls_gcm_context g;
	mbedtls_chachapoly_context c;
	uint8_t key[32] = { 1 }, iv[12] = { 2 }, tag[16];
	uint64_t best_g = UINT64_MAX, best_c = UINT64_MAX, t;
	uint8_t *buf = pin_xcalloc(1, 16384);
	int i, bad;

	mbedtls_gcm_init(&g);
	mbedtls_chachapoly_init(&c);
	bad = mbedtls_gcm_setkey(&g, MBEDTLS_CIPHER_ID_AES, key, 128);
	bad |= mbedtls_chachapoly_setkey(&c, key);
	for (i = 0; i < 4 && bad == 0; i++) {
		t = clock_ns();
		bad |= mbedtls_gcm_crypt_and_tag(&g, MBEDTLS_GCM_ENCRYPT,
		    16384, iv, 12, NULL, 0, buf, buf, 16, tag);
		t = clock_ns() - t;
		best_g = t < best_g ? t : best_g;
		t = clock_ns();
		bad |= mbedtls_chachapoly_encrypt_and_tag(&c, 16384, iv, NULL,
		    0, buf, buf, tag);
		t = clock_ns() - t;
		best_c = t < best_c ? t : best_c;
	}
	if (bad == 0 && best_g < best_c)
		suites = suites_aes;
	mbedtls_gcm_free(&g);
	mbedtls_chachapoly_free(&c);
	free(buf);
}

static void
init_once(void)
{
	if (pthread_key_create(&thread_key, thread_gone) != 0) {
		once_rc = PIN_ENOMEM;
		return;
	}
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (psa_crypto_init() != PSA_SUCCESS) {
		once_rc = PIN_EINTERNAL;
		return;
	}
#endif
	chacha = tls__chacha();
	suites_choose();
}

int
tls__init(struct pin_err *err)
{
	(void)pthread_once(&once, init_once);
	if (once_rc != PIN_OK)
		return (pin_err_set(err, once_rc, "TLS does not start"));
	PIN_ASSERT(chacha[0] != '\0');
	return (PIN_OK);
}

const int *
tls__suites(void)
{
	return (suites);
}

/* Small stable numbers for threads; one that ends gives its number back. */
int
tls__thread(void)
{
	int i;

	if (PIN_LIKELY(thread_no > 0))
		return (thread_no - 1);
	(void)pthread_mutex_lock(&thread_lock);
	for (i = 0; i < TLS_THREADS_MAX && thread_used[i]; i++)
		;
	if (i < TLS_THREADS_MAX) {
		thread_used[i] = 1;
		thread_no = i + 1;
		(void)pthread_setspecific(thread_key,
		    (void *)(uintptr_t)thread_no);
	}
	(void)pthread_mutex_unlock(&thread_lock);
	return (thread_no - 1);
}

/* ---- errors and random ---------------------------------------------- */

int
tls__err(struct pin_err *err, int code, int mbed, const char *what)
{
	char text[160];

	mbedtls_strerror(mbed, text, sizeof(text));
	return (pin_err_set(err, code, "%s: %s (-0x%04x)", what, text,
	    (unsigned int)-mbed));
}

static int
entropy_from_host(void *arg, unsigned char *p, size_t len)
{
	pin_host_random(arg, p, len);
	return (0);
}

int
tls__rng_open(mbedtls_ctr_drbg_context *rng, struct pin_host *host,
    struct pin_err *err)
{
	int r;

	mbedtls_ctr_drbg_init(rng);
	r = mbedtls_ctr_drbg_seed(rng, entropy_from_host, host, NULL, 0);
	if (r != 0)
		return (tls__err(err, PIN_EINTERNAL, r, "random generator"));
	return (PIN_OK);
}

/* ---- one thread's context ------------------------------------------- */

static void
ctx_free(struct tls__ctx *c)
{
	mbedtls_ssl_config_free(&c->conf);
	mbedtls_x509_crt_free(&c->cert);
	mbedtls_x509_crt_free(&c->ca);
	mbedtls_x509_crt_free(&c->ca_names);
	mbedtls_ecp_group_free(&c->warm);
	free(c->known);
	mbedtls_pk_free(&c->key);
	mbedtls_ctr_drbg_free(&c->rng);
	c->magic = 0;
	free(c);
}

void
tls__ctx_put(struct tls__ctx **cp)
{
	struct tls__ctx *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	PIN_VALID(c, CTX_MAGIC);
	if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
		ctx_free(c);
}

static int
ctx_parse(struct tls__ctx *c, const struct tls__pem *pem, struct pin_err *err)
{
	mbedtls_x509_crt *n;
	int r;

	if (pem->cert != NULL) {
		r = mbedtls_x509_crt_parse(&c->cert,
		    (const unsigned char *)pem->cert, pem->cert_len);
		if (r != 0)
			return (tls__err(err, PIN_ECONFIG, r < 0 ? r :
			    MBEDTLS_ERR_X509_INVALID_FORMAT, "certificate"));
		r = tls__pk_parse(&c->key, (const unsigned char *)pem->key,
		    pem->key_len, mbedtls_ctr_drbg_random, &c->rng);
		if (r != 0)
			return (tls__err(err, PIN_ECONFIG, r, "private key"));
		r = tls__pk_check(&c->cert.pk, &c->key,
		    mbedtls_ctr_drbg_random, &c->rng);
		if (r != 0)
			return (tls__err(err, PIN_ECONFIG, r,
			    "certificate and key do not belong together"));
	}
	if (pem->ca != NULL) {
		r = mbedtls_x509_crt_parse(&c->ca,
		    (const unsigned char *)pem->ca, pem->ca_len);
		if (r != 0)
			return (tls__err(err, PIN_ECONFIG, r < 0 ? r :
			    MBEDTLS_ERR_X509_INVALID_FORMAT,
			    "CA certificates"));
		r = mbedtls_x509_crt_parse(&c->ca_names,
		    (const unsigned char *)pem->ca, pem->ca_len);
		PIN_ASSERT(r == 0);
		for (n = &c->ca_names; n != NULL; n = n->next)
			mbedtls_pk_free(&n->pk);
	}
	return (PIN_OK);
}

/* Called for each certificate of the peer, before the peer's signature is
 * verified with the leaf's key (depth 0). Judges nothing. */
static int
on_peer_cert(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	(void)flags;
	if (depth == 0)
		tls__warm(arg, crt);
	return (0);
}

static int
ctx_conf(struct tls__ctx *c, int server, struct pin_err *err)
{
	mbedtls_ssl_config *f = &c->conf;
	int has_ca = c->ca.version != 0, r;

	r = mbedtls_ssl_config_defaults(f, server ? MBEDTLS_SSL_IS_SERVER :
	    MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
	    MBEDTLS_SSL_PRESET_DEFAULT);
	if (r == 0)
		r = mbedtls_ssl_conf_alpn_protocols(f, server ? alpn_server :
		    alpn_client);
	if (r == 0 && c->cert.version != 0)
		r = mbedtls_ssl_conf_own_cert(f, &c->cert, &c->key);
	if (r != 0)
		return (tls__err(err, PIN_EINTERNAL, r, "TLS configuration"));
	mbedtls_ssl_conf_rng(f, mbedtls_ctr_drbg_random, &c->rng);
	mbedtls_ssl_conf_ciphersuites(f, suites);
	mbedtls_ssl_conf_cert_profile(f, &tls__profile);
#if MBEDTLS_VERSION_NUMBER >= 0x03010000
	mbedtls_ssl_conf_groups(f, groups);
	mbedtls_ssl_conf_min_tls_version(f, MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_curves(f, groups);
	mbedtls_ssl_conf_sig_hashes(f, sig_hashes);
	mbedtls_ssl_conf_min_version(f, MBEDTLS_SSL_MAJOR_VERSION_3,
	    MBEDTLS_SSL_MINOR_VERSION_3);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(f, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
	if (!server)
		mbedtls_ssl_conf_session_tickets(f,
		    MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
	/* A server has tickets only with callbacks set: it has none. */
	if (has_ca)
		mbedtls_ssl_conf_ca_chain(f, server ? &c->ca_names : &c->ca,
		    NULL);
	if (has_ca)
		mbedtls_ssl_conf_verify(f, on_peer_cert, c);
	mbedtls_ssl_conf_authmode(f, !server ? MBEDTLS_SSL_VERIFY_REQUIRED :
	    has_ca ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE);
	c->asks_cert = server && has_ca;
	return (PIN_OK);
}

static int
ctx_new(const struct tls__side *s, const struct tls__pem *pem,
    struct tls__ctx **out, struct pin_err *err)
{
	struct tls__ctx *c = pin_xcalloc(1, sizeof(*c));
	int rc;

	c->magic = CTX_MAGIC;
	c->refs = 1;
	c->host = s->host;
	mbedtls_ssl_config_init(&c->conf);
	mbedtls_x509_crt_init(&c->cert);
	mbedtls_x509_crt_init(&c->ca);
	mbedtls_x509_crt_init(&c->ca_names);
	mbedtls_ecp_group_init(&c->warm);
	mbedtls_pk_init(&c->key);
	rc = tls__rng_open(&c->rng, s->host, err);
	if (rc == PIN_OK)
		rc = ctx_parse(c, pem, err);
	if (rc == PIN_OK)
		rc = ctx_conf(c, s->server, err);
	if (rc != PIN_OK) {
		ctx_free(c);
		c = NULL;
	}
	*out = c;
	return (rc);
}

int
tls__ctx_get(struct tls__side *s, struct tls__ctx **out, struct pin_err *err)
{
	uint32_t gen = __atomic_load_n(&s->gen, __ATOMIC_ACQUIRE);
	int n = tls__thread(), rc;
	struct tls__ctx *c;

	*out = NULL;
	if (n < 0)
		return (pin_err_set(err, PIN_ELIMIT,
		    "more than %d threads use TLS", TLS_THREADS_MAX));
	c = s->slots[n];
	if (PIN_UNLIKELY(c == NULL || c->gen != gen)) {
		(void)pthread_mutex_lock(s->lock);
		gen = s->gen;
		rc = ctx_new(s, s->pem, &c, err);
		(void)pthread_mutex_unlock(s->lock);
		if (rc != PIN_OK)
			return (rc);
		c->gen = gen;
		tls__ctx_put(&s->slots[n]);
		s->slots[n] = c;
	}
	(void)__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	*out = c;
	return (PIN_OK);
}

/* ---- a side --------------------------------------------------------- */

static void
wipe_free(char *p, size_t len)
{
	if (p != NULL)
		tls_wipe(p, len);
	free(p);
}

static void
pem_free(struct tls__pem *p)
{
	if (p == NULL)
		return;
	free(p->cert);
	wipe_free(p->key, p->key_len);
	free(p->ca);
	free(p);
}

static int
pem_slurp(struct tls__side *s, const char *path, char **out, size_t *len,
    struct pin_err *err)
{
	int rc;

	if (path == NULL)
		return (PIN_OK);
	rc = pin_path_slurp(s->host, path, TLS_FILE_MAX, out, len, err);
	if (rc == PIN_OK)
		(*len)++;	/* mbedTLS wants the NUL counted */
	return (rc);
}

/* Reads the files and tries them, so that a bad file is an error here and
 * not at the first connection. */
static int
side_load(struct tls__side *s, struct tls__pem **out, struct pin_err *err)
{
	struct tls__pem *p = pin_xcalloc(1, sizeof(*p));
	struct tls__ctx *c = NULL;
	int rc;

	rc = pem_slurp(s, s->cert_path, &p->cert, &p->cert_len, err);
	if (rc == PIN_OK)
		rc = pem_slurp(s, s->key_path, &p->key, &p->key_len, err);
	if (rc == PIN_OK)
		rc = pem_slurp(s, s->ca_path, &p->ca, &p->ca_len, err);
	if (rc == PIN_OK) {
		rc = ctx_new(s, p, &c, err);
		if (rc != PIN_OK)
			(void)pin_err_wrap(err, "%s%s%s",
			    s->cert_path != NULL ? s->cert_path : "",
			    s->cert_path != NULL && s->ca_path != NULL ?
			    ", " : "", s->ca_path != NULL ? s->ca_path : "");
	}
	tls__ctx_put(&c);
	if (rc != PIN_OK) {
		pem_free(p);
		p = NULL;
	}
	*out = p;
	return (rc);
}

int
tls__side_open(struct tls__side *s, struct pin_host *host, int server,
    const char *cert, const char *key, const char *ca, struct pin_err *err)
{
	int rc = tls__init(err);

	if (rc != PIN_OK)
		return (rc);
	if ((cert == NULL) != (key == NULL) || (server && cert == NULL) ||
	    (!server && ca == NULL))
		return (pin_err_set(err, PIN_ECONFIG, server ?
		    "a TLS server needs a certificate and its key" :
		    "a TLS client needs a CA file, and a key with each "
		    "certificate"));
	s->host = host;
	s->server = server;
	s->gen = 1;
	s->cert_path = cert != NULL ? pin_xstrdup(cert) : NULL;
	s->key_path = key != NULL ? pin_xstrdup(key) : NULL;
	s->ca_path = ca != NULL ? pin_xstrdup(ca) : NULL;
	s->lock = pin_xmalloc(sizeof(pthread_mutex_t));
	(void)pthread_mutex_init(s->lock, NULL);
	return (side_load(s, &s->pem, err));
}

int
tls__side_reload(struct tls__side *s, struct pin_err *err)
{
	struct tls__pem *p = NULL, *old;
	int rc = side_load(s, &p, err);

	if (rc != PIN_OK)
		return (rc);
	(void)pthread_mutex_lock(s->lock);
	old = s->pem;
	s->pem = p;
	(void)__atomic_add_fetch(&s->gen, 1, __ATOMIC_RELEASE);
	(void)pthread_mutex_unlock(s->lock);
	pem_free(old);
	return (PIN_OK);
}

void
tls__side_close(struct tls__side *s)
{
	int i;

	for (i = 0; i < TLS_THREADS_MAX; i++)
		tls__ctx_put(&s->slots[i]);
	pem_free(s->pem);
	free(s->cert_path);
	free(s->key_path);
	free(s->ca_path);
	if (s->lock != NULL)
		(void)pthread_mutex_destroy(s->lock);
	free(s->lock);
}

size_t
tls__ip_parse(const char *text, uint8_t ip[16])
{
	if (inet_pton(AF_INET, text, ip) == 1)
		return (4);
	if (inet_pton(AF_INET6, text, ip) == 1)
		return (16);
	return (0);
}
