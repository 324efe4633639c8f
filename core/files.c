/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.c -- see files.h.
 * Contract: files.h. */
#include "core/files.h"

#include <sys/resource.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static rlim_t was;		/* the soft limit; 0: not raised */

void
files_raise(void)
{
	struct rlimit r;
	char text[24];

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= r.rlim_max)
		return;
	was = r.rlim_cur;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0) {
		was = 0;
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)was);
	(void)setenv(FILES_ENV, text, 1);
}

void
files_inherit(void)
{
	const char *text = getenv(FILES_ENV);
	unsigned long long n = text != NULL ? strtoull(text, NULL, 10) : 0;

	(void)unsetenv(FILES_ENV);
	was = (rlim_t)n;
	files_restore();
}

void
files_restore(void)
{
	struct rlimit r;

	if (was == 0 || getrlimit(RLIMIT_NOFILE, &r) != 0 ||
	    was >= r.rlim_cur)
		return;
	r.rlim_cur = was;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

int
files_write(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		p += n;
		len -= (size_t)n;
	}
	return (0);
}
