/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hash.c -- XXH64 after its published specification: checks values read from
 * an engine and carries the running content hash.
 * Not cryptographic: it finds damage, not an adversary. Any thread.
 * Contract: the same number on every machine. */
#include "lib/mvcc/mvcc.h"

#include <string.h>

#define P1	UINT64_C(0x9E3779B185EBCA87)
#define P2	UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3	UINT64_C(0x165667B19E3779F9)
#define P4	UINT64_C(0x85EBCA77C2B2AE63)
#define P5	UINT64_C(0x27D4EB2F165667C5)

static inline uint64_t
rotl(uint64_t x, int r)
{
	return (x << r | x >> (64 - r));
}

/* Compilers make one load of it on little-endian machines. */
static inline uint64_t
load64(const uint8_t *p)
{
	return ((uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	    (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	    (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	    (uint64_t)p[7] << 56);
}

static inline uint64_t
load32(const uint8_t *p)
{
	return ((uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	    (uint64_t)p[3] << 24);
}

static inline uint64_t
step(uint64_t acc, uint64_t lane)
{
	return (rotl(acc + lane * P2, 31) * P1);
}

static inline uint64_t
merge(uint64_t acc, uint64_t v)
{
	return ((acc ^ step(0, v)) * P1 + P4);
}

static uint64_t
stripes(const uint8_t **pp, const uint8_t *end, uint64_t seed)
{
	uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
	const uint8_t *p = *pp;
	uint64_t h;

	while (end - p >= 32) {
		a = step(a, load64(p));
		b = step(b, load64(p + 8));
		c = step(c, load64(p + 16));
		d = step(d, load64(p + 24));
		p += 32;
	}
	h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
	h = merge(h, a);
	h = merge(h, b);
	h = merge(h, c);
	h = merge(h, d);
	*pp = p;
	return (h);
}

uint64_t
pin_hash64(const void *data, size_t len, uint64_t seed)
{
	static const uint8_t none[1];
	const uint8_t *p = data != NULL ? data : none, *end = p + len;
	uint64_t h = len >= 32 ? stripes(&p, end, seed) : seed + P5;

	h += (uint64_t)len;
	for (; end - p >= 8; p += 8)
		h = rotl(h ^ step(0, load64(p)), 27) * P1 + P4;
	if (end - p >= 4) {
		h = rotl(h ^ load32(p) * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		h = rotl(h ^ *p * P5, 11) * P1;
	h ^= h >> 33;
	h *= P2;
	h ^= h >> 29;
	h *= P3;
	return (h ^ h >> 32);
}
