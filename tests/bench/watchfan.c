/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchfan -- N TLS watchers of one ConfigMap on one loop, and a writer on its
 * own, which would else wait for a thousand sockets between two writes.
 * Closed loop: the next write goes out when the last one is answered and
 * fewer than AHEAD events are still on their way to somebody.
 * usage: watchfan URL CA TOKEN WATCHERS SECONDS
 * prints: DELIVERIES/S WRITES/S P50_MS P99_MS (write sent to the last
 * watcher's copy)
 * Contract: tests/lib/apiclient.h. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apiclient.h"
#include "tap.h"

#define AHEAD		4	/* events under way */
#define EVENTS_MAX	1000000
#define MAPS		"/api/v1/namespaces/default/configmaps"
#define NAME		"watchfan"
#define DIALS		32	/* handshakes at once: they have a deadline */

struct fan {
	struct api_conn	 c;
	unsigned long	 lines;		/* events seen, without the first */
	int		 started;
};

/* The watchers' loop owns all of this but what is said below. */
static struct api_client api;
static struct fan *fans;
static unsigned long nfans, ndialled, nstarted, total;
static uint64_t begun_ms, run_ms;
static float *took;
static struct pin_msg wake;		/* to the writer: look again */
static _Atomic(int) woken;
static _Atomic(unsigned long) ndone;
/* The writer's, to be read for what is below nsent. */
static struct api_client writers_api;
static struct api_conn writer;
static _Atomic(unsigned long) nsent;
static uint64_t *sent_ns, until_ms;
static unsigned int *left;		/* watchers that lack event k */

/* ---- the writer's loop ------------------------------------------------ */

static void
write_next(void)
{
	static char body[1200], pad[1025];
	unsigned long n = atomic_load(&nsent);

	if (tap_now_ms() >= until_ms || n == EVENTS_MAX) {
		api_hang_up(&writer);
		pin_loop_stop(api.loop);
		return;
	}
	if (writer.busy || n - atomic_load(&ndone) >= AHEAD)
		return;
	memset(pad, 'x', 1024);
	snprintf(body, sizeof(body), "{\"data\":{\"n\":\"%lu\",\"pad\":\"%s\""
	    "}}", n, pad);
	sent_ns[n] = pin_host_now(api.host);
	left[n] = (unsigned int)nfans;
	atomic_store(&nsent, n + 1);
	api_ask(&writer, "PATCH", MAPS "/" NAME,
	    "application/merge-patch+json", body);
}

static void
write_woken(struct pin_msg *m)
{
	(void)m;
	atomic_store(&woken, 0);
	if (until_ms == 0)
		until_ms = tap_now_ms() + run_ms;
	write_next();
}

static void
write_wake(void)
{
	if (atomic_exchange(&woken, 1) == 0)
		pin_loop_post(writers_api.loop, &wake);
}

static void	dial_some(struct pin_msg *);

static void
written(struct api_conn *c, int status, const char *body, size_t len)
{
	static struct pin_msg dial = { NULL, dial_some };

	(void)c;
	(void)len;
	if (status != 200 && status != 201)
		BAIL("a write: %d %.300s", status, body);
	if (status == 201)
		pin_loop_post(api.loop, &dial);
	else
		write_next();
}

static void
go(struct pin_msg *m)
{
	(void)m;
	writer = (struct api_conn){ .api = &writers_api, .done = written };
	api_ask(&writer, "POST", MAPS, "application/json", "{\"apiVersion\":"
	    "\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" NAME
	    "\"},\"data\":{\"n\":\"-1\"}}");
}

/* ---- the watchers' loop ----------------------------------------------- */

static void	fan_line(struct api_conn *, const char *, size_t);
static void	lost(struct api_conn *, int, const char *, size_t);

static void
dial_next(void)
{
	struct fan *f = &fans[ndialled];

	if (ndialled == nfans)
		return;
	ndialled++;
	f->c = (struct api_conn){ .api = &api, .arg = f, .done = lost,
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
	write_wake();
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
	if (f->lines < atomic_load(&nsent) && --left[f->lines] == 0) {
		took[f->lines] = (float)(pin_host_now(api.host) -
		    sent_ns[f->lines]) / 1e6f;
		atomic_fetch_add(&ndone, 1);
		write_wake();
	}
	f->lines++;
}

static void
lost(struct api_conn *c, int status, const char *body, size_t len)
{
	(void)c;
	(void)len;
	BAIL("a watch: %d %.300s", status, body);
}

static void
dial_some(struct pin_msg *m)
{
	int i;

	(void)m;
	for (i = 0; i < DIALS; i++)
		dial_next();
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
	struct pin_err err = PIN_ERR_INIT;
	unsigned long i, n;
	double s;

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
	api_client_open(&writers_api, argv[1], argv[2], argv[3]);
	wake.fn = write_woken;
	setvbuf(stdout, NULL, _IOLBF, 0);
	begun_ms = tap_now_ms();
	pin_loop_post(writers_api.loop, &msg);
	if (pin_loop_start(writers_api.loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_loop_run(api.loop);
	s = (double)(tap_now_ms() - begun_ms) / 1000;
	n = atomic_load(&ndone);
	qsort(took, n, sizeof(*took), order);
	printf("%.0f %.1f %.2f %.2f\n", (double)total / s, (double)n / s,
	    n ? took[n / 2] : 0, n ? took[n * 99 / 100] : 0);
	for (i = 0; i < nfans; i++)
		api_conn_fini(&fans[i].c);
	api_client_close(&writers_api);
	api_conn_fini(&writer);
	api_client_close(&api);
	return (nstarted != nfans);
}
