/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apiserver.c -- the options of the `apiserver` block, and the same values
 * with their types. Adding one: a row, a field, a line.
 * Loading thread. Contract: config.h, docs/configuration.md. */
#include "core/config/config_int.h"

#include <pintle/host.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB	(INT64_C(1) << 20)
#define DAY_MS	INT64_C(86400000)

const struct pin_option pin_apiserver_options[] = {
	{ "listen", PIN_OPT_STRING, 0, "127.0.0.1:6443",
	    "address and port that clients connect to; --listen wins", 0, 0 },
	{ "advertise", PIN_OPT_STRING, 0, NULL,
	    "address that pods and nodes reach it by; default: chosen", 0, 0 },
	{ "pki", PIN_OPT_PATH, 0, NULL,
	    "directory of keys and certificates; default: DATA/pki", 0, 0 },
	{ "service-cidr", PIN_OPT_STRING, 0, "10.96.0.0/16",
	    "IPv4 range of Service addresses", 0, 0 },
	{ "service-cidr6", PIN_OPT_STRING, 0, NULL,
	    "IPv6 range of Service addresses; default: none", 0, 0 },
	{ "node-port-first", PIN_OPT_INT, 0, "30000",
	    "first port of NodePort Services", 1, 65535 },
	{ "node-port-last", PIN_OPT_INT, 0, "32767",
	    "last port of NodePort Services", 1, 65535 },
	{ "front-threads", PIN_OPT_INT, 0, "0",
	    "threads for TLS, HTTP and JSON; 0: one a core, at most 4", 0, 64 },
	{ "work-threads", PIN_OPT_INT, 0, "0",
	    "threads for what blocks; 0: chosen", 0, 256 },
	{ "log-level", PIN_OPT_STRING, 0, "info",
	    "error, warn, info or debug", 0, 0 },
	{ "request-timeout", PIN_OPT_DURATION, 0, "60s",
	    "of a request that is not a watch or a stream", 1000, DAY_MS },
	{ "watch-timeout-min", PIN_OPT_DURATION, 0, "30m",
	    "a watch without a timeout ends after this to twice this", 1000,
	    DAY_MS },
	{ "compaction-interval", PIN_OPT_DURATION, 0, "5m",
	    "how long superseded versions are kept; 0: for ever", 0, DAY_MS },
	{ "event-ttl", PIN_OPT_DURATION, 0, "1h",
	    "how long Events are kept", 1000, 30 * DAY_MS },
	{ "body-max", PIN_OPT_SIZE, 0, "3Mi",
	    "bytes of one request's body", 4096, 64 * MIB },
	{ "body-budget", PIN_OPT_SIZE, 0, "64Mi",
	    "bytes of all bodies being read", 64 * 1024, 65536 * MIB },
	{ "watch-history", PIN_OPT_SIZE, 0, "16Mi",
	    "bytes of recent changes kept in memory", MIB, 65536 * MIB },
	{ "connections-max", PIN_OPT_INT, 0, "10000",
	    "open connections", 1, 1000000 },
	{ "inflight-read", PIN_OPT_INT, 0, "400",
	    "reading requests at once; more wait or get 429", 1, 100000 },
	{ "inflight-write", PIN_OPT_INT, 0, "200",
	    "writing requests at once; more wait or get 429", 1, 100000 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const char *const levels[] = {
	[PIN_LOG_ERROR] = "error", [PIN_LOG_WARN] = "warn",
	[PIN_LOG_INFO] = "info", [PIN_LOG_DEBUG] = "debug",
};

static int
level_of(const char *name)
{
	for (size_t i = 0; i < PIN_LEN(levels); i++)
		if (strcmp(levels[i], name) == 0)
			return ((int)i);
	return (-1);
}

/* "10.96.0.0/16": an address and a prefix within [low, high]. */
static int
cidr_ok(const char *text, int family, long low, long high)
{
	const char *slash = strchr(text, '/');
	unsigned char addr[16];
	char host[64], *end;
	long bits;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return (0);
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	bits = strtol(slash + 1, &end, 10);
	return (slash[1] >= '0' && slash[1] <= '9' && *end == '\0' &&
	    bits >= low && bits <= high && inet_pton(family, host, addr) == 1);
}

static void
check_cidr(const struct pin_conf *c, const char *option, int family,
    long low, long high, struct pin_report *r)
{
	const char *text = pin_conf_string(c, option);

	if (text != NULL && !cidr_ok(text, family, low, high))
		(void)pin_report_error(r, pin_conf_where(c, option),
		    "%s = \"%s\": must be an IPv%d range, /%ld to /%ld",
		    option, text, family == AF_INET ? 4 : 6, low, high);
}

/* What a row of the table cannot say. */
int
pin__apiserver_check(const struct pin_conf *c, struct pin_report *r)
{
	uint32_t before = r->errors;
	struct pin_addr addr;
	struct pin_err err = PIN_ERR_INIT;

	if (pin_addr_parse(pin_conf_string(c, "listen"), &addr, &err) !=
	    PIN_OK)
		(void)pin_report_error(r, pin_conf_where(c, "listen"),
		    "listen: %s", err.text);
	check_cidr(c, "service-cidr", AF_INET, 12, 30, r);
	check_cidr(c, "service-cidr6", AF_INET6, 108, 126, r);
	if (pin_conf_int(c, "node-port-first") >
	    pin_conf_int(c, "node-port-last"))
		(void)pin_report_error(r, pin_conf_where(c,
		    "node-port-first"), "node-port-first is above "
		    "node-port-last");
	if (level_of(pin_conf_string(c, "log-level")) < 0)
		(void)pin_report_error(r, pin_conf_where(c, "log-level"),
		    "log-level = \"%s\": must be one of error, warn, info, "
		    "debug", pin_conf_string(c, "log-level"));
	return (r->errors == before ? PIN_OK : PIN_ECONFIG);
}

void
pin_config_apiserver(const struct pin_config *config,
    struct pin_apiserver_config *out)
{
	const struct pin_conf *c;

	c = pin_config_block(config, PIN_SECTION_APISERVER);
	memset(out, 0, sizeof(*out));
	out->listen = pin_conf_string(c, "listen");
	out->advertise = pin_conf_string(c, "advertise");
	out->pki = pin_conf_string(c, "pki");
	out->service_cidr = pin_conf_string(c, "service-cidr");
	out->service_cidr6 = pin_conf_string(c, "service-cidr6");
	out->port_first = (uint16_t)pin_conf_int(c, "node-port-first");
	out->port_last = (uint16_t)pin_conf_int(c, "node-port-last");
	out->fronts = (uint32_t)pin_conf_int(c, "front-threads");
	out->workers = (uint32_t)pin_conf_int(c, "work-threads");
	out->log_level = (uint32_t)level_of(pin_conf_string(c, "log-level"));
	out->timeout_ms = (uint64_t)pin_conf_int(c, "request-timeout");
	out->watch_min_ms = (uint64_t)pin_conf_int(c, "watch-timeout-min");
	out->compact_ms = (uint64_t)pin_conf_int(c, "compaction-interval");
	out->event_ttl_ms = (uint64_t)pin_conf_int(c, "event-ttl");
	out->body_max = (uint64_t)pin_conf_int(c, "body-max");
	out->body_budget = (uint64_t)pin_conf_int(c, "body-budget");
	out->ring_bytes = (uint64_t)pin_conf_int(c, "watch-history");
	out->connections_max = (uint32_t)pin_conf_int(c, "connections-max");
	out->inflight_read = (uint32_t)pin_conf_int(c, "inflight-read");
	out->inflight_write = (uint32_t)pin_conf_int(c, "inflight-write");
}
