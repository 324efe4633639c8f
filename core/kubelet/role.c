/* SPDX-License-Identifier: BSD-2-Clause
 *
 * role.c -- the verb `kubelet`: signals, and the wait for a kubeconfig that
 * the API server writes when both start together.
 * Thread: main. Contract: docs/node.md. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/cli/cli.h"
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
	return (pin_role(args, run));
}
