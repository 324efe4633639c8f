/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_core.c -- cells of nodes, workloads, events, quotas and whatever else
 * has neither addresses nor volumes nor rules.
 * Pure; any thread.
 * Contract: cells.h; what each prints: rules.def. */
#include "cells.h"

#include <string.h>

#include "lib/timefmt/timefmt.h"

/* ---- nodes ----------------------------------------------------------- */

void
pin__cell_node_address(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "status.addresses");

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "type"), c->arg)) {
			pin__cell_quote(c,
			    pin__cell_member(c, n, "address"));
			return;
		}
	}
	pin__cell_word(c, "<none>");
}

/* The last condition of a type counts here. */
void
pin__cell_node_status(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "status.conditions");
	const char *word = "Unknown";

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "type"), "Ready"))
			word = pin__str_is(pin__cell_member(c, n, "status"),
			    "True") ? "Ready" : "NotReady";
	}
	pin_out_char(c->out, '"');
	pin__cell_raw(c, word);
	if (pin__cell_true(c, c->root, "spec.unschedulable"))
		pin__cell_raw(c, ",SchedulingDisabled");
	pin_out_char(c->out, '"');
}

#define ROLE_PREFIX	"node-role.kubernetes.io/"

void
pin__cell_node_roles(struct pin__cell *c)
{
	struct pin__sorted s;
	struct pin_str key;
	pin_node n, labels = pin__cell_at(c, "metadata.labels");
	size_t skip = sizeof(ROLE_PREFIX) - 1;
	uint32_t i;
	bool first = true;

	pin__sorted_init(c, &s, pin_obj_count(c->obj, labels));
	for (n = pin_obj_first(c->obj, labels); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		key = pin_obj_key(c->obj, n);
		if (key.len > skip && memcmp(key.p, ROLE_PREFIX, skip) == 0)
			pin__sorted_add(&s, (struct pin_str){ key.p + skip,
			    key.len - skip }, n);
		else if (pin__str_is(key, "kubernetes.io/role") &&
		    pin_obj_str(c->obj, n).len != 0)
			pin__sorted_add(&s, pin_obj_str(c->obj, n), n);
	}
	pin__sorted_sort(&s);
	pin_out_char(c->out, '"');
	for (i = 0; i < s.n; i++) {
		if (i != 0 && pin__str_cmp(s.items[i].key,
		    s.items[i - 1].key) == 0)
			continue;
		if (!first)
			pin_out_char(c->out, ',');
		first = false;
		pin__cell_put(c, s.items[i].key);
	}
	if (first)
		pin__cell_raw(c, "<none>");
	pin_out_char(c->out, '"');
	pin__sorted_fini(&s);
}

/* ---- workloads ------------------------------------------------------- */

void
pin__cell_ready_replicas(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	pin__cell_num(c, pin__cell_int(c, c->root, "status.readyReplicas"));
	pin_out_char(c->out, '/');
	pin__cell_num(c, pin__cell_int(c, c->root, "spec.replicas"));
	pin_out_char(c->out, '"');
}

static bool
job_has(const struct pin__cell *c, const char *type)
{
	pin_node n, list = pin__cell_at(c, "status.conditions");

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__str_is(pin__cell_member(c, n, "type"), type))
			return (pin__str_is(pin__cell_member(c, n, "status"),
			    "True"));
	}
	return (false);
}

void
pin__cell_job_status(struct pin__cell *c)
{
	static const char *const rest[] = {
		"Suspended", "FailureTarget", "SuccessCriteriaMet"
	};
	const char *word = "Running";
	size_t i;

	if (job_has(c, "Complete")) {
		word = "Complete";
	} else if (job_has(c, "Failed")) {
		word = "Failed";
	} else if (pin__cell_at(c, "metadata.deletionTimestamp") != 0) {
		word = "Terminating";
	} else {
		for (i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
			if (job_has(c, rest[i])) {
				word = rest[i];
				break;
			}
		}
	}
	pin__cell_word(c, word);
}

void
pin__cell_job_completions(struct pin__cell *c)
{
	int64_t want, wide;

	pin_out_char(c->out, '"');
	pin__cell_num(c, pin__cell_int(c, c->root, "status.succeeded"));
	pin_out_char(c->out, '/');
	if (pin_obj_i64(c->obj, pin__cell_at(c, "spec.completions"), &want)) {
		pin__cell_num(c, want);
	} else {
		wide = pin__cell_int(c, c->root, "spec.parallelism");
		pin_out_char(c->out, '1');
		if (wide > 1) {
			pin_out_cstr(c->out, " of ");
			pin__cell_num(c, wide);
		}
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_job_duration(struct pin__cell *c)
{
	pin_node start = pin__cell_at(c, "status.startTime");
	pin_node end = pin__cell_at(c, "status.completionTime");

	pin_out_char(c->out, '"');
	if (start != 0)
		pin__cell_span(c, (end == 0 ? c->now_s :
		    pin__cell_time(c, end)) - pin__cell_time(c, start));
	pin_out_char(c->out, '"');
}

/* The group of "apps/v1", nothing of "v1". */
static struct pin_str
group_of(struct pin_str version)
{
	const char *slash = version.len == 0 ? NULL :
	    memchr(version.p, '/', version.len);

	version.len = slash == NULL ? 0 : (size_t)(slash - version.p);
	return (version);
}

void
pin__cell_revision_owner(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "metadata.ownerReferences");
	struct pin_str kind, group;

	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (pin__cell_true(c, n, "controller"))
			break;
	}
	if (n == 0) {
		pin__cell_word(c, "<none>");
		return;
	}
	kind = pin__cell_member(c, n, "kind");
	group = group_of(pin__cell_member(c, n, "apiVersion"));
	pin_out_char(c->out, '"');
	pin__cell_lower(c, kind);
	if (group.len != 0) {
		pin_out_char(c->out, '.');
		pin__cell_lower(c, group);
	}
	if (kind.len + group.len != 0)
		pin_out_char(c->out, '/');
	pin__cell_put(c, pin__cell_member(c, n, "name"));
	pin_out_char(c->out, '"');
}

void
pin__cell_data_count(struct pin__cell *c)
{
	pin_out_u64(c->out,
	    (uint64_t)pin_obj_count(c->obj, pin__cell_at(c, "data")) +
	    pin_obj_count(c->obj, pin__cell_at(c, "binaryData")));
}

/* ---- component statuses ---------------------------------------------- */

static pin_node
healthy(const struct pin__cell *c)
{
	pin_node n = pin_obj_first(c->obj, pin__cell_at(c, "conditions"));

	while (n != 0 && !pin__str_is(pin__cell_member(c, n, "type"),
	    "Healthy"))
		n = pin_obj_next(c->obj, n);
	return (n);
}

void
pin__cell_component_status(struct pin__cell *c)
{
	pin_node n = healthy(c);

	pin__cell_word(c, n == 0 ? "Unknown" :
	    pin__str_is(pin__cell_member(c, n, "status"), "True") ?
	    "Healthy" : "Unhealthy");
}

void
pin__cell_component_message(struct pin__cell *c)
{
	pin__cell_quote(c, pin__cell_member(c, healthy(c), "message"));
}

void
pin__cell_component_error(struct pin__cell *c)
{
	pin__cell_quote(c, pin__cell_member(c, healthy(c), "error"));
}

/* ---- quotas ---------------------------------------------------------- */

static bool
is_limit(struct pin_str name)
{
	return (name.len >= 7 && memcmp(name.p, "limits.", 7) == 0);
}

static void
put_quota(struct pin__cell *c, bool limits)
{
	struct pin__sorted s;
	struct pin_str key, used;
	pin_node map = pin__cell_at(c, "status.used");
	uint32_t i;
	bool first = true;

	pin__sorted_map(c, &s, pin__cell_at(c, "status.hard"));
	pin_out_char(c->out, '"');
	for (i = 0; i < s.n; i++) {
		key = s.items[i].key;
		if (is_limit(key) != limits)
			continue;
		if (!first)
			pin_out_cstr(c->out, ", ");
		first = false;
		pin__cell_put(c, key);
		pin_out_cstr(c->out, ": ");
		used = pin_obj_str(c->obj, pin_obj_getn(c->obj, map, key.p,
		    key.len));
		pin__cell_put(c, used.len != 0 ? used : PIN_STR("0"));
		pin_out_char(c->out, '/');
		pin__cell_node(c, s.items[i].node);
	}
	pin_out_char(c->out, '"');
	pin__sorted_fini(&s);
}

void
pin__cell_quota_request(struct pin__cell *c)
{
	put_quota(c, false);
}

void
pin__cell_quota_limit(struct pin__cell *c)
{
	put_quota(c, true);
}

/* ---- events, in either group ----------------------------------------- */

/* A member by its name in core, else in events.k8s.io. */
static pin_node
either(const struct pin__cell *c, const char *core, const char *events)
{
	pin_node n = pin__cell_at(c, core);

	return (n != 0 ? n : pin__cell_at(c, events));
}

static int64_t
first_seen(const struct pin__cell *c)
{
	int64_t t;

	t = pin__cell_time(c, either(c, "firstTimestamp",
	    "deprecatedFirstTimestamp"));
	if (t == PIN_TIME_ZERO)
		t = pin__cell_time(c, pin__cell_at(c, "eventTime"));
	return (t);
}

void
pin__cell_event_first_seen(struct pin__cell *c)
{
	pin_out_char(c->out, '"');
	pin__cell_since(c, first_seen(c));
	pin_out_char(c->out, '"');
}

void
pin__cell_event_last_seen(struct pin__cell *c)
{
	pin_node series = pin__cell_at(c, "series");
	int64_t t;

	if (series != 0) {
		t = pin__cell_time(c, pin__cell_from(c, series,
		    "lastObservedTime"));
	} else {
		t = pin__cell_time(c, either(c, "lastTimestamp",
		    "deprecatedLastTimestamp"));
		if (t == PIN_TIME_ZERO)
			t = first_seen(c);
	}
	pin_out_char(c->out, '"');
	pin__cell_since(c, t);
	pin_out_char(c->out, '"');
}

void
pin__cell_event_object(struct pin__cell *c)
{
	pin_node ref = pin__cell_at(c, c->arg);
	struct pin_str name = pin__cell_member(c, ref, "name");

	pin_out_char(c->out, '"');
	pin__cell_lower(c, pin__cell_member(c, ref, "kind"));
	if (name.len != 0) {
		pin_out_char(c->out, '/');
		pin__cell_put(c, name);
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_event_source(struct pin__cell *c)
{
	pin_node source = either(c, "source", "deprecatedSource");
	struct pin_str who, where;

	who = pin__cell_member(c, source, "component");
	if (who.len == 0)
		who = pin_obj_str(c->obj, either(c, "reportingComponent",
		    "reportingController"));
	where = pin__cell_member(c, source, "host");
	if (where.len == 0)
		where = pin__cell_text(c, "reportingInstance");
	pin_out_char(c->out, '"');
	pin__cell_put(c, who);
	if (where.len != 0) {
		pin_out_cstr(c->out, ", ");
		pin__cell_put(c, where);
	}
	pin_out_char(c->out, '"');
}

/* A series counts for itself, were it 0; a single event is one. */
void
pin__cell_event_count(struct pin__cell *c)
{
	pin_node series = pin__cell_at(c, "series");
	int64_t n = 0;

	if (series != 0) {
		n = pin__cell_int(c, series, "count");
	} else {
		(void)pin_obj_i64(c->obj, either(c, "count",
		    "deprecatedCount"), &n);
		if (n == 0)
			n = 1;
	}
	pin__cell_num(c, n);
}
