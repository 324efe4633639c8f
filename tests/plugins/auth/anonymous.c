/* SPDX-License-Identifier: BSD-2-Clause
 *
 * anonymous -- test plugin: knows everyone.
 * Thread: any. Contract: pintle/auth.h. */
#include <pintle/auth.h>

static pin_auth_authenticate_fn allow_authenticate;

static const struct pin_auth_ops allow_ops = {
	.size = sizeof(allow_ops),
	.authenticate = allow_authenticate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "anonymous", .version = "1.0",
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
