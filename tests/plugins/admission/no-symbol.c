/* SPDX-License-Identifier: BSD-2-Clause
 *
 * no-symbol -- test plugin: a shared object without `pin_plugin`.
 * Contract: none. */
#include <pintle/abi.h>

int	pin_test_nothing(void);

int
pin_test_nothing(void)
{
	return (0);
}
