/* SPDX-License-Identifier: BSD-2-Clause
 *
 * addrs.h -- the addresses and the name this machine is reached by.
 * Any thread. Contract: below. */
#ifndef PIN_HOST_ADDRS_H
#define PIN_HOST_ADDRS_H

#include <pintle/host.h>

/* IPv4 addresses that are not loopback, port 0, in the kernel's order. */
uint32_t pin_host_addresses(struct pin_addr *out, uint32_t max);
void	pin_host_name(char out[64]);	/* lower case */
int	pin_addr_loopback(const struct pin_addr *);
void	pin_addr_ip(const struct pin_addr *, char out[64]);	/* no port */

#endif
