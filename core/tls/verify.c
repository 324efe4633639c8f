/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verify.c -- our own look at a certificate whose chain mbedTLS has verified:
 * key usage, extended key usage, names and addresses (2.28 knows no IP
 * addresses), and a finder of extensions.
 * Pure; any thread.
 * Contract: tls_int.h; RFC 5280 4.2.1, RFC 6125. */
#include "tls_int.h"

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
