/* SPDX-License-Identifier: BSD-2-Clause
 *
 * always-allow -- auth plugin: everybody may do everything. For trying
 * things out; the host switches `anonymous` off beside it and says so.
 * Stateless. Front threads.
 * Contract: pintle/auth.h. */
#include <pintle/auth.h>

static pin_auth_authorize_fn allow_authorize;
static pin_auth_rules_fn allow_rules;

static const struct pin_auth_ops allow_ops = {
	.size = sizeof(allow_ops),
	.authorize = allow_authorize,
	.rules = allow_rules,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "always-allow", .version = "1.0",
	.summary = "allows every request",
	.ops = &allow_ops,
};

static int
allow_authorize(void *self, struct pin_call *call,
    const struct pin_user *user, const struct pin_attributes *attributes)
{
	(void)self;
	(void)call;
	(void)user;
	(void)attributes;
	return (PIN_AUTHZ_ALLOW);
}

static int
allow_rules(void *self, struct pin_call *call, const struct pin_user *user,
    struct pin_str namespace, pin_auth_rule_fn *emit, void *arg)
{
	static const struct pin_str all = { "*", 1 };
	struct pin_rule rule = { .size = sizeof(rule), .verbs = &all,
	    .groups = &all, .resources = &all, .nverbs = 1, .ngroups = 1,
	    .nresources = 1 };
	struct pin_rule paths = { .size = sizeof(paths), .verbs = &all,
	    .paths = &all, .nverbs = 1, .npaths = 1 };

	(void)self;
	(void)call;
	(void)user;
	(void)namespace;
	emit(arg, &rule);
	emit(arg, &paths);
	return (PIN_OK);
}
