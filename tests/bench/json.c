/* SPDX-License-Identifier: BSD-2-Clause
 *
 * json -- how fast a pod of 3.4 KB is read into a reused arena, written, and
 * compared; fails when reading falls below the floor.
 * One thread. usage: json [FILE]. Contract: prints "NAME MB/s" lines. */
#include <pintle/object.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FLOOR_MBS	300.0
#define SECONDS		0.5	/* per measurement */
#define ROUNDS		5	/* the best one counts */

static const char head[] = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
    "\"metadata\":{\"name\":\"orders-5f6b7c8d9f-q2w3e\",\"generateName\":"
    "\"orders-5f6b7c8d9f-\",\"namespace\":\"market\",\"uid\":"
    "\"7c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5\",\"resourceVersion\":\"271828\","
    "\"creationTimestamp\":\"2026-03-04T05:06:07Z\",\"labels\":{\"app\":"
    "\"orders\",\"pod-template-hash\":\"5f6b7c8d9f\",\"tier\":\"backend\","
    "\"version\":\"v7\"},\"annotations\":{\"checksum/config\":"
    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\","
    "\"prometheus.io/scrape\":\"true\"},\"ownerReferences\":[{\"apiVersion\":"
    "\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"orders-5f6b7c8d9f\","
    "\"uid\":\"1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809\",\"controller\":true,"
    "\"blockOwnerDeletion\":true}]},\"spec\":{\"volumes\":[{\"name\":"
    "\"settings\",\"configMap\":{\"name\":\"orders-settings\","
    "\"defaultMode\":420}},{\"name\":\"kube-api-access-zyxwv\",\"projected\":"
    "{\"sources\":[{\"serviceAccountToken\":{\"expirationSeconds\":3607,"
    "\"path\":\"token\"}},{\"configMap\":{\"name\":\"kube-root-ca.crt\","
    "\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}]}}],"
    "\"defaultMode\":420}}],";
static const char containers[] = "\"containers\":[{\"name\":\"main\","
    "\"image\":\"registry.example/market/orders:7.8.9\",\"ports\":[{\"name\":"
    "\"http\",\"containerPort\":8080,\"protocol\":\"TCP\"}],\"env\":["
    "{\"name\":\"LOG_LEVEL\",\"value\":\"warn\"},{\"name\":\"HTTP_PORT\","
    "\"value\":\"8080\"},{\"name\":\"DB_HOST\",\"value\":"
    "\"db.market.svc.cluster.local\"}],\"resources\":{\"limits\":{\"cpu\":"
    "\"500m\",\"memory\":\"256Mi\"},\"requests\":{\"cpu\":\"100m\","
    "\"memory\":\"128Mi\"}},\"volumeMounts\":[{\"name\":\"settings\","
    "\"readOnly\":true,\"mountPath\":\"/etc/orders\"},{\"name\":"
    "\"kube-api-access-zyxwv\",\"readOnly\":true,\"mountPath\":"
    "\"/var/run/secrets/kubernetes.io/serviceaccount\"}],\"livenessProbe\":"
    "{\"httpGet\":{\"path\":\"/healthz\",\"port\":\"http\",\"scheme\":"
    "\"HTTP\"},\"timeoutSeconds\":1,\"periodSeconds\":10,"
    "\"successThreshold\":1,\"failureThreshold\":3},"
    "\"terminationMessagePath\":\"/dev/termination-log\","
    "\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
    "\"IfNotPresent\",\"securityContext\":{\"runAsNonRoot\":true,"
    "\"allowPrivilegeEscalation\":false}}],\"restartPolicy\":\"Always\","
    "\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\","
    "\"serviceAccountName\":\"orders\",\"serviceAccount\":\"orders\","
    "\"nodeName\":\"node-0017\",\"securityContext\":{},\"schedulerName\":"
    "\"default-scheduler\",";
static const char tail[] = "\"priority\":0,\"enableServiceLinks\":true,"
    "\"preemptionPolicy\":\"PreemptLowerPriority\"},\"status\":{\"phase\":"
    "\"Running\",\"conditions\":[%s],\"hostIP\":\"192.0.2.17\",\"podIP\":"
    "\"198.51.100.71\",\"podIPs\":[{\"ip\":\"198.51.100.71\"}],"
    "\"startTime\":\"2026-03-04T05:06:07Z\",\"qosClass\":\"Burstable\","
    "\"containerStatuses\":[{\"name\":\"main\",\"state\":{\"running\":"
    "{\"startedAt\":\"2026-03-04T05:06:09Z\"}},\"lastState\":{},\"ready\":"
    "true,\"restartCount\":0,\"image\":"
    "\"registry.example/market/orders:7.8.9\",\"imageID\":"
    "\"registry.example/market/orders@sha256:e3b0c44298fc1c149afbf4c8996fb924"
    "27ae41e4649b934ca495991b7852b855\",\"containerID\":\"containerd://"
    "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\","
    "\"started\":true}]}}";

static const char *const tolerations[] = { "not-ready", "unreachable" };
static const char *const conditions[] = { "Initialized", "Ready",
	"ContainersReady", "PodScheduled" };

static char *
make_pod(size_t *len)
{
	struct pin_out cond, pod;
	size_t i;

	pin_out_init(&cond, NULL, 4096);
	pin_out_init(&pod, NULL, 1 << 16);
	for (i = 0; i < PIN_LEN(conditions); i++)
		pin_out_printf(&cond, "%s{\"type\":\"%s\",\"status\":"
		    "\"True\",\"lastProbeTime\":null,\"lastTransitionTime\":"
		    "\"2026-03-04T05:06:0%zuZ\"}", i != 0 ? "," : "",
		    conditions[i], i);
	pin_out_char(&cond, '\0');
	pin_out_printf(&pod, "%s%s\"tolerations\":[", head, containers);
	for (i = 0; i < PIN_LEN(tolerations); i++)
		pin_out_printf(&pod, "%s{\"key\":\"node.kubernetes.io/%s\","
		    "\"operator\":\"Exists\",\"effect\":\"NoExecute\","
		    "\"tolerationSeconds\":300}", i != 0 ? "," : "",
		    tolerations[i]);
	pin_out_cstr(&pod, "],");
	pin_out_printf(&pod, tail, cond.p);
	PIN_ASSERT(pod.failed == PIN_OK);
	pin_out_fini(&cond);
	*len = pod.len;
	return (pod.p);
}

static char *
read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *p = malloc(PIN_OBJ_TEXT_MAX);

	if (f == NULL || p == NULL) {
		perror(path);
		exit(1);
	}
	*len = fread(p, 1, PIN_OBJ_TEXT_MAX, f);
	fclose(f);
	return (p);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

struct work {
	const char		*text;
	size_t			 len;
	struct pin_arena	*a;
	struct pin_obj		*o, *other;
	struct pin_out		 out;
};

static void
do_parse(struct work *w)
{
	struct pin_err e;
	struct pin_obj *o;

	pin_arena_reset(w->a);
	if (pin_obj_parse(w->a, w->text, w->len, &o, &e) != PIN_OK) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
}

static void
do_write(struct work *w)
{
	w->out.len = 0;
	pin_obj_write(w->o, pin_obj_root(w->o), &w->out);
}

static void
do_equal(struct work *w)
{
	PIN_ASSERT(pin_obj_equal(w->o, 1, w->other, 1));
}

static void
do_copy(struct work *w)
{
	pin_arena_reset(w->a);
	PIN_ASSERT(pin_obj_copy(w->a, w->o) != NULL);
}

/* Bytes of text a second, in millions; the best of some rounds. */
static double
measure(const char *name, void (*fn)(struct work *), struct work *w)
{
	double t, best = 0, mbs;
	unsigned long n;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		n = 0;
		t = now();
		do {
			for (i = 0; i < 64; i++)
				fn(w);
			n += 64;
		} while (now() - t < SECONDS / ROUNDS);
		mbs = (double)w->len * (double)n / (now() - t) / 1e6;
		best = mbs > best ? mbs : best;
	}
	printf("%s %.0f MB/s (%.2f us)\n", name, best,
	    (double)w->len / best);
	return (best);
}

int
main(int argc, char **argv)
{
	struct work w;
	double mbs;
	size_t len;
	char *text;

	text = argc > 1 ? read_file(argv[1], &len) : make_pod(&len);
	memset(&w, 0, sizeof(w));
	w.text = text;
	w.len = len;
	w.a = pin_arena_new((size_t)1 << 30);
	if (pin_obj_parse(NULL, text, len, &w.o, NULL) != PIN_OK ||
	    pin_obj_parse(NULL, text, len, &w.other, NULL) != PIN_OK)
		return (1);
	pin_out_init(&w.out, NULL, (size_t)1 << 30);
	printf("text %zu bytes\n", len);
	mbs = measure("parse", do_parse, &w);
	measure("write", do_write, &w);
	measure("equal", do_equal, &w);
	measure("copy", do_copy, &w);
	if (w.out.len != len || memcmp(w.out.p, text, len) != 0)
		printf("note: written text differs from the one read\n");
	pin_out_fini(&w.out);
	pin_obj_free(&w.o);
	pin_obj_free(&w.other);
	pin_arena_free(&w.a);
	free(text);
	if (argc == 1 && mbs < FLOOR_MBS) {
		printf("FAIL: below the floor of %.0f MB/s\n", FLOOR_MBS);
		return (1);
	}
	return (0);
}
