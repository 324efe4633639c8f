/* SPDX-License-Identifier: BSD-2-Clause
 *
 * defaults_rules.c -- the named rules of defaulting, one function each and
 * one table; what each does is said in rules.def.
 * They run on a few objects only, so they look members up by name.
 * Contract: rules.def. */
#include "rules_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/quantity/quantity.h"
#include "lib/timefmt/timefmt.h"

/* ---- helpers -------------------------------------------------------- */

pin_node
pin__rule_get(const struct pin__conform *c, pin_node o, const char *name)
{
	pin_node n = pin_obj_get(c->out, o, name);

	return (n != 0 && pin_obj_type(c->out, n) != PIN_NULL ? n : 0);
}

/* A string member, none when it is absent. */
static struct pin_str
get_str(const struct pin__conform *c, pin_node o, const char *name)
{
	return (pin_obj_str(c->out, pin_obj_get(c->out, o, name)));
}

/* Absent, null or zero. */
static int
unset(const struct pin__conform *c, pin_node o, const char *name)
{
	pin_node n = pin_obj_get(c->out, o, name);

	return (n == 0 || pin__node_zero(c->out, n));
}

struct pin_type
pin__rule_type(struct pin_type t, const char *name)
{
	const struct pin_field_row *f = pin_type_field(t, name, strlen(name));

	PIN_ASSERT(f != NULL && f->kind == PIN_F_OBJECT);
	return (pin_field_type(t, f));
}

/* Member name of o becomes the loose node n. */
void
pin__rule_put(struct pin__conform *c, struct pin_type t, pin_node o,
    const char *name, pin_node n)
{
	const struct pin_field_row *f = pin_type_field(t, name, strlen(name));
	pin_node old = pin_obj_get(c->out, o, name);

	if (n == 0 || f == NULL)
		return;
	if (old != 0)
		pin__take(c->out, old, n);
	else
		pin__put_field(c, t, o, f, n);
}

static void
put_str(struct pin__conform *c, struct pin_type t, pin_node o,
    const char *name, struct pin_str s)
{
	pin__rule_put(c, t, o, name,
	    pin__text_node(c, PIN_STRING, s.p, s.len));
}

/* A member that is unset becomes a copy of node n. */
static void
put_copy(struct pin__conform *c, struct pin_type t, pin_node o,
    const char *name, pin_node n)
{
	if (n != 0 && unset(c, o, name))
		pin__rule_put(c, t, o, name,
		    pin__obj_clone(c->out, c->out, n));
}

pin_node
pin__rule_tree(struct pin__conform *c, struct pin_type t, pin_node o,
    const char *name, int type)
{
	pin_node n = pin__rule_get(c, o, name);

	if (n != 0)
		return (n);
	pin__rule_put(c, t, o, name,
	    pin__obj_node_add(c->out, type, 0, 0));
	return (pin_obj_get(c->out, o, name));
}

/* Puts the loose node n into a map at its place, over what is there. */
static void
map_put(struct pin__conform *c, pin_node map, struct pin_str key, pin_node n)
{
	pin_node m, old;
	uint32_t koff;

	if (n == 0 || map == 0)
		return;
	old = pin_obj_getn(c->out, map, key.p, key.len);
	if (old != 0) {
		pin__take(c->out, old, n);
		return;
	}
	if (!pin__obj_text_add(c->out, key.p, key.len, &koff))
		return;
	c->out->nodes[n].koff = koff;
	c->out->nodes[n].kt = (uint32_t)key.len << PIN__KT_SHIFT |
	    PIN__KT_KEYED | PIN__TYPE(&c->out->nodes[n]);
	key.p = c->out->text + koff;
	for (m = pin_obj_first(c->out, map); m != 0;
	    m = pin_obj_next(c->out, m))
		if (pin_str_cmp(pin_obj_key(c->out, m), key) > 0)
			break;
	pin__link_before(c->out, map, m, n);
}

/* Each member of map `from` that map `to` lacks is copied there. */
void
pin__rule_fill(struct pin__conform *c, pin_node from, pin_node to)
{
	struct pin_str key;
	pin_node m;

	for (m = pin_obj_first(c->out, from); m != 0;
	    m = pin_obj_next(c->out, m)) {
		key = pin_obj_key(c->out, m);
		if (pin_obj_getn(c->out, to, key.p, key.len) == 0)
			map_put(c, to, key, pin__obj_clone(c->out, c->out, m));
	}
}

void
pin__rule_map_put(struct pin__conform *c, pin_node map, struct pin_str key,
    pin_node n)
{
	map_put(c, map, key, n);
}

/* ---- rules of members ----------------------------------------------- */

#define RULE_ARGS							\
	struct pin__conform *c, struct pin_type t, pin_node o,		\
	const struct pin_field_row *f

static void
rule_resource_milli(RULE_ARGS)
{
	pin_node m, map = pin_obj_get(c->out, o,
	    pin_schema_str(t.schema, f->name));
	char text[PIN_QUANTITY_TEXT_MAX];
	struct pin_quantity q;
	struct pin_str s;
	int64_t milli;

	for (m = pin_obj_first(c->out, map); m != 0;
	    m = pin_obj_next(c->out, m)) {
		s = pin_obj_str(c->out, m);
		if (s.len == 0 || (s.p[s.len - 1] != 'n' &&
		    s.p[s.len - 1] != 'u' && memchr(s.p, 'e', s.len) == NULL))
			continue;
		if (pin_quantity_parse(s, &q, NULL) != PIN_OK)
			continue;
		milli = pin_quantity_milli(&q);
		if (milli == INT64_MAX || milli == -INT64_MAX)
			continue;
		pin_quantity_set(&q, milli, -3, q.format);
		if (pin_quantity_format(&q, text) == PIN_OK)
			pin__take(c->out, m, pin__text_node(c, PIN_STRING,
			    text, strlen(text)));
	}
}

static void
rule_pull_policy(RULE_ARGS)
{
	const char *name = pin_schema_str(t.schema, f->name);
	struct pin_str image = get_str(c, o, pin_type_field(t, "image", 5) !=
	    NULL ? "image" : "reference"), tag;
	int always;

	if (!unset(c, o, name))
		return;
	always = pin__image_tag(image, &tag) && (tag.p == NULL ||
	    pin_str_is(tag, "latest"));
	put_str(c, t, o, name, always ? PIN_STR("Always") :
	    PIN_STR("IfNotPresent"));
}

static void
rule_now(RULE_ARGS)
{
	char text[PIN_TIME_TEXT_MAX];
	struct pin_str s = { text, 0 };

	if (!unset(c, o, pin_schema_str(t.schema, f->name)))
		return;
	s.len = pin_time_format((int64_t)time(NULL), text);
	put_str(c, t, o, pin_schema_str(t.schema, f->name), s);
}

static pin_node
base64_node(struct pin__conform *c, struct pin_str s)
{
	size_t len = (s.len + 2) / 3 * 4;
	char *p = pin_arena_alloc(c->arena, len + 1);

	if (p == NULL)
		return (pin__conform_fail(c, PIN_ENOMEM));
	pin__base64_put(p, s);
	return (pin__text_node(c, PIN_STRING, p, len));
}

/* Both are sorted, so the new map is made by merging them. */
static void
rule_string_data(RULE_ARGS)
{
	pin_node from = pin__rule_get(c, o, pin_schema_str(t.schema, f->name));
	pin_node data, all, m, k, v;
	struct pin_str key;
	int d;

	if (from == 0)
		return;
	data = pin__rule_get(c, o, "data");
	all = pin__obj_node_add(c->out, PIN_OBJECT, 0, 0);
	k = pin_obj_first(c->out, data);
	m = pin_obj_first(c->out, from);
	while ((k != 0 || m != 0) && c->out->failed == PIN_OK) {
		d = k == 0 ? 1 : m == 0 ? -1 : pin_str_cmp(
		    pin_obj_key(c->out, k), pin_obj_key(c->out, m));
		key = pin_obj_key(c->out, d < 0 ? k : m);
		v = d < 0 ? pin__obj_clone(c->out, c->out, k) :
		    base64_node(c, pin_obj_str(c->out, m));
		if (d <= 0)
			k = pin_obj_next(c->out, k);
		if (d >= 0)
			m = pin_obj_next(c->out, m);
		pin__link_key(c->out, all, key, v);
	}
	pin__rule_put(c, t, o, "data", all);
	pin_obj_remove(c->out, o, from);
}

static void
rule_claim_template_type(RULE_ARGS)
{
	struct pin_type item = pin_field_type(t, f);
	pin_node m;

	for (m = pin_obj_first(c->out, pin_obj_get(c->out, o,
	    pin_schema_str(t.schema, f->name))); m != 0;
	    m = pin_obj_next(c->out, m)) {
		if (unset(c, m, "kind"))
			put_str(c, item, m, "kind",
			    PIN_STR("PersistentVolumeClaim"));
		if (unset(c, m, "apiVersion"))
			put_str(c, item, m, "apiVersion", PIN_STR("v1"));
	}
}

/* ---- rules of types ------------------------------------------------- */

static void
rule_volume_emptydir(RULE_ARGS)
{
	uint32_t n = pin_obj_count(c->out, o);

	(void)f;
	if (n == 0 || (n == 1 && pin_obj_get(c->out, o, "name") != 0))
		(void)pin__rule_tree(c, t, o, "emptyDir", PIN_OBJECT);
}

static void
rule_service_account_alias(RULE_ARGS)
{
	pin_node name = pin_obj_get(c->out, o, "serviceAccountName");
	pin_node old = pin_obj_get(c->out, o, "serviceAccount");

	(void)f;
	if (!unset(c, o, "serviceAccountName"))
		pin__rule_put(c, t, o, "serviceAccount",
		    pin__obj_clone(c->out, c->out, name));
	else if (!unset(c, o, "serviceAccount"))
		pin__rule_put(c, t, o, "serviceAccountName",
		    pin__obj_clone(c->out, c->out, old));
}

static pin_node
template_labels(struct pin__conform *c, pin_node o)
{
	pin_node n = pin_obj_at(c->out, o, "spec", "template", "metadata",
	    "labels", NULL);

	return (pin_obj_count(c->out, n) != 0 ? n : 0);
}

static void
rule_rc_labels(RULE_ARGS)
{
	pin_node labels = template_labels(c, o);

	(void)f;
	put_copy(c, pin__rule_type(t, "spec"), pin_obj_get(c->out, o, "spec"),
	    "selector", labels);
	put_copy(c, pin__rule_type(t, "metadata"),
	    pin_obj_get(c->out, o, "metadata"), "labels", labels);
}

static void
rule_job_labels(RULE_ARGS)
{
	(void)f;
	put_copy(c, pin__rule_type(t, "metadata"),
	    pin_obj_get(c->out, o, "metadata"), "labels",
	    template_labels(c, o));
}

static void
service_ingress(struct pin__conform *c, struct pin_type t, pin_node o)
{
	struct pin_type balancer, ingress;
	pin_node m;

	balancer = pin__rule_type(pin__rule_type(t, "status"), "loadBalancer");
	ingress = pin__rule_type(balancer, "ingress");
	for (m = pin_obj_first(c->out, pin_obj_at(c->out, o, "status",
	    "loadBalancer", "ingress", NULL)); m != 0;
	    m = pin_obj_next(c->out, m))
		if (!unset(c, m, "ip") && unset(c, m, "ipMode"))
			put_str(c, ingress, m, "ipMode", PIN_STR("VIP"));
}

static void
rule_service(RULE_ARGS)
{
	pin_node spec = pin_obj_get(c->out, o, "spec");
	struct pin_str type = get_str(c, spec, "type");

	(void)f;
	if (pin_str_is(get_str(c, spec, "sessionAffinity"), "None"))
		(void)pin_obj_unset(c->out, spec, "sessionAffinityConfig");
	if (unset(c, spec, "externalTrafficPolicy") &&
	    (pin_str_is(type, "NodePort") || pin_str_is(type, "LoadBalancer") ||
	    ((type.len == 0 || pin_str_is(type, "ClusterIP")) &&
	    !unset(c, spec, "externalIPs"))))
		put_str(c, pin__rule_type(t, "spec"), spec,
		    "externalTrafficPolicy", PIN_STR("Cluster"));
	if (pin_str_is(get_str(c, spec, "type"), "LoadBalancer"))
		service_ingress(c, t, o);
}

static void
rule_target_port(RULE_ARGS)
{
	(void)f;
	put_copy(c, t, o, "targetPort", pin_obj_get(c->out, o, "port"));
}

static void
rule_namespace_label(RULE_ARGS)
{
	pin_node meta = pin_obj_get(c->out, o, "metadata"), labels;
	struct pin_str name = get_str(c, meta, "name");

	(void)f;
	if (name.len == 0)
		return;
	labels = pin__rule_tree(c, pin__rule_type(t, "metadata"), meta,
	    "labels", PIN_OBJECT);
	name = get_str(c, meta, "name");
	map_put(c, labels, PIN_STR("kubernetes.io/metadata.name"),
	    pin__text_node(c, PIN_STRING, name.p, name.len));
}

/* Copies what `to` lacks of `from`, and makes `to` when there is something. */
static void
fill_member(struct pin__conform *c, struct pin_type t, pin_node o,
    const char *from, const char *to)
{
	pin_node m = pin__rule_get(c, o, from);

	if (pin_obj_count(c->out, m) != 0)
		pin__rule_fill(c, m, pin__rule_tree(c, t, o, to, PIN_OBJECT));
}

static void
rule_limit_range_item(RULE_ARGS)
{
	(void)f;
	if (!pin_str_is(get_str(c, o, "type"), "Container"))
		return;
	fill_member(c, t, o, "max", "default");
	fill_member(c, t, o, "default", "defaultRequest");
	fill_member(c, t, o, "min", "defaultRequest");
}

static void
rule_statefulset_update(RULE_ARGS)
{
	pin_node update = pin__rule_get(c, o, "rollingUpdate");

	(void)f;
	if (update != 0 && pin_str_is(get_str(c, o, "type"),
	    "RollingUpdate") && pin__rule_get(c, update, "partition") == 0)
		pin__rule_put(c, pin__rule_type(t, "rollingUpdate"), update,
		    "partition", pin__text_node(c, PIN_NUMBER, "0", 1));
}

static pin_node
json_node(struct pin__conform *c, const char *json)
{
	pin_node n = 0;

	(void)pin__obj_parse_into(c->out, json, strlen(json), &n, NULL, NULL);
	return (n);
}

static void
hpa_side(struct pin__conform *c, struct pin_type t, pin_node o,
    const char *side, const char *window, const char *policies)
{
	struct pin_type rules = pin__rule_type(t, side);
	pin_node n = pin__rule_tree(c, t, o, side, PIN_OBJECT);

	if (window != NULL &&
	    pin__rule_get(c, n, "stabilizationWindowSeconds") == 0)
		pin__rule_put(c, rules, n, "stabilizationWindowSeconds",
		    pin__text_node(c, PIN_NUMBER, window, strlen(window)));
	if (pin__rule_get(c, n, "selectPolicy") == 0)
		put_str(c, rules, n, "selectPolicy", PIN_STR("Max"));
	if (unset(c, n, "policies"))
		pin__rule_put(c, rules, n, "policies",
		    json_node(c, policies));
}

static void
rule_hpa_behavior(RULE_ARGS)
{
	(void)f;
	hpa_side(c, t, o, "scaleUp", "0",
	    "[{\"type\":\"Pods\",\"value\":4,\"periodSeconds\":15},"
	    "{\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]");
	hpa_side(c, t, o, "scaleDown", NULL,
	    "[{\"type\":\"Percent\",\"value\":100,\"periodSeconds\":15}]");
}

static void
rule_crd_names(RULE_ARGS)
{
	struct pin_type names = pin__rule_type(t, "names");
	pin_node n = pin__rule_get(c, o, "names");
	struct pin_str kind = get_str(c, n, "kind");
	char *p;
	size_t k;

	(void)f;
	if (kind.len == 0)
		return;
	p = pin_arena_alloc(c->arena, kind.len + 4);
	if (p == NULL) {
		(void)pin__conform_fail(c, PIN_ENOMEM);
		return;
	}
	for (k = 0; k < kind.len; k++)
		p[k] = kind.p[k] >= 'A' && kind.p[k] <= 'Z' ?
		    (char)(kind.p[k] + 32) : kind.p[k];
	if (unset(c, n, "singular"))
		put_str(c, names, n, "singular",
		    (struct pin_str){ p, kind.len });
	kind = get_str(c, n, "kind");
	memcpy(p, kind.p, kind.len);
	memcpy(p + kind.len, "List", 4);
	if (unset(c, n, "listKind"))
		put_str(c, names, n, "listKind",
		    (struct pin_str){ p, kind.len + 4 });
}

static void
rule_crd_stored(RULE_ARGS)
{
	pin_node status = pin__rule_get(c, o, "status"), m, list, v;

	(void)f;
	if (!unset(c, status, "storedVersions"))
		return;
	for (m = pin_obj_first(c->out, pin_obj_at(c->out, o, "spec",
	    "versions", NULL)); m != 0; m = pin_obj_next(c->out, m))
		if (pin_obj_true(c->out, pin_obj_get(c->out, m, "storage")))
			break;
	if (m == 0)
		return;
	list = pin__obj_node_add(c->out, PIN_ARRAY, 0, 0);
	v = pin__obj_clone(c->out, c->out, pin_obj_get(c->out, m, "name"));
	if (v == 0 || list == 0)
		return;
	c->out->nodes[v].kt = PIN__TYPE(&c->out->nodes[v]);
	pin__obj_link_last(c->out, list, v);
	pin__rule_put(c, pin__rule_type(t, "status"), status,
	    "storedVersions", list);
}

/* ---- the table ------------------------------------------------------ */

typedef void rule_fn(struct pin__conform *, struct pin_type, pin_node,
    const struct pin_field_row *);

static rule_fn *const rules[PIN_RULE__COUNT] = {
	[PIN_RULE_RESOURCE_MILLI] = rule_resource_milli,
	[PIN_RULE_PULL_POLICY] = rule_pull_policy,
	[PIN_RULE_NOW] = rule_now,
	[PIN_RULE_VOLUME_EMPTYDIR] = rule_volume_emptydir,
	[PIN_RULE_POD] = pin__rule_pod,
	[PIN_RULE_RC_LABELS] = rule_rc_labels,
	[PIN_RULE_JOB_LABELS] = rule_job_labels,
	[PIN_RULE_SERVICE] = rule_service,
	[PIN_RULE_TARGET_PORT] = rule_target_port,
	[PIN_RULE_NAMESPACE_LABEL] = rule_namespace_label,
	[PIN_RULE_LIMIT_RANGE_ITEM] = rule_limit_range_item,
	[PIN_RULE_STATEFULSET_UPDATE] = rule_statefulset_update,
	[PIN_RULE_HPA_BEHAVIOR] = rule_hpa_behavior,
	[PIN_RULE_CRD_NAMES] = rule_crd_names,
	[PIN_RULE_CRD_STORED] = rule_crd_stored,
	[PIN_RULE_STRING_DATA] = rule_string_data,
	[PIN_RULE_CLAIM_TEMPLATE_TYPE] = rule_claim_template_type,
	[PIN_RULE_SERVICE_ACCOUNT_ALIAS] = rule_service_account_alias,
};

void
pin__rule_run(struct pin__conform *c, uint32_t rule, struct pin_type t,
    pin_node o, const struct pin_field_row *f)
{
	PIN_ASSERT(rule < PIN_RULE__COUNT && rules[rule] != NULL);
	rules[rule](c, t, o, f);
}
