/* SPDX-License-Identifier: BSD-2-Clause
 *
 * query.c -- the query parameters that all verbs share, one table.
 * Front loop. Contract: metav1 ListOptions, CreateOptions, UpdateOptions,
 * PatchOptions and DeleteOptions; an unknown parameter is ignored, a bad
 * value is a 400 that names it. */
#include "core/apiserver/request.h"

#include <stdlib.h>
#include <string.h>

enum { Q_STR, Q_INT, Q_BOOL, Q_TRI, Q_DRYRUN };

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
	{ "force",		Q_BOOL,	OPT(force) },
	{ "pretty",		Q_BOOL,	OPT(pretty) },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", Q_BOOL,
	    OPT(ignore_read_error) },
	{ "sendInitialEvents",	Q_TRI,	OPT(send_initial) },
	{ "orphanDependents",	Q_TRI,	OPT(orphan) },
	{ "dryRun",		Q_DRYRUN, OPT(dry_run) },
};

static int
parse_int(struct pin_str v, int64_t *out)
{
	char text[24], *end;

	if (v.len == 0 || v.len >= sizeof(text))
		return (PIN_EINVAL);
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	*out = strtoll(text, &end, 10);
	return (*end == '\0' ? PIN_OK : PIN_EINVAL);
}

/* strconv.ParseBool with conversion's rule that "" and unknown are true, "0"
 * and "false" false. */
static uint32_t
parse_bool(struct pin_str v)
{
	return (!(pin_str_is(v, "0") || pin_str_is(v, "false")));
}

static int
set_param(struct request *r, uint32_t i, struct pin_str v, struct pin_err *err)
{
	char *at = (char *)&r->opt + params[i].offset;
	int64_t n;

	switch (params[i].type) {
	case Q_STR:
		*(struct pin_str *)(void *)at = v;
		return (PIN_OK);
	case Q_INT:
		if (v.len == 0)
			return (PIN_OK);
		if (parse_int(v, &n) != PIN_OK)
			return (pin_err_set(err, PIN_EINVAL,
			    "strconv.ParseInt: parsing \"" PIN_SFMT
			    "\": invalid syntax", PIN_SARG(v)));
		*(int64_t *)(void *)at = n;
		return (PIN_OK);
	case Q_BOOL:
		*(uint32_t *)(void *)at = parse_bool(v);
		return (PIN_OK);
	case Q_TRI:
		*(int32_t *)(void *)at = (int32_t)parse_bool(v);
		return (PIN_OK);
	default:
		if (!pin_str_is(v, "All"))
			return (pin_err_set(err, PIN_EINVALID,
			    "dryRun: Unsupported value: \"" PIN_SFMT
			    "\": supported values: \"All\"", PIN_SARG(v)));
		r->opt.dry_run = 1;
		return (PIN_OK);
	}
}

int
request_query(struct request *r, struct pin_err *err)
{
	struct pin_str rest = r->ex->head.query, name, value;
	uint32_t i;
	int rc;

	r->opt.timeout_s = r->opt.grace_s = -1;
	r->opt.send_initial = r->opt.orphan = -1;
	while (query_next(r->arena, &rest, &name, &value))
		for (i = 0; i < PIN_LEN(params); i++) {
			if (!pin_str_is(name, params[i].name))
				continue;
			rc = set_param(r, i, value, err);
			if (rc != PIN_OK)
				return (rc);
			break;
		}
	if (r->opt.watch && pin_str_is(r->info.verb, "list"))
		r->info.verb = PIN_STR("watch");
	if (r->info.is_resource && r->opt.watch)
		r->info.verb_bit = pin_str_is(r->info.verb, "watch") ?
		    PIN_VERB_WATCH : r->info.verb_bit;
	return (PIN_OK);
}
