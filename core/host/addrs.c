/* SPDX-License-Identifier: BSD-2-Clause
 *
 * addrs.c -- the addresses and the name this machine is reached by.
 * Any thread; asks the kernel each time.
 * Contract: core/host/addrs.h. */
#include "core/host/addrs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

uint32_t
pin_host_addresses(struct pin_addr *out, uint32_t max)
{
	uv_interface_address_t *list;
	const struct sockaddr_in *sin;
	uint32_t n = 0;
	int count, i;

	if (uv_interface_addresses(&list, &count) != 0)
		return (0);
	for (i = 0; i < count && n < max; i++) {
		if (list[i].is_internal ||
		    list[i].address.address4.sin_family != AF_INET)
			continue;
		sin = &list[i].address.address4;
		memset(&out[n], 0, sizeof(out[n]));
		out[n].family = 4;
		memcpy(out[n].ip, &sin->sin_addr, 4);
		n++;
	}
	uv_free_interface_addresses(list, count);
	return (n);
}

/* As upstream's kubelet: the host name in lower case. */
void
pin_host_name(char out[64])
{
	size_t i;

	if (gethostname(out, 64) != 0)
		snprintf(out, 64, "localhost");
	out[63] = '\0';
	for (i = 0; out[i] != '\0'; i++)
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] - 'A' + 'a');
}

int
pin_addr_loopback(const struct pin_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return (a->family == 4 ? a->ip[0] == 127 : a->family == 6 &&
	    memcmp(a->ip, one, 16) == 0);
}

void
pin_addr_ip(const struct pin_addr *a, char out[64])
{
	char *end;

	pin_addr_print(a, out, 64);
	end = strrchr(out, ':');
	if (end != NULL)
		*end = '\0';
	if (out[0] == '[') {
		memmove(out, out + 1, strlen(out));
		end = strchr(out, ']');
		if (end != NULL)
			*end = '\0';
	}
}
