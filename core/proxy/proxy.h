/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proxy.h -- the role proxy: looks at Services, EndpointSlices and
 * ServiceCIDRs and tells the plugin of section `proxy` what there is, whole
 * each time.
 * Thread: open and close on a control thread; the rest on a loop of its own.
 * Contract: below; docs/abi/proxy.md. */
#ifndef PIN_PROXY_ROLE_H
#define PIN_PROXY_ROLE_H

#include <stdatomic.h>

#include <pintle/proxy.h>

#include "core/client/client.h"

/* The first change is applied at once, what follows within this time goes
 * into one. */
#define PROXY_BURST_MS		50
/* After an error the same state is said again; doubles. */
#define PROXY_RETRY_MS		1000
#define PROXY_RETRY_MAX_MS	5000
#define PROXY_NODE_IPS_MAX	16

struct proxy;

struct proxy_opts {
	struct pin_host	*host;
	/* The opened plugin; outlives the role. */
	const struct pin_proxy_ops *ops;
	void		*self;
	const char	*name;		/* for messages */
	/* Makes the transport, on the new loop's behalf: who asks is its
	 * business. */
	struct transport *(*transport)(void *arg, struct pin_loop *);
	void		*arg;
	const char	*node;		/* name of this one */
	const struct pin_ip *node_ips;	/* copied */
	uint32_t	 nnode_ips, pad;
};

int	proxy_open(const struct proxy_opts *, PIN_OWN struct proxy **,
	    struct pin_err *);
/* Ends what is under way and waits for it; what the plugin has been told
 * stays until the plugin is closed. */
void	proxy_close(PIN_OWN struct proxy **);	/* NULL ok */

/* Does the plugin answer at this address of a Service (any thread)? Waits for
 * the first apply, at most wait_ms; none by then, or no proxy: 0. */
int	proxy_serves(struct proxy *, const struct pin_ip *, uint16_t port,
	    uint32_t protocol, uint32_t wait_ms);

struct proxy_counters {
	atomic_uint_least64_t events, changes, applies, errors;
};
/* Any thread. */
const struct proxy_counters *proxy_count(const struct proxy *);

#endif
