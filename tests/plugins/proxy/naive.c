/* SPDX-License-Identifier: BSD-2-Clause
 *
 * naive -- test plugin: a proxy in its plainest form, a thread for each node
 * port and one for each connection, so that the contract of the kind has two
 * readings. IPv4 and TCP only; no limits, no deadlines.
 * Threads: as said; `lock` guards everything. Contract: pintle/proxy.h. */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pintle/proxy.h>

#define CLIENTS_MAX	256		/* with affinity, of one port */

static pin_open_fn naive_open;
static pin_close_fn naive_close;
static pin_proxy_apply_fn naive_apply;

static const struct pin_proxy_ops naive_ops = {
	.size = sizeof(naive_ops), .apply = naive_apply,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(PROXY),
	.flags = PIN_PLUGIN_RESIDENT,
	.name = "naive", .version = "1.0",
	.summary = "a thread for each connection, for tests",
	.ops = &naive_ops, .open = naive_open, .close = naive_close,
};

struct port {
	struct port	*next;
	struct naive	*n;
	uint16_t	 number;
	int		 fd, quit[2];
	pthread_t	 thread;
	struct pin_endpoint *eps;	/* those that may be chosen */
	uint32_t	 neps, turn, sticky, seen, nclients;
	struct { uint32_t client; struct pin_endpoint to; }
			 client[CLIENTS_MAX];
};

struct conn {
	struct naive	*n;
	int		 client;
	struct pin_endpoint to;
};

struct naive {
	pthread_mutex_t	 lock;
	pthread_cond_t	 idle;
	struct port	*ports;
	uint32_t	 conns;
	int		 quit[2];	/* closed: everything ends */
};

/* ---- one connection -------------------------------------------------- */

static int
write_all(int fd, const char *p, ssize_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= n) {
		n = send(fd, p, (size_t)len, MSG_NOSIGNAL);
		if (n <= 0)
			return (0);
	}
	return (1);
}

static void
relay(struct naive *n, int a, int b)
{
	struct pollfd p[3] = { { .fd = a, .events = POLLIN },
	    { .fd = b, .events = POLLIN },
	    { .fd = n->quit[0], .events = POLLIN } };
	char buf[16384];
	ssize_t got;
	int i, open = 2;

	while (open > 0 && poll(p, 3, -1) > 0 && p[2].revents == 0)
		for (i = 0; i < 2; i++) {
			if (p[i].fd < 0 || p[i].revents == 0)
				continue;
			got = recv(p[i].fd, buf, sizeof(buf), 0);
			if (got < 0)
				return;
			if (got == 0) {
				(void)shutdown(i == 0 ? b : a, SHUT_WR);
				p[i].fd = -1;
				open--;
			} else if (!write_all(i == 0 ? b : a, buf, got)) {
				return;
			}
		}
}

static void *
conn_main(void *arg)
{
	struct conn *c = arg;
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(c->to.port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memcpy(&sin.sin_addr, c->to.ip.ip, 4);
	if (connect(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) == 0)
		relay(c->n, c->client, fd);
	(void)close(fd);
	(void)close(c->client);
	(void)pthread_mutex_lock(&c->n->lock);
	c->n->conns--;
	(void)pthread_cond_signal(&c->n->idle);
	(void)pthread_mutex_unlock(&c->n->lock);
	free(c);
	return (NULL);
}

/* ---- one port -------------------------------------------------------- */

static int
pick(struct port *p, uint32_t client, struct pin_endpoint *out)
{
	uint32_t i, k;

	if (p->neps == 0)
		return (0);
	for (i = 0; p->sticky && i < p->nclients; i++)
		for (k = 0; p->client[i].client == client && k < p->neps; k++)
			if (memcmp(&p->eps[k].ip, &p->client[i].to.ip,
			    sizeof(p->eps[k].ip)) == 0 && p->eps[k].port ==
			    p->client[i].to.port) {
				*out = p->eps[k];
				return (1);
			}
	*out = p->eps[p->turn++ % p->neps];
	if (p->sticky && p->nclients < CLIENTS_MAX) {
		p->client[p->nclients].client = client;
		p->client[p->nclients++].to = *out;
	}
	return (1);
}

static void
begin(struct port *p, int fd, uint32_t client)
{
	struct conn *c = pin_xcalloc(1, sizeof(*c));
	pthread_t t;
	int ok;

	c->n = p->n;
	c->client = fd;
	(void)pthread_mutex_lock(&p->n->lock);
	ok = pick(p, client, &c->to) && pthread_create(&t, NULL, conn_main,
	    c) == 0;
	p->n->conns += (uint32_t)ok;
	(void)pthread_mutex_unlock(&p->n->lock);
	if (ok) {
		(void)pthread_detach(t);
		return;
	}
	(void)close(fd);
	free(c);
}

static void *
port_main(void *arg)
{
	struct port *p = arg;
	struct pollfd poll_fds[2] = { { .fd = p->fd, .events = POLLIN },
	    { .fd = p->quit[0], .events = POLLIN } };
	struct sockaddr_in sin;
	socklen_t len;
	int fd;

	while (poll(poll_fds, 2, -1) > 0 && poll_fds[1].revents == 0) {
		len = sizeof(sin);
		fd = accept(p->fd, (struct sockaddr *)(void *)&sin, &len);
		if (fd >= 0)
			begin(p, fd, sin.sin_addr.s_addr);
	}
	return (NULL);
}

static int
port_open(struct port *p, const struct pin_service_port *sp,
    struct pin_err *err)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(sp->node_port) };
	int on = 1;

	p->number = sp->node_port;
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(p->fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) != 0 ||
	    listen(p->fd, 64) != 0 || pipe(p->quit) != 0)
		return (pin_err_os(err, PIN_ELOCKED, errno, "node port %u of "
		    PIN_SFMT "/" PIN_SFMT, (unsigned int)sp->node_port,
		    PIN_SARG(sp->namespace), PIN_SARG(sp->name)));
	PIN_ASSERT(pthread_create(&p->thread, NULL, port_main, p) == 0);
	return (PIN_OK);
}

/* Without the lock: its thread may want it. */
static void
port_close(struct port *p)
{
	if (p->quit[1] > 0) {
		(void)close(p->quit[1]);
		(void)pthread_join(p->thread, NULL);
		(void)close(p->quit[0]);
	}
	(void)close(p->fd);
	free(p->eps);
	free(p);
}

/* ---- the whole ------------------------------------------------------- */

static void
port_update(struct port *p, const struct pin_service_port *sp)
{
	uint32_t flag = sp->local_only ? PIN_ENDPOINT_LOCAL :
	    PIN_ENDPOINT_CLUSTER, i;

	p->seen = 1;
	p->sticky = sp->affinity_s > 0;
	p->neps = 0;
	free(p->eps);
	p->eps = pin_xcalloc(sp->nendpoints + 1, sizeof(*p->eps));
	for (i = 0; i < sp->nendpoints; i++)
		if ((sp->endpoints[i].flags & flag) != 0)
			p->eps[p->neps++] = sp->endpoints[i];
}

static struct port *
port_find(struct naive *n, uint16_t number)
{
	struct port *p = n->ports;

	while (p != NULL && p->number != number)
		p = p->next;
	return (p);
}

/* Those that were not seen. */
static struct port *
ports_take(struct naive *n)
{
	struct port **at = &n->ports, *p, *out = NULL;

	while ((p = *at) != NULL) {
		if (p->seen) {
			p->seen = 0;
			at = &p->next;
			continue;
		}
		*at = p->next;
		p->next = out;
		out = p;
	}
	return (out);
}

static int
has_any(const struct pin_service_port *sp)
{
	uint32_t flag = sp->local_only ? PIN_ENDPOINT_LOCAL :
	    PIN_ENDPOINT_CLUSTER, i;

	for (i = 0; i < sp->nendpoints; i++)
		if ((sp->endpoints[i].flags & flag) != 0)
			return (sp->node_port != 0 &&
			    sp->protocol == PIN_PROTO_TCP);
	return (0);
}

static int
naive_apply(void *self, const struct pin_proxy_state *st, struct pin_err *err)
{
	struct naive *n = self;
	const struct pin_service_port *sp;
	struct port *p, *gone;
	uint32_t i;
	int rc = PIN_OK;

	(void)pthread_mutex_lock(&n->lock);
	for (i = 0; i < st->nports; i++) {
		sp = pin_proxy_port(st, i);
		p = has_any(sp) ? port_find(n, sp->node_port) : NULL;
		if (p != NULL)
			port_update(p, sp);
	}
	gone = ports_take(n);
	(void)pthread_mutex_unlock(&n->lock);
	while ((p = gone) != NULL) {
		gone = p->next;
		port_close(p);
	}
	for (i = 0; i < st->nports; i++) {
		sp = pin_proxy_port(st, i);
		if (!has_any(sp) || port_find(n, sp->node_port) != NULL)
			continue;
		p = pin_xcalloc(1, sizeof(*p));
		p->n = n;
		port_update(p, sp);
		p->seen = 0;
		if (port_open(p, sp, err) != PIN_OK) {
			rc = PIN_ELOCKED;
			port_close(p);
			continue;
		}
		p->next = n->ports;
		n->ports = p;
	}
	return (rc);
}

static int
naive_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct naive *n = pin_xcalloc(1, sizeof(*n));

	(void)env;
	(void)conf;
	(void)err;
	PIN_ASSERT(pthread_mutex_init(&n->lock, NULL) == 0);
	PIN_ASSERT(pthread_cond_init(&n->idle, NULL) == 0);
	PIN_ASSERT(pipe(n->quit) == 0);
	*self = n;
	return (PIN_OK);
}

static void
naive_close(void *self)
{
	struct naive *n = self;
	struct pin_proxy_state none = { .size = sizeof(none) };

	(void)naive_apply(n, &none, NULL);
	(void)close(n->quit[1]);
	(void)pthread_mutex_lock(&n->lock);
	while (n->conns > 0)
		(void)pthread_cond_wait(&n->idle, &n->lock);
	(void)pthread_mutex_unlock(&n->lock);
	(void)close(n->quit[0]);
	(void)pthread_cond_destroy(&n->idle);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
}
