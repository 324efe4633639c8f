/* SPDX-License-Identifier: BSD-2-Clause
 *
 * duration.c -- Go's durations, and the ages that tables show.
 * Pure, any thread. Contract: timefmt.h. */
#include "timefmt.h"
#include "timefmt_int.h"

#include <stdio.h>
#include <string.h>

#define TOP	(UINT64_C(1) << 63)

static const struct unit {
	const char	*name;
	uint64_t	 ns;
} units[] = {
	{ "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 },
	{ "\xce\xbcs", 1000 }, { "ms", 1000000 },
	{ "s", UINT64_C(1000000000) }, { "m", UINT64_C(60000000000) },
	{ "h", UINT64_C(3600000000000) },
};

static int
bad(struct pin_err *err, struct pin_str all, const char *what)
{
	char q[QUOTE_MAX];

	pin__time_quote(all, q, sizeof(q));
	return (pin_err_set(err, PIN_EINVAL, "time: %s %s", what, q));
}

static int
is_digit(const char *p, const char *end)
{
	return (p < end && *p >= '0' && *p <= '9');
}

/* Digits at *p as a number up to 2^63; 0 when it is bigger. */
static int
whole(const char **p, const char *end, uint64_t *v)
{
	*v = 0;
	for (; is_digit(*p, end); ++*p) {
		if (*v > TOP / 10)
			return (0);
		*v = *v * 10 + (uint64_t)(**p - '0');
		if (*v > TOP)
			return (0);
	}
	return (1);
}

/* Digits behind the point; what no longer counts is skipped. */
static void
fraction(const char **p, const char *end, uint64_t *f, double *scale)
{
	int over = 0;
	uint64_t y;

	*f = 0;
	*scale = 1;
	for (; is_digit(*p, end); ++*p) {
		if (over || *f > (TOP - 1) / 10) {
			over = 1;
			continue;
		}
		y = *f * 10 + (uint64_t)(**p - '0');
		if (y > TOP) {
			over = 1;
			continue;
		}
		*f = y;
		*scale *= 10;
	}
}

static const struct unit *
find_unit(struct pin_str s)
{
	size_t i;

	for (i = 0; i < PIN_LEN(units); i++) {
		if (pin_str_is(s, units[i].name))
			return (&units[i]);
	}
	return (NULL);
}

/* One number with its unit, added to *sum. */
static int
one_term(struct pin_str all, const char **pp, const char *end, uint64_t *sum,
    struct pin_err *err)
{
	const char *p = *pp, *start = p;
	const struct unit *unit;
	struct pin_str name;
	char q[QUOTE_MAX], what[QUOTE_MAX + 32];
	uint64_t v, f = 0;
	double scale = 1;
	int digits;

	if (*p != '.' && !is_digit(p, end))
		return (bad(err, all, "invalid duration"));
	if (!whole(&p, end, &v))
		return (bad(err, all, "invalid duration"));
	digits = p != start;
	if (p < end && *p == '.') {
		start = ++p;
		fraction(&p, end, &f, &scale);
		digits |= p != start;
	}
	if (!digits)
		return (bad(err, all, "invalid duration"));
	for (start = p; p < end && *p != '.' && !is_digit(p, end); p++)
		;
	if (p == start)
		return (bad(err, all, "missing unit in duration"));
	name = (struct pin_str){ start, (size_t)(p - start) };
	unit = find_unit(name);
	if (unit == NULL) {
		pin__time_quote(name, q, sizeof(q));
		snprintf(what, sizeof(what), "unknown unit %s in duration", q);
		return (bad(err, all, what));
	}
	if (v > TOP / unit->ns)
		return (bad(err, all, "invalid duration"));
	v *= unit->ns;
	if (f > 0)
		v += (uint64_t)((double)f * ((double)unit->ns / scale));
	if (v > TOP || *sum + v > TOP)
		return (bad(err, all, "invalid duration"));
	*sum += v;
	*pp = p;
	return (PIN_OK);
}

int
pin_duration_parse(struct pin_str s, int64_t *nsec, struct pin_err *err)
{
	const char *p = s.p, *end = s.p + s.len;
	uint64_t sum = 0;
	int neg = 0, rc;

	if (s.len == 0)
		return (bad(err, s, "invalid duration"));
	if (*p == '-' || *p == '+')
		neg = *p++ == '-';
	if (end - p == 1 && *p == '0') {
		*nsec = 0;
		return (PIN_OK);
	}
	if (p == end)
		return (bad(err, s, "invalid duration"));
	while (p < end) {
		rc = one_term(s, &p, end, &sum, err);
		if (rc != PIN_OK)
			return (rc);
	}
	if (!neg && sum == TOP)
		return (bad(err, s, "invalid duration"));
	if (neg)
		*nsec = sum == TOP ? INT64_MIN : -(int64_t)sum;
	else
		*nsec = (int64_t)sum;
	return (PIN_OK);
}

/* u / 10^prec with up to prec digits of fraction, trailing zeros dropped. */
static int
put_fraction(uint64_t u, int prec, char *out, size_t size)
{
	uint64_t div = 1;
	char frac[16];
	int i, n;

	for (i = 0; i < prec; i++)
		div *= 10;
	if (u % div == 0)
		return (snprintf(out, size, "%llu",
		    (unsigned long long)(u / div)));
	n = snprintf(frac, sizeof(frac), "%0*llu", prec,
	    (unsigned long long)(u % div));
	while (n > 0 && frac[n - 1] == '0')
		frac[--n] = '\0';
	return (snprintf(out, size, "%llu.%s",
	    (unsigned long long)(u / div), frac));
}

size_t
pin_duration_format(int64_t nsec, char out[PIN_DURATION_TEXT_MAX])
{
	uint64_t u = nsec < 0 ? 0 - (uint64_t)nsec : (uint64_t)nsec, min;
	size_t size = PIN_DURATION_TEXT_MAX;
	char num[40];
	int n = 0;

	if (nsec < 0)
		out[n++] = '-';
	if (u == 0)
		return ((size_t)snprintf(out, size, "0s"));
	if (u < 1000000000) {
		put_fraction(u, u < 1000 ? 0 : u < 1000000 ? 3 : 6, num,
		    sizeof(num));
		n += snprintf(out + n, size - (size_t)n, "%s%s", num,
		    u < 1000 ? "ns" : u < 1000000 ? "\xc2\xb5s" : "ms");
		return ((size_t)n);
	}
	min = u / UINT64_C(60000000000);
	put_fraction(u % UINT64_C(60000000000), 9, num, sizeof(num));
	if (min >= 60)
		n += snprintf(out + n, size - (size_t)n, "%lluh",
		    (unsigned long long)(min / 60));
	if (min > 0)
		n += snprintf(out + n, size - (size_t)n, "%um",
		    (unsigned int)(min % 60));
	n += snprintf(out + n, size - (size_t)n, "%ss", num);
	PIN_ASSERT(n > 0 && (size_t)n < size);
	return ((size_t)n);
}

/* ---- ages ----------------------------------------------------------- */

/* "5d" or "5d3h"; the lesser unit is left out when it is nothing. */
static size_t
two(char *out, int64_t big, char b, int64_t little, char l)
{
	int n;

	if (little == 0)
		n = snprintf(out, PIN_AGE_TEXT_MAX, "%lld%c", (long long)big,
		    b);
	else
		n = snprintf(out, PIN_AGE_TEXT_MAX, "%lld%c%lld%c",
		    (long long)big, b, (long long)little, l);
	return ((size_t)n);
}

/* Two seconds into the future are forgiven: clocks differ. */
size_t
pin_age_format(int64_t sec, char out[PIN_AGE_TEXT_MAX])
{
	int64_t min = sec / 60, hour = min / 60, day = hour / 24;

	if (sec < -1)
		return ((size_t)snprintf(out, PIN_AGE_TEXT_MAX, "<invalid>"));
	if (sec < 120)
		return (two(out, sec < 0 ? 0 : sec, 's', 0, 0));
	if (min < 10)
		return (two(out, min, 'm', sec % 60, 's'));
	if (min < 180)
		return (two(out, min, 'm', 0, 0));
	if (hour < 8)
		return (two(out, hour, 'h', min % 60, 'm'));
	if (hour < 48)
		return (two(out, hour, 'h', 0, 0));
	if (hour < 24 * 8)
		return (two(out, day, 'd', hour % 24, 'h'));
	if (hour < 24 * 365 * 2)
		return (two(out, day, 'd', 0, 0));
	if (hour < 24 * 365 * 8)
		return (two(out, day / 365, 'y', day % 365, 'd'));
	return (two(out, day / 365, 'y', 0, 0));
}
