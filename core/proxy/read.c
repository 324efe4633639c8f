/* SPDX-License-Identifier: BSD-2-Clause
 *
 * read.c -- from Service and EndpointSlice objects to records.
 * Objects come from the API server, but their sizes are an author's choice:
 * what has more than the limits takes no part, by name.
 * Thread: the table's. Contract: state.h. */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/proxy/map.h"

#define NAME_LABEL	"kubernetes.io/service-name"
#define HEADLESS_LABEL	"service.kubernetes.io/headless"
#define OTHER_LABEL	"service.kubernetes.io/service-proxy-name"
#define AFFINITY_S	10800	/* what the API fills in */

void
proxy_table_init(struct proxy_table *t, const char *node)
{
	memset(t, 0, sizeof(*t));
	(void)snprintf(t->node, sizeof(t->node), "%s", node);
}

void
proxy_table_fini(struct proxy_table *t)
{
	proxy_map_fini(&t->services);
	proxy_map_fini(&t->slices);
	proxy_map_fini(&t->cidrs);
}

int
proxy_ip_parse(struct pin_str s, struct pin_ip *ip)
{
	char text[64];

	memset(ip, 0, sizeof(*ip));
	if (s.len == 0 || s.len >= sizeof(text))
		return (0);
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, ip->ip) == 1)
		ip->family = 4;
	else if (inet_pton(AF_INET6, text, ip->ip) == 1)
		ip->family = 6;
	return (ip->family != 0);
}

int
proxy_cidr_parse(struct pin_str s, struct pin_cidr *c)
{
	const char *slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
	size_t i;

	memset(c, 0, sizeof(*c));
	if (slash == NULL || !proxy_ip_parse((struct pin_str){ s.p,
	    (size_t)(slash - s.p) }, &c->ip))
		return (0);
	i = (size_t)(slash - s.p) + 1;
	if (i == s.len || s.len - i > 3)
		return (0);
	for (; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		c->bits = c->bits * 10 + (uint32_t)(s.p[i] - '0');
	}
	return (c->bits <= (c->ip.family == 4 ? 32u : 128u));
}

static pin_node
label(const struct pin_obj *o, const char *key)
{
	return (pin_obj_get(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "labels", NULL), key));
}

static struct pin_str
str_at(const struct pin_obj *o, pin_node n, const char *key)
{
	return (pin_obj_str(o, pin_obj_get(o, n, key)));
}

static int64_t
num_at(const struct pin_obj *o, pin_node n, const char *key, int64_t none)
{
	int64_t v;

	return (pin_obj_i64(o, pin_obj_get(o, n, key), &v) ? v : none);
}

/* 0: one we do not know (SCTP). */
static uint32_t
protocol(const struct pin_obj *o, pin_node port)
{
	struct pin_str s = str_at(o, port, "protocol");

	if (s.len == 0 || pin_str_is(s, "TCP"))
		return (PIN_PROTO_TCP);
	return (pin_str_is(s, "UDP") ? PIN_PROTO_UDP : 0);
}

static int
port_name(const struct pin_obj *o, pin_node port,
    char out[PROXY_PORT_NAME_MAX])
{
	struct pin_str s = str_at(o, port, "name");

	if (s.len >= PROXY_PORT_NAME_MAX)
		return (0);
	if (s.len > 0)
		memcpy(out, s.p, s.len);
	return (1);
}

static int
is_port(int64_t n)
{
	return (n > 0 && n < 65536);
}

/* Ours to serve, and not for names only? */
static int
is_ours(const struct pin_obj *o)
{
	return (label(o, HEADLESS_LABEL) == 0 && label(o, OTHER_LABEL) == 0);
}

/* ---- services -------------------------------------------------------- */

static void
svc_ips(const struct pin_obj *o, pin_node spec, struct svc *s)
{
	pin_node list = pin_obj_get(o, spec, "clusterIPs"), n;

	for (n = pin_obj_first(o, list); n != 0 &&
	    s->nips < PROXY_CLUSTER_IPS_MAX; n = pin_obj_next(o, n))
		if (proxy_ip_parse(pin_obj_str(o, n), &s->ips[s->nips]))
			s->nips++;
	if (s->nips == 0 && proxy_ip_parse(str_at(o, spec, "clusterIP"),
	    &s->ips[0]))
		s->nips = 1;
}

static void
svc_external(const struct pin_obj *o, pin_node spec, struct svc *s)
{
	pin_node n = pin_obj_first(o, pin_obj_get(o, spec, "externalIPs"));

	for (; n != 0 && s->nexternal < PROXY_EXTERNAL_IPS_MAX;
	    n = pin_obj_next(o, n))
		if (proxy_ip_parse(pin_obj_str(o, n),
		    &s->external[s->nexternal]))
			s->nexternal++;
}

static void
svc_policies(const struct pin_obj *o, pin_node spec, struct svc *s)
{
	int64_t secs;

	if (pin_str_is(str_at(o, spec, "sessionAffinity"), "ClientIP")) {
		secs = num_at(o, pin_obj_at(o, spec, "sessionAffinityConfig",
		    "clientIP", NULL), "timeoutSeconds", AFFINITY_S);
		s->affinity_s = secs > 0 && secs <= 86400 ? (uint32_t)secs :
		    AFFINITY_S;
	}
	s->local_only = (uint8_t)pin_str_is(str_at(o, spec,
	    "externalTrafficPolicy"), "Local");
	s->internal_local = (uint8_t)pin_str_is(str_at(o, spec,
	    "internalTrafficPolicy"), "Local");
}

static int
svc_port_read(const struct pin_obj *o, pin_node n, struct svc_port *p)
{
	int64_t port = num_at(o, n, "port", 0);
	int64_t node_port = num_at(o, n, "nodePort", 0);

	memset(p, 0, sizeof(*p));
	p->protocol = protocol(o, n);
	if (p->protocol == 0 || !is_port(port) || !port_name(o, n, p->name))
		return (0);
	p->port = (uint16_t)port;
	p->node_port = (uint16_t)(is_port(node_port) ? node_port : 0);
	return (1);
}

static int
svc_port_cmp(const void *ap, const void *bp)
{
	const struct svc_port *a = ap, *b = bp;

	if (a->port != b->port)
		return (a->port < b->port ? -1 : 1);
	return (a->protocol < b->protocol ? -1 : a->protocol > b->protocol);
}

static int
svc_put(struct proxy_table *t, const struct proxy_key *key,
    const struct pin_obj *o, pin_node spec, uint32_t count)
{
	size_t size = sizeof(struct svc) + count * sizeof(struct svc_port);
	struct svc *s = pin_xcalloc(1, size);
	pin_node n;
	int changed;

	svc_ips(o, spec, s);
	svc_external(o, spec, s);
	svc_policies(o, spec, s);
	for (n = pin_obj_first(o, pin_obj_get(o, spec, "ports")); n != 0;
	    n = pin_obj_next(o, n))
		s->nports += (uint32_t)svc_port_read(o, n,
		    &s->port[s->nports]);
	qsort(s->port, s->nports, sizeof(s->port[0]), svc_port_cmp);
	changed = s->nips == 0 || s->nports == 0 ?
	    proxy_map_remove(&t->services, key) :
	    proxy_map_put(&t->services, key, s, (uint32_t)(sizeof(*s) +
	    s->nports * sizeof(s->port[0])));
	free(s);
	return (changed);
}

int
proxy_table_service(struct proxy_table *t, struct pin_str ns,
    struct pin_str name, const struct pin_obj *o, struct pin_err *err)
{
	struct proxy_key key;
	pin_node spec;
	uint32_t count;

	proxy_key_init(&key);
	if (!proxy_key_add(&key, ns) || !proxy_key_add(&key, name))
		return (pin_err_set(err, PIN_ELIMIT, "service name longer "
		    "than %d bytes", PROXY_RECORD_KEY_MAX));
	if (o == NULL || !is_ours(o))
		return (proxy_map_remove(&t->services, &key));
	spec = pin_obj_get(o, pin_obj_root(o), "spec");
	if (pin_str_is(str_at(o, spec, "type"), "ExternalName"))
		return (proxy_map_remove(&t->services, &key));
	count = pin_obj_count(o, pin_obj_get(o, spec, "ports"));
	if (count > PROXY_PORTS_MAX) {
		(void)proxy_map_remove(&t->services, &key);
		return (pin_err_set(err, PIN_ELIMIT, "service " PIN_SFMT "/"
		    PIN_SFMT ": %u ports, at most %d are served",
		    PIN_SARG(ns), PIN_SARG(name), count, PROXY_PORTS_MAX));
	}
	return (svc_put(t, &key, o, spec, count));
}

/* ---- slices ---------------------------------------------------------- */

/* A condition that is not said is `none`. */
static uint8_t
condition(const struct pin_obj *o, pin_node ep, const char *what, int none)
{
	pin_node n = pin_obj_at(o, ep, "conditions", what, NULL);

	if (pin_obj_type(o, n) < PIN_FALSE)
		return ((uint8_t)none);
	return ((uint8_t)pin_obj_true(o, n));
}

static int
endpoint_read(const struct proxy_table *t, const struct pin_obj *o,
    pin_node n, struct slice_endpoint *e)
{
	pin_node first = pin_obj_first(o, pin_obj_get(o, n, "addresses"));

	memset(e, 0, sizeof(*e));
	if (!proxy_ip_parse(pin_obj_str(o, first), &e->ip))
		return (0);
	e->ready = condition(o, n, "ready", 1);
	e->serving = condition(o, n, "serving", 1);
	e->terminating = condition(o, n, "terminating", 0);
	e->local = (uint8_t)(t->node[0] != '\0' && pin_str_is(str_at(o, n,
	    "nodeName"), t->node));
	return (1);
}

static int
slice_port_read(const struct pin_obj *o, pin_node n, struct slice_port *p)
{
	int64_t port = num_at(o, n, "port", 0);

	memset(p, 0, sizeof(*p));
	p->protocol = protocol(o, n);
	if (p->protocol == 0 || !is_port(port) || !port_name(o, n, p->name))
		return (0);
	p->port = (uint16_t)port;
	return (1);
}

static int
slice_put(struct proxy_table *t, const struct proxy_key *key,
    const struct pin_obj *o, uint32_t nports, uint32_t neps)
{
	size_t size = sizeof(struct slice) + nports *
	    sizeof(struct slice_port) + neps * sizeof(struct slice_endpoint);
	struct slice *s = pin_xcalloc(1, size);
	struct slice_endpoint *e;
	pin_node root = pin_obj_root(o), n;
	int changed;

	for (n = pin_obj_first(o, pin_obj_get(o, root, "ports")); n != 0;
	    n = pin_obj_next(o, n))
		s->nports += (uint32_t)slice_port_read(o, n,
		    &s->port[s->nports]);
	e = (struct slice_endpoint *)(void *)&s->port[s->nports];
	for (n = pin_obj_first(o, pin_obj_get(o, root, "endpoints")); n != 0;
	    n = pin_obj_next(o, n))
		s->nendpoints += (uint32_t)endpoint_read(t, o, n,
		    &e[s->nendpoints]);
	changed = proxy_map_put(&t->slices, key, s, (uint32_t)(sizeof(*s) +
	    s->nports * sizeof(s->port[0]) + s->nendpoints * sizeof(*e)));
	free(s);
	return (changed);
}

/* 0: it belongs to no Service of ours. */
static int
slice_key(struct proxy_key *key, struct pin_str ns, struct pin_str name,
    const struct pin_obj *o)
{
	struct pin_str svc = o == NULL ? PIN_STR_NONE : pin_obj_str(o,
	    label(o, NAME_LABEL));

	proxy_key_init(key);
	return (svc.len > 0 && is_ours(o) && proxy_key_add(key, ns) &&
	    proxy_key_add(key, svc) && proxy_key_add(key, name));
}

int
proxy_table_slice(struct proxy_table *t, struct pin_str ns,
    struct pin_str name, const struct pin_obj *o,
    const struct pin_obj *before, struct pin_err *err)
{
	struct proxy_key key, old;
	uint32_t nports, neps;
	int changed = 0, mine = slice_key(&key, ns, name, o);

	if (slice_key(&old, ns, name, before) && (!mine ||
	    old.len != key.len || memcmp(old.text, key.text, key.len) != 0))
		changed = proxy_map_remove(&t->slices, &old);
	if (!mine)
		return (changed);
	nports = pin_obj_count(o, pin_obj_get(o, pin_obj_root(o), "ports"));
	neps = pin_obj_count(o, pin_obj_get(o, pin_obj_root(o),
	    "endpoints"));
	if (nports > PROXY_PORTS_MAX || neps > PROXY_ENDPOINTS_MAX) {
		(void)proxy_map_remove(&t->slices, &key);
		return (pin_err_set(err, PIN_ELIMIT, "endpoint slice "
		    PIN_SFMT "/" PIN_SFMT ": %u ports and %u endpoints, at "
		    "most %d and %d are served", PIN_SARG(ns),
		    PIN_SARG(name), nports, neps, PROXY_PORTS_MAX,
		    PROXY_ENDPOINTS_MAX));
	}
	return (slice_put(t, &key, o, nports, neps) || changed);
}

/* ---- service ranges --------------------------------------------------- */

int
proxy_table_cidr(struct proxy_table *t, struct pin_str name,
    const struct pin_obj *o, struct pin_err *err)
{
	struct proxy_key key;
	struct cidrs c = { 0 };
	pin_node n;

	proxy_key_init(&key);
	if (!proxy_key_add(&key, name))
		return (pin_err_set(err, PIN_ELIMIT, "ServiceCIDR's name "
		    "longer than %d bytes", PROXY_RECORD_KEY_MAX));
	if (o == NULL)
		return (proxy_map_remove(&t->cidrs, &key));
	for (n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "cidrs", NULL)); n != 0 && c.n < PROXY_CLUSTER_IPS_MAX;
	    n = pin_obj_next(o, n))
		if (proxy_cidr_parse(pin_obj_str(o, n), &c.cidr[c.n]))
			c.n++;
	return (proxy_map_put(&t->cidrs, &key, &c, sizeof(c)));
}
