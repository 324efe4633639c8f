/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sha256.c -- the one place where the loader meets a crypto library.
 * Any thread. Contract: loader_int.h. */
#include "core/loader/loader_int.h"

#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR >= 4
#include <psa/crypto.h>
#else
#include <mbedtls/sha256.h>
#endif

int
pin__sha256(const void *p, size_t len, unsigned char out[32])
{
#if MBEDTLS_VERSION_MAJOR >= 4
	size_t n;

	if (psa_crypto_init() != PSA_SUCCESS ||
	    psa_hash_compute(PSA_ALG_SHA_256, p, len, out, 32, &n) !=
	    PSA_SUCCESS)
		return (PIN_EINTERNAL);
	return (PIN_OK);
#elif MBEDTLS_VERSION_MAJOR == 3
	return (mbedtls_sha256(p, len, out, 0) == 0 ? PIN_OK :
	    PIN_EINTERNAL);
#else
	return (mbedtls_sha256_ret(p, len, out, 0) == 0 ? PIN_OK :
	    PIN_EINTERNAL);
#endif
}
