/* SPDX-License-Identifier: BSD-2-Clause
 *
 * builtin -- validation plugin: the rules of the built-in kinds that their
 * rows cannot say, between fields and over time.
 * Stateless. Front threads, several at once.
 * Contract: pintle/validation.h; upstream's pkg/apis validation. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

static pin_validation_check_fn builtin_check;

static const struct pin_admission_match builtin_match[] = {
	{ "*", "*", PIN_OP_CREATE | PIN_OP_UPDATE, 0 },
	{ "*", "*/*", PIN_OP_CREATE | PIN_OP_UPDATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_validation_ops builtin_ops = {
	.size = sizeof(builtin_ops),
	.match = builtin_match,
	.check = builtin_check,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(VALIDATION),
	.name = "builtin", .version = "1.0",
	.summary = "rules of the built-in kinds between fields and over time",
	.ops = &builtin_ops,
};

/* What is asked of each kind, beside its metadata. A kind without a row has
 * no rules of its own. */
static const struct kind {
	const char	*group, *resource;
	void		(*check)(struct v *);
} kinds[] = {
	{ "", "pods",				check_pod },
	{ "", "podtemplates",			check_podtemplate },
	{ "", "replicationcontrollers",		check_rc },
	{ "", "services",			check_service },
	{ "", "endpoints",			check_endpoints },
	{ "apps", "deployments",		check_deployment },
	{ "apps", "replicasets",		check_replicaset },
	{ "apps", "daemonsets",			check_daemonset },
	{ "apps", "statefulsets",		check_statefulset },
	{ "apps", "controllerrevisions",	check_controllerrevision },
	{ "batch", "jobs",			check_job },
	{ "batch", "cronjobs",			check_cronjob },
	{ "discovery.k8s.io", "endpointslices",	check_slice },
	{ "networking.k8s.io", "ingresses",	check_ingress },
	{ "networking.k8s.io", "ingressclasses", check_ingressclass },
	{ "networking.k8s.io", "networkpolicies", check_netpol },
	{ "networking.k8s.io", "servicecidrs",	check_servicecidr },
	{ "networking.k8s.io", "ipaddresses",	check_ipaddress },
	{ "", "configmaps",			check_configmap },
	{ "", "secrets",			check_secret },
	{ "", "resourcequotas",			check_quota },
	{ "", "limitranges",			check_limitrange },
	{ "", "namespaces",			check_namespace },
	{ "", "nodes",				check_node },
	{ "", "events",				check_event },
	{ "events.k8s.io", "events",		check_event },
	{ "", "persistentvolumeclaims",		check_pvc },
	{ "", "persistentvolumes",		check_pv },
	{ "storage.k8s.io", "storageclasses",	check_storageclass },
	{ "storage.k8s.io", "volumeattributesclasses", check_attributesclass },
	{ "storage.k8s.io", "volumeattachments", check_attachment },
	{ "storage.k8s.io", "csinodes",		check_csinode },
	{ "storage.k8s.io", "csidrivers",	check_csidriver },
	{ "rbac.authorization.k8s.io", "roles",	check_role },
	{ "rbac.authorization.k8s.io", "clusterroles", check_clusterrole },
	{ "rbac.authorization.k8s.io", "rolebindings", check_binding },
	{ "rbac.authorization.k8s.io", "clusterrolebindings", check_binding },
	{ "policy", "poddisruptionbudgets",	check_pdb },
	{ "autoscaling", "horizontalpodautoscalers", check_hpa },
	{ "coordination.k8s.io", "leases",	check_lease },
	{ "scheduling.k8s.io", "priorityclasses", check_priorityclass },
	{ "certificates.k8s.io", "certificatesigningrequests", check_csr },
	{ "apiregistration.k8s.io", "apiservices", check_apiservice },
	{ "admissionregistration.k8s.io", "mutatingwebhookconfigurations",
	    check_webhooks },
	{ "admissionregistration.k8s.io", "validatingwebhookconfigurations",
	    check_webhooks },
};

/* Subresources that show the whole object: status, scale and the like keep
 * the spec, so only these can break it. */
static int
whole(const struct pin_admission_request *q)
{
	return (q->subresource.len == 0 || v_word(q->subresource,
	    "ephemeralcontainers resize finalize") ||
	    pin_str_is(q->resource, "namespaces"));
}

static void
builtin_check(void *self, const struct pin_admission_request *q,
    struct pin_causes *causes)
{
	struct v v = { .q = q, .o = q->object, .causes = causes };
	size_t i;

	(void)self;
	if (q->object == NULL)
		return;
	if (q->operation == PIN_OP_UPDATE)
		v.old = q->old_object;
	pin_out_init(&v.out, NULL, V_VALUE_MAX);
	check_meta(&v);
	for (i = 0; i < PIN_LEN(kinds) && whole(q); i++)
		if (pin_str_is(q->resource, kinds[i].resource) &&
		    pin_str_is(q->group, kinds[i].group)) {
			kinds[i].check(&v);
			break;
		}
	PIN_ASSERT(v.len == 0);
	pin_out_fini(&v.out);
}
