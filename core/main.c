/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c -- the program: everything is in libpintle, where tests can reach it.
 * Contract: core/cli/cli.h. */
#include "core/cli/cli.h"

int
main(int argc, char **argv)
{
	return (pin_cli_main(argc, argv));
}
