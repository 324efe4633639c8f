/* SPDX-License-Identifier: BSD-2-Clause
 *
 * chacha.c -- ChaCha20 eight blocks at a time, in place of mbedTLS's one,
 * which takes half of the time of a GET and more of a LIST. It carries the
 * library's own name and is bound before it (weak: where the library is
 * linked statically, the library's stays, and nothing else changes).
 * Pure; any thread.
 * Contract: mbedtls/chacha20.h; RFC 8439 2.4; tests/unit/chacha.c. Poly1305,
 * keys, nonces and records are the library's. */
#include "tls_int.h"

#if defined(__GNUC__) && MBEDTLS_VERSION_NUMBER < 0x04000000 && \
    defined(MBEDTLS_CHACHA20_C) && !defined(MBEDTLS_CHACHA20_ALT)

#include <string.h>

#include <mbedtls/chacha20.h>
#include <mbedtls/platform_util.h>

#define BLOCK	64u
#define LANES	8u
#define WIDE	(4 * BLOCK)	/* below this one block at a time */
#define INLINE	static inline __attribute__((always_inline))

/* Lane k of each vector belongs to block counter + k. */
typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

#define ROTATE(x, n)	((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d) do {					\
	(a) += (b); (d) ^= (a); (d) = ROTATE((d), 16);			\
	(c) += (d); (b) ^= (c); (b) = ROTATE((b), 12);			\
	(a) += (b); (d) ^= (a); (d) = ROTATE((d), 8);			\
	(c) += (d); (b) ^= (c); (b) = ROTATE((b), 7);			\
} while (0)
#define ROUNDS(x) do {							\
	for (int r_ = 0; r_ < 10; r_++) {				\
		QUARTER((x)[0], (x)[4], (x)[8], (x)[12]);		\
		QUARTER((x)[1], (x)[5], (x)[9], (x)[13]);		\
		QUARTER((x)[2], (x)[6], (x)[10], (x)[14]);		\
		QUARTER((x)[3], (x)[7], (x)[11], (x)[15]);		\
		QUARTER((x)[0], (x)[5], (x)[10], (x)[15]);		\
		QUARTER((x)[1], (x)[6], (x)[11], (x)[12]);		\
		QUARTER((x)[2], (x)[7], (x)[8], (x)[13]);		\
		QUARTER((x)[3], (x)[4], (x)[9], (x)[14]);		\
	}								\
} while (0)

INLINE uint32_t
little(uint32_t w)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (__builtin_bswap32(w));
#else
	return (w);
#endif
}

INLINE size_t
wide(uint32_t st[16], const uint8_t *in, uint8_t *out, size_t len)
{
	uint32_t ks[16][LANES], w;
	lanes x[16], s[16];
	size_t done = 0, n, b, i;
	const uint8_t *p;

	while (len - done >= WIDE) {
		for (i = 0; i < 16; i++)
			s[i] = (lanes){ 0 } + st[i];
		s[12] += (lanes){ 0, 1, 2, 3, 4, 5, 6, 7 };
		memcpy(x, s, sizeof(x));
		ROUNDS(x);
		for (i = 0; i < 16; i++) {
			x[i] += s[i];
			memcpy(ks[i], &x[i], sizeof(x[i]));
		}
		n = (len - done) / BLOCK < LANES ? (len - done) / BLOCK :
		    LANES;
		for (b = 0; b < n; b++)
			for (i = 0; i < 16; i++) {
				p = in + done + b * BLOCK + i * 4;
				memcpy(&w, p, 4);
				w ^= little(ks[i][b]);
				memcpy(out + (p - in), &w, 4);
			}
		st[12] += (uint32_t)n;
		done += n * BLOCK;
	}
	mbedtls_platform_zeroize(ks, sizeof(ks));
	mbedtls_platform_zeroize(x, sizeof(x));
	return (done);
}

static size_t
wide_any(uint32_t st[16], const uint8_t *in, uint8_t *out, size_t len)
{
	return (wide(st, in, out, len));
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static size_t
wide_avx2(uint32_t st[16], const uint8_t *in, uint8_t *out, size_t len)
{
	return (wide(st, in, out, len));
}

static size_t
wide_best(uint32_t st[16], const uint8_t *in, uint8_t *out, size_t len)
{
	if (__builtin_cpu_supports("avx2"))
		return (wide_avx2(st, in, out, len));
	return (wide_any(st, in, out, len));
}
#else
#define wide_best	wide_any
#endif

static void
one(const uint32_t st[16], uint8_t out[BLOCK])
{
	uint32_t x[16], w;
	size_t i;

	memcpy(x, st, sizeof(x));
	ROUNDS(x);
	for (i = 0; i < 16; i++) {
		w = little(x[i] + st[i]);
		memcpy(out + i * 4, &w, 4);
	}
	mbedtls_platform_zeroize(x, sizeof(x));
}

__attribute__((weak, visibility("default"))) int
mbedtls_chacha20_update(mbedtls_chacha20_context *c, size_t size,
    const unsigned char *in, unsigned char *out)
{
	size_t at = 0, n, i;

	while (at < size && c->keystream_bytes_used < BLOCK) {
		out[at] = in[at] ^ c->keystream8[c->keystream_bytes_used++];
		at++;
	}
	if (size - at >= WIDE)
		at += wide_best(c->state, in + at, out + at, size - at);
	while (at < size) {
		n = size - at < BLOCK ? size - at : BLOCK;
		one(c->state, c->keystream8);
		c->state[12]++;
		for (i = 0; i < n; i++)
			out[at + i] = in[at + i] ^ c->keystream8[i];
		at += n;
		c->keystream_bytes_used = n;	/* BLOCK: none left */
	}
	return (0);
}

const char *
tls__chacha(void)
{
#if defined(__x86_64__)
	return (__builtin_cpu_supports("avx2") ? "avx2" : "vector");
#else
	return ("vector");
#endif
}

#else

const char *
tls__chacha(void)
{
	return ("library");
}

#endif
