/* SPDX-License-Identifier: BSD-2-Clause
 *
 * net.h -- a network of its own in which the addresses of Services are local,
 * and to which the node's packets for them are led.
 * Thread: the first worker, which is the only one that enters; us_net_leads
 * one thread at a time. Contract: below. */
#ifndef PIN_USERSPACE_NET_H
#define PIN_USERSPACE_NET_H

#include <pintle/proxy.h>

#define US_RANGES_MAX	16

struct us_net;

/* dir: the node's data directory, by which two agents on one host differ.
 * PIN_EFORBIDDEN, PIN_EUNAVAIL: it cannot be had, and why. */
int	us_net_open(const char *dir, PIN_OWN struct us_net **,
	    struct pin_err *);
/* Nothing of it is left. Sockets made there are of no use any more. */
void	us_net_close(PIN_OWN struct us_net **);	/* NULL ok */

/* These IPv4 ranges are local there from now on, and no others. */
int	us_net_ranges(struct us_net *, const struct pin_cidr *, uint32_t n,
	    struct pin_err *);
/* Do this node's packets for the address really go there? */
int	us_net_leads(struct us_net *, const struct pin_ip *);

/* Sockets this thread makes in between are made there. */
int	us_net_enter(struct us_net *, struct pin_err *);
void	us_net_leave(struct us_net *);

#endif
