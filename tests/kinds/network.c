/* SPDX-License-Identifier: BSD-2-Clause
 *
 * network.c -- the contract of the kind `network`, against every plugin of
 * it: addresses come, come again the same, and nothing stays.
 * One thread. Contract: pintle/network.h, docs/abi/network.md. */
#include <dirent.h>
#include <dlfcn.h>

#include <pintle/network.h>

#include "core/config/config_int.h"
#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "tap.h"

#define ENTRIES_MAX	4096

static const struct fixture {
	const char	*dir, *name;
	int		 shares;	/* pods have the node's addresses */
} fixtures[] = {
	{ "plugins", "host", 1 },
};

static const struct pin_network_ops *ops;
static void *self;
static struct pin_err err;
static const struct pin_ip node_ips[] = {
	{ .family = 4, .ip = { 192, 0, 2, 7 } },
	{ .family = 6, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 7 } },
	{ .family = 4, .ip = { 198, 51, 100, 7 } },
	{ .family = 4, .ip = { 198, 51, 100, 8 } },
	{ .family = 4, .ip = { 198, 51, 100, 9 } },
};

static struct pin_pod_net
pod(const char *uid, uint32_t nips)
{
	struct pin_pod_net n = { .size = sizeof(n), .uid = uid,
	    .namespace = "default", .name = "web", .node_ips = node_ips,
	    .nnode_ips = nips };

	return (n);
}

static int
setup(const struct pin_pod_net *n, struct pin_pod_net_result *res)
{
	memset(res, 0xa5, sizeof(*res));	/* garbage is not an answer */
	res->size = sizeof(*res);
	return (ops->setup(self, n, res, &err));
}

static int
address_ok(const struct pin_ip *ip)
{
	static const uint8_t none[16];

	return ((ip->family == 4 || ip->family == 6) &&
	    memcmp(ip->ip, none, ip->family == 4 ? 4 : 16) != 0);
}

static void
test_setup(const struct fixture *f)
{
	struct pin_pod_net_result one, two;
	struct pin_pod_net n = pod("u-1", 2), host = pod("u-2", 2);
	uint32_t i;

	CASE("%s: a pod gets addresses and a place", f->name) {
		if (!CHECK_INT(setup(&n, &one), PIN_OK))
			continue;
		CHECK(one.nips >= 1 && one.nips <= PIN_POD_IPS_MAX);
		for (i = 0; i < one.nips && i < PIN_POD_IPS_MAX; i++)
			CHECK(address_ok(&one.ips[i]));
		CHECK(memchr(one.netns, '\0', sizeof(one.netns)) != NULL);
	}
	CASE("%s: asked again for the same uid, it says the same", f->name) {
		if (!CHECK_INT(setup(&n, &two), PIN_OK))
			continue;
		CHECK_UINT(two.nips, one.nips);
		CHECK_MEM(two.ips, two.nips * sizeof(two.ips[0]), one.ips,
		    one.nips * sizeof(one.ips[0]));
		CHECK_STR(two.netns, one.netns);
	}
	CASE("%s: a pod on the node's network has the node's addresses",
	    f->name) {
		host.host_network = 1;
		if (!CHECK_INT(setup(&host, &two), PIN_OK))
			continue;
		CHECK_UINT(two.nips, 2);
		CHECK_MEM(two.ips, 2 * sizeof(two.ips[0]), node_ips,
		    2 * sizeof(node_ips[0]));
		CHECK_STR(two.netns, "");
	}
	CASE("%s: a node of more addresses than a pod may have", f->name) {
		host = pod("u-3", PIN_POD_IPS_MAX + 1);
		host.host_network = 1;
		if (!CHECK_INT(setup(&host, &two), PIN_OK))
			continue;
		CHECK(two.nips <= PIN_POD_IPS_MAX);
	}
	if (!f->shares)
		return;
	CASE("%s: a node without addresses: the pod is named", f->name) {
		n = pod("u-4", 0);
		CHECK_INT(setup(&n, &two), PIN_EUNAVAIL);
		CHECK(strstr(err.text, "default/web") != NULL);
	}
}

static void
test_teardown(const struct fixture *f)
{
	static const char *const uids[] = { "u-1", "u-2", "u-3", "u-4" };
	struct pin_pod_net n;
	struct dirent *e;
	DIR *d;
	size_t i;
	int left = 0;

	CASE("%s: what was set up is taken down, twice too", f->name)
		for (i = 0; i < 2 * PIN_LEN(uids); i++) {
			n = pod(uids[i / 2], 2);
			CHECK_INT(ops->teardown(self, &n, &err), PIN_OK);
		}
	CASE("%s: a pod that was never set up is taken down", f->name) {
		n = pod("never", 2);
		CHECK_INT(ops->teardown(self, &n, &err), PIN_OK);
	}
	CASE("%s: it can be set up again", f->name) {
		struct pin_pod_net_result res;

		n = pod("u-1", 2);
		CHECK_INT(setup(&n, &res), PIN_OK);
		CHECK_INT(ops->teardown(self, &n, &err), PIN_OK);
	}
	CASE("%s: nothing is left in the data directory", f->name) {
		d = opendir(tap_tmp());
		while (d != NULL && (e = readdir(d)) != NULL &&
		    left < ENTRIES_MAX)
			left += e->d_name[0] != '.';
		if (d != NULL)
			closedir(d);
		CHECK_INT(left, 0);
	}
}

static void
contract(const struct fixture *f)
{
	const struct pin_plugin *plugin;
	struct pin_report rep = { 0 };
	struct pin_conf *conf;
	struct pin_env *env;
	char path[4096];
	void *so;

	snprintf(path, sizeof(path), "%s/%s/network/%s.so", tap_build(),
	    f->dir, f->name);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		BAIL("%s", dlerror());
	plugin = dlsym(so, "pin_plugin");
	ops = plugin->ops;
	env = pin__env_new(pin_host_real(), "network", f->name, tap_tmp(),
	    NULL);
	conf = pin__conf_new(plugin->options, "test");
	if (pin__conf_finish(conf, NULL, &rep) != PIN_OK)
		BAIL("options: %s", rep.line[0].text);
	pin_report_fini(&rep);
	if (plugin->open(env, conf, &self, &err) != PIN_OK)
		BAIL("%s: %s", f->name, err.text);
	test_setup(f);
	test_teardown(f);
	plugin->close(self);
	pin_conf_free(&conf);
	pin__env_free(&env);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < PIN_LEN(fixtures); i++)
		contract(&fixtures[i]);
	return (tap_done());
}
