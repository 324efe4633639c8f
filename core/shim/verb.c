/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verb.c -- the verb `shim`.
 * Contract: core/cli/cli.h. */
#include "core/cli/cli.h"
#include "core/shim/shim.h"

int
pin_verb_shim(const struct pin_args *args)
{
	return (shim_main(args->word[0]));
}
