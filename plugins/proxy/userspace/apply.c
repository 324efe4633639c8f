/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apply.c -- from a state to services and listeners. Both are kept in order,
 * so the old and the new are walked together; what stays is not touched.
 * A port nobody would answer at is closed, so that clients are refused, as
 * the other proxies do.
 * First worker. Contract: userspace.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace.h"

/* ---- services -------------------------------------------------------- */

/* Under the lock. What is left in old (not NULL) is in the state no more. */
static struct us_svc **
services_join(struct userspace *us, const struct pin_proxy_state *st,
    uint32_t *nout)
{
	uint32_t n = st != NULL ? st->nports : 0, i, k = 0;
	struct us_svc **out = pin_xcalloc(n + 1, sizeof(*out));
	const struct pin_service_port *p;

	for (i = 0; i < n; i++) {
		p = pin_proxy_port(st, i);
		while (k < us->nsvcs && us_svc_cmp(us->svcs[k], p) < 0)
			k++;
		if (k < us->nsvcs && us_svc_cmp(us->svcs[k], p) == 0) {
			out[i] = us->svcs[k];
			us->svcs[k++] = NULL;
			us_svc_update(out[i], p);
			while (k < us->nsvcs && us->svcs[k] == NULL)
				k++;
		} else {
			out[i] = us_svc_new(p);
		}
	}
	*nout = n;
	return (out);
}

/* ---- which listeners ------------------------------------------------- */

struct wanted {
	struct us_listener **l;
	uint32_t	 n, cap;
};

enum { AT_NODE, AT_CLUSTER_IP, AT_EXTERNAL_IP };

static void
want(struct wanted *w, struct userspace *us, struct us_svc *s,
    const struct pin_ip *ip, uint16_t port, int at)
{
	struct us_listener *l = pin_xcalloc(1, sizeof(*l));

	if (w->n == w->cap) {
		w->cap = w->cap == 0 ? 64 : w->cap * 2;
		w->l = pin_xrealloc(w->l, w->cap *
		    sizeof(struct us_listener *));
	}
	l->us = us;
	l->svc = s;
	s->refs++;
	l->at.family = ip->family;
	l->at.port = port;
	memcpy(l->at.ip, ip->ip, sizeof(l->at.ip));
	l->external = at != AT_CLUSTER_IP;
	l->inner = at == AT_CLUSTER_IP;
	l->protocol = s->protocol;
	w->l[w->n++] = l;
}

static int
listener_cmp(const struct us_listener *a, const struct us_listener *b)
{
	int c = (int)a->at.family - (int)b->at.family;

	if (c == 0)
		c = memcmp(a->at.ip, b->at.ip, sizeof(a->at.ip));
	if (c == 0)
		c = (int)a->at.port - (int)b->at.port;
	if (c == 0)
		c = (int)a->protocol - (int)b->protocol;
	return (c);
}

static int
listener_sort(const void *a, const void *b)
{
	return (listener_cmp(*(struct us_listener *const *)a,
	    *(struct us_listener *const *)b));
}

static int
is_any(const struct pin_ip *ip)
{
	static const uint8_t any[16];

	return (memcmp(ip->ip, any, sizeof(any)) == 0);
}

/* An answer must come from the address that was asked, and a datagram socket
 * for all addresses does not know which that was: one for each. */
static void
want_datagrams(struct wanted *w, struct userspace *us, struct us_svc *s,
    const struct pin_proxy_state *st)
{
	static const struct pin_ip loopback = { .family = 4,
	    .ip = { 127, 0, 0, 1 } };
	uint32_t i;

	want(w, us, s, &loopback, s->node_port, AT_NODE);
	for (i = 0; i < st->nnode_ips; i++)
		if (st->node_ips[i].family == 4)
			want(w, us, s, &st->node_ips[i], s->node_port,
			    AT_NODE);
}

static int
is_ours(const struct pin_proxy_state *st, const struct pin_ip *ip)
{
	uint32_t i;

	for (i = 0; i < st->nnode_ips; i++)
		if (us_ip_same(&st->node_ips[i], ip))
			return (1);
	return (0);
}

static void
wanted_of(struct wanted *w, struct userspace *us, struct us_svc *s,
    const struct pin_service_port *p, const struct pin_proxy_state *st)
{
	const struct pin_ip *ip;
	uint32_t i;

	for (i = 0; s->node_port != 0 && i < us->naddresses; i++) {
		ip = &us->addresses[i];
		if (!us_svc_open(s, 1, ip->family))
			continue;
		if (s->protocol == PIN_PROTO_UDP && ip->family == 4 &&
		    is_any(ip))
			want_datagrams(w, us, s, st);
		else
			want(w, us, s, ip, s->node_port, AT_NODE);
	}
	for (i = 0; us->net != NULL && i < p->ncluster_ips; i++)
		if (p->cluster_ips[i].family == 4 && us_svc_open(s, 0, 4))
			want(w, us, s, &p->cluster_ips[i], s->port,
			    AT_CLUSTER_IP);
	for (i = 0; i < p->nexternal_ips; i++)
		if (is_ours(st, &p->external_ips[i]) && us_svc_open(s, 1,
		    p->external_ips[i].family))
			want(w, us, s, &p->external_ips[i], s->port,
			    AT_EXTERNAL_IP);
}

/* ---- opening and closing --------------------------------------------- */

static void
listener_free(struct us_listener *l)
{
	if (l->sock != NULL && l->protocol == PIN_PROTO_UDP)
		us_udp_close_of(l->us, l);
	if (l->sock != NULL)
		pin_sock_close(&l->sock);
	us_svc_put(l->us, &l->svc);
	free(l);
}

struct trouble {
	uint32_t	 n;
	int		 rc;
	size_t		 len;
	char		 text[PIN_ERR_TEXT_MAX];
};

static void
trouble_add(struct trouble *t, const struct us_listener *l, int rc,
    const char *why)
{
	struct us_svc *s = l->svc;
	int n;

	if (t->n++ >= US_ERRORS_SAID)
		return;
	if (t->rc == PIN_OK)
		t->rc = rc;
	n = snprintf(t->text + t->len, sizeof(t->text) - t->len, "%s%s %u of "
	    "service %s/%s%s%s: %s", t->len > 0 ? "; " : "", l->at.port ==
	    s->node_port && l->external ? "node port" : "port",
	    (unsigned int)l->at.port, s->namespace, s->name,
	    s->port_name[0] != '\0' ? " port " : "", s->port_name, why);
	if (n > 0)
		t->len += (size_t)n < sizeof(t->text) - t->len ? (size_t)n :
		    sizeof(t->text) - t->len - 1;
}

static void
listener_open(struct us_listener *l, struct trouble *t)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	if (l->inner && (rc = us_net_enter(l->us->net, &err)) != PIN_OK) {
		trouble_add(t, l, rc, err.text);
		return;
	}
	rc = l->protocol == PIN_PROTO_UDP ? pin_dgram_bind(
	    l->us->worker[0].loop, &l->at, us_udp_ready, l, &l->sock, &err) :
	    pin_sock_listen(l->us->worker[0].loop, &l->at, us_flow_accept, l,
	    &l->sock, &err);
	if (l->inner)
		us_net_leave(l->us->net);
	if (rc != PIN_OK)
		trouble_add(t, l, rc, err.text);
}

/* Old ones that go on are moved into the new list; the rest is closed before
 * anything is opened, since a port may have moved to another address. */
static void
listeners_join(struct userspace *us, struct wanted *w, struct trouble *t)
{
	struct us_listener **old = us->listeners, *l;
	uint32_t i, k = 0;
	int c;

	for (i = 0; i < us->nlisteners; i++) {
		l = old[i];
		while (k < w->n && listener_cmp(w->l[k], l) < 0)
			k++;
		c = k < w->n ? listener_cmp(w->l[k], l) : 1;
		if (c == 0 && l->sock != NULL) {
			us_svc_put(us, &l->svc);
			l->svc = w->l[k]->svc;
			l->external = w->l[k]->external;
			l->inner = w->l[k]->inner;
			free(w->l[k]);
			w->l[k++] = l;
		} else {
			listener_free(l);
		}
	}
	free(old);
	us->listeners = w->l;
	us->nlisteners = w->n;
	for (i = 0; i < w->n; i++)
		if (w->l[i]->sock == NULL)
			listener_open(w->l[i], t);
}

/* Two services at one address: the first has it. */
static void
wanted_sort(struct wanted *w, struct trouble *t)
{
	uint32_t i, n = 0;

	if (w->n == 0)
		return;
	qsort(w->l, w->n, sizeof(struct us_listener *), listener_sort);
	for (i = 0; i < w->n; i++) {
		if (n > 0 && listener_cmp(w->l[n - 1], w->l[i]) == 0) {
			trouble_add(t, w->l[i], PIN_ELOCKED,
			    "another service has it");
			listener_free(w->l[i]);
			continue;
		}
		w->l[n++] = w->l[i];
	}
	w->n = n;
}

/* ---- cluster IPs ----------------------------------------------------- */

static void
trouble_say(struct trouble *t, const struct pin_err *err, int rc)
{
	if (t->n++ >= US_ERRORS_SAID)
		return;
	if (t->rc == PIN_OK)
		t->rc = rc;
	snprintf(t->text + t->len, sizeof(t->text) - t->len, "%s%s",
	    t->len > 0 ? "; " : "", err->text);
	t->len = strlen(t->text);
}

/* Two agents on one host, or somebody's own network: said once. */
static void
look_where(struct userspace *us, const struct pin_proxy_state *st)
{
	const struct pin_cidr *c = st->service_cidrs;
	struct pin_ip first;
	uint32_t i, elsewhere = 0;

	for (i = 0; i < st->nservice_cidrs && !elsewhere; i++, c++) {
		first = c->ip;
		first.ip[3] |= 1;
		elsewhere = c->ip.family == 4 && !us_net_leads(us->net,
		    &first);
	}
	if (elsewhere && !us->elsewhere)
		pin_env_log(us->env, PIN_LOG_WARN, "the addresses of Services "
		    "lead elsewhere on this host (another node agent?): what "
		    "is served there is not ours");
	us->elsewhere = elsewhere;
}

static void
net_follow(struct userspace *us, const struct pin_proxy_state *st,
    struct trouble *t)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	if (!us->cluster_ips || st == NULL)
		return;
	if (us->net == NULL && us_net_open(pin_env_data(us->env), &us->net,
	    &err) != PIN_OK) {
		us->cluster_ips = 0;
		pin_env_log(us->env, PIN_LOG_WARN, "node ports only, no "
		    "cluster IPs on this node: %s", err.text);
		return;
	}
	rc = us_net_ranges(us->net, st->service_cidrs, st->nservice_cidrs,
	    &err);
	if (rc != PIN_OK)
		trouble_say(t, &err, rc);
	else
		look_where(us, st);
}

int
us_serves(struct userspace *us, const struct pin_addr *at, uint32_t protocol)
{
	const struct us_listener *l;
	struct pin_ip ip = { .family = at->family };
	uint32_t i;

	memcpy(ip.ip, at->ip, sizeof(ip.ip));
	for (i = 0; i < us->nlisteners; i++) {
		l = us->listeners[i];
		if (l->sock != NULL && l->protocol == protocol &&
		    l->at.port == at->port && l->at.family == at->family &&
		    memcmp(l->at.ip, at->ip, sizeof(at->ip)) == 0)
			return (!l->inner || us_net_leads(us->net, &ip));
	}
	return (0);
}

static int
trouble_end(const struct trouble *t, struct pin_err *err)
{
	if (t->n == 0)
		return (PIN_OK);
	if (t->n > US_ERRORS_SAID)
		return (pin_err_set(err, t->rc, "%s; and %u more", t->text,
		    t->n - US_ERRORS_SAID));
	return (pin_err_set(err, t->rc, "%s", t->text));
}

void
us_apply_on_loop(struct pin_msg *msg)
{
	struct us_apply *a = (struct us_apply *)(void *)msg;
	struct userspace *us = a->us;
	struct wanted w = { 0 };
	struct trouble t = { 0 };
	struct us_svc **svcs;
	uint32_t n, i;

	PIN_ASSERT_LOOP(us->worker[0].loop);
	(void)pthread_mutex_lock(&us->lock);
	svcs = services_join(us, a->state, &n);
	for (i = 0; i < us->nsvcs; i++)
		if (us->svcs[i] != NULL)
			us_svc_put(us, &us->svcs[i]);
	free(us->svcs);
	us->svcs = svcs;
	us->nsvcs = n;
	net_follow(us, a->state, &t);
	for (i = 0; i < n; i++)
		wanted_of(&w, us, svcs[i], pin_proxy_port(a->state, i),
		    a->state);
	wanted_sort(&w, &t);
	listeners_join(us, &w, &t);
	us_udp_recheck(us);
	if (a->state == NULL)
		us_udp_fini(us);
	a->rc = trouble_end(&t, a->err);
	a->done = 1;
	(void)pthread_cond_signal(&us->applied);
	(void)pthread_mutex_unlock(&us->lock);
}
