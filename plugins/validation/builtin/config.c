/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config.c -- ConfigMaps, Secrets, ResourceQuotas, LimitRanges: keys, sizes,
 * what is immutable, amounts that fit each other.
 * Front threads. Contract: upstream's core validation. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

#define DATA_MAX	(1u << 20)	/* bytes of all values */

/* ---- ConfigMap, Secret ------------------------------------------------- */

/* Bytes that base64 text holds. */
static size_t
decoded(struct pin_str s)
{
	size_t pad = 0;

	while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
		pad++;
	return (s.len / 4 * 3 - (s.len >= 4 ? pad : 0));
}

/* Complains about keys, gives the size of the values. */
static size_t
keys(struct v *v, const char *member, int base64)
{
	pin_node map = v_get(v, pin_obj_root(v->o), member), n;
	size_t back = v_in(v, member), at, size = 0;
	struct pin_str key;
	uint32_t i;

	V_EACH(v, map, n, i) {
		key = pin_obj_key(v->o, n);
		at = v_key(v, key);
		v_format(v, NULL, key, "config-key");
		v_out(v, at);
		size += base64 ? decoded(pin_obj_str(v->o, n)) :
		    pin_obj_str(v->o, n).len;
	}
	v_out(v, back);
	return (size);
}

/* Once `immutable` is set, nothing of it changes. */
static void
sealed(struct v *v, const char *const *members, size_t n)
{
	static const char why[] = "field is immutable when `immutable` is set";
	pin_node root = pin_obj_root(v->o), was;
	size_t i;

	if (v->old == NULL)
		return;
	was = pin_obj_root(v->old);
	if (!pin_obj_true(v->old, pin_obj_get(v->old, was, "immutable")))
		return;
	if (!v_true(v, root, "immutable"))
		v_forbidden(v, "immutable", "%s", why);
	for (i = 0; i < n; i++)
		if (!v_kept(v, root, was, members[i]))
			v_forbidden(v, members[i], "%s", why);
}

void
check_configmap(struct v *v)
{
	static const char *const members[] = { "data", "binaryData" };
	pin_node root = pin_obj_root(v->o), binary = v_get(v, root,
	    "binaryData"), n;
	size_t size = keys(v, "data", 0) + keys(v, "binaryData", 1), back, at;
	struct pin_str key;
	uint32_t i;

	back = v_in(v, "data");
	V_EACH(v, v_get(v, root, "data"), n, i) {
		key = pin_obj_key(v->o, n);
		if (pin_obj_getn(v->o, binary, key.p, key.len) == 0)
			continue;
		at = v_key(v, key);
		v_bad_str(v, NULL, key, "duplicate of key present in "
		    "binaryData");
		v_out(v, at);
	}
	v_out(v, back);
	if (size > DATA_MAX)
		v_toolong(v, NULL, DATA_MAX);
	sealed(v, members, PIN_LEN(members));
}

/* Keys that a type of Secret must have. */
static const struct {
	const char	*type, *key, *other;	/* other: either will do */
} secret_keys[] = {
	{ "kubernetes.io/dockercfg", ".dockercfg", NULL },
	{ "kubernetes.io/dockerconfigjson", ".dockerconfigjson", NULL },
	{ "kubernetes.io/basic-auth", "username", "password" },
	{ "kubernetes.io/ssh-auth", "ssh-privatekey", NULL },
	{ "kubernetes.io/tls", "tls.crt", NULL },
	{ "kubernetes.io/tls", "tls.key", NULL },
};

static void
secret_data(struct v *v, pin_node data, struct pin_str type)
{
	size_t back = v_in(v, "data"), at, i;
	const char *key, *other;

	for (i = 0; i < PIN_LEN(secret_keys); i++) {
		key = secret_keys[i].key;
		other = secret_keys[i].other;
		if (!pin_str_is(type, secret_keys[i].type) ||
		    v_get(v, data, key) != 0 ||
		    (other != NULL && v_get(v, data, other) != 0))
			continue;
		at = v_key(v, pin_str(key));
		v_required(v, NULL, NULL);
		v_out(v, at);
		if (other == NULL)
			continue;
		at = v_key(v, pin_str(other));
		v_required(v, NULL, NULL);
		v_out(v, at);
	}
	v_out(v, back);
}

void
check_secret(struct v *v)
{
	static const char account[] = "kubernetes.io/service-account.name";
	static const char *const members[] = { "data" };
	pin_node root = pin_obj_root(v->o), notes;
	struct pin_str type = v_str(v, root, "type");
	size_t back;

	if (keys(v, "data", 1) > DATA_MAX)
		v_toolong(v, "data", DATA_MAX);
	secret_data(v, v_get(v, root, "data"), type);
	notes = v_get(v, v_get(v, root, "metadata"), "annotations");
	if (pin_str_is(type, "kubernetes.io/service-account-token") &&
	    v_str(v, notes, account).len == 0) {
		back = v_in(v, "metadata.annotations");
		(void)v_key(v, pin_str(account));
		v_required(v, NULL, NULL);
		v_out(v, back);
	}
	sealed(v, members, PIN_LEN(members));
}

/* ---- ResourceQuota ----------------------------------------------------- */

static const char quota_names[] = "cpu memory ephemeral-storage requests.cpu "
    "requests.memory requests.storage requests.ephemeral-storage limits.cpu "
    "limits.memory limits.ephemeral-storage pods resourcequotas services "
    "replicationcontrollers secrets persistentvolumeclaims configmaps "
    "services.nodeports services.loadbalancers storage";
static const char best_effort_names[] = "pods";
static const char pod_names[] = "cpu memory requests.cpu requests.memory "
    "limits.cpu limits.memory ephemeral-storage requests.ephemeral-storage "
    "limits.ephemeral-storage pods";

static int
quota_standard(struct pin_str s)
{
	return (v_word(s, quota_names) || pin_str_prefix(s, "hugepages-") ||
	    pin_str_prefix(s, "requests.hugepages-"));
}

static void
quota_hard(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "hard"), at;
	struct pin_str name;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, spec, "hard"), n, i) {
		name = pin_obj_key(v->o, n);
		at = v_key(v, name);
		v_resource_name(v, NULL, name);
		if (memchr(name.p, '/', name.len) == NULL &&
		    text_is(name, "qualified-name") && !quota_standard(name))
			v_bad_str(v, NULL, name, "must be a standard resource "
			    "for quota");
		v_resource_value(v, name, pin_obj_str(v->o, n));
		v_out(v, at);
	}
	v_out(v, back);
}

static int
scope_fits(struct pin_str scope, struct pin_str resource)
{
	if (v_word(scope, "Terminating NotTerminating NotBestEffort "
	    "PriorityClass CrossNamespacePodAffinity VolumeAttributesClass"))
		return (v_word(resource, pod_names) ||
		    pin_str_prefix(resource, "hugepages-") ||
		    pin_str_prefix(resource, "requests.hugepages-") ||
		    (pin_str_is(scope, "VolumeAttributesClass") &&
		    v_word(resource, "persistentvolumeclaims "
		    "requests.storage")));
	return (!pin_str_is(scope, "BestEffort") ||
	    v_word(resource, best_effort_names));
}

static void
quota_scopes(struct v *v, pin_node spec)
{
	pin_node list = v_get(v, spec, "scopes"), n, m;
	int best = 0, not_best = 0, term = 0, not_term = 0;
	struct pin_str s;
	uint32_t i, k;

	V_EACH(v, list, n, i) {
		s = pin_obj_str(v->o, n);
		best |= pin_str_is(s, "BestEffort");
		not_best |= pin_str_is(s, "NotBestEffort");
		term |= pin_str_is(s, "Terminating");
		not_term |= pin_str_is(s, "NotTerminating");
		if (!v_word(s, "Terminating NotTerminating BestEffort "
		    "NotBestEffort PriorityClass CrossNamespacePodAffinity "
		    "VolumeAttributesClass"))
			v_bad_node(v, "scopes", list, "unsupported scope");
		V_EACH(v, v_get(v, spec, "hard"), m, k)
			if (quota_standard(pin_obj_key(v->o, m)) &&
			    !scope_fits(s, pin_obj_key(v->o, m)))
				v_bad_node(v, "scopes", list, "unsupported "
				    "scope applied to resource");
	}
	if (best && not_best)
		v_bad_node(v, "scopes", list, "conflicting scopes");
	if (term && not_term)
		v_bad_node(v, "scopes", list, "conflicting scopes");
}

static void
quota_selector(struct v *v, pin_node spec)
{
	size_t back = v_in(v, "scopeSelector.matchExpressions");
	struct pin_str scope, op;
	uint32_t i, values;
	pin_node n;

	V_EACH(v, v_get(v, v_get(v, spec, "scopeSelector"),
	    "matchExpressions"), n, i) {
		scope = v_str(v, n, "scopeName");
		op = v_str(v, n, "operator");
		values = v_count(v, n, "values");
		if (v_word(scope, "BestEffort NotBestEffort Terminating "
		    "NotTerminating CrossNamespacePodAffinity") &&
		    !pin_str_is(op, "Exists"))
			v_bad_str(v, "operator", op, "must be 'Exists' when "
			    "scope is any of ResourceQuotaScopeTerminating, "
			    "ResourceQuotaScopeNotTerminating, "
			    "ResourceQuotaScopeBestEffort, "
			    "ResourceQuotaScopeNotBestEffort or "
			    "ResourceQuotaScopeCrossNamespacePodAffinity");
		if (v_word(op, "In NotIn")) {
			if (values == 0)
				v_required(v, "values", "must be at least one "
				    "value when `operator` is 'In' or 'NotIn' "
				    "for scope selector");
		} else if (v_word(op, "Exists DoesNotExist")) {
			if (values > 0)
				v_bad_node(v, "values", v_get(v, n, "values"),
				    "must be no value when `operator` is "
				    "'Exist' or 'DoesNotExist' for scope "
				    "selector");
		} else {
			v_bad_str(v, "operator", op, "not a valid selector "
			    "operator");
		}
	}
	v_out(v, back);
}

static int
scopes_same(const struct v *v, pin_node now, pin_node was)
{
	pin_node n, m;

	if (pin_obj_count(v->o, now) != pin_obj_count(v->old, was))
		return (0);
	for (n = pin_obj_first(v->o, now); n != 0;
	    n = pin_obj_next(v->o, n)) {
		for (m = pin_obj_first(v->old, was); m != 0;
		    m = pin_obj_next(v->old, m))
			if (v_same(v, n, m))
				break;
		if (m == 0)
			return (0);
	}
	return (1);
}

void
check_quota(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec");
	size_t back = v_in(v, "spec");

	quota_hard(v, spec);
	quota_scopes(v, spec);
	quota_selector(v, spec);
	if (v->old != NULL && !scopes_same(v, v_get(v, spec, "scopes"),
	    pin_obj_at(v->old, pin_obj_root(v->old), "spec", "scopes", NULL)))
		v_immutable(v, "scopes", v_get(v, spec, "scopes"));
	v_out(v, back);
}

/* ---- LimitRange -------------------------------------------------------- */

static const char *const limit_maps[] = { "max", "min", "default",
    "defaultRequest", "maxLimitRequestRatio" };

static void
limit_names(struct v *v, pin_node item, struct pin_str type)
{
	int pods = v_word(type, "Pod Container");
	size_t back, at, i;
	uint32_t k;
	pin_node n;

	for (i = 0; i < PIN_LEN(limit_maps); i++) {
		back = v_in(v, limit_maps[i]);
		V_EACH(v, v_get(v, item, limit_maps[i]), n, k) {
			at = v_key(v, pin_obj_key(v->o, n));
			if (pods)
				v_container_resource(v, NULL,
				    pin_obj_key(v->o, n));
			else
				v_resource_name(v, NULL, pin_obj_key(v->o, n));
			v_out(v, at);
		}
		v_out(v, back);
	}
}

/* "A must not be more than B", of the same resource in two of the maps. */
static const struct {
	const char	*a, *a_text, *b, *b_text, *blame, *shown;
} orders[] = {
	{ "min", "min", "max", "max", "min", "min" },
	{ "min", "min", "defaultRequest", "default request",
	    "defaultRequest", "defaultRequest" },
	{ "defaultRequest", "default request", "max", "max",
	    "defaultRequest", "defaultRequest" },
	{ "defaultRequest", "default request", "default", "default limit",
	    "defaultRequest", "defaultRequest" },
	{ "min", "min", "default", "default", "default", "min" },
	{ "default", "default", "max", "max", "default", "max" },
};

static void
limit_orders(struct v *v, pin_node item)
{
	struct pin_str key, a, b;
	pin_node n, m;
	size_t back, at, i;
	uint32_t k;

	for (i = 0; i < PIN_LEN(orders); i++)
		V_EACH(v, v_get(v, item, orders[i].a), n, k) {
			key = pin_obj_key(v->o, n);
			a = pin_obj_str(v->o, n);
			m = pin_obj_getn(v->o, v_get(v, item, orders[i].b),
			    key.p, key.len);
			b = pin_obj_str(v->o, m);
			if (m == 0 || quantity_cmp(a, b) <= 0)
				continue;
			back = v_in(v, orders[i].blame);
			at = v_key(v, key);
			v_bad_str(v, NULL, strcmp(orders[i].shown,
			    orders[i].a) == 0 ? a : b, "%s value " PIN_SFMT
			    " is greater than %s value " PIN_SFMT,
			    orders[i].a_text, PIN_SARG(a), orders[i].b_text,
			    PIN_SARG(b));
			v_out(v, at);
			v_out(v, back);
		}
}

static void
limit_ratio(struct v *v, pin_node item)
{
	size_t back = v_in(v, "maxLimitRequestRatio"), at;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, item, "maxLimitRequestRatio"), n, i) {
		at = v_key(v, pin_obj_key(v->o, n));
		if (quantity_cmp(pin_obj_str(v->o, n), PIN_STR("1")) < 0)
			v_bad_str(v, NULL, pin_obj_str(v->o, n), "ratio "
			    PIN_SFMT " is less than 1",
			    PIN_SARG(pin_obj_str(v->o, n)));
		v_out(v, at);
	}
	v_out(v, back);
}

static void
limit_item(struct v *v, pin_node item)
{
	struct pin_str type = v_str(v, item, "type");

	if (!text_is(type, "qualified-name"))
		v_format(v, "type", type, "qualified-name");
	else if (memchr(type.p, '/', type.len) == NULL &&
	    !v_word(type, "Pod Container PersistentVolumeClaim"))
		v_bad_str(v, "type", type, "must be a standard limit type or "
		    "fully qualified");
	limit_names(v, item, type);
	if (pin_str_is(type, "Pod")) {
		if (v_count(v, item, "default") > 0)
			v_forbidden(v, "default", "may not be specified when "
			    "`type` is 'Pod'");
		if (v_count(v, item, "defaultRequest") > 0)
			v_forbidden(v, "defaultRequest", "may not be specified"
			    " when `type` is 'Pod'");
	}
	if (pin_str_is(type, "PersistentVolumeClaim") && v_get(v, v_get(v,
	    item, "min"), "storage") == 0 && v_get(v, v_get(v, item, "max"),
	    "storage") == 0)
		v_required(v, "limits", "either minimum or maximum storage "
		    "value is required, but neither was provided");
	limit_orders(v, item);
	limit_ratio(v, item);
}

void
check_limitrange(struct v *v)
{
	pin_node spec = v_get(v, pin_obj_root(v->o), "spec"), n;
	size_t back = v_in(v, "spec.limits"), item;
	struct v_set seen = { 0 };
	uint32_t i;

	V_EACH(v, v_get(v, spec, "limits"), n, i) {
		item = v_item(v, i);
		limit_item(v, n);
		if (v_set_add(&seen, v_str(v, n, "type"), n))
			v_duplicate(v, "type", v_str(v, n, "type"));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}
