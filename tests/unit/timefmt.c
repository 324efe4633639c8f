/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timefmt -- times, durations and ages, against answers of Go.
 * One thread. Contract: lib/timefmt/timefmt.h. */
#include "lib/timefmt/timefmt.h"

#include "tap.h"

static const struct {
	const char	*in;
	const char	*out;		/* in UTC, or the message */
} times[] = {
	{ "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z" },
	{ "2024-02-29T23:59:59+05:30", "2024-02-29T18:29:59Z" },
	{ "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z" },
	{ "1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59Z" },
	{ "2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05Z" },
	{ "9999-12-31T23:59:59-01:00", "10000-01-01T00:59:59Z" },
	{ "2026-01-02T3:04:05Z", "2026-01-02T03:04:05Z" },
	{ "0000-01-01T00:00:00+23:59", "-0001-12-31T00:01:00Z" },
	{ "abc", "parsing time \"abc\" as \"2006-01-02T15:04:05Z07:00\": "
	    "cannot parse \"abc\" as \"2006\"" },
	{ "", "parsing time \"\" as \"2006-01-02T15:04:05Z07:00\": "
	    "cannot parse \"\" as \"2006\"" },
	{ "2026-13-01T00:00:00Z",
	    "parsing time \"2026-13-01T00:00:00Z\": month out of range" },
	{ "2023-02-29T00:00:00Z",
	    "parsing time \"2023-02-29T00:00:00Z\": day out of range" },
	{ "2026-01-02T03:04:05Zx",
	    "parsing time \"2026-01-02T03:04:05Zx\": extra text: \"x\"" },
	{ "2026-01-02T03:04:05", "parsing time \"2026-01-02T03:04:05\" as "
	    "\"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as "
	    "\"Z07:00\"" },
	{ "2026-01-02", "parsing time \"2026-01-02\" as "
	    "\"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"T\"" },
	{ "2026-01-02T24:00:00Z",
	    "parsing time \"2026-01-02T24:00:00Z\": hour out of range" },
};

static void
test_time(void)
{
	char out[PIN_TIME_TEXT_MAX];
	struct pin_err e;
	int64_t sec, t;
	size_t i, len;

	CASE("times are read as Go reads them and written in UTC") {
		for (i = 0; i < PIN_LEN(times); i++) {
			if (pin_time_parse(pin_str(times[i].in), &sec,
			    &e) != PIN_OK) {
				CHECK_STR(e.text, times[i].out);
				CHECK_INT(e.code, PIN_EINVAL);
				continue;
			}
			len = pin_time_format(sec, out);
			CHECK_UINT(len, strlen(out));
			CHECK_STR(out, times[i].out);
		}
	}
	CASE("known instants have their numbers") {
		(void)pin_time_parse(PIN_STR("1970-01-01T00:00:00Z"), &sec,
		    &e);
		CHECK_INT(sec, 0);
		(void)pin_time_parse(PIN_STR("2000-03-01T00:00:00Z"), &sec,
		    &e);
		CHECK_INT(sec, 951868800);
		(void)pin_time_parse(PIN_STR("0001-01-01T00:00:00Z"), &sec,
		    &e);
		CHECK_INT(sec, PIN_TIME_ZERO);
	}
	CASE("writing and reading are inverse over four centuries") {
		for (t = PIN_TIME_ZERO; t < INT64_C(250000000000);
		    t += 86400 * 97 + 12345) {
			(void)pin_time_format(t, out);
			CHECK_INT(pin_time_parse(pin_str(out), &sec, NULL),
			    PIN_OK);
			CHECK_INT(sec, t);
		}
	}
}

static void
test_microtime(void)
{
	char out[PIN_TIME_TEXT_MAX];
	struct pin_err e;
	int64_t us = 0;

	CASE("micro times have exactly six digits") {
		CHECK_INT(pin_microtime_parse(
		    PIN_STR("1969-12-31T23:59:59.500000Z"), &us, &e), PIN_OK);
		CHECK_INT(us, -500000);
		(void)pin_microtime_format(us, out);
		CHECK_STR(out, "1969-12-31T23:59:59.500000Z");
		CHECK_INT(pin_microtime_parse(PIN_STR("2026-01-02T03:04:05Z"),
		    &us, &e), PIN_EINVAL);
		CHECK_STR(e.text, "parsing time \"2026-01-02T03:04:05Z\" as "
		    "\"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" "
		    "as \".000000\"");
	}
}

static const struct {
	const char	*in;
	const char	*out;
} durations[] = {
	{ "0", "0s" }, { "1s", "1s" }, { "1h2m3.5s", "1h2m3.5s" },
	{ "-1.5h", "-1h30m0s" }, { "100ms", "100ms" }, { "1us", "1\xc2\xb5s" },
	{ "90m", "1h30m0s" }, { "0.1ns", "0s" }, { "3600s", "1h0m0s" },
	{ "9223372036854775807ns", "2562047h47m16.854775807s" },
	{ "-9223372036854775808ns", "-2562047h47m16.854775808s" },
	{ "", "time: invalid duration \"\"" },
	{ "9223372036854775808ns",
	    "time: invalid duration \"9223372036854775808ns\"" },
	{ "1.5", "time: missing unit in duration \"1.5\"" },
	{ "1x", "time: unknown unit \"x\" in duration \"1x\"" },
	{ ".s", "time: invalid duration \".s\"" },
	{ "3000000h", "time: invalid duration \"3000000h\"" },
};

static void
test_duration(void)
{
	char out[PIN_DURATION_TEXT_MAX];
	struct pin_err e;
	int64_t ns;
	size_t i, len;

	CASE("durations are read and written as Go does") {
		for (i = 0; i < PIN_LEN(durations); i++) {
			if (pin_duration_parse(pin_str(durations[i].in), &ns,
			    &e) != PIN_OK) {
				CHECK_STR(e.text, durations[i].out);
				continue;
			}
			len = pin_duration_format(ns, out);
			CHECK_UINT(len, strlen(out));
			CHECK_STR(out, durations[i].out);
		}
	}
}

static const struct {
	int64_t		 sec;
	const char	*out;
} ages[] = {
	{ -5, "<invalid>" }, { -1, "0s" }, { 0, "0s" }, { 119, "119s" },
	{ 120, "2m" }, { 125, "2m5s" }, { 600, "10m" }, { 10799, "179m" },
	{ 10800, "3h" }, { 10860, "3h1m" }, { 28800, "8h" },
	{ 172799, "47h" }, { 172800, "2d" }, { 180000, "2d2h" },
	{ 691200, "8d" }, { 63072000, "2y" }, { 63158400, "2y1d" },
	{ 31536000, "365d" }, { INT64_C(252288000), "8y" },
	{ INT64_MAX, "292471208677y" },
};

static void
test_age(void)
{
	char out[PIN_AGE_TEXT_MAX];
	size_t i, len;

	CASE("ages have two or three figures") {
		for (i = 0; i < PIN_LEN(ages); i++) {
			len = pin_age_format(ages[i].sec, out);
			CHECK_UINT(len, strlen(out));
			CHECK_STR(out, ages[i].out);
		}
	}
}

int
main(void)
{
	test_time();
	test_microtime();
	test_duration();
	test_age();
	return (tap_done());
}
