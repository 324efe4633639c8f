/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpoints.h -- what the files of the endpoints controller share.
 * Controller loop. Contract: upstream's endpoint-controller. */
#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include "../common/service.h"

#define ADDRESSES_MAX	1000	/* of one Endpoints object; more are cut */

/* A pod of the Service. */
struct address {
	const struct pin_obj *pod;
	struct pin_str	 ip;
	uint32_t	 ready, pad;
};

/* A port and the pods that have it, in the order of their names. */
struct offer {
	pin_node	 port;		/* in `made`; 0: none, but addresses */
	uint32_t	 n;
	uint32_t	*at;		/* indices of addresses */
	uint32_t	 done, cap;
};

struct endpoints {
	struct pin_reconcile *rc;
	const struct pin_obj *svc, *have;	/* have NULL: none yet */
	pin_node	 spec;
	int32_t		 rc_code;
	uint32_t	 truncated;
	struct pin_obj	*made;
	pin_node	 made_list;
	struct address	*addr;
	uint32_t	 naddr, addr_cap;
	struct offer	*offer;
	uint32_t	 noffers, offer_cap;
};

/* p with room for one more than n; NULL, and rc_code says so: no memory. */
void	*endpoints_more(struct endpoints *, void *p, uint32_t n,
	    uint32_t *cap, size_t size);
/* subsets.c: the array `subsets` of o. */
void	endpoints_take(struct endpoints *, const struct pin_obj *pod);
void	endpoints_subsets(struct endpoints *, struct pin_obj *o);

#endif
