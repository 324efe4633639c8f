/* SPDX-License-Identifier: BSD-2-Clause
 *
 * allow -- test plugin: knows everyone and allows everything.
 * Thread: any. Contract: pintle/auth.h. */
#include <pintle/auth.h>

static pin_auth_authenticate_fn allow_authenticate;
static pin_auth_authorize_fn allow_authorize;

static const struct pin_auth_ops allow_ops = {
	.size = sizeof(allow_ops),
	.authenticate = allow_authenticate,
	.authorize = allow_authorize,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "allow", .version = "1.0",
	.summary = "no questions asked, for tests",
	.ops = &allow_ops,
};

static int
allow_authenticate(void *self, struct pin_call *call,
    const struct pin_credentials *creds, struct pin_user *out)
{
	(void)self;
	(void)call;
	(void)creds;
	out->name = PIN_STR("somebody");
	return (PIN_AUTHN_YES);
}

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
