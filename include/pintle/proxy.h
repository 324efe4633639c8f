/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proxy.h -- how a Service reaches its pods.
 * Thread: apply on the proxy loop, one at a time; must not block for long (a
 * plugin that moves bytes has threads of its own and is RESIDENT).
 * Contract: the state is whole each time (P1: after apply, rules equal it);
 * established connections survive it (P2). */
#ifndef PINTLE_PROXY_H
#define PINTLE_PROXY_H

#include <pintle/network.h>

#define PIN_PROXY_ABI		PIN_ABI(1, 1) /* history: docs/abi/proxy.md */

enum { PIN_PROTO_TCP = 6, PIN_PROTO_UDP = 17 };

/* Who gets new connections is decided before the plugin sees it: ready ones,
 * or where there is none, those that end and still serve. */
enum {
	PIN_ENDPOINT_CLUSTER = 1,	/* under the policy Cluster */
	PIN_ENDPOINT_LOCAL = 2,		/* under the policy Local */
};

struct pin_endpoint {
	struct pin_ip	 ip;
	uint16_t	 port;
	uint16_t	 local;		/* 1: on this node */
	uint32_t	 flags;		/* PIN_ENDPOINT_..., at least one */
};

/* One port of one Service. */
struct pin_service_port {
	uint32_t	 size;
	uint32_t	 protocol;	/* PIN_PROTO_... */
	struct pin_str	 namespace, name, port_name;
	const struct pin_ip *cluster_ips;
	uint32_t	 ncluster_ips;
	uint16_t	 port;
	uint16_t	 node_port;	/* 0: none */
	const struct pin_endpoint *endpoints;	/* by address, each once */
	uint32_t	 nendpoints;
	uint32_t	 affinity_s;	/* ClientIP stickiness; 0: none */
	uint32_t	 local_only;	/* externalTrafficPolicy: Local, of what
					 * comes to the node port */
	uint32_t	 internal_local; /* internalTrafficPolicy: Local, of
					 * what comes to a cluster IP */
	/* since 1.1 */
	const struct pin_ip *external_ips;	/* where they are this node's:
						 * as a node port, at `port` */
	uint32_t	 nexternal_ips;
	uint32_t	 pad;
};

struct pin_cidr {
	struct pin_ip	 ip;
	uint32_t	 bits;		/* of the prefix */
};

struct pin_proxy_state {
	uint32_t	 size;
	uint32_t	 nports;
	const struct pin_service_port *ports;	/* ordered by namespace, name,
						 * port, protocol */
	const struct pin_ip *node_ips;
	uint32_t	 nnode_ips;
	uint32_t	 nservice_cidrs;	/* since 1.1, as the next */
	const struct pin_cidr *service_cidrs;	/* where cluster IPs come
						 * from */
};

/* The i-th port, whatever the host's size of one is. */
static inline const struct pin_service_port *
pin_proxy_port(const struct pin_proxy_state *st, uint32_t i)
{
	return ((const struct pin_service_port *)(const void *)
	    ((const char *)st->ports + (size_t)i * st->ports->size));
}

/* A port that cannot be opened is named in err; the others are. The host
 * says the same state again some time after an error. */
typedef int pin_proxy_apply_fn(void *self, const struct pin_proxy_state *,
    struct pin_err *);

/* Does a client on this node reach that address of a Service through this
 * plugin, as of the last apply? Any thread; must not block for long. */
typedef int pin_proxy_serves_fn(void *self, const struct pin_ip *,
    uint16_t port, uint32_t protocol);

struct pin_proxy_ops {
	uint32_t		 size;
	uint32_t		 pad;
	pin_proxy_apply_fn	*apply;
	pin_proxy_serves_fn	*serves;	/* optional: never; since 1.1 */
};

#endif
