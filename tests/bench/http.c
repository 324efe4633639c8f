/* SPDX-License-Identifier: BSD-2-Clause
 *
 * http -- benchmark server: `http serve [SECONDS [FRONTS]]` prints its
 * addresses and answers, for wrk and the like.
 * Contract: docs/http.md says what is measured with it, and how. */
#include "httpd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

int
main(int argc, char **argv)
{
	struct httpd d;
	struct http_counters n;
	uint64_t end;

	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGINT, on_signal);
	httpd_open(&d, argc > 3 ? (uint32_t)atoi(argv[3]) : 1, NULL);
	printf("# https://127.0.0.1:%u/3k mutual https://127.0.0.1:%u/3k "
	    "files %s\n", d.server_only.port, d.mutual.port, d.dir);
	(void)fflush(stdout);
	end = tap_now_ms() + 1000u * (argc > 2 ? strtoul(argv[2], NULL, 10) :
	    1);
	while (!stop && tap_now_ms() < end)
		tap_nap();
	http_server_counters(d.srv, &n);
	printf("# %llu requests, %llu handshakes\n",
	    (unsigned long long)n.requests, (unsigned long long)n.handshakes);
	httpd_close(&d, 1000);
	OK(n.open <= n.accepted, "served");
	return (tap_done());
}
