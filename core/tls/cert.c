/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cert.c -- writes certificates: the process's own PKI on first start.
 * The DER is written here, backwards as mbedTLS's ASN.1 writer goes, because
 * its own certificate writer (2.28) has neither subject alternative names nor
 * two organizations in a subject.
 * Any thread; heap.
 * Contract: tls.h; RFC 5280 (`openssl verify -x509_strict`). */
#include "tls_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/sha1.h>

#define PEM_MAX		(TLS_CERT_MAX / 3 * 4 + 1024)
#define KEY_PEM_MAX	4096
#define DAY_S		86400
#define CLOCK_SKEW_S	300	/* a certificate is valid from so long ago */
#define COVERS_MIN_S	((int64_t)30 * DAY_S)

#define SEQ	(MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define SET	(MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET)
#define CTX(n)	(MBEDTLS_ASN1_CONTEXT_SPECIFIC | (n))
#define OID_STR(o)	(o), sizeof(o) - 1

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define sha1_of(p, len, out)	mbedtls_sha1((p), (len), (out))
#else
#define sha1_of(p, len, out)	mbedtls_sha1_ret((p), (len), (out))
#endif

/* A backward writer: p moves down from the end; sticky failure. */
struct der {
	unsigned char	*start, *p, *end;
	int		 failed;
};

static size_t
der_len(const struct der *d)
{
	return ((size_t)(d->end - d->p));
}

static void
der_did(struct der *d, int r)
{
	if (r < 0)
		d->failed = r;
}

static void
der_raw(struct der *d, const void *p, size_t len)
{
	if (d->failed == 0)
		der_did(d, mbedtls_asn1_write_raw_buffer(&d->p, d->start, p,
		    len));
}

static void
der_byte(struct der *d, unsigned char c)
{
	der_raw(d, &c, 1);
}

/* Closes what was written since mark (a der_len of then) under a tag. */
static void
der_wrap(struct der *d, size_t mark, int tag)
{
	if (d->failed == 0)
		der_did(d, mbedtls_asn1_write_len(&d->p, d->start,
		    der_len(d) - mark));
	if (d->failed == 0)
		der_did(d, mbedtls_asn1_write_tag(&d->p, d->start,
		    (unsigned char)tag));
}

static void
der_tlv(struct der *d, int tag, const void *p, size_t len)
{
	size_t mark = der_len(d);

	der_raw(d, p, len);
	der_wrap(d, mark, tag);
}

static void
der_oid(struct der *d, const char *oid, size_t len)
{
	der_tlv(d, MBEDTLS_ASN1_OID, oid, len);
}

/* ---- names ---------------------------------------------------------- */

static void
der_rdn(struct der *d, const char *oid, size_t oid_len, const char *text)
{
	size_t mark = der_len(d);

	der_tlv(d, MBEDTLS_ASN1_UTF8_STRING, text, strlen(text));
	der_oid(d, oid, oid_len);
	der_wrap(d, mark, SEQ);
	der_wrap(d, mark, SET);
}

static void
der_subject(struct der *d, const struct tls_cert_spec *s)
{
	size_t mark = der_len(d), n = 0;

	der_rdn(d, OID_STR(MBEDTLS_OID_AT_CN), s->cn);
	while (s->orgs != NULL && s->orgs[n] != NULL)
		n++;
	while (n-- > 0)
		der_rdn(d, OID_STR(MBEDTLS_OID_AT_ORGANIZATION), s->orgs[n]);
	der_wrap(d, mark, SEQ);
}

static int
spec_check(const struct tls_cert_spec *s, struct pin_err *err)
{
	uint32_t kind = s->flags & (TLS_CERT_CA | TLS_CERT_SERVER |
	    TLS_CERT_CLIENT);
	uint8_t ip[16];
	size_t i, n = 0;

	if (kind == 0 || s->cn == NULL || s->cn[0] == '\0' || s->days == 0 ||
	    ((kind & TLS_CERT_CA) && kind != TLS_CERT_CA))
		return (pin_err_set(err, PIN_EINVAL,
		    "certificate needs a purpose, a name and days"));
	if (strlen(s->cn) > 64)		/* RFC 5280 ub-common-name */
		return (pin_err_set(err, PIN_EINVAL,
		    "common name longer than 64 bytes: %s", s->cn));
	for (i = 0; s->orgs != NULL && s->orgs[i] != NULL; i++)
		if (i == TLS_ORGS_MAX || s->orgs[i][0] == '\0' ||
		    strlen(s->orgs[i]) > 64)
			return (pin_err_set(err, PIN_EINVAL,
			    "organization is empty, longer than 64 bytes or "
			    "one too many: %s", s->orgs[i]));
	for (i = 0; s->dns != NULL && s->dns[i] != NULL; i++, n++)
		if (s->dns[i][0] == '\0' || strlen(s->dns[i]) > TLS_NAME_MAX)
			return (pin_err_set(err, PIN_EINVAL,
			    "bad DNS name: %s", s->dns[i]));
	for (i = 0; s->ips != NULL && s->ips[i] != NULL; i++, n++)
		if (tls__ip_parse(s->ips[i], ip) == 0)
			return (pin_err_set(err, PIN_EINVAL,
			    "bad address: %s", s->ips[i]));
	if (n > TLS_SANS_MAX)
		return (pin_err_set(err, PIN_ELIMIT,
		    "more than %d names in a certificate", TLS_SANS_MAX));
	return (PIN_OK);
}

/* ---- extensions ----------------------------------------------------- */

/* Closes the value written since mark as one Extension. */
static void
der_ext(struct der *d, size_t mark, const char *oid, size_t oid_len,
    int critical)
{
	der_wrap(d, mark, MBEDTLS_ASN1_OCTET_STRING);
	if (critical)
		der_tlv(d, MBEDTLS_ASN1_BOOLEAN, "\xff", 1);
	der_oid(d, oid, oid_len);
	der_wrap(d, mark, SEQ);
}

static void
ext_names(struct der *d, const struct tls_cert_spec *s)
{
	size_t mark = der_len(d), n;
	uint8_t ip[16];

	for (n = 0; s->ips != NULL && s->ips[n] != NULL; n++)
		;
	while (n-- > 0)
		der_tlv(d, CTX(7), ip, tls__ip_parse(s->ips[n], ip));
	for (n = 0; s->dns != NULL && s->dns[n] != NULL; n++)
		;
	while (n-- > 0)
		der_tlv(d, CTX(2), s->dns[n], strlen(s->dns[n]));
	if (der_len(d) == mark)
		return;
	der_wrap(d, mark, SEQ);
	der_ext(d, mark, OID_STR(MBEDTLS_OID_SUBJECT_ALT_NAME), 0);
}

static void
ext_usage(struct der *d, const struct tls_cert_spec *s)
{
	size_t mark = der_len(d);
	int ca = (s->flags & TLS_CERT_CA) != 0;

	/* keyCertSign, cRLSign and digitalSignature; or the last alone. */
	der_tlv(d, MBEDTLS_ASN1_BIT_STRING, ca ? "\x01\x86" : "\x07\x80", 2);
	der_ext(d, mark, OID_STR(MBEDTLS_OID_KEY_USAGE), 1);
	if (ca)
		return;
	mark = der_len(d);
	if (s->flags & TLS_CERT_CLIENT)
		der_oid(d, OID_STR(MBEDTLS_OID_CLIENT_AUTH));
	if (s->flags & TLS_CERT_SERVER)
		der_oid(d, OID_STR(MBEDTLS_OID_SERVER_AUTH));
	der_wrap(d, mark, SEQ);
	der_ext(d, mark, OID_STR(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0);
}

static void
ext_constraints(struct der *d, int ca)
{
	size_t mark = der_len(d);

	if (ca)
		der_tlv(d, MBEDTLS_ASN1_BOOLEAN, "\xff", 1);
	der_wrap(d, mark, SEQ);
	der_ext(d, mark, OID_STR(MBEDTLS_OID_BASIC_CONSTRAINTS), 1);
}

static void
ext_key_ids(struct der *d, const uint8_t ski[20], const uint8_t *aki,
    size_t aki_len)
{
	size_t mark = der_len(d);

	if (aki_len > 0) {
		der_tlv(d, CTX(0), aki, aki_len);
		der_wrap(d, mark, SEQ);
		der_ext(d, mark, OID_STR(
		    MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER), 0);
		mark = der_len(d);
	}
	der_tlv(d, MBEDTLS_ASN1_OCTET_STRING, ski, 20);
	der_ext(d, mark, OID_STR(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER), 0);
}

/* ---- the certificate ------------------------------------------------ */

struct issue {
	struct pin_host		*host;
	const struct tls_cert_spec *spec;
	mbedtls_ctr_drbg_context rng;
	mbedtls_pk_context	 key;		/* the new one */
	mbedtls_pk_context	 ca_key;
	mbedtls_x509_crt	 ca;
	int			 self;
	uint8_t			 spki[1024];
	size_t			 spki_len;
	uint8_t			 ski[20];
	uint8_t			 aki[64];
	size_t			 aki_len;
	uint8_t			 buf[TLS_CERT_MAX];
};

static void
der_time(struct der *d, int64_t t)
{
	time_t tt = (time_t)t;
	struct tm tm;
	char text[32];
	int utc;

	if (gmtime_r(&tt, &tm) == NULL) {
		d->failed = MBEDTLS_ERR_ASN1_INVALID_DATA;
		return;
	}
	utc = tm.tm_year < 150;		/* RFC 5280 4.1.2.5: up to 2049 */
	(void)strftime(text, sizeof(text), utc ? "%y%m%d%H%M%SZ" :
	    "%Y%m%d%H%M%SZ", &tm);
	der_tlv(d, utc ? MBEDTLS_ASN1_UTC_TIME :
	    MBEDTLS_ASN1_GENERALIZED_TIME, text, strlen(text));
}

static void
der_alg(struct der *d, const mbedtls_pk_context *key)
{
	size_t mark = der_len(d);

	if (mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA) {
		der_tlv(d, MBEDTLS_ASN1_NULL, "", 0);
		der_oid(d, OID_STR(MBEDTLS_OID_PKCS1_SHA256));
	} else
		der_oid(d, OID_STR(MBEDTLS_OID_ECDSA_SHA256));
	der_wrap(d, mark, SEQ);
}

/* The bit string inside a SubjectPublicKeyInfo, hashed: RFC 5280 4.2.1.2 (1),
 * what everybody computes. */
static int
key_hash(const uint8_t *spki, size_t len, uint8_t out[20])
{
	unsigned char *p = (unsigned char *)(uintptr_t)spki;
	unsigned char *end = p + len;
	size_t n;

	if (mbedtls_asn1_get_tag(&p, end, &n, SEQ) != 0 ||
	    mbedtls_asn1_get_tag(&p, end, &n, SEQ) != 0)
		return (PIN_EINTERNAL);
	p += n;
	if (mbedtls_asn1_get_bitstring_null(&p, end, &n) != 0)
		return (PIN_EINTERNAL);
	return (sha1_of(p, n, out) == 0 ? PIN_OK : PIN_EINTERNAL);
}

static int
spki_of(mbedtls_pk_context *key, uint8_t *out, size_t max, size_t *len)
{
	int r = mbedtls_pk_write_pubkey_der(key, out, max);

	if (r < 0)
		return (r);
	memmove(out, out + max - (size_t)r, (size_t)r);
	*len = (size_t)r;
	return (0);
}

/* Our key and its identifier; the issuer's identifier as its certificate has
 * it, else computed. */
static int
issue_keys(struct issue *i, struct pin_err *err)
{
	uint8_t spki[1024];
	const uint8_t *id;
	size_t len;
	int r;

	r = mbedtls_pk_setup(&i->key,
	    mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (r == 0)
		r = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
		    mbedtls_pk_ec(i->key), mbedtls_ctr_drbg_random, &i->rng);
	if (r == 0)
		r = spki_of(&i->key, i->spki, sizeof(i->spki), &i->spki_len);
	if (r != 0)
		return (tls__err(err, PIN_EINTERNAL, r, "new key"));
	if (key_hash(i->spki, i->spki_len, i->ski) != PIN_OK)
		return (pin_err_set(err, PIN_EINTERNAL, "key identifier"));
	if (i->self)
		return (PIN_OK);
	if (tls__find_ext(&i->ca, OID_STR(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER),
	    &id, &len) == PIN_OK && len > 2 && len - 2 <= sizeof(i->aki) &&
	    id[0] == MBEDTLS_ASN1_OCTET_STRING && id[1] == len - 2) {
		memcpy(i->aki, id + 2, len - 2);
		i->aki_len = len - 2;
		return (PIN_OK);
	}
	r = spki_of(&i->ca.pk, spki, sizeof(spki), &len);
	if (r != 0 || key_hash(spki, len, i->aki) != PIN_OK)
		return (pin_err_set(err, PIN_EINTERNAL, "CA's identifier"));
	i->aki_len = 20;
	return (PIN_OK);
}

static void
tbs_write(struct issue *i, struct der *d)
{
	const struct tls_cert_spec *s = i->spec;
	int64_t now = pin_host_wall(i->host) / 1000000000;
	uint8_t serial[16];
	size_t mark = der_len(d), m;

	ext_names(d, s);
	ext_usage(d, s);
	ext_constraints(d, (s->flags & TLS_CERT_CA) != 0);
	ext_key_ids(d, i->ski, i->aki, i->aki_len);
	der_wrap(d, mark, SEQ);
	der_wrap(d, mark, CTX(3) | MBEDTLS_ASN1_CONSTRUCTED);
	der_raw(d, i->spki, i->spki_len);
	der_subject(d, s);
	m = der_len(d);
	der_time(d, now + (int64_t)s->days * DAY_S);
	der_time(d, now - CLOCK_SKEW_S);
	der_wrap(d, m, SEQ);
	if (i->self)
		der_subject(d, s);
	else
		der_raw(d, i->ca.subject_raw.p, i->ca.subject_raw.len);
	der_alg(d, i->self ? &i->key : &i->ca_key);
	/* 127 random bits, positive and never a leading zero byte. */
	pin_host_random(i->host, serial, sizeof(serial));
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	der_tlv(d, MBEDTLS_ASN1_INTEGER, serial, sizeof(serial));
	m = der_len(d);
	der_tlv(d, MBEDTLS_ASN1_INTEGER, "\x02", 1);
	der_wrap(d, m, CTX(0) | MBEDTLS_ASN1_CONSTRUCTED);
	der_wrap(d, mark, SEQ);
}

/* Signs the TBS at the end of buf and puts the whole in place of it. */
static int
cert_sign(struct issue *i, struct der *d, struct pin_err *err)
{
	mbedtls_pk_context *key = i->self ? &i->key : &i->ca_key;
	uint8_t hash[32], sig[MBEDTLS_PK_SIGNATURE_MAX_SIZE], *tbs;
	size_t tbs_len = der_len(d), sig_len = 0;
	int r;

	tls_sha256(d->p, tbs_len, hash);
	r = tls__pk_sign(key, hash, sig, sizeof(sig), &sig_len,
	    mbedtls_ctr_drbg_random, &i->rng);
	if (r != 0)
		return (tls__err(err, PIN_EINTERNAL, r, "signing"));
	tbs = malloc(tbs_len);
	if (tbs == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "no memory"));
	memcpy(tbs, d->p, tbs_len);
	d->p = d->end;
	der_raw(d, sig, sig_len);
	der_byte(d, 0);			/* no unused bits */
	der_wrap(d, 0, MBEDTLS_ASN1_BIT_STRING);
	der_alg(d, key);
	der_raw(d, tbs, tbs_len);
	der_wrap(d, 0, SEQ);
	free(tbs);
	if (d->failed != 0)
		return (tls__err(err, PIN_ELIMIT, d->failed, "certificate"));
	return (PIN_OK);
}

static int
issue_cert(struct issue *i, char **out, struct pin_err *err)
{
	struct der d = { i->buf, i->buf + sizeof(i->buf),
	    i->buf + sizeof(i->buf), 0 };
	char *pem;
	size_t n;
	int rc, r;

	tbs_write(i, &d);
	if (d.failed != 0)
		return (tls__err(err, PIN_ELIMIT, d.failed, "certificate"));
	rc = cert_sign(i, &d, err);
	if (rc != PIN_OK)
		return (rc);
	pem = pin_xcalloc(1, PEM_MAX);
	r = mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
	    "-----END CERTIFICATE-----\n", d.p, der_len(&d),
	    (unsigned char *)pem, PEM_MAX, &n);
	if (r != 0) {
		free(pem);
		return (tls__err(err, PIN_EINTERNAL, r, "certificate as PEM"));
	}
	*out = pin_xstrdup(pem);
	free(pem);
	return (PIN_OK);
}

static int
issue_ca(struct issue *i, const char *ca_cert, const char *ca_key,
    struct pin_err *err)
{
	int r;

	i->self = ca_cert == NULL;
	if (i->self)
		return (PIN_OK);
	if (ca_key == NULL)
		return (pin_err_set(err, PIN_EINVAL, "CA without its key"));
	r = mbedtls_x509_crt_parse(&i->ca, (const unsigned char *)ca_cert,
	    strlen(ca_cert) + 1);
	if (r != 0)
		return (tls__err(err, PIN_ECONFIG, r < 0 ? r :
		    MBEDTLS_ERR_X509_INVALID_FORMAT, "CA certificate"));
	r = tls__pk_parse(&i->ca_key, (const unsigned char *)ca_key,
	    strlen(ca_key) + 1, mbedtls_ctr_drbg_random, &i->rng);
	if (r == 0)
		r = tls__pk_check(&i->ca.pk, &i->ca_key,
		    mbedtls_ctr_drbg_random, &i->rng);
	if (r != 0)
		return (tls__err(err, PIN_ECONFIG, r, "CA key"));
	if (!i->ca.ca_istrue)
		return (pin_err_set(err, PIN_ECONFIG,
		    "the signing certificate is no CA"));
	return (PIN_OK);
}

static void
pem_drop(char **p, size_t max)
{
	if (*p != NULL)
		tls_wipe(*p, max);
	free(*p);
	*p = NULL;
}

int
tls_cert_make(struct pin_host *host, const struct tls_cert_spec *spec,
    const char *ca_cert, const char *ca_key, char **cert, char **key,
    struct pin_err *err)
{
	struct issue *i;
	int rc, r;

	*cert = *key = NULL;
	rc = tls__init(err);
	if (rc == PIN_OK)
		rc = spec_check(spec, err);
	if (rc != PIN_OK)
		return (rc);
	i = pin_xcalloc(1, sizeof(*i));
	i->host = host;
	i->spec = spec;
	mbedtls_pk_init(&i->key);
	mbedtls_pk_init(&i->ca_key);
	mbedtls_x509_crt_init(&i->ca);
	rc = tls__rng_open(&i->rng, host, err);
	if (rc == PIN_OK)
		rc = issue_ca(i, ca_cert, ca_key, err);
	if (rc == PIN_OK)
		rc = issue_keys(i, err);
	if (rc == PIN_OK)
		rc = issue_cert(i, cert, err);
	if (rc == PIN_OK) {
		*key = pin_xcalloc(1, KEY_PEM_MAX);
		r = mbedtls_pk_write_key_pem(&i->key, (unsigned char *)*key,
		    KEY_PEM_MAX);
		if (r != 0)
			rc = tls__err(err, PIN_EINTERNAL, r, "key as PEM");
	}
	if (rc != PIN_OK) {
		free(*cert);
		*cert = NULL;
		pem_drop(key, KEY_PEM_MAX);
	}
	mbedtls_pk_free(&i->key);
	mbedtls_pk_free(&i->ca_key);
	mbedtls_x509_crt_free(&i->ca);
	mbedtls_ctr_drbg_free(&i->rng);
	tls_wipe(i, sizeof(*i));
	free(i);
	return (rc);
}

int
tls_key_make(struct pin_host *host, char **pem, char **public_pem,
    struct pin_err *err)
{
	mbedtls_ctr_drbg_context rng;
	mbedtls_pk_context key;
	int rc, r;

	*pem = *public_pem = NULL;
	rc = tls__init(err);
	if (rc != PIN_OK)
		return (rc);
	mbedtls_pk_init(&key);
	rc = tls__rng_open(&rng, host, err);
	if (rc != PIN_OK)
		goto out;
	*pem = pin_xcalloc(1, KEY_PEM_MAX);
	*public_pem = pin_xcalloc(1, KEY_PEM_MAX);
	r = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(
	    MBEDTLS_PK_ECKEY));
	if (r == 0)
		r = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
		    mbedtls_pk_ec(key), mbedtls_ctr_drbg_random, &rng);
	if (r == 0)
		r = mbedtls_pk_write_key_pem(&key, (unsigned char *)*pem,
		    KEY_PEM_MAX);
	if (r == 0)
		r = mbedtls_pk_write_pubkey_pem(&key,
		    (unsigned char *)*public_pem, KEY_PEM_MAX);
	if (r != 0)
		rc = tls__err(err, PIN_EINTERNAL, r, "new key");
out:
	if (rc != PIN_OK) {
		pem_drop(pem, KEY_PEM_MAX);
		pem_drop(public_pem, KEY_PEM_MAX);
	}
	mbedtls_pk_free(&key);
	mbedtls_ctr_drbg_free(&rng);
	return (rc);
}

/* ---- is it still good enough? --------------------------------------- */

int
tls_cert_covers(const char *cert_pem, const struct tls_cert_spec *spec,
    int64_t now_s)
{
	mbedtls_x509_crt crt;
	const char *const *n;
	int ok;

	mbedtls_x509_crt_init(&crt);
	ok = mbedtls_x509_crt_parse(&crt, (const unsigned char *)cert_pem,
	    strlen(cert_pem) + 1) == 0;
	ok = ok && tls__crt_end(&crt) - now_s > COVERS_MIN_S;
	for (n = spec->dns; ok && n != NULL && *n != NULL; n++)
		ok = tls__check_name(&crt, *n, NULL) == PIN_OK;
	for (n = spec->ips; ok && n != NULL && *n != NULL; n++)
		ok = tls__check_name(&crt, *n, NULL) == PIN_OK;
	if (ok && (spec->flags & TLS_CERT_SERVER))
		ok = tls__check_usage(&crt, 1, NULL) == PIN_OK;
	if (ok && (spec->flags & TLS_CERT_CLIENT))
		ok = tls__check_usage(&crt, 0, NULL) == PIN_OK;
	mbedtls_x509_crt_free(&crt);
	return (ok);
}
