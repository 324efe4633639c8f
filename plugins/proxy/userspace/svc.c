/* SPDX-License-Identifier: BSD-2-Clause
 *
 * svc.c -- one port of a Service: its endpoints, whose turn it is, and which
 * client went where. Affinity is a cache of fixed size: when a set of it is
 * full, the client that came longest ago is forgotten.
 * Under us->lock. Contract: userspace.h. */
#include <stdlib.h>
#include <string.h>

#include "userspace.h"

int
us_ip_same(const struct pin_ip *a, const struct pin_ip *b)
{
	return (a->family == b->family && memcmp(a->ip, b->ip,
	    a->family == 4 ? 4 : 16) == 0);
}

struct us_svc *
us_svc_new(const struct pin_service_port *p)
{
	struct us_svc *s = pin_xcalloc(1, sizeof(*s));

	s->refs = 1;
	s->protocol = p->protocol;
	s->namespace = pin_xstrndup(p->namespace.p, p->namespace.len);
	s->name = pin_xstrndup(p->name.p, p->name.len);
	s->port_name = pin_xstrndup(p->port_name.p, p->port_name.len);
	s->port = p->port;
	us_svc_update(s, p);
	return (s);
}

void
us_svc_put(struct userspace *us, PIN_OWN struct us_svc **sp)
{
	struct us_svc *s = *sp;

	(void)us;
	*sp = NULL;
	PIN_ASSERT(s->refs > 0);
	if (--s->refs > 0)
		return;
	free(s->namespace);
	free(s->name);
	free(s->port_name);
	free(s->endpoints);
	free(s->clients);
	free(s);
}

void
us_svc_update(struct us_svc *s, const struct pin_service_port *p)
{
	size_t size = p->nendpoints * sizeof(*s->endpoints);

	s->node_port = p->node_port;
	s->local_only = p->local_only != 0;
	s->internal_local = p->internal_local != 0;
	s->affinity_s = p->affinity_s;
	if (p->affinity_s == 0) {
		free(s->clients);
		s->clients = NULL;
	}
	if (s->nendpoints != p->nendpoints) {
		free(s->endpoints);
		s->endpoints = size > 0 ? pin_xmalloc(size) : NULL;
		s->nendpoints = p->nendpoints;
	}
	if (size > 0)
		memcpy(s->endpoints, p->endpoints, size);
}

/* As the state is ordered. */
int
us_svc_cmp(const struct us_svc *s, const struct pin_service_port *p)
{
	int c = pin_str_cmp(pin_str(s->namespace), p->namespace);

	if (c == 0)
		c = pin_str_cmp(pin_str(s->name), p->name);
	if (c == 0)
		c = (int)s->port - (int)p->port;
	if (c == 0)
		c = (int)s->protocol - (int)p->protocol;
	return (c);
}

static uint32_t
flag_of(const struct us_svc *s, int external)
{
	int local = external ? s->local_only : s->internal_local;

	return (local ? PIN_ENDPOINT_LOCAL : PIN_ENDPOINT_CLUSTER);
}

int
us_svc_open(const struct us_svc *s, int external, uint16_t family)
{
	uint32_t flag = flag_of(s, external), i;

	for (i = 0; i < s->nendpoints; i++)
		if ((s->endpoints[i].flags & flag) != 0 &&
		    s->endpoints[i].ip.family == family)
			return (1);
	return (0);
}

int
us_svc_has(const struct us_svc *s, int external, const struct pin_endpoint *e)
{
	uint32_t flag = flag_of(s, external), i;

	for (i = 0; i < s->nendpoints; i++)
		if ((s->endpoints[i].flags & flag) != 0 &&
		    s->endpoints[i].port == e->port &&
		    us_ip_same(&s->endpoints[i].ip, &e->ip))
			return (1);
	return (0);
}

/* ---- affinity -------------------------------------------------------- */

static struct us_client *
client_set(struct us_svc *s, const struct pin_ip *ip)
{
	uint32_t h = 2166136261u;	/* FNV-1a */
	size_t i, n = ip->family == 4 ? 4 : 16;

	if (s->clients == NULL)
		s->clients = calloc((size_t)US_AFFINITY_SETS *
		    US_AFFINITY_WAYS, sizeof(*s->clients));
	if (s->clients == NULL)
		return (NULL);
	for (i = 0; i < n; i++)
		h = (h ^ ip->ip[i]) * 16777619u;
	h ^= h >> 15;
	return (&s->clients[(size_t)(h % US_AFFINITY_SETS) *
	    US_AFFINITY_WAYS]);
}

static struct us_client *
client_find(struct us_svc *s, const struct pin_ip *ip, uint64_t now)
{
	struct us_client *c = client_set(s, ip);
	int i;

	for (i = 0; c != NULL && i < US_AFFINITY_WAYS; i++)
		if (c[i].until_ns > now && us_ip_same(&c[i].ip, ip))
			return (&c[i]);
	return (NULL);
}

static void
client_put(struct us_svc *s, const struct pin_ip *ip, uint64_t now,
    const struct pin_endpoint *e)
{
	struct us_client *c = client_find(s, ip, now), *set;
	int i;

	if (c == NULL && (set = client_set(s, ip)) != NULL) {
		for (c = set, i = 1; i < US_AFFINITY_WAYS; i++)
			if (set[i].until_ns < c->until_ns)
				c = &set[i];
	}
	if (c == NULL)
		return;			/* no memory: no affinity */
	c->ip = *ip;
	c->to = e->ip;
	c->to_port = e->port;
	c->until_ns = now + (uint64_t)s->affinity_s * 1000000000;
}

/* ---- whose turn ------------------------------------------------------ */

static int
may_take(const struct pin_endpoint *e, const struct us_pick *k, uint32_t flag)
{
	uint32_t i;

	if ((e->flags & flag) == 0 || e->ip.family != k->client.family)
		return (0);
	for (i = 0; i < k->ntried; i++)
		if (k->tried[i].port == e->port &&
		    us_ip_same(&k->tried[i].ip, &e->ip))
			return (0);
	return (1);
}

static const struct pin_endpoint *
sticky(struct us_svc *s, const struct us_pick *k, uint32_t flag, uint64_t now)
{
	const struct us_client *c = client_find(s, &k->client, now);
	uint32_t i;

	for (i = 0; c != NULL && i < s->nendpoints; i++)
		if (s->endpoints[i].port == c->to_port &&
		    us_ip_same(&s->endpoints[i].ip, &c->to) &&
		    may_take(&s->endpoints[i], k, flag))
			return (&s->endpoints[i]);
	return (NULL);
}

int
us_svc_pick(struct us_svc *s, struct us_pick *k, uint64_t now,
    struct pin_endpoint *out)
{
	uint32_t flag = flag_of(s, k->external), i, n = 0, nth;
	uint32_t *turn = &s->turn[k->external != 0][k->client.family == 6];
	const struct pin_endpoint *e = NULL;

	if (k->ntried == US_TRIES_MAX)
		return (0);
	if (s->affinity_s > 0)
		e = sticky(s, k, flag, now);
	if (e == NULL) {
		for (i = 0; i < s->nendpoints; i++)
			n += (uint32_t)may_take(&s->endpoints[i], k, flag);
		if (n == 0)
			return (0);
		nth = (*turn)++ % n;
		for (e = s->endpoints; ; e++)
			if (may_take(e, k, flag) && nth-- == 0)
				break;
	}
	if (s->affinity_s > 0)
		client_put(s, &k->client, now, e);
	*out = *e;
	k->tried[k->ntried++] = *e;
	return (1);
}
