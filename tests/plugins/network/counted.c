/* SPDX-License-Identifier: BSD-2-Clause
 *
 * counted -- test plugin: each pod the next address of 198.51.100.0/24, as
 * long as it is set up.
 * Threads: any, under a lock. Contract: pintle/network.h. */
#include <pintle/network.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PODS	254

static pin_open_fn counted_open;
static pin_close_fn counted_close;
static pin_network_setup_fn counted_setup;
static pin_network_teardown_fn counted_teardown;

static const struct pin_network_ops counted_ops = {
	.size = sizeof(counted_ops),
	.setup = counted_setup, .teardown = counted_teardown,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(NETWORK),
	.name = "counted", .version = "1.0",
	.summary = "addresses of a documentation range, for tests",
	.ops = &counted_ops, .open = counted_open, .close = counted_close,
};

struct counted {
	pthread_mutex_t	 lock;
	char		 uid[PODS][64];
};

static int
counted_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct counted *c = pin_xcalloc(1, sizeof(*c));

	(void)env;
	(void)conf;
	(void)err;
	pthread_mutex_init(&c->lock, NULL);
	*self = c;
	return (PIN_OK);
}

static void
counted_close(void *self)
{
	struct counted *c = self;

	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The place of uid; "" finds a free one; PODS: none. */
static int
place(const struct counted *c, const char *uid)
{
	int i = 0;

	while (i < PODS && strncmp(c->uid[i], uid, sizeof(c->uid[i]) - 1) !=
	    0)
		i++;
	return (i);
}

static int
counted_setup(void *self, const struct pin_pod_net *pod,
    struct pin_pod_net_result *res, struct pin_err *err)
{
	struct counted *c = self;
	int i;

	pthread_mutex_lock(&c->lock);
	i = place(c, pod->uid);
	if (i == PODS)
		i = place(c, "");
	if (i < PODS)
		strncpy(c->uid[i], pod->uid, sizeof(c->uid[i]) - 1);
	pthread_mutex_unlock(&c->lock);
	if (i == PODS)
		return (pin_err_set(err, PIN_ELIMIT, "no address is left"));
	memset(res->ips, 0, sizeof(res->ips));
	res->ips[0] = (struct pin_ip){ .family = 4, .ip = { 198, 51, 100,
	    (uint8_t)(i + 1) } };
	res->nips = 1;
	return (PIN_OK);
}

static int
counted_teardown(void *self, const struct pin_pod_net *pod,
    struct pin_err *err)
{
	struct counted *c = self;
	int i;

	(void)err;
	pthread_mutex_lock(&c->lock);
	i = place(c, pod->uid);
	if (i < PODS)
		memset(c->uid[i], 0, sizeof(c->uid[i]));
	pthread_mutex_unlock(&c->lock);
	return (PIN_OK);
}
