/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kubelet.c -- the node agent from its configuration to its loop, and back.
 * Thread: control thread. Contract: kubelet.h; runtimes are attached before
 * the first pod is looked at. */
#include "core/kubelet/kubelet.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/addrs.h"
#include "core/kubelet/kubelet_int.h"
#include "core/kubelet/subpath.h"
#include "core/tls/tls.h"

static int
open_plugins(struct kubelet *k, const struct kubelet_opts *o,
    struct pin_err *err)
{
	struct pin_plugins_options po = { .host = o->host, .exe = o->exe,
	    .dir = o->plugins, .data = o->data, .config = o->config,
	    .roles = PIN_ROLE_KUBELET |
	    PIN_ROLE_PROXY };
	struct pin_report rep = { 0 };
	const struct pin_chain *chain;
	struct pin_stage *net;
	uint32_t i;
	int rc;

	rc = pin_plugins_open(&po, &k->plugins, &rep);
	for (i = 0; i < rep.n; i++)
		pin_log(k->host, rep.line[i].is_warning ? PIN_LOG_WARN :
		    PIN_LOG_ERROR, "%s", rep.line[i].text);
	if (rc != PIN_OK)
		rc = pin_err_set(err, PIN_ECONFIG, "the configuration has "
		    "%u mistakes", rep.errors);
	pin_report_fini(&rep);
	if (rc != PIN_OK)
		return (rc);
	chain = pin_plugins_fixed_chain(k->plugins, PIN_SECTION_RUNTIMES);
	for (i = 0; i < chain->n && i < KUBELET_RUNTIMES_MAX; i++) {
		k->rt[i].name = chain->stage[i]->name;
		k->rt[i].ops = chain->stage[i]->ops;
		k->rt[i].self = chain->stage[i]->self;
	}
	k->nrt = i;
	net = pin_plugins_fixed(k->plugins, PIN_SECTION_NETWORK);
	if (k->nrt == 0 || net == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "a node needs at least "
		    "one of runtimes, and network"));
	k->net = net->ops;
	k->net_self = net->self;
	return (PIN_OK);
}

static int
attach(struct kubelet *k, struct pin_err *err)
{
	struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = pods_exited, .arg = k,
	    .warned = pods_warned };
	uint32_t i;
	int rc = PIN_OK;

	for (i = 0; i < k->nrt && rc == PIN_OK; i++) {
		rc = k->rt[i].ops->attach(k->rt[i].self, &sink, err);
		if (rc != PIN_OK)
			(void)pin_err_wrap(err, "runtime %s", k->rt[i].name);
	}
	return (rc);
}

int
kubelet_remote(struct kubelet *k, const struct kubelet_opts *o,
    const char *context, struct tls_client **tls,
    struct transport_remote_opts *t, struct pin_err *err)
{
	struct kubeconfig *kc = pin_xcalloc(1, sizeof(*kc));
	const char *server;
	int rc;

	rc = kubeconfig_load(k->host, k->data, o->kubeconfig, context, kc,
	    err);
	if (rc != PIN_OK)
		goto out;
	server = o->server != NULL ? o->server : kc->server;
	if (strncmp(server, "https://", 8) != 0) {
		rc = pin_err_set(err, PIN_ECONFIG, "server %s: https:// is "
		    "needed", server);
		goto out;
	}
	rc = pin_addr_parse(server + 8, &t->addr, err);
	if (rc == PIN_OK)
		rc = tls_client_open(k->host, kc->ca, kc->cert, kc->key, tls,
		    err);
	t->tls = *tls;
	t->name = "kubernetes";
out:
	free(kc);
	return (rc);
}

static int
open_client(struct kubelet *k, const struct kubelet_opts *o,
    struct pin_err *err)
{
	struct transport_remote_opts t = { .loop = k->loop,
	    .agent = "pintle-kubelet" };
	struct transport *tr;
	int rc;

	rc = kubelet_remote(k, o, NULL, &k->tls, &t, err);
	if (rc == PIN_OK) {
		k->server = t.addr;
		tr = transport_remote(&t);
		k->client = client_new(k->loop, NULL, &tr);
	}
	return (rc);
}

static void
start_on_loop(struct pin_msg *msg)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)msg -
	    offsetof(struct kubelet, start));

	node_start(k);
	pods_start(k);
}

int
kubelet_open(const struct kubelet_opts *o, struct kubelet **out,
    struct pin_err *err)
{
	struct kubelet *k = pin_xcalloc(1, sizeof(*k));
	char dir[KUBELET_PATH_MAX];
	int rc;

	*out = k;
	k->host = o->host;
	k->data = o->data;
	k->node = o->node;
	k->events_tail = &k->events;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->ended, NULL);
	k->nips = pin_host_addresses(k->ips, KUBELET_IPS_MAX);
	snprintf(dir, sizeof(dir), "%s/pods", k->data);
	rc = pin_path_mkdir(k->host, dir, err);
	if (rc == PIN_OK)
		rc = pin_loop_open(k->host, "kubelet", &k->loop, err);
	if (rc == PIN_OK)
		rc = open_plugins(k, o, err);
	if (rc == PIN_OK)
		rc = attach(k, err);
	if (rc == PIN_OK) {
		subpath_drop_all(k);
		rc = open_client(k, o, err);
	}
	if (rc == PIN_OK)
		rc = services_open(k, o, err);
	if (rc != PIN_OK)
		return (rc);
	rc = pin_loop_start(k->loop, err);
	/* Before the first status, which says where logs are. */
	if (rc == PIN_OK)
		rc = logs_open(k, o, err);
	if (rc == PIN_OK) {
		k->running = 1;
		k->start.fn = start_on_loop;
		pin_loop_post(k->loop, &k->start);
	}
	return (rc);
}

/* ---- the end ----------------------------------------------------------- */

static void
client_is_gone(void *arg)
{
	struct kubelet *k = arg;

	(void)pthread_mutex_lock(&k->lock);
	k->gone = 1;
	(void)pthread_cond_signal(&k->ended);
	(void)pthread_mutex_unlock(&k->lock);
}

static void
stop_on_loop(struct pin_msg *msg)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)msg -
	    offsetof(struct kubelet, stop));

	node_stop(k);
	pods_stop(k);
	client_close(&k->client, client_is_gone, k);
}

/* The client closes its connections at a later turn of the loop, whatever
 * the server does: a loop that is told to stop may not get that far. */
static void
close_client(struct kubelet *k)
{
	k->stop.fn = stop_on_loop;
	pin_loop_post(k->loop, &k->stop);
	(void)pthread_mutex_lock(&k->lock);
	while (!k->gone)
		(void)pthread_cond_wait(&k->ended, &k->lock);
	(void)pthread_mutex_unlock(&k->lock);
}

void
kubelet_close(struct kubelet **out)
{
	struct kubelet *k = *out;
	struct kpod *pod;

	*out = NULL;
	if (k == NULL)
		return;
	atomic_store(&k->stopping, 1);
	if (k->http != NULL)
		logs_close(k);
	if (k->running)
		close_client(k);
	if (k->loop != NULL)
		pin_loop_close(&k->loop);
	services_close(k);
	if (k->plugins != NULL)
		pin_plugins_close(&k->plugins);
	while ((pod = k->pods) != NULL) {
		k->pods = pod->next;
		pod_fini(pod);
		free(pod);
	}
	event_drain(k);
	if (k->tls != NULL)
		tls_client_close(&k->tls);
	pthread_cond_destroy(&k->ended);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
