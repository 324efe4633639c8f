/* SPDX-License-Identifier: BSD-2-Clause
 *
 * service.c -- see service.h. Two bitmaps; a reservation is a list of bits
 * that is cleared again when the write does not happen.
 * Contract: service.h. */
#include "core/apiserver/service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>

#include "core/apiserver/meta.h"
#include "core/apiserver/strategy.h"

#define HELD_MAX	256	/* bits one Service may newly take */

struct service_alloc {
	struct apiserver *srv;
	pthread_mutex_t	 lock;
	void		*view;
	uint32_t	 base;		/* first address, host order */
	uint32_t	 size;		/* addresses in the range */
	uint32_t	 port_first, ports;
	uint8_t		*ip;		/* bitmap */
	uint8_t		*port;		/* bitmap, TCP and UDP alike */
};

/* What one request holds. */
struct held {
	uint32_t	 nip, nport;
	uint32_t	 ip[HELD_MAX], port[HELD_MAX];
};

static int
bit_get(const uint8_t *map, uint32_t i)
{
	return (map[i / 8] >> (i % 8) & 1);
}

static void
bit_set(uint8_t *map, uint32_t i, int on)
{
	if (on)
		map[i / 8] |= (uint8_t)(1 << (i % 8));
	else
		map[i / 8] &= (uint8_t)~(1 << (i % 8));
}

/* ---- addresses as text ------------------------------------------------ */

static int
ip_parse(struct pin_str s, uint32_t *out)
{
	unsigned a, b, c, d;
	char text[20], tail;

	if (s.len == 0 || s.len >= sizeof(text))
		return (0);
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (sscanf(text, "%u.%u.%u.%u%c", &a, &b, &c, &d, &tail) != 4 ||
	    a > 255 || b > 255 || c > 255 || d > 255)
		return (0);
	*out = a << 24 | b << 16 | c << 8 | d;
	return (1);
}

static void
ip_print(uint32_t ip, char out[20])
{
	snprintf(out, 20, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255,
	    ip >> 8 & 255, ip & 255);
}

/* Offset in the range, or UINT32_MAX. */
static uint32_t
ip_index(const struct service_alloc *a, struct pin_str s)
{
	uint32_t ip;

	if (!ip_parse(s, &ip) || ip < a->base || ip - a->base >= a->size)
		return (UINT32_MAX);
	return (ip - a->base);
}

/* ---- what the store says ---------------------------------------------- */

static void
mark(struct service_alloc *a, struct pin_buf *bytes, int on)
{
	struct pin_obj *o = NULL;
	pin_node spec, n;
	int64_t port;
	uint32_t i;

	if (bytes == NULL || pin_obj_parse(NULL, (const char *)bytes->data,
	    bytes->len, &o, NULL) != PIN_OK)
		return;
	spec = pin_obj_get(o, pin_obj_root(o), "spec");
	for (n = pin_obj_first(o, pin_obj_get(o, spec, "clusterIPs")); n != 0;
	    n = pin_obj_next(o, n)) {
		i = ip_index(a, pin_obj_str(o, n));
		if (i != UINT32_MAX)
			bit_set(a->ip, i, on);
	}
	for (n = pin_obj_first(o, pin_obj_get(o, spec, "ports")); n != 0;
	    n = pin_obj_next(o, n))
		if (pin_obj_i64(o, pin_obj_get(o, n, "nodePort"), &port) &&
		    port >= a->port_first && port < a->port_first + a->ports)
			bit_set(a->port, (uint32_t)port - a->port_first, on);
	pin_obj_free(&o);
}

static void
changed(void *arg, const struct pin_view_event *ev)
{
	struct service_alloc *a = arg;

	pthread_mutex_lock(&a->lock);
	mark(a, ev->before, 0);
	mark(a, ev->object, 1);
	pthread_mutex_unlock(&a->lock);
}

int
service_open(struct apiserver *srv, struct pin_err *err)
{
	struct service_alloc *a = pin_xcalloc(1, sizeof(*a));
	const char *cidr = srv->limits.service_cidr,
	    *slash = strchr(cidr, '/');
	uint32_t bits = (uint32_t)atoi(slash + 1);

	a->srv = srv;
	pthread_mutex_init(&a->lock, NULL);
	ip_parse((struct pin_str){ cidr, (size_t)(slash - cidr) }, &a->base);
	a->size = 1u << (32 - bits);
	a->base &= ~(a->size - 1);
	a->port_first = srv->limits.port_first;
	a->ports = (uint32_t)(srv->limits.port_last - srv->limits.port_first +
	    1);
	a->ip = pin_xcalloc(a->size / 8 + 1, 1);
	a->port = pin_xcalloc(a->ports / 8 + 1, 1);
	bit_set(a->ip, 0, 1);			/* the network itself */
	bit_set(a->ip, 1, 1);			/* default/kubernetes */
	bit_set(a->ip, a->size - 1, 1);		/* broadcast */
	srv->services_alloc = a;
	return (srv->services.view_open(srv->services.arg, "", "services",
	    changed, a, &a->view, err));
}

void
service_close(struct apiserver *srv)
{
	struct service_alloc *a = srv->services_alloc;

	srv->services_alloc = NULL;
	if (a == NULL)
		return;
	if (a->view != NULL)
		srv->services.view_close(srv->services.arg, a->view);
	pthread_mutex_destroy(&a->lock);
	free(a->ip);
	free(a->port);
	free(a);
}

/* ---- reserving --------------------------------------------------------- */

/* A free bit from a random place on, never below `low` while there is one
 * above. UINT32_MAX: none. */
static uint32_t
take_any(struct service_alloc *a, uint8_t *map, uint32_t size, uint32_t low)
{
	uint32_t start, i, at;

	pin_host_random(a->srv->host, &start, sizeof(start));
	start = low + start % (size - low);
	for (i = 0; i < size; i++) {
		at = start + i < size ? start + i : low + (start + i - size) %
		    (size - low);
		if (i >= size - low)
			at = i - (size - low);	/* the static band, last */
		if (!bit_get(map, at)) {
			bit_set(map, at, 1);
			return (at);
		}
	}
	return (UINT32_MAX);
}

static int
ip_refuse(struct request *r, struct pin_str ip, const char *why)
{
	char text[256], value[80];

	if (pin_cause_format(NULL, "ip", "", ip, NULL) > 0) {
		r->refusal.causes = pin_causes_new(r->arena);
		r->refusal.kind = PIN_STR("Service");
		r->refusal.name = r->info.name;
		if (r->refusal.causes != NULL)
			(void)pin_cause_format(r->refusal.causes, "ip",
			    "spec.clusterIPs[0]", ip, NULL);
		return (pin_err_set(&r->err, PIN_EINVALID,
		    "spec.clusterIPs[0]: no address"));
	}
	snprintf(value, sizeof(value), "[\"" PIN_SFMT "\"]", PIN_SARG(ip));
	snprintf(text, sizeof(text), "failed to allocate IP " PIN_SFMT ": %s",
	    PIN_SARG(ip), why);
	return (request_refuse(r, NULL, PIN_CAUSE_INVALID, "spec.clusterIPs",
	    pin_str(value), text));
}

static int PIN_PRINTF(4, 5)
port_refuse(struct request *r, uint32_t index, int64_t port, const char *fmt,
    ...)
{
	char field[48], value[24], text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(field, sizeof(field), "spec.ports[%u].nodePort", index);
	snprintf(value, sizeof(value), "%lld", (long long)port);
	return (request_refuse(r, NULL, PIN_CAUSE_INVALID, field,
	    pin_str(value), text));
}

static int
take_ip(struct request *r, struct held *h, struct pin_str want, char out[20])
{
	struct service_alloc *a = r->srv->services_alloc;
	uint32_t i, low = a->size >= 64 ? (a->size / 16 < 256 ? a->size / 16 :
	    256) : 1;
	int rc = PIN_OK;

	pthread_mutex_lock(&a->lock);
	if (want.len > 0) {
		i = ip_index(a, want);
		if (i == UINT32_MAX)
			rc = ip_refuse(r, want, "the provided network does "
			    "not match the current range");
		else if (bit_get(a->ip, i))
			rc = ip_refuse(r, want, "provided IP is already "
			    "allocated");
		else
			bit_set(a->ip, i, 1);
	} else {
		i = take_any(a, a->ip, a->size, low);
		if (i == UINT32_MAX)
			rc = pin_err_set(&r->err, PIN_EINTERNAL, "failed to "
			    "allocate a serviceIP: range is full");
	}
	pthread_mutex_unlock(&a->lock);
	if (rc != PIN_OK)
		return (rc);
	h->ip[h->nip++] = i;
	ip_print(a->base + i, out);
	return (PIN_OK);
}

static int
take_port(struct request *r, struct held *h, int64_t want, uint32_t index,
    int64_t *out)
{
	struct service_alloc *a = r->srv->services_alloc;
	uint32_t i;
	int rc = PIN_OK;

	pthread_mutex_lock(&a->lock);
	if (want != 0) {
		i = (uint32_t)(want - a->port_first);
		if (want < a->port_first || i >= a->ports)
			rc = port_refuse(r, index, want, "provided port is not"
			    " in the valid range. The range of valid ports is "
			    "%u-%u", a->port_first, a->port_first + a->ports -
			    1);
		else if (bit_get(a->port, i))
			rc = port_refuse(r, index, want, "provided port is "
			    "already allocated");
		else
			bit_set(a->port, i, 1);
	} else {
		i = take_any(a, a->port, a->ports, a->ports > 86 * 2 ? 86 :
		    1);
		if (i == UINT32_MAX)
			rc = pin_err_set(&r->err, PIN_EINTERNAL, "failed to "
			    "allocate a nodePort: range is full");
	}
	pthread_mutex_unlock(&a->lock);
	if (rc != PIN_OK)
		return (rc);
	h->port[h->nport++] = i;
	*out = a->port_first + i;
	return (PIN_OK);
}

void
service_release(struct request *r)
{
	struct service_alloc *a = r->srv->services_alloc;
	struct held *h = r->alloc;
	uint32_t i;

	pthread_mutex_lock(&a->lock);
	for (i = 0; i < h->nip; i++)
		bit_set(a->ip, h->ip[i], 0);
	for (i = 0; i < h->nport; i++)
		bit_set(a->port, h->port[i], 0);
	pthread_mutex_unlock(&a->lock);
}

/* ---- Services ----------------------------------------------------------- */

static pin_node
spec_of(const struct pin_obj *o)
{
	return (pin_obj_get(o, pin_obj_root(o), "spec"));
}

/* One family; both, unless told otherwise, where nothing here depends on it:
 * a service without an address, whose endpoints somebody else writes. */
static void
put_families(struct request *r, pin_node spec, int foreign)
{
	pin_node list = pin_obj_get(r->obj, spec, "ipFamilies");

	if (pin_obj_get(r->obj, spec, "ipFamilyPolicy") == 0)
		pin_obj_set_str(r->obj, spec, "ipFamilyPolicy", foreign ?
		    PIN_STR("RequireDualStack") : PIN_STR("SingleStack"));
	if (list == 0) {
		list = pin_obj_set_new(r->obj, spec, "ipFamilies", PIN_ARRAY);
		pin_obj_add_str(r->obj, list, PIN_STR("IPv4"));
	}
	if (foreign && pin_obj_count(r->obj, list) == 1 && !pin_str_is(
	    pin_obj_str(r->obj, pin_obj_get(r->obj, spec, "ipFamilyPolicy")),
	    "SingleStack"))
		pin_obj_add_str(r->obj, list, pin_str_is(pin_obj_str(r->obj,
		    pin_obj_first(r->obj, list)), "IPv4") ? PIN_STR("IPv6") :
		    PIN_STR("IPv4"));
}

static int
set_cluster_ip(struct request *r, struct held *h)
{
	pin_node spec = spec_of(r->obj), list;
	struct pin_str want = pin_obj_str(r->obj, pin_obj_get(r->obj, spec,
	    "clusterIP"));
	char ip[20];
	int rc;

	if (pin_str_is(want, "None")) {
		snprintf(ip, sizeof(ip), "None");
	} else {
		rc = take_ip(r, h, want, ip);
		if (rc != PIN_OK)
			return (rc);
	}
	pin_obj_set_str(r->obj, spec, "clusterIP", pin_str(ip));
	list = pin_obj_set_new(r->obj, spec, "clusterIPs", PIN_ARRAY);
	pin_obj_add_str(r->obj, list, pin_str(ip));
	put_families(r, spec, pin_str_is(pin_str(ip), "None") &&
	    pin_obj_count(r->obj, pin_obj_get(r->obj, spec, "selector")) ==
	    0);
	return (PIN_OK);
}

static int
old_has_port(struct request *r, int64_t port)
{
	pin_node n;
	int64_t v;

	if (r->operation != PIN_OP_UPDATE)
		return (0);
	for (n = pin_obj_first(r->old, pin_obj_get(r->old, spec_of(r->old),
	    "ports")); n != 0; n = pin_obj_next(r->old, n))
		if (pin_obj_i64(r->old, pin_obj_get(r->old, n, "nodePort"),
		    &v) && v == port)
			return (1);
	return (0);
}

static int
set_node_ports(struct request *r, struct held *h)
{
	pin_node ports = pin_obj_get(r->obj, spec_of(r->obj), "ports"), n;
	uint32_t index = 0;
	int64_t want, port;
	int rc;

	for (n = pin_obj_first(r->obj, ports); n != 0 && h->nport < HELD_MAX;
	    n = pin_obj_next(r->obj, n), index++) {
		want = 0;
		pin_obj_i64(r->obj, pin_obj_get(r->obj, n, "nodePort"), &want);
		if (want != 0 && old_has_port(r, want))
			continue;
		rc = take_port(r, h, want, index, &port);
		if (rc != PIN_OK)
			return (rc);
		pin_obj_set_i64(r->obj, n, "nodePort", port);
	}
	return (PIN_OK);
}

static int
needs_ports(struct request *r, struct pin_str type)
{
	pin_node n = pin_obj_get(r->obj, spec_of(r->obj),
	    "allocateLoadBalancerNodePorts");

	return (pin_str_is(type, "NodePort") || (pin_str_is(type,
	    "LoadBalancer") && (n == 0 || pin_obj_true(r->obj, n))));
}

static struct held *
hold(struct request *r)
{
	struct held *h = pin_arena_zalloc(r->arena, sizeof(*h));

	r->alloc = h;
	if (h == NULL)
		pin_err_set(&r->err, PIN_ENOMEM, "out of memory");
	return (h);
}

int
service_create(struct request *r)
{
	struct pin_str type = pin_obj_str(r->obj, pin_obj_get(r->obj,
	    spec_of(r->obj), "type"));
	pin_node root = pin_obj_root(r->obj), status;
	struct held *h = hold(r);
	int rc;

	if (h == NULL)
		return (PIN_ENOMEM);
	status = pin_obj_set_new(r->obj, root, "status", PIN_OBJECT);
	pin_obj_set_new(r->obj, status, "loadBalancer", PIN_OBJECT);
	if (pin_str_is(type, "ExternalName"))
		return (PIN_OK);
	rc = set_cluster_ip(r, h);
	if (rc == PIN_OK && needs_ports(r, type))
		rc = set_node_ports(r, h);
	return (rc);
}

static void
keep(struct request *r, const char *key)
{
	pin_node n = pin_obj_get(r->old, spec_of(r->old), key);

	if (n != 0 && pin_obj_get(r->obj, spec_of(r->obj), key) == 0)
		pin_obj_set_node(r->obj, spec_of(r->obj), pin_str(key), r->old,
		    n);
}

/* Ports that were allocated stay with the port they belong to. */
static void
keep_ports(struct request *r)
{
	pin_node n, m;
	struct pin_str name;
	int64_t port, was, node;

	for (n = pin_obj_first(r->obj, pin_obj_get(r->obj, spec_of(r->obj),
	    "ports")); n != 0; n = pin_obj_next(r->obj, n)) {
		if (pin_obj_get(r->obj, n, "nodePort") != 0 ||
		    !pin_obj_i64(r->obj, pin_obj_get(r->obj, n, "port"),
		    &port))
			continue;
		name = pin_obj_str(r->obj, pin_obj_get(r->obj, n, "name"));
		for (m = pin_obj_first(r->old, pin_obj_get(r->old,
		    spec_of(r->old), "ports")); m != 0;
		    m = pin_obj_next(r->old, m))
			if (pin_obj_i64(r->old, pin_obj_get(r->old, m,
			    "port"), &was) && was == port &&
			    pin_str_eq(name, pin_obj_str(r->old,
			    pin_obj_get(r->old, m, "name"))) &&
			    pin_obj_i64(r->old, pin_obj_get(r->old, m,
			    "nodePort"), &node))
				pin_obj_set_i64(r->obj, n, "nodePort", node);
	}
}

int
service_update(struct request *r)
{
	static const char *const kept[] = { "clusterIP", "clusterIPs",
	    "ipFamilies", "ipFamilyPolicy" };
	struct pin_str type, was;
	struct held *h;
	size_t i;
	int rc = PIN_OK;

	if (r->info.subresource.len > 0)
		return (PIN_OK);
	h = hold(r);
	if (h == NULL)
		return (PIN_ENOMEM);
	type = pin_obj_str(r->obj, pin_obj_get(r->obj, spec_of(r->obj),
	    "type"));
	was = pin_obj_str(r->old, pin_obj_get(r->old, spec_of(r->old),
	    "type"));
	if (pin_str_is(type, "ExternalName"))
		return (PIN_OK);
	if (pin_str_is(was, "ExternalName"))
		rc = set_cluster_ip(r, h);
	else
		for (i = 0; i < PIN_LEN(kept); i++)
			keep(r, kept[i]);
	if (rc == PIN_OK && needs_ports(r, type)) {
		if (needs_ports(r, was))
			keep_ports(r);
		rc = set_node_ports(r, h);
	}
	return (rc);
}
