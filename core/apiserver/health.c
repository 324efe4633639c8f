/* SPDX-License-Identifier: BSD-2-Clause
 *
 * health.c -- see health.h.
 * Contract: health.h. */
#include "core/apiserver/health.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/apiserver/flow.h"
#include "core/apiserver/verbs.h"

const char *
health_os(void)
{
	static const char *const names[][2] = { { "Linux", "linux" },
	    { "FreeBSD", "freebsd" }, { "NetBSD", "netbsd" },
	    { "OpenBSD", "openbsd" } };
	struct utsname u;
	size_t i;

	if (uname(&u) == 0)
		for (i = 0; i < PIN_LEN(names); i++)
			if (strcmp(u.sysname, names[i][0]) == 0)
				return (names[i][1]);
	return ("unknown");
}

const char *
health_arch(void)
{
#if defined(__x86_64__)
	return ("amd64");
#elif defined(__aarch64__)
	return ("arm64");
#elif defined(__riscv)
	return ("riscv64");
#elif defined(__arm__)
	return ("arm");
#else
	return ("unknown");
#endif
}

/* ---- checks --------------------------------------------------------- */

static int
check_ping(struct apiserver *srv)
{
	(void)srv;
	return (1);
}

static int
check_store(struct apiserver *srv)
{
	struct pin_store_status st = { .size = sizeof(st) };

	srv->store->status(srv->store_self, &st);
	return (st.revision > 0);
}

static int
check_shutdown(struct apiserver *srv)
{
	return (!atomic_load(&srv->stopping));
}

enum { HEALTHZ = 1, LIVEZ = 2, READYZ = 4, ALL = 7 };

static const struct check {
	const char	*name;
	uint32_t	 where;
	int		(*run)(struct apiserver *);
} checks[] = {
	{ "ping",		ALL,		check_ping },
	{ "log",		ALL,		check_ping },
	{ "etcd",		ALL,		check_store },
	{ "etcd-readiness",	READYZ,		check_store },
	{ "informer-sync",	READYZ,		check_ping },
	{ "poststarthook/bootstrap", ALL,	check_ping },
	{ "shutdown",		READYZ,		check_shutdown },
};

static int
excluded(struct request *r, const char *name)
{
	struct pin_str rest = r->ex->head.query, key, value;

	while (query_next(r->arena, &rest, &key, &value))
		if (pin_str_is(key, "exclude") && pin_str_is(value, name))
			return (1);
	return (0);
}

static int
verbose(struct request *r)
{
	struct pin_str rest = r->ex->head.query, key, value;

	while (query_next(r->arena, &rest, &key, &value))
		if (pin_str_is(key, "verbose"))
			return (1);
	return (0);
}

static int
health_answer(struct request *r, struct pin_str which, int bad,
    struct pin_out *o)
{
	if (bad) {
		pin_out_printf(o, PIN_SFMT " check failed\n",
		    PIN_SARG(which));
		return (reply_bytes(r, 500, "text/plain; charset=utf-8",
		    (struct pin_str){ o->p, o->len }));
	}
	if (!verbose(r))
		return (reply_bytes(r, 200, "text/plain; charset=utf-8",
		    PIN_STR("ok")));
	pin_out_printf(o, PIN_SFMT " check passed\n", PIN_SARG(which));
	return (reply_bytes(r, 200, "text/plain; charset=utf-8",
	    (struct pin_str){ o->p, o->len }));
}

int
health_run(struct request *r)
{
	struct pin_str path = r->info.path, which, one = PIN_STR_NONE;
	const char *slash = memchr(path.p + 1, '/', path.len - 1);
	uint32_t where, found = 0;
	struct pin_out o;
	int bad = 0, ok;
	size_t i;

	which = (struct pin_str){ path.p + 1, slash != NULL ?
	    (size_t)(slash - path.p - 1) : path.len - 1 };
	if (slash != NULL)
		one = (struct pin_str){ slash + 1,
		    path.len - which.len - 2 };
	where = pin_str_is(which, "readyz") ? READYZ : pin_str_is(which,
	    "livez") ? LIVEZ : HEALTHZ;
	pin_out_init(&o, r->arena, 16384);
	for (i = 0; i < PIN_LEN(checks); i++) {
		if ((checks[i].where & where) == 0 || (one.len > 0 &&
		    !pin_str_is(one, checks[i].name)))
			continue;
		found++;
		if (excluded(r, checks[i].name)) {
			pin_out_printf(&o, "[+]%s excluded: ok\n",
			    checks[i].name);
			continue;
		}
		ok = checks[i].run(r->srv);
		bad |= !ok;
		pin_out_printf(&o, ok ? "[+]%s ok\n" : "[-]%s failed: reason "
		    "withheld\n", checks[i].name);
	}
	if (found == 0)
		return (reply_bytes(r, 404, "text/plain; charset=utf-8",
		    PIN_STR("404 page not found\n")));
	return (health_answer(r, which, bad, &o));
}

/* ---- metrics -------------------------------------------------------- */

static void
metric(struct pin_out *o, const char *name, const char *type, const char *help,
    uint64_t value)
{
	pin_out_printf(o, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name,
	    help, name, type, name, value);
}

int
metrics_run(struct request *r)
{
	struct apiserver *srv = r->srv;
	struct pin_store_status st = { .size = sizeof(st) };
	struct http_counters http;
	struct front_counters sum = { 0 };
	struct pin_out o;
	uint32_t i;

	srv->store->status(srv->store_self, &st);
	http_server_counters(srv->http, &http);
	for (i = 0; i < srv->nfronts; i++) {	/* read without a lock:
						 * counts */
		sum.requests += srv->fronts[i].counters.requests;
		sum.errors += srv->fronts[i].counters.errors;
		sum.watches += srv->fronts[i].counters.watches;
		sum.deliveries += srv->fronts[i].counters.deliveries;
		sum.retries += srv->fronts[i].counters.retries;
	}
	pin_out_init(&o, r->arena, 65536);
	metric(&o, "pintle_requests_total", "counter", "API requests begun.",
	    sum.requests);
	metric(&o, "pintle_request_errors_total", "counter", "Answers of 400 "
	    "and above.", sum.errors);
	metric(&o, "pintle_commit_retries_total", "counter", "Writes begun "
	    "again after a lost compare.", sum.retries);
	metric(&o, "pintle_watches_total", "counter", "Watches begun.",
	    sum.watches);
	metric(&o, "pintle_watch_deliveries_total", "counter", "Watch events "
	    "handed to connections.", sum.deliveries);
	metric(&o, "pintle_connections", "gauge", "Open connections.",
	    http.open);
	metric(&o, "pintle_tls_handshakes_total", "counter", "TLS handshakes "
	    "done.", http.handshakes);
	metric(&o, "pintle_store_revision", "gauge", "Newest revision.",
	    st.revision);
	metric(&o, "pintle_store_keys", "gauge", "Live keys.", st.keys);
	metric(&o, "pintle_store_bytes", "gauge", "Bytes of the engine's "
	    "file.", st.bytes);
	metric(&o, "pintle_log_syncs_total", "counter", "fdatasyncs of the "
	    "log.", st.consensus.syncs);
	return (reply_bytes(r, 200, "text/plain; version=0.0.4",
	    (struct pin_str){ o.p, o.len }));
}
