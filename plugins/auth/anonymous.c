/* SPDX-License-Identifier: BSD-2-Clause
 *
 * anonymous -- auth plugin: whoever shows no credential is system:anonymous.
 * Stateless. Front threads. Stands last in the chain.
 * Contract: pintle/auth.h; a bad bearer token is never anonymous. */
#include <pintle/auth.h>

static pin_auth_authenticate_fn anonymous_authenticate;

static const struct pin_auth_ops anonymous_ops = {
	.size = sizeof(anonymous_ops),
	.authenticate = anonymous_authenticate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "anonymous", .version = "1.0",
	.summary = "requests without a credential are system:anonymous",
	.ops = &anonymous_ops,
};

static const struct pin_str groups[] = {
	{ "system:unauthenticated", sizeof("system:unauthenticated") - 1 },
};

static int
anonymous_authenticate(void *self, struct pin_call *call,
    const struct pin_credentials *creds, struct pin_user *out)
{
	(void)self;
	(void)call;
	if (creds->bearer.len > 0)
		return (PIN_AUTHN_SKIP);
	out->name = PIN_STR("system:anonymous");
	out->groups = groups;
	out->ngroups = PIN_LEN(groups);
	return (PIN_AUTHN_YES);
}
