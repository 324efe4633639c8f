/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scan.h -- finds the byte that ends a run of plain string bytes. The one
 * file that knows the processor: SSE2 where there is, else eight bytes at a
 * time in a 64-bit word.
 * Pure. Both scanners read up to 15 bytes behind what they look for. */
#ifndef PINTLE_JSON_SCAN_H
#define PINTLE_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && defined(__GNUC__) && !defined(PIN_SCAN_PORTABLE)
#include <emmintrin.h>

/* First '"', '\\', control or non-ASCII byte. The buffer must hold such a
 * byte, and 16 readable bytes from every place it may be at. */
static inline const char *
pin__scan_string(const char *p)
{
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i slash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	for (;; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i m = _mm_or_si128(_mm_cmpeq_epi8(v, quote),
		    _mm_or_si128(_mm_cmpeq_epi8(v, slash),
		    _mm_cmplt_epi8(v, space)));	/* signed: >= 0x80 too */
		unsigned int bits = (unsigned int)_mm_movemask_epi8(m);

		if (bits != 0)
			return (p + __builtin_ctz(bits));
	}
}

/* First byte at or after p and before end that a JSON writer must look at:
 * the above and '<', '>', '&'; end when there is none. */
static inline const char *
pin__scan_plain(const char *p, const char *end)
{
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i slash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');
	const __m128i lt = _mm_set1_epi8('<');
	const __m128i amp = _mm_set1_epi8('&');
	const __m128i two = _mm_set1_epi8(2);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i m = _mm_or_si128(_mm_cmpeq_epi8(v, quote),
		    _mm_or_si128(_mm_cmpeq_epi8(v, slash),
		    _mm_cmplt_epi8(v, space)));
		__m128i h = _mm_or_si128(_mm_cmpeq_epi8(v, amp),
		    _mm_cmpeq_epi8(_mm_andnot_si128(two, v), lt));
		unsigned int bits = (unsigned int)_mm_movemask_epi8(
		    _mm_or_si128(m, h));

		if (bits != 0)
			return (p + __builtin_ctz(bits));
	}
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < ' ' || c >= 0x80 || c == '"' || c == '\\' ||
		    c == '<' || c == '>' || c == '&')
			break;
	}
	return (p);
}
#else
#define PIN__ONES	UINT64_C(0x0101010101010101)
#define PIN__HIGHS	UINT64_C(0x8080808080808080)

/* High bit set in (at least) the lowest byte of v that equals c. */
static inline uint64_t
pin__swar_eq(uint64_t v, unsigned char c)
{
	uint64_t x = v ^ (PIN__ONES * c);

	return ((x - PIN__ONES) & ~x & PIN__HIGHS);
}

static inline int
pin__string_stop(unsigned char c)
{
	return (c < ' ' || c >= 0x80 || c == '"' || c == '\\');
}

static inline const char *
pin__scan_string(const char *p)
{
	uint64_t v;

	for (;; p += 8) {
		memcpy(&v, p, 8);
		if ((pin__swar_eq(v, '"') | pin__swar_eq(v, '\\') |
		    ((v - PIN__ONES * ' ') & PIN__HIGHS) |
		    (v & PIN__HIGHS)) != 0)
			break;
	}
	while (!pin__string_stop((unsigned char)*p))
		p++;
	return (p);
}

static inline const char *
pin__scan_plain(const char *p, const char *end)
{
	uint64_t v;

	for (; end - p >= 8; p += 8) {
		memcpy(&v, p, 8);
		if ((pin__swar_eq(v, '"') | pin__swar_eq(v, '\\') |
		    pin__swar_eq(v & ~(PIN__ONES * 2), '<') |
		    pin__swar_eq(v, '&') |
		    ((v - PIN__ONES * ' ') & PIN__HIGHS) |
		    (v & PIN__HIGHS)) != 0)
			break;
	}
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (pin__string_stop(c) || c == '<' || c == '>' || c == '&')
			break;
	}
	return (p);
}
#endif

#endif
