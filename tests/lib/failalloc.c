/* SPDX-License-Identifier: BSD-2-Clause
 *
 * failalloc -- malloc and its kin, wrapped by the linker (--wrap) in tests.
 * The state is thread-local: another thread's allocations do not count.
 * Contract: tests/lib/failalloc.h. */
#include "failalloc.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

void	*__real_malloc(size_t);
void	*__real_calloc(size_t, size_t);
void	*__real_realloc(void *, size_t);
void	*__wrap_malloc(size_t);
void	*__wrap_calloc(size_t, size_t);
void	*__wrap_realloc(void *, size_t);
char	*__wrap_strdup(const char *);

static _Thread_local unsigned long	 count;
static _Thread_local unsigned long	 fail_at;
static _Thread_local int		 failed;

void
fail_alloc(unsigned long n)
{
	fail_at = n != 0 ? count + n : 0;
	failed = 0;
}

int
fail_alloc_off(void)
{
	fail_at = 0;
	return (failed);
}

unsigned long
fail_alloc_count(void)
{
	return (count);
}

static int
fails_now(void)
{
	if (++count != fail_at)
		return (0);
	failed = 1;
	errno = ENOMEM;
	return (1);
}

void *
__wrap_malloc(size_t n)
{
	return (fails_now() ? NULL : __real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (fails_now() ? NULL : __real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	return (fails_now() ? NULL : __real_realloc(p, n));
}

char *
__wrap_strdup(const char *s)
{
	size_t	 n = strlen(s) + 1;
	char	*p = __wrap_malloc(n);

	return (p != NULL ? memcpy(p, s, n) : NULL);
}
