/* SPDX-License-Identifier: BSD-2-Clause
 *
 * httpd.c -- the server of httpd.h.
 * Threads: see httpd.h; state of a front's exchanges is touched on its loop
 * only.
 * Contract: httpd.h. */
#include "httpd.h"

#include <pintle/arena.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/http/parse.h"
#include "tap.h"

#define LIST_MAX	4096

/* One per front: who waits there. */
struct lists {
	struct exchange	*later[LIST_MAX];
	struct exchange	*watch[LIST_MAX];
	uint32_t	 nlater, nwatch;
};

static struct lists	 lists[8];
static struct httpd	*the;
static struct pin_buf	*three_k, *filler;

#define BUMP(field, n)	(void)__atomic_add_fetch(&the->field, (n), \
	__ATOMIC_RELAXED)

static const struct http_header json = { { "Content-Type", 12 },
    { "application/json", 16 } };

static void
answer(struct exchange *x, int status, struct pin_buf *b)
{
	x->ops->reply(x, status, &json, 1, &b, 1);
	BUMP(ended, 1);
}

static void
on_body(struct exchange *x, int rc, struct pin_str s)
{
	char text[64];

	if (rc == PIN_ECLOSED) {
		x->ops->finish(x, 0);
		BUMP(ended, 1);
	} else if (rc != PIN_OK) {
		int n = snprintf(text, sizeof(text), "%s", pin_err_name(rc));

		answer(x, pin_err_http(rc), pin_buf_copy(text, (size_t)n));
	} else
		answer(x, 200, pin_buf_copy(s.p != NULL ? s.p : "", s.len));
}

static void
say_who(struct exchange *x)
{
	const struct pin_credentials *c = &x->head.creds;
	struct pin_out o;
	uint32_t i;

	pin_out_init(&o, x->arena, 65536);
	if (c->has_cert)
		pin_out_printf(&o, "cn=" PIN_SFMT, PIN_SARG(c->cert_cn));
	for (i = 0; c->has_cert && i < c->ncert_orgs; i++)
		pin_out_printf(&o, " o=" PIN_SFMT, PIN_SARG(c->cert_orgs[i]));
	if (c->has_peer)
		pin_out_printf(&o, "uid=%u", c->peer_uid);
	if (c->bearer.len > 0)
		pin_out_printf(&o, " bearer=" PIN_SFMT, PIN_SARG(c->bearer));
	answer(x, 200, pin_buf_copy(o.p != NULL ? o.p : "", o.len));
}

static void
say_head(struct exchange *x)
{
	struct pin_out o;
	uint32_t i;

	pin_out_init(&o, x->arena, 1u << 20);
	pin_out_printf(&o, PIN_SFMT " " PIN_SFMT "\n", PIN_SARG(x->head.method),
	    PIN_SARG(x->head.target));
	for (i = 0; i < x->head.nheaders; i++)
		pin_out_printf(&o, PIN_SFMT "=" PIN_SFMT "\n",
		    PIN_SARG(x->head.headers[i].name),
		    PIN_SARG(x->head.headers[i].value));
	answer(x, 200, pin_buf_copy(o.p, o.len));
}

static void
fill(struct exchange *x)
{
	while (x->ops->send(x, filler, 0, filler->len) > 0)
		;
}

static void
wait_in(struct exchange **list, uint32_t *n, struct exchange *x)
{
	if (*n == LIST_MAX) {
		answer(x, 503, pin_buf_copy("full", 4));
		return;
	}
	list[(*n)++] = x;
}

static int
leave(struct exchange **list, uint32_t *n, struct exchange *x)
{
	uint32_t i;

	for (i = 0; i < *n; i++)
		if (list[i] == x) {
			list[i] = list[--*n];
			return (1);
		}
	return (0);
}

/* ---- what watchers of an API server see: a write reaches all of them -- */

struct post;

struct leg {			/* a write on its way to one front */
	struct pin_msg	 msg;
	struct post	*post;
	uint32_t	 front;
};

struct post {
	struct pin_msg	 back;
	struct exchange	*x;
	struct pin_buf	*event;
	uint32_t	 left;		/* atomic */
	struct leg	 legs[8];
};

static void
feed_front(struct lists *l, struct pin_buf *b)
{
	uint64_t n = 0, lost = 0;
	uint32_t i;

	for (i = l->nwatch; i-- > 0;) {
		struct exchange *x = l->watch[i];

		if (x->ops->credit(x) <= 0) {
			lost++;
			continue;
		}
		(void)x->ops->send(x, b, 0, b->len);
		x->ops->flush(x);
		n++;
	}
	BUMP(delivered, n);
	BUMP(dropped, lost);
}

static void
on_post_done(struct pin_msg *m)
{
	struct post *p = (struct post *)(void *)m;

	answer(p->x, 201, pin_buf_copy("{}", 2));
	pin_buf_put(&p->event);
	free(p);
}

static void
on_leg(struct pin_msg *m)
{
	struct leg *g = (struct leg *)(void *)m;
	struct post *p = g->post;

	feed_front(&lists[g->front], p->event);
	if (__atomic_sub_fetch(&p->left, 1, __ATOMIC_ACQ_REL) == 0)
		pin_loop_post(p->x->loop, &p->back);
}

static void
on_object(struct exchange *x, int rc, struct pin_str s)
{
	static const char head[] = "{\"type\":\"ADDED\",\"object\":";
	struct post *p;
	uint32_t i;
	size_t n;

	if (rc != PIN_OK) {
		on_body(x, rc, s);
		return;
	}
	p = pin_xcalloc(1, sizeof(*p));
	p->back.fn = on_post_done;
	p->x = x;
	p->left = the->nloops;
	n = s.len + sizeof(head) - 1 + 2;
	p->event = pin_buf_new(n < 1400 ? 1400 : n);
	memset(p->event->data, ' ', p->event->len);
	memcpy(p->event->data, head, sizeof(head) - 1);
	memcpy(p->event->data + sizeof(head) - 1, s.p, s.len);
	p->event->data[p->event->len - 2] = '}';
	p->event->data[p->event->len - 1] = '\n';
	for (i = 0; i < the->nloops; i++) {
		p->legs[i] = (struct leg){ { NULL, on_leg }, p, i };
		pin_loop_post(the->loops[i], &p->legs[i].msg);
	}
}

static void
begin(void *arg, struct exchange *x)
{
	struct pin_str path = x->head.path;
	struct lists *l = &lists[x->front];

	(void)arg;
	BUMP(begun, 1);
	if (pin_str_is(path, "/3k"))
		answer(x, 200, pin_buf_get(three_k));
	else if (pin_str_is(path, "/big")) {
		size_t len = strtoul(x->head.query.p != NULL ?
		    x->head.query.p : "0", NULL, 10);
		struct pin_buf *b = pin_buf_new(len);

		memset(b->data, 'x', len);
		answer(x, 200, b);
	} else if (pin_str_is(path, "/echo"))
		x->ops->read_body(x, 3u << 20, on_body);
	else if (pin_str_is(path, "/who"))
		say_who(x);
	else if (pin_str_is(path, "/head"))
		say_head(x);
	else if (pin_str_is(path, "/later"))
		wait_in(l->later, &l->nlater, x);
	else if (pin_str_is(path, "/api/v1/namespaces/default/configmaps") &&
	    pin_str_is(x->head.method, "POST"))
		x->ops->read_body(x, 3u << 20, on_object);
	else if (pin_str_is(path, "/watch") ||
	    pin_str_is(path, "/api/v1/namespaces/default/configmaps")) {
		x->ops->start(x, 200, &json, 1);
		x->ops->flush(x);
		wait_in(l->watch, &l->nwatch, x);
		BUMP(watching, 1);
	} else if (pin_str_is(path, "/fill")) {
		x->ops->start(x, 200, &json, 1);
		x->data = the;
		fill(x);
	} else if (pin_str_is(path, "/broken")) {
		x->ops->start(x, 200, &json, 1);
		(void)x->ops->send(x, three_k, 0, 10);
		x->ops->finish(x, 0);
		BUMP(ended, 1);
	} else
		answer(x, 404, pin_buf_copy("404 page not found\n", 19));
}

static void
credit(struct exchange *x)
{
	if (x->data == the)
		fill(x);
}

static void
gone(struct exchange *x)
{
	struct lists *l = &lists[x->front];

	BUMP(gone, 1);
	if (leave(l->watch, &l->nwatch, x))
		BUMP(watching, (uint32_t)-1);
	else if (leave(l->later, &l->nlater, x)) {
		answer(x, 503, pin_buf_copy("stopping", 8));
		return;
	}
	x->ops->finish(x, 1);
	BUMP(ended, 1);
}

/* ---- from the main thread to the fronts ------------------------------ */

struct order {
	struct pin_msg	 msg;
	struct pin_buf	*buf;
	uint32_t	 front, n;
	uint32_t	*left;		/* atomic */
};

static void
on_feed(struct pin_msg *m)
{
	struct order *o = (struct order *)(void *)m;
	uint32_t k;

	for (k = 0; k < o->n; k++)
		feed_front(&lists[o->front], o->buf);
	pin_buf_put(&o->buf);
	(void)__atomic_sub_fetch(o->left, 1, __ATOMIC_ACQ_REL);
}

static void
on_release(struct pin_msg *m)
{
	struct order *o = (struct order *)(void *)m;
	struct lists *l = &lists[o->front];

	while (l->nlater > 0)
		answer(l->later[--l->nlater], 200, pin_buf_copy("late", 4));
	(void)__atomic_sub_fetch(o->left, 1, __ATOMIC_ACQ_REL);
}

static void
order_all(struct httpd *d, void (*fn)(struct pin_msg *), struct pin_buf *b,
    uint32_t n)
{
	struct order o[8];
	uint32_t left = d->nloops, i;

	for (i = 0; i < d->nloops; i++) {
		o[i] = (struct order){ { NULL, fn }, b != NULL ?
		    pin_buf_get(b) : NULL, i, n, &left };
		pin_loop_post(d->loops[i], &o[i].msg);
	}
	while (__atomic_load_n(&left, __ATOMIC_ACQUIRE) > 0)
		tap_nap();
}

void
httpd_release(struct httpd *d)
{
	order_all(d, on_release, NULL, 0);
}

void
httpd_feed(struct httpd *d, size_t len, uint32_t n)
{
	struct pin_buf *b = pin_buf_new(len);

	memset(b->data, 'e', len);
	if (len > 0)
		b->data[len - 1] = '\n';
	order_all(d, on_feed, b, n);
	pin_buf_put(&b);
}

/* ---- open and close -------------------------------------------------- */

void
httpd_file(struct httpd *d, const char *name, const char *text,
    char path[300])
{
	struct pin_err err = PIN_ERR_INIT;

	(void)snprintf(path, 300, "%s/%s", d->dir, name);
	if (pin_path_replace(d->host, path, text, strlen(text),
	    PIN_FILE_PRIVATE, &err) != PIN_OK)
		BAIL("%s", err.text);
}

static void
make_pki(struct httpd *d)
{
	static const char *const dns[] = { "localhost", "*.pintle.test",
	    NULL };
	static const char *const ips[] = { "127.0.0.1", "::1", NULL };
	static const char *const orgs[] = { "system:masters", "second", NULL };
	struct tls_cert_spec ca = { .flags = TLS_CERT_CA, .days = 365,
	    .cn = "test-ca" };
	struct tls_cert_spec srv = { .flags = TLS_CERT_SERVER, .days = 365,
	    .cn = "server", .dns = dns, .ips = ips };
	struct tls_cert_spec cli = { .flags = TLS_CERT_CLIENT, .days = 365,
	    .cn = "alice", .orgs = orgs };
	struct pin_err err = PIN_ERR_INIT;
	char *cac, *cak, *c, *k;

	if (tls_cert_make(d->host, &ca, NULL, NULL, &cac, &cak, &err) != PIN_OK)
		BAIL("%s", err.text);
	httpd_file(d, "ca.crt", cac, d->ca);
	if (tls_cert_make(d->host, &srv, cac, cak, &c, &k, &err) != PIN_OK)
		BAIL("%s", err.text);
	httpd_file(d, "server.crt", c, d->cert);
	httpd_file(d, "server.key", k, d->key);
	free(c);
	free(k);
	if (tls_cert_make(d->host, &cli, cac, cak, &c, &k, &err) != PIN_OK)
		BAIL("%s", err.text);
	httpd_file(d, "client.crt", c, d->client_cert);
	httpd_file(d, "client.key", k, d->client_key);
	free(c);
	free(k);
	free(cac);
	free(cak);
}

void
httpd_open(struct httpd *d, uint32_t nloops, const struct http_limits *limits)
{
	static const struct exchange_handler handler = { begin, credit, gone,
	    NULL };
	struct http_server_opts o = { .nfronts = nloops, .handler = &handler };
	struct pin_err err = PIN_ERR_INIT;
	struct pin_addr any;
	char name[16];
	uint32_t i;

	memset(d, 0, sizeof(*d));
	memset(lists, 0, sizeof(lists));
	the = d;
	d->host = o.host = pin_host_real();
	d->nloops = nloops;
	(void)snprintf(d->dir, sizeof(d->dir), "%s", tap_tmp());
	make_pki(d);
	three_k = pin_buf_new(3072);
	memset(three_k->data, 'k', 3072);
	filler = pin_buf_new(1 << 16);
	memset(filler->data, 'f', filler->len);
	for (i = 0; i < nloops; i++) {
		(void)snprintf(name, sizeof(name), "front%u", i);
		if (pin_loop_open(d->host, name, &d->loops[i], &err) !=
		    PIN_OK || pin_loop_start(d->loops[i], &err) != PIN_OK)
			BAIL("%s", err.text);
	}
	o.fronts = d->loops;
	if (limits != NULL)
		o.limits = *limits;
	if (tls_server_open(d->host, d->cert, d->key, d->ca, &d->tls, &err) !=
	    PIN_OK || tls_server_open(d->host, d->cert, d->key, NULL,
	    &d->tls_plain, &err) != PIN_OK || http_server_open(&o, &d->srv,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	if (pin_addr_parse("127.0.0.1:0", &any, &err) != PIN_OK ||
	    http_server_listen(d->srv, &any, d->tls, &d->mutual, &err) !=
	    PIN_OK || http_server_listen(d->srv, &any, d->tls_plain,
	    &d->server_only, &err) != PIN_OK)
		BAIL("%s", err.text);
	d->local.family = 1;
	(void)snprintf(d->local.path, sizeof(d->local.path), "%.90s/sock",
	    d->dir);
	if (http_server_listen(d->srv, &d->local, NULL, NULL, &err) != PIN_OK)
		BAIL("%s", err.text);
}

void
httpd_close(struct httpd *d, uint64_t grace_ms)
{
	uint32_t i;

	http_server_close(&d->srv, grace_ms);
	for (i = 0; i < d->nloops; i++) {
		pin_loop_stop(d->loops[i]);
		pin_loop_close(&d->loops[i]);
	}
	tls_server_close(&d->tls);
	tls_server_close(&d->tls_plain);
	pin_buf_put(&three_k);
	pin_buf_put(&filler);
}
