/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpointslice.h -- what the files of the endpointslice controller share.
 * Controller loop. Contract: KEP-752; upstream's labels, fields and packing. */
#ifndef ENDPOINTSLICE_H
#define ENDPOINTSLICE_H

#include "../common/service.h"

#define SLICE_MAX	100	/* endpoints of one slice */
#define SERVICE_LABEL	"kubernetes.io/service-name"
#define MANAGED_LABEL	"endpointslice.kubernetes.io/managed-by"
#define ZONE_LABEL	"topology.kubernetes.io/zone"
#define MANAGER		"endpointslice-controller.k8s.io"

enum { SERVICES, PODS, SLICES, NODES };		/* rows */

/* spec.trafficDistribution: whom an endpoint is hinted to. */
enum { HINTS_NONE, HINTS_ZONE, HINTS_NODE };

/* A pod that shall be found in some slice of the family whose turn it is. */
struct endpoint {
	const struct pin_obj *pod;
	struct pin_str	 name, uid;
	uint32_t	 ports;		/* which set of them */
	uint32_t	 placed;
	pin_node	 as;		/* in `made` */
};

/* A slice there is, or one to be made (o NULL). */
struct slice {
	const struct pin_obj *o;
	struct pin_str	 name;
	uint32_t	 n;
	uint32_t	 changed;	/* in what it holds */
	uint32_t	 end[SLICE_MAX];	/* indices of endpoints */
	uint32_t	 ports;		/* which set; NO_PORTS: nobody's */
	uint32_t	 drop;
};
#define NO_PORTS	UINT32_MAX

struct slices {
	struct pin_reconcile *rc;
	struct pin_plan	*plan;
	const struct pin_obj *svc;
	pin_node	 spec;
	int		 hints;
	int		 six;		/* this family's turn */
	int32_t		 rc_code;
	const struct pin_obj **have;	/* the Service's, both families */
	uint32_t	 nhave, have_cap;
	struct pin_obj	*made;		/* endpoints and sets of ports */
	pin_node	 made_list;
	struct endpoint	*ep;		/* by name */
	uint32_t	 n, cap;
	pin_node	*ports;		/* arrays in `made` */
	uint32_t	 nports, ports_cap;
	struct slice	**slice;	/* by name, then the new */
	uint32_t	 nslices, slices_cap;
	struct pin_str	 trigger;	/* the oldest change; none: none */
};

/* p with room for one more than n; NULL: no memory. */
void	*array_more(struct pin_reconcile *, void *, uint32_t n, uint32_t *cap,
	    size_t size);

/* endpoint.c: what a pod looks like in a slice. */
int	hints_of(const struct pin_obj *svc);
/* 1: it has an address of the family and a Node that is there. */
int	endpoint_put(struct slices *, const struct pin_obj *pod);
/* The slice as it shall be. NULL: no memory. */
struct pin_obj	*slice_object(struct slices *, const struct slice *,
	    struct pin_str name);

/* pack.c: which endpoint is in which slice. */
struct slice *slice_add(struct slices *);	/* NULL: no memory */
void	pack(struct slices *);

#endif
