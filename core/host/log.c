/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.c -- one event, one line: time, level, text with control bytes escaped.
 * Where the line goes is the host's business. Keeps no state but the level.
 * Any thread.
 * Contract: pintle/host.h; a line never exceeds PIN_LOG_LINE_MAX. */
#include "core/host/host_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/host/real.h"

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
pin_host_log_level(struct pin_host *h, int level)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	atomic_store_explicit(&h->log_level, level, memory_order_relaxed);
}

/* Copies text, control bytes as \n, \t, \r or \xHH; returns where it ended,
 * and *cut when it did not fit. */
static size_t
escape(char *to, size_t room, const char *text, int *cut)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p;
	char one[4];
	size_t n = 0, len;

	for (p = (const unsigned char *)text; *p != '\0'; p++) {
		one[0] = '\\';
		len = 2;
		if (*p == '\n')
			one[1] = 'n';
		else if (*p == '\t')
			one[1] = 't';
		else if (*p == '\r')
			one[1] = 'r';
		else if (*p < 0x20 || *p == 0x7f) {
			one[1] = 'x';
			one[2] = hex[*p >> 4];
			one[3] = hex[*p & 15];
			len = 4;
		} else {
			one[0] = (char)*p;
			len = 1;
		}
		if (len > room - n) {
			*cut = 1;
			break;
		}
		memcpy(to + n, one, len);
		n += len;
	}
	return (n);
}

size_t
pin__log_format(char *buf, size_t size, int64_t wall_ns, int level,
    const char *fmt, va_list ap)
{
	time_t sec = (time_t)(wall_ns / 1000000000);
	char text[PIN_LOG_LINE_MAX];
	size_t at, tail = sizeof("...\n");
	int n, cut = 0;
	struct tm tm;

	PIN_ASSERT(size > 64);
	if (level < PIN_LOG_ERROR || level > PIN_LOG_DEBUG)
		level = PIN_LOG_ERROR;
	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&sec, &tm);
	n = snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, (int)(wall_ns / 1000000 % 1000),
	    level_names[level]);
	at = n > 0 && (size_t)n < size ? (size_t)n : 0;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		text[0] = '\0';
	cut = n >= (int)sizeof(text);
	at += escape(buf + at, size - at - tail, text, &cut);
	if (cut) {
		memcpy(buf + at, "...", 3);
		at += 3;
	}
	buf[at++] = '\n';
	return (at);
}

void
pin_log(struct pin_host *h, int level, const char *fmt, ...)
{
	char line[PIN_LOG_LINE_MAX];
	va_list ap;
	size_t n;

	PIN_VALID(h, PIN__HOST_MAGIC);
	if (level > atomic_load_explicit(&h->log_level, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	n = pin__log_format(line, sizeof(line), h->ops->wall(h), level, fmt,
	    ap);
	va_end(ap);
	h->ops->log_line(h, line, n);
}
