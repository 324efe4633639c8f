/* SPDX-License-Identifier: BSD-2-Clause
 *
 * failalloc -- makes the n-th allocation of this thread fail.
 * Covers what is linked into the test (libpintle, the test itself), not what
 * other shared objects allocate. Any thread, each for itself.
 * Contract: loop n upward until the code under test succeeds. */
#ifndef PIN_TESTS_FAILALLOC_H
#define PIN_TESTS_FAILALLOC_H

/*
 *	for (n = 1; ; n++) {
 *		fail_alloc(n);
 *		rc = thing_open(&t, &err);
 *		if (fail_alloc_off() == 0)	nothing failed any more
 *			break;
 *		CHECK(rc == PIN_ENOMEM && t == NULL);
 *	}
 */

void	fail_alloc(unsigned long n);	/* the n-th from now, once */
int	fail_alloc_off(void);		/* 1 when one has failed since */
unsigned long fail_alloc_count(void);	/* allocations of this thread so far */

#endif
