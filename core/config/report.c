/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.c -- every mistake in a configuration, kept until it is printed.
 * Holds PIN_REPORT_MAX lines and counts the rest.
 * Loading thread. Contract: config.h. */
#include "core/config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES	(PIN_ERR_TEXT_MAX + 512)

static void
report_add(struct pin_report *r, uint32_t is_warning, const char *where,
    const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	size_t at = 0;

	if (is_warning)
		r->warnings++;
	else
		r->errors++;
	if (r->n == PIN_REPORT_MAX)
		return;
	if (where != NULL)
		at = (size_t)snprintf(text, sizeof(text), "%s: ", where);
	if (at >= sizeof(text))
		at = sizeof(text) - 1;
	(void)vsnprintf(text + at, sizeof(text) - at, fmt, ap);
	r->line[r->n].text = pin_xstrdup(text);
	r->line[r->n].is_warning = is_warning;
	r->n++;
}

int
pin_report_error(struct pin_report *r, const char *where, const char *fmt,
    ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(r, 0, where, fmt, ap);
	va_end(ap);
	return (PIN_ECONFIG);
}

void
pin_report_warn(struct pin_report *r, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(r, 1, where, fmt, ap);
	va_end(ap);
}

void
pin_report_fini(struct pin_report *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		free(r->line[i].text);
	memset(r, 0, sizeof(*r));
}
