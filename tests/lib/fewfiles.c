/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fewfiles.c -- see fewfiles.h.
 * Contract: fewfiles.h. */
#include "fewfiles.h"

#include <sys/resource.h>

#include <unistd.h>

#include "tap.h"

void
files_left(int n)
{
	static struct rlimit was;
	struct rlimit r;
	int next = dup(0);

	(void)close(next);
	if (was.rlim_cur == 0)
		(void)getrlimit(RLIMIT_NOFILE, &was);
	r = was;
	if (n >= 0)
		r.rlim_cur = (rlim_t)(next + n);
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		BAIL("setrlimit");
}
