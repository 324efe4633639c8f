/* SPDX-License-Identifier: BSD-2-Clause
 *
 * userspace -- proxy plugin that listens on node ports, and where the system
 * and its rights allow it on cluster IPs, and moves the bytes itself: no
 * packet filter, and for node ports any POSIX system and no privileges.
 * Threads: apply on the proxy loop, which waits for the first worker to have
 * done it; workers are this plugin's own loops. Contract: pintle/proxy.h. */
#include <sys/socket.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace.h"

#define US_MAGIC	0x75737078u

static pin_open_fn us_open;
static pin_close_fn us_close;
static pin_proxy_apply_fn us_apply;
static pin_proxy_serves_fn us_does_serve;

static const struct pin_option us_options[] = {
	{ "node-port-addresses", PIN_OPT_STRINGS, 0, "0.0.0.0, ::",
	    "addresses to listen on for node ports", 0, 0 },
	{ "cluster-ips", PIN_OPT_BOOL, 0, "false", "serve cluster IPs too: "
	    "Linux, as root; leads their range to a network namespace", 0,
	    0 },
	{ "threads", PIN_OPT_INT, 0, "1", "that move bytes", 1,
	    US_WORKERS_MAX },
	{ "connections-max", PIN_OPT_INT, 0, "8192", "at once; more are "
	    "closed", 1, 1 << 20 },
	{ "buffer-max", PIN_OPT_SIZE, 0, "64Mi", "of what slow receivers have "
	    "not taken; past it, 4 KiB a direction", 0, 0 },
	{ "connect-timeout", PIN_OPT_DURATION, 0, "3s", "then the next "
	    "endpoint is tried", 1, 600000 },
	{ "idle-timeout", PIN_OPT_DURATION, 0, "24h", "of a connection "
	    "nothing moves on", 100, 0x7fffffff },
	{ "half-closed-timeout", PIN_OPT_DURATION, 0, "1h", "the same once "
	    "one side has ended", 100, 0x7fffffff },
	{ "udp-flows-max", PIN_OPT_INT, 0, "4096", "clients of UDP ports "
	    "remembered; past it the one idle longest is forgotten", 1,
	    1 << 20 },
	{ "udp-idle-timeout", PIN_OPT_DURATION, 0, "60s", "after which a "
	    "client of a UDP port is forgotten", 100, 0x7fffffff },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_proxy_ops us_ops = {
	.size = sizeof(us_ops),
	.apply = us_apply,
	.serves = us_does_serve,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(PROXY),
	.flags = PIN_PLUGIN_RESIDENT,
	.name = "userspace", .version = "1.0",
	.summary = "node ports and cluster IPs by listening and copying "
	    "bytes",
	.options = us_options, .ops = &us_ops,
	.open = us_open, .close = us_close,
};

static int
addresses(struct userspace *us, const struct pin_conf *conf,
    struct pin_err *err)
{
	uint32_t i, n = pin_conf_count(conf, "node-port-addresses");
	const char *text;
	struct pin_ip *ip;

	if (n > US_ADDRESSES_MAX)
		return (pin_err_set(err, PIN_ECONFIG,
		    "node-port-addresses: more than %d",
		    US_ADDRESSES_MAX));
	for (i = 0; i < n; i++) {
		text = pin_conf_item(conf, "node-port-addresses", i);
		ip = &us->addresses[us->naddresses++];
		if (inet_pton(AF_INET, text, ip->ip) == 1)
			ip->family = 4;
		else if (inet_pton(AF_INET6, text, ip->ip) == 1)
			ip->family = 6;
		else
			return (pin_err_set(err, PIN_ECONFIG,
			    "node-port-addresses: '%s' is no address",
			    text));
	}
	return (PIN_OK);
}

static int
workers(struct userspace *us, uint32_t n, struct pin_err *err)
{
	struct us_worker *w;
	char name[32];
	int rc = PIN_OK;

	while (us->nworkers < n && rc == PIN_OK) {
		w = &us->worker[us->nworkers];
		(void)snprintf(name, sizeof(name), "proxy-%u", us->nworkers);
		w->us = us;
		rc = pin_loop_open(us->host, name, &w->loop, err);
		if (rc != PIN_OK)
			break;
		us->nworkers++;
		w->chunk = pin_xmalloc(US_CHUNK);
		rc = pin_loop_start(w->loop, err);
	}
	return (rc);
}

static int
us_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct userspace *us = pin_xcalloc(1, sizeof(*us));
	int rc;

	us->magic = US_MAGIC;
	us->env = env;
	us->host = pin_env_host(env);
	us->flows_max = (uint32_t)pin_conf_int(conf, "connections-max");
	us->buffer_max = (uint64_t)pin_conf_int(conf, "buffer-max");
	us->connect_ns = (uint64_t)pin_conf_int(conf, "connect-timeout") *
	    1000000;
	us->idle_ns = (uint64_t)pin_conf_int(conf, "idle-timeout") * 1000000;
	us->cluster_ips = (uint32_t)pin_conf_bool(conf, "cluster-ips");
	us->udp.max = (uint32_t)pin_conf_int(conf, "udp-flows-max");
	us->udp.idle_ns = (uint64_t)pin_conf_int(conf, "udp-idle-timeout") *
	    1000000;
	us->half_ns = (uint64_t)pin_conf_int(conf, "half-closed-timeout") *
	    1000000;
	PIN_ASSERT(pthread_mutex_init(&us->lock, NULL) == 0);
	PIN_ASSERT(pthread_cond_init(&us->applied, NULL) == 0);
	rc = addresses(us, conf, err);
	if (rc == PIN_OK)
		rc = workers(us, (uint32_t)pin_conf_int(conf, "threads"),
		    err);
	if (rc == PIN_OK)
		*self = us;
	else
		us_close(us);
	return (rc);
}

static int
say(struct userspace *us, const struct pin_proxy_state *st,
    struct pin_err *err)
{
	struct us_apply a = { .us = us, .state = st, .err = err };

	a.msg.fn = us_apply_on_loop;
	pin_loop_post(us->worker[0].loop, &a.msg);
	(void)pthread_mutex_lock(&us->lock);
	while (!a.done)
		(void)pthread_cond_wait(&us->applied, &us->lock);
	(void)pthread_mutex_unlock(&us->lock);
	return (a.rc);
}

static int
us_apply(void *self, const struct pin_proxy_state *st, struct pin_err *err)
{
	struct userspace *us = self;

	PIN_VALID(us, US_MAGIC);
	return (say(us, st, err));
}

static int
us_does_serve(void *self, const struct pin_ip *ip, uint16_t port,
    uint32_t protocol)
{
	struct pin_addr at = { .family = ip->family, .port = port };
	struct userspace *us = self;
	int yes;

	PIN_VALID(us, US_MAGIC);
	memcpy(at.ip, ip->ip, sizeof(at.ip));
	(void)pthread_mutex_lock(&us->lock);
	yes = us_serves(us, &at, protocol);
	(void)pthread_mutex_unlock(&us->lock);
	return (yes);
}

static void
us_close(void *self)
{
	struct userspace *us = self;
	uint32_t i;

	PIN_VALID(us, US_MAGIC);
	/* First no new flows, then what was handed over is with its worker. */
	if (us->nworkers > 0 && pin_loop_here(us->worker[0].loop) == 0)
		(void)say(us, NULL, NULL);
	for (i = 0; i < us->nworkers; i++) {
		us->worker[i].stop.fn = us_flow_stop_all;
		pin_loop_post(us->worker[i].loop, &us->worker[i].stop);
		pin_loop_close(&us->worker[i].loop);
		free(us->worker[i].chunk);
	}
	us_net_close(&us->net);		/* clients have heard the end */
	free(us->svcs);
	free(us->listeners);
	(void)pthread_mutex_destroy(&us->lock);
	(void)pthread_cond_destroy(&us->applied);
	us->magic = 0;
	free(us);
}
