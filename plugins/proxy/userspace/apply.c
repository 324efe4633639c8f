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

static void
want(struct wanted *w, struct userspace *us, struct us_svc *s,
    const struct pin_ip *ip, uint16_t port, int external)
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
	l->external = (uint32_t)external;
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

static void
wanted_of(struct wanted *w, struct userspace *us, struct us_svc *s)
{
	uint32_t i;

	if (s->protocol != PIN_PROTO_TCP || s->node_port == 0)
		return;
	for (i = 0; i < us->naddresses; i++)
		if (us_svc_open(s, 1, us->addresses[i].family))
			want(w, us, s, &us->addresses[i], s->node_port, 1);
}

/* ---- opening and closing --------------------------------------------- */

static void
listener_free(struct us_listener *l)
{
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
	    "service %s/%s%s%s: %s", t->len > 0 ? "; " : "", l->external ?
	    "node port" : "port", (unsigned int)l->at.port, s->namespace,
	    s->name, s->port_name[0] != '\0' ? " port " : "", s->port_name,
	    why);
	if (n > 0)
		t->len += (size_t)n < sizeof(t->text) - t->len ? (size_t)n :
		    sizeof(t->text) - t->len - 1;
}

static void
listener_open(struct us_listener *l, struct trouble *t)
{
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	rc = pin_sock_listen(l->us->worker[0].loop, &l->at, us_flow_accept, l,
	    &l->sock, &err);
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
	for (i = 0; i < n; i++)
		wanted_of(&w, us, svcs[i]);
	wanted_sort(&w, &t);
	listeners_join(us, &w, &t);
	a->rc = trouble_end(&t, a->err);
	a->done = 1;
	(void)pthread_cond_signal(&us->applied);
	(void)pthread_mutex_unlock(&us->lock);
}
