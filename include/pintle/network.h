/* SPDX-License-Identifier: BSD-2-Clause
 *
 * network.h -- how a pod gets its address.
 * Threads: the work pool, several pods at once; may block.
 * Contract: setup is idempotent for a pod uid; teardown leaves nothing and
 * may be called for a pod that was never set up. */
#ifndef PINTLE_NETWORK_H
#define PINTLE_NETWORK_H

#include <pintle/plugin.h>

#define PIN_NETWORK_ABI		PIN_ABI(1, 0) /* history: docs/abi/network.md */

#define PIN_POD_IPS_MAX		4

struct pin_ip {
	uint16_t	family;		/* 4 or 6 */
	uint16_t	pad;
	uint8_t		ip[16];		/* network byte order, v4 in 0..3 */
};

struct pin_pod_net {
	uint32_t	 size;
	uint32_t	 host_network;	/* the pod asks for the node's own */
	const char	*uid, *namespace, *name;
	const struct pin_ip *node_ips;
	uint32_t	 nnode_ips;
	uint32_t	 pad;
};

struct pin_pod_net_result {
	uint32_t	 size;
	uint32_t	 nips;
	struct pin_ip	 ips[PIN_POD_IPS_MAX];
	char		 netns[256];	/* path; "": the node's */
};

typedef int pin_network_setup_fn(void *self, const struct pin_pod_net *,
    struct pin_pod_net_result *, struct pin_err *);
typedef int pin_network_teardown_fn(void *self, const struct pin_pod_net *,
    struct pin_err *);

struct pin_network_ops {
	uint32_t		 size;
	uint32_t		 pad;
	pin_network_setup_fn	*setup;
	pin_network_teardown_fn	*teardown;
};

#endif
