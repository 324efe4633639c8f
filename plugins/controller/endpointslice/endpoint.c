/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpoint.c -- what a pod looks like in a slice, and a slice as an object.
 * Contract: discovery.k8s.io/v1; conditions are KEP-1669's, hints KEP-4444's
 * and KEP-3015's. */
#include <stdio.h>

#include "endpointslice.h"

static struct pin_str
str_at(const struct pin_obj *o, const char *part, const char *key)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), part, key,
	    NULL)));
}

/* ---- ports -------------------------------------------------------------- */

/* The ports the Service has at this pod, as an array in `made`. */
static pin_node
put_ports(struct slices *s, const struct pin_obj *pod)
{
	pin_node list, p, q, n;
	int64_t v;

	list = pin_obj_add_new(s->made, s->made_list, PIN_ARRAY);
	for (p = pin_obj_first(s->svc, pin_obj_get(s->svc, s->spec, "ports"));
	    p != 0; p = pin_obj_next(s->svc, p)) {
		v = service_port(s->svc, p, pod);
		if (v == 0)
			continue;
		q = pin_obj_add_new(s->made, list, PIN_OBJECT);
		n = pin_obj_get(s->svc, p, "name");
		pin_obj_set_str(s->made, q, "name", n != 0 ?
		    pin_obj_str(s->svc, n) : PIN_STR(""));
		pin_obj_set_str(s->made, q, "protocol", pin_obj_str(s->svc,
		    pin_obj_get(s->svc, p, "protocol")));
		pin_obj_set_i64(s->made, q, "port", v);
		n = pin_obj_get(s->svc, p, "appProtocol");
		if (n != 0)
			pin_obj_set_node(s->made, q, PIN_STR("appProtocol"),
			    s->svc, n);
	}
	return (list);
}

/* Pods of one Service may have a named port at different numbers. */
static uint32_t
ports_index(struct slices *s, const struct pin_obj *pod)
{
	pin_node list = put_ports(s, pod);
	uint32_t i;

	for (i = 0; i < s->nports; i++)
		if (pin_obj_equal(s->made, s->ports[i], s->made, list))
			return (i);
	s->ports = array_more(s->rc, s->ports, s->nports, &s->ports_cap,
	    sizeof(*s->ports));
	if (s->ports == NULL) {
		s->rc_code = PIN_ENOMEM;
		return (NO_PORTS);
	}
	s->ports[s->nports] = list;
	return (s->nports++);
}

/* ---- one endpoint ------------------------------------------------ */

/* Its addresses of the family: an IPv6 one has colons. */
static int
put_addresses(struct slices *s, pin_node e, const struct pin_obj *pod)
{
	pin_node list, status = pin_obj_get(pod, pin_obj_root(pod), "status"),
	    n;
	struct pin_str ip;
	int k = 0;

	list = pin_obj_set_new(s->made, e, "addresses", PIN_ARRAY);
	n = pin_obj_first(pod, pin_obj_get(pod, status, "podIPs"));
	for (; n != 0; n = pin_obj_next(pod, n)) {
		ip = pin_obj_str(pod, pin_obj_get(pod, n, "ip"));
		if (ip.len > 0 && service_ip_is_six(ip) == s->six) {
			pin_obj_add_str(s->made, list, ip);
			k++;
		}
	}
	ip = pin_obj_str(pod, pin_obj_get(pod, status, "podIP"));
	if (pin_obj_get(pod, status, "podIPs") == 0 && ip.len > 0 &&
	    service_ip_is_six(ip) == s->six) {
		pin_obj_add_str(s->made, list, ip);
		k++;
	}
	return (k);
}

int
hints_of(const struct pin_obj *svc)
{
	static const char *const keys[] = { "service.kubernetes.io/"
	    "topology-mode", "service.kubernetes.io/topology-aware-hints" };
	struct pin_str s;
	size_t i;

	/* The older way, by annotation, comes before and gives no hints as
	 * long as there is no room for them in every zone; here, never. */
	for (i = 0; i < PIN_LEN(keys); i++) {
		s = pin_obj_str(svc, pin_obj_at(svc, pin_obj_root(svc),
		    "metadata", "annotations", keys[i], NULL));
		if (pin_str_is(s, "Auto") || pin_str_is(s, "auto"))
			return (HINTS_NONE);
	}
	s = str_at(svc, "spec", "trafficDistribution");
	if (pin_str_is(s, "PreferSameNode"))
		return (HINTS_NODE);
	return (pin_str_is(s, "PreferSameZone") || pin_str_is(s,
	    "PreferClose") ? HINTS_ZONE : HINTS_NONE);
}

static void
put_place(struct slices *s, pin_node e, struct pin_str node,
    struct pin_str zone, int ready)
{
	pin_node hints, list;

	if (node.len > 0)
		pin_obj_set_str(s->made, e, "nodeName", node);
	if (zone.len > 0)
		pin_obj_set_str(s->made, e, "zone", zone);
	if (s->hints != HINTS_NODE)
		node = PIN_STR_NONE;
	if (!ready || s->hints == HINTS_NONE || zone.len + node.len == 0)
		return;
	hints = pin_obj_set_new(s->made, e, "hints", PIN_OBJECT);
	if (zone.len > 0) {
		list = pin_obj_set_new(s->made, hints, "forZones", PIN_ARRAY);
		pin_obj_set_str(s->made, pin_obj_add_new(s->made, list,
		    PIN_OBJECT), "name", zone);
	}
	if (node.len > 0) {
		list = pin_obj_set_new(s->made, hints, "forNodes", PIN_ARRAY);
		pin_obj_set_str(s->made, pin_obj_add_new(s->made, list,
		    PIN_OBJECT), "name", node);
	}
}

int
endpoint_put(struct slices *s, const struct pin_obj *pod)
{
	struct pin_str node = str_at(pod, "spec", "nodeName"),
	    zone = PIN_STR_NONE, host;
	const struct pin_obj *no = node.len > 0 ? pin_cache_get(s->rc, NODES,
	    PIN_STR_NONE, node) : NULL;
	int all = pin_obj_true(s->svc, pin_obj_get(s->svc, s->spec,
	    "publishNotReadyAddresses")), serving = pod_ready(pod),
	    leaving = meta_deleted(pod), ready = all || (serving && !leaving);
	struct endpoint ep = { .pod = pod, .name = meta_get(pod, "name"),
	    .uid = meta_get(pod, "uid") };
	pin_node c;

	if (no == NULL && !all)
		return (0);		/* comes back with its Node */
	if (no != NULL)
		zone = pin_obj_str(no, pin_obj_get(no, meta_labels(no),
		    ZONE_LABEL));
	ep.as = pin_obj_add_new(s->made, s->made_list, PIN_OBJECT);
	if (put_addresses(s, ep.as, pod) == 0)
		return (0);
	c = pin_obj_set_new(s->made, ep.as, "conditions", PIN_OBJECT);
	pin_obj_set_bool(s->made, c, "ready", ready);
	pin_obj_set_bool(s->made, c, "serving", serving);
	pin_obj_set_bool(s->made, c, "terminating", leaving);
	service_put_ref(s->made, ep.as, "targetRef", pod);
	host = service_hostname(s->svc, pod);
	if (host.len > 0)
		pin_obj_set_str(s->made, ep.as, "hostname", host);
	put_place(s, ep.as, node, zone, ready);
	ep.ports = ports_index(s, pod);
	s->ep = array_more(s->rc, s->ep, s->n, &s->cap, sizeof(*s->ep));
	if (s->ep == NULL || ep.ports == NO_PORTS) {
		s->rc_code = PIN_ENOMEM;
		return (0);
	}
	s->ep[s->n++] = ep;
	return (1);
}

/* ---- one slice --------------------------------------------------- */

struct pin_obj *
slice_object(struct slices *s, const struct slice *sl, struct pin_str name)
{
	struct pin_arena *arena = pin_reconcile_arena(s->rc);
	struct pin_obj *o = sl->o != NULL ? pin_obj_copy(arena, sl->o) :
	    pin_obj_new(arena);
	pin_node root, meta, list;
	char prefix[256];
	uint32_t i;

	if (o == NULL)
		return (NULL);
	root = pin_obj_root(o);
	meta = pin_obj_get(o, root, "metadata");
	if (meta == 0) {
		meta = pin_obj_set_new(o, root, "metadata", PIN_OBJECT);
		pin_obj_set_str(o, meta, "name", name);
		snprintf(prefix, sizeof(prefix), PIN_SFMT "-",
		    PIN_SARG(meta_get(s->svc, "name")));
		pin_obj_set_str(o, meta, "generateName", pin_str(prefix));
		meta_own(o, s->svc, "v1", "Service");
		pin_obj_set_str(o, root, "addressType", s->six ?
		    PIN_STR("IPv6") : PIN_STR("IPv4"));
	}
	list = service_put_labels(s->svc, o, meta);
	pin_obj_set_str(o, list, MANAGED_LABEL, PIN_STR(MANAGER));
	pin_obj_set_str(o, list, SERVICE_LABEL, meta_get(s->svc, "name"));
	service_put_trigger(o, meta, s->trigger);
	list = pin_obj_set_new(o, root, "endpoints", PIN_ARRAY);
	for (i = 0; i < sl->n; i++)
		pin_obj_add_node(o, list, s->made, s->ep[sl->end[i]].as);
	if (sl->ports != NO_PORTS)
		pin_obj_set_node(o, root, PIN_STR("ports"), s->made,
		    s->ports[sl->ports]);
	else
		pin_obj_set_new(o, root, "ports", PIN_ARRAY);
	return (o);
}
