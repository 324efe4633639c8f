/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scheduler_pods.c -- what the policies decide that look at other pods:
 * node-ports, inter-pod-affinity, pod-topology-spread.
 * Contract: upstream's NodePorts, InterPodAffinity, PodTopologySpread. */
#include <stdio.h>
#include <string.h>

#include "schedkit.h"
#include "tap.h"

static struct kit k;

#define ROOM	"\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\""

static void
node(const char *name, const char *zone)
{
	char labels[256];

	snprintf(labels, sizeof(labels), "\"host\":\"%s\"%s%s%s", name, *zone ?
	    ",\"zone\":\"" : "", zone, *zone ? "\"" : "");
	kit_node(&k, name, ROOM, labels, "");
}

static void
pod(const char *name, const char *app, const char *on, const char *spec)
{
	char json[4096];

	snprintf(json, sizeof(json), "{\"metadata\":{\"namespace\":\"ns\","
	    "\"name\":\"%s\",\"uid\":\"u-%s\",\"labels\":{\"app\":\"%s\"}},"
	    "\"spec\":{%s%s%s%s%s},\"status\":{}}", name, name, app, *on ?
	    "\"nodeName\":\"" : "", on, *on ? "\"" : "", *on && *spec ? "," :
	    "", spec);
	kit_pod_json(&k, json);
}

static int
says(const char *text)
{
	const char *got = kit_next(&k);

	if (strstr(got, text) != NULL)
		return (1);
	tap_diag("got '%s'", got);
	tap_diag("not '%s'", text);
	return (0);
}

/* ---- ports ------------------------------------------------------- */

#define PORT(n, more)	"\"containers\":[{\"ports\":[{\"containerPort\":1," \
    "\"hostPort\":" n more "}]}]"
#define FREE	"node(s) didn't have free ports for the requested pod ports"

static void
test_ports(void)
{
	CASE("node-ports: taken on the one node, not on the other") {
		kit_open(&k, 1, "node-ports");
		node("n1", "");
		pod("a", "x", "", PORT("80", ""));
		CHECK(says("a -> n1"));
		pod("b", "x", "", PORT("80", ""));
		CHECK(says("b: 0/1 nodes are available: 1 " FREE));
		node("n2", "");
		k.now += 60 * KIT_S;
		CHECK(says("b -> n2"));
	}
	CASE("node-ports: another protocol, another address, another port") {
		pod("c", "x", "", PORT("80", ",\"protocol\":\"UDP\",\"hostIP\":"
		    "\"127.0.0.1\""));
		CHECK(says("c -> n"));
		pod("d", "x", "", PORT("81", ",\"hostIP\":\"10.0.0.1\""));
		CHECK(says("d -> n"));
		pod("e", "x", "", PORT("81", ",\"hostIP\":\"10.0.0.2\""));
		CHECK(says("e -> n"));
		kit_close(&k);
	}
	CASE("node-ports: all addresses and one of them clash, both ways") {
		kit_open(&k, 1, "node-ports");
		node("n1", "");
		pod("a", "x", "n1", PORT("80", ",\"hostIP\":\"10.0.0.1\""));
		pod("b", "x", "", PORT("80", ""));
		CHECK(says(FREE));
		pod("c", "x", "n1", PORT("90", ",\"hostIP\":\"0.0.0.0\""));
		pod("d", "x", "", PORT("90", ",\"hostIP\":\"10.0.0.1\""));
		CHECK(says(FREE));
	}
	CASE("node-ports: the pod leaves, the port is free") {
		kit_gone(&k, "a");
		k.now += 60 * KIT_S;
		CHECK(says("b -> n1"));
		kit_close(&k);
	}
	CASE("node-ports: a sidecar's count, an init container's do not") {
		kit_open(&k, 1, "node-ports");
		node("n1", "");
		pod("a", "x", "n1", "\"initContainers\":[{\"ports\":[{"
		    "\"hostPort\":70}]},{\"restartPolicy\":\"Always\","
		    "\"ports\":[{\"hostPort\":71}]}]");
		pod("b", "x", "", PORT("71", ""));
		CHECK(says(FREE));
		pod("c", "x", "", PORT("70", ""));
		CHECK(says("c -> n1"));
		kit_close(&k);
	}
}

/* ---- affinity ---------------------------------------------------- */

#define TERM(app, key, more) "{\"labelSelector\":{\"matchLabels\":{\"app\":\"" \
    app "\"}},\"topologyKey\":\"" key "\"" more "}"
#define REQ(kind, terms) "\"affinity\":{\"" kind "\":{" \
    "\"requiredDuringSchedulingIgnoredDuringExecution\":[" terms "]}}"

static void
test_near(void)
{
	CASE("affinity: waits for the pod it needs, and follows it") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		node("n2", "b");
		pod("web", "web", "", REQ("podAffinity", TERM("db", "zone",
		    "")));
		CHECK(says("web: 0/2 nodes are available: 2 node(s) didn't "
		    "match pod affinity rules. preemption: 0/2 nodes are "
		    "available: 2 Preemption is not helpful"));
		pod("db", "db", "n2", "");
		k.now += 60 * KIT_S;
		CHECK(says("web -> n2"));
		kit_close(&k);
	}
	CASE("affinity: a pod that is there already becomes that pod") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		pod("db", "x", "n1", "");
		pod("web", "web", "", REQ("podAffinity", TERM("db", "zone",
		    "")));
		CHECK(says("didn't match pod affinity rules"));
		pod("db", "db", "n1", "");
		k.now += 60 * KIT_S;
		CHECK(says("web -> n1"));
		kit_close(&k);
	}
	CASE("affinity: the first of a group that wants to be together") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "");
		node("n2", "b");
		pod("a", "g", "", REQ("podAffinity", TERM("g", "zone", "")));
		CHECK(says("a -> n2"));	/* the other has no zone */
		node("n3", "c");
		pod("b", "g", "", REQ("podAffinity", TERM("g", "zone", "")));
		CHECK(says("b -> n2"));
		kit_close(&k);
	}
	CASE("affinity: not of another namespace, unless it is named") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		kit_pod_json(&k, "{\"metadata\":{\"namespace\":\"other\","
		    "\"name\":\"db\",\"uid\":\"u\",\"labels\":{\"app\":\"db\"}"
		    "},\"spec\":{\"nodeName\":\"n1\"}}");
		pod("a", "x", "", REQ("podAffinity", TERM("db", "zone", "")));
		CHECK(says("didn't match pod affinity rules"));
		pod("b", "x", "", REQ("podAffinity", TERM("db", "zone",
		    ",\"namespaces\":[\"other\"]")));
		CHECK(says("b -> n1"));
		pod("c", "x", "", REQ("podAffinity", TERM("db", "zone",
		    ",\"namespaceSelector\":{}")));
		CHECK(says("c -> n1"));
		pod("d", "x", "", REQ("podAffinity", TERM("db", "zone",
		    ",\"namespaceSelector\":{\"matchLabels\":{\"a\":\"b\"}}")));
		CHECK(says("spec.affinity.podAffinity.namespaceSelector is "
		    "used by the pod"));
		kit_close(&k);
	}
}

static void
test_far(void)
{
	CASE("anti-affinity: one a host") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		node("n2", "a");
		pod("a", "g", "n1", "");
		pod("b", "g", "", REQ("podAntiAffinity", TERM("g", "host",
		    "")));
		CHECK(says("b -> n2"));
		pod("c", "g", "", REQ("podAntiAffinity", TERM("g", "host",
		    "")));
		CHECK(says("c: 0/2 nodes are available: 2 node(s) didn't "
		    "match pod anti-affinity rules."));
		kit_gone(&k, "a");
		k.now += 60 * KIT_S;
		CHECK(says("c -> n1"));
	}
	CASE("anti-affinity: those that are there may not want it") {
		pod("d", "g", "", "");
		CHECK(says("d: 0/2 nodes are available: 2 node(s) didn't "
		    "satisfy existing pods anti-affinity rules."));
		pod("e", "other", "", "");
		CHECK(says("e -> n"));
		kit_close(&k);
	}
	CASE("anti-affinity: of all terms, not of one; by the whole zone") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		node("n2", "a");
		node("n3", "b");
		pod("a", "g", "n1", "");
		pod("b", "x", "", REQ("podAntiAffinity", TERM("h", "host", "")
		    "," TERM("g", "zone", "")));
		CHECK(says("b -> n3"));
		kit_close(&k);
	}
	CASE("matchLabelKeys: of the same value only") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		pod("a", "one", "n1", "");
		pod("b", "two", "", REQ("podAntiAffinity", "{\"labelSelector\""
		    ":{},\"matchLabelKeys\":[\"app\"],\"topologyKey\":"
		    "\"host\"}"));
		CHECK(says("b -> n1"));
		pod("c", "one", "", REQ("podAntiAffinity", "{\"labelSelector\""
		    ":{},\"mismatchLabelKeys\":[\"app\"],\"topologyKey\":"
		    "\"host\"}"));
		CHECK(says("didn't match pod anti-affinity rules"));
		node("n2", "b");
		pod("a2", "one", "n2", "");
		k.now += 60 * KIT_S;
		CHECK(says("c -> n2"));
		kit_close(&k);
	}
}

#define PREFER(kind, weight, term) "\"affinity\":{\"" kind "\":{" \
    "\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":" \
    weight ",\"podAffinityTerm\":" term "}]}}"

/* Which of three nodes, every time. */
static int
always(const char *spec, const char *app, const char *want)
{
	char name[16];
	int i;

	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		pod(name, app, "", spec);
		if (!says(want))
			return (0);
		kit_gone(&k, name);
	}
	return (1);
}

static void
test_liking(void)
{
	CASE("preferred: where the pod is that it likes, if it can be") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		node("n2", "b");
		node("n3", "c");
		pod("db", "db", "n2", "");
		CHECK(always(PREFER("podAffinity", "10", TERM("db", "zone",
		    "")), "x", " -> n2"));
		CHECK_INT(kit_weight(&k.policy[0]), 2);
	}
	CASE("preferred: where the pods are not that it dislikes") {
		pod("db3", "db", "n3", "");
		CHECK(always(PREFER("podAntiAffinity", "10", TERM("db",
		    "zone", "")), "x", " -> n1"));
		kit_close(&k);
	}
	CASE("preferred: what those that are there like, and need") {
		kit_open(&k, 1, "inter-pod-affinity");
		node("n1", "a");
		node("n2", "b");
		node("n3", "c");
		pod("a", "y", "n1", PREFER("podAntiAffinity", "5", TERM("x",
		    "zone", "")));
		pod("b", "y", "n2", PREFER("podAffinity", "5", TERM("x",
		    "zone", "")));
		CHECK(always("", "x", " -> n2"));
		kit_gone(&k, "b");
		pod("c", "y", "n3", REQ("podAffinity", TERM("x", "zone",
		    "")));
		CHECK(always("", "x", " -> n3"));
		kit_close(&k);
	}
}

/* ---- spreading --------------------------------------------------- */

#define SPREAD(skew, key, more) "\"topologySpreadConstraints\":[{\"maxSkew\":" \
    skew ",\"topologyKey\":\"" key "\"," \
    "\"whenUnsatisfiable\":\"DoNotSchedule\"," \
    "\"labelSelector\":{\"matchLabels\":{\"app\":\"g\"}}" more "}]"
#define UNEVEN	"node(s) didn't match pod topology spread constraints"

static void
test_spread(void)
{
	CASE("spread: no zone has more than one above the least") {
		kit_open(&k, 1, "pod-topology-spread");
		node("n1", "a");
		node("n2", "b");
		node("n3", "");
		pod("a", "g", "n1", "");
		pod("b", "g", "", SPREAD("1", "zone", ""));
		CHECK(says("b -> n2"));
		kit_gone(&k, "b");
		pod("b2", "g", "n1", "");
		pod("c", "g", "", SPREAD("2", "zone", ""));
		CHECK(says("c -> n2"));
		kit_close(&k);
	}
	CASE("spread: nodes without the label are none, and never will be") {
		kit_open(&k, 1, "pod-topology-spread");
		node("n3", "");
		pod("a", "g", "", SPREAD("1", "zone", ""));
		CHECK(says("a: 0/1 nodes are available: 1 " UNEVEN " (missing "
		    "required label). preemption: 0/1 nodes are available: 1 "
		    "Preemption is not helpful"));
		kit_close(&k);
	}
	CASE("spread: too few domains count as an empty one") {
		kit_open(&k, 1, "pod-topology-spread");
		node("n1", "a");
		pod("a", "g", "n1", "");
		pod("b", "g", "", SPREAD("1", "zone", ""));
		CHECK(says("b -> n1"));
		pod("c", "g", "", SPREAD("1", "zone", ",\"minDomains\":2"));
		CHECK(says(UNEVEN));
		node("n2", "b");
		k.now += 60 * KIT_S;
		CHECK(says("c -> n2"));
		kit_close(&k);
	}
	CASE("spread: a pod that it does not select does not add to it") {
		kit_open(&k, 1, "pod-topology-spread");
		node("n1", "a");
		pod("a", "g", "n1", "");
		pod("b", "other", "", SPREAD("1", "zone",
		    ",\"minDomains\":2"));
		CHECK(says("b -> n1"));
		kit_close(&k);
	}
}

static void
test_spread_nodes(void)
{
	CASE("spread: nodes the pod's selector rules out do not count") {
		kit_open(&k, 1, "pod-topology-spread node-affinity");
		node("n1", "a");
		node("n2", "b");
		pod("a", "g", "n1", "");
		pod("b", "g", "", "\"nodeSelector\":{\"zone\":\"a\"},"
		    SPREAD("1", "zone", ""));
		CHECK(says("b -> n1"));
		pod("c", "g", "", "\"nodeSelector\":{\"zone\":\"a\"},"
		    SPREAD("1", "zone", ",\"nodeAffinityPolicy\":"
		    "\"Ignore\""));
		CHECK(says("0/2 nodes are available"));
		kit_close(&k);
	}
	CASE("spread: nor, when told so, those with taints") {
		kit_open(&k, 1, "pod-topology-spread taint-toleration");
		node("n1", "a");
		kit_node(&k, "n2", ROOM, "\"zone\":\"b\"", "\"taints\":[{"
		    "\"key\":\"t\",\"effect\":\"NoSchedule\"}]");
		pod("a", "g", "n1", "");
		pod("b", "g", "", SPREAD("1", "zone", ""));
		CHECK(says("1 " UNEVEN));
		pod("c", "g", "", SPREAD("1", "zone", ",\"nodeTaintsPolicy\":"
		    "\"Honor\""));
		CHECK(says("c -> n1"));
		kit_close(&k);
	}
	CASE("spread: one on its way out is gone already") {
		kit_open(&k, 1, "pod-topology-spread");
		node("n1", "a");
		node("n2", "b");
		pod("a", "g", "n2", "");
		kit_pod_json(&k, "{\"metadata\":{\"namespace\":\"ns\","
		    "\"name\":\"o\",\"uid\":\"u-o\",\"deletionTimestamp\":"
		    "\"2026-01-01T00:00:00Z\",\"labels\":{\"app\":\"g\"}},"
		    "\"spec\":{\"nodeName\":\"n1\"}}");
		kit_pod_json(&k, "{\"metadata\":{\"namespace\":\"ns\","
		    "\"name\":\"o2\",\"uid\":\"u-o2\",\"deletionTimestamp\":"
		    "\"2026-01-01T00:00:00Z\",\"labels\":{\"app\":\"g\"}},"
		    "\"spec\":{\"nodeName\":\"n1\"}}");
		pod("b", "g", "", SPREAD("1", "zone", ""));
		CHECK(says("b -> n1"));
		kit_close(&k);
	}
}

int
main(void)
{
	test_ports();
	test_near();
	test_far();
	test_liking();
	test_spread();
	test_spread_nodes();
	return (tap_done());
}
