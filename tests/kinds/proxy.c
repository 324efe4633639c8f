/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proxy.c -- the contract of the kind `proxy`, against every plugin of it,
 * with real sockets on loopback.
 * Contract: pintle/proxy.h, docs/abi/proxy.md. */
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <pintle/proxy.h>

#include "core/config/config_int.h"
#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "netkit.h"
#include "tap.h"

#define BULK		((size_t)8 << 20)
#define PORTS_MAX	16
#define WAIT_MS		NET_WAIT_MS

static const struct fixture {
	const char	*dir, *name, *conf;
	int		 whole;		/* more than the contract asks for */
} fixtures[] = {
	{ "plugins", "userspace", "", 1 },
	{ "plugins", "userspace", "threads=2\nbuffer-max=1\n", 1 },
	{ "tests/plugins", "naive", "", 0 },
};

/* ---- the plugin ------------------------------------------------------ */

static struct {
	const struct pin_plugin *plugin;
	const struct pin_proxy_ops *ops;
	struct pin_conf	*conf;
	struct pin_env	*env;
	void		*self;
} px;

/* Lines of name=value. */
static void
px_options(const char *text)
{
	struct pin_report rep = { 0 };
	const struct pin_option *o;
	struct pin__value *v;
	char name[64], value[64];

	px.conf = pin__conf_new(px.plugin->options, "test");
	for (; *text != '\0'; text += strcspn(text, "\n") + 1) {
		if (sscanf(text, "%63[^=]=%63[^\n]", name, value) != 2 ||
		    (o = pin__option_find(px.conf->options, name)) == NULL)
			BAIL("option: %s", text);
		v = &px.conf->value[o - px.conf->options];
		if (pin__value_parse(v, o, value, NULL, "test", &rep) != 0)
			BAIL("option %s=%s", name, value);
		v->given = 1;
	}
	if (pin__conf_finish(px.conf, NULL, &rep) != PIN_OK)
		BAIL("options: %s", rep.line[0].text);
	pin_report_fini(&rep);
}

static void
px_open(const struct fixture *f, const char *more)
{
	struct pin_err err = PIN_ERR_INIT;
	char path[4096], conf[1024];
	void *so;

	snprintf(path, sizeof(path), "%s/%s/proxy/%s.so", tap_build(),
	    f->dir, f->name);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		BAIL("%s", dlerror());
	px.plugin = dlsym(so, "pin_plugin");
	px.ops = px.plugin->ops;
	px.env = pin__env_new(pin_host_real(), "proxy", f->name, tap_tmp(),
	    NULL);
	snprintf(conf, sizeof(conf), "%s%s", f->conf, f->whole ? more : "");
	px_options(conf);
	if (px.plugin->open(px.env, px.conf, &px.self, &err) != PIN_OK)
		BAIL("%s: %s", f->name, err.text);
}

static void
px_close(void)
{
	px.plugin->close(px.self);
	pin_conf_free(&px.conf);
	pin__env_free(&px.env);
}

/* ---- the state ------------------------------------------------------- */

static struct pin_service_port sp[PORTS_MAX];
static struct pin_endpoint ep[PORTS_MAX][4];
static struct pin_ip cluster_ip = { .family = 4, .ip = { 10, 96, 0, 9 } };
static uint32_t nsp;

static struct pin_service_port *
svc(const char *name, uint16_t node_port)
{
	struct pin_service_port *p = &sp[nsp];

	memset(p, 0, sizeof(*p));
	p->size = sizeof(*p);
	p->protocol = PIN_PROTO_TCP;
	p->namespace = PIN_STR("default");
	p->name = pin_str(name);
	p->port_name = PIN_STR("http");
	p->cluster_ips = &cluster_ip;
	p->ncluster_ips = 1;
	p->port = 80;
	p->node_port = node_port;
	p->endpoints = ep[nsp++];
	return (p);
}

static void
to(struct pin_service_port *p, uint16_t port, uint32_t flags)
{
	struct pin_endpoint *e = &ep[p - sp][p->nendpoints++];

	memset(e, 0, sizeof(*e));
	e->ip.family = 4;
	e->ip.ip[0] = 127;
	e->ip.ip[3] = 1;
	e->port = port;
	e->flags = flags;
	e->local = (flags & PIN_ENDPOINT_LOCAL) != 0;
}

/* What was said by svc and to, once; then it is forgotten. */
static int
apply(struct pin_err *err)
{
	struct pin_proxy_state st = { .size = sizeof(st), .nports = nsp,
	    .ports = sp };
	int rc;

	memset(err, 0, sizeof(*err));
	rc = px.ops->apply(px.self, &st, err);
	memset(ep, 0xee, sizeof(ep));	/* nothing may be kept of it */
	nsp = 0;
	return (rc);
}

static void
applies(void)
{
	struct pin_err err;

	CHECK_INT(apply(&err), PIN_OK);
	CHECK_STR(err.text, "");
}

static struct backend a = { .id = 'a' }, b = { .id = 'b' };

/* ---- clients --------------------------------------------------------- */

/* Who answers there; 0: nobody. The connection stays open in *fd. */
static char
ask(uint16_t port, int *fd)
{
	char id = 0;

	*fd = dial(port);
	if (*fd >= 0 && recv(*fd, &id, 1, 0) != 1) {
		(void)close(*fd);
		*fd = -1;
		id = 0;
	}
	return (id);
}

static char
who(uint16_t port)
{
	int fd;
	char id = ask(port, &fd);

	if (fd >= 0)
		(void)close(fd);
	return (id);
}

/* A connection still works. */
static int
echoes(int fd)
{
	char buf[5] = { 0 };

	return (send(fd, "ping", 4, MSG_NOSIGNAL) == 4 &&
	    recv(fd, buf, 4, MSG_WAITALL) == 4 && strcmp(buf, "ping") == 0);
}

static int
refused(uint16_t port)
{
	int fd = dial(port);

	if (fd < 0)
		return (1);
	(void)close(fd);
	return (0);
}

struct bulk {
	int		 fd;
	size_t		 sent;
};

static void *
bulk_send(void *arg)
{
	struct bulk *k = arg;
	unsigned char buf[10007];
	size_t i, n;
	ssize_t got;

	while (k->sent < BULK) {
		n = BULK - k->sent < sizeof(buf) ? BULK - k->sent :
		    sizeof(buf);
		for (i = 0; i < n; i++)
			buf[i] = (unsigned char)((k->sent + i) * 2654435761u
			    >> 13);
		got = send(k->fd, buf, n, MSG_NOSIGNAL);
		if (got <= 0)
			break;
		k->sent += (size_t)got;
	}
	(void)shutdown(k->fd, SHUT_WR);
	return (NULL);
}

/* Everything comes back, after the end of our side too. */
static void
check_bulk(int fd)
{
	struct bulk k = { .fd = fd };
	unsigned char buf[30011], last = 0;
	size_t got = 0, bad = 0;
	ssize_t n, i;
	pthread_t t;

	if (pthread_create(&t, NULL, bulk_send, &k) != 0)
		BAIL("no thread");
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (i = 0; i < n; i++, got++) {
			last = buf[i];
			bad += got < BULK && last != (unsigned char)(got *
			    2654435761u >> 13);
		}
	(void)pthread_join(t, NULL);
	CHECK_INT(n, 0);
	CHECK_UINT(k.sent, BULK);
	CHECK_UINT(got, BULK + 1);
	CHECK_UINT(bad, 0);
	CHECK_INT(last, 'E');
}

/* ---- the contract ---------------------------------------------------- */

static uint16_t np;			/* the node port of most of it */

static void
both(struct pin_service_port *p)
{
	to(p, a.port, PIN_ENDPOINT_CLUSTER);
	to(p, b.port, PIN_ENDPOINT_CLUSTER | PIN_ENDPOINT_LOCAL);
}

static void
only(const char *name, uint16_t node_port, uint16_t port)
{
	to(svc(name, node_port), port, PIN_ENDPOINT_CLUSTER);
}

static void
test_reach(const struct fixture *f)
{
	uint32_t i, na = 0, nb = 0;
	int fd;

	CASE("%s: a node port reaches an endpoint, unchanged both ways, "
	    "half-closed too", f->name) {
		only("web", np, a.port);
		applies();
		CHECK_INT(ask(np, &fd), 'a');
		CHECK(echoes(fd));
		check_bulk(fd);
		(void)close(fd);
	}
	CASE("%s: every endpoint gets new connections", f->name) {
		both(svc("web", np));
		applies();
		for (i = 0; i < 64; i++)
			switch (who(np)) {
			case 'a': na++; break;
			case 'b': nb++; break;
			default: break;
			}
		CHECK_UINT(na + nb, 64);
		CHECK(na >= 10 && nb >= 10);
	}
	CASE("%s: under Local only what is here is asked", f->name) {
		struct pin_service_port *p = svc("web", np);

		p->local_only = 1;
		both(p);
		applies();
		for (i = 0; i < 16; i++)
			CHECK_INT(who(np), 'b');
	}
	CASE("%s: with affinity a client stays", f->name) {
		struct pin_service_port *p = svc("web", np);
		char first;

		p->affinity_s = 600;
		both(p);
		applies();
		first = who(np);
		CHECK(first != 0);
		for (i = 0; i < 16; i++)
			CHECK_INT(who(np), first);
		p = svc("web", np);
		p->affinity_s = 600;
		to(p, first == 'a' ? b.port : a.port, PIN_ENDPOINT_CLUSTER);
		applies();
		CHECK_INT(who(np), first == 'a' ? 'b' : 'a');
	}
}

static void
test_change(const struct fixture *f)
{
	uint16_t other = free_port();
	uint32_t i, before;
	int fd, fd2;

	CASE("%s: an established connection survives every change", f->name) {
		only("web", np, a.port);
		applies();
		CHECK_INT(ask(np, &fd), 'a');
		applies();		/* all of it gone */
		CHECK(echoes(fd));
		only("web", np, b.port);
		applies();
		CHECK(echoes(fd));
		CHECK_INT(ask(np, &fd2), 'b');
		only("another", np, a.port);
		only("web", other, b.port);
		applies();
		CHECK(echoes(fd) && echoes(fd2));
		(void)close(fd2);
		check_bulk(fd);
		(void)close(fd);
	}
	CASE("%s: the port was given to another service", f->name) {
		CHECK_INT(who(np), 'a');
		CHECK_INT(who(other), 'b');
	}
	CASE("%s: a removed endpoint gets no new connection", f->name) {
		both(svc("web", np));
		applies();
		only("web", np, b.port);
		applies();
		before = atomic_load(&a.accepted);
		for (i = 0; i < 16; i++)
			CHECK_INT(who(np), 'b');
		CHECK_UINT(atomic_load(&a.accepted), before);
	}
	CASE("%s: what is in the state no more is refused", f->name) {
		only("web", np, b.port);
		applies();
		CHECK(refused(other));
		CHECK_INT(who(np), 'b');
		applies();
		CHECK(refused(np));
	}
	CASE("%s: a port nobody answers at is refused", f->name) {
		(void)svc("web", np);
		applies();
		CHECK_INT(who(np), 0);
		svc("web", np)->local_only = 1;
		to(&sp[0], a.port, PIN_ENDPOINT_CLUSTER);
		applies();
		CHECK_INT(who(np), 0);
		only("web", np, a.port);
		applies();
		CHECK_INT(who(np), 'a');
	}
	CASE("%s: the same state again changes nothing", f->name) {
		CHECK_INT(ask(np, &fd), 'a');
		for (i = 0; i < 50; i++) {
			only("web", np, a.port);
			applies();
		}
		CHECK(echoes(fd));
		(void)close(fd);
	}
}

static void
test_conflict(const struct fixture *f)
{
	uint16_t taken = 0, last = free_port();
	struct pin_err err;
	char want[32];
	int fd = listen_at(&taken);

	CASE("%s: a port that cannot be opened is named, the others are open",
	    f->name) {
		only("a-web", np, a.port);
		only("b-conflict", taken, a.port);
		only("c-web", last, b.port);
		CHECK(apply(&err) < 0);
		snprintf(want, sizeof(want), "%u", (unsigned int)taken);
		CHECK(strstr(err.text, want) != NULL);
		CHECK(strstr(err.text, "default/b-conflict") != NULL);
		CHECK(strstr(err.text, "-web") == NULL);
		CHECK_INT(who(np), 'a');
		CHECK_INT(who(last), 'b');
	}
	CASE("%s: said again, it is opened when it has become free", f->name) {
		only("a-web", np, a.port);
		only("b-conflict", taken, a.port);
		CHECK(apply(&err) < 0);
		(void)close(fd);
		only("a-web", np, a.port);
		only("b-conflict", taken, a.port);
		applies();
		CHECK_INT(who(taken), 'a');
	}
}

/* More than the kind asks for. */
static void
test_more(const struct fixture *f)
{
	uint16_t dead = free_port();
	int i, fd, held[8];
	char c;

	CASE("%s: an endpoint that refuses is passed over", f->name) {
		struct pin_service_port *p = svc("web", np);

		to(p, dead, PIN_ENDPOINT_CLUSTER);
		to(p, a.port, PIN_ENDPOINT_CLUSTER);
		applies();
		for (i = 0; i < 16; i++)
			CHECK_INT(who(np), 'a');
	}
	CASE("%s: all refuse: the client is told by the end", f->name) {
		only("web", np, dead);
		applies();
		CHECK_INT(who(np), 0);
	}
	px_close();
	px_open(f, "connections-max=8\nidle-timeout=500ms\n");
	CASE("%s: more than connections-max are closed, and later served "
	    "again; idle ones end", f->name) {
		only("web", np, a.port);
		applies();
		for (i = 0; i < 8; i++)
			CHECK_INT(ask(np, &held[i]), 'a');
		CHECK_INT(who(np), 0);
		fd = held[0];
		CHECK_INT(recv(fd, &c, 1, 0), 0);	/* idle */
		for (i = 0; i < 8; i++)
			(void)close(held[i]);
		WAIT(who(np) == 'a', WAIT_MS);
	}
	px_close();
	px_open(f, "");
}

/* ---- datagrams --------------------------------------------------------- */

static struct backend ua, ub;

static struct pin_service_port *
udp_svc(uint16_t port, int with_a, int with_b)
{
	struct pin_service_port *p = svc("dns", port);

	p->protocol = PIN_PROTO_UDP;
	if (with_a)
		to(p, ua.port, PIN_ENDPOINT_CLUSTER);
	if (with_b)
		to(p, ub.port, PIN_ENDPOINT_CLUSTER | PIN_ENDPOINT_LOCAL);
	return (p);
}

static void
test_datagrams(const struct fixture *f)
{
	uint16_t port = free_port(), mine;
	int fd[16], i, na = 0;
	char first;

	for (i = 0; i < 16; i++)
		fd[i] = udp_open(&mine);
	CASE("%s: datagrams reach endpoints and come back; a client stays, "
	    "clients are spread", f->name) {
		(void)udp_svc(port, 1, 1);
		applies();
		for (i = 0; i < 16; i++) {
			first = udp_ask(fd[i], port);
			CHECK(first == 'A' || first == 'B');
			CHECK_INT(udp_ask(fd[i], port), first);
			na += first == 'A';
		}
		CHECK_INT(na, 8);
	}
	CASE("%s: an endpoint that goes is left at once", f->name) {
		(void)udp_svc(port, 0, 1);
		applies();
		for (i = 0; i < 16; i++)
			CHECK_INT(udp_ask(fd[i], port), 'B');
	}
	CASE("%s: datagrams with affinity, and under Local", f->name) {
		udp_svc(port, 1, 1)->affinity_s = 600;
		applies();
		for (i = 0, na = 0, first = 0; i < 16; i++) {
			(void)close(fd[i]);	/* they are known */
			fd[i] = udp_open(&mine);
			if (i == 0)
				first = udp_ask(fd[i], port);
			na += udp_ask(fd[i], port) == first;
		}
		CHECK_INT(na, 16);
		udp_svc(port, 1, 1)->local_only = 1;
		applies();
		for (i = 0; i < 16; i++)
			CHECK_INT(udp_ask(fd[i], port), 'B');
	}
	CASE("%s: TCP and UDP share a port number", f->name) {
		(void)udp_svc(port, 1, 0);
		only("web", port, a.port);
		applies();
		CHECK_INT(udp_ask(fd[0], port), 'A');
		CHECK_INT(who(port), 'a');
	}
	for (i = 0; i < 16; i++)
		(void)close(fd[i]);
}

/* Two remembered clients, for half a second. */
static void
test_datagram_limits(const struct fixture *f)
{
	uint16_t port = free_port(), mine;
	int i, fd[4];
	char was;

	px_close();
	px_open(f, "udp-flows-max=2\nudp-idle-timeout=500ms\n");
	for (i = 0; i < 4; i++)
		fd[i] = udp_open(&mine);
	CASE("%s: past udp-flows-max the oldest client is forgotten, and all "
	    "are answered", f->name) {
		(void)udp_svc(port, 1, 1);
		applies();
		CHECK_INT(udp_ask(fd[0], port), 'A');
		CHECK_INT(udp_ask(fd[1], port), 'B');
		CHECK_INT(udp_ask(fd[0], port), 'A');
		CHECK_INT(udp_ask(fd[2], port), 'A');	/* 1 goes */
		CHECK_INT(udp_ask(fd[0], port), 'A');
		CHECK_INT(udp_ask(fd[3], port), 'B');	/* 2 goes */
		CHECK_INT(udp_ask(fd[2], port), 'A');	/* 0 goes */
		CHECK_INT(udp_ask(fd[0], port), 'B');
	}
	CASE("%s: after udp-idle-timeout a client is a new one", f->name) {
		was = udp_ask(fd[0], port);
		mine = (uint16_t)udp_seen_port();
		CHECK(!udp_is_free(mine));
		WAIT(udp_is_free(mine), WAIT_MS);
		CHECK(udp_ask(fd[0], port) != was);
	}
	for (i = 0; i < 4; i++)
		(void)close(fd[i]);
	px_close();
	px_open(f, "");
}

/* Whether the plugin knows what it serves. */
static void
test_serves(const struct fixture *f)
{
	struct pin_ip lo = { .family = 4, .ip = { 127, 0, 0, 1 } };
	struct pin_proxy_state st = { .size = sizeof(st), .nports = 1,
	    .ports = sp, .node_ips = &lo, .nnode_ips = 1 };
	struct pin_service_port *p;
	struct pin_err err = PIN_ERR_INIT;

	CASE("%s: an external IP of this node is served at the Service's "
	    "port, others are not", f->name) {
		struct pin_ip ext[2] = { lo, { .family = 4,
		    .ip = { 192, 0, 2, 200 } } };

		p = svc("web", 0);
		p->port = free_port();
		p->external_ips = ext;
		p->nexternal_ips = 2;
		to(p, a.port, PIN_ENDPOINT_CLUSTER);
		CHECK_INT(px.ops->apply(px.self, &st, &err), PIN_OK);
		CHECK_STR(err.text, "");
		CHECK_INT(who(p->port), 'a');
		CHECK_INT(px.ops->serves(px.self, &lo, p->port,
		    PIN_PROTO_TCP), 1);
		CHECK_INT(px.ops->serves(px.self, &lo, p->port,
		    PIN_PROTO_UDP), 0);
		CHECK_INT(px.ops->serves(px.self, &ext[1], p->port,
		    PIN_PROTO_TCP), 0);
		CHECK_INT(px.ops->serves(px.self, &cluster_ip, p->port,
		    PIN_PROTO_TCP), 0);
		nsp = 0;
		applies();
	}
}

/* The last: closes the plugin. */
static void
test_close(const struct fixture *f)
{
	uint64_t t0;
	uint16_t port = np;
	int fd, held;
	char c;

	CASE("%s: closing ends connections and leaves no port", f->name) {
		only("web", np, a.port);
		applies();
		CHECK_INT(ask(np, &held), 'a');
		t0 = tap_now_ms();
		px_close();
		CHECK(tap_now_ms() - t0 < WAIT_MS);
		CHECK(recv(held, &c, 1, 0) <= 0);
		(void)close(held);
		fd = listen_at(&port);
		CHECK(fd >= 0);
		(void)close(fd);
	}
}

int
main(int argc, char **argv)
{
	size_t i;

	if (argc > 1)
		return (net_program(argc, argv));
	backend_open(&a);
	backend_open(&b);
	datagrams_open(&ua, 'A');
	datagrams_open(&ub, 'B');
	for (i = 0; i < PIN_LEN(fixtures); i++) {
		np = free_port();
		px_open(&fixtures[i], "");
		test_reach(&fixtures[i]);
		test_change(&fixtures[i]);
		test_conflict(&fixtures[i]);
		if (fixtures[i].whole) {
			test_more(&fixtures[i]);
			test_datagrams(&fixtures[i]);
			test_datagram_limits(&fixtures[i]);
			test_serves(&fixtures[i]);
		}
		test_close(&fixtures[i]);
	}
	return (tap_done());
}
