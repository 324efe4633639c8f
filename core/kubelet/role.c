/* SPDX-License-Identifier: BSD-2-Clause
 *
 * role.c -- the verb `kubelet`: signals, and the wait for a kubeconfig that
 * the API server writes when both start together.
 * Thread: main. Contract: docs/node.md. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cli/cli.h"
#include "core/files.h"
#include "core/host/addrs.h"
#include "core/kubelet/kubelet.h"

#define CONFIG_POLL_MS	50

/* 0: the file is there; else the signal that came first. (sigtimedwait is not
 * everywhere; the signals are blocked, so they stay pending.) */
static int
wait_for_file(const char *path)
{
	struct timespec ts = { 0, CONFIG_POLL_MS * 1000000L };
	sigset_t pending;

	while (access(path, R_OK) != 0) {
		(void)nanosleep(&ts, NULL);
		(void)sigpending(&pending);
		if (sigismember(&pending, SIGTERM) == 1)
			return (SIGTERM);
		if (sigismember(&pending, SIGINT) == 1)
			return (SIGINT);
	}
	return (0);
}

static int
run(const struct pin_args *args, const char *data, const char *config,
    const char *plugins, const sigset_t *set, struct pin_err *err)
{
	struct kubelet_opts o = { .host = args->host, .exe = args->exe,
	    .plugins = plugins, .data = data, .config = config,
	    .kubeconfig = pin_args_get(args, "kubeconfig"),
	    .server = pin_args_get(args, "server"),
	    .node = pin_args_get(args, "node-name") };
	struct kubelet *k = NULL;
	char node[64], path[PATH_MAX];
	int rc, sig = 0;

	if (o.node == NULL) {
		pin_host_name(node);
		o.node = node;
	}
	o.remote = o.kubeconfig != NULL;
	if (o.kubeconfig == NULL) {
		snprintf(path, sizeof(path), "%s/node.kubeconfig", data);
		o.kubeconfig = path;
		if (wait_for_file(path) != 0)
			return (PIN_OK);
	}
	rc = kubelet_open(&o, &k, err);
	while (rc == PIN_OK && sig != SIGTERM && sig != SIGINT)
		(void)sigwait(set, &sig);
	kubelet_close(&k);
	return (rc);
}

int
pin_verb_kubelet(const struct pin_args *args)
{
	char data[PATH_MAX], *config, *plugins;
	struct pin_err err = PIN_ERR_INIT;
	const char *given = pin_args_get(args, "data");
	sigset_t set;
	int rc = PIN_OK;

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
	if ((mkdir(given, 0700) != 0 && errno != EEXIST) ||
	    realpath(given, data) == NULL)
		rc = pin_err_os(&err, PIN_EIO, errno, "%s", given);
	if (rc == PIN_OK)
		rc = run(args, data, config, plugins, &set, &err);
	if (rc != PIN_OK)
		fprintf(stderr, "pintle: %s\n", err.text);
	free(config);
	free(plugins);
	return (rc == PIN_OK ? PIN_EXIT_OK : PIN_EXIT_FAILED);
}
