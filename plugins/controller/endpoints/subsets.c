/* SPDX-License-Identifier: BSD-2-Clause
 *
 * subsets.c -- pods and ports as the older API has them: ports that the same
 * pods have are one subset, its addresses ready or not.
 * Pure. Contract: core/v1 Endpoints; upstream's RepackSubsets and its limit
 * of a thousand addresses, the ready ones first. */
#include <string.h>

#include "endpoints.h"

void *
endpoints_more(struct endpoints *e, void *p, uint32_t n, uint32_t *cap,
    size_t size)
{
	uint32_t more = *cap == 0 ? 16 : *cap * 2;

	if (n < *cap)
		return (p);
	p = pin_arena_grow(pin_reconcile_arena(e->rc), p, *cap * size,
	    more * size);
	if (p == NULL)
		e->rc_code = PIN_ENOMEM;
	else
		*cap = more;
	return (p);
}

/* ---- which pod has which port ------------------------------------------- */

/* Its address of the Service's first family. */
static struct pin_str
pod_ip(const struct endpoints *e, const struct pin_obj *pod)
{
	int six = pin_str_is(pin_obj_str(e->svc, pin_obj_first(e->svc,
	    pin_obj_get(e->svc, e->spec, "ipFamilies"))), "IPv6");
	pin_node status = pin_obj_get(pod, pin_obj_root(pod), "status"), n;
	struct pin_str ip;

	n = pin_obj_first(pod, pin_obj_get(pod, status, "podIPs"));
	for (; n != 0; n = pin_obj_next(pod, n)) {
		ip = pin_obj_str(pod, pin_obj_get(pod, n, "ip"));
		if (ip.len > 0 && service_ip_is_six(ip) == six)
			return (ip);
	}
	ip = pin_obj_str(pod, pin_obj_get(pod, status, "podIP"));
	return (service_ip_is_six(ip) == six ? ip : PIN_STR_NONE);
}

static pin_node
put_port(struct endpoints *e, pin_node p, int64_t number)
{
	pin_node q = pin_obj_add_new(e->made, e->made_list, PIN_OBJECT), n;
	struct pin_str name = pin_obj_str(e->svc, pin_obj_get(e->svc, p,
	    "name"));

	if (name.len > 0)
		pin_obj_set_str(e->made, q, "name", name);
	pin_obj_set_i64(e->made, q, "port", number);
	pin_obj_set_str(e->made, q, "protocol", pin_obj_str(e->svc,
	    pin_obj_get(e->svc, p, "protocol")));
	n = pin_obj_get(e->svc, p, "appProtocol");
	if (n != 0)
		pin_obj_set_node(e->made, q, PIN_STR("appProtocol"), e->svc,
		    n);
	return (q);
}

static void
offer_add(struct endpoints *e, pin_node port)
{
	struct offer *o;
	uint32_t i;

	for (i = 0; i < e->noffers; i++)
		if (port == 0 ? e->offer[i].port == 0 :
		    pin_obj_equal(e->made, e->offer[i].port, e->made, port))
			break;
	if (i == e->noffers) {
		e->offer = endpoints_more(e, e->offer, i, &e->offer_cap,
		    sizeof(*e->offer));
		if (e->offer == NULL)
			return;
		e->offer[e->noffers++] = (struct offer){ .port = port };
	}
	o = &e->offer[i];
	o->at = endpoints_more(e, o->at, o->n, &o->cap, sizeof(*o->at));
	if (o->at != NULL)
		o->at[o->n++] = e->naddr;
}

void
endpoints_take(struct endpoints *e, const struct pin_obj *pod)
{
	pin_node ports = pin_obj_get(e->svc, e->spec, "ports"), p;
	int all = pin_obj_true(e->svc, pin_obj_get(e->svc, e->spec,
	    "publishNotReadyAddresses"));
	struct address a = { .pod = pod, .ip = pod_ip(e, pod),
	    .ready = (uint32_t)(all || pod_ready(pod)) };
	int64_t v;

	if (a.ip.len == 0 || (meta_deleted(pod) && !all))
		return;
	if (pin_obj_count(e->svc, ports) == 0 && service_is_headless(e->svc))
		offer_add(e, 0);
	for (p = pin_obj_first(e->svc, ports); p != 0 && e->rc_code == PIN_OK;
	    p = pin_obj_next(e->svc, p)) {
		v = service_port(e->svc, p, pod);
		if (v != 0)
			offer_add(e, put_port(e, p, v));
	}
	e->addr = endpoints_more(e, e->addr, e->naddr, &e->addr_cap,
	    sizeof(*e->addr));
	if (e->addr != NULL)
		e->addr[e->naddr++] = a;
}

/* ---- the object -------------------------------------------------- */

static int
same_pods(const struct offer *a, const struct offer *b)
{
	return (a->n == b->n && memcmp(a->at, b->at, a->n *
	    sizeof(*a->at)) == 0);
}

static void
put_address(struct endpoints *e, struct pin_obj *o, pin_node list,
    const struct address *a)
{
	pin_node n = pin_obj_add_new(o, list, PIN_OBJECT);
	struct pin_str node = pin_obj_str(a->pod, pin_obj_at(a->pod,
	    pin_obj_root(a->pod), "spec", "nodeName", NULL)),
	    host = service_hostname(e->svc, a->pod);

	pin_obj_set_str(o, n, "ip", a->ip);
	if (host.len > 0)
		pin_obj_set_str(o, n, "hostname", host);
	if (node.len > 0)
		pin_obj_set_str(o, n, "nodeName", node);
	service_put_ref(o, n, "targetRef", a->pod);
}

static uint32_t
count(const struct endpoints *e, const struct offer *f, uint32_t ready)
{
	uint32_t i, n = 0;

	for (i = 0; i < f->n; i++)
		n += e->addr[f->at[i]].ready == ready;
	return (n);
}

/* At most `most` of them, the first by name. */
static void
put_addresses(struct endpoints *e, struct pin_obj *o, pin_node subset,
    const struct offer *f, uint32_t ready, uint32_t most)
{
	uint32_t i, n = count(e, f, ready), k = 0;
	pin_node list;

	if (n == 0 || most == 0)
		return;
	list = pin_obj_set_new(o, subset, ready ? "addresses" :
	    "notReadyAddresses", PIN_ARRAY);
	for (i = 0; i < f->n && k < most; i++)
		if (e->addr[f->at[i]].ready == ready) {
			put_address(e, o, list, &e->addr[f->at[i]]);
			k++;
		}
}

/* The share of a subset that has n of `all`, of `room` places, rounded up. */
static uint32_t
share(uint32_t n, uint32_t all, uint32_t room, uint32_t *left)
{
	uint64_t k = all <= room ? n : ((uint64_t)n * room + all - 1) / all;

	if (k > *left)
		k = *left;
	*left -= (uint32_t)k;
	return ((uint32_t)k);
}

static void
put_subset(struct endpoints *e, struct pin_obj *o, pin_node list,
    struct offer *f, const uint32_t most[2])
{
	pin_node subset = pin_obj_add_new(o, list, PIN_OBJECT), ports;
	struct offer *g;

	put_addresses(e, o, subset, f, 1, most[1]);
	put_addresses(e, o, subset, f, 0, most[0]);
	ports = f->port != 0 ? pin_obj_set_new(o, subset, "ports",
	    PIN_ARRAY) : 0;
	for (g = f; g < e->offer + e->noffers; g++) {
		if (g->done || !same_pods(f, g))
			continue;
		g->done = 1;
		if (g->port != 0)
			pin_obj_add_node(o, ports, e->made, g->port);
	}
}

void
endpoints_subsets(struct endpoints *e, struct pin_obj *o)
{
	pin_node list = pin_obj_set_new(o, pin_obj_root(o), "subsets",
	    PIN_ARRAY);
	uint32_t all[2] = { 0, 0 }, room[2], left[2], most[2], i, k;

	for (i = 0; i < e->noffers; i++) {
		for (k = 0; k < i && !same_pods(&e->offer[k], &e->offer[i]);
		    k++)
			;
		if (k < i)
			continue;	/* one subset */
		all[0] += count(e, &e->offer[i], 0);
		all[1] += count(e, &e->offer[i], 1);
	}
	e->truncated = all[0] + all[1] > ADDRESSES_MAX;
	room[1] = ADDRESSES_MAX;
	room[0] = all[1] < ADDRESSES_MAX ? ADDRESSES_MAX - all[1] : 0;
	memcpy(left, room, sizeof(left));
	for (i = 0; i < e->noffers; i++) {
		if (e->offer[i].done)
			continue;
		for (k = 0; k < 2; k++)
			most[k] = share(count(e, &e->offer[i], k), all[k],
			    room[k], &left[k]);
		put_subset(e, o, list, &e->offer[i], most);
	}
	if (e->noffers == 0)
		pin_obj_unset(o, pin_obj_root(o), "subsets");
}
