/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpoints.c -- Endpoints and EndpointSlices: addresses somebody can reach.
 * Front threads. Contract: upstream's core ValidateEndpoints and discovery
 * ValidateEndpointSlice. */
#include "plugins/validation/builtin/builtin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ENDPOINTS_MAX	1000
#define ADDRESSES_MAX	100
#define SLICE_PORTS_MAX	20000
#define HINTS_MAX	8

/* ---- Endpoints --------------------------------------------------------- */

static void
addresses(struct v *v, pin_node subset, const char *member)
{
	size_t back = v_in(v, member), item;
	struct pin_str s;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, subset, member), n, i) {
		item = v_item(v, i);
		s = v_str(v, n, "ip");
		if (text_ip(s) == 0)
			v_bad_str(v, "ip", s, "must be a valid IP address");
		v_endpoint_ip(v, "ip", s);
		s = v_str(v, n, "nodeName");
		if (v_has(v, n, "nodeName"))
			v_format(v, "nodeName", s, "dns1123-subdomain");
		v_out(v, item);
	}
	v_out(v, back);
}

static void
subset(struct v *v, pin_node s)
{
	uint32_t ports = v_count(v, s, "ports"), i;
	size_t back, item;
	pin_node n;

	if (v_count(v, s, "addresses") + v_count(v, s, "notReadyAddresses") ==
	    0)
		v_required(v, NULL, "must specify `addresses` or "
		    "`notReadyAddresses`");
	addresses(v, s, "addresses");
	addresses(v, s, "notReadyAddresses");
	back = v_in(v, "ports");
	V_EACH(v, v_get(v, s, "ports"), n, i) {
		item = v_item(v, i);
		if (ports > 1 && v_str(v, n, "name").len == 0)
			v_required(v, "name", NULL);
		v_out(v, item);
	}
	v_out(v, back);
}

void
check_endpoints(struct v *v)
{
	pin_node root = pin_obj_root(v->o), n;
	size_t back, item;
	uint32_t i;

	if (v->old != NULL && v_kept(v, root, pin_obj_root(v->old),
	    "subsets"))
		return;			/* as they always were */
	back = v_in(v, "subsets");
	V_EACH(v, v_get(v, root, "subsets"), n, i) {
		item = v_item(v, i);
		subset(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- EndpointSlice ----------------------------------------------------- */

static int
too_many(struct v *v, pin_node owner, const char *member, uint32_t max)
{
	uint32_t n = v_count(v, owner, member);
	char value[16];
	size_t back;

	if (n <= max)
		return (0);
	back = v_in(v, member);
	snprintf(value, sizeof(value), "%" PRIu32, n);
	pin_cause_add(v->causes, PIN_CAUSE_TOOMANY, v->path, pin_str(value),
	    "must have at most %" PRIu32 " items", max);
	v_out(v, back);
	return (1);
}

static void
slice_address(struct v *v, struct pin_str type, struct pin_str a, uint32_t i)
{
	size_t item;
	int family = text_ip(a);

	if (pin_str_is(type, "FQDN")) {
		item = v_item(v, i);
		v_format(v, NULL, a, "dns1123-subdomain");
		v_out(v, item);
		return;
	}
	if (!v_word(type, "IPv4 IPv6"))
		return;
	item = v_item(v, i);
	v_format(v, NULL, a, "ip");
	v_out(v, item);
	if (!text_is(a, "ip"))
		return;
	if (pin_str_is(type, "IPv4") && family != 4)
		v_bad_str(v, NULL, a, "must be an IPv4 address");
	if (pin_str_is(type, "IPv6") && family != 6)
		v_bad_str(v, NULL, a, "must be an IPv6 address");
	item = v_item(v, i);
	v_endpoint_ip(v, NULL, a);
	v_out(v, item);
}

static void
hints(struct v *v, pin_node h, const char *member)
{
	size_t back, item;
	struct v_set seen = { 0 };
	pin_node n;
	uint32_t i;

	if (too_many(v, h, member, HINTS_MAX))
		return;
	back = v_in(v, member);
	V_EACH(v, v_get(v, h, member), n, i) {
		item = v_item(v, i);
		if (v_set_add(&seen, v_str(v, n, "name"), n))
			v_duplicate(v, "name", v_str(v, n, "name"));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

static void
endpoint(struct v *v, struct pin_str type, pin_node e)
{
	size_t back = v_in(v, "addresses");
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, e, "addresses"), n, i)
		slice_address(v, type, pin_obj_str(v->o, n), i);
	v_out(v, back);
	(void)too_many(v, e, "addresses", ADDRESSES_MAX);
	(void)too_many(v, e, "deprecatedTopology", 16);
	back = v_in(v, "hints");
	hints(v, v_get(v, e, "hints"), "forZones");
	hints(v, v_get(v, e, "hints"), "forNodes");
	v_out(v, back);
}

static void
slice_ports(struct v *v, pin_node root)
{
	size_t back, item;
	struct v_set seen = { 0 };
	pin_node n;
	uint32_t i;

	if (too_many(v, root, "ports", SLICE_PORTS_MAX))
		return;
	back = v_in(v, "ports");
	V_EACH(v, v_get(v, root, "ports"), n, i) {
		item = v_item(v, i);
		if (v_set_add(&seen, v_str(v, n, "name"), n))
			v_duplicate(v, "name", v_str(v, n, "name"));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

void
check_slice(struct v *v)
{
	pin_node root = pin_obj_root(v->o), n;
	struct pin_str type = v_str(v, root, "addressType");
	size_t back, item;
	uint32_t i;

	slice_ports(v, root);
	if (v->old != NULL && v_kept(v, root, pin_obj_root(v->old),
	    "endpoints"))
		return;
	if (too_many(v, root, "endpoints", ENDPOINTS_MAX))
		return;
	back = v_in(v, "endpoints");
	V_EACH(v, v_get(v, root, "endpoints"), n, i) {
		item = v_item(v, i);
		endpoint(v, type, n);
		v_out(v, item);
	}
	v_out(v, back);
}
