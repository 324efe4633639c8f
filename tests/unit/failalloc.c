/* SPDX-License-Identifier: BSD-2-Clause
 *
 * failalloc -- the allocator of the tests fails when asked, and only then.
 * One thread. Contract: tests/lib/failalloc.h. */
#include "failalloc.h"
#include "tap.h"

/* Three allocations, and a clean way back from each that fails. (volatile: a
 * compiler may leave out an allocation that nobody looks at.) */
static int
three(char **out)
{
	char	*volatile a, *volatile b = NULL, *volatile c = NULL;

	*out = NULL;
	if ((a = malloc(8)) == NULL)
		return (-1);
	if ((b = strdup("bee")) == NULL || (c = calloc(4, 4)) == NULL) {
		free(b);
		free(a);
		return (-1);
	}
	free(a);
	free(c);
	*out = b;
	return (0);
}

int
main(void)
{
	unsigned long	 n, before;
	char		*s;
	int		 rc;

	CASE("each of three allocations fails in its turn, the fourth none") {
		for (n = 1; n < 10; n++) {
			fail_alloc(n);
			rc = three(&s);
			if (!fail_alloc_off())
				break;
			CHECK(rc == -1 && s == NULL);
		}
		CHECK_UINT(n, 4);
		CHECK_INT(rc, 0);
		CHECK_STR(s, "bee");
		free(s);
	}
	CASE("allocations are counted") {
		before = fail_alloc_count();
		CHECK_INT(three(&s), 0);
		CHECK_UINT(fail_alloc_count() - before, 3);
		free(s);
	}
	return (tap_done());
}
