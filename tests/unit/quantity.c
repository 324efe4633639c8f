/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quantity -- canonical spelling and arithmetic of quantities, against
 * answers of the reference.
 * One thread. Contract: lib/quantity/quantity.h. */
#include "lib/quantity/quantity.h"

#include "tap.h"

static const struct {
	const char	*in;
	const char	*out;		/* NULL: refused */
} canon[] = {
	{ "0", "0" }, { "1", "1" }, { "1Ki", "1Ki" }, { "8Ki", "8Ki" },
	{ "1.5Gi", "1536Mi" }, { "0.5Ki", "512" }, { ".5Ki", "512" },
	{ "1024", "1024" }, { "1024Ki", "1Mi" }, { "1000", "1k" },
	{ "1000k", "1M" }, { "100000m", "100" }, { "1500m", "1500m" },
	{ "1.5", "1500m" }, { "0.1m", "100u" }, { "1n", "1n" },
	{ "0.1n", "1n" }, { "0.0000000001", "1n" }, { "1e3", "1e3" },
	{ "12E3", "12E3" }, { "1000e3", "1e6" }, { "1e-9", "1e-9" },
	{ "1e-10", "1e-9" }, { "0.5", "500m" }, { "-1.5", "-1500m" },
	{ "-0", "0" }, { "-", "0" }, { "+", "0" }, { ".", "0" },
	{ "m", "0" }, { "0Mi", "0" }, { "+1Ki", "+1Ki" }, { "05", "05" },
	{ "1.500", "1.500" }, { "001Ki", "001Ki" }, { "1.1Mi", "1153433600m" },
	{ "8Ei", "9223372036854775807" }, { "-9Ei", "-9223372036854775807" },
	{ "7.5Ei", "7680Pi" }, { "9223372036854775808", "9223372036854775808" },
	{ "123456789.123456789123", "123456789123456790n" },
	{ "1.000000001Gi", "1073741825073741824n" },
	{ " 1 ", "1" }, { "1.G", "1.G" }, { "1e+5", "100e3" },
	{ "1e4294967296", "1e4294967296" },
	{ "", NULL }, { "1Kib", NULL }, { "x", NULL }, { "1K", NULL },
	{ "1.5.5", NULL }, { "--1", NULL }, { "1e", NULL }, { "1ee5", NULL },
	{ "1e99999999999999999999", NULL }, { "Ei", NULL }, { "5i", NULL },
	{ "1 2", NULL }, { "0x10", NULL },
};

static void
test_canon(void)
{
	char out[PIN_QUANTITY_TEXT_MAX], again[PIN_QUANTITY_TEXT_MAX];
	size_t i;
	int rc;

	CASE("texts have the reference's canonical form, which is its own") {
		for (i = 0; i < PIN_LEN(canon); i++) {
			rc = pin_quantity_canon(pin_str(canon[i].in), out);
			if (canon[i].out == NULL) {
				CHECK_INT(rc, PIN_EINVAL);
				continue;
			}
			CHECK_INT(rc, PIN_OK);
			CHECK_STR(out, canon[i].out);
			CHECK_INT(pin_quantity_canon(pin_str(out), again),
			    PIN_OK);
			CHECK_STR(again, out);
		}
	}
}

static void
test_messages(void)
{
	char big[80];
	struct pin_quantity q;
	struct pin_err e = PIN_ERR_INIT;

	CASE("refusals are worded as the API words them") {
		(void)pin_quantity_parse(PIN_STR("abc"), &q, &e);
		CHECK_STR(e.text, "quantities must match the regular "
		    "expression '^([+-]?[0-9.]+)"
		    "([eEinumkKMGTP]*[-+]?[0-9]*)$'");
		(void)pin_quantity_parse(PIN_STR("1K"), &q, &e);
		CHECK_STR(e.text, "unable to parse quantity's suffix");
		(void)pin_quantity_parse(PIN_STR("Ei"), &q, &e);
		CHECK_STR(e.text, "unable to parse numeric part of quantity");
	}
	CASE("a text that is too long is refused, not cut") {
		memset(big, '1', sizeof(big));
		CHECK_INT(pin_quantity_parse((struct pin_str){ big,
		    PIN_QUANTITY_IN_MAX + 1 }, &q, &e), PIN_ELIMIT);
		CHECK_INT(pin_quantity_parse((struct pin_str){ big,
		    PIN_QUANTITY_IN_MAX }, &q, &e), PIN_OK);
	}
}

static struct pin_quantity
quantity(const char *s)
{
	struct pin_quantity q;

	CHECK_INT(pin_quantity_parse(pin_str(s), &q, NULL), PIN_OK);
	return (q);
}

static void
check_sum(const char *a, const char *b, const char *sum, const char *diff)
{
	struct pin_quantity x = quantity(a), y = quantity(b);
	char out[PIN_QUANTITY_TEXT_MAX];

	CHECK_INT(pin_quantity_add(&x, &y), PIN_OK);
	CHECK_INT(pin_quantity_format(&x, out), PIN_OK);
	CHECK_STR(out, sum);
	x = quantity(a);
	CHECK_INT(pin_quantity_sub(&x, &y), PIN_OK);
	CHECK_INT(pin_quantity_format(&x, out), PIN_OK);
	CHECK_STR(out, diff);
}

static void
test_arithmetic(void)
{
	struct pin_quantity q, huge;

	CASE("sums and differences are exact and keep the first format") {
		check_sum("1", "500m", "1500m", "500m");
		check_sum("1Gi", "512Mi", "1536Mi", "512Mi");
		check_sum("0", "1Gi", "1Gi", "-1Gi");
		check_sum("100m", "100m", "200m", "0");
		check_sum("1", "2", "3", "-1");
		check_sum("-1", "-2", "-3", "1");
		check_sum("1n", "1E", "1000000000000000000000000001n",
		    "-999999999999999999999999999n");
	}
	CASE("what does not fit is refused and changes nothing") {
		q = quantity("1n");
		huge = quantity("1e2000000000");
		CHECK_INT(pin_quantity_add(&q, &huge), PIN_ELIMIT);
		CHECK_INT(pin_quantity_value(&q), 1);
		CHECK_INT(pin_quantity_cmp(&q, &huge), -1);
		CHECK_INT(pin_quantity_cmp(&huge, &q), 1);
	}
	CASE("comparing looks through formats") {
		struct pin_quantity a = quantity("1Ki"), b = quantity("1024"),
		    c = quantity("1024.001"), d = quantity("-2k");

		CHECK_INT(pin_quantity_cmp(&a, &b), 0);
		CHECK_INT(pin_quantity_cmp(&a, &c), -1);
		CHECK_INT(pin_quantity_cmp(&c, &a), 1);
		CHECK_INT(pin_quantity_cmp(&d, &a), -1);
		CHECK_INT(pin_quantity_sign(&d), -1);
	}
	CASE("values are rounded up and stop at the ends of int64") {
		q = quantity("1.1");
		CHECK_INT(pin_quantity_value(&q), 2);
		CHECK_INT(pin_quantity_milli(&q), 1100);
		q = quantity("250m");
		CHECK_INT(pin_quantity_milli(&q), 250);
		q = quantity("2Gi");
		CHECK_INT(pin_quantity_value(&q), 2147483648);
		q = quantity("1e30");
		CHECK_INT(pin_quantity_value(&q), INT64_MAX);
		q = quantity("-1e30");
		CHECK_INT(pin_quantity_milli(&q), -INT64_MAX);
		pin_quantity_set(&q, -5, -3, PIN_QUANTITY_DECIMAL_SI);
		CHECK_INT(pin_quantity_milli(&q), -5);
	}
}

int
main(void)
{
	test_canon();
	test_messages();
	test_arithmetic();
	return (tap_done());
}
