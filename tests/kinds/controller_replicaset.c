/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller_replicaset.c -- what controller.c does not ask of every
 * controller: which pods a ReplicaSet gives up first, and what it says when
 * it may not have them.
 * Contract: upstream's replicaset-controller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctlkit.h"
#include "tap.h"

static struct ctl c;

#define NOW	1767268800	/* 2026-01-01T12:00:00Z */

static void
put_set(const char *name, int replicas, const char *owner)
{
	ctl_put(&c, "apps/replicasets", "{\"apiVersion\":\"apps/v1\","
	    "\"kind\":\"ReplicaSet\",\"metadata\":{\"name\":\"%s\","
	    "\"namespace\":\"a\"%s%s%s},\"spec\":{\"replicas\":%d,"
	    "\"selector\":{\"matchLabels\":{\"set\":\"%s\"}},\"template\":{"
	    "\"metadata\":{\"labels\":{\"set\":\"%s\"}},\"spec\":{"
	    "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}", name,
	    owner != NULL ? ",\"ownerReferences\":[{\"apiVersion\":"
	    "\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"d\",\"uid\":\"" :
	    "", owner != NULL ? owner : "", owner != NULL ?
	    "\",\"controller\":true}]" : "", replicas, name, name);
}

/* A pod of the set, running and ready since READY on NODE. */
static void
put_pod(const char *set, const char *name, const char *node,
    const char *ready, const char *more)
{
	char *json = ctl_get(&c, "apps/replicasets", "a", set), *uid, *end;

	if (json == NULL || (uid = strstr(json, "\"uid\":\"uid-")) == NULL)
		BAIL("no set %s", set);
	uid += strlen("\"uid\":\"");
	end = strchr(uid, '"');
	ctl_put(&c, "pods", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
	    "\"metadata\":{\"name\":\"%s\",\"namespace\":\"a\",\"labels\":{"
	    "\"set\":\"%s\"},\"ownerReferences\":[{\"apiVersion\":"
	    "\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"%s\",\"uid\":"
	    "\"%.*s\",\"controller\":true}]},\"spec\":{\"nodeName\":\"%s\","
	    "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]},\"status\":{"
	    "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\","
	    "\"status\":\"True\",\"lastTransitionTime\":\"%s\"}]}}", name, set,
	    set, (int)(end - uid), uid, node, ready);
	free(json);
	if (more != NULL)
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"%s\","
		    "\"namespace\":\"a\"},%s}", name, more);
}

/* The names of the pods that go, in their order. */
static char *
victims(void)
{
	static char names[256];
	const char *at = ctl_plan(&c, "a", "s");
	size_t n = 0;

	names[0] = '\0';
	while ((at = strstr(at, "delete /api/v1/namespaces/a/pods/")) !=
	    NULL) {
		at += strlen("delete /api/v1/namespaces/a/pods/");
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%.*s",
		    n > 0 ? " " : "", (int)strcspn(at, " "), at);
	}
	return (names);
}

static void
begin(int replicas, const char *owner)
{
	ctl_open(&c, "replicaset");
	c.now = NOW;
	put_set("s", replicas, owner);
}

#define OLD	"2026-01-01T00:00:00Z"

static void
test_order(void)
{
	CASE("the unassigned go first, then pending, unknown, not ready") {
		begin(1, NULL);
		put_pod("s", "a-run", "n1", OLD, NULL);
		put_pod("s", "b-notready", "n2", OLD, "\"status\":{"
		    "\"conditions\":[{\"type\":\"Ready\",\"status\":"
		    "\"False\"}]}");
		put_pod("s", "c-unknown", "n3", OLD,
		    "\"status\":{\"phase\":\"Unknown\"}");
		put_pod("s", "d-pending", "n4", OLD,
		    "\"status\":{\"phase\":\"Pending\"}");
		put_pod("s", "e-nowhere", "n5", OLD,
		    "\"spec\":{\"nodeName\":null}");
		CHECK_STR(victims(), "e-nowhere d-pending c-unknown "
		    "b-notready");
		ctl_close(&c);
	}
	CASE("a lower pod-deletion-cost goes first; what is no int32 is 0") {
		begin(1, NULL);
		put_pod("s", "a", "n1", OLD, NULL);
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"a\","
		    "\"namespace\":\"a\",\"annotations\":{"
		    "\"controller.kubernetes.io/pod-deletion-cost\":"
		    "\"10\"}}}");
		put_pod("s", "b", "n2", OLD, NULL);
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"b\","
		    "\"namespace\":\"a\",\"annotations\":{"
		    "\"controller.kubernetes.io/pod-deletion-cost\":"
		    "\"-5\"}}}");
		put_pod("s", "c", "n3", OLD, NULL);
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"c\","
		    "\"namespace\":\"a\",\"annotations\":{"
		    "\"controller.kubernetes.io/pod-deletion-cost\":"
		    "\"+99\"}}}");
		CHECK_STR(victims(), "b c");
		ctl_put(&c, "pods", "{\"metadata\":{\"name\":\"a\","
		    "\"namespace\":\"a\"},\"status\":{\"conditions\":[{"
		    "\"type\":\"Ready\",\"status\":\"False\"}]}}");
		CHECK_STR(victims(), "a b");
		ctl_close(&c);
	}
	CASE("of a crowded node first, the Deployment's other sets counted") {
		begin(1, "owner-d");
		put_set("t", 1, "owner-d");
		put_pod("s", "a", "n1", OLD, NULL);
		put_pod("s", "b", "n2", OLD, NULL);
		put_pod("t", "t1", "n2", OLD, NULL);
		CHECK_STR(victims(), "b");
		ctl_close(&c);
	}
	CASE("the crowd of a set that nobody controls does not count") {
		begin(1, NULL);
		put_set("t", 1, NULL);
		put_pod("s", "a", "n1", OLD, NULL);
		put_pod("s", "b", "n2", OLD, NULL);
		put_pod("t", "t1", "n2", OLD, NULL);
		CHECK_STR(victims(), "a");	/* by its uid */
		ctl_close(&c);
	}
}

static void
test_order_of_time(void)
{
	CASE("ready for a shorter time, by powers of two, goes first") {
		begin(1, NULL);
		put_pod("s", "a-12h", "n1", OLD, NULL);
		put_pod("s", "b-1h", "n2", "2026-01-01T11:00:00Z", NULL);
		put_pod("s", "c-11h", "n3", "2026-01-01T01:00:00Z", NULL);
		/* 11 and 12 hours are in one power: by the uid. */
		CHECK_STR(victims(), "b-1h a-12h");
		ctl_close(&c);
	}
	CASE("then more restarts, then younger") {
#define RESTARTS(n)	"\"status\":{\"containerStatuses\":[{\"name\":\"c\"," \
    "\"restartCount\":" n "}]}"
		begin(1, NULL);
		put_pod("s", "a", "n1", OLD, RESTARTS("1"));
		put_pod("s", "b", "n2", OLD, RESTARTS("3"));
		snprintf(c.w.time, sizeof(c.w.time), "2026-01-01T11:59:00Z");
		put_pod("s", "c-new", "n3", OLD, RESTARTS("1"));
		CHECK_STR(victims(), "b c-new");
		ctl_close(&c);
	}
}

#define QUOTA	"pods \\\"s-x\\\" is forbidden: exceeded quota"

static void
test_refusal(void)
{
	const char *p;
	char *json;

	CASE("a refused pod is an Event and a condition of the set") {
		begin(3, NULL);
		ctl_refused(&c, PIN_REFUSED_CREATE, "pods", "{\"kind\":"
		    "\"Status\",\"message\":\"" QUOTA "\",\"code\":403}");
		p = ctl_plan(&c, "a", "s");
		CHECK(strstr(p, "event Warning FailedCreate Error creating: "
		    "pods \"s-x\" is forbidden: exceeded quota\n") != NULL);
		CHECK(strstr(p, "\"conditions\":[{\"type\":\"ReplicaFailure\","
		    "\"status\":\"True\",\"lastTransitionTime\":"
		    "\"2026-01-01T12:00:00Z\",\"reason\":\"FailedCreate\","
		    "\"message\":\"" QUOTA "\"}]") != NULL);
		CHECK_INT(ctl_count(p, "create /api/v1/namespaces/a/pods "),
		    3);
	}
	CASE("which stays until there are as many pods as wanted") {
		ctl_put(&c, "apps/replicasets", "{\"metadata\":{\"name\":"
		    "\"s\",\"namespace\":\"a\"},\"status\":{\"conditions\":[{"
		    "\"type\":\"ReplicaFailure\",\"status\":\"True\"},{"
		    "\"type\":\"Mine\",\"status\":\"True\"}]}}");
		p = ctl_do(&c, "a", "s");
		CHECK_INT(ctl_count(p, "\"ReplicaFailure\""), 1);
		(void)ctl_settle(&c, "a", "s");
		json = ctl_get(&c, "apps/replicasets", "a", "s");
		CHECK(strstr(json, "ReplicaFailure") == NULL);
		CHECK(strstr(json, "\"conditions\":[{\"type\":\"Mine\"") !=
		    NULL);
		CHECK(strstr(json, "\"replicas\":3") != NULL);
		CHECK(strstr(json, "\"fullyLabeledReplicas\":3") != NULL);
		free(json);
		ctl_close(&c);
	}
	CASE("so is a deletion that was refused") {
		begin(0, NULL);
		put_pod("s", "a", "n1", OLD, NULL);
		ctl_refused(&c, PIN_REFUSED_DELETE, "pods", "{\"kind\":"
		    "\"Status\",\"message\":\"no\",\"code\":403}");
		p = ctl_plan(&c, "a", "s");
		CHECK(strstr(p, "event Warning FailedDelete Error deleting: "
		    "no\n") != NULL);
		CHECK(strstr(p, "\"reason\":\"FailedDelete\",\"message\":"
		    "\"no\"") != NULL);
		ctl_close(&c);
	}
	CASE("a refusal of something else says nothing") {
		begin(1, NULL);
		ctl_refused(&c, PIN_REFUSED_UPDATE, "replicasets", "{\"kind\":"
		    "\"Status\",\"message\":\"conflict\",\"code\":409}");
		p = ctl_plan(&c, "a", "s");
		CHECK(strstr(p, "Warning") == NULL);
		CHECK(strstr(p, "ReplicaFailure") == NULL);
		ctl_close(&c);
	}
}

int
main(void)
{
	test_order();
	test_order_of_time();
	test_refusal();
	return (tap_done());
}
