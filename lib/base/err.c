/* SPDX-License-Identifier: BSD-2-Clause
 *
 * err.c -- the table of errors and the text of the one that happened.
 * Keeps no state. Any thread; a struct pin_err belongs to its call chain.
 * Contract: pintle/err.h. */
#include <pintle/err.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
	int		 code;
	int		 http;
	const char	*name;
	const char	*reason;
	const char	*text;
};

static const struct err_row rows[] = {
#define X(sym, num, h, r, t)	{ (num), (h), #sym, (r), (t) },
	PIN_ERR_MAP(X)
#undef X
};

static const struct err_row ok_row = { PIN_OK, 200, "OK", "", "ok" };
static const struct err_row no_row = { 0, 500, "UNKNOWN", "InternalError",
	"unknown error" };

/* A short table, and only ever read on the way to an error answer. */
static const struct err_row *
row(int code)
{
	size_t i;

	if (code == PIN_OK)
		return (&ok_row);
	for (i = 0; i < PIN_LEN(rows); i++) {
		if (rows[i].code == code)
			return (&rows[i]);
	}
	return (&no_row);
}

/* Puts text at `at`, cut with "..." when it does not fit. */
static void
put_text(struct pin_err *err, size_t at, const char *fmt, va_list ap)
{
	size_t room = sizeof(err->text) - at;
	int n;

	n = vsnprintf(err->text + at, room, fmt, ap);
	if (n < 0)
		err->text[at] = '\0';
	else if ((size_t)n >= room)
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

/* Appends plain text, cut the same way. */
static void
append(struct pin_err *err, const char *s)
{
	size_t at = strlen(err->text), len = strlen(s);
	size_t room = sizeof(err->text) - at - 1;

	if (len <= room) {
		memcpy(err->text + at, s, len + 1);
		return;
	}
	memcpy(err->text + at, s, room);
	memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

int
pin_err_set(struct pin_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return (code);
	err->code = code;
	err->os_errno = 0;
	va_start(ap, fmt);
	put_text(err, 0, fmt, ap);
	va_end(ap);
	return (code);
}

int
pin_err_os(struct pin_err *err, int code, int errnum, const char *fmt, ...)
{
	char sys[128];
	va_list ap;

	if (code == PIN_EIO && errnum == ENOSPC)
		code = PIN_ENOSPACE;
#ifdef EDQUOT
	if (code == PIN_EIO && errnum == EDQUOT)
		code = PIN_ENOSPACE;
#endif
	if (err == NULL)
		return (code);
	err->code = code;
	err->os_errno = errnum;
	va_start(ap, fmt);
	put_text(err, 0, fmt, ap);
	va_end(ap);
	append(err, ": ");
	if (strerror_r(errnum, sys, sizeof(sys)) != 0)
		snprintf(sys, sizeof(sys), "error %d", errnum);
	append(err, sys);
	return (code);
}

int
pin_err_wrap(struct pin_err *err, const char *fmt, ...)
{
	char old[PIN_ERR_TEXT_MAX];
	va_list ap;

	if (err == NULL)
		return (PIN_EINTERNAL);
	memcpy(old, err->text, sizeof(old));
	old[sizeof(old) - 1] = '\0';
	va_start(ap, fmt);
	put_text(err, 0, fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, old);
	return (err->code);
}

const char *
pin_err_name(int code)
{
	return (row(code)->name);
}

const char *
pin_err_reason(int code)
{
	return (row(code)->reason);
}

const char *
pin_err_text(int code)
{
	return (row(code)->text);
}

int
pin_err_http(int code)
{
	return (row(code)->http);
}
