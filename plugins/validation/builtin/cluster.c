/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cluster.c -- Nodes, Events, Leases, PriorityClasses, signing requests,
 * Namespaces.
 * Front threads. Contract: upstream's validation of these kinds. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

/* ---- Node -------------------------------------------------------------- */

static void
taint_twice(struct v *v, pin_node t)
{
	static const char *const names[][2] = { { "key", "Key" },
	    { "value", "Value" }, { "effect", "Effect" } };
	struct pin_out o;
	size_t i;

	pin_out_init(&o, NULL, V_VALUE_MAX);
	for (i = 0; i < PIN_LEN(names); i++) {
		pin_out_printf(&o, "%s\"%s\":", i > 0 ? "," : "{",
		    names[i][1]);
		pin_json_quote(&o, v_str(v, t, names[i][0]));
	}
	pin_out_cstr(&o, ",\"TimeAdded\":null}");
	pin_cause_add(v->causes, PIN_CAUSE_DUPLICATE, v->path,
	    (struct pin_str){ o.p, o.len }, "taints must be unique by key and "
	    "effect pair");
	pin_out_fini(&o);
}

static void
taints(struct v *v, pin_node spec)
{
	pin_node list = v_get(v, spec, "taints"), n, m;
	size_t back = v_in(v, "metadata.taints"), item;
	struct pin_str value;
	uint32_t i;

	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		value = v_str(v, n, "value");
		v_format(v, "value", value, "label-value");
		for (m = pin_obj_first(v->o, list); m != n;
		    m = pin_obj_next(v->o, m))
			if (pin_str_eq(v_str(v, m, "key"), v_str(v, n,
			    "key")) && pin_str_eq(v_str(v, m, "effect"),
			    v_str(v, n, "effect")))
				break;
		if (m != n)
			taint_twice(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
amounts(struct v *v, const char *member)
{
	pin_node n, map = pin_obj_at(v->o, pin_obj_root(v->o), "status",
	    member, NULL);
	size_t back = v_in(v, "status"), at;
	uint32_t i;

	(void)v_in(v, member);
	V_EACH(v, map, n, i) {
		at = v_key(v, pin_obj_key(v->o, n));
		v_resource_value(v, pin_obj_key(v->o, n),
		    pin_obj_str(v->o, n));
		v_out(v, at);
	}
	v_out(v, back);
}

static void
node_fixed(struct v *v, pin_node spec)
{
	pin_node was = pin_obj_get(v->old, pin_obj_root(v->old), "spec");
	struct pin_str id = pin_obj_str(v->old, pin_obj_get(v->old, was,
	    "providerID"));

	if (pin_obj_count(v->old, pin_obj_get(v->old, was, "podCIDRs")) > 0 &&
	    (!v_kept(v, spec, was, "podCIDRs") ||
	    !v_kept(v, spec, was, "podCIDR")))
		v_forbidden(v, "podCIDRs", "node updates may not change "
		    "podCIDR except from \"\" to valid");
	if (id.len > 0 && !v_kept(v, spec, was, "providerID"))
		v_forbidden(v, "providerID", "node updates may not change "
		    "providerID except from \"\" to valid");
}

#define TAINTS_MAX	512	/* compared with each other */

void
check_node(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec"),
	    list = v_get(v, spec, "podCIDRs"), n;
	struct pin_str one = v_str(v, spec, "podCIDR");
	size_t back, item;
	uint32_t i;

	if (v_count(v, spec, "taints") <= TAINTS_MAX)
		taints(v, spec);
	else
		v_forbidden(v, "spec.taints", "no more than %d", TAINTS_MAX);
	amounts(v, "capacity");
	amounts(v, "allocatable");
	back = v_in(v, "spec");
	(void)v_in(v, "podCIDRs");
	if (one.len > 0 && !pin_str_eq(one, pin_obj_str(v->o, pin_obj_first(
	    v->o, list)))) {		/* the old name of the first wins */
		item = v_item(v, 0);
		v_format(v, NULL, one, "cidr");
		v_out(v, item);
		list = 0;
	}
	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		v_format(v, NULL, pin_obj_str(v->o, n), "cidr");
		v_out(v, item);
	}
	v_out(v, back);
	if (v->old != NULL) {
		back = v_in(v, "spec");
		node_fixed(v, spec);
		v_out(v, back);
	}
}

/* ---- Event ------------------------------------------------------------- */

/* The kinds call the same things by two names; blame is core's. */
struct event_names {
	const char	*object, *message, *source, *first, *last, *count,
			*controller;
};

static const struct event_names core_event = { "involvedObject", "message",
    "source", "firstTimestamp", "lastTimestamp", "count",
    "reportingComponent" };
static const struct event_names new_event = { "regarding", "note",
    "deprecatedSource", "deprecatedFirstTimestamp", "deprecatedLastTimestamp",
    "deprecatedCount", "reportingController" };

static void
limited(struct v *v, const char *blame, struct pin_str s, size_t max,
    int must)
{
	if (must && s.len == 0)
		v_required(v, blame, NULL);
	if (s.len > max)
		v_bad_str(v, blame, PIN_STR(""), "can have at most %zu "
		    "characters", max);
}

static void
event_object(struct v *v, pin_node root, const struct event_names *k,
    int timed)
{
	struct pin_str ns = v_str(v, v_get(v, root, "metadata"), "namespace"),
	    of = v_str(v, v_get(v, root, k->object), "namespace");
	int bad;

	if (timed)
		bad = of.len == 0 && !v_word(ns, "default kube-system");
	else if (of.len == 0)
		bad = ns.len > 0 && !pin_str_is(ns, "default");
	else
		bad = !pin_str_eq(ns, of);
	if (bad)
		v_bad_str(v, "involvedObject.namespace", of, "does not match "
		    "event.namespace");
}

static void
event_series(struct v *v, pin_node root)
{
	pin_node s = v_get(v, root, "series");

	if (!v_has(v, root, "series"))
		return;
	if (v_int(v, s, "count", 0) < 2)
		v_bad_str(v, "series.count", PIN_STR(""), "should be at least "
		    "2");
	if (!v_has(v, s, "lastObservedTime"))
		v_required(v, "series.lastObservedTime", NULL);
}

static void
event_strict(struct v *v, pin_node root, const struct event_names *k)
{
	const char *const unset[][2] = { { k->first, "firstTimestamp" },
	    { k->last, "lastTimestamp" } };
	struct pin_str type = v_str(v, root, "type");
	pin_node source = v_get(v, root, k->source);
	size_t i;

	event_series(v, root);
	if (!v_has(v, root, "eventTime"))
		v_required(v, "eventTime", NULL);
	if (!v_word(type, "Normal Warning"))
		v_bad_str(v, "type", PIN_STR(""), "has invalid value: "
		    PIN_SFMT, PIN_SARG(type));
	for (i = 0; i < PIN_LEN(unset); i++)
		if (v_has(v, root, unset[i][0]))
			v_bad_str(v, unset[i][1], PIN_STR(""), "needs to be "
			    "unset");
	if (v_int(v, root, k->count, 0) != 0)
		v_bad_str(v, "count", PIN_STR(""), "needs to be unset");
	if (v_str(v, source, "component").len > 0 ||
	    v_str(v, source, "host").len > 0)
		v_bad_str(v, "source", PIN_STR(""), "needs to be unset");
}

static void
event_fixed(struct v *v, pin_node root, const struct event_names *k)
{
	const char *const fixed[][2] = { { k->object, "involvedObject" },
	    { "reason", "reason" }, { k->message, "message" },
	    { k->source, "source" }, { k->first, "firstTimestamp" },
	    { k->last, "lastTimestamp" }, { k->count, "count" },
	    { "type", "type" }, { "eventTime", "eventTime" },
	    { "action", "action" }, { "related", "related" },
	    { k->controller, "reportingController" },
	    { "reportingInstance", "reportingInstance" } };
	pin_node was = pin_obj_root(v->old);
	size_t i;

	if (!v_kept(v, root, was, "series"))
		event_series(v, root);
	for (i = 0; i < PIN_LEN(fixed); i++)
		if (!v_kept(v, root, was, fixed[i][0]))
			v_immutable(v, fixed[i][1], v_get(v, root,
			    fixed[i][0]));
}

void
check_event(struct v *v)
{
	const struct event_names *k = v->q->group.len == 0 ? &core_event :
	    &new_event;
	pin_node root = pin_obj_root(v->o);
	int timed = v_has(v, root, "eventTime");
	struct pin_str s;

	event_object(v, root, k, timed);
	if (timed) {
		s = v_str(v, root, k->controller);
		if (s.len == 0)
			v_required(v, k->controller, NULL);
		v_format(v, k->controller, s, "qualified-name");
		limited(v, "reportingInstance", v_str(v, root,
		    "reportingInstance"), 128, 1);
		limited(v, "action", v_str(v, root, "action"), 128, 1);
		limited(v, "reason", v_str(v, root, "reason"), 128, 1);
		limited(v, "message", v_str(v, root, k->message), 1024, 0);
	}
	if (v->q->group.len == 0)
		return;			/* old clients know no more */
	if (v->old == NULL)
		event_strict(v, root, k);
	else
		event_fixed(v, root, k);
}

/* ---- Lease, PriorityClass, CertificateSigningRequest, Namespace -------- */

void
check_lease(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec");
	size_t back = v_in(v, "spec");
	int64_t n;

	if (pin_obj_i64(v->o, v_get(v, spec, "leaseDurationSeconds"), &n) &&
	    n <= 0)
		v_bad_int(v, "leaseDurationSeconds", n, "must be greater than "
		    "0");
	v_nonneg(v, spec, "leaseTransitions");
	if (v_has(v, spec, "preferredHolder") && v_str(v, spec,
	    "strategy").len == 0)
		v_required(v, "strategy", "strategy must be specified if "
		    "preferredHolder is specified");
	v_out(v, back);
}

void
check_priorityclass(struct v *v)
{
	pin_node root = pin_obj_root(v->o);
	int64_t value = v_int(v, root, "value", 0);
	struct pin_str name = v_str(v, v_get(v, root, "metadata"), "name");

	if (pin_str_prefix(name, "system-")) {
		if (!v_word(name, "system-cluster-critical "
		    "system-node-critical"))
			v_forbidden(v, "metadata.name", "priority class names "
			    "with 'system-' prefix are reserved for system "
			    "use only. error: " PIN_SFMT " is not a known "
			    "system priority class", PIN_SARG(name));
	} else if (value > 1000000000) {
		v_forbidden(v, "value", "maximum allowed value of a user "
		    "defined priority is 1000000000");
	}
	if (v->old != NULL && !v_kept(v, root, pin_obj_root(v->old),
	    "value"))
		v_forbidden(v, "value", "may not be changed in an update.");
}

static int
starts_pem(struct pin_str base64)
{
	/* "-----BEGIN CERTIFICATE REQUEST-----", and as was once common
	 * "-----BEGIN NEW CERTIFICATE REQUEST-----": their first 30 bytes. */
	static const char a[] = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNU";
	static const char b[] = "LS0tLS1CRUdJTiBORVcgQ0VSVElGSUNBVEUg";

	return (pin_str_prefix(base64, a) || pin_str_prefix(base64, b));
}

void
check_csr(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec");
	struct pin_str signer = v_str(v, spec, "signerName"), domain;
	const char *slash = signer.len > 0 ? memchr(signer.p, '/',
	    signer.len) : NULL;
	size_t back = v_in(v, "spec");
	int64_t secs;

	if (!starts_pem(v_str(v, spec, "request")))
		v_bad_node(v, "request", v_get(v, spec, "request"), "PEM block"
		    " type must be CERTIFICATE REQUEST");
	domain = (struct pin_str){ signer.p, slash != NULL ?
	    (size_t)(slash - signer.p) : 0 };
	if (signer.len > 0 && (slash == NULL || slash + 1 == signer.p +
	    signer.len))
		v_bad_str(v, "signerName", signer, "must be a fully qualified "
		    "domain and path of the form 'example.com/signer-name'");
	else if (signer.len > 0)
		v_format(v, "signerName", domain, "dns1123-subdomain");
	if (pin_obj_i64(v->o, v_get(v, spec, "expirationSeconds"), &secs) &&
	    secs < 600)
		v_bad_int(v, "expirationSeconds", secs, "may not specify a "
		    "duration less than 600 seconds (10 minutes)");
	v_out(v, back);
}

/* Whether it goes is written twice; the two must agree. */
static void
namespace_phase(struct v *v)
{
	pin_node root = pin_obj_root(v->o), at = pin_obj_at(v->o, root,
	    "status", "phase", NULL);
	struct pin_str phase = pin_obj_str(v->o, at);
	int going = pin_obj_at(v->o, root, "metadata", "deletionTimestamp",
	    NULL) != 0;
	size_t back = v_in(v, "status");

	if (going && !pin_str_is(phase, "Terminating"))
		v_bad_str(v, "Phase", phase, "may only be 'Terminating' if "
		    "`deletionTimestamp` is not empty");
	if (!going && !pin_str_is(phase, "Active"))
		v_bad_str(v, "Phase", phase, "may only be 'Active' if "
		    "`deletionTimestamp` is empty");
	v_out(v, back);
}

void
check_namespace(struct v *v)
{
	pin_node list = pin_obj_at(v->o, pin_obj_root(v->o), "spec",
	    "finalizers", NULL), n;
	int finalize = pin_str_is(v->q->subresource, "finalize");
	size_t back = v_in(v, "spec.finalizers"), item = 0;
	struct pin_str s;
	uint32_t i;

	V_EACH(v, list, n, i) {
		if (finalize)
			item = v_item(v, i);
		s = pin_obj_str(v->o, n);
		v_format(v, NULL, s, "qualified-name");
		if (memchr(s.p, '/', s.len) == NULL && !v_word(s,
		    "kubernetes orphan foregroundDeletion"))
			v_bad_str(v, NULL, s, "name is neither a standard "
			    "finalizer name nor is it fully qualified");
		if (finalize)
			v_out(v, item);
	}
	v_out(v, back);
	if (v->old != NULL && !finalize)
		namespace_phase(v);
}
