/* SPDX-License-Identifier: BSD-2-Clause
 *
 * digest.c -- SHA-256 of a stream, by the crypto library.
 * Keeps no state. Any thread.
 * Contract: image_int.h. */
#include "core/image/image_int.h"

#include <string.h>

#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR >= 4
#include <psa/crypto.h>
#define SHA_STATE		psa_hash_operation_t
#define sha_start(s)		(psa_crypto_init() != PSA_SUCCESS ||	\
	psa_hash_setup((s), PSA_ALG_SHA_256) != PSA_SUCCESS)
#define sha_update(s, p, n)	psa_hash_update((s), (p), (n))
#else
#include <mbedtls/sha256.h>
#define SHA_STATE		mbedtls_sha256_context
#if MBEDTLS_VERSION_MAJOR == 3
#define sha_start(s)		mbedtls_sha256_starts((s), 0)
#define sha_update(s, p, n)	mbedtls_sha256_update((s), (p), (n))
#define sha_finish(s, out)	mbedtls_sha256_finish((s), (out))
#else
#define sha_start(s)		mbedtls_sha256_starts_ret((s), 0)
#define sha_update(s, p, n)	mbedtls_sha256_update_ret((s), (p), (n))
#define sha_finish(s, out)	mbedtls_sha256_finish_ret((s), (out))
#endif
#endif

_Static_assert(sizeof(SHA_STATE) <= sizeof(struct image__sha),
    "the library's state is larger than the room for it");

void
image__sha_init(struct image__sha *s)
{
	memset(s, 0, sizeof(*s));
	PIN_ASSERT(sha_start((SHA_STATE *)(void *)s) == 0);
}

void
image__sha_add(struct image__sha *s, const void *p, size_t len)
{
	PIN_ASSERT(sha_update((SHA_STATE *)(void *)s, p, len) == 0);
}

void
image__sha_end(struct image__sha *s, char hex[IMAGE_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char out[32];
#if MBEDTLS_VERSION_MAJOR >= 4
	size_t n;

	PIN_ASSERT(psa_hash_finish((SHA_STATE *)(void *)s, out, sizeof(out),
	    &n) == PSA_SUCCESS);
#else
	PIN_ASSERT(sha_finish((SHA_STATE *)(void *)s, out) == 0);
#endif
	for (size_t i = 0; i < sizeof(out); i++) {
		hex[2 * i] = digits[out[i] >> 4];
		hex[2 * i + 1] = digits[out[i] & 15];
	}
	hex[64] = '\0';
}

const char *
image__digest_hex(const char *digest)
{
	const char *hex = digest + 7;

	if (strncmp(digest, "sha256:", 7) != 0 || strlen(hex) != 64 ||
	    strspn(hex, "0123456789abcdef") != 64)
		return (NULL);
	return (hex);
}
