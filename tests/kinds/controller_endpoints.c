/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller_endpoints.c -- what controller.c does not ask of every
 * controller: which addresses and ports an Endpoints object has, and when it
 * goes.
 * Contract: upstream's endpoint-controller, by which every case here was
 * looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctlkit.h"
#include "tap.h"

static struct ctl c;

#define HAS(t, w)	(strstr((t), (w)) != NULL)

static void
put_service(const char *more)
{
	ctl_put(&c, "services", "{\"apiVersion\":\"v1\",\"kind\":\"Service\","
	    "\"metadata\":{\"name\":\"web\",\"namespace\":\"a\"},\"spec\":{"
	    "\"clusterIP\":\"10.96.0.1\",\"ipFamilies\":[\"IPv4\"],"
	    "\"selector\":{\"app\":\"web\"},\"ports\":[{\"name\":\"a\","
	    "\"port\":1,\"protocol\":\"TCP\",\"targetPort\":\"web\"},{"
	    "\"name\":\"b\",\"port\":2,\"protocol\":\"TCP\",\"targetPort\":"
	    "22}]%s}}", more);
}

static void
put_pod(int i, int port, const char *ready)
{
	ctl_put(&c, "pods", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
	    "\"metadata\":{\"name\":\"p%04d\",\"namespace\":\"a\",\"labels\":"
	    "{\"app\":\"web\"}},\"spec\":{\"nodeName\":\"n\",\"containers\":"
	    "[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"name\":\"web\","
	    "\"protocol\":\"TCP\",\"containerPort\":%d}]}]},\"status\":{"
	    "\"phase\":\"Running\",\"podIP\":\"10.1.%d.%d\",\"podIPs\":[{"
	    "\"ip\":\"10.1.%d.%d\"}],\"conditions\":[{\"type\":\"Ready\","
	    "\"status\":\"%s\"}]}}", i, port, i / 250, i % 250 + 1, i / 250,
	    i % 250 + 1, ready);
}

static char *
settled(void)
{
	static char *json;

	(void)ctl_settle(&c, "a", "web");
	free(json);
	json = ctl_get(&c, "endpoints", "a", "web");
	return (json);
}

static void
test_subsets(void)
{
	const char *s;

	ctl_open(&c, "endpoints");
	CASE("no pod: no subset") {
		put_service("");
		s = settled();
		CHECK(s != NULL && !HAS(s, "subsets"));
		CHECK(HAS(s, "\"endpoints.kubernetes.io/managed-by\":"
		    "\"endpoint-controller\""));
		CHECK(HAS(s, "last-change-trigger-time\":"
		    "\"2026-01-01T00:00:00Z\""));
	}
	CASE("ports that the same pods have are one subset") {
		put_pod(1, 80, "True");
		put_pod(2, 80, "False");
		s = settled();
		CHECK_INT(ctl_count(s, "\"ports\""), 1);
		CHECK(HAS(s, "\"ports\":[{\"name\":\"a\",\"port\":80,"
		    "\"protocol\":\"TCP\"},{\"name\":\"b\",\"port\":22,"
		    "\"protocol\":\"TCP\"}]"));
		CHECK(HAS(s, "\"addresses\":[{\"ip\":\"10.1.0.2\","
		    "\"nodeName\":\"n\",\"targetRef\":{\"kind\":\"Pod\","));
		CHECK(HAS(s, "\"notReadyAddresses\":[{\"ip\":\"10.1.0.3\""));
	}
	CASE("a named port at another number makes another") {
		put_pod(3, 81, "True");
		s = settled();
		CHECK_INT(ctl_count(s, "\"ports\""), 3);
		CHECK_INT(ctl_count(s, "\"port\":22"), 1);
	}
	CASE("one on its way out is none, unless all are published") {
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"p0003\","
		    "\"namespace\":\"a\",\"finalizers\":[\"a/b\"]}}");
		ctl_delete(&c, "pods", "a", "p0003");
		CHECK_INT(ctl_count(settled(), "\"ports\""), 1);
		put_service(",\"publishNotReadyAddresses\":true");
		s = settled();
		CHECK_INT(ctl_count(s, "\"ports\""), 3);
		CHECK(!HAS(s, "notReadyAddresses"));
	}
	CASE("headless without ports: addresses alone") {
		put_service(",\"clusterIP\":\"None\",\"ports\":null");
		s = settled();
		CHECK(HAS(s, "\"subsets\":[{\"addresses\":[{"));
		CHECK(!HAS(s, "\"ports\""));
		CHECK(HAS(s, "\"service.kubernetes.io/headless\":\"\""));
		ctl_close(&c);
	}
}

static void
test_many(void)
{
	const char *s;
	int i;

	CASE("a thousand addresses and no more, the ready ones first") {
		ctl_open(&c, "endpoints");
		put_service("");
		for (i = 0; i < 1100; i++)
			put_pod(i, 80, i < 200 ? "False" : "True");
		s = settled();
		CHECK_INT(ctl_count(s, "\"targetRef\""), 1000);
		CHECK_INT(ctl_count(strstr(s, "\"notReadyAddresses\""),
		    "\"targetRef\""), 100);
		CHECK(HAS(s, "\"endpoints.kubernetes.io/over-capacity\":"
		    "\"truncated\""));
		for (i = 1100; i < 1300; i++)
			put_pod(i, 80, "True");
		s = settled();
		CHECK_INT(ctl_count(s, "\"targetRef\""), 1000);
		CHECK(!HAS(s, "notReadyAddresses"));
		for (i = 0; i < 400; i++) {
			char name[8];

			snprintf(name, sizeof(name), "p%04d", i);
			ctl_delete(&c, "pods", "a", name);
		}
		CHECK(!HAS(settled(), "over-capacity"));
		ctl_close(&c);
	}
}

static void
test_end(void)
{
	CASE("it goes with its Service; one without is left alone") {
		ctl_open(&c, "endpoints");
		put_service("");
		CHECK(settled() != NULL);
		ctl_delete(&c, "services", "a", "web");
		CHECK(settled() == NULL);
		ctl_map(&c, 2, "{\"metadata\":{\"name\":\"mine\","
		    "\"namespace\":\"a\"}}", NULL);
		CHECK_UINT(c.nkeys, 0);
		ctl_map(&c, 2, "{\"metadata\":{\"name\":\"left\","
		    "\"namespace\":\"a\",\"labels\":{\"endpoints.kubernetes."
		    "io/managed-by\":\"endpoint-controller\"}}}", NULL);
		CHECK_UINT(c.nkeys, 1);
		ctl_close(&c);
	}
}

int
main(void)
{
	test_subsets();
	test_many();
	test_end();
	return (tap_done());
}
