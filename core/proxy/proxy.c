/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proxy.c -- see proxy.h: a loop with a client and three informers on it. An
 * event changes a record or nothing; when the loop has drained its queue and
 * a record has changed, the plugin hears the whole state.
 * Proxy loop, but for open and close. Contract: proxy.h. */
#include "core/proxy/proxy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/client/informer.h"
#include "core/proxy/state.h"

#define PROXY_MAGIC	0x70727879u
#define INFORMERS	3
#define CLOSE_MAX_S	10	/* of waiting for the API server to let go */
#define EVENT_BYTES_MAX	((size_t)16 << 20)	/* an object, parsed */

struct proxy {
	uint32_t	 magic;
	uint32_t	 stopping;
	struct pin_host	*host;
	struct pin_loop	*loop;
	const struct pin_proxy_ops *ops;
	void		*self;
	char		*name;
	struct pin_ip	 node_ips[PROXY_NODE_IPS_MAX];
	uint32_t	 nnode_ips;
	uint32_t	 synced;	/* of the informers */
	struct client	*client;
	struct informers *informers;
	struct informer_user services, slices, cidrs;
	struct proxy_table table;
	struct pin_arena *event_arena, *state_arena;
	struct pin_timer timer;		/* the end of a burst, or a retry */
	uint32_t	 dirty;		/* the plugin has not heard of it */
	uint32_t	 retry_ms;	/* 0: the last one went well */
	uint64_t	 next_ns;	/* no apply before */
	struct pin_err	 said;		/* logged already */
	struct proxy_counters count;
	struct pin_msg	 stop;
	pthread_mutex_t	 lock;		/* of the next two */
	pthread_cond_t	 ended;
	uint32_t	 gone;
	uint32_t	 applied;	/* once */
};

/* ---- applying -------------------------------------------------------- */

static void
applied(struct proxy *p, int rc, const struct pin_err *err)
{
	const char *text = err->text[0] != '\0' ? err->text :
	    pin_err_text(rc);

	p->count.applies++;
	if (rc == PIN_OK) {
		if (p->retry_ms != 0)
			pin_log(p->host, PIN_LOG_INFO, "proxy: %s: all ports "
			    "are open", p->name);
		p->retry_ms = 0;
		p->said.text[0] = '\0';
		return;
	}
	p->count.errors++;
	if (strcmp(p->said.text, text) != 0) {
		pin_log(p->host, PIN_LOG_WARN, "proxy: %s: %s", p->name,
		    text);
		(void)pin_err_set(&p->said, rc, "%s", text);
	}
	p->retry_ms = p->retry_ms == 0 ? PROXY_RETRY_MS : p->retry_ms * 2;
	if (p->retry_ms > PROXY_RETRY_MAX_MS)
		p->retry_ms = PROXY_RETRY_MAX_MS;
	pin_timer_start(&p->timer, p->retry_ms);
}

static void
apply(struct proxy *p)
{
	struct pin_proxy_state st;
	struct pin_err err = PIN_ERR_INIT;
	int rc;

	p->dirty = 0;
	pin_timer_stop(&p->timer);
	rc = proxy_table_state(&p->table, p->state_arena, p->node_ips,
	    p->nnode_ips, &st, &err);
	if (rc == PIN_OK)
		rc = p->ops->apply(p->self, &st, &err);
	applied(p, rc, &err);
	(void)pthread_mutex_lock(&p->lock);
	if (!p->applied)
		(void)pthread_cond_broadcast(&p->ended);
	p->applied = 1;
	(void)pthread_mutex_unlock(&p->lock);
	pin_arena_reset(p->state_arena);
	p->next_ns = pin_host_now(p->host) +
	    (uint64_t)PROXY_BURST_MS * 1000000;
}

/* The loop has nothing else to do. */
static void
turn(void *arg)
{
	struct proxy *p = arg;
	uint64_t now;

	if (!p->dirty || p->synced < INFORMERS || p->stopping)
		return;
	now = pin_host_now(p->host);
	if (now >= p->next_ns) {
		apply(p);
		return;
	}
	if (p->timer.due_ns == 0 || p->timer.due_ns > p->next_ns)
		pin_timer_start(&p->timer, (p->next_ns - now) / 1000000 + 1);
}

static void
tick(struct pin_timer *t)
{
	struct proxy *p = (struct proxy *)(void *)((char *)t -
	    offsetof(struct proxy, timer));

	p->dirty = 1;			/* turn comes after this */
}

/* ---- events ---------------------------------------------------------- */

static void
heard(struct proxy *p, int rc, const struct pin_err *err)
{
	p->count.events++;
	if (rc < 0)
		pin_log(p->host, PIN_LOG_WARN, "proxy: %s", err->text);
	if (rc == 0)
		return;
	p->count.changes++;
	p->dirty = 1;
}

static void
service_event(struct informer_user *u, const struct informer_event *ev)
{
	struct proxy *p = u->arg;
	struct pin_err err = PIN_ERR_INIT;

	heard(p, proxy_table_service(&p->table, ev->namespace, ev->name,
	    ev->type == INFORMER_DELETED ? NULL : ev->object, &err), &err);
}

static void
slice_event(struct informer_user *u, const struct informer_event *ev)
{
	struct proxy *p = u->arg;
	struct pin_err err = PIN_ERR_INIT;
	const struct pin_obj *object = ev->object, *before = NULL;
	struct pin_obj *parsed = NULL;
	int rc = PIN_OK;

	if (ev->type == INFORMER_DELETED) {
		before = ev->object;
		object = NULL;
	} else if (ev->before.len > 0) {
		rc = pin_obj_parse(p->event_arena, ev->before.p,
		    ev->before.len, &parsed, &err);
		before = parsed;
	}
	if (rc == PIN_OK)
		rc = proxy_table_slice(&p->table, ev->namespace, ev->name,
		    object, before, &err);
	heard(p, rc, &err);
	pin_arena_reset(p->event_arena);
}

static void
cidr_event(struct informer_user *u, const struct informer_event *ev)
{
	struct proxy *p = u->arg;
	struct pin_err err = PIN_ERR_INIT;

	heard(p, proxy_table_cidr(&p->table, ev->name, ev->type ==
	    INFORMER_DELETED ? NULL : ev->object, &err), &err);
}

static void
synced(struct informer_user *u)
{
	struct proxy *p = u->arg;

	p->synced++;
	p->dirty = 1;			/* also when there is nothing */
}

/* ---- life ------------------------------------------------------------ */

static struct proxy *
proxy_new(const struct proxy_opts *o)
{
	struct proxy *p = pin_xcalloc(1, sizeof(*p));
	uint32_t i;

	p->magic = PROXY_MAGIC;
	p->host = o->host;
	p->ops = o->ops;
	p->self = o->self;
	p->name = pin_xstrdup(o->name);
	for (i = 0; i < o->nnode_ips && i < PROXY_NODE_IPS_MAX; i++)
		p->node_ips[p->nnode_ips++] = o->node_ips[i];
	proxy_table_init(&p->table, o->node);
	p->event_arena = pin_arena_new(EVENT_BYTES_MAX);
	p->state_arena = pin_arena_new(PROXY_STATE_BYTES_MAX);
	PIN_ASSERT(p->event_arena != NULL && p->state_arena != NULL);
	PIN_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
	PIN_ASSERT(pthread_cond_init(&p->ended, NULL) == 0);
	p->services = (struct informer_user){ .event = service_event,
	    .synced = synced, .arg = p };
	p->slices = (struct informer_user){ .event = slice_event,
	    .synced = synced, .arg = p };
	p->cidrs = (struct informer_user){ .event = cidr_event,
	    .synced = synced, .arg = p };
	return (p);
}

int
proxy_open(const struct proxy_opts *o, PIN_OWN struct proxy **out,
    struct pin_err *err)
{
	struct proxy *p = proxy_new(o);
	struct transport *t;
	int rc;

	*out = p;
	rc = pin_loop_open(o->host, "proxy", &p->loop, err);
	if (rc == PIN_OK) {
		pin_timer_init(&p->timer, p->loop, tick);
		pin_loop_hook(p->loop, turn, p);
		t = o->transport(o->arg, p->loop);
		p->client = client_new(p->loop, NULL, &t);
		p->informers = informers_new(p->client);
		informer_open(p->informers, "", "v1", "services",
		    &p->services);
		informer_open(p->informers, "discovery.k8s.io", "v1",
		    "endpointslices", &p->slices);
		informer_open(p->informers, "networking.k8s.io", "v1",
		    "servicecidrs", &p->cidrs);
		rc = pin_loop_start(p->loop, err);
	}
	if (rc != PIN_OK)
		proxy_close(out);
	return (rc);
}

static void
on_gone(void *arg)
{
	struct proxy *p = arg;

	(void)pthread_mutex_lock(&p->lock);
	p->gone = 1;
	(void)pthread_cond_broadcast(&p->ended);
	(void)pthread_mutex_unlock(&p->lock);
}

static void
stop_on_loop(struct pin_msg *msg)
{
	struct proxy *p = (struct proxy *)(void *)((char *)msg -
	    offsetof(struct proxy, stop));

	p->stopping = 1;
	pin_timer_stop(&p->timer);
	client_close(&p->client, on_gone, p);	/* ends both watches */
	informer_close(&p->services);
	informer_close(&p->slices);
	informer_close(&p->cidrs);
	informers_free(&p->informers);
}

/* Until *what is set, under the lock; 0: it is not, in time. */
static int
wait_until(struct proxy *p, const uint32_t *what, uint32_t ms)
{
	struct timespec until;
	int rc = 0, is_so;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	(void)pthread_mutex_lock(&p->lock);
	while (!*what && rc == 0)
		rc = pthread_cond_timedwait(&p->ended, &p->lock, &until);
	is_so = *what != 0;
	(void)pthread_mutex_unlock(&p->lock);
	return (is_so);
}

int
proxy_serves(struct proxy *p, const struct pin_ip *ip, uint16_t port,
    uint32_t protocol, uint32_t wait_ms)
{
	return (p != NULL && PIN_HAS(p->ops, serves) && wait_until(p,
	    &p->applied, wait_ms) && p->ops->serves(p->self, ip, port,
	    protocol));
}

void
proxy_close(PIN_OWN struct proxy **pp)
{
	struct proxy *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	PIN_VALID(p, PROXY_MAGIC);
	if (p->client != NULL) {
		p->stop.fn = stop_on_loop;
		pin_loop_post(p->loop, &p->stop);
		if (!wait_until(p, &p->gone, CLOSE_MAX_S * 1000)) {
			/* Its answer would find a loop that is no more. */
			pin_log(p->host, PIN_LOG_ERROR, "proxy: a request is "
			    "still under way: not closed");
			return;
		}
	}
	if (p->loop != NULL)
		pin_loop_close(&p->loop);
	proxy_table_fini(&p->table);
	pin_arena_free(&p->event_arena);
	pin_arena_free(&p->state_arena);
	(void)pthread_cond_destroy(&p->ended);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->name);
	p->magic = 0;
	free(p);
}

const struct proxy_counters *
proxy_count(const struct proxy *p)
{
	return (&p->count);
}
