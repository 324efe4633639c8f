/* SPDX-License-Identifier: BSD-2-Clause
 *
 * userspace.h -- what the files of this plugin share.
 *
 *	listener --> svc (endpoints, affinity)	first worker; svc under `lock`
 *	    |--> flow: client <-> endpoint	TCP: one worker's for life
 *	    \--> udp flow: the same		UDP: the first worker's
 *
 * Threads: said at each function. Contract: pintle/proxy.h. */
#ifndef PIN_USERSPACE_H
#define PIN_USERSPACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "net.h"

#define US_WORKERS_MAX		8
#define US_ADDRESSES_MAX	16	/* of node ports */
#define US_CHUNK		((size_t)64 << 10)  /* one read */
#define US_CHUNK_POOR		((size_t)4 << 10)   /* past buffer-max */
#define US_READS_TURN		4	/* of one side, before others run */
#define US_TRIES_MAX		4	/* endpoints a connection tries */
#define US_ERRORS_SAID		4	/* ports named in one error */
#define US_COMPLAIN_NS		UINT64_C(5000000000) /* between two lines */
/* Clients remembered for ClientIP affinity, of one port of a Service. */
#define US_AFFINITY_SETS	1024
#define US_AFFINITY_WAYS	8
#define US_UDP_BUCKETS		1024
#define US_UDP_TURN		64	/* datagrams, then others */

struct userspace;

/* ---- services: under us->lock ---------------------------------------- */

struct us_client {
	struct pin_ip	 ip;		/* family 0: free */
	struct pin_ip	 to;
	uint16_t	 to_port, pad[3];
	uint64_t	 until_ns;
};

struct us_svc {
	uint32_t	 refs;
	uint32_t	 protocol;
	char		*namespace, *name, *port_name;
	uint16_t	 port, node_port;
	uint8_t		 local_only, internal_local;
	uint16_t	 pad;
	struct pin_endpoint *endpoints;
	uint32_t	 nendpoints;
	uint32_t	 affinity_s;
	uint32_t	 turn[2][2];	/* of whom it is: external, family 6 */
	struct us_client *clients;	/* NULL until one comes */
};

struct us_pick {
	struct pin_ip	 client;
	int		 external;	/* came to a node port */
	uint32_t	 ntried;
	struct pin_endpoint tried[US_TRIES_MAX];
};

int	us_ip_same(const struct pin_ip *, const struct pin_ip *);
struct us_svc *us_svc_new(const struct pin_service_port *);
void	us_svc_put(struct userspace *, PIN_OWN struct us_svc **);
/* Endpoints and policies as they are now. */
void	us_svc_update(struct us_svc *, const struct pin_service_port *);
int	us_svc_cmp(const struct us_svc *, const struct pin_service_port *);
/* May anything of that family come in there? */
int	us_svc_open(const struct us_svc *, int external, uint16_t family);
/* Who is next for this client, but none of those tried; 0: nobody. */
int	us_svc_pick(struct us_svc *, struct us_pick *, uint64_t now_ns,
	    struct pin_endpoint *);
/* May that one still get something of what comes in there? */
int	us_svc_has(const struct us_svc *, int external,
	    const struct pin_endpoint *);

/* ---- listeners: the first worker's ----------------------------------- */

struct us_listener {
	struct userspace *us;
	struct us_svc	*svc;		/* a reference */
	struct pin_addr	 at;
	uint16_t	 external;	/* by the external policy */
	uint16_t	 inner;		/* a cluster IP, in us->net */
	uint32_t	 protocol;
	struct pin_sock	*sock;		/* NULL: could not be opened */
};

struct us_apply {
	struct pin_msg	 msg;
	struct userspace *us;
	const struct pin_proxy_state *state;	/* NULL: close all */
	struct pin_err	*err;
	int		 rc, done;
};

void	us_apply_on_loop(struct pin_msg *);
int	us_serves(struct userspace *, const struct pin_addr *,
	    uint32_t protocol);		/* under us->lock */

/* ---- flows: one worker's --------------------------------------------- */

struct us_worker {
	struct userspace *us;
	struct pin_loop	*loop;
	struct us_flow	*flows;
	struct pin_msg	 stop;
	uint8_t		*chunk;		/* US_CHUNK bytes, between two calls */
};

/* An accepted connection; first worker. */
void	us_flow_accept(void *listener, PIN_OWN struct pin_sock *);
void	us_flow_stop_all(struct pin_msg *);	/* us_worker.stop */

/* ---- UDP: the first worker's ------------------------------------------ */

struct us_udp_flow;

/* By client and listener, and by age. */
struct us_udp {
	struct us_udp_flow **bucket;	/* NULL: there was none yet */
	struct us_udp_flow *oldest, *newest;
	uint32_t	 n, max;
	uint64_t	 idle_ns;
	struct pin_timer timer;
};

void	us_udp_ready(void *listener, struct pin_sock *, uint32_t events);
/* The listener goes, or endpoints have changed: flows that may not go on. */
void	us_udp_close_of(struct userspace *, const struct us_listener *);
void	us_udp_recheck(struct userspace *);	/* under us->lock */
void	us_udp_fini(struct userspace *);

/* ---- the whole -------------------------------------------------------- */

struct userspace {
	uint32_t	 magic;
	uint32_t	 nworkers;
	struct pin_env	*env;
	struct pin_host	*host;
	struct us_worker worker[US_WORKERS_MAX];
	struct us_udp	 udp;
	uint32_t	 next_worker;
	uint32_t	 naddresses;
	struct pin_ip	 addresses[US_ADDRESSES_MAX];
	uint64_t	 connect_ns, idle_ns, half_ns;
	uint32_t	 flows_max;
	uint64_t	 buffer_max;
	atomic_uint	 flows;
	atomic_uint_least64_t buffered;	/* bytes that could not be sent */
	uint64_t	 complained_ns;	/* first worker's */
	uint32_t	 refused;

	pthread_mutex_t	 lock;		/* services, and applying */
	pthread_cond_t	 applied;
	struct us_svc	**svcs;		/* in the state's order */
	uint32_t	 nsvcs;
	/* first worker's; read by others under the lock */
	struct us_listener **listeners;	/* by address, port, protocol */
	uint32_t	 nlisteners;
	uint32_t	 cluster_ips;	/* wanted, and not refused yet */
	struct us_net	*net;		/* NULL: no cluster IPs (yet) */
	uint32_t	 elsewhere, pad; /* and that was said */
};

#endif
