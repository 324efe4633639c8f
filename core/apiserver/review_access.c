/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review_access.c -- may this user do that, and all that I may do: the three
 * access reviews and SelfSubjectRulesReview.
 * Front loop. Contract: authorization.k8s.io/v1, upstream's refusals. */
#include "core/apiserver/review.h"

#include <string.h>

#include "core/apiserver/meta.h"
#include "lib/selector/selector.h"

#define RESOURCE	"resourceAttributes"
#define PATHS		"nonResourceAttributes"
#define SELECTOR_FIELDS	"spec.resourceAttributes."

struct access {
	struct pin_user	 who;
	struct pin_attributes attr;
	const char	*trouble;	/* evaluationError */
};

/* ---- is it asked well? ---------------------------------------------- */

/* metadata must be empty but for what a client library adds itself. */
static void
check_metadata(struct request *r, int local, struct pin_causes *causes)
{
	pin_node meta = meta_node(r->sent), n;
	struct pin_out o;
	uint32_t more = 0;
	struct pin_str key;

	for (n = pin_obj_first(r->sent, meta); n != 0;
	    n = pin_obj_next(r->sent, n)) {
		key = pin_obj_key(r->sent, n);
		more += !pin_str_is(key, "managedFields") &&
		    !(local && pin_str_is(key, "namespace")) &&
		    pin_obj_type(r->sent, n) != PIN_NULL;
	}
	if (more == 0)
		return;
	pin_out_init(&o, r->arena, 64u << 10);
	pin_obj_write(r->sent, meta, &o);
	pin_cause_add(causes, PIN_CAUSE_INVALID, "metadata", (struct pin_str){
	    o.p, o.len }, "%s", local ? "must be empty except for namespace" :
	    "must be empty");
}

static void
check_selector(struct request *r, const char *name, struct pin_causes *causes)
{
	pin_node n = pin_obj_at(r->sent, pin_obj_root(r->sent), "spec",
	    RESOURCE, name, NULL);
	struct pin_str raw = pin_obj_str(r->sent, pin_obj_get(r->sent, n,
	    "rawSelector"));
	uint32_t reqs = pin_obj_count(r->sent, pin_obj_get(r->sent, n,
	    "requirements"));
	char *field;

	if (n == 0 || (raw.len > 0) != (reqs > 0))
		return;
	field = pin_arena_printf(r->arena, NULL, SELECTOR_FIELDS "%s.%s", name,
	    raw.len > 0 ? "rawSelector" : "requirements");
	if (field == NULL)
		return;
	if (raw.len > 0)
		pin_cause_add(causes, PIN_CAUSE_INVALID, field,
		    review_quote(r, raw), "may not specified at the same time "
		    "as requirements");
	else
		pin_cause_add(causes, PIN_CAUSE_REQUIRED, field, PIN_STR_NONE,
		    "when " SELECTOR_FIELDS "%s is specified, requirements or "
		    "rawSelector is required", name);
}

/* As Go prints the struct. */
static struct pin_str
print_paths(struct request *r)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, PIN_ERR_TEXT_MAX);
	pin_out_cstr(&o, "{\"Path\":");
	pin_json_quote(&o, review_str3(r, "spec", PATHS, "path"));
	pin_out_cstr(&o, ",\"Verb\":");
	pin_json_quote(&o, review_str3(r, "spec", PATHS, "verb"));
	pin_out_char(&o, '}');
	return ((struct pin_str){ o.p, o.len });
}

static void
check_local(struct request *r, int resource, int paths,
    struct pin_causes *causes)
{
	struct pin_str ns = review_str3(r, "spec", RESOURCE, "namespace");

	if (resource && !pin_str_eq(ns, r->info.namespace))
		pin_cause_add(causes, PIN_CAUSE_INVALID, SELECTOR_FIELDS
		    "namespace", review_quote(r, ns), "must match "
		    "metadata.namespace");
	if (paths)
		pin_cause_add(causes, PIN_CAUSE_INVALID,
		    "spec.nonResourceAttributes", print_paths(r), "disallowed "
		    "on this kind of request");
}

static void
check_access(struct request *r, int self, int local,
    struct pin_causes *causes)
{
	pin_node spec = pin_obj_get(r->sent, pin_obj_root(r->sent), "spec");
	int resource = pin_obj_get(r->sent, spec, RESOURCE) != 0,
	    paths = pin_obj_get(r->sent, spec, PATHS) != 0;

	if (resource && paths)
		pin_cause_add(causes, PIN_CAUSE_INVALID,
		    "spec.nonResourceAttributes", print_paths(r), "cannot be "
		    "specified in combination with resourceAttributes");
	if (!resource && !paths)
		pin_cause_add(causes, PIN_CAUSE_INVALID,
		    "spec.resourceAttributes", PIN_STR("null"), "exactly one "
		    "of nonResourceAttributes or resourceAttributes must be "
		    "specified");
	if (!self && review_str(r, "spec", "user").len == 0 &&
	    pin_obj_count(r->sent, pin_obj_get(r->sent, spec, "groups")) == 0)
		pin_cause_add(causes, PIN_CAUSE_INVALID, "spec.user",
		    PIN_STR("\"\""), "at least one of user or group must be "
		    "specified");
	check_selector(r, "fieldSelector", causes);
	check_selector(r, "labelSelector", causes);
	check_metadata(r, local, causes);
	if (local)
		check_local(r, resource, paths, causes);
}

/* ---- the question --------------------------------------------------- */

static const char *
read_selectors(struct request *r, struct pin_attributes *a)
{
	struct pin_field_selector *fields;
	struct pin_selector *labels;
	pin_node n = pin_obj_at(r->sent, pin_obj_root(r->sent), "spec",
	    RESOURCE, NULL);

	a->field_selector = pin_obj_str(r->sent, pin_obj_at(r->sent, n,
	    "fieldSelector", "rawSelector", NULL));
	a->label_selector = pin_obj_str(r->sent, pin_obj_at(r->sent, n,
	    "labelSelector", "rawSelector", NULL));
	if (a->field_selector.len > 0 && pin_field_selector_parse(r->arena,
	    a->field_selector, &fields, NULL) != PIN_OK) {
		a->field_selector = PIN_STR_NONE;
		return (SELECTOR_FIELDS "fieldSelector ignored due to parse "
		    "error");
	}
	if (a->label_selector.len > 0 && pin_selector_parse(r->arena,
	    a->label_selector, &labels, NULL) != PIN_OK) {
		a->label_selector = PIN_STR_NONE;
		return (SELECTOR_FIELDS "labelSelector ignored due to parse "
		    "error");
	}
	return (NULL);
}

static void
read_attributes(struct request *r, struct access *q)
{
	struct pin_attributes *a = &q->attr;

	a->size = sizeof(*a);
	a->is_resource = pin_obj_at(r->sent, pin_obj_root(r->sent), "spec",
	    RESOURCE, NULL) != 0;
	if (!a->is_resource) {
		a->verb = review_str3(r, "spec", PATHS, "verb");
		a->path = review_str3(r, "spec", PATHS, "path");
		return;
	}
	a->verb = review_str3(r, "spec", RESOURCE, "verb");
	a->group = review_str3(r, "spec", RESOURCE, "group");
	a->version = review_str3(r, "spec", RESOURCE, "version");
	if (a->version.len == 0)
		a->version = PIN_STR("*");
	a->resource = review_str3(r, "spec", RESOURCE, "resource");
	a->subresource = review_str3(r, "spec", RESOURCE, "subresource");
	a->namespace = review_str3(r, "spec", RESOURCE, "namespace");
	a->name = review_str3(r, "spec", RESOURCE, "name");
	q->trouble = read_selectors(r, a);
}

static void
read_extra(struct request *r, struct pin_user *u, pin_node map)
{
	struct pin_extra *extra;
	pin_node n, v;

	extra = pin_arena_alloc(r->arena, PIN_AUTH_EXTRA_MAX *
	    sizeof(*extra));
	if (map == 0 || extra == NULL)
		return;
	u->extra = extra;
	for (n = pin_obj_first(r->sent, map); n != 0;
	    n = pin_obj_next(r->sent, n))
		for (v = pin_obj_first(r->sent, n); v != 0 &&
		    u->nextra < PIN_AUTH_EXTRA_MAX;
		    v = pin_obj_next(r->sent, v)) {
			extra[u->nextra].key = pin_obj_key(r->sent, n);
			extra[u->nextra++].value = pin_obj_str(r->sent, v);
		}
}

static void
read_user(struct request *r, struct pin_user *u)
{
	pin_node spec = pin_obj_get(r->sent, pin_obj_root(r->sent), "spec");

	u->size = sizeof(*u);
	u->name = review_str(r, "spec", "user");
	u->uid = review_str(r, "spec", "uid");
	u->groups = review_list(r, pin_obj_get(r->sent, spec, "groups"),
	    &u->ngroups);
	read_extra(r, u, pin_obj_get(r->sent, spec, "extra"));
}

static int
access_answer(struct request *r, int allowed, int denied,
    struct pin_str reason)
{
	const struct access *q = r->verb;
	pin_node status = review_status(r);

	pin_obj_set_bool(r->sent, status, "allowed", allowed);
	if (denied)
		pin_obj_set_bool(r->sent, status, "denied", 1);
	if (reason.len > 0)
		pin_obj_set_str(r->sent, status, "reason", reason);
	if (q->trouble != NULL)
		pin_obj_set_str(r->sent, status, "evaluationError",
		    pin_str(q->trouble));
	return (review_answer(r));
}

int
review_access(struct request *r)
{
	int self = pin_str_prefix(r->info.resource, "self"),
	    local = pin_str_prefix(r->info.resource, "local");
	struct pin_causes *causes = pin_causes_new(r->arena);
	struct access *q = pin_arena_zalloc(r->arena, sizeof(*q));

	if (causes == NULL || q == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	if (local && meta_namespace(r, r->sent) != PIN_OK)
		return (reply_error(r));
	check_access(r, self, local, causes);
	if (pin_cause_count(causes) > 0)
		return (reply_causes(r, r->info.group, PIN_STR_NONE,
		    PIN_STR_NONE, causes));
	/* The question points into the object that the answer grows in. */
	if (!self)
		read_user(r, &q->who);
	read_attributes(r, q);
	r->verb = q;
	return (chain_ask(r, self ? &r->user : &q->who, &q->attr,
	    access_answer));
}

/* ---- all that I may do ---------------------------------------------- */

struct rules {
	struct pin_obj	*o;
	pin_node	 resources, paths;
};

static void
put_list(struct rules *x, pin_node to, const char *key,
    const struct pin_str *s, uint32_t n)
{
	pin_node list;
	uint32_t i;

	if (n == 0)
		return;
	list = pin_obj_set_new(x->o, to, key, PIN_ARRAY);
	for (i = 0; i < n; i++)
		pin_obj_add_str(x->o, list, s[i]);
}

static void
rules_emit(void *arg, const struct pin_rule *rule)
{
	struct rules *x = arg;
	pin_node to;

	if (rule->nresources > 0) {
		to = pin_obj_add_new(x->o, x->resources, PIN_OBJECT);
		put_list(x, to, "verbs", rule->verbs, rule->nverbs);
		put_list(x, to, "apiGroups", rule->groups, rule->ngroups);
		put_list(x, to, "resources", rule->resources,
		    rule->nresources);
		put_list(x, to, "resourceNames", rule->names, rule->nnames);
	}
	if (rule->npaths > 0) {
		to = pin_obj_add_new(x->o, x->paths, PIN_OBJECT);
		put_list(x, to, "verbs", rule->verbs, rule->nverbs);
		put_list(x, to, "nonResourceURLs", rule->paths, rule->npaths);
	}
}

int
review_rules(struct request *r)
{
	struct pin_str ns = review_str(r, "spec", "namespace");
	pin_node root = pin_obj_root(r->sent), status;
	struct rules x = { .o = r->sent };
	int whole;

	if (ns.len == 0)
		return (reply_err(r, PIN_EINVAL, "no namespace on request"));
	ns = pin_arena_str(r->arena, ns);
	pin_obj_set_new(r->sent, root, "metadata", PIN_OBJECT);
	pin_obj_set_new(r->sent, root, "spec", PIN_OBJECT);
	status = review_status(r);
	x.resources = pin_obj_set_new(r->sent, status, "resourceRules",
	    PIN_ARRAY);
	x.paths = pin_obj_set_new(r->sent, status, "nonResourceRules",
	    PIN_ARRAY);
	whole = chain_rules(r, ns, rules_emit, &x);
	pin_obj_set_bool(r->sent, status, "incomplete", !whole);
	return (review_answer(r));
}
