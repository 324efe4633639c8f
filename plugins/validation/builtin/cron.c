/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cron.c -- would a CronJob's schedule parse? Five fields, or @hourly and its
 * like, or @every DURATION.
 * Pure. Contract: the standard parser of robfig/cron v3, with its messages. */
#include "plugins/validation/builtin/builtin.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/timefmt/timefmt.h"

#define SHOWN_MAX	400	/* bytes of an expression in a message */

static const struct bounds {
	unsigned	 min, max;
	const char	*names;		/* of min, min + 1, ... */
} bounds[] = {
	{ 0, 59, "" },
	{ 0, 23, "" },
	{ 1, 31, "" },
	{ 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec" },
	{ 0, 6, "sun mon tue wed thu fri sat" },
};

static int
shown(struct pin_str s)
{
	return ((int)(s.len < SHOWN_MAX ? s.len : SHOWN_MAX));
}

/* Up to `sep`; the rest is what comes after it. 0: nothing was left. */
static int
cut(struct pin_str *rest, char sep, struct pin_str *out)
{
	const char *p;

	if (rest->p == NULL)
		return (0);
	p = rest->len > 0 ? memchr(rest->p, sep, rest->len) : NULL;
	*out = *rest;
	if (p == NULL) {
		rest->p = NULL;
		return (1);
	}
	out->len = (size_t)(p - rest->p);
	rest->p = p + 1;
	rest->len -= out->len + 1;
	return (1);
}

static int
number(struct pin_str s, unsigned *out, char *why, size_t size)
{
	long n = 0;
	size_t i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+'), at = i;

	for (; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		if (n < INT_MAX / 10)
			n = n * 10 + (s.p[i] - '0');
	if (i < s.len || i == at) {
		snprintf(why, size, "failed to parse int from %.*s: "
		    "strconv.Atoi: parsing \"%.*s\": invalid syntax",
		    shown(s), s.len > 0 ? s.p : "", shown(s),
		    s.len > 0 ? s.p : "");
		return (0);
	}
	if (at == 1 && s.p[0] == '-' && n > 0) {
		snprintf(why, size, "negative number (%ld) not allowed: %.*s",
		    -n, shown(s), s.p);
		return (0);
	}
	*out = (unsigned)n;
	return (1);
}

static int
value(struct pin_str s, const struct bounds *b, unsigned *out, char *why,
    size_t size)
{
	const char *p = b->names;
	unsigned n;

	for (n = b->min; *p != '\0'; n++, p += p[3] == ' ' ? 4 : 3)
		if (s.len == 3 && strncasecmp(p, s.p, 3) == 0) {
			*out = n;
			return (1);
		}
	return (number(s, out, why, size));
}

/* A-B/STEP, or parts of it. */
static int
range(struct pin_str e, const struct bounds *b, char *why, size_t size)
{
	struct pin_str rest = e, span, step, low, high, more;
	unsigned start, end, by = 1;
	int one, any;

	(void)cut(&rest, '/', &span);
	one = memchr(span.p, '-', span.len) == NULL;
	(void)cut(&span, '-', &low);
	any = pin_str_is(low, "*") || pin_str_is(low, "?");
	start = b->min;
	end = b->max;
	if (!any) {
		if (!value(low, b, &start, why, size))
			return (0);
		end = start;
		if (!one) {
			(void)cut(&span, '-', &high);
			if (span.p != NULL)
				return (snprintf(why, size, "too many hyphens:"
				    " %.*s", shown(e), e.p), 0);
			if (!value(high, b, &end, why, size))
				return (0);
		}
	}
	if (cut(&rest, '/', &step)) {
		if (cut(&rest, '/', &more))
			return (snprintf(why, size, "too many slashes: %.*s",
			    shown(e), e.p), 0);
		if (!number(step, &by, why, size))
			return (0);
		if (one)
			end = b->max;
	}
	if (start < b->min)
		snprintf(why, size, "beginning of range (%u) below minimum "
		    "(%u): %.*s", start, b->min, shown(e), e.p);
	else if (end > b->max)
		snprintf(why, size, "end of range (%u) above maximum (%u): "
		    "%.*s", end, b->max, shown(e), e.p);
	else if (start > end)
		snprintf(why, size, "beginning of range (%u) beyond end of "
		    "range (%u): %.*s", start, end, shown(e), e.p);
	else if (by == 0)
		snprintf(why, size, "step of range should be a positive "
		    "number: %.*s", shown(e), e.p);
	else
		return (1);
	return (0);
}

static int
descriptor(struct pin_str s, char *why, size_t size)
{
	static const char every[] = "@every ";
	struct pin_str d;
	int64_t ns;

	if (v_word(s, "@yearly @annually @monthly @weekly @daily @midnight "
	    "@hourly"))
		return (1);
	if (pin_str_prefix(s, every)) {
		d = (struct pin_str){ s.p + sizeof(every) - 1,
		    s.len - sizeof(every) + 1 };
		if (pin_duration_parse(d, &ns, NULL) == PIN_OK)
			return (1);
		snprintf(why, size, "failed to parse duration %.*s: time: "
		    "invalid duration \"%.*s\"", shown(s), s.p, shown(d),
		    d.p);
		return (0);
	}
	snprintf(why, size, "unrecognized descriptor: %.*s", shown(s), s.p);
	return (0);
}

static int
blank(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

/* 1, or 0 with why. */
int
cron_parse(struct pin_str s, char *why, size_t size)
{
	struct pin_str field[PIN_LEN(bounds)], list, e;
	size_t n = 0, i = 0, from, len;

	if (s.len > 0 && s.p[0] == '@')
		return (descriptor(s, why, size));
	while (i < s.len) {
		for (; i < s.len && blank(s.p[i]); i++)
			;
		for (from = i; i < s.len && !blank(s.p[i]); i++)
			;
		if (i > from && n++ < PIN_LEN(field))
			field[n - 1] = (struct pin_str){ s.p + from,
			    i - from };
	}
	if (n != PIN_LEN(field)) {
		len = (size_t)snprintf(why, size, "expected exactly 5 fields, "
		    "found %zu: [", n);
		for (i = 0; i < n && i < PIN_LEN(field) && len < size; i++)
			len += (size_t)snprintf(why + len, size - len,
			    "%s%.*s", i > 0 ? " " : "", shown(field[i]),
			    field[i].p);
		if (len < size)
			snprintf(why + len, size - len, "]");
		return (0);
	}
	for (i = 0; i < n; i++)
		for (list = field[i]; cut(&list, ',', &e);)
			if (e.len > 0 && !range(e, &bounds[i], why, size))
				return (0);
	return (1);
}
