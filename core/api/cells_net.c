/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_net.c -- cells of services, endpoints, ingresses and addresses.
 * Pure; any thread.
 * Contract: cells.h; what each prints: rules.def. */
#include "cells.h"

#include <string.h>

/* A list that stops after a few: "a,b,c + 2 more...". */
struct few {
	struct pin__cell	*c;
	uint64_t		 all;	/* there were */
	uint32_t		 shown, max;
};

/* Counts one more; true when it is to be written now. */
static bool
few_next(struct few *f)
{
	f->all++;
	if (f->shown == f->max)
		return (false);
	if (f->shown++ != 0)
		pin_out_char(f->c->out, ',');
	return (true);
}

static void
few_end(struct few *f)
{
	if (f->all <= f->max)
		return;
	pin_out_cstr(f->c->out, " + ");
	pin_out_u64(f->c->out, f->all - f->max);
	pin_out_cstr(f->c->out, " more...");
}

/* ---- services -------------------------------------------------------- */

void
pin__cell_service_cluster_ip(struct pin__cell *c)
{
	pin_node n = pin_obj_first(c->obj, pin__cell_at(c, "spec.clusterIPs"));

	if (n == 0)
		pin__cell_word(c, "<none>");
	else
		pin__cell_quote(c, pin_obj_str(c->obj, n));
}

/* Between quotes: addresses of a load balancer, sorted, each once; how many
 * bytes that made. */
static size_t
put_balancer(struct pin__cell *c)
{
	struct pin__sorted s;
	struct pin_str key;
	pin_node n, list = pin__cell_at(c, "status.loadBalancer.ingress");
	size_t start = c->out->len;
	uint32_t i;

	pin__sorted_init(c, &s, pin_obj_count(c->obj, list));
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		key = pin__cell_member(c, n, "ip");
		if (key.len == 0)
			key = pin__cell_member(c, n, "hostname");
		if (key.len != 0)
			pin__sorted_add(&s, key, n);
	}
	pin__sorted_sort(&s);
	for (i = 0; i < s.n; i++) {
		if (i != 0 && pin__str_cmp(s.items[i].key,
		    s.items[i - 1].key) == 0)
			continue;
		if (i != 0)
			pin_out_char(c->out, ',');
		pin__cell_put(c, s.items[i].key);
	}
	pin__sorted_fini(&s);
	return (c->out->len - start);
}

/* Between quotes; true when there were any. */
static bool
put_external(struct pin__cell *c, bool comma)
{
	pin_node n, list = pin__cell_at(c, "spec.externalIPs");

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (comma)
			pin_out_char(c->out, ',');
		comma = true;
		pin__cell_node(c, n);
	}
	return (pin_obj_count(c->obj, list) != 0);
}

void
pin__cell_service_external_ip(struct pin__cell *c)
{
	struct pin_str type = pin__cell_text(c, "spec.type");
	size_t len;

	pin_out_char(c->out, '"');
	if (pin__str_is(type, "ClusterIP") || pin__str_is(type, "NodePort")) {
		if (!put_external(c, false))
			pin__cell_raw(c, "<none>");
	} else if (pin__str_is(type, "LoadBalancer")) {
		len = put_balancer(c);
		if (!put_external(c, len != 0) && len == 0)
			pin__cell_raw(c, "<pending>");
	} else if (pin__str_is(type, "ExternalName")) {
		pin__cell_put(c, pin__cell_text(c, "spec.externalName"));
	} else {
		pin__cell_raw(c, "<unknown>");
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_service_ports(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "spec.ports");
	int64_t node_port;
	bool first = true;

	pin_out_char(c->out, '"');
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!first)
			pin_out_char(c->out, ',');
		first = false;
		pin__cell_num(c, pin__cell_int(c, n, "port"));
		node_port = pin__cell_int(c, n, "nodePort");
		if (node_port > 0) {
			pin_out_char(c->out, ':');
			pin__cell_num(c, node_port);
		}
		pin_out_char(c->out, '/');
		pin__cell_put(c, pin__cell_member(c, n, "protocol"));
	}
	if (first)
		pin__cell_raw(c, "<none>");
	pin_out_char(c->out, '"');
}

/* ---- endpoints ------------------------------------------------------- */

static void
put_host(struct pin__cell *c, struct pin_str ip)
{
	bool v6 = ip.len != 0 && memchr(ip.p, ':', ip.len) != NULL;

	if (v6)
		pin_out_char(c->out, '[');
	pin__cell_put(c, ip);
	if (v6)
		pin_out_char(c->out, ']');
}

/* The ready addresses of a subset, with one port or (0) without. */
static void
few_addresses(struct few *f, pin_node subset, pin_node port)
{
	struct pin__cell *c = f->c;
	pin_node n, list = pin__cell_from(c, subset, "addresses");
	struct pin_str ip;

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!few_next(f))
			continue;
		ip = pin__cell_member(c, n, "ip");
		if (port == 0) {
			pin__cell_put(c, ip);
			continue;
		}
		put_host(c, ip);
		pin_out_char(c->out, ':');
		pin__cell_num(c, pin__cell_int(c, port, "port"));
	}
}

void
pin__cell_endpoints(struct pin__cell *c)
{
	struct few f = { .c = c, .max = PIN_CELL_LIST_MAX };
	pin_node s, p, subsets = pin__cell_at(c, "subsets");

	if (pin_obj_count(c->obj, subsets) == 0) {
		pin__cell_word(c, "<none>");
		return;
	}
	pin_out_char(c->out, '"');
	for (s = pin_obj_first(c->obj, subsets); s != 0;
	    s = pin_obj_next(c->obj, s)) {
		p = pin_obj_first(c->obj, pin__cell_from(c, s, "ports"));
		if (p == 0)
			few_addresses(&f, s, 0);
		for (; p != 0; p = pin_obj_next(c->obj, p))
			few_addresses(&f, s, p);
	}
	few_end(&f);
	pin_out_char(c->out, '"');
}

void
pin__cell_slice_ports(struct pin__cell *c)
{
	struct few f = { .c = c, .max = PIN_CELL_LIST_MAX };
	pin_node n, port, name, list = pin__cell_at(c, "ports");
	size_t start;

	pin_out_char(c->out, '"');
	start = c->out->len;
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!few_next(&f))
			continue;
		port = pin__cell_from(c, n, "port");
		name = pin__cell_from(c, n, "name");
		if (port != 0 || name != 0)
			pin__cell_node(c, port != 0 ? port : name);
		else
			pin_out_char(c->out, '*');
	}
	few_end(&f);
	if (c->out->len == start)
		pin__cell_raw(c, "<unset>");
	pin_out_char(c->out, '"');
}

void
pin__cell_slice_endpoints(struct pin__cell *c)
{
	struct few f = { .c = c, .max = PIN_CELL_LIST_MAX };
	pin_node n, a, list = pin__cell_at(c, "endpoints");
	size_t start;

	pin_out_char(c->out, '"');
	start = c->out->len;
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		a = pin_obj_first(c->obj, pin__cell_from(c, n, "addresses"));
		for (; a != 0; a = pin_obj_next(c->obj, a)) {
			if (few_next(&f))
				pin__cell_node(c, a);
		}
	}
	few_end(&f);
	if (c->out->len == start)
		pin__cell_raw(c, "<unset>");
	pin_out_char(c->out, '"');
}

/* ---- ingresses ------------------------------------------------------- */

/* Rules without a host are not shown, yet count once there is more to say
 * than fits; only a rule that follows the last shown makes it say so. */
void
pin__cell_ingress_hosts(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "spec.rules");
	struct pin_str host;
	uint32_t shown = 0;
	bool more = false;

	pin_out_char(c->out, '"');
	for (n = pin_obj_first(c->obj, list); n != 0 && !more;
	    n = pin_obj_next(c->obj, n)) {
		if (shown == PIN_CELL_LIST_MAX) {
			more = true;
			continue;
		}
		host = pin__cell_member(c, n, "host");
		if (host.len == 0)
			continue;
		if (shown++ != 0)
			pin_out_char(c->out, ',');
		pin__cell_put(c, host);
	}
	if (shown == 0)
		pin_out_char(c->out, '*');
	if (more) {
		pin_out_cstr(c->out, " + ");
		pin_out_u64(c->out, pin_obj_count(c->obj, list) -
		    PIN_CELL_LIST_MAX);
		pin_out_cstr(c->out, " more...");
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_ingress_address(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	(void)put_balancer(c);
	pin_out_char(c->out, '"');
}

void
pin__cell_ingress_ports(struct pin__cell *c)
{
	pin__cell_word(c, pin_obj_count(c->obj, pin__cell_at(c,
	    "spec.tls")) != 0 ? "80, 443" : "80");
}

void
pin__cell_ingress_params(struct pin__cell *c)
{
	pin_node group, ref = pin__cell_at(c, "spec.parameters");

	if (ref == 0) {
		pin__cell_word(c, "<none>");
		return;
	}
	group = pin__cell_from(c, ref, "apiGroup");
	pin_out_char(c->out, '"');
	pin__cell_put(c, pin__cell_member(c, ref, "kind"));
	if (group != 0) {
		pin_out_char(c->out, '.');
		pin__cell_node(c, group);
	}
	pin_out_char(c->out, '/');
	pin__cell_put(c, pin__cell_member(c, ref, "name"));
	pin_out_char(c->out, '"');
}

void
pin__cell_parent_ref(struct pin__cell *c)
{
	pin_node ref = pin__cell_at(c, "spec.parentRef");
	struct pin_str group, ns;

	if (ref == 0) {
		pin__cell_word(c, "<none>");
		return;
	}
	group = pin__cell_member(c, ref, "group");
	ns = pin__cell_member(c, ref, "namespace");
	pin_out_char(c->out, '"');
	pin__cell_lower(c, pin__cell_member(c, ref, "resource"));
	if (group.len != 0) {
		pin_out_char(c->out, '.');
		pin__cell_lower(c, group);
	}
	if (ns.len != 0) {
		pin_out_char(c->out, '/');
		pin__cell_put(c, ns);
	}
	pin_out_char(c->out, '/');
	pin__cell_put(c, pin__cell_member(c, ref, "name"));
	pin_out_char(c->out, '"');
}
