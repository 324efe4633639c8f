/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scheduler.c -- the pure scheduler: what a pod requests, which queue it
 * waits in, that no node is ever promised twice, how fast it is.
 * Contract: core/scheduler/sched.h. */
#include <time.h>

#include "core/scheduler/sched_int.h"
#include "schedkit.h"
#include "tap.h"

#define ALL	"node-unschedulable node-name taint-toleration " \
		"node-affinity node-resources-fit " \
		"node-resources-least-allocated"
#define ROOM	"\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"10\""

static struct kit k;

/* ---- requests ---------------------------------------------------------- */

static void
request(const char *spec, struct amounts *a, struct names *names)
{
	char json[4096];
	struct pin_obj *o = NULL;
	struct pin_err err = PIN_ERR_INIT;

	snprintf(json, sizeof(json), "{\"spec\":{%s}}", spec);
	if (pin_obj_parse(NULL, json, strlen(json), &o, &err) != PIN_OK)
		BAIL("%s", err.text);
	request_of(names, o, a);
	pin_obj_free(&o);
}

#define C(req)	"{\"resources\":{\"requests\":{" req "}}}"
#define SIDE(req) "{\"restartPolicy\":\"Always\",\"resources\":{" \
		"\"requests\":{" req "}}}"

static void
test_requests(void)
{
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts a = { .ext = ext };
	struct names names = { 0 };

	CASE("containers are added up") {
		request("\"containers\":[" C("\"cpu\":\"100m\",\"memory\":"
		    "\"1Gi\"") "," C("\"cpu\":\"1\",\"a.b/c\":\"2\"") "]", &a,
		    &names);
		CHECK_INT(a.cpu, 1100);
		CHECK_INT(a.memory, 1 << 30);
		CHECK_INT(a.nonzero_memory, (1 << 30) + (200 << 20));
		CHECK_INT(a.n, 1);
		CHECK_INT(a.ext[0].value, 2);
	}
	CASE("the largest init container counts when it needs more") {
		request("\"containers\":[" C("\"cpu\":\"1\"") "],"
		    "\"initContainers\":[" C("\"cpu\":\"3\"") ","
		    C("\"cpu\":\"2\",\"memory\":\"5\"") "]", &a, &names);
		CHECK_INT(a.cpu, 3000);
		CHECK_INT(a.memory, 5);
	}
	CASE("a sidecar counts beside what starts after it, not before") {
		request("\"containers\":[" C("\"cpu\":\"1\"") "],"
		    "\"initContainers\":[" C("\"cpu\":\"3\"") ","
		    SIDE("\"cpu\":\"1\"") "," C("\"cpu\":\"2500m\"") "]", &a,
		    &names);
		CHECK_INT(a.cpu, 3500);
		request("\"containers\":[" C("\"cpu\":\"3\"") "],"
		    "\"initContainers\":[" SIDE("\"cpu\":\"1\"") "]", &a,
		    &names);
		CHECK_INT(a.cpu, 4000);
	}
	CASE("the overhead comes on top, the pod's own requests instead") {
		request("\"containers\":[" C("\"cpu\":\"3\"") "],"
		    "\"overhead\":{\"cpu\":\"250m\"},\"resources\":{"
		    "\"requests\":{\"cpu\":\"1\"}}", &a, &names);
		CHECK_INT(a.cpu, 1250);
	}
	CASE("nothing asked for still counts for scores") {
		request("\"containers\":[" C("") "]", &a, &names);
		CHECK_INT(a.cpu, 0);
		CHECK_INT(a.nonzero_cpu, 100);
		CHECK_INT(a.nonzero_memory, 200 << 20);
	}
	CASE("numbers beyond all measure stay numbers") {
		request("\"containers\":[" C("\"cpu\":\"9E\",\"memory\":"
		    "\"9E\"") "," C("\"cpu\":\"9E\",\"memory\":\"-1\"") "]",
		    &a, &names);
		CHECK(a.cpu > 0 && a.memory > 0);
	}
	names_fini(&names);
}

/* ---- queues ------------------------------------------------------------ */

static void
test_queues(void)
{
	int i, n;

	kit_open(&k, 1, ALL);
	CASE("without nodes it says so") {
		kit_want(&k, "a", "");
		CHECK_STR(kit_next(&k),
		    "a: no nodes available to schedule pods");
		CHECK_STR(kit_next(&k), "");
	}
	CASE("a node wakes it, after its back-off") {
		kit_node(&k, "n", ROOM, "", "");
		CHECK_STR(kit_next(&k), "");
		CHECK_UINT(sched_due(k.s), k.now + 1 * KIT_S);
		k.now += 1 * KIT_S;
		CHECK_STR(kit_next(&k), "a -> n");
	}
	CASE("the more important first, then who came first") {
		kit_want(&k, "b", "");
		kit_want(&k, "c", "");
		kit_pod(&k, "d", "\"priority\":7", "");
		CHECK_STR(kit_next(&k), "d -> n");
		CHECK_STR(kit_next(&k), "b -> n");
		CHECK_STR(kit_next(&k), "c -> n");
	}
	CASE("the back-off doubles up to ten seconds") {
		kit_want(&k, "e", "\"cpu\":\"3900m\"");
		kit_want(&k, "f", "\"cpu\":\"1\"");
		CHECK_STR(kit_next(&k), "e -> n");
		CHECK(strncmp(kit_next(&k), "f: 0/1 nodes", 12) == 0);
		for (i = 0, n = 1; i < 6; i++, n = n < 8 ? n * 2 : 10) {
			kit_node(&k, "n", ROOM, i % 2 ? "" : "\"x\":\"y\"",
			    "");
			CHECK_UINT(sched_due(k.s), k.now + (uint64_t)n *
			    KIT_S);
			k.now += (uint64_t)n * KIT_S - 1;
			CHECK_STR(kit_next(&k), "");
			k.now += 1;
			CHECK(strncmp(kit_next(&k), "f: 0/1", 6) == 0);
		}
	}
	CASE("a pod that leaves makes room") {
		k.now += 20 * KIT_S;
		kit_gone(&k, "e");
		CHECK_STR(kit_next(&k), "f -> n");
	}
	CASE("what can never fit is not woken by leaving pods") {
		kit_want(&k, "g", "\"cpu\":\"100\"");
		CHECK(strncmp(kit_next(&k), "g: ", 3) == 0);
		k.now += 20 * KIT_S;
		kit_gone(&k, "f");
		CHECK_STR(kit_next(&k), "");
		CHECK_UINT(sched_due(k.s), k.now - 20 * KIT_S + 300 * KIT_S);
	}
	CASE("but tried again after five minutes") {
		k.now += 280 * KIT_S;
		CHECK(strncmp(kit_next(&k), "g: ", 3) == 0);
	}
	CASE("a heartbeat wakes nobody") {
		k.now += 20 * KIT_S;
		kit_node(&k, "n", ROOM, "\"x\":\"y\"", "");
		(void)kit_next(&k);
		k.now += 20 * KIT_S;
		kit_node(&k, "n", ROOM, "\"x\":\"y\"", "");
		CHECK_STR(kit_next(&k), "");
	}
	kit_close(&k);
}

static void
test_leaving(void)
{
	kit_open(&k, 1, ALL);
	kit_node(&k, "n", ROOM, "", "");
	CASE("a deleted, a foreign, a finished and a gated pod have no turn") {
		kit_want(&k, "a", "");
		kit_gone(&k, "a");
		kit_pod(&k, "b", "\"schedulerName\":\"mine\"", "");
		kit_pod(&k, "c", "", "\"phase\":\"Failed\"");
		kit_pod(&k, "d", "\"schedulingGates\":[{\"name\":\"x\"}]",
		    "");
		kit_pod_json(&k, "{\"metadata\":{\"name\":\"e\",\"namespace\""
		    ":\"ns\",\"uid\":\"1\",\"deletionTimestamp\":\"now\"}}");
		CHECK_STR(kit_next(&k), "");
		CHECK_INT(sched_count(k.s)->gated, 1);
		kit_pod(&k, "d", "", "");
		CHECK_STR(kit_next(&k), "d -> n");
		CHECK_INT(sched_count(k.s)->gated, 0);
	}
	CASE("another pod by the same name is another pod") {
		kit_want(&k, "f", "\"cpu\":\"3\"");
		CHECK_STR(kit_next_held(&k), "f -> n");
		kit_pod_json(&k, "{\"metadata\":{\"name\":\"f\",\"namespace\""
		    ":\"ns\",\"uid\":\"new\"},\"spec\":{}}");
		kit_bound(&k, "f", SCHED_REFUSED);	/* of the old one */
		CHECK_STR(kit_next(&k), "f -> n");
		CHECK_STR(kit_next(&k), "");
	}
	CASE("a finished pod frees its node") {
		kit_pod(&k, "h", "\"nodeName\":\"n\",\"containers\":["
		    C("\"cpu\":\"4\"") "]", "");
		kit_want(&k, "i", "\"cpu\":\"4\"");
		CHECK(strncmp(kit_next(&k), "i: ", 3) == 0);
		k.now += 2 * KIT_S;
		kit_pod(&k, "h", "\"nodeName\":\"n\",\"containers\":["
		    C("\"cpu\":\"4\"") "]", "\"phase\":\"Succeeded\"");
		CHECK_STR(kit_next(&k), "i -> n");
	}
	CASE("pods heard of before their node count on it") {
		kit_pod(&k, "j", "\"nodeName\":\"m\",\"containers\":["
		    C("\"cpu\":\"4\"") "]", "");
		sched_node_remove(k.s, PIN_STR("n"), k.now);
		kit_node(&k, "m", ROOM, "", "");
		kit_want(&k, "l", "\"cpu\":\"1\"");
		CHECK(strncmp(kit_next(&k), "l: 0/1 nodes are available: 1 "
		    "Insufficient cpu.", 47) == 0);
	}
	kit_close(&k);
}

/* ---- bindings ---------------------------------------------------------- */

static void
test_bindings(void)
{
	kit_open(&k, 1, ALL);
	kit_node(&k, "n", ROOM, "", "");
	CASE("a refused binding frees the room and is tried again") {
		kit_want(&k, "a", "\"cpu\":\"3\"");
		kit_want(&k, "b", "\"cpu\":\"3\"");
		CHECK_STR(kit_next_held(&k), "a -> n");
		CHECK(strncmp(kit_next_held(&k), "b: ", 3) == 0);
		kit_bound(&k, "a", SCHED_REFUSED);
		CHECK_INT(sched_count(k.s)->assumed, 0);
		k.now += 1 * KIT_S;
		CHECK_STR(kit_next_held(&k), "b -> n");
		CHECK(strncmp(kit_next_held(&k), "a: ", 3) == 0);
	}
	CASE("one without an answer keeps the room and is sent again") {
		kit_bound(&k, "b", SCHED_UNKNOWN);
		kit_want(&k, "c", "\"cpu\":\"2\"");
		CHECK(strncmp(kit_next_held(&k), "c: ", 3) == 0);
		k.now += 2 * KIT_S;
		CHECK_STR(kit_next_held(&k), "b -> n");
		CHECK(k.d.pod == NULL);
	}
	CASE("the server's word ends it, wherever it says the pod is") {
		kit_node(&k, "m", ROOM, "", "\"unschedulable\":true");
		kit_pod(&k, "b", "\"nodeName\":\"m\",\"containers\":["
		    C("\"cpu\":\"3\"") "]", "");
		kit_bound(&k, "b", SCHED_REFUSED);	/* too late */
		k.now += 30 * KIT_S;
		CHECK_STR(kit_next(&k), "a -> n");
		CHECK_INT(sched_count(k.s)->assumed, 1);
	}
	kit_close(&k);
}

/* ---- never twice ------------------------------------------------------- */

static uint64_t rnd;

static uint32_t
roll(uint32_t n)
{
	rnd = rnd * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return ((uint32_t)(rnd >> 33) % n);
}

static int
over(const struct pin_snapshot *snap)
{
	const int64_t *ac = pin_snap_column(snap, PIN_COL_ALLOC_CPU),
	    *uc = pin_snap_column(snap, PIN_COL_USED_CPU),
	    *ap = pin_snap_column(snap, PIN_COL_ALLOC_PODS),
	    *up = pin_snap_column(snap, PIN_COL_USED_PODS);
	uint32_t i;

	for (i = 0; i < pin_snap_count(snap); i++)
		if (uc[i] > ac[i] || up[i] > ap[i] || uc[i] < 0 || up[i] < 0)
			return (1);
	return (0);
}

struct model {
	char		 node[300][24];	/* "": not placed */
	int		 there[300], cpu[300];
};

/* What the columns say must be what the pods say. */
static int
agrees(const struct model *m)
{
	const struct pin_snapshot *snap = sched_snapshot(k.s);
	uint32_t i, j;
	int64_t cpu, pods;

	for (i = 0; i < pin_snap_count(snap); i++) {
		cpu = pods = 0;
		for (j = 0; j < 300; j++)
			if (m->there[j] && pin_str_is(pin_snap_name(snap, i),
			    m->node[j])) {
				cpu += m->cpu[j];
				pods++;
			}
		if (cpu != pin_snap_column(snap, PIN_COL_USED_CPU)[i] ||
		    pods != pin_snap_column(snap, PIN_COL_USED_PODS)[i])
			return (0);
	}
	return (1);
}

static uint64_t
storm(uint64_t seed, uint64_t choice, int steps)
{
	static struct model m;
	uint64_t h = SCHED_HASH;
	char name[24], spec[256], node[24];
	uint32_t j;
	int bad = 0;

	memset(&m, 0, sizeof(m));
	rnd = seed;
	kit_open(&k, choice, ALL);
	for (j = 0; j < 20; j++) {
		snprintf(node, sizeof(node), "n%u", j);
		kit_node(&k, node, ROOM, "", "");
	}
	while (steps-- > 0) {
		k.now += roll(1000) * SCHED_MS;
		snprintf(node, sizeof(node), "n%u", roll(20));
		if (roll(30) == 0)
			sched_node_remove(k.s, pin_str(node), k.now);
		else if (roll(10) == 0)
			kit_node(&k, node, ROOM, "", "");
		j = roll(300);
		snprintf(name, sizeof(name), "p%u", j);
		if (!m.there[j]) {
			m.there[j] = 1;
			m.node[j][0] = '\0';
			m.cpu[j] = (int)roll(2000);
			snprintf(spec, sizeof(spec), "\"cpu\":\"%dm\"",
			    m.cpu[j]);
			kit_want(&k, name, spec);
		} else if (roll(3) == 0) {
			m.there[j] = 0;
			kit_gone(&k, name);
		} else if (m.node[j][0] != '\0') {
			snprintf(spec, sizeof(spec), "\"nodeName\":\"%s\","
			    "\"containers\":[{\"resources\":{\"requests\":{"
			    "\"cpu\":\"%dm\"}}}]", m.node[j], m.cpu[j]);
			kit_pod(&k, name, spec, "");
		}
		while (kit_next_held(&k)[0] != '\0') {
			bad |= over(sched_snapshot(k.s));
			if (k.d.what != SCHED_BIND)
				continue;
			snprintf(name, sizeof(name), PIN_SFMT,
			    PIN_SARG(k.d.name));
			j = (uint32_t)atoi(name + 1);
			snprintf(m.node[j], sizeof(m.node[j]), PIN_SFMT,
			    PIN_SARG(k.d.node));
			h = sched_hash(sched_hash(h, k.d.name), k.d.node);
			if (roll(5) == 0) {
				m.node[j][0] = '\0';
				kit_bound(&k, name, SCHED_REFUSED);
			} else
				kit_bound(&k, name, SCHED_BOUND);
		}
		bad |= over(sched_snapshot(k.s)) || !agrees(&m);
	}
	CHECK(!bad);
	kit_close(&k);
	return (h);
}

static void
test_storm(void)
{
	uint64_t a, i;

	CASE("no node is ever promised twice, and the columns add up")
		for (i = 1; i <= 3; i++)
			(void)storm(i, i, 4000);
	CASE("the same seed decides the same, another one does not") {
		a = storm(9, 1, 1000);
		CHECK_UINT(storm(9, 1, 1000), a);
		CHECK(storm(9, 2, 1000) != a);
	}
}

/* ---- claims, reasons --------------------------------------------------- */

static void
test_claims(void)
{
	static const struct { const char *spec, *path; } rows[] = {
		{ "\"topologySpreadConstraints\":[{\"whenUnsatisfiable\":"
		    "\"DoNotSchedule\"}]", "spec.topologySpreadConstraints" },
		{ "\"affinity\":{\"podAffinity\":{\"requiredDuringScheduling"
		    "IgnoredDuringExecution\":[{}]}}",
		    "spec.affinity.podAffinity" },
		{ "\"affinity\":{\"podAntiAffinity\":{\"requiredDuring"
		    "SchedulingIgnoredDuringExecution\":[{}]}}",
		    "spec.affinity.podAntiAffinity" },
		{ "\"volumes\":[{\"persistentVolumeClaim\":{\"claimName\":"
		    "\"x\"}}]", "spec.volumes.persistentVolumeClaim" },
		{ "\"volumes\":[{\"ephemeral\":{}}]",
		    "spec.volumes.ephemeral" },
		{ "\"resourceClaims\":[{\"name\":\"x\"}]",
		    "spec.resourceClaims" },
		{ "\"containers\":[{\"ports\":[{\"hostPort\":80}]}]",
		    "spec.containers.ports.hostPort" },
	};
	char want[256];
	size_t i;

	kit_open(&k, 1, ALL);
	kit_node(&k, "n", ROOM, "", "");
	CASE("a hard constraint that nobody claims is named")
		for (i = 0; i < PIN_LEN(rows); i++) {
			kit_pod(&k, "a", rows[i].spec, "");
			snprintf(want, sizeof(want), "a: 0/1 nodes are "
			    "available: %s is used by the pod and no "
			    "configured scheduler plugin honours it.",
			    rows[i].path);
			CHECK_STR(kit_next(&k), want);
			kit_gone(&k, "a");
		}
	CASE("a soft one is not in the way") {
		kit_pod(&k, "b", "\"topologySpreadConstraints\":[{\"when"
		    "Unsatisfiable\":\"ScheduleAnyway\"}],\"volumes\":[{"
		    "\"emptyDir\":{}}],\"containers\":[{\"ports\":[{"
		    "\"containerPort\":80}]}]", "");
		CHECK_STR(kit_next(&k), "b -> n");
	}
	kit_close(&k);
}

/* Removing one plugin removes what it does and nothing else. */
static void
test_removal(void)
{
	kit_open(&k, 1, "node-resources-fit taint-toleration");
	kit_node(&k, "n", ROOM, "", "\"unschedulable\":true,\"taints\":[{"
	    "\"key\":\"k\",\"effect\":\"NoSchedule\"}]");
	CASE("without node-unschedulable the cordon is not seen") {
		kit_want(&k, "a", "\"cpu\":\"5\"");
		CHECK_STR(kit_next(&k), "a: 0/1 nodes are available: 1 "
		    "Insufficient cpu. preemption: 0/1 nodes are available: "
		    "1 Preemption is not helpful for scheduling.");
	}
	CASE("without node-affinity a selector keeps the pod waiting") {
		kit_pod(&k, "b", "\"nodeSelector\":{\"a\":\"b\"}", "");
		CHECK(strstr(kit_next(&k), "spec.nodeSelector is used") !=
		    NULL);
	}
	CASE("without taint-toleration the taint is not seen") {
		kit_pod(&k, "c", "\"containers\":[{}]", "");
		CHECK(strstr(kit_next(&k), "untolerated") != NULL);
		k.now += 2 * KIT_S;
		kit_policies(&k, "node-resources-fit");
		(void)kit_next(&k);
		(void)kit_next(&k);
		CHECK_STR(kit_next(&k), "c -> n");
	}
	CASE("without node-resources-fit requests keep the pod waiting, "
	    "others go to a full node") {
		kit_node(&k, "n", "\"cpu\":\"1\",\"pods\":\"0\"", "", "");
		kit_pod(&k, "d", "\"containers\":[{}]", "");
		CHECK(strstr(kit_next(&k), "Too many pods") != NULL);
		k.now += 20 * KIT_S;
		kit_policies(&k, "node-affinity");
		CHECK(strstr(kit_next(&k), "a: 0/1 nodes are available: "
		    "spec.containers.resources.requests is used") != NULL);
		(void)kit_next(&k);
		CHECK_STR(kit_next(&k), "d -> n");
	}
	kit_close(&k);
}

static void
test_preemption_words(void)
{
	kit_open(&k, 1, ALL);
	kit_node(&k, "a", ROOM, "", "");
	kit_node(&k, "b", ROOM, "", "");
	kit_node(&k, "c", ROOM, "", "\"unschedulable\":true");
	kit_pod(&k, "p", "\"nodeName\":\"a\",\"priority\":5,\"containers\":["
	    C("\"cpu\":\"4\"") "]", "");
	kit_pod(&k, "q", "\"nodeName\":\"b\",\"priority\":50,\"containers\":["
	    C("\"cpu\":\"4\"") "]", "");
	CASE("what preemption would bring is said truly") {
		kit_pod(&k, "r", "\"priority\":10,\"containers\":["
		    C("\"cpu\":\"1\"") "]", "");
		CHECK_STR(kit_next(&k), "r: 0/3 nodes are available: 1 "
		    "node(s) were unschedulable, 2 Insufficient cpu. "
		    "preemption: 0/3 nodes are available: 1 No preemption "
		    "victims found for incoming pod, 1 Preemption is not "
		    "helpful for scheduling, 1 Preemption is not supported.");
		kit_pod(&k, "s", "\"preemptionPolicy\":\"Never\","
		    "\"containers\":[" C("\"cpu\":\"1\"") "]", "");
		CHECK(strstr(kit_next(&k), " preemption: not eligible due to "
		    "preemptionPolicy=Never.") != NULL);
	}
	kit_close(&k);
}

/* ---- policies that misbehave ------------------------------------------- */

static int
rogue_filter(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, struct pin_bits *nodes,
    struct pin_reasons *why)
{
	(void)snap;
	(void)pod;
	(void)why;
	nodes->word[0] |= 3;		/* whatever others said */
	return (*(const int *)self);
}

static int
rogue_score(void *self, const struct pin_snapshot *snap,
    const struct pin_sched_pod *pod, const struct pin_bits *nodes,
    int32_t *out)
{
	(void)self;
	(void)snap;
	(void)pod;
	(void)nodes;
	out[0] = INT32_MAX;
	out[1] = INT32_MIN;
	return (PIN_OK);
}

static void
test_rogues(void)
{
	static const struct pin_scheduler_ops ops = { .size = sizeof(ops),
	    .filter = rogue_filter, .score = rogue_score };
	struct sched_policy list[2] = { 0 };
	int rc = PIN_OK;

	kit_open(&k, 1, "node-unschedulable");
	list[0] = (struct sched_policy){ "node-unschedulable",
	    k.policy[0].plugin->ops, k.policy[0].self, 1 };
	list[1] = (struct sched_policy){ "rogue", &ops, &rc, 100 };
	sched_policies(k.s, list, 2, k.now);
	kit_node(&k, "a", ROOM, "", "");
	kit_node(&k, "b", ROOM, "", "\"unschedulable\":true");
	CASE("a filter cannot bring a node back") {
		kit_want(&k, "p", "");
		CHECK(strstr(kit_next(&k), "-> b") == NULL);
		kit_node(&k, "a", ROOM, "", "\"unschedulable\":true");
		kit_pod(&k, "q", "\"containers\":[{}]", "");
		CHECK(strstr(kit_next(&k), "2 node(s) were unschedulable") !=
		    NULL);
		kit_node(&k, "a", ROOM, "", "");
		k.now += 2 * KIT_S;
		CHECK_STR(kit_next(&k), "q -> a");
	}
	CASE("a policy that fails costs the pod a back-off, no more") {
		rc = PIN_EIO;
		kit_pod(&k, "r", "\"containers\":[{}]", "");
		CHECK(strstr(kit_next(&k), "running \"rogue\" filter plugin")
		    != NULL);
		CHECK_INT(k.d.what, SCHED_ERROR);
		CHECK_STR(kit_next(&k), "");
		rc = PIN_OK;
		k.now += 1 * KIT_S;
		CHECK_STR(kit_next(&k), "r -> a");
	}
	CASE("a score beyond its range is cut") {
		kit_node(&k, "b", ROOM, "", "");
		kit_pod(&k, "s", "\"containers\":[{}]", "");
		CHECK_STR(kit_next(&k), "s -> a");
		CHECK_INT(k.s->total[0], 100 * 100);
		CHECK_INT(k.s->total[1], 0);
	}
	kit_close(&k);
}

/* ---- speed ------------------------------------------------------------- */

static void
test_speed(void)
{
	struct timespec a, b;
	char name[32];
	double s;
	int i, n = 0;

	kit_open(&k, 1, ALL);
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "node-%d", i);
		kit_node(&k, name, ROOM, "\"zone\":\"a\",\"kubernetes.io/"
		    "hostname\":\"x\"", i % 10 ? "" : "\"taints\":[{\"key\":"
		    "\"k\",\"effect\":\"NoSchedule\"}]");
	}
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "pod-%d", i);
		kit_want(&k, name, "\"cpu\":\"100m\",\"memory\":\"64Mi\"");
	}
	/* Of this process: others may be busy. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	while (kit_next(&k)[0] != '\0')
		n++;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) /
	    1e9;
	tap_diag("5000 nodes: %d decisions in %.3f s of cpu, %.0f a second",
	    n, s, s > 0 ? n / s : 0);
	OK(n == 1000 && sched_count(k.s)->bound == 1000,
	    "a thousand pods find one of five thousand nodes");
	kit_close(&k);
}

int
main(void)
{
	test_requests();
	test_queues();
	test_leaving();
	test_bindings();
	test_storm();
	test_claims();
	test_removal();
	test_preemption_words();
	test_rogues();
	test_speed();
	return (tap_done());
}
