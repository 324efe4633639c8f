/* SPDX-License-Identifier: BSD-2-Clause
 *
 * webhook.c -- rules of MutatingWebhookConfiguration and
 * ValidatingWebhookConfiguration.
 * Front threads. Contract: upstream's pkg/apis/admissionregistration/
 * validation. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

#define TIMEOUT_MAX	30
#define URL_FORM	"; desired format: https://host[/path]"

/* What stands before "://" and between that and the next '/', '?' or '#'. */
static void
split(struct pin_str url, struct pin_str *scheme, struct pin_str *host,
    struct pin_str *rest)
{
	size_t i = 0, end;

	*scheme = *host = (struct pin_str){ "", 0 };
	*rest = url;
	while (i < url.len && strchr(":/?#", url.p[i]) == NULL)
		i++;
	if (i + 2 >= url.len || memcmp(url.p + i, "://", 3) != 0)
		return;
	*scheme = (struct pin_str){ url.p, i };
	for (end = i += 3; end < url.len; end++)
		if (strchr("/?#", url.p[end]) != NULL)
			break;
	*host = (struct pin_str){ url.p + i, end - i };
	*rest = (struct pin_str){ url.p + end, url.len - end };
}

static void
check_url(struct v *v, struct pin_str url)
{
	struct pin_str scheme, host, rest;
	const char *mark;

	split(url, &scheme, &host, &rest);
	if (!pin_str_is(scheme, "https"))
		v_bad_str(v, "url", scheme, "'https' is the only allowed URL "
		    "scheme" URL_FORM);
	if (host.len == 0)
		v_bad_str(v, "url", host, "host must be specified" URL_FORM);
	else if (memchr(host.p, '@', host.len) != NULL)
		v_bad_str(v, "url", host, "user information is not permitted "
		    "in the URL");
	if (rest.len > 0 && memchr(rest.p, '#', rest.len) != NULL)
		v_bad_str(v, "url", rest, "fragments are not permitted in the "
		    "URL");
	mark = rest.len > 0 ? memchr(rest.p, '?', rest.len) : NULL;
	if (mark != NULL)
		v_bad_str(v, "url", (struct pin_str){ mark + 1,
		    (size_t)(rest.p + rest.len - mark - 1) }, "query "
		    "parameters are not permitted in the URL");
}

static void
check_client(struct v *v, pin_node hook)
{
	pin_node config = v_get(v, hook, "clientConfig"), service;
	size_t back = v_in(v, "clientConfig"), deeper;

	service = v_get(v, config, "service");
	if (v_has(v, config, "url") == v_has(v, config, "service"))
		v_required(v, NULL, "exactly one of url or service is "
		    "required");
	else if (v_has(v, config, "url"))
		check_url(v, v_str(v, config, "url"));
	else {
		deeper = v_in(v, "service");
		/* Upstream hands the two over in the other order. */
		if (v_str(v, service, "name").len == 0)
			v_required(v, "namespace", "");
		if (v_str(v, service, "namespace").len == 0)
			v_required(v, "name", "");
		v_out(v, deeper);
	}
	v_out(v, back);
}

/* No item of these lists may be empty. */
static void
check_filled(struct v *v, pin_node rule, const char *member)
{
	size_t back = v_in(v, member), deeper;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, rule, member), n, i)
		if (pin_obj_type(v->o, n) == PIN_STRING &&
		    pin_obj_str(v->o, n).len == 0) {
			deeper = v_item(v, i);
			v_required(v, NULL, "");
			v_out(v, deeper);
		}
	v_out(v, back);
}

static void
check_rules(struct v *v, pin_node hook)
{
	size_t back = v_in(v, "rules"), deeper;
	pin_node rule;
	uint32_t i;

	V_EACH(v, v_get(v, hook, "rules"), rule, i) {
		deeper = v_item(v, i);
		check_filled(v, rule, "apiVersions");
		check_filled(v, rule, "resources");
		v_out(v, deeper);
	}
	v_out(v, back);
}

static void
check_versions(struct v *v, pin_node hook)
{
	pin_node list = v_get(v, hook, "admissionReviewVersions"), n;
	int known = 0;
	uint32_t i;

	V_EACH(v, list, n, i)
		known |= v_word(pin_obj_str(v->o, n), "v1 v1beta1");
	if (v_count(v, hook, "admissionReviewVersions") > 0 && !known)
		v_bad_node(v, "admissionReviewVersions", list, "must include "
		    "at least one of v1, v1beta1");
}

void
check_webhooks(struct v *v)
{
	size_t back = v_in(v, "webhooks"), deeper;
	pin_node hook;
	int64_t timeout;
	uint32_t i;

	V_EACH(v, v_get(v, pin_obj_root(v->o), "webhooks"), hook, i) {
		deeper = v_item(v, i);
		timeout = v_int(v, hook, "timeoutSeconds", 1);
		if (timeout < 1 || timeout > TIMEOUT_MAX)
			v_bad_int(v, "timeoutSeconds", timeout, "the timeout "
			    "value must be between 1 and %d seconds",
			    TIMEOUT_MAX);
		v_selector(v, "namespaceSelector", v_get(v, hook,
		    "namespaceSelector"));
		v_selector(v, "objectSelector", v_get(v, hook,
		    "objectSelector"));
		check_client(v, hook);
		check_rules(v, hook);
		check_versions(v, hook);
		v_out(v, deeper);
	}
	v_out(v, back);
}
