/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timefmt.c -- Time and MicroTime: RFC 3339 in the way Go reads it.
 * Pure, any thread. Contract: timefmt.h. */
#include "timefmt.h"
#include "timefmt_int.h"

#include <stdio.h>
#include <string.h>

#define DAY	86400

static const char layout_sec[] = "2006-01-02T15:04:05Z07:00";
static const char layout_micro[] = "2006-01-02T15:04:05.000000Z07:00";

/* The rest of a text that is read from left to right. */
struct cursor {
	struct pin_str	 all;
	const char	*p;
	const char	*end;
	const char	*layout;
	struct pin_err	*err;
	int		 nsec;
	int64_t		 offset;	/* of the zone, in seconds */
};

void
pin__time_quote(struct pin_str s, char *out, size_t size)
{
	size_t i, n = 0;

	PIN_ASSERT(size > 8);
	out[n++] = '"';
	for (i = 0; i < s.len && n + 6 < size; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80 || c < ' ') {
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			out[n++] = '\\';
		out[n++] = (char)c;
	}
	out[n++] = '"';
	out[n] = '\0';
}

/* What stands at `at` is not what `elem` of the layout asks for. */
static int
cannot(struct cursor *c, const char *at, const char *elem)
{
	char all[QUOTE_MAX], rest[QUOTE_MAX];

	pin__time_quote(c->all, all, sizeof(all));
	pin__time_quote((struct pin_str){ at, (size_t)(c->end - at) }, rest,
	    sizeof(rest));
	return (pin_err_set(c->err, PIN_EINVAL, "parsing time %s as \"%s\": "
	    "cannot parse %s as \"%s\"", all, c->layout, rest, elem));
}

static int
out_of_range(struct cursor *c, const char *what)
{
	char all[QUOTE_MAX];

	pin__time_quote(c->all, all, sizeof(all));
	return (pin_err_set(c->err, PIN_EINVAL,
	    "parsing time %s: %s out of range", all, what));
}

static int
digit(const struct cursor *c, size_t i)
{
	return (i < (size_t)(c->end - c->p) && c->p[i] >= '0' &&
	    c->p[i] <= '9');
}

static int
skip(struct cursor *c, char ch)
{
	char elem[2] = { ch, '\0' };

	if (c->p == c->end || *c->p != ch)
		return (cannot(c, c->p, elem));
	c->p++;
	return (PIN_OK);
}

/* Two digits, or one where Go lets it pass. */
static int
number(struct cursor *c, const char *elem, int one, int *out)
{
	if (!digit(c, 0) || (!digit(c, 1) && !one))
		return (cannot(c, c->p, elem));
	*out = *c->p++ - '0';
	if (digit(c, 0))
		*out = *out * 10 + (*c->p++ - '0');
	return (PIN_OK);
}

static int
year(struct cursor *c, int *out)
{
	if (!digit(c, 0) || !digit(c, 1) || !digit(c, 2) || !digit(c, 3))
		return (cannot(c, c->p, "2006"));
	*out = (c->p[0] - '0') * 1000 + (c->p[1] - '0') * 100 +
	    (c->p[2] - '0') * 10 + (c->p[3] - '0');
	c->p += 4;
	return (PIN_OK);
}

/* A fraction the layout does not ask for is read nevertheless. */
static void
free_fraction(struct cursor *c)
{
	if (c->p == c->end || (*c->p != '.' && *c->p != ',') || !digit(c, 1))
		return;
	for (c->p++; digit(c, 0); c->p++)
		;
}

/* Six digits, of which Go lets the first be a plus sign. */
static int
micro_fraction(struct cursor *c)
{
	int i, v = 0, plus;

	if (c->end - c->p < 7 || (*c->p != '.' && *c->p != ','))
		return (cannot(c, c->p, ".000000"));
	plus = c->p[1] == '+' || c->p[1] == '-';
	for (i = 1 + plus; i < 7; i++) {
		if (!digit(c, (size_t)i))
			return (cannot(c, c->p, ".000000"));
		v = v * 10 + (c->p[i] - '0');
	}
	if (c->p[1] == '-' && v != 0)
		return (out_of_range(c, "fractional second"));
	c->p += 7;
	c->nsec = v * 1000;
	return (PIN_OK);
}

static int
zone(struct cursor *c)
{
	const char *p = c->p;
	int hour, min = 0, digits;

	if (p < c->end && *p == 'Z') {
		c->p++;
		return (PIN_OK);
	}
	if (c->end - p < 6 || p[3] != ':' || !digit(c, 1) || !digit(c, 2))
		return (cannot(c, p, "Z07:00"));
	hour = (p[1] - '0') * 10 + (p[2] - '0');
	digits = digit(c, 4) && digit(c, 5);
	if (digits)
		min = (p[4] - '0') * 10 + (p[5] - '0');
	if (min > 60)
		return (out_of_range(c, "time zone offset minute"));
	if (hour > 24)
		return (out_of_range(c, "time zone offset hour"));
	if (!digits || (*p != '+' && *p != '-'))
		return (cannot(c, p, "Z07:00"));
	c->offset = (hour * 60 + min) * 60;
	if (*p == '-')
		c->offset = -c->offset;
	c->p += 6;
	return (PIN_OK);
}

static int
days_in(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };

	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		return (29);
	return (days[m - 1]);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, counted in
 * years that begin in March so that the leap day comes last. */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return (era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468);
}

static int
date(struct cursor *c, int *y, int *m, int *d)
{
	int rc;

	if ((rc = year(c, y)) != PIN_OK || (rc = skip(c, '-')) != PIN_OK ||
	    (rc = number(c, "01", 0, m)) != PIN_OK)
		return (rc);
	if (*m < 1 || *m > 12)
		return (out_of_range(c, "month"));
	if ((rc = skip(c, '-')) != PIN_OK ||
	    (rc = number(c, "02", 0, d)) != PIN_OK)
		return (rc);
	return (skip(c, 'T'));
}

static int
clock_time(struct cursor *c, int *sec)
{
	int rc, h, m, s;

	if ((rc = number(c, "15", 1, &h)) != PIN_OK)
		return (rc);
	if (h >= 24)
		return (out_of_range(c, "hour"));
	if ((rc = skip(c, ':')) != PIN_OK ||
	    (rc = number(c, "04", 0, &m)) != PIN_OK)
		return (rc);
	if (m >= 60)
		return (out_of_range(c, "minute"));
	if ((rc = skip(c, ':')) != PIN_OK ||
	    (rc = number(c, "05", 0, &s)) != PIN_OK)
		return (rc);
	if (s >= 60)
		return (out_of_range(c, "second"));
	*sec = (h * 60 + m) * 60 + s;
	return (PIN_OK);
}

static int
parse(struct cursor *c, struct pin_str s, const char *layout, int64_t *out,
    struct pin_err *err)
{
	char all[QUOTE_MAX], rest[QUOTE_MAX];
	int rc, y = 0, m = 1, d = 0, sec = 0;

	memset(c, 0, sizeof(*c));
	c->all = s.len != 0 ? s : PIN_STR("");
	c->p = c->all.p;
	c->end = c->p + s.len;
	c->layout = layout;
	c->err = err;
	if ((rc = date(c, &y, &m, &d)) != PIN_OK ||
	    (rc = clock_time(c, &sec)) != PIN_OK)
		return (rc);
	if (layout == layout_sec)
		free_fraction(c);
	else if ((rc = micro_fraction(c)) != PIN_OK)
		return (rc);
	if ((rc = zone(c)) != PIN_OK)
		return (rc);
	if (c->p != c->end) {
		pin__time_quote(c->all, all, sizeof(all));
		pin__time_quote((struct pin_str){ c->p,
		    (size_t)(c->end - c->p) }, rest, sizeof(rest));
		return (pin_err_set(err, PIN_EINVAL,
		    "parsing time %s: extra text: %s", all, rest));
	}
	if (d < 1 || d > days_in(y, m))
		return (out_of_range(c, "day"));
	*out = days_from_civil(y, m, d) * DAY + sec - c->offset;
	return (PIN_OK);
}

int
pin_time_parse(struct pin_str s, int64_t *sec, struct pin_err *err)
{
	struct cursor c;

	return (parse(&c, s, layout_sec, sec, err));
}

int
pin_microtime_parse(struct pin_str s, int64_t *usec, struct pin_err *err)
{
	struct cursor c;
	int64_t sec;
	int rc;

	rc = parse(&c, s, layout_micro, &sec, err);
	if (rc == PIN_OK)
		*usec = sec * 1000000 + c.nsec / 1000;
	return (rc);
}

/* ---- formatting ----------------------------------------------------- */

static size_t
format(int64_t sec, const char *fraction, char out[PIN_TIME_TEXT_MAX])
{
	int64_t days = sec / DAY, rest = sec % DAY;
	int64_t era, doe, yoe, y, doy, mp;
	int d, m, n;

	if (rest < 0) {
		rest += DAY;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	d = (int)(doy - (153 * mp + 2) / 5 + 1);
	m = (int)(mp + (mp < 10 ? 3 : -9));
	y = yoe + era * 400 + (m <= 2);
	n = snprintf(out, PIN_TIME_TEXT_MAX,
	    "%s%04lld-%02d-%02dT%02d:%02d:%02d%sZ", y < 0 ? "-" : "",
	    (long long)(y < 0 ? -y : y), m, d, (int)(rest / 3600),
	    (int)(rest / 60 % 60), (int)(rest % 60), fraction);
	PIN_ASSERT(n > 0 && n < PIN_TIME_TEXT_MAX);
	return ((size_t)n);
}

size_t
pin_time_format(int64_t sec, char out[PIN_TIME_TEXT_MAX])
{
	return (format(sec, "", out));
}

size_t
pin_microtime_format(int64_t usec, char out[PIN_TIME_TEXT_MAX])
{
	int64_t sec = usec / 1000000, rest = usec % 1000000;
	char fraction[16];

	if (rest < 0) {
		rest += 1000000;
		sec--;
	}
	snprintf(fraction, sizeof(fraction), ".%06d", (int)rest);
	return (format(sec, fraction, out));
}
