/* SPDX-License-Identifier: BSD-2-Clause
 *
 * err.h -- the one table of errors: number (ABI, never reused), HTTP status,
 * Kubernetes reason (apimachinery StatusReason) and a text.
 * Any thread; a struct pin_err belongs to one call chain.
 * Contract: a function returns PIN_OK or a named negative; the text is set
 * once where the error is born, prefixed on the way up, logged at the top.
 * A verdict (denied, does not fit, retry later) is never an error. */
#ifndef PINTLE_ERR_H
#define PINTLE_ERR_H

#include <pintle/abi.h>

#define PIN_ERR_MAP(X)							\
	X(INVAL,     -1, 400, "BadRequest", "bad request")		\
	X(NOTFOUND,  -2, 404, "NotFound", "no such object")		\
	X(CONFLICT,  -3, 409, "Conflict", "stale resourceVersion")	\
	X(EXISTS,    -4, 409, "AlreadyExists", "object exists")		\
	X(UNAUTH,    -5, 401, "Unauthorized", "Unauthorized")		\
	X(FORBIDDEN, -6, 403, "Forbidden", "forbidden")			\
	X(INVALID,   -7, 422, "Invalid", "object is not valid")		\
	X(METHOD,    -8, 405, "MethodNotAllowed", "method not allowed")	\
	X(ACCEPT,    -9, 406, "NotAcceptable", "not acceptable")	\
	X(MEDIA, -10, 415, "UnsupportedMediaType", "unsupported media type") \
	X(TOOBIG,   -11, 413, "RequestEntityTooLarge", "too large")	\
	X(BUSY,     -12, 429, "TooManyRequests", "too many requests")	\
	X(GONE,     -13, 410, "Expired", "resourceVersion too old")	\
	X(TIMEOUT,  -14, 504, "Timeout", "timed out")			\
	X(INTERNAL, -15, 500, "InternalError", "internal error")	\
	X(UNAVAIL,  -16, 503, "ServiceUnavailable", "not available")	\
	X(NOSPACE,  -17, 507, "InternalError", "no space left")		\
	X(NOMEM,    -18, 500, "InternalError", "out of memory")		\
	X(IO,       -19, 500, "InternalError", "I/O error")		\
	X(CORRUPT,  -20, 500, "StorageReadError", "damaged data")	\
	X(ABI,      -21, 500, "InternalError", "ABI does not match")	\
	X(CONFIG,   -22, 500, "InternalError", "bad configuration")	\
	X(AGAIN,    -23, 500, "InternalError", "would block")		\
	X(CLOSED,   -24, 500, "InternalError", "closed")		\
	X(LIMIT,    -25, 400, "BadRequest", "a limit was exceeded")	\
	X(LOCKED,   -26, 500, "InternalError", "in use by another process") \
	X(FUTURE,   -27, 504, "Timeout", "Too large resource version")	\
	X(CANCELED, -28, 499, "InternalError", "canceled")		\
	X(TERMINATING, -29, 403, "Forbidden", "namespace is being terminated")

enum {
	PIN_OK = 0,
#define X(sym, num, http, reason, text)	PIN_E##sym = (num),
	PIN_ERR_MAP(X)
#undef X
};

#define PIN_ERR_TEXT_MAX	1024

struct pin_err {
	int32_t	code;			/* PIN_OK or PIN_E... */
	int32_t	os_errno;		/* 0 when no system call failed */
	char	text[PIN_ERR_TEXT_MAX];	/* cut with "..." when longer */
};

#define PIN_ERR_INIT	{ 0, 0, "" }

/* Sets code and text and returns code, so that `return (pin_err_set(...))`
 * reads well. err may be NULL. */
PIN_API int pin_err_set(struct pin_err *, int code, const char *fmt, ...)
    PIN_PRINTF(3, 4);
/* The same with ": strerror(errnum)" appended and os_errno set. ENOSPC and
 * EDQUOT turn PIN_EIO into PIN_ENOSPACE. */
PIN_API int pin_err_os(struct pin_err *, int code, int errnum,
    const char *fmt, ...) PIN_PRINTF(4, 5);
/* Puts "prefix: " before the text; returns err->code. */
PIN_API int pin_err_wrap(struct pin_err *, const char *fmt, ...)
    PIN_PRINTF(2, 3);

PIN_API const char *pin_err_name(int code);	/* "CONFLICT" */
PIN_API const char *pin_err_reason(int code);	/* "Conflict" */
PIN_API const char *pin_err_text(int code);	/* "stale resourceVersion" */
PIN_API int	    pin_err_http(int code);	/* 409 */

#endif
