/* SPDX-License-Identifier: BSD-2-Clause
 *
 * strategy.c -- see strategy.h: the table, and what all kinds share.
 * Front loop. Contract: strategy.h. */
#include "core/apiserver/strategy.h"

#include <ctype.h>
#include <string.h>

#include "core/apiserver/meta.h"
#include "core/apiserver/service.h"
#include "core/api/bridge.h"

const struct strategy strategies[] = {
	{ .group = "", .resource = "pods", .create = pod_create,
	    .update = pod_update, .delete = pod_delete, .returns_object = 1 },
	{ .group = "", .resource = "namespaces", .create = namespace_create,
	    .update = namespace_update, .delete = namespace_delete,
	    .returns_object = 1 },
	{ .group = "", .resource = "services", .create = service_create,
	    .update = service_update, .release = service_release,
	    .returns_object = 1 },
	{ .group = "", .resource = "persistentvolumes", .returns_object = 1 },
	{ .group = "", .resource = "persistentvolumeclaims",
	    .returns_object = 1 },
	{ .group = "", .resource = "podtemplates", .returns_object = 1 },
	{ .group = "", .resource = "resourcequotas", .returns_object = 1 },
	{ .group = "", .resource = "serviceaccounts", .returns_object = 1 },
};
const uint32_t nstrategies = PIN_LEN(strategies);

static const struct strategy plain;

const struct strategy *
strategy_of(struct request *r)
{
	uint32_t i;

	for (i = 0; i < nstrategies; i++)
		if (pin_str_is(r->info.resource, strategies[i].resource) &&
		    pin_str_is(r->info.group, strategies[i].group))
			return (&strategies[i]);
	return (&plain);
}

void
strategy_scope(struct request *r)
{
	struct pin_str sub = r->info.subresource;

	if (pin_str_is(sub, "status") || pin_str_is(sub, "approval"))
		meta_keep(r, "status", 1);
	else if ((r->res->flags & PIN_RF_STATUS) != 0)
		meta_keep(r, "status", 0);
}

int
strategy_prepare(struct request *r)
{
	const struct strategy *st = strategy_of(r);
	pin_node root = pin_obj_root(r->obj);

	if (r->operation == PIN_OP_CREATE) {
		if ((r->res->flags & (PIN_RF_STATUS | PIN_RF_KEEPSTATUS)) ==
		    PIN_RF_STATUS)
			pin_obj_unset(r->obj, root, "status");
		return (st->create != NULL ? st->create(r) : PIN_OK);
	}
	return (st->update != NULL ? st->update(r) : PIN_OK);
}

void
strategy_release(struct request *r)
{
	const struct strategy *st;

	if (r->res == NULL || r->alloc == NULL)
		return;
	st = strategy_of(r);
	if (st->release != NULL)
		st->release(r);
	r->alloc = NULL;
}

int
strategy_may_vanish(struct request *r)
{
	pin_node spec = pin_obj_get(r->obj, pin_obj_root(r->obj), "spec");
	int64_t grace = 0;

	if (pin_str_is(r->info.resource, "namespaces") &&
	    r->info.group.len == 0)
		return (pin_obj_count(r->obj, pin_obj_get(r->obj, spec,
		    "finalizers")) == 0);
	if ((r->res->flags & PIN_RF_GRACE) != 0)
		return (pin_obj_i64(r->obj, pin_obj_get(r->obj,
		    meta_node(r->obj), "deletionGracePeriodSeconds"),
		    &grace) && grace == 0);
	return (1);
}

/* ---- names ---------------------------------------------------------- */

#define LABEL_MSG "a lowercase RFC 1123 label must consist of lower case "   \
	"alphanumeric characters or '-', and must start and end with an "    \
	"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used " \
	"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_MSG "a lowercase RFC 1123 subdomain must consist of lower "\
	"case alphanumeric characters, '-' or '.', and must start and end "  \
	"with an alphanumeric character (e.g. 'example.com', regex used for "\
	"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*"\
	"[a-z0-9])?)*')"
#define DNS1035_MSG "a DNS-1035 label must consist of lower case "	     \
	"alphanumeric characters or '-', start with an alphabetic "	     \
	"character, and end with an alphanumeric character (e.g. 'my-name',"\
	"  or 'abc-123', regex used for validation is "			     \
	"'[a-z]([-a-z0-9]*[a-z0-9])?')"

static int
alnum(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

/* Dot-separated labels, or one of them; a generated prefix may end in '-'. */
static int
dns_ok(struct pin_str s, int dots, int alpha_first, int prefix)
{
	size_t i;
	char prev = '.', c;

	if (prefix && s.len > 0 && s.p[s.len - 1] == '-')
		s.len--;
	if (s.len == 0 || (alpha_first && !isalpha((unsigned char)s.p[0])))
		return (0);
	for (i = 0; i < s.len; i++, prev = c) {
		c = s.p[i];
		if (c == '.' ? !dots || !alnum(prev) : c == '-' ?
		    prev == '.' : !alnum(c))
			return (0);
	}
	return (alnum(prev));
}

static const char *
name_error(uint32_t rule, struct pin_str s, int prefix)
{
	size_t i;

	switch (rule) {
	case PIN_NAME_LABEL:
		if (s.len > 63)
			return ("must be no more than 63 characters");
		return (dns_ok(s, 0, 0, prefix) ? NULL : LABEL_MSG);
	case PIN_NAME_LABEL1035:
		if (s.len > 63)
			return ("must be no more than 63 characters");
		return (dns_ok(s, 0, 1, prefix) ? NULL : DNS1035_MSG);
	case PIN_NAME_PATH:
		for (i = 0; i < s.len; i++)
			if (s.p[i] == '/' || s.p[i] == '%')
				return (s.p[i] == '/' ? "may not contain '/'" :
				    "may not contain '%'");
		return (pin_str_is(s, ".") ? "may not be '.'" :
		    pin_str_is(s, "..") ? "may not be '..'" : NULL);
	default:
		if (s.len > 253)
			return ("must be no more than 253 characters");
		return (dns_ok(s, 1, 0, prefix) ? NULL : SUBDOMAIN_MSG);
	}
}

void
strategy_names(struct request *r, struct pin_causes *causes)
{
	struct pin_str name = meta_str(r->obj, "name"),
	    base = meta_str(r->obj, "generateName");
	const char *why;

	if (r->operation != PIN_OP_CREATE)
		return;
	if (base.len > 0 && (why = name_error(r->res->name_rule, base, 1)) !=
	    NULL)
		pin_cause_add(causes, PIN_CAUSE_INVALID,
		    "metadata.generateName", base, "%s", why);
	if (name.len == 0)
		pin_cause_add(causes, PIN_CAUSE_REQUIRED, "metadata.name",
		    PIN_STR_NONE, "name or generateName is required");
	else if ((why = name_error(r->res->name_rule, name, 0)) != NULL)
		pin_cause_add(causes, PIN_CAUSE_INVALID, "metadata.name", name,
		    "%s", why);
}

int
strategy_strategic(struct request *r, struct pin_obj *doc,
    struct pin_obj *patch)
{
	const struct pin_bridge *b = r->srv->bridge;

	return (pin_strategic_patch(doc, patch, pin_bridge_merge(b),
	    pin_bridge_type(b, r->res->type), &r->err));
}
