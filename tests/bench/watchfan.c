/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchfan -- N TLS watchers of one ConfigMap and one writer, all on one
 * loop. Closed loop: the next write goes out when the last one is answered
 * and at most AHEAD events are still on their way to somebody.
 * usage: watchfan URL CA TOKEN WATCHERS SECONDS
 * prints: DELIVERIES/S WRITES/S P50_MS P99_MS (write sent to the last
 * watcher's copy)
 * Contract: tests/lib/apiclient.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apiclient.h"
#include "tap.h"

#define AHEAD		4	/* events under way */
#define EVENTS_MAX	1000000
#define MAPS		"/api/v1/namespaces/default/configmaps"
#define NAME		"watchfan"
#define START_MS	60000
#define DIALS		32	/* handshakes at once: they have a deadline */

struct fan {
	struct api_conn	 c;
	unsigned long	 lines;		/* events seen, without the first */
	int		 started;
};

static struct api_client api;
static struct fan *fans, writer;
static unsigned long nfans, ndialled, nstarted, nsent, ndone, total;
static uint64_t *sent_ns, begun_ms, until_ms, run_ms;
static unsigned int *left;		/* watchers that lack event k */
static float *took;

static void
write_next(void)
{
	static char body[1200], pad[1025];

	if (tap_now_ms() >= until_ms || nsent == EVENTS_MAX) {
		pin_loop_stop(api.loop);
		return;
	}
	if (writer.c.busy || nsent - ndone >= AHEAD)
		return;
	memset(pad, 'x', 1024);
	snprintf(body, sizeof(body), "{\"data\":{\"n\":\"%lu\",\"pad\":\"%s\""
	    "}}", nsent, pad);
	sent_ns[nsent] = pin_host_now(api.host);
	left[nsent++] = (unsigned int)nfans;
	api_ask(&writer.c, "PATCH", MAPS "/" NAME,
	    "application/merge-patch+json", body);
}

static void	fan_line(struct api_conn *, const char *, size_t);
static void	done(struct api_conn *, int, const char *, size_t);

static void
dial_next(void)
{
	struct fan *f = &fans[ndialled];

	if (ndialled == nfans)
		return;
	ndialled++;
	f->c = (struct api_conn){ .api = &api, .arg = f, .done = done,
	    .line = fan_line };
	api_ask(&f->c, "GET", MAPS "?watch=true&fieldSelector="
	    "metadata.name%3D" NAME, NULL, NULL);
}

static void
started(struct fan *f)
{
	f->started = 1;
	dial_next();
	if (++nstarted < nfans)
		return;
	printf("# %lu watchers after %lu ms\n", nfans,
	    (unsigned long)(tap_now_ms() - begun_ms));
	begun_ms = tap_now_ms();
	until_ms = begun_ms + run_ms;
	write_next();
}

static void
fan_line(struct api_conn *c, const char *p, size_t len)
{
	struct fan *f = c->arg;

	(void)p;
	(void)len;
	if (!f->started) {
		started(f);
		return;
	}
	total++;
	if (f->lines < nsent && --left[f->lines] == 0) {
		took[ndone++] = (float)(pin_host_now(api.host) -
		    sent_ns[f->lines]) / 1e6f;
		write_next();
	}
	f->lines++;
}

static void
done(struct api_conn *c, int status, const char *body, size_t len)
{
	int i;

	(void)len;
	if (c != &writer.c || (status != 200 && status != 201))
		BAIL("%s: %d %.300s", c == &writer.c ? "a write" : "a watch",
		    status, body);
	if (nstarted == nfans) {
		write_next();
		return;
	}
	for (i = 0; i < DIALS; i++)
		dial_next();
}

static void
go(struct pin_msg *m)
{
	(void)m;
	writer.c = (struct api_conn){ .api = &api, .arg = &writer,
	    .done = done };
	api_ask(&writer.c, "POST", MAPS, "application/json", "{\"apiVersion\":"
	    "\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" NAME
	    "\"},\"data\":{\"n\":\"-1\"}}");
}

static int
order(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y ? -1 : x > y);
}

int
main(int argc, char **argv)
{
	struct pin_msg msg = { NULL, go };
	double s;
	unsigned long i;

	if (argc != 6)
		return (2);
	nfans = strtoul(argv[4], NULL, 10);
	run_ms = (uint64_t)(atof(argv[5]) * 1000);
	fans = calloc(nfans + 1, sizeof(*fans));
	sent_ns = calloc(EVENTS_MAX + 1, sizeof(*sent_ns));
	left = calloc(EVENTS_MAX + 1, sizeof(*left));
	took = calloc(EVENTS_MAX + 1, sizeof(*took));
	if (fans == NULL || sent_ns == NULL || left == NULL || took == NULL)
		return (1);
	api_client_open(&api, argv[1], argv[2], argv[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	begun_ms = tap_now_ms();
	until_ms = begun_ms + START_MS;
	pin_loop_post(api.loop, &msg);
	pin_loop_run(api.loop);
	s = (double)(tap_now_ms() - begun_ms) / 1000;
	qsort(took, ndone, sizeof(*took), order);
	printf("%.0f %.1f %.2f %.2f\n", (double)total / s, (double)ndone / s,
	    ndone ? took[ndone / 2] : 0, ndone ? took[ndone * 99 / 100] : 0);
	for (i = 0; i < nfans; i++)
		api_conn_fini(&fans[i].c);
	api_conn_fini(&writer.c);
	api_client_close(&api);
	return (nstarted != nfans);
}
