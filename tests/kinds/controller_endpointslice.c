/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller_endpointslice.c -- what controller.c does not ask of every
 * controller: which pods are in which slice, and what a slice says of them.
 * Contract: upstream's endpointslice-controller, by which every case here was
 * looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctlkit.h"
#include "tap.h"

static struct ctl c;
static char text[1 << 20];	/* all slices, as they are */

static void
put_service(const char *more)
{
	ctl_put(&c, "services", "{\"apiVersion\":\"v1\",\"kind\":\"Service\","
	    "\"metadata\":{\"name\":\"web\",\"namespace\":\"a\",\"labels\":{"
	    "\"l\":\"1\"}},\"spec\":{\"clusterIP\":\"10.96.0.1\","
	    "\"ipFamilies\":[\"IPv4\"],\"selector\":{\"app\":\"web\"},"
	    "\"ports\":[{\"name\":\"http\",\"port\":80,\"protocol\":\"TCP\","
	    "\"targetPort\":\"web\"}]%s}}", more);
}

static void
put_node(const char *name, const char *zone)
{
	ctl_put(&c, "nodes", "{\"apiVersion\":\"v1\",\"kind\":\"Node\","
	    "\"metadata\":{\"name\":\"%s\",\"labels\":{"
	    "\"topology.kubernetes.io/zone\":\"%s\"}}}", name, zone);
}

static void
put_pod(int i, const char *node, int port, const char *ready)
{
	ctl_put(&c, "pods", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
	    "\"metadata\":{\"name\":\"p%03d\",\"namespace\":\"a\",\"labels\":"
	    "{\"app\":\"web\"}},\"spec\":{\"nodeName\":\"%s\",\"containers\":"
	    "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"name\":\"web\","
	    "\"protocol\":\"TCP\",\"containerPort\":%d}]}]},\"status\":{"
	    "\"phase\":\"Running\",\"podIP\":\"10.1.0.%d\",\"podIPs\":[{"
	    "\"ip\":\"10.1.0.%d\"}],\"conditions\":[{\"type\":\"Ready\","
	    "\"status\":\"%s\",\"lastTransitionTime\":"
	    "\"2026-02-01T00:%02d:%02dZ\"}]}}", i, node, port, i, i, ready,
	    i / 60, i % 60);
}

static void
begin(void)
{
	ctl_open(&c, "endpointslice");
	put_node("n1", "z1");
	put_service("");
}

static const char *
slices(void)
{
	struct world_table *t = world_table(&c.w, "discovery.k8s.io",
	    "endpointslices");
	struct cache_entry *e;
	size_t n = 0;

	text[0] = '\0';
	for (e = t->cache.head[0]; e != NULL; e = cache_next(e)) {
		struct pin_str s = cache_bytes(e);

		n += (size_t)snprintf(text + n, sizeof(text) - n, PIN_SFMT
		    "\n", PIN_SARG(s));
	}
	return (text);
}

static const char *
settled(void)
{
	(void)ctl_settle(&c, "a", "web");
	return (slices());
}

/* "3 100 30": endpoints of the slices, by number. */
static const char *
sizes(void)
{
	static char out[64];
	int size[8], n = 0, i, k;
	const char *at, *end;
	char one[1 << 18];

	for (at = slices(); *at != '\0'; at = end + 1) {
		end = strchr(at, '\n');
		snprintf(one, sizeof(one), "%.*s", (int)(end - at), at);
		k = ctl_count(one, "\"targetRef\"");
		for (i = n++; i > 0 && size[i - 1] < k; i--)
			size[i] = size[i - 1];
		size[i] = k;
	}
	out[0] = '\0';
	for (i = 0, k = 0; i < n; i++)
		k += snprintf(out + k, sizeof(out) - (size_t)k, "%s%d", i > 0 ?
		    " " : "", size[i]);
	return (out);
}

#define HAS(t, w)	(strstr((t), (w)) != NULL)

static void
test_fields(void)
{
	const char *s;

	CASE("no pod: one empty slice, labelled, with the Service's age") {
		begin();
		s = settled();
		CHECK_INT(ctl_count(s, "\n"), 1);
		CHECK(HAS(s, "\"endpoints\":[],\"ports\":[]"));
		CHECK(HAS(s, "\"labels\":{\"l\":\"1\","
		    "\"endpointslice.kubernetes.io/managed-by\":"
		    "\"endpointslice-controller.k8s.io\","
		    "\"kubernetes.io/service-name\":\"web\"}"));
		CHECK(HAS(s, "\"endpoints.kubernetes.io/last-change-trigger-"
		    "time\":\"2026-01-01T00:00:00Z\""));
		CHECK(HAS(s, "\"generateName\":\"web-\""));
	}
	CASE("a pod fills it: node, zone, conditions, when it got ready") {
		put_pod(1, "n1", 8080, "True");
		s = settled();
		CHECK_INT(ctl_count(s, "\n"), 1);
		CHECK(HAS(s, "\"addresses\":[\"10.1.0.1\"],\"conditions\":{"
		    "\"ready\":true,\"serving\":true,\"terminating\":false}"));
		CHECK(HAS(s, "\"nodeName\":\"n1\",\"zone\":\"z1\"}"));
		CHECK(HAS(s, "\"ports\":[{\"name\":\"http\",\"protocol\":"
		    "\"TCP\",\"port\":8080}]"));
		CHECK(HAS(s, "trigger-time\":\"2026-02-01T00:00:01Z\""));
	}
	CASE("on its way out it serves, and is not ready") {
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"p001\","
		    "\"namespace\":\"a\",\"finalizers\":[\"a/b\"]}}");
		ctl_delete(&c, "pods", "a", "p001");
		s = settled();
		CHECK(HAS(s, "\"ready\":false,\"serving\":true,"
		    "\"terminating\":true"));
		/* It did not become so: the time is gone. */
		CHECK(!HAS(s, "trigger-time"));
	}
	CASE("unless the Service publishes whatever there is") {
		put_service(",\"publishNotReadyAddresses\":true");
		CHECK(HAS(settled(), "\"ready\":true,\"serving\":true,"
		    "\"terminating\":true"));
		ctl_close(&c);
	}
	CASE("one that has ended is none, nor one of an absent Node") {
		begin();
		put_pod(1, "n1", 80, "True");
		put_pod(2, "n2", 80, "True");
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"p001\","
		    "\"namespace\":\"a\"},\"status\":{\"phase\":\"Failed\"}}");
		CHECK_INT(ctl_count(settled(), "targetRef"), 0);
		put_node("n2", "z2");
		CHECK_INT(ctl_count(settled(), "\"zone\":\"z2\""), 1);
		ctl_close(&c);
	}
	CASE("a Service without an address is headless, and says so") {
		begin();
		put_service(",\"clusterIP\":\"None\"");
		CHECK(HAS(settled(), "\"service.kubernetes.io/headless\":"
		    "\"\""));
		ctl_close(&c);
	}
}

static void
test_hints(void)
{
	const char *s;

	CASE("traffic that prefers its zone: ready ones are hinted there") {
		begin();
		put_pod(1, "n1", 80, "True");
		put_pod(2, "n1", 80, "False");
		put_service(",\"trafficDistribution\":\"PreferClose\"");
		s = settled();
		CHECK_INT(ctl_count(s, "\"hints\""), 1);
		CHECK(HAS(s, "\"hints\":{\"forZones\":[{\"name\":\"z1\"}]}"));
	}
	CASE("its node: node and zone") {
		put_service(",\"trafficDistribution\":\"PreferSameNode\"");
		CHECK(HAS(settled(), "\"hints\":{\"forZones\":[{\"name\":"
		    "\"z1\"}],\"forNodes\":[{\"name\":\"n1\"}]}"));
	}
	CASE("the zone changes: so do zone and hint; none: none") {
		put_node("n1", "z9");
		CHECK_INT(ctl_count(settled(), "\"z9\""), 3);
		put_service(",\"trafficDistribution\":null");
		CHECK_INT(ctl_count(settled(), "\"hints\""), 0);
		ctl_close(&c);
	}
}

static void
test_ports(void)
{
	const char *s;

	CASE("a port of one name and two numbers: two slices") {
		begin();
		put_pod(1, "n1", 80, "True");
		put_pod(2, "n1", 81, "True");
		put_pod(3, "n1", 80, "True");
		s = settled();
		CHECK_STR(sizes(), "2 1");
		CHECK(HAS(s, "\"port\":80}") && HAS(s, "\"port\":81}"));
	}
	CASE("that become one again") {
		ctl_delete(&c, "pods", "a", "p002");
		(void)settled();
		CHECK_STR(sizes(), "2");
		ctl_close(&c);
	}
	CASE("a name of another protocol is not that port") {
		begin();
		put_service(",\"ports\":[{\"name\":\"dns\",\"port\":53,"
		    "\"protocol\":\"UDP\",\"targetPort\":\"web\"}]");
		put_pod(1, "n1", 80, "True");
		CHECK(HAS(settled(), "\"ports\":[]"));
		CHECK_STR(sizes(), "1");
		ctl_close(&c);
	}
}

static void
test_packing(void)
{
	int i;

	CASE("150 pods: 100 and 50; the next goes to the one with room") {
		begin();
		for (i = 1; i <= 150; i++)
			put_pod(i, "n1", 80, "True");
		(void)settled();
		CHECK_STR(sizes(), "100 50");
		put_pod(151, "n1", 80, "True");
		CHECK_INT(ctl_settle(&c, "a", "web"), 1);
		CHECK_STR(sizes(), "100 51");
	}
	CASE("one less is not moved together again: one slice is written") {
		for (i = 1; i <= 60; i++) {
			char name[8];

			snprintf(name, sizeof(name), "p%03d", i);
			ctl_delete(&c, "pods", "a", name);
		}
		CHECK_INT(ctl_count(ctl_do(&c, "a", "web"), "update /"), 1);
		(void)slices();
		CHECK_STR(sizes(), "51 40");
	}
	CASE("new ones fill the fullest of those that are written anyway") {
		ctl_delete(&c, "pods", "a", "p061");	/* of the 40 */
		for (i = 1; i <= 20; i++)
			put_pod(i, "n1", 80, "True");
		CHECK_INT(ctl_count(ctl_do(&c, "a", "web"), "update /"), 1);
		CHECK_STR(sizes(), "59 51");
	}
	CASE("into an unchanged one: that which it fills best, or a new one") {
		for (i = 21; i <= 60; i++)
			put_pod(i, "n1", 80, "True");
		CHECK_INT(ctl_count(ctl_do(&c, "a", "web"), "update /"), 1);
		CHECK_STR(sizes(), "99 51");
		for (i = 151; i <= 210; i++)
			put_pod(i, "n1", 80, "True");
		CHECK_INT(ctl_count(ctl_do(&c, "a", "web"), "create /"), 1);
		CHECK_STR(sizes(), "99 59 51");
	}
	CASE("of several that are written, the fullest") {
		ctl_delete(&c, "pods", "a", "p070");	/* of the 99 */
		ctl_delete(&c, "pods", "a", "p200");	/* of the 59 */
		ctl_delete(&c, "pods", "a", "p140");	/* of the 51 */
		put_pod(70, "n1", 80, "True");
		CHECK_INT(ctl_count(ctl_do(&c, "a", "web"), "update /"), 3);
		CHECK_STR(sizes(), "99 58 50");
		ctl_close(&c);
	}
}

static void
test_whose(void)
{
	const char *p;
	char *json;

	CASE("without a selector the slices are somebody else's") {
		begin();
		put_pod(1, "n1", 80, "True");
		(void)settled();
		put_service(",\"selector\":null");
		ctl_delete(&c, "pods", "a", "p001");
		CHECK_STR(ctl_plan(&c, "a", "web"), "");
		ctl_close(&c);
	}
	CASE("one that has lost its owner is replaced, a foreign one is not") {
		begin();
		put_pod(1, "n1", 80, "True");
		ctl_put(&c, "discovery.k8s.io/endpointslices", "{\"metadata\":{"
		    "\"name\":\"web-x\",\"namespace\":\"a\",\"labels\":{"
		    "\"kubernetes.io/service-name\":\"web\","
		    "\"endpointslice.kubernetes.io/managed-by\":"
		    "\"endpointslice-controller.k8s.io\"}},\"addressType\":"
		    "\"IPv4\",\"ports\":[{\"name\":\"http\",\"protocol\":"
		    "\"TCP\",\"port\":80}]}");
		ctl_put(&c, "discovery.k8s.io/endpointslices", "{\"metadata\":{"
		    "\"name\":\"web-y\",\"namespace\":\"a\",\"labels\":{"
		    "\"kubernetes.io/service-name\":\"web\","
		    "\"endpointslice.kubernetes.io/managed-by\":\"me\"}},"
		    "\"addressType\":\"IPv4\"}");
		p = ctl_do(&c, "a", "web");
		CHECK_INT(ctl_count(p, "create "), 1);
		CHECK_INT(ctl_count(p, "delete "), 1);
		json = ctl_get(&c, "discovery.k8s.io/endpointslices", "a",
		    "web-y");
		CHECK(json != NULL);
		free(json);
		ctl_close(&c);
	}
	CASE("a Node that comes concerns every Service, one that beats none") {
		static const char node[] = "{\"metadata\":{\"name\":\"n9\","
		    "\"labels\":{\"topology.kubernetes.io/zone\":\"z\"}}}";

		begin();
		ctl_map(&c, 3, node, NULL);
		CHECK_UINT(c.nkeys, 1);
		CHECK_STR(c.key[0], "a/web");
		ctl_map(&c, 3, node, node);
		CHECK_UINT(c.nkeys, 0);
		ctl_map(&c, 3, "{\"metadata\":{\"name\":\"n9\"}}", node);
		CHECK_UINT(c.nkeys, 1);
		ctl_close(&c);
	}
}

int
main(void)
{
	test_fields();
	test_hints();
	test_ports();
	test_packing();
	test_whose();
	return (tap_done());
}
