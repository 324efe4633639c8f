/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_rules.c -- cells of what governs: autoscalers, certificates, roles,
 * policies, flows, aggregated APIs.
 * Pure; any thread.
 * Contract: cells.h; what each prints: rules.def. */
#include "cells.h"

#include <string.h>

#include "conform.h"

/* ---- autoscalers ------------------------------------------------------ */

#define HPA_UNKNOWN	"<unknown>"

static void
put_pair(struct pin__cell *c, pin_node n, const char *first,
    const char *second)
{
	pin_out_char(c->out, '"');
	pin__cell_put(c, pin__cell_member(c, n, first));
	pin_out_char(c->out, '/');
	pin__cell_put(c, pin__cell_member(c, n, second));
	pin_out_char(c->out, '"');
}

void
pin__cell_hpa_reference(struct pin__cell *c)
{
	put_pair(c, pin__cell_at(c, "spec.scaleTargetRef"), "kind", "name");
}

/* How each source of a metric is measured. */
struct metric_form {
	const char	*type, *member;
	uint32_t	 named;		/* of a resource, whose name is first */
	uint32_t	 avg_only;
};

static const struct metric_form metric_forms[] = {
	{ "External", "external", 0, 0 },
	{ "Object", "object", 0, 0 },
	{ "Pods", "pods", 0, 1 },
	{ "Resource", "resource", 1, 0 },
	{ "ContainerResource", "containerResource", 1, 0 },
};

#define METRIC_FORMS	(sizeof(metric_forms) / sizeof(metric_forms[0]))

static void
put_value(struct pin__cell *c, pin_node owner, const char *path,
    const char *absent)
{
	pin_node n = pin__cell_from(c, owner, path);

	if (n != 0)
		pin__cell_node(c, n);
	else
		pin__cell_raw(c, absent);
}

static void
put_percent(struct pin__cell *c, pin_node owner, const char *path,
    const char *absent)
{
	int64_t v;

	if (!pin_obj_i64(c->obj, pin__cell_from(c, owner, path), &v)) {
		pin__cell_raw(c, absent);
		return;
	}
	pin__cell_num(c, v);
	pin_out_char(c->out, '%');
}

/* One metric: what is (have 0: nothing is known), a slash, what shall be.
 * "<nil>" is what the reference prints of a value that its status lacks. */
static void
put_metric(struct pin__cell *c, const struct metric_form *f, pin_node want,
    pin_node have)
{
	const char *lacking = have != 0 ? "<nil>" : HPA_UNKNOWN;
	bool avg = pin__cell_from(c, want, "target.averageValue") != 0;

	if (f->named) {
		pin__cell_put(c, pin__cell_member(c, want, "name"));
		pin_out_cstr(c->out, ": ");
	}
	if (f->named && !avg) {
		put_percent(c, have, "current.averageUtilization",
		    HPA_UNKNOWN);
		pin_out_char(c->out, '/');
		put_percent(c, want, "target.averageUtilization", "<auto>");
	} else if (f->named || f->avg_only) {
		put_value(c, have, "current.averageValue", lacking);
		pin_out_char(c->out, '/');
		put_value(c, want, "target.averageValue", "<nil>");
	} else if (avg) {
		put_value(c, have, "current.averageValue", HPA_UNKNOWN);
		pin_out_char(c->out, '/');
		put_value(c, want, "target.averageValue", "<nil>");
		pin_out_cstr(c->out, " (avg)");
	} else {
		put_value(c, have, "current.value", lacking);
		pin_out_char(c->out, '/');
		put_value(c, want, "target.value", "<nil>");
	}
}

/* Status k belongs to metric k. */
static void
put_metrics(struct pin__cell *c)
{
	const struct metric_form *f;
	struct pin_str type;
	pin_node list = pin__cell_at(c, "spec.metrics");
	pin_node have = pin_obj_first(c->obj,
	    pin__cell_at(c, "status.currentMetrics"));
	pin_node n = pin_obj_first(c->obj, list);
	uint32_t shown, all = pin_obj_count(c->obj, list);

	if (all == 0)
		pin__cell_raw(c, "<none>");
	for (shown = 0; n != 0 && shown < PIN_CELL_METRICS_MAX; shown++) {
		type = pin__cell_member(c, n, "type");
		f = metric_forms;
		while (f < metric_forms + METRIC_FORMS &&
		    !pin__str_is(type, f->type))
			f++;
		if (shown != 0)
			pin_out_cstr(c->out, ", ");
		if (f == metric_forms + METRIC_FORMS)
			pin__cell_raw(c, "<unknown type>");
		else
			put_metric(c, f, pin__cell_from(c, n, f->member),
			    pin__cell_from(c, have, f->member));
		n = pin_obj_next(c->obj, n);
		have = have == 0 ? 0 : pin_obj_next(c->obj, have);
	}
	if (all > PIN_CELL_METRICS_MAX) {
		pin_out_cstr(c->out, " + ");
		pin_out_u64(c->out, all - PIN_CELL_METRICS_MAX);
		pin_out_cstr(c->out, " more...");
	}
}

/* v1 keeps its metrics in annotations; the table shows those of v2. */
void
pin__cell_hpa_targets(struct pin__cell *c)
{
	const struct pin_res_row *v2;
	struct pin_arena *a = NULL;
	struct pin__cell in = *c;
	struct pin_obj *o = NULL;
	struct pin_err err;

	v2 = pin_res_find(c->schema, "autoscaling", "v2",
	    "horizontalpodautoscalers");
	pin_out_char(c->out, '"');
	if (c->res->convert != PIN_CONVERT_HPA || v2 == NULL || v2 == c->res) {
		put_metrics(&in);
	} else if ((a = pin_arena_new(PIN_CELL_ARENA_MAX)) != NULL &&
	    pin_convert(a, c->schema, c->res, v2, c->obj, &o, &err) ==
	    PIN_OK) {
		in.obj = o;
		in.root = pin_obj_root(o);
		put_metrics(&in);
	} else {
		pin__cell_raw(c, HPA_UNKNOWN);	/* the row is still worth it */
	}
	pin_out_char(c->out, '"');
	if (a != NULL)
		pin_arena_free(&a);
}

/* ---- certificates ---------------------------------------------------- */

void
pin__cell_csr_duration(struct pin__cell *c)
{
	pin_node n = pin__cell_at(c, "spec.expirationSeconds");

	pin_out_char(c->out, '"');
	if (n == 0)
		pin__cell_raw(c, "<none>");
	else
		pin__cell_span(c, pin__cell_int(c, n, ""));
	pin_out_char(c->out, '"');
}

void
pin__cell_csr_condition(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "status.conditions");
	bool approved = false, denied = false, failed = false;
	struct pin_str type;

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		type = pin__cell_member(c, n, "type");
		approved = approved || pin__str_is(type, "Approved");
		denied = denied || pin__str_is(type, "Denied");
		failed = failed || pin__str_is(type, "Failed");
	}
	pin_out_char(c->out, '"');
	pin__cell_raw(c, denied ? "Denied" : approved ? "Approved" :
	    "Pending");
	if (failed)
		pin__cell_raw(c, ",Failed");
	if (pin__cell_text(c, "status.certificate").len != 0)
		pin__cell_raw(c, ",Issued");
	pin_out_char(c->out, '"');
}

/* ---- roles ----------------------------------------------------------- */

void
pin__cell_role_ref(struct pin__cell *c)
{
	put_pair(c, pin__cell_at(c, "roleRef"), "kind", "name");
}

static void
put_subjects(struct pin__cell *c, const char *kind, bool spaced)
{
	pin_node n, list = pin__cell_at(c, "subjects");
	bool first = true;

	pin_out_char(c->out, '"');
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!pin__str_is(pin__cell_member(c, n, "kind"), kind))
			continue;
		if (!first)
			pin_out_cstr(c->out, ", ");
		first = false;
		if (spaced) {
			pin__cell_put(c, pin__cell_member(c, n, "namespace"));
			pin_out_char(c->out, '/');
		}
		pin__cell_put(c, pin__cell_member(c, n, "name"));
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_subject_users(struct pin__cell *c)
{
	put_subjects(c, "User", false);
}

void
pin__cell_subject_groups(struct pin__cell *c)
{
	put_subjects(c, "Group", false);
}

void
pin__cell_subject_accounts(struct pin__cell *c)
{
	put_subjects(c, "ServiceAccount", true);
}

/* ---- aggregated APIs, flows ------------------------------------------ */

static pin_node
first_condition(const struct pin__cell *c, const char *type)
{
	pin_node n = pin_obj_first(c->obj,
	    pin__cell_at(c, "status.conditions"));

	while (n != 0 && !pin__str_is(pin__cell_member(c, n, "type"), type))
		n = pin_obj_next(c->obj, n);
	return (n);
}

void
pin__cell_apiservice_service(struct pin__cell *c)
{
	pin_node ref = pin__cell_at(c, "spec.service");

	if (ref == 0)
		pin__cell_word(c, "Local");
	else
		put_pair(c, ref, "namespace", "name");
}

void
pin__cell_apiservice_available(struct pin__cell *c)
{
	pin_node n = first_condition(c, "Available");
	struct pin_str status = pin__cell_member(c, n, "status");
	struct pin_str reason = pin__cell_member(c, n, "reason");

	if (n == 0) {
		pin__cell_word(c, "Unknown");
		return;
	}
	pin_out_char(c->out, '"');
	pin__cell_put(c, status);
	if (reason.len != 0 && !pin__str_is(status, "True")) {
		pin_out_cstr(c->out, " (");
		pin__cell_put(c, reason);
		pin_out_char(c->out, ')');
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_flow_missing(struct pin__cell *c)
{
	pin_node n = first_condition(c, "Dangling");

	if (n == 0)
		pin__cell_word(c, "?");
	else
		pin__cell_quote(c, pin__cell_member(c, n, "status"));
}

/* ---- admission policies ---------------------------------------------- */

void
pin__cell_vap_param(struct pin__cell *c)
{
	pin_node ref = pin__cell_at(c, "spec.paramKind");

	if (ref == 0)
		pin__cell_word(c, "<unset>");
	else
		put_pair(c, ref, "apiVersion", "kind");
}

static void
put_dump_values(struct pin__cell *c, pin_node list)
{
	pin_node n;
	bool first = true;

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!first)
			pin_out_char(c->out, ' ');
		first = false;
		pin__cell_node(c, n);
	}
}

/* A selector the way the reference prints it here, as a Go value. */
static void
put_dump(struct pin__cell *c, pin_node selector)
{
	struct pin__sorted s;
	pin_node n;
	uint32_t i;

	pin__cell_raw(c, "&LabelSelector{MatchLabels:map[string]string{");
	pin__sorted_map(c, &s, pin__cell_from(c, selector, "matchLabels"));
	for (i = 0; i < s.n; i++) {
		pin__cell_put(c, s.items[i].key);
		pin_out_cstr(c->out, ": ");
		pin__cell_node(c, s.items[i].node);
		pin_out_char(c->out, ',');
	}
	pin__sorted_fini(&s);
	pin_out_cstr(c->out,
	    "},MatchExpressions:[]LabelSelectorRequirement{");
	for (n = pin_obj_first(c->obj, pin__cell_from(c, selector,
	    "matchExpressions")); n != 0; n = pin_obj_next(c->obj, n)) {
		pin_out_cstr(c->out, "LabelSelectorRequirement{Key:");
		pin__cell_put(c, pin__cell_member(c, n, "key"));
		pin_out_cstr(c->out, ",Operator:");
		pin__cell_put(c, pin__cell_member(c, n, "operator"));
		pin_out_cstr(c->out, ",Values:[");
		put_dump_values(c, pin_obj_get(c->obj, n, "values"));
		pin_out_cstr(c->out, "],},");
	}
	pin_out_cstr(c->out, "},}");
}

/* Whether a parameter without a namespace lives in one cannot be told. */
void
pin__cell_vapb_param(struct pin__cell *c)
{
	pin_node ref = pin__cell_at(c, "spec.paramRef");
	pin_node selector = pin__cell_from(c, ref, "selector");
	struct pin_str name = pin__cell_member(c, ref, "name");
	struct pin_str ns = pin__cell_member(c, ref, "namespace");

	pin_out_char(c->out, '"');
	if (name.len != 0) {
		pin__cell_put(c, ns.len != 0 ? ns : PIN_STR("*"));
		pin_out_char(c->out, '/');
		pin__cell_put(c, name);
	} else if (selector != 0) {
		put_dump(c, selector);
	} else {
		pin__cell_raw(c, "<unset>");
	}
	pin_out_char(c->out, '"');
}
