/* SPDX-License-Identifier: BSD-2-Clause
 *
 * batch.c -- Jobs and CronJobs: completions, policies, what of a Job may
 * change.
 * Front threads. Contract: upstream's batch validation. */
#include "plugins/validation/builtin/builtin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PARALLEL_MAX		100000	/* of an indexed job */
#define FAILED_MAX		100000
#define MANY_COMPLETIONS	100000
#define MANY_PARALLEL		10000
#define MANY_FAILED		10000
#define RULES_MAX		20
#define CODES_MAX		255
#define MANAGED_BY_MAX		63
#define CRON_NAME_MAX		52	/* a timestamp is appended */

static void
too_many(struct v *v, const char *member, uint32_t n, uint32_t max)
{
	char value[16];
	size_t back = v_in(v, member);

	snprintf(value, sizeof(value), "%" PRIu32, n);
	pin_cause_add(v->causes, PIN_CAUSE_TOOMANY, v->path, pin_str(value),
	    "must have at most %" PRIu32 " items", max);
	v_out(v, back);
}

/* ---- how often and how many -------------------------------------------- */

static void
indexed(struct v *v, pin_node spec)
{
	int64_t parallel = v_int(v, spec, "parallelism", 0), n,
	    failed = v_int(v, spec, "maxFailedIndexes", 0);
	int has_failed = v_has(v, spec, "maxFailedIndexes");

	if (!pin_obj_i64(v->o, v_get(v, spec, "completions"), &n)) {
		v_required(v, "completions", "when completion mode is "
		    "Indexed");
		n = 0;
	} else if (has_failed && failed > n) {
		v_bad_int(v, "maxFailedIndexes", failed, "must be less than or"
		    " equal to completions");
	}
	if (parallel > PARALLEL_MAX)
		v_bad_int(v, "parallelism", parallel, "must be less than or "
		    "equal to %d when completion mode is Indexed",
		    PARALLEL_MAX);
	if (failed > FAILED_MAX)
		v_bad_int(v, "maxFailedIndexes", failed, "must be less than or"
		    " equal to %d", FAILED_MAX);
	if (n <= MANY_COMPLETIONS || !v_has(v, spec, "backoffLimitPerIndex"))
		return;
	if (!has_failed)
		v_required(v, "maxFailedIndexes", "must be specified when "
		    "completions is above 100000");
	if (parallel > MANY_PARALLEL)
		v_bad_int(v, "parallelism", parallel, "must be less than or "
		    "equal to %d when completions are above %d and used with "
		    "backoff limit per index", MANY_PARALLEL,
		    MANY_COMPLETIONS);
	if (failed > MANY_FAILED)
		v_bad_int(v, "maxFailedIndexes", failed, "must be less than or"
		    " equal to %d when completions are above %d and used with "
		    "backoff limit per index", MANY_FAILED, MANY_COMPLETIONS);
}

static void
not_indexed(struct v *v, pin_node spec)
{
	static const char *const only[] = { "backoffLimitPerIndex",
	    "maxFailedIndexes" };
	size_t i;

	for (i = 0; i < PIN_LEN(only); i++)
		if (v_has(v, spec, only[i]))
			v_bad_int(v, only[i], v_int(v, spec, only[i], 0),
			    "requires indexed completion mode");
}

static void
managed_by(struct v *v, pin_node spec)
{
	struct pin_str s = v_str(v, spec, "managedBy"), domain, path;
	const char *slash = s.len > 0 ? memchr(s.p, '/', s.len) : NULL;

	if (!v_has(v, spec, "managedBy"))
		return;
	if (s.len == 0) {
		v_required(v, "managedBy", NULL);
	} else if (slash == NULL || slash == s.p ||
	    slash + 1 == s.p + s.len) {
		v_bad_str(v, "managedBy", s, "must be a domain-prefixed path "
		    "(such as \"acme.io/foo\")");
	} else {
		domain = (struct pin_str){ s.p, (size_t)(slash - s.p) };
		path = (struct pin_str){ slash + 1, s.len - domain.len - 1 };
		v_format(v, "managedBy", domain, "dns1123-subdomain");
		(void)path;
	}
	if (s.len > MANAGED_BY_MAX)
		v_toolong(v, "managedBy", MANAGED_BY_MAX);
}

/* ---- pod failure policy ------------------------------------------------ */

static void
exit_codes(struct v *v, pin_node e, const struct v_set *containers)
{
	pin_node list = v_get(v, e, "values"), n;
	struct pin_str name = v_str(v, e, "containerName");
	int64_t value = 0, prev = 0;
	size_t back, item;
	uint32_t i;
	int ordered = 1;

	if (v_has(v, e, "containerName") && !v_set_get(containers, name,
	    NULL))
		v_bad_str(v, "containerName", name, "must be one of the "
		    "container or initContainer names in the pod template");
	if (pin_obj_count(v->o, list) == 0)
		v_bad_node(v, "values", list, "at least one value is "
		    "required");
	else if (pin_obj_count(v->o, list) > CODES_MAX)
		too_many(v, "values", pin_obj_count(v->o, list), CODES_MAX);
	back = v_in(v, "values");
	V_EACH(v, list, n, i) {
		(void)pin_obj_i64(v->o, n, &value);
		item = v_item(v, i);
		if (value == 0 && v_is(v, e, "operator", "In"))
			v_bad_int(v, NULL, value, "must not be 0 for the In "
			    "operator");
		v_out(v, item);
		ordered &= i == 0 || prev <= value;
		prev = value;
	}
	v_out(v, back);
	if (!ordered)
		v_bad_node(v, "values", list, "must be ordered");
}

static void
failure_rule(struct v *v, pin_node rule, pin_node spec,
    const struct v_set *containers)
{
	int codes = v_has(v, rule, "onExitCodes");
	uint32_t conditions = v_count(v, rule, "onPodConditions");
	size_t back;

	if (v_is(v, rule, "action", "FailIndex") &&
	    !v_has(v, spec, "backoffLimitPerIndex"))
		v_bad_str(v, "action", v_str(v, rule, "action"), "requires the"
		    " backoffLimitPerIndex to be set");
	if (codes) {
		back = v_in(v, "onExitCodes");
		exit_codes(v, v_get(v, rule, "onExitCodes"), containers);
		v_out(v, back);
	}
	if (conditions > RULES_MAX)
		too_many(v, "onPodConditions", conditions, RULES_MAX);
	if (codes && conditions > 0)
		v_bad_text(v, NULL, PIN_STR_NONE, "specifying both OnExitCodes"
		    " and OnPodConditions is not supported");
	if (!codes && conditions == 0)
		v_bad_text(v, NULL, PIN_STR_NONE, "specifying one of "
		    "OnExitCodes and OnPodConditions is required");
}

static void
failure_policy(struct v *v, pin_node spec)
{
	static const char *const lists[] = { "containers", "initContainers" };
	pin_node rules = v_get(v, v_get(v, spec, "podFailurePolicy"), "rules"),
	    pod = pin_obj_at(v->o, spec, "template", "spec", NULL), n;
	struct v_set names = { 0 };
	size_t back, item, k;
	uint32_t i;

	if (!v_has(v, spec, "podFailurePolicy"))
		return;
	back = v_in(v, "podFailurePolicy");
	if (pin_obj_count(v->o, rules) > RULES_MAX)
		too_many(v, "rules", pin_obj_count(v->o, rules), RULES_MAX);
	for (k = 0; k < PIN_LEN(lists); k++)
		V_EACH(v, v_get(v, pod, lists[k]), n, i)
			(void)v_set_add(&names, v_str(v, n, "name"), n);
	(void)v_in(v, "rules");
	V_EACH(v, rules, n, i) {
		item = v_item(v, i);
		failure_rule(v, n, spec, &names);
		v_out(v, item);
	}
	v_set_free(&names);
	v_out(v, back);
}

/* ---- success policy ---------------------------------------------------- */

static int
index_of(struct pin_str s, int64_t *out)
{
	size_t i;

	*out = 0;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (0);
		if (*out < INT32_MAX)
			*out = *out * 10 + (s.p[i] - '0');
	}
	return (s.len > 0);
}

/* "1,3-5": how many, or -1 with why. */
static int64_t
indexes(struct pin_str s, int64_t max, char *why, size_t size)
{
	int64_t total = 0, last = -1, from, to;
	struct pin_str part, a, b;
	const char *comma, *dash;

	while (s.len > 0) {
		comma = memchr(s.p, ',', s.len);
		part = (struct pin_str){ s.p, comma != NULL ?
		    (size_t)(comma - s.p) : s.len };
		s.p += part.len + (comma != NULL);
		s.len -= part.len + (comma != NULL);
		dash = memchr(part.p, '-', part.len);
		a = (struct pin_str){ part.p, dash != NULL ?
		    (size_t)(dash - part.p) : part.len };
		b = dash != NULL ? (struct pin_str){ dash + 1,
		    part.len - a.len - 1 } : a;
		if (!index_of(a, &from) || !index_of(b, &to)) {
			snprintf(why, size, "cannot convert string to integer "
			    "for index: \"" PIN_SFMT "\"",
			    PIN_SARG(index_of(a, &from) ? b : a));
			return (-1);
		}
		if (from >= max || to >= max) {
			snprintf(why, size, "too large index: \"" PIN_SFMT
			    "\"", PIN_SARG(from >= max ? a : b));
			return (-1);
		}
		if (from <= last || (dash != NULL && to <= from)) {
			snprintf(why, size, "non-increasing order, previous: "
			    "%" PRId64 ", current: %" PRId64, from <= last ?
			    last : from, from <= last ? from : to);
			return (-1);
		}
		total += to - from + 1;
		last = to;
	}
	return (total);
}

static void
success_rule(struct v *v, pin_node rule, int64_t completions)
{
	struct pin_str s = v_str(v, rule, "succeededIndexes");
	int has = v_has(v, rule, "succeededIndexes");
	int64_t total = 0, count;
	char why[512];

	if (!has && !v_has(v, rule, "succeededCount"))
		v_required(v, NULL, "at least one of succeededCount or "
		    "succeededIndexes must be specified");
	if (s.len > 65536)
		v_toolong(v, "succeededIndexes", 65536);
	if (has) {
		total = indexes(s, completions, why, sizeof(why));
		if (total < 0)
			v_bad_str(v, "succeededIndexes", s, "error parsing "
			    "succeededIndexes: %s", why);
	}
	if (!pin_obj_i64(v->o, v_get(v, rule, "succeededCount"), &count))
		return;
	if (count > completions)
		v_bad_int(v, "succeededCount", count, "must be less than or "
		    "equal to %" PRId64 " (the number of specified "
		    "completions)", completions);
	if (has && count > (total > 0 ? total : 0))
		v_bad_int(v, "succeededCount", count, "must be less than or "
		    "equal to %" PRId64 " (the number of indexes in the "
		    "specified succeededIndexes field)", total > 0 ? total :
		    0);
}

static void
success_policy(struct v *v, pin_node spec, int is_indexed)
{
	pin_node policy = v_get(v, spec, "successPolicy"),
	    rules = v_get(v, policy, "rules"), n;
	int64_t completions = v_int(v, spec, "completions", 0);
	size_t back, item;
	uint32_t i;

	if (!v_has(v, spec, "successPolicy"))
		return;
	if (!is_indexed) {
		v_bad_node(v, "successPolicy", policy, "requires indexed "
		    "completion mode");
		return;
	}
	back = v_in(v, "successPolicy");
	if (pin_obj_count(v->o, rules) > RULES_MAX)
		too_many(v, "rules", pin_obj_count(v->o, rules), RULES_MAX);
	(void)v_in(v, "rules");
	V_EACH(v, rules, n, i) {
		item = v_item(v, i);
		success_rule(v, n, completions);
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- template ---------------------------------------------------------- */

static void
ends(struct v *v, pin_node spec)
{
	struct pin_str policy = pin_obj_str(v->o, pin_obj_at(v->o, spec,
	    "template", "spec", "restartPolicy", NULL)), replace;
	size_t back = v_in(v, "template.spec");

	if (policy.len == 0 || pin_str_is(policy, "Always"))
		v_required(v, "restartPolicy", "valid values: \"OnFailure\", "
		    "\"Never\"");
	else if (v_has(v, spec, "podFailurePolicy") &&
	    !pin_str_is(policy, "Never"))
		v_bad_str(v, "restartPolicy", policy, "only \"Never\" is "
		    "supported when podFailurePolicy is specified");
	v_out(v, back);
	replace = v_str(v, spec, "podReplacementPolicy");
	if (v_has(v, spec, "podFailurePolicy") && replace.len > 0 &&
	    !pin_str_is(replace, "Failed"))
		v_unsupported(v, "podReplacementPolicy", replace, "Failed");
}

/* What may change while the Job has not begun, and what never. */
static void
template_fixed(struct v *v, pin_node spec, pin_node was)
{
	static const char lax[] = "affinity nodeSelector tolerations "
	    "schedulingGates";
	pin_node t = v_get(v, spec, "template"),
	    ot = pin_obj_get(v->old, was, "template"), st;
	int begun;

	st = pin_obj_at(v->old, pin_obj_root(v->old), "status", "startTime",
	    NULL);
	begun = pin_obj_type(v->old, st) == PIN_STRING ||
	    !pin_obj_true(v->old, pin_obj_get(v->old, was, "suspend"));
	if (begun ? v_same(v, t, ot) :
	    v_same_but(v, v_get(v, t, "spec"), pin_obj_get(v->old, ot,
	    "spec"), lax) && v_same_but(v, v_get(v, v_get(v, t, "spec"),
	    "affinity"), pin_obj_at(v->old, ot, "spec", "affinity", NULL),
	    "nodeAffinity") && v_same_but(v, v_get(v, t, "metadata"),
	    pin_obj_get(v->old, ot, "metadata"), "annotations labels"))
		return;
	v_immutable(v, "template", t);
}

static void
completions_fixed(struct v *v, pin_node spec, pin_node was)
{
	pin_node n = v_get(v, spec, "completions");
	int64_t now, parallel;

	if (v_kept(v, spec, was, "completions"))
		return;
	if (!v_is(v, spec, "completionMode", "Indexed") ||
	    !v_has(v, spec, "completions")) {
		v_immutable(v, "completions", n);
		return;
	}
	now = v_int(v, spec, "completions", 0);
	parallel = v_int(v, spec, "parallelism", 1);
	if (now != parallel)
		v_bad_int(v, "completions", now, "can only be modified in "
		    "tandem with spec.parallelism");
}

void
check_job_spec(struct v *v, pin_node spec, pin_node was, int cron)
{
	int is_indexed = v_is(v, spec, "completionMode", "Indexed");
	pin_node t = v_get(v, spec, "template"),
	    selector = v_get(v, spec, "selector");
	size_t back;

	if (v_has(v, spec, "maxFailedIndexes") &&
	    !v_has(v, spec, "backoffLimitPerIndex"))
		v_required(v, "backoffLimitPerIndex", "when maxFailedIndexes "
		    "is specified");
	managed_by(v, spec);
	if (is_indexed)
		indexed(v, spec);
	else
		not_indexed(v, spec);
	failure_policy(v, spec);
	success_policy(v, spec, is_indexed);
	back = v_in(v, "template");
	check_pod_template(v, t, 0);
	v_out(v, back);
	ends(v, spec);
	if (cron) {
		if (v_has(v, spec, "manualSelector"))
			v_unsupported(v, "manualSelector", v_true(v, spec,
			    "manualSelector") ? PIN_STR("true") :
			    PIN_STR("false"), "nil false");
		return;
	}
	v_selector(v, "selector", selector);
	if (v_has(v, spec, "selector") && selector_legal(v, selector) &&
	    !selector_matches(v, selector, v_get(v, v_get(v, t, "metadata"),
	    "labels"))) {
		back = v_in(v, "template.metadata");
		v_bad_node(v, "labels", v_get(v, v_get(v, t, "metadata"),
		    "labels"), "`selector` does not match template `labels`");
		v_out(v, back);
	}
	if (v->old != NULL) {
		completions_fixed(v, spec, was);
		template_fixed(v, spec, was);
		if (!v_kept(v, spec, was, "managedBy"))
			v_immutable(v, "managedBy", v_get(v, spec,
			    "managedBy"));
	}
}

void
check_job(struct v *v)
{
	pin_node root = pin_obj_root(v->o), spec = v_get(v, root, "spec");
	struct pin_str name = v_str(v, v_get(v, root, "metadata"), "name");
	int64_t n = v_int(v, spec, "completions", 0);
	char host[400];
	size_t back = v_in(v, "spec");

	check_job_spec(v, spec, v->old != NULL ? pin_obj_get(v->old,
	    pin_obj_root(v->old), "spec") : 0, 0);
	v_out(v, back);
	if (v->old != NULL || n <= 0 || !v_is(v, spec, "completionMode",
	    "Indexed"))
		return;
	snprintf(host, sizeof(host), PIN_SFMT "-%" PRId64, PIN_SARG(name),
	    n - 1);
	if (!text_is(pin_str(host), "dns1123-label"))
		v_bad_str(v, "metadata.name", name, "will not able to create "
		    "pod with invalid DNS label: %s", host);
}

/* ---- CronJob ----------------------------------------------------------- */

static int
zone_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || strchr("/_+-", c) != NULL);
}

/* The names of zones are the node's; here only what none can have. */
static void
time_zone(struct v *v, pin_node spec)
{
	struct pin_str zone = v_str(v, spec, "timeZone");
	size_t i;

	if (!v_has(v, spec, "timeZone"))
		return;
	if (zone.len == 0) {
		v_bad_str(v, "timeZone", PIN_STR(""), "timeZone must be nil or"
		    " non-empty string");
		return;
	}
	for (i = 0; i < zone.len && zone_char(zone.p[i]); i++)
		;
	if (pin_str_prefix(zone, "Local") && zone.len == 5)
		v_bad_str(v, "timeZone", zone, "timeZone must be an explicit "
		    "time zone as defined in https://www.iana.org/time-zones");
	else if (i < zone.len || zone.len > 64 || zone.p[0] == '/')
		v_bad_str(v, "timeZone", zone, "unknown time zone " PIN_SFMT,
		    PIN_SARG(zone));
}

static int
names_zone(struct pin_str s)
{
	size_t i;

	for (i = 0; i + 2 <= s.len; i++)
		if (memcmp(s.p + i, "TZ", 2) == 0)
			return (1);
	return (0);
}

static void
schedule(struct v *v, pin_node spec)
{
	struct pin_str s = v_str(v, spec, "schedule"), was = PIN_STR_NONE;
	char why[1024];

	if (s.len == 0)
		return;
	if (v->old != NULL)
		was = pin_obj_str(v->old, pin_obj_at(v->old,
		    pin_obj_root(v->old), "spec", "schedule", NULL));
	if (names_zone(s) && v_has(v, spec, "timeZone"))
		v_bad_str(v, "schedule", s, "cannot use both timeZone field "
		    "and TZ or CRON_TZ in schedule");
	else if (names_zone(s) && !names_zone(was))
		v_bad_str(v, "schedule", s, "cannot use TZ or CRON_TZ in "
		    "schedule, use timeZone field instead");
	else if (!cron_parse(s, why, sizeof(why)))
		v_bad_str(v, "schedule", s, "%s", why);
}

void
check_cronjob(struct v *v)
{
	pin_node root = pin_obj_root(v->o), spec = v_get(v, root, "spec"), t;
	struct pin_str name = v_str(v, v_get(v, root, "metadata"), "name");
	size_t back = v_in(v, "spec"), at;

	schedule(v, spec);
	time_zone(v, spec);
	t = v_get(v, spec, "jobTemplate");
	at = v_in(v, "jobTemplate.spec");
	check_job_spec(v, v_get(v, t, "spec"), 0, 1);
	v_out(v, at);
	v_out(v, back);
	if (v->old == NULL && name.len > CRON_NAME_MAX)
		v_bad_str(v, "metadata.name", name, "must be no more than %d "
		    "characters", CRON_NAME_MAX);
}
