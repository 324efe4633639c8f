/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scheduler.c -- the contract of the kind `scheduler`, against every plugin
 * of it, and what each of them decides.
 * Contract: pintle/scheduler.h, plugins/scheduler/README.md. */
#include <dirent.h>

#include "core/scheduler/sched_int.h"
#include "schedkit.h"
#include "tap.h"

#define ROOM	"\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"10\""
#define TAINT(key, value, effect) "{\"key\":\"" key "\",\"value\":\"" value \
		"\",\"effect\":\"" effect "\"}"
#define NODES	100

static struct kit k;
static struct kit_policy policy;
static char found[32][64];
static int nfound;

/* ---- what every plugin owes -------------------------------------------- */

static void
test_table(const char *name)
{
	const struct pin_scheduler_ops *ops = policy.plugin->ops;
	const struct pin_option *o;
	uint32_t i;

	CASE("%s: its table is whole", name) {
		CHECK_STR(policy.plugin->name, name);
		CHECK_INT(policy.plugin->kind, PIN_KIND_SCHEDULER);
		CHECK_INT(policy.plugin->kind_abi, PIN_SCHEDULER_ABI);
		CHECK(policy.plugin->summary != NULL);
		CHECK(PIN_HAS(ops, filter) || PIN_HAS(ops, score));
		for (i = 0; PIN_HAS(ops, claims) && ops->claims[i] != NULL;
		    i++)
			CHECK(strncmp(ops->claims[i], "spec.", 5) == 0);
		for (o = policy.plugin->options; o != NULL && o->name !=
		    NULL; o++)
			CHECK(o->help != NULL);
		for (o = policy.plugin->options; PIN_HAS(ops, score) && o !=
		    NULL && o->name != NULL && strcmp(o->name, "weight") !=
		    0; o++)
			;
		CHECK(!PIN_HAS(ops, score) || (o != NULL && o->name !=
		    NULL));
	}
}

/* Nodes of every kind, some full, some not there for long. */
static void
world(void)
{
	static const char *const specs[] = { "", "\"unschedulable\":true",
	    "\"taints\":[" TAINT("a", "b", "NoSchedule") "]",
	    "\"taints\":[" TAINT("a", "b", "PreferNoSchedule") "]",
	    "\"taints\":[" TAINT("c", "", "NoExecute") "," TAINT("a", "b",
	    "PreferNoSchedule") "]", "\"taints\":null" };
	static const char *const allocs[] = { ROOM, "", "\"cpu\":\"0\"",
	    "\"cpu\":\"9E\",\"memory\":\"9E\",\"pods\":\"1\",\"a.b/c\":\"1\"",
	    "\"cpu\":\"64\",\"memory\":\"bad\",\"pods\":\"110\"" };
	char name[32], spec[256];
	int i;

	for (i = 0; i < NODES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		kit_node(&k, name, allocs[i % 5], i % 3 ? "\"disk\":\"ssd\","
		    "\"n\":\"7\"" : "", specs[i % 6]);
		if (i % 4 == 0) {
			snprintf(spec, sizeof(spec), "\"nodeName\":\"n%d\","
			    "\"containers\":[{\"resources\":{\"requests\":{"
			    "\"cpu\":\"%d\"}}}]", i, i % 6);
			snprintf(name, sizeof(name), "p%d", i);
			kit_pod(&k, name, spec, "");
		}
	}
}

static const char *const pods[] = {
	"", "\"nodeName\":\"n7\"", "\"nodeSelector\":{\"disk\":\"ssd\"}",
	"\"tolerations\":[{\"operator\":\"Exists\"}]",
	"\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"3\",\"a.b/c\""
	    ":\"1\"}}}]",
	"\"containers\":[{\"resources\":{\"requests\":{\"memory\":\"9E\"}}}]",
	"\"affinity\":{\"nodeAffinity\":{\"preferredDuringScheduling"
	    "IgnoredDuringExecution\":[{\"weight\":100,\"preference\":{"
	    "\"matchExpressions\":[{\"key\":\"disk\",\"operator\":\"Exists\""
	    "}]}}]}}",
	"\"affinity\":7,\"tolerations\":\"x\",\"containers\":[1,null,[]],"
	    "\"nodeSelector\":[]",
	"\"affinity\":{\"nodeAffinity\":{\"requiredDuringScheduling"
	    "IgnoredDuringExecution\":{\"nodeSelectorTerms\":[{\"match"
	    "Expressions\":[{\"key\":7,\"operator\":\"Gt\",\"values\":["
	    "\"99999999999999999999\"]}]}]}}}",
};

struct answer {
	uint64_t	 word[(NODES + 63) / 64];
	int32_t		 out[NODES];
	uint32_t	 reasons;
};

/* One pod against the world, with these nodes still in play. */
static void
ask(const char *spec, const uint64_t *in, struct answer *a)
{
	const struct pin_scheduler_ops *ops = policy.plugin->ops;
	struct pin_bits nodes = { .n = NODES, .word = a->word };
	uint64_t never_word[(NODES + 63) / 64] = { 0 };
	struct pin_bits never = { .n = NODES, .word = never_word };
	static struct pin_reasons r;
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts req = { .ext = ext };
	struct pin_str names[SCHED_POD_RESOURCES_MAX];
	int64_t counts[SCHED_POD_RESOURCES_MAX];
	struct pin_sched_pod pod = { .size = sizeof(pod),
	    .extended = names, .extended_count = counts };
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	char json[2048];
	uint32_t i;

	snprintf(json, sizeof(json), "{\"spec\":{%s}}", spec);
	if (pin_obj_parse(NULL, json, strlen(json), &o, &err) != PIN_OK)
		BAIL("%s", err.text);
	request_of(&k.s->snap.names, o, &req);
	pod.obj = o;
	pod.cpu = req.cpu;
	pod.memory = req.memory;
	pod.storage = req.storage;
	pod.nonzero_cpu = req.nonzero_cpu;
	pod.nonzero_memory = req.nonzero_memory;
	for (i = 0; i < req.n; i++) {
		names[i] = k.s->snap.names.name[req.ext[i].id];
		counts[i] = req.ext[i].value;
	}
	pod.nextended = req.n;
	memset(a->out, 0, sizeof(a->out));
	memcpy(a->word, in, sizeof(a->word));
	memset(&r, 0, sizeof(r));
	r.never = &never;
	if (PIN_HAS(ops, filter))
		CHECK_INT(ops->filter(policy.self, &k.s->snap, &pod, &nodes,
		    &r), PIN_OK);
	if (PIN_HAS(ops, score))
		CHECK_INT(ops->score(policy.self, &k.s->snap, &pod, &nodes,
		    a->out), PIN_OK);
	for (a->reasons = 0, i = 0; i < r.n; i++)
		a->reasons += r.row[i].count;
	pin_obj_free(&o);
}

static void
check_answer(const struct answer *a, const struct answer *all,
    const uint64_t *in)
{
	struct pin_bits b = { .n = NODES, .word = (uint64_t *)(uintptr_t)
	    a->word };
	uint32_t i, cleared = 0;

	for (i = 0; i < NODES; i++) {
		int was = (int)(in[i / 64] >> (i % 64) & 1);

		CHECK(was || !pin_bits_get(&b, i));
		cleared += was && !pin_bits_get(&b, i);
		if (!pin_bits_get(&b, i))
			continue;
		CHECK(a->out[i] >= 0 && a->out[i] <= PIN_SCORE_MAX);
		/* A node is judged on its own. */
		CHECK((int)(all->word[i / 64] >> (i % 64) & 1) == 1);
	}
	CHECK(a->reasons >= cleared);
}

static void
test_contract(const char *name)
{
	static const uint64_t every[2] = { UINT64_MAX, (UINT64_C(1) <<
	    (NODES - 64)) - 1 }, some[2] = { UINT64_C(0xf0f0aaaa5555ffff),
	    UINT64_C(0x5a5a5a5a5) }, none[2] = { 0, 0 };
	struct answer all, again, a;
	size_t i;

	kit_open(&k, 1, "");
	world();
	CASE("%s: takes nodes away with a reason, scores within 0..100", name)
		for (i = 0; i < PIN_LEN(pods); i++) {
			ask(pods[i], every, &all);
			check_answer(&all, &all, every);
			ask(pods[i], some, &a);
			check_answer(&a, &all, some);
			ask(pods[i], none, &a);
			check_answer(&a, &all, none);
		}
	CASE("%s: is pure", name)
		for (i = 0; i < PIN_LEN(pods); i++) {
			ask(pods[i], every, &all);
			ask(pods[(i + 1) % PIN_LEN(pods)], some, &a);
			ask(pods[i], every, &again);
			CHECK(memcmp(again.word, all.word,
			    sizeof(all.word)) == 0);
			CHECK(memcmp(again.out, all.out, sizeof(all.out)) ==
			    0);
			CHECK_INT(again.reasons, all.reasons);
		}
	kit_close(&k);
	CASE("%s: opens and closes many times", name)
		for (i = 0; i < 20; i++) {
			struct kit_policy p;

			kit_policy_open(&p, name);
			kit_policy_close(&p);
		}
}

/* ---- what each of them decides ----------------------------------------- */

struct verdict {
	const char	*policies, *alloc, *labels, *node, *pod, *want;
};

#define AFF(terms) "\"affinity\":{\"nodeAffinity\":{\"requiredDuring" \
	"SchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[" terms \
	"]}}}"
#define EXPR(key, op, values) "{\"matchExpressions\":[{\"key\":\"" key \
	"\",\"operator\":\"" op "\",\"values\":[" values "]}]}"
#define FIELD(op, name) "{\"matchFields\":[{\"key\":\"metadata.name\"," \
	"\"operator\":\"" op "\",\"values\":[\"" name "\"]}]}"
#define TOL(key, op, value, effect) "\"tolerations\":[{\"key\":\"" key \
	"\",\"operator\":\"" op "\",\"value\":\"" value "\",\"effect\":\"" \
	effect "\"}]"
#define REQ(list) "\"containers\":[{\"resources\":{\"requests\":{" list "}}}]"
#define CORDON	"\"unschedulable\":true"
#define YES	NULL
#define NO_CORDON "1 node(s) were unschedulable."
#define NO_TAINT "1 node(s) had untolerated taint(s)."
#define NO_AFF	"1 node(s) didn't match Pod's node affinity/selector."

static const struct verdict verdicts[] = {
#define P	"node-unschedulable", ROOM, ""
	{ P, "", "", YES },
	{ P, CORDON, "", NO_CORDON },
	{ P, CORDON, TOL("node.kubernetes.io/unschedulable", "Exists", "",
	    "NoSchedule"), YES },
	{ P, CORDON, TOL("node.kubernetes.io/unschedulable", "Exists", "",
	    "NoExecute"), NO_CORDON },
	{ P, CORDON, TOL("", "Exists", "", ""), YES },
	{ P, "\"taints\":[" TAINT("a", "", "NoSchedule") "]", "", YES },
#undef P
#define P	"taint-toleration", ROOM, ""
#define A	"\"taints\":[" TAINT("a", "b", "NoSchedule") "]"
#define X	"\"taints\":[" TAINT("a", "b", "NoExecute") "," TAINT("p", \
		"", "PreferNoSchedule") "]"
	{ P, "", "", YES },
	{ P, CORDON, "", YES },
	{ P, A, "", NO_TAINT },
	{ P, X, "", NO_TAINT },
	{ P, A, TOL("a", "Equal", "b", ""), YES },
	{ P, A, TOL("a", "Equal", "b", "NoSchedule"), YES },
	{ P, A, TOL("a", "Equal", "b", "NoExecute"), NO_TAINT },
	{ P, A, TOL("a", "Equal", "c", ""), NO_TAINT },
	{ P, A, TOL("a", "Exists", "", ""), YES },
	{ P, A, TOL("", "Exists", "", ""), YES },
	{ P, A, TOL("a", "", "b", ""), YES },
	{ P, A, TOL("a", "Gt", "1", ""), NO_TAINT },
	{ P, X, TOL("a", "Exists", "", ""), YES },
#undef P
#define P	"node-affinity", ROOM, "\"disk\":\"ssd\",\"n\":\"7\"", ""
	{ P, "", YES },
	{ P, "\"nodeSelector\":{\"disk\":\"ssd\"}", YES },
	{ P, "\"nodeSelector\":{\"disk\":\"hdd\"}", NO_AFF },
	{ P, "\"nodeSelector\":{\"disk\":\"ssd\",\"x\":\"\"}", NO_AFF },
	{ P, AFF(""), NO_AFF },
	{ P, AFF("{}"), NO_AFF },
	{ P, AFF(EXPR("disk", "In", "\"a\",\"ssd\"")), YES },
	{ P, AFF(EXPR("disk", "In", "\"a\"")), NO_AFF },
	{ P, AFF(EXPR("disk", "NotIn", "\"a\"")), YES },
	{ P, AFF(EXPR("none", "NotIn", "\"a\"")), YES },
	{ P, AFF(EXPR("disk", "NotIn", "\"ssd\"")), NO_AFF },
	{ P, AFF(EXPR("disk", "Exists", "")), YES },
	{ P, AFF(EXPR("disk", "DoesNotExist", "")), NO_AFF },
	{ P, AFF(EXPR("none", "DoesNotExist", "")), YES },
	{ P, AFF(EXPR("n", "Gt", "\"6\"")), YES },
	{ P, AFF(EXPR("n", "Gt", "\"7\"")), NO_AFF },
	{ P, AFF(EXPR("n", "Lt", "\"8\"")), YES },
	{ P, AFF(EXPR("disk", "Gt", "\"6\"")), NO_AFF },
	{ P, AFF(EXPR("n", "Gt", "\"-9223372036854775808\"")), YES },
	{ P, AFF(EXPR("n", "Lt", "\"9223372036854775808\"")), NO_AFF },
	{ P, AFF(EXPR("none", "Exists", "") "," EXPR("n", "Exists", "")),
	    YES },
	{ P, AFF(FIELD("In", "node")), YES },
	{ P, AFF(FIELD("In", "other")), NO_AFF },
	{ P, AFF(FIELD("NotIn", "node")), NO_AFF },
	{ P, "\"nodeSelector\":{\"disk\":\"hdd\"}," AFF(FIELD("In",
	    "node")), NO_AFF },
#undef P
#define P	"node-resources-fit"
	{ P, ROOM, "", "", REQ("\"cpu\":\"4\",\"memory\":\"8Gi\""), YES },
	{ P, ROOM, "", "", REQ("\"cpu\":\"4001m\""),
	    "1 Insufficient cpu." },
	{ P, ROOM, "", "", REQ("\"cpu\":\"5\",\"memory\":\"9Gi\","
	    "\"ephemeral-storage\":\"1\""), "1 Insufficient cpu, 1 "
	    "Insufficient ephemeral-storage, 1 Insufficient memory." },
	{ P, ROOM, "", "", REQ("\"a.b/c\":\"1\""), "1 Insufficient a.b/c." },
	{ P, ROOM ",\"a.b/c\":\"1\"", "", "", REQ("\"a.b/c\":\"1\""), YES },
	{ P, "\"cpu\":\"4\"", "", "", "", "1 Too many pods." },
	{ P, "\"pods\":\"1\"", "", "", "", YES },
#undef P
};

static void
test_verdicts(void)
{
	const struct verdict *v;
	char want[512];
	const char *got;
	size_t i;

	CASE("each decides as upstream's does, in its words")
		for (i = 0; i < PIN_LEN(verdicts); i++) {
			v = &verdicts[i];
			kit_open(&k, 1, v->policies);
			/* Claims of the others: they let pass. */
			kit_node(&k, "node", v->alloc, v->labels, v->node);
			kit_pod(&k, "p", v->pod, "");
			got = kit_next(&k);
			snprintf(want, sizeof(want), "p: 0/1 nodes are "
			    "available: %s ", v->want != NULL ? v->want : "");
			if (!CHECK(v->want == NULL ? strcmp(got,
			    "p -> node") == 0 : strncmp(got, want,
			    strlen(want)) == 0))
				tap_diag("row %zu %s: %s", i, v->pod, got);
			kit_close(&k);
		}
}

/* Which of two nodes, and by how much. */
static void
test_scores(void)
{
	static const uint64_t two[2] = { 3, 0 };
	struct answer a;

	CASE("taint-toleration: rather fewer soft taints") {
		kit_open(&k, 1, "");
		kit_policy_open(&policy, "taint-toleration");
		kit_node(&k, "a", ROOM, "", "\"taints\":[" TAINT("x", "",
		    "PreferNoSchedule") "," TAINT("y", "",
		    "PreferNoSchedule") "]");
		kit_node(&k, "b", ROOM, "", "\"taints\":[" TAINT("x", "",
		    "PreferNoSchedule") "]");
		for (int i = 2; i < NODES; i++) {
			char name[16];

			snprintf(name, sizeof(name), "z%d", i);
			kit_node(&k, name, ROOM, "", "");
		}
		ask("", two, &a);
		CHECK_INT(a.out[0], 0);
		CHECK_INT(a.out[1], 50);
		ask(TOL("x", "Exists", "", ""), two, &a);
		CHECK_INT(a.out[0], 0);
		CHECK_INT(a.out[1], 100);
		CHECK_INT(kit_weight(&policy), 3);
		kit_policy_close(&policy);
	}
	CASE("node-affinity: rather what the pod prefers") {
		kit_policy_open(&policy, "node-affinity");
		kit_node(&k, "a", ROOM, "\"z\":\"1\"", "");
		kit_node(&k, "b", ROOM, "\"z\":\"1\",\"y\":\"1\"", "");
#define PREF(w, key) "{\"weight\":" w ",\"preference\":" EXPR(key, "Exists", \
		"") "}"
		ask("\"affinity\":{\"nodeAffinity\":{\"preferredDuring"
		    "SchedulingIgnoredDuringExecution\":[" PREF("20", "z")
		    "," PREF("60", "y") "]}}", two, &a);
		CHECK_INT(a.out[0], 25);
		CHECK_INT(a.out[1], 100);
		CHECK_INT(kit_weight(&policy), 2);
		kit_policy_close(&policy);
	}
	CASE("node-resources-least-allocated: rather the emptier one") {
		kit_policy_open(&policy, "node-resources-least-allocated");
		kit_pod(&k, "p", "\"nodeName\":\"a\"," REQ("\"cpu\":\"1\","
		    "\"memory\":\"4Gi\""), "");
		ask(REQ("\"cpu\":\"1\",\"memory\":\"1Gi\""), two, &a);
		CHECK_INT(a.out[0], (50 + 37) / 2);
		CHECK_INT(a.out[1], (75 + 87) / 2);
		ask("\"containers\":[{}]", two, &a);	/* 100m, 200Mi */
		CHECK_INT(a.out[1], (97 + 97) / 2);
		CHECK_INT(kit_weight(&policy), 1);
		kit_policy_close(&policy);
		kit_close(&k);
	}
}

static void
look(void)
{
	char dir[4096], *dot;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/plugins/scheduler", tap_build());
	d = opendir(dir);
	if (d == NULL)
		BAIL("no %s: make first", dir);
	while ((e = readdir(d)) != NULL) {
		dot = strrchr(e->d_name, '.');
		if (dot == NULL || strcmp(dot, ".so") != 0 || nfound == 32)
			continue;
		snprintf(found[nfound++], sizeof(found[0]), "%.*s",
		    (int)(dot - e->d_name), e->d_name);
	}
	closedir(d);
}

int
main(void)
{
	int i;

	look();
	OK(nfound >= 6, "there are plugins");
	for (i = 0; i < nfound; i++) {
		kit_policy_open(&policy, found[i]);
		test_table(found[i]);
		test_contract(found[i]);
		kit_policy_close(&policy);
	}
	test_verdicts();
	test_scores();
	return (tap_done());
}
