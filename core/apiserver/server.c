/* SPDX-License-Identifier: BSD-2-Clause
 *
 * server.c -- an API server from its configuration to its listeners, and
 * back down again.
 * Thread: the control thread (core/apiserver/role.c).
 * Contract: the order below: the store before the fronts, the fronts before
 * the first event, plugins that read the store after it, listeners last. */
#include "core/apiserver/server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/api/bridge.h"
#include "core/apiserver/bootstrap.h"
#include "core/apiserver/discovery.h"
#include "core/apiserver/token.h"
#include "core/apiserver/service.h"
#include "core/apiserver/verbs.h"
#include "core/apiserver/views.h"
#include "core/cli/cli.h"
#include "core/host/addrs.h"
#include "core/host/real.h"
#include "core/limits.h"
#include "core/loader/call.h"
#include "core/os.h"
#include "core/tls/tls.h"
#include "core/watch/watch.h"

#define GRACE_MS	2000	/* for requests under way at the end */
#define OWED_MS		500	/* then, for plugins that owe an answer */
#define OWED_LOOK_MS	5

static void
fatal(void *arg, const struct pin_err *err)
{
	struct apiserver *srv = arg;

	/* The log can no longer be trusted: stop before anything is said. */
	pin_log(srv->host, PIN_LOG_ERROR, "store: %s", err->text);
	_exit(srv->started ? PIN_EXIT_AGAIN : PIN_EXIT_FAILED);
}

static uint32_t
front_count(const struct apiserver *srv)
{
	uint32_t n = srv->limits.fronts;

	if (n == 0)
		n = (uint32_t)pin_os_cores();
	return (n < FRONTS_MAX ? n : FRONTS_MAX);
}

static int
open_store(struct apiserver *srv, struct pin_err *err)
{
	struct pin_stage *s = pin_plugins_fixed(srv->plugins,
	    PIN_SECTION_STORE);
	struct pin_store_sink sink = { .size = sizeof(sink),
	    .committed = watch_publish, .fatal = fatal, .arg = srv };
	int rc;

	if (s == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "no store is "
		    "configured"));
	srv->store = s->ops;
	srv->store_self = s->self;
	rc = srv->store->start(srv->store_self, &sink, err);
	if (rc != PIN_OK) {
		srv->store = NULL;
		return (pin_err_wrap(err, "store"));
	}
	return (PIN_OK);
}

static uint64_t
store_revision(struct apiserver *srv)
{
	struct pin_store_status st = { .size = sizeof(st) };

	srv->store->status(srv->store_self, &st);
	return (st.revision);
}

static int
open_fronts(struct apiserver *srv, struct pin_err *err)
{
	uint32_t i, n = front_count(srv);
	char name[16];
	struct front *f;
	int rc;

	for (i = 0; i < n; i++) {
		f = &srv->fronts[i];
		f->srv = srv;
		f->index = i;
		f->wake.fn = commit_wake;
		snprintf(name, sizeof(name), "front%u", i);
		rc = pin_loop_open(srv->host, name, &f->loop, err);
		if (rc != PIN_OK)
			return (rc);
		f->calls = pin_calls_new(f->loop);
		srv->loops[i] = f->loop;
		srv->nfronts = i + 1;
	}
	return (PIN_OK);
}

static int
start_fronts(struct apiserver *srv, struct pin_err *err)
{
	uint64_t revision = store_revision(srv);
	uint32_t i;
	int rc;

	atomic_store(&srv->revision, revision);
	for (i = 0; i < srv->nfronts; i++)
		watch_front_open(&srv->fronts[i], revision,
		    srv->limits.ring_bytes);
	for (i = 0; i < srv->nfronts; i++) {
		rc = pin_loop_start(srv->fronts[i].loop, err);
		if (rc != PIN_OK)
			return (rc);
	}
	return (PIN_OK);
}

/* ---- addresses and keys --------------------------------------------- */

/* The address that goes into Endpoints is never loopback. */
static void
choose_advertise(struct apiserver *srv, const struct pin_addr *listen)
{
	static const uint8_t any[16];
	struct pin_addr a[1];

	if (srv->limits.advertise != NULL)
		snprintf(srv->advertise, sizeof(srv->advertise), "%s",
		    srv->limits.advertise);
	else if (!pin_addr_loopback(listen) && memcmp(listen->ip, any,
	    sizeof(any)) != 0)
		pin_addr_ip(listen, srv->advertise);
	else if (pin_host_addresses(a, 1) == 1)
		pin_addr_ip(&a[0], srv->advertise);
	else
		srv->advertise[0] = '\0';	/* an island: no Endpoints */
}

/* The first address of the service range, "10.96.0.1". */
static void
first_service_ip(struct apiserver *srv)
{
	struct pin_addr a;
	char text[80];
	struct pin_err err = PIN_ERR_INIT;

	snprintf(text, sizeof(text), "%.*s:0",
	    (int)strcspn(srv->limits.service_cidr, "/"),
	    srv->limits.service_cidr);
	if (pin_addr_parse(text, &a, &err) != PIN_OK)
		return;
	a.ip[3] |= 1;
	pin_addr_ip(&a, srv->service_ip);
}

static int
open_pki(struct apiserver *srv, const char *data, const struct pin_addr *l,
    struct pin_err *err)
{
	struct pki_names names = { .node = srv->node };
	struct pin_addr addrs[PKI_NAMES_MAX - 6];
	char text[PKI_NAMES_MAX][64], dir[PIN_PATH_MAX];
	uint32_t n = 0, i, count;
	int rc;

	snprintf(text[n++], 64, "127.0.0.1");
	snprintf(text[n++], 64, "::1");
	snprintf(text[n++], 64, "%s", srv->service_ip);
	if (srv->advertise[0] != '\0')
		snprintf(text[n++], 64, "%s", srv->advertise);
	if (!pin_addr_loopback(l))
		pin_addr_ip(l, text[n++]);
	count = pin_host_addresses(addrs, PIN_LEN(addrs));
	for (i = 0; i < count; i++)
		pin_addr_ip(&addrs[i], text[n++]);
	for (i = 0; i < n; i++)
		names.ips[i] = text[i];
	if (srv->limits.pki != NULL)
		snprintf(dir, sizeof(dir), "%s", srv->limits.pki);
	else
		snprintf(dir, sizeof(dir), "%s/pki", data);
	rc = pki_open(srv->host, dir, &names, &srv->pki, err);
	if (rc == PIN_OK)
		rc = tls_client_open(srv->host, srv->pki->ca_cert_path,
		    srv->pki->kubelet_cert_path, srv->pki->kubelet_key_path,
		    &srv->nodes_tls, err);
	return (rc);
}

/* A disk that is full is no reason not to start: the file of an earlier start
 * will do, if there is one. */
static int
old_will_do(struct apiserver *srv, const char *path, int rc,
    const struct pin_err *err)
{
	struct pin_file *f = NULL;

	if (rc != PIN_ENOSPACE || pin_file_open(srv->host, path,
	    PIN_FILE_READ, &f, NULL) != PIN_OK)
		return (rc);
	pin_file_close(&f);
	pin_log(srv->host, PIN_LOG_WARN, "%s: stays as it was: %s", path,
	    err->text);
	return (PIN_OK);
}

static int
write_kubeconfig(struct apiserver *srv, const char *data,
    const struct pin_addr *bound, struct pin_err *err)
{
	char path[PIN_PATH_MAX], server[96], where[80];
	int rc;

	pin_addr_print(bound, where, sizeof(where));
	snprintf(server, sizeof(server), "https://%s", where);
	snprintf(path, sizeof(path), "%s/admin.kubeconfig", data);
	rc = pki_kubeconfig(srv->host, srv->pki, path, server,
	    "kubernetes-admin", "system:masters", err);
	rc = old_will_do(srv, path, rc, err);
	if (rc != PIN_OK)
		return (rc);
	/* The node agent on the same directory waits for this one. */
	snprintf(path, sizeof(path), "%s/node.kubeconfig", data);
	rc = pki_node_kubeconfig(srv->host, srv->pki, path, server, srv->node,
	    1, err);
	return (old_will_do(srv, path, rc, err));
}

/* Port 0 is any free one at the first start; later ones ask for the same
 * again, for it stands in kubeconfigs, the node agent's first of all. */
static int
listen_main(struct apiserver *srv, const struct pin_addr *want,
    struct pin_err *err)
{
	char path[PIN_PATH_MAX], *text = NULL;
	struct pin_addr again = *want;
	struct pin_err ignored = PIN_ERR_INIT;
	int n, rc = PIN_ENOTFOUND;

	snprintf(path, sizeof(path), "%s/port", srv->data);
	if (want->port == 0 && pin_path_slurp(srv->host, path, 16, &text,
	    NULL, &ignored) == PIN_OK) {
		n = atoi(text);
		again.port = n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
		rc = http_server_listen(srv->http, &again, srv->tls,
		    &srv->bound, &ignored);
		if (rc != PIN_OK)
			pin_log(srv->host, PIN_LOG_WARN, "the port of the last "
			    "start is not free, another one: %s",
			    ignored.text);
	}
	free(text);
	if (rc != PIN_OK)
		rc = http_server_listen(srv->http, want, srv->tls,
		    &srv->bound, err);
	if (rc == PIN_OK && want->port == 0) {
		char now[8];

		n = snprintf(now, sizeof(now), "%u\n", srv->bound.port);
		rc = pin_path_replace(srv->host, path, now, (size_t)n, 0, err);
	}
	return (rc);
}

static int
open_listeners(struct apiserver *srv, const struct pin_addr *want,
    struct pin_err *err)
{
	struct http_server_opts o = { .host = srv->host, .fronts = srv->loops,
	    .nfronts = srv->nfronts, .handler = &srv->handler };
	struct pin_addr extra, bound;
	char text[96];
	int rc;

	o.limits.connections_max = srv->limits.connections_max;
	o.limits.body_bytes_total = srv->limits.body_budget;
	srv->handler = apiserver_exchange_handler(srv);
	rc = tls_server_open(srv->host, srv->pki->server_cert_path,
	    srv->pki->server_key_path, srv->pki->ca_cert_path, &srv->tls, err);
	if (rc == PIN_OK)
		rc = http_server_open(&o, &srv->http, err);
	if (rc == PIN_OK)
		rc = listen_main(srv, want, err);
	if (rc != PIN_OK || !pin_addr_loopback(want) ||
	    srv->advertise[0] == '\0')
		return (rc);
	/* Pods cannot reach loopback: the node's own address as well. */
	snprintf(text, sizeof(text), "%s:%u", srv->advertise,
	    srv->bound.port);
	if (pin_addr_parse(text, &extra, err) != PIN_OK ||
	    http_server_listen(srv->http, &extra, srv->tls, &bound, err) !=
	    PIN_OK) {
		pin_log(srv->host, PIN_LOG_WARN, "not listening on %s: %s",
		    text, err->text);
		err->code = PIN_OK;
	}
	return (PIN_OK);
}

/* ---- life ----------------------------------------------------------- */

static void
name_instance(struct apiserver *srv)
{
	uint8_t b[12];
	size_t i;

	pin_host_random(srv->host, b, sizeof(b));
	for (i = 0; i < sizeof(b); i++)
		snprintf(srv->instance + 2 * i, 3, "%02x", b[i]);
	/* 8-4-4-4-: the sequence number is the rest of the audit id. */
	memmove(srv->instance + 9, srv->instance + 8, 12);
	srv->instance[8] = srv->instance[13] = srv->instance[18] = '-';
	srv->instance[23] = '\0';
}

static int
report_error(struct apiserver *srv, const struct pin_report *rep,
    struct pin_err *err)
{
	uint32_t i;

	for (i = 0; i < rep->n; i++)
		pin_log(srv->host, rep->line[i].is_warning ? PIN_LOG_WARN :
		    PIN_LOG_ERROR, "%s", rep->line[i].text);
	return (pin_err_set(err, PIN_ECONFIG, "the configuration has %u "
	    "mistakes", rep->errors));
}

int
apiserver_open(const struct apiserver_opts *o, struct apiserver **out,
    struct pin_err *err)
{
	struct apiserver *srv = pin_xcalloc(1, sizeof(*srv));
	struct pin_report rep = { 0 };
	struct pin_plugins_options po = { .host = o->host, .loop = o->loop,
	    .exe = o->exe, .dir = o->plugins, .data = o->data,
	    .config = o->config, .roles = PIN_ROLE_APISERVER |
	    (o->controllers ? PIN_ROLE_CONTROLLERS | PIN_ROLE_SCHEDULER :
	    0) };
	struct pin_env_services services;
	struct pin_addr listen;
	int rc;

	*out = srv;
	srv->host = o->host;
	srv->schema = pin_schema_builtin();
	srv->bridge = pin_bridge_new(srv->schema);
	srv->started_ns = pin_host_now(srv->host);
	srv->data = o->data;
	name_instance(srv);
	snprintf(srv->node, sizeof(srv->node), "%s", o->node);
	rc = pin_plugins_open(&po, &srv->plugins, &rep);
	if (rc != PIN_OK) {
		rc = report_error(srv, &rep, err);
		goto out;
	}
	pin_config_apiserver(pin_plugins_config(srv->plugins), &srv->limits);
	pin_host_log_level(srv->host, (int)srv->limits.log_level);
	rc = pin_addr_parse(o->listen != NULL ? o->listen :
	    srv->limits.listen, &listen, err);
	if (rc != PIN_OK)
		goto out;
	choose_advertise(srv, &listen);
	first_service_ip(srv);
	rc = open_pki(srv, o->data, &listen, err);
	if (rc == PIN_OK)
		rc = issuer_open(srv, err);
	if (rc == PIN_OK)
		rc = open_fronts(srv, err);
	srv->views = views_new(srv);
	if (rc == PIN_OK)
		rc = open_store(srv, err);
	if (rc == PIN_OK)
		rc = start_fronts(srv, err);
	if (rc == PIN_OK)
		rc = bootstrap_run(srv, err);
	if (rc != PIN_OK)
		goto out;
	views_services(srv->views, &services);
	srv->services = services;
	rc = service_open(srv, err);
	if (rc != PIN_OK)
		goto out;
	rc = pin_plugins_start(srv->plugins, &srv->services, &rep);
	if (rc != PIN_OK) {
		rc = report_error(srv, &rep, err);
		goto out;
	}
	rc = discovery_open(srv, err);
	if (rc == PIN_OK)
		rc = open_listeners(srv, &listen, err);
	if (rc == PIN_OK)
		rc = bootstrap_listening(srv, err);
	if (rc == PIN_OK)
		rc = write_kubeconfig(srv, o->data, &srv->bound, err);
	srv->started = rc == PIN_OK;
out:
	pin_report_fini(&rep);
	return (rc);
}

static uint32_t
calls_owed(struct apiserver *srv)
{
	uint32_t i, n = 0;

	for (i = 0; i < srv->nfronts; i++)
		n += pin_calls_out(srv->fronts[i].calls);
	return (n);
}

/* A plugin that still owes an answer may write into its call, post to its loop
 * and run its code: none of that can go while it may. The store is shut; the
 * rest ends with the process. */
static void
leave_if_owed(struct apiserver *srv)
{
	struct timespec nap = { 0, OWED_LOOK_MS * 1000000L };
	uint64_t until = pin_host_now(srv->host) + OWED_MS *
	    UINT64_C(1000000);

	while (calls_owed(srv) > 0 && pin_host_now(srv->host) < until)
		(void)nanosleep(&nap, NULL);
	if (calls_owed(srv) == 0)
		return;
	pin_log(srv->host, PIN_LOG_WARN, "%u calls into plugins have no "
	    "answer yet: ending without closing the plugins",
	    (unsigned int)calls_owed(srv));
	_exit(srv->started ? PIN_EXIT_OK : PIN_EXIT_FAILED);
}

void
apiserver_close(struct apiserver **out)
{
	struct apiserver *srv = *out;
	uint32_t i;

	*out = NULL;
	if (srv == NULL)
		return;
	atomic_store(&srv->stopping, 1);
	if (srv->http != NULL)
		http_server_close(&srv->http, GRACE_MS);
	if (srv->store != NULL)
		srv->store->stop(srv->store_self);
	leave_if_owed(srv);
	for (i = 0; i < srv->nfronts; i++) {
		pin_loop_stop(srv->fronts[i].loop);
		pin_loop_close(&srv->fronts[i].loop);
		pin_calls_free(&srv->fronts[i].calls);
		free(srv->fronts[i].flows);
		if (srv->fronts[i].watch != NULL)
			watch_front_close(&srv->fronts[i]);
	}
	discovery_close(srv);
	service_close(srv);
	if (srv->plugins != NULL)
		pin_plugins_close(&srv->plugins);
	views_free(&srv->views);
	if (srv->tls != NULL)
		tls_server_close(&srv->tls);
	if (srv->nodes_tls != NULL)
		tls_client_close(&srv->nodes_tls);
	issuer_close(srv);
	pki_close(&srv->pki);
	pin_bridge_free(&srv->bridge);
	free(srv);
}
