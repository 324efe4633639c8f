/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpoint.c -- paths that are no resources: version, health, and what is
 * handed on to discovery and metrics.
 * Front loop. Contract: upstream's healthz format ("ok", or a line a check),
 * version.Info. */
#include "core/apiserver/verbs.h"

#include <stdio.h>
#include <string.h>

#include "build_info.h"
#include "core/apiserver/discovery.h"
#include "core/apiserver/health.h"
#include "core/apiserver/token.h"

#define K8S_MINOR	"35"

static int
get_version(struct request *r)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, 4096);
	pin_out_printf(&o, "{\n  \"major\": \"1\",\n  \"minor\": \"" K8S_MINOR
	    "\",\n  \"emulationMajor\": \"1\",\n  \"emulationMinor\": \""
	    K8S_MINOR "\",\n  \"minCompatibilityMajor\": \"1\",\n"
	    "  \"minCompatibilityMinor\": \"34\",\n  \"gitVersion\": \"v1."
	    K8S_MINOR ".0+pintle.%s\",\n  \"gitCommit\": \"\",\n"
	    "  \"gitTreeState\": \"clean\",\n"
	    "  \"buildDate\": \"1970-01-01T00:00:00Z\",\n"
	    "  \"goVersion\": \"none\",\n  \"compiler\": \"c11\",\n"
	    "  \"platform\": \"%s/%s\"\n}", PIN_VERSION, health_os(),
	    health_arch());
	return (reply_bytes(r, 200, "application/json", (struct pin_str){ o.p,
	    o.len }));
}

static const struct {
	const char	*path;
	int		 prefix;	/* paths below it as well */
	int		(*run)(struct request *);
} endpoints[] = {
	{ "/version",	0, get_version },
	{ "/healthz",	1, health_run },
	{ "/livez",	1, health_run },
	{ "/readyz",	1, health_run },
	{ "/metrics",	0, metrics_run },
	{ "/.well-known/openid-configuration", 0, issuer_run },
	{ "/openid/v1/jwks", 0, issuer_run },
};

int
endpoint_group_exists(const struct request *r)
{
	const struct apiserver *srv = r->srv;
	uint32_t i;

	for (i = 0; i < srv->schema->ngvs; i++)
		if (srv->schema->gvs[i].nres > 0 &&
		    pin_str_is(r->info.group, S(srv,
		    srv->schema->gvs[i].group)) &&
		    pin_str_is(r->info.version, S(srv,
		    srv->schema->gvs[i].version)))
			return (1);
	return (0);
}

int
endpoint_dispatch(struct request *r)
{
	struct pin_str p = r->info.path;
	size_t i, n;

	if (!pin_str_is(r->ex->head.method, "GET") &&
	    !pin_str_is(r->ex->head.method, "HEAD"))
		return (reply_err(r, PIN_EMETHOD, "the server does not allow "
		    "this method on the requested resource"));
	while (p.len > 1 && p.p[p.len - 1] == '/')
		p.len--;
	r->info.path = p;
	for (i = 0; i < PIN_LEN(endpoints); i++) {
		n = strlen(endpoints[i].path);
		if (pin_str_is(p, endpoints[i].path) || (endpoints[i].prefix &&
		    p.len > n && p.p[n] == '/' &&
		    memcmp(p.p, endpoints[i].path, n) == 0))
			return (endpoints[i].run(r));
	}
	if (discovery_dispatch(r) == STEP_DONE)
		return (STEP_DONE);
	return (reply_bytes(r, 404, "text/plain; charset=utf-8",
	    PIN_STR("404 page not found\n")));
}
