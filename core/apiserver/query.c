/* SPDX-License-Identifier: BSD-2-Clause
 *
 * query.c -- the query parameters that all verbs share, one table.
 * Front loop. Contract: metav1 ListOptions, CreateOptions, UpdateOptions,
 * PatchOptions and DeleteOptions; an unknown parameter is ignored, a bad
 * value is a 400 that names it. */
#include "core/apiserver/apiserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q_STR, Q_INT, Q_BOOL, Q_TRI, Q_DRYRUN, Q_PRETTY };

#define MATCH		"resourceVersionMatch"
#define MANAGER_MAX	128

#define OPT(field)	offsetof(struct request_options, field)

static const struct {
	const char	*name;
	uint32_t	 type;
	size_t		 offset;
} params[] = {
	{ "labelSelector",	Q_STR,	OPT(label_selector) },
	{ "fieldSelector",	Q_STR,	OPT(field_selector) },
	{ "resourceVersion",	Q_STR,	OPT(resource_version) },
	{ "resourceVersionMatch", Q_STR, OPT(version_match) },
	{ "continue",		Q_STR,	OPT(continue_token) },
	{ "fieldManager",	Q_STR,	OPT(field_manager) },
	{ "fieldValidation",	Q_STR,	OPT(field_validation) },
	{ "propagationPolicy",	Q_STR,	OPT(propagation) },
	{ "limit",		Q_INT,	OPT(limit) },
	{ "timeoutSeconds",	Q_INT,	OPT(timeout_s) },
	{ "gracePeriodSeconds",	Q_INT,	OPT(grace_s) },
	{ "watch",		Q_BOOL,	OPT(watch) },
	{ "allowWatchBookmarks", Q_BOOL, OPT(bookmarks) },
	{ "force",		Q_TRI,	OPT(force) },
	{ "timeout",		Q_STR,	OPT(timeout) },
	{ "pretty",		Q_PRETTY, OPT(pretty) },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", Q_BOOL,
	    OPT(ignore_read_error) },
	{ "sendInitialEvents",	Q_TRI,	OPT(send_initial) },
	{ "orphanDependents",	Q_TRI,	OPT(orphan) },
	{ "dryRun",		Q_DRYRUN, OPT(dry_run) },
};

/* Go's strconv.ParseInt; NULL, or what is wrong. */
static const char *
parse_int(struct pin_str v, int64_t *out)
{
	size_t i = v.len > 0 && (v.p[0] == '-' || v.p[0] == '+');
	char text[24];

	if (i == v.len)
		return ("invalid syntax");
	for (; i < v.len; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return ("invalid syntax");
	if (v.len >= sizeof(text))
		return ("value out of range");
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	errno = 0;
	*out = strtoll(text, NULL, 10);
	return (errno == 0 ? NULL : "value out of range");
}

/* strconv.ParseBool with conversion's rule that "" and unknown are true, "0"
 * and "false" false. */
static uint32_t
parse_bool(struct pin_str v)
{
	return (!(pin_str_is(v, "0") || pin_str_is(v, "false")));
}

/* Go's strconv.ParseBool. */
static uint32_t
is_true(struct pin_str v)
{
	static const char *const words[] = { "1", "t", "T", "true", "TRUE",
	    "True" };
	size_t i;

	for (i = 0; i < PIN_LEN(words); i++)
		if (pin_str_is(v, words[i]))
			return (1);
	return (0);
}

/* Do people look at what this client shows? */
static uint32_t
for_eyes(struct request *r)
{
	static const char *const agents[] = { "curl", "Wget", "Mozilla/5.0" };
	struct pin_str a = exchange_header(r->ex, "User-Agent");
	size_t i;

	for (i = 0; i < PIN_LEN(agents); i++)
		if (a.len >= strlen(agents[i]) && memcmp(a.p, agents[i],
		    strlen(agents[i])) == 0)
			return (1);
	return (0);
}

/* All that were given, as the refusal of one shows them. */
void
query_dry_run(struct request *r, struct pin_str v)
{
	struct pin_str had = r->opt.dry_run_all;
	struct pin_out o;

	if (pin_str_is(v, "All"))
		r->opt.dry_run = 1;
	else
		r->opt.dry_run_bad = 1;
	pin_out_init(&o, r->arena, 64u << 10);
	pin_out_str(&o, had);
	pin_out_char(&o, had.len == 0 ? '[' : ',');
	pin_cause_quote(&o, v);
	r->opt.dry_run_all = (struct pin_str){ o.p, o.len };
}

/* A number that is none is said by the verb that reads it. */
static void
bad_int(struct request *r, uint32_t i, struct pin_str v, const char *why)
{
	struct pin_str *to = params[i].offset == OPT(grace_s) ?
	    &r->opt.bad_grace : &r->opt.bad_list;
	struct pin_out o;

	pin_out_init(&o, r->arena, 64u << 10);
	pin_out_printf(&o, "strconv.ParseInt: parsing \"" PIN_SFMT "\": %s",
	    PIN_SARG(v), why);
	*to = (struct pin_str){ o.p, o.len };
}

static void
set_param(struct request *r, uint32_t i, struct pin_str v)
{
	char *at = (char *)&r->opt + params[i].offset;
	const char *why;
	int64_t n;

	switch (params[i].type) {
	case Q_STR:
		*(struct pin_str *)(void *)at = v.len > 0 ? v : PIN_STR("");
		break;
	case Q_INT:
		why = parse_int(v, &n);
		if (why != NULL)
			bad_int(r, i, v, why);
		else
			*(int64_t *)(void *)at = n;
		break;
	case Q_BOOL:
		*(uint32_t *)(void *)at = parse_bool(v);
		break;
	case Q_PRETTY:
		if (v.len > 0)
			r->opt.pretty = is_true(v);
		break;
	case Q_TRI:
		*(int32_t *)(void *)at = (int32_t)parse_bool(v);
		break;
	default:
		query_dry_run(r, v);
		break;
	}
}

/* Go's time.ParseDuration: "1h2m", "1.5s", "-3ms", "0". */
static int
is_duration(struct pin_str v)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };
	size_t i = v.len > 0 && (v.p[0] == '-' || v.p[0] == '+'), from, k;

	if (v.len == 0 || (v.len == i + 1 && v.p[i] == '0'))
		return (1);
	for (; i < v.len; i += strlen(units[k])) {
		for (from = i; i < v.len && ((v.p[i] >= '0' &&
		    v.p[i] <= '9') || v.p[i] == '.'); i++)
			;
		for (k = 0; k < PIN_LEN(units); k++)
			if (strlen(units[k]) <= v.len - i && memcmp(v.p + i,
			    units[k], strlen(units[k])) == 0)
				break;
		if (i == from || k == PIN_LEN(units))
			return (0);
	}
	return (v.len > (size_t)(v.p[0] == '-' || v.p[0] == '+'));
}

int
request_query(struct request *r, struct pin_err *err)
{
	struct pin_str rest = r->ex->head.query, name, value;
	uint32_t i;

	r->opt.pretty = for_eyes(r);
	r->opt.timeout_s = r->opt.grace_s = -1;
	r->opt.send_initial = r->opt.orphan = r->opt.force = -1;
	while (query_next(r->arena, &rest, &name, &value))
		for (i = 0; i < PIN_LEN(params); i++) {
			if (!pin_str_is(name, params[i].name))
				continue;
			set_param(r, i, value);
			break;
		}
	if (!is_duration(r->opt.timeout))
		return (pin_err_set(err, PIN_EINVAL, "invalid timeout "
		    "specified in the request URL - time: invalid duration \""
		    PIN_SFMT "\"", PIN_SARG(r->opt.timeout)));
	if (r->opt.watch && pin_str_is(r->info.verb, "list"))
		r->info.verb = PIN_STR("watch");
	if (r->info.is_resource && r->opt.watch)
		r->info.verb_bit = pin_str_is(r->info.verb, "watch") ?
		    PIN_VERB_WATCH : r->info.verb_bit;
	return (PIN_OK);
}

/* ---- are they valid ------------------------------------------------- */

static void
check_list(struct request *r, const char *kind)
{
	const struct request_options *o = &r->opt;
	struct pin_str m = o->version_match;

	if (m.len > 0 && o->resource_version.len == 0)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, MATCH,
		    PIN_STR_NONE, "resourceVersionMatch is forbidden unless "
		    "resourceVersion is provided");
	if (m.len > 0 && o->continue_token.len > 0)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, MATCH,
		    PIN_STR_NONE, "resourceVersionMatch is forbidden when "
		    "continue is provided");
	if (m.len > 0 && !pin_str_is(m, "Exact") &&
	    !pin_str_is(m, "NotOlderThan"))
		request_refuse(r, kind, PIN_CAUSE_NOTSUPPORTED, MATCH,
		    request_quoted(r, m), "supported values: \"Exact\", "
		    "\"NotOlderThan\", \"\"");
	if (pin_str_is(m, "Exact") && pin_str_is(o->resource_version, "0"))
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, MATCH,
		    PIN_STR_NONE, "resourceVersionMatch \"exact\" is forbidden "
		    "for resourceVersion \"0\"");
	if (o->send_initial >= 0)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN,
		    "sendInitialEvents", PIN_STR_NONE, "sendInitialEvents is "
		    "forbidden for list");
}

static void
check_watch(struct request *r, const char *kind)
{
	const struct request_options *o = &r->opt;
	struct pin_str m = o->version_match;
	int newer = pin_str_is(m, "NotOlderThan");

	if (o->send_initial >= 0 && !newer)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, MATCH,
		    PIN_STR_NONE, "sendInitialEvents requires setting "
		    "resourceVersionMatch to NotOlderThan");
	if (m.len == 0)
		return;
	if (o->send_initial < 0)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, MATCH,
		    PIN_STR_NONE, "resourceVersionMatch is forbidden for watch"
		    " unless sendInitialEvents is provided");
	if (!newer)
		request_refuse(r, kind, PIN_CAUSE_NOTSUPPORTED, MATCH,
		    request_quoted(r, m), "supported values: \"NotOlderThan\"");
	if (o->continue_token.len > 0)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, MATCH,
		    PIN_STR_NONE, "resourceVersionMatch is forbidden when "
		    "continue is provided");
}

static void
check_manager(struct request *r, const char *kind)
{
	struct pin_str m = r->opt.field_manager;
	char text[96];
	size_t i;

	if (m.len > MANAGER_MAX) {
		snprintf(text, sizeof(text), "may not be more than %d bytes",
		    MANAGER_MAX);
		request_refuse(r, kind, PIN_CAUSE_TOOLONG, "fieldManager",
		    PIN_STR_NONE, text);
	}
	for (i = 0; i < m.len; i++)
		if ((unsigned char)m.p[i] < ' ' || m.p[i] == 0x7f) {
			snprintf(text, sizeof(text), "invalid character U+"
			    "%04X (at position %zu)", m.p[i], i);
			request_refuse(r, kind, PIN_CAUSE_INVALID,
			    "fieldManager", request_quoted(r, m), text);
		}
}

static void
check_patch(struct request *r, const char *kind)
{
	if (r->patch_kind != PATCH_APPLY && r->opt.force >= 0)
		request_refuse(r, kind, PIN_CAUSE_FORBIDDEN, "force",
		    PIN_STR_NONE, "may not be specified for non-apply patch");
	if (r->patch_kind == PATCH_APPLY && r->opt.field_manager.len == 0)
		request_refuse(r, kind, PIN_CAUSE_REQUIRED, "fieldManager",
		    PIN_STR_NONE, "is required for apply patch");
}

static void
check_validation(struct request *r, const char *kind)
{
	struct pin_str v = r->opt.field_validation;

	if (v.len > 0 && !pin_str_is(v, "Ignore") && !pin_str_is(v, "Strict") &&
	    !pin_str_is(v, "Warn"))
		request_refuse(r, kind, PIN_CAUSE_NOTSUPPORTED,
		    "fieldValidation", request_quoted(r, v), "supported "
		    "values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
}

static void
check_delete(struct request *r, const char *kind)
{
	struct pin_str p = r->opt.propagation;

	if (p.p == NULL)		/* an empty one is given, and wrong */
		return;
	if (r->opt.orphan >= 0)
		request_refuse(r, kind, PIN_CAUSE_INVALID, "propagationPolicy",
		    request_quoted(r, p), "orphanDependents and "
		    "deletionPropagation cannot be both set");
	if (!pin_str_is(p, "Foreground") && !pin_str_is(p, "Background") &&
	    !pin_str_is(p, "Orphan"))
		request_refuse(r, kind, PIN_CAUSE_NOTSUPPORTED,
		    "propagationPolicy", request_quoted(r, p), "supported "
		    "values: \"Foreground\", \"Background\", \"Orphan\", "
		    "\"nil\"");
}

int
query_check(struct request *r, const char *kind)
{
	struct pin_out o;

	if (*kind == 'L') {
		if (r->opt.bad_list.len > 0)
			return (pin_err_set(&r->err, PIN_EINVAL, PIN_SFMT,
			    PIN_SARG(r->opt.bad_list)));
		if (r->opt.watch)
			check_watch(r, kind);
		else
			check_list(r, kind);
		return (r->err.code);
	}
	if (*kind == 'P')
		check_patch(r, kind);
	if (*kind == 'D')
		check_delete(r, kind);
	else
		check_manager(r, kind);
	if (r->opt.dry_run_bad) {
		pin_out_init(&o, r->arena, 64u << 10);
		pin_out_str(&o, r->opt.dry_run_all);
		pin_out_char(&o, ']');
		request_refuse(r, kind, PIN_CAUSE_NOTSUPPORTED, "dryRun",
		    (struct pin_str){ o.p, o.len },
		    "supported values: \"All\"");
	}
	if (*kind != 'D')
		check_validation(r, kind);
	return (r->err.code);
}
