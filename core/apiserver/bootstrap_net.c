/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootstrap_net.c -- first objects that depend on this server: the Service
 * default/kubernetes and where it leads, the range of service addresses, and
 * what extension API servers must know to trust us.
 * Control thread. Contract: upstream's kubernetesservice, defaultservicecidr
 * and clusterauthenticationtrust controllers. */
#include "core/apiserver/bootstrap_int.h"

#include <stdio.h>
#include <string.h>

#define JSON_MAX	(128u << 10)

static const char *
family(const char *ip)
{
	return (strchr(ip, ':') != NULL ? "IPv6" : "IPv4");
}

static int
put(struct bootstrap *b, int merge, const char *group, const char *resource,
    struct pin_out *o, struct pin_err *err)
{
	struct pin_str json = { o->p, o->len };
	int rc;

	rc = o->failed != PIN_OK ? pin_err_set(err, o->failed, "built-in %s",
	    resource) : merge ? bootstrap_merge(b, group, "v1", resource, json,
	    err) : bootstrap_put(b, group, "v1", resource, json, err);
	pin_out_fini(o);
	return (rc);
}

/* ---- service addresses ---------------------------------------------- */

int
bootstrap_service_range(struct bootstrap *b, struct apiserver *srv,
    struct pin_err *err)
{
	const char *second = srv->limits.service_cidr6;
	struct pin_out o;
	int rc;

	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"name\":\"kubernetes\"},"
	    "\"spec\":{\"cidrs\":[\"%s\"%s%s%s]},\"status\":{\"conditions\":[{"
	    "\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"\","
	    "\"message\":\"Kubernetes default Service CIDR is ready\","
	    "\"lastTransitionTime\":\"%s\"}]}}", srv->limits.service_cidr,
	    second != NULL ? ",\"" : "", second != NULL ? second : "",
	    second != NULL ? "\"" : "", bootstrap_now(b));
	rc = put(b, 0, "networking.k8s.io", "servicecidrs", &o, err);
	if (rc != PIN_OK)
		return (rc);
	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"name\":\"%s\",\"labels\":{"
	    "\"ipaddress.kubernetes.io/ip-family\":\"%s\","
	    "\"ipaddress.kubernetes.io/managed-by\":"
	    "\"ipallocator.k8s.io\"}},\"spec\":{\"parentRef\":{"
	    "\"name\":\"kubernetes\",\"namespace\":\"default\","
	    "\"resource\":\"services\"}}}", srv->service_ip,
	    family(srv->service_ip));
	return (put(b, 0, "networking.k8s.io", "ipaddresses", &o, err));
}

static int
put_service(struct bootstrap *b, const struct apiserver *srv,
    struct pin_err *err)
{
	struct pin_out o;

	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"name\":\"kubernetes\","
	    "\"namespace\":\"default\",\"labels\":{\"component\":"
	    "\"apiserver\",\"provider\":\"kubernetes\"}},\"spec\":{"
	    "\"type\":\"ClusterIP\",\"clusterIP\":\"%s\",\"clusterIPs\":["
	    "\"%s\"],\"ipFamilies\":[\"%s\"],\"ipFamilyPolicy\":"
	    "\"SingleStack\",\"internalTrafficPolicy\":\"Cluster\","
	    "\"sessionAffinity\":\"None\",\"ports\":[{\"name\":\"https\","
	    "\"protocol\":\"TCP\",\"port\":443,\"targetPort\":%u}]},"
	    "\"status\":{\"loadBalancer\":{}}}", srv->service_ip,
	    srv->service_ip, family(srv->service_ip), srv->bound.port);
	return (put(b, 1, "", "services", &o, err));
}

/* Where default/kubernetes leads: nowhere on an island. */
int
bootstrap_service(struct bootstrap *b, struct apiserver *srv,
    struct pin_err *err)
{
	struct pin_out o;
	int rc;

	rc = put_service(b, srv, err);
	if (rc != PIN_OK || srv->advertise[0] == '\0')
		return (rc);
	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"name\":\"kubernetes\","
	    "\"namespace\":\"default\",\"labels\":{"
	    "\"endpointslice.kubernetes.io/skip-mirror\":\"true\"}},"
	    "\"subsets\":[{\"addresses\":[{\"ip\":\"%s\"}],\"ports\":[{"
	    "\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}]}",
	    srv->advertise, srv->bound.port);
	rc = put(b, 1, "", "endpoints", &o, err);
	if (rc != PIN_OK)
		return (rc);
	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"name\":\"kubernetes\","
	    "\"namespace\":\"default\",\"labels\":{"
	    "\"kubernetes.io/service-name\":\"kubernetes\"}},"
	    "\"addressType\":\"%s\",\"endpoints\":[{\"addresses\":[\"%s\"],"
	    "\"conditions\":{\"ready\":true}}],\"ports\":[{\"name\":\"https\","
	    "\"port\":%u,\"protocol\":\"TCP\"}]}", family(srv->advertise),
	    srv->advertise, srv->bound.port);
	return (put(b, 1, "discovery.k8s.io", "endpointslices", &o, err));
}

/* ---- trust ---------------------------------------------------------- */

int
bootstrap_auth_config(struct bootstrap *b, struct apiserver *srv,
    struct pin_err *err)
{
	struct pin_out o;
	int rc;

	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_cstr(&o, "{\"metadata\":{\"name\":"
	    "\"extension-apiserver-authentication\",\"namespace\":"
	    "\"kube-system\"},\"data\":{\"client-ca-file\":");
	pin_json_quote(&o, pin_str(srv->pki->ca_cert));
	pin_out_cstr(&o, "}}");
	rc = put(b, 1, "", "configmaps", &o, err);
	if (rc != PIN_OK)
		return (rc);
	/* The day from which legacy tokens are watched for use. */
	pin_out_init(&o, NULL, JSON_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"name\":\"kube-apiserver-legacy-"
	    "service-account-token-tracking\",\"namespace\":\"kube-system\"},"
	    "\"data\":{\"since\":\"%.10s\"}}", bootstrap_now(b));
	return (put(b, 0, "", "configmaps", &o, err));
}
