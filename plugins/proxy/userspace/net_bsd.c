/* SPDX-License-Identifier: BSD-2-Clause
 *
 * net_bsd.c -- no network of its own for cluster IPs on a BSD yet.
 * First worker. Contract: net.h. */
#include "net.h"

int
us_net_open(const char *dir, struct us_net **out, struct pin_err *err)
{
	(void)dir;
	*out = NULL;
	return (pin_err_set(err, PIN_EUNAVAIL, "that is there on Linux "
	    "only"));
}

int
us_net_ranges(struct us_net *net, const struct pin_cidr *c, uint32_t n,
    struct pin_err *err)
{
	(void)net;
	(void)c;
	(void)n;
	(void)err;
	return (PIN_OK);
}

int
us_net_leads(struct us_net *net, const struct pin_ip *ip)
{
	(void)net;
	(void)ip;
	return (0);
}

int
us_net_enter(struct us_net *net, struct pin_err *err)
{
	(void)net;
	(void)err;
	return (PIN_OK);
}

void
us_net_leave(struct us_net *net)
{
	(void)net;
}

void
us_net_close(struct us_net **np)
{
	*np = NULL;
}
