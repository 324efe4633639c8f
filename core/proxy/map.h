/* SPDX-License-Identifier: BSD-2-Clause
 *
 * map.h -- the records of a proxy table: what is kept of one Service and of
 * one EndpointSlice, flat, so that equal is memcmp.
 * Thread: the table's. Contract: state.h. */
#ifndef PIN_PROXY_MAP_H
#define PIN_PROXY_MAP_H

#include "core/proxy/state.h"

struct proxy_record {
	uint32_t	 key_len;
	uint32_t	 len;		/* of the data */
	char		*key;		/* after the data */
	uint64_t	 data[];
};

struct svc_port {
	uint32_t	 protocol;
	uint16_t	 port, node_port;
	char		 name[PROXY_PORT_NAME_MAX];
};

struct svc {
	uint32_t	 affinity_s;
	uint8_t		 local_only, internal_local;
	uint8_t		 nips, nexternal;
	struct pin_ip	 ips[PROXY_CLUSTER_IPS_MAX];
	struct pin_ip	 external[PROXY_EXTERNAL_IPS_MAX];
	uint32_t	 nports;
	struct svc_port	 port[];
};

/* Of a ServiceCIDR: one a family. */
struct cidrs {
	uint32_t	 n, pad;
	struct pin_cidr	 cidr[PROXY_CLUSTER_IPS_MAX];
};

struct slice_port {
	uint32_t	 protocol;
	uint16_t	 port, pad;
	char		 name[PROXY_PORT_NAME_MAX];
};

struct slice_endpoint {
	struct pin_ip	 ip;
	uint8_t		 ready, serving, terminating, local;
};

/* Endpoints follow the ports. */
struct slice {
	uint32_t	 nports, nendpoints;
	struct slice_port port[];
};

static inline const struct slice_endpoint *
slice_endpoints(const struct slice *s)
{
	return ((const struct slice_endpoint *)(const void *)
	    &s->port[s->nports]);
}

struct proxy_key {
	char		 text[PROXY_RECORD_KEY_MAX];
	uint32_t	 len;
};

void	proxy_key_init(struct proxy_key *);
/* 0: it is too long, or has a NUL. */
int	proxy_key_add(struct proxy_key *, struct pin_str part);

void	proxy_map_fini(struct proxy_map *);
/* The first record whose key is not below. */
uint32_t proxy_map_seek(const struct proxy_map *, const struct proxy_key *);
/* Both: 1 when the map is another one afterwards. */
int	proxy_map_put(struct proxy_map *, const struct proxy_key *,
	    const void *data, uint32_t len);
int	proxy_map_remove(struct proxy_map *, const struct proxy_key *);

#endif
