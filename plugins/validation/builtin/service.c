/* SPDX-License-Identifier: BSD-2-Clause
 *
 * service.c -- Services: ports, addresses and families, what may change.
 * Front threads. Contract: upstream's core validateService and
 * ValidateServiceUpdate. */
#include "plugins/validation/builtin/builtin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct svc {
	pin_node	 spec;
	pin_node	 was;		/* its spec before, 0 on create */
	struct pin_str	 type;
	int		 headless;
};

static int
headless(const struct pin_obj *o, pin_node spec)
{
	pin_node ips = pin_obj_get(o, spec, "clusterIPs");

	return (pin_obj_count(o, ips) == 1 &&
	    pin_str_is(pin_obj_str(o, pin_obj_first(o, ips)), "None"));
}

static struct pin_str
nth(const struct pin_obj *o, pin_node list, uint32_t i)
{
	pin_node n = pin_obj_first(o, list);

	for (; n != 0 && i > 0; i--)
		n = pin_obj_next(o, n);
	return (pin_obj_str(o, n));
}

/* ---- types ------------------------------------------------------------- */

static void
external_name(struct v *v, const struct svc *s)
{
	struct pin_str cname = v_str(v, s->spec, "externalName");

	if (v_count(v, s->spec, "clusterIPs") > 0)
		v_forbidden(v, "clusterIPs", "may not be set for ExternalName "
		    "services");
	if (v_count(v, s->spec, "ipFamilies") > 0)
		v_forbidden(v, "ipFamilies", "may not be set for ExternalName "
		    "services");
	if (v_has(v, s->spec, "ipFamilyPolicy"))
		v_forbidden(v, "ipFamilyPolicy", "may not be set for "
		    "ExternalName services");
	if (cname.len > 0 && cname.p[cname.len - 1] == '.')
		cname.len--;
	if (cname.len == 0)
		v_required(v, "externalName", NULL);
	else
		v_format(v, "externalName", cname, "dns1123-subdomain");
}

static void
type(struct v *v, const struct svc *s)
{
	if (v_count(v, s->spec, "ports") == 0 && !s->headless &&
	    !pin_str_is(s->type, "ExternalName"))
		v_required(v, "ports", NULL);
	if (v_word(s->type, "LoadBalancer NodePort") && s->headless)
		v_bad_str(v, "clusterIPs[0]", PIN_STR("None"), "may not be set"
		    " to 'None' for " PIN_SFMT " services", PIN_SARG(s->type));
	if (pin_str_is(s->type, "ExternalName"))
		external_name(v, s);
}

/* ---- ports ------------------------------------------------------------- */

#define PORT_TEXT	64

static void
one_port(struct v *v, pin_node p, int named, struct v_set *names)
{
	struct pin_str name = v_str(v, p, "name");

	if (named && name.len == 0) {
		v_required(v, "name", NULL);
	} else if (name.len > 0) {
		if (v_set_add(names, name, p))
			v_duplicate(v, "name", name);
	}
	v_port(v, "targetPort", v_get(v, p, "targetPort"));
}

/* (protocol, number) pairs must differ. */
static void
twice(struct v *v, const struct svc *s, const char *member,
    struct pin_arena *arena)
{
	struct v_set seen = { 0 };
	struct pin_str key, proto;
	char text[PORT_TEXT], value[PORT_TEXT + 160];
	size_t back = v_in(v, "ports"), item;
	int64_t port;
	pin_node p;
	uint32_t i;

	V_EACH(v, v_get(v, s->spec, "ports"), p, i) {
		port = v_int(v, p, member, 0);
		proto = v_str(v, p, "protocol");
		snprintf(text, sizeof(text), "%.*s/%" PRId64,
		    (int)(proto.len < 16 ? proto.len : 16),
		    proto.len > 0 ? proto.p : "", port);
		key = pin_arena_str(arena, pin_str(text));
		if ((port == 0 && strcmp(member, "nodePort") == 0) ||
		    !v_set_add(&seen, key, p))
			continue;
		item = v_item(v, i);
		if (strcmp(member, "nodePort") == 0)
			snprintf(value, sizeof(value), "%" PRId64, port);
		else
			snprintf(value, sizeof(value), "{\"Name\":\"\","
			    "\"Protocol\":\"%.*s\",\"AppProtocol\":null,"
			    "\"Port\":%" PRId64 ",\"TargetPort\":0,"
			    "\"NodePort\":0}", (int)(proto.len < 16 ?
			    proto.len : 16), proto.len > 0 ? proto.p : "",
			    port);
		if (strcmp(member, "nodePort") == 0)
			(void)v_in(v, member);
		pin_cause_add(v->causes, PIN_CAUSE_DUPLICATE, v->path,
		    pin_str(value), NULL);
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

#define SCRATCH_MAX	((size_t)4 << 20)

static void
ports(struct v *v, const struct svc *s)
{
	struct pin_arena *arena = pin_arena_new(SCRATCH_MAX);
	size_t back = v_in(v, "ports"), item;
	uint32_t n = v_count(v, s->spec, "ports"), i;
	struct v_set names = { 0 };
	pin_node p;

	V_EACH(v, v_get(v, s->spec, "ports"), p, i) {
		item = v_item(v, i);
		one_port(v, p, n > 1, &names);
		if (pin_str_is(s->type, "ClusterIP") && v_int(v, p,
		    "nodePort", 0) != 0)
			v_forbidden(v, "nodePort", "may not be used when "
			    "`type` is 'ClusterIP'");
		v_out(v, item);
	}
	v_set_free(&names);
	v_out(v, back);
	if (arena == NULL)
		return;
	twice(v, s, "nodePort", arena);
	twice(v, s, "port", arena);
	pin_arena_free(&arena);
}

/* ---- affinity ---------------------------------------------------------- */

static void
affinity(struct v *v, const struct svc *s)
{
	static const char when[] = "when session affinity type is ClientIP";
	pin_node conf = v_get(v, s->spec, "sessionAffinityConfig"), ip;
	int64_t secs;

	if (v_is(v, s->spec, "sessionAffinity", "None")) {
		if (v_has(v, s->spec, "sessionAffinityConfig"))
			v_forbidden(v, "sessionAffinityConfig", "must not be "
			    "set when session affinity is None");
		return;
	}
	if (!v_is(v, s->spec, "sessionAffinity", "ClientIP"))
		return;
	ip = v_get(v, conf, "clientIP");
	if (!v_has(v, s->spec, "sessionAffinityConfig"))
		v_required(v, "sessionAffinityConfig", when);
	else if (!v_has(v, conf, "clientIP"))
		v_required(v, "sessionAffinityConfig.clientIP", when);
	else if (!pin_obj_i64(v->o, v_get(v, ip, "timeoutSeconds"), &secs))
		v_required(v, "sessionAffinityConfig.clientIP.timeoutSeconds",
		    when);
	else if (secs <= 0 || secs > 86400)
		v_bad_int(v, "sessionAffinityConfig.clientIP.timeoutSeconds",
		    secs, "must be greater than 0 and less than 86400");
}

/* ---- addresses --------------------------------------------------------- */

static void
first_ip(struct v *v, const struct svc *s)
{
	pin_node list = v_get(v, s->spec, "clusterIPs");
	struct pin_str ip = v_str(v, s->spec, "clusterIP");

	if (ip.len > 0 && pin_obj_count(v->o, list) == 0)
		v_required(v, "clusterIPs", NULL);
	else if (ip.len > 0 && !pin_str_eq(nth(v->o, list, 0), ip))
		v_bad_node(v, "clusterIPs", list, "first value must match "
		    "`clusterIP`");
	else if (ip.len == 0 && pin_obj_count(v->o, list) > 0)
		v_bad_node(v, "clusterIPs", list, "must be empty when "
		    "`clusterIP` is not specified");
}

/* 0: there is a bad one, more would only confuse. */
static int
each_ip(struct v *v, const struct svc *s)
{
	pin_node list = v_get(v, s->spec, "clusterIPs"), n;
	uint32_t before, i;
	size_t back, item;
	int good = 1;

	V_EACH(v, list, n, i) {
		struct pin_str ip = pin_obj_str(v->o, n);

		if (i == 0 && pin_str_is(ip, "None")) {
			if (pin_obj_count(v->o, list) < 2)
				continue;
			v_bad_node(v, "clusterIPs", list, "'None' must be the "
			    "first and only value");
			good = 0;
			continue;
		}
		back = v_in(v, "clusterIPs");
		item = v_item(v, i);
		before = pin_cause_count(v->causes);
		v_format(v, NULL, ip, "ip");
		good &= pin_cause_count(v->causes) == before;
		v_out(v, item);
		v_out(v, back);
	}
	if (pin_obj_count(v->o, list) > 2)
		v_bad_node(v, "clusterIPs", list, "may only hold up to 2 "
		    "values");
	return (good);
}

static void
families(struct v *v, const struct svc *s)
{
	pin_node ips = v_get(v, s->spec, "clusterIPs"),
	    list = v_get(v, s->spec, "ipFamilies"), n = pin_obj_first(v->o,
	    list), m = pin_obj_first(v->o, ips);
	struct pin_str ip, family;
	size_t back, item;
	uint32_t i;

	if (pin_obj_count(v->o, ips) > 1 && text_ip(nth(v->o, ips, 0)) ==
	    text_ip(nth(v->o, ips, 1)))
		v_bad_node(v, "clusterIPs", ips, "may specify no more than one"
		    " IP for each IP family");
	if (s->headless)
		return;
	back = v_in(v, "clusterIPs");
	for (i = 0; n != 0 && m != 0; i++, n = pin_obj_next(v->o, n),
	    m = pin_obj_next(v->o, m)) {
		ip = pin_obj_str(v->o, m);
		family = pin_obj_str(v->o, n);
		item = v_item(v, i);
		if (pin_str_is(family, "IPv4") && text_ip(ip) == 6)
			v_bad_str(v, NULL, ip, "expected an IPv4 value as "
			    "indicated by `ipFamilies[%" PRIu32 "]`", i);
		if (pin_str_is(family, "IPv6") && text_ip(ip) != 6)
			v_bad_str(v, NULL, ip, "expected an IPv6 value as "
			    "indicated by `ipFamilies[%" PRIu32 "]`", i);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
family_twice(struct v *v, const struct svc *s)
{
	size_t back = v_in(v, "ipFamilies"), item;
	struct v_set seen = { 0 };
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, s->spec, "ipFamilies"), n, i) {
		item = v_item(v, i);
		if (v_set_add(&seen, pin_obj_str(v->o, n), n))
			v_duplicate(v, NULL, pin_obj_str(v->o, n));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

static void
addresses(struct v *v, const struct svc *s)
{
	if (pin_str_is(s->type, "ExternalName"))
		return;
	first_ip(v, s);
	family_twice(v, s);
	if (each_ip(v, s))
		families(v, s);
}

/* Addresses nothing outside may have. */
static void
external_ips(struct v *v, const struct svc *s)
{
	size_t back = v_in(v, "externalIPs"), item;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, s->spec, "externalIPs"), n, i) {
		item = v_item(v, i);
		if (text_is(pin_obj_str(v->o, n), "ip"))
			v_endpoint_ip(v, NULL, pin_obj_str(v->o, n));
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- load balancers and traffic ---------------------------------------- */

static void
balancer(struct v *v, const struct svc *s)
{
	static const char only[] = "may only be used when `type` is "
	    "'LoadBalancer'";
	int lb = pin_str_is(s->type, "LoadBalancer");
	size_t back, item;
	pin_node n;
	uint32_t i;

	if (!lb && v_count(v, s->spec, "loadBalancerSourceRanges") > 0)
		v_forbidden(v, "LoadBalancerSourceRanges", "%s", only);
	back = v_in(v, "LoadBalancerSourceRanges");
	V_EACH(v, v_get(v, s->spec, "loadBalancerSourceRanges"), n, i) {
		item = v_item(v, i);
		v_format(v, NULL, text_trim(pin_obj_str(v->o, n)), "cidr");
		v_out(v, item);
	}
	v_out(v, back);
	if (!lb && v_has(v, s->spec, "allocateLoadBalancerNodePorts"))
		v_forbidden(v, "allocateLoadBalancerNodePorts", "%s", only);
	if (!v_has(v, s->spec, "loadBalancerClass"))
		return;
	if (!lb)
		v_forbidden(v, "loadBalancerClass", "%s", only);
	else
		v_format(v, "loadBalancerClass", v_str(v, s->spec,
		    "loadBalancerClass"), "qualified-name");
}

static void
traffic(struct v *v, const struct svc *s)
{
	struct pin_str policy = v_str(v, s->spec, "externalTrafficPolicy"),
	    dist = v_str(v, s->spec, "trafficDistribution");
	int64_t health = v_int(v, s->spec, "healthCheckNodePort", 0);
	int outside, checked;

	outside = v_word(s->type, "LoadBalancer NodePort") ||
	    (pin_str_is(s->type, "ClusterIP") &&
	    v_count(v, s->spec, "externalIPs") > 0);
	checked = pin_str_is(s->type, "LoadBalancer") &&
	    pin_str_is(policy, "Local");
	if (!outside && policy.len > 0)
		v_bad_str(v, "externalTrafficPolicy", policy, "may only be set"
		    " for externally-accessible services");
	if (outside && policy.len == 0)
		v_required(v, "externalTrafficPolicy", NULL);
	if (!checked && health != 0)
		v_bad_int(v, "healthCheckNodePort", health, "may only be set "
		    "when `type` is 'LoadBalancer' and `externalTrafficPolicy`"
		    " is 'Local'");
	else if (checked && health == 0)
		v_required(v, "healthCheckNodePort", NULL);
	else if (checked)
		v_port_num(v, "healthCheckNodePort", health);
	if (v_has(v, s->spec, "trafficDistribution") && !v_word(dist,
	    "PreferClose PreferSameZone PreferSameNode"))
		v_unsupported(v, "trafficDistribution", dist,
		    "PreferClose PreferSameZone PreferSameNode");
}

/* ---- update ------------------------------------------------------------ */

/* The first of a list stays; a second may come and go. */
static void
list_fixed(struct v *v, const struct svc *s, const char *member,
    const char *gone, const char *released)
{
	pin_node list = v_get(v, s->spec, member),
	    old = pin_obj_get(v->old, s->was, member);
	uint32_t now = pin_obj_count(v->o, list),
	    had = pin_obj_count(v->old, old), i;
	struct pin_str policy = v_str(v, s->spec, "ipFamilyPolicy");
	size_t back = v_in(v, member), item;

	for (i = 0; i < had && i < now && (i == 0 || now == had); i++) {
		if (pin_str_eq(nth(v->o, list, i), nth(v->old, old, i)))
			continue;
		item = v_item(v, i);
		v_bad_node(v, NULL, list, "may not change once set");
		v_out(v, item);
	}
	if (had > 0 && now == 0) {
		item = v_item(v, 0);
		v_bad_node(v, NULL, list, "%s", gone);
		v_out(v, item);
	}
	v_out(v, back);
	if (had > now && now == 1 && !pin_str_is(policy, "SingleStack"))
		v_bad_node(v, "ipFamilyPolicy", v_get(v, s->spec,
		    "ipFamilyPolicy"), "must be set to 'SingleStack' when "
		    "releasing the secondary %s", released);
}

static void
fixed(struct v *v, const struct svc *s)
{
	struct pin_str was_type = pin_obj_str(v->old, pin_obj_get(v->old,
	    s->was, "type"));
	int was_headless = headless(v->old, s->was);

	if (!pin_str_is(s->type, "ExternalName") &&
	    !pin_str_is(was_type, "ExternalName")) {
		if (!s->headless || !was_headless)
			list_fixed(v, s, "clusterIPs", "primary clusterIP can "
			    "not be unset", "clusterIP");
		if (!s->headless && !was_headless)
			list_fixed(v, s, "ipFamilies", "primary ipFamily can "
			    "not be unset", "ipFamily");
	}
	if (pin_str_is(s->type, "LoadBalancer") && pin_str_eq(s->type,
	    was_type)) {
		if (!v_kept(v, s->spec, s->was, "loadBalancerClass"))
			v_bad_node(v, "loadBalancerClass", v_get(v, s->spec,
			    "loadBalancerClass"), "may not change once set");
		if (v_is(v, s->spec, "externalTrafficPolicy", "Local") &&
		    v_kept(v, s->spec, s->was, "externalTrafficPolicy") &&
		    !v_kept(v, s->spec, s->was, "healthCheckNodePort"))
			v_forbidden(v, "healthCheckNodePort", "field is "
			    "immutable");
	}
}

void
check_service(struct v *v)
{
	struct svc s = { .spec = v_get(v, pin_obj_root(v->o), "spec") };
	size_t back = v_in(v, "spec");

	s.type = v_str(v, s.spec, "type");
	s.headless = headless(v->o, s.spec);
	if (v->old != NULL) {
		s.was = pin_obj_get(v->old, pin_obj_root(v->old), "spec");
		fixed(v, &s);
	}
	type(v, &s);
	ports(v, &s);
	v_labels(v, "selector", v_get(v, s.spec, "selector"));
	affinity(v, &s);
	addresses(v, &s);
	external_ips(v, &s);
	balancer(v, &s);
	traffic(v, &s);
	v_out(v, back);
}
