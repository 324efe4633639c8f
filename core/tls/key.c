/* SPDX-License-Identifier: BSD-2-Clause
 *
 * key.c -- signing keys of tokens (ES256, RS256), their JWK and id, hashes
 * and comparisons.
 * Any thread: each works on its own copy of a key (mbedTLS 2.28 caches tables
 * inside keys).
 * Contract: tls.h; RFC 7515, 7517, 7518. */
#include "tls_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/hmac_drbg.h>
#include <mbedtls/platform_util.h>

#define KEY_MAGIC	0x546b6579u
#define ES256_LEN	64
#define RSA_BITS_MIN	2048
#define RSA_BITS_MAX	8192

struct copy {
	mbedtls_pk_context	 pk;
	mbedtls_hmac_drbg_context rng;	/* blinding only, see copy_new */
};

struct tls_key {
	uint32_t	 magic;
	int		 is_private;
	int		 is_rsa;
	char		*pem;
	size_t		 pem_len;	/* with the NUL */
	uint8_t		*spki;		/* DER */
	size_t		 spki_len;
	struct copy	*copies[TLS_THREADS_MAX]; /* own thread only */
};

/* ---- copies --------------------------------------------------------- */

static void
copy_free(struct copy *c)
{
	if (c == NULL)
		return;
	mbedtls_pk_free(&c->pk);
	mbedtls_hmac_drbg_free(&c->rng);
	free(c);
}

/* The generator blinds computations with the private key and nothing else
 * (ES256 signatures are deterministic, RFC 6979), so the key's own bytes are
 * seed enough: nobody without the key can know them. */
static int
copy_new(const char *pem, size_t len, struct copy **out)
{
	struct copy *c = pin_xcalloc(1, sizeof(*c));
	int r;

	mbedtls_pk_init(&c->pk);
	mbedtls_hmac_drbg_init(&c->rng);
	r = mbedtls_hmac_drbg_seed_buf(&c->rng,
	    mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
	    (const unsigned char *)pem, len);
	if (r == 0) {
		if (strstr(pem, "PRIVATE KEY") != NULL)
			r = tls__pk_parse(&c->pk, (const unsigned char *)pem,
			    len, mbedtls_hmac_drbg_random, &c->rng);
		else
			r = mbedtls_pk_parse_public_key(&c->pk,
			    (const unsigned char *)pem, len);
	}
	if (r != 0) {
		copy_free(c);
		c = NULL;
	}
	*out = c;
	return (r);
}

static struct copy *
copy_get(struct tls_key *k)
{
	int n = tls__thread();

	if (n < 0)
		return (NULL);
	if (k->copies[n] == NULL)
		(void)copy_new(k->pem, k->pem_len, &k->copies[n]);
	return (k->copies[n]);
}

/* ---- load and free -------------------------------------------------- */

static int
key_check(struct tls_key *k, struct copy *c, struct pin_err *err)
{
	size_t bits = mbedtls_pk_get_bitlen(&c->pk);

	if (mbedtls_pk_can_do(&c->pk, MBEDTLS_PK_RSA)) {
		if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
			return (pin_err_set(err, PIN_ECONFIG,
			    "RSA key of %zu bits, not %d to %d", bits,
			    RSA_BITS_MIN, RSA_BITS_MAX));
		k->is_rsa = 1;
		return (PIN_OK);
	}
	if (!mbedtls_pk_can_do(&c->pk, MBEDTLS_PK_ECDSA) || bits != 256 ||
	    mbedtls_pk_ec(c->pk)->grp.id != MBEDTLS_ECP_DP_SECP256R1)
		return (pin_err_set(err, PIN_ECONFIG,
		    "key is neither P-256 nor RSA"));
	return (PIN_OK);
}

int
tls_key_load(const char *pem, struct tls_key **out, struct pin_err *err)
{
	struct tls_key *k = pin_xcalloc(1, sizeof(*k));
	struct copy *c = NULL;
	uint8_t buf[2048];
	int n, r, rc;

	k->magic = KEY_MAGIC;
	k->pem = pin_xstrdup(pem);
	k->pem_len = strlen(pem) + 1;
	k->is_private = strstr(pem, "PRIVATE KEY") != NULL;
	rc = tls__init(err);
	if (rc != PIN_OK)
		goto out;
	n = tls__thread();
	if (n < 0) {
		rc = pin_err_set(err, PIN_ELIMIT,
		    "more than %d threads use keys", TLS_THREADS_MAX);
		goto out;
	}
	r = copy_new(k->pem, k->pem_len, &c);
	if (r != 0) {
		rc = tls__err(err, PIN_ECONFIG, r, "key");
		goto out;
	}
	k->copies[n] = c;
	rc = key_check(k, c, err);
	if (rc != PIN_OK)
		goto out;
	r = mbedtls_pk_write_pubkey_der(&c->pk, buf, sizeof(buf));
	if (r < 0) {
		rc = tls__err(err, PIN_EINTERNAL, r, "public key");
		goto out;
	}
	k->spki_len = (size_t)r;
	k->spki = pin_xmalloc(k->spki_len);
	memcpy(k->spki, buf + sizeof(buf) - k->spki_len, k->spki_len);
out:
	if (rc != PIN_OK)
		tls_key_free(&k);
	*out = k;
	return (rc);
}

void
tls_key_free(struct tls_key **kp)
{
	struct tls_key *k = *kp;
	int i;

	*kp = NULL;
	if (k == NULL)
		return;
	PIN_VALID(k, KEY_MAGIC);
	for (i = 0; i < TLS_THREADS_MAX; i++)
		copy_free(k->copies[i]);
	tls_wipe(k->pem, k->pem_len);
	free(k->pem);
	free(k->spki);
	k->magic = 0;
	free(k);
}

const char *
tls_key_alg(const struct tls_key *k)
{
	PIN_VALID(k, KEY_MAGIC);
	return (k->is_rsa ? "RS256" : "ES256");
}

/* ---- signatures ----------------------------------------------------- */

/* DER SEQUENCE { INTEGER r, INTEGER s } <-> r || s, 32 bytes each. */
static int
raw_from_der(const uint8_t *der, size_t len, uint8_t raw[ES256_LEN])
{
	unsigned char *p = (unsigned char *)(uintptr_t)der;
	unsigned char *end = p + len;
	size_t n;
	int i;

	if (mbedtls_asn1_get_tag(&p, end, &n, MBEDTLS_ASN1_CONSTRUCTED |
	    MBEDTLS_ASN1_SEQUENCE) != 0)
		return (PIN_EINTERNAL);
	memset(raw, 0, ES256_LEN);
	for (i = 0; i < 2; i++) {
		if (mbedtls_asn1_get_tag(&p, end, &n, MBEDTLS_ASN1_INTEGER)
		    != 0)
			return (PIN_EINTERNAL);
		while (n > 0 && *p == 0) {
			p++;
			n--;
		}
		if (n > 32)
			return (PIN_EINTERNAL);
		memcpy(raw + i * 32 + 32 - n, p, n);
		p += n;
	}
	return (PIN_OK);
}

static size_t
der_integer(uint8_t *out, const uint8_t v[32])
{
	size_t skip = 0, n = 0;

	while (skip < 31 && v[skip] == 0)
		skip++;
	out[n++] = MBEDTLS_ASN1_INTEGER;
	out[n++] = (uint8_t)(32 - skip + (v[skip] >> 7));
	if (v[skip] & 0x80)
		out[n++] = 0;
	memcpy(out + n, v + skip, 32 - skip);
	return (n + 32 - skip);
}

static size_t
der_from_raw(const uint8_t raw[ES256_LEN], uint8_t der[80])
{
	size_t n = 2;

	n += der_integer(der + n, raw);
	n += der_integer(der + n, raw + 32);
	der[0] = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
	der[1] = (uint8_t)(n - 2);
	return (n);
}

/* sig must have room for *sig_len bytes: 64 (ES256), the key's size (RS256). */
int
tls_key_sign(struct tls_key *k, const void *msg, size_t len, uint8_t *sig,
    size_t *sig_len, struct pin_err *err)
{
	uint8_t hash[32], der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t n = 0, need;
	struct copy *c;
	int r;

	PIN_VALID(k, KEY_MAGIC);
	if (!k->is_private)
		return (pin_err_set(err, PIN_EINVAL,
		    "a public key signs nothing"));
	c = copy_get(k);
	if (c == NULL)
		return (pin_err_set(err, PIN_ELIMIT, "no copy of the key"));
	need = k->is_rsa ? (mbedtls_pk_get_bitlen(&c->pk) + 7) / 8 : ES256_LEN;
	if (*sig_len < need)
		return (pin_err_set(err, PIN_EINVAL,
		    "signature needs %zu bytes", need));
	tls_sha256(msg, len, hash);
	r = tls__pk_sign(&c->pk, hash, der, sizeof(der), &n,
	    mbedtls_hmac_drbg_random, &c->rng);
	if (r != 0)
		return (tls__err(err, PIN_EINTERNAL, r, "signing"));
	*sig_len = need;
	if (k->is_rsa) {
		PIN_ASSERT(n == need);
		memcpy(sig, der, n);
		return (PIN_OK);
	}
	return (raw_from_der(der, n, sig));
}

int
tls_key_verify(struct tls_key *k, const void *msg, size_t len,
    const uint8_t *sig, size_t sig_len)
{
	uint8_t hash[32], der[80];
	struct copy *c;

	PIN_VALID(k, KEY_MAGIC);
	c = copy_get(k);
	if (c == NULL)
		return (PIN_ELIMIT);
	tls_sha256(msg, len, hash);
	if (!k->is_rsa) {
		if (sig_len != ES256_LEN)
			return (PIN_EUNAUTH);
		sig_len = der_from_raw(sig, der);
		sig = der;
	}
	return (mbedtls_pk_verify(&c->pk, MBEDTLS_MD_SHA256, hash,
	    sizeof(hash), sig, sig_len) == 0 ? PIN_OK : PIN_EUNAUTH);
}

/* ---- JWK ------------------------------------------------------------ */

static size_t
b64url(const uint8_t *p, size_t len, char *out)
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i, n = 0;
	uint32_t v;

	for (i = 0; i + 2 < len; i += 3) {
		v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
		out[n++] = abc[v >> 18];
		out[n++] = abc[v >> 12 & 63];
		out[n++] = abc[v >> 6 & 63];
		out[n++] = abc[v & 63];
	}
	if (len - i == 1) {
		out[n++] = abc[p[i] >> 2];
		out[n++] = abc[(p[i] & 3) << 4];
	} else if (len - i == 2) {
		v = (uint32_t)p[i] << 8 | p[i + 1];
		out[n++] = abc[v >> 10];
		out[n++] = abc[v >> 4 & 63];
		out[n++] = abc[(v & 15) << 2];
	}
	return (n);
}

static void
out_member(struct pin_out *o, const char *name, const uint8_t *p, size_t len)
{
	char text[RSA_BITS_MAX / 8 / 3 * 4 + 8];
	size_t n = b64url(p, len, text);

	pin_out_printf(o, ",\"%s\":\"", name);
	pin_out_put(o, text, n);
	pin_out_char(o, '"');
}

int
tls_key_jwk(struct tls_key *k, struct pin_out *o, struct pin_err *err)
{
	uint8_t n[RSA_BITS_MAX / 8], e[8];
	size_t n_len, skip;
	struct copy *c;
	int r;

	PIN_VALID(k, KEY_MAGIC);
	if (!k->is_rsa) {
		/* A P-256 SPKI ends with 04, x and y. */
		PIN_ASSERT(k->spki_len > 65 &&
		    k->spki[k->spki_len - 65] == 4);
		pin_out_cstr(o, "\"kty\":\"EC\",\"crv\":\"P-256\"");
		out_member(o, "x", k->spki + k->spki_len - 64, 32);
		out_member(o, "y", k->spki + k->spki_len - 32, 32);
		return (o->failed);
	}
	c = copy_get(k);
	if (c == NULL)
		return (pin_err_set(err, PIN_ELIMIT, "no copy of the key"));
	n_len = (mbedtls_pk_get_bitlen(&c->pk) + 7) / 8;
	r = mbedtls_rsa_export_raw(mbedtls_pk_rsa(c->pk), n, n_len, NULL, 0,
	    NULL, 0, NULL, 0, e, sizeof(e));
	if (r != 0)
		return (tls__err(err, PIN_EINTERNAL, r, "RSA key"));
	for (skip = 0; skip < sizeof(e) - 1 && e[skip] == 0; skip++)
		;
	pin_out_cstr(o, "\"kty\":\"RSA\"");
	out_member(o, "n", n, n_len);
	out_member(o, "e", e + skip, sizeof(e) - skip);
	return (o->failed);
}

int
tls_key_id(struct tls_key *k, char *kid, size_t len)
{
	uint8_t hash[32];

	PIN_VALID(k, KEY_MAGIC);
	if (len < 44)
		return (PIN_EINVAL);
	tls_sha256(k->spki, k->spki_len, hash);
	kid[b64url(hash, sizeof(hash), kid)] = '\0';
	return (PIN_OK);
}

/* ---- the rest ------------------------------------------------------- */

void
tls_sha256(const void *p, size_t len, uint8_t out[32])
{
	int r = tls__sha256(p, len, out);

	PIN_ASSERT(r == 0);
	(void)r;
}

int
tls_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t d = 0;
	size_t i;

	for (i = 0; i < len; i++)
		d = (uint8_t)(d | (x[i] ^ y[i]));
	return (d == 0);
}

void
tls_wipe(void *p, size_t len)
{
	mbedtls_platform_zeroize(p, len);
}
