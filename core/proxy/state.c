/* SPDX-License-Identifier: BSD-2-Clause
 *
 * state.c -- see state.h: from records to what a plugin is given. Services
 * and slices have the same order, so one walk joins them.
 * Thread: the table's. Contract: state.h; who gets new connections: KEP-1669
 * (terminating endpoints), KEP-2086 (internalTrafficPolicy). */
#include <stdlib.h>
#include <string.h>

#include "core/proxy/map.h"

/* An endpoint of one port before anything is decided. */
struct candidate {
	struct pin_endpoint e;
	uint8_t		 ready, ending, pad[2];	/* ending: and serving */
};

struct build {
	const struct proxy_table *t;
	struct pin_arena *arena;
	struct candidate *cand;		/* heap, grown */
	uint32_t	 ncand, cap;
	struct pin_service_port *ports;
	uint32_t	 nports;
};

static int
candidate_cmp(const void *ap, const void *bp)
{
	const struct candidate *a = ap, *b = bp;
	int c;

	if (a->e.ip.family != b->e.ip.family)
		return (a->e.ip.family < b->e.ip.family ? -1 : 1);
	c = memcmp(a->e.ip.ip, b->e.ip.ip, sizeof(a->e.ip.ip));
	if (c != 0)
		return (c);
	if (a->e.port != b->e.port)
		return (a->e.port < b->e.port ? -1 : 1);
	/* The same one twice: the one that is here, that is ready, counts. */
	if (a->e.local != b->e.local)
		return (a->e.local ? -1 : 1);
	if (a->ready != b->ready)
		return (a->ready ? -1 : 1);
	return (a->ending == b->ending ? 0 : a->ending ? -1 : 1);
}

static int
same_place(const struct candidate *a, const struct candidate *b)
{
	return (a->e.port == b->e.port && a->e.ip.family == b->e.ip.family &&
	    memcmp(a->e.ip.ip, b->e.ip.ip, sizeof(a->e.ip.ip)) == 0);
}

static void
collect(struct build *b, const struct slice *s, uint16_t port)
{
	const struct slice_endpoint *e = slice_endpoints(s);
	struct candidate *c;
	uint32_t i;

	for (i = 0; i < s->nendpoints; i++, e++) {
		if (b->ncand == PROXY_PORT_ENDPOINTS_MAX)
			return;
		if (b->ncand == b->cap) {
			b->cap = b->cap == 0 ? 64 : b->cap * 2;
			b->cand = pin_xrealloc(b->cand,
			    b->cap * sizeof(*b->cand));
		}
		c = &b->cand[b->ncand++];
		memset(c, 0, sizeof(*c));
		c->e.ip = e->ip;
		c->e.port = port;
		c->e.local = e->local;
		c->ready = e->ready;
		c->ending = e->serving && e->terminating;
	}
}

/* Ready ones; where there is none, those that end and still serve. */
static void
decide(struct build *b, int here, uint32_t flag)
{
	uint32_t i;
	int ready = 0;

	for (i = 0; i < b->ncand; i++)
		ready |= b->cand[i].ready && (!here || b->cand[i].e.local);
	for (i = 0; i < b->ncand; i++)
		if ((!here || b->cand[i].e.local) && (ready ?
		    b->cand[i].ready : b->cand[i].ending))
			b->cand[i].e.flags |= flag;
}

static int
endpoints_put(struct build *b, const struct svc *s,
    struct pin_service_port *p)
{
	struct pin_endpoint *out;
	uint32_t i, n = 0;

	if (b->ncand == 0)
		return (1);
	qsort(b->cand, b->ncand, sizeof(*b->cand), candidate_cmp);
	for (i = 0; i < b->ncand; i++)
		if (n == 0 || !same_place(&b->cand[n - 1], &b->cand[i]))
			b->cand[n++] = b->cand[i];
	b->ncand = n;
	if (!(s->internal_local && (s->local_only || (p->node_port == 0 &&
	    p->nexternal_ips == 0))))
		decide(b, 0, PIN_ENDPOINT_CLUSTER);
	if (s->internal_local || s->local_only)
		decide(b, 1, PIN_ENDPOINT_LOCAL);
	out = pin_arena_alloc(b->arena, n * sizeof(*out));
	if (out == NULL)
		return (0);
	p->endpoints = out;
	for (i = 0; i < n; i++)
		if (b->cand[i].e.flags != 0)
			out[p->nendpoints++] = b->cand[i].e;
	return (1);
}

/* slices [from, to): of this Service. */
static int
port_put(struct build *b, const struct proxy_record *rec,
    const struct svc_port *sp, uint32_t from, uint32_t to)
{
	const struct svc *s = (const void *)rec->data;
	struct pin_service_port *p = &b->ports[b->nports++];
	const struct slice *sl;
	uint32_t i, k;

	p->size = sizeof(*p);
	p->protocol = sp->protocol;
	p->namespace = pin_str(rec->key);
	p->name = pin_str(rec->key + p->namespace.len + 1);
	p->port_name = pin_str(sp->name);
	p->cluster_ips = s->ips;
	p->ncluster_ips = s->nips;
	p->port = sp->port;
	p->node_port = sp->node_port;
	p->affinity_s = s->affinity_s;
	p->local_only = s->local_only;
	p->internal_local = s->internal_local;
	p->external_ips = s->external;
	p->nexternal_ips = s->nexternal;
	b->ncand = 0;
	for (i = from; i < to; i++) {
		sl = (const void *)b->t->slices.record[i]->data;
		for (k = 0; k < sl->nports; k++)
			if (sl->port[k].protocol == sp->protocol &&
			    strcmp(sl->port[k].name, sp->name) == 0)
				collect(b, sl, sl->port[k].port);
	}
	return (endpoints_put(b, s, p));
}

/* Slices below the Service's key, and below nothing. */
static int
slice_cmp(const struct proxy_record *slice, const struct proxy_record *svc)
{
	uint32_t n = slice->key_len < svc->key_len ? slice->key_len :
	    svc->key_len;
	int c = memcmp(slice->key, svc->key, n);

	return (c != 0 ? c : slice->key_len < svc->key_len ? -1 : 0);
}

static int
services_put(struct build *b)
{
	const struct proxy_map *m = &b->t->services, *sl = &b->t->slices;
	const struct svc *s;
	uint32_t i, k, from, to = 0;

	for (i = 0; i < m->n; i++) {
		from = to;
		while (from < sl->n && slice_cmp(sl->record[from],
		    m->record[i]) < 0)
			from++;
		for (to = from; to < sl->n && slice_cmp(sl->record[to],
		    m->record[i]) == 0; to++)
			;
		s = (const void *)m->record[i]->data;
		for (k = 0; k < s->nports; k++)
			if (!port_put(b, m->record[i], &s->port[k], from, to))
				return (0);
	}
	return (1);
}

static int
cidrs_put(const struct proxy_map *m, struct pin_arena *arena,
    struct pin_proxy_state *st)
{
	struct pin_cidr *out = pin_arena_zalloc(arena, PROXY_CIDRS_MAX *
	    sizeof(*out));
	const struct cidrs *c;
	uint32_t i, k;

	if (out == NULL)
		return (0);
	for (i = 0; i < m->n; i++) {
		c = (const void *)m->record[i]->data;
		for (k = 0; k < c->n && st->nservice_cidrs <
		    PROXY_CIDRS_MAX; k++)
			out[st->nservice_cidrs++] = c->cidr[k];
	}
	st->service_cidrs = out;
	return (1);
}

int
proxy_table_state(const struct proxy_table *t, struct pin_arena *arena,
    const struct pin_ip *node_ips, uint32_t nnode_ips,
    struct pin_proxy_state *st, struct pin_err *err)
{
	struct build b = { .t = t, .arena = arena };
	const struct svc *s;
	uint32_t i, n = 0;
	int ok;

	for (i = 0; i < t->services.n; i++) {
		s = (const void *)t->services.record[i]->data;
		n += s->nports;
	}
	b.ports = pin_arena_zalloc(arena, (n + 1) * sizeof(*b.ports));
	*st = (struct pin_proxy_state){ .size = sizeof(*st),
	    .node_ips = node_ips, .nnode_ips = nnode_ips };
	ok = b.ports != NULL && services_put(&b) && cidrs_put(&t->cidrs,
	    arena, st);
	free(b.cand);
	if (!ok)
		return (pin_err_set(err, PIN_ENOMEM, "the state of %u "
		    "services takes more than %zu bytes", t->services.n,
		    PROXY_STATE_BYTES_MAX));
	b.ports[n].size = sizeof(*b.ports);
	st->nports = b.nports;
	st->ports = b.ports;
	return (PIN_OK);
}
