/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scalar.c -- what a plain scalar means in YAML 1.1 as go-yaml v2 reads it,
 * and how Go spells a floating-point number.
 * Pure, any thread. Contract: yaml_int.h. */
#include "yaml_int.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXP_MAX		8	/* "e-308" with its NUL, and more */
#define NUMBER_MAX	512	/* longer texts are no numbers */

/* ---- spelling ------------------------------------------------------- */

/* Digits without point, and the power of ten behind the first of them. */
static int
shortest(double d, int bits, char digits[32], int *exp10)
{
	char buf[64], *e, *p;
	int prec, n = 0;

	for (prec = 0; prec < 17; prec++) {
		snprintf(buf, sizeof(buf), "%.*e", prec, d);
		if (bits == 32 ? strtof(buf, NULL) == (float)d :
		    strtod(buf, NULL) == d)
			break;
	}
	e = strchr(buf, 'e');
	PIN_ASSERT(e != NULL);
	*exp10 = atoi(e + 1);
	for (p = buf; p < e; p++) {
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return (n);
}

/* d.ddde+XX; JSON drops the zero of a two-digit exponent e-0X. */
static size_t
spell_exp(const char *digits, int n, int exp10, int style, char *out)
{
	size_t w = 0;

	out[w++] = digits[0];
	if (n > 1) {
		out[w++] = '.';
		memcpy(out + w, digits + 1, (size_t)n - 1);
		w += (size_t)n - 1;
	}
	return (w + (size_t)snprintf(out + w, EXP_MAX,
	    style == 'j' && exp10 < 0 && exp10 > -10 ? "e%c%d" : "e%c%02d",
	    exp10 < 0 ? '-' : '+', exp10 < 0 ? -exp10 : exp10));
}

static size_t
spell_plain(const char *digits, int n, int exp10, char *out)
{
	size_t w = 0;
	int i;

	if (exp10 < 0) {
		out[w++] = '0';
		out[w++] = '.';
		for (i = -1; i > exp10; i--)
			out[w++] = '0';
		memcpy(out + w, digits, (size_t)n);
		return (w + (size_t)n);
	}
	for (i = 0; i <= exp10; i++)
		out[w++] = i < n ? digits[i] : '0';
	if (i < n) {
		out[w++] = '.';
		memcpy(out + w, digits + i, (size_t)(n - i));
		w += (size_t)(n - i);
	}
	return (w);
}

size_t
pin__yaml_float(double d, int bits, int style, char out[64])
{
	int n, exp10, low, high;
	char digits[32];
	size_t w = 0;

	if (isnan(d))
		return ((size_t)snprintf(out, 64, ".nan"));
	if (isinf(d))
		return ((size_t)snprintf(out, 64, "%s", d < 0 ? "-.inf" :
		    ".inf"));
	if (signbit(d)) {
		out[w++] = '-';
		d = -d;
	}
	n = shortest(d, bits, digits, &exp10);
	if (style == 'j') {
		low = -6;
		high = 21;
	} else {
		low = -4;
		high = 6;
	}
	if (d != 0 && (exp10 < low || exp10 >= high))
		w += spell_exp(digits, n, exp10, style, out + w);
	else
		w += spell_plain(digits, n, d != 0 ? exp10 : 0, out + w);
	out[w] = '\0';
	return (w);
}

/* ---- reading -------------------------------------------------------- */

static const struct word {
	const char	*text;
	int		 type;
	int		 tag;
} words[] = {
	{ "y", PIN_TRUE, TAG_BOOL }, { "Y", PIN_TRUE, TAG_BOOL },
	{ "yes", PIN_TRUE, TAG_BOOL }, { "Yes", PIN_TRUE, TAG_BOOL },
	{ "YES", PIN_TRUE, TAG_BOOL }, { "true", PIN_TRUE, TAG_BOOL },
	{ "True", PIN_TRUE, TAG_BOOL }, { "TRUE", PIN_TRUE, TAG_BOOL },
	{ "on", PIN_TRUE, TAG_BOOL }, { "On", PIN_TRUE, TAG_BOOL },
	{ "ON", PIN_TRUE, TAG_BOOL },
	{ "n", PIN_FALSE, TAG_BOOL }, { "N", PIN_FALSE, TAG_BOOL },
	{ "no", PIN_FALSE, TAG_BOOL }, { "No", PIN_FALSE, TAG_BOOL },
	{ "NO", PIN_FALSE, TAG_BOOL }, { "false", PIN_FALSE, TAG_BOOL },
	{ "False", PIN_FALSE, TAG_BOOL }, { "FALSE", PIN_FALSE, TAG_BOOL },
	{ "off", PIN_FALSE, TAG_BOOL }, { "Off", PIN_FALSE, TAG_BOOL },
	{ "OFF", PIN_FALSE, TAG_BOOL },
	{ "", PIN_NULL, TAG_NULL }, { "~", PIN_NULL, TAG_NULL },
	{ "null", PIN_NULL, TAG_NULL }, { "Null", PIN_NULL, TAG_NULL },
	{ "NULL", PIN_NULL, TAG_NULL },
};

static int
word(struct pin_str s, struct yscalar *out)
{
	size_t i;

	if (s.len > 5)
		return (0);
	for (i = 0; i < PIN_LEN(words); i++) {
		if (pin_str_is(s, words[i].text)) {
			out->type = words[i].type;
			out->tag = words[i].tag;
			return (1);
		}
	}
	return (0);
}

static void
set_float(struct yscalar *out, double d)
{
	out->type = PIN_NUMBER;
	out->tag = TAG_FLOAT;
	out->value = d;
	out->finite = isfinite(d);
	out->len = pin__yaml_float(d, 64, 'j', out->json);
}

/* .inf and .nan with the cases that count. */
static int
special_float(struct pin_str s, struct yscalar *out)
{
	static const char *const inf[] = { ".inf", ".Inf", ".INF" };
	static const char *const nan_[] = { ".nan", ".NaN", ".NAN" };
	struct pin_str t = s;
	size_t i;

	if (t.len == 5 && (t.p[0] == '+' || t.p[0] == '-')) {
		t.p++;
		t.len--;
	}
	for (i = 0; i < PIN_LEN(inf); i++) {
		if (pin_str_is(t, inf[i])) {
			set_float(out, s.p[0] == '-' ? -HUGE_VAL : HUGE_VAL);
			return (1);
		}
		if (pin_str_is(s, nan_[i])) {
			set_float(out, NAN);
			return (1);
		}
	}
	return (0);
}

/* An integer as Go reads it with base 0: 0x, 0o, 0b, or a leading 0. */
static int
integer(const char *p, struct yscalar *out)
{
	uint64_t v = 0, max = UINT64_MAX;
	int neg = 0, sign = 0, base = 10, d;

	if (*p == '-' || *p == '+') {
		sign = 1;
		neg = *p++ == '-';
		max = (uint64_t)INT64_MAX + (uint64_t)neg;
	}
	if (p[0] == '0' && p[1] != '\0') {
		base = p[1] == 'x' || p[1] == 'X' ? 16 : p[1] == 'b' ||
		    p[1] == 'B' ? 2 : p[1] == 'o' || p[1] == 'O' ? 8 : 0;
		p += base != 0 ? 2 : 1;
		base = base != 0 ? base : 8;
	}
	if (*p == '\0')
		return (0);
	for (; *p != '\0'; p++) {
		d = *p >= '0' && *p <= '9' ? *p - '0' :
		    (*p | 32) >= 'a' && (*p | 32) <= 'f' ?
		    (*p | 32) - 'a' + 10 : 99;
		if (d >= base || v > (max - (uint64_t)d) / (uint64_t)base)
			return (0);
		v = v * (uint64_t)base + (uint64_t)d;
	}
	PIN_ASSERT(sign || !neg);
	out->type = PIN_NUMBER;
	out->tag = TAG_INT;
	out->finite = 1;
	out->wide = v > INT64_MAX && !neg;
	out->value = neg ? -(double)v : (double)v;
	out->len = (size_t)snprintf(out->json, sizeof(out->json), "%s%llu",
	    neg && v != 0 ? "-" : "", (unsigned long long)v);
	return (1);
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static int
looks_float(const char *p)
{
	const char *start;

	if (*p == '-' || *p == '+')
		p++;
	start = p;
	p += strspn(p, "0123456789");
	if (*p == '.') {
		p++;
		if (p - start == 1 && strspn(p, "0123456789") == 0)
			return (0);
		p += strspn(p, "0123456789");
	} else if (p == start)
		return (0);
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '-' || *p == '+')
			p++;
		if (strspn(p, "0123456789") == 0)
			return (0);
		p += strspn(p, "0123456789");
	}
	return (*p == '\0');
}

static int
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static int
number(struct pin_str s, struct yscalar *out)
{
	char plain[NUMBER_MAX + 1];
	size_t i, n = 0;
	double d;

	if (s.len > NUMBER_MAX)
		return (0);
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '\0')
			return (0);
		/* Underscores are dropped; in a number that begins with its
		 * point they must stand between digits. */
		if (s.p[i] == '_' && (s.p[0] != '.' ||
		    (i > 1 && i + 1 < s.len && is_digit(s.p[i - 1]) &&
		    is_digit(s.p[i + 1]))))
			continue;
		plain[n++] = s.p[i];
	}
	plain[n] = '\0';
	if (s.p[0] != '.' && integer(plain, out))
		return (1);
	if (!looks_float(plain))
		return (0);
	d = strtod(plain, NULL);
	if (isinf(d))
		return (0);
	set_float(out, d);
	return (1);
}

/* One or two digits at *p below max; -1 when there are none. */
static int
small(const char **p, const char *end, int max)
{
	int v, n = 0;

	for (v = 0; n < 2 && *p < end && **p >= '0' && **p <= '9'; n++)
		v = v * 10 + (*(*p)++ - '0');
	return (n != 0 && v < max ? v : -1);
}

/* 15:4:5.999 */
static int
clock_time(const char **p, const char *end)
{
	if (small(p, end, 24) < 0 || *p == end || *(*p)++ != ':' ||
	    small(p, end, 60) < 0 || *p == end || *(*p)++ != ':' ||
	    small(p, end, 60) < 0)
		return (0);
	if (end - *p >= 2 && (**p == '.' || **p == ',') &&
	    (*p)[1] >= '0' && (*p)[1] <= '9') {
		for (++*p; *p < end && **p >= '0' && **p <= '9'; ++*p)
			;
	}
	return (1);
}

static int
zone(const char *p, const char *end)
{
	int hour, min;

	if (end - p == 1)
		return (*p == 'Z');
	if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':')
		return (0);
	p++;
	hour = small(&p, end, 25);
	p++;
	min = small(&p, end, 61);
	return (hour >= 0 && min >= 0 && p == end);
}

/* 2006-1-2, 2006-1-2 15:4:5.9 and 2006-1-2T15:4:5.9Z07:00 */
int
pin__yaml_timestamp(struct pin_str s)
{
	static const int days[] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	const char *p = s.p, *end = s.p + s.len;
	int i, year = 0, month, day;

	for (i = 0; i < 4; i++, p++) {
		if (p == end || *p < '0' || *p > '9')
			return (0);
		year = year * 10 + (*p - '0');
	}
	if (p == end || *p++ != '-' || (month = small(&p, end, 13)) < 1 ||
	    p == end || *p++ != '-' || (day = small(&p, end, 32)) < 1)
		return (0);
	if (day > days[month] + (month == 2 && year % 4 == 0 &&
	    (year % 100 != 0 || year % 400 == 0)))
		return (0);
	if (p == end)
		return (1);
	if (*p == 'T' || *p == 't') {
		p++;
		return (clock_time(&p, end) && zone(p, end));
	}
	if (*p != ' ')
		return (0);
	while (p < end && *p == ' ')
		p++;
	return (clock_time(&p, end) && p == end);
}

int
pin__yaml_resolve(int tag, struct pin_str s, struct yscalar *out)
{
	char c = s.len != 0 ? s.p[0] : 'n';

	memset(out, 0, sizeof(*out));
	out->type = PIN_STRING;
	out->tag = TAG_STR;
	if (tag == TAG_STR || tag == TAG_BINARY || tag == TAG_OTHER ||
	    tag == TAG_MERGE)
		return (1);
	if (!word(s, out) && !special_float(s, out)) {
		if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')
			(void)number(s, out);
	}
	if (tag == TAG_NONE || tag == out->tag)
		return (1);
	if (tag == TAG_TIME)
		return (out->tag == TAG_STR && pin__yaml_timestamp(s));
	if (tag == TAG_FLOAT && out->tag == TAG_INT && !out->wide) {
		set_float(out, out->value);
		return (1);
	}
	return (0);
}
