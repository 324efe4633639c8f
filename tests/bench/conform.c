/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conform -- benchmark: how long it takes to make an object canonical, with
 * and without defaults, to write it and to check it. `conform [ROUNDS]`.
 * Contract: one line a measurement, the best of five. */
#include "core/api/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char small[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\","
    "\"namespace\":\"default\",\"labels\":{\"app\":\"web\",\"tier\":\"front\"}"
    "},\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"nginx:1.25\","
    "\"ports\":[{\"containerPort\":80}],\"resources\":{\"requests\":"
    "{\"cpu\":\"100m\",\"memory\":\"64Mi\"}}}],\"restartPolicy\":\"Always\","
    "\"nodeSelector\":{\"disk\":\"ssd\"}}}";

#define CONTAINER(n)							\
	"{\"name\":\"c" n "\",\"image\":\"registry.example.com/team/app:" n \
	".2.3\",\"command\":[\"/bin/app\",\"--listen\",\"0.0.0.0:8080\"]," \
	"\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"POD\","	\
	"\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}," \
	"{\"name\":\"SECRET\",\"valueFrom\":{\"secretKeyRef\":{\"name\":" \
	"\"s\",\"key\":\"k\"}}}],\"ports\":[{\"name\":\"http\","	\
	"\"containerPort\":8080},{\"name\":\"metrics\",\"containerPort\":" \
	"9090}],\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":" \
	"\"256Mi\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}}," \
	"\"livenessProbe\":{\"httpGet\":{\"path\":\"/healthz\",\"port\":" \
	"8080},\"periodSeconds\":10},\"readinessProbe\":{\"httpGet\":"	\
	"{\"path\":\"/ready\",\"port\":\"http\"}},\"volumeMounts\":[{"	\
	"\"name\":\"data\",\"mountPath\":\"/data\"},"			\
	"{\"name\":\"cfg\",\"mountPath\":"				\
	"\"/etc/app\",\"readOnly\":true}],\"securityContext\":{\"runAsUser\":" \
	"1000,\"allowPrivilegeEscalation\":false}}"

static const char large[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\","
    "\"namespace\":\"default\",\"labels\":{\"app\":\"web\",\"tier\":\"front\","
    "\"pod-template-hash\":\"5d8f7c9b6\"},\"annotations\":{\"a.example.com/x\""
    ":\"some text that is a little longer\"},\"ownerReferences\":[{"
    "\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"web-5d8\","
    "\"uid\":\"0b9a5a1e-0000-4000-8000-000000000000\",\"controller\":true,"
    "\"blockOwnerDeletion\":true}]},\"spec\":{\"containers\":["
    CONTAINER("1") "," CONTAINER("2") "],\"volumes\":[{\"name\":\"data\","
    "\"emptyDir\":{}},{\"name\":\"cfg\",\"configMap\":{\"name\":\"cfg\"}},"
    "{\"name\":\"sec\",\"secret\":{\"secretName\":\"s\",\"items\":[{\"key\":"
    "\"a\",\"path\":\"b\"}]}}],\"tolerations\":[{\"key\":\"a\",\"operator\":"
    "\"Exists\",\"effect\":\"NoSchedule\"}],\"affinity\":{\"podAntiAffinity\":"
    "{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,"
    "\"podAffinityTerm\":{\"labelSelector\":{\"matchLabels\":{\"app\":\"web\"}"
    "},\"topologyKey\":\"kubernetes.io/hostname\"}}]}},\"restartPolicy\":"
    "\"Always\",\"serviceAccountName\":\"default\",\"dnsPolicy\":"
    "\"ClusterFirst\",\"terminationGracePeriodSeconds\":30,\"priority\":0}}";

static struct pin_arena *arena;
static struct pin_type pod;
static unsigned int rounds;

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec * 1e9 + (double)t.tv_nsec);
}

struct subject {
	const char	*text;
	struct pin_obj	*o;		/* as parsed */
	struct pin_obj	*done;		/* conformed, with defaults */
};

static void
run_parse(const struct subject *s)
{
	struct pin_obj *o;

	if (pin_obj_parse(arena, s->text, strlen(s->text), &o, NULL) != PIN_OK)
		abort();
}

static void
run_conform(const struct subject *s)
{
	struct pin_obj *o;

	if (pin_conform(arena, pod, s->o, pin_obj_root(s->o), 0, &o, NULL,
	    NULL) != PIN_OK)
		abort();
}

static void
run_default(const struct subject *s)
{
	struct pin_obj *o;

	if (pin_conform(arena, pod, s->o, pin_obj_root(s->o),
	    PIN_CONFORM_DEFAULT, &o, NULL, NULL) != PIN_OK)
		abort();
}

static void
run_plain(const struct subject *s)
{
	struct pin_out w;

	pin_out_init(&w, arena, 1 << 20);
	pin_obj_write(s->done, pin_obj_root(s->done), &w);
}

static void
run_write(const struct subject *s)
{
	struct pin_out w;

	pin_out_init(&w, arena, 1 << 20);
	pin_conform_write(pod, s->done, &w);
}

static void
measure(const char *name, void (*run)(const struct subject *),
    const struct subject *s)
{
	double best = 1e18, t;
	unsigned int i, k;

	for (k = 0; k < 5; k++) {
		t = now_ns();
		for (i = 0; i < rounds; i++) {
			run(s);
			pin_arena_reset(arena);
		}
		t = (now_ns() - t) / rounds;
		best = t < best ? t : best;
	}
	printf("%-22s %5zu B  %8.0f ns\n", name, strlen(s->text), best);
}

int
main(int argc, char **argv)
{
	struct subject s[2] = { { small, NULL, NULL }, { large, NULL, NULL } };
	struct pin_arena *keep = pin_arena_new(1 << 24);
	size_t i;

	rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 2000;
	arena = pin_arena_new(1 << 24);
	if (!pin_type_find(pin_schema_builtin(), "core.v1.Pod", &pod))
		abort();
	for (i = 0; i < PIN_LEN(s); i++) {
		if (pin_obj_parse(keep, s[i].text, strlen(s[i].text), &s[i].o,
		    NULL) != PIN_OK || pin_conform(keep, pod, s[i].o,
		    pin_obj_root(s[i].o), PIN_CONFORM_DEFAULT, &s[i].done,
		    NULL, NULL) != PIN_OK)
			abort();
		measure("parse", run_parse, &s[i]);
		measure("conform", run_conform, &s[i]);
		measure("conform, defaults", run_default, &s[i]);
		measure("write as it stands", run_plain, &s[i]);
		measure("write canonical", run_write, &s[i]);
	}
	pin_arena_free(&arena);
	pin_arena_free(&keep);
	return (0);
}
