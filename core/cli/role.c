/* SPDX-License-Identifier: BSD-2-Clause
 *
 * role.c -- what every process that serves does before it does anything of
 * its own: open files, signals, configuration, data directory.
 * Main thread. Contract: cli.h. */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/cli.h"
#include "core/files.h"

static int
data_dir(const char *given, char out[PATH_MAX], struct pin_err *err)
{
	if (mkdir(given, 0700) != 0 && errno != EEXIST)
		return (pin_err_os(err, PIN_EIO, errno, "cannot make %s",
		    given));
	if (realpath(given, out) == NULL)
		return (pin_err_os(err, PIN_EIO, errno, "%s", given));
	return (PIN_OK);
}

int
pin_role(const struct pin_args *args, pin_role_fn *fn)
{
	char data[PATH_MAX], *config, *plugins;
	struct pin_err err = PIN_ERR_INIT;
	const char *given = pin_args_get(args, "data");
	sigset_t set;
	int rc;

	if (given == NULL) {
		fprintf(stderr, "pintle: --data DIR is needed\n");
		return (PIN_EXIT_USAGE);
	}
	files_raise();
	/* Before any thread is made: all of them inherit this. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	config = pin_args_config(args);
	if (config == NULL)
		return (PIN_EXIT_FAILED);
	plugins = pin_args_plugins(args);
	rc = data_dir(given, data, &err);
	if (rc == PIN_OK)
		rc = fn(args, data, config, plugins, &set, &err);
	if (rc != PIN_OK)
		fprintf(stderr, "pintle: %s\n", err.text);
	free(config);
	free(plugins);
	return (rc == PIN_OK ? PIN_EXIT_OK : PIN_EXIT_FAILED);
}
