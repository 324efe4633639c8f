/* SPDX-License-Identifier: BSD-2-Clause
 *
 * state.h -- Services and EndpointSlices as the few numbers a proxy needs,
 * and from all of them the state that a plugin is given.
 * Pure: no I/O, no clock. Thread: its owner's.
 * Contract: a record changes only when something a proxy looks at has. */
#ifndef PIN_PROXY_STATE_H
#define PIN_PROXY_STATE_H

#include <pintle/object.h>
#include <pintle/proxy.h>

#define PROXY_PORTS_MAX		1024	/* of one Service, of one slice */
#define PROXY_ENDPOINTS_MAX	1000	/* of one slice, as the API says */
#define PROXY_PORT_ENDPOINTS_MAX 16384	/* of one port of one Service */
#define PROXY_CLUSTER_IPS_MAX	2	/* dual stack */
#define PROXY_EXTERNAL_IPS_MAX	8	/* of one Service; more: not served */
#define PROXY_CIDRS_MAX		16	/* of all ServiceCIDRs */
#define PROXY_PORT_NAME_MAX	64	/* DNS label, with NUL */
#define PROXY_RECORD_KEY_MAX	1024	/* namespace, service, slice */
#define PROXY_STATE_BYTES_MAX	((size_t)256 << 20)

/* Records in key order. A key is its parts, each ended by NUL, so that a
 * prefix of parts is a prefix of bytes and order is order by parts. */
struct proxy_record;
struct proxy_map {
	struct proxy_record **record;
	uint32_t	 n, cap;
};

struct proxy_table {
	struct proxy_map services, slices, cidrs;
	char		 node[254];	/* NUL-terminated: this one */
};

void	proxy_table_init(struct proxy_table *, const char *node);
void	proxy_table_fini(struct proxy_table *);

/* object: NULL when it is gone; before: NULL when it is new. 1: the state is
 * another one now; 0: nothing has changed; negative: err names the object and
 * what it has too much of, and it takes no part. */
int	proxy_table_service(struct proxy_table *, struct pin_str ns,
	    struct pin_str name, const struct pin_obj *object,
	    struct pin_err *);
int	proxy_table_slice(struct proxy_table *, struct pin_str ns,
	    struct pin_str name, const struct pin_obj *object,
	    const struct pin_obj *before, struct pin_err *);

/* A ServiceCIDR; both as above. */
int	proxy_table_cidr(struct proxy_table *, struct pin_str name,
	    const struct pin_obj *object, struct pin_err *);

/* All of it, in the arena and pointing into the table. */
int	proxy_table_state(const struct proxy_table *, struct pin_arena *,
	    const struct pin_ip *node_ips, uint32_t nnode_ips,
	    struct pin_proxy_state *, struct pin_err *);

/* 0: no address. */
int	proxy_ip_parse(struct pin_str, struct pin_ip *);
int	proxy_cidr_parse(struct pin_str, struct pin_cidr *);

#endif
