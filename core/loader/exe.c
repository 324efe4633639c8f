/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exe.c -- the program's own path, and where its plugins are from there.
 * Main thread, at start. Contract: loader.h. */
#include "core/loader/loader_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_info.h"

/* As the shell does: a name with a slash is a path, else along PATH. */
int
pin__exe_search(const char *argv0, char **out, struct pin_err *err)
{
	const char *path = getenv("PATH"), *end;
	char real[PATH_MAX], try[PATH_MAX];

	if (strchr(argv0, '/') != NULL) {
		if (realpath(argv0, real) == NULL)
			return (pin_err_os(err, PIN_EIO, errno, "%s", argv0));
		*out = pin_xstrdup(real);
		return (PIN_OK);
	}
	for (; path != NULL && *path != '\0';
	    path = *end == ':' ? end + 1 : end) {
		end = path + strcspn(path, ":");
		(void)snprintf(try, sizeof(try), "%.*s/%s",
		    (int)(end - path), path, argv0);
		if (access(try, X_OK) == 0 && realpath(try, real) != NULL) {
			*out = pin_xstrdup(real);
			return (PIN_OK);
		}
	}
	return (pin_err_set(err, PIN_ENOTFOUND,
	    "cannot find where %s lies", argv0));
}

char *
pin_plugin_dir(const char *exe)
{
	static const char *const below[] = { "plugins",
	    "../lib/pintle/plugins" };
	const char *slash = strrchr(exe, '/');
	char path[PATH_MAX];

	for (size_t i = 0; slash != NULL && i < PIN_LEN(below); i++) {
		(void)snprintf(path, sizeof(path), "%.*s/%s",
		    (int)(slash - exe), exe, below[i]);
		if (access(path, X_OK) == 0)
			return (pin_xstrdup(path));
	}
	return (pin_xstrdup(PIN_PLUGIN_DIR));
}
