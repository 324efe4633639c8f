/* SPDX-License-Identifier: BSD-2-Clause
 *
 * role.c -- the verbs `up` and `apiserver`: signals, reload, compaction, the
 * line that says ready.
 * Threads: signals on the main thread; the control loop has one of its own.
 * Contract: docs/architecture.md section 3, "The contract that tests and
 * scripts rely on". */
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/apiserver/server.h"
#include "core/apiserver/verbs.h"
#include "core/cli/cli.h"
#include "core/controller/controllers.h"
#include "core/host/addrs.h"
#include "core/scheduler/scheduler.h"
#include "core/supervise/supervise.h"

struct role {
	struct apiserver *srv;
	struct controllers *controllers;	/* NULL: the API server alone */
	struct scheduler *scheduler;		/* and this */
	struct pin_loop	*control;
	struct pin_timer compact;
	uint64_t	 compact_to;	/* revision one interval ago */
	struct pin_msg	 start, reload, end;
	_Atomic(int)	 asked;		/* reload is under way to its loop */
};

/* ---- control loop --------------------------------------------------- */

static void
compact_done(void *arg, const struct pin_txn_result *res)
{
	(void)arg;
	(void)res;
}

/* Forgets what was superseded an interval ago, so that a watcher or a list
 * always has that long. */
static void
compact_tick(struct pin_timer *t)
{
	struct role *role = (struct role *)(void *)((char *)t -
	    offsetof(struct role, compact));
	struct apiserver *srv = role->srv;
	struct pin_err err = PIN_ERR_INIT;

	if (role->compact_to > 1)
		(void)srv->store->compact(srv->store_self, role->compact_to,
		    compact_done, NULL, &err);
	role->compact_to = srv->revision;
	pin_timer_start(t, srv->limits.compact_ms);
}

static void
control_start(struct pin_msg *msg)
{
	struct role *role = (struct role *)(void *)((char *)msg -
	    offsetof(struct role, start));

	pin_timer_init(&role->compact, role->control, compact_tick);
	role->compact_to = role->srv->revision;
	if (role->srv->limits.compact_ms > 0)
		pin_timer_start(&role->compact,
		    role->srv->limits.compact_ms);
}

static void
reload_run(struct pin_msg *msg)
{
	struct role *role = (struct role *)(void *)((char *)msg -
	    offsetof(struct role, reload));
	struct pin_report rep = { 0 };
	struct pin_host *host = role->srv->host;
	uint32_t i;
	int rc;

	atomic_store(&role->asked, 0);	/* a signal from now on counts */
	rc = pin_plugins_reload(role->srv->plugins, &rep);
	if (rc == PIN_OK) {
		controllers_reload(role->controllers);
		scheduler_reload(role->scheduler);
	}
	for (i = 0; i < rep.n; i++)
		pin_log(host, rep.line[i].is_warning ? PIN_LOG_WARN :
		    PIN_LOG_ERROR, "%s", rep.line[i].text);
	pin_log(host, rc == PIN_OK ? PIN_LOG_INFO : PIN_LOG_ERROR, rc ==
	    PIN_OK ? "configuration reloaded" : "configuration not reloaded: "
	    "the old one goes on");
	pin_report_fini(&rep);
}

/* Here, so that no reload is under way. */
static void
end_run(struct pin_msg *msg)
{
	struct role *role = (struct role *)(void *)((char *)msg -
	    offsetof(struct role, end));

	scheduler_close(&role->scheduler);
	controllers_close(&role->controllers);
}

/* ---- start and stop ------------------------------------------------- */

static void
say_ready(const struct apiserver *srv)
{
	char where[80];

	pin_addr_print(&srv->bound, where, sizeof(where));
	printf("ready https://%s\n", where);
	fflush(stdout);
}

/* Waits for SIGTERM or SIGINT; SIGHUP reloads. */
static void
wait_for_end(struct role *role, const sigset_t *set)
{
	int sig;

	for (;;) {
		if (sigwait(set, &sig) != 0)
			continue;
		if (sig != SIGHUP)
			return;
		/* A message may be in one queue only. */
		role->reload.fn = reload_run;
		if (!atomic_exchange(&role->asked, 1))
			pin_loop_post(role->control, &role->reload);
	}
}

static struct transport *
local_transport(void *arg, struct pin_loop *loop)
{
	struct apiserver *srv = arg;

	return (transport_local(loop, &srv->handler, srv->loops,
	    srv->nfronts, "kube-controller-manager"));
}

static struct transport *
scheduler_transport(void *arg, struct pin_loop *loop)
{
	struct apiserver *srv = arg;

	return (transport_local(loop, &srv->handler, srv->loops,
	    srv->nfronts, "kube-scheduler"));
}

static int
role_run(const struct pin_args *args, const char *data, const char *config,
    const char *plugins, int whole, const sigset_t *set, struct pin_err *err)
{
	struct role role = { 0 };
	struct apiserver_opts o = { .host = args->host, .exe = args->exe,
	    .plugins = plugins, .data = data, .config = config,
	    .listen = pin_args_get(args, "listen"),
	    .node = pin_args_get(args, "node-name"), .controllers = whole };
	char node[64];
	int rc;

	if (o.node == NULL) {
		pin_host_name(node);
		o.node = node;
	}
	rc = pin_loop_open(args->host, "control", &role.control, err);
	if (rc != PIN_OK)
		return (rc);
	o.loop = role.control;
	rc = apiserver_open(&o, &role.srv, err);
	if (rc == PIN_OK && whole)
		rc = controllers_open(args->host, role.srv->plugins,
		    local_transport, role.srv, &role.controllers, err);
	if (rc == PIN_OK && whole)
		rc = scheduler_open(args->host, role.srv->plugins,
		    scheduler_transport, role.srv, &role.scheduler, err);
	if (rc == PIN_OK) {
		role.start.fn = control_start;
		pin_loop_post(role.control, &role.start);
		rc = pin_loop_start(role.control, err);
	}
	if (rc == PIN_OK) {
		say_ready(role.srv);
		wait_for_end(&role, set);
	}
	role.end.fn = end_run;
	pin_loop_post(role.control, &role.end);
	/* Requests that end from here on may let go of the last of a set. */
	if (role.srv != NULL && role.srv->plugins != NULL)
		pin_plugins_detach(role.srv->plugins);
	pin_loop_close(&role.control);
	apiserver_close(&role.srv);
	return (rc);
}

static int
run_alone(const struct pin_args *args, const char *data, const char *config,
    const char *plugins, const sigset_t *set, struct pin_err *err)
{
	return (role_run(args, data, config, plugins, 0, set, err));
}

static int
run_whole(const struct pin_args *args, const char *data, const char *config,
    const char *plugins, const sigset_t *set, struct pin_err *err)
{
	return (role_run(args, data, config, plugins, 1, set, err));
}

int
pin_verb_apiserver(const struct pin_args *args)
{
	return (pin_role(args, run_alone));
}

/* ---- a whole node ----------------------------------------------------- */

static int
run_control_plane(const void *arg)
{
	return (pin_role(arg, run_whole));
}

/* The node agent is this program again: it begins with nothing of ours. */
static int
run_node(const void *arg)
{
	static const char *const same[] = { "data", "config", "plugins",
	    "node-name" };
	const struct pin_args *args = arg;
	const char *argv[4 + 2 * PIN_LEN(same)];
	char flag[PIN_LEN(same)][16];
	size_t i, n = 0;

	argv[n++] = args->exe;
	argv[n++] = "kubelet";
	for (i = 0; i < PIN_LEN(same); i++) {
		if (pin_args_get(args, same[i]) == NULL)
			continue;
		snprintf(flag[i], sizeof(flag[i]), "--%s", same[i]);
		argv[n++] = flag[i];
		argv[n++] = pin_args_get(args, same[i]);
	}
	argv[n] = NULL;
	execv(args->exe, (char *const *)(uintptr_t)argv);
	perror("pintle: kubelet");
	return (PIN_EXIT_FAILED);
}

int
pin_verb_up(const struct pin_args *args)
{
	const struct supervised both[] = {
		{ "control plane", run_control_plane, args, 0 },
		{ "node agent", run_node, args, 1 },
	};
	const char *data = pin_args_get(args, "data");
	char path[PATH_MAX];

	if (data == NULL) {
		fprintf(stderr, "pintle: --data DIR is needed\n");
		return (PIN_EXIT_USAGE);
	}
	/* An earlier server's may name another port: the agent waits. */
	snprintf(path, sizeof(path), "%s/node.kubeconfig", data);
	(void)unlink(path);
	return (supervise(both, PIN_LEN(both)));
}
