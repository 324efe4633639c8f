/* SPDX-License-Identifier: BSD-2-Clause
 *
 * podspec.c -- a pod spec, alone or in a template.
 * Front threads. Contract: upstream's core ValidatePodSpec. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

#define NAMESERVERS_MAX	3
#define SEARCHES_MAX	32
#define SEARCH_CHARS_MAX 2048

/* ---- names ------------------------------------------------------------- */

static const struct {
	const char	*member, *format;
} name_rows[] = {
	{ "serviceAccountName",	"dns1123-subdomain" },
	{ "nodeName",		"dns1123-subdomain" },
	{ "priorityClassName",	"dns1123-subdomain" },
	{ "runtimeClassName",	"dns1123-subdomain" },
};

static void
names(struct v *v, pin_node spec)
{
	struct pin_str s;
	size_t i;

	for (i = 0; i < PIN_LEN(name_rows); i++) {
		s = v_str(v, spec, name_rows[i].member);
		if (s.len > 0 || (v_has(v, spec, name_rows[i].member) &&
		    strcmp(name_rows[i].member, "runtimeClassName") == 0))
			v_format(v, name_rows[i].member, s,
			    name_rows[i].format);
	}
	if (!v_has(v, spec, "hostnameOverride"))
		return;
	s = v_str(v, spec, "hostnameOverride");
	if (v_true(v, spec, "setHostnameAsFQDN"))
		v_forbidden(v, "hostnameOverride", "may not be specified when "
		    "setHostnameAsFQDN is true");
	if (v_true(v, spec, "hostNetwork"))
		v_forbidden(v, "hostnameOverride", "may not be specified when "
		    "hostNetwork is true");
	if (s.len > 64)
		v_toolong(v, "hostnameOverride", 64);
	v_format(v, "hostnameOverride", s, "dns1123-subdomain");
}

/* ---- DNS --------------------------------------------------------------- */

/* A subdomain whose labels may hold '_' within. */
static void
search(struct v *v, struct pin_str s)
{
	char text[256];
	size_t i;

	if (pin_str_is(s, "."))
		return;
	if (s.len > 0 && s.p[s.len - 1] == '.')
		s.len--;
	if (s.len > 253) {
		v_bad_str(v, NULL, s, "must be no more than 253 characters");
		return;
	}
	for (i = 0; i < s.len; i++) {
		text[i] = s.p[i];
		if (text[i] == '_')
			text[i] = 'a';
	}
	if (!text_is((struct pin_str){ text, s.len }, "dns1123-subdomain"))
		v_bad_str(v, NULL, s, "a lowercase RFC 1123 subdomain must "
		    "consist of lower case alphanumeric characters, '_', '-' "
		    "or '.', and must start and end with an alphanumeric "
		    "character (e.g. 'example.com', regex used for validation "
		    "is '[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-_a-z0-9]"
		    "*[a-z0-9])?)*')");
}

static void
searches(struct v *v, pin_node dns)
{
	pin_node list = v_get(v, dns, "searches"), n;
	size_t back, item, chars = 0;
	uint32_t i;

	if (pin_obj_count(v->o, list) > SEARCHES_MAX)
		v_bad_node(v, "searches", list, "must not have more than %d "
		    "search paths", SEARCHES_MAX);
	V_EACH(v, list, n, i)
		chars += pin_obj_str(v->o, n).len + (i > 0);
	if (chars > SEARCH_CHARS_MAX)
		v_bad_node(v, "searches", list, "must not have more than %d "
		    "characters (including spaces) in the search list",
		    SEARCH_CHARS_MAX);
	back = v_in(v, "searches");
	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		search(v, pin_obj_str(v->o, n));
		v_out(v, item);
	}
	v_out(v, back);
}

static void
dns_config(struct v *v, pin_node spec)
{
	pin_node dns = v_get(v, spec, "dnsConfig"), n;
	int none = v_is(v, spec, "dnsPolicy", "None");
	uint32_t servers = v_count(v, dns, "nameservers"), i;
	size_t back, item;

	if (none && !v_has(v, spec, "dnsConfig")) {
		v_required(v, "dnsConfig", "must provide `dnsConfig` when "
		    "`dnsPolicy` is None");
		return;
	}
	back = v_in(v, "dnsConfig");
	if (none && servers == 0)
		v_required(v, "nameservers", "must provide at least one DNS "
		    "nameserver when `dnsPolicy` is None");
	if (servers > NAMESERVERS_MAX)
		v_bad_node(v, "nameservers", v_get(v, dns, "nameservers"),
		    "must not have more than %d nameservers", NAMESERVERS_MAX);
	searches(v, dns);
	(void)v_in(v, "options");
	V_EACH(v, v_get(v, dns, "options"), n, i) {
		item = v_item(v, i);
		if (v_str(v, n, "name").len == 0)
			v_required(v, NULL, "must not be empty");
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- host, gates, claims ----------------------------------------------- */

static void
host_network(struct v *v, struct pod_spec *p)
{
	size_t back = v_in(v, "containers"), c_at, at, item;
	pin_node c, n;
	uint32_t i, k;

	V_EACH(v, v_get(v, p->spec, "containers"), c, i) {
		c_at = v_item(v, i);
		at = v_in(v, "ports");
		V_EACH(v, v_get(v, c, "ports"), n, k) {
			int64_t host = v_int(v, n, "hostPort", 0);

			item = v_item(v, k);
			if ((p->alone || host != 0) && host != v_int(v, n,
			    "containerPort", 0))
				v_bad_int(v, "hostPort", host, "must match "
				    "`containerPort` when `hostNetwork` is "
				    "true");
			v_out(v, item);
		}
		v_out(v, at);
		v_out(v, c_at);
	}
	v_out(v, back);
}

static void
no_host_users(struct v *v, pin_node spec)
{
	if (v_true(v, spec, "hostNetwork"))
		v_forbidden(v, "hostNetwork", "when `hostUsers` is false");
	if (v_true(v, spec, "hostPID"))
		v_forbidden(v, "HostPID", "when `hostUsers` is false");
	if (v_true(v, spec, "hostIPC"))
		v_forbidden(v, "HostIPC", "when `hostUsers` is false");
}

static void
gates(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "schedulingGates"), item;
	struct v_set seen = { 0 };
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, spec, "schedulingGates"), n, i) {
		item = v_item(v, i);
		v_format(v, NULL, v_str(v, n, "name"), "qualified-name");
		if (v_set_add(&seen, v_str(v, n, "name"), n))
			v_duplicate(v, NULL, v_str(v, n, "name"));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

static void
claim(struct v *v, struct pod_spec *p, pin_node n)
{
	struct pin_str name = v_str(v, n, "name");
	int own = v_has(v, n, "resourceClaimName"),
	    template = v_has(v, n, "resourceClaimTemplateName");

	if (name.len == 0)
		v_required(v, "name", NULL);
	else if (v_set_add(&p->claims, name, n))
		v_duplicate(v, "name", name);
	else
		v_format(v, "name", name, "dns1123-label");
	if (own && template)
		v_bad_node(v, NULL, n, "at most one of `resourceClaimName` or "
		    "`resourceClaimTemplateName` may be specified");
	if (!own && !template)
		v_bad_node(v, NULL, n, "must specify one of: "
		    "`resourceClaimName`, `resourceClaimTemplateName`");
	if (own)
		v_format(v, "resourceClaimName", v_str(v, n,
		    "resourceClaimName"), "dns1123-subdomain");
	if (template)
		v_format(v, "resourceClaimTemplateName", v_str(v, n,
		    "resourceClaimTemplateName"), "dns1123-subdomain");
}

static void
claims(struct v *v, struct pod_spec *p)
{
	size_t back = v_in(v, "resourceClaims"), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, p->spec, "resourceClaims"), n, i) {
		item = v_item(v, i);
		claim(v, p, n);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
overhead(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "overhead"), key;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, spec, "overhead"), n, i) {
		key = v_key(v, pin_obj_key(v->o, n));
		v_resource_value(v, pin_obj_key(v->o, n),
		    pin_obj_str(v->o, n));
		v_out(v, key);
	}
	v_out(v, back);
}

/* ---- the whole --------------------------------------------------------- */

/* At its path. */
void
check_pod_spec(struct v *v, pin_node spec, int alone, pin_node claim_templates)
{
	struct pod_spec p = { .spec = spec, .alone = alone,
	    .templates = claim_templates };

	p.grace = v_int(v, spec, "terminationGracePeriodSeconds", 30);
	p.host_users = pin_obj_type(v->o, v_get(v, spec, "hostUsers")) !=
	    PIN_FALSE;
	check_volumes(v, &p);
	claims(v, &p);
	check_containers(v, &p);
	if (v_has(v, spec, "resources")) {
		if (v_has(v, v_get(v, spec, "resources"), "claims"))
			v_forbidden(v, "resources.claims", "claims may not be "
			    "set for Resources at pod-level");
		check_resources(v, v_get(v, spec, "resources"), &p.claims);
	}
	if (v_true(v, spec, "hostNetwork"))
		host_network(v, &p);
	v_labels(v, "nodeSelector", v_get(v, spec, "nodeSelector"));
	check_pod_security(v, spec);
	check_affinity(v, spec);
	dns_config(v, spec);
	gates(v, spec);
	check_spread(v, spec);
	if (!p.host_users)
		no_host_users(v, spec);
	names(v, spec);
	check_tolerations(v, v_get(v, spec, "tolerations"));
	overhead(v, spec);
	v_set_free(&p.volumes);
	v_set_free(&p.claims);
}

/* At the path of the template. */
void
check_pod_template(struct v *v, pin_node template, pin_node claim_templates)
{
	pin_node spec = v_get(v, template, "spec");
	size_t back;

	check_notes(v, v_get(v, template, "metadata"));
	back = v_in(v, "spec");
	check_pod_spec(v, spec, POD_TEMPLATE, claim_templates);
	if (v_count(v, spec, "ephemeralContainers") > 0)
		v_forbidden(v, "ephemeralContainers", "ephemeral containers "
		    "not allowed in pod template");
	v_out(v, back);
}
