/* SPDX-License-Identifier: BSD-2-Clause
 *
 * udp.c -- datagrams: one client of one listener is a flow with a socket of
 * its own to one endpoint, so that answers find back. A flow is forgotten
 * after a while without datagrams, at the limit the one idle longest, and as
 * soon as its endpoint may get nothing more.
 * First worker. Contract: userspace.h. */
#include <stdlib.h>
#include <string.h>

#include "userspace.h"

#define UDP_MAGIC	0x75647066u

struct us_udp_flow {
	uint32_t	 magic, bucket;
	struct us_listener *l;
	struct us_udp_flow *next;	/* in its bucket */
	struct us_udp_flow *older, *newer;
	struct pin_addr	 client;
	struct pin_endpoint to;
	struct pin_sock	*sock;
	uint64_t	 moved_ns;
};

static uint32_t
hash(const struct us_listener *l, const struct pin_addr *a)
{
	uint32_t h = 2166136261u, i;	/* FNV-1a */

	for (i = 0; i < (a->family == 4 ? 4u : 16u); i++)
		h = (h ^ a->ip[i]) * 16777619u;
	h = (h ^ (a->port & 255)) * 16777619u;
	h = (h ^ (a->port >> 8)) * 16777619u;
	h = (h ^ l->at.port) * 16777619u;
	h = (h ^ l->at.ip[3]) * 16777619u;
	return ((h ^ h >> 15) % US_UDP_BUCKETS);
}

/* ---- the table ------------------------------------------------------- */

static void
age_unlink(struct us_udp *u, struct us_udp_flow *f)
{
	if (f->older != NULL)
		f->older->newer = f->newer;
	else
		u->oldest = f->newer;
	if (f->newer != NULL)
		f->newer->older = f->older;
	else
		u->newest = f->older;
	f->older = f->newer = NULL;
}

static void
age_link(struct us_udp *u, struct us_udp_flow *f)
{
	f->older = u->newest;
	if (u->newest != NULL)
		u->newest->newer = f;
	else
		u->oldest = f;
	u->newest = f;
}

static void
flow_moved(struct userspace *us, struct us_udp_flow *f)
{
	f->moved_ns = pin_host_now(us->host);
	if (us->udp.newest == f)
		return;
	age_unlink(&us->udp, f);
	age_link(&us->udp, f);
}

static void
flow_close(struct userspace *us, struct us_udp_flow *f)
{
	struct us_udp *u = &us->udp;
	struct us_udp_flow **p = &u->bucket[f->bucket];

	PIN_VALID(f, UDP_MAGIC);
	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	age_unlink(u, f);
	u->n--;
	pin_sock_close(&f->sock);
	f->magic = 0;
	free(f);
}

static struct us_udp_flow *
flow_find(struct us_udp *u, const struct us_listener *l, uint32_t bucket,
    const struct pin_addr *client)
{
	struct us_udp_flow *f = u->bucket[bucket];

	while (f != NULL && (f->l != l || f->client.port != client->port ||
	    f->client.family != client->family || memcmp(f->client.ip,
	    client->ip, sizeof(client->ip)) != 0))
		f = f->next;
	return (f);
}

/* ---- datagrams ------------------------------------------------------- */

static void
server_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	struct us_udp_flow *f = arg;
	struct us_listener *l = f->l;
	struct userspace *us = l->us;
	uint8_t *chunk = us->worker[0].chunk;
	int64_t n;
	int i;

	(void)events;
	PIN_VALID(f, UDP_MAGIC);
	for (i = 0; i < US_UDP_TURN; i++) {
		n = pin_dgram_recv(sock, chunk, US_CHUNK, NULL);
		if (n == PIN_EAGAIN)
			return;
		if (n < 0) {		/* nobody there: next time another */
			flow_close(us, f);
			return;
		}
		flow_moved(us, f);
		(void)pin_dgram_send(l->sock, chunk, (size_t)n, &f->client);
	}
}

static void
tick(struct pin_timer *t)
{
	struct userspace *us = (struct userspace *)(void *)((char *)t -
	    offsetof(struct userspace, udp.timer));
	struct us_udp *u = &us->udp;
	uint64_t now = pin_host_now(us->host);

	while (u->oldest != NULL && now - u->oldest->moved_ns >= u->idle_ns)
		flow_close(us, u->oldest);
	if (u->oldest != NULL)
		pin_timer_start(t, (u->idle_ns - (now - u->oldest->moved_ns)) /
		    1000000 + 1);
}

static void
prepare(struct userspace *us)
{
	struct us_udp *u = &us->udp;

	if (u->bucket != NULL)
		return;
	u->bucket = pin_xcalloc(US_UDP_BUCKETS, sizeof(*u->bucket));
	pin_timer_init(&u->timer, us->worker[0].loop, tick);
}

/* Where descriptors have run out, the oldest flow gives its own. */
static int
flow_connect(struct userspace *us, struct us_udp_flow *f,
    struct pin_err *err)
{
	struct pin_addr to = { .family = f->to.ip.family, .port = f->to.port };
	int i, rc = PIN_EIO;

	memcpy(to.ip, f->to.ip.ip, sizeof(to.ip));
	for (i = 0; i < 2 && rc == PIN_EIO; i++) {
		if (i > 0 && us->udp.oldest == NULL)
			break;
		if (i > 0)
			flow_close(us, us->udp.oldest);
		rc = pin_dgram_connect(us->worker[0].loop, &to, server_ready,
		    f, &f->sock, err);
	}
	return (rc);
}

static struct us_udp_flow *
flow_new(struct us_listener *l, uint32_t bucket,
    const struct pin_addr *client)
{
	struct userspace *us = l->us;
	struct us_udp *u = &us->udp;
	struct us_pick pick = { .external = l->external };
	struct us_udp_flow *f = pin_xcalloc(1, sizeof(*f));
	struct pin_err err = PIN_ERR_INIT;
	int found;

	pick.client.family = client->family;
	memcpy(pick.client.ip, client->ip, sizeof(client->ip));
	(void)pthread_mutex_lock(&us->lock);
	found = us_svc_pick(l->svc, &pick, pin_host_now(us->host), &f->to);
	(void)pthread_mutex_unlock(&us->lock);
	if (u->n == u->max)
		flow_close(us, u->oldest);
	if (!found || flow_connect(us, f, &err) != PIN_OK) {
		if (found)
			pin_env_log(us->env, PIN_LOG_DEBUG, "%s/%s:%u: %s",
			    l->svc->namespace, l->svc->name,
			    (unsigned int)l->svc->port, err.text);
		free(f);
		return (NULL);
	}
	f->magic = UDP_MAGIC;
	f->l = l;
	f->client = *client;
	f->bucket = bucket;
	f->next = u->bucket[bucket];
	u->bucket[bucket] = f;
	age_link(u, f);
	if (u->n++ == 0)
		pin_timer_start(&u->timer, u->idle_ns / 1000000);
	return (f);
}

void
us_udp_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	struct us_listener *l = arg;
	struct userspace *us = l->us;
	uint8_t *chunk = us->worker[0].chunk;
	struct us_udp_flow *f;
	struct pin_addr client;
	uint32_t bucket;
	int64_t n;
	int i;

	(void)events;
	prepare(us);
	for (i = 0; i < US_UDP_TURN; i++) {
		n = pin_dgram_recv(sock, chunk, US_CHUNK, &client);
		if (n < 0)
			return;
		bucket = hash(l, &client);
		f = flow_find(&us->udp, l, bucket, &client);
		if (f == NULL)
			f = flow_new(l, bucket, &client);
		if (f == NULL)
			continue;
		flow_moved(us, f);
		if (pin_dgram_send(f->sock, chunk, (size_t)n, NULL) ==
		    PIN_ECLOSED)
			flow_close(us, f);
	}
}

/* ---- the end of flows ------------------------------------------------ */

void
us_udp_close_of(struct userspace *us, const struct us_listener *l)
{
	struct us_udp_flow *f, *next;

	for (f = us->udp.oldest; f != NULL; f = next) {
		next = f->newer;
		if (f->l == l)
			flow_close(us, f);
	}
}

void
us_udp_recheck(struct userspace *us)
{
	struct us_udp_flow *f, *next;

	for (f = us->udp.oldest; f != NULL; f = next) {
		next = f->newer;
		if (!us_svc_has(f->l->svc, f->l->external, &f->to))
			flow_close(us, f);
	}
}

void
us_udp_fini(struct userspace *us)
{
	PIN_ASSERT(us->udp.n == 0);	/* with their listeners */
	if (us->udp.bucket != NULL)
		pin_timer_stop(&us->udp.timer);
	free(us->udp.bucket);
	us->udp.bucket = NULL;
}
