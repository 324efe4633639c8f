/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quantity.c -- parsing and spelling of quantities, and their arithmetic on
 * numbers of 320 bits.
 * Pure, any thread. Contract: quantity.h. */
#include "quantity.h"

#include <stdio.h>
#include <string.h>

#define LIMBS		10
#define NANO		(-9)
#define FAST_DIGITS	18	/* what the reference keeps in an int64 */
#define DIGITS_MAX	(LIMBS * 10)

/* ---- big numbers ---------------------------------------------------- */

static int
big_zero(const uint32_t m[LIMBS])
{
	uint32_t any = 0;
	int i;

	for (i = 0; i < LIMBS; i++)
		any |= m[i];
	return (any == 0);
}

/* m = m * f + c; 0 when it does not fit. */
static int
big_muladd(uint32_t m[LIMBS], uint32_t f, uint32_t c)
{
	uint64_t t = c;
	int i;

	for (i = 0; i < LIMBS; i++) {
		t += (uint64_t)m[i] * f;
		m[i] = (uint32_t)t;
		t >>= 32;
	}
	return (t == 0);
}

/* m /= d; the remainder is returned. */
static uint32_t
big_divmod(uint32_t m[LIMBS], uint32_t d)
{
	uint64_t t = 0;
	int i;

	for (i = LIMBS - 1; i >= 0; i--) {
		t = t << 32 | m[i];
		m[i] = (uint32_t)(t / d);
		t %= d;
	}
	return ((uint32_t)t);
}

static int
big_cmp(const uint32_t a[LIMBS], const uint32_t b[LIMBS])
{
	int i;

	for (i = LIMBS - 1; i >= 0; i--) {
		if (a[i] != b[i])
			return (a[i] < b[i] ? -1 : 1);
	}
	return (0);
}

static int
big_add(uint32_t a[LIMBS], const uint32_t b[LIMBS])
{
	uint64_t t = 0;
	int i;

	for (i = 0; i < LIMBS; i++) {
		t += (uint64_t)a[i] + b[i];
		a[i] = (uint32_t)t;
		t >>= 32;
	}
	return (t == 0);
}

/* a -= b, which is not above a. */
static void
big_sub(uint32_t a[LIMBS], const uint32_t b[LIMBS])
{
	int64_t t = 0;
	int i;

	for (i = 0; i < LIMBS; i++) {
		t += (int64_t)a[i] - b[i];
		a[i] = (uint32_t)t;
		t >>= 32;
	}
	PIN_ASSERT(t == 0);
}

static void
big_set(uint32_t m[LIMBS], uint64_t v)
{
	memset(m, 0, LIMBS * sizeof(m[0]));
	m[0] = (uint32_t)v;
	m[1] = (uint32_t)(v >> 32);
}

/* 1 and *out when m fits in 63 bits. */
static int
big_i64(const uint32_t m[LIMBS], int64_t *out)
{
	int i;

	for (i = 2; i < LIMBS; i++) {
		if (m[i] != 0)
			return (0);
	}
	if (m[1] >> 31)
		return (0);
	*out = (int64_t)((uint64_t)m[1] << 32 | m[0]);
	return (1);
}

/* Decimal digits of m at buf (DIGITS_MAX bytes); their number. */
static int
big_digits(const uint32_t m[LIMBS], char *buf)
{
	char rev[DIGITS_MAX];
	uint32_t t[LIMBS];
	int n = 0, i;

	memcpy(t, m, sizeof(t));
	do {
		rev[n++] = (char)('0' + big_divmod(t, 10));
	} while (!big_zero(t));
	for (i = 0; i < n; i++)
		buf[i] = rev[n - 1 - i];
	return (n);
}

/* Divides by 10^n, rounding away from zero. 1 when it was exact. */
static int
big_round(uint32_t m[LIMBS], int64_t n)
{
	static const uint32_t one[LIMBS] = { 1 };
	int exact = 1;

	for (; n > 0 && !big_zero(m); n--) {
		if (big_divmod(m, 10) != 0)
			exact = 0;
	}
	if (!exact)
		(void)big_add(m, one);
	return (exact);
}

/* ---- parsing -------------------------------------------------------- */

/* A text taken apart; the fields point into it. */
struct parts {
	int		negative;
	struct pin_str	num;		/* without leading zeros, or "0" */
	struct pin_str	denom;
	struct pin_str	suffix;
	size_t		digits;		/* of the number as it stands there */
};

static int
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static size_t
span_digits(struct pin_str s, size_t i)
{
	while (i < s.len && is_digit(s.p[i]))
		i++;
	return (i);
}

static int
split(struct pin_str s, struct parts *out)
{
	size_t i = 0, start;

	memset(out, 0, sizeof(*out));
	if (s.len == 0)
		return (0);
	if (s.p[0] == '-' || s.p[0] == '+')
		out->negative = s.p[i++] == '-';
	for (; i < s.len && s.p[i] == '0'; i++)
		out->digits++;
	start = i;
	i = span_digits(s, i);
	out->digits += i - start;
	out->num = i > start ? (struct pin_str){ s.p + start, i - start } :
	    PIN_STR("0");
	if (i < s.len && s.p[i] == '.') {
		start = ++i;
		i = span_digits(s, i);
		out->digits += i - start;
		out->denom = (struct pin_str){ s.p + start, i - start };
	}
	start = i;
	while (i < s.len && strchr("eEinumkKMGTP", s.p[i]) != NULL &&
	    s.p[i] != '\0')
		i++;
	if (i < s.len && (s.p[i] == '-' || s.p[i] == '+'))
		i++;
	i = span_digits(s, i);
	out->suffix = (struct pin_str){ s.p + start, i - start };
	return (i == s.len);
}

struct suffix {
	const char	*text;
	int		 base;
	int		 exponent;
};

static const struct suffix suffixes[] = {
	{ "", 10, 0 }, { "n", 10, -9 }, { "u", 10, -6 }, { "m", 10, -3 },
	{ "k", 10, 3 }, { "M", 10, 6 }, { "G", 10, 9 }, { "T", 10, 12 },
	{ "P", 10, 15 }, { "E", 10, 18 },
	{ "Ki", 2, 10 }, { "Mi", 2, 20 }, { "Gi", 2, 30 }, { "Ti", 2, 40 },
	{ "Pi", 2, 50 }, { "Ei", 2, 60 },
};

/* A signed decimal of 64 bits, of which the reference keeps the low 32. */
static int
parse_exponent(struct pin_str s, int32_t *out)
{
	uint64_t v = 0, max = INT64_MAX;
	size_t i = 0;
	int neg = 0;

	if (s.len != 0 && (s.p[0] == '-' || s.p[0] == '+'))
		neg = s.p[i++] == '-';
	if (i == s.len)
		return (0);
	max += (uint64_t)neg;
	for (; i < s.len; i++) {
		uint64_t d = (uint64_t)(s.p[i] - '0');

		if (!is_digit(s.p[i]) || v > (max - d) / 10)
			return (0);
		v = v * 10 + d;
	}
	v = neg ? 0 - v : v;
	memcpy(out, &(uint32_t){ (uint32_t)v }, sizeof(*out));
	return (1);
}

static int
parse_suffix(struct pin_str s, int *base, int32_t *exponent, int *format)
{
	size_t i;

	for (i = 0; i < PIN_LEN(suffixes); i++) {
		if (pin_str_is(s, suffixes[i].text)) {
			*base = suffixes[i].base;
			*exponent = suffixes[i].exponent;
			*format = *base == 2 ? PIN_QUANTITY_BINARY_SI :
			    PIN_QUANTITY_DECIMAL_SI;
			return (1);
		}
	}
	if (s.len < 2 || (s.p[0] != 'e' && s.p[0] != 'E'))
		return (0);
	*base = 10;
	*format = PIN_QUANTITY_EXPONENT;
	return (parse_exponent((struct pin_str){ s.p + 1, s.len - 1 },
	    exponent));
}

static int
push_digits(uint32_t m[LIMBS], struct pin_str s)
{
	size_t i;
	int ok = 1;

	for (i = 0; i < s.len && ok; i++)
		ok = big_muladd(m, 10, (uint32_t)(s.p[i] - '0'));
	return (ok);
}

static int
ends_in_zeros(const struct parts *p)
{
	char buf[PIN_QUANTITY_IN_MAX + 1];
	size_t n = p->num.len + p->denom.len;

	if (n < 3)
		return (0);
	memcpy(buf, p->num.p, p->num.len);
	if (p->denom.len != 0)
		memcpy(buf + p->num.len, p->denom.p, p->denom.len);
	return (memcmp(buf + n - 3, "000", 3) == 0);
}

/* Some texts are canonical to the reference without looking at them twice:
 * it answers them as they came, "+1.500" and "05" included. `low` is the
 * lowest limb of the number before its suffix. */
static int
kept_as_is(const struct parts *p, const struct pin_quantity *q, int base,
    uint32_t low)
{
	if (base == 2)
		return ((low & 7) != 0);
	return (q->scale % 3 == 0 && !ends_in_zeros(p) && p->num.p[0] != '0');
}

/* Rounds up to nano, caps binary numbers; the slow path of the reference. */
static void
normalise(struct pin_quantity *q)
{
	uint32_t max[LIMBS], whole[LIMBS];
	int32_t frac;

	if (q->scale < NANO) {
		(void)big_round(q->mag, (int64_t)NANO - q->scale);
		q->scale = NANO;
	}
	if (q->format != PIN_QUANTITY_BINARY_SI)
		return;
	PIN_ASSERT(q->scale <= 0);
	frac = -q->scale;
	big_set(max, INT64_MAX);
	memcpy(whole, q->mag, sizeof(whole));
	(void)big_round(whole, frac);
	if (big_cmp(whole, max) > 0) {
		big_set(q->mag, INT64_MAX);
		q->scale = 0;
		return;
	}
	/* A whole part of nothing: suffixes of two would only confuse. */
	memcpy(whole, q->mag, sizeof(whole));
	for (; frac > 0; frac--)
		(void)big_divmod(whole, 10);
	if (big_zero(whole) && !big_zero(q->mag))
		q->format = PIN_QUANTITY_DECIMAL_SI;
}

/* Would the reference stay in 64 bits? Only then it keeps texts. */
static int
fast_path(const struct parts *p, const struct pin_quantity *q, int base,
    int32_t exponent)
{
	int precision = FAST_DIGITS - (int)(p->num.len + p->denom.len);
	int64_t v;

	if (base == 2) {
		if (p->denom.len != 0)
			return (0);
		precision = 15 - (int)p->num.len - exponent * 3 / 10 - 1;
	}
	return (precision >= 0 && q->scale >= NANO && big_i64(q->mag, &v));
}

static int
bad(struct pin_err *err, const char *text)
{
	return (pin_err_set(err, PIN_EINVAL, "%s", text));
}

static struct pin_str
trim(struct pin_str s)
{
	while (s.len != 0 && s.p[0] != '\0' &&
	    strchr(" \t\n\v\f\r", s.p[0]) != NULL) {
		s.p++;
		s.len--;
	}
	while (s.len != 0 && s.p[s.len - 1] != '\0' &&
	    strchr(" \t\n\v\f\r", s.p[s.len - 1]) != NULL)
		s.len--;
	return (s);
}

static int
too_long(struct pin_err *err, struct pin_str s)
{
	return (pin_err_set(err, PIN_ELIMIT, "quantity of %zu bytes, %d are "
	    "allowed", s.len, PIN_QUANTITY_IN_MAX));
}

/* a - b, b not negative, without overflow. */
static int32_t
less(int32_t a, int32_t b)
{
	return (a < INT32_MIN + b ? INT32_MIN : a - b);
}

int
pin_quantity_parse(struct pin_str s, struct pin_quantity *q,
    struct pin_err *err)
{
	struct parts p;
	uint32_t low;
	int base, format;
	int32_t exponent;

	memset(q, 0, sizeof(*q));
	s = trim(s);
	if (s.len > PIN_QUANTITY_IN_MAX)
		return (too_long(err, s));
	if (!split(s, &p))
		return (bad(err, "quantities must match the regular expression "
		    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"));
	if (!parse_suffix(p.suffix, &base, &exponent, &format))
		return (bad(err, "unable to parse quantity's suffix"));
	q->format = (uint8_t)format;
	q->negative = (uint8_t)p.negative;
	(void)push_digits(q->mag, p.num);
	(void)push_digits(q->mag, p.denom);
	low = q->mag[0];
	if (base == 10)
		q->scale = exponent;
	else if (!big_muladd(q->mag, (uint32_t)1 << exponent / 2, 0) ||
	    !big_muladd(q->mag, (uint32_t)1 << exponent / 2, 0))
		return (too_long(err, s));
	q->scale = less(q->scale, (int32_t)p.denom.len);
	if (fast_path(&p, q, base, exponent)) {
		if (kept_as_is(&p, q, base, low)) {
			memcpy(q->text, s.p, s.len);
			q->kept = 1;
		}
	} else {
		if (p.digits == 0)
			return (bad(err, "unable to parse numeric part of "
			    "quantity"));
		normalise(q);
	}
	if (big_zero(q->mag))
		q->negative = 0;
	return (PIN_OK);
}

/* ---- spelling ------------------------------------------------------- */

/* Number times 10^scale with a suffix of ten; the exponent becomes a
 * multiple of three. */
static int
spell_decimal(const struct pin_quantity *q, int format, char *out, size_t size)
{
	char digits[DIGITS_MAX + 1], suffix[16] = "";
	uint32_t m[LIMBS], t[LIMBS];
	int64_t e = q->scale;
	size_t i;
	int n;

	memcpy(m, q->mag, sizeof(m));
	for (;;) {
		memcpy(t, m, sizeof(t));
		if (big_divmod(t, 10) != 0)
			break;
		memcpy(m, t, sizeof(m));
		e++;
	}
	for (; e % 3 != 0; e--) {
		if (!big_muladd(m, 10, 0))
			return (PIN_ELIMIT);
	}
	n = big_digits(m, digits);
	digits[n] = '\0';
	if (format == PIN_QUANTITY_EXPONENT) {
		if (e != 0)
			snprintf(suffix, sizeof(suffix), "e%lld",
			    (long long)e);
	} else {
		/* Above exa there is no suffix, and the reference writes
		 * none: such a number loses its size. Ours keeps it. */
		for (i = 0; i < PIN_LEN(suffixes); i++) {
			if (suffixes[i].base == 10 && suffixes[i].exponent == e)
				break;
		}
		if (i < PIN_LEN(suffixes))
			snprintf(suffix, sizeof(suffix), "%s",
			    suffixes[i].text);
		else
			snprintf(suffix, sizeof(suffix), "e%lld",
			    (long long)e);
	}
	n = snprintf(out, size, "%s%s%s", q->negative ? "-" : "", digits,
	    suffix);
	return (n > 0 && (size_t)n < size ? PIN_OK : PIN_ELIMIT);
}

/* The whole number m with a suffix of two. */
static int
spell_binary(const struct pin_quantity *q, const uint32_t whole[LIMBS],
    char *out, size_t size)
{
	char digits[DIGITS_MAX + 1];
	uint32_t m[LIMBS], t[LIMBS];
	const char *suffix = "";
	int n, power = 0;
	size_t i;

	memcpy(m, whole, sizeof(m));
	for (; power < 6; power++) {
		memcpy(t, m, sizeof(t));
		if (big_divmod(t, 1024) != 0)
			break;
		memcpy(m, t, sizeof(m));
	}
	for (i = 0; i < PIN_LEN(suffixes); i++) {
		if (suffixes[i].base == 2 &&
		    suffixes[i].exponent == power * 10)
			suffix = suffixes[i].text;
	}
	n = big_digits(m, digits);
	digits[n] = '\0';
	n = snprintf(out, size, "%s%s%s", q->negative ? "-" : "", digits,
	    suffix);
	return (n > 0 && (size_t)n < size ? PIN_OK : PIN_ELIMIT);
}

/* |q| as a whole number; 0 when it has a fraction, -1 when it is too big. */
static int
whole_number(const struct pin_quantity *q, uint32_t m[LIMBS])
{
	int32_t i;

	memcpy(m, q->mag, sizeof(q->mag));
	if (q->scale < 0)
		return (big_round(m, -(int64_t)q->scale));
	for (i = 0; i < q->scale; i++) {
		if (!big_muladd(m, 10, 0))
			return (-1);
	}
	return (1);
}

int
pin_quantity_format(const struct pin_quantity *q,
    char out[PIN_QUANTITY_TEXT_MAX])
{
	uint32_t m[LIMBS], small[LIMBS];
	int rc;

	if (q->kept) {
		memcpy(out, q->text, sizeof(q->text));
		return (PIN_OK);
	}
	if (big_zero(q->mag)) {
		memcpy(out, "0", 2);
		return (PIN_OK);
	}
	if (q->format != PIN_QUANTITY_BINARY_SI)
		return (spell_decimal(q, q->format, out,
		    PIN_QUANTITY_TEXT_MAX));
	rc = whole_number(q, m);
	if (rc < 0)
		return (PIN_ELIMIT);
	big_set(small, 1024);
	if (rc == 0 || big_cmp(m, small) < 0)
		return (spell_decimal(q, PIN_QUANTITY_DECIMAL_SI, out,
		    PIN_QUANTITY_TEXT_MAX));
	return (spell_binary(q, m, out, PIN_QUANTITY_TEXT_MAX));
}

int
pin_quantity_canon(struct pin_str in, char out[PIN_QUANTITY_TEXT_MAX])
{
	struct pin_quantity q;
	int rc;

	out[0] = '\0';
	rc = pin_quantity_parse(in, &q, NULL);
	return (rc == PIN_OK ? pin_quantity_format(&q, out) : rc);
}

/* ---- arithmetic ----------------------------------------------------- */

void
pin_quantity_set(struct pin_quantity *q, int64_t value, int32_t scale,
    int format)
{
	memset(q, 0, sizeof(*q));
	big_set(q->mag, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
	q->negative = value < 0;
	q->scale = scale;
	q->format = (uint8_t)format;
}

int
pin_quantity_sign(const struct pin_quantity *q)
{
	if (big_zero(q->mag))
		return (0);
	return (q->negative ? -1 : 1);
}

/* Brings a copy of q's magnitude down to `scale`; 0 when it does not fit. */
static int
scale_to(const struct pin_quantity *q, int32_t scale, uint32_t m[LIMBS])
{
	int64_t n = (int64_t)q->scale - scale;

	memcpy(m, q->mag, sizeof(q->mag));
	if (big_zero(m))
		return (1);
	PIN_ASSERT(n >= 0);
	for (; n > 0; n--) {
		if (!big_muladd(m, 10, 0))
			return (0);
	}
	return (1);
}

static int
cmp_magnitude(const struct pin_quantity *a, const struct pin_quantity *b)
{
	char digits[DIGITS_MAX];
	uint32_t x[LIMBS], y[LIMBS];
	int64_t da = (int64_t)big_digits(a->mag, digits) + a->scale;
	int64_t db = (int64_t)big_digits(b->mag, digits) + b->scale;
	int32_t low = a->scale < b->scale ? a->scale : b->scale;
	int fits;

	if (da != db)
		return (da < db ? -1 : 1);
	/* As many digits as the longer one has: both fit. */
	fits = scale_to(a, low, x) && scale_to(b, low, y);
	if (!fits)
		return (a->scale > b->scale ? 1 : -1);
	return (big_cmp(x, y));
}

int
pin_quantity_cmp(const struct pin_quantity *a, const struct pin_quantity *b)
{
	int sa = pin_quantity_sign(a), sb = pin_quantity_sign(b);

	if (sa != sb)
		return (sa < sb ? -1 : 1);
	return (sa == 0 ? 0 : sa * cmp_magnitude(a, b));
}

static int
add_signed(struct pin_quantity *a, const struct pin_quantity *b, int flip)
{
	int bneg = b->negative ^ flip, c;
	struct pin_quantity r = *a;
	uint32_t y[LIMBS];

	if (big_zero(a->mag)) {
		r.format = b->format;
		r.scale = b->scale;
	}
	if (!big_zero(b->mag) && b->scale < r.scale)
		r.scale = b->scale;
	if (!scale_to(a, r.scale, r.mag) || !scale_to(b, r.scale, y))
		return (PIN_ELIMIT);
	if (r.negative == bneg) {
		if (!big_add(r.mag, y))
			return (PIN_ELIMIT);
	} else {
		c = big_cmp(r.mag, y);
		if (c >= 0) {
			big_sub(r.mag, y);
		} else {
			big_sub(y, r.mag);
			memcpy(r.mag, y, sizeof(y));
			r.negative = (uint8_t)bneg;
		}
	}
	if (big_zero(r.mag))
		r.negative = 0;
	r.kept = 0;
	memset(r.text, 0, sizeof(r.text));
	*a = r;
	return (PIN_OK);
}

int
pin_quantity_add(struct pin_quantity *a, const struct pin_quantity *b)
{
	return (add_signed(a, b, 0));
}

int
pin_quantity_sub(struct pin_quantity *a, const struct pin_quantity *b)
{
	return (add_signed(a, b, 1));
}

/* |q| / 10^scale, rounded up, in 63 bits. */
static int64_t
scaled(const struct pin_quantity *q, int32_t scale)
{
	struct pin_quantity t = *q;
	uint32_t m[LIMBS];
	int64_t v;

	if (big_zero(q->mag))
		return (0);
	t.scale = q->scale > INT32_MAX - 3 ? INT32_MAX : q->scale - scale;
	if (whole_number(&t, m) < 0 || !big_i64(m, &v))
		v = INT64_MAX;
	return (q->negative ? -v : v);
}

int64_t
pin_quantity_value(const struct pin_quantity *q)
{
	return (scaled(q, 0));
}

int64_t
pin_quantity_milli(const struct pin_quantity *q)
{
	return (scaled(q, -3));
}
