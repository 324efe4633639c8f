/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apiservice.c -- rules of APIService.
 * Front threads. Contract: upstream's kube-aggregator validation. */
#include "plugins/validation/builtin/builtin.h"

#define GROUP_PRIORITY_MAX	20000
#define VERSION_PRIORITY_MAX	1000
#define PORT_MAX		65535

static void
priority(struct v *v, pin_node spec, const char *member, int max)
{
	int64_t n = v_int(v, spec, member, 0);

	if (n <= 0 || n > max)
		v_bad_int(v, member, n, "must be positive and less than %d",
		    max);
}

void
check_apiservice(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec");
	pin_node service = v_get(v, spec, "service");
	size_t back = v_in(v, "spec"), deeper;
	struct pin_str version = v_str(v, spec, "version");
	int64_t port;

	if (v_str(v, spec, "group").len == 0 && !pin_str_is(version, "v1"))
		v_required(v, "group", "only v1 may have an empty group and "
		    "it better be legacy kube");
	if (version.len == 0)
		pin_cause_format(v->causes, "dns1035-label", "spec.version",
		    version, NULL);
	priority(v, spec, "groupPriorityMinimum", GROUP_PRIORITY_MAX);
	priority(v, spec, "versionPriority", VERSION_PRIORITY_MAX);
	if (v_has(v, spec, "service")) {
		deeper = v_in(v, "service");
		port = v_int(v, service, "port", PORT_MAX);
		if (port < 1 || port > PORT_MAX)
			v_bad_int(v, "port", port, "port is not valid: must "
			    "be between 1 and %d, inclusive", PORT_MAX);
		v_out(v, deeper);
	}
	v_out(v, back);
}
