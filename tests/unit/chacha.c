/* SPDX-License-Identifier: BSD-2-Clause
 *
 * chacha -- our ChaCha20 under mbedTLS's name: RFC 8439's vector, every length
 * against a plain implementation, in pieces, in place, over a counter's end;
 * and that it is the one the library itself calls.
 * Pure. Contract: core/tls/chacha.c. */
#include "core/tls/tls_int.h"

#include <mbedtls/chacha20.h>
#include <mbedtls/chachapoly.h>

#include "tap.h"

#define MAX	3000

static uint32_t
rot(uint32_t x, int n)
{
	return (x << n | x >> (32 - n));
}

static void
quarter(uint32_t *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rot(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rot(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rot(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rot(x[b] ^ x[c], 7);
}

/* As the RFC writes it, one byte after another. */
static void
plain(const uint8_t key[32], const uint8_t nonce[12], uint32_t counter,
    const uint8_t *in, uint8_t *out, size_t len)
{
	static const int q[8][4] = { { 0, 4, 8, 12 }, { 1, 5, 9, 13 },
	    { 2, 6, 10, 14 }, { 3, 7, 11, 15 }, { 0, 5, 10, 15 },
	    { 1, 6, 11, 12 }, { 2, 7, 8, 13 }, { 3, 4, 9, 14 } };
	uint32_t s[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t x[16];
	size_t at;
	int i, r;

	for (i = 0; i < 8; i++)
		s[4 + i] = (uint32_t)key[i * 4] | (uint32_t)key[i * 4 + 1] <<
		    8 | (uint32_t)key[i * 4 + 2] << 16 |
		    (uint32_t)key[i * 4 + 3] << 24;
	for (i = 0; i < 3; i++)
		s[13 + i] = (uint32_t)nonce[i * 4] |
		    (uint32_t)nonce[i * 4 + 1] << 8 |
		    (uint32_t)nonce[i * 4 + 2] << 16 |
		    (uint32_t)nonce[i * 4 + 3] << 24;
	s[12] = counter;
	for (at = 0; at < len; at++) {
		if (at % 64 == 0) {
			memcpy(x, s, sizeof(x));
			for (r = 0; r < 80; r++)
				quarter(x, q[r % 8][0], q[r % 8][1],
				    q[r % 8][2], q[r % 8][3]);
			for (i = 0; i < 16; i++)
				x[i] += s[i];
			s[12]++;
		}
		out[at] = in[at] ^ (uint8_t)(x[at % 64 / 4] >>
		    at % 4 * 8);
	}
}

int
main(void)
{
	static const char text[] = "Ladies and Gentlemen of the class of '99: "
	    "If I could offer you only one tip for the future, sunscreen "
	    "would be it.";
	static uint8_t in[MAX], want[MAX], got[MAX];
	mbedtls_chacha20_context c;
	uint8_t key[32], nonce[12] = { 0, 0, 0, 0, 0, 0, 0, 0x4a };
	size_t len, at, k;

	CHECK_INT(tls__init(NULL), 0);
	for (k = 0; k < 32; k++)
		key[k] = (uint8_t)k;
	for (k = 0; k < MAX; k++)
		in[k] = (uint8_t)(k * 7 + k / 256);
	CASE("RFC 8439 2.4.2") {
		CHECK_INT(mbedtls_chacha20_crypt(key, nonce, 1, 114,
		    (const uint8_t *)text, got), 0);
		CHECK_MEM(got, 8, "\x6e\x2e\x35\x9a\x25\x68\xf9\x80", 8);
		CHECK_MEM(got + 106, 8, "\x8e\xed\xf2\x78\x5e\x42\x87\x4d", 8);
	}
	CASE("every length, and over the end of the counter") {
		for (len = 0; len < MAX; len++) {
			uint32_t ctr = len % 2 ? 1 : 0xfffffff9u;

			plain(key, nonce, ctr, in, want, len);
			memcpy(got, in, len);
			(void)mbedtls_chacha20_crypt(key, nonce, ctr, len, got,
			    got);
			if (memcmp(got, want, len) != 0)
				CHECK_UINT(len, MAX);
		}
	}
	CASE("in pieces of every size") {
		plain(key, nonce, 5, in, want, MAX);
		for (k = 1; k < 700; k++) {
			mbedtls_chacha20_init(&c);
			(void)mbedtls_chacha20_setkey(&c, key);
			(void)mbedtls_chacha20_starts(&c, nonce, 5);
			for (at = 0; at < MAX; at += len) {
				len = MAX - at < k ? MAX - at : k;
				(void)mbedtls_chacha20_update(&c, len, in + at,
				    got + at);
			}
			mbedtls_chacha20_free(&c);
			if (memcmp(got, want, MAX) != 0)
				CHECK_UINT(k, MAX);
		}
	}
	CASE("the library's own calls come to ours") {
		mbedtls_chachapoly_context p;
		uint8_t before[64];

		/* The library leaves each block's key stream in the context,
		 * ours does so for the last, short one only. */
		mbedtls_chachapoly_init(&p);
		(void)mbedtls_chachapoly_setkey(&p, key);
		(void)mbedtls_chachapoly_starts(&p, nonce,
		    MBEDTLS_CHACHAPOLY_ENCRYPT);
		memcpy(before, p.chacha20_ctx.keystream8, 64);
		(void)mbedtls_chachapoly_update(&p, 512, in, got);
		CHECK_MEM(p.chacha20_ctx.keystream8, 64, before, 64);
		mbedtls_chachapoly_free(&p);
		plain(key, nonce, 1, in, want, 512);
		CHECK_MEM(got, 512, want, 512);
	}
	return (tap_done());
}
