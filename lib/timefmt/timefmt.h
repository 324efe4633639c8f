/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timefmt.h -- the times of the API as text: Time, MicroTime, Duration, and
 * the ages that tables show. No clock, no local time zone.
 * Pure, any thread.
 * Contract: accepts, refuses and says what Go's time package does. */
#ifndef PINTLE_TIMEFMT_H
#define PINTLE_TIMEFMT_H

#include <pintle/abi.h>
#include <pintle/err.h>

#define PIN_TIME_TEXT_MAX	40
#define PIN_DURATION_TEXT_MAX	32
#define PIN_AGE_TEXT_MAX	24

/* 0001-01-01T00:00:00Z, which the API writes as null. */
#define PIN_TIME_ZERO		(INT64_C(-62135596800))

/* Seconds since 1970, UTC. A fraction of a second is dropped. PIN_EINVAL. */
PIN_API int	 pin_time_parse(struct pin_str, int64_t *sec,
    struct pin_err *);
/* Microseconds since 1970; exactly six digits of fraction. */
PIN_API int	 pin_microtime_parse(struct pin_str, int64_t *usec,
    struct pin_err *);
/* NUL-terminated, in UTC with a Z. Return the length. */
PIN_API size_t	 pin_time_format(int64_t sec, char out[PIN_TIME_TEXT_MAX]);
PIN_API size_t	 pin_microtime_format(int64_t usec,
    char out[PIN_TIME_TEXT_MAX]);

/* Go's durations, "1h2m3.5s", in nanoseconds. */
PIN_API int	 pin_duration_parse(struct pin_str, int64_t *nsec,
    struct pin_err *);
PIN_API size_t	 pin_duration_format(int64_t nsec,
    char out[PIN_DURATION_TEXT_MAX]);

/* "5d", "3h2m": two or three figures, as kubectl shows an age. */
PIN_API size_t	 pin_age_format(int64_t sec, char out[PIN_AGE_TEXT_MAX]);

#endif
