/* SPDX-License-Identifier: BSD-2-Clause
 *
 * network.c -- Ingresses, their classes, NetworkPolicies, ServiceCIDRs and
 * IPAddresses.
 * Front threads. Contract: upstream's networking validation. */
#include "plugins/validation/builtin/builtin.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static pin_node
spec_of(const struct v *v)
{
	return (v_get(v, pin_obj_root(v->o), "spec"));
}

/* ---- hosts and paths --------------------------------------------------- */

/* "*.example.com" too. */
static void
host(struct v *v, const char *member, struct pin_str s)
{
	struct pin_str rest = s;

	if (s.len == 0 || memchr(s.p, '*', s.len) == NULL) {
		v_format(v, member, s, "dns1123-subdomain");
		return;
	}
	if (s.len > 2 && s.p[0] == '*' && s.p[1] == '.') {
		rest.p += 2;
		rest.len -= 2;
		if (text_is(rest, "dns1123-subdomain"))
			return;
	}
	v_bad_str(v, member, s, "a wildcard DNS-1123 subdomain must start with"
	    " '*.', followed by a valid DNS subdomain, which must consist of "
	    "lower case alphanumeric characters, '-' or '.' and end with an "
	    "alphanumeric character (e.g. '*.example.com', regex used for "
	    "validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]"
	    "([-a-z0-9]*[a-z0-9])?)*')");
}

static int
has_text(struct pin_str s, const char *what)
{
	size_t n = strlen(what), i;

	for (i = 0; i + n <= s.len; i++)
		if (memcmp(s.p + i, what, n) == 0)
			return (1);
	return (0);
}

static int
ends_with(struct pin_str s, const char *what)
{
	size_t n = strlen(what);

	return (s.len >= n && memcmp(s.p + s.len - n, what, n) == 0);
}

static const char *const bad_parts[] = { "//", "/./", "/../", "%2f", "%2F" };
static const char *const bad_ends[] = { "/..", "/." };

static void
path(struct v *v, pin_node p)
{
	struct pin_str s = v_str(v, p, "path"), type = v_str(v, p,
	    "pathType");
	int strict = v_word(type, "Exact Prefix");
	size_t i;

	if ((strict || (pin_str_is(type, "ImplementationSpecific") &&
	    s.len > 0)) && (s.len == 0 || s.p[0] != '/'))
		v_bad_str(v, "path", s, "must be an absolute path");
	if (!strict || s.len == 0)
		return;
	for (i = 0; i < PIN_LEN(bad_parts); i++)
		if (has_text(s, bad_parts[i]))
			v_bad_str(v, "path", s, "must not contain '%s'",
			    bad_parts[i]);
	for (i = 0; i < PIN_LEN(bad_ends); i++)
		if (ends_with(s, bad_ends[i]))
			v_bad_str(v, "path", s, "cannot end with '%s'",
			    bad_ends[i]);
}

/* What a URL's segment may be. */
static void
segment(struct v *v, const char *member, struct pin_str s)
{
	if (v_word(s, ". .."))
		v_bad_str(v, member, s, "may not be '" PIN_SFMT "'",
		    PIN_SARG(s));
	if (has_text(s, "/"))
		v_bad_str(v, member, s, "may not contain '/'");
	if (has_text(s, "%"))
		v_bad_str(v, member, s, "may not contain '%%'");
}

static void
reference(struct v *v, pin_node ref)
{
	static const char *const members[] = { "kind", "name" };
	struct pin_str s;
	size_t i;

	if (v_has(v, ref, "apiGroup"))
		v_format(v, "apiGroup", v_str(v, ref, "apiGroup"),
		    "dns1123-subdomain");
	for (i = 0; i < PIN_LEN(members); i++) {
		s = v_str(v, ref, members[i]);
		if (s.len == 0)
			v_required(v, members[i], NULL);
		else
			segment(v, members[i], s);
	}
}

/* ---- Ingress ----------------------------------------------------------- */

static void
service_backend(struct v *v, pin_node s)
{
	pin_node port = v_get(v, s, "port");
	struct pin_str name = v_str(v, port, "name"),
	    service = v_str(v, s, "name");
	int64_t number = v_int(v, port, "number", 0);
	size_t back = v_in(v, "service");

	if (service.len == 0)
		v_required(v, "name", NULL);
	else
		v_format(v, "name", service, "dns1123-label");
	v_out(v, back);
	if (name.len > 0 && number != 0) {
		v_bad_str(v, NULL, PIN_STR(""), "cannot set both port name & "
		    "port number");
	} else if (name.len == 0 && number == 0) {
		v_required(v, NULL, "port name or number is required");
	} else {
		(void)v_in(v, "service.port");
		if (name.len > 0)
			v_format(v, "name", name, "port-name");
		else
			v_port_num(v, "number", number);
		v_out(v, back);
	}
}

static void
backend(struct v *v, pin_node owner, const char *member)
{
	pin_node b = v_get(v, owner, member);
	int resource = v_has(v, b, "resource"), service = v_has(v, b,
	    "service");
	size_t back = v_in(v, member), at;

	if (resource && service) {
		v_bad_str(v, NULL, PIN_STR(""), "cannot set both resource and "
		    "service backends");
	} else if (resource) {
		at = v_in(v, "resource");
		reference(v, v_get(v, b, "resource"));
		v_out(v, at);
	} else if (service) {
		service_backend(v, v_get(v, b, "service"));
	} else {
		v_bad_str(v, NULL, PIN_STR(""), "resource or service backend "
		    "is required");
	}
	v_out(v, back);
}

static void
rule(struct v *v, pin_node r)
{
	struct pin_str h = v_str(v, r, "host");
	size_t back, item;
	pin_node n;
	uint32_t i;

	if (h.len > 0) {
		if (text_ip(h) != 0)
			v_bad_str(v, "host", h, "must be a DNS name, not an IP"
			    " address");
		host(v, "host", h);
	}
	back = v_in(v, "http.paths");
	V_EACH(v, v_get(v, v_get(v, r, "http"), "paths"), n, i) {
		item = v_item(v, i);
		path(v, n);
		backend(v, n, "backend");
		v_out(v, item);
	}
	v_out(v, back);
}

static void
tls(struct v *v, pin_node t)
{
	struct pin_str secret = v_str(v, t, "secretName");
	size_t back = v_in(v, "hosts"), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, t, "hosts"), n, i) {
		item = v_item(v, i);
		host(v, NULL, pin_obj_str(v->o, n));
		v_out(v, item);
	}
	v_out(v, back);
	if (secret.len > 0)
		v_format(v, "secretName", secret, "dns1123-subdomain");
}

static void
each(struct v *v, pin_node owner, const char *member,
    void (*one)(struct v *, pin_node))
{
	size_t back = v_in(v, member), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, owner, member), n, i) {
		item = v_item(v, i);
		one(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

void
check_ingress(struct v *v)
{
	pin_node spec = spec_of(v), notes;
	struct pin_str class = v_str(v, spec, "ingressClassName"), note;
	size_t back = v_in(v, "spec");

	if (v_count(v, spec, "rules") == 0 &&
	    !v_has(v, spec, "defaultBackend"))
		v_bad_node(v, NULL, v_get(v, spec, "rules"), "either "
		    "`defaultBackend` or `rules` must be specified");
	if (v_has(v, spec, "defaultBackend"))
		backend(v, spec, "defaultBackend");
	each(v, spec, "rules", rule);
	each(v, spec, "tls", tls);
	v_out(v, back);
	notes = v_get(v, v_get(v, pin_obj_root(v->o), "metadata"),
	    "annotations");
	note = v_str(v, notes, "kubernetes.io/ingress.class");
	if (v->old == NULL && note.len > 0 && v_has(v, spec,
	    "ingressClassName") && !pin_str_eq(note, class))
		v_bad_str(v, "annotations.kubernetes.io/ingress.class", note,
		    "must match `ingressClassName` when both are specified");
}

/* ---- IngressClass ------------------------------------------------------ */

/* A domain, a slash, a path. */
static void
domain_path(struct v *v, const char *member, struct pin_str s)
{
	const char *slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
	struct pin_str domain;

	if (s.len == 0)
		return;
	if (slash == NULL || slash == s.p || slash + 1 == s.p + s.len) {
		v_bad_str(v, member, s, "must be a domain-prefixed path (such "
		    "as \"acme.io/foo\")");
		return;
	}
	domain = (struct pin_str){ s.p, (size_t)(slash - s.p) };
	if (!text_is(domain, "dns1123-subdomain"))
		v_format(v, member, domain, "dns1123-subdomain");
}

void
check_ingressclass(struct v *v)
{
	pin_node spec = spec_of(v), params = v_get(v, spec, "parameters");
	struct pin_str controller = v_str(v, spec, "controller"),
	    scope = v_str(v, params, "scope");
	size_t back = v_in(v, "spec");

	if (controller.len > 250)
		v_toolong(v, "controller", 250);
	domain_path(v, "controller", controller);
	if (v_has(v, spec, "parameters")) {
		(void)v_in(v, "parameters");
		reference(v, params);
		if (pin_str_is(scope, "Namespace") &&
		    !v_has(v, params, "namespace"))
			v_required(v, "namespace", "`parameters.scope` is set "
			    "to 'Namespace'");
		else if (pin_str_is(scope, "Namespace"))
			v_format(v, "namespace", v_str(v, params,
			    "namespace"), "dns1123-label");
		else if (pin_str_is(scope, "Cluster") &&
		    v_has(v, params, "namespace"))
			v_forbidden(v, "namespace", "`parameters.scope` is set"
			    " to 'Cluster'");
	}
	v_out(v, back);
}

/* ---- NetworkPolicy ----------------------------------------------------- */

/* Prefix length and bytes of a CIDR. */
static int
cidr_bits(struct pin_str s, unsigned char addr[16], int *family)
{
	const char *slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;
	char text[INET6_ADDRSTRLEN + 1];
	struct pin_str ip;

	if (slash == NULL || !text_is(s, "cidr"))
		return (-1);
	ip = (struct pin_str){ s.p, (size_t)(slash - s.p) };
	*family = text_ip(ip);
	if (*family == 0 || ip.len >= sizeof(text))
		return (-1);
	memcpy(text, ip.p, ip.len);
	text[ip.len] = '\0';
	(void)inet_pton(*family == 4 ? AF_INET : AF_INET6, text, addr);
	memcpy(text, slash + 1, s.len - ip.len - 1);
	text[s.len - ip.len - 1] = '\0';
	return (atoi(text));
}

static int
inside(struct pin_str outer, struct pin_str inner)
{
	unsigned char a[16], b[16];
	int fa, fb, na = cidr_bits(outer, a, &fa), nb = cidr_bits(inner, b,
	    &fb), i;

	if (na < 0 || nb < 0)
		return (1);		/* blamed already */
	if (fa != fb || na >= nb)
		return (0);
	for (i = 0; i < na; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) != 0)
			return (0);
	return (1);
}

static void
ip_block(struct v *v, pin_node b)
{
	struct pin_str cidr = v_str(v, b, "cidr");
	size_t back = v_in(v, "ipBlock"), item;
	pin_node n;
	uint32_t i;

	(void)v_in(v, "except");
	V_EACH(v, v_get(v, b, "except"), n, i) {
		item = v_item(v, i);
		if (!inside(cidr, pin_obj_str(v->o, n)))
			v_bad_str(v, NULL, pin_obj_str(v->o, n), "must be a "
			    "strict subset of `cidr`");
		v_out(v, item);
	}
	v_out(v, back);
}

static void
peer(struct v *v, pin_node p)
{
	int pod = v_has(v, p, "podSelector"), ns = v_has(v, p,
	    "namespaceSelector"), block = v_has(v, p, "ipBlock");

	if (pod)
		v_selector(v, "podSelector", v_get(v, p, "podSelector"));
	if (ns)
		v_selector(v, "namespaceSelector", v_get(v, p,
		    "namespaceSelector"));
	if (block)
		ip_block(v, v_get(v, p, "ipBlock"));
	if (!pod && !ns && !block)
		v_required(v, NULL, "must specify a peer");
	else if (block && (pod || ns))
		v_forbidden(v, NULL, "may not specify both ipBlock and another"
		    " peer");
}

static void
policy_port(struct v *v, pin_node p)
{
	pin_node port = v_get(v, p, "port");
	int64_t number = 0, end;
	int has_end = pin_obj_i64(v->o, v_get(v, p, "endPort"), &end);

	if (v_has(v, p, "port"))
		v_port(v, "port", port);
	if (!has_end)
		return;
	if (!v_has(v, p, "port"))
		v_bad_int(v, "endPort", end, "may not be specified when `port`"
		    " is not specified");
	else if (!pin_obj_i64(v->o, port, &number))
		v_bad_int(v, "endPort", end, "may not be specified when `port`"
		    " is non-numeric");
	else if (end < number)
		v_bad_int(v, "endPort", number, "must be greater than or equal"
		    " to `port`");
	if (v_has(v, p, "port") && pin_obj_i64(v->o, port, &number))
		v_port_num(v, "endPort", end);
}

static void
ingress_rule(struct v *v, pin_node r)
{
	each(v, r, "ports", policy_port);
	each(v, r, "from", peer);
}

static void
egress_rule(struct v *v, pin_node r)
{
	each(v, r, "ports", policy_port);
	each(v, r, "to", peer);
}

void
check_netpol(struct v *v)
{
	pin_node spec = spec_of(v), types = v_get(v, spec, "policyTypes");
	size_t back = v_in(v, "spec");

	v_selector(v, "podSelector", v_get(v, spec, "podSelector"));
	each(v, spec, "ingress", ingress_rule);
	each(v, spec, "egress", egress_rule);
	if (pin_obj_count(v->o, types) > 2)
		v_bad_node(v, "policyTypes", types, "may not specify more than"
		    " two policyTypes");
	v_out(v, back);
}

/* ---- ServiceCIDR, IPAddress -------------------------------------------- */

void
check_servicecidr(struct v *v)
{
	pin_node spec = spec_of(v), list = v_get(v, spec, "cidrs"), n, m,
	    old;
	size_t back = v_in(v, "spec"), item;
	uint32_t i, had;

	if (pin_obj_count(v->o, list) == 0)
		v_required(v, "cidrs", "at least one CIDR required");
	if (pin_obj_count(v->o, list) > 2)
		v_bad_node(v, "cidrs", list, "may only hold up to 2 values");
	(void)v_in(v, "cidrs");
	old = v->old == NULL ? 0 : pin_obj_at(v->old, pin_obj_root(v->old),
	    "spec", "cidrs", NULL);
	had = v->old == NULL ? 0 : pin_obj_count(v->old, old);
	m = had == 0 ? 0 : pin_obj_first(v->old, old);
	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		if (m != 0 && !v_same(v, n, m))
			v_immutable(v, NULL, n);
		v_out(v, item);
		m = m != 0 ? pin_obj_next(v->old, m) : 0;
	}
	v_out(v, back);
}

void
check_ipaddress(struct v *v)
{
	pin_node ref = v_get(v, spec_of(v), "parentRef");
	static const char *const must[] = { "resource", "name" };
	size_t back = v_in(v, "spec"), i;

	if (!v_has(v, spec_of(v), "parentRef")) {
		v_required(v, "parentRef", NULL);
		v_out(v, back);
		return;
	}
	(void)v_in(v, "parentRef");
	for (i = 0; i < PIN_LEN(must); i++)
		if (v_str(v, ref, must[i]).len == 0)
			v_required(v, must[i], NULL);
	v_out(v, back);
}
