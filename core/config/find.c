/* SPDX-License-Identifier: BSD-2-Clause
 *
 * find.c -- the shipped configuration, found from where the program is.
 * Any thread. Contract: config.h, docs/configuration.md. */
#include "core/config/config_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "build_info.h"

int
pin_config_find(const char *bindir, char **out, struct pin_err *err)
{
	static const char *const below[] = {
		"../conf/pintle.conf", "../etc/pintle/pintle.conf", NULL
	};
	char *try;

	for (const char *const *p = below; *p != NULL; p++) {
		try = pin__conf_join(bindir, *p);
		*out = access(try, R_OK) == 0 ? realpath(try, NULL) : NULL;
		free(try);
		if (*out != NULL)
			return (PIN_OK);
	}
	*out = pin__conf_join(PIN_CONF_DIR, "pintle.conf");
	if (access(*out, R_OK) == 0)
		return (PIN_OK);
	free(*out);
	*out = NULL;
	return (pin_err_set(err, PIN_ENOTFOUND, "no configuration: there is "
	    "no %s/%s, %s/%s or %s/pintle.conf; name one with --config FILE",
	    bindir, below[0], bindir, below[1], PIN_CONF_DIR));
}
