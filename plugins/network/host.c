/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host -- network plugin: a pod has the addresses of its node. Nothing is
 * made, so nothing can be left behind; two pods cannot use one port.
 * Stateless. Work pool, does not block.
 * Contract: pintle/network.h. */
#include <pintle/network.h>

#include <string.h>

static pin_open_fn host_open;
static pin_network_setup_fn host_setup;
static pin_network_teardown_fn host_teardown;

static const struct pin_network_ops host_ops = {
	.size = sizeof(host_ops),
	.setup = host_setup,
	.teardown = host_teardown,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(NETWORK),
	.name = "host", .version = "1.0",
	.summary = "pods share the addresses of their node",
	.ops = &host_ops,
	.open = host_open,
};

static int
host_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)conf;
	(void)err;
	*self = env;		/* no state of its own */
	return (PIN_OK);
}

static int
host_setup(void *self, const struct pin_pod_net *pod,
    struct pin_pod_net_result *res, struct pin_err *err)
{
	uint32_t i, n = pod->nnode_ips;

	(void)self;
	if (n == 0)
		return (pin_err_set(err, PIN_EUNAVAIL, "pod %s/%s: the node "
		    "has no address", pod->namespace, pod->name));
	if (n > PIN_POD_IPS_MAX)
		n = PIN_POD_IPS_MAX;
	for (i = 0; i < n; i++)
		res->ips[i] = pod->node_ips[i];
	res->nips = n;
	res->netns[0] = '\0';
	return (PIN_OK);
}

static int
host_teardown(void *self, const struct pin_pod_net *pod, struct pin_err *err)
{
	(void)self;
	(void)pod;
	(void)err;
	return (PIN_OK);
}
