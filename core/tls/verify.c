/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verify.c -- our own look at a certificate whose chain mbedTLS has verified:
 * key usage, extended key usage, names and addresses (2.28 knows no IP
 * addresses), and a finder of extensions.
 * Pure; any thread.
 * Contract: tls_int.h; RFC 5280 4.2.1, RFC 6125. */
#include "tls_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int
tls__find_ext(const mbedtls_x509_crt *crt, const char *oid, size_t oid_len,
    const uint8_t **out, size_t *out_len)
{
	unsigned char *p = crt->v3_ext.p, *end, *ext_end;
	size_t len;
	int found;

	if (p == NULL)
		return (PIN_ENOTFOUND);
	end = p + crt->v3_ext.len;
	/* v3_ext begins with the SEQUENCE OF Extension. */
	if (mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_CONSTRUCTED |
	    MBEDTLS_ASN1_SEQUENCE) != 0)
		return (PIN_EINVAL);
	end = p + len;
	while (p < end) {
		if (mbedtls_asn1_get_tag(&p, end, &len,
		    MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0)
			return (PIN_EINVAL);
		ext_end = p + len;
		if (mbedtls_asn1_get_tag(&p, ext_end, &len,
		    MBEDTLS_ASN1_OID) != 0)
			return (PIN_EINVAL);
		found = len == oid_len && memcmp(p, oid, len) == 0;
		p += len;
		if (found) {
			int critical;

			(void)mbedtls_asn1_get_bool(&p, ext_end, &critical);
			if (mbedtls_asn1_get_tag(&p, ext_end, &len,
			    MBEDTLS_ASN1_OCTET_STRING) != 0)
				return (PIN_EINVAL);
			*out = p;
			*out_len = len;
			return (PIN_OK);
		}
		p = ext_end;
	}
	return (PIN_ENOTFOUND);
}

int64_t
tls__crt_end(const mbedtls_x509_crt *c)
{
	const mbedtls_x509_time *t = &c->valid_to;
	/* Days from civil, proleptic Gregorian. */
	int64_t y = t->year - (t->mon <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (t->mon + (t->mon > 2 ? -3 : 9)) + 2) / 5 +
	    t->day - 1;
	int64_t days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy -
	    719468;

	return (((days * 24 + t->hour) * 60 + t->min) * 60 + t->sec);
}

/* ---- the chain ------------------------------------------------------ */

static int
on_chain(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	int64_t *until = arg, end = tls__crt_end(crt);

	(void)depth;
	(void)flags;
	if (end < *until)
		*until = end;
	return (0);
}

/* Verifying a chain costs one signature check a certificate, a quarter of a
 * mutual handshake; clients come back with the same certificate. What is
 * remembered is that this very leaf was signed by one of our CAs and when the
 * first of the chain expires; it dies with the CAs' generation. */
int
tls__verify_client(struct tls__ctx *c, mbedtls_x509_crt *crt, uint32_t *bad,
    struct pin_err *err)
{
	int64_t now = pin_host_wall(c->host) / 1000000000, until = INT64_MAX;
	struct tls__known *k;
	uint8_t leaf[32];
	int r;

	*bad = 0;
	if (c->known == NULL)
		c->known = pin_xcalloc(TLS_KNOWN_MAX, sizeof(*k));
	tls_sha256(crt->raw.p, crt->raw.len, leaf);
	k = &c->known[((uint32_t)leaf[0] << 8 | leaf[1]) % TLS_KNOWN_MAX];
	if (k->until_s > now && memcmp(k->leaf, leaf, sizeof(leaf)) == 0 &&
	    !mbedtls_x509_time_is_future(&crt->valid_from))
		return (PIN_OK);
	r = mbedtls_x509_crt_verify_with_profile(crt, &c->ca, NULL,
	    &tls__profile, NULL, bad, on_chain, &until);
	if (r == 0 && *bad == 0) {
		memcpy(k->leaf, leaf, sizeof(leaf));
		k->until_s = until;
		return (PIN_OK);
	}
	if (*bad == 0 || r != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
		*bad |= MBEDTLS_X509_BADCERT_OTHER;
		return (tls__err(err, PIN_EUNAUTH, r, "peer certificate"));
	}
	return (PIN_EUNAUTH);
}

/* ---- the base point's table ----------------------------------------- */

#if MBEDTLS_VERSION_NUMBER < 0x03000000
/* 2.28 computes a table of the base point in each group it meets and keeps it
 * there; a peer's key is met once. */
static int
warm_make(mbedtls_ecp_group *g, mbedtls_ctr_drbg_context *rng)
{
	mbedtls_ecp_point p;
	mbedtls_mpi m;
	int r;

	mbedtls_ecp_point_init(&p);
	mbedtls_mpi_init(&m);
	r = mbedtls_ecp_group_load(g, MBEDTLS_ECP_DP_SECP256R1);
	if (r == 0)
		r = mbedtls_mpi_lset(&m, 3);
	if (r == 0)
		r = mbedtls_ecp_mul(g, &p, &m, &g->G, mbedtls_ctr_drbg_random,
		    rng);
	mbedtls_ecp_point_free(&p);
	mbedtls_mpi_free(&m);
	return (r);
}

static void
table_free(mbedtls_ecp_point *t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		mbedtls_ecp_point_free(&t[i]);
	free(t);
}

void
tls__warm(struct tls__ctx *c, mbedtls_x509_crt *crt)
{
	mbedtls_ecp_group *g;
	mbedtls_ecp_point *t;
	size_t i, n;

	if (!mbedtls_pk_can_do(&crt->pk, MBEDTLS_PK_ECDSA))
		return;
	g = &mbedtls_pk_ec(crt->pk)->grp;
	if (g->id != MBEDTLS_ECP_DP_SECP256R1 || g->T != NULL)
		return;
	if (c->warm.T == NULL && warm_make(&c->warm, &c->rng) != 0)
		return;
	n = c->warm.T_size;
	if (c->warm.T == NULL || n == 0)
		return;
	t = calloc(n, sizeof(*t));
	for (i = 0; t != NULL && i < n; i++) {
		mbedtls_ecp_point_init(&t[i]);
		if (mbedtls_ecp_copy(&t[i], &c->warm.T[i]) != 0) {
			table_free(t, i + 1);
			return;
		}
	}
	g->T = t;
	g->T_size = t != NULL ? n : 0;
}

void
tls__cool(mbedtls_x509_crt *crt)
{
	mbedtls_ecp_group *g;

	if (!mbedtls_pk_can_do(&crt->pk, MBEDTLS_PK_ECDSA))
		return;
	g = &mbedtls_pk_ec(crt->pk)->grp;
	if (g->T != NULL)
		table_free(g->T, g->T_size);
	g->T = NULL;
	g->T_size = 0;
}
#else
void
tls__warm(struct tls__ctx *c, mbedtls_x509_crt *crt)
{
	(void)c;			/* 3.x has static tables */
	(void)crt;
}

void
tls__cool(mbedtls_x509_crt *crt)
{
	(void)crt;
}
#endif

/* ---- usage and names ------------------------------------------------ */

/* Absent usages allow everything, as RFC 5280 and Go have it. */
int
tls__check_usage(const mbedtls_x509_crt *crt, int server_side,
    struct pin_err *err)
{
	const char *oid = server_side ? MBEDTLS_OID_SERVER_AUTH :
	    MBEDTLS_OID_CLIENT_AUTH;

	if (mbedtls_x509_crt_check_key_usage(crt,
	    MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
		return (pin_err_set(err, PIN_EUNAUTH,
		    "peer certificate: key usage lacks digitalSignature"));
	if (mbedtls_x509_crt_check_extended_key_usage(crt, oid,
	    sizeof(MBEDTLS_OID_SERVER_AUTH) - 1) != 0)
		return (pin_err_set(err, PIN_EUNAUTH,
		    "peer certificate: extended key usage lacks %s",
		    server_side ? "serverAuth" : "clientAuth"));
	return (PIN_OK);
}

/* "*.example.com" stands for exactly one label, the leftmost. */
static int
dns_matches(const char *pat, size_t len, const char *name)
{
	size_t n = strlen(name);
	const char *dot;

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (len == n && strncasecmp(pat, name, n) == 0)
		return (1);
	if (len < 3 || pat[0] != '*' || pat[1] != '.' ||
	    memchr(pat + 2, '.', len - 2) == NULL)
		return (0);
	dot = memchr(name, '.', n);
	if (dot == NULL || dot == name)
		return (0);
	n -= (size_t)(dot - name);
	return (n == len - 1 && strncasecmp(pat + 1, dot, n) == 0);
}

/* Subject alternative names only; a CN is not a name (as in Go). */
int
tls__check_name(const mbedtls_x509_crt *crt, const char *name,
    struct pin_err *err)
{
	uint8_t ip[16];
	size_t ip_len = tls__ip_parse(name, ip), len;
	const uint8_t *ext;
	unsigned char *p, *end;

	if (tls__find_ext(crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
	    sizeof(MBEDTLS_OID_SUBJECT_ALT_NAME) - 1, &ext, &len) != PIN_OK)
		return (pin_err_set(err, PIN_EUNAUTH,
		    "certificate has no subject alternative names"));
	p = (unsigned char *)(uintptr_t)ext;
	end = p + len;
	if (mbedtls_asn1_get_tag(&p, end, &len, MBEDTLS_ASN1_CONSTRUCTED |
	    MBEDTLS_ASN1_SEQUENCE) != 0)
		goto bad;
	end = p + len;
	while (p < end) {
		unsigned char tag = *p++;

		if (mbedtls_asn1_get_len(&p, end, &len) != 0)
			goto bad;
		if (tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) && ip_len > 0 &&
		    len == ip_len && memcmp(p, ip, len) == 0)
			return (PIN_OK);
		if (tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2) && ip_len == 0 &&
		    dns_matches((const char *)p, len, name))
			return (PIN_OK);
		p += len;
	}
bad:
	return (pin_err_set(err, PIN_EUNAUTH, "certificate is not valid for %s",
	    name));
}
