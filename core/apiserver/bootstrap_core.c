/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootstrap_core.c -- namespaces, priority classes, and the table of all
 * lists of first objects.
 * Control thread. Contract: bootstrap.h. */
#include "core/apiserver/bootstrap_int.h"

#include <stdio.h>

static const char *const namespaces[] = { "default", "kube-system",
    "kube-public", "kube-node-lease" };

static int
put_namespaces(struct bootstrap *b, struct apiserver *srv, struct pin_err *err)
{
	char json[512];
	size_t i;
	int rc = PIN_OK;

	(void)srv;
	for (i = 0; i < PIN_LEN(namespaces) && rc == PIN_OK; i++) {
		snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"%s\","
		    "\"labels\":{\"kubernetes.io/metadata.name\":\"%s\"}},"
		    "\"spec\":{\"finalizers\":[\"kubernetes\"]},"
		    "\"status\":{\"phase\":\"Active\"}}", namespaces[i],
		    namespaces[i]);
		rc = bootstrap_put(b, "", "v1", "namespaces", pin_str(json),
		    err);
	}
	return (rc);
}

static const struct {
	const char	*name;
	const char	*description;
	int32_t		 value;
} priorities[] = {
	{ "system-node-critical", "Used for system critical pods that must not "
	    "be moved from their current node.", 2000001000 },
	{ "system-cluster-critical", "Used for system critical pods that must "
	    "run in the cluster, but can be moved to another node if "
	    "necessary.", 2000000000 },
};

static int
put_priorities(struct bootstrap *b, struct apiserver *srv, struct pin_err *err)
{
	char json[512];
	size_t i;
	int rc = PIN_OK;

	(void)srv;
	for (i = 0; i < PIN_LEN(priorities) && rc == PIN_OK; i++) {
		snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"%s\"},"
		    "\"value\":%d,\"description\":\"%s\"}",
		    priorities[i].name, priorities[i].value,
		    priorities[i].description);
		rc = bootstrap_put(b, "scheduling.k8s.io", "v1",
		    "priorityclasses", pin_str(json), err);
	}
	return (rc);
}

bootstrap_fn *const bootstraps[] = {
	put_namespaces,
	put_priorities,
	bootstrap_rbac,
	bootstrap_api,
	bootstrap_auth_config,
	bootstrap_service_range,
};
const uint32_t nbootstraps = PIN_LEN(bootstraps);

bootstrap_fn *const bootstraps_late[] = {
	bootstrap_service,
};
const uint32_t nbootstraps_late = PIN_LEN(bootstraps_late);
