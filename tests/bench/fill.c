/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fill -- makes exactly N pods (or ConfigMaps) through several connections,
 * as fast as the server takes them; also the load of other tests.
 * usage: fill URL CA TOKEN N [-c CONNS] [-p PREFIX] [-n NAMESPACE] [-m]
 *	[-s SECONDS] [-a FILE] [-x SILENT]
 *	-m: ConfigMaps; -s: for so long, N is then a ceiling; -a: the name of
 *	each acknowledged object, one a line, at once; -x: so many more
 *	connections that say nothing, or half a greeting
 * prints: MADE FAILED SECONDS RATE P50_MS P99_MS; exit 1 when any failed.
 * Contract: tests/lib/apiclient.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apiclient.h"
#include "tap.h"

#define CONNS_MAX	256
#define SILENT_MAX	2000
#define POD \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":" \
	"\"%s\",\"labels\":{\"app\":\"bench\",\"tier\":\"load\",\"n\":\"%lu\"" \
	"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"registry" \
	".example/app:1.2.3\",\"command\":[\"/bin/app\",\"--serve\"],\"env\":" \
	"[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\",\"value\":\"2\"}]," \
	"\"ports\":[{\"containerPort\":8080}],\"resources\":{\"requests\":" \
	"{\"cpu\":\"100m\",\"memory\":\"64Mi\"}}}]}}"
#define MAP \
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\"" \
	":\"%s\"},\"data\":{\"n\":\"%lu\"}}"

struct worker {
	struct api_conn	 c;
	char		 name[80];
	uint64_t	 begun_ns;
};

static struct api_client api;
static struct worker workers[CONNS_MAX];
static unsigned long total, given, made, failed;
static unsigned int nworkers = 16, left;
static const char *prefix = "fill", *namespace = "default";
static int maps;
static uint64_t until_ms;
static float *took;
static FILE *acks;
static struct pin_sock *silent[SILENT_MAX];
static unsigned int nsilent;

static void
next(struct worker *w)
{
	char body[2048], path[256];
	unsigned long k = given;

	if (given == total || (until_ms != 0 && tap_now_ms() >= until_ms)) {
		api_hang_up(&w->c);
		if (--left == 0)
			pin_loop_stop(api.loop);
		return;
	}
	given++;
	snprintf(w->name, sizeof(w->name), "%s-%lu", prefix, k);
	snprintf(body, sizeof(body), maps ? MAP : POD, w->name, k % 100);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/%s", namespace,
	    maps ? "configmaps" : "pods");
	w->begun_ns = pin_host_now(api.host);
	api_ask(&w->c, "POST", path, "application/json", body);
}

static void
done(struct api_conn *c, int status, const char *body, size_t len)
{
	struct worker *w = c->arg;

	(void)len;
	if (status == 201) {
		took[made++] = (float)(pin_host_now(api.host) - w->begun_ns) /
		    1e6f;
		if (acks != NULL) {
			fprintf(acks, "%s\n", w->name);
			fflush(acks);
		}
	} else {
		if (failed++ < 3)
			fprintf(stderr, "fill: %s: %d %.300s\n", w->name,
			    status, body);
		if (status == 0) {	/* the server is gone */
			given = total;
		}
	}
	next(w);
}

/* Every second one sends the first bytes of a TLS record and no more. */
static void
silent_ready(void *arg, struct pin_sock *s, uint32_t events)
{
	static const char half[] = "\026\003\001\002";

	(void)events;
	if (((struct pin_sock **)arg - silent) % 2 == 0)
		(void)pin_sock_send(s, half, sizeof(half) - 1);
	pin_sock_want(s, 0);
}

static void
go_silent(void)
{
	struct pin_err err = PIN_ERR_INIT;
	unsigned int i;

	for (i = 0; i < nsilent; i++)
		if (pin_sock_connect(api.loop, &api.at, silent_ready,
		    &silent[i], &silent[i], &err) != PIN_OK)
			BAIL("%s", err.text);
}

/* The silent ones first, to see whether others get in; where the load is to
 * go on for a time it has its connections before them. */
static void
go(struct pin_msg *m)
{
	unsigned int i;

	(void)m;
	if (until_ms == 0)
		go_silent();
	for (i = 0; i < nworkers; i++)
		next(&workers[i]);
	if (until_ms != 0)
		go_silent();
}

static int
order(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y ? -1 : x > y);
}

static void
options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "c:p:n:ms:a:x:")) != -1) {
		if (o == 'c')
			nworkers = (unsigned int)atoi(optarg);
		else if (o == 'p')
			prefix = optarg;
		else if (o == 'n')
			namespace = optarg;
		else if (o == 'x')
			nsilent = (unsigned int)atoi(optarg);
		else if (o == 'm')
			maps = 1;
		else if (o == 's')
			until_ms = tap_now_ms() +
			    (uint64_t)(atof(optarg) * 1000);
		else if (o == 'a' && (acks = fopen(optarg, "a")) == NULL)
			BAIL("%s", optarg);
		else if (o == '?')
			exit(2);
	}
	if (nworkers == 0 || nworkers > CONNS_MAX || nsilent > SILENT_MAX)
		BAIL("1 to %d connections", CONNS_MAX);
}

int
main(int argc, char **argv)
{
	struct pin_msg msg = { NULL, go };
	uint64_t t0;
	double s;
	unsigned int i;

	if (argc < 5)
		return (2);
	total = strtoul(argv[4], NULL, 10);
	argv[4] = argv[0];
	options(argc - 4, argv + 4);
	took = calloc(total + 1, sizeof(*took));
	if (took == NULL)
		return (1);
	api_client_open(&api, argv[1], argv[2], argv[3]);
	left = nworkers;
	for (i = 0; i < nworkers; i++) {
		workers[i].c.api = &api;
		workers[i].c.arg = &workers[i];
		workers[i].c.done = done;
	}
	t0 = tap_now_ms();
	pin_loop_post(api.loop, &msg);
	pin_loop_run(api.loop);
	s = (double)(tap_now_ms() - t0 + 1) / 1000;
	for (i = 0; i < nworkers; i++)
		api_conn_fini(&workers[i].c);
	for (i = 0; i < nsilent; i++)
		if (silent[i] != NULL)
			pin_sock_close(&silent[i]);
	api_client_close(&api);
	qsort(took, made, sizeof(*took), order);
	printf("%lu %lu %.2f %.0f %.2f %.2f\n", made, failed, s, (double)made /
	    s, made ? took[made / 2] : 0, made ? took[made * 99 / 100] : 0);
	return (failed != 0);
}
