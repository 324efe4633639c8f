/* SPDX-License-Identifier: BSD-2-Clause
 *
 * network.c -- the contract of the kind `network`, against every plugin of
 * it: setup is idempotent, gives at least one address of a known family, and
 * teardown may come twice, and for a pod that was never set up.
 * Contract: pintle/network.h. */
#include <pintle/network.h>

#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "tap.h"

static void
check(const struct pin_network_ops *ops, void *self, const char *name)
{
	struct pin_ip node = { .family = 4, .ip = { 192, 0, 2, 7 } };
	struct pin_pod_net pod = { .size = sizeof(pod), .uid = "u1",
	    .namespace = "default", .name = "a", .node_ips = &node,
	    .nnode_ips = 1 };
	struct pin_pod_net_result a = { .size = sizeof(a) }, b = a;
	struct pin_err err = PIN_ERR_INIT;
	uint32_t i;

	CASE("%s: teardown of a pod that was never set up", name)
		CHECK_INT(ops->teardown(self, &pod, &err), PIN_OK);
	CASE("%s: a pod gets addresses of families there are", name) {
		CHECK_INT(ops->setup(self, &pod, &a, &err), PIN_OK);
		CHECK(a.nips > 0 && a.nips <= PIN_POD_IPS_MAX);
		for (i = 0; i < a.nips; i++)
			CHECK(a.ips[i].family == 4 || a.ips[i].family == 6);
	}
	CASE("%s: setup once more gives the same", name) {
		CHECK_INT(ops->setup(self, &pod, &b, &err), PIN_OK);
		CHECK_UINT(b.nips, a.nips);
		CHECK(memcmp(a.ips, b.ips, sizeof(a.ips[0]) * a.nips) == 0);
		CHECK_STR(b.netns, a.netns);
	}
	CASE("%s: success means an address, also on a node that has none",
	    name) {
		pod.uid = "u2";
		pod.nnode_ips = 0;
		b = (struct pin_pod_net_result){ .size = sizeof(b) };
		CHECK(ops->setup(self, &pod, &b, &err) != PIN_OK ?
		    err.text[0] != '\0' : b.nips > 0);
		CHECK_INT(ops->teardown(self, &pod, &err), PIN_OK);
	}
	CASE("%s: teardown, and again", name) {
		pod.uid = "u1";
		pod.nnode_ips = 1;
		CHECK_INT(ops->teardown(self, &pod, &err), PIN_OK);
		CHECK_INT(ops->teardown(self, &pod, &err), PIN_OK);
	}
}

static void
open_and_check(const char *dir, const char *name)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_report rep = { 0 };
	const struct pin_plugin *p;
	struct pin_module *m;
	struct pin_conf *conf;
	struct pin_env *env;
	char file[1024];
	void *self = NULL;

	snprintf(file, sizeof(file), "%s/%s/network/%s.so", tap_build(), dir,
	    name);
	if (pin_module_open(pin_host_real(), NULL, file, PIN_KIND_NETWORK,
	    name, &m, &err) != PIN_OK)
		BAIL("%s", err.text);
	p = pin_module_plugin(m);
	env = pin__env_new(pin_host_real(), "network", name, "/data", NULL);
	conf = pin_conf_parse("", p->options, &rep);
	OK(p->open(env, conf, &self, &err) == PIN_OK, "%s opens", name);
	check(p->ops, self, name);
	pin__plugin_close(p, self);
	pin_conf_free(&conf);
	pin__env_free(&env);
	pin_module_put(&m);
	pin_report_fini(&rep);
}

int
main(void)
{
	open_and_check("plugins", "host");
	open_and_check("tests/plugins", "counted");
	return (tap_done());
}
