/* SPDX-License-Identifier: BSD-2-Clause
 *
 * err -- the table of errors and the text of one; byte strings.
 * One thread. Contract: pintle/err.h, pintle/abi.h. */
#include <pintle/err.h>

#include "tap.h"

static void
test_table(void)
{
	CASE("every error has its number, status and reason") {
		CHECK_INT(PIN_ECONFLICT, -3);
		CHECK_INT(PIN_ECANCELED, -28);
		CHECK_INT(pin_err_http(PIN_ECONFLICT), 409);
		CHECK_STR(pin_err_reason(PIN_ECONFLICT), "Conflict");
		CHECK_STR(pin_err_name(PIN_ECONFLICT), "CONFLICT");
		CHECK_STR(pin_err_text(PIN_ECONFLICT),
		    "stale resourceVersion");
		CHECK_INT(pin_err_http(PIN_OK), 200);
	}
	CASE("a number that is none is an internal error") {
		CHECK_INT(pin_err_http(-999), 500);
		CHECK_STR(pin_err_reason(7), "InternalError");
	}
}

static void
test_text(void)
{
	struct pin_err e = PIN_ERR_INIT;
	char big[3000];

	CASE("a text is set, prefixed, and cut with dots") {
		CHECK_INT(pin_err_set(&e, PIN_EINVAL, "bad %s", "x"),
		    PIN_EINVAL);
		CHECK_INT(pin_err_wrap(&e, "reading %d", 7), PIN_EINVAL);
		CHECK_STR(e.text, "reading 7: bad x");
		memset(big, 'a', sizeof(big));
		big[sizeof(big) - 1] = '\0';
		(void)pin_err_set(&e, PIN_EINVAL, "%s", big);
		CHECK_UINT(strlen(e.text), PIN_ERR_TEXT_MAX - 1);
		CHECK_STR(e.text + PIN_ERR_TEXT_MAX - 4, "...");
		(void)pin_err_wrap(&e, "outer");
		CHECK(strncmp(e.text, "outer: aaa", 10) == 0);
		CHECK_STR(e.text + PIN_ERR_TEXT_MAX - 4, "...");
		(void)pin_err_wrap(&e, "%s", big);
		CHECK_UINT(strlen(e.text), PIN_ERR_TEXT_MAX - 1);
	}
	CASE("a failed system call is named; a full disk is its own error") {
		CHECK_INT(pin_err_os(&e, PIN_EIO, ENOENT, "open %s", "f"),
		    PIN_EIO);
		CHECK_INT(e.os_errno, ENOENT);
		CHECK(strncmp(e.text, "open f: ", 8) == 0);
		CHECK(strlen(e.text) > 8);
		CHECK_INT(pin_err_os(&e, PIN_EIO, ENOSPC, "write"),
		    PIN_ENOSPACE);
		CHECK_INT(e.code, PIN_ENOSPACE);
		CHECK_INT(pin_err_os(NULL, PIN_EIO, ENOSPC, "write"),
		    PIN_ENOSPACE);
	}
	CASE("no place for a text is no trouble") {
		CHECK_INT(pin_err_set(NULL, PIN_EBUSY, "x"), PIN_EBUSY);
		CHECK(pin_err_wrap(NULL, "x") < 0);
	}
}

static void
test_str(void)
{
	struct pin_str none = PIN_STR_NONE, ab = PIN_STR("ab");

	CASE("byte strings compare by their bytes, nothing is empty") {
		CHECK(pin_str_eq(none, PIN_STR("")));
		CHECK(pin_str_is(ab, "ab"));
		CHECK(!pin_str_is(ab, "a"));
		CHECK(pin_str_is(none, NULL));
		CHECK(pin_str_cmp(ab, PIN_STR("abc")) < 0);
		CHECK(pin_str_cmp(PIN_STR("b"), ab) > 0);
		CHECK_INT(pin_str_cmp(none, PIN_STR("")), 0);
		CHECK(pin_str_prefix(ab, "a"));
		CHECK(pin_str_prefix(ab, ""));
		CHECK(!pin_str_prefix(ab, "abc"));
		CHECK(!pin_str_prefix(none, "a"));
	}
}

int
main(void)
{
	test_table();
	test_text();
	test_str();
	return (tap_done());
}
