/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x509 -- auth plugin: a client certificate names its user (common name) and
 * groups (organizations).
 * Stateless: the host has verified chain, time and usage. Front threads.
 * Contract: pintle/auth.h. */
#include <pintle/auth.h>

static pin_open_fn x509_open;
static pin_close_fn x509_close;
static pin_auth_authenticate_fn x509_authenticate;

static const struct pin_auth_ops x509_ops = {
	.size = sizeof(x509_ops),
	.authenticate = x509_authenticate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "x509", .version = "1.0",
	.summary = "users by client certificate: CN is the name, O the groups",
	.ops = &x509_ops,
	.open = x509_open, .close = x509_close,
};

static int
x509_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)env;
	(void)conf;
	(void)self;
	(void)err;
	return (PIN_OK);
}

static void
x509_close(void *self)
{
	(void)self;
}

static int
x509_authenticate(void *self, struct pin_call *call,
    const struct pin_credentials *creds, struct pin_user *out)
{
	(void)self;
	if (!creds->has_cert)
		return (PIN_AUTHN_SKIP);
	if (creds->cert_cn.len == 0) {
		(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH,
		    "the client certificate has no common name");
		return (PIN_AUTHN_NO);
	}
	if (creds->ncert_orgs > PIN_AUTH_GROUPS_MAX) {
		(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH,
		    "the client certificate has more than %u organizations",
		    PIN_AUTH_GROUPS_MAX);
		return (PIN_AUTHN_NO);
	}
	out->name = creds->cert_cn;
	out->groups = creds->cert_orgs;
	out->ngroups = creds->ncert_orgs;
	return (PIN_AUTHN_YES);
}
