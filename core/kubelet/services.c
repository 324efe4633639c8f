/* SPDX-License-Identifier: BSD-2-Clause
 *
 * services.c -- the role proxy inside the node agent, with a client and an
 * identity of its own, and what it means for pods: where they find the API
 * server.
 * Threads: said at each function in kubelet_int.h.
 * Contract: docs/node.md "Services". */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/pki.h"
#include "core/host/addrs.h"
#include "core/kubelet/kubelet_int.h"
#include "core/proxy/proxy.h"
#include "core/proxy/state.h"
#include "core/tls/tls.h"

/* The first pods of an agent may come before its proxy knows anything. */
#define SERVES_WAIT_MS	5000

static struct transport *
remote(void *arg, struct pin_loop *loop)
{
	struct transport_remote_opts *t = arg;

	t->loop = loop;
	return (transport_remote(t));
}

static uint32_t
node_ips(const struct kubelet *k, struct pin_ip ips[KUBELET_IPS_MAX])
{
	uint32_t i;

	memset(ips, 0, KUBELET_IPS_MAX * sizeof(ips[0]));
	for (i = 0; i < k->nips; i++) {
		ips[i].family = k->ips[i].family;
		memcpy(ips[i].ip, k->ips[i].ip, sizeof(ips[i].ip));
	}
	return (k->nips);
}

int
services_open(struct kubelet *k, const struct kubelet_opts *o,
    struct pin_err *err)
{
	const struct pin_stage *st = pin_plugins_fixed(k->plugins,
	    PIN_SECTION_PROXY);
	struct transport_remote_opts t = { .agent = "pintle-proxy" };
	struct pin_ip ips[KUBELET_IPS_MAX];
	struct proxy_opts p = { .host = k->host, .transport = remote,
	    .arg = &t, .node = k->node, .node_ips = ips };
	int rc;

	if (st == NULL)
		return (PIN_OK);
	rc = kubelet_remote(k, o, PKI_PROXY_CONTEXT, &k->proxy_tls, &t, err);
	if (rc == PIN_ENOTFOUND) {
		pin_log(k->host, PIN_LOG_INFO, "%s has no context %s: the "
		    "proxy asks as the node agent does", o->kubeconfig,
		    PKI_PROXY_CONTEXT);
		*err = (struct pin_err)PIN_ERR_INIT;
		rc = kubelet_remote(k, o, NULL, &k->proxy_tls, &t, err);
	}
	if (rc != PIN_OK)
		return (rc);
	p.ops = st->ops;
	p.self = st->self;
	p.name = st->name;
	p.nnode_ips = node_ips(k, ips);
	return (proxy_open(&p, &k->proxy, err));
}

void
services_close(struct kubelet *k)
{
	proxy_close(&k->proxy);
	if (k->proxy_tls != NULL)
		tls_client_close(&k->proxy_tls);
}

/* ---- the API server's address ------------------------------------------ */

static int
is_served(struct kubelet *k, struct pin_str text, int64_t port)
{
	uint64_t t0 = pin_host_now(k->host);
	struct pin_ip ip;
	int yes;

	if (!proxy_ip_parse(text, &ip))
		return (0);
	yes = proxy_serves(k->proxy, &ip, (uint16_t)port, PIN_PROTO_TCP,
	    atomic_load(&k->proxy_late) ? 0 : SERVES_WAIT_MS);
	if (pin_host_now(k->host) - t0 >= SERVES_WAIT_MS * MS_NS)
		atomic_store(&k->proxy_late, 1);
	return (yes);
}

int
services_apiserver(struct kubelet *k, const struct pin_obj *service,
    struct service_at *at, struct pin_err *err)
{
	pin_node spec = pin_obj_get(service, pin_obj_root(service), "spec"),
	    root, sub;
	struct pin_str ip = pin_obj_str(service, pin_obj_get(service, spec,
	    "clusterIP"));
	struct pin_obj *o;
	int rc;

	at->port = 0;
	(void)pin_obj_i64(service, pin_obj_get(service, pin_obj_first(service,
	    pin_obj_get(service, spec, "ports")), "port"), &at->port);
	str_copy(at->ip, sizeof(at->ip), ip);
	if (is_served(k, ip, at->port))
		return (PIN_OK);
	rc = api_get(k, &o, err, "/api/v1/namespaces/default/endpoints/"
	    "kubernetes");
	if (rc != PIN_OK && rc != PIN_ENOTFOUND)
		return (rc);
	root = rc == PIN_OK ? pin_obj_root(o) : 0;
	sub = root != 0 ? pin_obj_first(o, pin_obj_get(o, root, "subsets")) :
	    0;
	ip = sub != 0 ? pin_obj_str(o, pin_obj_get(o, pin_obj_first(o,
	    pin_obj_get(o, sub, "addresses")), "ip")) : PIN_STR_NONE;
	if (ip.len > 0 && pin_obj_i64(o, pin_obj_get(o, pin_obj_first(o,
	    pin_obj_get(o, sub, "ports")), "port"), &at->port)) {
		str_copy(at->ip, sizeof(at->ip), ip);
	} else {
		/* A server without an address of its own: as we reach it. */
		pin_addr_ip(&k->server, at->ip);
		at->port = k->server.port;
	}
	pin_obj_free(&o);
	return (PIN_OK);
}
